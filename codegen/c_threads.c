/* How kernels are printed that several threads do, a part each, and the pool that does them. */
#include <string.h>
#include "codegen/program.h"
#include "frontend/embed.h"
#include "ir/names.h"

/* ---- how they are printed ------------------------------------------------------------------- */

void cg_put_parts_helpers(cg_program *p, text *t)
{
    if (!cg_has_parts(p)) return;
    bool equal = false;
    for (int i = 0; i < p->kernel.n; i++) equal |= p->kernel.at[i]->apart && p->kernel.at[i]->parts > 1 && !p->kernel.at[i]->cut;
    if (equal) line(t, "/* The first of n iterations that a part does: parts are as equal as can be. */");
    if (equal) line(t, "static int64_t nf_first_of(int64_t n, int part, int parts) { return n * part / parts; }\n");
    line(t, "/* Does all parts of a kernel, or of several: at once, where the context was given threads. */");
    line(t, "static void nf_do_parts(const %s_ctx *ctx, void (*part)(void *job, int number), void *job, int parts)\n{", p->name);
    line(t, "    int i;\n    if (ctx->parallel) ctx->parallel(ctx->pool, part, job, parts);");
    line(t, "    else for (i = 0; i < parts; i++) part(job, i);\n}\n");
}

static const char *scalar_name(cg_module *c, const ir_sym *sym) { return cg_index(c, sx_sym(&c->m->sx, sym), false); }

static const ir_sx *all_trips(ir_module *m, const cg_kernel *k)
{
    const ir_sx *n = sx_int(&m->sx, 0);
    for (int i = 0; i < k->units.n; i++) n = sx_add(&m->sx, n, k_unit_trips(m, &k->units.unit[i]));
    return n;
}

/* The members of a job: what the kernel takes. */
static void put_job(cg_module *c, text *t, const cg_kernel *k, const char *job, bool wide)
{
    const kir_func *f = k->func;
    open_brace(t, "typedef struct %s", job);
    for (int i = 0; i < f->param.n; i++) line(t, "%s%s *%s;", f->param.at[i]->written ? "" : "const ", c->dialect->storage_type(f->param.at[i]->dtype), f->param.at[i]->name);
    for (int i = 0; i < cg_own_scalars(k); i++) line(t, "%s %s;", c->dialect->compute_type(KIR_INDEX_TYPE, wide), scalar_name(c, k->ranged->scalar.at[i]));
    if (!sx_is_const(all_trips(c->m, k))) line(t, "int64_t nf_n; /* iterations of all parts */");
    if (f->can_fail) line(t, "int nf_status[%d];", k->parts);
    t->indent--;
    line(t, "} %s;\n", job);
}

/* What the name of a unit's cuts ends in. */
static const char *range_name(cg_module *c, const cg_kernel *k, int unit) { return k->units.each ? arena_printf(c->arena, "_%d", unit + 1) : ""; }

/* One part: the kernel with what the job holds, and the range, or the ranges. */
static void put_part(cg_module *c, text *t, const cg_kernel *k, const char *job, const char *part, bool wide)
{
    const kir_func *f = k->func;
    const ir_sx *trips = all_trips(c->m, k);
    const int ranges = cg_ranges(k);
    const char *constant = f->can_fail ? "" : "const ", *type = wide ? "" : "(int32_t)";
    const char *n = sx_is_const(trips) ? arena_printf(c->arena, "%lld", (long long)sx_value(trips)) : "job->nf_n";
    line(t, "static void %s(void *env, int part)\n{", part);
    t->indent++;
    for (int u = 0; k->cut && u < ranges; u++) {
        put(t, "static const %s first%s[] = {", c->dialect->compute_type(KIR_INDEX_TYPE, wide), range_name(c, k, u));
        for (int i = 0; i <= k->parts; i++) put(t, "%s%lld", i ? ", " : "", (long long)k->cut[u * (k->parts + 1) + i]);
        line(t, "};");
    }
    line(t, "%s%s *const job = (%s%s *)env;", constant, job, constant, job);
    put(t, "%s(", k->name);
    for (int i = 0; i < f->param.n; i++) put(t, "job->%s, ", f->param.at[i]->name);
    for (int i = 0; i < cg_own_scalars(k); i++) put(t, "job->%s, ", scalar_name(c, k->ranged->scalar.at[i]));
    for (int u = 0; k->cut && u < ranges; u++) put(t, "%sfirst%s[part], first%s[part + 1]", u ? ", " : "", range_name(c, k, u), range_name(c, k, u));
    if (!k->cut) put(t, "%snf_first_of(%s, part, %d), %snf_first_of(%s, part + 1, %d)", type, n, k->parts, type, n, k->parts);
    line(t, "%s);", f->can_fail ? ", &job->nf_status[part]" : "");
    close_brace(t);
    end_line(t);
}

/* All parts. Of the errors that they report, the one that the kernel would meet first counts. */
static void put_parallel(cg_program *p, cg_module *c, text *t, const cg_kernel *k, const char *job, const char *part, bool wide)
{
    const kir_func *f = k->func;
    const ir_sx *trips = all_trips(c->m, k);
    put(t, "static void %s(const %s_ctx *ctx", k->parallel, p->name);
    for (int i = 0; i < f->param.n; i++) put(t, ", %s%s *%s", f->param.at[i]->written ? "" : "const ", c->dialect->storage_type(f->param.at[i]->dtype), f->param.at[i]->name);
    for (int i = 0; i < f->scalar.n; i++) put(t, ", %s %s", c->dialect->compute_type(KIR_INDEX_TYPE, wide), scalar_name(c, f->scalar.at[i]));
    line(t, "%s)\n{", f->can_fail ? ", int *status" : "");
    t->indent++;
    const char *sep = "";
    put(t, "%s nf_job = {", job);
    for (int i = 0; i < f->param.n; i++, sep = ", ") put(t, "%s%s", sep, f->param.at[i]->name);
    for (int i = 0; i < cg_own_scalars(k); i++, sep = ", ") put(t, "%s%s", sep, scalar_name(c, k->ranged->scalar.at[i]));
    if (!sx_is_const(trips)) put(t, ", %s", cg_index(c, trips, false));
    line(t, "%s};", f->can_fail ? ", {0}" : "");
    line(t, "nf_do_parts(ctx, %s, &nf_job, %d);", part, k->parts);
    if (f->can_fail) line(t, "for (int nf_i = 0; nf_i < %d; nf_i++)\n    if (*status == 0) *status = nf_job.nf_status[nf_i];", k->parts);
    close_brace(t);
}

void cg_print_parts(cg_program *p, cg_module *c, const cg_kernel *k)
{
    text *t = c->kernels;
    bool wide = cg_needs_wide_index(k->ranged);
    cg_print_kernel(c, k->ranged, k->name);
    if (!k->apart) return; /* forks alone do it */
    const char *job = name_unique(p->arena, &p->taken, arena_printf(p->arena, "%s_job", k->name));
    const char *part = name_unique(p->arena, &p->taken, arena_printf(p->arena, "%s_part", k->name));
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
