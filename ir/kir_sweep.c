/* Takes out of a kernel what nothing comes of. */
#include <string.h>
#include "ir/kir.h"

/* What is used behind a place: symbols, variables, and the expressions that were looked through. */
typedef struct {
    nfc_map seen;
} used_later;

static void use_later_symbol(void *env, const ir_sym *sym) { map_setp(&((used_later *)env)->seen, sym, env); }

static void use_later_index(used_later *u, const ir_sx *x)
{
    if (x) sx_visit(x, use_later_symbol, u);
}

static void use_later(used_later *u, const kir_expr *e)
{
    if (!e || map_getp(&u->seen, e)) return;
    map_setp(&u->seen, e, u);
    if (e->var) map_setp(&u->seen, e->var, u);
    use_later_index(u, e->index);
    use_later(u, e->a);
    use_later(u, e->b);
    use_later(u, e->c);
}

static bool is_used(used_later *u, const kir_var *v) { return map_getp(&u->seen, v) || (v->sym && map_getp(&u->seen, v->sym)); }

/* Takes out of a body, from its end on, what nothing comes of: names that nothing uses, loops and guards without an
 * effect inside, guards that never hold, as of a window that lies in the padding alone. Does anything stay that has one? */
static bool sweep(used_later *u, kir_stmt *s)
{
    bool effect = false;
    int first = s->body.n;
    for (int i = s->body.n - 1; i >= 0; i--) {
        kir_stmt *k = s->body.at[i];
        bool holds = k->kind == KIR_FOR || k->kind == KIR_IF || k->kind == KIR_SEQ, never = k->kind == KIR_IF && k->value->kind == KIR_CONST && !k->value->integer;
        if (holds && (never || !sweep(u, k))) continue;
        if (k->kind == KIR_LET && !is_used(u, k->var)) continue;
        effect = effect || (k->kind != KIR_LET && k->kind != KIR_ALLOC && k->kind != KIR_NOTE && k->kind != KIR_PREFETCH);
        use_later(u, k->value);
        const ir_sx *const index[] = {k->begin, k->end, k->index, k->from_index, k->count};
        for (size_t x = 0; x < sizeof index / sizeof *index; x++) use_later_index(u, index[x]);
        s->body.at[--first] = k;
    }
    s->body.n -= first;
    if (first > 0) memmove(s->body.at, s->body.at + first, sizeof *s->body.at * (size_t)s->body.n);
    return effect;
}

void kir_sweep(kir_builder *b)
{
    used_later used = {0};
    map_init(&used.seen, b->scratch ? b->scratch : b->arena);
    sweep(&used, b->func->body);
}
