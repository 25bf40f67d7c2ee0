/* The coefficients of a JPEG file. One loop goes from marker to marker; a table, a part of the frame or the units of
 * a scan up to the next restart marker are a step of it. One loop over the coefficients of a block reads every kind
 * of scan: what a word says is kept until the zeros that it stands behind are passed. */
#include "passes/lower_decode.h"

#define I(v) dc_int(d, v)
#define G(v) dc_get(d, v)
#define NOT(x) kir_unary(&d->l->b, KU_NOT, x)
#define IS(v) dc_ne(d, G(v), I(0))

enum { CODES = 4, KINDS = 2, LONGEST = 16, SYMBOLS = 256, TABLES = 4, LEAST_BITS = 33 };
/* What a step reads: a marker, or another table of the segment. */
enum { AT_MARKER, AT_CODES, AT_TABLES };

typedef struct {
    decoder *d;
    kir_buffer *order;                        /* where a coefficient stands in its block */
    kir_buffer *at, *end, *doing, *ended;     /* in the file; the end of the tables that are being read; there is no more */
    kir_buffer *hold, *bits;                  /* bits at hand, the next one highest; how many */
    kir_buffer *limit, *offset, *symbol;      /* of a code, by length: behind the last word, in 16 bits; from word to symbol */
    kir_buffer *table, *has_table;
    kir_buffer *jfif, *adobe, *is_rgb;        /* adobe: the transform; -1: there is none */
    kir_buffer *progressive, *count, *id, *down, *across, *factors, *accuracy; /* of the frame; by part: factors: its table */
    kir_buffer *most_down, *most_across;
    kir_buffer *parts, *part, *dc, *ac, *first, *last, *high, *low; /* of the scan */
    kir_buffer *interval, *unit, *units, *across_units;             /* across_units: in a row */
    kir_buffer *before, *skip;                /* by part: the last first coefficient; blocks without more words in the band */
    kir_buffer *zeros, *value;                /* what is still to be passed, -1: nothing; what stands behind */
} jpeg;

/* ---- bits ---------------------------------------------------------------------------------- */

/* 33 bits or more, up to the next marker, and zeros behind. */
static void refill(jpeg *j)
{
    decoder *d = j->d;
    dc_if(d, dc_lt(d, G(j->bits), I(LEAST_BITS)));
    dc_for(d, "more", 8);
    dc_value byte = dc_byte(d, G(j->at)), full = dc_eq(d, byte, I(0xff)), stuffed = dc_eq(d, dc_byte(d, dc_add(d, G(j->at), I(1))), I(0));
    dc_value there = dc_both(d, dc_lt(d, G(j->at), dc_bytes(d)), dc_either(d, NOT(full), stuffed));
    dc_if(d, dc_both(d, there, dc_le(d, G(j->bits), I(56))));
    dc_set(d, j->hold, dc_or(d, G(j->hold), dc_shl(d, byte, dc_sub(d, I(56), G(j->bits)))));
    dc_inc(d, j->bits, I(8));
    dc_inc(d, j->at, dc_sel(d, full, I(2), I(1)));
    dc_end(d, 3);
}

static void drop(jpeg *j, dc_value count)
{
    decoder *d = j->d;
    dc_set(d, j->hold, dc_shl(d, G(j->hold), count));
    dc_set(d, j->bits, dc_sub(d, G(j->bits), count));
}

/* The next `count` bits, 0 to 32. */
static dc_value take(jpeg *j, const char *name, dc_value count)
{
    decoder *d = j->d;
    count = dc_named(d, "taken", count);
    dc_value v = dc_named(d, name, dc_shr(d, dc_shr(d, G(j->hold), I(1)), dc_sub(d, I(63), count)));
    drop(j, count);
    return v;
}

/* The next word's symbol in a code. */
static dc_value decoded(jpeg *j, dc_value code)
{
    decoder *d = j->d;
    dc_value ahead = dc_named(d, "ahead", dc_shr(d, G(j->hold), I(48)));
    kir_buffer *size = dc_var(d, "size", 1);
    dc_value row = dc_named(d, "row", dc_mul(d, code, I(LONGEST + 1))), i = dc_for(d, "i", LONGEST);
    dc_inc(d, size, dc_sel(d, dc_le(d, dc_read(d, j->limit, dc_add(d, dc_add(d, row, i), I(1))), ahead), I(1), I(0)));
    dc_end(d, 1);
    dc_break_if(d, dc_lt(d, I(LONGEST), G(size)));
    dc_value taken = dc_named(d, "size", kir_binary(&d->l->b, KB_MIN, G(size), I(LONGEST))), offset = dc_read(d, j->offset, dc_add(d, row, taken));
    dc_value entry = dc_and(d, dc_add(d, offset, dc_shr(d, ahead, dc_sub(d, I(LONGEST), taken))), I(SYMBOLS - 1));
    dc_value v = dc_named(d, "symbol", dc_read(d, j->symbol, dc_add(d, dc_mul(d, code, I(SYMBOLS)), entry)));
    drop(j, taken);
    return v;
}

