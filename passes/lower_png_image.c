/* The passes of PNG, and from its rows to a picture, element by element. */
#include "passes/lower_decode.h"

#define I(v) dc_int(d, v)

/* ---- passes -------------------------------------------------------------------------------- */

kir_buffer *png_pass_table(decoder *d)
{
    static const int64_t passes[PNG_PASSES][4] = {{0, 3, 0, 3}, {0, 3, 4, 3}, {4, 3, 0, 2}, {0, 2, 2, 2}, {2, 2, 0, 1}, {0, 1, 1, 1}, {1, 1, 0, 0}, {0, 0, 0, 0}};
    return dc_table(d, "passes", PNG_PASSES * 4, &passes[0][0]);
}

dc_value png_count_parts(decoder *d, png_layout *p)
{
    static const int64_t allowed[7] = {31, 0, 24, 15, 24, 0, 24}, count[7] = {1, 0, 3, 1, 2, 0, 4}; /* allowed: the sum of the depths */
    dc_value none = I(0), depths = none, parts = I(1);
    for (int k = 0; k < 7; k++) {
        dc_value is = dc_named(d, "is_kind", dc_eq(d, p->kind, I(k)));
        depths = dc_sel(d, is, I(allowed[k]), depths);
        parts = dc_sel(d, is, I(count[k]), parts);
    }
    p->parts = dc_named(d, "parts", parts);
    dc_value power = dc_eq(d, dc_and(d, p->depth, dc_sub(d, p->depth, I(1))), none);
    return dc_named(d, "known", dc_both(d, power, dc_ne(d, dc_and(d, depths, p->depth), none)));
}

static dc_value of_pass(decoder *d, const png_layout *p, dc_value k, int i)
{
    return dc_named(d, "of_pass", dc_read(d, p->passes, dc_add(d, dc_mul(d, k, I(4)), I(i))));
}

/* How many of n there are from `start` on in steps of 2^step. */
static dc_value steps_along(decoder *d, dc_value n, dc_value start, dc_value step)
{
    dc_value reach = dc_sub(d, dc_add(d, n, dc_shl(d, I(1), step)), dc_add(d, start, I(1)));
    return dc_named(d, "steps", dc_shr(d, kir_binary(&d->l->b, KB_MAX, reach, I(0)), step));
}

png_pass png_pass_at(decoder *d, const png_layout *p, dc_value k)
{
    png_pass pass = {.y = of_pass(d, p, k, 0), .down = of_pass(d, p, k, 1), .x = of_pass(d, p, k, 2), .across = of_pass(d, p, k, 3)};
    pass.rows = steps_along(d, p->height, pass.y, pass.down);
    pass.columns = steps_along(d, p->width, pass.x, pass.across);
    dc_value bits = dc_mul(d, dc_mul(d, pass.columns, p->parts), p->depth), is_whole = dc_eq(d, k, I(PNG_PASSES - 1));
    pass.stride = dc_named(d, "stride", dc_shr(d, dc_add(d, bits, I(7)), I(3)));
    dc_value some = dc_both(d, kir_binary(&d->l->b, KB_NE, is_whole, p->interlaced), dc_lt(d, I(0), pass.columns));
    pass.bytes = dc_named(d, "bytes", dc_sel(d, some, dc_mul(d, pass.rows, dc_add(d, pass.stride, I(1))), I(0)));
    return pass;
}

/* ---- the picture --------------------------------------------------------------------------- */

static dc_value of_head(decoder *d, int i)
{
    const ir_sx *at = sx_int(d->l->sx, i);
    return dc_named(d, "of_head", lw_load(d->l, d->inst->in[2], &at));
}

/* Where the row of element (y, x) begins, and its column there. */
static void find_row(decoder *d, const png_layout *p, dc_value y, dc_value x, kir_buffer *start, kir_buffer *column)
{
    kir_buffer *from = dc_var(d, "from", 0);
    png_pass pass = png_pass_at(d, p, dc_for(d, "pass", PNG_PASSES));
    dc_value row_in = dc_sub(d, y, pass.y), column_in = dc_sub(d, x, pass.x);
    dc_value between = dc_or(d, dc_and(d, row_in, dc_sub(d, dc_shl(d, I(1), pass.down), I(1))), dc_and(d, column_in, dc_sub(d, dc_shl(d, I(1), pass.across), I(1))));
    dc_value behind = dc_both(d, dc_le(d, pass.y, y), dc_le(d, pass.x, x));
    dc_if(d, dc_both(d, dc_both(d, behind, dc_eq(d, between, I(0))), dc_lt(d, I(0), pass.bytes)));
    dc_set(d, start, dc_add(d, dc_add(d, dc_get(d, from), dc_mul(d, dc_shr(d, row_in, pass.down), dc_add(d, pass.stride, I(1)))), I(1)));
    dc_set(d, column, dc_shr(d, column_in, pass.across));
    dc_end(d, 1);
    dc_inc(d, from, pass.bytes);
    dc_end(d, 1);
}

