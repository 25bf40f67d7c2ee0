#include "passes/k_sums.h"

#include "passes/k_reduce.h"

typedef struct {
    kir_buffer *local; /* of the old kernel */
    kir_bin op;
    kir_buffer *part;  /* K_SUM_PARTS of them */
    k_local in, *whole; /* where an element is added while a loop is replayed; what the local is outside of it */
} sum;

typedef struct {
    k_replay r;
    int64_t lanes;
} fixer;

typedef struct {
    fixer *f;
    const kir_stmt *loop;
    VEC(sum) sum;
    bool fits;     /* can its elements be lanes? */
} fixed;

/* ---- which loops --------------------------------------------------------------------------- */

static bool is_sum(const kir_stmt *s) { return s->kind == KIR_ACCUM && s->buffer->space == KIR_LOCAL && sx_is(s->buffer->size, 1); }

static bool sums_floats(const kir_stmt *s)
{
    if (s->kind == KIR_ACCUM) return is_sum(s) && dtype_is_float(s->buffer->dtype);
    for (int i = 0; i < s->body.n; i++)
        if (sums_floats(s->body.at[i])) return true;
    return false;
}

static bool is_fixed(const kir_stmt *s) { return s->kind == KIR_FOR && s->in_parts && sums_floats(s); }

static bool has_fixed(const kir_stmt *s)
{
    if (is_fixed(s)) return true;
    for (int i = 0; i < s->body.n; i++)
        if (has_fixed(s->body.at[i])) return true;
    return false;
}

bool k_has_fixed_sums(const kir_builder *b) { return has_fixed(b->func->body); }

static sum *sum_of(fixed *x, const kir_buffer *local)
{
    for (int i = 0; i < x->sum.n; i++)
        if (x->sum.at[i].local == local) return &x->sum.at[i];
    return NULL;
}

static void check_expr(void *env, const kir_expr *e)
{
    fixed *x = env;
    int64_t step;
    const ir_sym *sym = x->loop->var->sym;
    if (e->kind == KIR_INDEX && sx_mentions(e->index, sym)) x->fits = false;
    if (e->kind != KIR_LOAD) return;
    bool steps = sx_step(x->f->r.b->sx, e->index, sym, &step) && (step == 0 || step == 1);
    if (!steps || sum_of(x, e->buffer) || (e->buffer->space == KIR_LOCAL && step != 0)) x->fits = false;
}

static void find_sums(fixed *x, const kir_stmt *s)
{
    if (is_sum(s) && !sum_of(x, s->buffer)) vec_push(x->f->r.b->scratch, &x->sum, ((sum){.local = s->buffer, .op = (kir_bin)s->op}));
    for (int i = 0; i < s->body.n; i++) find_sums(x, s->body.at[i]);
}

static void check_stmt(fixed *x, const kir_stmt *s)
{
    kir_stmt own = {.kind = KIR_NOTE, .value = s->value};
    if (!is_sum(s) && (s->kind != KIR_LET || s->var->sym)) x->fits = false;
    k_visit_exprs(x->f->r.b->scratch, &own, check_expr, x);
}

/* ---- parts --------------------------------------------------------------------------------- */

static const ir_sx *number(fixer *f, int64_t n) { return sx_int(f->r.b->sx, n); }

static void fill(fixer *f, kir_for_kind kind, kir_buffer *part, kir_bin op, int64_t n)
{
    const ir_sx *j = kir_for(f->r.b, kind, "j", number(f, 0), number(f, n));
    kir_store(f->r.b, part, j, k_neutral(f->r.b, op, part->dtype));
    kir_close(f->r.b);
}

/* From here on the loop's sums go to parts; the number of the part is the replay's `copy`. */
static void enter(fixed *x, int64_t parts, kir_buffer *(*of)(sum *s))
{
    for (int i = 0; i < x->sum.n; i++) {
        sum *s = &x->sum.at[i];
        s->whole = map_getp(&x->f->r.local, s->local);
        s->in = (k_local){of(s), parts};
        map_setp(&x->f->r.local, s->local, &s->in);
    }
    map_init(&x->f->r.memo, x->f->r.b->scratch);
}

static void leave(fixed *x)
{
    for (int i = 0; i < x->sum.n; i++) map_setp(&x->f->r.local, x->sum.at[i].local, x->sum.at[i].whole);
    map_init(&x->f->r.memo, x->f->r.b->scratch);
}

static kir_buffer *in_memory(sum *s) { return s->part; }
static kir_buffer *in_vectors(sum *s) { return s->in.buffer; }

