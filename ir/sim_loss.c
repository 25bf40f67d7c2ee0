/* Losses. */
#include <math.h>
#include <string.h>
#include "ir/sim.h"

/* The class of element i, or -1 where it is to be ignored. */
static bool class_of(sim_call *c, int64_t i, int64_t classes, int64_t *out)
{
    const ir_attr *ignore = ir_attr_named(c->inst, "ignore_index");
    int64_t class = sim_get_int(c->in[1], i);
    *out = -1;
    if (ignore->kind == IR_ATTR_INT && ignore->i == class) return true;
    if (class < -classes || class >= classes)
        return sim_fail(c, E_RUN_INDEX, "%s: class %lld of %lld", op_get(c->inst->op)->name, (long long)class, (long long)classes);
    *out = class < 0 ? class + classes : class;
    return true;
}

/* The logarithm of the probability of class k of row (n, rest), by the scores of all. */
static double log_probability(const sim_tensor *x, int64_t n, int64_t k, int64_t rest, int64_t inner)
{
    int64_t classes = x->dim[1];
    double most = -INFINITY, sum = 0;
    for (int64_t j = 0; j < classes; j++) {
        double v = sim_get(x, (n * classes + j) * inner + rest);
        most = isnan(most) || isnan(v) ? NAN : v > most ? v : most;
    }
    for (int64_t j = 0; j < classes; j++) sum += exp(sim_get(x, (n * classes + j) * inner + rest) - most);
    return sim_get(x, (n * classes + k) * inner + rest) - most - log(sum);
}

/* `scores`: operand 0 holds scores, not logarithms of probabilities. */
static bool loss(sim_call *c, bool scores)
{
    const sim_tensor *x = c->in[0], *target = c->in[1], *weight = c->nin > 2 ? c->in[2] : NULL;
    const char *reduction = ir_attr_named(c->inst, "reduction")->s;
    int64_t classes = x->dim[1], inner = 1;
    for (int i = 2; i < x->rank; i++) inner *= x->dim[i];
    double sum = 0, weights = 0;
    for (int64_t i = 0; i < target->n; i++) {
        int64_t n = i / inner, rest = i % inner, class;
        if (!class_of(c, i, classes, &class)) return false;
        double w = class < 0 ? 0 : weight ? sim_get(weight, class) : 1, term = 0;
        if (class >= 0) term = -w * (scores ? log_probability(x, n, class, rest, inner) : sim_get(x, (n * classes + class) * inner + rest));
        if (strcmp(reduction, "none") == 0) sim_set(c->out[0], i, term);
        sum += term;
        weights += w;
    }
    if (strcmp(reduction, "none") != 0) sim_set(c->out[0], 0, strcmp(reduction, "sum") == 0 ? sum : sum / weights);
    return true;
}

bool ev_nll_loss(sim_call *c) { return loss(c, false); }

bool ev_cross_entropy(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    int64_t classes = x->dim[1], inner = 1;
    for (int i = 2; i < x->rank; i++) inner *= x->dim[i];
    for (int64_t i = 0; c->nout > 1 && i < x->n; i++)
        sim_set(c->out[1], i, log_probability(x, i / inner / classes, i / inner % classes, i % inner, inner));
    return loss(c, true);
}