/* The number of an element from `bit` of its row on; of 16 bits the upper 8. */
static dc_value number_at(decoder *d, const png_layout *p, dc_value start, dc_value bit)
{
    const ir_sx *at = dc_index(d, dc_add(d, start, dc_shr(d, bit, I(3))), sx_max(d->inst->in[0]->type->dim[0]));
    dc_value byte = dc_named(d, "byte", kir_cast(&d->l->b, DT_i64, lw_load(d->l, d->inst->in[0], &at)));
    dc_value narrow = dc_lt(d, p->depth, I(8)), behind = dc_sub(d, I(8), dc_add(d, p->depth, dc_and(d, bit, I(7))));
    dc_value part = dc_and(d, dc_shr(d, byte, behind), dc_sub(d, dc_shl(d, I(1), p->depth), I(1)));
    return dc_named(d, "number", dc_sel(d, narrow, part, byte));
}

static void colour_at(decoder *d, const png_layout *p, dc_value start, dc_value column, dc_value rgb[3])
{
    dc_value numbered = dc_named(d, "numbered", dc_eq(d, p->kind, I(3))), coloured = dc_named(d, "coloured", dc_either(d, dc_eq(d, p->kind, I(2)), dc_eq(d, p->kind, I(6))));
    dc_value spread = dc_sel(d, dc_eq(d, p->depth, I(1)), I(255), dc_sel(d, dc_eq(d, p->depth, I(2)), I(85), dc_sel(d, dc_eq(d, p->depth, I(4)), I(17), I(1))));
    dc_value factor = dc_named(d, "factor", dc_sel(d, dc_eq(d, p->kind, I(0)), spread, I(1)));
    for (int i = 0; i < 3; i++) {
        dc_value place = dc_add(d, dc_mul(d, column, p->parts), dc_sel(d, coloured, I(i), I(0)));
        rgb[i] = number_at(d, p, start, dc_named(d, "bit", dc_mul(d, place, p->depth)));
    }
    const ir_sx *colour = dc_index(d, rgb[0], PNG_COLOURS);
    for (int i = 0; i < 3; i++) {
        dc_value of_palette = kir_cast(&d->l->b, DT_i64, lw_load(d->l, d->inst->in[1], (const ir_sx *[]){colour, sx_int(d->l->sx, i)}));
        rgb[i] = dc_named(d, "colour", dc_sel(d, numbered, of_palette, dc_mul(d, rgb[i], factor)));
    }
}

bool lo_png_image(lw *l, const ir_inst *inst)
{
    decoder decode = {.l = l, .inst = inst}, *d = &decode;
    png_layout p = {.passes = png_pass_table(d)};
    const ir_sx *at[2];
    const ir_type *t = inst->out[0]->type;
    int loops = lw_for_shape(l, 2, t->dim, (const char *const[]){"y", "x"}, at);
    dc_value height = of_head(d, PNG_HEIGHT), width = of_head(d, PNG_WIDTH), rgb[3];
    p.kind = of_head(d, PNG_KIND), p.depth = of_head(d, PNG_DEPTH);
    p.interlaced = dc_named(d, "interlaced", dc_ne(d, of_head(d, PNG_INTERLACED), I(0)));
    dc_value y = kir_cast(&l->b, DT_i64, kir_index(&l->b, at[0])), x = kir_cast(&l->b, DT_i64, kir_index(&l->b, at[1]));
    dc_value fits = dc_both(d, dc_le(d, height, I(sx_value(t->dim[0]))), dc_le(d, width, I(sx_value(t->dim[1]))));
    dc_value within = dc_both(d, dc_lt(d, y, height), dc_lt(d, x, width));
    kir_buffer *start = dc_var(d, "start", 0), *column = dc_var(d, "column", 0);
    p.height = height, p.width = width;
    dc_value depth = kir_binary(&l->b, KB_MAX, kir_binary(&l->b, KB_MIN, p.depth, I(32)), I(0));
    p.depth = dc_named(d, "depth", depth);
    dc_value inside = dc_named(d, "inside", dc_both(d, dc_both(d, fits, within), png_count_parts(d, &p)));
    dc_if(d, inside);
    find_row(d, &p, y, x, start, column);
    dc_end(d, 1);
    colour_at(d, &p, dc_named(d, "row_start", dc_get(d, start)), dc_named(d, "column", dc_get(d, column)), rgb);
    for (int i = 0; i < 3; i++) rgb[i] = dc_sel(d, inside, rgb[i], I(0));
    dc_put_as(d, inst->attr[ATTR_AT(png_image, pixel_format)].s, at[0], at[1], rgb);
    lw_close(l, loops);
    return true;
}
