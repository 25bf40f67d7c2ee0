"""Goldens of reductions, scans, softmax and the normalisations."""
import numpy as np

from cases import RUN_DIVISION, Name, case
from formats import (BITS, Tensor, bounds, decode, encode, generator, is_float, is_signed, rounded,
                     sample, small)


def _types(row):
    return row["operands"][0]["types"]


def _main(row):
    return "f32" if "f32" in _types(row) else _types(row)[0]


def _others(row):
    return [t for t in _types(row) if t != _main(row)]


# ---- reductions ---------------------------------------------------------------------------------


def _mean(x, axes, keep, dtype):
    if is_float(dtype):
        return x.sum(axis=axes, keepdims=keep) / np.prod([x.shape[a] for a in axes], dtype=int)
    wide = dtype if BITS[dtype] > 32 else ("i32" if is_signed(dtype) else "u32")
    total = encode(wide, x.sum(axis=axes, keepdims=keep)).data.astype(x.dtype)
    n = np.array(np.prod([x.shape[a] for a in axes], dtype=int), x.dtype)
    return np.floor_divide(total - np.fmod(total, n), n)


def _log_sum_exp(x, axes, keep, dtype):
    most = np.max(x, axis=axes, keepdims=True, initial=-np.inf)
    shift = np.where(np.isfinite(most), most, 0)
    total = np.log(np.exp(x - shift).sum(axis=axes, keepdims=True)) + shift
    return total if keep else total.reshape(x.sum(axis=axes).shape)


def _extreme(function, of_none):

    def call(x, axes, keep, dtype):
        if is_float(dtype):
            initial = of_none
        elif dtype == "bool":
            initial = int(of_none > 0)
        else:
            initial = bounds(dtype)[int(of_none > 0)]
        return function(x, axis=axes, keepdims=keep, initial=initial)

    return call


REDUCTIONS = {
    "reduce_sum": lambda x, axes, keep, t: x.sum(axis=axes, keepdims=keep),
    "reduce_mean": _mean,
    "reduce_max": _extreme(np.max, -np.inf),
    "reduce_min": _extreme(np.min, np.inf),
    "reduce_prod": lambda x, axes, keep, t: x.prod(axis=axes, keepdims=keep),
    "reduce_l1": lambda x, axes, keep, t: np.abs(x).sum(axis=axes, keepdims=keep),
    "reduce_l2": lambda x, axes, keep, t: np.sqrt((x * x).sum(axis=axes, keepdims=keep)),
    "reduce_log_sum": lambda x, axes, keep, t: np.log(x.sum(axis=axes, keepdims=keep)),
    "reduce_log_sum_exp": _log_sum_exp,
    "reduce_sum_square": lambda x, axes, keep, t: (x * x).sum(axis=axes, keepdims=keep),
}


def reduced(op, data, axes=None, keepdims=1, noop_with_empty_axes=0):
    x = decode(data)
    if not axes and noop_with_empty_axes:
        axes = ()
    elif not axes:
        axes = tuple(range(x.ndim))
    axes = tuple(a % x.ndim for a in axes)
    with np.errstate(all="ignore"):
        y = REDUCTIONS[op](x, axes, bool(keepdims), data.dtype)
    return encode(data.dtype, y)


