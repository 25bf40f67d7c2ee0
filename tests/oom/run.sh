#!/bin/sh
# run.sh [BUILD]: memory that runs out at every allocation, and at a sample of many; see run.py.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "${1:-$root/build}" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT INT TERM
python=${PYTHON:-/usr/bin/python3} cc=${CC:-cc}
NO_COLOR=1 LC_ALL=C
export NO_COLOR LC_ALL

# nfc with an allocation of its own for everything, each of which may fail.
flags=-O1
nm "$build/nfc" | grep -q __asan_init && flags="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
objects=$(cd "$build" && find frontend ir passes codegen devices gen -name '*.o' ! -path ir/arena.o | sort | sed "s|^|$build/|")
# shellcheck disable=SC2086
$cc -std=c11 -D_GNU_SOURCE -I"$root" $flags -DNFC_ARENA_CHUNK=0 -DWRAPPED -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc \
    -o "$work/hostile" "$root/ir/arena.c" "$here/shim.c" $objects -lcjson -lprotobuf-c -lm || exit 2
preload=
if [ "$flags" = -O1 ]; then
    $cc -shared -fPIC -O1 -o "$work/shim.so" "$here/shim.c" || exit 2
    preload=$work/shim.so
fi
"$python" "$here/run.py" "$build/nfc" "$work/hostile" "$work" "$preload"
