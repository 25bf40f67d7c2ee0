"""Elements of inputs and weights, and how close two results must be."""
import numpy as np

from formats import STORAGE, Tensor, decode, encode, is_float, sample

# How far noise moves a factor from 1: some units of the last place. A type of few bits has none smaller than its last one.
NOISE = {"f64": 2.0 ** -44, "f32": 2.0 ** -19, "f16": 2.0 ** -10, "bf16": 2.0 ** -7, "f8e4m3": 2.0 ** -3, "f8e5m2": 2.0 ** -2}
TINY = {"f64": 2.0 ** -1074, "f32": 2.0 ** -149, "f16": 2.0 ** -24, "bf16": 2.0 ** -133}
SLACK = 12  # what is allowed, in times of what noise makes
PICTURES = [b"P5 2 2 255\n\x01\x02\x03\x04", b"P6 1 2 255\nabcdef", b"P4 3 2\n\xa0\x40", b"BM", b"\x89PNG\r\n\x1a\n", b"II*\0", b"\xff\xd8\xff", b""]


def numbers(rng, v, shape):
    kind = v.data[0]
    n = int(np.prod(shape, dtype=int))
    if kind in ("int", "index"):
        return rng.randint(v.data[1], v.data[2], shape)
    if kind == "pos":
        return rng.uniform(0.1, 2, shape)
    if kind == "neg":
        return rng.uniform(-2, 0, shape)
    if kind == "unit":
        return rng.uniform(-0.95, 0.95, shape)
    if kind == "scaled":
        return rng.standard_normal(shape) * v.data[1]
    if kind == "prob":
        return rng.uniform(0.05, 0.95, shape)
    if kind == "ge1":
        return 1 + np.abs(rng.standard_normal(shape))
    if kind == "nonzero":
        away = rng.choice([-1, 1], shape) if v.dtype[0] not in "u" else np.ones(shape, int)
        return away * (rng.randint(1, 8, shape) if not is_float(v.dtype) else 0.3 + np.abs(rng.standard_normal(shape)))
    if kind == "distinct":
        return rng.permutation(v.data[2])[:n].reshape(shape)
    if kind == "fixed":
        return np.array(v.data[1]).reshape(shape)
    if kind == "boxes":
        boxes = np.sort(rng.uniform(0, 6, shape), axis=-1)
        if shape[-1] == 5:
            boxes[..., 0] = 0
        return boxes
    if kind == "picture":
        data = PICTURES[rng.randint(len(PICTURES))] + bytes(rng.randint(0, 256, n, dtype=np.uint8))
        return np.frombuffer(data[:n], np.uint8)
    raise KeyError(kind)


def draw(rng, v, shape):
    """The elements of an input or a weight, as stored."""
    if v.data:
        values = np.asarray(numbers(rng, v, shape))
        if v.dtype == "bool":
            return values.astype(bool)
        return encode(v.dtype, values.astype(np.float64) if is_float(v.dtype) else values).data
    if is_float(v.dtype):
        if rng.randint(6) == 0:
            return encode(v.dtype, rng.randint(-3, 4, shape).astype(np.float64)).data
        return encode(v.dtype, np.asarray(rng.standard_normal(shape) * 1.5)).data
    return sample(rng, v.dtype, tuple(shape)).data


# What a product may be off by where a factor has no normal number: 128 of the smallest numbers.
TAIL = {"f64": 2.0 ** -1067, "f32": 2.0 ** -142}


def noise(rng, dtype, shape, near, terms=1):
    """Numbers near 1, or near 0: "zero"; none, or of the size of TAIL: "tail"; a number whose last place is TAIL: "unit"; of integers, steps."""
    if dtype not in NOISE:
        most = 2048 if dtype in ("i64", "u64") else 1  # the sums are in f64, whose numbers of 64 bits are so far apart
        return encode(dtype, rng.randint(-most, most + 1, shape)).data  # less by what wraps around, where there is no sign
    sign = rng.choice([-1.0, 1.0], shape)
    far = max(NOISE[dtype], terms * (2.0 ** -55 if dtype == "f64" else 2.0 ** -26))
    if near == "unit":
        return encode(dtype, np.full(shape, TAIL[dtype] * 2.0 ** (52 if dtype == "f64" else 23))).data
    if near == "tail":
        far, sign = TAIL[dtype], rng.choice([-1.0, 0.0, 1.0], shape)
    part = rng.uniform(0.5, 1, shape) if dtype in ("f64", "f32") else 1.0
    return encode(dtype, np.asarray((near == "one") + sign * far * part)).data


def save(path, array):
    np.save(path, np.ascontiguousarray(array).reshape(np.shape(array)))


def differ(dtype, got, want, noisy, any_infinity=False):
    """None, or where a result lies further from the simulator's than noise explains. noisy: what came out with noise.
    any_infinity: what lies between two operations need not have been rounded, so it need not have become infinite."""
    if got.shape != want.shape or got.dtype != want.dtype:
        return "is %s %s, not %s %s" % (got.dtype, got.shape, want.dtype, want.shape)
    if dtype == "bool":
        got, want, noisy = got.astype(int), want.astype(int), [n.astype(int) for n in noisy]
        g, w, ns = got, want, noisy
    else:
        g, w = decode(Tensor(dtype, got)), decode(Tensor(dtype, want))
        ns = [decode(Tensor(dtype, n)) for n in noisy]
    g, w = np.atleast_1d(g), np.atleast_1d(w)
    with np.errstate(all="ignore"):
        if not is_float(dtype):
            same = g == w
            moved = np.zeros(g.shape)
            for n in ns:
                n = np.atleast_1d(n)
                moved = np.maximum(moved, np.where(n == w, 0.0, np.abs(n.astype(float) - w.astype(float)) + 1))
            bad = ~same & (np.abs(g.astype(float) - w.astype(float)) > SLACK * moved)
        else:
            same = (g == w) | (np.isnan(g) & np.isnan(w))
            moved = np.zeros(g.shape)
            for n in ns:
                n = np.atleast_1d(n)
                alike = (n == w) | (np.isnan(n) & np.isnan(w))
                m = np.where(alike, 0.0, np.abs(n - w).astype(float))
                moved = np.maximum(moved, np.where(np.isfinite(m), m, np.inf))
            far = np.abs(g - w).astype(float)
            close = SLACK * moved + (64 * TINY[dtype] if ns and dtype in TINY else 0)  # what is denormal has few digits
            bad = ~same & ~(far <= close) & ~np.isinf(moved)
            if any_infinity:
                bad &= np.isfinite(g) & np.isfinite(w)
    if not bad.any():
        return None
    at = tuple(np.argwhere(bad)[0])
    return "at %s of %s: %r, not %r (noise moves it by %.3g); %d of %d elements" % (list(map(int, at)), list(got.shape), g[at], w[at], moved[at], int(bad.sum()), bad.size)
