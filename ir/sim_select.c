/* Ops whose results are as large as their elements make them, as ONNX defines them. Results come
 * zeroed, so that what does not count is zero. */
#include <math.h>
#include <string.h>
#include "ir/sim.h"

/* The axis attribute, or -1 where there is none. */
static int optional_axis(const sim_call *c, int attr)
{
    if (!ir_given(c->inst, attr)) return -1;
    int64_t axis = ir_int(c->inst, attr);
    return (int)(axis < 0 ? axis + c->in[0]->rank : axis);
}

/* A tensor as [outer, n, inner] around an axis; without one as [1, elements, 1]. */
typedef struct slices {
    int64_t outer, n, inner;
} slices;

static slices slices_of(const sim_tensor *x, int axis)
{
    slices s = {1, axis < 0 ? x->n : x->dim[axis], 1};
    for (int i = 0; i < axis; i++) s.outer *= x->dim[i];
    for (int i = axis + 1; axis >= 0 && i < x->rank; i++) s.inner *= x->dim[i];
    return s;
}

/* Position of element k of slice i: slices have outer * inner elements. */
static int64_t slice_at(const slices *s, int64_t i, int64_t k)
{
    return (k / s->inner * s->n + i) * s->inner + k % s->inner;
}

/* Slice i of x becomes slice k of y, which may have another number of slices. */
static void copy_slice(const sim_tensor *x, const slices *from, int64_t i, sim_tensor *y,
                       const slices *to, int64_t k)
{
    for (int64_t e = 0; e < from->outer * from->inner; e++)
        sim_copy(x, slice_at(from, i, e), y, slice_at(to, k, e));
}

bool ev_compress(sim_call *c)
{
    const sim_tensor *x = c->in[0], *condition = c->in[1];
    int axis = optional_axis(c, ATTR_AT(compress, axis));
    slices from = slices_of(x, axis), to = slices_of(c->out[0], axis < 0 ? 0 : axis);
    int64_t count = 0;
    for (int64_t i = 0; i < condition->n; i++)
        if (sim_get_int(condition, i)) copy_slice(x, &from, i, c->out[0], &to, count++);
    sim_set_int(c->out[1], 0, count);
    return true;
}

bool ev_nonzero(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    int64_t count = 0;
    sim_coords at = {.rank = x->rank, .dim = x->dim};
    for (int64_t i = 0; i < x->n; i++, sim_coords_next(&at)) {
        bool zero = dtype_is_float(x->dtype) ? sim_get(x, i) == 0 : sim_get_int(x, i) == 0;
        if (zero) continue;
        for (int k = 0; k < x->rank; k++) sim_set_int(c->out[0], k * x->n + count, at.at[k]);
        count++;
    }
    sim_set_int(c->out[1], 0, count);
    return true;
}

/* ---- unique -------------------------------------------------------------------------------- */

/* -1, 0, 1: how two elements compare; NaN counts as the largest. */
static int compare(const sim_tensor *x, int64_t i, int64_t k)
{
    if (dtype_is_float(x->dtype)) {
        double a = sim_get(x, i), b = sim_get(x, k);
        if (isnan(a) || isnan(b)) return (isnan(a) != 0) - (isnan(b) != 0);
        return (a > b) - (a < b);
    }
    int64_t a = sim_get_int(x, i), b = sim_get_int(x, k);
    if (dtype_table[x->dtype].kind == DTC_UNSIGNED)
        return ((uint64_t)a > (uint64_t)b) - ((uint64_t)a < (uint64_t)b);
    return (a > b) - (a < b);
}

static int compare_slices(const sim_tensor *x, const slices *s, int64_t i, int64_t k)
{
    int order = 0;
    for (int64_t e = 0; e < s->outer * s->inner && order == 0; e++)
        order = compare(x, slice_at(s, i, e), slice_at(s, k, e));
    return order;
}

/* Where slice i is found first. */
static int64_t first_of(const sim_tensor *x, const slices *s, int64_t i)
{
    int64_t k = 0;
    while (compare_slices(x, s, k, i) != 0) k++;
    return k;
}

/* The number of a slice found first at `first` among the different ones: of how many it stands
 * behind. */
static int64_t number_of(const sim_call *c, const slices *s, int64_t first)
{
    const sim_tensor *x = c->in[0];
    bool sorted = ir_int(c->inst, ATTR_AT(unique, sorted));
    int64_t before = 0;
    for (int64_t i = 0; i < s->n; i++) {
        bool stands_before = sorted ? compare_slices(x, s, i, first) < 0 : i < first;
        before += stands_before && first_of(x, s, i) == i;
    }
    return before;
}

