/* Canonical form: what does nothing goes, and what can be said in several ways is said in one. */
#include <string.h>
#include "ir/shape.h"
#include "passes/canon_widen.h"
#include "passes/pass.h"

typedef struct {
    pass_ctx *ctx;
    bool changed, symbols;
} canoniser;

static void replace(canoniser *k, ir_inst *inst, ir_value *by)
{
    if (!by->name && !by->block) by->name = inst->out[0]->name;
    ir_replace_uses(inst->out[0], by);
    ir_erase(inst);
    k->changed = true;
}

/* ---- instructions that do nothing ---------------------------------------------------------- */

static bool is_permutation_identity(const ir_inst *inst)
{
    const ir_attr *perm = &inst->attr[ATTR_AT(transpose, perm)];
    if (perm->kind == IR_ATTR_NONE) return inst->in[0]->type->rank < 2;
    for (int i = 0; i < perm->n; i++)
        if (!sx_is(perm->sx[i], i)) return false;
    return true;
}

/* Is the result the first operand, element for element? Same types are given. */
static bool does_nothing(ir_module *m, const ir_inst *inst)
{
    switch (inst->op) {
    case IR_identity:
    case IR_cast:
    case IR_reshape:
    case IR_flatten:
    case IR_squeeze:
    case IR_unsqueeze:
    case IR_expand:
    case IR_tile: return true;
    case IR_transpose: return is_permutation_identity(inst);
    case IR_concat:
    case IR_split:
    case IR_sum:
    case IR_mean:
    case IR_max:
    case IR_min: return inst->nin == 1 && inst->nout == 1;
    case IR_clip: return inst->nin == 1 || (!inst->in[1] && inst->nin == 2);
    case IR_pad: {
        const ir_attr *pads = &inst->attr[ATTR_AT(pad, pads)];
        for (int i = 0; i < pads->n; i++)
            if (!sx_is(pads->sx[i], 0)) return false;
        return true;
    }
    case IR_slice: {
        slice_axis axis[IR_MAX_RANK];
        slice_axes(m, inst, axis);
        for (int i = 0; i < inst->in[0]->type->rank; i++)
            if (axis[i].step != 1 || !sx_is(axis[i].start, 0)) return false;
        return true;
    }
    default: return false;
    }
}

/* ---- one way to say it --------------------------------------------------------------------- */

/* Is it known before the run that an op that renames extents may do so? */
static bool is_certain(ir_module *m, const ir_inst *inst)
{
    const ir_attr *axes = inst->op == IR_squeeze ? &inst->attr[ATTR_AT(squeeze, axes)] : NULL;
    const ir_type *x = inst->in[0]->type;
    for (int i = 0; axes && i < axes->n; i++) {
        int64_t axis = sx_value(axes->sx[i]);
        if (!sx_is(x->dim[axis < 0 ? axis + x->rank : axis], 1)) return false;
    }
    return ir_elements(m, x) == ir_elements(m, inst->out[0]->type);
}

/* Every op that only renames extents is a reshape to the extents that it gives. */
static void as_reshape(canoniser *k, ir_inst *inst)
{
    ir_module *m = k->ctx->m;
    if (inst->op == IR_squeeze && !is_certain(m, inst)) return; /* a run looks at the axes that it drops */
    const ir_type *t = inst->out[0]->type;
    ir_value *x = inst->in[0];
    bool chained = x->def && (op_get(x->def->op)->flags & OPF_VIEW) && x->def->nin == 1 && is_certain(m, x->def);
    if (inst->op == IR_reshape && !chained) {
        const ir_attr *shape = &inst->attr[ATTR_AT(reshape, shape)];
        bool plain = shape->n == t->rank && inst->attr[ATTR_AT(reshape, allowzero)].i;
        for (int i = 0; plain && i < t->rank; i++) plain = shape->sx[i] == t->dim[i];
        if (plain) return;
    }
    if (chained) x = x->def->in[0];
    ir_inst *r = ir_new(m, IR_reshape, inst->at, 1, &x);
    r->scope = inst->scope;
    r->hints = inst->hints;
    ir_attr *shape = &r->attr[ATTR_AT(reshape, shape)];
    *shape = (ir_attr){.kind = IR_ATTR_SXS, .at = inst->at, .n = t->rank, .sx = ARENA_ARRAY(m->arena, const ir_sx *, t->rank)};
    for (int i = 0; i < t->rank; i++) shape->sx[i] = t->dim[i];
    r->attr[ATTR_AT(reshape, allowzero)].i = 1; /* 0 is an extent here */
    ir_add_result(m, r, t, inst->out[0]->name, inst->out[0]->at);
    ir_insert_before(inst, r);
    replace(k, inst, r->out[0]);
}

