#!/bin/sh
# run.sh BUILD: arithmetic on f16 in f16, on all its numbers and of ragged shapes: instructions of Arm under qemu, and those of AVX512-FP16
# as they are spelled, emulated. To the bit as NumPy has it by way of f64, and as the simulator has it. About a minute.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?the build folder}" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
PYTHONDONTWRITEBYTECODE=1 "${PYTHON:-/usr/bin/python3}" "$here/run.py" "$build/nfc" "$work"
