#!/bin/sh
# run.sh [BUILD]: kernels as GLSL compute shaders. glslang compiles every one, spirv-val checks it, and
# lavapipe, Mesa's Vulkan driver for CPUs, runs it: bit for bit what the interpreter of the kernel IR
# gives; whole graphs are compared with the simulator.
#
# Vulkan promises division and square root to a few units in the last place only, and lets a device
# flush subnormal numbers: lavapipe rounds correctly and keeps them, and only so are equal bits to be
# expected.
#
# A sample of the op tests' kernels, or all of them with NFC_VK=all. Compiled shaders stay in
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
command -v glslangValidator >/dev/null || missing "there is no glslangValidator (package glslang-tools)"
command -v spirv-val >/dev/null || missing "there is no spirv-val (package spirv-tools)"
echo '#include <vulkan/vulkan.h>' | ${CC:-gcc} -E - >/dev/null 2>&1 || missing "there is no vulkan/vulkan.h (package libvulkan-dev)"

[ -f "$build/nfc.a" ] || stop "no nfc.a in $build"
warn="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Werror"
${CC:-gcc} -std=c11 -D_GNU_SOURCE -I. -I"$build/gen" -O2 $warn -o "$work/vk" tests/vk/*.c "$build/nfc.a" -lcjson -lprotobuf-c -ldl -lm || stop "the test does not build"

# Only the CPU's driver: loading the others takes longer than the test.
for icd in /usr/share/vulkan/icd.d/lvp_icd*.json /etc/vulkan/icd.d/lvp_icd*.json; do
    [ -f "$icd" ] || continue
    VK_DRIVER_FILES=$icd VK_ICD_FILENAMES=$icd
    export VK_DRIVER_FILES VK_ICD_FILENAMES
done
MESA_SHADER_CACHE_DIR=$shaders/cache
export MESA_SHADER_CACHE_DIR
device=$("$work/vk" device)
case $? in 0) ;; 77) missing "$device" ;; *) stop "the device cannot be opened" ;; esac

sample=15
[ "${NFC_VK:-}" = all ] && sample=1
graphs="$(ls tests/vk/*.nfg examples/*/*.nfg)" || stop "no graphs"
jobs=$(getconf _NPROCESSORS_ONLN)

{ "$work/vk" emit "$shaders" 1 made $graphs && "$work/vk" emit "$shaders" $sample tests/ops/*.nfg; } >"$work/new" 2>"$work/log"
if [ $? != 0 ]; then
    cat "$work/new" "$work/log" | grep -v "^$shaders"
    stop "the shaders cannot be printed"
fi
sort -u -o "$work/new" "$work/new"
compile='for shader; do
    log=$(glslangValidator --quiet -V --target-env vulkan1.2 "$shader.comp" -o "$shader.tmp" 2>&1 && spirv-val --target-env vulkan1.2 "$shader.tmp" 2>&1) &&
        mv "$shader.tmp" "$shader.spv" || printf "FAILED %s.comp: %s\n" "$shader" "$log"
done'
xargs -P "$jobs" -n 8 sh -c "$compile" sh <"$work/new" >"$work/compiled" 2>&1
cat "$work/compiled"

"$work/vk" graphs "$shaders" 1 made $graphs >"$work/out.graphs" 2>&1 &
ls tests/ops/*.nfg | xargs -P "$jobs" -n 6 sh -c '"$0" kernels "$@" >$(mktemp "$0.out.XXXXXX") 2>&1' "$work/vk" "$shaders" $sample
ran=$?
wait
cat "$work"/vk.out.* "$work/out.graphs" | grep -v -e '^checks ' -e "^$device\$"
set -- $(cat "$work"/vk.out.* "$work/out.graphs" | awk '/^checks / { n += $2; bad += $4; files++ } END { print n + 0, bad + 0, files + 0 }')
programs=$(($(ls "$work"/vk.out.* | wc -l) + 1))
[ $3 = $programs ] || { echo "FAILED $((programs - $3)) of $programs programs did not end"; set -- $1 $(($2 + programs - $3)); }
bad=$(($2 + $(grep -c '^FAILED' "$work/compiled")))
echo "tests/vk: $(($1 - $2)) passed, $bad failed; $(wc -l <"$work/new") shaders compiled, $device"
[ $bad = 0 ] && [ $ran = 0 ]
