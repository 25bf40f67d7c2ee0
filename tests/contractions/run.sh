#!/bin/sh
# run.sh BUILD: products and convolutions of ragged shapes, with operands that are constants and ones that are not, as C for
# devices whose caches are so small that kernels work in blocks, and for wide vectors; against NumPy in f64. About a minute.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?the build folder}" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
PYTHONDONTWRITEBYTECODE=1 "${PYTHON:-/usr/bin/python3}" "$here/run.py" "$build/nfc" "$work"
