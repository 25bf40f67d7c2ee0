/* What every kernel must keep: types, definition before use, accesses inside of their buffers, no
 * race between the iterations of a parallel loop. */
#include <string.h>
#include "ir/kir.h"

/* An index symbol in scope: bounds that may be symbolic themselves. */
typedef struct {
    const ir_sym *sym;
    const ir_sx *lo, *hi;
} scoped;

/* What an iteration of a parallel loop touches: the index, and the symbols that run inside of it. */
typedef struct {
    const kir_stmt *loop;
    const kir_buffer *buffer;
    const ir_sx *index;
    VEC(scoped) inner;
    bool writes;
} access;

typedef struct {
    const ir_sym *sym;
    int64_t lo;
    const ir_sx *is;
} over;

typedef struct {
    ir_module *m;
    const kir_func *f;
    nfc_arena *a;
    VEC(scoped) sym;
    VEC(const kir_var *) var;
    VEC(const kir_buffer *) local;
    VEC(const kir_expr *) guard;
    VEC(const kir_stmt *) parallel; /* open parallel loops, with the number of locals outside */
    VEC(int) parallel_locals;
    VEC(access) access; /* of the open parallel loops, to buffers that the kernel writes */
    VEC(over) over;
    bool varies; /* answer of is_uniform() */
    const char *broken;
} checker;

static bool breach(checker *c, const char *format, ...)
{
    if (c->broken) return false;
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(c->m->arena, format, args);
    va_end(args);
    c->broken = arena_printf(c->m->arena, "kernel %s: %s", c->f->name, text);
    return false;
}

#define NEED(condition, ...)                                                                       \
    do {                                                                                           \
        if (!(condition)) return breach(c, __VA_ARGS__);                                           \
    } while (0)

/* ---- bounds -------------------------------------------------------------------------------- */

static const ir_sx *substitute(checker *c, const ir_sx *x, const ir_sym *sym, const ir_sx *by)
{
    ir_sym *s = (ir_sym *)(uintptr_t)sym; /* replaced for the moment only */
    s->is = by;
    x = sx_resolve(&c->m->sx, x);
    s->is = NULL;
    return x;
}

/* x = slope * at + rest; false when it is not linear in `at`, a quotient or remainder. */
static bool split_linear(sx_table *t, const ir_sx *x, const ir_sx *at, const ir_sx **slope, const ir_sx **rest)
{
    *slope = sx_int(t, 0);
    *rest = sx_int(t, x->constant);
    for (int i = 0; i < x->nterm; i++) {
        const ir_sx *others = sx_int(t, x->term[i].coef);
        int times = 0;
        for (int k = 0; k < x->term[i].n; k++) {
            if (x->term[i].factor[k] == at) times++;
            else others = sx_mul(t, others, x->term[i].factor[k]);
        }
        if (times > 1) return false;
        if (times) *slope = sx_add(t, *slope, others);
        else *rest = sx_add(t, *rest, others);
    }
    return true;
}

/* How far a symbol moves x; NULL where it is not linear in it. */
static const ir_sx *step_of(checker *c, const ir_sx *x, const ir_sym *sym)
{
    sx_table *t = &c->m->sx;
    const ir_sx *base = substitute(c, x, sym, sx_int(t, 0)), *step = sx_sub(t, substitute(c, x, sym, sx_int(t, 1)), base);
    return sx_add(t, base, sx_mul(t, step, sx_sym(t, sym))) == x ? step : NULL;
}

/* An integer of the host as its least value plus a number from 0. */
static const ir_sx *over_least(void *env, const ir_sym *sym)
{
    checker *c = env;
    for (int i = 0; i < c->sym.n; i++)
        if (c->sym.at[i].sym == sym) return NULL;
    if (sym->lo == 0 || sym->lo < -INT32_MAX || sym->hi > INT64_C(1) << 40) return NULL;
    for (int i = 0; i < c->over.n; i++)
        if (c->over.at[i].sym == sym && c->over.at[i].lo == sym->lo) return c->over.at[i].is;
    const ir_sym *above = sx_new_sym(&c->m->sx, sym->name, 0, sym->hi - sym->lo, NO_SPAN);
    const ir_sx *is = sx_add(&c->m->sx, sx_int(&c->m->sx, sym->lo), sx_sym(&c->m->sx, above));
    vec_push(c->a, &c->over, ((over){sym, sym->lo, is}));
    return is;
}

/* Bounds of x. In n*n - n the n count each for itself; with n = 1 + m it is m*m + m. */
static int64_t least(checker *c, const ir_sx *x)
{
    int64_t plain = sx_min(x);
    if (plain >= 0) return plain;
    int64_t moved = sx_min(sx_replace(&c->m->sx, x, over_least, c));
    return moved > plain ? moved : plain;
}

