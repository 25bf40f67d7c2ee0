/* Conversions, and ops that move elements, as ONNX defines them. What is only moved is copied bit
 * for bit. */
#include <math.h>
#include <string.h>
#include "ir/shape.h"
#include "ir/sim.h"

/* ---- conversions --------------------------------------------------------------------------- */

/* How a cast treats what a narrow float type does not hold. */
typedef struct {
    bool saturate;
    e8m0_rounding rounding;
} cast_rules;

static cast_rules rules_of(const ir_inst *inst)
{
    const char *mode = inst->attr[ATTR_AT(cast, round_mode)].s;
    e8m0_rounding rounding = strcmp(mode, "down") == 0 ? E8M0_DOWN : strcmp(mode, "nearest") == 0 ? E8M0_NEAREST : E8M0_UP;
    return (cast_rules){ir_int(inst, ATTR_AT(cast, saturate)), rounding};
}

static void set_by_rules(sim_tensor *y, int64_t i, double v, cast_rules rules)
{
    unsigned bits;
    if (y->dtype == DT_f8e8m0) bits = e8m0_encode(v, rules.saturate, rules.rounding);
    else if (dtype_formats[y->dtype].exponent) bits = dtype_encode(y->dtype, v, rules.saturate ? DTYPE_SATURATE : DTYPE_OVERFLOW);
    else {
        sim_set(y, i, v);
        return;
    }
    if (dtype_bytes(y->dtype) == 2) ((uint16_t *)y->data)[i] = (uint16_t)bits;
    else ((uint8_t *)y->data)[i] = (uint8_t)bits;
}

bool ev_cast(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    sim_tensor *y = c->out[0];
    cast_rules rules = rules_of(c->inst);
    bool is_unsigned = dtype_table[x->dtype].kind == DTC_UNSIGNED;
    for (int64_t i = 0; i < x->n; i++) {
        if (x->dtype == y->dtype)
            sim_copy(x, i, y, i);
        else if (dtype_is_float(x->dtype))
            set_by_rules(y, i, sim_get(x, i), rules);
        else if (dtype_is_float(y->dtype)) /* rounded once */
            set_by_rules(y, i, dtype_from_int(y->dtype, sim_get_int(x, i), is_unsigned), rules);
        else
            sim_set_int(y, i, sim_get_int(x, i));
    }
    return true;
}

bool ev_bitcast(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    sim_tensor *y = c->out[0];
    size_t bytes = dtype_bytes(x->dtype);
    for (int64_t i = 0; i < x->n; i++) {
        uint64_t bits = 0;
        memcpy(&bits, (const char *)x->data + (size_t)i * bytes, bytes);
        if (dtype_table[x->dtype].bits < 8) bits &= (1u << dtype_table[x->dtype].bits) - 1;
        if (dtype_is_float(y->dtype)) memcpy((char *)y->data + (size_t)i * bytes, &bits, bytes);
        else sim_set_int(y, i, (int64_t)bits);
    }
    return true;
}

bool ev_constant_of_shape(sim_call *c)
{
    double value = ir_float(c->inst, ATTR_AT(constant_of_shape, value));
    for (int64_t i = 0; i < c->out[0]->n; i++) sim_set(c->out[0], i, value);
    return true;
}

bool ev_range(sim_call *c)
{
    uint64_t start = (uint64_t)ir_int(c->inst, ATTR_AT(range, start));
    uint64_t delta = (uint64_t)ir_int(c->inst, ATTR_AT(range, delta));
    for (int64_t i = 0; i < c->out[0]->n; i++)
        sim_set_int(c->out[0], i, (int64_t)(start + (uint64_t)i * delta));
    return true;
}

/* ---- the same elements in another arrangement ------------------------------------------------ */

/* Axes that only the run shows to have extent 1. */
static bool check_squeezed(sim_call *c)
{
    const ir_attr *axes = &c->inst->attr[ATTR_AT(squeeze, axes)];
    for (int i = 0; i < axes->n; i++) {
        int64_t axis = sx_value(axes->sx[i]) + (sx_value(axes->sx[i]) < 0 ? c->in[0]->rank : 0);
        if (c->in[0]->dim[axis] != 1) return sim_fail(c, E_RUN_SIZE, "axis %lld has extent %lld, not 1", (long long)axis, (long long)c->in[0]->dim[axis]);
    }
    return true;
}

