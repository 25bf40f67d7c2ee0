"""Goldens of ops whose results are as large as their elements make them: they are given in the largest
size, with zeros behind what counts."""
import numpy as np

from cases import case, others
from formats import Tensor, decode, encode, generator, is_float, sample


def _filled(dtype, data, shape):
    """Elements in the first corner of a tensor of zeros."""
    data = np.asarray(data)
    y = np.zeros(shape, data.dtype)
    y[tuple(slice(n) for n in data.shape)] = data
    return Tensor(dtype, y)


def _count(n):
    return encode("i64", np.array(n))


def _truth(*values):
    return Tensor("bool", np.array(values, bool))


def compress_cases(row):
    rng = generator("compress")

    def one(graph, dtype, shape, condition, **a):
        x = sample(rng, dtype, shape)
        axis = a.get("axis")
        y = np.compress(condition.data, x.data, axis)
        full = list(shape) if axis is not None else condition.data.shape
        if axis is not None:
            full[axis] = len(condition.data)
        return case(graph, "compress", {"input": x, "condition": condition},
                    {"output": _filled(dtype, y, full), "count": _count(condition.data.sum())}, a)

    cases = [
        one("f32_first", "f32", (3, 2), _truth(0, 1, 1), axis=0),
        one("f32_last", "f32", (3, 4), _truth(1, 0, 0, 1), axis=-1),
        one("f32_shorter", "f32", (3, 5), _truth(0, 1, 1), axis=1),
        one("f32_flat", "f32", (3, 2), _truth(0, 1, 0, 0, 1, 1)),
        one("f32_flat_shorter", "f32", (3, 4, 2), _truth(1, 0, 0, 1, 1)),
        one("f32_none", "f32", (3, 2), _truth(0, 0, 0), axis=0),
        one("f32_all", "f32", (4, 3), _truth(1, 1, 1, 1), axis=0),
        one("f32_scalar", "f32", (), _truth(1)),
        one("f32_rank6", "f32", (1, 2, 3, 1, 2, 2), _truth(0, 1, 1), axis=2),
        one("f32_empty", "f32", (0, 3), _truth(1, 0, 1), axis=1),
        one("f32_no_condition", "f32", (4, 3), _truth(), axis=1),
    ]
    return cases + [one(t, t, (3, 4), _truth(1, 0, 1), axis=0) for t in others(row)]


def _with_zeros(rng, dtype, shape):
    x = sample(rng, dtype, shape)
    keep = rng.randint(0, 2, shape).astype(bool)
    return Tensor(dtype, np.where(keep, x.data, x.data.dtype.type(0)))


def nonzero_cases(row):
    rng = generator("nonzero")

    def one(graph, x):
        found = np.argwhere(np.atleast_1d(decode(x)) != 0).T
        full = (max(1, x.data.ndim), x.data.size)
        return case(graph, "nonzero", {"x": x},
                    {"y": _filled("i64", found.astype(np.int64), full), "count": _count(found.shape[1])})

    special = encode("f32", np.array([[0.0, -0.0, np.nan], [np.inf, 1e-45, 0]]))
    cases = [
        one("f32_matrix", _with_zeros(rng, "f32", (5, 4))),
        one("f32_vector", _with_zeros(rng, "f32", (17,))),
        one("f32_rank6", _with_zeros(rng, "f32", (1, 2, 3, 1, 2, 2))),
        one("f32_none", encode("f32", np.zeros((2, 3)))),
        one("f32_all", encode("f32", np.ones((2, 3)))),
        one("f32_special", special),
        one("f32_scalar", encode("f32", np.array(2.0))),
        one("f32_scalar_zero", encode("f32", np.array(0.0))),
        one("f32_empty", encode("f32", np.zeros((3, 0)))),
    ]
    return cases + [one(t, _with_zeros(rng, t, (3, 4))) for t in others(row)]


# ---- unique -------------------------------------------------------------------------------------


