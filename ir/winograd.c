#include "ir/winograd.h"

#include <stdbool.h>

/* The coefficients of the product of x - point[i] over all points but `without`, the lowest power first. */
static void product(const double *point, int n, int without, double *to)
{
    to[0] = 1;
    for (int i = 0, degree = 0; i < n; i++) {
        if (i == without) continue;
        to[degree + 1] = to[degree];
        for (int k = degree; k > 0; k--) to[k] = to[k - 1] - point[i] * to[k];
        to[0] *= -point[i];
        degree++;
    }
}

static double power(double x, int n)
{
    double y = 1;
    while (n-- > 0) y *= x;
    return y;
}

int64_t winograd_tile_of(int64_t size)
{
    for (int64_t tile = 2; tile <= WINOGRAD_MOST_TILE; tile++)
        if (winograd_size_of(tile) == size) return tile;
    return 0;
}

/* The rows of the points, over every stride-th element of a row and of the window. */
static void evaluate_at_points(winograd *w)
{
    double at[WINOGRAD_MOST - 1] = {0}, factor[WINOGRAD_MOST];
    int n = w->rows - 1;
    for (int i = 1; i < n; i++) at[i] = i % 2 ? w->point[i / 2] : -w->point[i / 2 - 1];
    for (int i = 0; i <= n; i++) {
        bool last = i == n;
        double scale = 1;
        for (int k = 0; k < n && !last; k++) scale *= k == i ? 1 : at[i] - at[k];
        product(at, n, last ? -1 : i, factor);
        for (int k = 0; k < n + last; k++) w->input[i][k * w->stride] = factor[k];
        for (int k = 0; k < WINOGRAD_WINDOW && !last; k += w->stride) w->weight[i][k] = power(at[i], k / w->stride) / scale;
        for (int k = 0; k < w->tile && !last; k++) w->output[k][i] = power(at[i], k);
    }
    w->weight[n][WINOGRAD_WINDOW - 1] = 1;
    w->output[w->tile - 1][n] = 1;
}

void winograd_of(int64_t tile, winograd *w)
{
    const int stride = winograd_stride(tile), taps = (WINOGRAD_WINDOW + stride - 1) / stride;
    *w = (winograd){.tile = (int)tile, .size = (int)winograd_size_of(tile), .stride = stride, .rows = (int)tile + taps - 1};
    w->pairs = w->rows / 2 - 1;
    w->point[0] = w->pairs > 1 ? 0.75 : 1;
    w->point[1] = w->pairs > 1 ? 1.5 : 0;
    evaluate_at_points(w);
    for (int k = 0; k < w->size - w->rows; k++) {
        w->input[w->rows + k][2 * k + 1] = 1;
        w->weight[w->rows + k][1] = 1;
        w->output[k][w->rows + k] = 1;
    }
}
