/* Which calls threads do together: kernels in parts one after the other, each part with what it made itself, and whole
 * kernels side by side, where no part touches what another one writes. Then there is one fork, and threads wait for
 * each other once. What is touched shows passes/k_reach.h, from the kernels' own indices and the places that the planner
 * has given out; so storage that two values share at different times keeps their kernels apart as well. */
#include <float.h>
#include <string.h>
#include "codegen/program.h"
#include "passes/k_reach.h"

enum { MOST_PARTS = 16, MOST_STEPS = 24 };

/* A call among those that follow one another, with nothing of the host's between. */
typedef struct {
    const plan_call *call;
    cg_kernel *kernel;
    k_called called;
    k_touches all;   /* what it touches */
    k_touches *even; /* what each part of even ranges does; NULL: it is not shared out */
} member;

typedef struct {
    const member *of;
    int part;           /* that does all; -1: */
    const int64_t *cut; /* the ranges */
    k_touches *reach;   /* of each part */
} step;

/* Steps of which no part touches what another part of any of them writes. */
typedef struct {
    step at[MOST_STEPS];
    int n;
    double us[MOST_PARTS]; /* of each part */
} group;

typedef enum { IN_ORDER, BACKWARDS, TOWERS, WAYS } way;

typedef struct {
    cg_program *p;
    nfc_arena *a;     /* of a stretch */
    nfc_arena *trial; /* of a group that is being made */
    int parts;
    double fork_us;
    const plan_graph *g;
    VEC(member) stretch;
    int most; /* calls of a group */
    signed char *apart[2]; /* of each call, and how many come between it and a later one: are they independent, as a whole or in even ranges? 0: nobody has looked */
} chooser;

/* ---- what calls touch ----------------------------------------------------------------------- */

static const void *space_of(const chooser *c, const plan_buffer *b)
{
    switch (b->place) {
    case PLAN_INPUT: return &c->g->g->input.at[b->port];
    case PLAN_OUTPUT: return &c->g->g->output.at[b->port];
    case PLAN_STATE: return b->state;
    case PLAN_WEIGHT: return b->weight;
    case PLAN_ARENA: break;
    }
    return c->g;
}

static k_called called_as(const chooser *c, const plan_call *call, const cg_kernel *k)
{
    k_place *place = ARENA_ARRAY(c->a, k_place, call->arg.n + 1);
    for (int i = 0; i < call->arg.n; i++) {
        const plan_buffer *b = call->arg.at[i]->buffer;
        place[i] = (k_place){.space = space_of(c, b), .base = b->place == PLAN_ARENA ? b->offset : 0, .offset = call->arg.at[i]->offset, .fixed = b->place == PLAN_WEIGHT};
    }
    return (k_called){.func = k->func, .place = place, .scalar = call->kernel->scalar.at};
}

/* What the parts of such ranges touch, and more where a part has nothing to do but names. */
static k_touches *reach_of(const chooser *c, nfc_arena *a, const member *m, const int64_t *cut)
{
    int64_t first[K_MAX_UNITS], end[K_MAX_UNITS];
    k_touches *reach = ARENA_ARRAY(a, k_touches, c->parts);
    for (int t = 0; t < c->parts; t++) {
        for (int r = 0; r < cg_ranges(m->kernel); r++) {
            first[r] = cut[r * (c->parts + 1) + t];
            end[r] = cut[r * (c->parts + 1) + t + 1];
        }
        k_reach(c->p->m, a, &m->called, &m->kernel->units, first, end, &reach[t]);
    }
    return reach;
}

/* All that one part does alone. */
static k_touches *reach_of_one(const chooser *c, const member *m, int part)
{
    k_touches *reach = ARENA_ARRAY(c->trial, k_touches, c->parts);
    reach[part] = m->all;
    return reach;
}

/* Is no part of the one touched by what another part of the other writes, or the other way round? */
static bool parts_are_apart(const chooser *c, const k_touches *one, const k_touches *two)
{
    for (int t = 0; t < c->parts; t++)
        for (int u = 0; u < c->parts; u++)
            if (t != u && k_reaches_meet(&one[t], &two[u])) return false;
    return true;
}

