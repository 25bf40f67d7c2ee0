"""Goldens of ops that move elements: on stored elements, bit for bit."""
import numpy as np

from cases import RUN_INDEX, Name, case, others
from formats import STORAGE, STORED, Tensor, codes, encode, generator, is_float, like, sample


def _pattern(rng, dtype, shape):
    """Any bits at all, NaNs among them."""
    if is_float(dtype):
        storage = np.dtype(STORAGE[dtype])
        n = int(np.prod(shape, dtype=int))
        bits = np.frombuffer(rng.bytes(n * storage.itemsize), storage)
        if dtype in STORED:
            bits = bits & np.uint8(codes(dtype) - 1)
        return Tensor(dtype, bits.reshape(shape))
    return sample(rng, dtype, shape)


def _i64(*values):
    return encode("i64", np.array(values))


# ---- the same elements in another arrangement ---------------------------------------------------


def reshape_cases(row):
    op = row["name"]
    rng = generator(op)
    name = row["operands"][0]["name"]

    def one(graph, dtype, from_shape, want, attributes):
        x = _pattern(rng, dtype, from_shape)
        return case(graph, op, {name: x}, like(x, x.data.reshape(want)), attributes)

    shapes = {
        "reshape": [
            ("f32_plain", (3, 4), (2, 6), {"shape": [2, 6]}),
            ("f32_open", (2, 3, 4), (4, 6), {"shape": [4, -1]}),
            ("f32_copied", (2, 3, 4), (2, 12), {"shape": [0, -1]}),
            ("f32_to_scalar", (1, 1), (), {"shape": []}),
            ("f32_rank8", (2, 24), (1, 2, 1, 2, 3, 1, 2, 2), {"shape": [1, 2, 1, 2, 3, 1, 2, 2]}),
            ("f32_empty", (0, 4), (2, 0), {"shape": [2, 0], "allowzero": 1}),
        ],
        "flatten": [
            ("f32_plain", (2, 3, 4), (2, 12), {}),
            ("f32_axis_0", (2, 3), (1, 6), {"axis": 0}),
            ("f32_axis_2", (2, 3, 4), (6, 4), {"axis": 2}),
            ("f32_axis_end", (2, 3), (6, 1), {"axis": 2}),
            ("f32_negative", (2, 3, 4, 2), (6, 8), {"axis": -2}),
            ("f32_scalar", (), (1, 1), {"axis": 0}),
            ("f32_empty", (0, 3, 2), (0, 6), {}),
        ],
        "squeeze": [
            ("f32_all", (1, 3, 1, 2), (3, 2), {}),
            ("f32_some", (1, 3, 1), (3, 1), {"axes": [0]}),
            ("f32_negative", (1, 3, 1), (1, 3), {"axes": [-1]}),
            ("f32_rank8", (1, 2, 1, 2, 1, 1, 3, 1), (2, 2, 1, 3, 1), {"axes": [0, 2, 4]}),
            ("f32_empty", (1, 0), (0,), {"axes": [0]}),
        ],
        "unsqueeze": [
            ("f32_front", (3, 2), (1, 3, 2), {"axes": [0]}),
            ("f32_negative", (3, 2), (3, 2, 1), {"axes": [-1]}),
            ("f32_several", (3, 2), (1, 3, 1, 2, 1), {"axes": [4, 0, 2]}),
            ("f32_scalar", (), (1,), {"axes": [0]}),
            ("f32_empty", (0,), (0, 1), {"axes": [1]}),
        ],
    }
    general = {
        "reshape": ((2, 3), (3, 2), {"shape": [3, 2]}),
        "flatten": ((2, 1, 3), (2, 3), {}),
        "squeeze": ((2, 1, 3), (2, 3), {"axes": [1]}),
        "unsqueeze": ((2, 3), (2, 1, 3), {"axes": [1]})
    }
    cases = [one(g, "f32", s, w, a) for g, s, w, a in shapes[op]]
    shape, want, attributes = general[op]
    return cases + [one(t, t, shape, want, attributes) for t in others(row)]


