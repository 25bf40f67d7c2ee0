/* A kernel in parts: its outermost independent loops run over a range that the caller chooses, so that
 * several threads can do one part each. No sum is cut in two: whatever the parts are, the results are
 * the same bits. */
#ifndef NFC_K_PARTS_H
#define NFC_K_PARTS_H

#include "ir/kir.h"

/* The loops whose iterations are shared out, outermost first: all that the kernel does, but for values
 * and local arrays before them, is one nest of them. */
enum { K_MAX_OUTER = 4 };
typedef struct k_outer {
    const kir_stmt *loop[K_MAX_OUTER];
    int n; /* 0: the kernel is no such nest */
} k_outer;

k_outer k_outer_of(const kir_func *f);

/* How many iterations the outermost `depth` loops of the nest have together: over the kernel's scalars. */
const ir_sx *k_outer_trips(ir_module *m, const k_outer *nest, int depth);

/* The kernel with two scalars more, behind its own: its outermost `depth` loops do the iterations from the
 * first up to the second of k_outer_trips(), in the order in which the kernel does them. */
kir_func *k_parts(ir_module *m, const kir_func *f, const k_outer *nest, int depth);

#endif
