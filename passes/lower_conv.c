/* Convolutions and their transposes, as plain loop nests; the loops over windows. */
#include "passes/lower_planes.h"

const char *const lw_out_names[3][3] = {{"ow"}, {"oh", "ow"}, {"od", "oh", "ow"}};
const char *const lw_in_names[3][3] = {{"iw"}, {"ih", "iw"}, {"id", "ih", "iw"}};
const char *const lw_kernel_names[3][3] = {{"kw"}, {"kh", "kw"}, {"kd", "kh", "kw"}};

static const ir_sx *zero(lw *l) { return sx_int(l->sx, 0); }

/* ---- windows ------------------------------------------------------------------------------- */

int lw_for_window(lw *l, const window *w, const ir_sx *const *out, const ir_sx **kernel, const ir_sx **in)
{
    int opened = 0;
    for (int i = 0; i < w->n; i++, opened++) {
        kernel[i] = lw_for(l, lw_kernel_names[w->n - 1][i], sx_int(l->sx, w->kernel[i]));
        in[i] = sx_add(l->sx, sx_mul(l->sx, out[i], sx_int(l->sx, w->stride[i])), sx_mul(l->sx, kernel[i], sx_int(l->sx, w->dilation[i])));
        in[i] = sx_sub(l->sx, in[i], w->lead[i]);
        const kir_expr *inside = lw_inside(l, in[i], w->in[i]);
        if (inside->kind == KIR_CONST && inside->integer) continue; /* never in the padding */
        lw_if(l, inside);
        in[i] = kir_let_index(&l->b, lw_in_names[w->n - 1][i], kir_index(&l->b, in[i]), 0, sx_max(w->in[i]) - 1);
        opened++;
    }
    return opened;
}

int lw_for_spread(lw *l, const window *w, const ir_sx *const *out, const ir_sx **kernel, const ir_sx **in)
{
    int opened = 0;
    for (int i = 0; i < w->n; i++, opened++) {
        kernel[i] = lw_for(l, lw_kernel_names[w->n - 1][i], sx_int(l->sx, w->kernel[i]));
        const ir_sx *at = sx_add(l->sx, out[i], sx_int(l->sx, w->before[i]));
        at = sx_sub(l->sx, at, sx_mul(l->sx, kernel[i], sx_int(l->sx, w->dilation[i])));
        const ir_sx *reach = sx_mul(l->sx, w->in[i], sx_int(l->sx, w->stride[i])); /* at / stride < in */
        lw_if(l, lw_inside(l, at, reach));
        opened++;
        in[i] = zero(l);
        if (sx_is(reach, 1)) continue; /* the only element, without a step */
        const ir_sx *t = kir_let_index(&l->b, "t", kir_index(&l->b, at), 0, sx_max(reach) - 1);
        const ir_sx *rest = sx_mod(l->sx, t, w->stride[i]);
        if (w->stride[i] > 1) {
            lw_if(l, lw_bin(l, EQ, kir_index(&l->b, rest), kir_index(&l->b, zero(l))));
            opened++;
        }
        in[i] = sx_div(l->sx, t, w->stride[i]);
        in[i] = lw_clamped(l, lw_in_names[w->n - 1][i], in[i], w->in[i]);
    }
    return opened;
}

/* ---- convolution --------------------------------------------------------------------------- */

/* n, output channel and output coordinates; g is the group's number, co the channel. */
typedef struct {
    const ir_sx *out[5], *g, *channel; /* channel: within the group */
    int loops;
} conv_loops;

static conv_loops for_channels(lw *l, const ir_type *y, int64_t groups)
{
    conv_loops c = {.g = zero(l)};
    const ir_sx *each = sx_div(l->sx, y->dim[1], groups);
    c.out[0] = lw_for_parallel(l, "n", y->dim[0]);
    c.loops = 2;
    if (groups > 1) {
        c.g = lw_for_parallel(l, "g", sx_int(l->sx, groups));
        c.loops++;
    }
    c.channel = lw_for_parallel(l, "co", each);
    c.out[1] = sx_add(l->sx, sx_mul(l->sx, c.g, each), c.channel);
    return c;
}

static conv_loops for_outputs(lw *l, const ir_type *y, int64_t groups, int spatial)
{
    conv_loops c = for_channels(l, y, groups);
    c.loops += spatial;
    for (int i = 0; i < spatial; i++) c.out[2 + i] = lw_for_parallel(l, lw_out_names[spatial - 1][i], y->dim[2 + i]);
    return c;
}

