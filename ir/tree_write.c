#include <string.h>
#include "frontend/safetensors.h"
#include "ir/tree.h"

typedef struct {
    ir_module *m;
    nfc_arena *a;
} writer;

static json_node *place(writer *w, nfc_span at)
{
    json_node *n = json_array(w->a);
    int file = 0;
    for (int i = 0; i < w->m->file.n; i++)
        if (w->m->file.at[i] == at.file) file = i + 1;
    json_push(n, json_int(w->a, file));
    json_push(n, json_int(w->a, at.line));
    json_push(n, json_int(w->a, at.col));
    json_push(n, json_int(w->a, at.len == UINT32_MAX ? -1 : (int64_t)at.len));
    return n;
}

static const char *symbol_name(void *env, const ir_sym *sym)
{
    writer *w = env;
    return sym->is_dim ? sym->name : arena_printf(w->a, "%%%d", sym->value->id);
}

static json_node *expression(writer *w, const ir_sx *x)
{
    if (sx_is_const(x)) return json_int(w->a, sx_value(x));
    return json_string(w->a, sx_text_named(w->a, x, symbol_name, w));
}

static json_node *type(writer *w, const ir_type *t)
{
    json_node *n = json_object(w->a);
    if (t->kind == IR_INDEX) {
        json_set(n, "kind", json_string(w->a, "index"));
    } else if (t->kind == IR_TOKEN) {
        json_set(n, "kind", json_string(w->a, "token"));
        json_set(n, "state", json_int(w->a, t->state->id));
    } else {
        json_node *shape = json_array(w->a);
        for (int i = 0; i < t->rank; i++) json_push(shape, expression(w, t->dim[i]));
        json_set(n, "dtype", json_string(w->a, dtype_name(t->dtype)));
        json_set(n, "shape", shape);
    }
    return n;
}

static json_node *value(writer *w, const ir_value *v)
{
    json_node *n = json_object(w->a);
    json_set(n, "at", place(w, v->at));
    json_set(n, "id", json_int(w->a, v->id));
    if (v->name) json_set(n, "name", json_string(w->a, v->name));
    json_set(n, "type", type(w, v->type));
    if (v->sym) {
        json_set(n, "max", json_int(w->a, v->sym->hi));
        json_set(n, "min", json_int(w->a, v->sym->lo));
    }
    return n;
}

static json_node *attribute(writer *w, const ir_attr *a)
{
    json_node *list;
    switch (a->kind) {
    case IR_ATTR_INT: return json_int(w->a, a->i);
    case IR_ATTR_FLOAT: return json_float(w->a, a->f);
    case IR_ATTR_STR: return json_string(w->a, a->s);
    case IR_ATTR_DTYPE: return json_string(w->a, dtype_name(a->t));
    case IR_ATTR_SXS:
        list = json_array(w->a);
        for (int i = 0; i < a->n; i++) json_push(list, expression(w, a->sx[i]));
        return list;
    case IR_ATTR_FLOATS:
        list = json_array(w->a);
        for (int i = 0; i < a->n; i++) json_push(list, json_float(w->a, a->fs[i]));
        return list;
    case IR_ATTR_NONE: break;
    }
    return NULL;
}

static json_node *scopes(writer *w, const ir_scope *s)
{
    json_node *list = s->parent ? scopes(w, s->parent) : json_array(w->a);
    json_push(list, json_string(w->a, s->name));
    return list;
}

static json_node *hints(writer *w, const ir_hints *h)
{
    json_node *n = json_object(w->a);
    if (h->fuse) json_set(n, "fuse", json_bool(w->a, h->fuse > 0));
    if (h->group) json_set(n, "group", json_string(w->a, h->group));
    if (h->no_reorder) json_set(n, "no_reorder", json_bool(w->a, true));
    if (h->placement) json_set(n, "placement", json_string(w->a, h->placement));
    return n;
}

/* Elements as the hexadecimal digits of their bytes: exact, and the same on every machine. */
static json_node *bytes(writer *w, const void *data, size_t n)
{
    static const char digit[] = "0123456789abcdef";
    const unsigned char *p = data;
    char *text = arena_alloc(w->a, 2 * n + 1);
    for (size_t i = 0; i < n; i++) {
        text[2 * i] = digit[p[i] >> 4];
        text[2 * i + 1] = digit[p[i] & 15];
    }
    return json_string(w->a, text);
}

