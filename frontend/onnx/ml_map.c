/* ai.onnx.ml: maps. A map whose keys are known is the tensor of its values, in the order of the keys: of ZipMap
 * those of the class labels, [N, C] for N maps; of DictVectorizer's operand those of the vocabulary, with 0 for
 * a key that is not in the map; of CastMap's the numbers 0 to max_map - 1 (SPARSE), or the map's own in rising
 * order (DENSE), of which -D 'NAME.0=N' says how many there are. */
#include <string.h>
#include "frontend/onnx/ml.h"

/* ---- inputs ------------------------------------------------------------------------------------ */

static const onnx_attribute *attribute_of(const onnx_node *node, const char *name)
{
    for (size_t i = 0; i < node->n_attribute; i++)
        if (strcmp(node->attribute[i]->name, name) == 0) return node->attribute[i];
    return NULL;
}

/* The node that takes the map apart. */
static const onnx_node *user_of(const importer *o, const char *map)
{
    const onnx_graph *g = o->model->graph;
    for (size_t i = 0; i < g->n_node; i++)
        if (strcmp(g->node[i]->domain, "ai.onnx.ml") == 0 && g->node[i]->n_input > 0 && strcmp(g->node[i]->input[0], map) == 0) return g->node[i];
    return NULL;
}

/* How many keys the map has: NULL after a report. */
static const ir_sx *keys_of(importer *o, const char *map, nfc_span at)
{
    const onnx_node *user = user_of(o, map);
    const onnx_attribute *ints = user ? attribute_of(user, "int64_vocabulary") : NULL, *words = user ? attribute_of(user, "string_vocabulary") : NULL;
    const onnx_attribute *form = user ? attribute_of(user, "map_form") : NULL, *most = user ? attribute_of(user, "max_map") : NULL;
    if (ints && ints->n_ints) return sx_int(&o->m->sx, (int64_t)ints->n_ints);
    if (words && words->n_strings) return sx_int(&o->m->sx, (int64_t)words->n_strings);
    bool sparse = form && form->s.len == 6 && memcmp(form->s.data, "SPARSE", 6) == 0;
    if (!sparse) return im_dim(o, session_printf(o->s, "%s.0", map), 0, at, session_printf(o->s, "the map '%s'", map));
    int64_t n = most ? most->i : 1;
    if (n >= 0 && n <= IR_MAX_BOUND) return sx_int(&o->m->sx, n);
    diag_error(&o->s->diags, E_SIZE, at, "max_map is %lld", (long long)n);
    return NULL;
}

void im_map_input(importer *o, const onnx_value_info *v, im_value *value)
{
    const nfc_span at = im_span(o, v);
    const onnx_type *t = v->type->map_type->value_type;
    nfc_dtype dtype = t && t->tensor_type ? onnx_dtype(t->tensor_type->elem_type) : DT_COUNT;
    if (dtype == DT_COUNT) {
        diag_error(&o->s->diags, E_ONNX_TYPE, at, "input '%s' is a map to what is no number and no text", v->name);
        return;
    }
    const ir_sx *dim[2] = {keys_of(o, v->name, at), sx_int(&o->m->sx, o->options->text_length)};
    value->text = dtype == DT_string;
    if (dim[0]) value->tensor = im_add_input(o, v->name, ir_tensor(o->m, value->text ? DT_u8 : dtype, 1 + value->text, dim), at);
}

/* ---- operators ------------------------------------------------------------------------------- */

bool im_ml_zip_map(im_node *n)
{
    ir_value *x = im_need(n, 0);
    return !ir_is_poison(x) && im_out(n, 0, x);
}

/* The values of one map, as a row. */
static bool out_row(im_node *n, ir_value *x, bool text)
{
    if (ir_is_poison(x)) return false;
    if (x->type->rank == 1 + text) x = mk_unsqueeze(n->k, x, 0);
    return text ? im_out_text(n, 0, x) : im_out(n, 0, x);
}

bool im_ml_dict_vectorizer(im_node *n) { return out_row(n, im_need(n, 0), ml_is_text(n, 0)); }

bool im_ml_cast_map(im_node *n)
{
    ir_value *x = im_need(n, 0);
    const char *to = im_text(n, "cast_to", "TO_FLOAT"), *form = im_text(n, "map_form", "DENSE");
    bool to_text = strcmp(to, "TO_STRING") == 0, to_int = strcmp(to, "TO_INT64") == 0, text = ml_is_text(n, 0);
    nfc_dtype t = to_int ? DT_i64 : DT_f32;
    if (ir_is_poison(x)) return false;
    if (!to_text && !to_int && strcmp(to, "TO_FLOAT") != 0) return im_fail(n, E_ATTR_VALUE, -1, "cast_to is '%s', but it is one of TO_FLOAT, TO_STRING, TO_INT64", to);
    if (strcmp(form, "SPARSE") != 0 && strcmp(form, "DENSE") != 0) return im_fail(n, E_ATTR_VALUE, -1, "map_form is '%s', but it is DENSE or SPARSE", form);
    if (to_text == text) return out_row(n, text ? x : mk_cast(n->k, x, t), text);
    return im_cast_text(n, to_text, t) && (!n->out[0] || out_row(n, n->out[0]->tensor, to_text));
}