def reduce_cases(row):
    op = row["name"]
    rng = generator(op)
    sample_of = (lambda t, s: sample(rng, t, s, 1.0)) if op in ("reduce_max", "reduce_min") else \
        (lambda t, s: small(rng, t, s))

    def data(dtype, shape):
        x = sample_of(dtype, shape)
        if op == "reduce_log_sum":  # the sum must be positive
            x = encode(dtype, np.abs(decode(x)))
        return x

    def one(graph, x, error=None, **attributes):
        result = reduced(op, x, **attributes)
        return case(graph, op, {"data": x}, result, attributes, error=error)

    f = _main(row)
    cases = [
        one("f32_all", data(f, (3, 4, 5))),
        one("f32_last", data(f, (3, 4, 17)), axes=[-1]),
        one("f32_first", data(f, (5, 7)), axes=[0], keepdims=0),
        one("f32_middle", data(f, (2, 3, 4, 5)), axes=[2], keepdims=0),
        one("f32_two_axes", data(f, (2, 3, 4, 5)), axes=[1, -1], keepdims=0),
        one("f32_rank8", data(f, (2, 1, 3, 1, 2, 1, 2, 2)), axes=[0, 2, 6]),
        one("f32_scalar", data(f, ())),
        one("f32_long", data(f, (1, 301)), axes=[1]),
        one("f32_of_none", data(f, (3, 0, 2)), axes=[1]),
        one("f32_empty", data(f, (0, 4)), axes=[1]),
        one("f32_noop", data(f, (2, 3)), axes=[], noop_with_empty_axes=1),
    ]
    special = np.array([[1, np.nan, 2], [np.inf, 1, -5], [-np.inf, -np.inf, -np.inf],
                        [np.inf, -np.inf, 0]])
    if op in ("reduce_max", "reduce_min", "reduce_sum", "reduce_log_sum_exp"):
        cases.append(one("f32_special", encode(f, special), axes=[1]))
    if op == "reduce_log_sum_exp":
        cases.append(
            one("f32_large", encode(f, np.array([[1000.0, 999.0], [-1000.0, -1001.0]])), axes=[1]))
    cases += [one(t, data(t, (3, 5)), axes=[1], keepdims=0) for t in _others(row)]
    wraps = op not in ("reduce_max", "reduce_min", "reduce_l2", "reduce_log_sum",
                       "reduce_log_sum_exp")
    if wraps:
        cases += [
            one("%s_wraps" % t, sample(rng, t, (4, 6)), axes=[0]) for t in ("i8", "i32", "u64")
        ]
    if op in ("reduce_max", "reduce_min"):
        cases += [one("%s_of_none" % t, data(t, (2, 0)), axes=[1]) for t in ("i8", "u32", "bool")]
    if op == "reduce_mean":
        x = Tensor("i32", np.zeros((2, 0), np.int32))
        cases.append(
            case("i32_of_none",
                 op, {"data": x},
                 encode("i32", np.zeros((2, 1))), {"axes": [1]},
                 error=RUN_DIVISION))
    return cases


def arg_reduced(op, data, axis=0, keepdims=1, select_last_index=0):
    x = np.moveaxis(decode(data), axis, -1)
    rows = x.reshape(-1, x.shape[-1])
    out = []
    for r in rows:
        nans = np.flatnonzero(np.isnan(r)) if is_float(data.dtype) else []
        best = np.flatnonzero(r == (r.max() if op == "arg_max" else r.min()))
        out.append(nans[0] if len(nans) else best[-1 if select_last_index else 0])
    y = np.array(out, np.int64).reshape(x.shape[:-1])
    return Tensor("i64", np.asarray(np.expand_dims(y, axis) if keepdims else y))


def arg_reduce_cases(row):
    op = row["name"]
    rng = generator(op)

    def one(graph, x, **attributes):
        return case(graph, op, {"data": x}, arg_reduced(op, x, **attributes), attributes)

    ties = encode("f32", np.concatenate([np.ones((1, 9)), rng.randint(0, 3, (4, 9))]))
    nans = encode(
        "f32",
        np.array([[1, np.nan, 5, np.nan], [np.inf, 2, np.inf, -np.inf],
                  [-np.inf, -np.inf, np.nan, 0]]))
    cases = [
        one("f32_first", sample(rng, "f32", (5, 3))),
        one("f32_last", sample(rng, "f32", (2, 3, 17)), axis=-1, keepdims=0),
        one("f32_middle", sample(rng, "f32", (2, 6, 3)), axis=1, keepdims=0),
        one("f32_vector", sample(rng, "f32", (33,)), keepdims=0),
        one("f32_rank7", sample(rng, "f32", (2, 1, 3, 1, 2, 1, 2)), axis=4),
        one("f32_empty", sample(rng, "f32", (0, 4)), axis=1),
        one("f32_ties", ties, axis=1),
        one("f32_ties_last", ties, axis=1, select_last_index=1),
        one("f32_nan", nans, axis=1),
        one("f32_nan_last", nans, axis=1, select_last_index=1),
    ]
    return cases + [one(t, sample(rng, t, (3, 7)), axis=1) for t in _others(row)]


