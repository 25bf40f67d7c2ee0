/* Ops whose result's elements are single elements of the operands, or of nothing. */
#include <math.h>
#include <string.h>
#include "ir/shape.h"
#include "passes/lower_kir.h"

static const kir_expr *at_index(lw *l, const ir_sx *x) { return kir_index(&l->b, x); }
static const kir_expr *index_number(lw *l, int64_t v) { return kir_int(&l->b, KIR_INDEX_TYPE, v); }

/* ---- types and constants ------------------------------------------------------------------- */

static const kir_expr *f64_bits(lw *l, uint64_t mask, const kir_expr *x)
{
    return lw_bin(l, BAND, kir_bits(&l->b, DT_u64, x), kir_int(&l->b, DT_u64, (int64_t)mask));
}

/* Float8 without saturation: what is too large becomes infinity or, where there is none, NaN. */
static const kir_expr *cast_f8(lw *l, nfc_dtype to, const kir_expr *x)
{
    kir_builder *b = &l->b;
    const dtype_format *f = &dtype_formats[to];
    x = lw_named(l, "x", x->type == DT_f64 ? x : kir_cast(b, DT_f32, x));
    const kir_expr *magnitude = lw_un(l, ABS, x);
    /* The first value that rounds beyond the largest number: halfway to the next would-be number, where
     * the tie goes to even. */
    double top = dtype_decode(to, f->top), limit = top + (top - dtype_decode(to, f->top - 1)) / 2;
    const kir_expr *number = lw_number(l, x->type, limit), *code = kir_int(b, DT_u32, f->over);
    const kir_expr *over = f->top & 1 ? lw_bin(l, LE, number, magnitude) : lw_bin(l, LT, number, magnitude);
    if (f->over < dtype_sign_bit(to)) { /* with the sign */
        const kir_expr *sign = lw_bin(l, BAND, kir_bits(b, DT_u32, kir_cast(b, DT_f32, x)), kir_int(b, DT_u32, INT64_C(0x80000000)));
        code = lw_bin(l, BOR, lw_bin(l, SHR, sign, kir_int(b, DT_u32, 24)), code);
    }
    const kir_expr *special = kir_bits(b, (kir_type)to, kir_cast(b, DT_u8, code));
    return lw_sel(l, over, special, kir_cast(b, (kir_type)to, x));
}

/* As f64, rounded so that an integer that f64 does not hold stays between the same powers of two. */
static const kir_expr *wide_float(lw *l, const kir_expr *x)
{
    kir_builder *b = &l->b;
    if (x->type != DT_i64 && x->type != DT_u64) return kir_cast(b, DT_f64, x);
    x = lw_named(l, "x", x);
    const kir_expr *zero = kir_int(b, DT_u64, 0), *u = kir_cast(b, DT_u64, x), *low = kir_int(b, DT_u64, 2047);
    if (x->type == DT_i64) u = lw_named(l, "u", lw_sel(l, lw_bin(l, LT, x, kir_int(b, DT_i64, 0)), lw_bin(l, SUB, zero, u), u));
    const kir_expr *lost = lw_bin(l, NE, lw_bin(l, BAND, u, low), zero);
    const kir_expr *high = lw_bin(l, SUB, u, lw_bin(l, BAND, u, low));
    const kir_expr *odd = lw_bin(l, BOR, high, lw_sel(l, lost, kir_int(b, DT_u64, 2048), zero));
    const kir_expr *is_large = lw_bin(l, NE, lw_bin(l, SHR, u, kir_int(b, DT_u64, 53)), zero);
    return kir_cast(b, DT_f64, lw_sel(l, is_large, odd, u));
}

/* To powers of two, by the rounding and saturation that the cast asks for: the value becomes one that
 * f8e8m0 holds, or NaN, before it is stored. */
