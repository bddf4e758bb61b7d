#!/bin/sh
# Every comparison side by side in one run: see README.md. What another language needs is installed first, into target/.
set -eu

cd "$(dirname "$0")/../.."

. tests/repository/install.sh

need_python
need_node
cargo build --locked --profile dist --package destination-host --package bench --bins
exec python3 tests/bench/measure.py
