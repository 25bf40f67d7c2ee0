/* Layouts: which values are stored channels last.
 *
 * Where there is an op that works on places with all their channels (OPF_CHANNELS: convolutions, pools,
 * ...), each value with storage of its own has a choice. What speaks for an order are bytes: of values
 * that an op walks across the order in which they lie, of copies between orders, of storage that two
 * values cannot share because of them. All else that is made of a value (views, parts of a concat, what a
 * loop leaves) lies as the value does. */
#include "ir/sat.h"
#include "ir/shape.h"
#include "passes/choice.h"
#include "passes/plan_place.h"

/* A value as it lies in either order of the storage that it is a view of. */
typedef struct {
    const ir_value *value;
    int choice; /* -1: there is one order only */
    const plan_view *view[2];
} laid;

typedef struct {
    placer *k;
    nfc_map laid; /* value -> laid */
    choices choices;
    VEC(const ir_value *) owner; /* by choice: whose storage it is about */
    int64_t times; /* how often the instruction at hand runs, at most */
} layouter;

/* Passes over the bytes of a value that something costs. APART: of bytes whose products are made one by one, or which are
 * stored so. */
enum { ACROSS = 1, COPY = 2, COPY_OUT = 4, APART = 8 };

static bool has_choice(const ir_type *t)
{
    if (t->kind != IR_TENSOR || t->rank < 3 || t->rank > 5 || ir_max_elements(t) == 0) return false;
    bool spatial = false;
    for (int i = 2; i < t->rank; i++) spatial |= !sx_is(t->dim[i], 1);
    return spatial && sx_is_const(t->dim[1]) && sx_value(t->dim[1]) > 1;
}

/* A copy with new extents is written as if it had the operand's. */
static bool can_be_written(placer *k, const ir_value *v)
{
    if (!v->def || !renames(v->def)) return true;
    const plan_view *view = plan_channels_last_view(k->p, NULL, v->type);
    return plan_regrouped(k->m, v->type, view, v->def->in[0]->type) != NULL;
}

static bool can_choose(placer *k, const ir_value *v) { return has_choice(v->type) && can_be_written(k, v); }

/* ---- costs --------------------------------------------------------------------------------- */

/* Of all times that the instruction at hand runs. */
static int64_t bytes_of(const layouter *l, const ir_value *v)
{
    const int64_t most = INT64_C(1) << 40; /* sums must not overflow */
    int64_t n = sat_mul(ir_max_bytes(v->type), l->times);
    return n < most ? n : most;
}

static int64_t times_of(placer *k, const ir_inst *i)
{
    int64_t times = 1;
    for (const ir_inst *loop = i->block->region->owner; loop; loop = loop->block->region->owner) {
        int64_t trips = sx_max(sx_sub(&k->m->sx, loop->index[1], loop->index[0]));
        if (trips > 1) times = sat_mul(times, trips);
    }
    return times;
}

/* The axis along which elements lie nearest to each other; -1: there is one element, or an axis is
 * repeated. */
static int inner_axis(const ir_type *t, const plan_view *v)
{
    int inner = -1;
    for (int i = t->rank - 1; i >= 0; i--) {
        if (sx_is(t->dim[i], 1)) continue;
        if (sx_is(v->stride[i], 0)) return -1;
        if (inner < 0 || sx_max(v->stride[i]) < sx_max(v->stride[inner])) inner = i;
    }
    return inner;
}

/* Is one of them walked across its order where both are walked at the same places? */
static bool differ(const ir_type *a, const plan_view *x, const ir_type *b, const plan_view *y)
{
    int i = inner_axis(a, x), j = inner_axis(b, y);
    return i >= 0 && j >= 0 && i - a->rank != j - b->rank;
}

static void add_pair(layouter *l, const laid *a, const laid *b, int64_t cost[2][2])
{
    if (a->choice >= 0 && b->choice >= 0) choice_beside(&l->choices, a->choice, b->choice, cost);
    else if (a->choice >= 0) choice_cost(&l->choices, a->choice, cost[0][0], cost[1][0]);
    else if (b->choice >= 0) choice_cost(&l->choices, b->choice, cost[0][0], cost[0][1]);
}

