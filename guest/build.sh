#!/bin/sh
# Builds the plugin: target/component/talon-one-destination.wasm, from the crate in this folder. With the name of another
# plugin's crate it builds that one.
#
# The target is wasm32-unknown-unknown, whose standard library does not come with a Rust installation. It is built together
# with the plugin, from source: only what is used gets in, and a panic is a bare trap (a component without standard
# streams could show its message to nobody). `standard_library` in tests/repository/install.sh finds or installs the source;
# WASM_TOOLCHAIN=rustup or =debian leaves it no choice.
set -eu

cd "$(dirname "$0")/.."
package=${1:-talon-one-destination}
target=wasm32-unknown-unknown
out=target/component

. tests/repository/install.sh

command -v cargo >/dev/null || fail "cargo is missing; install Rust 1.95 or later with rustup"
sysroot=$(rustc --print sysroot)

standard_library
say "building with $("$rustc" --version), the standard library from source"
linker=$(find "$sysroot/lib/rustlib" -name rust-lld -type f | head -n 1)
[ -n "$linker" ] || fail "no rust-lld below $sysroot"

# Nothing of the folder, the user or the machine goes into the file: the same commit gives the same bytes anywhere.
flags="--remap-path-prefix=$PWD=/src --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo --remap-path-prefix=$source=/rust"
# The last argument: what the toolkit marks `#[inline]`, so that it is compiled with the plugin, is inlined no further than it is worth.
# RUSTC_BOOTSTRAP: building the standard library, and panics without a message, are not stable yet.
RUSTC=$rustc RUSTC_BOOTSTRAP=1 RUSTFLAGS="$flags -Cllvm-args=-inline-threshold=50 -Zunstable-options -Cpanic=immediate-abort" \
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$linker \
    cargo rustc --package "$package" --lib --crate-type cdylib --locked --profile component --target $target \
    --target-dir target/guest -Z build-std=std,panic_abort -Z build-std-features=optimize_for_size -- \
    -Cllvm-args=-inlinehint-threshold=200

# Binaryen's optimiser sees the whole module, and makes it a tenth smaller.
core="target/guest/$target/component/$(echo "$package" | tr - _).wasm"
need_node
npm_install guest/binaryen
# What Rust's target takes for granted: https://doc.rust-lang.org/rustc/platform-support/wasm32-unknown-unknown.html
guest/binaryen/node_modules/.bin/wasm-opt -O3 --enable-bulk-memory-opt --enable-bulk-memory --enable-multivalue \
    --enable-mutable-globals --enable-nontrapping-float-to-int --enable-reference-types --enable-sign-ext \
    "$core" -o "$core.optimized"

mkdir -p $out
# Of the whole workspace, as the host is built after it: they share what both are built on.
cargo build --quiet --locked --workspace --bin componentize
"${CARGO_TARGET_DIR:-target}/debug/componentize" "$core.optimized" "$out/$package.wasm.new"
# Left alone where nothing changed, so that what embeds it is not compiled again.
if cmp -s "$out/$package.wasm.new" "$out/$package.wasm"; then
    rm "$out/$package.wasm.new"
else
    mv "$out/$package.wasm.new" "$out/$package.wasm"
fi
say "$out/$package.wasm, $(wc -c <"$out/$package.wasm") bytes"
