/* Strip-mining for the test: a loop over vectors, and one over the elements that do not fill one.
 *
 *    for i in begin .. end parallel   ->   for i_v in 0 .. (end - begin) / W parallel
 *                                            for v in 0 .. W vector      i = begin + i_v * W + v
 *                                          for i_r in 0 .. (end - begin) % W parallel   i = end - ... + i_r */
#include "tests/vectors/vectors.h"

typedef struct {
    ir_module *m;
    nfc_arena *a;
    kir_func *f;
    int64_t most;
    bool fuses;
    nfc_map sym, var, buffer; /* old -> what stands for it */
    int *vectors, *refused;
} copying;

static const ir_sx *replaced(void *env, const ir_sym *sym) { return map_getp(&((copying *)env)->sym, sym); }
static const ir_sx *index_of(copying *c, const ir_sx *x) { return x ? sx_replace(&c->m->sx, x, replaced, c) : NULL; }

static kir_buffer *buffer_of(copying *c, kir_buffer *b)
{
    kir_buffer *own = b ? map_getp(&c->buffer, b) : NULL;
    return own ? own : b;
}

static kir_var *var_of(copying *c, kir_var *v)
{
    kir_var *own = v ? map_getp(&c->var, v) : NULL;
    return own ? own : v;
}

static const kir_expr *expr_of(copying *c, const kir_expr *e);

/* x * y + z of floats, rounded once. */
static bool is_fused(const copying *c, const kir_expr *e)
{
    if (!c->fuses || e->kind != KIR_BIN || e->op != KB_ADD || e->a->kind != KIR_BIN || e->a->op != KB_MUL) return false;
    return e->type < DT_COUNT && dtype_is_float((nfc_dtype)e->type);
}

static const kir_expr *fused(copying *c, const kir_expr *e)
{
    kir_expr *own = ARENA_NEW(c->a, kir_expr);
    *own = (kir_expr){.kind = KIR_FMA, .type = e->type, .a = expr_of(c, e->a->a), .b = expr_of(c, e->a->b), .c = expr_of(c, e->b), .id = c->f->nexpr++};
    return own;
}

static const kir_expr *expr_of(copying *c, const kir_expr *e)
{
    if (!e) return NULL;
    if (is_fused(c, e)) return fused(c, e);
    kir_expr *own = ARENA_NEW(c->a, kir_expr);
    *own = *e;
    own->a = expr_of(c, e->a);
    own->b = expr_of(c, e->b);
    own->c = expr_of(c, e->c);
    own->var = var_of(c, e->var);
    own->buffer = buffer_of(c, e->buffer);
    own->index = index_of(c, e->index);
    own->id = c->f->nexpr++;
    return own;
}

/* A variable of its own for a loop or a LET, so that the two copies of a body share nothing. */
static kir_var *fresh_var(copying *c, kir_var *v, const char *name, const ir_sx *begin, const ir_sx *end)
{
    kir_var *own = ARENA_NEW(c->a, kir_var);
    *own = (kir_var){.name = name, .type = v->type, .id = c->f->nvar++};
    if (v->sym) own->sym = sx_new_sym(&c->m->sx, name, begin ? sx_min(begin) : v->sym->lo, end ? (sx_max(end) > sx_min(begin) ? sx_max(end) - 1 : sx_min(begin)) : v->sym->hi, NO_SPAN);
    map_setp(&c->var, v, own);
    if (v->sym) map_setp(&c->sym, v->sym, (void *)(uintptr_t)sx_sym(&c->m->sx, own->sym));
    return own;
}

static void copy_into(copying *c, kir_stmt *into, const kir_stmt *s);

static void copy_body(copying *c, kir_stmt *into, const kir_stmt *s)
{
    for (int i = 0; i < s->body.n; i++) copy_into(c, into, s->body.at[i]);
}

static kir_stmt *add(copying *c, kir_stmt *into, const kir_stmt *like)
{
    kir_stmt *own = ARENA_NEW(c->a, kir_stmt);
    *own = *like;
    own->body.at = NULL;
    own->body.n = own->body.cap = 0;
    vec_push(c->a, &into->body, own);
    return own;
}

static kir_stmt *loop(copying *c, kir_stmt *into, const kir_stmt *like, kir_for_kind kind, const char *name, const ir_sx *begin, const ir_sx *end)
{
    kir_stmt *own = add(c, into, like);
    own->loop = kind;
    own->begin = begin;
    own->end = end;
    own->var = fresh_var(c, like->var, name, begin, end);
    return own;
}

/* A loop that has not to be cut. */
static void copy_for(copying *c, kir_stmt *into, const kir_stmt *s, kir_for_kind kind)
{
    copy_body(c, loop(c, into, s, kind, s->var->name, index_of(c, s->begin), index_of(c, s->end)), s);
}

static bool has_parallel(const kir_stmt *s)
{
    for (int i = 0; i < s->body.n; i++) {
        const kir_stmt *k = s->body.at[i];
        if ((k->kind == KIR_FOR && k->loop == KIR_PARALLEL) || has_parallel(k)) return true;
    }
    return false;
}

