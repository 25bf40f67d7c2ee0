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

static bool is_known(dc_value x, int64_t v) { return x->kind == KIR_CONST && x->integer == v; }

dc_value dc_add(decoder *d, dc_value x, dc_value y)
{
    if (x->kind == KIR_CONST && y->kind == KIR_CONST) return dc_int(d, x->integer + y->integer);
    if (is_known(x, 0)) return y;
    return is_known(y, 0) ? x : kir_binary(&d->l->b, KB_ADD, x, y);
}

dc_value dc_sub(decoder *d, dc_value x, dc_value y)
{
    if (x->kind == KIR_CONST && y->kind == KIR_CONST) return dc_int(d, x->integer - y->integer);
    return is_known(y, 0) ? x : kir_binary(&d->l->b, KB_SUB, x, y);
}

dc_value dc_mul(decoder *d, dc_value x, dc_value y)
{
    if (x->kind == KIR_CONST && y->kind == KIR_CONST) return dc_int(d, x->integer * y->integer);
    if (is_known(x, 1)) return y;
    return is_known(y, 1) ? x : kir_binary(&d->l->b, KB_MUL, x, y);
}

static dc_value shift_by(decoder *d, dc_value by) { return by->kind == KIR_CONST ? by : dc_and(d, by, dc_int(d, 63)); }
dc_value dc_shl(decoder *d, dc_value x, dc_value by) { return kir_binary(&d->l->b, KB_SHL, x, shift_by(d, by)); }
dc_value dc_shr(decoder *d, dc_value x, dc_value by) { return kir_binary(&d->l->b, KB_SHR, x, shift_by(d, by)); }

void dc_if(decoder *d, dc_value condition) { lw_if(d->l, condition); }
void dc_end(decoder *d, int blocks) { lw_close(d->l, blocks); }

dc_value dc_for(decoder *d, const char *name, int64_t n)
{
    return kir_cast(&d->l->b, DT_i64, kir_index(&d->l->b, lw_for(d->l, name, sx_int(d->l->sx, n))));
}

const ir_sx *dc_index(decoder *d, dc_value x, int64_t n)
{
    kir_builder *b = &d->l->b;
    if (n == 1) return zero(d);
    x = kir_binary(b, KB_MAX, kir_cast(b, KIR_INDEX_TYPE, x), kir_int(b, KIR_INDEX_TYPE, 0));
    return kir_let_index(b, "at", kir_binary(b, KB_MIN, x, kir_int(b, KIR_INDEX_TYPE, n - 1)), 0, n - 1);
}

dc_value dc_for_up_to(decoder *d, const char *name, dc_value n, int64_t most)
{
    const ir_sx *end = dc_index(d, n, most + 1);
    return kir_cast(&d->l->b, DT_i64, kir_index(&d->l->b, lw_for(d->l, name, end)));
}

kir_buffer *dc_array(decoder *d, const char *name, nfc_dtype dtype, int64_t n) { return kir_alloc(&d->l->b, name, dtype, n); }

kir_buffer *dc_table(decoder *d, const char *name, int n, const int64_t *v)
{
    int32_t *data = ARENA_ARRAY(d->l->m->arena, int32_t, n);
    for (int i = 0; i < n; i++) data[i] = (int32_t)v[i];
    return lw_table(d->l, name, DT_i32, n, data);
}

dc_value dc_read(decoder *d, kir_buffer *array, dc_value at)
{
    return kir_cast(&d->l->b, DT_i64, kir_load(&d->l->b, array, dc_index(d, at, sx_max(array->size))));
}

void dc_write(decoder *d, kir_buffer *array, dc_value at, dc_value x)
{
    kir_store(&d->l->b, array, dc_index(d, at, sx_max(array->size)), x);
}

/* ---- the file and the picture ------------------------------------------------------------------ */

dc_value dc_bytes(decoder *d) { return kir_cast(&d->l->b, DT_i64, kir_index(&d->l->b, d->inst->in[0]->type->dim[0])); }

