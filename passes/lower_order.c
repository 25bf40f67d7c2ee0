/* Loops in the order in which elements are stored. */
#include "passes/lower_kir.h"

void lw_order(const ir_type *t, const ir_sx *const *stride, int *order)
{
    int axis[IR_MAX_RANK], n = 0;
    for (int i = 0; i < t->rank; i++) { /* axes of one element stay where they are */
        if (sx_is(t->dim[i], 1)) continue;
        int at = n++;
        for (; at > 0 && sx_max(stride[axis[at - 1]]) < sx_max(stride[i]); at--) axis[at] = axis[at - 1];
        axis[at] = i;
    }
    for (int i = 0, k = 0; i < t->rank; i++) order[i] = sx_is(t->dim[i], 1) ? i : axis[k++];
}

/* Can `inner` be run as one with the axis outside of it? They can where every access steps evenly over both. */
static bool joinable(lw *l, const ir_type *t, int outer, int inner, int n, const ir_sx *(*stride)[IR_MAX_RANK])
{
    for (int k = 0; k < n; k++)
        if (stride[k][outer] != sx_mul(l->sx, stride[k][inner], t->dim[inner])) return false;
    return n > 0 && sx_is_const(t->dim[inner]) && sx_value(t->dim[inner]) > 0;
}

int lw_for_steps(lw *l, const ir_type *t, const int *order, int n, const ir_sx *(*stride)[IR_MAX_RANK], const ir_sx **index)
{
    const char *const *names = lw_axis_names(t->rank);
    int loops = 0;
    for (int i = 0; i < t->rank; i++) {
        ir_type joined = {.rank = 0};
        const ir_sx *extent = sx_int(l->sx, 1), *place[IR_MAX_RANK];
        int first = i;
        for (;; i++) {
            joined.dim[joined.rank++] = t->dim[order[i]];
            extent = sx_mul(l->sx, extent, t->dim[order[i]]);
            if (i + 1 == t->rank || !joinable(l, t, order[i], order[i + 1], n, stride)) break;
        }
        const ir_sx *flat = sx_int(l->sx, 0);
        if (!sx_is(extent, 1)) {
            flat = lw_for_parallel(l, joined.rank == t->rank ? "i" : names[order[first]], extent);
            loops++;
        }
        lw_unflatten(l, &joined, flat, place);
        for (int k = first; k <= i; k++) index[order[k]] = place[k - first];
    }
    return loops;
}
