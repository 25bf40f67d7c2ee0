/* Pictures in files by their definitions: BMP, PNM, TIFF and PNG here, JPEG in ir/sim_jpeg.c. What is damaged has
 * no picture. */
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

/* ---- inflate ------------------------------------------------------------------------------- */

/* The compressed bytes as bits, and what they become. */
typedef struct stream {
    const uint8_t *in;
    int64_t n, bit;
    uint8_t *out;
    int64_t room, made;
    bool broken;
} stream;

static int64_t take(stream *s, int count)
{
    int64_t v = 0;
    for (int i = 0; i < count; i++, s->bit++) {
        if (s->bit / 8 >= s->n) s->broken = true;
        else v |= (int64_t)(s->in[s->bit / 8] >> s->bit % 8 & 1) << i;
    }
    return v;
}

static void make(stream *s, int64_t byte)
{
    if (s->made < s->room) s->out[s->made++] = (uint8_t)byte;
    else s->broken = true;
}

/* A prefix code by the lengths of its words: shorter words first, then by symbol. */
static int64_t symbol(stream *s, const uint8_t *length, int n)
{
    int64_t code = 0, first = 0;
    for (int bits = 1; bits <= 15; bits++) {
        int64_t count = 0;
        code = code << 1 | take(s, 1);
        first <<= 1;
        for (int i = 0; i < n; i++) count += length[i] == bits;
        if (code >= first && code - first < count)
            for (int i = 0; i < n; i++)
                if (length[i] == bits && first++ == code) return i;
        first += count;
    }
    s->broken = true;
    return 0;
}

static void copy(stream *s, int64_t length, int64_t distance)
{
    if (distance > s->made) s->broken = true;
    for (int64_t i = 0; i < length && !s->broken; i++) make(s, s->out[s->made - distance]);
}

static void coded_block(stream *s, const uint8_t *length, int literals, int distances)
{
    for (int64_t v = 0; !s->broken;) {
        v = symbol(s, length, literals);
        if (v < 256) make(s, v);
        if (v == 256) return;
        if (v < 256) continue;
        int64_t k = v - 257, more = k < 8 || k == 28 ? 0 : k / 4 - 1;
        int64_t size = k == 28 ? 258 : k < 8 ? k + 3 : ((4 + k % 4) << more) + 3;
        size += take(s, (int)more);
        int64_t d = symbol(s, length + literals, distances), wide = d < 4 ? 0 : d / 2 - 1;
        int64_t far = d < 4 ? d + 1 : ((2 + d % 2) << wide) + 1;
        if (k > 28 || d > 29) s->broken = true;
        else copy(s, size, far + take(s, (int)wide));
    }
}

static void dynamic_block(stream *s)
{
    static const uint8_t order[19] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    uint8_t length[320 + 138] = {0}, first[19] = {0};
    int literals = (int)take(s, 5) + 257, distances = (int)take(s, 5) + 1, n = (int)take(s, 4) + 4;
    for (int i = 0; i < n; i++) first[order[i]] = (uint8_t)take(s, 3);
    for (int i = 0; i < literals + distances && !s->broken;) {
        int64_t v = symbol(s, first, 19), times = 1;
        uint8_t what = (uint8_t)v;
        if (v == 16) what = i ? length[i - 1] : 0, times = 3 + take(s, 2), s->broken |= i == 0;
        if (v == 17) what = 0, times = 3 + take(s, 3);
        if (v == 18) what = 0, times = 11 + take(s, 7);
        for (; times; times--) length[i++] = what;
        s->broken |= i > literals + distances;
    }
    if (literals > 286 || distances > 30) s->broken = true;
    if (!s->broken) coded_block(s, length, literals, distances);
}

static void stored_block(stream *s)
{
    s->bit = (s->bit + 7) / 8 * 8;
    int64_t n = take(s, 16), turned = take(s, 16);
    if ((n ^ turned) != 0xffff) s->broken = true;
    for (; n && !s->broken; n--) make(s, take(s, 8));
}

