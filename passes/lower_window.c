/* What undoes windows: max_unpool and col2im. */
#include "passes/lower_window.h"

static const ir_sx *zero(lw *l) { return sx_int(l->sx, 0); }

bool lo_max_unpool(lw *l, const ir_inst *inst)
{
    const ir_type *x = inst->in[0]->type, *y = inst->out[0]->type;
    const ir_sx *at[IR_MAX_RANK], *from[IR_MAX_RANK], *n = sx_int(l->sx, 1);
    ir_type pooled = *x;
    window w;
    unpool_window(l->m, inst, &w);
    for (int i = 0; i < w.n; i++) pooled.dim[2 + i] = w.out[i];
    for (int i = 0; i < x->rank; i++) n = sx_mul(l->sx, n, pooled.dim[i]);
    for (int i = 0; i < y->rank; i++) at[i] = lw_for(l, lw_axis_names(y->rank)[i], y->dim[i]);
    lw_store(l, 0, at, lw_number(l, kir_compute(y->dtype), 0));
    lw_close(l, y->rank);
    if (ir_max_elements(x) == 0) return true;
    for (int i = 0; i < x->rank; i++) from[i] = lw_for(l, lw_axis_names(x->rank)[i], x->dim[i]);
    lw_coordinates(l, &pooled, lw_checked_index(l, "to", inst->in[1], from, n), at);
    lw_store(l, 0, at, lw_load(l, inst->in[0], from));
    lw_close(l, x->rank);
    return true;
}

/* For each place of an image the windows that it is in. */
bool lo_col2im(lw *l, const ir_inst *inst)
{
    const ir_type *y = inst->out[0]->type;
    kir_type compute = kir_compute(y->dtype);
    const ir_sx *out[5], *kernel[3], *in[3], *tap = zero(l), *column = zero(l);
    window w;
    col2im_window(l->m, inst, &w);
    for (int i = 0; i < y->rank; i++) out[i] = lw_for_parallel(l, lw_axis_names(y->rank)[i], y->dim[i]);
    kir_buffer *sum = lw_accumulator(l, "sum", compute, lw_number(l, compute, 0));
    int opened = lw_for_spread(l, &w, &out[2], kernel, in);
    const ir_sx *taps = sx_int(l->sx, 1);
    for (int i = 0; i < w.n; i++) {
        tap = sx_add(l->sx, sx_mul(l->sx, tap, sx_int(l->sx, w.kernel[i])), kernel[i]);
        column = sx_add(l->sx, sx_mul(l->sx, column, w.in[i]), in[i]);
        taps = sx_mul(l->sx, taps, sx_int(l->sx, w.kernel[i]));
    }
    const ir_sx *row = sx_add(l->sx, sx_mul(l->sx, out[1], taps), tap);
    kir_accum(&l->b, KB_ADD, sum, zero(l), lw_load(l, inst->in[0], (const ir_sx *[]){out[0], row, column}));
    lw_close(l, opened);
    lw_store(l, 0, out, kir_load(&l->b, sum, zero(l)));
    lw_close(l, y->rank);
    return true;
}
