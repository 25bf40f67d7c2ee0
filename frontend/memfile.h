/* A stream into memory. Unlike open_memstream(), whose text just ends where memory did, it says so. */
#ifndef NFC_MEMFILE_H
#define NFC_MEMFILE_H

#include <stdio.h>
#include "ir/arena.h"

typedef struct memfile memfile;

/* A stream that lives as long as the arena. */
memfile *memfile_new(nfc_arena *arena);
/* The stream, empty. */
FILE *memfile_start(memfile *m);
/* How many bytes were written since. */
size_t memfile_length(memfile *m);
/* What was written since, with a NUL behind it, until the next start; n (may be NULL) is its length. */
const char *memfile_end(memfile *m, size_t *n);

#endif
