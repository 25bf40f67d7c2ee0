/* Shape rules of contractions, windows and attention. */
#include <math.h>
#include <string.h>
#include "ir/sat.h"
#include "ir/shape.h"

static const char *text(const infer *f, const ir_sx *x) { return sx_text(f->m->arena, x); }

/* ---- matrix products ----------------------------------------------------------------------- */

bool sh_matmul(infer *f)
{
    const ir_type *a = f->inst->in[0]->type, *b = f->inst->in[1]->type;
    if (a->rank == 0 || b->rank == 0) return infer_fail(f, E_RANK, a->rank ? 1 : 0, "a scalar has no axis to sum over; use mul");
    const ir_sx *ka = a->dim[a->rank - 1], *kb = b->dim[b->rank == 1 ? 0 : b->rank - 2];
    if (ka != kb) return infer_fail(f, E_SHAPE, -1, "inner sizes differ: %s and %s", text(f, ka), text(f, kb));
    ir_type la = {.rank = a->rank > 2 ? a->rank - 2 : 0}, lb = {.rank = b->rank > 2 ? b->rank - 2 : 0};
    memcpy(la.dim, a->dim, sizeof a->dim[0] * (size_t)la.rank);
    memcpy(lb.dim, b->dim, sizeof b->dim[0] * (size_t)lb.rank);
    const ir_sx *dim[IR_MAX_RANK + 2];
    int rank;
    if (!broadcast_shapes(f->m, &la, &lb, &rank, dim)) return infer_fail(f, E_SHAPE, -1, "the leading axes do not broadcast");
    if (a->rank > 1) dim[rank++] = a->dim[a->rank - 2];
    if (b->rank > 1) dim[rank++] = b->dim[b->rank - 1];
    f->out[0] = ir_tensor(f->m, a->dtype, rank, dim);
    return true;
}

int64_t mc_matmul(const ir_inst *inst)
{
    const ir_type *a = inst->in[0]->type;
    return sat_mul(ir_max_elements(inst->out[0]->type), sx_max(a->dim[a->rank - 1]));
}

int64_t mc_gemm(const ir_inst *inst)
{
    const ir_type *a = inst->in[0]->type;
    return sat_mul(ir_max_elements(inst->out[0]->type), sx_max(a->dim[ir_int(inst, ATTR_AT(gemm, transa)) ? 0 : 1]));
}

bool sh_gemm(infer *f)
{
    const ir_type *a = f->inst->in[0]->type, *b = f->inst->in[1]->type;
    if (a->rank != 2 || b->rank != 2) return infer_fail(f, E_RANK, a->rank == 2 ? 1 : 0, "a and b must be matrices");
    bool ta = ir_int(f->inst, ATTR_AT(gemm, transa)), tb = ir_int(f->inst, ATTR_AT(gemm, transb));
    if (a->dim[ta ? 0 : 1] != b->dim[tb ? 1 : 0])
        return infer_fail(f, E_SHAPE, -1, "inner sizes differ: %s and %s", text(f, a->dim[ta ? 0 : 1]), text(f, b->dim[tb ? 1 : 0]));
    for (int k = ATTR_AT(gemm, alpha); k <= ATTR_AT(gemm, beta); k++) {
        double factor = ir_float(f->inst, k);
        if (!dtype_is_float(a->dtype) && !(fabs(factor) < 0x1p31 && factor == floor(factor)))
            return infer_fail_attr(f, E_ATTR_VALUE, k, "%s = %g is no factor for %s", f->info->attr[k].name, factor, dtype_name(a->dtype));
    }
    const ir_sx *dim[2] = {a->dim[ta ? 1 : 0], b->dim[tb ? 0 : 1]};
    f->out[0] = ir_tensor(f->m, a->dtype, 2, dim);
    const ir_value *c = ir_operand(f->inst, 2);
    if (!c) return true;
    const ir_sx *both[IR_MAX_RANK];
    int rank;
    if (broadcast_shapes(f->m, c->type, f->out[0], &rank, both) && rank == 2 && both[0] == dim[0] && both[1] == dim[1]) return true;
    return infer_fail(f, E_SHAPE, 2, "c does not broadcast to [%s, %s]", text(f, dim[0]), text(f, dim[1]));
}

