/* Kernels that several threads do, a part each: which ones, and how that is printed. */
#include <string.h>
#include "codegen/program.h"
#include "frontend/embed.h"
#include "ir/names.h"
#include "ir/sat.h"

/* ---- which kernels -------------------------------------------------------------------------- */

/* Cycles that one core takes at least for the instructions. */
static double cycles_of(const device_unit *u, kir_cost cost)
{
    double lanes = u->vector_bits ? (double)u->vector_bits / 32 : 1, at_once = u->flops_per_cycle / (2 * lanes);
    double operations = (double)cost.operations / (at_once < 1 ? 1 : at_once), loads = (double)cost.loads / u->loads_per_cycle;
    double sums = (double)cost.sums * (u->vector_bits ? u->latency : 1);
    double most = operations > loads ? operations : loads;
    return most > sums ? most : sums;
}

/* Microseconds that one core takes at least. */
static double kernel_us(const cg_program *p, kir_cost cost)
{
    const device_unit *u = p->device->chosen;
    double bytes = (double)cost.read + (double)cost.written, compute = cycles_of(u, cost) / u->clock_mhz;
    const device_level *l = device_level_holding(u, sat_add(cost.read, cost.written));
    double memory = l ? bytes / (l->gb_per_s * 1e3) : 0;
    return compute > memory ? compute : memory;
}

enum { MOST_THREADS = 64, MOST_RANGES = 4 };

/* Iterations one after the other that take the same time each. */
typedef struct {
    double us;
    int64_t trips;
    int unit; /* of the kernel's */
} piece;

/* The units of a kernel with what they take, shared out among threads. */
typedef struct {
    cg_program *p;
    const kir_func *func;
    k_units *units;
    piece at[K_MAX_UNITS * K_MAX_UNITS];
    int n;
    double all_us;
    int64_t all_trips;
    int threads;
    int64_t cuts[K_MAX_UNITS * (MOST_THREADS + 1)]; /* of the units one by one */
} sharing;

static int64_t most_trips(const ir_sx *trips)
{
    int64_t n = sx_max(trips);
    return n > 0 ? n : 0;
}

/* What units take that are done so many times: one beside the other, in any measure. */
static void add_pieces(sharing *s, const kir_func *f, const k_units *units, double times, int unit)
{
    ir_module *m = s->p->m;
    for (int i = 0; i < units->n; i++) {
        const k_unit *u = &units->unit[i];
        if (u->within) {
            kir_func inside = k_unit_inside(f, u);
            add_pieces(s, &inside, u->inner, times * (double)most_trips(k_unit_outer_trips(m, u)), unit < 0 ? i : unit);
            continue;
        }
        if (s->n == K_MAX_UNITS * K_MAX_UNITS) return;
        kir_func alone = k_unit_alone(m, f, u);
        kir_cost cost = kir_cost_of(m, &alone);
        double cycles = cycles_of(s->p->device->chosen, cost);
        s->at[s->n++] = (piece){times * (cycles > 0 ? cycles : (double)cost.read + (double)cost.written), most_trips(k_unit_trips(m, u)), unit < 0 ? i : unit};
    }
}

/* The units as they are to be shared out now; together they take what the kernel does. */
static void weigh_pieces(sharing *s)
{
    double sum = 0;
    s->n = 0;
    s->all_trips = 0;
    add_pieces(s, s->func, s->units, 1, -1);
    for (int i = 0; i < s->n; i++) {
        sum += s->at[i].us;
        s->all_trips = sat_add(s->all_trips, s->at[i].trips);
    }
    for (int i = 0; i < s->n && sum > 0; i++) s->at[i].us *= s->all_us / sum;
}

/* What all iterations before one take. */
static double us_before(const sharing *s, int64_t iteration)
{
    double us = 0;
    for (int i = 0; i < s->n && iteration > 0; i++) {
        int64_t here = iteration < s->at[i].trips ? iteration : s->at[i].trips;
        if (s->at[i].trips) us += s->at[i].us * (double)here / (double)s->at[i].trips;
        iteration -= here;
    }
    return us;
}

/* The iteration before which so much is done, or nearly. */
static int64_t iteration_at(const sharing *s, double us)
{
    int64_t base = 0;
    for (int i = 0; i < s->n; base += s->at[i++].trips) {
        if (us < s->at[i].us) return base + (int64_t)((double)s->at[i].trips * us / s->at[i].us + 0.5);
        us -= s->at[i].us;
    }
    return base;
}

