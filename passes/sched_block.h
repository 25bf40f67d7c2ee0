/* Blocks: of the reduction, of rows and of lanes (passes/k_block.h), so that what tiles read again stays in a cache. */
#ifndef NFC_SCHED_BLOCK_H
#define NFC_SCHED_BLOCK_H

#include "passes/sched.h"

/* Can the nest's reduction run in blocks? Its result must lie where no operand does. */
bool sched_blockable(k_nest *nest, const plan_call *call, k_blockable *p);
/* Chooses blocks for a schedule with tiles, where what the tiles read again is more than the caches keep. */
void sched_pick_blocks(const sched_target *t, k_nest *nest, const plan_call *call, sched *s);
/* With `depth`: orders the axes (those of a batch, lanes, others, rows) and cuts the reduction. */
void sched_cut_reduction(k_nest *nest, const plan_call *call, sched *s);
/* With `depth`: groups the tiles of the two axes, whose segments are known; what is said of it. */
const char *sched_group_tiles(k_nest *nest, const sched *s);

#endif
