/* What the equation of an einsum says. */
#ifndef NFC_EINSUM_H
#define NFC_EINSUM_H

#include "ir/ir.h"

/* Labels: 26 letters of each case, and as many axes of an ellipsis as there can be, from its end. */
enum { EINSUM_LETTERS = 52, EINSUM_LABELS = EINSUM_LETTERS + IR_MAX_RANK };

typedef struct einsum_term {
    int rank;
    int label[IR_MAX_RANK]; /* of each axis */
    uint64_t labels;        /* as a set */
} einsum_term;

typedef struct einsum {
    int n;
    einsum_term *in; /* n of them */
    einsum_term out;
    const ir_sx *extent[EINSUM_LABELS]; /* NULL: not used */
} einsum;

/* Reads the equation against the operands. Returns NULL, or what is wrong, in the arena; operand: whose
 * fault it is, -1: the equation's. */
const char *einsum_of(ir_module *m, const ir_inst *inst, einsum *e, int *operand);

#endif
