"""Goldens of images: resizing, grids, regions, deformed windows."""
import itertools

import numpy as np

from cases import RUN_INDEX, case
from formats import Tensor, bounds, decode, encode, generator, is_float, rounded, sample, small


def stored(dtype, values):
    """Sums as elements: integers round to even and saturate."""
    if is_float(dtype):
        return encode(dtype, values)
    low, high = bounds(dtype)
    exact = [min(max(int(np.rint(v)), low), high) for v in np.ravel(values)]
    wide = np.array(exact, object).astype("u8" if dtype[0] == "u" else "i8")
    return encode(dtype, wide.reshape(np.shape(values)))


# ---- resize -------------------------------------------------------------------------------------


def _place(mode, i, n, size, factor, exact, roi):
    """Where element i of `size` lies among n."""
    width = size if exact else factor * n
    half = (i + 0.5) / factor - 0.5
    if mode == "align_corners":
        return 0.0 if width == 1 else i * (n - 1) / (width - 1)
    if mode == "asymmetric":
        return i / factor
    if mode == "tf_half_pixel_for_nn":
        return (i + 0.5) / factor
    if mode == "pytorch_half_pixel":
        return half if size > 1 else 0.0
    if mode == "half_pixel_symmetric":
        return n / 2 * (1 - size / width) + half
    if mode == "tf_crop_and_resize":
        way = (roi[1] - roi[0]) * (n - 1) / 2 if width == 1 else i * (roi[1] - roi[0]) * (n - 1) / (width - 1)
        return way + roi[0] * (n - 1)
    return half


def _cubic(x, a):
    x = abs(x)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0


def _nearest(at, mode):
    low = np.floor(at)
    if mode == "floor" or at == low:
        return low
    if mode == "ceil":
        return low + 1
    return low if at - low < 0.5 or at - low == 0.5 and mode == "round_prefer_floor" else low + 1


def _matrix(n, size, factor, exact, roi, mode, coordinates, nearest_mode, a, exclude, antialias):
    """One axis as a matrix [size, n], and which rows lie outside."""
    matrix, outside = np.zeros((size, n)), np.zeros(size, bool)
    stretch = min(factor, 1.0) if antialias else 1.0
    for i in range(size):
        at = _place(coordinates, i, n, size, factor, exact, roi)
        outside[i] = coordinates == "tf_crop_and_resize" and not 0 <= at <= n - 1
        if mode == "nearest":
            matrix[i, int(min(max(_nearest(at, nearest_mode), 0), n - 1))] = 1
            continue
        reach = int(np.ceil({"linear": 1, "cubic": 2}[mode] / stretch)) + 1
        for k in range(int(np.floor(at)) - reach, int(np.floor(at)) + reach + 2):
            d = (k - at) * stretch
            w = max(0.0, 1 - abs(d)) if mode == "linear" else _cubic(d, a)
            if 0 <= k < n or not exclude:
                matrix[i, min(max(k, 0), n - 1)] += w
        if exclude or antialias:
            matrix[i] /= matrix[i].sum()
    return matrix, outside


def resized(x, scales=None, sizes=None, axes=None, roi=None, mode="nearest",
            coordinate_transformation_mode="half_pixel", nearest_mode="round_prefer_floor",
            cubic_coeff_a=-0.75, exclude_outside=0, extrapolation_value=0.0, antialias=0,
            keep_aspect_ratio_policy="stretch"):
    y = decode(x)
    axes = [a % y.ndim for a in (range(y.ndim) if axes is None else axes)]
    shape, out = y.shape, np.zeros(y.shape, bool)
    common = None
    if keep_aspect_ratio_policy != "stretch":
        choose = min if keep_aspect_ratio_policy == "not_larger" else max
        common = choose(s / shape[axis] for s, axis in zip(sizes, axes))
    taken = y if mode == "nearest" else y.astype(np.longdouble)
    for k, axis in enumerate(axes):
        n = shape[axis]
        if common is not None:
            factor, size = common, int(np.floor(common * n + 0.5))
        elif scales is not None:
            factor = float(np.float32(scales[k]))
            size = int(np.floor(np.float32(n) * np.float32(factor))) if sizes is None else sizes[k]
        else:
            factor, size = sizes[k] / n, sizes[k]
        region = None if roi is None else (roi[k], roi[k + len(axes)])
        if size == n and factor == 1 and coordinate_transformation_mode != "tf_crop_and_resize":
            continue
        matrix, outside = _matrix(n, size, factor, scales is None and common is None, region, mode,
                                  coordinate_transformation_mode, nearest_mode, cubic_coeff_a,
                                  exclude_outside, antialias)
        if mode == "nearest":
            taken = np.take(taken, matrix.argmax(axis=1), axis)
        else:
            taken = np.moveaxis(np.tensordot(matrix, taken, (1, axis)), 0, axis)
        out = np.take(out, np.zeros(size, int), axis) if n else out
        out = out | outside.reshape([-1 if i == axis else 1 for i in range(y.ndim)])
    extra = rounded(extrapolation_value, x.dtype)
    if is_float(x.dtype):
        return encode(x.dtype, np.where(out, extra, taken))
    if x.dtype == "bool":
        return Tensor("bool", np.where(out, extra != 0, taken.astype(bool)))
    if mode == "nearest" and not out.any():
        return encode(x.dtype, taken)
    return stored(x.dtype, np.where(out, extra, taken))