/* Two values that are walked together, or copied, or the same storage, if they can: what it costs where they do
 * not lie alike. What has one order only is no storage of the planner's, and copied anyway. */
static void agree(layouter *l, const ir_value *v, const ir_value *w, int passes)
{
    const laid *a = map_getp(&l->laid, v), *b = map_getp(&l->laid, w);
    int64_t cost[2][2];
    if (!a || !b) return;
    if (a->choice < 0 || b->choice < 0) passes = ACROSS;
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) cost[i][j] = differ(v->type, a->view[i], w->type, b->view[j]) ? passes * bytes_of(l, v) : 0;
    add_pair(l, a, b, cost);
}

/* An op that walks a value along an axis. */
static void walk(layouter *l, const ir_value *v, int axis)
{
    const laid *a = map_getp(&l->laid, v);
    int64_t cost[2];
    if (!a || a->choice < 0 || axis < 0 || axis >= v->type->rank || sx_is(v->type->dim[axis], 1)) return;
    for (int i = 0; i < 2; i++) {
        int inner = inner_axis(v->type, a->view[i]);
        cost[i] = inner >= 0 && inner != axis ? ACROSS * bytes_of(l, v) : 0;
    }
    choice_cost(&l->choices, a->choice, cost[0], cost[1]);
}

/* What the caller sees is in the order of its axes: else it is copied there. */
static void leave(layouter *l, const ir_value *v, int passes)
{
    const laid *a = map_getp(&l->laid, v);
    int64_t cost[2];
    if (!a || a->choice < 0) return;
    for (int i = 0; i < 2; i++) cost[i] = plan_is_contiguous(l->k->m, v->type, a->view[i]) ? 0 : passes * bytes_of(l, v);
    choice_cost(&l->choices, a->choice, cost[0], cost[1]);
}

/* ---- values -------------------------------------------------------------------------------- */

static laid *lay(layouter *l, const ir_value *v, int which, const plan_view *plain, const plan_view *last)
{
    laid *x = ARENA_NEW(l->k->a, laid);
    *x = (laid){v, which, {plain, last}};
    map_setp(&l->laid, v, x);
    return x;
}

static laid *lay_out(layouter *l, const ir_value *v, bool free_order)
{
    const plan_view *plain = plan_new_view(l->k->p, NULL, v->type);
    if (!free_order || !can_choose(l->k, v)) return lay(l, v, -1, plain, plain);
    vec_push(l->k->a, &l->owner, v);
    return lay(l, v, choice_new(&l->choices), plain, plan_channels_last_view(l->k->p, NULL, v->type));
}

/* A view in both orders of its operand is one; else it may have to be a copy, with a choice of its own. */
static void lay_renamed(layouter *l, const ir_inst *i, int n)
{
    const ir_value *v = i->out[n], *x = i->in[0];
    const laid *of = map_getp(&l->laid, x);
    if (!of) return;
    const plan_view *view[2];
    for (int c = 0; c < 2; c++) view[c] = c && of->choice < 0 ? view[0] : plan_renamed(l->k->p, i, n, of->view[c]);
    if (view[0] && view[1]) {
        lay(l, v, of->choice, view[0], view[1]);
        return;
    }
    const laid *copy = lay_out(l, v, true);
    int64_t cost[2][2];
    for (int a = 0; a < 2; a++)
        for (int b = 0; b < 2; b++) {
            const plan_view *as_operand = plan_regrouped(l->k->m, v->type, copy->view[b], x->type);
            if (view[a]) cost[a][b] = differ(v->type, view[a], v->type, copy->view[b]) ? ACROSS * bytes_of(l, v) : 0;
            else cost[a][b] = (COPY + (as_operand && differ(x->type, of->view[a], x->type, as_operand) ? ACROSS : 0)) * bytes_of(l, v);
        }
    add_pair(l, of, copy, cost);
}

