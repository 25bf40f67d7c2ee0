/* Kernels made by hand: what the dialect must print and no op is lowered to. */
#include "tests/vk/check.h"

enum { N = 100 };

typedef struct {
    kir_builder b;
    const ir_sx *i; /* runs over N elements */
} made;

static kir_buffer *param(made *k, const char *name, nfc_dtype t) { return kir_param(&k->b, name, t, sx_int(k->b.sx, N)); }
static const kir_expr *load(made *k, kir_buffer *b) { return kir_cast(&k->b, kir_compute(b->dtype), kir_load(&k->b, b, k->i)); }

static void begin(made *k, ir_module *m, const char *name)
{
    kir_begin(&k->b, m, name);
    k->i = kir_for(&k->b, KIR_GRID, "i", sx_int(&m->sx, 0), sx_int(&m->sx, N));
}

static void end(checker *c, made *k)
{
    kir_func *f = kir_end(&k->b);
    const char *broken = kir_verify(c->m, f);
    if (broken) check_failed(c, f->name, "%s", broken);
    vec_push(c->m->arena, &c->kernel, f);
}

/* One rounding for the product and the sum. */
static void fused_product(checker *c)
{
    made k;
    begin(&k, c->m, "fused_product");
    kir_buffer *x = param(&k, "x", DT_f32), *y = param(&k, "y", DT_f32), *z = param(&k, "z", DT_f32), *out = param(&k, "out", DT_f32), *tie = param(&k, "tie", DT_f32);
    kir_store(&k.b, out, k.i, kir_fma(&k.b, load(&k, x), load(&k, y), load(&k, z)));
    /* The square lies halfway between two floats: what is added decides, and no double has room for it. */
    const kir_expr *root = kir_float(&k.b, DT_f32, 1 + 0x1p-12), *more = kir_float(&k.b, DT_f32, 0x1p-80), *less = kir_float(&k.b, DT_f32, -0x1p-80);
    const kir_expr *negative = kir_binary(&k.b, KB_LT, load(&k, x), kir_float(&k.b, DT_f32, 0));
    kir_store(&k.b, tie, k.i, kir_fma(&k.b, root, root, kir_select(&k.b, negative, less, more)));
    kir_close(&k.b);
    end(c, &k);
}

/* A sum that only decides: in a guard, and in a value with a name. */
static void decided(checker *c)
{
    made k;
    begin(&k, c->m, "decided");
    kir_builder *b = &k.b;
    kir_buffer *x = param(&k, "x", DT_f64), *y = param(&k, "y", DT_f32), *out = param(&k, "out", DT_i32);
    const kir_expr *named = kir_let(b, "named", kir_binary(b, KB_SUB, kir_binary(b, KB_MUL, load(&k, y), load(&k, y)), load(&k, y)));
    kir_if(b, kir_binary(b, KB_LT, kir_binary(b, KB_ADD, kir_binary(b, KB_MUL, load(&k, x), load(&k, x)), load(&k, x)), kir_float(b, DT_f64, 3)));
    kir_store(b, out, k.i, kir_int(b, DT_i32, 1));
    kir_close(b);
    kir_if(b, kir_binary(b, KB_LT, named, kir_float(b, DT_f32, 1)));
    kir_store(b, out, k.i, kir_int(b, DT_i32, 2));
    kir_close(b);
    kir_close(b);
    end(c, &k);
}

