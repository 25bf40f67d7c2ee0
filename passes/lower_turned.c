/* Products of rows with rows, as the scores of attention are: what the second operand has for a column lies side by side,
 * so that vectors of columns would be gathered in the innermost loop. A block of columns is turned once instead, and all
 * rows are multiplied with it.
 *
 *     for b, n_t                              columns 32 n_t .. 32 n_t + 31
 *       for j, k  turned[k, j] = B[k, 32 n_t + j]
 *       for m_t                               rows 13 m_t .. 13 m_t + 12
 *         for v in 0..16 vector
 *           for k  acc[i, r] += A[13 m_t + i, k] turned[k, 16 r + v], for 13 rows by 2 vectors
 *           Y[13 m_t + i, 32 n_t + 16 r + v] = acc[i, r] */
#include "passes/lower_turned.h"

#include "passes/sched.h"

typedef struct {
    lw *l;
    const sched_target *target;
    const ir_inst *matmul;
    nfc_dtype t;                   /* what is computed in */
    int batch;                     /* axes before the matrices */
    const ir_sx *out[IR_MAX_RANK]; /* of the result; the last two are set where it is stored */
    int64_t lanes, terms, columns; /* terms: of each sum */
    int64_t vectors, rows;         /* of a tile */
    kir_buffer *block;             /* [terms][columns of it] */
} turned;

static const ir_sx *number(const turned *p, int64_t n) { return sx_int(p->l->sx, n); }
static const ir_sx *plus(const turned *p, const ir_sx *x, const ir_sx *y) { return sx_add(p->l->sx, x, y); }
static const ir_sx *times(const turned *p, const ir_sx *x, int64_t n) { return sx_mul(p->l->sx, x, number(p, n)); }
static const ir_sx *unrolled(const turned *p, const char *name, int64_t n) { return kir_for(&p->l->b, KIR_UNROLL, name, number(p, 0), number(p, n)); }

/* An element of operand i, whose leading axes broadcast to those of the result. */
static const kir_expr *element(const turned *p, int i, const ir_sx *row, const ir_sx *column)
{
    const ir_value *v = p->matmul->in[i];
    const ir_sx *at[IR_MAX_RANK];
    int lead = v->type->rank - 2;
    for (int k = 0; k < lead; k++) at[k] = sx_is(v->type->dim[k], 1) ? number(p, 0) : p->out[p->batch - lead + k];
    at[lead] = row;
    at[lead + 1] = column;
    return lw_load(p->l, v, at);
}

/* ---- the loops ------------------------------------------------------------------------------- */

/* Columns n .. n + columns - 1 in whole vectors; behind them 0. */
static void turn(turned *p, const ir_sx *n, int64_t columns, int64_t width)
{
    kir_builder *k = &p->l->b;
    p->block = kir_alloc(k, "turned", p->t, p->terms * width);
    const ir_sx *j = lw_for(p->l, "j", number(p, columns)), *term = lw_for(p->l, "k", number(p, p->terms));
    kir_store(k, p->block, plus(p, times(p, term, width), j), element(p, 1, term, plus(p, n, j)));
    lw_close(p->l, 2);
    if (columns == width) return;
    term = lw_for(p->l, "k", number(p, p->terms));
    j = kir_for(k, KIR_SERIAL, "j", number(p, columns), number(p, width));
    kir_store(k, p->block, plus(p, times(p, term, width), j), lw_number(p->l, (kir_type)p->t, 0));
    lw_close(p->l, 2);
}

static void add_product(const turned *p, kir_buffer *acc, const ir_sx *at, const kir_expr *x, const kir_expr *y)
{
    kir_builder *k = &p->l->b;
    bool fused = !p->target->strict && device_instruction(p->target->device, "fma", p->t, (int)p->lanes) != NULL;
    if (fused) kir_store(k, acc, at, kir_fma(k, x, y, kir_load(k, acc, at)));
    else kir_accum(k, KB_ADD, acc, at, kir_binary(k, KB_MUL, x, y));
}

static void store(turned *p, const ir_sx *m, const ir_sx *n, const kir_expr *x)
{
    p->out[p->batch] = m;
    p->out[p->batch + 1] = n;
    lw_store(p->l, 0, p->out, x);
}

/* `rows` rows from m on by the block's columns, which are those from n on. */
static void tile(turned *p, const ir_sx *m, int64_t rows, const ir_sx *n, int64_t columns, int64_t vectors)
{
    kir_builder *k = &p->l->b;
    int64_t width = vectors * p->lanes;
    bool apart = columns < width || p->l->inst->op == IR_fused; /* what is fused behind may be wider than these vectors */
    kir_buffer *out = apart ? kir_alloc(k, "out", p->t, rows * width) : NULL;
    const ir_sx *v = kir_for(k, KIR_VECTOR, "v", number(p, 0), number(p, p->lanes));
    kir_buffer *acc = kir_alloc(k, "acc", p->t, rows * vectors);
    const ir_sx *i = unrolled(p, "i", rows * vectors);
    kir_store(k, acc, i, lw_number(p->l, (kir_type)p->t, 0));
    lw_close(p->l, 1);
    const ir_sx *term = lw_for(p->l, "k", number(p, p->terms));
    i = unrolled(p, "i", rows);
    const ir_sx *r = unrolled(p, "r", vectors), *column = plus(p, times(p, r, p->lanes), v);
    add_product(p, acc, plus(p, times(p, i, vectors), r), element(p, 0, plus(p, m, i), term), kir_load(k, p->block, plus(p, times(p, term, width), column)));
    lw_close(p->l, 3);
    i = unrolled(p, "i", rows);
    r = unrolled(p, "r", vectors);
    column = plus(p, times(p, r, p->lanes), v);
    const kir_expr *sum = kir_load(k, acc, plus(p, times(p, i, vectors), r));
    if (out) kir_store(k, out, plus(p, times(p, i, width), column), sum);
    else store(p, plus(p, m, i), plus(p, n, column), sum);
    lw_close(p->l, 3);
    if (!out) return;
    i = lw_for(p->l, "i", number(p, rows));
    column = lw_for(p->l, "j", number(p, columns));
    store(p, plus(p, m, i), plus(p, n, column), kir_load(k, out, plus(p, times(p, i, width), column)));
    lw_close(p->l, 2);
}

