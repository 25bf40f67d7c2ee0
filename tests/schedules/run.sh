#!/bin/sh
# run.sh BUILD: every op as C for devices with vectors of other widths and instructions, whose kernels are tiled, unrolled,
# packed and vectorised by what passes/sched_pick.c makes of the device's numbers, against the goldens of tests/ops.
# (tests/emit does it for host, with vectors of 128 bits.) Of devices with a share of n, every n-th op is tested, other
# ones for each device; NFC_TEST_EVERY_OP=1: all of them. Exit status 77: the processor cannot run a device's code.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?the build folder}" && pwd) || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
unable= number=0 sampled=

# ops SHARE NUMBER: every SHARE-th op, from the NUMBER-th on
ops() { (cd "$here/../ops" && ls ./*.nfg) | sed 's|./||; s|\.nfg$||' | awk -v n="$1" -v k="$2" 'NR % n == k % n'; }

# Squares of 16 bytes to a row are turned in registers.
"$build/nfc" build "$here/../ops/transpose.nfg" --device x86-sse2 --emit=sources -o "$work/turned" >"$work/said" 2>&1 || { cat "$work/said"; exit 1; }
for square in u8x16 i8x16 u16x8 f32x4 i32x4 part_u8x16 part_i8x16 part_u16x8 part_i32x4; do
    grep -q "^ *nf_turn_$square(result" "$work/turned/transpose.c" || { echo "FAILED schedules: no kernel of transpose.nfg calls nf_turn_$square"; exit 1; }
done

# device, what the processor must have, engine of tests/emit/ops.py, share
while read -r device needs engine share; do
    number=$((number + 1))
    [ "$needs" = - ] || grep -qw "$needs" /proc/cpuinfo || { unable="$unable; $device: the processor has no $needs"; continue; }
    mkdir "$work/$device" || exit 2
    said="$device"
    [ "${NFC_TEST_EVERY_OP:-0}" = 1 ] && share=1
    [ "$share" = 1 ] || { said="$device, every $share. op (NFC_TEST_EVERY_OP=1: all)"; sampled="$sampled $device"; }
    echo "schedules: $said"
    OPS=$(ops "$share" "$number") NFC_FLAGS="--device $device" "${PYTHON:-/usr/bin/python3}" "$here/../emit/ops.py" "$build" "$work/$device" "$engine" >"$work/said" || { cat "$work/said"; exit 1; }
    cat "$work/said"
    passed=$((${passed:-0} + $(sed -n 's/^\([0-9]*\) passed, .*/\1/p' "$work/said")))
    rm -rf "${work:?}/$device"
done <<DEVICES
x86-avx2 avx2 avx2 1
x86-avx512 avx512dq avx512 1
aarch64-neon - aarch64 1
x86-sse2 sse2 sse2 4
rpi4 - rpi4 6
aarch64-dotprod - dotprod 4
aarch64-i8mm - i8mm 5
aarch64-sve256 - sve256 3
riscv64-rvv256 - rvv256 3
wasm32-simd - wasm32 3
DEVICES
[ -z "$unable" ] || { echo "tests/schedules: NOT TESTED: ${unable#; }"; exit 77; }
echo "tests/schedules: $passed passed, 0 failed${sampled:+; of a share of the ops:$sampled}"
