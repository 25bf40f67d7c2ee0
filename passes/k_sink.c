/* A tile's elements go inwards: through the loops, guards and names of the core to the statements, which wait until they are
 * done for all rows. */
#include "passes/k_rows.h"

#include "ir/kir_lanes.h"

/* ---- guards -------------------------------------------------------------------------------- */

static bool is_decided(const kir_expr *e) { return e->kind == KIR_CONST; }

/* The rows of an axis for which a guard holds, where each is decided and they follow one another. */
static bool decide_rows(k_tile *t, const kir_expr *guard, int axis, int64_t *lo, int64_t *hi)
{
    int64_t runs = 0;
    bool before = false;
    *lo = *hi = t->at[axis].lo;
    for (int64_t x = t->at[axis].lo; x < t->at[axis].hi; x++) {
        k_map_axis(t, axis, sx_int(t->r.b->sx, x));
        const kir_expr *e = k_expr(&t->r, guard);
        if (!is_decided(e)) return false;
        if (e->integer && !before) {
            *lo = x;
            runs++;
        }
        if (e->integer) *hi = x + 1;
        before = e->integer != 0;
    }
    return runs <= 1;
}

/* Is it something that a closed guard may keep from harm: an element that may not be there, a number that may be 0? */
static void find_harm(void *env, const kir_expr *e)
{
    const bool divides = e->kind == KIR_BIN && (e->op == KB_DIV || e->op == KB_REM) && !(e->type < DT_COUNT && dtype_is_float((nfc_dtype)e->type));
    *(bool *)env |= divides || (e->kind == KIR_LOAD && e->buffer->space != KIR_LOCAL);
}

/* Stores to locals of single elements, and names of values: no harm where the guard is closed. */
static bool is_about_locals(const k_tile *t, const kir_stmt *guard)
{
    bool harm = false;
    for (int i = 0; i < guard->body.n && !harm; i++) {
        k_visit_exprs(t->r.b->scratch, guard->body.at[i], find_harm, &harm);
        const kir_stmt *s = guard->body.at[i];
        const bool stores = (s->kind == KIR_STORE || s->kind == KIR_ACCUM) && s->buffer->space == KIR_LOCAL && sx_is(s->buffer->size, 1);
        if (!stores && !(s->kind == KIR_LET && !s->var->sym)) return false;
    }
    return guard->body.n > 0 && !harm;
}

bool k_is_choice(void *env, const kir_stmt *guard)
{
    k_tile *t = env;
    int axis = 0;
    while (axis < t->nest->n && t->at[axis].segment->lanes < 2) axis++;
    if (axis == t->nest->n || !is_about_locals(t, guard)) return false;
    kir_stmt tile = *t->nest->core;
    kir_lanes lanes;
    tile.var = t->nest->axis[axis].loop->var;
    tile.end = sx_int(t->r.b->sx, t->at[axis].segment->lanes);
    kir_lanes_of_loop(&lanes, t->r.b->m, t->r.b->scratch, &tile);
    return kir_varies(&lanes, guard->value);
}

static void sink(k_tile *t, const kir_stmt *in);

/* Narrows the rows to those that a guard lets through; false where that depends on the run. */
static bool sink_narrowed(k_tile *t, const kir_stmt *s)
{
    for (int i = 0; i < t->nest->n; i++) {
        int64_t lo, hi;
        if (!k_has_rows(t, i)) continue;
        bool decided = decide_rows(t, s->value, i, &lo, &hi);
        k_map_any_row(t, i);
        if (!decided) continue;
        k_flush(t);
        k_tile_axis kept = t->at[i];
        t->at[i].lo = lo;
        t->at[i].hi = hi;
        k_map_any_row(t, i);
        if (lo < hi) sink(t, s);
        k_flush(t);
        t->at[i].lo = kept.lo;
        t->at[i].hi = kept.hi;
        k_map_any_row(t, i);
        return true;
    }
    return false;
}

