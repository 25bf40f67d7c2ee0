#!/bin/sh
# run.sh [BUILD]: the scalar functions of ir/kmath.c, as C by several compilers, for a machine without
# a library, for ARM, and in the interpreter: all must give the same bits. Prints the worst error of
# each function. Then their flavour with fused multiply-adds, of which only the error counts.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "${1:-$root/build}" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT INT TERM
cd "$root" || exit 2

stop() { echo "FAILED $1"; echo "tests/math: 0 passed, 1 failed"; exit 1; }
for tool in gcc clang aarch64-linux-gnu-gcc qemu-aarch64; do
    command -v $tool >/dev/null || { echo "tests/math: there is no $tool"; exit 77; }
done
[ -f "$build/nfc.a" ] || stop "no nfc.a in $build"
quad=
[ "$(uname -m)" = x86_64 ] && quad=-lquadmath
strict="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror"
gcc -std=c11 -D_GNU_SOURCE -I. -O2 $strict -o "$work/math" tests/math/math.c tests/math/check.c tests/math/reference.c tests/math/samples.c \
    "$build/nfc.a" -lcjson -lprotobuf-c $quad -ldl -lm || stop "the test does not build"
"$work/math" print >"$work/functions.c" && "$work/math" print bare >"$work/bare.c" || stop "the functions cannot be printed"

emitted="-std=c99 -I. -ffp-contract=off $strict -Wno-unused-function"
libraries=
library() { # NAME SOURCE COMPILER FLAGS...
    name=$1 source=$2
    shift 2
    "$@" $emitted -fPIC -shared -o "$work/$name.so" "$work/$source.c" || stop "$* rejects the functions"
    libraries="$libraries $work/$name.so"
}
library gcc functions gcc -O2
library gcc0 functions gcc -O0
library gcc3 functions gcc -O3 -fno-math-errno -fno-trapping-math
library clang functions clang -O3
library bare bare gcc -O2 -ffreestanding

hash() { # COMPILER
    "$@" $emitted -static -O2 -o "$work/hash" tests/math/hash.c "$work/functions.c" -lm || stop "$* rejects the functions"
}
hash gcc && "$work/hash" >"$work/here.txt"
hash aarch64-linux-gnu-gcc && qemu-aarch64 "$work/hash" >"$work/arm.txt"
[ -s "$work/here.txt" ] && diff "$work/here.txt" "$work/arm.txt" || stop "ARM gives other bits"
"$work/math" check $libraries || exit 1
if grep -qw fma /proc/cpuinfo || [ "$(uname -m)" != x86_64 ]; then
    fma=
    [ "$(uname -m)" = x86_64 ] && fma=-mfma
    for how in fused scaled looked_up; do
        "$work/math" print $how >"$work/$how.c" || stop "the functions cannot be printed $how"
        libraries=
        library $how $how gcc -O2 $fma
        library ${how}_clang $how clang -O3 $fma
        echo "$how:"
        "$work/math" check fused $libraries || exit 1
    done
else
    echo "tests/math: NOT TESTED: the processor has no fma"
    exit 77
fi
