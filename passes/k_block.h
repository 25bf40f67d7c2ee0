/* A reduction in blocks: all tiles do one block of its trips before any does the next, so that what a block reads of the
 * operands stays in a cache. Between two blocks the sums are kept where the results go.
 *
 *     for n_t  for m_t                for k_b in 0..4
 *       acc[] = 0                       for n_t  for m_t
 *       for k in 0..2048                  acc[] = k_b == 0 ? 0 : y[..]
 *         acc[] += ..                     for k in 0..512  acc[] += .. at 512 k_b + k
 *       y[..] = f(acc[])                  if (k_b == 3) y[..] = f(acc[]) else y[..] = acc[]
 *
 * No sum has another order for it where the reduction is one loop: of several, the innermost goes in blocks. */
#ifndef NFC_K_BLOCK_H
#define NFC_K_BLOCK_H

#include "passes/k_tile.h"

/* What of a nest's core can run in blocks. */
typedef struct k_blockable {
    const kir_stmt *init;      /* gives the sum its first value */
    const kir_stmt *reduction; /* the loop around all that sums up */
    const kir_stmt *loop;      /* the innermost of these: the one that is cut */
    const kir_stmt *store;     /* of the result, which has the type of the sum, and a place that nothing is read from */
    kir_buffer *sum;
    int64_t trips;
} k_blockable;

/* Is the core one sum of products over loops of known extents, that is stored once? */
bool k_find_blockable(k_nest *nest, k_blockable *p);
/* Cuts the loop into blocks of `depth` trips, fewer than it has; the loop over them stands inside of the outermost `outside` axes. */
void k_block(k_nest *nest, const k_blockable *p, int64_t depth, int outside);

#endif