static bool inflate(stream *s)
{
    bool last = false;
    int64_t head = take(s, 8), flags = take(s, 8);
    if (head % 16 != 8 || flags & 32 || (head * 256 + flags) % 31) return false;
    while (!last && !s->broken) {
        last = take(s, 1);
        int64_t kind = take(s, 2);
        uint8_t fixed[288 + 30];
        for (int i = 0; i < 318; i++) fixed[i] = (uint8_t)(i >= 288 ? 5 : i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8);
        if (kind == 0) stored_block(s);
        else if (kind == 1) coded_block(s, fixed, 288, 30);
        else if (kind == 2) dynamic_block(s);
        else s->broken = true;
    }
    return !s->broken;
}

/* ---- PNG ----------------------------------------------------------------------------------- */

typedef struct png_head {
    int64_t depth, kind, parts, palette, colours; /* kind: 0 grey, 2 RGB, 3 palette, 4 and 6 with alpha */
    bool interlaced;
} png_head;

static uint8_t predicted(int64_t filter, int64_t left, int64_t up, int64_t corner)
{
    int64_t p = left + up - corner, dl = p > left ? p - left : left - p, du = p > up ? p - up : up - p, dc = p > corner ? p - corner : corner - p;
    switch (filter) {
    case 1: return (uint8_t)left;
    case 2: return (uint8_t)up;
    case 3: return (uint8_t)((left + up) / 2);
    case 4: return (uint8_t)(dl <= du && dl <= dc ? left : du <= dc ? up : corner);
    default: return 0;
    }
}

static int64_t row_bytes(const png_head *h, int64_t width) { return (width * h->parts * h->depth + 7) / 8; }

static void png_pixel(file *f, const png_head *h, const uint8_t *row, int64_t i, int64_t y, int64_t x)
{
    int64_t part[3] = {0}, shown = h->kind & 2 && h->kind != 3 ? 3 : 1;
    for (int64_t p = 0; p < shown; p++) {
        int64_t bit = (i * h->parts + p) * h->depth;
        if (h->depth >= 8) part[p] = row[bit / 8]; /* of 16 bits the upper ones */
        else part[p] = row[bit / 8] >> (8 - h->depth - bit % 8) & ((1 << h->depth) - 1);
        if (h->depth < 8 && h->kind == 0) part[p] = part[p] * 255 / ((1 << h->depth) - 1);
    }
    int64_t entry = h->palette + 3 * part[0];
    if (h->kind == 3) put(f, y, x, byte_at(f, entry), byte_at(f, entry + 1), byte_at(f, entry + 2));
    else put(f, y, x, part[0], part[shown == 3], part[2 * (shown == 3)]);
}

/* One pass of rows: from[] and by[] say which elements of the picture it has. Gives the bytes that it took. */
static int64_t png_pass(file *f, const png_head *h, uint8_t *raw, int64_t y0, int64_t dy, int64_t x0, int64_t dx, bool *broken)
{
    int64_t rows = (f->height - y0 + dy - 1) / dy, columns = (f->width - x0 + dx - 1) / dx, n = row_bytes(h, columns);
    int64_t back = h->parts * h->depth < 8 ? 1 : h->parts * h->depth / 8;
    if (rows < 1 || columns < 1) return 0;
    for (int64_t r = 0; r < rows; r++) {
        uint8_t *row = raw + r * (n + 1) + 1;
        *broken |= row[-1] > 4;
        for (int64_t i = 0; i < n; i++) {
            int64_t left = i < back ? 0 : row[i - back], up = r ? row[i - n - 1] : 0, corner = r && i >= back ? row[i - n - 1 - back] : 0;
            row[i] = (uint8_t)(row[i] + predicted(row[-1], left, up, corner));
        }
        for (int64_t i = 0; i < columns; i++) png_pixel(f, h, row, i, y0 + r * dy, x0 + i * dx);
    }
    return rows * (n + 1);
}

static int64_t raw_size(const file *f, const png_head *h, const int64_t (*pass)[4], int passes)
{
    int64_t all = 0;
    for (int p = 0; p < passes; p++) {
        int64_t rows = (f->height - pass[p][0] + pass[p][1] - 1) / pass[p][1], columns = (f->width - pass[p][2] + pass[p][3] - 1) / pass[p][3];
        if (rows > 0 && columns > 0) all += rows * (row_bytes(h, columns) + 1);
    }
    return all;
}

