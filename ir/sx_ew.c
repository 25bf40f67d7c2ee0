/* Elementwise ops: every expression of ops.def over symbolic integers. */
#include "ir/sx_ew.h"

#include <math.h>
#include <string.h>
#include "ir/scalar.h"

/* What an expression may ask besides its operands. */
typedef struct {
    sx_table *t;
    const ir_inst *inst;
    bool is_float; /* computed in; the numbers are whole all the same */
} scalar_env;

static const ir_attr *attribute(const scalar_env *e, const char *name) { return ir_attr_named(e->inst, name); }

static const ir_sx *number(const scalar_env *e, double x)
{
    return fabs(x) < 1e15 && x == floor(x) ? sx_int(e->t, (int64_t)x) : NULL;
}

static const ir_sx *truth(const scalar_env *e, bool is) { return sx_int(e->t, is); }

/* ---- arithmetic: NULL where an operand that counts is not known ---------------------------------- */

static const ir_sx *sum(const scalar_env *e, const ir_sx *a, const ir_sx *b) { return a && b ? sx_add(e->t, a, b) : NULL; }
static const ir_sx *difference(const scalar_env *e, const ir_sx *a, const ir_sx *b) { return a && b ? sx_sub(e->t, a, b) : NULL; }
static const ir_sx *negative(const scalar_env *e, const ir_sx *a) { return difference(e, sx_int(e->t, 0), a); }

static const ir_sx *product(const scalar_env *e, const ir_sx *a, const ir_sx *b)
{
    if ((a && sx_is(a, 0)) || (b && sx_is(b, 0))) return sx_int(e->t, 0);
    return a && b ? sx_mul(e->t, a, b) : NULL;
}

static const ir_sx *quotient(const scalar_env *e, const ir_sx *a, const ir_sx *b)
{
    if (!a || !b || sx_is(b, 0)) return NULL;
    const ir_sx *exact = sx_exact_div(e->t, a, b);
    if (exact || e->is_float) return exact;
    bool truncates = sx_min(a) < 0; /* ours rounds down, the op toward zero */
    return sx_is_const(b) && sx_value(b) > 0 && !truncates ? sx_div(e->t, a, sx_value(b)) : NULL;
}

/* Of the kinds of remainder that differ by the sign, what they have in common. */
static const ir_sx *remainder_of(const scalar_env *e, const ir_sx *a, const ir_sx *b)
{
    return a && b && sx_is_const(b) && sx_value(b) > 0 && sx_min(a) >= 0 ? sx_mod(e->t, a, sx_value(b)) : NULL;
}

/* The one of a and b that is the larger, or the smaller, whatever the symbols are. */
static const ir_sx *extreme(const scalar_env *e, const ir_sx *a, const ir_sx *b, bool larger)
{
    const ir_sx *by = difference(e, a, b);
    if (!by) return NULL;
    if (sx_max(by) <= 0) return larger ? b : a;
    return sx_min(by) >= 0 ? larger ? a : b : NULL;
}

static const ir_sx *absolute(const scalar_env *e, const ir_sx *a)
{
    if (!a) return NULL;
    return sx_min(a) >= 0 ? a : sx_max(a) <= 0 ? negative(e, a) : NULL;
}

/* ---- truths ------------------------------------------------------------------------------------- */

static const ir_sx *equal(const scalar_env *e, const ir_sx *a, const ir_sx *b)
{
    int64_t lo, hi;
    const ir_sx *by = difference(e, a, b);
    if (!by) return NULL;
    sx_range(by, &lo, &hi);
    return lo == 0 && hi == 0 ? truth(e, true) : lo > 0 || hi < 0 ? truth(e, false) : NULL;
}

static const ir_sx *less(const scalar_env *e, const ir_sx *a, const ir_sx *b)
{
    int64_t lo, hi;
    const ir_sx *by = difference(e, a, b);
    if (!by) return NULL;
    sx_range(by, &lo, &hi);
    return hi < 0 ? truth(e, true) : lo >= 0 ? truth(e, false) : NULL;
}

static const ir_sx *not(const scalar_env *e, const ir_sx *a) { return a && sx_is_const(a) ? truth(e, !sx_value(a)) : NULL; }

static const ir_sx *both(const scalar_env *e, const ir_sx *a, const ir_sx *b)
{
    if ((a && sx_is(a, 0)) || (b && sx_is(b, 0))) return truth(e, false);
    return a && b && sx_is(a, 1) && sx_is(b, 1) ? truth(e, true) : NULL;
}

static const ir_sx *either(const scalar_env *e, const ir_sx *a, const ir_sx *b) { return not(e, both(e, not(e, a), not(e, b))); }

