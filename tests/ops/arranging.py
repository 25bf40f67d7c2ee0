"""Goldens of rows, channels, windows and matrices that are searched, normalised, undone or counted."""
import itertools

import numpy as np

from cases import RUN_INDEX, Name, case, others
from formats import Tensor, decode, encode, generator, like, rounded, sample, small


def _i64(values):
    return encode("i64", np.array(values))


# ---- rows and channels --------------------------------------------------------------------------


def hardest(x_tensor, axis=-1):
    x = decode(x_tensor)
    if x.ndim == 0:
        return encode(x_tensor.dtype, np.ones(()))
    if x.size == 0:
        return x_tensor
    best = np.expand_dims(np.argmax(x, axis), axis)  # of a NaN if there is one
    y = np.zeros(x.shape)
    np.put_along_axis(y, best, 1, axis)
    return encode(x_tensor.dtype, y)


def hardmax_cases(row):
    rng = generator("hardmax")

    def one(graph, x, **a):
        return case(graph, "hardmax", {"input": x}, hardest(x, **a), a)

    special = encode("f32", np.array([[1, np.nan, 5, np.nan], [-np.inf, -np.inf, -np.inf, -np.inf], [2, 7, 7, 1]]))
    cases = [
        one("f32_last", sample(rng, "f32", (3, 7))),
        one("f32_first", sample(rng, "f32", (5, 3)), axis=0),
        one("f32_middle", sample(rng, "f32", (2, 4, 3)), axis=1),
        one("f32_rank6", sample(rng, "f32", (1, 2, 3, 1, 2, 2)), axis=-4),
        one("f32_special", special),
        one("f32_scalar", sample(rng, "f32", ())),
        one("f32_empty", sample(rng, "f32", (0, 3))),
        one("f32_none", sample(rng, "f32", (3, 0))),
    ]
    return cases + [one(t, sample(rng, t, (3, 5))) for t in others(row)]


def mean_variance_cases(row):
    rng = generator("mean_variance_normalization")

    def one(graph, x, **a):
        wide = decode(x)
        axes = tuple(a.get("axes", (0, 2, 3)))
        mean = wide.mean(axes, keepdims=True) if wide.size else 0
        deviation = np.sqrt(((wide - mean)**2).mean(axes, keepdims=True)) if wide.size else 1
        return case(graph, "mean_variance_normalization", {"x": x},
                    encode(x.dtype, (wide - mean) / (deviation + 1e-9)), a)

    cases = [
        one("f32_image", sample(rng, "f32", (3, 2, 4, 5))),
        one("f32_last", sample(rng, "f32", (3, 9)), axes=[-1]),
        one("f32_volume", sample(rng, "f32", (1, 2, 3, 2, 4)), axes=[2, 3, 4]),
        one("f32_all", sample(rng, "f32", (3, 5)), axes=[0, 1]),
        one("f32_constant", encode("f32", np.ones((2, 4))), axes=[1]),
        one("f32_empty", sample(rng, "f32", (0, 2, 3, 4))),
    ]
    return cases + [one(t, sample(rng, t, (2, 3, 2, 2))) for t in others(row)]


def lp_normalization_cases(row):
    rng = generator("lp_normalization")

    def one(graph, x, axis=-1, p=2):
        wide = decode(x)
        if wide.ndim == 0:
            y = np.sign(wide)
        else:
            norm = (np.abs(wide)**p).sum(axis, keepdims=True)**(1 / wide.dtype.type(p))
            y = np.where(norm == 0, 0, wide / np.where(norm == 0, 1, norm))
        return case(graph, "lp_normalization", {"input": x}, encode(x.dtype, y), {"axis": axis, "p": p})

    zeros = encode("f32", np.array([[0.0, 0.0, 0.0], [3.0, 0.0, -4.0]]))
    cases = [
        one("f32_last", sample(rng, "f32", (3, 7))),
        one("f32_first", sample(rng, "f32", (5, 3)), axis=0),
        one("f32_1", sample(rng, "f32", (2, 4, 3)), axis=1, p=1),
        one("f32_zeros", zeros),
        one("f32_1_zeros", zeros, p=1),
        one("f32_rank6", sample(rng, "f32", (1, 2, 3, 1, 2, 2)), axis=2),
        one("f32_scalar", sample(rng, "f32", ())),
        one("f32_empty", sample(rng, "f32", (0, 3))),
    ]
    return cases + [one(t, sample(rng, t, (3, 5))) for t in others(row)]


