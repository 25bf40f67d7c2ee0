/* The one way to JSON: cJSON parses, and this wrapper is strict about what cJSON lets through.
 *
 * Refused, with line and column: duplicate keys, depth over 64, integers that no 64-bit type holds
 * exactly, numbers out of double's range, control characters, NULs and bytes that are not UTF-8. */
#ifndef NFC_JSON_H
#define NFC_JSON_H

#include <stdbool.h>
#include "frontend/session.h"

typedef enum { JSON_NULL, JSON_BOOL, JSON_INT, JSON_FLOAT, JSON_STRING, JSON_ARRAY, JSON_OBJECT } json_kind;

typedef struct json_node {
    json_kind kind;
    bool truth;        /* BOOL */
    bool above_i64;    /* INT: the value is in `big`, since it exceeds INT64_MAX */
    int64_t integer;   /* INT */
    uint64_t big;
    double number;     /* FLOAT; also set for INT, rounded */
    const char *text;  /* STRING */
    const char *key;   /* member of an object */
    nfc_span at, key_at;
    struct json_node *child, *last, *next, *parent;
    int count;         /* children */
    const struct json_node *origin; /* a copy in another tree: what is written in the file; else NULL */
} json_node;

enum { JSON_MAX_DEPTH = 64 };

/* Parses size bytes (NUL behind them) of the source `file`; on error reports and returns NULL. */
json_node *json_parse(nfc_session *s, uint32_t file, const char *text, size_t size);
/* Parses the one value that begins at *at inside of a larger text, and moves *at behind it. */
json_node *json_parse_at(nfc_session *s, uint32_t file, const char *text, size_t size, size_t *at);
/* Reads and parses a file of at most `limit` bytes. */
json_node *json_load(nfc_session *s, const char *path, size_t limit);

json_node *json_get(const json_node *object, const char *key);
/* "/units/0/isa": where a node stands in the file that it was read from, in the session's arena. */
const char *json_pointer(nfc_session *s, const json_node *node);
const char *json_kind_name(json_kind kind);

/* Building and writing. Members are written sorted by key; a float as the shortest text that reads
 * back to the same double; NaN and infinities as the strings "nan", "inf", "-inf". */
json_node *json_object(nfc_arena *a);
json_node *json_array(nfc_arena *a);
json_node *json_int(nfc_arena *a, int64_t value);
json_node *json_uint(nfc_arena *a, uint64_t value);
json_node *json_float(nfc_arena *a, double value);
json_node *json_string(nfc_arena *a, const char *text);
json_node *json_bool(nfc_arena *a, bool value);
void json_set(json_node *object, const char *key, json_node *value);
void json_push(json_node *array, json_node *value);
/* indent < 0: one line; otherwise two blanks a level, arrays of scalars on one line. */
void json_write(FILE *to, const json_node *node, int indent);
/* What json_write() writes with indentation, without a line end behind it. */
const char *json_text(nfc_arena *a, const json_node *node);
/* The shortest decimal text that reads back to exactly this value. */
const char *shortest_double(nfc_arena *a, double value);
const char *shortest_float(nfc_arena *a, float value);

#endif
