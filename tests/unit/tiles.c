/* Tiles: run, verified, and printed as C. */
#include "codegen/dialect.h"
#include "tests/unit/unit.h"

typedef struct {
    nfc_session *s;
    ir_module *m;
    kir_builder b;
    kir_buffer *x, *w, *y;            /* u8 [3, 10], i8 [2 words' rows, 5 words], i32 [3, 7] */
    kir_buffer *sum, *of_x, *of_w;    /* 3 x 5 sums of 3 x 8 and 2 x 5 words */
} made;

static const ir_sx *num(made *k, int64_t v) { return sx_int(&k->m->sx, v); }

static made begin(void)
{
    nfc_session *s = unit_session();
    made k = {.s = s, .m = unit_empty(s)};
    kir_begin(&k.b, k.m, "made");
    k.x = kir_param(&k.b, "x", DT_u8, num(&k, 30));
    k.w = kir_param(&k.b, "w", DT_i8, num(&k, 40));
    k.y = kir_param(&k.b, "y", DT_i32, num(&k, 21));
    k.sum = kir_tile(&k.b, "sum", DT_i32, 3, 5, 0);
    k.of_x = kir_tile(&k.b, "of_x", DT_u8, 3, 8, 1);
    k.of_w = kir_tile(&k.b, "of_w", DT_i8, 2, 20, 2);
    return k;
}

static void load_both(made *k)
{
    kir_tile_load(&k->b, k->of_x, k->x, num(k, 2), num(k, 10));
    kir_tile_load(&k->b, k->of_w, k->w, num(k, 0), num(k, 20));
}

static const kir_func *product(made *k)
{
    kir_tile_zero(&k->b, k->sum);
    load_both(k);
    kir_tile_dot(&k->b, k->sum, k->of_x, k->of_w);
    kir_tile_dot(&k->b, k->sum, k->of_x, k->of_w);
    kir_tile_store(&k->b, k->y, num(k, 1), num(k, 7), k->sum);
    const kir_func *f = kir_end(&k->b);
    const char *broken = kir_verify(k->m, f);
    cr_expect(!broken, "%s", broken ? broken : "");
    return f;
}

Test(tiles, run)
{
    made k = begin();
    uint8_t x[30];
    int8_t w[40];
    int32_t y[21];
    for (int i = 0; i < 30; i++) x[i] = (uint8_t)(i * 37 + 200);
    for (int i = 0; i < 40; i++) w[i] = (int8_t)(i * 53 % 256 - 128);
    for (int i = 0; i < 21; i++) y[i] = -7;
    cr_expect_eq(kir_run(k.m->arena, k.m, product(&k), (void *const[]){x, w, y}, NULL), 0);
    for (int m = 0; m < 3; m++)
        for (int n = 0; n < 7; n++) {
            int32_t want = n < 1 || n > 5 ? -7 : 0;
            for (int i = 0; i < 8 && n >= 1 && n <= 5; i++) want += 2 * x[10 * m + 2 + i] * w[i / 4 * 20 + (n - 1) * 4 + i % 4];
            cr_expect_eq(y[7 * m + n], want, "%d, %d: %d, not %d", m, n, y[7 * m + n], want);
        }
}

/* Each kernel has one fault. */
#define FAULT(name, part, ...)                                                                     \
    Test(tiles, name)                                                                              \
    {                                                                                              \
        made k = begin();                                                                          \
        load_both(&k);                                                                             \
        __VA_ARGS__;                                                                               \
        const char *broken = kir_verify(k.m, kir_end(&k.b));                                       \
        cr_expect(broken && unit_has(broken, part), "%s", broken ? broken : "nothing is wrong");   \
    }