def lrn_cases(row):
    rng = generator("lrn")

    def one(graph, x, size, alpha=0.0001, beta=0.75, bias=1.0):
        wide, before = decode(x), (size - 1) // 2
        alpha_, beta_, bias_ = (wide.dtype.type(rounded(v, x.dtype)) for v in (alpha, beta, bias))
        squares = np.zeros_like(wide)
        for c in range(wide.shape[1]):
            squares[:, c] = (wide[:, max(0, c - before):max(0, c - before + size)]**2).sum(1)
        y = wide / (bias_ + alpha_ / size * squares)**beta_
        a = {"size": size, "alpha": alpha, "beta": beta, "bias": bias}
        return case(graph, "lrn", {"x": x}, encode(x.dtype, y), a)

    cases = [
        one("f32_default", sample(rng, "f32", (2, 5, 3, 4)), 3),
        one("f32_even", sample(rng, "f32", (1, 7, 2, 2)), 4, 0.5, 0.6, 2.0),
        one("f32_wide", sample(rng, "f32", (2, 3, 4)), 9, 1.0, 0.5, 1.0),
        one("f32_one", sample(rng, "f32", (2, 3, 2)), 1, 0.7),
        one("f32_matrix", sample(rng, "f32", (2, 6)), 5, 0.3),
        one("f32_volume", sample(rng, "f32", (1, 4, 2, 1, 2)), 3, 0.2, 0.75, 0.5),
        one("f32_empty", sample(rng, "f32", (0, 3, 2)), 3),
    ]
    return cases + [one(t, sample(rng, t, (1, 4, 3)), 3, 0.5) for t in others(row)]


# ---- matrices -----------------------------------------------------------------------------------


def _eliminated(matrix):
    """The product of the pivots, and the triangle; the largest element of a column is its pivot."""
    a, product = matrix.copy(), matrix.dtype.type(1)
    for k in range(len(a)):
        p = k + int(np.argmax(np.abs(a[k:, k])))
        if p != k:
            a[[k, p]] = a[[p, k]]
            product = -product
        product *= a[k, k]
        if a[k, k] != 0:
            factors = a[k + 1:, k] / a[k, k]
            a[k + 1:] -= factors[:, None] * a[k]
            a[k + 1:, k] = 0
    return product, a


def det_cases(row):
    rng = generator("det")

    def one(graph, x):
        wide = decode(x)
        y, u = np.zeros(wide.shape[:-2], wide.dtype), np.zeros_like(wide)
        for at in np.ndindex(wide.shape[:-2]):
            y[at], u[at] = _eliminated(wide[at])
        kind = "f64" if x.dtype == "f64" else "f32"
        return case(graph, "det", {"x": x}, {"y": encode(x.dtype, y), "u": encode(kind, u)})

    cases = [
        one("f32_2", encode("f32", np.array([[0.0, 1], [2, 3]]))),
        one("f32_5", sample(rng, "f32", (5, 5))),
        one("f32_batch", sample(rng, "f32", (3, 4, 4))),
        one("f32_batches", sample(rng, "f32", (2, 3, 3, 3))),
        one("f32_1", sample(rng, "f32", (2, 1, 1))),
        one("f32_singular", encode("f32", np.array([[1.0, 2, 3], [2, 4, 6], [1, 0, 1]]))),
        one("f32_zero", encode("f32", np.zeros((3, 3)))),
        one("f32_0", encode("f32", np.zeros((2, 0, 0)))),
        one("f32_empty", encode("f32", np.zeros((0, 2, 2)))),
    ]
    for t in others(row):  # numbers that the narrow types have
        cases.append(one(t, encode(t, np.array([[2.0, 1, 0], [4, 1, 1], [1, 1, 2]]))))
    return cases


