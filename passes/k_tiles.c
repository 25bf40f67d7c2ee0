#include "passes/k_tiles.h"

#include "passes/k_tiles_of.h"

bool k_has_tile_dot(const device *d, nfc_dtype x, nfc_dtype w) { return device_tile_dot(d, x, w) != NULL; }

static sx_table *table(const tiler *k) { return k->r.b->sx; }
static const ir_sx *num(const tiler *k, int64_t v) { return sx_int(table(k), v); }

/* ---- the loops over the sums ------------------------------------------------------------------ */

/* An index with 0 for the loops whose places are known, and the others as they are now. */
static const ir_sx *placed(tiler *k, const ir_sx *index)
{
    return k_index(&k->r, k_plain_index(k->nest, index));
}

/* Where w's part for the column tile begins that is the first one + `tile`. */
static const ir_sx *part_of_w(tiler *k, const ir_sx *tile)
{
    sx_table *t = table(k);
    const ir_sx *at = num(k, 0);
    for (int i = 0; i < k->outer.n; i++) at = sx_add(t, sx_mul(t, at, num(k, k->outer.at[i].extent)), k_index(&k->r, sx_sym(t, k->outer.at[i].sym)));
    at = sx_mul(t, at, num(k, k->vectors * k->steps * k->panel));
    return sx_add(t, at, sx_mul(t, tile, num(k, k->wide * k->steps * k->panel)));
}

/* The row's axes read as a row of the block. */
static void map_rows(tiler *k, const leaf *at, const ir_sx *row, const ir_sx *over)
{
    k_map(&k->r, k->rows->loop->var->sym, sx_add(table(k), at->first, row));
    if (k->over) k_map(&k->r, k->over->loop->var->sym, sx_add(table(k), at->step, over));
}

/* One chunk: every tile of x with every one of w, each loaded where it is needed first. */
static void multiply(tiler *k, const leaf *at, const ir_sx *step, const ir_sx *from)
{
    sx_table *t = table(k);
    const ir_sx *w = sx_add(t, at->w, sx_mul(t, step, num(k, at->vectors * k->panel)));
    k_map(&k->r, k->along->var->sym, from); /* x goes on evenly over what is one with it */
    for (int i = 0; i < k->joined.n; i++) k_map(&k->r, k->joined.at[i]->var->sym, num(k, 0));
    map_rows(k, at, num(k, 0), num(k, 0));
    const ir_sx *x = placed(k, k->x->index);
    for (int i = 0; i < at->tiles; i++) {
        if (i) kir_tile_load(k->r.b, at->x[i], k->x->buffer, sx_add(t, x, num(k, at->shift[i])), num(k, k->row_step));
        for (int j = 0; j < at->vectors; j++) {
            if (!i) kir_tile_load(k->r.b, at->of_w[j], k->packed, sx_add(t, w, num(k, j * k->panel)), num(k, k->panel / (k->depth / k->terms)));
            if (!i && !j) kir_tile_load(k->r.b, at->x[0], k->x->buffer, x, num(k, k->row_step));
            kir_tile_dot(k->r.b, at->sum[i][j], at->x[i], at->of_w[j]);
        }
    }
}

/* The loops around, and the chunks; step: the number of the first of these. */
static void sum_up(tiler *k, const leaf *at, int loop, const ir_sx *step)
{
    sx_table *t = table(k);
    kir_builder *b = k->r.b;
    if (loop < k->chain.n) {
        const kir_stmt *s = k->chain.at[loop];
        bool open = k_for(&k->r, KIR_SERIAL, s, s->var->name, s->begin, s->end);
        sum_up(k, at, loop + 1, sx_add(t, sx_mul(t, step, s->end), k_index(&k->r, sx_sym(t, s->var->sym))));
        if (open) kir_close(b);
        return;
    }
    const int64_t whole = k->trips / k->depth, chunks = (k->trips + k->depth - 1) / k->depth;
    step = sx_mul(t, step, num(k, chunks));
    const ir_sx *chunk = kir_for(b, KIR_SERIAL, arena_printf(b->arena, "%s_t", k->along->var->name), num(k, 0), num(k, whole));
    multiply(k, at, sx_add(t, step, chunk), sx_mul(t, chunk, num(k, k->depth)));
    kir_close(b);
    if (chunks > whole) multiply(k, at, sx_add(t, step, num(k, whole)), num(k, k->trips - k->depth));
}

