/* Reductions over axes that only the run knows.
 *
 * Axis by axis: where the run names the axis, every element along it becomes the reduction along it, else it
 * stays what it is; at the end one of them is kept, or all. Shapes stay simple so: buffers are as large as the
 * operand, and what is kept is a slice. */
#include "frontend/onnx/import.h"

/* 1 where an operand's axes name this one, else 0. */
static const ir_sx *is_named(im_node *n, int axis, int rank)
{
    mk *k = n->k;
    ir_value *axes = mk_cast(k, im_in(n, 1), DT_i64);
    ir_value *here = mk_op2(k, IR_or, mk_op2(k, IR_equal, axes, mk_integer(k, DT_i64, axis)), mk_op2(k, IR_equal, axes, mk_integer(k, DT_i64, axis - rank)));
    if (axes->type->rank) here = mk_cast(k, mk_reduce(k, IR_reduce_max, mk_cast(k, here, DT_i64), 1, false), DT_i64);
    return im_element(n->o, mk_cast(k, here, DT_i64), 0, 0, 1);
}

static ir_value *reduce_axis(im_node *n, ir_op op, ir_value *x, int axis, const ir_sx *named)
{
    mk *k = n->k;
    const ir_sx *extent = x->type->dim[axis];
    ir_value *y = mk_reduce(k, op, x, 1u << axis, true);
    if (ir_is_poison(y)) return y;
    if (sx_is(extent, 0)) return mk_slice(k, y, axis, mk_sx(k, 0), named); /* what nothing reduces to, or nothing */
    ir_value *is = mk_cast(k, mk_index_tensor(k, named, DT_i64), DT_bool);
    return mk_op3(k, IR_where, is, y, x);
}

/* An op that does to one element more than to hand it on is the last step, or the first. */
typedef struct steps {
    ir_op first, each, last; /* IR_OP_COUNT: none; first: of each element with itself */
} steps;

static steps steps_of(ir_op op)
{
    if (op == IR_reduce_log_sum) return (steps){IR_OP_COUNT, IR_reduce_sum, IR_log};
    if (op == IR_reduce_sum_square) return (steps){IR_mul, IR_reduce_sum, IR_OP_COUNT};
    if (op == IR_reduce_l2) return (steps){IR_mul, IR_reduce_sum, IR_sqrt};
    if (op == IR_reduce_l1) return (steps){IR_OP_COUNT, IR_reduce_l1, IR_OP_COUNT};
    return (steps){IR_OP_COUNT, op, IR_OP_COUNT};
}

/* The extents that stay, in order, as a vector of the run: of the axes that are not named, of which as many
 * stand before. named: [rank], 0 or 1. */
static ir_value *left_extents(im_node *n, const ir_value *x, ir_value *named, int left)
{
    mk *k = n->k;
    const ir_sx *column[2] = {mk_sx(k, left), mk_sx(k, 1)};
    ir_value *stays = mk_op2(k, IR_sub, mk_integer(k, DT_i64, 1), named);
    ir_inst *inst = mk_begin(k, IR_cum_sum, 1, &stays);
    mk_int(inst, "axis", 0);
    mk_int(inst, "exclusive", 1);
    ir_value *before = mk_end(k, inst, 1), *which = mk_reshape(k, im_count(k, mk_sx(k, left), DT_i64), 2, column);
    ir_value *here = mk_op2(k, IR_and, mk_op2(k, IR_equal, before, which), mk_cast(k, stays, DT_bool));
    ir_value *extents = mk_op3(k, IR_where, here, mk_index_vector(k, x->type->rank, x->type->dim, DT_i64), mk_integer(k, DT_i64, 0));
    return mk_reduce(k, IR_reduce_sum, extents, 1u << 1, false);
}

/* Without keepdims the axes that stay are as many as the operand's length says. */
static bool give(im_node *n, ir_value *y, const ir_value *x, const ir_sx *const *named)
{
    const ir_sx *dim[IR_MAX_RANK];
    int rank = x->type->rank, count = im_length(n, 1), left = rank - count;
    int64_t most = 0;
    if (count < 0 || im_int(n, "keepdims", 1)) return count >= 0 && im_out(n, 0, y);
    if (left < 0) return im_fail(n, E_AXIS, 1, "there are %d axes, and '%s' has rank %d", count, n->in[0]->name, rank);
    if (left == 0) return im_out(n, 0, mk_reshape(n->k, y, 0, NULL));
    for (int i = 0; i < rank; i++) most = most > sx_max(x->type->dim[i]) ? most : sx_max(x->type->dim[i]);
    ir_value *extents = left_extents(n, x, mk_index_vector(n->k, rank, named, DT_i64), left);
    for (int i = 0; i < left; i++) dim[i] = im_result_size(n, 0, i, extents, i, most);
    return im_out(n, 0, mk_reshape(n->k, y, left, dim));
}

bool im_reduce_at_run_time(im_node *n, ir_op op)
{
    mk *k = n->k;
    ir_value *x = im_in(n, 0);
    int rank = x->type->rank;
    const ir_sx *named[IR_MAX_RANK];
    steps s = steps_of(op);
    if (s.first != IR_OP_COUNT) x = mk_op2(k, s.first, x, x);
    if (s.each == IR_reduce_l1) x = mk_op1(k, IR_abs, x);
    if (ir_is_poison(x)) return false;
    for (int i = 0; i < rank; i++) {
        named[i] = is_named(n, i, rank);
        if (sx_min(x->type->dim[i]) < 1 && !sx_is(x->type->dim[i], 0)) return im_fail(n, E_NOT_STATIC, 1, "the axes must be known at compile time: axis %d of '%s' can be empty", i, n->in[0]->name);
        x = reduce_axis(n, s.each, x, i, named[i]);
        if (ir_is_poison(x)) return false;
    }
    for (int i = 0; i < rank && !ir_is_poison(x); i++) {
        const ir_sx *extent = x->type->dim[i];
        if (sx_is(im_in(n, 0)->type->dim[i], 0)) continue;
        ir_value *is = mk_cast(k, mk_index_tensor(k, named[i], DT_i64), DT_bool);
        ir_value *kept = mk_op3(k, IR_where, is, mk_integer(k, DT_i64, 1), mk_index_tensor(k, extent, DT_i64));
        x = mk_slice(k, x, i, mk_sx(k, 0), im_element(n->o, kept, 0, 1, sx_max(extent)));
    }
    if (s.last != IR_OP_COUNT && !ir_is_poison(x)) x = mk_op1(k, s.last, x);
    return !ir_is_poison(x) && give(n, x, im_in(n, 0), named);
}