static int64_t most(checker *c, const ir_sx *x)
{
    int64_t plain = sx_max(x);
    if (plain <= 0) return plain;
    int64_t moved = sx_max(sx_replace(&c->m->sx, x, over_least, c));
    return moved < plain ? moved : plain;
}

/* x with a loop variable at the end of its range that makes x smallest, or largest, if x is linear in it
 * and the direction is known. */
static const ir_sx *at_end(checker *c, const ir_sx *x, const scoped *s, bool largest)
{
    const ir_sx *slope = step_of(c, x, s->sym);
    if (!slope) return x;
    bool up = least(c, slope) >= 0;
    if (!up && most(c, slope) > 0) return x;
    return substitute(c, x, s->sym, up == largest ? s->hi : s->lo);
}

/* What a quotient is at most lets its factors cancel against the rest; a remainder has constant ends. */
static const ir_sx *end_of(checker *c, const ir_sx *at, bool largest)
{
    if (at->kind == SX_MOD) return sx_int(&c->m->sx, largest ? sx_max(at) : sx_min(at));
    const ir_sx *x = at->a;
    for (int i = c->sym.n - 1; i >= 0; i--) x = at_end(c, x, &c->sym.at[i], largest);
    return sx_div(&c->m->sx, x, at->constant);
}

/* Puts the end of its range that makes x smallest in the place of a quotient or remainder whose factor
 * has a known sign; x itself when there is none. What the factor holds then cancels against the rest. */
static const ir_sx *without_quotient(checker *c, const ir_sx *x)
{
    sx_table *t = &c->m->sx;
    if (x->kind != SX_SUM) return x;
    for (int i = 0; i < x->nterm; i++)
        for (int k = 0; k < x->term[i].n; k++) {
            const ir_sx *at = x->term[i].factor[k], *slope, *rest;
            if ((at->kind != SX_DIV && at->kind != SX_MOD) || !split_linear(t, x, at, &slope, &rest)) continue;
            bool up = least(c, slope) >= 0;
            if (!up && most(c, slope) > 0) continue;
            const ir_sx *end = end_of(c, at, !up), *whole = at->kind == SX_DIV ? sx_exact_div(t, slope, sx_int(t, at->constant)) : NULL;
            /* n times the quotient by n is the dividend, but for n - 1 at most. */
            if (end == at && whole) return sx_add(t, rest, sx_mul(t, whole, up ? sx_sub(t, at->a, sx_int(t, at->constant - 1)) : at->a));
            if (end == at) end = sx_int(t, up ? sx_min(at) : sx_max(at));
            return sx_add(t, rest, sx_mul(t, slope, end));
        }
    return x;
}

/* Can x be negative? Loop variables go to the end of their range that makes x smallest, innermost
 * first, so that bounds that depend on dims and on outer variables cancel. */
static bool never_negative(checker *c, const ir_sx *x)
{
    if (least(c, x) >= 0) return true;
    for (int i = c->sym.n - 1; i >= 0; i--) {
        x = at_end(c, x, &c->sym.at[i], false);
        if (least(c, x) >= 0) return true;
    }
    for (const ir_sx *next; (next = without_quotient(c, x)) != x; x = next)
        if (least(c, next) >= 0) return true;
    return false;
}

/* What a guard says, that f is not negative, as often as x moves with it. */
static bool follows_from(checker *c, const kir_expr *g, const ir_sx *x)
{
    sx_table *t = &c->m->sx;
    if (g->kind != KIR_BIN) return false;
    if (g->op == KB_AND) return follows_from(c, g->a, x) || follows_from(c, g->b, x);
    if ((g->op != KB_LT && g->op != KB_LE) || g->a->kind != KIR_INDEX || g->b->kind != KIR_INDEX) return false;
    const ir_sx *f = sx_sub(t, sx_sub(t, g->b->index, g->a->index), sx_int(t, g->op == KB_LT));
    for (int i = 0; i < c->sym.n; i++) {
        const ir_sx *own = step_of(c, f, c->sym.at[i].sym), *step = own && !sx_is(own, 0) ? step_of(c, x, c->sym.at[i].sym) : NULL;
        const ir_sx *times = step ? sx_exact_div(t, step, own) : NULL;
        if (times && least(c, times) > 0 && never_negative(c, sx_sub(t, x, sx_mul(t, times, f)))) return true;
    }
    return false;
}

/* The same where the open guards hold. */
static bool never_negative_here(checker *c, const ir_sx *x)
{
    if (never_negative(c, x)) return true;
    for (int i = 0; i < c->guard.n; i++)
        if (follows_from(c, c->guard.at[i], x)) return true;
    return false;
}

static void find_symbol(void *env, const ir_sym *sym)
{
    checker *c = env;
    for (int i = 0; i < c->f->scalar.n; i++)
        if (c->f->scalar.at[i] == sym) return;
    for (int i = 0; i < c->sym.n; i++)
        if (c->sym.at[i].sym == sym) return;
    breach(c, "the index '%s' is used outside of its loop", sym->name);
}

