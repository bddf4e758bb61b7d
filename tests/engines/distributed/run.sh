#!/bin/sh
# The Python package in Spark and Dask: the examples in examples/spark and examples/dask on real clusters of two workers on this
# machine, against the fake Talon.One: run.sh [TEST…]. What is missing is installed first: Java from Debian's packages, the rest from
# PyPI into target/.
set -eu

cd "$(dirname "$0")/../../.."

. tests/repository/install.sh

java -version >/dev/null 2>&1 || debian "Java is missing; install version 17 or later" openjdk-17-jre-headless
# PySpark alone is 450 MB.
engines=$PWD/target/distributed
pypi "$engines" --editable 'host/python[spark,dask,pipe]'

build_host
export COMPONENT="$PWD/target/component/talon-one-destination.wasm"
export PATH="$engines/bin:$PATH"
export PYTHONPATH="$PWD/host/fake"
cd tests/engines/distributed
if [ $# -gt 0 ]; then exec python3 -m unittest --verbose "$@"; fi
exec python3 -m unittest discover --verbose
