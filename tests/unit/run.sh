#!/bin/sh
# run.sh [BUILD]: unit tests of the compiler's inner parts, with Criterion, against the objects of BUILD.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "${1:-$root/build}" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT INT TERM
cd "$root" || exit 2

stop() { echo "FAILED $1"; echo "tests/unit: 0 passed, 1 failed"; exit 1; }
echo '#include <criterion/criterion.h>' | ${CC:-gcc} -E - >/dev/null 2>&1 || { echo "tests/unit: NOT TESTED: there is no criterion/criterion.h (package libcriterion-dev)"; exit 77; }

flags="-O1 -g"
nm "$build/nfc" | grep -q __asan_init && flags="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all"
warn="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Werror"
ar rcs "$work/nfc.a" $(find "$build/frontend" "$build/ir" "$build/passes" "$build/codegen" "$build/devices" "$build/gen" -name '*.o' ! -path '*/frontend/main.o') || stop "no objects in $build"
for source in tests/unit/*.c; do
    object=$work/$(basename "$source" .c).o
    # shellcheck disable=SC2086
    ${CC:-gcc} -std=c11 -D_GNU_SOURCE -I. -I"$build/gen" $flags $warn -c -o "$object" "$source" || stop "$source does not compile"
    objects="$objects $object"
done
# shellcheck disable=SC2086
${CC:-gcc} $flags -o "$work/unit" $objects "$work/nfc.a" -lcriterion -lcjson -lprotobuf-c -lm || stop "the tests do not link"

# A child that a test kills on purpose, or that Criterion leaves to itself, is no leak.
TMPDIR=$work ASAN_OPTIONS=detect_leaks=0 LC_ALL=C "$work/unit" -j2 --color=never >"$work/log" 2>&1
status=$?
grep -av '^\[====\] Synthesis' "$work/log"
# [====] Synthesis: Tested: 3 | Passing: 3 | Failing: 0 | Crashing: 0
set -- $(sed -n 's/^\[====\] Synthesis: Tested: \([0-9]*\) | Passing: \([0-9]*\) .*/\1 \2/p' "$work/log")
[ $# = 2 ] || { tail -n 5 "$work/log"; stop "the tests did not come to their end"; }
echo "tests/unit: $2 passed, $(($1 - $2)) failed"
[ $status = 0 ] && [ "$1" = "$2" ] && [ "$2" -gt 0 ]
