/* Fusion: instructions that become one kernel.
 *
 * A group has at most one loop nest of its own (a reduction, a contraction, a window), the root. What
 * is elementwise before it is worked out in its loads, where each element is loaded once or is cheap;
 * what is elementwise behind it, in its shape, is worked out before its only store. A group without a
 * root is one pointwise kernel. Only the last value of a group is stored. */
#include "ir/shape.h"
#include "passes/canon_widen.h"
#include "passes/k_dots.h"
#include "passes/pass.h"

enum { MAX_MEMBERS = 48, MAX_OPERANDS = 24 };

typedef struct group {
    VEC(ir_inst *) member; /* in program order; the last one's result leaves the group */
    ir_inst *root;
    bool costly;           /* has functions that should not be worked out twice */
    bool can_fail;         /* one member may report a run error: of two it could not say which */
} group;

typedef struct {
    pass_ctx *ctx;
    nfc_map of;       /* inst -> group */
    nfc_map epoch;    /* inst -> barriers before it in its block */
    nfc_map writes;   /* inst -> writes of states before it */
    bool changed;
} fuser;

static group *group_of(fuser *f, const ir_inst *i) { return map_getp(&f->of, i); }

/* ---- what can be merged -------------------------------------------------------------------- */

/* Ops of which one element of the result is an expression over few elements of the operands. Ops
 * that only rename indices are left to the planner, for which they are views without code. */
static bool is_pointwise(const ir_inst *i)
{
    if (chosen_may_be_empty(i)) return false; /* its kernel may have nothing to do, but not what is fused with it */
    op_family family = op_get(i->op)->family;
    return family == FAM_EW || family == FAM_MAP;
}

static bool is_root(const ir_inst *i)
{
    return op_get(i->op)->family == FAM_NEST && i->nout == 1 && !(op_get(i->op)->flags & OPF_ALONE);
}
static bool is_costly(const ir_inst *i) { return op_get(i->op)->ulp >= 2 || op_get(i->op)->flags & OPF_HEAVY; }

/* Is it what a contraction loads as words of narrow floats, which the device multiplies several at once? Then it is widened
 * nowhere, and nothing else is to be worked out there. */
static bool is_for_dots(const fuser *f, const ir_inst *p)
{
    if (!f->ctx->options->vector_bytes || p->op != IR_cast || p->out[0]->type->dtype != DT_f32 || !p->out[0]->uses || p->out[0]->uses->next) return false;
    const ir_inst *user = p->out[0]->uses->inst;
    if (!user || user->nin < 2 || !is_root(user) || p->out[0] != user->in[0] || !user->in[1]->def || !canon_is_widened_weight(user->in[1]->def)) return false;
    const nfc_dtype type = p->in[0]->type->dtype;
    return user->in[1]->def->in[0]->type->dtype == type && k_has_float_dots(f->ctx->options->device, type);
}

/* Is an element of the result made of the one of operand n at the same place, if they have the same shape? */
static bool follows(const ir_inst *c, int n)
{
    const op_info *info = op_get(c->op);
    return info->family == FAM_EW || (n == 0 && info->flags & OPF_PLACED);
}

/* How often operand n of the consumer is loaded for each element of it: 0 means too often. */
static int loads_per_element(const fuser *f, const ir_inst *c, int n)
{
    if (canon_is_widened_weight(c->in[n]->def) || is_for_dots(f, c->in[n]->def) || follows(c, n)) return 1;
    if (n != 0) return 0;
    unsigned flags = op_get(c->op)->flags;
    return flags & OPF_LOADS_ONCE ? 1 : flags & OPF_LOADS_TWICE ? 2 : 0;
}

static bool hints_agree(const ir_inst *a, const ir_inst *b)
{
    const ir_hints *x = a->hints, *y = b->hints;
    if ((x && (x->fuse < 0 || x->no_reorder)) || (y && (y->fuse < 0 || y->no_reorder))) return false;
    return (x ? x->group : NULL) == (y ? y->group : NULL) && (x ? x->placement : NULL) == (y ? y->placement : NULL);
}

static bool only_used_by(const ir_value *v, const ir_inst *user)
{
    for (const ir_use *u = v->uses; u; u = u->next)
        if (u->inst != user) return false;
    return true;
}

/* A value read from a state must not be used later than a write that may change it; what may end the run
 * must not do so after a write that comes behind it. */
