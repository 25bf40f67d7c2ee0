/* The error function and the normal distribution. */
#include "ir/kmath.h"

#include <math.h>

/* The tail erfc(a) = exp(-a^2) p(t) / (1 + 2a) with t = (a - c) / (a + c), for a >= 0: M. Shepherd and
 * J. Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x in 0 <= x < oo". The argument is
 * x = a * root, which is 1 for erfc and sqrt(2) for the normal distribution, so that nothing is lost
 * by a division before squaring; the result is half of it then. */
static kx tail(kmath *K, kx x, bool normal)
{
    double root = normal ? 1.4142135623730951 : 1, c = BY_TYPE(2, 3) * root;
    double end = BY_TYPE(11, 28) * root;
    kx a = LET("a", SEL(LT(NUM(end), x), NUM(end), x));
    kx t = LET("t", DIV(SUB(a, NUM(c)), ADD(a, NUM(c))));
    kx p = POLY(t, (1.27697837, -0.0927638113, -0.166030198, 0.164050847, -0.0542210862, -0.00803011097, 0.00872298051,
                    0.0012540163, -0.00144765934, -0.000410845096, 0.000188916951, 9.12332034e-05),
                (1.2530080582697296, -0.13562110612458117, -0.04756229435344525, 0.12964515870276022, -0.1192736634155053,
                 0.068308027343992939, -0.0237705149154697, 0.002529391815864551, 0.0018886903309507422,
                 -0.00077983227101412179, -0.0001051596455844939, 0.00012509935291035609, 4.9489353335823872e-06,
                 -2.0100603040042785e-05, -7.3020152928571835e-07, 3.4725972710728655e-06, 3.5476134376337916e-07,
                 -6.1711836215572468e-07, -1.3948263477245146e-07, 1.0253836570025494e-07, 4.0543479868282402e-08,
                 -1.3832897307109699e-08, -8.1557764313723867e-09, 1.1480877144077699e-09, 8.7846542784567787e-10));
    kx slow = LET("slow", DIV(p, ADD(NUM(1), MUL(NUM(2 / root), a))));
    kpair square = kmath_product(K, a, a);
    if (normal) square = (kpair){MUL(NUM(0.5), square.hi), MUL(NUM(0.5), square.lo)};
    kx e = kmath_exp_of(K, LET("minus", NEG(square.hi)), LET("rest", NEG(square.lo)), 0);
    return MUL(e, normal ? MUL(NUM(0.5), slow) : slow);
}

kx kmath_erf(kmath *K)
{
    kx a = LET("abs", kmath_abs(K, K->x)), z = LET("z", MUL(a, a));
    kx p = POLY(z, (0.128379166, -0.376126349, 0.112837277, -0.0268615242, 0.0052068634, -0.000821414171, 8.69307769e-05),
                (0.12837916709551259, -0.3761263890318392, 0.11283791670961861, -0.026866170646385374, 0.005223977638520309,
                 -0.00085483278663660636, 0.00012055368457703255, -1.4926653110972518e-05, 1.6481284840915947e-06,
                 -1.6610104187334423e-07, 1.6788359738037667e-08, -2.1462359436291126e-09, 2.7001186104219974e-10));
    kx below = LET("below", ADD(a, MUL(a, p))), above = LET("above", SUB(NUM(1), tail(K, a, false)));
    return kmath_with_sign(K, SEL(LT(a, NUM(0.875)), below, above), kmath_sign_bit(K, K->x));
}

kx kmath_erfc(kmath *K)
{
    kx y = LET("y", tail(K, LET("abs", kmath_abs(K, K->x)), false));
    return SEL(LT(K->x, NUM(0)), SUB(NUM(2), y), y);
}

kx kmath_normcdf(kmath *K)
{
    kx y = LET("y", tail(K, LET("abs", kmath_abs(K, K->x)), true));
    return SEL(LT(NUM(0), K->x), SUB(NUM(1), y), y);
}
