/* Blocks as .nfg has them: but for the graph's inputs and what a loop is in, a block knows only its own values
 * and its parameters. What a block takes from one before it becomes a parameter, handed on by every jump. */
#include "frontend/export_nfg.h"
#include "ir/ir.h"

typedef struct closing {
    nfc_session *s;
    ir_module *m;
    ir_region *region;
    nfc_map need;  /* block -> nfc_map of values -> its parameter (NULL: not made yet) */
    bool failed;
    bool changed;
} closing;

typedef struct need {
    ir_value *arg;
} need;

static ir_block *block_of(const ir_value *v) { return v->def ? v->def->block : v->block; }

static nfc_map *needs_of(closing *c, const ir_block *b)
{
    nfc_map *map = map_getp(&c->need, b);
    if (map) return map;
    map = ARENA_NEW(c->s->arena, nfc_map);
    map_init(map, c->s->arena);
    map_setp(&c->need, b, map);
    return map;
}

static bool is_known(const closing *c, const ir_block *b, const ir_value *v)
{
    const ir_block *home = block_of(v);
    if (v->type->kind == IR_TOKEN || home == b || home->region != c->region || (v->def && v->def->op == IR_const)) return true;
    bool first_of_graph = home == c->region->first && !c->region->owner && !v->def; /* an input */
    bool loop_index = v->type->kind == IR_INDEX && !v->def;
    return first_of_graph || loop_index;
}

static void want(closing *c, const ir_block *b, ir_value *v)
{
    nfc_map *map = needs_of(c, b);
    if (is_known(c, b, v) || map_getp(map, v)) return;
    map_setp(map, v, ARENA_NEW(c->s->arena, need));
    c->changed = true;
}

typedef struct symbols {
    closing *c;
    const ir_block *b;
} symbols;

static void look_at_symbol(void *env, const ir_sym *sym)
{
    symbols *s = env;
    if (sym->is_dim || !sym->value || is_known(s->c, s->b, sym->value) || s->c->failed) return;
    s->c->failed = true;
    diag_error(&s->c->s->diags, E_NOT_STATIC, sym->at, "a size that only the run knows is used in another block than the one that reads it, which .nfg cannot say");
}

static void look_at_type(symbols *s, const ir_type *t)
{
    for (int i = 0; t->kind == IR_TENSOR && i < t->rank; i++) sx_visit(t->dim[i], look_at_symbol, s);
}

static void look_at(void *env, ir_inst *inst)
{
    symbols *s = env;
    for (int i = 0; i < inst->nin; i++) {
        if (!inst->in[i]) continue;
        if (!is_known(s->c, s->b, inst->in[i])) look_at_type(s, inst->in[i]->type);
        want(s->c, s->b, inst->in[i]);
    }
    for (int i = 0; i < inst->nindex; i++) sx_visit(inst->index[i], look_at_symbol, s);
    for (int i = 0; i < op_get(inst->op)->nattr; i++)
        for (int k = 0; inst->attr[i].kind == IR_ATTR_SXS && k < inst->attr[i].n; k++) sx_visit(inst->attr[i].sx[k], look_at_symbol, s);
}

static void visit_block(closing *c, ir_block *b)
{
    symbols s = {c, b};
    for (ir_inst *i = b->first; i; i = i->next) {
        look_at(&s, i);
        for (int k = 0; k < i->nregion; k++) ir_walk(i->region[k], look_at, &s);
    }
}

/* What a block needs its predecessors must have. */
static void hand_back(closing *c)
{
    for (ir_block *p = c->region->first; p; p = p->next)
        for (int k = 0; p->last && k < p->last->nedge; k++) {
            const nfc_map *map = needs_of(c, p->last->edge[k].to);
            for (int i = 0; i < map->n; i++) {
                ir_value *v = (ir_value *)(uintptr_t)map->entry[i].key;
                want(c, p, v);
            }
        }
}

typedef struct swap {
    closing *c;
    const nfc_map *map;
} swap;

static void swap_operands(void *env, ir_inst *inst)
{
    const swap *s = env;
    for (int i = 0; i < inst->nin; i++) {
        const need *n = inst->in[i] ? map_getp(s->map, inst->in[i]) : NULL;
        if (n && n->arg) ir_set_operand(inst, i, n->arg);
    }
}

/* The jump once more, with what its targets have come to need. */
static void extend_jump(closing *c, ir_block *p)
{
    ir_inst *old = p->last;
    if (!old->nedge) return;
    ir_inst *new = ir_new(c->m, old->op, old->at, old->op == IR_cond_br, old->in);
    new->scope = old->scope;
    new->hints = old->hints;
    for (int k = 0; k < old->nedge; k++) {
        const ir_edge *e = &old->edge[k];
        const nfc_map *map = needs_of(c, e->to);
        ir_value **args = ARENA_ARRAY(c->s->arena, ir_value *, e->n + map->n);
        int n = 0;
        for (; n < e->n; n++) args[n] = old->in[e->first + n];
        for (int i = 0; i < map->n; i++) args[n++] = (ir_value *)(uintptr_t)map->entry[i].key;
        ir_set_edge(c->m, new, k, e->to, n, args);
    }
    ir_insert_before(old, new);
    ir_erase(old);
}

static void close_region(nfc_session *s, ir_module *m, ir_region *r, bool *failed)
{
    closing c = {.s = s, .m = m, .region = r};
    map_init(&c.need, s->arena);
    for (ir_block *b = r->first; b; b = b->next)
        for (ir_inst *i = b->first; i; i = i->next)
            for (int k = 0; k < i->nregion; k++) close_region(s, m, i->region[k], failed);
    if (!r->first || !r->first->next) return;
    for (ir_block *b = r->first->next; b; b = b->next) visit_block(&c, b);
    for (c.changed = true; c.changed;) {
        c.changed = false;
        hand_back(&c);
    }
    *failed |= c.failed;
    if (c.failed) return;
    for (ir_block *b = r->first; b; b = b->next) extend_jump(&c, b);
    for (ir_block *b = r->first->next; b; b = b->next) {
        nfc_map *map = needs_of(&c, b);
        for (int i = 0; i < map->n; i++) {
            const ir_value *v = (const ir_value *)(const void *)map->entry[i].key;
            need *n = map->entry[i].value;
            n->arg = ir_block_arg(b, v->type, v->name, v->at);
        }
        swap sw = {&c, map};
        for (ir_inst *i = b->first; i; i = i->next) {
            swap_operands(&sw, i);
            for (int k = 0; k < i->nregion; k++) ir_walk(i->region[k], swap_operands, &sw);
        }
    }
}

bool export_close_blocks(nfc_session *s, ir_module *m)
{
    bool failed = false;
    for (int g = 0; g < m->graph.n; g++) close_region(s, m, m->graph.at[g]->body, &failed);
    return !failed;
}
