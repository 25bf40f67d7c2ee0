#!/bin/sh
# run.sh BUILD: programs in several versions (nfc build --isa): which one init takes on which processor, what each of them
# gives, and what does not go together. About half a minute.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?the build folder}" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
"${PYTHON:-/usr/bin/python3}" "$here/check.py" "$build/nfc" "$work"
