/* Regions of images, and windows whose elements move, as ONNX defines them. */
#include <math.h>
#include <string.h>
#include "ir/shape.h"
#include "ir/sim.h"

static int64_t whole(double v)
{
    if (isnan(v)) return 0;
    return (int64_t)(v < -0x1p40 ? -0x1p40 : v > 0x1p40 ? 0x1p40 : v);
}

static double larger(double a, double b) { return isnan(a) || isnan(b) ? NAN : a > b ? a : b; }

/* ---- roi_align ----------------------------------------------------------------------------- */

/* One axis of a region, cut into bins. */
typedef struct extent {
    double start, bin; /* where it begins; the length of a bin */
    int64_t points;    /* in each bin */
    int64_t n;         /* elements of the image */
} extent;

static extent extent_of(const sim_call *c, double from, double to, int64_t bins, int64_t n)
{
    enum { MOST_POINTS = 32768 };
    double scale = sim_float(c, ATTR_AT(roi_align, spatial_scale));
    int64_t given = ir_int(c->inst, ATTR_AT(roi_align, sampling_ratio));
    bool half = strcmp(c->inst->attr[ATTR_AT(roi_align, coordinate_transformation_mode)].s, "half_pixel") == 0;
    double start = from * scale - (half ? 0.5 : 0), length = to * scale - (half ? 0.5 : 0) - start;
    if (!half && !(length > 1)) length = isnan(length) ? NAN : 1;
    int64_t points = given ? given : whole(ceil(length / (double)bins));
    points = points < 0 ? 0 : points > MOST_POINTS ? MOST_POINTS : points;
    return (extent){start, length / (double)bins, points, n};
}

/* The two elements around a point, and the way from the first to the second; false: too far outside. */
static bool around(const extent *e, int64_t bin, int64_t point, int64_t *low, int64_t *high, double *way)
{
    double at = e->start + (double)bin * e->bin + ((double)point + 0.5) * e->bin / (double)e->points;
    if (!(at >= -1 && at <= (double)e->n)) return false;
    if (at < 0) at = 0;
    *low = whole(at);
    *way = at - (double)*low;
    *high = *low + 1;
    if (*low >= e->n - 1) {
        *low = *high = e->n - 1;
        *way = 0;
    }
    return true;
}

/* A bin of one channel; image: its first element. */
static double bin_of(const sim_call *c, int64_t image, const extent *h, const extent *w, int64_t row, int64_t column)
{
    const sim_tensor *x = c->in[0];
    bool mean = strcmp(c->inst->attr[ATTR_AT(roi_align, mode)].s, "avg") == 0;
    double sum = 0, most = 0;
    for (int64_t i = 0; i < h->points; i++)
        for (int64_t k = 0; k < w->points; k++) {
            int64_t y[2], z[2];
            double dy, dz, part[4] = {0};
            if (around(h, row, i, &y[0], &y[1], &dy) && around(w, column, k, &z[0], &z[1], &dz))
                for (int p = 0; p < 4; p++)
                    part[p] = (p / 2 ? dy : 1 - dy) * (p % 2 ? dz : 1 - dz) * sim_get(x, image + y[p / 2] * w->n + z[p % 2]);
            double best = larger(larger(part[0], part[1]), larger(part[2], part[3]));
            sum += part[0] + part[1] + part[2] + part[3];
            most = i + k == 0 ? best : larger(most, best);
        }
    int64_t count = h->points * w->points;
    return !mean ? most : sum / (double)(count ? count : 1);
}

bool ev_roi_align(sim_call *c)
{
    const sim_tensor *x = c->in[0], *rois = c->in[1];
    sim_tensor *y = c->out[0];
    for (int64_t r = 0; r < rois->dim[0]; r++) {
        int64_t given = sim_get_int(c->in[2], r), image = given < 0 ? given + x->dim[0] : given;
        if (image < 0 || image >= x->dim[0]) return sim_fail(c, E_RUN_INDEX, "roi_align: image %lld of region %lld is outside of the %lld images", (long long)given, (long long)r, (long long)x->dim[0]);
        extent w = extent_of(c, sim_get(rois, 4 * r), sim_get(rois, 4 * r + 2), y->dim[3], x->dim[3]);
        extent h = extent_of(c, sim_get(rois, 4 * r + 1), sim_get(rois, 4 * r + 3), y->dim[2], x->dim[2]);
        for (int64_t i = 0; i < x->dim[1] * y->dim[2] * y->dim[3]; i++) {
            int64_t column = i % y->dim[3], row = i / y->dim[3] % y->dim[2], channel = i / y->dim[3] / y->dim[2];
            double v = bin_of(c, (image * x->dim[1] + channel) * x->dim[2] * x->dim[3], &h, &w, row, column);
            sim_set(y, r * x->dim[1] * y->dim[2] * y->dim[3] + i, v);
        }
    }
    return true;
}

/* ---- max_roi_pool -------------------------------------------------------------------------- */

