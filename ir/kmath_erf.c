/* The error function and the normal distribution. */
#include "ir/kmath.h"

#include <math.h>

/* erfc(a) = exp(-a^2) p(t) / (1 + a) with t = (a - c) / (a + c), for a >= 0, after M. Shepherd and
 * J. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x in 0 <= x < oo". Here is the
 * slow part. Its first coefficient has two parts, and so has the quotient: what their rounding lost
 * would all be seen. p does not change much near a = 0, so the error of t does not count there. */
static kpair slow_part(kmath *K, kx a, double c, kpair first, kx (*rest)(kmath *K, kx t))
{
    kx t = LET("t", DIV(SUB(a, NUM(c)), ADD(a, NUM(c))));
    kpair above = kmath_fast_sum(K, first.hi, ADD(MUL(t, rest(K, t)), first.lo));
    return kmath_quotient(K, above, kmath_sum(K, NUM(1), a));
}

static kx erfc_rest(kmath *K, kx t)
{
    return POLY(t, (-0.259974837, 0.0378138609, 0.0425363295, -0.0252428465, -0.000517795794, 0.00393287884, 0.00014079221,
                    -0.00069158955, -0.00012566481, 9.64583014e-05, 3.69679437e-05),
                (-0.19934458280036707, 0.11704966551044231, -0.048080381221308394, 0.0039620556812999244,
                 0.015312509679304422, -0.017515654646732028, 0.012161784753169144, -0.0060687352176217475,
                 0.0021164215808700594, -0.00038976749823339644, -6.0136748879940883e-05, 6.4032783049299596e-05,
                 -1.3151237032906547e-05, -4.1386170399979252e-06, 2.650547526755783e-06, 4.5986644223214424e-09,
                 -3.6467812430071399e-07, 5.0319941582901473e-08, 4.7472236589232202e-08, -1.0356657865313599e-08,
                 -6.173797465348713e-09, 1.0902202239208203e-09, 5.9904278739767692e-10));
}

static kx erfc_of(kmath *K, kx x)
{
    kx a = LET("a", MIN(NUM2(11, 28), x));
    kpair first = {NUM2(0.766187012, 0.68499728812530691), NUM2(1.70579852e-08, 3.6370356637761728e-17)};
    kpair slow = slow_part(K, a, BY_TYPE(2, 4), first, erfc_rest);
    kpair square = kmath_product(K, a, a);
    return kmath_exp_times(K, LET("minus", NEG(square.hi)), LET("rest", NEG(square.lo)), slow);
}

/* erf(a) = 1 - exp(-g(a)) for a from 0.875: without a division. From 4 on it is 1 in f32. */
static kx erf_above(kmath *K, kx magnitude)
{
    if (K->t != DT_f32) return SUB(NUM(1), erfc_of(K, magnitude));
    kx a = LET("a", SEL(LT(NUM(4), magnitude), NUM(4), magnitude));
    kx g = POLY(a, (0.00013270443, 1.12794149, 0.636724532, 0.104342565, -0.0224297401, 0.00309535209, -0.000201388), (0));
    return SUB(NUM(1), kmath_exp_near(K, LET("minus", NEG(g))));
}

kx kmath_erf(kmath *K)
{
    kx a = LET("magnitude", kmath_abs(K, K->x)), z = LET("z", MUL(a, a));
    kx p = POLY(z, (0.128379166, -0.376126349, 0.112837277, -0.0268615242, 0.0052068634, -0.000821414171, 8.69307769e-05),
                (0.12837916709551259, -0.3761263890318392, 0.11283791670961861, -0.026866170646385374, 0.005223977638520309,
                 -0.00085483278663660636, 0.00012055368457703255, -1.4926653110972518e-05, 1.6481284840915947e-06,
                 -1.6610104187334423e-07, 1.6788359738037667e-08, -2.1462359436291126e-09, 2.7001186104219974e-10));
    kx below = LET("below", ADD(a, MUL(a, p))), above = LET("above", erf_above(K, a));
    return kmath_with_sign(K, SEL(LT(a, NUM(0.875)), below, above), kmath_sign_bit(K, K->x));
}

kx kmath_erfc(kmath *K)
{
    kx y = LET("y", erfc_of(K, LET("magnitude", kmath_abs(K, K->x))));
    return SEL(LT(K->x, NUM(0)), SUB(NUM(2), y), y);
}

