/* What the files ir/kmath*.c share: a vocabulary for bodies of scalar functions.
 *
 * A body is written once for f32 and f64: coefficients come in two lists, and what depends on the
 * format (digits, exponent, masks) comes from kmath. Every expression is named as soon as it is used
 * twice, so the emitted code has no repetitions. Nothing here uses a wider type than its own, traps or
 * loads. As long as nothing is fused, all targets compute the same bits; the fused flavour, for devices
 * with multiply-adds, is no less exact. */
#ifndef NFC_KMATH_H
#define NFC_KMATH_H

#include "ir/kir.h"

typedef const kir_expr *kx;

/* A function under construction. */
typedef struct kmath {
    kir_builder build;
    kir_type t, i, u;        /* the float type, and the integers of its width */
    int digits, width;       /* of the mantissa with its leading one; of the type */
    int bias;                /* of the exponent */
    bool fused;              /* products and sums are rounded once, together */
    bool scales;             /* the target has an instruction for a * 2^b */
    bool looks_up;           /* and one for 2^(k / 16): of f32 alone */
    kx x, y;                 /* the arguments */
    nfc_map named;           /* expressions that have a name -> the name */
} kmath;

/* A number that is the sum of two, the second below the first one's last place. */
typedef struct {
    kx hi, lo;
} kpair;

#define BIN(op, a, b) kir_binary(&K->build, KB_##op, a, b)
#define UN(op, a) kir_unary(&K->build, KU_##op, a)
#define ADD(a, b) kmath_add(K, a, b)
#define SUB(a, b) kmath_sub(K, a, b)
#define MUL(a, b) BIN(MUL, a, b)
#define DIV(a, b) BIN(DIV, a, b)
#define LT(a, b) BIN(LT, a, b)
#define LE(a, b) BIN(LE, a, b)
#define EQ(a, b) BIN(EQ, a, b)
#define NE(a, b) BIN(NE, a, b)
#define AND(a, b) BIN(AND, a, b)
#define OR(a, b) BIN(OR, a, b)
#define NOT(a) UN(NOT, a)
#define NEG(a) UN(NEG, a)
#define SQRT(a) UN(SQRT, a)
#define BAND(a, b) BIN(BAND, a, b)
#define BOR(a, b) BIN(BOR, a, b)
#define BXOR(a, b) BIN(BXOR, a, b)
#define SHL(a, n) BIN(SHL, a, n)
#define SHR(a, n) BIN(SHR, a, n)
#define MIN(a, b) BIN(MIN, a, b)
#define MAX(a, b) BIN(MAX, a, b)
#define SEL(c, a, b) kmath_select(K, c, a, b)
#define CAST(type, a) kir_cast(&K->build, type, a)
#define BITS(type, a) kir_bits(&K->build, type, a)
#define LET(name, a) kmath_let(K, name, a)
#define NUM(v) kir_float(&K->build, K->t, v)
#define INT(v) kir_int(&K->build, K->i, v)
#define WORD(v) kir_int(&K->build, K->u, (int64_t)(v))
/* One number for each type. */
#define BY_TYPE(f32, f64) (K->t == DT_f32 ? (f32) : (f64))
#define NUM2(f32, f64) NUM(BY_TYPE(f32, f64))
/* The polynomial c[0] + c[1] x + ... of each type; the lists stand in brackets. */
#define POLY(x, f32, f64) kmath_poly(K, x, BY_TYPE(COUNT f32, COUNT f64), BY_TYPE(LIST f32, LIST f64))
#define LIST(...) (const double[]){__VA_ARGS__}
#define COUNT(...) (int)(sizeof(double[]){__VA_ARGS__} / sizeof(double))

typedef kx kmath_body(kmath *K);

/* Sums and differences; fused with a product that has no name. */
kx kmath_add(kmath *K, kx a, kx b);
kx kmath_sub(kmath *K, kx a, kx b);
/* As kir_let(), but an expression is named only once: it is the same wherever it stands. */
kx kmath_let(kmath *K, const char *name, kx value);
/* What is chosen from has names: compilers make vector code of that rather than jumps. */
kx kmath_select(kmath *K, kx condition, kx a, kx b);
kx kmath_poly(kmath *K, kx x, int n, const double *c);

/* |x|, and x with the sign bit of another (given as bits of the unsigned type). */
kx kmath_abs(kmath *K, kx x);
kx kmath_sign_bit(kmath *K, kx x);
kx kmath_with_sign(kmath *K, kx x, kx sign);
/* 2^n for a whole n whose power is a normal number. */
kx kmath_power_of_two(kmath *K, kx n);
/* The whole number nearest to x, as a float and as an integer; |x| < 2^(digits - 2). */
typedef struct {
    kx number, integer;
} kwhole;
kwhole kmath_nearest(kmath *K, const char *name, kx x);
/* A small integer as a float: |n| < 2^(digits - 2), of type i. Vector units lack the conversion of i64. */
kx kmath_from_int(kmath *K, kx n);

/* Sums and products without a rounding error. fast: |a| >= |b|, or a is 0. */
kpair kmath_sum(kmath *K, kx a, kx b);
kpair kmath_fast_sum(kmath *K, kx a, kx b);
kpair kmath_product(kmath *K, kx a, kx b);
/* Quotient of two pairs: the second part is what the rounding of the first left. */
kpair kmath_quotient(kmath *K, kpair a, kpair b);
kpair kmath_root(kmath *K, kpair a);
/* The number without the lower half of its digits. */
kx kmath_upper(kmath *K, kx x);

/* kmath_exp.c: e^(x + lo) for any x, which overflows and underflows as it should; lo may be NULL.
 * times: factor e^(x + lo), rounded once, for a factor neither large nor small.
 * pair: factor e^(x + lo) 2^shift in two parts. */
kx kmath_exp_of(kmath *K, kx x, kx lo);
/* The same for |x| < 80 with some more error, in fewer steps: where e^x is small beside what it is added to. */
kx kmath_exp_near(kmath *K, kx x);
kx kmath_exp_times(kmath *K, kx x, kx lo, kpair factor);
kpair kmath_exp_pair(kmath *K, kx x, kx lo, kx factor, int shift);
/* kmath_log.c: log(hi + lo) + log(2) * shift; lo may be NULL, else hi must be a normal number; shift
 * is an integer of type K->i, or NULL. */
kx kmath_log_of(kmath *K, kx hi, kx lo, kx shift);

kmath_body kmath_exp, kmath_expm1, kmath_sinh, kmath_cosh, kmath_tanh, kmath_sigmoid;
kmath_body kmath_log, kmath_log1p, kmath_asinh, kmath_acosh, kmath_atanh;
kmath_body kmath_sin, kmath_cos, kmath_tan;
kmath_body kmath_asin, kmath_acos, kmath_atan;
kmath_body kmath_erf, kmath_erfc, kmath_gelu, kmath_gelu_tanh;
kmath_body kmath_pow, kmath_fmod;

#endif
