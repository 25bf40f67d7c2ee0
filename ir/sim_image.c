/* Sampling images at places between elements, as ONNX defines it. */
#include <math.h>
#include <string.h>
#include "ir/shape.h"
#include "ir/sim.h"

static bool is_mode(const sim_call *c, int attr, const char *mode) { return strcmp(c->inst->attr[attr].s, mode) == 0; }

/* A place as a number of elements; far from both ends of int64. */
static int64_t whole(double v)
{
    if (isnan(v)) return 0;
    return (int64_t)(v < -0x1p40 ? -0x1p40 : v > 0x1p40 ? 0x1p40 : v);
}

/* ---- grids --------------------------------------------------------------------------------- */

/* Mirrors a place at both ends until it lies between them. */
static double reflected(double at, double least, double most)
{
    double range = most - least, beyond = at < least ? least - at : at - most;
    if (at >= least && at <= most) return at;
    if (range == 0) return least;
    double turns = trunc(beyond / range), rest = beyond - turns * range;
    return (fmod(turns, 2) == 0) == (at < least) ? least + rest : most - rest;
}

/* Where coordinate v lies on an axis of n elements. */
static double place(const sim_call *c, double v, int64_t n)
{
    bool corners = ir_int(c->inst, ATTR_AT(grid_sample, align_corners));
    double least = corners ? 0 : -0.5, most = corners ? (double)(n - 1) : (double)n - 0.5;
    double at = corners ? (v + 1) / 2 * (double)(n - 1) : ((v + 1) * (double)n - 1) / 2;
    at = isnan(at) ? -1 : fmax(-0x1p40, fmin(at, 0x1p40));
    if (is_mode(c, ATTR_AT(grid_sample, mode), "nearest")) at = rint(at);
    if (is_mode(c, ATTR_AT(grid_sample, padding_mode), "border")) return fmax(0, fmin(at, (double)(n - 1)));
    return is_mode(c, ATTR_AT(grid_sample, padding_mode), "reflection") ? reflected(at, least, most) : at;
}

/* Which element stands at position i of an axis that goes on beyond its ends; -1: a zero. */
static int64_t element_at(const sim_call *c, int64_t i, int64_t n)
{
    bool corners = ir_int(c->inst, ATTR_AT(grid_sample, align_corners));
    if (i >= 0 && i < n) return i;
    if (is_mode(c, ATTR_AT(grid_sample, padding_mode), "zeros")) return -1;
    if (is_mode(c, ATTR_AT(grid_sample, padding_mode), "border")) return i < 0 ? 0 : n - 1;
    return whole(reflected((double)i, corners ? 0 : -0.5, corners ? (double)(n - 1) : (double)n - 0.5));
}

static double cubic(double x)
{
    const double a = -0.75;
    x = fabs(x);
    if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

/* A sum over the neighbours of a place in one channel; image: its first element. */
static double between(const sim_call *c, int64_t image, const double *at)
{
    const sim_tensor *x = c->in[0];
    bool smooth = is_mode(c, ATTR_AT(grid_sample, mode), "cubic");
    int axes = x->rank - 2;
    int64_t taps[3] = {smooth ? 4 : 2, smooth ? 4 : 2, smooth ? 4 : 2}, all = 1;
    double sum = 0;
    for (int i = 0; i < axes; i++) all *= taps[i];
    sim_coords tap = {.rank = axes, .dim = taps};
    for (int64_t k = 0; k < all; k++, sim_coords_next(&tap)) {
        int64_t flat = 0;
        double weight = 1;
        bool zero = false;
        for (int i = 0; i < axes; i++) {
            int64_t base = whole(floor(at[i])), from = base + tap.at[i] - smooth, n = x->dim[2 + i];
            double way = at[i] - (double)from;
            weight *= smooth ? cubic(way) : 1 - fabs(way);
            int64_t element = element_at(c, from, n);
            zero |= element < 0;
            flat = flat * n + element;
        }
        if (!zero) sum += weight * sim_get(x, image + flat);
    }
    return sum;
}

static void nearest(const sim_call *c, int64_t image, const double *at, int64_t i)
{
    const sim_tensor *x = c->in[0];
    int64_t flat = 0;
    for (int k = 0; k < x->rank - 2; k++) {
        int64_t element = element_at(c, whole(at[k]), x->dim[2 + k]);
        if (element < 0) return; /* the result is zero already */
        flat = flat * x->dim[2 + k] + element;
    }
    sim_copy(x, image + flat, c->out[0], i);
}

bool ev_grid_sample(sim_call *c)
{
    const sim_tensor *x = c->in[0], *grid = c->in[1];
    sim_tensor *y = c->out[0];
    int axes = x->rank - 2;
    int64_t area = 1;
    for (int k = 0; k < axes; k++) area *= x->dim[2 + k];
    sim_coords at = {.rank = y->rank, .dim = y->dim};
    for (int64_t i = 0; i < y->n; i++, sim_coords_next(&at)) {
        int64_t cell[5] = {at.at[0]}, image = (at.at[0] * x->dim[1] + at.at[1]) * area;
        double places[3];
        for (int k = 0; k < axes; k++) cell[1 + k] = at.at[2 + k];
        for (int k = 0; k < axes; k++) {
            cell[1 + axes] = axes - 1 - k; /* the innermost axis stands first */
            places[k] = place(c, sim_get(grid, sim_flat(grid, cell)), x->dim[2 + k]);
        }
        double v;
        if (is_mode(c, ATTR_AT(grid_sample, mode), "nearest")) nearest(c, image, places, i);
        else v = between(c, image, places), sim_set(y, i, dtype_is_float(y->dtype) ? v : nearbyint(v));
    }
    return true;
}

bool ev_affine_grid(sim_call *c)
{
    const sim_tensor *theta = c->in[0];
    sim_tensor *y = c->out[0];
    int axes = y->rank - 2;
    bool corners = ir_int(c->inst, ATTR_AT(affine_grid, align_corners));
    sim_coords at = {.rank = y->rank, .dim = y->dim};
    for (int64_t i = 0; i < y->n; i++, sim_coords_next(&at)) {
        int64_t row = (at.at[0] * axes + at.at[axes + 1]) * (axes + 1);
        double sum = sim_get(theta, row + axes);
        for (int k = 0; k < axes; k++) {
            int64_t axis = axes - k, n = y->dim[axis], p = at.at[axis];
            double place = !corners ? (double)(2 * p + 1 - n) / (double)n : n > 1 ? (double)(2 * p - (n - 1)) / (double)(n - 1) : 0;
            sum += sim_get(theta, row + k) * place;
        }
        sim_set(y, i, sum);
    }
    return true;
}
