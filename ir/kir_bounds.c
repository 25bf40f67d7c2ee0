/* Where indices of a kernel can lie: what the bounds of loops, of the host's integers and guards say. */
#include "ir/kir_check.h"

const ir_sx *kv_substitute(kv_checker *c, const ir_sx *x, const ir_sym *sym, const ir_sx *by)
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

const ir_sx *kv_step_of(kv_checker *c, const ir_sx *x, const ir_sym *sym)
{
    sx_table *t = &c->m->sx;
    const ir_sx *base = kv_substitute(c, x, sym, sx_int(t, 0)), *step = sx_sub(t, kv_substitute(c, x, sym, sx_int(t, 1)), base);
    return sx_add(t, base, sx_mul(t, step, sx_sym(t, sym))) == x ? step : NULL;
}

static const ir_sx *over_least(void *env, const ir_sym *sym)
{
    kv_checker *c = env;
    for (int i = 0; i < c->sym.n; i++)
        if (c->sym.at[i].sym == sym) return NULL;
    if (sym->lo == 0 || sym->lo < -INT32_MAX || sym->hi > INT64_C(1) << 40) return NULL;
    for (int i = 0; i < c->over.n; i++)
        if (c->over.at[i].sym == sym && c->over.at[i].lo == sym->lo) return c->over.at[i].is;
    const ir_sym *above = sx_new_sym(&c->m->sx, sym->name, 0, sym->hi - sym->lo, NO_SPAN);
    const ir_sx *is = sx_add(&c->m->sx, sx_int(&c->m->sx, sym->lo), sx_sym(&c->m->sx, above));
    vec_push(c->a, &c->over, ((kv_over){sym, sym->lo, is}));
    return is;
}

/* Is x a product of two that are not negative, the one a factor of its terms? 5*n - n*n is n*(5 - n). */
static bool is_product(kv_checker *c, const ir_sx *x)
{
    if (x->kind != SX_SUM || x->nterm < 2 || x->constant != 0) return false;
    for (int i = 0; i < x->term[0].n; i++) {
        const ir_sx *factor = x->term[0].factor[i], *rest = sx_min(factor) < 0 ? NULL : sx_exact_div(&c->m->sx, x, factor);
        if (rest && kv_least(c, rest) >= 0) return true;
    }
    return false;
}

int64_t kv_least(kv_checker *c, const ir_sx *x)
{
    int64_t plain = sx_min(x);
    if (plain >= 0) return plain;
    int64_t moved = sx_min(sx_replace(&c->m->sx, x, over_least, c));
    if (moved < 0 && is_product(c, x)) return 0;
    return moved > plain ? moved : plain;
}

int64_t kv_most(kv_checker *c, const ir_sx *x)
{
    int64_t plain = sx_max(x);
    if (plain <= 0) return plain;
    int64_t moved = sx_max(sx_replace(&c->m->sx, x, over_least, c));
    return moved < plain ? moved : plain;
}

/* x with a loop variable at the end of its range that makes x smallest, or largest, if x is linear in it
 * and the direction is known. */
static const ir_sx *at_end(kv_checker *c, const ir_sx *x, const kv_scoped *s, bool largest)
{
    const ir_sx *slope = kv_step_of(c, x, s->sym);
    if (!slope) return x;
    bool up = kv_least(c, slope) >= 0;
    if (!up && kv_most(c, slope) > 0) return x;
    return kv_substitute(c, x, s->sym, up == largest ? s->hi : s->lo);
}

/* What a quotient is at most lets its factors cancel against the rest; a remainder has constant ends. */
static const ir_sx *end_of(kv_checker *c, const ir_sx *at, bool largest)
{
    if (at->kind == SX_MOD) return sx_int(&c->m->sx, largest ? sx_max(at) : sx_min(at));
    const ir_sx *x = at->a;
    for (int i = c->sym.n - 1; i >= 0; i--) x = at_end(c, x, &c->sym.at[i], largest);
    return sx_div(&c->m->sx, x, at->constant);
}

