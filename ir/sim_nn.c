/* Contractions, windows and attention, as ONNX defines them. */
#include <math.h>
#include "ir/shape.h"
#include "ir/sim.h"

/* ---- sums of products ---------------------------------------------------------------------- */

/* A sum in double, or of integers in 64 bits, which wrap to the result's type when it is stored. */
typedef struct accumulator {
    bool floats;
    double f;
    uint64_t i;
} accumulator;

static accumulator zero_of(const sim_tensor *t)
{
    return (accumulator){.floats = dtype_is_float(t->dtype)};
}

static void add_product(accumulator *sum, const sim_tensor *a, int64_t i, const sim_tensor *b,
                        int64_t k)
{
    if (sum->floats)
        sum->f += sim_get(a, i) * sim_get(b, k);
    else
        sum->i += (uint64_t)sim_get_int(a, i) * (uint64_t)sim_get_int(b, k);
}

static void add_element(accumulator *sum, const sim_tensor *a, int64_t i)
{
    if (sum->floats)
        sum->f += sim_get(a, i);
    else
        sum->i += (uint64_t)sim_get_int(a, i);
}

static void store(const accumulator *sum, sim_tensor *y, int64_t i)
{
    if (sum->floats)
        sim_set(y, i, sum->f);
    else
        sim_set_int(y, i, (int64_t)sum->i);
}

/* ---- matrix products ----------------------------------------------------------------------- */

/* Which matrix of t stands at the coordinates of `rank` leading axes, with which t's broadcast. */
static int64_t matrix_of(const sim_tensor *t, int rank, const int64_t *at)
{
    int leading = t->rank > 2 ? t->rank - 2 : 0;
    int64_t flat = 0;
    for (int i = 0; i < leading; i++)
        flat = flat * t->dim[i] + (t->dim[i] == 1 ? 0 : at[rank - leading + i]);
    return flat;
}

bool ev_matmul(sim_call *c)
{
    const sim_tensor *a = c->in[0], *b = c->in[1];
    sim_tensor *y = c->out[0];
    int leading = y->rank - (a->rank > 1) - (b->rank > 1);
    int64_t rows = a->rank > 1 ? a->dim[a->rank - 2] : 1;
    int64_t columns = b->rank > 1 ? b->dim[b->rank - 1] : 1, inner = a->dim[a->rank - 1];
    sim_coords at = {.rank = y->rank, .dim = y->dim};
    for (int64_t i = 0; i < y->n; i++, sim_coords_next(&at)) {
        int64_t m = a->rank > 1 ? at.at[leading] : 0;
        int64_t n = b->rank > 1 ? at.at[y->rank - 1] : 0;
        int64_t a_row = matrix_of(a, leading, at.at) * rows + m;
        int64_t b_matrix = matrix_of(b, leading, at.at);
        accumulator sum = zero_of(y);
        for (int64_t k = 0; k < inner; k++)
            add_product(&sum, a, a_row * inner + k, b, (b_matrix * inner + k) * columns + n);
        store(&sum, y, i);
    }
    return true;
}

bool ev_gemm(sim_call *c)
{
    const sim_tensor *a = c->in[0], *b = c->in[1], *d = c->nin > 2 ? c->in[2] : NULL;
    sim_tensor *y = c->out[0];
    bool across_a = ir_int(c->inst, ATTR_AT(gemm, transa));
    bool across_b = ir_int(c->inst, ATTR_AT(gemm, transb));
    double alpha = sim_float(c, ATTR_AT(gemm, alpha)), beta = sim_float(c, ATTR_AT(gemm, beta));
    int64_t inner = a->dim[across_a ? 0 : 1];
    sim_coords at = {.rank = 2, .dim = y->dim};
    for (int64_t i = 0; i < y->n; i++, sim_coords_next(&at)) {
        int64_t m = at.at[0], n = at.at[1];
        accumulator sum = zero_of(y), bias = zero_of(y);
        for (int64_t k = 0; k < inner; k++)
            add_product(&sum, a, across_a ? k * a->dim[1] + m : m * inner + k, b,
                        across_b ? n * inner + k : k * b->dim[1] + n);
        if (d) add_element(&bias, d, sim_flat_broadcast(d, 2, at.at));
        sum.f = alpha * sum.f + (d ? beta * bias.f : 0);
        /* The shape rule lets only whole factors through where the elements are integers. */
        if (!sum.floats)
            sum.i = (uint64_t)(int64_t)alpha * sum.i + (uint64_t)(int64_t)beta * bias.i;
        store(&sum, y, i);
    }
    return true;
}

