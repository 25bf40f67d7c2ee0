/* Sine, cosine, tangent: |x| = q pi/2 + r with |r| <= pi/4, for every finite x. */
#include "ir/kmath.h"

#include <math.h>

typedef struct {
    kx quadrant; /* q modulo 4, of type K->u */
    kpair r;
} angle;

/* W. J. Cody and W. Waite: pi/2 in four parts, of which the first three give exact products with a
 * small q. */
static angle reduce_small(kmath *K, kx a)
{
    static const double part32[] = {1.57080078125, -4.4545158743858337e-06, 6.0765614762203768e-11, 5.390302858158119e-15};
    static const double part64[] = {1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.4784276603688996e-32};
    const double *part = BY_TYPE(part32, part64);
    kwhole q = kmath_nearest(K, "q", MUL(a, NUM(0.63661977236758134)));
    kx r = LET("r", SUB(a, MUL(q.number, NUM(part[0]))));
    kpair second = kmath_sum(K, r, MUL(q.number, NUM(-part[1])));
    kpair third = kmath_sum(K, second.hi, MUL(q.number, NUM(-part[2])));
    kx rest = SUB(ADD(second.lo, third.lo), MUL(q.number, NUM(part[3])));
    return (angle){BITS(K->u, q.integer), kmath_fast_sum(K, third.hi, LET("rest", rest))};
}

/* The upper word of a product of words; a is below 2^digits. */
static kx upper_product(kmath *K, kx a, kx b)
{
    kx half = WORD(K->width / 2), mask = WORD((UINT64_C(1) << (K->width / 2)) - 1);
    kx ah = LET("ah", SHR(a, half)), al = LET("al", BAND(a, mask));
    kx bh = LET("bh", SHR(b, half)), bl = LET("bl", BAND(b, mask));
    kx one = LET("one", MUL(ah, bl)), other = LET("other", MUL(al, bh));
    kx middle = ADD(SHR(MUL(al, bl), half), ADD(BAND(one, mask), BAND(other, mask)));
    return LET("high", ADD(ADD(MUL(ah, bh), SHR(middle, half)), ADD(SHR(one, half), SHR(other, half))));
}

/* Three words of the binary digits of 2/pi, from bit `offset` on, behind one word of zeros. */
static void window(kmath *K, kx offset, kx out[3])
{
    static const uint64_t digits[] = { /* 2/pi */
        0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561, 0xb7246e3a424dd2e0,
        0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484, 0xe99c7026b45f7e41, 0x3991d639835339f4,
        0x9c845f8bbdf9283b, 0x1ff897ffde05980f, 0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d,
        0x7527bac7ebe5f17b, 0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab,
    };
    int have = BY_TYPE(8, 20);
    kx w[20] = {WORD(0)};
    for (int i = 1; i < have; i++) w[i] = BY_TYPE(WORD(digits[(i - 1) / 2] >> (i % 2 ? 32 : 0) & 0xffffffff), WORD(digits[i - 1]));
    kx word = LET("word", SHR(offset, WORD(BY_TYPE(5, 6)))), bit = LET("bit", BAND(offset, WORD(K->width - 1)));
    for (int step = BY_TYPE(4, 16); step; step /= 2) { /* moves the words down by `word` places */
        kx moves = LET("moves", NE(BAND(word, WORD(step)), WORD(0)));
        int need = 3 + step < have ? 3 + step : have;
        for (int i = 0; i < need; i++) w[i] = LET("w", SEL(moves, i + step < have ? w[i + step] : WORD(0), w[i]));
        have = need;
    }
    kx back = LET("back", SUB(WORD(K->width - 1), bit));
    for (int i = 0; i < 3; i++) out[i] = LET("w", BOR(SHL(w[i], bit), SHR(SHR(w[i + 1], WORD(1)), back)));
}

/* M. Payne and R. Hanek: |x| = m 2^e; of m 2^e 2/pi only the two bits above the point and two words
 * behind them are worked out, from the three words of 2/pi that matter for them. */
static angle reduce_large(kmath *K, kx a)
{
    kx bits = LET("bits", BITS(K->u, a));
    uint64_t one = UINT64_C(1) << (K->digits - 1);
    kx m = LET("m", BOR(BAND(bits, WORD(one - 1)), WORD(one)));
    kx e = SHR(bits, WORD(K->digits - 1));
    int start = K->bias + K->digits - 1 + 2 - K->width; /* the exponent field at which the window begins */
    kx offset = LET("offset", SEL(LT(e, WORD(start)), WORD(0), SUB(e, WORD(start))));
    kx w[3];
    window(K, offset, w);
    kx part = LET("part", MUL(m, w[1])), low = LET("low", ADD(part, upper_product(K, m, w[2])));
    kx carry = SEL(LT(low, part), WORD(1), WORD(0));
    kx high = LET("high", ADD(ADD(MUL(m, w[0]), upper_product(K, m, w[1])), carry));
    int point = K->width - 2, half = K->width / 2;
    kx quadrant = LET("quadrant", SHR(ADD(high, WORD(UINT64_C(1) << (point - 1))), WORD(point)));
    high = LET("high", SUB(high, SHL(quadrant, WORD(point))));
    /* The signed fraction in four pieces that floats hold exactly. */
    kx mask = WORD((UINT64_C(1) << half) - 1), top = WORD(UINT64_C(1) << (K->width - 1));
    kx piece = SUB(BITS(K->i, SHR(ADD(high, top), WORD(half))), INT(INT64_C(1) << (half - 1)));
    kx f1 = MUL(kmath_from_int(K, piece), NUM(ldexp(1, half - point)));
    kx f2 = MUL(kmath_from_int(K, BITS(K->i, BAND(high, mask))), NUM(ldexp(1, -point)));
    kx f3 = MUL(kmath_from_int(K, BITS(K->i, SHR(low, WORD(half)))), NUM(ldexp(1, -point - half)));
    kx f4 = MUL(kmath_from_int(K, BITS(K->i, BAND(low, mask))), NUM(ldexp(1, -point - 2 * half)));
    kpair sum = kmath_fast_sum(K, LET("f1", f1), LET("f2", f2));
    kpair f = kmath_fast_sum(K, sum.hi, LET("rest", ADD(sum.lo, ADD(f3, f4))));
    kx pi_hi = NUM2(1.57079637, 1.5707963267948966), pi_lo = NUM2(-4.37113883e-08, 6.123233995736766e-17);
    kpair r = kmath_product(K, f.hi, pi_hi);
    return (angle){quadrant, kmath_fast_sum(K, r.hi, ADD(r.lo, ADD(MUL(f.hi, pi_lo), MUL(f.lo, pi_hi))))};
}

