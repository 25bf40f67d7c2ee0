/* Quantised operators: the standard's, whose operands stand in another order than the rows', and ONNX
 * Runtime's (domain com.microsoft), which are those of floats between dequantize_linear and
 * quantize_linear. */
#include <string.h>
#include "frontend/onnx/import.h"

/* The operands of this set (bit i: operand i) are there, and none is poison. */
static bool given(im_node *n, unsigned wanted)
{
    if (!im_needs(n, 0)) return false;
    for (int i = 0; wanted >> i; i++)
        if (wanted >> i & 1 && !im_has(n, i)) return im_fail(n, E_OPERAND_MISSING, -1, "operand %d is missing", i);
    return true;
}

/* ---- words ---------------------------------------------------------------------------------- */

static ir_value *dequantized(mk *k, ir_value *x, ir_value *scale, ir_value *zero)
{
    return mk_op3(k, IR_dequantize_linear, x, scale, zero);
}

/* To the zero point's type, or that of `like` where there is none. */
static ir_value *quantized(mk *k, ir_value *x, ir_value *scale, ir_value *zero, const ir_value *like)
{
    ir_inst *inst = mk_begin(k, IR_quantize_linear, 3, (ir_value *[]){x, scale, zero});
    if (!zero) mk_dtype(inst, "output_dtype", like->type->dtype);
    return mk_end(k, inst, 1);
}

static ir_value *operand_dequantized(im_node *n, int i) { return dequantized(n->k, im_in(n, i), im_in(n, i + 1), im_in(n, i + 2)); }

static bool result_quantized(im_node *n, ir_value *x, int scale)
{
    return im_out(n, 0, quantized(n->k, x, im_in(n, scale), im_in(n, scale + 1), im_in(n, 0)));
}

static ir_value *f32_of(mk *k, ir_value *x) { return mk_cast(k, x, DT_f32); }
static ir_value *times(mk *k, ir_value *x, ir_value *y) { return mk_op2(k, IR_mul, x, y); }
static ir_value *plus(mk *k, ir_value *x, ir_value *y) { return y ? mk_op2(k, IR_add, x, y) : x; }

/* ---- the standard's ------------------------------------------------------------------------- */

/* Scales and zero points follow each tensor; the rows have the tensors first. */
bool im_qlinear_matmul(im_node *n)
{
    if (!im_needs(n, 8)) return false;
    if (dtype_is_float(im_in(n, 0)->type->dtype)) { /* float8: products of what they stand for */
        ir_value *y = mk_op2(n->k, IR_matmul, operand_dequantized(n, 0), operand_dequantized(n, 3));
        return result_quantized(n, y, 6);
    }
    ir_value *in[] = {im_in(n, 0), im_in(n, 3), im_in(n, 1), im_in(n, 2), im_in(n, 4), im_in(n, 5), im_in(n, 6), im_in(n, 7)};
    return im_row_end(n, im_row_begin(n, IR_qlinear_matmul, 8, in, NULL));
}

bool im_qlinear_conv(im_node *n)
{
    if (!im_needs(n, 8)) return false;
    ir_value *in[] = {im_in(n, 0), im_in(n, 3), im_in(n, 1), im_in(n, 2), im_in(n, 4), im_in(n, 5), im_in(n, 6), im_in(n, 7), im_in(n, 8)};
    return im_row_end(n, im_row_begin(n, IR_qlinear_conv, 9, in, NULL));
}

bool im_quantize_linear(im_node *n) { return im_row(n, IR_quantize_linear, NULL); }
bool im_dequantize_linear(im_node *n) { return im_row(n, IR_dequantize_linear, NULL); }

/* A float that a type of four or two bits does not hold wraps, as in the standard's tests; nfc's cast saturates. */
bool im_cast_as(im_node *n, ir_value *x, nfc_dtype to)
{
    bool wraps = dtype_is_float(x->type->dtype) && dtype_is_int(to) && dtype_table[to].bits < 8;
    if (wraps) x = mk_cast(n->k, x, DT_i32);
    ir_inst *inst = mk_begin(n->k, IR_cast, 1, &x);
    mk_dtype(inst, "to", to);
    mk_int(inst, "saturate", im_int(n, "saturate", 1));
    mk_text(n->k, inst, "round_mode", im_text(n, "round_mode", "up"));
    return im_row_end(n, inst);
}

/* ---- elementwise ----------------------------------------------------------------------------- */

static bool binary(im_node *n, ir_op op)
{
    if (!given(n, 1u << 0 | 1u << 1 | 1u << 3 | 1u << 4 | 1u << 6)) return false;
    return result_quantized(n, mk_op2(n->k, op, operand_dequantized(n, 0), operand_dequantized(n, 3)), 6);
}

