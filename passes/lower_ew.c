/* Elementwise ops: every expression of ops.def as a kernel expression. */
#include <math.h>
#include <string.h>
#include "ir/scalar.h"
#include "passes/lower_kir.h"

/* What an expression may ask besides its operands. */
typedef struct {
    lw *l;
    kir_builder *build;
    const ir_inst *inst;
    kir_type type; /* computed in */
    int bits;      /* of the element type: what a shift must stay below */
    int n;
} scalar_env;

static const ir_attr *attribute(const scalar_env *e, const char *name) { return ir_attr_named(e->inst, name); }
static bool is_float(const scalar_env *e) { return dtype_is_float((nfc_dtype)e->type); }

/* Division and remainder never see a zero: it is a run error, and 1 stands in for it. */
static const kir_expr *safe_divisor(scalar_env *e, const kir_expr *y)
{
    if (is_float(e)) return y;
    const kir_expr *zero = kir_int(e->build, e->type, 0), *one = kir_int(e->build, e->type, 1);
    if (y->kind == KIR_CONST && y->integer != 0) return y;
    y = lw_named(e->l, "divisor", y);
    const kir_expr *bad = kir_binary(e->build, KB_EQ, y, zero);
    kir_if(e->build, bad);
    kir_fail(e->build, KIR_FAIL_DIVISION);
    kir_close(e->build);
    return kir_select(e->build, bad, one, y);
}

static const kir_expr *remainder_of(scalar_env *e, const kir_expr *x, const kir_expr *y, bool sign_of_divisor)
{
    kir_builder *b = e->build;
    const kir_expr *zero = kir_number(b, e->type, 0);
    y = safe_divisor(e, y);
    const kir_expr *r = kir_binary(b, is_float(e) ? KB_FMOD : KB_REM, x, y);
    if (!sign_of_divisor || dtype_table[e->type].kind == DTC_UNSIGNED) return r;
    const kir_expr *differ = kir_binary(b, KB_BXOR, kir_binary(b, KB_LT, r, zero), kir_binary(b, KB_LT, y, zero));
    const kir_expr *left = kir_binary(b, KB_NE, r, zero);
    const kir_expr *turned = kir_select(b, kir_binary(b, KB_AND, left, differ), kir_binary(b, KB_ADD, r, y), r);
    if (!is_float(e)) return turned;
    return kir_select(b, left, turned, kir_select(b, kir_binary(b, KB_LT, y, zero), kir_number(b, e->type, -0.0), zero));
}

/* By squaring, for every bit of the exponent; a negative one leaves 1, -1 or 0 of an integer. */
static const kir_expr *int_power(scalar_env *e, const kir_expr *x, const kir_expr *n)
{
    kir_builder *b = e->build;
    kir_type t = e->type;
    const kir_expr *zero = kir_int(b, t, 0), *one = kir_int(b, t, 1);
    int width = dtype_table[t].bits;
    const kir_expr *result = one, *square = x, *minus_one = kir_int(b, t, -1);
    bool is_signed = dtype_is_signed((nfc_dtype)t);
    for (int i = 0; i < width - is_signed; i++) {
        const kir_expr *bit = kir_binary(b, KB_BAND, kir_binary(b, KB_SHR, n, kir_int(b, t, i)), one);
        result = kir_select(b, kir_binary(b, KB_NE, bit, zero), kir_binary(b, KB_MUL, result, square), result);
        square = kir_binary(b, KB_MUL, square, square);
    }
    if (!is_signed) return result;
    const kir_expr *odd = kir_binary(b, KB_NE, kir_binary(b, KB_BAND, n, one), zero);
    const kir_expr *of_minus_one = kir_select(b, odd, minus_one, one);
    const kir_expr *negative = kir_select(b, kir_binary(b, KB_EQ, x, one), one, kir_select(b, kir_binary(b, KB_EQ, x, minus_one), of_minus_one, zero));
    return kir_select(b, kir_binary(b, KB_LT, n, zero), negative, result);
}

