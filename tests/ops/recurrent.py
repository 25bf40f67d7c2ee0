"""Goldens of recurrent layers: the standard's equations, over whole matrices."""
import functools

import numpy as np

from cases import case
from formats import decode, encode, generator, rounded, sample


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


# name: (takes alpha, takes beta, defaults, function of x, alpha, beta)
FUNCTIONS = {
    "Relu": (0, 0, (), lambda x, a, b: np.maximum(x, 0)),
    "Tanh": (0, 0, (), lambda x, a, b: np.tanh(x)),
    "Sigmoid": (0, 0, (), lambda x, a, b: _sigmoid(x)),
    "Affine": (1, 1, (1.0, 0.0), lambda x, a, b: a * x + b),
    "LeakyRelu": (1, 0, (0.01,), lambda x, a, b: np.where(x < 0, a * x, x)),
    "ThresholdedRelu": (1, 0, (1.0,), lambda x, a, b: np.where(x >= a, x, 0)),
    "ScaledTanh": (1, 1, (1.0, 1.0), lambda x, a, b: a * np.tanh(b * x)),
    "HardSigmoid": (1, 1, (0.2, 0.5), lambda x, a, b: np.clip(a * x + b, 0, 1)),
    "Elu": (1, 0, (1.0,), lambda x, a, b: np.where(x < 0, a * np.expm1(np.minimum(x, 0)), x)),
    "Softsign": (0, 0, (), lambda x, a, b: x / (1 + np.abs(x))),
    "Softplus": (0, 0, (), lambda x, a, b: np.logaddexp(x, 0)),
}
GATES = {"rnn": 1, "gru": 3, "lstm": 4}
USUAL = {"rnn": ["Tanh"], "gru": ["Sigmoid", "Tanh"], "lstm": ["Sigmoid", "Tanh", "Tanh"]}


def _functions(dtype, op, names, alpha, beta, clip):
    """The functions by name, each with its parameters; f and g behind the clip."""
    each = (len(alpha) == len(names), len(beta) == len(names))
    alpha, beta, found = list(alpha), list(beta), []
    for i, name in enumerate(names):
        takes_a, takes_b, usual, function = FUNCTIONS[name]
        a = (alpha.pop(0) if alpha else usual[0]) if takes_a else 0.0
        b = (beta.pop(0) if beta else usual[1]) if takes_b else 0.0
        if each[0] and not takes_a:
            alpha.pop(0)
        if each[1] and not takes_b:
            beta.pop(0)
        a, b = rounded(a, dtype), rounded(b, dtype)
        limit = np.inf if clip is None or i % len(USUAL[op]) == 2 else rounded(clip, dtype)

        def one(x, function=function, a=a, b=b, limit=limit):
            return function(np.clip(x, -limit, limit), a, b)

        found.append(one)
    return found


def _cell(op, f, x, h, c, w, r, wb, rb, p, linear, coupled):
    n = h.shape[-1]
    part = lambda v, k: v[..., k * n:(k + 1) * n]
    xw, hr = x @ w.T + wb, h @ r.T + rb
    if op == "rnn":
        return f[0](xw + hr), c
    if op == "gru":
        z, reset = f[0](part(xw, 0) + part(hr, 0)), f[0](part(xw, 1) + part(hr, 1))
        again = reset * part(hr, 2) if linear else (reset * h) @ r[2 * n:].T + rb[2 * n:]
        return (1 - z) * f[1](part(xw, 2) + again) + z * h, c
    gates = xw + hr
    i = f[0](part(gates, 0) + part(p, 0) * c)
    forget = 1 - i if coupled else f[0](part(gates, 2) + part(p, 2) * c)
    c = forget * c + i * f[1](part(gates, 3))
    o = f[0](part(gates, 1) + part(p, 1) * c)
    return o * f[2](c), c