bool im_qlinear_add(im_node *n) { return binary(n, IR_add); }
bool im_qlinear_mul(im_node *n) { return binary(n, IR_mul); }

/* X, its scale and zero point, the result's: the zero points may be absent. */
static bool is_unary(im_node *n) { return given(n, 1u << 0 | 1u << 1 | 1u << 3); }

bool im_qlinear_sigmoid(im_node *n) { return is_unary(n) && result_quantized(n, mk_op1(n->k, IR_sigmoid, operand_dequantized(n, 0)), 3); }

bool im_qlinear_leaky_relu(im_node *n)
{
    if (!is_unary(n)) return false;
    ir_value *x = operand_dequantized(n, 0);
    ir_inst *inst = mk_begin(n->k, IR_leaky_relu, 1, &x);
    mk_float(inst, "alpha", im_float(n, "alpha", 0.01));
    return result_quantized(n, mk_end(n->k, inst, 1), 3);
}

/* Before operator set 13, which an attribute names, softmax is over all axes from `axis` on. */
bool im_qlinear_softmax(im_node *n)
{
    if (!is_unary(n)) return false;
    ir_value *x = operand_dequantized(n, 0);
    if (ir_is_poison(x)) return false;
    const ir_type *t = x->type;
    int64_t axis = im_int(n, "axis", -1);
    if (axis < -t->rank || axis >= t->rank) return im_fail(n, E_AXIS, -1, "axis is %lld", (long long)axis);
    if (axis < 0) axis += t->rank;
    bool flat = im_int(n, "opset", 13) < 13;
    if (flat) {
        sx_table *s = &n->o->m->sx;
        const ir_sx *dim[2] = {sx_int(s, 1), sx_int(s, 1)};
        for (int i = 0; i < t->rank; i++) dim[i >= axis] = sx_mul(s, dim[i >= axis], t->dim[i]);
        x = mk_reshape(n->k, x, 2, dim);
    }
    ir_inst *inst = mk_begin(n->k, IR_softmax, 1, &x);
    mk_int(inst, "axis", flat ? 1 : axis);
    x = mk_end(n->k, inst, 1);
    return result_quantized(n, flat ? mk_reshape(n->k, x, t->rank, t->dim) : x, 3);
}

/* The result's scale and zero point, then a tensor, a scale and a zero point for each part. */
bool im_qlinear_concat(im_node *n)
{
    int parts = (n->nin - 2) / 3;
    if (!given(n, 1u << 0 | 1u << 2 | 1u << 3)) return false;
    if (n->nin != 2 + 3 * parts && n->nin != 4 + 3 * parts) return im_fail(n, E_OPERAND_MISSING, -1, "after the result's scale and zero point three operands a part are wanted");
    parts = n->nin / 3; /* the last zero point may be absent */
    ir_value **x = ARENA_ARRAY(n->o->s->arena, ir_value *, parts);
    for (int i = 0; i < parts; i++) {
        if (!im_has(n, 2 + 3 * i) || !im_has(n, 3 + 3 * i)) return im_fail(n, E_OPERAND_MISSING, -1, "part %d is missing", i);
        x[i] = operand_dequantized(n, 2 + 3 * i);
        if (ir_is_poison(x[i])) return false;
    }
    int64_t axis = im_int(n, "axis", 1);
    int rank = x[0]->type->rank;
    if (axis < -rank || axis >= rank) return im_fail(n, E_AXIS, -1, "axis is %lld", (long long)axis);
    ir_value *y = mk_concat(n->k, parts, x, (int)(axis < 0 ? axis + rank : axis));
    return im_out(n, 0, quantized(n->k, y, im_in(n, 0), im_in(n, 1), im_in(n, 2)));
}

/* ---- pools ----------------------------------------------------------------------------------- */

/* Axis 1 comes last, or the last one comes to 1. */
static ir_value *channels_moved(mk *k, ir_value *x, bool last)
{
    if (ir_is_poison(x) || x->type->rank < 3) return x;
    int perm[IR_MAX_RANK], rank = x->type->rank;
    for (int i = 0; i < rank; i++) perm[i] = i;
    for (int i = 1; i < rank; i++) perm[i] = last ? (i == rank - 1 ? 1 : i + 1) : (i == 1 ? rank - 1 : i - 1);
    return mk_transpose(k, x, perm);
}

static bool pooled(im_node *n, ir_op op)
{
    static const char *const seen[] = {"channels_last", NULL};
    if (!is_unary(n)) return false;
    bool last = im_int(n, "channels_last", 0) != 0;
    ir_value *x = operand_dequantized(n, 0);
    if (last) x = channels_moved(n->k, x, false);
    if (ir_is_poison(x)) return false;
    ir_inst *inst = im_row_begin(n, op, 1, &x, seen);
    if (!inst) return false;
    ir_value *y = mk_end(n->k, inst, 1);
    return result_quantized(n, last ? channels_moved(n->k, y, true) : y, 3);
}

