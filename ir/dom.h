/* Order and dominance among the blocks of a region. */
#ifndef NFC_DOM_H
#define NFC_DOM_H

#include "ir/ir.h"

typedef struct ir_dom {
    nfc_map index; /* block -> its number + 1, in reverse postorder */
    VEC(ir_block *) order;
    int *idom;     /* of each number; the entry's is itself */
} ir_dom;

/* Reverse postorder of the blocks that the entry reaches, and their immediate dominators. */
void ir_dominators(nfc_arena *a, const ir_region *r, ir_dom *dom);
/* Puts the blocks of a region in reverse postorder: what dominates comes first. */
void ir_order_blocks(nfc_arena *a, ir_region *r);
bool ir_block_dominates(const ir_dom *dom, const ir_block *a, const ir_block *b);

#endif
