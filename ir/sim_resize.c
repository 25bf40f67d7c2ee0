/* Resize, as ONNX defines it: a weighted sum over the neighbours of each place, in double. */
#include <math.h>
#include <string.h>
#include "ir/shape.h"
#include "ir/sim.h"

/* One axis: what its places depend on. */
typedef struct line {
    int axis;
    int64_t in, out;
    double factor, width; /* width: of the result before it became a whole number */
    double roi_start, roi_end;
    int64_t first, taps; /* the neighbours, counted from the element before the place */
    double narrow;       /* the kernel's arguments are multiplied by it */
    sim_tensor *weight;  /* [out, taps] */
    sim_tensor *from;    /* [out, taps]: elements of x; the first -1: the place is outside */
} line;

static const char *mode_of(const sim_call *c, int attr) { return c->inst->attr[attr].s; }

static bool is_mode(const sim_call *c, int attr, const char *mode) { return strcmp(mode_of(c, attr), mode) == 0; }

/* ---- places -------------------------------------------------------------------------------- */

/* Where element i of the result lies in x. */
static double place(const sim_call *c, const line *l, double i)
{
    const char *mode = mode_of(c, ATTR_AT(resize, coordinate_transformation_mode));
    double last = (double)(l->in - 1), half = (i + 0.5) / l->factor - 0.5;
    if (strcmp(mode, "align_corners") == 0) return l->width == 1 ? 0 : i * last / (l->width - 1);
    if (strcmp(mode, "asymmetric") == 0) return i / l->factor;
    if (strcmp(mode, "tf_half_pixel_for_nn") == 0) return (i + 0.5) / l->factor;
    if (strcmp(mode, "pytorch_half_pixel") == 0) return l->out > 1 ? half : 0;
    if (strcmp(mode, "half_pixel_symmetric") == 0) return (double)l->in / 2 * (1 - (double)l->out / l->width) + half;
    if (strcmp(mode, "tf_crop_and_resize") == 0) {
        double part = l->roi_end - l->roi_start;
        return (l->width == 1 ? part * last / 2 : i * part * last / (l->width - 1)) + l->roi_start * last;
    }
    return half;
}

/* The element before a place; a whole place has itself behind it. */
static double before(double at) { return ceil(at) - 1; }

static bool takes_next(const sim_call *c, double at)
{
    double way = at - before(at); /* above 0, up to 1 */
    const char *mode = mode_of(c, ATTR_AT(resize, nearest_mode));
    if (way == 1 || strcmp(mode, "ceil") == 0) return true;
    if (strcmp(mode, "floor") == 0) return false;
    return strcmp(mode, "round_prefer_floor") == 0 ? way > 0.5 : way >= 0.5;
}

/* ---- weights ------------------------------------------------------------------------------- */

