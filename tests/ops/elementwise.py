"""Goldens of elementwise ops, from the op table alone: a new row gets its cases with no code here.

The row's doc is a formula: NumPy over the names of operands and attributes. An optional operand that
is absent is left out of minimum and maximum."""
import functools
import math
import re

import numpy as np

from cases import RUN_DIVISION, Case, Name
from formats import (BITS, Tensor, bounds, decode, encode, generator, is_float, is_int, rounded,
                     sample)

SHAPES = {
    1: {
        "ragged": [(3, 1, 5)],
        "scalar": [()],
        "empty": [(0, 4)],
        "rank7": [(2, 1, 3, 1, 2, 1, 2)]
    },
    2: {
        "ragged": [(3, 1, 5), (4, 1)],
        "ragged_b": [(4, 1), (3, 1, 5)],
        "scalars": [(), ()],
        "scalar_a": [(), (7,)],
        "same": [(17,), (17,)],
        "empty": [(0, 3), (1,)],
        "rank6": [(1, 2, 1, 3, 1, 2), (2, 1, 1, 3, 2)]
    },
    3: {
        "ragged": [(3, 1, 5), (4, 1), ()],
        "ragged_b": [(), (4, 1), (3, 1, 5)],
        "scalars": [(), (), ()],
        "same": [(17,), (17,), (17,)],
        "empty": [(1,), (0, 3), (3,)],
        "rank6": [(1, 2, 1, 3, 1, 2), (2, 1, 1, 3, 2), (2, 1, 1, 1, 1)]
    },
}
VARIADIC = {
    "one": [(3, 5)],
    "ragged": [(3, 1, 5), (4, 1)],
    "three": [(2,), (3, 1), (3, 2)],
    "four": [(), (5,), (2, 1), (1, 5)],
    "scalars": [(), ()],
    "empty": [(0, 3), (1,)],
    "rank8": [(1, 2, 1, 2, 1, 2, 1, 2), (2, 1, 2)]
}
# Where a function is defined, in the words of the table.
ALL, POSITIVE, NONZERO, UNIT = "all", "above 0", "not 0", "-1 to 1"
FROM_ONE, SMALL, SHIFT = "from 1 on", "small", "0 to the width"
DOMAINS = (ALL, POSITIVE, NONZERO, UNIT, FROM_ONE, SMALL, SHIFT)

OTHER_TYPES = {1: [(3, 5)], 2: [(2, 1, 3), (4, 1)], 3: [(2, 1, 3), (4, 1), (3,)]}

SPECIAL = [
    np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 1e-42, 3e38, -3e38, 100.0, -20.0
]


class Whole(np.ndarray):
    """Integers whose quotient truncates."""

    def __truediv__(self, other):
        return np.floor_divide(np.subtract(self, np.fmod(self, other)), other)


def _by_element(function):
    return np.vectorize(lambda v: function(float(v)), otypes=[np.float64])


def _of_present(function):

    def call(a, b):
        return b if a is None else a if b is None else function(a, b)

    return call


NAMES = {
    "erf": _by_element(math.erf),
    "erfc": _by_element(math.erfc),
    "inf": np.inf,
    "len": len,
    "reduce": functools.reduce,
    "maximum": _of_present(np.maximum),
    "minimum": _of_present(np.minimum),
}


class Switch(int):
    """A 0 or 1 that has the name of a NumPy function, which the formula can call all the same."""

    def __new__(cls, value, function):
        switch = int.__new__(cls, value)
        switch.function = function
        return switch

    def __call__(self, *operands):
        return self.function(*operands)


class Scope(dict):

    def __missing__(self, name):
        return NAMES[name] if name in NAMES else getattr(np, name)


def _number(tensor):
    if is_float(tensor.dtype):
        return decode(tensor)
    if tensor.dtype == "bool":
        return tensor.data
    data = tensor.data.astype(np.int64) if tensor.dtype in ("i4", "u4") else tensor.data
    return data.view(Whole)


def evaluate(row, dtype, operands, attributes):
    """The formula over operands {name: tensor, list of tensors, or None}."""
    scope = Scope()
    for name, value in attributes.items():
        if isinstance(value, float):
            value = rounded(value, dtype)
        scope[name] = Switch(value, getattr(np, name)) if hasattr(np, name) else value
    for name, value in operands.items():
        scope[name] = [_number(v) for v in value] if isinstance(value, list) else \
            None if value is None else _number(value)
    code = compile(row["doc"], row["name"], "eval")
    with np.errstate(all="ignore"):
        result = np.asarray(eval(code, {"__builtins__": {}}, scope))
    out = "bool" if row["results"][0].get("types") == ["bool"] else dtype
    return encode(out, result.view(np.ndarray))