/* ---- blocks -------------------------------------------------------------------------------- */

/* Reads a word, and what follows it: how many zeros to pass and what stands behind, or how many blocks have no more. */
static void read_word(jpeg *j, dc_value part, dc_value is_first)
{
    decoder *d = j->d;
    dc_value code = dc_sel(d, is_first, dc_read(d, j->dc, part), dc_add(d, dc_read(d, j->ac, part), I(CODES)));
    dc_value v = decoded(j, dc_named(d, "code", code)), run = dc_named(d, "run", dc_sel(d, is_first, I(0), dc_shr(d, v, I(4))));
    dc_break_if(d, dc_both(d, is_first, dc_lt(d, I(15), v)));
    dc_value size = dc_named(d, "size", dc_and(d, v, I(15))), none = dc_both(d, dc_eq(d, size, I(0)), dc_lt(d, run, I(15)));
    dc_value ends = dc_named(d, "ends", dc_both(d, NOT(is_first), none));
    dc_break_if(d, dc_both(d, dc_both(d, NOT(is_first), IS(j->high)), dc_lt(d, I(1), size)));
    dc_value extra = dc_sel(d, ends, dc_sel(d, IS(j->progressive), run, I(0)), size), more = take(j, "more", extra);
    dc_value below = dc_lt(d, more, dc_shr(d, dc_shl(d, I(1), size), I(1)));
    dc_value number = dc_sel(d, below, dc_sub(d, dc_add(d, more, I(1)), dc_shl(d, I(1), size)), more);
    dc_set(d, j->value, number);
    dc_set(d, j->zeros, dc_sel(d, ends, I(-1), run));
    dc_set(d, j->skip, dc_sel(d, ends, dc_sel(d, IS(j->progressive), dc_add(d, dc_shl(d, I(1), run), more), I(1)), G(j->skip)));
}

/* Coefficient k of the block; `at`: its part, row and column. */
static void read_coefficient(jpeg *j, dc_value part, const ir_sx *at[4], dc_value k)
{
    decoder *d = j->d;
    dc_value is_first = dc_named(d, "is_first", dc_eq(d, k, I(0))), refines = dc_named(d, "refines", IS(j->high));
    refill(j);
    dc_value has_word = dc_sel(d, is_first, NOT(refines), dc_both(d, dc_eq(d, G(j->skip), I(0)), dc_lt(d, G(j->zeros), I(0))));
    dc_if(d, has_word);
    read_word(j, part, is_first);
    dc_end(d, 1);
    at[3] = dc_index(d, dc_read(d, j->order, k), JPEG_ELEMENTS);
    dc_value old = dc_named(d, "old", kir_cast(&d->l->b, DT_i64, lw_stored(d->l, 0, at))), step = dc_named(d, "step", dc_shl(d, I(1), G(j->low)));
    kir_buffer *fresh = dc_var(d, "fresh", 0);
    dc_set(d, fresh, old);
    dc_if(d, dc_both(d, is_first, NOT(refines)));
    dc_value sum = dc_named(d, "sum", dc_add(d, dc_read(d, j->before, part), G(j->value)));
    dc_write(d, j->before, part, sum);
    dc_set(d, fresh, dc_mul(d, sum, step));
    dc_set(d, j->zeros, I(-1));
    dc_end(d, 1);
    dc_if(d, dc_both(d, refines, dc_either(d, is_first, dc_ne(d, old, I(0)))));
    dc_value bit = take(j, "bit", I(1)), unset = dc_eq(d, dc_and(d, old, step), I(0));
    dc_value away = dc_sel(d, dc_both(d, NOT(is_first), dc_lt(d, old, I(0))), dc_sub(d, I(0), step), step);
    dc_set(d, fresh, dc_add(d, old, dc_sel(d, dc_both(d, dc_ne(d, bit, I(0)), unset), away, I(0))));
    dc_end(d, 1);
    dc_value passes = dc_both(d, NOT(is_first), dc_either(d, NOT(refines), dc_eq(d, old, I(0))));
    dc_if(d, dc_both(d, passes, dc_le(d, I(0), G(j->zeros))));
    dc_set(d, fresh, dc_sel(d, dc_eq(d, G(j->zeros), I(0)), dc_mul(d, G(j->value), step), old));
    dc_set(d, j->zeros, dc_sub(d, G(j->zeros), I(1)));
    dc_end(d, 1);
    dc_break_if(d, dc_lt(d, G(j->bits), I(0)));
    lw_store(d->l, 0, at, kir_cast(&d->l->b, DT_i32, G(fresh)));
}