static void find_variable(void *env, const ir_sym *sym)
{
    checker *c = env;
    for (int i = 0; i < c->sym.n; i++) c->varies |= c->sym.at[i].sym == sym;
}

/* Is it the same in every iteration, an integer of the host? */
static bool is_uniform(checker *c, const ir_sx *x)
{
    c->varies = false;
    sx_visit(x, find_variable, c);
    return !c->varies;
}

/* Symbolic integers divide downwards. Printers see to it where a dividend can be negative; what is
 * divided in every iteration must not be, for that would cost. */
static bool check_division(checker *c, const ir_sx *x)
{
    if (x->kind == SX_DIV || x->kind == SX_MOD) {
        NEED(never_negative(c, x->a) || is_uniform(c, x->a), "the dividend %s can be negative", sx_text(c->m->arena, x->a));
        return check_division(c, x->a);
    }
    for (int i = 0; i < x->nterm; i++)
        for (int k = 0; k < x->term[i].n; k++)
            if (!check_division(c, x->term[i].factor[k])) return false;
    return true;
}

static bool check_symbols(checker *c, const ir_sx *x)
{
    sx_visit(x, find_symbol, c);
    return !c->broken && check_division(c, x);
}

/* Notes an access for each open parallel loop that shares the buffer among its iterations. */
static void note_access(checker *c, const kir_buffer *b, const ir_sx *index, const ir_sx *count, bool writes)
{
    for (int i = 0; b->written && i < c->parallel.n; i++) {
        bool inner_local = false; /* made inside of the loop: each iteration has its own */
        for (int k = c->parallel_locals.at[i]; k < c->local.n; k++) inner_local |= c->local.at[k] == b;
        if (inner_local) continue;
        access x = {.loop = c->parallel.at[i], .buffer = b, .index = index, .writes = writes};
        for (int k = c->sym.n - 1; c->sym.at[k].sym != x.loop->var->sym; k--) vec_push(c->a, &x.inner, c->sym.at[k]);
        if (!sx_is(count, 1)) { /* a block: its elements count as one more loop */
            ir_sym *k = sx_new_sym(&c->m->sx, "block", 0, sx_max(count) - 1, NO_SPAN);
            x.index = sx_add(&c->m->sx, index, sx_sym(&c->m->sx, k));
            vec_push(c->a, &x.inner, ((scoped){k, sx_int(&c->m->sx, 0), sx_sub(&c->m->sx, count, sx_int(&c->m->sx, 1))}));
        }
        vec_push(c->a, &c->access, x);
    }
}

static bool check_access(checker *c, const kir_buffer *b, const ir_sx *index, const ir_sx *count, bool writes)
{
    if (!check_symbols(c, index)) return false;
    bool known = b->space == KIR_GLOBAL;
    for (int i = 0; i < c->local.n; i++) known |= c->local.at[i] == b;
    NEED(known, "the local '%s' is used outside of its place", b->name);
    const ir_sx *room = sx_sub(&c->m->sx, b->size, sx_add(&c->m->sx, index, count));
    NEED(never_negative_here(c, index), "the index %s of '%s' can be negative", sx_text(c->m->arena, index), b->name);
    NEED(never_negative_here(c, room), "the index %s of '%s' can reach its size %s", sx_text(c->m->arena, index), b->name, sx_text(c->m->arena, b->size));
    note_access(c, b, index, count, writes);
    return true;
}

/* ---- expressions --------------------------------------------------------------------------- */

static bool is_float(kir_type t) { return t < DT_COUNT && dtype_is_float((nfc_dtype)t); }

static bool check_un(checker *c, const kir_expr *e)
{
    kir_type t = e->a->type;
    if (e->op == KU_BITS) {
        NEED(t < DT_COUNT && e->type < DT_COUNT && dtype_bytes((nfc_dtype)t) == dtype_bytes((nfc_dtype)e->type), "bits between types of different width");
        return true;
    }
    NEED(e->type == t, "%s changes its type", kir_un_table[e->op].text);
    if (e->op == KU_NOT) NEED(t == DT_bool, "not of a %d", t);
    else if (e->op == KU_BNOT) NEED(t < DT_COUNT && dtype_is_int((nfc_dtype)t), "bnot of a %d", t);
    else if (e->op != KU_NEG && e->op != KU_ABS) NEED(is_float(t), "%s of an integer", kir_un_table[e->op].text);
    return true;
}

/* Is x a multiple of y by a number from 1? Of an x that is not 0 neither factor is. */
static bool is_multiple(checker *c, const ir_sx *x, const ir_sx *y)
{
    const ir_sx *times = sx_exact_div(&c->m->sx, x, y);
    if (times) return sx_min(times) >= (sx_min(y) >= 0 ? 0 : 1);
    if (x->kind != SX_SUM || y->kind != SX_SUM || !x->nterm || !y->nterm || y->term[0].coef == 0) return false;
    int64_t by = x->term[0].coef / y->term[0].coef;
    return by >= 1 && sx_mul(&c->m->sx, y, sx_int(&c->m->sx, by)) == x;
}

