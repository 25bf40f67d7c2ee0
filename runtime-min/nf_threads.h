/* SPDX-License-Identifier: 0BSD
 *
 * Threads that run the parts of a kernel at once: what NAME_set_threads() is given.
 *
 *     nf_worker workers[NAME_THREADS - 1];
 *     nf_pool pool;
 *     if (nf_pool_open(&pool, workers, NAME_THREADS - 1)) ...
 *     NAME_init(&ctx, arena, sizeof arena);
 *     NAME_set_threads(&ctx, nf_parallel, &pool);
 *     NAME_run(&ctx, &in, &out) ...
 *     nf_pool_close(&pool);
 *
 * The caller of a run takes part, so that a pool of n workers is n + 1 threads. Contexts, and programs,
 * may share a pool; while it is busy with one, the run of another does its parts by itself. A worker
 * without work spins for a while and then sleeps.
 *
 * Firmware without POSIX threads brings a function of its own in the place of nf_parallel(), with a
 * pointer to whatever it needs in the place of the pool, and does not compile nf_threads.c. The
 * function calls part(job, 0) to part(job, parts - 1), in any order, by any threads, and returns when
 * all of them have returned. What a run gives does not depend on it. */
#ifndef NF_THREADS_H
#define NF_THREADS_H

#include <pthread.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nf_pool;

/* Room for a thread; the caller's, for as long as the pool is open. */
typedef struct nf_worker {
    pthread_t thread;
    struct nf_pool *pool;
    int number; /* from 1: the caller of a run is 0 */
} nf_worker;

/* The caller's as well; it must stay where it is. */
typedef struct nf_pool {
    uint64_t open;     /* a bit for each part that nobody has begun; what a worker waits for comes with what it is to do, in one cache line */
    void (*part)(void *job, int number);
    void *job;
    char apart[104];
    int left;          /* parts behind the first that have not come to their end: what the caller waits for, in another line */
    int waiting;       /* the caller sleeps until they have */
    char aside[120];
    int busy;          /* a run uses the pool */
    int sleeping;      /* workers that sleep until there is something to do */
    int closing;
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    nf_worker *worker;
    int workers;
} nf_pool;

/* Starts the threads. 0, or what pthread_create() says; then nothing is left to close. */
int nf_pool_open(nf_pool *pool, nf_worker *worker, int workers);
/* Ends them. No run may be using the pool. */
void nf_pool_close(nf_pool *pool);
/* Calls part(job, 0) to part(job, parts - 1) and returns when all are done. */
void nf_parallel(void *pool, void (*part)(void *job, int number), void *job, int parts);

#ifdef __cplusplus
}
#endif

#endif
