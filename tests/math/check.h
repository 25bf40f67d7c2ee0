#ifndef MATH_CHECK_H
#define MATH_CHECK_H

#include "codegen/dialect.h"
#include "tests/math/math.h"

/* libquadmath's numbers, or where long double has as many digits, those. */
#if defined(__x86_64__) || defined(__i386__)
#include <quadmath.h>
typedef __float128 wide;
#define WIDE(f) f##q
#else
#include <math.h>
typedef long double wide;
#define WIDE(f) f##l
#endif

/* A function's values to far more digits than it has, and the error in units of the last place that
 * it may have. */
typedef struct {
    const char *name;
    wide (*wide)(wide x, wide y);
    double (*narrow)(double x, double y); /* for f32 */
    double bound32, bound64;
} reference;
const reference *reference_named(const char *name);

/* Arguments to try: everything that is special, and a lot at random. */
typedef struct {
    double *x, *y;
    int n;
} samples;
samples samples_of(const char *name, bool is_wide, int n);

/* The error of got in units of the last place of the value; INFINITY if it is wrong altogether. */
double ulps(double got, wide value, bool is_wide);

int check_all(ir_module *m, int n, char **libraries);

#endif
