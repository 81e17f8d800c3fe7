#!/bin/bash
# Builds every fuzz target and its seeds into $OUT, as ClusterFuzzLite and OSS-Fuzz call it in their
# image. Elsewhere it needs a nightly toolchain and cargo-fuzz:
#
#     RUSTUP_TOOLCHAIN=nightly OUT=/some/folder bash .clusterfuzzlite/build.sh [options of cargo fuzz build]
set -eu

cd "$(dirname "${BASH_SOURCE[0]}")"
if [ -d ../fuzz ]; then cd ..; else cd "$SRC/mochi"; fi
: "${OUT:?the folder for the targets}"
mkdir -p "$OUT"

# Overflows and assertions are findings too.
cargo fuzz build -O --debug-assertions "$@"
target=fuzz/target/x86_64-unknown-linux-gnu/release
for name in $(cargo fuzz list); do
    cp "$target/$name" "$OUT/"
    # Bytes are choices for most targets, and few choices make little: short inputs come no earlier.
    printf '[libfuzzer]\nlen_control = 0\n' > "$OUT/$name.options"
done

# Seeds: what the tests have already. The other targets read bytes as choices.
seeds() {
    local archive="$OUT/$1_seed_corpus.zip"
    shift
    rm -f "$archive"
    zip -q -j "$archive" "$@"
}
seeds parse tests/golden/*.mochi
seeds check tests/golden/*.mochi
seeds compile tests/golden/*.mochi
seeds ir_parse ir/tests/filetests/*.ir