/* A part that is made for the concat alone is made in its place. */
static void lay_concat(layouter *l, const ir_inst *i)
{
    const laid *whole = lay_out(l, i->out[0], true);
    for (int n = 0; n < i->nin; n++) {
        const ir_value *x = i->in[n];
        const laid *part = map_getp(&l->laid, x);
        if (!part) continue;
        bool own = x->def && x->def->op != IR_loop && !renames(x->def) && !x->uses->next && part->choice >= 0;
        if (own && whole->choice >= 0) choice_unite(&l->choices, whole->choice, part->choice);
        else agree(l, x, i->out[0], COPY);
    }
}

/* ---- instructions -------------------------------------------------------------------------- */

/* The loop nest of a kernel; NULL: it is worked out element by element. */
static const ir_inst *nest_of(const ir_inst *i)
{
    if (i->op != IR_fused) return op_get(i->op)->family == FAM_NEST ? i : NULL;
    for (const ir_inst *f = i->region[0]->first->first; f; f = f->next)
        if (op_get(f->op)->family == FAM_NEST) return f;
    return NULL;
}

/* A convolution of bytes: those of a place's channels are multiplied at once where they lie side by side, and results are
 * stored at once where theirs lie as those of x do. */
static void weigh_bytes(layouter *l, const ir_value *x, const ir_value *y)
{
    const laid *a = map_getp(&l->laid, x), *b = map_getp(&l->laid, y);
    const int64_t passes = APART * sat_add(bytes_of(l, x), bytes_of(l, y));
    int64_t cost[2][2];
    if (!a || !b) return;
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) cost[i][j] = differ(x->type, a->view[i], y->type, b->view[j]) ? passes : 0;
    if (a->choice >= 0) choice_cost(&l->choices, a->choice, passes, 0);
    add_pair(l, a, b, cost);
}

/* The axis of an operand or result along which a nest works; -1: any. */
static int axis_of_work(const ir_inst *nest, const ir_type *t)
{
    const op_info *info = op_get(nest->op);
    int axis = op_attr_find(info, "axis");
    if (info->flags & OPF_CHANNELS) return 1;
    if (axis >= 0 && nest->attr[axis].kind == IR_ATTR_INT) return (int)(nest->attr[axis].i < 0 ? nest->attr[axis].i + t->rank : nest->attr[axis].i);
    return info->rule->macs != mc_none ? t->rank - 1 : -1;
}

/* Does the nest load operand n of the kernel itself, as what it is about? */
static bool works_on(const ir_inst *kernel, const ir_inst *nest, int n)
{
    bool channels = op_get(nest->op)->flags & OPF_CHANNELS;
    for (int i = 0; i < (channels ? 1 : nest->nin); i++) {
        const ir_value *v = nest->in[i];
        if (kernel == nest ? i == n : v && v->block && v->block->region->owner == kernel && v->slot == n) return true;
    }
    return false;
}

static void weigh_kernel(layouter *l, const ir_inst *i)
{
    const ir_inst *nest = nest_of(i);
    const ir_value *out = i->nout ? i->out[0] : NULL;
    for (int n = 0; n < i->nout; n++) {
        if (!ir_is_tensor(i->out[n])) continue;
        lay_out(l, i->out[n], !(i->op == IR_const || i->op == IR_weight || (i->op == IR_read && !map_getp(&l->k->copied_read, i))));
        if (nest) walk(l, i->out[n], axis_of_work(nest, i->out[n]->type));
    }
    for (int n = 0; out && ir_is_tensor(out) && n < i->nin; n++) {
        const ir_value *v = i->in[n];
        if (!v || !ir_is_tensor(v)) continue;
        bool at_its_place = nest ? ir_same_shape(v->type, out->type) : v->type->rank == out->type->rank;
        if (nest && nest->op == IR_conv_integer && works_on(i, nest, n)) weigh_bytes(l, v, out);
        if (nest && (works_on(i, nest, n) || ir_same_shape(v->type, nest->in[0]->type))) walk(l, v, axis_of_work(nest, v->type));
        else if (at_its_place) agree(l, v, out, ACROSS + (ir_same_shape(v->type, out->type) ? COPY : 0));
    }
}