static void read_block(jpeg *j, dc_value part, dc_value y, dc_value x)
{
    decoder *d = j->d;
    dc_value untouched = dc_both(d, dc_lt(d, I(0), G(j->skip)), NOT(IS(j->high)));
    dc_value band = dc_sel(d, untouched, I(0), dc_add(d, dc_sub(d, G(j->last), G(j->first)), I(1)));
    const ir_sx *at[4] = {dc_index(d, part, JPEG_PARTS), dc_index(d, y, jpeg_blocks(d->most_height)), dc_index(d, x, jpeg_blocks(d->most_width)), NULL};
    dc_set(d, j->zeros, I(-1));
    dc_value i = dc_for_up_to(d, "i", band, JPEG_ELEMENTS);
    dc_if(d, dc_sound(d));
    read_coefficient(j, part, at, dc_named(d, "k", dc_add(d, G(j->first), i)));
    dc_end(d, 2);
    dc_break_if(d, dc_le(d, I(0), G(j->zeros)));
    dc_set(d, j->skip, kir_binary(&d->l->b, KB_MAX, dc_sub(d, G(j->skip), I(1)), I(0)));
}

/* ---- scans --------------------------------------------------------------------------------- */

static dc_value up_to_whole(decoder *d, dc_value x, dc_value y) { return kir_binary(&d->l->b, KB_DIV, dc_sub(d, dc_add(d, x, y), I(1)), kir_binary(&d->l->b, KB_MAX, y, I(1))); }

/* One unit: a block of the part that stands alone in a scan, or those of all parts for one area. */
static void read_unit(jpeg *j)
{
    decoder *d = j->d;
    dc_value alone = dc_named(d, "alone", dc_eq(d, G(j->parts), I(1))), columns = kir_binary(&d->l->b, KB_MAX, G(j->across_units), I(1));
    dc_value row = dc_named(d, "unit_row", kir_binary(&d->l->b, KB_DIV, G(j->unit), columns)), column = dc_named(d, "unit_column", kir_binary(&d->l->b, KB_REM, G(j->unit), columns));
    dc_value i = dc_for_up_to(d, "i", G(j->parts), JPEG_PARTS), part = dc_named(d, "part", dc_read(d, j->part, i));
    dc_value down = dc_named(d, "down", dc_sel(d, alone, I(1), dc_read(d, j->down, part))), across = dc_named(d, "across", dc_sel(d, alone, I(1), dc_read(d, j->across, part)));
    dc_value y = dc_for_up_to(d, "y", down, 2), x = dc_for_up_to(d, "x", across, 2);
    dc_if(d, dc_sound(d));
    read_block(j, part, dc_add(d, dc_mul(d, row, down), y), dc_add(d, dc_mul(d, column, across), x));
    dc_end(d, 4);
    dc_inc(d, j->unit, I(1));
}

/* The units up to the next restart marker, or the end of the scan. */
static void read_interval(jpeg *j)
{
    decoder *d = j->d;
    int64_t most = jpeg_blocks(d->most_height) * jpeg_blocks(d->most_width);
    dc_set(d, j->hold, I(0));
    dc_set(d, j->bits, I(0));
    dc_set(d, j->skip, I(0));
    dc_value i = dc_for(d, "i", JPEG_PARTS);
    dc_write(d, j->before, i, I(0));
    dc_end(d, 1);
    dc_value left = dc_named(d, "left", dc_sub(d, G(j->units), G(j->unit))), whole = dc_either(d, NOT(IS(j->interval)), dc_lt(d, left, G(j->interval)));
    dc_for_up_to(d, "i", dc_named(d, "now", dc_sel(d, whole, left, G(j->interval))), most);
    dc_if(d, dc_sound(d));
    read_unit(j);
    dc_end(d, 2);
}

/* The part must get what is next of it; it is known so much more exactly then. With its first bits come its factors. */
static void advance(jpeg *j, dc_value part)
{
    decoder *d = j->d;
    dc_value row = dc_named(d, "row", dc_mul(d, part, I(JPEG_ELEMENTS))), high = G(j->high), wanted = dc_named(d, "wanted", dc_sel(d, IS(j->high), high, I(-1)));
    dc_break_if(d, dc_both(d, IS(j->first), dc_lt(d, dc_read(d, j->accuracy, row), I(0))));
    dc_value k = dc_for(d, "k", JPEG_ELEMENTS);
    dc_if(d, dc_both(d, dc_le(d, G(j->first), k), dc_le(d, k, G(j->last))));
    dc_break_if(d, dc_ne(d, dc_read(d, j->accuracy, dc_add(d, row, k)), wanted));
    dc_write(d, j->accuracy, dc_add(d, row, k), G(j->low));
    dc_end(d, 2);
    dc_if(d, dc_both(d, NOT(IS(j->first)), NOT(IS(j->high))));
    dc_value table = dc_named(d, "table", dc_read(d, j->factors, part));
    dc_break_if(d, dc_eq(d, dc_read(d, j->has_table, table), I(0)));
    k = dc_for(d, "k", JPEG_ELEMENTS);
    const ir_sx *to[2] = {dc_index(d, part, JPEG_PARTS), dc_index(d, k, JPEG_ELEMENTS)};
    lw_store(d->l, 1, to, kir_cast(&d->l->b, DT_i32, dc_read(d, j->table, dc_add(d, dc_mul(d, table, I(JPEG_ELEMENTS)), k))));
    dc_end(d, 2);
}

