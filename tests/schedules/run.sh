#!/bin/sh
# run.sh BUILD: every op as C for devices with vectors of other widths and instructions, whose kernels are tiled, unrolled,
# packed and vectorised by what passes/sched_pick.c makes of the device's numbers, against the goldens of tests/ops.
# tests/emit does it for host, with vectors of 128 bits. Where it has compiled the same C by the same compiler, or where this suite
# has for another device, a device is tested on the graphs whose C is its own: what a kernel, and all that it calls, is once comments
# are gone. Of the others every n-th op is tested, other ones for each device; NFC_TEST_EVERY_OP=1: all of them. Exit status 77: the
# processor cannot run a device's code.
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

# What host's C is, which tests/emit tests by each compiler that stands here with another device than "-".
python=${PYTHON:-/usr/bin/python3}
"$python" -B "$here/../emit/alike.py" "$build/nfc" "$work/host.json" "$here"/../ops/*.nfg || exit 1

# device, what the processor must have, engine of tests/emit/ops.py, devices whose C the same compiler has been tested on, share
while read -r device needs engine others share; do
    number=$((number + 1))
    [ "$needs" = - ] || grep -qw "$needs" /proc/cpuinfo || { unable="$unable; $device: the processor has no $needs"; continue; }
    mkdir "$work/$device" || exit 2
    said="$device" codes=
    [ "${NFC_TEST_EVERY_OP:-0}" = 1 ] && share=1
    every=$(ops "$share" "$number") only=$every
    if [ "$share" != 1 ]; then
        said="$device, every $share. op"
        if [ "$others" != - ]; then
            said="$said and C that is its own" only=
            for other in $(echo "$others" | tr , ' '); do codes="$codes $work/$other.json"; done
        fi
        said="$said (NFC_TEST_EVERY_OP=1: all)" sampled="$sampled $device"
    fi
    echo "schedules: $said"
    OPS=$only NFC_WHOLE=$every NFC_ALIKE=$codes NFC_FLAGS="--device $device" "$python" -B "$here/../emit/ops.py" "$build" "$work/$device" "$engine" >"$work/said" || { cat "$work/said"; exit 1; }
    cat "$work/said"
    passed=$((${passed:-0} + $(sed -n 's/^\([0-9]*\) passed, .*/\1/p' "$work/said")))
    [ -z "$codes" ] || mv "$work/$device/codes.json" "$work/$device.json"
    rm -rf "${work:?}/$device"
done <<DEVICES
x86-avx2 avx2 avx2 host 4
x86-avx512 avx512dq avx512 host 4
aarch64-neon - aarch64 host 12
x86-sse2 sse2 sse2 host 12
rpi4 - rpi4 host,aarch64-neon 12
aarch64-dotprod - dotprod host,aarch64-neon 12
aarch64-i8mm - i8mm host,aarch64-neon,aarch64-dotprod 12
aarch64-sve256 - sve256 - 3
riscv64-rvv256 - rvv256 - 3
wasm32-simd - wasm32 - 3
DEVICES
[ -z "$unable" ] || { echo "tests/schedules: NOT TESTED: ${unable#; }"; exit 77; }
echo "tests/schedules: $passed passed, 0 failed${sampled:+; of a share of the ops:$sampled}"
