/* Tiles of sums of rows with rows, with lanes along the terms.
 *
 *     for n_t  for m_t
 *       for v in 0..16 vector
 *         for k_t  part[i, j] += A[4 m_t + i, 16 k_t + v] B[4 n_t + j, 16 k_t + v], for 4 by 4
 *         lane[i, j, v] = part[i, j]
 *       turned[v, i, j] = lane[i, j, v]                  so that the lanes of all sums are added at once
 *       sum[i, j] = turned[0, i, j] + turned[1, i, j] + ..
 *       for i, j  Y[4 m_t + i, 4 n_t + j] = f(sum[i, j] + what is left of the terms) */
#include "passes/k_pairs.h"

#include "passes/k_replay.h"

typedef struct {
    k_replay r;
    const sched_target *target;
    k_nest nest;
    k_blockable p;
    const kir_stmt *accum;
    int axis[2];           /* of the rows and of the columns */
    int64_t lanes;
    const ir_sx *base[2];  /* of the tile at hand, and its extents */
    int64_t extent[2];
    kir_buffer *sum;       /* of each pair of it, of the whole vectors of terms */
    const ir_sx *pair;     /* the one that is stored */
} pairs;

enum { MOST_ROWS = 4 };

k_pairs_tile k_pairs_tile_of(const sched_target *t, int64_t rows)
{
    const int64_t tiles = (rows + MOST_ROWS - 1) / MOST_ROWS, each = (rows + tiles - 1) / tiles;
    return (k_pairs_tile){each, t->registers / 2 / each};
}

static const ir_sx *number(const pairs *k, int64_t n) { return sx_int(k->r.b->sx, n); }
static const ir_sx *plus(const pairs *k, const ir_sx *x, const ir_sx *y) { return sx_add(k->r.b->sx, x, y); }
static const ir_sx *times(const pairs *k, const ir_sx *x, int64_t n) { return sx_mul(k->r.b->sx, x, number(k, n)); }
static const ir_sx *unrolled(const pairs *k, const char *name, int64_t from, int64_t to) { return kir_for(k->r.b, KIR_UNROLL, name, number(k, from), number(k, to)); }
static const char *axis_name(const pairs *k, int i) { return k->nest.axis[k->axis[i]].loop->var->name; }

static void close_loops(const pairs *k, int n)
{
    while (n-- > 0) kir_close(k->r.b);
}

/* ---- which kernels --------------------------------------------------------------------------- */

typedef struct {
    pairs *k;
    int only[2]; /* loads that move with one axis and not with the other */
    bool unfit;
} load_check;

static void check_load(void *env, const kir_expr *e)
{
    load_check *c = env;
    const pairs *k = c->k;
    int64_t along, step[2];
    if (e->kind == KIR_INDEX) c->unfit = true;
    if (e->kind != KIR_LOAD) return;
    const ir_sx *index = k_plain_index(&k->nest, e->index);
    if (!sx_step(k->r.b->sx, index, k->p.loop->var->sym, &along) || (along != 0 && along != 1)) c->unfit = true;
    for (int i = 0; i < 2; i++)
        if (!sx_step(k->r.b->sx, index, k->nest.axis[k->axis[i]].loop->var->sym, &step[i])) c->unfit = true;
    if (c->unfit || (step[0] && step[1])) c->unfit = true;
    else if (along)
        for (int i = 0; i < 2; i++) c->only[i] += step[i] != 0;
}

static bool axes_share(pairs *k, int x, int y)
{
    const bool shorter = sx_max(k->nest.axis[x].extent) <= sx_max(k->nest.axis[y].extent);
    k->axis[0] = shorter ? x : y;
    k->axis[1] = shorter ? y : x;
    load_check c = {.k = k};
    const kir_stmt own = {.kind = KIR_NOTE, .value = k->accum->value};
    k_visit_exprs(k->r.b->scratch, &own, check_load, &c);
    return !c.unfit && c.only[0] && c.only[1];
}

