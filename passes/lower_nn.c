/* Contractions, windows and rotary embedding, as plain loop nests. */
#include <math.h>
#include <string.h>
#include "ir/shape.h"
#include "passes/lower_kir.h"
#include "passes/lower_planes.h"
#include "passes/lower_window.h"

static const ir_sx *zero(lw *l) { return sx_int(l->sx, 0); }

void lw_add_product(lw *l, kir_buffer *acc, const kir_expr *x, const kir_expr *y)
{
    kir_accum(&l->b, KB_ADD, acc, zero(l), lw_bin(l, MUL, x, y));
}

/* ---- matrix products ----------------------------------------------------------------------- */

/* The index of an operand whose leading axes broadcast to those of the result. */
static void batch_index(lw *l, const ir_type *t, int matrix_axes, int batch, const ir_sx *const *out, const ir_sx **index)
{
    int lead = t->rank - matrix_axes;
    for (int i = 0; i < lead; i++) index[i] = sx_is(t->dim[i], 1) ? zero(l) : out[batch - lead + i];
}

const kir_expr *lw_shifted(lw *l, const ir_inst *inst, int i, int zero_point, int line, const ir_sx *const *index, kir_type t)
{
    const kir_expr *x = kir_cast(&l->b, t, lw_load(l, inst->in[i], index));
    const ir_value *z = ir_operand(inst, zero_point);
    if (!z) return x;
    const ir_sx *at[IR_MAX_RANK];
    int rank = z->type->rank, before = inst->in[i]->type->rank - rank;
    for (int k = 0; k < rank; k++) at[k] = sx_is(z->type->dim[k], 1) ? zero(l) : index[rank == 1 ? line : before + k];
    return lw_bin(l, SUB, x, kir_cast(&l->b, t, lw_load(l, z, at)));
}

static bool matrix_product(lw *l, const ir_inst *inst, kir_type t, bool zero_points)
{
    const ir_type *a = inst->in[0]->type, *b = inst->in[1]->type, *y = inst->out[0]->type;
    int rows = a->rank > 1, columns = b->rank > 1, batch = y->rank - rows - columns;
    const ir_sx *out[IR_MAX_RANK], *ia[IR_MAX_RANK], *ib[IR_MAX_RANK];
    for (int i = 0; i < batch; i++) out[i] = lw_for_parallel(l, lw_axis_names(IR_MAX_RANK)[i], y->dim[i]);
    if (rows) out[batch] = lw_for_parallel(l, "m", y->dim[batch]);
    if (columns) out[batch + rows] = lw_for_parallel(l, "n", y->dim[batch + rows]);
    kir_buffer *acc = lw_accumulator(l, "acc", t, lw_number(l, t, 0));
    const ir_sx *k = lw_for(l, "k", a->dim[a->rank - 1]);
    batch_index(l, a, 1 + rows, batch, out, ia);
    batch_index(l, b, 1 + columns, batch, out, ib);
    if (rows) ia[a->rank - 2] = out[batch];
    ia[a->rank - 1] = k;
    ib[b->rank - 1 - columns] = k;
    if (columns) ib[b->rank - 1] = out[batch + rows];
    const kir_expr *x = zero_points ? lw_shifted(l, inst, 0, 2, a->rank - 2, ia, t) : lw_load(l, inst->in[0], ia);
    const kir_expr *z = zero_points ? lw_shifted(l, inst, 1, 3, b->rank - 1, ib, t) : lw_load(l, inst->in[1], ib);
    lw_add_product(l, acc, x, z);
    lw_close(l, 1);
    lw_store(l, 0, out, lw_read(l, acc));
    lw_close(l, y->rank);
    return true;
}

bool lo_matmul(lw *l, const ir_inst *inst)
{
    return matrix_product(l, inst, kir_compute(inst->in[0]->type->dtype), false);
}

bool lo_matmul_integer(lw *l, const ir_inst *inst) { return matrix_product(l, inst, DT_i32, true); }

static const kir_expr *scaled(lw *l, const kir_expr *x, double by)
{
    return by == 1 ? x : lw_bin(l, MUL, lw_number(l, x->type, by), x);
}