COORDINATES = ("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
               "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize")


def resize_cases(row):
    op = row["name"]

    def one(graph, dtype, shape, roi=None, scale=None, **a):
        rng = generator(op, graph)
        x = small(rng, dtype, shape, 100) if dtype != "bool" else sample(rng, dtype, shape)
        inputs = {"x": x}
        if roi is not None:
            inputs["roi"] = encode("f32", np.array(roi))
        if scale is not None:
            inputs["scale"] = encode("f32", np.array(scale))
        y = resized(x, **{**a, "roi": None if roi is None else np.float32(roi).astype(float)},
                    **({} if scale is None else {"scales": scale}))
        return case(graph, op, inputs, y, a)

    def crop(mode):
        return {"roi": [0.2, 0.4, 0.7, 1.3]} if mode == "tf_crop_and_resize" else {}

    cases = []
    for m in COORDINATES:
        for mode in ("nearest", "linear", "cubic"):
            a = {"mode": mode, "coordinate_transformation_mode": m, "axes": [2, 3], **crop(m)}
            cases.append(one("%s_%s_up" % (m, mode), "f32", (1, 2, 4, 5), sizes=[7, 9], **a))
            cases.append(one("%s_%s_down" % (m, mode), "f32", (1, 2, 7, 8), scales=[0.6, 0.3], **a))
    for n in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"):
        a = {"nearest_mode": n, "axes": [-1]}
        cases.append(one("nearest_%s" % n, "f32", (2, 6), scales=[2.5], coordinate_transformation_mode="asymmetric", **a))
        cases.append(one("nearest_%s_half" % n, "f32", (2, 12), sizes=[6], **a))
    for mode in ("linear", "cubic"):
        for excluded in (0, 1):
            a = {"mode": mode, "exclude_outside": excluded}
            cases.append(one("%s_antialias_%d" % (mode, excluded), "f32", (1, 1, 9, 11), sizes=[1, 1, 4, 3], antialias=1, **a))
            cases.append(one("%s_antialias_up_%d" % (mode, excluded), "f32", (4, 7), scales=[1.7, 0.4], antialias=1, **a))
        cases.append(one("%s_exclude" % mode, "f32", (5, 4), scales=[1.5, 0.8], mode=mode, exclude_outside=1, cubic_coeff_a=-0.5))
    policy = {"sizes": [7, 8], "mode": "linear", "axes": [2, 3]}
    a = {"mode": "linear", "coordinate_transformation_mode": "tf_crop_and_resize"}
    cases += [
        one("not_larger", "f32", (1, 1, 4, 6), keep_aspect_ratio_policy="not_larger", **policy),
        one("not_smaller", "f32", (1, 1, 4, 6), keep_aspect_ratio_policy="not_smaller", **policy),
        one("not_larger_nearest", "f32", (4, 6), keep_aspect_ratio_policy="not_larger", sizes=[3, 3]),
        one("whole_factors", "f32", (1, 2, 3, 4), scales=[1, 1, 2, 3]),
        one("whole_divisors", "f32", (1, 2, 6, 8), scales=[1, 1, 0.5, 0.25], nearest_mode="floor"),
        one("same", "f32", (2, 3), sizes=[2, 3], mode="cubic"),
        one("to_one", "f32", (5, 3), sizes=[1, 1], mode="linear", coordinate_transformation_mode="align_corners"),
        one("crop_to_one", "f32", (5, 3), roi=[0.25, 0, 0.75, 1], sizes=[1, 1], **a),
        one("crop_backwards", "f32", (5, 3), roi=[1, 0, 0, 1], sizes=[4, 3], extrapolation_value=7.5, **a),
        one("crop_same_extents", "f32", (4, 5), roi=[0, 0.5, 1, 1.5], sizes=[4, 5], extrapolation_value=-1.5, **a),
        one("scale_operand_nearest", "f32", (1, 2, 4, 5), scale=[2.0, 1.5], sizes=[8, 7], axes=[2, 3]),
        one("scale_operand_linear", "f32", (4, 5), scale=[0.75, 2.25], sizes=[3, 11], mode="linear"),
        one("scale_operand_cubic", "f32", (4, 5), scale=[0.75, 2.25], sizes=[3, 11], mode="cubic", exclude_outside=1),
        one("scale_operand_antialias", "f32", (9, 8), scale=[0.4, 0.6], sizes=[3, 4], mode="linear", antialias=1),
        one("scale_operand_cubic_antialias", "f32", (9, 8), scale=[0.4, 1.5], sizes=[3, 12], mode="cubic", antialias=1),
        one("f32_extent", "f32", (10, 2), scales=[0.7, 1], mode="linear"),
        one("rank1", "f32", (7,), sizes=[4], mode="linear"),
        one("rank3_all", "f32", (3, 4, 5), sizes=[5, 3, 6], mode="linear"),
        one("rank5", "f32", (1, 2, 3, 4, 3), sizes=[5, 3, 4], axes=[2, 3, 4], mode="linear"),
        one("rank8", "f32", (1, 2, 1, 3, 1, 2, 2, 1), sizes=[4, 3], axes=[3, -2], mode="cubic"),
        one("axes_turned", "f32", (3, 4), sizes=[6, 5], axes=[1, 0], mode="linear"),
        one("to_none", "f32", (3, 4), sizes=[3, 0], mode="linear"),
        one("empty", "f32", (0, 4), sizes=[7], axes=[1], mode="linear"),
        one("f64_cubic", "f64", (4, 5), sizes=[8, 9], mode="cubic"),
        one("bool", "bool", (3, 4), sizes=[5, 7]),
        one("bool_crop", "bool", (3, 4), roi=[0, -0.5, 1, 1], sizes=[3, 5], extrapolation_value=1.0, coordinate_transformation_mode="tf_crop_and_resize"),
    ]
    for t in [t for t in row["operands"][0]["types"] if t not in ("f32", "bool")]:
        cases.append(one("%s_nearest" % t, t, (3, 4), sizes=[5, 7]))
        cases.append(one("%s_linear" % t, t, (3, 4), sizes=[9, 12], mode="linear"))  # no sum is halfway
        cases.append(one("%s_cubic_crop" % t, t, (3, 4), roi=[0, 0, 1, 1.5], sizes=[5, 3], mode="cubic", extrapolation_value=2.5, coordinate_transformation_mode="tf_crop_and_resize"))
    return cases


