/* Regions of images, and windows whose elements move. Corners of regions are worked out in f64, as the
 * definition has them; of an offset only the part behind the point is a float. */
#include <math.h>
#include <string.h>
#include "ir/shape.h"
#include "passes/lower_kir.h"

static const ir_sx *zero(lw *l) { return sx_int(l->sx, 0); }
static const kir_expr *num(lw *l, double v) { return lw_number(l, DT_f64, v); }
static const kir_expr *real(lw *l, const ir_sx *x) { return kir_cast(&l->b, DT_f64, kir_index(&l->b, x)); }
static const kir_expr *int_index(lw *l, int64_t v) { return kir_int(&l->b, KIR_INDEX_TYPE, v); }

/* A float as an index from lo to hi. */
static const ir_sx *bounded(lw *l, const char *name, const kir_expr *x, int64_t lo, int64_t hi)
{
    const kir_expr *i = lw_bin(l, MAX, kir_cast(&l->b, KIR_INDEX_TYPE, x), int_index(l, lo));
    return kir_let_index(&l->b, name, lw_bin(l, MIN, i, int_index(l, hi)), lo, hi);
}

/* The element at or before a place, of n. */
static const ir_sx *element_before(lw *l, const char *name, const kir_expr *at, const ir_sx *n)
{
    const ir_sx *last = sx_sub(l->sx, n, sx_int(l->sx, 1));
    if (sx_is(last, 0)) return last;
    const kir_expr *i = lw_bin(l, MAX, kir_cast(&l->b, KIR_INDEX_TYPE, at), int_index(l, 0));
    return kir_let_index(&l->b, name, lw_bin(l, MIN, i, kir_index(&l->b, last)), 0, sx_max(last));
}

/* Number k of region r, in elements. */
static const kir_expr *corner(lw *l, const ir_inst *inst, const ir_sx *r, int k, double scale)
{
    if (inst->in[0]->type->dtype != DT_f64) scale = (double)(float)scale;
    const kir_expr *v = lw_load(l, inst->in[1], (const ir_sx *const[]){r, sx_int(l->sx, k)});
    return lw_bin(l, MUL, kir_cast(&l->b, DT_f64, v), num(l, scale));
}

/* ---- roi_align ----------------------------------------------------------------------------- */

/* One axis of a region: where bin `at` begins, how long it is, and its points. */
typedef struct {
    const kir_expr *start, *bin;
    const ir_sx *points, *n;
} extent;

/* Two neighbours of a point, the way to the second, and whether it is not too far outside. */
typedef struct {
    const ir_sx *low, *high;
    const kir_expr *way, *seen;
} neighbours;

static extent extent_of(lw *l, const ir_inst *inst, const ir_sx *r, int k, const ir_sx *at, int64_t bins, const ir_sx *n)
{
    enum { MOST_POINTS = 32768 };
    double scale = ir_float(inst, ATTR_AT(roi_align, spatial_scale));
    bool half = strcmp(inst->attr[ATTR_AT(roi_align, coordinate_transformation_mode)].s, "half_pixel") == 0;
    int64_t given = ir_int(inst, ATTR_AT(roi_align, sampling_ratio));
    const kir_expr *start = corner(l, inst, r, k, scale), *end = corner(l, inst, r, k + 2, scale);
    if (half) start = lw_bin(l, SUB, start, num(l, 0.5)), end = lw_bin(l, SUB, end, num(l, 0.5));
    start = lw_named(l, "start", start);
    const kir_expr *length = lw_bin(l, SUB, end, start);
    if (!half) length = lw_bin(l, MAX, length, num(l, 1));
    extent e = {.n = n, .bin = lw_named(l, "bin", lw_bin(l, DIV, length, num(l, (double)bins)))};
    e.start = lw_named(l, "from", lw_bin(l, ADD, start, lw_bin(l, MUL, real(l, at), e.bin)));
    e.points = given ? sx_int(l->sx, given) : bounded(l, "points", lw_un(l, CEIL, e.bin), 0, MOST_POINTS);
    return e;
}

