/* One node: its operands, attributes and results; the rows of ir/ops.def that need no handler. */
#include <ctype.h>
#include <stdarg.h>
#include <string.h>
#include "frontend/onnx/import.h"

/* ---- the table ------------------------------------------------------------------------------ */

static const im_op handled[] = {
#define ONNX_OP(domain, name, handler) {domain, name, handler, IR_OP_COUNT},
#include "frontend/onnx/ops.def"
};

const im_op *im_op_at(int i) { return i < (int)(sizeof handled / sizeof *handled) ? &handled[i] : NULL; }

static ir_op row_named(const char *domain, const char *name)
{
    size_t n = strlen(domain);
    for (int op = 0; op < IR_OP_COUNT; op++) {
        const char *onnx = op_get((ir_op)op)->onnx;
        if (n && (strncmp(onnx, domain, n) != 0 || onnx[n] != '.')) continue;
        if (*name && strcmp(n ? onnx + n + 1 : onnx, name) == 0) return (ir_op)op;
    }
    return IR_OP_COUNT;
}

bool im_op_find(const char *domain, const char *name, im_op *out)
{
    for (int i = 0; im_op_at(i); i++) {
        *out = *im_op_at(i);
        if (strcmp(out->domain, domain) == 0 && strcmp(out->name, name) == 0) return true;
    }
    *out = (im_op){domain, name, NULL, row_named(domain, name)};
    return out->row != IR_OP_COUNT;
}

/* ---- messages ------------------------------------------------------------------------------- */

nfc_span im_operand_span(const im_node *n, int i)
{
    const im_line *line = im_line_of(n->o, n->proto);
    return line && i >= 0 && i < line->in.n ? line->in.at[i] : n->at;
}

bool im_failed(const im_node *n) { return n->o->s->diags.errors > n->errors; }

bool im_fail(im_node *n, diag_code code, int in, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(n->o->s->arena, format, args);
    va_end(args);
    diag_error(&n->o->s->diags, code, im_operand_span(n, in), "%s: %s", n->op, text);
    return false;
}

/* ---- operands ------------------------------------------------------------------------------- */

ir_value *im_in(im_node *n, int i)
{
    if (!im_has(n, i)) return NULL;
    const im_value *v = n->in[i];
    if (v->kind == IM_TENSOR) return v->tensor;
    im_fail(n, E_OPERAND_TYPE, i, "'%s' is %s; a tensor is wanted", v->name, v->kind == IM_SEQUENCE ? "a sequence" : "an optional");
    return im_poison(n->o);
}

ir_value *im_need(im_node *n, int i)
{
    if (im_has(n, i)) return im_in(n, i);
    im_fail(n, E_OPERAND_MISSING, -1, "operand %d is missing", i);
    return im_poison(n->o);
}

ir_value *im_poison(importer *o)
{
    ir_inst *inst = ir_new(o->m, IR_const, o->k.at, 0, NULL);
    return ir_add_result(o->m, inst, ir_poison(o->m), NULL, o->k.at);
}

const void *im_const_in(im_node *n, int i, bool quiet)
{
    ir_value *v = im_in(n, i);
    if (!v || ir_is_poison(v)) return NULL;
    const void *data = im_const_data(n->o, v);
    if (!data && !quiet) im_fail(n, E_NOT_STATIC, i, "'%s' must be known at compile time", n->in[i]->name);
    return data;
}

int im_const_ints(im_node *n, int i, const int64_t **values)
{
    const void *data = im_const_in(n, i, false);
    if (!data) return -1;
    const ir_type *t = im_in(n, i)->type;
    if (!dtype_is_int(t->dtype)) {
        im_fail(n, E_DTYPE, i, "'%s' is %s; integers are wanted", n->in[i]->name, dtype_name(t->dtype));
        return -1;
    }
    int64_t count = ir_max_elements(t);
    int64_t *copy = ARENA_ARRAY(n->o->s->arena, int64_t, count ? count : 1);
    for (int64_t k = 0; k < count; k++) copy[k] = dtype_get_int(t->dtype, data, (size_t)k);
    *values = copy;
    return (int)count;
}

