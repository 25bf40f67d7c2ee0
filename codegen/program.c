/* The emitted program: what its files are called, and what they share. */
#include "codegen/program.h"

#include <string.h>
#include <strings.h>
#include "ir/names.h"

/* ---- files --------------------------------------------------------------------------------- */

void cg_add_file(cg_program *p, const char *name, const char *content)
{
    cg_file f = {.name = name, .text = content, .n = strlen(content)};
    vec_push(p->arena, &p->file, f);
}

void cg_add_data(cg_program *p, const char *name, const void *data, size_t n)
{
    cg_file f = {.name = name, .data = data, .n = n};
    vec_push(p->arena, &p->file, f);
}

uint64_t cg_fnv1a(const void *data, size_t n)
{
    const unsigned char *p = data;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < n; i++) hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static uint64_t hash_step(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 32;
}

uint64_t cg_blob_hash(const void *data, size_t n)
{
    const unsigned char *p = data;
    const uint64_t basis = UINT64_C(0xcbf29ce484222325);
    uint64_t lane[CG_HASH_LANES], hash = basis;
    for (int k = 0; k < CG_HASH_LANES; k++) lane[k] = basis;
    for (size_t i = 0; i < n; i += 8) {
        uint64_t word = 0;
        for (int b = 0; b < 8; b++) word |= (uint64_t)p[i + (size_t)b] << 8 * b;
        lane[i / 8 % CG_HASH_LANES] = hash_step(lane[i / 8 % CG_HASH_LANES], word);
    }
    for (int k = 0; k < CG_HASH_LANES; k++) hash = hash_step(hash, lane[k]);
    return hash;
}

/* ---- names --------------------------------------------------------------------------------- */

const char *cg_graph_symbol(const cg_program *p, const ir_graph *g, const char *suffix)
{
    if (p->m->graph.n == 1) return arena_printf(p->arena, "%s_%s", p->name, suffix);
    return arena_printf(p->arena, "%s_%s_%s", p->name, name_identifier(p->arena, g->name), suffix);
}

const char *cg_devices_text(const cg_program *p)
{
    const char *all = arena_printf(p->arena, "devices");
    for (int i = 0; i < p->version.n; i++) all = arena_printf(p->arena, "%s%s '%s'", all, i ? "," : "", comment_safe(p->arena, p->version.at[i]->device->name));
    return p->version.n ? all : arena_printf(p->arena, "device '%s'", comment_safe(p->arena, p->device->name));
}

const char *cg_run_symbol(const cg_program *p, const ir_graph *g)
{
    return cg_graph_symbol(p, g, p->isa ? arena_printf(p->arena, "run_%s", p->isa) : "run");
}

static const char **unique_names(const cg_program *p, nfc_map *taken, int n)
{
    map_init(taken, p->arena);
    return ARENA_ARRAY(p->arena, const char *, n + 1);
}

static const char **port_members(cg_program *p, const ir_graph *g, bool output)
{
    nfc_map taken;
    int n = output ? g->output.n : g->input.n;
    const char **names = unique_names(p, &taken, n);
    cg_dims dims = output ? cg_result_dims(p, g) : cg_graph_dims(p, g);
    for (int i = 0; i < dims.n; i++) name_unique(p->arena, &taken, dims.at[i]->name);
    for (int i = 0; i < n; i++) names[i] = name_unique(p->arena, &taken, (output ? g->output.at : g->input.at)[i].name);
    return names;
}

static void name_members(cg_program *p)
{
    static const char *const own[] = {"arena", "weights", "error_place", "trace", "trace_user", "isa", NULL};
    nfc_map taken;
    p->state_member = unique_names(p, &taken, p->m->state.n);
    for (int i = 0; own[i]; i++) map_set(&taken, own[i], &taken);
    if (p->device->threads > 1) {
        map_set(&taken, "parallel", &taken);
        map_set(&taken, "pool", &taken);
    }
    for (int i = 0; i < p->m->state.n; i++) p->state_member[i] = name_unique(p->arena, &taken, p->m->state.at[i]->name);
    map_init(&p->port_member[0], p->arena);
    map_init(&p->port_member[1], p->arena);
    for (int g = 0; g < p->m->graph.n; g++)
        for (int output = 0; output < 2; output++) map_setp(&p->port_member[output], p->m->graph.at[g], port_members(p, p->m->graph.at[g], output));
}

