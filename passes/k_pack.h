/* Operands in the order in which a tiled kernel reads them: constants are made so at compile time, others by kernels that run
 * before it. */
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
 * for what comes so many bytes later.
 *
 * others: so is what is no constant, into room in the arena that only the call needs, by kernels that the call is given to run
 * before it (plan_call's `before`). */
void k_pack(const sched_target *t, ir_module *m, plan_call *call, k_nest *nest, int axis, bool others);
/* Would it pack that parameter, which is no constant, for lanes along this axis? */
bool k_can_pack(const sched_target *t, ir_module *m, const plan_call *call, k_nest *nest, int axis, const kir_buffer *b);

/* A constant of n elements of a type, made of another one, or of each entry of a table: `make` gives its elements, in
 * the module's arena. */
ir_inst *k_constant(ir_module *m, const ir_inst *old, nfc_dtype dtype, int64_t n, const void *(*make)(void *env, ir_module *m, const void *from), void *env);
/* Gives it to the kernel's call, for the parameter that was just made; it lies as `old`'s constant. */
void k_add_constant(ir_module *m, plan_call *call, const plan_view *old, ir_inst *c);

#endif