/* ---- convolution --------------------------------------------------------------------------- */

/* Where element `kernel` of the window at result position `out` looks at [N, C, spatial...]: sets
 * the spatial coordinates of `in`; false in the padding. */
static bool looks_at(const window *w, const sim_tensor *x, const int64_t *out,
                     const int64_t *kernel, int64_t *in)
{
    for (int i = 0; i < w->n; i++) {
        in[i] = out[i] * w->stride[i] - w->before[i] + kernel[i] * w->dilation[i];
        if (in[i] < 0 || in[i] >= x->dim[2 + i]) return false;
    }
    return true;
}

void sim_window(sim_call *c, window *w)
{
    window_of(c->m, c->inst, w);
    for (int i = 0; i < w->n; i++) {
        w->before[i] = sim_eval_sx(c, w->lead[i]);
        w->after[i] = sim_eval_sx(c, w->trail[i]);
    }
}

static int64_t kernel_size(const window *w)
{
    int64_t n = 1;
    for (int i = 0; i < w->n; i++) n *= w->kernel[i];
    return n;
}

bool ev_conv(sim_call *c)
{
    const sim_tensor *x = c->in[0], *w = c->in[1], *b = c->nin > 2 ? c->in[2] : NULL;
    sim_tensor *y = c->out[0];
    window win;
    sim_window(c, &win);
    int64_t group = ir_int(c->inst, ATTR_AT(conv, group)), depth = w->dim[1];
    sim_coords at = {.rank = y->rank, .dim = y->dim};
    for (int64_t i = 0; i < y->n; i++, sim_coords_next(&at)) {
        int64_t channel = at.at[1], first = channel / (w->dim[0] / group) * depth;
        accumulator sum = zero_of(y);
        for (int64_t d = 0; d < depth; d++) {
            sim_coords k = {.rank = win.n, .dim = win.kernel};
            for (int64_t j = 0; j < kernel_size(&win); j++, sim_coords_next(&k)) {
                int64_t from[2 + 3] = {at.at[0], first + d};
                if (looks_at(&win, x, at.at + 2, k.at, from + 2))
                    add_product(&sum, x, sim_flat(x, from), w,
                                (channel * depth + d) * kernel_size(&win) + j);
            }
        }
        if (b) add_element(&sum, b, channel);
        store(&sum, y, i);
    }
    return true;
}

/* The inverse of looks_at: which element of the operand reaches result position `out` through
 * element `kernel`; false when none does. */
static bool comes_from(const window *w, const sim_tensor *x, const int64_t *out,
                       const int64_t *kernel, int64_t *in)
{
    for (int i = 0; i < w->n; i++) {
        int64_t spread = out[i] + w->before[i] - kernel[i] * w->dilation[i];
        if (spread < 0 || spread % w->stride[i]) return false;
        in[i] = spread / w->stride[i];
        if (in[i] >= x->dim[2 + i]) return false;
    }
    return true;
}

bool ev_conv_transpose(sim_call *c)
{
    const sim_tensor *x = c->in[0], *w = c->in[1], *b = c->nin > 2 ? c->in[2] : NULL;
    sim_tensor *y = c->out[0];
    window win;
    sim_window(c, &win);
    int64_t group = ir_int(c->inst, ATTR_AT(conv_transpose, group));
    int64_t width = w->dim[1], depth = x->dim[1] / group; /* channels of a group: result, operand */
    sim_coords at = {.rank = y->rank, .dim = y->dim};
    for (int64_t i = 0; i < y->n; i++, sim_coords_next(&at)) {
        int64_t channel = at.at[1];
        accumulator sum = zero_of(y);
        for (int64_t d = channel / width * depth; d < (channel / width + 1) * depth; d++) {
            sim_coords k = {.rank = win.n, .dim = win.kernel};
            for (int64_t j = 0; j < kernel_size(&win); j++, sim_coords_next(&k)) {
                int64_t from[2 + 3] = {at.at[0], d};
                if (comes_from(&win, x, at.at + 2, k.at, from + 2))
                    add_product(&sum, x, sim_flat(x, from), w,
                                (d * width + channel % width) * kernel_size(&win) + j);
            }
        }
        if (b) add_element(&sum, b, channel);
        store(&sum, y, i);
    }
    return true;
}

