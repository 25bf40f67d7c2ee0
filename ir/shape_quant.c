/* Quantisation: shapes, and where the scale of an element stands. */
#include <string.h>
#include "ir/ops_sets.h"
#include "ir/shape.h"

static const char *text(const infer *f, const ir_sx *x) { return sx_text(f->m->arena, x); }
static bool is_one(infer *f, const ir_type *t) { return sx_is(ir_elements(f->m, t), 1); }

/* ---- granularity --------------------------------------------------------------------------- */

/* One number a block: the shape of x, but for an axis with ceil(extent / block). */
static bool blocks_fit(infer *f, int operand, int axis, int64_t block)
{
    const ir_type *x = f->inst->in[0]->type, *s = f->inst->in[operand]->type;
    const char *name = f->info->in[operand].name;
    if (s->rank != x->rank) return infer_fail(f, E_RANK, operand, "%s has rank %d; with blocks it must have that of x, %d", name, s->rank, x->rank);
    for (int i = 0; i < x->rank; i++) {
        const ir_sx *want = x->dim[i];
        if (i == axis) want = sx_div(&f->m->sx, sx_add(&f->m->sx, want, sx_int(&f->m->sx, block - 1)), block);
        if (s->dim[i] != want) return infer_fail(f, E_SHAPE, operand, "axis %d of %s is %s; it must be %s", i, name, text(f, s->dim[i]), text(f, want));
    }
    return true;
}

static bool granularity_ok(infer *f, int operand)
{
    const ir_value *v = ir_operand(f->inst, operand);
    int attr = op_attr_find(f->info, "axis"), block_attr = op_attr_find(f->info, "block_size"), axis;
    int64_t block = f->inst->attr[block_attr].i;
    if (block < 0 || block > INT32_MAX) return infer_fail_attr(f, E_ATTR_VALUE, block_attr, "block_size is %lld, which is not from 0 to 2147483647", (long long)block);
    if (!v || is_one(f, v->type)) return true;
    const ir_type *x = f->inst->in[0]->type;
    if (!infer_axis(f, attr, f->inst->attr[attr].i, x->rank, &axis)) return false;
    if (block) return blocks_fit(f, operand, axis, block);
    if (v->type->rank == 1 && v->type->dim[0] == x->dim[axis]) return true;
    return infer_fail(f, E_SHAPE, operand, "%s must be one number, or [%s]: one for each place of axis %d", f->info->in[operand].name, text(f, x->dim[axis]), axis);
}

bool sh_quantize_linear(infer *f)
{
    const ir_attr *output = &f->inst->attr[ATTR_AT(quantize_linear, output_dtype)], *precision = &f->inst->attr[ATTR_AT(quantize_linear, precision)];
    const ir_value *zero = ir_operand(f->inst, 2);
    nfc_dtype to = zero ? zero->type->dtype : output->kind == IR_ATTR_DTYPE ? output->t : DT_u8;
    if (output->kind == IR_ATTR_DTYPE && output->t != to)
        return infer_fail_attr(f, E_DTYPE, ATTR_AT(quantize_linear, output_dtype), "output_dtype is %s, but y_zero_point is %s", dtype_name(output->t), dtype_name(to));
    if (!(f->info->types[2] >> to & 1))
        return infer_fail_attr(f, E_DTYPE, ATTR_AT(quantize_linear, output_dtype), "nothing is quantised to %s", dtype_name(to));
    if (precision->kind == IR_ATTR_DTYPE && !(SET_SCALES >> precision->t & 1))
        return infer_fail_attr(f, E_DTYPE, ATTR_AT(quantize_linear, precision), "precision is f32, f16 or bf16");
    const ir_type *x = f->inst->in[0]->type;
    f->out[0] = ir_tensor(f->m, to, x->rank, x->dim);
    return granularity_ok(f, 1) && granularity_ok(f, 2);
}

bool sh_dequantize_linear(infer *f)
{
    const ir_attr *output = &f->inst->attr[ATTR_AT(dequantize_linear, output_dtype)];
    nfc_dtype to = output->kind == IR_ATTR_DTYPE ? output->t : f->inst->in[1]->type->dtype;
    if (!(SET_SCALES >> to & 1))
        return infer_fail_attr(f, E_DTYPE, ATTR_AT(dequantize_linear, output_dtype), "the result would be %s; output_dtype must say f32, f16 or bf16", dtype_name(to));
    const ir_type *x = f->inst->in[0]->type;
    f->out[0] = ir_tensor(f->m, to, x->rank, x->dim);
    return granularity_ok(f, 1) && granularity_ok(f, 2);
}

