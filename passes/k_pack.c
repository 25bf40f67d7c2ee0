#include "passes/k_pack_of.h"

#include <string.h>
#include "ir/sat.h"

/* ---- what is loaded where ------------------------------------------------------------------ */

static int64_t extent_of(packer *k, int i, const kir_stmt *loop)
{
    const ir_sx *trips = i < k->nest->n ? k->nest->axis[i].extent : loop->end;
    return sx_is(loop->begin, 0) && sx_is_const(trips) ? sx_value(trips) : 0;
}

/* A loop that runs in blocks is two: one over the blocks, which lie one after the other, one within each. */
static void cut_into_blocks(packer *k, packing *p, int64_t step)
{
    const k_blocks *x = &k->nest->blocks;
    const pack_loop within = {x->step, x->depth, step};
    vec_push(k->nest->b->scratch, &p->loop, within);
    vec_push(k->nest->b->scratch, &p->loop, within);
    for (int i = p->loop.n - 1; i > p->nouter; i--) p->loop.at[i] = p->loop.at[i - 1];
    p->loop.at[p->nouter++] = (pack_loop){x->number, x->count, step * x->depth};
    p->cut = p->loop.n - 1;
    if (__builtin_mul_overflow(p->outer, x->count, &p->outer) || __builtin_mul_overflow(p->inner, x->depth, &p->inner)) p->unfit = true;
    p->reduced = true;
}

/* The index as a sum of steps over loops of known extents. */
static void find_loops(packer *k, packing *p)
{
    sx_table *t = &k->m->sx;
    const ir_sx *index = k_plain_index(k->nest, p->index), *rest = index;
    p->inner = p->outer = 1;
    p->cut = NOWHERE;
    for (int i = 0; i < k->nest->n + k->around.n && !p->unfit; i++) {
        const kir_stmt *loop = i < k->nest->n ? k->nest->axis[i].loop : k->around.at[i - k->nest->n];
        int64_t step, extent = extent_of(k, i, loop);
        if (!sx_step(t, index, loop->var->sym, &step)) p->unfit = true;
        if (p->unfit || step == 0) continue;
        rest = sx_sub(t, rest, sx_mul(t, sx_int(t, step), sx_sym(t, loop->var->sym)));
        if (loop == k->nest->blocks.loop) {
            p->in = loop;
            cut_into_blocks(k, p, step);
            continue;
        }
        if (i >= k->nest->n) p->in = loop;
        if (i == k->axis) p->step = step;
        else vec_push(k->nest->b->scratch, &p->loop, ((pack_loop){loop->var->sym, extent, step}));
        int64_t *all = i < k->axis ? &p->outer : &p->inner;
        if (extent <= 0 || (i != k->axis && __builtin_mul_overflow(*all, extent, all))) p->unfit = true;
        p->nouter += i < k->axis;
        p->reduced |= i >= k->nest->n;
    }
    if (!sx_is_const(rest)) p->unfit = true;
    else p->first = sx_value(rest);
}

static void note_load(void *env, const kir_expr *e)
{
    packer *k = env;
    packing *p = e->kind == KIR_LOAD ? map_getp(&k->of, e->buffer) : NULL;
    if (!p) return;
    if (p->index && p->index != e->index) p->unfit = true;
    if (p->index) return;
    p->index = e->index;
    find_loops(k, p);
}

static void find_loads(packer *k, const kir_stmt *s)
{
    kir_stmt own = {.kind = KIR_NOTE, .value = s->value};
    k_visit_exprs(k->nest->b->scratch, &own, note_load, k);
    if (s->kind == KIR_COPY && map_getp(&k->of, s->from)) ((packing *)map_getp(&k->of, s->from))->unfit = true;
    if (s->kind == KIR_FOR) vec_push(k->nest->b->scratch, &k->around, s);
    for (int i = 0; i < s->body.n; i++) find_loads(k, s->body.at[i]);
    if (s->kind == KIR_FOR) k->around.n--;
}

/* ---- the packed constant ------------------------------------------------------------------- */

static void lay_out(packer *k, packing *p)
{
    const k_axis *x = &k->nest->axis[k->axis];
    for (int i = 0; i < x->segment.n; i++) {
        const k_segment *g = &x->segment.at[i];
        vec_push(k->nest->b->scratch, &p->base, p->size);
        if (!sx_is_const(g->count) || !sx_is_const(g->begin)) p->unfit = true;
        else p->size = sat_add(p->size, sat_mul(sat_mul(sat_mul(sx_value(g->count), pack_span(g)), p->inner), p->outer));
    }
}