/* The same of two calls of the stretch, of their even ranges or of all that they do; worked out once. */
static bool calls_are_apart(const chooser *c, const member *one, const member *two, bool even)
{
    const member *first = one < two ? one : two, *last = one < two ? two : one;
    signed char *known = &c->apart[even][(first - c->stretch.at) * c->most + (last - first) % c->most];
    if (!*known) {
        bool apart = even ? parts_are_apart(c, first->even, last->even) : !k_reaches_meet(&first->all, &last->all);
        *known = apart ? 1 : -1;
    }
    return *known > 0;
}

/* Can a step run beside those of the group? */
static bool is_beside(const chooser *c, const group *g, const step *s)
{
    bool is = true;
    for (int i = g->n - 1; i >= 0 && is; i--) {
        const step *other = &g->at[i];
        bool even = s->part < 0 && other->part < 0 && s->cut == s->of->kernel->even && other->cut == other->of->kernel->even;
        bool whole = s->part >= 0 && other->part >= 0 && s->part != other->part;
        is = even || whole ? calls_are_apart(c, s->of, other->of, even) : parts_are_apart(c, other->reach, s->reach);
    }
    return is;
}

/* ---- ranges that fit ------------------------------------------------------------------------ */

/* Can iterations first to end - 1 of a range run beside the parts from `from` to `to` - 1? */
static bool range_is_beside(const chooser *c, const group *g, const member *m, int range, int64_t first, int64_t end, int from, int to)
{
    int64_t firsts[K_MAX_UNITS] = {0}, ends[K_MAX_UNITS] = {0};
    nfc_arena *scratch = arena_child(c->trial);
    k_touches reach = {0};
    bool is = true;
    firsts[range] = first;
    ends[range] = end;
    k_reach(c->p->m, scratch, &m->called, &m->kernel->units, firsts, ends, &reach);
    for (int i = 0; i < g->n && is; i++)
        for (int t = from; t < to && is; t++) is = !k_reaches_meet(&g->at[i].reach[t], &reach);
    arena_free(scratch);
    return is;
}

/* Where the part may begin: not before `least`, for what comes from there on touches nothing of the parts before, and not
 * behind `most`. False: nowhere. */
static bool find_bounds(const chooser *c, const group *g, const member *m, int range, int part, int64_t *least, int64_t *most)
{
    const int64_t n = cg_range_trips(m->kernel, range);
    int64_t lo = 0, hi = n;
    while (lo < hi) {
        int64_t at = lo + (hi - lo + 1) / 2;
        if (range_is_beside(c, g, m, range, 0, at, part, c->parts)) lo = at;
        else hi = at - 1;
    }
    *most = lo;
    if (!range_is_beside(c, g, m, range, *most, n, 0, part)) return false;
    lo = 0;
    hi = *most;
    while (lo < hi) {
        int64_t at = lo + (hi - lo) / 2;
        if (range_is_beside(c, g, m, range, at, n, 0, part)) hi = at;
        else lo = at + 1;
    }
    *least = lo;
    return true;
}

/* Ranges of the call that fit to the group's, as even as they can be then; NULL: there are none. */
static const int64_t *fitting_cut(const chooser *c, const group *g, const member *m)
{
    const int ranges = cg_ranges(m->kernel);
    int64_t *cut = ARENA_ARRAY(c->trial, int64_t, ranges * (c->parts + 1));
    for (int r = 0; r < ranges; r++) {
        int64_t *at = &cut[r * (c->parts + 1)];
        const int64_t *even = &m->kernel->even[r * (c->parts + 1)];
        at[c->parts] = cg_range_trips(m->kernel, r);
        for (int t = 1; t < c->parts; t++) {
            int64_t least, most;
            if (!find_bounds(c, g, m, r, t, &least, &most)) return NULL;
            at[t] = even[t] < least ? least : even[t] > most ? most : even[t];
            if (at[t] < at[t - 1]) at[t] = at[t - 1];
        }
    }
    return cut;
}