/* ---- windows ------------------------------------------------------------------------------- */

static int64_t item(const ir_attr *a, int i, int64_t fallback)
{
    return a && i < a->n ? sx_value(a->sx[i]) : fallback;
}

static const ir_sx *ceil_div(sx_table *t, const ir_sx *a, int64_t by) { return sx_div(t, sx_add(t, a, sx_int(t, by - 1)), by); }
static int64_t reach_of(const window *w, int i) { return (w->kernel[i] - 1) * w->dilation[i] + 1; }

/* How many windows there are along an axis. Rounded up, one that would begin in the padding behind the input
 * does not count: where the last that fits may do so, every window that begins before it counts. */
static const ir_sx *window_out(sx_table *t, const window *w, int i, bool ceil_mode)
{
    int64_t reach = reach_of(w, i);
    const ir_sx *room = sx_add(t, w->in[i], sx_int(t, w->before[i] + w->after[i] - reach));
    if (!ceil_mode) return sx_add(t, sx_div(t, room, w->stride[i]), sx_int(t, 1));
    if (reach - w->after[i] >= w->stride[i]) return sx_add(t, ceil_div(t, room, w->stride[i]), sx_int(t, 1));
    return ceil_div(t, sx_add(t, w->in[i], sx_int(t, w->before[i])), w->stride[i]);
}

/* So much padding that there are ceil(in / stride) windows: reach - stride + what the input lacks to a
 * multiple of the stride, or none. NULL: only the run knows whether that is less than none. */
static const ir_sx *same_padding(sx_table *t, const window *w, int i)
{
    int64_t s = w->stride[i], reach = reach_of(w, i);
    const ir_sx *lacks = sx_sub(t, sx_int(t, s - 1), sx_mod(t, sx_add(t, w->in[i], sx_int(t, s - 1)), s));
    const ir_sx *need = sx_add(t, lacks, sx_int(t, reach - s));
    if (sx_max(need) <= 0) return sx_int(t, 0);
    return sx_min(need) >= 0 ? need : NULL;
}

static void auto_pads(sx_table *t, window *w, const char *mode)
{
    bool upper = strcmp(mode, "SAME_UPPER") == 0;
    for (int i = 0; i < w->n; i++) {
        const ir_sx *need = strcmp(mode, "VALID") == 0 ? NULL : same_padding(t, w, i);
        if (!need) need = sx_int(t, 0);
        const ir_sx *half = sx_div(t, need, 2), *rest = sx_sub(t, need, half);
        w->lead[i] = upper ? half : rest;
        w->trail[i] = upper ? rest : half;
        w->before[i] = sx_min(w->lead[i]);
        w->after[i] = sx_min(w->trail[i]);
    }
}

static void transpose_pads(ir_module *m, const ir_inst *inst, window *w, const char *mode)
{
    const ir_attr *shape = ir_attr_named(inst, "output_shape");
    bool same = strncmp(mode, "SAME", 4) == 0;
    for (int i = 0; i < w->n; i++) {
        int64_t reach = (w->kernel[i] - 1) * w->dilation[i] + 1;
        const ir_sx *full = sx_sub(&m->sx, w->in[i], sx_int(&m->sx, 1));
        full = sx_add(&m->sx, sx_mul(&m->sx, full, sx_int(&m->sx, w->stride[i])), sx_int(&m->sx, w->extra[i] + reach));
        if (same || (shape && shape->n)) {
            const ir_sx *want = shape && shape->n ? shape->sx[i] : sx_mul(&m->sx, w->in[i], sx_int(&m->sx, w->stride[i]));
            int64_t cut = sx_min(sx_sub(&m->sx, full, want));
            bool upper = strcmp(mode, "SAME_UPPER") == 0;
            int64_t half = cut / 2 - (cut < 0 && cut % 2); /* rounded down; below 0: rows that nothing reaches are added */
            w->before[i] = upper ? half : cut - half;
            w->after[i] = cut - w->before[i];
        }
        w->out[i] = sx_sub(&m->sx, full, sx_int(&m->sx, w->before[i] + w->after[i]));
    }
}