/* All rows by so many columns from n on. */
static void column_block(turned *p, const ir_sx *n, int64_t columns)
{
    const ir_type *y = p->matmul->out[0]->type;
    const ir_sx *all = y->dim[y->rank - 2], *whole = sx_div(p->l->sx, all, p->rows), *done = times(p, whole, p->rows);
    int64_t vectors = (columns + p->lanes - 1) / p->lanes;
    turn(p, n, columns, vectors * p->lanes);
    if (!sx_is(whole, 0)) {
        tile(p, times(p, lw_for(p->l, "m_t", whole), p->rows), p->rows, n, columns, vectors);
        lw_close(p->l, 1);
    }
    if (done == all) return;
    bool known = sx_is_const(all);
    const ir_sx *m = known ? done : kir_for(&p->l->b, KIR_SERIAL, "m", done, all);
    tile(p, m, known ? sx_value(all) - sx_value(done) : 1, n, columns, vectors);
    lw_close(p->l, !known);
}

static void all_columns(turned *p)
{
    int64_t width = p->vectors * p->lanes, n = p->columns / width * width;
    column_block(p, times(p, lw_for_parallel(p->l, "n_t", number(p, n / width)), width), width);
    lw_close(p->l, 1);
    if (n < p->columns) column_block(p, number(p, n), p->columns - n);
}

/* ---- which ----------------------------------------------------------------------------------- */

/* How the matmul's operand lies in memory; NULL: it is worked out on the way, or is a weight, which is packed. */
static const plan_view *lies_as(const lw *l, const ir_value *v)
{
    bool argument = l->inst->op == IR_fused && v->block && v->block->region == l->inst->region[0];
    if (l->inst->op == IR_fused && !argument && v->def && v->def->block->region == l->inst->region[0]) return NULL;
    const plan_view *view = plan_view_of(l->plan, argument ? l->inst->in[v->slot] : v);
    return view && view->buffer->place != PLAN_WEIGHT ? view : NULL;
}

/* As many rows as the registers hold beside the vectors of a step, and no fewer in the last tile than can be. */
static void pick(turned *p, int64_t rows)
{
    p->vectors = p->columns >= 2 * p->lanes ? 2 : 1;
    int64_t most = (p->target->registers - p->vectors - 1) / p->vectors;
    if (most < 1) most = 1;
    int64_t tiles = (rows + most - 1) / most;
    p->rows = (rows + tiles - 1) / tiles;
}

/* Does the block stay near, with as much again beside it? */
static bool block_stays(const turned *p)
{
    const sched_target *t = p->target;
    int64_t near = t->ways ? t->ways * t->way : t->cache, row = p->vectors * p->lanes * (int64_t)dtype_bytes(p->t);
    return p->terms <= near / 2 / row;
}

static bool fits(turned *p)
{
    const ir_type *a = p->matmul->in[0]->type, *b = p->matmul->in[1]->type, *y = p->matmul->out[0]->type;
    if (a->rank < 2 || b->rank < 2 || (b->dtype != DT_f32 && b->dtype != DT_f64)) return false;
    const plan_view *view = lies_as(p->l, p->matmul->in[1]);
    const ir_sx *rows = y->dim[y->rank - 2], *terms = b->dim[b->rank - 2], *columns = b->dim[b->rank - 1];
    if (!view || !sx_is_const(terms) || !sx_is_const(columns) || !sx_is(view->stride[b->rank - 2], 1)) return false;
    p->t = b->dtype;
    p->batch = y->rank - 2;
    p->terms = sx_value(terms);
    p->columns = sx_value(columns);
    p->lanes = p->target->vector_bytes / (int64_t)dtype_bytes(b->dtype);
    if (p->lanes < 2 || p->terms < 2 || p->columns < p->lanes || sx_max(rows) < p->lanes) return false;
    pick(p, sx_max(rows));
    return block_stays(p);
}

bool product_of_turned(lw *l, const ir_inst *matmul, const sched_target *target)
{
    turned p = {.l = l, .target = target, .matmul = matmul};
    if (!fits(&p)) return false;
    const ir_type *y = matmul->out[0]->type;
    for (int i = 0; i < p.batch; i++) p.out[i] = lw_for_parallel(l, lw_axis_names(IR_MAX_RANK)[i], y->dim[i]);
    all_columns(&p);
    lw_close(l, p.batch);
    const char *vectors = p.vectors > 1 ? arena_printf(l->m->arena, "%lld vectors", (long long)p.vectors) : "vectors";
    l->schedule = arena_printf(l->m->arena, "blocks of %lld columns turned, tiles of %lld rows along m by %s of %lld along n", (long long)(p.vectors * p.lanes), (long long)p.rows, vectors, (long long)p.lanes);
    return true;
}
