#!/bin/sh
# The host and what it is built on, as crates that build by themselves: crates.sh WORK OUT. The component lies inside, so that
# `cargo install` needs no WebAssembly tools. In the repository these crates read files of other folders; a copy of them gets those files.
set -eu

cd "$(dirname "$0")/../.."
. tests/repository/install.sh

work=$1 out=$2
mkdir -p "$work"
git ls-files -z | tar --create --null --files-from - | tar --extract --directory "$work"

# moved FILE FROM TO: a path in a source file, which must be there.
moved() {
    grep -q "$2" "$work/$1" || fail "$1 does not name $2 any more: say here where it is now"
    sed -i "s#$2#$3#" "$work/$1"
}
cp -r wit "$work/host/engine/wit"
moved host/engine/src/bindings.rs '"../../wit"' '"wit"'
mkdir "$work/host/reference/demo"
cp -r examples/profiles examples/audience "$work/host/reference/demo"
moved host/reference/src/cli/command/demo.rs '../../../../../examples/' '../../../demo/'
cp target/component/talon-one-destination.wasm "$work/host/reference"
printf '%s' "$DESTINATION_COMMIT" >"$work/host/reference/COMMIT"
# In the repository nothing can be published by mistake.
moved Cargo.toml 'publish = false' 'publish = true'

(cd "$work" && CARGO_TARGET_DIR=$work/target cargo package --quiet --no-verify \
    --package destination-engine --package fake-talon-one --package destination-host 2>"$work/package.log") ||
    { cat "$work/package.log" >&2; fail "the crates can't be packaged"; }
cp "$work"/target/package/*.crate "$out"
