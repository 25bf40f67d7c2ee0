/* Runs every graph of an emitted program as a guest in memory that is watched. Compiled with PROGRAM defined as the
 * name of a NAME_main.c, whose tables it uses.
 *
 *   arena      what is touched of a poisoned arena ends where the header says (EXACT: it takes all of it), and
 *              nothing around it is; what the arena held before does not matter
 *   stack      what is touched of a painted stack is at most what the header says
 *   runs       ten thousand runs more (of slow graphs two hundred): no memory more
 *   threads    two contexts in two threads give what one gives alone
 *
 * Prints "arena touched N of M" and the like; exits with 1 when anything is wrong. */
#define main nf_program_main
#include PROGRAM
#undef main

#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { GUARD = 4096, STACK = 1 << 20, TRIALS = 16 };

typedef struct guest {
    unsigned char *memory, *arena; /* GUARD bytes, the arena, GUARD bytes */
    void *ctx;
    void *in[512], *out[512];
    int64_t dim[64];
} guest;

static int wrong;

static int64_t elements(const nf_port *p, const int64_t *dim)
{
    int64_t n = 1;
    for (int i = 0; i < p->rank; i++) n *= p->axis[i].fixed >= 0 ? p->axis[i].fixed : p->axis[i].dim >= 0 ? dim[p->axis[i].dim] : p->axis[i].of(dim);
    return n;
}

/* Small whole numbers of any type; bits of floats are those of 1.0 and its like. */
static void fill(void *data, const nf_type *type, int64_t n, unsigned seed)
{
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1103515245u + 12345u;
        unsigned v = seed >> 16 & 3;
        unsigned char *at = (unsigned char *)data + i * type->bytes;
        memset(at, 0, (size_t)type->bytes);
        if (type->kind == NF_INTEGER) at[0] = (unsigned char)(v <= type->max ? v : 0);
        else if (type->bytes == 4) *(float *)(void *)at = (float)v + 0.25f;
        else if (type->bytes == 8) *(double *)(void *)at = v + 0.25;
        else at[type->bytes - 1] = (unsigned char)(type->bytes == 1 ? 0x30 + v : 0x3c + v % 2);
    }
}

static void *room(int64_t bytes) { return aligned_alloc(64, ((size_t)bytes + 64) / 64 * 64); }

static void make(guest *g, int poison)
{
    g->memory = (unsigned char *)aligned_alloc(4096, (program.arena_bytes + 2 * GUARD + 4095) / 4096 * 4096);
    g->arena = g->memory + GUARD;
    memset(g->memory, poison, program.arena_bytes + 2 * GUARD);
    g->ctx = malloc(program.ctx_bytes);
    memset(g->ctx, poison, program.ctx_bytes);
    if (program.init(g->ctx, g->arena, program.arena_bytes)) { puts("init fails"); exit(1); }
}

static void make_ports(guest *g, const nf_graph *graph, unsigned seed)
{
    for (int i = 0; i < graph->ndim + graph->nresult; i++) g->dim[i] = graph->dim[i].max;
    for (int i = 0; i < graph->ninput; i++) {
        int64_t n = elements(&graph->input[i], g->dim);
        g->in[i] = room(n * graph->input[i].type->bytes);
        fill(g->in[i], graph->input[i].type, n, (unsigned)i + 7 + seed);
    }
    for (int i = 0; i < graph->noutput; i++) {
        int64_t n = elements(&graph->output[i], g->dim), room_of = graph->output[i].room;
        int64_t bytes = (n > room_of ? n : room_of) * graph->output[i].type->bytes;
        g->out[i] = room(bytes);
        memset(g->out[i], 0, (size_t)bytes);
    }
}

static void drop_ports(guest *g, const nf_graph *graph)
{
    for (int i = 0; i < graph->ninput; i++) free(g->in[i]);
    for (int i = 0; i < graph->noutput; i++) free(g->out[i]);
}

static int run(guest *g, const nf_graph *graph) { return graph->run(g->ctx, (const void *const *)g->in, g->out, g->dim); }

static uint64_t hash(const guest *g, const nf_graph *graph)
{
    uint64_t h = 1469598103934665603u;
    for (int i = 0; i < graph->noutput; i++) {
        const unsigned char *p = (const unsigned char *)g->out[i];
        for (int64_t n = elements(&graph->output[i], g->dim) * graph->output[i].type->bytes; n--; p++) h = (h ^ *p) * 1099511628211u;
    }
    return h;
}

/* ---- arena --------------------------------------------------------------------------------- */

