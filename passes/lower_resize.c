/* Resize: for each resized axis, places and weights; then a sum over the neighbours.
 *
 * What an axis needs is written once, in kernel expressions of f64. Where compile time knows all that
 * they depend on, they are run then, and the kernel reads tables; else the kernel works them out. */
#include <math.h>
#include <string.h>
#include "ir/shape.h"
#include "passes/lower_kir.h"

/* The kernel's expressions of one axis; its numbers may be constants. */
typedef struct {
    kir_builder *b;
    const ir_inst *inst;
    const ir_sx *in, *out;
    const kir_expr *factor, *width, *start, *end; /* start, end: of the region of interest */
    const ir_sx *first, *taps; /* neighbours, counted from the element before the place */
    const kir_expr *narrow;    /* the kernel's arguments are multiplied by it */
} line;

/* An axis as the loops need it. */
typedef struct {
    line l;
    int axis;
    bool known;
    int64_t count;            /* taps, where they are known; else 0 */
    kir_buffer *from, *weight; /* tables, [out, taps] */
    int64_t slope, offset, quotient; /* of nearest: from = out * slope + offset, or out / quotient; 0: no such rule */
    const kir_expr *at, *base, *scale; /* worked out in the kernel; scale: of the weights, NULL: none */
    const ir_sx *base_at;
} axis;

static bool is_mode(const ir_inst *inst, int attr, const char *mode) { return strcmp(inst->attr[attr].s, mode) == 0; }
static bool is_nearest(const ir_inst *inst) { return is_mode(inst, ATTR_AT(resize, mode), "nearest"); }
static bool crops(const ir_inst *inst) { return is_mode(inst, ATTR_AT(resize, coordinate_transformation_mode), "tf_crop_and_resize"); }

static const kir_expr *num(const line *l, double v) { return kir_number(l->b, DT_f64, v); }
static const kir_expr *real(const line *l, const ir_sx *x) { return kir_cast(l->b, DT_f64, kir_index(l->b, x)); }
#define ADD(x, y) kir_binary(l->b, KB_ADD, x, y)
#define SUB(x, y) kir_binary(l->b, KB_SUB, x, y)
#define MUL(x, y) kir_binary(l->b, KB_MUL, x, y)
#define DIV(x, y) kir_binary(l->b, KB_DIV, x, y)
#define LESS(x, y) kir_binary(l->b, KB_LT, x, y)
#define SEL(c, x, y) kir_select(l->b, c, x, y)

/* ---- places -------------------------------------------------------------------------------- */

/* Where element i of the result lies in x. */
static const kir_expr *place(const line *l, const ir_sx *at)
{
    int mode = ATTR_AT(resize, coordinate_transformation_mode);
    const kir_expr *i = real(l, at), *last = real(l, sx_sub(l->b->sx, l->in, sx_int(l->b->sx, 1)));
    const kir_expr *lone = kir_binary(l->b, KB_EQ, l->width, num(l, 1)), *room = SUB(l->width, num(l, 1));
    const kir_expr *half = SUB(DIV(ADD(i, num(l, 0.5)), l->factor), num(l, 0.5));
    if (is_mode(l->inst, mode, "align_corners")) return SEL(lone, num(l, 0), DIV(MUL(i, last), room));
    if (is_mode(l->inst, mode, "asymmetric")) return DIV(i, l->factor);
    if (is_mode(l->inst, mode, "tf_half_pixel_for_nn")) return DIV(ADD(i, num(l, 0.5)), l->factor);
    if (is_mode(l->inst, mode, "pytorch_half_pixel")) return SEL(LESS(num(l, 1), real(l, l->out)), half, num(l, 0));
    if (is_mode(l->inst, mode, "half_pixel_symmetric"))
        return ADD(MUL(DIV(real(l, l->in), num(l, 2)), SUB(num(l, 1), DIV(real(l, l->out), l->width))), half);
    if (!crops(l->inst)) return half;
    const kir_expr *part = SUB(l->end, l->start), *centre = DIV(MUL(part, last), num(l, 2));
    return ADD(SEL(lone, centre, DIV(MUL(MUL(i, part), last), room)), MUL(l->start, last));
}

