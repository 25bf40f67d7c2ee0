/* Convolutions of 3 x 3 windows as Winograd's algorithm has them (ir/winograd.h), where that is estimated to be faster.
 *
 * How far a result may be from the exact one, to first order, with u = 2^-24 and C input channels:
 *
 *     (C + 21) u |T'| (sum over the channels of (|W| |g| |W'|) * (|B'| |x| |B|)) |T|
 *
 * and (C + 23) of stride 2. C + 1 roundings in the products and their sum; at most 4 in each of two transforms of the input, 5 in each of two of the
 * results, 6 of stride 2; 1 of the transformed weights, which are worked out in f64; 1 of the bias (Higham, Accuracy and Stability
 * of Numerical Algorithms, 3.1: roundings in a row; the magnitudes are those of ir/winograd.h's matrices). A direct sum has
 * (9 C + 1) u times the sum of |g| |x|, which is less: what the transforms add and take away again is larger than it. Errors
 * are random, so that far less is found: tests/winograd measures at most a ninth of the bound, and, of the largest
 * result, 2 times what direct sums have for tiles of 2 and 3 and 5 to 10 times for tiles of 4. */
#ifndef NFC_PASS_WINOGRAD_H
#define NFC_PASS_WINOGRAD_H

#include <stdbool.h>
#include <stdint.h>

struct sched_target;

/* What may be used: nothing, whatever is estimated to be fastest, or tiles of 2 or of 4 (of stride 2: 3) wherever they
 * can be. */
typedef enum { WINOGRAD_OFF, WINOGRAD_AUTO, WINOGRAD_TILE_2, WINOGRAD_TILE_4 } winograd_choice;

/* A convolution: extents of the results, channels, the stride: 1 or 2. */
typedef struct winograd_size {
    int64_t images, height, width, ci, co, stride;
    int64_t room;  /* bytes of the caches that the program's weights leave, from run to run; below 0: they do not fit */
    bool plain_input, plain_output; /* channels lie apart, so that the transform works them out one by one */
} winograd_size;

/* The tile that is fastest by the device's numbers; 0: none, the convolution as it is. */
int64_t winograd_pick(const struct sched_target *t, const winograd_size *s);

#endif
