/* Packages, constants, dims, states: what the graphs of a module share. */
#include <string.h>
#include "frontend/lower.h"

/* ---- packages ------------------------------------------------------------------------------ */

static const char *beside(lower *l, const char *path)
{
    if (path[0] == '/') return path;
    const char *slash = strrchr(l->ast->path, '/');
    if (!slash) return path;
    return session_printf(l->s, "%.*s/%s", (int)(slash - l->ast->path), l->ast->path, path);
}

static void lower_models(lower *l)
{
    for (const ast_model *a = l->ast->model; a; a = a->next) {
        const char *name = a->name.text ? a->name.text : "model";
        package *other = map_get(&l->packages, name);
        if (other) {
            nfc_diag *d = lower_error(l, E_DUPLICATE, a->at, "the package '%s' is declared twice", name);
            diag_note(d, other->at, "first here");
            diag_help(d, "a second package has a name of its own: model NAME \"FILE\";");
            continue;
        }
        const char *path = options_model(l->options, name);
        package *p = path || a->path ? package_open(l->s, name, path ? path : beside(l, a->path), a->path_at) : NULL;
        if (!p) { /* reported; what it would hold stays silent */
            p = ARENA_NEW(l->s->arena, package);
            p->at = a->at;
            p->name = name;
        }
        p->written = a->path;
        p->shown = path ? path : a->path;
        map_set(&l->packages, name, p);
        vec_push(l->m->arena, &l->m->package, p);
    }
}

/* ---- constants and dims -------------------------------------------------------------------- */

static bool name_is_free(lower *l, ast_name name, const char *what)
{
    lower_constant *c = map_get(&l->constants, name.text);
    ir_dim *d = map_get(&l->dims, name.text);
    ir_state *st = map_get(&l->states, name.text);
    if (!c && !d && !st) return true;
    nfc_span first = c ? c->ast->name.at : d ? d->at : st->at;
    diag_note(lower_error(l, E_DUPLICATE, name.at, "%s '%s' has the name of another %s", what, name.text, c ? "constant" : d ? "dim" : "state"), first, "declared here");
    return false;
}

static void lower_dim(lower *l, const ast_const *a)
{
    enum { LARGEST = 1 << 30 };
    if (!name_is_free(l, a->name, "the dim")) return;
    const lower_binding *b = options_dim(l->options, a->name.text);
    const ir_sx *value = a->value ? lower_sx(l, a->value, SX_STATIC) : NULL;
    ir_dim d = {.bounded = a->bounded, .at = a->name.at};
    int64_t v = value ? sx_value(value) : 1;
    if (value && (v < a->bounded || v > LARGEST)) {
        lower_error(l, E_DIM, a->value->at, a->bounded ? "the bound of dim '%s' is %lld, which is not from %d to %d" : "dim '%s' is %lld, which is not from %d to %d", a->name.text, (long long)v, a->bounded, LARGEST);
        value = NULL;
    }
    if (b && a->bounded && !b->bounded && b->value > v)
        diag_note(diag_error_in(&l->s->diags, E_USAGE_DIM, session_printf(l->s, "-D %s", b->name), "%lld is over its bound %lld", (long long)b->value, (long long)v), a->name.at, "bounded here");
    if (b) {
        v = b->value;
        d.bounded = b->bounded;
    }
    ir_dim *own = ARENA_NEW(l->m->arena, ir_dim);
    map_set(&l->dims, a->name.text, own);
    *own = d;
    if (!b && !value) { /* reported; what is made of it stays silent */
        if (!a->value) diag_help(lower_error(l, E_DIM, a->name.at, "dim '%s' has no value", a->name.text), "give it with -D %s=4, or write a default here", a->name.text);
        return;
    }
    d.sym = sx_new_sym(&l->m->sx, a->name.text, d.bounded ? 1 : v, v, a->name.at);
    d.sym->is_dim = true;
    if (!d.bounded) d.sym->is = sx_int(&l->m->sx, v);
    vec_push(l->m->arena, &l->m->dim, d);
    *own = d;
}