bool ev_reshape(sim_call *c)
{
    if (c->inst->op == IR_squeeze && !check_squeezed(c)) return false;
    if (c->in[0]->n != c->out[0]->n) return sim_fail(c, E_RUN_SIZE, "the operand has %lld elements, the shape %lld", (long long)c->in[0]->n, (long long)c->out[0]->n);
    for (int64_t i = 0; i < c->in[0]->n; i++) sim_copy(c->in[0], i, c->out[0], i);
    return true;
}

bool ev_transpose(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    sim_tensor *y = c->out[0];
    const ir_attr *perm = &c->inst->attr[ATTR_AT(transpose, perm)];
    sim_coords at = {.rank = y->rank, .dim = y->dim};
    for (int64_t i = 0; i < y->n; i++, sim_coords_next(&at)) {
        int64_t from[IR_MAX_RANK];
        for (int k = 0; k < x->rank; k++) {
            int64_t axis = perm->kind == IR_ATTR_NONE ? x->rank - 1 - k : sx_value(perm->sx[k]);
            from[axis] = at.at[k];
        }
        sim_copy(x, sim_flat(x, from), y, i);
    }
    return true;
}

/* Block [b, b] of the channels [b, b, C] (DCR) or [C, b, b] (CRD) becomes pixels of each image. */
bool ev_depth_to_space(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    sim_tensor *y = c->out[0];
    int64_t b = ir_int(c->inst, ATTR_AT(depth_to_space, blocksize)), channels = y->dim[1];
    bool blocks_first = strcmp(c->inst->attr[ATTR_AT(depth_to_space, mode)].s, "DCR") == 0;
    sim_coords at = {.rank = 4, .dim = y->dim};
    for (int64_t i = 0; i < y->n; i++, sim_coords_next(&at)) {
        int64_t block = at.at[2] % b * b + at.at[3] % b, channel = at.at[1];
        int64_t from[4] = {at.at[0],
                           blocks_first ? block * channels + channel : channel * b * b + block,
                           at.at[2] / b, at.at[3] / b};
        sim_copy(x, sim_flat(x, from), y, i);
    }
    return true;
}

bool ev_space_to_depth(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    sim_tensor *y = c->out[0];
    int64_t b = ir_int(c->inst, ATTR_AT(space_to_depth, blocksize)), channels = x->dim[1];
    sim_coords at = {.rank = 4, .dim = y->dim};
    for (int64_t i = 0; i < y->n; i++, sim_coords_next(&at)) {
        int64_t block = at.at[1] / channels, channel = at.at[1] % channels;
        int64_t from[4] = {at.at[0], channel, at.at[2] * b + block / b, at.at[3] * b + block % b};
        sim_copy(x, sim_flat(x, from), y, i);
    }
    return true;
}

/* ---- parts --------------------------------------------------------------------------------- */

static bool check_slice(sim_call *c, const sim_tensor *x, int axis, int64_t start, int64_t step)
{
    int64_t n = c->out[0]->dim[axis], last, reach;
    if (n == 0) return true;
    bool fits = !__builtin_mul_overflow(n - 1, step, &reach) &&
                !__builtin_add_overflow(start, reach, &last) && start >= 0 && last >= 0 &&
                start < x->dim[axis] && last < x->dim[axis];
    if (fits) return true;
    return sim_fail(c, E_RUN_INDEX,
                    "slice: %lld element%s from %lld in steps of %lld leave axis %d, whose extent "
                    "is %lld",
                    (long long)n, n == 1 ? "" : "s", (long long)start, (long long)step, axis,
                    (long long)x->dim[axis]);
}

bool ev_slice(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    sim_tensor *y = c->out[0];
    slice_axis part[IR_MAX_RANK];
    int64_t start[IR_MAX_RANK];
    slice_axes(c->m, c->inst, part);
    for (int k = 0; k < x->rank; k++) {
        start[k] = sim_eval_sx(c, part[k].start);
        if (!check_slice(c, x, k, start[k], part[k].step)) return false;
    }
    sim_coords at = {.rank = y->rank, .dim = y->dim};
    for (int64_t i = 0; i < y->n; i++, sim_coords_next(&at)) {
        int64_t from[IR_MAX_RANK];
        for (int k = 0; k < x->rank; k++) from[k] = start[k] + at.at[k] * part[k].step;
        sim_copy(x, sim_flat(x, from), y, i);
    }
    return true;
}

static int normal_axis(const sim_call *c, int attr, int rank)
{
    int64_t axis = ir_int(c->inst, attr);
    return (int)(axis < 0 ? axis + rank : axis);
}

