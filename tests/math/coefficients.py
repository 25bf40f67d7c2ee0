#!/usr/bin/env python3
"""Where the polynomials of ir/kmath*.c come from. Needs mpmath; nothing else needs this program.

Each is a least squares fit at Chebyshev points in 80 digits, which is within a small factor of the
best polynomial. Coefficients are rounded one after the other, lowest power first, and those behind are
fitted again to what the rounding left. Prints C initialisers and the largest relative error, of the
whole function, as a power of two."""
import sys
import struct
from mpmath import mp, mpf, atan, atanh, asin, cos, erf, erfc, exp, expm1, log, pi, sin, sinh, sqrt, tanh

mp.dps = 80


def rounded(c, width):
    if width == 64:
        return mpf(float(c))
    return mpf(struct.unpack("f", struct.pack("f", float(c)))[0])


def chebyshev(lo, hi, n):
    return [(lo + hi) / 2 + (hi - lo) / 2 * cos(pi * (2 * i + 1) / (2 * n)) for i in range(n)]


def solve(f, points, powers, weight):
    """The least squares of the powers' coefficients at the points."""
    a = mp.matrix([[weight(x) * x**k for k in powers] for x in points])
    return list(mp.lu_solve(a, mp.matrix([weight(x) * f(x) for x in points])))


def fit(f, lo, hi, n, width, exact=0, weight=lambda x: 1):
    """n coefficients of the type's width, the first ones exact; f is defined on the open interval. An error counts as
    often as its weight says."""
    points = chebyshev(lo, hi, 6 * n + 1)
    value_at = {x: f(x) for x in points}
    have = []
    for k in range(n):
        rest = lambda x: value_at[x] - value(have, x)
        c = solve(rest, points, range(k, n), weight)[0]
        have.append(c if k < exact else rounded(c, width))
    return have


def value(c, x):
    return sum(v * x**i for i, v in enumerate(c))


def text_of(c, width):
    return ", ".join(("%.9g" if width == 32 else "%.17g") % v for v in c)


def report(name, f, lo, hi, whole, n32, n64):
    """whole(x, p): the relative error of the function when p stands for f(x)."""
    lo, hi = mpf(lo), mpf(hi)
    for width, n in ((32, n32), (64, n64)):
        c = fit(f, lo, hi, n, width)
        worst = max(abs(whole(x, value(c, x))) for x in chebyshev(lo, hi, 400) if x != 0)
        print("%s f%d, 2^%.1f:\n    {%s}" % (name, width, float(log(worst, 2)), text_of(c, width)))


def in_square(function, start):
    """For functions x + x^3 p(x^2) and the like: the error by z = x^2."""
    return lambda z, p: (start(sqrt(z), p) - function(sqrt(z))) / function(sqrt(z))


def erfcx(x):
    return exp(x * x) * erfc(x)


def tables():
    e = mpf("1e-30")
    yield "exp", lambda r: (expm1(r) - r) / r**2, "-0.3467", "0.34671", lambda r, p: (r + r * r * p - expm1(r)) / expm1(r), 6, 11
    s_max = (sqrt(mpf(2)) - 1) / (sqrt(mpf(2)) + 1)
    series = lambda z: (2 * atanh(sqrt(z)) - 2 * sqrt(z)) / (z * sqrt(z))
    yield "log", series, e, s_max**2, in_square(lambda s: 2 * atanh(s), lambda s, p: 2 * s + s**3 * p), 4, 7
    yield "pow_log", lambda z: (series(z) - mpf(2) / 3) / z, e, s_max**2, in_square(lambda s: 2 * atanh(s), lambda s, p: 2 * s + s**3 * (mpf(2) / 3 + s * s * p)), 4, 8
    quarter = (pi / 4)**2 * mpf("1.001")
    yield "sin", lambda z: (sin(sqrt(z)) - sqrt(z)) / (z * sqrt(z)), e, quarter, in_square(sin, lambda x, p: x + x**3 * p), 4, 6
    yield "cos", lambda z: (cos(sqrt(z)) - 1 + z / 2) / z**2, e, quarter, in_square(cos, lambda x, p: 1 - x**2 / 2 + x**4 * p), 3, 6
    yield "atan", lambda z: (atan(sqrt(z)) - sqrt(z)) / (z * sqrt(z)), e, mpf(7)**2 / 16**2, in_square(atan, lambda x, p: x + x**3 * p), 6, 12
    yield "asin", lambda z: (asin(sqrt(z)) - sqrt(z)) / (z * sqrt(z)), e, mpf(1) / 4, in_square(asin, lambda x, p: x + x**3 * p), 6, 13
    yield "sinh", lambda z: (sinh(sqrt(z)) - sqrt(z)) / (z * sqrt(z)), e, 1, in_square(sinh, lambda x, p: x + x**3 * p), 4, 7
    yield "tanh", lambda z: (tanh(sqrt(z)) - sqrt(z)) / (z * sqrt(z)), e, mpf("0.55")**2, in_square(tanh, lambda x, p: x + x**3 * p), 5, 11
    yield "erf", lambda z: erf(sqrt(z)) / sqrt(z) - 1, e, mpf("0.875")**2, in_square(erf, lambda x, p: x + x * p), 7, 13


def tails():
    """erfc(x) = exp(-x^2) p(t) / (1 + x) and, for the normal distribution, erfc(x / sqrt 2) / 2 =
    exp(-x^2 / 2) p(t) / (1 + x), with t = (x - k) / (x + k). The first coefficient has two parts."""
    erfc_part = lambda x: erfcx(x) * (1 + x)
    normal_part = lambda x: erfcx(x / sqrt(mpf(2))) / 2 * (1 + x)
    rows = ((erfc_part, "erfc", 32, 12, "2", "10.1"), (erfc_part, "erfc", 64, 24, "4", "27.3"),
            (normal_part, "normal", 32, 12, "3.5", "14.3"), (normal_part, "normal", 64, 24, "6", "38.6"))
    for part, name, width, n, k, top in rows:
        k, top = mpf(k), mpf(top)
        f = lambda t: part(k * (1 + t) / (1 - t))
        lo, hi = mpf(-1) + mpf("1e-40"), (top - k) / (top + k)
        c = fit(f, lo, hi, n, width, exact=1)
        worst = max(abs(value(c, t) / f(t) - 1) for t in chebyshev(lo, hi, 400))
        c[:1] = [rounded(c[0], width), rounded(c[0] - rounded(c[0], width), width)]
        print("%s f%d, k = %s, 2^%.1f:\n    {%s}" % (name, width, k, float(log(worst, 2)), text_of(c, width)))


def erf_above():
    """erf(x) = 1 - exp(-p(x)) for f32, where it is not 1 yet."""
    lo, hi = mpf("0.875"), mpf(4)
    c = fit(lambda x: -log(erfc(x)), lo, hi, 7, 32, weight=erfc)
    worst = max(abs(exp(-value(c, x)) - erfc(x)) / erf(x) for x in chebyshev(lo, hi, 400))
    print("erf_above f32, 2^%.1f:\n    {%s}" % (float(log(worst, 2)), text_of(c, 32)))


if __name__ == "__main__":
    for row in tables():
        if len(sys.argv) < 2 or row[0] in sys.argv[1:]:
            report(*row)
    if len(sys.argv) < 2 or "tails" in sys.argv[1:]:
        tails()
    if len(sys.argv) < 2 or "erf_above" in sys.argv[1:]:
        erf_above()
