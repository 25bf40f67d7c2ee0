/* Loops over windows, and sums of products, that several ops share. */
#ifndef NFC_LOWER_WINDOW_H
#define NFC_LOWER_WINDOW_H

#include "ir/shape.h"
#include "passes/lower_kir.h"

/* Names of loops by the number of spatial axes. */
extern const char *const lw_out_names[3][3], *const lw_in_names[3][3], *const lw_kernel_names[3][3];

/* Opens the loops over the kernel's elements, with guards where they can leave the input, and gives
 * the input's coordinates. Returns how much is to be closed. */
int lw_for_window(lw *l, const window *w, const ir_sx *const *out, const ir_sx **kernel, const ir_sx **in);
/* Opens the loops over a kernel's elements, in which `in` is the place that each spreads from to the place
 * `out` of what a transposed window makes: (out + pad - kernel * dilation) / stride, where that is whole and
 * inside. Returns how much is to be closed. */
int lw_for_spread(lw *l, const window *w, const ir_sx *const *out, const ir_sx **kernel, const ir_sx **in);

/* Adds x y to the accumulator. */
void lw_add_product(lw *l, kir_buffer *acc, const kir_expr *x, const kir_expr *y);
/* An element of operand i less its zero point, operand `zero`, in the type t. The zero point's axes are
 * the operand's last ones; a vector stands along axis `line`. */
const kir_expr *lw_shifted(lw *l, const ir_inst *inst, int i, int zero_point, int line, const ir_sx *const *index, kir_type t);

#endif
