#!/bin/sh
# run.sh BUILD: the three official MNIST digits over foreign weights, which lie beside the project: NFC_MODELS, or
# ../shared/models.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?the build folder}" && pwd) || exit 2
models=${NFC_MODELS:-$here/../../../shared/models}
if [ ! -d "$models/mnist_safetensors" ] || [ ! -d "$models/mnist_onnx2c" ]; then
    echo "tests/mnist: NOT TESTED: there is no folder of models, ../shared/models; NFC_MODELS names another"
    exit 77
fi
for tool in clang-14 aarch64-linux-gnu-gcc qemu-aarch64; do
    command -v $tool >/dev/null || { echo "tests/mnist: NOT TESTED: there is no $tool"; exit 77; }
done
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
${PYTHON:-/usr/bin/python3} -B "$here/check.py" "$build" "$models" "$work"
