#!/bin/sh
# run.sh [BUILD]: the scalar functions of ir/kmath.c, as C by two compilers and in the interpreter.
# Prints the worst error that each shows.
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
"$work/math" print >"$work/functions.c" || stop "the functions cannot be printed"

libraries=
library() { # NAME COMPILER FLAGS...
    name=$1
    shift
    command -v "$1" >/dev/null || { echo "no $1 here: its bits are not compared"; return; }
    "$@" -std=c99 -I. -ffp-contract=off $warn -Werror -Wno-unused-function -fPIC -shared -o "$work/$name.so" "$work/functions.c" || stop "$* rejects the functions"
    libraries="$libraries $work/$name.so"
}
library gcc gcc -O2
library gcc0 gcc -O0
library clang clang -O3
"$work/math" check $libraries
