#!/bin/sh
# run.sh BUILD: products and convolutions of bytes and of bf16, of ragged shapes and with every kind of zero point, as C for
# devices whose dot products are of different types; against NumPy, to the bit or within a stated bound. About three minutes.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?the build folder}" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
PYTHONDONTWRITEBYTECODE=1 "${PYTHON:-/usr/bin/python3}" "$here/run.py" "$build/nfc" "$work"
