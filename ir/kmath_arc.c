/* Inverse trigonometric functions. */
#include "ir/kmath.h"

#include <math.h>

/* atan a = atan c + atan t with t = (a - c) / (1 + a c), for the nearest of 0, 1/2, 1, 3/2 and
 * infinity: |t| <= 7/16. */
kx kmath_atan(kmath *K)
{
    static const struct {
        double from, c, hi32, lo32, hi64, lo64;
    } step[] = {
        {7.0 / 16, 0.5, 0.463647604, 5.01215869e-09, 0.46364760900080609, 2.2698777452961687e-17},
        {11.0 / 16, 1, 0.785398185, -2.18556941e-08, 0.78539816339744828, 3.061616997868383e-17},
        {19.0 / 16, 1.5, 0.982793748, -2.51314241e-08, 0.98279372324732905, 1.3903311031230998e-17},
        {39.0 / 16, INFINITY, 1.57079637, -4.37113883e-08, 1.5707963267948966, 6.123233995736766e-17},
    };
    kx a = LET("a", kmath_abs(K, K->x)), above = a, below = NUM(1), hi = NUM(0), lo = NUM(0);
    for (int i = 0; i < 4; i++) {
        bool last = isinf(step[i].c);
        kx here = LET("here", LE(NUM(step[i].from), a));
        above = LET("above", SEL(here, last ? NUM(-1) : SUB(a, NUM(step[i].c)), above));
        below = LET("below", SEL(here, last ? a : ADD(NUM(1), MUL(a, NUM(step[i].c))), below));
        hi = LET("hi", SEL(here, NUM2(step[i].hi32, step[i].hi64), hi));
        lo = LET("lo", SEL(here, NUM2(step[i].lo32, step[i].lo64), lo));
    }
    kx t = LET("t", DIV(above, below)), z = LET("z", MUL(t, t));
    kx p = POLY(z, (-0.333333343, 0.200000778, -0.142867923, 0.1109889, -0.0874515325, 0.0522786565),
                (-0.33333333333333331, 0.19999999999998752, -0.14285714285478918, 0.11111111091210032,
                 -0.090909081685357454, 0.07692281615642664, -0.066661885891057912, 0.058764726680478413,
                 -0.052139334065998702, 0.044822566352735661, -0.032920345807629182, 0.014585412095197025));
    kx y = ADD(hi, ADD(t, ADD(MUL(MUL(t, z), p), lo)));
    return kmath_with_sign(K, y, kmath_sign_bit(K, K->x));
}

/* asin s = s + s z p(z), z = s^2. Above 1/2 both functions go by s = sqrt((1 - a) / 2), which comes as
 * its upper half and the rest. */
typedef struct {
    kx a, outer; /* |x|; is it above 1/2? */
    kx s, zp;
    kpair root;
} arc;

static arc arc_of(kmath *K)
{
    arc r = {.a = LET("a", kmath_abs(K, K->x))};
    r.outer = LET("outer", LT(NUM(0.5), r.a));
    kx z = LET("z", SEL(r.outer, MUL(NUM(0.5), SUB(NUM(1), r.a)), MUL(r.a, r.a)));
    kx p = POLY(z, (0.166666657, 0.0750015005, 0.0445865616, 0.0312209334, 0.0166590009, 0.0344147459),
                (0.16666666666666669, 0.07499999999998086, 0.044642857146847278, 0.030381944107183312,
                 0.022372174037335067, 0.017352369430104073, 0.013971532836223497, 0.01147625113992563,
                 0.01034081793747115, 0.0053839253924220232, 0.017592396510730218, -0.015139158759755704,
                 0.028946838173781939));
    r.zp = LET("zp", MUL(z, p));
    r.s = LET("s", SQRT(z));
    r.root.hi = kmath_upper(K, r.s);
    kx sum = LET("sum", ADD(r.s, r.root.hi)), left = SUB(z, MUL(r.root.hi, r.root.hi));
    r.root.lo = LET("rest", SEL(EQ(sum, NUM(0)), NUM(0), DIV(left, sum)));
    return r;
}

static kx half_pi(kmath *K) { return NUM2(1.57079637, 1.5707963267948966); }
static kx half_pi_rest(kmath *K) { return NUM2(-4.37113883e-08, 6.123233995736766e-17); }

/* pi/2 - 2 asin s, the exact part of which is pi/2 - 2 upper(s). */
kx kmath_asin(kmath *K)
{
    arc r = arc_of(K);
    kpair start = kmath_fast_sum(K, half_pi(K), MUL(NUM(-2), r.root.hi));
    kx less = SUB(MUL(NUM(2), ADD(r.root.lo, MUL(r.s, r.zp))), ADD(half_pi_rest(K), start.lo));
    kx outside = LET("outside", SUB(start.hi, less)), inside = LET("inside", ADD(r.a, MUL(r.a, r.zp)));
    kx y = SEL(r.outer, outside, inside);
    return kmath_with_sign(K, SEL(LT(NUM(1), r.a), NUM(NAN), y), kmath_sign_bit(K, K->x));
}

/* 2 asin s for x > 1/2, pi - 2 asin s for x < -1/2, pi/2 - asin x between. */
kx kmath_acos(kmath *K)
{
    arc r = arc_of(K);
    kx tail = LET("tail", ADD(r.root.lo, MUL(r.s, r.zp)));
    kx right = LET("right", MUL(NUM(2), ADD(r.root.hi, tail)));
    kx left = LET("left", MUL(NUM(2), SUB(half_pi(K), ADD(r.root.hi, SUB(tail, half_pi_rest(K))))));
    kx inside = LET("inside", SUB(half_pi(K), SUB(K->x, SUB(half_pi_rest(K), MUL(K->x, r.zp)))));
    kx y = SEL(r.outer, SEL(LT(K->x, NUM(0)), left, right), inside);
    return SEL(LT(NUM(1), r.a), NUM(NAN), y);
}
