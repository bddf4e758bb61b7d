#!/bin/sh
# The example in examples/obelisk, against the fake Talon.One; the engine is killed between two attempts. What is missing is built or
# installed first: protoc from Debian's packages, and Obelisk from crates.io, which takes half an hour on two cores.
set -eu

cd "$(dirname "$0")/.."

say() { echo "obelisk: $*" >&2; }
fail() { say "$*"; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

tools=$PWD/target/tools
if ! command -v obelisk >/dev/null && [ ! -x "$tools/bin/obelisk" ]; then
    if ! command -v protoc >/dev/null; then
        command -v apt-get >/dev/null || fail "protoc is missing; install the protobuf compiler"
        say "installing protobuf-compiler"
        as_root apt-get update -qq >&2
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends protobuf-compiler >&2
    fi
    say "building Obelisk"
    # It waits for Talon.One, not for the processor: built in less time.
    CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=64 \
        CARGO_TARGET_DIR=$tools/build cargo install --quiet --locked obelisk --version '^0.38.3' --root "$tools"
fi

# As `make test` builds it: for one package alone, features would differ and everything be built again.
cargo test --quiet --locked --workspace --no-run
export HOST="${CARGO_TARGET_DIR:-$PWD/target}/debug/destination-host"
export PATH="$tools/bin:$PATH"
export PYTHONPATH="$PWD/tests/fake"
exec python3 tests/obelisk/test_obelisk.py
