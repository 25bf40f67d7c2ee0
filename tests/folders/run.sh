#!/bin/sh
# run.sh BUILD: folders that nfc build writes anew: what a build made may go, nothing else does.
here=$(cd "$(dirname "$0")" && pwd)
nfc=$(cd "${1:?the build folder}" && pwd)/nfc || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 2
for g in one two; do
    echo 'inputs { x : f32 [2]; } outputs { y : f32 [2]; } block entry { y = op neg(x=x); return y; }' >$g.nfg
done
passed=0 failed=0
expect() { # STATUS WHAT COMMAND...
    want=$1 what=$2
    shift 2
    "$@" >log 2>&1
    got=$?
    if [ $got = "$want" ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED $what: exit $got, not $want"; cat log; fi
}
expect 0 "a folder in folders that are not there" "$nfc" build one.nfg -o new/er/out
expect 0 "the same program once more" "$nfc" build one.nfg -o new/er/out
expect 0 "another program over what make left" "$nfc" build two.nfg -o new/er/out
expect 1 "the first one's files are gone" test -e new/er/out/one.c
expect 0 "nothing is left beside it" test "$(ls -A new/er)" = out
echo "/* mine */" >>new/er/out/two.c
expect 5 "a file that was changed" "$nfc" build one.nfg -o new/er/out
expect 0 "it is still there" grep -q mine new/er/out/two.c
expect 0 "its own build writes it anew" "$nfc" build two.nfg -o new/er/out
touch new/er/out/notes
expect 5 "a file of the user's" "$nfc" build two.nfg -o new/er/out
expect 0 "it is still there" test -f new/er/out/notes
rm new/er/out/notes
echo '{"files": {"two.c": "0"}, "api": {"prefix": "tw' >new/er/out/manifest.json
expect 5 "a manifest that is no JSON says nothing" "$nfc" build one.nfg -o new/er/out
mkdir plain && touch plain/two.c
expect 5 "a folder without a manifest" "$nfc" build one.nfg -o plain
echo "tests/folders: $passed passed, $failed failed"
[ $failed = 0 ]