/* ---- attributes ----------------------------------------------------------------------------- */

/* In a function's body an attribute may stand for one of the call. */
static const onnx_attribute *resolved(const im_scope *scope, const onnx_attribute *a)
{
    while (a && *a->ref_attr_name) {
        while (scope && !scope->function) scope = scope->parent;
        if (!scope || !scope->call) return NULL;
        const char *wanted = a->ref_attr_name;
        const onnx_function *f = scope->function;
        const onnx_node *call = scope->call->proto;
        a = NULL;
        for (size_t i = 0; !a && i < call->n_attribute; i++)
            if (strcmp(call->attribute[i]->name, wanted) == 0) a = call->attribute[i];
        for (size_t i = 0; !a && i < f->n_attribute_proto; i++)
            if (strcmp(f->attribute_proto[i]->name, wanted) == 0) return f->attribute_proto[i];
        scope = scope->caller;
    }
    return a;
}

const onnx_attribute *im_attr(const im_node *n, const char *name)
{
    for (size_t i = 0; i < n->proto->n_attribute; i++) {
        if (strcmp(n->proto->attribute[i]->name, name) != 0) continue;
        n->seen[i] = true;
        return resolved(n->o->scope, n->proto->attribute[i]);
    }
    return NULL;
}

int64_t im_int(const im_node *n, const char *name, int64_t otherwise)
{
    const onnx_attribute *a = im_attr(n, name);
    return a && a->has_i ? a->i : a && a->type == NFC_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT ? 0 : otherwise;
}

double im_float(const im_node *n, const char *name, double otherwise)
{
    const onnx_attribute *a = im_attr(n, name);
    return a && a->has_f ? (double)a->f : a && a->type == NFC_ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT ? 0 : otherwise;
}

const char *im_text(const im_node *n, const char *name, const char *otherwise)
{
    const onnx_attribute *a = im_attr(n, name);
    const char *text = a && a->has_s ? onnx_text(n->o->file, &a->s) : NULL;
    return text ? intern(&n->o->s->names, text) : otherwise;
}

int im_ints(const im_node *n, const char *name, const int64_t **values)
{
    const onnx_attribute *a = im_attr(n, name);
    if (!a) return -1;
    *values = a->ints;
    return (int)a->n_ints;
}

int im_floats(const im_node *n, const char *name, const float **values)
{
    const onnx_attribute *a = im_attr(n, name);
    if (!a) return -1;
    *values = a->floats;
    return (int)a->n_floats;
}

ir_value *im_tensor_attr(im_node *n, const char *name)
{
    const onnx_attribute *a = im_attr(n, name);
    return a && a->t ? im_constant(n->o, a->t, n->at) : NULL;
}

nfc_dtype im_dtype(im_node *n, int64_t number)
{
    nfc_dtype t = number >= 0 && number < 1000 ? onnx_dtype((int32_t)number) : DT_COUNT;
    if (t == DT_string) return DT_u8;
    if (t == DT_COUNT) im_fail(n, E_DTYPE, -1, "%s is no element type of nfc", onnx_type_name((int32_t)(number & 0xffff)));
    return t;
}

/* ---- results -------------------------------------------------------------------------------- */

bool im_wants(const im_node *n, int i) { return i < (int)n->proto->n_output && *n->proto->output[i]; }

bool im_out_value(im_node *n, int i, im_value *v)
{
    if (im_wants(n, i)) n->out[i] = v;
    return true;
}

bool im_out(im_node *n, int i, ir_value *tensor)
{
    if (!im_wants(n, i)) return true;
    const char *name = n->proto->output[i];
    im_value *v = im_value_of(n->o, name, tensor);
    if (!tensor->name) {
        tensor->name = im_identifier(n->o, name);
        const im_line *line = im_line_of(n->o, n->proto);
        if (line && i < line->out.n) tensor->at = line->out.at[i];
    }
    return im_out_value(n, i, v);
}

