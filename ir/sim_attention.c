/* Attention, one query after the other; rotary embedding, one pair after the other. */
#include <math.h>
#include "ir/attention.h"
#include "ir/sim.h"

/* ---- attention ------------------------------------------------------------------------------- */

/* A query on its way: row t of head h of sequence b. */
typedef struct {
    sim_call *c;
    attention a;
    int64_t batch, rows, fresh, past, total;
    int64_t b, h, t;
    double *score, *weight; /* total of each */
} query;

static const sim_tensor *operand(const query *q, int i) { return i < q->c->nin ? q->c->in[i] : NULL; }

static double as_written(const query *q, double v) { return q->c->in[0]->dtype == DT_f64 ? v : (double)(float)v; }

/* Where row `row` of a head stands in q, k, v or y. */
static int64_t row_at(const query *q, int64_t rows, int64_t heads, int64_t head, int64_t row, int64_t size)
{
    return (q->a.packed ? (q->b * rows + row) * heads + head : (q->b * heads + head) * rows + row) * size;
}

/* Element e of key or value j, of those before and of the new ones. */
static double cached(const query *q, int fresh, int past, int64_t j, int64_t e, int64_t size)
{
    int64_t head = q->h / (q->a.heads / q->a.kv_heads);
    if (j < q->past) return sim_get(operand(q, past), ((q->b * q->a.kv_heads + head) * q->past + j) * size + e);
    return sim_get(operand(q, fresh), row_at(q, q->fresh, q->a.kv_heads, head, j - q->past, size) + e);
}

static double key(const query *q, int64_t j, int64_t e) { return cached(q, ATTENTION_K, ATTENTION_PAST_KEY, j, e, q->a.size); }
static double value(const query *q, int64_t j, int64_t e) { return cached(q, ATTENTION_V, ATTENTION_PAST_VALUE, j, e, q->a.value_size); }

/* What the mask adds to the score of key j. */
static double masked(const query *q, int64_t j)
{
    const sim_tensor *mask = operand(q, ATTENTION_MASK);
    if (!mask) return 0;
    int64_t at[4] = {q->b, q->h, q->t, j}, flat = 0;
    int rank = mask->rank;
    if (j >= mask->dim[rank - 1]) return -INFINITY;
    for (int i = 0; i < rank; i++) flat = flat * mask->dim[i] + (mask->dim[i] == 1 ? 0 : at[4 - rank + i]);
    if (mask->dtype == DT_bool) return sim_get_int(mask, flat) ? 0 : -INFINITY;
    return dtype_is_float(mask->dtype) ? sim_get(mask, flat) : (double)sim_get_int(mask, flat);
}

/* The same with what the attributes and lengths hide. */
static double bias(const query *q, int64_t j)
{
    const ir_inst *inst = q->c->inst;
    const sim_tensor *lengths = operand(q, ATTENTION_LENGTHS);
    int64_t left = ir_int(inst, ATTR_AT(attention, left_window_size)), right = ir_int(inst, ATTR_AT(attention, right_window_size));
    int64_t own = q->t + (lengths ? sim_get_int(lengths, q->b) - q->rows : q->past);
    if (lengths && j >= sim_get_int(lengths, q->b)) return -INFINITY;
    if (ir_int(inst, ATTR_AT(attention, is_causal)) && j > own) return -INFINITY;
    if ((left >= 0 && own - j > left) || (right >= 0 && j - own > right)) return -INFINITY;
    return masked(q, j);
}

static double softcapped(const query *q, double x)
{
    double cap = as_written(q, ir_float(q->c->inst, ATTR_AT(attention, softcap)));
    return cap > 0 ? cap * tanh(x / cap) : x;
}

/* Writes the score of key j as the author wants to see it. */
static void show(const query *q, int64_t j, double product, double added)
{
    int64_t mode = ir_int(q->c->inst, ATTR_AT(attention, qk_matmul_output_mode));
    int64_t at = ((q->b * q->a.heads + q->h) * q->rows + q->t) * q->total + j;
    double v = mode == 0 ? product : mode == 1 ? softcapped(q, product) : mode == 2 ? softcapped(q, product) + added : q->weight[j];
    if (q->c->nout > 3) sim_set(q->c->out[3], at, v);
}