static json_node *constant(writer *w, const ir_inst *inst)
{
    const ir_const *c = inst->constant;
    json_node *n = json_object(w->a);
    if (inst->op == IR_const) {
        json_set(n, "data", bytes(w, c->data, (size_t)ir_max_bytes(inst->out[0]->type)));
        return n;
    }
    json_node *tensors = json_array(w->a);
    for (int i = 0; i < c->ntensor; i++) json_push(tensors, json_string(w->a, c->tensor[i]));
    json_set(n, "package", json_string(w->a, c->package->name));
    if (c->pattern) json_set(n, "pattern", json_string(w->a, c->pattern));
    json_set(n, "tensors", tensors);
    return n;
}

static json_node *selectors(writer *w, const ir_inst *inst)
{
    json_node *list = json_array(w->a);
    for (int i = 0; i < inst->nsel; i++) {
        json_node *s = json_object(w->a);
        json_set(s, "at", place(w, inst->sel[i].at));
        json_set(s, "start", expression(w, inst->sel[i].start));
        if (!inst->sel[i].one) json_set(s, "extent", expression(w, inst->sel[i].extent));
        json_push(list, s);
    }
    return list;
}

static json_node *origins(writer *w, const ir_origin *o)
{
    json_node *list = json_array(w->a);
    for (; o; o = o->next) {
        json_node *n = json_object(w->a);
        json_set(n, "at", place(w, o->at));
        json_set(n, "op", json_string(w->a, op_get(o->op)->name));
        if (o->name) json_set(n, "name", json_string(w->a, o->name));
        if (o->scope) json_set(n, "scope", scopes(w, o->scope));
        json_push(list, n);
    }
    return list;
}

static json_node *blocks(writer *w, const ir_region *r);

static void inputs(writer *w, json_node *n, const ir_inst *inst)
{
    json_node *in = json_array(w->a);
    for (int i = 0; i < inst->nin; i++) json_push(in, inst->in[i] ? json_int(w->a, inst->in[i]->id) : json_bool(w->a, false));
    if (inst->nin) json_set(n, "in", in);
    if (inst->nindex) {
        json_node *index = json_array(w->a);
        for (int i = 0; i < inst->nindex; i++) json_push(index, expression(w, inst->index[i]));
        json_set(n, "index", index);
    }
    if (inst->nedge) {
        json_node *edges = json_array(w->a);
        for (int i = 0; i < inst->nedge; i++) {
            json_node *e = json_object(w->a);
            json_set(e, "first", json_int(w->a, inst->edge[i].first));
            json_set(e, "n", json_int(w->a, inst->edge[i].n));
            json_set(e, "to", json_int(w->a, inst->edge[i].to->id));
            json_push(edges, e);
        }
        json_set(n, "edges", edges);
    }
}

static json_node *instruction(writer *w, const ir_inst *inst)
{
    const op_info *info = op_get(inst->op);
    json_node *n = json_object(w->a), *attrs = json_object(w->a);
    json_set(n, "at", place(w, inst->at));
    json_set(n, "op", json_string(w->a, info->name));
    inputs(w, n, inst);
    for (int i = 0; i < info->nattr; i++)
        if (inst->attr[i].kind != IR_ATTR_NONE) json_set(attrs, info->attr[i].name, attribute(w, &inst->attr[i]));
    if (attrs->child) json_set(n, "attrs", attrs);
    if (inst->nout) {
        json_node *out = json_array(w->a);
        for (int i = 0; i < inst->nout; i++) json_push(out, value(w, inst->out[i]));
        json_set(n, "out", out);
    }
    if (inst->constant) json_set(n, "constant", constant(w, inst));
    if (inst->state) json_set(n, "state", json_int(w->a, inst->state->id));
    if (inst->state) json_set(n, "sel", selectors(w, inst)); /* none for a state of rank 0 */
    if (inst->scope) json_set(n, "scope", scopes(w, inst->scope));
    if (inst->hints) json_set(n, "hints", hints(w, inst->hints));
    if (inst->from) json_set(n, "from", origins(w, inst->from));
    if (inst->label) json_set(n, "label", json_string(w->a, inst->label));
    if (inst->nregion) json_set(n, "blocks", blocks(w, inst->region[0]));
    return n;
}

