#!/bin/sh
# run.sh BUILD: attention that is written in steps, as exporters write it; see check.py. Exit status 77: the processor
# cannot run a device's code.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?the build folder}" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
unable=
while read -r device needs; do
    grep -qw "$needs" /proc/cpuinfo || { unable="$unable; $device: the processor has no $needs"; continue; }
    mkdir "$work/$device" || exit 2
    "${PYTHON:-/usr/bin/python3}" -B "$here/check.py" "$build/nfc" "$work/$device" "$device" || exit 1
done <<DEVICES
x86-avx512 avx512dq
x86-avx2 avx2
DEVICES
[ -z "$unable" ] || { echo "tests/attention: NOT TESTED: ${unable#; }"; exit 77; }
