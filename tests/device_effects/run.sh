#!/bin/sh
# run.sh [BUILD] [PART...]: what devices say acts. About twenty seconds.
#
# Each check_PART.py prints a line for each thing that failed or was left out, and last "PASSED FAILED".
# Exits with 77 when nothing failed, but something was left out because a tool is not on this machine.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "${1:-$root/build}" && pwd) || exit 2
[ $# -gt 0 ] && shift
[ $# -gt 0 ] || set -- $(cd "$here" && ls check_*.py | sed 's/^check_//; s/\.py$//')

NO_COLOR=1 LC_ALL=C PYTHONDONTWRITEBYTECODE=1 NFC=$build/nfc ROOT=$root
export NO_COLOR LC_ALL PYTHONDONTWRITEBYTECODE NFC ROOT
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT INT TERM
passed=0 failed=0 left=
for part; do
    mkdir "$work/$part"
    (cd "$work/$part" && "${PYTHON:-/usr/bin/python3}" "$here/check_$part.py") >"$work/out" 2>"$work/err"
    count=$(tail -n 1 "$work/out")
    case $count in
    [0-9]*' '[0-9]*)
        sed '$d' "$work/out"
        left=$left$(sed -n 's/^left out: /; /p' "$work/out" | tr -d '\n')
        passed=$((passed + ${count% *})) failed=$((failed + ${count#* })) ;;
    *)
        cat "$work/out" "$work/err"
        echo "FAILED device_effects/$part: it ended early"
        failed=$((failed + 1)) ;;
    esac
done
echo "tests/device_effects: $passed passed, $failed failed${left:+, NOT TESTED: ${left#; }}"
[ $failed = 0 ] || exit 1
[ -z "$left" ] || exit 77
