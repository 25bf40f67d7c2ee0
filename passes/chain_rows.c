/* Chains: which rows need which. */
#include "ir/shape.h"
#include "passes/chain.h"

/* ---- ops ------------------------------------------------------------------------------------ */

/* Has it a window that moves over its first operand, with padding around that? */
static bool is_window(const ir_inst *i)
{
    return ir_attr_named(i, "auto_pad") && ir_attr_named(i, "strides") && !ir_attr_named(i, "output_padding");
}

/* Is an element of its result made of elements at the same place, and of what all rows share? */
static bool is_at_its_place(const ir_inst *i)
{
    const op_info *info = op_get(i->op);
    return info->family == FAM_EW || info->flags & OPF_PLACED;
}

static bool has_rows(const ir_type *t) { return t->kind == IR_TENSOR && t->rank > CHAIN_AXIS && t->rank <= 5; }

static bool is_node(const ir_inst *i)
{
    return i->nout == 1 && i->nregion == 0 && i->nin <= CHAIN_OPERANDS && (is_window(i) || is_at_its_place(i)) && !ir_can_fail(i);
}

bool chain_is_stage(const ir_inst *i)
{
    if (i->nout != 1 || !has_rows(i->out[0]->type) || !sx_is_const(i->out[0]->type->dim[CHAIN_AXIS])) return false;
    if (i->hints && (i->hints->no_reorder || i->hints->fuse < 0)) return false;
    if (i->op != IR_fused) return is_node(i);
    for (const ir_inst *f = i->region[0]->first->first; f != i->region[0]->first->last; f = f->next)
        if (!is_node(f)) return false;
    return true;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

typedef struct {
    chain *c;
    nfc_map of; /* value -> node + 1 */
    nfc_map outside; /* argument of a fused group -> the operand */
    nfc_map widened; /* what a window loads in a wider type -> the cast */
} analyser;

/* The axis of an operand whose elements are the rows of a result of this rank; -1: it has none. */
static int row_axis(const ir_type *t, int rank)
{
    int axis = CHAIN_AXIS - (rank - t->rank);
    return axis < 0 || axis >= t->rank || sx_is(t->dim[axis], 1) ? -1 : axis;
}

/* Operands with rows have the axes of the result, so that rows of theirs can be cut out along CHAIN_AXIS. */
static bool add_operand(analyser *l, chain_node *n, int i)
{
    const ir_inst *inst = n->inst;
    ir_value *v = inst->in[i];
    chain_operand *o = &n->in[i];
    *o = (chain_operand){.node = -1, .widened = DT_COUNT};
    if (!v) return true;
    const ir_inst *cast = map_getp(&l->widened, v);
    if (cast) {
        o->widened = v->type->dtype;
        v = cast->in[0];
    }
    ir_value *given = map_getp(&l->outside, v);
    if (given) v = given;
    intptr_t node = (intptr_t)map_getp(&l->of, v);
    o->node = (int)node - 1;
    if (!node) o->outside = v;
    if (v->type->kind != IR_TENSOR) return false;
    bool first_alone = n->window || op_get(inst->op)->family != FAM_EW;
    if (first_alone && i > 0) return !(node && l->c->node[o->node].rowed) && (n->window || v->type->rank < 2);
    int rank = inst->out[0]->type->rank, axis = n->window ? CHAIN_AXIS : row_axis(v->type, rank);
    if (axis < 0) return true;
    if (v->type->rank != rank || !sx_is_const(v->type->dim[axis])) return false;
    if (node && !l->c->node[o->node].rowed) return false;
    o->rowed = true;
    return true;
}

/* Is it made of constants? Then so is what is made of it alone: a weight that is widened has no rows. */
static bool is_fixed(const ir_value *v)
{
    const ir_inst *i = v ? v->def : NULL;
    while (i && op_get(i->op)->family == FAM_VIEW && i->nin == 1) i = i->in[0]->def;
    return i && (i->op == IR_const || i->op == IR_weight);
}

static bool add_node(analyser *l, const ir_inst *inst, bool stored)
{
    chain *c = l->c;
    if (c->n == CHAIN_NODES || !is_node(inst)) return false;
    const ir_type *t = inst->out[0]->type;
    chain_node *n = &c->node[c->n];
    *n = (chain_node){.inst = inst, .window = is_window(inst), .stored = stored, .stride = 1, .reach = 1};
    if (n->window) {
        window w;
        window_of(c->m, inst, &w);
        if (!sx_is_const(w.lead[0]) || !sx_is_const(w.trail[0])) return false;
        n->before = w.before[0];
        n->stride = w.stride[0];
        n->reach = (w.kernel[0] - 1) * w.dilation[0] + 1;
        if (w.before[0] >= n->reach || w.after[0] >= n->reach) return false; /* rows that are made of padding alone */
    }
    bool fixed = true;
    for (int i = 0; i < inst->nin; i++) {
        if (!add_operand(l, n, i)) return false;
        n->rowed |= n->in[i].rowed;
        fixed &= !n->in[i].rowed || is_fixed(n->in[i].outside);
    }
    for (int i = 0; fixed && i < inst->nin; i++) n->in[i].rowed = false;
    n->rowed &= !fixed;
    if (n->rowed) {
        if (!has_rows(t) || !sx_is_const(t->dim[CHAIN_AXIS])) return false;
        n->rows = sx_value(t->dim[CHAIN_AXIS]);
        n->row_bytes = n->rows ? ir_max_bytes(t) / n->rows : 0;
    }
    map_setp(&l->of, inst->out[0], (void *)(intptr_t)(++c->n));
    return true;
}

/* Is it a cast to a wider type for a window alone, as the fusion has put it there for dot products? */
static bool is_widening(const ir_inst *i)
{
    const ir_value *y = i->out[0];
    if (i->op != IR_cast || !y->uses || y->uses->next || !y->uses->inst || !is_window(y->uses->inst) || y->uses->inst->in[0] != y) return false;
    return dtype_is_float(i->in[0]->type->dtype) && dtype_bytes(i->in[0]->type->dtype) < dtype_bytes(y->type->dtype);
}

static bool add_stage(analyser *l, ir_inst *inst)
{
    if (inst->op != IR_fused) return add_node(l, inst, true);
    const ir_block *body = inst->region[0]->first;
    for (int i = 0; i < inst->nin; i++) map_setp(&l->outside, body->arg.at[i], inst->in[i]);
    const ir_value *left = body->last->in[0];
    for (const ir_inst *f = body->first; f != body->last; f = f->next) {
        if (is_widening(f)) map_setp(&l->widened, f->out[0], (void *)(uintptr_t)f);
        else if (!add_node(l, f, f->out[0] == left)) return false;
    }
    intptr_t node = (intptr_t)map_getp(&l->of, left);
    if (node != l->c->n) return false; /* what leaves a group is its last value */
    map_setp(&l->of, inst->out[0], (void *)node);
    return true;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

void chain_need(const chain_node *n, int64_t rows, int64_t first, int64_t last, int64_t *from, int64_t *to, int64_t pads[2])
{
    int64_t lo = first * n->stride - n->before, hi = (last - 1) * n->stride - n->before + n->reach;
    *from = least(most(lo, 0), rows);
    *to = most(least(hi, rows), *from);
    pads[0] = lo < 0 ? -lo : 0;
    pads[1] = hi > rows ? hi - rows : 0;
}

/* Away from the ends: from the result backwards. False where two that need the same rows go through them unequally fast. */
static bool find_rates(chain *c)
{
    chain_node *end = &c->node[c->n - 1];
    for (int i = 0; i < c->n; i++) c->node[i].rate = 0;
    end->rate = 1;
    for (int k = c->n - 1; k >= 0; k--) {
        const chain_node *user = &c->node[k];
        if (user->rowed && !user->rate) return false;
        for (int i = 0; i < user->inst->nin; i++) {
            if (!user->in[i].rowed || user->in[i].node < 0) continue;
            chain_node *n = &c->node[user->in[i].node];
            int64_t rate = user->rate * user->stride, kept = user->made * user->stride - user->before, made = kept - user->stride + user->reach;
            if (n->rate && n->rate != rate) return false;
            if (!n->rate || made > n->made) n->made = made;
            if (!n->rate || kept < n->kept) n->kept = kept;
            n->rate = rate;
        }
    }
    for (int i = 0; i < c->n; i++) c->node[i].kept = least(c->node[i].kept, c->node[i].made);
    return true;
}

void chain_progress_at(const chain *c, int64_t x, chain_progress *to)
{
    for (int i = 0; i < c->n; i++) {
        to->made[i] = 0;
        to->kept[i] = c->node[i].rows;
    }
    to->made[c->n - 1] = to->kept[c->n - 1] = x;
    for (int k = c->n - 1; k >= 0; k--) {
        const chain_node *user = &c->node[k];
        to->kept[k] = least(to->kept[k], to->made[k]);
        for (int i = 0; i < user->inst->nin; i++) {
            int n = user->in[i].node;
            if (!user->in[i].rowed || n < 0) continue;
            int64_t from, reaches, next, pads[2];
            chain_need(user, c->node[n].rows, to->made[k], to->made[k] + 1, &next, &reaches, pads);
            chain_need(user, c->node[n].rows, 0, to->made[k], &from, &reaches, pads);
            to->made[n] = most(to->made[n], to->made[k] ? reaches : 0);
            to->kept[n] = least(to->kept[n], next);
        }
    }
}

/* Is everything as far as it would be without ends, and is no padding needed there? */
static bool is_steady(const chain *c, int64_t x)
{
    chain_progress p;
    chain_progress_at(c, x, &p);
    for (int k = 0; k < c->n; k++) {
        const chain_node *n = &c->node[k];
        if (!n->rowed) continue;
        if (p.made[k] != n->rate * x + n->made || p.kept[k] != n->rate * x + n->kept) return false;
        for (int i = 0; i < n->inst->nin; i++) {
            if (!n->in[i].rowed || n->in[i].node >= 0) continue;
            int64_t rows = sx_value(n->in[i].outside->type->dim[CHAIN_AXIS]), from = p.made[k] * n->stride - n->before;
            if (from < 0 || from - n->stride + n->reach > rows) return false;
        }
    }
    return true;
}

/* Bytes of what the loop carries for the rows behind it. */
static int64_t bytes_kept(const chain *c)
{
    int64_t bytes = 0;
    for (int i = 0; i < c->n - 1; i++)
        if (c->node[i].stored && c->node[i].rowed) bytes += (c->node[i].made - c->node[i].kept) * c->node[i].row_bytes;
    return bytes;
}

/* Bytes of all that lies between the stages while a block is made. */
static int64_t bytes_between(const chain *c, int64_t from, int64_t to)
{
    chain_progress before, behind;
    int64_t bytes = 0;
    chain_progress_at(c, from, &before);
    chain_progress_at(c, to, &behind);
    for (int i = 0; i < c->n - 1; i++)
        if (c->node[i].stored && c->node[i].rowed) bytes += (behind.made[i] - before.kept[i]) * c->node[i].row_bytes;
    return bytes;
}

bool chain_cut(chain *c, int64_t block)
{
    int64_t first = 0, last = c->rows, best = INT64_MAX;
    c->block = block;
    while (first <= last && !is_steady(c, first)) first++;
    while (last > first && !is_steady(c, last)) last--;
    for (int64_t lead = first; lead < first + block; lead++) {
        int64_t n = (last - lead) / block, end = lead + n * block;
        if (last < lead || n < 2) break;
        int64_t bytes = bytes_between(c, lead, lead + block) + (end < c->rows ? bytes_kept(c) : 0), ends = most(lead ? bytes_between(c, 0, lead) : 0, end < c->rows ? bytes_between(c, end, c->rows) : 0);
        bytes = most(bytes, ends);
        if (bytes > best || (bytes == best && n < c->blocks)) continue;
        best = c->window_bytes = bytes;
        c->lead = lead;
        c->blocks = n;
    }
    return best < INT64_MAX;
}

bool chain_analyse(chain *c, ir_module *m, nfc_arena *a, ir_inst *const *stage, int n)
{
    analyser l = {.c = c};
    *c = (chain){.m = m, .a = a, .nstage = n};
    map_init(&l.of, a);
    map_init(&l.outside, a);
    map_init(&l.widened, a);
    for (int i = 0; i < n; i++) {
        c->stage[i] = stage[i];
        if (!add_stage(&l, stage[i])) return false;
    }
    const chain_node *end = &c->node[c->n - 1];
    c->rows = end->rows;
    return end->rowed && end->inst->out[0]->type->dtype < DT_COUNT && find_rates(c);
}
