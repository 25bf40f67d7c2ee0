/* The coefficients of a JPEG file by ITU-T T.81: markers, prefix codes, sequential and progressive scans. What is
 * damaged, or not there in full, has no picture. */
#include <string.h>
#include "ir/sim_image.h"

typedef struct prefix_code {
    uint8_t count[17], symbol[256];
} prefix_code;

typedef struct part {
    int64_t id, down, across, table;
    int64_t dc, ac; /* its codes in this scan */
    int64_t before; /* the last first coefficient */
    int accuracy[64]; /* how many low bits of a coefficient are not there yet; -1: all */
} part;

typedef struct jpeg {
    const uint8_t *byte;
    int64_t n, at;
    int64_t hold, bits; /* of the byte that is being read */
    bool broken, ended, progressive;
    int64_t most_height, most_width;
    int64_t *frame;
    int32_t *quantization; /* [3, 64] */
    int16_t *coefficient;  /* [3, rows, columns, 64] of blocks */
    int64_t rows, columns;
    prefix_code code[2][4]; /* of first coefficients; of the others */
    int32_t table[4][64];
    bool has_table[4];
    bool jfif;
    int64_t adobe; /* the transform that its marker tells; -1: there is none */
    part part[3];
    int64_t most_down, most_across;
    /* the scan */
    part *in_scan[3];
    int64_t parts, first, last, high, low, interval, units, unit, skip; /* skip: blocks whose other coefficients in the band are unchanged */
} jpeg;

static const uint8_t zigzag[64] = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
    35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
};

static int64_t up_to_whole(int64_t x, int64_t y) { return (x + y - 1) / y; }
static int64_t byte_at(const jpeg *j, int64_t i) { return i < j->n ? j->byte[i] : 0; }
static int64_t pair_at(const jpeg *j, int64_t i) { return byte_at(j, i) << 8 | byte_at(j, i + 1); }

/* ---- bits and codes ------------------------------------------------------------------------- */

static int64_t bit(jpeg *j)
{
    if (j->bits == 0) {
        bool marker = byte_at(j, j->at) == 0xff && byte_at(j, j->at + 1) != 0;
        if (j->at >= j->n || marker) j->broken = true;
        if (j->broken) return 0;
        j->hold = byte_at(j, j->at);
        j->at += j->hold == 0xff ? 2 : 1;
        j->bits = 8;
    }
    return j->hold >> --j->bits & 1;
}

static int64_t number(jpeg *j, int64_t count)
{
    int64_t v = 0;
    while (count-- > 0) v = v << 1 | bit(j);
    return v;
}

/* A number of `count` bits: those of the lower half are negative. */
static int64_t signed_number(jpeg *j, int64_t count)
{
    int64_t v = number(j, count);
    return count && v < INT64_C(1) << (count - 1) ? v - (INT64_C(1) << count) + 1 : v;
}

static int64_t symbol(jpeg *j, const prefix_code *c)
{
    int64_t word = 0, first = 0, before = 0;
    for (int size = 1; size <= 16; size++) {
        word = word << 1 | bit(j);
        first <<= 1;
        if (word - first < c->count[size]) return c->symbol[before + word - first];
        first += c->count[size];
        before += c->count[size];
    }
    j->broken = true;
    return 0;
}

/* ---- blocks --------------------------------------------------------------------------------- */

static void first_coefficient(jpeg *j, part *p, int16_t *block)
{
    if (j->high) {
        block[0] = (int16_t)(block[0] | bit(j) << j->low);
        return;
    }
    int64_t size = symbol(j, &j->code[0][p->dc]);
    if (size > 15) j->broken = true;
    else p->before += signed_number(j, size);
    block[0] = (int16_t)(p->before * (1 << j->low));
}

/* One more bit of a coefficient that is not 0. */
static void refine(jpeg *j, int16_t *c)
{
    int step = 1 << j->low;
    if (bit(j) && !(*c & step)) *c = (int16_t)(*c < 0 ? *c - step : *c + step);
}

/* Coefficients from k on, up to the first that the next one is behind: `zeros` that are 0 stand before it. Gives
 * its place. Of a block that was there before, those that are not 0 get their next bit on the way. */
