/* NAME.c: kernels, the functions of the context, one run function a graph. */
#include <string.h>
#include "codegen/c_tiles.h"
#include "codegen/helpers.h"
#include "codegen/isa.h"
#include "codegen/program.h"
#include "frontend/statefile.h"
#include "ir/names.h"

/* ---- kernels ------------------------------------------------------------------------------- */

/* The author's name of what a parameter holds, where the parameter is called otherwise. */
static void put_param(cg_program *p, text *t, const kir_buffer *b, const plan_view *view)
{
    const ir_value *v = b->value;
    const char *access = b->read && b->written ? "changed" : b->written ? "written" : "read";
    const char *layout = v && plan_is_channels_last(v->type, view) ? ", channels last" : "";
    line(t, " *   %-12s %s, %s%s", b->name, v ? cg_shape_text(p, v->type) : dtype_name(b->dtype), access, layout);
}

static void put_kernel_comment(cg_program *p, text *t, const cg_kernel *k, int number)
{
    line(t, "/* %s: kernel %d of %d, %s", k->name, number, p->kernel.n, comment_safe(p->arena, cg_places(p, k->call)));
    if (k->call->inst) line(t, " *   %s%s", cg_ops_text(p, k->call->inst), k->all.n > 1 ? arena_printf(p->arena, "; called from %d places", k->all.n) : "");
    for (int i = 0; i < k->func->param.n; i++) put_param(p, t, k->func->param.at[i], k->call->arg.at[i]);
    put(t, " *   schedule: %s", k->func->schedule ? k->func->schedule : "loops in the order of the axes");
    if (k->apart && k->parts > 1) put(t, "; %s", cg_parts_text(p, k, k->parts));
    if (k->fork.n) put(t, "; %s%s", k->apart ? "also in " : "in ", k->fork.at[0]->name);
    if (k->fork.n > 1) put(t, " and %d more", k->fork.n - 1);
    line(t, " */");
}

static void put_kernels(cg_program *p, cg_module *c)
{
    for (int i = 0; i < p->kernel.n; i++) {
        put_kernel_comment(p, c->kernels, p->kernel.at[i], i + 1);
        if (p->kernel.at[i]->parts > 1) cg_print_parts(p, c, p->kernel.at[i]);
        else cg_print_kernel(c, cg_printed(p->kernel.at[i]), p->kernel.at[i]->name);
        end_line(c->kernels);
    }
    for (int i = 0; i < p->fork.n; i++)
        if (!p->fork.at[i]->same) cg_print_fork(p, c, p->fork.at[i]);
}

/* ---- weights ------------------------------------------------------------------------------- */

static bool is_first_table(const cg_program *p, int w)
{
    for (int i = 0; i < w; i++)
        if (p->weight.at[i].table && strcmp(p->weight.at[i].table, p->weight.at[w].table) == 0) return false;
    return true;
}

/* Tables of what fmt() patterns stand for: pointers, or places in the blob. */
static void put_tables(cg_program *p, text *t)
{
    for (int i = 0; i < p->weight.n; i++) {
        const cg_weight *w = &p->weight.at[i];
        if (!w->table || !is_first_table(p, i)) continue;
        const char *type = dtype_table[p->tensor.at[w->tensor[0]].dtype].c_type;
        bool arrays = p->weights_mode == WEIGHTS_ARRAY;
        line(t, "/* model[\"%s\"] */", comment_safe(p->arena, w->inst->constant->pattern));
        if (arrays) open_brace(t, "static const %s *const %s[%d] =", type, w->table, w->ntensor);
        else open_brace(t, "static const uint64_t %s[%d] =", w->table, w->ntensor);
        for (int k = 0; k < w->ntensor; k++) {
            const cg_tensor *x = &p->tensor.at[w->tensor[k]];
            if (arrays) line(t, "(const %s *)(const void *)%s,", type, x->name);
            else line(t, "%lld, /* '%s' */", (long long)x->offset, comment_safe(p->arena, w->inst->constant->tensor[k]));
        }
        t->indent--;
        line(t, "};\n");
    }
    if (p->weights_mode == WEIGHTS_INCBIN && p->tensor.n) line(t, "/* %s_weights.bin, which %s_weights.S takes in. */\nextern const unsigned char %s_weights[];\n", p->weights_stem, p->weights_stem, p->weights_stem);
}

