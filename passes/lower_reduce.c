/* Reductions, softmax and normalisation. */
#include <math.h>
#include <string.h>
#include "ir/shape.h"
#include "passes/lower_kir.h"

/* ---- helpers ------------------------------------------------------------------------------- */

/* Loops over the axes of a type that are (or are not) in a mask, filling their places of index. */
static int for_axes(lw *l, const ir_type *t, uint32_t mask, bool parallel, const ir_sx **index)
{
    const char *const *names = lw_axis_names(t->rank);
    int n = 0;
    for (int i = 0; i < t->rank; i++) {
        if (!(mask >> i & 1)) continue;
        index[i] = parallel ? lw_for_parallel(l, names[i], t->dim[i]) : lw_for(l, names[i], t->dim[i]);
        n++;
    }
    return n;
}

static uint32_t all_axes(const ir_type *t) { return (1u << t->rank) - 1; }
static bool is_float(kir_type t) { return dtype_is_float((nfc_dtype)t); }

static void accumulate(lw *l, kir_bin op, kir_buffer *into, const kir_expr *value)
{
    kir_accum(&l->b, op, into, sx_int(l->sx, 0), value);
}

/* ---- reductions ---------------------------------------------------------------------------- */

/* The result's index: without the reduced axes, or with 0 in their places. */
static void reduced_index(lw *l, const ir_inst *inst, uint32_t mask, const ir_sx *const *index, const ir_sx **out)
{
    bool keep = ir_attr_named(inst, "keepdims")->i;
    int n = 0;
    for (int i = 0; i < inst->in[0]->type->rank; i++) {
        if (!(mask >> i & 1)) out[n++] = index[i];
        else if (keep) out[n++] = sx_int(l->sx, 0);
    }
}

static kir_bin combine_op(const ir_inst *inst, kir_type t)
{
    switch (inst->op) {
    case IR_reduce_max: return t == DT_bool ? KB_OR : KB_MAX;
    case IR_reduce_min: return t == DT_bool ? KB_AND : KB_MIN;
    case IR_reduce_prod: return KB_MUL;
    default: return KB_ADD;
    }
}

static const kir_expr *neutral(lw *l, const ir_inst *inst, kir_type t)
{
    switch (inst->op) {
    case IR_reduce_max: return lw_lowest(l, inst->in[0]->type->dtype);
    case IR_reduce_min: return lw_highest(l, inst->in[0]->type->dtype);
    case IR_reduce_prod: return lw_number(l, t, 1);
    default: return lw_number(l, t, 0);
    }
}

/* What one element adds. */
static const kir_expr *contribution(lw *l, const ir_inst *inst, const kir_expr *x, const kir_expr *largest)
{
    bool is_unsigned = dtype_table[x->type].kind == DTC_UNSIGNED;
    switch (inst->op) {
    case IR_reduce_l1: return is_unsigned ? x : lw_un(l, ABS, x);
    case IR_reduce_l2:
    case IR_reduce_sum_square:
        x = lw_named(l, "x", x);
        return lw_bin(l, MUL, x, x);
    case IR_reduce_log_sum_exp: return lw_un(l, EXP, lw_bin(l, SUB, x, largest));
    default: return x;
    }
}

static const kir_expr *finished(lw *l, const ir_inst *inst, const kir_expr *sum, const ir_sx *n, const kir_expr *largest)
{
    switch (inst->op) {
    case IR_reduce_mean: return lw_bin(l, DIV, sum, kir_cast(&l->b, sum->type, kir_index(&l->b, n)));
    case IR_reduce_l2: return lw_un(l, SQRT, sum);
    case IR_reduce_log_sum: return lw_un(l, LOG, sum);
    case IR_reduce_log_sum_exp: return lw_bin(l, ADD, lw_un(l, LOG, sum), largest);
    default: return sum;
    }
}

/* The mean of no integers is a division by zero; 1 stands in for the divisor. */
static const ir_sx *checked_count(lw *l, const ir_sx *n)
{
    const kir_expr *none = lw_bin(l, LT, kir_index(&l->b, n), kir_int(&l->b, KIR_INDEX_TYPE, 1));
    kir_if(&l->b, none);
    kir_fail(&l->b, KIR_FAIL_DIVISION);
    kir_close(&l->b);
    const kir_expr *count = kir_binary(&l->b, KB_MAX, kir_index(&l->b, n), kir_int(&l->b, KIR_INDEX_TYPE, 1));
    return kir_let_index(&l->b, "count", count, 1, sx_max(n) < 1 ? 1 : sx_max(n));
}

