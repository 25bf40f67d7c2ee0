/* Signals: windows, filter banks, Fourier transforms. */
#include <stdint.h>
#include "frontend/onnx/import.h"

bool im_window(im_node *n)
{
    ir_value *size = im_need(n, 0);
    if (im_length(n, 0) < 0) return false;
    const ir_sx *extent = im_result_size(n, 0, 0, size, 0, -1);
    ir_inst *inst = im_row_begin(n, im_row_of(n), 0, NULL, NULL);
    if (inst) mk_sxs(n->k, inst, "size", 1, &extent);
    return im_row_end(n, inst);
}

/* The length of a transform, of which axis `axis` of the result has length / 2 + 1 bins (half), or all. */
static const ir_sx *transform_length(im_node *n, ir_value *length, int axis, bool half)
{
    const ir_sx *dim[IR_MAX_RANK], *const *known = im_known(n->o, length);
    if (known && known[0]) return im_element(n->o, length, 0, 0, IR_MAX_BOUND);
    int rank = im_declared(n, 0, dim);
    bool declared = rank > axis && dim[axis] && sx_is_const(dim[axis]) && sx_value(dim[axis]) >= 1;
    if (!declared || !half) return im_result_size(n, 0, axis, length, 0, -1);
    int64_t bins = sx_value(dim[axis]);
    return im_element(n->o, length, 0, 2 * bins - 2, 2 * bins - 1);
}

bool im_mel_weight_matrix(im_node *n)
{
    ir_value *in[2] = {im_need(n, 3), im_need(n, 4)};
    if (im_length(n, 0) < 0 || im_length(n, 1) < 0 || im_length(n, 2) < 0 || ir_is_poison(in[0]) || ir_is_poison(in[1])) return false;
    const ir_sx *bands = im_result_size(n, 0, 1, im_in(n, 0), 0, -1), *length = transform_length(n, im_in(n, 1), 0, true);
    ir_inst *inst = im_row_begin(n, IR_mel_weight_matrix, 2, in, NULL);
    if (!inst) return false;
    mk_sxs(n->k, inst, "num_mel_bins", 1, &bands);
    mk_sxs(n->k, inst, "dft_length", 1, &length);
    mk_index(inst, 0, im_element(n->o, im_in(n, 2), 0, 1, INT32_MAX));
    return im_row_end(n, inst);
}

/* ---- transforms ------------------------------------------------------------------------------ */

/* The row with what the node says, along an axis. */
static ir_value *transformed(im_node *n, ir_value *x, int64_t axis, const ir_sx *length)
{
    static const char *const skip[] = {"axis", NULL};
    ir_inst *inst = im_row_begin(n, IR_dft, 1, &x, skip);
    if (!inst) return im_poison(n->o);
    mk_int(inst, "axis", axis);
    if (length) mk_sxs(n->k, inst, "dft_length", 1, &length);
    return mk_end(n->k, inst, 1);
}

/* Does a transform along the axis make what the model declares? Then that may be the axis of the run. */
static bool may_be_axis(im_node *n, const ir_type *x, int axis, const ir_sx *length)
{
    const ir_sx *dim[IR_MAX_RANK];
    bool inverse = im_int(n, "inverse", 0), half = im_int(n, "onesided", 0);
    if (!sx_is_const(x->dim[axis]) || (length && !sx_is_const(length))) return false;
    int64_t all = length ? sx_value(length) : inverse && half ? 2 * (sx_value(x->dim[axis]) - 1) : sx_value(x->dim[axis]);
    if (all < 1 || im_declared(n, 0, dim) != x->rank) return false;
    for (int i = 0; i < x->rank - 1; i++) {
        const ir_sx *want = i != axis ? x->dim[i] : mk_sx(n->k, half && !inverse ? all / 2 + 1 : all);
        if (dim[i] != want) return false;
    }
    return true;
}

/* An axis that only the run knows: one of those that make the declared result. */
static bool dft_by_any_axis(im_node *n, ir_value *x, ir_value *which, const ir_sx *length)
{
    mk *k = n->k;
    int rank = x->type->rank;
    ir_value *y = NULL, *count = mk_integer(k, DT_i64, 0);
    which = mk_cast(k, mk_reshape(k, which, 0, NULL), DT_i64);
    for (int i = 0; i < rank - 1; i++) {
        if (!may_be_axis(n, x->type, i, length)) continue;
        ir_value *here = mk_op2(k, IR_or, mk_op2(k, IR_equal, which, mk_integer(k, DT_i64, i)), mk_op2(k, IR_equal, which, mk_integer(k, DT_i64, i - rank)));
        ir_value *made = transformed(n, x, i, length);
        count = mk_op2(k, IR_add, count, mk_cast(k, here, DT_i64));
        y = y ? mk_op3(k, IR_where, here, made, y) : made;
    }
    if (!y) return im_fail(n, E_NOT_STATIC, 2, "the axis must be known at compile time, or the model must declare the result's shape");
    im_element(n->o, count, 0, 1, 1);
    return im_out(n, 0, y);
}