/* ---- a block of sums ---------------------------------------------------------------------------- */

/* The sums' registers come first, then those of x and of w, as many as the largest block has. */
static void take_tiles(tiler *k, leaf *at)
{
    kir_builder *b = k->r.b;
    const nfc_dtype x = k->x->buffer->dtype, w = k->w->buffer->dtype;
    const int64_t width = k->tiles->bytes / 4;
    for (int i = 0; i < at->tiles; i++)
        for (int j = 0; j < at->vectors; j++) at->sum[i][j] = kir_tile(b, "sum", k->sum->buffer->dtype, k->high, width, i * k->wide + j);
    for (int i = 0; i < at->tiles; i++) at->x[i] = kir_tile(b, k->x->buffer->name, x, k->high, k->depth, k->tall * k->wide + i);
    for (int j = 0; j < at->vectors; j++) at->of_w[j] = kir_tile(b, k->packed->name, w, k->depth / k->terms, width * k->terms, k->tall * (k->wide + 1) + j);
}

/* What the core's loops come to: they were summed up before. */
static bool on_for(void *env, k_replay *r, const kir_stmt *s)
{
    tiler *k = env;
    if (s != k->loops) return false;
    kir_stmt *sum = ARENA_NEW(r->b->arena, kir_stmt);
    *sum = *k->sum;
    sum->value = kir_load(r->b, k->sums, k->at);
    k_stmt(r, sum);
    return true;
}

/* The core for so many lanes from a column of the block on, in one of its rows. */
static void finish(tiler *k, const leaf *at, const ir_sx *row, const ir_sx *over, const ir_sx *column, int64_t lanes)
{
    sx_table *t = table(k);
    kir_builder *b = k->r.b;
    const ir_sx *lane = lanes > 1 ? kir_for(b, KIR_VECTOR, "v", num(k, 0), num(k, lanes)) : num(k, 0), *n = sx_add(t, column, lane);
    const ir_sx *of_all = sx_add(t, row, sx_mul(t, over, num(k, k->high)));
    k->at = sx_add(t, sx_mul(t, of_all, num(k, at->vectors * k->tiles->bytes / 4)), n);
    map_rows(k, at, row, over);
    k_map(&k->r, k->columns->loop->var->sym, sx_add(t, at->column, n));
    k_body(&k->r, k->nest->core);
    if (lanes > 1) kir_close(b);
}

static void finish_all(tiler *k, const leaf *at)
{
    kir_builder *b = k->r.b;
    sx_table *t = table(k);
    const ir_sx *over = kir_for(b, KIR_SERIAL, "o", num(k, 0), num(k, at->over)), *row = kir_for(b, KIR_SERIAL, "i", num(k, 0), num(k, at->hi - at->lo));
    row = sx_add(t, row, num(k, at->lo));
    int64_t whole = at->columns / k->lanes, column = whole * k->lanes;
    if (whole) {
        const ir_sx *j = kir_for(b, KIR_SERIAL, "j", num(k, 0), num(k, whole));
        finish(k, at, row, over, sx_mul(t, j, num(k, k->lanes)), k->lanes);
        kir_close(b);
    }
    for (int64_t narrow = k->lanes / 2; narrow >= 1; narrow /= 2)
        if ((at->columns - column) & narrow) {
            finish(k, at, row, over, num(k, column), narrow);
            column += narrow;
        }
    kir_close(b);
    kir_close(b);
}