static const kir_expr *shift(scalar_env *e, const kir_expr *x, const kir_expr *by, kir_bin op)
{
    kir_builder *b = e->build;
    const kir_expr *width = kir_int(b, e->type, e->bits), *zero = kir_int(b, e->type, 0);
    const kir_expr *fits = kir_binary(b, KB_LT, by, width), *minus = NULL;
    if (dtype_is_signed((nfc_dtype)e->type)) {
        fits = kir_binary(b, KB_AND, fits, kir_binary(b, KB_LE, zero, by));
        minus = op == KB_SHR ? kir_binary(b, KB_LT, x, zero) : NULL;
    }
    /* To the right the sign comes in: a negative number is shifted as what its bits are not. */
    if (minus) x = kir_select(b, minus, kir_unary(b, KU_BNOT, x), x);
    const kir_expr *y = kir_select(b, fits, kir_binary(b, op, x, kir_select(b, fits, by, zero)), zero);
    return minus ? kir_select(b, minus, kir_unary(b, KU_BNOT, y), y) : y;
}

/* a x + b as a (x + b / a): where the two nearly cancel x + b / a is exact, by Sterbenz, while a rounded product would
 * leave few right digits. b / a is a number of the type, and what that leaves out. Where it is so large that x hardly
 * counts, or a is 0, it is worked out as it stands. */
static const kir_expr *affine(scalar_env *e, const char *slope, const kir_expr *x, const char *shift)
{
    kir_builder *k = e->build;
    bool wide = e->type == DT_f64;
    double a = attribute(e, slope)->f, b = attribute(e, shift)->f;
    if (!wide) a = (double)(float)a, b = (double)(float)b;
    double all = b / a, high = wide ? all : (double)(float)all, low = fma(-high, a, b) / a;
    const kir_expr *by = kir_number(k, e->type, a);
    if (!(fabs(all) < 0x1p64)) return kir_binary(k, KB_ADD, kir_binary(k, KB_MUL, by, x), kir_number(k, e->type, b));
    if (high != 0) x = kir_binary(k, KB_ADD, x, kir_number(k, e->type, high));
    if (low != 0) x = kir_binary(k, KB_ADD, x, kir_number(k, e->type, low));
    return kir_binary(k, KB_MUL, by, x);
}

#define UN(op, a) kir_unary(E->build, KU_##op, a)
#define BIN(op, a, b) kir_binary(E->build, KB_##op, a, b)

