/* Kernels that several threads do, a part each: which ones, and how that is printed. */
#include <string.h>
#include "codegen/program.h"
#include "frontend/embed.h"
#include "ir/names.h"
#include "ir/sat.h"

/* ---- which kernels -------------------------------------------------------------------------- */

/* How many times as fast n iterations are in so many parts, the largest of which counts. */
static double speedup(int64_t n, int64_t parts)
{
    if (n < 1) return 1;
    int64_t most = (n + parts - 1) / parts;
    return (double)n / (double)most;
}

/* The fewest loops that share the work out nearly as evenly as all of them would. */
static int depth_for(ir_module *m, const k_outer *nest, int64_t threads)
{
    int best = 1;
    for (int d = 2; d <= nest->n; d++)
        if (speedup(sx_max(k_outer_trips(m, nest, d)), threads) > 1.05 * speedup(sx_max(k_outer_trips(m, nest, best)), threads)) best = d;
    return best;
}

/* Microseconds that one core takes at least. */
static double kernel_us(const cg_program *p, const kir_func *f)
{
    const device_unit *u = p->device->chosen;
    kir_cost cost = kir_cost_of(p->m, f);
    double bytes = (double)cost.read + (double)cost.written, compute = (double)cost.flops / (u->clock_mhz * u->flops_per_cycle);
    const device_level *l = device_level_holding(u, sat_add(cost.read, cost.written));
    double memory = l ? bytes / (l->gb_per_s * 1e3) : 0;
    return compute > memory ? compute : memory;
}

static void choose_parts(cg_program *p, cg_kernel *k)
{
    int64_t threads = p->device->threads;
    k->parts = 1;
    k->nest = k_outer_of(k->func);
    if (!k->nest.n) return;
    k->depth = depth_for(p->m, &k->nest, threads);
    int64_t n = sx_max(k_outer_trips(p->m, &k->nest, k->depth));
    int64_t parts = n < threads ? n : threads;
    if (parts < 2) return;
    double us = kernel_us(p, k->func);
    if (us - us / speedup(n, parts) <= p->device->chosen->fork_us) return;
    k->parts = (int)parts;
    k->ranged = k_parts(p->m, k->func, &k->nest, k->depth);
    k->parallel = name_unique(p->arena, &p->taken, arena_printf(p->arena, "%s_parallel", k->name));
}

void cg_choose_parts(cg_program *p)
{
    for (int i = 0; i < p->kernel.n; i++) {
        p->kernel.at[i]->parts = 1;
        if (p->device->threads > 1) choose_parts(p, p->kernel.at[i]);
    }
}

bool cg_has_parts(const cg_program *p)
{
    bool has = false;
    for (int i = 0; i < p->kernel.n; i++) has |= p->kernel.at[i]->parts > 1;
    return has;
}

const char *cg_parts_text(const cg_program *p, const cg_kernel *k)
{
    const char *axes = "";
    for (int i = 0; i < k->depth; i++) axes = arena_printf(p->arena, "%s%s%s", axes, i ? ", " : "", k->nest.loop[i]->var->name);
    return arena_printf(p->arena, "%s in %d parts", axes, k->parts);
}

/* ---- how they are printed ------------------------------------------------------------------- */

void cg_put_parts_helpers(cg_program *p, text *t)
{
    if (!cg_has_parts(p)) return;
    line(t, "/* The first of n iterations that a part does: parts are as equal as can be. */");
    line(t, "static int64_t nf_first_of(int64_t n, int part, int parts) { return n * part / parts; }\n");
    line(t, "/* Does all parts of a kernel: at once, where the context was given threads. */");
    line(t, "static void nf_do_parts(const %s_ctx *ctx, void (*part)(void *job, int number), void *job, int parts)\n{", p->name);
    line(t, "    int i;\n    if (ctx->parallel) ctx->parallel(ctx->pool, part, job, parts);");
    line(t, "    else for (i = 0; i < parts; i++) part(job, i);\n}\n");
}

static const char *scalar_name(cg_module *c, const ir_sym *sym) { return cg_index(c, sx_sym(&c->m->sx, sym), false); }

/* The members of a job: what the kernel takes. */
static void put_job(cg_module *c, text *t, const cg_kernel *k, const char *job, bool wide)
{
    const kir_func *f = k->func;
    open_brace(t, "typedef struct %s", job);
    for (int i = 0; i < f->param.n; i++) line(t, "%s%s *%s;", f->param.at[i]->written ? "" : "const ", c->dialect->storage_type(f->param.at[i]->dtype), f->param.at[i]->name);
    for (int i = 0; i < f->scalar.n; i++) line(t, "%s %s;", c->dialect->compute_type(KIR_INDEX_TYPE, wide), scalar_name(c, f->scalar.at[i]));
    if (!sx_is_const(k_outer_trips(c->m, &k->nest, k->depth))) line(t, "int64_t nf_n; /* iterations of all parts */");
    if (f->can_fail) line(t, "int nf_status[%d];", k->parts);
    t->indent--;
    line(t, "} %s;\n", job);
}

