/* Signal processing, as ONNX defines it. */
#include <math.h>
#include "ir/shape.h"
#include "ir/sim.h"

#define PI 3.14159265358979323846

/* ---- windows ------------------------------------------------------------------------------- */

/* Element n of a window whose period is N. */
static double window_at(ir_op op, double n, double period)
{
    switch (op) {
    case IR_hann_window: return 0.5 - 0.5 * cos(2 * PI * n / period);
    case IR_hamming_window: return 25.0 / 46.0 - 21.0 / 46.0 * cos(2 * PI * n / period);
    default: return 0.42 - 0.5 * cos(2 * PI * n / period) + 0.08 * cos(4 * PI * n / period);
    }
}

bool ev_window(sim_call *c)
{
    sim_tensor *y = c->out[0];
    bool periodic = ir_attr_named(c->inst, "periodic")->i;
    for (int64_t i = 0; i < y->n; i++)
        sim_set(y, i, window_at(c->inst->op, (double)i, (double)(periodic ? y->n : y->n - 1)));
    return true;
}

/* ---- the mel scale ------------------------------------------------------------------------- */

/* Which bin of a spectrum a frequency falls into, for edge i of bands + 2 that are evenly spaced in mel. */
static double edge_bin(sim_call *c, int64_t i, int64_t bands)
{
    double low = 2595 * log1p(sim_get(c->in[0], 0) / 700) / log(10);
    double high = 2595 * log1p(sim_get(c->in[1], 0) / 700) / log(10);
    double mel = (double)i * ((high - low) / (double)(bands + 2)) + low;
    double hertz = 700 * expm1(mel / 2595 * log(10));
    int64_t length = sim_eval_sx(c, c->inst->attr[ATTR_AT(mel_weight_matrix, dft_length)].sx[0]);
    return floor((double)(length + 1) * hertz / (double)c->index[0]);
}

/* A triangle over three neighbouring edges, whose top is 1. */
static double triangle(double at, double left, double top, double right)
{
    if (at == top) return 1;
    if (at < left || at >= right) return 0;
    return at < top ? (at - left) / (top - left) : (right - at) / (right - top);
}

bool ev_mel_weight_matrix(sim_call *c)
{
    sim_tensor *y = c->out[0];
    int64_t bands = y->dim[1];
    for (int64_t k = 0; k < bands; k++) {
        double left = edge_bin(c, k, bands), top = edge_bin(c, k + 1, bands), right = edge_bin(c, k + 2, bands);
        for (int64_t i = 0; i < y->dim[0]; i++) sim_set(y, i * bands + k, triangle((double)i, left, top, right));
    }
    return true;
}
