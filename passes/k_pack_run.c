/* Packing in the run. An operand that other kernels make, or the caller gives, is copied by kernels of its own into room that only
 * the product needs, one for each segment of the lanes' axis and, where the reduction runs in blocks, for the last block:
 *
 *     for n_t, k, j                      B[n, k], read along k: turned on the way
 *       packed[n_t, k, j] = B[32 n_t + j, k] */
#include "passes/k_pack_of.h"

#include "ir/sat.h"

/* What one of the kernels packs. */
typedef struct {
    int segment;
    int64_t block, blocks; /* so many blocks of the reduction, from this one on */
    int64_t steps;         /* of each */
    bool rest;             /* what is left of a part of a vector: it is 0 */
} piece;

typedef struct {
    packer *k;
    const packing *p;
    kir_builder b;
    const ir_sx *place, *number; /* in the old order and in the new one, so far */
    int loops;
} pack_kernel;

/* One more loop: `of` steps in the new order, of which it makes `extent`, from `begin` on. */
static const ir_sx *open_loop(pack_kernel *w, const char *name, int64_t begin, int64_t extent, int64_t of, int64_t step)
{
    sx_table *t = w->b.sx;
    const ir_sx *at = sx_int(t, begin);
    if (extent > 1) {
        at = sx_add(t, at, kir_for(&w->b, KIR_PARALLEL, name, sx_int(t, 0), sx_int(t, extent)));
        w->loops++;
    }
    w->place = sx_add(t, w->place, sx_mul(t, at, sx_int(t, step)));
    w->number = sx_add(t, sx_mul(t, w->number, sx_int(t, of)), at);
    return at;
}

/* The loops of the reduction and those around the axis; of those that a piece has only a part of, the part. */
static void open_loops(pack_kernel *w, const piece *x, int from, int to)
{
    for (int i = from; i < to; i++) {
        const pack_loop *l = &w->p->loop.at[i];
        const bool within = i == w->p->cut, number = w->p->cut != NOWHERE && i == w->p->nouter - 1;
        open_loop(w, l->sym->name, number ? x->block : 0, number ? x->blocks : within ? x->steps : l->extent, l->extent, l->step);
    }
}

static void make_loops(pack_kernel *w, const piece *x, kir_buffer *from, kir_buffer *to)
{
    sx_table *t = w->b.sx;
    const packing *p = w->p;
    const k_axis *axis = &w->k->nest->axis[w->k->axis];
    const k_segment *g = &axis->segment.at[x->segment];
    const int64_t used = g->rows * g->lanes, span = pack_span(g);
    const char *lane = axis->loop->var->name;
    open_loops(w, x, 0, p->nouter);
    open_loop(w, arena_printf(w->b.arena, "%s_t", lane), 0, sx_value(g->count), sx_value(g->count), sat_mul(used, p->step));
    open_loops(w, x, p->nouter, p->loop.n);
    open_loop(w, lane, x->rest ? used : 0, x->rest ? span - used : used, span, p->step);
    const ir_sx *place = sx_add(t, w->place, sx_int(t, p->first + sx_value(g->begin) * p->step));
    const kir_expr *value = x->rest ? kir_number(&w->b, kir_compute(to->dtype), 0) : kir_load(&w->b, from, place);
    kir_store(&w->b, to, sx_add(t, w->number, sx_int(t, p->base.at[x->segment])), value);
    for (; w->loops; w->loops--) kir_close(&w->b);
}

static void add_param(pack_kernel *w, plan_call *call, const char *name, const ir_sx *size, const ir_value *value, plan_view *v)
{
    kir_buffer *b = kir_param(&w->b, name, w->p->from->dtype, size);
    b->value = value;
    vec_push(w->k->m->arena, &call->arg, v);
}

/* The kernel of a piece, by a schedule or without one; NULL: there is no such. */
static plan_call *pack_piece(packer *k, const packing *p, const piece *x, plan_view *from, plan_view *to, bool scheduled)
{
    pack_kernel w = {.k = k, .p = p};
    plan_call *call = ARENA_NEW(k->m->arena, plan_call);
    call->at = to->buffer->at;
    kir_begin(&w.b, k->m, arena_printf(k->m->arena, "pack_%s", p->from->name));
    w.place = w.number = sx_int(w.b.sx, 0);
    add_param(&w, call, arena_printf(k->m->arena, "%s_packed", p->from->name), sx_int(w.b.sx, p->size), NULL, to);
    if (!x->rest) add_param(&w, call, p->from->name, p->from->size, p->from->value, from);
    make_loops(&w, x, x->rest ? NULL : w.b.func->param.at[1], w.b.func->param.at[0]);
    sched_less less = {0};
    const char *schedule = scheduled ? sched_apply(k->target, k->m, &w.b, call, &less) : NULL;
    if (scheduled && !schedule) return NULL;
    kir_sweep(&w.b);
    call->kernel = kir_end(&w.b);
    call->kernel->schedule = schedule;
    call->kernel->verified = !kir_verify(k->m, call->kernel);
    return call->kernel->verified ? call : NULL;
}

static bool add_piece(packer *k, plan_call *call, const packing *p, piece x, plan_view *from, plan_view *to)
{
    if (x.blocks == 0 || x.steps == 0) return true;
    for (int rest = 0; rest < 2; rest++) {
        const k_segment *g = &k->nest->axis[k->axis].segment.at[x.segment];
        x.rest = rest;
        if (rest && g->rows * g->lanes == pack_span(g)) continue;
        plan_call *own = pack_piece(k, p, &x, from, to, true);
        if (!own) own = pack_piece(k, p, &x, from, to, false);
        if (!own) return false;
        vec_push(k->m->arena, &call->before, own);
    }
    return true;
}

static plan_view *room_for(const packer *k, const plan_call *call, const packing *p)
{
    plan_view *v = ARENA_NEW(k->m->arena, plan_view);
    v->buffer = ARENA_NEW(k->m->arena, plan_buffer);
    *v->buffer = (plan_buffer){.place = PLAN_ARENA, .dtype = p->from->dtype, .bytes = sat_mul(p->size, (int64_t)dtype_bytes(p->from->dtype)), .name = arena_printf(k->m->arena, "%s_packed", p->from->name), .at = call->at};
    v->offset = sx_int(&k->m->sx, 0);
    v->stride[0] = sx_int(&k->m->sx, 1);
    return v;
}

bool pack_in_run(packer *k, plan_call *call, const packing *p)
{
    const k_blocks *blocks = &k->nest->blocks;
    const bool cut = p->cut != NOWHERE;
    const int64_t whole = cut ? blocks->trips / blocks->depth : 1, left = cut ? blocks->trips % blocks->depth : 0;
    plan_view *from = call->arg.at[p->from->id], *to = room_for(k, call, p);
    const int before = call->before.n;
    bool done = true;
    for (int i = 0; i < k->nest->axis[k->axis].segment.n && done; i++) {
        done = add_piece(k, call, p, (piece){.segment = i, .blocks = whole, .steps = cut ? blocks->depth : 1}, from, to);
        done = done && add_piece(k, call, p, (piece){.segment = i, .block = whole, .blocks = 1, .steps = left}, from, to);
    }
    if (done) vec_push(k->m->arena, &call->arg, to);
    else call->before.n = before;
    return done;
}
