/* ai.onnx.ml: operators that work element by element. */
#include <math.h>
#include <string.h>
#include "frontend/onnx/ml.h"

static ir_value *operand(im_node *n)
{
    ir_value *x = im_need(n, 0);
    return x && !ir_is_poison(x) ? x : NULL;
}

/* A list of C numbers, or of one for all, for the last axis of x. */
static ir_value *for_features(im_node *n, const ir_value *x, nfc_dtype t, int64_t count, const double *v, const char *name)
{
    const ir_sx *c = x->type->dim[x->type->rank - 1];
    if (count != 1 && !(sx_is_const(c) && sx_value(c) == count)) {
        im_fail(n, E_ATTR_VALUE, -1, "attribute '%s' has %lld elements; there are %s features", name, (long long)count, sx_text(n->o->s->arena, c));
        return NULL;
    }
    return ml_vector(n, t, count, v);
}

/* (x - offset) * scale */
bool im_ml_scaler(im_node *n)
{
    static const char *const names[] = {"offset", "scale"};
    ir_value *x = operand(n);
    if (!x) return false;
    if (x->type->rank < 1) return im_fail(n, E_RANK, 0, "the operand has no axis of features");
    x = mk_cast(n->k, x, x->type->dtype == DT_f64 ? DT_f64 : DT_f32);
    for (int i = 0; i < 2; i++) {
        const double *v;
        int64_t count = ml_floats(n, names[i], &v);
        ir_value *by = count > 0 ? for_features(n, x, x->type->dtype, count, v, names[i]) : NULL;
        if (count > 0 && !by) return false;
        if (by) x = mk_op2(n->k, i ? IR_mul : IR_sub, x, by);
    }
    return im_out(n, 0, mk_cast(n->k, x, DT_f32));
}

/* x / |row|; a row whose norm is 0 stays. */
bool im_ml_normalizer(im_node *n)
{
    mk *k = n->k;
    const char *norm = im_text(n, "norm", "MAX");
    bool largest = strcmp(norm, "MAX") == 0, l2 = strcmp(norm, "L2") == 0;
    ir_value *x = operand(n);
    if (!x || !(x = ml_features(n))) return false;
    if (!largest && !l2 && strcmp(norm, "L1") != 0) return im_fail(n, E_ATTR_VALUE, -1, "norm is '%s', but it is one of MAX, L1, L2", norm);
    ir_value *size = mk_reduce(k, largest ? IR_reduce_max : l2 ? IR_reduce_l2 : IR_reduce_l1, x, 2, true);
    ir_value *one = mk_number(k, x->type->dtype, 1);
    ir_value *y = mk_op2(k, IR_div, x, mk_op3(k, IR_where, ml_by(k, IR_equal, size, 0), one, size));
    if (im_in(n, 0)->type->rank == 1) y = mk_squeeze(k, y, 0);
    return im_out(n, 0, mk_cast(k, y, DT_f32));
}

bool im_ml_binarizer(im_node *n)
{
    ir_value *x = operand(n);
    if (!x) return false;
    nfc_dtype t = x->type->dtype;
    ir_value *wide = dtype_is_float(t) ? x : mk_cast(n->k, x, DT_f64);
    return im_out(n, 0, mk_cast(n->k, ml_by(n->k, IR_greater, wide, im_float(n, "threshold", 0)), t));
}

static bool impute_floats(im_node *n, ir_value *x, int64_t count, const double *v)
{
    mk *k = n->k;
    nfc_dtype t = x->type->dtype;
    double replaced = im_float(n, "replaced_value_float", 0);
    ir_value *by = for_features(n, x, t, count, v, "imputed_value_floats");
    if (!by) return false;
    ir_value *missing = isnan(replaced) ? mk_op1(k, IR_is_nan, x) : ml_by(k, IR_equal, x, replaced);
    return im_out(n, 0, mk_op3(k, IR_where, missing, by, x));
}

