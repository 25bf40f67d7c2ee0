/* From the coefficients of JPEG to a picture: the inverse transform, block by block, and the picture's elements. */
#include "passes/lower_decode.h"

#define I(v) dc_int(d, v)

static dc_value limited(decoder *d, dc_value x) { return kir_binary(&d->l->b, KB_MAX, kir_binary(&d->l->b, KB_MIN, x, I(255)), I(0)); }

/* floor(x / 2^by): the shift is a logical one. |x| < 2^62. */
static dc_value halved(decoder *d, dc_value x, int by)
{
    const int64_t far = INT64_C(1) << 62;
    return dc_sub(d, dc_shr(d, dc_add(d, x, I(far)), I(by)), I(far >> by));
}

/* ---- the inverse transform ------------------------------------------------------------------ */

/* libjpeg's accurate transform of eight numbers is exact up to its rounding at the end: a matrix, in units of
 * 2^-13. Its upper half; in the lower one, from the last row up, the odd columns have the other sign. */
static const int64_t cosines[JPEG_BLOCK / 2][JPEG_BLOCK] = {
    {8192, 11363, 10703, 9633, 8192, 6437, 4433, 2260},
    {8192, 9633, 4433, -2259, -8192, -11362, -10704, -6436},
    {8192, 6437, -4433, -11362, -8192, 2261, 10704, 9633},
    {8192, 2260, -10703, -6436, 8192, 9633, -4433, -11363},
};

static kir_buffer *cosine_table(decoder *d)
{
    int64_t all[JPEG_ELEMENTS];
    for (int i = 0; i < JPEG_ELEMENTS; i++) {
        int row = i / JPEG_BLOCK, column = i % JPEG_BLOCK;
        all[i] = row < 4 ? cosines[row][column] : column % 2 ? -cosines[7 - row][column] : cosines[7 - row][column];
    }
    return dc_table(d, "cosines", JPEG_ELEMENTS, all);
}

/* to[y, x] = the sum over k of cosines[y, k] from[k, x], or of from[y, k] cosines[x, k], divided by 2^shift, rounded. */
static void multiply(decoder *d, kir_buffer *table, kir_buffer *from, kir_buffer *to, bool columns, int shift)
{
    lw *l = d->l;
    sx_table *t = l->sx;
    const ir_sx *side = sx_int(t, JPEG_BLOCK), *y = lw_for(l, "y", side), *x = lw_for(l, "x", side);
    kir_buffer *sum = dc_var(d, "sum", INT64_C(1) << (shift - 1));
    const ir_sx *k = lw_for(l, "k", side), *factor = sx_add(t, sx_mul(t, columns ? y : x, side), k);
    const ir_sx *at = columns ? sx_add(t, sx_mul(t, k, side), x) : sx_add(t, sx_mul(t, y, side), k);
    dc_value product = dc_mul(d, kir_cast(&l->b, DT_i64, kir_load(&l->b, table, factor)), kir_load(&l->b, from, at));
    kir_accum(&l->b, KB_ADD, sum, sx_int(t, 0), product);
    lw_close(l, 1);
    kir_store(&l->b, to, sx_add(t, sx_mul(t, y, side), x), halved(d, dc_get(d, sum), shift));
    lw_close(l, 2);
}

bool lo_jpeg_samples(lw *l, const ir_inst *inst)
{
    static const char *const names[] = {"part", "row", "column"};
    decoder decode = {.l = l, .inst = inst}, *d = &decode;
    sx_table *t = l->sx;
    const ir_sx *at[4], *side = sx_int(t, JPEG_BLOCK);
    kir_buffer *table = cosine_table(d);
    int loops = lw_for_shape(l, 3, inst->in[0]->type->dim, names, at);
    kir_buffer *block = dc_array(d, "block", DT_i64, JPEG_ELEMENTS), *half = dc_array(d, "half", DT_i64, JPEG_ELEMENTS);
    at[3] = lw_for(l, "k", sx_int(t, JPEG_ELEMENTS));
    dc_value factor = kir_cast(&l->b, DT_i64, lw_load(l, inst->in[1], (const ir_sx *[]){at[0], at[3]}));
    kir_store(&l->b, block, at[3], dc_mul(d, kir_cast(&l->b, DT_i64, lw_load(l, inst->in[0], at)), factor));
    lw_close(l, 1);
    multiply(d, table, block, half, true, 11);
    multiply(d, table, half, block, false, 18);
    const ir_sx *y = lw_for(l, "y", side), *x = lw_for(l, "x", side);
    const ir_sx *to[3] = {at[0], sx_add(t, sx_mul(t, at[1], side), y), sx_add(t, sx_mul(t, at[2], side), x)};
    dc_value sample = dc_add(d, kir_load(&l->b, block, sx_add(t, sx_mul(t, y, side), x)), I(128));
    lw_store(l, 0, to, kir_cast(&l->b, DT_u32, limited(d, sample)));
    lw_close(l, 2 + loops);
    return true;
}