static void sink_if(k_tile *t, const kir_stmt *s)
{
    k_map_any_rows(t);
    const kir_expr *guard = k_expr(&t->r, s->value);
    if (is_decided(guard) && !guard->integer) return;
    if (is_decided(guard)) {
        sink(t, s);
    } else if (!k_value_differs(t, s->value)) {
        k_flush(t);
        kir_if(t->r.b, guard);
        sink(t, s);
        k_flush(t);
        kir_close(t->r.b);
    } else if (!sink_narrowed(t, s)) {
        k_wait(t, s);
    }
}

/* Does a guard inside depend on both the loop and the rows, and is not decided for all of them? */
static bool guards_rows(k_tile *t, const kir_stmt *s, const ir_sym *sym)
{
    if (s->kind == KIR_IF && k_value_mentions(t->r.b->scratch, s->value, sym, true) && k_value_differs(t, s->value) && !is_decided(k_expr(&t->r, s->value))) return true;
    for (int i = 0; i < s->body.n; i++)
        if (guards_rows(t, s->body.at[i], sym)) return true;
    return false;
}

/* Of a guard in one trip: which rows of which axis it lets through; axis -1: the run decides. */
typedef struct {
    int axis;
    int64_t lo, hi;
} let_through;

typedef VEC(let_through) trip_guards;

static let_through decide_guard(k_tile *t, const kir_expr *guard)
{
    let_through of = {.axis = -1};
    for (int i = 0; i < t->nest->n && of.axis < 0; i++) {
        if (!k_has_rows(t, i)) continue;
        if (decide_rows(t, guard, i, &of.lo, &of.hi)) of.axis = i;
        k_map_any_row(t, i);
    }
    return of;
}

static void note_guards(k_tile *t, const kir_stmt *s, const ir_sym *sym, trip_guards *to)
{
    if (s->kind == KIR_IF && k_value_mentions(t->r.b->scratch, s->value, sym, true) && k_value_differs(t, s->value)) vec_push(t->r.b->scratch, to, decide_guard(t, s->value));
    for (int i = 0; i < s->body.n; i++) note_guards(t, s->body.at[i], sym, to);
}

/* What the guards of one trip say about the rows. */
static trip_guards guards_of(k_tile *t, const kir_stmt *s, int64_t trip)
{
    trip_guards of = {0};
    k_map(&t->r, s->var->sym, sx_int(t->r.b->sx, trip));
    note_guards(t, s, s->var->sym, &of);
    return of;
}

static bool say_the_same(const trip_guards *a, const trip_guards *b)
{
    bool same = a->n == b->n;
    for (int i = 0; i < a->n && same; i++) {
        const let_through *x = &a->at[i], *y = &b->at[i];
        same = x->axis >= 0 && x->axis == y->axis && x->lo == y->lo && x->hi == y->hi;
    }
    return same;
}

/* Trips in which guards let the same rows through stay a loop; so in each of them the guards are decided. */
static void sink_trips(k_tile *t, const kir_stmt *s, int64_t begin, int64_t end)
{
    for (int64_t first = begin, next; first < end; first = next) {
        trip_guards of = guards_of(t, s, first);
        for (next = first + 1; next < end; next++) {
            trip_guards other = guards_of(t, s, next);
            if (!say_the_same(&of, &other)) break;
        }
        bool open = k_for(&t->r, s->loop, s, s->var->name, sx_int(t->r.b->sx, first), sx_int(t->r.b->sx, next));
        sink(t, s);
        k_flush(t);
        if (open) kir_close(t->r.b);
    }
}

/* The loop that runs in blocks, in the block at hand. */
bool k_open_block(k_tile *t, const kir_stmt *s)
{
    const k_blocks *k = &t->nest->blocks;
    if (s != k->loop) return false;
    sx_table *x = t->r.b->sx;
    const ir_sx *step = kir_for(t->r.b, s->loop, s->var->name, sx_int(x, 0), t->trips), *before = sx_mul(x, k_index(&t->r, sx_sym(x, k->number)), sx_int(x, k->depth));
    k_map(&t->r, k->step, step);
    k_map(&t->r, s->var->sym, sx_add(x, before, step));
    return true;
}