bool im_out_text(im_node *n, int i, ir_value *tensor)
{
    im_out(n, i, tensor);
    if (im_wants(n, i)) n->out[i]->text = true;
    return true;
}

int im_declared(im_node *n, int i, const ir_sx *dim[IR_MAX_RANK])
{
    importer *o = n->o;
    const onnx_type *t = im_wants(n, i) ? map_get(&o->scope->declared, n->proto->output[i]) : NULL;
    const onnx_shape *shape = t && t->tensor_type ? t->tensor_type->shape : NULL;
    if (!shape || shape->n_dim > IR_MAX_RANK) return -1;
    for (size_t k = 0; k < shape->n_dim; k++) {
        const onnx_dim *d = shape->dim[k];
        dim[k] = d->has_dim_value && d->dim_value >= 0 ? sx_int(&o->m->sx, d->dim_value) : *d->dim_param ? map_get(&o->dims, d->dim_param) : NULL;
    }
    return (int)shape->n_dim;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static bool stands_in(const char *name, const char *const *list)
{
    for (int i = 0; list && list[i]; i++)
        if (strcmp(list[i], name) == 0) return true;
    return false;
}

static bool one_of(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = list;; p = strchr(p, '|') + 1) {
        if (strncmp(p, word, n) == 0 && (p[n] == '|' || !p[n])) return true;
        if (!strchr(p, '|')) return false;
    }
}

static bool set_text(im_node *n, ir_inst *inst, const op_attr *row, const onnx_attribute *a)
{
    const char *text = onnx_text(n->o->file, &a->s);
    if (!text) return im_fail(n, E_ATTR_VALUE, -1, "attribute '%s' is no text", a->name);
    if (row->kind == ATTR_ENUM && !one_of(row->fallback, text)) return im_fail(n, E_ATTR_VALUE, -1, "attribute '%s' is '%s', but it is one of %s", a->name, text, row->fallback);
    mk_text(n->k, inst, row->name, text);
    return true;
}

static bool set_floats(im_node *n, ir_inst *inst, const op_attr *row, const onnx_attribute *a)
{
    double *copy = ARENA_ARRAY(n->o->s->arena, double, a->n_floats ? a->n_floats : 1);
    for (size_t i = 0; i < a->n_floats; i++) copy[i] = (double)a->floats[i];
    mk_floats(n->k, inst, row->name, (int)a->n_floats, copy);
    return true;
}

static bool set_attribute(im_node *n, ir_inst *inst, const op_attr *row, const onnx_attribute *a)
{
    static const int wanted[] = { /* by op_attr_kind: AttributeProto.type */
        [ATTR_INT] = 2, [ATTR_BOOL] = 2, [ATTR_FLOAT] = 1, [ATTR_ENUM] = 3, [ATTR_STR] = 3, [ATTR_DTYPE] = 2, [ATTR_INTS] = 7, [ATTR_SXS] = 7, [ATTR_FLOATS] = 6};
    bool other = a->has_type && a->type && (int)a->type != wanted[row->kind];
    other |= wanted[row->kind] == 2 && !a->has_i && (a->has_f || a->has_s); /* it says that it is an integer, and has something else */
    if (other) return im_fail(n, E_ATTR_VALUE, -1, "attribute '%s' has another type", a->name);
    switch (row->kind) {
    case ATTR_BOOL:
        if (a->i != 0 && a->i != 1) return im_fail(n, E_ATTR_VALUE, -1, "attribute '%s' is %lld, but it is 0 or 1", a->name, (long long)a->i);
        mk_int(inst, row->name, a->i);
        return true;
    case ATTR_INT: mk_int(inst, row->name, a->i); return true;
    case ATTR_FLOAT: mk_float(inst, row->name, (double)a->f); return true;
    case ATTR_ENUM:
    case ATTR_STR: return set_text(n, inst, row, a);
    case ATTR_DTYPE: {
        if (a->i == 0 && !row->required) return true; /* UNDEFINED: as if it were not there */
        nfc_dtype t = im_dtype(n, a->i);
        if (t != DT_COUNT) mk_dtype(inst, row->name, t);
        return t != DT_COUNT;
    }
    case ATTR_INTS:
    case ATTR_SXS: mk_ints(n->k, inst, row->name, (int)a->n_ints, a->ints); return true;
    case ATTR_FLOATS: return set_floats(n, inst, row, a);
    }
    return false;
}