/* The element before a place, so far from both ends of int64 that neighbours can be counted from it. */
static const ir_sx *before(const line *l, const kir_expr *at)
{
    enum { FAR_LOG2 = 40 };
    int64_t far = (int64_t)1 << FAR_LOG2;
    const kir_expr *base = kir_cast(l->b, KIR_INDEX_TYPE, SUB(kir_unary(l->b, KU_CEIL, at), num(l, 1)));
    base = kir_binary(l->b, KB_MAX, base, kir_int(l->b, KIR_INDEX_TYPE, -far));
    return kir_let_index(l->b, "base", kir_binary(l->b, KB_MIN, base, kir_int(l->b, KIR_INDEX_TYPE, far)), -far, far);
}

/* 1 where the nearest element is the one behind the place, else 0; way: from the one before, up to 1. */
static const kir_expr *takes_next(const line *l, const kir_expr *way)
{
    int mode = ATTR_AT(resize, nearest_mode);
    const kir_expr *one = kir_int(l->b, KIR_INDEX_TYPE, 1), *zero = kir_int(l->b, KIR_INDEX_TYPE, 0);
    if (is_mode(l->inst, mode, "ceil")) return one;
    if (is_mode(l->inst, mode, "floor")) return SEL(LESS(way, num(l, 1)), zero, one);
    if (is_mode(l->inst, mode, "round_prefer_floor")) return SEL(LESS(num(l, 0.5), way), one, zero);
    return SEL(LESS(way, num(l, 0.5)), zero, one);
}

/* x clamped to the axis. */
static const ir_sx *clamped(const line *l, const kir_expr *x)
{
    const ir_sx *last = sx_sub(l->b->sx, l->in, sx_int(l->b->sx, 1));
    x = kir_binary(l->b, KB_MIN, kir_binary(l->b, KB_MAX, x, kir_int(l->b, KIR_INDEX_TYPE, 0)), kir_index(l->b, last));
    return kir_let_index(l->b, "from", x, 0, sx_max(last));
}

/* ---- weights ------------------------------------------------------------------------------- */

static void set_taps(line *l)
{
    sx_table *t = l->b->sx;
    double reach = is_mode(l->inst, ATTR_AT(resize, mode), "cubic") ? 2 : 1;
    l->narrow = num(l, 1);
    l->first = sx_int(t, is_nearest(l->inst) ? 0 : 1 - (int64_t)reach);
    if (ir_int(l->inst, ATTR_AT(resize, antialias))) {
        const ir_sx *least = sx_mul(t, l->in, sx_int(t, -2)); /* further than x reaches either way */
        bool constant = l->factor->kind == KIR_CONST && sx_is_const(l->in);
        if (constant) l->narrow = num(l, l->factor->number < 1 ? l->factor->number : 1);
        else l->narrow = kir_let(l->b, "narrow", SEL(LESS(l->factor, num(l, 1)), l->factor, num(l, 1)));
        if (constant) {
            double first = floor(-reach / l->narrow->number) + 1;
            l->first = sx_int(t, first >= (double)sx_value(least) ? (int64_t)first : sx_value(least));
        } else {
            const kir_expr *first = ADD(kir_unary(l->b, KU_FLOOR, DIV(num(l, -reach), l->narrow)), num(l, 1));
            first = kir_binary(l->b, KB_MAX, kir_cast(l->b, KIR_INDEX_TYPE, first), kir_index(l->b, least));
            first = kir_binary(l->b, KB_MIN, first, kir_int(l->b, KIR_INDEX_TYPE, 0));
            l->first = kir_let_index(l->b, "first", first, sx_min(least), 0);
        }
    }
    l->taps = is_nearest(l->inst) ? sx_int(t, 1) : sx_sub(t, sx_int(t, 2), sx_mul(t, l->first, sx_int(t, 2)));
}