static int64_t pass_zeros(jpeg *j, int16_t *block, int64_t k, int64_t zeros)
{
    for (; k <= j->last; k++) {
        int16_t *c = &block[zigzag[k]];
        if (j->high && *c) refine(j, c);
        else if (zeros-- == 0) break;
    }
    return k;
}

static void other_coefficients(jpeg *j, const part *p, int16_t *block, int64_t k)
{
    while (k <= j->last && !j->skip && !j->broken) {
        int64_t v = symbol(j, &j->code[1][p->ac]), zeros = v >> 4, size = v & 15;
        if (j->high && size > 1) j->broken = true;
        if (!size && zeros < 15) {
            j->skip = j->progressive ? (INT64_C(1) << zeros) + number(j, zeros) : 1;
            break;
        }
        int64_t value = signed_number(j, size) * (1 << j->low);
        k = pass_zeros(j, block, k, zeros);
        if (k > j->last) j->broken = true;
        else if (size) block[zigzag[k]] = (int16_t)value;
        k++;
    }
    if (!j->skip) return;
    pass_zeros(j, block, k, 64);
    j->skip--;
}

static void read_block(jpeg *j, part *p, int64_t y, int64_t x)
{
    int16_t *block = j->coefficient + (((p - j->part) * j->rows + y) * j->columns + x) * 64;
    if (j->first == 0) first_coefficient(j, p, block);
    if (j->last > 0) other_coefficients(j, p, block, j->first ? j->first : 1);
}

/* ---- scans ---------------------------------------------------------------------------------- */

/* Of a part that stands alone in a scan, the blocks that have elements of the picture. */
static int64_t own_blocks(int64_t side, int64_t factor, int64_t most) { return up_to_whole(up_to_whole(side * factor, most), 8); }

static void read_unit(jpeg *j)
{
    int64_t across = up_to_whole(j->frame[JPEG_WIDTH], 8 * j->most_across);
    if (j->parts == 1) {
        part *p = j->in_scan[0];
        int64_t columns = own_blocks(j->frame[JPEG_WIDTH], p->across, j->most_across);
        read_block(j, p, j->unit / columns, j->unit % columns);
        return;
    }
    for (int64_t i = 0; i < j->parts; i++) {
        part *p = j->in_scan[i];
        for (int64_t y = 0; y < p->down; y++)
            for (int64_t x = 0; x < p->across && !j->broken; x++) read_block(j, p, j->unit / across * p->down + y, j->unit % across * p->across + x);
    }
}

/* The units up to the next restart marker, or the end of the scan. */
static void read_interval(jpeg *j)
{
    j->bits = j->skip = 0;
    for (int i = 0; i < 3; i++) j->part[i].before = 0;
    for (int64_t i = 0; j->unit < j->units && !j->broken && (!j->interval || i < j->interval); i++, j->unit++) read_unit(j);
}

/* Whether the scan adds to the part what is next, and how exactly it is known then. */
static bool advance(jpeg *j, part *p)
{
    if (j->first > 0 && p->accuracy[0] < 0) return false;
    for (int64_t k = j->first; k <= j->last; k++) {
        if (p->accuracy[k] != (j->high ? j->high : -1)) return false;
        p->accuracy[k] = (int)j->low;
    }
    if (j->first > 0 || j->high) return true;
    memcpy(j->quantization + (p - j->part) * 64, j->table[p->table], sizeof j->table[0]);
    return j->has_table[p->table];
}

static part *part_by_id(jpeg *j, int64_t id)
{
    for (int64_t i = 0; i < j->frame[JPEG_COUNT]; i++)
        if (j->part[i].id == id) return &j->part[i];
    return NULL;
}

static bool read_scan_head(jpeg *j, int64_t at, int64_t size)
{
    j->parts = byte_at(j, at);
    if (!j->frame[JPEG_COUNT] || j->parts < 1 || j->parts > j->frame[JPEG_COUNT] || size < 4 + 2 * j->parts) return false;
    int64_t band = at + 1 + 2 * j->parts;
    j->first = j->progressive ? byte_at(j, band) : 0;
    j->last = j->progressive ? byte_at(j, band + 1) : 63;
    j->high = j->progressive ? byte_at(j, band + 2) >> 4 : 0;
    j->low = j->progressive ? byte_at(j, band + 2) & 15 : 0;
    if (j->last > 63 || j->first > j->last || j->low > 13 || (j->high && j->high != j->low + 1)) return false;
    if (j->progressive && (j->first == 0 ? j->last > 0 : j->parts > 1)) return false;
    for (int64_t i = 0; i < j->parts; i++) {
        part *p = j->in_scan[i] = part_by_id(j, byte_at(j, at + 1 + 2 * i));
        int64_t codes = byte_at(j, at + 2 + 2 * i);
        if (!p || codes >> 4 > 3 || (codes & 15) > 3) return false;
        p->dc = codes >> 4;
        p->ac = codes & 15;
        if (!advance(j, p)) return false;
    }
    return true;
}