static bool find(pairs *k)
{
    if (!k_find_nest(k->r.b, &k->nest) || !k_find_blockable(&k->nest, &k->p)) return false;
    const kir_stmt *loop = k->p.loop;
    if (loop != k->p.reduction || loop->body.n != 1 || loop->loop != KIR_SERIAL || k->p.trips < 2 * k->lanes) return false;
    k->accum = loop->body.at[0];
    if (k->accum->kind != KIR_ACCUM || k->accum->op != KB_ADD || k->accum->value->kind != KIR_BIN || k->accum->value->op != KB_MUL) return false;
    for (int x = 0; x < k->nest.n; x++)
        for (int y = 0; y < x; y++)
            if (sx_max(k->nest.axis[x].extent) > 1 && sx_max(k->nest.axis[y].extent) > 1 && axes_share(k, y, x)) return true;
    return false;
}

/* ---- a tile ---------------------------------------------------------------------------------- */

/* Both axes read as an element of the tile. */
static void map_pair(pairs *k, const ir_sx *i, const ir_sx *j)
{
    k_map(&k->r, k->nest.axis[k->axis[0]].loop->var->sym, plus(k, k->base[0], i));
    k_map(&k->r, k->nest.axis[k->axis[1]].loop->var->sym, plus(k, k->base[1], j));
}

static void add_products(pairs *k, kir_buffer *part, const ir_sx *lane)
{
    kir_builder *b = k->r.b;
    const ir_sx *o = kir_for(b, KIR_SERIAL, arena_printf(b->arena, "%s_t", k->p.loop->var->name), number(k, 0), number(k, k->p.trips / k->lanes));
    const ir_sx *i = unrolled(k, "i", 0, k->extent[0]), *j = unrolled(k, "j", 0, k->extent[1]), *at = plus(k, times(k, i, k->extent[1]), j);
    k_map(&k->r, k->p.loop->var->sym, plus(k, times(k, o, k->lanes), lane));
    map_pair(k, i, j);
    const kir_expr *product = k_expr(&k->r, k->accum->value);
    const bool fused = product->type < DT_COUNT && device_instruction(k->target->device, "fma", (nfc_dtype)product->type, (int)k->lanes) != NULL;
    if (fused) kir_store(b, part, at, kir_fma(b, product->a, product->b, kir_load(b, part, at)));
    else kir_accum(b, KB_ADD, part, at, product);
    close_loops(k, 3);
}

/* lane[pair, v]: each lane's part of each sum; 0 behind them, up to whole vectors of sums. */
static kir_buffer *sum_in_lanes(pairs *k, int64_t all)
{
    kir_builder *b = k->r.b;
    const nfc_dtype t = k->p.sum->dtype;
    const int64_t n = k->extent[0] * k->extent[1];
    kir_buffer *lane = kir_alloc(b, "lane", t, all * k->lanes);
    const ir_sx *v = kir_for(b, KIR_VECTOR, "v", number(k, 0), number(k, k->lanes));
    kir_buffer *part = kir_alloc(b, "part", t, n);
    kir_store(b, part, unrolled(k, "i", 0, n), kir_number(b, (kir_type)t, 0));
    kir_close(b);
    add_products(k, part, v);
    const ir_sx *i = unrolled(k, "i", 0, n);
    kir_store(b, lane, plus(k, times(k, i, k->lanes), v), kir_load(b, part, i));
    kir_close(b);
    if (n < all) {
        kir_store(b, lane, plus(k, times(k, unrolled(k, "i", n, all), k->lanes), v), kir_number(b, (kir_type)t, 0));
        kir_close(b);
    }
    kir_close(b);
    return lane;
}

static void add_lanes(pairs *k, kir_buffer *lane, int64_t all)
{
    kir_builder *b = k->r.b;
    const nfc_dtype t = k->p.sum->dtype;
    kir_buffer *turned = kir_alloc(b, "turned", t, all * k->lanes);
    k->sum = kir_alloc(b, "sum", t, all);
    for (int64_t first = 0; first < all; first += k->lanes) {
        const ir_sx *v = kir_for(b, KIR_VECTOR, "v", number(k, 0), number(k, k->lanes)), *r = unrolled(k, "r", 0, k->lanes);
        kir_store(b, turned, plus(k, plus(k, times(k, r, all), v), number(k, first)), kir_load(b, lane, plus(k, times(k, plus(k, v, number(k, first)), k->lanes), r)));
        close_loops(k, 2);
    }
    for (int64_t first = 0; first < all; first += k->lanes) {
        const ir_sx *v = kir_for(b, KIR_VECTOR, "v", number(k, 0), number(k, k->lanes)), *at = plus(k, v, number(k, first));
        kir_buffer *total = kir_alloc(b, "total", t, 1);
        kir_store(b, total, number(k, 0), kir_load(b, turned, at));
        kir_accum(b, KB_ADD, total, number(k, 0), kir_load(b, turned, plus(k, times(k, unrolled(k, "r", 1, k->lanes), all), at)));
        kir_close(b);
        kir_store(b, k->sum, at, kir_load(b, total, number(k, 0)));
        kir_close(b);
    }
}