static const kir_expr *reduce_loop(lw *l, const ir_inst *inst, kir_type t, uint32_t mask, const ir_sx **index, const kir_expr *largest)
{
    const ir_type *x = inst->in[0]->type;
    kir_buffer *acc = lw_accumulator(l, "acc", t, neutral(l, inst, t));
    int loops = for_axes(l, x, mask, false, index);
    lw_in_parts(l);
    const kir_expr *value = lw_load(l, inst->in[0], index);
    accumulate(l, combine_op(inst, t), acc, contribution(l, inst, value, largest));
    lw_close(l, loops);
    return lw_read(l, acc);
}

/* The largest element, or 0 where that is no number to subtract: exp(x - 0) keeps the infinities. */
static const kir_expr *largest_of(lw *l, const ir_inst *inst, kir_type t, uint32_t mask, const ir_sx **index)
{
    kir_buffer *top = lw_accumulator(l, "top", t, lw_lowest(l, (nfc_dtype)t));
    int loops = for_axes(l, inst->in[0]->type, mask, false, index);
    lw_in_parts(l);
    accumulate(l, KB_MAX, top, lw_load(l, inst->in[0], index));
    lw_close(l, loops);
    const kir_expr *m = lw_named(l, "largest", lw_read(l, top));
    const kir_expr *infinite = lw_bin(l, EQ, lw_un(l, ABS, m), lw_number(l, t, INFINITY));
    return lw_named(l, "shift", lw_sel(l, infinite, lw_number(l, t, 0), m));
}

bool lo_reduce(lw *l, const ir_inst *inst)
{
    const ir_type *x = inst->in[0]->type;
    uint32_t mask = axes_mask(inst, op_attr_find(op_get(inst->op), "axes"), x->rank);
    kir_type t = kir_compute(x->dtype);
    const ir_sx *index[IR_MAX_RANK], *out[IR_MAX_RANK], *n = sx_int(l->sx, 1);
    for (int i = 0; i < x->rank; i++)
        if (mask >> i & 1) n = sx_mul(l->sx, n, x->dim[i]);
    int loops = for_axes(l, x, all_axes(x) & ~mask, true, index);
    reduced_index(l, inst, mask, index, out);
    const kir_expr *largest = inst->op == IR_reduce_log_sum_exp ? largest_of(l, inst, t, mask, index) : NULL;
    const kir_expr *sum = reduce_loop(l, inst, t, mask, index, largest);
    if (inst->op == IR_reduce_mean && !is_float(t) && sx_min(n) < 1) n = checked_count(l, n);
    lw_store(l, 0, out, finished(l, inst, sum, n, largest));
    lw_close(l, loops);
    return true;
}

/* Running sums, or products. */
bool lo_cum_sum(lw *l, const ir_inst *inst)
{
    const ir_type *t = inst->in[0]->type;
    kir_type compute = kir_compute(t->dtype);
    kir_bin op = inst->op == IR_cum_prod ? KB_MUL : KB_ADD;
    bool exclusive = ir_attr_named(inst, "exclusive")->i, reverse = ir_attr_named(inst, "reverse")->i;
    int axis = (int)ir_attr_named(inst, "axis")->i;
    if (axis < 0) axis += t->rank;
    const ir_sx *index[IR_MAX_RANK];
    int loops = for_axes(l, t, all_axes(t) & ~(1u << axis), true, index);
    kir_buffer *acc = lw_accumulator(l, "acc", compute, lw_number(l, compute, op == KB_MUL));
    const ir_sx *k = t->rank ? lw_for(l, "k", t->dim[axis]) : sx_int(l->sx, 0);
    if (t->rank) index[axis] = reverse ? sx_sub(l->sx, sx_sub(l->sx, t->dim[axis], sx_int(l->sx, 1)), k) : k;
    const kir_expr *x = lw_named(l, "x", lw_load(l, inst->in[0], index));
    if (!exclusive) accumulate(l, op, acc, x);
    lw_store(l, 0, index, lw_read(l, acc));
    if (exclusive) accumulate(l, op, acc, x);
    lw_close(l, loops + (t->rank > 0));
    return true;
}

/* ---- rows ---------------------------------------------------------------------------------- */

