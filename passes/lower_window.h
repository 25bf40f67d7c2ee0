/* Loops over windows that several ops share. */
#ifndef NFC_LOWER_WINDOW_H
#define NFC_LOWER_WINDOW_H

#include "ir/shape.h"
#include "passes/lower_kir.h"

/* Opens the loops over a kernel's elements, in which `in` is the place that each spreads from to the place
 * `out` of what a transposed window makes: (out + pad - kernel * dilation) / stride, where that is whole and
 * inside. Returns how much is to be closed. */
int lw_for_spread(lw *l, const window *w, const ir_sx *const *out, const ir_sx **kernel, const ir_sx **in);

#endif
