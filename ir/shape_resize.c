/* The shape rule of resize. */
#include <math.h>
#include <string.h>
#include "ir/shape.h"

static const char *text(const infer *f, const ir_sx *x) { return sx_text(f->m->arena, x); }

static bool is_mode(const ir_inst *inst, int attr, const char *mode) { return strcmp(inst->attr[attr].s, mode) == 0; }

/* How many axes scales, sizes and roi speak of, and the axis of entry k. */
static int entries(const ir_inst *inst)
{
    const ir_attr *axes = &inst->attr[ATTR_AT(resize, axes)];
    return axes->kind == IR_ATTR_NONE ? inst->in[0]->type->rank : axes->n;
}

static int axis_of(const ir_inst *inst, int k)
{
    const ir_attr *axes = &inst->attr[ATTR_AT(resize, axes)];
    if (axes->kind == IR_ATTR_NONE) return k;
    int64_t axis = sx_value(axes->sx[k]);
    return (int)(axis < 0 ? axis + inst->in[0]->type->rank : axis);
}

/* ONNX's factors are f32. */
static double factor_at(const ir_attr *scales, int k) { return (double)(float)scales->fs[k]; }

/* The one factor of all axes that a policy makes of sizes; extents and sizes are known then. */
static double common_factor(const ir_inst *inst)
{
    const ir_attr *sizes = &inst->attr[ATTR_AT(resize, sizes)];
    bool least = is_mode(inst, ATTR_AT(resize, keep_aspect_ratio_policy), "not_larger");
    double common = 0;
    for (int k = 0; k < entries(inst); k++) {
        double factor = (double)sx_value(sizes->sx[k]) / (double)sx_value(inst->in[0]->type->dim[axis_of(inst, k)]);
        if (k == 0 || (least ? factor < common : factor > common)) common = factor;
    }
    return common;
}

static bool has_policy(const ir_inst *inst)
{
    return inst->attr[ATTR_AT(resize, sizes)].n && !is_mode(inst, ATTR_AT(resize, keep_aspect_ratio_policy), "stretch");
}

void resize_axes(const ir_inst *inst, resize_axis axis[IR_MAX_RANK])
{
    const ir_type *x = inst->in[0]->type, *y = inst->out[0]->type;
    const ir_attr *scales = &inst->attr[ATTR_AT(resize, scales)];
    bool crops = is_mode(inst, ATTR_AT(resize, coordinate_transformation_mode), "tf_crop_and_resize");
    bool policy = has_policy(inst);
    for (int i = 0; i < x->rank; i++) axis[i] = (resize_axis){.entry = -1};
    for (int k = 0; k < entries(inst); k++) {
        int i = axis_of(inst, k);
        resize_axis a = {.entry = k, .factor = scales->n ? factor_at(scales, k) : policy ? common_factor(inst) : 0};
        a.exact = !scales->n && !policy && !ir_operand(inst, 2);
        bool one = sx_is(x->dim[i], 1) && sx_is(y->dim[i], 1); /* whatever the factor is, there is but one element */
        bool stays = one || (x->dim[i] == y->dim[i] && (a.exact || a.factor == 1));
        if (!stays || crops) axis[i] = a;
    }
}

/* ---- extents ------------------------------------------------------------------------------- */

/* floor(extent * factor): of a known extent in f32, as the standard's own shape inference has it, so that 10 * 0.7
 * is 7. Else exactly: a float is a whole number over a power of two. */
static bool scaled_extent(infer *f, const ir_sx *extent, double factor, const ir_sx **out)
{
    enum { MANTISSA = 24, MOST_SHIFT = 62 };
    sx_table *t = &f->m->sx;
    int exponent, shift = 0;
    int64_t whole = (int64_t)ldexp(frexp(factor, &exponent), MANTISSA);
    for (exponent -= MANTISSA; exponent < 0 && whole % 2 == 0; exponent++) whole /= 2;
    if (exponent < 0) shift = -exponent;
    double most = (double)sx_max(extent) * factor;
    if (most >= 0x1p40 || (shift > MOST_SHIFT && !sx_is_const(extent)) || (double)sx_max(extent) * (double)whole >= 0x1p62)
        return infer_fail_attr(f, E_SIZE, ATTR_AT(resize, scales), "the extent %s * %g is too large to work out", text(f, extent), factor);
    if (sx_is_const(extent)) {
        *out = sx_int(t, (int64_t)floorf((float)sx_value(extent) * (float)factor));
        return true;
    }
    if (exponent > 0) whole = (int64_t)ldexp((double)whole, exponent);
    const ir_sx *product = sx_mul(t, extent, sx_int(t, whole));
    *out = shift > MOST_SHIFT ? sx_int(t, 0) : shift ? sx_div(t, product, (int64_t)1 << shift) : product;
    return true;
}

