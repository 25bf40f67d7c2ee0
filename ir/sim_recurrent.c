/* Recurrent layers, one sequence after the other, one unit after the other. */
#include <math.h>
#include "ir/recurrent.h"
#include "ir/sim.h"

/* A sequence on its way: direction d of sequence `batch`. */
typedef struct {
    sim_call *c;
    recurrent r;
    int64_t steps, batches, hidden;
    int64_t d, batch;
    double *h, *cell, *next_h, *next_cell, *reset; /* hidden of each */
} sequence;

static const sim_tensor *operand(const sequence *q, int i) { return i < q->c->nin ? q->c->in[i] : NULL; }

/* ---- parts --------------------------------------------------------------------------------- */

static double as_written(const sequence *q, double v) { return q->c->in[0]->dtype == DT_f64 ? v : (double)(float)v; }

/* Function n of the direction: f, g, h. */
static double function(const sequence *q, int n, double x)
{
    const activation *f = &q->r.function[q->d][n];
    double clip = n < 2 ? as_written(q, q->r.clip) : INFINITY, a = as_written(q, f->alpha), b = as_written(q, f->beta);
    (void)b;
    if (x > clip) x = clip;
    if (x < -clip) x = -clip;
    switch (f->kind) {
#define ACTIVATION(name, takes, alpha, beta, op, value) case ACT_##name: return value;
#include "ir/activations.def"
#undef ACTIVATION
    case ACT_COUNT: break;
    }
    return NAN;
}

/* Row `row` of w . x + b at step t. */
static double of_input(const sequence *q, int64_t t, int64_t row)
{
    const sim_tensor *x = q->c->in[0], *w = q->c->in[1], *b = operand(q, 3);
    int64_t size = x->dim[2], rows = w->dim[1];
    int64_t at = (q->r.batch_first ? q->batch * q->steps + t : t * q->batches + q->batch) * size;
    double sum = b ? sim_get(b, q->d * 2 * rows + row) : 0;
    for (int64_t i = 0; i < size; i++) sum += sim_get(x, at + i) * sim_get(w, (q->d * rows + row) * size + i);
    return sum;
}

/* Row `row` of r . h + b. */
static double of_state(const sequence *q, const double *h, int64_t row)
{
    const sim_tensor *r = q->c->in[2], *b = operand(q, 3);
    int64_t rows = r->dim[1];
    double sum = b ? sim_get(b, q->d * 2 * rows + rows + row) : 0;
    for (int64_t i = 0; i < q->hidden; i++) sum += h[i] * sim_get(r, (q->d * rows + row) * q->hidden + i);
    return sum;
}

/* Block k of p, for unit j. */
static double peephole(const sequence *q, int64_t k, int64_t j)
{
    const sim_tensor *p = operand(q, 7);
    return p ? sim_get(p, (q->d * 3 + k) * q->hidden + j) : 0;
}

/* ---- one step ------------------------------------------------------------------------------ */

static void rnn_step(sequence *q, int64_t t)
{
    for (int64_t j = 0; j < q->hidden; j++) q->next_h[j] = function(q, 0, of_input(q, t, j) + of_state(q, q->h, j));
}

static void gru_step(sequence *q, int64_t t)
{
    int64_t n = q->hidden;
    bool linear = ir_int(q->c->inst, ATTR_AT(gru, linear_before_reset));
    for (int64_t j = 0; j < n; j++) q->reset[j] = function(q, 0, of_input(q, t, n + j) + of_state(q, q->h, n + j));
    for (int64_t j = 0; j < n; j++) q->next_cell[j] = q->reset[j] * q->h[j];
    for (int64_t j = 0; j < n; j++) {
        double update = function(q, 0, of_input(q, t, j) + of_state(q, q->h, j));
        double again = linear ? q->reset[j] * of_state(q, q->h, 2 * n + j) : of_state(q, q->next_cell, 2 * n + j);
        q->next_h[j] = (1 - update) * function(q, 1, of_input(q, t, 2 * n + j) + again) + update * q->h[j];
    }
}

