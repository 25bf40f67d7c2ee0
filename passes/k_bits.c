#include "passes/k_bits.h"

#include "passes/k_replay.h"

enum { MOST = 8 }; /* numbers in a byte */

typedef struct {
    k_replay r;
    nfc_map of; /* loop -> how many of its trips read one byte */
} splitter;

typedef struct {
    kir_builder *b;
    const kir_stmt *loop;
    int64_t each;
    bool packed; /* does a load step by one every `each` trips? */
} search;

static void look_at(void *env, const kir_expr *e)
{
    search *s = env;
    sx_table *t = s->b->sx;
    int64_t step;
    if (e->kind != KIR_LOAD || e->buffer->space != KIR_GLOBAL || sx_step(t, e->index, s->loop->var->sym, &step)) return;
    const ir_sym *number = sx_new_sym(t, "number", 0, sx_value(s->loop->end) / s->each - 1, NO_SPAN), *in = sx_new_sym(t, "in", 0, s->each - 1, NO_SPAN);
    const ir_sx *at = sx_put(t, e->index, s->loop->var->sym, sx_add(t, sx_mul(t, sx_sym(t, number), sx_int(t, s->each)), sx_sym(t, in)));
    s->packed |= !sx_mentions(at, in) && sx_step(t, at, number, &step);
}

static void find_packed(splitter *k, const kir_stmt *s)
{
    for (int i = 0; i < s->body.n; i++) find_packed(k, s->body.at[i]);
    if (s->kind != KIR_FOR || s->loop != KIR_SERIAL || !sx_is(s->begin, 0) || !sx_is_const(s->end)) return;
    for (int64_t each = 2; each <= MOST; each *= 2) {
        search found = {.b = k->r.b, .loop = s, .each = each};
        if (sx_value(s->end) % each) return;
        k_visit_exprs(k->r.b->scratch, s, look_at, &found);
        if (found.packed) map_setp(&k->of, s, (void *)(uintptr_t)each);
    }
}

static bool on_for(void *env, k_replay *r, const kir_stmt *s)
{
    splitter *k = env;
    kir_builder *b = r->b;
    sx_table *t = b->sx;
    const int64_t each = (int64_t)(uintptr_t)map_getp(&k->of, s);
    if (!each) return false;
    const char *name = arena_printf(b->arena, "%s%lld", s->var->name, (long long)each);
    const ir_sx *number = kir_for(b, KIR_SERIAL, name, sx_int(t, 0), sx_int(t, sx_value(s->end) / each));
    const ir_sx *in = kir_for(b, KIR_UNROLL, "j", sx_int(t, 0), sx_int(t, each));
    k_map(r, s->var->sym, sx_add(t, sx_mul(t, number, sx_int(t, each)), in));
    k_body(r, s);
    kir_close(b);
    kir_close(b);
    return true;
}

bool k_bits(kir_builder *b)
{
    splitter *k = ARENA_NEW(b->scratch, splitter);
    k->r.b = b;
    map_init(&k->of, b->scratch);
    find_packed(k, b->func->body);
    if (!k->of.n) return false;
    k_replay_loops(&k->r, b, on_for, k);
    return true;
}
