/* Sampling by a grid. Places are worked out in f64, as the definition has them: in f32 a place between two
 * elements could fall to the wrong side. */
#include <math.h>
#include <string.h>
#include "ir/shape.h"
#include "passes/lower_kir.h"

static const kir_expr *num(lw *l, double v) { return lw_number(l, DT_f64, v); }
static const kir_expr *real(lw *l, const ir_sx *x) { return kir_cast(&l->b, DT_f64, kir_index(&l->b, x)); }
static bool is_mode(const ir_inst *inst, int attr, const char *mode) { return strcmp(inst->attr[attr].s, mode) == 0; }

/* ---- places -------------------------------------------------------------------------------- */

/* A place mirrored at both ends until it lies between them. */
static const kir_expr *reflected(lw *l, const kir_expr *at, const kir_expr *least, const kir_expr *most)
{
    const kir_expr *below = lw_bin(l, LT, at, least), *above = lw_bin(l, LT, most, at), *range = lw_bin(l, SUB, most, least);
    const kir_expr *beyond = lw_named(l, "beyond", lw_sel(l, below, lw_bin(l, SUB, least, at), lw_bin(l, SUB, at, most)));
    const kir_expr *turns = lw_named(l, "turns", lw_un(l, TRUNC, lw_bin(l, DIV, beyond, range)));
    const kir_expr *rest = lw_bin(l, SUB, beyond, lw_bin(l, MUL, turns, range));
    const kir_expr *even = lw_bin(l, EQ, lw_bin(l, MUL, lw_un(l, FLOOR, lw_bin(l, MUL, turns, num(l, 0.5))), num(l, 2)), turns);
    const kir_expr *up = lw_bin(l, ADD, least, rest), *down = lw_bin(l, SUB, most, rest);
    const kir_expr *there = lw_sel(l, below, lw_sel(l, even, up, down), lw_sel(l, even, down, up));
    there = lw_sel(l, lw_bin(l, EQ, range, num(l, 0)), least, there);
    return lw_sel(l, lw_bin(l, OR, below, above), there, at);
}

/* The ends of an axis of n elements that reflection turns at. */
static void ends(lw *l, const ir_inst *inst, const ir_sx *n, const kir_expr *end[2])
{
    bool corners = ir_int(inst, ATTR_AT(grid_sample, align_corners));
    end[0] = num(l, corners ? 0 : -0.5);
    end[1] = lw_bin(l, SUB, real(l, n), num(l, corners ? 1 : 0.5));
}

/* Where coordinate v lies on an axis of n elements; without padding so far from it that it makes no difference. */
static const kir_expr *place(lw *l, const ir_inst *inst, const kir_expr *v, const ir_sx *n)
{
    const double far = 0x1p40;
    const kir_expr *last = real(l, sx_sub(l->sx, n, sx_int(l->sx, 1))), *end[2];
    v = lw_bin(l, ADD, kir_cast(&l->b, DT_f64, v), num(l, 1));
    const kir_expr *at = ir_int(inst, ATTR_AT(grid_sample, align_corners))
                             ? lw_bin(l, MUL, lw_bin(l, DIV, v, num(l, 2)), last)
                             : lw_bin(l, DIV, lw_bin(l, SUB, lw_bin(l, MUL, v, real(l, n)), num(l, 1)), num(l, 2));
    at = lw_named(l, "at", at);
    at = lw_sel(l, lw_bin(l, EQ, at, at), lw_bin(l, MAX, lw_bin(l, MIN, at, num(l, far)), num(l, -far)), num(l, -1));
    if (is_mode(inst, ATTR_AT(grid_sample, mode), "nearest")) at = lw_un(l, RINT, at);
    at = lw_named(l, "at", at);
    if (is_mode(inst, ATTR_AT(grid_sample, padding_mode), "border")) return lw_named(l, "at", lw_bin(l, MAX, lw_bin(l, MIN, at, last), num(l, 0)));
    if (is_mode(inst, ATTR_AT(grid_sample, padding_mode), "zeros")) return at;
    ends(l, inst, n, end);
    return lw_named(l, "at", reflected(l, at, end[0], end[1]));
}

/* A place as an index, far from both ends of int64. */
static const ir_sx *whole(lw *l, const char *name, const kir_expr *at)
{
    enum { FAR_LOG2 = 41 };
    int64_t far = (int64_t)1 << FAR_LOG2;
    const kir_expr *x = lw_bin(l, MAX, kir_cast(&l->b, KIR_INDEX_TYPE, at), kir_int(&l->b, KIR_INDEX_TYPE, -far));
    return kir_let_index(&l->b, name, lw_bin(l, MIN, x, kir_int(&l->b, KIR_INDEX_TYPE, far)), -far, far);
}

