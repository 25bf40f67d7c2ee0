#include "frontend/onnx/ml.h"

#include <string.h>

/* ---- operands and attributes ------------------------------------------------------------------ */

bool ml_is_text(const im_node *n, int i) { return im_has(n, i) && n->in[i]->text; }

ir_value *ml_features(im_node *n)
{
    ir_value *x = im_need(n, 0);
    if (!x || ir_is_poison(x)) return NULL;
    int rank = x->type->rank;
    if (ml_is_text(n, 0) || rank < 1 || rank > 2) {
        im_fail(n, E_RANK, 0, "the operand must be numbers, [N, C] or [C]");
        return NULL;
    }
    if (rank == 1) x = mk_unsqueeze(n->k, x, 0);
    return mk_cast(n->k, x, x->type->dtype == DT_f64 ? DT_f64 : DT_f32);
}

int64_t ml_floats(im_node *n, const char *name, const double **values)
{
    const float *floats = NULL;
    int count = im_floats(n, name, &floats);
    const onnx_attribute *as_tensor = im_attr(n, session_printf(n->o->s, "%s_as_tensor", name));
    if (count <= 0 && as_tensor && as_tensor->t) {
        onnx_array a;
        if (!onnx_tensor_data(n->o->file, as_tensor->t, &a) || a.dtype == DT_string) return -1;
        double *copy = ARENA_ARRAY(n->o->s->arena, double, a.elements + 1);
        for (int64_t i = 0; i < a.elements; i++) copy[i] = dtype_get(a.dtype, a.data, (size_t)i);
        *values = copy;
        return a.elements;
    }
    if (count <= 0) return -1;
    double *copy = ARENA_ARRAY(n->o->s->arena, double, count);
    for (int i = 0; i < count; i++) copy[i] = (double)floats[i];
    *values = copy;
    return count;
}

static ir_value *constant(im_node *n, nfc_dtype dtype, int rank, int64_t rows, int64_t columns, const double *v)
{
    int64_t count = rows * columns;
    void *data = arena_array(n->o->s->arena, (size_t)count + 1, dtype_bytes(dtype));
    for (int64_t i = 0; i < count; i++) dtype_set(dtype, data, (size_t)i, v[i]);
    const ir_sx *dim[2] = {mk_sx(n->k, rank == 1 ? columns : rows), mk_sx(n->k, columns)};
    return mk_const(n->k, ir_tensor(n->o->m, dtype, rank, dim), data);
}

ir_value *ml_matrix(im_node *n, nfc_dtype dtype, int64_t rows, int64_t columns, const double *v) { return constant(n, dtype, 2, rows, columns, v); }
ir_value *ml_vector(im_node *n, nfc_dtype dtype, int64_t count, const double *v) { return constant(n, dtype, 1, 1, count, v); }

static ir_value *words(im_node *n, size_t count, const char *const *text)
{
    onnx_bytes *strings = ARENA_ARRAY(n->o->s->arena, onnx_bytes, count + 1);
    int64_t *dim = ARENA_ARRAY(n->o->s->arena, int64_t, 1);
    onnx_tensor *t = ARENA_NEW(n->o->s->arena, onnx_tensor);
    nfc_onnx__tensor_proto__init(t);
    for (size_t i = 0; i < count; i++) strings[i] = (onnx_bytes){.len = strlen(text[i]), .data = (uint8_t *)(uintptr_t)text[i]};
    *dim = (int64_t)count;
    t->has_data_type = true;
    t->data_type = NFC_ONNX__TENSOR_PROTO__DATA_TYPE__STRING;
    t->n_dims = 1;
    t->dims = dim;
    t->n_string_data = count;
    t->string_data = strings;
    return im_constant(n->o, t, n->at);
}

ir_value *ml_words(im_node *n, const char *name)
{
    const onnx_attribute *a = im_attr(n, name);
    if (!a || !a->n_strings) return NULL;
    const char **text = ARENA_ARRAY(n->o->s->arena, const char *, a->n_strings);
    for (size_t i = 0; i < a->n_strings; i++) {
        text[i] = onnx_text(n->o->file, &a->strings[i]);
        if (text[i]) continue;
        im_fail(n, E_ATTR_VALUE, -1, "a string of '%s' is no text", name);
        return im_poison(n->o);
    }
    return words(n, a->n_strings, text);
}

ir_value *ml_word(im_node *n, const char *text) { return words(n, 1, &text); }

/* ---- arithmetic ------------------------------------------------------------------------------ */

ir_value *ml_by(mk *k, ir_op op, ir_value *x, double number) { return mk_op2(k, op, x, mk_number(k, x->type->dtype, number)); }
ir_value *ml_from(mk *k, ir_op op, double number, ir_value *y) { return mk_op2(k, op, mk_number(k, y->type->dtype, number), y); }
ir_value *ml_sigmoid(mk *k, ir_value *x) { return mk_op1(k, IR_sigmoid, x); }
ir_value *ml_columns(mk *k, ir_value *a, ir_value *b) { return mk_concat(k, 2, (ir_value *[]){a, b}, 1); }

ir_value *ml_largest(mk *k, ir_value *scores)
{
    ir_inst *inst = mk_begin(k, IR_arg_max, 1, &scores);
    mk_int(inst, "axis", 1);
    mk_int(inst, "keepdims", 0);
    return mk_end(k, inst, 1);
}

/* ---- scores ---------------------------------------------------------------------------------- */

