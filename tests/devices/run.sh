#!/bin/sh
# run.sh [BUILD]: device descriptions. NFC_BLESS=1 writes bad/*.expect and the table of
# devices/SCHEMA.md anew. About six seconds.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "${1:-$root/build}" && pwd) || exit 2
python=${PYTHON:-/usr/bin/python3}
nfc=$build/nfc
NO_COLOR=1 LC_ALL=C
export NO_COLOR LC_ALL
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT INT TERM
passed=0 failed=0

# compare NAME: what the last command printed, with bad/NAME.expect
compare() {
    if [ -n "$NFC_BLESS" ]; then cp "$work/got" "$here/bad/$1.expect"; fi
    if diff -u "$here/bad/$1.expect" "$work/got"; then passed=$((passed + 1))
    else echo "FAILED devices/$1"; failed=$((failed + 1)); fi
}

# session NAME ARGUMENTS...: nfc devices ARGUMENTS, in the folder of the bad files
session() {
    name=$1; shift
    (cd "$work/bad" && "$nfc" devices "$@" >"$work/got" 2>&1; echo "exit $?" >>"$work/got")
    compare "$name"
}

mkdir "$work/bad"
"$python" "$here/bad.py" "$work/bad" >"$work/names" || exit 2
[ -z "$NFC_BLESS" ] || rm -f "$here"/bad/*.expect
while read -r name; do session "$name" "./$name.json"; done <"$work/names"
session file_missing ./nothing.json
session file_folder ./
session name_near hots
session name_far quantum
session name_empty ''
session usage_two host rk3588
session usage_probe --probe host
session usage_option --proba
session usage_json --json
session usage_json_base --json ./base_name_far.json

# no golden without its case
for f in "$here"/bad/*.expect; do
    n=$(basename "$f" .expect)
    case $n in file_* | name_* | usage_*) continue ;; esac
    grep -qx "$n" "$work/names" || { echo "FAILED devices: $n.expect belongs to no case"; failed=$((failed + 1)); }
done

# checks NAME COMMAND...: what it prints, whose last line is "PASSED FAILED"
checks() {
    name=$1; shift
    "$@" >"$work/checks" || { echo "FAILED devices/$name"; echo "0 1" >>"$work/checks"; }
    sed '$d' "$work/checks"
    set -- $(tail -n 1 "$work/checks")
    passed=$((passed + $1)) failed=$((failed + $2))
}
checks check.py "$python" "$here/check.py" "$nfc" "$root/devices"
checks base.py "$python" "$here/base.py" "$nfc"

# the probe, on machines that are not at hand

if ${CC:-cc} -std=c11 -D_GNU_SOURCE -Wall -Wextra -I"$root" -I"$build/gen" ${CFLAGS:--O2} -o "$work/probe_at" \
    "$here/probe_at.c" "$build/nfc.a" -lcjson -lprotobuf-c -lm; then
    checks probe.py "$python" "$here/probe.py" "$work/probe_at"
else
    echo "FAILED devices/probe_at.c does not compile"; failed=$((failed + 1))
fi

echo "tests/devices: $passed passed, $failed failed"
[ "$failed" = 0 ]
