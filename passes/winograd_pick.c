/* Is Winograd's convolution worth it? An estimate of cycles from the device's numbers. */
#include "ir/winograd.h"
#include "passes/sched.h"
#include "passes/winograd.h"

static double divided_up(int64_t n, int64_t by) { return (double)((n + by - 1) / by); }

/* Cycles that it takes to read so many bytes of weights, if they come from memory: these are larger than those of the windows. */
static double streaming(const sched_target *t, const winograd_size *s, double bytes)
{
    const device_unit *u = t->device->chosen;
    const double more = bytes - WINOGRAD_WINDOW * WINOGRAD_WINDOW * (double)s->ci * (double)s->co * sizeof(float);
    const device_level *l = more > (double)s->room ? device_level_holding(u, INT64_MAX) : NULL;
    return l && u->clock_mhz > 0 ? bytes / (l->gb_per_s * 1e9) * u->clock_mhz * 1e6 : 0;
}

static double larger(double a, double b) { return a > b ? a : b; }

/* Multiply-adds of vectors along the output channels, with weights that are read beside them. */
static double products(const sched_target *t, const winograd_size *s, double rows, double each)
{
    int64_t lanes = t->vector_bytes / (int64_t)sizeof(float);
    double sums = rows * each * (double)s->ci * divided_up(s->co, lanes) / (double)t->pipes;
    return larger(sums, streaming(t, s, each * (double)s->ci * (double)s->co * sizeof(float)));
}

/* The transforms: additions, and loads and stores of whole squares, which pass through the nearest cache. */
static double transforms(const sched_target *t, const winograd_size *s, const winograd *w, double tiles)
{
    int64_t lanes = t->vector_bytes / (int64_t)sizeof(float);
    double size = w->size, tile = w->tile, line = w->pairs > 1 ? 12 : 4; /* additions of one row or column */
    double more = size - w->rows; /* of a row of the results */
    const double move = t->device->chosen->move_cycles;
    double in = 2 * size * line / (double)t->pipes + move * size * size, out = (size + tile) * (line + more) / (double)t->pipes + move * (size * size + tile * tile) / 2;
    return tiles * (in * divided_up(s->ci, s->plain_input ? 1 : lanes) + out * divided_up(s->co, s->plain_output ? 1 : lanes));
}

int64_t winograd_pick(const sched_target *t, const winograd_size *s)
{
    const double margin = 0.9; /* what the estimate leaves out is not to make it slower */
    double best = margin * products(t, s, (double)s->images * (double)s->height * (double)s->width, WINOGRAD_WINDOW * WINOGRAD_WINDOW);
    int64_t at = 0;
    for (int64_t tile = s->stride + 1; tile <= WINOGRAD_MOST_TILE; tile += 2) {
        winograd w;
        winograd_of(tile, &w);
        double tiles = (double)s->images * divided_up(s->height, tile) * divided_up(s->width, tile);
        double cycles = products(t, s, tiles, w.size * w.size) + transforms(t, s, &w, tiles);
        if (cycles >= best) continue;
        best = cycles;
        at = tile;
    }
    return at;
}
