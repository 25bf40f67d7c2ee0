#!/bin/sh
# run.sh BUILD [all|MODEL...]: trained models as emitted C, against what ONNX Runtime makes of them; see check.py. The
# models lie beside the project: NFC_MODELS, or ../shared/models.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?the build folder}" && pwd) || exit 2
shift
models=${NFC_MODELS:-$here/../../../shared/models}
if [ ! -d "$models/silero_vad" ] || [ ! -d "$models/onnx_light_nets" ]; then
    echo "tests/models: NOT TESTED: there is no folder of models, ../shared/models; NFC_MODELS names another"
    exit 77
fi
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
${PYTHON:-/usr/bin/python3} -B "$here/check.py" "$build" "$models" "$work" "$@"
