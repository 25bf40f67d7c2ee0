/* Winograd's convolution a few rows of tiles at a time: a loop whose body transforms rows of the input, multiplies, and makes
 * rows of the result with all that is fused behind them, so that squares and products stay in the caches and need
 * little of the arena. The last block begins so early that it is whole; rows that two blocks make are made twice, the same. */
#include <string.h>
#include "ir/make.h"
#include "ir/shape.h"
#include "ir/winograd.h"
#include "passes/pass.h"
#include "passes/sched.h"

/* The instructions of one convolution. */
typedef struct {
    const ir_inst *input, *product, *output; /* output: in the group, if it is fused */
    ir_inst *last;                           /* the group, or the output */
    int64_t tile, rows, height;              /* rows of tiles; of the result */
    int64_t square_bytes, weight_bytes;      /* of a row of tiles of squares and products; of the transformed weights */
} parts;

/* ---- finding them ---------------------------------------------------------------------------- */

static const ir_inst *made_for(const ir_value *v, ir_op op, const ir_block *in)
{
    const ir_inst *i = v->def;
    return i && i->op == op && i->block == in && !v->uses->next ? i : NULL;
}

/* What the group's argument is outside of it. */
static ir_value *outside(const ir_inst *last, ir_value *v)
{
    bool argument = last->op == IR_fused && v && v->block && v->block->region == last->region[0];
    return argument ? last->in[v->slot] : v;
}

static bool is_at_its_place(const ir_inst *i) { return op_get(i->op)->family == FAM_EW || i->op == IR_cast; }

/* The output transform of a group in which all else works element by element; NULL: it is none. */
static const ir_inst *output_of(const ir_inst *last)
{
    const ir_inst *found = NULL;
    if (last->op == IR_winograd_output) return last;
    if (last->op != IR_fused) return NULL;
    for (const ir_inst *i = last->region[0]->first->first; i != last->region[0]->first->last; i = i->next) {
        if (i->op == IR_winograd_output && !found) found = i;
        else if (!is_at_its_place(i) || i->nout != 1 || ir_can_fail(i) || i->out[0]->type->rank > 4) return NULL;
    }
    return found;
}

static bool find_parts(ir_inst *last, parts *p)
{
    *p = (parts){.last = last, .output = output_of(last)};
    if (!p->output || (last->hints && (last->hints->no_reorder || last->hints->fuse < 0))) return false;
    const ir_inst *squared = made_for(outside(last, p->output->in[0]), IR_reshape, last->block);
    p->product = squared ? made_for(squared->in[0], IR_matmul, last->block) : NULL;
    const ir_inst *flat = p->product ? made_for(p->product->in[0], IR_reshape, last->block) : NULL;
    p->input = flat ? made_for(flat->in[0], IR_winograd_input, last->block) : NULL;
    if (!p->input || ir_int(p->input, ATTR_AT(winograd_input, rows)) || !sx_is(p->input->index[0], 0)) return false;
    p->tile = ir_int(p->input, ATTR_AT(winograd_input, tile));
    p->rows = sx_value(p->input->out[0]->type->dim[3]);
    p->height = sx_value(p->output->out[0]->type->dim[2]);
    p->square_bytes = (ir_max_bytes(p->input->out[0]->type) + ir_max_bytes(p->product->out[0]->type)) / p->rows;
    p->weight_bytes = ir_max_bytes(p->product->in[1]->type);
    return true;
}

/* ---- how many rows --------------------------------------------------------------------------- */

/* What it costs to move a byte that belongs to so many: nothing in the core's own cache, and several times as much
 * behind the last one. */
static double far(const sched_target *t, int64_t bytes)
{
    enum { MEMORY = 3 };
    int64_t last = 0;
    const device_unit *u = t->device->chosen;
    for (int i = 0; i < u->level.n; i++)
        if (u->level.at[i].bytes > last) last = u->level.at[i].bytes;
    return bytes <= t->cache ? 0 : bytes <= last ? 1 : MEMORY;
}

/* Bytes moved, weighed: squares and products are written and read, weights read in every block. */
static double traffic(const sched_target *t, const parts *p, int64_t rows, int64_t blocks)
{
    double squares = 2 * far(t, rows * p->square_bytes) * (double)p->square_bytes * (double)(rows * blocks);
    double again = (double)(blocks - 1) * (double)p->weight_bytes * far(t, 2 * p->weight_bytes); /* beside the squares */
    double twice = (double)(rows * blocks - p->rows) * (double)p->square_bytes; /* rows that are made again */
    return squares + again + twice;
}

