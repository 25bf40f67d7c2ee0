/* Takes out of a kernel what nothing comes of. */
#include <string.h>
#include "ir/kir.h"

/* What is used behind a place: symbols, variables, buffers that are read, and the expressions that were looked through. */
typedef struct {
    nfc_map seen;
    nfc_map *read; /* buffers that are read anywhere; NULL: it is not known yet */
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
    if (e->buffer) map_setp(&u->seen, e->buffer, u);
    use_later_index(u, e->index);
    use_later(u, e->a);
    use_later(u, e->b);
    use_later(u, e->c);
}

static bool is_used(used_later *u, const kir_var *v) { return map_getp(&u->seen, v) || (v->sym && map_getp(&u->seen, v->sym)); }

/* A local array that nothing reads, and what is stored there. */
static bool is_for_nothing(const used_later *u, const kir_stmt *s)
{
    bool holds = s->kind == KIR_ALLOC || s->kind == KIR_STORE || s->kind == KIR_ACCUM || s->kind == KIR_COPY;
    return holds && u->read && s->buffer->space == KIR_LOCAL && !map_getp(u->read, s->buffer);
}

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
        if ((k->kind == KIR_LET && !is_used(u, k->var)) || is_for_nothing(u, k)) continue;
        const kir_buffer *const reads[] = {k->from, k->with, k->kind == KIR_TILE ? k->buffer : NULL};
        for (size_t x = 0; x < sizeof reads / sizeof *reads; x++)
            if (reads[x]) map_setp(&u->seen, reads[x], u);
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
    nfc_arena *a = b->scratch ? b->scratch : b->arena;
    used_later used = {.read = NULL}, again = {.read = &used.seen};
    map_init(&used.seen, a);
    map_init(&again.seen, a);
    sweep(&used, b->func->body);
    sweep(&again, b->func->body);
    int kept = 0;
    for (int i = 0; i < b->func->local.n; i++) {
        kir_buffer *local = b->func->local.at[i];
        if (!map_getp(&used.seen, local)) continue;
        local->id = kept;
        b->func->local.at[kept++] = local;
    }
    b->func->local.n = kept;
}