def uniques(x_tensor, axis=None, sorted=1):
    """By Python's sort over the slices as tuples; NaN becomes a key of its own behind all numbers."""
    wide, data = decode(x_tensor), x_tensor.data
    slices = wide.reshape(-1, 1) if axis is None else np.moveaxis(wide, axis, 0).reshape(wide.shape[axis], -1)
    nan = (lambda v: is_float(x_tensor.dtype) and bool(np.isnan(v)))
    number = (lambda v: 0 if nan(v) else v + 0 if is_float(x_tensor.dtype) else int(v))
    keys = [tuple((nan(v), number(v)) for v in s) for s in slices]
    first = {}
    for i, k in enumerate(keys):
        first.setdefault(k, i)
    order = list(first)
    if sorted:
        order.sort()
    n, indices = len(keys), [first[k] for k in order]
    inverse = [order.index(k) for k in keys]
    chosen = data.reshape(-1)[indices] if axis is None else np.take(data, indices, axis)
    ints = (lambda v: np.array(v, np.int64))
    return {
        "y": _filled(x_tensor.dtype, chosen, (n,) if axis is None else data.shape),
        "indices": _filled("i64", ints(indices), (n,)),
        "inverse_indices": Tensor("i64", ints(inverse)),
        "counts": _filled("i64", ints([keys.count(k) for k in order]), (n,)),
        "count": _count(len(order)),
    }


def unique_cases(row):
    rng = generator("unique")

    def one(graph, x, **a):
        return case(graph, "unique", {"x": x}, uniques(x, **a), a)

    def few(dtype, shape, n=4):
        if dtype == "bool":
            return sample(rng, dtype, shape)
        return encode(dtype, rng.randint(0, n, shape) - (0 if dtype[0] == "u" else 1))

    special = encode("f32", np.array([2.0, np.nan, -np.inf, 0.0, np.nan, -0.0, np.inf, 2.0]))
    cases = [
        one("f32_vector", few("f32", (9,))),
        one("f32_flat", few("f32", (3, 4, 2), 9)),
        one("f32_first_places", few("f32", (12,), 6), sorted=0),
        one("f32_flat_first_places", few("f32", (3, 5)), sorted=0),
        one("f32_rows", few("f32", (6, 2), 2), axis=0),
        one("f32_columns", few("f32", (2, 7), 2), axis=1),
        one("f32_middle", few("f32", (2, 5, 2), 2), axis=-2),
        one("f32_rows_first_places", few("f32", (7, 2), 2), axis=0, sorted=0),
        one("f32_all_equal", encode("f32", np.ones((5,)))),
        one("f32_all_different", encode("f32", np.array([3.0, -1, 2, 0]))),
        one("f32_special", special),
        one("f32_special_first_places", special, sorted=0),
        one("f32_scalar", encode("f32", np.array(3.0))),
        one("f32_rank6", few("f32", (1, 2, 4, 1, 1, 2), 2), axis=2),
        one("f32_empty", encode("f32", np.zeros((0,)))),
        one("f32_empty_slices", encode("f32", np.zeros((3, 0))), axis=0),
        one("u64_wide", sample(rng, "u64", (6,))),
    ]
    cases += [one(t, few(t, (2, 6), 3)) for t in others(row)]
    return cases + [one("%s_rows" % t, few(t, (5, 2), 2), axis=0) for t in ("i64", "u8", "bool", "f16")]


# ---- non-maximum suppression --------------------------------------------------------------------


def _corners(box, centred):
    if centred:
        x, y, w, h = box
        return x - w / 2, x + w / 2, y - h / 2, y + h / 2
    y1, x1, y2, x2 = box
    return min(x1, x2), max(x1, x2), min(y1, y2), max(y1, y2)


def _share(a, b):
    """Of what two boxes cover together, which part they share; 0 if one is empty."""
    width, height = min(a[1], b[1]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[2], b[2])
    areas = [(c[1] - c[0]) * (c[3] - c[2]) for c in (a, b)]
    if min([width, height] + areas) <= 0:
        return 0
    return width * height / (sum(areas) - width * height)


def suppressed(boxes, scores, most=0, iou=0.0, least=None, centred=0):
    rows = []
    for batch, classes in enumerate(scores):
        corners = [_corners(b, centred) for b in boxes[batch].astype(float)]
        for which, of in enumerate(classes):
            order = sorted((i for i, v in enumerate(of) if not np.isnan(v) and (least is None or v > least)),
                           key=lambda i: (-of[i], i))
            kept = []
            for i in order:
                if len(kept) < most and all(_share(corners[i], corners[k]) <= iou for k in kept):
                    kept.append(i)
            rows += [(batch, which, i) for i in kept]
    return np.array(rows, np.int64).reshape(-1, 3)


