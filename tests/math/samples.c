/* Arguments for the tests. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tests/math/check.h"

typedef struct {
    samples s;
    int cap;
    bool is_wide;
    uint64_t state;
} sampler;

/* S. Vigna's splitmix64. */
static uint64_t random_bits(sampler *r)
{
    uint64_t z = r->state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static double uniform(sampler *r, double lo, double hi) { return lo + (hi - lo) * ldexp((double)(random_bits(r) >> 11), -53); }

static void add(sampler *r, double x, double y)
{
    if (r->s.n == r->cap) return;
    if (!r->is_wide) x = (double)(float)x, y = (double)(float)y;
    r->s.x[r->s.n] = x;
    r->s.y[r->s.n++] = y;
}

static double from_bits(sampler *r, uint64_t bits)
{
    if (r->is_wide) {
        double x;
        memcpy(&x, &bits, sizeof x);
        return x;
    }
    float x;
    uint32_t low = (uint32_t)bits;
    memcpy(&x, &low, sizeof x);
    return (double)x;
}

/* Any pattern of bits: every exponent is as likely. */
static double any(sampler *r) { return from_bits(r, random_bits(r)); }

static double next(sampler *r, double x, double to)
{
    return r->is_wide ? nextafter(x, to) : (double)nextafterf((float)x, (float)to);
}

static void around(sampler *r, double x, int reach)
{
    if (!r->is_wide) x = (double)(float)x;
    double up = x, down = next(r, x, -INFINITY);
    for (int i = 0; i < reach; i++) {
        add(r, up, 1);
        add(r, down, 1);
        add(r, -up, 1);
        add(r, -down, 1);
        up = next(r, up, INFINITY);
        down = next(r, down, -INFINITY);
    }
}

static const double marks[] = {
    0, 1, 2, 0.5, 0.25, 1.5, 0.75, 4, 8, 10, 16, 30, 60, 88.72, 88.7228394, 103.97, 104, 87.33, 709.78, 709.782712893384, 745.13,
    708.39, 710.475, 3000, 1500000, 0.4375, 0.6875, 1.1875, 2.4375, 0.55, 0.875, 0.70710678, 1.41421356, 0.34657359, 1.03972077, 9.0,
    10.05, 11, 13.2, 14.17, 15.5, 26.5, 27.22, 28, 37.5, 38.5, 40, 2.7182818, 9.19424, 16777216, 9007199254740992, 4611686018427387904,
};

static void add_marks(sampler *r)
{
    double edge[] = {from_bits(r, 1), r->is_wide ? 2.2250738585072014e-308 : 1.1754943508222875e-38, r->is_wide ? 1.7976931348623157e308 : 3.4028234663852886e38};
    add(r, INFINITY, 1);
    add(r, -INFINITY, 1);
    add(r, NAN, 1);
    for (size_t i = 0; i < sizeof edge / sizeof *edge; i++) around(r, edge[i], 3);
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) around(r, marks[i], 20);
    for (int e = -1074; e < 1024; e++) around(r, ldexp(1, e), 2);
}

/* What is nearest to a multiple of pi/2 loses most. The two worst arguments are J.-M. Muller's
 * ("Elementary Functions", chapter 11). */
static void add_multiples_of_half_pi(sampler *r)
{
    around(r, ldexp(16367173, 72), 3);
    around(r, ldexp(6381956970095103, 797), 3);
    for (int i = 1; i < 4000; i++) around(r, (double)i * 1.5707963267948966, 1);
    for (int e = 12; e < 1020; e++) around(r, floor(ldexp(1, e) / 1.5707963267948966) * 1.5707963267948966, 1);
}

static void add_pairs(sampler *r)
{
    double one[] = {0, from_bits(r, 1), 0.5, next(r, 1, 0), 1, next(r, 1, 2), 1.5, 2, 2.5, 3, 16777215, 16777216, 9007199254740991, 9007199254740992, 1e30, 3.4028234663852886e38, INFINITY, NAN};
    int n = (int)(sizeof one / sizeof *one);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < n; k++)
            for (int sign = 0; sign < 4; sign++) add(r, sign & 1 ? -one[i] : one[i], sign & 2 ? -one[k] : one[k]);
    double log_of_largest = r->is_wide ? 745 : 104;
    while (r->s.n < r->cap) {
        double x = any(r), near = 1 + uniform(r, -0.5, 1) * ldexp(1, -(int)(random_bits(r) % 24));
        add(r, x, any(r));
        if (!r->is_wide) near = (double)(float)near;
        add(r, near, uniform(r, -1.02, 1.02) * log_of_largest / fabs(log(near))); /* powers in range, to the edge */
        add(r, fabs(x), uniform(r, -1.02, 1.02) * log_of_largest / fabs(log(fabs(x))));
        add(r, floor(uniform(r, -20, 20)), floor(uniform(r, -40, 40)));
        add(r, x, x * uniform(r, -2, 2));
        add(r, x, x / floor(uniform(r, 1, 1e9))); /* quotients close to whole numbers */
        add(r, from_bits(r, random_bits(r) >> 9 & (r->is_wide ? 0x1fffffffffffff : 0xffffff)), from_bits(r, random_bits(r) >> 9 & (r->is_wide ? 0x1fffffffffffff : 0xffffff)));
    }
}

samples samples_of(const char *name, bool is_wide, int n)
{
    sampler r = {.cap = n, .is_wide = is_wide, .state = 1};
    r.s.x = calloc((size_t)n, sizeof(double));
    r.s.y = calloc((size_t)n, sizeof(double));
    if (!r.s.x || !r.s.y) abort();
    if (strcmp(name, "pow") == 0 || strcmp(name, "fmod") == 0) {
        add_pairs(&r);
        return r.s;
    }
    add_marks(&r);
    if (strcmp(name, "sin") == 0 || strcmp(name, "cos") == 0 || strcmp(name, "tan") == 0) add_multiples_of_half_pi(&r);
    while (r.s.n < n) {
        add(&r, any(&r), 1);
        add(&r, uniform(&r, -1, 1), 1);
        add(&r, uniform(&r, -10, 10), 1);
        add(&r, uniform(&r, -110, 110), 1);
        add(&r, uniform(&r, -750, 750), 1);
        add(&r, uniform(&r, -1, 1) * ldexp(1, -(int)(random_bits(&r) % 32)), 1);
        add(&r, 1 + uniform(&r, -1, 1) * ldexp(1, -(int)(random_bits(&r) % 24)), 1);
    }
    return r.s;
}
