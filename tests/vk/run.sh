#!/bin/sh
# run.sh [BUILD]: kernels as GLSL compute shaders. glslang compiles every one, SPIRV-Tools checks it, and
# lavapipe, Mesa's Vulkan driver for CPUs, runs it: bit for bit what the interpreter of the kernel IR
# gives; whole graphs are compared with the simulator.
#
# Vulkan promises division and square root to a few units in the last place only, and lets a device
# flush subnormal numbers: lavapipe rounds correctly and keeps them, and only so are equal bits to be
# expected.
#
# A sample of the op tests' kernels, or all of them with NFC_TEST_ALL=1. Compiled shaders stay in
# BUILD/vk under the hash of their source. Exit status 77: something that the test needs is not here.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "${1:-$root/build}" && pwd) || exit 2
shaders=$build/vk
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT INT TERM
mkdir -p "$shaders" && cd "$root" || exit 2

stop() { echo "FAILED $1"; echo "tests/vk: 0 passed, 1 failed"; exit 1; }
missing() { echo "tests/vk: NOT TESTED: $1"; exit 77; }
command -v glslc >/dev/null || missing "there is no glslc (package glslc)"
echo '#include <spirv-tools/libspirv.h>' | ${CC:-gcc} -E - >/dev/null 2>&1 || missing "there is no spirv-tools/libspirv.h (package spirv-tools)"
echo '#include <vulkan/vulkan.h>' | ${CC:-gcc} -E - >/dev/null 2>&1 || missing "there is no vulkan/vulkan.h (package libvulkan-dev)"

[ -f "$build/nfc.a" ] || stop "no nfc.a in $build"
warn="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Werror"
${CC:-gcc} -std=c11 -D_GNU_SOURCE -I. -I"$build/gen" -O2 $warn -o "$work/vk" tests/vk/*.c "$build/nfc.a" -lcjson -lprotobuf-c -lSPIRV-Tools -lstdc++ -ldl -lm || stop "the test does not build"

# Only the CPU's driver: loading the others takes longer than the test.
for icd in /usr/share/vulkan/icd.d/lvp_icd*.json /etc/vulkan/icd.d/lvp_icd*.json; do
    [ -f "$icd" ] || continue
    VK_DRIVER_FILES=$icd VK_ICD_FILENAMES=$icd
    export VK_DRIVER_FILES VK_ICD_FILENAMES
done
# What LLVM would make of a shader takes most of the time, and is not what is tested.
MESA_SHADER_CACHE_DIR=$shaders/cache GALLIVM_PERF=nopt
export MESA_SHADER_CACHE_DIR GALLIVM_PERF
device=$("$work/vk" device)
case $? in 0) ;; 77) missing "$device" ;; *) stop "the device cannot be opened" ;; esac

sample=15
[ "${NFC_TEST_ALL:-0}" = 1 ] && sample=1
graphs="made $(ls tests/vk/*.nfg examples/*/*.nfg)" || stop "no graphs"
ops=$(ls tests/ops/*.nfg) || stop "no graphs of the ops"
jobs=$(nproc)

"$work/vk" emit "$shaders" $sample $graphs -- $ops >"$work/new" 2>"$work/log" || { cat "$work/new" "$work/log" | grep -v '^[0-9a-f]*\.comp$'; stop "the shaders cannot be printed"; }
sort -u -o "$work/new" "$work/new"
# Each batch in a folder of its own, so that what is half written counts for nothing.
compile='cd "$(mktemp -d "$0/new.XXXXXX")" && for shader; do echo "../$shader"; done | xargs glslc -c --target-env=vulkan1.2 2>&1
find . -name "*.spv" -size +0 -exec mv -t .. {} + && rm -rf "$PWD"'
xargs -r -P "$jobs" -n 64 sh -c "$compile" "$shaders" <"$work/new"
"$work/vk" run "$shaders" $sample "$jobs" $graphs -- $ops >"$work/out" 2>&1
ran=$?
sed '$d' "$work/out"
set -- $(tail -n 1 "$work/out")
[ "${1:-}" = checks ] || { tail -n 1 "$work/out"; stop "the test ended early"; }
echo "tests/vk: $(($2 - $4)) passed, $4 failed; $(wc -l <"$work/new") shaders compiled, $device"
[ $ran = 0 ]