static bool impute_ints(im_node *n, ir_value *x, int count, const int64_t *v)
{
    mk *k = n->k;
    nfc_dtype t = x->type->dtype;
    const ir_sx *c = x->type->dim[x->type->rank - 1];
    if (count != 1 && !(sx_is_const(c) && sx_value(c) == count)) return im_fail(n, E_ATTR_VALUE, -1, "imputed_value_int64s has %d elements; there are %s features", count, sx_text(n->o->s->arena, c));
    ir_value *missing = mk_op2(k, IR_equal, x, mk_integer(k, t, im_int(n, "replaced_value_int64", 0)));
    return im_out(n, 0, mk_op3(k, IR_where, missing, mk_int_vector(k, t, count, v), x));
}

bool im_ml_imputer(im_node *n)
{
    ir_value *x = operand(n);
    const double *floats;
    const int64_t *ints;
    if (!x) return false;
    if (x->type->rank < 1) return im_fail(n, E_RANK, 0, "the operand has no axis of features");
    bool is_float = dtype_is_float(x->type->dtype);
    int64_t nfloat = ml_floats(n, "imputed_value_floats", &floats);
    int nint = im_ints(n, "imputed_value_int64s", &ints);
    if (is_float && nfloat > 0) return impute_floats(n, x, nfloat, floats);
    if (!is_float && nint > 0) return impute_ints(n, x, nint, ints);
    return im_fail(n, E_ATTR_MISSING, -1, "there is no imputed value of the operand's type");
}

/* Columns of the last axis; a vector counts as a matrix of one row. */
bool im_ml_array_feature_extractor(im_node *n)
{
    mk *k = n->k;
    ir_value *x = operand(n), *indices = im_need(n, 1);
    if (!x || !indices || ir_is_poison(indices)) return false;
    bool text = ml_is_text(n, 0);
    int axis = x->type->rank - 1 - text;
    if (axis < 0) return im_fail(n, E_RANK, 0, "the operand has no axis to choose from");
    const ir_sx *count = ir_elements(n->o->m, indices->type);
    ir_value *y = mk_gather(k, x, mk_reshape(k, indices, 1, &count), axis);
    if (axis == 0) y = mk_unsqueeze(k, y, 0);
    return text ? im_out_text(n, 0, y) : im_out(n, 0, y);
}

/* Columns side by side, each operand cut or padded to what inputdimensions says. */
bool im_ml_feature_vectorizer(im_node *n)
{
    mk *k = n->k;
    const int64_t *wanted;
    int count = im_ints(n, "inputdimensions", &wanted);
    if (n->nin == 0 || (count >= 0 && count != n->nin)) return im_fail(n, E_ATTR_VALUE, -1, "inputdimensions has %d elements; there are %d operands", count, n->nin);
    ir_value **part = ARENA_ARRAY(n->o->s->arena, ir_value *, n->nin);
    for (int i = 0; i < n->nin; i++) {
        ir_value *x = im_need(n, i);
        if (!x || ir_is_poison(x)) return false;
        if (x->type->rank < 1 || x->type->rank > 2 || ml_is_text(n, i)) return im_fail(n, E_RANK, i, "the operand must be numbers, [N, C] or [C]");
        if (x->type->rank == 1) x = mk_unsqueeze(k, x, 0);
        x = mk_cast(k, x, DT_f32);
        const ir_sx *have = x->type->dim[1];
        if (count >= 0 && !sx_is(have, wanted[i])) {
            if (!sx_is_const(have) || wanted[i] < 0 || wanted[i] > IR_MAX_BOUND) return im_fail(n, E_ATTR_VALUE, i, "the operand has %s columns; inputdimensions says %lld", sx_text(n->o->s->arena, have), (long long)wanted[i]);
            ir_inst *pad = mk_begin(k, IR_pad, 1, &x);
            mk_ints(k, pad, "pads", 4, (int64_t[]){0, 0, 0, wanted[i] - sx_value(have)});
            x = mk_end(k, pad, 1);
        }
        part[i] = x;
    }
    return im_out(n, 0, mk_concat(k, n->nin, part, 1));
}