static const char *lower_case(im_node *n, const char *name)
{
    char *copy = arena_strdup(n->o->s->arena, name);
    for (char *p = copy; *p; p++) *p = (char)tolower((unsigned char)*p);
    return copy;
}

ir_inst *im_row_begin(im_node *n, ir_op op, int nin, ir_value *const *in, const char *const *skip)
{
    const op_info *info = op_get(op);
    if (im_failed(n)) return NULL;
    while (nin > 0 && !in[nin - 1]) nin--;
    ir_inst *inst = mk_begin(n->k, op, nin, in);
    for (size_t i = 0; i < n->proto->n_attribute; i++) {
        const onnx_attribute *a = resolved(n->o->scope, n->proto->attribute[i]);
        const char *name = n->proto->attribute[i]->name;
        int at = op_attr_find(info, lower_case(n, name));
        bool is_seen_to = stands_in(name, skip);
        n->seen[i] |= is_seen_to || at >= 0;
        if (a && at >= 0 && !is_seen_to && !set_attribute(n, inst, &info->attr[at], a)) return NULL;
    }
    return inst;
}

bool im_row_end(im_node *n, ir_inst *inst)
{
    if (!inst) return false;
    const im_line *line = im_line_of(n->o, n->proto);
    ir_places places = {.name = n->op, .op = n->at, .results = n->at};
    places.operand = line ? line->in.at : NULL;
    places.n = line ? line->in.n : 0;
    n->k->written = &places;
    int wanted = (int)n->proto->n_output;
    while (wanted > 0 && !im_wants(n, wanted - 1)) wanted--;
    mk_end(n->k, inst, wanted ? wanted : 1);
    n->k->written = NULL;
    for (int i = 0; i < inst->nout; i++) im_out(n, i, inst->out[i]);
    return im_values_fit(n, inst);
}

/* Elementwise operands whose extents only the run knows: they are taken to be equal, and the run checks it.
 * (What broadcasts is 1 when the program is made.) */
void im_unify(im_node *n, int count, ir_value **in)
{
    const ir_sx *want[IR_MAX_RANK];
    int rank = 0;
    for (int i = 0; i < count; i++)
        if (in[i] && ir_is_tensor(in[i]) && in[i]->type->rank > rank) rank = in[i]->type->rank;
    for (int a = 1; a <= rank; a++) { /* constants before symbols: they say more */
        want[rank - a] = NULL;
        for (int i = 0; i < count; i++) {
            if (!in[i] || !ir_is_tensor(in[i]) || in[i]->type->rank < a) continue;
            const ir_sx *d = in[i]->type->dim[in[i]->type->rank - a];
            if (!sx_is(d, 1) && (!want[rank - a] || (sx_is_const(d) && !sx_is_const(want[rank - a])))) want[rank - a] = d;
        }
    }
    for (int i = 0; i < count; i++) {
        const ir_sx *dim[IR_MAX_RANK];
        if (!in[i] || !ir_is_tensor(in[i])) continue;
        const ir_type *t = in[i]->type;
        for (int a = 0; a < t->rank; a++) {
            const ir_sx *w = want[a + rank - t->rank], *d = t->dim[a];
            bool may_match = w && !sx_is_const(sx_sub(&n->o->m->sx, d, w));
            dim[a] = !sx_is(d, 1) && may_match && sx_max(d) >= sx_min(w) && sx_min(d) <= sx_max(w) ? w : d;
        }
        in[i] = mk_reshape(n->k, in[i], t->rank, dim);
    }
}

