/* ai.onnx.ml: numbers for categories, and back. Keys are looked up with `find`; what stands for them is a
 * row of a table whose last row is for what is not found. */
#include <string.h>
#include "frontend/onnx/ml.h"

typedef struct {
    ir_value *rows; /* a constant [K], or words [K, L] */
    bool text;
} column;

static size_t row_bytes(const ir_type *t)
{
    size_t bytes = dtype_bytes(t->dtype);
    for (int i = 1; i < t->rank; i++) bytes *= (size_t)sx_value(t->dim[i]);
    return bytes;
}

/* The rows from the last to the first, with one more behind them, if there is one. */
static ir_value *backwards(im_node *n, const ir_value *rows, const ir_value *last)
{
    int64_t count = sx_value(rows->type->dim[0]);
    size_t size = row_bytes(rows->type);
    const char *from = ir_const_bytes(rows);
    char *data = arena_array(n->o->s->arena, (size_t)count + 1, size);
    for (int64_t i = 0; i < count; i++) memcpy(data + (size_t)(count - 1 - i) * size, from + (size_t)i * size, size);
    if (last) memcpy(data + (size_t)count * size, ir_const_bytes(last), size);
    ir_type t = *rows->type;
    t.dim[0] = mk_sx(n->k, count + (last != NULL));
    return mk_const(n->k, ir_tensor(n->o->m, t.dtype, t.rank, t.dim), data);
}

/* Looks x up among keys, of which the last of equal ones counts, and gives the values' rows. */
static bool map_values(im_node *n, const column *keys, const column *values, const ir_value *otherwise)
{
    mk *k = n->k;
    ir_value *x = im_in(n, 0);
    if (ir_is_poison(keys->rows) || ir_is_poison(values->rows) || ir_is_poison(otherwise)) return false;
    int64_t count = sx_value(keys->rows->type->dim[0]);
    if (count != sx_value(values->rows->type->dim[0])) return im_fail(n, E_ATTR_VALUE, -1, "there are %lld keys and %lld values", (long long)count, (long long)sx_value(values->rows->type->dim[0]));
    if (ml_is_text(n, 0) != keys->text || x->type->dtype != keys->rows->type->dtype)
        return im_fail(n, E_DTYPE, 0, "the operand is %s, but the keys are %s", ml_is_text(n, 0) ? "strings" : dtype_name(x->type->dtype), keys->text ? "strings" : dtype_name(keys->rows->type->dtype));
    ir_value *at = mk_op2(k, IR_find, x, backwards(n, keys->rows, NULL));
    at = mk_op3(k, IR_where, mk_op2(k, IR_less, at, mk_integer(k, DT_i64, 0)), mk_integer(k, DT_i64, count), at);
    ir_value *y = mk_gather(k, backwards(n, values->rows, otherwise), at, 0);
    return values->text ? im_out_text(n, 0, y) : im_out(n, 0, y);
}

static column of_tensor(im_node *n, const char *name)
{
    const onnx_attribute *a = im_attr(n, name);
    ir_value *v = im_tensor_attr(n, name);
    return (column){v, v && a->t->data_type == NFC_ONNX__TENSOR_PROTO__DATA_TYPE__STRING};
}

/* KIND_tensor, KIND_strings, KIND_int64s or KIND_floats; rows is NULL where there is none of them. */
static column column_of(im_node *n, const char *kind)
{
    const int64_t *ints;
    const double *floats;
    column c = of_tensor(n, session_printf(n->o->s, "%s_tensor", kind));
    if (c.rows) return c;
    c.rows = ml_words(n, session_printf(n->o->s, "%s_strings", kind));
    c.text = c.rows != NULL;
    if (c.rows) return c;
    int nint = im_ints(n, session_printf(n->o->s, "%s_int64s", kind), &ints);
    if (nint > 0) return (column){mk_int_vector(n->k, DT_i64, nint, ints), false};
    int64_t nfloat = ml_floats(n, session_printf(n->o->s, "%s_floats", kind), &floats);
    return (column){nfloat > 0 ? ml_vector(n, DT_f32, nfloat, floats) : NULL, false};
}

/* What stands for a key that is not there, as one row. */
static ir_value *default_row(im_node *n, const column *values)
{
    if (values->text) {
        column given = of_tensor(n, "default_tensor");
        return given.rows ? given.rows : ml_word(n, im_text(n, "default_string", "_Unused"));
    }
    nfc_dtype t = values->rows->type->dtype;
    ir_value *given = im_tensor_attr(n, "default_tensor");
    if (given && (ir_is_poison(given) || (given->type->dtype == t && ir_max_elements(given->type) == 1))) return given;
    if (given) {
        im_fail(n, E_ATTR_VALUE, -1, "default_tensor must be one element of the values' type");
        return im_poison(n->o);
    }
    return dtype_is_float(t) ? mk_number(n->k, t, im_float(n, "default_float", -0.0)) : mk_integer(n->k, t, im_int(n, "default_int64", -1));
}

