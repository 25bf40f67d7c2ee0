"""Arrays in float64 with a bound on how far a computation in f32 may be from them.

A Bounded is a value v and a bound e: every element of an f32 result lies within e of v. Each operation
carries the operands' bounds through and adds its own rounding: half an ULP for + - * /, 4 ULP for
functions, gamma_n = n u / (1 - n u) for sums of n products, in whatever order they are added."""
import numpy as np

U = 2.0 ** -24  # the unit roundoff of f32
TINY = 2.0 ** -149


def gamma(n):
    return n * U / (1 - n * U)


def ulp(v):
    """The spacing of f32 numbers at v."""
    return np.maximum(2.0 ** (np.floor(np.log2(np.maximum(np.abs(v), 2.0 ** -126))) - 23), TINY)


class Bounded:
    def __init__(self, v, e=0.0):
        self.v = np.asarray(v, np.float64)
        self.e = np.broadcast_to(np.asarray(e, np.float64), self.v.shape)

    def rounded(self, ulps=0.5):
        return Bounded(self.v, self.e + ulps * ulp(np.abs(self.v) + self.e))

    def reshape(self, *shape):
        return Bounded(self.v.reshape(shape), self.e.reshape(shape))

    def __getitem__(self, key):
        return Bounded(self.v[key], self.e[key])

    def __setitem__(self, key, value):
        self.e = self.e.copy()
        self.v[key], self.e[key] = value.v, value.e


def exact(v):
    return Bounded(np.asarray(v, np.float32).astype(np.float64))


def add(a, b):
    return Bounded(a.v + b.v, a.e + b.e).rounded()


def mul(a, b):
    return Bounded(a.v * b.v, np.abs(a.v) * b.e + a.e * np.abs(b.v) + a.e * b.e).rounded()


def div(a, b):
    v, least = a.v / b.v, np.abs(b.v) - b.e
    assert np.all(least > 0)
    return Bounded(v, (a.e + np.abs(v) * b.e) / least).rounded()


def matmul(a, b):
    n = a.v.shape[-1]
    size = (np.abs(a.v) + a.e) @ (np.abs(b.v) + b.e)
    return Bounded(a.v @ b.v, gamma(n) * size + a.e @ np.abs(b.v) + np.abs(a.v) @ b.e + a.e @ b.e + n * TINY)


def function(f, slope, a, ulps=4):
    """f, whose derivative is nowhere steeper than slope."""
    return Bounded(f(a.v), slope * a.e).rounded(ulps)


def relu(a):
    return Bounded(np.maximum(a.v, 0), a.e)


def gelu(a):
    erf = np.vectorize(__import__('math').erf)
    return function(lambda x: 0.5 * x * (1 + erf(x / np.sqrt(2))), 1.13, a)


def silu(a):
    return function(lambda x: x / (1 + np.exp(-x)), 1.1, a)


def softmax(a):
    """Along the last axis: exp(a - max) over the sum of these."""
    top = a.v.max(axis=-1, keepdims=True)
    shifted = Bounded(a.v - top, a.e + a.e.max(axis=-1, keepdims=True)).rounded()
    power = Bounded(np.exp(shifted.v), np.exp(shifted.v) * np.expm1(shifted.e)).rounded(4)
    total = power.v.sum(axis=-1, keepdims=True)
    bound = power.e.sum(axis=-1, keepdims=True) + gamma(a.v.shape[-1]) * (power.v + power.e).sum(axis=-1, keepdims=True)
    return div(power, Bounded(total, bound)).rounded()


def rms_norm(x, scale, epsilon):
    n = x.v.shape[-1]
    square = np.mean(x.v ** 2, axis=-1, keepdims=True) + epsilon
    bound = np.mean(2 * np.abs(x.v) * x.e + x.e ** 2, axis=-1, keepdims=True) + gamma(n + 3) * square
    root = Bounded(np.sqrt(square), bound / (2 * np.sqrt(square - bound))).rounded(4)
    return mul(div(x, root).rounded(), scale)


def rope(x, position, base=10000.0):
    """Of [..., 1, D]: neighbours turn by position / base^(2i/D)."""
    angle = position / base ** (np.arange(0, x.v.shape[-1], 2) / x.v.shape[-1])
    slack = 8 * U * np.abs(angle)  # the angle itself has a power and a division in it
    cos, sin = Bounded(np.cos(angle), slack).rounded(4), Bounded(np.sin(angle), slack).rounded(4)
    a, b = x[..., 0::2], x[..., 1::2]
    minus = Bounded(-sin.v, sin.e)
    out = Bounded(np.zeros_like(x.v), np.zeros_like(x.e))
    out[..., 0::2] = add(mul(a, cos), mul(b, minus))
    out[..., 1::2] = add(mul(a, sin), mul(b, cos))
    return out


def attention(q, k, v):
    """One query row a head over the keys; heads share keys in groups."""
    heads, groups = q.v.shape[0], q.v.shape[0] // k.v.shape[0]
    rows = []
    for h in range(heads):
        keys, values = k[h // groups], v[h // groups]
        scores = matmul(q[h], Bounded(keys.v.T, keys.e.T))
        scores = mul(scores, Bounded(1 / np.sqrt(q.v.shape[-1])).rounded())
        rows.append(matmul(softmax(scores), values))
    return Bounded(np.stack([r.v for r in rows]), np.stack([r.e for r in rows]))
