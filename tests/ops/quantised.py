"""Goldens of quantised ops. Where the standard computes in f32, the reference does so step by step."""
import numpy as np

from cases import Name, case
from formats import Tensor, bounds, codes, decode, encode, generator, is_float, sample

F32 = np.float32


def tensor(dtype, values):
    return encode(dtype, np.asarray(values))


def whole(x):
    """The elements as int64."""
    return x.data.astype(np.int64)


def spread(value, x, axis, block):
    """A scale or zero point for each element of x."""
    data = decode(value)
    if data.size == 1:
        return data.reshape(())
    axis %= x.ndim
    if block == 0:
        return data.reshape([-1 if i == axis else 1 for i in range(x.ndim)])
    return np.repeat(data, block, axis)[tuple(slice(n) for n in x.shape)]


def to_integers(values, zero, dtype):
    """Rounded, halves to even, plus the zero point, saturated; NaN counts as 0."""
    low, high = bounds(dtype)
    values = np.where(np.isnan(values), 0, values).astype(np.float64)
    return tensor(dtype, np.clip(np.rint(values) + np.float64(zero), low, high).astype(np.int64))


def quantised(x, scale, zero=None, to="u8", axis=1, block=0, saturate=True, precision=None):
    precision = precision or (scale.dtype if scale.dtype in ("f32", "f16", "bf16") else "f32")
    narrow = lambda v: decode(encode(precision, np.asarray(v, np.float64)))
    to = zero.dtype if zero else to
    with np.errstate(all="ignore"):
        v = narrow(narrow(decode(x)) / narrow(spread(scale, x.data, axis, block)))
    z = spread(zero, x.data, axis, block) if zero else 0
    if not is_float(to):
        return to_integers(v, z, to)
    return encode(to, narrow(v + z) if zero else v, saturate)