static json_node *blocks(writer *w, const ir_region *r)
{
    json_node *list = json_array(w->a);
    for (const ir_block *b = r->first; b; b = b->next) {
        json_node *n = json_object(w->a), *args = json_array(w->a), *insts = json_array(w->a);
        for (int i = 0; i < b->arg.n; i++) json_push(args, value(w, b->arg.at[i]));
        for (const ir_inst *i = b->first; i; i = i->next) json_push(insts, instruction(w, i));
        json_set(n, "args", args);
        json_set(n, "at", place(w, b->at));
        json_set(n, "id", json_int(w->a, b->id));
        json_set(n, "insts", insts);
        json_set(n, "name", json_string(w->a, b->name));
        json_push(list, n);
    }
    return list;
}

static json_node *port(writer *w, const ir_port *p)
{
    json_node *n = json_object(w->a);
    json_set(n, "at", place(w, p->at));
    if (p->bound.has_max) json_set(n, "max", json_float(w->a, p->bound.max));
    if (p->bound.has_min) json_set(n, "min", json_float(w->a, p->bound.min));
    json_set(n, "name", json_string(w->a, p->name));
    json_set(n, "type", type(w, p->type));
    return n;
}

static json_node *graph(writer *w, const ir_graph *g)
{
    json_node *n = json_object(w->a), *in = json_array(w->a), *out = json_array(w->a);
    for (int i = 0; i < g->input.n; i++) json_push(in, port(w, &g->input.at[i]));
    for (int i = 0; i < g->output.n; i++) json_push(out, port(w, &g->output.at[i]));
    json_set(n, "at", place(w, g->at));
    json_set(n, "blocks", blocks(w, g->body));
    json_set(n, "inputs", in);
    json_set(n, "name", json_string(w->a, g->name));
    json_set(n, "outputs", out);
    return n;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static json_node *declarations(writer *w, json_node *n)
{
    ir_module *m = w->m;
    json_node *dims = json_array(w->a), *packages = json_array(w->a), *states = json_array(w->a), *sources = json_array(w->a);
    for (int i = 0; i < m->dim.n; i++) {
        json_node *d = json_object(w->a);
        json_set(d, "at", place(w, m->dim.at[i].at));
        json_set(d, "bounded", json_bool(w->a, m->dim.at[i].bounded));
        if (m->dim.at[i].sym->is_result) json_set(d, "result", json_bool(w->a, true));
        json_set(d, "name", json_string(w->a, m->dim.at[i].sym->name));
        json_set(d, "value", json_int(w->a, m->dim.at[i].sym->hi));
        json_push(dims, d);
    }
    for (int i = 0; i < m->package.n; i++) {
        const package *p = m->package.at[i];
        json_node *d = json_object(w->a);
        json_set(d, "at", place(w, p->at));
        json_set(d, "name", json_string(w->a, p->name));
        json_set(d, "path", json_string(w->a, p->written));
        json_push(packages, d);
    }
    for (int i = 0; i < m->state.n; i++) {
        const ir_state *st = m->state.at[i];
        json_node *d = json_object(w->a);
        json_set(d, "at", place(w, st->at));
        if (st->graph) json_set(d, "graph", json_string(w->a, st->graph->name));
        json_set(d, "id", json_int(w->a, st->id));
        json_set(d, "name", json_string(w->a, st->name));
        json_set(d, "type", type(w, st->type));
        json_push(states, d);
    }
    for (int i = 0; i < m->file.n; i++) json_push(sources, json_string(w->a, base_name(source_get(&m->session->sources, m->file.at[i])->path)));
    json_set(n, "dims", dims);
    json_set(n, "packages", packages);
    json_set(n, "sources", sources);
    json_set(n, "states", states);
    return n;
}

json_node *ir_to_tree(ir_module *m)
{
    writer w = {m, m->arena};
    ir_number(m);
    json_node *n = json_object(w.a), *graphs = json_array(w.a);
    json_set(n, "name", json_string(w.a, m->name));
    json_set(n, "schema", json_string(w.a, IR_SCHEMA));
    declarations(&w, n);
    for (int i = 0; i < m->graph.n; i++) json_push(graphs, graph(&w, m->graph.at[i]));
    json_set(n, "graphs", graphs);
    return n;
}
