/* einsum: for each element of the result the sum over all values of the other labels. */
#include "ir/einsum.h"
#include "ir/sim.h"

/* The product of the operands' elements at these values of the labels. */
static void add_product(const sim_call *c, const einsum *e, const int64_t *value, double *sum, uint64_t *whole)
{
    double product = 1;
    uint64_t whole_product = 1;
    for (int i = 0; i < c->nin; i++) {
        const sim_tensor *x = c->in[i];
        int64_t flat = 0;
        for (int k = 0; k < x->rank; k++) flat = flat * x->dim[k] + (x->dim[k] == 1 ? 0 : value[e->in[i].label[k]]);
        if (dtype_is_float(x->dtype)) product *= sim_get(x, flat);
        else whole_product *= (uint64_t)sim_get_int(x, flat);
    }
    *sum += product;
    *whole += whole_product;
}

bool ev_einsum(sim_call *c)
{
    einsum e;
    int operand, summed[EINSUM_LABELS], n = 0;
    einsum_of(c->m, c->inst, &e, &operand); /* the shape rule let it through */
    int64_t extent[EINSUM_LABELS], times = 1, value[EINSUM_LABELS] = {0};
    for (int l = 0; l < EINSUM_LABELS; l++) {
        if (!e.extent[l]) continue;
        extent[l] = sim_eval_sx(c, e.extent[l]);
        if (e.out.labels >> l & 1) continue;
        summed[n++] = l;
        times *= extent[l];
    }
    sim_coords at = {.rank = c->out[0]->rank, .dim = c->out[0]->dim};
    for (int64_t i = 0; i < c->out[0]->n; i++, sim_coords_next(&at)) {
        double sum = 0;
        uint64_t whole = 0;
        for (int k = 0; k < at.rank; k++) value[e.out.label[k]] = at.at[k];
        for (int64_t j = 0; j < times; j++) {
            int64_t rest = j;
            for (int k = 0; k < n; k++) {
                value[summed[k]] = rest % extent[summed[k]];
                rest /= extent[summed[k]];
            }
            add_product(c, &e, value, &sum, &whole);
        }
        if (dtype_is_float(c->out[0]->dtype)) sim_set(c->out[0], i, sum);
        else sim_set_int(c->out[0], i, (int64_t)whole);
    }
    return true;
}
