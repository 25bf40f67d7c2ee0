#include "passes/k_replay.h"

#include <string.h>

void k_begin(k_replay *r, kir_builder *b)
{
    *r = (k_replay){.b = b, .copies = 1};
    for (nfc_map **m = (nfc_map *[]){&r->sym, &r->var, &r->local, &r->memo, NULL}; *m; m++) map_init(*m, b->scratch);
}

const kir_stmt *k_rebuild(k_replay *r, kir_builder *b)
{
    const kir_stmt *old = b->func->body;
    k_begin(r, b);
    b->func->body = ARENA_NEW(b->arena, kir_stmt);
    b->func->body->kind = KIR_SEQ;
    b->func->local.n = 0;
    b->open.n = 0;
    vec_push(b->arena, &b->open, b->func->body);
    return old;
}

static void forget(k_replay *r) { map_init(&r->memo, r->b->scratch); }

void k_map(k_replay *r, const ir_sym *sym, const ir_sx *x)
{
    if (map_getp(&r->sym, sym) == x) return;
    map_setp(&r->sym, sym, (void *)(uintptr_t)x);
    forget(r);
}

/* ---- expressions --------------------------------------------------------------------------- */

static const ir_sx *stands_for(void *env, const ir_sym *sym) { return map_getp(&((k_replay *)env)->sym, sym); }

const ir_sx *k_index(k_replay *r, const ir_sx *x) { return x ? sx_replace(r->b->sx, x, stands_for, r) : NULL; }

/* The place of an element in what stands for a buffer. */
static kir_buffer *placed(k_replay *r, kir_buffer *b, const ir_sx **index)
{
    *index = k_index(r, *index);
    const k_local *l = map_getp(&r->local, b);
    if (!l) return b;
    if (l->copies > 1) *index = sx_add(r->b->sx, sx_mul(r->b->sx, *index, sx_int(r->b->sx, l->copies)), r->copy);
    return l->buffer;
}

static const kir_expr *load(k_replay *r, const kir_expr *e)
{
    const kir_expr *other = r->load && !e->integer ? r->load(r->env, e->buffer, e->index) : NULL;
    if (other) return other;
    const ir_sx *index = e->index;
    kir_buffer *from = placed(r, e->buffer, &index);
    return e->integer ? kir_word(r->b, from, index, e->integer) : kir_load(r->b, from, index);
}

static const kir_expr *rebuilt(k_replay *r, const kir_expr *e)
{
    kir_builder *b = r->b;
    const kir_expr *x = e->a ? k_expr(r, e->a) : NULL, *y = e->b ? k_expr(r, e->b) : NULL, *z = e->c ? k_expr(r, e->c) : NULL;
    switch (e->kind) {
    case KIR_CONST: return e;
    case KIR_VAR: return map_getp(&r->var, e->var) ? map_getp(&r->var, e->var) : e;
    case KIR_INDEX: return kir_index(b, k_index(r, e->index));
    case KIR_LOAD: return load(r, e);
    case KIR_UN: return e->op == KU_BITS ? kir_bits(b, e->type, x) : kir_unary(b, (kir_un)e->op, x);
    case KIR_BIN: return kir_binary(b, (kir_bin)e->op, x, y);
    case KIR_FMA:
        if (r->has_fma && !r->has_fma(r->env, e->type)) return kir_binary(b, KB_ADD, kir_binary(b, KB_MUL, x, y), z);
        return kir_fma(b, x, y, z);
    case KIR_DOT: return kir_dot_of(b, (kir_dot)e->op, x, y, z);
    case KIR_SELECT: return kir_select(b, x, y, z);
    case KIR_CAST: return kir_cast(b, e->type, x);
    }
    return e;
}

const kir_expr *k_expr(k_replay *r, const kir_expr *e)
{
    const kir_expr *known = map_getp(&r->memo, e);
    if (known) return known;
    known = rebuilt(r, e);
    if (r->on_expr) known = r->on_expr(r->env, known);
    map_setp(&r->memo, e, (void *)(uintptr_t)known);
    return known;
}

/* ---- statements ---------------------------------------------------------------------------- */