# ---- samples of the domain ----------------------------------------------------------------------


def _in_domain(rng, domain, dtype, shape, index, count):
    """Operand `index` of `count`: POSITIVE binds the first, NONZERO and SHIFT the last."""
    last = index == count - 1
    if dtype == "bool":
        return sample(rng, dtype, shape)
    n = int(np.prod(shape, dtype=int))
    if domain == SHIFT and last:
        return encode(dtype,
                      rng.randint(0, min(BITS[dtype] + 2,
                                         bounds(dtype)[1] + 1), n).reshape(shape))
    if is_int(dtype):
        if domain == POSITIVE:
            return encode(dtype, rng.randint(0, 7, n).reshape(shape))
        tensor = sample(rng, dtype, shape)
        if domain == NONZERO and last:
            tensor = Tensor(dtype,
                            np.where(tensor.data == 0, 3, tensor.data).astype(tensor.data.dtype))
        return tensor
    values = rng.standard_normal(n)
    if domain == POSITIVE and index == 0:
        values = np.exp(values)
    elif domain == NONZERO and last:
        values = np.copysign(np.exp(values), rng.standard_normal(n))
    elif domain == UNIT:
        values = rng.uniform(-0.97, 0.97, n)
    elif domain == FROM_ONE:
        values = 1 + np.exp(values)
    elif domain == SMALL:
        values = rng.uniform(-8, 8, n)
    else:
        values = 2 * values
    return encode(dtype, values.reshape(shape))


def _edges(domain, dtype, index, count):
    """The ends of an integer type, and what lies around 0."""
    low, high = bounds(dtype)
    values = sorted({low, low + 1, max(low, -2), max(low, -1), 0, 1, 2, high - 1, high})
    if domain == SHIFT and index == count - 1:
        values = [0, 1, BITS[dtype] - 1, BITS[dtype], BITS[dtype] + 1] + [-1, low] * (low < 0)
    if domain == POSITIVE and index == count - 1:
        values = [0, 1, 2, 3, 31, 32, 63]
    if domain == NONZERO and index == count - 1:
        values.remove(0)
    return np.array(values, np.uint64 if dtype[0] == "u" else np.int64)


def _grid(values, index, count):
    """Values along an axis of their own, so that all pairs meet."""
    shape = [1] * count
    shape[index] = len(values)
    return np.asarray(values).reshape(shape)


# ---- cases --------------------------------------------------------------------------------------


class Row:

    def __init__(self, row):
        self.row = row
        self.operands = row["operands"]
        self.variadic = self.operands[-1]["presence"] == "variadic"
        self.types = row["types"]["T"]
        self.main = next((t for t in ("f32", "i32", "u32") if t in self.types), self.types[0])
        self.base = {a["name"]: a["choices"][0] for a in row["attributes"] if a["required"]}

    def dtype_of(self, operand, dtype):
        return dtype if operand.get("type") else operand["types"][0]

    def make(self, graph, dtype, tensors, attributes=None, error=None):
        """A case with these operands (None: absent), by their order."""
        given = {**self.base, **(attributes or {})}
        inputs, arguments, values = {}, {}, {}
        if self.variadic:
            name = self.operands[0]["name"]
            inputs = {"x%d" % i: t for i, t in enumerate(tensors)}
            arguments[name], values[name] = [Name(n) for n in inputs], list(tensors)
        for operand, tensor in zip(self.operands, tensors):
            if self.variadic:
                break
            values[operand["name"]] = tensor
            if tensor is not None:
                inputs[operand["name"]] = tensor
                arguments[operand["name"]] = Name(operand["name"])
        everything = {a["name"]: a["default"] for a in self.row["attributes"] if "default" in a}
        everything.update(given)
        result = evaluate(self.row, dtype, values, everything)
        return Case(graph,
                    self.row["name"],
                    inputs, {"result": {
                        **arguments,
                        **given
                    }}, {"result": result},
                    error=error)

    def sampled(self, graph, dtype, shapes, attributes=None, absent=()):
        rng = generator(self.row["name"], graph)
        tensors = []
        for i, shape in enumerate(shapes):
            operand = self.operands[0 if self.variadic else i]
            of = self.dtype_of(operand, dtype)
            tensors.append(_in_domain(rng, self.row["domain"], of, shape, i, len(shapes)))
        tensors = [None if i in absent else t for i, t in enumerate(tensors)]
        return self.make(graph, dtype, tensors, attributes)

    def gridded(self, graph, dtype, values_of, attributes=None):
        """All combinations of special values (of types that are not `dtype`: both bools)."""
        count = 2 if self.variadic else len(self.operands)
        tensors = []
        for i in range(count):
            of = self.dtype_of(self.operands[0 if self.variadic else i], dtype)
            values = values_of(i, count) if of == dtype else [False, True]
            tensors.append(encode(of, _grid(values, i, count)))
        return self.make(graph, dtype, tensors, attributes)

    def special(self, graph, attributes=None):
        def values_of(index, count):
            values = SPECIAL if count < 3 else SPECIAL[:8]
            # A mean is worked out from a sum in its own type, which must not overflow where it does not.
            return [v / count if abs(v) == 3e38 and "/ len(" in self.row["doc"] else v for v in values]

        return self.gridded(graph, "f32", values_of, attributes)

    def cancelling(self, graph, *numbers):
        """An affine function of two attributes around where it is 0: from the next numbers on to far away."""
        named = re.search(r"AFFINE\((\w+), \w+, (\w+)\)", self.row["expression"]).groups()
        attributes = dict(zip(named, numbers))
        given = {**{a["name"]: a["default"] for a in self.row["attributes"]}, **attributes}
        slope, shift = (np.float32(given[n]) for n in named)
        zero = np.float32(-np.float64(shift) / np.float64(slope))
        steps = np.arange(-20, 21).astype(np.float64)
        near = zero + np.concatenate([np.spacing(zero) * steps, zero * steps * 2.0 ** -12, zero * steps / 32])
        return self.make(graph, "f32", [encode("f32", near)], attributes)

    def edges(self, graph, dtype, attributes=None):
        domain = self.row["domain"]
        return self.gridded(graph, dtype, lambda i, n: _edges(domain, dtype, i, n), attributes)


