/* Shapes and what makes them: Constant, Shape, Reshape, Expand, Squeeze, ConstantOfShape, Range. */
#include <math.h>
#include <string.h>
#include "frontend/onnx/import.h"

/* ---- constants ------------------------------------------------------------------------------ */

static bool numbers(im_node *n, nfc_dtype dtype, int count, bool scalar, const float *f, const int64_t *i)
{
    void *data = arena_alloc(n->o->s->arena, (size_t)(count ? count : 1) * 8);
    for (int k = 0; k < count; k++) {
        if (f) dtype_set(dtype, data, (size_t)k, (double)f[k]);
        else dtype_set_int(dtype, data, (size_t)k, i[k]);
    }
    const ir_sx *extent = mk_sx(n->k, count);
    return im_out(n, 0, mk_const(n->k, ir_tensor(n->o->m, dtype, scalar ? 0 : 1, &extent), data));
}

ir_value *im_strings(im_node *n, const onnx_attribute *a, bool scalar)
{
    NfcOnnx__TensorProto *t = ARENA_NEW(n->o->s->arena, NfcOnnx__TensorProto);
    nfc_onnx__tensor_proto__init(t);
    int64_t *dim = ARENA_ARRAY(n->o->s->arena, int64_t, 1);
    onnx_bytes *one = ARENA_ARRAY(n->o->s->arena, onnx_bytes, 1);
    *dim = (int64_t)a->n_strings;
    *one = a->s;
    t->has_data_type = true;
    t->data_type = NFC_ONNX__TENSOR_PROTO__DATA_TYPE__STRING;
    t->n_dims = !scalar;
    t->dims = dim;
    t->n_string_data = scalar ? 1 : a->n_strings;
    t->string_data = scalar ? one : a->strings;
    return im_constant(n->o, t, n->at);
}

/* The one value that a Constant has, and what it is called; NULL after a report. */
static const onnx_attribute *value_of(im_node *n, const char **name)
{
    static const char *const names[] = {"value", "sparse_value", "value_float", "value_floats", "value_int", "value_ints", "value_string", "value_strings"};
    const onnx_attribute *value = NULL;
    int count = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const onnx_attribute *a = im_attr(n, names[i]);
        if (!a) continue;
        value = a;
        *name = names[i];
        count++;
    }
    if (count == 0) im_fail(n, E_ATTR_MISSING, -1, "it has no value");
    if (count > 1) im_fail(n, E_ATTR_VALUE, -1, "it has %d values; one is wanted", count);
    return count == 1 ? value : NULL;
}

bool im_constant_node(im_node *n)
{
    const char *name = "";
    const onnx_attribute *a = value_of(n, &name);
    if (!a) return false;
    if (a->t) {
        ir_value *v = im_constant(n->o, a->t, n->at);
        return a->t->data_type == NFC_ONNX__TENSOR_PROTO__DATA_TYPE__STRING ? im_out_text(n, 0, v) : im_out(n, 0, v);
    }
    if (a->sparse_tensor) return im_out(n, 0, im_sparse(n->o, a->sparse_tensor, n->at));
    if (strcmp(name, "value_float") == 0) return numbers(n, DT_f32, 1, true, &a->f, NULL);
    if (strcmp(name, "value_int") == 0) return numbers(n, DT_i64, 1, true, NULL, &a->i);
    if (strcmp(name, "value_floats") == 0) return numbers(n, DT_f32, (int)a->n_floats, false, a->floats, NULL);
    if (strcmp(name, "value_ints") == 0) return numbers(n, DT_i64, (int)a->n_ints, false, NULL, a->ints);
    if (strcmp(name, "value_string") == 0) return im_out_text(n, 0, im_strings(n, a, true));
    if (strcmp(name, "value_strings") == 0) return im_out_text(n, 0, im_strings(n, a, false));
    return im_fail(n, E_ATTR_MISSING, -1, "it has no value");
}

