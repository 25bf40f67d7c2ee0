#include "passes/k_tile.h"

#include <string.h>
#include "ir/kir_lanes.h"

/* ---- the nest ------------------------------------------------------------------------------ */

static void look_around(k_nest *nest, const kir_stmt *s)
{
    if (s->kind == KIR_STORE || s->kind == KIR_ACCUM || s->kind == KIR_COPY) s->buffer->written = true;
    if (s->kind == KIR_LET && s->var->sym && s->value->kind == KIR_INDEX) map_setp(&nest->is, s->var->sym, (void *)(uintptr_t)s->value->index);
    for (int i = 0; i < s->body.n; i++) look_around(nest, s->body.at[i]);
}

bool k_find_nest(kir_builder *b, k_nest *nest)
{
    *nest = (k_nest){.b = b, .core = b->func->body};
    map_init(&nest->is, b->scratch);
    look_around(nest, b->func->body);
    while (nest->n < K_MAX_AXES && nest->core->body.n == 1) {
        const kir_stmt *s = nest->core->body.at[0];
        if (s->kind != KIR_FOR || s->loop != KIR_PARALLEL) break;
        for (int i = 0; i < nest->n; i++)
            if (sx_mentions(s->end, nest->axis[i].loop->var->sym)) return false;
        if (!sx_is(s->begin, 0)) return false;
        nest->axis[nest->n++] = (k_axis){.loop = s, .extent = s->end};
        nest->core = s;
    }
    return nest->n > 0;
}

static const ir_sx *known_index(void *env, const ir_sym *sym)
{
    const k_nest *nest = env;
    const ir_sx *is = map_getp(&nest->is, sym);
    return is ? k_plain_index(nest, is) : NULL;
}

const ir_sx *k_plain_index(const k_nest *nest, const ir_sx *x) { return sx_replace(nest->b->sx, x, known_index, (void *)(uintptr_t)nest); }

void k_drop_loop(k_nest *nest, const ir_sym *sym)
{
    map_setp(&nest->is, sym, (void *)(uintptr_t)sx_int(nest->b->sx, 0));
    vec_push(nest->b->scratch, &nest->dropped, sym);
}

/* ---- what differs from row to row ---------------------------------------------------------- */

typedef struct {
    k_tile *t;
    bool found;
} difference;

static void sym_differs(void *env, const ir_sym *sym)
{
    difference *d = env;
    d->found |= map_getp(&d->t->differs, sym) != NULL;
}

static void expr_differs(void *env, const kir_expr *e)
{
    difference *d = env;
    if (e->index) sx_visit(e->index, sym_differs, d);
    if (e->var) d->found |= map_getp(&d->t->differs, e->var) != NULL;
    if (e->buffer) d->found |= map_getp(&d->t->differs, e->buffer) != NULL;
}

static bool index_differs(k_tile *t, const ir_sx *x)
{
    difference d = {t, false};
    if (x) sx_visit(x, sym_differs, &d);
    return d.found;
}

static bool value_differs(k_tile *t, const kir_expr *e)
{
    difference d = {t, false};
    kir_stmt only = {.kind = KIR_NOTE, .value = e};
    k_visit_exprs(t->r.b->scratch, &only, expr_differs, &d);
    return d.found;
}

/* ---- the loops over a tile's rows ---------------------------------------------------------- */

static sx_table *table(k_tile *t) { return t->r.b->sx; }

static bool has_rows(const k_tile *t, int axis) { return t->at[axis].segment->rows > 1; }

/* The axis reads as an element of the tile. */
static void map_axis(k_tile *t, int axis, const ir_sx *row)
{
    k_tile_axis *x = &t->at[axis];
    sx_table *s = table(t);
    x->row = row;
    const ir_sx *at = sx_add(s, x->base, sx_mul(s, row, sx_int(s, x->segment->lanes)));
    if (x->segment->lanes > 1) at = sx_add(s, at, t->lane);
    k_map(&t->r, t->nest->axis[axis].loop->var->sym, at);
}

/* The axes with rows: the one with the lanes comes last, so that a row's vectors lie side by side. */
static int axes_with_rows(const k_tile *t, int axis[K_MAX_AXES])
{
    int n = 0;
    for (int last = 0; last < 2; last++)
        for (int i = 0; i < t->nest->n; i++)
            if (has_rows(t, i) && (t->at[i].segment->lanes > 1) == last) axis[n++] = i;
    return n;
}