/* Rows of tiles in a block; all of them: no blocks. Products of few rows would read more weights than they multiply. */
static int64_t rows_of_block(const sched_target *t, const parts *p)
{
    const int64_t least = 2 * t->registers / 3; /* rows of products that hide where weights come from */
    int64_t each = sx_max(p->product->out[0]->type->dim[1]) / p->rows, best_rows = p->rows;
    double best = traffic(t, p, p->rows, 1);
    for (int64_t rows = p->rows - 1; rows > 0 && rows * each >= least; rows--) {
        if (rows * p->tile > p->height) continue;
        double cost = traffic(t, p, rows, (p->height + rows * p->tile - 1) / (rows * p->tile));
        if (cost >= best) continue;
        best = cost;
        best_rows = rows;
    }
    return best_rows;
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void stand_for(mk *k, const ir_inst *inst)
{
    k->at = inst->at;
    k->scope = inst->scope;
    k->hints = inst->hints;
}

/* Rows of an operand of what is fused, from `row` on, where it has any. */
static ir_value *cut(mk *k, ir_value *v, const ir_sx *row, int64_t rows)
{
    int axis = 2 - (4 - v->type->rank);
    if (axis < 0 || sx_is(v->type->dim[axis], 1)) return v;
    return mk_slice(k, v, axis, row, sx_add(&k->m->sx, row, mk_sx(k, rows)));
}

/* The same instruction with other operands, which ended() puts in its place. */
static ir_inst *begun(mk *k, const ir_inst *from, ir_value *const *in)
{
    stand_for(k, from);
    ir_inst *inst = mk_begin(k, from->op, from->nin, in);
    memcpy(inst->attr, from->attr, (size_t)op_get(from->op)->nattr * sizeof *inst->attr);
    for (int i = 0; i < from->nindex; i++) mk_index(inst, i, from->index[i]);
    inst->from = from->from;
    return inst;
}

static ir_value *ended(mk *k, ir_inst *inst, const ir_inst *from)
{
    ir_value *v = mk_end(k, inst, 1);
    v->name = from->out[0]->name;
    return v;
}

static ir_value *products(mk *k, const parts *p, const ir_sx *row, int64_t rows)
{
    sx_table *t = &k->m->sx;
    ir_inst *input = begun(k, p->input, p->input->in);
    mk_index(input, 0, row);
    mk_int(input, "rows", rows);
    ir_value *v = ended(k, input, p->input);
    const ir_sx *const *d = v->type->dim, *flat[3] = {p->product->in[0]->type->dim[0], sx_mul(t, sx_mul(t, d[2], d[3]), d[4]), d[5]};
    ir_value *m = ended(k, begun(k, p->product, (ir_value *[]){mk_reshape(k, v, 3, flat), p->product->in[1]}), p->product);
    const ir_sx *square[6] = {d[0], d[1], d[2], d[3], d[4], m->type->dim[2]};
    return mk_reshape(k, m, 6, square);
}

/* The rows of the result, with what is fused behind them. */
static ir_value *results(mk *k, const parts *p, ir_value *m, const ir_sx *row, int64_t rows)
{
    nfc_map now; /* value -> value of this block */
    map_init(&now, k->m->arena);
    const ir_inst *i = p->last->op == IR_fused ? p->last->region[0]->first->first : p->last;
    for (;; i = i->next) {
        ir_value *in[24] = {NULL};
        if (i->op == IR_yield) return map_getp(&now, i->in[0]);
        for (int n = 0; n < i->nin; n++) {
            in[n] = i->in[n] ? map_getp(&now, i->in[n]) : NULL;
            if (!in[n] && i->in[n]) in[n] = i == p->output && n == 0 ? m : cut(k, outside(p->last, i->in[n]), row, rows);
        }
        ir_inst *inst = begun(k, i, in);
        if (i == p->output) mk_int(inst, "height", rows);
        ir_value *v = ended(k, inst, i);
        map_setp(&now, i->out[0], v);
        if (i == p->last) return v;
    }
}

static ir_value *room_for(mk *k, const ir_value *v)
{
    ir_inst *room = mk_begin(k, IR_room, 0, NULL);
    ir_add_result(k->m, room, v->type, v->name, v->at);
    mk_put(k, room);
    return room->out[0];
}

static void make_blocks(ir_module *m, const parts *p, int64_t rows)
{
    sx_table *t = &m->sx;
    ir_inst *last = p->last;
    ir_value *y = last->out[0];
    int64_t step = rows * p->tile, blocks = (p->height + step - 1) / step;
    mk k = {.m = m, .block = last->block, .before = last};
    stand_for(&k, last);
    ir_value *all = room_for(&k, y);
    mk_loop loop;
    mk_loop_begin(&k, &loop, "block", mk_sx(&k, 0), mk_sx(&k, blocks), 1, &all);
    const ir_sx *row = sx_mul(t, loop.index, mk_sx(&k, step)), *zero = mk_sx(&k, 0);
    if (p->height % step) row = sx_div(t, sx_mul(t, loop.index, mk_sx(&k, p->height - step)), blocks - 1); /* even steps, to the last row */
    ir_value *made = results(&k, p, products(&k, p, row, rows), row, step);
    stand_for(&k, last);
    ir_value *next = mk_update(&k, loop.carried[0], made, (const ir_sx *const[]){zero, zero, row, zero});
    mk_loop_end(&k, &loop, &next);
    loop.carried[0]->name = y->name;
    ir_replace_uses(y, loop.carried[0]);
    ir_erase(last);
}

/* ---- the pass -------------------------------------------------------------------------------- */

static bool cut_region(pass_ctx *ctx, const sched_target *t, ir_region *r)
{
    bool changed = false;
    for (ir_block *b = r->first; b; b = b->next)
        for (ir_inst *i = b->first, *next; i; i = next) {
            parts p;
            next = i->next;
            if (i->op == IR_loop) changed |= cut_region(ctx, t, i->region[0]);
            if (!find_parts(i, &p)) continue;
            int64_t rows = rows_of_block(t, &p);
            if (rows == p.rows) continue;
            make_blocks(ctx->m, &p, rows);
            changed = true;
        }
    return changed;
}

bool pass_blocks(pass_ctx *ctx)
{
    const device *d = ctx->options->device;
    sched_target t;
    bool changed = false;
    if (ctx->options->winograd == WINOGRAD_OFF || !d || !sched_target_of(d, &t)) return false;
    for (int g = 0; g < ctx->m->graph.n; g++) changed |= cut_region(ctx, &t, ctx->m->graph.at[g]->body);
    return changed;
}
