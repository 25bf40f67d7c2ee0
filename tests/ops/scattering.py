"""Goldens of ops that put elements where indices say."""
import numpy as np

from cases import RUN_INDEX, case, others
from formats import Tensor, decode, encode, generator, like, sample, small


def _i64(values):
    return encode("i64", np.array(values))


def gathered(x, indices, batch_dims=0):
    lead = indices.shape[:-1]
    y = np.zeros(lead + x.shape[batch_dims + indices.shape[-1]:], x.dtype)
    for at in np.ndindex(lead):
        y[at] = x[at[:batch_dims] + tuple(indices[at])]
    return y


def gather_nd_cases(row):
    rng = generator("gather_nd")

    def one(graph, dtype, shape, indices, batch_dims=0, error=None):
        x = sample(rng, dtype, shape)
        safe = np.zeros_like(indices.data) if error else indices.data
        return case(graph, "gather_nd", {"data": x, "indices": indices},
                    like(x, gathered(x.data, safe, batch_dims)), {"batch_dims": batch_dims},
                    error=error)

    cases = [
        one("f32_elements", "f32", (3, 4), _i64([[0, 0], [2, -1], [1, 3]])),
        one("f32_rows", "f32", (5, 3), _i64([[4], [-5], [0]])),
        one("f32_grid", "f32", (3, 4, 2), encode("i64", rng.randint(-3, 3, (2, 5, 2)))),
        one("f32_one", "f32", (3, 4), _i64([2, 1])),
        one("f32_i32", "f32", (3, 2), encode("i32", np.array([[2], [-1]]))),
        one("f32_batch", "f32", (2, 3, 4), encode("i64", rng.randint(-3, 3, (2, 5, 1))), 1),
        one("f32_batches", "f32", (2, 3, 4, 2), encode("i64", rng.randint(0, 4, (2, 3, 1))), 2),
        one("f32_rank8", "f32", (2, 3, 2, 1, 2), encode("i64",
                                                        rng.randint(0, 2, (1, 2, 1, 2, 1))), 0),
        one("f32_no_indices", "f32", (4, 2), encode("i64", np.zeros((0, 2)))),
        one("f32_empty", "f32", (4, 0), _i64([[1], [2]])),
        one("too_large", "f32", (3, 4), _i64([[0, 4]]), 0, RUN_INDEX),
        one("too_small", "f32", (3, 4), _i64([[-4, 0]]), 0, RUN_INDEX),
    ]
    return cases + [one(t, t, (4, 3), _i64([[2], [-4], [1]])) for t in others(row)]


# ---- scatter ------------------------------------------------------------------------------------


def _put(y, to, update, reduction, dtype):
    """One update of the stored elements y at `to`; what is put together rounds or wraps at once."""
    if reduction == "none":
        y[to] = update
        return
    old, new = (decode(Tensor(dtype, np.atleast_1d(v))) for v in (y[to], update))
    with np.errstate(all="ignore"):
        both = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}[reduction](old, new)
    y[to] = encode(dtype, both).data.reshape(np.shape(update))


def scattered_elements(data, indices, updates, axis=0, reduction="none"):
    y = data.data.copy()
    for at in np.ndindex(indices.shape):
        to = list(at)
        to[axis] = indices[at]
        _put(y, tuple(to), updates.data[at], reduction, data.dtype)
    return like(data, y)


def scattered_nd(data, indices, updates, reduction="none"):
    y = data.data.copy()
    for at in np.ndindex(indices.shape[:-1]):
        _put(y, tuple(indices[at]), updates.data[at], reduction, data.dtype)
    return like(data, y)


