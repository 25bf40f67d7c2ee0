/* Shape rules of ops that move elements. */
#include <string.h>
#include "ir/shape.h"

static const char *text(const infer *f, const ir_sx *x) { return sx_text(f->m->arena, x); }

/* Do the two differ whatever the symbols are? Where neither that nor the contrary can be shown, a run
 * compares them. */
static bool never_equal(infer *f, const ir_sx *a, const ir_sx *b)
{
    int64_t lo, hi;
    sx_range(sx_sub(&f->m->sx, a, b), &lo, &hi);
    return lo > 0 || hi < 0;
}

/* ---- views --------------------------------------------------------------------------------- */

/* The extent that stands for -1: what is left of all elements. A run sees whether something remains. */
static const ir_sx *open_extent(infer *f, const ir_sx *all, const ir_sx *known)
{
    const ir_sx *exact = sx_exact_div(&f->m->sx, all, known);
    if (exact || !sx_is_const(known) || sx_value(known) <= 0) return exact;
    const ir_sx *rest = sx_mod(&f->m->sx, all, sx_value(known));
    return sx_min(rest) > 0 ? NULL : sx_div(&f->m->sx, all, sx_value(known));
}

static bool reshape_extents(infer *f, const ir_type *x, ir_type *t)
{
    const ir_attr *shape = &f->inst->attr[ATTR_AT(reshape, shape)];
    bool zero_copies = !ir_int(f->inst, ATTR_AT(reshape, allowzero));
    sx_table *sx = &f->m->sx;
    int open = -1;
    if (shape->n > IR_MAX_RANK) return infer_fail_attr(f, E_RANK, ATTR_AT(reshape, shape), "rank %d is over the highest, %d", shape->n, IR_MAX_RANK);
    t->rank = shape->n;
    const ir_sx *known = sx_int(sx, 1);
    for (int i = 0; i < shape->n; i++) {
        const ir_sx *e = shape->sx[i];
        if (sx_is(e, -1)) {
            if (open >= 0) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(reshape, shape), "only one extent can be -1");
            open = i;
            continue;
        }
        if (sx_is(e, 0) && zero_copies) {
            if (i >= x->rank) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(reshape, shape), "extent %d is 0, but the operand has no such axis to copy", i);
            e = x->dim[i];
        }
        if (sx_min(e) < 0) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(reshape, shape), "extent %s can be negative", text(f, e));
        t->dim[i] = e;
        known = sx_mul(sx, known, e);
    }
    const ir_sx *all = ir_elements(f->m, x);
    if (open >= 0) {
        t->dim[open] = open_extent(f, all, known);
        if (!t->dim[open]) return infer_fail_attr(f, E_SHAPE, ATTR_AT(reshape, shape), "the operand's %s elements cannot be divided by %s for the -1", text(f, all), text(f, known));
    } else if (never_equal(f, all, known)) {
        return infer_fail_attr(f, E_SHAPE, ATTR_AT(reshape, shape), "the operand has %s elements, the shape %s", text(f, all), text(f, known));
    }
    return true;
}

static bool squeeze_extents(infer *f, const ir_type *x, ir_type *t)
{
    const ir_attr *axes = &f->inst->attr[ATTR_AT(squeeze, axes)];
    uint32_t drop = 0;
    for (int i = 0; i < x->rank && axes->kind == IR_ATTR_NONE; i++) drop |= (uint32_t)sx_is(x->dim[i], 1) << i;
    for (int i = 0; i < axes->n; i++) {
        int axis;
        if (!infer_axis(f, ATTR_AT(squeeze, axes), sx_value(axes->sx[i]), x->rank, &axis)) return false;
        if (never_equal(f, x->dim[axis], sx_int(&f->m->sx, 1))) return infer_fail(f, E_SHAPE, 0, "axis %d has extent %s, not 1", axis, text(f, x->dim[axis]));
        drop |= 1u << axis;
    }
    for (int i = 0; i < x->rank; i++)
        if (!(drop >> i & 1)) t->dim[t->rank++] = x->dim[i];
    return true;
}

