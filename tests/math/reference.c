/* What the functions should give. */
#include <math.h>
#include <string.h>
#include "tests/math/check.h"

#define UNARY(id)                                                                                  \
    static wide wide_##id(wide x, wide y) { return (void)y, WIDE(id)(x); }                         \
    static double narrow_##id(double x, double y) { return (void)y, id(x); }
UNARY(exp)
UNARY(expm1)
UNARY(log)
UNARY(log1p)
UNARY(sin)
UNARY(cos)
UNARY(tan)
UNARY(asin)
UNARY(acos)
UNARY(atan)
UNARY(sinh)
UNARY(cosh)
UNARY(tanh)
UNARY(asinh)
UNARY(acosh)
UNARY(atanh)
UNARY(erf)
UNARY(erfc)

/* At minus infinity the formulas have no value. */
static wide wide_gelu(wide x, wide y) { return (void)y, x * WIDE(erfc)(-x / WIDE(sqrt)(2)) / 2; }
static wide wide_gelu_tanh(wide x, wide y)
{
    wide u = 2 * WIDE(sqrt)(2 / WIDE(acos)(-1)) * (x + (wide)44715 / 1000000 * x * x * x);
    return (void)y, WIDE(isinf)(x) && x < 0 ? WIDE(nan)("") : x / (1 + WIDE(exp)(-u));
}
static wide wide_sigmoid(wide x, wide y) { return (void)y, 1 / (1 + WIDE(exp)(-x)); }
static double narrow_sigmoid(double x, double y) { return (double)wide_sigmoid((wide)x, (wide)y); }
static double narrow_gelu(double x, double y) { return (double)wide_gelu((wide)x, (wide)y); }
static double narrow_gelu_tanh(double x, double y) { return (double)wide_gelu_tanh((wide)x, (wide)y); }
static wide wide_pow(wide x, wide y) { return WIDE(pow)(x, y); }
static double narrow_pow(double x, double y) { return pow(x, y); }
/* Exact in any precision. */
static wide wide_fmod(wide x, wide y) { return (wide)fmod((double)x, (double)y); }
static double narrow_fmod(double x, double y) { return fmod(x, y); }

static const reference references[] = {
#define ROW(id, bound32, bound64) {#id, wide_##id, narrow_##id, bound32, bound64},
    ROW(exp, 1, 1)
    ROW(expm1, 1.5, 1.5)
    ROW(log, 1, 1)
    ROW(log1p, 1, 1)
    ROW(sin, 1, 1)
    ROW(cos, 1, 1)
    ROW(tan, 1.5, 1.5)
    ROW(asin, 1, 1)
    ROW(acos, 1, 1)
    ROW(atan, 1, 1)
    ROW(sinh, 1, 1)
    ROW(cosh, 1, 1)
    ROW(tanh, 1.5, 1.5)
    ROW(sigmoid, 2, 2)
    ROW(asinh, 1, 1)
    ROW(acosh, 1, 1)
    ROW(atanh, 1, 1)
    ROW(erf, 1.5, 1.5)
    ROW(erfc, 2, 2)
    ROW(gelu, 1.5, 2)
    ROW(gelu_tanh, 1.5, 1.5)
    ROW(pow, 1, 1)
    ROW(fmod, 0, 0)
#undef ROW
};

const reference *reference_named(const char *name)
{
    for (size_t i = 0; i < sizeof references / sizeof *references; i++)
        if (strcmp(references[i].name, name) == 0) return &references[i];
    return NULL;
}

double ulps(double got, wide value, bool is_wide)
{
    int digits = is_wide ? 53 : 24, lowest = is_wide ? -1021 : -125, highest = is_wide ? 1024 : 128, e;
    double near = (double)value;
    if (isnan(near) || isnan(got)) return isnan(near) && isnan(got) ? 0 : INFINITY;
    if (value == 0) return got == 0 && !signbit(got) == !signbit(near) ? 0 : INFINITY;
    if (got == 0 && !signbit(got) != !signbit(near)) return INFINITY;
    wide infinite = WIDE(ldexp)(1, highest); /* overflow counts as this */
    wide want = value > infinite ? infinite : value < -infinite ? -infinite : value;
    wide have = isinf(got) ? (got < 0 ? -infinite : infinite) : (wide)got;
    WIDE(frexp)(want, &e);
    if (e > highest) e = highest;
    wide error = WIDE(ldexp)(WIDE(fabs)(have - want), digits - (e < lowest ? lowest : e));
    return (double)error;
}
