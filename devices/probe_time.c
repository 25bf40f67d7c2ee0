/* Short measurements. The best of several tries counts: everything that disturbs makes it slower.
 */
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "devices/probe.h"

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A chain of additions, each of which waits for the one before it, takes a cycle a link. The empty
 * statement hides from the compiler what is added. */
double probe_clock_mhz(void)
{
    enum { TRIES = 8, ROUNDS = 200000, LINKS = 8 };
    double best = 0;
    for (int try = 0; try < TRIES; try++) {
        unsigned long x = 0, step = 1;
        double begin = seconds();
        for (int i = 0; i < ROUNDS; i++) {
#define LINK                                                                                       \
    __asm__ volatile("" : "+r"(x), "+r"(step));                                                    \
    x += step;
            LINK LINK LINK LINK LINK LINK LINK LINK
#undef LINK
        }
        double mhz = 1e-6 * ROUNDS * LINKS / (seconds() - begin);
        if (mhz > best) best = mhz;
    }
    return best;
}

/* The library's search is as fast as this machine can read, however nfc itself was compiled. */
double probe_gb_per_s(nfc_session *s, size_t bytes)
{
    enum { CHUNK = 1 << 22 };
    const double longest = 0.03;
    nfc_arena *scratch = arena_child(s->arena);
    unsigned char *data = arena_alloc(scratch, bytes);
    memset(data, 1, bytes);
    int passes = bytes < CHUNK ? (int)(CHUNK / bytes) : 1;
    double best = 0, end = seconds() + longest;
    for (int try = 0; try < 2 || seconds() < end; try++) {
        bool found = false;
        double begin = seconds();
        for (int i = 0; i < passes; i++) {
            data[i] = 1; /* so that no search can be taken for the one before it */
            found |= memchr(data, 2, bytes) != NULL;
        }
        double rate = 1e-9 * (double)bytes * passes / (seconds() - begin);
        if (!found && rate > best) best = rate;
    }
    arena_free(scratch);
    return best;
}

size_t probe_beyond(size_t cached)
{
    const size_t least = (size_t)32 << 20, most = (size_t)192 << 20;
    size_t bytes = cached > most / 4 ? most : 4 * cached;
    if (bytes < least) bytes = least;
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    size_t part = pages > 0 && page > 0 ? (size_t)pages * (size_t)page / 8 : least;
    return bytes < part ? bytes : part;
}