bool ev_unique(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    int axis = optional_axis(c, ATTR_AT(unique, axis));
    slices s = slices_of(x, axis);
    int64_t count = 0;
    for (int64_t i = 0; i < s.n; i++) {
        int64_t first = first_of(x, &s, i);
        if (first == i) { /* a new one */
            int64_t number = number_of(c, &s, i);
            count++;
            copy_slice(x, &s, i, c->out[0], &s, number);
            sim_set_int(c->out[1], number, i);
            sim_set_int(c->out[2], i, number);
            sim_set_int(c->out[3], number, 1);
            continue;
        }
        int64_t number = sim_get_int(c->out[2], first);
        sim_set_int(c->out[2], i, number);
        sim_set_int(c->out[3], number, sim_get_int(c->out[3], number) + 1);
    }
    sim_set_int(c->out[4], 0, count);
    return true;
}

/* ---- non-maximum suppression --------------------------------------------------------------- */

/* The least and the largest coordinate of a box along x (0) and y (1). */
typedef struct box {
    double low[2], high[2];
} box;

static box box_at(const sim_call *c, int64_t row)
{
    double v[4];
    box b;
    for (int i = 0; i < 4; i++) v[i] = sim_get(c->in[0], row * 4 + i);
    for (int i = 0; i < 2; i++) {
        bool centred = ir_int(c->inst, ATTR_AT(non_max_suppression, center_point_box));
        double p = centred ? v[i] - v[2 + i] / 2 : v[1 - i],
               q = centred ? v[i] + v[2 + i] / 2 : v[3 - i];
        b.low[i] = centred || p < q ? p : q;
        b.high[i] = centred || p < q ? q : p;
    }
    return b;
}

static double area(const box *b) { return (b->high[0] - b->low[0]) * (b->high[1] - b->low[1]); }

/* Do two boxes share more of what they cover together than the threshold? Not if one is empty. */
static bool overlap(const box *a, const box *b, double threshold)
{
    box both;
    for (int i = 0; i < 2; i++) {
        both.low[i] = a->low[i] > b->low[i] ? a->low[i] : b->low[i];
        both.high[i] = a->high[i] < b->high[i] ? a->high[i] : b->high[i];
        if (both.high[i] <= both.low[i]) return false;
    }
    double shared = area(&both), all = area(a) + area(b) - shared;
    return shared > 0 && area(a) > 0 && area(b) > 0 && all > 0 && shared / all > threshold;
}

/* The box of a class that follows `last` (-1: none yet) in the order of scores; -1: there is none.
 */
static int64_t next_box(const sim_call *c, int64_t first, int64_t last)
{
    const sim_tensor *scores = c->in[1], *threshold = c->nin > 4 ? c->in[4] : NULL;
    int64_t n = scores->dim[2], best = -1;
    for (int64_t i = 0; i < n; i++) {
        double score = sim_get(scores, first + i);
        if (isnan(score) || (threshold && score <= sim_get(threshold, 0))) continue;
        if (last >= 0 && (score > sim_get(scores, first + last) ||
                          (score == sim_get(scores, first + last) && i <= last)))
            continue;
        if (best < 0 || score > sim_get(scores, first + best)) best = i;
    }
    return best;
}

bool ev_non_max_suppression(sim_call *c)
{
    const sim_tensor *scores = c->in[1];
    int64_t classes = scores->dim[1], n = scores->dim[2], count = 0;
    int64_t most = c->nin > 2 && c->in[2] ? sim_get_int(c->in[2], 0) : 0;
    double threshold = c->nin > 3 && c->in[3] ? sim_get(c->in[3], 0) : 0;
    for (int64_t group = 0; group < scores->dim[0] * classes; group++) {
        int64_t batch = group / classes, begin = count;
        for (int64_t i = next_box(c, group * n, -1); i >= 0 && count - begin < most;
             i = next_box(c, group * n, i)) {
            box mine = box_at(c, batch * n + i);
            bool covered = false;
            for (int64_t k = begin; k < count; k++) {
                box other = box_at(c, batch * n + sim_get_int(c->out[0], k * 3 + 2));
                covered |= overlap(&mine, &other, threshold);
            }
            if (covered) continue;
            int64_t row[3] = {batch, group % classes, i};
            for (int k = 0; k < 3; k++) sim_set_int(c->out[0], count * 3 + k, row[k]);
            count++;
        }
    }
    sim_set_int(c->out[1], 0, count);
    return true;
}
