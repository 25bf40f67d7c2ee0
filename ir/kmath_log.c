/* Logarithms: x = 2^k m with m from sqrt(1/2) to sqrt(2), and log m by s = (m - 1) / (m + 1). */
#include "ir/kmath.h"

#include <math.h>

/* log m = f - (f^2/2 - s (f^2/2 + R)), f = m - 1: the terms fall off, the first one is exact. What lo
 * adds is lo / hi to first order, which is all there is of it. */
kx kmath_log_of(kmath *K, kx hi, kx lo, kx shift)
{
    kx v = hi, k = INT(-K->bias);
    if (!lo) { /* may be subnormal */
        kx tiny = LET("tiny", LT(hi, NUM(ldexp(1, 1 - K->bias))));
        v = LET("v", SEL(tiny, MUL(hi, NUM(ldexp(1, K->digits))), hi));
        k = SEL(tiny, INT(-K->bias - K->digits), INT(-K->bias));
    }
    if (shift) k = ADD(k, shift);
    int64_t one = (int64_t)K->bias << (K->digits - 1);
    int64_t root = BY_TYPE(INT64_C(0x3f3504f3), INT64_C(0x3fe6a09e667f3bcd));
    kx bits = LET("bits", ADD(BITS(K->i, v), INT(one - root)));
    kx field = LET("field", SHR(bits, INT(K->digits - 1)));
    kx scale = LET("k", kmath_from_int(K, ADD(field, k)));
    kx fraction = BAND(bits, INT((INT64_C(1) << (K->digits - 1)) - 1));
    kx f = LET("f", SUB(BITS(K->t, ADD(fraction, INT(root))), NUM(1)));
    kx s = LET("s", DIV(f, ADD(NUM(2), f))), z = LET("z", MUL(s, s));
    kx p = POLY(z, (0.666666687, 0.399995506, 0.28589654, 0.225764409),
                (0.66666666666666696, 0.3999999999989976, 0.28571428625968287, 0.22222211129976971,
                 0.18182889654720366, 0.15331701496587977, 0.14616709658969645));
    kx square = LET("square", MUL(NUM(0.5), MUL(f, f)));
    kx small = MUL(scale, NUM2(1.42860677e-06, -1.7239444525614835e-13));
    if (lo) small = ADD(small, DIV(lo, hi));
    kx sum = SUB(SUB(square, ADD(MUL(s, ADD(square, MUL(z, p))), small)), f);
    kx y = LET("y", SUB(MUL(scale, NUM2(0.693145751953125, 0.69314718056011770)), sum));
    y = SEL(LT(hi, NUM(INFINITY)), y, hi);
    return SEL(LE(hi, NUM(0)), SEL(EQ(hi, NUM(0)), NUM(-INFINITY), NUM(NAN)), y);
}

kx kmath_log(kmath *K) { return kmath_log_of(K, K->x, NULL, NULL); }

kx kmath_log1p(kmath *K)
{
    kpair v = kmath_sum(K, NUM(1), K->x);
    kx identity = LT(kmath_abs(K, K->x), NUM(ldexp(1, -K->digits - 1)));
    return SEL(identity, K->x, kmath_log_of(K, v.hi, v.lo, NULL));
}

/* a + sqrt(a^2 + one) for one = 1 or -1, with the digits below: near 1 the logarithm needs them. */
static kpair with_root(kmath *K, kx a, double one)
{
    kpair p = kmath_product(K, a, a), w = kmath_sum(K, p.hi, NUM(one));
    kpair s = kmath_root(K, (kpair){w.hi, LET("rest", ADD(w.lo, p.lo))});
    kpair v = kmath_sum(K, a, s.hi);
    return (kpair){v.hi, LET("rest", ADD(v.lo, s.lo))};
}

/* From here on a^2 + 1 and a^2 - 1 are a^2: log(2a). */
static kx log_of_sum(kmath *K, kx a, kpair v)
{
    kx large = LET("large", LT(NUM(ldexp(1, K->digits / 2 + 2)), a));
    kx hi = LET("v", SEL(large, a, v.hi)), lo = LET("rest", SEL(large, NUM(0), v.lo));
    return kmath_log_of(K, hi, lo, SEL(large, INT(1), INT(0)));
}

kx kmath_asinh(kmath *K)
{
    kx a = LET("a", kmath_abs(K, K->x));
    kx tiny = LT(a, NUM(ldexp(1, -K->digits / 2)));
    kx y = LET("y", log_of_sum(K, a, with_root(K, a, 1)));
    kx cubic = SUB(a, MUL(MUL(a, a), MUL(a, NUM(1.0 / 6))));
    return kmath_with_sign(K, SEL(tiny, cubic, y), kmath_sign_bit(K, K->x));
}

kx kmath_acosh(kmath *K)
{
    kx y = log_of_sum(K, K->x, with_root(K, K->x, -1));
    return SEL(LT(K->x, NUM(1)), NUM(NAN), y);
}

/* Half of log((1 + x) / (1 - x)). */
kx kmath_atanh(kmath *K)
{
    kx a = LET("a", kmath_abs(K, K->x));
    kx tiny = LT(a, NUM(ldexp(1, -K->digits / 2)));
    kpair v = kmath_quotient(K, kmath_sum(K, NUM(1), a), kmath_sum(K, NUM(1), NEG(a)));
    kx y = LET("y", MUL(NUM(0.5), kmath_log_of(K, v.hi, v.lo, NULL)));
    kx cubic = ADD(a, MUL(MUL(a, a), MUL(a, NUM(1.0 / 3))));
    return kmath_with_sign(K, SEL(tiny, cubic, y), kmath_sign_bit(K, K->x));
}
