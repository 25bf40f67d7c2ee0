/* What works along rows, channels and matrices: normalisations, determinants. */
#include "ir/shape.h"
#include "passes/lower_kir.h"

static const ir_sx *zero(lw *l) { return sx_int(l->sx, 0); }
static void assign(lw *l, kir_buffer *into, const kir_expr *value) { kir_store(&l->b, into, zero(l), value); }
static void add_to(lw *l, kir_buffer *into, const kir_expr *value) { kir_accum(&l->b, KB_ADD, into, zero(l), value); }

static uint32_t all_axes(const ir_type *t) { return (1u << t->rank) - 1; }

/* The axis attribute as a mask: nothing for a scalar, which is a row of one element. */
static uint32_t one_axis(const ir_inst *inst)
{
    int rank = inst->in[0]->type->rank;
    int64_t axis = ir_attr_named(inst, "axis")->i;
    return rank == 0 ? 0 : 1u << (axis < 0 ? axis + rank : axis);
}

/* ---- rows ---------------------------------------------------------------------------------- */

typedef enum { PLAIN, ABSOLUTE, SQUARE } term;

/* The sum over a row of its elements' distances from the centre (NULL: 0), of their absolute values or of
 * their squares. */
static const kir_expr *row_sum(lw *l, const ir_inst *inst, term of, uint32_t row, const ir_sx **index, const kir_expr *centre)
{
    kir_type compute = kir_compute(inst->in[0]->type->dtype);
    kir_buffer *sum = lw_accumulator(l, of == SQUARE ? "squares" : "sum", compute, lw_number(l, compute, 0));
    int loops = lw_for_axes(l, inst->in[0]->type, row, false, index);
    lw_in_parts(l);
    const kir_expr *x = lw_load(l, inst->in[0], index);
    if (centre) x = lw_bin(l, SUB, x, centre);
    x = lw_named(l, "x", x);
    add_to(l, sum, of == SQUARE ? lw_bin(l, MUL, x, x) : of == ABSOLUTE ? lw_un(l, ABS, x) : x);
    lw_close(l, loops);
    return lw_read(l, sum);
}

/* The same as a mean. */
static const kir_expr *row_mean(lw *l, const ir_inst *inst, term of, uint32_t row, const ir_sx **index, const kir_expr *centre)
{
    const ir_type *t = inst->in[0]->type;
    const ir_sx *n = sx_int(l->sx, 1);
    for (int i = 0; i < t->rank; i++)
        if (row >> i & 1) n = sx_mul(l->sx, n, t->dim[i]);
    const kir_expr *sum = row_sum(l, inst, of, row, index, centre);
    return lw_bin(l, DIV, sum, kir_cast(&l->b, sum->type, kir_index(&l->b, n)));
}

bool lo_mean_variance(lw *l, const ir_inst *inst)
{
    const ir_type *t = inst->in[0]->type;
    uint32_t row = mean_variance_axes(inst);
    const ir_sx *index[IR_MAX_RANK];
    int loops = lw_for_axes(l, t, all_axes(t) & ~row, true, index);
    const kir_expr *mean = lw_named(l, "mean", row_mean(l, inst, PLAIN, row, index, NULL));
    const kir_expr *deviation = lw_un(l, SQRT, row_mean(l, inst, SQUARE, row, index, mean));
    deviation = lw_named(l, "deviation", lw_bin(l, ADD, deviation, lw_number(l, mean->type, 1e-9)));
    int inner = lw_for_axes(l, t, row, false, index);
    lw_store(l, 0, index, lw_bin(l, DIV, lw_bin(l, SUB, lw_load(l, inst->in[0], index), mean), deviation));
    lw_close(l, inner + loops);
    return true;
}

