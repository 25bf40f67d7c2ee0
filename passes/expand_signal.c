/* Fourier transforms as matrix products.
 *
 * A length with divisors is taken apart at one of them, as Cooley and Tukey have it: with t = t1 B + t2 and
 * k = k1 + A k2 of a length A B, transforms of length A along t1, a turn by t2 k1 / (A B), transforms of length B
 * along t2. Short and prime lengths are one product with a matrix made at compile time. A length that only the
 * run knows is one with a matrix that the program makes. */
#include <math.h>
#include "ir/shape.h"
#include "passes/expand.h"

#define PI 3.14159265358979323846

/* Real and imaginary parts stand side by side, innermost: a complex number is two rows of a matrix, or two columns. */
typedef struct {
    mk *k;
    nfc_dtype t;
    double sign; /* of the exponent */
} transform;

static const ir_sx *num(const transform *f, int64_t v) { return mk_sx(f->k, v); }
static const ir_sx *product(const transform *f, const ir_sx *a, const ir_sx *b) { return sx_mul(&f->k->m->sx, a, b); }

/* A constant of these numbers, rows times columns. */
static ir_value *matrix(const transform *f, int64_t rows, int64_t columns, const double *v)
{
    const ir_sx *dim[2] = {num(f, rows), num(f, columns)};
    void *data = arena_alloc(f->k->m->arena, (size_t)(rows * columns) * dtype_bytes(f->t));
    for (int64_t i = 0; i < rows * columns; i++) dtype_set(f->t, data, (size_t)i, v[i]);
    return mk_const(f->k, ir_tensor(f->k->m, f->t, 2, dim), data);
}

typedef struct {
    double cosine, sine;
} circle;

/* The point a b / length of a turn along the circle; quarters are exact. */
static circle turn(int64_t a, int64_t b, int64_t length)
{
    static const circle quarters[4] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};
    int64_t at = (int64_t)((uint64_t)a * (uint64_t)b % (uint64_t)length);
    double angle = 2 * PI * (double)at / (double)length;
    return 4 * at % length == 0 ? quarters[4 * at / length] : (circle){cos(angle), sin(angle)};
}

/* ---- one product --------------------------------------------------------------------------- */

/* From n numbers of `parts` parts to the first bins of a transform of a length. */
static ir_value *bins_matrix(const transform *f, int64_t n, int parts, int64_t bins, int64_t length)
{
    double *v = ARENA_ARRAY(f->k->m->arena, double, n * parts * bins * 2);
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < bins; k++) {
            circle at = turn(i, k, length);
            double c = at.cosine, s = f->sign * at.sine;
            double *cell = &v[(i * parts * bins + k) * 2];
            cell[0] = c;
            cell[1] = s;
            if (parts == 2) cell[bins * 2] = -s, cell[bins * 2 + 1] = c;
        }
    return matrix(f, n * parts, bins * 2, v);
}

/* From the first n bins of a real signal's transform to the signal. */
static ir_value *half_matrix(const transform *f, int64_t n, int parts, int64_t length)
{
    double *v = ARENA_ARRAY(f->k->m->arena, double, n * parts * length);
    for (int64_t k = 0; k < n; k++)
        for (int64_t i = 0; i < length; i++) {
            bool alone = k == 0 || 2 * k == length;
            circle at = turn(k, i, length);
            double weight = (alone ? 1 : 2) / (double)length;
            v[k * parts * length + i] = weight * at.cosine;
            if (parts == 2) v[(k * parts + 1) * length + i] = alone ? 0 : -weight * at.sine;
        }
    return matrix(f, n * parts, length, v);
}

/* x [R, n, parts] times a matrix, as [R, columns / out, out]. */
static ir_value *times(const transform *f, ir_value *x, ir_value *w, int out)
{
    if (ir_is_poison(x) || ir_is_poison(w)) return x;
    const ir_sx *rows = mk_extent(x, 0), *columns = mk_extent(w, 1);
    ir_value *y = mk_op2(f->k, IR_matmul, mk_reshape(f->k, x, 2, (const ir_sx *const[]){rows, mk_extent(w, 0)}), w);
    return mk_reshape(f->k, y, 3, (const ir_sx *const[]){rows, num(f, sx_value(columns) / out), num(f, out)});
}

/* ---- lengths with divisors ------------------------------------------------------------------- */

/* The divisor next below the root, where a product with a matrix would be large; else 1. */
static int64_t divisor_of(int64_t length)
{
    enum { SHORT = 64 };
    int64_t a = (int64_t)sqrt((double)length);
    if (length <= SHORT) return 1;
    while (length % a) a--;
    return a;
}

