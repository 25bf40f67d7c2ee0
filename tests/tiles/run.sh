#!/bin/sh
# run.sh BUILD: products and convolutions of bytes, and products of bf16, in tiles, as C for x86-amx, with AMX in plain C where the processor has
# none (emulated.h), against NumPy, to the bit; and the same sources with the real instructions. About a minute.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?the build folder}" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
PYTHONDONTWRITEBYTECODE=1 "${PYTHON:-/usr/bin/python3}" "$here/run.py" "$build/nfc" "$work"
