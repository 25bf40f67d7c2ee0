/* Slice, with starts, ends, axes and steps that may be known in the run only. */
#include <stdint.h>
#include "frontend/onnx/import.h"

typedef struct slicing {
    im_node *n;
    ir_value *x;
    int count;               /* of the axes that are cut */
    ir_value *start, *end, *axes, *step; /* i64 [count]; axes, step may be NULL */
} slicing;

static ir_value *as_vector(im_node *n, int i, const char *attr)
{
    const int64_t *values;
    int count = im_ints(n, attr, &values);
    if (count >= 0) return mk_int_vector(n->k, DT_i64, count, values); /* before operator set 10 */
    if (!im_has(n, i)) return NULL;
    if (im_length(n, i) < 0) return im_poison(n->o);
    const ir_sx *one = mk_sx(n->k, 1);
    ir_value *v = im_in(n, i);
    return mk_cast(n->k, v->type->rank ? v : mk_reshape(n->k, v, 1, &one), DT_i64);
}

static ir_value *number(slicing *s, int64_t x) { return mk_integer(s->n->k, DT_i64, x); }

static ir_value *least(mk *k, ir_value *a, ir_value *b) { return mk_end(k, mk_begin(k, IR_min, 2, (ir_value *[]){a, b}), 1); }
static ir_value *most(mk *k, ir_value *a, ir_value *b) { return mk_end(k, mk_begin(k, IR_max, 2, (ir_value *[]){a, b}), 1); }

/* Is start, end or step of every axis at hand as symbols whose clamping is certain? */
static const ir_sx *certain(slicing *s, ir_value *v, int i)
{
    const ir_sx *const *known = im_known(s->n->o, v);
    return known ? known[i] : NULL;
}

/* Steps and axes that are known, positions that are constants or lie inside: the row takes them. */
static bool by_row(slicing *s)
{
    im_node *n = s->n;
    const ir_sx *start[IR_MAX_RANK], *end[IR_MAX_RANK];
    int64_t axis[IR_MAX_RANK], step[IR_MAX_RANK];
    int rank = s->x->type->rank - n->in[0]->text;
    for (int i = 0; i < s->count; i++) {
        const ir_sx *a = s->axes ? certain(s, s->axes, i) : mk_sx(n->k, i), *st = s->step ? certain(s, s->step, i) : mk_sx(n->k, 1);
        start[i] = certain(s, s->start, i);
        end[i] = certain(s, s->end, i);
        if (!a || !st || !start[i] || !end[i] || !sx_is_const(a) || !sx_is_const(st)) return false;
        axis[i] = sx_value(a) < 0 ? sx_value(a) + rank : sx_value(a);
        step[i] = sx_value(st);
        if (axis[i] < 0 || axis[i] >= rank || step[i] == 0) return im_fail(n, E_AXIS, -1, axis[i] < 0 || axis[i] >= rank ? "there is no axis %lld" : "a step is %lld", (long long)(step[i] ? sx_value(a) : 0));
        const ir_sx *extent = s->x->type->dim[axis[i]];
        if (sx_is_const(extent) && sx_is_const(start[i]) && sx_is_const(end[i])) continue;
        if (step[i] != 1) return false;
        if (sx_is_const(end[i]) && sx_value(end[i]) >= sx_max(extent)) end[i] = extent;
        if (sx_is_const(end[i]) && sx_value(end[i]) < 0) end[i] = sx_add(&n->o->m->sx, extent, end[i]);
        if (sx_is_const(start[i]) && sx_value(start[i]) < 0) start[i] = sx_add(&n->o->m->sx, extent, start[i]);
        bool inside = sx_min(start[i]) >= 0 && sx_min(sx_sub(&n->o->m->sx, extent, end[i])) >= 0 && sx_min(sx_sub(&n->o->m->sx, end[i], start[i])) >= 0;
        if (!inside) return false;
    }
    ir_inst *inst = mk_begin(n->k, IR_slice, 1, &s->x);
    mk_sxs(n->k, inst, "starts", s->count, start);
    mk_sxs(n->k, inst, "ends", s->count, end);
    mk_ints(n->k, inst, "axes", s->count, axis);
    mk_ints(n->k, inst, "steps", s->count, step);
    im_row_end(n, inst);
    if (n->in[0]->text && n->out[0]) n->out[0]->text = true;
    return true;
}

/* What the list says of an axis; `otherwise` where the list does not name it. Scalars of the run. */
static ir_value *of_axis(slicing *s, ir_value *list, int axis, ir_value *otherwise)
{
    mk *k = s->n->k;
    int rank = s->x->type->rank - s->n->in[0]->text;
    ir_value *v = otherwise;
    if (!list) return otherwise;
    for (int i = 0; i < s->count; i++) {
        const ir_sx *at = mk_sx(k, i);
        const ir_sx *a = s->axes ? certain(s, s->axes, i) : at;
        if (a && sx_is_const(a)) {
            int64_t wanted = sx_value(a) < 0 ? sx_value(a) + rank : sx_value(a);
            if (wanted == axis) v = mk_pick(k, list, 0, at);
            continue;
        }
        ir_value *named = mk_pick(k, s->axes, 0, at);
        ir_value *here = mk_op2(k, IR_or, mk_op2(k, IR_equal, named, number(s, axis)), mk_op2(k, IR_equal, named, number(s, axis - rank)));
        v = mk_op3(k, IR_where, here, mk_pick(k, list, 0, at), v);
    }
    return v;
}