static bool unsqueeze_extents(infer *f, const ir_type *x, ir_type *t)
{
    const ir_attr *axes = &f->inst->attr[ATTR_AT(unsqueeze, axes)];
    uint32_t added = 0;
    t->rank = x->rank + axes->n;
    if (t->rank > IR_MAX_RANK) return infer_fail_attr(f, E_RANK, ATTR_AT(unsqueeze, axes), "rank %d is over the highest, %d", t->rank, IR_MAX_RANK);
    for (int i = 0; i < axes->n; i++) {
        int axis;
        if (!infer_axis_once(f, ATTR_AT(unsqueeze, axes), sx_value(axes->sx[i]), t->rank, &added, &axis)) return false;
    }
    for (int i = 0, k = 0; i < t->rank; i++) t->dim[i] = added >> i & 1 ? sx_int(&f->m->sx, 1) : x->dim[k++];
    return true;
}

static bool flatten_extents(infer *f, const ir_type *x, ir_type *t)
{
    int64_t axis = ir_int(f->inst, ATTR_AT(flatten, axis));
    if (axis < -x->rank || axis > x->rank) return infer_fail_attr(f, E_AXIS, ATTR_AT(flatten, axis), "axis %lld is outside of rank %d", (long long)axis, x->rank);
    if (axis < 0) axis += x->rank;
    t->rank = 2;
    t->dim[0] = t->dim[1] = sx_int(&f->m->sx, 1);
    for (int i = 0; i < x->rank; i++) t->dim[i >= axis] = sx_mul(&f->m->sx, t->dim[i >= axis], x->dim[i]);
    return true;
}

bool sh_reshape(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    ir_type t = {.rank = 0};
    bool ok = false;
    switch (f->inst->op) {
    case IR_reshape: ok = reshape_extents(f, x, &t); break;
    case IR_squeeze: ok = squeeze_extents(f, x, &t); break;
    case IR_unsqueeze: ok = unsqueeze_extents(f, x, &t); break;
    case IR_flatten: ok = flatten_extents(f, x, &t); break;
    default: break;
    }
    if (ok) f->out[0] = ir_tensor(f->m, x->dtype, t.rank, t.dim);
    return ok;
}

/* ---- permutations, slices, joins ----------------------------------------------------------- */

bool sh_transpose(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    const ir_attr *perm = &f->inst->attr[ATTR_AT(transpose, perm)];
    ir_type t = *x;
    uint32_t seen = 0;
    if (perm->kind != IR_ATTR_NONE && perm->n != x->rank)
        return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(transpose, perm), "perm has %d axes, the operand %d", perm->n, x->rank);
    for (int i = 0; i < x->rank; i++) {
        int64_t from = perm->kind == IR_ATTR_NONE ? x->rank - 1 - i : sx_value(perm->sx[i]);
        if (from < 0 || from >= x->rank || (seen >> from & 1))
            return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(transpose, perm), "perm is not a permutation of 0 to %d", x->rank - 1);
        seen |= 1u << from;
        t.dim[i] = x->dim[from];
    }
    f->out[0] = ir_tensor(f->m, x->dtype, t.rank, t.dim);
    return true;
}

/* ONNX's rules for constants: negative counts from the end, then clamped to [lo, hi]. */
static int64_t clamp_bound(int64_t v, int64_t extent, int64_t lo, int64_t hi)
{
    if (v < 0) v += extent;
    return v < lo ? lo : v > hi ? hi : v;
}

static void slice_one(ir_module *m, bool exact, const ir_sx *extent, const ir_sx *start, const ir_sx *end, int64_t step, slice_axis *out)
{
    sx_table *t = &m->sx;
    out->step = step;
    if (!exact && sx_is_const(extent) && sx_is_const(start) && sx_is_const(end)) {
        int64_t n = sx_value(extent), a = sx_value(start), b = sx_value(end), count;
        a = step > 0 ? clamp_bound(a, n, 0, n) : clamp_bound(a, n, 0, n - 1);
        b = step > 0 ? clamp_bound(b, n, 0, n) : clamp_bound(b, n, -1, n - 1);
        int64_t span = n == 0 ? 0 : step > 0 ? b - a : a - b, by = step > 0 ? step : -step;
        count = span > 0 ? (span - 1) / by + 1 : 0;
        out->start = sx_int(t, a);
        out->extent = sx_int(t, count);
        return;
    }
    if (!exact) {
        if (sx_max(start) < 0) start = sx_add(t, extent, start);
        if (sx_max(end) < 0) end = sx_add(t, extent, end);
        if (sx_min(end) >= sx_max(extent)) end = extent; /* "to the end", written as a large number */
    }
    out->start = start;
    const ir_sx *span = step > 0 ? sx_sub(t, end, start) : sx_sub(t, start, end);
    int64_t by = step > 0 ? step : -step;
    out->extent = sx_div(t, sx_add(t, span, sx_int(t, by - 1)), by);
}

