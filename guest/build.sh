#!/bin/sh
# Builds the plugin: target/component/talon-one-destination.wasm, from the crate in this folder. With the name of another
# plugin's crate it builds that one.
#
# The target is wasm32-unknown-unknown, whose standard library does not come with a Rust installation. It is built together
# with the plugin, from source: only what is used gets in, and a panic is a bare trap (a component without standard
# streams could show its message to nobody). The source is found or installed in one of two ways, and the script says which:
#   rustup   `rustup component add rust-src`, for the compiler that is there
#   debian   where rustup's server is out of reach: a compiler and the source that fits it, from Debian's packages
# WASM_TOOLCHAIN=rustup or =debian leaves no choice.
set -eu

cd "$(dirname "$0")/.."
package=${1:-talon-one-destination}
target=wasm32-unknown-unknown
out=target/component

. tests/repository/install.sh

command -v cargo >/dev/null || fail "cargo is missing; install Rust 1.95 or later with rustup"
sysroot=$(rustc --print sysroot)

rustup_source=$sysroot/lib/rustlib/src/rust
debian_source=/usr/lib/rustlib/src/rust
debian_rustc=/usr/bin/rustc

has_std() { [ -e "$1/library/std/Cargo.toml" ]; }

use_rustup() {
    has_std "$rustup_source" && return 0
    command -v rustup >/dev/null || return 1
    say "adding the component rust-src with rustup"
    timeout 120 rustup component add rust-src >&2 && has_std "$rustup_source"
}

use_debian() {
    if [ ! -x $debian_rustc ] || ! has_std $debian_source; then
        command -v apt-get >/dev/null || return 1
        debian "" rustc-web rust-web-src || return 1
    fi
    [ -x $debian_rustc ] && has_std $debian_source
}

rustc=
case "${WASM_TOOLCHAIN:-any}" in
    any | rustup) if use_rustup; then rustc=$(rustup which rustc 2>/dev/null || command -v rustc) source=$rustup_source; fi ;;
    debian) ;;
    *) fail "WASM_TOOLCHAIN is '$WASM_TOOLCHAIN'; it can be rustup or debian" ;;
esac
if [ -z "$rustc" ] && [ "${WASM_TOOLCHAIN:-any}" != rustup ] && use_debian; then
    rustc=$debian_rustc source=$debian_source
fi
[ -n "$rustc" ] || fail "the standard library's source is missing: neither 'rustup component add rust-src' nor Debian's packages rustc-web and rust-web-src could be had"

say "building with $("$rustc" --version), the standard library from source"
linker=$(find "$sysroot/lib/rustlib" -name rust-lld -type f | head -n 1)
[ -n "$linker" ] || fail "no rust-lld below $sysroot"

# What a crate marks `#[inline]` for the plugin to be compiled with is also inlined more than it is worth, but for the last argument.
# Nothing of the folder, the user or the machine goes into the file: the same commit gives the same bytes anywhere.
flags="--remap-path-prefix=$PWD=/src --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo --remap-path-prefix=$source=/rust"
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
cargo run --quiet --locked --package componentize -- "$core.optimized" "$out/$package.wasm.new"
# Left alone where nothing changed, so that what embeds it is not compiled again.
if cmp -s "$out/$package.wasm.new" "$out/$package.wasm"; then
    rm "$out/$package.wasm.new"
else
    mv "$out/$package.wasm.new" "$out/$package.wasm"
fi
say "$out/$package.wasm, $(wc -c <"$out/$package.wasm") bytes"