const char *cg_port_member(const cg_program *p, const ir_graph *g, bool output, int port)
{
    const char **names = map_getp(&p->port_member[output], g);
    return names[port];
}

const char *cg_state_member(const cg_program *p, int state) { return p->state_member[state]; }

/* The API's names, and those of every value, are not for tensors, tables and kernels: what a kernel
 * calls its own must not hide a name of the file. */
static void take_names(cg_program *p)
{
    static const char *const api[] = {"ctx", "in", "out", "run", "init", "reset", "save", "load", "status", "status_text", "error_place", "set_weights", "weights", "has_isa", "set_isa", "isa_name", "main", "h", NULL};
    map_init(&p->taken, p->arena);
    for (int i = 0; api[i]; i++) {
        map_set(&p->taken, arena_printf(p->arena, "%s_%s", p->name, api[i]), p);
        for (int g = 0; g < p->m->graph.n; g++) map_set(&p->taken, cg_graph_symbol(p, p->m->graph.at[g], api[i]), p);
    }
    if (p->device->threads > 1) {
        map_set(&p->taken, arena_printf(p->arena, "%s_parallel", p->name), p);
        map_set(&p->taken, arena_printf(p->arena, "%s_set_threads", p->name), p);
    }
    for (int g = 0; g < p->plan->graph.n; g++) {
        const plan_graph *pg = p->plan->graph.at[g];
        for (int i = 0; i < pg->call.n; i++)
            for (int k = 0; k < pg->call.at[i]->kernel->param.n; k++) map_set(&p->taken, pg->call.at[i]->kernel->param.at[k]->name, p);
    }
}

/* ---- texts for comments -------------------------------------------------------------------- */

const char *cg_shape_text(const cg_program *p, const ir_type *t)
{
    const char *s = dtype_name(t->dtype);
    for (int i = 0; i < t->rank; i++) s = arena_printf(p->arena, "%s%s[%s]", s, i ? "" : " ", sx_text(p->arena, t->dim[i]));
    return s;
}

static void add_dim(void *env, const ir_sym *sym)
{
    cg_dims *d = ((void **)env)[1];
    for (int i = 0; i < d->n; i++)
        if (d->at[i] == sym) return;
    vec_push(((cg_program *)((void **)env)[0])->arena, d, sym);
}

static cg_dims port_dims(const cg_program *p, const ir_graph *g, bool results)
{
    cg_dims found = {0}, dims = {0};
    void *env[2] = {(void *)(uintptr_t)p, &found};
    for (int i = 0; i < g->input.n + g->output.n; i++) {
        const ir_type *t = i < g->input.n ? g->input.at[i].type : g->output.at[i - g->input.n].type;
        for (int k = 0; k < t->rank; k++) sx_visit(t->dim[k], add_dim, env);
    }
    for (int i = 0; i < p->m->dim.n; i++) /* in the order of their declaration */
        for (int k = 0; k < found.n; k++)
            if (found.at[k] == p->m->dim.at[i].sym && found.at[k]->is_result == results) vec_push(p->arena, &dims, found.at[k]);
    return dims;
}

static void find_result(void *found, const ir_sym *sym) { *(bool *)found |= sym->is_result; }

bool cg_is_sized_by_run(const ir_type *t)
{
    bool found = false;
    for (int i = 0; i < t->rank; i++) sx_visit(t->dim[i], find_result, &found);
    return found;
}

cg_dims cg_graph_dims(const cg_program *p, const ir_graph *g) { return port_dims(p, g, false); }
cg_dims cg_result_dims(const cg_program *p, const ir_graph *g) { return port_dims(p, g, true); }

const char *cg_place(const cg_program *p, nfc_span at)
{
    const nfc_source *file = at.file ? source_get(&p->s->sources, at.file) : NULL;
    if (!file) return p->source;
    const char *base = strrchr(file->path, '/'), *label = source_label_at(&p->s->sources, at);
    base = base ? base + 1 : file->path;
    return label ? arena_printf(p->arena, "%s: %s", base, label) : arena_printf(p->arena, "%s:%u:%u", base, at.line, at.col);
}