bool lo_softmax(lw *l, const ir_inst *inst)
{
    const ir_type *t = inst->in[0]->type;
    kir_type compute = kir_compute(t->dtype);
    bool is_log = inst->op == IR_log_softmax;
    int axis = (int)ir_attr_named(inst, "axis")->i;
    if (axis < 0) axis += t->rank;
    uint32_t row = t->rank ? 1u << axis : 0;
    const ir_sx *index[IR_MAX_RANK];
    int loops = for_axes(l, t, all_axes(t) & ~row, true, index);
    kir_buffer *top = lw_accumulator(l, "top", compute, lw_lowest(l, (nfc_dtype)compute));
    int inner = for_axes(l, t, row, false, index);
    lw_in_parts(l);
    accumulate(l, KB_MAX, top, lw_load(l, inst->in[0], index));
    lw_close(l, inner);
    kir_buffer *sum = lw_accumulator(l, "sum", compute, lw_number(l, compute, 0));
    /* Exponentials wait for their sum in the result. With --strict the loop has nothing but its sum, which is in parts. */
    bool keeps = !is_log && l->inst == inst && compute == (kir_type)t->dtype && !l->plan->plan->strict;
    inner = for_axes(l, t, row, false, index);
    lw_in_parts(l);
    const kir_expr *power = lw_un(l, EXP, lw_bin(l, SUB, lw_load(l, inst->in[0], index), lw_read(l, top)));
    if (keeps) power = lw_named(l, "power", power);
    accumulate(l, KB_ADD, sum, power);
    if (keeps) lw_store(l, 0, index, power);
    lw_close(l, inner);
    const kir_expr *scale = is_log ? lw_un(l, LOG, lw_read(l, sum)) : lw_bin(l, DIV, lw_number(l, compute, 1), lw_read(l, sum));
    scale = lw_named(l, is_log ? "log_sum" : "scale", scale);
    inner = for_axes(l, t, row, false, index);
    const kir_expr *x = keeps ? lw_stored(l, 0, index) : lw_bin(l, SUB, lw_load(l, inst->in[0], index), lw_read(l, top));
    lw_store(l, 0, index, is_log ? lw_bin(l, SUB, x, scale) : lw_bin(l, MUL, keeps ? x : lw_un(l, EXP, x), scale));
    lw_close(l, inner + loops);
    return true;
}

/* An operand that broadcasts to the last axes of a shape, at an index of the whole. */
static const kir_expr *load_trailing(lw *l, const ir_value *v, const ir_type *whole, const ir_sx *const *index)
{
    const ir_sx *at[IR_MAX_RANK];
    for (int i = 0; i < v->type->rank; i++) at[i] = sx_is(v->type->dim[i], 1) ? sx_int(l->sx, 0) : index[i + whole->rank - v->type->rank];
    return lw_load(l, v, at);
}

/* sum of f(x) over the masked axes, divided by their number. */
static const kir_expr *mean_over(lw *l, const ir_inst *inst, const ir_type *t, uint32_t mask, const ir_sx **index, const kir_expr *centre, bool squared)
{
    kir_type compute = kir_compute(t->dtype);
    const ir_sx *n = sx_int(l->sx, 1);
    for (int i = 0; i < t->rank; i++)
        if (mask >> i & 1) n = sx_mul(l->sx, n, t->dim[i]);
    kir_buffer *sum = lw_accumulator(l, squared ? "squares" : "sum", compute, lw_number(l, compute, 0));
    int loops = for_axes(l, t, mask, false, index);
    lw_in_parts(l);
    const kir_expr *x = lw_load(l, inst->in[0], index);
    if (centre) x = lw_bin(l, SUB, x, centre);
    if (squared) {
        x = lw_named(l, "d", x);
        x = lw_bin(l, MUL, x, x);
    }
    accumulate(l, KB_ADD, sum, x);
    lw_close(l, loops);
    return lw_bin(l, DIV, lw_read(l, sum), kir_cast(&l->b, compute, kir_index(&l->b, n)));
}

/* 1 / sqrt(variance + epsilon) */
static const kir_expr *inverse_deviation(lw *l, const ir_inst *inst, const kir_expr *variance)
{
    const kir_expr *epsilon = lw_number(l, variance->type, ir_attr_named(inst, "epsilon")->f);
    return lw_bin(l, DIV, lw_number(l, variance->type, 1), lw_un(l, SQRT, lw_bin(l, ADD, variance, epsilon)));
}

