#!/bin/sh
# Everything that users install, for the platform that this runs on: target/packages. A release runs it once on each platform.
#
#   SIGNING_KEY=FILE   signs each file with this minisign key (one without a password, or rsign asks for it)
#
# What can be the same bytes each time is: the component always, archives by the time of the commit.
set -eu

cd "$(dirname "$0")/../.."
. tests/repository/install.sh

out=$PWD/target/packages
work=$PWD/target/packaging
build=${CARGO_TARGET_DIR:-$PWD/target}
version=$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' Cargo.toml)
triple=$(rustc -vV | sed -n 's/^host: //p')

# What the host says of itself, and the time that archives bear.
if commit=$(git rev-parse --short=12 HEAD 2>/dev/null); then
    [ -z "$(git status --porcelain --untracked-files=no)" ] || commit="$commit, changed"
    SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
    export SOURCE_DATE_EPOCH
fi
export DESTINATION_COMMIT="${commit:-unknown}" SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-0}"

export PATH="$PWD/target/tools/bin:$PATH"
tool() { [ -x "target/tools/bin/$1" ] || cargo_install "$2" "$3"; }
tool cargo-auditable cargo-auditable 0.7.7
tool cargo-deb cargo-deb 3.8.0
tool rsign rsign2 0.6.7
pypi "$PWD/target/tools/python" 'maturin~=1.16'
need_node

# archive FILE FOLDER: a tar.gz whose bytes depend on the files alone.
archive() {
    tar --create --sort=name --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX --mtime="@$SOURCE_DATE_EPOCH" \
        --directory "$(dirname "$2")" "$(basename "$2")" | gzip --no-name --best >"$1"
}

rm -rf "$out" "$work"
mkdir -p "$out" "$work"

say "the component, and the contract"
guest/build.sh
cp target/component/talon-one-destination.wasm "$out"
contract=$(sed -n 's/^package etl:destination@\(.*\);/\1/p' wit/*.wit | head -n 1)
mkdir "$work/etl-destination-$contract"
cp -r wit/. LICENSE "$work/etl-destination-$contract"
archive "$out/etl-destination-$contract.wit.tar.gz" "$work/etl-destination-$contract"

say "the host, which lists what it is built on"
cargo auditable build --locked --profile dist --package destination-host
host=$build/dist/destination-host
folder=$work/destination-host-$version-$triple
mkdir -p "$folder/completions"
cp "$host" LICENSE "$folder"
"$host" man >"$folder/destination-host.1"
for shell in bash zsh fish elvish powershell; do
    "$host" completions $shell >"$folder/completions/destination-host.$shell"
done
archive "$out/destination-host-$version-$triple.tar.gz" "$folder"

say "Debian's package"
if command -v dpkg >/dev/null; then
    # What its list of files names.
    ln -sfn "$folder" "$work/debian"
    cargo deb --quiet --no-build --no-strip --profile dist --package destination-host --output "$out/"
fi

say "Python's wheels: the host, and the package beside it"
printf '#!/bin/sh\nexec cargo auditable "$@"\n' >"$work/cargo"
chmod +x "$work/cargo"
CARGO=$work/cargo target/tools/python/bin/maturin build --quiet --manifest-path host/reference/Cargo.toml --out "$out"
target/tools/python/bin/pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$out" host/python
# The list of what the host is built on, as CycloneDX, without the names of this machine's folders.
unzip -p "$out"/destination_host-*.whl '*/sboms/*.cyclonedx.json' | sed "s#$PWD#/src#g" >"$out/destination-host-$version.cdx.json"

say "npm's packages: the component with its types and a small engine, and the host"
npm_install host/node
node host/node/build.mjs target/component/talon-one-destination.wasm
node host/dist/npm.mjs "$host" "$version" "$work/npm"
for package in "$work"/npm/*; do
    npm pack --silent --pack-destination "$out" "$package" >/dev/null
done

say "crates, with all that they need inside"
host/dist/crates.sh "$work/crates" "$out"

(cd "$out" && sha256sum -- * >"$work/SHA256SUMS" && mv "$work/SHA256SUMS" .)
if [ -n "${SIGNING_KEY:-}" ]; then
    for file in "$out"/*; do
        rsign sign -W -s "$SIGNING_KEY" -x "$file.minisig" -t "$(basename "$file") $version" "$file" >/dev/null
    done
else
    say "nothing is signed: SIGNING_KEY names no key"
fi
(cd "$out" && du -b -- * | sort -k 2) >&2
