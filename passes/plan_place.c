/* Storage: which values share a buffer, and the views that they are. */
#include <string.h>
#include "ir/shape.h"
#include "passes/plan_place.h"

/* ---- positions ----------------------------------------------------------------------------- */

static void number_region(placer *k, ir_region *r, int *next)
{
    for (ir_block *b = r->first; b; b = b->next) {
        map_setp(&k->block_begin, b, (void *)(intptr_t)(++*next));
        for (ir_inst *i = b->first; i; i = i->next) {
            map_setp(&k->p->position, i, (void *)(intptr_t)(++*next));
            vec_push(k->a, &k->inst, i);
            if (i->op != IR_loop) continue;
            number_region(k, i->region[0], next);
            map_setp(&k->p->loop_end, i, (void *)(intptr_t)(++*next));
        }
    }
}

static void find_jumps(placer *k)
{
    for (int n = 0; n < k->inst.n; n++)
        for (int e = 0; e < k->inst.at[n]->nedge; e++) {
            const ir_block *to = k->inst.at[n]->edge[e].to;
            int from = position(k, k->inst.at[n]), begin = (int)(intptr_t)map_getp(&k->block_begin, to) - 1;
            if (!map_getp(&k->jump_at, to)) map_setp(&k->jump_at, to, (void *)(intptr_t)(from + 1));
            if (begin <= from) vec_push(k->a, &k->back, ((back_edge){to->region, from, begin}));
        }
}

/* Around a jump backwards, what is live where it lands is live where it starts. */
static int live_until(placer *k, const ir_region *region, int first, int last)
{
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = 0; i < k->back.n; i++) {
            const back_edge *e = &k->back.at[i];
            if (e->region != region || first > e->to || last < e->to || last >= e->from) continue;
            last = e->from;
            changed = true;
        }
    }
    return last;
}

static int made_at(placer *k, const ir_value *v)
{
    if (v->def) return v->def->op == IR_loop ? loop_end(k, v->def) : position(k, v->def);
    if (v->block == v->block->region->first) return v->block->region->owner ? position(k, v->block->region->owner) : 0;
    int first = (int)(intptr_t)map_getp(&k->block_begin, v->block) - 1;
    int jump = (int)(intptr_t)map_getp(&k->jump_at, v->block) - 1; /* written where the jumps are */
    return jump >= 0 && jump < first ? jump : first;
}

static const ir_region *region_of(const ir_value *v) { return v->def ? v->def->block->region : v->block->region; }

/* Where a use happens, as seen from the region of the definition: a use inside of a loop lasts to the
 * loop's end, since the next trip needs the value again. */
static int used_at(placer *k, const ir_value *v, const ir_inst *user)
{
    const ir_region *home = region_of(v);
    /* What a yield gives is needed to the end of the trip; a break leaves, and nothing runs behind it. */
    int at = user->op == IR_yield && ir_ends_trip(user) ? loop_end(k, user->block->region->owner) : position(k, user);
    for (const ir_inst *i = user; i && i->block->region != home; i = i->block->region->owner)
        if (i->block->region->owner) at = loop_end(k, i->block->region->owner);
    return at;
}

/* ---- views --------------------------------------------------------------------------------- */

static const ir_sx *size_of(ir_module *m, const ir_type *type) { return sx_mul(&m->sx, ir_elements(m, type), sx_int(&m->sx, (int64_t)dtype_bytes(type->dtype))); }

static plan_buffer *new_buffer(placer *k, plan_place place, const ir_value *v)
{
    plan_buffer *b = ARENA_NEW(k->m->arena, plan_buffer);
    *b = (plan_buffer){.place = place, .dtype = v->type->dtype, .bytes = ir_max_bytes(v->type), .size = size_of(k->m, v->type), .name = v->name, .at = v->at};
    storage *s = ARENA_NEW(k->a, storage);
    s->buffer = b;
    s->last = -1;
    map_setp(&k->storage, b, s);
    return b;
}

static void set_view(placer *k, const ir_value *v, plan_view *view, const ir_value *base)
{
    map_setp(&k->p->view, v, view);
    map_setp(&k->base, v, (void *)(uintptr_t)base);
}

/* Of how many axes are the planes that the kernel which writes it works on side by side? */
static int axes_of_planes(const ir_value *v) { return v->def && v->def->op == IR_winograd_input ? 2 : 0; }

