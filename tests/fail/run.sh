#!/bin/sh
# run.sh [BUILD]: bad inputs and what is said of them. NFC_BLESS=1 writes the .expect files anew.
exec "${PYTHON:-/usr/bin/python3}" "$(dirname "$0")/run.py" "${1:-build}"