/* Is an extent at least 1, since it is or since loops around run over a multiple of it, or of each of its
 * factors? */
static bool is_positive(checker *c, const ir_sx *x)
{
    bool positive = sx_min(x) >= 1;
    if (!positive && x->kind == SX_SUM && x->nterm == 1 && x->constant == 0 && x->term[0].coef >= 1) {
        positive = true;
        for (int i = 0; i < x->term[0].n && positive; i++) positive = x->term[0].factor[i] != x && is_positive(c, x->term[0].factor[i]);
    }
    for (int i = 0; i < c->sym.n && !positive; i++) {
        const scoped *s = &c->sym.at[i];
        positive = is_multiple(c, sx_add(&c->m->sx, sx_sub(&c->m->sx, s->hi, s->lo), sx_int(&c->m->sx, 1)), x);
    }
    return positive;
}

static bool check_bin(checker *c, const kir_expr *e)
{
    const char *name = kir_bin_table[e->op].text;
    NEED(e->a->type == e->b->type, "%s of two types, %d and %d", name, e->a->type, e->b->type);
    kir_type t = e->a->type;
    bool boolean = e->op == KB_AND || e->op == KB_OR;
    bool bits = e->op == KB_BAND || e->op == KB_BOR || e->op == KB_BXOR || e->op == KB_SHL || e->op == KB_SHR;
    NEED(!boolean || t == DT_bool, "%s of what is not bool", name);
    NEED(!bits || !is_float(t), "%s of floats", name);
    NEED(e->op != KB_REM || !is_float(t), "%s of floats", name);
    NEED((e->op != KB_FMOD && e->op != KB_POW) || is_float(t), "%s of integers", name);
    bool divides = t == KIR_INDEX_TYPE && (e->op == KB_DIV || e->op == KB_REM);
    NEED(!divides || (e->b->kind == KIR_INDEX && is_positive(c, e->b->index)), "an index is divided by what can be 0");
    return true;
}

static bool check_expr(checker *c, const kir_expr *e)
{
    if (!e) return true;
    if (!check_expr(c, e->a) || !check_expr(c, e->b) || !check_expr(c, e->c)) return false;
    bool operands = true; /* arithmetic is on computing types only */
    for (const kir_expr *const *k = (const kir_expr *const[]){e->a, e->b, e->c, NULL}; *k; k++) operands &= kir_computes((*k)->type);
    switch (e->kind) {
    case KIR_CONST: NEED(kir_computes(e->type) && e->type != KIR_INDEX_TYPE, "a constant of a storage type"); return true;
    case KIR_VAR: {
        bool known = false;
        for (int i = 0; i < c->var.n; i++) known |= c->var.at[i] == e->var;
        NEED(known, "the value '%s' is used outside of its place", e->var->name);
        return true;
    }
    case KIR_INDEX: return check_symbols(c, e->index);
    case KIR_LOAD: return check_access(c, e->buffer, e->index, sx_int(&c->m->sx, 1), false);
    case KIR_UN: NEED(operands || e->op == KU_BITS, "%s of a storage type", kir_un_table[e->op].text); return check_un(c, e);
    case KIR_BIN: NEED(operands, "%s of a storage type", kir_bin_table[e->op].text); return check_bin(c, e);
    case KIR_FMA: NEED(operands && is_float(e->type) && e->a->type == e->type && e->b->type == e->type && e->c->type == e->type, "fma of other types"); return true;
    case KIR_SELECT: NEED(e->a->type == DT_bool && e->b->type == e->type && e->c->type == e->type, "select of other types"); return true;
    case KIR_CAST: NEED(kir_computes(e->type) || kir_computes(e->a->type), "a cast between storage types"); return true;
    }
    return false;
}

/* ---- guards -------------------------------------------------------------------------------- */

/* What the open guards say of an index: x <= y and x < y with x or y the index itself. */
static void guard_bounds(checker *c, const kir_expr *g, const ir_sx *x, const ir_sx **lo, const ir_sx **hi)
{
    if (g->kind == KIR_BIN && g->op == KB_AND) {
        guard_bounds(c, g->a, x, lo, hi);
        guard_bounds(c, g->b, x, lo, hi);
        return;
    }
    if (g->kind != KIR_BIN || (g->op != KB_LT && g->op != KB_LE) || g->a->kind != KIR_INDEX || g->b->kind != KIR_INDEX) return;
    const ir_sx *strict = sx_int(&c->m->sx, g->op == KB_LT);
    if (g->a->index == x) *hi = sx_sub(&c->m->sx, g->b->index, strict);
    if (g->b->index == x) *lo = sx_add(&c->m->sx, g->a->index, strict);
}

