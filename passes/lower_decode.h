/* Decoders of pictures as kernels: little programs over local variables, one statement after the other.
 *
 * A variable is a local of one i64. A value that is used after its variable changed must be named before
 * (dc_named); positions are clamped wherever something is read or written, so that damaged files do no harm. */
#ifndef NFC_LOWER_DECODE_H
#define NFC_LOWER_DECODE_H

#include "ir/image.h"
#include "passes/lower_kir.h"

typedef struct decoder {
    lw *l;
    const ir_inst *inst;
    int64_t most_height, most_width; /* of the largest picture */
    kir_buffer *height, *width;      /* of the picture; 0 where there is none */
    kir_buffer *broken;              /* not 0: there is no picture after all */
} decoder;

typedef const kir_expr *dc_value;

dc_value dc_int(decoder *d, int64_t v);
/* A new variable; what one holds; an assignment. */
kir_buffer *dc_var(decoder *d, const char *name, int64_t first);
dc_value dc_get(decoder *d, kir_buffer *v);
void dc_set(decoder *d, kir_buffer *v, dc_value x);
dc_value dc_named(decoder *d, const char *name, dc_value x);
dc_value dc_add(decoder *d, dc_value x, dc_value y);
dc_value dc_sub(decoder *d, dc_value x, dc_value y);
dc_value dc_mul(decoder *d, dc_value x, dc_value y);
#define dc_and(d, x, y) kir_binary(&(d)->l->b, KB_BAND, x, y)
#define dc_or(d, x, y) kir_binary(&(d)->l->b, KB_BOR, x, y)
#define dc_eq(d, x, y) kir_binary(&(d)->l->b, KB_EQ, x, y)
#define dc_ne(d, x, y) kir_binary(&(d)->l->b, KB_NE, x, y)
#define dc_lt(d, x, y) kir_binary(&(d)->l->b, KB_LT, x, y)
#define dc_le(d, x, y) kir_binary(&(d)->l->b, KB_LE, x, y)
#define dc_both(d, x, y) kir_binary(&(d)->l->b, KB_AND, x, y)
#define dc_either(d, x, y) kir_binary(&(d)->l->b, KB_OR, x, y)
#define dc_sel(d, c, x, y) kir_select(&(d)->l->b, c, x, y)
#define dc_inc(d, v, x) dc_set(d, v, dc_add(d, dc_get(d, v), x))
/* Shifts by 0 to 63. */
dc_value dc_shl(decoder *d, dc_value x, dc_value by);
dc_value dc_shr(decoder *d, dc_value x, dc_value by);
/* Statements that follow belong to the guard or loop until dc_end(). A loop's variable as a value. */
void dc_if(decoder *d, dc_value condition);
dc_value dc_for(decoder *d, const char *name, int64_t n);
dc_value dc_for_up_to(decoder *d, const char *name, dc_value n, int64_t most);
void dc_end(decoder *d, int blocks);
/* A local array; a constant one. Elements of them. */
kir_buffer *dc_array(decoder *d, const char *name, nfc_dtype dtype, int64_t n);
kir_buffer *dc_table(decoder *d, const char *name, int n, const int64_t *v);
dc_value dc_read(decoder *d, kir_buffer *array, dc_value at);
void dc_write(decoder *d, kir_buffer *array, dc_value at, dc_value x);
/* The file: a byte, 0 behind its end; bytes as a number, the lowest one first or last; how many there are. */
dc_value dc_byte(decoder *d, dc_value at);
dc_value dc_number(decoder *d, dc_value at, int count, bool low_first);
/* The same where only the run knows how many they are, up to `most`, and which is the lowest. */
dc_value dc_ordered(decoder *d, dc_value at, dc_value count, int most, dc_value low_first);
dc_value dc_bytes(decoder *d);
/* Does the picture fit into the result? */
dc_value dc_fits(decoder *d);
/* The element (y, x) of the picture, which is the op's result 0, in the pixel format that the op, or `format`, tells. */
void dc_put(decoder *d, dc_value y, dc_value x, dc_value r, dc_value g, dc_value b);
void dc_put_as(decoder *d, const char *format, const ir_sx *y, const ir_sx *x, const dc_value rgb[3]);
/* A value as an index from 0 to n - 1. */
const ir_sx *dc_index(decoder *d, dc_value x, int64_t n);
/* Does the file begin as one of this format? */
dc_value dc_begins(decoder *d, image_format format);
/* Makes the variables of `decoder`. */
void dc_begin(decoder *d, lw *l, const ir_inst *inst, int64_t most_height, int64_t most_width);
/* Result i becomes zero. */
void dc_clear(decoder *d, int i);

/* There is no picture where the condition holds; where a side is 0, or over 2^24. Is there one so far? */
void dc_break_if(decoder *d, dc_value condition);
void dc_check_sides(decoder *d);
dc_value dc_sound(decoder *d);

/* Each after its first bytes were seen. */
void decode_bmp(decoder *d);
void decode_pnm(decoder *d);
void decode_tiff(decoder *d);

/* PNG: what the head says of the rows. height and width: from 0 to those of the largest picture. */
typedef struct png_layout {
    kir_buffer *passes; /* where each begins, and the logarithm of its steps: y, x; the last one is the whole picture */
    dc_value height, width, kind, depth, interlaced, parts; /* parts: numbers of an element */
} png_layout;

/* A pass, which begins at (y, x) and has each 2^down-th row and 2^across-th element of it; stride: bytes of a row
 * without its filter; bytes: of them all, 0 where the picture does not have the pass. */
typedef struct png_pass {
    dc_value y, down, x, across, rows, columns, stride, bytes;
} png_pass;

enum { PNG_PASSES = 8 };
kir_buffer *png_pass_table(decoder *d);
/* Sets `parts` by the kind. Can an element of this kind have numbers of this depth? */
dc_value png_count_parts(decoder *d, png_layout *p);
png_pass png_pass_at(decoder *d, const png_layout *p, dc_value k);

#endif