/* The end of what differs from the poison, over all graphs; each begins on an arena of poison. */
static size_t touched(int poison, uint64_t *sum)
{
    size_t end = 0;
    *sum = 0;
    for (int k = 0; k < program.ngraph; k++) {
        guest g;
        make(&g, poison);
        for (unsigned trial = 0; trial < TRIALS; trial++) { /* other data, other branches */
            make_ports(&g, &program.graph[k], 1000 * trial);
            int status = run(&g, &program.graph[k]);
            *sum = *sum * 31 + (status ? (uint64_t)status : hash(&g, &program.graph[k]));
            drop_ports(&g, &program.graph[k]);
        }
        for (size_t i = 0; i < program.arena_bytes + 2 * GUARD; i++) {
            if (g.memory[i] == (unsigned char)poison) continue;
            if (i < GUARD || i >= GUARD + program.arena_bytes) {
                printf("graph %s writes outside of its arena, at %ld\n", program.graph[k].name, (long)i - GUARD);
                wrong = 1;
            } else if (i - GUARD + 1 > end) {
                end = i - GUARD + 1;
            }
        }
        free(g.memory);
        free(g.ctx);
    }
    return end;
}

static void check_arena(void)
{
    uint64_t one, two;
    size_t a = touched(0xa5, &one), b = touched(0x5a, &two), end = a > b ? a : b;
    printf("arena: touched %zu of %zu bytes\n", end, program.arena_bytes);
    wrong |= (EXACT && end != program.arena_bytes) || one != two;
    if (one != two) puts("what the arena held before matters");
}

/* ---- stack --------------------------------------------------------------------------------- */

typedef struct job {
    guest *g;
    const nf_graph *graph;
    int runs;
} job;

static void *in_thread(void *env)
{
    job *j = (job *)env;
    for (int i = 0; i < j->runs; i++) run(j->g, j->graph);
    return NULL;
}

/* How much of a painted stack a thread takes. */
static size_t stack_of(guest *g, const nf_graph *graph, int runs)
{
    unsigned char *stack = (unsigned char *)aligned_alloc(4096, STACK);
    job j = {g, graph, runs};
    pthread_attr_t attr;
    pthread_t thread;
    size_t free_bytes = 0;
    memset(stack, 0xc3, STACK);
    pthread_attr_init(&attr);
    pthread_attr_setstack(&attr, stack, STACK);
    if (pthread_create(&thread, &attr, in_thread, &j)) exit(1);
    pthread_join(thread, NULL);
    while (free_bytes < STACK && stack[free_bytes] == 0xc3) free_bytes++;
    free(stack);
    return STACK - free_bytes;
}

static void check_stack(void)
{
    size_t most = 0;
    for (int k = 0; k < program.ngraph; k++) {
        guest g;
        make(&g, 0);
        make_ports(&g, &program.graph[k], 0);
        size_t without = stack_of(&g, &program.graph[k], 0), with = stack_of(&g, &program.graph[k], 1);
        if (with > without && with - without > most) most = with - without;
        drop_ports(&g, &program.graph[k]);
        free(g.memory);
        free(g.ctx);
    }
    printf("stack: at most %zu of %zu bytes\n", most, program.stack_bytes);
    wrong |= most > program.stack_bytes;
}

/* ---- many runs, two threads ------------------------------------------------------------------ */

static void check_runs(void)
{
    for (int k = 0; k < program.ngraph; k++) {
        guest g;
        make(&g, 0);
        make_ports(&g, &program.graph[k], 0);
        clock_t begin = clock();
        run(&g, &program.graph[k]);
        int runs = clock() - begin > CLOCKS_PER_SEC / 1000 ? RUNS / 50 : RUNS; /* over a millisecond: fewer */
        size_t before = mallinfo2().uordblks;
        for (int i = 0; i < runs; i++) run(&g, &program.graph[k]);
        if (mallinfo2().uordblks != before) {
            printf("graph %s: %zu bytes before the runs, %zu behind them\n", program.graph[k].name, before, mallinfo2().uordblks);
            wrong = 1;
        }
        drop_ports(&g, &program.graph[k]);
        free(g.memory);
        free(g.ctx);
    }
}

static void check_threads(void)
{
    for (int k = 0; k < program.ngraph; k++) {
        guest g[3];
        pthread_t thread[2];
        job j[2];
        for (int i = 0; i < 3; i++) {
            make(&g[i], 0);
            make_ports(&g[i], &program.graph[k], 0);
        }
        for (int i = 0; i < 2; i++) {
            j[i] = (job){&g[i], &program.graph[k], 50};
            if (pthread_create(&thread[i], NULL, in_thread, &j[i])) exit(1);
        }
        for (int i = 0; i < 2; i++) pthread_join(thread[i], NULL);
        for (int i = 0; i < 50; i++) run(&g[2], &program.graph[k]);
        for (int i = 0; i < 2; i++)
            if (hash(&g[i], &program.graph[k]) != hash(&g[2], &program.graph[k])) {
                printf("graph %s: contexts disturb each other\n", program.graph[k].name);
                wrong = 1;
            }
        for (int i = 0; i < 3; i++) {
            drop_ports(&g[i], &program.graph[k]);
            free(g[i].memory);
            free(g[i].ctx);
        }
    }
}

#ifndef NO_MAIN /* tests/threads has its own */
int main(void)
{
    check_arena();
    check_stack();
    check_runs();
    check_threads();
    return wrong;
}
#endif