static const kir_expr *kernel_at(const line *l, const kir_expr *x)
{
    nfc_dtype t = l->inst->in[0]->type->dtype;
    double a = ir_float(l->inst, ATTR_AT(resize, cubic_coeff_a));
    if (t != DT_f64) a = (double)(float)a;
    x = kir_let(l->b, "x", kir_unary(l->b, KU_ABS, x));
    if (is_mode(l->inst, ATTR_AT(resize, mode), "linear")) return kir_binary(l->b, KB_MAX, SUB(num(l, 1), x), num(l, 0));
    const kir_expr *inner = ADD(MUL(MUL(SUB(MUL(num(l, a + 2), x), num(l, a + 3)), x), x), num(l, 1));
    const kir_expr *outer = SUB(MUL(ADD(MUL(SUB(MUL(num(l, a), x), num(l, 5 * a)), x), num(l, 8 * a)), x), num(l, 4 * a));
    return SEL(LESS(num(l, 1), x), SEL(LESS(x, num(l, 2)), outer, num(l, 0)), inner);
}

/* The weight of the neighbour `tap` behind the first, before the sum is made 1; from: where it is. */
static const kir_expr *weight_of(const line *l, const kir_expr *at, const ir_sx *base, const ir_sx *tap, const ir_sx *from)
{
    const kir_expr *way = SUB(at, real(l, base)), *i = real(l, sx_add(l->b->sx, l->first, tap));
    const kir_expr *w = kernel_at(l, MUL(SUB(i, way), l->narrow));
    if (!ir_int(l->inst, ATTR_AT(resize, exclude_outside))) return w;
    const kir_expr *x = kir_index(l->b, from), *zero = kir_int(l->b, KIR_INDEX_TYPE, 0);
    const kir_expr *inside = kir_binary(l->b, KB_AND, kir_binary(l->b, KB_LE, zero, x), LESS(x, kir_index(l->b, l->in)));
    return SEL(inside, w, num(l, 0));
}

static bool is_normed(const ir_inst *inst)
{
    return !is_nearest(inst) && (ir_int(inst, ATTR_AT(resize, exclude_outside)) || ir_int(inst, ATTR_AT(resize, antialias)));
}

/* The sum of the weights; 1 for 0, so that it can be divided by. */
static const kir_expr *sum_of_weights(const line *l, const kir_expr *at, const ir_sx *base)
{
    const ir_sx *zero = sx_int(l->b->sx, 0);
    kir_buffer *sum = kir_alloc(l->b, "sum", DT_f64, 1);
    kir_store(l->b, sum, zero, num(l, 0));
    const ir_sx *k = kir_for(l->b, KIR_SERIAL, "k", zero, l->taps);
    const ir_sx *from = sx_add(l->b->sx, base, sx_add(l->b->sx, l->first, k));
    kir_accum(l->b, KB_ADD, sum, zero, weight_of(l, at, base, k, from));
    kir_close(l->b);
    const kir_expr *all = kir_let(l->b, "all", kir_load(l->b, sum, zero));
    return kir_let(l->b, "norm", SEL(kir_binary(l->b, KB_EQ, all, num(l, 0)), num(l, 1), all));
}

/* ---- tables -------------------------------------------------------------------------------- */

/* Fills [out, taps] of each; the first of a place outside of x is -1. */
static void fill_tables(const line *l, kir_buffer *from, kir_buffer *weight)
{
    kir_builder *b = l->b;
    const ir_sx *i = kir_for(b, KIR_SERIAL, "i", sx_int(b->sx, 0), l->out);
    const kir_expr *at = kir_let(b, "at", place(l, i));
    const ir_sx *base = before(l, at), *row = sx_mul(b->sx, i, l->taps);
    const kir_expr *norm = is_normed(l->inst) ? sum_of_weights(l, at, base) : NULL;
    const ir_sx *k = kir_for(b, KIR_SERIAL, "k", sx_int(b->sx, 0), l->taps);
    const ir_sx *to = sx_add(b->sx, row, k), *raw = sx_add(b->sx, base, sx_add(b->sx, l->first, k));
    const kir_expr *x = kir_index(b, raw);
    if (is_nearest(l->inst)) x = ADD(x, takes_next(l, SUB(at, real(l, base))));
    kir_store(b, from, to, kir_cast(b, DT_i64, kir_index(b, clamped(l, x))));
    const kir_expr *w = is_nearest(l->inst) ? num(l, 1) : weight_of(l, at, base, k, raw);
    kir_store(b, weight, to, norm ? DIV(w, norm) : w);
    kir_close(b);
    if (crops(l->inst)) {
        const kir_expr *last = real(l, sx_sub(b->sx, l->in, sx_int(b->sx, 1)));
        kir_if(b, kir_binary(b, KB_OR, LESS(at, num(l, 0)), LESS(last, at)));
        kir_store(b, from, row, kir_int(b, DT_i64, -1));
        kir_close(b);
    }
    kir_close(b);
}