ml_post ml_post_of(im_node *n)
{
    static const char *const names[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
    const char *name = im_text(n, "post_transform", "NONE");
    for (int i = 0; i < ML_POST_COUNT; i++)
        if (strcmp(name, names[i]) == 0) return (ml_post)i;
    im_fail(n, E_ATTR_VALUE, -1, "post_transform is '%s', but it is one of NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO, PROBIT", name);
    return ML_POST_COUNT;
}

/* Softmax in which scores of 0 stay 0; a row without others is 0.5. */
static ir_value *softmax_zero(mk *k, ir_value *x)
{
    ir_value *largest = mk_reduce(k, IR_reduce_max, x, 2, true);
    ir_value *other = ml_by(k, IR_greater, mk_op1(k, IR_abs, x), 1e-7);
    ir_value *small = mk_op2(k, IR_mul, x, mk_op1(k, IR_exp, mk_op1(k, IR_neg, largest)));
    ir_value *e = mk_op3(k, IR_where, other, mk_op1(k, IR_exp, mk_op2(k, IR_sub, x, largest)), small);
    ir_value *sum = mk_reduce(k, IR_reduce_sum, e, 2, true);
    return mk_op3(k, IR_where, ml_by(k, IR_equal, sum, 0), mk_number(k, x->type->dtype, 0.5), mk_op2(k, IR_div, e, sum));
}

/* sqrt(2) erfinv(2 x - 1) by Winitzki's formula, as the standard's own implementations have it (S. Winitzki,
 * "A handy approximation for the error function and its inverse", 2008). */
static ir_value *probit(mk *k, ir_value *x)
{
    const double a = 0.147, pi = 3.14159265358979323846;
    ir_value *y = ml_by(k, IR_sub, ml_by(k, IR_mul, x, 2), 1);
    ir_value *log = mk_op1(k, IR_log, mk_op2(k, IR_mul, ml_from(k, IR_sub, 1, y), ml_by(k, IR_add, y, 1)));
    ir_value *v = ml_by(k, IR_add, ml_by(k, IR_mul, log, 0.5), 2 / (pi * a));
    ir_value *root = mk_op1(k, IR_sqrt, mk_op2(k, IR_sub, mk_op2(k, IR_mul, v, v), ml_by(k, IR_mul, log, 1 / a)));
    ir_value *size = ml_by(k, IR_mul, mk_op1(k, IR_sqrt, mk_op2(k, IR_sub, root, v)), 1.41421356);
    return mk_op3(k, IR_where, ml_by(k, IR_less, y, 0), mk_op1(k, IR_neg, size), size);
}

ir_value *ml_transform(mk *k, ml_post post, ir_value *scores)
{
    switch (post) {
    case ML_SOFTMAX: {
        ir_inst *inst = mk_begin(k, IR_softmax, 1, &scores);
        mk_int(inst, "axis", 1);
        return mk_end(k, inst, 1);
    }
    case ML_LOGISTIC: return ml_sigmoid(k, scores);
    case ML_SOFTMAX_ZERO: return softmax_zero(k, scores);
    case ML_PROBIT: return probit(k, scores);
    default: return scores;
    }
}

ir_value *ml_transform_targets(mk *k, ml_post post, ir_value *scores)
{
    bool single = !ir_is_poison(scores) && sx_is(scores->type->dim[1], 1);
    return single && post != ML_PROBIT ? scores : ml_transform(k, post, scores);
}

ir_value *ml_transform_pair(mk *k, ml_post post, ir_value *score, bool mirrored)
{
    if (post == ML_LOGISTIC) return ml_columns(k, ml_sigmoid(k, mk_op1(k, IR_neg, score)), ml_sigmoid(k, score));
    ir_value *other = mirrored ? mk_op1(k, IR_neg, score) : ml_from(k, IR_sub, 1, score);
    ir_value *both = ml_columns(k, other, score);
    return post == ML_PROBIT ? probit(k, both) : both;
}

/* ---- labels ---------------------------------------------------------------------------------- */

bool ml_labels_of(im_node *n, ml_labels *l)
{
    const int64_t *ints = NULL;
    int count = im_ints(n, "classlabels_ints", &ints);
    if (count <= 0) count = im_ints(n, "classlabels_int64s", &ints);
    const onnx_attribute *strings = im_attr(n, "classlabels_strings");
    *l = (ml_labels){0};
    if (count > 0 && strings && strings->n_strings) return im_fail(n, E_ATTR_VALUE, -1, "the labels are given as numbers and as strings");
    if (count > 0) {
        l->n = count;
        l->values = mk_int_vector(n->k, DT_i64, count, ints);
        l->values->name = "labels";
        return true;
    }
    l->values = ml_words(n, "classlabels_strings");
    if (!l->values) return true;
    if (ir_is_poison(l->values)) return false;
    l->values->name = "labels";
    l->n = sx_value(l->values->type->dim[0]);
    l->text = true;
    return true;
}

bool ml_out_labels(im_node *n, const ml_labels *l, ir_value *classes)
{
    if (!l->values) return im_out(n, 0, classes);
    ir_value *labels = mk_gather(n->k, l->values, classes, 0);
    return l->text ? im_out_text(n, 0, labels) : im_out(n, 0, labels);
}

ir_value *ml_is_over(mk *k, ir_value *score, double bound)
{
    return mk_cast(k, mk_squeeze(k, ml_by(k, IR_greater, score, bound), 1), DT_i64);
}

bool ml_with_negative(im_node *n, ml_labels *l)
{
    if (l->n != 1) return true;
    ir_value *none = l->text ? ml_word(n, "") : mk_int_vector(n->k, DT_i64, 1, (int64_t[]){0});
    l->values = mk_concat(n->k, 2, (ir_value *[]){none, l->values}, 0);
    l->n = 2;
    return !ir_is_poison(l->values);
}
