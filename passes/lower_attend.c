/* Attention in blocks of query rows: a chained contraction that never holds all of the scores.
 *
 * The scores of a block stand turned, a row of queries for each key, so that the lanes are queries: maxima and sums of a
 * query need nothing of the other lanes, and keys are read as they lie. Behind the softmax the lanes are elements of the
 * values. Of many keys a block at a time is worked on, with a running maximum (Milakov and Gimelshein, "Online
 * normalizer calculation for softmax").
 *
 *     for h, t_t                           queries 32 t_t .. 32 t_t + 31 of a head
 *       q[d, t] = scale * Q[t, d]
 *       for v in 0..16 vector
 *         for j_t  p[j, t] = sum of K[j, d] q[d, t] over d, for 8 keys by 2 vectors
 *         for j    p[j, t] = exp(p[j, t] - top[t])
 *       for e_t, i_t, for v in 0..16 vector
 *         Y[t, e] = sum of p[j, t] V[j, e] over j / total[t], for 8 queries by 2 vectors */
#include "passes/lower_attention.h"

#include <math.h>
#include "passes/sched.h"

typedef struct {
    lw *l;
    const sched_target *target;
    attention a;
    int64_t lanes, vectors, width; /* queries of a block: vectors * lanes */
    int64_t size, value_size;      /* D and E */
    int64_t key_rows, value_vectors, value_rows; /* of the tiles */
    const ir_sx *t0, *rows;        /* the block's first query, and how many there are */
    const ir_sx *end;              /* of the keys that a query of the block can see */
    const ir_sx *j0, *keys;        /* the block's first key, and how many there are */
    int64_t block;                 /* keys of a block at most */
    bool online;                   /* are there several blocks of keys? */
    bool skips;                    /* keys of weight 0 are left out: their values may be anything */
    kir_buffer *q, *p, *mask;      /* [D][width], [block][width]; mask: p holds it before the scores */
    kir_buffer *top, *total, *fade, *out; /* [width]; out: [width][E], of several blocks of keys or a block that is not whole; NULL: the result itself */
} blocks;

static const ir_sx *number(const blocks *b, int64_t n) { return sx_int(b->l->sx, n); }
static const ir_sx *plus(const blocks *b, const ir_sx *x, const ir_sx *y) { return sx_add(b->l->sx, x, y); }
static const ir_sx *times(const blocks *b, const ir_sx *x, int64_t n) { return sx_mul(b->l->sx, x, number(b, n)); }
static const kir_expr *value(const blocks *b, double x) { return lw_number(b->l, b->a.t, x); }

static const ir_sx *serial(const blocks *b, const char *name, const ir_sx *end) { return lw_for(b->l, name, end); }
static const ir_sx *unrolled(const blocks *b, const char *name, int64_t n) { return kir_for(&b->l->b, KIR_UNROLL, name, number(b, 0), number(b, n)); }
static void open_lanes(const blocks *b, const ir_sx **v, int64_t lanes)
{
    *v = kir_for(&b->l->b, KIR_VECTOR, "v", number(b, 0), number(b, lanes));
}

static void add_product(const blocks *b, kir_buffer *acc, const ir_sx *at, const kir_expr *x, const kir_expr *y, int64_t lanes)
{
    kir_builder *k = &b->l->b;
    bool fused = device_instruction(b->target->device, "fma", (nfc_dtype)b->a.t, (int)lanes) != NULL;
    if (fused) kir_store(k, acc, at, kir_fma(k, x, y, kir_load(k, acc, at)));
    else kir_accum(k, KB_ADD, acc, at, kir_binary(k, KB_MUL, x, y));
}

/* ---- the queries --------------------------------------------------------------------------- */

static kir_buffer *local(const blocks *b, const char *name, int64_t n) { return kir_alloc(&b->l->b, name, (nfc_dtype)b->a.t, n); }

static bool is_whole(const blocks *b) { return sx_is(b->rows, b->width); }