static const ir_sx *row_copy(k_tile *t)
{
    int axis[K_MAX_AXES], n = axes_with_rows(t, axis);
    sx_table *s = table(t);
    const ir_sx *flat = sx_int(s, 0);
    for (int i = 0; i < n; i++) flat = sx_add(s, sx_mul(s, flat, sx_int(s, t->at[axis[i]].segment->rows)), t->at[axis[i]].row);
    return flat;
}

static int open_rows(k_tile *t)
{
    static const char *const names[] = {"i", "j", "k", "l"};
    int open = 0, axis[K_MAX_AXES], n = axes_with_rows(t, axis);
    for (int i = 0; i < n; i++) {
        const k_tile_axis *x = &t->at[axis[i]];
        const ir_sx *lo = sx_int(table(t), x->lo), *hi = sx_int(table(t), x->hi);
        bool once = x->hi - x->lo == 1;
        map_axis(t, axis[i], once ? lo : kir_for(t->r.b, KIR_UNROLL, names[i < 3 ? i : 3], lo, hi));
        open += !once;
    }
    t->r.copy = row_copy(t);
    return open;
}

/* Any of the rows at hand, for what is decided about all of them. */
static void map_any_row(k_tile *t, int axis)
{
    k_tile_axis *x = &t->at[axis];
    bool once = x->hi - x->lo == 1;
    map_axis(t, axis, once ? sx_int(table(t), x->lo) : sx_sym(table(t), sx_new_sym(table(t), "row", x->lo, x->hi - 1, NO_SPAN)));
}

static void map_any_rows(k_tile *t)
{
    for (int i = 0; i < t->nest->n; i++)
        if (has_rows(t, i)) map_any_row(t, i);
}

/* ---- statements that wait for the loops over the rows -------------------------------------- */

typedef struct {
    k_tile *t;
    nfc_map *given; /* what has been named in this group */
} needs;

static void give(needs *n, const void *key);

static void need_sym(void *env, const ir_sym *sym) { give(env, sym); }

static void need_expr(void *env, const kir_expr *e)
{
    if (e->index) sx_visit(e->index, need_sym, env);
    if (e->var) give(env, e->var);
}

static void find_change(void *env, const kir_expr *e)
{
    if (e->kind == KIR_LOAD && (e->buffer->space == KIR_LOCAL || e->buffer->written)) *(bool *)env = true;
}

/* May a value be another one later? */
static bool may_change(k_tile *t, const kir_stmt *let)
{
    bool found = false;
    k_visit_exprs(t->r.b->scratch, let, find_change, &found);
    return found;
}

/* A named value, and what it is made of, for the group at hand. */
static void give(needs *n, const void *key)
{
    const kir_stmt *let = map_getp(&n->t->differs, key);
    if (!let || let->kind != KIR_LET || map_setp(n->given, key, n)) return;
    if (may_change(n->t, let)) n->t->broken = "a value named outside of a loop may have changed";
    k_visit_exprs(n->t->r.b->scratch, let, need_expr, n);
    k_stmt(&n->t->r, let);
}

static void need_stmt(needs *n, const kir_stmt *s)
{
    const ir_sx *index[] = {s->begin, s->end, s->index, s->from_index, s->count};
    for (int i = 0; i < 5; i++)
        if (index[i]) sx_visit(index[i], need_sym, n);
    kir_stmt own = {.kind = KIR_NOTE, .value = s->value};
    k_visit_exprs(n->t->r.b->scratch, &own, need_expr, n);
    if (s->kind == KIR_LET) map_setp(n->given, s->var->sym ? (const void *)s->var->sym : s->var, n);
    for (int i = 0; i < s->body.n; i++) need_stmt(n, s->body.at[i]);
}

/* A name stands for one row's value, within the loops that it was given in. */
static void forget_names(k_tile *t, const nfc_map *given)
{
    for (int i = 0; i < given->n; i++) {
        map_setp(&t->r.sym, given->entry[i].key, NULL);
        map_setp(&t->r.var, given->entry[i].key, NULL);
    }
    map_init(&t->r.memo, t->r.b->scratch);
}

static void flush(k_tile *t)
{
    if (!t->pending.n) return;
    nfc_map given;
    map_init(&given, t->r.b->scratch);
    int open = open_rows(t);
    for (int i = 0; i < t->pending.n; i++) {
        need_stmt(&(needs){t, &given}, t->pending.at[i]);
        k_stmt(&t->r, t->pending.at[i]);
    }
    while (open--) kir_close(t->r.b);
    t->pending.n = 0;
    forget_names(t, &given);
    map_any_rows(t);
}

