/* Exponentials: e^x = 2^n e^r with |r| <= log(2) / 2; by a table of powers n is in sixteenths, and |r| <= log(2) / 32. */
#include "ir/kmath.h"

#include <math.h>

/* e^(x + lo) = 2^n (1 + r + q). */
typedef struct {
    kx n, number, r, q; /* n as an integer and as a float */
} reduced;

/* (e^r - 1 - r) / r^2. */
static kx exp_rest(kmath *K, kx r)
{
    return POLY(r, (0.5, 0.166666672, 0.0416665077, 0.0083331801, 0.00139308651, 0.00019969666),
                (0.5, 0.16666666666666671, 0.041666666666666671, 0.0083333333333258878, 0.0013888888888882137,
                 0.00019841269875453746, 2.4801587330115581e-05, 2.7557254760225758e-06, 2.7557268783987963e-07,
                 2.5105440189782652e-08, 2.091642799874394e-09));
}

/* x + lo = n log(2) + r, with n * upper(log 2) exact; q has what the rounding of r lost, unless that
 * may be left out (brief). Beyond the limits all results are alike; infinite ones: x is known to be small. */
static reduced reduce(kmath *K, kx x, kx lo, double low, double high, bool brief)
{
    kx a = isinf(low) ? x : LET("a", MAX(NUM(low), MIN(NUM(high), x)));
    kwhole n = kmath_nearest(K, "n", MUL(a, NUM(1.4426950408889634)));
    if (K->fused && brief) {
        kx r = LET("r", SUB(SUB(a, MUL(n.number, NUM2(0.693145751953125, 0.69314718056011770))), MUL(n.number, NUM2(1.42860677e-06, -1.7239444525614835e-13))));
        return (reduced){n.integer, n.number, r, MUL(MUL(r, r), exp_rest(K, r))};
    }
    kx upper = LET("upper", SUB(a, MUL(n.number, NUM2(0.693145751953125, 0.69314718056011770))));
    kx lower = MUL(n.number, NUM2(1.42860677e-06, -1.7239444525614835e-13));
    if (lo) lower = SUB(lower, a == x ? lo : SEL(EQ(a, x), lo, NUM(0)));
    lower = LET("lower", lower);
    kx r = LET("r", SUB(upper, lower)), rest = LET("rest", SUB(SUB(upper, r), lower));
    kx q = ADD(MUL(MUL(r, r), exp_rest(K, r)), ADD(rest, MUL(r, rest)));
    return (reduced){n.integer, n.number, r, LET("q", q)};
}

/* 2^n / (2^n + e^r) with n in sixteenths, where r = n log(2) - a. Both powers are multiplied by KIR_SIXTEENTH_UNIT. */
static kx sigmoid_by_sixteenths(kmath *K, kx a)
{
    const double big = 786432, unit = (float)KIR_SIXTEENTH_UNIT; /* 1.5 * 2^19: from there on the last place of an f32 is 1/16 */
    kx sum = LET("n", ADD(MUL(a, NUM(1.4426950408889634)), NUM(big))), n = LET("n", SUB(sum, NUM(big)));
    kx upper = LET("upper", SUB(MUL(n, NUM(0.693145751953125)), a));
    kx r = LET("r", ADD(MUL(n, NUM(1.42860677e-06)), upper));
    kx power = LET("power", BIN(SCALE, UN(SIXTEENTH, sum), n));
    kx rest = LET("rest", ADD(MUL(ADD(MUL(NUM(unit / 6), r), NUM(unit / 2)), r), NUM(unit)));
    return DIV(power, ADD(power, ADD(NUM(unit), MUL(rest, r))));
}

kx kmath_exp_near(kmath *K, kx x)
{
    kwhole n = kmath_nearest(K, "n", MUL(x, NUM(1.4426950408889634)));
    kx upper = LET("upper", SUB(x, MUL(n.number, NUM2(0.693145751953125, 0.69314718056011770))));
    kx r = LET("r", SUB(upper, MUL(n.number, NUM2(1.42860677e-06, -1.7239444525614835e-13))));
    kx y = ADD(NUM(1), ADD(MUL(MUL(r, r), exp_rest(K, r)), r));
    return K->scales ? BIN(SCALE, y, n.number) : MUL(y, LET("power", kmath_power_of_two(K, n.integer)));
}

static reduced reduce_all(kmath *K, kx x, kx lo)
{
    return reduce(K, x, lo, BY_TYPE(-120.0, -760.0), BY_TYPE(90.0, 720.0), !lo);
}

/* x * 2^n; in two steps, so that neither factor leaves the normal numbers. */
static kx scaled(kmath *K, kx x, kx n, kx number)
{
    if (K->scales) return BIN(SCALE, x, number);
    kx half = LET("half", SUB(SHR(ADD(n, INT(4096)), INT(1)), INT(2048)));
    kx one = LET("power", kmath_power_of_two(K, half)), other = LET("power", kmath_power_of_two(K, SUB(n, half)));
    return MUL(MUL(x, one), other);
}

kx kmath_exp_of(kmath *K, kx x, kx lo)
{
    reduced e = reduce_all(K, x, lo);
    return scaled(K, ADD(NUM(1), ADD(e.r, e.q)), e.n, e.number);
}

