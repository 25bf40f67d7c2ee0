/* Shape rules of what undoes windows: max_unpool and col2im. */
#include "ir/shape.h"

static const char *text(const infer *f, const ir_sx *x) { return sx_text(f->m->arena, x); }

static int64_t item(const ir_inst *inst, const char *name, int i, int64_t fallback)
{
    const ir_attr *a = ir_attr_named(inst, name);
    return a && i < a->n ? sx_value(a->sx[i]) : fallback;
}

static void read_window(const ir_inst *inst, const char *kernel, int n, window *w)
{
    *w = (window){.n = n};
    for (int i = 0; i < n; i++) {
        w->kernel[i] = item(inst, kernel, i, 1);
        w->stride[i] = item(inst, "strides", i, 1);
        w->dilation[i] = item(inst, "dilations", i, 1);
        w->before[i] = item(inst, "pads", i, 0);
        w->after[i] = item(inst, "pads", i + n, 0);
    }
}

static bool check_window(infer *f, const char *kernel, int n)
{
    return infer_list(f, kernel, n, 1) && infer_list(f, "strides", n, 1) &&
           infer_list(f, "dilations", n, 1) && infer_list(f, "pads", 2 * n, 0);
}

/* ---- max_unpool ---------------------------------------------------------------------------- */

void unpool_window(ir_module *m, const ir_inst *inst, window *w)
{
    const ir_type *x = inst->in[0]->type;
    sx_table *t = &m->sx;
    read_window(inst, "kernel_shape", x->rank - 2, w);
    for (int i = 0; i < w->n; i++) {
        w->in[i] = x->dim[2 + i];
        const ir_sx *steps = sx_mul(t, sx_sub(t, w->in[i], sx_int(t, 1)), sx_int(t, w->stride[i]));
        w->out[i] = sx_add(t, steps, sx_int(t, w->kernel[i] - w->before[i] - w->after[i]));
    }
}

bool sh_max_unpool(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    const ir_attr *shape = &f->inst->attr[ATTR_AT(max_unpool, output_shape)];
    if (x->rank < 3 || x->rank > 5)
        return infer_fail(f, E_RANK, 0, "x must be [N, C, spatial...] with 1 to 3 spatial axes");
    if (!ir_same_shape(x, f->inst->in[1]->type))
        return infer_fail(f, E_SHAPE, 1, "i must have the shape of x");
    if (!check_window(f, "kernel_shape", x->rank - 2)) return false;
    if (shape->n && shape->n != x->rank)
        return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(max_unpool, output_shape),
                               "output_shape has %d numbers where %d are needed", shape->n,
                               x->rank);
    window w;
    unpool_window(f->m, f->inst, &w);
    const ir_sx *dim[5];
    for (int i = 0; i < x->rank; i++) {
        const ir_sx *pooled = i < 2 ? x->dim[i] : w.out[i - 2];
        dim[i] = shape->n ? shape->sx[i] : pooled;
        if (sx_min(pooled) < 1)
            return infer_fail(f, E_SHAPE, 0,
                              "the window does not fit: axis %d would have extent %s", i,
                              text(f, pooled));
        if (sx_min(sx_sub(&f->m->sx, dim[i], pooled)) < 0)
            return infer_fail_attr(f, E_SHAPE, ATTR_AT(max_unpool, output_shape),
                                   "output_shape has %s on axis %d, but the window makes %s",
                                   text(f, dim[i]), i, text(f, pooled));
    }
    f->out[0] = ir_tensor(f->m, x->dtype, x->rank, dim);
    return true;
}

/* ---- col2im -------------------------------------------------------------------------------- */

void col2im_window(ir_module *m, const ir_inst *inst, window *w)
{
    const ir_attr *image = &inst->attr[ATTR_AT(col2im, image_shape)];
    sx_table *t = &m->sx;
    read_window(inst, "block_shape", image->n, w);
    for (int i = 0; i < w->n; i++) {
        w->out[i] = image->sx[i];
        int64_t reach = (w->kernel[i] - 1) * w->dilation[i] + 1;
        const ir_sx *room = sx_add(t, w->out[i], sx_int(t, w->before[i] + w->after[i] - reach));
        w->in[i] = sx_add(t, sx_div(t, room, w->stride[i]), sx_int(t, 1));
    }
}

bool sh_col2im(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    const ir_attr *image = &f->inst->attr[ATTR_AT(col2im, image_shape)];
    sx_table *t = &f->m->sx;
    if (x->rank != 3)
        return infer_fail(f, E_RANK, 0, "input must be [N, C * elements of a window, windows]");
    if (image->n < 1 || image->n > 3)
        return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(col2im, image_shape),
                               "image_shape must have 1 to 3 extents");
    if (!check_window(f, "block_shape", image->n)) return false;
    window w;
    col2im_window(f->m, f->inst, &w);
    const ir_sx *taps = sx_int(t, 1), *windows = sx_int(t, 1), *dim[5] = {x->dim[0]};
    for (int i = 0; i < w.n; i++) {
        int64_t reach = (w.kernel[i] - 1) * w.dilation[i] + 1;
        if (sx_min(w.out[i]) < 0 || sx_min(w.out[i]) + w.before[i] + w.after[i] < reach)
            return infer_fail_attr(
                f, E_SHAPE, ATTR_AT(col2im, image_shape),
                "the window of %lld does not fit into spatial axis %d of extent %s with its pads",
                (long long)reach, i, text(f, w.out[i]));
        taps = sx_mul(t, taps, sx_int(t, w.kernel[i]));
        windows = sx_mul(t, windows, w.in[i]);
        dim[2 + i] = w.out[i];
    }
    dim[1] = sx_exact_div(t, x->dim[1], taps);
    if (!dim[1])
        return infer_fail(f, E_SHAPE, 0,
                          "axis 1 has extent %s, which is no multiple of the window's %s elements",
                          text(f, x->dim[1]), text(f, taps));
    if (windows != x->dim[2])
        return infer_fail(f, E_SHAPE, 0, "the image has %s windows, but axis 2 extent %s",
                          text(f, windows), text(f, x->dim[2]));
    f->out[0] = ir_tensor(f->m, x->dtype, 2 + w.n, dim);
    return true;
}