static void own_storage(placer *k, const ir_value *v, plan_place place)
{
    plan_buffer *b = new_buffer(k, place, v);
    b->channels_last = place == PLAN_ARENA && map_getp(&k->channels_last, v);
    set_view(k, v, b->channels_last ? plan_channels_last_view(k->p, b, v->type) : plan_planes_view(k->p, b, v->type, axes_of_planes(v)), v);
}

plan_view *plan_view_of(const plan_graph *p, const ir_value *v) { return map_getp(&p->view, v); }

/* Result n of an op that only renames elements, as a view of the operand; NULL: it needs a copy. */
static plan_view *renamed_view(placer *k, const ir_inst *inst, int n)
{
    const plan_view *of = inst->nin && inst->in[0] ? plan_view_of(k->p, inst->in[0]) : NULL;
    return of ? plan_renamed(k->p, inst, n, of) : NULL;
}

/* ---- states -------------------------------------------------------------------------------- */

/* The part of a state that an effect selects, with an axis for each that it keeps. */
plan_view *plan_selected(const plan_graph *p, const ir_inst *inst)
{
    sx_table *t = &p->plan->m->sx;
    plan_view *v = ARENA_NEW(p->plan->m->arena, plan_view);
    const ir_sx *stride = sx_int(t, 1), *full[IR_MAX_RANK];
    for (int i = inst->nsel - 1; i >= 0; i--) { /* strides at the capacity: they outlive a run */
        full[i] = stride;
        stride = sx_mul(t, stride, sx_int(t, sx_max(inst->state->type->dim[i])));
    }
    v->buffer = map_getp(&p->view, inst->state);
    v->offset = sx_int(t, 0);
    int rank = 0;
    for (int i = 0; i < inst->nsel; i++) {
        v->offset = sx_add(t, v->offset, sx_mul(t, inst->sel[i].start, full[i]));
        if (!inst->sel[i].one) v->stride[rank++] = full[i];
    }
    return v;
}

/* The selected part in the extents of the value that is written: they differ by axes of extent 1. */
plan_view *plan_written(const plan_graph *p, const ir_inst *inst)
{
    const ir_type *t = inst->in[1]->type;
    plan_view *part = plan_selected(p, inst), *v = ARENA_NEW(p->plan->m->arena, plan_view);
    int n = 0, at = 0;
    const ir_sx *kept[IR_MAX_RANK], *extent[IR_MAX_RANK];
    *v = *part;
    for (int i = 0, r = 0; i < inst->nsel; i++) {
        if (inst->sel[i].one) continue;
        if (!sx_is(inst->sel[i].extent, 1)) {
            kept[n] = part->stride[r];
            extent[n++] = inst->sel[i].extent;
        }
        r++;
    }
    for (int i = 0; i < t->rank; i++) {
        bool one = sx_is(t->dim[i], 1) || at == n || extent[at] != t->dim[i];
        v->stride[i] = one ? sx_int(&p->plan->m->sx, 0) : kept[at++];
    }
    return v;
}

plan_buffer *place_state(placer *k, ir_state *st)
{
    plan_buffer *b = map_getp(&k->p->view, st);
    if (b) return b;
    b = ARENA_NEW(k->m->arena, plan_buffer);
    *b = (plan_buffer){.place = PLAN_STATE, .state = st, .dtype = st->type->dtype, .bytes = ir_max_bytes(st->type), .size = size_of(k->m, st->type), .name = st->name, .at = st->at};
    storage *s = ARENA_NEW(k->a, storage);
    s->buffer = b;
    map_setp(&k->storage, b, s);
    map_setp(&k->p->view, st, b);
    return b;
}

/* The last use of a value or of anything that may be a view of it. */
static int last_view_use(placer *k, const ir_value *v, const ir_value *home)
{
    int last = made_at(k, v);
    for (const ir_use *u = v->uses; u; u = u->next) {
        int at = used_at(k, home, u->inst);
        if (at > last) last = at;
        for (int i = 0; renames(u->inst) && i < u->inst->nout; i++) {
            at = last_view_use(k, u->inst->out[i], home);
            if (at > last) last = at;
        }
    }
    return last;
}

traffic *place_traffic(placer *k, const ir_state *state)
{
    traffic *t = map_getp(&k->traffic, state);
    if (t) return t;
    t = ARENA_NEW(k->a, traffic);
    map_setp(&k->traffic, state, t);
    return t;
}