bool im_constant_of_shape(im_node *n)
{
    const ir_sx *dim[2 * IR_MAX_RANK];
    int rank = im_length(n, 0);
    if (rank < 0) return false;
    if (rank > IR_MAX_RANK) return im_fail(n, E_RANK, 0, "the result would have %d axes; there are at most %d", rank, IR_MAX_RANK);
    for (int i = 0; i < rank; i++) dim[i] = im_result_size(n, 0, i, im_in(n, 0), i, -1);
    ir_value *one = im_tensor_attr(n, "value");
    if (!one) one = mk_number(n->k, DT_f32, 0);
    if (!ir_is_poison(one) && ir_max_elements(one->type) != 1) return im_fail(n, E_SHAPE, -1, "value has %lld elements; one is wanted", (long long)ir_max_elements(one->type));
    return im_out(n, 0, mk_expand(n->k, mk_reshape(n->k, one, 0, NULL), rank, dim));
}

/* ---- shapes --------------------------------------------------------------------------------- */

static int64_t clamp(int64_t x, int64_t lo, int64_t hi) { return x < lo ? lo : x > hi ? hi : x; }

bool im_shape(im_node *n)
{
    const ir_value *x = im_need(n, 0);
    if (ir_is_poison(x)) return false;
    int rank = x->type->rank - n->in[0]->text;
    int64_t start = im_int(n, "start", 0), end = im_int(n, "end", rank);
    start = clamp(start < 0 ? start + rank : start, 0, rank);
    end = clamp(end < 0 ? end + rank : end, start, rank);
    return im_out(n, 0, mk_index_vector(n->k, (int)(end - start), x->type->dim + start, DT_i64));
}

bool im_size(im_node *n)
{
    const ir_value *x = im_need(n, 0);
    if (ir_is_poison(x)) return false;
    const ir_sx *size = mk_sx(n->k, 1);
    for (int i = 0; i < x->type->rank - n->in[0]->text; i++) size = sx_mul(&n->o->m->sx, size, x->type->dim[i]);
    return im_out(n, 0, mk_index_tensor(n->k, size, DT_i64));
}

/* The result as the operand is: with the axis of its strings kept, when it has strings. */
static bool out_like(im_node *n, ir_value *v) { return n->in[0]->text ? im_out_text(n, 0, v) : im_out(n, 0, v); }

bool im_like_operand(im_node *n)
{
    im_value *copy = ARENA_NEW(n->o->s->arena, im_value);
    if (!im_has(n, 0)) return im_fail(n, E_OPERAND_MISSING, -1, "its operand is missing");
    *copy = *n->in[0];
    return im_out_value(n, 0, copy);
}

/* The sizes of a Reshape, as i64: 0 replaced by the operand's extent, -1 by what remains. */
static ir_value *resolve_sizes(im_node *n, ir_value *x, ir_value *sizes, int rank, bool allow_zero)
{
    mk *k = n->k;
    importer *o = n->o;
    ir_value *minus = mk_integer(k, DT_i64, -1), *one = mk_integer(k, DT_i64, 1);
    if (!allow_zero) {
        const ir_sx *own[2 * IR_MAX_RANK];
        for (int i = 0; i < rank; i++) own[i] = i < x->type->rank ? x->type->dim[i] : mk_sx(k, 0);
        ir_value *zero = mk_op2(k, IR_equal, sizes, mk_integer(k, DT_i64, 0));
        sizes = mk_op3(k, IR_where, zero, mk_index_vector(k, rank, own, DT_i64), sizes);
    }
    const ir_sx *const *known = im_known(o, sizes);
    bool open = !known;
    for (int i = 0; known && i < rank; i++) open |= !known[i] || sx_min(known[i]) < 0;
    if (!open) return sizes;
    ir_value *is_rest = mk_op2(k, IR_equal, sizes, minus);
    ir_value *others = mk_reduce(k, IR_reduce_prod, mk_op3(k, IR_where, is_rest, one, sizes), 1, false);
    ir_value *total = mk_index_tensor(k, ir_elements(o->m, x->type), DT_i64);
    ir_value *rest = mk_op2(k, IR_div, total, mk_end(k, mk_begin(k, IR_max, 2, (ir_value *[]){others, one}), 1));
    return mk_op3(k, IR_where, is_rest, rest, sizes);
}

/* Known sizes: at most one -1. What remains may not divide as it is written: then the row's -1 says it. */
static bool known_reshape(im_node *n, ir_value *x, const ir_sx *const *size, int rank, bool allow_zero)
{
    const ir_sx *dim[IR_MAX_RANK];
    for (int i = 0; i < rank; i++) {
        if (!size[i]) return false;
        dim[i] = size[i];
        if (sx_is(size[i], 0) && !allow_zero && i < x->type->rank) dim[i] = x->type->dim[i];
        if (sx_min(size[i]) < 0 && !sx_is(size[i], -1)) return false;
    }
    ir_inst *inst = mk_begin(n->k, IR_reshape, 1, &x);
    mk_sxs(n->k, inst, "shape", rank, dim);
    mk_int(inst, "allowzero", 1);
    return im_row_end(n, inst);
}

