#!/bin/sh
# The Python package in host/python: its types (mypy), its rules, and the columns of its batches through the real plugin: run.sh [TEST…].
# What is missing is installed first, from PyPI into target/.
set -eu

cd "$(dirname "$0")/../.."

. tests/repository/install.sh

venv=$PWD/target/python
pypi "$venv" 'host/python[arrow,spark,dask,pipe]' 'pytest~=9.0' 'hypothesis~=6.170' 'mypy~=2.4' 'pandas-stubs~=2.3'
# As users get it: built and installed, not read from the folder.
"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --force-reinstall host/python
(cd host/python && "$venv/bin/mypy")

export COMPONENT="$PWD/target/component/talon-one-destination.wasm"
exec "$venv/bin/pytest" --quiet -p no:cacheprovider tests/python "$@"
