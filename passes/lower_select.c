/* Ops whose results are as large as their elements make them: one pass, or several, that count as they go;
 * what is left of the results becomes zero. */
#include <math.h>
#include <string.h>
#include "ir/shape.h"
#include "passes/lower_kir.h"

static const ir_sx *zero(lw *l) { return sx_int(l->sx, 0); }
static const kir_expr *whole(lw *l, int64_t v) { return kir_int(&l->b, DT_i64, v); }
static const kir_expr *as_number(lw *l, const ir_sx *x) { return kir_cast(&l->b, DT_i64, kir_index(&l->b, x)); }
static void assign(lw *l, kir_buffer *into, const kir_expr *value) { kir_store(&l->b, into, zero(l), value); }
static void accumulate(lw *l, kir_buffer *into, const kir_expr *value) { kir_accum(&l->b, KB_ADD, into, zero(l), value); }
static bool is_float(kir_type t) { return dtype_is_float((nfc_dtype)t); }

/* A number that lies from 0 to last by what the kernel does, as an index. */
static const ir_sx *place(lw *l, const char *name, const kir_expr *number, const ir_sx *last)
{
    kir_builder *b = &l->b;
    if (sx_is(last, 0)) return last;
    const kir_expr *x = kir_binary(b, KB_MAX, kir_cast(b, KIR_INDEX_TYPE, number), kir_int(b, KIR_INDEX_TYPE, 0));
    return kir_let_index(b, name, kir_binary(b, KB_MIN, x, kir_index(b, last)), 0, sx_max(last) < 0 ? 0 : sx_max(last));
}

/* The same for a place on an axis that is not empty. */
static const ir_sx *place_on(lw *l, const char *name, const kir_expr *number, const ir_sx *extent)
{
    return place(l, name, number, sx_sub(l->sx, extent, sx_int(l->sx, 1)));
}

/* Loops over all axes of a shape but one, filling their places of index; how many. */
static int for_others(lw *l, const ir_type *t, int axis, const ir_sx **index)
{
    for (int i = 0; i < t->rank; i++)
        if (i != axis) index[i] = lw_for(l, lw_axis_names(t->rank)[i], t->dim[i]);
    return t->rank - (axis >= 0);
}

/* Zero for what a result has behind the first `count` along an axis. */
static void zero_rest(lw *l, const ir_inst *inst, int result, int axis, kir_buffer *count)
{
    const ir_type *t = inst->out[result]->type;
    const ir_sx *at[IR_MAX_RANK];
    if (ir_max_elements(t) == 0) return;
    const ir_sx *used = place(l, "used", lw_read(l, count), t->dim[axis]);
    at[axis] = kir_for(&l->b, KIR_SERIAL, "rest", used, t->dim[axis]);
    int loops = for_others(l, t, axis, at);
    lw_store(l, result, at, lw_number(l, kir_compute(t->dtype), 0));
    lw_close(l, loops + 1);
}

void lw_coordinates(lw *l, const ir_type *t, const ir_sx *flat, const ir_sx **at)
{
    kir_builder *b = &l->b;
    if (t->rank) at[0] = flat;
    for (int i = t->rank - 1; i > 0; i--) {
        if (sx_is_const(t->dim[i]) && sx_value(t->dim[i]) > 0) {
            at[i] = sx_mod(l->sx, flat, sx_value(t->dim[i]));
            at[0] = flat = sx_div(l->sx, flat, sx_value(t->dim[i]));
            continue;
        }
        const ir_sx *most = sx_int(l->sx, 1);
        for (int k = 0; k < i; k++) most = sx_mul(l->sx, most, t->dim[k]);
        at[i] = kir_let_index(b, lw_axis_names(t->rank)[i], kir_binary(b, KB_REM, kir_index(b, flat), kir_index(b, t->dim[i])), 0, sx_max(t->dim[i]) - 1);
        at[0] = flat = place_on(l, "whole", kir_binary(b, KB_DIV, kir_index(b, flat), kir_index(b, t->dim[i])), most);
    }
}

/* ---- what a condition chooses -------------------------------------------------------------- */

