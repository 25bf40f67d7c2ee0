/* What a kernel reads and writes: its parameters, and the elements of values that pass through it. What lowerings call
 * of it, lw_load() and lw_store(), is in lower_kir.h. */
#ifndef NFC_LOWER_ACCESS_H
#define NFC_LOWER_ACCESS_H

#include "passes/lower_kir.h"

/* The parameter for a value as it lies in this view: the one that it has, or that of the same elements, or a new one. */
lw_param *lw_param_of(lw *l, const ir_value *v, const plan_view *view);
/* Where element `index` lies in a parameter of this rank. */
const ir_sx *lw_flat_index(lw *l, const lw_param *p, int rank, const ir_sx *const *index);
/* A constant of one value, which needs no memory, in its computing type; NULL: it is another. */
const kir_expr *lw_literal(lw *l, const ir_value *v);
/* A block argument of the fused group is the operand outside. */
const ir_value *lw_outside(const lw *l, const ir_value *v);
/* The value that leaves the kernel through the root's result n. */
const ir_value *lw_leaves_as(const lw *l, int n);
/* What the fused group yields, as its own block has it. */
const ir_value *lw_last_inside(const lw *l);

#endif
