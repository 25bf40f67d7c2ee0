/* Reductions, scans, softmax and the normalisations, as ONNX defines them. */
#include <math.h>
#include <string.h>
#include "ir/shape.h"
#include "ir/sim.h"
#include "ir/sim_row.h"

static bool is_unsigned(nfc_dtype t) { return dtype_table[t].kind == DTC_UNSIGNED; }

static bool less_int(nfc_dtype t, int64_t a, int64_t b)
{
    return is_unsigned(t) ? (uint64_t)a < (uint64_t)b : a < b;
}

/* ---- reductions ---------------------------------------------------------------------------- */

/* NaN stays once it is there. */
static double larger(double a, double b) { return isnan(a) || isnan(b) ? NAN : a > b ? a : b; }
static double smaller(double a, double b) { return isnan(a) || isnan(b) ? NAN : a < b ? a : b; }

/* With the largest element taken out, so that no exponential overflows. An infinite one is the
 * result itself. */
static double log_sum_exp(const row *r)
{
    double most = -INFINITY, sum = 0;
    for (int64_t k = 0; k < r->n; k++) most = larger(most, row_get(r, k));
    if (!isfinite(most)) return most;
    for (int64_t k = 0; k < r->n; k++) sum += exp(row_get(r, k) - most);
    return most + log(sum);
}

static double reduce_floats(ir_op op, const row *r)
{
    double sum = 0, squares = 0, absolutes = 0, product = 1, most = -INFINITY, least = INFINITY;
    for (int64_t k = 0; k < r->n; k++) {
        double v = row_get(r, k);
        sum += v;
        squares += v * v;
        absolutes += fabs(v);
        product *= v;
        most = larger(most, v);
        least = smaller(least, v);
    }
    switch (op) {
    case IR_reduce_sum: return sum;
    case IR_reduce_mean: return sum / (double)r->n;
    case IR_reduce_max: return most;
    case IR_reduce_min: return least;
    case IR_reduce_prod: return product;
    case IR_reduce_l1: return absolutes;
    case IR_reduce_l2: return sqrt(squares);
    case IR_reduce_log_sum: return log(sum);
    case IR_reduce_log_sum_exp: return log_sum_exp(r);
    case IR_reduce_sum_square: return squares;
    default: return NAN;
    }
}

/* The sum wraps to the type that it accumulates in before it is divided; the quotient truncates. */
static int64_t integer_mean(nfc_dtype t, uint64_t sum, int64_t n)
{
    uint64_t cell;
    nfc_dtype wide = dtype_table[t].compute;
    dtype_set_int(wide, &cell, 0, (int64_t)sum);
    int64_t wrapped = dtype_get_int(wide, &cell, 0);
    return is_unsigned(t) ? (int64_t)((uint64_t)wrapped / (uint64_t)n) : wrapped / n;
}

static int64_t reduce_ints(ir_op op, const row *r)
{
    nfc_dtype t = r->x->dtype;
    uint64_t sum = 0, squares = 0, absolutes = 0, product = 1;
    int64_t most = dtype_min(t), least = (int64_t)dtype_max(t);
    for (int64_t k = 0; k < r->n; k++) {
        int64_t v = row_get_int(r, k);
        uint64_t bits = (uint64_t)v;
        sum += bits;
        squares += bits * bits;
        absolutes += less_int(t, v, 0) ? 0 - bits : bits;
        product *= bits;
        if (less_int(t, most, v)) most = v;
        if (less_int(t, v, least)) least = v;
    }
    switch (op) {
    case IR_reduce_sum: return (int64_t)sum;
    case IR_reduce_mean: return integer_mean(t, sum, r->n);
    case IR_reduce_max: return most;
    case IR_reduce_min: return least;
    case IR_reduce_prod: return (int64_t)product;
    case IR_reduce_l1: return (int64_t)absolutes;
    case IR_reduce_sum_square: return (int64_t)squares;
    default: return 0; /* the others take floats only */
    }
}

bool ev_reduce(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    uint32_t axes = axes_mask(c->inst, op_attr_find(op_get(c->inst->op), "axes"), x->rank);
    for (int64_t i = 0; i < c->out[0]->n; i++) {
        row r = row_of(x, axes, i);
        if (dtype_is_float(x->dtype)) {
            sim_set(c->out[0], i, reduce_floats(c->inst->op, &r));
            continue;
        }
        if (c->inst->op == IR_reduce_mean && r.n == 0)
            return sim_fail(c, E_RUN_DIVISION, "reduce_mean: the mean of no integers");
        sim_set_int(c->out[0], i, reduce_ints(c->inst->op, &r));
    }
    return true;
}

