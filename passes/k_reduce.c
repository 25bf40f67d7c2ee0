#include "passes/k_reduce.h"

#include <math.h>

typedef struct {
    kir_buffer *local;
    kir_bin op;
    k_local part, *whole; /* whole: what the local is outside of the loop */
} sum;

typedef struct {
    k_replay r;
    int64_t lanes, parts;
    int64_t least; /* lanes of the narrowest vectors */
    bool keep_order;
    bool (*has_fma)(const void *env, kir_type type, int64_t lanes);
    const void *env;
    int64_t at_once; /* lanes of what is replayed now */
    const ir_sym *lane;
    int loops;
} reducer;

typedef struct {
    reducer *k;
    const kir_stmt *loop;
    VEC(sum) sum;
    VEC(const kir_stmt *) store;
    int64_t lanes;
    nfc_map sum_of; /* kir_buffer -> sum */
    bool unfit;
} candidate;

/* ---- which loops --------------------------------------------------------------------------- */

/* Does the loop store to what is loaded, but for the same element in the same trip? */
static bool meets_store(const candidate *c, const kir_expr *load)
{
    for (int i = 0; i < c->store.n; i++)
        if (c->store.at[i]->buffer == load->buffer && c->store.at[i]->index != load->index) return true;
    return false;
}

static void check_expr(void *env, const kir_expr *e)
{
    candidate *c = env;
    int64_t step;
    if (e->kind == KIR_INDEX && !sx_step(c->k->r.b->sx, e->index, c->loop->var->sym, &step)) c->unfit = true;
    if (e->kind != KIR_LOAD) return;
    if (!sx_step(c->k->r.b->sx, e->index, c->loop->var->sym, &step) || (step != 0 && step != 1)) c->unfit = true;
    if (map_getp(&c->sum_of, e->buffer) || meets_store(c, e)) c->unfit = true;
    if (e->buffer->space == KIR_LOCAL && step != 0) c->unfit = true;
}

static void check_sum(candidate *c, const kir_stmt *s)
{
    bool known = s->op == KB_ADD || s->op == KB_MUL || s->op == KB_MIN || s->op == KB_MAX;
    if (c->k->keep_order && dtype_is_float(s->buffer->dtype)) known = false;
    if (!known || s->buffer->space != KIR_LOCAL || !sx_is(s->buffer->size, 1) || map_getp(&c->sum_of, s->buffer)) {
        c->unfit = true;
        return;
    }
    vec_push(c->k->r.b->scratch, &c->sum, ((sum){.local = s->buffer, .op = (kir_bin)s->op}));
    map_setp(&c->sum_of, s->buffer, c);
}

/* Stores one element after the other. */
static void check_store(candidate *c, const kir_stmt *s)
{
    int64_t step;
    vec_push(c->k->r.b->scratch, &c->store, s);
    if (s->buffer->space != KIR_GLOBAL || !sx_step(c->k->r.b->sx, s->index, c->loop->var->sym, &step) || step != 1) c->unfit = true;
}

static void check_stmt(candidate *c, const kir_stmt *s)
{
    switch (s->kind) {
    case KIR_ACCUM: check_sum(c, s); break;
    case KIR_STORE: check_store(c, s); break;
    case KIR_LET: c->unfit |= s->var->sym != NULL; break;
    default: c->unfit = true; break;
    }
}

/* A short loop has a vector of fewer lanes; 0: it is too short. */
static int64_t lanes_for(const reducer *k, const ir_sx *end)
{
    enum { FEWEST_TRIPS = 8 };
    const int64_t trips = sx_max(end);
    if (!sx_is_const(end)) return trips < 2 * k->lanes ? 0 : k->lanes;
    if (trips < FEWEST_TRIPS && trips < 2 * k->lanes) return 0;
    int64_t lanes = k->lanes;
    while (lanes > trips) lanes /= 2;
    return lanes;
}