def layer(op, x, w, r, b, lengths, h0, c0, p, functions, direction, linear, coupled):
    """x [T, B, I]; y [T, D, B, H], and the last states [D, B, H]."""
    steps, batch = x.shape[:2]
    gates, hidden = GATES[op], r.shape[2]
    y = np.zeros((steps, w.shape[0], batch, hidden), x.dtype)
    last_h, last_c = np.array(h0), np.array(c0)
    for d in range(w.shape[0]):
        f = functions[d * len(USUAL[op]):]
        for n in range(batch):
            h, c = h0[d, n], c0[d, n]
            steps_of = list(range(steps if lengths is None else lengths[n]))
            for t in reversed(steps_of) if direction == "reverse" or d else steps_of:
                wb, rb = b[d, :gates * hidden], b[d, gates * hidden:]
                h, c = _cell(op, f, x[t, n], h, c, w[d], r[d], wb, rb, p[d], linear, coupled)
                y[t, d, n] = h
            last_h[d, n], last_c[d, n] = h, c
    return y, last_h, last_c


def case_of(op, rng, graph, dtype, sizes=(3, 2, 4, 5), bias=True, lengths=None, states=False, peepholes=False, index="i32",
            results=3, activations=None, activation_alpha=(), activation_beta=(), clip=None, direction="forward",
            layout=0, linear_before_reset=0, input_forget=0, hidden_size=None):
    """sizes: of T, B, I and H."""
    lstm = op == "lstm"
    steps, batch, size, hidden = sizes
    dirs = 2 if direction == "bidirectional" else 1
    rows = GATES[op] * hidden
    swap = (lambda v, *axes: np.ascontiguousarray(v.transpose(axes))) if layout else (lambda v, *axes: v)
    inputs = {"x": sample(rng, dtype, (batch, steps, size) if layout else (steps, batch, size), 1.0),
              "w": sample(rng, dtype, (dirs, rows, size), 0.5),
              "r": sample(rng, dtype, (dirs, rows, hidden), 0.5)}
    if bias:
        inputs["b"] = sample(rng, dtype, (dirs, 2 * rows), 0.5)
    if lengths is not None:
        inputs["sequence_lens"] = encode(index, np.array(lengths))
    state = (batch, dirs, hidden) if layout else (dirs, batch, hidden)
    if states:
        inputs["initial_h"] = sample(rng, dtype, state, 0.5)
        if lstm:
            inputs["initial_c"] = sample(rng, dtype, state, 0.5)
    if peepholes:
        inputs["p"] = sample(rng, dtype, (dirs, 3 * hidden), 0.5)
    value = lambda name, shape: decode(inputs[name]) if name in inputs else np.zeros(shape)
    begin = lambda name: swap(value(name, state), 1, 0, 2)
    functions = _functions(dtype, op, (activations or USUAL[op] * dirs), activation_alpha, activation_beta, clip)
    found = layer(op, swap(decode(inputs["x"]), 1, 0, 2), decode(inputs["w"]), decode(inputs["r"]),
                  value("b", (dirs, 2 * rows)), None if lengths is None else np.array(lengths),
                  begin("initial_h"), begin("initial_c"), value("p", (dirs, 3 * hidden)), functions,
                  direction, linear_before_reset, input_forget)
    found = (swap(found[0], 2, 0, 1, 3), swap(found[1], 1, 0, 2), swap(found[2], 1, 0, 2))
    outputs = dict(zip(["result", "y_h", "y_c"][:min(results, 2 + lstm)], (encode(dtype, v) for v in found)))
    given = {"activations": " ".join(activations or []), "activation_alpha": list(activation_alpha),
             "activation_beta": list(activation_beta), "clip": clip, "layout": layout, "hidden_size": hidden_size,
             "linear_before_reset": linear_before_reset, "input_forget": input_forget}
    given = {k: v for k, v in given.items() if v}
    if direction != "forward":
        given["direction"] = direction
    return case(graph, op, inputs, outputs, given)


