#!/bin/sh
# run.sh BUILD: convolutions by Winograd's algorithm against f64, within its bound; which ones are taken, and when none is.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?the build folder}" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
"${PYTHON:-/usr/bin/python3}" -B "$here/winograd.py" "$build/nfc" "$work"