bool lo_gemm(lw *l, const ir_inst *inst)
{
    bool ta = ir_int(inst, ATTR_AT(gemm, transa)), tb = ir_int(inst, ATTR_AT(gemm, transb));
    const ir_type *a = inst->in[0]->type, *y = inst->out[0]->type;
    kir_type t = kir_compute(a->dtype);
    const ir_sx *m = lw_for_parallel(l, "m", y->dim[0]), *n = lw_for_parallel(l, "n", y->dim[1]);
    kir_buffer *acc = lw_accumulator(l, "acc", t, lw_number(l, t, 0));
    const ir_sx *k = lw_for(l, "k", a->dim[ta ? 0 : 1]);
    const ir_sx *ia[2] = {ta ? k : m, ta ? m : k}, *ib[2] = {tb ? n : k, tb ? k : n}, *out[2] = {m, n};
    lw_add_product(l, acc, lw_load(l, inst->in[0], ia), lw_load(l, inst->in[1], ib));
    lw_close(l, 1);
    const kir_expr *value = scaled(l, lw_read(l, acc), ir_float(inst, ATTR_AT(gemm, alpha)));
    const ir_value *c = ir_operand(inst, 2);
    if (c) {
        const ir_sx *ic[2];
        for (int i = 0; i < c->type->rank; i++) ic[i] = sx_is(c->type->dim[i], 1) ? zero(l) : out[i + 2 - c->type->rank];
        value = lw_bin(l, ADD, value, scaled(l, lw_load(l, c, ic), ir_float(inst, ATTR_AT(gemm, beta))));
    }
    lw_store(l, 0, out, value);
    lw_close(l, 2);
    return true;
}

/* ---- pools --------------------------------------------------------------------------------- */

/* Flat position of an input element over the whole tensor; column-major over the spatial axes on
 * request. */
static const ir_sx *pool_position(lw *l, const ir_inst *inst, const window *w, const ir_sx *const *at)
{
    const ir_type *x = inst->in[0]->type;
    if (!ir_int(inst, ATTR_AT(max_pool, storage_order))) return lw_flatten(l, x, at);
    const ir_sx *spatial = zero(l), *all = sx_int(l->sx, 1);
    for (int i = 0; i < w->n; i++) {
        spatial = sx_add(l->sx, spatial, sx_mul(l->sx, at[2 + i], all));
        all = sx_mul(l->sx, all, w->in[i]);
    }
    const ir_sx *channel = sx_add(l->sx, sx_mul(l->sx, at[0], x->dim[1]), at[1]);
    return sx_add(l->sx, sx_mul(l->sx, channel, all), spatial);
}

static void max_window(lw *l, const ir_inst *inst, const window *w, const ir_sx **out, const ir_sx **in)
{
    kir_type t = kir_compute(inst->in[0]->type->dtype);
    bool wants_index = inst->nout > 1;
    const ir_sx *kernel[3];
    kir_buffer *best = lw_accumulator(l, "best", t, lw_lowest(l, inst->in[0]->type->dtype));
    kir_buffer *at = wants_index ? lw_accumulator(l, "at", DT_i64, kir_int(&l->b, DT_i64, -1)) : NULL;
    int opened = lw_for_window(l, w, &out[2], kernel, &in[2]);
    const kir_expr *x = lw_load(l, inst->in[0], in);
    if (!wants_index) {
        kir_accum(&l->b, KB_MAX, best, zero(l), x);
    } else {
        x = lw_named(l, "x", x);
        const kir_expr *first = lw_bin(l, LT, lw_read(l, at), kir_int(&l->b, DT_i64, 0));
        const kir_expr *better = lw_bin(l, OR, first, lw_bin(l, LT, lw_read(l, best), x));
        if (dtype_is_float((nfc_dtype)t)) better = lw_bin(l, OR, better, lw_bin(l, AND, lw_bin(l, NE, x, x), lw_bin(l, EQ, lw_read(l, best), lw_read(l, best))));
        lw_if(l, better);
        kir_store(&l->b, best, zero(l), x);
        kir_store(&l->b, at, zero(l), kir_cast(&l->b, DT_i64, kir_index(&l->b, pool_position(l, inst, w, in))));
        opened++;
    }
    lw_close(l, opened);
    lw_store(l, 0, out, lw_read(l, best));
    if (wants_index) lw_store(l, 1, out, lw_read(l, at));
}

