"""Goldens of matrix products, convolutions, pooling and attention."""
import itertools

import numpy as np

from cases import RUN_INDEX, Name, case, others
from formats import Tensor, decode, encode, generator, is_float, rounded, sample, small


# ---- matrix products ----------------------------------------------------------------------------


def matmul_cases(row):
    rng = generator("matmul")

    def one(graph, dtype, a_shape, b_shape, of=small):
        a, b = of(rng, dtype, a_shape), of(rng, dtype, b_shape)
        y = np.matmul(decode(a), decode(b))
        return case(graph, "matmul", {"a": a, "b": b}, encode(dtype, y))

    cases = [
        one("f32_small", "f32", (3, 4), (4, 5)),
        one("f32_ragged", "f32", (13, 37), (37, 19)),
        one("f32_row", "f32", (1, 33), (33, 17)),
        one("f32_vector_matrix", "f32", (7,), (7, 5)),
        one("f32_matrix_vector", "f32", (3, 7), (7,)),
        one("f32_vectors", "f32", (9,), (9,)),
        one("f32_batched", "f32", (3, 2, 4), (3, 4, 5)),
        one("f32_broadcast", "f32", (2, 1, 3, 4), (5, 4, 2)),
        one("f32_broadcast_a", "f32", (3, 4), (2, 4, 5)),
        one("f32_batched_vector", "f32", (2, 3, 4), (4,)),
        one("f32_vector_batched", "f32", (4,), (2, 4, 3)),
        one("f32_rank8", "f32", (1, 2, 1, 1, 1, 2, 2, 3), (2, 1, 1, 1, 1, 1, 3, 2)),
        one("f32_empty", "f32", (0, 4), (4, 3)),
        one("f32_of_none", "f32", (2, 0), (0, 3)),
    ]
    cases += [one(t, t, (3, 9), (9, 5)) for t in others(row)]
    return cases + [one("%s_wraps" % t, t, (3, 5), (5, 4), sample) for t in ("i8", "i32", "u64")]


def gemm_cases(row):
    rng = generator("gemm")

    def one(graph, dtype, a_shape, b_shape, c_shape=None, **attributes):
        inputs = {"a": small(rng, dtype, a_shape), "b": small(rng, dtype, b_shape)}
        a, b = decode(inputs["a"]), decode(inputs["b"])
        number = float if is_float(dtype) else a.dtype.type
        alpha, beta = (number(rounded(attributes.get(n, 1.0), dtype)) for n in ("alpha", "beta"))
        y = alpha * np.matmul(a.T if attributes.get("transa") else a,
                              b.T if attributes.get("transb") else b)
        if c_shape is not None:
            inputs["c"] = small(rng, dtype, c_shape)
            y = y + beta * decode(inputs["c"])
        return case(graph, "gemm", inputs, encode(dtype, y), attributes)

    cases = [
        one("f32_plain", "f32", (3, 4), (4, 5)),
        one("f32_bias", "f32", (3, 17), (17, 5), (5,)),
        one("f32_bias_column", "f32", (3, 4), (4, 5), (3, 1)),
        one("f32_bias_scalar", "f32", (3, 4), (4, 5), ()),
        one("f32_bias_full", "f32", (3, 4), (4, 5), (3, 5), alpha=0.5, beta=-0.1),
        one("f32_transa", "f32", (17, 3), (17, 5), (1, 5), transa=1),
        one("f32_transb", "f32", (3, 17), (19, 17), transb=1),
        one("f32_both", "f32", (4, 3), (5, 4), (5,), transa=1, transb=1, alpha=1.7),
        one("f32_empty", "f32", (0, 4), (4, 5), (5,)),
        one("f32_of_none", "f32", (2, 0), (0, 3), (3,)),
        one("i32_factors", "i32", (3, 4), (4, 5), (5,), alpha=2.0, beta=-3.0),
    ]
    return cases + [one(t, t, (3, 5), (4, 5), (4,), transb=1) for t in others(row)]


# ---- windows ------------------------------------------------------------------------------------