static void begin_scan(jpeg *j)
{
    const part *p = j->in_scan[0];
    int64_t height = j->frame[JPEG_HEIGHT], width = j->frame[JPEG_WIDTH];
    if (j->parts == 1) j->units = own_blocks(height, p->down, j->most_down) * own_blocks(width, p->across, j->most_across);
    else j->units = up_to_whole(height, 8 * j->most_down) * up_to_whole(width, 8 * j->most_across);
    j->unit = 0;
    read_interval(j);
}

/* ---- tables --------------------------------------------------------------------------------- */

static bool read_codes(jpeg *j, int64_t at, int64_t end)
{
    while (at < end) {
        int64_t which = byte_at(j, at), all = 0, word = 0;
        if (at + 17 > end || which >> 4 > 1 || (which & 15) > 3) return false;
        prefix_code *c = &j->code[which >> 4][which & 15];
        for (int size = 1; size <= 16; size++) {
            c->count[size] = (uint8_t)byte_at(j, at + size);
            all += c->count[size];
            word = 2 * word + c->count[size];
            if (word >= 1 << size) return false; /* no word is all ones */
        }
        if (all > 256 || at + 17 + all > end) return false;
        for (int64_t i = 0; i < all; i++) c->symbol[i] = (uint8_t)byte_at(j, at + 17 + i);
        at += 17 + all;
    }
    return true;
}

static bool read_tables(jpeg *j, int64_t at, int64_t end)
{
    while (at < end) {
        int64_t wide = byte_at(j, at) >> 4, which = byte_at(j, at) & 15;
        if (wide > 1 || which > 3 || at + 1 + 64 * (1 + wide) > end) return false;
        for (int k = 0; k < 64; k++) j->table[which][zigzag[k]] = (int32_t)(wide ? pair_at(j, at + 1 + 2 * k) : byte_at(j, at + 1 + k));
        j->has_table[which] = true;
        at += 1 + 64 * (1 + wide);
    }
    return true;
}

static bool fits(const jpeg *j) { return j->frame[JPEG_HEIGHT] <= j->most_height && j->frame[JPEG_WIDTH] <= j->most_width; }

static bool read_frame(jpeg *j, int64_t at, int64_t size)
{
    int64_t *f = j->frame, count = byte_at(j, at + 5);
    if (f[JPEG_COUNT] || size < 6 + 3 * count || byte_at(j, at) != 8 || (count != 1 && count != 3)) return false;
    f[JPEG_HEIGHT] = pair_at(j, at + 1);
    f[JPEG_WIDTH] = pair_at(j, at + 3);
    f[JPEG_COUNT] = count;
    for (int64_t i = 0; i < count; i++) {
        int64_t factors = byte_at(j, at + 7 + 3 * i);
        part p = {.id = byte_at(j, at + 6 + 3 * i), .across = factors >> 4, .down = factors & 15, .table = byte_at(j, at + 8 + 3 * i)};
        if (p.across < 1 || p.across > 2 || p.down < 1 || p.down > 2 || p.table > 3) return false;
        for (int k = 0; k < 64; k++) p.accuracy[k] = -1;
        if (count == 1) p.across = p.down = 1;
        j->most_across = p.across > j->most_across ? p.across : j->most_across;
        j->most_down = p.down > j->most_down ? p.down : j->most_down;
        f[JPEG_DOWN + i] = p.down;
        f[JPEG_ACROSS + i] = p.across;
        j->part[i] = p;
    }
    j->ended = !fits(j);
    return f[JPEG_HEIGHT] > 0 && f[JPEG_WIDTH] > 0;
}

