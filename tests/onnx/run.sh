#!/bin/sh
# run.sh BUILD: a fixed sample of the published ONNX 1.12 tests in the simulator, as C of gcc and of clang with
# sanitizers: every operator at least once. make check-onnx runs all of them, and the newest.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?the build folder}" && pwd) || exit 2
python=${PYTHON:-/usr/bin/python3}
if [ ! -d /usr/share/libonnx-testdata/data/node ]; then
    echo "tests/onnx: NOT TESTED: there is no /usr/share/libonnx-testdata: apt-get install libonnx-testdata"
    exit 77
fi
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
failed=0
"$python" -B "$here/selfcheck.py" "$build/nfc" "$work" || failed=1
"$python" -B "$here/table.py" --nfc "$build/nfc" --check || { echo "FAILED README.md: run tests/onnx/table.py --nfc $build/nfc"; failed=1; }
"$python" -B "$here/run.py" --nfc "$build/nfc" --suite /usr/share/libonnx-testdata/data --sample >"$work/log" || failed=1
cat "$work/log"
[ $failed = 0 ]
