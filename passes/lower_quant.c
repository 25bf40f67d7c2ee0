/* Quantisation: elements with a scale that they share with others. */
#include "ir/shape.h"
#include "passes/lower_kir.h"

/* Operand n, a scale or zero point, at the place of an element of x. */
static const kir_expr *load_shared(lw *l, const ir_inst *inst, int n, const ir_sx *const *index)
{
    const ir_value *v = inst->in[n];
    const ir_type *t = v->type;
    const ir_sx *at[IR_MAX_RANK];
    int64_t axis = ir_attr_named(inst, "axis")->i, block = ir_attr_named(inst, "block_size")->i;
    if (axis < 0) axis += inst->in[0]->type->rank;
    bool one = sx_is(ir_elements(l->m, t), 1);
    for (int i = 0; i < t->rank; i++) {
        if (one) at[i] = sx_int(l->sx, 0);
        else if (block == 0) at[i] = index[axis];
        else at[i] = i == axis ? sx_div(l->sx, index[i], block) : index[i];
    }
    return lw_load(l, v, at);
}

/* Integers: further from 0 than this no sum with a zero point comes back into a range. */
enum { FAR = 1 << 20 };

static const kir_expr *bound(lw *l, double end, const kir_expr *zero)
{
    if (zero->kind == KIR_CONST) return lw_number(l, DT_f32, end - (double)zero->integer);
    return lw_bin(l, SUB, lw_number(l, DT_f32, end), kir_cast(&l->b, DT_f32, zero));
}

/* x rounded to a whole number and added to the zero point, within an integer type of 16 bits at most. In its bounds x is so small that
 * the lowest bits of x + 1.5 * 2^23 are that number, rounded as all sums are. NaN counts as 0. */
static const kir_expr *rounded_into(lw *l, nfc_dtype to, const kir_expr *x, const kir_expr *zero)
{
    kir_builder *b = &l->b;
    const double far = 0x1.8p23;
    const int64_t far_bits = 0x4b400000;
    const kir_expr *none = lw_number(l, DT_f32, 0), *whole = zero ? kir_cast(b, DT_i32, zero) : kir_int(b, DT_i32, 0);
    const kir_expr *lowest = bound(l, (double)dtype_min(to), whole), *highest = bound(l, (double)dtype_max(to), whole);
    x = lw_named(l, "inside", lw_bin(l, MIN, lw_bin(l, MAX, x, lowest), highest));
    x = lw_sel(l, lw_bin(l, EQ, x, x), x, none);
    x = lw_bin(l, SUB, kir_bits(b, DT_i32, lw_bin(l, ADD, x, lw_number(l, DT_f32, far))), kir_int(b, DT_i32, far_bits));
    return kir_cast(b, kir_compute(to), lw_bin(l, ADD, x, whole));
}

const kir_expr *lx_quantize_linear(lw *l, const ir_inst *inst, int result, const ir_sx *const *index)
{
    (void)result;
    kir_builder *b = &l->b;
    nfc_dtype to = inst->out[0]->type->dtype, precision = quantize_precision(inst);
    const kir_expr *zero = ir_operand(inst, 2) ? load_shared(l, inst, 2, index) : NULL;
    const kir_expr *x = lw_round(l, precision, lw_load(l, inst->in[0], index)), *scale = lw_round(l, precision, load_shared(l, inst, 1, index));
    x = lw_round(l, precision, lw_bin(l, DIV, x, scale));
    if (dtype_is_float(to)) {
        if (zero) x = lw_round(l, precision, lw_bin(l, ADD, x, kir_cast(b, x->type, zero)));
        return lw_convert(l, to, ir_int(inst, ATTR_AT(quantize_linear, saturate)), x);
    }
    if (x->type == DT_f32 && dtype_table[to].bits <= 16) return rounded_into(l, to, x, zero);
    x = lw_un(l, RINT, x);
    if (!zero) return kir_cast(b, (kir_type)to, x);
    x = lw_bin(l, MIN, lw_bin(l, MAX, x, lw_number(l, x->type, -FAR)), lw_number(l, x->type, FAR));
    x = lw_bin(l, ADD, kir_cast(b, DT_i32, x), kir_cast(b, DT_i32, zero));
    x = lw_bin(l, MIN, lw_bin(l, MAX, x, kir_int(b, DT_i32, dtype_min(to))), kir_int(b, DT_i32, (int64_t)dtype_max(to)));
    return kir_cast(b, kir_compute(to), x);
}

const kir_expr *lx_dequantize_linear(lw *l, const ir_inst *inst, int result, const ir_sx *const *index)
{
    (void)result;
    kir_builder *b = &l->b;
    bool is_float = dtype_is_float(inst->in[0]->type->dtype);
    const kir_expr *x = lw_load(l, inst->in[0], index), *scale = kir_cast(b, DT_f32, load_shared(l, inst, 1, index));
    if (!is_float) x = kir_cast(b, DT_i32, x);
    if (ir_operand(inst, 2)) x = lw_bin(l, SUB, x, kir_cast(b, x->type, load_shared(l, inst, 2, index)));
    return lw_bin(l, MUL, kir_cast(b, DT_f32, x), scale);
}

const kir_expr *lx_unpack_bits(lw *l, const ir_inst *inst, int result, const ir_sx *const *index)
{
    (void)result;
    kir_builder *b = &l->b;
    int64_t bits = ir_int(inst, ATTR_AT(unpack_bits, bits)), each = 8 / bits;
    int last = inst->in[0]->type->rank - 1;
    const ir_sx *at[IR_MAX_RANK];
    for (int i = 0; i < last; i++) at[i] = index[i];
    at[last] = sx_div(l->sx, index[last], each);
    const ir_sx *shift = sx_mul(l->sx, sx_mod(l->sx, index[last], each), sx_int(l->sx, bits));
    const kir_expr *x = lw_bin(l, SHR, lw_load(l, inst->in[0], at), kir_cast(b, DT_u32, kir_index(b, shift)));
    return lw_bin(l, BAND, x, kir_int(b, DT_u32, (1 << bits) - 1));
}
