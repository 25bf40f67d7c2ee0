#!/bin/sh
# run.sh BUILD [OPTION...]: random graphs over the op table, in the simulator, as naive loops and as scheduled kernels.
# NFC_GRAPHS: how many, 400 without, from NFC_SEED on. NFC_JOBS: how many at a time. NFC_RESUME: a file in which what is done is
# written down, for a long run that may be cut short: begun again, it goes on. OPTION: see run.py.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?the build folder}" && pwd) || exit 2
shift
grep -qw avx512dq /proc/cpuinfo || { echo "tests/random: NOT TESTED: the processor has no AVX-512"; exit 77; }
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
NO_COLOR=1 LC_ALL=C PYTHONDONTWRITEBYTECODE=1
export NO_COLOR LC_ALL PYTHONDONTWRITEBYTECODE
random() { "${PYTHON:-/usr/bin/python3}" "$here/run.py" "$build" "$@"; }
[ $# = 0 ] || { random "$work" "$@"; exit; }

# What is wrong is found, and made small: sums that are differences, in graphs of up to 40 ops.
mkdir "$work/wrong" "$work/all"
if random "$work/wrong" --first 208 --count 16 --resume= --sabotage '] += =>] -= ' >"$work/found" || ! grep -q 'again: sh tests/random/run.sh build --seed 2..$' "$work/found" || [ "$(grep -c ' = op ' "$work/found")" -gt $((3 * $(grep -c again: "$work/found"))) ]; then
    cat "$work/found"
    echo "FAILED random/sabotage: wrong programs are not found, or not made small"
    exit 1
fi
random "$work/all"