static void lower_constants(lower *l)
{
    for (const ast_const *a = l->ast->constant; a; a = a->next) {
        if (!name_is_free(l, a->name, "the constant")) continue;
        lower_constant *c = ARENA_NEW(l->m->arena, lower_constant);
        c->ast = a;
        map_set(&l->constants, a->name.text, c);
    }
    for (int i = 0; i < l->constants.n; i++) { /* in any order: one may name a later one */
        lower_constant *c = l->constants.entry[i].value;
        lower_constant_value(l, c, c->ast->name.at);
    }
    for (const ast_const *a = l->ast->dim; a; a = a->next) lower_dim(l, a);
    lower_result_dims(l);
}

/* ---- states -------------------------------------------------------------------------------- */

static void lower_states(lower *l, const ast_decl *list, ir_graph *owner)
{
    for (const ast_decl *a = list; a; a = a->next) {
        const ir_type *type;
        lower_type(l, &a->type, &type);
        bool state = map_get(&l->states, a->name.text);
        if (!name_is_free(l, a->name, "the state") && state) continue;
        map_set(&l->states, a->name.text, ir_state_new(l->m, owner, a->name.text, type, a->name.at));
    }
}

/* ---- modules ------------------------------------------------------------------------------- */

static const char *module_name(lower *l)
{
    const char *base = strrchr(l->ast->path, '/');
    base = base ? base + 1 : l->ast->path;
    const char *dot = strchr(base, '.');
    return intern_n(&l->s->names, base, dot && dot > base ? (size_t)(dot - base) : strlen(base));
}

static void lower_graphs(lower *l)
{
    for (const ast_graph *a = l->ast->graph; a; a = a->next) {
        const char *name = a->name.text ? a->name.text : l->m->name;
        if (!a->name.text && l->ast->graph->next) {
            nfc_diag *d = lower_error(l, E_GRAPH, a->at, "sections at the top level cannot stand beside named graphs");
            diag_note(d, l->ast->graph->next->at, "a named graph");
            diag_help(d, "move them into a graph of their own");
        }
        ir_graph *other = ir_graph_named(l->m, name);
        if (other) {
            diag_note(lower_error(l, E_DUPLICATE, a->at, "there are two graphs '%s'", name), other->at, "first here");
            continue;
        }
        nfc_map shared = l->states; /* a graph's own states are visible in it only */
        nfc_map own;
        map_init(&own, l->s->arena);
        for (int i = 0; i < shared.n; i++) map_set(&own, shared.entry[i].key, shared.entry[i].value);
        l->states = own;
        l->g = ir_graph_new(l->m, name, a->at);
        l->ag = a;
        lower_states(l, a->state, l->g);
        lower_graph(l, a);
        l->states = shared;
    }
}

ir_module *lower_module(nfc_session *s, const ast_module *ast, lower_options *options)
{
    lower l = {.s = s, .ast = ast, .options = options};
    l.m = ir_module_new(s, module_name(&l));
    map_init(&l.constants, s->arena);
    map_init(&l.dims, s->arena);
    map_init(&l.packages, s->arena);
    map_init(&l.states, s->arena);
    map_init(&l.used, s->arena);
    l.m->name = module_name(&l);
    vec_push(s->arena, &l.m->file, ast->file);
    lower_models(&l);
    lower_constants(&l);
    lower_states(&l, ast->state, NULL);
    if (!ast->graph && s->diags.errors == 0)
        diag_help(lower_error(&l, E_GRAPH, ((nfc_span){ast->file, 1, 1, 0}), "the file has no graph"), "a graph has inputs { }, outputs { } and block entry { }");
    lower_graphs(&l);
    if (!ast->lost) options_check(s, options, l.m, &l.constants);
    if (s->diags.errors == 0) lower_warnings(&l);
    return s->diags.errors ? NULL : l.m;
}
