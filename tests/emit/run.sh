#!/bin/sh
# run.sh BUILD [ENGINE...]: every op in the simulator and as C of several compilers, against the goldens.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?the build folder}" && pwd) || exit 2
shift
[ $# -gt 0 ] || set -- sim gcc clang c++ san aarch64
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
${PYTHON:-/usr/bin/python3} "$here/ops.py" "$build" "$work" "$@"