static bool check_let(checker *c, const kir_stmt *s)
{
    if (!check_expr(c, s->value)) return false;
    if (!s->var->sym) {
        vec_push(c->a, &c->var, s->var);
        return true;
    }
    const ir_sx *lo = sx_int(&c->m->sx, s->var->sym->lo), *hi = sx_int(&c->m->sx, s->var->sym->hi);
    int64_t vlo, vhi;
    kir_index_range(s->value, &vlo, &vhi);
    if (s->value->kind == KIR_INDEX) {
        const ir_sx *glo = NULL, *ghi = NULL;
        for (int i = 0; i < c->guard.n; i++) guard_bounds(c, c->guard.at[i], s->value->index, &glo, &ghi);
        if (glo && sx_min(glo) > vlo) vlo = sx_min(glo);
        if (ghi && sx_max(ghi) < vhi) vhi = sx_max(ghi);
        if (glo) lo = glo;
        if (ghi) hi = ghi;
    } else if (s->value->kind == KIR_BIN && s->value->op == KB_MIN && s->value->b->kind == KIR_INDEX) {
        hi = s->value->b->index; /* clamped to a bound that may be symbolic */
        if (vlo < 0 && is_positive(c, sx_add(&c->m->sx, hi, sx_int(&c->m->sx, 1)))) { /* which is not negative here */
            kir_index_range(s->value->a, &vlo, &(int64_t){0});
            if (vlo > 0) vlo = 0;
        }
    } else if (s->value->kind == KIR_BIN && s->value->op == KB_REM && s->value->b->kind == KIR_INDEX && vlo >= 0) {
        hi = sx_sub(&c->m->sx, s->value->b->index, sx_int(&c->m->sx, 1));
    }
    NEED(vlo >= s->var->sym->lo && vhi <= s->var->sym->hi, "'%s' can leave its bounds", s->var->name);
    vec_push(c->a, &c->sym, ((scoped){s->var->sym, lo, hi}));
    return true;
}

/* ---- what is known inside of loops and guards ------------------------------------------------ */

/* A symbol as it was before a loop. */
typedef struct {
    ir_sym *sym;
    int64_t lo;
} raised;

typedef VEC(raised) raised_list;

static void raise(checker *c, raised_list *list, const ir_sx *x, int64_t lo)
{
    ir_sym *sym = (ir_sym *)(uintptr_t)sx_only_sym(x);
    if (!sym || sym->lo >= lo || sym->hi < lo) return;
    vec_push(c->a, list, ((raised){sym, sym->lo}));
    sym->lo = lo;
}

/* Inside of a loop its extent is 1 at least, and so is what it is a product of. */
static void raise_extent(checker *c, raised_list *list, const ir_sx *extent)
{
    raise(c, list, extent, 1);
    if (extent->kind != SX_SUM || extent->nterm != 1 || extent->term[0].coef < 1) return;
    const sx_term *m = &extent->term[0];
    if (m->n == 1) raise(c, list, m->factor[0], 1 - extent->constant > 0 ? (1 - extent->constant + m->coef - 1) / m->coef : 0);
    for (int i = 0; i < m->n; i++)
        if (sx_min(m->factor[i]) < 0) return;
    for (int i = 0; i < m->n && extent->constant <= 0; i++) raise(c, list, m->factor[i], 1);
}

static void lower_again(raised_list *list)
{
    while (list->n) {
        const raised *r = &list->at[--list->n];
        r->sym->lo = r->lo;
    }
}

/* ---- races --------------------------------------------------------------------------------- */

/* An index as a sum of steps: how far each loop's variable moves it. */
typedef struct {
    const ir_sx *step, *reach; /* reach: over all of the loop's iterations */
} index_step;

/* Differences of indices are as large backwards as forwards. */
static const ir_sx *magnitude(checker *c, const ir_sx *step)
{
    return most(c, step) < 0 ? sx_sub(&c->m->sx, sx_int(&c->m->sx, 0), step) : step;
}

/* Do two different values of the loop's variable always give two different indices, whatever the
 * loops inside of it do? The steps must nest: what the smaller ones reach together lies below the
 * variable's own step, and what these reach with it lies below each larger step in turn. */