/* Part i of the scan: its identifier in the frame, its codes. */
static void read_scan_part(jpeg *j, dc_value at, dc_value i)
{
    decoder *d = j->d;
    kir_buffer *found = dc_var(d, "found", -1);
    dc_value id = dc_byte(d, at), codes = dc_byte(d, dc_add(d, at, I(1)));
    for (int p = JPEG_PARTS - 1; p >= 0; p--) {
        dc_value is = dc_both(d, dc_eq(d, dc_read(d, j->id, I(p)), id), dc_lt(d, I(p), G(j->count)));
        dc_set(d, found, dc_sel(d, is, I(p), G(found)));
    }
    dc_value dc = dc_named(d, "dc", dc_shr(d, codes, I(4))), ac = dc_named(d, "ac", dc_and(d, codes, I(15)));
    dc_break_if(d, dc_either(d, dc_lt(d, G(found), I(0)), dc_either(d, dc_lt(d, I(CODES - 1), dc), dc_lt(d, I(CODES - 1), ac))));
    dc_value part = dc_named(d, "part", G(found));
    dc_if(d, dc_sound(d));
    dc_write(d, j->part, i, part);
    dc_write(d, j->dc, part, dc);
    dc_write(d, j->ac, part, ac);
    advance(j, part);
    dc_end(d, 1);
}

/* How many units the scan has, and how many in a row. */
static void measure_scan(jpeg *j)
{
    decoder *d = j->d;
    kir_buffer *side[2] = {d->height, d->width}, *factor[2] = {j->down, j->across}, *most[2] = {j->most_down, j->most_across};
    dc_value alone = dc_named(d, "alone", dc_eq(d, G(j->parts), I(1))), part = dc_named(d, "part", dc_read(d, j->part, I(0))), n[2];
    for (int i = 0; i < 2; i++) {
        dc_value samples = up_to_whole(d, dc_mul(d, G(side[i]), dc_read(d, factor[i], part)), G(most[i]));
        dc_value area = dc_mul(d, G(most[i]), I(JPEG_BLOCK));
        n[i] = dc_named(d, "units", dc_sel(d, alone, up_to_whole(d, samples, I(JPEG_BLOCK)), up_to_whole(d, G(side[i]), area)));
    }
    dc_set(d, j->across_units, n[1]);
    dc_set(d, j->units, dc_mul(d, n[0], n[1]));
    dc_set(d, j->unit, I(0));
}

/* at: where the segment's contents begin, `size` bytes. */
static void read_scan(jpeg *j, dc_value at, dc_value size)
{
    decoder *d = j->d;
    dc_value parts = dc_byte(d, at), band = dc_named(d, "band", dc_add(d, dc_add(d, at, I(1)), dc_mul(d, parts, I(2)))), grows = dc_named(d, "grows", IS(j->progressive));
    dc_value bits = dc_byte(d, dc_add(d, band, I(2)));
    dc_set(d, j->parts, parts);
    dc_set(d, j->first, dc_sel(d, grows, dc_byte(d, band), I(0)));
    dc_set(d, j->last, dc_sel(d, grows, dc_byte(d, dc_add(d, band, I(1))), I(JPEG_ELEMENTS - 1)));
    dc_set(d, j->high, dc_sel(d, grows, dc_shr(d, bits, I(4)), I(0)));
    dc_set(d, j->low, dc_sel(d, grows, dc_and(d, bits, I(15)), I(0)));
    dc_break_if(d, dc_either(d, dc_lt(d, parts, I(1)), dc_lt(d, G(j->count), parts)));
    dc_break_if(d, dc_lt(d, size, dc_add(d, dc_mul(d, parts, I(2)), I(4))));
    dc_break_if(d, dc_either(d, dc_lt(d, I(JPEG_ELEMENTS - 1), G(j->last)), dc_lt(d, G(j->last), G(j->first))));
    dc_break_if(d, dc_either(d, dc_lt(d, I(13), G(j->low)), dc_both(d, IS(j->high), dc_ne(d, G(j->high), dc_add(d, G(j->low), I(1))))));
    dc_value mixed = dc_sel(d, IS(j->first), dc_lt(d, I(1), parts), dc_lt(d, I(0), G(j->last)));
    dc_break_if(d, dc_both(d, grows, mixed));
    dc_value i = dc_for(d, "i", JPEG_PARTS);
    dc_if(d, dc_both(d, dc_sound(d), dc_lt(d, i, G(j->parts))));
    read_scan_part(j, dc_named(d, "part_at", dc_add(d, dc_add(d, at, I(1)), dc_mul(d, i, I(2)))), i);
    dc_end(d, 2);
    measure_scan(j);
}

