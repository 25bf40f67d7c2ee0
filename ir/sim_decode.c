/* Pictures in files by their definitions: BMP, PNM and TIFF here, PNG in ir/sim_png.c, JPEG in ir/sim_jpeg.c. What is
 * damaged has no picture. */
#include <string.h>
#include "ir/sim_image.h"

typedef struct file {
    const uint8_t *byte;
    int64_t n;
    sim_tensor *image; /* NULL: only the extents are looked for */
    const char *format;
    int64_t height, width;
} file;

static int64_t byte_at(const file *f, int64_t i) { return i >= 0 && i < f->n ? f->byte[i] : 0; }

/* `count` bytes as a number, the lowest one first, or last. */
static int64_t number_at(const file *f, int64_t i, int count, bool low_first)
{
    int64_t v = 0;
    for (int k = 0; k < count; k++) v |= byte_at(f, i + k) << 8 * (low_first ? k : count - 1 - k);
    return v;
}

static bool has_sides(const file *f)
{
    enum { MOST_SIDE = 1 << 24 };
    return f->height >= 1 && f->width >= 1 && f->height <= MOST_SIDE && f->width <= MOST_SIDE;
}

static bool fits(const file *f) { return f->height <= f->image->dim[0] && f->width <= f->image->dim[1]; }

void sim_put_pixel(sim_tensor *image, const char *pixel_format, int64_t y, int64_t x, const int64_t rgb[3])
{
    int64_t at = (y * image->dim[1] + x) * image->dim[2];
    bool grey = pixel_format[0] == 'G', swapped = pixel_format[0] == 'B';
    if (grey) sim_set_int(image, at, (19595 * rgb[0] + 38470 * rgb[1] + 7471 * rgb[2] + 32768) >> 16);
    for (int i = 0; i < 3 && !grey; i++) sim_set_int(image, at + i, rgb[swapped ? 2 - i : i]);
}

static void put(file *f, int64_t y, int64_t x, int64_t r, int64_t g, int64_t b)
{
    sim_put_pixel(f->image, f->format, y, x, (const int64_t[]){r, g, b});
}

/* ---- BMP ----------------------------------------------------------------------------------- */

static bool bmp(file *f)
{
    int64_t data = number_at(f, 10, 4, true), palette = 14 + number_at(f, 14, 4, true), bits = number_at(f, 28, 2, true);
    int64_t rows = (int32_t)number_at(f, 22, 4, true);
    bool known = bits == 1 || bits == 4 || bits == 8 || bits == 24 || bits == 32;
    f->width = (int32_t)number_at(f, 18, 4, true);
    f->height = rows < 0 ? -rows : rows;
    if (!known || number_at(f, 30, 4, true) != 0 || !has_sides(f)) return false;
    int64_t stride = (f->width * bits + 31) / 32 * 4;
    if (data + stride * f->height > f->n) return false;
    if (!fits(f)) return true;
    for (int64_t y = 0; y < f->height; y++)
        for (int64_t x = 0; x < f->width; x++) {
            int64_t row = data + (rows < 0 ? y : f->height - 1 - y) * stride, at = row + x * bits / 8;
            if (bits <= 8) at = palette + 4 * (byte_at(f, at) >> (8 - bits - x * bits % 8) & ((1 << bits) - 1));
            put(f, y, x, byte_at(f, at + 2), byte_at(f, at + 1), byte_at(f, at));
        }
    return true;
}

/* ---- PNM ----------------------------------------------------------------------------------- */

/* The number behind blanks and comments; -1: there is none. */
static int64_t pnm_number(const file *f, int64_t *at)
{
    int64_t v = 0, digits = 0;
    for (bool comment = false; *at < f->n; ++*at) {
        int64_t c = byte_at(f, *at);
        if (c == '#') comment = true;
        if (!comment && c != ' ' && (c < 9 || c > 13)) break;
        if (c == '\n' || c == '\r') comment = false;
    }
    for (; byte_at(f, *at) >= '0' && byte_at(f, *at) <= '9' && digits < 9; ++*at, digits++) v = v * 10 + byte_at(f, *at) - '0';
    return digits ? v : -1;
}

