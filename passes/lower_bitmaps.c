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
    dc_value y = dc_for_up_to(d, "y", dc_get(d, d->height), d->most_height);
    dc_value row = dc_sel(d, down, y, dc_sub(d, dc_sub(d, dc_get(d, d->height), I(1)), y));
    row = dc_named(d, "row", dc_add(d, data, dc_mul(d, row, stride)));
    dc_value x = dc_for_up_to(d, "x", dc_get(d, d->width), d->most_width), bit = dc_named(d, "bit", dc_mul(d, x, bits));
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
    dc_value y = dc_for_up_to(d, "y", dc_get(d, d->height), d->most_height), row = dc_named(d, "row", dc_add(d, data, dc_mul(d, y, stride)));
    dc_value x = dc_for_up_to(d, "x", dc_get(d, d->width), d->most_width);
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

/* The tags that are read, and what holds where the directory does not have one; -1: it depends. */
enum { WIDTH, HEIGHT, BITS, COMPRESSION, KIND, STRIPS, PARTS, ROWS, PLANES, TAGS };
static const int64_t tags[TAGS] = {256, 257, 258, 259, 262, 273, 277, 278, 284}, otherwise[TAGS] = {0, 0, 8, 1, -1, -1, 1, -1, 1};

typedef struct {
    decoder *d;
    dc_value low;                    /* is the lowest byte of a number the first? */
    kir_buffer *count, *size, *from; /* by tag: how many values it has, of how many bytes each, where */
    kir_buffer *first;               /* the first one of them */
} tiff;

static dc_value of_size(tiff *t, dc_value at, int size) { return dc_ordered(t->d, at, dc_int(t->d, size), size, t->low); }

/* What an entry of the directory says, where its tag is one of those, and the first one. */
static void read_entry(tiff *t, kir_buffer *wanted, dc_value at)
{
    decoder *d = t->d;
    dc_value tag = of_size(t, at, 2), k = dc_for(d, "k", TAGS);
    dc_if(d, dc_both(d, dc_eq(d, dc_read(d, wanted, k), tag), dc_lt(d, dc_read(d, t->count, k), I(0))));
    dc_value count = of_size(t, dc_add(d, at, I(4)), 4), narrow = dc_eq(d, of_size(t, dc_add(d, at, I(2)), 2), I(3));
    dc_value size = dc_named(d, "size", dc_sel(d, narrow, I(2), I(4))), inside = dc_named(d, "inside", dc_add(d, at, I(8)));
    dc_value elsewhere = of_size(t, inside, 4);
    dc_write(d, t->count, k, count);
    dc_write(d, t->size, k, size);
    dc_write(d, t->from, k, dc_sel(d, dc_lt(d, I(4), dc_mul(d, count, size)), elsewhere, inside));
    dc_end(d, 2);
}

/* Value `number` of tag k, where it has so many. */
static dc_value tag_value(tiff *t, dc_value k, dc_value number, dc_value none)
{
    decoder *d = t->d;
    dc_value size = dc_named(d, "size", dc_read(d, t->size, k)), at = dc_add(d, dc_read(d, t->from, k), dc_mul(d, number, size));
    dc_value value = dc_ordered(d, at, size, 4, t->low);
    return dc_named(d, "value", dc_sel(d, dc_lt(d, number, dc_read(d, t->count, k)), value, none));
}

static void read_directory(tiff *t)
{
    enum { MOST_ENTRIES = 65535 };
    decoder *d = t->d;
    kir_buffer *wanted = dc_table(d, "tags", TAGS, tags), *none = dc_table(d, "otherwise", TAGS, otherwise);
    dc_value k = dc_for(d, "k", TAGS);
    dc_write(d, t->count, k, I(-1));
    dc_end(d, 1);
    dc_value directory = of_size(t, I(4), 4), entries = of_size(t, directory, 2);
    dc_value e = dc_for_up_to(d, "e", entries, MOST_ENTRIES), at = dc_named(d, "entry", dc_add(d, dc_add(d, directory, I(2)), dc_mul(d, e, I(12))));
    dc_if(d, dc_lt(d, at, dc_bytes(d)));
    read_entry(t, wanted, at);
    dc_end(d, 2);
    k = dc_for(d, "k", TAGS);
    dc_write(d, t->first, k, tag_value(t, k, I(0), dc_read(d, none, k)));
    dc_end(d, 1);
}

static dc_value first_of(tiff *t, int tag) { return dc_named(t->d, "first", dc_read(t->d, t->first, dc_int(t->d, tag))); }

void decode_tiff(decoder *d)
{
    tiff t = {.d = d, .low = dc_named(d, "low_first", dc_eq(d, dc_byte(d, I(0)), I('I')))};
    kir_buffer **array[4] = {&t.count, &t.size, &t.from, &t.first};
    for (int i = 0; i < 4; i++) *array[i] = dc_array(d, (const char *[]){"count", "size", "from", "first"}[i], DT_i64, TAGS);
    read_directory(&t);
    dc_set(d, d->width, first_of(&t, WIDTH));
    dc_set(d, d->height, first_of(&t, HEIGHT));
    dc_value kind = first_of(&t, KIND), parts = first_of(&t, PARTS), rows = first_of(&t, ROWS);
    dc_value coloured = dc_named(d, "coloured", dc_eq(d, kind, I(2))), more = dc_sub(d, parts, dc_sel(d, coloured, I(3), I(1))); /* an alpha, or none */
    rows = dc_named(d, "rows", dc_sel(d, dc_lt(d, rows, I(0)), dc_get(d, d->height), rows));
    dc_break_if(d, dc_either(d, dc_lt(d, kind, I(0)), dc_lt(d, I(2), kind)));
    dc_break_if(d, dc_either(d, dc_lt(d, more, I(0)), dc_lt(d, I(1), more)));
    dc_break_if(d, dc_lt(d, rows, I(1)));
    dc_break_if(d, dc_ne(d, first_of(&t, COMPRESSION), I(1)));
    dc_break_if(d, dc_ne(d, first_of(&t, PLANES), I(1)));
    dc_break_if(d, dc_ne(d, first_of(&t, BITS), I(8)));
    dc_check_sides(d);
    dc_if(d, dc_both(d, dc_sound(d), dc_fits(d)));
    dc_value strip = dc_named(d, "strip_rows", kir_binary(&d->l->b, KB_MAX, rows, I(1))), stride = dc_named(d, "stride", dc_mul(d, dc_get(d, d->width), parts));
    dc_value y = dc_for_up_to(d, "y", dc_get(d, d->height), d->most_height), number = dc_named(d, "strip", kir_binary(&d->l->b, KB_DIV, y, strip));
    dc_value data = tag_value(&t, I(STRIPS), number, dc_bytes(d));
    dc_value row = dc_named(d, "row", dc_add(d, data, dc_mul(d, dc_sub(d, y, dc_mul(d, number, strip)), stride)));
    dc_break_if(d, dc_lt(d, dc_bytes(d), dc_add(d, row, stride)));
    dc_value x = dc_for_up_to(d, "x", dc_get(d, d->width), d->most_width);
    dc_value turned = dc_sel(d, dc_eq(d, kind, I(0)), I(255), I(0));
    put_parts(d, y, x, dc_named(d, "cell", dc_add(d, row, dc_mul(d, x, parts))), coloured, dc_named(d, "turned", turned));
    dc_end(d, 3);
}