# ---- grids --------------------------------------------------------------------------------------


def _folded(i, n, padding, corners):
    """The element at position i of an axis that goes on beyond its ends; None: a zero."""
    if 0 <= i < n:
        return i
    if padding == "zeros":
        return None
    if padding == "border" or corners and n == 1:
        return min(max(i, 0), n - 1)
    period = 2 * (n - 1) if corners else 2 * n
    i %= period
    return i if i < n else period - i - (0 if corners else 1)


def _row(v, n, mode, padding, corners):
    """The weights of an axis' n elements for coordinate v."""
    at = (v + 1) / 2 * (n - 1) if corners else ((v + 1) * n - 1) / 2
    row = np.zeros(n, np.longdouble)
    if np.isnan(at):
        at = -1.0
    at = np.rint(at) if mode == "nearest" else at
    if padding == "border":
        at = min(max(at, 0.0), n - 1.0)
    elif padding == "reflection" and not (corners and n == 1):
        shift = 0.0 if corners else 0.5
        length = n - 1.0 if corners else float(n)
        turned = (at + shift) % (2 * length)
        at = min(turned, 2 * length - turned) - shift
    elif padding == "reflection":
        at = 0.0
    base = int(np.floor(at))
    taps = {"nearest": [base], "linear": [base, base + 1],
            "cubic": range(base - 1, base + 3)}[mode]
    for i in taps:
        d = abs(at - i)
        w = {"nearest": 1.0, "linear": 1 - d, "cubic": _cubic(d, -0.75)}[mode]
        k = _folded(i, n, padding, corners)
        if k is not None:
            row[k] += w
    return row