/* The elements first .. last - 1 of n that bin `bin` of a region from `from` to `to` has. */
static void bin_elements(const sim_call *c, double from, double to, int64_t bin, int64_t bins, int64_t n, int64_t *first, int64_t *last)
{
    double scale = sim_float(c, ATTR_AT(max_roi_pool, spatial_scale));
    int64_t start = whole(round(from * scale)), length = whole(round(to * scale)) - start + 1;
    if (length < 1) length = 1;
    *first = start + bin * length / bins;
    *last = start + ((bin + 1) * length + bins - 1) / bins;
    *first = *first < 0 ? 0 : *first > n ? n : *first;
    *last = *last < 0 ? 0 : *last > n ? n : *last;
}

static double largest_of(const sim_tensor *x, int64_t image, const int64_t *row, const int64_t *column)
{
    double most = row[0] < row[1] && column[0] < column[1] ? -INFINITY : 0;
    for (int64_t i = row[0]; i < row[1]; i++)
        for (int64_t k = column[0]; k < column[1]; k++) most = larger(most, sim_get(x, image + i * x->dim[3] + k));
    return most;
}

bool ev_max_roi_pool(sim_call *c)
{
    const sim_tensor *x = c->in[0], *rois = c->in[1];
    sim_tensor *y = c->out[0];
    sim_coords at = {.rank = 4, .dim = y->dim};
    for (int64_t i = 0; i < y->n; i++, sim_coords_next(&at)) {
        int64_t roi = 5 * at.at[0], row[2], column[2];
        double image = sim_get(rois, roi);
        if (!(image >= 0 && image < (double)x->dim[0])) return sim_fail(c, E_RUN_INDEX, "max_roi_pool: image %g of region %lld is outside of the %lld images", image, (long long)at.at[0], (long long)x->dim[0]);
        bin_elements(c, sim_get(rois, roi + 2), sim_get(rois, roi + 4), at.at[2], y->dim[2], x->dim[2], &row[0], &row[1]);
        bin_elements(c, sim_get(rois, roi + 1), sim_get(rois, roi + 3), at.at[3], y->dim[3], x->dim[3], &column[0], &column[1]);
        sim_set(y, i, largest_of(x, ((int64_t)image * x->dim[1] + at.at[1]) * x->dim[2] * x->dim[3], row, column));
    }
    return true;
}

/* ---- deform_conv --------------------------------------------------------------------------- */

/* Channel `image` between four elements, at a whole place plus an offset each way; zero outside. */
static double moved(const sim_tensor *x, int64_t image, const int64_t *at, const double *offset)
{
    double sum = 0;
    for (int p = 0; p < 4; p++) {
        int64_t to[2];
        double weight = 1;
        for (int i = 0; i < 2; i++) {
            int next = i ? p % 2 : p / 2;
            double way = offset[i] - floor(offset[i]);
            to[i] = at[i] + whole(floor(offset[i])) + next;
            weight *= next ? way : 1 - way;
        }
        if (to[0] >= 0 && to[0] < x->dim[2] && to[1] >= 0 && to[1] < x->dim[3]) sum += weight * sim_get(x, image + to[0] * x->dim[3] + to[1]);
        else sum += weight * 0; /* NaN where the offset is no number */
    }
    return sum;
}

/* The kernel's element at `cell` (of one channel) times what it sees, of channel `channel`. */
static double product(const sim_call *c, const window *w, const int64_t *out, int64_t channel, int64_t cell, double weight)
{
    const sim_tensor *x = c->in[0], *offset = c->in[2], *mask = c->nin > 4 ? c->in[4] : NULL;
    int64_t share = x->dim[1] / ir_int(c->inst, ATTR_AT(deform_conv, offset_group)), plane = channel / share * w->kernel[0] * w->kernel[1] + cell;
    int64_t at[2], from[4] = {out[0], 0, out[2], out[3]};
    double by[2];
    for (int i = 0; i < 2; i++) {
        int64_t k = i ? cell % w->kernel[1] : cell / w->kernel[1];
        at[i] = out[2 + i] * w->stride[i] - w->before[i] + k * w->dilation[i];
        from[1] = 2 * plane + i;
        by[i] = sim_get(offset, sim_flat(offset, from));
    }
    from[1] = plane;
    double seen = moved(x, (out[0] * x->dim[1] + channel) * x->dim[2] * x->dim[3], at, by);
    return weight * seen * (mask ? sim_get(mask, sim_flat(mask, from)) : 1);
}

bool ev_deform_conv(sim_call *c)
{
    const sim_tensor *w = c->in[1], *b = c->nin > 3 ? c->in[3] : NULL;
    sim_tensor *y = c->out[0];
    window win;
    deform_window_of(c->m, c->inst, &win);
    int64_t depth = w->dim[1], cells = win.kernel[0] * win.kernel[1], width = w->dim[0] / ir_int(c->inst, ATTR_AT(deform_conv, group));
    sim_coords at = {.rank = 4, .dim = y->dim};
    for (int64_t i = 0; i < y->n; i++, sim_coords_next(&at)) {
        double sum = b ? sim_get(b, at.at[1]) : 0;
        for (int64_t k = 0; k < depth * cells; k++)
            sum += product(c, &win, at.at, at.at[1] / width * depth + k / cells, k % cells, sim_get(w, at.at[1] * depth * cells + k));
        sim_set(y, i, sum);
    }
    return true;
}