static const kir_expr *cast_e8m0(lw *l, const ir_inst *inst, const kir_expr *x)
{
    kir_builder *b = &l->b;
    const char *mode = inst->attr[ATTR_AT(cast, round_mode)].s;
    const kir_expr *a = lw_named(l, "a", lw_un(l, ABS, wide_float(l, x)));
    const kir_expr *lowest = lw_number(l, DT_f64, 0x1p-127), *highest = lw_number(l, DT_f64, 0x1p127);
    const kir_expr *below = lw_named(l, "below", kir_bits(b, DT_f64, f64_bits(l, UINT64_C(0x7ff0000000000000), a)));
    const kir_expr *twice = lw_bin(l, MUL, below, lw_number(l, DT_f64, 2)), *middle = lw_bin(l, MUL, below, lw_number(l, DT_f64, 1.5));
    const kir_expr *y = below;
    if (strcmp(mode, "up") == 0) y = lw_sel(l, lw_bin(l, LT, below, a), twice, below);
    if (strcmp(mode, "nearest") == 0) y = lw_sel(l, lw_bin(l, LE, middle, a), twice, below);
    y = lw_named(l, "y", y);
    const kir_expr *bounded = lw_bin(l, MIN, lw_bin(l, MAX, y, lowest), highest);
    if (!ir_int(inst, ATTR_AT(cast, saturate))) {
        const kir_expr *inside = lw_bin(l, AND, lw_bin(l, LE, lowest, a), lw_bin(l, LE, y, highest));
        bounded = lw_sel(l, inside, bounded, lw_number(l, DT_f64, NAN));
    }
    bounded = lw_sel(l, lw_bin(l, NE, a, a), a, bounded); /* NaN has the bits of a power of two */
    return kir_cast(b, DT_f8e8m0, bounded);
}

const kir_expr *lw_convert(lw *l, nfc_dtype to, bool saturate, const kir_expr *x)
{
    bool is_float = x->type < DT_COUNT && dtype_is_float((nfc_dtype)x->type);
    bool can_overflow = dtype_formats[to].over != dtype_formats[to].top && dtype_table[to].bits == 8;
    if (to == DT_bool) return lw_bin(l, NE, x, lw_number(l, x->type, 0));
    if (can_overflow && to != DT_f8e8m0 && !saturate) return cast_f8(l, to, x);
    if (to == DT_f8e5m2 && is_float) /* infinity counts as too large */
        x = lw_bin(l, MAX, lw_bin(l, MIN, x, lw_number(l, x->type, 57344)), lw_number(l, x->type, -57344));
    /* A float goes to the narrow integer at once: by way of a wider one it would wrap. */
    return kir_cast(&l->b, (kir_type)to, x);
}

const kir_expr *lx_cast(lw *l, const ir_inst *inst, int result, const ir_sx *const *index)
{
    (void)result;
    nfc_dtype to = inst->attr[ATTR_AT(cast, to)].t;
    const kir_expr *x = lw_load(l, inst->in[0], index);
    bool saturate = ir_int(inst, ATTR_AT(cast, saturate));
    if (to == inst->in[0]->type->dtype) return x;
    /* Upwards and saturated is how f8e8m0 is stored. */
    if (to == DT_f8e8m0 && !(saturate && strcmp(inst->attr[ATTR_AT(cast, round_mode)].s, "up") == 0)) return cast_e8m0(l, inst, x);
    return lw_convert(l, to, saturate, x);
}

/* The unsigned type of so many bits, or of the byte that holds them. */
static kir_type word_of(int bits)
{
    switch (bits) {
    case 2: return DT_u2;
    case 4: return DT_u4;
    case 16: return DT_u16;
    case 32: return DT_u32;
    case 64: return DT_u64;
    default: return DT_u8;
    }
}

