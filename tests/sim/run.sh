#!/bin/sh
# run.sh BUILD_DIR [--bless] [NAME...]: the sessions of `nfc sim`. NFC_BLESS=1 does as --bless.
#
# NAME.cmd is run by sh in a folder of its own that holds the graphs and tools of this one; $nfc is the
# program, $py makes .npy files and $weights packages. What it prints on both streams is compared with NAME.expect.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?the build folder}" && pwd) || exit 2
shift
bless=${NFC_BLESS:-0}
if [ "$1" = --bless ]; then bless=1; shift; fi
[ $# -gt 0 ] || set -- $(cd "$here" && ls *.cmd | sed 's/\.cmd$//')

nfc=$build/nfc
py="python3 npy.py" weights="python3 $here/weights.py"
NO_COLOR=1 LC_ALL=C PYTHONDONTWRITEBYTECODE=1
export nfc py weights NO_COLOR LC_ALL PYTHONDONTWRITEBYTECODE
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT INT TERM
failed=0
for name; do
    mkdir "$work/$name"
    cp "$here"/*.nfg "$here"/*.py "$work/$name"
    (cd "$work/$name" && sh "$here/$name.cmd" >../out 2>../err; echo "exit $?" >../rc)
    { cat "$work/out"; echo "--- stderr"; cat "$work/err"; cat "$work/rc"; } >"$work/got"
    if [ $bless = 1 ]; then
        cp "$work/got" "$here/$name.expect"
    elif ! diff -u "$here/$name.expect" "$work/got"; then
        echo "FAILED sim/$name"
        failed=$((failed + 1))
    fi
done
[ $failed = 0 ] && echo "sim: $# sessions passed"
exit $((failed > 0))
