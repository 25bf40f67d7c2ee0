/* State files: what a context remembers between runs, as the simulator and the emitted programs
 * save it. All numbers are little-endian:
 *
 *   8 bytes   "NFSTATE1"
 *   u64       hash of the layout: FNV-1a, 64 bits, of the text of statefile_layout()
 *   u64       bytes that follow
 *             the elements of each state of the module in the order of their declaration, row-major
 *             at capacity, without padding */
#ifndef NFC_STATEFILE_H
#define NFC_STATEFILE_H

#include "frontend/outdir.h"
#include "ir/sim.h"

#define STATEFILE_MAGIC "NFSTATE1"
#define STATEFILE_FNV_BASIS 0xcbf29ce484222325u
#define STATEFILE_FNV_PRIME 0x100000001b3u
enum { STATEFILE_HEADER = 24 };

/* "kv:f32[2,4,8];n:i32[];": name, dtype and capacity of each state. */
const char *statefile_layout(const ir_module *m);
uint64_t statefile_hash(const char *layout);
uint64_t statefile_bytes(const ir_module *m);

/* Puts the states of a file into the machine. Reports what does not fit and returns false; then no
 * state has changed. */
bool statefile_load(sim *s, const char *path);
/* Writes the machine's states to a file that was begun; outfile_commit() tells whether all went well. */
void statefile_write(sim *s, outfile *file);

/* The first element that is no value of its type (a bool over 1, an i4 or an f4e2m1 over its range),
 * or -1. Files can hold such; nothing else can. */
int64_t statefile_bad_element(nfc_dtype dtype, const void *data, int64_t n);

#endif
