#!/bin/sh
# run.sh BUILD [ENGINE...]: every op on values that are stored channels last, against the goldens; see rewrite.py. One graph
# in six of each op; with NFC_LAYOUT=all every one.
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
mkdir "$work/run" || exit 2
"$python" "$here/rewrite.py" "$here/../ops" "$work/ops" $every || exit 2
NFC_MODULES=$work/ops NFC_FLAGS=--layout=channels-last "$python" "$here/../emit/ops.py" "$build" "$work/run" "$@"