/* cg_blob_hash() as C. */
static void put_blob_hash(text *t)
{
    line(t, "/* 8 bytes, the lowest first. */\nstatic uint64_t nf_word(const unsigned char *p)\n{");
    line(t, "    return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 | (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 | (uint64_t)p[7] << 56;\n}\n");
    line(t, "static uint64_t nf_hash(uint64_t hash, uint64_t word)\n{\n    hash = (hash ^ word) * UINT64_C(0x100000001b3);\n    return hash ^ hash >> 32;\n}\n");
}

static void put_set_weights(cg_program *p, text *t)
{
    if (p->weights_mode != WEIGHTS_FILE) return;
    put_blob_hash(t);
    line(t, "int %s_set_weights(%s_ctx *ctx, const void *weights, size_t bytes)\n{", p->name, p->name);
    t->indent++;
    line(t, "const unsigned char *const at = (const unsigned char *)weights;");
    line(t, "static const unsigned char magic[8] = {'N', 'F', 'W', 'E', 'I', 'G', 'H', 'T'};");
    line(t, "const uint64_t basis = UINT64_C(0xcbf29ce484222325), sum = UINT64_C(0x%016llx);", (unsigned long long)p->blob_hash);
    line(t, "uint64_t hash = basis, lane[%d];\nsize_t i, k;", CG_HASH_LANES);
    line(t, "if (!ctx || !weights) return %s_ERROR_ARGUMENT;", p->upper);
    line(t, "if (bytes != %lldu || (uintptr_t)at %% %du != 0) return %s_ERROR_WEIGHTS;", (long long)p->blob_bytes, CG_WEIGHT_ALIGN, p->upper);
    line(t, "for (i = 0; i < 8; i++) {\n    if (at[i] != magic[i]) return %s_ERROR_WEIGHTS;\n}", p->upper);
    line(t, "if (nf_word(at + 8) != bytes || nf_word(at + 16) != sum) return %s_ERROR_WEIGHTS;", p->upper);
    line(t, "for (k = 0; k < %d; k++) lane[k] = basis;", CG_HASH_LANES);
    line(t, "for (i = %d; i < bytes; i += %d) {\n    for (k = 0; k < %d; k++) lane[k] = nf_hash(lane[k], nf_word(at + i + 8 * k));\n}", CG_BLOB_HEADER, 8 * CG_HASH_LANES, CG_HASH_LANES);
    line(t, "for (k = 0; k < %d; k++) hash = nf_hash(hash, lane[k]);", CG_HASH_LANES);
    line(t, "if (hash != sum) return %s_ERROR_WEIGHTS;", p->upper);
    line(t, "ctx->weights = at;\nreturn %s_OK;", p->upper);
    close_brace(t);
    end_line(t);
}

/* ---- states -------------------------------------------------------------------------------- */

/* One line a state: format with the member, elements, and bytes of an element. */
static void for_states(cg_program *p, text *t, const char *format)
{
    for (int i = 0; i < p->m->state.n; i++) {
        const ir_type *type = p->m->state.at[i]->type;
        if (ir_max_elements(type) == 0) continue;
        const char *member = cg_state_member(p, i);
        for (const char *f = format; *f; f++) {
            if (*f == '@') put(t, "%s", member);
            else if (*f == '#') put(t, "%lld", (long long)ir_max_elements(type));
            else if (*f == '$') put(t, "%lld", (long long)ir_max_bytes(type));
            else put(t, "%c", *f);
        }
        put(t, "\n");
    }
}

static void put_reset(cg_program *p, text *t)
{
    line(t, "void %s_reset(%s_ctx *ctx)\n{", p->name, p->name);
    t->indent++;
    if (p->m->state.n) line(t, "size_t i;");
    else line(t, "(void)ctx;");
    for_states(p, t, "for (i = 0; i < #u; i++) ctx->@[i] = 0;");
    if (p->m->state.n && !p->state_bytes) line(t, "(void)i, (void)ctx;");
    close_brace(t);
    end_line(t);
}