/* The block's queries, turned; rows that there are not are 0. */
static void turn_queries(blocks *b)
{
    kir_builder *k = &b->l->b;
    b->q = local(b, "q", b->size * b->width);
    const ir_sx *t = serial(b, "t", b->rows), *d = serial(b, "d", number(b, b->size));
    b->a.row[b->a.batch + 1] = plus(b, b->t0, t);
    b->a.row[b->a.batch + 2] = d;
    kir_store(k, b->q, plus(b, times(b, d, b->width), t), lw_bin(b->l, MUL, lw_load(b->l, b->a.inst->in[0], b->a.row), value(b, attention_scale(&b->a))));
    lw_close(b->l, 2);
    if (is_whole(b)) return;
    t = kir_for(k, KIR_SERIAL, "t", b->rows, number(b, b->width));
    d = serial(b, "d", number(b, b->size));
    kir_store(k, b->q, plus(b, times(b, d, b->width), t), value(b, 0));
    lw_close(b->l, 2);
}

/* A mask that is another one for each query, turned, in the place of the scores; 0 for rows that there are not. */
static void turn_mask(blocks *b)
{
    kir_builder *k = &b->l->b;
    const ir_sx *t = serial(b, "t", b->rows), *j = serial(b, "j", b->keys);
    b->a.row[b->a.batch + 1] = plus(b, b->t0, t);
    const kir_expr *m = attention_mask(b->l, &b->a, plus(b, b->j0, j));
    if (m->type == DT_bool) m = lw_sel(b->l, m, value(b, 0), value(b, -INFINITY));
    kir_store(k, b->p, plus(b, times(b, j, b->width), t), m);
    lw_close(b->l, 2);
    if (is_whole(b)) return;
    t = kir_for(k, KIR_SERIAL, "t", b->rows, number(b, b->width));
    j = serial(b, "j", b->keys);
    kir_store(k, b->p, plus(b, times(b, j, b->width), t), value(b, 0));
    lw_close(b->l, 2);
}

static bool mask_differs_by_query(const blocks *b)
{
    const ir_value *mask = ir_operand(b->a.inst, 3);
    int rank = mask ? mask->type->rank : 0;
    return rank > 1 && !sx_is(mask->type->dim[rank - 2], 1);
}

/* ---- the scores ---------------------------------------------------------------------------- */

/* The score with what hides the key: s is q . k of query `at` of the block and key j of all. */
static const kir_expr *hidden(blocks *b, const kir_expr *s, const ir_sx *place, const ir_sx *at, const ir_sx *j)
{
    const kir_expr *none = value(b, -INFINITY);
    b->a.row[b->a.batch + 1] = plus(b, b->t0, at);
    if (b->mask) {
        const kir_expr *m = lw_named(b->l, "mask", kir_load(&b->l->b, b->mask, place));
        bool of_bools = ir_operand(b->a.inst, 3)->type->dtype == DT_bool;
        s = of_bools ? lw_sel(b->l, lw_bin(b->l, EQ, m, none), none, s) : lw_bin(b->l, ADD, s, m);
    } else if (ir_operand(b->a.inst, 3)) {
        const kir_expr *m = attention_mask(b->l, &b->a, j);
        s = m->type == DT_bool ? lw_sel(b->l, m, s, none) : lw_bin(b->l, ADD, s, m);
    }
    const kir_expr *seen = attention_visible(b->l, &b->a, j);
    return seen->kind == KIR_CONST ? s : lw_sel(b->l, seen, s, none);
}

