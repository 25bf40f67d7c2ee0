/* Vector loops: which are refused, and how the others are printed as C. */
#include "codegen/dialect.h"
#include "tests/unit/unit.h"

typedef struct {
    nfc_session *s;
    ir_module *m;
    sx_table *sx;
    kir_builder b;
    kir_buffer *x, *y, *n, *h, *q; /* f32 [64], f32 [64], i32 [64], f16 [64], bool [64] */
    kir_stmt *loop;                /* the vector loop */
} kernel;

static const ir_sx *num(kernel *k, int64_t v) { return sx_int(k->sx, v); }
static const ir_sx *plus(kernel *k, const ir_sx *a, const ir_sx *b) { return sx_add(k->sx, a, b); }
static const ir_sx *times(kernel *k, int64_t v, const ir_sx *a) { return sx_mul(k->sx, num(k, v), a); }
static const ir_sx *over(kernel *k, const ir_sx *a, int64_t v) { return sx_div(k->sx, a, v); }
static const ir_sx *modulo(kernel *k, const ir_sx *a, int64_t v) { return sx_mod(k->sx, a, v); }

static kernel begin(void)
{
    nfc_session *s = unit_session();
    kernel k = {.s = s, .m = unit_empty(s)};
    k.sx = &k.m->sx;
    return k;
}

static void open(kernel *k)
{
    kir_begin(&k->b, k->m, "made");
    k->x = kir_param(&k->b, "x", DT_f32, num(k, 64));
    k->y = kir_param(&k->b, "y", DT_f32, num(k, 64));
    k->n = kir_param(&k->b, "n", DT_i32, num(k, 64));
    k->h = kir_param(&k->b, "h", DT_f16, num(k, 64));
    k->q = kir_param(&k->b, "q", DT_bool, num(k, 64));
}

static const ir_sx *lanes(kernel *k, int64_t n)
{
    const ir_sx *v = kir_for(&k->b, KIR_VECTOR, "v", num(k, 0), num(k, n));
    k->loop = vec_last(&k->b.open);
    return v;
}

static const ir_sx *loop(kernel *k, kir_for_kind kind, int64_t n) { return kir_for(&k->b, kind, "i", num(k, 0), num(k, n)); }
static const kir_expr *load(kernel *k, kir_buffer *b, const ir_sx *at) { return kir_load(&k->b, b, at); }
static const kir_expr *f32(kernel *k, double v) { return kir_float(&k->b, DT_f32, v); }
static const kir_expr *bin(kernel *k, kir_bin op, const kir_expr *a, const kir_expr *b) { return kir_binary(&k->b, op, a, b); }
static const kir_expr *un(kernel *k, kir_un op, const kir_expr *a) { return kir_unary(&k->b, op, a); }
static const kir_expr *at(kernel *k, const ir_sx *x) { return kir_index(&k->b, x); }
static const kir_expr *number(kernel *k, const ir_sx *x) { return kir_cast(&k->b, DT_f32, at(k, x)); }
static const kir_expr *less(kernel *k, const ir_sx *x, double v) { return bin(k, KB_LT, load(k, k->x, x), f32(k, v)); }
static void give(kernel *k, const ir_sx *index, const kir_expr *e) { kir_store(&k->b, k->y, index, e); }
static kir_buffer *local(kernel *k, int64_t n) { return kir_alloc(&k->b, "acc", DT_f32, n); }
static void close(kernel *k) { kir_close(&k->b); }

/* ---- refusals ------------------------------------------------------------------------------ */

/* The statements make a kernel whose vector loop is refused with this message; NULL: it is not. */
#define LOOP(name, part, ...)                                                                      \
    Test(vector, name)                                                                             \
    {                                                                                              \
        kernel kernel_ = begin(), *k = &kernel_;                                                   \
        open(k);                                                                                   \
        __VA_ARGS__;                                                                               \
        check(k, kir_end(&k->b), part);                                                            \
    }

/* kir_verify() refuses, too, what kir_cannot_vector() does. */
static void check(kernel *k, const kir_func *f, const char *part)
{
    const char *why = kir_cannot_vector(k->m, f, k->loop), *broken = kir_verify(k->m, f);
    if (!why && !part) cr_assert_null(broken, "%s", broken);
    else if (!why || !part || !unit_has(why, part) || !broken) cr_assert_fail("%s, not: %s", why ? why : "it is taken", part ? part : "it is taken");
}

