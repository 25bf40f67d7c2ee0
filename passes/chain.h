/* Chains: instructions of which each works on the rows that the one before it has just made, so that a few
 * rows of what lies between them are kept in the place of all.
 *
 * A chain is a set of kernels of one block (stages) with one result that leaves it, the last one's. Rows are the
 * elements of axis 2 (the height of [N, C, H, W]). The result is made in blocks of rows; before a
 * block is made, each stage makes the rows that it needs and that were not made yet. So every row of every stage is made once. What
 * of it the next block needs again is kept. All of this is said in the graph IR, as a loop over the
 * blocks whose body has the stages with fewer rows; the loop carries the rows that are kept, and the result.
 * Rows at the ends, where windows reach into the padding, are made by copies of the body before and behind the loop. */
#ifndef NFC_CHAIN_H
#define NFC_CHAIN_H

#include "passes/pass.h"
#include "passes/plan.h"

enum { CHAIN_AXIS = 2, CHAIN_STAGES = 8, CHAIN_NODES = 192, CHAIN_OPERANDS = 8 };

typedef struct chain_operand {
    int node;              /* whose result it is; -1: made outside of the chain */
    ir_value *outside;     /* NULL: absent, or of a node */
    bool rowed;            /* the rows that are made need some of its rows, not all of it */
    nfc_dtype widened;     /* what it is cast to where the window loads it, its rows are kept as they are; DT_COUNT: nothing */
} chain_operand;

/* One op: a stage, or what is fused in one. Row r of its result is made of rows
 * r * stride - before ... r * stride - before + reach - 1 of its operands. */
typedef struct chain_node {
    const ir_inst *inst;
    chain_operand in[CHAIN_OPERANDS];
    bool rowed;            /* else all of its result is made in every block */
    bool window;           /* it has padding, in attributes */
    bool stored;           /* it is a stage's result */
    int64_t rows;          /* of its result */
    int64_t row_bytes;
    int64_t before, stride, reach;
    int64_t rate, made, kept; /* of a block that ends at row x of the result, away from the ends: rows to rate * x + made
                               * are made, and those from rate * x + kept needed again */
} chain_node;

typedef struct chain {
    ir_module *m;
    nfc_arena *a;
    int nstage, n;
    ir_inst *stage[CHAIN_STAGES]; /* in program order */
    chain_node node[CHAIN_NODES]; /* the last is the result */
    int64_t rows;          /* of the result */
    int64_t lead, block, blocks; /* rows before the loop, in one trip, and trips; what is left is made behind it */
    int64_t window_bytes;  /* of what lies between the stages, at most */
} chain;

/* How far the nodes are when the result has its first x rows: rows [kept, made) are at hand. */
typedef struct chain_progress {
    int64_t made[CHAIN_NODES], kept[CHAIN_NODES];
} chain_progress;

/* chain_rows.c: what the stages need of one another; false: they are no chain. `stage` is in program order. */
bool chain_analyse(chain *c, ir_module *m, nfc_arena *a, ir_inst *const *stage, int n);
/* Is it an instruction that can be a stage? */
bool chain_is_stage(const ir_inst *inst);
void chain_progress_at(const chain *c, int64_t x, chain_progress *to);
/* Blocks of so many rows: what is made before the loop, and how often it runs; false: it would not run twice. */
bool chain_cut(chain *c, int64_t block);
/* The rows [from, to) that a node needs of an operand that has `rows` of them to make rows [first, last) of its own;
 * the padding that it needs besides. */
void chain_need(const chain_node *n, int64_t rows, int64_t first, int64_t last, int64_t *from, int64_t *to, int64_t pads[2]);

/* chain_make.c: puts the loop in the place of the stages. Returns it. */
ir_inst *chain_make(chain *c);

#endif
