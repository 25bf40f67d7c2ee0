#!/bin/sh
# onnx.sh BUILD [MODEL...]: how long the import of ONNX models takes, and how much memory; see import.c.
#
# A net of 21 nodes, one of 2000, one of 21 whose weights are 64 MiB, and the models that are named. The limits: 40 ms for the
# first, and for the one with large weights a peak of 1.2 times the file.
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "${1:?the build folder}" && pwd) || exit 2
shift
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT INT TERM
cd "$root" || exit 2
${CC:-gcc} -std=c11 -D_GNU_SOURCE -I. -I"$build/gen" -O2 -o "$work/import" "$here/import.c" "$build/nfc.a" -lcjson -lprotobuf-c -lm || exit 2
"${PYTHON:-/usr/bin/python3}" -B "$here/onnx_nets.py" "$work" || exit 2
"$work/import" "$work/nodes21.onnx" "$work/nodes2000.onnx" "$work/weights64.onnx" "$@" | tee "$work/log" || exit 1
awk '$1 == "nodes21.onnx" { good += $4 < 40 } $1 == "weights64.onnx" { good += $10 < 1.2 } END { exit good != 2 }' "$work/log" || { echo "beyond the limits"; exit 1; }