bool lo_lp_norm(lw *l, const ir_inst *inst)
{
    const ir_type *t = inst->in[0]->type;
    bool euclid = ir_int(inst, ATTR_AT(lp_normalization, p)) == 2;
    uint32_t row = one_axis(inst);
    const ir_sx *index[IR_MAX_RANK];
    int loops = lw_for_axes(l, t, all_axes(t) & ~row, true, index);
    const kir_expr *norm = row_sum(l, inst, euclid ? SQUARE : ABSOLUTE, row, index, NULL);
    norm = lw_named(l, "norm", euclid ? lw_un(l, SQRT, norm) : norm);
    const kir_expr *none = lw_number(l, norm->type, 0);
    int inner = lw_for_axes(l, t, row, false, index);
    const kir_expr *x = lw_bin(l, DIV, lw_load(l, inst->in[0], index), norm);
    lw_store(l, 0, index, lw_sel(l, lw_bin(l, EQ, norm, none), none, x));
    lw_close(l, inner + loops);
    return true;
}

/* ---- channels ------------------------------------------------------------------------------ */

bool lo_lrn(lw *l, const ir_inst *inst)
{
    const ir_type *t = inst->in[0]->type;
    kir_type compute = kir_compute(t->dtype);
    int64_t size = ir_int(inst, ATTR_AT(lrn, size)), before = (size - 1) / 2;
    const kir_expr *alpha = lw_number(l, compute, ir_float(inst, ATTR_AT(lrn, alpha))), *beta = lw_number(l, compute, ir_float(inst, ATTR_AT(lrn, beta)));
    const ir_sx *index[IR_MAX_RANK], *near[IR_MAX_RANK];
    int loops = lw_for_axes(l, t, all_axes(t), true, index);
    for (int i = 0; i < t->rank; i++) near[i] = index[i];
    kir_buffer *squares = lw_accumulator(l, "squares", compute, lw_number(l, compute, 0));
    near[1] = sx_add(l->sx, sx_sub(l->sx, index[1], sx_int(l->sx, before)), lw_for(l, "k", sx_int(l->sx, size)));
    lw_if(l, lw_inside(l, near[1], t->dim[1]));
    near[1] = kir_let_index(&l->b, "near", kir_index(&l->b, near[1]), 0, sx_max(t->dim[1]) - 1);
    const kir_expr *v = lw_named(l, "v", lw_load(l, inst->in[0], near));
    add_to(l, squares, lw_bin(l, MUL, v, v));
    lw_close(l, 2);
    const kir_expr *part = lw_bin(l, DIV, alpha, lw_number(l, compute, (double)size));
    const kir_expr *base = lw_bin(l, ADD, lw_number(l, compute, ir_float(inst, ATTR_AT(lrn, bias))), lw_bin(l, MUL, part, lw_read(l, squares)));
    lw_store(l, 0, index, lw_bin(l, DIV, lw_load(l, inst->in[0], index), lw_bin(l, POW, base, beta)));
    lw_close(l, loops);
    return true;
}

/* ---- determinants -------------------------------------------------------------------------- */

typedef struct {
    const ir_sx *index[IR_MAX_RANK]; /* the batch axes, row, column */
    const ir_sx *n;
    int rank;
    kir_buffer *product, *best, *pivot;
} elimination;

static const ir_sx **element(elimination *e, const ir_sx *row, const ir_sx *column)
{
    e->index[e->rank - 2] = row;
    e->index[e->rank - 1] = column;
    return e->index;
}

static const ir_sx *for_from(lw *l, const char *name, const ir_sx *begin, const ir_sx *end)
{
    return kir_for(&l->b, KIR_SERIAL, name, begin, end);
}

