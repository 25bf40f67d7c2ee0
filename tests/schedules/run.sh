#!/bin/sh
# run.sh BUILD: every op as C for devices with wide vectors and fused multiply-adds, whose kernels are tiled, unrolled,
# packed and vectorised by what passes/sched_pick.c makes of the device's numbers, against the goldens of tests/ops.
# (tests/emit does it for host, with vectors of 128 bits.) Exit status 77: the processor cannot run a device's code.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?the build folder}" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
unable=
# device, what the processor must have, engine of tests/emit/ops.py
while read -r device needs engine; do
    [ "$needs" = - ] || grep -qw "$needs" /proc/cpuinfo || { unable="$unable; $device: the processor has no $needs"; continue; }
    mkdir "$work/$device" || exit 2
    echo "schedules: $device"
    NFC_FLAGS="--device $device" "${PYTHON:-/usr/bin/python3}" "$here/../emit/ops.py" "$build" "$work/$device" "$engine" || exit 1
    rm -rf "${work:?}/$device"
done <<DEVICES
x86-avx2 avx2 avx2
x86-avx512 avx512dq avx512
aarch64-neon - aarch64
DEVICES
[ -z "$unable" ] || { echo "tests/schedules: NOT TESTED: ${unable#; }"; exit 77; }
