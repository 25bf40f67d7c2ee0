/* Building a module from its tree. Nothing is believed: every reference, number and type is checked,
 * and the whole is verified before anybody uses it. */
#include <string.h>
#include "frontend/safetensors.h"
#include "ir/tree_reader.h"

static void read_sources(tree_reader *r, const json_node *tree)
{
    const json_node *list = tree_member(r, tree, "sources", JSON_ARRAY);
    const char *slash = strrchr(r->path, '/');
    for (const json_node *k = list ? list->child : NULL; k; k = k->next) {
        if (k->kind != JSON_STRING) {
            tree_bad(r, k, "a source is a path");
            return;
        }
        /* The text, for excerpts, if it still stands beside the file. */
        const char *path = slash ? session_printf(r->s, "%.*s/%s", (int)(slash - r->path), r->path, k->text) : k->text;
        char *body = NULL;
        size_t size = 0;
        bool have = !strchr(k->text, '/') && read_file(r->s->arena, path, 64 << 20, &body, &size) == READ_OK;
        vec_push(r->s->arena, &r->m->file, source_add(&r->s->sources, path, have ? body : NULL, size));
    }
}

static void read_dims(tree_reader *r, const json_node *tree)
{
    const json_node *list = tree_member(r, tree, "dims", JSON_ARRAY);
    for (const json_node *k = list ? list->child : NULL; k && tree_members(r, k, "at bounded name result value"); k = k->next) {
        const json_node *bounded = tree_member(r, k, "bounded", JSON_BOOL);
        ir_dim d = {.bounded = bounded && bounded->truth, .at = tree_place(r, k)};
        int64_t v = tree_number(r, k, "value", d.bounded, 1 << 30);
        const char *name = tree_name(r, k, "name");
        if (r->failed) return;
        const lower_binding *b = options_dim(r->options, name);
        if (b && (!d.bounded || b->value > v)) diag_error_in(&r->s->diags, E_USAGE_DIM, session_printf(r->s, "-D %s", name), d.bounded ? "%lld is over its bound %lld" : "%lld: the file binds it already, to %lld", (long long)b->value, (long long)v);
        if (b) v = b->value;
        if (b) d.bounded = b->bounded;
        d.sym = sx_new_sym(&r->m->sx, name, d.bounded ? 1 : v, v, d.at);
        d.sym->is_dim = true;
        const json_node *result = json_get(k, "result") ? tree_member(r, k, "result", JSON_BOOL) : NULL;
        if (result && result->truth && d.bounded) {
            d.sym->is_result = true;
            d.sym->lo = 0;
        }
        if (!d.bounded) d.sym->is = sx_int(&r->m->sx, v);
        if (map_set(&r->dims, name, d.sym)) tree_bad(r, k, "two dims have this name");
        vec_push(r->s->arena, &r->m->dim, d);
    }
}

static void read_packages(tree_reader *r, const json_node *tree)
{
    const json_node *list = tree_member(r, tree, "packages", JSON_ARRAY);
    const char *slash = strrchr(r->path, '/');
    for (const json_node *k = list ? list->child : NULL; k && tree_members(r, k, "at name path"); k = k->next) {
        const char *name = tree_name(r, k, "name"), *written = tree_text(r, k, "path"), *path = written;
        if (written[0] != '/' && slash) path = session_printf(r->s, "%.*s/%s", (int)(slash - r->path), r->path, written);
        const char *other = options_model(r->options, name);
        if (other) path = other;
        nfc_span at = tree_place(r, k);
        package *p = r->failed ? NULL : package_open(r->s, name, path, at);
        if (!p) {
            r->failed = true;
            return;
        }
        p->written = written;
        p->shown = other ? other : written;
        vec_push(r->s->arena, &r->m->package, p);
    }
}

static void read_states(tree_reader *r, const json_node *tree)
{
    const json_node *list = tree_member(r, tree, "states", JSON_ARRAY);
    for (const json_node *k = list ? list->child : NULL; k && !r->failed; k = k->next) {
        if (!tree_members(r, k, "at graph id name type")) return;
        const json_node *t = tree_member(r, k, "type", JSON_OBJECT), *g = json_get(k, "graph");
        ir_graph *owner = g ? ir_graph_named(r->m, tree_text(r, k, "graph")) : NULL;
        if (g && !owner) tree_bad(r, g, "there is no such graph");
        if (tree_number(r, k, "id", 0, INT32_MAX) != r->m->next_state) tree_bad(r, k, "states are numbered in order");
        const ir_type *st = t ? tree_type(r, t) : NULL;
        if (r->failed || st->kind != IR_TENSOR) tree_bad(r, k, "a state is a tensor");
        else ir_state_new(r->m, owner, tree_name(r, k, "name"), st, tree_place(r, k));
    }
}

/* A bound is a number; it is written as a float. */
static bool bound(tree_reader *r, const json_node *k, double *value)
{
    if (!k) return false;
    *value = k->number;
    return k->kind == JSON_FLOAT || k->kind == JSON_INT || tree_bad(r, k, "a bound is a number, not %s", json_kind_name(k->kind));
}

