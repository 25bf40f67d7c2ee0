#!/bin/sh
# run.sh BUILD [ENGINE...]: layouts. plans/NAME.nfg: what is chosen, and what is copied for it, against NAME.expect
# (NFC_BLESS=1 writes it), and in every layout what it computes, against the simulator. Then every op on values that
# are stored channels last, against the goldens of tests/ops; see rewrite.py (one graph in six of each op; with
# NFC_LAYOUT=all every one). Then a few models so.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?the build folder}" && pwd) || exit 2
shift
every=6
[ "${NFC_LAYOUT:-}" = all ] && every=1
[ $# -gt 0 ] || set -- san
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
python=${PYTHON:-/usr/bin/python3}

plans=0
for graph in "$here"/plans/*.nfg; do
    expect=${graph%.nfg}.expect
    for layout in plain auto; do
        echo "layout $layout"
        (cd "$here/plans" && "$build/nfc" check "$(basename "$graph")" --device x86-avx2 --layout=$layout --chains=off --dump=plan) 2>&1 || echo "nfc check failed"
    done >"$work/plan"
    if [ "${NFC_BLESS:-0}" = 1 ]; then
        cp "$work/plan" "$expect"
    elif ! diff -u "$expect" "$work/plan"; then
        echo "FAILED $graph"
        exit 1
    fi
    plans=$((plans + 1))
done
[ $plans -gt 0 ] || exit 1
echo "layout: $plans plans"
mkdir "$work/results" || exit 2
"$python" -B "$here/results.py" "$build/nfc" "$here/plans" "$work/results" || exit 1

mkdir "$work/run" || exit 2
"$python" "$here/rewrite.py" "$here/../ops" "$work/ops" $every || exit 2
NFC_MODULES=$work/ops NFC_FLAGS=--layout=channels-last "$python" "$here/../emit/ops.py" "$build" "$work/run" "$@" >"$work/log"
status=$?
cat "$work/log"
[ $status = 0 ] || exit 1

models=${NFC_MODELS:-$here/../../../shared/models}
if [ ! -d "$models/ultraface" ]; then
    echo "tests/layout: models NOT TESTED: there is no folder of them, ../shared/models; NFC_MODELS names another"
    exit 77
fi
mkdir "$work/models" || exit 2
NFC_FLAGS=--layout=channels-last "$python" -B "$here/../models/check.py" "$build" "$models" "$work/models" mnist ultraface light_shufflenet silero_vad_16000 || exit 1
echo "tests/layout: $plans plans, 4 models; of ops, one graph in $every: $(tail -n 1 "$work/log")"
