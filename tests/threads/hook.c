/* The digits of examples/, made for 4 threads, without nf_threads.c: a function of our own does the parts, in
 * another order, and what comes out is the same. */
#include "digits.h"

#include <stdio.h>
#include <string.h>

static unsigned char arena[DIGITS_ARENA_BYTES + DIGITS_ARENA_ALIGN];

typedef struct own_pool {
    int jobs, parts, most;
} own_pool;

/* Backwards. */
static void own_parallel(void *env, void (*part)(void *job, int number), void *job, int parts)
{
    own_pool *pool = (own_pool *)env;
    int i;
    pool->jobs++;
    pool->parts += parts;
    if (parts > pool->most) pool->most = parts;
    for (i = parts - 1; i >= 0; i--) part(job, i);
}

int main(void)
{
    static uint8_t pixels[64];
    float logits[3][10];
    int64_t digit[3] = {-1, -1, -1};
    size_t past = (size_t)((uintptr_t)arena % DIGITS_ARENA_ALIGN);
    own_pool pool = {0, 0, 0};
    digits_ctx ctx;
    int i, status;
    for (i = 0; i < 64; i++) pixels[i] = (uint8_t)(i * 7 % 17);
    status = digits_init(&ctx, arena + (past ? DIGITS_ARENA_ALIGN - past : 0), DIGITS_ARENA_BYTES);
    for (i = 0; i < 3 && !status; i++) { /* alone, in parts, alone again */
        digits_in in;
        digits_out out;
        memset(&in, 0, sizeof in);
        memset(&out, 0, sizeof out);
        in.pixels = pixels;
        out.logits = logits[i];
        out.digit = &digit[i];
        if (i == 1) digits_set_threads(&ctx, own_parallel, &pool);
        if (i == 2) digits_set_threads(&ctx, 0, 0);
        status = digits_run(&ctx, &in, &out);
    }
    printf("status %d, %d jobs, %d parts\n", status, pool.jobs, pool.parts);
    if (status || pool.jobs < 2 || pool.parts < 2 * pool.jobs || pool.most != DIGITS_THREADS) return 1;
    return memcmp(logits[0], logits[1], sizeof logits[0]) || memcmp(logits[0], logits[2], sizeof logits[0]) || digit[0] < 0 || digit[0] != digit[1] || digit[0] != digit[2];
}
