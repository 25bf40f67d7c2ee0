/* The shape rule of `update`: a box of a tensor is replaced. */
#include "ir/shape.h"

/* The box must fit an axis, and may lie inside of it for some values of the symbols; a run sees to the rest. */
static bool check_axis(infer *f, int axis)
{
    sx_table *t = &f->m->sx;
    const ir_sx *extent = f->inst->in[0]->type->dim[axis], *part = f->inst->in[1]->type->dim[axis], *start = f->inst->attr[ATTR_AT(update, starts)].sx[axis];
    const ir_sx *last = sx_sub(t, extent, part);
    if (sx_max(last) < 0) return infer_fail(f, E_SHAPE, 1, "extent %s of axis %d does not fit in %s", sx_text(f->m->arena, part), axis, sx_text(f->m->arena, extent));
    if (sx_max(start) < 0 || sx_max(sx_sub(t, last, start)) < 0)
        return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(update, starts), "from %s on, %s elements are never inside of axis %d, whose extent is %s", sx_text(f->m->arena, start), sx_text(f->m->arena, part), axis, sx_text(f->m->arena, extent));
    return true;
}

bool sh_update(infer *f)
{
    const ir_type *x = f->inst->in[0]->type, *part = f->inst->in[1]->type;
    int n = f->inst->attr[ATTR_AT(update, starts)].n;
    if (part->rank != x->rank) return infer_fail(f, E_RANK, 1, "the value has rank %d, the data %d", part->rank, x->rank);
    if (n != x->rank) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(update, starts), "%d starts for %d axes", n, x->rank);
    for (int i = 0; i < n; i++)
        if (!check_axis(f, i)) return false;
    f->out[0] = x;
    return true;
}