/* The bias comes last: it is often larger than the products, which would lose their last bits to it. */
static void store_biased(lw *l, const ir_value *bias, kir_buffer *acc, const conv_loops *c)
{
    const kir_expr *sum = lw_read(l, acc);
    lw_store(l, 0, c->out, bias ? lw_bin(l, ADD, sum, lw_load(l, bias, &c->out[1])) : sum);
}

static bool convolution(lw *l, const ir_inst *inst, int group, bool zero_points)
{
    const ir_type *w = inst->in[1]->type, *y = inst->out[0]->type;
    kir_type t = kir_compute(y->dtype);
    window win;
    window_of(l->m, inst, &win);
    if (l->target && !zero_points && sx_is(w->dim[1], 1) && windows_of_planes(l, inst, &win, l->target)) return true;
    conv_loops c = for_outputs(l, y, ir_int(inst, group), win.n);
    kir_buffer *acc = lw_accumulator(l, "acc", t, lw_number(l, t, 0));
    const ir_sx *ix[5], *iw[5];
    int opened = lw_for_window(l, &win, &c.out[2], &iw[2], &ix[2]);
    const ir_sx *ci = lw_for(l, "ci", w->dim[1]);
    ix[0] = c.out[0];
    ix[1] = sx_add(l->sx, sx_mul(l->sx, c.g, w->dim[1]), ci);
    iw[0] = c.out[1];
    iw[1] = ci;
    const kir_expr *vx = zero_points ? lw_shifted(l, inst, 0, 2, 0, ix, t) : lw_load(l, inst->in[0], ix);
    const kir_expr *vw = zero_points ? lw_shifted(l, inst, 1, 3, 0, iw, t) : lw_load(l, inst->in[1], iw);
    lw_add_product(l, acc, vx, vw);
    lw_close(l, opened + 1);
    store_biased(l, zero_points ? NULL : ir_operand(inst, 2), acc, &c);
    lw_close(l, c.loops);
    return true;
}

bool lo_conv(lw *l, const ir_inst *inst) { return convolution(l, inst, ATTR_AT(conv, group), false); }
bool lo_conv_integer(lw *l, const ir_inst *inst) { return convolution(l, inst, ATTR_AT(conv_integer, group), true); }

/* ---- transposed convolution ---------------------------------------------------------------- */

static const char *const phase_names[3][3] = {{"pw"}, {"ph", "pw"}, {"pd", "ph", "pw"}};
static const char *const place_names[3][3] = {{"qw"}, {"qh", "qw"}, {"qd", "qh", "qw"}};
static const char *const tap_names[3][3] = {{"tw"}, {"th", "tw"}, {"td", "th", "tw"}};

/* Without dilation the elements of the kernel that reach a place of the result are every stride-th: those of a phase. From place to
 * place of a phase the input goes on by one element, so that everything is stepped over evenly:
 *
 *     y[stride q + p - shift] = sum over t of x[q + first - t] w[p + stride t],   shift = before mod stride, p in 0 .. stride - 1 */
typedef struct {
    const ir_sx *p[3], *first[3]; /* first: with q, the input's place for t = 0 */
} phases;

/* Opens the loops over the results. */
static void for_phases(lw *l, const window *w, const ir_sx *const *extent, conv_loops *c, phases *f)
{
    sx_table *t = l->sx;
    c->loops += w->n;
    for (int i = 0; i < w->n; i++) {
        const int64_t step = w->stride[i], shift = (w->before[i] % step + step) % step;
        const ir_sx *places = sx_add(t, extent[i], sx_int(t, shift + step - 1));
        f->p[i] = step < 2 ? zero(l) : (sx_is(extent[i], 1) ? lw_for : lw_for_parallel)(l, phase_names[w->n - 1][i], sx_int(t, step)); /* one place is of one phase: nothing shows which */
        const ir_sx *q = lw_for_parallel(l, place_names[w->n - 1][i], sx_div(t, places, step));
        c->loops += step > 1;
        c->out[2 + i] = sx_sub(t, sx_add(t, sx_mul(t, q, sx_int(t, step)), f->p[i]), sx_int(t, shift));
        f->first[i] = sx_add(t, q, sx_int(t, (w->before[i] - shift) / step));
    }
}

/* An index that a guard keeps within an extent, where it needs one: it is counted then. */
static const ir_sx *guarded(lw *l, const char *name, const ir_sx *at, const ir_sx *extent, int *guards)
{
    const kir_expr *inside = lw_inside(l, at, extent);
    if (inside->kind == KIR_CONST && inside->integer) return at;
    lw_if(l, inside);
    ++*guards;
    return kir_let_index(&l->b, name, kir_index(&l->b, at), 0, sx_max(extent) - 1);
}

