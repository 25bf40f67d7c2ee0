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

/* ---- transforms ---------------------------------------------------------------------------- */

bool ev_frames(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    sim_tensor *y = c->out[0];
    int64_t step = sim_eval_sx(c, c->inst->attr[ATTR_AT(frames, frame_step)].sx[0]);
    sim_coords at = {.rank = y->rank, .dim = y->dim};
    for (int64_t i = 0; i < y->n; i++, sim_coords_next(&at)) {
        int64_t from[IR_MAX_RANK] = {at.at[0], at.at[1] * step + at.at[2]};
        for (int k = 2; k < x->rank; k++) from[k] = at.at[k + 1];
        if (from[1] < x->dim[1]) sim_copy(x, sim_flat(x, from), y, i);
    }
    return true;
}

/* One line of numbers with real and imaginary parts, at a distance in a tensor. */
typedef struct signal {
    const sim_tensor *t;
    int64_t at, step, n; /* of the real parts; elements that count */
    bool complex;
    const sim_tensor *weight; /* of element i; NULL: 1 */
} signal;

static double part_of(const signal *s, int64_t i, int part)
{
    if (part && !s->complex) return 0;
    return sim_get(s->t, s->at + i * s->step + part) * (s->weight ? sim_get(s->weight, i) : 1);
}

/* Cosine and sine of k i / length of a turn; exact at whole quarters. */
static void on_circle(int64_t k, int64_t i, int64_t length, double *c, double *s)
{
    int64_t at = k * i % length, quarter = 4 * at / length;
    static const double exact[4] = {1, 0, -1, 0};
    double angle = 2 * PI * (double)at / (double)length;
    bool whole = 4 * at % length == 0;
    *c = whole ? exact[quarter] : cos(angle);
    *s = whole ? exact[(quarter + 3) % 4] : sin(angle);
}

/* Bin k of the transform of a length; sign: of the exponent. */
static void bin(const signal *s, int64_t length, int64_t k, double sign, double out[2])
{
    out[0] = out[1] = 0;
    for (int64_t i = 0; i < s->n && i < length; i++) {
        double c, sine, re = part_of(s, i, 0), im = part_of(s, i, 1);
        on_circle(k, i, length, &c, &sine);
        out[0] += re * c - sign * im * sine;
        out[1] += im * c + sign * re * sine;
    }
}

/* Element i of the real signal whose first length / 2 + 1 bins these are: each of the others is a mirrored bin's
 * conjugate. */
static double real_of_half(const signal *s, int64_t length, int64_t i)
{
    double sum = 0;
    for (int64_t k = 0; k < s->n && k <= length / 2; k++) {
        double c, sine;
        on_circle(k, i, length, &c, &sine);
        bool alone = k == 0 || 2 * k == length;
        sum += alone ? part_of(s, k, 0) * c : 2 * (part_of(s, k, 0) * c - part_of(s, k, 1) * sine);
    }
    return sum / (double)length;
}

bool ev_dft(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    sim_tensor *y = c->out[0];
    dft_lengths d = dft_lengths_of(c->m, c->inst);
    int64_t length = sim_eval_sx(c, d.length), inner = 1, bins = y->dim[d.axis];
    for (int k = d.axis + 1; k < x->rank - 1; k++) inner *= x->dim[k];
    int64_t outer = y->n / bins / inner / d.parts_out;
    if (y->n == 0) return true;
    for (int64_t i = 0; i < outer * bins * inner; i++) {
        int64_t o = i / inner / bins, k = i / inner % bins, r = i % inner;
        signal s = {x, (o * x->dim[d.axis] * inner + r) * d.parts_in, inner * d.parts_in, x->dim[d.axis], d.parts_in == 2, NULL};
        double out[2];
        if (d.parts_out == 1) out[0] = real_of_half(&s, length, k);
        else bin(&s, length, k, d.inverse ? 1 : -1, out);
        for (int p = 0; p < d.parts_out; p++) sim_set(y, i * d.parts_out + p, d.parts_out == 2 && d.inverse ? out[p] / (double)length : out[p]);
    }
    return true;
}

bool ev_stft(sim_call *c)
{
    const sim_tensor *x = c->in[0], *weights = c->nin > 1 ? c->in[1] : NULL;
    sim_tensor *y = c->out[0];
    stft_lengths lengths = stft_lengths_of(c->m, c->inst);
    int64_t length = sim_eval_sx(c, lengths.length), part = sim_eval_sx(c, lengths.part), step = sim_eval_sx(c, c->inst->attr[ATTR_AT(stft, frame_step)].sx[0]);
    sim_coords at = {.rank = 3, .dim = y->dim};
    for (int64_t i = 0; i < y->n / 2; i++, sim_coords_next(&at)) {
        int64_t first = at.at[1] * step, left = x->dim[1] - first;
        signal s = {x, (at.at[0] * x->dim[1] + first) * x->dim[2], x->dim[2], part < left ? part : left, x->dim[2] == 2, weights};
        double out[2];
        bin(&s, length, at.at[2], -1, out);
        sim_set(y, 2 * i, out[0]);
        sim_set(y, 2 * i + 1, out[1]);
    }
    return true;
}
