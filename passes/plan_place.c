/* Storage: which values share a buffer, and the views that they are. */
#include <string.h>
#include "ir/shape.h"
#include "passes/plan.h"

/* The time during which one value needs its storage: positions, both ends included. */
typedef struct segment {
    const ir_value *value;
    int first, last;
} segment;

/* A buffer in the making: the values that were merged into it. */
typedef struct storage {
    struct storage *merged; /* into this one; NULL: it stands for itself */
    plan_buffer *buffer;
    VEC(segment) segment;
    VEC(segment) latest;    /* those that end last */
    int last;               /* there */
    int foreign;            /* the first segments: those that were there before the parts of concats */
} storage;

/* A jump backwards: from the position of the jump to the begin of a block of the region. */
typedef struct {
    const ir_region *region;
    int from, to;
} back_edge;

typedef struct {
    plan_graph *p;
    ir_module *m;
    nfc_arena *a;
    nfc_map storage;     /* plan_buffer -> storage */
    nfc_map base;        /* value -> the value whose storage it is a view of */
    nfc_map life;        /* base value -> segment */
    nfc_map copied_read; /* reads that cannot be views of their state */
    nfc_map block_begin; /* block -> position + 1 */
    VEC(ir_inst *) inst; /* all, in order */
    nfc_map traffic;     /* state -> traffic */
    nfc_map jump_at;     /* block -> position + 1 of the first jump to it */
    VEC(back_edge) back;
} placer;

/* The effects on one state, by position. */
typedef struct traffic {
    VEC(const ir_inst *) read, write;
    VEC(int) until; /* the last use of what this read, or one before it, sees of the state in place */
} traffic;

static int position(placer *k, const ir_inst *i) { return (int)(intptr_t)map_getp(&k->p->position, i) - 1; }
static int loop_end(placer *k, const ir_inst *i) { return (int)(intptr_t)map_getp(&k->p->loop_end, i) - 1; }

static storage *find(storage *s)
{
    while (s->merged) s = s->merged;
    return s;
}

static storage *storage_of(placer *k, const plan_buffer *b) { return find(map_getp(&k->storage, b)); }

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
    int at = user->op == IR_yield && user->block->region->owner->op == IR_loop ? loop_end(k, user->block->region->owner) : position(k, user);
    for (const ir_inst *i = user; i && i->block->region != home; i = i->block->region->owner)
        if (i->block->region->owner) at = loop_end(k, i->block->region->owner);
    return at;
}

/* ---- views --------------------------------------------------------------------------------- */

plan_view *plan_new_view(plan_graph *p, plan_buffer *b, const ir_type *type)
{
    sx_table *t = &p->plan->m->sx;
    plan_view *v = ARENA_NEW(p->plan->m->arena, plan_view);
    v->buffer = b;
    v->offset = sx_int(t, 0);
    const ir_sx *stride = sx_int(t, 1);
    for (int i = type->rank - 1; i >= 0; i--) {
        v->stride[i] = stride;
        stride = sx_mul(t, stride, type->dim[i]);
    }
    return v;
}

bool plan_is_contiguous(ir_module *m, const ir_type *type, const plan_view *v)
{
    const ir_sx *stride = sx_int(&m->sx, 1);
    for (int i = type->rank - 1; i >= 0; i--) {
        if (!sx_is(type->dim[i], 1) && v->stride[i] != stride) return false;
        stride = sx_mul(&m->sx, stride, type->dim[i]);
    }
    return true;
}

