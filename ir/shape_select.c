/* Shape rules of ops whose results are as large as their elements make them: the types have the
 * largest possible extents, and a scalar says how much of them counts. */
#include "ir/shape.h"

static const char *text(const infer *f, const ir_sx *x) { return sx_text(f->m->arena, x); }

/* The axis attribute `attr`, or -1 where there is none; false after a report. */
static bool optional_axis(infer *f, int attr, int *axis)
{
    *axis = -1;
    return !ir_given(f->inst, attr) ||
           infer_axis(f, attr, ir_int(f->inst, attr), f->inst->in[0]->type->rank, axis);
}

bool sh_compress(infer *f)
{
    const ir_type *x = f->inst->in[0]->type, *condition = f->inst->in[1]->type;
    int axis;
    if (!optional_axis(f, ATTR_AT(compress, axis), &axis)) return false;
    if (condition->rank != 1) return infer_fail(f, E_RANK, 1, "condition must be a vector");
    const ir_sx *n = condition->dim[0], *most = axis < 0 ? ir_elements(f->m, x) : x->dim[axis];
    if (sx_min(sx_sub(&f->m->sx, most, n)) < 0)
        return infer_fail(f, E_SHAPE, 1,
                          "condition has %s elements, which is not surely at most %s", text(f, n),
                          text(f, most));
    ir_type t = {.rank = 1, .dim = {n}};
    if (axis >= 0) {
        t = *x;
        t.dim[axis] = n;
    }
    f->out[0] = ir_tensor(f->m, x->dtype, t.rank, t.dim);
    f->out[1] = ir_scalar(f->m, DT_i64);
    return true;
}

bool sh_nonzero(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    const ir_sx *dim[2] = {sx_int(&f->m->sx, x->rank ? x->rank : 1), ir_elements(f->m, x)};
    f->out[0] = ir_tensor(f->m, DT_i64, 2, dim);
    f->out[1] = ir_scalar(f->m, DT_i64);
    return true;
}

bool sh_unique(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    int axis;
    if (!optional_axis(f, ATTR_AT(unique, axis), &axis)) return false;
    const ir_sx *n = axis < 0 ? ir_elements(f->m, x) : x->dim[axis];
    f->out[0] = axis < 0 ? ir_tensor(f->m, x->dtype, 1, &n) : x;
    for (int i = 1; i <= 3; i++) f->out[i] = ir_tensor(f->m, DT_i64, 1, &n);
    f->out[4] = ir_scalar(f->m, DT_i64);
    return true;
}

/* How many boxes of a class can be chosen at most: all or, with a constant, so many. */
static const ir_sx *most_boxes(infer *f, const ir_sx *boxes)
{
    const ir_value *most = ir_operand(f->inst, 2);
    if (!most) return sx_int(&f->m->sx, 0);
    const void *data = ir_const_bytes(most);
    int64_t n = data ? dtype_get_int(most->type->dtype, data, 0) : INT64_MAX;
    if (n >= sx_max(boxes)) return boxes;
    return sx_int(&f->m->sx, n < 0 ? 0 : n);
}

bool sh_non_max_suppression(infer *f)
{
    const ir_type *boxes = f->inst->in[0]->type, *scores = f->inst->in[1]->type;
    if (boxes->rank != 3 || !sx_is(boxes->dim[2], 4))
        return infer_fail(f, E_SHAPE, 0, "boxes must be [batches, boxes, 4]");
    if (scores->rank != 3 || scores->dim[0] != boxes->dim[0] || scores->dim[2] != boxes->dim[1])
        return infer_fail(f, E_SHAPE, 1, "scores must be [%s, classes, %s]", text(f, boxes->dim[0]),
                          text(f, boxes->dim[1]));
    for (int i = 2; i < f->inst->nin; i++)
        if (f->inst->in[i] && !sx_is(ir_elements(f->m, f->inst->in[i]->type), 1))
            return infer_fail(f, E_SHAPE, i, "%s must be one number", f->info->in[i].name);
    sx_table *t = &f->m->sx;
    const ir_sx *dim[2] = {
        sx_mul(t, sx_mul(t, boxes->dim[0], scores->dim[1]), most_boxes(f, boxes->dim[1])),
        sx_int(t, 3)};
    f->out[0] = ir_tensor(f->m, DT_i64, 2, dim);
    f->out[1] = ir_scalar(f->m, DT_i64);
    return true;
}
