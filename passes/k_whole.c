/* What every part of a kernel reads, whatever its range: loads whose index does not go with the loops that are shared out. */
#include "ir/sat.h"
#include "passes/k_parts.h"

typedef struct {
    ir_module *m;
    nfc_arena *a;
    nfc_map ranged;  /* symbols and names that differ from part to part */
    bool found;      /* one of them, in an index */
    int64_t *loads;  /* by buffer id: elements that each part reads */
} walk;

static void find_ranged(void *env, const ir_sym *sym)
{
    walk *w = env;
    w->found |= map_getp(&w->ranged, sym) != NULL;
}

/* Does an index differ from part to part? */
static bool index_is_ranged(walk *w, const ir_sx *x)
{
    w->found = false;
    if (x) sx_visit(x, find_ranged, w);
    return w->found;
}

static bool value_is_ranged(walk *w, const kir_expr *e)
{
    if (!e) return false;
    if (index_is_ranged(w, e->index) || (e->var && map_getp(&w->ranged, e->var))) return true;
    return value_is_ranged(w, e->a) || value_is_ranged(w, e->b) || value_is_ranged(w, e->c);
}

static void note_load(walk *w, const kir_buffer *b, const ir_sx *index, int64_t elements)
{
    if (b->space == KIR_GLOBAL && !index_is_ranged(w, index)) w->loads[b->id] = sat_add(w->loads[b->id], elements);
}

static void note_loads(walk *w, const kir_expr *e, int64_t times)
{
    if (!e) return;
    if (e->kind == KIR_LOAD) note_load(w, e->buffer, e->index, sat_mul(times, e->integer ? e->integer : 1));
    note_loads(w, e->a, times);
    note_loads(w, e->b, times);
    note_loads(w, e->c, times);
}

static int64_t most(const ir_sx *n) { return sx_max(n) > 0 ? sx_max(n) : 0; }

static void note_stmt(walk *w, const kir_stmt *s, int64_t times)
{
    note_loads(w, s->value, times);
    if (s->kind == KIR_COPY) note_load(w, s->from, s->from_index, sat_mul(times, most(s->count)));
    if (s->kind == KIR_LET && value_is_ranged(w, s->value)) {
        map_setp(&w->ranged, s->var, w);
        if (s->var->sym) map_setp(&w->ranged, s->var->sym, w);
    }
    if (s->kind == KIR_FOR) times = sat_mul(times, most(sx_sub(&w->m->sx, s->end, s->begin)));
    for (int i = 0; i < s->body.n; i++) note_stmt(w, s->body.at[i], times);
}

void k_whole_bytes(ir_module *m, const kir_func *f, const k_unit *u, int parts, int64_t times, int64_t *bytes)
{
    walk w = {.m = m, .a = arena_child(m->arena)};
    w.loads = ARENA_ARRAY(w.a, int64_t, f->param.n + 1);
    map_init(&w.ranged, w.a);
    int64_t cut = 1; /* a range goes along the outermost loops that have as many iterations as there are parts */
    for (int i = 0; i < u->depth && cut < parts; i++) {
        map_setp(&w.ranged, u->loop[i]->var->sym, &w);
        cut = sat_mul(cut, most(sx_sub(&m->sx, u->loop[i]->end, u->loop[i]->begin)));
    }
    for (int i = 0; u->depth && i < u->count; i++) note_stmt(&w, f->body->body.at[u->first + i], times); /* else one part does it */
    for (int i = 0; i < f->param.n; i++) {
        const kir_buffer *b = f->param.at[i];
        int64_t n = w.loads[b->id] < most(b->size) ? w.loads[b->id] : most(b->size);
        bytes[i] = sat_mul(n, (int64_t)dtype_bytes(b->dtype));
    }
    arena_free(w.a);
}
