/* Convolution by Winograd's algorithm: the numbers of F(m x m, 3 x 3), of stride 1 and 2.
 *
 * m x m results of a 3 x 3 window are made of a square of A x A elements, A = m + 2, of which neighbours overlap
 * by 2: Y = T' ((W g W') * (B x B')) T, where * multiplies elements; over the channels these are A * A matrix
 * products. B, W and T evaluate and interpolate polynomials at A - 1 points and at infinity (Toom and Cook; Winograd,
 * Arithmetic Complexity of Computations, 1980). Points beside 0 come in pairs +p and -p, so that half of the sums
 * serve two of them. For m = 4 they are 3/4 and 3/2: of all small fractions whose products f32 holds exactly these
 * round least, a quarter of what the usual 1 and 2 do.
 *
 * Of stride 2, the elements 0, 2, 4, ... of a row meet the window's first and last element alone, and the others its
 * middle: F(m, 2) of the former, whose m + 1 rows come first, and m products of the latter, A = 2 m + 1. There m = 3, whose
 * points are those of 2: so m says which stride it is. */
#ifndef NFC_WINOGRAD_H
#define NFC_WINOGRAD_H

#include <stdint.h>

enum { WINOGRAD_WINDOW = 3, WINOGRAD_MOST_TILE = 4, WINOGRAD_MOST = 7 };

typedef struct winograd {
    int tile, size, stride;                       /* m and A */
    int pairs;                                    /* of points */
    int rows;                                     /* of 0, the pairs and infinity; behind them those of odd elements */
    double point[2];                              /* one of each pair, in order of their rows */
    double input[WINOGRAD_MOST][WINOGRAD_MOST];   /* B: A x A */
    double weight[WINOGRAD_MOST][WINOGRAD_WINDOW];/* W: A x 3 */
    double output[WINOGRAD_MOST_TILE][WINOGRAD_MOST]; /* T': m x A */
} winograd;

/* Is there an F(tile x tile, 3 x 3)? 2 and 4 of stride 1, 3 of stride 2. */
static inline int winograd_has(int64_t tile) { return tile >= 2 && tile <= WINOGRAD_MOST_TILE; }
static inline int winograd_stride(int64_t tile) { return tile % 2 ? 2 : 1; }
/* A of a tile. */
static inline int64_t winograd_size_of(int64_t tile) { return (tile - 1) * winograd_stride(tile) + WINOGRAD_WINDOW; }
/* The tile of A x A elements; 0: there is none. */
int64_t winograd_tile_of(int64_t size);
/* Rows and columns: 0, +p, -p for each pair, infinity, and those of the odd elements. */
void winograd_of(int64_t tile, winograd *w);

#endif