def sampled(x, grid, align_corners=0, mode="linear", padding_mode="zeros"):
    values, places = decode(x), decode(grid).astype(float)
    axes = values.ndim - 2
    out = np.zeros(values.shape[:2] + places.shape[1:-1], np.longdouble)
    for at in np.ndindex((places.shape[0],) + places.shape[1:-1]):
        y = values[at[0]].astype(np.longdouble)
        for k in reversed(range(axes)):  # the innermost axis, whose coordinate stands first
            row = _row(places[at][axes - 1 - k], values.shape[2 + k], mode, padding_mode, align_corners)
            used = row != 0
            y = np.tensordot(y[..., used], row[used], (y.ndim - 1, 0))
        out[(at[0], slice(None)) + at[1:]] = y
    if mode == "nearest" and not is_float(x.dtype):
        return encode(x.dtype, np.rint(out).astype("u8" if x.dtype[0] == "u" else "i8")) if x.dtype != "bool" else \
            Tensor("bool", out != 0)
    return stored(x.dtype, out)


def grid_cases(row):

    def one(graph, dtype, shape, out, reach=1.3, grid="f32", special=None, **a):
        rng = generator("grid_sample", graph)
        x = sample(rng, "bool", shape) if dtype == "bool" else small(rng, dtype, shape, 100)
        g = rng.uniform(-reach, reach, (shape[0],) + out + (len(out),))
        if special is not None:
            g.reshape(-1)[:len(special)] = special
        g = encode(grid, g)
        return case(graph, "grid_sample", {"x": x, "grid": g}, sampled(x, g, **a), a)

    cases = []
    for mode, padding, corners in itertools.product(("linear", "nearest", "cubic"), ("zeros", "border", "reflection"), (0, 1)):
        a = {"mode": mode, "padding_mode": padding, "align_corners": corners}
        cases.append(one("%s_%s_%d" % (mode, padding, corners), "f32", (2, 3, 4, 5), (3, 4), **a))
        cases.append(one("%s_%s_%d_3d" % (mode, padding, corners), "f32", (1, 2, 3, 2, 4), (2, 3, 2), 2.5, **a))
    for padding, corners in itertools.product(("zeros", "border", "reflection"), (0, 1)):
        a = {"padding_mode": padding, "align_corners": corners}
        far = [1e6, -1e6, np.nan, 0, -1, 1, 1, -1, 0.5, 0, 0.25, -0.5]
        cases.append(one("far_%s_%d" % (padding, corners), "f32", (1, 2, 4, 4), (2, 4), special=far, mode="nearest", **a))
        cases.append(one("lone_%s_%d" % (padding, corners), "f32", (1, 1, 1, 1), (2, 4), 3, **a))
    cases += [
        one("f32_empty", "f32", (0, 1, 2, 2), (3, 2)),
        one("f32_no_places", "f32", (1, 1, 2, 2), (0, 2)),
        one("f64_grid", "f32", (1, 2, 4, 3), (3, 2), grid="f64"),
        one("f16_grid", "f32", (1, 2, 4, 3), (3, 2), grid="f16", mode="cubic"),
        one("bool", "bool", (1, 2, 4, 3), (3, 5), mode="nearest", padding_mode="border"),
    ]
    for t in [t for t in row["operands"][0]["types"] if t not in ("f32", "bool")]:
        cases.append(one(t, t, (1, 2, 4, 3), (3, 2)))
        cases.append(one("%s_nearest" % t, t, (1, 2, 4, 3), (3, 2), mode="nearest"))
    return cases


def affine(theta, size, align_corners=0):
    matrix = decode(theta)
    axes = len(size) - 2
    lines = []
    for n in size[2:]:
        i = np.arange(n)
        lines.append((2 * i - (n - 1)) / max(n - 1, 1) if align_corners else (2 * i + 1) / n - 1)
    places = np.stack(list(np.meshgrid(*lines, indexing="ij"))[::-1] + [np.ones(size[2:])], -1)
    y = np.einsum("nij,...j->n...i", matrix, places)
    return encode(theta.dtype, y.reshape((size[0],) + tuple(size[2:]) + (axes,)))


