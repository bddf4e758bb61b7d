# What the scripts beside this one share: how they install what is missing, and the host that they test. Sourced, from the
# repository's folder.

say() { echo "$(basename "$0" .sh): $*" >&2; }
fail() { say "$*"; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# debian PACKAGE HINT: installs Debian's package; the hint is for who has another system.
debian() {
    command -v apt-get >/dev/null || fail "$2"
    say "installing $1"
    as_root apt-get update -qq >&2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1" >&2
}

# pypi FOLDER PACKAGE…: a Python of their own for packages from PyPI, made once.
pypi() {
    venv=$1
    shift
    if [ ! -e "$venv/done" ]; then
        say "installing $* into $venv"
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check "$@" >&2
        touch "$venv/done"
    fi
}

# build_host: builds the host and names it in HOST. As `make test` builds it: for one package alone, features would differ and
# everything be built again.
build_host() {
    cargo test --quiet --locked --workspace --no-run
    export HOST="${CARGO_TARGET_DIR:-$PWD/target}/debug/destination-host"
}