/* The row from k on whose element of column k is largest, of equals the first, changes places with row k. */
static void bring_pivot(lw *l, elimination *e, const ir_sx *k)
{
    kir_builder *b = &l->b;
    assign(l, e->best, lw_un(l, ABS, lw_stored(l, 1, element(e, k, k))));
    assign(l, e->pivot, kir_cast(b, DT_i64, kir_index(b, k)));
    const ir_sx *i = for_from(l, "i", sx_add(l->sx, k, sx_int(l->sx, 1)), e->n);
    const kir_expr *size = lw_named(l, "size", lw_un(l, ABS, lw_stored(l, 1, element(e, i, k))));
    lw_if(l, lw_bin(l, LT, lw_read(l, e->best), size));
    assign(l, e->best, size);
    assign(l, e->pivot, kir_cast(b, DT_i64, kir_index(b, i)));
    lw_close(l, 2);
    const kir_expr *at = kir_binary(b, KB_MAX, kir_cast(b, KIR_INDEX_TYPE, lw_read(l, e->pivot)), kir_int(b, KIR_INDEX_TYPE, 0));
    at = kir_binary(b, KB_MIN, at, kir_index(b, sx_sub(l->sx, e->n, sx_int(l->sx, 1))));
    const ir_sx *p = kir_let_index(b, "p", at, 0, sx_max(e->n) - 1);
    lw_if(l, lw_bin(l, NE, kir_index(b, p), kir_index(b, k)));
    assign(l, e->product, lw_un(l, NEG, lw_read(l, e->product)));
    const ir_sx *j = lw_for(l, "j", e->n);
    const kir_expr *one = lw_named(l, "one", lw_stored(l, 1, element(e, k, j))), *other = lw_named(l, "other", lw_stored(l, 1, element(e, p, j)));
    lw_store(l, 1, element(e, k, j), other);
    lw_store(l, 1, element(e, p, j), one);
    lw_close(l, 2);
}

/* Takes multiples of row k off the rows behind it, so that column k becomes zero there. */
static void clear_column(lw *l, elimination *e, const ir_sx *k)
{
    const ir_sx *next = sx_add(l->sx, k, sx_int(l->sx, 1));
    const kir_expr *pivot = lw_named(l, "top", lw_stored(l, 1, element(e, k, k))), *none = lw_number(l, pivot->type, 0);
    kir_accum(&l->b, KB_MUL, e->product, zero(l), pivot);
    lw_if(l, lw_bin(l, NE, pivot, none));
    const ir_sx *i = for_from(l, "i", next, e->n);
    const kir_expr *factor = lw_named(l, "factor", lw_bin(l, DIV, lw_stored(l, 1, element(e, i, k)), pivot));
    const ir_sx *j = for_from(l, "j", next, e->n);
    const kir_expr *off = lw_bin(l, MUL, factor, lw_stored(l, 1, element(e, k, j)));
    lw_store(l, 1, element(e, i, j), lw_bin(l, SUB, lw_stored(l, 1, element(e, i, j)), off));
    lw_close(l, 1);
    lw_store(l, 1, element(e, i, k), none);
    lw_close(l, 2);
}

bool lo_det(lw *l, const ir_inst *inst)
{
    const ir_type *x = inst->in[0]->type;
    kir_type compute = kir_compute(x->dtype);
    elimination e = {.rank = x->rank, .n = x->dim[x->rank - 1]};
    uint32_t batches = all_axes(x) >> 2, matrix = all_axes(x) & ~batches;
    int loops = lw_for_axes(l, x, batches, true, e.index);
    e.product = lw_accumulator(l, "product", compute, lw_number(l, compute, 1));
    if (sx_max(e.n) > 0) {
        int inner = lw_for_axes(l, x, matrix, false, e.index);
        lw_store(l, 1, e.index, lw_load(l, inst->in[0], e.index));
        lw_close(l, inner);
        e.best = lw_accumulator(l, "best", compute, lw_number(l, compute, 0));
        e.pivot = lw_accumulator(l, "pivot", DT_i64, kir_int(&l->b, DT_i64, 0));
        const ir_sx *k = lw_for(l, "k", e.n);
        bring_pivot(l, &e, k);
        clear_column(l, &e, k);
        lw_close(l, 1);
    }
    lw_store(l, 0, e.index, lw_read(l, e.product));
    lw_close(l, loops);
    return true;
}