def affine_cases(row):

    def one(graph, dtype, size, **a):
        rng = generator("affine_grid", graph)
        axes = len(size) - 2
        theta = small(rng, dtype, (size[0], axes, axes + 1))
        return case(graph, "affine_grid", {"theta": theta}, affine(theta, size, **a), {"size": size, **a})

    cases = []
    for corners in (0, 1):
        cases += [
            one("f32_%d" % corners, "f32", (2, 3, 4, 5), align_corners=corners),
            one("f32_3d_%d" % corners, "f32", (1, 2, 3, 4, 2), align_corners=corners),
            one("f32_lone_%d" % corners, "f32", (1, 1, 1, 3), align_corners=corners),
        ]
    cases.append(one("f32_empty", "f32", (1, 1, 0, 3)))
    return cases + [one(t, t, (1, 1, 2, 3)) for t in row["operands"][0]["types"] if t != "f32"]


# ---- regions ------------------------------------------------------------------------------------


def _hats(at, n):
    """The weights of n elements for a place between two of them."""
    return np.maximum(0, 1 - np.abs(np.arange(n) - at))


def _points(start, length, bins, ratio):
    """The places of all points, by bins."""
    points = ratio if ratio else max(int(np.ceil(length / bins)), 0)
    return [[start + b * (length / bins) + (p + 0.5) * (length / bins) / points for p in range(points)] for b in range(bins)]


def _four(image, y, x):
    """The four products around a point inside of an image."""
    (h, w), parts = image.shape, []
    for i in (0, 1):
        for j in (0, 1):
            row, column = int(y) + i, int(x) + j
            wy = 1 - abs(y - row) if row < h else 0.0
            wx = 1 - abs(x - column) if column < w else 0.0
            parts.append(wy * wx * image[min(row, h - 1), min(column, w - 1)])
    return parts


def aligned(x, rois, images, coordinate_transformation_mode="half_pixel", mode="avg", output_height=1,
            output_width=1, sampling_ratio=0, spatial_scale=1.0):
    values, regions = decode(x), decode(rois).astype(float)
    n, h, w = x.data.shape[0], x.data.shape[2], x.data.shape[3]
    out = np.zeros((len(regions), values.shape[1], output_height, output_width))
    shift = 0.5 if coordinate_transformation_mode == "half_pixel" else 0.0
    for r, roi in enumerate(regions):
        x1, y1, x2, y2 = roi * spatial_scale - shift
        wide, high = (x2 - x1, y2 - y1) if shift else (max(x2 - x1, 1), max(y2 - y1, 1))
        rows, columns = _points(y1, high, output_height, sampling_ratio), _points(x1, wide, output_width, sampling_ratio)
        for c, i, j in np.ndindex(out.shape[1:]):
            image, found, most = values[images[r] % n, c].astype(float), 0.0, []
            for y, z in itertools.product(rows[i], columns[j]):
                if not (-1 <= y <= h and -1 <= z <= w):
                    most.append(0.0)
                    continue
                y, z = min(max(y, 0.0), h - 1.0), min(max(z, 0.0), w - 1.0)
                found += _hats(y, h) @ image @ _hats(z, w)
                most += _four(image, y, z)
            count = len(rows[i]) * len(columns[j])
            out[r, c, i, j] = found / max(count, 1) if mode == "avg" else max(most, default=0.0)
    return encode(x.dtype, out)


