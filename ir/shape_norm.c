/* Shape rules of what works along rows, channels and matrices: hardmax, normalisations,
 * determinants. */
#include "ir/shape.h"

bool sh_hardmax(infer *f) { return sh_softmax(f); }

uint32_t mean_variance_axes(const ir_inst *inst)
{
    enum { DEFAULT = 1 << 0 | 1 << 2 | 1 << 3 };
    const ir_attr *axes = &inst->attr[ATTR_AT(mean_variance_normalization, axes)];
    if (axes->kind == IR_ATTR_NONE) return DEFAULT;
    return axes->n ? axes_mask(inst, ATTR_AT(mean_variance_normalization, axes),
                               inst->in[0]->type->rank)
                   : 0;
}

bool sh_mean_variance(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    int attr = ATTR_AT(mean_variance_normalization, axes), axis;
    const ir_attr *axes = &f->inst->attr[attr];
    if (axes->kind == IR_ATTR_NONE && x->rank < 4)
        return infer_fail(f, E_RANK, 0,
                          "without axes x must have rank 4 or more: they are 0, 2 and 3");
    for (int i = 0; i < axes->n; i++)
        if (!infer_axis(f, attr, sx_value(axes->sx[i]), x->rank, &axis)) return false;
    f->out[0] = x;
    return true;
}

bool sh_lp_norm(infer *f)
{
    int64_t p = ir_int(f->inst, ATTR_AT(lp_normalization, p));
    if (p != 1 && p != 2)
        return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(lp_normalization, p),
                               "p = %lld is neither 1 nor 2", (long long)p);
    return sh_softmax(f);
}

bool sh_lrn(infer *f)
{
    int64_t size = ir_int(f->inst, ATTR_AT(lrn, size));
    if (f->inst->in[0]->type->rank < 2)
        return infer_fail(f, E_RANK, 0, "x must have a channel axis: rank 2 or more");
    if (size < 1 || size > INT32_MAX)
        return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(lrn, size),
                               "size = %lld is not from 1 to 2147483647", (long long)size);
    f->out[0] = f->inst->in[0]->type;
    return true;
}

bool sh_det(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    if (x->rank < 2 || x->dim[x->rank - 1] != x->dim[x->rank - 2])
        return infer_fail(f, E_SHAPE, 0, "the last two axes must be square matrices");
    f->out[0] = ir_tensor(f->m, x->dtype, x->rank - 2, x->dim);
    f->out[1] = ir_tensor(f->m, x->dtype == DT_f64 ? DT_f64 : DT_f32, x->rank, x->dim);
    return true;
}
