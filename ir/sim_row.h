/* Rows of a tensor, for evaluators that look at some axes as one: reductions, searches, normalisations. */
#ifndef NFC_SIM_ROW_H
#define NFC_SIM_ROW_H

#include <string.h>
#include "ir/sim.h"

/* The elements of x that differ in the coordinates of some axes only, the last axis fastest. */
typedef struct row {
    const sim_tensor *x;
    uint32_t axes;
    int64_t at[IR_MAX_RANK]; /* of its first element */
    int64_t n;
} row;

/* Row number `i` of x, in the order of the other axes. */
static inline row row_of(const sim_tensor *x, uint32_t axes, int64_t i)
{
    row r = {.x = x, .axes = axes, .n = 1};
    for (int k = x->rank - 1; k >= 0; k--) {
        if (axes >> k & 1) {
            r.n *= x->dim[k];
        } else {
            r.at[k] = i % x->dim[k];
            i /= x->dim[k];
        }
    }
    return r;
}

/* How many rows there are. */
static inline int64_t row_count(const sim_tensor *x, uint32_t axes)
{
    int64_t n = 1;
    for (int k = 0; k < x->rank; k++)
        if (!(axes >> k & 1)) n *= x->dim[k];
    return n;
}

/* The coordinates of element k of a row. */
static inline void row_coords(const row *r, int64_t k, int64_t *at)
{
    memcpy(at, r->at, sizeof r->at);
    for (int i = r->x->rank - 1; i >= 0; i--)
        if (r->axes >> i & 1) {
            at[i] = k % r->x->dim[i];
            k /= r->x->dim[i];
        }
}

/* Its flat position. */
static inline int64_t row_flat(const row *r, int64_t k)
{
    int64_t at[IR_MAX_RANK];
    row_coords(r, k, at);
    return sim_flat(r->x, at);
}

static inline double row_get(const row *r, int64_t k) { return sim_get(r->x, row_flat(r, k)); }
static inline int64_t row_get_int(const row *r, int64_t k) { return sim_get_int(r->x, row_flat(r, k)); }

/* The axis attribute of an instruction, as a set of one; a scalar counts as a row of one element.
 */
static inline uint32_t one_axis(const sim_call *c)
{
    int rank = c->in[0]->rank;
    int64_t axis = ir_attr_named(c->inst, "axis")->i;
    return rank == 0 ? 0 : 1u << (axis < 0 ? axis + rank : axis);
}

#endif