void window_of(ir_module *m, const ir_inst *inst, window *w)
{
    const ir_type *x = inst->in[0]->type, *kernel = inst->nin > 1 && inst->in[1] ? inst->in[1]->type : NULL;
    const ir_attr *strides = ir_attr_named(inst, "strides"), *pads = ir_attr_named(inst, "pads");
    const ir_attr *dilations = ir_attr_named(inst, "dilations"), *shape = ir_attr_named(inst, "kernel_shape");
    const ir_attr *ceil_mode = ir_attr_named(inst, "ceil_mode"), *extra = ir_attr_named(inst, "output_padding");
    const char *mode = ir_attr_named(inst, "auto_pad")->s;
    *w = (window){.n = x->rank - 2};
    for (int i = 0; i < w->n; i++) {
        w->in[i] = x->dim[i + 2];
        w->kernel[i] = item(shape, i, kernel ? sx_value(kernel->dim[i + 2]) : 1);
        w->stride[i] = item(strides, i, 1);
        w->dilation[i] = item(dilations, i, 1);
        w->before[i] = item(pads, i, 0);
        w->after[i] = item(pads, i + w->n, 0);
        w->extra[i] = item(extra, i, 0);
    }
    bool same = strncmp(mode, "SAME", 4) == 0;
    if (inst->op == IR_conv_transpose) transpose_pads(m, inst, w, mode);
    else if (strcmp(mode, "NOTSET") != 0) auto_pads(&m->sx, w, mode);
    for (int i = 0; i < w->n; i++) {
        if (!w->lead[i]) w->lead[i] = sx_int(&m->sx, w->before[i]);
        if (!w->trail[i]) w->trail[i] = sx_int(&m->sx, w->after[i]);
        if (inst->op == IR_conv_transpose) continue;
        w->out[i] = same ? ceil_div(&m->sx, w->in[i], w->stride[i]) : window_out(&m->sx, w, i, ceil_mode && ceil_mode->i);
    }
}

bool infer_list(infer *f, const char *name, int want, int64_t least)
{
    int attr = op_attr_find(f->info, name);
    if (attr < 0) return true;
    const ir_attr *a = &f->inst->attr[attr];
    if (a->kind == IR_ATTR_NONE) return true;
    if (a->n != want) return infer_fail_attr(f, E_ATTR_VALUE, attr, "%s has %d numbers where %d are needed", name, a->n, want);
    for (int i = 0; i < a->n; i++)
        if (sx_value(a->sx[i]) < least || sx_value(a->sx[i]) > INT32_MAX)
            return infer_fail_attr(f, E_ATTR_VALUE, attr, "%s has %lld, which is not from %lld to 2147483647", name, (long long)sx_value(a->sx[i]), (long long)least);
    return true;
}

/* SAME pads by the run's extents unless it cannot be known which axes need any. */
static bool same_is_known(infer *f, const char *mode)
{
    window w;
    window_of(f->m, f->inst, &w);
    for (int i = 0; i < w.n; i++)
        if (!same_padding(&f->m->sx, &w, i))
            return infer_fail_attr(f, E_ATTR_VALUE, op_attr_find(f->info, "auto_pad"), "auto_pad = %s with a window of %lld and steps of %lld needs the extent of spatial axis %d at compile time", mode, (long long)reach_of(&w, i), (long long)w.stride[i], i);
    return true;
}

static bool check_window_attrs(infer *f, int spatial)
{
    const char *mode = ir_attr_named(f->inst, "auto_pad")->s;
    if (!infer_list(f, "strides", spatial, 1) || !infer_list(f, "dilations", spatial, 1) ||
        !infer_list(f, "pads", 2 * spatial, 0) || !infer_list(f, "kernel_shape", spatial, 1) ||
        !infer_list(f, "output_padding", spatial, 0) || !infer_list(f, "output_shape", spatial, 1))
        return false;
    int pads = op_attr_find(f->info, "pads");
    if (strcmp(mode, "NOTSET") != 0 && f->inst->attr[pads].kind != IR_ATTR_NONE)
        return infer_fail_attr(f, E_ATTR_VALUE, pads, "pads and auto_pad exclude each other");
    return strncmp(mode, "SAME", 4) != 0 || f->inst->op == IR_conv_transpose || same_is_known(f, mode);
}