/* ---- pooling ------------------------------------------------------------------------------- */

/* Is element i larger than element `best`, the largest so far (-1: none)? The first NaN stays. */
static bool exceeds(const sim_tensor *x, int64_t i, int64_t best)
{
    if (best < 0) return true;
    if (dtype_is_float(x->dtype)) {
        double v = sim_get(x, i), most = sim_get(x, best);
        return !isnan(most) && (isnan(v) || v > most);
    }
    int64_t v = sim_get_int(x, i), most = sim_get_int(x, best);
    return dtype_table[x->dtype].kind == DTC_UNSIGNED ? (uint64_t)v > (uint64_t)most : v > most;
}

/* The largest of no elements is minus infinity, or the type's least integer. */
static void store_largest(const sim_tensor *x, int64_t best, sim_tensor *y, int64_t i)
{
    if (best >= 0)
        sim_copy(x, best, y, i);
    else if (dtype_is_float(y->dtype))
        sim_set(y, i, -INFINITY);
    else
        sim_set_int(y, i, dtype_min(y->dtype));
}

/* The index of an element as max_pool reports it: flat, or with the spatial axes in column-major
 * order behind batch and channel. */
static int64_t reported_index(const sim_tensor *x, const int64_t *at, bool column_major)
{
    if (!column_major) return sim_flat(x, at);
    int64_t flat = at[0] * x->dim[1] + at[1];
    for (int i = x->rank - 1; i >= 2; i--) flat = flat * x->dim[i] + at[i];
    return flat;
}

static void max_window(const sim_call *c, const window *w, const sim_coords *at, int64_t i)
{
    const sim_tensor *x = c->in[0];
    sim_coords k = {.rank = w->n, .dim = w->kernel};
    int64_t best = -1, index = -1;
    for (int64_t j = 0; j < kernel_size(w); j++, sim_coords_next(&k)) {
        int64_t from[2 + 3] = {at->at[0], at->at[1]};
        if (!looks_at(w, x, at->at + 2, k.at, from + 2)) continue;
        if (!exceeds(x, sim_flat(x, from), best)) continue;
        best = sim_flat(x, from);
        index = reported_index(x, from, ir_int(c->inst, ATTR_AT(max_pool, storage_order)));
    }
    store_largest(x, best, c->out[0], i);
    if (c->nout > 1) sim_set_int(c->out[1], i, index);
}

/* Is element `kernel` of the window within the operand and its pads? With ceil_mode the last window
 * can reach beyond, where nothing counts. */
static bool in_pads(const window *w, const sim_tensor *x, const int64_t *out, const int64_t *kernel)
{
    for (int i = 0; i < w->n; i++) {
        int64_t in = out[i] * w->stride[i] - w->before[i] + kernel[i] * w->dilation[i];
        if (in >= x->dim[2 + i] + w->after[i]) return false;
    }
    return true;
}

/* average_pool and lp_pool: a sum over the window. */
static double sum_window(const sim_call *c, const window *w, const sim_coords *at)
{
    const sim_tensor *x = c->in[0];
    bool average = c->inst->op == IR_average_pool;
    bool count_pads = average && ir_int(c->inst, ATTR_AT(average_pool, count_include_pad));
    double p = average ? 1 : (double)ir_int(c->inst, ATTR_AT(lp_pool, p)), sum = 0;
    int64_t count = 0;
    sim_coords k = {.rank = w->n, .dim = w->kernel};
    for (int64_t j = 0; j < kernel_size(w); j++, sim_coords_next(&k)) {
        int64_t from[2 + 3] = {at->at[0], at->at[1]};
        if (looks_at(w, x, at->at + 2, k.at, from + 2)) {
            double v = sim_get(x, sim_flat(x, from));
            sum += average ? v : pow(fabs(v), p);
            count++;
        } else if (count_pads && in_pads(w, x, at->at + 2, k.at)) {
            count++;
        }
    }
    return average ? sum / (double)count : pow(sum, 1 / p);
}

