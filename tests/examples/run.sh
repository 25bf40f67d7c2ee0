#!/bin/sh
# run.sh [BUILD]: the examples. The commands of their READMEs print what the READMEs say, and babble says the
# same in C by every compiler at hand. Half a minute.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "${1:-$root/build}" && pwd) || exit 2
python=${PYTHON:-/usr/bin/python3}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT INT TERM
passed=0 failed=0 unable=
cd "$root" || exit 2

result() { # STATUS WHAT
    if [ "$1" = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED $2"; fi
}

for readme in README.md examples/*/README.md; do
    "$python" "$here/readme.py" "$readme" "$build" >"$work/log"
    sed '$d' "$work/log"
    set -- $(tail -n 1 "$work/log")
    passed=$((passed + ${1:-0})) failed=$((failed + ${2:-1}))
done

"$build/nfc" ops --markdown >"$work/ops"
sed -n '/^| op | ONNX/,/^$/p' README.md | sed '/^$/d' | diff -u - "$work/ops"
result $? "the table of operations in README.md: write what nfc ops --markdown prints"

# The text of a program that was built for DEVICE by COMPILER at -O0 and at -O3, run by RUNNER.
babble() { # DEVICE RUNNER COMPILER FLAGS...
    device=$1 runner=$2
    shift 2
    command -v "$1" >/dev/null && command -v "${runner:-true}" >/dev/null || { unable="$unable $1 $runner"; return; }
    out=$work/$device
    [ -d "$out" ] || "$build/nfc" build examples/babble/babble.nfg --device "devices/$device.json" -o "$out" --emit=sources >"$work/log" || { cat "$work/log"; result 1 "nfc build for $device"; return; }
    for level in -O0 -O3; do
        "$@" $level -std=c11 -ffp-contract=off -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -I "$out" -o "$work/babble" \
            examples/babble/main.c "$out/babble.c" "$out/babble_weights.S" -lm || { result 1 "babble does not compile with $* $level"; continue; }
        $runner "$work/babble" --greedy --tokens 200 >"$work/text" 2>"$work/log" && cmp "$work/text" examples/babble/greedy.txt
        result $? "babble by $* $level for $device"
    done
}
babble generic '' gcc
babble generic '' clang
babble aarch64-neon qemu-aarch64 aarch64-linux-gnu-gcc -static

[ -z "$unable" ] || [ $failed != 0 ] || { echo "tests/examples: $passed passed; NOT TESTED: babble with$unable, which is missing"; exit 77; }
echo "tests/examples: $passed passed, $failed failed"
[ $failed = 0 ]
