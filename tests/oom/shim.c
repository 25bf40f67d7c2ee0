/* An allocator that fails once: the allocation number NFC_FAIL_AT, counted from the start of the process,
 * or with NFC_FAIL_ON=1 that one and all behind it. NFC_FAIL_COUNT names a file that gets the number of
 * allocations. Preloaded, it stands before the C library's, so that other libraries fail too; linked in
 * with -Wl,--wrap (WRAPPED), it stands before a sanitizer's. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef WRAPPED
#define REAL(name) __real_##name
#define OURS(name) __wrap_##name
#else
#define REAL(name) __libc_##name
#define OURS(name) name
#endif

void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t n, size_t size);
void *REAL(realloc)(void *old, size_t size);
void *OURS(malloc)(size_t size);
void *OURS(calloc)(size_t n, size_t size);
void *OURS(realloc)(void *old, size_t size);

static long allocations, fails_at = -1;
static int goes_on;

static int fails(void)
{
    if (fails_at < 0) {
        const char *at = getenv("NFC_FAIL_AT");
        fails_at = at ? atol(at) : 0;
        goes_on = getenv("NFC_FAIL_ON") != NULL;
    }
    allocations++;
    if (fails_at == 0 || allocations < fails_at || (allocations > fails_at && !goes_on)) return 0;
    errno = ENOMEM;
    return 1;
}

void *OURS(malloc)(size_t size) { return fails() ? NULL : REAL(malloc)(size); }
void *OURS(calloc)(size_t n, size_t size) { return fails() ? NULL : REAL(calloc)(n, size); }
void *OURS(realloc)(void *old, size_t size) { return fails() ? NULL : REAL(realloc)(old, size); }

__attribute__((destructor)) static void tell(void)
{
    const char *path = getenv("NFC_FAIL_COUNT");
    int fd = path ? open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
    char text[32];
    int n = snprintf(text, sizeof text, "%ld\n", allocations);
    if (fd >= 0 && write(fd, text, (size_t)n) == n) close(fd);
}