int place_before(placer *k, const ir_inst *const *list, int n, int at)
{
    int lo = 0;
    while (lo < n) {
        int mid = (lo + n) / 2;
        if (position(k, list[mid]) < at) lo = mid + 1;
        else n = mid;
    }
    return lo;
}

/* A read can be a view of the state if nothing writes to it while the value is needed. */
static void find_copied_reads(placer *k)
{
    for (int i = 0; i < k->inst.n; i++) {
        const ir_inst *x = k->inst.at[i];
        if (x->op == IR_read) vec_push(k->a, &place_traffic(k, x->state)->read, x);
        if (x->op == IR_write) vec_push(k->a, &place_traffic(k, x->state)->write, x);
    }
    for (int i = 0; i < k->traffic.n; i++) {
        traffic *t = k->traffic.entry[i].value;
        for (int r = 0, until = -1; r < t->read.n; r++) {
            const ir_inst *read = t->read.at[r];
            int to = live_until(k, read->block->region, position(k, read), last_view_use(k, read->out[0], read->out[0]));
            int next = place_before(k, t->write.at, t->write.n, position(k, read) + 1);
            bool copied = next < t->write.n && position(k, t->write.at[next]) <= to;
            if (copied) map_setp(&k->copied_read, read, k);
            else if (to > until) until = to;
            vec_push(k->a, &t->until, until);
        }
    }
}

/* ---- first storage ------------------------------------------------------------------------- */

static void place_constant(placer *k, const ir_inst *i)
{
    own_storage(k, i->out[0], PLAN_WEIGHT);
    plan_view_of(k->p, i->out[0])->buffer->weight = i;
}

static void place_results(placer *k, const ir_inst *i)
{
    if (i->op == IR_const || i->op == IR_weight) {
        place_constant(k, i);
        return;
    }
    if (i->op == IR_read && !map_getp(&k->copied_read, i)) {
        place_state(k, i->state);
        set_view(k, i->out[0], plan_selected(k->p, i), i->out[0]);
        return;
    }
    for (int n = 0; n < i->nout; n++) {
        const ir_value *v = i->out[n];
        if (v->type->kind != IR_TENSOR) continue;
        plan_view *view = NULL;
        if (i->op == IR_loop) { /* what a loop leaves lies where it carried it */
            const ir_value *arg = i->region[0]->first->arg.at[n + 1];
            set_view(k, v, plan_view_of(k->p, arg), v);
            continue;
        }
        if (renames(i)) view = renamed_view(k, i, n);
        if (view) set_view(k, v, view, map_getp(&k->base, i->in[0]));
        else own_storage(k, v, PLAN_ARENA);
    }
}

static void place_block_args(placer *k, const ir_block *b)
{
    bool entry = !b->region->owner && b == b->region->first;
    for (int i = 0; i < b->arg.n; i++) {
        const ir_value *v = b->arg.at[i];
        if (v->type->kind != IR_TENSOR) continue;
        own_storage(k, v, entry ? PLAN_INPUT : PLAN_ARENA);
        if (entry) plan_view_of(k->p, v)->buffer->port = i;
    }
}

static void place_region(placer *k, const ir_region *r)
{
    for (const ir_block *b = r->first; b; b = b->next) {
        place_block_args(k, b);
        for (const ir_inst *i = b->first; i; i = i->next) {
            if (i->op == IR_loop) place_region(k, i->region[0]);
            if (i->op == IR_write || i->op == IR_read) place_state(k, i->state);
            place_results(k, i);
        }
    }
}

/* ---- lifetimes ----------------------------------------------------------------------------- */

static segment *life_of(placer *k, const ir_value *base)
{
    segment *s = map_getp(&k->life, base);
    if (s) return s;
    s = ARENA_NEW(k->a, segment);
    int at = made_at(k, base);
    *s = (segment){base, at, at};
    map_setp(&k->life, base, s);
    return s;
}

static void add_life(placer *k, const ir_value *v)
{
    const ir_value *base = map_getp(&k->base, v);
    if (!base || v->type->kind != IR_TENSOR) return;
    segment *s = life_of(k, base);
    int made = made_at(k, v);
    if (made > s->last) s->last = made;
    for (const ir_use *u = v->uses; u; u = u->next) {
        int at = used_at(k, v, u->inst);
        /* A view made inside of a loop that its base is outside of keeps the base to the loop's end. */
        if (v != base && ir_region_contains(region_of(base), u->inst->block)) {
            int outer = used_at(k, base, u->inst);
            if (outer > at) at = outer;
        }
        if (at > s->last) s->last = at;
    }
}

