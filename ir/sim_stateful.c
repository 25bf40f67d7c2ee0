/* Ops that hand a state from call to call, element by element. */
#include <math.h>
#include <string.h>
#include "ir/sim.h"

/* ---- linear attention -------------------------------------------------------------------------- */

/* One head of k and v of one sequence. */
typedef struct {
    sim_call *c;
    int64_t steps, heads, kv, size, value_size; /* T, H, KH, D, E */
    int64_t b, head;
    double *state; /* [D, E] */
} memory;

static const sim_tensor *operand(const memory *m, int i) { return i < m->c->nin ? m->c->in[i] : NULL; }

/* Element e of a head's part of a row, of rows made of `heads` parts of `size`. */
static double at(const memory *m, int i, int64_t t, int64_t heads, int64_t size, int64_t head, int64_t e)
{
    return sim_get(m->c->in[i], ((m->b * m->steps + t) * heads + head) * size + e);
}

/* exp(decay) of row d of the state. */
static double fading(const memory *m, int64_t t, int64_t d)
{
    if (!operand(m, 4)) return 1;
    int64_t each = m->c->in[4]->dim[2] / m->kv; /* D, or 1 */
    return exp(at(m, 4, t, m->kv, each, m->head, each == 1 ? 0 : d));
}

static double rate(const memory *m, int64_t t)
{
    int64_t heads = m->c->in[5]->dim[2];
    return at(m, 5, t, heads, 1, heads == 1 ? 0 : m->head, 0);
}

static void advance(memory *m, int64_t t)
{
    int64_t n = m->value_size;
    for (int64_t d = 0; d < m->size; d++)
        for (int64_t e = 0; e < n; e++) m->state[d * n + e] *= fading(m, t, d);
    for (int64_t e = 0; e < n; e++) {
        double value = at(m, 2, t, m->kv, n, m->head, e), known = 0;
        for (int64_t d = 0; d < m->size; d++) known += m->state[d * n + e] * at(m, 1, t, m->kv, m->size, m->head, d);
        if (operand(m, 5)) value = rate(m, t) * (value - known);
        for (int64_t d = 0; d < m->size; d++) m->state[d * n + e] += at(m, 1, t, m->kv, m->size, m->head, d) * value;
    }
}

static void answer(const memory *m, int64_t t, int64_t head)
{
    double scale = sim_float(m->c, ATTR_AT(linear_attention, scale));
    if (scale == 0) scale = 1 / sqrt((double)m->size);
    for (int64_t e = 0; e < m->value_size; e++) {
        double sum = 0;
        for (int64_t d = 0; d < m->size; d++) sum += at(m, 0, t, m->heads, m->size, head, d) * m->state[d * m->value_size + e];
        sim_set(m->c->out[0], ((m->b * m->steps + t) * m->heads + head) * m->value_size + e, scale * sum);
    }
}

static void run_head(memory *m)
{
    int64_t n = m->size * m->value_size, from = (m->b * m->kv + m->head) * n, shared = m->heads / m->kv;
    for (int64_t i = 0; i < n; i++) m->state[i] = operand(m, 3) ? sim_get(m->c->in[3], from + i) : 0;
    for (int64_t t = 0; t < m->steps; t++) {
        advance(m, t);
        for (int64_t h = 0; h < shared; h++) answer(m, t, m->head * shared + h);
    }
    for (int64_t i = 0; m->c->nout > 1 && i < n; i++) sim_set(m->c->out[1], from + i, m->state[i]);
}

bool ev_linear_attention(sim_call *c)
{
    memory m = {.c = c, .steps = c->in[0]->dim[1]};
    m.heads = ir_int(c->inst, ATTR_AT(linear_attention, q_num_heads));
    m.kv = ir_int(c->inst, ATTR_AT(linear_attention, kv_num_heads));
    m.size = c->in[0]->dim[2] / m.heads;
    m.value_size = c->in[2]->dim[2] / m.kv;
    sim_tensor *room = sim_tensor_new(c->s, DT_f64, 2, (int64_t[]){m.size, m.value_size});
    m.state = room->data;
    for (m.b = 0; m.b < c->in[0]->dim[0]; m.b++)
        for (m.head = 0; m.head < m.kv; m.head++) run_head(&m);
    sim_tensor_drop(room);
    return true;
}

/* ---- causal convolution -------------------------------------------------------------------------- */

/* Element i of a channel behind its state: 0 .. K - 2 are the state's. */
static double extended(const sim_call *c, int64_t channel, int64_t i)
{
    int64_t length = c->in[0]->dim[2], before = c->in[1]->dim[2] - 1;
    if (i >= before) return sim_get(c->in[0], channel * length + i - before);
    return c->nin > 3 && c->in[3] ? sim_get(c->in[3], channel * before + i) : 0;
}

bool ev_causal_conv(sim_call *c)
{
    const sim_tensor *x = c->in[0], *w = c->in[1], *bias = c->nin > 2 ? c->in[2] : NULL;
    int64_t channels = x->dim[1], length = x->dim[2], kernel = w->dim[2];
    bool active = strcmp(c->inst->attr[ATTR_AT(causal_conv_with_state, activation)].s, "none") != 0;
    for (int64_t i = 0; i < x->n; i++) {
        int64_t channel = i / length, own = channel % channels;
        double sum = bias ? sim_get(bias, own) : 0;
        for (int64_t k = 0; k < kernel; k++) sum += extended(c, channel, i % length + k) * sim_get(w, own * kernel + k);
        sim_set(c->out[0], i, active ? sum / (1 + exp(-sum)) : sum);
    }
    for (int64_t i = 0; c->nout > 1 && i < c->out[1]->n; i++) sim_set(c->out[1], i, extended(c, i / (kernel - 1), length + i % (kernel - 1)));
    return true;
}
