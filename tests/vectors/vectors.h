/* What the parts of the vector test share. */
#ifndef TEST_VECTORS_H
#define TEST_VECTORS_H

#include "tests/vk/check.h"

/* Makes the innermost parallel loops of a kernel loops over vectors of at most `most` lanes, with single elements
 * behind them, where kir_cannot_vector() allows it, and unrolls short loops. fuses: sums of products of floats
 * are rounded once. Returns the new kernel; the old one stays as it is. *vectors counts the loops that became vectors, *refused the others. */
const kir_func *strip_mine(ir_module *m, const kir_func *f, int64_t most, bool fuses, int *vectors, int *refused);

/* made.c: calls take for kernels by hand, with vectors of `most` lanes, a quarter of it, and so on. */
typedef void take_kernel(void *env, const kir_func *f);
void make_kernels(ir_module *m, int64_t most, take_kernel *take, void *env);

#endif
