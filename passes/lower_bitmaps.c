/* Pictures that are not compressed: BMP, PNM, TIFF. */
#include "passes/lower_decode.h"

#define I(v) dc_int(d, v)

/* Draws what the file has at `at`: one number, grey, or three. */
static void put_parts(decoder *d, dc_value y, dc_value x, dc_value at, dc_value coloured, dc_value turned)
{
    dc_value part[3];
    for (int i = 0; i < 3; i++) part[i] = kir_binary(&d->l->b, KB_BXOR, dc_byte(d, dc_add(d, at, dc_sel(d, coloured, I(i), I(0)))), turned);
    dc_put(d, y, x, part[0], part[1], part[2]);
}

/* ---- BMP ----------------------------------------------------------------------------------- */

static dc_value signed_number(decoder *d, int64_t at)
{
    dc_value v = dc_number(d, I(at), 4, true);
    return dc_named(d, "number", dc_sel(d, dc_lt(d, v, I(INT64_C(1) << 31)), v, dc_sub(d, v, I(INT64_C(1) << 32))));
}

void decode_bmp(decoder *d)
{
    static const int64_t widths[4] = {4, 8, 24, 32};
    dc_value data = dc_number(d, I(10), 4, true), palette = dc_named(d, "palette", dc_add(d, dc_number(d, I(14), 4, true), I(14)));
    dc_value bits = dc_number(d, I(28), 2, true), rows = signed_number(d, 22), known = dc_eq(d, bits, I(1));
    dc_value down = dc_named(d, "down", dc_lt(d, rows, I(0)));
    for (int i = 0; i < 4; i++) known = dc_either(d, known, dc_eq(d, bits, I(widths[i])));
    dc_set(d, d->width, signed_number(d, 18));
    dc_set(d, d->height, dc_sel(d, down, dc_sub(d, I(0), rows), rows));
    dc_break_if(d, kir_unary(&d->l->b, KU_NOT, known));
    dc_break_if(d, dc_ne(d, dc_number(d, I(30), 4, true), I(0)));
    dc_check_sides(d);
    dc_value stride = dc_named(d, "stride", dc_mul(d, dc_shr(d, dc_add(d, dc_mul(d, dc_get(d, d->width), bits), I(31)), I(5)), I(4)));
    dc_if(d, dc_sound(d));
    dc_break_if(d, dc_lt(d, dc_bytes(d), dc_add(d, data, dc_mul(d, stride, dc_get(d, d->height)))));
    dc_end(d, 1);
    dc_if(d, dc_both(d, dc_sound(d), dc_fits(d)));
    dc_value y = dc_for_up_to(d, "y", dc_get(d, d->height), dc_most_rows(d));
    dc_value row = dc_sel(d, down, y, dc_sub(d, dc_sub(d, dc_get(d, d->height), I(1)), y));
    row = dc_named(d, "row", dc_add(d, data, dc_mul(d, row, stride)));
    dc_value x = dc_for_up_to(d, "x", dc_get(d, d->width), dc_most_columns(d)), bit = dc_named(d, "bit", dc_mul(d, x, bits));
    dc_value at = dc_named(d, "cell", dc_add(d, row, dc_shr(d, bit, I(3))));
    dc_value entry = dc_shr(d, dc_byte(d, at), dc_sub(d, dc_sub(d, I(8), bits), dc_and(d, bit, I(7))));
    entry = dc_and(d, entry, dc_sub(d, dc_shl(d, I(1), bits), I(1)));
    at = dc_named(d, "cell", dc_sel(d, dc_le(d, bits, I(8)), dc_add(d, palette, dc_mul(d, entry, I(4))), at));
    dc_put(d, y, x, dc_byte(d, dc_add(d, at, I(2))), dc_byte(d, dc_add(d, at, I(1))), dc_byte(d, at));
    dc_end(d, 3);
}

/* ---- PNM ----------------------------------------------------------------------------------- */