static void put_init(cg_program *p, text *t)
{
    line(t, "int %s_init(%s_ctx *ctx, void *arena, size_t arena_bytes)\n{", p->name, p->name);
    t->indent++;
    line(t, "if (!ctx) return %s_ERROR_ARGUMENT;", p->upper);
    line(t, "ctx->arena = (unsigned char *)arena;\nctx->error_place = \"\";");
    if (p->weights_mode == WEIGHTS_FILE) line(t, "ctx->weights = 0;");
    if (p->device->threads > 1) line(t, "ctx->parallel = 0;\nctx->pool = 0;");
    put_raw(t, "#ifdef NF_TRACE\n    ctx->trace = 0;\n    ctx->trace_user = 0;\n#endif\n");
    line(t, "%s_reset(ctx);", p->name);
    if (p->version.n) line(t, "ctx->isa = 0;\nwhile (!%s_has_isa(ctx->isa)) ctx->isa++;", p->name);
    if (!p->version.n && cg_asks_for_tiles(p)) line(t, "if (!nf_may_use_tiles()) return %s_ERROR_DEVICE;", p->upper);
    if (p->arena_bytes) line(t, "if (!arena || arena_bytes < %s_ARENA_BYTES || (uintptr_t)arena %% %s_ARENA_ALIGN != 0) {\n    ctx->arena = 0;\n    return %s_ERROR_ARENA;\n}", p->upper, p->upper, p->upper);
    else line(t, "(void)arena_bytes;");
    line(t, "return %s_OK;", p->upper);
    close_brace(t);
    end_line(t);
}

static void put_set_threads(cg_program *p, text *t)
{
    if (p->device->threads < 2) return;
    line(t, "void %s_set_threads(%s_ctx *ctx, %s_parallel *parallel, void *pool)\n{", p->name, p->name, p->name);
    line(t, "    ctx->parallel = parallel;\n    ctx->pool = pool;\n}\n");
}

/* What a byte of a bool, or of a type of less than 8 bits, must not be; NULL: it may be anything. */
static const char *invalid_byte(cg_program *p, nfc_dtype t)
{
    const dtype_info *d = &dtype_table[t];
    if (t != DT_bool && d->bits >= 8) return NULL;
    int most = t == DT_bool ? 1 : (1 << d->bits) - 1;
    if (d->kind == DTC_SIGNED) return arena_printf(p->arena, "(at[i] + %du) %% 256u > %d", 1 << (d->bits - 1), most);
    return arena_printf(p->arena, "at[i] > %d", most);
}

/* A file with bytes that stand for nothing is refused. */
static void put_value_checks(cg_program *p, text *t)
{
    int64_t at = CG_STATE_HEADER;
    for (int i = 0; i < p->m->state.n; i++) {
        const ir_type *type = p->m->state.at[i]->type;
        int64_t n = ir_max_elements(type);
        const char *bad = type->dtype == DT_string ? NULL : invalid_byte(p, type->dtype);
        if (bad && n) line(t, "for (i = %lld; i < %lld; i++)\n    if (%s) return %s_ERROR_STATE;", (long long)at, (long long)(at + n), bad, p->upper);
        at += ir_max_bytes(type);
    }
}

static void put_save_load(cg_program *p, text *t)
{
    if (!p->m->state.n) return;
    const char *layout = statefile_layout(p->m);
    unsigned long long hash = (unsigned long long)statefile_hash(layout);
    line(t, "/* \"%s\", the hash of the states' layout, and the bytes that follow; little-endian. */", STATEFILE_MAGIC);
    put(t, "static const unsigned char nf_state_header[%d] = {", CG_STATE_HEADER);
    for (int i = 0; i < CG_STATE_HEADER; i++) {
        unsigned byte = i < 8 ? (unsigned char)STATEFILE_MAGIC[i] : i < 16 ? (unsigned)(hash >> 8 * (i - 8) & 255) : (unsigned)((unsigned long long)p->state_bytes >> 8 * (i - 16) & 255);
        put(t, "%s%u", i ? ", " : "", byte);
    }
    line(t, "};\n");
    line(t, "static void nf_state_copy(unsigned char *to, const unsigned char *from, size_t n, size_t size)\n{\n    size_t i;");
    if (p->device->big_endian) line(t, "    for (i = 0; i < n * size; i++) to[i] = from[i / size * size + size - 1 - i %% size];\n}\n");
    else line(t, "    for (i = 0; i < n * size; i++) to[i] = from[i];\n}\n");
    line(t, "size_t %s_save(const %s_ctx *ctx, void *to, size_t room)\n{", p->name, p->name);
    t->indent++;
    line(t, "unsigned char *at = (unsigned char *)to;\nif (!ctx || !to || room < %s_SAVED_BYTES) return %s_SAVED_BYTES;", p->upper, p->upper);
    line(t, "nf_state_copy(at, nf_state_header, sizeof nf_state_header, 1);\nat += sizeof nf_state_header;");
    for_states(p, t, "nf_state_copy(at, (const unsigned char *)ctx->@, #u, sizeof ctx->@[0]);\nat += $;");
    line(t, "(void)at;\nreturn %s_SAVED_BYTES;", p->upper);
    close_brace(t);
    line(t, "\nint %s_load(%s_ctx *ctx, const void *from, size_t bytes)\n{", p->name, p->name);
    t->indent++;
    line(t, "const unsigned char *at = (const unsigned char *)from;\nsize_t i;\nif (!ctx || !from) return %s_ERROR_ARGUMENT;", p->upper);
    line(t, "if (bytes != %s_SAVED_BYTES) return %s_ERROR_STATE;", p->upper, p->upper);
    line(t, "for (i = 0; i < sizeof nf_state_header; i++)\n    if (at[i] != nf_state_header[i]) return %s_ERROR_STATE;", p->upper);
    put_value_checks(p, t);
    line(t, "at += sizeof nf_state_header;");
    for_states(p, t, "nf_state_copy((unsigned char *)ctx->@, at, #u, sizeof ctx->@[0]);\nat += $;");
    line(t, "(void)at;\nreturn %s_OK;", p->upper);
    close_brace(t);
    end_line(t);
}

