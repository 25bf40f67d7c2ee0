/* Parts: what is worked out where a concat or a write puts it. */
#include "ir/shape.h"
#include "passes/plan_place.h"

/* ---- made for one user --------------------------------------------------------------------- */

/* Is the value made in the block of this user, with storage of its own? */
static bool has_own_storage(placer *k, const ir_value *v, const ir_inst *user)
{
    if (!v->def || v->def->block != user->block || !place_is_whole(k, v)) return false;
    if (v->def->op == IR_loop || map_getp(&k->base, v) != v) return false;
    const storage *s = storage_of(k, plan_view_of(k->p, v)->buffer);
    return s->buffer->place == PLAN_ARENA && s->segment.n == 1;
}

/* Is it a view of another value, and not a copy? */
static bool is_view(placer *k, const ir_value *v) { return v->def && renames(v->def) && map_getp(&k->base, v) != v; }

/* What is made for the user alone and is its operand x, or what x is a view of; NULL: that has other users
 * too. `at` is where x shall lie, and becomes where that lies then. */
static const ir_value *made_for(placer *k, const ir_value *x, const ir_inst *user, plan_view *at)
{
    while (is_view(k, x) && !x->uses->next) {
        const plan_view *from = plan_unrenamed(k->p, x->def, at);
        if (!from) return NULL;
        *at = *from;
        x = x->def->in[0];
    }
    if (x->uses->next || !has_own_storage(k, x, user) || (renames(x->def) && !plan_unrenamed(k->p, x->def, at))) return NULL;
    return x;
}

static void lay_at(placer *k, const ir_value *x, const plan_view *at)
{
    *plan_view_of(k->p, x) = *at;
    if (is_view(k, x)) lay_at(k, x->def->in[0], plan_unrenamed(k->p, x->def, at));
}

/* Does another value need the storage of a concat while the part is there already? The lives of other
 * parts, which lie beside it, stand behind the first `foreign` ones. */
static bool part_clashes(placer *k, const storage *whole, const storage *part, const ir_value *concat)
{
    for (int i = 0; i < whole->foreign; i++)
        if (whole->segment.at[i].value != concat && place_clash(k, &whole->segment.at[i], &part->segment.at[0])) return true;
    return false;
}

static void check_known(void *env, const ir_sym *sym)
{
    int *latest = env;
    int at = sym->is_dim ? -1 : sym->value->def ? sym->value->def->id : -1;
    if (at > *latest) *latest = at;
}

/* Are the indices that a place depends on read before a value is made there? */
static bool is_known_at(const plan_view *v, int rank, const ir_inst *maker)
{
    int latest = -1;
    sx_visit(v->offset, check_known, &latest);
    for (int i = 0; i < rank; i++) sx_visit(v->stride[i], check_known, &latest);
    return latest < maker->id;
}

/* ---- made for others too ------------------------------------------------------------------- */

static void span(const storage *s, int *first, int *last)
{
    *first = s->segment.at[0].first;
    *last = s->segment.at[0].last;
    for (int i = 1; i < s->segment.n; i++) {
        if (s->segment.at[i].first < *first) *first = s->segment.at[i].first;
        if (s->segment.at[i].last > *last) *last = s->segment.at[i].last;
    }
}

static int64_t highest(const int64_t *change, int n)
{
    int64_t sum = 0, most = 0;
    for (int i = 0; i < n; i++) {
        sum += change[i];
        if (sum > most) most = sum;
    }
    return most;
}

/* Would more bytes be in use at a time if a part lay in the storage of the concat, for as long as either? */
static bool needs_more(placer *k, const storage *whole, const storage *part)
{
    nfc_arena *a = arena_child(k->a);
    int64_t *change = ARENA_ARRAY(a, int64_t, k->p->positions + 3);
    int first, last, from, to;
    for (int i = 0; i < k->storage.n; i++) {
        const storage *s = k->storage.entry[i].value;
        if (s->merged || s->buffer->place != PLAN_ARENA || !s->segment.n) continue;
        span(s, &first, &last);
        change[first] += s->buffer->bytes;
        change[last + 1] -= s->buffer->bytes;
    }
    int64_t before = highest(change, k->p->positions + 3);
    span(whole, &first, &last);
    span(part, &from, &to);
    if (whole->buffer->place == PLAN_ARENA) {
        change[first] -= whole->buffer->bytes;
        change[last + 1] += whole->buffer->bytes;
        change[from < first ? from : first] += whole->buffer->bytes;
        change[(to > last ? to : last) + 1] -= whole->buffer->bytes;
    }
    change[from] -= part->buffer->bytes;
    change[to + 1] += part->buffer->bytes;
    bool more = highest(change, k->p->positions + 3) > before;
    arena_free(a);
    return more;
}