LOOP(copy, NULL, const ir_sx *v = lanes(k, 16); give(k, v, load(k, k->x, v)))
LOOP(trips_no_power, NULL, const ir_sx *v = lanes(k, 12); give(k, v, load(k, k->x, v)))
LOOP(trips_one, "its trips are not 0 to a known number", const ir_sx *v = lanes(k, 16); give(k, v, f32(k, 0)); k->loop->end = num(k, 1))
LOOP(trips_of_a_dim, "its trips are not 0 to a known number", ir_sym *s = sx_new_sym(k->sx, "S", 1, 16, NO_SPAN); s->is_dim = true; const ir_sx *v = lanes(k, 16); give(k, v, f32(k, 0)); k->loop->end = sx_sym(k->sx, s))
LOOP(trips_from_one, "its trips are not 0 to a known number", const ir_sx *v = lanes(k, 16); give(k, v, f32(k, 0)); k->loop->begin = num(k, 1))
LOOP(loop_inside, NULL, const ir_sx *v = lanes(k, 8); const ir_sx *i = loop(k, KIR_SERIAL, 8); give(k, plus(k, times(k, 8, i), v), f32(k, 0)))
LOOP(unrolled_inside, NULL, const ir_sx *v = lanes(k, 8); const ir_sx *i = loop(k, KIR_UNROLL, 8); give(k, plus(k, times(k, 8, i), v), f32(k, 0)))
LOOP(vectors_inside, "there is another vector loop inside", const ir_sx *v = lanes(k, 8); kir_stmt *outer = k->loop; const ir_sx *w = lanes(k, 8); give(k, plus(k, times(k, 8, v), w), f32(k, 0)); k->loop = outer)
LOOP(bounds_that_differ, "the bounds of the loop 'i' differ from lane to lane", const ir_sx *v = lanes(k, 8); const ir_sx *i = kir_for(&k->b, KIR_SERIAL, "i", num(k, 0), plus(k, v, num(k, 1))); give(k, plus(k, times(k, 8, v), i), f32(k, 0)))
LOOP(begin_that_differs, "the bounds of the loop 'i' differ from lane to lane", const ir_sx *v = lanes(k, 8); const ir_sx *i = kir_for(&k->b, KIR_SERIAL, "i", v, num(k, 8)); give(k, plus(k, times(k, 8, v), i), f32(k, 0)))
LOOP(guard_alike, NULL, const ir_sx *v = lanes(k, 8); kir_if(&k->b, less(k, num(k, 3), 1)); give(k, v, f32(k, 0)))
LOOP(guard_that_differs, "a guard differs from lane to lane", const ir_sx *v = lanes(k, 8); kir_if(&k->b, less(k, v, 1)); give(k, v, f32(k, 0)))
LOOP(guard_by_the_lane, "a guard differs from lane to lane", const ir_sx *v = lanes(k, 8); kir_if(&k->b, bin(k, KB_LT, at(k, v), at(k, num(k, 5)))); give(k, v, f32(k, 0)))
LOOP(guard_by_a_name, "a guard differs from lane to lane", const ir_sx *v = lanes(k, 8); kir_if(&k->b, kir_let(&k->b, "low", less(k, v, 1))); give(k, v, f32(k, 0)))
LOOP(index_named, NULL, const ir_sx *v = lanes(k, 8); const ir_sx *i = kir_let_index(&k->b, "at", kir_cast(&k->b, KIR_INDEX_TYPE, bin(k, KB_BAND, load(k, k->n, num(k, 3)), kir_int(&k->b, DT_i32, 7))), INT32_MIN, INT32_MAX);
     give(k, v, number(k, i)))
LOOP(index_named_that_differs, "the index 'at' differs from lane to lane", const ir_sx *v = lanes(k, 8); const ir_sx *i = kir_let_index(&k->b, "at", kir_cast(&k->b, KIR_INDEX_TYPE, load(k, k->n, v)), INT32_MIN, INT32_MAX);
     give(k, v, number(k, i)))