/* Where the steps of the loops that number `at` stands for lead in the old order, those around the axis or the others. */
static int64_t old_place(const packing *p, bool outer, int64_t at)
{
    int64_t place = 0;
    for (int i = (outer ? p->nouter : p->loop.n) - 1; i >= (outer ? 0 : p->nouter); i--) {
        place += at % p->loop.at[i].extent * p->loop.at[i].step;
        at /= p->loop.at[i].extent;
    }
    return place;
}

/* Does the last block end before that step? outer: of the loops around the axis, of which the blocks are the innermost. */
static bool is_beyond(const packer *k, const packing *p, int64_t outer, int64_t at)
{
    const k_blocks *x = &k->nest->blocks;
    if (p->cut == NOWHERE) return false;
    for (int i = p->loop.n - 1; i > p->cut; i--) at /= p->loop.at[i].extent;
    return outer % x->count * x->depth + at % x->depth >= x->trips;
}

typedef struct {
    packer *k;
    const packing *p;
    int64_t offset, elements; /* of the constant */
    size_t width;
} packed_as;

/* What does not lie in the constant is 0: a guard keeps the kernel from it, as from what is beyond the last element that a phase
 * of a transposed convolution has of its window. */
static const void *packed_bytes(void *env, ir_module *m, const void *data)
{
    const packer *k = ((packed_as *)env)->k;
    const packing *p = ((packed_as *)env)->p;
    const int64_t offset = ((packed_as *)env)->offset, elements = ((packed_as *)env)->elements;
    const size_t width = ((packed_as *)env)->width;
    const char *from = data;
    char *to = arena_alloc(m->arena, (size_t)p->size * width), *next = to;
    const k_axis *x = &k->nest->axis[k->axis];
    for (int i = 0; i < x->segment.n; i++) {
        const k_segment *g = &x->segment.at[i];
        int64_t used = g->rows * g->lanes, span = pack_span(g);
        for (int64_t o = 0; o < sx_value(g->count) * p->outer; o++)
            for (int64_t at = 0; at < p->inner; at++) {
                int64_t tile = o % sx_value(g->count), place = offset + p->first + old_place(p, true, o / sx_value(g->count)) + old_place(p, false, at) + k_tile_begin(g, tile) * p->step;
                memset(next, 0, (size_t)span * width);
                if (is_beyond(k, p, o / sx_value(g->count), at)) {
                    next += (size_t)span * width;
                    continue;
                }
                for (int64_t e = 0; e < used; e++, next += width)
                    if (place + e * p->step >= 0 && place + e * p->step < elements) memcpy(next, from + (size_t)(place + e * p->step) * width, width);
                next += (size_t)(span - used) * width;
            }
    }
    return to;
}

ir_inst *k_constant(ir_module *m, const ir_inst *old, nfc_dtype dtype, int64_t n, const void *(*make)(void *env, ir_module *m, const void *from), void *env)
{
    const ir_sx *size = sx_int(&m->sx, n);
    const ir_type *type = ir_tensor(m, dtype, 1, &size);
    if (old->op == IR_const) return ir_constant(m, old->at, type, make(env, m, old->constant->data));
    ir_inst *own = ir_constant(m, old->at, type, NULL);
    ir_const *c = ARENA_NEW(m->arena, ir_const);
    *c = *old->constant;
    c->converted = ARENA_ARRAY(m->arena, const void *, c->ntensor);
    for (int i = 0; i < c->ntensor; i++) c->converted[i] = make(env, m, ir_weight_bytes(old->constant, i));
    own->op = IR_weight;
    own->constant = c;
    own->index = old->index;
    own->nindex = old->nindex;
    return own;
}

void k_add_constant(ir_module *m, plan_call *call, const plan_view *old, ir_inst *c)
{
    plan_view *v = ARENA_NEW(m->arena, plan_view);
    plan_buffer *b = ARENA_NEW(m->arena, plan_buffer);
    *b = *old->buffer;
    b->weight = c;
    b->bytes = ir_max_bytes(c->out[0]->type);
    *v = (plan_view){b, sx_int(&m->sx, 0), {sx_int(&m->sx, 1)}};
    vec_push(m->arena, &call->arg, v);
}

