#!/bin/sh
# What `make dist` made, as users get it: each package is installed from a local index into a clean folder, with no Rust, C compiler or
# checkout in reach, and runs the demo; then the component, pulled from a real registry: run.sh [TEST…]. What is missing is installed first:
# Debian's docker-registry, minisign and buildah, uv and oras from PyPI, TypeScript from npm, wkg from crates.io.
set -eu

cd "$(dirname "$0")/../../.."

. tests/repository/install.sh

venv=$PWD/target/packages-test/python
for command in docker-registry minisign buildah; do
    command -v $command >/dev/null || debian "$command is missing; install it" $command
done
command -v man >/dev/null || debian "man is missing; install it" man-db
need_python
need_node
pypi "$venv" 'uv~=0.9' 'oras~=0.2'
mkdir -p target/packages-test/node
cp tests/repository/packages/package.json target/packages-test/node/
npm_install target/packages-test/node
[ -x target/tools/bin/wkg ] || cargo_install wkg 0.16.1 --debug --config profile.dev.debug=false

key=$PWD/target/packages-test/minisign.key
if [ ! -e target/packages/SHA256SUMS.minisig ] || [ ! -e "$key" ]; then
    # The key of this test: a release has its own.
    [ -x target/tools/bin/rsign ] || cargo_install rsign2 0.6.7
    rm -f "$key" "$key.pub"
    target/tools/bin/rsign generate -W -p "$key.pub" -s "$key" >/dev/null
    SIGNING_KEY=$key host/dist/build.sh
fi

exec "$venv/bin/python" tests/repository/packages/packages.py "$@"