def roi_cases(row):

    def one(graph, dtype, shape, rois, images, error=None, indices="i64", **a):
        rng = generator("roi_align", graph)
        x = encode(dtype, np.abs(decode(small(rng, dtype, shape)).astype(float)) - 0.5)
        boxes = encode(dtype, np.array(rois, float).reshape(-1, 4))
        which = encode(indices, np.array(images, int))
        y = aligned(x, boxes, [0] * len(images) if error else images, **a)
        return case(graph, "roi_align", {"x": x, "rois": boxes, "batch_indices": which}, y, a, error=error)

    boxes = [[0, 0, 6, 5], [1.5, 2.25, 4.75, 3.5], [3, 3, 3.5, 3.25], [-4, -2, 12, 9], [5, 4, 2, 1], [20, 20, 30, 30]]
    images = [0, 1, 1, 0, 1, 0]
    cases = []
    for t, mode, ratio in itertools.product(("half_pixel", "output_half_pixel"), ("avg", "max"), (0, 2)):
        a = {"coordinate_transformation_mode": t, "mode": mode, "sampling_ratio": ratio, "output_height": 3, "output_width": 2}
        cases.append(one("%s_%s_%d" % (t, mode, ratio), "f32", (2, 3, 7, 8), boxes, images, **a))
    cases += [
        one("scaled", "f32", (2, 1, 5, 6), [[4, 4, 30, 22], [0, 8, 13, 40]], [1, -2], spatial_scale=0.25, output_height=2, output_width=4),
        one("i32_indices", "f32", (2, 1, 5, 6), boxes[:2], [1, 0], indices="i32", output_width=2),
        one("lone_element", "f32", (1, 2, 1, 1), boxes[:3], [0, 0, 0], output_width=2),
        one("no_regions", "f32", (1, 2, 3, 3), [], []),
        one("image_beyond", "f32", (2, 1, 3, 3), boxes[:1], [2], RUN_INDEX),
        one("image_before", "f32", (2, 1, 3, 3), boxes[:1], [-3], RUN_INDEX),
    ]
    few = [[0, 0, 3, 2], [0.5, 1, 2, 2]]
    return cases + [one(t, t, (1, 2, 4, 5), few, [0, 0], output_height=2, output_width=2) for t in row["operands"][0]["types"] if t != "f32"]


def _half_away(v):
    return int(np.floor(abs(v) + 0.5)) * (1 if v > 0 else -1)


