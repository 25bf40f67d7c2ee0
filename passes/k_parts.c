/* A kernel whose outermost loops do a range of their iterations. */
#include "passes/k_parts.h"

#include "ir/names.h"

/* ---- the nest ------------------------------------------------------------------------------- */

static void find_symbol(void *env, const ir_sym *sym)
{
    const ir_sym **wanted = env;
    if (sym == *wanted) *wanted = NULL;
}

static bool depends(const ir_sx *x, const ir_sym *sym)
{
    sx_visit(x, find_symbol, &sym);
    return sym == NULL;
}

/* Loops inside one another can count as one where each has the same number of iterations in all of those
 * around it, and that is a number known now: it is divided by. */
static bool can_join(const k_outer *nest, const kir_stmt *inner)
{
    if (inner->kind != KIR_FOR || inner->loop != KIR_PARALLEL || nest->n == K_MAX_OUTER) return false;
    for (int i = 0; i < nest->n; i++)
        if (depends(inner->begin, nest->loop[i]->var->sym) || depends(inner->end, nest->loop[i]->var->sym)) return false;
    return sx_is_const(inner->begin) && sx_is_const(inner->end) && sx_value(inner->end) > sx_value(inner->begin);
}

/* Does it read what the kernel writes, which another part may have done already? */
static bool reads_results(const kir_expr *e)
{
    if (!e) return false;
    return (e->kind == KIR_LOAD && e->buffer->written) || reads_results(e->a) || reads_results(e->b) || reads_results(e->c);
}

/* What may stand before the nest: each part works it out for itself. */
static bool is_preparation(const kir_stmt *s)
{
    return s->kind == KIR_NOTE || s->kind == KIR_ALLOC || (s->kind == KIR_LET && !reads_results(s->value));
}

k_outer k_outer_of(const kir_func *f)
{
    k_outer nest = {0};
    const kir_stmt *s = NULL;
    for (int i = 0; i < f->body->body.n; i++) {
        const kir_stmt *k = f->body->body.at[i];
        if (is_preparation(k)) continue;
        if (s || k->kind != KIR_FOR || k->loop != KIR_PARALLEL) return nest;
        s = k;
    }
    if (!s) return nest;
    nest.loop[nest.n++] = s;
    while (s->body.n == 1 && can_join(&nest, s->body.at[0])) nest.loop[nest.n++] = s = s->body.at[0];
    return nest;
}

static const ir_sx *extent(ir_module *m, const kir_stmt *loop) { return sx_sub(&m->sx, loop->end, loop->begin); }

const ir_sx *k_outer_trips(ir_module *m, const k_outer *nest, int depth)
{
    const ir_sx *trips = extent(m, nest->loop[0]);
    for (int i = 1; i < depth; i++) trips = sx_mul(&m->sx, trips, extent(m, nest->loop[i]));
    return trips;
}

/* ---- names ---------------------------------------------------------------------------------- */

static void take_names(nfc_map *taken, const kir_stmt *s)
{
    if (s->var) map_set(taken, s->var->name, taken);
    if (s->kind == KIR_ALLOC) map_set(taken, s->buffer->name, taken);
    for (int i = 0; i < s->body.n; i++) take_names(taken, s->body.at[i]);
}

static nfc_map names_of(nfc_arena *a, const kir_func *f)
{
    nfc_map taken;
    map_init(&taken, a);
    for (int i = 0; i < f->param.n; i++) map_set(&taken, f->param.at[i]->name, f->param.at[i]);
    for (int i = 0; i < f->scalar.n; i++) map_set(&taken, name_identifier(a, f->scalar.at[i]->name), f->body);
    take_names(&taken, f->body);
    return taken;
}

/* ---- the kernel of a range ------------------------------------------------------------------ */

typedef struct {
    ir_module *m;
    nfc_arena *a;
    kir_func *f;
    nfc_map taken;
} builder;

static const ir_sx *symbol(builder *b, const char *name, int64_t most)
{
    return sx_sym(&b->m->sx, sx_new_sym(&b->m->sx, name_unique(b->a, &b->taken, name), 0, most, NO_SPAN));
}