/* A tile of scores: `rows` keys from j on, all queries of the block. */
static void score_tile(blocks *b, const ir_sx *j, int64_t rows, const ir_sx *v, kir_buffer *top)
{
    kir_builder *k = &b->l->b;
    kir_buffer *s = local(b, "s", rows * b->vectors);
    const ir_sx *i = unrolled(b, "i", rows), *r = unrolled(b, "r", b->vectors);
    kir_store(k, s, plus(b, times(b, i, b->vectors), r), value(b, 0));
    lw_close(b->l, 2);
    const ir_sx *d = serial(b, "d", number(b, b->size));
    i = unrolled(b, "i", rows);
    r = unrolled(b, "r", b->vectors);
    const kir_expr *key = attention_element(b->l, &b->a, 1, plus(b, b->j0, plus(b, j, i)), d);
    const kir_expr *query = kir_load(k, b->q, plus(b, times(b, d, b->width), plus(b, times(b, r, b->lanes), v)));
    add_product(b, s, plus(b, times(b, i, b->vectors), r), key, query, b->lanes);
    lw_close(b->l, 3);
    i = unrolled(b, "i", rows);
    r = unrolled(b, "r", b->vectors);
    const ir_sx *at = plus(b, times(b, r, b->lanes), v), *place = plus(b, times(b, plus(b, j, i), b->width), at);
    const kir_expr *x = lw_named(b->l, "x", hidden(b, kir_load(k, s, plus(b, times(b, i, b->vectors), r)), place, at, plus(b, b->j0, plus(b, j, i))));
    kir_store(k, b->p, place, x);
    kir_accum(k, KB_MAX, top, r, x);
    lw_close(b->l, 2);
}

static void all_scores(blocks *b, const ir_sx *v, kir_buffer *top)
{
    const ir_sx *tiles = sx_div(b->l->sx, b->keys, b->key_rows), *done = times(b, tiles, b->key_rows);
    if (!sx_is(tiles, 0)) {
        const ir_sx *j = serial(b, "j_t", tiles);
        score_tile(b, times(b, j, b->key_rows), b->key_rows, v, top);
        lw_close(b->l, 1);
    }
    if (done == b->keys) return;
    score_tile(b, kir_for(&b->l->b, KIR_SERIAL, "j", done, b->keys), 1, v, top);
    lw_close(b->l, 1);
}

/* exp(score - shift), and the sums of that. */
static void all_weights(blocks *b, const ir_sx *v, kir_buffer *shift, kir_buffer *sum)
{
    kir_builder *k = &b->l->b;
    const ir_sx *j = serial(b, "j", b->keys), *r = unrolled(b, "r", b->vectors);
    const ir_sx *place = plus(b, times(b, j, b->width), plus(b, times(b, r, b->lanes), v));
    const kir_expr *x = lw_named(b->l, "weight", lw_un(b->l, EXP, lw_bin(b->l, SUB, kir_load(k, b->p, place), kir_load(k, shift, r))));
    kir_store(k, b->p, place, x);
    kir_accum(k, KB_ADD, sum, r, x);
    lw_close(b->l, 2);
}

/* A block of keys: its weights in p; the maxima and sums of all blocks so far. */
static void softmax(blocks *b)
{
    kir_builder *k = &b->l->b;
    const ir_sx *v, *r;
    open_lanes(b, &v, b->lanes);
    kir_buffer *top = local(b, "peak", b->vectors), *sum = local(b, "sum", b->vectors);
    r = unrolled(b, "r", b->vectors);
    const ir_sx *at = plus(b, times(b, r, b->lanes), v);
    kir_store(k, top, r, b->online ? kir_load(k, b->top, at) : value(b, -INFINITY));
    kir_store(k, sum, r, value(b, 0));
    lw_close(b->l, 1);
    all_scores(b, v, top);
    r = unrolled(b, "r", b->vectors);
    at = plus(b, times(b, r, b->lanes), v);
    if (b->online) {
        const kir_expr *before = lw_named(b->l, "before", kir_load(k, b->top, at));
        kir_store(k, b->top, at, kir_load(k, top, r));
        kir_store(k, top, r, lw_sel(b->l, lw_bin(b->l, EQ, kir_load(k, top, r), value(b, -INFINITY)), value(b, 0), kir_load(k, top, r)));
        kir_store(k, b->fade, at, lw_un(b->l, EXP, lw_bin(b->l, SUB, before, kir_load(k, top, r))));
        kir_store(k, b->total, at, lw_bin(b->l, MUL, kir_load(k, b->total, at), kir_load(k, b->fade, at)));
    } else {
        kir_store(k, top, r, lw_sel(b->l, lw_bin(b->l, EQ, kir_load(k, top, r), value(b, -INFINITY)), value(b, 0), kir_load(k, top, r)));
    }
    lw_close(b->l, 1);
    all_weights(b, v, top, sum);
    r = unrolled(b, "r", b->vectors);
    at = plus(b, times(b, r, b->lanes), v);
    kir_store(k, b->total, at, b->online ? lw_bin(b->l, ADD, kir_load(k, b->total, at), kir_load(k, sum, r)) : kir_load(k, sum, r));
    lw_close(b->l, 2);
}

