#!/bin/sh
# run.sh [BUILD]: graphs to JSON and to IR text and back; see run.py.
exec "${PYTHON:-/usr/bin/python3}" "$(dirname "$0")/run.py" "${1:-build}"
