/* Common subexpressions: an instruction equal to one that dominates it gives way to it. */
#include <string.h>
#include "ir/dom.h"
#include "passes/pass.h"

/* The instructions known at a point, innermost first. */
typedef struct scope {
    nfc_map known; /* key -> ir_inst */
    struct scope *parent;
} scope;

typedef struct {
    pass_ctx *ctx;
    int epoch; /* counts barriers: nothing is equal across one */
    bool changed;
} merger;

typedef VEC(uint64_t) words;

static void put(merger *k, words *key, uint64_t word) { vec_push(k->ctx->scratch, key, word); }
static void put_pointer(merger *k, words *key, const void *p) { put(k, key, (uint64_t)(uintptr_t)p); }
static void put_double(merger *k, words *key, double d)
{
    uint64_t bits;
    memcpy(&bits, &d, 8);
    put(k, key, bits);
}

static void put_attr(merger *k, words *key, const ir_attr *a)
{
    put(k, key, (uint64_t)a->kind);
    put(k, key, (uint64_t)a->i);
    put_double(k, key, a->f);
    put_pointer(k, key, a->s); /* interned */
    put(k, key, (uint64_t)a->t);
    for (int i = 0; i < a->n && a->kind == IR_ATTR_SXS; i++) put_pointer(k, key, a->sx[i]);
    for (int i = 0; i < a->n && a->kind == IR_ATTR_FLOATS; i++) put_double(k, key, a->fs[i]);
}

static void put_type(merger *k, words *key, const ir_type *t)
{
    put(k, key, (uint64_t)t->kind | (uint64_t)t->dtype << 8 | (uint64_t)t->rank << 16);
    for (int i = 0; t->kind == IR_TENSOR && i < t->rank; i++) put_pointer(k, key, t->dim[i]);
}

static void put_constant(merger *k, words *key, const ir_inst *inst)
{
    const ir_const *c = inst->constant;
    put_pointer(k, key, c->package);
    for (int i = 0; i < c->ntensor; i++) put_pointer(k, key, c->tensor[i]);
    if (inst->op != IR_const) return;
    size_t bytes = (size_t)ir_max_bytes(inst->out[0]->type);
    put(k, key, bytes <= 4096 ? map_hash(c->data, bytes, 7) : (uint64_t)(uintptr_t)c->data);
}

static void operands(merger *k, words *key, const ir_inst *inst)
{
    bool swap = inst->nin == 2 && inst->in[0] && inst->in[1] && (op_get(inst->op)->flags & OPF_COMMUTES) && inst->in[0]->id > inst->in[1]->id;
    for (int i = 0; i < inst->nin; i++) put_pointer(k, key, inst->in[swap ? 1 - i : i]);
}

static words key_of(merger *k, const ir_inst *inst)
{
    words key = {0};
    const ir_hints *h = inst->hints;
    put(k, &key, (uint64_t)inst->op | (uint64_t)inst->nin << 32);
    put(k, &key, (uint64_t)k->epoch);
    put_pointer(k, &key, h ? h->placement : NULL);
    put_pointer(k, &key, h ? h->group : NULL);
    put(k, &key, (uint64_t)(h ? h->fuse : 0));
    operands(k, &key, inst);
    for (int i = 0; i < op_get(inst->op)->nattr; i++) put_attr(k, &key, &inst->attr[i]);
    for (int i = 0; i < inst->nindex; i++) put_pointer(k, &key, inst->index[i]);
    for (int i = 0; i < inst->nsel; i++) {
        put_pointer(k, &key, inst->sel[i].start);
        put_pointer(k, &key, inst->sel[i].one ? NULL : inst->sel[i].extent);
    }
    put_pointer(k, &key, inst->state);
    if (inst->constant) put_constant(k, &key, inst);
    for (int i = 0; i < inst->nout; i++) put_type(k, &key, inst->out[i]->type);
    return key;
}

static bool may_merge(const ir_inst *inst)
{
    if (!ir_is_pure(inst) || inst->nregion || inst->nout == 0) return false;
    return !inst->hints || !inst->hints->no_reorder;
}

/* Equal keys mean equal instructions, but for constants whose bytes were hashed. */
static bool same_constant(const ir_inst *a, const ir_inst *b)
{
    if (a->op != IR_const) return true;
    return memcmp(a->constant->data, b->constant->data, (size_t)ir_max_bytes(a->out[0]->type)) == 0;
}

static void visit(merger *k, scope *s, ir_inst *inst)
{
    if (inst->op == IR_barrier) k->epoch++;
    if (!may_merge(inst)) return;
    words key = key_of(k, inst);
    size_t bytes = (size_t)key.n * sizeof *key.at;
    for (scope *o = s; o; o = o->parent) {
        ir_inst *other = map_getn(&o->known, (const char *)key.at, bytes);
        if (!other || !same_constant(other, inst)) continue;
        for (int i = 0; i < inst->nout; i++) {
            if (inst->out[i]->sym) inst->out[i]->sym->is = sx_sym(&k->ctx->m->sx, other->out[i]->sym);
            if (!other->out[i]->name) other->out[i]->name = inst->out[i]->name;
            ir_replace_uses(inst->out[i], other->out[i]);
        }
        ir_erase(inst);
        k->changed = true;
        return;
    }
    map_setn(&s->known, (const char *)key.at, bytes, inst);
}

static void merge_region(merger *k, ir_region *r, scope *outer)
{
    ir_dom dom;
    ir_dominators(k->ctx->scratch, r, &dom);
    scope *of = ARENA_ARRAY(k->ctx->scratch, scope, dom.order.n);
    for (int n = 0; n < dom.order.n; n++) {
        map_init(&of[n].known, k->ctx->scratch);
        of[n].parent = n ? &of[dom.idom[n]] : outer;
        for (ir_inst *i = dom.order.at[n]->first, *next; i; i = next) {
            next = i->next;
            if (i->op == IR_loop) merge_region(k, i->region[0], &of[n]);
            else visit(k, &of[n], i);
        }
    }
}

bool pass_cse(pass_ctx *ctx)
{
    merger k = {.ctx = ctx};
    for (int g = 0; g < ctx->m->graph.n; g++) merge_region(&k, ctx->m->graph.at[g]->body, NULL);
    if (k.changed) ir_resolve_symbols(ctx->m);
    return k.changed;
}
