#include "passes/k_factor.h"

#include "passes/k_replay.h"

enum { FEWEST = 8, MOST_LEAVES = 8 }; /* terms that must share a factor; factors of a term */

/* A loop whose only effect is to add to a local number, and what comes out of its terms. */
typedef struct {
    const kir_stmt *loop, *sum;
    const kir_expr *factor[MOST_LEAVES], *rest; /* of the terms: what many share, and what is left */
    int n;                                      /* factors */
    int64_t block;                              /* so many trips share them */
} factored;

typedef struct {
    k_replay r;
    nfc_map of; /* loop -> factored */
} factorer;

/* ---- what a loop adds up ------------------------------------------------------------------- */

/* The only statement of a loop that does something, if it adds up floats. */
static bool find_sum(const kir_stmt *s, const kir_stmt **sum)
{
    for (int i = 0; i < s->body.n; i++) {
        const kir_stmt *in = s->body.at[i];
        bool adds = in->kind == KIR_ACCUM && in->op == KB_ADD && in->buffer->space == KIR_LOCAL && (in->buffer->dtype == DT_f32 || in->buffer->dtype == DT_f64) && sx_is(in->buffer->size, 1);
        if (adds && !*sum) *sum = in;
        else if (in->kind != KIR_FOR && in->kind != KIR_IF && in->kind != KIR_SEQ && !(in->kind == KIR_LET && in->var->sym)) return false;
        if (in->kind == KIR_FOR && in->loop != KIR_SERIAL) return false;
        if (!find_sum(in, sum)) return false;
    }
    return true;
}

static int leaves_of(const kir_expr *e, const kir_expr *leaf[MOST_LEAVES], int n)
{
    if (e->kind == KIR_BIN && e->op == KB_MUL) return leaves_of(e->b, leaf, leaves_of(e->a, leaf, n));
    if (n < MOST_LEAVES) leaf[n] = e;
    return n + 1;
}

/* Integers of 16 bits at most, what is left of their bits, and their differences. */
static bool is_small(const kir_expr *e)
{
    if (e->kind == KIR_CAST) return is_small(e->a);
    if (e->kind == KIR_LOAD) return !dtype_is_float(e->buffer->dtype) && dtype_table[e->buffer->dtype].bits <= 16;
    if (e->kind == KIR_CONST) return e->integer >= -0x8000 && e->integer <= 0xffff && (e->type == KIR_INDEX_TYPE || !dtype_is_float((nfc_dtype)e->type));
    if (e->kind != KIR_BIN) return false;
    if (e->op == KB_SHR) return is_small(e->a);
    return (e->op == KB_SUB || e->op == KB_BAND) && is_small(e->a) && is_small(e->b);
}

/* Such an integer as a float: the very number. */
static bool is_integer(const kir_expr *e)
{
    if (e->kind == KIR_BIN && e->op == KB_SUB) return is_integer(e->a) && is_integer(e->b);
    return e->kind == KIR_CAST && e->type < DT_COUNT && dtype_is_float((nfc_dtype)e->type) && (e->a->kind == KIR_CAST || e->a->kind == KIR_LOAD || e->a->kind == KIR_BIN) && is_small(e->a);
}

/* ---- what does not move -------------------------------------------------------------------- */

typedef struct {
    kir_builder *b;
    const kir_stmt *loop;
    int64_t block;
    bool moves;
} mover;

static void find_inside(mover *m, const kir_stmt *s, const ir_sx *index)
{
    if ((s->kind == KIR_FOR || s->kind == KIR_LET) && s->var->sym) m->moves |= sx_mentions(index, s->var->sym);
    for (int i = 0; i < s->body.n; i++) find_inside(m, s->body.at[i], index);
}

/* Does an index change within a block of the loop's trips? */
static void look_at_index(mover *m, const ir_sx *index)
{
    sx_table *t = m->b->sx;
    const int64_t trips = sx_value(m->loop->end);
    const ir_sym *in = sx_new_sym(t, "in", 0, m->block - 1, NO_SPAN), *number = sx_new_sym(t, "number", 0, trips / m->block - 1, NO_SPAN);
    const ir_sx *at = sx_add(t, sx_mul(t, sx_sym(t, number), sx_int(t, m->block)), sx_sym(t, in));
    m->moves |= sx_mentions(sx_put(t, index, m->loop->var->sym, at), in);
    for (int i = 0; i < m->loop->body.n; i++) find_inside(m, m->loop->body.at[i], index);
}

static void look_at(void *env, const kir_expr *e)
{
    mover *m = env;
    m->moves |= e->kind == KIR_VAR || (e->kind == KIR_LOAD && (e->buffer->space != KIR_GLOBAL || e->buffer->written));
    if (e->index && !m->moves) look_at_index(m, e->index);
}

static bool stays(kir_builder *b, const kir_stmt *loop, int64_t block, const kir_expr *e)
{
    mover m = {.b = b, .loop = loop, .block = block};
    kir_stmt own = {.kind = KIR_NOTE, .value = e};
    k_visit_exprs(b->scratch, &own, look_at, &m);
    return !m.moves;
}