static void wait(k_tile *t, const kir_stmt *s) { vec_push(t->r.b->scratch, &t->pending, s); }

/* ---- guards -------------------------------------------------------------------------------- */

static bool is_decided(const kir_expr *e) { return e->kind == KIR_CONST; }

/* The rows of an axis for which a guard holds, where each is decided and they follow one another. */
static bool decide_rows(k_tile *t, const kir_expr *guard, int axis, int64_t *lo, int64_t *hi)
{
    int64_t runs = 0;
    bool before = false;
    *lo = *hi = t->at[axis].lo;
    for (int64_t x = t->at[axis].lo; x < t->at[axis].hi; x++) {
        map_axis(t, axis, sx_int(table(t), x));
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

static void sink(k_tile *t, const kir_stmt *in);

/* Narrows the rows to those that a guard lets through; false where that depends on the run. */
static bool sink_narrowed(k_tile *t, const kir_stmt *s)
{
    for (int i = 0; i < t->nest->n; i++) {
        int64_t lo, hi;
        if (!has_rows(t, i)) continue;
        bool decided = decide_rows(t, s->value, i, &lo, &hi);
        map_any_row(t, i);
        if (!decided) continue;
        flush(t);
        k_tile_axis kept = t->at[i];
        t->at[i].lo = lo;
        t->at[i].hi = hi;
        map_any_row(t, i);
        if (lo < hi) sink(t, s);
        flush(t);
        t->at[i].lo = kept.lo;
        t->at[i].hi = kept.hi;
        map_any_row(t, i);
        return true;
    }
    return false;
}

static void sink_if(k_tile *t, const kir_stmt *s)
{
    map_any_rows(t);
    const kir_expr *guard = k_expr(&t->r, s->value);
    if (is_decided(guard) && !guard->integer) return;
    if (is_decided(guard)) {
        sink(t, s);
    } else if (!value_differs(t, s->value)) {
        flush(t);
        kir_if(t->r.b, guard);
        sink(t, s);
        flush(t);
        kir_close(t->r.b);
    } else if (!sink_narrowed(t, s)) {
        wait(t, s);
    }
}

/* Does a guard inside depend on both the loop and the rows, and is not decided for all of them? */
static bool guards_rows(k_tile *t, const kir_stmt *s, const ir_sym *sym)
{
    if (s->kind == KIR_IF && k_value_mentions(t->r.b->scratch, s->value, sym, true) && value_differs(t, s->value) && !is_decided(k_expr(&t->r, s->value))) return true;
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
        if (!has_rows(t, i)) continue;
        if (decide_rows(t, guard, i, &of.lo, &of.hi)) of.axis = i;
        map_any_row(t, i);
    }
    return of;
}

static void note_guards(k_tile *t, const kir_stmt *s, const ir_sym *sym, trip_guards *to)
{
    if (s->kind == KIR_IF && k_value_mentions(t->r.b->scratch, s->value, sym, true) && value_differs(t, s->value)) vec_push(t->r.b->scratch, to, decide_guard(t, s->value));
    for (int i = 0; i < s->body.n; i++) note_guards(t, s->body.at[i], sym, to);
}

/* What the guards of one trip say about the rows. */
static trip_guards guards_of(k_tile *t, const kir_stmt *s, int64_t trip)
{
    trip_guards of = {0};
    k_map(&t->r, s->var->sym, sx_int(table(t), trip));
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
        bool open = k_for(&t->r, s->loop, s, s->var->name, sx_int(table(t), first), sx_int(table(t), next));
        sink(t, s);
        flush(t);
        if (open) kir_close(t->r.b);
    }
}

/* The loop that runs in blocks, in the block at hand. */
static bool open_block(k_tile *t, const kir_stmt *s)
{
    const k_blocks *k = &t->nest->blocks;
    if (s != k->loop) return false;
    sx_table *x = table(t);
    const ir_sx *step = kir_for(t->r.b, s->loop, s->var->name, sx_int(x, 0), t->trips), *before = sx_mul(x, k_index(&t->r, sx_sym(x, k->number)), sx_int(x, k->depth));
    k_map(&t->r, k->step, step);
    k_map(&t->r, s->var->sym, sx_add(x, before, step));
    return true;
}

enum { FEW_TRIPS = 16 };