bool k_for(k_replay *r, kir_for_kind kind, const kir_stmt *old, const char *name, const ir_sx *begin, const ir_sx *end)
{
    bool once = sx_is(sx_sub(r->b->sx, end, begin), 1);
    k_map(r, old->var->sym, once ? begin : kir_for(r->b, kind, name, begin, end));
    return !once;
}

static void replay_let(k_replay *r, const kir_stmt *s)
{
    const kir_expr *value = k_expr(r, s->value);
    if (s->var->sym) {
        k_map(r, s->var->sym, kir_let_index(r->b, s->var->name, value, s->var->sym->lo, s->var->sym->hi));
        return;
    }
    const bool narrow = r->narrow_lets && value->kind == KIR_CAST && value->type == DT_f32 && value->a->type == DT_f16;
    const kir_expr *named = kir_let(r->b, s->var->name, narrow ? value->a : value);
    map_setp(&r->var, s->var, (void *)(uintptr_t)(narrow ? kir_cast(r->b, DT_f32, named) : named));
    forget(r);
}

static void replay_alloc(k_replay *r, const kir_buffer *old)
{
    k_local *l = ARENA_NEW(r->b->scratch, k_local);
    *l = (k_local){kir_alloc(r->b, old->name, old->dtype, sx_value(old->size) * r->copies), r->copies};
    l->buffer->space = old->space;
    l->buffer->rows = old->rows;
    l->buffer->tile = old->tile;
    map_setp(&r->local, old, l);
    forget(r);
}

/* A sum of products in one rounding each, where the target has it. */
static void replay_accum(k_replay *r, const kir_stmt *s)
{
    const kir_expr *value = k_expr(r, s->value);
    const ir_sx *index = s->index;
    kir_buffer *to = placed(r, s->buffer, &index);
    bool product = s->op == KB_ADD && value->kind == KIR_BIN && value->op == KB_MUL && value->type < DT_COUNT && dtype_is_float((nfc_dtype)value->type);
    if (product && r->has_fma && r->has_fma(r->env, value->type)) kir_store(r->b, to, index, kir_fma(r->b, value->a, value->b, kir_load(r->b, to, index)));
    else kir_accum(r->b, (kir_bin)s->op, to, index, value);
}

static void replay_store(k_replay *r, const kir_stmt *s)
{
    const kir_expr *value = k_expr(r, s->value);
    const ir_sx *index = s->index;
    kir_buffer *to = placed(r, s->buffer, &index);
    kir_store(r->b, to, index, value);
}

static void replay_copy(k_replay *r, const kir_stmt *s)
{
    const ir_sx *index = s->index, *from_index = s->from_index;
    kir_buffer *to = placed(r, s->buffer, &index), *from = placed(r, s->from, &from_index);
    kir_copy(r->b, to, index, from, from_index, k_index(r, s->count));
}

static void replay_prefetch(k_replay *r, const kir_stmt *s)
{
    const ir_sx *index = s->index;
    kir_buffer *from = placed(r, s->buffer, &index);
    kir_prefetch(r->b, from, index);
}

static void replay_tile(k_replay *r, const kir_stmt *s)
{
    const ir_sx *index = s->index, *from_index = s->from_index, *none = NULL;
    kir_buffer *to = placed(r, s->buffer, &index), *from = s->from ? placed(r, s->from, &from_index) : NULL;
    if (s->op == KT_ZERO) kir_tile_zero(r->b, to);
    else if (s->op == KT_LOAD) kir_tile_load(r->b, to, from, from_index, s->count);
    else if (s->op == KT_STORE) kir_tile_store(r->b, to, index, s->count, from);
    else kir_tile_dot(r->b, to, from, placed(r, (kir_buffer *)(uintptr_t)s->with, &none));
}

