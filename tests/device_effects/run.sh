#!/bin/sh
# run.sh [BUILD] [PART...]: what devices say acts. Each PART.py prints a line for each thing that failed
# or was left out, and last "PASSED FAILED LEFTOUT". Exits with 77 when nothing failed, but something
# was left out because a tool is not on this machine; NFC_TEST_ALL=1 makes that a failure.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "${1:-$root/build}" && pwd) || exit 2
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- $(cd "$here" && ls check_*.py | sed 's/^check_//; s/\.py$//')

NO_COLOR=1 LC_ALL=C PYTHONDONTWRITEBYTECODE=1 NFC=$build/nfc ROOT=$root
export NO_COLOR LC_ALL PYTHONDONTWRITEBYTECODE NFC ROOT
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT INT TERM
passed=0 failed=0 left=0
for part; do
    mkdir "$work/$part"
    (cd "$work/$part" && "${PYTHON:-/usr/bin/python3}" "$here/check_$part.py") >"$work/out" 2>"$work/err"
    count=$(tail -n 1 "$work/out")
    case $count in
    [0-9]*' '[0-9]*' '[0-9]*)
        sed '$d' "$work/out"
        set -- $count
        passed=$((passed + $1)) failed=$((failed + $2)) left=$((left + $3)) ;;
    *)
        cat "$work/out" "$work/err"
        echo "FAILED device_effects/$part: it ended early"
        failed=$((failed + 1)) ;;
    esac
done
note=
[ $left = 0 ] || note=", $left NOT TESTED"
echo "tests/device_effects: $passed passed, $failed failed$note"
[ $failed = 0 ] || exit 1
[ $left = 0 ] || [ -n "$NFC_TEST_ALL" ] || exit 77
[ $left = 0 ]