/* Which rule the elements follow that each place takes: then no table is needed. */
static void find_rule(axis *a, int64_t n, const int64_t *from)
{
    int64_t slope = n > 1 ? from[1] - from[0] : 1, quotient = 1;
    while (quotient < n && from[quotient] == 0) quotient++;
    bool linear = from[0] >= 0, divided = true;
    for (int64_t i = 0; i < n; i++) {
        linear &= from[i] == from[0] + i * slope;
        divided &= from[i] == i / quotient;
    }
    a->offset = from[0];
    if (linear) a->slope = slope;
    if (divided) a->quotient = quotient;
    if (linear && slope == 0) a->slope = 0, a->quotient = from[0] == 0 ? n : 0;
}

static nfc_dtype weights_in(nfc_dtype t)
{
    return t == DT_f64 || t == DT_i64 || t == DT_u64 || t == DT_i32 || t == DT_u32 ? DT_f64 : DT_f32;
}

static void make_tables(lw *l, axis *a)
{
    int64_t rows = sx_value(a->l.out), n = rows * a->count;
    kir_builder b;
    line own = a->l;
    kir_begin(&b, l->m, "resize_table");
    own.b = &b; /* expressions are their builder's own */
    const kir_expr **number[] = {&own.factor, &own.width, &own.start, &own.end, &own.narrow};
    for (int i = 0; i < 5; i++)
        if (*number[i]) *number[i] = kir_number(&b, DT_f64, (*number[i])->number);
    kir_buffer *from = kir_param(&b, "from", DT_i64, sx_int(l->sx, n)), *weight = kir_param(&b, "weight", DT_f64, sx_int(l->sx, n));
    fill_tables(&own, from, weight);
    int64_t *place_of = ARENA_ARRAY(l->m->arena, int64_t, n);
    double *weights = ARENA_ARRAY(l->m->arena, double, n);
    kir_run(l->m->arena, l->m, kir_end(&b), (void *[]){place_of, weights}, NULL);
    if (is_nearest(a->l.inst)) find_rule(a, rows, place_of);
    if (a->slope || a->quotient) return;
    nfc_dtype small = sx_value(a->l.in) <= INT32_MAX ? DT_i32 : DT_i64, t = weights_in(a->l.inst->in[0]->type->dtype);
    void *narrow = arena_alloc(l->m->arena, (size_t)n * dtype_bytes(small)), *rounded = arena_alloc(l->m->arena, (size_t)n * dtype_bytes(t));
    for (int64_t i = 0; i < n; i++) {
        dtype_set_int(small, narrow, (size_t)i, place_of[i]);
        dtype_set(t, rounded, (size_t)i, weights[i]);
    }
    a->from = lw_table(l, "from", small, n, narrow);
    if (!is_nearest(a->l.inst)) a->weight = lw_table(l, "weight", t, n, rounded);
}

/* ---- axes ---------------------------------------------------------------------------------- */

/* Element i of a vector operand as f64: a constant where compile time knows it. */
static const kir_expr *element(lw *l, const ir_value *v, int i)
{
    const void *known = ir_const_bytes(v);
    if (known) return kir_number(&l->b, DT_f64, dtype_get(v->type->dtype, known, (size_t)i));
    return lw_named(l, "part", kir_cast(&l->b, DT_f64, lw_load(l, v, (const ir_sx *const[]){sx_int(l->sx, i)})));
}

