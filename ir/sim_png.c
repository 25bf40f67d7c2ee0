/* PNG by its definition: what is compressed as RFC 1950 and 1951 say, its rows' filters and passes, and the picture. */
#include <string.h>
#include "ir/sim_image.h"

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

/* ---- the file ------------------------------------------------------------------------------ */

typedef struct png_head {
    int64_t height, width, kind, depth, parts;
    bool interlaced;
} png_head;

static int64_t number_at(const sim_tensor *t, int64_t i, int count)
{
    int64_t v = 0;
    for (int k = 0; k < count; k++) v = v << 8 | (i + k < t->n ? ((const uint8_t *)t->data)[i + k] : 0);
    return v;
}

/* Sets `parts`. Is there such a kind, of such a depth? */
static bool known_kind(png_head *h)
{
    static const uint8_t parts[7] = {1, 0, 3, 1, 2, 0, 4}, depths[7] = {31, 0, 24, 15, 24, 0, 24}; /* depths: the sum of them */
    int64_t d = h->depth;
    if (h->kind < 0 || h->kind > 6 || (d != 1 && d != 2 && d != 4 && d != 8 && d != 16)) return false;
    h->parts = parts[h->kind];
    return depths[h->kind] & d;
}

static bool read_head(const sim_tensor *t, png_head *h)
{
    enum { MOST_SIDE = 1 << 24 };
    *h = (png_head){.height = number_at(t, 20, 4), .width = number_at(t, 16, 4), .kind = number_at(t, 25, 1), .depth = number_at(t, 24, 1), .interlaced = number_at(t, 28, 1) == 1};
    if (number_at(t, 12, 4) != 0x49484452 || number_at(t, 26, 2) != 0 || number_at(t, 28, 1) > 1 || !known_kind(h)) return false;
    return h->height >= 1 && h->width >= 1 && h->height <= MOST_SIDE && h->width <= MOST_SIDE;
}

/* The chunks before the end: the palette, if elements number its colours; the data of all IDAT in a row. */
static int64_t read_chunks(const sim_tensor *t, const png_head *h, sim_tensor *palette, uint8_t *data, bool *broken)
{
    int64_t n = 0, colours = 0;
    bool began = false;
    for (int64_t at = 33; at + 8 <= t->n;) {
        int64_t length = number_at(t, at, 4), name = number_at(t, at + 4, 4);
        if (name == 0x504c5445 && !began && h->kind == 3) {
            colours = length / 3;
            for (int64_t i = 0; i < palette->n; i++) sim_set_int(palette, i, i < 3 * colours ? number_at(t, at + 8 + i, 1) : 0);
        }
        if (began && name != 0x49444154) break;
        if (name == 0x49444154) {
            began = true;
            for (int64_t i = 0; i < length && at + 8 + i < t->n; i++) data[n++] = (uint8_t)number_at(t, at + 8 + i, 1);
        }
        at += length + 12;
    }
    *broken = h->kind == 3 && !colours;
    return n;
}

/* ---- rows ---------------------------------------------------------------------------------- */

/* Of all elements those of each dy-th row from y on, of each dx-th column from x on. */
typedef struct pass {
    int64_t y, dy, x, dx;
} pass;

static int passes_of(const png_head *h, const pass **list)
{
    static const pass adam7[7] = {{0, 8, 0, 8}, {0, 8, 4, 8}, {4, 8, 0, 4}, {0, 4, 2, 4}, {2, 4, 0, 2}, {0, 2, 1, 2}, {1, 2, 0, 1}}, whole[1] = {{0, 1, 0, 1}};
    *list = h->interlaced ? adam7 : whole;
    return h->interlaced ? 7 : 1;
}

static int64_t pass_columns(const png_head *h, const pass *p) { return p->x < h->width ? (h->width - p->x + p->dx - 1) / p->dx : 0; }
static int64_t pass_rows(const png_head *h, const pass *p) { return p->y < h->height && pass_columns(h, p) ? (h->height - p->y + p->dy - 1) / p->dy : 0; }
static int64_t row_bytes(const png_head *h, const pass *p) { return (pass_columns(h, p) * h->parts * h->depth + 7) / 8; }

static int64_t all_bytes(const png_head *h)
{
    const pass *p;
    int64_t all = 0;
    for (int n = passes_of(h, &p); n; n--, p++) all += pass_rows(h, p) * (row_bytes(h, p) + 1);
    return all;
}

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

