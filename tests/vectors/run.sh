#!/bin/sh
# run.sh [BUILD] [WAY...]: kernels of the op tests with their loops as vectors: strip.c makes them so where
# kir_cannot_vector() allows it, the C printer prints them for several devices, and what compilers make of it must
# give the bits that the interpreter of the kernel IR gives; every second kernel with fused products and sums.
#
# A sample of the kernels, or all of them with NFC_VECTORS=all. A way is a row of the table below. Exit status 77: a
# way's tool, or a processor that runs its code, is not here.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "${1:-$root/build}" && pwd) || exit 2
[ $# -gt 0 ] && shift
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cd "$root" || exit 2
sample=24
[ "${NFC_VECTORS:-}" = all ] && sample=1
jobs=$(nproc)
warn="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wcast-align -Werror"

stop() { echo "FAILED $1"; echo "tests/vectors: 0 passed, 1 failed"; exit 1; }
[ -f "$build/nfc.a" ] || stop "no nfc.a in $build"
# shellcheck disable=SC2086
${CC:-gcc} -std=c11 -D_GNU_SOURCE -I. -I"$build/gen" -O1 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Werror \
    -o "$work/vectors" tests/vectors/vectors.c tests/vectors/strip.c tests/vectors/made.c tests/vk/data.c "$build/nfc.a" -lcjson -lprotobuf-c -lm || stop "the test does not build"

# name device lanes what-the-processor-must-have compiler options; lanes beyond the registers' are in several of them
ways='avx512-gcc    x86-avx512   16 avx512dq gcc                   -std=c11 -O2
avx512-c99    x86-avx512   32 avx512dq clang                 -std=c99 -O1
avx2-c++      x86-avx2      4 avx2     clang++               -x c++ -O1
avx2-san      x86-avx2      8 avx2     gcc                   -std=c11 -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
neon          aarch64-neon  4 -        aarch64-linux-gnu-gcc -std=c11 -O2 -static
fp16          aarch64-fp16  8 -        aarch64-linux-gnu-gcc -std=c11 -O2 -static
neon-wide     aarch64-neon 16 -        aarch64-linux-gnu-gcc -std=c99 -O1 -static'

# The words of a device's compiler: what is to be said at compile time ahead of the way's own, and what runs programs.
words() { "$build/nfc" devices "$1" --json | ${PYTHON:-/usr/bin/python3} -c '
import json, sys
d = json.load(sys.stdin)
print(*(d["compiler"].get("run", []) if sys.argv[1] == "run" else d["compiler"]["flags"] + d["units"][0].get("flags", [])))' "$2"; }

passed=0 failed=0 unable=
way() {
    name=$1 device=$2 lanes=$3 needs=$4 compiler=$5
    shift 5
    flags="$(words "$device" flags) $*" run=$(words "$device" run)
    for tool in $compiler ${run%% *}; do
        command -v "$tool" >/dev/null || { unable="$unable; $name: there is no $tool"; return; }
    done
    [ "$needs" = - ] || grep -qw "$needs" /proc/cpuinfo || { unable="$unable; $name: the processor has no $needs"; return; }
    mkdir "$work/$name"
    ls tests/ops/*.nfg | split -l 15 - "$work/$name/part."
    echo made >"$work/$name/part.zz"
    ls "$work/$name"/part.?? | NAME=$name xargs -P "$jobs" -n 1 sh -c '
        part=$1 work=${1%/*/*}
        "$work/vectors" '"$device $lanes $sample"' "$part" $(cat "$part") >"$part.log" 2>&1 || echo "emitting ended with $?" >>"$part.log"
        '"$compiler $warn $flags"' -I. -o "$part.exe" "$part.c" -x c tests/vectors/driver.c -lm >>"$part.log" 2>&1 &&
            '"$run"' "$part.exe" "$part.data" >>"$part.log" 2>&1' sh
    parts=$(ls "$work/$name"/part.?? | wc -l)
    grep -hv -e '^runs ' -e '^kernels ' "$work/$name"/*.log | head -n 40
    set -- $(cat "$work/$name"/*.log | awk '/^runs / { n += $2; bad += $4; ended++ } /^kernels / { kernels += $2; loops += $4; bad += $8 } END { print n + 0, bad + 0, ended + 0, kernels + 0, loops + 0 }')
    [ "$3" = "$parts" ] || { echo "FAILED $name: $((parts - $3)) of $parts programs did not come to their end"; failed=$((failed + parts - $3)); }
    echo "$name: $4 kernels with $5 vector loops, $1 runs, $2 wrong"
    passed=$((passed + $1)) failed=$((failed + $2))
    [ "$5" -gt 300 ] || { echo "FAILED $name: hardly any loop became vectors"; failed=$((failed + 1)); }
}

echo "$ways" >"$work/ways"
while read -r row; do
    case " $* " in
    "  " | *" ${row%% *} "*)
        # shellcheck disable=SC2086
        way $row </dev/null ;;
    esac
done <"$work/ways"
echo "tests/vectors: $passed passed, $failed failed${unable:+; left out$unable}"
[ $failed = 0 ] || exit 1
[ -z "$unable" ] || exit 77
