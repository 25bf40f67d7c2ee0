/* Files of this project that the compiler carries inside itself, so that it works from anywhere: the
 * shipped device descriptions and what runtime-min/ holds. The Makefile makes the table. */
#ifndef NFC_EMBED_H
#define NFC_EMBED_H

#include <stddef.h>

typedef struct embedded_file {
    const char *name; /* "devices/generic.json", "runtime-min/nf_main.c"; NULL ends the table */
    const char *text; /* a NUL stands behind it */
    const char *end;
} embedded_file;

extern const embedded_file embedded_files[]; /* sorted by name */

/* The file of this name, or NULL. */
const embedded_file *embedded_find(const char *name);

#endif