/* ---- the values ---------------------------------------------------------------------------- */

/* An element of the result: the weighted sum of values by the sum of weights. */
static void store_result(blocks *b, const ir_sx *t, const ir_sx *e, const kir_expr *sum)
{
    b->a.row[b->a.batch + 1] = plus(b, b->t0, t);
    b->a.row[b->a.batch + 2] = e;
    const kir_expr *total = lw_named(b->l, "whole", kir_load(&b->l->b, b->total, t));
    lw_store(b->l, 0, b->a.row, lw_sel(b->l, lw_bin(b->l, EQ, total, value(b, 0)), attention_of_nothing(b->l, &b->a), lw_bin(b->l, DIV, sum, total)));
}

/* `rows` queries from t on, `vectors` of elements from e on. */
static void value_tile(blocks *b, const ir_sx *t, int64_t rows, const ir_sx *e0, int64_t vectors, int64_t lanes)
{
    kir_builder *k = &b->l->b;
    const ir_sx *v = number(b, 0);
    if (lanes > 1) open_lanes(b, &v, lanes);
    kir_buffer *acc = local(b, "acc", rows * vectors);
    const ir_sx *i = unrolled(b, "i", rows), *r = unrolled(b, "r", vectors), *at = plus(b, times(b, i, vectors), r);
    const ir_sx *e = plus(b, e0, plus(b, times(b, r, lanes), v)), *own = plus(b, times(b, plus(b, t, i), b->value_size), e);
    kir_store(k, acc, at, b->online ? lw_bin(b->l, MUL, kir_load(k, b->out, own), kir_load(k, b->fade, plus(b, t, i))) : value(b, 0));
    lw_close(b->l, 2);
    const ir_sx *j = serial(b, "j", b->keys);
    i = unrolled(b, "i", rows);
    const kir_expr *weight = kir_load(k, b->p, plus(b, times(b, j, b->width), plus(b, t, i)));
    if (b->skips) lw_if(b->l, lw_bin(b->l, NE, weight, value(b, 0)));
    r = unrolled(b, "r", vectors);
    e = plus(b, e0, plus(b, times(b, r, lanes), v));
    add_product(b, acc, plus(b, times(b, i, vectors), r), weight, attention_element(b->l, &b->a, 2, plus(b, b->j0, j), e), lanes);
    lw_close(b->l, 3 + b->skips);
    i = unrolled(b, "i", rows);
    r = unrolled(b, "r", vectors);
    e = plus(b, e0, plus(b, times(b, r, lanes), v));
    const kir_expr *sum = kir_load(k, acc, plus(b, times(b, i, vectors), r));
    if (b->out) kir_store(k, b->out, plus(b, times(b, plus(b, t, i), b->value_size), e), sum);
    else store_result(b, plus(b, t, i), e, sum);
    lw_close(b->l, 2 + (lanes > 1));
}

/* All queries, for some of the elements. */
static void value_rows(blocks *b, const ir_sx *e0, int64_t vectors, int64_t lanes)
{
    int64_t tiles = b->width / b->value_rows;
    const ir_sx *t = tiles > 1 ? serial(b, "i_t", number(b, tiles)) : number(b, 0);
    value_tile(b, times(b, t, b->value_rows), b->value_rows, e0, vectors, lanes);
    lw_close(b->l, tiles > 1);
}

