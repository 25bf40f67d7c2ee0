/* Constants in the order in which a tiled kernel reads them, made at compile time. */
#ifndef NFC_K_PACK_H
#define NFC_K_PACK_H

#include "passes/sched.h"

/* Packs every constant of the call that a reduction of the nest loads, so that the lanes of a tile lie side by side,
 * then its rows, then the steps of the reduction, then the tiles, then the steps of the loops around these (the matrices of
 * a batch). Each of these gets a parameter of its own in the
 * place of the old one. axis: the one with the lanes. To be called when its segments are known.
 *
 * What the target's caches do not have yet is asked for ahead: while the tiles that share some lanes' part of the
 * constant work, each asks for its share of the part that the next lanes read; where there is one tile alone, it asks
 * for what comes so many bytes later. */
void k_pack(const sched_target *t, ir_module *m, plan_call *call, k_nest *nest, int axis);

#endif