#define A(name) kir_number(E->build, E->type, attribute(E, #name)->f)
#define AI(name) (attribute(E, #name)->i)
#define AS(name, text) (strcmp(attribute(E, #name)->s, text) == 0)
#define HAS(i) (ir_operand(E->inst, i) != NULL)
#define N (E->n)
#define BOOL(c) kir_int(E->build, DT_bool, (c) != 0)
#define LIT(v) kir_number(E->build, E->type, v)
#define INFTY kir_number(E->build, E->type, INFINITY)
#define NEG(a) UN(NEG, a)
#define ABS(a) (dtype_table[E->type].kind == DTC_UNSIGNED ? (a) : UN(ABS, a))
#define ADD(a, b) BIN(ADD, a, b)
#define SUB(a, b) BIN(SUB, a, b)
#define MUL(a, b) BIN(MUL, a, b)
#define DIV(a, b) BIN(DIV, a, safe_divisor(E, b))
#define MIN(a, b) BIN(MIN, a, b)
#define MAX(a, b) BIN(MAX, a, b)
#define FMOD(a, b) remainder_of(E, a, b, false)
#define IMOD(a, b) remainder_of(E, a, b, true)
#define SQRT(a) UN(SQRT, a)
#define FLOOR(a) UN(FLOOR, a)
#define CEIL(a) UN(CEIL, a)
#define RINT(a) UN(RINT, a)
#define EXP(a) UN(EXP, a)
#define EXPM1(a) UN(EXPM1, a)
#define LOG(a) UN(LOG, a)
#define LOG1P(a) UN(LOG1P, a)
#define POW(a, b) (is_float(E) ? BIN(POW, a, b) : int_power(E, a, b))
#define ERF(a) UN(ERF, a)
#define ERFC(a) UN(ERFC, a)
#define GELU(a) UN(GELU, a)
#define GELU_TANH(a) UN(GELU_TANH, a)
#define AFFINE(a, x, b) affine(E, #a, x, #b)
#define SIGMOID(a) UN(SIGMOID, a)
#define SIN(a) UN(SIN, a)
#define COS(a) UN(COS, a)
#define TAN(a) UN(TAN, a)
#define ASIN(a) UN(ASIN, a)
#define ACOS(a) UN(ACOS, a)
#define ATAN(a) UN(ATAN, a)
#define SINH(a) UN(SINH, a)
#define COSH(a) UN(COSH, a)
#define TANH(a) UN(TANH, a)
#define ASINH(a) UN(ASINH, a)
#define ACOSH(a) UN(ACOSH, a)
#define ATANH(a) UN(ATANH, a)
#define EQ(a, b) BIN(EQ, a, b)
#define NE(a, b) BIN(NE, a, b)
#define LT(a, b) BIN(LT, a, b)
#define LE(a, b) BIN(LE, a, b)
#define GT(a, b) BIN(LT, b, a)
#define GE(a, b) BIN(LE, b, a)
#define AND(a, b) BIN(AND, a, b)
#define OR(a, b) BIN(OR, a, b)
#define XOR(a, b) BIN(BXOR, a, b)
#define NOT(a) UN(NOT, a)
#define SEL(c, a, b) kir_select(E->build, c, a, b)
#define BAND(a, b) BIN(BAND, a, b)
#define BOR(a, b) BIN(BOR, a, b)
#define BXOR(a, b) BIN(BXOR, a, b)
#define BNOT(a) UN(BNOT, a)
#define SHL(a, b) shift(E, a, b, KB_SHL)
#define SHR(a, b) shift(E, a, b, KB_SHR)

#define SCALAR_TYPE const kir_expr *
#define SCALAR_ENV scalar_env *
#define SCALAR_NAME(id) kernel_##id
#include "ir/ops_scalar.h"

/* The operand's element that broadcasts to this one of the result. */
static const kir_expr *broadcast(lw *l, const ir_value *v, const ir_type *out, const ir_sx *const *index)
{
    const ir_sx *at[IR_MAX_RANK];
    for (int i = 0; i < v->type->rank; i++) {
        int n = i + out->rank - v->type->rank;
        at[i] = sx_is(v->type->dim[i], 1) && !sx_is(out->dim[n], 1) ? sx_int(l->sx, 0) : index[n];
    }
    return lw_load(l, v, at);
}

/* Many operands: what is folded so far gets a name now and then, so that no expression grows without end. */
static const kir_expr *fold_operand(scalar_env *E, int i, const kir_expr *so_far, const kir_expr *v)
{
    enum { NAMED_EVERY = 16 };
    if (i == 0) return v;
    const kir_expr *x = kernel_of_op[E->inst->op].expr(E, so_far, v, NULL);
    return i % NAMED_EVERY == 0 ? lw_named(E->l, "part", x) : x;
}

const kir_expr *lx_elementwise(lw *l, const ir_inst *inst, int result, const ir_sx *const *index)
{
    const ir_type *out = inst->out[result]->type;
    const kir_expr *x[3] = {NULL};
    nfc_dtype t = inst->in[op_working_operand(op_get(inst->op))]->type->dtype;
    scalar_env e = {l, &l->b, inst, kir_compute(t), dtype_table[t].bits, inst->nin};
    for (int i = 0; i < inst->nin; i++) {
        const kir_expr *v = inst->in[i] ? broadcast(l, inst->in[i], out, index) : NULL;
        if (!kernel_of_op[inst->op].finish) x[i] = v;
        else x[0] = fold_operand(&e, i, x[0], v);
    }
    if (kernel_of_op[inst->op].finish) return kernel_of_op[inst->op].finish(&e, x[0], NULL, NULL);
    return kernel_of_op[inst->op].expr(&e, x[0], x[1], x[2]);
}
