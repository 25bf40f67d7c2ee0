/* The parts of k_pack.c: k_pack_run.c makes the kernels that pack what is no constant. */
#ifndef NFC_K_PACK_OF_H
#define NFC_K_PACK_OF_H

#include "ir/kir_lanes.h"
#include "passes/k_pack.h"

typedef struct {
    const ir_sym *sym;
    int64_t extent, step; /* step: in the old order */
} pack_loop;

enum { NOWHERE = -1 };

/* How the nest loads one operand. */
typedef struct packing {
    const ir_sx *index;      /* as the kernel has it */
    VEC(pack_loop) loop;     /* outermost first, without the axis */
    int nouter;              /* of them around the axis: matrices of a batch, packed one after the other */
    int64_t outer;           /* the product of these loops' extents */
    int cut;                 /* which of the loops is within a block of the reduction, whose number is the last of those around; or NOWHERE */
    int64_t first, step;     /* of the index at 0; along the axis */
    int64_t inner;           /* the product of the other loops' extents */
    bool reduced, unfit;
    bool constant;           /* else it is packed in the run */
    const kir_stmt *in;      /* the innermost loop of the core that moves it */
    kir_buffer *from, *to;
    VEC(int64_t) base;       /* of each segment of the axis */
    int64_t size;
} packing;

typedef struct packer {
    const sched_target *target;
    ir_module *m;
    k_nest *nest;
    int axis;
    nfc_map of;                    /* kir_buffer -> packing */
    VEC(const kir_stmt *) around;  /* the loops around the statement at hand */
} packer;

/* Elements of a tile: a part of a vector has the room of a whole one, so that whole ones are loaded. */
static inline int64_t pack_span(const k_segment *g) { return g->rows > 1 ? g->rows * g->lanes : kir_lanes_width(g->lanes); }

/* Gives the call kernels that pack an operand before it, into room that is its argument for the parameter that is made next.
 * False: there are no such kernels. */
bool pack_in_run(packer *k, plan_call *call, const packing *p);

#endif