/* Is operand i a zero point that may be left out? The one of quantize_linear says what it quantises to. */
static bool is_zero_point(const ir_inst *inst, int i)
{
    const op_info *info = op_get(inst->op);
    if (i >= info->nin || info->in[i].presence != OPER_OPTIONAL || inst->op == IR_quantize_linear) return false;
    const char *kind = strstr(info->in[i].name, "_zero_point");
    return kind && !kind[strlen("_zero_point")];
}

/* Zero points of integers that are known to be 0 are none. */
static void drop_zero_points(canoniser *k, ir_inst *inst)
{
    for (int i = 0; i < inst->nin; i++) {
        const ir_value *zero = inst->in[i];
        if (!zero || !is_zero_point(inst, i) || !dtype_is_int(zero->type->dtype) || !ir_is_static(zero->type)) continue;
        const void *data = ir_const_bytes(zero);
        const int64_t n = data ? ir_max_elements(zero->type) : 0;
        int64_t known = 0;
        while (known < n && dtype_get_int(zero->type->dtype, data, (size_t)known) == 0) known++;
        if (!data || known < n) continue;
        ir_set_operand(inst, i, NULL);
        k->changed = true;
    }
}

static void join_transposes(canoniser *k, ir_inst *inst)
{
    ir_inst *inner = inst->in[0]->def;
    if (!inner || inner->op != IR_transpose) return;
    ir_module *m = k->ctx->m;
    int rank = inst->out[0]->type->rank;
    ir_attr joined = {.kind = IR_ATTR_SXS, .at = inst->at, .n = rank, .sx = ARENA_ARRAY(m->arena, const ir_sx *, rank)};
    const ir_attr *p = &inst->attr[ATTR_AT(transpose, perm)], *q = &inner->attr[ATTR_AT(transpose, perm)];
    for (int i = 0; i < rank; i++) {
        int64_t mid = p->kind == IR_ATTR_NONE ? rank - 1 - i : sx_value(p->sx[i]);
        joined.sx[i] = sx_int(&m->sx, q->kind == IR_ATTR_NONE ? rank - 1 - mid : sx_value(q->sx[mid]));
    }
    inst->attr[ATTR_AT(transpose, perm)] = joined;
    ir_set_operand(inst, 0, inner->in[0]);
    k->changed = true;
}

static void visit(void *env, ir_inst *inst)
{
    canoniser *k = env;
    if (inst->op == IR_transpose) join_transposes(k, inst);
    drop_zero_points(k, inst);
    ir_value *widened = inst->op == IR_transpose ? canon_widen_turned(k->ctx->m, inst) : NULL;
    if (widened) {
        replace(k, inst, widened);
        return;
    }
    bool same = inst->nin && inst->nout == 1 && inst->in[0] && ir_same_type(inst->in[0]->type, inst->out[0]->type);
    if (same && does_nothing(k->ctx->m, inst)) {
        replace(k, inst, inst->in[0]);
        return;
    }
    if (op_get(inst->op)->flags & OPF_VIEW) as_reshape(k, inst);
}

/* ---- blocks -------------------------------------------------------------------------------- */

static void const_branches(canoniser *k, ir_region *r)
{
    for (ir_block *b = r->first; b; b = b->next) {
        ir_inst *end = b->last;
        const uint8_t *c = end->op == IR_cond_br ? ir_const_bytes(end->in[0]) : NULL;
        bool same = end->op == IR_cond_br && end->edge[0].to == end->edge[1].to && end->edge[0].n == 0;
        if (!c && !same) continue;
        const ir_edge *e = &end->edge[c && !*c];
        ir_inst *jump = ir_new(k->ctx->m, IR_br, end->at, 0, NULL);
        jump->scope = end->scope;
        ir_set_edge(k->ctx->m, jump, 0, e->to, e->n, &end->in[e->first]);
        ir_erase(end);
        ir_append(b, jump);
        k->changed = true;
    }
}

static void unlink_blocks(ir_region *r, const nfc_map *gone)
{
    ir_block **link = &r->first;
    r->last = NULL;
    while (*link) {
        if (map_getp(gone, *link)) {
            *link = (*link)->next;
        } else {
            r->last = *link;
            link = &(*link)->next;
        }
    }
}

/* The jumps to each block. */
typedef struct jump {
    ir_inst *inst;
    int edge;
} jump;

typedef struct {
    VEC(jump) in;
} arrivals;