/* Puts the end of its range that makes x smallest in the place of a quotient or remainder whose factor
 * has a known sign; x itself when there is none. What the factor holds then cancels against the rest. */
static const ir_sx *without_quotient(kv_checker *c, const ir_sx *x)
{
    sx_table *t = &c->m->sx;
    if (x->kind != SX_SUM) return x;
    for (int i = 0; i < x->nterm; i++)
        for (int k = 0; k < x->term[i].n; k++) {
            const ir_sx *at = x->term[i].factor[k], *slope, *rest;
            if ((at->kind != SX_DIV && at->kind != SX_MOD) || !split_linear(t, x, at, &slope, &rest)) continue;
            bool up = kv_least(c, slope) >= 0;
            if (!up && kv_most(c, slope) > 0) continue;
            const ir_sx *end = end_of(c, at, !up), *whole = at->kind == SX_DIV ? sx_exact_div(t, slope, sx_int(t, at->constant)) : NULL;
            /* n times the quotient by n is the dividend, but for n - 1 at most. */
            if (end == at && whole) return sx_add(t, rest, sx_mul(t, whole, up ? sx_sub(t, at->a, sx_int(t, at->constant - 1)) : at->a));
            if (end == at) end = sx_int(t, up ? sx_min(at) : sx_max(at));
            return sx_add(t, rest, sx_mul(t, slope, end));
        }
    return x;
}

/* n times a quotient by n is its dividend, but for n - 1 at most: x with what makes it smallest in the place of such
 * a quotient; x itself when there is none. */
static const ir_sx *by_dividend(kv_checker *c, const ir_sx *x)
{
    sx_table *t = &c->m->sx;
    for (int i = 0; x->kind == SX_SUM && i < x->nterm; i++)
        for (int k = 0; k < x->term[i].n; k++) {
            const ir_sx *at = x->term[i].factor[k], *slope, *rest;
            if (at->kind != SX_DIV || !split_linear(t, x, at, &slope, &rest)) continue;
            const ir_sx *whole = sx_exact_div(t, slope, sx_int(t, at->constant));
            bool up = whole && kv_least(c, whole) >= 0;
            if (!whole || (!up && kv_most(c, whole) > 0)) continue;
            return sx_add(t, rest, sx_mul(t, whole, up ? sx_sub(t, at->a, sx_int(t, at->constant - 1)) : at->a));
        }
    return x;
}

/* Loop variables go to the end of their range that makes x smallest, innermost
 * first, so that bounds that depend on dims and on outer variables cancel. */
bool kv_never_negative(kv_checker *c, const ir_sx *x)
{
    const ir_sx *first = x;
    if (kv_least(c, x) >= 0) return true;
    for (int i = c->sym.n - 1; i >= 0; i--) {
        x = at_end(c, x, &c->sym.at[i], false);
        if (kv_least(c, x) >= 0) return true;
    }
    for (const ir_sx *next; (next = without_quotient(c, x)) != x; x = next)
        if (kv_least(c, next) >= 0) return true;
    x = first;
    for (int i = c->sym.n - 1; i >= 0; i--) { /* a loop may run to a quotient of what a loop around it names */
        x = at_end(c, x, &c->sym.at[i], false);
        for (const ir_sx *next; (next = by_dividend(c, x)) != x;) x = next;
        if (kv_least(c, x) >= 0) return true;
    }
    return false;
}

/* What a guard says, that f is not negative, as often as x moves with it. */
static bool follows_from(kv_checker *c, const kir_expr *g, const ir_sx *x)
{
    sx_table *t = &c->m->sx;
    if (g->kind != KIR_BIN) return false;
    if (g->op == KB_AND) return follows_from(c, g->a, x) || follows_from(c, g->b, x);
    if ((g->op != KB_LT && g->op != KB_LE) || g->a->kind != KIR_INDEX || g->b->kind != KIR_INDEX) return false;
    const ir_sx *f = sx_sub(t, sx_sub(t, g->b->index, g->a->index), sx_int(t, g->op == KB_LT));
    for (int i = 0; i < c->sym.n; i++) {
        const ir_sx *own = kv_step_of(c, f, c->sym.at[i].sym), *step = own && !sx_is(own, 0) ? kv_step_of(c, x, c->sym.at[i].sym) : NULL;
        const ir_sx *times = step ? sx_exact_div(t, step, own) : NULL;
        if (times && kv_least(c, times) > 0 && kv_never_negative(c, sx_sub(t, x, sx_mul(t, times, f)))) return true;
    }
    return false;
}