static void lstm_step(sequence *q, int64_t t)
{
    int64_t n = q->hidden;
    bool coupled = ir_int(q->c->inst, ATTR_AT(lstm, input_forget));
    for (int64_t j = 0; j < n; j++) {
        double before[RECURRENT_MAX_GATES];
        for (int64_t g = 0; g < RECURRENT_MAX_GATES; g++) before[g] = of_input(q, t, g * n + j) + of_state(q, q->h, g * n + j);
        double in = function(q, 0, before[0] + peephole(q, 0, j) * q->cell[j]);
        double forget = coupled ? 1 - in : function(q, 0, before[2] + peephole(q, 2, j) * q->cell[j]);
        double cell = forget * q->cell[j] + in * function(q, 1, before[3]);
        double out = function(q, 0, before[1] + peephole(q, 1, j) * cell);
        q->next_cell[j] = cell;
        q->next_h[j] = out * function(q, 2, cell);
    }
}

/* ---- all ----------------------------------------------------------------------------------- */

/* Where the state of this sequence stands in [D, B, H] or [B, D, H]. */
static int64_t state_at(const sequence *q)
{
    return (q->r.batch_first ? q->batch * q->r.directions + q->d : q->d * q->batches + q->batch) * q->hidden;
}

static void run_sequence(sequence *q)
{
    const sim_tensor *lengths = operand(q, 4), *first_h = operand(q, 5), *first_cell = operand(q, 6);
    ir_op op = q->c->inst->op;
    for (int64_t j = 0; j < q->hidden; j++) {
        q->h[j] = first_h ? sim_get(first_h, state_at(q) + j) : 0;
        q->cell[j] = first_cell ? sim_get(first_cell, state_at(q) + j) : 0;
    }
    int64_t length = lengths ? sim_get_int(lengths, q->batch) : q->steps;
    if (length > q->steps) length = q->steps;
    for (int64_t s = 0; s < length; s++) {
        int64_t t = q->r.backwards[q->d] ? length - 1 - s : s;
        if (op == IR_rnn) rnn_step(q, t);
        else if (op == IR_gru) gru_step(q, t);
        else lstm_step(q, t);
        int64_t row = q->r.batch_first ? (q->batch * q->steps + t) * q->r.directions + q->d : (t * q->r.directions + q->d) * q->batches + q->batch;
        for (int64_t j = 0; j < q->hidden; j++) {
            sim_set(q->c->out[0], row * q->hidden + j, q->h[j] = q->next_h[j]);
            q->cell[j] = q->next_cell[j];
        }
    }
    for (int64_t j = 0; j < q->hidden; j++) {
        if (q->c->nout > 1) sim_set(q->c->out[1], state_at(q) + j, q->h[j]);
        if (q->c->nout > 2) sim_set(q->c->out[2], state_at(q) + j, q->cell[j]);
    }
}

bool ev_recurrent(sim_call *c)
{
    sequence q = {.c = c};
    int attr;
    recurrent_of(c->m->arena, c->inst, &q.r, &attr); /* the shape rule let them through */
    const sim_tensor *x = c->in[0];
    q.steps = x->dim[q.r.batch_first ? 1 : 0];
    q.batches = x->dim[q.r.batch_first ? 0 : 1];
    q.hidden = c->in[2]->dim[2];
    sim_tensor *room = sim_tensor_new(c->s, DT_f64, 2, (int64_t[]){5, q.hidden});
    double **part[5] = {&q.h, &q.cell, &q.next_h, &q.next_cell, &q.reset};
    for (int i = 0; i < 5; i++) *part[i] = (double *)room->data + i * q.hidden;
    for (q.d = 0; q.d < q.r.directions; q.d++)
        for (q.batch = 0; q.batch < q.batches; q.batch++) run_sequence(&q);
    sim_tensor_drop(room);
    return true;
}