/* Which element stands at position i of an axis that goes on beyond its ends; -1: a zero. */
static const kir_expr *element_at(lw *l, const ir_inst *inst, const ir_sx *i, const ir_sx *n)
{
    kir_builder *b = &l->b;
    const kir_expr *x = kir_index(b, i), *inside = lw_inside(l, i, n), *end[2];
    if (is_mode(inst, ATTR_AT(grid_sample, padding_mode), "zeros")) return lw_sel(l, inside, x, kir_int(b, KIR_INDEX_TYPE, -1));
    if (is_mode(inst, ATTR_AT(grid_sample, padding_mode), "reflection")) {
        ends(l, inst, n, end);
        x = lw_sel(l, inside, x, kir_cast(b, KIR_INDEX_TYPE, reflected(l, real(l, i), end[0], end[1])));
    }
    return lw_bin(l, MIN, lw_bin(l, MAX, x, kir_int(b, KIR_INDEX_TYPE, 0)), kir_index(b, sx_sub(l->sx, n, sx_int(l->sx, 1))));
}

/* ---- grid_sample --------------------------------------------------------------------------- */

/* The neighbours of a place on one axis: which elements, with which weights. */
typedef struct {
    const ir_sx *n;
    kir_buffer *from, *weight; /* [taps] */
    const kir_expr *nearest;   /* instead of both */
} neighbours;

/* Keys' kernel with -0.75, of a distance below 2. */
static const kir_expr *cubic(lw *l, const kir_expr *x)
{
    const double a = -0.75;
    x = lw_named(l, "distance", lw_un(l, ABS, x));
    const kir_expr *inner = lw_bin(l, ADD, lw_bin(l, MUL, lw_bin(l, MUL, lw_bin(l, SUB, lw_bin(l, MUL, num(l, a + 2), x), num(l, a + 3)), x), x), num(l, 1));
    const kir_expr *outer = lw_bin(l, ADD, lw_bin(l, MUL, lw_bin(l, SUB, lw_bin(l, MUL, num(l, a), x), num(l, 5 * a)), x), num(l, 8 * a));
    outer = lw_bin(l, SUB, lw_bin(l, MUL, outer, x), num(l, 4 * a));
    outer = lw_sel(l, lw_bin(l, LT, x, num(l, 2)), outer, num(l, 0));
    return lw_sel(l, lw_bin(l, LE, x, num(l, 1)), inner, outer);
}

static neighbours find(lw *l, const ir_inst *inst, const kir_expr *coordinate, const ir_sx *n, int taps, kir_type t)
{
    neighbours s = {.n = n};
    const kir_expr *at = place(l, inst, coordinate, n);
    if (taps == 1) {
        s.nearest = lw_named(l, "from", element_at(l, inst, whole(l, "base", at), n));
        return s;
    }
    s.from = kir_alloc(&l->b, "from", sx_max(n) <= INT32_MAX ? DT_i32 : DT_i64, taps);
    s.weight = kir_alloc(&l->b, "weight", (nfc_dtype)t, taps);
    const ir_sx *base = whole(l, "base", lw_un(l, FLOOR, at)), *k = lw_for(l, "k", sx_int(l->sx, taps));
    const ir_sx *i = sx_add(l->sx, base, sx_sub(l->sx, k, sx_int(l->sx, taps == 4)));
    const kir_expr *way = lw_bin(l, SUB, at, real(l, i));
    const kir_expr *w = taps == 4 ? cubic(l, way) : lw_bin(l, SUB, num(l, 1), lw_un(l, ABS, way));
    kir_store(&l->b, s.from, k, kir_cast(&l->b, (kir_type)s.from->dtype, element_at(l, inst, i, n)));
    kir_store(&l->b, s.weight, k, kir_cast(&l->b, t, w));
    lw_close(l, 1);
    return s;
}

/* Element `raw` of an axis as an index; `outside` gathers what is a zero instead. */
static const ir_sx *index_of(lw *l, const neighbours *s, const kir_expr *raw, bool zeros, const kir_expr **outside)
{
    kir_builder *b = &l->b;
    const kir_expr *zero = kir_int(b, KIR_INDEX_TYPE, 0), *last = kir_index(b, sx_sub(l->sx, s->n, sx_int(l->sx, 1)));
    if (zeros) *outside = lw_bin(l, OR, *outside, lw_bin(l, LT, raw, zero));
    return kir_let_index(b, "in", lw_bin(l, MIN, lw_bin(l, MAX, raw, zero), last), 0, sx_max(s->n) - 1);
}