static const ir_sx *selected(const ir_sx *condition, const ir_sx *a, const ir_sx *b)
{
    if (!condition || !sx_is_const(condition)) return NULL;
    return sx_value(condition) ? a : b;
}

/* ---- the vocabulary ----------------------------------------------------------------------------- */

#define A(name) number(E, attribute(E, #name)->f)
#define AI(name) (attribute(E, #name)->i)
#define AS(name, text) (strcmp(attribute(E, #name)->s, text) == 0)
#define HAS(i) (ir_operand(E->inst, i) != NULL)
#define N (E->inst->nin)
#define BOOL(c) truth(E, (c) != 0)
#define LIT(v) number(E, v)
#define NEG(a) negative(E, a)
#define ABS(a) absolute(E, a)
#define ADD(a, b) sum(E, a, b)
#define SUB(a, b) difference(E, a, b)
#define MUL(a, b) product(E, a, b)
#define DIV(a, b) quotient(E, a, b)
#define MIN(a, b) extreme(E, a, b, false)
#define MAX(a, b) extreme(E, a, b, true)
#define FMOD(a, b) remainder_of(E, a, b)
#define IMOD(a, b) remainder_of(E, a, b)
#define FLOOR(a) (a)
#define CEIL(a) (a)
#define RINT(a) (a)
#define EQ(a, b) equal(E, a, b)
#define NE(a, b) not(E, equal(E, a, b))
#define LT(a, b) less(E, a, b)
#define GT(a, b) less(E, b, a)
#define LE(a, b) not(E, less(E, b, a))
#define GE(a, b) not(E, less(E, a, b))
#define AND(a, b) both(E, a, b)
#define OR(a, b) either(E, a, b)
#define XOR(a, b) not(E, equal(E, a, b))
#define NOT(a) not(E, a)
#define SEL(c, a, b) selected(c, a, b)
/* Not whole, or not followed: no size is worked out so. */
#define UNKNOWN(a) ((void)(a), (const ir_sx *)NULL)
#define INFTY ((const ir_sx *)NULL)
#define SQRT(a) UNKNOWN(a)
#define EXP(a) UNKNOWN(a)
#define EXPM1(a) UNKNOWN(a)
#define LOG(a) UNKNOWN(a)
#define LOG1P(a) UNKNOWN(a)
#define POW(a, b) UNKNOWN(a)
#define ERF(a) UNKNOWN(a)
#define ERFC(a) UNKNOWN(a)
#define GELU(a) UNKNOWN(a)
#define GELU_TANH(a) UNKNOWN(a)
#define AFFINE(a, x, b) UNKNOWN(x)
#define SIGMOID(a) UNKNOWN(a)
#define SIN(a) UNKNOWN(a)
#define COS(a) UNKNOWN(a)
#define TAN(a) UNKNOWN(a)
#define ASIN(a) UNKNOWN(a)
#define ACOS(a) UNKNOWN(a)
#define ATAN(a) UNKNOWN(a)
#define SINH(a) UNKNOWN(a)
#define COSH(a) UNKNOWN(a)
#define TANH(a) UNKNOWN(a)
#define ASINH(a) UNKNOWN(a)
#define ACOSH(a) UNKNOWN(a)
#define ATANH(a) UNKNOWN(a)
#define BAND(a, b) UNKNOWN(a)
#define BOR(a, b) UNKNOWN(a)
#define BXOR(a, b) UNKNOWN(a)
#define BNOT(a) UNKNOWN(a)
#define SHL(a, b) UNKNOWN(a)
#define SHR(a, b) UNKNOWN(a)

#define SCALAR_TYPE const ir_sx *
#define SCALAR_ENV const scalar_env *
#define SCALAR_NAME(id) symbolic_##id
#include "ir/ops_scalar.h"

const ir_sx *sx_elementwise(sx_table *t, const ir_inst *inst, const ir_sx *const *in)
{
    const ir_value *worked_in = inst->in[op_working_operand(op_get(inst->op))];
    scalar_env e = {t, inst, dtype_is_float(worked_in->type->dtype)};
    if (!symbolic_of_op[inst->op].finish) return symbolic_of_op[inst->op].expr(&e, in[0], inst->nin > 1 ? in[1] : NULL, inst->nin > 2 ? in[2] : NULL);
    const ir_sx *x = in[0];
    for (int i = 1; i < inst->nin; i++) x = symbolic_of_op[inst->op].expr(&e, x, in[i], NULL);
    return symbolic_of_op[inst->op].finish(&e, x, NULL, NULL);
}
