"""onnx_nets.py FOLDER: nets of so many nodes, and of so many MiB of weights."""
import os
import sys
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "onnx_file"))
from wire import *


def net(nodes, channels):
    """Convolutions with a bias and a Relu behind each, and a mean at the end."""
    rng, steps, initializers = np.random.default_rng(1), [], []
    at = "x"
    for i in range(0, nodes - 1, 2):
        w = rng.standard_normal((channels, channels, 3, 3), dtype="f4")
        initializers += [tensor("w%d" % i, w.shape, FLOAT, w.tobytes()), tensor("b%d" % i, (channels,), FLOAT, bytes(4 * channels))]
        steps += [node("Conv", [at, "w%d" % i, "b%d" % i], ["c%d" % i], {"pads": [1, 1, 1, 1], "kernel_shape": [3, 3]}, name="/layer%d/conv" % i), node("Relu", ["c%d" % i], ["r%d" % i], name="/layer%d/act" % i)]
        at = "r%d" % i
    steps.append(node("GlobalAveragePool", [at], ["y"]))
    return model(graph(steps, [value("x", FLOAT, [1, channels, 16, 16])], [value("y", FLOAT, [1, channels, 1, 1])], initializers), opsets=((17, ""),))


for name, nodes, channels in (("nodes21", 21, 16), ("nodes2000", 2001, 4), ("weights64", 21, 432)):
    with open(os.path.join(sys.argv[1], name + ".onnx"), "wb") as f: f.write(net(nodes, channels))