def transpose_cases(row):
    rng = generator("transpose")

    def one(graph, dtype, shape, **attributes):
        x = _pattern(rng, dtype, shape)
        return case(graph, "transpose", {"data": x},
                    like(x, np.transpose(x.data, attributes.get("perm"))), attributes)

    cases = [
        one("f32_reversed", "f32", (2, 3, 4)),
        one("f32_matrix", "f32", (17, 5), perm=[1, 0]),
        one("f32_inner", "f32", (2, 3, 4, 5), perm=[0, 2, 1, 3]),
        one("f32_scalar", "f32", ()),
        one("f32_cycle", "f32", (2, 3, 4), perm=[1, 2, 0]),
        one("f32_same", "f32", (2, 3), perm=[0, 1]),
        one("f32_rank8", "f32", (1, 2, 1, 3, 2, 1, 2, 1), perm=[7, 3, 1, 5, 0, 4, 6, 2]),
        one("f32_empty", "f32", (0, 3), perm=[1, 0])
    ]
    cases += [one(t, t, (3, 5), perm=[1, 0]) for t in others(row)]
    # long enough for squares of 16 bytes to a row, with more behind them
    squares = {"u8": (2, 40, 50), "i8": (17, 33), "bf16": (2, 24, 19), "f32": (9, 21), "i32": (16, 36)}
    parts = {"u8": (32, 28), "i8": (16, 9), "bf16": (24, 14), "f16": (8, 5), "f32": (2, 16, 7), "i32": (8, 3)}
    cases += [one(t + "_parts", t, s, perm=[*range(len(s) - 2), len(s) - 1, len(s) - 2]) for t, s in parts.items()]
    return cases + [one(t + "_squares", t, s, perm=[*range(len(s) - 2), len(s) - 1, len(s) - 2]) for t, s in squares.items()]


