/* Preloaded: the allocation number FAIL_ALLOC, counted from 1, gives NULL, and so do all behind it. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);

static int fails(void)
{
    static long left = -1;
    if (left < 0) left = atol(getenv("FAIL_ALLOC"));
    if (left > 1) return left--, 0;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t n) { return fails() ? NULL : __libc_malloc(n); }
void *calloc(size_t n, size_t size) { return fails() ? NULL : __libc_calloc(n, size); }
void *realloc(void *p, size_t n) { return fails() ? NULL : __libc_realloc(p, n); }

int posix_memalign(void **p, size_t align, size_t n)
{
    void *at = fails() ? NULL : __libc_memalign(align, n);
    if (!at) return ENOMEM;
    *p = at;
    return 0;
}
