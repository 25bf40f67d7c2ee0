"""Gradient: a derivative for each row of frontend/onnx/derivatives.def, against differences of what NumPy gives."""
import os
import re

from build import *

DOUBLE = 11
TRAINING = 'ai.onnx.preview.training'
ROWS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'frontend', 'onnx', 'derivatives.def')

X = numbers(2, 3, seed=4).astype(np.float64)
INPUTS = {'x': np.sign(X) * (np.abs(X) + 0.3), 'p': np.abs(X) + 0.5, 'b': np.array([1.5, -0.75, 2.25]), 'm': numbers(4, 3, 2, seed=5).astype(np.float64)}
CONSTANTS = {'two_rows': I([3, 2]), 'one': I([1]), 'ahead': I([0]), 'wide': I([4, 2, 3]), 'mask': np.array([[True, False, True], [False, False, True]])}
NOT_X = ('two_rows', 'one', 'ahead', 'wide', 'mask')

# The row; the node; the same in NumPy. Its square is what the derivative is of, so that it is another one at each place.
TERMS = [
    ('identity', node('Identity', 'x', 'y'), lambda x: x),
    ('cast', node('Cast', 'x', 'y', to=FLOAT), lambda x: x),
    ('reshape', node('Reshape', 'x two_rows', 'y'), lambda x: x.reshape(3, 2)),
    ('flatten', node('Flatten', 'm', 'y'), lambda m: m.reshape(4, 6)),
    ('unsqueeze', node('Unsqueeze', 'x one', 'y'), lambda x: x[:, None]),
    ('squeeze', node('Squeeze', 'row ahead', 'y'), lambda row: row[0]),
    ('expand', node('Expand', 'x wide', 'y'), lambda x: np.broadcast_to(x, (4, 2, 3))),
    ('transpose', node('Transpose', 'm', 'y', perm=[2, 0, 1]), lambda m: m.transpose(2, 0, 1)),
    ('neg', node('Neg', 'x', 'y'), lambda x: -x),
    ('abs', node('Abs', 'x', 'y'), np.abs),
    ('exp', node('Exp', 'x', 'y'), np.exp),
    ('log', node('Log', 'p', 'y'), np.log),
    ('sqrt', node('Sqrt', 'p', 'y'), np.sqrt),
    ('sin', node('Sin', 'x', 'y'), np.sin),
    ('cos', node('Cos', 'x', 'y'), np.cos),
    ('tanh', node('Tanh', 'x', 'y'), np.tanh),
    ('sigmoid', node('Sigmoid', 'x', 'y'), lambda x: 1 / (1 + np.exp(-x))),
    ('relu', node('Relu', 'x', 'y'), lambda x: np.maximum(x, 0)),
    ('add', node('Add', 'x b', 'y'), lambda x, b: x + b),
    ('sub', node('Sub', 'b x', 'y'), lambda b, x: b - x),
    ('mul', node('Mul', 'x b', 'y'), lambda x, b: x * b),
    ('div', node('Div', 'x b', 'y'), lambda x, b: x / b),
    ('where', node('Where', 'mask x b', 'y'), lambda x, b: np.where(CONSTANTS['mask'], x, b)),
    ('reduce_sum', node('ReduceSum', 'm one', 'y'), lambda m: m.sum(1, keepdims=True)),
    ('reduce_mean', node('ReduceMean', 'm one', 'y', keepdims=0), lambda m: m.mean(1)),
    ('matmul', node('MatMul', 'x m', 'y'), lambda x, m: x @ m),
]
INPUTS['row'] = INPUTS['x'][None]


def difference(f, values, i):
    """The derivative of the sum of f() squared by its operand i."""
    d, h = np.zeros_like(values[i]), 1e-6
    for at in np.ndindex(d.shape):
        ends = []
        for by in (h, -h):
            moved = [v.copy() for v in values]
            moved[i][at] += by
            ends.append(np.sum(f(*moved)**2))
        d[at] = (ends[0] - ends[1]) / (2 * h)
    return d


@case
def derivatives():
    nodes, outputs, wanted = [], [], {}
    rows = {m[1] for m in re.finditer(r'^DERIVATIVE\((\w+),', open(ROWS).read(), re.M)}
    assert rows == {t[0] for t in TERMS}, 'rows without a test here, or the other way round: %s' % sorted(rows ^ {t[0] for t in TERMS})
    for name, made, f in TERMS:
        xs = [v.decode() if isinstance(v, bytes) else v for v in made.input]
        xs = [v for v in xs if v not in NOT_X]
        made.output = [name]
        results = ['%s_by_%s' % (name, x) for x in xs]
        nodes += [made, node('Mul', [name, name], [name + '_square']), node('Gradient', xs, results, domain=TRAINING, xs=xs, y=name + '_square')]
        for i, r in enumerate(results):
            wanted[r] = difference(f, [INPUTS[x] for x in xs], i)
            outputs.append(info(r, DOUBLE, list(wanted[r].shape)))
    g = graph('derivatives', nodes, [info(k, DOUBLE, list(v.shape)) for k, v in INPUTS.items()], outputs, [const(k, v) for k, v in CONSTANTS.items()])
    return Case('derivatives', pb.model(g, domains=[(TRAINING, 1)]), [(INPUTS, wanted)])
