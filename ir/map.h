/* A hash map from byte strings, or from pointers, to pointers; iteration is in insertion order, so
 * that nothing downstream depends on addresses. */
#ifndef NFC_MAP_H
#define NFC_MAP_H

#include <stdint.h>
#include "ir/arena.h"

typedef struct {
    const char *key; /* bytes owned by the map's arena; or the pointer itself for pointer keys */
    size_t n;        /* length of the key; SIZE_MAX for pointer keys */
    void *value;
    uint64_t hash;
} map_entry;

typedef struct nfc_map {
    nfc_arena *arena;
    map_entry *entry; /* insertion order */
    int n, cap;
    int32_t *slot; /* index into entry, or -1 */
    int nslot;
} nfc_map;

void map_init(nfc_map *map, nfc_arena *arena);
/* The value under the key, or NULL. */
void *map_get(const nfc_map *map, const char *key);
void *map_getn(const nfc_map *map, const char *key, size_t n);
/* Sets the value under the key and returns what stood there before (NULL: nothing). */
void *map_set(nfc_map *map, const char *key, void *value);
void *map_setn(nfc_map *map, const char *key, size_t n, void *value);
void *map_getp(const nfc_map *map, const void *key);
void *map_setp(nfc_map *map, const void *key, void *value);
uint64_t map_hash(const void *bytes, size_t n, uint64_t seed);

/* Interned text: equal bytes give the same pointer. */
const char *intern_n(nfc_map *map, const char *text, size_t n);
const char *intern(nfc_map *map, const char *text);

#endif