bool lo_compress(lw *l, const ir_inst *inst)
{
    const ir_type *x = inst->in[0]->type, *y = inst->out[0]->type;
    const ir_sx *from[IR_MAX_RANK], *to[IR_MAX_RANK], *n = inst->in[1]->type->dim[0];
    bool flat = !ir_given(inst, ATTR_AT(compress, axis));
    int axis = flat ? 0 : (int)ir_int(inst, ATTR_AT(compress, axis));
    if (axis < 0) axis += x->rank;
    kir_buffer *count = lw_accumulator(l, "n", DT_i64, whole(l, 0));
    const ir_sx *i = lw_for(l, "i", n);
    lw_if(l, lw_load(l, inst->in[1], &i));
    if (ir_max_elements(y) > 0) {
        to[axis] = place_on(l, "to", lw_read(l, count), n);
        int loops = flat ? 0 : for_others(l, x, axis, from);
        for (int k = 0; k < y->rank; k++)
            if (k != axis) to[k] = from[k];
        if (flat) lw_coordinates(l, x, i, from);
        else from[axis] = i;
        lw_store(l, 0, to, lw_load(l, inst->in[0], from));
        lw_close(l, loops);
    }
    accumulate(l, count, whole(l, 1));
    lw_close(l, 2);
    zero_rest(l, inst, 0, axis, count);
    lw_store(l, 1, NULL, lw_read(l, count));
    return true;
}

bool lo_nonzero(lw *l, const ir_inst *inst)
{
    const ir_type *x = inst->in[0]->type;
    const ir_sx *at[IR_MAX_RANK] = {zero(l)}, *n = inst->out[0]->type->dim[1];
    kir_buffer *count = lw_accumulator(l, "n", DT_i64, whole(l, 0));
    if (ir_max_elements(x) > 0) {
        int loops = for_others(l, x, -1, at);
        const kir_expr *v = lw_load(l, inst->in[0], at);
        lw_if(l, v->type == DT_bool ? v : lw_bin(l, NE, v, lw_number(l, v->type, 0)));
        const ir_sx *to = place_on(l, "to", lw_read(l, count), n);
        for (int i = 0; i < (x->rank ? x->rank : 1); i++) lw_store(l, 0, (const ir_sx *[]){sx_int(l->sx, i), to}, as_number(l, at[i]));
        accumulate(l, count, whole(l, 1));
        lw_close(l, loops + 1);
    }
    zero_rest(l, inst, 0, 1, count);
    lw_store(l, 1, NULL, lw_read(l, count));
    return true;
}

/* ---- unique -------------------------------------------------------------------------------- */

typedef struct {
    const ir_inst *inst;
    int axis;       /* of the slices; -1: x counts as flattened */
    const ir_sx *n; /* slices */
    kir_buffer *order, *found, *counted;
} unique;

static const ir_sx **slice_index(lw *l, const unique *u, const ir_sx *slice, const ir_sx **at)
{
    if (u->axis < 0) lw_coordinates(l, u->inst->in[0]->type, slice, at);
    else at[u->axis] = slice;
    return at;
}

/* Leaves in u->order whether slice i is less than slice k (-1), equal to it or greater (1), up to the first
 * element that decides it. NaN counts as the largest. */
static const kir_expr *compare(lw *l, const unique *u, const ir_sx *i, const ir_sx *k)
{
    kir_builder *b = &l->b;
    const ir_sx *at_i[IR_MAX_RANK], *at_k[IR_MAX_RANK];
    const kir_expr *same = kir_int(b, DT_i32, 0);
    assign(l, u->order, same);
    int loops = u->axis < 0 ? 0 : for_others(l, u->inst->in[0]->type, u->axis, at_i);
    memcpy(at_k, at_i, sizeof at_k);
    const kir_expr *x = lw_named(l, "x", lw_load(l, u->inst->in[0], slice_index(l, u, i, at_i)));
    const kir_expr *y = lw_named(l, "y", lw_load(l, u->inst->in[0], slice_index(l, u, k, at_k)));
    if (x->type == DT_bool) x = kir_cast(b, DT_i32, x), y = kir_cast(b, DT_i32, y);
    const kir_expr *less = lw_bin(l, LT, x, y), *more = lw_bin(l, LT, y, x);
    if (is_float(x->type)) {
        const kir_expr *nan_x = lw_bin(l, NE, x, x), *nan_y = lw_bin(l, NE, y, y);
        less = lw_bin(l, OR, less, lw_bin(l, AND, nan_y, lw_un(l, NOT, nan_x)));
        more = lw_bin(l, OR, more, lw_bin(l, AND, nan_x, lw_un(l, NOT, nan_y)));
    }
    const kir_expr *order = lw_sel(l, less, kir_int(b, DT_i32, -1), lw_sel(l, more, kir_int(b, DT_i32, 1), same));
    assign(l, u->order, loops ? lw_sel(l, lw_bin(l, EQ, lw_read(l, u->order), same), order, lw_read(l, u->order)) : order);
    lw_close(l, loops);
    return lw_read(l, u->order);
}