bool lo_layer_norm(lw *l, const ir_inst *inst)
{
    const ir_type *t = inst->in[0]->type;
    bool centred = inst->op == IR_layer_normalization;
    int axis = (int)ir_attr_named(inst, "axis")->i;
    if (axis < 0) axis += t->rank;
    uint32_t row = all_axes(t) & ~((1u << axis) - 1);
    const ir_sx *index[IR_MAX_RANK];
    int loops = for_axes(l, t, all_axes(t) & ~row, true, index);
    const kir_expr *mean = centred ? lw_named(l, "mean", mean_over(l, inst, t, row, index, NULL, false)) : NULL;
    const kir_expr *inverse = lw_named(l, "inverse", inverse_deviation(l, inst, mean_over(l, inst, t, row, index, mean, true)));
    const ir_sx *first[IR_MAX_RANK];
    for (int i = 0; i < t->rank; i++) first[i] = row >> i & 1 ? sx_int(l->sx, 0) : index[i];
    if (inst->nout > 1) lw_store(l, 1, first, mean);
    if (inst->nout > 2) lw_store(l, 2, first, inverse);
    int inner = for_axes(l, t, row, false, index);
    const kir_expr *x = lw_load(l, inst->in[0], index);
    if (mean) x = lw_bin(l, SUB, x, mean);
    x = lw_bin(l, MUL, x, inverse);
    if (ir_operand(inst, 1)) x = lw_bin(l, MUL, x, load_trailing(l, inst->in[1], t, index));
    if (ir_operand(inst, 2)) x = lw_bin(l, ADD, x, load_trailing(l, inst->in[2], t, index));
    lw_store(l, 0, index, x);
    lw_close(l, inner + loops);
    return true;
}

/* Channels c0 .. c0 + n - 1 and all spatial axes are one row; axis 1 of `in_row` counts from c0. */
bool lo_group_norm(lw *l, const ir_inst *inst)
{
    const ir_type *t = inst->in[0]->type;
    int groups_attr = op_attr_find(op_get(inst->op), "num_groups");
    const ir_sx *groups = groups_attr < 0 ? t->dim[1] : sx_int(l->sx, ir_int(inst, groups_attr));
    const ir_sx *each = groups_attr < 0 ? sx_int(l->sx, 1) : sx_div(l->sx, t->dim[1], ir_int(inst, groups_attr));
    kir_type compute = kir_compute(t->dtype);
    const ir_sx *index[IR_MAX_RANK], *n = each;
    uint32_t spatial = all_axes(t) & ~3u;
    for (int i = 2; i < t->rank; i++) n = sx_mul(l->sx, n, t->dim[i]);
    const kir_expr *count = kir_cast(&l->b, compute, kir_index(&l->b, n)), *mean = NULL, *variance = NULL;
    index[0] = lw_for_parallel(l, "n", t->dim[0]);
    const ir_sx *g = lw_for_parallel(l, "g", groups);
    for (int pass = 0; pass < 2; pass++) {
        kir_buffer *sum = lw_accumulator(l, pass ? "squares" : "sum", compute, lw_number(l, compute, 0));
        const ir_sx *c = lw_for(l, "c", each);
        index[1] = sx_add(l->sx, sx_mul(l->sx, g, each), c);
        int loops = for_axes(l, t, spatial, false, index);
        lw_in_parts(l);
        const kir_expr *x = lw_load(l, inst->in[0], index);
        if (pass) {
            x = lw_named(l, "d", lw_bin(l, SUB, x, mean));
            x = lw_bin(l, MUL, x, x);
        }
        accumulate(l, KB_ADD, sum, x);
        lw_close(l, loops + 1);
        const kir_expr *value = lw_bin(l, DIV, lw_read(l, sum), count);
        if (pass) variance = value;
        else mean = lw_named(l, "mean", value);
    }
    const kir_expr *inverse = lw_named(l, "inverse", inverse_deviation(l, inst, variance));
    const ir_sx *c = lw_for(l, "c", each);
    index[1] = sx_add(l->sx, sx_mul(l->sx, g, each), c);
    int loops = for_axes(l, t, spatial, false, index);
    const kir_expr *x = lw_bin(l, MUL, lw_bin(l, SUB, lw_load(l, inst->in[0], index), mean), inverse);
    x = lw_bin(l, ADD, lw_bin(l, MUL, x, lw_load(l, inst->in[1], &index[1])), lw_load(l, inst->in[2], &index[1]));
    lw_store(l, 0, index, x);
    lw_close(l, loops + 3);
    return true;
}

const kir_expr *lx_batch_norm(lw *l, const ir_inst *inst, int result, const ir_sx *const *index)
{
    (void)result;
    const kir_expr *x = lw_load(l, inst->in[0], index), *scale = lw_load(l, inst->in[1], &index[1]);
    const kir_expr *bias = lw_load(l, inst->in[2], &index[1]), *mean = lw_load(l, inst->in[3], &index[1]);
    const kir_expr *inverse = inverse_deviation(l, inst, lw_load(l, inst->in[4], &index[1]));
    return lw_bin(l, ADD, lw_bin(l, MUL, lw_bin(l, MUL, lw_bin(l, SUB, x, mean), inverse), scale), bias);
}