typedef struct {
    nfc_arena *a;
    nfc_map of; /* block -> arrivals */
} jumps;

static arrivals *jumps_to(jumps *j, const ir_block *b)
{
    arrivals *x = map_getp(&j->of, b);
    if (x) return x;
    x = ARENA_NEW(j->a, arrivals);
    map_setp(&j->of, b, x);
    return x;
}

static void find_jumps(nfc_arena *a, ir_region *r, jumps *j)
{
    j->a = a;
    map_init(&j->of, a);
    for (ir_block *b = r->first; b; b = b->next)
        for (int e = 0; e < b->last->nedge; e++) vec_push(a, &jumps_to(j, b->last->edge[e].to)->in, ((jump){b->last, e}));
}

/* A block that only one jump reaches, and that always, is the end of the block before it. */
static bool merge_blocks(canoniser *k, ir_region *r)
{
    jumps j;
    nfc_map gone;
    bool changed = false;
    find_jumps(k->ctx->scratch, r, &j);
    map_init(&gone, k->ctx->scratch);
    for (ir_block *b = r->first; b; b = b->next) {
        if (map_getp(&gone, b)) continue;
        for (ir_inst *end = b->last; end->op == IR_br; end = b->last) {
            ir_block *to = end->edge[0].to;
            if (to == r->first || to == b || jumps_to(&j, to)->in.n != 1) break;
            for (int i = 0; i < to->arg.n; i++) ir_replace_uses(to->arg.at[i], end->in[end->edge[0].first + i]);
            ir_erase(end);
            while (to->first) {
                ir_inst *i = to->first;
                ir_unlink(i);
                ir_append(b, i);
            }
            map_setp(&gone, to, to);
            changed = true;
        }
    }
    unlink_blocks(r, &gone);
    return changed;
}

static void clear_block(ir_block *b)
{
    while (b->last) { /* what it made has uses in blocks that are unreached too, at most */
        for (int i = 0; i < b->last->nout; i++)
            while (b->last->out[i]->uses) ir_erase(b->last->out[i]->uses->inst);
        ir_erase(b->last);
    }
}

static bool drop_unreached(canoniser *k, ir_region *r)
{
    VEC(ir_block *) open = {0};
    nfc_map seen, gone;
    map_init(&seen, k->ctx->scratch);
    map_init(&gone, k->ctx->scratch);
    vec_push(k->ctx->scratch, &open, r->first);
    map_setp(&seen, r->first, r);
    while (open.n) {
        const ir_inst *end = open.at[--open.n]->last;
        for (int e = 0; e < end->nedge; e++) {
            if (map_getp(&seen, end->edge[e].to)) continue;
            map_setp(&seen, end->edge[e].to, r);
            vec_push(k->ctx->scratch, &open, end->edge[e].to);
        }
    }
    for (ir_block *b = r->first; b; b = b->next)
        if (!map_getp(&seen, b)) map_setp(&gone, b, b);
    for (int i = 0; i < gone.n; i++) clear_block(gone.entry[i].value);
    unlink_blocks(r, &gone);
    return gone.n > 0;
}

static void drop_block_arg(arrivals *to, ir_block *b, int i)
{
    for (int n = 0; n < to->in.n; n++) {
        ir_inst *end = to->in.at[n].inst;
        int e = to->in.at[n].edge;
        ir_drop_operand(end, end->edge[e].first + i);
        for (int o = 0; o < end->nedge; o++)
            if (o != e && end->edge[o].first > end->edge[e].first) end->edge[o].first--;
        end->edge[e].n--;
    }
    ir_drop_arg(b, i);
}

/* May a value stand for an argument of another block? It is sure to dominate it only in the first. */
static bool is_known_everywhere(const ir_value *v, const ir_region *r)
{
    const ir_block *home = v->def ? v->def->block : v->block;
    return home->region != r || home == r->first;
}

/* An argument that every jump gives the same value is that value. */
static bool drop_block_args(canoniser *k, ir_region *r)
{
    jumps j;
    bool changed = false;
    find_jumps(k->ctx->scratch, r, &j);
    for (ir_block *b = r->first->next; b; b = b->next) {
        arrivals *to = jumps_to(&j, b);
        for (int i = 0; i < b->arg.n; i++) {
            ir_value *arg = b->arg.at[i], *only = NULL;
            bool same = true;
            for (int n = 0; n < to->in.n; n++) {
                const ir_edge *e = &to->in.at[n].inst->edge[to->in.at[n].edge];
                ir_value *v = to->in.at[n].inst->in[e->first + i];
                if (v == arg) continue;
                same &= !only || only == v;
                only = v;
            }
            if (!only || (arg->uses && (!same || !is_known_everywhere(only, r)))) continue;
            if (same) ir_replace_uses(arg, only);
            drop_block_arg(to, b, i--);
            changed = true;
        }
    }
    return changed;
}

