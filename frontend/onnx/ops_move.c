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

/* Col2Im with windows that only the run knows: where each element of the operand goes is worked out in
 * tensors, and all are added up there; what is in the padding goes to one place behind the image. */
typedef struct folding {
    im_node *n;
    ir_value *x, *block, *image; /* vectors */
    int count;
    int64_t stride[IR_MAX_RANK], dilation[IR_MAX_RANK], before[IR_MAX_RANK], after[IR_MAX_RANK];
} folding;

static ir_value *number(const folding *f, int64_t v) { return mk_integer(f->n->k, DT_i64, v); }
static ir_value *at_of(const folding *f, ir_value *vector, int i) { return mk_pick(f->n->k, vector, 0, mk_sx(f->n->k, i)); }
static ir_value *op(const folding *f, ir_op which, ir_value *a, ir_value *b) { return mk_op2(f->n->k, which, a, b); }

/* How many windows there are along axis i. */
static ir_value *windows_of(const folding *f, int i)
{
    ir_value *reach = op(f, IR_mul, op(f, IR_sub, at_of(f, f->block, i), number(f, 1)), number(f, f->dilation[i]));
    ir_value *room = op(f, IR_sub, op(f, IR_add, at_of(f, f->image, i), number(f, f->before[i] + f->after[i] - 1)), reach);
    return op(f, IR_add, op(f, IR_div, room, number(f, f->stride[i])), number(f, 1));
}

/* Digit i of numbers whose digits count to `base`, the last one fastest; *rest loses it. */
static ir_value *next_digit(const folding *f, ir_value **rest, ir_value *base)
{
    ir_value *digit = op(f, IR_mod, *rest, base);
    *rest = op(f, IR_div, *rest, base);
    return digit;
}

/* The flat place in the images of a batch for each row and column of the operand. */
static ir_value *folded_places(const folding *f, const ir_sx *behind)
{
    mk *k = f->n->k;
    const ir_sx *dim[2] = {f->x->type->dim[1], mk_sx(k, 1)};
    ir_value *row = mk_reshape(k, im_count(k, dim[0], DT_i64), 2, dim), *column = im_count(k, f->x->type->dim[2], DT_i64);
    ir_value *flat = NULL, *inside = NULL, *step = number(f, 1);
    for (int i = f->count - 1; i >= 0; i--) {
        ir_value *tap = op(f, IR_mul, next_digit(f, &row, at_of(f, f->block, i)), number(f, f->dilation[i]));
        ir_value *window = op(f, IR_mul, next_digit(f, &column, windows_of(f, i)), number(f, f->stride[i]));
        ir_value *at = op(f, IR_sub, op(f, IR_add, tap, window), number(f, f->before[i])), *extent = at_of(f, f->image, i);
        ir_value *here = op(f, IR_and, op(f, IR_greater_or_equal, at, number(f, 0)), op(f, IR_less, at, extent));
        ir_value *part = op(f, IR_mul, at, step);
        inside = inside ? op(f, IR_and, inside, here) : here;
        flat = flat ? op(f, IR_add, flat, part) : part;
        step = op(f, IR_mul, step, extent);
    }
    flat = op(f, IR_add, flat, op(f, IR_mul, row, step)); /* what is left of the row is the channel */
    return mk_op3(k, IR_where, inside, flat, mk_index_tensor(k, behind, DT_i64));
}

