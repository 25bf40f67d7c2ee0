/* Windows and filter banks. What only compile time decides is a table; else it is worked out in f64. */
#include <math.h>
#include "ir/shape.h"
#include "passes/lower_kir.h"

#define PI 3.14159265358979323846

static const kir_expr *real(lw *l, double v) { return lw_number(l, DT_f64, v); }

/* Element `at` of a table of doubles as an element of type t. */
static const kir_expr *of_table(lw *l, const char *name, nfc_dtype t, int64_t n, const double *value, const ir_sx *at)
{
    void *data = arena_alloc(l->m->arena, (size_t)n * dtype_bytes(t));
    for (int64_t i = 0; i < n; i++) dtype_set(t, data, (size_t)i, value[i]);
    return kir_load(&l->b, lw_table(l, name, t, n, data), at);
}

/* ---- windows ------------------------------------------------------------------------------- */

/* A sum of cosines: c[0] + c[1] cos(t) + c[2] cos(2t). */
static const double *window_terms(ir_op op)
{
    static const double hann[3] = {0.5, -0.5, 0}, hamming[3] = {25.0 / 46.0, -21.0 / 46.0, 0}, blackman[3] = {0.42, -0.5, 0.08};
    return op == IR_hann_window ? hann : op == IR_hamming_window ? hamming : blackman;
}

const kir_expr *lx_window(lw *l, const ir_inst *inst, int result, const ir_sx *const *index)
{
    (void)result;
    const ir_type *y = inst->out[0]->type;
    const double *c = window_terms(inst->op);
    bool periodic = ir_attr_named(inst, "periodic")->i;
    if (ir_is_static(y) && ir_max_elements(y) > 0) {
        int64_t n = sx_value(y->dim[0]);
        double *value = ARENA_ARRAY(l->m->arena, double, n), turn = 2 * PI / (double)(periodic ? n : n - 1);
        for (int64_t i = 0; i < n; i++) value[i] = c[0] + c[1] * cos((double)i * turn) + c[2] * cos(2 * ((double)i * turn));
        return of_table(l, "window", y->dtype, n, value, index[0]);
    }
    const ir_sx *period = periodic ? y->dim[0] : sx_sub(l->sx, y->dim[0], sx_int(l->sx, 1));
    const kir_expr *turn = lw_bin(l, DIV, kir_cast(&l->b, DT_f64, kir_index(&l->b, index[0])), kir_cast(&l->b, DT_f64, kir_index(&l->b, period)));
    const kir_expr *t = lw_named(l, "t", lw_bin(l, MUL, turn, real(l, 2 * PI)));
    const kir_expr *x = lw_bin(l, ADD, real(l, c[0]), lw_bin(l, MUL, real(l, c[1]), lw_un(l, COS, t)));
    if (c[2] != 0) x = lw_bin(l, ADD, x, lw_bin(l, MUL, real(l, c[2]), lw_un(l, COS, lw_bin(l, ADD, t, t))));
    return kir_cast(&l->b, (kir_type)y->dtype, x);
}

/* ---- the mel scale ------------------------------------------------------------------------- */

/* The bins of all edges, where compile time knows them. */
static double *known_edges(lw *l, const ir_inst *inst, int64_t bands)
{
    const void *low = ir_const_bytes(inst->in[0]), *high = ir_const_bytes(inst->in[1]);
    const ir_sx *length = inst->attr[ATTR_AT(mel_weight_matrix, dft_length)].sx[0];
    if (!low || !high || !sx_is_const(length) || !sx_is_const(inst->index[0])) return NULL;
    double *bin = ARENA_ARRAY(l->m->arena, double, bands + 2);
    double first = log1p(dtype_get(inst->in[0]->type->dtype, low, 0) / 700), last = log1p(dtype_get(inst->in[1]->type->dtype, high, 0) / 700);
    for (int64_t i = 0; i < bands + 2; i++) {
        double hertz = 700 * expm1(first + (last - first) * (double)i / (double)(bands + 2));
        bin[i] = floor((double)(sx_value(length) + 1) * hertz / (double)sx_value(inst->index[0]));
    }
    return bin;
}