static bool spatial_ok(infer *f, int *spatial)
{
    const ir_type *x = f->inst->in[0]->type;
    *spatial = x->rank - 2;
    if (*spatial < 1 || *spatial > 3) return infer_fail(f, E_RANK, 0, "x must be [N, C, spatial...] with 1 to 3 spatial axes");
    return true;
}

static bool window_result(infer *f, const ir_sx *channels)
{
    const ir_type *x = f->inst->in[0]->type;
    window w;
    window_of(f->m, f->inst, &w);
    const ir_sx *dim[5] = {x->dim[0], channels};
    for (int i = 0; i < w.n; i++) {
        dim[2 + i] = w.out[i];
        bool transposed = f->inst->op == IR_conv_transpose;
        if (sx_min(w.out[i]) < transposed || (!transposed && (w.before[i] < 0 || w.after[i] < 0)))
            return infer_fail(f, E_SHAPE, 0, "the window does not fit: spatial axis %d would have extent %s", i, text(f, w.out[i]));
        /* One more than 0 windows need room for one kernel. */
        int64_t reach = reach_of(&w, i);
        bool same = strncmp(ir_attr_named(f->inst, "auto_pad")->s, "SAME", 4) == 0;
        if (!transposed && !same && sx_min(w.in[i]) + w.before[i] + w.after[i] < reach)
            return infer_fail(f, E_SHAPE, 0, "the window of %lld does not fit into spatial axis %d of extent %s with its pads", (long long)reach, i, text(f, w.in[i]));
    }
    f->out[0] = ir_tensor(f->m, x->dtype, x->rank, dim);
    return true;
}

static bool check_bias(infer *f, int bias, const ir_sx *channels)
{
    const ir_value *b = bias < 0 ? NULL : ir_operand(f->inst, bias);
    if (!b || (b->type->rank == 1 && b->type->dim[0] == channels)) return true;
    return infer_fail(f, E_SHAPE, bias, "b must be [%s], one element an output channel", text(f, channels));
}

static bool conv_common(infer *f, bool transposed, int bias)
{
    const ir_type *x = f->inst->in[0]->type, *w = f->inst->in[1]->type;
    int spatial, group_attr = op_attr_find(f->info, "group");
    if (!spatial_ok(f, &spatial)) return false;
    if (w->rank != x->rank) return infer_fail(f, E_RANK, 1, "x has rank %d and w rank %d; they must agree", x->rank, w->rank);
    if (!ir_is_static(w)) return infer_fail(f, E_SHAPE, 1, "the extents of w must be known at compile time");
    if (!sx_is_const(x->dim[1])) return infer_fail(f, E_SHAPE, 0, "the number of channels must be known at compile time");
    if (!check_window_attrs(f, spatial)) return false;
    const ir_attr *shape = ir_attr_named(f->inst, "kernel_shape");
    for (int i = 0; i < shape->n; i++)
        if (shape->sx[i] != w->dim[i + 2])
            return infer_fail_attr(f, E_SHAPE, op_attr_find(f->info, "kernel_shape"), "kernel_shape has %s where w has %s", text(f, shape->sx[i]), text(f, w->dim[i + 2]));
    int64_t group = ir_int(f->inst, group_attr), channels = sx_value(x->dim[1]);
    int64_t w0 = sx_value(w->dim[0]), w1 = sx_value(w->dim[1]);
    if (group < 1) return infer_fail_attr(f, E_ATTR_VALUE, group_attr, "group must be 1 or more");
    if (channels % group || (!transposed && w0 % group))
        return infer_fail_attr(f, E_ATTR_VALUE, group_attr, "group = %lld does not divide the %lld channels", (long long)group, (long long)(channels % group ? channels : w0));
    if (transposed ? w0 != channels : w1 * group != channels)
        return infer_fail(f, E_SHAPE, 1, "x has %lld channels, but w is made for %lld", (long long)channels, (long long)(transposed ? w0 : w1 * group));
    const ir_sx *out = sx_int(&f->m->sx, transposed ? w1 * group : w0);
    return window_result(f, out) && check_bias(f, bias, out);
}

bool infer_conv(infer *f, int bias) { return conv_common(f, false, bias); }
bool sh_conv(infer *f) { return infer_conv(f, 2); }