/* ---- the picture ---------------------------------------------------------------------------- */

typedef struct {
    dc_value part, half_down, half_across; /* has it every other sample only? */
    dc_value high, wide;
} plane;

static dc_value of_frame(decoder *d, int i)
{
    const ir_sx *at = sx_int(d->l->sx, i);
    return dc_named(d, "of_frame", lw_load(d->l, d->inst->in[1], &at));
}

/* How many elements of an axis there are for half as many samples, or as many. */
static dc_value samples_along(decoder *d, dc_value side, dc_value half)
{
    return dc_named(d, "samples", dc_sel(d, half, dc_shr(d, dc_add(d, side, I(1)), I(1)), side));
}

/* The parts; those that there are not are the first one again. */
static void find_planes(decoder *d, dc_value count, dc_value height, dc_value width, plane *p)
{
    dc_value down[JPEG_PARTS], across[JPEG_PARTS], most_down = I(1), most_across = I(1);
    for (int i = 0; i < JPEG_PARTS; i++) {
        dc_value is = dc_named(d, "is_part", dc_lt(d, I(i), count));
        down[i] = dc_named(d, "down", dc_sel(d, is, of_frame(d, JPEG_DOWN + i), i ? down[0] : I(1)));
        across[i] = dc_named(d, "across", dc_sel(d, is, of_frame(d, JPEG_ACROSS + i), i ? across[0] : I(1)));
        p[i].part = dc_named(d, "part", dc_sel(d, is, I(i), I(0)));
        most_down = dc_named(d, "most_down", kir_binary(&d->l->b, KB_MAX, most_down, down[i]));
        most_across = dc_named(d, "most_across", kir_binary(&d->l->b, KB_MAX, most_across, across[i]));
    }
    for (int i = 0; i < JPEG_PARTS; i++) {
        p[i].half_down = dc_named(d, "half_down", dc_lt(d, down[i], most_down));
        p[i].half_across = dc_named(d, "half_across", dc_lt(d, across[i], most_across));
        p[i].high = samples_along(d, height, p[i].half_down);
        p[i].wide = samples_along(d, width, p[i].half_across);
    }
}

static dc_value sample(decoder *d, const plane *p, dc_value y, dc_value x)
{
    const ir_type *t = d->inst->in[0]->type;
    const ir_sx *at[3] = {dc_index(d, p->part, JPEG_PARTS), dc_index(d, y, sx_max(t->dim[1])), dc_index(d, x, sx_max(t->dim[2]))};
    return dc_named(d, "sample", kir_cast(&d->l->b, DT_i64, lw_load(d->l, d->inst->in[0], at)));
}

static dc_value within(decoder *d, dc_value x, dc_value n) { return kir_binary(&d->l->b, KB_MAX, kir_binary(&d->l->b, KB_MIN, x, dc_sub(d, n, I(1))), I(0)); }

/* Along an axis: the nearer sample, and the other one beside an element at v. */
static void neighbours(decoder *d, dc_value v, dc_value half, dc_value n, dc_value *near, dc_value *other)
{
    dc_value before = dc_sub(d, dc_shr(d, v, I(1)), I(1)), odd = dc_and(d, v, I(1));
    *near = dc_named(d, "near", dc_sel(d, half, dc_shr(d, v, I(1)), v));
    *other = dc_named(d, "other", dc_sel(d, half, within(d, dc_add(d, before, dc_mul(d, odd, I(2))), n), v));
}