LOOP(every_fourth, NULL, const ir_sx *v = lanes(k, 8); give(k, times(k, 4, v), load(k, k->x, times(k, 7, v))))
LOOP(backwards, NULL, const ir_sx *v = lanes(k, 8); give(k, v, load(k, k->x, plus(k, num(k, 7), times(k, -1, v)))))
LOOP(quotient_of_the_lane, "the index v / 3 of 'x' is not linear in the lane", const ir_sx *v = lanes(k, 8); give(k, v, load(k, k->x, over(k, v, 3))))
LOOP(remainder_of_the_lane, "of 'y' is not linear in the lane", const ir_sx *v = lanes(k, 8); const ir_sx *i = loop(k, KIR_SERIAL, 1); give(k, modulo(k, plus(k, v, plus(k, i, num(k, 3))), 8), f32(k, 0)))
LOOP(quotient_alike, NULL, const ir_sx *v = lanes(k, 8); const ir_sx *i = loop(k, KIR_SERIAL, 8); give(k, plus(k, times(k, 8, i), v), load(k, k->x, over(k, plus(k, times(k, 8, i), v), 8))))
LOOP(square_of_the_lane, "is not linear in the lane", const ir_sx *v = lanes(k, 8); give(k, v, load(k, k->x, sx_mul(k->sx, v, v))))
LOOP(number_of_the_lane, NULL, const ir_sx *v = lanes(k, 8); give(k, v, number(k, plus(k, times(k, 3, v), num(k, 2)))))
LOOP(odd_number_of_the_lane, "the index v % 3 is not linear in the lane", const ir_sx *v = lanes(k, 8); give(k, v, number(k, modulo(k, v, 3))))
LOOP(one_element_for_all, "all lanes write the same element of 'y'", lanes(k, 8); give(k, num(k, 3), f32(k, 0)))
LOOP(sum_of_all, "all lanes write the same element of 'y'", const ir_sx *v = lanes(k, 8); kir_accum(&k->b, KB_ADD, k->y, num(k, 0), load(k, k->x, v)))
LOOP(local_outside, "all lanes write the same element of 'acc'", kir_buffer *a = local(k, 1); const ir_sx *v = lanes(k, 8); kir_accum(&k->b, KB_ADD, a, num(k, 0), load(k, k->x, v)))
LOOP(local_inside, NULL, const ir_sx *v = lanes(k, 8); kir_buffer *a = local(k, 4); const ir_sx *i = loop(k, KIR_UNROLL, 4); kir_store(&k->b, a, i, load(k, k->x, plus(k, times(k, 8, i), v))); give(k, plus(k, times(k, 8, i), v), load(k, a, i)))
LOOP(local_read_by_the_lane, "the local 'acc' is indexed by the lane", const ir_sx *v = lanes(k, 8); kir_buffer *a = local(k, 8); kir_store(&k->b, a, num(k, 0), f32(k, 0)); give(k, v, load(k, a, v)))
LOOP(local_written_by_the_lane, "the local 'acc' is indexed by the lane", const ir_sx *v = lanes(k, 8); kir_buffer *a = local(k, 8); kir_store(&k->b, a, v, f32(k, 0)); give(k, v, load(k, a, num(k, 0))))
LOOP(block, "a block is copied", const ir_sx *v = lanes(k, 8); kir_copy(&k->b, k->y, times(k, 8, v), k->x, times(k, 8, v), num(k, 8)))
LOOP(asked_for_by_all, NULL, const ir_sx *v = lanes(k, 8); const ir_sx *i = loop(k, KIR_SERIAL, 8); kir_prefetch(&k->b, k->x, times(k, 99, i)); give(k, plus(k, times(k, 8, i), v), f32(k, 0)))
LOOP(asked_for_by_the_lane, "'x' is asked for lane by lane", const ir_sx *v = lanes(k, 8); kir_prefetch(&k->b, k->x, plus(k, v, num(k, 8))); give(k, v, load(k, k->x, v)))
LOOP(failure_of_all, NULL, const ir_sx *v = lanes(k, 8); give(k, v, f32(k, 0)); kir_if(&k->b, less(k, num(k, 0), 0)); kir_fail(&k->b, KIR_FAIL_INDEX))

/* ---- text ---------------------------------------------------------------------------------- */

