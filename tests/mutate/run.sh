#!/bin/sh
# run.sh [BUILD [COUNT [FIRST]]]: changed copies of good files; see mutate.c. 2000 take some seconds.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "${1:-$root/build}" && pwd) || exit 2
count=${2:-2000} first=${3:-0}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT INT TERM
NO_COLOR=1 LC_ALL=C ASAN_OPTIONS=log_path=$work/report UBSAN_OPTIONS=log_path=$work/report:print_stacktrace=1
export NO_COLOR LC_ALL ASAN_OPTIONS UBSAN_OPTIONS

flags=-O1
nm "$build/nfc" | grep -q __asan_init && flags="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
${CC:-cc} -std=c11 -D_GNU_SOURCE -I"$root" -I"$build/gen" $flags -o "$work/mutate" "$here/mutate.c" "$here/wire.c" "$build/nfc.a" -lcjson -lprotobuf-c -lm || exit 2

# The good files: every form of the graphs that the other suites use.
cp "$root"/tests/fail/*.nfg "$root"/tests/sim/*.nfg "$work"
rm -f "$work/ten.nfg"
"${PYTHON:-/usr/bin/python3}" "$root/tests/fail/make.py" "$work" "$build/nfc" && "${PYTHON:-/usr/bin/python3}" "$here/seeds.py" "$work" "$root" "$build/nfc" >"$work/seeds" || exit 2
"$work/mutate" "$work" "$work/seeds" 10 "$first" "$count"
status=$?
if [ $status != 0 ]; then
    kept=${TMPDIR:-/tmp}/nfc-mutate-$$
    mkdir -p "$kept" && cp "$work"/crash-* "$work"/report.* "$kept" 2>/dev/null
    echo "the inputs are in $kept"
fi
exit $status