bool im_row(im_node *n, ir_op op, const char *const *skip)
{
    const op_info *info = op_get(op);
    for (int i = 0; i < n->nin; i++)
        if (n->in[i] && n->in[i]->text) return im_text_row(n, op);
    bool variadic = info->nin && info->in[info->nin - 1].presence == OPER_VARIADIC;
    if (n->nin > info->nin && !variadic) return im_fail(n, E_OPERAND_TYPE, info->nin, "has %d operands; at most %d are known", n->nin, info->nin);
    ir_value **in = ARENA_ARRAY(n->o->s->arena, ir_value *, n->nin);
    for (int i = 0; i < n->nin; i++) in[i] = im_in(n, i);
    if (info->family == FAM_EW && n->nin > 1) im_unify(n, n->nin, in);
    return im_row_end(n, im_row_begin(n, op, n->nin, in, skip));
}

/* ---- a node --------------------------------------------------------------------------------- */

/* An attribute that stands for one of the call: is there one around it? */
static bool check_reference(im_node *n, const onnx_attribute *a)
{
    const im_scope *s = n->o->scope;
    while (s && !s->function) s = s->parent;
    if (!*a->ref_attr_name) return true;
    if (!s) return im_fail(n, E_ONNX_FUNCTION, -1, "attribute '%s' stands for '%s' of a function, and there is none around it", a->name, a->ref_attr_name);
    for (size_t i = 0; i < s->function->n_attribute; i++)
        if (strcmp(s->function->attribute[i], a->ref_attr_name) == 0) return true;
    for (size_t i = 0; i < s->function->n_attribute_proto; i++)
        if (strcmp(s->function->attribute_proto[i]->name, a->ref_attr_name) == 0) return true;
    return im_fail(n, E_ONNX_FUNCTION, -1, "attribute '%s' stands for '%s', which the function '%s' does not have", a->name, a->ref_attr_name, s->function->name);
}

static bool check_attributes(im_node *n)
{
    nfc_map seen;
    map_init(&seen, n->o->s->arena);
    for (size_t i = 0; i < n->proto->n_attribute; i++) {
        onnx_attribute *a = n->proto->attribute[i];
        if (!*a->name) return im_fail(n, E_ARGUMENT, -1, "attribute %zu has no name", i);
        if (map_set(&seen, a->name, a)) return im_fail(n, E_DUPLICATE, -1, "the attribute '%s' is given twice", a->name);
        if (!check_reference(n, a)) return false;
    }
    return true;
}

/* Attributes that may stand at a node and say nothing here: rows of frontend/onnx/ops.def. */
static bool is_idle(const im_node *n, const char *name)
{
    static const struct {
        const char *domain, *op, *attribute;
    } idle[] = {
#define ONNX_IDLE(domain, name, attribute) {domain, name, attribute},
#include "frontend/onnx/ops.def"
    };
    for (size_t i = 0; i < sizeof idle / sizeof *idle; i++)
        if (strcmp(idle[i].attribute, name) == 0 && (!*idle[i].op || (strcmp(idle[i].op, n->op) == 0 && strcmp(idle[i].domain, n->domain) == 0))) return true;
    return false;
}

/* Whoever reads an attribute marks it (im_attr, im_row_begin): of what nobody read it is not known what it would
 * change. */
static bool all_attributes_seen(im_node *n)
{
    bool all = true;
    for (size_t i = 0; i < n->proto->n_attribute; i++) {
        const char *name = n->proto->attribute[i]->name;
        if (n->seen[i] || is_idle(n, name)) continue;
        all = im_fail(n, E_ARGUMENT, -1, "the attribute '%s' is not known", name);
    }
    return all;
}