/* Are the tables of this length small enough to be constants? A length of few divisors wants a square of one. */
static bool has_tables(int64_t length)
{
    enum { MOST = 1 << 20, MOST_SQUARE = 1024 };
    if (length > MOST) return false;
    int64_t a = divisor_of(length);
    return a == 1 ? length <= MOST_SQUARE : has_tables(a) && has_tables(length / a);
}

/* x [R, n, m, 2] times exp(sign 2 pi i a b / length) at (a, b). */
static ir_value *turned(const transform *f, ir_value *x, int64_t n, int64_t m)
{
    double *same = ARENA_ARRAY(f->k->m->arena, double, n * m * 2), *other = ARENA_ARRAY(f->k->m->arena, double, n * m * 2);
    for (int64_t i = 0; i < n * m; i++) {
        circle at = turn(i / m, i % m, n * m);
        same[2 * i] = same[2 * i + 1] = at.cosine;
        other[2 * i + 1] = f->sign * at.sine;
        other[2 * i] = -other[2 * i + 1];
    }
    const ir_sx *dim[3] = {num(f, n), num(f, m), num(f, 2)};
    ir_value *c = mk_reshape(f->k, matrix(f, n * m, 2, same), 3, dim), *s = mk_reshape(f->k, matrix(f, n * m, 2, other), 3, dim);
    ir_inst *swap = mk_begin(f->k, IR_slice, 1, &x); /* imaginary part first */
    mk_ints(f->k, swap, "starts", 1, (int64_t[]){-1});
    mk_ints(f->k, swap, "ends", 1, (int64_t[]){-3});
    mk_ints(f->k, swap, "axes", 1, (int64_t[]){3});
    mk_ints(f->k, swap, "steps", 1, (int64_t[]){-1});
    return ex_add(f->k, ex_mul(f->k, x, c), ex_mul(f->k, mk_end(f->k, swap, 1), s));
}

/* All bins of x [R, length, parts], as [R, length, 2]. */
static ir_value *all_bins(const transform *f, ir_value *x, int64_t length)
{
    static const int inner[4] = {0, 2, 1, 3};
    if (ir_is_poison(x)) return x;
    mk *k = f->k;
    int64_t a = divisor_of(length), b = length / a;
    const ir_sx *rows = mk_extent(x, 0), *parts = mk_extent(x, 2), *two = num(f, 2), *na = num(f, a), *nb = num(f, b);
    if (a == 1) return times(f, x, bins_matrix(f, length, (int)sx_value(parts), length, length), 2);
    x = mk_transpose(k, mk_reshape(k, x, 4, (const ir_sx *const[]){rows, na, nb, parts}), inner);
    x = all_bins(f, mk_reshape(k, x, 3, (const ir_sx *const[]){product(f, rows, nb), na, parts}), a);
    x = turned(f, mk_reshape(k, x, 4, (const ir_sx *const[]){rows, nb, na, two}), b, a);
    x = all_bins(f, mk_reshape(k, mk_transpose(k, x, inner), 3, (const ir_sx *const[]){product(f, rows, na), nb, two}), b);
    x = mk_transpose(k, mk_reshape(k, x, 4, (const ir_sx *const[]){rows, na, nb, two}), inner);
    return mk_reshape(k, x, 3, (const ir_sx *const[]){rows, num(f, length), two});
}

/* x [R, n, parts] with zeros behind, up to n = length. */
static ir_value *filled_up(const transform *f, ir_value *x, int64_t length)
{
    int64_t n = sx_value(mk_extent(x, 1));
    if (n == length) return x;
    ir_inst *pad = mk_begin(f->k, IR_pad, 1, &x);
    mk_ints(f->k, pad, "pads", 2, (int64_t[]){0, length - n});
    mk_ints(f->k, pad, "axes", 1, (int64_t[]){1});
    return mk_end(f->k, pad, 1);
}

/* The whole spectrum [R, length, 2] of which the first half is x [R, length / 2 + 1, parts]: the others are mirrored
 * conjugates. */