/* ---- loops --------------------------------------------------------------------------------- */

static void drop_carried(ir_inst *loop, int n)
{
    ir_drop_operand(loop, n);
    ir_drop_arg(loop->region[0]->first, n + 1);
    for (int i = n; i + 1 < loop->nout; i++) {
        loop->out[i] = loop->out[i + 1];
        loop->out[i]->slot = i;
    }
    loop->nout--;
    for (ir_block *b = loop->region[0]->first; b; b = b->next)
        if (ir_ends_trip(b->last)) ir_drop_operand(b->last, n);
}

/* Is the carried value n the same after every trip? */
static bool is_invariant(const ir_inst *loop, int n)
{
    const ir_value *arg = loop->region[0]->first->arg.at[n + 1];
    for (const ir_block *b = loop->region[0]->first; b; b = b->next)
        if (ir_ends_trip(b->last) && b->last->in[n] != arg && b->last->in[n] != loop->in[n]) return false;
    return true;
}

static bool clean_carried(canoniser *k, ir_inst *loop)
{
    for (int n = 0; n < loop->nin; n++) {
        ir_value *arg = loop->region[0]->first->arg.at[n + 1];
        if (is_invariant(loop, n)) {
            ir_replace_uses(arg, loop->in[n]);
            ir_replace_uses(loop->out[n], loop->in[n]);
        } else if (arg->uses || loop->out[n]->uses) {
            continue;
        }
        drop_carried(loop, n);
        k->changed = true;
        return true;
    }
    return false;
}

static bool trips_known(const ir_inst *loop, ir_module *m, int64_t *n)
{
    const ir_sx *trips = sx_sub(&m->sx, loop->index[1], loop->index[0]);
    if (sx_max(trips) <= 0) return *n = 0, true;
    return sx_is_const(trips) && (*n = sx_value(trips), true);
}

/* A body of one block that leaves the loop runs once. */
static bool breaks_at_once(const ir_inst *loop, ir_module *m)
{
    const ir_block *body = loop->region[0]->first;
    return !body->next && body->last->op == IR_break && sx_min(sx_sub(&m->sx, loop->index[1], loop->index[0])) > 0;
}

/* A loop without a trip is its initial values; with one, and a plain body, the body. */
static bool unroll_trivial(canoniser *k, ir_inst *loop)
{
    int64_t trips;
    ir_block *body = loop->region[0]->first;
    if (breaks_at_once(loop, k->ctx->m)) trips = 1;
    else if (!trips_known(loop, k->ctx->m, &trips) || trips > 1) return false;
    if (trips == 1) {
        if (body->next || !ir_ends_trip(body->last)) return false;
        body->arg.at[0]->sym->is = loop->index[0];
        k->symbols = true;
        for (int i = 0; i < loop->nin; i++) ir_replace_uses(body->arg.at[i + 1], loop->in[i]);
        ir_inst *end = body->last;
        for (int i = 0; i < loop->nout; i++) ir_replace_uses(loop->out[i], end->in[i]);
        ir_erase(end);
        while (body->first) {
            ir_inst *i = body->first;
            ir_unlink(i);
            ir_insert_before(loop, i);
        }
    } else {
        for (int i = 0; i < loop->nout; i++) ir_replace_uses(loop->out[i], loop->in[i]);
    }
    ir_erase(loop);
    k->changed = true;
    return true;
}

static void clean_region(canoniser *k, ir_region *r)
{
    const_branches(k, r);
    while (drop_unreached(k, r) || merge_blocks(k, r) || drop_block_args(k, r)) k->changed = true;
    for (ir_block *b = r->first; b; b = b->next)
        for (ir_inst *i = b->first, *next; i; i = next) {
            next = i->next;
            if (i->op != IR_loop) continue;
            clean_region(k, i->region[0]);
            while (clean_carried(k, i)) continue;
            unroll_trivial(k, i);
        }
}

bool pass_canon(pass_ctx *ctx)
{
    canoniser k = {.ctx = ctx};
    for (int g = 0; g < ctx->m->graph.n; g++) {
        ir_walk(ctx->m->graph.at[g]->body, visit, &k);
        clean_region(&k, ctx->m->graph.at[g]->body);
    }
    if (k.symbols) ir_resolve_symbols(ctx->m);
    return k.changed;
}
