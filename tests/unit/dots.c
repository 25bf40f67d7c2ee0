/* Words of narrow elements and what is made of them: run, verified, and printed as C. */
#include <math.h>
#include "codegen/dialect.h"
#include "tests/unit/unit.h"

typedef struct {
    nfc_session *s;
    ir_module *m;
    kir_builder b;
    kir_buffer *u, *i, *n, *y; /* u8 [8], i8 [8], i32 [16], i32 [16] */
} made;

static const ir_sx *num(made *k, int64_t v) { return sx_int(&k->m->sx, v); }

static made begin(void)
{
    nfc_session *s = unit_session();
    made k = {.s = s, .m = unit_empty(s)};
    kir_begin(&k.b, k.m, "made");
    k.u = kir_param(&k.b, "u", DT_u8, num(&k, 8));
    k.i = kir_param(&k.b, "i", DT_i8, num(&k, 8));
    k.n = kir_param(&k.b, "n", DT_i32, num(&k, 16));
    k.y = kir_param(&k.b, "y", DT_i32, num(&k, 16));
    return k;
}

static const kir_func *done(made *k)
{
    const kir_func *f = kir_end(&k->b);
    const char *broken = kir_verify(k->m, f);
    cr_expect(!broken, "%s", broken ? broken : "");
    return f;
}

Test(dots, run)
{
    made k = begin();
    uint8_t u[8] = {255, 1, 0, 200, 7, 255, 255, 255};
    int8_t i[8] = {-128, -1, 5, 127, -128, -128, 3, 9};
    int32_t n[16] = {0}, y[16] = {0, 0, 0, 0, 0, INT32_MAX};
    const kir_expr *words[] = {kir_word(&k.b, k.u, num(&k, 0), 4), kir_word(&k.b, k.i, num(&k, 0), 4), kir_word(&k.b, k.u, num(&k, 5), 2)};
    kir_store(&k.b, k.y, num(&k, 0), words[0]);
    kir_store(&k.b, k.y, num(&k, 1), words[2]);
    kir_store(&k.b, k.y, num(&k, 2), kir_dot_of(&k.b, KD_U8_I8, words[0], words[1], NULL));
    kir_store(&k.b, k.y, num(&k, 3), kir_dot_of(&k.b, KD_I8_I8, words[1], words[1], kir_int(&k.b, DT_i32, 1)));
    kir_store(&k.b, k.y, num(&k, 4), kir_dot_of(&k.b, KD_U8_U8, words[0], words[2], NULL));
    kir_accum(&k.b, KB_ADD, k.y, num(&k, 5), kir_dot_of(&k.b, KD_U8_U8, words[2], words[2], NULL));
    const kir_func *f = done(&k);
    cr_expect_eq(kir_run(k.m->arena, k.m, f, (void *const[]){u, i, n, y}, NULL), 0);
    cr_expect_eq((uint32_t)y[0], 255u | 1u << 8 | 200u << 24);
    cr_expect_eq(y[1], 0xffff);
    cr_expect_eq(y[2], 255 * -128 - 1 + 200 * 127);
    cr_expect_eq(y[3], 1 + 128 * 128 + 1 + 25 + 127 * 127);
    cr_expect_eq(y[4], 255 * 255 + 255);
    cr_expect_eq((uint32_t)y[5], (uint32_t)INT32_MAX + 2u * 255 * 255);
}

static float bf16(uint16_t bits) { return (float)dtype_get(DT_bf16, &bits, 0); }

/* The higher product first, each sum rounded once, and 0 for what is subnormal. */
Test(dots, run_bf16)
{
    nfc_session *s = unit_session();
    made k = {.s = s, .m = unit_empty(s)};
    kir_begin(&k.b, k.m, "made");
    kir_buffer *a = kir_param(&k.b, "a", DT_bf16, num(&k, 9)), *b = kir_param(&k.b, "b", DT_bf16, num(&k, 9)), *y = kir_param(&k.b, "y", DT_f32, num(&k, 5));
    for (int i = 0; i < 5; i++) kir_accum(&k.b, KB_ADD, y, num(&k, i), kir_dot_of(&k.b, KD_BF16_BF16, kir_word(&k.b, a, num(&k, 2 * i), i < 4 ? 2 : 1), kir_word(&k.b, b, num(&k, 2 * i), i < 4 ? 2 : 1), NULL));
    const kir_func *f = done(&k);
    uint16_t x[9] = {0x3f9d, 0xc02b, 0x3f80, 0x4b80, 0x0001, 0x3f80, 0x0080, 0, 0x4049}, w[9] = {0x3eab, 0x3f03, 0x3f80, 0x3f80, 0x7f00, 0x4000, 0x3f00, 0, 0x402e};
    float sum[5] = {0.25f, 1, 0, 0, -1};
    cr_expect_eq(kir_run(k.m->arena, k.m, f, (void *const[]){x, w, sum}, NULL), 0);
    cr_expect_eq(sum[0], fmaf(bf16(x[0]), bf16(w[0]), fmaf(bf16(x[1]), bf16(w[1]), 0.25f)));
    cr_expect_eq(sum[1], 0x1p24f, "%a", (double)sum[1]); /* 1 + 2^24, and 1 again: each is lost */
    cr_expect_eq(sum[2], 2, "%a", (double)sum[2]);
    cr_expect_eq(sum[3], 0, "%a", (double)sum[3]);
    cr_expect_eq(sum[4], bf16(x[8]) * bf16(w[8]) - 1);
}

