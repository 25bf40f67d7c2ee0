#include "passes/lower_decode.h"

#include <string.h>
#include "ir/shape.h"

/* ---- a little language ------------------------------------------------------------------------ */

static const ir_sx *zero(decoder *d) { return sx_int(d->l->sx, 0); }

dc_value dc_int(decoder *d, int64_t v) { return kir_int(&d->l->b, DT_i64, v); }
kir_buffer *dc_var(decoder *d, const char *name, int64_t first) { return lw_accumulator(d->l, name, DT_i64, dc_int(d, first)); }
dc_value dc_get(decoder *d, kir_buffer *v) { return kir_load(&d->l->b, v, zero(d)); }
void dc_set(decoder *d, kir_buffer *v, dc_value x) { kir_store(&d->l->b, v, zero(d), x); }
dc_value dc_named(decoder *d, const char *name, dc_value x) { return lw_named(d->l, name, x); }

static dc_value shift_by(decoder *d, dc_value by) { return by->kind == KIR_CONST ? by : dc_and(d, by, dc_int(d, 63)); }
dc_value dc_shl(decoder *d, dc_value x, dc_value by) { return kir_binary(&d->l->b, KB_SHL, x, shift_by(d, by)); }
dc_value dc_shr(decoder *d, dc_value x, dc_value by) { return kir_binary(&d->l->b, KB_SHR, x, shift_by(d, by)); }

void dc_if(decoder *d, dc_value condition) { lw_if(d->l, condition); }
void dc_end(decoder *d, int blocks) { lw_close(d->l, blocks); }

dc_value dc_for(decoder *d, const char *name, int64_t n)
{
    return kir_cast(&d->l->b, DT_i64, kir_index(&d->l->b, lw_for(d->l, name, sx_int(d->l->sx, n))));
}

/* A value as an index from 0 to n - 1. */
static const ir_sx *index_of(decoder *d, dc_value x, int64_t n)
{
    kir_builder *b = &d->l->b;
    if (n == 1) return zero(d);
    x = kir_binary(b, KB_MAX, kir_cast(b, KIR_INDEX_TYPE, x), kir_int(b, KIR_INDEX_TYPE, 0));
    return kir_let_index(b, "at", kir_binary(b, KB_MIN, x, kir_int(b, KIR_INDEX_TYPE, n - 1)), 0, n - 1);
}

dc_value dc_for_up_to(decoder *d, const char *name, dc_value n, int64_t most)
{
    const ir_sx *end = index_of(d, n, most + 1);
    return kir_cast(&d->l->b, DT_i64, kir_index(&d->l->b, lw_for(d->l, name, end)));
}

dc_value dc_read(decoder *d, kir_buffer *array, dc_value at)
{
    return kir_cast(&d->l->b, DT_i64, kir_load(&d->l->b, array, index_of(d, at, sx_max(array->size))));
}

void dc_write(decoder *d, kir_buffer *array, dc_value at, dc_value x)
{
    kir_store(&d->l->b, array, index_of(d, at, sx_max(array->size)), x);
}

/* ---- the file and the picture ------------------------------------------------------------------ */

dc_value dc_bytes(decoder *d) { return kir_cast(&d->l->b, DT_i64, kir_index(&d->l->b, d->inst->in[0]->type->dim[0])); }

dc_value dc_byte(decoder *d, dc_value at)
{
    kir_builder *b = &d->l->b;
    const ir_sx *n = d->inst->in[0]->type->dim[0], *last = sx_sub(d->l->sx, n, sx_int(d->l->sx, 1));
    at = dc_named(d, "place", at);
    dc_value x = kir_binary(b, KB_MAX, kir_cast(b, KIR_INDEX_TYPE, at), kir_int(b, KIR_INDEX_TYPE, 0));
    const ir_sx *index = sx_is(last, 0) ? last : kir_let_index(b, "at", kir_binary(b, KB_MIN, x, kir_index(b, last)), 0, sx_max(last));
    dc_value inside = dc_both(d, dc_le(d, dc_int(d, 0), at), dc_lt(d, at, dc_bytes(d)));
    return dc_named(d, "byte", dc_sel(d, inside, kir_cast(b, DT_i64, lw_load(d->l, d->inst->in[0], &index)), dc_int(d, 0)));
}

dc_value dc_number(decoder *d, dc_value at, int count, bool low_first)
{
    dc_value v = NULL;
    for (int k = 0; k < count; k++) {
        dc_value byte = dc_shl(d, dc_byte(d, dc_add(d, at, dc_int(d, k))), dc_int(d, 8 * (low_first ? k : count - 1 - k)));
        v = v ? dc_or(d, v, byte) : byte;
    }
    return dc_named(d, "number", v);
}