/* Just above and below the middle of two f32, nearer than any double: one rounding, not two. */
static void rounded_integers(checker *c)
{
    made k;
    begin(&k, c->m, "rounded_integers");
    kir_builder *b = &k.b;
    kir_buffer *x = param(&k, "x", DT_i64), *out = param(&k, "out", DT_f32), *half = param(&k, "half", DT_bf16), *same = param(&k, "same", DT_bool);
    const int64_t middle = (INT64_C(1) << 60) + (INT64_C(1) << 36), other = (INT64_C(1) << 60) + (INT64_C(1) << 52);
    const kir_expr *down = kir_int(b, DT_i64, -1), *up = kir_int(b, DT_i64, 1), *chosen = kir_select(b, kir_binary(b, KB_LT, load(&k, x), kir_int(b, DT_i64, 0)), down, up);
    const kir_expr *sum = kir_binary(b, KB_ADD, chosen, kir_int(b, DT_i64, middle));
    kir_store(b, out, k.i, kir_cast(b, DT_f32, sum));
    kir_store(b, half, k.i, kir_cast(b, DT_bf16, kir_binary(b, KB_ADD, chosen, kir_int(b, DT_i64, other))));
    /* The constant that the builder makes of a conversion. */
    const kir_expr *above = kir_cast(b, DT_f32, kir_int(b, DT_i64, middle + 1)), *below = kir_cast(b, DT_f32, kir_int(b, DT_i64, middle - 1));
    if (above->number == below->number) check_failed(c, "rounded_integers", "two roundings of a constant");
    kir_store(b, same, k.i, kir_binary(b, KB_EQ, kir_cast(b, DT_f32, sum), above));
    kir_close(b);
    end(c, &k);
}

/* The same bits, as another type of the same width. */
static void same_bits(checker *c, nfc_dtype from, nfc_dtype to)
{
    made k;
    begin(&k, c->m, arena_printf(c->m->arena, "bits_%s_%s", dtype_name(from), dtype_name(to)));
    kir_buffer *x = param(&k, "x", from), *out = param(&k, "out", to);
    kir_store(&k.b, out, k.i, kir_bits(&k.b, (kir_type)to, kir_load(&k.b, x, k.i)));
    kir_close(&k.b);
    end(c, &k);
}

/* Blocks, by way of a local array; names that are functions and types of GLSL. */
static void blocks(checker *c)
{
    made k;
    kir_begin(&k.b, c->m, "blocks");
    sx_table *s = k.b.sx;
    kir_buffer *x = param(&k, "dmat2x3", DT_i16), *out = param(&k, "vec4", DT_i16), *sum = kir_param(&k.b, "abs", DT_f64, sx_int(s, N / 10));
    const ir_sx *g = kir_for(&k.b, KIR_GRID, "uint", sx_int(s, 0), sx_int(s, N / 10)), *at = sx_mul(s, g, sx_int(s, 10));
    kir_copy(&k.b, out, at, x, at, sx_int(s, 10));
    kir_buffer *held = kir_alloc(&k.b, "sqrt", DT_f64, 10);
    const ir_sx *i = kir_for(&k.b, KIR_SERIAL, "max", sx_int(s, 0), sx_int(s, 10));
    const kir_expr *e = kir_cast(&k.b, DT_i32, kir_load(&k.b, x, sx_add(s, at, i)));
    kir_store(&k.b, held, i, kir_unary(&k.b, KU_SQRT, kir_unary(&k.b, KU_ABS, kir_cast(&k.b, DT_f64, e))));
    kir_close(&k.b);
    kir_buffer *acc = kir_alloc(&k.b, "filter", DT_f64, 1);
    kir_store(&k.b, acc, sx_int(s, 0), kir_float(&k.b, DT_f64, 0));
    i = kir_for(&k.b, KIR_SERIAL, "max", sx_int(s, 0), sx_int(s, 10));
    kir_accum(&k.b, KB_MAX, acc, sx_int(s, 0), kir_load(&k.b, held, i));
    kir_close(&k.b);
    kir_store(&k.b, sum, g, kir_load(&k.b, acc, sx_int(s, 0)));
    kir_close(&k.b);
    end(c, &k);
}

void check_make(checker *c)
{
    static const nfc_dtype pairs[][2] = {
        {DT_f32, DT_u32}, {DT_f64, DT_i64}, {DT_u64, DT_f64}, {DT_i32, DT_f32}, {DT_u32, DT_i32}, {DT_i64, DT_u64},
        {DT_i8, DT_u8}, {DT_u8, DT_i8}, {DT_f8e4m3, DT_u8}, {DT_i8, DT_f8e5m2}, {DT_f16, DT_bf16}, {DT_bf16, DT_i16}, {DT_u16, DT_f16}};
    fused_product(c);
    decided(c);
    rounded_integers(c);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) same_bits(c, pairs[i][0], pairs[i][1]);
    blocks(c);
}
