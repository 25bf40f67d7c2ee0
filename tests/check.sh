#!/bin/sh
# check.sh BUILD [SUITE...]: runs the suites, tests/SUITE/run.sh BUILD, each with a line of its own, in the order in which they end.
#
# As many at a time as there are processors that this process may use (NFC_SUITES: another number): most suites have parts where
# one processor has work only. A suite that exits with 77 could not be run here: it is named at the end, and counts as failed when
# NFC_TEST_ALL=1.
tests=$(cd "$(dirname "$0")" && pwd)

# one WORK SUITE BUILD: runs a suite; WORK/SUITE.status is its exit status in the end, SUITE.times what `times` says then
one() {
    begin=$(date +%s)
    sh "$tests/$2/run.sh" "$3" >"$1/$2.log" 2>&1 </dev/null
    status=$?
    seconds=$(($(date +%s) - begin))
    times >"$1/$2.times"
    last=$(tail -n 1 "$1/$2.log")
    {
        case $status in
        0) printf '%-14s ok   %4ds  %s\n' "$2" $seconds "$last" ;;
        77) printf '%-14s NOT TESTED  %s\n' "$2" "$last" ;;
        *)
            tail -n 60 "$1/$2.log" | sed 's/^/    /'
            printf '%-14s FAILED %2ds  (exit %d; run: sh tests/%s/run.sh %s)\n' "$2" $seconds $status "$2" "$3" ;;
        esac
    } >"$1/$2.said"
    cat "$1/$2.said"
    echo $status >"$1/$2.status"
}
if [ "$1" = --one ]; then
    shift
    one "$@"
    exit 0
fi

build=$(cd "${1:?the build folder}" && pwd) || exit 2
shift
# Those that take longest first, so that none of them is left alone at the end.
longest="emit schedules threads models dots strict vectors layout chains random winograd vk"
if [ $# = 0 ]; then
    every=$(cd "$tests" && ls -d */run.sh | sed 's|/run.sh||')
    set -- $longest $(for s in $every; do case " $longest " in *" $s "*) ;; *) echo "$s" ;; esac; done)
fi
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'echo interrupted; exit 130' INT TERM
printf '%s\n' "$@" | xargs -P "${NFC_SUITES:-$(nproc)}" -I SUITE sh "$tests/check.sh" --one "$work" SUITE "$build"
passed=0 failed=0 skipped=0 unable= broken=
for suite; do
    case $(cat "$work/$suite.status" 2>/dev/null) in
    0) passed=$((passed + 1)) ;;
    77) skipped=$((skipped + 1)) unable="$unable $suite" ;;
    *) failed=$((failed + 1)) broken="$broken $suite" ;; # also one that did not come to its end
    esac
done
# What they cost is not the clock's time, in which they are beside others. The second line of `times` is of the processes that ended.
work_of() { awk -F '[ms ]+' 'FNR == 2 { s = FILENAME; sub(/.*\//, "", s); sub(/\.times$/, "", s); t = 60 * $1 + $2 + 60 * $3 + $4; printf "%.0f %s\n", t, s }' "$@"; }
set -- "$work"/*.times
[ ! -e "$1" ] || work_of "$@" | sort -rn | awk '{ sum += $1; said = said (NR <= 16 ? " " $2 " " $1 : "") } END { printf "seconds of a processor: %d, most of them by%s\n", sum, said }'
[ -z "$unable" ] || echo "NOT TESTED here:$unable"
[ -z "$broken" ] || echo "FAILED:$broken"
[ "${NFC_TEST_ALL:-0}" = 1 ] && failed=$((failed + skipped)) skipped=0
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