/* What a program wrote into the file about itself: JFIF, or Adobe's transform. */
static void read_application(jpeg *j, int64_t marker, int64_t at, int64_t size)
{
    if (marker == 0xe0 && size >= 14 && memcmp(j->byte + at, "JFIF", 5) == 0) j->jfif = true;
    if (marker == 0xee && size >= 12 && memcmp(j->byte + at, "Adobe", 5) == 0) j->adobe = byte_at(j, at + 11);
}

/* ---- the file ------------------------------------------------------------------------------- */

static bool read_segment(jpeg *j, int64_t marker)
{
    int64_t size = pair_at(j, j->at), body = j->at + 2, end = j->at + size;
    if (size < 2 || end > j->n) return false;
    j->at = end;
    switch (marker) {
    case 0xc0:
    case 0xc1:
    case 0xc2: j->progressive = marker == 0xc2; return read_frame(j, body, size - 2);
    case 0xc4: return read_codes(j, body, end);
    case 0xda:
        if (!read_scan_head(j, body, size - 2)) return false;
        begin_scan(j);
        return true;
    case 0xdb: return read_tables(j, body, end);
    case 0xdd: j->interval = pair_at(j, body); return size == 4;
    case 0xcc: return true; /* of arithmetic codes, which are not used */
    case 0xe0:
    case 0xee: read_application(j, marker, body, size - 2); return true;
    default: return marker < 0xc0 || marker > 0xcf; /* other kinds of frames */
    }
}

static bool read_marker(jpeg *j, int64_t marker)
{
    bool in_scan = j->unit < j->units, restart = marker >= 0xd0 && marker <= 0xd7;
    if (restart && !in_scan) return true;
    if (restart) {
        if (marker - 0xd0 != (j->unit / j->interval - 1) % 8) return false;
        read_interval(j);
        return true;
    }
    if (in_scan || marker == 0xd8) return false;
    if (marker == 0xd9) j->ended = true;
    return marker == 0xd9 || marker == 0x01 || read_segment(j, marker);
}

/* Is there every bit of every coefficient? */
static bool is_complete(const jpeg *j)
{
    if (!j->ended || !j->frame[JPEG_COUNT]) return false;
    for (int64_t i = 0; i < j->frame[JPEG_COUNT]; i++)
        for (int k = 0; k < 64; k++)
            if (j->part[i].accuracy[k]) return false;
    return true;
}

static bool is_ycc(const jpeg *j)
{
    const part *p = j->part;
    if (j->frame[JPEG_COUNT] != 3) return false;
    if (j->jfif) return true;
    if (j->adobe >= 0) return j->adobe != 0;
    return p[0].id != 'R' || p[1].id != 'G' || p[2].id != 'B';
}

void sim_jpeg_read(const sim_tensor *bytes, int64_t height, int64_t width, sim_tensor *const *out)
{
    static const size_t size[3] = {sizeof(int16_t), sizeof(int32_t), sizeof(int64_t)};
    jpeg j = {.byte = bytes->data, .n = bytes->n, .at = 2, .most_height = height, .most_width = width, .adobe = -1};
    j.coefficient = out[0]->data, j.quantization = out[1]->data, j.frame = out[2]->data;
    j.rows = out[0]->dim[1], j.columns = out[0]->dim[2];
    j.broken = pair_at(&j, 0) != 0xffd8;
    while (j.at < j.n && !j.broken && !j.ended) {
        int64_t next = byte_at(&j, j.at + 1);
        bool marker = byte_at(&j, j.at) == 0xff && next != 0 && next != 0xff;
        j.at += marker ? 2 : 1;
        if (marker && !read_marker(&j, next)) j.broken = true;
    }
    j.frame[JPEG_IS_YCC] = is_ycc(&j);
    if (!j.broken && j.frame[JPEG_COUNT] && (!fits(&j) || is_complete(&j))) return;
    for (int i = 0; i < 3; i++) memset(out[i]->data, 0, (size_t)out[i]->n * size[i]);
}

bool ev_jpeg_coefficients(sim_call *c)
{
    sim_jpeg_read(c->in[0], ir_int(c->inst, ATTR_AT(jpeg_coefficients, height)), ir_int(c->inst, ATTR_AT(jpeg_coefficients, width)), c->out);
    return true;
}
