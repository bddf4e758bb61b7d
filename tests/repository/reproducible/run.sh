#!/bin/sh
# Two builds of one commit in two folders give the same bytes: builds the plugin from a copy of the working tree's
# committed files in another folder, and compares it with target/component/talon-one-destination.wasm.
set -eu

cd "$(dirname "$0")/../../.."

. tests/repository/install.sh

component=target/component/talon-one-destination.wasm
command -v git >/dev/null || debian "git is missing; install it" git

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
git ls-files -z | tar --null --files-from=- --create | tar --extract --directory "$copy"
"$copy/guest/build.sh"

cmp "$component" "$copy/$component" || fail "the same sources gave other bytes in $copy"
say "$(sha256sum <"$component" | cut -d ' ' -f 1) from two folders"
