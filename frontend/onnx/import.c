/* The model: its graphs and functions, ports, operator sets, and what of it nothing here knows. */
#include <string.h>
#include "frontend/mapfile.h"
#include "frontend/onnx/import.h"

enum { MOST_DEPTH = 32 }; /* of subgraphs and function calls inside of each other */

/* ---- operator sets and functions ------------------------------------------------------------ */

static int version_in(size_t n, NfcOnnx__OperatorSetIdProto **set, const char *domain)
{
    for (size_t i = 0; i < n; i++) {
        const char *d = strcmp(set[i]->domain, "ai.onnx") == 0 ? "" : set[i]->domain;
        if (strcmp(d, domain) == 0) return (int)set[i]->version;
    }
    return 0;
}

int im_opset(const importer *o, const char *domain)
{
    for (const im_scope *s = o->scope; s; s = s->parent)
        if (s->function) {
            int v = version_in(s->function->n_opset_import, s->function->opset_import, domain);
            if (v) return v;
            break;
        }
    int v = version_in(o->model->n_opset_import, o->model->opset_import, domain);
    return v ? v : 1;
}

static const char *function_key(importer *o, const char *domain, const char *name, const char *overload)
{
    return session_printf(o->s, "%s\1%s\1%s", domain, name, overload);
}

const onnx_function *im_function_find(importer *o, const onnx_node *proto)
{
    if (!o->model->n_functions) return NULL;
    return map_get(&o->functions, function_key(o, proto->domain, proto->op_type, proto->overload));
}

/* ---- what nothing knows --------------------------------------------------------------------- */

typedef struct unknown_op {
    const char *name;
    const onnx_node *first;
    int nodes;
} unknown_op;
typedef VEC(unknown_op) unknown_list;

static void find_unknown(importer *o, unknown_list *list, size_t n, onnx_node **node);

static void find_in_graph(importer *o, unknown_list *list, const onnx_graph *g) { find_unknown(o, list, g->n_node, g->node); }

static void note_unknown(importer *o, unknown_list *list, const onnx_node *node)
{
    im_op op;
    const char *domain = strcmp(node->domain, "ai.onnx") == 0 ? "" : node->domain;
    if (im_function_find(o, node) || im_op_find(domain, node->op_type, &op)) return;
    const char *name = intern(&o->s->names, session_printf(o->s, "%s%s%s", domain, *domain ? "." : "", node->op_type));
    for (int i = 0; i < list->n; i++)
        if (list->at[i].name == name) {
            list->at[i].nodes++;
            return;
        }
    vec_push(o->s->arena, list, ((unknown_op){name, node, 1}));
}

static void find_unknown(importer *o, unknown_list *list, size_t n, onnx_node **node)
{
    for (size_t i = 0; i < n; i++) {
        note_unknown(o, list, node[i]);
        for (size_t k = 0; k < node[i]->n_attribute; k++) {
            const onnx_attribute *a = node[i]->attribute[k];
            if (a->g) find_in_graph(o, list, a->g);
            for (size_t j = 0; j < a->n_graphs; j++) find_in_graph(o, list, a->graphs[j]);
        }
    }
}

/* All at once, so that it is known what a model still wants. */
static void report_unknown(importer *o)
{
    unknown_list list = {0};
    find_in_graph(o, &list, o->model->graph);
    for (size_t i = 0; i < o->model->n_functions; i++) find_unknown(o, &list, o->model->functions[i]->n_node, o->model->functions[i]->node);
    if (!list.n) return;
    const char *text = "";
    for (int i = 0; i < list.n; i++) text = session_printf(o->s, "%s%s%s (%d node%s)", text, i ? ", " : "", list.at[i].name, list.at[i].nodes, list.at[i].nodes == 1 ? "" : "s");
    nfc_diag *d = diag_error(&o->s->diags, E_ONNX_OP, im_span(o, list.at[0].first), "%d operator%s of this model %s not supported: %s", list.n, list.n == 1 ? "" : "s", list.n == 1 ? "is" : "are", text);
    for (int i = 1; i < list.n && i < 10; i++) diag_note(d, im_span(o, list.at[i].first), "the first %s", list.at[i].name);
    diag_help(d, "'nfc ops --onnx' lists what is; a domain other than ONNX's own may be given as functions of the model");
}

/* ---- bodies --------------------------------------------------------------------------------- */