bool ev_pool(sim_call *c)
{
    window w;
    sim_window(c, &w);
    sim_coords at = {.rank = c->out[0]->rank, .dim = c->out[0]->dim};
    for (int64_t i = 0; i < c->out[0]->n; i++, sim_coords_next(&at)) {
        if (c->inst->op == IR_max_pool)
            max_window(c, &w, &at, i);
        else
            sim_set(c->out[0], i, sum_window(c, &w, &at));
    }
    return true;
}

bool ev_global_pool(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    sim_tensor *y = c->out[0];
    ir_op op = c->inst->op;
    double p = op == IR_global_lp_pool ? (double)ir_int(c->inst, ATTR_AT(global_lp_pool, p)) : 1;
    int64_t area = 1;
    for (int i = 2; i < x->rank; i++) area *= x->dim[i];
    for (int64_t i = 0; i < y->n; i++) {
        double sum = 0, powers = 0;
        int64_t best = -1;
        for (int64_t k = i * area; k < (i + 1) * area; k++) {
            sum += sim_get(x, k);
            powers += pow(fabs(sim_get(x, k)), p);
            if (exceeds(x, k, best)) best = k;
        }
        if (op == IR_global_average_pool) sim_set(y, i, sum / (double)area);
        else if (op == IR_global_lp_pool) sim_set(y, i, pow(powers, 1 / p));
        else store_largest(x, best, y, i);
    }
    return true;
}

/* ---- attention ----------------------------------------------------------------------------- */

/* What a query row may see. */
typedef struct sight {
    int64_t length, newest; /* valid keys; the row's own key, the last being the newest valid one */
    bool causal;
    int64_t window;
    const sim_tensor *mask;
} sight;

/* The score of key `at[rank - 1]` for the query row `at[0 .. rank - 1)`; minus infinity: unseen. */
static double score(const sim_call *c, const sight *s, double scale, int rank, const int64_t *at)
{
    const sim_tensor *q = c->in[0], *k = c->in[1];
    int64_t key = at[rank - 1], q_row = 0, k_row = 0, size = q->dim[rank - 1];
    int64_t shared = q->dim[rank - 3] / k->dim[rank - 3]; /* query heads to a key head */
    if (key >= s->length || (s->causal && key > s->newest)) return -INFINITY;
    if (s->window > 0 && key <= s->newest - s->window) return -INFINITY;
    double added = 0;
    if (s->mask) {
        int64_t i = sim_flat_broadcast(s->mask, rank, at);
        if (s->mask->dtype != DT_bool)
            added = sim_get(s->mask, i);
        else if (!sim_get_int(s->mask, i))
            return -INFINITY;
    }
    for (int i = 0; i < rank - 1; i++) {
        q_row = q_row * q->dim[i] + at[i];
        k_row = k_row * k->dim[i] + (i == rank - 3 ? at[i] / shared : i == rank - 2 ? key : at[i]);
    }
    double sum = 0;
    for (int64_t i = 0; i < size; i++)
        sum += sim_get(q, q_row * size + i) * sim_get(k, k_row * size + i);
    return scale * sum + added;
}

/* Turns scores into weights that sum to 1; false when all are minus infinity. */
static bool weigh(sim_tensor *scores)
{
    double most = -INFINITY, sum = 0;
    for (int64_t j = 0; j < scores->n; j++) {
        double v = sim_get(scores, j);
        most = isnan(most) || isnan(v) ? NAN : v > most ? v : most;
    }
    if (most == -INFINITY) return false;
    for (int64_t j = 0; j < scores->n; j++) sum += exp(sim_get(scores, j) - most);
    for (int64_t j = 0; j < scores->n; j++)
        sim_set(scores, j, exp(sim_get(scores, j) - most) / sum);
    return true;
}

/* One row of the result: the values' mean under the weights. Keys of weight 0 are left out, since
 * what lies behind the valid ones may be anything. */