static void sink_for(k_tile *t, const kir_stmt *s)
{
    if (index_differs(t, s->begin) || index_differs(t, s->end)) {
        wait(t, s);
        return;
    }
    flush(t);
    map_any_rows(t);
    const ir_sx *begin = k_index(&t->r, s->begin), *end = k_index(&t->r, s->end), *trips = sx_sub(table(t), end, begin);
    if (sx_is_const(begin) && sx_is_const(trips) && sx_value(trips) <= FEW_TRIPS && guards_rows(t, s, s->var->sym)) {
        sink_trips(t, s, sx_value(begin), sx_value(end));
        return;
    }
    bool open = open_block(t, s) || k_for(&t->r, s == t->nest->unrolled ? KIR_UNROLL : s->loop, s, s->var->name, begin, end);
    if (t->nest->in_loop) t->nest->in_loop(t->nest->load_env, s, t);
    sink(t, s);
    flush(t);
    if (open) kir_close(t->r.b);
}

/* ---- statements ---------------------------------------------------------------------------- */

static void sink_let(k_tile *t, const kir_stmt *s)
{
    const void *key = s->var->sym ? (const void *)s->var->sym : s->var;
    if (value_differs(t, s->value)) {
        map_setp(&t->differs, key, (void *)(uintptr_t)s); /* it is named again wherever it is used */
        if (may_change(t, s)) wait(t, s);
        return;
    }
    flush(t);
    k_stmt(&t->r, s);
}

static void sink_alloc(k_tile *t, const kir_stmt *s)
{
    flush(t);
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
        default: wait(t, s); break;
        }
    }
}

/* ---- the loops over the tiles -------------------------------------------------------------- */

static void leaf(k_tile *t)
{
    bool rows = false;
    map_init(&t->differs, t->r.b->scratch);
    t->lanes = 1;
    for (int i = 0; i < t->nest->n; i++)
        if (t->at[i].segment->lanes > 1) t->lanes = t->at[i].segment->lanes;
    t->lane = sx_int(table(t), 0);
    if (t->lanes > 1) t->lane = kir_for(t->r.b, KIR_VECTOR, "v", t->lane, sx_int(table(t), t->lanes));
    for (int i = 0; i < t->nest->n; i++) {
        t->at[i].lo = 0;
        t->at[i].hi = t->at[i].segment->rows;
        if (has_rows(t, i)) map_setp(&t->differs, t->nest->axis[i].loop->var->sym, t);
        else map_axis(t, i, sx_int(table(t), 0));
        rows |= has_rows(t, i);
    }
    map_any_rows(t);
    if (rows) sink(t, t->nest->core);
    else k_body(&t->r, t->nest->core);
    flush(t);
    if (t->lanes > 1) kir_close(t->r.b);
}

static void loops_from(k_tile *t, int axis);

static void loops(k_tile *t, int axis)
{
    if (axis == t->nest->n) {
        leaf(t);
        return;
    }
    sx_table *s = table(t);
    const k_axis *x = &t->nest->axis[axis];
    const k_group of = t->group[axis];
    for (int i = of.first; i < of.last && !t->broken; i++) {
        const k_segment *g = &x->segment.at[i];
        const ir_sx *width = sx_int(s, g->rows * g->lanes), *first = i ? sx_int(s, 0) : of.begin, *count = i ? g->count : of.count;
        bool open = !sx_is(count, 1), whole = sx_is(width, 1);
        const char *name = whole ? x->loop->var->name : arena_printf(t->r.b->arena, "%s_t", x->loop->var->name);
        const ir_sx *o = first, *begin = sx_add(s, g->begin, first);
        if (open && whole) o = sx_sub(s, kir_for(t->r.b, KIR_PARALLEL, name, begin, sx_add(s, begin, count)), g->begin);
        else if (open) o = sx_add(s, first, kir_for(t->r.b, KIR_PARALLEL, name, sx_int(s, 0), count));
        if (!i && of.most) o = kir_let_index(t->r.b, arena_printf(t->r.b->arena, "%s_i", x->loop->var->name), kir_index(t->r.b, o), 0, of.most - 1);
        t->at[axis] = (k_tile_axis){.segment = g, .number = i, .tile = o, .base = sx_add(s, g->begin, sx_mul(s, o, width))};
        loops_from(t, axis + 1);
        if (open) kir_close(t->r.b);
    }
}

/* How much a block has: `all`, or what is left, `last` at least, 0: all always. */
static const ir_sx *at_most(k_tile *t, const char *name, const ir_sx *all, const ir_sx *left, int64_t last)
{
    kir_builder *b = t->r.b;
    return last ? kir_let_index(b, arena_printf(b->arena, "%s_n", name), kir_binary(b, KB_MIN, kir_index(b, all), kir_index(b, left)), last, sx_value(all)) : all;
}

