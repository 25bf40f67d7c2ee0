#!/bin/sh
# run.sh [BUILD]: an elementwise op is one line of ir/ops.def.
#
# In a copy of the sources rows.def is put into the table, and nothing else is touched; then the docs,
# the tests, the simulator, the emitted C, the shaders and the JSON form must know the new ops. Some 20
# seconds. BUILD is not looked at: the copy has a build of its own.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
python=${PYTHON:-/usr/bin/python3}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
NO_COLOR=1 LC_ALL=C PYTHONDONTWRITEBYTECODE=1
export NO_COLOR LC_ALL PYTHONDONTWRITEBYTECODE
copy=$work/copy build=$work/copy/build

stop() { echo "FAILED oneop: $1"; [ -z "$2" ] || sed 's/^/    /' "$2"; echo "tests/oneop: 0 passed, 1 failed"; exit 1; }
missing() { echo "tests/oneop: NOT TESTED: $1"; exit 77; }
command -v glslc >/dev/null || missing "there is no glslc (package glslc)"
command -v spirv-val >/dev/null || missing "there is no spirv-val (package spirv-tools)"

mkdir -p "$copy/tests/ops/golden" && cd "$root" &&
    cp -r Makefile frontend ir passes codegen devices runtime-min "$copy" &&
    cp -r tests/emit tests/verbs tests/oneop "$copy/tests" &&
    cp tests/ops/*.py "$copy/tests/ops" || stop "the sources cannot be copied"
cd "$copy" || exit 2
# Goldens that count as there, so that those of the new ops are all that is missing.
(cd "$root/tests/ops/golden" && ls) | (cd tests/ops/golden && xargs mkdir)

sed -i '/^EW1(sigmoid,/r tests/oneop/rows.def' ir/ops.def
diff "$root/ir/ops.def" ir/ops.def | sed -n 's/^> //p' | cmp - tests/oneop/rows.def || stop "the rows are not in the table"
[ "$(grep -c soft_step ir/ops.def)" = 1 ] || stop "soft_step is more than a line"

# make builds the program, but is not content before the ops have goldens.
make -j2 CFLAGS=-O0 WERROR=-Werror >"$work/log" 2>&1 && stop "make is content with ops that have no tests"
[ -x build/nfc ] || stop "it does not build" "$work/log"
grep -q "no goldens of: soft_step bit_clear flip_where\." "$work/log" || stop "make does not say what is missing" "$work/log"
"$python" tests/ops/make_goldens.py --nfc build/nfc soft_step bit_clear flip_where >"$work/log" 2>&1 || stop "there are no goldens" "$work/log"
make -j2 CFLAGS=-O0 WERROR=-Werror >"$work/log" 2>&1 || stop "make finds no goldens" "$work/log"

    ${CC:-gcc} -std=c11 -D_GNU_SOURCE -I. -Ibuild/gen -Wall -Wextra -o "$work/shaders" tests/oneop/shaders.c build/nfc.a -lcjson -lprotobuf-c -lm || stop "shaders.c does not build"

mkdir "$work/cases" && cd "$work/cases" || exit 2
NFC=$build/nfc ROOT=$copy SHADERS=$work/shaders "$python" "$copy/tests/oneop/check.py" >"$work/out" 2>"$work/err"
count=$(tail -n 1 "$work/out")
case $count in
*[!0-9\ ]* | '') cat "$work/out"; stop "check.py ended early" "$work/err" ;;
esac
sed '$d; s|^FAILED verbs/|FAILED oneop/|' "$work/out"
echo "tests/oneop: ${count% *} passed, ${count#* } failed"
[ "${count#* }" = 0 ]
