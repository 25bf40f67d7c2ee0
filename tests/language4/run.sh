#!/bin/sh
# run.sh [BUILD [ENGINE...]]: the four programs that the language is known by, in the simulator (sim) and
# as emitted C (exe), against NumPy in float64; see check.py.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-build}" && pwd) || exit 2
[ $# -gt 0 ] && shift
export PYTHONDONTWRITEBYTECODE=1
exec "${PYTHON:-/usr/bin/python3}" "$here/check.py" "$build/nfc" "${@:-sim}" "${@:-exe}"