/* Tables are filled while the program is made, and are weights of it: larger ones are not worth that. */
static bool has_table(const axis *a)
{
    enum { MOST_ENTRIES = 1 << 19 };
    return a->count && sx_value(a->l.out) > 0 && sx_value(a->l.out) <= MOST_ENTRIES / a->count;
}

static bool is_number(const kir_expr *x) { return !x || x->kind == KIR_CONST; }

static axis axis_from(lw *l, const ir_inst *inst, int i, const resize_axis *r)
{
    const ir_value *roi = ir_operand(inst, 1), *scale = ir_operand(inst, 2);
    axis a = {.axis = i, .l = {.b = &l->b, .inst = inst, .in = inst->in[0]->type->dim[i], .out = inst->out[0]->type->dim[i]}};
    const kir_expr *in = real(&a.l, a.l.in), *out = real(&a.l, a.l.out);
    bool fixed = sx_is_const(a.l.in) && sx_is_const(a.l.out);
    if (scale) a.l.factor = element(l, scale, r->entry);
    else if (!r->exact) a.l.factor = num(&a.l, r->factor);
    else if (fixed) a.l.factor = num(&a.l, (double)sx_value(a.l.out) / (double)sx_value(a.l.in));
    else a.l.factor = lw_named(l, "factor", lw_bin(l, DIV, out, in));
    a.l.width = r->exact ? out : a.l.factor->kind == KIR_CONST && fixed ? num(&a.l, a.l.factor->number * (double)sx_value(a.l.in)) : lw_bin(l, MUL, a.l.factor, in);
    if (crops(inst)) {
        a.l.start = element(l, roi, r->entry);
        a.l.end = element(l, roi, r->entry + (int)sx_value(roi->type->dim[0]) / 2);
    }
    set_taps(&a.l);
    a.count = sx_is_const(a.l.taps) ? sx_value(a.l.taps) : 0;
    a.known = fixed && has_table(&a) && is_number(a.l.factor) && is_number(a.l.start) && is_number(a.l.end);
    if (a.known) make_tables(l, &a);
    return a;
}

/* What an axis' places need before the loops over neighbours; gives whether the place is outside. */
static const kir_expr *enter(lw *l, axis *a, const ir_sx *i)
{
    kir_builder *b = &l->b;
    if (a->slope || a->quotient) return kir_int(b, DT_bool, 0);
    if (a->from) {
        if (!crops(a->l.inst)) return kir_int(b, DT_bool, 0);
        const kir_expr *first = kir_load(b, a->from, sx_mul(l->sx, i, sx_int(l->sx, a->count)));
        return lw_bin(l, LT, kir_cast(b, KIR_INDEX_TYPE, first), kir_int(b, KIR_INDEX_TYPE, 0));
    }
    a->at = lw_named(l, "at", place(&a->l, i));
    a->base_at = before(&a->l, a->at);
    a->scale = is_normed(a->l.inst) ? sum_of_weights(&a->l, a->at, a->base_at) : NULL;
    if (!crops(a->l.inst)) return kir_int(b, DT_bool, 0);
    const kir_expr *last = real(&a->l, sx_sub(l->sx, a->l.in, sx_int(l->sx, 1)));
    return lw_bin(l, OR, lw_bin(l, LT, a->at, num(&a->l, 0)), lw_bin(l, LT, last, a->at));
}