/* The sum over all combinations of neighbours, or the one nearest element; in: batch and channel are set. */
static const kir_expr *sampled(lw *l, const ir_inst *inst, const neighbours *s, int axes, int taps, kir_type t, const ir_sx **in)
{
    kir_builder *b = &l->b;
    nfc_dtype dtype = inst->in[0]->type->dtype;
    bool zeros = is_mode(inst, ATTR_AT(grid_sample, padding_mode), "zeros");
    kir_buffer *acc = taps > 1 ? lw_accumulator(l, "acc", t, lw_number(l, t, 0)) : NULL;
    const kir_expr *outside = kir_int(b, DT_bool, 0), *weight = NULL;
    for (int i = 0; i < axes; i++) {
        const ir_sx *k = lw_for(l, lw_axis_names(axes + 2)[2 + i], sx_int(l->sx, taps));
        const kir_expr *raw = s[i].nearest ? s[i].nearest : kir_cast(b, KIR_INDEX_TYPE, kir_load(b, s[i].from, k));
        in[2 + i] = index_of(l, &s[i], raw, zeros, &outside);
        const kir_expr *w = taps > 1 ? kir_load(b, s[i].weight, k) : NULL;
        weight = weight ? lw_bin(l, MUL, weight, w) : w;
    }
    const kir_expr *x = lw_load(l, inst->in[0], in);
    x = lw_sel(l, outside, lw_number(l, kir_compute(dtype), 0), x);
    if (acc) kir_accum(b, KB_ADD, acc, sx_int(l->sx, 0), lw_bin(l, MUL, weight, kir_cast(b, t, x)));
    lw_close(l, axes);
    if (!acc) return x;
    x = lw_read(l, acc);
    if (!dtype_is_float(dtype)) x = lw_un(l, RINT, x);
    return kir_cast(b, kir_compute(dtype), kir_cast(b, (kir_type)dtype, x));
}

bool lo_grid_sample(lw *l, const ir_inst *inst)
{
    const ir_type *x = inst->in[0]->type, *y = inst->out[0]->type;
    int axes = x->rank - 2, taps = is_mode(inst, ATTR_AT(grid_sample, mode), "nearest") ? 1 : is_mode(inst, ATTR_AT(grid_sample, mode), "linear") ? 2 : 4;
    kir_type t = x->dtype == DT_f64 || (!dtype_is_float(x->dtype) && dtype_bytes(x->dtype) >= 4) ? DT_f64 : DT_f32;
    const ir_sx *out[5], *in[5], *cell[5];
    neighbours s[3];
    /* The channels of a place share its neighbours. With extents that only the run knows they go first: loops in
     * the order of the axes are what can be shown to write different elements. */
    bool shared = ir_is_static(y);
    if (ir_max_elements(y) == 0) return true;
    out[0] = in[0] = cell[0] = lw_for_parallel(l, "n", y->dim[0]);
    if (!shared) out[1] = in[1] = lw_for_parallel(l, "c", y->dim[1]);
    for (int i = 0; i < axes; i++) out[2 + i] = cell[1 + i] = lw_for_parallel(l, lw_axis_names(y->rank)[2 + i], y->dim[2 + i]);
    for (int i = 0; i < axes; i++) {
        cell[1 + axes] = sx_int(l->sx, axes - 1 - i); /* the innermost axis stands first */
        s[i] = find(l, inst, lw_load(l, inst->in[1], cell), x->dim[2 + i], taps, t);
    }
    if (shared) out[1] = in[1] = lw_for(l, "c", y->dim[1]);
    lw_store(l, 0, out, sampled(l, inst, s, axes, taps, t, in));
    lw_close(l, y->rank);
    return true;
}

/* ---- affine_grid --------------------------------------------------------------------------- */

/* Where element p of n lies between -1 and 1. */
static const kir_expr *between_ends(lw *l, const ir_sx *p, const ir_sx *n, bool corners, kir_type t)
{
    const ir_sx *steps = corners ? sx_sub(l->sx, n, sx_int(l->sx, 1)) : n;
    const ir_sx *twice = sx_add(l->sx, sx_mul(l->sx, p, sx_int(l->sx, 2)), sx_int(l->sx, !corners));
    const kir_expr *at = kir_cast(&l->b, t, kir_index(&l->b, sx_sub(l->sx, twice, steps)));
    const kir_expr *place = lw_bin(l, DIV, at, kir_cast(&l->b, t, kir_index(&l->b, steps)));
    const kir_expr *lone = lw_bin(l, LT, kir_index(&l->b, steps), kir_int(&l->b, KIR_INDEX_TYPE, 1));
    return lw_sel(l, lone, lw_number(l, t, 0), place);
}

const kir_expr *lx_affine_grid(lw *l, const ir_inst *inst, int result, const ir_sx *const *index)
{
    (void)result;
    const ir_type *y = inst->out[0]->type;
    int axes = y->rank - 2;
    kir_type t = kir_compute(y->dtype);
    bool corners = ir_int(inst, ATTR_AT(affine_grid, align_corners));
    const ir_sx *row[3] = {index[0], index[axes + 1], sx_int(l->sx, axes)};
    const kir_expr *sum = lw_load(l, inst->in[0], row);
    for (int k = 0; k < axes; k++) {
        row[2] = sx_int(l->sx, k);
        const kir_expr *place = between_ends(l, index[axes - k], y->dim[axes - k], corners, t);
        sum = lw_bin(l, ADD, sum, lw_bin(l, MUL, lw_load(l, inst->in[0], row), place));
    }
    return sum;
}