static const kir_expr *is_equal(lw *l, const unique *u, const ir_sx *i, const ir_sx *k)
{
    return lw_bin(l, EQ, compare(l, u, i, k), kir_int(&l->b, DT_i32, 0));
}

/* Slice `first`, which is found there first, is the next of the different ones. */
static void add_slice(lw *l, const unique *u, const ir_sx *first)
{
    const ir_type *x = u->inst->in[0]->type;
    const ir_sx *from[IR_MAX_RANK], *to[IR_MAX_RANK], *number = place_on(l, "number", lw_read(l, u->found), u->n);
    int loops = u->axis < 0 ? 0 : for_others(l, x, u->axis, from);
    memcpy(to, from, sizeof to);
    to[u->axis < 0 ? 0 : u->axis] = number;
    lw_store(l, 0, to, lw_load(l, u->inst->in[0], slice_index(l, u, first, from)));
    lw_close(l, loops);
    lw_store(l, 1, &number, as_number(l, first));
    assign(l, u->counted, whole(l, 0));
    const ir_sx *i = lw_for(l, "i", u->n);
    lw_if(l, is_equal(l, u, i, first));
    lw_store(l, 2, &i, as_number(l, number));
    accumulate(l, u->counted, whole(l, 1));
    lw_close(l, 2);
    lw_store(l, 3, &number, lw_read(l, u->counted));
    accumulate(l, u->found, whole(l, 1));
}

/* Each slice that equals none before it. */
static void in_order_of_places(lw *l, const unique *u)
{
    kir_buffer *known = lw_accumulator(l, "known", DT_bool, kir_int(&l->b, DT_bool, 0));
    const ir_sx *i = lw_for(l, "first", u->n);
    assign(l, known, kir_int(&l->b, DT_bool, 0));
    const ir_sx *k = lw_for(l, "k", i);
    const kir_expr *equal = is_equal(l, u, k, i);
    assign(l, known, lw_bin(l, OR, lw_read(l, known), equal));
    lw_close(l, 1);
    lw_if(l, lw_un(l, NOT, lw_read(l, known)));
    add_slice(l, u, i);
    lw_close(l, 2);
}

/* Again and again the least slice that is greater than the last one: no memory is needed. */
static void in_ascending_order(lw *l, const unique *u)
{
    const kir_expr *none = whole(l, -1);
    kir_buffer *last = lw_accumulator(l, "last", DT_i64, none), *best = lw_accumulator(l, "best", DT_i64, none);
    const ir_sx *round = lw_for(l, "round", u->n);
    lw_if(l, lw_bin(l, EQ, as_number(l, round), lw_read(l, u->found))); /* the round before found one */
    assign(l, best, none);
    const ir_sx *i = lw_for(l, "i", u->n);
    const kir_expr *after = compare(l, u, i, place_on(l, "last_at", lw_read(l, last), u->n));
    after = lw_named(l, "after", lw_bin(l, OR, lw_bin(l, EQ, lw_read(l, last), none), lw_bin(l, LT, kir_int(&l->b, DT_i32, 0), after)));
    const kir_expr *before = compare(l, u, i, place_on(l, "best_at", lw_read(l, best), u->n));
    before = lw_bin(l, OR, lw_bin(l, EQ, lw_read(l, best), none), lw_bin(l, LT, before, kir_int(&l->b, DT_i32, 0)));
    lw_if(l, lw_bin(l, AND, after, before));
    assign(l, best, as_number(l, i));
    lw_close(l, 2);
    assign(l, last, lw_read(l, best));
    lw_if(l, lw_bin(l, NE, lw_read(l, best), none));
    add_slice(l, u, place_on(l, "least", lw_read(l, best), u->n));
    lw_close(l, 3);
}