enum { FEW_TRIPS = 16 };

static void sink_for(k_tile *t, const kir_stmt *s)
{
    if (k_index_differs(t, s->begin) || k_index_differs(t, s->end)) {
        k_wait(t, s);
        return;
    }
    k_flush(t);
    k_map_any_rows(t);
    const ir_sx *begin = k_index(&t->r, s->begin), *end = k_index(&t->r, s->end), *trips = sx_sub(t->r.b->sx, end, begin);
    if (sx_is_const(begin) && sx_is_const(trips) && sx_value(trips) <= FEW_TRIPS && guards_rows(t, s, s->var->sym)) {
        sink_trips(t, s, sx_value(begin), sx_value(end));
        return;
    }
    bool open = k_open_block(t, s) || k_for(&t->r, s == t->nest->unrolled ? KIR_UNROLL : s->loop, s, s->var->name, begin, end);
    if (t->nest->in_loop) t->nest->in_loop(t->nest->load_env, s, t);
    sink(t, s);
    k_flush(t);
    if (open) kir_close(t->r.b);
}

/* ---- statements ---------------------------------------------------------------------------- */

static void sink_let(k_tile *t, const kir_stmt *s)
{
    const void *key = s->var->sym ? (const void *)s->var->sym : s->var;
    if (k_value_differs(t, s->value)) {
        map_setp(&t->differs, key, (void *)(uintptr_t)s); /* it is named again wherever it is used */
        if (k_may_change(t, s)) k_wait(t, s);
        return;
    }
    k_flush(t);
    k_stmt(&t->r, s);
}

static void sink_alloc(k_tile *t, const kir_stmt *s)
{
    k_flush(t);
    t->r.copies = 1;
    for (int i = 0; i < t->nest->n; i++) t->r.copies *= t->at[i].segment->rows;
    if (t->r.copies > 1) map_setp(&t->differs, s->buffer, (void *)(uintptr_t)s);
    k_stmt(&t->r, s);
    t->r.copies = 1;
}

static void sink(k_tile *t, const kir_stmt *in)
{
    for (int i = 0; i < in->body.n && !t->broken; i++) {
        const kir_stmt *s = in->body.at[i];
        switch (s->kind) {
        case KIR_SEQ: sink(t, s); break;
        case KIR_FOR: sink_for(t, s); break;
        case KIR_IF: sink_if(t, s); break;
        case KIR_LET: sink_let(t, s); break;
        case KIR_ALLOC: sink_alloc(t, s); break;
        default: k_wait(t, s); break;
        }
    }
}

void k_tile_leaf(k_tile *t)
{
    bool rows = false;
    map_init(&t->differs, t->r.b->scratch);
    t->lanes = 1;
    for (int i = 0; i < t->nest->n; i++)
        if (t->at[i].segment->lanes > 1) t->lanes = t->at[i].segment->lanes;
    t->lane = sx_int(t->r.b->sx, 0);
    if (t->lanes > 1) t->lane = kir_for(t->r.b, KIR_VECTOR, "v", t->lane, sx_int(t->r.b->sx, t->lanes));
    for (int i = 0; i < t->nest->n; i++) {
        t->at[i].lo = 0;
        t->at[i].hi = t->at[i].segment->rows;
        if (k_has_rows(t, i)) map_setp(&t->differs, t->nest->axis[i].loop->var->sym, t);
        else k_map_axis(t, i, sx_int(t->r.b->sx, 0));
        rows |= k_has_rows(t, i);
    }
    k_map_any_rows(t);
    if (rows) sink(t, t->nest->core);
    else k_body(&t->r, t->nest->core);
    k_flush(t);
    if (t->lanes > 1) kir_close(t->r.b);
}
