#!/bin/sh
# Runs fuzz targets: tests/fuzz/run.sh [RUNS [TARGET…]]. Each target starts from its corpus here (a folder of seeds written by hand, and
# what earlier runs found, packed by pack.sh) and gathers what it finds under target/fuzz/; an input that breaks a law stops the run and
# is named. Stable Rust and a C++ compiler are enough: the code is
# instrumented for coverage, and safe Rust needs no address sanitizer.
set -eu

cd "$(dirname "$0")"
runs=${1:-100000}
[ $# -gt 0 ] && shift
guest="config map delivery looking"
host="csv dialect ndjson arrow parquet sync-file"
targets=${*:-$guest $host}

triple=$(rustc -vV | sed -n 's/^host: //p')
export CARGO_TARGET_DIR="${FUZZ_TARGET_DIR:-../../target/fuzz/build}"
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing"

for target in $targets; do
    features=
    case " $host " in *" $target "*) features=host ;; esac
    # A page of a Parquet file may have two gigabytes: its format says so.
    memory=2048
    if [ "$target" = parquet ]; then memory=8192; fi
    # With the target named, build scripts and macros are built as usual.
    cargo build --quiet --locked --release --target "$triple" --bin "$target" --features "$features"
    found=../../target/fuzz/corpus/$target
    if [ ! -d "$found" ]; then
        mkdir -p "$found"
        if [ -e "corpus/$target.tar.gz" ]; then tar -xzf "corpus/$target.tar.gz" -C "$found"; fi
    fi
    echo "fuzz: $target, $runs runs"
    "$CARGO_TARGET_DIR/$triple/release/$target" -runs="$runs" -max_len=4096 -timeout=10 -rss_limit_mb=$memory -print_final_stats=1 \
        -artifact_prefix="../../target/fuzz/$target-" "$found" "corpus/$target" 2>"../../target/fuzz/$target.log" ||
        { tail -n 40 "../../target/fuzz/$target.log"; exit 1; }
    grep -E 'Done [0-9]+ runs|stat::(number_of_executed_units|average_exec_per_sec|peak_rss_mb)' "../../target/fuzz/$target.log" || true
done
