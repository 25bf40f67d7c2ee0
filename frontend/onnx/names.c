/* What names of the model stand for: values by scope, constants, dims; and names of ours for them. */
#include <ctype.h>
#include <string.h>
#include "frontend/onnx/import.h"

/* ---- values --------------------------------------------------------------------------------- */

im_value *im_lookup(importer *o, const char *name)
{
    for (const im_scope *s = o->scope; s; s = s->parent) {
        im_value *v = map_get(&s->names, name);
        if (v) return v;
        const onnx_tensor *t = map_get(&s->tensors, name);
        if (t) return im_initializer((importer *)o, (im_scope *)(uintptr_t)s, t);
    }
    return NULL;
}

void im_bind(importer *o, const char *name, im_value *v) { map_set(&o->scope->names, name, v); }

im_value *im_value_of(importer *o, const char *name, ir_value *tensor)
{
    im_value *v = ARENA_NEW(o->s->arena, im_value);
    v->name = name;
    v->tensor = tensor;
    return v;
}

im_scope *im_scope_push(importer *o, bool sees_outer)
{
    im_scope *s = ARENA_NEW(o->s->arena, im_scope);
    s->parent = sees_outer ? o->scope : NULL;
    s->caller = o->scope;
    s->depth = o->scope ? o->scope->depth + 1 : 0;
    map_init(&s->names, o->s->arena);
    map_init(&s->tensors, o->s->arena);
    map_init(&s->declared, o->s->arena);
    o->scope = s;
    return s;
}

void im_scope_pop(importer *o) { o->scope = (im_scope *)(uintptr_t)o->scope->caller; }

/* ---- constants ------------------------------------------------------------------------------ */

/* Constants stand at the beginning of the entry block, where every block sees them. */
static mk in_entry(importer *o, nfc_span at)
{
    mk k = o->k;
    k.block = o->entry;
    k.before = o->entry->first;
    k.at = at;
    k.scope = NULL;
    return k;
}

static const ir_type *constant_type(importer *o, nfc_dtype dtype, int rank, const int64_t *dim, int64_t last)
{
    const ir_sx *sx[IR_MAX_RANK];
    for (int i = 0; i < rank; i++) sx[i] = sx_int(&o->m->sx, dim[i]);
    if (last >= 0) sx[rank++] = sx_int(&o->m->sx, last);
    return ir_tensor(o->m, dtype, rank, sx);
}

/* Strings, padded with zeros to the length that all of the module have. */
static ir_value *text_constant(importer *o, const onnx_tensor *t, const onnx_array *a, nfc_span at)
{
    size_t length = (size_t)o->options->text_length;
    char *bytes = arena_array(o->s->arena, (size_t)(a->elements ? a->elements : 1), length);
    for (int64_t i = 0; i < a->elements; i++) {
        const char *text = onnx_text(o->file, &t->string_data[i]);
        size_t n = text ? strlen(text) : 0;
        if (!text || n > length) {
            nfc_diag *d = diag_error(&o->s->diags, E_ONNX_TEXT, at, text ? "a string of '%s' has %zu bytes; the limit is %zu" : "a string of '%s' is not UTF-8", t->name, n, length);
            if (text) diag_help(d, "--text=%zu raises it; each string of the program takes as many bytes", n);
            return im_poison(o);
        }
        memcpy(bytes + (size_t)i * length, text, n);
    }
    if (a->rank >= IR_MAX_RANK) {
        diag_error(&o->s->diags, E_RANK, at, "strings have at most %d axes", IR_MAX_RANK - 1);
        return im_poison(o);
    }
    mk k = in_entry(o, at);
    return mk_const(&k, constant_type(o, DT_u8, a->rank, a->dim, (int64_t)length), bytes);
}

ir_value *im_constant(importer *o, const onnx_tensor *t, nfc_span at)
{
    ir_value *v = map_getp(&o->constants, t);
    if (v) return v;
    onnx_array a;
    if (!onnx_tensor_data(o->file, t, &a)) v = im_poison(o);
    else if (a.dtype == DT_string) v = text_constant(o, t, &a, at);
    else {
        mk k = in_entry(o, at);
        v = mk_const(&k, constant_type(o, a.dtype, a.rank, a.dim, -1), a.data);
    }
    if (*t->name && !v->name) v->name = im_identifier(o, t->name);
    map_setp(&o->constants, t, v);
    return v;
}

im_value *im_initializer(importer *o, im_scope *scope, const onnx_tensor *t)
{
    im_value *v = im_value_of(o, t->name, im_constant(o, t, o->k.at));
    v->text = t->data_type == NFC_ONNX__TENSOR_PROTO__DATA_TYPE__STRING;
    map_set(&scope->names, t->name, v);
    return v;
}

/* ---- identifiers ---------------------------------------------------------------------------- */

const char *im_identifier(importer *o, const char *name)
{
    enum { MOST = 60 };
    char text[MOST + 8];
    size_t n = 0;
    if (isdigit((unsigned char)*name)) text[n++] = 'v';
    bool gap = false; /* what is no letter or digit becomes one _ between parts */
    for (const char *p = name; *p && n < MOST; p++) {
        bool plain = isalnum((unsigned char)*p) && (unsigned char)*p < 128;
        if (plain || *p == '_') {
            if (gap && n && text[n - 1] != '_') text[n++] = '_';
            text[n++] = *p;
            gap = false;
        } else gap = n > 0;
    }
    text[n] = 0;
    if (strspn(text, "_") == n) return intern(&o->s->names, "v");
    return intern(&o->s->names, text);
}

/* A name that is taken, and the number to try behind it for the next that wants it. */
typedef struct port_name {
    int next;
} port_name;

const char *im_port_name(importer *o, const char *name, const char *otherwise)
{
    const char *base = im_identifier(o, *name ? name : otherwise), *text = base;
    port_name *taken = map_get(&o->port_names, base);
    for (int i = taken ? taken->next : 2; map_get(&o->port_names, text); i++) {
        taken->next = i + 1;
        text = intern(&o->s->names, session_printf(o->s, "%s_%d", base, i));
    }
    taken = ARENA_NEW(o->s->arena, port_name);
    taken->next = 2;
    map_set(&o->port_names, text, taken);
    return text;
}

/* ---- dims ----------------------------------------------------------------------------------- */

lower_binding *im_binding(importer *o, const char *name)
{
    lower_binding *b = options_dim(o->options, name);
    return b ? b : options_dim(o->options, im_identifier(o, name));
}

const ir_sx *im_dim(importer *o, const char *name, int64_t least, nfc_span at, const char *of)
{
    const ir_sx *known = map_get(&o->dims, name);
    if (known) return known;
    const lower_binding *b = im_binding(o, name);
    if (!b) {
        nfc_diag *d = diag_error(&o->s->diags, E_DIM, at, "the extent '%s' of %s has no value", name, of);
        diag_help(d, "-D '%s=4' binds it, -D '%s<=64' leaves it free up to a bound", name, name);
    }
    ir_dim dim = {.bounded = b && b->bounded, .at = at};
    dim.sym = sx_new_sym(&o->m->sx, im_port_name(o, name, "N"), b && !b->bounded ? b->value : least, b ? b->value : least, at);
    dim.sym->is_dim = true;
    const ir_sx *x = sx_sym(&o->m->sx, dim.sym);
    if (!dim.bounded) x = dim.sym->is = sx_int(&o->m->sx, b ? b->value : 1);
    else vec_push(o->m->arena, &o->m->dim, dim);
    map_set(&o->dims, name, (void *)(uintptr_t)x);
    return x;
}
