#!/bin/sh
# run.sh [BUILD] [PROGRAM.nfg...]: programs aimed at what a compiler gets wrong, the simulator against emitted C.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-$here/../../build}" && pwd) || exit 2
[ $# -gt 0 ] && shift
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
${PYTHON:-/usr/bin/python3} -B "$here/run.py" "$build" "$work" "$@"
