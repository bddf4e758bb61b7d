#!/bin/sh
# The example in examples/obelisk, against the fake Talon.One; the engine is killed between two attempts. What is missing is built or
# installed first: protoc from Debian's packages, and Obelisk from crates.io, which takes half an hour on two cores.
set -eu

cd "$(dirname "$0")/.."

. tests/install.sh

tools=$PWD/target/tools
if ! command -v obelisk >/dev/null && [ ! -x "$tools/bin/obelisk" ]; then
    command -v protoc >/dev/null || debian protobuf-compiler "protoc is missing; install the protobuf compiler"
    say "building Obelisk"
    # It waits for Talon.One, not for the processor: built in less time.
    CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=64 \
        CARGO_TARGET_DIR=$tools/build cargo install --quiet --locked obelisk --version '^0.38.3' --root "$tools"
fi

build_host
export PATH="$tools/bin:$PATH"
export PYTHONPATH="$PWD/tests/fake"
exec python3 tests/obelisk/test_obelisk.py
