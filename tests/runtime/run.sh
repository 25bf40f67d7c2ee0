#!/bin/sh
# run.sh [BUILD]: emitted programs and the files around them. Half a minute: it compiles a lot.
here=$(cd "$(dirname "$0")" && pwd)
exec "${PYTHON:-/usr/bin/python3}" -B "$here/run.py" "${1:-$here/../../build}"