bool im_qlinear_average_pool(im_node *n) { return pooled(n, IR_average_pool); }
bool im_qlinear_global_average_pool(im_node *n) { return pooled(n, IR_global_average_pool); }

/* ---- products -------------------------------------------------------------------------------- */

static ir_value *integer_product(im_node *n, ir_value *a, ir_value *b, ir_value *a_zero, ir_value *b_zero)
{
    return mk_end(n->k, mk_begin(n->k, IR_matmul_integer, 4, (ir_value *[]){a, b, a_zero, b_zero}), 1);
}

static ir_value *turned(mk *k, ir_value *x) { return ir_is_poison(x) || x->type->rank != 2 ? x : mk_transpose(k, x, (int[]){1, 0}); }

bool im_qgemm(im_node *n)
{
    if (!given(n, 1u << 0 | 1u << 1 | 1u << 3 | 1u << 4)) return false;
    mk *k = n->k;
    ir_value *a = im_in(n, 0), *b = im_in(n, 3), *c = im_in(n, 6);
    if (im_int(n, "transA", 0)) a = turned(k, a);
    if (im_int(n, "transB", 0)) b = turned(k, b);
    ir_value *sum = plus(k, integer_product(n, a, b, im_in(n, 2), im_in(n, 5)), c);
    ir_value *scale = times(k, times(k, im_in(n, 1), im_in(n, 4)), mk_number(k, DT_f32, (double)(float)im_float(n, "alpha", 1)));
    ir_value *y = times(k, f32_of(k, sum), scale);
    if (!im_has(n, 7)) return im_out(n, 0, y);
    return im_out(n, 0, quantized(k, y, im_in(n, 7), im_in(n, 8), im_in(n, 0)));
}

bool im_matmul_integer_to_float(im_node *n)
{
    if (!im_needs(n, 4)) return false;
    mk *k = n->k;
    ir_value *sum = integer_product(n, im_in(n, 0), im_in(n, 1), im_in(n, 4), im_in(n, 5));
    ir_value *scale = times(k, im_in(n, 2), im_in(n, 3));
    return im_out(n, 0, plus(k, times(k, mk_cast(k, sum, scale->type->dtype), scale), im_in(n, 6)));
}

/* The floats of A are quantised with the range that they have. */
bool im_dynamic_quantize_matmul(im_node *n)
{
    if (!im_needs(n, 3)) return false;
    mk *k = n->k;
    ir_value *a = im_in(n, 0);
    ir_inst *inst = mk_begin(k, IR_dynamic_quantize_linear, 1, &a);
    ir_value *y = mk_end(k, inst, 3);
    if (ir_is_poison(y)) return false;
    ir_value *sum = integer_product(n, y, im_in(n, 1), inst->out[2], im_in(n, 3));
    return im_out(n, 0, plus(k, times(k, f32_of(k, sum), times(k, inst->out[1], im_in(n, 2))), im_in(n, 4)));
}

/* ---- weights of few bits --------------------------------------------------------------------- */

/* What stands in rows of `bits` a number, padded to whole bytes, as u8 [rows, count]. */
static ir_value *unpacked(mk *k, ir_value *x, int64_t bits, int64_t rows, int64_t count)
{
    int64_t bytes = (count * bits + 7) / 8;
    ir_value *v = mk_reshape(k, x, 2, (const ir_sx *[]){mk_sx(k, rows), mk_sx(k, bytes)});
    if (bits < 8) {
        ir_inst *inst = mk_begin(k, IR_unpack_bits, 1, &v);
        mk_int(inst, "bits", bits);
        v = mk_end(k, inst, 1);
    }
    return ir_is_poison(v) ? v : mk_slice(k, v, 1, mk_sx(k, 0), mk_sx(k, count));
}

typedef struct {
    int64_t k, n, bits, block, blocks;
} nbits;

static bool nbits_of(im_node *n, nbits *b)
{
    *b = (nbits){.k = im_int(n, "K", 0), .n = im_int(n, "N", 0), .bits = im_int(n, "bits", 4), .block = im_int(n, "block_size", 0)};
    if (b->k < 1 || b->n < 1 || b->k > INT32_MAX || b->n > INT32_MAX) return im_fail(n, E_ATTR_VALUE, -1, "K is %lld and N %lld", (long long)b->k, (long long)b->n);
    if (b->bits != 2 && b->bits != 4 && b->bits != 8) return im_fail(n, E_ATTR_VALUE, -1, "bits is %lld; it is 2, 4 or 8", (long long)b->bits);
    if (b->block < 16 || b->block > INT32_MAX || (b->block & (b->block - 1))) return im_fail(n, E_ATTR_VALUE, -1, "block_size is %lld; it is a power of two from 16 on", (long long)b->block);
    b->blocks = (b->k + b->block - 1) / b->block;
    return true;
}

