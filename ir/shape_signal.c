/* Shape rules of signal processing: windows, filter banks, Fourier transforms. */
#include <math.h>
#include "ir/shape.h"

static const char *text(const infer *f, const ir_sx *x) { return sx_text(f->m->arena, x); }

/* An attribute that is one extent, 0 or more; NULL after a report. */
static const ir_sx *one_extent(infer *f, int attr)
{
    const ir_attr *a = &f->inst->attr[attr];
    const char *name = f->info->attr[attr].name;
    if (a->n != 1) {
        infer_fail_attr(f, E_ATTR_VALUE, attr, "%s must be one integer", name);
        return NULL;
    }
    if (sx_min(a->sx[0]) >= 0) return a->sx[0];
    infer_fail_attr(f, E_SIZE, attr, "%s = %s can be negative", name, text(f, a->sx[0]));
    return NULL;
}

static bool output_type(infer *f, int attr, nfc_dtype *dtype)
{
    *dtype = f->inst->attr[attr].t;
    if (f->info->types[0] >> *dtype & 1) return true;
    return infer_fail_attr(f, E_DTYPE, attr, "a result of %s is not supported", dtype_name(*dtype));
}

bool sh_window(infer *f)
{
    int size = op_attr_find(f->info, "size");
    nfc_dtype dtype;
    const ir_sx *n = one_extent(f, size);
    if (!n || !output_type(f, op_attr_find(f->info, "output_datatype"), &dtype)) return false;
    f->out[0] = ir_tensor(f->m, dtype, 1, &n);
    return true;
}

bool sh_mel_weight_matrix(infer *f)
{
    const ir_sx *bins = one_extent(f, ATTR_AT(mel_weight_matrix, num_mel_bins));
    const ir_sx *length = bins ? one_extent(f, ATTR_AT(mel_weight_matrix, dft_length)) : NULL;
    nfc_dtype dtype;
    if (!length || !output_type(f, ATTR_AT(mel_weight_matrix, output_datatype), &dtype)) return false;
    for (int i = 0; i < 2; i++)
        if (ir_max_elements(f->inst->in[i]->type) != 1) return infer_fail(f, E_SHAPE, i, "%s must be a scalar", f->info->in[i].name);
    const ir_sx *dim[2] = {sx_add(&f->m->sx, sx_div(&f->m->sx, length, 2), sx_int(&f->m->sx, 1)), bins};
    f->out[0] = ir_tensor(f->m, dtype, 2, dim);
    return true;
}

/* ---- transforms ---------------------------------------------------------------------------- */

/* How many parts of a length begin `step` apart and fit. */
static const ir_sx *parts_that_fit(sx_table *t, const ir_sx *all, const ir_sx *length, const ir_sx *step)
{
    return sx_add(t, sx_div(t, sx_sub(t, all, length), sx_value(step)), sx_int(t, 1));
}

/* Checks a step, and that parts can be counted. */
static bool check_steps(infer *f, int step_attr, int frames_attr, const ir_sx *all, const ir_sx *length)
{
    const ir_attr *step = &f->inst->attr[step_attr], *frames = &f->inst->attr[frames_attr];
    if (step->n != 1 || sx_min(step->sx[0]) < 1) return infer_fail_attr(f, E_ATTR_VALUE, step_attr, "the step must be one integer of 1 or more");
    if (sx_min(length) < 0) return infer_fail(f, E_SIZE, -1, "the length of a part, %s, can be negative", text(f, length));
    if (frames->n) return one_extent(f, frames_attr) != NULL;
    if (!sx_is_const(step->sx[0])) return infer_fail_attr(f, E_ATTR_MISSING, frames_attr, "with a step that only the run knows, `frames` must say how many there are");
    if (sx_min(sx_sub(&f->m->sx, all, length)) < 0) return infer_fail(f, E_SIZE, 0, "axis 1 has extent %s, which can be shorter than a part, %s", text(f, all), text(f, length));
    return true;
}

bool sh_frames(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    const ir_attr *step = &f->inst->attr[ATTR_AT(frames, frame_step)], *count = &f->inst->attr[ATTR_AT(frames, frames)];
    if (x->rank < 2 || x->rank + 1 > IR_MAX_RANK) return infer_fail(f, E_RANK, 0, "x must have from 2 to %d axes", IR_MAX_RANK - 1);
    const ir_sx *length = one_extent(f, ATTR_AT(frames, frame_length));
    if (!length || !check_steps(f, ATTR_AT(frames, frame_step), ATTR_AT(frames, frames), x->dim[1], length)) return false;
    const ir_sx *dim[IR_MAX_RANK] = {x->dim[0], count->n ? count->sx[0] : parts_that_fit(&f->m->sx, x->dim[1], length, step->sx[0]), length};
    for (int i = 2; i < x->rank; i++) dim[i + 1] = x->dim[i];
    f->out[0] = ir_tensor(f->m, x->dtype, x->rank + 1, dim);
    return true;
}