def quantize_cases(row):
    rng = generator("quantize_linear")
    inputs, scales, results = (row["types"][v] for v in "TUV")
    x = sample(rng, "f32", (3, 4), 40)
    one = lambda t: tensor(t, 2.0 if t in ("f8e8m0", "i32") else 1.7)
    cases = []

    def add(graph, x, scale, zero=None, **given):
        operands = {"x": x, "y_scale": scale}
        if zero:
            operands["y_zero_point"] = zero
        attributes = {}
        for ours, theirs in (("to", "output_dtype"), ("precision", "precision")):
            if ours in given:
                attributes[theirs] = Name(given[ours])
        for ours, theirs in (("axis", "axis"), ("block", "block_size"), ("saturate", "saturate")):
            if ours in given:
                attributes[theirs] = int(given[ours])
        y = quantised(x, scale, zero, **given)
        cases.append(case(graph, "quantize_linear", operands, y, attributes))

    for t in inputs:
        add(t + "_plain", sample(rng, t, (2, 5), 90), one("f32"))
    for t in scales:
        add("scale_" + t, x, one(t), tensor("i8", 3))
    for t in results:
        add("to_" + t, x, one("f32"), to=t)
        zero = tensor(t, 1.0 if is_float(t) else 1)
        add("to_%s_zero" % t, x, one("f32"), zero)
    edges = tensor("f32", [np.nan, np.inf, -np.inf, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 1e30, -1e30, 253.5, 254.5, -0.0])
    for t in ("u8", "i8", "u16", "i16"):
        low, high = bounds(t)
        for name, z in (("low", low), ("high", high)):
            add("edges_%s_%s" % (t, name), edges, tensor("f32", 1.0), tensor(t, z))
        add("edges_" + t, edges, tensor("f32", 0.5), to=t)
    for t in ("f8e4m3", "f8e5m2", "f8e4m3fnuz", "f8e5m2fnuz", "f4e2m1"):
        add("overflow_" + t, edges, tensor("f32", 1e-3), to=t, saturate=False)
        add("saturated_" + t, edges, tensor("f32", 1e-3), to=t)
    cube = sample(rng, "f32", (2, 3, 4), 9)
    for axis in (0, 1, -1):
        n = cube.data.shape[axis]
        scale = tensor("f32", 0.1 + rng.random_sample(n))
        zero = tensor("u8", rng.randint(0, 99, n))
        add("axis_%s" % str(axis).replace("-", "m"), cube, scale, zero, axis=axis)
        shape = [-(-d // 3) if i == axis % 3 else d for i, d in enumerate(cube.data.shape)]
        scale = tensor("f32", 0.1 + rng.random_sample(shape))
        zero = tensor("i4", rng.randint(-8, 8, shape))
        add("blocks_%s" % str(axis).replace("-", "m"), cube, scale, zero, axis=axis, block=3)
    add("blocks_powers", cube, tensor("f8e8m0", 2.0**rng.randint(-3, 3, (2, 3, 2))), axis=2, block=2, to="f4e2m1")
    for t in ("f16", "bf16", "f32"):
        add("precision_" + t, x, tensor("f32", 0.3), tensor("u8", 128), precision=t)
    add("vector", tensor("f32", [1, 2, 3]), tensor("f32", [0.5]), tensor("u8", [7]))
    add("scalar", tensor("f32", 3.0), tensor("f32", 0.5))
    add("empty", tensor("f32", np.zeros((0, 3))), tensor("f32", [1.0, 2.0, 3.0]))
    return cases


def dequantised(x, scale, zero=None, to=None, axis=1, block=0):
    v = decode(x).astype(np.float64)
    if zero:
        v = v - spread(zero, x.data, axis, block)
    v = v.astype(F32) * np.asarray(spread(scale, x.data, axis, block), F32)
    return encode(to or scale.dtype, v.astype(F32))


def dequantize_cases(row):
    rng = generator("dequantize_linear")
    cases = []

    def add(graph, x, scale, zero=None, to=None, axis=None, block=None):
        operands = {"x": x, "x_scale": scale}
        if zero:
            operands["x_zero_point"] = zero
        attributes = {} if to is None else {"output_dtype": Name(to)}
        if axis is not None:
            attributes["axis"] = axis
        if block is not None:
            attributes["block_size"] = block
        y = dequantised(x, scale, zero, to, 1 if axis is None else axis, block or 0)
        cases.append(case(graph, "dequantize_linear", operands, y, attributes))

    for t in row["types"]["T"]:
        if is_float(t):
            x = Tensor(t, np.arange(codes(t), dtype=np.uint8).reshape(-1, 8))
        else:
            x = sample(rng, t, (4, 6))
        add("from_" + t, x, tensor("f32", 0.37))
        if t != "i32":
            add("from_%s_zero" % t, x, tensor("f32", 0.37), tensor(t, 1.0 if is_float(t) else 1))
    x = sample(rng, "i8", (2, 3, 4))
    for t in row["types"]["U"]:
        add("scale_" + t, x, tensor(t, 0.25), to="f32")
    for t in ("f16", "bf16"):
        add("to_" + t, x, tensor("f32", 0.3), tensor("i8", -5), to=t)
        add("scale_and_result_" + t, x, tensor(t, 0.3), tensor("i8", -5))
    for axis in (0, 1, -1):
        n = x.data.shape[axis]
        name = str(axis).replace("-", "m")
        add("axis_" + name, x, tensor("f32", rng.random_sample(n)), tensor("i8", rng.randint(-9, 9, n)), axis=axis)
        shape = [-(-d // 3) if i == axis % 3 else d for i, d in enumerate(x.data.shape)]
        scale, zero = tensor("f32", rng.random_sample(shape)), tensor("i8", rng.randint(-9, 9, shape))
        add("blocks_" + name, x, scale, zero, axis=axis, block=3)
    powers = tensor("f8e8m0", 2.0**rng.randint(-3, 3, (2, 3, 2)))
    add("blocks_powers", sample(rng, "i4", (2, 3, 4)), powers, axis=2, block=2, to="bf16")
    add("scalar", tensor("u8", 200), tensor("f32", 0.5), tensor("u8", 128))
    add("empty", tensor("u8", np.zeros((0, 3), int)), tensor("f32", [1.0, 2.0, 3.0]))
    return cases


def dynamic(x):
    """y, the scale, the zero point."""
    low = F32(min(0, x.min(initial=0)))
    high = F32(max(0, x.max(initial=0)))
    with np.errstate(all="ignore"):
        scale = F32(F32(high - low) / F32(255))
        zero = to_integers(np.asarray(F32(0) - low / scale), 0, "u8")
        y = to_integers((x / scale).astype(F32), zero.data, "u8")
    return {"y": y, "y_scale": tensor("f32", scale), "y_zero_point": zero}


def dynamic_cases(row):
    rng = generator("dynamic_quantize_linear")
    given = {
        "plain": rng.standard_normal((3, 4)) * 5,
        "positive": rng.random_sample((2, 3, 4)) + 1,
        "negative": -rng.random_sample(7),
        "scalar": np.array(2.5),
        "zeros": np.zeros((2, 2)),
        "rank8": rng.standard_normal((1, 2, 1, 2, 1, 2, 1, 2)),
    }
    return [
        case(name, "dynamic_quantize_linear", {"x": tensor("f32", x)}, dynamic(x.astype(F32)))
        for name, x in given.items()
    ]


def unpack_cases(row):
    rng = generator("unpack_bits")
    cases = []
    for bits in (1, 2, 4, 8):
        for name, shape in (("plain", (2, 3, 5)), ("vector", (7,)), ("empty", (0, 3)), ("rank8", (1, 2, 1, 2, 1, 1, 2, 3))):
            x = anything(rng, "u8", shape)
            parts = [x.data >> shift & (1 << bits) - 1 for shift in range(0, 8, bits)]
            y = np.stack(parts, -1).reshape(shape[:-1] + (shape[-1] * len(parts),))
            cases.append(case("%s_%d" % (name, bits), "unpack_bits", {"x": x}, Tensor("u8", y), {"bits": bits}))
    return cases


# ---- sums of products ---------------------------------------------------------------------------


def lines(value, rank, rows):
    """A number a row or column, for matrices of this rank; vectors stand along the row's axis."""
    data = decode(value)
    if data.size == 1:
        return data.reshape(())
    return data[:, None] if rows and data.ndim == 1 and rank > 1 else data


def integer_product(a, b, za, zb):
    """In i32, which wraps."""
    left = whole(a) - (lines(za, a.data.ndim, True) if za else 0)
    right = whole(b) - (lines(zb, b.data.ndim, False) if zb else 0)
    return np.asarray(np.matmul(left, right)).astype(np.int64).astype(np.int32)


SHAPES = {
    "plain": ((4, 5), (5, 3)),
    "batch": ((2, 1, 4, 5), (3, 5, 2)),
    "vector_a": ((5,), (5, 3)),
    "vector_b": ((2, 4, 5), (5,)),
    "vectors": ((5,), (5,)),
    "empty": ((4, 0), (0, 3)),
    "none": ((0, 5), (5, 3)),
}


def anything(rng, dtype, shape):
    low, high = bounds(dtype)
    return tensor(dtype, rng.randint(low, high + 1, shape))


def matmul_integer_cases(row):
    rng = generator("matmul_integer")
    cases = []

    def add(graph, a, b, za=None, zb=None):
        given = {"a": a, "b": b, "a_zero_point": za, "b_zero_point": zb}
        given = {k: v for k, v in given.items() if v}
        y = tensor("i32", integer_product(a, b, za, zb))
        cases.append(case(graph, "matmul_integer", given, y))

    for t in row["types"]["T"]:
        for u in row["types"]["U"]:
            for name, (m, n) in SHAPES.items():
                a, b = anything(rng, t, m), anything(rng, u, n)
                add("%s_%s_%s" % (t, u, name), a, b, anything(rng, t, ()), anything(rng, u, ()))
    a, b = anything(rng, "u8", (4, 5)), anything(rng, "i8", (5, 3))
    add("no_zero", a, b)
    add("zero_a", a, b, anything(rng, "u8", (1,)))
    add("zero_b", a, b, None, anything(rng, "i8", (1,)))
    add("rows", a, b, anything(rng, "u8", (4,)), anything(rng, "i8", (3,)))
    a, b = anything(rng, "u8", (2, 4, 5)), anything(rng, "u8", (2, 5, 3))
    add("rows_batch", a, b, anything(rng, "u8", (2, 4, 1)), anything(rng, "u8", (2, 1, 3)))
    add("rows_shared", a, b, anything(rng, "u8", (4,)), anything(rng, "u8", (1, 1, 3)))
    return cases


def rescaled(total, s, t, y_scale):
    factor = (np.asarray(s, F32) * np.asarray(t, F32)).astype(F32) / np.asarray(y_scale, F32)
    return (total.astype(F32) * factor.astype(F32)).astype(F32)


def qlinear_matmul_cases(row):
    rng = generator("qlinear_matmul")
    cases = []

    def add(graph, a, b, sa, za, sb, zb, sy, zy):
        given = {"a": a, "b": b, "a_scale": sa, "a_zero_point": za, "b_scale": sb, "b_zero_point": zb, "y_scale": sy, "y_zero_point": zy}
        total = integer_product(a, b, za, zb)
        s, t = lines(sa, a.data.ndim, True), lines(sb, b.data.ndim, False)
        if b.data.ndim == 1 and s.ndim:  # the product lacks an axis
            s = s[..., 0]
        if a.data.ndim == 1 and t.ndim > 1:
            t = t[..., 0, :]
        v = rescaled(total, s, t, decode(sy).reshape(()))
        y = to_integers(v, whole(zy).reshape(()), zy.dtype)
        cases.append(case(graph, "qlinear_matmul", given, y))

    def scale(shape=(), dtype="f32"):
        return tensor(dtype, 0.01 + 0.02 * rng.random_sample(shape))

    for t in row["types"]["T"]:
        for u in row["types"]["U"]:
            for name, (m, n) in SHAPES.items():
                v = "i8" if (t == "u8") == (name == "plain") else "u8"
                add("%s_%s_%s" % (t, u, name), anything(rng, t, m), anything(rng, u, n), scale(), anything(rng, t, ()),
                    scale((1,)), anything(rng, u, ()), tensor("f32", 1.5), anything(rng, v, ()))
    for t in ("f16", "bf16"):
        add(t + "_scales", anything(rng, "u8", (4, 5)), anything(rng, "i8", (5, 3)), scale((), t), anything(rng, "u8", ()),
            scale((), t), anything(rng, "i8", ()), tensor(t, 1.5), anything(rng, "u8", ()))
    sy, zy = tensor("f32", [1.5]), anything(rng, "u8", (1,))
    add("rows", anything(rng, "u8", (4, 5)), anything(rng, "i8", (5, 3)), scale((4,)), anything(rng, "u8", (4,)),
        scale((3,)), anything(rng, "i8", (3,)), sy, zy)
    add("rows_batch", anything(rng, "u8", (2, 4, 5)), anything(rng, "i8", (2, 5, 3)), scale((2, 4, 1)), anything(rng, "u8", (2, 4, 1)),
        scale((2, 1, 3)), anything(rng, "i8", (2, 1, 3)), sy, zy)
    add("rows_by_vector", anything(rng, "u8", (4, 5)), anything(rng, "i8", (5,)), scale((4,)), anything(rng, "u8", (4,)),
        scale(), anything(rng, "i8", ()), sy, zy)
    add("vector_by_columns", anything(rng, "u8", (5,)), anything(rng, "i8", (5, 3)), scale(), anything(rng, "u8", ()),
        scale((3,)), anything(rng, "i8", (3,)), sy, zy)
    return cases


# ---- convolution --------------------------------------------------------------------------------


def integer_convolution(x, w, zx, zw, strides, pads, dilations, group):
    """x and w as arrays of int64 of any number of spatial axes."""
    rank = x.ndim - 2
    x = x - zx
    w = w - np.asarray(zw).reshape([-1] + [1] * (w.ndim - 1)) if np.size(zw) > 1 else w - zw
    x = np.pad(x, [(0, 0), (0, 0)] + [(pads[i], pads[rank + i]) for i in range(rank)])
    window = [(w.shape[2 + i] - 1) * dilations[i] + 1 for i in range(rank)]
    out = [(x.shape[2 + i] - window[i]) // strides[i] + 1 for i in range(rank)]
    y = np.zeros([x.shape[0], w.shape[0]] + out, np.int64)
    each, depth = w.shape[0] // group, w.shape[1]
    for at in np.ndindex(*out):
        cut = tuple(
            slice(at[i] * strides[i], at[i] * strides[i] + window[i], dilations[i])
            for i in range(rank))
        for c in range(w.shape[0]):
            part = x[(slice(None), slice(c // each * depth, (c // each + 1) * depth)) + cut]
            y[(slice(None), c) + at] = (part * w[c]).reshape(len(x), -1).sum(1)
    return y.astype(np.int32)


# name -> shapes of x and w, strides, pads, dilations, group
WINDOWS = {
    "plain": ((1, 2, 5, 5), (3, 2, 3, 3), (1, 1), (0, 0, 0, 0), (1, 1), 1),
    "padded": ((2, 2, 4, 5), (2, 2, 3, 2), (2, 1), (1, 0, 2, 1), (1, 1), 1),
    "dilated": ((1, 1, 6, 6), (2, 1, 2, 3), (1, 2), (1, 1, 1, 1), (2, 2), 1),
    "groups": ((1, 4, 4, 4), (6, 2, 2, 2), (1, 1), (0, 0, 0, 0), (1, 1), 2),
    "depthwise": ((1, 3, 5, 5), (3, 1, 3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 3),
    "one_axis": ((2, 2, 7), (3, 2, 3), (2,), (1, 1), (1,), 1),
    "three_axes": ((1, 1, 3, 4, 3), (2, 1, 2, 2, 2), (1, 1, 1), (0, 0, 0, 1, 1, 1), (1, 1, 1), 1),
}


def window_attributes(strides, pads, dilations, group):
    return {"strides": strides, "pads": pads, "dilations": dilations, "group": group}


def conv_integer_cases(row):
    rng = generator("conv_integer")
    cases = []

    def add(graph, name, t, u, zx=None, zw=None):
        m, n, *rest = WINDOWS[name]
        x, w = anything(rng, t, m), anything(rng, u, n)
        given = {"x": x, "w": w, "x_zero_point": zx, "w_zero_point": zw}
        given = {k: v for k, v in given.items() if v}
        y = integer_convolution(whole(x), whole(w), whole(zx) if zx else 0, whole(zw) if zw else 0, *rest)
        cases.append(case(graph, "conv_integer", given, tensor("i32", y), window_attributes(*rest)))

    for name in WINDOWS:
        for t, u in (("u8", "i8"), ("i8", "u8")):
            add("%s_%s_%s" % (t, u, name), name, t, u, anything(rng, t, ()), anything(rng, u, (1,)))
    add("no_zero", "padded", "u8", "u8")
    add("zero_x", "padded", "i8", "i8", anything(rng, "i8", ()))
    add("channels", "groups", "u8", "i8", anything(rng, "u8", ()), anything(rng, "i8", (6,)))
    return cases


def qlinear_conv_cases(row):
    rng = generator("qlinear_conv")
    cases = []

    def add(graph, name, t, u, v, channels=False, bias=False):
        m, n, *rest = WINDOWS[name]
        x, w = anything(rng, t, m), anything(rng, u, n)
        many = (n[0],) if channels else ()
        given = {
            "x": x,
            "w": w,
            "x_scale": tensor("f32", 0.02),
            "x_zero_point": anything(rng, t, ()),
            "w_scale": tensor("f32", 0.01 + 0.02 * rng.random_sample(many)),
            "w_zero_point": anything(rng, u, many),
            "y_scale": tensor("f32", [1.3]),
            "y_zero_point": anything(rng, v, ()),
        }
        total = integer_convolution(whole(x), whole(w), whole(given["x_zero_point"]), whole(given["w_zero_point"]), *rest)
        line = [-1] + [1] * (len(m) - 2)
        if bias:
            given["b"] = tensor("i32", rng.randint(-9999, 9999, n[0]))
            total = total + given["b"].data.reshape(line)
        s = decode(given["w_scale"])
        s = s.reshape(line) if channels else s
        values = rescaled(total, decode(given["x_scale"]), s, F32(1.3))
        y = to_integers(values, whole(given["y_zero_point"]), v)
        cases.append(case(graph, "qlinear_conv", given, y, window_attributes(*rest)))

    for name in WINDOWS:
        for t, u in (("u8", "i8"), ("i8", "i8"), ("u8", "u8")):
            v = "u8" if t == "i8" else t
            add("%s_%s_%s" % (t, u, name), name, t, u, v, u == "i8", name != "padded")
    add("to_i8", "plain", "u8", "u8", "i8")
    return cases


CASES = {
    "unpack_bits": unpack_cases,
    "quantize_linear": quantize_cases,
    "dequantize_linear": dequantize_cases,
    "dynamic_quantize_linear": dynamic_cases,
    "matmul_integer": matmul_integer_cases,
    "qlinear_matmul": qlinear_matmul_cases,
    "conv_integer": conv_integer_cases,
    "qlinear_conv": qlinear_conv_cases,
}