/* ---- the rest of the API ------------------------------------------------------------------- */

static void put_texts(cg_program *p, text *t)
{
    line(t, "const char *%s_status_text(int status)\n{\n    static const char *const text[] = {\"ok\", \"index out of range\", \"integer division by zero\", \"an input breaks its bound\",\n        \"a free dim is out of its bounds\", \"the arena is too small or not aligned\",\n        \"the weights are not those of this program\", \"not a saved state of this program\", \"a null pointer\",\n        \"a size that is known at run time only is out of its bounds\", \"the processor or the system does not let the program use what it was made for\"};\n    return status < 0 || status > %s_ERROR_DEVICE ? \"unknown status\" : text[status];\n}\n", p->name, p->upper);
    line(t, "const char *%s_error_place(const %s_ctx *ctx) { return ctx->error_place; }\n", p->name, p->name);
}

static void put_fail(cg_program *p, text *t, const text *runs)
{
    if (runs->n && strstr(runs->at, "nf_fail(")) line(t, "static int nf_fail(%s_ctx *ctx, int status, const char *place)\n{\n    ctx->error_place = place;\n    return status;\n}\n", p->name);
}

static void put_runs(cg_program *p, cg_module *c, text *t)
{
    for (int g = 0; g < p->plan->graph.n; g++) {
        const plan_graph *pg = p->plan->graph.at[g];
        line(t, "/* Graph '%s': %lld bytes of arena. */", comment_safe(p->arena, pg->g->name), (long long)pg->arena);
        line(t, "int %s(%s_ctx *ctx, const %s *in, %s *out)\n{", cg_run_symbol(p, pg->g), p->name, cg_graph_symbol(p, pg->g, "in"), cg_graph_symbol(p, pg->g, "out"));
        t->indent++;
        cg_emit_run(p, c, t, pg);
        close_brace(t);
        if (g + 1 < p->plan->graph.n) end_line(t);
    }
}

/* The compiler is held to what the results were promised with: the Makefile's options, where somebody has others.
 * GCC knows no such pragma; by the standards that the Makefile names it contracts nothing. */
static void put_strictness(text *t)
{
    line(t, "/* Made with --strict: the same bits from every compiler and processor, with products and sums rounded each by itself\n * (-ffp-contract=off) and arithmetic in the types that stand here (IEEE 754). NaNs are NaNs, whatever their bits. */");
    line(t, "#if !defined(__GNUC__) || defined(__clang__)\n#pragma STDC FP_CONTRACT OFF\n#endif");
    line(t, "#if defined(__FAST_MATH__)\n#error \"--strict: no -ffast-math\"\n#endif");
    line(t, "#if defined(__FLT_EVAL_METHOD__)\n#if __FLT_EVAL_METHOD__ != 0\n#error \"--strict: float and double must be worked out in their own precision (on s390x: -fexcess-precision=fast; on x86: SSE2)\"\n#endif\n#endif\n");
}