/* -1, 0, 1: how element k of a row compares with element j; NaN counts as the largest. */
static int compare(const row *r, int64_t k, int64_t j)
{
    nfc_dtype t = r->x->dtype;
    if (!dtype_is_float(t)) {
        int64_t a = row_get_int(r, k), b = row_get_int(r, j);
        return less_int(t, b, a) - less_int(t, a, b);
    }
    double a = row_get(r, k), b = row_get(r, j);
    if (isnan(a) || isnan(b)) return (isnan(a) != 0) - (isnan(b) != 0);
    return (a > b) - (a < b);
}

bool ev_arg_reduce(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    bool last = ir_attr_named(c->inst, "select_last_index")->i;
    int sense = c->inst->op == IR_arg_max ? 1 : -1;
    for (int64_t i = 0; i < c->out[0]->n; i++) {
        row r = row_of(x, one_axis(c), i);
        int64_t best = 0;
        for (int64_t k = 0; k < r.n; k++) {
            if (dtype_is_float(x->dtype) && isnan(row_get(&r, k))) {
                best = k;
                break;
            }
            int order = sense * compare(&r, k, best);
            if (order > 0 || (order == 0 && last)) best = k;
        }
        sim_set_int(c->out[0], i, best);
    }
    return true;
}

/* ---- scans --------------------------------------------------------------------------------- */

/* Running sums, or products. */
bool ev_cum_sum(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    bool product = c->inst->op == IR_cum_prod;
    bool exclusive = ir_attr_named(c->inst, "exclusive")->i, reverse = ir_attr_named(c->inst, "reverse")->i;
    uint32_t axes = one_axis(c);
    for (int64_t i = 0; i < row_count(x, axes); i++) {
        row r = row_of(x, axes, i);
        double sum = product;
        uint64_t whole = product;
        for (int64_t k = 0; k < r.n; k++) {
            int64_t at = row_flat(&r, reverse ? r.n - 1 - k : k);
            if (dtype_is_float(x->dtype)) {
                double before = sum, v = sim_get(x, at);
                sum = product ? sum * v : sum + v;
                sim_set(c->out[0], at, exclusive ? before : sum);
            } else {
                uint64_t before = whole, v = (uint64_t)sim_get_int(x, at);
                whole = product ? whole * v : whole + v;
                sim_set_int(c->out[0], at, (int64_t)(exclusive ? before : whole));
            }
        }
    }
    return true;
}

/* Does element k of a row stand before element j in topk's order? */
static bool precedes(const row *r, int64_t k, int64_t j, bool largest)
{
    int order = compare(r, k, j);
    if (order == 0) return k < j;
    return largest ? order > 0 : order < 0;
}

bool ev_topk(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    bool largest = ir_int(c->inst, ATTR_AT(topk, largest));
    uint32_t axes = one_axis(c);
    for (int64_t i = 0; i < row_count(x, axes); i++) {
        row r = row_of(x, axes, i), y = row_of(c->out[0], axes, i);
        int64_t chosen = -1;
        for (int64_t k = 0; k < y.n; k++) { /* the first in order of those behind the last one */
            int64_t next = -1;
            for (int64_t j = 0; j < r.n; j++) {
                if (chosen >= 0 && !precedes(&r, chosen, j, largest)) continue;
                if (next < 0 || precedes(&r, j, next, largest)) next = j;
            }
            chosen = next;
            sim_copy(x, row_flat(&r, chosen), c->out[0], row_flat(&y, k));
            sim_set_int(c->out[1], row_flat(&y, k), chosen);
        }
    }
    return true;
}

/* ---- softmax and normalisation ------------------------------------------------------------- */

bool ev_softmax(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    bool logarithm = c->inst->op == IR_log_softmax;
    uint32_t axes = one_axis(c);
    for (int64_t i = 0; i < row_count(x, axes); i++) {
        row r = row_of(x, axes, i);
        double most = -INFINITY, sum = 0;
        for (int64_t k = 0; k < r.n; k++) most = larger(most, row_get(&r, k));
        for (int64_t k = 0; k < r.n; k++) sum += exp(row_get(&r, k) - most);
        for (int64_t k = 0; k < r.n; k++) {
            double v = row_get(&r, k) - most;
            sim_set(c->out[0], row_flat(&r, k), logarithm ? v - log(sum) : exp(v) / sum);
        }
    }
    return true;
}

