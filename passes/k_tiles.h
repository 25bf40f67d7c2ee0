/* Sums of products by tiles: registers that hold rows of elements and are multiplied as matrices.
 *
 *     for m                                for n_t  for m_t
 *       for n                                sums[32 * 32]
 *         acc = 0                            tiles 0 to 3 = 0
 *         for k                              for k_t in chunks of 64 bytes
 *           acc += x[m, k] * w[k, n]           load w[.., n_t] as 6, x[32 m_t ..] as 4: tile 0 += 4 x 6 ...
 *         y[m, n] = f(acc)                   store tiles 0 to 3 in sums
 *                                            for i, for v  y[32 m_t + i, 32 n_t + v] = f(sums[i, v])
 *
 * w is a constant, which is packed as tiles at compile time, with zeros behind its last column. The last rows, and the last
 * chunk, begin early enough for tiles to be whole: rows that were there before are not stored again, and elements that
 * were are multiplied with zeros. */
#ifndef NFC_K_TILES_H
#define NFC_K_TILES_H

#include "passes/sched.h"

/* Can the device multiply tiles of these types? */
bool k_has_tile_dot(const device *d, nfc_dtype x, nfc_dtype w);
/* How much of what the tiles of a product can hold is of use: rows of so many bytes each, that many columns; 0: there are no
 * tiles. Below least_fill they are not used. */
double k_tiles_fill(const device_tiles *t, int64_t rows, int64_t bytes, int64_t columns);
/* Makes the kernel one of tiles; NULL: it has no sums of products that fill them, and stays as it is. Else what its head
 * says. The products are the same, and so are the sums of integers; those of floats are summed up in another order.
 * *direct: may tiles store results themselves where nothing is done to them? And did some? */
const char *k_tiles(const sched_target *t, ir_module *m, plan_call *call, kir_builder *b, bool *direct);

#endif
