#!/bin/sh
# The host on other platforms: cross-compiled for Linux on another processor (aarch64) and for Windows, run under qemu and wine, and
# compared with the one of this machine. What is missing is installed first, from Debian's packages.
set -eu

cd "$(dirname "$0")/../.."

. tests/repository/install.sh

need_python
command -v aarch64-linux-gnu-gcc >/dev/null ||
    debian "the C compiler for aarch64 is missing; install aarch64-linux-gnu-gcc and its C library" gcc-aarch64-linux-gnu libc6-dev-arm64-cross
command -v qemu-aarch64 >/dev/null || debian "qemu-aarch64 is missing; install QEMU's user mode" qemu-user
command -v x86_64-w64-mingw32-gcc >/dev/null || debian "the C compiler for Windows is missing; install mingw-w64" gcc-mingw-w64-x86-64
command -v wine >/dev/null || debian "wine is missing; install it" wine wine64

standard_library
say "building with $("$rustc" --version), the standard library from source"

out=$PWD/target/platforms
# build TARGET CRATES COMMAND…: cargo for another target. The program has this machine's component inside.
build() {
    target=$1 crates=$2
    shift 2
    say "building the host for $target"
    RUSTC=$rustc RUSTC_BOOTSTRAP=1 CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
        CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=x86_64-w64-mingw32-gcc \
        cargo "$@" --quiet --locked --package destination-host --target "$target" --target-dir "$out" -Z build-std="$crates"
}
mkdir -p "$out"
build aarch64-unknown-linux-gnu std,panic_unwind,test test --no-run --test e2e --message-format json >"$out/aarch64.json"
build x86_64-pc-windows-gnu std,panic_unwind build --bin destination-host

# The tests start the program themselves, and this system can't: a script at its place does.
arm=$out/aarch64-unknown-linux-gnu/debug
rm -f "$arm/destination-host.aarch64" # A second run's may be the same file by another name, which mv refuses.
mv "$arm/destination-host" "$arm/destination-host.aarch64"
# shellcheck disable=SC2016 # the script's own
printf '#!/bin/sh\nexec qemu-aarch64 -L /usr/aarch64-linux-gnu "$0.aarch64" "$@"\n' >"$arm/destination-host"
chmod +x "$arm/destination-host"

# Of its own: the user's is left alone. Rust's programs are for Windows 10 and later.
export WINEPREFIX="$out/wine" WINEDEBUG=-all
wine winecfg /v win10 2>/dev/null || fail "wine does not start"
if [ ! -e "$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll" ]; then
    x86_64-w64-mingw32-gcc -O2 -shared -o "$out/x86_64-pc-windows-gnu/debug/bcryptprimitives.dll" tests/platforms/bcryptprimitives.c -ladvapi32
fi

build_host
export PYTHONPATH="$PWD/host/fake"
exec python3 tests/platforms/compare.py
