/* NAME_main.c: the tables by which runtime-min/nf_main.c knows the program, and the functions
 * between its pointers and the program's structs. */
#include "codegen/program.h"
#include "frontend/embed.h"
#include "frontend/json.h"
#include "ir/names.h"

/* ---- element types ------------------------------------------------------------------------- */

static void put_type(cg_program *p, text *t, nfc_dtype type)
{
    const dtype_info *d = &dtype_table[type];
    const dtype_format *f = &dtype_formats[type];
    int64_t lo = dtype_min(type);
    const char *min = lo == INT64_MIN ? "INT64_MIN" : arena_printf(p->arena, "%lld", (long long)lo);
    put(t, "static const nf_type type_%s = {\"%s\", \"%s\", %d, ", d->name, d->name, d->npy, d->bytes);
    put(t, "%s, %s, UINT64_C(%llu), ", dtype_is_float(type) ? "NF_FLOAT" : "NF_INTEGER", min, (unsigned long long)dtype_max(type));
    bool minus_zero = f->nan != dtype_sign_bit(type) || f->nan != f->over;
    line(t, "%d, %d, %d, %u, %d, %d};", f->exponent, f->mantissa, f->bias, f->top, f->exponent && dtype_has_infinity(type), !minus_zero);
}

static void put_types(cg_program *p, text *t)
{
    bool used[DT_COUNT] = {false};
    for (int i = 0; i < p->m->graph.n; i++) {
        const ir_graph *g = p->m->graph.at[i];
        for (int k = 0; k < g->input.n; k++) used[g->input.at[k].type->dtype] = true;
        for (int k = 0; k < g->output.n; k++) used[g->output.at[k].type->dtype] = true;
    }
    for (int i = 0; i < DT_COUNT; i++)
        if (used[i]) put_type(p, t, (nfc_dtype)i);
    end_line(t);
}

/* ---- ports --------------------------------------------------------------------------------- */

/* One graph, and what its tables are called after. */
typedef struct {
    cg_program *p;
    text *t;
    const ir_graph *g;
    int number;
    cg_dims dims;         /* those that the caller chooses, and behind them those that a run sets */
    int nfree;
    nfc_map extent;       /* expression -> function that works it out */
    const char **axes[2]; /* the tables of inputs and outputs; NULL: a scalar has none */
} printer;

static const ir_port *port_at(const printer *x, bool output, int i)
{
    return output ? &x->g->output.at[i] : &x->g->input.at[i];
}

static int dim_index(const cg_dims *dims, const ir_sym *sym)
{
    for (int i = 0; i < dims->n; i++)
        if (dims->at[i] == sym) return i;
    return -1;
}

static void mark_dim(void *env, const ir_sym *sym)
{
    const printer *x = ((void **)env)[0];
    bool *used = ((void **)env)[1];
    used[dim_index(&x->dims, sym)] = true;
}

/* A function for an extent that is neither a number nor a dim. */
static const char *put_extent(printer *x, const ir_sx *extent)
{
    const char *known = map_getp(&x->extent, extent);
    if (known) return known;
    bool *used = ARENA_ARRAY(x->p->arena, bool, x->dims.n + 1);
    void *env[2] = {x, used};
    cg_module c = {.m = x->p->m, .arena = x->p->arena, .device = x->p->device, .wide = true};
    const char *name = arena_printf(x->p->arena, "extent%d_%d", x->number, x->extent.n);
    map_setp(&x->extent, extent, (void *)(uintptr_t)name);
    sx_visit(extent, mark_dim, env);
    line(x->t, "static int64_t %s(const int64_t *nf_dims)\n{", name);
    x->t->indent++;
    for (int i = 0; i < x->dims.n; i++)
        if (used[i])
            line(x->t, "const int64_t %s = nf_dims[%d];",
                 cg_index(&c, sx_sym(&x->p->m->sx, x->dims.at[i]), false), i);
    line(x->t, "return %s;", cg_index(&c, extent, false));
    close_brace(x->t);
    end_line(x->t);
    return name;
}

