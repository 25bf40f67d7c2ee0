#include "passes/k_block.h"

/* ---- what can run in blocks ---------------------------------------------------------------- */

typedef struct {
    const kir_buffer *buffer;
    bool found;
} load_search;

static void find_load(void *env, const kir_expr *e)
{
    load_search *l = env;
    l->found |= e->kind == KIR_LOAD && e->buffer == l->buffer;
}

static bool loads_from(nfc_arena *a, const kir_stmt *s, const kir_buffer *b)
{
    load_search l = {b, false};
    k_visit_exprs(a, s, find_load, &l);
    return l.found;
}

static bool guards_mention(nfc_arena *a, const kir_stmt *s, const ir_sym *sym)
{
    if (s->kind == KIR_IF && k_value_mentions(a, s->value, sym, true)) return true;
    for (int i = 0; i < s->body.n; i++)
        if (guards_mention(a, s->body.at[i], sym)) return true;
    return false;
}

/* Is all that the loops do adding to the sum, in one place? Finds the innermost one. */
static bool only_sums(k_blockable *p, const kir_stmt *s, int *accums)
{
    switch (s->kind) {
    case KIR_FOR:
        if (!*accums) p->loop = s;
        break;
    case KIR_ACCUM: return s->buffer == p->sum && s->op == KB_ADD && ++*accums == 1;
    case KIR_SEQ:
    case KIR_IF:
    case KIR_LET:
    case KIR_NOTE: break;
    default: return false;
    }
    for (int i = 0; i < s->body.n; i++)
        if (!only_sums(p, s->body.at[i], accums)) return false;
    return true;
}

/* The core's statements: the sum, its first value, the loops, the store of the result. */
static bool find_statements(const k_nest *nest, k_blockable *p)
{
    for (int i = 0; i < nest->core->body.n; i++) {
        const kir_stmt *s = nest->core->body.at[i], **is = NULL;
        if (s->kind == KIR_NOTE || s->kind == KIR_LET) continue;
        if (s->kind == KIR_ALLOC && !p->sum) {
            p->sum = s->buffer;
            continue;
        }
        if (s->kind == KIR_STORE && p->sum && s->buffer == p->sum && !p->reduction) is = &p->init;
        if (s->kind == KIR_FOR && p->init) is = &p->reduction;
        if (s->kind == KIR_STORE && s->buffer->space == KIR_GLOBAL && p->reduction) is = &p->store;
        if (!is || *is) return false;
        *is = s;
    }
    return p->store != NULL;
}

typedef struct {
    const k_nest *nest;
    bool only;
} place_search;

static void look_at_sym(void *env, const ir_sym *sym)
{
    place_search *p = env;
    bool known = sym->is_dim || sym->value;
    for (int i = 0; i < p->nest->n; i++) known |= p->nest->axis[i].loop->var->sym == sym;
    p->only &= known;
}

/* Does the axes' place alone say where the result goes? */
static bool placed_by_axes(const k_nest *nest, const ir_sx *index)
{
    place_search p = {nest, true};
    sx_visit(k_plain_index(nest, index), look_at_sym, &p);
    return p.only;
}

bool k_find_blockable(k_nest *nest, k_blockable *p)
{
    nfc_arena *a = nest->b->scratch;
    int accums = 0;
    *p = (k_blockable){.init = NULL};
    if (!find_statements(nest, p) || !only_sums(p, p->reduction, &accums) || accums != 1) return false;
    if (!sx_is(p->sum->size, 1) || p->sum->dtype != p->store->buffer->dtype || loads_from(a, p->reduction, p->sum)) return false;
    if (loads_from(a, nest->core, p->store->buffer) || !placed_by_axes(nest, p->store->index)) return false;
    if (!sx_is(p->loop->begin, 0) || !sx_is_const(p->loop->end) || guards_mention(a, p->loop, p->loop->var->sym)) return false;
    p->trips = sx_value(p->loop->end);
    return true;
}

/* ---- the core of a block ------------------------------------------------------------------- */

static kir_stmt *node(const k_nest *nest, kir_stmt s)
{
    kir_stmt *copy = ARENA_NEW(nest->b->scratch, kir_stmt);
    *copy = s;
    return copy;
}

static void add(const k_nest *nest, kir_stmt *to, const kir_stmt *s) { vec_push(nest->b->scratch, &to->body, (kir_stmt *)(uintptr_t)s); }

/* An IF that is open for the blocks below a number, or for the others. */
static kir_stmt *for_blocks(const k_nest *nest, bool below, int64_t limit)
{
    kir_builder *b = nest->b;
    const kir_expr *number = kir_index(b, sx_sym(b->sx, nest->blocks.number)), *at = kir_index(b, sx_int(b->sx, limit));
    return node(nest, (kir_stmt){.kind = KIR_IF, .value = below ? kir_binary(b, KB_LT, number, at) : kir_binary(b, KB_LE, at, number)});
}

/* Is what is stored at the end the sum itself? Then every block stores it so. */
static bool stores_sum(const k_blockable *p) { return p->store->value->kind == KIR_LOAD && p->store->value->buffer == p->sum; }

void k_block(k_nest *nest, const k_blockable *p, int64_t depth, int outside)
{
    kir_builder *b = nest->b;
    sx_table *t = b->sx;
    const int64_t count = (p->trips + depth - 1) / depth;
    const char *name = p->loop->var->name;
    const ir_sx *place = k_plain_index(nest, p->store->index);
    nest->blocks = (k_blocks){.loop = p->loop, .depth = depth, .count = count, .trips = p->trips, .outside = outside};
    nest->blocks.number = sx_new_sym(t, arena_printf(b->arena, "%s_b", name), 0, count - 1, NO_SPAN);
    nest->blocks.step = sx_new_sym(t, name, 0, depth - 1, NO_SPAN);
    kir_stmt *core = node(nest, *nest->core), *later = for_blocks(nest, false, 1), *last = for_blocks(nest, false, count - 1), *before = for_blocks(nest, true, count - 1);
    core->body.at = NULL;
    core->body.n = core->body.cap = 0;
    add(nest, later, node(nest, (kir_stmt){.kind = KIR_STORE, .buffer = p->sum, .index = p->init->index, .value = kir_load(b, p->store->buffer, place)}));
    add(nest, before, node(nest, (kir_stmt){.kind = KIR_STORE, .buffer = p->store->buffer, .index = place, .value = kir_load(b, p->sum, p->init->index)}));
    bool behind = false, plain = stores_sum(p);
    for (int i = 0; i < nest->core->body.n; i++) {
        const kir_stmt *s = nest->core->body.at[i];
        add(nest, behind && !plain ? last : core, s);
        if (s == p->init) add(nest, core, later);
        if (s == p->reduction && !plain) add(nest, core, before);
        behind |= s == p->reduction;
    }
    if (!plain) add(nest, core, last);
    nest->core = core;
}
