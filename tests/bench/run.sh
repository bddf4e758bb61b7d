#!/bin/sh
# Every comparison side by side in one run: see README.md. What another language needs is installed first, into target/.
set -eu

cd "$(dirname "$0")/../.."

. tests/repository/install.sh

need_python
need_node
# The host by itself, so that it is the one of `make dist`.
cargo build --locked --profile dist --package destination-host
cargo build --locked --profile dist --package bench --bins
exec python3 tests/bench/measure.py