const kir_expr *lx_bitcast(lw *l, const ir_inst *inst, int result, const ir_sx *const *index)
{
    (void)result;
    kir_builder *b = &l->b;
    nfc_dtype from = inst->in[0]->type->dtype, to = inst->out[0]->type->dtype;
    const kir_expr *x = lw_load(l, inst->in[0], index);
    kir_type word = word_of(dtype_table[from].bits), wide = kir_compute((nfc_dtype)word); /* none is cast but by way of what is computed with */
    if (from == to) return x;
    if (dtype_is_float(from)) x = kir_bits(b, word, kir_cast(b, (kir_type)from, x));
    x = kir_cast(b, wide, x);
    if (to == DT_bool) return lw_bin(l, NE, x, kir_int(b, wide, 0));
    return dtype_is_float(to) ? kir_bits(b, (kir_type)to, kir_cast(b, word, x)) : kir_cast(b, (kir_type)to, x);
}

const kir_expr *lx_constant_of_shape(lw *l, const ir_inst *inst, int result, const ir_sx *const *index)
{
    (void)result, (void)index;
    nfc_dtype t = inst->attr[ATTR_AT(constant_of_shape, dtype)].t;
    double v = ir_float(inst, ATTR_AT(constant_of_shape, value));
    if (dtype_is_float(t)) return kir_float(&l->b, kir_compute(t), dtype_round(t, v));
    uint64_t cell = 0;
    dtype_set(t, &cell, 0, v);
    return kir_int(&l->b, kir_compute(t), dtype_get_int(t, &cell, 0));
}

const kir_expr *lx_range(lw *l, const ir_inst *inst, int result, const ir_sx *const *index)
{
    (void)result;
    const ir_sx *x = sx_mul(l->sx, index[0], sx_int(l->sx, ir_int(inst, ATTR_AT(range, delta))));
    x = sx_add(l->sx, x, sx_int(l->sx, ir_int(inst, ATTR_AT(range, start))));
    return kir_cast(&l->b, kir_compute(inst->attr[ATTR_AT(range, dtype)].t), at_index(l, x));
}

/* ---- choosing ------------------------------------------------------------------------------ */

const kir_expr *lx_gather(lw *l, const ir_inst *inst, int result, const ir_sx *const *index)
{
    (void)result;
    const ir_type *x = inst->in[0]->type, *which = inst->in[1]->type;
    int axis = (int)ir_int(inst, ATTR_AT(gather, axis));
    if (axis < 0) axis += x->rank;
    const ir_sx *at[IR_MAX_RANK];
    for (int i = 0; i < axis; i++) at[i] = index[i];
    for (int i = axis + 1; i < x->rank; i++) at[i] = index[i - 1 + which->rank];
    at[axis] = lw_checked_index(l, "row", inst->in[1], &index[axis], x->dim[axis]);
    return lw_load(l, inst->in[0], at);
}

const kir_expr *lx_gather_elements(lw *l, const ir_inst *inst, int result, const ir_sx *const *index)
{
    (void)result;
    const ir_type *x = inst->in[0]->type;
    int axis = (int)ir_int(inst, ATTR_AT(gather_elements, axis));
    if (axis < 0) axis += x->rank;
    const ir_sx *at[IR_MAX_RANK];
    memcpy(at, index, sizeof at[0] * (size_t)x->rank);
    at[axis] = lw_checked_index(l, "row", inst->in[1], index, x->dim[axis]);
    return lw_load(l, inst->in[0], at);
}

const kir_expr *lx_one_hot(lw *l, const ir_inst *inst, int result, const ir_sx *const *index)
{
    (void)result;
    const ir_type *x = inst->in[0]->type;
    int axis = (int)ir_int(inst, ATTR_AT(one_hot, axis));
    const kir_expr *depth = at_index(l, inst->attr[ATTR_AT(one_hot, depth)].sx[0]);
    if (axis < 0) axis += x->rank + 1;
    const ir_sx *at[IR_MAX_RANK];
    for (int i = 0; i < x->rank; i++) at[i] = index[i < axis ? i : i + 1];
    const kir_expr *which = lw_named(l, "which", lw_load(l, inst->in[0], at));
    const kir_expr *here = kir_cast(&l->b, which->type, at_index(l, index[axis]));
    const kir_expr *turned = lw_bin(l, SUB, here, kir_cast(&l->b, which->type, depth)); /* counted from the end */
    const kir_expr *hit = lw_bin(l, OR, lw_bin(l, EQ, which, here), lw_bin(l, EQ, which, turned));
    return lw_sel(l, hit, lw_load(l, inst->in[2], NULL), lw_load(l, inst->in[1], NULL));
}