static bool pnm(file *f)
{
    int64_t kind = byte_at(f, 1) - '0', at = 2;
    if (kind < 4 || kind > 6) return false;
    f->width = pnm_number(f, &at);
    f->height = pnm_number(f, &at);
    int64_t most = kind == 4 ? 255 : pnm_number(f, &at);
    if (!has_sides(f) || most != 255) return false;
    int64_t data = at + 1, parts = kind == 6 ? 3 : 1, stride = kind == 4 ? (f->width + 7) / 8 : f->width * parts;
    if (data + stride * f->height > f->n) return false;
    if (!fits(f)) return true;
    for (int64_t y = 0; y < f->height; y++)
        for (int64_t x = 0; x < f->width; x++) {
            int64_t p = data + y * stride + x * parts, ink = byte_at(f, data + y * stride + x / 8) >> (7 - x % 8) & 1;
            if (kind == 4) put(f, y, x, 255 * !ink, 255 * !ink, 255 * !ink);
            else put(f, y, x, byte_at(f, p), byte_at(f, p + (kind == 6)), byte_at(f, p + 2 * (kind == 6)));
        }
    return true;
}

/* ---- TIFF ---------------------------------------------------------------------------------- */

/* Value k of a tag; `otherwise` where the directory does not have it. */
static int64_t tiff_tag(const file *f, bool low, int64_t tag, int64_t k, int64_t otherwise)
{
    int64_t directory = number_at(f, 4, 4, low), entries = number_at(f, directory, 2, low);
    for (int64_t e = 0; e < entries && directory + 2 + 12 * e < f->n; e++) {
        int64_t at = directory + 2 + 12 * e, count = number_at(f, at + 4, 4, low), size = number_at(f, at + 2, 2, low) == 3 ? 2 : 4;
        if (number_at(f, at, 2, low) != tag) continue;
        if (k >= count) return otherwise;
        int64_t values = count * size > 4 ? number_at(f, at + 8, 4, low) : at + 8;
        return number_at(f, values + k * size, (int)size, low);
    }
    return otherwise;
}

static bool tiff(file *f)
{
    bool low = byte_at(f, 0) == 'I';
    f->width = tiff_tag(f, low, 256, 0, 0);
    f->height = tiff_tag(f, low, 257, 0, 0);
    int64_t kind = tiff_tag(f, low, 262, 0, -1), parts = tiff_tag(f, low, 277, 0, 1), strip = tiff_tag(f, low, 278, 0, f->height);
    bool plain = tiff_tag(f, low, 259, 0, 1) == 1 && tiff_tag(f, low, 284, 0, 1) == 1 && tiff_tag(f, low, 258, 0, 1) == 8;
    bool known = kind == 2 ? parts == 3 || parts == 4 : (kind == 0 || kind == 1) && (parts == 1 || parts == 2);
    if (!plain || !known || !has_sides(f) || strip < 1) return false;
    if (!fits(f)) return true;
    for (int64_t y = 0; y < f->height; y++) {
        int64_t row = tiff_tag(f, low, 273, y / strip, f->n) + y % strip * f->width * parts;
        if (row + f->width * parts > f->n) return false;
    }
    for (int64_t y = 0; y < f->height; y++)
        for (int64_t x = 0; x < f->width; x++) {
            int64_t at = tiff_tag(f, low, 273, y / strip, 0) + (y % strip * f->width + x) * parts, turned = kind == 0 ? 255 : 0;
            put(f, y, x, byte_at(f, at) ^ turned, byte_at(f, at + (kind == 2)) ^ turned, byte_at(f, at + 2 * (kind == 2)) ^ turned);
        }
    return true;
}

/* ---- PNG ----------------------------------------------------------------------------------- */

