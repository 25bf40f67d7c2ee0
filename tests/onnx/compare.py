"""How far an output is from what it must be, and whether that is near enough."""
import re

import numpy as np

import pb
import suite
from ports import Fault

BFLOAT16_RTOL = 2.0 ** -6  # as the standard's own runner has it


class Worst:
    """The largest differences of a test so far: in units of the last place, and absolute."""

    def __init__(self):
        self.ulp, self.error = 0, 0.0

    def add(self, ulp, error):
        self.ulp, self.error = max(self.ulp, int(ulp)), max(self.error, float(error))


def ordered(a, bits):
    """Floats as integers of which neighbours differ by one; both zeros are 0."""
    raw = a.view('u%d' % a.itemsize).astype(np.uint64)
    top = np.uint64(1 << (bits - 1))
    magnitude = (raw & (top - np.uint64(1))).astype(np.int64)
    return np.where(raw & top, -magnitude, magnitude)


def ulps(of, got, want):
    """The largest distance of finite elements, in units of the last place of their format."""
    if got.size == 0:
        return 0
    a, b = ordered(np.ascontiguousarray(got), of.bits), ordered(np.ascontiguousarray(want), of.bits)
    distance = np.abs(a.astype(np.float64) - b.astype(np.float64))
    both = np.isfinite(of.decode(got)) & np.isfinite(of.decode(want))
    return distance[both].max(initial=0)


def place(bad):
    return tuple(int(i) for i in np.argwhere(bad)[0])


def compare_floats(name, of, got, want, rtol, atol, worst):
    a, b = of.decode(got).astype(np.float64), of.decode(want).astype(np.float64)
    if of.number == pb.BFLOAT16:
        rtol = max(rtol, BFLOAT16_RTOL)
    with np.errstate(invalid='ignore'):
        error = np.where(a == b, 0, np.abs(a - b))
        near = (a == b) | (np.isnan(a) & np.isnan(b)) | (np.isfinite(a) & np.isfinite(b) & (error <= atol + rtol * np.abs(b)))
    error = error[np.isfinite(error)]
    if of.bits >= 16:
        worst.add(ulps(of, got, want), 0)
    worst.add(0, error.max(initial=0))
    if not near.all():
        at = place(~near)
        raise Fault('%s%s is %.9g, not %.9g (%d of %d elements differ)' % (name, list(at), a[at], b[at], (~near).sum(), near.size))


def compare_tensor(name, got, want, test, worst):
    if got.of is not want.of:
        raise Fault('%s is %s, not %s' % (name, got.of.name, want.of.name))
    if got.array.shape != want.array.shape:
        raise Fault('%s has the shape %s, not %s' % (name, list(got.array.shape), list(want.array.shape)))
    if want.of.is_float:
        compare_floats(name, want.of, got.array, want.array, test.rtol, test.atol, worst)
        return
    differ = np.asarray(got.array != want.array, bool)
    if want.of.number not in (pb.STRING, pb.BOOL):
        worst.add(0, np.abs(got.array.astype(np.float64) - want.array.astype(np.float64)).max(initial=0))
    if differ.any():
        at = place(differ)
        raise Fault('%s%s is %s, not %s (%d of %d elements differ)' % (name, list(at), got.array[at], want.array[at], differ.sum(), differ.size))


def compare(name, got, want, test, worst):
    """Raises a Fault unless an output is what it must be."""
    if isinstance(want, list) or isinstance(got, list):
        if not isinstance(got, list) or not isinstance(want, list) or len(got) != len(want):
            raise Fault('%s has %s elements, not %s' % (name, len(got) if isinstance(got, list) else 'no', len(want) if isinstance(want, list) else 'none'))
        for k, (g, w) in enumerate(zip(got, want)):
            more = g.array.ndim - w.array.ndim
            if more > 0 and g.array.shape == (1,) * more + w.array.shape:  # elements that differ in rank have the largest
                g = suite.Value(g.of, g.array.reshape(w.array.shape))
            compare('%s[%d]' % (name, k), g, w, test, worst)
    elif want is None or got is None:
        if got is not want:
            raise Fault('%s has %s' % (name, 'nothing in it' if got is None else 'something in it'))
    else:
        compare_tensor(name, got, want, test, worst)


# ---- random outputs ------------------------------------------------------------------------------

SIGMAS = 6  # how far a mean may be off; a right program fails once in 10^9 runs, and it draws the same numbers in all of them


def same_form(name, got, want):
    if got.of is not want.of or got.array.shape != want.array.shape:
        raise Fault('%s is %s %s, not %s %s' % (name, got.of.name, list(got.array.shape), want.of.name, list(want.array.shape)))


def near_mean(name, mean, expected, variance, n):
    if n and abs(mean - expected) > SIGMAS * np.sqrt(variance / n) + 1e-9:
        raise Fault('%s has the mean %.6g, not %.6g, over %d elements' % (name, mean, expected, n))


def bernoulli(inputs, got, want, names, _):
    """0 or 1, each with the probability that the input says."""
    same_form(names[0], got[0], want[0])
    p, y = inputs[0].of.decode(inputs[0].array).astype(np.float64), got[0].of.decode(got[0].array).astype(np.float64)
    if not np.isin(y, (0, 1)).all():
        raise Fault('%s has elements that are neither 0 nor 1' % names[0])
    near_mean(names[0], y.mean(), p.mean(), (p * (1 - p)).mean(), p.size)


def dropout(inputs, got, want, names, _):
    """Elements are 0, or what they were over 1 - ratio; the mask tells which."""
    for name, g, w in zip(names, got, want):
        same_form(name, g, w)
    x = inputs[0].array.astype(np.float64)
    ratio = float(inputs[1].array) if len(inputs) > 1 else 0.5
    y = got[0].array.astype(np.float64)
    kept = y != 0
    if not np.allclose(y[kept], x[kept] / (1 - ratio), 1e-3, 1e-7):
        raise Fault('%s is not the input over 1 - ratio where it is kept' % names[0])
    if len(got) > 1 and (got[1].array[kept] == 0).any():
        raise Fault('%s drops what %s keeps' % (names[1], names[0]))
    alive = (got[1].array != 0) if len(got) > 1 else kept | (x == 0)
    near_mean('the mask', alive.mean(), 1 - ratio, ratio * (1 - ratio), x.size)


def uniform(inputs, got, want, names, words):
    low, high = float(words[0]), float(words[1])
    same_form(names[0], got[0], want[0])
    y = got[0].of.decode(got[0].array).astype(np.float64)
    if (y < low).any() or (y > high).any():
        raise Fault('%s leaves [%g, %g]' % (names[0], low, high))
    near_mean(names[0], y.mean(), (low + high) / 2, (high - low) ** 2 / 12, y.size)


def normal(inputs, got, want, names, words):
    mean, scale = float(words[0]), float(words[1])
    same_form(names[0], got[0], want[0])
    y = got[0].of.decode(got[0].array).astype(np.float64)
    near_mean(names[0], y.mean(), mean, scale ** 2, y.size)
    near_mean(names[0] + ' squared', ((y - mean) ** 2).mean(), scale ** 2, 2 * scale ** 4, y.size)


KINDS = {f.__name__: f for f in (bernoulli, dropout, uniform, normal)}


def random_rules(path):
    """[(pattern, function, words)] of random.txt."""
    rules = []
    with open(path) as f:
        for text in f:
            words = text.split('#')[0].split()
            if words:
                rules.append((re.compile(words[0]), KINDS[words[1]], words[2:]))
    return rules
