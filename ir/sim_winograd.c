/* The transforms around the products of Winograd's convolution, as the matrices say. */
#include "ir/shape.h"
#include "ir/sim.h"
#include "ir/winograd.h"

bool ev_winograd_input(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    sim_tensor *y = c->out[0];
    winograd_area a;
    winograd w;
    winograd_input_of(c->inst, &a);
    winograd_of(ir_int(c->inst, ATTR_AT(winograd_input, tile)), &w);
    sim_coords at = {.rank = 6, .dim = y->dim};
    for (int64_t n = 0; n < y->n; n++, sim_coords_next(&at)) {
        int64_t top = (c->index[0] + at.at[3] * w.tile) * w.stride - a.before[0], left = at.at[4] * w.tile * w.stride - a.before[1];
        double sum = 0;
        for (int i = 0; i < w.size; i++)
            for (int k = 0; k < w.size; k++) {
                int64_t from[4] = {at.at[2], at.at[5], top + i, left + k};
                if (from[2] < 0 || from[2] >= x->dim[2] || from[3] < 0 || from[3] >= x->dim[3]) continue;
                sum += w.input[at.at[0]][i] * w.input[at.at[1]][k] * sim_get(x, sim_flat(x, from));
            }
        sim_set(y, n, sum);
    }
    return true;
}

bool ev_winograd_output(sim_call *c)
{
    const sim_tensor *x = c->in[0], *b = c->nin > 1 ? c->in[1] : NULL;
    sim_tensor *y = c->out[0];
    winograd w;
    winograd_of(winograd_tile_of(x->dim[0]), &w);
    sim_coords at = {.rank = 4, .dim = y->dim};
    for (int64_t n = 0; n < y->n; n++, sim_coords_next(&at)) {
        int64_t row = at.at[2] % w.tile, column = at.at[3] % w.tile;
        double sum = b ? sim_get(b, at.at[1]) : 0;
        for (int i = 0; i < w.size; i++)
            for (int k = 0; k < w.size; k++) {
                int64_t from[6] = {i, k, at.at[0], at.at[2] / w.tile, at.at[3] / w.tile, at.at[1]};
                sum += w.output[row][i] * w.output[column][k] * sim_get(x, sim_flat(x, from));
            }
        sim_set(y, n, sum);
    }
    return true;
}
