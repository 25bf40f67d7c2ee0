#include "ir/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The hostile test build sets this to 0, so that every allocation is a malloc of its own: each can
 * then be made to fail, and ASan sees every overrun. */
#ifndef NFC_ARENA_CHUNK
#define NFC_ARENA_CHUNK (64u << 10)
#endif

enum { ALIGN = 16 };

typedef struct chunk {
    struct chunk *next;
    size_t used, size;
} chunk;

typedef struct deferred {
    struct deferred *next;
    void (*undo)(void *);
    void *what;
} deferred;

struct nfc_arena {
    chunk *chunks;
    deferred *deferred;
    jmp_buf *oom;
    nfc_arena *parent, *children, *sibling;
    size_t bytes;
};

static size_t header_bytes(void) { return (sizeof(chunk) + ALIGN - 1) / ALIGN * ALIGN; }

nfc_arena *arena_new(void) { return calloc(1, sizeof(nfc_arena)); }

nfc_arena *arena_child(nfc_arena *parent)
{
    nfc_arena *arena = arena_new();
    if (!arena) arena_oom(parent);
    arena->parent = parent;
    arena->sibling = parent->children;
    parent->children = arena;
    return arena;
}

void arena_free(nfc_arena *arena)
{
    if (!arena) return;
    while (arena->children) arena_free(arena->children);
    for (deferred *d = arena->deferred; d; d = d->next)
        if (d->what) d->undo(d->what);
    for (chunk *c = arena->chunks, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    if (arena->parent) {
        nfc_arena **link = &arena->parent->children;
        while (*link != arena) link = &(*link)->sibling;
        *link = arena->sibling;
    }
    free(arena);
}

void arena_clear(nfc_arena *arena)
{
    chunk *kept = arena->chunks;
    if (!kept) return;
    for (chunk *c = kept->next, *next; c; c = next) {
        next = c->next;
        arena->bytes -= c->size;
        free(c);
    }
    kept->next = NULL;
    memset((unsigned char *)kept + header_bytes(), 0, kept->used);
    kept->used = 0;
}

void arena_on_oom(nfc_arena *arena, jmp_buf *handler) { arena->oom = handler; }

_Noreturn void arena_oom(nfc_arena *arena)
{
    while (arena && !arena->oom && arena->parent) arena = arena->parent;
    if (arena && arena->oom) longjmp(*arena->oom, 1);
    fputs("nfc: out of memory\n", stderr);
    exit(4);
}

void *arena_alloc(nfc_arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2) arena_oom(arena);
    size = (size + ALIGN - 1) / ALIGN * ALIGN;
    chunk *c = arena->chunks;
    if (!c || c->size - c->used < size) {
        size_t want = size > NFC_ARENA_CHUNK / 4 ? size : NFC_ARENA_CHUNK;
        c = calloc(1, header_bytes() + want);
        if (!c) arena_oom(arena);
        c->size = want;
        arena->bytes += want;
        if (want == size && arena->chunks) { /* a large block: keep filling the current chunk */
            c->next = arena->chunks->next;
            arena->chunks->next = c;
        } else {
            c->next = arena->chunks;
            arena->chunks = c;
        }
    }
    void *p = (unsigned char *)c + header_bytes() + c->used;
    c->used += size;
    return p;
}

void *arena_array(nfc_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) arena_oom(arena);
    return arena_alloc(arena, bytes);
}

void *arena_grow(nfc_arena *arena, const void *old, size_t old_bytes, size_t new_bytes)
{
    void *p = arena_alloc(arena, new_bytes);
    if (old_bytes) memcpy(p, old, old_bytes);
    return p;
}

char *arena_strndup(nfc_arena *arena, const char *text, size_t n)
{
    char *p = arena_alloc(arena, n + 1);
    if (n) memcpy(p, text, n);
    return p;
}

char *arena_strdup(nfc_arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

char *arena_vprintf(nfc_arena *arena, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    if (n < 0) arena_oom(arena);
    char *p = arena_alloc(arena, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, format, again);
    va_end(again);
    return p;
}

char *arena_printf(nfc_arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *p = arena_vprintf(arena, format, args);
    va_end(args);
    return p;
}

void **arena_defer(nfc_arena *arena, void (*undo)(void *), void *what)
{
    deferred *d = ARENA_NEW(arena, deferred);
    *d = (deferred){arena->deferred, undo, what};
    arena->deferred = d;
    return &d->what;
}

size_t arena_bytes(const nfc_arena *arena) { return arena->bytes; }
