/* One program that nfc emitted, behind names that do not depend on it. Compiled with -include NAME.h, and with -D:
 * PROGRAM_ctx, PROGRAM_in, PROGRAM_out, PROGRAM_init, PROGRAM_run; ARENA_BYTES, ARENA_ALIGN; PORTS_IN, PORTS_OUT, how many tensors; and of a
 * program for several threads PROGRAM_set_threads and THREADS. */
#include <stddef.h>
#ifdef THREADS
#include "nf_threads.h"

static nf_worker workers[THREADS - 1];
static nf_pool pool;
#endif

_Static_assert(sizeof(PROGRAM_in) == PORTS_IN * sizeof(void *), "the inputs are pointers");
_Static_assert(sizeof(PROGRAM_out) == PORTS_OUT * sizeof(void *), "the outputs are pointers");

typedef struct bridge {
    PROGRAM_ctx context;
    PROGRAM_in in;
    PROGRAM_out out;
} bridge;

static bridge program;

void *bridge_open(void *arena, void **tensors);
int bridge_step(void *argument);

/* tensors: the inputs' and then the outputs' data, in the graph's order. arena: ARENA_BYTES at a multiple of ARENA_ALIGN. NULL when it is not,
 * or no thread is to be had. */
void *bridge_open(void *arena, void **tensors)
{
    void **in = (void **)&program.in, **out = (void **)&program.out;
    if (PROGRAM_init(&program.context, arena, ARENA_BYTES) != 0)
        return NULL;
#ifdef THREADS
    if (nf_pool_open(&pool, workers, THREADS - 1) != 0)
        return NULL;
    PROGRAM_set_threads(&program.context, nf_parallel, &pool);
#endif
    for (size_t i = 0; i < PORTS_IN; i++)
        in[i] = tensors[i];
    for (size_t i = 0; i < PORTS_OUT; i++)
        out[i] = tensors[PORTS_IN + i];
    return &program;
}

/* One run; a status of the program. */
int bridge_step(void *argument)
{
    bridge *b = argument;
    return PROGRAM_run(&b->context, &b->in, &b->out);
}