/* ---- repeating and surrounding -------------------------------------------------------------- */

/* The remainder of an index by an extent that may be a free dim. */
static const ir_sx *wrapped(lw *l, const ir_sx *x, const ir_sx *extent)
{
    if (sx_is_const(extent) && sx_value(extent) > 0) return sx_mod(l->sx, x, sx_value(extent));
    return kir_let_index(&l->b, "at", kir_binary(&l->b, KB_REM, at_index(l, x), at_index(l, extent)), 0, sx_max(extent) - 1);
}

const kir_expr *lx_tile(lw *l, const ir_inst *inst, int result, const ir_sx *const *index)
{
    (void)result;
    const ir_type *x = inst->in[0]->type;
    const ir_attr *repeats = &inst->attr[ATTR_AT(tile, repeats)];
    const ir_sx *at[IR_MAX_RANK];
    for (int i = 0; i < x->rank; i++) at[i] = sx_is(repeats->sx[i], 1) ? index[i] : wrapped(l, index[i], x->dim[i]);
    return lw_load(l, inst->in[0], at);
}

/* One axis of a pad. What is only cut off goes first, the rest is surrounded; a pad of which only the run
 * knows whether it is negative is one that is added, as a constant's may be. */
typedef struct {
    const ir_sx *inner;               /* extent of what is left */
    const ir_sx *cut, *before, *after; /* elements cut off in front, and added */
} padded_axis;

/* x brought from 0 to period - 1 by whole periods, which may be many. */
static const ir_sx *periodic(lw *l, const ir_sx *x, const ir_sx *period, const kir_expr **at)
{
    kir_builder *b = &l->b;
    const kir_expr *zero = index_number(l, 0), *rest = lw_named(l, "rest", kir_binary(b, KB_REM, at_index(l, x), at_index(l, period)));
    *at = lw_sel(l, lw_bin(l, LT, rest, zero), lw_bin(l, ADD, rest, at_index(l, period)), rest);
    const kir_expr *inside = kir_binary(b, KB_MIN, kir_binary(b, KB_MAX, *at, zero), at_index(l, sx_sub(l->sx, period, sx_int(l->sx, 1))));
    return kir_let_index(b, "turned", inside, 0, sx_max(period) - 1);
}

/* The place on the axis that a place of the result outside of it repeats. */
static const kir_expr *pad_turned(lw *l, const char *mode, const ir_sx *x, const padded_axis *p)
{
    sx_table *t = l->sx;
    if (sx_is(p->inner, 1)) return index_number(l, 0);
    const ir_sx *one = sx_int(t, 1), *last = sx_sub(t, p->inner, one), *twice = sx_mul(t, last, sx_int(t, 2));
    const kir_expr *low = lw_bin(l, LT, at_index(l, x), index_number(l, 0)), *high = lw_bin(l, LT, at_index(l, last), at_index(l, x)), *at;
    const ir_sx *reach = strcmp(mode, "reflect") == 0 ? last : p->inner; /* how long pads may be to repeat nothing twice */
    bool short_pads = sx_min(sx_sub(t, reach, p->before)) >= 0 && sx_min(sx_sub(t, reach, p->after)) >= 0;
    if (strcmp(mode, "reflect") == 0) {
        const ir_sx *period = sx_max(twice) < 1 ? one : kir_let_index(&l->b, "period", lw_bin(l, MAX, at_index(l, twice), index_number(l, 1)), 1, sx_max(twice));
        if (!short_pads) x = periodic(l, x, period, &at);
        at = lw_sel(l, lw_bin(l, LT, at_index(l, last), at_index(l, x)), at_index(l, sx_sub(t, twice, x)), at_index(l, x));
        return short_pads ? lw_sel(l, low, at_index(l, sx_sub(t, sx_int(t, 0), x)), at) : at;
    }
    if (strcmp(mode, "wrap") == 0) {
        if (!short_pads) return at_index(l, periodic(l, x, p->inner, &at));
        return lw_sel(l, low, at_index(l, sx_add(t, x, p->inner)), lw_sel(l, high, at_index(l, sx_sub(t, x, p->inner)), at_index(l, x)));
    }
    return at_index(l, x);
}

