#include "passes/k_even.h"

#include "passes/k_replay.h"

typedef struct {
    k_replay r;
    int loops;
    bool written_out;
} evener;

static bool has_known_extent(const kir_stmt *s)
{
    return s->kind == KIR_FOR && s->loop != KIR_UNROLL && s->loop != KIR_VECTOR && sx_is(s->begin, 0) && sx_is_const(s->end) && !s->turn;
}

static bool is_innermost(const kir_stmt *s)
{
    for (int i = 0; i < s->body.n; i++)
        if (s->body.at[i]->kind == KIR_FOR || !is_innermost(s->body.at[i])) return false;
    return true;
}

/* ---- periods ----------------------------------------------------------------------------------- */

typedef struct {
    sx_table *t;
    const ir_sym *sym;
    int64_t period; /* 0: none was found */
    bool unfit;
} period_search;

static void find_in_index(period_search *p, const ir_sx *x)
{
    int64_t step;
    if (!x || !sx_mentions(x, p->sym)) return;
    if (x->kind == SX_SUM) {
        for (int i = 0; i < x->nterm; i++)
            for (int k = 0; k < x->term[i].n; k++) find_in_index(p, x->term[i].factor[k]);
    } else if (x->kind != SX_SYM) {
        if (!sx_step(p->t, x->a, p->sym, &step) || step != 1 || (p->period && p->period != x->constant)) p->unfit = true;
        p->period = x->constant;
    }
}

static void find_in_expr(void *env, const kir_expr *e) { find_in_index(env, e->index); }

static void find_in_stmt(nfc_arena *a, period_search *p, const kir_stmt *s)
{
    kir_stmt own = {.kind = KIR_NOTE, .value = s->value};
    k_visit_exprs(a, &own, find_in_expr, p);
    find_in_index(p, s->index);
    if (s->kind == KIR_COPY || (s->kind == KIR_FOR && (sx_mentions(s->begin, p->sym) || sx_mentions(s->end, p->sym)))) p->unfit = true;
    for (int i = 0; i < s->body.n; i++) find_in_stmt(a, p, s->body.at[i]);
}

static bool in_periods(void *env, k_replay *r, const kir_stmt *s)
{
    enum { MOST_WRITTEN_OUT = 4 };
    evener *e = env;
    period_search p = {.t = r->b->sx, .sym = s->var->sym};
    if (!has_known_extent(s) || s->loop == KIR_SERIAL) return false;
    for (int i = 0; i < s->body.n; i++) find_in_stmt(r->b->scratch, &p, s->body.at[i]);
    const bool innermost = is_innermost(s), few = p.period <= MOST_WRITTEN_OUT;
    if (p.unfit || p.period < 2 || sx_value(s->end) % p.period || sx_value(s->end) == p.period || (few && !innermost)) return false;
    const ir_sx *period = sx_int(r->b->sx, p.period), *zero = sx_int(r->b->sx, 0);
    const ir_sx *whole = kir_for(r->b, s->loop, arena_printf(r->b->arena, "%s_t", s->var->name), zero, sx_div(r->b->sx, s->end, p.period));
    const ir_sx *rest = kir_for(r->b, few ? KIR_UNROLL : s->loop, s->var->name, zero, period);
    k_map(r, s->var->sym, sx_add(r->b->sx, sx_mul(r->b->sx, whole, period), rest));
    k_body(r, s);
    kir_close(r->b);
    kir_close(r->b);
    e->loops++;
    e->written_out |= few;
    return true;
}

int k_even_periods(kir_builder *b, bool *written_out)
{
    evener e = {.loops = 0};
    k_replay_loops(&e.r, b, in_periods, &e);
    *written_out = e.written_out;
    return e.loops;
}

/* ---- segments ---------------------------------------------------------------------------------- */

enum { MOST_SEGMENTS = 7 };

typedef struct {
    sx_table *t;
    const ir_sym *sym;
    int64_t extent, at[MOST_SEGMENTS]; /* where segments begin, the first at 0 */
    int n;
    bool unfit;
} segments;

static void begin_at(segments *g, int64_t at)
{
    int i = 0;
    if (at <= 0 || at >= g->extent) return;
    while (i < g->n && g->at[i] < at) i++;
    if (i < g->n && g->at[i] == at) return;
    if (g->n == MOST_SEGMENTS) {
        g->unfit = true;
        return;
    }
    for (int k = g->n++; k > i; k--) g->at[k] = g->at[k - 1];
    g->at[i] = at;
}

/* Where an answer changes that depends on the difference of two indices: from less than 0 to more, or from 0 at most. */
static void find_change(void *env, const kir_expr *e)
{
    segments *g = env;
    const bool strict = e->op == KB_LT || e->op == KB_MAX;
    int64_t step;
    if (e->kind != KIR_BIN || (e->op != KB_LT && e->op != KB_LE && e->op != KB_MIN && e->op != KB_MAX)) return;
    if (e->a->kind != KIR_INDEX || e->b->kind != KIR_INDEX) return;
    const ir_sx *apart = sx_sub(g->t, e->a->index, e->b->index);
    if (!sx_step(g->t, apart, g->sym, &step) || step == 0) return;
    const ir_sx *at_zero = sx_put(g->t, apart, g->sym, sx_int(g->t, 0));
    if (!sx_is_const(at_zero) || step < -g->extent || step > g->extent) return;
    const int64_t k = sx_value(at_zero);
    if (step > 0) begin_at(g, strict ? -sx_floor_div(k, step) : sx_floor_div(-k, step) + 1);
    else begin_at(g, strict ? sx_floor_div(k, -step) + 1 : -sx_floor_div(-k, -step));
}

static bool in_segments(void *env, k_replay *r, const kir_stmt *s)
{
    evener *e = env;
    sx_table *t = r->b->sx;
    if (!has_known_extent(s) || !is_innermost(s)) return false;
    segments g = {.t = t, .sym = s->var->sym, .extent = sx_value(s->end), .n = 1};
    for (int i = 0; i < s->body.n; i++) k_visit_exprs(r->b->scratch, s->body.at[i], find_change, &g);
    if (g.n < 2 || g.unfit) return false;
    for (int i = 0; i < g.n; i++) {
        const int64_t end = i + 1 < g.n ? g.at[i + 1] : g.extent;
        const bool open = k_for(r, KIR_SERIAL, s, s->var->name, sx_int(t, 0), sx_int(t, end - g.at[i]));
        k_map(r, s->var->sym, sx_add(t, k_index(r, sx_sym(t, s->var->sym)), sx_int(t, g.at[i])));
        k_body(r, s);
        if (open) kir_close(r->b);
    }
    e->loops++;
    return true;
}

int k_even_segments(kir_builder *b)
{
    evener e = {.loops = 0};
    for (int before = -1; e.loops != before;) { /* what is known in a segment may say where another begins */
        before = e.loops;
        k_replay_loops(&e.r, b, in_segments, &e);
    }
    return e.loops;
}