static void weigh_jumps(layouter *l, const ir_inst *i)
{
    for (int e = 0; e < i->nedge; e++)
        for (int a = 0; a < i->edge[e].n; a++) agree(l, i->in[i->edge[e].first + a], i->edge[e].to->arg.at[a], ACROSS + COPY);
    if (i->op != IR_yield && i->op != IR_break) return;
    if (i->block->region->owner->op != IR_loop) return;
    for (int a = 0; a < i->nin; a++) agree(l, i->in[a], i->block->region->first->arg.at[a + 1], ACROSS + COPY);
}

/* What goes round a loop lies as the loop carries it. */
static void weigh_loop(layouter *l, const ir_inst *i)
{
    const ir_block *body = i->region[0]->first;
    for (int a = 0; a < i->nin; a++) agree(l, i->in[a], body->arg.at[a + 1], ACROSS + COPY);
    for (int n = 0; n < i->nout; n++) {
        const laid *arg = map_getp(&l->laid, body->arg.at[n + 1]);
        if (arg) lay(l, i->out[n], arg->choice, arg->view[0], arg->view[1]);
    }
}

static void weigh(layouter *l, const ir_inst *i)
{
    switch (i->op) {
    case IR_loop: weigh_loop(l, i); return;
    case IR_concat: lay_concat(l, i); return;
    case IR_update:
        lay_out(l, i->out[0], true);
        agree(l, i->in[0], i->out[0], ACROSS + COPY);
        agree(l, i->in[1], i->out[0], ACROSS);
        return;
    case IR_write: leave(l, i->in[1], COPY); return;
    case IR_return:
        for (int n = 0; n < i->nin; n++) leave(l, i->in[n], COPY_OUT);
        return;
    default: break;
    }
    if (op_get(i->op)->flags & OPF_TERMINATOR) weigh_jumps(l, i);
    else if (renames(i))
        for (int n = 0; n < i->nout; n++) lay_renamed(l, i, n);
    else weigh_kernel(l, i);
}

static bool works_on_channels(const ir_inst *i)
{
    const ir_inst *nest = nest_of(i);
    return nest && op_get(nest->op)->flags & OPF_CHANNELS;
}

static void lay_arguments(layouter *l, const ir_block *b)
{
    bool entry = !b->region->owner && b == b->region->first;
    for (int a = 0; a < b->arg.n; a++)
        if (ir_is_tensor(b->arg.at[a])) lay_out(l, b->arg.at[a], !entry);
}

static void choose_layouts(placer *k)
{
    layouter l = {.k = k, .choices = {.a = k->a}};
    bool worth_it = false;
    map_init(&l.laid, k->a);
    for (int n = 0; n < k->inst.n; n++) worth_it |= works_on_channels(k->inst.at[n]);
    for (int n = 0; worth_it && n < k->inst.n; n++)
        if (k->inst.at[n] == k->inst.at[n]->block->first) lay_arguments(&l, k->inst.at[n]->block);
    for (int n = 0; worth_it && n < k->inst.n; n++) {
        l.times = times_of(k, k->inst.at[n]);
        weigh(&l, k->inst.at[n]);
    }
    choices_make(&l.choices);
    for (int c = 0; c < l.owner.n; c++)
        if (l.choices.one.at[choice_of(&l.choices, c)].label) map_setp(&k->channels_last, l.owner.at[c], k);
}

/* ---- all ----------------------------------------------------------------------------------- */

static void store_channels_last(placer *k, const ir_value *v)
{
    if (can_choose(k, v)) map_setp(&k->channels_last, v, k);
}

static void store_all_so(placer *k)
{
    for (int n = 0; n < k->inst.n; n++) {
        const ir_inst *i = k->inst.at[n];
        for (int o = 0; o < i->nout; o++) store_channels_last(k, i->out[o]);
        if (i == i->block->first)
            for (int a = 0; a < i->block->arg.n; a++) store_channels_last(k, i->block->arg.at[a]);
    }
}

void plan_layouts(placer *k)
{
    switch (k->p->plan->layout) {
    case LAYOUT_PLAIN: return;
    case LAYOUT_CHANNELS_LAST: store_all_so(k); return;
    case LAYOUT_CHOSEN: choose_layouts(k); return;
    }
}
