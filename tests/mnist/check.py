#!/usr/bin/env python3
"""check.py BUILD MODELS WORK: the three official MNIST digits through tests/mnist/mnist.nfg, in the simulator and as
programs by several compilers, against the official answers and against the network in NumPy, in double."""
import json
import os
import shutil
import struct
import subprocess
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
build, models, work = sys.argv[1:]
nfc, weights = os.path.join(build, "nfc"), os.path.join(models, "mnist_safetensors", "mnist.safetensors")
graph = os.path.join(HERE, "mnist.nfg")
passed = failed = 0


def result(ok, what):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print("FAILED " + what)


def tensors(path):
    data = open(path, "rb").read()
    n = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + n])
    return {k: np.frombuffer(data[8 + n:], "<f4", int(np.prod(v["shape"], dtype=int)), v["data_offsets"][0]).reshape(v["shape"]).astype(np.float64)
            for k, v in header.items() if v.get("dtype") == "F32"}


def conv(x, w, b):
    out = np.zeros((w.shape[0], x.shape[1] - 2, x.shape[2] - 2)) + b[:, None, None]
    for i in range(3):
        for j in range(3):
            out += np.einsum("oc,chw->ohw", w[:, :, i, j], x[:, i:i + out.shape[1], j:j + out.shape[2]])
    return out


def network(t, image):
    x = (image.astype(np.float64) / 255 - 0.1307) / 0.3081
    for k in ("conv1", "conv2", "conv3"):
        x = np.maximum(conv(x, t[k + ".weight"], t[k + ".bias"]), 0)
    norm = lambda x, k, s: (x - t[k + ".running_mean"].reshape(s)) / np.sqrt(t[k + ".running_var"].reshape(s) + 1e-5) * t[k + ".weight"].reshape(s) + t[k + ".bias"].reshape(s)
    x = np.maximum(t["fc1.weight"] @ norm(x, "norm1", (-1, 1, 1)).ravel() + t["fc1.bias"], 0)
    x = norm(t["fc2.weight"] @ x + t["fc2.bias"], "norm2", -1)
    x = x - x.max()
    return x - np.log(np.exp(x).sum())


def digits():
    """(image, the official network's answer): raw data ends the files of the published test sets."""
    for i in range(3):
        name = os.path.join(models, "mnist_onnx2c", "test_data_set_%d_" % i)
        image = np.frombuffer(open(name + "input_0.pb", "rb").read()[-3136:], "<f4").reshape(1, 28, 28)
        yield image, int(np.frombuffer(open(name + "output_0.pb", "rb").read()[-40:], "<f4").argmax())


def engines():
    """name -> command to which inputs and output are added; None: not at hand."""
    yield "the simulator", [nfc, "sim", graph, "--model", weights]
    san = "-fsanitize=address,undefined -fno-sanitize-recover=all"
    for name, device, make, runner in (("gcc -O3", "generic", ["CC=gcc"], []), ("clang with sanitizers", "generic", ["CC=clang-14", "CFLAGS=-std=c11 -O1 -g -ffp-contract=off " + san, "LDFLAGS=" + san], []),
                                       ("aarch64 under qemu", "aarch64-neon", [], ["qemu-aarch64"])):
        out = os.path.join(work, name.split()[0])
        subprocess.run([nfc, "build", graph, "--model", weights, "--device", device, "--emit=sources", "-o", out], check=True, stdout=subprocess.DEVNULL)
        p = subprocess.run(["make", "-s", "-C", out] + make, capture_output=True, text=True)
        result(p.returncode == 0, "%s: %s" % (name, p.stderr[-1000:]))
        yield name, runner + [os.path.join(out, "mnist")]


truth = [(image, answer, network(tensors(weights), image)) for image, answer in digits()]
for name, command in engines():
    said = []
    for i, (image, answer, scores) in enumerate(truth):
        path, out = os.path.join(work, "image.npy"), os.path.join(work, "out")
        np.save(path, image[None])
        shutil.rmtree(out, ignore_errors=True)
        p = subprocess.run(command + ["--input", "image=" + path, "--output", out], capture_output=True, text=True)
        result(p.returncode == 0, "%s: digit %d: %s" % (name, i, p.stderr[-1000:]))
        if p.returncode:
            continue
        got = np.load(os.path.join(out, "scores.npy"))[0]
        said.append(int(np.load(os.path.join(out, "digit.npy"))[0]))
        result(said[-1] == answer, "%s: digit %d is taken for a %d, not a %d" % (name, i, said[-1], answer))
        # f32 all the way through: five layers, sums of up to 11616 terms.
        result(np.abs(got - scores).max() <= 1e-5 * np.abs(scores).max(), "%s: digit %d: scores differ from NumPy's by %g" % (name, i, np.abs(got - scores).max()))
    print("%s: %s" % (name, ", ".join(map(str, said))))
print("tests/mnist: %d passed, %d failed" % (passed, failed))
sys.exit(failed > 0)