def _variations(row):
    """Every attribute moved off its default, one at a time."""
    for a in row["attributes"]:
        if "choices" in a:
            values = a["choices"][1:]  # the first one is the default, or stands for it
        elif a["kind"] == "0 or 1":
            values = [1 - a["default"]]
        elif a["kind"] == "number":
            values = [0.5 * a["default"] + 0.375]
        else:
            values = [a["default"] + 1]
        for value in values:
            suffix = value.lower() if isinstance(value, str) else "varied"
            yield "%s_%s" % (a["name"], suffix), {a["name"]: value}


def _by_zero(r, dtype):
    tensors = [encode(dtype, [5, 6, 7]), encode(dtype, [1, 0, 2])]
    return r.make("%s_by_zero" % dtype, dtype, tensors, error=RUN_DIVISION)


def cases_of(row):
    assert row["domain"] in DOMAINS, row["domain"]
    r = Row(row)
    count = len(r.operands)
    shapes = VARIADIC if r.variadic else SHAPES[count]
    cases = [r.sampled("%s_%s" % (r.main, name), r.main, s) for name, s in shapes.items()]
    for dtype in r.types:
        if dtype != r.main:
            cases.append(r.sampled(dtype, dtype, OTHER_TYPES[2 if r.variadic else count]))
    optional = [i for i, o in enumerate(r.operands) if o["presence"] == "optional"]
    for mask in range(1, 1 << len(optional)):
        absent = [i for k, i in enumerate(optional) if mask >> k & 1]
        name = "without_" + "_".join(r.operands[i]["name"] for i in absent)
        cases.append(r.sampled(name, r.main, shapes["ragged"], absent=absent))
    everywhere = row["domain"] == ALL
    if r.main == "f32" and everywhere:
        cases.append(r.special("f32_special"))
    for dtype in ("i8", "i32", "u64"):
        if dtype in r.types:
            cases.append(r.edges("%s_edges" % dtype, dtype))
    for name, attributes in _variations(row):
        if r.main == "f32" and everywhere:
            cases.append(r.special(name, attributes))
        else:
            cases.append(r.sampled(name, r.main, shapes["ragged"], attributes))
        if r.main != "i32" and "i32" in r.types:
            cases.append(r.edges(name + "_i32", "i32", attributes))
    if "AFFINE" in row["expression"]:
        cases.append(r.cancelling("f32_cancelling"))
        for number, (slope, shift) in enumerate(((1.0 / 6, 0.5), (0.3, 0.7), (-1.1, 0.013), (3.7e-3, -2.5))):
            cases.append(r.cancelling("f32_cancelling_%d" % number, slope, shift))
    if "can fail" in row["flags"]:
        cases += [_by_zero(r, dtype) for dtype in ("i32", "u8", "i64") if dtype in r.types]
    return cases