static void put_prologue(cg_program *p, text *t)
{
    line(t, "/* SPDX-License-Identifier: 0BSD\n * %s: made by nfc from %s for %s. %s.h says how to use it. */", p->name, comment_safe(p->arena, p->source), cg_devices_text(p), p->name);
    line(t, "#include \"%s%s.h\"", p->name, p->isa || p->version.n ? "_isas" : "");
    if (p->version.n) cg_put_isa_includes(p, t);
    if (p->device->libc) line(t, "#include <string.h>");
    if (p->plan->strict) put_strictness(t);
    if (p->version.n) return;
    if (p->weights_mode == WEIGHTS_ARRAY && p->tensor.n) line(t, "#include \"%s_weights.h\"", p->weights_stem);
    line(t, "\n#if defined(__GNUC__)\n#define NF_RESTRICT __restrict\n#elif !defined(__cplusplus)\n#define NF_RESTRICT restrict\n#else\n#define NF_RESTRICT\n#endif\n");
    line(t, "/* What lies at an offset of the arena. */\n#define NF_AT(type, offset) ((type *)(void *)(arena + (offset)))");
    if (p->weights_mode != WEIGHTS_ARRAY) line(t, "/* What lies at an offset of the weights. */\n#define NF_WEIGHT(type, offset) ((const type *)(const void *)(weights + (offset)))");
    line(t, "/* Calls a kernel; the number is its call's in the trace. */\n#ifdef NF_TRACE\n#define NF_RUN(number, call) \\\n    do { \\\n        if (ctx->trace) ctx->trace(ctx->trace_user, number, 1); \\\n        call; \\\n        if (ctx->trace) ctx->trace(ctx->trace_user, number, 0); \\\n    } while (0)\n#else\n#define NF_RUN(number, call) call\n#endif\n");
}

/* Kernels and run functions, and what they need; `between` stands in the middle. */
static text *put_computing(cg_program *p, const text *between)
{
    cg_module c = {.m = p->m, .arena = p->arena, .device = p->device, .dialect = &dialect_c, .strict = p->plan->strict, .helpers = text_new(p->arena), .kernels = text_new(p->arena)};
    map_init(&c.have, p->arena);
    text *head = text_new(p->arena), *runs = text_new(p->arena), *fails = text_new(p->arena), *all = text_new(p->arena);
    put_kernels(p, &c);
    put_runs(p, &c, runs);
    put_prologue(p, head);
    put_tables(p, head);
    cg_put_parts_helpers(p, head);
    put_fail(p, fails, runs);
    for (int i = 0; i < 6; i++) {
        const text *part = (const text *[]){head, c.helpers, c.kernels, fails, between, runs}[i];
        if (part && part->n) put_raw(all, part->at);
    }
    return all;
}

/* The functions that are the same whatever the kernels are. */
static text *put_api(cg_program *p)
{
    text *api = text_new(p->arena);
    put_texts(p, api);
    cg_put_tile_permission(p, api);
    cg_put_isa_choice(p, api);
    put_reset(p, api);
    put_init(p, api);
    put_set_weights(p, api);
    put_set_threads(p, api);
    put_save_load(p, api);
    return api;
}

void cg_emit_source(cg_program *p)
{
    text *all = p->version.n ? text_new(p->arena) : put_computing(p, put_api(p));
    if (p->version.n) {
        put_prologue(p, all);
        end_line(all);
        put_raw(all, put_api(p)->at);
        cg_put_isa_runs(p, all);
    }
    cg_add_file(p, arena_printf(p->arena, "%s.c", p->name), all->at);
}

void cg_emit_version(cg_program *p)
{
    cg_add_file(p, arena_printf(p->arena, "%s.c", p->stem), put_computing(p, NULL)->at);
}

/* ---- the backend --------------------------------------------------------------------------- */

static void emit(cg_program *p)
{
    if (!p->version.n) cg_emit_weights(p);
    cg_emit_header(p);
    cg_emit_source(p);
    if (p->version.n) cg_emit_isas(p);
    if (p->device->threads > 1 && p->device->libc) cg_emit_pool(p);
    if (p->with_main) cg_emit_main(p);
    cg_emit_package(p);
}

static bool check(cg_program *p)
{
    if (!p->with_main || p->device->libc) return true;
    nfc_diag *d =
        diag_error(&p->s->diags, E_UNSUPPORTED, p->device->libc_at,
                   "device '%s' has no C library, so there is no program for it", p->device->name);
    diag_help(d, "'nfc build' with --emit=lib or --emit=sources makes what it can take");
    return false;
}

const nfc_backend backend_c = {.name = "c", .check = check, .dialect = &dialect_c, .emit = emit};
