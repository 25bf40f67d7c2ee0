/* Quantisation, as ONNX defines it. Where the standard computes in f32, so does this, step by step: a
 * result that lies between two integers is decided by the last bit. */
#include <math.h>
#include <string.h>
#include "ir/shape.h"
#include "ir/sim.h"

/* ---- quantize_linear and dequantize_linear -------------------------------------------------- */

/* Where the scale of the element at `at` of x stands: a tensor of one number, of one for each place of an
 * axis, or of one a block. */
static int64_t shared_place(const sim_call *c, const sim_tensor *s, const int64_t *at)
{
    int64_t axis = ir_attr_named(c->inst, "axis")->i, block = ir_attr_named(c->inst, "block_size")->i, flat = 0;
    if (s->n == 1) return 0;
    if (axis < 0) axis += c->in[0]->rank;
    if (block == 0) return at[axis];
    for (int i = 0; i < s->rank; i++) flat = flat * s->dim[i] + (i == axis ? at[i] / block : at[i]);
    return flat;
}

static double clamped(double v, nfc_dtype t)
{
    double low = (double)dtype_min(t), high = (double)dtype_max(t);
    return v < low ? low : v > high ? high : v;
}

/* To the nearest integer, halves to the even one, plus the zero point, into the range of y. */
static void set_quantised(sim_tensor *y, int64_t i, double v, int64_t zero)
{
    sim_set_int(y, i, isnan(v) ? zero : (int64_t)clamped(nearbyint(v) + (double)zero, y->dtype));
}

bool ev_quantize_linear(sim_call *c)
{
    const sim_tensor *x = c->in[0], *scale = c->in[1], *zero = c->nin > 2 ? c->in[2] : NULL;
    sim_tensor *y = c->out[0];
    nfc_dtype precision = quantize_precision(c->inst);
    dtype_overflow overflow = ir_int(c->inst, ATTR_AT(quantize_linear, saturate)) ? DTYPE_SATURATE : DTYPE_OVERFLOW;
    sim_coords at = {.rank = x->rank, .dim = x->dim};
    for (int64_t i = 0; i < x->n; i++, sim_coords_next(&at)) {
        double s = dtype_round(precision, sim_get(scale, shared_place(c, scale, at.at)));
        double v = dtype_round(precision, dtype_round(precision, sim_get(x, i)) / s);
        int64_t z = zero ? shared_place(c, zero, at.at) : 0;
        if (!dtype_is_float(y->dtype)) {
            set_quantised(y, i, v, zero ? sim_get_int(zero, z) : 0);
            continue;
        }
        if (zero) v = dtype_round(precision, v + sim_get(zero, z));
        ((uint8_t *)y->data)[i] = (uint8_t)dtype_encode(y->dtype, v, overflow);
    }
    return true;
}

bool ev_dequantize_linear(sim_call *c)
{
    const sim_tensor *x = c->in[0], *scale = c->in[1], *zero = c->nin > 2 ? c->in[2] : NULL;
    sim_coords at = {.rank = x->rank, .dim = x->dim};
    for (int64_t i = 0; i < x->n; i++, sim_coords_next(&at)) {
        double s = sim_get(scale, shared_place(c, scale, at.at)), v = sim_get(x, i);
        if (zero) v -= sim_get(zero, shared_place(c, zero, at.at));
        sim_set(c->out[0], i, dtype_round(DT_f32, dtype_round(DT_f32, v) * s));
    }
    return true;
}

bool ev_dynamic_quantize_linear(sim_call *c)
{
    const sim_tensor *x = c->in[0];
    float low = 0, high = 0;
    for (int64_t i = 0; i < x->n; i++) {
        float v = (float)sim_get(x, i);
        if (v < low || isnan(v)) low = v;
        if (v > high || isnan(v)) high = v;
    }
    float scale = (high - low) / 255.0f, zero = 0.0f - low / scale;
    sim_set(c->out[1], 0, (double)scale);
    set_quantised(c->out[2], 0, (double)zero, 0);
    for (int64_t i = 0; i < x->n; i++) {
        float v = (float)sim_get(x, i) / scale;
        set_quantised(c->out[0], i, (double)v, sim_get_int(c->out[2], 0));
    }
    return true;
}

bool ev_unpack_bits(sim_call *c)
{
    int64_t bits = ir_int(c->inst, ATTR_AT(unpack_bits, bits)), each = 8 / bits;
    for (int64_t i = 0; i < c->out[0]->n; i++) {
        int64_t byte = sim_get_int(c->in[0], i / each); /* rows hold whole bytes */
        sim_set_int(c->out[0], i, byte >> i % each * bits & ((1 << bits) - 1));
    }
    return true;
}

/* ---- sums of products ----------------------------------------------------------------------- */

/* A number of `t` that belongs to row or column `line` of the matrix at `at`, whose shape is that of x. */
static int64_t line_place(const sim_tensor *t, const sim_tensor *x, const int64_t *at, int64_t line)
{
    if (t->n == 1) return 0;
    return t->rank == 1 ? line : sim_flat_broadcast(t, x->rank, at);
}

static int64_t integer_less(const sim_tensor *x, int64_t i, const sim_tensor *zero, int64_t z)
{
    return sim_get_int(x, i) - (zero ? sim_get_int(zero, z) : 0);
}

/* The matrices a and b of a product, and where the row and column of one element of y stand. */
typedef struct {
    const sim_tensor *a, *b;
    int64_t row[IR_MAX_RANK], column[IR_MAX_RANK]; /* coordinates in a and b; those of the sum at 0 */
    int64_t m, n;
} product;

