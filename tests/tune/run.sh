#!/bin/sh
# run.sh BUILD: nfc tune, and builds with files of schedules.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?the build folder}" && pwd) || exit 2
python=${PYTHON:-/usr/bin/python3}
grep -qw avx2 /proc/cpuinfo || { echo "tests/tune: NOT TESTED: the processor has no AVX2"; exit 77; }
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
NO_COLOR=1 LC_ALL=C TMPDIR=$work/tmp PYTHONDONTWRITEBYTECODE=1
export NO_COLOR LC_ALL TMPDIR PYTHONDONTWRITEBYTECODE
mkdir "$TMPDIR" && cd "$work" && cp "$here/graph.nfg" . || exit 2
nfc=$build/nfc passed=0 failed=0

result() { # NAME WHAT_IS_WRONG...
    name=$1
    shift
    if [ $# = 0 ]; then passed=$((passed + 1)); return; fi
    failed=$((failed + 1))
    echo "FAILED tune/$name: $*"
}
tune() { "$nfc" tune graph.nfg --device x86-avx2 "$@" >out 2>err; }
lines() { grep -c "^$1 [0-9a-f]\{16\}" "${2:-graph.schedules}"; }

# A search: a line for each kernel, beside the graph.
tune --tries 2 && grep -q '^graph.schedules$' out && result search || result search "$(cat out err)"
[ "$(sed -n '1p;2p' graph.schedules)" = "nfc-schedules 1
device x86-avx2" ] && result head || result head "$(head -n 2 graph.schedules)"
kernels=$(sed -n 's/^  \([0-9]*\) kernels with schedules.*/\1/p' out)
[ "${kernels:-0}" -ge 3 ] && [ $(($(lines kernel) + $(lines picked))) = "$kernels" ] && [ "$(lines tried)" = 0 ] && result lines || result lines "$(cat out graph.schedules)"
[ "$(grep -c ' tried 2 ' graph.schedules)" = "$kernels" ] && result tried || result tried "$(cat graph.schedules)"
[ -z "$(ls "$TMPDIR")" ] && result tidy || result tidy "$(ls "$TMPDIR")"

# What is known is not measured again: neither make nor a compiler is there.
cp graph.schedules before
PATH=/nowhere "$nfc" tune graph.nfg --device x86-avx2 --tries 2 >out 2>err && grep -q "$kernels known before" out && cmp -s before graph.schedules && result known || result known "$(cat out err)"

# A killed search leaves what it found; the next one goes on behind it.
rm graph.schedules
"$nfc" tune graph.nfg --device x86-avx2 --tries 40 >out 2>err &
child=$!
for i in $(seq 3000); do
    [ -f graph.schedules ] && [ $(($(lines kernel) + $(lines tried))) -ge $((2 * kernels)) ] && break
    sleep 0.1
done
kill -9 $child
wait $child 2>/dev/null
rm -rf "${TMPDIR:?}"/*
printf 'tried 0123' >>graph.schedules # a line that was not ended
found=$(grep '^kernel\|^tried .* us' graph.schedules | cut -d' ' -f2 | sort | uniq -c | awk 'NR == 1 || $1 < n { n = $1 } END { print n }')
[ "${found:-0}" -ge 1 ] && PATH=/nowhere "$nfc" tune graph.nfg --device x86-avx2 --tries "$found" >out 2>err && result goes_on || result goes_on "$found: $(cat out err)"
grep -q '^tried\|0123$' graph.schedules && result goes_on_file "$(cat graph.schedules)" || result goes_on_file

# Results of a tuned build, and of builds with schedules that nothing would pick.
printf 'nfc-schedules 1\ndevice x86-avx2\n' >none.schedules
"$python" "$here/compare.py" "$nfc" "$work" >out 2>err
status=$?
sed '$d' out
count=$(tail -n 1 out)
case $status:$count in
[01]:[0-9]*) passed=$((passed + ${count% *})) failed=$((failed + ${count#* })) ;;
*) result compare "$(cat err)" ;;
esac

# Devices and options that cannot be.
"$nfc" tune graph.nfg --device c99-scalar >out 2>err; [ $? = 3 ] && grep -q NFC0702 err && result no_vectors || result no_vectors "$(cat err)"
"$nfc" tune graph.nfg --device x86-avx2 --tries 0 >out 2>err; [ $? = 2 ] && result no_tries || result no_tries "$(cat err)"
"$nfc" tune graph.nfg --device x86-avx2 -o /nowhere/x >out 2>err; [ $? = 5 ] && result no_file || result no_file "$(cat err)"
"$nfc" build graph.nfg --device x86-avx2 --schedules missing.schedules >out 2>err; [ $? = 5 ] && result missing || result missing "$(cat err)"

echo "tests/tune: $passed passed, $failed failed"
[ $failed = 0 ]