/* Lines of one file after its name, then the next file's. */
static const char *add_place(const cg_program *p, const char *list, nfc_span at, nfc_span *before)
{
    if (!at.file || (before->file == at.file && before->line == at.line)) return list;
    bool same_file = before->file == at.file;
    *before = at;
    const char *label = source_label_at(&p->s->sources, at);
    if (label && same_file) return arena_printf(p->arena, "%s, %s", list, label);
    if (label) return arena_printf(p->arena, "%s%s%s", list, *list ? ", " : "", cg_place(p, at));
    if (same_file) return arena_printf(p->arena, "%s, %u", list, at.line);
    const char *base = strrchr(source_get(&p->s->sources, at.file)->path, '/');
    return arena_printf(p->arena, "%s%s%s:%u", list, *list ? ", " : "", base ? base + 1 : source_get(&p->s->sources, at.file)->path, at.line);
}

const char *cg_places(const cg_program *p, const plan_call *call)
{
    nfc_span before = NO_SPAN;
    const char *list = "";
    const ir_inst *i = call->inst;
    if (!i || !i->from) list = add_place(p, list, call->at, &before);
    for (const ir_origin *o = i ? i->from : NULL; o; o = o->next) list = add_place(p, list, o->at, &before);
    return *list ? list : p->source;
}

const char *cg_ops_text(const cg_program *p, const ir_inst *inst)
{
    if (inst->op != IR_fused) return op_get(inst->op)->name;
    const char *list = "";
    for (const ir_inst *i = inst->region[0]->first->first; i->op != IR_yield; i = i->next) list = arena_printf(p->arena, "%s%s%s", list, *list ? ", " : "", op_get(i->op)->name);
    return list;
}

const ir_chain *cg_chain_of(const cg_program *p, const ir_inst *loop)
{
    for (int i = 0; i < p->m->chain.n; i++)
        if (p->m->chain.at[i]->loop == loop) return p->m->chain.at[i];
    return NULL;
}

const char *cg_chain_text(const cg_program *p, const ir_chain *c)
{
    return arena_printf(p->arena, "%d kernels make %lld rows of %s at a time, %lld bytes between them", c->stages, (long long)c->rows, c->name ? c->name : "a value", (long long)c->bytes);
}

/* ---- fits the device? ---------------------------------------------------------------------- */

/* What takes the most of something: a diagnostic that says no points at it. */
typedef struct {
    const char *what;
    nfc_span at;
    int64_t bytes;
} largest;

static void take(largest *most, const char *what, nfc_span at, int64_t bytes)
{
    if (!most->what || bytes > most->bytes) *most = (largest){what, at, bytes};
}

static largest largest_buffer(const cg_program *p)
{
    largest most = {0};
    for (int g = 0; g < p->plan->graph.n; g++) {
        const plan_graph *pg = p->plan->graph.at[g];
        if (pg->arena < p->plan->arena) continue;
        for (int i = 0; i < pg->buffer.n; i++)
            take(&most, "the largest buffer", pg->buffer.at[i]->at, pg->buffer.at[i]->bytes);
    }
    return most;
}

static largest largest_weight(const cg_program *p)
{
    largest most = {0};
    for (int i = 0; i < p->tensor.n; i++)
        take(&most, arena_printf(p->arena, "the largest one, '%s'", p->tensor.at[i].what),
             p->tensor.at[i].at, p->tensor.at[i].bytes);
    return most;
}

static largest largest_state(const cg_program *p)
{
    largest most = {0};
    for (int i = 0; i < p->m->state.n; i++)
        take(&most, "the largest state", p->m->state.at[i]->at,
             ir_max_bytes(p->m->state.at[i]->type));
    return most;
}

static largest largest_frame(const cg_program *p)
{
    largest most = {0};
    for (int i = 0; i < p->kernel.n; i++)
        take(&most, arena_printf(p->arena, "the largest frame, of %s", p->kernel.at[i]->name),
             p->kernel.at[i]->call->at, cg_frame_bytes(p->m, cg_printed(p->kernel.at[i])) + cg_parts_frame(p->kernel.at[i]));
    return most;
}

/* Says what the limit is, where the description has it, and what most of the bytes are for. */
static nfc_diag *too_large(cg_program *p, const char *what, int64_t bytes, const char *limit,
                           nfc_span limit_at, largest most)
{
    nfc_diag *d =
        diag_error_in(&p->s->diags, E_FIT, p->device->name,
                      "the program needs %lld bytes for %s, %s", (long long)bytes, what, limit);
    if (limit_at.file) diag_note(d, limit_at, "the limit");
    if (most.what && most.at.file)
        diag_note(d, most.at, "%s: %lld bytes", most.what, (long long)most.bytes);
    return d;
}

