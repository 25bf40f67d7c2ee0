/* report.json and manifest.json: what the program is made of, and from. Both are for tools: sorted
 * keys, nothing that depends on the time or on folders. */
#include <string.h>
#include "codegen/program.h"
#include "frontend/json.h"
#include "frontend/safetensors.h"
#include "frontend/sha256.h"
#include "frontend/version.h"

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void set_text(const cg_program *p, json_node *o, const char *key, const char *value)
{
    json_set(o, key, json_string(p->arena, value));
}

static void set_int(const cg_program *p, json_node *o, const char *key, int64_t value)
{
    json_set(o, key, json_int(p->arena, value));
}

static void add_json(cg_program *p, const char *name, const json_node *tree)
{
    cg_add_file(p, name, arena_printf(p->arena, "%s\n", json_text(p->arena, tree)));
}

/* Extents; a free one as the text of its expression. */
static json_node *shape_json(const cg_program *p, const ir_type *t)
{
    json_node *list = json_array(p->arena);
    for (int i = 0; i < t->rank; i++)
        json_push(list, sx_is_const(t->dim[i])
                            ? json_int(p->arena, sx_value(t->dim[i]))
                            : json_string(p->arena, sx_text(p->arena, t->dim[i])));
    return list;
}

static json_node *ports_json(const cg_program *p, const ir_graph *g, bool output)
{
    json_node *list = json_array(p->arena);
    int n = output ? g->output.n : g->input.n;
    for (int i = 0; i < n; i++) {
        const ir_port *port = output ? &g->output.at[i] : &g->input.at[i];
        json_node *o = json_object(p->arena);
        set_text(p, o, "name", port->name);
        set_text(p, o, "member", cg_port_member(p, g, output, i));
        set_text(p, o, "dtype", dtype_name(port->type->dtype));
        set_text(p, o, "place", cg_place(p, port->at));
        set_int(p, o, "bytes", ir_max_bytes(port->type));
        json_set(o, "shape", shape_json(p, port->type));
        if (port->bound.has_min) json_set(o, "min", json_float(p->arena, port->bound.min));
        if (port->bound.has_max) json_set(o, "max", json_float(p->arena, port->bound.max));
        json_push(list, o);
    }
    return list;
}

/* ---- report.json --------------------------------------------------------------------------- */

static json_node *buffers_json(const cg_program *p, const plan_graph *g)
{
    json_node *list = json_array(p->arena);
    for (int i = 0; i < g->buffer.n; i++) {
        const plan_buffer *b = g->buffer.at[i];
        json_node *o = json_object(p->arena);
        set_text(p, o, "name", b->name ? b->name : "");
        set_text(p, o, "dtype", dtype_name(b->dtype));
        set_text(p, o, "place", cg_place(p, b->at));
        set_int(p, o, "bytes", b->bytes);
        set_int(p, o, "offset", b->offset);
        set_int(p, o, "first", b->first);
        set_int(p, o, "last", b->last);
        set_text(p, o, "layout", b->channels_last ? "channels last" : "plain");
        json_push(list, o);
    }
    return list;
}

/* Kernels that threads do together, each with what the parts do of it; forks that do the same have one name. */
static json_node *fork_json(const cg_program *p, const cg_fork *f)
{
    json_node *o = json_object(p->arena), *list = json_array(p->arena);
    for (int i = 0; i < f->step.n; i++) {
        const cg_step *s = &f->step.at[i];
        json_node *row = json_object(p->arena);
        set_text(p, row, "name", s->kernel->name);
        set_text(p, row, "parts", cg_step_text(p, f, s));
        set_text(p, row, "place", cg_places(p, s->call));
        json_push(list, row);
    }
    set_text(p, o, "name", f->same ? f->same->name : f->name);
    set_int(p, o, "parts", f->parts);
    json_set(o, "kernels", list);
    return o;
}

static json_node *forks_json(const cg_program *p, const plan_graph *g)
{
    json_node *list = json_array(p->arena);
    for (int i = 0; i < g->call.n; i++) {
        const cg_fork *f = cg_fork_of(p, g->call.at[i]);
        if (f && f->step.at[0].call == g->call.at[i]) json_push(list, fork_json(p, f));
    }
    return list;
}