/* Does every file have these bytes? */
static bool is_inside(decoder *d, dc_value at, int count)
{
    return at->kind == KIR_CONST && at->integer >= 0 && at->integer + count <= sx_min(d->inst->in[0]->type->dim[0]);
}

dc_value dc_byte(decoder *d, dc_value at)
{
    kir_builder *b = &d->l->b;
    const ir_sx *n = d->inst->in[0]->type->dim[0], *last = sx_sub(d->l->sx, n, sx_int(d->l->sx, 1));
    if (is_inside(d, at, 1)) {
        const ir_sx *known = sx_int(d->l->sx, at->integer);
        return dc_named(d, "byte", kir_cast(b, DT_i64, lw_load(d->l, d->inst->in[0], &known)));
    }
    at = dc_named(d, "place", at);
    dc_value x = kir_binary(b, KB_MAX, kir_cast(b, KIR_INDEX_TYPE, at), kir_int(b, KIR_INDEX_TYPE, 0));
    const ir_sx *index = sx_is(last, 0) ? last : kir_let_index(b, "at", kir_binary(b, KB_MIN, x, kir_index(b, last)), 0, sx_max(last));
    dc_value inside = dc_both(d, dc_le(d, dc_int(d, 0), at), dc_lt(d, at, dc_bytes(d)));
    return dc_named(d, "byte", dc_sel(d, inside, kir_cast(b, DT_i64, lw_load(d->l, d->inst->in[0], &index)), dc_int(d, 0)));
}

/* low_first: NULL, where it is known to be `is_low`. */
static dc_value read_number(decoder *d, dc_value at, dc_value count, int most, dc_value low_first, bool is_low)
{
    kir_buffer *number = dc_var(d, "number", 0);
    at = dc_named(d, "number_at", at);
    dc_value k = count->kind == KIR_CONST ? dc_for(d, "k", most) : dc_for_up_to(d, "k", count, most), back = dc_sub(d, dc_sub(d, count, dc_int(d, 1)), k);
    dc_value place = low_first ? dc_sel(d, low_first, back, k) : is_low ? back : k;
    dc_set(d, number, dc_or(d, dc_shl(d, dc_get(d, number), dc_int(d, 8)), dc_byte(d, dc_add(d, at, place))));
    dc_end(d, 1);
    return dc_named(d, "number", dc_get(d, number));
}

dc_value dc_ordered(decoder *d, dc_value at, dc_value count, int most, dc_value low_first) { return read_number(d, at, count, most, low_first, false); }

dc_value dc_number(decoder *d, dc_value at, int count, bool low_first)
{
    if (!is_inside(d, at, count)) return read_number(d, at, dc_int(d, count), count, NULL, low_first);
    dc_value v = NULL;
    for (int k = 0; k < count; k++) {
        dc_value byte = dc_byte(d, dc_add(d, at, dc_int(d, low_first ? count - 1 - k : k)));
        v = v ? dc_or(d, dc_shl(d, v, dc_int(d, 8)), byte) : byte;
    }
    return dc_named(d, "number", v);
}

dc_value dc_fits(decoder *d)
{
    dc_value rows = dc_le(d, dc_get(d, d->height), dc_int(d, d->most_height));
    return dc_both(d, rows, dc_le(d, dc_get(d, d->width), dc_int(d, d->most_width)));
}

void dc_put_as(decoder *d, const char *format, const ir_sx *y, const ir_sx *x, const dc_value rgb[3])
{
    bool grey = format[0] == 'G', swapped = format[0] == 'B';
    dc_value light = dc_add(d, dc_add(d, dc_mul(d, rgb[0], dc_int(d, 19595)), dc_mul(d, rgb[1], dc_int(d, 38470))), dc_mul(d, rgb[2], dc_int(d, 7471)));
    light = dc_shr(d, dc_add(d, light, dc_int(d, 32768)), dc_int(d, 16));
    for (int i = 0; i < (grey ? 1 : 3); i++) {
        const ir_sx *at[3] = {y, x, sx_int(d->l->sx, i)};
        lw_store(d->l, 0, at, kir_cast(&d->l->b, DT_u32, grey ? light : rgb[swapped ? 2 - i : i]));
    }
}