static nfc_diag *check_limit(cg_program *p, const char *what, int64_t bytes, int64_t limit,
                             nfc_span at, largest most)
{
    if (limit <= 0 || bytes <= limit) return NULL;
    return too_large(p, what, bytes,
                     arena_printf(p->arena, "the device gives %lld", (long long)limit), at, most);
}

static void check_arena(cg_program *p)
{
    const device *d = p->device;
    nfc_diag *row =
        check_limit(p, "its arena", p->plan->arena, d->arena_limit, d->arena_at, largest_buffer(p));
    for (int g = 0; row && g < p->plan->graph.n; g++) {
        const plan_graph *pg = p->plan->graph.at[g];
        if (pg->arena > d->arena_limit)
            diag_help(row, "graph '%s' needs at least %lld bytes at once; 'nfc inspect' shows more",
                      pg->g->name, (long long)pg->lower_bound);
    }
}

/* No object may be larger than the difference of two pointers can say. */
static void check_reach(cg_program *p, const char *what, int64_t bytes, largest most)
{
    const device *d = p->device;
    int64_t reach = d->pointer_bits == 16   ? INT16_MAX
                    : d->pointer_bits == 32 ? INT32_MAX
                                            : INT64_MAX;
    if (bytes > reach)
        too_large(p, what, bytes,
                  arena_printf(p->arena, "pointers of %d bits reach %lld", d->pointer_bits,
                               (long long)reach),
                  d->pointer_at, most);
}

static void check_pointers(cg_program *p)
{
    largest weight = largest_weight(p);
    bool arrays = p->weights_mode == WEIGHTS_ARRAY;
    check_reach(p, "its arena", p->plan->arena, largest_buffer(p));
    check_reach(p, "its states", p->state_bytes, largest_state(p));
    if (p->tensor.n)
        check_reach(p, arrays ? "its largest weight" : "its file of weights",
                    arrays ? weight.bytes : p->blob_bytes, weight);
    for (int g = 0; g < p->m->graph.n; g++) {
        const ir_graph *graph = p->m->graph.at[g];
        for (int i = 0; i < graph->input.n + graph->output.n; i++) {
            const ir_port *port =
                i < graph->input.n ? &graph->input.at[i] : &graph->output.at[i - graph->input.n];
            const char *what = arena_printf(p->arena, "%s '%s'",
                                            i < graph->input.n ? "input" : "output", port->name);
            check_reach(p, what, ir_max_bytes(port->type),
                        (largest){"declared here", port->at, ir_max_bytes(port->type)});
        }
    }
}

typedef struct {
    cg_program *p;
    uint32_t told; /* types that were complained about */
} type_check;

static void check_type(type_check *k, nfc_dtype t, nfc_span at)
{
    const device *d = k->p->device;
    if (((d->types | k->told) >> t) & 1) return;
    k->told |= UINT32_C(1) << t;
    nfc_diag *row = diag_error(&k->p->s->diags, E_UNSUPPORTED, at,
                               "device '%s' does not compute with %s", d->name, dtype_name(t));
    if (d->types_at.file)
        diag_note(row, d->types_at, "its description lists %s",
                  op_types_text(k->p->arena, d->types));
}

static void check_inst(void *env, ir_inst *inst)
{
    for (int i = 0; i < inst->nin; i++)
        if (inst->in[i]) check_type(env, inst->in[i]->type->dtype, inst->at);
    for (int i = 0; i < inst->nout; i++) check_type(env, inst->out[i]->type->dtype, inst->at);
}

/* An op counts with all that it takes and gives, whether or not that is kept in memory; moves do
 * not compute. */
static void check_types(cg_program *p)
{
    type_check k = {.p = p};
    for (int g = 0; g < p->plan->graph.n; g++)
        for (int i = 0; i < p->plan->graph.at[g]->call.n; i++) {
            const plan_call *c = p->plan->graph.at[g]->call.at[i];
            if (c->inst && c->inst->op == IR_fused)
                ir_walk(c->inst->region[0], check_inst, &k);
            else if (c->inst)
                check_inst(&k, (ir_inst *)(uintptr_t)c->inst);
        }
}