static bool crosses_write(fuser *f, const group *g, const ir_inst *c)
{
    for (int i = 0; i < g->member.n; i++) {
        const ir_inst *p = g->member.at[i];
        if (map_getp(&f->writes, p) == map_getp(&f->writes, c)) continue;
        if (ir_can_fail(p)) return true;
        for (int k = 0; k < p->nin; k++)
            if (p->in[k] && p->in[k]->def && p->in[k]->def->op == IR_read) return true;
    }
    return false;
}

static int operand_count(const group *a, const group *b)
{
    int n = 0;
    for (int i = 0; i < a->member.n; i++) n += a->member.at[i]->nin;
    for (int i = 0; i < b->member.n; i++) n += b->member.at[i]->nin;
    return n - (a->member.n + b->member.n) / 2;
}

/* Is each element of c's result made of operand n's element at the same place? */
static bool stays(const ir_inst *c, int n)
{
    return follows(c, n) && ir_same_shape(c->in[n]->type, c->out[0]->type);
}

/* May the group that ends in v be worked out inside of c's group, as far as that does not depend on how c uses it? */
static bool may_move(fuser *f, const ir_value *v, const ir_inst *c)
{
    const ir_inst *p = v ? v->def : NULL;
    if (!p || p->block != c->block || is_for_dots(f, c) || !(is_pointwise(p) || is_root(p))) return false;
    const group *pg = group_of(f, p), *cg = group_of(f, c);
    if (pg == cg || vec_last(&pg->member) != p || (pg->can_fail && cg->can_fail) || (pg->root && cg->root)) return false;
    if (!hints_agree(p, c) || map_getp(&f->epoch, p) != map_getp(&f->epoch, c) || crosses_write(f, pg, c)) return false;
    return pg->member.n + cg->member.n <= MAX_MEMBERS && operand_count(pg, cg) <= MAX_OPERANDS;
}

/* May the group that ends in operand n of c be worked out inside of c's group? */
static bool may_merge(fuser *f, const ir_inst *c, int n)
{
    const ir_value *v = c->in[n];
    if (!may_move(f, v, c) || !only_used_by(v, c)) return false;
    const group *pg = group_of(f, v->def), *cg = group_of(f, c);
    const ir_type *pt = v->type, *ct = c->out[0]->type;
    if (pg->root) return stays(c, n);
    int loads = loads_per_element(f, c, n);
    if (loads == 0) return false;
    if (cg->root && cg->root != c) return ir_same_shape(pt, ct) || !pg->costly;
    bool repeated = loads > 1 || (!cg->root && ir_max_elements(pt) < ir_max_elements(ct));
    return !repeated || !pg->costly;
}

/* Do all uses of a value lie in a group, whose every element that depends on it does so at the same place? Then the value
 * is known wherever it is asked for, though more than one member does: x * sigmoid(x). */
static bool is_shared_inside(fuser *f, const ir_value *v, const group *g)
{
    for (const ir_use *u = v->uses; u; u = u->next)
        if (!u->inst || group_of(f, u->inst) != g) return false;
    nfc_map depends;
    map_init(&depends, f->ctx->scratch);
    map_setp(&depends, v, f);
    for (int i = 0; i < g->member.n; i++) {
        const ir_inst *m = g->member.at[i];
        for (int k = 0; k < m->nin; k++) {
            if (!m->in[k] || !map_getp(&depends, m->in[k])) continue;
            if (!stays(m, k)) return false;
            map_setp(&depends, m->out[0], f);
        }
    }
    return true;
}

static void merge(fuser *f, group *into, group *from)
{
    /* Both lists are in program order, and so must the union be. */
    group all = {.root = into->root ? into->root : from->root, .costly = into->costly || from->costly, .can_fail = into->can_fail || from->can_fail};
    int i = 0, k = 0;
    while (i < into->member.n || k < from->member.n) {
        bool left = k == from->member.n || (i < into->member.n && into->member.at[i]->id < from->member.at[k]->id);
        ir_inst *m = left ? into->member.at[i++] : from->member.at[k++];
        vec_push(f->ctx->scratch, &all.member, m);
        map_setp(&f->of, m, into);
    }
    *into = all;
}

/* Takes in the groups of which several members of c's group use the result; true when there was one. */
static bool merge_shared(fuser *f, const ir_inst *c)
{
    group *g = group_of(f, c);
    for (int i = 0; i < g->member.n; i++) {
        const ir_inst *m = g->member.at[i];
        for (int k = 0; k < m->nin; k++) {
            if (!may_move(f, m->in[k], c) || !is_shared_inside(f, m->in[k], g)) continue;
            merge(f, g, group_of(f, m->in[k]->def));
            return true;
        }
    }
    return false;
}