/* Each kernel has one fault. */
#define FAULT(name, part, ...)                                                                     \
    Test(dots, name)                                                                               \
    {                                                                                              \
        made k = begin();                                                                          \
        kir_store(&k.b, k.y, num(&k, 0), __VA_ARGS__);                                             \
        const char *broken = kir_verify(k.m, kir_end(&k.b));                                       \
        cr_expect(broken && unit_has(broken, part), "%s", broken ? broken : "nothing is wrong");   \
    }

FAULT(beyond_the_end, "of 'u' can reach its size 8", kir_word(&k.b, k.u, num(&k, 5), 4))
FAULT(too_many_elements, "a word of 'u' that is none", kir_word(&k.b, k.u, num(&k, 0), 5))
FAULT(elements_too_wide, "a word of 'n' that is none", kir_word(&k.b, k.n, num(&k, 0), 1))
FAULT(no_words, "a dot product of other types", kir_dot_of(&k.b, KD_U8_I8, kir_load(&k.b, k.u, num(&k, 0)), kir_word(&k.b, k.i, num(&k, 0), 4), NULL))

Test(dots, words_that_differ)
{
    made k = begin();
    const ir_sx *v = kir_for(&k.b, KIR_VECTOR, "v", num(&k, 0), num(&k, 4));
    const kir_stmt *loop = vec_last(&k.b.open);
    kir_store(&k.b, k.y, v, kir_word(&k.b, k.u, v, 4));
    const kir_func *f = kir_end(&k.b);
    const char *why = kir_cannot_vector(k.m, f, loop);
    cr_expect(why && unit_has(why, "words of 'u' differ from lane to lane"), "%s", why ? why : "it is taken");
}

static cg_module printed(made *k, const char *device_name, const kir_func *f)
{
    device *d = device_load(k->s, device_name);
    cr_assert_not_null(d, "%s", unit_error(k->s));
    cg_module c = {.m = k->m, .arena = k->m->arena, .device = d, .dialect = &dialect_c, .helpers = text_new(k->m->arena), .kernels = text_new(k->m->arena)};
    map_init(&c.have, k->m->arena);
    cg_print_kernel(&c, f, "made");
    return c;
}

/* acc += dot(u[4 i ...], n[.. v]), for all lanes v of 16. */
static const kir_func *sum(made *k)
{
    const ir_sx *v = kir_for(&k->b, KIR_VECTOR, "v", num(k, 0), num(k, 16));
    kir_buffer *acc = kir_alloc(&k->b, "acc", DT_i32, 1);
    kir_store(&k->b, acc, num(k, 0), kir_int(&k->b, DT_i32, 0));
    kir_accum(&k->b, KB_ADD, acc, num(k, 0), kir_dot_of(&k->b, KD_U8_I8, kir_word(&k->b, k->u, num(k, 4), 4), kir_load(&k->b, k->n, v), NULL));
    kir_store(&k->b, k->y, v, kir_load(&k->b, acc, num(k, 0)));
    return done(k);
}

Test(dots, text)
{
    made k = begin();
    cg_module c = printed(&k, "x86-avx512-vnni", sum(&k));
    cr_expect(unit_has(c.kernels->at, "acc = nf_dot_u8_i8_i32x16(nf_splat_i32x16(nf_word(&u[4], 4)), nf_load_i32x16(n), acc);"), "%s", c.kernels->at);
    cr_expect(unit_has(c.helpers->at, "(nf_i32x16)_mm512_dpbusd_epi32((__m512i)c, (__m512i)a, (__m512i)b)"), "%s", c.helpers->at);
}

Test(dots, text_of_bf16)
{
    made k = begin();
    kir_buffer *h = kir_param(&k.b, "h", DT_bf16, num(&k, 4)), *z = kir_param(&k.b, "z", DT_f32, num(&k, 16));
    const ir_sx *v = kir_for(&k.b, KIR_VECTOR, "v", num(&k, 0), num(&k, 16));
    kir_store(&k.b, z, v, kir_dot_of(&k.b, KD_BF16_BF16, kir_word(&k.b, h, num(&k, 1), 2), kir_load(&k.b, k.n, v), NULL));
    kir_close(&k.b);
    kir_store(&k.b, z, num(&k, 3), kir_dot_of(&k.b, KD_BF16_BF16, kir_word(&k.b, h, num(&k, 3), 1), kir_load(&k.b, k.n, num(&k, 0)), NULL));
    cg_module c = printed(&k, "x86-avx512-bf16", done(&k));
    cr_expect(unit_has(c.kernels->at, "nf_dot_bf16_bf16_f32x16(nf_splat_i32x16(nf_word(&h[1], 4)), nf_load_i32x16(n), nf_splat_f32x16(0.0f))"), "%s", c.kernels->at);
    cr_expect(unit_has(c.kernels->at, "z[3] = nf_dot_bf16_bf16_f32(nf_word(&h[3], 2), n[0], 0.0f);"), "%s", c.kernels->at);
    cr_expect(unit_has(c.helpers->at, "(nf_f32x16)_mm512_dpbf16_ps(c, (__m512bh)a, (__m512bh)b)"), "%s", c.helpers->at);
}

/* Where there is no instruction for so many lanes they are worked out one by one. */
Test(dots, lane_by_lane)
{
    made k = begin();
    cg_module c = printed(&k, "generic", sum(&k));
    cr_expect(unit_has(c.helpers->at, "y[i] = nf_dot_u8_i8_i32(a[i], b[i], c[i]);"), "%s", c.helpers->at);
}
