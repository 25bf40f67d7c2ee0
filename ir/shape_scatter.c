/* Shape rules of ops that put elements where indices say. */
#include <string.h>
#include "ir/shape.h"

static const char *text(const infer *f, const ir_sx *x) { return sx_text(f->m->arena, x); }

/* Is there surely nothing to choose for? Then it does not matter from what. */
static bool no_elements(const ir_type *t) { return ir_max_elements(t) == 0; }

/* Indices choose from axes first .. first + n - 1 of data, none of which may be empty. */
static bool can_choose(infer *f, int first, int n)
{
    const ir_type *x = f->inst->in[0]->type;
    for (int i = first; i < first + n && !no_elements(f->inst->in[1]->type); i++)
        if (sx_min(x->dim[i]) < 1)
            return infer_fail(f, E_SIZE, 0, "axis %d can be empty: there is nothing to choose from",
                              i);
    return true;
}

/* The extent of the last axis of indices: how many coordinates each has, for `most` axes of data.
 */
static bool coordinate_count(infer *f, int most, int *count)
{
    const ir_type *indices = f->inst->in[1]->type;
    if (f->inst->in[0]->type->rank == 0 || indices->rank == 0)
        return infer_fail(f, E_RANK, -1, "data and indices must have rank 1 or more");
    const ir_sx *last = indices->dim[indices->rank - 1];
    if (!sx_is_const(last))
        return infer_fail(f, E_SHAPE, 1,
                          "the extent of the last axis of indices must be known at compile time");
    if (sx_value(last) < 1 || sx_value(last) > most)
        return infer_fail(f, E_SHAPE, 1,
                          "indices has %s coordinates on its last axis, where 1 to %d are needed",
                          text(f, last), most);
    *count = (int)sx_value(last);
    return true;
}

bool sh_gather_nd(infer *f)
{
    const ir_type *x = f->inst->in[0]->type, *indices = f->inst->in[1]->type;
    int64_t batch = ir_int(f->inst, ATTR_AT(gather_nd, batch_dims));
    int n, least = x->rank < indices->rank ? x->rank : indices->rank, rank = 0;
    if (batch < 0 || batch >= least)
        return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(gather_nd, batch_dims),
                               "batch_dims = %lld is not from 0 to %d", (long long)batch,
                               least - 1);
    int b = (int)batch;
    if (!coordinate_count(f, x->rank - b, &n) || !can_choose(f, b, n)) return false;
    for (int i = 0; i < b; i++)
        if (x->dim[i] != indices->dim[i])
            return infer_fail(f, E_SHAPE, 1, "batch axis %d has extent %s, that of data %s", i,
                              text(f, indices->dim[i]), text(f, x->dim[i]));
    const ir_sx *dim[2 * IR_MAX_RANK];
    for (int i = 0; i < indices->rank - 1; i++) dim[rank++] = indices->dim[i];
    for (int i = b + n; i < x->rank; i++) dim[rank++] = x->dim[i];
    if (rank > IR_MAX_RANK)
        return infer_fail(f, E_RANK, -1, "the result's rank is over the highest, %d", IR_MAX_RANK);
    f->out[0] = ir_tensor(f->m, x->dtype, rank, dim);
    return true;
}

/* What is put together must be numbers. */
static bool can_reduce(infer *f)
{
    int attr = op_attr_find(f->info, "reduction");
    const char *how = f->inst->attr[attr].s;
    if (strcmp(how, "none") == 0 || f->inst->in[0]->type->dtype != DT_bool) return true;
    return infer_fail_attr(f, E_ATTR_VALUE, attr, "reduction = %s is for numbers, not for bool",
                           how);
}

bool sh_scatter_elements(infer *f)
{
    const ir_type *x = f->inst->in[0]->type, *indices = f->inst->in[1]->type,
                  *updates = f->inst->in[2]->type;
    int attr = ATTR_AT(scatter_elements, axis), axis;
    if (x->rank == 0 || indices->rank != x->rank)
        return infer_fail(f, E_RANK, 1, "data and indices must have one rank, 1 or more");
    if (!ir_same_shape(indices, updates))
        return infer_fail(f, E_SHAPE, 2, "updates must have the shape of indices");
    if (!infer_axis(f, attr, ir_int(f->inst, attr), x->rank, &axis) || !can_choose(f, axis, 1) ||
        !can_reduce(f))
        return false;
    for (int i = 0; i < x->rank; i++)
        if (i != axis && sx_min(sx_sub(&f->m->sx, x->dim[i], indices->dim[i])) < 0)
            return infer_fail(f, E_SHAPE, 1, "indices has extent %s on axis %d, data only %s",
                              text(f, indices->dim[i]), i, text(f, x->dim[i]));
    f->out[0] = x;
    return true;
}

bool sh_scatter_nd(infer *f)
{
    const ir_type *x = f->inst->in[0]->type, *indices = f->inst->in[1]->type,
                  *updates = f->inst->in[2]->type;
    int n, rank = 0;
    if (!coordinate_count(f, x->rank, &n) || !can_choose(f, 0, n) || !can_reduce(f)) return false;
    const ir_sx *dim[2 * IR_MAX_RANK];
    for (int i = 0; i < indices->rank - 1; i++) dim[rank++] = indices->dim[i];
    for (int i = n; i < x->rank; i++) dim[rank++] = x->dim[i];
    bool fits = updates->rank == rank;
    for (int i = 0; fits && i < rank; i++) fits = updates->dim[i] == dim[i];
    if (!fits)
        return infer_fail(f, E_SHAPE, 2,
                          "updates must have the shape of indices without its last axis, then the "
                          "axes of data that no index chooses from");
    f->out[0] = x;
    return true;
}

bool sh_tensor_scatter(infer *f)
{
    const ir_type *x = f->inst->in[0]->type, *update = f->inst->in[1]->type;
    const ir_value *at = ir_operand(f->inst, 2);
    int attr = ATTR_AT(tensor_scatter, axis), axis;
    if (x->rank < 2 || update->rank != x->rank)
        return infer_fail(f, E_RANK, 1, "past_cache and update must have one rank, 2 or more");
    if (!infer_axis(f, attr, ir_int(f->inst, attr), x->rank, &axis)) return false;
    if (axis == 0) return infer_fail_attr(f, E_AXIS, attr, "axis 0 is that of the batches");
    for (int i = 0; i < x->rank; i++)
        if (i != axis && x->dim[i] != update->dim[i])
            return infer_fail(f, E_SHAPE, 1, "update has extent %s on axis %d, past_cache %s",
                              text(f, update->dim[i]), i, text(f, x->dim[i]));
    if (sx_min(sx_sub(&f->m->sx, x->dim[axis], update->dim[axis])) < 0 || sx_min(x->dim[axis]) < 1)
        return infer_fail(f, E_SHAPE, 1,
                          "update's extent %s on axis %d is not surely at most past_cache's, %s, "
                          "which must be 1 or more",
                          text(f, update->dim[axis]), axis, text(f, x->dim[axis]));
    if (at && (at->type->rank != 1 || at->type->dim[0] != x->dim[0]))
        return infer_fail(f, E_SHAPE, 2, "write_indices must be [%s], one a batch",
                          text(f, x->dim[0]));
    f->out[0] = x;
    return true;
}
