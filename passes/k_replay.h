/* Building a kernel again, with changes: what the transforms of a schedule have in common.
 *
 * The statements of a kernel go through the builder a second time, in another order, more than once,
 * or under other loops. Symbols, named values and local arrays are mapped on the way; the builder's algebra
 * then decides guards that are known at the new place, and drops them. */
#ifndef NFC_K_REPLAY_H
#define NFC_K_REPLAY_H

#include "ir/kir.h"

/* A local array that stands for several of the old ones: one a trip of the loops that were moved inside. */
typedef struct k_local {
    kir_buffer *buffer;
    int64_t copies;
} k_local;

typedef struct k_replay {
    kir_builder *b;
    nfc_map sym;           /* ir_sym -> ir_sx that stands for it; absent: itself */
    nfc_map var;           /* kir_var -> kir_expr */
    nfc_map local;         /* kir_buffer -> k_local */
    nfc_map memo;          /* kir_expr -> kir_expr, under the mapping at hand */
    const ir_sx *copy;     /* which of a local's copies is meant; NULL: the only one */
    int64_t copies;        /* how many a local array gets that is made now */
    /* What a load of this buffer becomes; NULL or a NULL result: the same load at the mapped index. */
    const kir_expr *(*load)(void *env, kir_buffer *buffer, const ir_sx *index);
    bool (*has_fma)(void *env, kir_type type); /* NULL: no fused multiply-add is made; false: what is one becomes two operations */
    /* Makes something else of a loop; false: the same loop. NULL: always the same. */
    bool (*on_for)(void *env, struct k_replay *r, const kir_stmt *s);
    bool (*is_choice)(void *env, const kir_stmt *s); /* is a guard to be what chooses between old and new values of locals? NULL: none */
    const kir_expr *(*on_expr)(void *env, const kir_expr *e); /* what stands for a new expression; NULL: itself */
    bool narrow_lets;  /* what was widened from f16 is named before it is */
    void *env;
} k_replay;

void k_begin(k_replay *r, kir_builder *b);
/* The same, to build all of the kernel again from nothing; returns its old body. */
const kir_stmt *k_rebuild(k_replay *r, kir_builder *b);
/* All of the kernel again, with what on_for makes of its loops. `r` has no other state yet. */
void k_replay_loops(k_replay *r, kir_builder *b, bool (*on_for)(void *env, k_replay *r, const kir_stmt *s), void *env);
/* Sets `written` of each buffer that a statement, or what it holds, writes to. */
void k_mark_written(const kir_stmt *s);
/* From here on `sym` reads as x. */
void k_map(k_replay *r, const ir_sym *sym, const ir_sx *x);
const ir_sx *k_index(k_replay *r, const ir_sx *x);
const kir_expr *k_expr(k_replay *r, const kir_expr *e);
/* A statement with all that it holds. */
void k_stmt(k_replay *r, const kir_stmt *s);
void k_body(k_replay *r, const kir_stmt *s);
/* A loop from begin to end (old expressions are mapped by the caller); maps the old variable. A loop of
 * one trip is none. Returns whether it is to be closed. */
bool k_for(k_replay *r, kir_for_kind kind, const kir_stmt *old, const char *name, const ir_sx *begin, const ir_sx *end);

/* ---- looking at statements --------------------------------------------------------------------- */

/* Calls visit for every expression of a statement and of what it holds, children first, each once a statement. */
void k_visit_exprs(nfc_arena *a, const kir_stmt *s, void (*visit)(void *env, const kir_expr *e), void *env);
/* Does an expression depend on it? loads: also what the indices of its loads depend on. */
bool k_value_mentions(nfc_arena *a, const kir_expr *e, const ir_sym *sym, bool loads);

#endif
