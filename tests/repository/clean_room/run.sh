#!/bin/sh
# Runs make targets where nothing is installed but Rust, a C compiler and make: run.sh TARGET…. Each gets a room for itself: a bare Debian
# (debootstrap, made once) in a chroot and namespaces, with a copy of the checkout. What the targets install stays in the room.
#
#   BUILT=1   takes what this checkout has built into the room, so that only what is installed is proven, and not that it builds
#   KEEP=1    keeps the room of a target that failed, and says where
#
# How registries are reached from this machine (names, proxies, certificates) is carried in as it stands in the environment and in the
# package managers' own files. Needs root.
set -eu

cd "$(dirname "$0")/../../.."

. tests/repository/install.sh

[ $# -gt 0 ] || fail "name the make targets to run"
[ "$(id -u)" = 0 ] || fail "chroot and mount need root: run it with sudo"
command -v debootstrap >/dev/null || debian "debootstrap is missing; install it" debootstrap
command -v git >/dev/null || debian "git is missing; install it" git

checkout=$PWD
rooms=$PWD/target/clean-room
base=$rooms/base
sysroot=$(rustc --print sysroot)
cargo_home=${CARGO_HOME:-$HOME/.cargo}

make_base() {
    . /etc/os-release
    # The mirror that this machine uses.
    # shellcheck disable=SC2016 # apt-get replaces what stands in the format
    mirror=$(apt-get indextargets --format '$(CODENAME) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
        awk -v suite="$VERSION_CODENAME" '$1 == suite && $2 == "main" { print $3; exit }')
    [ -n "$mirror" ] || fail "no mirror of $VERSION_CODENAME among the sources of apt"
    say "making a bare Debian ($VERSION_CODENAME) in $base"
    rm -rf "$base.part"
    mkdir -p "$base.part"
    debootstrap --variant=minbase --include=gcc,g++,libc6-dev,make "$VERSION_CODENAME" "$base.part" "$mirror" >"$rooms/debootstrap.log" 2>&1 ||
        { tail -n 20 "$rooms/debootstrap.log" >&2; fail "debootstrap failed"; }
    # The sources of apt are carried in.
    rm -f "$base.part/etc/apt/sources.list"
    # Services are for those who ask for them.
    printf '#!/bin/sh\nexit 101\n' >"$base.part/usr/sbin/policy-rc.d"
    chmod +x "$base.part/usr/sbin/policy-rc.d"
    mv "$base.part" "$base"
}

# copy_checkout FOLDER: the files of the working tree; their times too, by which cargo knows what it has built.
copy_checkout() {
    mkdir "$1"
    git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- --create --ignore-failed-read 2>/dev/null |
        tar --extract --directory "$1"
    # Some scripts ask git which files are the project's.
    git -C "$1" init --quiet
    git -C "$1" add --all
    if [ "${BUILT:-}" = 1 ]; then
        mkdir -p "$1/target"
        for built in component debug guest .rustc_info.json; do
            [ ! -e "target/$built" ] || cp --archive --reflink=auto "target/$built" "$1/target/"
        done
    fi
}

# Runs in namespaces of its own: what it mounts ends with it.
# shellcheck disable=SC2016 # it is another shell that reads this
inside='
set -eu
rooms=$1 room=$2 checkout=$3 sysroot=$4 cargo_home=$5 target=$6
root=$rooms/root
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$rooms/base,upperdir=$room/files,workdir=$room/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
# At the same path: cargo knows what it has built by that, too.
mkdir -p "$root$checkout"
mount --bind "$room/checkout" "$root$checkout"

# carry PATH: as it is on this machine, read only.
carry() {
    [ -e "$1" ] || return 0
    if [ -d "$1" ]; then mkdir -p "$root$1"; else mkdir -p "$root$(dirname "$1")"; [ -e "$root$1" ] || : >"$root$1"; fi
    mount --bind "$1" "$root$1"
    mount -o remount,bind,ro "$root$1"
}
for path in /etc/resolv.conf /etc/hosts /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/apt.conf.d /etc/apt/auth.conf.d \
    /etc/pip.conf "$HOME/.config/pip" "$HOME/.npmrc" "$cargo_home/config.toml" "$sysroot"; do
    carry "$path"
done
# Certificates as copies: a package that is installed adds to them.
for path in /etc/ssl/certs /usr/local/share/ca-certificates; do
    if [ -d "$path" ]; then
        mkdir -p "$root$path"
        cp --archive --dereference "$path/." "$root$path" 2>/dev/null || true
    fi
done
# What cargo has downloaded already may be used, and what it downloads now stays in the room.
if [ -d "$cargo_home/registry" ]; then
    mkdir -p "$root$cargo_home/registry" "$room/registry" "$room/registry-work"
    mount -t overlay overlay -o "lowerdir=$cargo_home/registry,upperdir=$room/registry,workdir=$room/registry-work" "$root$cargo_home/registry"
fi
# Of the environment only how registries are reached; files that it names come along.
for name in $(awk "BEGIN { for (name in ENVIRON) print name }"); do
    case $name in
        *_proxy | *_PROXY | PIP_* | npm_config_* | NPM_CONFIG_* | NODE_EXTRA_CA_CERTS | SSL_CERT_* | REQUESTS_CA_BUNDLE | \
            CARGO_HTTP_* | CARGO_NET_* | CARGO_REGISTRIES_* | CARGO_REGISTRY_* | HOME)
            eval "value=\${$name}"
            case $value in "$HOME" | /etc/ssl/certs*) ;; /*) carry "$value" ;; *) ;; esac
            ;;
        *) unset "$name" 2>/dev/null || true ;;
    esac
done
export PATH="$sysroot/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" CARGO_HOME="$cargo_home" LANG=C.UTF-8
exec chroot "$root" sh -c "cd \"\$1\" && exec make \"\$2\"" sh "$checkout" "$target"
'

mkdir -p "$rooms/root"
[ -d "$base" ] || make_base
failed=
for target in "$@"; do
    room=$(mktemp --directory "$rooms/$target.XXXXXX")
    mkdir "$room/files" "$room/work"
    copy_checkout "$room/checkout"
    began=$(date +%s)
    say "make $target"
    if unshare --mount --pid --fork --kill-child sh -c "$inside" sh "$rooms" "$room" "$checkout" "$sysroot" "$cargo_home" "$target" \
        >"$rooms/$target.log" 2>&1; then
        say "make $target passes in $(($(date +%s) - began)) s"
    else
        tail -n 40 "$rooms/$target.log" >&2
        say "make $target fails: $rooms/$target.log"
        failed="$failed $target"
        if [ "${KEEP:-}" = 1 ]; then
            say "its room is $room"
            continue
        fi
    fi
    rm -rf "$room"
done
[ -z "$failed" ] || fail "failed:$failed"