/* Reads the numbers of the head, of which there are `wanted`, into number[]; gives where the data begin. */
static kir_buffer *read_head(decoder *d, dc_value wanted, kir_buffer *number)
{
    kir_buffer *data = dc_var(d, "data", 0), *field = dc_var(d, "field", 0), *digits = dc_var(d, "digits", 0), *value = dc_var(d, "value", 0), *comment = dc_var(d, "comment", 0);
    const ir_sx *at = kir_for(&d->l->b, KIR_SERIAL, "p", sx_int(d->l->sx, 2), d->inst->in[0]->type->dim[0]);
    dc_value p = kir_cast(&d->l->b, DT_i64, kir_index(&d->l->b, at));
    dc_if(d, dc_both(d, dc_lt(d, dc_get(d, field), wanted), dc_sound(d)));
    dc_value c = dc_byte(d, p), is_digit = dc_named(d, "is_digit", dc_both(d, dc_le(d, I('0'), c), dc_le(d, c, I('9'))));
    dc_value goes_on = dc_both(d, is_digit, dc_lt(d, dc_get(d, digits), I(9)));
    dc_if(d, dc_both(d, dc_lt(d, I(0), dc_get(d, digits)), kir_unary(&d->l->b, KU_NOT, goes_on)));
    dc_write(d, number, dc_get(d, field), dc_get(d, value));
    dc_inc(d, field, I(1));
    dc_set(d, value, I(0));
    dc_set(d, digits, I(0));
    dc_set(d, data, dc_add(d, p, I(1)));
    dc_end(d, 1);
    dc_if(d, dc_lt(d, dc_get(d, field), wanted));
    dc_value in_comment = dc_named(d, "in_comment", dc_either(d, dc_ne(d, dc_get(d, comment), I(0)), dc_eq(d, c, I('#'))));
    dc_value line_ends = dc_either(d, dc_eq(d, c, I('\n')), dc_eq(d, c, I('\r'))), is_blank = dc_either(d, dc_eq(d, c, I(' ')), dc_both(d, dc_le(d, I(9), c), dc_le(d, c, I(13))));
    dc_set(d, comment, dc_sel(d, dc_both(d, in_comment, kir_unary(&d->l->b, KU_NOT, line_ends)), I(1), I(0)));
    dc_break_if(d, kir_unary(&d->l->b, KU_NOT, dc_either(d, in_comment, dc_either(d, is_blank, is_digit))));
    dc_if(d, dc_both(d, is_digit, kir_unary(&d->l->b, KU_NOT, in_comment)));
    dc_set(d, value, dc_add(d, dc_mul(d, dc_get(d, value), I(10)), dc_sub(d, c, I('0'))));
    dc_inc(d, digits, I(1));
    dc_end(d, 4);
    dc_break_if(d, dc_lt(d, dc_get(d, field), wanted));
    return data;
}

void decode_pnm(decoder *d)
{
    dc_value kind = dc_named(d, "kind", dc_sub(d, dc_byte(d, I(1)), I('0')));
    dc_value bitmap = dc_named(d, "bitmap", dc_eq(d, kind, I(4))), coloured = dc_named(d, "coloured", dc_eq(d, kind, I(6)));
    kir_buffer *number = kir_alloc(&d->l->b, "number", DT_i64, 3);
    dc_write(d, number, I(2), I(255));
    dc_break_if(d, dc_either(d, dc_lt(d, kind, I(4)), dc_lt(d, I(6), kind)));
    dc_value data = dc_named(d, "data", dc_get(d, read_head(d, dc_named(d, "wanted", dc_sel(d, bitmap, I(2), I(3))), number)));
    dc_if(d, dc_sound(d));
    dc_set(d, d->width, dc_read(d, number, I(0)));
    dc_set(d, d->height, dc_read(d, number, I(1)));
    dc_break_if(d, dc_ne(d, dc_read(d, number, I(2)), I(255)));
    dc_check_sides(d);
    dc_value row_bits = dc_mul(d, dc_get(d, d->width), dc_sel(d, bitmap, I(1), dc_sel(d, coloured, I(24), I(8))));
    dc_value stride = dc_named(d, "stride", dc_shr(d, dc_add(d, row_bits, I(7)), I(3)));
    dc_if(d, dc_sound(d));
    dc_break_if(d, dc_lt(d, dc_bytes(d), dc_add(d, data, dc_mul(d, stride, dc_get(d, d->height)))));
    dc_end(d, 1);
    dc_if(d, dc_both(d, dc_sound(d), dc_fits(d)));
    dc_value y = dc_for_up_to(d, "y", dc_get(d, d->height), dc_most_rows(d)), row = dc_named(d, "row", dc_add(d, data, dc_mul(d, y, stride)));
    dc_value x = dc_for_up_to(d, "x", dc_get(d, d->width), dc_most_columns(d));
    dc_if(d, bitmap);
    dc_value ink = dc_and(d, dc_shr(d, dc_byte(d, dc_add(d, row, dc_shr(d, x, I(3)))), dc_sub(d, I(7), dc_and(d, x, I(7)))), I(1));
    dc_value paper = dc_named(d, "paper", dc_mul(d, dc_sub(d, I(1), ink), I(255)));
    dc_put(d, y, x, paper, paper, paper);
    dc_end(d, 1);
    dc_if(d, kir_unary(&d->l->b, KU_NOT, bitmap));
    put_parts(d, y, x, dc_named(d, "cell", dc_add(d, row, dc_mul(d, x, dc_sel(d, coloured, I(3), I(1))))), coloured, I(0));
    dc_end(d, 5);
}

/* ---- TIFF ---------------------------------------------------------------------------------- */

/* A number in the file's order of bytes; low: the lowest one first. */
static dc_value ordered(decoder *d, dc_value low, dc_value at, int count)
{
    at = dc_named(d, "number_at", at);
    return dc_named(d, "number", dc_sel(d, low, dc_number(d, at, count, true), dc_number(d, at, count, false)));
}