static neighbours around(lw *l, const extent *e, const ir_sx *point, kir_type t)
{
    const ir_sx *last = sx_sub(l->sx, e->n, sx_int(l->sx, 1));
    const kir_expr *part = lw_bin(l, MUL, lw_bin(l, ADD, real(l, point), num(l, 0.5)), e->bin);
    const kir_expr *at = lw_named(l, "at", lw_bin(l, ADD, e->start, lw_bin(l, DIV, part, real(l, e->points))));
    neighbours s = {.seen = lw_bin(l, AND, lw_bin(l, LE, num(l, -1), at), lw_bin(l, LE, at, real(l, e->n)))};
    at = lw_named(l, "at", lw_bin(l, MIN, lw_bin(l, MAX, at, num(l, 0)), real(l, last)));
    s.low = element_before(l, "low", at, e->n);
    s.high = lw_clamped(l, "high", sx_add(l->sx, s.low, sx_int(l->sx, 1)), e->n);
    s.way = lw_named(l, "way", kir_cast(&l->b, t, lw_bin(l, SUB, at, real(l, s.low))));
    return s;
}

/* The four weighted elements around a point. */
static void parts(lw *l, const ir_inst *inst, const ir_sx *image, const ir_sx *channel, const neighbours *h, const neighbours *w, kir_type t, const kir_expr *part[4])
{
    const kir_expr *one = lw_number(l, t, 1), *seen = lw_named(l, "seen", lw_bin(l, AND, h->seen, w->seen));
    for (int p = 0; p < 4; p++) {
        const ir_sx *in[4] = {image, channel, p / 2 ? h->high : h->low, p % 2 ? w->high : w->low};
        const kir_expr *weight = lw_bin(l, MUL, p / 2 ? h->way : lw_bin(l, SUB, one, h->way), p % 2 ? w->way : lw_bin(l, SUB, one, w->way));
        part[p] = lw_sel(l, seen, lw_bin(l, MUL, weight, lw_load(l, inst->in[0], in)), lw_number(l, t, 0));
    }
}

bool lo_roi_align(lw *l, const ir_inst *inst)
{
    const ir_type *x = inst->in[0]->type, *y = inst->out[0]->type;
    kir_type t = kir_compute(x->dtype);
    bool mean = strcmp(inst->attr[ATTR_AT(roi_align, mode)].s, "avg") == 0;
    const ir_sx *out[4];
    const char *const names[4] = {"n", "c", "h", "w"};
    if (ir_max_elements(y) == 0) return true;
    int loops = lw_for_result(l, 0, names, out);
    const ir_sx *image = lw_checked_index(l, "image", inst->in[2], out, x->dim[0]);
    extent w = extent_of(l, inst, out[0], 0, out[3], sx_value(y->dim[3]), x->dim[3]);
    extent h = extent_of(l, inst, out[0], 1, out[2], sx_value(y->dim[2]), x->dim[2]);
    kir_buffer *acc = lw_accumulator(l, "acc", t, mean ? lw_number(l, t, 0) : lw_lowest(l, x->dtype));
    const ir_sx *i = lw_for(l, "i", h.points);
    neighbours row = around(l, &h, i, t);
    const ir_sx *j = lw_for(l, "j", w.points);
    neighbours column = around(l, &w, j, t);
    const kir_expr *part[4];
    parts(l, inst, image, out[1], &row, &column, t, part);
    for (int p = 0; p < 4; p++) kir_accum(&l->b, mean ? KB_ADD : KB_MAX, acc, zero(l), part[p]);
    lw_close(l, 2);
    const kir_expr *count = kir_index(&l->b, sx_mul(l->sx, h.points, w.points)), *value = lw_read(l, acc);
    if (mean) value = lw_bin(l, DIV, value, kir_cast(&l->b, t, lw_bin(l, MAX, count, int_index(l, 1))));
    else value = lw_sel(l, lw_bin(l, LT, int_index(l, 0), count), value, lw_number(l, t, 0));
    lw_store(l, 0, out, value);
    lw_close(l, loops);
    return true;
}

