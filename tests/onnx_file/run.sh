#!/bin/sh
# run.sh [BUILD]: ONNX files as files: good ones read as they were written, damaged and hostile ones give a named error.
#
# Once with the objects of BUILD, in 256 MB; once with all sanitizers, where each allocation is one of its own.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "${1:-$root/build}" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT INT TERM
NO_COLOR=1 LC_ALL=C UBSAN_OPTIONS=print_stacktrace=1
export NO_COLOR LC_ALL UBSAN_OPTIONS
cd "$root" || exit 2

flags="-std=c11 -D_GNU_SOURCE -I. -I$build/gen"
warn="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Werror"
libs="-lcjson -lprotobuf-c -lm"
sanitize="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
own=-O1
nm "$build/nfc" | grep -q __asan_init && own=$sanitize
# shellcheck disable=SC2086
${CC:-gcc} $flags $warn $own -o "$work/plain" "$here/touch.c" "$build/nfc.a" $libs &&
    ${CC:-gcc} $flags $sanitize -w -DNFC_ARENA_CHUNK=0 -o "$work/sanitized" "$here/touch.c" frontend/onnx/onnx_*.c frontend/mapfile.c frontend/diag.c \
        frontend/session.c frontend/source.c ir/arena.c ir/map.c ir/dtype.c "$build/gen/onnx.pb-c.c" $libs || { echo "onnx_file: 0 passed, 1 failed: touch.c does not build"; exit 1; }
"${PYTHON:-/usr/bin/python3}" -B "$here/run.py" "$work"
