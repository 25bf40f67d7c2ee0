/* Sizes and positions: what Reshape, Slice, Expand and their like are given as tensors of integers. Most
 * are known as symbolic integers; the others are read on the host while the graph runs, within bounds. */
#include <stdint.h>
#include <string.h>
#include "frontend/onnx/import.h"

static void type_range(nfc_dtype t, int64_t *lo, int64_t *hi)
{
    int bits = dtype_table[t].bits;
    bool is_signed = dtype_is_signed(t);
    *lo = !is_signed ? 0 : bits >= 64 ? INT64_MIN : -(INT64_C(1) << (bits - 1));
    *hi = bits >= 64 ? INT64_MAX : (INT64_C(1) << (bits - is_signed)) - 1;
}

static ir_value *scalar_at(importer *o, ir_value *v, int64_t at)
{
    const ir_sx *n = ir_elements(o->m, v->type);
    v = mk_reshape(&o->k, v, 1, &n);
    v = mk_slice(&o->k, v, 0, mk_sx(&o->k, at), mk_sx(&o->k, at + 1));
    return mk_reshape(&o->k, v, 0, NULL);
}

const ir_sx *im_element(importer *o, ir_value *v, int64_t at, int64_t lo, int64_t hi)
{
    if (ir_is_poison(v)) return mk_sx(&o->k, lo);
    const ir_sx *const *known = im_known(o, v);
    const ir_sx *x = known ? known[at] : NULL;
    if (!x) {
        if (!dtype_is_int(v->type->dtype)) v = mk_cast(&o->k, v, DT_i64);
        int64_t least, most;
        type_range(v->type->dtype, &least, &most);
        x = mk_index_read(&o->k, scalar_at(o, v, at), least, most);
    }
    if (im_never_in(o, v, at, x, lo, hi)) return mk_sx(&o->k, lo);
    x = mk_require(&o->k, x, lo, hi);
    return lo == hi ? mk_sx(&o->k, lo) : x;
}

/* What -D says of axis `axis` of result `i`: "y.0" */
static const lower_binding *result_binding(im_node *n, int i, int axis)
{
    return im_wants(n, i) ? im_binding(n->o, session_printf(n->o->s, "%s.%d", n->proto->output[i], axis)) : NULL;
}

const ir_sx *im_result_size(im_node *n, int i, int axis, ir_value *sizes, int64_t at, int64_t most)
{
    importer *o = n->o;
    const ir_sx *const *known = ir_is_poison(sizes) ? NULL : im_known(o, sizes);
    const int64_t limit = most >= 0 ? most : IR_MAX_BOUND;
    if (known && known[at] && sx_max(known[at]) <= limit && sx_min(known[at]) >= 0) return known[at];
    if (known && known[at] && im_never_in(o, sizes, at, known[at], 0, limit)) return mk_sx(n->k, 0);
    const ir_sx *dim[IR_MAX_RANK];
    int rank = im_declared(n, i, dim);
    if (axis < rank && dim[axis] && sx_is_const(dim[axis])) return im_element(o, sizes, at, sx_value(dim[axis]), sx_value(dim[axis]));
    const lower_binding *b = result_binding(n, i, axis);
    if (b) return im_element(o, sizes, at, b->bounded ? 0 : b->value, b->value);
    if (most >= 0) return im_element(o, sizes, at, 0, most);
    if (known && known[at] && sx_max(known[at]) <= IR_MAX_BOUND) return im_element(o, sizes, at, 0, sx_max(known[at])); /* the run has to show that it is not negative */
    if (ir_is_poison(sizes)) return mk_sx(n->k, 1);
    const char *name = im_wants(n, i) ? n->proto->output[i] : n->op;
    nfc_diag *d = diag_error(&o->s->diags, E_ONNX_BOUND, n->at, "%s: axis %d of '%s' has an extent that only the run knows, and no bound", n->op, axis, name);
    diag_help(d, "-D '%s.%d<=64' gives it one", name, axis);
    return mk_sx(n->k, 1);
}

const ir_sx *im_same_size(im_node *n, int i, int axis, const ir_sx *size)
{
    const ir_sx *dim[IR_MAX_RANK];
    int rank = im_declared(n, i, dim);
    const lower_binding *b = result_binding(n, i, axis);
    if (b) size = im_require(n->o, size, b->bounded ? 0 : b->value, b->value, "a result has another extent than -D says");
    if (axis < rank && dim[axis] && sx_is_const(dim[axis])) size = im_require(n->o, size, sx_value(dim[axis]), sx_value(dim[axis]), "a result has another extent than the model declares");
    return size;
}

/* The size of a vector of sizes; -1 after a report. */
int im_length(im_node *n, int i)
{
    const ir_value *v = im_need(n, i);
    if (ir_is_poison(v)) return -1;
    if (v->type->rank > 1 || !(dtype_is_int(v->type->dtype))) {
        im_fail(n, E_OPERAND_TYPE, i, "'%s' is %s; a vector of integers is wanted", n->in[i]->name, ir_type_text(n->o->s->arena, v->type));
        return -1;
    }
    if (v->type->rank == 0) return 1;
    if (!sx_is_const(v->type->dim[0]) || sx_value(v->type->dim[0]) > 2 * IR_MAX_RANK) {
        im_fail(n, E_RANK, i, "'%s' has the extent %s, which must be known at compile time and at most %d", n->in[i]->name, sx_text(n->o->s->arena, v->type->dim[0]), 2 * IR_MAX_RANK);
        return -1;
    }
    return (int)sx_value(v->type->dim[0]);
}

/* Axes, of an operand or attribute, counted from 0: a mask; false after a report. *given: they are there. */
bool im_axes(im_node *n, int in, const char *attr, int rank, uint32_t *mask, int *order, int *count)
{
    const int64_t *axis = NULL;
    int k = im_has(n, in) ? im_const_ints(n, in, &axis) : im_ints(n, attr, &axis);
    *mask = 0;
    *count = k;
    if (k < 0) return !im_has(n, in);
    for (int i = 0; i < k; i++) {
        int64_t a = axis[i] < 0 ? axis[i] + rank : axis[i];
        if (a < 0 || a >= rank) return im_fail(n, E_AXIS, im_has(n, in) ? in : -1, "there is no axis %lld in rank %d", (long long)axis[i], rank);
        if (*mask >> a & 1) return im_fail(n, E_AXIS, im_has(n, in) ? in : -1, "axis %lld is named twice", (long long)axis[i]);
        *mask |= 1u << a;
        if (order) order[i] = (int)a;
    }
    return true;
}
