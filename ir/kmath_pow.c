/* x^y = e^(y log|x|), the logarithm with twice the digits. */
#include "ir/kmath.h"

#include <math.h>

/* log a for a normal or subnormal a > 0: a = 2^k m, log m = 2s + s (2/3 z + z^2 Q), s = (m - 1) / (m + 1),
 * z = s^2. */
static kpair log_pair(kmath *K, kx a)
{
    kx tiny = LET("tiny", LT(a, NUM(ldexp(1, 1 - K->bias))));
    kx v = LET("v", SEL(tiny, MUL(a, NUM(ldexp(1, K->digits))), a));
    kx shift = SEL(tiny, INT(-K->bias - K->digits), INT(-K->bias));
    int64_t one = (int64_t)K->bias << (K->digits - 1);
    int64_t root = BY_TYPE(INT64_C(0x3f3504f3), INT64_C(0x3fe6a09e667f3bcd));
    kx bits = LET("bits", ADD(BITS(K->i, v), INT(one - root)));
    kx k = LET("k", kmath_from_int(K, ADD(SHR(bits, INT(K->digits - 1)), shift)));
    kx m = LET("m", BITS(K->t, ADD(BAND(bits, INT((INT64_C(1) << (K->digits - 1)) - 1)), INT(root))));
    kpair s = kmath_quotient(K, (kpair){LET("f", SUB(m, NUM(1))), NUM(0)}, kmath_sum(K, m, NUM(1)));
    kpair z = kmath_product(K, s.hi, s.hi);
    kx z_lo = LET("rest", ADD(z.lo, MUL(MUL(NUM(2), s.hi), s.lo)));
    kx q = POLY(z.hi, (0.400000006, 0.285713434, 0.222175777, 0.18871519),
                (0.40000000000000002, 0.28571428571426322, 0.22222222222772112, 0.18181818154916737,
                 0.15384609943569089, 0.13334138664267392, 0.11721316725382794, 0.11586590356294264));
    kx third = NUM2(0.666666687, 0.66666666666666663), third_lo = NUM2(-1.98682155e-08, 3.7007434154171883e-17);
    kpair u = kmath_product(K, z.hi, third);
    kx u_lo = LET("rest", ADD(u.lo, ADD(ADD(MUL(third, z_lo), MUL(third_lo, z.hi)), MUL(MUL(z.hi, z.hi), q))));
    kpair factor = kmath_fast_sum(K, NUM(2), u.hi);
    kx factor_lo = LET("rest", ADD(factor.lo, u_lo));
    kpair log_m = kmath_product(K, s.hi, factor.hi);
    kx log_m_lo = LET("rest", ADD(log_m.lo, ADD(MUL(s.hi, factor_lo), MUL(s.lo, factor.hi))));
    kpair sum = kmath_fast_sum(K, MUL(k, NUM2(0.693145751953125, 0.69314718056011770)), log_m.hi);
    kx lo = ADD(sum.lo, ADD(MUL(k, NUM2(1.42860677e-06, -1.7239444525614835e-13)), log_m_lo));
    return kmath_fast_sum(K, sum.hi, LET("rest", lo));
}

/* Is a >= 0 a whole number? From 2^(digits - 1) on all are, and below, the sum rounds to one. */
static kx is_whole(kmath *K, kx a)
{
    kx ones = NUM(ldexp(1, K->digits - 1));
    return LET("whole", OR(LE(ones, a), EQ(SUB(ADD(a, ones), ones), a)));
}

/* The cases of C's Annex F, from the magnitude for finite positive ones. */
static kx special(kmath *K, kx a, kx magnitude)
{
    kx zero = NUM(0), inf = NUM(INFINITY), x = K->x, y = K->y;
    kx exponent = LET("exponent", kmath_abs(K, y)), whole = is_whole(K, exponent);
    kx odd = AND(whole, NOT(is_whole(K, LET("half", MUL(NUM(0.5), exponent)))));
    kx negative = LET("negative", LT(y, zero));
    kx r = SEL(EQ(a, zero), SEL(negative, inf, zero), magnitude);
    r = LET("r", SEL(EQ(a, inf), SEL(negative, zero, inf), r));
    r = LET("r", SEL(odd, kmath_with_sign(K, r, kmath_sign_bit(K, x)), r));
    kx no_root = AND(AND(LT(x, zero), LT(a, inf)), NOT(whole));
    kx is_nan = OR(OR(no_root, NE(x, x)), NE(y, y));
    return SEL(OR(EQ(y, zero), EQ(x, NUM(1))), NUM(1), SEL(is_nan, NUM(NAN), r));
}

kx kmath_pow(kmath *K)
{
    kx a = LET("a", kmath_abs(K, K->x));
    kpair log = log_pair(K, a);
    /* Beyond this every power but that of 1 is 0 or infinite. */
    kx limit = NUM(ldexp(1, K->digits + 16)), y = K->y;
    y = LET("y", SEL(LT(limit, y), limit, SEL(LT(y, NEG(limit)), NEG(limit), y)));
    kpair product = kmath_product(K, y, log.hi);
    kx lo = LET("rest", ADD(product.lo, MUL(y, log.lo)));
    return special(K, a, LET("power", kmath_exp_of(K, product.hi, lo)));
}