/* What a guard lets through, names and stores to locals alone, as choices between what a local holds and what it would be given. */
static void replay_choice(k_replay *r, const kir_stmt *s, const kir_expr *guard)
{
    guard = kir_let(r->b, "chosen", guard);
    for (int i = 0; i < s->body.n; i++) {
        const kir_stmt *in = s->body.at[i];
        if (in->kind == KIR_LET) {
            k_stmt(r, in);
            continue;
        }
        const ir_sx *index = in->index;
        const kir_expr *value = k_expr(r, in->value);
        kir_buffer *to = placed(r, in->buffer, &index);
        const kir_expr *old = kir_load(r->b, to, index);
        if (in->kind == KIR_ACCUM) value = kir_binary(r->b, (kir_bin)in->op, old, value);
        kir_store(r->b, to, index, kir_select(r->b, guard, value, old));
    }
}

void k_body(k_replay *r, const kir_stmt *s)
{
    for (int i = 0; i < s->body.n; i++) k_stmt(r, s->body.at[i]);
}

void k_stmt(k_replay *r, const kir_stmt *s)
{
    switch (s->kind) {
    case KIR_SEQ: k_body(r, s); break;
    case KIR_FOR: {
        if (r->on_for && r->on_for(r->env, r, s)) break;
        bool open = k_for(r, s->loop, s, s->var->name, k_index(r, s->begin), k_index(r, s->end));
        k_body(r, s);
        if (open) kir_close(r->b);
        break;
    }
    case KIR_IF: {
        const kir_expr *guard = k_expr(r, s->value);
        if (guard->kind == KIR_CONST && !guard->integer) break;
        if (guard->kind != KIR_CONST && r->is_choice && r->is_choice(r->env, s)) {
            replay_choice(r, s, guard);
            break;
        }
        kir_if(r->b, guard);
        k_body(r, s);
        kir_close(r->b);
        break;
    }
    case KIR_LET: replay_let(r, s); break;
    case KIR_ALLOC: replay_alloc(r, s->buffer); break;
    case KIR_STORE: replay_store(r, s); break;
    case KIR_ACCUM: replay_accum(r, s); break;
    case KIR_COPY: replay_copy(r, s); break;
    case KIR_PREFETCH: replay_prefetch(r, s); break;
    case KIR_TILE: replay_tile(r, s); break;
    case KIR_FAIL: kir_fail(r->b, s->fail); break;
    case KIR_NOTE: kir_note(r->b, s->text); break;
    }
}

void k_replay_loops(k_replay *r, kir_builder *b, bool (*on_for)(void *env, k_replay *r, const kir_stmt *s), void *env)
{
    const kir_stmt *old = k_rebuild(r, b);
    r->on_for = on_for;
    r->env = env;
    k_body(r, old);
}

/* ---- looking at statements --------------------------------------------------------------------- */

void k_mark_written(const kir_stmt *s)
{
    if (s->kind == KIR_STORE || s->kind == KIR_ACCUM || s->kind == KIR_COPY) s->buffer->written = true;
    for (int i = 0; i < s->body.n; i++) k_mark_written(s->body.at[i]);
}

typedef struct {
    nfc_map seen;
    void (*visit)(void *env, const kir_expr *e);
    void *env;
} expr_walk;

static void visit_expr(expr_walk *w, const kir_expr *e)
{
    if (!e || map_setp(&w->seen, e, w)) return;
    visit_expr(w, e->a);
    visit_expr(w, e->b);
    visit_expr(w, e->c);
    w->visit(w->env, e);
}

void k_visit_exprs(nfc_arena *a, const kir_stmt *s, void (*visit)(void *env, const kir_expr *e), void *env)
{
    expr_walk w = {.visit = visit, .env = env};
    map_init(&w.seen, a);
    visit_expr(&w, s->value);
    for (int i = 0; i < s->body.n; i++) k_visit_exprs(a, s->body.at[i], visit, env);
}

typedef struct {
    const ir_sym *sym;
    bool loads, found;
} value_search;

static void find_in_value(void *env, const kir_expr *e)
{
    value_search *v = env;
    if (e->index && (v->loads || e->kind == KIR_INDEX)) v->found |= sx_mentions(e->index, v->sym);
}

bool k_value_mentions(nfc_arena *a, const kir_expr *e, const ir_sym *sym, bool loads)
{
    value_search v = {sym, loads, false};
    kir_stmt own = {.kind = KIR_NOTE, .value = e};
    if (e) k_visit_exprs(a, &own, find_in_value, &v);
    return v.found;
}