/* Every byte becomes itself and what its filter predicts; false: there is no such filter. */
static bool undo_filters(const png_head *h, uint8_t *row)
{
    int64_t back = h->parts * h->depth < 8 ? 1 : h->parts * h->depth / 8;
    const pass *p;
    for (int count = passes_of(h, &p); count; count--, p++) {
        int64_t n = row_bytes(h, p);
        for (int64_t r = 0; r < pass_rows(h, p); r++, row += n + 1) {
            uint8_t filter = row[0], *byte = row + 1;
            const uint8_t *above = byte - n - 1;
            if (filter > 4) return false;
            row[0] = 0;
            for (int64_t i = 0; i < n; i++) byte[i] = (uint8_t)(byte[i] + predicted(filter, i < back ? 0 : byte[i - back], r ? above[i] : 0, r && i >= back ? above[i - back] : 0));
        }
    }
    return true;
}

void sim_png_read(sim_call *c, int64_t height, int64_t width, sim_tensor *const *out)
{
    const sim_tensor *bytes = c->in[0];
    png_head h;
    bool broken = false;
    if (!sim_image_begins(bytes, IMAGE_PNG) || !read_head(bytes, &h)) return;
    if (h.height <= height && h.width <= width) {
        sim_tensor *data = sim_tensor_new(c->s, DT_u8, 1, &bytes->n);
        stream s = {.in = data->data, .out = out[0]->data, .room = all_bytes(&h)};
        s.n = read_chunks(bytes, &h, out[1], data->data, &broken);
        broken = broken || !inflate(&s) || s.made != s.room || !undo_filters(&h, s.out);
        sim_tensor_drop(data);
    }
    if (broken) {
        for (int i = 0; i < 2; i++) memset(out[i]->data, 0, (size_t)out[i]->n);
        return;
    }
    const int64_t head[PNG_HEAD] = {[PNG_HEIGHT] = h.height, [PNG_WIDTH] = h.width, [PNG_KIND] = h.kind, [PNG_DEPTH] = h.depth, [PNG_INTERLACED] = h.interlaced};
    for (int i = 0; i < PNG_HEAD; i++) sim_set_int(out[2], i, head[i]);
}

bool ev_png_bytes(sim_call *c)
{
    sim_png_read(c, ir_int(c->inst, ATTR_AT(png_bytes, height)), ir_int(c->inst, ATTR_AT(png_bytes, width)), c->out);
    return true;
}

/* ---- the picture --------------------------------------------------------------------------- */

/* Element i of a row. */
static void colour_of(const png_head *h, const uint8_t *row, const sim_tensor *palette, int64_t i, int64_t rgb[3])
{
    bool coloured = h->kind == 2 || h->kind == 6;
    for (int64_t p = 0; p < 3; p++) {
        int64_t bit = (i * h->parts + (coloured ? p : 0)) * h->depth;
        if (h->depth >= 8) rgb[p] = row[bit / 8]; /* of 16 bits the upper ones */
        else rgb[p] = row[bit / 8] >> (8 - h->depth - bit % 8) & ((1 << h->depth) - 1);
        if (h->depth < 8 && h->kind == 0) rgb[p] = rgb[p] * 255 / ((1 << h->depth) - 1);
    }
    int64_t number = rgb[0];
    for (int64_t p = 0; p < 3 && h->kind == 3; p++) rgb[p] = sim_get_int(palette, 3 * number + p);
}

void sim_png_image(const sim_tensor *rows, const sim_tensor *palette, const sim_tensor *head, const char *pixel_format, sim_tensor *image)
{
    const int64_t *v = head->data;
    const uint8_t *row = rows->data;
    png_head h = {v[PNG_HEIGHT], v[PNG_WIDTH], v[PNG_KIND], v[PNG_DEPTH], 0, v[PNG_INTERLACED] != 0};
    if (h.height < 1 || h.width < 1 || h.height > image->dim[0] || h.width > image->dim[1] || !known_kind(&h)) return;
    const pass *p;
    for (int count = passes_of(&h, &p); count; count--, p++)
        for (int64_t r = 0; r < pass_rows(&h, p); r++, row += row_bytes(&h, p) + 1)
            for (int64_t i = 0; i < pass_columns(&h, p); i++) {
                int64_t rgb[3];
                colour_of(&h, row + 1, palette, i, rgb);
                sim_put_pixel(image, pixel_format, p->y + r * p->dy, p->x + i * p->dx, rgb);
            }
}

bool ev_png_image(sim_call *c)
{
    sim_png_image(c->in[0], c->in[1], c->in[2], c->inst->attr[ATTR_AT(png_image, pixel_format)].s, c->out[0]);
    return true;
}
