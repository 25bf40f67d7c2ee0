#include "frontend/memfile.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct memfile {
    nfc_arena *arena;
    FILE *to;
    char *text; /* n bytes, and room for one more at least */
    size_t n, room;
    bool failed;
};

static ssize_t append(void *env, const char *data, size_t n)
{
    memfile *m = env;
    if (m->room - m->n <= n) {
        size_t room = 2 * (m->n + n) + 256;
        char *text = realloc(m->text, room);
        if (!text) {
            m->failed = true;
            errno = ENOMEM;
            return 0;
        }
        m->text = text;
        m->room = room;
    }
    memcpy(m->text + m->n, data, n);
    m->n += n;
    return (ssize_t)n;
}

static void drop(void *env)
{
    memfile *m = env;
    fclose(m->to);
    free(m->text);
}

memfile *memfile_new(nfc_arena *arena)
{
    memfile *m = ARENA_NEW(arena, memfile);
    void **owner = arena_defer(arena, drop, NULL);
    m->arena = arena;
    m->to = fopencookie(m, "w", (cookie_io_functions_t){.write = append});
    if (!m->to) arena_oom(arena);
    *owner = m;
    return m;
}

FILE *memfile_start(memfile *m)
{
    m->n = 0;
    return m->to;
}

size_t memfile_length(memfile *m)
{
    fflush(m->to);
    return m->n;
}

const char *memfile_end(memfile *m, size_t *n)
{
    bool ok = fflush(m->to) == 0 && !ferror(m->to) && !m->failed;
    ok = ok && (m->text || append(m, "", 0) == 0) && m->text;
    if (!ok) arena_oom(m->arena);
    m->text[m->n] = 0;
    if (n) *n = m->n;
    return m->text;
}