static bool injective(checker *c, const ir_sx *index, const ir_sym *sym)
{
    sx_table *t = &c->m->sx;
    const ir_sx *zero = sx_int(t, 0), *one = sx_int(t, 1), *base = substitute(c, index, sym, zero);
    const ir_sx *stride = sx_sub(t, substitute(c, index, sym, one), base), *own = NULL, *below = zero;
    if (sx_add(t, base, sx_mul(t, stride, sx_sym(t, sym))) != index) return false;
    stride = magnitude(c, stride);
    VEC(index_step) larger = {0};
    for (int i = 0; i < c->sym.n; i++) {
        const scoped *s = &c->sym.at[i];
        const ir_sx *extent = sx_sub(t, s->hi, s->lo);
        if (s->sym == sym) own = sx_mul(t, stride, extent);
        if (s->sym == sym || !own) continue; /* loops around are at the same iteration */
        const ir_sx *step = magnitude(c, sx_sub(t, substitute(c, index, s->sym, one), substitute(c, index, s->sym, zero)));
        if (least(c, step) < 0) return false;
        index_step x = {step, sx_mul(t, step, extent)};
        if (most(c, x.reach) <= 0) continue; /* one iteration at most */
        int same = 0; /* variables of one step count as one with the sum of their ranges */
        while (same < larger.n && larger.at[same].step != step) same++;
        if (same < larger.n) larger.at[same].reach = sx_add(t, larger.at[same].reach, x.reach);
        else if (never_negative(c, sx_sub(t, step, sx_add(t, own, one)))) vec_push(c->a, &larger, x);
        else below = sx_add(t, below, x.reach);
    }
    if (own && most(c, own) <= 0 && least(c, stride) > 0) return true; /* one iteration */
    if (!own || !never_negative(c, sx_sub(t, stride, sx_add(t, below, one)))) return false;
    for (const ir_sx *all = sx_add(t, own, below); larger.n;) {
        int least = 0;
        for (int i = 1; i < larger.n; i++)
            if (sx_max(larger.at[i].step) < sx_max(larger.at[least].step)) least = i;
        if (!never_negative(c, sx_sub(t, larger.at[least].step, sx_add(t, all, one)))) return false;
        all = sx_add(t, all, larger.at[least].reach);
        larger.at[least] = larger.at[--larger.n];
    }
    return true;
}

/* The variables of an access's inner loops that move it by one step, from `first` on, as if they were one:
 * the sum of their ranges, with a name if it is one. The access with all of them at 0 goes to `rest`. */
static scoped moved_by(checker *c, const access *x, int first, const ir_sx *step, const ir_sx **rest)
{
    sx_table *t = &c->m->sx;
    scoped all = {NULL, sx_int(t, 0), sx_int(t, 0)};
    for (int i = first, n = 0; i < x->inner.n; i++) {
        const scoped *s = &x->inner.at[i];
        if (step_of(c, *rest, s->sym) != step) continue;
        all.sym = n++ ? NULL : s->sym;
        all.lo = sx_add(t, all.lo, s->lo);
        all.hi = sx_add(t, all.hi, s->hi);
        *rest = substitute(c, *rest, s->sym, sx_int(t, 0));
    }
    return all;
}

/* Does b, in one iteration, touch nothing but what a touches in it? The same index is enough; else the
 * variables of inner loops must match, step by step. */
static bool is_within(checker *c, const access *b, const access *a)
{
    sx_table *t = &c->m->sx;
    const ir_sx *zero = sx_int(t, 0), *rest_a = a->index, *rest_b = b->index;
    for (int i = 0; i < b->inner.n && rest_a != rest_b; i++) {
        const ir_sx *step = step_of(c, rest_b, b->inner.at[i].sym);
        if (!step) return false;
        if (sx_is(step, 0)) continue;
        scoped s = moved_by(c, b, i, step, &rest_b);
        int match = -1;
        for (int k = 0; k < a->inner.n && match < 0; k++) {
            const scoped *o = &a->inner.at[k];
            bool inside = s.sym == o->sym || (sx_min(sx_sub(t, s.lo, o->lo)) >= 0 && sx_min(sx_sub(t, o->hi, s.hi)) >= 0);
            if (inside && step == step_of(c, rest_a, o->sym)) match = k;
        }
        if (match < 0) return false;
        rest_a = substitute(c, rest_a, a->inner.at[match].sym, zero);
    }
    return rest_a == rest_b;
}

/* Can the difference of two accesses, in whichever iterations, be 0 though the iterations differ? It
 * cannot where it is smaller than the step from one iteration to the next, or larger than all steps. */