/* What the lines look like that the statements are printed as, and the helpers before them. */
#define TEXT(name, lines, ...)                                                                     \
    Test(vector, text_##name)                                                                      \
    {                                                                                              \
        kernel kernel_ = begin(), *k = &kernel_;                                                   \
        open(k);                                                                                   \
        __VA_ARGS__;                                                                               \
        check_text(k, kir_end(&k->b), lines);                                                      \
    }

static void check_text(kernel *k, const kir_func *f, const char *lines)
{
    const char *broken = kir_verify(k->m, f);
    cr_assert_null(broken, "%s", broken);
    device *d = device_load(k->s, "x86-avx512");
    cr_assert_not_null(d, "%s", unit_error(k->s));
    cg_module c = {.m = k->m, .arena = k->m->arena, .device = d, .dialect = &dialect_c, .helpers = text_new(k->m->arena), .kernels = text_new(k->m->arena)};
    map_init(&c.have, k->m->arena);
    cg_print_kernel(&c, f, "made");
    cr_assert(unit_has(c.kernels->at, lines) || unit_has(c.helpers->at, lines), "%s%s", c.helpers->at, c.kernels->at);
}

TEXT(next_to_each_other, "    /* v: 16 lanes */\n    nf_store_f32x16(y + 16, nf_load_f32x16(x));\n", const ir_sx *v = lanes(k, 16); give(k, plus(k, v, num(k, 16)), load(k, k->x, v)))
TEXT(apart, "nf_scatter_f32x8(y + 1, 4, nf_gather_f32x8(x + 7, -1));", const ir_sx *v = lanes(k, 8); give(k, plus(k, times(k, 4, v), num(k, 1)), load(k, k->x, plus(k, num(k, 7), times(k, -1, v)))))
TEXT(scalars_in_operators, "nf_store_f32x8(y, (nf_load_f32x8(x) * 2.0f) + x[3]);", const ir_sx *v = lanes(k, 8); give(k, v, bin(k, KB_ADD, bin(k, KB_MUL, load(k, k->x, v), f32(k, 2)), load(k, k->x, num(k, 3)))))
TEXT(constant, "nf_store_f32x8(y, nf_splat_f32x8(1.0f));", const ir_sx *v = lanes(k, 8); give(k, v, f32(k, 1)))
TEXT(braces, "    {\n        /* v: 8 lanes */\n        nf_store_f32x8(y, nf_splat_f32x8(1.0f));\n    }\n    y[8] = 1.0f;\n", const ir_sx *v = lanes(k, 8); give(k, v, f32(k, 1)); close(k); give(k, num(k, 8), f32(k, 1)))
TEXT(relu, "nf_atleast_f32x8(nf_splat_f32x8(0.0f), nf_load_f32x8(x))", const ir_sx *v = lanes(k, 8); give(k, v, bin(k, KB_MAX, f32(k, 0), load(k, k->x, v))))
TEXT(bound_behind, "nf_atmost_f32x16(nf_splat_f32x16(6.0f), nf_load_f32x16(x))", const ir_sx *v = lanes(k, 16); give(k, v, bin(k, KB_MIN, load(k, k->x, v), f32(k, 6))))
TEXT(bound_by_instruction, "(nf_f32x16)_mm512_min_ps(a, b)", const ir_sx *v = lanes(k, 16); give(k, v, bin(k, KB_MIN, load(k, k->x, v), f32(k, 6))))
TEXT(zero_behind, "nf_max_f32x16(nf_load_f32x16(x), nf_splat_f32x16(0.0f))", const ir_sx *v = lanes(k, 16); give(k, v, bin(k, KB_MAX, load(k, k->x, v), f32(k, 0))))
TEXT(maximum, "return nf_select_f32x2((a > b) | (a != a), a, b);", const ir_sx *v = lanes(k, 2); give(k, v, bin(k, KB_MAX, load(k, k->x, v), load(k, k->x, plus(k, v, num(k, 8))))))
TEXT(maximum_by_instruction, "(nf_f32x16)_mm512_mask_mov_ps(_mm512_max_ps(a, b), _mm512_cmp_ps_mask(a, a, 3), a)", const ir_sx *v = lanes(k, 16); give(k, v, bin(k, KB_MAX, load(k, k->x, v), load(k, k->x, plus(k, v, num(k, 8))))))
TEXT(shifts_and_sums, "(nf_i32x8)((((nf_u32x8)nf_load_i32x8(n) + (uint32_t)5) << 3) + (nf_u32x8)nf_load_f32x8(x))", const ir_sx *v = lanes(k, 8); const kir_expr *five = bin(k, KB_ADD, load(k, k->n, v), kir_int(&k->b, DT_i32, 5));
     kir_store(&k->b, k->n, v, bin(k, KB_ADD, bin(k, KB_SHL, five, kir_int(&k->b, DT_i32, 3)), kir_bits(&k->b, DT_i32, load(k, k->x, v)))))
TEXT(instruction, "#include <immintrin.h>\n\nstatic inline nf_f32x16 nf_sqrt_f32x16(nf_f32x16 a) { return (nf_f32x16)_mm512_sqrt_ps(a); }\n", const ir_sx *v = lanes(k, 16); give(k, v, un(k, KU_SQRT, load(k, k->x, v))))
TEXT(fused_scalar, "static inline float nf_fma_f32(float a, float b, float c) { return __builtin_fmaf(a, b, c); }\n", give(k, num(k, 0), kir_fma(&k->b, load(k, k->x, num(k, 0)), load(k, k->x, num(k, 1)), load(k, k->x, num(k, 2)))))
TEXT(fused, "nf_store_f32x16(y, nf_fma_f32x16(nf_splat_f32x16(x[3]), nf_load_f32x16(x), nf_splat_f32x16(0.5f)));", const ir_sx *v = lanes(k, 16); give(k, v, kir_fma(&k->b, load(k, k->x, num(k, 3)), load(k, k->x, v), f32(k, 0.5))))
TEXT(function, "static inline nf_f32x8 nf_exp_f32x8(nf_f32x8 x)\n{\n", const ir_sx *v = lanes(k, 8); give(k, v, un(k, KU_EXP, load(k, k->x, v))))
TEXT(wraps, "nf_store_i32x8(n, (nf_i32x8)((nf_u32x8)nf_load_i32x8(n) + (uint32_t)5));", const ir_sx *v = lanes(k, 8); kir_store(&k->b, k->n, v, bin(k, KB_ADD, load(k, k->n, v), kir_int(&k->b, DT_i32, 5))))
TEXT(bools, "nf_store_u8x8(q, (nf_u8x8)__builtin_convertvector(__builtin_convertvector(nf_load_f32x8(x) < 2.0f, nf_i16x8), nf_i8x8) & 1);", const ir_sx *v = lanes(k, 8); kir_store(&k->b, k->q, v, less(k, v, 2)))
TEXT(narrow_by_instruction, "static inline nf_f32x16 nf_f16_to_f32x16(nf_u16x16 a) { return (nf_f32x16)_mm512_cvtph_ps((__m256i)a); }", const ir_sx *v = lanes(k, 16); give(k, v, kir_cast(&k->b, DT_f32, load(k, k->h, v))))
TEXT(narrow, "nf_store_f32x8(y, nf_f16_to_f32x8(nf_load_u16x8(h)));", const ir_sx *v = lanes(k, 8); give(k, v, kir_cast(&k->b, DT_f32, load(k, k->h, v))))
TEXT(lane_numbers, "__builtin_convertvector(2 + nf_lanes_i32x8() * 3, nf_f32x8)", const ir_sx *v = lanes(k, 8); give(k, v, number(k, plus(k, times(k, 3, v), num(k, 2)))))
TEXT(unrolled, "    NF_UNROLL(4)\n    for (int32_t i = 0; i < 4; i++) {\n", const ir_sx *i = loop(k, KIR_UNROLL, 4); give(k, i, f32(k, 0)))
TEXT(local_vectors, "    nf_f32x8 acc[4];\n    NF_UNROLL(4)\n    for (int32_t i = 0; i < 4; i++) {\n        acc[i] = nf_splat_f32x8(0.0f);\n        acc[i] += nf_load_f32x8(x + i * 8);\n        nf_store_f32x8(y + i * 8, acc[i]);\n    }\n",
     const ir_sx *v = lanes(k, 8); kir_buffer *a = local(k, 4); const ir_sx *i = loop(k, KIR_UNROLL, 4); kir_store(&k->b, a, i, f32(k, 0)); kir_accum(&k->b, KB_ADD, a, i, load(k, k->x, plus(k, times(k, 8, i), v))); give(k, plus(k, times(k, 8, i), v), load(k, a, i)))
TEXT(local_scalars, "    float acc = x[3];\n    nf_store_f32x8(y, nf_splat_f32x8(acc));\n", const ir_sx *v = lanes(k, 8); kir_buffer *a = local(k, 1); kir_store(&k->b, a, num(k, 0), load(k, k->x, num(k, 3))); give(k, v, load(k, a, num(k, 0))))