/* The axis was an attribute before operator set 20. */
bool im_dft(im_node *n)
{
    ir_value *x = im_need(n, 0);
    const int64_t *given;
    if (ir_is_poison(x)) return false;
    int rank = x->type->rank;
    int64_t axis = n->version < 20 ? im_int(n, "axis", 1) : -2;
    bool known = true;
    if (im_has(n, 2)) {
        if (im_length(n, 2) != 1) return im_fail(n, E_SHAPE, 2, "the axis must be one integer");
        known = im_const_in(n, 2, true) != NULL;
        if (known && im_const_ints(n, 2, &given) == 1) axis = given[0];
    }
    axis = axis < 0 ? axis + rank : axis;
    if (axis < 0 || axis >= rank - 1) return im_fail(n, E_AXIS, known && im_has(n, 2) ? 2 : -1, "there is no axis %lld to transform along", (long long)axis);
    const ir_sx *length = NULL;
    if (im_has(n, 1)) {
        const ir_sx *const *sizes = im_length(n, 1) == 1 ? im_known(n->o, im_in(n, 1)) : NULL;
        if (sizes && sizes[0]) length = im_element(n->o, im_in(n, 1), 0, 0, IR_MAX_BOUND);
        else if (!known) return im_fail(n, E_NOT_STATIC, 1, "the length or the axis must be known at compile time");
        else length = transform_length(n, im_in(n, 1), (int)axis, im_int(n, "onesided", 0) && !im_int(n, "inverse", 0));
    }
    if (!known) return dft_by_any_axis(n, x, im_in(n, 2), length);
    return im_out(n, 0, transformed(n, x, axis, length));
}

/* x under the extents that the model declares, where only the run shows that they are those. */
static ir_value *as_declared(im_node *n, ir_value *x)
{
    const ir_sx *dim[IR_MAX_RANK];
    if (ir_is_poison(x) || im_declared(n, 0, dim) != x->type->rank) return x;
    for (int i = 0; i < x->type->rank; i++)
        if (!dim[i] || !sx_is_const(dim[i])) dim[i] = x->type->dim[i];
    return mk_reshape(n->k, x, x->type->rank, dim);
}

/* How many parts begin `step` apart and fit into the signal. */
static const ir_sx *parts_of(im_node *n, const ir_sx *all, const ir_sx *length, const ir_sx *step)
{
    mk *k = n->k;
    const ir_sx *room = im_require(n->o, sx_sub(&n->o->m->sx, all, length), 0, sx_max(all), "a frame is longer than the signal");
    if (sx_is_const(step)) return sx_add(&n->o->m->sx, sx_div(&n->o->m->sx, room, sx_value(step)), mk_sx(k, 1));
    ir_value *count = mk_op2(k, IR_div, mk_index_tensor(k, room, DT_i64), mk_index_tensor(k, step, DT_i64));
    return im_result_size(n, 0, 1, mk_op2(k, IR_add, count, mk_integer(k, DT_i64, 1)), 0, -1);
}

bool im_stft(im_node *n)
{
    ir_value *in[2] = {im_need(n, 0), im_in(n, 2)};
    bool half = im_int(n, "onesided", 1);
    if (im_length(n, 1) != 1 || ir_is_poison(in[0]) || (in[1] && ir_is_poison(in[1]))) return false;
    if (in[0]->type->rank != 3) return im_fail(n, E_RANK, 0, "the signal must be [N, length, 1] or [N, length, 2]");
    if (in[1] && in[1]->type->rank != 1) return im_fail(n, E_RANK, 2, "the window must be a vector");
    const ir_sx *all = in[0]->type->dim[1], *length = in[1] ? in[1]->type->dim[0] : all;
    if (im_has(n, 3) && im_length(n, 3) == 1) length = transform_length(n, im_in(n, 3), 2, half);
    const ir_sx *step = im_element(n->o, im_in(n, 1), 0, 1, INT32_MAX), *frames = parts_of(n, all, length, step);
    ir_inst *inst = im_row_begin(n, IR_stft, 2, in, NULL);
    if (!inst) return false;
    mk_sxs(n->k, inst, "frame_step", 1, &step);
    mk_sxs(n->k, inst, "frame_length", 1, &length);
    mk_sxs(n->k, inst, "frames", 1, &frames);
    return im_out(n, 0, as_declared(n, mk_end(n->k, inst, 1)));
}