static void declare(im_scope *s, size_t n, onnx_value_info **v)
{
    for (size_t i = 0; i < n; i++)
        if (v[i]->type && *v[i]->name) map_set(&s->declared, v[i]->name, v[i]->type);
}

void im_nodes(importer *o, size_t n, onnx_node **node)
{
    const nfc_span at = o->k.at;
    for (size_t i = 0; i < n; i++) im_node_import(o, node[i]);
    o->k.at = at;
}

void im_graph_body(importer *o, const onnx_graph *g)
{
    declare(o->scope, g->n_value_info, g->value_info);
    declare(o->scope, g->n_output, g->output);
    for (size_t i = 0; i < g->n_initializer; i++) {
        onnx_tensor *t = g->initializer[i];
        if (!*t->name || map_get(&o->scope->names, t->name)) continue;
        if (map_set(&o->scope->tensors, t->name, t)) diag_error(&o->s->diags, E_DUPLICATE, im_span(o, t), "there are two initializers '%s'", t->name);
    }
    for (size_t i = 0; i < g->n_sparse_initializer; i++) im_sparse_initializer(o, g->sparse_initializer[i]);
    im_nodes(o, g->n_node, g->node);
}

bool im_too_deep(importer *o, nfc_span at)
{
    if (o->scope->depth < MOST_DEPTH) return false;
    diag_error(&o->s->diags, E_NESTING, at, "subgraphs and functions lie more than %d deep in each other", MOST_DEPTH);
    return true;
}

static bool declares_attributes(im_node *n, const onnx_function *f)
{
    for (size_t i = 0; i < n->proto->n_attribute; i++) {
        const char *name = n->proto->attribute[i]->name;
        bool known = strcmp(name, "doc_string") == 0;
        for (size_t k = 0; k < f->n_attribute; k++) known |= strcmp(f->attribute[k], name) == 0;
        for (size_t k = 0; k < f->n_attribute_proto; k++) known |= strcmp(f->attribute_proto[k]->name, name) == 0;
        if (!known) return im_fail(n, E_ARGUMENT, -1, "the attribute '%s' is not known", name);
    }
    return true;
}

bool im_call_function(im_node *n, const onnx_function *f)
{
    importer *o = n->o;
    for (const im_scope *s = o->scope; s; s = s->caller)
        if (s->function == f) return im_fail(n, E_ONNX_FUNCTION, -1, "the function calls itself");
    if (im_too_deep(o, n->at)) return false;
    if (n->nin > (int)f->n_input || n->nout > (int)f->n_output) return im_fail(n, E_ONNX_FUNCTION, -1, "the function has %zu operands and %zu results; the node has %d and %d", f->n_input, f->n_output, n->nin, n->nout);
    if (!declares_attributes(n, f)) return false;
    im_scope *s = im_scope_push(o, false);
    s->function = f;
    s->call = n;
    declare(s, f->n_value_info, f->value_info);
    for (int i = 0; i < n->nin; i++)
        if (n->in[i]) im_bind(o, f->input[i], n->in[i]);
    im_nodes(o, f->n_node, f->node);
    for (int i = 0; i < n->nout; i++) {
        im_value *v = im_lookup(o, f->output[i]);
        if (!v && !im_stopped(o)) im_fail(n, E_ONNX_NAME, -1, "the function does not make its result '%s'", f->output[i]);
        if (v) {
            im_value *copy = ARENA_NEW(o->s->arena, im_value);
            *copy = *v;
            im_out_value(n, i, copy);
        }
    }
    im_scope_pop(o);
    return true;
}

/* ---- ports ---------------------------------------------------------------------------------- */

static const ir_sx *port_extent(importer *o, const onnx_value_info *v, const onnx_dim *d, size_t axis)
{
    nfc_span at = im_span(o, v);
    const char *of = session_printf(o->s, "input '%s'", v->name);
    if (d->has_dim_value) {
        if (d->dim_value >= 0 && d->dim_value <= IR_MAX_BOUND) return sx_int(&o->m->sx, d->dim_value);
        diag_error(&o->s->diags, E_SIZE, at, "axis %zu of %s has extent %lld", axis, of, (long long)d->dim_value);
        return sx_int(&o->m->sx, 1);
    }
    const char *name = *d->dim_param ? d->dim_param : session_printf(o->s, "%s.%zu", v->name, axis);
    return im_dim(o, name, 1, at, of);
}

