/* Times calls from C, so that what the bench's Python costs is in no number.
 * usage from Python: see peer.py. */
#include <stdint.h>
#include <time.h>

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Calls call(argument) n times, `each` calls to a sample, n / each samples of nanoseconds. Returns the first result that is not
 * 0, or 0. */
int time_calls(int (*call)(void *argument), void *argument, int64_t n, int64_t each, int64_t *samples);

int time_calls(int (*call)(void *argument), void *argument, int64_t n, int64_t each, int64_t *samples)
{
    for (int64_t i = 0; i < n / each; i++) {
        int64_t start = now();
        for (int64_t k = 0; k < each; k++) {
            int status = call(argument);
            if (status)
                return status;
        }
        samples[i] = now() - start;
    }
    return 0;
}
