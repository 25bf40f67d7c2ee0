/* Arithmetic on f16 where the device has instructions for it.
 *
 * What an op on f16 gives is what its f32 counterpart gives of the widened operands, rounded once: of a sum, difference, product,
 * quotient or square root an instruction on f16 makes the same bits, for f32 has more than twice the digits and two (Figueroa, "When is
 * double rounding innocuous?", 1995), and a minimum, maximum, choice or change of sign rounds nothing. */
#ifndef NFC_K_HALVES_H
#define NFC_K_HALVES_H

#include "passes/sched.h"

/* Builds the kernel again with f16 for the values that are rounded to it; false: it stays as it is, for there are none, or
 * the device has no such instructions for a whole register, or it has sums, which are in f32. */
bool k_halves(const sched_target *t, kir_builder *b);

#endif