bool im_reshape(im_node *n)
{
    ir_value *x = im_need(n, 0), *sizes;
    const int64_t *attr;
    int rank = im_ints(n, "shape", &attr); /* before operator set 5 */
    if (ir_is_poison(x)) return false;
    if (rank >= 0) sizes = mk_int_vector(n->k, DT_i64, rank, attr);
    else {
        if (!im_has(n, 1)) return im_fail(n, E_OPERAND_MISSING, -1, "the operand 'shape' is missing");
        if ((rank = im_length(n, 1)) < 0) return false;
        sizes = mk_cast(n->k, im_in(n, 1), DT_i64);
    }
    bool allow_zero = im_int(n, "allowzero", 0), text = n->in[0]->text;
    if (rank + text > IR_MAX_RANK) return im_fail(n, E_RANK, 1, "the result would have %d axes; there are at most %d", rank, IR_MAX_RANK - text);
    const ir_sx *const *known = im_known(n->o, sizes);
    for (int i = 0; known && i < rank; i++)
        if (known[i] && im_never_in(n->o, sizes, i, known[i], -1, IR_MAX_BOUND)) return false;
    if (!text && known && known_reshape(n, x, known, rank, allow_zero)) return true;
    const ir_sx *dim[IR_MAX_RANK];
    ir_type own = *x->type;
    own.rank -= text;
    ir_value shown = *x;
    shown.type = &own;
    sizes = resolve_sizes(n, &shown, sizes, rank, allow_zero);
    for (int i = 0; i < rank; i++) dim[i] = im_result_size(n, 0, i, sizes, i, -1);
    if (text) dim[rank] = x->type->dim[own.rank];
    return out_like(n, mk_reshape(n->k, x, rank + text, dim));
}

bool im_flatten(im_node *n)
{
    ir_value *x = im_need(n, 0);
    if (ir_is_poison(x)) return false;
    if (!n->in[0]->text) return im_row(n, IR_flatten, NULL);
    int rank = x->type->rank - 1;
    int64_t axis = im_int(n, "axis", 1);
    axis = axis < 0 ? axis + rank : axis;
    if (axis < 0 || axis > rank) return im_fail(n, E_AXIS, -1, "there is no axis %lld", (long long)axis);
    const ir_sx *dim[3] = {mk_sx(n->k, 1), mk_sx(n->k, 1), x->type->dim[rank]};
    for (int i = 0; i < rank; i++) dim[i >= axis] = sx_mul(&n->o->m->sx, dim[i >= axis], x->type->dim[i]);
    return im_out_text(n, 0, mk_reshape(n->k, x, 3, dim));
}

/* Axes at run time: the declared result says which extents remain; the run checks that they are right. */
static bool to_declared(im_node *n, const char *what)
{
    const ir_sx *dim[IR_MAX_RANK];
    int rank = im_declared(n, 0, dim);
    for (int i = 0; i < rank; i++)
        if (!dim[i]) rank = -1;
    if (rank < 0) return im_fail(n, E_NOT_STATIC, 1, "%s must be known at compile time, or the model must declare the result's shape", what);
    return im_out(n, 0, mk_reshape(n->k, im_in(n, 0), rank, dim));
}

bool im_squeeze(im_node *n)
{
    ir_value *x = im_need(n, 0);
    uint32_t mask;
    int count;
    if (ir_is_poison(x)) return false;
    int rank = x->type->rank - n->in[0]->text;
    if (im_has(n, 1) && !im_const_in(n, 1, true)) return to_declared(n, "the axes");
    if (!im_axes(n, 1, "axes", rank, &mask, NULL, &count)) return false;
    const ir_sx *dim[IR_MAX_RANK];
    int k = 0;
    for (int i = 0; i < x->type->rank; i++) {
        bool goes = i < rank && (count < 0 ? sx_is(x->type->dim[i], 1) : mask >> i & 1);
        if (goes && sx_is_const(x->type->dim[i]) && !sx_is(x->type->dim[i], 1)) return im_fail(n, E_SHAPE, 0, "axis %d has extent %lld and cannot go", i, (long long)sx_value(x->type->dim[i]));
        if (!goes) dim[k++] = x->type->dim[i];
    }
    return out_like(n, mk_reshape(n->k, x, k, dim));
}

