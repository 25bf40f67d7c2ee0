/* Exponentials: e^x = 2^n e^r with |r| <= log(2) / 2. */
#include "ir/kmath.h"

#include <math.h>

/* x + lo = n log(2) + r, with n * upper(log 2) exact; r comes with what its rounding lost. */
typedef struct {
    kwhole n;
    kpair r;
} reduced;

static reduced reduce(kmath *K, kx x, kx lo)
{
    kwhole n = kmath_nearest(K, "n", MUL(x, NUM(1.4426950408889634)));
    kx upper = LET("near", SUB(x, MUL(n.number, NUM2(0.693145751953125, 0.69314718056011770))));
    kx lower = MUL(n.number, NUM2(1.42860677e-06, -1.7239444525614835e-13));
    lower = LET("off", lo ? SUB(lower, lo) : lower);
    kx r = LET("r", SUB(upper, lower));
    return (reduced){n, {r, LET("rest", SUB(SUB(upper, r), lower))}};
}

/* e^r - 1. */
static kx small_expm1(kmath *K, kpair r)
{
    kx p = POLY(r.hi, (0.5, 0.166666672, 0.0416665077, 0.0083331801, 0.00139308651, 0.00019969666),
                (0.5, 0.16666666666666671, 0.041666666666666671, 0.0083333333333258878, 0.0013888888888882137,
                 0.00019841269875453746, 2.4801587330115581e-05, 2.7557254760225758e-06, 2.7557268783987963e-07,
                 2.5105440189782652e-08, 2.091642799874394e-09));
    kx square = MUL(r.hi, r.hi);
    return LET("above_1", ADD(r.hi, ADD(MUL(square, p), ADD(r.lo, MUL(r.hi, r.lo)))));
}

/* x * 2^n in two steps, so that neither factor leaves the normal numbers. */
static kx scaled(kmath *K, kx x, kx n)
{
    kx half = LET("half", SUB(SHR(ADD(n, INT(4096)), INT(1)), INT(2048)));
    kx other = kmath_power_of_two(K, SUB(n, half));
    return MUL(MUL(x, kmath_power_of_two(K, half)), other);
}

static kx clamped(kmath *K, kx x, double low, double high)
{
    x = LET("bounded", SEL(LT(NUM(high), x), NUM(high), x));
    return LET("bounded", SEL(LT(x, NUM(low)), NUM(low), x));
}

kx kmath_exp_of(kmath *K, kx x, kx lo, int shift)
{
    double limit = BY_TYPE(120.0, 800.0);
    kx bounded = clamped(K, x, -limit, limit);
    if (lo) lo = LET("rest", SEL(EQ(bounded, x), lo, NUM(0)));
    reduced e = reduce(K, bounded, lo);
    kx y = ADD(NUM(1), small_expm1(K, e.r));
    return scaled(K, y, shift ? LET("n", ADD(e.n.integer, INT(shift))) : e.n.integer);
}

kx kmath_exp(kmath *K) { return kmath_exp_of(K, K->x, NULL, 0); }

/* 2^n e^r - 1 = 2^n ((1 - 2^-n) + (e^r - 1)); the first bracket is exact where it matters. */
kx kmath_expm1(kmath *K)
{
    kx bounded = clamped(K, K->x, BY_TYPE(-30.0, -60.0), BY_TYPE(120.0, 800.0));
    reduced e = reduce(K, bounded, NULL);
    kx n = e.n.integer, tiny = LE(INT(K->bias), n);
    kx inverse = SEL(tiny, NUM(0), kmath_power_of_two(K, SUB(INT(0), n)));
    kx sum = LET("sum", ADD(SUB(NUM(1), inverse), small_expm1(K, e.r)));
    kx identity = LT(kmath_abs(K, K->x), NUM(ldexp(1, -K->digits - 1)));
    return SEL(identity, K->x, scaled(K, sum, n));
}

/* Beyond 1 from e^|x| / 2, which overflows later than e^|x|. */
kx kmath_sinh(kmath *K)
{
    kx a = LET("a", kmath_abs(K, K->x)), z = LET("z", MUL(a, a));
    kx p = POLY(z, (0.166666672, 0.00833329838, 0.000198463589, 2.75910747e-06),
                (0.16666666666666666, 0.0083333333333335674, 0.00019841269841110005, 2.7557319264771401e-06,
                 2.5052105469443237e-08, 1.6058657453834518e-10, 7.7160980498846795e-13));
    kx below = LET("below", ADD(a, MUL(MUL(a, z), p)));
    kx half = LET("half", kmath_exp_of(K, a, NULL, -1));
    kx above = LET("above", SUB(half, DIV(NUM(0.25), half)));
    return kmath_with_sign(K, SEL(LT(a, NUM(1)), below, above), kmath_sign_bit(K, K->x));
}

kx kmath_cosh(kmath *K)
{
    kx half = LET("half", kmath_exp_of(K, kmath_abs(K, K->x), NULL, -1));
    return ADD(half, DIV(NUM(0.25), half));
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