static void values(blocks *b)
{
    int64_t lanes = b->lanes, wide = lanes * b->value_vectors, e = b->value_size / wide * wide;
    if (e > wide) {
        value_rows(b, times(b, serial(b, "e_t", number(b, e / wide)), wide), b->value_vectors, lanes);
        lw_close(b->l, 1);
    } else if (e) {
        value_rows(b, number(b, 0), b->value_vectors, lanes);
    }
    for (; lanes >= 1; lanes /= 2)
        for (; b->value_size - e >= lanes; e += lanes) value_rows(b, number(b, e), 1, lanes);
}

/* ---- all blocks ---------------------------------------------------------------------------- */

/* x, or n if that is less: 0 to most. */
static const ir_sx *at_most(const blocks *b, const char *name, const ir_sx *x, const ir_sx *n, int64_t most)
{
    kir_builder *k = &b->l->b;
    if (sx_min(sx_sub(b->l->sx, n, x)) >= 0) return x;
    if (sx_max(sx_sub(b->l->sx, n, x)) <= 0) return n;
    return kir_let_index(k, name, kir_binary(k, KB_MIN, kir_index(k, n), kir_index(k, x)), 0, most); /* x: what the verifier goes by */
}

/* Where the keys end that the block's last query can see. */
static const ir_sx *last_key(blocks *b)
{
    const ir_type *q = b->a.inst->in[0]->type;
    if (!ir_int(b->a.inst, ATTR_AT(sdpa, causal))) return b->a.keys;
    const ir_sx *end = plus(b, plus(b, b->t0, b->rows), sx_sub(b->l->sx, b->a.keys, q->dim[q->rank - 2]));
    if (sx_max(sx_sub(b->l->sx, end, b->a.keys)) <= 0 && sx_min(end) >= 0) return end;
    kir_builder *k = &b->l->b;
    const kir_expr *x = kir_binary(k, KB_MAX, kir_index(k, end), kir_int(k, KIR_INDEX_TYPE, 0));
    return kir_let_index(k, "end", kir_binary(k, KB_MIN, x, kir_index(k, b->a.keys)), 0, sx_max(b->a.keys));
}

static void fill(const blocks *b, kir_buffer *to, int64_t n, double x)
{
    kir_store(&b->l->b, to, serial(b, "i", number(b, n)), value(b, x));
    lw_close(b->l, 1);
}

static void in_key_blocks(blocks *b)
{
    b->top = local(b, "top", b->width);
    b->fade = local(b, "fade", b->width);
    fill(b, b->top, b->width, -INFINITY);
    fill(b, b->total, b->width, 0);
    fill(b, b->out, b->width * b->value_size, 0);
    const ir_sx *count = sx_div(b->l->sx, plus(b, b->end, number(b, b->block - 1)), b->block);
    b->j0 = times(b, serial(b, "b", count), b->block);
    b->keys = at_most(b, "count", sx_sub(b->l->sx, b->end, b->j0), number(b, b->block), b->block);
    if (b->mask) turn_mask(b);
    softmax(b);
    values(b);
    lw_close(b->l, 1);
}

/* Those queries of a block that there are. */
static void store_rows(blocks *b)
{
    const ir_sx *t = serial(b, "t", b->rows), *e = serial(b, "e", number(b, b->value_size));
    store_result(b, t, e, kir_load(&b->l->b, b->out, plus(b, times(b, t, b->value_size), e)));
    lw_close(b->l, 2);
}

static void block_of_queries(blocks *b, const ir_sx *all)
{
    b->rows = at_most(b, "rows", sx_sub(b->l->sx, all, b->t0), number(b, b->width), b->width);
    b->end = last_key(b);
    turn_queries(b);
    b->p = local(b, "p", b->block * b->width);
    b->mask = mask_differs_by_query(b) ? b->p : NULL;
    b->total = local(b, "total", b->width);
    b->out = b->online || !is_whole(b) ? local(b, "out", b->width * b->value_size) : NULL;
    if (b->online) {
        in_key_blocks(b);
    } else {
        b->j0 = number(b, 0);
        b->keys = b->end;
        if (b->mask) turn_mask(b);
        softmax(b);
        values(b);
    }
    if (b->out) store_rows(b);
}

