/* Views: the strides of values as they are stored, and what renaming ops make of them. */
#include "ir/shape.h"
#include "passes/plan_place.h"
#include "passes/sched.h"

/* ---- layouts ------------------------------------------------------------------------------- */

plan_view *plan_new_view(plan_graph *p, plan_buffer *b, const ir_type *type)
{
    sx_table *t = &p->plan->m->sx;
    plan_view *v = ARENA_NEW(p->plan->m->arena, plan_view);
    v->buffer = b;
    v->offset = sx_int(t, 0);
    const ir_sx *stride = sx_int(t, 1);
    for (int i = type->rank - 1; i >= 0; i--) {
        v->stride[i] = stride;
        stride = sx_mul(t, stride, type->dim[i]);
    }
    return v;
}

/* Do so many lines, a step apart, crowd each other out of a cache? They do where they take more than half of the places of a set. */
static bool is_crowded(const sched_target *t, int64_t lines, int64_t step)
{
    int64_t a = t->way, b = step % t->way;
    while (b) { /* greatest common divisor */
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    const int64_t sets = t->way / (a > t->line ? a : t->line); /* that they lie in */
    return (lines + sets - 1) / sets > t->ways / 2;
}

plan_view *plan_planes_view(plan_graph *p, plan_buffer *b, const ir_type *type, int axes)
{
    const sched_target *t = p->plan->target;
    sx_table *sx = &p->plan->m->sx;
    plan_view *v = plan_new_view(p, b, type);
    const ir_sx *plane = axes ? v->stride[axes - 1] : sx_int(sx, 1), *planes = sx_int(sx, 1);
    for (int i = 0; i < axes; i++) planes = sx_mul(sx, planes, type->dim[i]);
    const int64_t element = (int64_t)dtype_bytes(type->dtype);
    if (!t || !t->ways || !t->line || !sx_is_const(plane) || !sx_is_const(planes) || sx_is(plane, 0)) return v;
    if (!is_crowded(t, sx_value(planes), sx_value(plane) * element)) return v;
    plane = sx_int(sx, sx_value(plane) + t->line / element);
    for (int i = axes - 1; i >= 0; i--) {
        v->stride[i] = plane;
        plane = sx_mul(sx, plane, type->dim[i]);
    }
    b->bytes = sx_value(plane) * element;
    b->size = sx_int(sx, b->bytes);
    return v;
}

plan_view *plan_channels_last_view(plan_graph *p, plan_buffer *b, const ir_type *type)
{
    sx_table *t = &p->plan->m->sx;
    plan_view *v = plan_new_view(p, b, type);
    v->stride[1] = sx_int(t, 1);
    for (int i = 2; i < type->rank; i++) v->stride[i] = sx_mul(t, v->stride[i], type->dim[1]);
    return v;
}

bool plan_is_contiguous(ir_module *m, const ir_type *type, const plan_view *v)
{
    const ir_sx *stride = sx_int(&m->sx, 1);
    for (int i = type->rank - 1; i >= 0; i--) {
        if (!sx_is(type->dim[i], 1) && v->stride[i] != stride) return false;
        stride = sx_mul(&m->sx, stride, type->dim[i]);
    }
    return true;
}

/* The axis, of those that are not in the set, along which the view steps so far; -1: none. */
static int axis_of_step(const ir_type *type, const plan_view *v, const ir_sx *step, unsigned without)
{
    for (int i = type->rank - 1; i >= 0; i--)
        if (!(without >> i & 1) && v->stride[i] == step) return i;
    return -1;
}

bool plan_is_dense(ir_module *m, const ir_type *type, const plan_view *v)
{
    const ir_sx *stride = sx_int(&m->sx, 1);
    unsigned seen = 0, all = (1u << type->rank) - 1;
    for (int i = 0; i < type->rank; i++)
        if (sx_is(type->dim[i], 1)) seen |= 1u << i;
    while (seen != all) {
        int axis = axis_of_step(type, v, stride, seen);
        if (axis < 0) return false;
        seen |= 1u << axis;
        stride = sx_mul(&m->sx, stride, type->dim[axis]);
    }
    return true;
}

bool plan_steps_alike(const ir_type *type, const plan_view *a, const plan_view *b)
{
    for (int i = 0; i < type->rank; i++) /* where there is one element, no step is made */
        if (a->stride[i] != b->stride[i] && !sx_is(type->dim[i], 1)) return false;
    return true;
}

/* The axes that have more than one element, by the steps along them, smallest first; -1: a step or an extent is not known, or
 * one axis steps into the elements of another. */
static int nested_axes(const ir_type *t, const plan_view *v, int *axis)
{
    int n = 0;
    for (int i = 0; i < t->rank; i++) {
        if (sx_is(t->dim[i], 1)) continue;
        if (!sx_is_const(t->dim[i]) || !sx_is_const(v->stride[i]) || sx_value(v->stride[i]) <= 0) return -1;
        int at = n++;
        for (; at && sx_value(v->stride[axis[at - 1]]) > sx_value(v->stride[i]); at--) axis[at] = axis[at - 1];
        axis[at] = i;
    }
    for (int i = 1; i < n; i++)
        if (sx_value(v->stride[axis[i]]) < sx_value(v->stride[axis[i - 1]]) * sx_value(t->dim[axis[i - 1]])) return -1;
    return n;
}

/* They are so far apart that one lies behind the other within a step of the next larger axis. */
bool plan_is_apart(ir_module *m, const ir_type *type, const plan_view *a, const plan_view *b)
{
    const ir_sx *between = sx_sub(&m->sx, a->offset, b->offset);
    int axis[IR_MAX_RANK], n = nested_axes(type, a, axis);
    if (n < 0 || !sx_is_const(between) || !plan_steps_alike(type, a, b)) return false;
    int64_t distance = sx_value(between) < 0 ? -sx_value(between) : sx_value(between), span = 0;
    if (distance == 0) return false;
    for (int i = 0; i <= n; i++) {
        int64_t next = i < n ? sx_value(a->stride[axis[i]]) : INT64_MAX;
        if (distance > span && distance < next - span) return true;
        if (i < n) span += next * (sx_value(type->dim[axis[i]]) - 1);
    }
    return false;
}

bool plan_is_channels_last(const ir_type *type, const plan_view *v)
{
    int64_t below = INT64_MAX; /* from image to image, row to row, place to place: smaller steps, around all channels */
    bool spatial = false;      /* without it there is one order only */
    for (int i = 0; i < type->rank; i++) {
        if (i == 1 || sx_is(type->dim[i], 1)) continue;
        if (sx_max(v->stride[i]) > below) return false;
        below = sx_max(v->stride[i]);
        spatial |= i > 1;
    }
    return spatial && !sx_is(type->dim[1], 1) && sx_is(v->stride[1], 1) && below >= sx_max(type->dim[1]);
}

/* ---- renaming ------------------------------------------------------------------------------ */

static plan_view *copy_view(ir_module *m, const plan_view *from)
{
    plan_view *v = ARENA_NEW(m->arena, plan_view);
    *v = *from;
    return v;
}

/* Splits both shapes into the smallest groups of equal size. */
plan_view *plan_regrouped(ir_module *m, const ir_type *from, const plan_view *x, const ir_type *to)
{
    sx_table *t = &m->sx;
    plan_view *v = copy_view(m, x);
    for (int i = 0, j = 0; i < from->rank || j < to->rank;) {
        int i0 = i, j0 = j;
        const ir_sx *a = i < from->rank ? from->dim[i++] : sx_int(t, 1), *b = j < to->rank ? to->dim[j++] : sx_int(t, 1);
        while (a != b) {
            bool grow_a = j == to->rank || (i < from->rank && sx_max(a) < sx_max(b));
            if (grow_a && i < from->rank) a = sx_mul(t, a, from->dim[i++]);
            else if (j < to->rank) b = sx_mul(t, b, to->dim[j++]);
            else return NULL;
        }
        while (i < from->rank && sx_is(from->dim[i], 1)) i++;
        const ir_sx *stride = NULL; /* of the innermost axis that has more than one element */
        for (int n = i - 1; n >= i0; n--) {
            if (sx_is(from->dim[n], 1)) continue;
            if (!stride) {
                stride = x->stride[n];
                a = sx_mul(t, stride, from->dim[n]);
            } else {
                if (x->stride[n] != a) return NULL;
                a = sx_mul(t, a, from->dim[n]);
            }
        }
        if (!stride) stride = sx_int(t, 1);
        while (j < to->rank && sx_is(to->dim[j], 1) && i == from->rank) j++;
        for (int n = j - 1; n >= j0; n--) {
            v->stride[n] = stride;
            stride = sx_mul(t, stride, to->dim[n]);
        }
    }
    return v;
}

/* The run checks that the numbers of elements are equal where the extents do not show it: then what has
 * no gaps needs no copy either. */
static plan_view *reshaped(plan_graph *p, const ir_inst *inst, const plan_view *x)
{
    const ir_type *from = inst->in[0]->type, *to = inst->out[0]->type;
    plan_view *v = plan_regrouped(p->plan->m, from, x, to);
    if (v || !plan_is_contiguous(p->plan->m, from, x)) return v;
    v = plan_new_view(p, x->buffer, to);
    v->offset = x->offset;
    return v;
}

static plan_view *sliced(ir_module *m, const ir_inst *inst, const plan_view *x)
{
    sx_table *t = &m->sx;
    slice_axis axis[IR_MAX_RANK];
    slice_axes(m, inst, axis);
    plan_view *v = copy_view(m, x);
    for (int i = 0; i < inst->in[0]->type->rank; i++) {
        v->offset = sx_add(t, v->offset, sx_mul(t, axis[i].start, x->stride[i]));
        v->stride[i] = sx_mul(t, x->stride[i], sx_int(t, axis[i].step));
    }
    return v;
}

static plan_view *permuted(ir_module *m, const ir_inst *inst, const plan_view *x)
{
    const ir_attr *perm = &inst->attr[ATTR_AT(transpose, perm)];
    int rank = inst->out[0]->type->rank;
    plan_view *v = copy_view(m, x);
    for (int i = 0; i < rank; i++) v->stride[i] = x->stride[perm->kind == IR_ATTR_NONE ? rank - 1 - i : sx_value(perm->sx[i])];
    return v;
}

static plan_view *expanded(ir_module *m, const ir_inst *inst, const plan_view *x)
{
    const ir_type *from = inst->in[0]->type, *to = inst->out[0]->type;
    plan_view *v = copy_view(m, x);
    for (int i = 0; i < to->rank; i++) {
        int n = i - (to->rank - from->rank);
        bool repeats = n < 0 || (sx_is(from->dim[n], 1) && !sx_is(to->dim[i], 1));
        v->stride[i] = repeats ? sx_int(&m->sx, 0) : x->stride[n];
    }
    return v;
}

static plan_view *split_off(ir_module *m, const ir_inst *inst, int n, const plan_view *x)
{
    int axis = (int)ir_int(inst, ATTR_AT(split, axis));
    if (axis < 0) axis += inst->in[0]->type->rank;
    plan_view *v = copy_view(m, x);
    for (int i = 0; i < n; i++) v->offset = sx_add(&m->sx, v->offset, sx_mul(&m->sx, inst->out[i]->type->dim[axis], x->stride[axis]));
    return v;
}

plan_view *plan_renamed(plan_graph *p, const ir_inst *inst, int n, const plan_view *x)
{
    ir_module *m = p->plan->m;
    switch (inst->op) {
    case IR_reshape:
    case IR_flatten:
    case IR_squeeze:
    case IR_unsqueeze: return reshaped(p, inst, x);
    case IR_transpose: return permuted(m, inst, x);
    case IR_slice: return sliced(m, inst, x);
    case IR_expand: return expanded(m, inst, x);
    case IR_split: return split_off(m, inst, n, x);
    default: return NULL;
    }
}

plan_view *plan_unrenamed(plan_graph *p, const ir_inst *inst, const plan_view *y)
{
    const ir_type *from = inst->in[0]->type, *to = inst->out[0]->type;
    if (op_get(inst->op)->flags & OPF_VIEW) return plan_regrouped(p->plan->m, to, y, from);
    if (inst->op != IR_transpose) return NULL;
    const ir_attr *perm = &inst->attr[ATTR_AT(transpose, perm)];
    plan_view *v = copy_view(p->plan->m, y);
    for (int i = 0; i < to->rank; i++) v->stride[perm->kind == IR_ATTR_NONE ? to->rank - 1 - i : sx_value(perm->sx[i])] = y->stride[i];
    return v;
}
