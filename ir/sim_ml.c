/* Learned tables: trees, categories, pairs of classes. */
#include <math.h>
#include <string.h>
#include "ir/shape.h"
#include "ir/sim.h"

/* ---- categories ---------------------------------------------------------------------------- */

static bool equal(const sim_tensor *a, int64_t i, const sim_tensor *b, int64_t k)
{
    if (!dtype_is_float(a->dtype)) return sim_get_int(a, i) == sim_get_int(b, k);
    double x = sim_get(a, i), y = sim_get(b, k);
    return x == y || (isnan(x) && isnan(y));
}

static bool is_zero(const sim_tensor *t, int64_t i)
{
    return dtype_is_float(t->dtype) ? sim_get(t, i) == 0 : sim_get_int(t, i) == 0;
}

/* Words of lengths n and m, from elements i and k on; what the longer one has more must be zeros. */
static bool same_word(const sim_tensor *a, int64_t i, int64_t n, const sim_tensor *b, int64_t k, int64_t m)
{
    for (int64_t j = 0; j < n || j < m; j++) {
        if (j < n && j < m ? !equal(a, i + j, b, k + j) : j < n ? !is_zero(a, i + j) : !is_zero(b, k + j)) return false;
    }
    return true;
}

bool ev_find(sim_call *c)
{
    const sim_tensor *x = c->in[0], *keys = c->in[1];
    int64_t nkey = keys->dim[0], length = keys->rank == 2 ? keys->dim[1] : 1;
    int64_t own = keys->rank == 2 ? x->dim[x->rank - 1] : 1;
    for (int64_t i = 0; i < c->out[0]->n; i++) {
        int64_t k = 0;
        while (k < nkey && !same_word(x, i * own, own, keys, k * length, length)) k++;
        sim_set_int(c->out[0], i, k < nkey ? k : -1);
    }
    return true;
}

/* ---- trees --------------------------------------------------------------------------------- */

typedef struct {
    const sim_tensor *x, *features, *thresholds, *modes, *true_to, *false_to, *roots, *targets, *weights, *first;
} forest;

static bool compare(int64_t mode, double x, double threshold)
{
    if (isnan(x) && (mode & 8)) return true;
    switch (mode & 7) {
    case 0: return x <= threshold;
    case 1: return x < threshold;
    case 2: return x >= threshold;
    case 3: return x > threshold;
    case 4: return x == threshold;
    default: return x != threshold;
    }
}

static bool within(sim_call *c, const char *what, int64_t i, int64_t n)
{
    if (i >= 0 && i < n) return true;
    return sim_fail(c, E_RUN_INDEX, "tree_ensemble: %s %lld is not among the %lld that there are", what, (long long)i, (long long)n);
}

/* From a root to the leaf that a row ends in. */
static bool walk(sim_call *c, const forest *f, int64_t row, int64_t at, int64_t *leaf)
{
    int64_t left = ir_int(c->inst, ATTR_AT(tree_ensemble, depth));
    while (at >= 0) {
        if (left-- == 0) return sim_fail(c, E_RUN_INDEX, "tree_ensemble: a walk is longer than depth");
        if (!within(c, "node", at, f->features->n)) return false;
        int64_t feature = sim_get_int(f->features, at), mode = sim_get_int(f->modes, at);
        if (!within(c, "feature", feature, f->x->dim[1]) || !within(c, "mode", mode, 14) || !within(c, "comparison", mode & 7, 6)) return false;
        bool yes = compare(mode, sim_get(f->x, row * f->x->dim[1] + feature), sim_get(f->thresholds, at));
        at = sim_get_int(yes ? f->true_to : f->false_to, at);
    }
    *leaf = -1 - at;
    return within(c, "leaf", *leaf, f->first ? f->first->n - 1 : f->targets->n);
}

static double combined(const char *how, double score, bool voted, double weight)
{
    if (strcmp(how, "MIN") == 0) return !voted || isnan(weight) || weight < score ? weight : score;
    if (strcmp(how, "MAX") == 0) return !voted || isnan(weight) || weight > score ? weight : score;
    return score + weight;
}