/* The mean of a row, and the mean of its squared distances from `centre`. */
static double mean_of(const row *r)
{
    double sum = 0;
    for (int64_t k = 0; k < r->n; k++) sum += row_get(r, k);
    return sum / (double)r->n;
}

static double variance_around(const row *r, double centre)
{
    double sum = 0;
    for (int64_t k = 0; k < r->n; k++) {
        double d = row_get(r, k) - centre;
        sum += d * d;
    }
    return sum / (double)r->n;
}

/* Also rms_norm, whose mean counts as 0. scale and b broadcast to a row. */
bool ev_layer_norm(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    const sim_tensor *scale = c->nin > 1 ? c->in[1] : NULL, *b = c->nin > 2 ? c->in[2] : NULL;
    double epsilon = sim_float(c, op_attr_find(op_get(c->inst->op), "epsilon"));
    int64_t axis = ir_attr_named(c->inst, "axis")->i;
    if (axis < 0) axis += x->rank;
    uint32_t axes = ((1u << x->rank) - 1) & ~((1u << axis) - 1);
    for (int64_t i = 0; i < row_count(x, axes); i++) {
        row r = row_of(x, axes, i);
        double mean = c->inst->op == IR_rms_norm ? 0 : mean_of(&r);
        double deviation = sqrt(variance_around(&r, mean) + epsilon);
        if (c->nout > 1) sim_set(c->out[1], i, mean);
        if (c->nout > 2) sim_set(c->out[2], i, 1 / deviation);
        for (int64_t k = 0; k < r.n; k++) {
            int64_t at[IR_MAX_RANK];
            row_coords(&r, k, at);
            int rank = x->rank - (int)axis;
            double v = (row_get(&r, k) - mean) / deviation;
            if (scale) v *= sim_get(scale, sim_flat_broadcast(scale, rank, at + axis));
            if (b) v += sim_get(b, sim_flat_broadcast(b, rank, at + axis));
            sim_set(c->out[0], sim_flat(x, at), v);
        }
    }
    return true;
}

bool ev_batch_norm(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    double epsilon = sim_float(c, ATTR_AT(batch_normalization, epsilon));
    sim_coords at = {.rank = x->rank, .dim = x->dim};
    for (int64_t i = 0; i < x->n; i++, sim_coords_next(&at)) {
        int64_t channel = at.at[1];
        double scale = sim_get(c->in[1], channel), b = sim_get(c->in[2], channel);
        double mean = sim_get(c->in[3], channel), variance = sim_get(c->in[4], channel);
        sim_set(c->out[0], i, (sim_get(x, i) - mean) / sqrt(variance + epsilon) * scale + b);
    }
    return true;
}

/* Also instance_normalization, whose groups are the channels. A group is one stretch of x, which is
 * looked at as [N * groups, elements of a group]; scale and b go by channel. */
bool ev_group_norm(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    const op_info *info = op_get(c->inst->op);
    double epsilon = sim_float(c, op_attr_find(info, "epsilon"));
    int attr = op_attr_find(info, "num_groups");
    int64_t channels = x->dim[1], groups = attr < 0 ? channels : ir_int(c->inst, attr);
    if (x->n == 0) return true;
    int64_t area = x->n / (x->dim[0] * channels);
    sim_tensor grouped = *x;
    grouped.rank = 2;
    grouped.dim[0] = x->dim[0] * groups;
    grouped.dim[1] = channels / groups * area;
    for (int64_t i = 0; i < grouped.dim[0]; i++) {
        row r = row_of(&grouped, 2, i);
        double mean = mean_of(&r), deviation = sqrt(variance_around(&r, mean) + epsilon);
        for (int64_t k = 0; k < r.n; k++) {
            int64_t flat = row_flat(&r, k), channel = flat / area % channels;
            double v = (row_get(&r, k) - mean) / deviation;
            sim_set(c->out[0], flat, v * sim_get(c->in[1], channel) + sim_get(c->in[2], channel));
        }
    }
    return true;
}