def pooled(x, rois, pooled_shape, spatial_scale=1.0):
    values, regions = decode(x), decode(rois).astype(float)
    h, w = values.shape[2:]
    out = np.zeros((len(regions), values.shape[1]) + tuple(pooled_shape), values.dtype)
    for r, roi in enumerate(regions):
        x1, y1, x2, y2 = (_half_away(v * spatial_scale) for v in roi[1:])
        for i, j in np.ndindex(tuple(pooled_shape)):
            wide, high = max(x2 - x1 + 1, 1), max(y2 - y1 + 1, 1)
            rows = slice(max(y1 + i * high // pooled_shape[0], 0), max(y1 - (-(i + 1) * high // pooled_shape[0]), 0))
            columns = slice(max(x1 + j * wide // pooled_shape[1], 0), max(x1 - (-(j + 1) * wide // pooled_shape[1]), 0))
            part = values[int(roi[0]), :, rows, columns]
            out[r, :, i, j] = part.max(axis=(1, 2)) if part.size else 0
    return encode(x.dtype, out)


def roi_pool_cases(row):

    def one(graph, dtype, shape, rois, error=None, **a):
        rng = generator("max_roi_pool", graph)
        x = sample(rng, dtype, shape)
        boxes = encode(dtype, np.array(rois, float).reshape(-1, 5))
        y = pooled(x, encode(dtype, decode(boxes) * [0, 1, 1, 1, 1]) if error else boxes, **a)
        return case(graph, "max_roi_pool", {"x": x, "rois": boxes}, y, a, error=error)

    boxes = [[0, 0, 0, 6, 5], [1, 1.5, 2.5, 4, 3], [1, 3, 3, 3, 3], [0, -4, -2, 12, 9], [1, 5, 4, 2, 1], [0, 20, 20, 30, 30]]
    cases = [
        one("f32_plain", "f32", (2, 3, 7, 8), boxes, pooled_shape=(2, 2)),
        one("f32_uneven", "f32", (2, 3, 7, 8), boxes, pooled_shape=(3, 5)),
        one("f32_scaled", "f32", (2, 1, 5, 6), [[1, 4, 4, 30, 22], [0, 0, 8, 13, 40]], pooled_shape=(2, 3), spatial_scale=0.25),
        one("f32_no_regions", "f32", (1, 2, 3, 3), [], pooled_shape=(1, 1)),
        one("image_beyond", "f32", (2, 1, 3, 3), [[2, 0, 0, 1, 1]], RUN_INDEX, pooled_shape=(1, 1)),
        one("image_before", "f32", (2, 1, 3, 3), [[-1, 0, 0, 1, 1]], RUN_INDEX, pooled_shape=(1, 1)),
    ]
    return cases + [one(t, t, (2, 2, 4, 5), boxes[:3], pooled_shape=(2, 2)) for t in row["operands"][0]["types"] if t != "f32"]


# ---- deformed windows ---------------------------------------------------------------------------


def deformed(x, w, offset, b=None, mask=None, dilations=(1, 1), group=1, kernel_shape=None, offset_group=1,
             pads=(0, 0, 0, 0), strides=(1, 1)):
    image, kernel, by = decode(x), decode(w), decode(offset)
    n, channels, height, width = image.shape
    kh, kw = kernel.shape[2:]
    oh, ow = by.shape[2:]
    by = by.reshape(n, offset_group, kh, kw, 2, oh, ow)
    weight = np.ones((n, offset_group, kh, kw, oh, ow)) if mask is None else decode(mask).reshape(n, offset_group, kh, kw, oh, ow)
    columns = np.zeros((n, channels, kh, kw, oh, ow))
    for i, c, k, j, y, z in np.ndindex(columns.shape):
        g = c // (channels // offset_group)
        row = y * strides[0] - pads[0] + k * dilations[0] + by[i, g, k, j, 0, y, z]
        column = z * strides[1] - pads[1] + j * dilations[1] + by[i, g, k, j, 1, y, z]
        columns[i, c, k, j, y, z] = _hats(row, height) @ image[i, c] @ _hats(column, width) * weight[i, g, k, j, y, z]
    parts = []
    for g in range(group):
        some = columns[:, g * kernel.shape[1]:(g + 1) * kernel.shape[1]]
        made = kernel.shape[0] // group
        parts.append(np.einsum("nckjyz,mckj->nmyz", some, kernel[g * made:(g + 1) * made]))
    y = np.concatenate(parts, 1)
    return encode(x.dtype, y if b is None else y + decode(b)[:, None, None])


def deform_cases(row):

    def one(graph, dtype, shape, w, bias=False, masked=False, **a):
        rng = generator("deform_conv", graph)
        n, channels, height, width = shape
        pads, strides, dilations = a.get("pads", (0,) * 4), a.get("strides", (1, 1)), a.get("dilations", (1, 1))
        oh = (height + pads[0] + pads[2] - dilations[0] * (w[2] - 1) - 1) // strides[0] + 1
        ow = (width + pads[1] + pads[3] - dilations[1] * (w[3] - 1) - 1) // strides[1] + 1
        planes = a.get("offset_group", 1) * w[2] * w[3]
        inputs = {"x": small(rng, dtype, shape), "w": small(rng, dtype, w), "offset": small(rng, dtype, (n, 2 * planes, oh, ow))}
        if bias:
            inputs["b"] = small(rng, dtype, w[:1])
        if masked:
            inputs["mask"] = small(rng, dtype, (n, planes, oh, ow))
        return case(graph, "deform_conv", inputs, deformed(**inputs, **a), a)

    cases = [
        one("f32_plain", "f32", (1, 1, 4, 4), (1, 1, 2, 2)),
        one("f32_all", "f32", (2, 4, 6, 5), (6, 2, 3, 2), True, True, group=2, offset_group=4, pads=(1, 0, 2, 1), strides=(2, 1), dilations=(1, 2)),
        one("f32_bias", "f32", (1, 2, 5, 5), (3, 2, 3, 3), True, pads=(1, 1, 1, 1), kernel_shape=(3, 3)),
        one("f32_mask", "f32", (1, 2, 5, 4), (2, 2, 2, 2), False, True),
        one("f32_offset_groups", "f32", (1, 6, 4, 4), (2, 6, 2, 1), offset_group=3),
        one("f32_many_channels", "f32", (1, 2, 3, 3), (130, 2, 2, 2), True),
        one("f32_empty", "f32", (0, 1, 3, 3), (1, 1, 2, 2)),
    ]
    return cases + [one(t, t, (1, 2, 4, 3), (2, 2, 2, 2), True) for t in row["operands"][0]["types"] if t != "f32"]


CASES = {"resize": resize_cases, "grid_sample": grid_cases, "affine_grid": affine_cases, "roi_align": roi_cases,
         "max_roi_pool": roi_pool_cases, "deform_conv": deform_cases}