static bool add_votes(sim_call *c, const forest *f, int64_t leaf, double *score, bool *voted)
{
    const char *how = c->inst->attr[ATTR_AT(tree_ensemble, aggregate)].s;
    int64_t begin = f->first ? sim_get_int(f->first, leaf) : leaf, end = f->first ? sim_get_int(f->first, leaf + 1) : leaf + 1;
    if (!within(c, "vote", begin, f->targets->n + 1) || !within(c, "vote", end, f->targets->n + 1)) return false;
    for (int64_t v = begin; v < end; v++) {
        int64_t target = sim_get_int(f->targets, v);
        if (!within(c, "target", target, c->out[0]->dim[1])) return false;
        score[target] = combined(how, score[target], voted[target], sim_get(f->weights, v));
        voted[target] = true;
    }
    return true;
}

bool ev_tree_ensemble(sim_call *c)
{
    forest f = {c->in[0], c->in[1], c->in[2], c->in[3], c->in[4], c->in[5], c->in[6], c->in[7], c->in[8], c->nin > 9 ? c->in[9] : NULL};
    bool average = strcmp(c->inst->attr[ATTR_AT(tree_ensemble, aggregate)].s, "AVERAGE") == 0;
    sim_tensor *y = c->out[0];
    int64_t targets = y->dim[1];
    for (int64_t n = 0; n < y->dim[0]; n++) {
        double score[TREE_MAX_TARGETS] = {0};
        bool voted[TREE_MAX_TARGETS] = {false};
        for (int64_t t = 0; t < f.roots->n; t++) {
            int64_t leaf = 0;
            if (!walk(c, &f, n, sim_get_int(f.roots, t), &leaf) || !add_votes(c, &f, leaf, score, voted)) return false;
        }
        for (int64_t e = 0; e < targets; e++) sim_set(y, n * targets + e, average && voted[e] ? score[e] / (double)f.roots->n : score[e]);
    }
    return true;
}

/* ---- pairs of classes ------------------------------------------------------------------------ */

/* Element (t, k) of the matrix whose quadratic form the probabilities make least. */
static double pair_term(const sim_tensor *r, int64_t row, int64_t n, int64_t t, int64_t k)
{
    const int64_t base = row * n * n;
    if (t != k) return -sim_get(r, base + k * n + t) * sim_get(r, base + t * n + k);
    double sum = 0;
    for (int64_t j = 0; j < n; j++) {
        double against = j == t ? 0 : sim_get(r, base + j * n + t);
        sum += against * against;
    }
    return sum;
}

/* p and q = Q p at the class t: p moves to the minimum along it, and is normalised again. */
static void improve(const sim_tensor *r, int64_t row, int64_t n, int64_t t, double *p, double *q, double *form)
{
    double own = pair_term(r, row, n, t, t), step = (*form - q[t]) / own;
    p[t] += step;
    *form = (*form + step * (step * own + 2 * q[t])) / (1 + step) / (1 + step);
    for (int64_t k = 0; k < n; k++) {
        q[k] = (q[k] + step * pair_term(r, row, n, t, k)) / (1 + step);
        p[k] /= 1 + step;
    }
}

static void couple(const sim_tensor *r, int64_t row, int64_t n, double *p)
{
    double q[PAIRWISE_MAX_CLASSES];
    for (int64_t t = 0; t < n; t++) p[t] = 1 / (double)n;
    for (int64_t round = 0; round < (n > 100 ? n : 100); round++) {
        double form = 0, worst = 0;
        for (int64_t t = 0; t < n; t++) {
            q[t] = 0;
            for (int64_t k = 0; k < n; k++) q[t] += pair_term(r, row, n, t, k) * p[k];
            form += p[t] * q[t];
        }
        for (int64_t t = 0; t < n; t++) worst = fmax(worst, fabs(q[t] - form));
        if (worst < 0.005 / (double)n) break;
        for (int64_t t = 0; t < n; t++) improve(r, row, n, t, p, q, &form);
    }
}

bool ev_pairwise_coupling(sim_call *c)
{
    const sim_tensor *r = c->in[0];
    double p[PAIRWISE_MAX_CLASSES];
    for (int64_t row = 0; row < r->dim[0]; row++) {
        couple(r, row, r->dim[1], p);
        for (int64_t k = 0; k < r->dim[1]; k++) sim_set(c->out[0], row * r->dim[1] + k, p[k]);
    }
    return true;
}
