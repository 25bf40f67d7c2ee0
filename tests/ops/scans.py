"""Goldens of sums and products that run along an axis."""
import numpy as np

from cases import case, others
from formats import decode, encode, generator, sample, small


def accumulated(function, x_tensor, axis, exclusive=0, reverse=0):
    x = np.moveaxis(decode(x_tensor), axis, 0)
    y = np.zeros_like(x)
    for i in range(len(x)):
        y[i] = function.reduce(x[i + exclusive:] if reverse else x[:i + 1 - exclusive], axis=0)
    return encode(x_tensor.dtype, np.moveaxis(y, 0, axis))


def scan_cases(row, op, function, longest, width, exclusive_types=()):
    rng = generator(op)

    def one(graph, x, **attributes):
        return case(graph, op, {"x": x}, accumulated(function, x, **attributes), attributes)

    x = small(rng, "f32", (3, 5, 4))
    cases = [
        one("f32_first", x, axis=0),
        one("f32_last", small(rng, "f32", (2, longest)), axis=-1),
        one("f32_exclusive", x, axis=1, exclusive=1),
        one("f32_reverse", x, axis=1, reverse=1),
        one("f32_exclusive_reverse", x, axis=2, exclusive=1, reverse=1),
        one("f32_rank6", small(rng, "f32", (1, 2, 3, 1, 2, 2)), axis=2),
    ]
    cases += [one("%s_exclusive_reverse" % t, small(rng, t, (2, 5)), axis=1, exclusive=1, reverse=1) for t in exclusive_types]
    cases += [
        one("f32_empty", small(rng, "f32", (0, 3)), axis=1),
        one("f32_none", small(rng, "f32", (3, 0)), axis=1),
    ]
    cases += [one(t, small(rng, t, (3, width)), axis=1) for t in others(row)]
    return cases + [one("%s_wraps" % t, sample(rng, t, (2, 6)), axis=1) for t in ("i8", "u16", "i64")]


CASES = {
    "cum_sum": lambda row: scan_cases(row, "cum_sum", np.add, 19, 5, ["i32"]),
    "cum_prod": lambda row: scan_cases(row, "cum_prod", np.multiply, 9, 4),
}
