#!/bin/sh
# run.sh BUILD [PATTERN]: control flow, dynamic sizes, functions and containers of ONNX models; see check.py.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?the build folder}" && pwd) || exit 2
shift
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
${PYTHON:-/usr/bin/python3} -B "$here/check.py" "$build" "$work" "$@"
