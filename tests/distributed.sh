#!/bin/sh
# The examples in examples/spark and examples/dask on real clusters of two workers on this machine, against the fake Talon.One:
# tests/distributed.sh [TEST…]. What is missing is installed first: Java from Debian's packages, the rest from PyPI into target/.
set -eu

cd "$(dirname "$0")/.."

say() { echo "distributed: $*" >&2; }
fail() { say "$*"; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

if ! java -version >/dev/null 2>&1; then
    command -v apt-get >/dev/null || fail "Java is missing; install version 17 or later"
    say "installing openjdk-17-jre-headless"
    as_root apt-get update -qq >&2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless >&2
fi

engines=$PWD/target/distributed
if [ ! -e "$engines/done" ]; then
    say "installing PySpark and Dask into target/distributed; PySpark alone is 450 MB"
    python3 -m venv "$engines"
    "$engines/bin/pip" install --quiet --disable-pip-version-check 'pyspark~=4.3' 'pandas~=2.3' 'pyarrow~=26.0' 'wasmtime~=50.0' \
        'tomli-w~=1.2' 'dask[dataframe,distributed]~=2026.8' >&2
    touch "$engines/done"
fi

# As `make test` builds it: for one package alone, features would differ and everything be built again.
cargo test --quiet --locked --workspace --no-run
export COMPONENT="$PWD/target/component/talon-one-destination.wasm"
export HOST="${CARGO_TARGET_DIR:-$PWD/target}/debug/destination-host"
export PATH="$engines/bin:$PATH"
export PYTHONPATH="$PWD/examples/python:$PWD/examples/spark:$PWD/tests/fake"
cd tests/distributed
if [ $# -gt 0 ]; then exec python -m unittest --verbose "$@"; fi
exec python -m unittest discover --verbose
