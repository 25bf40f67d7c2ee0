/* Source texts and places in them. Every value, instruction and diagnostic carries a span. */
#ifndef NFC_SOURCE_H
#define NFC_SOURCE_H

#include <stddef.h>
#include <stdint.h>
#include "ir/arena.h"
#include "ir/vec.h"

/* file 0: no place. Lines and columns count from 1, columns and lengths in bytes. */
typedef struct nfc_span {
    uint32_t file, line, col, len;
} nfc_span;

#define NO_SPAN ((nfc_span){0, 0, 0, 0})

typedef struct nfc_source {
    const char *path; /* as the user wrote it */
    const char *text; /* NULL: known by name only (IR read back from JSON) */
    size_t size;
    VEC(uint32_t) line; /* offset of each line's first byte */
    const char *const *label; /* a listing of a model: what each line is (node "/conv1/Conv"); else NULL */
    int nlabel;
} nfc_source;

typedef struct nfc_sources {
    nfc_arena *arena;
    VEC(nfc_source) file; /* file k of a span is file.at[k - 1] */
} nfc_sources;

/* Registers a text (kept, not copied; NUL-terminated at text[size]) and returns its file number. */
uint32_t source_add(nfc_sources *sources, const char *path, const char *text, size_t size);
/* Names the lines of a listing, from the first one on; places in them are shown by these names. */
void source_label(nfc_sources *sources, uint32_t file, int n, const char *const *label);
/* What the line of a place is called in a listing; NULL: it has a number only. */
const char *source_label_at(const nfc_sources *sources, nfc_span at);
const nfc_source *source_get(const nfc_sources *sources, uint32_t file);
/* The bytes of a line without its end; *n is its length. NULL when the text is not at hand. */
const char *source_line(const nfc_sources *sources, uint32_t file, uint32_t line, size_t *n);
/* The span of len bytes from offset `at`. */
nfc_span source_span(const nfc_sources *sources, uint32_t file, size_t at, size_t len);
/* From the start of a to the end of b; on a's line only, when b ends on another. */
nfc_span span_join(nfc_span a, nfc_span b);

/* The length of the UTF-8 sequence at p, or 0 when it is none (overlong, surrogate, cut). */
int utf8_length(const char *p, const char *end);

typedef enum { READ_OK, READ_MISSING, READ_NOT_A_FILE, READ_TOO_LARGE, READ_FAILED } read_status;
/* Reads a regular file of at most `limit` bytes into the arena, with a NUL behind it. */
read_status read_file(nfc_arena *arena, const char *path, size_t limit, char **text, size_t *size);

#endif
