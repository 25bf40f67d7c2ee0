#include "frontend/mapfile.h"

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void unmap(void *what)
{
    mapped_file *m = what;
    munmap((void *)(uintptr_t)m->at, m->size);
}

static map_status map_open(int fd, size_t most, mapped_file *out)
{
    struct stat st;
    if (fstat(fd, &st) != 0) return MAPPED_FAILED;
    if (!S_ISREG(st.st_mode)) return MAPPED_NO_FILE;
    if ((uint64_t)st.st_size > most) return MAPPED_TOO_LARGE;
    if (st.st_size == 0) return MAPPED_OK;
    void *at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED) return MAPPED_FAILED;
    *out = (mapped_file){at, (size_t)st.st_size};
    return MAPPED_OK;
}

map_status map_regular(nfc_arena *arena, int fd, size_t most, mapped_file *out)
{
    *out = (mapped_file){(const unsigned char *)"", 0};
    if (fd < 0) return MAPPED_FAILED;
    mapped_file *kept = ARENA_NEW(arena, mapped_file);
    void **owner = arena_defer(arena, unmap, NULL);
    map_status status = map_open(fd, most, out);
    int error = errno;
    close(fd);
    errno = error;
    if (status == MAPPED_OK && out->size) {
        *kept = *out;
        *owner = kept;
    }
    return status;
}

void map_forget(const unsigned char *at, size_t size)
{
    if (size) madvise((void *)(uintptr_t)at, size, MADV_DONTNEED); /* without it they stay, which is no fault */
}