static void read_port(tree_reader *r, const json_node *k, bool out)
{
    if (!tree_members(r, k, out ? "at name type" : "at max min name type")) return;
    const json_node *t = tree_member(r, k, "type", JSON_OBJECT);
    ir_port p = {.name = tree_name(r, k, "name"), .at = tree_place(r, k), .type = t ? tree_type(r, t) : NULL};
    p.bound.at = p.at;
    p.bound.has_min = bound(r, json_get(k, "min"), &p.bound.min);
    p.bound.has_max = bound(r, json_get(k, "max"), &p.bound.max);
    if (r->failed) return;
    if (p.type->kind != IR_TENSOR) tree_bad(r, t, "an input or output is a tensor");
    const ir_port *other = out ? r->g->output.at : r->g->input.at;
    for (int i = 0; i < (out ? r->g->output.n : r->g->input.n); i++)
        if (other[i].name == p.name) tree_bad(r, k, "two %s have the name '%s'", out ? "outputs" : "inputs", p.name);
    if (out) vec_push(r->s->arena, &r->g->output, p);
    else vec_push(r->s->arena, &r->g->input, p);
}

static void read_ports(tree_reader *r, const json_node *n, bool out)
{
    const json_node *list = tree_member(r, n, out ? "outputs" : "inputs", JSON_ARRAY);
    for (const json_node *k = list ? list->child : NULL; k && !r->failed; k = k->next) read_port(r, k, out);
}

static void check_entry(tree_reader *r, const json_node *n)
{
    const ir_block *entry = r->g->body->first;
    bool ok = entry->arg.n == r->g->input.n;
    for (int i = 0; ok && i < entry->arg.n; i++) ok = ir_same_type(entry->arg.at[i]->type, r->g->input.at[i].type);
    if (!ok) tree_bad(r, n, "the entry block's arguments are not the inputs");
}

static void read_graphs(tree_reader *r, const json_node *list)
{
    int g = 0;
    for (const json_node *k = list->child; k && !r->failed; k = k->next, g++) {
        r->g = r->m->graph.at[g];
        for (int i = 0; i < r->m->state.n; i++)
            if (!r->m->state.at[i]->graph || r->m->state.at[i]->graph == r->g) vec_push(r->s->arena, &r->g->state, r->m->state.at[i]);
        read_ports(r, k, false);
        read_ports(r, k, true);
        const json_node *blocks = tree_member(r, k, "blocks", JSON_ARRAY);
        if (blocks && tree_blocks(r, blocks, r->g->body)) check_entry(r, k);
    }
}

/* The name of a module becomes the names of files. */
static const char *module_name(tree_reader *r, const json_node *tree)
{
    const char *name = tree_text(r, tree, "name");
    bool ok = *name && name[0] != '.' && strlen(name) < 200;
    for (const char *c = name; *c; c++) ok &= *c != '/' && (unsigned char)*c > ' ';
    if (!ok && !r->failed) tree_bad(r, json_get(tree, "name"), "the name cannot be part of a file's name");
    return name;
}

static void add_graphs(tree_reader *r, const json_node *list)
{
    for (const json_node *k = list->child; k && tree_members(r, k, "at blocks inputs name outputs"); k = k->next) {
        const char *name = tree_name(r, k, "name");
        nfc_span at = tree_place(r, k);
        if (!r->failed && ir_graph_named(r->m, name)) tree_bad(r, k, "two graphs have this name");
        if (!r->failed) ir_graph_new(r->m, name, at);
    }
    if (!list->child) tree_bad(r, list, "a module has a graph");
}

static void read_module(tree_reader *r, const json_node *tree)
{
    const json_node *graphs = tree_member(r, tree, "graphs", JSON_ARRAY);
    read_sources(r, tree);
    read_dims(r, tree);
    if (!r->failed) read_packages(r, tree);
    if (!r->failed) add_graphs(r, graphs);
    if (!r->failed) read_states(r, tree);
    if (!r->failed) read_graphs(r, graphs);
    if (!r->failed) options_check(r->s, r->options, r->m, NULL);
}

ir_module *ir_from_tree(nfc_session *s, const json_node *tree, const char *path, lower_options *options)
{
    tree_reader r = {.s = s, .path = path, .options = options};
    const json_node *schema = tree_member(&r, tree, "schema", JSON_STRING);
    if (schema && strcmp(schema->text, IR_SCHEMA) != 0) tree_bad(&r, schema, "this is not " IR_SCHEMA);
    if (r.failed || !tree_members(&r, tree, "dims graphs name packages schema sources states")) return NULL;
    r.m = ir_module_new(s, module_name(&r, tree));
    map_init(&r.dims, s->arena);
    map_init(&r.scopes, s->arena);
    read_module(&r, tree);
    if (r.failed || s->diags.errors) return NULL;
    const char *broken = ir_verify(r.m);
    if (broken) tree_bad(&r, tree, "%s", broken);
    return r.failed ? NULL : r.m;
}