/* Sums as they are go to their places at once. */
static void store_results(tiler *k, const leaf *at)
{
    sx_table *t = table(k);
    map_rows(k, at, num(k, 0), num(k, 0));
    k_map(&k->r, k->columns->loop->var->sym, at->column);
    const ir_sx *first = placed(k, k->result->index);
    for (int i = 0; i < at->tiles; i++)
        for (int j = 0; j < at->vectors; j++) kir_tile_store(k->r.b, k->result->buffer, sx_add(t, first, num(k, (k->over ? i * k->result_over : at->row[i] * k->result_step) + j * k->tiles->bytes / 4)), num(k, k->result_step), at->sum[i][j]);
    k->direct = true;
}

/* Which rows each tile has: the first ones of `count`, and the last ones begin early enough to be whole. */
static void place_rows(tiler *k, leaf *at, const ir_sx *first, int64_t count)
{
    at->first = first;
    at->hi = count;
    at->over = 1;
    if (count < k->high) { /* from the end of all */
        at->first = num(k, k->nrows - k->high);
        at->lo = k->high - count;
        at->hi = k->high;
    }
    at->tiles = (int)((count + k->high - 1) / k->high);
    for (int i = 0; i < at->tiles; i++) {
        at->row[i] = i * k->high + k->high > at->hi ? at->hi - k->high : i * k->high;
        at->shift[i] = at->row[i] * k->row_step;
    }
}

/* The same where each tile has all rows, of another step of the axis over them. */
static void place_over(tiler *k, leaf *at, const ir_sx *first, int64_t count)
{
    at->first = num(k, 0);
    at->step = first;
    at->hi = k->high;
    at->over = count;
    at->tiles = (int)count;
    for (int i = 0; i < at->tiles; i++) {
        at->row[i] = i * k->high;
        at->shift[i] = i * k->over_step;
    }
}

/* A block: `count` rows from `first` on, or steps of the axis over them, of the column tile `tile`. */
static void block(tiler *k, const ir_sx *tile, int vectors, int64_t columns, const ir_sx *first, int64_t count)
{
    sx_table *t = table(k);
    kir_builder *b = k->r.b;
    leaf *at = ARENA_NEW(b->scratch, leaf);
    *at = (leaf){.vectors = vectors, .columns = columns};
    if (k->over) place_over(k, at, first, count);
    else place_rows(k, at, first, count);
    at->column = sx_mul(t, tile, num(k, k->wide * k->tiles->bytes / 4));
    at->w = part_of_w(k, tile);
    const int64_t width = k->tiles->bytes / 4, all = vectors * width;
    const bool direct = k->may_store && k->result && columns == all && (k->over || at->tiles * k->high == count);
    kir_note(b, arena_printf(b->arena, "tiles: %d of sums, %d of %s from %d on, %d of %s from %d on", at->tiles * vectors, at->tiles, k->x->buffer->name, k->tall * k->wide, vectors, k->packed->name, k->tall * (k->wide + 1)));
    k->sums = direct ? NULL : kir_alloc(b, "sums", k->sum->buffer->dtype, at->over * at->hi * all);
    take_tiles(k, at);
    for (int i = 0; i < at->tiles; i++)
        for (int j = 0; j < vectors; j++) kir_tile_zero(b, at->sum[i][j]);
    sum_up(k, at, 0, num(k, 0));
    if (direct) {
        store_results(k, at);
        return;
    }
    for (int i = 0; i < at->tiles; i++)
        for (int j = 0; j < vectors; j++) kir_tile_store(b, k->sums, num(k, at->row[i] * all + j * width), num(k, all), at->sum[i][j]);
    finish_all(k, at);
}

/* ---- the loops over the blocks ------------------------------------------------------------------ */

