/* A scalar function as the emitted C has it: the generated file of `math print` ends in a table. */
#ifndef MATH_TEST_H
#define MATH_TEST_H

#include <stdint.h>

typedef struct {
    const char *name;         /* "exp", in the order of ir/kir.def, unary operators first */
    int arguments;
    float (*f32)(float, float);
    double (*f64)(double, double);
} math_function;

typedef struct {
    const math_function *function;
    int n;
} math_table;

#endif
