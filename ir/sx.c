/* Symbolic integers: the normal form and its arithmetic. */
#include "ir/sx.h"
#include "ir/vec.h"

void sx_init(sx_table *t, nfc_arena *arena)
{
    *t = (sx_table){.arena = arena, .scratch = arena_child(arena)};
    map_init(&t->map, arena);
}

/* What an operation needs until it has its result goes with the outermost one. */
static void enter(sx_table *t) { t->depth++; }

static const ir_sx *leave(sx_table *t, const ir_sx *result)
{
    if (--t->depth == 0) arena_clear(t->scratch);
    return result;
}

ir_sym *sx_new_sym(sx_table *t, const char *name, int64_t lo, int64_t hi, nfc_span at)
{
    ir_sym *sym = ARENA_NEW(t->arena, ir_sym);
    *sym = (ir_sym){.name = name, .id = t->nsym++, .lo = lo, .hi = hi, .at = at};
    return sym;
}

/* ---- hash-consing ------------------------------------------------------------------------ */

static sx_term *own_terms(sx_table *t, const sx_term *term, int n)
{
    int factors = 0;
    for (int i = 0; i < n; i++) factors += term[i].n;
    sx_term *own = ARENA_ARRAY(t->arena, sx_term, n);
    const ir_sx **factor = ARENA_ARRAY(t->arena, const ir_sx *, factors);
    for (int i = 0; i < n; i++) {
        own[i] = (sx_term){term[i].coef, term[i].n, factor};
        for (int k = 0; k < term[i].n; k++) *factor++ = term[i].factor[k];
    }
    return own;
}

static const ir_sx *cons(sx_table *t, const ir_sx *draft)
{
    t->key.n = 0;
    vec_push(t->arena, &t->key, draft->kind);
    vec_push(t->arena, &t->key, draft->constant);
    vec_push(t->arena, &t->key, draft->sym ? draft->sym->id : -1);
    vec_push(t->arena, &t->key, draft->a ? draft->a->id : -1);
    for (int i = 0; i < draft->nterm; i++) {
        vec_push(t->arena, &t->key, draft->term[i].coef);
        vec_push(t->arena, &t->key, draft->term[i].n);
        for (int k = 0; k < draft->term[i].n; k++)
            vec_push(t->arena, &t->key, draft->term[i].factor[k]->id);
    }
    size_t bytes = (size_t)t->key.n * sizeof *t->key.at;
    ir_sx *have = map_getn(&t->map, (const char *)t->key.at, bytes);
    if (have) return have;
    ir_sx *own = ARENA_NEW(t->arena, ir_sx);
    *own = *draft;
    if (draft->nterm) own->term = own_terms(t, draft->term, draft->nterm);
    own->id = t->nsx++;
    map_setn(&t->map, (const char *)t->key.at, bytes, own);
    return own;
}

const ir_sx *sx_int(sx_table *t, int64_t value)
{
    int64_t key[2] = {-1, value}; /* constants are most of all: a short way to them */
    ir_sx *have = map_getn(&t->map, (const char *)key, sizeof key);
    if (have) return have;
    const ir_sx *own = cons(t, &(ir_sx){.kind = SX_SUM, .constant = value});
    map_setn(&t->map, (const char *)key, sizeof key, (void *)(uintptr_t)own);
    return own;
}

const ir_sx *sx_sym(sx_table *t, const ir_sym *sym)
{
    if (sym->is) return sx_resolve(t, sym->is);
    return cons(t, &(ir_sx){.kind = SX_SYM, .sym = sym});
}

bool sx_is_const(const ir_sx *a) { return a->kind == SX_SUM && a->nterm == 0; }
int64_t sx_value(const ir_sx *a) { return a->constant; }
bool sx_is(const ir_sx *a, int64_t value) { return sx_is_const(a) && a->constant == value; }
const ir_sym *sx_only_sym(const ir_sx *a) { return a->kind == SX_SYM ? a->sym : NULL; }

/* ---- sums of products -------------------------------------------------------------------- */

/* Any node as a list of terms plus a constant. */
typedef struct {
    sx_term *term;
    int n;
    int64_t constant;
} poly;

static poly as_poly(sx_table *t, const ir_sx *a)
{
    if (a->kind == SX_SUM)
        return (poly){(sx_term *)(uintptr_t)a->term, a->nterm, a->constant};
    sx_term *one = ARENA_NEW(t->scratch, sx_term);
    const ir_sx **factor = ARENA_NEW(t->scratch, const ir_sx *);
    *factor = a;
    *one = (sx_term){1, 1, factor};
    return (poly){one, 1, 0};
}

