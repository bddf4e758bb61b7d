#!/bin/sh
# Packs what the targets have found, reduced to what covers the same, into the corpus here: tests/fuzz/pack.sh [TARGET…], after run.sh.
set -eu

cd "$(dirname "$0")"
triple=$(rustc -vV | sed -n 's/^host: //p')
build="${FUZZ_TARGET_DIR:-../../target/fuzz/build}/$triple/release"

[ $# -gt 0 ] || set -- config map delivery looking csv dialect ndjson arrow parquet sync-file
for target in "$@"; do
    reduced=$(mktemp -d)
    "$build/$target" -merge=1 -max_len=4096 "$reduced" "../../target/fuzz/corpus/$target" "corpus/$target" 2>"../../target/fuzz/$target-merge.log"
    # The same files give the same bytes, whoever packs them and when.
    tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$reduced" -cf - . | gzip -9n >"corpus/$target.tar.gz"
    echo "fuzz: $target: $(find "$reduced" -type f | wc -l) inputs, $(wc -c <"corpus/$target.tar.gz") bytes packed"
    rm -r "$reduced"
done
