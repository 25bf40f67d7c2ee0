#!/bin/sh
# run.sh [BUILD]: graphs that are built, and what is said of them all the same. NAME.expect is what
# `nfc check NAME.nfg` writes to stderr; with --quiet it is nothing. NFC_BLESS=1 writes them anew.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:-build}" && pwd) || exit 2
NO_COLOR=1 LC_ALL=C
export NO_COLOR LC_ALL
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT INT TERM
cp "$here"/*.nfg "$work" && cd "$work" || exit 2
# One tensor, "scale", of three zeros.
header='{"scale": {"dtype": "F32", "shape": [3], "data_offsets": [0, 12]}}'
{ printf '\103\0\0\0\0\0\0\0%s ' "$header"; head -c 12 /dev/zero; } >w.safetensors
passed=0 failed=0
for graph in *.nfg; do
    name=${graph%.nfg}
    "$build/nfc" check "$graph" >out 2>got
    status=$?
    [ "$NFC_BLESS" = 1 ] && cp got "$here/$name.expect"
    "$build/nfc" check --quiet "$graph" >>out 2>&1
    if [ $status = 0 ] && [ ! -s out ] && diff -u "$here/$name.expect" got; then
        passed=$((passed + 1))
    else
        echo "FAILED $name"
        cat out
        failed=$((failed + 1))
    fi
done
echo "tests/warn: $passed passed, $failed failed"
[ $failed = 0 ]