/* May a value that others read too lie in the concat? They read it there. Not where a view of it is made, which
 * would have to be one in the new place, and not where it should be overwritten or be what a jump passes. */
static bool may_be_read_there(placer *k, const ir_value *x, const ir_inst *concat)
{
    if (!k->joins_read || !has_own_storage(k, x, concat) || renames(x->def)) return false;
    for (const ir_use *u = x->uses; u; u = u->next)
        if (renames(u->inst) || u->inst->op == IR_loop || op_get(u->inst->op)->flags & (OPF_TERMINATOR | OPF_INPLACE)) return false;
    return true;
}

/* ---- what a loop carries --------------------------------------------------------------------- */

/* Is it what a loop carries into a concat alone? Then it can be left there at the end of a trip. */
static bool is_carried_into(placer *k, const ir_value *x, const ir_inst *concat, const plan_view *at)
{
    const ir_block *b = x->block;
    if (!b || !b->region->owner || b->region->owner->op != IR_loop || b != b->region->first || b != concat->block || x->uses->next) return false;
    if (map_getp(&k->base, x) != x || !place_is_whole(k, x) || !sx_is_const(at->offset)) return false;
    for (int i = 0; i < x->type->rank; i++)
        if (!sx_is_const(at->stride[i])) return false;
    const storage *s = storage_of(k, plan_view_of(k->p, x)->buffer);
    return s->buffer->place == PLAN_ARENA && s->segment.n == 1;
}

/* ---- concats ------------------------------------------------------------------------------- */

static void share_part(placer *k, const ir_inst *concat, const ir_value *x, const plan_view *at)
{
    plan_view own = *at;
    const ir_value *made = made_for(k, x, concat, &own);
    bool is_carried = !made && is_carried_into(k, x, concat, at), is_read = !made && !is_carried && may_be_read_there(k, x, concat);
    if (is_read || is_carried) own = *at;
    if (is_read || is_carried) made = x;
    if (!made) return;
    storage *part = storage_of(k, plan_view_of(k->p, made)->buffer), *s = storage_of(k, at->buffer);
    /* A state is read as it is until the write. */
    if (s == part || s->buffer->place == PLAN_STATE || part_clashes(k, s, part, concat->out[0])) return;
    if ((made->def && !is_known_at(&own, made->type->rank, made->def)) || (is_read && needs_more(k, s, part))) return;
    lay_at(k, x, at);
    place_merge(k, s, part);
    k->joined_read |= is_read;
}

static void share_parts(placer *k, const ir_inst *i)
{
    sx_table *t = &k->m->sx;
    int axis = (int)ir_int(i, ATTR_AT(concat, axis));
    if (axis < 0) axis += i->out[0]->type->rank;
    const plan_view *whole = plan_view_of(k->p, i->out[0]);
    const ir_sx *at = sx_int(t, 0);
    for (int p = 0; p < i->nin; p++) {
        plan_view v = *whole;
        v.offset = sx_add(t, v.offset, sx_mul(t, at, whole->stride[axis]));
        at = sx_add(t, at, i->in[p]->type->dim[axis]);
        share_part(k, i, i->in[p], &v);
    }
}

/* The parts of a concat are worked out where they will stand. Outer ones first: parts may be concats. */
void place_parts(placer *k)
{
    for (int i = 0; i < k->storage.n; i++) {
        storage *s = k->storage.entry[i].value;
        s->foreign = s->segment.n;
    }
    for (int n = k->inst.n - 1; n >= 0; n--)
        if (k->inst.at[n]->op == IR_concat) share_parts(k, k->inst.at[n]);
}

