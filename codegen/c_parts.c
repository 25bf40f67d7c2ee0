/* Kernels that several threads do, a part each: which ones, and who does what. */
#include "codegen/program.h"
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

enum { MOST_THREADS = 64, MOST_RANGES = 4, MOST_PIECES = K_MAX_UNITS * K_MAX_UNITS };

/* The units of a kernel with what they take, shared out among threads. */
typedef struct {
    cg_program *p;
    const plan_call *call; /* of the kernel, the first */
    const kir_func *func;
    k_units *units;
    cg_piece at[MOST_PIECES];
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

static void add_pieces(sharing *s, const kir_func *f, const k_units *units, int64_t times, int unit);

/* Constants come from memory; what the kernels before have made, from where it lies, and that may be another core. */
static double whole_us(const sharing *s, const kir_func *f, const k_unit *u, int64_t times)
{
    const device_unit *cores = s->p->device->chosen;
    const device_level *memory = device_level_holding(cores, INT64_MAX);
    nfc_arena *scratch = arena_child(s->p->arena);
    int64_t *bytes = ARENA_ARRAY(scratch, int64_t, f->param.n);
    double us = 0;
    k_whole_bytes(s->p->m, f, u, s->threads, times, bytes);
    for (int i = 0; i < f->param.n; i++) {
        bool constant = s->call->arg.at[i]->buffer->place == PLAN_WEIGHT;
        double rate = constant ? (memory ? memory->gb_per_s : 0) : cores->share_gb_per_s;
        us += rate > 0 ? (double)bytes[i] / (rate * 1e3) : 0;
    }
    arena_free(scratch);
    return us;
}

static void add_piece(sharing *s, const kir_func *f, const k_unit *u, int64_t times, int unit)
{
    ir_module *m = s->p->m;
    kir_func alone = k_unit_alone(m, f, u);
    kir_cost cost = kir_cost_of(m, &alone);
    double cycles = cycles_of(s->p->device->chosen, cost);
    if (s->n == MOST_PIECES) return;
    s->at[s->n++] = (cg_piece){
        .us = (double)times * (cycles > 0 ? cycles : (double)cost.read + (double)cost.written),
        .trips = most_trips(k_unit_trips(m, u)),
        .whole_us = whole_us(s, f, u, times),
        .unit = unit,
    };
}

/* What is done in each iteration of a loop, one after the other; as one piece where those are many. */
static void add_across(sharing *s, const kir_func *f, const k_unit *u, int64_t times, int unit)
{
    int64_t trips = most_trips(k_unit_outer_trips(s->p->m, u));
    double whole = whole_us(s, f, u, times);
    kir_func inside = k_unit_inside(f, u);
    int first = s->n;
    add_pieces(s, &inside, u->inner, times, unit);
    int n = s->n - first;
    for (int i = first; i < s->n; i++) s->at[i].whole_us = whole;
    if (n && trips <= (MOST_PIECES - first) / n) {
        for (int64_t k = 1; k < trips; k++)
            for (int i = 0; i < n; i++) s->at[s->n++] = s->at[first + i];
        return;
    }
    s->n = first;
    add_piece(s, f, u, times, unit);
}

/* What units take that are done so many times: one beside the other, in any measure. */
static void add_pieces(sharing *s, const kir_func *f, const k_units *units, int64_t times, int unit)
{
    for (int i = 0; i < units->n; i++) {
        const k_unit *u = &units->unit[i];
        int of = unit < 0 ? i : unit;
        kir_func inside = u->within ? k_unit_inside(f, u) : *f;
        if (u->across) add_across(s, f, u, times, of);
        else if (u->within) add_pieces(s, &inside, u->inner, sat_mul(times, most_trips(k_unit_outer_trips(s->p->m, u))), of);
        else add_piece(s, f, u, times, of);
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

/* What a part waits for that another reads as well: of one thread's time it would be its share only. */
static double twice_us(const sharing *s)
{
    double us = 0;
    for (int i = 0; i < s->n && s->all_us > 0; i++) us += s->at[i].whole_us * s->at[i].us / s->all_us;
    return us * (s->threads - 1) / s->threads;
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
    return longest + twice_us(s);
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
    longest += twice_us(s);
    s->units->each = longest <= 1.03 * joint;
    return s->units->each ? longest : joint;
}

/* How much less the longest part must take for a way to share out that is harder to read. */
static const double better = 0.97;

static void choose_depths(sharing *s, k_units *units, double *best);

/* What the unit's loop does in an iteration is shared out: in each of them alike, or in all of them together. */
static void choose_within(sharing *s, k_unit *u, double *best)
{
    u->within = true;
    double us = longest_part(s);
    choose_depths(s, u->inner, &us);
    u->within = us < better * *best;
    if (u->within) *best = us;
    bool within = u->within, nested = false; /* as it is chosen now */
    for (int i = 0; i < u->inner->n; i++) nested |= u->inner->unit[i].within;
    if (nested) return;
    u->within = u->across = true;
    us = longest_part(s);
    u->across = us < better * *best;
    u->within = within || u->across;
    if (u->across) *best = us;
}

/* Shares out the iterations of more loops together, or what loops do in each iteration, where that is more even. */
static void choose_depths(sharing *s, k_units *units, double *best)
{
    for (int i = 0; i < units->n; i++) {
        k_unit *u = &units->unit[i];
        for (int depth = u->depth + 1, was; depth <= u->nloop; depth++) {
            was = u->depth;
            u->depth = depth;
            double us = longest_part(s);
            if (us < better * *best) *best = us;
            else u->depth = was;
        }
        if (u->inner) choose_within(s, u, best);
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

/* Are all bounds of what is shared out known now? */
static bool is_known(const k_units *units)
{
    bool known = true;
    for (int i = 0; i < units->n; i++) {
        const k_unit *u = &units->unit[i];
        for (int l = 0; l < u->nloop && l < (u->within ? 1 : u->depth); l++) known &= sx_is_const(u->loop[l]->begin) && sx_is_const(u->loop[l]->end);
        if (u->within) known &= is_known(u->inner);
    }
    return known;
}

/* Where each part of a range begins, and behind the last; all the same where there are not as many iterations. */
static void keep_even(const sharing *s, const cg_kernel *k, int64_t *even)
{
    const int threads = (int)s->p->device->threads;
    for (int r = 0; r < cg_ranges(k); r++)
        for (int t = 0; t <= threads; t++) {
            int part = t < s->threads ? t : s->threads;
            even[r * (threads + 1) + t] = k->units.each ? s->cuts[r * (s->threads + 1) + part] : cut(s, part);
        }
}

/* What forks are chosen by. */
static void keep_weights(sharing *s, cg_kernel *k)
{
    cg_program *p = s->p;
    k->us = s->all_us;
    k->fetch_us = fetch_us(s, k);
    if (!k->units.n || !is_known(&k->units) || s->threads < 1 || s->n == MOST_PIECES) return;
    cg_piece *piece = ARENA_ARRAY(p->arena, cg_piece, s->n);
    int64_t *even = ARENA_ARRAY(p->arena, int64_t, cg_ranges(k) * ((int)p->device->threads + 1));
    for (int i = 0; i < s->n; i++) piece[i] = s->at[i];
    keep_even(s, k, even);
    k->piece = piece;
    k->npiece = s->n;
    k->twice_us = twice_us(s);
    k->even = even;
}

int64_t cg_range_trips(const cg_kernel *k, int range)
{
    int64_t trips = 0;
    for (int i = 0; i < k->npiece; i++)
        if (!k->units.each || k->piece[i].unit == range) trips = sat_add(trips, k->piece[i].trips);
    return trips;
}

double cg_range_us(const cg_kernel *k, int range, int64_t first, int64_t end)
{
    double us = 0;
    int64_t base = 0;
    for (int i = 0; i < k->npiece; i++) {
        const cg_piece *q = &k->piece[i];
        if (k->units.each && q->unit != range) continue;
        int64_t from = first > base ? first - base : 0, to = end - base < q->trips ? end - base : q->trips;
        if (from < to) us += q->us * (double)(to - from) / (double)q->trips;
        base += q->trips;
    }
    return us;
}

bool cg_part_has_work(const cg_kernel *k, const int64_t *cut, int parts, int part)
{
    bool has = false;
    for (int r = 0; r < cg_ranges(k); r++) has |= cut[r * (parts + 1) + part] < cut[r * (parts + 1) + part + 1];
    return has;
}

void cg_make_ranged(cg_program *p, cg_kernel *k)
{
    if (!k->ranged) k->ranged = k_parts(p->m, k->func, &k->units);
}

static void choose_parts(cg_program *p, cg_kernel *k)
{
    sharing s = {.p = p, .call = k->call, .func = k->func, .units = &k->units, .threads = (int)p->device->threads};
    k->units = k_units_of(p->m, k->func);
    s.all_us = kernel_us(p, kir_cost_of(p->m, k->func));
    double us = k->units.n ? longest_part(&s) : s.all_us;
    choose_depths(&s, &k->units, &us);
    if (k->units.n) us = longest_part(&s);
    us = choose_ranges(&s, us);
    if (s.all_trips < s.threads && !s.units->each) s.threads = (int)s.all_trips;
    keep_weights(&s, k);
    if (!k->units.n || s.threads < 2 || s.all_us - us <= p->device->chosen->fork_us + k->fetch_us) return;
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
    cg_make_ranged(p, k);
    k->parallel = name_unique(p->arena, &p->taken, arena_printf(p->arena, "%s_parallel", k->name));
}

void cg_choose_parts(cg_program *p)
{
    for (int i = 0; i < p->kernel.n; i++) {
        p->kernel.at[i]->parts = 1;
        p->kernel.at[i]->apart = true;
        if (p->device->threads > 1) choose_parts(p, p->kernel.at[i]);
    }
}

bool cg_has_parts(const cg_program *p)
{
    bool has = p->fork.n > 0;
    for (int i = 0; i < p->kernel.n; i++) has |= p->kernel.at[i]->parts > 1;
    return has;
}

/* A kernel's loops go along the same axes: those of the unit that is shared out along most. */
static const char *parts_axes(nfc_arena *a, const k_units *units)
{
    const k_unit *most = &units->unit[0];
    for (int i = 1; i < units->n && !most->within; i++)
        if (units->unit[i].within || units->unit[i].depth > most->depth) most = &units->unit[i];
    const char *axes = most->within ? parts_axes(a, most->inner) : "";
    if (most->within) return most->across ? arena_printf(a, "%s%s%s", most->loop[0]->var->name, *axes ? ", " : "", axes) : axes;
    for (int i = 0; i < most->depth; i++) axes = arena_printf(a, "%s%s%s", axes, i ? ", " : "", most->loop[i]->var->name);
    return axes;
}

const char *cg_parts_text(const cg_program *p, const cg_kernel *k, int parts)
{
    const char *axes = parts_axes(p->arena, &k->units);
    return arena_printf(p->arena, "%d parts%s%s", parts, *axes ? " along " : "", axes);
}
