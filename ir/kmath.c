/* The scalar functions of a module, and the arithmetic that they are built from. */
#include "ir/kmath.h"

#include <math.h>
#include <stdio.h>

/* ---- building blocks ----------------------------------------------------------------------- */

kx kmath_let(kmath *K, const char *name, kx value)
{
    kx have = map_getp(&K->named, value);
    if (have) return have;
    have = kir_let(&K->build, name, value);
    map_setp(&K->named, value, (void *)(uintptr_t)have);
    return have;
}

static bool is_product(const kmath *K, kx a) { return K->fused && a->type == K->t && a->kind == KIR_BIN && a->op == KB_MUL; }

kx kmath_add(kmath *K, kx a, kx b)
{
    if (is_product(K, a)) return kir_fma(&K->build, a->a, a->b, b);
    return is_product(K, b) ? kir_fma(&K->build, b->a, b->b, a) : BIN(ADD, a, b);
}

kx kmath_sub(kmath *K, kx a, kx b)
{
    if (is_product(K, a)) return kir_fma(&K->build, a->a, a->b, NEG(b));
    return is_product(K, b) ? kir_fma(&K->build, NEG(b->a), b->b, a) : BIN(SUB, a, b);
}

kx kmath_select(kmath *K, kx condition, kx a, kx b)
{
    return kir_select(&K->build, condition, LET("value", a), LET("value", b));
}

static kx horner(kmath *K, kx x, int first, int step, int n, const double *c)
{
    int last = first + (n - 1 - first) / step * step;
    kx sum = NUM(c[last]);
    for (int i = last - step; i >= first; i -= step) sum = ADD(MUL(sum, x), NUM(c[i]));
    return sum;
}

/* Pairs of neighbours, and a long one in pairs of these, and so on (G. Estrin), so that few steps wait for each other. */
static kx in_pairs(kmath *K, kx x, int n, const double *c)
{
    enum { MOST_TERMS = 32, LONG = 4 };
    kx term[MOST_TERMS], power = LET("power", MUL(x, x));
    int left = (n + 1) / 2;
    for (int i = 0; i < left; i++) term[i] = 2 * i + 1 < n ? ADD(MUL(NUM(c[2 * i + 1]), x), NUM(c[2 * i])) : NUM(c[2 * i]);
    while (left >= LONG) {
        for (int i = 0; i < (left + 1) / 2; i++) term[i] = 2 * i + 1 < left ? ADD(MUL(term[2 * i + 1], power), term[2 * i]) : term[2 * i];
        left = (left + 1) / 2;
        power = LET("power", MUL(power, power));
    }
    kx sum = term[left - 1];
    for (int i = left - 2; i >= 0; i--) sum = ADD(MUL(sum, power), term[i]);
    return sum;
}

/* A long one in two halves, for the sake of machines that work on both at a time. */
kx kmath_poly(kmath *K, kx x, int n, const double *c)
{
    if (K->fused && n > 4) return in_pairs(K, x, n, c);
    if (n < 8) return horner(K, x, 0, 1, n, c);
    kx square = LET("square", MUL(x, x));
    kx odd = LET("odd", horner(K, square, 1, 2, n, c));
    return ADD(horner(K, square, 0, 2, n, c), MUL(x, odd));
}

static uint64_t sign_mask(const kmath *K) { return UINT64_C(1) << (K->width - 1); }

kx kmath_abs(kmath *K, kx x) { return UN(ABS, x); }
kx kmath_sign_bit(kmath *K, kx x) { return BAND(BITS(K->u, x), WORD(sign_mask(K))); }
kx kmath_with_sign(kmath *K, kx x, kx sign) { return BITS(K->t, BXOR(BITS(K->u, x), sign)); }

kx kmath_power_of_two(kmath *K, kx n)
{
    return BITS(K->t, SHL(ADD(n, INT(K->bias)), INT(K->digits - 1)));
}

/* From 1.5 * 2^(digits - 1) on, the last place of a float is 1: the sum rounds to a whole number,
 * which then stands in its lowest bits. */
static double big(const kmath *K) { return BY_TYPE(12582912.0, 6755399441055744.0); }
static kx big_bits(kmath *K) { return BY_TYPE(INT(0x4b400000), INT(INT64_C(0x4338000000000000))); }

kwhole kmath_nearest(kmath *K, const char *name, kx x)
{
    kx sum = LET(name, ADD(x, NUM(big(K))));
    kx integer = SUB(BITS(K->i, sum), big_bits(K)); /* where there is an instruction to scale by floats nothing may want it */
    return (kwhole){LET(name, SUB(sum, NUM(big(K)))), K->scales ? integer : LET(name, integer)};
}

kx kmath_from_int(kmath *K, kx n) { return SUB(BITS(K->t, ADD(n, big_bits(K))), NUM(big(K))); }

/* ---- pairs: T. J. Dekker, "A floating-point technique for extending the available precision" ---- */

kpair kmath_sum(kmath *K, kx a, kx b)
{
    a = LET("a", a), b = LET("b", b);
    kx s = LET("sum", ADD(a, b)), other = LET("part", SUB(s, a));
    return (kpair){s, LET("rest", ADD(SUB(a, SUB(s, other)), SUB(b, other)))};
}

kpair kmath_fast_sum(kmath *K, kx a, kx b)
{
    a = LET("a", a), b = LET("b", b);
    kx s = LET("sum", ADD(a, b));
    return (kpair){s, LET("rest", SUB(b, SUB(s, a)))};
}

kx kmath_upper(kmath *K, kx x)
{
    uint64_t mask = BY_TYPE(UINT64_C(0xfffff000), UINT64_C(0xfffffffff8000000));
    return LET("upper", BITS(K->t, BAND(BITS(K->u, x), WORD(mask))));
}

