/* Which schedule: the axis with the lanes, and what is done about the ends of it; the tile is of sched_tile.c. */
#include "passes/sched_pick.h"

#include "ir/sat.h"
#include "passes/sched_block.h"
#include "passes/sched_window.h"

/* ---- what the nest does -------------------------------------------------------------------- */

static void add_access(picker *p, const kir_buffer *b, const ir_sx *index, bool store)
{
    if (b->space != KIR_GLOBAL) return;
    const plan_view *v = p->call->arg.at[b->id];
    bool constant = v->buffer->place == PLAN_WEIGHT && v->buffer->weight && sx_is_const(v->offset);
    pick_access a = {.buffer = b, .index = k_plain_index(p->nest, index), .store = store, .constant = constant, .weight = constant, .inside = p->depth > 0, .times = p->times};
    vec_push(p->nest->b->scratch, &p->access, a);
}

static void note_expr(void *env, const kir_expr *e)
{
    picker *p = env;
    if (e->kind == KIR_LOAD) add_access(p, e->buffer, e->index, false);
}

static void note_stmt(picker *p, const kir_stmt *s)
{
    kir_stmt own = {.kind = KIR_NOTE, .value = s->value};
    k_visit_exprs(p->nest->b->scratch, &own, note_expr, p);
    if (s->kind == KIR_STORE || s->kind == KIR_ACCUM) add_access(p, s->buffer, s->index, true);
    if (s->kind == KIR_ACCUM && p->depth) p->sums = true;
    int64_t times = p->times;
    if (s->kind == KIR_FOR) {
        int64_t trips = sx_max(sx_sub(p->nest->b->sx, s->end, s->begin));
        p->times = sat_mul(p->times, trips < 1 ? 1 : trips);
        p->depth++;
    }
    for (int i = 0; i < s->body.n; i++) note_stmt(p, s->body.at[i]);
    p->depth -= s->kind == KIR_FOR;
    p->times = times;
}

/* ---- joining loops ------------------------------------------------------------------------- */

/* Is a loop's variable used for more than the indices of accesses? */
static bool stmt_mentions(nfc_arena *a, const kir_stmt *s, const ir_sym *sym)
{
    if ((s->begin && sx_mentions(s->begin, sym)) || (s->end && sx_mentions(s->end, sym)) || (s->count && sx_mentions(s->count, sym))) return true;
    if (s->kind == KIR_COPY && (sx_mentions(s->index, sym) || sx_mentions(s->from_index, sym))) return true;
    if (k_value_mentions(a, s->value, sym, false)) return true;
    for (int i = 0; i < s->body.n; i++)
        if (stmt_mentions(a, s->body.at[i], sym)) return true;
    return false;
}

static bool joinable(picker *p, const k_axis *outer, const k_axis *inner)
{
    sx_table *t = p->nest->b->sx;
    if (!sx_is_const(inner->extent)) return false;
    nfc_arena *a = p->nest->b->scratch;
    if (stmt_mentions(a, p->nest->core, outer->loop->var->sym) || stmt_mentions(a, p->nest->core, inner->loop->var->sym)) return false;
    for (int i = 0; i < p->access.n; i++) {
        int64_t far, near;
        if (!sx_step(t, p->access.at[i].index, outer->loop->var->sym, &far) || !sx_step(t, p->access.at[i].index, inner->loop->var->sym, &near)) return false;
        if (far != near * sx_value(inner->extent)) return false;
    }
    return true;
}

/* Loops over which every access steps evenly are one. */
static void join_axes(picker *p)
{
    k_nest *n = p->nest;
    for (int i = n->n - 2; i >= 0; i--) {
        k_axis *outer = &n->axis[i], *inner = &n->axis[i + 1];
        if (!joinable(p, outer, inner)) continue;
        inner->extent = sx_mul(n->b->sx, outer->extent, inner->extent);
        k_drop_loop(n, outer->loop->var->sym);
        for (int k = i; k + 1 < n->n; k++) n->axis[k] = n->axis[k + 1];
        n->n--;
        for (int k = 0; k < p->access.n; k++) p->access.at[k].index = k_plain_index(n, p->access.at[k].index);
    }
}