/* Numbers of blocks, [N, blocks], for each element of [N, K]. */
static ir_value *for_elements(im_node *n, const nbits *b, ir_value *x)
{
    mk *k = n->k;
    if (ir_is_poison(x)) return x;
    if (im_has(n, 4)) return mk_gather(k, x, im_in(n, 4), 1); /* g_idx: the block of each place of K */
    const ir_sx *rows = mk_sx(k, b->n), *blocks = mk_sx(k, b->blocks), *block = mk_sx(k, b->block);
    x = mk_expand(k, mk_unsqueeze(k, x, 2), 3, (const ir_sx *[]){rows, blocks, block});
    x = mk_reshape(k, x, 2, (const ir_sx *[]){rows, mk_sx(k, b->blocks * b->block)});
    return mk_slice(k, x, 1, mk_sx(k, 0), mk_sx(k, b->k));
}

/* (B - zero_points) * scales as f32 [N, K]; the zero point is the middle of the range by default. Where
 * blocks and types allow it that is dequantize_linear, which needs no memory for what it makes. */
static ir_value *nbits_weights(im_node *n, const nbits *b)
{
    mk *k = n->k;
    const ir_sx *per_block[2] = {mk_sx(k, b->n), mk_sx(k, b->blocks)};
    ir_value *w = unpacked(k, im_in(n, 1), b->bits, b->n, b->blocks * b->block), *zero = im_in(n, 3);
    ir_value *scale = mk_reshape(k, f32_of(k, im_in(n, 2)), 2, per_block);
    if (ir_is_poison(w) || ir_is_poison(scale)) return w;
    w = mk_slice(k, w, 1, mk_sx(k, 0), mk_sx(k, b->k));
    if (!zero) zero = mk_integer(k, DT_u8, 1 << (b->bits - 1));
    else if (zero->type->dtype == DT_u8) zero = unpacked(k, zero, b->bits, b->n, b->blocks);
    else zero = mk_reshape(k, f32_of(k, zero), 2, per_block);
    if (zero->type->dtype == DT_u8 && !im_has(n, 4)) {
        ir_inst *inst = mk_begin(k, IR_dequantize_linear, 3, (ir_value *[]){w, scale, zero});
        mk_int(inst, "block_size", b->block);
        return mk_end(k, inst, 1);
    }
    zero = zero->type->rank ? for_elements(n, b, f32_of(k, zero)) : f32_of(k, zero);
    return times(k, mk_op2(k, IR_sub, f32_of(k, w), zero), for_elements(n, b, scale));
}

/* A . B' + bias, for the rows of A as one matrix. */
bool im_matmul_nbits(im_node *n)
{
    nbits b;
    if (!im_needs(n, 3) || !nbits_of(n, &b)) return false;
    if (im_int(n, "weight_prepacked", 0)) return im_fail(n, E_ONNX_OP, -1, "weights that are packed for one machine are not supported");
    mk *k = n->k;
    ir_value *x = im_in(n, 0), *bias = im_in(n, 5), *w = nbits_weights(n, &b);
    const ir_type *t = x->type;
    if (ir_is_poison(w)) return false;
    if (t->rank < 1 || !sx_is(t->dim[t->rank - 1], b.k)) return im_fail(n, E_SHAPE, 0, "its last axis must be K = %lld", (long long)b.k);
    const ir_sx *dim[IR_MAX_RANK], *rows = mk_sx(k, 1);
    for (int i = 0; i < t->rank; i++) dim[i] = i < t->rank - 1 ? t->dim[i] : mk_sx(k, b.n);
    for (int i = 0; i < t->rank - 1; i++) rows = sx_mul(&n->o->m->sx, rows, t->dim[i]);
    ir_value *a = mk_reshape(k, f32_of(k, x), 2, (const ir_sx *[]){rows, mk_sx(k, b.k)});
    ir_inst *inst = mk_begin(k, IR_gemm, 3, (ir_value *[]){a, w, bias ? f32_of(k, bias) : NULL});
    mk_int(inst, "transb", 1);
    ir_value *y = mk_end(k, inst, 1);
    if (ir_is_poison(y)) return false;
    return im_out(n, 0, mk_cast(k, mk_reshape(k, y, t->rank, dim), t->dtype));
}
