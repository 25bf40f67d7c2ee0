/* Sums in an order of their own, which neither the device nor the schedule has a say in (--strict). */
#ifndef NFC_K_SUMS_H
#define NFC_K_SUMS_H

#include "passes/k_replay.h"

/* A loop that is marked in_parts, over elements 0 .. n - 1, sums element i up in part i % K_SUM_PARTS, in order from
 * the neutral element; then part r takes part r + 8 for r < 8, part r + 4 for r < 4, and so on; and the sum takes part 0.
 * So vectors of 2 to 16 lanes can do it, or single elements. */
enum { K_SUM_PARTS = 16 };

/* Is there such a loop, which sums up floats? What is summed of integers is the same in any order. */
bool k_has_fixed_sums(const kir_builder *b);
/* Replaces the kernel's body by one in which each such loop is as said, in vectors of so many lanes where its elements
 * lie side by side; 1: in none. */
void k_fix_sums(kir_builder *b, int64_t lanes);

#endif