kx kmath_exp_times(kmath *K, kx x, kx lo, kpair factor)
{
    reduced e = reduce(K, x, lo, -INFINITY, INFINITY, false);
    kx more = LET("more", ADD(e.r, e.q));
    kx y = ADD(factor.hi, ADD(MUL(factor.hi, more), ADD(factor.lo, MUL(factor.lo, more))));
    return scaled(K, y, e.n, e.number);
}

kpair kmath_exp_pair(kmath *K, kx x, kx lo, kx factor, int shift)
{
    reduced e = reduce_all(K, x, lo);
    kpair sum = kmath_fast_sum(K, factor, MUL(factor, ADD(e.r, e.q)));
    kx n = e.n, number = e.number;
    if (shift && K->scales) number = LET("number", ADD(number, NUM(shift)));
    else if (shift) n = LET("n", ADD(n, INT(shift)));
    return (kpair){LET("y", scaled(K, sum.hi, n, number)), LET("rest", scaled(K, sum.lo, n, number))};
}

kx kmath_exp(kmath *K) { return kmath_exp_of(K, K->x, NULL); }

/* 2^n e^r - 1 = 2^n ((1 - 2^-n) + (e^r - 1)); the first bracket is exact where it matters. */
kx kmath_expm1(kmath *K)
{
    reduced e = reduce(K, K->x, NULL, BY_TYPE(-30.0, -60.0), BY_TYPE(90.0, 720.0), false);
    kx inverse = SEL(LE(INT(K->bias), e.n), NUM(0), kmath_power_of_two(K, SUB(INT(0), e.n)));
    kpair sum = kmath_fast_sum(K, SUB(NUM(1), inverse), e.r);
    kx y = scaled(K, ADD(sum.hi, ADD(sum.lo, e.q)), e.n, e.number);
    return SEL(LT(kmath_abs(K, K->x), NUM(ldexp(1, -K->digits - 1))), K->x, y);
}

/* Beyond 1 from e^|x| / 2, which overflows later than e^|x|. */
kx kmath_sinh(kmath *K)
{
    kx a = LET("a", kmath_abs(K, K->x)), z = LET("z", MUL(a, a));
    kx p = POLY(z, (0.166666672, 0.00833329838, 0.000198463589, 2.75910747e-06),
                (0.16666666666666666, 0.0083333333333335674, 0.00019841269841110005, 2.7557319264771401e-06,
                 2.5052105469443237e-08, 1.6058657453834518e-10, 7.7160980498846795e-13));
    kx below = LET("below", ADD(a, MUL(MUL(a, z), p)));
    kpair half = kmath_exp_pair(K, a, NULL, NUM(1), -1);
    kx above = LET("above", ADD(half.hi, SUB(half.lo, DIV(NUM(0.25), half.hi))));
    return kmath_with_sign(K, SEL(LT(a, NUM(1)), below, above), kmath_sign_bit(K, K->x));
}

kx kmath_cosh(kmath *K)
{
    kpair half = kmath_exp_pair(K, kmath_abs(K, K->x), NULL, NUM(1), -1);
    return ADD(half.hi, ADD(DIV(NUM(0.25), half.hi), half.lo));
}

kx kmath_tanh(kmath *K)
{
    kx a = LET("a", kmath_abs(K, K->x)), z = LET("z", MUL(a, a));
    kx p = POLY(z, (-0.333333313, 0.133330867, -0.0539063774, 0.0212964714, -0.00659183552),
                (-0.33333333333333331, 0.13333333333332462, -0.053968253967258226, 0.021869488488051519,
                 -0.008863234298919706, 0.0035921093291230027, -0.001455654833588362, 0.0005889065496866619,
                 -0.00023455835230734448, 8.5002294636612875e-05, -2.053375787334839e-05));
    kx below = LET("below", ADD(a, MUL(MUL(a, z), p)));
    kx e = UN(EXP, ADD(a, a));
    kx above = LET("above", SUB(NUM(1), DIV(NUM(2), ADD(e, NUM(1)))));
    return kmath_with_sign(K, SEL(LT(a, NUM(0.55)), below, above), kmath_sign_bit(K, K->x));
}

/* With x = n log(2) - r: 2^n / (2^n + e^r), which neither overflows nor underflows before the result does. */
kx kmath_sigmoid(kmath *K)
{
    kx a = LET("a", MAX(NUM2(-105, -750), MIN(NUM2(30, 60), K->x)));
    if (K->looks_up) return sigmoid_by_sixteenths(K, a);
    kwhole n = kmath_nearest(K, "n", MUL(a, NUM(1.4426950408889634)));
    kx upper = LET("upper", SUB(MUL(n.number, NUM2(0.693145751953125, 0.69314718056011770)), a));
    kx r = LET("r", ADD(MUL(n.number, NUM2(1.42860677e-06, -1.7239444525614835e-13)), upper));
    kx power = LET("power", scaled(K, NUM(1), n.integer, n.number));
    return DIV(power, ADD(power, ADD(NUM(1), ADD(r, MUL(LET("square", MUL(r, r)), exp_rest(K, r))))));
}