/* The chunks before the end: where the palette is; the data of all IDAT in a row. */
static int64_t png_chunks(const file *f, png_head *h, uint8_t *data)
{
    int64_t n = 0;
    bool began = false;
    for (int64_t at = 33; at + 8 <= f->n;) {
        int64_t length = number_at(f, at, 4, false), name = number_at(f, at + 4, 4, false);
        if (name == 0x504c5445 && !began) h->palette = at + 8, h->colours = length / 3;
        if (began && name != 0x49444154) break;
        if (name == 0x49444154) {
            began = true;
            for (int64_t i = 0; i < length && at + 8 + i < f->n; i++) data[n++] = (uint8_t)byte_at(f, at + 8 + i);
        }
        at += length + 12;
    }
    return n;
}

static bool png(sim_call *c, file *f)
{
    static const int64_t adam7[7][4] = {{0, 8, 0, 8}, {0, 8, 4, 8}, {4, 8, 0, 4}, {0, 4, 2, 4}, {2, 4, 0, 2}, {0, 2, 1, 2}, {1, 2, 0, 1}}, whole[1][4] = {{0, 1, 0, 1}};
    png_head h = {.depth = byte_at(f, 24), .kind = byte_at(f, 25), .interlaced = byte_at(f, 28) == 1};
    static const uint8_t parts[7] = {1, 0, 3, 1, 2, 0, 4}, depths[7] = {31, 0, 24, 15, 24, 0, 24}; /* depths: as bits 1 2 4 8 16 */
    f->width = number_at(f, 16, 4, false);
    f->height = number_at(f, 20, 4, false);
    bool named = number_at(f, 12, 4, false) == 0x49484452 && byte_at(f, 26) == 0 && byte_at(f, 27) == 0 && byte_at(f, 28) <= 1;
    int bit = h.depth == 1 ? 1 : h.depth == 2 ? 2 : h.depth == 4 ? 4 : h.depth == 8 ? 8 : h.depth == 16 ? 16 : 0;
    if (!named || h.kind > 6 || !(depths[h.kind] & bit) || !has_sides(f)) return false;
    h.parts = parts[h.kind];
    if (!fits(f)) return true;
    const int64_t(*pass)[4] = h.interlaced ? adam7 : whole;
    int passes = h.interlaced ? 7 : 1;
    int64_t room = raw_size(f, &h, pass, passes);
    sim_tensor *data = sim_tensor_new(c->s, DT_u8, 1, &f->n), *raw = sim_tensor_new(c->s, DT_u8, 1, &room);
    stream s = {.in = data->data, .out = raw->data, .room = room};
    s.n = png_chunks(f, &h, data->data);
    bool broken = !inflate(&s) || s.made != room || (h.kind == 3 && !h.colours);
    uint8_t *at = raw->data;
    for (int p = 0; p < passes && !broken; p++) at += png_pass(f, &h, at, pass[p][0], pass[p][1], pass[p][2], pass[p][3], &broken);
    sim_tensor_drop(data);
    sim_tensor_drop(raw);
    return !broken;
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

static bool begins(const sim_tensor *t, image_format format)
{
    for (int i = 0; i < IMAGE_SIGNS; i++) {
        const image_sign *s = &image_signs[i];
        if (s->format == format && t->n >= s->least && memcmp(t->data, s->bytes, (size_t)s->count) == 0) return true;
    }
    return false;
}

bool ev_image_format(sim_call *c)
{
    for (int f = 0; f < IMAGE_FORMATS; f++) sim_set_int(c->out[0], f, begins(c->in[0], (image_format)f));
    return true;
}

/* The picture of a file of one of two formats, or those between. */
static bool decode(sim_call *c, image_format first, image_format last)
{
    file f = {.byte = c->in[0]->data, .n = c->in[0]->n, .image = c->out[0], .format = c->inst->attr[ATTR_AT(image_decoder, pixel_format)].s};
    image_format format = first;
    while (format <= last && !begins(c->in[0], format)) format++;
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
