"""Goldens of images: resizing."""
import numpy as np

from cases import case
from formats import Tensor, bounds, decode, encode, generator, is_float, rounded, sample, small

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
            size = int(np.floor(n * factor)) if sizes is None else sizes[k]
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
    low, high = bounds(x.dtype)
    exact = [min(max(int(np.rint(v)), low), high) for v in np.where(out, extra, taken).ravel()]
    return encode(x.dtype, np.array(exact, object).astype("u8" if x.dtype[0] == "u" else "i8").reshape(out.shape))


COORDINATES = ("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
               "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize")


def resize_cases(row):
    op = row["name"]
    rng = generator(op)

    def one(graph, dtype, shape, roi=None, scale=None, **a):
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


CASES = {"resize": resize_cases}