def _to_space(x, b, mode):
    n, c, h, w = x.shape
    if mode == "DCR":
        y = x.reshape(n, b, b, c // (b * b), h, w).transpose(0, 3, 4, 1, 5, 2)
    else:
        y = x.reshape(n, c // (b * b), b, b, h, w).transpose(0, 1, 4, 2, 5, 3)
    return y.reshape(n, c // (b * b), h * b, w * b)


def _to_depth(x, b):
    n, c, h, w = x.shape
    y = x.reshape(n, c, h // b, b, w // b, b).transpose(0, 3, 5, 1, 2, 4)
    return y.reshape(n, c * b * b, h // b, w // b)


def block_cases(row):
    op = row["name"]
    rng = generator(op)

    def one(graph, dtype, shape, **a):
        x = _pattern(rng, dtype, shape)
        y = _to_space(x.data, a["blocksize"], a.get("mode", "DCR")) if op == "depth_to_space" else \
            _to_depth(x.data, a["blocksize"])
        return case(graph, op, {"input": x}, like(x, y), a)

    if op == "depth_to_space":
        plain = (1, 4, 2, 3)
        cases = [
            one("f32_dcr", "f32", (2, 8, 2, 3), blocksize=2),
            one("f32_3", "f32", (1, 18, 1, 2), blocksize=3),
            one("f32_crd", "f32", (2, 8, 2, 3), blocksize=2, mode="CRD"),
            one("f32_1", "f32", (1, 2, 2, 2), blocksize=1),
            one("f32_empty", "f32", (0, 4, 2, 2), blocksize=2)
        ]
    else:
        plain = (1, 1, 4, 6)
        cases = [
            one("f32_2", "f32", (2, 3, 4, 6), blocksize=2),
            one("f32_3", "f32", (1, 2, 3, 6), blocksize=3),
            one("f32_1", "f32", (1, 2, 2, 2), blocksize=1),
            one("f32_empty", "f32", (0, 1, 2, 2), blocksize=2)
        ]
    return cases + [one(t, t, plain, blocksize=2) for t in others(row)]


# ---- parts --------------------------------------------------------------------------------------


def sliced(x, starts, ends, axes=None, steps=None):
    """ONNX's slices are Python's, except that what is beyond an end is clamped the same way."""
    index = [slice(None)] * x.ndim
    for k, start in enumerate(starts):
        axis = axes[k] if axes else k
        step = steps[k] if steps else 1
        n, end = x.shape[axis], ends[k]
        # Going backwards, an end before the first element is not one that counts from the end.
        stop = None if step < 0 and end < -n else end
        index[axis] = slice(start, stop, step)
    return x[tuple(index)]


def slice_cases(row):
    rng = generator("slice")
    far = 2**63 - 1

    def one(graph, dtype, shape, starts, ends, **a):
        x = _pattern(rng, dtype, shape)
        return case(graph, "slice", {"data": x}, like(x, sliced(x.data, starts, ends, **a)), {
            "starts": starts,
            "ends": ends,
            **a
        })

    def at_run_time(graph, start, error=None, bound="", step=1):
        x = _pattern(rng, "f32", (6, 3))
        y = like(x, x.data[[0, 0] if error else [start, start + step]])
        end = Name("p + 2" if step > 0 else "p - 2")
        part = {"starts": [Name("p")], "ends": [end], "axes": [0], "steps": [step]}
        inputs = {"data": x, "p": encode("i32", np.array(start))}
        return case(graph, "slice", inputs, y, part, ["data"], bounds={"p": bound}, error=error)

    cases = [
        one("f32_plain", "f32", (5, 7), [1, 2], [4, 6]),
        one("f32_axes", "f32", (4, 5, 6), [1, -3], [3, far], axes=[2, 0]),
        one("f32_steps", "f32", (9, 10), [0, 1], [9, 10], steps=[2, 4]),
        one("f32_backwards", "f32", (5, 6), [-1, 4], [-far, 0], steps=[-1, -2]),
        one("f32_beyond", "f32", (4, 4), [-100, 2], [100, 100]),
        one("f32_nothing", "f32", (4, 4), [3], [1]),
        one("f32_empty", "f32", (0, 4), [0, 1], [5, 3]),
        one("f32_empty_backwards", "f32", (0, 2), [-1], [-far], steps=[-1]),
        one("f32_huge_step", "f32", (5,), [1], [far], steps=[far]),
        one("f32_rank8", "f32", (1, 2, 1, 3, 2, 2, 1, 2), [1, 0], [3, 1], axes=[3, -1]),
        at_run_time("run_time_start", 3),
        at_run_time("run_time_last", 4),
        at_run_time("run_time_bounded", 2, bound=" with { min = 0, max = 4 }"),
        at_run_time("run_time_backwards", 5, step=-1),
        at_run_time("run_time_backwards_beyond", 6, RUN_INDEX, step=-1),
        at_run_time("run_time_beyond", 5, RUN_INDEX),
        at_run_time("run_time_negative", -7, RUN_INDEX),
    ]
    return cases + [one(t, t, (4, 5), [1, 0], [3, 5], steps=[1, 2]) for t in others(row)]


def update_cases(row):
    rng = generator("update")

    def replaced(x, part, starts):
        y = x.copy()
        y[tuple(slice(s, s + n) for s, n in zip(starts, part.shape))] = part
        return y

    def one(graph, dtype, shape, part, starts):
        x, v = _pattern(rng, dtype, shape), _pattern(rng, dtype, part)
        return case(graph, "update", {"data": x, "value": v}, like(x, replaced(x.data, v.data, starts)), {"starts": starts})

    def at_run_time(graph, start, error=None, bound=""):
        x, v = _pattern(rng, "f32", (6, 3)), _pattern(rng, "f32", (2, 3))
        y = x if error else like(x, replaced(x.data, v.data, (start, 0)))
        inputs = {"data": x, "value": v, "p": encode("i32", np.array(start))}
        return case(graph, "update", inputs, y, {"starts": [Name("p"), 0]}, ["data", "value"], bounds={"p": bound}, error=error)

    cases = [
        one("f32_row", "f32", (5, 7), (1, 7), [3, 0]),
        one("f32_box", "f32", (5, 7, 2), (2, 3, 1), [3, 2, 1]),
        one("f32_all", "f32", (3, 4), (3, 4), [0, 0]),
        one("f32_nothing", "f32", (3, 4), (0, 4), [3, 0]),
        one("f32_empty", "f32", (0, 4), (0, 2), [0, 1]),
        one("f32_scalar", "f32", (), (), []),
        one("f32_rank8", "f32", (1, 2, 1, 3, 2, 2, 1, 2), (1, 1, 1, 2, 2, 1, 1, 2), [0, 1, 0, 1, 0, 1, 0, 0]),
        at_run_time("run_time_start", 3),
        at_run_time("run_time_last", 4),
        at_run_time("run_time_bounded", 2, bound=" with { min = 0, max = 4 }"),
        at_run_time("run_time_beyond", 5, RUN_INDEX),
        at_run_time("run_time_negative", -1, RUN_INDEX),
    ]
    return cases + [one(t, t, (4, 5), (2, 3), [1, 2]) for t in others(row)]


def concat_cases(row):
    rng = generator("concat")

    def one(graph, dtype, shapes, axis):
        inputs = {"x%d" % i: _pattern(rng, dtype, s) for i, s in enumerate(shapes)}
        y = Tensor(dtype, np.concatenate([t.data for t in inputs.values()], axis))
        return case(graph, "concat", inputs, y,
                    {"inputs": [Name(n) for n in inputs], "axis": axis}, [])

    cases = [
        one("f32_first", "f32", [(2, 3), (1, 3), (4, 3)], 0),
        one("f32_last", "f32", [(2, 3), (2, 5)], -1),
        one("f32_middle", "f32", [(2, 1, 3), (2, 4, 3)], 1),
        one("f32_one", "f32", [(2, 3)], 1),
        one("f32_with_empty", "f32", [(2, 3), (2, 0), (2, 1)], 1),
        one("f32_vectors", "f32", [(5,), (17,)], 0),
        one("f32_rank8", "f32", [(1, 2, 1, 2, 1, 2, 1, 1), (1, 2, 1, 2, 3, 2, 1, 1)], 4),
        one("f32_empty", "f32", [(0, 2), (0, 2)], 0)
    ]
    return cases + [one(t, t, [(2, 2), (2, 3)], 1) for t in others(row)]


def split_cases(row):
    rng = generator("split")

    def one(graph, dtype, shape, parts, **a):
        x = _pattern(rng, dtype, shape)
        cuts = np.cumsum(parts)[:-1]
        pieces = np.split(x.data, cuts, a.get("axis", 0))
        return case(graph, "split", {"input": x}, {
            "part%d" % i: like(x, p)
            for i, p in enumerate(pieces)
        }, a)

    cases = [
        one("f32_equal", "f32", (6, 2), [2, 2, 2]),
        one("f32_given", "f32", (2, 7), [1, 4, 2], axis=1, split=[1, 4, 2]),
        one("f32_uneven", "f32", (7, 2), [3, 3, 1], num_outputs=3),
        one("f32_negative", "f32", (2, 3, 4), [2, 2], axis=-1),
        one("f32_with_empty", "f32", (3, 2), [3, 0], split=[3, 0]),
        one("f32_one", "f32", (3,), [3], num_outputs=1),
        one("f32_rank6", "f32", (1, 2, 4, 1, 2, 1), [2, 2], axis=2),
        one("f32_empty", "f32", (0, 4), [2, 2], axis=1)
    ]
    return cases + [one(t, t, (2, 5), [2, 3], axis=1, split=[2, 3]) for t in others(row)]


def trilu_cases(row):
    rng = generator("trilu")

    def one(graph, dtype, shape, k=0, upper=1):
        x = _pattern(rng, dtype, shape)
        i, j = np.arange(shape[-2])[:, None], np.arange(shape[-1])[None, :]
        kept = j - i >= k if upper else j - i <= k
        return case(graph, "trilu", {"input": x},
                    like(x, np.where(kept, x.data, x.data.dtype.type(0))),
                    {"k": k, "upper": upper})

    cases = [
        one("f32_upper", "f32", (4, 4)),
        one("f32_lower", "f32", (4, 4), upper=0),
        one("f32_above", "f32", (3, 6), k=2),
        one("f32_below", "f32", (5, 3), k=-2),
        one("f32_lower_above", "f32", (2, 3, 5), k=1, upper=0),
        one("f32_far", "f32", (3, 3), k=2**63 - 1),
        one("f32_lower_far", "f32", (3, 3), k=-9, upper=0),
        one("f32_rank6", "f32", (1, 2, 1, 2, 3, 2), k=1, upper=0),
        one("f32_empty", "f32", (2, 0, 3))
    ]
    return cases + [one(t, t, (3, 4), k=1) for t in others(row)]


# ---- more elements than before ------------------------------------------------------------------


def expand_cases(row):
    rng = generator("expand")

    def one(graph, dtype, shape, want):
        x = _pattern(rng, dtype, shape)
        full = np.broadcast_shapes(shape, tuple(want))
        return case(graph, "expand", {"input": x}, like(x, np.broadcast_to(x.data, full)),
                    {"shape": want})

    cases = [
        one("f32_plain", "f32", (3, 1), [3, 4]),
        one("f32_more_axes", "f32", (3, 1), [2, 1, 5]),
        one("f32_both_ways", "f32", (3, 1, 5), [1, 4, 1]),
        one("f32_scalar", "f32", (), [2, 3]),
        one("f32_fewer_axes", "f32", (2, 3, 4), [1]),
        one("f32_rank8", "f32", (2, 1, 3), [1, 2, 1, 1, 2, 1, 2, 1]),
        one("f32_empty", "f32", (1, 3), [0, 1])
    ]
    return cases + [one(t, t, (3, 1), [2, 1, 4]) for t in others(row)]


def tile_cases(row):
    rng = generator("tile")

    def one(graph, dtype, shape, repeats):
        x = _pattern(rng, dtype, shape)
        return case(graph, "tile", {"input": x}, like(x, np.tile(x.data, repeats)),
                    {"repeats": repeats})

    cases = [
        one("f32_plain", "f32", (2, 3), [2, 3]),
        one("f32_once", "f32", (2, 3), [1, 1]),
        one("f32_none", "f32", (2, 3), [0, 2]),
        one("f32_scalar", "f32", (), []),
        one("f32_rank6", "f32", (1, 2, 1, 2, 1, 2), [2, 1, 3, 1, 1, 2]),
        one("f32_empty", "f32", (0, 3), [2, 2])
    ]
    return cases + [one(t, t, (2, 3), [1, 2]) for t in others(row)]


def padded(x, pads, axes=None, mode="constant", value=0):
    """What negative pads cut off goes first; NumPy adds the rest."""
    axes = range(x.ndim) if axes is None else axes
    width, n = [(0, 0)] * x.ndim, len(pads) // 2
    for k, axis in enumerate(axes):
        before, after = pads[k], pads[k + n]
        index = [slice(None)] * x.ndim
        index[axis] = slice(max(0, -before), x.shape[axis] - max(0, -after))
        x = x[tuple(index)]
        width[axis] = (max(0, before), max(0, after))
        if mode == "wrap":  # older versions of NumPy have the wrong end where a pad is longer than the axis
            x = np.take(x, np.arange(-width[axis][0], x.shape[axis] + width[axis][1]) % max(1, x.shape[axis]), axis)
            width[axis] = (0, 0)
    more = {"constant_values": value} if mode == "constant" else {}
    return np.pad(x, width, "edge" if mode == "wrap" else mode, **more) if x.ndim else x


def pad_cases(row):
    rng = generator("pad")

    def one(graph, dtype, shape, pads, value=None, **a):
        inputs = {"data": _pattern(rng, dtype, shape)}
        if value is not None:
            inputs["constant_value"] = value
        x = inputs["data"]
        y = padded(x.data, pads, value=0 if value is None else value.data, **a)
        return case(graph, "pad", inputs, like(x, y), {"pads": pads, **a})

    def at_run_time(graph, pads, low, high, **a):
        """The pads of axis 0 are read on the host; the result has the one extent that they make."""
        x = _pattern(rng, "f32", (5, 2))
        y = padded(x.data, [pads[0], 0, pads[1], 0], **a)
        inputs = {"data": x, "p": encode("i32", np.array(pads[0]))}
        whole = sum(pads) + 5
        return case(graph, "pad", inputs, like(x, y),
                    {"pads": [Name("p"), 0, Name("%d - p" % (whole - 5)), 0], **a}, ["data"],
                    bounds={"p": " with { min = %d, max = %d }" % (low, min(high, whole - 5 - low))})

    cases = [
        one("f32_zeros", "f32", (2, 3), [1, 0, 2, 3]),
        one("f32_value", "f32", (2, 3), [1, 2, 0, 1], encode("f32", np.array(-1.5))),
        one("f32_axes", "f32", (2, 3, 4), [1, 2], axes=[-2]),
        one("f32_negative", "f32", (5, 6), [-1, -2, -2, 0]),
        one("f32_mixed", "f32", (5, 6), [-1, 2, 3, -4]),
        one("f32_reflect", "f32", (4, 5), [3, 1, 2, 4], mode="reflect"),
        one("f32_edge", "f32", (2, 3), [3, 1, 2, 4], mode="edge"),
        one("f32_wrap", "f32", (4, 5), [3, 5, 4, 1], mode="wrap"),
        one("f32_wrap_mixed", "f32", (5,), [-2, 3], mode="wrap"),
        one("f32_wrap_mixed_front", "f32", (6,), [3, -2], mode="wrap"),
        one("f32_edge_mixed", "f32", (5,), [2, -3], mode="edge"),
        one("f32_reflect_again", "f32", (3, 2), [7, 1, 6, 4], mode="reflect"),
        one("f32_reflect_one", "f32", (1, 3), [2, 0, 3, 0], mode="reflect"),
        one("f32_wrap_again", "f32", (3, 2), [7, 1, 8, 5], mode="wrap"),
        at_run_time("run_time_zeros", [2, 1], 0, 9),
        at_run_time("run_time_cut", [-2, 1], -3, 9),
        at_run_time("run_time_edge", [3, 2], 0, 9, mode="edge"),
        at_run_time("run_time_reflect", [9, 4], 0, 9, mode="reflect"),
        at_run_time("run_time_wrap", [8, 7], 0, 9, mode="wrap"),
        one("f32_scalar", "f32", (), []),
        one("f32_rank6", "f32", (1, 2, 1, 2, 2, 1), [0, 1, 1, 0, 0, 0, 1, 0, 0, 1, 0, 1]),
        one("f32_from_empty", "f32", (0, 2), [2, 0, 1, 1]),
        one("f32_empty", "f32", (0, 2), [0, 1, 0, 0]),
    ]
    for t in others(row):
        value = Tensor("bool", np.array(True)) if t == "bool" else encode(t, np.array(5))
        cases.append(one(t, t, (2, 3), [1, 0, 0, 1], value))
    return cases


# ---- choosing -----------------------------------------------------------------------------------


def _choosing(op, graph, dtype, rng, shape, indices, reference, axis, error=None):
    x = _pattern(rng, dtype, shape)
    safe = indices if error is None else Tensor(indices.dtype, np.zeros_like(indices.data))
    y = like(x, reference(x.data, safe.data, axis))
    return case(graph, op, {"data": x, "indices": indices}, y, {"axis": axis}, error=error)


def gather_cases(row):
    rng = generator("gather")

    def one(graph, dtype, shape, indices, axis=0, error=None):
        return _choosing("gather", graph, dtype, rng, shape, indices, np.take, axis, error)

    grid = encode("i64", rng.randint(-5, 5, (2, 3)))
    cases = [
        one("f32_rows", "f32", (5, 3), _i64(4, 0, -1, 2)),
        one("f32_columns", "f32", (3, 5), _i64(1, -5), 1),
        one("f32_grid", "f32", (5, 2), grid),
        one("f32_grid_inner", "f32", (2, 5, 3), grid, -2),
        one("f32_scalar", "f32", (4, 3), encode("i64", np.array(2))),
        one("f32_scalar_last", "f32", (2, 4), encode("i32", np.array(-1)), 1),
        one("f32_i32", "f32", (4, 2), encode("i32", np.array([3, 3, -4]))),
        one("f32_vector", "f32", (7,), _i64(6, 0, 3)),
        one("f32_rank8", "f32", (2, 1, 3, 2, 1), encode("i64", rng.randint(0, 3, (1, 2, 1, 2))), 2),
        one("f32_axis_3", "f32", (1, 2, 3, 4, 2), _i64(3, -4), 3),
        one("f32_no_indices", "f32", (4, 2), encode("i64", np.zeros((0,)))),
        one("f32_empty", "f32", (4, 0), _i64(1, 2)),
        one("too_large", "f32", (4, 2), _i64(0, 4), 0, RUN_INDEX),
        one("too_small", "f32", (2, 4), _i64(-5), 1, RUN_INDEX),
        one("far_too_large", "f32", (4,), _i64(1 << 62), 0, RUN_INDEX),
        one("i32_too_large", "f32", (4,), encode("i32", np.array([2**31 - 1])), 0, RUN_INDEX),
        one("f32_two_rows", "f32", (2, 17), _i64(1, 1, 0)),
    ]
    return cases + [one(t, t, (4, 3), _i64(2, -4, 1)) for t in others(row)]


def _along(x, indices, axis):
    """GatherElements, whose indices may be shorter than data on the other axes."""
    part = tuple(
        slice(None) if k == axis % x.ndim else slice(n) for k, n in enumerate(indices.shape))
    return np.take_along_axis(x[part], indices.astype(np.int64), axis)


def gather_elements_cases(row):
    rng = generator("gather_elements")

    def one(graph, dtype, shape, indices, axis=0, error=None):
        return _choosing("gather_elements", graph, dtype, rng, shape, indices, _along, axis, error)

    def some(n, shape):
        return encode("i64", rng.randint(-n, n, shape))

    cases = [
        one("f32_first", "f32", (4, 3), some(4, (6, 3))),
        one("f32_last", "f32", (3, 5), some(5, (3, 2)), -1),
        one("f32_middle", "f32", (2, 4, 3), some(4, (2, 5, 3)), 1),
        one("f32_shorter", "f32", (4, 5), some(5, (2, 3)), 1),
        one("f32_vector", "f32", (9,), some(9, (4,))),
        one("f32_i32", "f32", (3, 2), encode("i32",
                                             some(3, (3, 2)).data)),
        one("f32_rank6", "f32", (1, 2, 3, 1, 2, 2), some(3, (1, 2, 4, 1, 2, 2)), 2),
        one("f32_empty", "f32", (3, 4), some(3, (0, 4))),
        one("too_large", "f32", (2, 3), encode("i64", np.array([[0, 1, 2]])), 0, RUN_INDEX),
        one("too_small", "f32", (2, 3), encode("i64", np.array([[0], [-4]])), 1, RUN_INDEX),
    ]
    return cases + [one(t, t, (3, 4), some(4, (3, 3)), 1) for t in others(row)]


def one_hot_cases(row):
    rng = generator("one_hot")

    def one(graph, dtype, indices, depth, axis=-1):
        off, on = (encode(dtype, np.array(v)) for v in (2, 5))
        wide = np.expand_dims(indices.data.astype(np.int64),
                              axis if axis >= 0 else axis + indices.data.ndim + 1)
        place = np.arange(depth).reshape(
            [-1 if k == axis % wide.ndim else 1 for k in range(wide.ndim)])
        hot = (wide == place) | (wide + depth == place) & (wide < 0)
        y = np.where(hot, on.data, off.data)
        return case(graph, "one_hot", {
            "indices": indices,
            "off_value": off,
            "on_value": on
        }, Tensor(dtype, y), {"depth": depth, "axis": axis})

    grid = encode("i64", rng.randint(-6, 7, (2, 4)))
    cases = [
        one("f32_last", "f32", grid, 5),
        one("f32_first", "f32", grid, 4, 0),
        one("f32_middle", "f32", grid, 3, 1),
        one("f32_scalar", "f32", encode("i64", np.array(1)), 3),
        one("f32_i32", "f32", encode("i32", np.array([0, -1, 3])), 3),
        one("f32_rank8", "f32", encode("i64", rng.randint(0, 2, (1, 2, 1, 2, 1, 2, 1))), 2, 3),
        one("f32_depth_0", "f32", grid, 0),
        one("f32_empty", "f32", encode("i64", np.zeros((0, 2))), 3)
    ]
    return cases + [one(t, t, _i64(0, 2, -1, 7), 3) for t in others(row, 1)]


CASES = {
    **{
        op: reshape_cases
        for op in ("reshape", "flatten", "squeeze", "unsqueeze")
    },
    "transpose": transpose_cases,
    "depth_to_space": block_cases,
    "space_to_depth": block_cases,
    "slice": slice_cases,
    "update": update_cases,
    "concat": concat_cases,
    "split": split_cases,
    "trilu": trilu_cases,
    "expand": expand_cases,
    "tile": tile_cases,
    "pad": pad_cases,
    "gather": gather_cases,
    "gather_elements": gather_elements_cases,
    "one_hot": one_hot_cases,
}
