/* SPDX-License-Identifier: 0BSD
 *
 * `open` has a bit for each part that nobody has begun: whoever clears a bit does that part. The caller
 * of nf_parallel() does the first part, and then takes parts like every worker, so that no part waits for a
 * thread that the system does not run. What a job is stands in the pool from before its bits are set until its
 * last part is done, and is acted on behind the clearing of a bit only.
 *
 * What a fork takes is the way of cache lines from core to core, one after the other: of `open`, which the caller
 * writes and a worker reads, and then takes; of the job, which the worker asks for in the meantime; and of `left`. */
#include "nf_threads.h"

/* How often a thread looks before it sleeps: long enough for what one thread does alone between two kernels that are
 * done in parts. */
#ifndef NF_SPINS
#define NF_SPINS 20000
#endif

enum { NF_MOST_PARTS = 64 }; /* bits of `open` */

static void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ volatile("yield" ::: "memory");
#else
    __asm__ volatile("" ::: "memory");
#endif
}

/* Begins a part: its own where that is left, so that a core meets the data that it had before; else the
 * first. -1: all have been begun. */
static int take_part(nf_pool *pool, int own)
{
    uint64_t open = __atomic_load_n(&pool->open, __ATOMIC_SEQ_CST);
    if (open && own) __builtin_prefetch(__atomic_load_n(&pool->job, __ATOMIC_RELAXED));
    while (open) {
        uint64_t bit = own < NF_MOST_PARTS ? UINT64_C(1) << own : 0;
        if (!(open & bit)) bit = open & (~open + 1);
        if (__atomic_compare_exchange_n(&pool->open, &open, open & ~bit, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return __builtin_ctzll(bit);
    }
    return -1;
}

/* Does what parts it gets. */
static void do_parts(nf_pool *pool, int own)
{
    int number;
    while ((number = take_part(pool, own)) >= 0) {
        pool->part(pool->job, number);
        if (__atomic_sub_fetch(&pool->left, 1, __ATOMIC_SEQ_CST) == 0 && __atomic_load_n(&pool->waiting, __ATOMIC_SEQ_CST)) {
            pthread_mutex_lock(&pool->lock);
            pthread_cond_signal(&pool->done);
            pthread_mutex_unlock(&pool->lock);
        }
    }
}

static int has_news(nf_pool *pool)
{
    return __atomic_load_n(&pool->open, __ATOMIC_SEQ_CST) != 0 || __atomic_load_n(&pool->closing, __ATOMIC_SEQ_CST);
}

/* Who goes to sleep says so before the last look; who brings work looks for sleepers behind it. */
static void wait_for_work(nf_pool *pool)
{
    int spins;
    for (spins = 0; spins < NF_SPINS; spins++) {
        if (has_news(pool)) return;
        pause_briefly();
    }
    pthread_mutex_lock(&pool->lock);
    __atomic_add_fetch(&pool->sleeping, 1, __ATOMIC_SEQ_CST);
    while (!has_news(pool)) pthread_cond_wait(&pool->work, &pool->lock);
    __atomic_sub_fetch(&pool->sleeping, 1, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&pool->lock);
}

static void wait_for_parts(nf_pool *pool)
{
    int spins;
    for (spins = 0; spins < NF_SPINS; spins++) {
        if (__atomic_load_n(&pool->left, __ATOMIC_SEQ_CST) == 0) return;
        pause_briefly();
    }
    pthread_mutex_lock(&pool->lock);
    __atomic_store_n(&pool->waiting, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&pool->left, __ATOMIC_SEQ_CST) != 0) pthread_cond_wait(&pool->done, &pool->lock);
    __atomic_store_n(&pool->waiting, 0, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&pool->lock);
}

static void wake(nf_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
}

static void *work(void *env)
{
    const nf_worker *worker = (const nf_worker *)env;
    nf_pool *pool = worker->pool;
    while (!__atomic_load_n(&pool->closing, __ATOMIC_SEQ_CST)) {
        wait_for_work(pool);
        do_parts(pool, worker->number);
    }
    return 0;
}

/* All parts by the one thread. */
static void do_alone(void (*part)(void *job, int number), void *job, int parts)
{
    int i;
    for (i = 0; i < parts; i++) part(job, i);
}

void nf_parallel(void *env, void (*part)(void *job, int number), void *job, int parts)
{
    nf_pool *pool = (nf_pool *)env;
    if (pool->workers == 0 || parts < 2 || parts > NF_MOST_PARTS || __atomic_exchange_n(&pool->busy, 1, __ATOMIC_ACQUIRE)) {
        do_alone(part, job, parts);
        return;
    }
    pool->part = part;
    __atomic_store_n(&pool->job, job, __ATOMIC_RELAXED);
    __atomic_store_n(&pool->left, parts - 1, __ATOMIC_RELAXED);
    __atomic_store_n(&pool->open, (~UINT64_C(0) >> (NF_MOST_PARTS - parts)) - 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&pool->sleeping, __ATOMIC_SEQ_CST)) wake(pool);
    part(job, 0);
    if (__atomic_load_n(&pool->left, __ATOMIC_SEQ_CST) != 0) do_parts(pool, 0);
    wait_for_parts(pool);
    __atomic_store_n(&pool->busy, 0, __ATOMIC_RELEASE);
}

void nf_pool_close(nf_pool *pool)
{
    int i;
    __atomic_store_n(&pool->closing, 1, __ATOMIC_SEQ_CST);
    wake(pool);
    for (i = 0; i < pool->workers; i++) pthread_join(pool->worker[i].thread, 0);
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->done);
    pthread_mutex_destroy(&pool->lock);
}

int nf_pool_open(nf_pool *pool, nf_worker *worker, int workers)
{
    int i, status = 0;
    pool->open = 0;
    pool->left = pool->waiting = pool->busy = pool->sleeping = pool->closing = 0;
    pool->worker = worker;
    pool->workers = 0;
    if ((status = pthread_mutex_init(&pool->lock, 0)) != 0) return status;
    if ((status = pthread_cond_init(&pool->work, 0)) != 0) {
        pthread_mutex_destroy(&pool->lock);
        return status;
    }
    if ((status = pthread_cond_init(&pool->done, 0)) != 0) {
        pthread_cond_destroy(&pool->work);
        pthread_mutex_destroy(&pool->lock);
        return status;
    }
    for (i = 0; i < workers && !status; i++) {
        worker[i].pool = pool;
        worker[i].number = i + 1;
        status = pthread_create(&worker[i].thread, 0, work, &worker[i]);
        if (!status) pool->workers = i + 1;
    }
    if (status) nf_pool_close(pool);
    return status;
}