# ---- searches -----------------------------------------------------------------------------------


def top(x_tensor, k, axis=-1, largest=1):
    """By Python's sort: a NaN counts as larger than any number, the lower index goes first."""
    x = np.moveaxis(x_tensor.data, axis, -1)
    wide = np.moveaxis(decode(x_tensor), axis, -1)
    shape = x.shape[:-1] + (k,)
    values, indices = np.zeros(shape, x.dtype), np.zeros(shape, np.int64)
    for at in np.ndindex(shape[:-1]):

        def key(i):
            v = wide[at][i]
            nan = is_float(x_tensor.dtype) and bool(np.isnan(v))
            number = 0 if nan else v if is_float(x_tensor.dtype) else int(v)
            return (not nan if largest else nan, -number if largest else number, i)

        order = sorted(range(x.shape[-1]), key=key)[:k]
        values[at], indices[at] = x[at][order], order
    return {"values": Tensor(x_tensor.dtype, np.moveaxis(values, -1, axis)),
            "indices": Tensor("i64", np.moveaxis(indices, -1, axis))}


def topk_cases(row):
    rng = generator("topk")

    def one(graph, x, **attributes):
        return case(graph, "topk", {"x": x}, top(x, **attributes), attributes)

    ties = encode("f32", rng.randint(0, 4, (3, 12)))
    nans = encode("f32", np.array([[1, np.nan, 5, -np.inf, np.nan], [np.inf, 2, np.inf, 0, -0.0]]))
    cases = [
        one("f32_last", sample(rng, "f32", (2, 3, 9)), k=4),
        one("f32_first", sample(rng, "f32", (7, 3)), k=2, axis=0),
        one("f32_smallest", sample(rng, "f32", (3, 6)), k=3, largest=0),
        one("f32_everything", sample(rng, "f32", (2, 5)), k=5),
        one("f32_nothing", sample(rng, "f32", (2, 5)), k=0),
        one("f32_empty", sample(rng, "f32", (0, 5)), k=2),
        one("f32_rank5", sample(rng, "f32", (1, 2, 4, 1, 2)), k=2, axis=2),
        one("f32_ties", ties, k=7),
        one("f32_ties_smallest", ties, k=7, largest=0),
        one("f32_nan", nans, k=4),
        one("f32_nan_smallest", nans, k=4, largest=0),
    ]
    cases += [one(t, sample(rng, t, (2, 7)), k=3) for t in _others(row)]
    mixed = rng.randint(-3, 4, (2, 61)).astype(np.float64)
    mixed[rng.random_sample(mixed.shape) < 0.2] = np.nan
    mixed[:, 40:44] = [np.inf, -np.inf, -0.0, 0.0]
    mixed = encode("f32", mixed)
    few = encode("i8", rng.randint(-2, 3, (2, 53)))
    return cases + [
        one("f32_long", sample(rng, "f32", (3, 217)), k=19),
        one("f32_one", sample(rng, "f32", (3, 40)), k=1),
        one("f32_ascending", encode("f32", np.arange(67.0).reshape(1, 67)), k=32),
        one("f32_descending", encode("f32", -np.arange(67.0).reshape(1, 67)), k=33),
        one("f32_mixed", mixed, k=31),
        one("f32_mixed_smallest", mixed, k=31, largest=0),
        one("f32_mixed_everything", mixed, k=61),
        one("f32_mixed_all_smallest", mixed, k=61, largest=0),
        one("f32_long_first", sample(rng, "f32", (70, 3)), k=16, axis=0),
        one("i8_ties", few, k=27),
        one("i8_ties_smallest", few, k=53, largest=0),
    ]


# ---- softmax and normalisation ------------------------------------------------------------------


def softmax(op, x_tensor, axis=-1):
    x = decode(x_tensor)
    if x.ndim == 0:
        return encode(x_tensor.dtype, np.zeros(()) if op == "log_softmax" else np.ones(()))
    with np.errstate(all="ignore"):
        shifted = x - x.max(axis=axis, keepdims=True) if x.size else x
        total = np.exp(shifted).sum(axis=axis, keepdims=True)
        y = shifted - np.log(total) if op == "log_softmax" else np.exp(shifted) / total
    return encode(x_tensor.dtype, y)


