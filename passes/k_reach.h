/* What a range of a kernel's iterations touches, as places in memory: so that it shows which parts of two kernels are
 * independent of each other, whatever the two compute and wherever the planner put what they pass on. */
#ifndef NFC_K_REACH_H
#define NFC_K_REACH_H

#include "passes/k_apart.h"
#include "passes/k_parts.h"

/* Where a parameter lies. Places of two spaces are never the same; those of one count from the same beginning. */
typedef struct k_place {
    const void *space;
    int64_t base;         /* bytes */
    const ir_sx *offset;  /* elements, over the symbols of the host */
    bool fixed;           /* nobody ever writes it: it does not count */
} k_place;

typedef struct k_term {
    int64_t step, lo, hi;  /* bytes, times a number from lo to hi, */
    const ir_sym *outer;   /* or times this symbol, which is the same for all that is compared */
} k_term;

/* The sums of base and terms, and so many bytes from each of them on. */
typedef struct k_touch {
    const void *space;
    int64_t base, bytes;
    int64_t first, last;  /* all of them lie between */
    bool writes;
    k_term *term;
    int n;                /* K_MOST_STEPS at most */
} k_touch;

typedef VEC(k_touch) k_touches;

/* A kernel as it is called. */
typedef struct k_called {
    const kir_func *func;
    const k_place *place;          /* of each parameter */
    const ir_sym *const *scalar;   /* what the host gives for each of the kernel's scalars */
} k_called;

/* Adds what is touched where of each range of iterations those from first[i] up to end[i] are done: a range for each
 * unit with units->each, else one of all of them. units: NULL: all of the kernel. Trips are constants. More than is touched
 * may be listed, never less. */
void k_reach(ir_module *m, nfc_arena *a, const k_called *call, const k_units *units, const int64_t *first, const int64_t *end, k_touches *list);
/* May something that the one writes be touched by the other? */
bool k_reaches_meet(const k_touches *a, const k_touches *b);

#endif
