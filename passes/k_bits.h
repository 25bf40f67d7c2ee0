/* Numbers of a few bits each, several in a byte: the loop over them is one over bytes, with the numbers of a byte written out.
 *
 *     for k in 0..4096                                   for k2 in 0..2048
 *       acc += x[k] * (w[k / 2, n] >> 4 * (k % 2) & 15)    for j in 0..2 unroll
 *                                                            acc += x[2 k2 + j] * (w[k2, n] >> 4 * j & 15)
 *
 * So each byte is loaded once, by a shift that is known, at a place that steps evenly: it can be packed. */
#ifndef NFC_K_BITS_H
#define NFC_K_BITS_H

#include "ir/kir.h"

/* Splits such loops of the kernel that is being built; false: there are none, and it is as it was. */
bool k_bits(kir_builder *b);

#endif
