/* Arithmetic, reductions and normalisation in the forms that the operator sets gave them over time. */
#include <math.h>
#include <string.h>
#include "frontend/onnx/import.h"

/* ---- elementwise ---------------------------------------------------------------------------- */

ir_op im_row_of(const im_node *n)
{
    for (int op = 0; op < IR_OP_COUNT; op++)
        if (strcmp(op_get((ir_op)op)->onnx, n->op) == 0) return (ir_op)op;
    return IR_OP_COUNT;
}

/* Before operator set 7 the second operand was put at `axis` when `broadcast` was set. */
bool im_elementwise(im_node *n)
{
    static const char *const old[] = {"broadcast", "axis", NULL};
    ir_value *in[2] = {im_need(n, 0), im_need(n, 1)};
    if (ir_is_poison(in[0]) || ir_is_poison(in[1])) return false;
    if (n->version >= 7) return im_row(n, im_row_of(n), NULL);
    int rank = in[0]->type->rank, own = in[1]->type->rank;
    int64_t axis = im_int(n, "axis", rank - own);
    axis = axis < 0 ? axis + rank : axis;
    if (axis < 0 || axis + own > rank) return im_fail(n, E_AXIS, -1, "axis is %lld", (long long)im_int(n, "axis", 0));
    const ir_sx *dim[IR_MAX_RANK];
    for (int i = 0; i < rank - (int)axis; i++) dim[i] = i < own ? in[1]->type->dim[i] : mk_sx(n->k, 1);
    in[1] = mk_reshape(n->k, in[1], rank - (int)axis, dim);
    return im_row_end(n, im_row_begin(n, im_row_of(n), 2, in, old));
}

/* Strings are equal when all of their bytes are. */
bool im_equal(im_node *n)
{
    if (!im_has(n, 0) || !im_has(n, 1) || !n->in[0]->text || !n->in[1]->text) return im_elementwise(n);
    ir_value *same = mk_cast(n->k, mk_op2(n->k, IR_equal, im_in(n, 0), im_in(n, 1)), DT_u8);
    if (ir_is_poison(same)) return false;
    same = mk_reduce(n->k, IR_reduce_min, same, 1u << (same->type->rank - 1), false);
    return im_out(n, 0, mk_cast(n->k, same, DT_bool));
}

bool im_cast_like(im_node *n)
{
    ir_value *x = im_need(n, 0);
    const ir_value *like = im_need(n, 1);
    if (ir_is_poison(x) || ir_is_poison(like)) return false;
    if (n->in[0]->text || n->in[1]->text) return n->in[0]->text && n->in[1]->text ? im_like_operand(n) : im_cast_text(n, n->in[1]->text, like->type->dtype);
    return im_cast_as(n, x, like->type->dtype);
}

bool im_cast(im_node *n)
{
    const onnx_attribute *a = im_attr(n, "to");
    ir_value *x = im_need(n, 0);
    if (!a || ir_is_poison(x)) return a ? false : im_fail(n, E_ATTR_MISSING, -1, "attribute 'to' is missing");
    int64_t number = a->i;
    if (a->has_s && !a->has_i) { /* before operator set 6 it was a name */
        const char *name = onnx_text(n->o->file, &a->s);
        for (number = 0; number < 17 && name && strcmp(onnx_type_name((int32_t)number), name) != 0;) number++;
    }
    bool to_text = number == NFC_ONNX__TENSOR_PROTO__DATA_TYPE__STRING;
    nfc_dtype to = im_dtype(n, number);
    if (to == DT_COUNT) return false;
    if (to_text && n->in[0]->text) return im_like_operand(n);
    if (to_text || n->in[0]->text) return im_cast_text(n, to_text, to);
    return im_cast_as(n, x, to);
}

/* The bounds are floats, and so is what is worked out of integers. */
bool im_shrink(im_node *n)
{
    ir_value *x = im_need(n, 0);
    if (ir_is_poison(x)) return false;
    nfc_dtype t = x->type->dtype;
    if (dtype_is_int(t)) x = mk_cast(n->k, x, DT_f64);
    ir_inst *inst = im_row_begin(n, IR_shrink, 1, &x, NULL);
    return inst && im_out(n, 0, mk_cast(n->k, mk_end(n->k, inst, 1), t));
}

/* Sum, Mean, Max, Min of any number of operands; Clip's bounds were attributes before operator set 11. */
bool im_clip(im_node *n)
{
    ir_value *x = im_need(n, 0);
    static const char *const old[] = {"min", "max", NULL};
    if (ir_is_poison(x)) return false;
    if (n->version >= 11) return im_row(n, IR_clip, NULL);
    ir_value *in[3] = {x, NULL, NULL};
    for (int i = 0; i < 2; i++)
        if (im_attr(n, old[i])) in[i + 1] = mk_number(n->k, x->type->dtype, im_float(n, old[i], 0));
    return im_row_end(n, im_row_begin(n, IR_clip, 3, in, old));
}