/* ---- the axis with the lanes --------------------------------------------------------------- */

/* Does the access step by anything but 0 or 1 along the axis? A constant in a loop will be packed. */
static bool is_scattered(picker *p, const pick_access *a, const ir_sym *sym, int64_t *step)
{
    if (!sx_step(p->nest->b->sx, a->index, sym, step)) return true;
    return *step != 0 && *step != 1 && !(a->constant && a->inside);
}

/* How much of what an axis' lanes touch does not lie side by side; -1: it cannot have lanes. */
static int64_t cost_of_lanes(picker *p, int axis)
{
    const k_axis *x = &p->nest->axis[axis];
    int64_t cost = 0, stored = 0;
    if (sx_max(x->extent) < 2) return -1;
    for (int i = 0; i < p->access.n; i++) {
        const pick_access *a = &p->access.at[i];
        int64_t step, width = p->t->vector_bytes / p->widest;
        bool scattered = is_scattered(p, a, x->loop->var->sym, &step);
        if (a->store && step == 0) return -1;
        if (scattered && a->inside && !pick_is_near(a, step)) return -1; /* in an inner loop a gather undoes what the lanes gain */
        stored += a->store && step == 1;
        int64_t each = step != 0;
        if (scattered) each = pick_is_near(a, step) && 2 * step - 1 < width ? 2 * step - 1 : width * (a->store ? 2 : 1); /* taking a vector apart takes longer */
        if (a->inside && !a->store) each += pick_widening(a, step);
        cost = sat_add(cost, sat_mul(a->times, each));
    }
    return sat_add(cost, stored ? 0 : 1);
}

/* Vectors along an axis, so many lanes wide, where what does not fill one counts as if it did. Of sums also the single elements at the
 * ends where guards say what is read, by half, since as rows of a tile they stand alone as well; and, where results do not lie side by
 * side, all narrower vectors of what does not fill one. */
static double vectors_along(picker *p, int axis, int64_t width)
{
    const ir_sx *extent = p->nest->axis[axis].extent;
    int64_t n = sx_max(extent), first, end, singles = 0, step;
    bool apart = false;
    if (!p->sums) return (double)((n + width - 1) / width);
    if (sx_is_const(extent) && k_guarded_edges(p->nest, axis, &first, &end)) {
        singles = n - (end - first);
        n = end - first;
    }
    for (int i = 0; i < p->access.n; i++)
        apart |= p->access.at[i].store && is_scattered(p, &p->access.at[i], p->nest->axis[axis].loop->var->sym, &step);
    const int64_t rest = n % width;
    return (double)(n / width + (apart ? __builtin_popcountll((unsigned long long)rest) : rest > 0)) + (double)singles / 2;
}

/* Along which axis do the lanes cost least? */
static int lanes_axis(picker *p)
{
    double best = 0;
    int at = -1;
    for (int i = 0; i < p->nest->n; i++) {
        int64_t cost = cost_of_lanes(p, i), extent = sx_max(p->nest->axis[i].extent), width = p->t->vector_bytes / p->widest;
        if (cost < 0) continue;
        double each = (double)(cost + 1) * vectors_along(p, i, width) / (double)extent;
        if (at >= 0 && each >= best) continue;
        best = each;
        at = i;
    }
    return at;
}

typedef struct {
    ir_module *m;
    nfc_arena *scratch;
    int64_t bytes;
} width;

static void find_widest(void *env, const kir_expr *e);

static void widest_of_function(width *w, const kir_func *f)
{
    kir_stmt result = {.kind = KIR_NOTE, .value = f->result};
    k_visit_exprs(w->scratch, f->body, find_widest, w);
    k_visit_exprs(w->scratch, &result, find_widest, w);
}