/* One part: the kernel with what the job holds, and the range. */
static void put_part(cg_module *c, text *t, const cg_kernel *k, const char *job, const char *part, bool wide)
{
    const kir_func *f = k->func;
    const ir_sx *trips = k_outer_trips(c->m, &k->nest, k->depth);
    const char *constant = f->can_fail ? "" : "const ", *type = wide ? "" : "(int32_t)";
    const char *n = sx_is_const(trips) ? arena_printf(c->arena, "%lld", (long long)sx_value(trips)) : "job->nf_n";
    line(t, "static void %s(void *env, int part)\n{", part);
    t->indent++;
    line(t, "%s%s *const job = (%s%s *)env;", constant, job, constant, job);
    put(t, "%s(", k->name);
    for (int i = 0; i < f->param.n; i++) put(t, "job->%s, ", f->param.at[i]->name);
    for (int i = 0; i < f->scalar.n; i++) put(t, "job->%s, ", scalar_name(c, f->scalar.at[i]));
    put(t, "%snf_first_of(%s, part, %d), %snf_first_of(%s, part + 1, %d)", type, n, k->parts, type, n, k->parts);
    line(t, "%s);", f->can_fail ? ", &job->nf_status[part]" : "");
    close_brace(t);
    end_line(t);
}

/* All parts. Of the errors that they report, the one that the kernel would meet first counts. */
static void put_parallel(cg_program *p, cg_module *c, text *t, const cg_kernel *k, const char *job, const char *part, bool wide)
{
    const kir_func *f = k->func;
    const ir_sx *trips = k_outer_trips(c->m, &k->nest, k->depth);
    put(t, "static void %s(const %s_ctx *ctx", k->parallel, p->name);
    for (int i = 0; i < f->param.n; i++) put(t, ", %s%s *%s", f->param.at[i]->written ? "" : "const ", c->dialect->storage_type(f->param.at[i]->dtype), f->param.at[i]->name);
    for (int i = 0; i < f->scalar.n; i++) put(t, ", %s %s", c->dialect->compute_type(KIR_INDEX_TYPE, wide), scalar_name(c, f->scalar.at[i]));
    line(t, "%s)\n{", f->can_fail ? ", int *status" : "");
    t->indent++;
    const char *sep = "";
    put(t, "%s nf_job = {", job);
    for (int i = 0; i < f->param.n; i++, sep = ", ") put(t, "%s%s", sep, f->param.at[i]->name);
    for (int i = 0; i < f->scalar.n; i++, sep = ", ") put(t, "%s%s", sep, scalar_name(c, f->scalar.at[i]));
    if (!sx_is_const(trips)) put(t, ", %s", cg_index(c, trips, false));
    line(t, "%s};", f->can_fail ? ", {0}" : "");
    line(t, "nf_do_parts(ctx, %s, &nf_job, %d);", part, k->parts);
    if (f->can_fail) line(t, "for (int nf_i = 0; nf_i < %d; nf_i++)\n    if (*status == 0) *status = nf_job.nf_status[nf_i];", k->parts);
    close_brace(t);
}

void cg_print_parts(cg_program *p, cg_module *c, const cg_kernel *k)
{
    const char *job = name_unique(p->arena, &p->taken, arena_printf(p->arena, "%s_job", k->name));
    const char *part = name_unique(p->arena, &p->taken, arena_printf(p->arena, "%s_part", k->name));
    bool wide = cg_needs_wide_index(k->ranged);
    text *t = c->kernels;
    cg_print_kernel(c, k->ranged, k->name);
    c->wide = wide;
    end_line(t);
    put_job(c, t, k, job, wide);
    put_part(c, t, k, job, part, wide);
    put_parallel(p, c, t, k, job, part, wide);
}

int64_t cg_parts_frame(const cg_kernel *k)
{
    enum { CALLS = 4 * 128 }; /* parallel, nf_do_parts, what the context was given, part */
    return k->parts > 1 ? CALLS + 16 * (int64_t)(k->func->param.n + k->func->scalar.n + 3) + 8 * (int64_t)k->parts : 0;
}

/* ---- the pool ------------------------------------------------------------------------------- */

static const char *const pool_files[] = {"nf_threads.h", "nf_threads.c", NULL};

bool cg_is_pool_file(const char *name)
{
    bool is = false;
    for (int i = 0; pool_files[i]; i++) is |= strcmp(name, pool_files[i]) == 0;
    return is;
}

void cg_emit_pool(cg_program *p)
{
    for (int i = 0; pool_files[i]; i++) cg_add_file(p, pool_files[i], embedded_find(arena_printf(p->arena, "runtime-min/%s", pool_files[i]))->text);
}