/* ---- groups --------------------------------------------------------------------------------- */

static double part_us(const chooser *c, const step *s, int part)
{
    const cg_kernel *k = s->of->kernel;
    double us = 0;
    if (s->part >= 0) return s->part == part ? k->us : 0;
    for (int r = 0; r < cg_ranges(k); r++) us += cg_range_us(k, r, s->cut[r * (c->parts + 1) + part], s->cut[r * (c->parts + 1) + part + 1]);
    return us > 0 ? us + k->twice_us + k->fetch_us : 0;
}

static double longest_with(const chooser *c, const group *g, const step *s)
{
    double longest = 0;
    for (int t = 0; t < c->parts; t++) {
        double us = g->us[t] + (s ? part_us(c, s, t) : 0);
        if (us > longest) longest = us;
    }
    return longest;
}

static void push(const chooser *c, group *g, const step *s)
{
    for (int t = 0; t < c->parts; t++) g->us[t] += part_us(c, s, t);
    g->at[g->n++] = *s;
}

/* How much earlier all must end for a call to be done by one part: estimates of two kernels differ by more than of parts of one. */
static const double better = 0.97;

/* The call in even ranges, or in others that fit, or all of it in one part: whatever ends first. False: it needs what the
 * parts of the group do, or they need what it does. */
static bool add_member(const chooser *c, group *g, const member *m)
{
    step best = {0};
    double least = DBL_MAX;
    if (g->n == MOST_STEPS) return false;
    if (m->even) {
        step s = {.of = m, .part = -1, .cut = m->kernel->even, .reach = m->even};
        bool fits = is_beside(c, g, &s);
        if (!fits && (s.cut = fitting_cut(c, g, m)) != NULL) {
            s.reach = reach_of(c, c->trial, m, s.cut);
            fits = is_beside(c, g, &s);
        }
        if (fits) {
            best = s;
            least = longest_with(c, g, &s);
        }
    }
    for (int t = 0; t < c->parts; t++) {
        step s = {.of = m, .part = t, .reach = reach_of_one(c, m, t)};
        double us = longest_with(c, g, &s);
        if (us >= better * least || !is_beside(c, g, &s)) continue;
        best = s;
        least = us;
    }
    if (least < DBL_MAX) push(c, g, &best);
    return least < DBL_MAX;
}

static int find(int *of, int i)
{
    while (of[i] != i) i = of[i] = of[of[i]];
    return i;
}

/* Has nothing in it, and nothing of those before is needed any more. */
static void begin_group(const chooser *c, group *g)
{
    arena_clear(c->trial);
    g->n = 0;
    memset(g->us, 0, sizeof g->us);
}

/* Calls that depend on each other, whole, one after the other in one part; what is independent of them in another: of what
 * takes longest first, to the part that has least to do. */
static void make_towers(const chooser *c, group *g, int first, int n)
{
    int of[MOST_STEPS], part[MOST_STEPS];
    double us[MOST_STEPS] = {0}, load[MOST_PARTS] = {0};
    for (int i = 0; i < n; i++) {
        of[i] = i;
        for (int k = 0; k < i; k++)
            if (find(of, k) != find(of, i) && !calls_are_apart(c, &c->stretch.at[first + k], &c->stretch.at[first + i], false)) of[find(of, k)] = find(of, i);
    }
    for (int i = 0; i < n; i++) {
        us[find(of, i)] += c->stretch.at[first + i].kernel->us;
        part[i] = -1;
    }
    for (int done = 0; done < n; done++) {
        int longest = -1, least = 0;
        for (int i = 0; i < n; i++)
            if (of[i] == i && part[i] < 0 && (longest < 0 || us[i] > us[longest])) longest = i;
        if (longest < 0) break;
        for (int t = 1; t < c->parts; t++)
            if (load[t] < load[least]) least = t;
        part[longest] = least;
        load[least] += us[longest];
    }
    begin_group(c, g);
    for (int i = 0; i < n; i++) push(c, g, &(step){.of = &c->stretch.at[first + i], .part = part[find(of, i)]});
}