static void run_query(query *q)
{
    int64_t from = row_at(q, q->rows, q->a.heads, q->h, q->t, q->a.size);
    double most = -INFINITY, sum = 0, scale = as_written(q, q->a.scale);
    bool sees = false;
    for (int64_t j = 0; j < q->total; j++) {
        double product = 0, added = bias(q, j);
        for (int64_t e = 0; e < q->a.size; e++) product += sim_get(q->c->in[0], from + e) * key(q, j, e);
        q->score[j] = added == -INFINITY ? -INFINITY : softcapped(q, scale * product) + added;
        q->weight[j] = scale * product;
        sees |= added != -INFINITY;
        most = isnan(most) || isnan(q->score[j]) ? NAN : fmax(most, q->score[j]);
    }
    for (int64_t j = 0; j < q->total; j++) {
        double product = q->weight[j];
        q->weight[j] = sees ? exp(q->score[j] - most) : 0;
        sum += q->weight[j];
        q->score[j] = product;
    }
    for (int64_t j = 0; j < q->total; j++) {
        if (sees) q->weight[j] /= sum;
        show(q, j, q->score[j], bias(q, j));
    }
    int64_t to = row_at(q, q->rows, q->a.heads, q->h, q->t, q->a.value_size);
    for (int64_t e = 0; e < q->a.value_size; e++) {
        double y = 0;
        for (int64_t j = 0; j < q->total; j++)
            if (q->weight[j] != 0) y += q->weight[j] * value(q, j, e);
        sim_set(q->c->out[0], to + e, y);
    }
}

/* present_key or present_value: what was there, and the new rows. */
static void keep(query *q, int result, int fresh, int past, int64_t size)
{
    sim_tensor *to = q->c->out[result];
    q->h = 0;
    for (int64_t i = 0; i < to->n; i++) {
        int64_t e = i % size, j = i / size % q->total, head = i / size / q->total % q->a.kv_heads;
        q->b = i / size / q->total / q->a.kv_heads;
        if (j < q->past) sim_copy(operand(q, past), ((q->b * q->a.kv_heads + head) * q->past + j) * size + e, to, i);
        else sim_copy(operand(q, fresh), row_at(q, q->fresh, q->a.kv_heads, head, j - q->past, size) + e, to, i);
    }
}

bool ev_attention(sim_call *c)
{
    query q = {.c = c};
    int operand_at_fault;
    attention_of(c->m, c->inst, &q.a, &operand_at_fault); /* the shape rule let it through */
    q.batch = sim_eval_sx(c, q.a.batch);
    q.rows = sim_eval_sx(c, q.a.rows);
    q.fresh = sim_eval_sx(c, q.a.fresh);
    q.past = sim_eval_sx(c, q.a.past);
    q.total = q.past + q.fresh;
    sim_tensor *room = sim_tensor_new(c->s, DT_f64, 2, (int64_t[]){2, q.total});
    q.score = room->data;
    q.weight = q.score + q.total;
    for (q.b = 0; q.b < q.batch; q.b++)
        for (q.h = 0; q.h < q.a.heads; q.h++)
            for (q.t = 0; q.t < q.rows; q.t++) run_query(&q);
    if (c->nout > 1) keep(&q, 1, ATTENTION_K, ATTENTION_PAST_KEY, q.a.size);
    if (c->nout > 2) keep(&q, 2, ATTENTION_V, ATTENTION_PAST_VALUE, q.a.value_size);
    sim_tensor_drop(room);
    return true;
}

/* ---- rotary embedding ------------------------------------------------------------------------ */

/* The row of the caches for row t of sequence b; false after a report. */
static bool cache_row(sim_call *c, int64_t b, int64_t t, int64_t rows, int64_t *out)
{
    const sim_tensor *ids = c->nin > 3 ? c->in[3] : NULL;
    *out = b * rows + t;
    if (!ids) return true;
    int64_t n = c->in[1]->dim[0], id = sim_get_int(ids, b * rows + t);
    if (id < -n || id >= n) return sim_fail(c, E_RUN_INDEX, "rotary_embedding: position %lld of %lld", (long long)id, (long long)n);
    *out = id < 0 ? id + n : id;
    return true;
}

bool ev_rotary_embedding(sim_call *c)
{
    rotation r;
    int operand_at_fault;
    rotation_of(c->m, c->inst, &r, &operand_at_fault); /* the shape rule let it through */
    const sim_tensor *x = c->in[0];
    int64_t batch = sim_eval_sx(c, r.batch), rows = sim_eval_sx(c, r.rows), heads = sim_eval_sx(c, r.heads), half = r.turning / 2;
    bool neighbours = ir_int(c->inst, ATTR_AT(rotary_embedding, interleaved));
    for (int64_t i = 0; i < batch * rows * heads; i++) {
        int64_t t = r.packed ? i / heads % rows : i % rows, cache;
        int64_t b = i / rows / heads, first = i * r.size;
        if (!cache_row(c, b, t, rows, &cache)) return false;
        for (int64_t k = 0; k < half; k++) {
            int64_t one = first + (neighbours ? 2 * k : k), two = first + (neighbours ? 2 * k + 1 : k + half);
            double u = sim_get(x, one), v = sim_get(x, two), cosine = sim_get(c->in[1], cache * half + k), sine = sim_get(c->in[2], cache * half + k);
            sim_set(c->out[0], one, u * cosine - v * sine);
            sim_set(c->out[0], two, u * sine + v * cosine);
        }
        for (int64_t k = r.turning; k < r.size; k++) sim_copy(x, first + k, c->out[0], first + k);
    }
    return true;
}
