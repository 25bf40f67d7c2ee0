/* What undoes windows, as ONNX defines it: max_unpool and col2im. */
#include "ir/shape.h"
#include "ir/sim.h"

/* Indices count in what the window makes of x; a larger result has that in its first corner. */
bool ev_max_unpool(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    sim_tensor pooled = {.rank = x->rank, .n = 1};
    window w;
    unpool_window(c->m, c->inst, &w);
    for (int i = 0; i < x->rank; i++) {
        pooled.dim[i] = i < 2 ? x->dim[i] : sim_eval_sx(c, w.out[i - 2]);
        pooled.n *= pooled.dim[i];
    }
    for (int64_t i = 0; i < x->n; i++) {
        int64_t given = sim_get_int(c->in[1], i), flat = given < 0 ? given + pooled.n : given,
                at[IR_MAX_RANK];
        if (flat < 0 || flat >= pooled.n)
            return sim_fail(c, E_RUN_INDEX, "max_unpool: index %lld is outside of %lld elements",
                            (long long)given, (long long)pooled.n);
        for (int k = x->rank - 1; k >= 0; k--) {
            at[k] = flat % pooled.dim[k];
            flat /= pooled.dim[k];
        }
        sim_copy(x, i, c->out[0], sim_flat(c->out[0], at));
    }
    return true;
}

/* Adds element k of window number n to the image of a channel, where it is not in the padding. */
static void add_tap(sim_call *c, const window *w, const int64_t *windows, int64_t channel,
                    int64_t k, int64_t n, int64_t from)
{
    const sim_tensor *x = c->in[0];
    sim_tensor *y = c->out[0];
    int64_t at[IR_MAX_RANK];
    for (int i = w->n - 1; i >= 0; i--) {
        at[2 + i] =
            n % windows[i] * w->stride[i] + k % w->kernel[i] * w->dilation[i] - w->before[i];
        n /= windows[i];
        k /= w->kernel[i];
        if (at[2 + i] < 0 || at[2 + i] >= y->dim[2 + i]) return;
    }
    at[0] = channel / y->dim[1];
    at[1] = channel % y->dim[1];
    int64_t to = sim_flat(y, at);
    if (dtype_is_float(y->dtype))
        sim_set(y, to, sim_get(y, to) + sim_get(x, from));
    else
        sim_set_int(y, to,
                    (int64_t)((uint64_t)sim_get_int(y, to) + (uint64_t)sim_get_int(x, from)));
}

bool ev_col2im(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    sim_tensor *y = c->out[0], *sums = c->out[0];
    int64_t windows[3], taps = 1;
    window w;
    col2im_window(c->m, c->inst, &w);
    for (int i = 0; i < w.n; i++) {
        windows[i] = sim_eval_sx(c, w.in[i]);
        taps *= w.kernel[i];
    }
    if (dtype_is_float(y->dtype))
        c->out[0] = sums = sim_tensor_new(c->s, DT_f64, y->rank, y->dim); /* rounded once */
    for (int64_t i = 0; i < x->n; i++) {
        int64_t row = i / x->dim[2];
        add_tap(c, &w, windows, row / taps, row % taps, i % x->dim[2], i);
    }
    c->out[0] = y;
    for (int64_t i = 0; i < y->n && sums != y; i++) sim_set(y, i, sim_get(sums, i));
    if (sums != y) sim_tensor_drop(sums);
    return true;
}