bool im_unsqueeze(im_node *n)
{
    ir_value *x = im_need(n, 0);
    uint32_t mask;
    int count;
    if (ir_is_poison(x)) return false;
    if (im_has(n, 1) && !im_const_in(n, 1, true)) return to_declared(n, "the axes");
    const int64_t *axis;
    count = im_has(n, 1) ? im_const_ints(n, 1, &axis) : im_ints(n, "axes", &axis);
    if (count < 0) return im_fail(n, E_OPERAND_MISSING, -1, "the axes are missing");
    int rank = x->type->rank + count, from = 0;
    if (rank > IR_MAX_RANK) return im_fail(n, E_RANK, -1, "the result would have %d axes; there are at most %d", rank, IR_MAX_RANK);
    if (!im_axes(n, 1, "axes", rank - n->in[0]->text, &mask, NULL, &count)) return false;
    const ir_sx *dim[IR_MAX_RANK];
    for (int i = 0; i < rank; i++) dim[i] = mask >> i & 1 ? mk_sx(n->k, 1) : x->type->dim[from++];
    return out_like(n, mk_reshape(n->k, x, rank, dim));
}

bool im_expand(im_node *n)
{
    ir_value *x = im_need(n, 0), *sizes = im_need(n, 1);
    if (ir_is_poison(x) || ir_is_poison(sizes)) return false;
    int count = im_length(n, 1), text = n->in[0]->text;
    if (count < 0) return false;
    sizes = mk_cast(n->k, sizes, DT_i64);
    int own = x->type->rank - text, rank = count > own ? count : own;
    if (rank + text > IR_MAX_RANK) return im_fail(n, E_RANK, 1, "the result would have %d axes", rank);
    const ir_sx *dim[IR_MAX_RANK], *one = mk_sx(n->k, 1);
    for (int i = 0; i < rank; i++) {
        const ir_sx *from = i >= rank - own ? x->type->dim[i - (rank - own)] : one;
        int at = i - (rank - count);
        const ir_sx *const *known = im_known(n->o, sizes);
        if (at < 0 || (known && known[at] && (sx_is(known[at], 1) || known[at] == from))) dim[i] = from;
        else if (!sx_is(from, 1) && sx_is_const(from)) dim[i] = from; /* the size is 1 or the same: the row says if not */
        else dim[i] = im_result_size(n, 0, i, sizes, at, -1);
        if (at >= 0 && known && known[at] && sx_is_const(known[at]) && sx_is_const(from) && !sx_is(from, 1) && !sx_is(known[at], 1) && known[at] != from)
            return im_fail(n, E_SHAPE, 1, "extent %lld of axis %d cannot become %lld", (long long)sx_value(from), i, (long long)sx_value(known[at]));
    }
    if (text) dim[rank] = x->type->dim[own];
    return out_like(n, mk_expand(n->k, x, rank + text, dim));
}

/* 0, 1, ... count - 1 */
ir_value *im_count(mk *k, const ir_sx *count, nfc_dtype dtype)
{
    ir_inst *inst = mk_begin(k, IR_range, 0, NULL);
    mk_sxs(k, inst, "limit", 1, &count);
    mk_dtype(inst, "dtype", dtype);
    return mk_end(k, inst, 1);
}

/* ---- Range ---------------------------------------------------------------------------------- */

/* How many steps lead from start to limit, in 64 bits whatever they are; -1 when that is no number of elements. */
static int64_t integer_count(const int64_t x[3])
{
    bool up = x[2] > 0;
    if (up ? x[1] <= x[0] : x[1] >= x[0]) return 0;
    uint64_t way = up ? (uint64_t)x[1] - (uint64_t)x[0] : (uint64_t)x[0] - (uint64_t)x[1], step = up ? (uint64_t)x[2] : 0 - (uint64_t)x[2];
    uint64_t count = way / step + (way % step != 0);
    return count <= IR_MAX_BOUND ? (int64_t)count : -1;
}