/* Neighbour k of the place of element i: where it is, and its weight in type t (NULL: 1). */
static const ir_sx *neighbour(lw *l, const axis *a, const ir_sx *i, const ir_sx *k, kir_type t, const kir_expr **weight)
{
    kir_builder *b = &l->b;
    *weight = NULL;
    if (a->slope) return sx_add(l->sx, sx_mul(l->sx, i, sx_int(l->sx, a->slope)), sx_int(l->sx, a->offset));
    if (a->quotient) return sx_div(l->sx, i, a->quotient);
    if (a->from) {
        const ir_sx *cell = sx_add(l->sx, sx_mul(l->sx, i, sx_int(l->sx, a->count)), k);
        if (a->weight) *weight = kir_cast(b, t, kir_load(b, a->weight, cell));
        return clamped(&a->l, kir_cast(b, KIR_INDEX_TYPE, kir_load(b, a->from, cell)));
    }
    const ir_sx *raw = sx_add(l->sx, a->base_at, sx_add(l->sx, a->l.first, k));
    const kir_expr *x = kir_index(b, raw);
    if (is_nearest(a->l.inst)) return clamped(&a->l, lw_bin(l, ADD, x, takes_next(&a->l, lw_bin(l, SUB, a->at, real(&a->l, a->base_at)))));
    const kir_expr *w = weight_of(&a->l, a->at, a->base_at, k, raw);
    if (a->scale) w = lw_bin(l, DIV, w, a->scale);
    *weight = kir_cast(b, t, w);
    return clamped(&a->l, x);
}

/* ---- the kernel ---------------------------------------------------------------------------- */

/* A sum in type t as an element of the result: integers round to even and saturate. */
static const kir_expr *as_element(lw *l, nfc_dtype t, const kir_expr *x)
{
    if (!dtype_is_float(t)) x = lw_un(l, RINT, x);
    return kir_cast(&l->b, kir_compute(t), kir_cast(&l->b, (kir_type)t, x));
}

static const kir_expr *outside_value(lw *l, const ir_inst *inst)
{
    nfc_dtype t = inst->in[0]->type->dtype;
    double v = ir_float(inst, ATTR_AT(resize, extrapolation_value));
    uint64_t cell = 0;
    if (t != DT_f64) v = (double)(float)v;
    dtype_set(t, &cell, 0, dtype_is_float(t) ? v : nearbyint(v));
    if (dtype_is_float(t)) return kir_float(&l->b, kir_compute(t), dtype_get(t, &cell, 0));
    return kir_int(&l->b, kir_compute(t), dtype_get_int(t, &cell, 0));
}

bool lo_resize(lw *l, const ir_inst *inst)
{
    const ir_type *y = inst->out[0]->type;
    resize_axis given[IR_MAX_RANK];
    axis a[IR_MAX_RANK];
    const ir_sx *out[IR_MAX_RANK], *in[IR_MAX_RANK];
    nfc_dtype dtype = y->dtype;
    kir_type t = (kir_type)weights_in(dtype);
    int n = 0;
    if (ir_max_elements(y) == 0) return true;
    resize_axes(inst, given);
    int loops = lw_for_result(l, 0, lw_axis_names(y->rank), out);
    for (int i = 0; i < y->rank; i++)
        if (given[i].entry >= 0) a[n++] = axis_from(l, inst, i, &given[i]);
    memcpy(in, out, sizeof in);
    const kir_expr *outside = kir_int(&l->b, DT_bool, 0), *weight = NULL, *one;
    for (int k = 0; k < n; k++) outside = lw_bin(l, OR, outside, enter(l, &a[k], out[a[k].axis]));
    kir_buffer *acc = is_nearest(inst) ? NULL : lw_accumulator(l, "acc", t, lw_number(l, t, 0));
    for (int k = 0; k < n; k++) {
        const ir_sx *tap = lw_for(l, "k", a[k].l.taps);
        in[a[k].axis] = neighbour(l, &a[k], out[a[k].axis], tap, t, &one);
        if (one) weight = weight ? lw_bin(l, MUL, weight, one) : one;
    }
    const kir_expr *x = lw_load(l, inst->in[0], in);
    if (acc) {
        x = kir_cast(&l->b, t, x);
        kir_accum(&l->b, KB_ADD, acc, sx_int(l->sx, 0), weight ? lw_bin(l, MUL, weight, x) : x);
    }
    lw_close(l, n);
    if (acc) x = as_element(l, dtype, lw_read(l, acc));
    lw_store(l, 0, out, lw_sel(l, outside, outside_value(l, inst), x));
    lw_close(l, loops);
    return true;
}
