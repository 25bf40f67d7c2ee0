#!/bin/sh
# run.sh BUILD: random operators: their numbers where the seed says them, their moments where it does not, from run to
# run, in the simulator and as C.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?the build folder}" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
PYTHONDONTWRITEBYTECODE=1 ${PYTHON:-/usr/bin/python3} "$here/check.py" "$build" "$work"
