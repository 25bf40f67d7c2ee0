/* `update`: the data with a box of it replaced. */
#include "ir/sim.h"

static bool find_box(sim_call *c, int64_t *start)
{
    const ir_attr *starts = &c->inst->attr[ATTR_AT(update, starts)];
    const sim_tensor *x = c->in[0], *part = c->in[1];
    for (int i = 0; i < x->rank; i++) {
        start[i] = sim_eval_sx(c, starts->sx[i]);
        if (start[i] < 0 || start[i] > x->dim[i] - part->dim[i])
            return sim_fail(c, E_RUN_INDEX, "from %lld on, %lld elements are not inside of axis %d, whose extent is %lld", (long long)start[i], (long long)part->dim[i], i, (long long)x->dim[i]);
    }
    return true;
}

bool ev_update(sim_call *c)
{
    sim_tensor *y = c->out[0];
    const sim_tensor *part = c->in[1];
    int64_t start[IR_MAX_RANK];
    if (!find_box(c, start)) return false;
    for (int64_t i = 0; i < y->n; i++) sim_copy(c->in[0], i, y, i);
    sim_coords at = {.rank = part->rank, .dim = part->dim};
    for (int64_t i = 0; i < part->n; i++, sim_coords_next(&at)) {
        int64_t to[IR_MAX_RANK];
        for (int k = 0; k < part->rank; k++) to[k] = start[k] + at.at[k];
        sim_copy(part, i, y, sim_flat(y, to));
    }
    return true;
}