/* ---- tables -------------------------------------------------------------------------------- */

/* One code: how many words there are of each length, and their symbols in order. */
static void read_code(jpeg *j)
{
    decoder *d = j->d;
    dc_value at = dc_named(d, "code_at", G(j->at)), which = dc_byte(d, at), kind = dc_shr(d, which, I(4)), number = dc_and(d, which, I(15));
    kir_buffer *word = dc_var(d, "word", 0), *before = dc_var(d, "before", 0);
    dc_break_if(d, dc_either(d, dc_lt(d, I(KINDS - 1), kind), dc_lt(d, I(CODES - 1), number)));
    dc_break_if(d, dc_lt(d, G(j->end), dc_add(d, at, I(LONGEST + 1))));
    dc_value code = dc_named(d, "code", dc_and(d, dc_add(d, dc_mul(d, kind, I(CODES)), number), I(KINDS * CODES - 1))), row = dc_named(d, "row", dc_mul(d, code, I(LONGEST + 1)));
    dc_value i = dc_for(d, "i", LONGEST), size = dc_named(d, "size", dc_add(d, i, I(1))), n = dc_byte(d, dc_add(d, at, size));
    dc_set(d, word, dc_mul(d, G(word), I(2)));
    dc_write(d, j->offset, dc_add(d, row, size), dc_sub(d, G(before), G(word)));
    dc_inc(d, word, n);
    dc_inc(d, before, n);
    dc_write(d, j->limit, dc_add(d, row, size), dc_shl(d, G(word), dc_sub(d, I(LONGEST), size)));
    dc_break_if(d, dc_le(d, dc_shl(d, I(1), size), G(word))); /* no word is all ones */
    dc_end(d, 1);
    dc_value next = dc_named(d, "next", dc_add(d, dc_add(d, at, I(LONGEST + 1)), G(before)));
    dc_break_if(d, dc_either(d, dc_lt(d, I(SYMBOLS), G(before)), dc_lt(d, G(j->end), next)));
    i = dc_for_up_to(d, "i", G(before), SYMBOLS);
    dc_write(d, j->symbol, dc_add(d, dc_mul(d, code, I(SYMBOLS)), i), dc_byte(d, dc_add(d, dc_add(d, at, I(LONGEST + 1)), i)));
    dc_end(d, 1);
    dc_set(d, j->at, next);
}

/* One table of factors, of one byte or two each. */
static void read_table(jpeg *j)
{
    decoder *d = j->d;
    dc_value at = dc_named(d, "table_at", G(j->at)), which = dc_byte(d, at), wide = dc_named(d, "wide", dc_shr(d, which, I(4))), number = dc_named(d, "table", dc_and(d, which, I(15)));
    dc_value next = dc_named(d, "next", dc_add(d, dc_add(d, at, I(1)), dc_mul(d, dc_add(d, wide, I(1)), I(JPEG_ELEMENTS))));
    dc_break_if(d, dc_either(d, dc_lt(d, I(1), wide), dc_lt(d, I(TABLES - 1), number)));
    dc_break_if(d, dc_lt(d, G(j->end), next));
    dc_if(d, dc_sound(d));
    dc_value k = dc_for(d, "k", JPEG_ELEMENTS), from = dc_named(d, "from", dc_add(d, dc_add(d, at, I(1)), dc_mul(d, k, dc_add(d, wide, I(1)))));
    dc_value factor = dc_sel(d, dc_eq(d, wide, I(0)), dc_byte(d, from), dc_number(d, from, 2, false));
    dc_write(d, j->table, dc_add(d, dc_mul(d, number, I(JPEG_ELEMENTS)), dc_read(d, j->order, k)), factor);
    dc_end(d, 1);
    dc_write(d, j->has_table, number, I(1));
    dc_end(d, 1);
    dc_set(d, j->at, next);
}

static void read_frame_part(jpeg *j, dc_value at, dc_value i)
{
    decoder *d = j->d;
    dc_value factors = dc_byte(d, dc_add(d, at, I(1))), table = dc_byte(d, dc_add(d, at, I(2))), grey = dc_eq(d, G(j->count), I(1)), factor[2];
    for (int k = 0; k < 2; k++) {
        factor[k] = dc_named(d, k ? "across" : "down", k ? dc_shr(d, factors, I(4)) : dc_and(d, factors, I(15)));
        dc_break_if(d, dc_either(d, dc_lt(d, factor[k], I(1)), dc_lt(d, I(2), factor[k])));
        factor[k] = dc_named(d, "factor", dc_sel(d, grey, I(1), factor[k]));
        dc_write(d, k ? j->across : j->down, i, factor[k]);
        kir_buffer *most = k ? j->most_across : j->most_down;
        dc_set(d, most, kir_binary(&d->l->b, KB_MAX, G(most), factor[k]));
    }
    dc_break_if(d, dc_lt(d, I(TABLES - 1), table));
    dc_write(d, j->factors, i, table);
    dc_write(d, j->id, i, dc_byte(d, at));
}

