/* Elementwise ops: every expression of ops.def in double and in 64-bit integers. */
#include <math.h>
#include <string.h>
#include "ir/scalar.h"
#include "ir/sim.h"

/* What an expression may ask besides its operands. */
typedef struct {
    const ir_inst *inst;
    nfc_dtype dtype; /* computed in */
    bool is_unsigned, by_zero;
    int n;
} scalar_env;

static const ir_attr *attribute(const scalar_env *e, const char *name) { return ir_attr_named(e->inst, name); }
/* An attribute counts with the precision that the emitted code can have it in. */
static double float_attribute(const scalar_env *e, const char *name)
{
    double v = attribute(e, name)->f;
    return e->dtype == DT_f64 ? v : (double)(float)v;
}

#define A(name) float_attribute(E, #name)
#define AI(name) (attribute(E, #name)->i)
#define AS(name, text) (strcmp(attribute(E, #name)->s, text) == 0)
#define HAS(i) (ir_operand(E->inst, i) != NULL)
#define N (E->n)
#define BOOL(c) ((c) != 0)

/* ---- in double ----------------------------------------------------------------------------- */

static double min_nan(double a, double b) { return isnan(a) || isnan(b) ? NAN : a < b ? a : b; }
static double max_nan(double a, double b) { return isnan(a) || isnan(b) ? NAN : a > b ? a : b; }
/* NumPy's remainder: the divisor's sign, which a zero has as well. */
static double floor_mod(double a, double b)
{
    double r = fmod(a, b);
    if (r == 0) return copysign(0, b);
    return (r < 0) != (b < 0) ? r + b : r;
}

/* By halves of the exponential, which alone falls below the numbers before it is multiplied with a. */
static double gelu_tanh(double a)
{
    double u = 1.5957691216057308 * a * (1 + 0.044715 * a * a), half = exp(u / 2);
    return a >= 0 ? a / (1 + exp(-u)) : a * half / (1 + half * half) * half;
}

#define LIT(v) ((double)(v))
#define INFTY INFINITY
#define NEG(a) (-(a))
#define ABS(a) fabs(a)
#define ADD(a, b) ((a) + (b))
#define SUB(a, b) ((a) - (b))
#define MUL(a, b) ((a) * (b))
#define DIV(a, b) ((a) / (b))
#define MIN(a, b) min_nan(a, b)
#define MAX(a, b) max_nan(a, b)
#define FMOD(a, b) fmod(a, b)
#define IMOD(a, b) floor_mod(a, b)
#define SQRT(a) sqrt(a)
#define FLOOR(a) floor(a)
#define CEIL(a) ceil(a)
#define RINT(a) nearbyint(a)
#define EXP(a) exp(a)
#define EXPM1(a) expm1(a)
#define LOG(a) log(a)
#define LOG1P(a) log1p(a)
#define POW(a, b) pow(a, b)
#define ERF(a) erf(a)
#define ERFC(a) erfc(a)
#define GELU(a) (0.5 * (a) * erfc(-(a) * 0.70710678118654752))
#define AFFINE(a, x, b) (A(a) * (x) + A(b))
#define SIGMOID(a) ((a) >= 0 ? 1 / (1 + exp(-(a))) : exp(a) / (1 + exp(a)))
#define GELU_TANH(a) gelu_tanh(a)
#define SIN(a) sin(a)
#define COS(a) cos(a)
#define TAN(a) tan(a)
#define ASIN(a) asin(a)
#define ACOS(a) acos(a)
#define ATAN(a) atan(a)
#define SINH(a) sinh(a)
#define COSH(a) cosh(a)
#define TANH(a) tanh(a)
#define ASINH(a) asinh(a)
#define ACOSH(a) acosh(a)
#define ATANH(a) atanh(a)
#define EQ(a, b) ((a) == (b))
#define NE(a, b) ((a) != (b))
#define LT(a, b) ((a) < (b))
#define LE(a, b) ((a) <= (b))
#define GT(a, b) ((a) > (b))
#define GE(a, b) ((a) >= (b))
#define AND(a, b) ((a) != 0 && (b) != 0)
#define OR(a, b) ((a) != 0 || (b) != 0)
#define XOR(a, b) (((a) != 0) != ((b) != 0))
#define NOT(a) ((a) == 0)
#define SEL(c, a, b) ((c) != 0 ? (a) : (b))
#define BAND(a, b) (a)
#define BOR(a, b) (a)
#define BXOR(a, b) (a)
#define BNOT(a) (a)
#define SHL(a, b) (a)
#define SHR(a, b) (a)

