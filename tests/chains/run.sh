#!/bin/sh
# run.sh BUILD [SEED]: random graphs of windows and what follows them, a few rows at a time, as emitted C of gcc and of clang with
# sanitizers, against the simulator; see graphs.py and check.py.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?the build folder}" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
${PYTHON:-/usr/bin/python3} -B "$here/check.py" "$build" "$work" "${2:-1}"