static bool is_candidate(reducer *k, const kir_stmt *s, candidate *c)
{
    *c = (candidate){.k = k, .loop = s};
    map_init(&c->sum_of, k->r.b->scratch);
    if (s->loop != KIR_SERIAL || !sx_is(s->begin, 0) || !(c->lanes = lanes_for(k, s->end))) return false;
    for (int i = 0; i < s->body.n && !c->unfit; i++) check_stmt(c, s->body.at[i]);
    for (int i = 0; i < s->body.n && !c->unfit; i++) {
        kir_stmt own = {.kind = KIR_NOTE, .value = s->body.at[i]->value};
        k_visit_exprs(k->r.b->scratch, &own, check_expr, c);
    }
    return !c->unfit && s->body.n && (c->sum.n || c->store.n);
}

/* ---- loops that are one ------------------------------------------------------------------------ */

typedef struct {
    sx_table *t;
    const kir_stmt *outer, *inner;
    bool even;
} joint;

/* Does an index step over both loops as over one? */
static bool steps_evenly(const joint *j, const ir_sx *x)
{
    int64_t far, near;
    return sx_step(j->t, x, j->outer->var->sym, &far) && sx_step(j->t, x, j->inner->var->sym, &near) && far == near * sx_value(j->inner->end);
}

static void check_joint(void *env, const kir_expr *e)
{
    joint *j = env;
    if (e->kind == KIR_LOAD) j->even &= steps_evenly(j, e->index);
    if (e->kind == KIR_INDEX) j->even &= !sx_mentions(e->index, j->outer->var->sym) && !sx_mentions(e->index, j->inner->var->sym);
}

static bool is_even(reducer *k, const kir_stmt *outer, const kir_stmt *inner)
{
    joint j = {.t = k->r.b->sx, .outer = outer, .inner = inner, .even = true};
    for (int i = 0; i < inner->body.n && j.even; i++) {
        const kir_stmt *s = inner->body.at[i];
        if (s->kind != KIR_STORE && s->kind != KIR_ACCUM && s->kind != KIR_LET) return false;
        kir_stmt own = {.kind = KIR_NOTE, .value = s->value};
        k_visit_exprs(k->r.b->scratch, &own, check_joint, &j);
        j.even &= !s->index || steps_evenly(&j, s->index);
    }
    return j.even;
}

/* A loop of the trips of one that has nothing but another, if everything steps evenly over both: the outer variable is to
 * be 0 in it. Else the loop as it is. */
static const kir_stmt *joined(reducer *k, const kir_stmt *s)
{
    if (s->loop != KIR_SERIAL || !sx_is(s->begin, 0) || s->body.n != 1 || s->body.at[0]->kind != KIR_FOR) return s;
    const kir_stmt *inner = joined(k, s->body.at[0]);
    if (inner->loop != KIR_SERIAL || !sx_is(inner->begin, 0) || !sx_is_const(inner->end) || !is_even(k, s, inner)) return s;
    kir_stmt *all = ARENA_NEW(k->r.b->scratch, kir_stmt);
    *all = *inner;
    all->end = sx_mul(k->r.b->sx, s->end, inner->end);
    return all;
}

/* ---- vectors of them ----------------------------------------------------------------------- */

const kir_expr *k_neutral(kir_builder *b, kir_bin op, nfc_dtype t)
{
    bool real = dtype_is_float(t);
    if (op == KB_ADD || op == KB_MUL) return kir_number(b, (kir_type)t, op == KB_MUL);
    if (op == KB_MAX) return real ? kir_float(b, (kir_type)t, -INFINITY) : kir_int(b, (kir_type)t, dtype_min(t));
    return real ? kir_float(b, (kir_type)t, INFINITY) : kir_int(b, (kir_type)t, (int64_t)dtype_max(t));
}

static const ir_sx *number(reducer *k, int64_t n) { return sx_int(k->r.b->sx, n); }

static void fill_parts(reducer *k, candidate *c, int64_t parts)
{
    for (int i = 0; i < c->sum.n; i++) {
        sum *s = &c->sum.at[i];
        s->part = (k_local){kir_alloc(k->r.b, "part", s->local->dtype, parts), parts};
        const ir_sx *j = kir_for(k->r.b, KIR_UNROLL, "j", number(k, 0), number(k, parts));
        kir_store(k->r.b, s->part.buffer, j, k_neutral(k->r.b, s->op, s->local->dtype));
        kir_close(k->r.b);
    }
}