void slice_axes(ir_module *m, const ir_inst *inst, slice_axis axis[IR_MAX_RANK])
{
    const ir_type *x = inst->in[0]->type;
    const ir_attr *starts = &inst->attr[ATTR_AT(slice, starts)], *ends = &inst->attr[ATTR_AT(slice, ends)];
    const ir_attr *axes = &inst->attr[ATTR_AT(slice, axes)], *steps = &inst->attr[ATTR_AT(slice, steps)];
    for (int i = 0; i < x->rank; i++) axis[i] = (slice_axis){sx_int(&m->sx, 0), x->dim[i], 1};
    for (int k = 0; k < starts->n; k++) {
        int64_t i = axes->n ? sx_value(axes->sx[k]) : k;
        if (i < 0) i += x->rank;
        slice_one(m, ir_int(inst, ATTR_AT(slice, exact)), x->dim[i], starts->sx[k], ends->sx[k], steps->n ? sx_value(steps->sx[k]) : 1, &axis[i]);
    }
}

bool sh_slice(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    const ir_attr *starts = &f->inst->attr[ATTR_AT(slice, starts)], *ends = &f->inst->attr[ATTR_AT(slice, ends)];
    const ir_attr *axes = &f->inst->attr[ATTR_AT(slice, axes)], *steps = &f->inst->attr[ATTR_AT(slice, steps)];
    if (ends->n != starts->n) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(slice, ends), "%d starts, but %d ends", starts->n, ends->n);
    if (axes->n && axes->n != starts->n) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(slice, axes), "%d starts, but %d axes", starts->n, axes->n);
    if (steps->n && steps->n != starts->n) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(slice, steps), "%d starts, but %d steps", starts->n, steps->n);
    uint32_t seen = 0;
    for (int k = 0; k < starts->n; k++) {
        int axis;
        if (!infer_axis_once(f, axes->n ? ATTR_AT(slice, axes) : ATTR_AT(slice, starts), axes->n ? sx_value(axes->sx[k]) : k, x->rank, &seen, &axis)) return false;
        if (steps->n && sx_value(steps->sx[k]) == 0) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(slice, steps), "a step must not be 0");
        if (steps->n && sx_value(steps->sx[k]) == INT64_MIN) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(slice, steps), "a step of -2^63 is out of range");
    }
    slice_axis s[IR_MAX_RANK];
    slice_axes(f->m, f->inst, s);
    ir_type t = *x;
    for (int i = 0; i < x->rank; i++) {
        t.dim[i] = s[i].extent;
        const ir_sx *left = sx_sub(&f->m->sx, x->dim[i], s[i].extent);
        bool exact = ir_int(f->inst, ATTR_AT(slice, exact)); /* the run sees to it that it fits */
        if (sx_min(s[i].extent) < 0 || (exact ? sx_max(left) : sx_min(left)) < 0)
            return infer_fail_attr(f, E_SIZE, ATTR_AT(slice, starts), "the extent %s of axis %d cannot be shown to lie between 0 and %s", text(f, s[i].extent), i, text(f, x->dim[i]));
    }
    f->out[0] = ir_tensor(f->m, x->dtype, t.rank, t.dim);
    return true;
}

bool sh_concat(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    int axis;
    if (x->rank == 0) return infer_fail(f, E_RANK, 0, "scalars cannot be joined; unsqueeze them first");
    if (!infer_axis(f, ATTR_AT(concat, axis), ir_int(f->inst, ATTR_AT(concat, axis)), x->rank, &axis)) return false;
    ir_type t = *x;
    for (int i = 1; i < f->inst->nin; i++) {
        const ir_type *y = f->inst->in[i]->type;
        if (y->rank != x->rank) return infer_fail(f, E_RANK, i, "inputs[%d] has rank %d, inputs[0] %d", i, y->rank, x->rank);
        for (int k = 0; k < x->rank; k++)
            if (k != axis && y->dim[k] != x->dim[k])
                return infer_fail(f, E_SHAPE, i, "inputs[%d] has extent %s on axis %d, where inputs[0] has %s", i, text(f, y->dim[k]), k, text(f, x->dim[k]));
        t.dim[axis] = sx_add(&f->m->sx, t.dim[axis], y->dim[axis]);
    }
    f->out[0] = ir_tensor(f->m, x->dtype, t.rank, t.dim);
    return true;
}

