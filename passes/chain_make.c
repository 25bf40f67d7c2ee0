/* Chains: the loop over blocks of rows, and what is made before and behind it. */
#include <string.h>
#include "ir/make.h"
#include "ir/shape.h"
#include "passes/chain.h"

typedef struct {
    chain *c;
    mk k;
    ir_value *tail[CHAIN_NODES]; /* rows [kept, made) of each node; NULL: none */
    ir_value *rows[CHAIN_NODES]; /* those that are at hand in the block: [kept before it, made behind it) */
    ir_value *result;            /* all rows of it, those of this block and before it made */
} maker;

static void stand_for(maker *b, const ir_inst *inst)
{
    b->k.at = inst->at;
    b->k.scope = inst->scope;
    b->k.hints = inst->hints;
}

/* Rows of a value from `first` on, of which the wanted ones are [from, to); NULL: none. */
static ir_value *cut(maker *b, ir_value *v, int64_t first, int64_t from, int64_t to)
{
    if (from == to) return NULL;
    return mk_slice(&b->k, v, CHAIN_AXIS, mk_sx(&b->k, from - first), mk_sx(&b->k, to - first));
}

/* Rows [from, to) of what is made outside, so many further as the trip has them. */
static ir_value *cut_outside(maker *b, ir_value *v, int64_t from, int64_t to, const ir_sx *further)
{
    sx_table *t = &b->k.m->sx;
    return mk_slice(&b->k, v, CHAIN_AXIS, sx_add(t, mk_sx(&b->k, from), further), sx_add(t, mk_sx(&b->k, to), further));
}

static void set_pads(maker *b, ir_inst *inst, const ir_inst *from, const int64_t pads[2])
{
    window w;
    int64_t all[6];
    window_of(b->k.m, from, &w);
    for (int i = 0; i < w.n; i++) {
        all[i] = w.before[i];
        all[i + w.n] = w.after[i];
    }
    all[0] = pads[0];
    all[w.n] = pads[1];
    mk_text(&b->k, inst, "auto_pad", "NOTSET");
    mk_ints(&b->k, inst, "pads", 2 * w.n, all);
}

/* The op over some rows. */
static ir_value *made(maker *b, const chain_node *n, ir_value *const *in, const int64_t pads[2])
{
    const ir_inst *from = n->inst;
    ir_inst *inst = mk_begin(&b->k, from->op, from->nin, in);
    memcpy(inst->attr, from->attr, (size_t)op_get(from->op)->nattr * sizeof *inst->attr);
    for (int i = 0; i < from->nindex; i++) mk_index(inst, i, from->index[i]);
    if (n->window) set_pads(b, inst, from, pads);
    mk_end(&b->k, inst, 1);
    inst->out[0]->name = from->out[0]->name;
    return inst->out[0];
}

/* Node k makes rows [before->made, behind->made); `trip` counts the blocks before this one. */
static ir_value *make_node(maker *b, int k, const chain_progress *before, const chain_progress *behind, const ir_sx *trip)
{
    const chain_node *n = &b->c->node[k];
    ir_value *in[CHAIN_OPERANDS];
    int64_t from, to, pads[2] = {0, 0};
    for (int i = 0; i < n->inst->nin; i++) {
        const chain_operand *o = &n->in[i];
        in[i] = o->node < 0 ? o->outside : b->rows[o->node];
        if (!o->rowed) {
            if (o->widened < DT_COUNT) in[i] = mk_cast(&b->k, in[i], o->widened);
            continue;
        }
        int64_t rows = o->node < 0 ? sx_value(o->outside->type->dim[CHAIN_AXIS]) : b->c->node[o->node].rows;
        chain_need(n, rows, before->made[k], behind->made[k], &from, &to, pads);
        const ir_sx *further = sx_mul(&b->k.m->sx, trip, mk_sx(&b->k, n->rate * n->stride * b->c->block));
        if (o->node < 0) in[i] = cut_outside(b, in[i], from, to, further);
        else in[i] = cut(b, in[i], before->kept[o->node], from, to);
        if (o->widened < DT_COUNT) in[i] = mk_cast(&b->k, in[i], o->widened);
    }
    return made(b, n, in, pads);
}