# ---- windows ------------------------------------------------------------------------------------


def global_lp_pool_cases(row):
    rng = generator("global_lp_pool")

    def one(graph, x, p=2):
        wide = np.abs(decode(x))
        y = (wide**p).sum(tuple(range(2, wide.ndim)), keepdims=True)**(1 / wide.dtype.type(p))
        return case(graph, "global_lp_pool", {"x": x}, encode(x.dtype, y), {"p": p})

    cases = [
        one("f32_image", sample(rng, "f32", (2, 3, 4, 5))),
        one("f32_1", sample(rng, "f32", (2, 3, 7)), 1),
        one("f32_3", sample(rng, "f32", (1, 2, 3, 4)), 3),
        one("f32_volume", sample(rng, "f32", (1, 2, 3, 2, 2))),
        one("f32_empty", sample(rng, "f32", (0, 2, 3))),
        one("f32_of_none", sample(rng, "f32", (2, 2, 0))),
    ]
    return cases + [one(t, sample(rng, t, (1, 2, 3))) for t in others(row)]


def max_unpool_cases(row):
    rng = generator("max_unpool")

    def one(graph, dtype, shape, kernel_shape, strides=None, pads=None, output_shape=None, wrong=None):
        x = sample(rng, dtype, shape)
        n = len(kernel_shape)
        s, p = strides or [1] * n, pads or [0] * 2 * n
        pooled = list(shape[:2]) + [(shape[2 + i] - 1) * s[i] + kernel_shape[i] - p[i] - p[i + n] for i in range(n)]
        size = int(np.prod(pooled))
        indices = rng.permutation(size)[:x.data.size].reshape(shape)
        indices -= size * rng.randint(0, 2, shape)
        flat = np.zeros(size, x.data.dtype)
        flat[indices] = x.data
        y = np.zeros(output_shape or pooled, x.data.dtype)
        y[tuple(slice(k) for k in pooled)] = flat.reshape(pooled)
        if wrong is not None:
            indices.flat[-1] = size if wrong else -size - 1
        given = {"kernel_shape": kernel_shape, "strides": strides, "pads": pads, "output_shape": output_shape}
        return case(graph, "max_unpool", {"x": x, "i": encode("i64", indices)}, like(x, y),
                    {k: v for k, v in given.items() if v}, error=None if wrong is None else RUN_INDEX)

    cases = [
        one("f32_image", "f32", (1, 2, 2, 3), [2, 2], [2, 2]),
        one("f32_overlap", "f32", (2, 1, 3, 2), [3, 2]),
        one("f32_pads", "f32", (1, 2, 3, 3), [3, 3], [2, 2], [1, 1, 1, 0]),
        one("f32_output_shape", "f32", (1, 2, 2, 2), [2, 2], [2, 2], None, [1, 2, 5, 6]),
        one("f32_line", "f32", (2, 3, 4), [2], [2]),
        one("f32_volume", "f32", (1, 1, 2, 2, 2), [2, 1, 2], [2, 1, 2]),
        one("f32_one", "f32", (1, 1, 1), [3]),
        one("too_large", "f32", (1, 1, 2, 2), [2, 2], [2, 2], wrong=True),
        one("too_small", "f32", (1, 1, 2, 2), [2, 2], [2, 2], wrong=False),
    ]
    return cases + [one(t, t, (1, 2, 3), [2], [2]) for t in others(row)]