FAULT(beyond_the_end, "of 'x' can reach its size 30", kir_tile_load(&k.b, k.of_x, k.x, num(&k, 3), num(&k, 10)))
FAULT(stored_beyond_the_end, "of 'y' can reach its size 21", kir_tile_store(&k.b, k.y, num(&k, 3), num(&k, 7), k.sum))
FAULT(rows_that_meet, "the rows of the tile 'sum' meet in memory", kir_tile_store(&k.b, k.y, num(&k, 0), num(&k, 4), k.sum))
FAULT(other_type, "the tile 'of_x' holds another type", kir_tile_load(&k.b, k.of_x, k.w, num(&k, 0), num(&k, 8)))
FAULT(other_product, "are multiplied in other types", kir_tile_dot(&k.b, k.sum, k.of_x, k.sum))
FAULT(other_shapes, "are of shapes that do not go together", kir_tile_dot(&k.b, k.sum, k.of_w, k.of_x))
FAULT(no_tile, "'y' is no tile here", kir_tile_zero(&k.b, k.y))
FAULT(two_shapes, "are of two shapes in one register", kir_tile_zero(&k.b, kir_tile(&k.b, "other", DT_i32, 4, 5, 0)))
FAULT(no_register, "the tile 'other' has no shape", kir_tile_zero(&k.b, kir_tile(&k.b, "other", DT_i32, 4, 5, KIR_MAX_TILES)))
FAULT(element, "an element of the tile 'sum' is accessed", kir_store(&k.b, k.y, num(&k, 0), kir_load(&k.b, k.sum, num(&k, 0))))
FAULT(taken_register, "'sum' is no tile here", kir_tile(&k.b, "other", DT_i32, 3, 5, 0); kir_tile_zero(&k.b, k.sum))
FAULT(taken_in_a_loop, "which is used in the next iteration", kir_for(&k.b, KIR_SERIAL, "i", num(&k, 0), num(&k, 2)); kir_tile_zero(&k.b, k.sum); kir_tile(&k.b, "other", DT_i32, 3, 5, 0); kir_close(&k.b))

/* What each iteration stores is another's, too. */
FAULT(race, "may write the same element of 'y'", const ir_sx *i = kir_for(&k.b, KIR_PARALLEL, "i", num(&k, 0), num(&k, 2)); kir_buffer *own = kir_tile(&k.b, "own", DT_i32, 3, 5, 3); kir_tile_zero(&k.b, own); kir_tile_store(&k.b, k.y, i, num(&k, 7), own); kir_close(&k.b))

Test(tiles, no_lanes)
{
    made k = begin();
    kir_for(&k.b, KIR_VECTOR, "v", num(&k, 0), num(&k, 4));
    const kir_stmt *loop = vec_last(&k.b.open);
    kir_tile_zero(&k.b, k.sum);
    const kir_func *f = kir_end(&k.b);
    const char *why = kir_cannot_vector(k.m, f, loop);
    cr_expect(why && unit_has(why, "a tile is worked on"), "%s", why ? why : "it is taken");
}

Test(tiles, text)
{
    made k = begin();
    device *d = device_load(k.s, "x86-amx");
    cr_assert_not_null(d, "%s", unit_error(k.s));
    cg_module c = {.m = k.m, .arena = k.m->arena, .device = d, .dialect = &dialect_c, .helpers = text_new(k.m->arena), .kernels = text_new(k.m->arena)};
    map_init(&c.have, k.m->arena);
    cg_print_kernel(&c, product(&k), "made");
    const char *const lines[] = {"static const uint8_t nf_tiles[64] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 8, 0, 20, 0, 0, 0,", "\"ldtilecfg %0\"", "_tile_zero(0);", "_tile_loadd(1, x + 2, 10);", "_tile_loadd(2, w, 20);", "_tile_dpbusd(0, 1, 2);", "_tile_stored(0, y + 1, 28);", "_tile_release();\n}"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) cr_expect(unit_has(c.kernels->at, lines[i]), "%s is not in %s", lines[i], c.kernels->at);
    cr_expect(unit_has(c.helpers->at, "#include <immintrin.h>"), "%s", c.helpers->at);
}

/* Rows are what takes time, and each product counts. */
Test(tiles, cost)
{
    made k = begin();
    kir_cost cost = kir_cost_of(k.m, product(&k));
    cr_expect_eq(cost.flops, 2 * 2 * 3 * 5 * 8);
    cr_expect_eq(cost.operations, 2 * 3);
    cr_expect_eq(cost.loads, 3 + 2);
    cr_expect_eq(cost.read, 24 + 40);
    cr_expect_eq(cost.written, 15 * 4);
}