static void put_axes(printer *x, bool output, int i)
{
    const ir_type *type = port_at(x, output, i)->type;
    const char *rows = "", *name = arena_printf(x->p->arena, "%s%d_%s", output ? "out" : "in",
                                                x->number, cg_port_member(x->p, x->g, output, i));
    if (type->rank == 0) return;
    x->axes[output][i] = name_unique(x->p->arena, &x->p->taken, name);
    for (int k = 0; k < type->rank; k++) {
        const ir_sx *e = type->dim[k];
        int dim = sx_only_sym(e) ? dim_index(&x->dims, sx_only_sym(e)) : -1;
        const char *row;
        if (sx_is_const(e))
            row = arena_printf(x->p->arena, "{%lld, -1, NULL}", (long long)sx_value(e));
        else if (dim >= 0)
            row = arena_printf(x->p->arena, "{-1, %d, NULL}", dim);
        else
            row = arena_printf(x->p->arena, "{-1, -1, %s}", put_extent(x, e));
        rows = arena_printf(x->p->arena, "%s%s%s", rows, k ? ", " : "", row);
    }
    line(x->t, "static const nf_axis %s[] = {%s};", x->axes[output][i], rows);
}

static const char *shape_text(const printer *x, const ir_type *type)
{
    const char *s = "[";
    for (int i = 0; i < type->rank; i++)
        s = arena_printf(x->p->arena, "%s%s%s", s, i ? ", " : "",
                         sx_text(x->p->arena, type->dim[i]));
    return arena_printf(x->p->arena, "%s]", s);
}

static const char *limit_text(const printer *x, double v)
{
    bool whole = v > -1e15 && v < 1e15 && v == (double)(int64_t)v;
    if (whole) return arena_printf(x->p->arena, "%lld", (long long)v);
    return shortest_double(x->p->arena, v);
}

static const char *limits_text(const printer *x, const ir_bound *b)
{
    const char *s = "";
    if (b->has_min) s = arena_printf(x->p->arena, "min %s", limit_text(x, b->min));
    if (!b->has_max) return s;
    return arena_printf(x->p->arena, "%s%smax %s", s, *s ? ", " : "", limit_text(x, b->max));
}

static void put_ports(printer *x, bool output)
{
    int n = output ? x->g->output.n : x->g->input.n;
    if (n == 0) return;
    x->axes[output] = ARENA_ARRAY(x->p->arena, const char *, n);
    for (int i = 0; i < n; i++) put_axes(x, output, i);
    open_brace(x->t, "static const nf_port %sputs_%d[] =", output ? "out" : "in", x->number);
    for (int i = 0; i < n; i++) {
        const ir_port *port = port_at(x, output, i);
        put(x->t, "{");
        put_string(x->t, port->name);
        put(x->t, ", &type_%s, %d, %s, ", dtype_name(port->type->dtype), port->type->rank,
            port->type->rank ? x->axes[output][i] : "NULL");
        put_string(x->t, shape_text(x, port->type));
        put(x->t, ", ");
        put_string(x->t, output ? "" : limits_text(x, &port->bound));
        line(x->t, ", %lld},", output && cg_is_sized_by_run(port->type) ? (long long)ir_max_elements(port->type) : 0);
    }
    x->t->indent--;
    line(x->t, "};\n");
}

/* ---- graphs -------------------------------------------------------------------------------- */

static void put_dims(printer *x)
{
    if (x->dims.n == 0) return;
    open_brace(x->t, "static const nf_dim dims_%d[] =", x->number);
    for (int i = 0; i < x->dims.n; i++) {
        put(x->t, "{");
        put_string(x->t, x->dims.at[i]->name);
        line(x->t, ", %lld, %lld},", (long long)x->dims.at[i]->lo, (long long)x->dims.at[i]->hi);
    }
    x->t->indent--;
    line(x->t, "};\n");
}

static const char *c_type(const ir_port *port) { return dtype_table[port->type->dtype].c_type; }

static const char *dim_name(const printer *x, int i) { return name_identifier(x->p->arena, x->dims.at[i]->name); }