static bool col2im_at_run_time(folding *f, const ir_sx *const *image)
{
    im_node *n = f->n;
    mk *k = n->k;
    sx_table *t = &n->o->m->sx;
    ir_value *taps = number(f, 1), *windows = number(f, 1);
    for (int i = 0; i < f->count; i++) {
        taps = op(f, IR_mul, taps, at_of(f, f->block, i));
        windows = op(f, IR_mul, windows, windows_of(f, i));
    }
    const ir_sx *rows = f->x->type->dim[1], *columns = f->x->type->dim[2], *dim[IR_MAX_RANK] = {f->x->type->dim[0]};
    ir_value *count = op(f, IR_div, mk_index_tensor(k, rows, DT_i64), taps);
    const ir_sx *channels = im_result_size(n, 0, 1, count, 0, sx_max(rows)), *size = channels;
    ir_value *left = op(f, IR_sub, mk_index_tensor(k, rows, DT_i64), op(f, IR_mul, taps, mk_index_tensor(k, channels, DT_i64)));
    im_element(n->o, left, 0, 0, 0); /* the rows are whole windows, and the columns all windows */
    im_element(n->o, op(f, IR_sub, windows, mk_index_tensor(k, columns, DT_i64)), 0, 0, 0);
    dim[1] = channels;
    for (int i = 0; i < f->count; i++) size = sx_mul(t, size, dim[2 + i] = image[i]);
    const ir_sx *all[2] = {dim[0], sx_mul(t, rows, columns)}, *room[2] = {dim[0], sx_add(t, size, mk_sx(k, 1))};
    ir_value *place = mk_reshape(k, folded_places(f, size), 1, all + 1), *zeros = mk_filled(k, ir_tensor(n->o->m, f->x->type->dtype, 2, room), 0);
    ir_value *in[3] = {zeros, mk_expand(k, place, 2, all), mk_reshape(k, f->x, 2, all)};
    ir_inst *inst = mk_begin(k, IR_scatter_elements, 3, in);
    mk_int(inst, "axis", 1);
    mk_text(k, inst, "reduction", "add");
    return im_out(n, 0, mk_reshape(k, mk_slice(k, mk_end(k, inst, 1), 1, mk_sx(k, 0), size), 2 + f->count, dim));
}

static void fold_numbers(const im_node *n, const char *name, int count, int64_t otherwise, int64_t *out)
{
    const int64_t *values;
    int given = im_ints(n, name, &values);
    for (int i = 0; i < count; i++) out[i] = i < given ? values[i] : otherwise;
}

static bool run_time_windows(im_node *n, ir_value *x, ir_value *image, const ir_sx *const *extent)
{
    folding f = {.n = n, .x = x, .block = vector_in(n, 2), .image = image, .count = (int)count_of(image)};
    int64_t pads[2 * IR_MAX_RANK];
    if (ir_is_poison(f.block)) return false;
    if (count_of(f.block) != f.count || f.count < 1 || f.count > IR_MAX_RANK - 2) return im_fail(n, E_SHAPE, 2, "%lld extents of a window for %d of the image", (long long)count_of(f.block), f.count);
    if (x->type->rank != 3) return im_fail(n, E_RANK, 0, "it must have rank 3");
    fold_numbers(n, "strides", f.count, 1, f.stride);
    fold_numbers(n, "dilations", f.count, 1, f.dilation);
    fold_numbers(n, "pads", 2 * f.count, 0, pads);
    for (int i = 0; i < f.count; i++) {
        f.before[i] = pads[i];
        f.after[i] = pads[i + f.count];
        if (f.stride[i] < 1 || f.dilation[i] < 1 || f.before[i] < 0 || f.after[i] < 0) return im_fail(n, E_ATTR_VALUE, -1, "strides and dilations must be 1 or more, pads 0 or more");
    }
    return col2im_at_run_time(&f, extent);
}

bool im_col2im(im_node *n)
{
    ir_value *x = im_in(n, 0), *image = vector_in(n, 1);
    const int64_t *block;
    if (!image || !im_has(n, 2)) return im_fail(n, E_OPERAND_MISSING, -1, "image_shape and block_shape are wanted");
    if (ir_is_poison(x) || ir_is_poison(image)) return false;
    const ir_sx *extent[2 * IR_MAX_RANK];
    int64_t spatial = count_of(image);
    for (int i = 0; i < spatial && i < IR_MAX_RANK - 2; i++) extent[i] = im_result_size(n, 0, 2 + i, image, i, -1);
    if (!im_const_in(n, 2, true)) return run_time_windows(n, x, image, extent);
    int count = im_const_ints(n, 2, &block);
    if (count < 0) return false;
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