static bool png(sim_call *c, file *f)
{
    int64_t height = f->image->dim[0], width = f->image->dim[1], room = png_room(height, width), colours[2] = {PNG_COLOURS, 3}, head = PNG_HEAD;
    sim_tensor *t[3] = {sim_tensor_new(c->s, DT_u8, 1, &room), sim_tensor_new(c->s, DT_u8, 2, colours), sim_tensor_new(c->s, DT_i64, 1, &head)};
    sim_png_read(c, height, width, t);
    f->height = sim_get_int(t[2], PNG_HEIGHT);
    f->width = sim_get_int(t[2], PNG_WIDTH);
    sim_png_image(t[0], t[1], t[2], f->format, f->image);
    for (int i = 0; i < 3; i++) sim_tensor_drop(t[i]);
    return f->height > 0;
}

/* ---- JPEG ---------------------------------------------------------------------------------- */

static bool jpeg(sim_call *c, file *f)
{
    int64_t height = f->image->dim[0], width = f->image->dim[1], rows = jpeg_blocks(height), columns = jpeg_blocks(width);
    const int64_t dim[4][4] = {{JPEG_PARTS, rows, columns, JPEG_ELEMENTS}, {JPEG_PARTS, JPEG_ELEMENTS}, {JPEG_FRAME}, {JPEG_PARTS, rows * JPEG_BLOCK, columns * JPEG_BLOCK}};
    sim_tensor *t[4] = {sim_tensor_new(c->s, DT_i16, 4, dim[0]), sim_tensor_new(c->s, DT_i32, 2, dim[1]), sim_tensor_new(c->s, DT_i64, 1, dim[2]), sim_tensor_new(c->s, DT_u8, 3, dim[3])};
    sim_jpeg_read(c->in[0], height, width, t);
    f->height = sim_get_int(t[2], JPEG_HEIGHT);
    f->width = sim_get_int(t[2], JPEG_WIDTH);
    sim_jpeg_samples(t[0], t[1], t[3]);
    sim_jpeg_image(t[3], t[2], f->format, f->image);
    for (int i = 0; i < 4; i++) sim_tensor_drop(t[i]);
    return f->height > 0;
}

/* ---- the ops ------------------------------------------------------------------------------- */

bool sim_image_begins(const sim_tensor *t, image_format format)
{
    for (int i = 0; i < IMAGE_SIGNS; i++) {
        const image_sign *s = &image_signs[i];
        if (s->format == format && t->n >= s->least && memcmp(t->data, s->bytes, (size_t)s->count) == 0) return true;
    }
    return false;
}

bool ev_image_format(sim_call *c)
{
    for (int f = 0; f < IMAGE_FORMATS; f++) sim_set_int(c->out[0], f, sim_image_begins(c->in[0], (image_format)f));
    return true;
}

/* The picture of a file of one of two formats, or those between. */
static bool decode(sim_call *c, image_format first, image_format last)
{
    file f = {.byte = c->in[0]->data, .n = c->in[0]->n, .image = c->out[0], .format = c->inst->attr[ATTR_AT(image_decoder, pixel_format)].s};
    image_format format = first;
    while (format <= last && !sim_image_begins(c->in[0], format)) format++;
    bool found = false;
    switch (format <= last ? format : IMAGE_FORMATS) {
    case IMAGE_BMP: found = bmp(&f); break;
    case IMAGE_PNM: found = pnm(&f); break;
    case IMAGE_TIFF: found = tiff(&f); break;
    case IMAGE_PNG: found = png(c, &f); break;
    case IMAGE_JPEG: found = jpeg(c, &f); break;
    case IMAGE_FORMATS: break;
    }
    if (!found) memset(f.image->data, 0, (size_t)f.image->n);
    sim_set_int(c->out[1], 0, found ? f.height : 0);
    sim_set_int(c->out[1], 1, found ? f.width : 0);
    return true;
}

bool ev_image_decoder(sim_call *c) { return decode(c, (image_format)0, (image_format)(IMAGE_FORMATS - 1)); }
bool ev_decode_bmp(sim_call *c) { return decode(c, IMAGE_BMP, IMAGE_BMP); }
bool ev_decode_pnm(sim_call *c) { return decode(c, IMAGE_PNM, IMAGE_PNM); }
bool ev_decode_tiff(sim_call *c) { return decode(c, IMAGE_TIFF, IMAGE_TIFF); }
bool ev_decode_png(sim_call *c) { return decode(c, IMAGE_PNG, IMAGE_PNG); }