/* Bools are masks of 32 bits; integers become narrow floats by way of f64. */
static void find_widest(void *env, const kir_expr *e)
{
    width *w = env;
    int64_t bytes = e->type == DT_bool ? 4 : e->type < DT_COUNT ? (int64_t)dtype_bytes((nfc_dtype)e->type) : 1;
    bool narrow = e->kind == KIR_CAST && e->type < DT_COUNT && dtype_is_float((nfc_dtype)e->type) && !kir_computes(e->type);
    if (narrow && !(e->a->type < DT_COUNT && dtype_is_float((nfc_dtype)e->a->type))) bytes = 8;
    if (bytes > w->bytes) w->bytes = bytes;
    if (e->kind == KIR_UN && kir_un_table[e->op].flags & KIRF_MATH) widest_of_function(w, kmath_unary(w->m, (kir_un)e->op, e->type));
    if (e->kind == KIR_BIN && kir_bin_table[e->op].flags & KIRF_MATH) widest_of_function(w, kmath_binary(w->m, (kir_bin)e->op, e->type));
}

int64_t sched_widest(k_nest *nest)
{
    width w = {nest->b->m, nest->b->scratch, 1};
    k_visit_exprs(nest->b->scratch, nest->core, find_widest, &w);
    return w.bytes;
}

/* Can what is left of the lanes' axis be a part of a vector? Then nothing may step over it but by 1, once constants are
 * packed, each of which is loaded at one place. */
static bool can_leave_parts(picker *p, int axis)
{
    const ir_sx *extent = p->nest->axis[axis].extent;
    if (!sx_is_const(extent) || !k_is_unguarded(p->nest, axis, 0, sx_value(extent))) return false;
    for (int i = 0; i < p->access.n; i++) {
        const pick_access *a = &p->access.at[i];
        int64_t step;
        if (!dtype_is_float(a->buffer->dtype) || !kir_computes((kir_type)a->buffer->dtype)) return false;
        if (is_scattered(p, a, p->nest->axis[axis].loop->var->sym, &step)) return false;
        if (a->inside && !a->store && step == 1 && !a->constant) return false; /* parts are put together in memory */
        for (int k = 0; k < i; k++)
            if (step != 0 && step != 1 && p->access.at[k].buffer == a->buffer) return false;
    }
    return true;
}

/* Is the last vector along the lanes' axis, of so many elements, not whole, and may some be worked out twice so that it is?
 * Not where a result may lie in place of what it is made of, which is read at the same element, behind the loops. */
static bool can_overlap(picker *p, const sched *s, int64_t elements)
{
    if (!sx_is_const(p->nest->axis[s->lanes_axis].extent) || elements <= s->lanes || elements % s->lanes == 0) return false;
    for (int i = 0; i < p->access.n; i++) {
        const pick_access *a = &p->access.at[i];
        if (!a->store && !a->inside && !a->constant) return false;
        for (int k = 0; k < i; k++)
            if (p->access.at[k].buffer == a->buffer && (a->store || p->access.at[k].store)) return false;
    }
    return true;
}

/* Windows along the lanes' axis, each lane with elements of its own, so that a vector more takes as long as the first: whole
 * vectors do as well as tiles of several, and what is left of the axis is one of them. They step, or have borders. */
static bool is_pool(picker *p, const sched *s, bool guarded)
{
    bool steps = false;
    for (int i = 0; i < p->access.n; i++) {
        const pick_access *a = &p->access.at[i];
        if (a->inside && !a->store && (a->constant || !a->along)) return false;
        steps |= a->inside && pick_is_near(a, a->along);
    }
    return s->rows_axis < 0 && (steps || guarded);
}

/* Lanes that are gathered side by side along another axis: rows along that one use what a cache line brings. */
static void pick_turn(picker *p, sched *s)
{
    enum { MOST_ROWS = 16, MOST_ACCESSES = 4 };
    const ir_sym *lanes = p->nest->axis[s->lanes_axis].loop->var->sym;
    if (p->access.n > MOST_ACCESSES || p->nest->core->body.n > 1) return; /* each row is written out */
    for (int i = 0; i < p->access.n; i++) {
        const pick_access *a = &p->access.at[i];
        int64_t along, across;
        if (!is_scattered(p, a, lanes, &along)) continue;
        for (int k = 0; k < p->nest->n; k++) {
            const k_axis *x = &p->nest->axis[k];
            bool near = sx_step(p->nest->b->sx, a->index, x->loop->var->sym, &across) && across == 1;
            if (k == s->lanes_axis || !near || sx_max(x->extent) < 2) continue;
            s->rows_axis = k;
            s->rows = sx_max(x->extent) < MOST_ROWS ? sx_max(x->extent) : MOST_ROWS;
            return;
        }
    }
}