/* Operator set 1: names of classes, and their positions. */
static bool encode_classes(im_node *n, ir_value *classes)
{
    int64_t count = sx_value(classes->type->dim[0]);
    int64_t *position = ARENA_ARRAY(n->o->s->arena, int64_t, count);
    for (int64_t i = 0; i < count; i++) position[i] = i;
    column names = {classes, true}, numbers = {mk_int_vector(n->k, DT_i64, (int)count, position), false};
    const column *values = ml_is_text(n, 0) ? &numbers : &names;
    return map_values(n, ml_is_text(n, 0) ? &names : &numbers, values, default_row(n, values));
}

bool im_ml_label_encoder(im_node *n)
{
    ir_value *x = im_need(n, 0), *classes = ml_words(n, "classes_strings");
    if (!x || ir_is_poison(x) || (classes && ir_is_poison(classes))) return false;
    if (classes) return encode_classes(n, classes);
    column keys = column_of(n, "keys"), values = column_of(n, "values");
    if (!keys.rows || !values.rows) return im_fail(n, E_ATTR_MISSING, -1, "there are no keys, or no values");
    if (ir_is_poison(keys.rows) || ir_is_poison(values.rows)) return false;
    if (keys.rows->type->rank != 1 + keys.text || values.rows->type->rank != 1 + values.text) return im_fail(n, E_RANK, -1, "keys and values must be lists");
    return map_values(n, &keys, &values, default_row(n, &values));
}

bool im_ml_category_mapper(im_node *n)
{
    const int64_t *ints;
    ir_value *x = im_need(n, 0), *text = ml_words(n, "cats_strings");
    int count = im_ints(n, "cats_int64s", &ints);
    if (!x || ir_is_poison(x) || (text && ir_is_poison(text))) return false;
    if (!text || count <= 0) return im_fail(n, E_ATTR_MISSING, -1, "there are no cats_strings, or no cats_int64s");
    column names = {text, true}, numbers = {mk_int_vector(n->k, DT_i64, count, ints), false};
    const column *values = ml_is_text(n, 0) ? &numbers : &names;
    return map_values(n, ml_is_text(n, 0) ? &names : &numbers, values, default_row(n, values));
}

/* 1 at the category's place, 0 elsewhere; of what is no category all 0, or a run error. */
bool im_ml_one_hot_encoder(im_node *n)
{
    mk *k = n->k;
    const int64_t *ints;
    ir_value *x = im_need(n, 0), *keys = ml_words(n, "cats_strings");
    int count = im_ints(n, "cats_int64s", &ints);
    if (!x || ir_is_poison(x) || (keys && ir_is_poison(keys))) return false;
    if (!keys && count <= 0) return im_fail(n, E_ATTR_MISSING, -1, "there are no categories");
    if (ml_is_text(n, 0) != (keys != NULL)) return im_fail(n, E_DTYPE, 0, "the operand and the categories must both be strings, or both numbers");
    if (keys) count = (int)sx_value(keys->type->dim[0]);
    else {
        keys = mk_int_vector(k, DT_i64, count, ints);
        x = mk_cast(k, x, DT_i64);
    }
    ir_value *at = mk_op2(k, IR_find, x, keys);
    at = mk_op3(k, IR_where, mk_op2(k, IR_less, at, mk_integer(k, DT_i64, 0)), mk_integer(k, DT_i64, count), at);
    ir_value *off = mk_number(k, DT_f32, 0);
    if (!im_int(n, "zeros", 1)) { /* a gather of zeros has the check */
        const ir_sx *dim = mk_sx(k, count);
        off = mk_unsqueeze(k, mk_gather(k, mk_filled(k, ir_tensor(n->o->m, DT_f32, 1, &dim), 0), at, 0), at->type->rank);
    }
    ir_inst *hot = mk_begin(k, IR_one_hot, 3, (ir_value *[]){at, mk_number(k, DT_f32, 0), mk_number(k, DT_f32, 1)});
    mk_ints(k, hot, "depth", 1, (int64_t[]){count});
    mk_int(hot, "axis", -1);
    ir_value *y = mk_end(k, hot, 1);
    return im_out(n, 0, im_int(n, "zeros", 1) ? y : mk_op2(k, IR_add, y, off));
}
