/* Do statements touch the same elements? Indices are sums of steps, each taken a number of times between
 * two bounds; that two such sums meet is an equation over integers, which is searched from the largest
 * step to the smallest. Steps of tensors nest, so that the search has few ways to go. */
#include "passes/k_apart.h"
#include "passes/k_parts.h"

#include <stdlib.h>

enum { MOST_TRIES = 20000 };

typedef struct {
    const kir_buffer *buffer;
    const ir_sx *index;
    const ir_sx *count; /* elements from there on; NULL: one */
    bool writes;
    int64_t rows, apart; /* of a tile: rows of so many elements, a number of elements apart; else 0 */
    int64_t elements;
} touch;

typedef VEC(touch) touches;

static void touch_exprs(nfc_arena *a, touches *list, const kir_expr *e)
{
    if (!e) return;
    if (e->kind == KIR_LOAD && e->buffer->written) vec_push(a, list, ((touch){.buffer = e->buffer, .index = e->index}));
    touch_exprs(a, list, e->a);
    touch_exprs(a, list, e->b);
    touch_exprs(a, list, e->c);
}

static void touch_tile(nfc_arena *a, touches *list, const kir_stmt *s)
{
    const bool store = s->kind == KIR_TILE && s->op == KT_STORE, load = s->kind == KIR_TILE && s->op == KT_LOAD && s->from->written;
    const kir_buffer *tile = store ? s->from : s->buffer;
    touch t = {.buffer = store ? s->buffer : s->from, .index = store ? s->index : s->from_index, .writes = store};
    if (!store && !load) return;
    t.rows = tile->rows;
    t.apart = sx_value(s->count);
    t.elements = kir_row_elements(tile);
    vec_push(a, list, t);
}

static void touch_stmts(nfc_arena *a, touches *list, const kir_stmt *s)
{
    touch_exprs(a, list, s->value);
    if (s->kind == KIR_STORE || s->kind == KIR_ACCUM) vec_push(a, list, ((touch){.buffer = s->buffer, .index = s->index, .writes = true}));
    if (s->kind == KIR_COPY) vec_push(a, list, ((touch){.buffer = s->buffer, .index = s->index, .count = s->count, .writes = true}));
    if (s->kind == KIR_COPY && s->from->written) vec_push(a, list, ((touch){.buffer = s->from, .index = s->from_index, .count = s->count}));
    touch_tile(a, list, s);
    for (int i = 0; i < s->body.n; i++) touch_stmts(a, list, s->body.at[i]);
}

/* ---- an equation ---------------------------------------------------------------------------- */

bool k_add_steps(k_equation *e, int64_t step, int64_t lo, int64_t hi)
{
    const int64_t far = INT64_C(1) << 30, most = INT64_C(1) << 56;
    int64_t reach;
    if (lo < -far || hi > far || __builtin_mul_overflow(step, far, &reach) || reach < -most || reach > most) return false;
    if (step < 0) return k_add_steps(e, -step, -hi, -lo);
    for (int i = 0; i < e->n; i++)
        if (e->at[i].step == step) {
            e->at[i].lo += lo;
            e->at[i].hi += hi;
            return true;
        }
    if (e->n == K_MOST_STEPS) return false;
    e->at[e->n++] = (k_steps){step, lo, hi};
    return true;
}

/* Adds an index, or takes it away. */
static bool add_index(k_equation *e, const touch *t, int64_t sign)
{
    const ir_sx *x = t->index;
    if (x->kind != SX_SUM) return x->kind == SX_SYM && k_add_steps(e, sign, x->sym->lo, x->sym->hi);
    for (int i = 0; i < x->nterm; i++) {
        const sx_term *m = &x->term[i];
        if (m->n != 1 || m->factor[0]->kind != SX_SYM) return false;
        const ir_sym *sym = m->factor[0]->sym;
        if (!k_add_steps(e, sign * m->coef, sym->lo, sym->hi)) return false;
    }
    e->rest -= sign * x->constant;
    if (t->rows) return k_add_steps(e, sign * t->apart, 0, t->rows - 1) && k_add_steps(e, sign, 0, t->elements - 1);
    return !t->count || k_add_steps(e, sign, 0, sx_max(t->count) - 1);
}

static int larger_first(const void *a, const void *b)
{
    const k_steps *x = a, *y = b;
    return x->step < y->step ? 1 : x->step > y->step ? -1 : 0;
}

static int64_t divided_down(int64_t a, int64_t by) { return a / by - (a % by < 0); }

/* Have the steps from k on a way to make the rest? */
static bool has_solution(k_equation *e, int k, int64_t rest)
{
    if (rest < e->least[k] || rest > e->most[k]) return false;
    if (k == e->n || --e->tries < 0) return true;
    const k_steps *s = &e->at[k];
    int64_t lo = -divided_down(e->most[k + 1] - rest, s->step), hi = divided_down(rest - e->least[k + 1], s->step);
    if (lo < s->lo) lo = s->lo;
    if (hi > s->hi) hi = s->hi;
    for (int64_t i = lo; i <= hi; i++)
        if (has_solution(e, k + 1, rest - i * s->step)) return true;
    return false;
}

bool k_has_solution(k_equation *e)
{
    qsort(e->at, (size_t)e->n, sizeof *e->at, larger_first);
    e->tries = MOST_TRIES;
    e->least[e->n] = e->most[e->n] = 0;
    for (int k = e->n - 1; k >= 0; k--) {
        e->least[k] = e->least[k + 1] + e->at[k].step * e->at[k].lo;
        e->most[k] = e->most[k + 1] + e->at[k].step * e->at[k].hi;
    }
    return has_solution(e, 0, e->rest);
}

static bool can_meet(const touch *a, const touch *b)
{
    k_equation e = {0};
    return !add_index(&e, a, 1) || !add_index(&e, b, -1) || k_has_solution(&e);
}

bool k_may_meet(ir_module *m, const kir_func *f, const k_unit *a, const k_unit *b)
{
    nfc_arena *scratch = arena_child(m->arena);
    touches one = {0}, two = {0};
    for (int i = 0; i < a->count; i++) touch_stmts(scratch, &one, f->body->body.at[a->first + i]);
    for (int i = 0; i < b->count; i++) touch_stmts(scratch, &two, f->body->body.at[b->first + i]);
    bool meet = false;
    for (int i = 0; i < one.n && !meet; i++)
        for (int k = 0; k < two.n && !meet; k++) {
            const touch *x = &one.at[i], *y = &two.at[k];
            meet = x->buffer == y->buffer && (x->writes || y->writes) && can_meet(x, y);
        }
    arena_free(scratch);
    return meet;
}
