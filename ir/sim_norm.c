/* What works along rows, channels and matrices: hardmax, normalisations, determinants, as ONNX
 * defines them. */
#include <math.h>
#include "ir/shape.h"
#include "ir/sim.h"
#include "ir/sim_row.h"

bool ev_hardmax(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    uint32_t axes = one_axis(c);
    for (int64_t i = 0; i < row_count(x, axes); i++) {
        row r = row_of(x, axes, i);
        int64_t best = 0;
        for (int64_t k = 1; k < r.n && !isnan(row_get(&r, best)); k++)
            if (isnan(row_get(&r, k)) || row_get(&r, k) > row_get(&r, best)) best = k;
        if (r.n) sim_set(c->out[0], row_flat(&r, best), 1);
    }
    return true;
}

bool ev_mean_variance(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    uint32_t axes = mean_variance_axes(c->inst);
    for (int64_t i = 0; i < row_count(x, axes); i++) {
        row r = row_of(x, axes, i);
        double sum = 0, squares = 0;
        for (int64_t k = 0; k < r.n; k++) sum += row_get(&r, k);
        double mean = sum / (double)r.n;
        for (int64_t k = 0; k < r.n; k++)
            squares += (row_get(&r, k) - mean) * (row_get(&r, k) - mean);
        double deviation = sqrt(squares / (double)r.n);
        for (int64_t k = 0; k < r.n; k++)
            sim_set(c->out[0], row_flat(&r, k), (row_get(&r, k) - mean) / (deviation + 1e-9));
    }
    return true;
}

bool ev_lp_norm(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    uint32_t axes = one_axis(c);
    bool euclid = ir_int(c->inst, ATTR_AT(lp_normalization, p)) == 2;
    for (int64_t i = 0; i < row_count(x, axes); i++) {
        row r = row_of(x, axes, i);
        double sum = 0;
        for (int64_t k = 0; k < r.n; k++)
            sum += euclid ? row_get(&r, k) * row_get(&r, k) : fabs(row_get(&r, k));
        double norm = euclid ? sqrt(sum) : sum;
        for (int64_t k = 0; k < r.n; k++)
            sim_set(c->out[0], row_flat(&r, k), norm == 0 ? 0 : row_get(&r, k) / norm);
    }
    return true;
}

bool ev_lrn(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    double alpha = sim_float(c, ATTR_AT(lrn, alpha)), beta = sim_float(c, ATTR_AT(lrn, beta)),
           bias = sim_float(c, ATTR_AT(lrn, bias));
    int64_t size = ir_int(c->inst, ATTR_AT(lrn, size)), before = (size - 1) / 2;
    sim_coords at = {.rank = x->rank, .dim = x->dim};
    for (int64_t i = 0; i < x->n; i++, sim_coords_next(&at)) {
        int64_t near[IR_MAX_RANK];
        double squares = 0;
        memcpy(near, at.at, sizeof near);
        for (near[1] = at.at[1] - before; near[1] < at.at[1] - before + size && near[1] < x->dim[1];
             near[1]++) {
            double v = near[1] < 0 ? 0 : sim_get(x, sim_flat(x, near));
            squares += v * v;
        }
        sim_set(c->out[0], i, sim_get(x, i) / pow(bias + alpha / (double)size * squares, beta));
    }
    return true;
}

/* ---- determinants -------------------------------------------------------------------------- */

static void swap_rows(double *a, int64_t n, int64_t i, int64_t k)
{
    for (int64_t j = 0; j < n; j++) {
        double v = a[i * n + j];
        a[i * n + j] = a[k * n + j];
        a[k * n + j] = v;
    }
}

/* Turns a matrix into an upper triangle: each column's largest element is its pivot, of equals the
 * first. */
static double eliminate(double *a, int64_t n)
{
    double product = 1;
    for (int64_t k = 0; k < n; k++) {
        int64_t pivot = k;
        for (int64_t i = k + 1; i < n; i++)
            if (fabs(a[i * n + k]) > fabs(a[pivot * n + k])) pivot = i;
        if (pivot != k) {
            swap_rows(a, n, pivot, k);
            product = -product;
        }
        product *= a[k * n + k];
        for (int64_t i = k + 1; i < n && a[k * n + k] != 0; i++) {
            double factor = a[i * n + k] / a[k * n + k];
            for (int64_t j = k + 1; j < n; j++) a[i * n + j] -= factor * a[k * n + j];
            a[i * n + k] = 0;
        }
    }
    return product;
}

bool ev_det(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    int64_t n = x->dim[x->rank - 1], size = n * n;
    sim_tensor *matrix = sim_tensor_new(c->s, DT_f64, 1, &size);
    for (int64_t i = 0; i < c->out[0]->n; i++) {
        for (int64_t k = 0; k < size; k++) sim_set(matrix, k, sim_get(x, i * size + k));
        sim_set(c->out[0], i, eliminate(matrix->data, n));
        for (int64_t k = 0; k < size; k++) sim_set(c->out[1], i * size + k, sim_get(matrix, k));
    }
    sim_tensor_drop(matrix);
    return true;
}