static product product_at(const sim_tensor *a, const sim_tensor *b, const sim_tensor *y, const int64_t *at)
{
    product p = {.a = a, .b = b};
    int rows = a->rank > 1, columns = b->rank > 1, batch = y->rank - rows - columns;
    for (int i = 0; i < a->rank - 2; i++) p.row[i] = a->dim[i] == 1 ? 0 : at[batch - (a->rank - 2) + i];
    for (int i = 0; i < b->rank - 2; i++) p.column[i] = b->dim[i] == 1 ? 0 : at[batch - (b->rank - 2) + i];
    if (rows) p.m = p.row[a->rank - 2] = at[batch];
    if (columns) p.n = p.column[b->rank - 1] = at[batch + rows];
    return p;
}

/* The sum over k of (a - za) (b - zb), wrapped to 32 bits. */
static int32_t integer_product(const product *p, const sim_tensor *za, const sim_tensor *zb)
{
    const sim_tensor *a = p->a, *b = p->b;
    int64_t i = sim_flat(a, p->row), k = sim_flat(b, p->column), step = b->rank > 1 ? b->dim[b->rank - 1] : 1;
    int64_t z = za ? line_place(za, a, p->row, p->m) : 0, w = zb ? line_place(zb, b, p->column, p->n) : 0;
    uint64_t sum = 0;
    for (int64_t j = 0; j < a->dim[a->rank - 1]; j++) sum += (uint64_t)(integer_less(a, i + j, za, z) * integer_less(b, k + j * step, zb, w));
    return (int32_t)(uint32_t)sum;
}

static const sim_tensor *optional(const sim_call *c, int i) { return i < c->nin ? c->in[i] : NULL; }

bool ev_matmul_integer(sim_call *c)
{
    sim_tensor *y = c->out[0];
    sim_coords at = {.rank = y->rank, .dim = y->dim};
    for (int64_t i = 0; i < y->n; i++, sim_coords_next(&at)) {
        product p = product_at(c->in[0], c->in[1], y, at.at);
        sim_set_int(y, i, integer_product(&p, optional(c, 2), optional(c, 3)));
    }
    return true;
}

/* sum * (s / t * u), each step in f32. */
static float rescaled(int32_t sum, double s, double t, double y_scale)
{
    float factor = (float)s * (float)t;
    factor /= (float)y_scale;
    return (float)sum * factor;
}

bool ev_qlinear_matmul(sim_call *c)
{
    sim_tensor *y = c->out[0];
    sim_coords at = {.rank = y->rank, .dim = y->dim};
    for (int64_t i = 0; i < y->n; i++, sim_coords_next(&at)) {
        product p = product_at(c->in[0], c->in[1], y, at.at);
        double s = sim_get(c->in[2], line_place(c->in[2], p.a, p.row, p.m)), t = sim_get(c->in[4], line_place(c->in[4], p.b, p.column, p.n));
        int32_t sum = integer_product(&p, c->in[3], c->in[5]);
        set_quantised(y, i, (double)rescaled(sum, s, t, sim_get(c->in[6], 0)), sim_get_int(c->in[7], 0));
    }
    return true;
}

/* ---- convolution ---------------------------------------------------------------------------- */

/* One element of a convolution, at `at` of the result, wrapped to 32 bits. */
static int32_t integer_window(const sim_call *c, const window *win, const int64_t *at, const sim_tensor *zx, const sim_tensor *zw)
{
    const sim_tensor *x = c->in[0], *w = c->in[1];
    int64_t group = ir_attr_named(c->inst, "group")->i, channel = at[1], first = channel / (w->dim[0] / group) * w->dim[1];
    uint64_t sum = 0;
    sim_coords k = {.rank = w->rank - 1, .dim = w->dim + 1}; /* of w: channel, kernel */
    for (int64_t j = 0, n = w->n / (w->dim[0] ? w->dim[0] : 1); j < n; j++, sim_coords_next(&k)) {
        int64_t from[IR_MAX_RANK] = {at[0], first + k.at[0]};
        bool inside = true;
        for (int i = 0; i < win->n; i++) {
            from[2 + i] = at[2 + i] * win->stride[i] - win->before[i] + k.at[1 + i] * win->dilation[i];
            inside &= from[2 + i] >= 0 && from[2 + i] < x->dim[2 + i];
        }
        if (inside) sum += (uint64_t)(integer_less(x, sim_flat(x, from), zx, 0) * integer_less(w, channel * n + j, zw, zw && zw->n > 1 ? channel : 0));
    }
    return (int32_t)(uint32_t)sum;
}

bool ev_conv_integer(sim_call *c)
{
    sim_tensor *y = c->out[0];
    window win;
    sim_window(c, &win);
    sim_coords at = {.rank = y->rank, .dim = y->dim};
    for (int64_t i = 0; i < y->n; i++, sim_coords_next(&at)) sim_set_int(y, i, integer_window(c, &win, at.at, optional(c, 2), optional(c, 3)));
    return true;
}

bool ev_qlinear_conv(sim_call *c)
{
    sim_tensor *y = c->out[0];
    const sim_tensor *scale = c->in[4], *bias = optional(c, 8);
    window win;
    sim_window(c, &win);
    sim_coords at = {.rank = y->rank, .dim = y->dim};
    for (int64_t i = 0; i < y->n; i++, sim_coords_next(&at)) {
        uint32_t sum = (uint32_t)integer_window(c, &win, at.at, c->in[3], c->in[5]);
        if (bias) sum += (uint32_t)sim_get_int(bias, at.at[1]);
        double s = sim_get(scale, scale->n > 1 ? at.at[1] : 0);
        set_quantised(y, i, (double)rescaled((int32_t)sum, sim_get(c->in[2], 0), s, sim_get(c->in[6], 0)), sim_get_int(c->in[7], 0));
    }
    return true;
}