/* Elements base + j for j < n, each to its part. */
static void add_elements(fixed *x, const ir_sx *base, const ir_sx *n)
{
    fixer *f = x->f;
    const ir_sx *j = kir_for(f->r.b, KIR_SERIAL, "j", number(f, 0), n);
    const ir_sx *kept = f->r.copy;
    enter(x, K_SUM_PARTS, in_memory);
    k_map(&f->r, x->loop->var->sym, sx_add(f->r.b->sx, base, j));
    f->r.copy = j;
    k_body(&f->r, x->loop);
    f->r.copy = kept;
    leave(x);
    kir_close(f->r.b);
}

/* Rows of K_SUM_PARTS elements, in vectors, with the sums in registers; then in memory. */
static void add_vectors(fixed *x, const ir_sx *rows)
{
    fixer *f = x->f;
    kir_builder *b = f->r.b;
    sx_table *t = b->sx;
    int64_t vectors = K_SUM_PARTS / f->lanes;
    const ir_sx *v = kir_for(b, KIR_VECTOR, "v", number(f, 0), number(f, f->lanes));
    for (int i = 0; i < x->sum.n; i++) {
        sum *s = &x->sum.at[i];
        s->in.buffer = kir_alloc(b, "sums", s->local->dtype, vectors);
        fill(f, KIR_UNROLL, s->in.buffer, s->op, vectors);
    }
    enter(x, vectors, in_vectors);
    const ir_sx *o = kir_for(b, KIR_SERIAL, arena_printf(b->arena, "%s_t", x->loop->var->name), number(f, 0), rows);
    const ir_sx *j = kir_for(b, KIR_UNROLL, "j", number(f, 0), number(f, vectors)), *kept = f->r.copy;
    const ir_sx *part = sx_add(t, sx_mul(t, j, number(f, f->lanes)), v);
    k_map(&f->r, x->loop->var->sym, sx_add(t, sx_mul(t, o, number(f, K_SUM_PARTS)), part));
    f->r.copy = j;
    k_body(&f->r, x->loop);
    f->r.copy = kept;
    kir_close(b);
    kir_close(b);
    leave(x);
    j = kir_for(b, KIR_UNROLL, "j", number(f, 0), number(f, vectors));
    part = sx_add(t, sx_mul(t, j, number(f, f->lanes)), v);
    for (int i = 0; i < x->sum.n; i++) kir_store(b, x->sum.at[i].part, part, kir_load(b, x->sum.at[i].in.buffer, j));
    kir_close(b);
    kir_close(b);
}

/* The parts in one, and that to the sum. */
static void put_together(fixer *f, sum *s)
{
    kir_builder *b = f->r.b;
    for (int64_t half = K_SUM_PARTS / 2; half; half /= 2) {
        const ir_sx *r = kir_for(b, KIR_SERIAL, "r", number(f, 0), number(f, half));
        kir_accum(b, s->op, s->part, r, kir_load(b, s->part, sx_add(b->sx, r, number(f, half))));
        kir_close(b);
    }
    kir_accum(b, s->op, s->whole ? s->whole->buffer : s->local, number(f, 0), kir_load(b, s->part, number(f, 0)));
}

static void fix(fixed *x)
{
    fixer *f = x->f;
    kir_builder *b = f->r.b;
    sx_table *t = b->sx;
    const ir_sx *end = k_index(&f->r, x->loop->end), *rows = sx_div(t, end, K_SUM_PARTS), *done = sx_mul(t, rows, number(f, K_SUM_PARTS));
    bool vectors = f->lanes > 1 && x->fits;
    for (int i = 0; i < x->sum.n; i++) {
        sum *s = &x->sum.at[i];
        s->part = kir_alloc(b, "part", s->local->dtype, K_SUM_PARTS);
        if (!vectors) fill(f, KIR_SERIAL, s->part, s->op, K_SUM_PARTS);
    }
    if (vectors) {
        add_vectors(x, rows);
    } else {
        const ir_sx *o = kir_for(b, KIR_SERIAL, arena_printf(b->arena, "%s_t", x->loop->var->name), number(f, 0), rows);
        add_elements(x, sx_mul(t, o, number(f, K_SUM_PARTS)), number(f, K_SUM_PARTS));
        kir_close(b);
    }
    if (done != end) add_elements(x, done, sx_sub(t, end, done));
    for (int i = 0; i < x->sum.n; i++) put_together(f, &x->sum.at[i]);
}

static bool on_for(void *env, k_replay *r, const kir_stmt *s)
{
    fixer *f = env;
    fixed x = {.f = f, .loop = s, .fits = true};
    (void)r;
    if (!is_fixed(s)) return false;
    find_sums(&x, s);
    for (int i = 0; i < s->body.n; i++) check_stmt(&x, s->body.at[i]);
    fix(&x);
    return true;
}

void k_fix_sums(kir_builder *b, int64_t lanes)
{
    fixer *f = ARENA_NEW(b->scratch, fixer);
    *f = (fixer){.lanes = lanes < K_SUM_PARTS ? lanes : K_SUM_PARTS};
    k_replay_loops(&f->r, b, on_for, f);
}