/* Where an element of the axis comes from, by the mode; `inside` gathers what is no padding. */
static const ir_sx *pad_source(lw *l, const char *mode, const ir_sx *index, const padded_axis *p, const kir_expr **inside)
{
    kir_builder *b = &l->b;
    const ir_sx *x = sx_sub(l->sx, index, p->before), *last = sx_sub(l->sx, p->inner, sx_int(l->sx, 1));
    if (strcmp(mode, "constant") == 0) *inside = lw_bin(l, AND, *inside, lw_inside(l, x, p->inner));
    const kir_expr *turned = pad_turned(l, mode, x, p);
    turned = kir_binary(b, KB_MIN, kir_binary(b, KB_MAX, turned, index_number(l, 0)), at_index(l, last));
    const ir_sx *at = turned->kind == KIR_INDEX ? turned->index : kir_let_index(b, "at", turned, 0, sx_max(last));
    return sx_add(l->sx, at, p->cut);
}

/* Constant padding around an axis that may have no element: only inside of it is anything loaded. */
static const kir_expr *pad_guarded(lw *l, const ir_value *x, int n, const int *axes, const padded_axis *axis, const ir_sx **at, const kir_expr *value)
{
    kir_buffer *element = lw_accumulator(l, "element", value->type, value);
    for (int k = 0; k < n; k++) {
        const ir_sx *place = sx_sub(l->sx, at[axes[k]], axis[k].before);
        lw_if(l, lw_inside(l, place, axis[k].inner));
        place = kir_let_index(&l->b, "at", at_index(l, place), 0, sx_max(axis[k].inner) - 1);
        at[axes[k]] = sx_add(l->sx, place, axis[k].cut);
    }
    kir_store(&l->b, element, sx_int(l->sx, 0), lw_load(l, x, at));
    lw_close(l, n);
    return lw_read(l, element);
}

/* The axes that something is added to or cut off; their numbers go to `which`. */
static int padded_axes(lw *l, const ir_inst *inst, padded_axis *axis, int *which)
{
    const ir_type *x = inst->in[0]->type;
    const ir_attr *pads = &inst->attr[ATTR_AT(pad, pads)], *axes = &inst->attr[ATTR_AT(pad, axes)];
    const ir_sx *zero = sx_int(l->sx, 0);
    int n = 0;
    for (int k = 0; k < pads->n / 2; k++) {
        int64_t at = axes->kind == IR_ATTR_NONE ? k : sx_value(axes->sx[k]);
        const ir_sx *before = pads->sx[k], *after = pads->sx[k + pads->n / 2];
        if (sx_is(before, 0) && sx_is(after, 0)) continue;
        which[n] = (int)(at < 0 ? at + x->rank : at);
        const ir_sx *cut = sx_max(before) <= 0 ? sx_sub(l->sx, zero, before) : zero, *cut_after = sx_max(after) <= 0 ? sx_sub(l->sx, zero, after) : zero;
        axis[n] = (padded_axis){sx_sub(l->sx, x->dim[which[n]], sx_add(l->sx, cut, cut_after)), cut, sx_max(before) <= 0 ? zero : before, sx_max(after) <= 0 ? zero : after};
        n++;
    }
    return n;
}

