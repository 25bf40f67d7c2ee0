#include "ir/map.h"

#include <string.h>

void map_init(nfc_map *map, nfc_arena *arena) { *map = (nfc_map){.arena = arena}; }

uint64_t map_hash(const void *bytes, size_t n, uint64_t seed)
{
    const unsigned char *p = bytes; /* FNV-1a with a final mix */
    uint64_t h = 0xcbf29ce484222325u ^ seed;
    for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * 0x100000001b3u;
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    return h ^ (h >> 32);
}

static uint64_t mixed(uint64_t h, uint64_t word)
{
    h = (h ^ word) * 0xd6e8feb86659fd93u;
    return h ^ (h >> 32);
}

/* A word at a time: with map_hash(), a byte at a time, hashing took a quarter of the time of a compilation. Nothing but the place
 * in the table depends on it. */
static uint64_t hash_of(const char *key, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u, word;
    if (n == SIZE_MAX) return mixed(mixed(h, (uintptr_t)key), 0);
    for (size_t rest = n; rest; key += sizeof word) {
        size_t some = rest < sizeof word ? rest : sizeof word;
        word = 0;
        memcpy(&word, key, some);
        h = mixed(h, word);
        rest -= some;
    }
    return mixed(h, n);
}

static int32_t *find(const nfc_map *map, const char *key, size_t n, uint64_t hash)
{
    unsigned mask = (unsigned)map->nslot - 1;
    for (unsigned i = (unsigned)hash & mask;; i = (i + 1) & mask) {
        int32_t *slot = &map->slot[i];
        if (*slot < 0) return slot;
        const map_entry *e = &map->entry[*slot];
        if (e->hash != hash || e->n != n) continue;
        if (n == SIZE_MAX ? e->key == key : memcmp(e->key, key, n) == 0) return slot;
    }
}

static void rehash(nfc_map *map)
{
    map->nslot = map->nslot ? 2 * map->nslot : 16;
    map->slot = ARENA_ARRAY(map->arena, int32_t, map->nslot);
    memset(map->slot, 0xff, (size_t)map->nslot * sizeof *map->slot);
    for (int i = 0; i < map->n; i++) {
        const map_entry *e = &map->entry[i];
        *find(map, e->key, e->n, e->hash) = i;
    }
}

static void *get(const nfc_map *map, const char *key, size_t n)
{
    if (!map->nslot) return NULL;
    int32_t *slot = find(map, key, n, hash_of(key, n));
    return *slot < 0 ? NULL : map->entry[*slot].value;
}

static void *set(nfc_map *map, const char *key, size_t n, void *value)
{
    if (2 * map->n >= map->nslot) rehash(map);
    uint64_t hash = hash_of(key, n);
    int32_t *slot = find(map, key, n, hash);
    if (*slot >= 0) {
        void *old = map->entry[*slot].value;
        map->entry[*slot].value = value;
        return old;
    }
    if (map->n == map->cap) {
        size_t old = (size_t)map->cap * sizeof *map->entry;
        map->cap = map->cap ? 2 * map->cap : 8;
        map->entry =
            arena_grow(map->arena, map->entry, old, (size_t)map->cap * sizeof *map->entry);
    }
    const char *own = n == SIZE_MAX ? key : arena_strndup(map->arena, key, n);
    *slot = map->n;
    map->entry[map->n++] = (map_entry){own, n, value, hash};
    return NULL;
}

void *map_getn(const nfc_map *map, const char *key, size_t n) { return get(map, key, n); }
void *map_get(const nfc_map *map, const char *key) { return get(map, key, strlen(key)); }
void *map_setn(nfc_map *map, const char *key, size_t n, void *v) { return set(map, key, n, v); }
void *map_set(nfc_map *map, const char *key, void *v) { return set(map, key, strlen(key), v); }
void *map_getp(const nfc_map *map, const void *key) { return get(map, key, SIZE_MAX); }
void *map_setp(nfc_map *map, const void *key, void *v) { return set(map, key, SIZE_MAX, v); }

const char *intern_n(nfc_map *map, const char *text, size_t n)
{
    const char *have = get(map, text, n);
    if (have) return have;
    char *own = arena_strndup(map->arena, text, n);
    set(map, own, n, own);
    return own;
}

const char *intern(nfc_map *map, const char *text) { return intern_n(map, text, strlen(text)); }