/* ---- max_roi_pool -------------------------------------------------------------------------- */

/* To the nearest whole number, halves away from 0. */
static const ir_sx *rounded(lw *l, const char *name, const kir_expr *x)
{
    x = lw_named(l, "x", x);
    const kir_expr *up = lw_un(l, FLOOR, lw_bin(l, ADD, x, num(l, 0.5))), *down = lw_un(l, CEIL, lw_bin(l, SUB, x, num(l, 0.5)));
    return bounded(l, name, lw_sel(l, lw_bin(l, LT, x, num(l, 0)), down, up), -(INT64_C(1) << 40), INT64_C(1) << 40);
}

/* The elements first .. last - 1 of n that bin `at` of a region has; k: the number of its first corner. */
static void bin_elements(lw *l, const ir_inst *inst, const ir_sx *r, int k, const ir_sx *at, int64_t bins, const ir_sx *n, const ir_sx *range[2])
{
    sx_table *t = l->sx;
    double scale = ir_float(inst, ATTR_AT(max_roi_pool, spatial_scale));
    const ir_sx *start = rounded(l, "start", corner(l, inst, r, k, scale)), *end = rounded(l, "end", corner(l, inst, r, k + 2, scale));
    const ir_sx *length = sx_add(t, sx_sub(t, end, start), sx_int(t, 1));
    length = kir_let_index(&l->b, "length", lw_bin(l, MAX, kir_index(&l->b, length), int_index(l, 1)), 1, INT64_C(1) << 42);
    const ir_sx *before = sx_mul(t, at, length), *behind = sx_add(t, sx_add(t, before, length), sx_int(t, bins - 1));
    const ir_sx *raw[2] = {sx_add(t, start, sx_div(t, before, bins)), sx_add(t, start, sx_div(t, behind, bins))};
    for (int i = 0; i < 2; i++) {
        const kir_expr *x = lw_bin(l, MIN, lw_bin(l, MAX, kir_index(&l->b, raw[i]), int_index(l, 0)), kir_index(&l->b, n));
        range[i] = kir_let_index(&l->b, i ? "last" : "first", x, 0, sx_max(n));
    }
}

/* The image of region r: a whole number from 0, or a run error. */
static const ir_sx *image_of(lw *l, const ir_inst *inst, const ir_sx *r, const ir_sx *n)
{
    const kir_expr *image = lw_named(l, "image", corner(l, inst, r, 0, 1));
    const kir_expr *fits = lw_bin(l, AND, lw_bin(l, LE, num(l, 0), image), lw_bin(l, LT, image, real(l, n)));
    kir_if(&l->b, lw_un(l, NOT, fits));
    kir_fail(&l->b, KIR_FAIL_INDEX);
    kir_close(&l->b);
    return element_before(l, "image_at", image, n);
}

bool lo_max_roi_pool(lw *l, const ir_inst *inst)
{
    const ir_type *x = inst->in[0]->type, *y = inst->out[0]->type;
    kir_type t = kir_compute(x->dtype);
    const ir_sx *out[4], *row[2], *column[2];
    const char *const names[4] = {"n", "c", "h", "w"};
    if (ir_max_elements(y) == 0) return true;
    int loops = lw_for_result(l, 0, names, out);
    const ir_sx *image = image_of(l, inst, out[0], x->dim[0]);
    bin_elements(l, inst, out[0], 2, out[2], sx_value(y->dim[2]), x->dim[2], row);
    bin_elements(l, inst, out[0], 1, out[3], sx_value(y->dim[3]), x->dim[3], column);
    kir_buffer *most = lw_accumulator(l, "most", t, lw_lowest(l, x->dtype));
    const ir_sx *in[4] = {image, out[1]};
    in[2] = kir_for(&l->b, KIR_SERIAL, "i", row[0], row[1]);
    in[3] = kir_for(&l->b, KIR_SERIAL, "j", column[0], column[1]);
    kir_accum(&l->b, KB_MAX, most, zero(l), lw_load(l, inst->in[0], in));
    lw_close(l, 2);
    const kir_expr *rows = lw_bin(l, LT, kir_index(&l->b, row[0]), kir_index(&l->b, row[1]));
    const kir_expr *some = lw_bin(l, AND, rows, lw_bin(l, LT, kir_index(&l->b, column[0]), kir_index(&l->b, column[1])));
    lw_store(l, 0, out, lw_sel(l, some, lw_read(l, most), lw_number(l, t, 0)));
    lw_close(l, loops);
    return true;
}

