#!/bin/sh
# The examples in examples/spark and examples/dask on real clusters of two workers on this machine, against the fake Talon.One:
# tests/distributed.sh [TEST…]. What is missing is installed first: Java from Debian's packages, the rest from PyPI into target/.
set -eu

cd "$(dirname "$0")/.."

. tests/install.sh

java -version >/dev/null 2>&1 || debian openjdk-17-jre-headless "Java is missing; install version 17 or later"
# PySpark alone is 450 MB.
engines=$PWD/target/distributed
pypi "$engines" 'pyspark~=4.3' 'pandas~=2.3' 'pyarrow~=26.0' 'wasmtime~=50.0' 'tomli-w~=1.2' 'dask[dataframe,distributed]~=2026.8'

build_host
export COMPONENT="$PWD/target/component/talon-one-destination.wasm"
export PATH="$engines/bin:$PATH"
export PYTHONPATH="$PWD/examples/python:$PWD/examples/spark:$PWD/tests/fake"
cd tests/distributed
if [ $# -gt 0 ]; then exec python -m unittest --verbose "$@"; fi
exec python -m unittest discover --verbose