static bool find_operands(im_node *n)
{
    bool found = true;
    n->nin = (int)n->proto->n_input;
    while (n->nin && !*n->proto->input[n->nin - 1]) n->nin--;
    n->in = ARENA_ARRAY(n->o->s->arena, im_value *, n->nin);
    for (int i = 0; i < n->nin; i++) {
        const char *name = n->proto->input[i];
        if (!*name || (n->in[i] = im_lookup(n->o, name))) continue;
        found = im_fail(n, E_ONNX_NAME, i, "there is no value '%s' before this node", name);
    }
    return found;
}

static void bind_results(im_node *n)
{
    importer *o = n->o;
    for (size_t i = 0; i < n->proto->n_output; i++) {
        const char *name = n->proto->output[i];
        if (!*name) continue;
        if (!n->out[i] && !o->s->diags.errors) continue; /* the operator has no such result: whoever wants it is told that it is not there */
        if (!n->out[i]) n->out[i] = im_value_of(o, name, im_poison(o));
        n->out[i]->name = name;
        if (map_get(&o->scope->names, name)) im_fail(n, E_DUPLICATE, -1, "there are two values '%s'", name);
        im_bind(o, name, n->out[i]);
    }
}

static bool run_handler(im_node *n, const im_op *op)
{
    bool done = op->handler ? op->handler(n) : im_row(n, op->row, NULL);
    for (int i = 0; done && !n->o->s->diags.errors && i < n->nout; i++)
        if (im_wants(n, i) && !n->out[i]) return im_fail(n, E_RESULTS, -1, "it has no result %d, which '%s' would be", i, n->proto->output[i]);
    if (done && !im_failed(n)) return all_attributes_seen(n);
    return n->o->s->diags.errors || im_fail(n, E_INTERNAL, -1, "its import failed without a reason");
}

/* A function that calls another twice, that one a third twice: a few nodes stand for more than there is time for. */
static int64_t most_nodes(const importer *o) { return 65536 + 16 * o->listed; }

bool im_stopped(const importer *o) { return o->imported > most_nodes(o); }

void im_node_import(importer *o, const onnx_node *proto)
{
    if (o->imported++ == most_nodes(o))
        diag_error(&o->s->diags, E_ONNX_FUNCTION, im_span(o, proto), "functions and bodies of loops stand for more than %lld nodes; the model has %lld", (long long)most_nodes(o), (long long)o->listed);
    if (im_stopped(o)) return;
    const char *domain = strcmp(proto->domain, "ai.onnx") == 0 ? "" : proto->domain;
    im_node n = {.o = o, .k = &o->k, .proto = proto, .op = proto->op_type, .domain = domain, .at = im_span(o, proto), .errors = o->s->diags.errors};
    const ir_scope *outer = o->k.scope;
    im_node *around = o->node;
    im_op op;
    n.nout = (int)proto->n_output;
    n.out = ARENA_ARRAY(o->s->arena, im_value *, proto->n_output + 1);
    n.seen = ARENA_ARRAY(o->s->arena, bool, proto->n_attribute + 1);
    o->k.at = n.at;
    o->node = &n;
    if (*proto->name) {
        ir_scope *scope = ARENA_NEW(o->s->arena, ir_scope);
        *scope = (ir_scope){.name = intern(&o->s->names, proto->name), .parent = (ir_scope *)(uintptr_t)outer, .at = n.at};
        o->k.scope = scope;
    }
    const onnx_function *f = im_function_find(o, proto);
    n.version = f ? 0 : im_opset(o, domain);
    if (n.nout == 0) im_fail(&n, E_RESULTS, -1, "it has no result");
    bool known = f || im_op_find(domain, proto->op_type, &op); /* what is not known was reported for all nodes at once */
    if (find_operands(&n) && known && check_attributes(&n) && n.nout) {
        if (f) im_call_function(&n, f);
        else run_handler(&n, &op);
    }
    if (im_failed(&n)) memset(n.out, 0, proto->n_output * sizeof *n.out); /* what is wrong is said once, not of all that follows */
    bind_results(&n);
    o->k.scope = outer;
    o->node = around;
}