/* Does a nest that moves elements store them a step apart, and in between those of another axis, as many? Then compilers
 * join what is stored in vectors, of single elements that lie side by side; of lanes they would store each by itself. */
static bool interleaves(picker *p, const sched *s)
{
    enum { MOST_STREAMS = 4 }; /* that compilers join */
    int64_t step = 0, between = 0;
    if (p->access.n != 2 || p->nest->core->body.n > 1) return false;
    for (int i = 0; i < 2; i++) {
        const pick_access *a = &p->access.at[i];
        if (a->store && !sx_step(p->nest->b->sx, a->index, p->nest->axis[s->lanes_axis].loop->var->sym, &step)) return false;
        for (int k = 0; k < p->nest->n && a->store; k++) {
            int64_t across, extent = sx_max(p->nest->axis[k].extent);
            bool steps = sx_step(p->nest->b->sx, a->index, p->nest->axis[k].loop->var->sym, &across);
            if (k != s->lanes_axis && steps && across == 1) between = extent;
        }
    }
    return step > 1 && step == between && step <= MOST_STREAMS;
}

/* packs: what is marked as packed is to be. */
static bool pick(picker *p, bool packs, sched *s)
{
    const sched_target *t = p->t;
    k_nest *nest = p->nest;
    p->apart = false;
    *s = (sched){.lanes_axis = lanes_axis(p), .rows_axis = -1, .vectors = 1, .rows = 1, .packs = packs};
    if (s->lanes_axis < 0) return false;
    s->lanes = t->vector_bytes / p->widest;
    const int64_t extent = sx_max(nest->axis[s->lanes_axis].extent), widest = s->lanes;
    int64_t first = 0, end = extent;
    if (sx_is_const(nest->axis[s->lanes_axis].extent) && !k_guarded_edges(nest, s->lanes_axis, &first, &end)) return false;
    while (s->lanes > end - first) s->lanes /= 2;
    if (s->lanes < 2) return false;
    if (!p->sums) {
        if (interleaves(p, s)) return false;
        pick_turn(p, s);
        return true;
    }
    bool window = sched_window(t, nest, s);
    s->parts = !window && can_leave_parts(p, s->lanes_axis);
    s->overlaps = window && can_overlap(p, s, extent);
    if (s->parts && s->lanes < widest && s->lanes < extent) s->lanes *= 2;
    if (window) pick_steps(p, s);
    else pick_rows(p, s);
    const bool pool = !window && is_pool(p, s, end - first < extent); /* whose sums are short: the next one does not wait for long */
    if (pool) s->overlaps = can_overlap(p, s, end - first);
    if (!window && !pool) pick_rows_apart(p, s);
    if (!window && !s->overlaps) pick_tile(p, s);
    s->repeats = end - first < extent && can_overlap(p, s, end - first);
    s->lanes_outside = s->rows_axis >= 0 && !s->overlaps && pick_lanes_outside(p, s);
    if (!window) sched_pick_blocks(t, nest, p->call, s);
    return true;
}

bool sched_pick(const sched_target *t, k_nest *nest, const plan_call *call, bool packs, sched *s)
{
    picker p = {.t = t, .nest = nest, .call = call, .times = 1, .widest = sched_widest(nest)};
    for (int i = 0; i < nest->core->body.n; i++) note_stmt(&p, nest->core->body.at[i]);
    join_axes(&p);
    sched packed;
    double with = 0;
    bool can = packs && pick_as_packed(&p, true) && pick(&p, true, &packed) && pick_packs(&p, &packed, &with);
    pick_as_packed(&p, false);
    const bool picked = pick(&p, false, s);
    if (!can || !pick_is_worth(&p, picked ? s : NULL, with)) return picked;
    *s = packed;
    return true;
}