void place_note_end(placer *k, storage *st, const segment *s)
{
    if (s->last < st->last) return;
    if (s->last > st->last) st->latest.n = 0;
    st->last = s->last;
    vec_push(k->a, &st->latest, *s);
}

static void find_lifetimes(placer *k)
{
    for (const ir_block *b = k->p->g->body->first; b; b = b->next)
        for (int i = 0; i < b->arg.n; i++) add_life(k, b->arg.at[i]);
    for (int n = 0; n < k->inst.n; n++) {
        const ir_inst *i = k->inst.at[n];
        for (const ir_block *b = i->op == IR_loop ? i->region[0]->first : NULL; b; b = b->next)
            for (int a = 0; a < b->arg.n; a++) add_life(k, b->arg.at[a]);
        for (int v = 0; v < i->nout; v++) add_life(k, i->out[v]);
    }
    for (int i = 0; i < k->life.n; i++) {
        segment *s = k->life.entry[i].value;
        s->last = live_until(k, region_of(s->value), s->first, s->last);
        storage *st = storage_of(k, plan_view_of(k->p, s->value)->buffer);
        vec_push(k->a, &st->segment, *s);
        place_note_end(k, st, s);
    }
}

/* ---- the result ---------------------------------------------------------------------------- */

/* A carried value's storage is written at the end of the body and read at its begin. */
static void hold_carried(placer *k)
{
    for (int n = 0; n < k->inst.n; n++) {
        const ir_inst *i = k->inst.at[n];
        for (int c = 0; i->op == IR_loop && c < i->nin; c++) {
            const ir_value *arg = i->region[0]->first->arg.at[c + 1];
            if (!ir_is_tensor(arg)) continue;
            storage *s = storage_of(k, plan_view_of(k->p, arg)->buffer);
            vec_push(k->a, &s->segment, ((segment){arg, position(k, i), loop_end(k, i)}));
        }
    }
}

static void finish(placer *k)
{
    for (int i = 0; i < k->storage.n; i++) {
        storage *s = find(k->storage.entry[i].value);
        plan_buffer *b = s->buffer;
        if (s != k->storage.entry[i].value || b->place != PLAN_ARENA || !s->segment.n) continue;
        b->first = s->segment.at[0].first;
        b->last = s->segment.at[0].last;
        for (int n = 1; n < s->segment.n; n++) {
            if (s->segment.at[n].first < b->first) b->first = s->segment.at[n].first;
            if (s->segment.at[n].last > b->last) b->last = s->segment.at[n].last;
        }
        b->id = k->p->buffer.n;
        vec_push(k->m->arena, &k->p->buffer, b);
    }
    for (int i = 0; i < k->p->view.n; i++) {
        const ir_value *v = (const ir_value *)k->p->view.entry[i].key;
        if (!map_getp(&k->base, v)) continue; /* a state's buffer */
        plan_view *view = k->p->view.entry[i].value;
        view->buffer = storage_of(k, view->buffer)->buffer;
    }
}

/* Gives every value its place; true: with parts of concats in theirs that others read too. */
static bool place_values(plan_graph *p, bool joins_read)
{
    nfc_arena *a = arena_child(p->plan->m->arena);
    placer k = {.p = p, .m = p->plan->m, .a = a, .joins_read = joins_read};
    for (nfc_map **map = (nfc_map *[]){&k.storage, &k.base, &k.life, &k.copied_read, &k.block_begin, &k.traffic, &k.jump_at, &k.channels_last, NULL}; *map; map++) map_init(*map, a);
    for (nfc_map **map = (nfc_map *[]){&p->view, &p->position, &p->loop_end, NULL}; *map; map++) map_init(*map, p->plan->m->arena);
    p->positions = 0;
    number_region(&k, p->g->body, &p->positions);
    find_jumps(&k);
    find_copied_reads(&k);
    plan_layouts(&k);
    place_region(&k, p->g->body);
    find_lifetimes(&k);
    plan_share(&k);
    hold_carried(&k);
    finish(&k);
    arena_free(a);
    return k.joined_read;
}

/* A part that others read too saves a copy in its place, but keeps all of the concat there for as long as
 * they need it: only where the arena is not larger for it. */
void plan_storage(plan_graph *p)
{
    plan_graph apart = *p;
    if (!place_values(p, true)) return;
    place_values(&apart, false);
    if (plan_lower_bound(&apart) < plan_lower_bound(p)) *p = apart;
}