static void pack_constant(packer *k, plan_call *call, packing *p, const plan_view *old)
{
    const nfc_dtype dtype = old->buffer->weight->out[0]->type->dtype;
    packed_as as = {k, p, sx_value(old->offset), ir_max_elements(old->buffer->weight->out[0]->type), dtype_bytes(dtype)};
    ir_inst *c = k_constant(k->m, old->buffer->weight, dtype, p->size, packed_bytes, &as);
    c->out[0]->name = p->from->value ? p->from->value->name : p->from->name;
    p->to->value = c->out[0];
    k_add_constant(k->m, call, old, c);
}

static void replace(packer *k, plan_call *call, packing *p)
{
    if (!p->constant && !pack_in_run(k, call, p)) return;
    p->to = kir_param(k->nest->b, p->from->name, p->from->dtype, sx_int(&k->m->sx, p->size));
    if (p->constant) pack_constant(k, call, p, call->arg.at[p->from->id]);
    p->from->name = "unpacked"; /* nothing loads from it any more: it goes */
}

/* ---- loading from it ----------------------------------------------------------------------- */

/* Which step of the loops that stand around the axis, or of the others: those of the reduction, and what axes the constant
 * has beside the lanes'. */
static const ir_sx *step_number(const packing *p, bool outer, k_replay *r)
{
    sx_table *t = r->b->sx;
    const ir_sx *number = sx_int(t, 0);
    for (int i = outer ? 0 : p->nouter; i < (outer ? p->nouter : p->loop.n); i++)
        number = sx_add(t, sx_mul(t, number, sx_int(t, p->loop.at[i].extent)), sx_sym(t, p->loop.at[i].sym));
    return k_index(r, number);
}

/* Where the part begins that the lanes at hand read. */
static const ir_sx *part_begin(const packing *p, const k_tile_axis *x, k_replay *r)
{
    sx_table *t = r->b->sx;
    const ir_sx *tile = sx_add(t, sx_mul(t, step_number(p, true, r), x->segment->count), x->tile);
    return sx_add(t, sx_mul(t, tile, sx_int(t, sat_mul(pack_span(x->segment), p->inner))), sx_int(t, p->base.at[x->number]));
}

static const kir_expr *load(void *env, kir_buffer *buffer, const ir_sx *index, const k_tile *at)
{
    packer *k = env;
    packing *p = map_getp(&k->of, buffer);
    if (!p || !p->to || index != p->index) return NULL;
    sx_table *t = &k->m->sx;
    k_replay *r = (k_replay *)(uintptr_t)&at->r;
    const k_tile_axis *x = &at->at[k->axis];
    const ir_sx *place = k_index(r, sx_sym(t, k->nest->axis[k->axis].loop->var->sym));
    place = sx_add(t, sx_sub(t, place, x->base), sx_mul(t, step_number(p, false, r), sx_int(t, pack_span(x->segment))));
    return kir_load(k->nest->b, p->to, sx_add(t, place, part_begin(p, x, r)));
}

/* ---- asking ahead -------------------------------------------------------------------------- */

static bool steps_along(const packing *p, const ir_sym *sym)
{
    for (int i = 0; i < p->loop.n; i++)
        if (p->loop.at[i].sym == sym) return true;
    return false;
}

/* Does each row of the tile at hand read a part of its own? Then there is no one place to ask for. */
static bool differs_by_row(const packing *p, const k_tile *at)
{
    for (int i = 0; i < at->nest->n; i++)
        if (at->at[i].segment->rows > 1 && steps_along(p, at->nest->axis[i].loop->var->sym)) return true;
    return false;
}

/* How many tiles read the same lanes' part one after the other, and the number of the one at hand; false: not known. */
static bool tiles_inside(const packer *k, const packing *p, const k_tile *at, int64_t *tiles, const ir_sx **number)
{
    sx_table *t = at->r.b->sx;
    *tiles = 1;
    *number = sx_int(t, 0);
    for (int i = k->axis + 1; i < k->nest->n; i++) {
        const k_axis *x = &k->nest->axis[i];
        int64_t n = 0;
        if (steps_along(p, x->loop->var->sym)) return false;
        const ir_sx *own = at->at[i].tile;
        const k_group *of = &at->group[i];
        for (int g = of->first; g < of->last; g++) {
            const ir_sx *count = g ? x->segment.at[g].count : of->count;
            if (!sx_is_const(x->segment.at[g].count)) return false;
            if (g == at->at[i].number) own = sx_add(t, g ? own : sx_sub(t, own, of->begin), sx_int(t, n));
            n += sx_max(count);
        }
        *tiles = sat_mul(*tiles, n);
        *number = sx_add(t, sx_mul(t, *number, sx_int(t, n)), own);
    }
    return true;
}

