/* CenterCropPad, Concat, Col2Im, MaxUnpool: sizes are operands, and may be known in the run only. */
#include <string.h>
#include "frontend/onnx/import.h"

/* An operand of integers as i64 [count]; NULL where it is absent, poison after a report. */
static ir_value *vector_in(im_node *n, int i)
{
    if (!im_has(n, i)) return NULL;
    if (im_length(n, i) < 0) return im_poison(n->o);
    ir_value *v = im_in(n, i);
    const ir_sx *one = mk_sx(n->k, 1);
    return mk_cast(n->k, v->type->rank ? v : mk_reshape(n->k, v, 1, &one), DT_i64);
}

static int64_t count_of(const ir_value *vector) { return sx_value(vector->type->dim[0]); }

bool im_center_crop_pad(im_node *n)
{
    static const char *const skip[] = {"axes", NULL};
    ir_value *x = im_in(n, 0), *shape = vector_in(n, 1);
    if (!shape || ir_is_poison(x) || ir_is_poison(shape)) return shape ? false : im_fail(n, E_OPERAND_MISSING, -1, "the shape is missing");
    uint32_t mask;
    int order[IR_MAX_RANK], count;
    if (!im_axes(n, -1, "axes", x->type->rank, &mask, order, &count)) return false;
    for (int i = 0; count < 0 && i < x->type->rank; i++) order[i] = i;
    if (count < 0) count = x->type->rank;
    if (count_of(shape) != count) return im_fail(n, E_SHAPE, 1, "%lld extents for %d axes", (long long)count_of(shape), count);
    const ir_sx *extent[IR_MAX_RANK];
    int64_t axis[IR_MAX_RANK];
    for (int i = 0; i < count; i++) {
        axis[i] = order[i];
        extent[i] = im_result_size(n, 0, order[i], shape, i, -1);
    }
    ir_inst *inst = im_row_begin(n, IR_center_crop_pad, 1, &x, skip);
    if (!inst) return false;
    mk_sxs(n->k, inst, "shape", count, extent);
    mk_ints(n->k, inst, "axes", count, axis);
    return im_row_end(n, inst);
}

/* ---- Col2Im, MaxUnpool ---------------------------------------------------------------------- */

bool im_col2im(im_node *n)
{
    ir_value *x = im_in(n, 0), *image = vector_in(n, 1);
    const int64_t *block;
    if (!image || !im_has(n, 2)) return im_fail(n, E_OPERAND_MISSING, -1, "image_shape and block_shape are wanted");
    int count = im_const_ints(n, 2, &block);
    if (count < 0 || ir_is_poison(x) || ir_is_poison(image)) return false;
    const ir_sx *extent[2 * IR_MAX_RANK];
    int64_t spatial = count_of(image);
    for (int i = 0; i < spatial && i < IR_MAX_RANK - 2; i++) extent[i] = im_result_size(n, 0, 2 + i, image, i, -1);
    ir_inst *inst = im_row_begin(n, IR_col2im, 1, &x, NULL);
    if (!inst) return false;
    mk_sxs(n->k, inst, "image_shape", spatial < IR_MAX_RANK - 2 ? (int)spatial : 0, extent);
    mk_ints(n->k, inst, "block_shape", count, block);
    return im_row_end(n, inst);
}

bool im_max_unpool(im_node *n)
{
    ir_value *in[2] = {im_in(n, 0), n->nin > 1 ? im_in(n, 1) : NULL}, *shape = vector_in(n, 2);
    if (!in[0] || !in[1]) return im_fail(n, E_OPERAND_MISSING, -1, "it wants elements and indices");
    if (ir_is_poison(in[0]) || ir_is_poison(in[1]) || (shape && ir_is_poison(shape))) return false;
    const ir_sx *extent[2 * IR_MAX_RANK];
    for (int i = 0; shape && i < count_of(shape) && i < IR_MAX_RANK; i++) extent[i] = im_result_size(n, 0, i, shape, i, -1);
    ir_inst *inst = im_row_begin(n, IR_max_unpool, 2, in, NULL);
    if (inst && shape) mk_sxs(n->k, inst, "output_shape", count_of(shape) < IR_MAX_RANK ? (int)count_of(shape) : 0, extent);
    return im_row_end(n, inst);
}
