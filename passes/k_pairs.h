/* Sums of products of what lies side by side in both operands, as of rows with rows: a tile of them at a time. */
#ifndef NFC_K_PAIRS_H
#define NFC_K_PAIRS_H

#include "passes/sched.h"

/* How many sums a tile has along the shorter one of two axes of so many elements, and along the longer one: half of the registers
 * hold them. */
typedef struct k_pairs_tile {
    int64_t rows, columns;
} k_pairs_tile;
k_pairs_tile k_pairs_tile_of(const sched_target *t, int64_t rows);

/* Replaces the kernel's body, if it is such sums and nothing else, by tiles of them with lanes along the terms: a vector that is
 * loaded is used for each row, or each column, of the tile. Returns what the schedule says of it; NULL: it is as it was. The
 * terms are added in another order. */
const char *k_pairs(const sched_target *t, kir_builder *b, int64_t lanes);

#endif