static bool is_apart(checker *c, const access *a, const access *b)
{
    sx_table *t = &c->m->sx;
    const ir_sym *sym = a->loop->var->sym;
    const ir_sx *zero = sx_int(t, 0), *one = sx_int(t, 1), *step = step_of(c, a->index, sym);
    const ir_sx *base = substitute(c, a->index, sym, zero), *other_base = substitute(c, b->index, sym, zero);
    if (!step || step != step_of(c, b->index, sym)) return false;
    int nsym = c->sym.n; /* what runs inside of the loop runs apart for the two */
    for (int i = a->inner.n - 1; i >= 0; i--) vec_push(c->a, &c->sym, a->inner.at[i]);
    for (int i = b->inner.n - 1; i >= 0; i--) {
        scoped s = b->inner.at[i];
        ir_sym *twin = sx_new_sym(t, s.sym->name, s.sym->lo, s.sym->hi, NO_SPAN);
        const ir_sx *as = sx_sym(t, twin);
        other_base = substitute(c, other_base, s.sym, as);
        for (int k = i - 1; k >= 0; k--) { /* bounds may speak of the loops around */
            scoped *in = &b->inner.at[k];
            *in = (scoped){in->sym, substitute(c, in->lo, s.sym, as), substitute(c, in->hi, s.sym, as)};
        }
        vec_push(c->a, &c->sym, ((scoped){twin, s.lo, s.hi}));
    }
    const ir_sx *d = sx_sub(t, base, other_base), *minus = sx_sub(t, other_base, base), *size = magnitude(c, step);
    const ir_sx *all = sx_add(t, sx_mul(t, size, sx_sub(t, sx_sub(t, a->loop->end, a->loop->begin), one)), one);
    bool near = never_negative(c, sx_sub(t, sx_sub(t, size, one), d)) && never_negative(c, sx_sub(t, sx_sub(t, size, one), minus));
    bool far = never_negative(c, sx_sub(t, d, all)) || never_negative(c, sx_sub(t, minus, all));
    c->sym.n = nsym;
    return near || far;
}

/* Are the elements that an iteration touches its own among all that the access touches? */
static bool is_own(checker *c, const access *x)
{
    int nsym = c->sym.n;
    for (int i = x->inner.n - 1; i >= 0; i--) vec_push(c->a, &c->sym, x->inner.at[i]);
    bool own = injective(c, x->index, x->loop->var->sym);
    c->sym.n = nsym;
    return own;
}

/* An access happens where the loops around it run. */
static void raise_inner(checker *c, raised_list *list, const access *x)
{
    for (int i = 0; i < x->inner.n; i++) raise_extent(c, list, sx_add(&c->m->sx, sx_sub(&c->m->sx, x->inner.at[i].hi, x->inner.at[i].lo), sx_int(&c->m->sx, 1)));
}

/* May the two touch the same element in different iterations? */
static bool may_race(checker *c, const access *a, const access *b)
{
    raised_list list = {0};
    raise_inner(c, &list, b);
    bool safe = is_within(c, b, a) || (is_own(c, b) && is_within(c, a, b)) || is_apart(c, a, b);
    lower_again(&list);
    return !safe;
}

/* An element that is written, against the other iterations and what else is touched. */
static bool check_write(checker *c, const kir_stmt *loop, int i)
{
    const access *a = &c->access.at[i];
    NEED(is_own(c, a), "iterations of the parallel loop '%s' may write the same element of '%s' at %s", loop->var->name, a->buffer->name, sx_text(c->m->arena, a->index));
    for (int k = 0; k < c->access.n; k++) {
        const access *b = &c->access.at[k];
        if (b == a || b->loop != loop || b->buffer != a->buffer || (b->writes && k < i)) continue;
        NEED(!may_race(c, a, b), "an iteration of the parallel loop '%s' may write '%s' at %s where another one touches it at %s", loop->var->name, a->buffer->name, sx_text(c->m->arena, a->index), sx_text(c->m->arena, b->index));
    }
    return true;
}

/* At the end of a parallel loop: no iteration writes what another one writes or reads. */
static bool check_races(checker *c, const kir_stmt *loop)
{
    const scoped *range = &vec_last(&c->sym);
    bool once = sx_sub(&c->m->sx, range->hi, range->lo) == sx_int(&c->m->sx, 0);
    for (int i = 0; i < c->access.n && !once; i++) {
        const access *a = &c->access.at[i];
        if (a->loop != loop || !a->writes) continue;
        raised_list list = {0};
        raise_inner(c, &list, a);
        bool ok = check_write(c, loop, i);
        lower_again(&list);
        if (!ok) return false;
    }
    int kept = 0; /* what is left is about loops around */
    for (int i = 0; i < c->access.n; i++)
        if (c->access.at[i].loop != loop) c->access.at[kept++] = c->access.at[i];
    c->access.n = kept;
    return true;
}

/* ---- statements ---------------------------------------------------------------------------- */

static bool check_stmt(checker *c, const kir_stmt *s);

static bool check_body(checker *c, const kir_stmt *s);

static bool check_for(checker *c, const kir_stmt *s)
{
    raised_list list = {0};
    raise_extent(c, &list, sx_sub(&c->m->sx, s->end, s->begin));
    bool ok = check_body(c, s);
    lower_again(&list);
    return ok;
}

/* Inside of a guard what it says of one integer of the host is known of it. */
static void raise_guarded(checker *c, raised_list *list, const kir_expr *g)
{
    if (g->kind != KIR_BIN) return;
    if (g->op == KB_AND) {
        raise_guarded(c, list, g->a);
        raise_guarded(c, list, g->b);
    }
    if (g->op == KB_LT && g->a->kind == KIR_INDEX && sx_is(g->a->index, 0) && g->b->kind == KIR_INDEX) raise(c, list, g->b->index, 1);
}

