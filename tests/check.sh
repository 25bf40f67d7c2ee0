#!/bin/sh
# check.sh BUILD [SUITE...]: runs the suites, tests/SUITE/run.sh BUILD, each with a line of its own.
#
# A suite that exits with 77 could not be run here: it is named at the end, and counts as failed when NFC_TEST_ALL=1.
tests=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?the build folder}" && pwd) || exit 2
shift
[ $# -gt 0 ] || set -- $(cd "$tests" && ls -d */run.sh | sed 's|/run.sh||')
log=$(mktemp)
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT TERM
passed=0 failed=0 skipped=0 unable= broken=
for suite; do
    begin=$(date +%s)
    sh "$tests/$suite/run.sh" "$build" >"$log" 2>&1 </dev/null
    status=$?
    seconds=$(($(date +%s) - begin))
    last=$(tail -n 1 "$log")
    case $status in
    0) passed=$((passed + 1)); printf '%-14s ok   %4ds  %s\n' "$suite" $seconds "$last" ;;
    77)
        skipped=$((skipped + 1)) unable="$unable $suite"
        printf '%-14s NOT TESTED  %s\n' "$suite" "$last" ;;
    *)
        failed=$((failed + 1)) broken="$broken $suite"
        tail -n 60 "$log" | sed 's/^/    /'
        printf '%-14s FAILED %2ds  (exit %d; run: sh tests/%s/run.sh %s)\n' "$suite" $seconds $status "$suite" "$build" ;;
    esac
done
[ -z "$unable" ] || echo "NOT TESTED here:$unable"
[ -z "$broken" ] || echo "FAILED:$broken"
[ "${NFC_TEST_ALL:-0}" = 1 ] && failed=$((failed + skipped)) skipped=0
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
