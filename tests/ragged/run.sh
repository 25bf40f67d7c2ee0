#!/bin/sh
# run.sh BUILD: small networks with constant weights and ragged extents, for what schedules do only to such: for each device
# with vectors, compiled by gcc, and by clang under sanitizers, against the simulator; see ragged.py. Exit status 77: the
# processor cannot run a device's code.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?the build folder}" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
"${PYTHON:-/usr/bin/python3}" -B "$here/ragged.py" "$build/nfc" "$work" "$here"/*.nfg