def non_max_suppression_cases(row):
    rng = generator("non_max_suppression")

    def one(graph, boxes, scores, most=None, iou=None, least=None, centred=0):
        inputs = {"boxes": encode("f32", boxes), "scores": encode("f32", scores)}
        if most is not None:
            inputs["max_output_boxes_per_class"] = encode("i64", np.array(most))
        if iou is not None:
            inputs["iou_threshold"] = encode("f32", np.array(iou))
        if least is not None:
            inputs["score_threshold"] = encode("f32", np.array(least))
        given = [np.ravel(inputs[n].data)[0] if n in inputs else none
                 for n, none in (("max_output_boxes_per_class", 0), ("iou_threshold", 0), ("score_threshold", None))]
        found = suppressed(inputs["boxes"].data, inputs["scores"].data, *given, centred)
        full = (scores.size if most is not None else 0, 3)
        return case(graph, "non_max_suppression", inputs,
                    {"selected_indices": _filled("i64", found, full), "count": _count(len(found))},
                    {"center_point_box": centred})

    def some(batches, classes, n):
        corners = rng.randint(0, 12, (batches, n, 4)) + rng.random_sample((batches, n, 4))
        return corners, np.round(rng.random_sample((batches, classes, n)), 1)

    steps = np.array([[[0, 0, 1, 1], [0, 0.1, 1, 1.1], [0, -0.1, 1, 0.9], [0, 10, 1, 11], [0, 10.1, 1, 11.1],
                       [0, 100, 1, 101]]])
    scores = np.array([[[0.9, 0.75, 0.6, 0.95, 0.5, 0.3]]])
    turned = steps[:, :, [2, 3, 0, 1]]
    centred = np.stack([(steps[..., 1] + steps[..., 3]) / 2, (steps[..., 0] + steps[..., 2]) / 2,
                        steps[..., 3] - steps[..., 1], steps[..., 2] - steps[..., 0]], -1)
    nans = scores.copy()
    nans[0, 0, 3] = np.nan
    cases = [
        one("f32_plain", steps, scores, 3, 0.5, 0.0),
        one("f32_two", steps, scores, 2, 0.5, 0.0),
        one("f32_vectors", steps, scores, [3], [0.5], [0.4]),
        one("f32_turned", turned, scores, 3, 0.5),
        one("f32_centred", centred, scores, 3, 0.5, 0.0, centred=1),
        one("f32_least", steps, scores, 6, 0.5, 0.6),
        one("f32_none", steps, scores, 3, 0.5, 2.0),
        one("f32_without_most", steps, scores),
        one("f32_negative_most", steps, scores, -2, 0.5),
        one("f32_without_iou", steps, scores, 6),
        one("f32_equal_scores", steps, np.full_like(scores, 0.5), 6, 0.5),
        one("f32_nan", steps, nans, 6, 0.5),
        one("f32_one_place", np.repeat(steps[:, :1], 10, 1), np.full((1, 1, 10), 0.9), 3, 0.5, 0.0),
        one("f32_empty_boxes", np.zeros((1, 4, 4)), np.array([[[0.1, 0.4, 0.3, 0.2]]]), 9, 0.5),
        one("f32_batches", *some(3, 2, 9), 5, 0.2, 0.1),
        one("f32_many", *some(2, 3, 20), 20, 0.05),
        one("f32_many_centred", *some(1, 2, 15), 15, 0.3, centred=1),
        one("f32_no_boxes", np.zeros((2, 0, 4)), np.zeros((2, 3, 0)), 3, 0.5),
    ]
    boxes, holes = some(1, 2, 75)
    holes[rng.random_sample(holes.shape) < 0.1] = np.nan
    return cases + [
        one("f32_sixteen", *some(2, 1, 16), 16, 0.9),
        one("f32_seventeen", *some(1, 2, 17), 17, 0.9),
        one("f32_rounds", *some(1, 2, 64), 64, 0.1, 0.2),
        one("f32_few_of_many", *some(2, 2, 50), 7, 0.02),
        one("f32_nan_of_many", boxes, holes, 75, 0.3),
        one("f32_alike", np.repeat(boxes[:, :1], 40, 1), np.full((1, 1, 40), 0.25), 3, 0.5),
        one("f32_all_equal", boxes[:, :48], np.full((1, 2, 48), 0.5), 48, 0.6),
    ]


CASES = {
    "compress": compress_cases,
    "nonzero": nonzero_cases,
    "unique": unique_cases,
    "non_max_suppression": non_max_suppression_cases,
}