static ir_value *whole_spectrum(const transform *f, ir_value *x, int64_t length)
{
    mk *k = f->k;
    if (sx_is(mk_extent(x, 2), 1)) {
        ir_inst *pad = mk_begin(k, IR_pad, 1, &x);
        mk_ints(k, pad, "pads", 2, (int64_t[]){0, 1});
        mk_ints(k, pad, "axes", 1, (int64_t[]){2});
        x = mk_end(k, pad, 1);
    }
    ir_inst *back = mk_begin(k, IR_slice, 1, &x);
    mk_ints(k, back, "starts", 1, (int64_t[]){(length - 1) / 2});
    mk_ints(k, back, "ends", 1, (int64_t[]){0});
    mk_ints(k, back, "axes", 1, (int64_t[]){1});
    mk_ints(k, back, "steps", 1, (int64_t[]){-1});
    ir_value *mirrored = ex_mul(k, mk_end(k, back, 1), mk_reshape(k, matrix(f, 1, 2, (double[]){1, -1}), 1, (const ir_sx *const[]){num(f, 2)}));
    return mk_concat(k, 2, (ir_value *[]){x, mirrored}, 1);
}

/* ---- lengths known at compile time ----------------------------------------------------------- */

/* x [R, n, parts] to [R, out, parts_out], before the inverse's division. */
static ir_value *known_length(const transform *f, ir_value *x, const dft_lengths *d)
{
    mk *k = f->k;
    if (ir_is_poison(x)) return x;
    int64_t length = sx_value(d->length), most = d->parts_out == 1 ? length / 2 + 1 : length, n = sx_value(d->in) < most ? sx_value(d->in) : most;
    x = mk_slice(k, x, 1, num(f, 0), num(f, n));
    if (ir_is_poison(x)) return x;
    bool direct = divisor_of(length) == 1;
    if (d->parts_out == 1 && direct) return times(f, x, half_matrix(f, n, d->parts_in, length), 1);
    if (d->parts_out == 1) {
        x = all_bins(f, whole_spectrum(f, filled_up(f, x, most), length), length);
        return ex_by(k, IR_mul, mk_slice(k, x, 2, num(f, 0), num(f, 1)), 1 / (double)length);
    }
    if (direct) x = times(f, x, bins_matrix(f, n, d->parts_in, sx_value(d->out), length), 2);
    else x = mk_slice(k, all_bins(f, filled_up(f, x, length), length), 1, num(f, 0), d->out);
    return d->inverse ? ex_by(k, IR_mul, x, 1 / (double)length) : x;
}

/* ---- lengths that only the run knows ----------------------------------------------------------- */

/* 0, 1, ... n - 1 as integers: a column, or a row. */
static ir_value *counted(const transform *f, const ir_sx *n, bool column)
{
    ir_inst *range = mk_begin(f->k, IR_range, 0, NULL);
    mk_sxs(f->k, range, "limit", 1, &n);
    mk_dtype(range, "dtype", DT_i64);
    return mk_unsqueeze(f->k, mk_end(f->k, range, 1), column ? 1 : 0);
}

/* The matrix [n, m] of cosines, or sines, of 2 pi a b / length, where `keep` is true; else zeros. In f64 first. */
static ir_value *waves(const transform *f, ir_op op, ir_value *a, ir_value *b, ir_value *length, ir_value *keep)
{
    mk *k = f->k;
    ir_value *place = mk_op2(k, IR_mod, ex_mul(k, a, b), length);
    ir_value *angle = ex_div(k, ex_by(k, IR_mul, mk_cast(k, place, DT_f64), 2 * PI), mk_cast(k, length, DT_f64));
    ir_value *wave = mk_cast(k, mk_op1(k, op, angle), f->t);
    return mk_op3(k, IR_where, keep, wave, mk_number(k, f->t, 0));
}

static ir_value *part_of(const transform *f, ir_value *x, int part) { return mk_pick(f->k, x, 2, num(f, part)); }

/* Real and imaginary parts [R, m] as [R, m, 2]. */
static ir_value *joined(const transform *f, ir_value *re, ir_value *im)
{
    return mk_concat(f->k, 2, (ir_value *[]){mk_unsqueeze(f->k, re, 2), mk_unsqueeze(f->k, im, 2)}, 2);
}