static void read_frame(jpeg *j, dc_value at, dc_value size)
{
    decoder *d = j->d;
    dc_value count = dc_byte(d, dc_add(d, at, I(5)));
    dc_break_if(d, dc_either(d, IS(j->count), dc_ne(d, dc_byte(d, at), I(8))));
    dc_break_if(d, dc_both(d, dc_ne(d, count, I(1)), dc_ne(d, count, I(JPEG_PARTS))));
    dc_break_if(d, dc_lt(d, size, dc_add(d, dc_mul(d, count, I(3)), I(6))));
    dc_if(d, dc_sound(d));
    dc_set(d, d->height, dc_number(d, dc_add(d, at, I(1)), 2, false));
    dc_set(d, d->width, dc_number(d, dc_add(d, at, I(3)), 2, false));
    dc_set(d, j->count, count);
    dc_break_if(d, dc_either(d, dc_eq(d, G(d->height), I(0)), dc_eq(d, G(d->width), I(0))));
    dc_value i = dc_for_up_to(d, "i", count, JPEG_PARTS);
    read_frame_part(j, dc_named(d, "part_at", dc_add(d, dc_add(d, at, I(6)), dc_mul(d, i, I(3)))), i);
    dc_end(d, 1);
    dc_value is_rgb = dc_both(d, dc_eq(d, dc_read(d, j->id, I(0)), I('R')), dc_both(d, dc_eq(d, dc_read(d, j->id, I(1)), I('G')), dc_eq(d, dc_read(d, j->id, I(2)), I('B'))));
    dc_set(d, j->is_rgb, dc_sel(d, is_rgb, I(1), I(0)));
    dc_set(d, j->ended, dc_sel(d, dc_fits(d), I(0), I(1)));
    dc_end(d, 1);
}

/* ---- markers ------------------------------------------------------------------------------- */

/* Does a segment of at least `least` bytes begin with this text, and a zero? */
static dc_value says(decoder *d, dc_value at, dc_value size, const char *text, int64_t least)
{
    dc_value all = dc_le(d, I(least), size);
    for (int i = 0; i == 0 || text[i - 1]; i++) all = dc_both(d, all, dc_eq(d, dc_byte(d, dc_add(d, at, I(i))), I(text[i])));
    return all;
}

/* What a program wrote into the file about itself: JFIF, or Adobe's transform. */
static void read_application(jpeg *j, dc_value marker, dc_value at, dc_value size)
{
    decoder *d = j->d;
    dc_if(d, dc_eq(d, marker, I(0xe0)));
    dc_set(d, j->jfif, dc_sel(d, says(d, at, size, "JFIF", 14), I(1), G(j->jfif)));
    dc_end(d, 1);
    dc_if(d, dc_eq(d, marker, I(0xee)));
    dc_value adobe = says(d, at, size, "Adobe", 12);
    dc_set(d, j->adobe, dc_sel(d, adobe, dc_byte(d, dc_add(d, at, I(11))), G(j->adobe)));
    dc_end(d, 1);
}

/* A marker with contents. Tables are left to the next steps. */
static void read_segment(jpeg *j, dc_value marker)
{
    decoder *d = j->d;
    dc_value at = dc_named(d, "segment", G(j->at)), size = dc_number(d, at, 2, false), body = dc_named(d, "body", dc_add(d, at, I(2))), room = dc_named(d, "room", dc_sub(d, size, I(2)));
    dc_break_if(d, dc_either(d, dc_lt(d, size, I(2)), dc_lt(d, dc_bytes(d), dc_add(d, at, size))));
    dc_value codes = dc_named(d, "codes", dc_eq(d, marker, I(0xc4))), tables = dc_named(d, "tables", dc_eq(d, marker, I(0xdb)));
    dc_value frame = dc_named(d, "frame", dc_both(d, dc_le(d, I(0xc0), marker), dc_le(d, marker, I(0xc2))));
    dc_value other = dc_both(d, dc_both(d, dc_le(d, I(0xc3), marker), dc_le(d, marker, I(0xcf))), dc_both(d, NOT(codes), dc_ne(d, marker, I(0xcc))));
    dc_break_if(d, other); /* kinds of frames */
    dc_set(d, j->end, dc_add(d, at, size));
    dc_set(d, j->at, dc_sel(d, dc_either(d, codes, tables), body, G(j->end)));
    dc_set(d, j->doing, dc_sel(d, codes, I(AT_CODES), dc_sel(d, tables, I(AT_TABLES), I(AT_MARKER))));
    dc_if(d, dc_both(d, frame, dc_sound(d)));
    dc_set(d, j->progressive, dc_sel(d, dc_eq(d, marker, I(0xc2)), I(1), I(0)));
    read_frame(j, body, room);
    dc_end(d, 1);
    dc_if(d, dc_both(d, dc_eq(d, marker, I(0xda)), dc_sound(d)));
    read_scan(j, body, room);
    dc_end(d, 1);
    dc_if(d, dc_eq(d, marker, I(0xdd)));
    dc_break_if(d, dc_ne(d, size, I(4)));
    dc_set(d, j->interval, dc_number(d, body, 2, false));
    dc_end(d, 1);
    read_application(j, marker, body, room);
}