/* Element `first` and those behind it, a line at a time. */
static void ask(const packer *k, const packing *p, const ir_sx *first, int64_t elements)
{
    sx_table *t = k->nest->b->sx;
    int64_t line = k->target->line / (int64_t)dtype_bytes(p->to->dtype);
    for (int64_t e = 0; e < elements; e += line) kir_prefetch(k->nest->b, p->to, sx_add(t, first, sx_int(t, e)));
}

static void ask_ahead(const packer *k, const packing *p, const k_tile *at)
{
    sx_table *t = k->nest->b->sx;
    k_replay *r = (k_replay *)(uintptr_t)&at->r;
    const k_tile_axis *x = &at->at[k->axis];
    int64_t span = pack_span(x->segment), part = sat_mul(span, p->inner), width = (int64_t)dtype_bytes(p->to->dtype), tiles;
    const ir_sx *number, *step = step_number(p, false, r), *begin = part_begin(p, x, r);
    if (!tiles_inside(k, p, at, &tiles, &number)) return;
    if (tiles == 1 && k->target->ahead) {
        ask(k, p, sx_add(t, begin, sx_add(t, sx_mul(t, step, sx_int(t, span)), sx_int(t, k->target->ahead / width))), span);
    } else if (tiles > 1) {
        int64_t share = (span + tiles - 1) / tiles; /* of a step */
        step = sx_add(t, step, sx_mul(t, number, sx_int(t, p->inner)));
        ask(k, p, sx_add(t, sx_add(t, begin, sx_int(t, part)), sx_mul(t, step, sx_int(t, share))), share);
    }
}

static void in_loop(void *env, const kir_stmt *loop, const k_tile *at)
{
    const packer *k = env;
    for (int i = 0; i < k->of.n && k->target->line; i++) {
        const packing *p = k->of.entry[i].value;
        if (p->to && p->in == loop && !differs_by_row(p, at)) ask_ahead(k, p, at);
    }
}

/* ---- which --------------------------------------------------------------------------------- */

/* Of what the run makes, each element is to be copied once. */
static bool is_read_once(const packer *k, const packing *p)
{
    int64_t inner = p->inner, outer = p->outer;
    if (p->cut != NOWHERE) { /* the last block may be shorter than its room */
        inner = inner / k->nest->blocks.depth * k->nest->blocks.trips;
        outer /= k->nest->blocks.count;
    }
    return sat_mul(sat_mul(inner, outer), sx_max(k->nest->axis[k->axis].extent)) <= sx_max(p->from->size);
}

static bool is_fit(const packer *k, const packing *p)
{
    if (!p->index || p->unfit || !p->reduced || p->step == 0) return false;
    return p->constant || is_read_once(k, p);
}

static packer *find_all(const sched_target *t, ir_module *m, const plan_call *call, k_nest *nest, int axis, bool others)
{
    packer *k = ARENA_NEW(nest->b->scratch, packer);
    *k = (packer){.target = t, .m = m, .nest = nest, .axis = axis};
    map_init(&k->of, nest->b->scratch);
    for (int i = 0; i < nest->b->func->param.n; i++) {
        const plan_view *v = call->arg.at[i];
        const bool weight = v->buffer->place == PLAN_WEIGHT, constant = weight && v->buffer->weight && sx_is_const(v->offset);
        if (!constant && (weight || !others)) continue;
        packing *p = ARENA_NEW(nest->b->scratch, packing);
        p->from = nest->b->func->param.at[i];
        p->constant = constant;
        map_setp(&k->of, p->from, p);
    }
    for (int i = 0; i < nest->core->body.n; i++) find_loads(k, nest->core->body.at[i]); /* the core's own loop is an axis */
    return k;
}

bool k_can_pack(const sched_target *t, ir_module *m, const plan_call *call, k_nest *nest, int axis, const kir_buffer *b)
{
    const packer *k = find_all(t, m, call, nest, axis, true);
    const packing *p = map_getp(&k->of, b);
    return p && !p->constant && is_fit(k, p) && sx_is_const(nest->axis[axis].extent);
}

void k_pack(const sched_target *t, ir_module *m, plan_call *call, k_nest *nest, int axis, bool others)
{
    packer *k = find_all(t, m, call, nest, axis, others);
    for (int i = 0; i < k->of.n; i++) {
        packing *p = k->of.entry[i].value;
        if (!is_fit(k, p)) continue;
        lay_out(k, p);
        if (!p->unfit) replace(k, call, p);
    }
    nest->load = load;
    nest->in_loop = in_loop;
    nest->load_env = k;
}