/* ---- deform_conv --------------------------------------------------------------------------- */

/* Where an element of the window lies on one axis: before the point, and the way from there. */
typedef struct {
    const ir_sx *at, *n;
    const kir_expr *way;
} moved;

static moved move(lw *l, const ir_inst *inst, const window *w, int axis, const ir_sx *out, const ir_sx *k, const ir_sx *const *from)
{
    const kir_expr *offset = lw_named(l, "offset", lw_load(l, inst->in[2], from)), *down = lw_named(l, "down", lw_un(l, FLOOR, offset));
    const ir_sx *at = sx_add(l->sx, sx_mul(l->sx, out, sx_int(l->sx, w->stride[axis])), sx_mul(l->sx, k, sx_int(l->sx, w->dilation[axis])));
    at = sx_sub(l->sx, at, sx_int(l->sx, w->before[axis]));
    at = sx_add(l->sx, at, bounded(l, "by", down, -(INT64_C(1) << 40), INT64_C(1) << 40));
    return (moved){at, w->in[axis], lw_named(l, "way", lw_bin(l, SUB, offset, down))};
}

/* What the window's element sees in channel `channel`: a sum over four neighbours, zeros outside. */
static const kir_expr *seen_by(lw *l, const ir_inst *inst, const ir_sx *n, const ir_sx *channel, const moved *h, const moved *w, kir_type t)
{
    const kir_expr *sum = NULL, *one = lw_number(l, t, 1), *inside[4];
    const ir_sx *at[4];
    for (int p = 0; p < 4; p++) { /* rows, then columns: each the one before and the one behind */
        const moved *m = p / 2 ? w : h;
        const ir_sx *i = sx_add(l->sx, m->at, sx_int(l->sx, p % 2));
        inside[p] = lw_named(l, "inside", lw_inside(l, i, m->n));
        at[p] = lw_clamped(l, p / 2 ? "iw" : "ih", i, m->n);
    }
    for (int p = 0; p < 4; p++) {
        const ir_sx *in[4] = {n, channel, at[p / 2], at[2 + p % 2]};
        const kir_expr *weight = lw_bin(l, MUL, p / 2 ? h->way : lw_bin(l, SUB, one, h->way), p % 2 ? w->way : lw_bin(l, SUB, one, w->way));
        const kir_expr *x = lw_sel(l, lw_bin(l, AND, inside[p / 2], inside[2 + p % 2]), lw_load(l, inst->in[0], in), lw_number(l, t, 0));
        const kir_expr *part = lw_bin(l, MUL, weight, x);
        sum = sum ? lw_bin(l, ADD, sum, part) : part;
    }
    return sum;
}

/* How many output channels share one look at x: they have a sum each. With extents that only the run knows
 * it is one: loops in the order of the axes are what can be shown to write different elements. */
static int64_t channels_at_once(const ir_type *y, int64_t channels)
{
    enum { MOST = 64 };
    int64_t n = !ir_is_static(y) ? 1 : channels < MOST ? channels : MOST;
    while (channels % n) n--;
    return n;
}

/* The loops' indices: image, group, position, window's element, channel of x. */
typedef struct {
    const ir_sx *n, *g, *oh, *ow, *ci, *kh, *kw, *from;
} deform_loops;