static void read_marker(jpeg *j)
{
    decoder *d = j->d;
    dc_value marker = dc_byte(d, dc_add(d, G(j->at), I(1))), none = dc_either(d, dc_eq(d, marker, I(0)), dc_eq(d, marker, I(0xff)));
    dc_value is_one = dc_named(d, "is_marker", dc_both(d, dc_eq(d, dc_byte(d, G(j->at)), I(0xff)), NOT(none)));
    dc_inc(d, j->at, dc_sel(d, is_one, I(2), I(1)));
    dc_if(d, is_one);
    dc_value in_scan = dc_named(d, "in_scan", dc_lt(d, G(j->unit), G(j->units))), restart = dc_named(d, "restart", dc_both(d, dc_le(d, I(0xd0), marker), dc_le(d, marker, I(0xd7))));
    dc_value turn = dc_sub(d, kir_binary(&d->l->b, KB_DIV, G(j->unit), kir_binary(&d->l->b, KB_MAX, G(j->interval), I(1))), I(1));
    dc_value wrong = dc_ne(d, dc_sub(d, marker, I(0xd0)), dc_and(d, turn, I(7)));
    dc_break_if(d, dc_both(d, in_scan, dc_either(d, NOT(restart), wrong)));
    dc_break_if(d, dc_eq(d, marker, I(0xd8)));
    dc_set(d, j->ended, dc_sel(d, dc_eq(d, marker, I(0xd9)), I(1), G(j->ended)));
    dc_value bare = dc_either(d, dc_either(d, restart, dc_eq(d, marker, I(1))), dc_eq(d, marker, I(0xd9)));
    dc_if(d, dc_both(d, NOT(bare), dc_sound(d)));
    read_segment(j, marker);
    dc_end(d, 1);
    dc_value begins = dc_either(d, dc_eq(d, marker, I(0xda)), dc_both(d, restart, in_scan));
    dc_if(d, dc_both(d, begins, dc_sound(d)));
    read_interval(j);
    dc_end(d, 2);
}

static void step(jpeg *j)
{
    decoder *d = j->d;
    dc_set(d, j->doing, dc_sel(d, dc_le(d, G(j->end), G(j->at)), I(AT_MARKER), G(j->doing)));
    dc_value doing = dc_named(d, "doing", G(j->doing));
    dc_if(d, dc_eq(d, doing, I(AT_CODES)));
    read_code(j);
    dc_end(d, 1);
    dc_if(d, dc_eq(d, doing, I(AT_TABLES)));
    read_table(j);
    dc_end(d, 1);
    dc_if(d, dc_eq(d, doing, I(AT_MARKER)));
    read_marker(j);
    dc_end(d, 1);
}

/* ---- the op -------------------------------------------------------------------------------- */

