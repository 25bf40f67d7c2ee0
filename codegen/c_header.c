/* NAME.h: the contract of the emitted program. */
#include <string.h>
#include "codegen/isa.h"
#include "ir/names.h"

static void put_sizes(cg_program *p, text *t)
{
    const struct {
        const char *name;
        int64_t bytes;
        const char *what;
    } row[] = {
        {"ARENA_BYTES", p->arena_bytes, "scratch memory that the caller gives to init"},
        {"STATE_BYTES", p->state_bytes, "what is kept between runs; inside of the context"},
        {"WEIGHT_BYTES", p->weight_bytes, "read-only data"},
        {"STACK_BYTES", p->stack_bytes, "the most that a run takes of the stack"},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) line(t, "#define %s_%-13s %lldu /* %s */", p->upper, row[i].name, (long long)row[i].bytes, row[i].what);
    line(t, "#define %s_%-13s %lldu", p->upper, "ARENA_ALIGN", (long long)p->device->alignment);
    if (p->device->threads > 1) line(t, "#define %s_%-13s %lldu /* that a run is made for, the caller's with them */", p->upper, "THREADS", (long long)p->device->threads);
    if (p->m->state.n) line(t, "#define %s_%-13s %lldu /* of a saved state */", p->upper, "SAVED_BYTES", (long long)p->state_bytes + CG_STATE_HEADER);
    end_line(t);
}

static void put_status(cg_program *p, text *t)
{
    static const struct {
        const char *name, *doc;
    } row[] = {
        {"OK", "done"},
        {"ERROR_INDEX", "an index is out of range"},
        {"ERROR_DIVISION", "an integer division by zero"},
        {"ERROR_BOUND", "an input breaks its bound"},
        {"ERROR_DIM", "a free dim is out of its bounds"},
        {"ERROR_ARENA", "the arena is too small or not aligned"},
        {"ERROR_WEIGHTS", "the weights are not those of this program"},
        {"ERROR_STATE", "the saved state is not one of this program"},
        {"ERROR_ARGUMENT", "a pointer is null"},
        {"ERROR_SIZE", "a size that is known at run time only is out of its bounds"},
        {"ERROR_DEVICE", "the processor or the system does not let the program use what it was made for"},
    };
    open_brace(t, "typedef enum %s_status", p->name);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) line(t, "%s_%s = %d%s /* %s */", p->upper, row[i].name, (int)i, i + 1 < sizeof row / sizeof *row ? "," : "", row[i].doc);
    t->indent--;
    line(t, "} %s_status;\n", p->name);
}

static const char *extents(cg_program *p, const ir_type *type)
{
    const char *s = "";
    for (int i = 0; i < type->rank; i++) s = arena_printf(p->arena, "%s[%s]", s, sx_text(p->arena, type->dim[i]));
    return s;
}

static const char *bound_text(cg_program *p, const ir_bound *b)
{
    const char *s = "";
    if (b->has_min) s = arena_printf(p->arena, ", at least %.17g", b->min);
    if (b->has_max) s = arena_printf(p->arena, "%s, at most %.17g", s, b->max);
    return s;
}

/* What the caller must have room for, where the run says what the extents are. */
static const char *room_text(cg_program *p, const ir_type *type)
{
    return cg_is_sized_by_run(type) ? arena_printf(p->arena, ", room for %lld elements", (long long)ir_max_elements(type)) : "";
}

static void put_port(cg_program *p, text *t, const ir_graph *g, bool output, int i)
{
    const ir_port *port = output ? &g->output.at[i] : &g->input.at[i];
    const char *member = cg_port_member(p, g, output, i), *type = dtype_table[port->type->dtype].c_type;
    bool by_value = port->type->rank == 0;
    put(t, "%s%s %s%s; /* ", output || by_value ? "" : "const ", type, by_value ? "" : "*", member);
    if (strcmp(member, port->name) != 0) put(t, "'%s': ", comment_safe(p->arena, port->name));
    line(t, "%s%s%s%s */", dtype_name(port->type->dtype), by_value ? "" : " ", extents(p, port->type), output ? room_text(p, port->type) : bound_text(p, &port->bound));
}

static void put_ports(cg_program *p, text *t, const ir_graph *g)
{
    cg_dims dims = cg_graph_dims(p, g);
    open_brace(t, "typedef struct %s", cg_graph_symbol(p, g, "in"));
    for (int i = 0; i < dims.n; i++) line(t, "int64_t %s; /* a free dim: %lld to %lld */", name_identifier(p->arena, dims.at[i]->name), (long long)dims.at[i]->lo, (long long)dims.at[i]->hi);
    for (int i = 0; i < g->input.n; i++) put_port(p, t, g, false, i);
    if (!dims.n && !g->input.n) line(t, "int unused; /* the graph has no inputs */");
    t->indent--;
    line(t, "} %s;\n", cg_graph_symbol(p, g, "in"));
    cg_dims results = cg_result_dims(p, g);
    open_brace(t, "typedef struct %s", cg_graph_symbol(p, g, "out"));
    for (int i = 0; i < results.n; i++) line(t, "int64_t %s; /* set by the run: %lld to %lld */", name_identifier(p->arena, results.at[i]->name), (long long)results.at[i]->lo, (long long)results.at[i]->hi);
    for (int i = 0; i < g->output.n; i++) put_port(p, t, g, true, i);
    if (!g->output.n) line(t, "int unused; /* the graph has no outputs */");
    t->indent--;
    line(t, "} %s;\n", cg_graph_symbol(p, g, "out"));
}