/* How many elements a mean is over: those inside of the input or, on request, of its padding. */
static const kir_expr *count_of(lw *l, const window *w, const ir_sx *const *out, kir_type t, bool include_pad)
{
    const kir_expr *count = lw_number(l, t, 1);
    for (int i = 0; i < w->n; i++) {
        /* Kernel elements from the first that is inside to the last, at the dilation's distance. */
        const ir_sx *first = sx_sub(l->sx, sx_mul(l->sx, out[i], sx_int(l->sx, w->stride[i])), w->lead[i]);
        const ir_sx *low = include_pad ? sx_sub(l->sx, zero(l), w->lead[i]) : zero(l);
        const ir_sx *high = include_pad ? sx_add(l->sx, w->in[i], w->trail[i]) : w->in[i];
        kir_buffer *n = lw_accumulator(l, "count", t, lw_number(l, t, 0));
        const ir_sx *k = lw_for(l, lw_kernel_names[w->n - 1][i], sx_int(l->sx, w->kernel[i]));
        const ir_sx *at = sx_add(l->sx, first, sx_mul(l->sx, k, sx_int(l->sx, w->dilation[i])));
        const kir_expr *inside = lw_inside(l, sx_sub(l->sx, at, low), sx_sub(l->sx, high, low));
        if (inside->kind == KIR_CONST && inside->integer) { /* always all of them */
            lw_close(l, 1);
            kir_store(&l->b, n, zero(l), lw_number(l, t, (double)w->kernel[i]));
        } else {
            lw_if(l, inside);
            kir_accum(&l->b, KB_ADD, n, zero(l), lw_number(l, t, 1));
            lw_close(l, 2);
        }
        count = lw_bin(l, MUL, count, lw_read(l, n));
    }
    return lw_named(l, "elements", count);
}

/* |x|^p, and the root of a sum of that. */
static const kir_expr *powered(lw *l, const kir_expr *x, int64_t p)
{
    x = lw_named(l, "x", lw_un(l, ABS, x));
    if (p == 2) return lw_bin(l, MUL, x, x);
    return p == 1 ? x : lw_bin(l, POW, x, lw_number(l, x->type, (double)p));
}

static const kir_expr *rooted(lw *l, const kir_expr *sum, int64_t p)
{
    if (p == 2) return lw_un(l, SQRT, sum);
    return p == 1 ? sum : lw_bin(l, POW, sum, lw_number(l, sum->type, 1.0 / (double)p));
}

static void sum_window(lw *l, const ir_inst *inst, const window *w, const ir_sx **out, const ir_sx **in)
{
    kir_type t = kir_compute(inst->in[0]->type->dtype);
    int64_t p = inst->op == IR_lp_pool ? ir_int(inst, ATTR_AT(lp_pool, p)) : 0;
    const ir_sx *kernel[3];
    const kir_expr *count = p ? NULL : count_of(l, w, &out[2], t, ir_int(inst, ATTR_AT(average_pool, count_include_pad)));
    kir_buffer *acc = lw_accumulator(l, "acc", t, lw_number(l, t, 0));
    int opened = lw_for_window(l, w, &out[2], kernel, &in[2]);
    const kir_expr *x = lw_load(l, inst->in[0], in);
    kir_accum(&l->b, KB_ADD, acc, zero(l), p ? powered(l, x, p) : x);
    lw_close(l, opened);
    const kir_expr *y = lw_read(l, acc);
    lw_store(l, 0, out, p ? rooted(l, y, p) : lw_bin(l, DIV, y, count));
}

bool lo_pool(lw *l, const ir_inst *inst)
{
    const ir_sx *out[5], *in[5];
    const char *names[5] = {"n", "c"};
    window w;
    window_of(l->m, inst, &w);
    if (l->target && windows_of_planes(l, inst, &w, l->target)) return true;
    for (int i = 0; i < w.n; i++) names[2 + i] = lw_out_names[w.n - 1][i];
    int loops = lw_for_result(l, 0, names, out);
    in[0] = out[0];
    in[1] = out[1];
    if (inst->op == IR_max_pool) max_window(l, inst, &w, out, in);
    else sum_window(l, inst, &w, out, in);
    lw_close(l, loops);
    return true;
}

