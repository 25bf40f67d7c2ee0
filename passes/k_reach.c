/* Each access to a buffer becomes a sum of steps: loops that are shared out step through the range, all others through
 * all of their iterations. What is no such sum counts with all that lies between its bounds. */
#include "passes/k_reach.h"

#include "ir/kir_lanes.h"

enum { LOOK_BACK = 64 }; /* touches among which one that is listed is not listed again */

/* What a symbol inside of the kernel stands for. */
typedef struct {
    int64_t lo, hi;
    const ir_sx *is; /* where it goes with the range, and this says how; else NULL */
    bool ranged;     /* it differs from range to range */
} known;

typedef struct {
    ir_module *m;
    nfc_arena *a, *scratch;
    const k_called *call;
    nfc_map known;
    kir_lanes lanes; /* of the vector loop around; no trips: there is none */
    k_touches *list;
} walk;

typedef struct {
    int64_t lo, hi;
} bounds;

/* ---- symbols -------------------------------------------------------------------------------- */

static void know(walk *w, const ir_sym *sym, known k)
{
    known *copy = ARENA_NEW(w->scratch, known);
    *copy = k;
    map_setp(&w->known, sym, copy);
}

typedef struct {
    walk *w;
    bool found;
} search;

static void find_ranged(void *env, const ir_sym *sym)
{
    search *s = env;
    const known *k = map_getp(&s->w->known, sym);
    s->found |= k && k->ranged;
}

static bool is_ranged(walk *w, const ir_sx *x)
{
    search s = {.w = w};
    sx_visit(x, find_ranged, &s);
    return s.found;
}

static int64_t times(int64_t a, int64_t b)
{
    int64_t product;
    if (!__builtin_mul_overflow(a, b, &product)) return product;
    return (a < 0) != (b < 0) ? INT64_MIN : INT64_MAX;
}

static int64_t plus(int64_t a, int64_t b)
{
    int64_t sum;
    if (!__builtin_add_overflow(a, b, &sum)) return sum;
    return a < 0 ? INT64_MIN : INT64_MAX;
}

static bounds product_of(bounds a, bounds b)
{
    const int64_t all[] = {times(a.lo, b.lo), times(a.lo, b.hi), times(a.hi, b.lo), times(a.hi, b.hi)};
    bounds r = {all[0], all[0]};
    for (int i = 1; i < 4; i++) {
        if (all[i] < r.lo) r.lo = all[i];
        if (all[i] > r.hi) r.hi = all[i];
    }
    return r;
}

static bounds range_of(walk *w, const ir_sx *x);

static bounds remainder_of(bounds a, int64_t by)
{
    int64_t lo = sx_floor_div(a.lo, by), hi = sx_floor_div(a.hi, by);
    if (lo != hi) return (bounds){0, by - 1};
    return (bounds){a.lo - lo * by, a.hi - lo * by};
}

static bounds term_range(walk *w, const sx_term *t)
{
    bounds r = {t->coef, t->coef};
    for (int i = 0; i < t->n; i++) r = product_of(r, range_of(w, t->factor[i]));
    return r;
}

static bounds range_of(walk *w, const ir_sx *x)
{
    bounds r = {x->constant, x->constant};
    if (x->kind == SX_SYM) {
        const known *k = map_getp(&w->known, x->sym);
        return k ? (bounds){k->lo, k->hi} : (bounds){x->sym->lo, x->sym->hi};
    }
    if (x->kind == SX_DIV || x->kind == SX_MOD) {
        bounds a = range_of(w, x->a);
        if (x->kind == SX_MOD) return remainder_of(a, x->constant);
        return (bounds){sx_floor_div(a.lo, x->constant), sx_floor_div(a.hi, x->constant)};
    }
    for (int i = 0; i < x->nterm; i++) {
        bounds t = term_range(w, &x->term[i]);
        r = (bounds){plus(r.lo, t.lo), plus(r.hi, t.hi)};
    }
    return r;
}

static void name_index(walk *w, const kir_stmt *s)
{
    const ir_sym *sym = s->var->sym;
    if (!sym) return;
    known k = {.lo = sym->lo, .hi = sym->hi};
    if (s->value->kind == KIR_INDEX) {
        bounds r = range_of(w, s->value->index);
        k.ranged = is_ranged(w, s->value->index);
        k.is = k.ranged ? s->value->index : NULL;
        if (r.lo > k.lo) k.lo = r.lo;
        if (r.hi < k.hi) k.hi = r.hi;
    }
    know(w, sym, k);
}

/* ---- accesses ------------------------------------------------------------------------------- */