def _scatter_cases(row, reference, plain, errors, of_type):
    op = row["name"]
    rng = generator(op)

    def one(graph, dtype, shape, indices, update_shape, error=None, **attributes):
        of = small if attributes.get("reduction") in ("add", "mul") else sample
        inputs = {"data": of(rng, dtype, shape), "indices": indices, "updates": of(rng, dtype, update_shape)}
        safe = np.zeros_like(indices.data) if error else indices.data
        y = reference(inputs["data"], safe, inputs["updates"], **attributes)
        return case(graph, op, inputs, y, attributes, error=error)

    cases = [one(g, "f32", *a, **k) for g, a, k in plain(rng)]
    cases += [one(g, "f32", *a, RUN_INDEX, **k) for g, a, k in errors]
    for t in others(row):
        cases.append(one(t, t, *of_type[0], **of_type[1]))
    for t in ("f64", "f16", "bf16", "f8e4m3", "i64", "i8", "u8", "u4"):
        for reduction in ("add", "mul", "max", "min"):
            cases.append(one("%s_%s" % (t, reduction), t, *of_type[0], **of_type[1], reduction=reduction))
    return cases


def scatter_elements_cases(row):
    some = lambda rng, n, shape: encode("i64", rng.randint(-n, n, shape))

    def plain(rng):
        # Without a reduction no two updates go to one place here, but for the last.
        yield "f32_first", ((3, 3), _i64([[1, 0, 2], [0, 2, 1]]), (2, 3)), {}
        yield "f32_last", ((2, 5), _i64([[1, 3], [-1, 0]]), (2, 2)), {"axis": 1}
        yield "f32_negative_axis", ((2, 3, 4), _i64([[[1], [0], [-1]]]), (1, 3, 1)), {"axis": -1}
        yield "f32_middle", ((2, 4, 3), _i64(np.array([[3, 1, 0], [0, 2, 1]])[None].repeat(2, 0)), (2, 2, 3)), {"axis": 1}
        yield "f32_i32", ((4,), encode("i32", np.array([-1, 0])), (2,)), {}
        yield "f32_rank6", ((1, 2, 3, 1, 2, 2), some(rng, 3, (1, 2, 1, 1, 2, 2)), (1, 2, 1, 1, 2, 2)), {"axis": 2}
        yield "f32_twice", ((4, 2), _i64([[1, 1], [1, 2], [-3, 1]]), (3, 2)), {}
        yield "f32_no_updates", ((4, 2), encode("i64", np.zeros((0, 2))), (0, 2)), {}
        yield "f32_empty", ((0, 3), encode("i64", np.zeros((0, 3))), (0, 3)), {"axis": 1}
        for reduction in ("add", "mul", "max", "min"):
            yield "f32_" + reduction, ((5, 4), some(rng, 5, (7, 3)), (7, 3)), {"reduction": reduction}
            yield "f32_%s_last" % reduction, ((3, 4), some(rng, 4, (2, 9)), (2, 9)), {"axis": 1, "reduction": reduction}

    errors = [
        ("too_large", ((2, 3), _i64([[0, 1, 2]]), (1, 3)), {}),
        ("too_small", ((2, 3), _i64([[0], [-4]]), (2, 1)), {"axis": 1}),
    ]
    of_type = ((3, 4), _i64([[1, 1, -4], [0, 3, 3]]), (2, 3)), {"axis": 1}
    return _scatter_cases(row, scattered_elements, plain, errors, of_type)


