/* What the machine does at most: f32 multiply-adds in registers, and reading of a footprint of memory.
 *
 * ceilings THREADS BYTES      prints GFLOP/s and GB/s (10^9) of that many pinned threads, each the best of several short trials.
 * Compiled with -march=native -ffp-contract=fast; the threads take the processors that the process may run on, in order. */
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__AVX512F__)
enum { VECTOR_BYTES = 64 };
#elif defined(__AVX__)
enum { VECTOR_BYTES = 32 };
#else
enum { VECTOR_BYTES = 16 };
#endif
enum { LANES = VECTOR_BYTES / 4, CHAINS = 12, TRIALS = 5, MOST_THREADS = 64 };
typedef float vector __attribute__((vector_size(VECTOR_BYTES)));

static const double TRIAL_SECONDS = 0.01;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* n multiply-adds on each of CHAINS independent registers; their sum, so that they are not removed. */
static vector multiply_add(long n, vector a, vector b)
{
    vector r[CHAINS] = {{0}};
    for (long i = 0; i < n; i++) {
#pragma GCC unroll 12
        for (int k = 0; k < CHAINS; k++) {
            r[k] = r[k] * a + b;
            __asm__ volatile("" : "+v"(r[k])); /* each stays in its register, and is neither merged nor moved out of the loop */
        }
    }
    for (int k = 1; k < CHAINS; k++)
        r[0] += r[k];
    return r[0];
}

/* Adds up `bytes` bytes as `streams` parts that are read side by side; asks for lines `ahead` bytes before they are read, if not 0. */
static vector read_streams(const char *from, size_t bytes, int streams, size_t ahead)
{
    vector sum[8] = {{0}};
    size_t part = bytes / (size_t)streams / 512 * 512;
    for (size_t at = 0; at + 512 <= part; at += 512) {
        for (int s = 0; s < streams; s++) {
            const char *p = from + (size_t)s * part + at;
#pragma GCC unroll 8
            for (size_t line = 0; ahead && line < 512; line += 64)
                __builtin_prefetch(p + ahead + line, 0, 3);
#pragma GCC unroll 32
            for (size_t k = 0; k < 512 / VECTOR_BYTES; k++)
                sum[k % 8] += *(const vector *)(p + k * VECTOR_BYTES);
        }
    }
    for (int k = 1; k < 8; k++)
        sum[0] += sum[k];
    return sum[0];
}

/* A way to read; tried are all, and the best counts. */
static const struct way {
    int streams;
    size_t ahead;
} WAYS[] = {{1, 0}, {1, 1024}, {1, 2048}, {1, 4096}, {4, 0}, {4, 1024}};
enum { WAY_COUNT = sizeof WAYS / sizeof WAYS[0] };

typedef struct worker {
    pthread_t thread;
    int cpu;
    size_t bytes;
    pthread_barrier_t *gate;
    double peak[TRIALS], read[WAY_COUNT][TRIALS]; /* of this thread: FLOP/s and bytes/s */
    float sink;
} worker;

/* What a trial gave: the best of its slices, since what else runs on the processor takes its time from some of them. */
static void slice_done(double *best, double amount, double seconds)
{
    if (amount / seconds > *best)
        *best = amount / seconds;
}

static void measure_peak(worker *w)
{
    const long slice = 20000;
    vector a, b;
    for (int i = 0; i < LANES; i++)
        a[i] = 0.5f, b[i] = (float)w->cpu;
    for (int trial = 0; trial < TRIALS; trial++) {
        pthread_barrier_wait(w->gate);
        for (double begin = now(), start = begin; start - begin < TRIAL_SECONDS;) {
            w->sink += multiply_add(slice, a, b)[0];
            double end = now();
            slice_done(&w->peak[trial], 2.0 * LANES * CHAINS * (double)slice, end - start);
            start = end;
        }
    }
}

static void measure_way(worker *w, const char *memory, int way, int trial)
{
    const size_t streams = (size_t)WAYS[way].streams, pass = w->bytes / streams / 512 * 512 * streams;
    const int repeat = w->bytes < 100000 ? 100 : 1;
    pthread_barrier_wait(w->gate);
    for (double begin = now(), start = begin; start - begin < TRIAL_SECONDS;) {
        for (int i = 0; i < repeat; i++)
            w->sink += read_streams(memory, w->bytes, WAYS[way].streams, WAYS[way].ahead)[0];
        double end = now();
        slice_done(&w->read[way][trial], (double)repeat * (double)pass, end - start);
        start = end;
    }
}

static void measure_read(worker *w)
{
    size_t room = (w->bytes + 511) / 512 * 512 + 8192;
    char *memory = aligned_alloc(4096, (room + 4095) / 4096 * 4096);
    if (!memory) {
        fprintf(stderr, "ceilings: no memory for %zu bytes\n", room);
        exit(4);
    }
    memset(memory, 0, room);
    for (int way = 0; way < WAY_COUNT; way++)
        for (int trial = 0; trial < TRIALS; trial++)
            measure_way(w, memory, way, trial);
    free(memory);
}

static void *work(void *argument)
{
    worker *w = argument;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((size_t)w->cpu, &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0)
        perror("ceilings: sched_setaffinity");
    measure_peak(w);
    measure_read(w);
    return NULL;
}

/* The n processors that this process may run on. */
static int allowed(int n, int *cpus)
{
    cpu_set_t set;
    int found = 0;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 0;
    for (int c = 0; c < CPU_SETSIZE && found < n; c++)
        if (CPU_ISSET((size_t)c, &set))
            cpus[found++] = c;
    return found;
}

int main(int argc, char **argv)
{
    static worker workers[MOST_THREADS];
    int cpus[MOST_THREADS], threads = argc == 3 ? atoi(argv[1]) : 0;
    long long bytes = argc == 3 ? atoll(argv[2]) : 0;
    if (threads < 1 || threads > MOST_THREADS || bytes < 1 || allowed(threads, cpus) < threads) {
        fprintf(stderr, "usage: ceilings THREADS BYTES, and at least as many processors as threads\n");
        return 2;
    }
    pthread_barrier_t gate;
    pthread_barrier_init(&gate, NULL, (unsigned)threads);
    size_t each = (size_t)bytes / (size_t)threads < 4096 ? 4096 : (size_t)bytes / (size_t)threads;
    for (int i = 0; i < threads; i++) {
        workers[i] = (worker){.cpu = cpus[i], .bytes = each, .gate = &gate};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            return 4;
    }
    for (int i = 0; i < threads; i++)
        pthread_join(workers[i].thread, NULL);
    double peak = 0, read = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        double sum = 0;
        for (int i = 0; i < threads; i++)
            sum += workers[i].peak[trial];
        peak = sum > peak ? sum : peak;
        for (int way = 0; way < WAY_COUNT; way++) {
            double rate = 0;
            for (int i = 0; i < threads; i++)
                rate += workers[i].read[way][trial];
            read = rate > read ? rate : read;
        }
    }
    printf("%.2f %.2f\n", peak * 1e-9, read * 1e-9);
    return 0;
}
