"""How the models here are written: pb.py, and what all of them use."""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'onnx'))
import pb
from pb import BOOL, FLOAT, INT64, STRING, graph, info, node, tensor

F, I = np.float32, np.int64


class Case:
    """A model and runs of it: (inputs, outputs) by the model's names, whose outputs are worked out here."""

    def __init__(self, name, model, runs, options=(), rtol=1e-5, keep=(), times=1):
        self.name, self.model, self.runs, self.options, self.rtol = name, model, runs, list(options), rtol
        self.keep, self.times = list(keep), times  # --keep IN=OUT; how often a run is run, the state kept: the last one is compared


CASES = []


def case(function):
    """Each such function gives one Case, or several."""
    made = function()
    CASES.extend(made if isinstance(made, list) else [made])
    return function


def const(name, a):
    return tensor(name, np.asarray(a))


def numbers(*shape, seed=1):
    """Values from -1 to 1 that look random and are the same everywhere."""
    s, out = seed * 2654435761 % 2**32, []
    for _ in range(int(np.prod(shape))):
        s = (s * 1664525 + 1013904223) % 2**32
        out.append(s / 2**31 - 1)
    return np.array(out, F).reshape(shape)