void dc_put(decoder *d, dc_value y, dc_value x, dc_value r, dc_value g, dc_value b)
{
    const char *format = d->inst->attr[ATTR_AT(image_decoder, pixel_format)].s;
    const ir_sx *row = dc_index(d, y, d->most_height), *column = dc_index(d, x, d->most_width);
    dc_put_as(d, format, row, column, (dc_value[]){r, g, b});
}

/* ---- the op -------------------------------------------------------------------------------- */

void dc_clear(decoder *d, int i)
{
    const ir_type *t = d->inst->out[i]->type;
    const ir_sx *at[IR_MAX_RANK];
    for (int k = 0; k < t->rank; k++) at[k] = lw_for(d->l, lw_axis_names(t->rank)[k], t->dim[k]);
    lw_store(d->l, i, at, kir_int(&d->l->b, kir_compute(t->dtype), 0));
    lw_close(d->l, t->rank);
}

/* Has the file enough bytes, of which these are the first? */
static dc_value has_sign(decoder *d, const image_sign *s)
{
    dc_value all = dc_le(d, dc_int(d, s->least), dc_bytes(d));
    for (int i = 0; i < s->count; i++) all = dc_both(d, all, dc_eq(d, dc_byte(d, dc_int(d, i)), dc_int(d, (uint8_t)s->bytes[i])));
    return all;
}

dc_value dc_begins(decoder *d, image_format format)
{
    dc_value any = NULL;
    for (int i = 0; i < IMAGE_SIGNS; i++) {
        if (image_signs[i].format != format) continue;
        dc_value begins = has_sign(d, &image_signs[i]);
        any = any ? dc_either(d, any, begins) : begins;
    }
    return dc_named(d, "begins", any);
}

bool lo_image_format(lw *l, const ir_inst *inst)
{
    decoder d = {.l = l, .inst = inst};
    for (int f = 0; f < IMAGE_FORMATS; f++) {
        const ir_sx *at = sx_int(l->sx, f);
        lw_store(l, 0, &at, dc_sel(&d, dc_begins(&d, (image_format)f), dc_int(&d, 1), dc_int(&d, 0)));
    }
    return true;
}

void dc_begin(decoder *d, lw *l, const ir_inst *inst, int64_t most_height, int64_t most_width)
{
    *d = (decoder){.l = l, .inst = inst, .most_height = most_height, .most_width = most_width};
    d->height = dc_var(d, "height", 0);
    d->width = dc_var(d, "width", 0);
    d->broken = dc_var(d, "broken", 0);
}

/* An op that DECODER declares, of one format. */
static bool lower_decoder(lw *l, const ir_inst *inst, image_format format, void (*decode)(decoder *d))
{
    decoder d;
    dc_begin(&d, l, inst, ir_int(inst, ATTR_AT(image_decoder, height)), ir_int(inst, ATTR_AT(image_decoder, width)));
    dc_clear(&d, 0);
    dc_if(&d, dc_begins(&d, format));
    decode(&d);
    dc_end(&d, 1);
    dc_if(&d, dc_ne(&d, dc_get(&d, d.broken), dc_int(&d, 0)));
    dc_clear(&d, 0);
    dc_set(&d, d.height, dc_int(&d, 0));
    dc_set(&d, d.width, dc_int(&d, 0));
    dc_end(&d, 1);
    for (int i = 0; i < 2; i++) lw_store(l, 1, (const ir_sx *const[]){sx_int(l->sx, i)}, dc_get(&d, i ? d.width : d.height));
    return true;
}

bool lo_decode_bmp(lw *l, const ir_inst *inst) { return lower_decoder(l, inst, IMAGE_BMP, decode_bmp); }
bool lo_decode_pnm(lw *l, const ir_inst *inst) { return lower_decoder(l, inst, IMAGE_PNM, decode_pnm); }
bool lo_decode_tiff(lw *l, const ir_inst *inst) { return lower_decoder(l, inst, IMAGE_TIFF, decode_tiff); }

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
