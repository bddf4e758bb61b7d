#!/bin/sh
# The example in examples/obelisk, against the fake Talon.One; the engine is killed between two attempts. What is missing is built or
# installed first: protoc from Debian's packages, and Obelisk from crates.io, which takes half an hour on two cores.
set -eu

cd "$(dirname "$0")/../../.."

. tests/repository/install.sh

# Whether protoc is there, and the google/protobuf/*.proto that Obelisk's build includes: Debian has them in a package of their own.
has_protoc() {
    folder=$(mktemp -d)
    echo 'syntax = "proto3"; import "google/protobuf/duration.proto";' >"$folder/probe.proto"
    protoc --proto_path="$folder" --descriptor_set_out=/dev/null "$folder/probe.proto" 2>/dev/null && found=0 || found=1
    rm -r "$folder"
    return "$found"
}

if ! command -v obelisk >/dev/null && [ ! -x target/tools/bin/obelisk ]; then
    has_protoc || debian "protoc or its google/protobuf/*.proto is missing; install both" protobuf-compiler libprotobuf-dev
    # It waits for Talon.One, not for the processor: built in less time.
    (
        export CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=64
        cargo_install obelisk '^0.38.3'
    )
fi

need_python
build_host
export PATH="$PWD/target/tools/bin:$PATH"
export PYTHONPATH="$PWD/host/fake"
exec python3 tests/engines/obelisk/test_obelisk.py
