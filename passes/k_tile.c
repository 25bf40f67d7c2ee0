#include "passes/k_rows.h"

#include "ir/kir_lanes.h"

/* ---- the nest ------------------------------------------------------------------------------ */

static void look_around(k_nest *nest, const kir_stmt *s)
{
    if (s->kind == KIR_LET && s->var->sym && s->value->kind == KIR_INDEX) map_setp(&nest->is, s->var->sym, (void *)(uintptr_t)s->value->index);
    for (int i = 0; i < s->body.n; i++) look_around(nest, s->body.at[i]);
}

bool k_find_nest(kir_builder *b, k_nest *nest)
{
    *nest = (k_nest){.b = b, .core = b->func->body};
    map_init(&nest->is, b->scratch);
    k_mark_written(b->func->body);
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

/* ---- the loops over the tiles -------------------------------------------------------------- */

int64_t k_tile_begin(const k_segment *g, int64_t tile)
{
    int64_t begin = sx_value(g->begin) + tile * g->rows * g->lanes;
    return g->latest && begin > g->latest ? g->latest : begin;
}

/* The first element of the tile at hand. */
static const ir_sx *base_of(k_tile *t, const k_segment *g, const char *name, const ir_sx *tile)
{
    sx_table *s = t->r.b->sx;
    kir_builder *b = t->r.b;
    const ir_sx *base = sx_add(s, g->begin, sx_mul(s, tile, sx_int(s, g->rows * g->lanes)));
    if (!g->latest) return base;
    return kir_let_index(b, arena_printf(b->arena, "%s_0", name), kir_binary(b, KB_MIN, kir_index(b, base), kir_index(b, sx_int(s, g->latest))), sx_value(g->begin), g->latest);
}

static void loops_from(k_tile *t, int axis);

static void loops(k_tile *t, int axis)
{
    if (axis == t->nest->n) {
        k_tile_leaf(t);
        return;
    }
    sx_table *s = t->r.b->sx;
    const k_axis *x = &t->nest->axis[axis];
    const k_group of = t->group[axis];
    for (int i = of.first; i < of.last && !t->broken; i++) {
        const k_segment *g = &x->segment.at[i];
        const ir_sx *width = sx_int(s, g->rows * g->lanes), *first = i ? sx_int(s, 0) : of.begin, *count = i ? g->count : of.count;
        bool open = !sx_is(count, 1), whole = sx_is(width, 1);
        const char *name = whole ? x->loop->var->name : arena_printf(t->r.b->arena, "%s_t", x->loop->var->name);
        const ir_sx *o = first, *begin = sx_add(s, g->begin, first);
        if (open && whole) o = sx_sub(s, kir_for(t->r.b, KIR_PARALLEL, name, begin, sx_add(s, begin, count)), g->begin);
        else if (open) o = sx_add(s, first, kir_for(t->r.b, g->latest ? KIR_SERIAL : KIR_PARALLEL, name, sx_int(s, 0), count));
        if (!i && of.most) o = kir_let_index(t->r.b, arena_printf(t->r.b->arena, "%s_i", x->loop->var->name), kir_index(t->r.b, o), 0, of.most - 1);
        t->at[axis] = (k_tile_axis){.segment = g, .number = i, .tile = o, .base = base_of(t, g, x->loop->var->name, o)};
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
    sx_table *s = t->r.b->sx;
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
    sx_table *s = t->r.b->sx;
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
    if (!k_open_block(env, s)) return false;
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
    t->r.is_choice = k_is_choice;
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
    if (s->kind == KIR_IF && k_value_mentions(r->b->scratch, s->value, sym, true) && k_expr(r, s->value)->kind != KIR_CONST) return false;
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

bool k_guarded_edges(k_nest *nest, int axis, int64_t *first, int64_t *end)
{
    const int64_t extent = sx_value(nest->axis[axis].extent);
    int64_t edge = 0;
    while (2 * edge < extent && !k_is_unguarded(nest, axis, edge, extent - edge)) edge++;
    *first = edge;
    *end = extent - edge;
    if (*first >= *end) return false;
    while (*first > 0 && k_is_unguarded(nest, axis, *first - 1, *end)) --*first;
    while (*end < extent && k_is_unguarded(nest, axis, *first, *end + 1)) ++*end;
    return true;
}
