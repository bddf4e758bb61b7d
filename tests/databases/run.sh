#!/bin/sh
# Runs the tests of the databases: PostgreSQL's own server, SQLite and DuckDB, through the drivers that users install.
set -eu

cd "$(dirname "$0")/../.."

. tests/repository/install.sh
. tests/databases/postgresql.sh

# DuckDB's library is its driver; what it read and wrote is judged by the package for Python.
need_node
npm_install tests/databases
pypi target/duckdb 'duckdb~=1.5.2'
export TEST_DUCKDB_DRIVER="$PWD/tests/databases/node_modules/@duckdb/node-bindings-linux-x64/libduckdb.so"
export TEST_DUCKDB_PYTHON="$PWD/target/duckdb/bin/python"

start_postgresql
cargo test --locked --workspace --test e2e -- --ignored databases:: --nocapture