/* What takes no time that is known is to be done as well. */
static bool has_work(const chooser *c, const step *s, int part)
{
    return s->part >= 0 ? s->part == part : cg_part_has_work(s->of->kernel, s->cut, c->parts, part);
}

/* Those up to the last that has something to do. */
static int parts_used(const chooser *c, const group *g)
{
    int used = 0;
    for (int i = 0; i < g->n; i++)
        for (int t = used; t < c->parts; t++)
            if (has_work(c, &g->at[i], t)) used = t + 1;
    return used;
}

/* Microseconds of a group, or more than any where it is no fork. */
static double group_us(const chooser *c, const group *g) { return parts_used(c, g) < 2 ? DBL_MAX : c->fork_us + longest_with(c, g, NULL); }

/* Makes the group of n calls from `first` on in such a way; false: there is none. */
static bool make_group(const chooser *c, group *g, way how, int first, int n)
{
    if (how == TOWERS) make_towers(c, g, first, n);
    else begin_group(c, g);
    for (int i = 0; how != TOWERS && i < n; i++)
        if (!add_member(c, g, &c->stretch.at[how == IN_ORDER ? first + i : first + n - 1 - i])) return false;
    return true;
}

static double alone_us(const chooser *c, const member *m)
{
    const cg_kernel *k = m->kernel;
    group g = {.n = 0};
    if (k->parts < 2) return k->us;
    return c->fork_us + longest_with(c, &g, &(step){.of = m, .part = -1, .cut = k->even});
}

/* ---- the best of all ------------------------------------------------------------------------ */

typedef struct {
    double us; /* of the calls before */
    int n;     /* calls of the last group */
    way how;
} choice;

/* Is it worth having them together? */
static void consider(choice *at, double before, double us, int n, way how)
{
    if (us < DBL_MAX && before + us <= at->us * (1 + 1e-9)) *at = (choice){before + us, n, how};
}

/* What groups of each length cost that begin, or end, with a call. */
static void weigh_groups(const chooser *c, way how, int from, double *us)
{
    const int step_to = how == BACKWARDS ? -1 : 1;
    group g;
    begin_group(c, &g);
    for (int i = 0; i < c->most; i++) us[i] = DBL_MAX;
    for (int i = 0; i < c->most && from + i * step_to >= 0 && from + i * step_to < c->stretch.n; i++) {
        if (how == TOWERS) make_towers(c, &g, from, i + 1);
        else if (!add_member(c, &g, &c->stretch.at[from + i * step_to])) break;
        us[i] = group_us(c, &g);
    }
}

static const int64_t *kept_cut(const chooser *c, const step *s, int parts)
{
    const int ranges = cg_ranges(s->of->kernel);
    int64_t *cut = ARENA_ARRAY(c->p->arena, int64_t, ranges * (parts + 1));
    for (int r = 0; r < ranges; r++)
        for (int t = 0; t <= parts; t++) cut[r * (parts + 1) + t] = s->cut[r * (c->parts + 1) + t];
    return cut;
}

static void keep_group(const chooser *c, const group *g, bool backwards)
{
    cg_program *p = c->p;
    cg_fork *f = ARENA_NEW(p->arena, cg_fork);
    *f = (cg_fork){.parts = parts_used(c, g)};
    for (int i = 0; i < g->n; i++) {
        const step *s = &g->at[backwards ? g->n - 1 - i : i];
        cg_step kept = {.call = s->of->call, .kernel = s->of->kernel, .part = s->part, .cut = s->part < 0 ? kept_cut(c, s, f->parts) : NULL};
        if (s->part < 0) cg_make_ranged(p, s->of->kernel);
        vec_push(p->arena, &f->step, kept);
        map_setp(&p->fork_of, kept.call, f);
    }
    vec_push(p->arena, &p->fork, f);
}

