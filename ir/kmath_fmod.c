/* The exact remainder of floats, without a loop over their exponents. */
#include "ir/kmath.h"

#include <math.h>

/* A positive float as m 2^e with a whole m; e counts from the subnormals' exponent. */
typedef struct {
    kx m, e;
} whole;

static whole whole_of(kmath *K, kx bits)
{
    uint64_t one = UINT64_C(1) << (K->digits - 1);
    kx field = LET("field", SHR(bits, WORD(K->digits - 1))), rest = BAND(bits, WORD(one - 1));
    kx normal = LET("normal", NE(field, WORD(0)));
    return (whole){LET("m", SEL(normal, BOR(rest, WORD(one)), rest)), LET("e", SEL(normal, SUB(field, WORD(1)), WORD(0)))};
}

static kx quotient(kmath *K, kx a, kx b) { return CAST(K->i, DIV(CAST(K->t, BITS(K->i, a)), CAST(K->t, BITS(K->i, b)))); }

/* a modulo m for a, m < 2^digits: a quotient that is no whole number is too far from the next one to be rounded to it. Of
 * floats, because few processors divide several integers at a time. */
static kx modulo(kmath *K, kx a, kx m) { return SUB(a, MUL(BITS(K->u, quotient(K, a, m)), m)); }

/* a b modulo m for a, b < m < 2^digits: the quotient by floats is off by 3 at most, and the difference
 * is right however much of the products is lost above the word. */
static kx product_modulo(kmath *K, kx a, kx b, kx m)
{
    kx quotient = DIV(MUL(CAST(K->t, BITS(K->i, a)), CAST(K->t, BITS(K->i, b))), CAST(K->t, BITS(K->i, m)));
    kx q = BITS(K->u, SUB(CAST(K->i, quotient), INT(3)));
    kx r = LET("r", SUB(MUL(a, b), MUL(q, m)));
    for (int i = 4; i; i /= 2) {
        kx times = LET("times", MUL(WORD(i), m));
        r = LET("r", SEL(LT(r, times), r, SUB(r, times)));
    }
    return r;
}

/* |x| = a 2^i, |y| = b 2^j: the remainder is (a 2^(i - j) mod b) 2^j, and the power of two modulo b
 * comes by squaring, from the exponent's upper bits down. */
kx kmath_fmod(kmath *K)
{
    uint64_t sign = UINT64_C(1) << (K->width - 1), infinity = (uint64_t)(2 * K->bias + 1) << (K->digits - 1);
    kx x_bits = LET("x_bits", BAND(BITS(K->u, K->x), WORD(sign - 1)));
    kx y_bits = LET("y_bits", BAND(BITS(K->u, K->y), WORD(sign - 1)));
    kx bad = LET("bad", OR(LE(WORD(infinity), x_bits), OR(LT(WORD(infinity), y_bits), EQ(y_bits, WORD(0)))));
    kx less = LET("less", OR(bad, LT(x_bits, y_bits)));
    whole x = whole_of(K, x_bits), y = whole_of(K, y_bits);
    kx m = LET("m", SEL(less, WORD(1), y.m));
    kx gap = LET("gap", SEL(less, WORD(0), SUB(x.e, y.e)));
    int low = BY_TYPE(4, 6); /* two to what is left of the gap above is less than 2^digits */
    kx power = LET("power", modulo(K, SHL(WORD(1), SHR(gap, WORD(low))), m));
    for (int i = low - 1; i >= 0; i--) {
        kx square = product_modulo(K, power, power, m);
        kx twice = LET("twice", ADD(square, square));
        twice = LET("twice", SEL(LT(twice, m), twice, SUB(twice, m)));
        kx bit = NE(BAND(SHR(gap, WORD(i)), WORD(1)), WORD(0));
        power = LET("power", SEL(bit, twice, square));
    }
    kx r = product_modulo(K, LET("r", modulo(K, x.m, m)), power, m);
    /* r 2^j as a float: r of few digits is a whole number times a power of two, and both are exact. */
    kx field = LET("field", ADD(y.e, WORD(1)));
    kx scale = LET("scale", BITS(K->t, SHL(field, WORD(K->digits - 1))));
    kx unit = NUM(ldexp(1, 1 - K->digits));
    kx y_value = MUL(MUL(CAST(K->t, BITS(K->i, r)), unit), scale);
    kx magnitude = SEL(less, BITS(K->t, x_bits), y_value);
    kx result = kmath_with_sign(K, magnitude, kmath_sign_bit(K, K->x));
    return SEL(bad, NUM(NAN), result);
}