/* ---- updates ------------------------------------------------------------------------------- */

/* Does a value that is neither what is updated nor the result need the storage while the part is there already? */
static bool box_clashes(placer *k, const storage *whole, const storage *part, const ir_inst *update)
{
    for (int i = 0; i < whole->segment.n; i++) {
        const ir_value *v = whole->segment.at[i].value;
        if (v != map_getp(&k->base, update->in[0]) && v != update->out[0] && place_clash(k, &whole->segment.at[i], &part->segment.at[0])) return true;
    }
    return false;
}

/* Is the data there before what replaces a box of it is made? */
static bool is_there_before(placer *k, const ir_value *data, const ir_inst *maker)
{
    const ir_value *base = map_getp(&k->base, data);
    return !base->def || base->def->block != maker->block || base->def->id < maker->id;
}

/* Where the data lies in place already, and nothing else reads it, what replaces a box of it is worked out there. */
static void share_box(placer *k, const ir_inst *i)
{
    sx_table *t = &k->m->sx;
    const ir_attr *starts = &i->attr[ATTR_AT(update, starts)];
    const plan_view *whole = plan_view_of(k->p, i->out[0]), *data = plan_view_of(k->p, i->in[0]);
    plan_view box = *whole;
    storage *s = storage_of(k, whole->buffer);
    if (storage_of(k, data->buffer) != s || data->offset != whole->offset || !plan_steps_alike(i->out[0]->type, data, whole)) return;
    if (i->in[0]->uses->next || s->buffer->place == PLAN_STATE) return;
    for (int n = 0; n < starts->n; n++) box.offset = sx_add(t, box.offset, sx_mul(t, starts->sx[n], whole->stride[n]));
    plan_view own = box;
    const ir_value *made = made_for(k, i->in[1], i, &own);
    if (!made || !is_there_before(k, i->in[0], made->def)) return;
    storage *part = storage_of(k, plan_view_of(k->p, made)->buffer);
    if (s == part || box_clashes(k, s, part, i) || !is_known_at(&own, made->type->rank, made->def)) return;
    lay_at(k, i->in[1], &box);
    place_merge(k, s, part);
}

void place_boxes(placer *k)
{
    for (int n = 0; n < k->inst.n; n++)
        if (k->inst.at[n]->op == IR_update) share_box(k, k->inst.at[n]);
}

/* ---- writes -------------------------------------------------------------------------------- */

/* May it end the run? Then what was not written yet must not be written. */
static bool can_fail(placer *k, const ir_inst *i)
{
    if (op_get(i->op)->flags & OPF_CAN_FAIL) return true;
    for (const ir_inst *f = i->op == IR_fused ? i->region[0]->first->first : NULL; f; f = f->next)
        if (op_get(f->op)->flags & OPF_CAN_FAIL) return true;
    return plan_may_refuse(k->m, i);
}

/* From the maker of a value to the write: does nothing touch the state, use a view of it, or fail? */
static bool state_is_quiet(placer *k, const ir_inst *maker, const ir_inst *write)
{
    if (can_fail(k, write)) return false;
    for (const ir_inst *i = maker; i != write; i = i->next)
        if (i->op == IR_loop || can_fail(k, i) || (i->state == write->state && (i->op == IR_read || i->op == IR_write))) return false;
    const traffic *t = place_traffic(k, write->state);
    int earlier = place_before(k, t->read.at, t->read.n, position(k, write));
    return !earlier || t->until.at[earlier - 1] < position(k, maker);
}

/* What is only written into a state is worked out there. */
void place_writes(placer *k)
{
    for (int n = 0; n < k->inst.n; n++) {
        const ir_inst *w = k->inst.at[n];
        if (w->op != IR_write) continue;
        const plan_view *written = plan_written(k->p, w);
        plan_view own = *written;
        const ir_value *made = made_for(k, w->in[1], w, &own);
        if (!made || !is_known_at(&own, made->type->rank, made->def) || !state_is_quiet(k, made->def, w)) continue;
        storage *s = storage_of(k, plan_view_of(k->p, made)->buffer);
        lay_at(k, w->in[1], written);
        s->merged = storage_of(k, place_state(k, w->state));
    }
}
