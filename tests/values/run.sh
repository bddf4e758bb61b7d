#!/bin/sh
# Feeds every source with the extreme values of every type, written by another program, and compares what would be sent with what
# was meant. What is missing is installed first: pyarrow, DuckDB and the drivers from PyPI into target/, DuckDB's library from npm,
# PostgreSQL from Debian.
# tests/values/run.sh parquet csv: these parts alone.
set -eu

cd "$(dirname "$0")/../.."

. tests/repository/install.sh
. tests/databases/postgresql.sh

values=target/values
pypi "$values" 'pyarrow~=26.0' 'duckdb~=2.0'
need_node
npm_install tests/databases
export DUCKDB_DRIVER="$PWD/tests/databases/node_modules/@duckdb/node-bindings-linux-x64/libduckdb.so"
build_host
CSV_ROWS="$(dirname "$HOST")/examples/rows"
export CSV_ROWS
export PYTHONPATH="$PWD/host/fake"
start_postgresql
"$values/bin/python" tests/values/run.py "$@"