static json_node *fork_names_json(const cg_program *p, const cg_kernel *k)
{
    json_node *list = json_array(p->arena);
    for (int i = 0; i < k->fork.n; i++) json_push(list, json_string(p->arena, k->fork.at[i]->name));
    return list;
}

/* A kernel with the calls of one graph. */
static json_node *kernel_json(const cg_program *p, const cg_kernel *k)
{
    json_node *o = json_object(p->arena);
    set_text(p, o, "name", k->name);
    set_text(p, o, "ops", k->call->inst ? cg_ops_text(p, k->call->inst) : "move");
    set_text(p, o, "schedule", k->func->schedule ? k->func->schedule : "");
    if (k->func->key) set_text(p, o, "key", arena_printf(p->arena, "%016llx", (unsigned long long)k->func->key));
    if (k->apart && k->parts > 1) set_text(p, o, "parts", cg_parts_text(p, k, k->parts)); /* where it is alone */
    if (k->fork.n) json_set(o, "forks", fork_names_json(p, k));
    json_set(o, "places", json_array(p->arena));
    set_int(p, o, "calls", 0);
    return o;
}

/* Kernels in the order of their first call; the plan's positions of buffers count instructions. */
static json_node *kernels_json(const cg_program *p, const plan_graph *g, int64_t *moves)
{
    nfc_map known;
    json_node *list = json_array(p->arena);
    map_init(&known, p->arena);
    *moves = 0;
    for (int i = 0; i < g->call.n; i++) {
        const cg_kernel *k = map_getp(&p->kernel_of, g->call.at[i]);
        *moves += k == NULL;
        if (!k) continue;
        json_node *o = map_getp(&known, k);
        if (!o) {
            o = kernel_json(p, k);
            json_push(list, o);
            map_setp(&known, k, o);
        }
        json_get(o, "calls")->integer++;
        json_push(json_get(o, "places"), json_string(p->arena, cg_places(p, g->call.at[i])));
    }
    return list;
}

static json_node *chains_json(const cg_program *p, const plan_graph *g)
{
    json_node *list = json_array(p->arena);
    for (int i = 0; i < p->m->chain.n; i++) {
        const ir_chain *c = p->m->chain.at[i];
        if (c->graph != g->g) continue;
        json_node *o = json_object(p->arena);
        set_text(p, o, "name", c->name ? c->name : "");
        set_text(p, o, "place", cg_place(p, c->at));
        set_int(p, o, "stages", c->stages);
        set_int(p, o, "rows", c->rows);
        set_int(p, o, "blocks", c->blocks);
        set_int(p, o, "bytes", c->bytes);
        json_push(list, o);
    }
    return list;
}

static json_node *graph_json(const cg_program *p, const plan_graph *g)
{
    int64_t moves;
    json_node *o = json_object(p->arena), *arena = json_object(p->arena);
    set_int(p, arena, "bytes", g->arena);
    set_int(p, arena, "lower_bound", g->lower_bound);
    set_int(p, arena, "naive", g->naive);
    set_text(p, arena, "heuristic", g->heuristic);
    json_set(arena, "buffers", buffers_json(p, g));
    set_text(p, o, "name", g->g->name);
    set_text(p, o, "place", cg_place(p, g->g->at));
    json_set(o, "arena", arena);
    json_set(o, "chains", chains_json(p, g));
    json_set(o, "kernels", kernels_json(p, g, &moves));
    if (p->fork.n) json_set(o, "forks", forks_json(p, g));
    set_int(p, o, "moves", moves);
    json_set(o, "inputs", ports_json(p, g->g, false));
    json_set(o, "outputs", ports_json(p, g->g, true));
    return o;
}

static json_node *states_json(const cg_program *p)
{
    json_node *list = json_array(p->arena);
    for (int i = 0; i < p->m->state.n; i++) {
        const ir_state *st = p->m->state.at[i];
        json_node *o = json_object(p->arena);
        set_text(p, o, "name", st->name);
        set_text(p, o, "dtype", dtype_name(st->type->dtype));
        set_text(p, o, "place", cg_place(p, st->at));
        set_int(p, o, "bytes", ir_max_bytes(st->type));
        json_set(o, "shape", shape_json(p, st->type));
        json_push(list, o);
    }
    return list;
}