def scatter_nd_cases(row):
    some = lambda rng, n, shape: encode("i64", rng.randint(-n, n, shape))

    def plain(rng):
        yield "f32_elements", ((8,), _i64([[4], [3], [1], [7]]), (4,)), {}
        yield "f32_rows", ((4, 3, 2), _i64([[0], [-2]]), (2, 3, 2)), {}
        yield "f32_points", ((3, 4), _i64([[0, 1], [2, -1], [1, 1]]), (3,)), {}
        yield "f32_grid", ((3, 4, 2), _i64([[[0, 1], [2, 3]], [[1, 0], [-1, -2]]]), (2, 2, 2)), {}
        yield "f32_one", ((3, 4), _i64([1, 2]), ()), {}
        yield "f32_i32", ((3, 2), encode("i32", np.array([[2]])), (1, 2)), {}
        yield "f32_twice", ((4, 3), _i64([[1], [2], [1]]), (3, 3)), {}
        yield "f32_rank6", ((2, 1, 2, 1, 2, 3), some(rng, 1, (1, 2, 3)), (1, 2, 1, 2, 3)), {"reduction": "add"}
        yield "f32_no_updates", ((4, 2), encode("i64", np.zeros((0, 1))), (0, 2)), {}
        yield "f32_empty", ((0, 3), encode("i64", np.zeros((0, 1))), (0, 3)), {}
        for reduction in ("add", "mul", "max", "min"):
            yield "f32_" + reduction, ((4, 5), some(rng, 4, (9, 1)), (9, 5)), {"reduction": reduction}
            yield "f32_%s_points" % reduction, ((3, 3), some(rng, 3, (2, 6, 2)), (2, 6)), {"reduction": reduction}

    errors = [
        ("too_large", ((2, 3), _i64([[0, 3]]), (1,)), {}),
        ("too_small", ((2, 3), _i64([[-3]]), (1, 3)), {}),
    ]
    of_type = ((4, 3), _i64([[2], [-4], [2]]), (3, 3)), {}
    return _scatter_cases(row, scattered_nd, plain, errors, of_type)


def written(past, update, write_indices, axis, mode):
    y = past.copy()
    for at in np.ndindex(update.shape):
        to = list(at)
        to[axis] += 0 if write_indices is None else int(write_indices[at[0]])
        if mode == "circular":
            to[axis] %= past.shape[axis]
        y[tuple(to)] = update[at]
    return y


def tensor_scatter_cases(row):
    rng = generator("tensor_scatter")

    def one(graph, dtype, shape, n, first, axis=-2, mode="linear", error=None):
        part = list(shape)
        part[axis] = n
        inputs = {"past_cache": sample(rng, dtype, shape), "update": sample(rng, dtype, part)}
        if first is not None:
            inputs["write_indices"] = first
        x = inputs["past_cache"]
        safe = None if first is None or error else first.data
        y = written(x.data, inputs["update"].data, safe, axis, mode)
        return case(graph, "tensor_scatter", inputs, like(x, y), {"axis": axis, "mode": mode}, error=error)

    cases = [
        one("f32_from_0", "f32", (2, 5, 3), 2, None),
        one("f32_linear", "f32", (3, 6, 2), 2, _i64([0, 4, 1])),
        one("f32_whole", "f32", (2, 4, 3), 4, _i64([0, 0])),
        one("f32_circular", "f32", (4, 5, 2), 3, _i64([0, 3, 4, 7]), mode="circular"),
        one("f32_circular_negative", "f32", (3, 5, 2), 2, _i64([-1, -6, 2**62]), mode="circular"),
        one("f32_circular_whole", "f32", (2, 4, 3), 4, _i64([1, 3]), mode="circular"),
        one("f32_circular_from_0", "f32", (2, 4, 3), 2, None, mode="circular"),
        one("f32_heads", "f32", (2, 3, 4, 2), 1, _i64([3, 0])),
        one("f32_axis_1", "f32", (2, 4, 3, 2), 2, _i64([2, 1]), axis=1),
        one("f32_last_axis", "f32", (2, 5), 2, _i64([3, 0]), axis=-1),
        one("f32_i32", "f32", (2, 4, 2), 1, encode("i32", np.array([3, 1]))),
        one("f32_nothing", "f32", (2, 4, 2), 0, _i64([4, 1])),
        one("f32_empty", "f32", (0, 4, 2), 1, encode("i64", np.zeros((0,)))),
        one("too_large", "f32", (2, 4, 2), 2, _i64([0, 3]), error=RUN_INDEX),
        one("negative", "f32", (2, 4, 2), 1, _i64([0, -1]), error=RUN_INDEX),
    ]
    return cases + [one(t, t, (2, 4, 3), 2, _i64([2, 1])) for t in others(row)]


CASES = {
    "gather_nd": gather_nd_cases,
    "scatter_elements": scatter_elements_cases,
    "scatter_nd": scatter_nd_cases,
    "tensor_scatter": tensor_scatter_cases,
}