static const ir_sx *scalar(builder *b, const char *name, int64_t most)
{
    const ir_sx *x = symbol(b, name, most);
    vec_push(b->a, &b->f->scalar, sx_only_sym(x));
    return x;
}

static kir_stmt *copy_of(builder *b, const kir_stmt *s)
{
    kir_stmt *copy = ARENA_NEW(b->a, kir_stmt);
    *copy = *s;
    return copy;
}

/* The variable of a loop that is no loop any more gets its value from the iteration's number. */
static kir_stmt *index_stmt(builder *b, kir_var *var, const ir_sx *value)
{
    kir_stmt *let = ARENA_NEW(b->a, kir_stmt);
    kir_expr *index = ARENA_NEW(b->a, kir_expr);
    *index = (kir_expr){.kind = KIR_INDEX, .type = KIR_INDEX_TYPE, .index = value, .id = b->f->nexpr++};
    *let = (kir_stmt){.kind = KIR_LET, .var = var, .value = index};
    return let;
}

/* One loop over the range in the place of several: for at = begin .. end, i = at / 6, j = at % 6. */
static kir_stmt *joined(builder *b, const k_outer *nest, int depth, const ir_sx *begin, const ir_sx *end)
{
    sx_table *t = &b->m->sx;
    const ir_sx *at = symbol(b, "at", sx_max(end) - 1), *rest = at;
    kir_stmt *loop = ARENA_NEW(b->a, kir_stmt), *let[K_MAX_OUTER];
    kir_var *var = ARENA_NEW(b->a, kir_var);
    *var = (kir_var){.name = sx_only_sym(at)->name, .type = KIR_INDEX_TYPE, .sym = (ir_sym *)(uintptr_t)sx_only_sym(at), .id = b->f->nvar++};
    *loop = (kir_stmt){.kind = KIR_FOR, .loop = KIR_SERIAL, .var = var, .begin = begin, .end = end};
    for (int i = depth - 1; i >= 0; i--) {
        const kir_stmt *s = nest->loop[i];
        int64_t n = i ? sx_value(extent(b->m, s)) : 0;
        let[i] = index_stmt(b, s->var, sx_add(t, s->begin, i ? sx_mod(t, rest, n) : rest));
        if (i) rest = sx_div(t, rest, n);
    }
    for (int i = 0; i < depth; i++) vec_push(b->a, &loop->body, let[i]);
    const kir_stmt *inner = nest->loop[depth - 1];
    for (int i = 0; i < inner->body.n; i++) vec_push(b->a, &loop->body, inner->body.at[i]);
    return loop;
}

static kir_stmt *ranged(builder *b, const k_outer *nest, int depth, const ir_sx *begin, const ir_sx *end)
{
    if (depth > 1) return joined(b, nest, depth, begin, end);
    kir_stmt *loop = copy_of(b, nest->loop[0]);
    loop->end = sx_add(&b->m->sx, loop->begin, end);
    loop->begin = sx_add(&b->m->sx, loop->begin, begin);
    return loop;
}

kir_func *k_parts(ir_module *m, const kir_func *f, const k_outer *nest, int depth)
{
    builder b = {.m = m, .a = m->arena, .f = ARENA_NEW(m->arena, kir_func), .taken = names_of(m->arena, f)};
    *b.f = *f;
    b.f->scalar.at = NULL;
    b.f->scalar.n = b.f->scalar.cap = 0;
    for (int i = 0; i < f->scalar.n; i++) vec_push(b.a, &b.f->scalar, f->scalar.at[i]);
    int64_t most = sx_max(k_outer_trips(m, nest, depth));
    const ir_sx *begin = scalar(&b, "begin", most), *end = scalar(&b, "end", most);
    kir_stmt *body = ARENA_NEW(b.a, kir_stmt);
    *body = (kir_stmt){.kind = f->body->kind};
    for (int i = 0; i < f->body->body.n; i++) {
        kir_stmt *s = f->body->body.at[i];
        vec_push(b.a, &body->body, s == nest->loop[0] ? ranged(&b, nest, depth, begin, end) : s);
    }
    b.f->body = body;
    return b.f;
}
