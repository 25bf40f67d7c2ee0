#!/bin/sh
# run.sh [BUILD]: the examples in the documents; see run.py.
exec "${PYTHON:-/usr/bin/python3}" "$(dirname "$0")/run.py" "${1:-build}"