/* Copies `part` to or from the place in `whole` that begins at `start` on `axis`. */
static void copy_part(sim_tensor *whole, sim_tensor *part, int axis, int64_t start, bool to_whole)
{
    sim_coords at = {.rank = part->rank, .dim = part->dim};
    for (int64_t i = 0; i < part->n; i++, sim_coords_next(&at)) {
        int64_t place[IR_MAX_RANK];
        memcpy(place, at.at, sizeof place);
        place[axis] += start;
        if (to_whole)
            sim_copy(part, i, whole, sim_flat(whole, place));
        else
            sim_copy(whole, sim_flat(whole, place), part, i);
    }
}

bool ev_concat(sim_call *c)
{
    int axis = normal_axis(c, ATTR_AT(concat, axis), c->out[0]->rank);
    int64_t start = 0;
    for (int i = 0; i < c->nin; i++) {
        copy_part(c->out[0], c->in[i], axis, start, true);
        start += c->in[i]->dim[axis];
    }
    return true;
}

bool ev_split(sim_call *c)
{
    int axis = normal_axis(c, ATTR_AT(split, axis), c->in[0]->rank);
    int64_t start = 0;
    for (int i = 0; i < c->nout; i++) {
        copy_part(c->in[0], c->out[i], axis, start, false);
        start += c->out[i]->dim[axis];
    }
    return true;
}

bool ev_trilu(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    int64_t k = ir_int(c->inst, ATTR_AT(trilu, k));
    bool upper = ir_int(c->inst, ATTR_AT(trilu, upper));
    sim_coords at = {.rank = x->rank, .dim = x->dim};
    for (int64_t i = 0; i < x->n; i++, sim_coords_next(&at)) {
        int64_t right = at.at[x->rank - 1] - at.at[x->rank - 2]; /* of the main diagonal */
        if (upper ? right >= k : right <= k) sim_copy(x, i, c->out[0], i);
    }
    return true;
}

/* ---- more elements than before --------------------------------------------------------------- */

bool ev_expand(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    sim_tensor *y = c->out[0];
    for (int i = 0; i < x->rank; i++) { /* an extent that only happens to be 1 does not repeat */
        int64_t to = y->dim[i + y->rank - x->rank];
        if (x->dim[i] != to && !sx_is(c->inst->in[0]->type->dim[i], 1))
            return sim_fail(c, E_RUN_SIZE, "extent %lld of axis %d is not %lld", (long long)x->dim[i], i, (long long)to);
    }
    sim_coords at = {.rank = y->rank, .dim = y->dim};
    for (int64_t i = 0; i < y->n; i++, sim_coords_next(&at))
        sim_copy(c->in[0], sim_flat_broadcast(c->in[0], y->rank, at.at), y, i);
    return true;
}

bool ev_tile(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    sim_tensor *y = c->out[0];
    sim_coords at = {.rank = y->rank, .dim = y->dim};
    for (int64_t i = 0; i < y->n; i++, sim_coords_next(&at)) {
        int64_t from[IR_MAX_RANK];
        for (int k = 0; k < x->rank; k++) from[k] = at.at[k] % x->dim[k];
        sim_copy(x, sim_flat(x, from), y, i);
    }
    return true;
}

/* Pad's numbers on one axis. What a negative pad cuts off is gone before the rest is repeated. */
typedef struct pad_axis {
    int64_t before, first, kept; /* added in front; the first element kept, and how many are */
} pad_axis;

static void pad_axes(sim_call *c, pad_axis *axis)
{
    const sim_tensor *x = c->in[0];
    const ir_attr *pads = &c->inst->attr[ATTR_AT(pad, pads)];
    const ir_attr *axes = &c->inst->attr[ATTR_AT(pad, axes)];
    int n = pads->n / 2;
    for (int k = 0; k < x->rank; k++) axis[k] = (pad_axis){0, 0, x->dim[k]};
    for (int k = 0; k < n; k++) {
        int64_t at = axes->kind == IR_ATTR_NONE ? k : sx_value(axes->sx[k]);
        int64_t before = sim_eval_sx(c, pads->sx[k]), after = sim_eval_sx(c, pads->sx[k + n]);
        pad_axis *p = &axis[at < 0 ? at + x->rank : at];
        p->before = before > 0 ? before : 0;
        p->first = before < 0 ? -before : 0;
        p->kept -= p->first + (after < 0 ? -after : 0);
    }
}