/* Value k of a tag; `otherwise` where the directory does not have it. */
static dc_value tiff_tag(decoder *d, dc_value low, int64_t tag, dc_value k, dc_value otherwise)
{
    enum { MOST_ENTRIES = 65535 };
    kir_buffer *found = dc_var(d, "found", 0), *result = dc_var(d, "value", 0);
    dc_set(d, result, otherwise);
    dc_value directory = ordered(d, low, I(4), 4), entries = ordered(d, low, directory, 2);
    dc_value e = dc_for_up_to(d, "e", entries, MOST_ENTRIES), at = dc_named(d, "entry", dc_add(d, dc_add(d, directory, I(2)), dc_mul(d, e, I(12))));
    dc_if(d, dc_both(d, dc_eq(d, dc_get(d, found), I(0)), dc_lt(d, at, dc_bytes(d))));
    dc_if(d, dc_eq(d, ordered(d, low, at, 2), I(tag)));
    dc_value count = ordered(d, low, dc_add(d, at, I(4)), 4), narrow = dc_named(d, "narrow", dc_eq(d, ordered(d, low, dc_add(d, at, I(2)), 2), I(3)));
    dc_value size = dc_named(d, "size", dc_sel(d, narrow, I(2), I(4))), inside = dc_add(d, at, I(8));
    dc_set(d, found, I(1));
    dc_if(d, dc_lt(d, k, count));
    dc_value values = dc_sel(d, dc_lt(d, I(4), dc_mul(d, count, size)), ordered(d, low, inside, 4), inside);
    dc_value place = dc_named(d, "value_at", dc_add(d, values, dc_mul(d, k, size)));
    dc_set(d, result, dc_sel(d, narrow, ordered(d, low, place, 2), ordered(d, low, place, 4)));
    dc_end(d, 4);
    return dc_named(d, "value", dc_get(d, result));
}

/* Where the parts of row y begin. */
static dc_value tiff_row(decoder *d, dc_value low, dc_value y, dc_value strip, dc_value stride, dc_value otherwise)
{
    dc_value number = dc_named(d, "strip", kir_binary(&d->l->b, KB_DIV, y, strip));
    dc_value data = tiff_tag(d, low, 273, number, otherwise);
    return dc_named(d, "row", dc_add(d, data, dc_mul(d, dc_sub(d, y, dc_mul(d, number, strip)), stride)));
}

void decode_tiff(decoder *d)
{
    dc_value low = dc_named(d, "low_first", dc_eq(d, dc_byte(d, I(0)), I('I')));
    dc_set(d, d->width, tiff_tag(d, low, 256, I(0), I(0)));
    dc_set(d, d->height, tiff_tag(d, low, 257, I(0), I(0)));
    dc_value kind = tiff_tag(d, low, 262, I(0), I(-1)), parts = tiff_tag(d, low, 277, I(0), I(1)), rows = tiff_tag(d, low, 278, I(0), dc_get(d, d->height));
    dc_value coloured = dc_named(d, "coloured", dc_eq(d, kind, I(2))), more = dc_sub(d, parts, dc_sel(d, coloured, I(3), I(1))); /* an alpha, or none */
    dc_break_if(d, dc_either(d, dc_lt(d, kind, I(0)), dc_lt(d, I(2), kind)));
    dc_break_if(d, dc_either(d, dc_lt(d, more, I(0)), dc_lt(d, I(1), more)));
    dc_break_if(d, dc_lt(d, rows, I(1)));
    dc_break_if(d, dc_ne(d, tiff_tag(d, low, 259, I(0), I(1)), I(1))); /* compression */
    dc_break_if(d, dc_ne(d, tiff_tag(d, low, 284, I(0), I(1)), I(1))); /* planes */
    dc_break_if(d, dc_ne(d, tiff_tag(d, low, 258, I(0), I(1)), I(8))); /* bits */
    dc_check_sides(d);
    dc_if(d, dc_both(d, dc_sound(d), dc_fits(d)));
    dc_value strip = dc_named(d, "strip_rows", kir_binary(&d->l->b, KB_MAX, rows, I(1))), stride = dc_named(d, "stride", dc_mul(d, dc_get(d, d->width), parts));
    dc_value y = dc_for_up_to(d, "y", dc_get(d, d->height), dc_most_rows(d)), row = tiff_row(d, low, y, strip, stride, dc_bytes(d));
    dc_break_if(d, dc_lt(d, dc_bytes(d), dc_add(d, row, stride)));
    dc_value x = dc_for_up_to(d, "x", dc_get(d, d->width), dc_most_columns(d));
    dc_value turned = dc_sel(d, dc_eq(d, kind, I(0)), I(255), I(0));
    put_parts(d, y, x, dc_named(d, "cell", dc_add(d, row, dc_mul(d, x, parts))), coloured, dc_named(d, "turned", turned));
    dc_end(d, 3);
}