/* The function that firmware can bring: it has no POSIX in it. */
static void put_parallel(cg_program *p, text *t)
{
    if (p->device->threads < 2) return;
    line(t, "/* Calls part(job, 0) to part(job, parts - 1), in any order, by any threads, and returns when all of them have\n * returned: nf_parallel() of nf_threads.h, or one of the caller's. parts is at most %s_THREADS. */", p->upper);
    line(t, "typedef void %s_parallel(void *pool, void (*part)(void *job, int number), void *job, int parts);\n", p->name);
}

static void put_context(cg_program *p, text *t)
{
    put_parallel(p, t);
    line(t, "/* Everything that changes. The caller owns it; several contexts may run at the same time. */");
    open_brace(t, "typedef struct %s_ctx", p->name);
    line(t, "unsigned char *arena;");
    if (p->weights_mode == WEIGHTS_FILE) line(t, "const unsigned char *weights;");
    line(t, "const char *error_place;");
    if (p->version.n) line(t, "int isa; /* the version that runs */");
    if (p->device->threads > 1) line(t, "%s_parallel *parallel;\nvoid *pool;", p->name);
    put_raw(t, "#ifdef NF_TRACE\n    void (*trace)(void *user, int kernel, int begin); /* told before and after each kernel */\n    void *trace_user;\n#endif\n");
    for (int i = 0; i < p->m->state.n; i++) {
        const ir_type *type = p->m->state.at[i]->type;
        int64_t n = ir_max_elements(type);
        line(t, "%s %s[%lld]; /* state '%s': %s %s */", dtype_table[type->dtype].c_type, cg_state_member(p, i), (long long)(n ? n : 1), comment_safe(p->arena, p->m->state.at[i]->name), dtype_name(type->dtype), extents(p, type));
    }
    t->indent--;
    line(t, "} %s_ctx;\n", p->name);
}

static void put_functions(cg_program *p, text *t)
{
    const char *n = p->name;
    line(t, "/* Makes a context over an arena of %s_ARENA_BYTES at a multiple of %s_ARENA_ALIGN, which must live as\n * long as the context does. States are zero then. */", p->upper, p->upper);
    line(t, "int %s_init(%s_ctx *ctx, void *arena, size_t arena_bytes);", n, n);
    if (p->weights_mode == WEIGHTS_FILE) {
        line(t, "/* Gives the context the contents of %s_weights.bin, which must stay where they are, at a multiple of\n * %d. Checks size and checksum. Before the first run. */", n, CG_WEIGHT_ALIGN);
        line(t, "int %s_set_weights(%s_ctx *ctx, const void *weights, size_t bytes);", n, n);
    }
    if (p->device->threads > 1) {
        line(t, "/* Has the context's runs do the parts of large kernels at once, by parallel(pool, ...): nf_threads.h says how.\n * After init, which leaves them to the caller's thread alone; 0 does so again. Results are the same bits. */");
        line(t, "void %s_set_threads(%s_ctx *ctx, %s_parallel *parallel, void *pool);", n, n, n);
    }
    for (int g = 0; g < p->m->graph.n; g++) {
        const ir_graph *graph = p->m->graph.at[g];
        line(t, "/* Runs graph '%s' once. Inputs, outputs and the arena must not overlap. Returns a %s_status; after an\n * error the outputs' contents are not defined.%s */", comment_safe(p->arena, graph->name), n, cg_result_dims(p, graph).n ? " Extents that the run sets stand in the outputs, whose\n * elements follow each other in these extents." : "");
        line(t, "int %s(%s_ctx *ctx, const %s *in, %s *out);", cg_graph_symbol(p, graph, "run"), n, cg_graph_symbol(p, graph, "in"), cg_graph_symbol(p, graph, "out"));
    }
    line(t, "/* States become zero. */\nvoid %s_reset(%s_ctx *ctx);", n, n);
    if (p->m->state.n) {
        line(t, "/* Writes the states, %s_SAVED_BYTES of them, and returns how many bytes they take; writes nothing where\n * there is less room. */", p->upper);
        line(t, "size_t %s_save(const %s_ctx *ctx, void *to, size_t room);", n, n);
        line(t, "/* Puts back what save wrote; changes nothing when it is not a state of this program. */\nint %s_load(%s_ctx *ctx, const void *from, size_t bytes);", n, n);
    }
    line(t, "const char *%s_status_text(int status);", n);
    line(t, "/* Where the last run failed, as \"file.nfg:line:column\"; \"\" if it did not. */\nconst char *%s_error_place(const %s_ctx *ctx);", n, n);
}

void cg_emit_header(cg_program *p)
{
    text *t = text_new(p->arena);
    line(t, "/* SPDX-License-Identifier: 0BSD\n * %s: made by nfc from %s for %s.\n *\n * No allocation, no global data that changes. Tensors are row-major and contiguous; f16 and bf16 are\n * their bits in uint16_t, narrower floats in uint8_t, and every type takes a byte an element at least. */", p->name, comment_safe(p->arena, p->source), cg_devices_text(p));
    line(t, "#ifndef %s_H\n#define %s_H\n\n#include <stddef.h>\n#include <stdint.h>\n", p->upper, p->upper);
    line(t, "#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
    put_sizes(p, t);
    put_status(p, t);
    for (int g = 0; g < p->m->graph.n; g++) put_ports(p, t, p->m->graph.at[g]);
    put_context(p, t);
    put_functions(p, t);
    cg_put_isa_header(p, t);
    line(t, "\n#ifdef __cplusplus\n}\n#endif\n\n#endif");
    cg_add_file(p, arena_printf(p->arena, "%s.h", p->name), t->at);
}
