#!/bin/sh
# Runs the tests of the database sources: PostgreSQL's own server and SQLite, both through the drivers that users install.
set -eu

cd "$(dirname "$0")/../.."

. tests/repository/install.sh
. tests/databases/postgresql.sh

start_postgresql
cargo test --locked --workspace --test e2e -- --ignored databases:: --nocapture
