#!/bin/sh
# Two builds of one commit in two folders give the same bytes: builds the plugin from a copy of the working tree's
# committed files in another folder, and compares it with target/component/talon-one-destination.wasm.
set -eu
cd "$(dirname "$0")/.."
component=target/component/talon-one-destination.wasm

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z | tar --null --files-from=- --create | tar --extract --directory "$copy"
"$copy/guest/build.sh"

if ! cmp "$component" "$copy/$component"; then
    echo "not reproducible: the same sources gave other bytes in $copy" >&2
    exit 1
fi
echo "reproducible: $(sha256sum <"$component" | cut -d ' ' -f 1) from two folders"