bool lo_unique(lw *l, const ir_inst *inst)
{
    const ir_type *x = inst->in[0]->type;
    unique u = {.inst = inst, .axis = -1, .n = inst->out[1]->type->dim[0]};
    if (ir_given(inst, ATTR_AT(unique, axis))) u.axis = (int)ir_int(inst, ATTR_AT(unique, axis));
    if (u.axis < 0 && ir_given(inst, ATTR_AT(unique, axis))) u.axis += x->rank;
    u.found = lw_accumulator(l, "found", DT_i64, whole(l, 0));
    if (sx_max(u.n) > 0) {
        u.counted = lw_accumulator(l, "counted", DT_i64, whole(l, 0));
        u.order = lw_accumulator(l, "order", DT_i32, kir_int(&l->b, DT_i32, 0));
        bool differ = ir_max_elements(x) > 0; /* slices without elements are all equal */
        if (differ && ir_int(inst, ATTR_AT(unique, sorted))) in_ascending_order(l, &u);
        else in_order_of_places(l, &u);
    }
    zero_rest(l, inst, 0, u.axis < 0 ? 0 : u.axis, u.found);
    zero_rest(l, inst, 1, 0, u.found);
    zero_rest(l, inst, 3, 0, u.found);
    lw_store(l, 4, NULL, lw_read(l, u.found));
    return true;
}

/* ---- non-maximum suppression --------------------------------------------------------------- */

/* A box along x (0) and y (1). */
typedef struct {
    const kir_expr *low[2], *high[2];
} box;

/* Where a box begins and ends along x (k = 0) or y. */
static void load_side(lw *l, const ir_inst *inst, const ir_sx *batch, const ir_sx *i, int k, box *b)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    const bool centred = ir_int(inst, ATTR_AT(non_max_suppression, center_point_box));
    const int at[2] = {centred ? k : 1 - k, centred ? 2 + k : 3 - k};
    const kir_expr *v[2];
    for (int n = 0; n < 2; n++) v[n] = lw_named(l, names[at[n]], lw_load(l, inst->in[0], (const ir_sx *[]){batch, i, sx_int(l->sx, at[n])}));
    const kir_expr *reach = lw_bin(l, MUL, v[1], lw_number(l, DT_f32, 0.5)), *rises = lw_bin(l, LT, v[0], v[1]); /* where one is NaN, the box is empty or NaN */
    b->low[k] = lw_named(l, k ? "y_low" : "x_low", centred ? lw_bin(l, SUB, v[0], reach) : lw_sel(l, rises, v[0], v[1]));
    b->high[k] = lw_named(l, k ? "y_high" : "x_high", centred ? lw_bin(l, ADD, v[0], reach) : lw_sel(l, rises, v[1], v[0]));
}

static const kir_expr *area(lw *l, const char *name, const box *b)
{
    return lw_named(l, name, lw_bin(l, MUL, lw_bin(l, SUB, b->high[0], b->low[0]), lw_bin(l, SUB, b->high[1], b->low[1])));
}

/* Do two boxes have something of x, or of y, in common? Few do, and the rest is worked out for them only. */
static const kir_expr *meet(lw *l, const box *a, const box *b, int k)
{
    return lw_bin(l, AND, lw_bin(l, LT, a->low[k], b->high[k]), lw_bin(l, LT, b->low[k], a->high[k]));
}

/* Of boxes that do: is what they share more of what they cover together than the threshold? Not if one is empty. */
static const kir_expr *overlap(lw *l, const box *a, const box *b, const kir_expr *threshold)
{
    const kir_expr *none = lw_number(l, DT_f32, 0), *yes;
    box both;
    for (int k = 0; k < 2; k++) {
        both.low[k] = lw_bin(l, MAX, a->low[k], b->low[k]);
        both.high[k] = lw_bin(l, MIN, a->high[k], b->high[k]);
    }
    const kir_expr *shared = area(l, "shared", &both), *one = area(l, "area", a), *other = area(l, "other_area", b);
    const kir_expr *all = lw_named(l, "covered", lw_bin(l, SUB, lw_bin(l, ADD, one, other), shared));
    yes = lw_bin(l, AND, lw_bin(l, LT, both.low[0], both.high[0]), lw_bin(l, LT, both.low[1], both.high[1]));
    yes = lw_bin(l, AND, yes, lw_bin(l, AND, lw_bin(l, LT, none, one), lw_bin(l, LT, none, other)));
    yes = lw_bin(l, AND, yes, lw_bin(l, AND, lw_bin(l, LT, none, shared), lw_bin(l, LT, none, all)));
    return lw_bin(l, AND, yes, lw_bin(l, LT, threshold, lw_bin(l, DIV, shared, all)));
}