static int compare_terms(const sx_term *a, const sx_term *b)
{
    if (a->n != b->n) return b->n - a->n; /* higher degrees first */
    for (int i = 0; i < a->n; i++)
        if (a->factor[i] != b->factor[i]) return a->factor[i]->id - b->factor[i]->id;
    return 0;
}

/* Are these the same term but for one factor: MOD(a, e) in x and DIV(a, e) in y, with y e times as
 * large? Together they are the coefficient of x times a. */
static int mod_and_div(const sx_term *x, const sx_term *y)
{
    if (x->n != y->n) return -1;
    for (int i = 0; i < x->n; i++) {
        const ir_sx *m = x->factor[i];
        int64_t whole;
        if (m->kind != SX_MOD || __builtin_mul_overflow(x->coef, m->constant, &whole) || y->coef != whole) continue;
        int rest = 0;
        bool found = false, same = true;
        for (int k = 0; k < y->n; k++) {
            const ir_sx *d = y->factor[k];
            if (!found && d->kind == SX_DIV && d->constant == m->constant && d->a == m->a) {
                found = true;
                continue;
            }
            if (rest == i) rest++;
            same &= rest < x->n && x->factor[rest] == d;
            rest++;
        }
        if (found && same) return i;
    }
    return -1;
}

static const ir_sx *from_poly(sx_table *t, poly p);

/* (a / e) * e + a % e is a again; index arithmetic over flattened axes lives on it. */
static const ir_sx *rejoin(sx_table *t, poly p)
{
    for (int i = 0; i < p.n; i++)
        for (int k = 0; k < p.n; k++) {
            int at = k == i ? -1 : mod_and_div(&p.term[i], &p.term[k]);
            if (at < 0) continue;
            const ir_sx *sum = sx_mul(t, sx_int(t, p.term[i].coef), p.term[i].factor[at]->a);
            for (int f = 0; f < p.term[i].n; f++)
                if (f != at) sum = sx_mul(t, sum, p.term[i].factor[f]);
            poly rest = {ARENA_ARRAY(t->scratch, sx_term, p.n), 0, p.constant};
            for (int j = 0; j < p.n; j++)
                if (j != i && j != k) rest.term[rest.n++] = p.term[j];
            return sx_add(t, sum, from_poly(t, rest));
        }
    return NULL;
}

static const ir_sx *from_poly(sx_table *t, poly p)
{
    bool has_mod = false;
    for (int i = 0; p.n > 1 && i < p.n; i++)
        for (int k = 0; k < p.term[i].n; k++) has_mod |= p.term[i].factor[k]->kind == SX_MOD;
    const ir_sx *joined = has_mod ? rejoin(t, p) : NULL;
    if (joined) return joined;
    if (p.n == 1 && p.constant == 0 && p.term[0].coef == 1 && p.term[0].n == 1)
        return p.term[0].factor[0];
    return cons(t, &(ir_sx){.kind = SX_SUM, .constant = p.constant, .nterm = p.n, .term = p.term});
}

static int64_t checked_mul(sx_table *t, int64_t a, int64_t b)
{
    int64_t r;
    if (__builtin_mul_overflow(a, b, &r)) return t->overflow = true, 0;
    return r;
}

static int64_t checked_add(sx_table *t, int64_t a, int64_t b)
{
    int64_t r;
    if (__builtin_add_overflow(a, b, &r)) return t->overflow = true, 0;
    return r;
}

/* a + scale * b */
static const ir_sx *combine(sx_table *t, const ir_sx *a, const ir_sx *b, int64_t scale)
{
    if (sx_is_const(a) && sx_is_const(b))
        return sx_int(t, checked_add(t, a->constant, checked_mul(t, b->constant, scale)));
    poly pa = as_poly(t, a), pb = as_poly(t, b), r = {0};
    r.term = ARENA_ARRAY(t->scratch, sx_term, pa.n + pb.n);
    r.constant = checked_add(t, pa.constant, checked_mul(t, pb.constant, scale));
    int i = 0, j = 0;
    while (i < pa.n || j < pb.n) {
        int c = i == pa.n ? 1 : j == pb.n ? -1 : compare_terms(&pa.term[i], &pb.term[j]);
        sx_term out = c <= 0 ? pa.term[i] : pb.term[j];
        if (c > 0) out.coef = checked_mul(t, pb.term[j].coef, scale);
        if (c == 0) out.coef = checked_add(t, out.coef, checked_mul(t, pb.term[j].coef, scale));
        i += c <= 0;
        j += c >= 0;
        if (out.coef) r.term[r.n++] = out;
    }
    return from_poly(t, r);
}

const ir_sx *sx_add(sx_table *t, const ir_sx *a, const ir_sx *b)
{
    enter(t);
    return leave(t, combine(t, a, b, 1));
}