/* Where part t begins: parts that take the same time, or nearly so. */
static int64_t cut(const sharing *s, int t)
{
    if (s->n > 1) return t == s->threads ? s->all_trips : iteration_at(s, s->all_us * t / s->threads);
    int64_t n = s->all_trips / s->threads, rest = s->all_trips % s->threads;
    return n * t + rest * t / s->threads;
}

/* Microseconds that the longest part takes. */
static double longest_part(sharing *s)
{
    double longest = 0;
    weigh_pieces(s);
    for (int t = 0; t < s->threads; t++) {
        double us = us_before(s, cut(s, t + 1)) - us_before(s, cut(s, t));
        if (us > longest) longest = us;
    }
    return longest;
}

/* Does the run know what the units have of iterations? */
static bool is_of_run(ir_module *m, const k_units *units)
{
    bool of_run = false;
    for (int i = 0; i < units->n; i++) of_run |= !sx_is_const(k_unit_trips(m, &units->unit[i]));
    return of_run;
}

/* ---- a range of each unit ------------------------------------------------------------------- */

static int part_with_least(const sharing *s, const double *us)
{
    int least = 0;
    for (int t = 1; t < s->threads; t++)
        if (us[t] < us[least]) least = t;
    return least;
}

/* Where the parts of a unit begin, and behind the last: so that they take the same time. What is done as one is given to
 * the part that has least to do. */
static void cut_unit(sharing *s, int unit, double *us)
{
    sharing own = {.threads = s->threads};
    int64_t *cuts = &s->cuts[unit * (s->threads + 1)];
    for (int i = 0; i < s->n; i++)
        if (s->at[i].unit == unit) own.at[own.n++] = s->at[i];
    for (int i = 0; i < own.n; i++) {
        own.all_us += own.at[i].us;
        own.all_trips += own.at[i].trips;
    }
    int one = part_with_least(s, us);
    for (int t = 0; t <= s->threads; t++) cuts[t] = own.all_trips == 1 ? t > one : cut(&own, t);
    for (int t = 0; t < s->threads; t++) us[t] += us_before(&own, cuts[t + 1]) - us_before(&own, cuts[t]);
}

/* Gives each part its share of each unit where that is as even: it then works at the same places in all of them. */
static double choose_ranges(sharing *s, double joint)
{
    double us[MOST_THREADS] = {0}, longest = 0;
    if (s->units->n < 2 || s->units->n > MOST_RANGES || s->all_trips < s->threads || is_of_run(s->p->m, s->units)) return joint;
    for (int single = 0; single < 2; single++) /* what is done as one comes last */
        for (int u = 0; u < s->units->n; u++)
            if ((most_trips(k_unit_trips(s->p->m, &s->units->unit[u])) == 1) == single) cut_unit(s, u, us);
    for (int t = 0; t < s->threads; t++)
        if (us[t] > longest) longest = us[t];
    s->units->each = longest <= 1.03 * joint;
    return s->units->each ? longest : joint;
}

/* Shares out the iterations of more loops together, or what loops do in each iteration, where that is more even by a part
 * in twenty. */
static void choose_depths(sharing *s, k_units *units, double *best)
{
    const double better = 0.95;
    for (int i = 0; i < units->n; i++) {
        k_unit *u = &units->unit[i];
        for (int depth = u->depth + 1, was; depth <= u->nloop; depth++) {
            was = u->depth;
            u->depth = depth;
            double us = longest_part(s);
            if (us < better * *best) *best = us;
            else u->depth = was;
        }
        if (!u->inner) continue;
        u->within = true;
        double us = longest_part(s);
        choose_depths(s, u->inner, &us);
        if (us < better * *best) *best = us;
        else u->within = false;
    }
}

/* What a part waits for that other threads had: of its elements, but for constants, all that would be its own by chance. */
static double fetch_us(const sharing *s, const cg_kernel *k)
{
    double bytes = 0, rate = s->p->device->chosen->share_gb_per_s * 1e3, others = (double)(s->threads - 1) / s->threads;
    for (int i = 0; i < k->func->param.n; i++) {
        const kir_buffer *b = k->func->param.at[i];
        bool constant = k->call->arg.at[i]->buffer->place == PLAN_WEIGHT;
        if (!constant) bytes += (double)sx_max(b->size) * (double)dtype_bytes(b->dtype);
    }
    return rate > 0 ? bytes / s->threads * others / rate : 0;
}

