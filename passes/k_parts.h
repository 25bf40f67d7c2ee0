/* A kernel in parts: what it does outermost, as iterations that can be done in any order, over a range of them that the
 * caller chooses, so that several threads can do one part each. No sum is cut in two: whatever the
 * parts are, the results are the same bits. */
#ifndef NFC_K_PARTS_H
#define NFC_K_PARTS_H

#include "ir/kir.h"

enum { K_MAX_OUTER = 4, K_MAX_UNITS = 32 };

/* One statement after the other of a kernel's body: a nest of PARALLEL loops, the outermost `depth` of
 * which are shared out, or statements that are done as one. */
typedef struct k_unit {
    int first, count;                     /* of the statements of the body */
    const kir_stmt *loop[K_MAX_OUTER];    /* outermost first; each but the last does nothing but the next */
    int nloop;                            /* 0: no loop */
    int depth;                            /* 1 to nloop, for the caller to choose; of no loop 0 */
    struct k_units *inner;                /* what the outermost loop does; NULL: that cannot be shared out */
    bool within;                          /* for the caller to choose: `inner` is shared out, in each iteration of that loop */
    bool across;                          /* and one range goes over all of those iterations, not the same in each; of the inner units none is `within` */
} k_unit;

/* The units of a kernel, which touch nothing that another one writes. */
typedef struct k_units {
    k_unit unit[K_MAX_UNITS];
    int n; /* 0: they are not independent, or there are too many */
    bool each; /* for the caller to choose: of each unit a range of its own is done, not one of all of them */
} k_units;

k_units k_units_of(ir_module *m, const kir_func *f);
/* How many iterations there are to be shared out: of the unit's outermost `depth` loops together, or of the units within, in each iteration of the loop around them or in all.
 * Over the kernel's scalars. */
const ir_sx *k_unit_trips(ir_module *m, const k_unit *u);
/* The unit as a kernel of its own, to be weighed. */
kir_func k_unit_alone(ir_module *m, const kir_func *f, const k_unit *u);
/* What the unit's outermost loop does in an iteration as a kernel of its own, of which `inner` are the units. */
kir_func k_unit_inside(const kir_func *f, const k_unit *u);
/* How many iterations the outermost loop has. */
const ir_sx *k_unit_outer_trips(ir_module *m, const k_unit *u);
/* The kernel with two scalars more, behind those of its own that it still needs: of the iterations of all units, one after the other, it does those
 * from the first up to the second, in the order in which the kernel does them. With `each`, two for each unit: a range of
 * the iterations of that one. */
kir_func *k_parts(ir_module *m, const kir_func *f, const k_units *units);

/* k_whole.c: of each parameter the bytes that each of so many parts reads, where a range of the unit's iterations is given to
 * each: all that does not go with the range. The unit is done so many times. Free dims count at their bounds. */
void k_whole_bytes(ir_module *m, const kir_func *f, const k_unit *u, int parts, int64_t times, int64_t *bytes);

/* k_apart.c: may two of these statements touch the same element of a buffer that one of them writes? */
bool k_may_meet(ir_module *m, const kir_func *f, const k_unit *a, const k_unit *b);

#endif
