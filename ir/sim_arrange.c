/* Ops that turn, crop and count: eye_like, reverse_sequence, center_crop_pad, tfidf_vectorizer, as
 * ONNX defines them. */
#include <string.h>
#include "ir/shape.h"
#include "ir/sim.h"

bool ev_eye_like(sim_call *c)
{
    sim_tensor *y = c->out[0];
    int64_t k = ir_int(c->inst, ATTR_AT(eye_like, k));
    for (int64_t i = 0; i < y->n; i++)
        if (i % y->dim[1] - i / y->dim[1] == k) sim_set(y, i, 1);
    return true;
}

bool ev_reverse_sequence(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    int64_t batch = ir_int(c->inst, ATTR_AT(reverse_sequence, batch_axis)), time = 1 - batch;
    sim_coords at = {.rank = x->rank, .dim = x->dim};
    for (int64_t i = 0; i < x->n; i++, sim_coords_next(&at)) {
        int64_t from[IR_MAX_RANK], n = sim_get_int(c->in[1], at.at[batch]);
        if (n < 0 || n > x->dim[time])
            return sim_fail(c, E_RUN_INDEX,
                            "reverse_sequence: the length %lld is not from 0 to %lld", (long long)n,
                            (long long)x->dim[time]);
        memcpy(from, at.at, sizeof from);
        if (from[time] < n) from[time] = n - 1 - from[time];
        sim_copy(x, sim_flat(x, from), c->out[0], i);
    }
    return true;
}

bool ev_center_crop_pad(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    sim_tensor *y = c->out[0];
    sim_coords at = {.rank = y->rank, .dim = y->dim};
    for (int64_t i = 0; i < y->n; i++, sim_coords_next(&at)) {
        int64_t from[IR_MAX_RANK];
        bool inside = true;
        for (int k = 0; k < x->rank; k++) {
            int64_t less = x->dim[k] - y->dim[k];
            from[k] = less >= 0 ? at.at[k] + less / 2 : at.at[k] - -less / 2;
            inside &= from[k] >= 0 && from[k] < x->dim[k];
        }
        if (inside) sim_copy(x, sim_flat(x, from), y, i);
    }
    return true;
}

/* ---- tfidf_vectorizer ---------------------------------------------------------------------- */

/* Items of x and the pool: numbers, or strings of some characters that zero bytes fill up. */
static bool same_item(const sim_call *c, int64_t i, int64_t k)
{
    const sim_tensor *x = c->in[0], *pool = c->in[1];
    if (x->dtype != DT_u8) return sim_get_int(x, i) == sim_get_int(pool, k);
    int64_t n = x->dim[x->rank - 1], m = pool->dim[1];
    for (int64_t j = 0; j < n || j < m; j++)
        if ((j < n ? sim_get_int(x, i * n + j) : 0) != (j < m ? sim_get_int(pool, k * m + j) : 0))
            return false;
    return true;
}

/* How often an n-gram is found in `items` items from `row` on, with every distance of its
 * neighbours. */
static double occurrences(const sim_call *c, int64_t row, int64_t items, int length, int64_t first)
{
    int64_t farthest =
        length == 1 ? 1 : ir_int(c->inst, ATTR_AT(tfidf_vectorizer, max_skip_count)) + 1;
    double count = 0;
    for (int64_t distance = 1; distance <= farthest; distance++)
        for (int64_t start = 0; start + (length - 1) * distance < items; start++) {
            bool found = true;
            for (int i = 0; i < length && found; i++)
                found = same_item(c, row + start + i * distance, first + i);
            count += found;
        }
    return count;
}

bool ev_tfidf(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    sim_tensor *y = c->out[0];
    const ir_inst *inst = c->inst;
    const ir_attr *column = &inst->attr[ATTR_AT(tfidf_vectorizer, ngram_indexes)],
                  *weights = &inst->attr[ATTR_AT(tfidf_vectorizer, weights)];
    const char *mode = inst->attr[ATTR_AT(tfidf_vectorizer, mode)].s;
    int64_t items = x->dim[x->rank - 1 - (x->dtype == DT_u8)], size = y->dim[y->rank - 1];
    int *length = ARENA_ARRAY(c->m->arena, int, column->n);
    int64_t *first = ARENA_ARRAY(c->m->arena, int64_t, column->n);
    ngrams_of(inst, c->in[1]->dim[0], length, first);
    for (int64_t i = 0; i < y->n; i++) {
        double sum = 0;
        for (int g = 0; g < column->n; g++) {
            bool counts = length[g] >= ir_int(inst, ATTR_AT(tfidf_vectorizer, min_gram_length)) && length[g] <= ir_int(inst, ATTR_AT(tfidf_vectorizer, max_gram_length));
            if (!counts || sx_value(column->sx[g]) != i % size) continue;
            double count = occurrences(c, i / size * items, items, length[g], first[g]), weight = weights->n ? (double)(float)weights->fs[g] : 1;
            sum += strcmp(mode, "TF") == 0 ? count : strcmp(mode, "IDF") == 0 ? weight * (count > 0) : weight * count;
        }
        sim_set(y, i, sum);
    }
    return true;
}
