#!/bin/sh
# run.sh [BUILD] [PART...]: nfc itself, and the verbs ops, fmt, inspect, run and test.
#
# Each PART.py checks one verb and prints a line for each thing that failed, then "PASSED FAILED".
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "${1:-$root/build}" && pwd) || exit 2
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- $(cd "$here" && ls check_*.py | sed 's/^check_//; s/\.py$//')

NO_COLOR=1 LC_ALL=C PYTHONDONTWRITEBYTECODE=1 NFC=$build/nfc ROOT=$root
export NO_COLOR LC_ALL PYTHONDONTWRITEBYTECODE NFC ROOT
[ -x "$NFC" ] || { echo "tests/verbs: there is no $NFC; run make first"; exit 2; }
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT INT TERM
passed=0 failed=0
for part; do
    mkdir "$work/$part"
    (cd "$work/$part" && "${PYTHON:-/usr/bin/python3}" "$here/check_$part.py") >"$work/out"
    sed '$d' "$work/out"
    count=$(tail -n 1 "$work/out")
    case $count in
    [0-9]*' '[0-9]*) passed=$((passed + ${count% *})) failed=$((failed + ${count#* })) ;;
    *) echo "FAILED verbs/$part: it ended early: $count"; failed=$((failed + 1)) ;;
    esac
done
echo "tests/verbs: $passed passed, $failed failed"
[ $failed = 0 ]
