/* Constants in the order in which a tiled kernel reads them, made at compile time. */
#ifndef NFC_K_PACK_H
#define NFC_K_PACK_H

#include "passes/k_tile.h"
#include "passes/plan.h"

/* Packs every constant of the call that a reduction of the nest loads, so that the lanes of a tile lie side by side,
 * then its rows, then the steps of the reduction, then the tiles. Each of these gets a parameter of its own in the
 * place of the old one. axis: the one with the lanes. To be called when its segments are known. */
void k_pack(ir_module *m, plan_call *call, k_nest *nest, int axis);

#endif