#define SCALAR_TYPE double
#define SCALAR_ENV scalar_env *
#define SCALAR_NAME(id) double_##id
#include "ir/ops_scalar.h"

#undef LIT
#undef INFTY
#undef NEG
#undef ABS
#undef ADD
#undef SUB
#undef MUL
#undef DIV
#undef MIN
#undef MAX
#undef FMOD
#undef IMOD
#undef EQ
#undef LT
#undef LE
#undef GT
#undef GE
#undef POW
#undef BAND
#undef BOR
#undef BXOR
#undef BNOT
#undef SHL
#undef SHR
#undef SQRT
#undef FLOOR
#undef CEIL
#undef RINT
#undef EXP
#undef EXPM1
#undef LOG
#undef LOG1P
#undef ERF
#undef ERFC
#undef GELU
#undef GELU_TANH
#undef AFFINE
#undef SIGMOID
#undef SIN
#undef COS
#undef TAN
#undef ASIN
#undef ACOS
#undef ATAN
#undef SINH
#undef COSH
#undef TANH
#undef ASINH
#undef ACOSH
#undef ATANH
#undef A

/* ---- in integers --------------------------------------------------------------------------- */

/* 64 bits wide, signed or unsigned by the type; storing wraps to the type's width. */
static bool below(const scalar_env *e, int64_t a, int64_t b) { return e->is_unsigned ? (uint64_t)a < (uint64_t)b : a < b; }

static int64_t divide(scalar_env *e, int64_t a, int64_t b)
{
    if (b == 0) return e->by_zero = true, 0;
    if (e->is_unsigned) return (int64_t)((uint64_t)a / (uint64_t)b);
    return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
}