const ir_sx *sx_sub(sx_table *t, const ir_sx *a, const ir_sx *b)
{
    enter(t);
    return leave(t, combine(t, a, b, -1));
}

static sx_term mul_terms(sx_table *t, const sx_term *a, const sx_term *b)
{
    sx_term r = {checked_mul(t, a->coef, b->coef), a->n + b->n, NULL};
    r.factor = ARENA_ARRAY(t->scratch, const ir_sx *, r.n);
    for (int i = 0, j = 0, k = 0; k < r.n; k++) {
        bool left = j == b->n || (i < a->n && a->factor[i]->id <= b->factor[j]->id);
        r.factor[k] = left ? a->factor[i++] : b->factor[j++];
    }
    return r;
}

/* What extents and indices are made of stays far below: products of products of sums grow without an end. */
enum { MOST_TERMS = 256, MOST_FACTORS = 64 };

static bool too_long(const poly *a, const poly *b)
{
    int degree[2] = {0, 0};
    for (int i = 0; i < a->n; i++) degree[0] = a->term[i].n > degree[0] ? a->term[i].n : degree[0];
    for (int i = 0; i < b->n; i++) degree[1] = b->term[i].n > degree[1] ? b->term[i].n : degree[1];
    return (int64_t)(a->n + 1) * (b->n + 1) > MOST_TERMS || degree[0] + degree[1] > MOST_FACTORS;
}

static const ir_sx *product(sx_table *t, const ir_sx *a, const ir_sx *b)
{
    if (sx_is_const(a) && sx_is_const(b)) return sx_int(t, checked_mul(t, a->constant, b->constant));
    if (sx_is_const(a)) return combine(t, sx_int(t, 0), b, a->constant);
    if (sx_is_const(b)) return combine(t, sx_int(t, 0), a, b->constant);
    poly pa = as_poly(t, a), pb = as_poly(t, b);
    if (too_long(&pa, &pb)) {
        t->overflow = true;
        return sx_int(t, 0);
    }
    const ir_sx *sum = sx_int(t, checked_mul(t, pa.constant, pb.constant));
    for (int i = 0; i < pa.n; i++) {
        sum = combine(t, sum, from_poly(t, (poly){&pa.term[i], 1, 0}), pb.constant);
        for (int j = 0; j < pb.n; j++) {
            sx_term *m = ARENA_NEW(t->scratch, sx_term);
            *m = mul_terms(t, &pa.term[i], &pb.term[j]);
            sum = combine(t, sum, from_poly(t, (poly){m, 1, 0}), 1);
        }
    }
    for (int j = 0; j < pb.n; j++)
        sum = combine(t, sum, from_poly(t, (poly){&pb.term[j], 1, 0}), pa.constant);
    return sum;
}

const ir_sx *sx_mul(sx_table *t, const ir_sx *a, const ir_sx *b)
{
    enter(t);
    return leave(t, product(t, a, b));
}

/* Splits a into by * (*whole) + rest, where rest has the terms that `by` does not divide. Of an a that is
 * never negative neither is the rest: targets divide towards zero. */
static const ir_sx *split(sx_table *t, const ir_sx *a, int64_t by, const ir_sx **rest)
{
    poly p = as_poly(t, a), w = {0}, r = {0};
    w.term = ARENA_ARRAY(t->scratch, sx_term, p.n + 1);
    r.term = ARENA_ARRAY(t->scratch, sx_term, p.n + 1);
    for (int i = 0; i < p.n; i++) {
        sx_term m = p.term[i];
        if (m.coef % by) {
            r.term[r.n++] = m;
        } else {
            m.coef /= by;
            w.term[w.n++] = m;
        }
    }
    w.constant = sx_floor_div(p.constant, by);
    r.constant = p.constant - w.constant * by;
    *rest = from_poly(t, r);
    int64_t low = sx_min(*rest), short_of = low < 0 && low > INT64_MIN / 2 ? (by - 1 - low) / by : 0;
    if (short_of && sx_min(a) >= 0) {
        *rest = sx_add(t, *rest, sx_int(t, checked_mul(t, short_of, by)));
        w.constant = checked_add(t, w.constant, -short_of);
    }
    return from_poly(t, w);
}

static const ir_sx *quotient(sx_table *t, const ir_sx *a, int64_t by)
{
    if (by == 1) return a;
    if (sx_is_const(a)) return sx_int(t, sx_floor_div(a->constant, by));
    const ir_sx *rest, *whole = split(t, a, by, &rest);
    int64_t lo, hi;
    sx_range(rest, &lo, &hi);
    if (lo >= 0 && hi < by) return whole;
    return sx_add(t, whole, cons(t, &(ir_sx){.kind = SX_DIV, .constant = by, .a = rest}));
}