bool sh_conv_transpose(infer *f)
{
    const ir_attr *shape = ir_attr_named(f->inst, "output_shape");
    const ir_type *x = f->inst->in[0]->type;
    for (int i = 2; shape->n && i < x->rank; i++)
        if (!sx_is_const(x->dim[i])) return infer_fail_attr(f, E_ATTR_VALUE, op_attr_find(f->info, "output_shape"), "output_shape needs spatial extents that are known at compile time");
    return conv_common(f, true, 2);
}

/* Of one element: a channel's part of the kernel, over the channels of its group. Padding counts. */
static int64_t taps(const ir_type *w, int axis)
{
    int64_t n = sx_max(w->dim[axis]);
    for (int i = 2; i < w->rank; i++) n = sat_mul(n, sx_max(w->dim[i]));
    return n;
}

int64_t mc_conv(const ir_inst *inst) { return sat_mul(ir_max_elements(inst->out[0]->type), taps(inst->in[1]->type, 1)); }
/* Each element of x meets its channel's whole kernel. */
int64_t mc_conv_transpose(const ir_inst *inst) { return sat_mul(ir_max_elements(inst->in[0]->type), taps(inst->in[1]->type, 1)); }

bool sh_pool(infer *f)
{
    int spatial;
    if (!spatial_ok(f, &spatial)) return false;
    if (!check_window_attrs(f, spatial)) return false;
    if (f->inst->op == IR_lp_pool && ir_int(f->inst, ATTR_AT(lp_pool, p)) < 1) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(lp_pool, p), "p must be 1 or more");
    if (!window_result(f, f->inst->in[0]->type->dim[1])) return false;
    window w;
    window_of(f->m, f->inst, &w);
    for (int i = 0; i < w.n; i++) {
        if (w.before[i] > (w.kernel[i] - 1) * w.dilation[i] || w.after[i] > (w.kernel[i] - 1) * w.dilation[i])
            return infer_fail_attr(f, E_ATTR_VALUE, op_attr_find(f->info, "pads"), "a pad as wide as the window: it would see no element");
        if (sx_is_const(w.in[i]) && sx_value(w.in[i]) < w.dilation[i] && (w.before[i] || w.after[i]))
            return infer_fail(f, E_SHAPE, 0, "spatial axis %d of extent %s can fall between two elements of the window: it would see no element", i, text(f, w.in[i]));
    }
    f->out[1] = ir_tensor(f->m, DT_i64, f->out[0]->rank, f->out[0]->dim);
    return true;
}

bool sh_global_pool(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    if (f->inst->op == IR_global_lp_pool && ir_int(f->inst, ATTR_AT(global_lp_pool, p)) < 1) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(global_lp_pool, p), "p must be 1 or more");
    if (x->rank < 3) return infer_fail(f, E_RANK, 0, "x must be [N, C, spatial...]");
    ir_type t = *x;
    for (int i = 2; i < x->rank; i++) t.dim[i] = sx_int(&f->m->sx, 1);
    f->out[0] = ir_tensor(f->m, x->dtype, t.rank, t.dim);
    return true;
}

/* ---- attention ----------------------------------------------------------------------------- */