/* Tensors go into the structs by pointer, scalars by value. */
static void put_run(printer *x)
{
    const cg_program *p = x->p;
    text *t = x->t;
    line(t,
         "static int run_%d(void *ctx, const void *const *from, void *const *to, int64_t "
         "*nf_dims)\n{",
         x->number);
    t->indent++;
    line(t, "%s in;\n%s out;\nint status;", cg_graph_symbol(p, x->g, "in"),
         cg_graph_symbol(p, x->g, "out"));
    line(t, "memset(&in, 0, sizeof in);\nmemset(&out, 0, sizeof out);");
    for (int i = 0; i < x->nfree; i++) line(t, "in.%s = nf_dims[%d];", dim_name(x, i), i);
    for (int i = 0; i < x->g->input.n; i++) {
        const ir_port *port = &x->g->input.at[i];
        line(t, "in.%s = %s(const %s *)from[%d];", cg_port_member(p, x->g, false, i),
             port->type->rank ? "" : "*", c_type(port), i);
    }
    for (int i = 0; i < x->g->output.n; i++) {
        const ir_port *port = &x->g->output.at[i];
        if (port->type->rank)
            line(t, "out.%s = (%s *)to[%d];", cg_port_member(p, x->g, true, i), c_type(port), i);
    }
    if (!x->dims.n) line(t, "(void)nf_dims;");
    if (!x->g->input.n) line(t, "(void)from;");
    if (!x->g->output.n) line(t, "(void)to;");
    line(t, "status = %s((%s_ctx *)ctx, &in, &out);", cg_graph_symbol(p, x->g, "run"), p->name);
    for (int i = 0; i < x->g->output.n; i++) {
        const ir_port *port = &x->g->output.at[i];
        if (!port->type->rank)
            line(t, "*(%s *)to[%d] = out.%s;", c_type(port), i, cg_port_member(p, x->g, true, i));
    }
    for (int i = x->nfree; i < x->dims.n; i++) line(t, "if (!status) nf_dims[%d] = out.%s;", i, dim_name(x, i));
    line(t, "return status;");
    close_brace(t);
    end_line(t);
}

static void put_graphs(cg_program *p, text *t)
{
    text *rows = text_new(p->arena);
    open_brace(rows, "static const nf_graph graphs[] =");
    for (int i = 0; i < p->m->graph.n; i++) {
        const ir_graph *g = p->m->graph.at[i];
        printer x = {.p = p, .t = t, .g = g, .number = i, .dims = cg_graph_dims(p, g)};
        cg_dims results = cg_result_dims(p, g);
        x.nfree = x.dims.n;
        for (int k = 0; k < results.n; k++) vec_push(p->arena, &x.dims, results.at[k]);
        map_init(&x.extent, p->arena);
        line(t, "/* ---- graph '%s' ---- */\n", comment_safe(p->arena, g->name));
        put_dims(&x);
        put_ports(&x, false);
        put_ports(&x, true);
        put_run(&x);
        put(rows, "{");
        put_string(rows, g->name);
        put(rows, ", %d, %d, %d, %d, ", g->input.n, g->output.n, x.nfree, x.dims.n - x.nfree);
        put(rows, g->input.n ? "inputs_%d, " : "NULL, ", i);
        put(rows, g->output.n ? "outputs_%d, " : "NULL, ", i);
        put(rows, x.dims.n ? "dims_%d, " : "NULL, ", i);
        line(rows, "run_%d},", i);
    }
    rows->indent--;
    line(rows, "};\n");
    put_raw(t, rows->at);
}

/* ---- the program --------------------------------------------------------------------------- */

typedef const char *of_call(const cg_program *p, const plan_call *c);

static const char *kernel_of_call(const cg_program *p, const plan_call *c)
{
    const cg_kernel *k = map_getp(&p->kernel_of, c);
    return k ? k->name : "";
}

static const char *ops_of_call(const cg_program *p, const plan_call *c) { return c->inst ? cg_ops_text(p, c->inst) : "move"; }

/* Of the first call in a fork, what is to be said of all of them. */
static const char *of_all(const cg_program *p, const plan_call *c, of_call *said)
{
    const cg_fork *f = cg_fork_of(p, c);
    const char *all = said(p, c);
    for (int i = 1; f && f->step.at[0].call == c && i < f->step.n; i++) all = arena_printf(p->arena, "%s; %s", all, said(p, f->step.at[i].call));
    return all;
}