static void attend(const sim_call *c, const sim_tensor *weights, const int64_t *at, int64_t row)
{
    const sim_tensor *v = c->in[2];
    sim_tensor *y = c->out[0];
    int rank = y->rank;
    int64_t matrix = 0, size = v->dim[rank - 1];
    for (int i = 0; i < rank - 2; i++)
        matrix = matrix * v->dim[i] + (i == rank - 3 ? at[i] / (y->dim[i] / v->dim[i]) : at[i]);
    for (int64_t e = 0; e < size; e++) {
        double sum = 0;
        for (int64_t j = 0; j < weights->n; j++) {
            double weight = sim_get(weights, j);
            if (weight != 0) sum += weight * sim_get(v, (matrix * weights->n + j) * size + e);
        }
        sim_set(y, row * size + e, sum);
    }
}

static void fill_row(sim_tensor *y, int64_t row, double x)
{
    int64_t size = y->dim[y->rank - 1];
    for (int64_t e = 0; e < size; e++) sim_set(y, row * size + e, x);
}

bool ev_sdpa(sim_call *c)
{
    const sim_tensor *q = c->in[0], *k = c->in[1];
    int rank = q->rank;
    int64_t rows = q->dim[rank - 2], keys = k->dim[rank - 2], size = q->dim[rank - 1];
    sight s = {.length = c->index[0],
               .causal = ir_int(c->inst, ATTR_AT(sdpa, causal)),
               .window = ir_int(c->inst, ATTR_AT(sdpa, window)),
               .mask = c->nin > 3 ? c->in[3] : NULL};
    if (s.length < 0 || s.length > keys)
        return sim_fail(c, E_RUN_INDEX, "sdpa: length is %lld, but there are %lld keys",
                        (long long)s.length, (long long)keys);
    double scale = ir_given(c->inst, ATTR_AT(sdpa, scale)) ? sim_float(c, ATTR_AT(sdpa, scale))
                                                           : 1 / sqrt((double)size);
    sim_tensor *scores = sim_tensor_new(c->s, DT_f64, 1, &keys);
    sim_coords at = {.rank = rank - 1, .dim = q->dim};
    int64_t n = 1;
    for (int i = 0; i < rank - 1; i++) n *= q->dim[i];
    for (int64_t row = 0; row < n; row++, sim_coords_next(&at)) {
        s.newest = at.at[rank - 2] + s.length - rows;
        for (at.at[rank - 1] = 0; at.at[rank - 1] < keys; at.at[rank - 1]++)
            sim_set(scores, at.at[rank - 1], score(c, &s, scale, rank, at.at));
        if (weigh(scores)) attend(c, scores, at.at, row); /* else the row stays 0, or is NaN */
        else if (ir_int(c->inst, ATTR_AT(sdpa, nan_rows))) fill_row(c->out[0], row, NAN);
    }
    sim_tensor_drop(scores);
    return true;
}

bool ev_rope(sim_call *c)
{
    const sim_tensor *x = c->in[0], *positions = c->nin > 1 ? c->in[1] : NULL;
    sim_tensor *y = c->out[0];
    int64_t size = x->dim[x->rank - 1], rows = x->rank > 1 ? x->dim[x->rank - 2] : 1;
    int64_t dim = ir_int(c->inst, ATTR_AT(rope, dim));
    if (dim == 0) dim = size;
    bool neighbours = ir_int(c->inst, ATTR_AT(rope, interleaved));
    double base = sim_float(c, ATTR_AT(rope, base));
    for (int64_t row = 0; row * size < x->n; row++) {
        int64_t t = row % rows, first = row * size;
        double place = positions ? (double)sim_get_int(positions, t) : (double)(c->index[0] + t);
        for (int64_t i = 0; i < dim / 2; i++) {
            int64_t a = first + (neighbours ? 2 * i : i);
            int64_t b = first + (neighbours ? 2 * i + 1 : i + dim / 2);
            double angle = place * pow(base, -2.0 * (double)i / (double)dim);
            double u = sim_get(x, a), v = sim_get(x, b);
            sim_set(y, a, u * cos(angle) - v * sin(angle));
            sim_set(y, b, u * sin(angle) + v * cos(angle));
        }
        for (int64_t i = dim; i < size; i++) sim_copy(x, first + i, y, first + i);
    }
    return true;
}