/* The type of an input; NULL after a report. */
const ir_type *im_input_type(importer *o, const onnx_value_info *v, const onnx_type *type, bool *text)
{
    nfc_span at = im_span(o, v);
    const NfcOnnx__TypeProto__Tensor *t = type ? type->tensor_type : NULL;
    if (!t) {
        diag_error(&o->s->diags, E_ONNX_TYPE, at, "input '%s' is no tensor", v->name);
        return NULL;
    }
    nfc_dtype dtype = onnx_dtype(t->elem_type);
    if (dtype == DT_COUNT) {
        diag_error(&o->s->diags, E_DTYPE, at, "input '%s' has the element type %s, which is none of nfc's", v->name, onnx_type_name(t->elem_type));
        return NULL;
    }
    *text = dtype == DT_string;
    if (!t->shape || t->shape->n_dim + *text > IR_MAX_RANK) {
        diag_error(&o->s->diags, E_RANK, at, t->shape ? "input '%s' has more than %d axes" : "the rank of input '%s' is not known", v->name, IR_MAX_RANK - *text);
        return NULL;
    }
    const ir_sx *dim[IR_MAX_RANK];
    int rank = (int)t->shape->n_dim;
    for (int i = 0; i < rank; i++) dim[i] = port_extent(o, v, t->shape->dim[i], (size_t)i);
    if (*text) dim[rank++] = sx_int(&o->m->sx, o->options->text_length);
    return ir_tensor(o->m, *text ? DT_u8 : dtype, rank, dim);
}

ir_value *im_add_input(importer *o, const char *name, const ir_type *type, nfc_span at)
{
    ir_port port = {.name = im_port_name(o, name, "input"), .type = type, .at = at};
    vec_push(o->m->arena, &o->g->input, port);
    return ir_block_arg(o->entry, type, port.name, at);
}

/* -D of an integer's own name: the run checks that the input is this number, or from 0 to it, and what follows
 * from it is known at compile time: branches, trip counts, sizes. */
static ir_value *bound_input(importer *o, const onnx_value_info *v, ir_value *x)
{
    if (!dtype_is_int(x->type->dtype) || ir_max_elements(x->type) != 1) return x;
    const lower_binding *b = im_binding(o, v->name);
    if (!b) return x;
    o->k.at = im_span(o, v);
    const ir_sx *is = im_element(o, x, 0, b->bounded ? 0 : b->value, b->value);
    return mk_reshape(&o->k, mk_index_tensor(&o->k, is, x->type->dtype), x->type->rank, x->type->dim);
}

static void add_input(importer *o, const onnx_value_info *v)
{
    im_value *value = im_value_of(o, v->name, im_poison(o));
    if (im_keep_input(o, v, value)) {
        im_bind(o, v->name, value);
        return;
    }
    if (v->type && (v->type->sequence_type || v->type->optional_type)) im_container_input(o, v, value);
    else if (v->type && v->type->map_type) im_map_input(o, v, value);
    else {
        const ir_type *type = im_input_type(o, v, v->type, &value->text);
        if (type) value->tensor = bound_input(o, v, im_add_input(o, v->name, type, im_span(o, v)));
    }
    if (map_get(&o->scope->names, v->name)) diag_error(&o->s->diags, E_DUPLICATE, im_span(o, v), "there are two inputs '%s'", v->name);
    im_bind(o, v->name, value);
}

void im_add_output(importer *o, im_outputs *out, const char *name, ir_value *v, nfc_span at)
{
    ir_port port = {.name = im_port_name(o, name, "output"), .type = v->type, .at = at};
    vec_push(o->m->arena, &o->g->output, port);
    vec_push(o->s->arena, out, v);
}

/* Extents that the model declares and the compiler does not know otherwise are checked by the run. */
static ir_value *as_declared(importer *o, const onnx_value_info *v, im_value *value)
{
    const onnx_shape *shape = v->type && v->type->tensor_type ? v->type->tensor_type->shape : NULL;
    ir_value *x = value->tensor;
    int rank = x->type->rank - value->text;
    if (ir_is_poison(x) || !shape || (int)shape->n_dim != rank) return x;
    const ir_sx *dim[IR_MAX_RANK];
    for (int i = 0; i < x->type->rank; i++) dim[i] = x->type->dim[i];
    for (int i = 0; i < rank; i++)
        if (!sx_is_const(dim[i]) && shape->dim[i]->has_dim_value && shape->dim[i]->dim_value >= sx_min(dim[i]) && shape->dim[i]->dim_value <= sx_max(dim[i])) dim[i] = sx_int(&o->m->sx, shape->dim[i]->dim_value);
    return mk_reshape(&o->k, x, x->type->rank, dim);
}

