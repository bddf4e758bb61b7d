#!/bin/sh
# The Python packages in host/python and host/runners: their types (mypy), their rules, and the columns of batches through the real plugin:
# run.sh [TEST…]. What is missing is installed first, from PyPI into target/. What needs Dagster or Airflow is in their suites.
set -eu

cd "$(dirname "$0")/../.."

. tests/repository/install.sh

venv=$PWD/target/python
pypi "$venv" 'host/python[arrow,spark,dask,pipe,dlt]' host/runners 'pytest~=9.0' 'hypothesis~=6.170' 'mypy~=2.4' 'pandas-stubs~=2.3'
# As users get it: built and installed, not read from the folder.
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --force-reinstall host/python host/runners
(cd host/python && "$venv/bin/mypy")
(cd host/runners && "$venv/bin/mypy" src/destination_host_runners/command.py src/destination_host_runners/report.py)

export COMPONENT="$PWD/target/component/talon-one-destination.wasm"
exec "$venv/bin/pytest" --quiet -p no:cacheprovider tests/python "$@"