static kx normal_rest(kmath *K, kx t)
{
    return POLY(t, (-0.0977125689, 0.000786863151, 0.0380476117, -0.030256616, 0.0103800595, 0.000267022464, -0.00142169069,
                    0.000135073205, 0.000199975329, -1.11780764e-05, -1.9031284e-05),
                (-0.08502536230577068, 0.039811424562429913, -0.0043733867795981568, -0.016141517332202222,
                 0.022592467062953269, -0.019766479219847668, 0.013246864151293848, -0.0070598194229249314,
                 0.0029356555419287156, -0.00086899464792486371, 0.00011948952776298824, 3.7794794405282202e-05,
                 -2.6352967745845686e-05, 4.4128201225135538e-06, 1.7829335242450803e-06, -1.0006104204627793e-06,
                 6.1574077095925996e-10, 1.339020986555907e-07, -2.0575735799956199e-08, -1.6926676730566565e-08,
                 2.8527993726172605e-09, 2.0307356631630854e-09, 1.6377036652200604e-10));
}

/* For tail = |x| F(-|x|) of a distribution function F with F(x) + F(-x) = 1: x F(x). The factor stands
 * inside of the tail because F alone underflows where the product does not yet. */
static kx from_tail(kmath *K, kx tail)
{
    tail = LET("tail", tail);
    kx y = SEL(LT(K->x, NUM(0)), NEG(tail), SUB(K->x, tail));
    return SEL(EQ(K->x, NUM(-INFINITY)), NUM(NAN), y);
}

static kx bounded(kmath *K, double limit)
{
    return LET("a", MIN(NUM(limit), kmath_abs(K, K->x)));
}

/* F = erfc(-x / sqrt 2) / 2, by a polynomial of its own. */
kx kmath_gelu(kmath *K)
{
    kx a = bounded(K, BY_TYPE(16, 40));
    kpair first = {NUM2(0.478553206, 0.45345520027112796), NUM2(-1.46345442e-08, -1.1540726185822246e-17)};
    kpair slow = slow_part(K, a, BY_TYPE(3.5, 6), first, normal_rest);
    kpair square = kmath_product(K, a, a), factor = kmath_product(K, a, slow.hi);
    factor.lo = LET("rest", ADD(factor.lo, MUL(a, slow.lo)));
    kx exponent = LET("minus", MUL(NUM(-0.5), square.hi)), rest = LET("rest", MUL(NUM(-0.5), square.lo));
    return from_tail(K, kmath_exp_times(K, exponent, rest, factor));
}

/* F = 1 / (1 + e^-u), u = 2 sqrt(2 / pi) (x + 0.044715 x^3), with the digits of u that its exponential
 * shows. */
kx kmath_gelu_tanh(kmath *K)
{
    kx a = bounded(K, BY_TYPE(12, 24));
    kpair linear = {NUM2(1.5957691669464111, 1.5957691216057308), NUM2(-4.53406805e-08, -9.9693088091109202e-17)};
    kpair cubic = {NUM2(0.071354813873767853, 0.071354816272600249), NUM2(2.39883247e-09, -6.175149918155315e-19)};
    kpair square = kmath_product(K, a, a), w = kmath_product(K, square.hi, cubic.hi);
    w.lo = ADD(w.lo, ADD(MUL(square.lo, cubic.hi), MUL(square.hi, cubic.lo)));
    kpair sum = kmath_sum(K, linear.hi, w.hi);
    sum.lo = ADD(sum.lo, ADD(w.lo, linear.lo));
    kpair u = kmath_product(K, sum.hi, a);
    u.lo = ADD(u.lo, MUL(sum.lo, a));
    kx minus = LET("minus", NEG(u.hi)), rest = LET("rest", NEG(u.lo));
    kpair above = kmath_exp_pair(K, minus, rest, a, 0), e = kmath_exp_pair(K, minus, rest, NUM(1), 0);
    kpair below = kmath_fast_sum(K, NUM(1), e.hi);
    below.lo = LET("rest", ADD(below.lo, e.lo));
    kpair tail = kmath_quotient(K, above, below);
    return from_tail(K, ADD(tail.hi, tail.lo));
}
