#!/bin/sh
# run.sh [BUILD [MUTATIONS [EVERY [FIRST]]]]: ONNX models that mean harm, or nothing: each gives a named error, within a second of the
# processor and 256 MB; none an error of the compiler, a crash or a leak.
#
# Crafted models and every op with odd attributes; small models cut off behind every EVERYth byte and changed field by field.
# With NFC_FUZZ=all behind every byte, and 100000 times: some minutes. FIRST is the number of the first change: others from
# 100000 on, say.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "${1:-$root/build}" && pwd) || exit 2
count=${2:-3000} every=${3:-11} first=${4:-0}
[ "${NFC_FUZZ:-}" = all ] && count=100000 every=1
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT INT TERM
python=${PYTHON:-/usr/bin/python3}
NO_COLOR=1 LC_ALL=C
export NO_COLOR LC_ALL
cd "$root" || exit 2
mkdir "$work/models" "$work/seeds" "$work/plain" "$work/sanitized"
failed=0

# The compiler once more with all sanitizers; make keeps it.
sanitize="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
make -s "-j$(nproc)" BUILD="$build/sanitized" CC="${CC:-gcc}" CFLAGS="$sanitize" "$build/sanitized/nfc.a" >"$work/make.log" 2>&1 || { cat "$work/make.log"; exit 1; }
flags="-std=c11 -D_GNU_SOURCE -I. -I$build/gen"
own=-O1
nm "$build/nfc" | grep -q __asan_init && own=$sanitize
# shellcheck disable=SC2086
${CC:-gcc} $flags $own -o "$work/mutate" tests/mutate/mutate.c tests/mutate/wire.c "$build/nfc.a" -lcjson -lprotobuf-c -lm &&
    ${CC:-gcc} $flags $sanitize -o "$work/sanitized/mutate" tests/mutate/mutate.c tests/mutate/wire.c "$build/sanitized/nfc.a" -lcjson -lprotobuf-c -lm || exit 1

"$python" -B "$here/run.py" "$work/models" "$build/nfc" >"$work/log" || failed=1
cat "$work/log"
models=$(tail -n 1 "$work/log")
# All of them in 256 MB (status 4 says that they would take more), and with the sanitizers.
[ "$own" = -O1 ] && { (ulimit -d 262144; "$work/mutate" "$work/plain" "$work/models/files" 1 as-is) || failed=1; }
UBSAN_OPTIONS=print_stacktrace=1
ASAN_OPTIONS=quarantine_size_mb=16:max_allocation_size_mb=256:allocator_may_return_null=1:hard_rss_limit_mb=700
export UBSAN_OPTIONS ASAN_OPTIONS
"$work/sanitized/mutate" "$work/sanitized" "$work/models/files" 2 as-is || failed=1

"$python" -B "$here/seeds.py" "$work/seeds" >"$work/list" || exit 1
while read -r verb path _ arguments; do
    # shellcheck disable=SC2086
    "$build/nfc" "$verb" "$path" $arguments || { echo "FAILED the good model $path"; failed=1; }
done <"$work/list"
"$work/sanitized/mutate" "$work/sanitized" "$work/list" 2 cut "$every" || failed=1
"$work/sanitized/mutate" "$work/sanitized" "$work/list" 2 "$first" "$count" || failed=1
if [ $failed != 0 ]; then
    kept=${TMPDIR:-/tmp}/nfc-onnx-hostile-$$
    mkdir -p "$kept" && cp "$work"/*/crash-* "$kept" 2>/dev/null
    echo "the inputs are in $kept"
fi
echo "onnx_hostile: $models; $(wc -l <"$work/list") small models cut and changed $count times"
[ $failed = 0 ]