static int64_t remainder_of(scalar_env *e, int64_t a, int64_t b, bool sign_of_divisor)
{
    if (b == 0) return e->by_zero = true, 0;
    if (e->is_unsigned) return (int64_t)((uint64_t)a % (uint64_t)b);
    if (b == -1) return 0;
    int64_t r = a % b;
    return sign_of_divisor && r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

/* By squaring, wrapping; what a negative exponent leaves of an integer is 0, 1 or -1. */
static int64_t power(const scalar_env *e, int64_t a, int64_t n)
{
    if (!e->is_unsigned && n < 0) {
        if (a == 1) return 1;
        if (a == -1) return n % 2 ? -1 : 1;
        return 0;
    }
    uint64_t result = 1, base = (uint64_t)a;
    for (uint64_t k = (uint64_t)n; k; k >>= 1, base *= base)
        if (k & 1) result *= base;
    return (int64_t)result;
}

static int64_t shift(const scalar_env *e, int64_t a, int64_t by, bool left)
{
    bool minus = !e->is_unsigned && a < 0; /* its sign comes in from the left */
    if (by < 0 || by >= dtype_table[e->dtype].bits) return left || !minus ? 0 : -1;
    if (left) return (int64_t)((uint64_t)a << by);
    return minus ? ~(int64_t)(~(uint64_t)a >> by) : (int64_t)((uint64_t)a >> by);
}

#define LIT(v) ((int64_t)(v))
#define A(name) ((int64_t)float_attribute(E, #name))
#define INFTY INT64_MAX
#define WRAP(a, op, b) ((int64_t)((uint64_t)(a)op(uint64_t)(b)))
#define NEG(a) WRAP(0, -, a)
#define ABS(a) (below(E, a, 0) ? NEG(a) : (a))
#define ADD(a, b) WRAP(a, +, b)
#define SUB(a, b) WRAP(a, -, b)
#define MUL(a, b) WRAP(a, *, b)
#define DIV(a, b) divide(E, a, b)
#define MIN(a, b) (below(E, a, b) ? (a) : (b))
#define MAX(a, b) (below(E, b, a) ? (a) : (b))
#define FMOD(a, b) remainder_of(E, a, b, false)
#define IMOD(a, b) remainder_of(E, a, b, true)
#define POW(a, b) power(E, a, b)
#define EQ(a, b) ((a) == (b))
#define LT(a, b) below(E, a, b)
#define GT(a, b) below(E, b, a)
#define LE(a, b) (!below(E, b, a))
#define GE(a, b) (!below(E, a, b))
#define BAND(a, b) ((a) & (b))
#define BOR(a, b) ((a) | (b))
#define BXOR(a, b) ((a) ^ (b))
#define BNOT(a) (~(a))
#define SHL(a, b) shift(E, a, b, true)
#define SHR(a, b) shift(E, a, b, false)
/* Defined on floats only; the element types of the row keep integers away. */
#define FLOAT_ONLY(a) ((void)(a), (int64_t)0)
#define SQRT(a) FLOAT_ONLY(a)
#define FLOOR(a) FLOAT_ONLY(a)
#define CEIL(a) FLOAT_ONLY(a)
#define RINT(a) FLOAT_ONLY(a)
#define EXP(a) FLOAT_ONLY(a)
#define EXPM1(a) FLOAT_ONLY(a)
#define LOG(a) FLOAT_ONLY(a)
#define LOG1P(a) FLOAT_ONLY(a)
#define ERF(a) FLOAT_ONLY(a)
#define ERFC(a) FLOAT_ONLY(a)
#define GELU(a) FLOAT_ONLY(a)
#define GELU_TANH(a) FLOAT_ONLY(a)
#define AFFINE(a, x, b) FLOAT_ONLY(x)
#define SIGMOID(a) FLOAT_ONLY(a)
#define SIN(a) FLOAT_ONLY(a)
#define COS(a) FLOAT_ONLY(a)
#define TAN(a) FLOAT_ONLY(a)
#define ASIN(a) FLOAT_ONLY(a)
#define ACOS(a) FLOAT_ONLY(a)
#define ATAN(a) FLOAT_ONLY(a)
#define SINH(a) FLOAT_ONLY(a)
#define COSH(a) FLOAT_ONLY(a)
#define TANH(a) FLOAT_ONLY(a)
#define ASINH(a) FLOAT_ONLY(a)
#define ACOSH(a) FLOAT_ONLY(a)
#define ATANH(a) FLOAT_ONLY(a)

#define SCALAR_TYPE int64_t
#define SCALAR_ENV scalar_env *
#define SCALAR_NAME(id) int_##id
#include "ir/ops_scalar.h"

/* ---- over tensors -------------------------------------------------------------------------- */

static double in_double(sim_call *c, scalar_env *e, const sim_coords *at)
{
    double x[3] = {0};
    bool variadic = double_of_op[c->inst->op].finish != NULL;
    for (int i = 0; i < c->nin; i++) {
        const sim_tensor *t = c->in[i];
        if (!t) continue;
        double v = sim_get(t, sim_flat_broadcast(t, at->rank, at->at));
        if (!variadic) x[i] = v;
        else x[0] = i == 0 ? v : double_of_op[c->inst->op].expr(e, x[0], v, 0);
    }
    if (variadic) return double_of_op[c->inst->op].finish(e, x[0], 0, 0);
    return double_of_op[c->inst->op].expr(e, x[0], x[1], x[2]);
}

static int64_t in_int(sim_call *c, scalar_env *e, const sim_coords *at)
{
    int64_t x[3] = {0};
    bool variadic = int_of_op[c->inst->op].finish != NULL;
    for (int i = 0; i < c->nin; i++) {
        const sim_tensor *t = c->in[i];
        if (!t) continue;
        int64_t v = sim_get_int(t, sim_flat_broadcast(t, at->rank, at->at));
        if (!variadic) x[i] = v;
        else x[0] = i == 0 ? v : int_of_op[c->inst->op].expr(e, x[0], v, 0);
    }
    if (variadic) return int_of_op[c->inst->op].finish(e, x[0], 0, 0);
    return int_of_op[c->inst->op].expr(e, x[0], x[1], x[2]);
}

bool ev_elementwise(sim_call *c)
{
    sim_tensor *y = c->out[0];
    nfc_dtype t = c->in[op_working_operand(op_get(c->inst->op))]->dtype;
    scalar_env e = {.inst = c->inst, .dtype = t, .n = c->nin, .is_unsigned = dtype_table[t].kind == DTC_UNSIGNED};
    sim_coords at = {.rank = y->rank, .dim = y->dim};
    for (int64_t i = 0; i < y->n; i++, sim_coords_next(&at)) {
        if (dtype_is_float(t)) sim_set(y, i, in_double(c, &e, &at));
        else sim_set_int(y, i, in_int(c, &e, &at));
    }
    if (e.by_zero) return sim_fail(c, E_RUN_DIVISION, "%s: integer division by zero", op_get(c->inst->op)->name);
    return true;
}