const ir_sx *sx_div(sx_table *t, const ir_sx *a, int64_t by)
{
    enter(t);
    return leave(t, quotient(t, a, by));
}

static const ir_sx *remainder_of(sx_table *t, const ir_sx *a, int64_t by)
{
    if (by == 1) return sx_int(t, 0);
    if (sx_is_const(a)) return sx_int(t, a->constant - sx_floor_div(a->constant, by) * by);
    const ir_sx *rest;
    split(t, a, by, &rest);
    int64_t lo, hi;
    sx_range(rest, &lo, &hi);
    if (lo >= 0 && hi < by) return rest;
    return cons(t, &(ir_sx){.kind = SX_MOD, .constant = by, .a = rest});
}

const ir_sx *sx_mod(sx_table *t, const ir_sx *a, int64_t by)
{
    enter(t);
    return leave(t, remainder_of(t, a, by));
}

static bool div_exactly(int64_t a, int64_t b, int64_t *out)
{
    if (b == 0 || (a == INT64_MIN && b == -1) || a % b) return false;
    *out = a / b;
    return true;
}

/* One term divided by one term, or false. */
static bool div_term(sx_table *t, const sx_term *a, const sx_term *b, sx_term *out)
{
    int64_t coef;
    if (!div_exactly(a->coef, b->coef, &coef)) return false;
    *out = (sx_term){coef, 0, ARENA_ARRAY(t->scratch, const ir_sx *, a->n + 1)};
    int j = 0;
    for (int i = 0; i < a->n; i++) {
        if (j < b->n && a->factor[i] == b->factor[j]) j++;
        else out->factor[out->n++] = a->factor[i];
    }
    return j == b->n;
}

static const ir_sx *exact_quotient(sx_table *t, const ir_sx *a, const ir_sx *b)
{
    if (sx_is(b, 0)) return NULL;
    if (a == b) return sx_int(t, 1);
    poly pa = as_poly(t, a), pb = as_poly(t, b);
    sx_term divisor;
    if (pb.n == 0) divisor = (sx_term){pb.constant, 0, NULL};
    else if (pb.n == 1 && pb.constant == 0) divisor = pb.term[0];
    else return NULL; /* a sum divides only itself here */
    const ir_sx *sum = sx_int(t, 0);
    for (int i = 0; i < pa.n; i++) {
        sx_term *m = ARENA_NEW(t->scratch, sx_term);
        if (!div_term(t, &pa.term[i], &divisor, m)) return NULL;
        const ir_sx *one = m->n ? from_poly(t, (poly){m, 1, 0}) : sx_int(t, m->coef);
        sum = sx_add(t, sum, one);
    }
    if (pa.constant == 0) return sum;
    int64_t constant;
    if (divisor.n || !div_exactly(pa.constant, divisor.coef, &constant)) return NULL;
    return sx_add(t, sum, sx_int(t, constant));
}

const ir_sx *sx_exact_div(sx_table *t, const ir_sx *a, const ir_sx *b)
{
    enter(t);
    return leave(t, exact_quotient(t, a, b));
}

const ir_sx *sx_replace(sx_table *t, const ir_sx *a, sx_by *by, void *env)
{
    switch (a->kind) {
    case SX_SYM: {
        const ir_sx *x = by(env, a->sym);
        return x ? x : a;
    }
    case SX_DIV: {
        const ir_sx *r = sx_replace(t, a->a, by, env);
        return r == a->a ? a : sx_div(t, r, a->constant);
    }
    case SX_MOD: {
        const ir_sx *r = sx_replace(t, a->a, by, env);
        return r == a->a ? a : sx_mod(t, r, a->constant);
    }
    case SX_SUM: break;
    }
    bool changed = false;
    for (int i = 0; i < a->nterm; i++)
        for (int k = 0; k < a->term[i].n; k++)
            changed |= sx_replace(t, a->term[i].factor[k], by, env) != a->term[i].factor[k];
    if (!changed) return a;
    const ir_sx *sum = sx_int(t, a->constant);
    for (int i = 0; i < a->nterm; i++) {
        const ir_sx *product = sx_int(t, a->term[i].coef);
        for (int k = 0; k < a->term[i].n; k++)
            product = sx_mul(t, product, sx_replace(t, a->term[i].factor[k], by, env));
        sum = sx_add(t, sum, product);
    }
    return sum;
}

static const ir_sx *replacement(void *t, const ir_sym *sym) { return sym->is ? sx_resolve(t, sym->is) : NULL; }

const ir_sx *sx_resolve(sx_table *t, const ir_sx *a) { return sx_replace(t, a, replacement, t); }