/* What blocks of so many trips share. */
static bool find_factor(kir_builder *b, factored *f, int64_t block)
{
    const kir_expr *leaf[MOST_LEAVES];
    int n = leaves_of(f->sum->value, leaf, 0);
    bool integers = false;
    f->rest = NULL;
    f->block = block;
    f->n = 0;
    if (n > MOST_LEAVES) return false;
    for (int i = 0; i < n; i++) {
        if (stays(b, f->loop, block, leaf[i])) {
            f->factor[f->n++] = leaf[i];
            continue;
        }
        integers |= is_integer(leaf[i]);
        f->rest = f->rest ? kir_binary(b, KB_MUL, f->rest, leaf[i]) : leaf[i];
    }
    return integers && f->n;
}

static bool share(kir_builder *b, factored *f)
{
    const int64_t trips = sx_value(f->loop->end);
    if (find_factor(b, f, trips)) return true;
    for (int64_t blocks = 2; trips / blocks >= FEWEST && f->loop->body.n == 1 && f->loop->body.at[0] == f->sum; blocks++)
        if (trips % blocks == 0 && find_factor(b, f, trips / blocks)) return true;
    return false;
}

static void find_factors(factorer *k, const kir_stmt *s)
{
    factored f = {.loop = s};
    bool loop = s->kind == KIR_FOR && s->loop == KIR_SERIAL && sx_is(s->begin, 0) && sx_is_const(s->end) && sx_value(s->end) >= FEWEST;
    if (loop && find_sum(s, &f.sum) && f.sum && share(k->r.b, &f)) {
        factored *found = ARENA_NEW(k->r.b->scratch, factored);
        *found = f;
        map_setp(&k->of, s, found);
        return;
    }
    for (int i = 0; i < s->body.n; i++) find_factors(k, s->body.at[i]);
}

/* ---- taking it out --------------------------------------------------------------------------- */

/* The loop with another value in the place of what is added up. */
static kir_stmt *with_rest(kir_builder *b, const factored *f, const kir_stmt *s)
{
    kir_stmt *own = ARENA_NEW(b->scratch, kir_stmt);
    *own = *s;
    if (s == f->sum) own->value = f->rest;
    own->body.n = own->body.cap = 0;
    own->body.at = NULL;
    for (int i = 0; i < s->body.n; i++) vec_push(b->scratch, &own->body, with_rest(b, f, s->body.at[i]));
    return own;
}

/* The block that begins with trip `first`: its terms without the factors, and then these, one after the other: the product
 * of two scales alone may be too small or too large for the type. */
static void add_block(factorer *k, const factored *f, const ir_sx *first)
{
    k_replay *r = &k->r;
    kir_builder *b = r->b;
    sx_table *t = b->sx;
    const kir_stmt *loop = with_rest(b, f, f->loop);
    kir_buffer *sum = f->sum->buffer, *part = kir_alloc(b, "part", sum->dtype, 1);
    k_local own = {part, 1}, *whole = map_getp(&r->local, sum);
    kir_store(b, part, sx_int(t, 0), kir_float(b, (kir_type)sum->dtype, 0));
    map_setp(&r->local, sum, &own);
    map_init(&r->memo, b->scratch);
    const ir_sx *in = kir_for(b, KIR_SERIAL, loop->var->name, sx_int(t, 0), sx_int(t, f->block));
    k_map(r, loop->var->sym, sx_add(t, first, in));
    k_body(r, loop);
    kir_close(b);
    map_setp(&r->local, sum, whole);
    map_init(&r->memo, b->scratch);
    k_map(r, loop->var->sym, first);
    const kir_expr *value = kir_load(b, part, sx_int(t, 0));
    for (int i = 0; i < f->n; i++) value = kir_binary(b, KB_MUL, value, k_expr(r, f->factor[i]));
    kir_accum(b, KB_ADD, whole->buffer, sx_int(t, 0), value);
}

static bool on_for(void *env, k_replay *r, const kir_stmt *s)
{
    factorer *k = env;
    kir_builder *b = r->b;
    const factored *f = map_getp(&k->of, s);
    if (!f) return false;
    const int64_t blocks = sx_value(s->end) / f->block;
    const ir_sx *number = sx_int(b->sx, 0);
    if (blocks > 1) number = kir_for(b, KIR_SERIAL, arena_printf(b->arena, "%s_b", s->var->name), number, sx_int(b->sx, blocks));
    add_block(k, f, sx_mul(b->sx, number, sx_int(b->sx, f->block)));
    if (blocks > 1) kir_close(b);
    return true;
}

bool k_factor(kir_builder *b)
{
    factorer *k = ARENA_NEW(b->scratch, factorer);
    k->r.b = b;
    map_init(&k->of, b->scratch);
    k_mark_written(b->func->body);
    find_factors(k, b->func->body);
    if (!k->of.n) return false;
    k_replay_loops(&k->r, b, on_for, k);
    return true;
}