/* A part at an element: of both directions the nearer sample counts three times as much. */
static dc_value element(decoder *d, const plane *p, dc_value y, dc_value x)
{
    dc_value row, other_row, column, other_column, odd_row = dc_and(d, y, I(1)), odd_column = dc_and(d, x, I(1));
    neighbours(d, y, p->half_down, p->high, &row, &other_row);
    neighbours(d, x, p->half_across, p->wide, &column, &other_column);
    dc_value near = sample(d, p, row, column), below = sample(d, p, other_row, column), beside = sample(d, p, row, other_column), across = sample(d, p, other_row, other_column);
    dc_value both = dc_add(d, dc_add(d, dc_mul(d, near, I(9)), dc_mul(d, dc_add(d, below, beside), I(3))), across);
    both = dc_shr(d, dc_add(d, both, dc_sub(d, I(8), odd_column)), I(4));
    dc_value along_row = dc_shr(d, dc_add(d, dc_add(d, dc_mul(d, near, I(3)), beside), dc_add(d, odd_column, I(1))), I(2));
    dc_value along_column = dc_shr(d, dc_add(d, dc_add(d, dc_mul(d, near, I(3)), below), dc_add(d, odd_row, I(1))), I(2));
    dc_value narrow = dc_both(d, p->half_across, dc_le(d, p->wide, I(2)));
    dc_value v = dc_sel(d, p->half_across, dc_sel(d, p->half_down, both, along_row), dc_sel(d, p->half_down, along_column, near));
    return dc_named(d, "element", dc_sel(d, narrow, near, v));
}

/* YCbCr to RGB: factors in units of 2^-16. */
static void to_rgb(decoder *d, dc_value is_ycc, dc_value v[3])
{
    dc_value cb = dc_sub(d, v[1], I(128)), cr = dc_sub(d, v[2], I(128)), rgb[3];
    rgb[0] = dc_mul(d, cr, I(91881));
    rgb[1] = dc_sub(d, dc_mul(d, cb, I(-22554)), dc_mul(d, cr, I(46802)));
    rgb[2] = dc_mul(d, cb, I(116130));
    for (int i = 0; i < 3; i++) {
        dc_value colour = limited(d, dc_add(d, v[0], halved(d, dc_add(d, rgb[i], I(32768)), 16)));
        rgb[i] = dc_named(d, "colour", dc_sel(d, is_ycc, colour, v[i]));
    }
    for (int i = 0; i < 3; i++) v[i] = rgb[i];
}

bool lo_jpeg_image(lw *l, const ir_inst *inst)
{
    decoder decode = {.l = l, .inst = inst}, *d = &decode;
    const ir_sx *at[2];
    const ir_type *t = inst->out[0]->type;
    int loops = lw_for_shape(l, 2, t->dim, (const char *const[]){"y", "x"}, at);
    dc_value height = of_frame(d, JPEG_HEIGHT), width = of_frame(d, JPEG_WIDTH), count = of_frame(d, JPEG_COUNT), is_ycc = dc_named(d, "is_ycc", dc_ne(d, of_frame(d, JPEG_IS_YCC), I(0)));
    dc_value y = kir_cast(&l->b, DT_i64, kir_index(&l->b, at[0])), x = kir_cast(&l->b, DT_i64, kir_index(&l->b, at[1])), v[JPEG_PARTS];
    dc_value fits = dc_both(d, dc_le(d, height, I(sx_value(t->dim[0]))), dc_le(d, width, I(sx_value(t->dim[1]))));
    dc_value inside = dc_both(d, dc_both(d, dc_lt(d, y, height), dc_lt(d, x, width)), dc_both(d, fits, dc_le(d, I(1), count)));
    inside = dc_named(d, "inside", inside);
    plane p[JPEG_PARTS];
    find_planes(d, count, height, width, p);
    for (int i = 0; i < JPEG_PARTS; i++) v[i] = element(d, &p[i], y, x);
    to_rgb(d, is_ycc, v);
    for (int i = 0; i < JPEG_PARTS; i++) v[i] = dc_sel(d, inside, v[i], I(0));
    dc_put_as(d, inst->attr[ATTR_AT(jpeg_image, pixel_format)].s, at[0], at[1], v);
    lw_close(l, loops);
    return true;
}