static plan_buffer *new_buffer(placer *k, plan_place place, const ir_value *v)
{
    plan_buffer *b = ARENA_NEW(k->m->arena, plan_buffer);
    *b = (plan_buffer){.place = place, .dtype = v->type->dtype, .bytes = ir_max_bytes(v->type), .name = v->name, .at = v->at};
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

static void own_storage(placer *k, const ir_value *v, plan_place place)
{
    set_view(k, v, plan_new_view(k->p, new_buffer(k, place, v), v->type), v);
}

plan_view *plan_view_of(const plan_graph *p, const ir_value *v) { return map_getp(&p->view, v); }

static plan_view *copy_view(placer *k, const plan_view *from)
{
    plan_view *v = ARENA_NEW(k->m->arena, plan_view);
    *v = *from;
    return v;
}

/* New extents over the same elements: possible where runs of axes that the reshape mixes lie in one
 * stride. Splits both shapes into the smallest groups of equal size. */
static plan_view *reshaped(placer *k, const ir_type *from, const plan_view *x, const ir_type *to)
{
    sx_table *t = &k->m->sx;
    plan_view *v = copy_view(k, x);
    for (int i = 0, j = 0; i < from->rank || j < to->rank;) {
        int i0 = i, j0 = j;
        const ir_sx *a = i < from->rank ? from->dim[i++] : sx_int(t, 1), *b = j < to->rank ? to->dim[j++] : sx_int(t, 1);
        while (a != b) {
            bool grow_a = j == to->rank || (i < from->rank && sx_max(a) < sx_max(b));
            if (grow_a && i < from->rank) a = sx_mul(t, a, from->dim[i++]);
            else if (j < to->rank) b = sx_mul(t, b, to->dim[j++]);
            else return NULL;
        }
        while (i < from->rank && sx_is(from->dim[i], 1)) i++;
        const ir_sx *stride = NULL; /* of the innermost axis that has more than one element */
        for (int n = i - 1; n >= i0; n--) {
            if (sx_is(from->dim[n], 1)) continue;
            if (!stride) {
                stride = x->stride[n];
                a = sx_mul(t, stride, from->dim[n]);
            } else {
                if (x->stride[n] != a) return NULL;
                a = sx_mul(t, a, from->dim[n]);
            }
        }
        if (!stride) stride = sx_int(t, 1);
        while (j < to->rank && sx_is(to->dim[j], 1) && i == from->rank) j++;
        for (int n = j - 1; n >= j0; n--) {
            v->stride[n] = stride;
            stride = sx_mul(t, stride, to->dim[n]);
        }
    }
    return v;
}

static plan_view *sliced(placer *k, const ir_inst *inst, const plan_view *x)
{
    sx_table *t = &k->m->sx;
    slice_axis axis[IR_MAX_RANK];
    slice_axes(k->m, inst, axis);
    plan_view *v = copy_view(k, x);
    for (int i = 0; i < inst->in[0]->type->rank; i++) {
        v->offset = sx_add(t, v->offset, sx_mul(t, axis[i].start, x->stride[i]));
        v->stride[i] = sx_mul(t, x->stride[i], sx_int(t, axis[i].step));
    }
    return v;
}

static plan_view *permuted(placer *k, const ir_inst *inst, const plan_view *x)
{
    const ir_attr *perm = &inst->attr[ATTR_AT(transpose, perm)];
    int rank = inst->out[0]->type->rank;
    plan_view *v = copy_view(k, x);
    for (int i = 0; i < rank; i++) v->stride[i] = x->stride[perm->kind == IR_ATTR_NONE ? rank - 1 - i : sx_value(perm->sx[i])];
    return v;
}

static plan_view *expanded(placer *k, const ir_inst *inst, const plan_view *x)
{
    const ir_type *from = inst->in[0]->type, *to = inst->out[0]->type;
    plan_view *v = copy_view(k, x);
    for (int i = 0; i < to->rank; i++) {
        int n = i - (to->rank - from->rank);
        bool repeats = n < 0 || (sx_is(from->dim[n], 1) && !sx_is(to->dim[i], 1));
        v->stride[i] = repeats ? sx_int(&k->m->sx, 0) : x->stride[n];
    }
    return v;
}

/* Result n of an op that only renames elements, as a view of the operand; NULL: it needs a copy. */
static plan_view *renamed_view(placer *k, const ir_inst *inst, int n)
{
    const ir_value *x = inst->nin ? inst->in[0] : NULL;
    const plan_view *of = x ? plan_view_of(k->p, x) : NULL;
    if (!of) return NULL;
    switch (inst->op) {
    case IR_reshape:
    case IR_flatten:
    case IR_squeeze:
    case IR_unsqueeze: return reshaped(k, x->type, of, inst->out[0]->type);
    case IR_transpose: return permuted(k, inst, of);
    case IR_slice: return sliced(k, inst, of);
    case IR_expand: return expanded(k, inst, of);
    case IR_split: {
        int axis = (int)ir_int(inst, ATTR_AT(split, axis));
        if (axis < 0) axis += x->type->rank;
        plan_view *v = copy_view(k, of);
        for (int i = 0; i < n; i++) v->offset = sx_add(&k->m->sx, v->offset, sx_mul(&k->m->sx, inst->out[i]->type->dim[axis], of->stride[axis]));
        return v;
    }
    default: return NULL;
    }
}

static bool renames(const ir_inst *i) { return op_get(i->op)->family == FAM_VIEW && i->op != IR_concat; }

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

static plan_buffer *state_buffer(placer *k, ir_state *st)
{
    plan_buffer *b = map_getp(&k->p->view, st);
    if (b) return b;
    b = ARENA_NEW(k->m->arena, plan_buffer);
    *b = (plan_buffer){.place = PLAN_STATE, .state = st, .dtype = st->type->dtype, .bytes = ir_max_bytes(st->type), .name = st->name, .at = st->at};
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

static traffic *traffic_of(placer *k, const ir_state *state)
{
    traffic *t = map_getp(&k->traffic, state);
    if (t) return t;
    t = ARENA_NEW(k->a, traffic);
    map_setp(&k->traffic, state, t);
    return t;
}

/* How many of the effects come before a position. */
static int before(placer *k, const ir_inst *const *list, int n, int at)
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
        if (x->op == IR_read) vec_push(k->a, &traffic_of(k, x->state)->read, x);
        if (x->op == IR_write) vec_push(k->a, &traffic_of(k, x->state)->write, x);
    }
    for (int i = 0; i < k->traffic.n; i++) {
        traffic *t = k->traffic.entry[i].value;
        for (int r = 0, until = -1; r < t->read.n; r++) {
            const ir_inst *read = t->read.at[r];
            int to = live_until(k, read->block->region, position(k, read), last_view_use(k, read->out[0], read->out[0]));
            int next = before(k, t->write.at, t->write.n, position(k, read) + 1);
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
        state_buffer(k, i->state);
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
            if (i->op == IR_write || i->op == IR_read) state_buffer(k, i->state);
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

static void note_end(placer *k, storage *st, const segment *s)
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
        note_end(k, st, s);
    }
}

/* ---- merging ------------------------------------------------------------------------------- */

static bool is_member_of(const ir_value *v, ir_value *const *list, int n)
{
    for (int i = 0; i < n; i++)
        if (list[i] == v) return true;
    return false;
}

/* Does every use of the value, and of what is worked out of it in the same place, happen at the very
 * element that is stored then? */
static bool stays_at_its_element(const ir_value *v, const ir_type *out)
{
    for (const ir_use *u = v->uses; u; u = u->next) {
        const ir_inst *i = u->inst;
        if (i->op == IR_yield) continue;
        bool pointwise = op_get(i->op)->family == FAM_EW || i->op == IR_cast || (i->op == IR_batch_normalization && i->in[0] == v);
        if (!pointwise || !ir_same_shape(v->type, out) || !ir_same_shape(i->out[0]->type, out)) return false;
        if (!stays_at_its_element(i->out[0], out)) return false;
    }
    return true;
}

/* May the kernel of an instruction write its result over this operand? */
static bool may_overwrite(const ir_inst *i, const ir_value *operand, const ir_value *result)
{
    if (operand->type->dtype != result->type->dtype || !ir_same_shape(operand->type, result->type)) return false;
    const op_info *info = op_get(i->op);
    if (info->family == FAM_EW || i->op == IR_batch_normalization) return info->family == FAM_EW || i->in[0] == operand;
    if (info->flags & OPF_INPLACE) return i->in[0] == operand && (i->nin < 2 || i->in[1] != operand);
    if (i->op != IR_fused) return false;
    for (int n = 0; n < i->nin; n++)
        if (i->in[n] == operand && !stays_at_its_element(i->region[0]->first->arg.at[n], result->type)) return false;
    return true;
}

/* One life ends where the other begins: fine for a move between the two, or a kernel that works in
 * place. */
static bool may_touch(placer *k, const segment *before, const segment *after)
{
    const ir_value *v = before->value, *w = after->value;
    if (w->def && w->def->op != IR_loop) {
        for (int n = 0; n < w->def->nin; n++) { /* the operand may be a view of the whole storage */
            const ir_value *o = w->def->in[n];
            if (!o || map_getp(&k->base, o) != v) continue;
            const plan_view *view = plan_view_of(k->p, o);
            if (!sx_is(view->offset, 0) || !plan_is_contiguous(k->m, o->type, view) || !may_overwrite(w->def, o, w)) return false;
        }
        return position(k, w->def) == before->last && !map_getp(&k->copied_read, w->def);
    }
    const ir_block *b = w->block;
    if (!b) { /* what a loop leaves is what its last trip yielded */
        for (b = w->def->region[0]->first; b; b = b->next)
            if (b->last->op == IR_yield && b->last->in[w->slot] == v) return true;
        return w->def->region[0]->first->arg.at[w->slot + 1] == v;
    }
    const ir_inst *owner = b->region->owner;
    if (owner && owner->op == IR_loop && b == b->region->first) return owner->in[w->slot - 1] == v;
    for (const ir_use *u = v->uses; u; u = u->next)
        for (int e = 0; e < u->inst->nedge; e++) {
            const ir_edge *edge = &u->inst->edge[e];
            if (edge->to == b && u->inst->in[edge->first + w->slot] == v) return true;
        }
    return false;
}

static bool clash(placer *k, const segment *a, const segment *b)
{
    if (a->last < b->first || b->last < a->first) return false;
    if (a->last == b->first) return !may_touch(k, a, b);
    if (b->last == a->first) return !may_touch(k, b, a);
    return true;
}

static bool storages_clash(placer *k, const storage *a, const storage *b)
{
    enum { FEW = 64 };
    if (a->segment.n > FEW || b->segment.n > FEW) { /* long chains: only their ends are looked at */
        const storage *big = a->segment.n > b->segment.n ? a : b, *small = big == a ? b : a;
        for (int i = 0; i < small->segment.n; i++) {
            if (small->segment.at[i].first < big->last) return true;
            for (int n = 0; small->segment.at[i].first == big->last && n < big->latest.n; n++)
                if (clash(k, &big->latest.at[n], &small->segment.at[i])) return true;
        }
        return false;
    }
    for (int i = 0; i < a->segment.n; i++)
        for (int n = 0; n < b->segment.n; n++)
            if (clash(k, &a->segment.at[i], &b->segment.at[n])) return true;
    return false;
}

static void merge(placer *k, storage *into, storage *from)
{
    if (into->buffer->place == PLAN_ARENA && from->buffer->place != PLAN_ARENA) {
        into->buffer->place = from->buffer->place;
        into->buffer->port = from->buffer->port;
    }
    if (!into->buffer->name) into->buffer->name = from->buffer->name;
    for (int i = 0; i < from->segment.n; i++) vec_push(k->a, &into->segment, from->segment.at[i]);
    for (int i = 0; i < from->latest.n; i++) note_end(k, into, &from->latest.at[i]);
    from->merged = into;
}

static bool is_whole(placer *k, const ir_value *v)
{
    const plan_view *view = plan_view_of(k->p, v);
    return view && sx_is(view->offset, 0) && plan_is_contiguous(k->m, v->type, view) && ir_max_bytes(v->type) == view->buffer->bytes;
}

/* Puts two values into one storage, if nothing speaks against it. */
static bool try_merge(placer *k, const ir_value *a, const ir_value *b)
{
    if (!a || !b || a->type->kind != IR_TENSOR || !is_whole(k, a) || !is_whole(k, b)) return false;
    if (a->type->dtype != b->type->dtype || ir_elements(k->m, a->type) != ir_elements(k->m, b->type)) return false;
    storage *x = storage_of(k, plan_view_of(k->p, a)->buffer), *y = storage_of(k, plan_view_of(k->p, b)->buffer);
    if (x == y) return true;
    plan_place p = x->buffer->place, q = y->buffer->place;
    bool arena_p = p == PLAN_ARENA, arena_q = q == PLAN_ARENA;
    bool output_p = p == PLAN_OUTPUT, output_q = q == PLAN_OUTPUT;
    bool ok = (arena_p && (arena_q || output_q)) || (output_p && (arena_q || (output_q && x->buffer->port == y->buffer->port)));
    if (!ok || storages_clash(k, x, y)) return false;
    merge(k, x->segment.n >= y->segment.n ? x : y, x->segment.n >= y->segment.n ? y : x);
    return true;
}

/* ---- who shares with whom ------------------------------------------------------------------ */

static void share_loops_and_jumps(placer *k)
{
    for (int n = 0; n < k->inst.n; n++) {
        const ir_inst *i = k->inst.at[n];
        if (i->op == IR_loop) {
            const ir_block *body = i->region[0]->first;
            for (const ir_block *b = body; b; b = b->next)
                for (int c = 0; b->last->op == IR_yield && c < i->nin; c++) try_merge(k, body->arg.at[c + 1], b->last->in[c]);
            for (int c = 0; c < i->nin; c++) try_merge(k, i->in[c], body->arg.at[c + 1]);
        }
        for (int e = 0; e < i->nedge; e++)
            for (int a = 0; a < i->edge[e].n; a++) try_merge(k, i->in[i->edge[e].first + a], i->edge[e].to->arg.at[a]);
    }
}

/* A returned value is worked out in the caller's buffer, if no other life is in the way there: what is
 * returned in one place and another is one storage. */
static void share_outputs(placer *k)
{
    const ir_graph *g = k->p->g;
    storage **port = ARENA_ARRAY(k->a, storage *, g->output.n + 1);
    for (int n = 0; n < k->inst.n; n++) {
        const ir_inst *i = k->inst.at[n];
        for (int o = 0; i->op == IR_return && o < g->output.n; o++) {
            const ir_value *v = i->in[o];
            if (!is_whole(k, v)) continue;
            storage *s = storage_of(k, plan_view_of(k->p, v)->buffer);
            if (s->buffer->place != PLAN_ARENA || (port[o] && storages_clash(k, port[o], s))) continue;
            s->buffer->place = PLAN_OUTPUT;
            s->buffer->port = o;
            if (port[o]) merge(k, port[o], s);
            else port[o] = s;
        }
    }
}

/* Is the value made by a kernel for this one user, with storage of its own? */
static bool is_private(placer *k, const ir_value *v, const ir_inst *user)
{
    if (!v->def || v->def->block != user->block || !v->uses || v->uses->next || !is_whole(k, v)) return false;
    if (v->def->op == IR_loop || renames(v->def) || map_getp(&k->base, v) != v) return false;
    const storage *s = storage_of(k, plan_view_of(k->p, v)->buffer);
    return s->buffer->place == PLAN_ARENA && s->segment.n == 1;
}

/* Does another value need the storage of a concat while the part is there already? The lives of other
 * parts, which lie beside it, stand behind the first `foreign` ones. */
static bool part_clashes(placer *k, const storage *whole, const storage *part, const ir_value *concat)
{
    for (int i = 0; i < whole->foreign; i++)
        if (whole->segment.at[i].value != concat && clash(k, &whole->segment.at[i], &part->segment.at[0])) return true;
    return false;
}

static void share_parts(placer *k, const ir_inst *i)
{
    sx_table *t = &k->m->sx;
    int axis = (int)ir_int(i, ATTR_AT(concat, axis));
    if (axis < 0) axis += i->out[0]->type->rank;
    const plan_view *whole = plan_view_of(k->p, i->out[0]);
    const ir_sx *at = sx_int(t, 0);
    for (int p = 0; p < i->nin; p++) {
        const ir_value *x = i->in[p];
        const ir_sx *here = at;
        at = sx_add(t, at, x->type->dim[axis]);
        if (!is_private(k, x, i)) continue;
        storage *part = storage_of(k, plan_view_of(k->p, x)->buffer), *s = storage_of(k, whole->buffer);
        /* A state is read as it is until the write. */
        if (s->buffer->place == PLAN_STATE || part_clashes(k, s, part, i->out[0])) continue;
        plan_view *v = plan_view_of(k->p, x);
        *v = *whole;
        v->offset = sx_add(t, v->offset, sx_mul(t, here, whole->stride[axis]));
        merge(k, s, part);
    }
}

/* The parts of a concat are worked out where they will stand. Outer ones first: parts may be concats. */
static void share_concats(placer *k)
{
    for (int i = 0; i < k->storage.n; i++) {
        storage *s = k->storage.entry[i].value;
        s->foreign = s->segment.n;
    }
    for (int n = k->inst.n - 1; n >= 0; n--)
        if (k->inst.at[n]->op == IR_concat) share_parts(k, k->inst.at[n]);
}

/* May it end the run? Then what was not written yet must not be written. */
static bool can_fail(const ir_inst *i)
{
    if (op_get(i->op)->flags & OPF_CAN_FAIL) return true;
    for (const ir_inst *f = i->op == IR_fused ? i->region[0]->first->first : NULL; f; f = f->next)
        if (op_get(f->op)->flags & OPF_CAN_FAIL) return true;
    return (i->op == IR_read || i->op == IR_write) && !plan_effect_stays_inside(i);
}

/* From the maker of a value to the write: does nothing touch the state, use a view of it, or fail? */
static bool state_is_quiet(placer *k, const ir_inst *maker, const ir_inst *write)
{
    if (can_fail(write)) return false;
    for (const ir_inst *i = maker; i != write; i = i->next)
        if (i->op == IR_loop || can_fail(i) || (i->state == write->state && (i->op == IR_read || i->op == IR_write))) return false;
    const traffic *t = traffic_of(k, write->state);
    int earlier = before(k, t->read.at, t->read.n, position(k, write));
    return !earlier || t->until.at[earlier - 1] < position(k, maker);
}

static void check_known(void *env, const ir_sym *sym)
{
    int *latest = env;
    int at = sym->is_dim ? -1 : sym->value->def ? sym->value->def->id : -1;
    if (at > *latest) *latest = at;
}

/* What is only written into a state is worked out there. */
static void share_writes(placer *k)
{
    for (int n = 0; n < k->inst.n; n++) {
        const ir_inst *w = k->inst.at[n];
        if (w->op != IR_write || !is_private(k, w->in[1], w)) continue;
        const ir_inst *maker = w->in[1]->def;
        int latest = -1;
        for (int i = 0; i < w->nsel; i++) sx_visit(w->sel[i].start, check_known, &latest);
        if (latest >= maker->id || !state_is_quiet(k, maker, w)) continue;
        storage *s = storage_of(k, plan_view_of(k->p, w->in[1])->buffer);
        *plan_view_of(k->p, w->in[1]) = *plan_written(k->p, w);
        s->merged = storage_of(k, state_buffer(k, w->state));
    }
}

static void share_in_place(placer *k)
{
    for (int n = 0; n < k->inst.n; n++) {
        const ir_inst *i = k->inst.at[n];
        if (i->nout != 1 || i->op == IR_loop || !ir_is_tensor(i->out[0]) || map_getp(&k->base, i->out[0]) != i->out[0]) continue;
        for (int o = 0; o < i->nin; o++) {
            if (!i->in[o] || is_member_of(i->in[o], i->in, o) || !ir_is_tensor(i->in[o])) continue;
            if (may_overwrite(i, i->in[o], i->out[0]) && try_merge(k, i->in[o], i->out[0])) break;
        }
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

void plan_storage(plan_graph *p)
{
    nfc_arena *a = arena_child(p->plan->m->arena);
    placer k = {.p = p, .m = p->plan->m, .a = a};
    for (nfc_map **map = (nfc_map *[]){&k.storage, &k.base, &k.life, &k.copied_read, &k.block_begin, &k.traffic, &k.jump_at, NULL}; *map; map++) map_init(*map, a);
    number_region(&k, p->g->body, &p->positions);
    find_jumps(&k);
    find_copied_reads(&k);
    place_region(&k, p->g->body);
    find_lifetimes(&k);
    share_writes(&k);
    share_outputs(&k);
    share_concats(&k);
    share_loops_and_jumps(&k);
    share_in_place(&k);
    hold_carried(&k);
    finish(&k);
    arena_free(a);
}
