/* Files that are mapped, not read: their pages come when they are looked at, and go when memory is short. */
#ifndef NFC_MAPFILE_H
#define NFC_MAPFILE_H

#include <stddef.h>
#include "ir/arena.h"

typedef enum { MAPPED_OK, MAPPED_NO_FILE, MAPPED_TOO_LARGE, MAPPED_FAILED } map_status;

typedef struct mapped_file {
    const unsigned char *at; /* never NULL, not even of an empty file */
    size_t size;
} mapped_file;

/* Maps an open regular file of at most `most` bytes as long as the arena lives. The descriptor is closed, come
 * what may; a negative one is a failed open(). MAPPED_FAILED leaves its reason in errno. */
map_status map_regular(nfc_arena *arena, int fd, size_t most, mapped_file *out);
/* Gives the pages that were looked at so far back; they come again when they are looked at again. */
void map_forget(const unsigned char *at, size_t size);

#endif