static bool may_cut(slicing *s, int axis)
{
    int rank = s->x->type->rank - s->n->in[0]->text;
    for (int i = 0; i < s->count; i++) {
        const ir_sx *a = s->axes ? certain(s, s->axes, i) : mk_sx(s->n->k, i);
        if (!a || !sx_is_const(a) || sx_value(a) == axis || sx_value(a) + rank == axis) return true;
    }
    return false;
}

/* x, with an extent of the axis of which it is certain that `size` fits in: only the run shows it. */
static ir_value *with_room(mk *k, ir_value *x, int axis, const ir_sx *size)
{
    sx_table *t = &k->m->sx;
    const ir_sx *dim[IR_MAX_RANK], *rest = sx_sub(t, x->type->dim[axis], size);
    if (sx_min(rest) >= 0) return x;
    for (int i = 0; i < x->type->rank; i++) dim[i] = x->type->dim[i];
    dim[axis] = sx_add(t, size, mk_require(k, rest, 0, sx_max(dim[axis])));
    return mk_reshape(k, x, x->type->rank, dim);
}

/* The standard's clamping, in tensors: positions from 0 to the extent, backwards from -1 to extent - 1. */
static ir_value *cut(slicing *s, ir_value *x, int axis)
{
    im_node *n = s->n;
    mk *k = n->k;
    const ir_sx *extent = x->type->dim[axis];
    ir_value *d = mk_index_tensor(k, extent, DT_i64), *zero = number(s, 0), *one = number(s, 1);
    ir_value *step = of_axis(s, s->step, axis, one), *backwards = mk_op2(k, IR_less, step, zero);
    ir_value *low = mk_op3(k, IR_where, backwards, number(s, -1), zero), *high = mk_op3(k, IR_where, backwards, mk_op2(k, IR_sub, d, one), d);
    ir_value *start = of_axis(s, s->start, axis, mk_op3(k, IR_where, backwards, high, zero)), *end = of_axis(s, s->end, axis, number(s, INT64_MAX));
    start = mk_op3(k, IR_where, mk_op2(k, IR_less, start, zero), mk_op2(k, IR_add, start, d), start);
    end = mk_op3(k, IR_where, mk_op2(k, IR_less, end, zero), most(k, mk_op2(k, IR_add, end, d), number(s, -1)), end);
    start = least(k, most(k, start, mk_op3(k, IR_where, backwards, zero, low)), high);
    end = least(k, most(k, end, low), high);
    /* how many: ceil((end - start) / step), not below 0 */
    ir_value *sign = mk_op3(k, IR_where, backwards, number(s, -1), one);
    ir_value *count = mk_op2(k, IR_div, mk_op2(k, IR_sub, mk_op2(k, IR_add, mk_op2(k, IR_sub, end, start), step), sign), step);
    count = most(k, count, zero);
    const ir_sx *size = im_result_size(n, 0, axis, count, 0, sx_max(extent));
    const ir_sx *const *known_step = im_known(n->o, step);
    if (known_step && known_step[0] && sx_is(known_step[0], 1)) {
        const ir_sx *begin = im_element(n->o, start, 0, 0, sx_max(extent));
        return mk_slice(k, with_room(k, x, axis, size), axis, begin, sx_add(&n->o->m->sx, begin, size));
    }
    ir_value *indices = mk_op2(k, IR_add, start, mk_op2(k, IR_mul, im_count(k, size, DT_i64), step));
    return mk_gather(k, x, indices, axis);
}

bool im_slice(im_node *n)
{
    slicing s = {.n = n, .x = im_need(n, 0)};
    if (ir_is_poison(s.x)) return false;
    s.start = as_vector(n, 1, "starts");
    s.end = as_vector(n, 2, "ends");
    s.axes = as_vector(n, 3, "axes");
    s.step = as_vector(n, 4, "steps");
    ir_value *list[] = {s.start, s.end, s.axes, s.step};
    if (!s.start || !s.end) return im_fail(n, E_OPERAND_MISSING, -1, "starts and ends are wanted");
    for (int i = 0; i < 4; i++) {
        if (list[i] && ir_is_poison(list[i])) return false;
        if (list[i] && list[i]->type->dim[0] != s.start->type->dim[0]) return im_fail(n, E_SHAPE, i + 1, "starts, ends, axes and steps differ in length");
    }
    s.count = (int)sx_value(s.start->type->dim[0]);
    int errors = n->o->s->diags.errors;
    if (s.count > s.x->type->rank - n->in[0]->text) return im_fail(n, E_RANK, 1, "more axes than the operand has");
    if (by_row(&s) || n->o->s->diags.errors > errors) return true;
    ir_value *x = s.x;
    for (int i = 0; i < s.x->type->rank - n->in[0]->text && !ir_is_poison(x); i++)
        if (may_cut(&s, i)) x = cut(&s, x, i);
    return n->in[0]->text ? im_out_text(n, 0, x) : im_out(n, 0, x);
}
