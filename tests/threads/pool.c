/* The pool of runtime-min/nf_threads.c: every part is done once, whoever does it; pools come and go
 * without a trace; several callers share one; more threads than cores come to their end. */
#include "nf_threads.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST = 64 };

static int wrong;
static nf_worker workers[MOST];

static void expect(int ok, const char *what)
{
    if (!ok) {
        printf("FAILED: %s\n", what);
        wrong = 1;
    }
}

typedef struct job {
    int done[MOST];
    long long sum;
    int spin;
} job;

static void part(void *env, int number)
{
    job *j = (job *)env;
    volatile int i;
    for (i = 0; i < j->spin; i++) continue;
    j->done[number]++;
    __atomic_fetch_add(&j->sum, number + 1, __ATOMIC_RELAXED);
}

/* So many jobs of so many parts: each part once. */
static int do_jobs(nf_pool *pool, int jobs, int parts, int spin)
{
    int i, k, ok = 1;
    for (i = 0; i < jobs; i++) {
        job j;
        memset(&j, 0, sizeof j);
        j.spin = spin;
        nf_parallel(pool, part, &j, parts);
        for (k = 0; k < MOST; k++) ok &= j.done[k] == (k < parts);
        ok &= j.sum == (long long)parts * (parts + 1) / 2;
    }
    return ok;
}

static int threads_now(void)
{
    char line[256];
    int n = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "Threads: %d", &n) == 1) break;
    if (f) fclose(f);
    return n;
}

static void wait_ms(long ms)
{
    struct timespec t;
    t.tv_sec = ms / 1000;
    t.tv_nsec = ms % 1000 * 1000000;
    nanosleep(&t, 0);
}

static void check_parts(void)
{
    int n, parts;
    for (n = 0; n <= 7; n++) {
        nf_pool pool;
        expect(nf_pool_open(&pool, workers, n) == 0, "a pool opens");
        for (parts = 0; parts <= MOST; parts += parts < 8 ? 1 : 7) {
            expect(do_jobs(&pool, 50, parts, 0), "each part is done once");
            expect(do_jobs(&pool, 5, parts, 3000), "each longer part is done once");
        }
        wait_ms(2); /* the workers sleep */
        expect(do_jobs(&pool, 50, n + 1, 100), "workers that slept");
        nf_pool_close(&pool);
    }
}

/* A caller that comes while the pool is busy does its parts itself. */
static void *call(void *env) { return do_jobs((nf_pool *)env, 2000, 4, 20) ? env : 0; }

static void check_callers(void)
{
    nf_pool pool;
    pthread_t thread[3];
    int i;
    expect(nf_pool_open(&pool, workers, 3) == 0, "a pool for several");
    for (i = 0; i < 3; i++)
        if (pthread_create(&thread[i], 0, call, &pool)) exit(2);
    for (i = 0; i < 3; i++) {
        void *said;
        pthread_join(thread[i], &said);
        expect(said == &pool, "callers that share a pool");
    }
    nf_pool_close(&pool);
}

static void inner(void *env, int number)
{
    (void)number;
    if (!do_jobs((nf_pool *)env, 3, 5, 10)) wrong = 1;
}

static void check_nested(void)
{
    nf_pool pool;
    int i;
    expect(nf_pool_open(&pool, workers, 2) == 0, "a pool for jobs within jobs");
    for (i = 0; i < 200; i++) nf_parallel(&pool, inner, &pool, 4);
    expect(!wrong, "a job within a job");
    nf_pool_close(&pool);
}

static void check_comings(int times)
{
    int i, threads = threads_now();
    size_t before = 0;
    for (i = 0; i < times; i++) {
        nf_pool pool;
        if (i == times / 10) before = mallinfo2().uordblks; /* the first threads' own records stay */
        if (nf_pool_open(&pool, workers, 1 + i % 3)) {
            expect(0, "a pool opens again and again");
            return;
        }
        if (!do_jobs(&pool, i % 4, 2 + i % 5, 0)) wrong = 1;
        nf_pool_close(&pool);
    }
    expect(mallinfo2().uordblks == before, "pools leave no memory behind");
    expect(threads_now() == threads, "pools leave no thread behind");
}

int main(int argc, char **argv)
{
    int times = argc > 1 ? atoi(argv[1]) : 10000;
    check_parts();
    check_callers();
    check_nested();
    check_comings(times);
    {
        nf_pool pool; /* many more threads than cores */
        expect(nf_pool_open(&pool, workers, MOST - 1) == 0, "63 workers");
        expect(do_jobs(&pool, times / 10, MOST, 200), "64 parts by 64 threads");
        nf_pool_close(&pool);
    }
    printf("pool: %s\n", wrong ? "wrong" : "ok");
    return wrong;
}