/* Cuts the stretch into calls that stand alone and groups, so that all of it takes least. */
static void choose_groups(chooser *c)
{
    const int n = c->stretch.n, most = c->most;
    for (int i = 0; i < 2; i++) c->apart[i] = ARENA_ARRAY(c->a, signed char, n * most);
    choice *best = ARENA_ARRAY(c->a, choice, n + 1);
    double *us[WAYS]; /* of groups of each length that begin, or backwards end, with each call */
    for (way how = IN_ORDER; how < WAYS; how++) {
        us[how] = ARENA_ARRAY(c->a, double, n * most);
        for (int i = 0; i < n; i++) weigh_groups(c, how, i, &us[how][i * most]);
    }
    for (int end = 1; end <= n; end++) {
        best[end] = (choice){best[end - 1].us + alone_us(c, &c->stretch.at[end - 1]), 1, IN_ORDER};
        for (int of = 2; of <= most && of <= end; of++) {
            const int first = end - of;
            for (way how = WAYS; how-- > IN_ORDER;) consider(&best[end], best[first].us, us[how][(how == BACKWARDS ? end - 1 : first) * most + of - 1], of, how);
        }
    }
    for (int end = n; end > 0; end -= best[end].n) {
        group g;
        if (best[end].n > 1 && make_group(c, &g, best[end].how, end - best[end].n, best[end].n)) keep_group(c, &g, best[end].how == BACKWARDS);
    }
}

/* ---- stretches ------------------------------------------------------------------------------ */

static void end_stretch(chooser *c)
{
    nfc_arena *scratch = c->a;
    if (c->stretch.n > 1) choose_groups(c);
    arena_free(scratch);
    c->a = arena_child(c->p->arena);
    memset(&c->stretch, 0, sizeof c->stretch);
}

static void add_call(chooser *c, const plan_call *call)
{
    cg_kernel *k = map_getp(&c->p->kernel_of, call);
    if (!k || k->func->can_fail || (k->parts > 1 && !k->piece)) { /* what comes behind a failure is not done; parts that only the run knows are left alone */
        end_stretch(c);
        return;
    }
    member m = {.call = call, .kernel = k, .called = called_as(c, call, k)};
    k_reach(c->p->m, c->a, &m.called, NULL, NULL, NULL, &m.all);
    if (k->piece) m.even = reach_of(c, c->a, &m, k->even);
    vec_push(c->a, &c->stretch, m);
}

static void walk_region(chooser *c, const ir_region *r)
{
    for (const ir_block *b = r->first; b; b = b->next) {
        for (const ir_inst *i = b->first; i; i = i->next) {
            const plan_step *s = plan_step_of(c->g, i);
            const bool host = i->op == IR_index_read || i->op == IR_require || i->op == IR_loop || i == b->last;
            if (host || (s && s->check.n)) end_stretch(c);
            if (i->op == IR_loop) walk_region(c, i->region[0]);
            for (int k = 0; s && !host && k < s->call.n; k++) add_call(c, s->call.at[k]);
        }
        end_stretch(c);
    }
}

/* ---- all of the program --------------------------------------------------------------------- */

/* Which kernels have calls beside those in forks? */
static void find_apart(cg_program *p)
{
    for (int i = 0; i < p->kernel.n; i++) {
        cg_kernel *k = p->kernel.at[i];
        k->apart = false;
        for (int n = 0; n < k->all.n; n++) k->apart |= !map_getp(&p->fork_of, k->all.at[n]);
    }
}

void cg_choose_forks(cg_program *p)
{
    const int threads = (int)p->device->threads;
    map_init(&p->fork_of, p->arena);
    if (threads < 2 || threads > MOST_PARTS) return;
    chooser c = {.p = p, .a = arena_child(p->arena), .trial = arena_child(p->arena), .parts = threads, .fork_us = p->device->chosen->fork_us, .most = threads > 4 ? MOST_STEPS / 2 : MOST_STEPS};
    for (int g = 0; g < p->plan->graph.n; g++) {
        c.g = p->plan->graph.at[g];
        walk_region(&c, c.g->g->body);
    }
    arena_free(c.a);
    cg_give_forks(p);
    find_apart(p);
}