bool im_dropout(im_node *n)
{
    ir_value *x = im_need(n, 0);
    if (ir_is_poison(x)) return false;
    if (im_has(n, 2)) {
        const void *training = im_const_in(n, 2, true);
        if (!training || dtype_get(DT_bool, training, 0) != 0) return im_dropout_training(n);
    }
    if (im_wants(n, 1)) {
        const ir_type *t = ir_tensor(n->o->m, DT_bool, x->type->rank, x->type->dim);
        ir_value *all = mk_expand(n->k, mk_integer(n->k, DT_bool, 1), t->rank, t->dim);
        im_out(n, 1, n->version < 10 ? mk_cast(n->k, all, x->type->dtype) : all);
    }
    return im_like_operand(n);
}

/* ---- reductions ----------------------------------------------------------------------------- */

bool im_reduce(im_node *n)
{
    static const char *const skip[] = {"noop_with_empty_axes", "axes", NULL};
    ir_value *x = im_need(n, 0);
    uint32_t mask;
    int count;
    if (ir_is_poison(x)) return false;
    ir_op op = im_row_of(n);
    bool given = im_has(n, 1), may_do_nothing = im_int(n, "noop_with_empty_axes", 0);
    bool none = given && ir_is_tensor(im_in(n, 1)) && im_in(n, 1)->type->rank == 1 && sx_is(im_in(n, 1)->type->dim[0], 0);
    if (given && !none && !im_const_in(n, 1, true)) return im_reduce_at_run_time(n, op);
    if (none) count = 0, mask = 0;
    else if (!im_axes(n, 1, "axes", x->type->rank, &mask, NULL, &count)) return false;
    if (count <= 0 && may_do_nothing) return im_reduce_nothing(n, op);
    if (count <= 0) mask = (1u << x->type->rank) - 1;
    nfc_dtype t = x->type->dtype;
    bool by_floats = dtype_is_int(t) && !(op_get(op)->types[0] >> t & 1); /* the root of a sum of integers */
    if (by_floats) x = mk_cast(n->k, x, DT_f64);
    ir_inst *inst = im_row_begin(n, op, 1, &x, skip);
    int64_t axis[IR_MAX_RANK];
    int m = 0;
    for (int i = 0; i < x->type->rank; i++)
        if (mask >> i & 1) axis[m++] = i;
    if (inst) mk_ints(n->k, inst, "axes", m, axis);
    if (inst && by_floats) return im_out(n, 0, mk_cast(n->k, mk_end(n->k, inst, 1), t));
    return im_row_end(n, inst);
}

/* A reduction over no axis still does to each element what it does to a sum of one. */
bool im_reduce_nothing(im_node *n, ir_op op)
{
    ir_value *x = im_need(n, 0), *y = x;
    const ir_sx *dim[IR_MAX_RANK];
    int rank = x->type->rank;
    im_int(n, "keepdims", 1); /* which has nothing to keep */
    if (rank == IR_MAX_RANK) return im_fail(n, E_RANK, 0, "the operand has too many axes");
    for (int i = 0; i < rank; i++) dim[i] = x->type->dim[i];
    dim[rank] = mk_sx(n->k, 1);
    y = mk_reduce(n->k, op, mk_reshape(n->k, x, rank + 1, dim), 1u << rank, false);
    return im_out(n, 0, y);
}

/* ---- contractions and normalisation --------------------------------------------------------- */

bool im_gemm(im_node *n)
{
    static const char *const skip[] = {"broadcast", NULL};
    return im_row(n, IR_gemm, n->version < 7 ? skip : NULL);
}

/* Before operator set 13 everything behind the axis was one vector. */
bool im_softmax(im_node *n)
{
    ir_value *x = im_need(n, 0);
    if (ir_is_poison(x)) return false;
    if (n->version >= 13) return im_row(n, im_row_of(n), NULL);
    int rank = x->type->rank;
    int64_t axis = im_int(n, "axis", 1);
    axis = axis < 0 ? axis + rank : axis;
    if (axis < 0 || axis > rank) return im_fail(n, E_AXIS, -1, "there is no axis %lld in rank %d", (long long)im_int(n, "axis", 1), rank);
    const ir_sx *dim[2] = {mk_sx(n->k, 1), mk_sx(n->k, 1)};
    for (int i = 0; i < rank; i++) dim[i >= axis] = sx_mul(&n->o->m->sx, dim[i >= axis], x->type->dim[i]);
    ir_value *y = mk_reshape(n->k, x, 2, dim);
    ir_inst *inst = mk_begin(n->k, im_row_of(n), 1, &y);
    mk_int(inst, "axis", 1);
    return im_out(n, 0, mk_reshape(n->k, mk_end(n->k, inst, 1), rank, x->type->dim));
}
