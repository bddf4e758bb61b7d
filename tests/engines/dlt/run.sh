#!/bin/sh
# The Python package as a destination of dlt: the example in examples/dlt, and loads that fail, are killed or can't be delivered, against
# the fake Talon.One: run.sh [TEST…]. dlt is installed first where it is missing, from PyPI into target/.
set -eu

cd "$(dirname "$0")/../../.."

. tests/repository/install.sh

venv=$PWD/target/dlt
pypi "$venv" --editable 'host/python[dlt]'
[ -n "${HOST:-}" ] || build_host

export COMPONENT="$PWD/target/component/talon-one-destination.wasm"
export PATH="$venv/bin:$PATH" PYTHONPATH="$PWD/host/fake" RUNTIME__DLTHUB_TELEMETRY=false
cd tests/engines/dlt
if [ $# -gt 0 ]; then exec python3 -m unittest --verbose "$@"; fi
exec python3 -m unittest discover --verbose
