/* The sizes of attention and of what goes with it. */
#ifndef NFC_ATTENTION_H
#define NFC_ATTENTION_H

#include "ir/ir.h"

/* The operands of `attention`, by position. */
enum { ATTENTION_Q, ATTENTION_K, ATTENTION_V, ATTENTION_MASK, ATTENTION_PAST_KEY, ATTENTION_PAST_VALUE, ATTENTION_LENGTHS };

typedef struct attention {
    bool packed; /* heads stand in the rows: [B, T, H * D] */
    const ir_sx *batch, *rows; /* B, T */
    const ir_sx *fresh, *past, *total; /* S, P, P + S */
    int64_t heads, kv_heads, size, value_size; /* H, KH, D, E */
    double scale;
} attention;

/* Works them out. Returns NULL, or what is wrong, in the arena; operand: whose fault it is, -1: the op's. */
const char *attention_of(ir_module *m, const ir_inst *inst, attention *a, int *operand);

/* x of rotary_embedding: [B, H, T, D], or [B, T, H * D]. */
typedef struct rotation {
    bool packed;
    const ir_sx *batch, *rows, *heads;
    int64_t size, turning; /* D, R */
} rotation;
const char *rotation_of(ir_module *m, const ir_inst *inst, rotation *r, int *operand);

#endif
