#!/bin/sh
# run.sh BUILD: what --strict promises. Programs of one graph, made for other devices, by other compilers, optimised
# more or less, run here or under qemu: every bit that they write is the same.
#
# NFC_STRICT=all: every compiler at every level for every device, all ops, more random modules, and the models of
# NFC_MODELS or ../shared/models. Exit status 77: a device's tools are not here.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?the build folder}" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
${PYTHON:-/usr/bin/python3} -B "$here/run.py" "$build" "$work"