/* The calls of all graphs in one row, as NAME.c numbers them; those of a fork are one, which has the first one's number. */
static void put_calls(cg_program *p, text *t)
{
    open_brace(t, "static const nf_call calls[] =");
    for (int g = 0; g < p->plan->graph.n; g++)
        for (int i = 0; i < p->plan->graph.at[g]->call.n; i++) {
            const plan_call *c = p->plan->graph.at[g]->call.at[i];
            put(t, "{");
            put_string(t, of_all(p, c, kernel_of_call));
            put(t, ", ");
            put_string(t, of_all(p, c, ops_of_call));
            put(t, ", ");
            put_string(t, of_all(p, c, cg_places));
            line(t, "},");
        }
    t->indent--;
    line(t, "};\n");
}

/* Without NF_TRACE nobody asks which calls there are. */
static bool put_tracing(cg_program *p, text *t)
{
    int ncall = 0;
    for (int g = 0; g < p->plan->graph.n; g++) ncall += p->plan->graph.at[g]->call.n;
    put_raw(t, "#ifdef NF_TRACE\n");
    if (p->version.n) ncall = 0; /* each version has kernels of its own */
    if (ncall) put_calls(p, t);
    line(t, "static void set_trace(void *ctx, nf_tracer *trace, void *user)\n{");
    t->indent++;
    line(t, "((%s_ctx *)ctx)->trace = trace;\n((%s_ctx *)ctx)->trace_user = user;", p->name,
         p->name);
    close_brace(t);
    put_raw(t, "#endif\n\n");
    return ncall > 0;
}

/* The environment may ask for a version that is not the best. */
static void put_version(cg_program *p, text *t)
{
    line(t, "static int init_version(%s_ctx *ctx, void *arena, size_t bytes)\n{", p->name);
    t->indent++;
    line(t, "const int status = %s_init(ctx, arena, bytes);\nconst char *const name = getenv(\"NF_ISA\");\nint isa = 0;", p->name);
    line(t, "if (status || !name) return status;\nwhile (isa < %s_ISAS && strcmp(name, %s_isa_name(isa)) != 0) isa++;", p->upper, p->name);
    line(t, "if (%s_set_isa(ctx, isa) == %s_OK) return %s_OK;", p->name, p->upper, p->upper);
    line(t, "nf_error(0, \"NF_ISA\", \"'%%s' is no version of this program that the processor can run\", name);\nreturn %s_ERROR_ARGUMENT;", p->upper);
    close_brace(t);
    end_line(t);
}

/* The functions of the API behind pointers of one type for all programs. */
static void put_functions(cg_program *p, text *t)
{
    const char *n = p->name;
    if (p->version.n) put_version(p, t);
    if (p->device->threads > 1)
        line(t, "static nf_pool pool;\n\nstatic int init(void *ctx, void *arena, size_t bytes)\n{\n    int status = %s((%s_ctx *)ctx, arena, bytes);\n    if (!status) %s_set_threads((%s_ctx *)ctx, nf_parallel, &pool);\n    return status;\n}", p->version.n ? "init_version" : arena_printf(p->arena, "%s_init", n), n, n, n);
    else if (p->version.n)
        line(t, "static int init(void *ctx, void *arena, size_t bytes) { return init_version((%s_ctx *)ctx, arena, bytes); }", n);
    else
        line(t,
             "static int init(void *ctx, void *arena, size_t bytes) { return %s_init((%s_ctx *)ctx, "
             "arena, bytes); }",
             n, n);
    if (p->weights_mode == WEIGHTS_FILE)
        line(t,
             "static int set_weights(void *ctx, const void *blob, size_t bytes) { return "
             "%s_set_weights((%s_ctx *)ctx, blob, bytes); }",
             n, n);
    if (p->m->state.n) {
        line(t,
             "static size_t save(const void *ctx, void *to, size_t room) { return %s_save((const "
             "%s_ctx *)ctx, to, room); }",
             n, n);
        line(t,
             "static int load(void *ctx, const void *from, size_t bytes) { return %s_load((%s_ctx "
             "*)ctx, from, bytes); }",
             n, n);
    }
    line(t,
         "static const char *error_place(const void *ctx) { return %s_error_place((const %s_ctx "
         "*)ctx); }\n",
         n, n);
}