static kpair halves(kmath *K, kx x)
{
    if (x->kind != KIR_CONST) return (kpair){kmath_upper(K, x), LET("lower", SUB(x, kmath_upper(K, x)))};
    double unit = ldexp(1, ilogb(x->number) - BY_TYPE(11, 25)), upper = trunc(x->number / unit) * unit;
    return (kpair){NUM(upper), NUM(x->number - upper)};
}

kpair kmath_product(kmath *K, kx a, kx b)
{
    a = LET("a", a), b = LET("b", b);
    kx p = LET("product", MUL(a, b));
    if (K->fused) return (kpair){p, LET("rest", kir_fma(&K->build, a, b, NEG(p)))};
    kpair x = halves(K, a), y = halves(K, b);
    kx error = ADD(SUB(MUL(x.hi, y.hi), p), ADD(MUL(x.hi, y.lo), MUL(x.lo, y.hi)));
    return (kpair){p, LET("rest", ADD(error, MUL(x.lo, y.lo)))};
}

kpair kmath_quotient(kmath *K, kpair a, kpair b)
{
    kx q = LET("quotient", DIV(a.hi, b.hi));
    kpair p = kmath_product(K, q, b.hi);
    kx left = ADD(SUB(SUB(a.hi, p.hi), p.lo), SUB(a.lo, MUL(q, b.lo)));
    return (kpair){q, LET("rest", DIV(left, b.hi))};
}

kpair kmath_root(kmath *K, kpair a)
{
    kx s = LET("root", SQRT(a.hi));
    kpair p = kmath_product(K, s, s);
    kx left = ADD(SUB(SUB(a.hi, p.hi), p.lo), a.lo);
    kx below = SEL(EQ(s, NUM(0)), NUM(0), DIV(left, ADD(s, s)));
    return (kpair){s, LET("rest", below)};
}

/* ---- the functions ------------------------------------------------------------------------- */

static kmath_body *const unary_body[KU_COUNT] = {
    [KU_EXP] = kmath_exp, [KU_EXPM1] = kmath_expm1, [KU_LOG] = kmath_log, [KU_LOG1P] = kmath_log1p,
    [KU_SIN] = kmath_sin, [KU_COS] = kmath_cos, [KU_TAN] = kmath_tan,
    [KU_ASIN] = kmath_asin, [KU_ACOS] = kmath_acos, [KU_ATAN] = kmath_atan,
    [KU_SINH] = kmath_sinh, [KU_COSH] = kmath_cosh, [KU_TANH] = kmath_tanh, [KU_SIGMOID] = kmath_sigmoid,
    [KU_ASINH] = kmath_asinh, [KU_ACOSH] = kmath_acosh, [KU_ATANH] = kmath_atanh,
    [KU_ERF] = kmath_erf, [KU_ERFC] = kmath_erfc, [KU_GELU] = kmath_gelu, [KU_GELU_TANH] = kmath_gelu_tanh,
};
static kmath_body *const binary_body[KB_COUNT] = {[KB_POW] = kmath_pow, [KB_FMOD] = kmath_fmod};

static kir_var *argument(kmath *K, const char *name)
{
    kir_var *v = ARENA_NEW(K->build.arena, kir_var);
    *v = (kir_var){.name = name, .type = K->t, .id = K->build.func->nvar++};
    return v;
}

static const kir_func *function(ir_module *m, const char *op, kir_type type, kmath_body *body, int arguments, kmath_means means)
{
    static const char *const suffix[] = {"", "_fused", "_scaled", "_looked_up"};
    if (!body || (type != DT_f32 && type != DT_f64)) return NULL;
    char name[32]; /* looked up for every call that the interpreter makes: no memory for that */
    snprintf(name, sizeof name, "%s_%s%s", op, dtype_name((nfc_dtype)type), suffix[means]);
    const kir_func *have = map_get(&m->math, name);
    if (have) return have;
    kmath k = {.t = type, .fused = means >= KMATH_FUSED, .scales = means >= KMATH_SCALES, .looks_up = means == KMATH_LOOKS_UP && type == DT_f32}, *K = &k;
    bool narrow = type == DT_f32;
    k.i = narrow ? DT_i32 : DT_i64;
    k.u = narrow ? DT_u32 : DT_u64;
    k.width = narrow ? 32 : 64;
    k.digits = narrow ? 24 : 53;
    k.bias = narrow ? 127 : 1023;
    kir_begin(&k.build, m, arena_strdup(m->arena, name));
    for (int i = 0; i < arguments; i++) k.build.func->arg[i] = argument(K, i ? "y" : "x");
    k.x = kir_var_ref(&k.build, k.build.func->arg[0]);
    if (arguments > 1) k.y = kir_var_ref(&k.build, k.build.func->arg[1]);
    map_init(&k.named, m->arena);
    k.build.func->result = body(K);
    const kir_func *f = kir_end(&k.build);
    map_set(&m->math, name, (void *)(uintptr_t)f);
    return f;
}

const kir_func *kmath_unary(ir_module *m, kir_un op, kir_type type)
{
    return function(m, kir_un_table[op].text, type, unary_body[op], 1, KMATH_PLAIN);
}

const kir_func *kmath_binary(ir_module *m, kir_bin op, kir_type type)
{
    return function(m, kir_bin_table[op].text, type, binary_body[op], 2, KMATH_PLAIN);
}

const kir_func *kmath_fused(ir_module *m, bool is_binary, int op, kir_type type, kmath_means means)
{
    if (is_binary) return function(m, kir_bin_table[op].text, type, binary_body[op], 2, means);
    return function(m, kir_un_table[op].text, type, unary_body[op], 1, means);
}
