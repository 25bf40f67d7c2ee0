/* Symbolic integers: extents of shapes, indices, loop bounds.
 *
 * A value is a polynomial over symbols in one normal form, hash-consed, so that equal expressions
 * are the same pointer. A symbol is a dim of the module, or the run-time value of an index (a loop
 * variable, a scalar read on the host); each has bounds, and so has every expression over it.
 * Division rounds down and the remainder has the divisor's sign; divisors are positive constants. */
#ifndef NFC_SX_H
#define NFC_SX_H

#include <stdbool.h>
#include "frontend/session.h"
#include "ir/vec.h"

typedef struct ir_sx ir_sx;

typedef struct ir_sym {
    const char *name;
    int id;             /* in the order of creation; orders the terms of an expression */
    int64_t lo, hi;     /* inclusive */
    bool is_dim;        /* else an index value */
    bool is_result;     /* a dim that no input has: a run's outputs say what it is */
    struct ir_value *value; /* index: the SSA value */
    const ir_sx *is;    /* replaced by this expression (folded, bound); NULL: stands for itself */
    nfc_span at;
} ir_sym;

typedef struct sx_term {
    int64_t coef;
    int n;
    const ir_sx **factor; /* SX_SYM, SX_DIV and SX_MOD nodes, in order of id */
} sx_term;

typedef enum { SX_SUM, SX_SYM, SX_DIV, SX_MOD } sx_kind;

struct ir_sx {
    sx_kind kind;
    int id;               /* in the order of creation */
    int64_t constant;     /* SUM: the constant term; DIV, MOD: the divisor */
    int nterm;            /* SUM */
    const sx_term *term;
    const ir_sym *sym;    /* SYM */
    const ir_sx *a;       /* DIV, MOD: the dividend */
};

typedef struct sx_table {
    nfc_arena *arena, *scratch; /* scratch: cleared when the outermost operation has its result */
    nfc_map map;
    int nsym, nsx, depth;       /* depth: operations under way */
    VEC(int64_t) key; /* of what is looked up at the moment */
    bool overflow; /* set by an operation whose coefficients left 64 bits, or that is too long; its result is 0 */
} sx_table;

void sx_init(sx_table *table, nfc_arena *arena);
ir_sym *sx_new_sym(sx_table *t, const char *name, int64_t lo, int64_t hi, nfc_span at);
const ir_sx *sx_int(sx_table *t, int64_t value);
const ir_sx *sx_sym(sx_table *t, const ir_sym *sym);
const ir_sx *sx_add(sx_table *t, const ir_sx *a, const ir_sx *b);
const ir_sx *sx_sub(sx_table *t, const ir_sx *a, const ir_sx *b);
const ir_sx *sx_mul(sx_table *t, const ir_sx *a, const ir_sx *b);
const ir_sx *sx_div(sx_table *t, const ir_sx *a, int64_t by); /* by > 0 */
const ir_sx *sx_mod(sx_table *t, const ir_sx *a, int64_t by);
/* a / b when the division leaves nothing for every value of the symbols, else NULL. */
const ir_sx *sx_exact_div(sx_table *t, const ir_sx *a, const ir_sx *b);
/* With every replaced symbol (ir_sym.is) put in. */
const ir_sx *sx_resolve(sx_table *t, const ir_sx *a);
/* With what `by` gives for a symbol in its place; NULL leaves it. */
typedef const ir_sx *sx_by(void *env, const ir_sym *sym);
const ir_sx *sx_replace(sx_table *t, const ir_sx *a, sx_by *by, void *env);

/* a / b, rounded down. */
static inline int64_t sx_floor_div(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a % b < 0) != (b < 0)); }

bool sx_is_const(const ir_sx *a);
int64_t sx_value(const ir_sx *a); /* of a constant */
bool sx_is(const ir_sx *a, int64_t value);
/* Inclusive bounds, by interval arithmetic; saturating at the ends of int64. */
void sx_range(const ir_sx *a, int64_t *lo, int64_t *hi);
int64_t sx_max(const ir_sx *a);
int64_t sx_min(const ir_sx *a);
/* Does every part of it fit in 64 bits, whatever the symbols are within their bounds? */
bool sx_fits(const ir_sx *a);
/* The value, with value_of giving each symbol's. */
int64_t sx_eval(const ir_sx *a, int64_t (*value_of)(void *, const ir_sym *), void *env);
/* The same; false when a part of it leaves 64 bits, where sx_eval() goes on with the nearest number
 * that does not. Parts are worked out in the order that they are kept in: terms are added to the constant, factors to the
 * coefficient. */
bool sx_eval_checked(const ir_sx *a, int64_t (*value_of)(void *, const ir_sym *), void *env, int64_t *out);
/* Calls visit for every symbol in a (repeatedly, where it stands repeatedly). */
void sx_visit(const ir_sx *a, void (*visit)(void *, const ir_sym *), void *env);
/* ---- as functions of one symbol (sx_linear.c) ---- */
bool sx_mentions(const ir_sx *x, const ir_sym *sym);
/* x with `by` in the place of sym. */
const ir_sx *sx_put(sx_table *t, const ir_sx *x, const ir_sym *sym, const ir_sx *by);
/* The factor of sym in x, where x is linear in it with a constant factor; false elsewhere. */
bool sx_step(sx_table *t, const ir_sx *x, const ir_sym *sym, int64_t *step);
/* The symbol itself, when the expression is just one. */
const ir_sym *sx_only_sym(const ir_sx *a);
/* "2*S + 1", as .nfg writes it. */
const char *sx_text(nfc_arena *arena, const ir_sx *a);
/* The same with other names for the symbols. */
typedef const char *sx_namer(void *env, const ir_sym *sym);
const char *sx_text_named(nfc_arena *arena, const ir_sx *a, sx_namer *name, void *env);

#endif
