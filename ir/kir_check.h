/* The kernel verifier's parts: kir_verify.c walks a kernel, kir_bounds.c says where indices can lie,
 * kir_races.c what iterations of parallel loops may touch alike. */
#ifndef NFC_KIR_CHECK_H
#define NFC_KIR_CHECK_H

#include "ir/kir.h"

/* An index symbol in scope: bounds that may be symbolic themselves. */
typedef struct {
    const ir_sym *sym;
    const ir_sx *lo, *hi;
    const ir_sx *is; /* what a named index is, where it is made of others; else NULL */
} kv_scoped;

/* What an iteration of a parallel loop touches: the index, and the symbols that run inside of it. */
typedef struct {
    const kir_stmt *loop;
    const kir_buffer *buffer;
    const ir_sx *index;
    VEC(kv_scoped) inner;
    bool writes;
} kv_access;

/* An integer of the host as its least value plus a number from 0. */
typedef struct {
    const ir_sym *sym;
    int64_t lo;
    const ir_sx *is;
} kv_over;

typedef struct {
    ir_module *m;
    const kir_func *f;
    nfc_arena *a;
    VEC(kv_scoped) sym;
    VEC(const kir_var *) var;
    VEC(const kir_buffer *) local;
    VEC(const kir_expr *) guard;
    VEC(const kir_stmt *) parallel; /* open parallel loops, with the number of locals outside */
    VEC(int) parallel_locals;
    VEC(kv_access) access; /* of the open parallel loops, to buffers that the kernel writes */
    VEC(kv_over) over;
    const kir_buffer *tile[KIR_MAX_TILES], *in_register[KIR_MAX_TILES]; /* the first tile of each register, and the last */
    VEC(const kir_buffer *) tile_use; /* tiles, as they are used */
    bool varies; /* answer of is_uniform() */
    const char *broken;
} kv_checker;

/* A symbol as it was before a loop. */
typedef struct {
    ir_sym *sym;
    int64_t lo;
} kv_was;

typedef VEC(kv_was) kv_raised;

/* Keeps the first breach; false. */
bool kv_breach(kv_checker *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define NEED(condition, ...)                                                                       \
    do {                                                                                           \
        if (!(condition)) return kv_breach(c, __VA_ARGS__);                                        \
    } while (0)

/* ---- kir_bounds.c ---------------------------------------------------------------------------- */

const ir_sx *kv_substitute(kv_checker *c, const ir_sx *x, const ir_sym *sym, const ir_sx *by);
/* How far a symbol moves x; NULL where it is not linear in it. */
const ir_sx *kv_step_of(kv_checker *c, const ir_sx *x, const ir_sym *sym);
/* Bounds of x. In n*n - n the n count each for itself; with n = 1 + m it is m*m + m. */
int64_t kv_least(kv_checker *c, const ir_sx *x);
int64_t kv_most(kv_checker *c, const ir_sx *x);
/* Is x never negative, whatever the loops around and the host's integers are? The same where the open
 * guards hold. */
bool kv_never_negative(kv_checker *c, const ir_sx *x);
bool kv_never_negative_here(kv_checker *c, const ir_sx *x);
/* Is an extent at least 1, since it is or since loops around run over a multiple of it, or of each of its
 * factors? */
bool kv_is_positive(kv_checker *c, const ir_sx *x);
/* What is known inside of loops and guards: an integer of the host is `lo` at least there; a loop's extent
 * is 1 at least, and so is what it is a product of. kv_lower_again() forgets it. */
void kv_raise(kv_checker *c, kv_raised *list, const ir_sx *x, int64_t lo);
void kv_raise_extent(kv_checker *c, kv_raised *list, const ir_sx *extent);
void kv_lower_again(kv_raised *list);

/* ---- kir_races.c ----------------------------------------------------------------------------- */

/* At the end of a parallel loop: no iteration writes what another one writes or reads. */
bool kv_check_races(kv_checker *c, const kir_stmt *loop);

#endif