static bool check_if(checker *c, const kir_stmt *s)
{
    raised_list list = {0};
    raise_guarded(c, &list, s->value);
    bool ok = check_body(c, s);
    lower_again(&list);
    return ok;
}

static bool check_body(checker *c, const kir_stmt *s)
{
    int nsym = c->sym.n, nvar = c->var.n, nlocal = c->local.n, nguard = c->guard.n, nparallel = c->parallel.n;
    if (s->kind == KIR_FOR) {
        if (!check_symbols(c, s->begin) || !check_symbols(c, s->end)) return false;
        vec_push(c->a, &c->sym, ((scoped){s->var->sym, s->begin, sx_sub(&c->m->sx, s->end, sx_int(&c->m->sx, 1))}));
        if (s->loop != KIR_SERIAL) {
            vec_push(c->a, &c->parallel, s);
            vec_push(c->a, &c->parallel_locals, c->local.n);
        }
    }
    if (s->kind == KIR_IF) {
        if (!check_expr(c, s->value)) return false;
        NEED(s->value->type == DT_bool, "a guard that is no bool");
        vec_push(c->a, &c->guard, s->value);
    }
    for (int i = 0; i < s->body.n; i++)
        if (!check_stmt(c, s->body.at[i])) return false;
    if (s->kind == KIR_FOR) {
        c->sym.n = nsym + 1;
        if (s->loop != KIR_SERIAL && !check_races(c, s)) return false;
    }
    c->sym.n = nsym;
    c->var.n = nvar;
    c->local.n = nlocal;
    c->guard.n = nguard;
    c->parallel.n = c->parallel_locals.n = nparallel;
    return true;
}

static bool check_stmt(checker *c, const kir_stmt *s)
{
    const ir_sx *one = sx_int(&c->m->sx, 1);
    switch (s->kind) {
    case KIR_FOR: return check_for(c, s);
    case KIR_IF: return check_if(c, s);
    case KIR_SEQ: return check_body(c, s);
    case KIR_LET: return check_let(c, s);
    case KIR_ALLOC:
        NEED(sx_is_const(s->buffer->size), "a local of unknown size");
        vec_push(c->a, &c->local, s->buffer);
        return true;
    case KIR_STORE:
        NEED(s->value->type == (kir_type)s->buffer->dtype, "'%s' is stored another type", s->buffer->name);
        return check_expr(c, s->value) && check_access(c, s->buffer, s->index, one, true);
    case KIR_ACCUM:
        NEED(s->value->type == (kir_type)s->buffer->dtype && kir_computes(s->value->type), "'%s' accumulates another type", s->buffer->name);
        return check_expr(c, s->value) && check_access(c, s->buffer, s->index, one, true);
    case KIR_COPY:
        NEED(s->buffer->dtype == s->from->dtype, "a copy between two types");
        return check_access(c, s->buffer, s->index, s->count, true) && check_access(c, s->from, s->from_index, s->count, false);
    case KIR_FAIL:
    case KIR_NOTE: return true;
    }
    return false;
}

/* Every GRID loop is one of kir_grid()'s, and its bounds do not depend on another's variable. */
static bool check_grid(checker *c, const kir_stmt *s, const kir_stmt *const *grid, int n)
{
    if (s->kind == KIR_FOR && s->loop == KIR_GRID) {
        bool outermost = false;
        for (int i = 0; i < n; i++) outermost |= grid[i] == s;
        NEED(outermost, "the grid loop '%s' is not around all of the kernel", s->var->name);
        for (int i = 0; i < n; i++) {
            const ir_sx *one = sx_int(&c->m->sx, 1), *extent = sx_sub(&c->m->sx, s->end, s->begin);
            NEED(substitute(c, extent, grid[i]->var->sym, one) == extent && sx_is(s->begin, 0), "the grid loop '%s' is no part of a box", s->var->name);
        }
    }
    for (int i = 0; i < s->body.n; i++)
        if (!check_grid(c, s->body.at[i], grid, n)) return false;
    return true;
}

const char *kir_verify(ir_module *m, const kir_func *f)
{
    checker c = {.m = m, .f = f, .a = arena_child(m->arena)};
    for (int i = 0; i < 2; i++)
        if (f->arg[i]) vec_push(c.a, &c.var, f->arg[i]);
    const kir_stmt *grid[KIR_MAX_GRID];
    check_grid(&c, f->body, grid, kir_grid(f, grid));
    check_stmt(&c, f->body);
    if (f->result) {
        for (int i = 0; i < f->body->body.n; i++)
            if (f->body->body.at[i]->kind == KIR_LET) vec_push(c.a, &c.var, f->body->body.at[i]->var);
        check_expr(&c, f->result);
    }
    arena_free(c.a);
    return c.broken;
}