/* The blocks of the reduction, around the axes that stand inside. */
static void loop_over_blocks(k_tile *t)
{
    const k_blocks *k = &t->nest->blocks;
    sx_table *s = table(t);
    kir_builder *b = t->r.b;
    const ir_sx *depth = sx_int(s, k->depth), *number = kir_for(b, KIR_SERIAL, k->number->name, sx_int(s, 0), sx_int(s, k->count));
    k_map(&t->r, k->number, number);
    t->trips = at_most(t, k->step->name, depth, sx_sub(s, sx_int(s, k->trips), sx_mul(s, number, depth)), k->trips % k->depth);
    loops(t, k->outside);
    kir_close(b);
}

/* The same in blocks of tiles, the last of which may have fewer; the other segments are a block of their own. */
static void blocks_of_axis(k_tile *t, int axis)
{
    if (axis == t->nest->n) {
        loop_over_blocks(t);
        return;
    }
    sx_table *s = table(t);
    kir_builder *b = t->r.b;
    const k_axis *x = &t->nest->axis[axis];
    const k_group all = t->group[axis];
    const int64_t tiles = x->block ? sx_value(all.count) : 0;
    if (tiles <= x->block) {
        blocks_of_axis(t, axis + 1);
        return;
    }
    const char *name = x->loop->var->name;
    const ir_sx *block = sx_int(s, x->block), *number = kir_for(b, KIR_PARALLEL, arena_printf(b->arena, "%s_b", name), sx_int(s, 0), sx_int(s, (tiles + x->block - 1) / x->block)), *begin = sx_mul(s, number, block);
    t->group[axis] = (k_group){0, 1, begin, at_most(t, name, block, sx_sub(s, all.count, begin), tiles % x->block), tiles % x->block ? tiles : 0};
    blocks_of_axis(t, axis + 1);
    kir_close(b);
    t->group[axis] = (k_group){1, x->segment.n, all.begin, all.count, 0};
    if (x->segment.n > 1) blocks_of_axis(t, axis + 1);
    t->group[axis] = all;
}

static void loops_from(k_tile *t, int axis)
{
    if (t->nest->blocks.loop && axis == t->nest->blocks.outside) blocks_of_axis(t, axis);
    else loops(t, axis);
}

static bool block_of(void *env, k_replay *r, const kir_stmt *s)
{
    if (!open_block(env, s)) return false;
    k_body(r, s);
    kir_close(r->b);
    return true;
}

static const kir_expr *load_at(void *env, kir_buffer *b, const ir_sx *index)
{
    k_tile *t = env;
    return t->nest->load ? t->nest->load(t->nest->load_env, b, index, t) : NULL;
}

static bool has_fma(void *env, kir_type type)
{
    const k_tile *t = env;
    return t->nest->has_fma && t->nest->has_fma(t->nest->fma_env, type, kir_lanes_width(t->lanes));
}

const char *k_apply_tiles(k_nest *nest)
{
    kir_builder *b = nest->b;
    k_tile *t = ARENA_NEW(b->scratch, k_tile);
    k_rebuild(&t->r, b);
    t->r.load = load_at;
    t->r.has_fma = has_fma;
    t->r.on_for = block_of;
    t->r.env = t;
    t->nest = nest;
    for (int i = 0; i < nest->n; i++) t->group[i] = (k_group){0, nest->axis[i].segment.n, sx_int(b->sx, 0), nest->axis[i].segment.n ? nest->axis[i].segment.at[0].count : NULL, 0};
    for (int i = 0; i < nest->dropped.n; i++) k_map(&t->r, nest->dropped.at[i], sx_int(b->sx, 0));
    loops_from(t, 0);
    return t->broken;
}

/* ---- guards of a whole stretch ------------------------------------------------------------- */

static bool decided_in(k_replay *r, const kir_stmt *s, const ir_sym *sym)
{
    if (s->kind == KIR_IF && k_value_mentions(r->b->scratch, s->value, sym, true) && !is_decided(k_expr(r, s->value))) return false;
    for (int i = 0; i < s->body.n; i++)
        if (!decided_in(r, s->body.at[i], sym)) return false;
    return true;
}

bool k_is_unguarded(k_nest *nest, int axis, int64_t begin, int64_t end)
{
    k_replay r;
    const ir_sym *sym = nest->axis[axis].loop->var->sym;
    k_begin(&r, nest->b);
    k_map(&r, sym, sx_sym(nest->b->sx, sx_new_sym(nest->b->sx, "at", begin, end - 1, NO_SPAN)));
    return decided_in(&r, nest->core, sym);
}