static bool resized_extent(infer *f, int k, const ir_sx *extent, const ir_sx **out)
{
    const ir_attr *scales = &f->inst->attr[ATTR_AT(resize, scales)], *sizes = &f->inst->attr[ATTR_AT(resize, sizes)];
    if (!sizes->n) return scaled_extent(f, extent, factor_at(scales, k), out);
    *out = sizes->sx[k];
    if (has_policy(f->inst)) *out = sx_int(&f->m->sx, (int64_t)floor(common_factor(f->inst) * (double)sx_value(extent) + 0.5));
    if (sx_min(*out) < 0) return infer_fail_attr(f, E_SIZE, ATTR_AT(resize, sizes), "the extent %s can be negative", text(f, *out));
    return true;
}

/* ---- checks -------------------------------------------------------------------------------- */

static bool check_entries(infer *f, int n)
{
    const ir_attr *scales = &f->inst->attr[ATTR_AT(resize, scales)], *sizes = &f->inst->attr[ATTR_AT(resize, sizes)];
    const ir_value *roi = ir_operand(f->inst, 1), *scale = ir_operand(f->inst, 2);
    bool crops = is_mode(f->inst, ATTR_AT(resize, coordinate_transformation_mode), "tf_crop_and_resize");
    if (n && !scales->n && !sizes->n) return infer_fail_attr(f, E_ATTR_MISSING, ATTR_AT(resize, scales), scale ? "with the operand scale, sizes must say the extents" : "either scales or sizes must be given");
    if (scales->n && scales->n != n) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(resize, scales), "%d scales for %d axes", scales->n, n);
    if (sizes->n && sizes->n != n) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(resize, sizes), "%d sizes for %d axes", sizes->n, n);
    if (scale && scales->n) return infer_fail(f, E_OPERAND_TYPE, 2, "scales and the operand scale exclude each other");
    if (scale && (scale->type->rank != 1 || !sx_is(scale->type->dim[0], n))) return infer_fail(f, E_SHAPE, 2, "scale must be [%d], one factor an axis", n);
    if (crops && !roi) return infer_fail(f, E_OPERAND_MISSING, -1, "tf_crop_and_resize needs the operand roi");
    if (crops && (roi->type->rank != 1 || !sx_is(roi->type->dim[0], 2 * n))) return infer_fail(f, E_SHAPE, 1, "roi must be [%d]: a start for each axis, then an end for each", 2 * n);
    for (int k = 0; k < scales->n; k++)
        if (!(factor_at(scales, k) > 0) || isinf(factor_at(scales, k))) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(resize, scales), "%g is no factor: it must be positive", scales->fs[k]);
    return true;
}

static bool check_modes(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    bool nearest = is_mode(f->inst, ATTR_AT(resize, mode), "nearest");
    if (!nearest && x->dtype == DT_bool) return infer_fail(f, E_DTYPE, 0, "bools can only be taken from the nearest place");
    if (nearest && ir_int(f->inst, ATTR_AT(resize, antialias))) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(resize, antialias), "antialias is for linear and cubic");
    return true;
}

/* A policy compares sizes with extents: they must be numbers. */
static bool check_policy(infer *f, int n)
{
    const ir_attr *sizes = &f->inst->attr[ATTR_AT(resize, sizes)];
    int attr = ATTR_AT(resize, keep_aspect_ratio_policy);
    if (!has_policy(f->inst)) return true;
    if (f->inst->attr[ATTR_AT(resize, scales)].n || ir_operand(f->inst, 2)) return infer_fail_attr(f, E_ATTR_VALUE, attr, "a policy is for sizes without scales");
    for (int k = 0; k < n; k++)
        if (!sx_is_const(sizes->sx[k]) || !sx_is_const(f->inst->in[0]->type->dim[axis_of(f->inst, k)]))
            return infer_fail_attr(f, E_ATTR_VALUE, attr, "%s needs extents and sizes that are known at compile time", f->inst->attr[attr].s);
    return true;
}

bool sh_resize(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    const ir_attr *axes = &f->inst->attr[ATTR_AT(resize, axes)];
    uint32_t seen = 0;
    for (int k = 0; axes->kind != IR_ATTR_NONE && k < axes->n; k++) {
        int axis;
        if (!infer_axis_once(f, ATTR_AT(resize, axes), sx_value(axes->sx[k]), x->rank, &seen, &axis)) return false;
    }
    int n = entries(f->inst);
    if (!check_modes(f) || !check_entries(f, n)) return false;
    for (int k = 0; k < n; k++) {
        int i = axis_of(f->inst, k);
        if (sx_min(x->dim[i]) < 1) return infer_fail(f, E_SIZE, 0, "axis %d can be empty: there is nothing to resize", i);
    }
    if (!check_policy(f, n)) return false;
    ir_type y = *x;
    for (int k = 0; k < n; k++) {
        int i = axis_of(f->inst, k);
        if (!resized_extent(f, k, x->dim[i], &y.dim[i])) return false;
    }
    f->out[0] = ir_tensor(f->m, x->dtype, y.rank, y.dim);
    return true;
}