static json_node *weights_json(const cg_program *p)
{
    static const char *const modes[] = {[WEIGHTS_AUTO] = "none",
                                        [WEIGHTS_ARRAY] = "array",
                                        [WEIGHTS_INCBIN] = "incbin",
                                        [WEIGHTS_FILE] = "file"};
    json_node *o = json_object(p->arena), *list = json_array(p->arena);
    for (int i = 0; i < p->tensor.n; i++) {
        const cg_tensor *x = &p->tensor.at[i];
        json_node *row = json_object(p->arena), *shape = json_array(p->arena);
        for (int k = 0; k < x->rank; k++) json_push(shape, json_int(p->arena, x->dim[k]));
        set_text(p, row, "name", x->what);
        set_text(p, row, "dtype", dtype_name(x->dtype));
        set_int(p, row, "bytes", x->bytes);
        json_set(row, "shape", shape);
        if (p->weights_mode == WEIGHTS_ARRAY)
            set_text(p, row, "symbol", x->name);
        else
            set_int(p, row, "offset", x->offset);
        json_push(list, row);
    }
    set_text(p, o, "kept_as", p->tensor.n ? modes[p->weights_mode] : "none");
    set_int(p, o, "bytes", p->weight_bytes);
    json_set(o, "tensors", list);
    return o;
}

static void set_sizes(const cg_program *p, json_node *o)
{
    set_int(p, o, "arena_bytes", p->arena_bytes);
    set_int(p, o, "arena_align", p->device->alignment);
    set_int(p, o, "weight_bytes", p->weight_bytes);
    set_int(p, o, "state_bytes", p->state_bytes);
    set_int(p, o, "stack_bytes", p->stack_bytes);
}

/* What is of one device: all of a program, or of each version. */
static void set_version(cg_program *p, json_node *o)
{
    json_node *graphs = json_array(p->arena);
    for (int i = 0; i < p->plan->graph.n; i++)
        json_push(graphs, graph_json(p, p->plan->graph.at[i]));
    set_text(p, o, "device", p->device->name);
    set_sizes(p, o);
    json_set(o, "graphs", graphs);
    json_set(o, "weights", weights_json(p));
}

void cg_emit_report(cg_program *p)
{
    json_node *o = json_object(p->arena), *versions = json_array(p->arena);
    set_text(p, o, "name", p->name);
    set_text(p, o, "source", p->source);
    for (int i = 0; i < p->version.n; i++) {
        json_node *row = json_object(p->arena);
        set_version(p->version.at[i], row);
        json_push(versions, row);
    }
    if (p->version.n) {
        set_sizes(p, o);
        json_set(o, "versions", versions);
    } else {
        set_version(p, o);
    }
    json_set(o, "states", states_json(p));
    add_json(p, "report.json", o);
}

/* ---- manifest.json ------------------------------------------------------------------------- */

static json_node *input_json(const cg_program *p, const char *path, const void *data, size_t n)
{
    json_node *o = json_object(p->arena);
    set_text(p, o, "file", base_name(path));
    set_text(p, o, "sha256", sha256_hex(p->arena, data, n));
    return o;
}

static json_node *source_json(const cg_program *p, uint32_t file)
{
    const nfc_source *s = file ? source_get(&p->s->sources, file) : NULL;
    return s && s->text ? input_json(p, s->path, s->text, s->size) : json_object(p->arena);
}

static json_node *device_json(const cg_program *p)
{
    json_node *o = source_json(p, p->device->at.file), *bases = json_array(p->arena);
    for (int i = 1; i < p->device->files.n; i++) json_push(bases, source_json(p, p->device->files.at[i]));
    if (bases->child) json_set(o, "bases", bases);
    set_text(p, o, "name", p->device->name);
    if (*p->device->description) set_text(p, o, "description", p->device->description);
    return o;
}

/* What the program was made from, by content. */
static json_node *inputs_json(const cg_program *p)
{
    json_node *o = json_object(p->arena), *packages = json_array(p->arena);
    for (int i = 0; i < p->m->package.n; i++) {
        const struct package *k = p->m->package.at[i];
        json_node *row = input_json(p, k->path, k->map, k->size);
        set_text(p, row, "name", k->name);
        json_push(packages, row);
    }
    json_node *versions = json_array(p->arena);
    for (int i = 0; i < p->version.n; i++) json_push(versions, device_json(p->version.at[i]));
    json_set(o, "graph", source_json(p, p->m->read_from));
    json_set(o, "packages", packages);
    if (p->version.n) json_set(o, "devices", versions);
    else json_set(o, "device", device_json(p));
    return o;
}