nfc_dtype quantize_precision(const ir_inst *inst)
{
    const ir_attr *precision = &inst->attr[ATTR_AT(quantize_linear, precision)];
    nfc_dtype t = precision->kind == IR_ATTR_DTYPE ? precision->t : inst->in[1]->type->dtype;
    return SET_SCALES >> t & 1 ? t : DT_f32;
}

bool sh_dynamic_quantize_linear(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    f->out[0] = ir_tensor(f->m, DT_u8, x->rank, x->dim);
    f->out[1] = ir_tensor(f->m, DT_f32, 0, NULL);
    f->out[2] = ir_tensor(f->m, DT_u8, 0, NULL);
    return true;
}

bool sh_unpack_bits(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    int64_t bits = ir_int(f->inst, ATTR_AT(unpack_bits, bits));
    if (bits != 1 && bits != 2 && bits != 4 && bits != 8) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(unpack_bits, bits), "bits is %lld; it is 1, 2, 4 or 8", (long long)bits);
    if (x->rank == 0) return infer_fail(f, E_RANK, 0, "a scalar has no axis to unpack along");
    const ir_sx *dim[IR_MAX_RANK];
    memcpy(dim, x->dim, sizeof dim[0] * (size_t)x->rank);
    dim[x->rank - 1] = sx_mul(&f->m->sx, dim[x->rank - 1], sx_int(&f->m->sx, 8 / bits));
    f->out[0] = ir_tensor(f->m, DT_u8, x->rank, dim);
    return true;
}

/* ---- contractions -------------------------------------------------------------------------- */

/* Operand `i`, a scale or zero point of the matrices in operand `of`: one number, or one a row (of a) or
 * column (of b), as a vector or with the other axes of the matrices. */
static bool lines_fit(infer *f, int i, int of, bool columns)
{
    const ir_value *v = ir_operand(f->inst, i);
    const ir_type *x = f->inst->in[of]->type;
    if (!v || is_one(f, v->type)) return true;
    int line = x->rank - (columns ? 1 : 2);
    bool fits = x->rank >= 2 && (v->type->rank == 1 ? v->type->dim[0] == x->dim[line] : v->type->rank == x->rank);
    for (int k = 0; fits && v->type->rank > 1 && k < x->rank; k++)
        fits = sx_is(v->type->dim[k], 1) || (v->type->dim[k] == x->dim[k] && k != (columns ? x->rank - 2 : x->rank - 1));
    if (fits) return true;
    return infer_fail(f, E_SHAPE, i, "%s must be one number, or one a %s of %s", f->info->in[i].name, columns ? "column" : "row", f->info->in[of].name);
}

/* The shape of the product in another element type. */
static bool product_of(infer *f, nfc_dtype t)
{
    if (!sh_matmul(f)) return false;
    f->out[0] = ir_tensor(f->m, t, f->out[0]->rank, f->out[0]->dim);
    return true;
}

bool sh_matmul_integer(infer *f)
{
    return product_of(f, DT_i32) && lines_fit(f, 2, 0, false) && lines_fit(f, 3, 1, true);
}

bool sh_qlinear_matmul(infer *f)
{
    if (!product_of(f, f->t[2])) return false;
    for (int i = 6; i < 8; i++)
        if (!is_one(f, f->inst->in[i]->type)) return infer_fail(f, E_SHAPE, i, "%s must be one number", f->info->in[i].name);
    return lines_fit(f, 2, 0, false) && lines_fit(f, 3, 0, false) && lines_fit(f, 4, 1, true) && lines_fit(f, 5, 1, true);
}

/* One number; or, of operands in `channels`, one a channel of the result. */
static bool channels_fit(infer *f, int first, int last, unsigned channels)
{
    const ir_sx *n = f->inst->in[1]->type->dim[0];
    for (int i = first; i <= last; i++) {
        const ir_value *v = ir_operand(f->inst, i);
        if (!v || is_one(f, v->type) || (channels >> i & 1 && v->type->rank == 1 && v->type->dim[0] == n)) continue;
        return infer_fail(f, E_SHAPE, i, channels >> i & 1 ? "%s must be one number, or [%s]" : "%s must be one number", f->info->in[i].name, text(f, n));
    }
    return true;
}

bool sh_conv_integer(infer *f)
{
    if (!infer_conv(f, -1)) return false;
    f->out[0] = ir_tensor(f->m, DT_i32, f->out[0]->rank, f->out[0]->dim);
    return channels_fit(f, 2, 3, 1u << 3);
}

bool sh_qlinear_conv(infer *f)
{
    if (!infer_conv(f, 8)) return false;
    f->out[0] = ir_tensor(f->m, f->t[2], f->out[0]->rank, f->out[0]->dim);
    return channels_fit(f, 2, 7, 1u << 4 | 1u << 5);
}
