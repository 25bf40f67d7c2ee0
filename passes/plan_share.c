/* Sharing: which values lie in one storage, because one is made as the other goes. */
#include <string.h>
#include "ir/shape.h"
#include "passes/plan_place.h"

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

/* Are the elements of both, where they are the same, at the same places of a storage that they share? */
static bool lie_alike(placer *k, const ir_value *v, const ir_value *w)
{
    const plan_view *a = plan_view_of(k->p, v), *b = plan_view_of(k->p, w);
    if (plan_is_contiguous(k->m, v->type, a) && plan_is_contiguous(k->m, w->type, b)) return true;
    return ir_same_shape(v->type, w->type) && plan_steps_alike(v->type, a, b);
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
            if (!sx_is(view->offset, 0) || !plan_is_dense(k->m, o->type, view) || !may_overwrite(w->def, o, w) || !lie_alike(k, o, w)) return false;
        }
        return position(k, w->def) == before->last && !map_getp(&k->copied_read, w->def);
    }
    const ir_block *b = w->block;
    if (!lie_alike(k, v, w)) return false;
    if (!b) { /* what a loop leaves is what its last trip yielded */
        for (b = w->def->region[0]->first; b; b = b->next)
            if (ir_ends_trip(b->last) && b->last->in[w->slot] == v) return true;
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

bool place_clash(placer *k, const segment *a, const segment *b)
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
                if (place_clash(k, &big->latest.at[n], &small->segment.at[i])) return true;
        }
        return false;
    }
    for (int i = 0; i < a->segment.n; i++)
        for (int n = 0; n < b->segment.n; n++)
            if (place_clash(k, &a->segment.at[i], &b->segment.at[n])) return true;
    return false;
}

void place_merge(placer *k, storage *into, storage *from)
{
    if (into->buffer->place == PLAN_ARENA && from->buffer->place != PLAN_ARENA) {
        into->buffer->place = from->buffer->place;
        into->buffer->port = from->buffer->port;
    }
    if (!into->buffer->name) into->buffer->name = from->buffer->name;
    for (int i = 0; i < from->segment.n; i++) vec_push(k->a, &into->segment, from->segment.at[i]);
    for (int i = 0; i < from->latest.n; i++) place_note_end(k, into, &from->latest.at[i]);
    from->merged = into;
}

/* Is it all of its buffer, in every run, in whichever order? An output's buffer is as large as the run's dims make it. */
bool place_is_whole(placer *k, const ir_value *v)
{
    const plan_view *view = plan_view_of(k->p, v);
    if (!view || !sx_is(view->offset, 0) || !plan_is_dense(k->m, v->type, view)) return false;
    return sx_mul(&k->m->sx, ir_elements(k->m, v->type), sx_int(&k->m->sx, (int64_t)dtype_bytes(v->type->dtype))) == view->buffer->size;
}

/* Puts two values into one storage, if nothing speaks against it. */
static bool try_merge(placer *k, const ir_value *a, const ir_value *b)
{
    if (!a || !b || a->type->kind != IR_TENSOR || !place_is_whole(k, a) || !place_is_whole(k, b)) return false;
    if (a->type->dtype != b->type->dtype || ir_elements(k->m, a->type) != ir_elements(k->m, b->type) || !lie_alike(k, a, b)) return false;
    storage *x = storage_of(k, plan_view_of(k->p, a)->buffer), *y = storage_of(k, plan_view_of(k->p, b)->buffer);
    if (x == y) return true;
    plan_place p = x->buffer->place, q = y->buffer->place;
    bool arena_p = p == PLAN_ARENA, arena_q = q == PLAN_ARENA;
    bool output_p = p == PLAN_OUTPUT, output_q = q == PLAN_OUTPUT;
    bool ok = (arena_p && (arena_q || output_q)) || (output_p && (arena_q || (output_q && x->buffer->port == y->buffer->port)));
    if (!ok || storages_clash(k, x, y)) return false;
    place_merge(k, x->segment.n >= y->segment.n ? x : y, x->segment.n >= y->segment.n ? y : x);
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
                for (int c = 0; ir_ends_trip(b->last) && c < i->nin; c++) try_merge(k, body->arg.at[c + 1], b->last->in[c]);
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
            if (!place_is_whole(k, v) || !plan_is_contiguous(k->m, v->type, plan_view_of(k->p, v))) continue;
            storage *s = storage_of(k, plan_view_of(k->p, v)->buffer);
            if (s->buffer->bytes > ir_max_bytes(g->output.at[o].type)) continue; /* the run checks that it fits, at the end */
            if (s->buffer->place != PLAN_ARENA || (port[o] && storages_clash(k, port[o], s))) continue;
            s->buffer->place = PLAN_OUTPUT;
            s->buffer->port = o;
            if (port[o]) place_merge(k, port[o], s);
            else port[o] = s;
        }
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

void plan_share(placer *k)
{
    place_writes(k);
    share_outputs(k);
    place_parts(k);
    share_loops_and_jumps(k);
    share_in_place(k);
    place_boxes(k);
}
