#!/bin/sh
# run.sh BUILD: tests/check.sh with suites of which it is known how they end: whatever does not pass is named, and the exit
# status says so.
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
unset NFC_TEST_ALL NFC_SUITES # of the run that this suite is one of
passed=0 failed=0
mkdir "$work/tests" "$work/build"
cp "$here/../check.sh" "$work/tests"
suite() { mkdir -p "$work/tests/$1" && printf '%s\n' "$2" >"$work/tests/$1/run.sh"; }
suite good 'echo all is well'
suite bad 'echo what is wrong; exit 3'
suite skips 'echo no such processor; exit 77'
suite crashes 'kill -SEGV $$'
suite killed 'kill -KILL $$'
suite kills 'kill -KILL $PPID; exec sleep 1'
suite broken 'echo $('
suite slow 'echo began; exec sleep 10'
mkdir "$work/tests/empty"

# ends STATUS LINE SUITE...: with this status, and among what is said is a line that the pattern describes
ends() {
    want=$1 line=$2
    shift 2
    (cd "$work" && sh tests/check.sh build "$@") >"$work/said" 2>&1
    verdict $? "$*"
}
verdict() {
    if [ "$1" = "$want" ] && grep -q -- "$line" "$work/said"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED check: $2: status $1, not $want, or no line '$line':"
        sed 's/^/    /' "$work/said"
    fi
}
ends 0 '^1 passed, 0 failed, 0 skipped' good
ends 1 '^FAILED: bad$' good bad
ends 1 '^    what is wrong$' bad good
ends 1 '^1 passed, 1 failed, 0 skipped' bad good
ends 0 '^NOT TESTED here: skips$' good skips
ends 1 '^FAILED: crashes killed$' crashes good killed
ends 1 '^FAILED:.* kills' kills
ends 1 '^FAILED: empty nowhere broken$' empty nowhere good broken
NFC_TEST_ALL=1
export NFC_TEST_ALL
ends 1 '^1 passed, 1 failed, 0 skipped' good skips
unset NFC_TEST_ALL
NFC_SUITES=many
export NFC_SUITES
ends 1 '^FAILED: good$' good
unset NFC_SUITES
want=2 line=nowhere
(cd "$work" && sh tests/check.sh nowhere good) >"$work/said" 2>&1
verdict $? "no build folder"

# ^C goes to all processes in the foreground.
want=130 line='^interrupted'
"${PYTHON:-/usr/bin/python3}" - "$work" >"$work/said" <<'END'
import os, signal, subprocess, sys, time
p = subprocess.Popen(["sh", "tests/check.sh", "build", "slow", "good"], cwd=sys.argv[1], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                     start_new_session=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
first = p.stdout.readline()
os.killpg(p.pid, signal.SIGINT)
print(first + p.communicate(timeout=60)[0], flush=True)
sys.exit(p.returncode)
END
verdict $? "^C"
echo "tests/check: $passed passed, $failed failed"
[ $failed = 0 ]