bool lo_global_pool(lw *l, const ir_inst *inst)
{
    const ir_type *x = inst->in[0]->type;
    kir_type t = kir_compute(x->dtype);
    bool largest = inst->op == IR_global_max_pool;
    int64_t p = inst->op == IR_global_lp_pool ? ir_int(inst, ATTR_AT(global_lp_pool, p)) : 0;
    const ir_sx *in[IR_MAX_RANK], *out[IR_MAX_RANK], *n = sx_int(l->sx, 1);
    in[0] = out[0] = lw_for_parallel(l, "n", x->dim[0]);
    in[1] = out[1] = lw_for_parallel(l, "c", x->dim[1]);
    kir_buffer *acc = lw_accumulator(l, "acc", t, largest ? lw_lowest(l, inst->in[0]->type->dtype) : lw_number(l, t, 0));
    for (int i = 2; i < x->rank; i++) {
        in[i] = lw_for(l, lw_axis_names(x->rank)[i], x->dim[i]);
        out[i] = zero(l);
        n = sx_mul(l->sx, n, x->dim[i]);
    }
    const kir_expr *v = lw_load(l, inst->in[0], in);
    kir_accum(&l->b, largest ? KB_MAX : KB_ADD, acc, zero(l), p ? powered(l, v, p) : v);
    lw_close(l, x->rank - 2);
    const kir_expr *y = lw_read(l, acc);
    if (p) y = rooted(l, y, p);
    else if (!largest) y = lw_bin(l, DIV, y, kir_cast(&l->b, t, kir_index(&l->b, n)));
    lw_store(l, 0, out, y);
    lw_close(l, 2);
    return true;
}

/* ---- rotary embedding ---------------------------------------------------------------------- */

/* base^(-2i/dim), rounded once. */
static kir_buffer *frequencies(lw *l, const ir_inst *inst, kir_type t, int64_t dim)
{
    void *data = arena_alloc(l->m->arena, (size_t)(dim / 2 + 1) * 8);
    for (int64_t i = 0; i < dim / 2; i++) dtype_set((nfc_dtype)t, data, (size_t)i, pow(ir_float(inst, ATTR_AT(rope, base)), -2.0 * (double)i / (double)dim));
    return lw_table(l, "freq", (nfc_dtype)t, dim / 2, data);
}

const kir_expr *lx_rope(lw *l, const ir_inst *inst, int result, const ir_sx *const *index)
{
    (void)result;
    const ir_type *x = inst->in[0]->type;
    kir_builder *b = &l->b;
    kir_type t = kir_compute(x->dtype);
    int64_t size = sx_value(x->dim[x->rank - 1]), dim = ir_int(inst, ATTR_AT(rope, dim)) ? ir_int(inst, ATTR_AT(rope, dim)) : size;
    const ir_sx *d = index[x->rank - 1], *row = x->rank > 1 ? index[x->rank - 2] : zero(l), *at[IR_MAX_RANK], *pair, *second;
    if (dim == 0) return lw_load(l, inst->in[0], index);
    bool interleaved = ir_int(inst, ATTR_AT(rope, interleaved));
    memcpy(at, index, sizeof at[0] * (size_t)x->rank);
    /* Elements behind dim do not turn; their pair is any, and not used. */
    const ir_sx *in_turn = dim == size ? d : lw_clamped(l, "d_turn", d, sx_int(l->sx, dim));
    pair = interleaved ? sx_div(l->sx, in_turn, 2) : sx_mod(l->sx, in_turn, dim / 2);
    second = interleaved ? sx_mod(l->sx, in_turn, 2) : sx_div(l->sx, in_turn, dim / 2);
    const kir_expr *is_second = lw_bin(l, EQ, kir_index(b, second), kir_int(b, KIR_INDEX_TYPE, 1));
    at[x->rank - 1] = interleaved ? sx_mul(l->sx, pair, sx_int(l->sx, 2)) : pair;
    const kir_expr *x0 = lw_load(l, inst->in[0], at);
    at[x->rank - 1] = sx_add(l->sx, at[x->rank - 1], sx_int(l->sx, interleaved ? 1 : dim / 2));
    const kir_expr *x1 = lw_load(l, inst->in[0], at), *position;
    if (ir_operand(inst, 1)) {
        const ir_sx *p[1] = {row};
        position = kir_cast(b, t, lw_load(l, inst->in[1], p));
    } else {
        position = kir_cast(b, t, kir_index(b, sx_add(l->sx, inst->index[0], row)));
    }
    const kir_expr *angle = lw_bin(l, MUL, position, kir_load(b, frequencies(l, inst, t, dim), pair));
    const kir_expr *c = lw_un(l, COS, angle), *s = lw_un(l, SIN, angle);
    const kir_expr *turned = lw_sel(l, is_second, lw_bin(l, ADD, lw_bin(l, MUL, x0, s), lw_bin(l, MUL, x1, c)),
                                    lw_bin(l, SUB, lw_bin(l, MUL, x0, c), lw_bin(l, MUL, x1, s)));
    if (dim == size) return turned;
    const kir_expr *turns = lw_bin(l, LT, kir_index(b, d), kir_int(b, KIR_INDEX_TYPE, dim));
    return lw_sel(l, turns, turned, lw_load(l, inst->in[0], index));
}