static void make_variables(jpeg *j)
{
    static const int64_t order[JPEG_ELEMENTS] = {
        0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
        35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
    };
    decoder *d = j->d;
    const struct {
        kir_buffer **var;
        const char *name;
        int64_t first;
    } var[] = {{&j->at, "at", 2}, {&j->end, "end", 0}, {&j->doing, "doing", AT_MARKER}, {&j->ended, "ended", 0}, {&j->hold, "hold", 0}, {&j->bits, "bits", 0}, {&j->jfif, "jfif", 0}, {&j->adobe, "adobe", -1}, {&j->is_rgb, "is_rgb", 0}, {&j->progressive, "progressive", 0}, {&j->count, "count", 0}, {&j->most_down, "most_down", 1}, {&j->most_across, "most_across", 1}, {&j->parts, "parts", 0}, {&j->first, "first", 0}, {&j->last, "last", 0}, {&j->high, "high", 0}, {&j->low, "low", 0}, {&j->interval, "interval", 0}, {&j->unit, "unit", 0}, {&j->units, "units", 0}, {&j->across_units, "across_units", 0}, {&j->skip, "skip", 0}, {&j->zeros, "zeros", -1}, {&j->value, "value", 0}};
    const struct {
        kir_buffer **array;
        const char *name;
        nfc_dtype dtype;
        int n;
        int64_t first;
    } array[] = {{&j->limit, "limit", DT_i32, KINDS * CODES * (LONGEST + 1), 0}, {&j->offset, "offset", DT_i32, KINDS * CODES * (LONGEST + 1), 0}, {&j->symbol, "symbol", DT_u8, KINDS * CODES * SYMBOLS, 0}, {&j->table, "table", DT_i32, TABLES * JPEG_ELEMENTS, 0}, {&j->has_table, "has_table", DT_i32, TABLES, 0}, {&j->id, "id", DT_i32, JPEG_PARTS, 0}, {&j->down, "down", DT_i32, JPEG_PARTS, 0}, {&j->across, "across", DT_i32, JPEG_PARTS, 0}, {&j->factors, "factors", DT_i32, JPEG_PARTS, 0}, {&j->accuracy, "accuracy", DT_i32, JPEG_PARTS * JPEG_ELEMENTS, -1}, {&j->part, "part", DT_i32, JPEG_PARTS, 0}, {&j->dc, "dc", DT_i32, JPEG_PARTS, 0}, {&j->ac, "ac", DT_i32, JPEG_PARTS, 0}, {&j->before, "before", DT_i64, JPEG_PARTS, 0}};
    j->order = dc_table(d, "order", JPEG_ELEMENTS, order);
    for (size_t i = 0; i < sizeof var / sizeof *var; i++) *var[i].var = dc_var(d, var[i].name, var[i].first);
    for (size_t i = 0; i < sizeof array / sizeof *array; i++) {
        *array[i].array = dc_array(d, array[i].name, array[i].dtype, array[i].n);
        dc_value k = dc_for(d, "i", array[i].n);
        dc_write(d, *array[i].array, k, I(array[i].first));
        dc_end(d, 1);
    }
}

/* There is a picture when the file has ended, and every bit of every coefficient of its parts was there. */
static void check_complete(jpeg *j)
{
    decoder *d = j->d;
    dc_break_if(d, dc_either(d, NOT(IS(j->ended)), NOT(IS(j->count))));
    dc_value i = dc_for_up_to(d, "i", dc_mul(d, G(j->count), I(JPEG_ELEMENTS)), JPEG_PARTS * JPEG_ELEMENTS);
    dc_break_if(d, dc_both(d, dc_fits(d), dc_ne(d, dc_read(d, j->accuracy, i), I(0))));
    dc_end(d, 1);
}

static void store_frame(jpeg *j)
{
    decoder *d = j->d;
    dc_value told = dc_sel(d, dc_le(d, I(0), G(j->adobe)), dc_ne(d, G(j->adobe), I(0)), NOT(IS(j->is_rgb)));
    dc_value is_ycc = dc_both(d, dc_eq(d, G(j->count), I(JPEG_PARTS)), dc_either(d, IS(j->jfif), told)), frame[JPEG_FRAME];
    frame[JPEG_HEIGHT] = G(d->height), frame[JPEG_WIDTH] = G(d->width), frame[JPEG_COUNT] = G(j->count);
    frame[JPEG_IS_YCC] = dc_sel(d, is_ycc, I(1), I(0));
    for (int i = 0; i < JPEG_PARTS; i++) {
        frame[JPEG_DOWN + i] = dc_read(d, j->down, I(i));
        frame[JPEG_ACROSS + i] = dc_read(d, j->across, I(i));
    }
    for (int i = 0; i < JPEG_FRAME; i++) {
        const ir_sx *at = sx_int(d->l->sx, i);
        lw_store(d->l, 2, &at, dc_sel(d, dc_sound(d), frame[i], I(0)));
    }
}

bool lo_jpeg_coefficients(lw *l, const ir_inst *inst)
{
    decoder decode, *d = &decode;
    dc_begin(d, l, inst, ir_int(inst, ATTR_AT(jpeg_coefficients, height)), ir_int(inst, ATTR_AT(jpeg_coefficients, width)));
    jpeg j = {.d = d};
    for (int i = 0; i < 2; i++) dc_clear(d, i);
    make_variables(&j);
    dc_break_if(d, dc_ne(d, dc_number(d, I(0), 2, false), I(0xffd8)));
    lw_for(l, "step", inst->in[0]->type->dim[0]);
    dc_if(d, dc_both(d, dc_both(d, dc_sound(d), NOT(IS(j.ended))), dc_lt(d, G(j.at), dc_bytes(d))));
    step(&j);
    dc_end(d, 2);
    check_complete(&j);
    dc_if(d, NOT(dc_sound(d)));
    for (int i = 0; i < 2; i++) dc_clear(d, i);
    dc_end(d, 1);
    store_frame(&j);
    return true;
}
