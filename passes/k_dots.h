/* Sums of products by instructions that multiply several narrow elements and add them up at once.
 *
 *     for k in 0 .. 70                          for k4 in 0 .. 17
 *       acc += i32(x[m, k]) * i32(w[k, n])        acc += dot_u8_i8(x[m, 4 k4].word4, w4[k4, n])
 *                                               acc += dot_u8_i8(x[m, 68].word2, w_rest[n])
 *
 * w is a constant: w4 holds words of four elements each, made at compile time, w_rest what is left, with zeros behind. */
#ifndef NFC_K_DOTS_H
#define NFC_K_DOTS_H

#include "passes/sched.h"

/* Has the device an instruction for it, on any number of lanes? */
bool k_has_dot(const device *d, kir_dot op);
/* Has it one of two words of a narrow type of floats? */
bool k_has_float_dots(const device *d, nfc_dtype type);
/* Writes the loops of the kernel so whose types the target has an instruction for. Returns whether there was one; the
 * products are the same, and so are the sums of integers. */
bool k_dots(const sched_target *t, ir_module *m, plan_call *call, kir_builder *b);
/* Are words of memory the same for all lanes along an axis? Others are not loaded at once. */
bool k_dots_fit(const k_nest *nest, int axis);

#endif