static int64_t float_count(const double x[3])
{
    double count = ceil((x[1] - x[0]) / x[2]);
    return count < 0 ? 0 : count <= IR_MAX_BOUND ? (int64_t)count : -1; /* not so of a NaN */
}

/* The number of elements of constants, which has to be one; false after a report. *count: NULL when they are
 * not known. */
static bool constant_count(im_node *n, ir_value *const *x, const ir_sx **count)
{
    nfc_dtype t = x[0]->type->dtype;
    int64_t whole[3];
    double number[3];
    bool known = true;
    *count = NULL;
    for (int i = 0; i < 3; i++) {
        const void *data = im_const_data(n->o, x[i]);
        known &= data != NULL && x[i]->type->dtype == t;
        number[i] = data ? dtype_get(x[i]->type->dtype, data, 0) : 1;
        whole[i] = data && dtype_is_int(t) ? dtype_get_int(t, data, 0) : 1;
    }
    if (number[2] == 0) return im_fail(n, E_ONNX_VALUE, 2, "'%s' is 0, and steps of 0 lead nowhere", n->in[2]->name);
    if (!known) return true;
    int64_t elements = dtype_is_int(t) ? integer_count(whole) : float_count(number);
    if (elements < 0) return im_fail(n, E_ONNX_VALUE, -1, "from %g to %g by %g is no number of elements, or one over %d", number[0], number[1], number[2], IR_MAX_BOUND);
    *count = mk_sx(n->k, elements);
    return true;
}

/* The number of elements as symbols, or worked out in the run. */
static const ir_sx *range_count(im_node *n, ir_value *const *x)
{
    mk *k = n->k;
    importer *o = n->o;
    const ir_sx *const *start = im_known(o, x[0]), *const *limit = im_known(o, x[1]), *const *delta = im_known(o, x[2]);
    if (start && limit && delta && start[0] && limit[0] && delta[0] && sx_is(delta[0], 1)) {
        const ir_sx *count = sx_sub(&o->m->sx, limit[0], start[0]);
        if (sx_min(count) >= 0 && sx_max(count) <= IR_MAX_BOUND && !o->m->sx.overflow) return count;
        o->m->sx.overflow = false;
    }
    nfc_dtype t = x[0]->type->dtype;
    ir_value *length = mk_op2(k, IR_sub, x[1], x[0]), *count;
    if (dtype_is_float(t)) count = mk_cast(k, mk_op1(k, IR_ceil, mk_op2(k, IR_div, length, x[2])), DT_i64);
    else { /* ceil of a quotient that truncates: one more where a rest of the same sign remains */
        ir_value *rest = mk_op2(k, IR_sub, length, mk_op2(k, IR_mul, mk_op2(k, IR_div, length, x[2]), x[2])), *zero = mk_integer(k, t, 0);
        ir_value *up = mk_op2(k, IR_and, mk_op1(k, IR_not, mk_op2(k, IR_equal, rest, zero)), mk_op2(k, IR_equal, mk_op2(k, IR_less, length, zero), mk_op2(k, IR_less, x[2], zero)));
        count = mk_op2(k, IR_add, mk_cast(k, mk_op2(k, IR_div, length, x[2]), DT_i64), mk_cast(k, up, DT_i64));
    }
    count = mk_end(k, mk_begin(k, IR_max, 2, (ir_value *[]){count, mk_integer(k, DT_i64, 0)}), 1);
    return im_result_size(n, 0, 0, count, 0, -1);
}

bool im_range(im_node *n)
{
    ir_value *x[3];
    if (n->nin != 3) return im_fail(n, E_OPERAND_MISSING, -1, "start, limit and delta are wanted");
    for (int i = 0; i < 3; i++) {
        x[i] = im_need(n, i);
        if (ir_is_poison(x[i])) return false;
        if (ir_max_elements(x[i]->type) != 1) return im_fail(n, E_SHAPE, i, "'%s' is no scalar", n->in[i]->name);
        x[i] = mk_reshape(n->k, x[i], 0, NULL);
    }
    const ir_sx *count;
    if (!constant_count(n, x, &count)) return false;
    if (!count) count = range_count(n, x);
    return im_out(n, 0, mk_op2(n->k, IR_add, x[0], mk_op2(n->k, IR_mul, im_count(n->k, count, x[0]->type->dtype), x[2])));
}