/* False where there is no room. */
static bool add_term(k_touch *t, int64_t step, bounds r, const ir_sym *outer)
{
    if (step == 0) return true;
    for (int i = 0; i < t->n; i++)
        if (outer && t->term[i].outer == outer) {
            t->term[i].step += step;
            return true;
        }
    if (t->n == K_MOST_STEPS) return false;
    t->term[t->n++] = (k_term){.step = step, .lo = r.lo, .hi = r.hi, .outer = outer};
    return true;
}

static bool add_sum(walk *w, k_touch *t, const ir_sx *x, int64_t step);

/* The host's symbol for a scalar of the kernel; NULL: it is none. */
static const ir_sym *of_host(const walk *w, const ir_sym *sym)
{
    for (int i = 0; i < w->call->func->scalar.n; i++)
        if (w->call->func->scalar.at[i] == sym) return w->call->scalar[i];
    return NULL;
}

static bool add_factor(walk *w, k_touch *t, const ir_sx *x, int64_t step)
{
    const known *k = x->kind == SX_SYM ? map_getp(&w->known, x->sym) : NULL;
    if (x->kind == SX_SUM || (k && k->is)) return add_sum(w, t, k ? k->is : x, step);
    return add_term(t, step, range_of(w, x), x->kind == SX_SYM && !k ? of_host(w, x->sym) : NULL);
}

static bool add_sum(walk *w, k_touch *t, const ir_sx *x, int64_t step)
{
    if (x->kind != SX_SUM) return add_factor(w, t, x, step);
    t->base = plus(t->base, times(x->constant, step));
    bool fits = true;
    for (int i = 0; i < x->nterm && fits; i++) {
        const sx_term *s = &x->term[i];
        fits = s->n == 1 ? add_factor(w, t, s->factor[0], times(s->coef, step)) : add_term(t, step, term_range(w, s), NULL);
    }
    return fits;
}

/* Symbols of the host are the same for all that is compared; sums of them that are more than steps are not followed. */
static bool add_offset(k_touch *t, const ir_sx *x, int64_t step)
{
    int64_t lo, hi;
    bool linear = x->kind == SX_SYM || x->kind == SX_SUM;
    for (int i = 0; x->kind == SX_SUM && i < x->nterm; i++) linear &= x->term[i].n == 1 && x->term[i].factor[0]->kind == SX_SYM;
    if (!linear) {
        sx_range(x, &lo, &hi);
        return add_term(t, step, (bounds){lo, hi}, NULL);
    }
    if (x->kind == SX_SYM) return add_term(t, step, (bounds){x->sym->lo, x->sym->hi}, x->sym);
    t->base = plus(t->base, times(x->constant, step));
    bool fits = true;
    for (int i = 0; i < x->nterm && fits; i++) {
        const ir_sym *sym = x->term[i].factor[0]->sym;
        fits = add_term(t, times(x->term[i].coef, step), (bounds){sym->lo, sym->hi}, sym);
    }
    return fits;
}

static void find_ends(k_touch *t)
{
    t->first = t->base;
    t->last = plus(t->base, t->bytes - 1);
    for (int i = 0; i < t->n; i++) {
        bounds r = product_of((bounds){t->term[i].step, t->term[i].step}, (bounds){t->term[i].lo, t->term[i].hi});
        t->first = plus(t->first, r.lo);
        t->last = plus(t->last, r.hi);
    }
}

static bool same_touch(const k_touch *a, const k_touch *b)
{
    if (a->space != b->space || a->base != b->base || a->bytes != b->bytes || a->writes != b->writes || a->n != b->n) return false;
    for (int i = 0; i < a->n; i++)
        if (a->term[i].step != b->term[i].step || a->term[i].lo != b->term[i].lo || a->term[i].hi != b->term[i].hi || a->term[i].outer != b->term[i].outer) return false;
    return true;
}

/* An access to `elements` from each index on, in `rows` that lie so many elements apart. */
static void touch(walk *w, const kir_buffer *b, const ir_sx *index, int64_t elements, int64_t rows, int64_t apart, bool writes)
{
    const k_place *place = b->space == KIR_GLOBAL ? &w->call->place[b->id] : NULL;
    if (!place || place->fixed || elements <= 0) return;
    const int64_t size = (int64_t)dtype_bytes(b->dtype);
    k_term room[2][K_MOST_STEPS];
    k_touch t = {.space = place->space, .base = place->base, .bytes = times(elements, size), .writes = writes, .term = room[0]}, all = t;
    all.term = room[1];
    bool fits = add_offset(&t, place->offset, size) && add_offset(&all, place->offset, size);
    all.bytes = times(sx_max(b->size), size);
    fits = fits && add_sum(w, &t, index, size) && (rows == 1 || add_term(&t, times(apart, size), (bounds){0, rows - 1}, NULL));
    if (!fits) t = all; /* the verifier has seen that it stays in the buffer */
    find_ends(&t);
    for (int i = w->list->n - 1; i >= 0 && i >= w->list->n - LOOK_BACK; i--)
        if (same_touch(&w->list->at[i], &t)) return;
    k_term *kept = ARENA_ARRAY(w->a, k_term, t.n + 1);
    for (int i = 0; i < t.n; i++) kept[i] = t.term[i];
    t.term = kept;
    vec_push(w->a, w->list, t);
}