/* An extent that only the run knows becomes a dim of the result, which the run sets. */
static void result_dims(importer *o, im_outputs *out)
{
    for (int i = 0; i < out->n; i++) {
        ir_port *port = &o->g->output.at[i];
        if (ir_is_poison(out->at[i])) continue;
        const ir_sx *dim[IR_MAX_RANK];
        for (int k = 0; k < port->type->rank; k++) dim[k] = im_result_extent(o, port->name, k, port->type->dim[k], port->at);
        port->type = ir_tensor(o->m, port->type->dtype, port->type->rank, dim);
    }
}

static void add_output(importer *o, const onnx_value_info *v, im_outputs *out)
{
    im_value *value = im_lookup(o, v->name);
    o->k.at = im_span(o, v);
    if (!value) diag_error(&o->s->diags, E_ONNX_NAME, o->k.at, "nothing makes the output '%s'", v->name);
    else if (value->kind == IM_TENSOR && im_keep_output(o, v, value->tensor)) return;
    else if (value->kind != IM_TENSOR) im_container_output(o, v, value, out);
    else im_add_output(o, out, v->name, as_declared(o, v, value), o->k.at);
}

static void import_graph(importer *o)
{
    const onnx_graph *g = o->model->graph;
    const nfc_span at = {o->listing, 1, 1, 0};
    o->g = ir_graph_new(o->m, o->m->name, at);
    o->entry = ir_block_new(o->g->body, "entry", at);
    o->k = (mk){.m = o->m, .block = o->entry, .at = at, .made = im_made, .env = o};
    im_scope_push(o, false);
    declare(o->scope, g->n_input, g->input);
    nfc_map initialized; /* those are constants, though old models list them among the inputs */
    map_init(&initialized, o->s->arena);
    for (size_t i = 0; i < g->n_initializer; i++) map_set(&initialized, g->initializer[i]->name, g->initializer[i]);
    int errors = o->s->diags.errors;
    for (size_t i = 0; i < g->n_input; i++)
        if (!map_get(&initialized, g->input[i]->name)) add_input(o, g->input[i]);
    if (o->s->diags.errors > errors) return; /* what nodes make of extents that are not known would mislead */
    im_graph_body(o, g);
    im_outputs out = {0};
    for (size_t i = 0; i < g->n_output; i++) add_output(o, g->output[i], &out);
    result_dims(o, &out);
    ir_inst *leave = ir_new(o->m, IR_return, at, out.n, out.at);
    im_finish_states(o, leave);
    ir_append(o->k.block, leave);
    ir_order_blocks(o->s->arena, o->g->body);
}

/* ---- models --------------------------------------------------------------------------------- */

/* A function's operands differ in name, and the defaults of its attributes are values. */
static void check_function(importer *o, const onnx_function *f)
{
    nfc_map inputs;
    map_init(&inputs, o->s->arena);
    for (size_t i = 0; i < f->n_input; i++)
        if (map_set(&inputs, f->input[i], f->input[i])) diag_error(&o->s->diags, E_DUPLICATE, im_span(o, f), "the function '%s' has two operands '%s'", f->name, f->input[i]);
    for (size_t i = 0; i < f->n_attribute_proto; i++)
        if (*f->attribute_proto[i]->ref_attr_name) diag_error(&o->s->diags, E_ONNX_FUNCTION, im_span(o, f), "attribute '%s' of the function '%s' has another attribute as its default", f->attribute_proto[i]->name, f->name);
}

static void register_functions(importer *o)
{
    for (size_t i = 0; i < o->model->n_functions; i++) {
        const onnx_function *f = o->model->functions[i];
        if (map_set(&o->functions, function_key(o, f->domain, f->name, f->overload), (void *)(uintptr_t)f))
            diag_error(&o->s->diags, E_DUPLICATE, im_span(o, f), "there are two functions '%s'", f->name);
        check_function(o, f);
    }
}