static double kernel(const sim_call *c, double x)
{
    double a = sim_float(c, ATTR_AT(resize, cubic_coeff_a));
    x = fabs(x);
    if (is_mode(c, ATTR_AT(resize, mode), "linear")) return x < 1 ? 1 - x : 0;
    if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

static void set_taps(const sim_call *c, line *l)
{
    double reach = is_mode(c, ATTR_AT(resize, mode), "cubic") ? 2 : 1;
    l->narrow = ir_int(c->inst, ATTR_AT(resize, antialias)) && l->factor < 1 ? l->factor : 1;
    l->first = 0;
    l->taps = 1;
    if (is_mode(c, ATTR_AT(resize, mode), "nearest")) return;
    double first = floor(-reach / l->narrow) + 1, least = -2 * (double)l->in;
    l->first = (int64_t)(first >= least ? first : least); /* further than x reaches either way */
    l->taps = 2 - 2 * l->first;
}

/* A place as an integer that leaves room for a few more. */
static int64_t whole(double v)
{
    if (isnan(v)) return 0;
    return (int64_t)(v < -0x1p40 ? -0x1p40 : v > 0x1p40 ? 0x1p40 : v);
}

static void weigh(const sim_call *c, line *l, int64_t i)
{
    double at = place(c, l, (double)i), sum = 0;
    int64_t base = whole(before(at));
    bool nearest = is_mode(c, ATTR_AT(resize, mode), "nearest"), drops = ir_int(c->inst, ATTR_AT(resize, exclude_outside));
    for (int64_t k = 0; k < l->taps; k++) {
        int64_t from = base + l->first + k;
        double weight = nearest ? 1 : kernel(c, ((double)(l->first + k) - (at - (double)base)) * l->narrow);
        if (nearest) from = base + takes_next(c, at);
        if (drops && !nearest && (from < 0 || from >= l->in)) weight = 0;
        sum += weight;
        sim_set(l->weight, i * l->taps + k, weight);
        sim_set_int(l->from, i * l->taps + k, from < 0 ? 0 : from >= l->in ? l->in - 1 : from);
    }
    bool whole_sum = drops || ir_int(c->inst, ATTR_AT(resize, antialias));
    for (int64_t k = 0; whole_sum && sum != 0 && k < l->taps; k++)
        sim_set(l->weight, i * l->taps + k, sim_get(l->weight, i * l->taps + k) / sum);
    bool crops = is_mode(c, ATTR_AT(resize, coordinate_transformation_mode), "tf_crop_and_resize");
    if (crops && (at < 0 || at > (double)(l->in - 1))) sim_set_int(l->from, i * l->taps, -1);
}

/* ---- elements ------------------------------------------------------------------------------ */

static int read_lines(sim_call *c, line *lines)
{
    const sim_tensor *x = c->in[0], *roi = c->nin > 1 ? c->in[1] : NULL, *scale = c->nin > 2 ? c->in[2] : NULL;
    resize_axis axis[IR_MAX_RANK];
    int n = 0;
    resize_axes(c->inst, axis);
    bool crops = is_mode(c, ATTR_AT(resize, coordinate_transformation_mode), "tf_crop_and_resize");
    for (int i = 0; i < x->rank; i++) {
        if (axis[i].entry < 0) continue;
        line *l = &lines[n++];
        *l = (line){.axis = i, .in = x->dim[i], .out = c->out[0]->dim[i], .factor = axis[i].factor};
        if (scale) l->factor = sim_get(scale, axis[i].entry);
        if (axis[i].exact) l->factor = (double)l->out / (double)l->in;
        l->width = axis[i].exact ? (double)l->out : l->factor * (double)l->in;
        if (crops) l->roi_start = sim_get(roi, axis[i].entry);
        if (crops) l->roi_end = sim_get(roi, axis[i].entry + roi->n / 2);
        set_taps(c, l);
        int64_t dim[2] = {l->out, l->taps};
        l->weight = sim_tensor_new(c->s, DT_f64, 2, dim);
        l->from = sim_tensor_new(c->s, DT_i64, 2, dim);
        for (int64_t k = 0; k < l->out; k++) weigh(c, l, k);
    }
    return n;
}

/* A sum over all combinations of the axes' neighbours. */
static double weighted_sum(const sim_call *c, const line *lines, int n, const int64_t *at)
{
    int64_t taps[IR_MAX_RANK], all = 1;
    double sum = 0;
    for (int i = 0; i < n; i++) all *= taps[i] = lines[i].taps;
    sim_coords tap = {.rank = n, .dim = taps};
    for (int64_t k = 0; k < all; k++, sim_coords_next(&tap)) {
        int64_t from[IR_MAX_RANK];
        double weight = 1;
        memcpy(from, at, sizeof from);
        for (int i = 0; i < n; i++) {
            const line *l = &lines[i];
            int64_t cell = at[l->axis] * l->taps + tap.at[i];
            weight *= sim_get(l->weight, cell);
            from[l->axis] = sim_get_int(l->from, cell);
        }
        sum += weight * sim_get(c->in[0], sim_flat(c->in[0], from));
    }
    return sum;
}

static bool is_outside(const line *lines, int n, const int64_t *at)
{
    for (int i = 0; i < n; i++)
        if (sim_get_int(lines[i].from, at[lines[i].axis] * lines[i].taps) < 0) return true;
    return false;
}

static void store(sim_tensor *y, int64_t i, double v) { sim_set(y, i, dtype_is_float(y->dtype) ? v : nearbyint(v)); }

bool ev_resize(sim_call *c)
{
    sim_tensor *y = c->out[0];
    line lines[IR_MAX_RANK];
    int n = read_lines(c, lines);
    bool nearest = is_mode(c, ATTR_AT(resize, mode), "nearest");
    sim_coords at = {.rank = y->rank, .dim = y->dim};
    for (int64_t i = 0; i < y->n; i++, sim_coords_next(&at)) {
        int64_t from[IR_MAX_RANK];
        memcpy(from, at.at, sizeof from);
        for (int k = 0; nearest && k < n; k++) from[lines[k].axis] = sim_get_int(lines[k].from, at.at[lines[k].axis]);
        if (is_outside(lines, n, at.at))
            store(y, i, sim_float(c, ATTR_AT(resize, extrapolation_value)));
        else if (nearest)
            sim_copy(c->in[0], sim_flat(c->in[0], from), y, i);
        else
            store(y, i, weighted_sum(c, lines, n, at.at));
    }
    for (int i = 0; i < n; i++) {
        sim_tensor_drop(lines[i].weight);
        sim_tensor_drop(lines[i].from);
    }
    return true;
}
