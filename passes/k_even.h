/* Loops over which indices do not step evenly: those of what is repeated, enlarged or surrounded. */
#ifndef NFC_K_EVEN_H
#define NFC_K_EVEN_H

#include "ir/kir.h"

/* Independent loops of known extent, in whose indices a quotient or a remainder of the variable by a divisor of the extent stands,
 * become two, one around the other: w / 2 for w < 56 is w_t of w_t < 28 and w < 2. Returns how many. For kernels whose loops are
 * all independent. written_out: is there one of so few trips that they are written out? */
int k_even_periods(kir_builder *b, bool *written_out);
/* Innermost loops become several, one behind the other, where all that is asked of the variable is known in each: w of
 * 0 .. 57 of which 1 .. 56 are inside of what is surrounded become 0, 1 .. 56 and 57. Returns how many did. */
int k_even_segments(kir_builder *b);

#endif