/* Are there keys that a query must not see? The products of softmax by itself see them, times 0. */
static bool hides_keys(const blocks *b)
{
    const ir_inst *inst = b->a.inst;
    return !ir_int(inst, ATTR_AT(sdpa, nan_rows)) && (ir_operand(inst, 3) || ir_int(inst, ATTR_AT(sdpa, causal)) || ir_int(inst, ATTR_AT(sdpa, window)));
}

static int64_t power_below(int64_t n)
{
    int64_t p = 1;
    while (2 * p <= n) p *= 2;
    return p;
}

/* The tiles: as many rows as the registers hold beside what the rows share. */
static void pick(blocks *b, int64_t rows)
{
    int64_t registers = b->target->registers;
    b->vectors = rows > b->lanes ? 2 : 1;
    b->width = b->vectors * b->lanes;
    b->key_rows = power_below((registers - b->vectors - 1) / b->vectors);
    if (b->key_rows > 8) b->key_rows = 8;
    b->value_vectors = b->value_size >= 2 * b->lanes ? 2 : 1;
    b->value_rows = power_below((registers - b->value_vectors - 1) / b->value_vectors);
    for (int64_t most = b->width < 8 ? b->width : 8; b->value_rows > most;) b->value_rows /= 2;
}

/* Keys whose scores stay in the nearest cache, beside the queries or in the half of it; 0: it is not known. */
static int64_t keys_that_stay(const blocks *b)
{
    const sched_target *t = b->target;
    int64_t near = t->ways ? t->ways * t->way : t->cache, row = b->width * (int64_t)dtype_bytes((nfc_dtype)b->a.t);
    int64_t rows = near / row, keys = b->size < rows / 2 ? rows - b->size : rows / 2;
    return keys ? power_below(keys) : 0;
}

bool attend_in_blocks(lw *l, const ir_inst *inst, const sched_target *target)
{
    const ir_type *q = inst->in[0]->type, *k = inst->in[1]->type, *v = inst->in[2]->type;
    const ir_sx *all = q->dim[q->rank - 2];
    int64_t most = sx_max(k->dim[k->rank - 2]);
    blocks b = {.l = l, .target = target, .size = sx_value(q->dim[q->rank - 1]), .value_size = sx_value(v->dim[v->rank - 1])};
    b.lanes = target->vector_bytes / (int64_t)dtype_bytes((nfc_dtype)kir_compute(q->dtype));
    if (target->strict || b.lanes < 4 || sx_max(all) < b.lanes || most < 1 || b.size < 1 || b.value_size < 1) return false;
    pick(&b, sx_max(all));
    int loops = attention_heads(l, inst, &b.a);
    int64_t stay = keys_that_stay(&b);
    b.online = stay && most > 2 * stay; /* what it costs to go on with other maxima pays from the third block on */
    b.block = b.online ? stay : most;
    const ir_sx *count = sx_div(l->sx, plus(&b, all, number(&b, b.width - 1)), b.width);
    b.t0 = times(&b, lw_for_parallel(l, "t_t", count), b.width);
    attention_keys(l, &b.a);
    b.skips = hides_keys(&b);
    block_of_queries(&b, all);
    lw_close(l, loops + 1);
    l->schedule = arena_printf(l->m->arena, "blocks of %lld queries in vectors of %lld, tiles of %lld keys, then of %lld queries by %lld vectors along e%s", (long long)b.width,
                               (long long)b.lanes, (long long)b.key_rows, (long long)b.value_rows, (long long)b.value_vectors, b.online ? arena_printf(l->m->arena, "; blocks of %lld keys", (long long)b.block) : "");
    return true;
}