static void put_program(cg_program *p, text *t, bool has_calls)
{
    const char *u = p->upper;
    open_brace(t, "static const nf_program program =");
    put_string(t, p->name);
    put(t, ", ");
    put_string(t, p->source);
    line(t,
         ",\nsizeof(%s_ctx), %s_ARENA_BYTES, %s_ARENA_ALIGN, %s_WEIGHT_BYTES, %s_STATE_BYTES, "
         "%s_STACK_BYTES, %lld,",
         p->name, u, u, u, u, u, (long long)p->device->huge_page);
    if (p->weights_mode == WEIGHTS_FILE)
        put_string(t, arena_printf(p->arena, "%s_weights.bin", p->name));
    else
        put(t, "NULL");
    line(t, ", %d, graphs,", p->m->graph.n);
    put_raw(t, "#ifdef NF_TRACE\n");
    line(t, "1, %s, set_trace,", has_calls ? "calls" : "NULL");
    put_raw(t, "#else\n");
    line(t, "0, NULL, NULL,");
    put_raw(t, "#endif\n");
    line(t, "init, %s, %s, %s_status_text, error_place",
         p->weights_mode == WEIGHTS_FILE ? "set_weights" : "NULL",
         p->m->state.n ? "save, load" : "NULL, NULL", p->name);
    t->indent--;
    line(t, "};\n");
}

/* The pool lives as long as the program. */
static void put_main(cg_program *p, text *t)
{
    if (p->device->threads < 2) {
        line(t, "int main(int argc, char **argv) { return nf_main(&program, argc, argv); }");
        return;
    }
    line(t, "int main(int argc, char **argv)\n{\n    static nf_worker workers[%s_THREADS - 1];", p->upper);
    line(t, "    int status = nf_pool_open(&pool, workers, %s_THREADS - 1);", p->upper);
    line(t, "    if (status) return nf_error(NF_EXIT_MEMORY, \"threads\", \"%%d cannot be started: %%s\", (int)%s_THREADS - 1, strerror(status));", p->upper);
    line(t, "    status = nf_main(&program, argc, argv);\n    nf_pool_close(&pool);\n    return status;\n}");
}

static void add_runtime(cg_program *p)
{
    static const char *const files[] = {"nf_file.h",  "nf_file.c",  "nf_npy.h",   "nf_npy.c",
                                        "nf_ports.h", "nf_ports.c", "nf_trace.h", "nf_trace.c",
                                        "nf_main.h",  "nf_main.c"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        cg_add_file(p, files[i],
                    embedded_find(arena_printf(p->arena, "runtime-min/%s", files[i]))->text);
    const device_words *run = &p->device->compiler.run;
    for (int i = 0; i < run->n; i++) {
        const embedded_file *f = device_run_file(p->s, run->at[i]);
        if (f) cg_add_file(p, run->at[i], f->text);
    }
}

void cg_emit_main(cg_program *p)
{
    text *t = text_new(p->arena);
    line(t,
         "/* SPDX-License-Identifier: 0BSD\n * The program around %s.c: its tables, by which "
         "nf_main.c reads .npy files, runs it and writes what\n * comes out. Made by nfc from %s. "
         "*/",
         p->name, comment_safe(p->arena, p->source));
    bool threads = p->device->threads > 1;
    line(t, "#include <stddef.h>\n%s#include <string.h>\n#include \"%s.h\"\n%s#include \"nf_main.h\"\n%s",
         p->version.n ? "#include <stdlib.h>\n" : "", p->name, threads || p->version.n ? "#include \"nf_file.h\"\n" : "", threads ? "#include \"nf_threads.h\"\n" : "");
    put_types(p, t);
    put_graphs(p, t);
    bool has_calls = put_tracing(p, t);
    put_functions(p, t);
    put_program(p, t, has_calls);
    put_main(p, t);
    cg_add_file(p, arena_printf(p->arena, "%s_main.c", p->name), t->at);
    add_runtime(p);
}