/* The parts of a lane in one, and that where the other lanes find it. */
static void gather_parts(reducer *k, candidate *c, int64_t parts, const ir_sx *lane, kir_buffer *const *all)
{
    for (int i = 0; i < c->sum.n; i++) {
        sum *s = &c->sum.at[i];
        if (parts > 1) {
            const ir_sx *j = kir_for(k->r.b, KIR_UNROLL, "j", number(k, 1), number(k, parts));
            kir_accum(k->r.b, s->op, s->part.buffer, number(k, 0), kir_load(k->r.b, s->part.buffer, j));
            kir_close(k->r.b);
        }
        kir_store(k->r.b, all[i], lane, kir_load(k->r.b, s->part.buffer, number(k, 0)));
    }
}

static void in_parts(reducer *k, candidate *c, bool parts)
{
    for (int i = 0; i < c->sum.n; i++) {
        sum *s = &c->sum.at[i];
        if (parts) s->whole = map_getp(&k->r.local, s->local);
        map_setp(&k->r.local, s->local, parts ? &s->part : s->whole);
    }
    map_init(&k->r.memo, k->r.b->scratch);
}

/* Vectors begin .. end of the loop, `parts` of them a trip. */
static void vectors_of(reducer *k, candidate *c, const ir_sx *begin, const ir_sx *end, int64_t parts)
{
    kir_builder *b = k->r.b;
    sx_table *t = b->sx;
    const ir_sx *o = kir_for(b, KIR_SERIAL, arena_printf(b->arena, "%s_t", c->loop->var->name), begin, end), *j = number(k, 0);
    if (parts > 1) j = kir_for(b, KIR_UNROLL, "j", number(k, 0), number(k, parts));
    const ir_sx *vector = sx_add(t, sx_mul(t, o, number(k, parts)), j);
    k_map(&k->r, c->loop->var->sym, sx_add(t, sx_mul(t, vector, number(k, c->lanes)), sx_sym(t, k->lane)));
    k->r.copy = j;
    k_body(&k->r, c->loop);
    for (int i = parts > 1 ? 2 : 1; i > 0; i--) kir_close(b);
}

/* The loop over so many whole vectors, `parts` of them a trip; all: where what each lane has summed up goes. */
static void vector_loop(reducer *k, candidate *c, const ir_sx *vectors, int64_t parts, kir_buffer *const *all)
{
    kir_builder *b = k->r.b;
    sx_table *t = b->sx;
    const ir_sx *v = kir_for(b, KIR_VECTOR, "v", number(k, 0), number(k, c->lanes));
    fill_parts(k, c, parts);
    in_parts(k, c, true);
    k->at_once = c->lanes;
    const ir_sx *trips = sx_div(t, vectors, parts), *done = sx_mul(t, trips, number(k, parts));
    k->lane = sx_only_sym(v);
    vectors_of(k, c, number(k, 0), trips, parts);
    if (done != vectors) vectors_of(k, c, done, vectors, 1);
    in_parts(k, c, false);
    k->at_once = 1;
    gather_parts(k, c, parts, v, all);
    kir_close(b);
}

/* Elements from `begin` on, as many as a vector of `lanes` has: each to the sum of its lane. */
static void narrow_vector(reducer *k, candidate *c, int64_t begin, int64_t lanes, kir_buffer *const *all)
{
    kir_builder *b = k->r.b;
    const ir_sx *v = kir_for(b, KIR_VECTOR, "v", number(k, 0), number(k, lanes));
    for (int i = 0; i < c->sum.n; i++) c->sum.at[i].part = (k_local){all[i], lanes};
    in_parts(k, c, true);
    k->at_once = lanes;
    k_map(&k->r, c->loop->var->sym, sx_add(b->sx, number(k, begin), v));
    k->r.copy = v;
    k_body(&k->r, c->loop);
    k->at_once = 1;
    in_parts(k, c, false);
    kir_close(b);
}

