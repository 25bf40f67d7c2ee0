/* Factors that are the same for many terms of a sum: the scales of quantised weights.
 *
 *     for k in 0..4096                              for k_b in 0..128
 *       acc += x[k] * float(q[k, n]) * s[k / 32, n]   part = 0
 *                                                     for k_i in 0..32
 *                                                       part += x[32 k_b + k_i] * float(q[32 k_b + k_i, n])
 *                                                     acc += part * s[k_b, n]
 *
 * Only where integers are multiplied, of 16 bits at most: their sums with x overflow only where x is beyond some 1e33 over the
 * length of the sum, and a product less is a rounding less. An infinite scale gives an infinity where one of its terms, 0, had
 * given NaN. Not with --strict: the roundings are others. */
#ifndef NFC_K_FACTOR_H
#define NFC_K_FACTOR_H

#include "ir/kir.h"

/* Takes such factors out of the sums of the kernel that is being built; false: there are none, and it is as it was. */
bool k_factor(kir_builder *b);

#endif