int64_t dc_most_rows(const decoder *d) { return sx_value(d->inst->out[0]->type->dim[0]); }
int64_t dc_most_columns(const decoder *d) { return sx_value(d->inst->out[0]->type->dim[1]); }

dc_value dc_fits(decoder *d)
{
    dc_value rows = dc_le(d, dc_get(d, d->height), dc_int(d, dc_most_rows(d)));
    return dc_both(d, rows, dc_le(d, dc_get(d, d->width), dc_int(d, dc_most_columns(d))));
}

void dc_put(decoder *d, dc_value y, dc_value x, dc_value r, dc_value g, dc_value b)
{
    const char *format = d->inst->attr[ATTR_AT(image_decoder, pixel_format)].s;
    const ir_sx *at[3] = {index_of(d, y, dc_most_rows(d)), index_of(d, x, dc_most_columns(d)), zero(d)};
    dc_value part[3] = {format[0] == 'B' ? b : r, g, format[0] == 'B' ? r : b};
    int parts = format[0] == 'G' ? 1 : 3;
    if (parts == 1) {
        dc_value light = dc_add(d, dc_add(d, dc_mul(d, r, dc_int(d, 19595)), dc_mul(d, g, dc_int(d, 38470))), dc_mul(d, b, dc_int(d, 7471)));
        part[0] = dc_shr(d, dc_add(d, light, dc_int(d, 32768)), dc_int(d, 16));
    }
    for (int i = 0; i < parts; i++) {
        at[2] = sx_int(d->l->sx, i);
        lw_store(d->l, 0, at, kir_cast(&d->l->b, DT_u32, part[i]));
    }
}

/* ---- the op -------------------------------------------------------------------------------- */

/* Opens the loops over the result's elements, and sets them zero. */
static void clear(lw *l, const ir_inst *inst)
{
    const ir_type *t = inst->out[0]->type;
    const char *const names[3] = {"y", "x", "c"};
    const ir_sx *at[3];
    for (int i = 0; i < 3; i++) at[i] = lw_for(l, names[i], t->dim[i]);
    lw_store(l, 0, at, kir_int(&l->b, DT_u32, 0));
    lw_close(l, 3);
}

/* Does the file begin with these bytes, and have so many? */
static dc_value begins(decoder *d, const char *sign, int count, int64_t least)
{
    dc_value all = dc_le(d, dc_int(d, least), dc_bytes(d));
    for (int i = 0; i < count; i++) all = dc_both(d, all, dc_eq(d, dc_byte(d, dc_int(d, i)), dc_int(d, (uint8_t)sign[i])));
    return all;
}

bool lo_image_decoder(lw *l, const ir_inst *inst)
{
    decoder d = {.l = l, .inst = inst};
    clear(l, inst);
    d.height = dc_var(&d, "height", 0);
    d.width = dc_var(&d, "width", 0);
    d.broken = dc_var(&d, "broken", 0);
    dc_if(&d, begins(&d, "BM", 2, 54));
    decode_bmp(&d);
    dc_end(&d, 1);
    dc_if(&d, begins(&d, "P", 1, 8));
    decode_pnm(&d);
    dc_end(&d, 1);
    dc_if(&d, dc_either(&d, begins(&d, "II*\0", 4, 8), begins(&d, "MM\0*", 4, 8)));
    decode_tiff(&d);
    dc_end(&d, 1);
    dc_if(&d, begins(&d, "\x89PNG\r\n\x1a\n", 8, 45));
    decode_png(&d);
    dc_end(&d, 1);
    dc_if(&d, dc_ne(&d, dc_get(&d, d.broken), dc_int(&d, 0)));
    clear(l, inst);
    dc_set(&d, d.height, dc_int(&d, 0));
    dc_set(&d, d.width, dc_int(&d, 0));
    dc_end(&d, 1);
    for (int i = 0; i < 2; i++) lw_store(l, 1, (const ir_sx *const[]){sx_int(l->sx, i)}, dc_get(&d, i ? d.width : d.height));
    return true;
}

void dc_break_if(decoder *d, dc_value condition)
{
    dc_set(d, d->broken, dc_sel(d, condition, dc_int(d, 1), dc_get(d, d->broken)));
}

void dc_check_sides(decoder *d)
{
    enum { MOST_SIDE = 1 << 24 };
    dc_value small = dc_either(d, dc_lt(d, dc_get(d, d->height), dc_int(d, 1)), dc_lt(d, dc_get(d, d->width), dc_int(d, 1)));
    dc_value large = dc_either(d, dc_lt(d, dc_int(d, MOST_SIDE), dc_get(d, d->height)), dc_lt(d, dc_int(d, MOST_SIDE), dc_get(d, d->width)));
    dc_break_if(d, dc_either(d, small, large));
}

dc_value dc_sound(decoder *d) { return dc_eq(d, dc_get(d, d->broken), dc_int(d, 0)); }