def cases_of(row):
    op = row["name"]
    rng = generator(op)
    lstm = op == "lstm"
    one = functools.partial(case_of, op, rng)
    names = lambda *all_of_rnn: (all_of_rnn * 3)[:len(USUAL[op])]
    some = list(names("Elu", "Softsign", "HardSigmoid"))
    cases = [
        one("f32_plain", "f32", bias=False),
        one("f32_y_alone", "f32", results=1),
        one("f32_y_h", "f32", results=2, hidden_size=5),
        one("f32_bias", "f32"),
        one("f32_states", "f32", states=True),
        one("f32_reverse", "f32", direction="reverse", states=True),
        one("f32_bidirectional", "f32", direction="bidirectional", states=True),
        one("f32_one_step", "f32", (1, 2, 4, 5), states=True),
        one("f32_one_step_both", "f32", (1, 1, 3, 2), states=True, direction="bidirectional", lengths=[1]),
        one("f32_one_unit", "f32", (4, 1, 1, 1), states=True),
        one("f32_long", "f32", (17, 1, 3, 4)),
        one("f32_lengths", "f32", (4, 3, 2, 3), lengths=[2, 4, 0], states=True),
        one("f32_lengths_reverse", "f32", (4, 3, 2, 3), lengths=[1, 4, 3], direction="reverse", states=True, index="i64"),
        one("f32_lengths_both", "f32", (4, 3, 2, 3), lengths=[3, 1, 4], direction="bidirectional"),
        one("f32_batch_first", "f32", (3, 2, 4, 5), layout=1, states=True),
        one("f32_batch_first_both", "f32", (3, 2, 4, 5), layout=1, states=True, lengths=[2, 3], direction="bidirectional"),
        one("f32_functions", "f32", activations=some, activation_alpha=[0.7, 0.3][:len(some) - 1 or 1]),
        one("f32_functions_each", "f32", activations=list(names("Tanh", "LeakyRelu", "Sigmoid")),
            activation_alpha=[0.9, 0.4, 0.7][:len(some)], activation_beta=[0.1, 0.2, 0.3][:len(some)]),
        one("f32_functions_default", "f32", activations=list(names("HardSigmoid", "ScaledTanh", "LeakyRelu"))),
        one("f32_functions_beta", "f32", activations=list(names("ScaledTanh", "Affine", "ThresholdedRelu")),
            activation_alpha=[0.6, 0.9, 0.1][:len(some)], activation_beta=[0.8, 0.2][:len(some)]),
        one("f32_functions_both", "f32", activations=list(names("Sigmoid", "Relu", "Softplus") + names("Affine", "Tanh", "Sigmoid")),
            activation_alpha=[0.5], direction="bidirectional"),
        one("f32_clip", "f32", clip=0.25, states=True),
        one("f32_no_batch", "f32", (3, 0, 4, 5)),
        one("f32_no_inputs", "f32", (3, 2, 0, 5)),
    ]
    if op == "gru":
        cases += [
            one("f32_linear", "f32", linear_before_reset=1, states=True),
            one("f32_linear_plain", "f32", linear_before_reset=1, bias=False),
            one("f32_linear_both", "f32", linear_before_reset=1, direction="bidirectional", lengths=[2, 3], clip=0.5),
        ]
    if lstm:
        cases += [
            one("f32_peepholes", "f32", peepholes=True, states=True),
            one("f32_peepholes_both", "f32", peepholes=True, direction="bidirectional", lengths=[3, 2]),
            one("f32_coupled", "f32", input_forget=1, peepholes=True, states=True),
            one("f32_peepholes_clip", "f32", peepholes=True, clip=0.3, states=True),
        ]
    types = row["operands"][0]["types"]
    return cases + [one(t, t, (3, 2, 2, 3), states=True) for t in types if t != "f32"]


CASES = {"rnn": cases_of, "gru": cases_of, "lstm": cases_of}