def images(x, image, block, strides, pads, dilations):
    n, taps = len(image), int(np.prod(block))
    windows = [(image[i] + pads[i] + pads[i + n] - dilations[i] * (block[i] - 1) - 1) // strides[i] + 1 for i in range(n)]
    wide = [image[i] + pads[i] + pads[i + n] for i in range(n)]
    parts = x.reshape([x.shape[0], x.shape[1] // taps] + list(block) + windows)
    y = np.zeros(parts.shape[:2] + tuple(wide), x.dtype)
    for k in itertools.product(*map(range, block)):
        place = tuple(slice(k[i] * dilations[i], k[i] * dilations[i] + strides[i] * (windows[i] - 1) + 1, strides[i]) for i in range(n))
        y[(Ellipsis,) + place] += parts[(slice(None), slice(None)) + k]
    return y[(Ellipsis,) + tuple(slice(pads[i], pads[i] + image[i]) for i in range(n))]


def col2im_cases(row):
    rng = generator("col2im")

    def one(graph, dtype, batch, channels, image, block, **a):
        n = len(image)
        all_of = {"strides": [1] * n, "pads": [0] * 2 * n, "dilations": [1] * n, **a}
        s, p, d = (all_of[k] for k in ("strides", "pads", "dilations"))
        windows = int(np.prod([(image[i] + p[i] + p[i + n] - d[i] * (block[i] - 1) - 1) // s[i] + 1 for i in range(n)]))
        x = small(rng, dtype, (batch, channels * int(np.prod(block)), windows))
        y = images(decode(x), image, block, s, p, d)
        return case(graph, "col2im", {"input": x}, encode(dtype, y),
                    {"image_shape": image, "block_shape": block, **a})

    cases = [
        one("f32_columns", "f32", 1, 1, [5, 5], [1, 5]),
        one("f32_overlap", "f32", 2, 3, [4, 5], [2, 3]),
        one("f32_strides", "f32", 1, 2, [7, 6], [3, 2], strides=[2, 2]),
        one("f32_pads", "f32", 1, 1, [5, 5], [1, 5], pads=[0, 1, 0, 1]),
        one("f32_dilations", "f32", 1, 2, [6, 6], [2, 2], dilations=[1, 5]),
        one("f32_all", "f32", 2, 1, [8, 7], [2, 3], strides=[3, 1], pads=[1, 0, 2, 1], dilations=[2, 2]),
        one("f32_line", "f32", 2, 2, [9], [4], strides=[3]),
        one("f32_volume", "f32", 1, 2, [3, 4, 4], [1, 3, 2]),
        one("f32_empty", "f32", 0, 2, [4, 4], [2, 2]),
    ]
    return cases + [one(t, t, 1, 2, [4], [2]) for t in others(row)]


# ---- turning, cropping, counting ----------------------------------------------------------------


def eye_like_cases(row):
    rng = generator("eye_like")

    def one(graph, x, **a):
        dtype = a.pop("to", None) or x.dtype
        shape = x.data.shape
        here = np.arange(shape[1])[None, :] - np.arange(shape[0])[:, None] == a.get("k", 0)
        y = Tensor("bool", here) if dtype == "bool" else encode(dtype, here.astype(np.float64))
        if dtype != x.dtype:
            a["dtype"] = Name(dtype)
        return case(graph, "eye_like", {"input": x}, y, a)

    cases = [
        one("f32_square", sample(rng, "f32", (4, 4))),
        one("f32_wide", sample(rng, "f32", (3, 5)), k=1),
        one("f32_tall", sample(rng, "f32", (5, 3)), k=-2),
        one("f32_far", sample(rng, "f32", (3, 3)), k=9),
        one("f32_farthest", sample(rng, "f32", (3, 3)), k=-2**63),
        one("f32_empty", sample(rng, "f32", (0, 3))),
        one("f32_to_f64", sample(rng, "f32", (3, 4)), to="f64", k=-1),
        one("i32_to_bool", sample(rng, "i32", (3, 4)), to="bool"),
    ]
    return cases + [one(t, sample(rng, t, (3, 4)), k=1) for t in others(row)]


def reverse_sequence_cases(row):
    rng = generator("reverse_sequence")

    def one(graph, dtype, shape, lens, batch_axis=1, time_axis=0, error=None):
        x = sample(rng, dtype, shape)
        y = x.data.copy()
        for b, n in enumerate(lens.data):
            part = np.moveaxis(y, (batch_axis, time_axis), (0, 1))[b]
            part[:max(0, n)] = part[:max(0, n)][::-1].copy()
        return case(graph, "reverse_sequence", {"input": x, "sequence_lens": lens}, like(x, y),
                    {"batch_axis": batch_axis, "time_axis": time_axis}, error=error)

    cases = [
        one("f32_time", "f32", (4, 4), _i64([4, 3, 2, 1])),
        one("f32_batch", "f32", (4, 4), _i64([1, 2, 3, 4]), 0, 1),
        one("f32_more", "f32", (3, 5, 2), _i64([0, 5, 2]), 0, 1),
        one("f32_rank5", "f32", (3, 2, 1, 2, 2), _i64([3, 2])),
        one("f32_i32", "f32", (3, 2), encode("i32", np.array([2, 3]))),
        one("f32_empty", "f32", (3, 0), encode("i64", np.zeros((0,)))),
        one("too_long", "f32", (3, 2), _i64([1, 4]), error=RUN_INDEX),
        one("negative", "f32", (3, 2), _i64([-1, 1]), error=RUN_INDEX),
    ]
    return cases + [one(t, t, (3, 4), _i64([3, 1, 2, 0])) for t in others(row)]


def center_crop_pad_cases(row):
    rng = generator("center_crop_pad")

    def one(graph, dtype, shape, want, axes=None):
        x = sample(rng, dtype, shape)
        y = x.data
        for axis, n in zip(range(len(shape)) if axes is None else axes, want):
            have = y.shape[axis]
            start = abs(have - n) // 2
            if n <= have:
                y = np.take(y, range(start, start + n), axis)
            else:
                width = [(0, 0)] * y.ndim
                width[axis] = (start, n - have - start)
                y = np.pad(y, width)
        a = {"shape": want} if axes is None else {"shape": want, "axes": axes}
        return case(graph, "center_crop_pad", {"input_data": x}, like(x, y), a)

    cases = [
        one("f32_crop", "f32", (5, 6), [2, 3]),
        one("f32_pad", "f32", (2, 3), [5, 6]),
        one("f32_both", "f32", (4, 5, 3), [7, 2, 3]),
        one("f32_axes", "f32", (5, 4, 7), [2, 8], [-1, 1]),
        one("f32_odd", "f32", (5, 2), [4, 5]),
        one("f32_rank6", "f32", (1, 3, 2, 1, 4, 2), [2, 1], [0, 4]),
        one("f32_to_none", "f32", (3, 2), [0, 2]),
        one("f32_from_none", "f32", (0, 2), [2, 3]),
    ]
    return cases + [one(t, t, (4, 3), [3, 5]) for t in others(row)]


def tfidf_vectorizer_cases(row):
    rng = generator("tfidf_vectorizer")

    def one(graph, x, pool, counts, columns, mode="TF", grams=(1, 2), skips=0, weights=None):
        words = x.dtype == "u8"
        key = (lambda v: bytes(v).rstrip(b"\0")) if words else int
        items, rows = pool.data, x.data if x.data.ndim == 2 + words else x.data[None]
        ngrams = []
        for k, begin in enumerate(counts):
            end = counts[k + 1] if k + 1 < len(counts) else len(items)
            ngrams += [tuple(map(key, items[i:i + k + 1])) for i in range(begin, end, k + 1)]
        y = np.zeros((len(rows), max(columns) + 1))
        for b, sequence in enumerate(rows):
            found = [key(v) for v in sequence]
            for ngram, column, weight in zip(ngrams, columns, np.array(weights or [1] * len(columns), np.float32)):
                if not grams[0] <= len(ngram) <= grams[1]:
                    continue
                count = 0
                for step in range(1, 2 + (skips if len(ngram) > 1 else 0)):
                    reach = (len(ngram) - 1) * step
                    count += sum(tuple(found[s:s + reach + 1:step]) == ngram for s in range(len(found) - reach))
                y[b, column] += {"TF": count, "IDF": (count > 0) * float(weight), "TFIDF": count * float(weight)}[mode]
        y = y if x.data.ndim == 2 + words else y[0]
        a = {"max_gram_length": grams[1], "max_skip_count": skips, "min_gram_length": grams[0], "mode": mode,
             "ngram_counts": counts, "ngram_indexes": columns}
        if weights:
            a["weights"] = weights
        return case(graph, "tfidf_vectorizer", {"x": x, "pool": pool}, encode("f32", y), a)

    def words(shape, length, *texts):
        data = np.zeros((len(texts), length), np.uint8)
        for i, text in enumerate(texts):
            data[i, :len(text)] = list(text.encode())
        return Tensor("u8", data.reshape(tuple(shape) + (length,)))

    ints = (lambda dtype, v: encode(dtype, np.array(v)))
    x = [[1, 1, 3, 3, 3, 7], [8, 6, 7, 5, 6, 8]]
    pool = [2, 3, 5, 4, 5, 6, 7, 8, 6, 7]
    given = (ints("i32", pool), [0, 4], [0, 1, 2, 3, 4, 5, 6])
    weights = [0.5, 2.0, 1.5, 0.25, 3.0, 0.1, 0.7]
    text = words((6,), 4, "a", "bb", "a", "ccc", "bb", "a")
    return [
        one("i32_uni_and_bigrams", ints("i32", x), *given),
        one("i32_bigrams", ints("i32", x), *given, grams=(2, 2)),
        one("i32_skips", ints("i32", x), *given, skips=5),
        one("i32_only_skips", ints("i32", x), *given, grams=(2, 2), skips=3),
        one("i32_sequence", ints("i32", x[1]), *given, skips=1),
        one("i64_idf", ints("i64", x), ints("i64", pool), *given[1:], mode="IDF", weights=weights),
        one("i64_tfidf", ints("i64", x), ints("i64", pool), *given[1:], mode="TFIDF", weights=weights, skips=1),
        one("i64_idf_without_weights", ints("i64", x), ints("i64", pool), *given[1:], mode="IDF"),
        one("i64_two_in_a_column", ints("i64", x), ints("i64", pool), [0, 4], [1, 0, 2, 2, 1, 0, 1], mode="TFIDF", weights=weights),
        one("i64_tfidf_without_weights", ints("i64", x), ints("i64", pool), *given[1:], mode="TFIDF"),
        one("i64_trigrams", ints("i64", [[1, 2, 3, 1, 2, 3, 1]]), ints("i64", [1, 2, 1, 2, 1, 2, 3, 1, 3, 2]), [0, 2, 4],
            [4, 0, 2, 1, 2], grams=(1, 3), skips=2),
        one("i32_no_items", ints("i32", np.zeros((2, 0))), *given),
        one("u8_words", text, words((4,), 3, "a", "bb", "a", "bb"), [0, 2], [0, 1, 2]),
        one("u8_longer_words", text, words((4,), 6, "a", "ccccc", "ccc", "bb"), [0, 2], [2, 1, 0], skips=2),
        one("u8_batch", words((2, 3), 2, "a", "b", "a", "b", "a", ""), words((4,), 2, "b", "a", "a", "b"), [0, 2], [0, 1, 2]),
        one("i32_wide", ints("i32", rng.randint(0, 4, (3, 30))), ints("i32", [0, 3, 1, 1, 2, 3]), [0, 2], [1, 0, 2, 3], skips=7),
    ]


CASES = {
    "hardmax": hardmax_cases,
    "mean_variance_normalization": mean_variance_cases,
    "lp_normalization": lp_normalization_cases,
    "lrn": lrn_cases,
    "det": det_cases,
    "global_lp_pool": global_lp_pool_cases,
    "max_unpool": max_unpool_cases,
    "col2im": col2im_cases,
    "eye_like": eye_like_cases,
    "reverse_sequence": reverse_sequence_cases,
    "center_crop_pad": center_crop_pad_cases,
    "tfidf_vectorizer": tfidf_vectorizer_cases,
}