/* In the place of the loop over the terms: what the tile has summed up, and the terms that fill no vector. */
static bool on_for(void *env, k_replay *r, const kir_stmt *s)
{
    pairs *k = env;
    if (s != k->p.loop) return false;
    const k_local *sum = map_getp(&r->local, k->p.sum);
    kir_accum(r->b, KB_ADD, sum->buffer, number(k, 0), kir_load(r->b, k->sum, k->pair));
    const int64_t done = k->p.trips / k->lanes * k->lanes;
    if (done == k->p.trips) return true;
    const bool open = k_for(r, KIR_SERIAL, s, s->var->name, number(k, done), number(k, k->p.trips));
    k_body(r, s);
    if (open) kir_close(r->b);
    return true;
}

static void tile(pairs *k)
{
    const int64_t n = k->extent[0] * k->extent[1], all = (n + k->lanes - 1) / k->lanes * k->lanes;
    add_lanes(k, sum_in_lanes(k, all), all);
    const ir_sx *i = kir_for(k->r.b, KIR_SERIAL, "i", number(k, 0), number(k, k->extent[0])), *j = kir_for(k->r.b, KIR_SERIAL, "j", number(k, 0), number(k, k->extent[1]));
    map_pair(k, i, j);
    k->pair = plus(k, times(k, i, k->extent[1]), j);
    k_body(&k->r, k->nest.core);
    close_loops(k, 2);
}

/* ---- all tiles ------------------------------------------------------------------------------- */

static void tiles_along(pairs *k, int which, const int64_t *size)
{
    if (which < 0) {
        tile(k);
        return;
    }
    sx_table *t = k->r.b->sx;
    const ir_sx *all = k->nest.axis[k->axis[which]].extent, *whole = sx_div(t, all, size[which]), *done = times(k, whole, size[which]);
    const char *name = axis_name(k, which);
    k->extent[which] = size[which];
    if (!sx_is(whole, 0)) {
        k->base[which] = times(k, kir_for(k->r.b, KIR_PARALLEL, arena_printf(k->r.b->arena, "%s_t", name), number(k, 0), whole), size[which]);
        tiles_along(k, which - 1, size);
        kir_close(k->r.b);
    }
    if (done == all) return;
    const bool known = sx_is_const(all);
    k->extent[which] = known ? sx_value(all) - sx_value(done) : 1;
    k->base[which] = known ? done : kir_for(k->r.b, KIR_PARALLEL, name, done, all);
    tiles_along(k, which - 1, size);
    if (!known) kir_close(k->r.b);
}

const char *k_pairs(const sched_target *t, kir_builder *b, int64_t lanes)
{
    pairs *k = ARENA_NEW(b->scratch, pairs);
    *k = (pairs){.target = t, .lanes = lanes, .r = {.b = b}};
    if (!find(k)) return NULL;
    const k_pairs_tile of = k_pairs_tile_of(t, sx_max(k->nest.axis[k->axis[0]].extent));
    int64_t size[2] = {of.rows, of.columns};
    if (size[1] > sx_max(k->nest.axis[k->axis[1]].extent)) size[1] = sx_max(k->nest.axis[k->axis[1]].extent);
    if (size[0] * size[1] < 2) return NULL;
    k_rebuild(&k->r, b);
    k->r.on_for = on_for;
    k->r.env = k;
    int open = 0;
    for (int i = 0; i < k->nest.n; i++)
        if (i != k->axis[0] && i != k->axis[1]) open += k_for(&k->r, KIR_PARALLEL, k->nest.axis[i].loop, k->nest.axis[i].loop->var->name, number(k, 0), k_index(&k->r, k->nest.axis[i].extent));
    tiles_along(k, 1, size);
    close_loops(k, open);
    return arena_printf(b->arena, "tiles of %lld rows along %s by %lld along %s, vectors of %lld along %s", (long long)size[0], axis_name(k, 0), (long long)size[1], axis_name(k, 1), (long long)lanes, k->p.loop->var->name);
}