bool sh_split(infer *f)
{
    enum { MAX_PARTS = 64 };
    const ir_type *x = f->inst->in[0]->type;
    const ir_attr *split = &f->inst->attr[ATTR_AT(split, split)];
    int64_t parts = ir_int(f->inst, ATTR_AT(split, num_outputs));
    int axis;
    if (x->rank == 0) return infer_fail(f, E_RANK, 0, "a scalar cannot be split");
    if (!infer_axis(f, ATTR_AT(split, axis), ir_int(f->inst, ATTR_AT(split, axis)), x->rank, &axis)) return false;
    if (parts == 0) parts = split->n ? split->n : f->nresult;
    if (parts != f->nresult || (split->n && split->n != parts))
        return infer_fail(f, E_RESULTS, -1, "it makes %lld parts, but %d names stand for them", (long long)(split->n ? split->n : parts), f->nresult);
    if (parts > MAX_PARTS) return infer_fail(f, E_RESULTS, -1, "more than %d parts", MAX_PARTS);
    sx_table *s = &f->m->sx;
    const ir_sx *extent = x->dim[axis], *left = extent, *each = sx_div(s, sx_add(s, extent, sx_int(s, parts - 1)), parts);
    const ir_sx *equal = sx_exact_div(s, extent, sx_int(s, parts));
    for (int i = 0; i < parts; i++) {
        const ir_sx *part = split->n ? split->sx[i] : equal ? equal : i + 1 < parts ? each : left;
        if (sx_min(part) < 0) return infer_fail(f, E_ATTR_VALUE, 0, sx_is_const(part) ? "part %d would have extent %s" : "part %d can have a negative extent, %s", i, text(f, part));
        ir_type t = *x;
        t.dim[axis] = part;
        f->out[i] = ir_tensor(f->m, x->dtype, t.rank, t.dim);
        left = sx_sub(s, left, part);
    }
    if (!sx_is(left, 0)) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(split, split), "the parts make %s, the axis has %s", text(f, sx_sub(s, extent, left)), text(f, extent));
    return true;
}

/* What negative pads leave is what the other side repeats. Where something is repeated it must be known
 * which pads are negative. */
static bool pad_axis_ok(infer *f, const ir_sx *extent, int axis, const ir_sx *before, const ir_sx *after, bool repeats)
{
    int attr = ATTR_AT(pad, pads);
    sx_table *t = &f->m->sx;
    const ir_sx *kept = extent;
    for (int i = 0; i < 2; i++) {
        const ir_sx *pad = i ? after : before;
        if (sx_max(pad) <= 0) kept = sx_add(t, kept, pad);
        else if (sx_min(pad) < 0 && repeats) return infer_fail_attr(f, E_ATTR_VALUE, attr, "whether the pad %s of axis %d is negative must be known at compile time", text(f, pad), axis);
    }
    bool known = sx_min(kept) >= 0 && sx_min(sx_add(t, extent, sx_add(t, before, after))) >= 0;
    if (!known) return infer_fail_attr(f, E_SIZE, attr, "more is cut off axis %d than its extent %s", axis, text(f, extent));
    if (repeats && (sx_max(before) > 0 || sx_max(after) > 0) && sx_min(kept) < 1) return infer_fail_attr(f, E_SIZE, attr, "axis %d can be empty: there is nothing to repeat", axis);
    return true;
}

bool sh_pad(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    const ir_attr *pads = &f->inst->attr[ATTR_AT(pad, pads)], *axes = &f->inst->attr[ATTR_AT(pad, axes)];
    const char *mode = f->inst->attr[ATTR_AT(pad, mode)].s;
    const ir_value *value = ir_operand(f->inst, 1);
    int n = axes->kind == IR_ATTR_NONE ? x->rank : axes->n;
    if (pads->n != 2 * n) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(pad, pads), "pads has %d numbers where %d are needed", pads->n, 2 * n);
    if (value && value->type->rank > 0 && ir_max_elements(value->type) != 1) return infer_fail(f, E_SHAPE, 1, "constant_value must be a scalar");
    ir_type t = *x;
    uint32_t seen = 0;
    for (int k = 0; k < n; k++) {
        int axis = k;
        if (axes->kind != IR_ATTR_NONE && !infer_axis_once(f, ATTR_AT(pad, axes), sx_value(axes->sx[k]), x->rank, &seen, &axis)) return false;
        if (!pad_axis_ok(f, x->dim[axis], axis, pads->sx[k], pads->sx[k + n], strcmp(mode, "constant") != 0)) return false;
        t.dim[axis] = sx_add(&f->m->sx, x->dim[axis], sx_add(&f->m->sx, pads->sx[k], pads->sx[k + n]));
    }
    f->out[0] = ir_tensor(f->m, x->dtype, t.rank, t.dim);
    return true;
}

