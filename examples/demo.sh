#!/bin/sh
# demo.sh BUILD: compiles two graphs and an ONNX model for this machine and runs them: digits reads handwriting, babble talks.
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}
out=$build/demo
cc="${CC:-cc} -std=c11 -O2"

echo
echo "digits: a convolutional network, from examples/digits/digits.nfg to C to a program"
"$build/nfc" build examples/digits/digits.nfg -o "$out/digits" --emit=lib
$cc examples/digits/main.c runtime-min/nf_npy.c runtime-min/nf_file.c "$out/digits/libdigits.a" -I"$out/digits" -Iruntime-min -lm -o "$out/digits/digits"
"$out/digits/digits" examples/digits

echo
echo "the same network as an ONNX model, examples/digits/digits.onnx, with the same main.c"
"$build/nfc" build examples/digits/digits.onnx -D B=1 -o "$out/digits_onnx" --emit=lib
$cc examples/digits/main.c runtime-min/nf_npy.c runtime-min/nf_file.c "$out/digits_onnx/libdigits.a" -I"$out/digits_onnx" -Iruntime-min -lm -o "$out/digits_onnx/digits"
"$out/digits_onnx/digits" examples/digits | tail -n 2

echo
echo "babble: a small language model with a cache of keys and values, from examples/babble/babble.nfg"
"$build/nfc" build examples/babble/babble.nfg -o "$out/babble" --emit=lib
$cc examples/babble/main.c "$out/babble/libbabble.a" -I"$out/babble" -lm -o "$out/babble/babble"
"$out/babble/babble" --tokens 300 --seed 2
echo
echo "The C is in $out/digits and $out/babble. README.md goes on from here."