static json_node *dims_json(const cg_program *p)
{
    json_node *o = json_object(p->arena);
    for (int i = 0; i < p->m->dim.n; i++) {
        const ir_sym *sym = p->m->dim.at[i].sym;
        if (sym->is && sx_is_const(sym->is))
            set_int(p, o, sym->name, sx_value(sym->is));
        else
            set_text(p, o, sym->name,
                     arena_printf(p->arena, "%lld..%lld", (long long)sym->lo, (long long)sym->hi));
    }
    return o;
}

static void push_words(const cg_program *p, json_node *list, const device_words *words)
{
    for (int i = 0; i < words->n; i++) json_push(list, json_string(p->arena, words->at[i]));
}

static json_node *compiler_json(const cg_program *p)
{
    const device *d = p->device;
    json_node *o = json_object(p->arena), *flags = json_array(p->arena),
              *link = json_array(p->arena);
    push_words(p, flags, &d->compiler.flags);
    if (d->chosen) push_words(p, flags, &d->chosen->flags);
    push_words(p, link, &d->compiler.link);
    set_text(p, o, "command", d->compiler.command);
    set_text(p, o, "standard", d->compiler.standard);
    json_set(o, "flags", flags);
    json_set(o, "link", link);
    for (int i = 0; i < p->version.n; i++) { /* that come behind them for the source of a version */
        const cg_program *v = p->version.at[i];
        json_node *own = json_array(p->arena);
        push_words(p, own, &v->device->compiler.flags);
        push_words(p, own, &v->device->chosen->flags);
        json_set(o, arena_printf(p->arena, "flags of %s.c", v->stem), own);
    }
    return o;
}

static json_node *api_json(const cg_program *p)
{
    json_node *o = json_object(p->arena), *graphs = json_array(p->arena);
    for (int i = 0; i < p->m->graph.n; i++) {
        const ir_graph *g = p->m->graph.at[i];
        json_node *row = json_object(p->arena);
        set_text(p, row, "name", g->name);
        set_text(p, row, "run", cg_graph_symbol(p, g, "run"));
        set_text(p, row, "in", cg_graph_symbol(p, g, "in"));
        set_text(p, row, "out", cg_graph_symbol(p, g, "out"));
        json_set(row, "inputs", ports_json(p, g, false));
        json_set(row, "outputs", ports_json(p, g, true));
        cg_dims results = cg_result_dims(p, g);
        json_node *sizes = json_array(p->arena);
        for (int k = 0; k < results.n; k++) json_push(sizes, json_string(p->arena, results.at[k]->name));
        if (results.n) json_set(row, "results", sizes); /* members of the out struct */
        json_push(graphs, row);
    }
    set_text(p, o, "header", arena_printf(p->arena, "%s.h", p->name));
    set_text(p, o, "prefix", p->name);
    set_sizes(p, o);
    json_set(o, "graphs", graphs);
    return o;
}

void cg_emit_manifest(cg_program *p)
{
    json_node *o = json_object(p->arena), *files = json_object(p->arena),
              *options = json_object(p->arena);
    for (int i = 0; i < p->file.n; i++) {
        const cg_file *f = &p->file.at[i];
        set_text(p, files, f->name, sha256_hex(p->arena, f->text ? f->text : f->data, f->n));
    }
    if (p->device->threads > 1) set_int(p, options, "threads", p->device->threads);
    json_set(options, "fast_math", json_bool(p->arena, p->m->fast_math));
    if (p->device->precision != DT_f32) set_text(p, options, "precision", dtype_name(p->device->precision));
    if (p->plan->strict) json_set(options, "strict", json_bool(p->arena, true));
    json_set(options, "dims", dims_json(p));
    set_text(p, o, "nfc", NFC_VERSION);
    set_text(p, o, "name", p->name);
    set_text(p, o, "source", p->source);
    json_set(o, "inputs", inputs_json(p));
    json_set(o, "options", options);
    json_set(o, "compiler", compiler_json(p));
    json_set(o, "api", api_json(p));
    json_set(o, "files", files);
    add_json(p, "manifest.json", o);
}