static ir_value *open_length(const transform *f, ir_value *x, const dft_lengths *d)
{
    mk *k = f->k;
    bool half = d->parts_out == 1, complex = d->parts_in == 2;
    ir_value *length = mk_index_tensor(k, d->length, DT_i64), *a = counted(f, d->in, true), *b = counted(f, d->out, false);
    ir_value *limit = half ? mk_index_tensor(k, sx_add(&k->m->sx, sx_div(&k->m->sx, d->length, 2), num(f, 1)), DT_i64) : length;
    ir_value *keep = mk_op2(k, IR_less, a, limit);
    ir_value *cosines = waves(f, IR_cos, a, b, length, keep), *sines = waves(f, IR_sin, a, b, length, keep);
    if (half) { /* each bin stands for its mirror too, but for the first and the middle one */
        ir_value *twice = ex_by(k, IR_mul, mk_cast(k, a, f->t), 2);
        ir_value *alone = mk_op2(k, IR_or, mk_op2(k, IR_equal, twice, mk_number(k, f->t, 0)), mk_op2(k, IR_equal, twice, mk_cast(k, length, f->t)));
        ir_value *weight = mk_op3(k, IR_where, alone, mk_number(k, f->t, 1), mk_number(k, f->t, 2));
        cosines = ex_mul(k, cosines, weight);
        sines = ex_mul(k, sines, mk_op3(k, IR_where, alone, mk_number(k, f->t, 0), weight));
    }
    ir_value *xr = part_of(f, x, 0), *xi = complex ? part_of(f, x, 1) : NULL;
    ir_value *re = mk_op2(k, IR_matmul, xr, cosines), *im = half ? NULL : ex_by(k, IR_mul, mk_op2(k, IR_matmul, xr, sines), f->sign);
    if (complex) re = ex_sub(k, re, ex_by(k, IR_mul, mk_op2(k, IR_matmul, xi, sines), f->sign));
    if (complex && !half) im = ex_add(k, im, mk_op2(k, IR_matmul, xi, cosines));
    ir_value *y = half ? mk_unsqueeze(k, re, 2) : joined(f, re, im);
    return d->inverse ? ex_div(k, y, mk_cast(k, length, f->t)) : y;
}

/* ---- the ops ------------------------------------------------------------------------------- */

/* The axis goes to the place before the last, or back from there. */
static ir_value *with_axis_behind(mk *k, ir_value *x, int axis, bool back)
{
    if (ir_is_poison(x)) return x;
    int perm[IR_MAX_RANK], rank = x->type->rank, n = 0;
    for (int i = 0; i < rank - 1; i++)
        if (i != axis) perm[n++] = i;
    perm[n++] = axis;
    perm[n] = rank - 1;
    if (!back) return mk_transpose(k, x, perm);
    int inverse[IR_MAX_RANK];
    for (int i = 0; i < rank; i++) inverse[perm[i]] = i;
    return mk_transpose(k, x, inverse);
}

void ex_dft(mk *k, const ir_inst *inst, ir_value **out)
{
    dft_lengths d = dft_lengths_of(k->m, inst);
    ir_value *x = with_axis_behind(k, ex_operand(k, inst, 0), d.axis, false);
    transform f = {k, x->type->dtype, d.inverse ? 1 : -1};
    const ir_sx *dim[IR_MAX_RANK], *rows = num(&f, 1);
    int rank = inst->in[0]->type->rank;
    for (int i = 0; i < rank - 2; i++) dim[i] = mk_extent(x, i), rows = product(&f, rows, dim[i]);
    x = mk_reshape(k, x, 3, (const ir_sx *const[]){rows, d.in, num(&f, d.parts_in)});
    bool known = sx_is_const(d.length) && sx_is_const(d.in) && has_tables(sx_value(d.length));
    x = known ? known_length(&f, x, &d) : open_length(&f, x, &d);
    dim[rank - 2] = d.out;
    dim[rank - 1] = num(&f, d.parts_out);
    out[0] = ex_result(k, inst, 0, with_axis_behind(k, mk_reshape(k, x, rank, dim), d.axis, true));
}

void ex_stft(mk *k, const ir_inst *inst, ir_value **out)
{
    stft_lengths s = stft_lengths_of(k->m, inst);
    ir_value *x = ex_operand(k, inst, 0), *weights = ex_operand(k, inst, 1);
    ir_inst *parts = mk_begin(k, IR_frames, 1, &x);
    mk_sxs(k, parts, "frame_length", 1, &s.part);
    mk_sxs(k, parts, "frame_step", 1, inst->attr[ATTR_AT(stft, frame_step)].sx);
    mk_sxs(k, parts, "frames", 1, &s.frames);
    x = mk_end(k, parts, 1);
    if (weights) x = ex_mul(k, x, mk_unsqueeze(k, weights, 1));
    ir_inst *dft = mk_begin(k, IR_dft, 1, &x);
    mk_sxs(k, dft, "dft_length", 1, &s.length);
    mk_int(dft, "axis", 2);
    mk_int(dft, "onesided", ir_int(inst, ATTR_AT(stft, onesided)));
    out[0] = ex_result(k, inst, 0, mk_end(k, dft, 1));
}