static bool fits(cg_program *p)
{
    const device *d = p->device;
    int before = p->s->diags.errors;
    int64_t kept = p->weights_mode == WEIGHTS_ARRAY ? p->weight_bytes : p->blob_bytes;
    check_types(p);
    check_arena(p);
    check_limit(p, "its weights", kept, d->weights_limit, d->weights_at, largest_weight(p));
    check_limit(p, "its stack", p->stack_bytes, d->stack_limit, d->stack_at, largest_frame(p));
    check_pointers(p);
    return p->s->diags.errors == before;
}

/* ---- all ----------------------------------------------------------------------------------- */

static const nfc_backend *const backends[] = {&backend_c, NULL};

const nfc_backend *backend_named(const char *name)
{
    for (int i = 0; backends[i]; i++)
        if (strcmp(backends[i]->name, name) == 0) return backends[i];
    return NULL;
}

/* Headers of the C library, and what they include of it: a header that was called so, in a folder that is searched
 * for headers, would stand in their place. */
static const char *const library_headers[] = {
    "alloca", "assert", "byteswap", "complex", "ctype", "dirent", "dlfcn", "endian", "errno", "fcntl", "features", "fenv", "float", "getopt", "inttypes", "iso646",
    "libintl", "limits", "locale", "malloc", "math", "memory", "new", "poll", "pthread", "regex", "sched", "semaphore", "setjmp", "signal", "spawn", "stdalign", "stdarg",
    "stdatomic", "stdbool", "stddef", "stdint", "stdio", "stdlib", "stdnoreturn", "string", "strings", "termios", "tgmath", "threads", "time", "uchar", "ucontext", "unistd",
    "values", "wait", "wchar", "wctype", "windows", NULL};

/* Is it one of them, also where files are found by names in any case? */
static bool is_among(const char *const *list, const char *name)
{
    for (int i = 0; list[i]; i++)
        if (strcasecmp(list[i], name) == 0) return true;
    return false;
}

/* The prefix of all names. Not what the files around the program call something else: make's targets and files,
 * the runtime's nf_*.c, the library's headers. */
static const char *program_name(nfc_arena *a, const char *module)
{
    static const char *const taken[] = {"all", "clean", "run", "Makefile", "GNUmakefile", "nf", NULL};
    const char *name = name_identifier(a, module);
    return is_among(taken, name) || is_among(library_headers, name) ? arena_printf(a, "v_%s", name) : name;
}

cg_program *program_new(nfc_session *s, const plan *planned, const device *d, bool with_main)
{
    cg_program *p = program_new_version(s, planned, d, NULL);
    if (p) p->with_main = with_main;
    return p;
}

cg_program *program_new_version(nfc_session *s, const plan *planned, const device *d, const char *isa)
{
    cg_program *p = ARENA_NEW(s->arena, cg_program);
    *p = (cg_program){.s = s, .arena = s->arena, .m = planned->m, .plan = planned, .device = d, .isa = isa, .has_weights = true, .arena_bytes = planned->arena, .backend = backend_named(d->backend)};
    if (!p->backend) {
        diag_error(&s->diags, E_DEVICE, d->at, "there is no backend '%s'", d->backend);
        return NULL;
    }
    p->name = program_name(p->arena, planned->m->name);
    p->upper = name_upper(p->arena, p->name);
    p->stem = p->weights_stem = isa ? arena_printf(p->arena, "%s_%s", p->name, isa) : p->name;
    p->source = planned->m->file.n ? source_get(&s->sources, planned->m->file.at[0])->path : planned->m->name;
    if (strrchr(p->source, '/')) p->source = strrchr(p->source, '/') + 1;
    p->state_bytes = planned->state_bytes;
    map_init(&p->weight_of, p->arena);
    map_init(&p->kernel_of, p->arena);
    name_members(p);
    take_names(p);
    cg_collect_weights(p);
    cg_collect_kernels(p);
    cg_choose_parts(p);
    cg_choose_forks(p);
    p->stack_bytes = cg_stack_bytes(p);
    return p;
}

bool program_fits(cg_program *p) { return fits(p) && (!p->backend->check || p->backend->check(p)); }

cg_program *program_emit(nfc_session *s, const plan *planned, const device *d, bool with_main)
{
    cg_program *p = program_new(s, planned, d, with_main);
    if (!p || !program_fits(p)) return NULL;
    p->backend->emit(p);
    return p;
}
