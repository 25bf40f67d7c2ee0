/* Where the largest or the smallest element of a row is: arg_max, arg_min, hardmax. The first NaN wins over everything.
 *
 * In vectors along the row two reductions find it: its value, and then the first (or the last) place that has it. Else a single pass
 * keeps the best element and its place. */
#include "ir/shape.h"
#include "passes/lower_kir.h"

typedef struct {
    const ir_value *x;
    int axis;             /* -1: a scalar, which is a row of one element */
    bool largest, last;   /* last: of equal ones */
    kir_type number;      /* of places */
    const ir_sx *index[IR_MAX_RANK];
} search;

static const ir_sx *zero(lw *l) { return sx_int(l->sx, 0); }
static void assign(lw *l, kir_buffer *into, const kir_expr *value) { kir_store(&l->b, into, zero(l), value); }
static uint32_t row_of(const search *s) { return s->axis < 0 ? 0 : 1u << s->axis; }
static uint32_t others(const search *s) { return ((1u << s->x->type->rank) - 1) & ~row_of(s); }
static bool is_float(kir_type t) { return dtype_is_float((nfc_dtype)t); }

static search search_of(const ir_inst *inst, bool largest, bool last)
{
    const ir_type *t = inst->in[0]->type;
    int axis = (int)ir_attr_named(inst, "axis")->i;
    if (axis < 0) axis += t->rank;
    if (t->rank == 0) axis = -1;
    return (search){.x = inst->in[0], .axis = axis, .largest = largest, .last = last, .number = axis >= 0 && sx_max(t->dim[axis]) > INT32_MAX ? DT_i64 : DT_i32};
}

/* The element at hand, and its place on the axis. */
static const kir_expr *element(lw *l, const search *s) { return lw_named(l, "x", lw_load(l, s->x, s->index)); }
static const kir_expr *place(lw *l, const search *s) { return kir_cast(&l->b, s->number, kir_index(&l->b, s->axis < 0 ? zero(l) : s->index[s->axis])); }

/* Do the elements of a row lie side by side, so that vectors run along it? */
static bool is_along_vectors(const lw *l, const search *s)
{
    const ir_type *t = s->x->type;
    if (!l->plan->plan->target || s->axis < 0) return false;
    for (int i = s->axis + 1; i < t->rank; i++)
        if (!sx_is(t->dim[i], 1)) return false;
    return true;
}

/* Is x to be preferred to the best so far? */
static const kir_expr *is_better(lw *l, const search *s, const kir_expr *x, const kir_expr *best)
{
    const kir_bin op = s->last ? KB_LE : KB_LT;
    const kir_expr *better = s->largest ? kir_binary(&l->b, op, best, x) : kir_binary(&l->b, op, x, best);
    if (!is_float(x->type)) return better;
    const kir_expr *first_nan = lw_bin(l, AND, lw_bin(l, NE, x, x), lw_bin(l, EQ, best, best));
    return lw_bin(l, OR, better, first_nan);
}

static const kir_expr *in_one_pass(lw *l, search *s)
{
    s->index[s->axis] = zero(l);
    kir_buffer *best = lw_accumulator(l, "best", kir_compute(s->x->type->dtype), lw_load(l, s->x, s->index));
    kir_buffer *at = lw_accumulator(l, "at", s->number, kir_int(&l->b, s->number, 0));
    s->index[s->axis] = kir_for(&l->b, KIR_SERIAL, "k", sx_int(l->sx, 1), s->x->type->dim[s->axis]);
    map_init(&l->memo, l->m->arena);
    const kir_expr *x = element(l, s);
    lw_if(l, is_better(l, s, x, lw_read(l, best)));
    assign(l, best, x);
    assign(l, at, place(l, s));
    lw_close(l, 2);
    return lw_read(l, at);
}

/* Of a row with NaN the best is NaN, which nothing equals: then -1 - place of each NaN counts, of which the largest is the first's. */
static void last_of(lw *l, const search *s, kir_buffer *at, const kir_expr *found, const kir_expr *x)
{
    const kir_expr *none = kir_int(&l->b, s->number, dtype_min((nfc_dtype)s->number)), *here = place(l, s), *turned = lw_bin(l, SUB, kir_int(&l->b, s->number, -1), here);
    kir_accum(&l->b, KB_MAX, at, zero(l), lw_sel(l, found, here, is_float(x->type) ? lw_sel(l, lw_bin(l, NE, x, x), turned, none) : none));
}