const kir_expr *lx_pad(lw *l, const ir_inst *inst, int result, const ir_sx *const *index)
{
    (void)result;
    const ir_type *x = inst->in[0]->type;
    padded_axis axis[IR_MAX_RANK];
    int which[IR_MAX_RANK], n = padded_axes(l, inst, axis, which);
    const char *mode = inst->attr[ATTR_AT(pad, mode)].s;
    bool empty = ir_max_elements(x) == 0, guarded = false;
    const ir_sx *at[IR_MAX_RANK];
    const kir_expr *inside = kir_int(&l->b, DT_bool, 1);
    const ir_value *fill = ir_operand(inst, 1);
    const ir_sx *const zeros[IR_MAX_RANK] = {sx_int(l->sx, 0), sx_int(l->sx, 0)};
    const kir_expr *value = fill ? lw_load(l, fill, zeros) : lw_number(l, kir_compute(x->dtype), 0);
    memcpy(at, index, sizeof at[0] * (size_t)x->rank);
    for (int k = 0; k < n; k++) {
        empty |= sx_max(axis[k].inner) < 1;
        guarded |= sx_min(axis[k].inner) < 1;
    }
    if (empty) return value;
    if (guarded) return pad_guarded(l, inst->in[0], n, which, axis, at, value);
    for (int k = 0; k < n; k++) at[which[k]] = pad_source(l, mode, index[which[k]], &axis[k], &inside);
    return lw_sel(l, inside, lw_load(l, inst->in[0], at), value);
}

/* ---- rearranging --------------------------------------------------------------------------- */

const kir_expr *lx_depth_to_space(lw *l, const ir_inst *inst, int result, const ir_sx *const *index)
{
    (void)result;
    int64_t b = ir_int(inst, ATTR_AT(depth_to_space, blocksize));
    bool dcr = strcmp(inst->attr[ATTR_AT(depth_to_space, mode)].s, "DCR") == 0;
    sx_table *t = l->sx;
    const ir_sx *c = inst->out[0]->type->dim[1], *side = sx_int(t, b);
    const ir_sx *block = sx_add(t, sx_mul(t, sx_mod(t, index[2], b), side), sx_mod(t, index[3], b));
    const ir_sx *channel = dcr ? sx_add(t, sx_mul(t, block, c), index[1]) : sx_add(t, sx_mul(t, index[1], sx_mul(t, side, side)), block);
    const ir_sx *at[4] = {index[0], channel, sx_div(t, index[2], b), sx_div(t, index[3], b)};
    return lw_load(l, inst->in[0], at);
}

const kir_expr *lx_space_to_depth(lw *l, const ir_inst *inst, int result, const ir_sx *const *index)
{
    (void)result;
    int64_t b = ir_int(inst, ATTR_AT(space_to_depth, blocksize));
    sx_table *t = l->sx;
    const ir_sx *c = inst->in[0]->type->dim[1], *side = sx_int(t, b);
    const ir_sx *block = sx_div(t, index[1], sx_value(c));
    const ir_sx *at[4] = {index[0], sx_mod(t, index[1], sx_value(c)), sx_add(t, sx_mul(t, index[2], side), sx_div(t, block, b)),
                          sx_add(t, sx_mul(t, index[3], side), sx_mod(t, block, b))};
    return lw_load(l, inst->in[0], at);
}

const kir_expr *lx_trilu(lw *l, const ir_inst *inst, int result, const ir_sx *const *index)
{
    (void)result;
    const ir_type *x = inst->in[0]->type;
    const ir_sx *diagonal = sx_add(l->sx, index[x->rank - 2], sx_int(l->sx, ir_int(inst, ATTR_AT(trilu, k))));
    const kir_expr *d = at_index(l, diagonal), *column = at_index(l, index[x->rank - 1]);
    const kir_expr *keep = ir_int(inst, ATTR_AT(trilu, upper)) ? lw_bin(l, LE, d, column) : lw_bin(l, LE, column, d);
    return lw_sel(l, keep, lw_load(l, inst->in[0], index), lw_number(l, kir_compute(x->dtype), 0));
}