/* ---- making the kernel's instruction ------------------------------------------------------- */

static bool is_member(const group *g, const ir_inst *i)
{
    for (int k = 0; k < g->member.n; k++)
        if (g->member.at[k] == i) return true;
    return false;
}

static void build(fuser *f, group *g)
{
    ir_module *m = f->ctx->m;
    ir_inst *last = vec_last(&g->member), *head = g->root ? g->root : last;
    ir_inst *fused = ir_new(m, IR_fused, head->at, 0, NULL);
    fused->scope = head->scope;
    fused->hints = head->hints;
    fused->nregion = 1;
    fused->region[0] = ir_region_new(ir_graph_of(last), fused);
    ir_block *body = ir_block_new(fused->region[0], "kernel", head->at);
    nfc_map inside; /* value outside -> value inside */
    map_init(&inside, f->ctx->scratch);
    for (int i = 0; i < g->member.n; i++) {
        ir_inst *from = g->member.at[i];
        ir_value **in = ARENA_ARRAY(f->ctx->scratch, ir_value *, from->nin);
        for (int k = 0; k < from->nin; k++) {
            ir_value *v = from->in[k];
            if (!v) continue;
            in[k] = map_getp(&inside, v);
            if (in[k]) continue;
            in[k] = ir_block_arg(body, v->type, v->name, v->at);
            ir_push_operand(m, fused, v);
            map_setp(&inside, v, in[k]);
        }
        ir_inst *copy = ir_clone(m, from, in);
        ir_append(body, copy);
        map_setp(&inside, from->out[0], copy->out[0]);
        ir_add_origin(m, fused, from);
    }
    ir_value *left = map_getp(&inside, last->out[0]);
    ir_append(body, ir_new(m, IR_yield, last->at, 1, &left));
    ir_value *result = ir_add_result(m, fused, last->out[0]->type, last->out[0]->name, last->out[0]->at);
    ir_insert_before(last, fused);
    ir_replace_uses(last->out[0], result);
    for (int i = g->member.n - 1; i >= 0; i--) ir_erase(g->member.at[i]);
    f->changed = true;
}

/* ---- blocks -------------------------------------------------------------------------------- */

static void start_groups(fuser *f, ir_block *b)
{
    intptr_t barriers = 1, writes = 1;
    for (ir_inst *i = b->first; i; i = i->next) {
        barriers += i->op == IR_barrier || i->op == IR_loop;
        writes += i->op == IR_write || i->op == IR_loop;
        map_setp(&f->epoch, i, (void *)barriers);
        map_setp(&f->writes, i, (void *)writes);
        if (!is_pointwise(i) && !is_root(i)) continue;
        group *g = ARENA_NEW(f->ctx->scratch, group);
        vec_push(f->ctx->scratch, &g->member, i);
        g->root = is_root(i) ? i : NULL;
        g->costly = is_costly(i);
        g->can_fail = ir_can_fail(i);
        map_setp(&f->of, i, g);
    }
}

static void fuse_block(fuser *f, ir_block *b)
{
    start_groups(f, b);
    for (ir_inst *c = b->first; c; c = c->next) {
        if (!group_of(f, c)) continue;
        for (int n = 0; n < c->nin; n++)
            if (may_merge(f, c, n)) merge(f, group_of(f, c), group_of(f, c->in[n]->def));
        while (merge_shared(f, c)) continue;
    }
    for (ir_inst *c = b->first, *next; c; c = next) {
        next = c->next;
        group *g = group_of(f, c);
        if (g && g->member.n > 1 && is_member(g, c) && vec_last(&g->member) == c) build(f, g);
    }
}

static void fuse_region(fuser *f, ir_region *r)
{
    for (ir_block *b = r->first; b; b = b->next) {
        for (ir_inst *i = b->first; i; i = i->next)
            if (i->op == IR_loop) fuse_region(f, i->region[0]);
        fuse_block(f, b);
    }
}

bool pass_fuse(pass_ctx *ctx)
{
    fuser f = {.ctx = ctx};
    map_init(&f.of, ctx->scratch);
    map_init(&f.epoch, ctx->scratch);
    map_init(&f.writes, ctx->scratch);
    for (int g = 0; g < ctx->m->graph.n; g++) fuse_region(&f, ctx->m->graph.at[g]->body);
    return f.changed;
}