/* How many lanes: of a loop that is long enough a power of two, else all of a few, or a power of two again, in turns. */
static int64_t lanes_for(copying *c, const ir_sx *extent)
{
    int64_t n = c->most;
    if (sx_is_const(extent) && sx_value(extent) < n && sx_value(extent) % 2) return sx_value(extent);
    while (n > sx_max(extent)) n /= 2;
    return n;
}

static bool vectorised(copying *c, kir_stmt *into, const kir_stmt *s)
{
    sx_table *t = &c->m->sx;
    const ir_sx *begin = index_of(c, s->begin), *end = index_of(c, s->end), *extent = sx_sub(t, end, begin);
    int64_t n = lanes_for(c, extent);
    if (n < 2) return false;
    const ir_sx *width = sx_int(t, n), *count = sx_div(t, extent, n);
    kir_stmt *outer = loop(c, into, s, KIR_PARALLEL, arena_printf(c->a, "%s_v", s->var->name), sx_int(t, 0), count);
    const ir_sx *at = sx_add(t, begin, sx_mul(t, width, sx_sym(t, outer->var->sym)));
    kir_stmt *inner = loop(c, outer, s, KIR_VECTOR, "v", sx_int(t, 0), width);
    map_setp(&c->sym, s->var->sym, (void *)(uintptr_t)sx_add(t, at, sx_sym(t, inner->var->sym)));
    copy_body(c, inner, s);
    if (kir_cannot_vector(c->m, c->f, inner)) {
        into->body.n--; /* as if it had not been */
        return false;
    }
    const ir_sx *rest = sx_sub(t, extent, sx_mul(t, width, count));
    if (sx_is(rest, 0)) return true;
    kir_stmt *tail = loop(c, into, s, KIR_PARALLEL, arena_printf(c->a, "%s_r", s->var->name), sx_int(t, 0), rest);
    at = sx_add(t, begin, sx_mul(t, width, count));
    map_setp(&c->sym, s->var->sym, (void *)(uintptr_t)sx_add(t, at, sx_sym(t, tail->var->sym)));
    copy_body(c, tail, s);
    return true;
}

static void copy_loop(copying *c, kir_stmt *into, const kir_stmt *s)
{
    enum { SHORT = 4 };
    const ir_sx *extent = sx_sub(&c->m->sx, index_of(c, s->end), index_of(c, s->begin));
    if (s->loop == KIR_PARALLEL && !has_parallel(s)) {
        bool done = vectorised(c, into, s);
        ++*(done ? c->vectors : c->refused);
        if (done) return;
    }
    bool is_short = s->loop == KIR_SERIAL && sx_is_const(extent) && sx_value(extent) > 0 && sx_value(extent) <= SHORT;
    copy_for(c, into, s, is_short ? KIR_UNROLL : s->loop);
}

static void copy_into(copying *c, kir_stmt *into, const kir_stmt *s)
{
    if (s->kind == KIR_FOR) {
        copy_loop(c, into, s);
        return;
    }
    kir_stmt *own = add(c, into, s);
    own->value = expr_of(c, s->value);
    bool sums = s->kind == KIR_ACCUM && s->op == KB_ADD && s->value->kind == KIR_BIN && s->value->op == KB_MUL;
    if (c->fuses && sums && dtype_is_float(s->buffer->dtype)) { /* into a store, as a schedule does */
        kir_expr *old = ARENA_NEW(c->a, kir_expr), sum = {.kind = KIR_BIN, .type = s->value->type, .op = KB_ADD, .a = s->value, .b = old};
        *old = (kir_expr){.kind = KIR_LOAD, .type = s->value->type, .buffer = s->buffer, .index = s->index, .id = c->f->nexpr++};
        own->kind = KIR_STORE;
        own->value = fused(c, &sum);
    }
    own->index = index_of(c, s->index);
    own->from_index = index_of(c, s->from_index);
    own->count = index_of(c, s->count);
    if (s->kind == KIR_LET) own->var = fresh_var(c, s->var, s->var->name, NULL, NULL);
    if (s->kind == KIR_ALLOC) {
        own->buffer = ARENA_NEW(c->a, kir_buffer);
        *own->buffer = *s->buffer;
        own->buffer->id = c->f->local.n;
        vec_push(c->a, &c->f->local, own->buffer);
        map_setp(&c->buffer, s->buffer, own->buffer);
    }
    own->buffer = buffer_of(c, own->buffer);
    own->from = buffer_of(c, own->from);
    copy_body(c, own, s);
}

const kir_func *strip_mine(ir_module *m, const kir_func *f, int64_t most, bool fuses, int *vectors, int *refused)
{
    copying c = {.m = m, .a = m->arena, .f = ARENA_NEW(m->arena, kir_func), .most = most, .fuses = fuses, .vectors = vectors, .refused = refused};
    *c.f = *f;
    c.f->local.at = NULL;
    c.f->local.n = c.f->local.cap = 0;
    map_init(&c.sym, c.a);
    map_init(&c.var, c.a);
    map_init(&c.buffer, c.a);
    c.f->body = ARENA_NEW(c.a, kir_stmt);
    c.f->body->kind = KIR_SEQ;
    copy_body(&c, c.f->body, f->body);
    return c.f;
}
