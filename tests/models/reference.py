"""The gesture classifiers in NumPy: the few operators that they have, in double precision."""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'onnx'))
import pb


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


OPS = {
    'MatMul': lambda n, a, b: a @ b,
    'Add': lambda n, a, b: a + b,
    'Relu': lambda n, a: np.maximum(a, 0),
    'Softmax': lambda n, a: softmax(a),
    'ReduceMax': lambda n, a: a.max(integer(n, 'axes')[0], keepdims=bool(integer(n, 'keepdims', 1))),
    'ArgMax': lambda n, a: squeezed(np.expand_dims(a.argmax(integer(n, 'axis', 0)), integer(n, 'axis', 0)), n),
    'Less': lambda n, a, b: a < b,
    'Where': lambda n, c, a, b: np.where(c, a, b),
}


def integer(n, name, otherwise=None):
    for a in n.attribute:
        if a.name == name:
            return a.ints or a.i
    return otherwise


def squeezed(a, n):
    return a if integer(n, 'keepdims', 1) else a.squeeze(integer(n, 'axis', 0))


def run(path, given):
    """{output: array}."""
    graph = pb.load(path).graph
    values = {t.name: pb.elements(t)[1] for t in graph.initializer}
    values = {k: v.astype(np.float64) if v.dtype.kind == 'f' else v for k, v in values.items()}
    values.update({k: np.asarray(v, np.float64) for k, v in given.items()})
    for n in graph.node:
        values[n.output[0]] = OPS[n.op_type](n, *[values[i] for i in n.input])
    return {o.name: values[o.name] for o in graph.output}