static void choose_parts(cg_program *p, cg_kernel *k)
{
    sharing s = {.p = p, .func = k->func, .units = &k->units, .threads = (int)p->device->threads};
    k->units = k_units_of(p->m, k->func);
    if (!k->units.n) return;
    s.all_us = kernel_us(p, kir_cost_of(p->m, k->func));
    double us = longest_part(&s);
    choose_depths(&s, &k->units, &us);
    us = longest_part(&s);
    us = choose_ranges(&s, us);
    if (s.all_trips < s.threads && !s.units->each) s.threads = (int)s.all_trips;
    if (s.threads < 2 || s.all_us - us <= p->device->chosen->fork_us + fetch_us(&s, k)) return;
    k->parts = s.threads;
    if (k->units.each) {
        int n = k->units.n * (s.threads + 1);
        int64_t *cuts = ARENA_ARRAY(p->arena, int64_t, n);
        for (int i = 0; i < n; i++) cuts[i] = s.cuts[i];
        k->cut = cuts;
    } else if (s.n > 1 && !is_of_run(p->m, &k->units)) {
        int64_t *cuts = ARENA_ARRAY(p->arena, int64_t, s.threads + 1);
        for (int t = 0; t <= s.threads; t++) cuts[t] = cut(&s, t);
        k->cut = cuts;
    }
    k->ranged = k_parts(p->m, k->func, &k->units);
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
    const k_units *units = &k->units;
    while (units->unit[0].within) units = units->unit[0].inner;
    const k_unit *most = &units->unit[0]; /* a kernel's loops go along the same axes */
    for (int i = 1; i < units->n; i++)
        if (!units->unit[i].within && units->unit[i].depth > most->depth) most = &units->unit[i];
    for (int i = 0; i < most->depth; i++) axes = arena_printf(p->arena, "%s%s%s", axes, i ? ", " : "", most->loop[i]->var->name);
    return arena_printf(p->arena, "%d parts along %s", k->parts, axes);
}

/* ---- how they are printed ------------------------------------------------------------------- */

void cg_put_parts_helpers(cg_program *p, text *t)
{
    if (!cg_has_parts(p)) return;
    bool equal = false;
    for (int i = 0; i < p->kernel.n; i++) equal |= p->kernel.at[i]->parts > 1 && !p->kernel.at[i]->cut;
    if (equal) line(t, "/* The first of n iterations that a part does: parts are as equal as can be. */");
    if (equal) line(t, "static int64_t nf_first_of(int64_t n, int part, int parts) { return n * part / parts; }\n");
    line(t, "/* Does all parts of a kernel: at once, where the context was given threads. */");
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

/* Ranges of iterations that a part is given. */
static int ranges_of(const cg_kernel *k) { return k->units.each ? k->units.n : 1; }

/* The kernel's scalars that a part needs: they come first. */
static int scalars_of(const cg_kernel *k) { return k->ranged->scalar.n - 2 * ranges_of(k); }

/* The members of a job: what the kernel takes. */
static void put_job(cg_module *c, text *t, const cg_kernel *k, const char *job, bool wide)
{
    const kir_func *f = k->func;
    open_brace(t, "typedef struct %s", job);
    for (int i = 0; i < f->param.n; i++) line(t, "%s%s *%s;", f->param.at[i]->written ? "" : "const ", c->dialect->storage_type(f->param.at[i]->dtype), f->param.at[i]->name);
    for (int i = 0; i < scalars_of(k); i++) line(t, "%s %s;", c->dialect->compute_type(KIR_INDEX_TYPE, wide), scalar_name(c, k->ranged->scalar.at[i]));
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
    const int ranges = ranges_of(k);
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
    for (int i = 0; i < scalars_of(k); i++) put(t, "job->%s, ", scalar_name(c, k->ranged->scalar.at[i]));
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
    for (int i = 0; i < scalars_of(k); i++, sep = ", ") put(t, "%s%s", sep, scalar_name(c, k->ranged->scalar.at[i]));
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