/* count column tiles from `first` on, for all rows: those of one row tile after the other. */
static void columns_of_rows(tiler *k, const ir_sx *first, int64_t count, int vectors, int64_t columns)
{
    sx_table *t = table(k);
    kir_builder *b = k->r.b;
    const int64_t rows = k->over ? k->nover : k->nrows, tall = k->over ? k->tall : k->tall * k->high, whole = rows / tall, rest = rows % tall;
    const char *name = (k->over ? k->over : k->rows)->loop->var->name;
    for (int last = 0; last < 2; last++) {
        if (last ? !rest : !whole) continue;
        const ir_sx *row = last ? num(k, whole * tall) : sx_mul(t, kir_for(b, KIR_PARALLEL, arena_printf(b->arena, "%s_t", name), num(k, 0), num(k, whole)), num(k, tall));
        const ir_sx *tile = kir_for(b, KIR_PARALLEL, arena_printf(b->arena, "%s_t", k->columns->loop->var->name), num(k, 0), num(k, count));
        block(k, sx_add(t, first, tile), vectors, columns, row, last ? rest : tall);
        kir_close(b);
        if (!last) kir_close(b);
    }
}

static void all_columns(tiler *k)
{
    sx_table *t = table(k);
    kir_builder *b = k->r.b;
    const int64_t width = k->wide * k->tiles->bytes / 4, whole = k->ncolumns / width, rest = k->ncolumns % width;
    if (whole) {
        const ir_sx *group = kir_for(b, KIR_PARALLEL, arena_printf(b->arena, "%s_b", k->columns->loop->var->name), num(k, 0), num(k, whole / k->together));
        columns_of_rows(k, sx_mul(t, group, num(k, k->together)), k->together, k->wide, width);
        kir_close(b);
    }
    const int64_t one = k->tiles->bytes / 4;
    if (rest) columns_of_rows(k, num(k, whole), 1, (int)((rest + one - 1) / one), rest);
}

/* The axes that are neither the rows' nor the columns'. */
static void other_axes(tiler *k, int axis)
{
    if (axis == k->nest->n) {
        all_columns(k);
        return;
    }
    const k_axis *x = &k->nest->axis[axis];
    if (x == k->rows || x == k->columns || x == k->over) {
        other_axes(k, axis + 1);
        return;
    }
    bool open = k_for(&k->r, KIR_PARALLEL, x->loop, x->loop->var->name, num(k, 0), x->extent);
    other_axes(k, axis + 1);
    if (open) kir_close(k->r.b);
}

static const char *described(const tiler *k)
{
    const char *rows = k->rows->loop->var->name, *columns = k->columns->loop->var->name;
    const char *text = arena_printf(k->r.b->arena, "%d x %d tiles of %lld rows along %s by %lld along %s, %lld bytes of %s at once", k->tall, k->wide, (long long)k->high, rows, (long long)(k->tiles->bytes / 4), columns, (long long)(k->depth * (int64_t)dtype_bytes(k->x->buffer->dtype)), k->along->var->name);
    const int64_t width = k->wide * k->tiles->bytes / 4, whole = k->ncolumns / width;
    if (k->over && k->tall > 1) text = arena_printf(k->r.b->arena, "%s, %d of %s together", text, k->tall, k->over->loop->var->name);
    return k->together < whole ? arena_printf(k->r.b->arena, "%s; %lld columns together", text, (long long)(k->together * width)) : text;
}

const char *k_tiles(const sched_target *target, ir_module *m, plan_call *call, kir_builder *b, bool *direct)
{
    k_nest nest;
    tiler *k = ARENA_NEW(b->scratch, tiler);
    *k = (tiler){.target = target, .m = m, .call = call, .nest = &nest, .tiles = &target->device->chosen->tiles, .may_store = *direct, .r = {.b = b}};
    if (!k->tiles->registers || !k_find_nest(b, &nest) || !k_tiles_find(k) || !k_tiles_shape(k)) return NULL;
    k_rebuild(&k->r, b);
    k->r.on_for = on_for;
    k->r.env = k;
    for (int i = 0; i < nest.dropped.n; i++) k_map(&k->r, nest.dropped.at[i], num(k, 0));
    k_tiles_pack(k);
    other_axes(k, 0);
    *direct = k->direct;
    return described(k);
}