/* ---- choosing ------------------------------------------------------------------------------ */

const ir_sx *chosen_may_be_empty(const ir_inst *inst)
{
    if (inst->op != IR_gather && inst->op != IR_gather_elements) return NULL;
    const ir_type *x = inst->in[0]->type;
    int64_t axis = inst->op == IR_gather ? ir_int(inst, ATTR_AT(gather, axis)) : ir_int(inst, ATTR_AT(gather_elements, axis));
    const ir_sx *extent = x->dim[axis < 0 ? axis + x->rank : axis];
    return sx_min(extent) < 1 ? extent : NULL;
}

bool sh_gather(infer *f)
{
    const ir_type *x = f->inst->in[0]->type, *i = f->inst->in[1]->type;
    int axis;
    if (x->rank == 0) return infer_fail(f, E_RANK, 0, "a scalar has no axis to choose from");
    if (!infer_axis(f, ATTR_AT(gather, axis), ir_int(f->inst, ATTR_AT(gather, axis)), x->rank, &axis)) return false;
    if (sx_max(x->dim[axis]) < 1) return infer_fail(f, E_SIZE, 0, "axis %d is empty: there is nothing to choose from", axis);
    if (x->rank - 1 + i->rank > IR_MAX_RANK) return infer_fail(f, E_RANK, -1, "the result's rank is over the highest, %d", IR_MAX_RANK);
    const ir_sx *dim[2 * IR_MAX_RANK];
    int rank = 0;
    for (int k = 0; k < axis; k++) dim[rank++] = x->dim[k];
    for (int k = 0; k < i->rank; k++) dim[rank++] = i->dim[k];
    for (int k = axis + 1; k < x->rank; k++) dim[rank++] = x->dim[k];
    f->out[0] = ir_tensor(f->m, x->dtype, rank, dim);
    return true;
}

bool sh_gather_elements(infer *f)
{
    const ir_type *x = f->inst->in[0]->type, *i = f->inst->in[1]->type;
    int axis;
    if (x->rank == 0 || i->rank != x->rank) return infer_fail(f, E_RANK, -1, "data and indices must have one rank, 1 or more");
    if (!infer_axis(f, ATTR_AT(gather_elements, axis), ir_int(f->inst, ATTR_AT(gather_elements, axis)), x->rank, &axis)) return false;
    if (sx_max(x->dim[axis]) < 1) return infer_fail(f, E_SIZE, 0, "axis %d is empty: there is nothing to choose from", axis);
    for (int k = 0; k < x->rank; k++)
        if (k != axis && sx_min(sx_sub(&f->m->sx, x->dim[k], i->dim[k])) < 0)
            return infer_fail(f, E_SHAPE, 1, "indices has extent %s on axis %d, data only %s", text(f, i->dim[k]), k, text(f, x->dim[k]));
    f->out[0] = ir_tensor(f->m, x->dtype, i->rank, i->dim);
    return true;
}

/* What is known to be 1 repeats; other extents are equal, or a run says that they are not. */
static bool expand_extent(infer *f, int axis, const ir_sx *from, const ir_sx *to, const ir_sx **dim)
{
    if (sx_min(to) < 0) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(expand, shape), "extent %s can be negative", text(f, to));
    *dim = sx_is(to, 1) ? from : to;
    if (sx_is(from, 1) || sx_is(to, 1) || !never_equal(f, from, to)) return true;
    return infer_fail(f, E_SHAPE, 0, "extent %s of axis %d does not broadcast to %s", text(f, from), axis, text(f, to));
}

bool sh_expand(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    const ir_attr *shape = &f->inst->attr[ATTR_AT(expand, shape)];
    if (shape->n > IR_MAX_RANK) return infer_fail_attr(f, E_RANK, ATTR_AT(expand, shape), "rank %d is over the highest, %d", shape->n, IR_MAX_RANK);
    const ir_sx *dim[IR_MAX_RANK], *one = sx_int(&f->m->sx, 1);
    int rank = x->rank > shape->n ? x->rank : shape->n;
    for (int i = 0; i < rank; i++) {
        int from = i - (rank - x->rank), to = i - (rank - shape->n);
        if (!expand_extent(f, from, from < 0 ? one : x->dim[from], to < 0 ? one : shape->sx[to], &dim[i])) return false;
    }
    f->out[0] = ir_tensor(f->m, x->dtype, rank, dim);
    return true;
}