static angle reduce(kmath *K, kx a)
{
    kx large = LET("large", LT(NUM2(3000, 1500000), a));
    angle s = reduce_small(K, a), l = reduce_large(K, a);
    kpair r = {LET("r", SEL(large, l.r.hi, s.r.hi)), LET("rest", SEL(large, l.r.lo, s.r.lo))};
    return (angle){LET("quadrant", SEL(large, l.quadrant, s.quadrant)), r};
}

/* Sine and cosine of |r| <= pi/4, the smaller parts apart. */
static void kernels(kmath *K, kpair r, kpair *sine, kpair *cosine)
{
    kx z = LET("z", MUL(r.hi, r.hi)), half = LET("half", MUL(NUM(0.5), z));
    kx p = POLY(z, (-0.166666672, 0.00833339617, -0.000198608512, 2.91684205e-06),
                (-0.16666666666666666, 0.0083333333333313036, -0.0001984126983707393, 2.7557316216747841e-06,
                 -2.5051149921629493e-08, 1.5919169032981723e-10));
    *sine = (kpair){r.hi, LET("rest", ADD(MUL(MUL(r.hi, z), p), SUB(r.lo, MUL(half, r.lo))))};
    p = POLY(z, (0.0416666642, -0.00138882711, 2.45436804e-05),
             (0.041666666666666664, -0.0013888888888887057, 2.4801587298452832e-05, -2.7557317154285435e-07,
              2.087612698228015e-09, -1.1381480912926812e-11));
    kx w = LET("w", SUB(NUM(1), half));
    *cosine = (kpair){w, LET("rest", ADD(SUB(SUB(NUM(1), w), half), SUB(MUL(MUL(z, z), p), MUL(r.hi, r.lo))))};
}

/* sin(|x| + turns pi/2), with a sign to put on it. */
static kx wave(kmath *K, kx a, int turns, kx sign)
{
    angle n = reduce(K, a);
    kpair sine, cosine;
    kernels(K, n.r, &sine, &cosine);
    kx quadrant = turns ? LET("quadrant", ADD(n.quadrant, WORD(turns))) : n.quadrant;
    kx odd = NE(BAND(quadrant, WORD(1)), WORD(0));
    kx s = LET("sine", ADD(sine.hi, sine.lo)), c = LET("cosine", ADD(cosine.hi, cosine.lo));
    kx minus = SHL(BAND(quadrant, WORD(2)), WORD(K->width - 2));
    kx y = kmath_with_sign(K, SEL(odd, c, s), sign ? BXOR(minus, sign) : minus);
    return SEL(LT(a, NUM(INFINITY)), y, NUM(NAN));
}

kx kmath_sin(kmath *K)
{
    return wave(K, LET("a", kmath_abs(K, K->x)), 0, kmath_sign_bit(K, K->x));
}

kx kmath_cos(kmath *K) { return wave(K, LET("a", kmath_abs(K, K->x)), 1, NULL); }

/* The quotient of sine and cosine; in odd quadrants the other way round. */
kx kmath_tan(kmath *K)
{
    kx a = LET("a", kmath_abs(K, K->x));
    angle n = reduce(K, a);
    kpair s, c;
    kernels(K, n.r, &s, &c);
    s = kmath_fast_sum(K, s.hi, s.lo);
    c = kmath_fast_sum(K, c.hi, c.lo);
    kx odd = LET("odd", NE(BAND(n.quadrant, WORD(1)), WORD(0)));
    kpair above = {LET("above", SEL(odd, c.hi, s.hi)), LET("rest", SEL(odd, c.lo, s.lo))};
    kpair below = {LET("below", SEL(odd, NEG(s.hi), c.hi)), LET("rest", SEL(odd, NEG(s.lo), c.lo))};
    kpair q = kmath_quotient(K, above, below);
    kx y = kmath_with_sign(K, ADD(q.hi, q.lo), kmath_sign_bit(K, K->x));
    return SEL(LT(a, NUM(INFINITY)), y, NUM(NAN));
}