def softmax_cases(row):
    op = row["name"]
    rng = generator(op)

    def one(graph, x, **attributes):
        return case(graph, op, {"input": x}, softmax(op, x, **attributes), attributes)

    special = encode(
        "f32",
        np.array([[1000.0, 1001.0, 0], [-np.inf, 0, 1], [-1e30, -1e30, -1e30], [np.nan, 0, 1]]))
    cases = [
        one("f32_last", sample(rng, "f32", (3, 17))),
        one("f32_first", sample(rng, "f32", (5, 3)), axis=0),
        one("f32_middle", sample(rng, "f32", (2, 4, 3)), axis=1),
        one("f32_vector", sample(rng, "f32", (65,))),
        one("f32_rank6", sample(rng, "f32", (1, 2, 3, 1, 2, 2)), axis=2),
        one("f32_single", sample(rng, "f32", (4, 1))),
        one("f32_scalar", sample(rng, "f32", ())),
        one("f32_empty", sample(rng, "f32", (0, 3))),
        one("f32_none", sample(rng, "f32", (2, 0))),
        one("f32_special", special),
    ]
    return cases + [one(t, sample(rng, t, (3, 5))) for t in _others(row)]


def _normalised(x, axes, epsilon, centred=True):
    if x.size == 0:
        return x
    mean = x.mean(axis=axes, keepdims=True) if centred else 0
    variance = ((x - mean)**2).mean(axis=axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon)


def row_moments(x, axis=-1, epsilon=1e-5, stash_type="f32"):
    wide = decode(x)
    axes = tuple(range(axis % wide.ndim, wide.ndim))
    mean = wide.mean(axis=axes, keepdims=True)
    variance = ((wide - mean)**2).mean(axis=axes, keepdims=True)
    return {"mean": encode(stash_type, mean), "inv_std_dev": encode(stash_type, 1 / np.sqrt(variance + rounded(epsilon, x.dtype)))}


def layer_norm(op, x, scale=None, b=None, axis=-1, epsilon=1e-5, stash_type=None):
    wide = decode(x)
    axes = tuple(range(axis % wide.ndim, wide.ndim))
    y = _normalised(wide, axes, rounded(epsilon, x.dtype), op == "layer_normalization")
    if scale is not None:
        y = y * decode(scale)
    if b is not None:
        y = y + decode(b)
    return encode(x.dtype, y)


def layer_norm_cases(row):
    op = row["name"]
    rng = generator(op)
    has_b = op == "layer_normalization"

    def one(graph, dtype, shape, row_shape, with_b=has_b, with_scale=True, moments=False, **attributes):
        inputs = {"x": sample(rng, dtype, shape)}
        if with_scale:
            inputs["scale"] = sample(rng, dtype, row_shape)
        if with_b:
            inputs["b"] = sample(rng, dtype, row_shape)
        result = layer_norm(op, **inputs, **attributes)
        if moments:
            result = {"result": result, **row_moments(inputs["x"], **attributes)}
        return case(graph, op, inputs, result, attributes)

    cases = [
        one("f32_last", "f32", (3, 17), (17,)),
        one("f32_two_axes", "f32", (2, 3, 5), (3, 5), axis=1),
        one("f32_everything", "f32", (2, 3, 4), (2, 3, 4), axis=0),
        one("f32_vector", "f32", (40,), (40,)),
        one("f32_epsilon", "f32", (4, 6), (6,), epsilon=0.25),
        one("f32_scale_broadcast", "f32", (2, 3, 5), (5,), axis=-2),
        one("f32_scalar_scale", "f32", (2, 5), ()),
        one("f32_rank6", "f32", (1, 2, 1, 3, 2, 2), (2, 2), axis=4),
        one("f32_empty", "f32", (0, 4), (4,)),
    ]
    if has_b:
        cases.append(one("f32_without_b", "f32", (3, 5), (5,), with_b=False))
        cases.append(one("f32_moments", "f32", (2, 3, 4), (3, 4), moments=True, axis=1))
        cases.append(one("f16_moments", "f16", (3, 4), (4,), moments=True))
        cases.append(one("bf16_moments", "bf16", (3, 4), (4,), moments=True, stash_type=Name("bf16")))
        cases.append(one("f64_moments", "f64", (3, 4), (4,), moments=True, stash_type=Name("f64")))
    else:
        cases.append(one("f32_without_scale", "f32", (3, 5), (5,), with_scale=False))
    return cases + [one(t, t, (3, 8), (8,)) for t in _others(row)]