/* Which of `n` elements stands at position i, which may be outside of 0 .. n; -1: none. */
static int64_t padded_from(const char *mode, int64_t i, int64_t n)
{
    if (i >= 0 && i < n) return i;
    switch (*mode) {
    case 'e': return i < 0 ? 0 : n - 1;
    case 'r':
        while (n > 1 && (i < 0 || i >= n)) i = i < 0 ? -i : 2 * (n - 1) - i; /* at each end in turn */
        return n > 1 ? i : 0;
    case 'w': return (i % n + n) % n;
    default: return -1;
    }
}

bool ev_pad(sim_call *c)
{
    const sim_tensor *x = c->in[0], *value = c->nin > 1 ? c->in[1] : NULL;
    sim_tensor *y = c->out[0];
    const char *mode = c->inst->attr[ATTR_AT(pad, mode)].s;
    pad_axis axis[IR_MAX_RANK];
    pad_axes(c, axis);
    sim_coords at = {.rank = y->rank, .dim = y->dim};
    for (int64_t i = 0; i < y->n; i++, sim_coords_next(&at)) {
        int64_t from[IR_MAX_RANK];
        bool inside = true;
        for (int k = 0; k < x->rank; k++) {
            int64_t place = padded_from(mode, at.at[k] - axis[k].before, axis[k].kept);
            inside &= place >= 0;
            from[k] = axis[k].first + place;
        }
        if (inside)
            sim_copy(x, sim_flat(x, from), y, i);
        else if (value)
            sim_copy(value, 0, y, i);
    }
    return true;
}

/* ---- choosing ------------------------------------------------------------------------------ */

/* Element i of the indices, counted from the front of an axis; false after a report. */
static bool chosen(sim_call *c, int64_t i, int axis, int64_t *out)
{
    int64_t index = sim_get_int(c->in[1], i), extent = c->in[0]->dim[axis];
    *out = index < 0 ? index + extent : index;
    if (*out >= 0 && *out < extent) return true;
    return sim_fail(c, E_RUN_INDEX, "%s: index %lld is outside of axis %d, whose extent is %lld",
                    op_get(c->inst->op)->name, (long long)index, axis, (long long)extent);
}

bool ev_gather(sim_call *c)
{
    const sim_tensor *x = c->in[0], *indices = c->in[1];
    sim_tensor *y = c->out[0];
    int axis = normal_axis(c, ATTR_AT(gather, axis), x->rank);
    sim_coords at = {.rank = y->rank, .dim = y->dim};
    for (int64_t i = 0; i < y->n; i++, sim_coords_next(&at)) {
        int64_t from[IR_MAX_RANK];
        for (int k = 0; k < x->rank; k++)
            if (k != axis) from[k] = at.at[k < axis ? k : k + indices->rank - 1];
        if (!chosen(c, sim_flat(indices, at.at + axis), axis, &from[axis])) return false;
        sim_copy(x, sim_flat(x, from), y, i);
    }
    return true;
}

bool ev_gather_elements(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    sim_tensor *y = c->out[0];
    int axis = normal_axis(c, ATTR_AT(gather_elements, axis), x->rank);
    sim_coords at = {.rank = y->rank, .dim = y->dim};
    for (int64_t i = 0; i < y->n; i++, sim_coords_next(&at)) {
        int64_t from[IR_MAX_RANK];
        memcpy(from, at.at, sizeof from);
        if (!chosen(c, i, axis, &from[axis])) return false;
        sim_copy(x, sim_flat(x, from), y, i);
    }
    return true;
}

/* An index outside of [-depth, depth) chooses nothing: all its elements are off_value. */
bool ev_one_hot(sim_call *c)
{
    const sim_tensor *indices = c->in[0], *off = c->in[1], *on = c->in[2];
    sim_tensor *y = c->out[0];
    int axis = normal_axis(c, ATTR_AT(one_hot, axis), y->rank);
    sim_coords at = {.rank = y->rank, .dim = y->dim};
    for (int64_t i = 0; i < y->n; i++, sim_coords_next(&at)) {
        int64_t from[IR_MAX_RANK];
        for (int k = 0; k < indices->rank; k++) from[k] = at.at[k < axis ? k : k + 1];
        int64_t index = sim_get_int(indices, sim_flat(indices, from));
        if (index < 0) index += y->dim[axis];
        sim_copy(index == at.at[axis] ? on : off, 0, y, i);
    }
    return true;
}
