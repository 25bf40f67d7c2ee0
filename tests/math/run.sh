#!/bin/sh
# run.sh [BUILD]: the scalar functions of ir/kmath.c, as C by several compilers, for a machine without
# a library, and in the interpreter: all must give the same bits. Prints the worst error of each.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "${1:-$root/build}" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT INT TERM
cd "$root" || exit 2

stop() { echo "FAILED $1"; echo "tests/math: 0 passed, 1 failed"; exit 1; }
ar rcs "$work/nfc.a" $(find "$build" -name '*.o' ! -path '*/frontend/main.o') || stop "no objects in $build"
quad=
[ "$(uname -m)" = x86_64 ] && quad=-lquadmath
warn="-Wall -Wextra -Wpedantic -Wshadow -Wconversion"
${CC:-gcc} -std=c11 -D_GNU_SOURCE -I. -O2 -Wall -o "$work/math" tests/math/*.c "$work/nfc.a" -lcjson $quad -ldl -lm || stop "the test does not build"
"$work/math" print >"$work/functions.c" && "$work/math" print bare >"$work/bare.c" || stop "the functions cannot be printed"

libraries=
library() { # NAME SOURCE COMPILER FLAGS...
    name=$1 source=$2
    shift 2
    command -v "$1" >/dev/null || stop "no $1 here, whose bits are to be compared"
    "$@" -std=c99 -I. -ffp-contract=off $warn -Werror -Wno-unused-function -fPIC -shared -o "$work/$name.so" "$work/$source.c" || stop "$* rejects the functions"
    libraries="$libraries $work/$name.so"
}
library gcc functions gcc -O2
library gcc0 functions gcc -O0
library gcc3 functions gcc -O3 -fno-math-errno -fno-trapping-math
library clang functions clang -O3
library bare bare gcc -O2 -ffreestanding
"$work/math" check $libraries