bool kv_never_negative_here(kv_checker *c, const ir_sx *x)
{
    if (kv_never_negative(c, x)) return true;
    for (int i = 0; i < c->guard.n; i++)
        if (follows_from(c, c->guard.at[i], x)) return true;
    return false;
}

/* Is x a multiple of y by a number from 1? Of an x that is not 0 neither factor is. */
static bool is_multiple(kv_checker *c, const ir_sx *x, const ir_sx *y)
{
    const ir_sx *times = sx_exact_div(&c->m->sx, x, y);
    if (times) return sx_min(times) >= (sx_min(y) >= 0 ? 0 : 1);
    if (x->kind != SX_SUM || y->kind != SX_SUM || !x->nterm || !y->nterm || y->term[0].coef == 0) return false;
    int64_t by = x->term[0].coef / y->term[0].coef;
    return by >= 1 && sx_mul(&c->m->sx, y, sx_int(&c->m->sx, by)) == x;
}

bool kv_is_positive(kv_checker *c, const ir_sx *x)
{
    bool positive = sx_min(x) >= 1;
    if (!positive && x->kind == SX_SUM && x->nterm == 1 && x->constant == 0 && x->term[0].coef >= 1) {
        positive = true;
        for (int i = 0; i < x->term[0].n && positive; i++) positive = x->term[0].factor[i] != x && kv_is_positive(c, x->term[0].factor[i]);
    }
    for (int i = 0; i < c->sym.n && !positive; i++) {
        const kv_scoped *s = &c->sym.at[i];
        positive = is_multiple(c, sx_add(&c->m->sx, sx_sub(&c->m->sx, s->hi, s->lo), sx_int(&c->m->sx, 1)), x);
    }
    return positive;
}

/* ---- what is known inside of loops and guards ------------------------------------------------ */

/* k * f + constant is lo at least where f is ceil((lo - constant) / k), and a quotient where its dividend is lo times
 * the divisor. */
void kv_raise(kv_checker *c, kv_raised *list, const ir_sx *x, int64_t lo)
{
    int64_t rest;
    if (x->kind == SX_DIV) {
        if (!__builtin_mul_overflow(lo, x->constant, &rest)) kv_raise(c, list, x->a, rest);
        return;
    }
    if (x->kind == SX_SUM && x->nterm == 1 && x->term[0].n == 1 && x->term[0].coef >= 1) {
        int64_t k = x->term[0].coef;
        if (!__builtin_sub_overflow(lo, x->constant, &rest)) kv_raise(c, list, x->term[0].factor[0], rest / k + (rest % k > 0));
        return;
    }
    ir_sym *sym = (ir_sym *)(uintptr_t)sx_only_sym(x);
    if (!sym || sym->lo >= lo || sym->hi < lo) return;
    vec_push(c->a, list, ((kv_was){sym, sym->lo}));
    sym->lo = lo;
}

void kv_raise_extent(kv_checker *c, kv_raised *list, const ir_sx *extent)
{
    kv_raise(c, list, extent, 1);
    if (extent->kind != SX_SUM || extent->nterm != 1 || extent->term[0].coef < 1) return;
    const sx_term *m = &extent->term[0];
    for (int i = 0; i < m->n; i++)
        if (sx_min(m->factor[i]) < 0) return;
    for (int i = 0; i < m->n && extent->constant <= 0; i++) kv_raise(c, list, m->factor[i], 1);
}

void kv_lower_again(kv_raised *list)
{
    while (list->n) {
        const kv_was *r = &list->at[--list->n];
        r->sym->lo = r->lo;
    }
}