bool sh_sdpa(infer *f)
{
    const ir_type *q = f->inst->in[0]->type, *k = f->inst->in[1]->type, *v = f->inst->in[2]->type;
    int r = q->rank;
    if (r < 3 || k->rank != r || v->rank != r) return infer_fail(f, E_RANK, -1, "q, k and v must be [..., heads, rows, size], all of one rank");
    for (int i = 0; i < r - 3; i++)
        if (q->dim[i] != k->dim[i] || q->dim[i] != v->dim[i]) return infer_fail(f, E_SHAPE, -1, "axis %d differs between q, k and v", i);
    const ir_sx *h = q->dim[r - 3], *kh = k->dim[r - 3];
    if (kh != v->dim[r - 3]) return infer_fail(f, E_SHAPE, 2, "%s key heads, but %s value heads", text(f, kh), text(f, v->dim[r - 3]));
    if (!sx_is_const(h) || !sx_is_const(kh) || sx_value(kh) < 1 || sx_value(h) % sx_value(kh))
        return infer_fail(f, E_SHAPE, -1, "%s query heads are no multiple of %s key heads", text(f, h), text(f, kh));
    if (q->dim[r - 1] != k->dim[r - 1]) return infer_fail(f, E_SHAPE, -1, "q rows have %s elements and k rows %s", text(f, q->dim[r - 1]), text(f, k->dim[r - 1]));
    if (k->dim[r - 2] != v->dim[r - 2]) return infer_fail(f, E_SHAPE, -1, "%s keys, but %s values", text(f, k->dim[r - 2]), text(f, v->dim[r - 2]));
    if (!sx_is_const(q->dim[r - 1]) || !sx_is_const(v->dim[r - 1])) return infer_fail(f, E_SHAPE, -1, "the size of a head must be known at compile time");
    const ir_sx *length = f->inst->index[0]; /* what is not certain is checked on every run */
    if (sx_max(length) < 0 || sx_max(sx_sub(&f->m->sx, k->dim[r - 2], length)) < 0)
        return infer_fail(f, E_SIZE, 1, "length is %s, but there are %s keys", text(f, length), text(f, k->dim[r - 2]));
    if (ir_int(f->inst, ATTR_AT(sdpa, window)) < 0) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(sdpa, window), "window must be 0 or more");
    ir_type t = *q;
    t.dim[r - 1] = v->dim[r - 1];
    f->out[0] = ir_tensor(f->m, q->dtype, r, t.dim);
    const ir_value *mask = ir_operand(f->inst, 3);
    if (!mask) return true;
    ir_type scores = t;
    scores.dim[r - 1] = k->dim[r - 2];
    const ir_sx *dim[IR_MAX_RANK];
    int rank;
    bool fits = broadcast_shapes(f->m, mask->type, &scores, &rank, dim) && rank == r;
    for (int i = 0; fits && i < r; i++) fits = dim[i] == scores.dim[i];
    if (!fits) return infer_fail(f, E_SHAPE, 3, "the mask does not broadcast to the scores %s", ir_type_text(f->m->arena, ir_tensor(f->m, q->dtype, r, scores.dim)));
    if (mask->type->dtype != DT_bool && mask->type->dtype != q->dtype) return infer_fail(f, E_DTYPE, 3, "the mask is %s; it takes bool or %s", dtype_name(mask->type->dtype), dtype_name(q->dtype));
    return true;
}

/* Every query meets every valid key, and weighs every value. */
int64_t mc_sdpa(const ir_inst *inst)
{
    const ir_type *q = inst->in[0]->type, *v = inst->in[2]->type;
    int64_t rows = 1, keys = sx_max(v->dim[v->rank - 2]), valid = sx_max(inst->index[0]);
    for (int i = 0; i < q->rank - 1; i++) rows = sat_mul(rows, sx_max(q->dim[i]));
    return sat_mul(sat_mul(rows, valid < keys ? valid : keys), sx_max(q->dim[q->rank - 1]) + sx_max(v->dim[v->rank - 1]));
}

bool sh_rope(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    const ir_value *positions = ir_operand(f->inst, 1);
    int64_t dim = ir_int(f->inst, ATTR_AT(rope, dim));
    if (x->rank < 1) return infer_fail(f, E_RANK, 0, "x must be [..., T, D]");
    const ir_sx *d = x->dim[x->rank - 1];
    if (!sx_is_const(d)) return infer_fail(f, E_SHAPE, 0, "the size of a row must be known at compile time");
    if (dim == 0 && sx_value(d) % 2) return infer_fail(f, E_SHAPE, 0, "pairs turn, but a row has %s elements", text(f, d));
    if (dim < 0 || dim > sx_value(d) || dim % 2)
        return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(rope, dim), "an even number of at most %s elements can turn", text(f, d));
    if (ir_float(f->inst, ATTR_AT(rope, base)) <= 0) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(rope, base), "base must be positive");
    if (positions && (positions->type->rank != 1 || x->rank < 2 || positions->type->dim[0] != x->dim[x->rank - 2]))
        return infer_fail(f, E_SHAPE, 1, "positions must be [T], one for each row");
    f->out[0] = x;
    return true;
}