/* lane[i] = lane[i] op lane[half + i] */
static void fold(kir_builder *b, kir_bin op, kir_buffer *lane, int64_t half, bool vector)
{
    const ir_sx *at = kir_for(b, vector ? KIR_VECTOR : KIR_UNROLL, vector ? "v" : "r", sx_int(b->sx, 0), sx_int(b->sx, half));
    kir_accum(b, op, lane, at, kir_load(b, lane, sx_add(b->sx, at, sx_int(b->sx, half))));
    kir_close(b);
}

/* The sums of the lanes in one, half of them to the other half, again and again. Of the elements from `done` to `end` those that fill
 * a vector of as many lanes as are left go there before; returns the first that does not. */
static int64_t fold_lanes(reducer *k, candidate *c, int64_t done, int64_t end, kir_buffer *const *all)
{
    for (int64_t half = c->lanes / 2; half > 0; half /= 2) {
        for (int i = 0; i < c->sum.n; i++) fold(k->r.b, c->sum.at[i].op, all[i], half, half >= k->least);
        if (half < k->least || end - done < half) continue;
        narrow_vector(k, c, done, half, all);
        done += half;
    }
    for (int i = 0; i < c->sum.n; i++) {
        const sum *of = &c->sum.at[i];
        kir_accum(k->r.b, of->op, of->whole ? of->whole->buffer : of->local, number(k, 0), kir_load(k->r.b, all[i], number(k, 0)));
    }
    return done;
}

static void reduce(reducer *k, candidate *c, const ir_sx *end)
{
    kir_builder *b = k->r.b;
    sx_table *t = b->sx;
    int64_t parts = c->sum.n ? k->parts : 1;
    while (parts > 1 && sx_max(end) < 2 * parts * c->lanes) parts /= 2;
    kir_buffer **all = ARENA_ARRAY(b->scratch, kir_buffer *, c->sum.n + 1);
    for (int i = 0; i < c->sum.n; i++) all[i] = kir_alloc(b, "lane", c->sum.at[i].local->dtype, c->lanes);
    const ir_sx *vectors = sx_div(t, end, c->lanes), *done = sx_mul(t, vectors, number(k, c->lanes));
    vector_loop(k, c, vectors, parts, all);
    if (sx_is_const(end)) done = number(k, fold_lanes(k, c, sx_value(done), sx_value(end), all));
    else fold_lanes(k, c, 0, 0, all);
    if (done == end) return;
    bool open = k_for(&k->r, KIR_SERIAL, c->loop, c->loop->var->name, done, end);
    k_body(&k->r, c->loop);
    if (open) kir_close(b);
}

static bool on_for(void *env, k_replay *r, const kir_stmt *s)
{
    reducer *k = env;
    candidate c;
    const kir_stmt *outer = s;
    if (k->at_once > 1 || !is_candidate(k, s = joined(k, s), &c)) return false;
    for (; outer->var != s->var; outer = outer->body.at[0]) k_map(r, outer->var->sym, number(k, 0));
    reduce(k, &c, k_index(r, s->end));
    k->loops++;
    return true;
}

static bool fma_at(void *env, kir_type type)
{
    const reducer *k = env;
    return k->has_fma && k->has_fma(k->env, type, k->at_once);
}

int k_reduce(kir_builder *b, int64_t lanes, int64_t least, int64_t parts, bool keep_order, bool (*has_fma)(const void *env, kir_type type, int64_t lanes), const void *env)
{
    reducer *k = ARENA_NEW(b->scratch, reducer);
    *k = (reducer){.lanes = lanes, .least = least, .parts = parts, .keep_order = keep_order, .has_fma = has_fma, .env = env, .at_once = 1};
    const kir_stmt *old = k_rebuild(&k->r, b);
    k->r.on_for = on_for;
    k->r.has_fma = fma_at;
    k->r.env = k;
    k_body(&k->r, old);
    return k->loops;
}