typedef struct {
    const ir_inst *inst;
    const ir_sx *batch, *class, *n;
    const kir_expr *most, *threshold, *least_score; /* least_score: NULL: none */
    kir_buffer *count;
    kir_buffer *score, *at;  /* of the boxes that come next, in the order of scores; at: -1: there are no more */
    int64_t room;            /* for so many */
    kir_buffer *last, *best; /* the box before them; the one at hand */
} suppression;

static const kir_expr *score_of(lw *l, const suppression *s, const ir_sx *i) { return lw_load(l, s->inst->in[1], (const ir_sx *[]){s->batch, s->class, i}); }

/* Box i goes in front of all with lower scores, of which the last one falls out. */
static void insert_box(lw *l, const suppression *s, const kir_expr *score, const ir_sx *i)
{
    kir_builder *b = &l->b;
    kir_buffer *to = lw_accumulator(l, "to", DT_i64, whole(l, s->room - 1));
    if (s->room > 1) {
        const ir_sx *back = lw_for(l, "back", sx_int(l->sx, s->room - 1)), *p = sx_sub(l->sx, sx_int(l->sx, s->room - 2), back), *behind = sx_add(l->sx, p, sx_int(l->sx, 1));
        const kir_expr *later = lw_bin(l, OR, lw_bin(l, LT, kir_load(b, s->at, p), whole(l, 0)), lw_bin(l, LT, kir_load(b, s->score, p), score));
        lw_if(l, later);
        kir_store(b, s->score, behind, kir_load(b, s->score, p));
        kir_store(b, s->at, behind, kir_load(b, s->at, p));
        assign(l, to, as_number(l, p));
        lw_close(l, 2);
    }
    const ir_sx *place_ = place_on(l, "place", lw_read(l, to), sx_int(l->sx, s->room));
    kir_store(b, s->score, place_, score);
    kir_store(b, s->at, place_, as_number(l, i));
}

/* Finds the boxes that follow the last one in the order of scores, as many as there is room for. */
static void next_boxes(lw *l, const suppression *s)
{
    kir_builder *b = &l->b;
    const kir_expr *none = whole(l, -1);
    const ir_sx *p = lw_for(l, "p", sx_int(l->sx, s->room)), *lowest = sx_int(l->sx, s->room - 1);
    kir_store(b, s->score, p, lw_number(l, DT_f32, 0));
    kir_store(b, s->at, p, none);
    lw_close(l, 1);
    const kir_expr *last = lw_named(l, "last", lw_read(l, s->last)), *last_score = lw_named(l, "last_score", score_of(l, s, place_on(l, "last_at", last, s->n)));
    const ir_sx *i = lw_for(l, "i", s->n);
    const kir_expr *score = lw_named(l, "score", score_of(l, s, i));
    const kir_expr *better = lw_bin(l, OR, lw_bin(l, LT, kir_load(b, s->at, lowest), whole(l, 0)), lw_bin(l, LT, kir_load(b, s->score, lowest), score));
    lw_if(l, better);
    const kir_expr *counts = s->least_score ? lw_bin(l, LT, s->least_score, score) : lw_bin(l, EQ, score, score);
    const kir_expr *equal_later = lw_bin(l, AND, lw_bin(l, EQ, score, last_score), lw_bin(l, LT, last, as_number(l, i)));
    const kir_expr *left = lw_bin(l, OR, lw_bin(l, EQ, last, none), lw_bin(l, OR, lw_bin(l, LT, score, last_score), equal_later));
    lw_if(l, lw_bin(l, AND, counts, left));
    insert_box(l, s, score, i);
    lw_close(l, 3);
}

