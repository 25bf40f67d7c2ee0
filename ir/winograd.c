#include "ir/winograd.h"

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

void winograd_of(int64_t tile, winograd *w)
{
    *w = (winograd){.tile = (int)tile, .size = (int)tile + WINOGRAD_WINDOW - 1, .pairs = (int)tile / 2};
    w->point[0] = tile == 2 ? 1 : 0.75;
    w->point[1] = tile == 2 ? 0 : 1.5;
    double at[WINOGRAD_MOST - 1] = {0};
    int n = w->size - 1;
    for (int i = 1; i < n; i++) at[i] = i % 2 ? w->point[i / 2] : -w->point[i / 2 - 1];
    for (int i = 0; i < n; i++) {
        double scale = 1;
        for (int k = 0; k < n; k++) scale *= k == i ? 1 : at[i] - at[k];
        product(at, n, i, w->input[i]);
        for (int k = 0; k < WINOGRAD_WINDOW; k++) w->weight[i][k] = power(at[i], k) / scale;
        for (int k = 0; k < w->tile; k++) w->output[k][i] = power(at[i], k);
    }
    product(at, n, -1, w->input[n]);
    w->weight[n][WINOGRAD_WINDOW - 1] = 1;
    w->output[w->tile - 1][n] = 1;
}