static const kir_expr *in_two_passes(lw *l, search *s)
{
    const nfc_dtype t = s->x->type->dtype, number = (nfc_dtype)s->number;
    kir_buffer *best = lw_accumulator(l, "best", kir_compute(t), s->largest ? lw_lowest(l, t) : lw_highest(l, t));
    int loops = lw_for_axes(l, s->x->type, row_of(s), false, s->index);
    kir_accum(&l->b, s->largest ? KB_MAX : KB_MIN, best, zero(l), lw_load(l, s->x, s->index));
    lw_close(l, loops);
    const kir_expr *none = kir_int(&l->b, s->number, s->last ? dtype_min(number) : (int64_t)dtype_max(number));
    kir_buffer *at = lw_accumulator(l, "at", s->number, none);
    loops = lw_for_axes(l, s->x->type, row_of(s), false, s->index);
    const kir_expr *x = element(l, s), *found = lw_bin(l, EQ, x, lw_read(l, best)), *nan = lw_bin(l, NE, x, x);
    if (s->last) last_of(l, s, at, found, x);
    else kir_accum(&l->b, KB_MIN, at, zero(l), lw_sel(l, is_float(x->type) ? lw_bin(l, OR, found, nan) : found, place(l, s), none));
    lw_close(l, loops);
    const kir_expr *got = lw_read(l, at);
    if (!s->last || !is_float(x->type)) return got;
    return lw_sel(l, lw_bin(l, LT, got, kir_int(&l->b, s->number, 0)), lw_bin(l, SUB, kir_int(&l->b, s->number, -1), got), got);
}

/* The place of the best element of the row at hand. With --fast-math a compiler may take it that there is no NaN, and the second pass
 * then finds none: the place is one of the row all the same. */
static const kir_expr *found_place(lw *l, search *s)
{
    if (s->axis < 0) return kir_int(&l->b, s->number, 0);
    if (!is_along_vectors(l, s)) return lw_named(l, "found", in_one_pass(l, s));
    const kir_expr *at = in_two_passes(l, s), *end = kir_cast(&l->b, s->number, kir_index(&l->b, s->x->type->dim[s->axis]));
    if (is_float(kir_compute(s->x->type->dtype))) at = lw_bin(l, MIN, at, lw_bin(l, SUB, end, kir_int(&l->b, s->number, 1)));
    return lw_named(l, "found", at);
}

bool lo_arg_reduce(lw *l, const ir_inst *inst)
{
    search s = search_of(inst, inst->op == IR_arg_max, ir_attr_named(inst, "select_last_index")->i);
    const ir_sx *out[IR_MAX_RANK];
    int loops = lw_for_axes(l, s.x->type, others(&s), true, s.index), n = 0;
    for (int i = 0; i < s.x->type->rank; i++) {
        if (i != s.axis) out[n++] = s.index[i];
        else if (ir_attr_named(inst, "keepdims")->i) out[n++] = zero(l);
    }
    lw_store(l, 0, out, kir_cast(&l->b, DT_i64, found_place(l, &s)));
    lw_close(l, loops);
    return true;
}

bool lo_hardmax(lw *l, const ir_inst *inst)
{
    search s = search_of(inst, true, false);
    const kir_type compute = kir_compute(s.x->type->dtype);
    int loops = lw_for_axes(l, s.x->type, others(&s), true, s.index);
    if (s.axis >= 0 && sx_min(s.x->type->dim[s.axis]) < 1) loops++, lw_if(l, lw_bin(l, LT, kir_index(&l->b, zero(l)), kir_index(&l->b, s.x->type->dim[s.axis])));
    const kir_expr *found = found_place(l, &s);
    loops += lw_for_axes(l, s.x->type, row_of(&s), false, s.index);
    lw_store(l, 0, s.index, lw_sel(l, lw_bin(l, EQ, place(l, &s), found), lw_number(l, compute, 1), lw_number(l, compute, 0)));
    lw_close(l, loops);
    return true;
}