dft_lengths dft_lengths_of(ir_module *m, const ir_inst *inst)
{
    sx_table *t = &m->sx;
    const ir_type *x = inst->in[0]->type;
    const ir_attr *length = &inst->attr[ATTR_AT(dft, dft_length)];
    int64_t axis = ir_int(inst, ATTR_AT(dft, axis));
    dft_lengths d = {.axis = (int)(axis < 0 ? axis + x->rank : axis), .inverse = ir_int(inst, ATTR_AT(dft, inverse)), .onesided = ir_int(inst, ATTR_AT(dft, onesided))};
    d.in = x->dim[d.axis];
    d.length = length->n ? length->sx[0] : d.inverse && d.onesided ? sx_mul(t, sx_sub(t, d.in, sx_int(t, 1)), sx_int(t, 2)) : d.in;
    d.out = d.onesided && !d.inverse ? sx_add(t, sx_div(t, d.length, 2), sx_int(t, 1)) : d.length;
    d.parts_in = (int)sx_value(x->dim[x->rank - 1]);
    d.parts_out = d.onesided && d.inverse ? 1 : 2;
    return d;
}

bool sh_dft(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    const ir_attr *length = &f->inst->attr[ATTR_AT(dft, dft_length)];
    int axis;
    if (x->rank < 2) return infer_fail(f, E_RANK, 0, "input must be [..., 1] or [..., 2], and have the axis of the transform");
    if (!sx_is(x->dim[x->rank - 1], 1) && !sx_is(x->dim[x->rank - 1], 2)) return infer_fail(f, E_SHAPE, 0, "the last axis has extent %s; it must be 1 (real) or 2 (complex)", text(f, x->dim[x->rank - 1]));
    if (!infer_axis(f, ATTR_AT(dft, axis), ir_int(f->inst, ATTR_AT(dft, axis)), x->rank, &axis)) return false;
    if (axis == x->rank - 1) return infer_fail_attr(f, E_AXIS, ATTR_AT(dft, axis), "the last axis holds real and imaginary parts");
    if (length->kind != IR_ATTR_NONE && !one_extent(f, ATTR_AT(dft, dft_length))) return false;
    dft_lengths d = dft_lengths_of(f->m, f->inst);
    if (sx_min(d.in) < 1) return infer_fail(f, E_SIZE, 0, "axis %d can be empty: there is nothing to transform", d.axis);
    if (sx_min(d.length) < 1) return infer_fail(f, E_SIZE, 0, "the transform has length %s, which can be less than 1", text(f, d.length));
    ir_type y = *x;
    y.dim[d.axis] = d.out;
    y.dim[x->rank - 1] = sx_int(&f->m->sx, d.parts_out);
    f->out[0] = ir_tensor(f->m, x->dtype, y.rank, y.dim);
    return true;
}

stft_lengths stft_lengths_of(ir_module *m, const ir_inst *inst)
{
    const ir_value *weights = ir_operand(inst, 1);
    const ir_attr *length = &inst->attr[ATTR_AT(stft, frame_length)], *frames = &inst->attr[ATTR_AT(stft, frames)];
    const ir_sx *all = inst->in[0]->type->dim[1], *step = inst->attr[ATTR_AT(stft, frame_step)].sx[0];
    stft_lengths s = {.length = length->n ? length->sx[0] : weights ? weights->type->dim[0] : all};
    s.part = weights ? weights->type->dim[0] : s.length;
    s.frames = frames->n ? frames->sx[0] : sx_is_const(step) && sx_value(step) > 0 ? parts_that_fit(&m->sx, all, s.length, step) : NULL;
    return s;
}

bool sh_stft(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    const ir_value *weights = ir_operand(f->inst, 1);
    const ir_attr *length = &f->inst->attr[ATTR_AT(stft, frame_length)], *step = &f->inst->attr[ATTR_AT(stft, frame_step)];
    if (x->rank != 3) return infer_fail(f, E_RANK, 0, "signal must be [N, length, 1] or [N, length, 2]");
    if (!sx_is(x->dim[2], 1) && !sx_is(x->dim[2], 2)) return infer_fail(f, E_SHAPE, 0, "the last axis has extent %s; it must be 1 (real) or 2 (complex)", text(f, x->dim[2]));
    if (weights && weights->type->rank != 1) return infer_fail(f, E_RANK, 1, "window must be a vector");
    if (length->kind != IR_ATTR_NONE && !one_extent(f, ATTR_AT(stft, frame_length))) return false;
    if (step->n != 1) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(stft, frame_step), "the step must be one integer of 1 or more");
    stft_lengths s = stft_lengths_of(f->m, f->inst);
    if (!check_steps(f, ATTR_AT(stft, frame_step), ATTR_AT(stft, frames), x->dim[1], s.length)) return false;
    if (sx_min(s.length) < 1) return infer_fail(f, E_SIZE, 0, "the transform has length %s, which can be less than 1", text(f, s.length));
    const ir_sx *bins = ir_int(f->inst, ATTR_AT(stft, onesided)) ? sx_add(&f->m->sx, sx_div(&f->m->sx, s.length, 2), sx_int(&f->m->sx, 1)) : s.length;
    const ir_sx *dim[4] = {x->dim[0], s.frames, bins, sx_int(&f->m->sx, 2)};
    f->out[0] = ir_tensor(f->m, x->dtype, 4, dim);
    return true;
}