/* The bin of edge i. */
static const kir_expr *edge(lw *l, const ir_inst *inst, const ir_sx *i)
{
    kir_builder *b = &l->b;
    const ir_sx *const zeros[IR_MAX_RANK] = {sx_int(l->sx, 0), sx_int(l->sx, 0), sx_int(l->sx, 0), sx_int(l->sx, 0), sx_int(l->sx, 0), sx_int(l->sx, 0), sx_int(l->sx, 0), sx_int(l->sx, 0)};
    const kir_expr *end[2];
    for (int k = 0; k < 2; k++) end[k] = lw_un(l, LOG1P, lw_bin(l, DIV, kir_cast(b, DT_f64, lw_load(l, inst->in[k], zeros)), real(l, 700)));
    const ir_sx *edges = sx_add(l->sx, inst->out[0]->type->dim[1], sx_int(l->sx, 2));
    const kir_expr *way = lw_bin(l, DIV, lw_bin(l, MUL, lw_bin(l, SUB, end[1], end[0]), kir_cast(b, DT_f64, kir_index(b, i))), kir_cast(b, DT_f64, kir_index(b, edges)));
    const kir_expr *hertz = lw_bin(l, MUL, real(l, 700), lw_un(l, EXPM1, lw_bin(l, ADD, end[0], way)));
    const ir_sx *length = sx_add(l->sx, inst->attr[ATTR_AT(mel_weight_matrix, dft_length)].sx[0], sx_int(l->sx, 1));
    hertz = lw_bin(l, MUL, kir_cast(b, DT_f64, kir_index(b, length)), hertz);
    return lw_named(l, "edge", lw_un(l, FLOOR, lw_bin(l, DIV, hertz, kir_cast(b, DT_f64, kir_index(b, inst->index[0])))));
}

const kir_expr *lx_mel_weight_matrix(lw *l, const ir_inst *inst, int result, const ir_sx *const *index)
{
    (void)result;
    const ir_type *y = inst->out[0]->type;
    double *known = sx_is_const(y->dim[1]) ? known_edges(l, inst, sx_value(y->dim[1])) : NULL;
    kir_buffer *table = known ? lw_table(l, "edges", DT_f64, sx_value(y->dim[1]) + 2, known) : NULL;
    const kir_expr *bin[3], *at = kir_cast(&l->b, DT_f64, kir_index(&l->b, index[0]));
    for (int k = 0; k < 3; k++) {
        const ir_sx *i = sx_add(l->sx, index[1], sx_int(l->sx, k));
        bin[k] = table ? kir_load(&l->b, table, i) : edge(l, inst, i);
    }
    const kir_expr *up = lw_bin(l, DIV, lw_bin(l, SUB, at, bin[0]), lw_bin(l, SUB, bin[1], bin[0]));
    const kir_expr *down = lw_bin(l, DIV, lw_bin(l, SUB, bin[2], at), lw_bin(l, SUB, bin[2], bin[1]));
    const kir_expr *inside = lw_bin(l, AND, lw_bin(l, LE, bin[0], at), lw_bin(l, LT, at, bin[2]));
    const kir_expr *slope = lw_sel(l, lw_bin(l, LT, at, bin[1]), up, down);
    const kir_expr *x = lw_sel(l, lw_bin(l, EQ, at, bin[1]), real(l, 1), lw_sel(l, inside, slope, real(l, 0)));
    return kir_cast(&l->b, (kir_type)y->dtype, x);
}

/* ---- frames -------------------------------------------------------------------------------- */

const kir_expr *lx_frames(lw *l, const ir_inst *inst, int result, const ir_sx *const *index)
{
    (void)result;
    const ir_type *x = inst->in[0]->type;
    const ir_sx *in[IR_MAX_RANK] = {index[0], sx_add(l->sx, sx_mul(l->sx, index[1], inst->attr[ATTR_AT(frames, frame_step)].sx[0]), index[2])};
    for (int k = 2; k < x->rank; k++) in[k] = index[k + 1];
    const ir_sx *beyond = sx_sub(l->sx, in[1], x->dim[1]);
    if (sx_max(x->dim[1]) == 0) return lw_number(l, kir_compute(x->dtype), 0);
    if (sx_max(beyond) < 0) return lw_load(l, inst->in[0], in);
    const kir_expr *inside = lw_bin(l, LT, kir_index(&l->b, in[1]), kir_index(&l->b, x->dim[1]));
    in[1] = lw_clamped(l, "at", in[1], x->dim[1]);
    return lw_sel(l, inside, lw_load(l, inst->in[0], in), lw_number(l, kir_compute(x->dtype), 0));
}
