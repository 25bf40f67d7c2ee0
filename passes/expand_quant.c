/* Quantised ops by products of integers and arithmetic in f32. */
#include <string.h>
#include "passes/expand.h"

static ir_value *as_f32(mk *k, ir_value *x) { return mk_cast(k, x, DT_f32); }

/* A tensor of one element as a scalar. */
static ir_value *scalar(mk *k, ir_value *x) { return mk_reshape(k, x, 0, NULL); }

static bool is_one(mk *k, const ir_value *x) { return sx_is(ir_elements(k->m, x->type), 1); }

/* v rounded (halves to even) plus the zero point, in the zero point's type, saturated: what a cast of a
 * float does. */
static ir_value *requantised(mk *k, ir_value *v, ir_value *zero)
{
    v = mk_op1(k, IR_round, v);
    return mk_cast(k, zero ? ex_add(k, v, as_f32(k, zero)) : v, zero ? zero->type->dtype : DT_u8);
}

void ex_dynamic_quantize_linear(mk *k, const ir_inst *inst, ir_value **out)
{
    ir_value *x = inst->in[0], *none = mk_number(k, DT_f32, 0);
    uint32_t all = (1u << x->type->rank) - 1;
    ir_value *low = ex_named(mk_op2(k, IR_min, mk_reduce(k, IR_reduce_min, x, all, false), none), "low");
    ir_value *high = ex_named(mk_op2(k, IR_max, mk_reduce(k, IR_reduce_max, x, all, false), none), "high");
    out[1] = ex_by(k, IR_div, ex_sub(k, high, low), 255);
    out[2] = mk_cast(k, mk_op1(k, IR_round, ex_sub(k, none, ex_div(k, low, out[1]))), DT_u8);
    out[0] = mk_op3(k, IR_quantize_linear, x, out[1], out[2]);
}

/* A scale of rows (of a) or columns (of b), so that it broadcasts with the product. Where the other
 * operand is a vector, the product lacks the axis of it. */
static ir_value *line_scale(mk *k, ir_value *scale, bool rows, const ir_type *other)
{
    scale = as_f32(k, scale);
    if (is_one(k, scale)) return scalar(k, scale);
    if (rows && scale->type->rank == 1 && other->rank > 1) return mk_unsqueeze(k, scale, 1);
    if (scale->type->rank > 1 && other->rank == 1) return mk_squeeze(k, scale, scale->type->rank - (rows ? 1 : 2));
    return scale;
}

void ex_qlinear_matmul(mk *k, const ir_inst *inst, ir_value **out)
{
    ir_value *const *in = inst->in;
    ir_inst *product = mk_begin(k, IR_matmul_integer, 4, (ir_value *[]){in[0], in[1], in[3], in[5]});
    ir_value *sum = as_f32(k, mk_end(k, product, 1));
    ir_value *a = line_scale(k, in[2], true, in[1]->type), *b = line_scale(k, in[4], false, in[0]->type);
    ir_value *factor = ex_div(k, ex_mul(k, a, b), scalar(k, as_f32(k, in[6])));
    out[0] = requantised(k, ex_mul(k, sum, factor), scalar(k, in[7]));
}

/* A vector of channels as [M, 1 ...], so that it broadcasts with [N, M, spatial...]. */
static ir_value *by_channel(mk *k, ir_value *x, int rank)
{
    if (is_one(k, x)) return scalar(k, x);
    for (int i = 1; i < rank - 1; i++) x = mk_unsqueeze(k, x, i);
    return x;
}

static void copy_attributes(const ir_inst *from, ir_inst *to)
{
    const op_info *info = op_get(to->op);
    for (int i = 0; i < info->nattr; i++) to->attr[i] = *ir_attr_named(from, info->attr[i].name);
}

void ex_qlinear_conv(mk *k, const ir_inst *inst, ir_value **out)
{
    ir_value *const *in = inst->in, *bias = ir_operand(inst, 8);
    ir_inst *conv = mk_begin(k, IR_conv_integer, 4, (ir_value *[]){in[0], in[1], in[3], in[5]});
    copy_attributes(inst, conv);
    ir_value *sum = mk_end(k, conv, 1);
    int rank = in[0]->type->rank;
    if (bias) sum = ex_add(k, sum, by_channel(k, bias, rank));
    ir_value *factor = ex_mul(k, scalar(k, in[2]), by_channel(k, in[4], rank));
    factor = ex_div(k, factor, scalar(k, in[6]));
    out[0] = requantised(k, ex_mul(k, as_f32(k, sum), factor), scalar(k, in[7]));
}