/* What the window's element sees, times its mask. */
static const kir_expr *deformed(lw *l, const ir_inst *inst, const window *win, const deform_loops *d, kir_type t)
{
    const ir_type *x = inst->in[0]->type, *w = inst->in[1]->type;
    const ir_value *mask = ir_operand(inst, 4);
    sx_table *s = l->sx;
    int64_t share = sx_value(x->dim[1]) / ir_int(inst, ATTR_AT(deform_conv, offset_group));
    const ir_sx *cell = sx_add(s, sx_mul(s, d->kh, w->dim[3]), d->kw);
    const ir_sx *plane = sx_add(s, sx_mul(s, sx_div(s, d->from, share), sx_mul(s, w->dim[2], w->dim[3])), cell), *twice = sx_mul(s, plane, sx_int(s, 2));
    moved row = move(l, inst, win, 0, d->oh, d->kh, (const ir_sx *const[]){d->n, twice, d->oh, d->ow});
    moved column = move(l, inst, win, 1, d->ow, d->kw, (const ir_sx *const[]){d->n, sx_add(s, twice, sx_int(s, 1)), d->oh, d->ow});
    const kir_expr *seen = seen_by(l, inst, d->n, d->from, &row, &column, t);
    if (mask) seen = lw_bin(l, MUL, seen, lw_load(l, mask, (const ir_sx *const[]){d->n, plane, d->oh, d->ow}));
    return lw_named(l, "seen", seen);
}

bool lo_deform_conv(lw *l, const ir_inst *inst)
{
    const ir_type *w = inst->in[1]->type, *y = inst->out[0]->type;
    const ir_value *bias = ir_operand(inst, 3);
    sx_table *s = l->sx;
    kir_type t = kir_compute(y->dtype);
    int64_t groups = ir_int(inst, ATTR_AT(deform_conv, group)), width = sx_value(w->dim[0]) / groups;
    const ir_sx *each = sx_int(s, channels_at_once(y, width));
    deform_loops d;
    window win;
    if (ir_max_elements(y) == 0) return true;
    deform_window_of(l->m, inst, &win);
    d.n = lw_for_parallel(l, "n", y->dim[0]);
    d.g = lw_for_parallel(l, "g", sx_int(s, groups));
    const ir_sx *block = lw_for_parallel(l, "block", sx_int(s, width / sx_value(each)));
    d.oh = lw_for_parallel(l, "oh", y->dim[2]);
    d.ow = lw_for_parallel(l, "ow", y->dim[3]);
    const ir_sx *first = sx_add(s, sx_mul(s, d.g, sx_int(s, width)), sx_mul(s, block, each));
    kir_buffer *acc = kir_alloc(&l->b, "acc", (nfc_dtype)t, sx_value(each));
    const ir_sx *co = lw_for(l, "co", each), *channel = sx_add(s, first, co);
    kir_store(&l->b, acc, co, bias ? lw_load(l, bias, &channel) : lw_number(l, t, 0));
    lw_close(l, 1);
    d.ci = lw_for(l, "ci", w->dim[1]);
    d.kh = lw_for(l, "kh", w->dim[2]);
    d.kw = lw_for(l, "kw", w->dim[3]);
    d.from = sx_add(s, sx_mul(s, d.g, w->dim[1]), d.ci);
    const kir_expr *seen = deformed(l, inst, &win, &d, t);
    co = lw_for(l, "co", each);
    const ir_sx *weight[4] = {sx_add(s, first, co), d.ci, d.kh, d.kw};
    kir_accum(&l->b, KB_ADD, acc, co, lw_bin(l, MUL, lw_load(l, inst->in[1], weight), seen));
    lw_close(l, 4);
    co = lw_for(l, "co", each);
    lw_store(l, 0, (const ir_sx *const[]){d.n, sx_add(s, first, co), d.oh, d.ow}, kir_load(&l->b, acc, co));
    lw_close(l, 6);
    return true;
}
