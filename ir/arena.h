/* One bump allocator per lifetime: the compilation, or one pass. Nothing is freed singly.
 *
 * An allocation never returns NULL: when memory runs out control goes to the handler that
 * arena_on_oom() set (the verb's top frame), so no caller tests for it and none can forget to. */
#ifndef NFC_ARENA_H
#define NFC_ARENA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

typedef struct nfc_arena nfc_arena;

/* A new arena, or NULL when not even its first chunk can be had. */
nfc_arena *arena_new(void);
/* A child has the parent's out-of-memory handler unless it gets its own, and is freed with the parent
 * at the latest. */
nfc_arena *arena_child(nfc_arena *parent);
void arena_free(nfc_arena *arena);
/* Frees what was allocated, and keeps a little to allocate again from. It has no children, and nothing deferred. */
void arena_clear(nfc_arena *arena);
/* Where to go when memory runs out; without a handler the process exits with status 4. */
void arena_on_oom(nfc_arena *arena, jmp_buf *handler);
/* Reports an allocation failure of somebody else's allocator (cJSON, stdio) the same way. */
_Noreturn void arena_oom(nfc_arena *arena);

/* `size` zeroed bytes, aligned to 16. */
void *arena_alloc(nfc_arena *arena, size_t size);
/* As arena_alloc(count * size), with the product checked. */
void *arena_array(nfc_arena *arena, size_t count, size_t size);
/* A copy of old[0..old_bytes) in a block of new_bytes; old stays where it is. */
void *arena_grow(nfc_arena *arena, const void *old, size_t old_bytes, size_t new_bytes);
char *arena_strndup(nfc_arena *arena, const char *text, size_t n);
char *arena_strdup(nfc_arena *arena, const char *text);
char *arena_printf(nfc_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(nfc_arena *arena, const char *format, va_list args);
/* Something to undo when the arena goes, at the latest on exit by OOM: unmap, close, remove. Asked
 * for with NULL before the thing is had, it cannot fail after that: *result is what to undo. */
void **arena_defer(nfc_arena *arena, void (*undo)(void *), void *what);
size_t arena_bytes(const nfc_arena *arena);

#define ARENA_NEW(arena, T) ((T *)arena_alloc((arena), sizeof(T)))
#define ARENA_ARRAY(arena, T, n) ((T *)arena_array((arena), (size_t)(n), sizeof(T)))

#endif