static const char *module_name(importer *o, const char *path)
{
    const char *base = strrchr(path, '/');
    base = base ? base + 1 : path;
    const char *dot = strrchr(base, '.');
    return im_identifier(o, session_printf(o->s, "%.*s", dot && dot > base ? (int)(dot - base) : (int)strlen(base), base));
}

/* Each domain once, with a version that is known. */
static bool check_opsets(importer *o, const char *path, size_t n, NfcOnnx__OperatorSetIdProto **set)
{
    enum { NEWEST_OPSET = 28, MOST_VERSION = 9999 };
    nfc_map seen;
    int errors = o->s->diags.errors;
    map_init(&seen, o->s->arena);
    for (size_t i = 0; i < n; i++) {
        const bool own = !*set[i]->domain || strcmp(set[i]->domain, "ai.onnx") == 0;
        const char *name = own ? "ai.onnx" : set[i]->domain;
        const long long version = (long long)set[i]->version, newest = own ? NEWEST_OPSET : MOST_VERSION;
        if (map_set(&seen, name, set[i])) diag_error_in(&o->s->diags, E_ONNX_TWICE, path, "the operator set '%s' is given twice", name);
        if (version < 1) diag_error_in(&o->s->diags, E_ONNX_FILE, path, "the operator set '%s' has version %lld", name, version);
        if (version > newest) diag_error_in(&o->s->diags, E_ONNX_FILE, path, "the operator set '%s' has version %lld; the newest known is %lld", name, version, newest);
    }
    return o->s->diags.errors == errors;
}

static bool check_model(importer *o, const char *path)
{
    enum { NEWEST_IR = 14, OPSETS_SINCE = 3 };
    const onnx_model *m = o->model;
    if (!m->graph) diag_error_in(&o->s->diags, E_ONNX_FILE, path, "the model has no graph");
    else if (m->ir_version > NEWEST_IR) diag_error_in(&o->s->diags, E_ONNX_FILE, path, "the model has IR version %lld; the newest known is %d", (long long)m->ir_version, NEWEST_IR);
    else if (m->ir_version < 1) diag_error_in(&o->s->diags, E_ONNX_FILE, path, "the model has IR version %lld", (long long)m->ir_version);
    else if (m->ir_version >= OPSETS_SINCE && m->n_opset_import == 0) diag_error_in(&o->s->diags, E_ONNX_FILE, path, "the model does not say which operator sets it uses");
    else {
        bool known = check_opsets(o, path, m->n_opset_import, m->opset_import);
        for (size_t i = 0; i < m->n_functions; i++) known &= check_opsets(o, path, m->functions[i]->n_opset_import, m->functions[i]->opset_import);
        return known;
    }
    return false;
}

bool onnx_is_model(const char *path)
{
    size_t n = strlen(path);
    return n > 5 && strcmp(path + n - 5, ".onnx") == 0;
}

/* The file, and those of its external data that something needed. */
static void note_files(importer *o)
{
    const onnx_file *f = o->file;
    vec_push(o->m->arena, &o->m->read, ((ir_read){f->path, f->map, f->size}));
    for (int i = 0; i < f->external.n; i++) {
        const mapped_file *m = f->external.entry[i].value;
        const char *location = arena_strndup(o->m->arena, f->external.entry[i].key, f->external.entry[i].n);
        vec_push(o->m->arena, &o->m->read, ((ir_read){location, m->at, m->size}));
    }
}

ir_module *onnx_import(nfc_session *s, const char *path, lower_options *options)
{
    importer o = {.s = s, .options = options, .file = onnx_open(s, path)};
    if (options->text_length < 1) options->text_length = 64;
    if (!o.file) return NULL;
    o.model = o.file->model;
    nfc_map *maps[] = {&o.facts, &o.lines, &o.dims, &o.port_names, &o.functions, &o.constants, &o.widened, &o.kept};
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) map_init(maps[i], s->arena);
    if (!check_model(&o, path)) return NULL;
    o.m = ir_module_new(s, module_name(&o, path));
    im_write_listing(&o, path);
    vec_push(s->arena, &o.m->file, o.listing);
    o.m->read_from = o.listing;
    register_functions(&o);
    report_unknown(&o);
    import_graph(&o);
    note_files(&o);
    if (!s->diags.errors) options_check(s, options, o.m, NULL); /* -D may be for what was not looked at */
    return s->diags.errors ? NULL : o.m;
}