def same_pads(extents, kernel, strides, dilations, upper):
    """Pads so that the result is ceil(extent / stride); an odd one goes to the end when `upper`."""
    before, after = [], []
    for n, k, s, d in zip(extents, kernel, strides, dilations):
        total = max(0, (-(-n // s) - 1) * s + (k - 1) * d + 1 - n)
        before.append(total // 2 if upper else total - total // 2)
        after.append(total - before[-1])
    return before + after


class Window:
    """The numbers of a window, with ONNX's defaults; pads are worked out where auto_pad asks."""

    def __init__(self, extents, kernel, a):
        n = len(extents)
        self.kernel = list(kernel)
        self.strides = a.get("strides", [1] * n)
        self.dilations = a.get("dilations", [1] * n)
        self.pads = a.get("pads", [0] * (2 * n))
        mode = a.get("auto_pad", "NOTSET")
        if mode.startswith("SAME"):
            self.pads = same_pads(extents, kernel, self.strides, self.dilations,
                                  mode == "SAME_UPPER")
        self.count = []
        for i in range(n):
            reach = (self.kernel[i] - 1) * self.dilations[i] + 1
            room = extents[i] + self.pads[i] + self.pads[n + i] - reach
            steps = -(-room // self.strides[i]) if a.get("ceil_mode") else room // self.strides[i]
            windows = steps + 1
            if a.get("ceil_mode") and (windows - 1) * self.strides[i] >= extents[i] + self.pads[i]:
                windows -= 1
            self.count.append(windows)


def convolved(x_tensor, w_tensor, b_tensor=None, group=1, **a):
    """Pads x, and for each element of the kernel adds its product with a strided part of x."""
    x, w = decode(x_tensor), decode(w_tensor)
    n = x.ndim - 2
    win = Window(x.shape[2:], w.shape[2:], a)
    x = np.pad(x, [(0, 0), (0, 0)] + [(win.pads[i], win.pads[n + i]) for i in range(n)])
    depth, width = w.shape[1], w.shape[0] // group
    y = np.zeros([x.shape[0], w.shape[0]] + win.count, x.dtype)
    for at in np.ndindex(*w.shape[2:]):
        part = tuple(
            slice(k * d, k * d + (c - 1) * s + 1, s)
            for k, d, c, s in zip(at, win.dilations, win.count, win.strides))
        for g in range(group):
            seen = x[(slice(None), slice(g * depth, (g + 1) * depth)) + part]
            weights = w[(slice(g * width, (g + 1) * width), slice(None)) + at]
            y[:, g * width:(g + 1) * width] += np.moveaxis(np.tensordot(weights, seen, ([1], [1])),
                                                           0, 1)
    if b_tensor is not None:
        y = y + decode(b_tensor).reshape((-1,) + (1,) * n)
    return encode(x_tensor.dtype, y)


def _conv_case(op,
               reference,
               rng,
               graph,
               dtype,
               x_shape,
               w_shape,
               bias=False,
               of=small,
               **attributes):
    inputs = {"x": of(rng, dtype, x_shape), "w": of(rng, dtype, w_shape)}
    if bias:
        channels = w_shape[0] if op == "conv" else w_shape[1] * attributes.get("group", 1)
        inputs["b"] = of(rng, dtype, (channels,))
    return case(graph, op, inputs, reference(*inputs.values(), **attributes), attributes)


def conv_cases(row):
    rng = generator("conv")

    def one(*args, **kw):
        return _conv_case("conv", convolved, rng, *args, **kw)

    cases = [
        one("f32_plain", "f32", (1, 2, 5, 7), (3, 2, 3, 3)),
        one("f32_bias_pads", "f32", (2, 3, 5, 6), (4, 3, 3, 3), True, pads=[1, 1, 1, 1]),
        one("f32_strides",
            "f32", (1, 2, 7, 8), (3, 2, 3, 2),
            True,
            strides=[2, 3],
            pads=[1, 0, 2, 1]),
        one("f32_dilations", "f32", (1, 2, 8, 9), (2, 2, 3, 2), dilations=[2, 3], pads=[0, 1, 1,
                                                                                        2]),
        one("f32_pointwise", "f32", (2, 5, 3, 3), (7, 5, 1, 1), True),
        one("f32_depthwise", "f32", (1, 4, 5, 5), (4, 1, 3, 3), True, group=4, pads=[1, 1, 1, 1]),
        one("f32_depthwise_twice", "f32", (1, 3, 5, 5), (6, 1, 3, 3), group=3),
        one("f32_groups", "f32", (1, 4, 5, 5), (6, 2, 3, 3), True, group=2, strides=[2, 2]),
        one("f32_line", "f32", (2, 3, 11), (4, 3, 5), True, pads=[2, 2], strides=[2]),
        one("f32_volume", "f32", (1, 2, 4, 5, 3), (2, 2, 2, 3, 2), True, pads=[1, 1, 0, 0, 1, 1]),
        one("f32_same_upper",
            "f32", (1, 1, 5, 6), (2, 1, 4, 3),
            auto_pad="SAME_UPPER",
            strides=[2, 2]),
        one("f32_same_lower",
            "f32", (1, 1, 5, 6), (2, 1, 4, 3),
            auto_pad="SAME_LOWER",
            strides=[2, 2]),
        one("f32_valid", "f32", (1, 1, 5, 5), (2, 1, 3, 3), auto_pad="VALID", kernel_shape=[3, 3]),
        one("f32_empty", "f32", (0, 2, 4, 4), (3, 2, 3, 3), True),
    ]
    cases += [one(t, t, (1, 2, 4, 5), (3, 2, 3, 2), True, pads=[1, 0, 1, 1]) for t in others(row)]
    return cases + [one("%s_wraps" % t, t, (1, 2, 6), (2, 2, 3), of=sample) for t in ("i8", "u32")]


def spread(x_tensor,
           w_tensor,
           b_tensor=None,
           group=1,
           output_padding=None,
           output_shape=None,
           auto_pad="NOTSET",
           **a):
    """Adds each element's products to the whole result, whose pads are then cut off."""
    x, w = decode(x_tensor), decode(w_tensor)
    n = x.ndim - 2
    strides, dilations = a.get("strides", [1] * n), a.get("dilations", [1] * n)
    extra = output_padding or [0] * n
    pads = a.get("pads", [0] * (2 * n))
    full = [(x.shape[2 + i] - 1) * strides[i] + (w.shape[2 + i] - 1) * dilations[i] + 1 + extra[i]
            for i in range(n)]
    if output_shape or auto_pad.startswith("SAME"):
        want = output_shape or [x.shape[2 + i] * strides[i] for i in range(n)]
        total = [f - o for f, o in zip(full, want)]
        before = [t // 2 if auto_pad == "SAME_UPPER" else t - t // 2 for t in total]
        pads = before + [t - b for t, b in zip(total, before)]
    depth, width = x.shape[1] // group, w.shape[1]
    y = np.zeros([x.shape[0], width * group] + full, x.dtype)
    for at in np.ndindex(*w.shape[2:]):
        part = tuple(
            slice(k * d, k * d + (c - 1) * s + 1, s)
            for k, d, c, s in zip(at, dilations, x.shape[2:], strides))
        for g in range(group):
            weights = w[(slice(g * depth, (g + 1) * depth), slice(None)) + at]
            seen = x[:, g * depth:(g + 1) * depth]
            y[(slice(None), slice(g * width, (g + 1) * width)) + part] += \
                np.moveaxis(np.tensordot(weights, seen, ([0], [1])), 0, 1)
    more = [(max(0, -pads[i]), max(0, -pads[n + i])) for i in range(n)]  # what is larger has zeros around
    y = np.pad(y, [(0, 0), (0, 0)] + more)
    y = y[(slice(None), slice(None)) +
          tuple(slice(max(0, pads[i]), y.shape[2 + i] - max(0, pads[n + i])) for i in range(n))]
    if b_tensor is not None:
        y = y + decode(b_tensor).reshape((-1,) + (1,) * n)
    return encode(x_tensor.dtype, y)


def conv_transpose_cases(row):
    rng = generator("conv_transpose")

    def one(*args, **kw):
        return _conv_case("conv_transpose", spread, rng, *args, **kw)

    cases = [
        one("f32_plain", "f32", (1, 2, 3, 4), (2, 3, 3, 3)),
        one("f32_strides", "f32", (1, 2, 3, 4), (2, 3, 3, 2), True, strides=[2, 3]),
        one("f32_pads", "f32", (2, 2, 4, 4), (2, 2, 3, 3), True, strides=[2, 2], pads=[1, 0, 1, 1]),
        one("f32_dilations", "f32", (1, 1, 3, 3), (1, 2, 2, 3), dilations=[3, 2]),
        one("f32_output_padding",
            "f32", (1, 1, 3, 3), (1, 2, 3, 3),
            strides=[3, 2],
            output_padding=[1, 1]),
        one("f32_output_shape",
            "f32", (1, 1, 3, 3), (1, 2, 3, 3),
            strides=[3, 2],
            output_shape=[8, 6]),
        one("f32_output_shape_larger",
            "f32", (1, 1, 3, 3), (1, 2, 3, 3), True,
            strides=[3, 2],
            output_shape=[10, 8]),
        one("f32_same_upper_larger", "f32", (1, 1, 3, 4), (1, 2, 1, 2), True, strides=[2, 4], auto_pad="SAME_UPPER"),
        one("f32_same_lower_larger", "f32", (1, 1, 3, 4), (1, 2, 1, 2), strides=[4, 5], auto_pad="SAME_LOWER"),
        one("f32_pads_of_stride", "f32", (1, 1, 3, 3), (1, 2, 3, 3), strides=[3, 2], pads=[1, 2, 1, 2]),
        one("f32_same_upper",
            "f32", (1, 1, 3, 3), (1, 2, 3, 3),
            strides=[2, 2],
            auto_pad="SAME_UPPER"),
        one("f32_same_lower",
            "f32", (1, 1, 3, 3), (1, 2, 3, 3),
            strides=[2, 2],
            auto_pad="SAME_LOWER"),
        one("f32_groups", "f32", (1, 4, 3, 3), (4, 3, 2, 2), True, group=2, strides=[2, 2]),
        one("f32_line", "f32", (2, 3, 5), (3, 2, 4), True, strides=[2], pads=[1, 2]),
        one("f32_volume", "f32", (1, 2, 2, 3, 2), (2, 1, 2, 2, 3), strides=[1, 2, 2]),
        one("f32_empty", "f32", (0, 2, 3, 3), (2, 3, 3, 3), True),
    ]
    return cases + [
        one(t, t, (1, 2, 3, 3), (2, 2, 2, 3), True, strides=[2, 1]) for t in others(row)
    ]


# ---- pooling ------------------------------------------------------------------------------------


def pooled(op, x_tensor, kernel_shape, with_indices=False, **a):
    """Window by window, with lists of the positions that it sees."""
    wide, x = decode(x_tensor), x_tensor.data
    spatial = x.shape[2:]
    n = len(spatial)
    win = Window(spatial, kernel_shape, a)
    shape = x.shape[:2] + tuple(win.count)
    y = np.zeros(shape, wide.dtype)
    indices = np.zeros(shape, np.int64)
    for at in np.ndindex(*shape):
        along = [[
            at[2 + i] * win.strides[i] - win.pads[i] + k * win.dilations[i]
            for k in range(win.kernel[i])
        ] for i in range(n)]
        padded = [[p for p in ps if p < spatial[i] + win.pads[n + i]] for i, ps in enumerate(along)]
        real = [[p for p in ps if 0 <= p < spatial[i]] for i, ps in enumerate(along)]
        places = list(itertools.product(*real))
        values = np.array([wide[at[:2] + p] for p in places], wide.dtype)
        if op == "max_pool":
            nans = np.flatnonzero(values != values)
            best = nans[0] if len(nans) else int(np.argmax(values))
            y[at] = values[best]
            whole = at[:2] + places[best]
            order = "F" if a.get("storage_order") else "C"
            inner = int(np.ravel_multi_index(places[best], spatial, order=order))
            indices[at] = (whole[0] * x.shape[1] + whole[1]) * int(np.prod(spatial)) + inner
        elif op == "average_pool":
            count = len(list(itertools.product(
                *padded))) if a.get("count_include_pad") else len(places)
            y[at] = values.sum() / count
        else:
            p = a.get("p", 2)
            y[at] = (np.abs(values)**p).sum()**(1.0 / p)
    result = encode(x_tensor.dtype, y)
    return {"result": result, "indices": Tensor("i64", indices)} if with_indices else result


def pool_cases(row):
    op = row["name"]
    rng = generator(op)

    def one(graph, x, with_indices=False, **attributes):
        x = x if isinstance(x, Tensor) else sample(rng, *x)
        return case(graph, op, {"x": x}, pooled(op, x, with_indices=with_indices, **attributes),
                    attributes)

    image = sample(rng, "f32", (1, 2, 7, 8))
    cases = [
        one("f32_plain", image, kernel_shape=[2, 3]),
        one("f32_strides", image, kernel_shape=[3, 3], strides=[2, 2]),
        one("f32_pads", image, kernel_shape=[3, 3], pads=[1, 2, 2, 1], strides=[2, 1]),
        one("f32_ceil", image, kernel_shape=[3, 3], strides=[2, 3], pads=[1, 0, 0, 1], ceil_mode=1),
        one("f32_dilations", image, kernel_shape=[2, 3], dilations=[3, 2], pads=[1, 1, 1, 1]),
        one("f32_same_upper", image, kernel_shape=[4, 3], strides=[2, 3], auto_pad="SAME_UPPER"),
        one("f32_same_lower", image, kernel_shape=[4, 3], strides=[2, 3], auto_pad="SAME_LOWER"),
        one("f32_valid", image, kernel_shape=[2, 2], strides=[3, 3], auto_pad="VALID"),
        one("f32_line", ("f32", (2, 3, 17)), kernel_shape=[5], strides=[3], pads=[2, 2]),
        one("f32_volume", ("f32", (1, 2, 4, 3, 5)), kernel_shape=[2, 2, 3], strides=[2, 1, 2]),
        one("f32_empty", ("f32", (0, 2, 4)), kernel_shape=[2]),
    ]
    if op == "max_pool":
        ties = encode("f32", rng.randint(0, 3, (2, 2, 5, 6)))
        nans = encode("f32", np.array([[[1, np.nan, 2, -np.inf, -np.inf, np.nan, np.nan]]]))
        cases += [
            one("f32_indices", ties, True, kernel_shape=[3, 2], pads=[1, 1, 1, 0]),
            one("f32_indices_column",
                ties,
                True,
                kernel_shape=[3, 2],
                storage_order=1,
                strides=[2, 2]),
            one("f32_indices_volume", ("f32", (1, 2, 3, 4, 3)),
                True,
                kernel_shape=[2, 2, 2],
                storage_order=1),
            one("f32_nan", nans, True, kernel_shape=[2]),
            one("i8_indices", ("i8", (1, 1, 4, 4)), True, kernel_shape=[2, 2], pads=[1, 1, 0, 0]),
        ]
    if op == "average_pool":
        cases += [
            one("f32_count_pads",
                image,
                kernel_shape=[3, 3],
                pads=[1, 2, 2, 1],
                count_include_pad=1),
            one("f32_count_pads_ceil",
                image,
                kernel_shape=[3, 3],
                strides=[2, 3],
                pads=[0, 0, 1, 0],
                ceil_mode=1,
                count_include_pad=1),
        ]
    if op == "lp_pool":
        cases += [
            one("f32_p1", image, kernel_shape=[2, 2], p=1),
            one("f32_p3", image, kernel_shape=[2, 2], p=3)
        ]
    return cases + [
        one(t, (t, (1, 2, 4, 5)), kernel_shape=[2, 3], pads=[1, 1, 0, 0]) for t in others(row)
    ]


def global_pool_cases(row):
    op = row["name"]
    rng = generator(op)

    def one(graph, x):
        x = x if isinstance(x, Tensor) else sample(rng, *x)
        wide = decode(x)
        axes = tuple(range(2, wide.ndim))
        y = wide.mean(axis=axes, keepdims=True) if op == "global_average_pool" else \
            wide.max(axis=axes, keepdims=True)
        return case(graph, op, {"x": x}, encode(x.dtype, y))

    cases = [
        one("f32_image", ("f32", (2, 3, 5, 7))),
        one("f32_line", ("f32", (1, 4, 33))),
        one("f32_volume", ("f32", (1, 2, 3, 2, 2))),
        one("f32_rank7", ("f32", (2, 1, 2, 1, 3, 1, 2))),
        one("f32_empty", ("f32", (0, 3, 4)))
    ]
    return cases + [one(t, (t, (1, 2, 3, 3))) for t in others(row)]


# ---- attention ----------------------------------------------------------------------------------


def attention(q, k, v, mask=None, length=None, scale=None, causal=0, window=0, nan_rows=0):
    wq, wk, wv = decode(q), decode(k), decode(v)
    shared = wq.shape[-3] // wk.shape[-3]
    wk, wv = np.repeat(wk, shared, axis=-3), np.repeat(wv, shared, axis=-3)
    rows, keys = wq.shape[-2], wk.shape[-2]
    length = keys if length is None else length
    scale = 1 / np.sqrt(wq.dtype.type(wq.shape[-1])) if scale is None else rounded(scale, q.dtype)
    j, own = np.arange(keys), np.arange(rows)[:, None] + length - rows
    seen = np.broadcast_to(j < length, (rows, keys))
    if causal:
        seen = seen & (j <= own)
    if window:
        seen = seen & (j > own - window)
    scores = np.einsum("...td,...sd->...ts", wq, wk) * scale
    if mask is not None and mask.dtype == "bool":
        seen = seen & mask.data
    elif mask is not None:
        scores = scores + decode(mask)
    with np.errstate(all="ignore"):
        scores = np.where(seen, scores, -np.inf)
        most = scores.max(axis=-1, keepdims=True, initial=-np.inf)
        weights = np.exp(scores - np.where(most == -np.inf, 0, most))
        total = weights.sum(axis=-1, keepdims=True)
        y = np.einsum("...ts,...se->...te", weights / np.where(total == 0, 1, total), wv)
        if nan_rows:
            y = np.where(total == 0, np.nan, y)
    return encode(q.dtype, y)


def sdpa_cases(row):
    rng = generator("sdpa")

    def one(graph, dtype, lead, sizes, kv=None, mask=None, length=None, bound="", **more):
        """lead: the axes before the rows, the last of them the query heads; sizes: of T, S, D and
        E; kv: key heads. An error is expected of a length that the reference cannot take."""
        t, s, d, e = sizes if len(sizes) == 4 else sizes + sizes[-1:]
        kv_lead = lead[:-1] + (kv or lead[-1],)
        inputs = {
            "q": sample(rng, dtype, lead + (t, d), 1.0),
            "k": sample(rng, dtype, kv_lead + (s, d), 1.0),
            "v": sample(rng, dtype, kv_lead + (s, e), 1.0)
        }
        if mask is not None:
            inputs["mask"] = mask
        operands = list(inputs)
        error = more.pop("error", None)
        y = attention(*inputs.values(), length=s if error else length, **more)
        if length is not None:
            inputs["n"] = encode("i32", np.array(length))
            more["length"] = Name("n")
        return case(graph, "sdpa", inputs, y, more, operands, bounds={"n": bound}, error=error)

    may_see = Tensor("bool", rng.randint(0, 3, (4, 6)) > 0)
    blind = Tensor("bool", np.array([[True, False, True], [False, False, False]]))
    added = encode(
        "f32",
        np.where(rng.randint(0, 4, (2, 1, 4, 6)) == 0, -np.inf, rng.standard_normal((2, 1, 4, 6))))
    cases = [
        one("f32_plain", "f32", (2,), (3, 5, 4)),
        one("f32_batched", "f32", (2, 3), (4, 6, 8, 5)),
        one("f32_causal", "f32", (2,), (5, 5, 4), causal=1),
        one("f32_causal_longer", "f32", (2,), (3, 7, 4), causal=1),
        one("f32_causal_shorter", "f32", (1,), (5, 3, 4), causal=1),
        one("f32_decode", "f32", (4,), (1, 16, 8), kv=2, length=9,
            bound=" with { min = 1, max = 16 }"),
        one("f32_length", "f32", (2,), (3, 8, 4), length=5, causal=1),
        one("f32_length_0", "f32", (2,), (2, 4, 4), length=0),
        one("f32_grouped", "f32", (2, 6), (3, 4, 4), kv=2),
        one("f32_window", "f32", (2,), (6, 6, 4), causal=1, window=3),
        one("f32_window_length", "f32", (2,), (2, 9, 4), causal=1, window=4, length=7),
        one("f32_window_1", "f32", (2,), (4, 6, 4), causal=1, window=1),
        one("f32_window_alone", "f32", (2,), (4, 6, 4), window=2),
        one("f32_scale", "f32", (2,), (3, 5, 4), scale=0.3),
        one("f32_mask_bool", "f32", (2, 2), (4, 6, 4), mask=may_see),
        one("f32_mask_blind", "f32", (1,), (2, 3, 4), mask=blind),
        one("f32_mask_added", "f32", (2, 2), (4, 6, 4), mask=added),
        one("f32_empty", "f32", (2,), (0, 5, 4)),
        one("length_beyond", "f32", (1,), (1, 4, 4), length=5, error=RUN_INDEX),
        one("length_negative", "f32", (1,), (1, 4, 4), length=-1, error=RUN_INDEX),
    ]
    cases += [one(t, t, (2,), (3, 5, 4), causal=1) for t in others(row)]

    # As many rows as vectors have lanes, and more: blocks of them, which end in the middle of one.
    def seen(*shape):
        return Tensor("bool", rng.randint(0, 3, shape) > 0)

    def bias(*shape):
        return encode("f32", np.where(rng.randint(0, 4, shape) == 0, -np.inf, rng.standard_normal(shape)))

    hidden = seen(19, 21)
    hidden.data[7] = False
    return cases + [
        one("f32_rows_16", "f32", (2,), (16, 16, 8, 16)),
        one("f32_rows_37", "f32", (2, 3), (37, 29, 20, 19)),
        one("f32_rows_64", "f32", (2,), (64, 65, 33, 70)),
        one("f32_rows_causal", "f32", (2,), (35, 35, 8), causal=1),
        one("f32_rows_causal_longer", "f32", (1,), (33, 50, 8), causal=1),
        one("f32_rows_causal_shorter", "f32", (1,), (40, 9, 8), causal=1),
        one("f32_rows_length", "f32", (2,), (17, 40, 4), length=23, causal=1),
        one("f32_rows_length_0", "f32", (1,), (17, 6, 4), length=0),
        one("f32_rows_window", "f32", (1,), (39, 39, 5), causal=1, window=7),
        one("f32_rows_grouped", "f32", (6,), (18, 13, 5), kv=2),
        one("f32_rows_mask_bool", "f32", (2, 2), (19, 21, 4), mask=seen(19, 21)),
        one("f32_rows_mask_blind", "f32", (2,), (19, 21, 4), mask=hidden),
        one("f32_rows_mask_of_keys", "f32", (2, 2), (19, 21, 4), mask=bias(2, 1, 1, 21)),
        one("f32_rows_mask_added", "f32", (2, 2), (32, 21, 4), mask=bias(2, 1, 32, 21)),
        one("f32_rows_nan", "f32", (2,), (19, 21, 4), mask=hidden, nan_rows=1),
        one("f32_nan", "f32", (1,), (2, 3, 4), mask=blind, nan_rows=1),
        one("f32_key_blocks", "f32", (2,), (18, 530, 3, 5)),
        one("f32_key_blocks_causal", "f32", (1,), (40, 600, 4, 2), causal=1),
        one("f32_key_blocks_mask", "f32", (1,), (17, 520, 2, 17), mask=bias(17, 520)),
        one("f64_rows", "f64", (2,), (21, 11, 6), causal=1),
        one("f16_rows", "f16", (1,), (21, 11, 6)),
    ]


def turned(x_tensor, positions=None, position=0, base=10000.0, dim=0, interleaved=0):
    """Pairs as complex numbers, times e to the i angle."""
    x = decode(x_tensor)
    size = x.shape[-1]
    dim = dim or size
    rows = x.shape[-2] if x.ndim > 1 else 1
    at = np.arange(rows) + position if positions is None else positions.data
    base = x.dtype.type(rounded(base, x_tensor.dtype))
    angle = at[:, None] * base**(-2 * np.arange(dim // 2, dtype=x.dtype) / dim)
    if x.ndim == 1:
        angle = angle[0]
    first, second = (x[..., 0:dim:2], x[..., 1:dim:2]) if interleaved else \
        (x[..., :dim // 2], x[..., dim // 2:dim])
    pairs = (first + 1j * second) * (np.cos(angle) + 1j * np.sin(angle))
    y = x.copy()
    if interleaved:
        y[..., 0:dim:2], y[..., 1:dim:2] = pairs.real, pairs.imag
    else:
        y[..., :dim // 2], y[..., dim // 2:dim] = pairs.real, pairs.imag
    return encode(x_tensor.dtype, y)


def rope_cases(row):
    rng = generator("rope")

    def one(graph, dtype, shape, positions=None, position=None, **attributes):
        inputs = {"x": sample(rng, dtype, shape, 1.0)}
        if positions is not None:
            inputs["positions"] = positions
        operands = list(inputs)
        y = turned(inputs["x"], positions, position or 0, **attributes)
        if position is not None:
            inputs["p"] = encode("i32", np.array(position))
            attributes["position"] = Name("p")
        return case(graph, "rope", inputs, y, attributes, operands)

    cases = [
        one("f32_plain", "f32", (2, 5, 8)),
        one("f32_interleaved", "f32", (2, 5, 8), interleaved=1),
        one("f32_position", "f32", (3, 1, 6), position=37),
        one("f32_position_interleaved", "f32", (3, 4, 6), position=100, interleaved=1),
        one("f32_positions", "f32", (2, 4, 6), encode("i64", np.array([3, 0, 511, 7]))),
        one("f32_positions_i32",
            "f32", (2, 3, 6),
            encode("i32", np.array([5, 5, 2])),
            interleaved=1),
        one("f32_dim", "f32", (2, 3, 10), position=4, dim=6),
        one("f32_dim_interleaved", "f32", (2, 3, 10), position=4, dim=4, interleaved=1),
        one("f32_base", "f32", (3, 8), position=9, base=500000.0),
        one("f32_row", "f32", (8,), position=3),
        one("f32_rank6", "f32", (1, 2, 1, 2, 3, 4)),
        one("f32_empty", "f32", (0, 3, 4)),
    ]
    return cases + [one(t, t, (2, 3, 6), position=2) for t in others(row)]


CASES = {
    "matmul": matmul_cases,
    "gemm": gemm_cases,
    "conv": conv_cases,
    "conv_transpose": conv_transpose_cases,
    "max_pool": pool_cases,
    "average_pool": pool_cases,
    "lp_pool": pool_cases,
    "global_average_pool": global_pool_cases,
    "global_max_pool": global_pool_cases,
    "sdpa": sdpa_cases,
    "rope": rope_cases,
}