static void touch_load(walk *w, const kir_expr *e)
{
    const int64_t lanes = w->lanes.trips && !e->integer ? kir_lanes_read(&w->lanes, e->buffer, e->index) : 0;
    if (lanes) touch(w, e->buffer, kir_lane_first(&w->lanes, e->index), lanes, 1, 0, false);
    else touch(w, e->buffer, e->index, e->integer ? e->integer : 1, 1, 0, false);
}

static void touch_value(walk *w, const kir_expr *e)
{
    if (!e) return;
    if (e->kind == KIR_LOAD) touch_load(w, e);
    touch_value(w, e->a);
    touch_value(w, e->b);
    touch_value(w, e->c);
}

static void touch_copy(walk *w, const kir_stmt *s)
{
    int64_t n = range_of(w, s->count).hi;
    touch(w, s->buffer, s->index, n, 1, 0, true);
    touch(w, s->from, s->from_index, n, 1, 0, false);
}

static void touch_tile(walk *w, const kir_stmt *s)
{
    const kir_buffer *tile = s->op == KT_STORE ? s->from : s->buffer;
    if (s->op == KT_STORE) touch(w, s->buffer, s->index, kir_row_elements(tile), tile->rows, sx_value(s->count), true);
    if (s->op == KT_LOAD) touch(w, s->from, s->from_index, kir_row_elements(tile), tile->rows, sx_value(s->count), false);
}

static void walk_stmt(walk *w, const kir_stmt *s);

static void walk_body(walk *w, const kir_stmt *s)
{
    for (int i = 0; i < s->body.n; i++) walk_stmt(w, s->body.at[i]);
}

static void walk_loop(walk *w, const kir_stmt *s)
{
    bounds begin = range_of(w, s->begin), end = range_of(w, s->end);
    known k = {.lo = begin.lo, .hi = end.hi - 1};
    if (k.lo > k.hi) return; /* there are no iterations */
    know(w, s->var->sym, k);
    if (s->loop == KIR_VECTOR) w->lanes = (kir_lanes){.m = w->m, .lane = s->var->sym, .width = kir_lanes_width(end.hi), .trips = end.hi};
    walk_body(w, s);
    if (s->loop == KIR_VECTOR) w->lanes.trips = 0;
}

static void walk_stmt(walk *w, const kir_stmt *s)
{
    touch_value(w, s->value);
    switch (s->kind) {
    case KIR_FOR: walk_loop(w, s); return;
    case KIR_LET: name_index(w, s); break;
    case KIR_STORE:
    case KIR_ACCUM: touch(w, s->buffer, s->index, 1, 1, 0, true); break;
    case KIR_COPY: touch_copy(w, s); break;
    case KIR_TILE: touch_tile(w, s); break;
    default: break;
    }
    walk_body(w, s);
}

/* ---- ranges --------------------------------------------------------------------------------- */

static void walk_units(walk *w, const kir_func *f, const k_units *units, const int64_t *first, const int64_t *end);

static int64_t trips_of(walk *w, const kir_stmt *loop) { return sx_value(sx_sub(&w->m->sx, loop->end, loop->begin)); }

/* Iterations first to end - 1 of the loops from `level` on together, as boxes: the rest of one iteration of the outermost, whole ones, and
 * the beginning of another. */
static void walk_joined(walk *w, const k_unit *u, int level, int64_t first, int64_t end)
{
    const kir_stmt *loop = u->loop[level];
    int64_t each = 1, at = sx_value(loop->begin);
    if (first >= end) return;
    for (int i = level + 1; i < u->depth; i++) each *= trips_of(w, u->loop[i]);
    while (first < end) {
        int64_t i = first / each, past = end / each, stop;
        bool whole = first % each == 0 && past > i;
        if (whole) stop = past * each;
        else stop = (i + 1) * each < end ? (i + 1) * each : end;
        know(w, loop->var->sym, (known){.lo = at + i, .hi = at + (whole ? past : i + 1) - 1, .ranged = true});
        if (level + 1 < u->depth) walk_joined(w, u, level + 1, whole ? 0 : first - i * each, whole ? each : stop - i * each);
        else walk_body(w, loop);
        first = stop;
    }
}