static ir_value *joined(maker *b, ir_value *tail, ir_value *fresh)
{
    if (!tail || !fresh) return tail ? tail : fresh;
    ir_value *all = mk_concat(&b->k, 2, (ir_value *[]){tail, fresh}, CHAIN_AXIS);
    all->name = fresh->name;
    return all;
}

/* Rows [from, to) of the result, and what they need; what is needed again is in tail[]. */
static void make_block(maker *b, int64_t from, int64_t to, const ir_sx *trip)
{
    chain *c = b->c;
    chain_progress before, behind;
    chain_progress_at(c, from, &before);
    chain_progress_at(c, to, &behind);
    for (int k = 0; k < c->n; k++) {
        stand_for(b, c->node[k].inst);
        bool any = !c->node[k].rowed || before.made[k] < behind.made[k];
        ir_value *fresh = any ? make_node(b, k, &before, &behind, trip) : NULL;
        b->rows[k] = k + 1 < c->n ? joined(b, b->tail[k], fresh) : fresh;
    }
    const ir_sx *start[5];
    for (int i = 0; i < 5; i++) start[i] = mk_sx(&b->k, 0);
    start[CHAIN_AXIS] = sx_add(&b->k.m->sx, mk_sx(&b->k, from), sx_mul(&b->k.m->sx, trip, mk_sx(&b->k, c->block)));
    b->result = mk_update(&b->k, b->result, b->rows[c->n - 1], start);
    for (int k = 0; k + 1 < c->n; k++)
        b->tail[k] = c->node[k].rowed && to < c->rows ? cut(b, b->rows[k], before.kept[k], behind.kept[k], behind.made[k]) : NULL;
}

/* What the loop carries: the result, then the rows that are kept. */
static int carried(maker *b, ir_value **list, bool store)
{
    int n = 0;
    if (store) b->result = list[n];
    else list[n] = b->result;
    n++;
    for (int k = 0; k < b->c->n; k++) {
        if (!b->tail[k]) continue;
        if (store) b->tail[k] = list[n];
        else list[n] = b->tail[k];
        n++;
    }
    return n;
}

static ir_inst *make_loop(maker *b)
{
    ir_value *list[CHAIN_NODES + 1];
    mk_loop loop;
    int n = carried(b, list, false);
    mk_loop_begin(&b->k, &loop, "rows", mk_sx(&b->k, 0), mk_sx(&b->k, b->c->blocks), n, list);
    carried(b, loop.carried, true);
    make_block(b, b->c->lead, b->c->lead + b->c->block, loop.index);
    carried(b, list, false);
    mk_loop_end(&b->k, &loop, list);
    carried(b, loop.carried, true);
    return loop.inst;
}

static ir_value *room_for(maker *b, const ir_value *v)
{
    ir_inst *room = mk_begin(&b->k, IR_room, 0, NULL);
    ir_add_result(b->k.m, room, v->type, v->name, v->at);
    mk_put(&b->k, room);
    return room->out[0];
}

ir_inst *chain_make(chain *c)
{
    ir_inst *last = c->stage[c->nstage - 1];
    maker b = {.c = c, .k = {.m = c->m, .before = last, .block = last->block}};
    const ir_sx *none = mk_sx(&b.k, 0);
    int64_t end = c->lead + c->blocks * c->block;
    stand_for(&b, last);
    b.result = room_for(&b, last->out[0]);
    if (c->lead) make_block(&b, 0, c->lead, none);
    stand_for(&b, last);
    ir_inst *loop = make_loop(&b);
    if (end < c->rows) make_block(&b, end, c->rows, none);
    b.result->name = last->out[0]->name;
    ir_replace_uses(last->out[0], b.result);
    for (int i = c->nstage - 1; i >= 0; i--) ir_erase(c->stage[i]);
    return loop;
}
