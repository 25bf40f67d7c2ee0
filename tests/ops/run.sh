#!/bin/sh
# run.sh [BUILD]: every op of the table has its graphs and goldens here, and they are what make_goldens.py
# makes of the table. What the ops compute is compared with them by tests/emit.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-$here/../../build}" && pwd) || exit 2
python=${PYTHON:-/usr/bin/python3}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
passed=0 failed=0

result() { # NAME WHAT_IS_WRONG...
    name=$1
    shift
    if [ $# = 0 ]; then passed=$((passed + 1)); return; fi
    failed=$((failed + 1))
    echo "FAILED ops/$name: $*"
}

"$python" "$here/make_goldens.py" --nfc "$build/nfc" --check >"$work/out" 2>&1 && result goldens ||
    { cat "$work/out"; result goldens "run tests/ops/make_goldens.py --nfc $build/nfc"; }

# A check that finds nothing is worth what it finds in a copy that is wrong.
copy=$work/copy
mkdir -p "$copy/golden"
cp "$here"/*.py "$here/div.nfg" "$copy" && cp -r "$here/jpeg" "$copy" && cp -r "$here/golden/div" "$copy/golden" || exit 2
finds() { # NAME LINE: --check of div says just this, with status 1
    "$python" "$copy/make_goldens.py" --nfc "$build/nfc" --check div >"$work/out" 2>&1
    status=$?
    found=$(grep -v ' graphs of ' "$work/out")
    if [ $status = ${3:-1} ] && [ "$found" = "$2" ]; then result "$1"; else result "$1" "status $status: $(cat "$work/out")"; fi
}
golden=golden/div
finds copy '' 0
sed -i 's/f32 \[7\]/f32 [8]/' "$copy/div.nfg"
finds graph 'div.nfg: is not what would be written'
rm "$copy/div.nfg"
finds no_graph 'div.nfg: is missing'
cp "$here/div.nfg" "$copy"
cp "$here/$golden/f16/result.npy" "$copy/$golden/f16/a.npy"
finds array "$golden/f16/a.npy: is not what would be written"
cp "$here/$golden/f16/a.npy" "$copy/$golden/f16/a.npy"
"$python" - "$copy/$golden/f64/result.npy" <<'EOF'
import sys
import numpy as np
a = np.load(sys.argv[1])
a.flat[0] *= 1 + 1e-12
np.save(sys.argv[1], a)
EOF
finds f64 "$golden/f64/result.npy: is not what would be written"
cp "$here/$golden/f64/result.npy" "$copy/$golden/f64"
rm -r "$copy/$golden/i32_by_zero/error.txt"
finds error "$golden/i32_by_zero/error.txt: is missing"
"$python" "$copy/make_goldens.py" --nfc "$build/nfc" div >/dev/null || result writes "make_goldens.py div fails"
touch "$copy/$golden/f16/c.npy"
finds left_over "$golden/f16/c.npy: belongs to no case"
"$python" "$copy/make_goldens.py" --nfc "$build/nfc" div >/dev/null
diff -r "$here/$golden" "$copy/$golden" >"$work/out" && result writes || result writes "$(cat "$work/out")"

# Without the goldens of an op, and with those of one that is gone.
mkdir "$copy/golden/no_op" && touch "$copy/golden/no_op/x.npy"
"$python" "$copy/make_goldens.py" --nfc "$build/nfc" --check >"$work/out"
grep -qx 'golden/no_op/x.npy: belongs to no case' "$work/out" && result gone || result gone "is not said"
grep -qx 'sdpa.nfg: is missing' "$work/out" && result untested || result untested "is not said"

echo "tests/ops: $passed passed, $failed failed"
[ $failed = 0 ]
