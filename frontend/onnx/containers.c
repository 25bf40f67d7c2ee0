/* Sequences, optionals, sparse tensors, states: values of a model that are more, or less, than one tensor. */
#include <string.h>
#include "frontend/onnx/import.h"

/* ---- values as tensors ---------------------------------------------------------------------- */

int im_part_count(const im_value *v)
{
    (void)v;
    return 1;
}

im_parts im_parts_of(importer *o, const im_value *v)
{
    im_parts p = {0};
    vec_push(o->s->arena, &p, v->kind == IM_TENSOR ? v->tensor : im_poison(o));
    return p;
}

im_value *im_rebuild(importer *o, const im_value *like, ir_value *const *part)
{
    im_value *v = im_value_of(o, like->name, part[0]);
    v->text = like->text;
    return v;
}

bool im_like_parts(im_node *n, const im_value *like, const im_value *v, im_parts *out)
{
    if (like->kind != v->kind || like->text != v->text) return im_fail(n, E_ONNX_TYPE, -1, "'%s' is of another kind than '%s'", v->name, like->name);
    *out = im_parts_of(n->o, v);
    return true;
}

bool im_same_parts(im_node *n, im_value *a, im_value *b, ir_block *end_a, ir_block *end_b, im_parts *out_a, im_parts *out_b)
{
    (void)end_a;
    (void)end_b;
    return im_like_parts(n, a, a, out_a) && im_like_parts(n, a, b, out_b);
}

/* ---- sparse tensors ------------------------------------------------------------------------- */

/* As the dense tensor that it stands for; indices are flat, or one row a value. */
ir_value *im_sparse(importer *o, const onnx_sparse *t, nfc_span at)
{
    onnx_array values, indices;
    const ir_sx *dim[IR_MAX_RANK];
    int64_t total = 1;
    mk k = o->k;
    k.at = at;
    if (!t->values || !t->indices || !onnx_tensor_data(o->file, t->values, &values) || !onnx_tensor_data(o->file, t->indices, &indices)) return im_poison(o);
    bool good = t->n_dims <= IR_MAX_RANK && indices.dtype == DT_i64 && values.dtype != DT_string && (indices.rank == 1 || indices.rank == 2);
    for (size_t i = 0; good && i < t->n_dims; i++) {
        good = t->dims[i] >= 0 && t->dims[i] <= IR_MAX_BOUND && (t->dims[i] == 0 || total <= (INT64_C(1) << 40) / t->dims[i]);
        dim[i] = sx_int(&o->m->sx, t->dims[i]);
        total *= good ? t->dims[i] : 1;
    }
    int64_t each = indices.rank == 2 ? (int64_t)t->n_dims : 1;
    good = good && indices.elements == values.elements * each && total <= INT64_C(1) << 31;
    size_t size = dtype_bytes(values.dtype);
    char *data = good ? arena_array(o->s->arena, (size_t)(total ? total : 1), size) : NULL;
    for (int64_t i = 0; good && i < values.elements; i++) {
        int64_t flat = each == 1 && indices.rank == 1 ? dtype_get_int(DT_i64, indices.data, (size_t)i) : 0;
        for (int64_t a = 0; indices.rank == 2 && a < each; a++) {
            int64_t x = dtype_get_int(DT_i64, indices.data, (size_t)(i * each + a));
            good = good && x >= 0 && x < t->dims[a];
            flat = flat * t->dims[a] + x;
        }
        good = good && flat >= 0 && flat < total;
        if (good) memcpy(data + (size_t)flat * size, (const char *)values.data + (size_t)i * size, size);
    }
    if (good) return mk_const(&k, ir_tensor(o->m, values.dtype, (int)t->n_dims, dim), data);
    diag_error(&o->s->diags, E_ONNX_TYPE, at, "the sparse tensor '%s' is malformed", t->values->name);
    return im_poison(o);
}

void im_sparse_initializer(importer *o, const onnx_sparse *t)
{
    if (!t->values || !*t->values->name) return;
    mk outer = o->k;
    o->k.block = o->entry; /* every block sees the entry's first instructions */
    o->k.before = o->entry->first;
    ir_value *v = im_sparse(o, t, o->k.at);
    o->k = outer;
    im_bind(o, t->values->name, im_value_of(o, t->values->name, v));
}

/* ---- ports ---------------------------------------------------------------------------------- */

void im_container_input(importer *o, const onnx_value_info *v, im_value *value)
{
    diag_error(&o->s->diags, E_ONNX_TYPE, im_span(o, v), "input '%s' is no tensor", value->name);
}

void im_container_output(importer *o, const onnx_value_info *v, const im_value *value, im_outputs *out)
{
    (void)out;
    diag_error(&o->s->diags, E_ONNX_TYPE, im_span(o, v), "output '%s' is no tensor", value->name);
}

typedef struct seen {
    bool run; /* a symbol that only the run knows */
} seen;

static void look(void *env, const ir_sym *sym)
{
    if (!sym->is_dim) ((seen *)env)->run = true;
}

const ir_sx *im_result_extent(importer *o, const char *port, int axis, const ir_sx *x, nfc_span at)
{
    seen s = {false};
    sx_visit(x, look, &s);
    if (!s.run) return x;
    diag_error(&o->s->diags, E_ONNX_BOUND, at, "axis %d of output '%s' has an extent that only the run knows", axis, port);
    return x;
}

void im_finish_states(importer *o, im_outputs *out)
{
    (void)o;
    (void)out;
}

/* ---- not yet -------------------------------------------------------------------------------- */

bool im_cast_text(im_node *n, bool to_text, nfc_dtype to)
{
    return im_fail(n, E_ONNX_OP, -1, "casts %s strings of %s are not supported", to_text ? "to" : "from", dtype_name(to));
}

bool im_dropout_training(im_node *n) { return im_fail(n, E_ONNX_OP, -1, "training is not supported"); }

/* Operator set 8: a batch in front of everything, each with a length of its own. */
bool im_scan_batched(im_node *n, const onnx_graph *body)
{
    (void)body;
    return im_fail(n, E_ONNX_OP, -1, "Scan of operator set 8 is not supported");
}