/* Opens the loops over the elements of the kernel that a phase has. Returns how much is to be closed. */
static int for_taps(lw *l, const window *w, const phases *f, const ir_sx **kernel, const ir_sx **in)
{
    sx_table *t = l->sx;
    int opened = w->n;
    for (int i = 0; i < w->n; i++) {
        const ir_sx *step = sx_int(t, w->stride[i]), *tap = lw_for(l, tap_names[w->n - 1][i], sx_int(t, (w->kernel[i] + w->stride[i] - 1) / w->stride[i]));
        kernel[i] = guarded(l, lw_kernel_names[w->n - 1][i], sx_add(t, f->p[i], sx_mul(t, tap, step)), sx_int(t, w->kernel[i]), &opened);
        in[i] = guarded(l, lw_in_names[w->n - 1][i], sx_sub(t, f->first[i], tap), w->in[i], &opened);
    }
    return opened;
}

/* Do the channels of an operand lie side by side? Then the sum goes over them first. With --strict it goes over the window first,
 * whatever the layout. */
static bool channels_lie_beside(const lw *l, const ir_value *v)
{
    const bool argument = l->inst->op == IR_fused && v->block && v->block->region == l->inst->region[0];
    if (l->plan->plan->strict || (l->inst->op == IR_fused && !argument && v->def && v->def->block->region == l->inst->region[0])) return false;
    return sx_is(plan_view_of(l->plan, argument ? l->inst->in[v->slot] : v)->stride[1], 1);
}

static bool by_phases(lw *l, const ir_inst *inst, const window *w)
{
    const ir_type *x = inst->in[0]->type, *y = inst->out[0]->type;
    const kir_type t = kir_compute(y->dtype);
    const int64_t groups = ir_int(inst, ATTR_AT(conv_transpose, group));
    const ir_sx *each = sx_div(l->sx, x->dim[1], groups), *ix[5], *iw[5];
    conv_loops c = for_channels(l, y, groups);
    phases f;
    for_phases(l, w, &y->dim[2], &c, &f);
    kir_buffer *acc = lw_accumulator(l, "acc", t, lw_number(l, t, 0));
    const bool beside = channels_lie_beside(l, inst->in[0]);
    const ir_sx *ci = beside ? NULL : lw_for(l, "ci", each);
    int opened = for_taps(l, w, &f, &iw[2], &ix[2]);
    if (beside) ci = lw_for(l, "ci", each);
    ix[0] = c.out[0];
    ix[1] = iw[0] = sx_add(l->sx, sx_mul(l->sx, c.g, each), ci);
    iw[1] = c.channel;
    lw_add_product(l, acc, lw_load(l, inst->in[0], ix), lw_load(l, inst->in[1], iw));
    lw_close(l, opened + 1);
    int guards = 0; /* the first or last places are not there in each phase */
    for (int i = 0; i < w->n; i++) c.out[2 + i] = guarded(l, lw_out_names[w->n - 1][i], c.out[2 + i], y->dim[2 + i], &guards);
    store_biased(l, ir_operand(inst, 2), acc, &c);
    lw_close(l, guards + c.loops);
    return true;
}

bool lo_conv_transpose(lw *l, const ir_inst *inst)
{
    const ir_type *x = inst->in[0]->type, *y = inst->out[0]->type;
    kir_type t = kir_compute(y->dtype);
    int64_t groups = ir_int(inst, ATTR_AT(conv_transpose, group));
    const ir_sx *each = sx_div(l->sx, x->dim[1], groups);
    window win;
    window_of(l->m, inst, &win);
    if (win.dilation[0] == 1 && (win.n < 2 || win.dilation[1] == 1) && (win.n < 3 || win.dilation[2] == 1)) return by_phases(l, inst, &win);
    conv_loops c = for_outputs(l, y, groups, win.n);
    kir_buffer *acc = lw_accumulator(l, "acc", t, lw_number(l, t, 0));
    const ir_sx *ix[5], *iw[5];
    const ir_sx *ci = lw_for(l, "ci", each);
    int opened = lw_for_spread(l, &win, &c.out[2], &iw[2], &ix[2]);
    ix[0] = c.out[0];
    ix[1] = iw[0] = sx_add(l->sx, sx_mul(l->sx, c.g, each), ci);
    iw[1] = c.channel;
    lw_add_product(l, acc, lw_load(l, inst->in[0], ix), lw_load(l, inst->in[1], iw));
    lw_close(l, opened + 1);
    store_biased(l, ir_operand(inst, 2), acc, &c);
    lw_close(l, c.loops);
    return true;
}