/* Takes the best box unless one of those taken since `begin` covers it. */
static void take_box(lw *l, const suppression *s, const kir_expr *begin)
{
    const ir_sx *rows = s->inst->out[0]->type->dim[0];
    const ir_sx *at = place_on(l, "box", lw_read(l, s->best), s->n);
    box mine, other;
    for (int k = 0; k < 2; k++) load_side(l, s->inst, s->batch, at, k, &mine);
    kir_buffer *covered = lw_accumulator(l, "hidden", DT_bool, kir_int(&l->b, DT_bool, 0));
    const ir_sx *k = kir_for(&l->b, KIR_SERIAL, "k", place(l, "from", begin, rows), place(l, "until", lw_read(l, s->count), rows));
    lw_if(l, lw_un(l, NOT, lw_read(l, covered)));
    map_init(&l->memo, l->m->arena);
    const ir_sx *taken = place_on(l, "taken", lw_stored(l, 0, (const ir_sx *[]){k, sx_int(l->sx, 2)}), s->n);
    for (int i = 0; i < 2; i++) {
        load_side(l, s->inst, s->batch, taken, i, &other);
        lw_if(l, meet(l, &mine, &other, i));
    }
    assign(l, covered, overlap(l, &mine, &other, s->threshold));
    lw_close(l, 4);
    lw_if(l, lw_un(l, NOT, lw_read(l, covered)));
    const ir_sx *row = place_on(l, "row", lw_read(l, s->count), rows), *value[3] = {s->batch, s->class, at};
    for (int i = 0; i < 3; i++) lw_store(l, 0, (const ir_sx *[]){row, sx_int(l->sx, i)}, as_number(l, value[i]));
    accumulate(l, s->count, whole(l, 1));
    lw_close(l, 1);
}

static const kir_expr *only_element(lw *l, const char *name, const ir_value *v, kir_type type)
{
    const ir_sx *const zeros[IR_MAX_RANK] = {zero(l), zero(l), zero(l), zero(l), zero(l), zero(l), zero(l), zero(l)};
    return lw_named(l, name, kir_cast(&l->b, type, lw_load(l, v, zeros)));
}

static void suppress_class(lw *l, const suppression *s)
{
    const kir_expr *none = whole(l, -1), *begin = lw_named(l, "begin", lw_read(l, s->count));
    const ir_sx *lowest = sx_int(l->sx, s->room - 1), *rounds = sx_div(l->sx, sx_add(l->sx, s->n, lowest), s->room);
    assign(l, s->last, none);
    kir_store(&l->b, s->at, lowest, whole(l, 0));
    lw_for(l, "round", rounds);
    const kir_expr *room = lw_bin(l, LT, lw_bin(l, SUB, lw_read(l, s->count), begin), s->most);
    lw_if(l, lw_bin(l, AND, room, lw_bin(l, LE, whole(l, 0), kir_load(&l->b, s->at, lowest)))); /* there were as many as that before */
    next_boxes(l, s);
    const ir_sx *p = lw_for(l, "p", sx_int(l->sx, s->room));
    assign(l, s->best, kir_load(&l->b, s->at, p));
    lw_if(l, lw_bin(l, AND, lw_bin(l, LT, lw_bin(l, SUB, lw_read(l, s->count), begin), s->most), lw_bin(l, NE, lw_read(l, s->best), none)));
    take_box(l, s, begin);
    lw_close(l, 2);
    assign(l, s->last, kir_load(&l->b, s->at, lowest));
    lw_close(l, 2);
}

bool lo_non_max_suppression(lw *l, const ir_inst *inst)
{
    enum { AT_ONCE = 16 }; /* boxes that are found in one pass over the scores */
    const ir_type *scores = inst->in[1]->type;
    const ir_value *most = ir_operand(inst, 2), *threshold = ir_operand(inst, 3), *least = ir_operand(inst, 4);
    suppression s = {.inst = inst, .n = scores->dim[2]};
    s.count = lw_accumulator(l, "n", DT_i64, whole(l, 0));
    if (ir_max_elements(inst->out[0]->type) > 0) {
        s.last = lw_accumulator(l, "last", DT_i64, whole(l, -1));
        s.best = lw_accumulator(l, "best", DT_i64, whole(l, -1));
        s.room = sx_max(s.n) < AT_ONCE ? sx_max(s.n) : AT_ONCE;
        s.score = kir_alloc(&l->b, "next_score", DT_f32, s.room);
        s.at = kir_alloc(&l->b, "next_at", DT_i64, s.room);
        s.most = most ? only_element(l, "most", most, DT_i64) : whole(l, 0);
        s.threshold = threshold ? only_element(l, "threshold", threshold, DT_f32) : lw_number(l, DT_f32, 0);
        s.least_score = least ? only_element(l, "least_score", least, DT_f32) : NULL;
        s.batch = lw_for(l, "batch", scores->dim[0]);
        s.class = lw_for(l, "class", scores->dim[1]);
        suppress_class(l, &s);
        lw_close(l, 2);
    }
    zero_rest(l, inst, 0, 0, s.count);
    lw_store(l, 1, NULL, lw_read(l, s.count));
    return true;
}
