/* What the two lowerings of sdpa share: the plain one, and the one with a schedule. */
#ifndef NFC_LOWER_ATTENTION_H
#define NFC_LOWER_ATTENTION_H

#include "passes/lower_kir.h"

typedef struct attention {
    const ir_inst *inst;
    kir_type t;                        /* what is computed in */
    int batch;                         /* axes before the heads */
    const ir_sx *row[IR_MAX_RANK];     /* batch axes, query head, query row, element */
    const ir_sx *kv_head, *keys;       /* keys: how many are valid */
} attention;

/* Opens the loops over the batch axes and the heads; returns how many. */
int attention_heads(lw *l, const ir_inst *inst, attention *a);
/* How many keys count, as a named index. */
void attention_keys(lw *l, attention *a);
double attention_scale(const attention *a);
/* An element of key or value row j. */
const kir_expr *attention_element(lw *l, const attention *a, int operand, const ir_sx *j, const ir_sx *e);
/* The element of the mask for key j. */
const kir_expr *attention_mask(lw *l, const attention *a, const ir_sx *j);
/* May the query row see key j by the attributes' conditions? Only those that are asked for. */
const kir_expr *attention_visible(lw *l, const attention *a, const ir_sx *j);
/* What a row without a key that it may see gives. */
const kir_expr *attention_of_nothing(lw *l, const attention *a);

/* Blocks of query rows with their scores in local arrays, in vectors of the device; false: not for these shapes. */
bool attend_in_blocks(lw *l, const ir_inst *inst, const struct sched_target *target);

#endif
