#!/bin/sh
# Syncs as assets in Dagster: the example in examples/dagster, materialized against the fake Talon.One: run.sh [TEST…]. Dagster is
# installed first where it is missing, from PyPI into target/.
set -eu

cd "$(dirname "$0")/../../.."

. tests/repository/install.sh

venv=$PWD/target/dagster
pypi "$venv" --editable 'host/runners[dagster]' 'mypy~=2.4'
(cd host/runners && "$venv/bin/mypy" src/destination_host_runners/dagster.py)
[ -n "${HOST:-}" ] || build_host

export PATH="$venv/bin:$PATH" PYTHONPATH="$PWD/host/fake" DAGSTER_DISABLE_TELEMETRY=yes
cd tests/engines/dagster
if [ $# -gt 0 ]; then exec python3 -m unittest --verbose "$@"; fi
exec python3 -m unittest discover --verbose