bool sh_tile(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    const ir_attr *repeats = &f->inst->attr[ATTR_AT(tile, repeats)];
    if (repeats->n != x->rank) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(tile, repeats), "%d repeats for %d axes", repeats->n, x->rank);
    ir_type t = *x;
    for (int i = 0; i < x->rank; i++) {
        if (sx_min(repeats->sx[i]) < 0) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(tile, repeats), "the number of repeats %s can be negative", text(f, repeats->sx[i]));
        t.dim[i] = sx_mul(&f->m->sx, x->dim[i], repeats->sx[i]);
    }
    f->out[0] = ir_tensor(f->m, x->dtype, t.rank, t.dim);
    return true;
}

static bool block_size(infer *f, int attr, int64_t *b)
{
    *b = ir_int(f->inst, attr);
    if (f->inst->in[0]->type->rank != 4) return infer_fail(f, E_RANK, 0, "the operand must be [N, C, H, W]");
    if (*b < 1 || *b > 4096) return infer_fail_attr(f, E_ATTR_VALUE, attr, "blocksize must be from 1 to 4096");
    return true;
}

bool sh_depth_to_space(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    int64_t b;
    if (!block_size(f, ATTR_AT(depth_to_space, blocksize), &b)) return false;
    const ir_sx *side = sx_int(&f->m->sx, b);
    const ir_sx *c = sx_exact_div(&f->m->sx, x->dim[1], sx_int(&f->m->sx, b * b));
    if (!c) return infer_fail(f, E_SHAPE, 0, "%s channels are not a multiple of %lld", text(f, x->dim[1]), (long long)(b * b));
    const ir_sx *dim[4] = {x->dim[0], c, sx_mul(&f->m->sx, x->dim[2], side), sx_mul(&f->m->sx, x->dim[3], side)};
    f->out[0] = ir_tensor(f->m, x->dtype, 4, dim);
    return true;
}

bool sh_space_to_depth(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    int64_t b;
    if (!block_size(f, ATTR_AT(space_to_depth, blocksize), &b)) return false;
    const ir_sx *side = sx_int(&f->m->sx, b);
    if (!sx_is_const(x->dim[1]) || sx_value(x->dim[1]) < 1) return infer_fail(f, E_SHAPE, 0, "the number of channels must be known at compile time, and not 0");
    const ir_sx *h = sx_exact_div(&f->m->sx, x->dim[2], side), *w = sx_exact_div(&f->m->sx, x->dim[3], side);
    if (!h || !w) return infer_fail(f, E_SHAPE, 0, "%s x %s pixels are not a multiple of %lld", text(f, x->dim[2]), text(f, x->dim[3]), (long long)b);
    const ir_sx *dim[4] = {x->dim[0], sx_mul(&f->m->sx, x->dim[1], sx_int(&f->m->sx, b * b)), h, w};
    f->out[0] = ir_tensor(f->m, x->dtype, 4, dim);
    return true;
}

bool sh_trilu(infer *f)
{
    if (f->inst->in[0]->type->rank < 2) return infer_fail(f, E_RANK, 0, "a triangle needs two axes");
    f->out[0] = f->inst->in[0]->type;
    return true;
}

bool sh_one_hot(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    const ir_attr *depth = &f->inst->attr[ATTR_AT(one_hot, depth)];
    int axis;
    if (depth->n != 1) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(one_hot, depth), "depth must be one integer");
    if (sx_min(depth->sx[0]) < 0) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(one_hot, depth), "depth = %s can be negative", text(f, depth->sx[0]));
    if (x->rank + 1 > IR_MAX_RANK) return infer_fail(f, E_RANK, 0, "the result's rank is over the highest, %d", IR_MAX_RANK);
    for (int i = 1; i <= 2; i++)
        if (f->inst->in[i]->type->rank) return infer_fail(f, E_RANK, i, "%s must be a scalar", f->info->in[i].name);
    if (!infer_axis(f, ATTR_AT(one_hot, axis), ir_int(f->inst, ATTR_AT(one_hot, axis)), x->rank + 1, &axis)) return false;
    const ir_sx *dim[IR_MAX_RANK];
    for (int i = 0, k = 0; i < x->rank + 1; i++) dim[i] = i == axis ? depth->sx[0] : x->dim[k++];
    f->out[0] = ir_tensor(f->m, f->t[0], x->rank + 1, dim);
    return true;
}
