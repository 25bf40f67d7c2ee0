/* From the coefficients of JPEG to a picture, to the bit as libjpeg has it: its accurate inverse transform in
 * whole numbers, weighted means between the samples of a part that has fewer than the picture, and its colours. */
#include "ir/sim_image.h"

/* ---- the inverse transform ------------------------------------------------------------------ */

/* Eight numbers `step` apart through the factors of Loeffler, Ligtenberg and Moschytz in units of 2^-13, then
 * divided by 2^shift, rounded. */
static void transform(int64_t *v, int step, int shift)
{
    int64_t c0 = v[0], c1 = v[step], c2 = v[2 * step], c3 = v[3 * step], c4 = v[4 * step], c5 = v[5 * step], c6 = v[6 * step], c7 = v[7 * step];
    int64_t both = 4433 * (c2 + c6), low = both + 6270 * c2, high = both - 15137 * c6, sum = 8192 * (c0 + c4), difference = 8192 * (c0 - c4);
    int64_t even[4] = {sum + low, difference + high, difference - high, sum - low};
    int64_t all = 9633 * (c1 + c3 + c5 + c7), a = -7373 * (c1 + c7), b = -20995 * (c3 + c5), c = all - 16069 * (c3 + c7), d = all - 3196 * (c1 + c5);
    int64_t odd[4] = {12299 * c1 + a + d, 25172 * c3 + b + c, 16819 * c5 + b + d, 2446 * c7 + a + c};
    int64_t half = INT64_C(1) << (shift - 1);
    for (int i = 0; i < 4; i++) {
        v[i * step] = (even[i] + odd[i] + half) >> shift;
        v[(7 - i) * step] = (even[i] - odd[i] + half) >> shift;
    }
}

static int64_t limited(int64_t x) { return x < 0 ? 0 : x > 255 ? 255 : x; }

void sim_jpeg_samples(const sim_tensor *coefficients, const sim_tensor *quantization, sim_tensor *samples)
{
    const int16_t *in = coefficients->data;
    const int32_t *factor = quantization->data;
    uint8_t *out = samples->data;
    int64_t rows = coefficients->dim[1], columns = coefficients->dim[2], blocks = coefficients->dim[0] * rows * columns;
    for (int64_t b = 0; b < blocks; b++, in += JPEG_ELEMENTS) {
        int64_t v[JPEG_ELEMENTS], part = b / (rows * columns), y = b / columns * 8, x = b % columns * 8;
        for (int i = 0; i < JPEG_ELEMENTS; i++) v[i] = (int64_t)in[i] * factor[part * JPEG_ELEMENTS + i];
        for (int i = 0; i < 8; i++) transform(v + i, 8, 11);
        for (int i = 0; i < 8; i++) transform(v + 8 * i, 1, 18);
        for (int i = 0; i < JPEG_ELEMENTS; i++) out[(y + i / 8) * columns * 8 + x + i % 8] = (uint8_t)limited(v[i] + 128);
    }
}

bool ev_jpeg_samples(sim_call *c)
{
    sim_jpeg_samples(c->in[0], c->in[1], c->out[0]);
    return true;
}

/* ---- the picture ---------------------------------------------------------------------------- */

/* The samples of a part: `high` by `wide`; one of them is for `down` by `across` elements of the picture. */
typedef struct plane {
    const uint8_t *sample;
    int64_t stride, high, wide, down, across;
} plane;

static int64_t at_edge(int64_t x, int64_t n) { return x < 0 ? 0 : x < n ? x : n - 1; }
static int64_t sample_at(const plane *p, int64_t y, int64_t x) { return p->sample[at_edge(y, p->high) * p->stride + at_edge(x, p->wide)]; }

/* The part at an element of the picture. Where there are fewer samples than elements, three quarters are of the
 * nearer one, a quarter of the other; in a part that is at most two samples wide, of which there are fewer across,
 * it is the nearer one alone. */
static int64_t part_at(const plane *p, int64_t y, int64_t x)
{
    int64_t row = y / p->down, column = x / p->across, other_row = y % 2 ? row + 1 : row - 1, other = x % 2 ? column + 1 : column - 1;
    int64_t near = sample_at(p, row, column);
    if (p->across == 2 && p->wide <= 2) return near;
    if (p->across == 1 && p->down == 1) return near;
    if (p->down == 1) return (3 * near + sample_at(p, row, other) + 1 + x % 2) >> 2;
    int64_t here = 3 * near + sample_at(p, other_row, column);
    if (p->across == 1) return (here + 1 + y % 2) >> 2;
    return (3 * here + 3 * sample_at(p, row, other) + sample_at(p, other_row, other) + 8 - x % 2) >> 4;
}

/* YCbCr to RGB: factors in units of 2^-16. */
static void to_rgb(int64_t v[3])
{
    int64_t y = v[0], cb = v[1] - 128, cr = v[2] - 128;
    v[0] = limited(y + ((91881 * cr + 32768) >> 16));
    v[1] = limited(y + ((-22554 * cb - 46802 * cr + 32768) >> 16));
    v[2] = limited(y + ((116130 * cb + 32768) >> 16));
}

static int64_t largest(const int64_t *factor, int64_t count)
{
    int64_t most = 1;
    for (int64_t i = 0; i < count; i++) most = factor[i] > most ? factor[i] : most;
    return most;
}

void sim_jpeg_image(const sim_tensor *samples, const sim_tensor *frame, const char *pixel_format, sim_tensor *image)
{
    const int64_t *f = frame->data;
    int64_t height = f[JPEG_HEIGHT], width = f[JPEG_WIDTH], count = f[JPEG_COUNT] < JPEG_PARTS ? f[JPEG_COUNT] : JPEG_PARTS;
    plane p[JPEG_PARTS];
    if (height > image->dim[0] || width > image->dim[1] || height < 1 || width < 1 || count < 1) return;
    for (int64_t i = 0; i < count; i++) {
        int64_t down = f[JPEG_DOWN + i] < largest(f + JPEG_DOWN, count) ? 2 : 1, across = f[JPEG_ACROSS + i] < largest(f + JPEG_ACROSS, count) ? 2 : 1;
        const uint8_t *sample = (const uint8_t *)samples->data + i * samples->dim[1] * samples->dim[2];
        p[i] = (plane){sample, samples->dim[2], (height + down - 1) / down, (width + across - 1) / across, down, across};
    }
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
            int64_t v[3];
            for (int64_t i = 0; i < JPEG_PARTS; i++) v[i] = part_at(&p[i < count ? i : 0], y, x);
            if (f[JPEG_IS_YCC]) to_rgb(v);
            sim_put_pixel(image, pixel_format, y, x, v);
        }
}

bool ev_jpeg_image(sim_call *c)
{
    sim_jpeg_image(c->in[0], c->in[1], c->inst->attr[ATTR_AT(jpeg_image, pixel_format)].s, c->out[0]);
    return true;
}