/* What is done within each iteration, or in all of them together: then of those that the range has something of, all. */
static void walk_within(walk *w, const kir_func *f, const k_unit *u, int64_t first, int64_t end)
{
    const kir_stmt *loop = u->loop[0];
    const int64_t at = sx_value(loop->begin), n = trips_of(w, loop);
    int64_t each = n ? sx_value(k_unit_trips(w->m, u)) / n : 0;
    kir_func inside = k_unit_inside(f, u);
    if (n <= 0) return;
    if (u->across && first < end) {
        know(w, loop->var->sym, (known){.lo = at + first / each, .hi = at + (end - 1) / each, .ranged = true});
        walk_body(w, loop);
    }
    if (u->across) return;
    know(w, loop->var->sym, (known){.lo = at, .hi = at + n - 1});
    walk_units(w, &inside, u->inner, &first, &end);
}

/* Statements that are done as one; what they name first every part works out. */
static void walk_statements(walk *w, const kir_func *f, const k_unit *u, bool done)
{
    for (int i = 0; i < u->count; i++) {
        const kir_stmt *s = f->body->body.at[u->first + i];
        if (done || s->kind == KIR_LET) walk_stmt(w, s);
    }
}

static void walk_unit(walk *w, const kir_func *f, const k_unit *u, int64_t first, int64_t end)
{
    if (u->within) walk_within(w, f, u, first, end);
    else if (u->nloop) walk_joined(w, u, 0, first, end);
    else walk_statements(w, f, u, first < end);
}

static int64_t clamped(int64_t x, int64_t most) { return x < 0 ? 0 : x > most ? most : x; }

static void walk_units(walk *w, const kir_func *f, const k_units *units, const int64_t *first, const int64_t *end)
{
    int64_t base = 0;
    for (int i = 0, n = 0; i < f->body->body.n; i++) {
        if (n == units->n || i < units->unit[n].first) {
            walk_stmt(w, f->body->body.at[i]);
            continue;
        }
        const k_unit *u = &units->unit[n];
        const int64_t trips = sx_value(k_unit_trips(w->m, u));
        if (units->each) walk_unit(w, f, u, first[n], end[n]);
        else walk_unit(w, f, u, clamped(*first - base, trips), clamped(*end - base, trips));
        base += trips;
        n++;
        i += u->count - 1;
    }
}

void k_reach(ir_module *m, nfc_arena *a, const k_called *call, const k_units *units, const int64_t *first, const int64_t *end, k_touches *list)
{
    walk w = {.m = m, .a = a, .scratch = arena_child(a), .call = call, .list = list};
    map_init(&w.known, w.scratch);
    if (units) walk_units(&w, call->func, units, first, end);
    else walk_body(&w, call->func->body);
    arena_free(w.scratch);
}

/* ---- do they meet? -------------------------------------------------------------------------- */

/* What the host knows cancels out where both have as much of it. */
static bool add_outer(k_equation *e, const k_touch *a, const k_touch *b)
{
    for (int i = 0; i < a->n; i++) {
        const k_term *t = &a->term[i];
        int64_t step = t->step;
        for (int k = 0; k < b->n && t->outer; k++)
            if (b->term[k].outer == t->outer) step -= b->term[k].step;
        if (step && !k_add_steps(e, step, t->lo, t->hi)) return false;
    }
    for (int i = 0; i < b->n; i++) {
        const k_term *t = &b->term[i];
        bool met = false;
        for (int k = 0; k < a->n && t->outer; k++) met |= a->term[k].outer == t->outer;
        if (t->step && !met && !k_add_steps(e, -t->step, t->lo, t->hi)) return false;
    }
    return true;
}

static bool meet(const k_touch *a, const k_touch *b)
{
    if (a->space != b->space || !(a->writes || b->writes)) return false;
    if (a->first > b->last || b->first > a->last) return false;
    k_equation e = {.rest = b->base - a->base};
    if (!add_outer(&e, a, b)) return true;
    /* byte i of the one is byte k of the other */
    return !k_add_steps(&e, 1, -(b->bytes - 1), a->bytes - 1) || k_has_solution(&e);
}

bool k_reaches_meet(const k_touches *a, const k_touches *b)
{
    for (int i = 0; i < a->n; i++)
        for (int k = 0; k < b->n; k++)
            if (meet(&a->at[i], &b->at[k])) return true;
    return false;
}