def _by_channel(vector, rank):
    return decode(vector).reshape((-1,) + (1,) * (rank - 2))


def batch_norm(x, scale, b, input_mean, input_var, epsilon=1e-5):
    wide = decode(x)
    s, o, m, v = (_by_channel(t, wide.ndim) for t in (scale, b, input_mean, input_var))
    return encode(x.dtype, (wide - m) / np.sqrt(v + rounded(epsilon, x.dtype)) * s + o)


def batch_norm_cases(row):
    rng = generator("batch_normalization")

    def one(graph, dtype, shape, **attributes):
        inputs = {"x": sample(rng, dtype, shape)}
        inputs.update({n: sample(rng, dtype, shape[1:2]) for n in ("scale", "b", "input_mean")})
        inputs["input_var"] = encode(dtype, np.exp(rng.standard_normal(shape[1:2])))
        return case(graph, "batch_normalization", inputs, batch_norm(**inputs, **attributes),
                    attributes)

    cases = [
        one("f32_image", "f32", (2, 3, 4, 5)),
        one("f32_matrix", "f32", (5, 7)),
        one("f32_volume", "f32", (1, 2, 3, 2, 2)),
        one("f32_epsilon", "f32", (2, 3, 4), epsilon=0.5),
        one("f32_rank8", "f32", (1, 3, 1, 2, 1, 2, 1, 2)),
        one("f32_empty", "f32", (0, 3, 2)),
    ]
    return cases + [one(t, t, (2, 3, 5)) for t in _others(row)]


def group_norm(x, scale, b, num_groups=None, epsilon=1e-5):
    wide = decode(x)
    groups = num_groups or x.data.shape[1]
    rows = wide.reshape((wide.shape[0], groups, -1) if wide.size else wide.shape[:1] + (groups, 0))
    y = _normalised(rows, 2, rounded(epsilon, x.dtype)).reshape(wide.shape)
    return encode(x.dtype, y * _by_channel(scale, wide.ndim) + _by_channel(b, wide.ndim))


def group_norm_cases(row):
    op = row["name"]
    rng = generator(op)
    names = [o["name"] for o in row["operands"]]
    groups = (lambda n: {"num_groups": n}) if op == "group_normalization" else (lambda n: {})

    def one(graph, dtype, shape, n, **attributes):
        x = sample(rng, dtype, shape)
        scale, b = sample(rng, dtype, shape[1:2]), sample(rng, dtype, shape[1:2])
        attributes = {**groups(n), **attributes}
        return case(graph, op, dict(zip(names, (x, scale, b))),
                    group_norm(x, scale, b, **attributes), attributes)

    cases = [
        one("f32_image", "f32", (2, 4, 3, 5), 2),
        one("f32_sequence", "f32", (3, 6, 7), 3),
        one("f32_volume", "f32", (1, 4, 2, 3, 2), 4),
        one("f32_one_group", "f32", (2, 3, 4), 1),
        one("f32_epsilon", "f32", (2, 4, 4), 2, epsilon=0.5),
        one("f32_matrix", "f32", (3, 4), 2),
        one("f32_empty", "f32", (0, 4, 3), 2),
    ]
    return cases + [one(t, t, (2, 4, 3), 2) for t in _others(row)]


CASES = {
    **{
        op: reduce_cases
        for op in REDUCTIONS
    },
    "arg_max": arg_reduce_cases,
    "arg_min": arg_reduce_cases,
    "topk": topk_cases,
    "softmax": softmax_cases,
    "log_softmax": softmax_cases,
    "layer_normalization": layer_norm_cases,
    "rms_norm": layer_norm_cases,
    "batch_normalization": batch_norm_cases,
    "instance_normalization": group_norm_cases,
    "group_normalization": group_norm_cases,
}
