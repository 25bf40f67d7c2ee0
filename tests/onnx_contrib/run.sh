#!/bin/sh
# run.sh [BUILD]: operators of ONNX Runtime's own, in the simulator and as C, against what ONNX Runtime gave: tests/onnx/contrib.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-$here/../../build}" && pwd) || exit 2
exec ${PYTHON:-/usr/bin/python3} -B "$here/../onnx/run.py" --nfc "$build/nfc" --suite "$here/../onnx/contrib"
