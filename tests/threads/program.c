/* Runs every graph of an emitted program with pools of several sizes, as the guest of tests/manners: what comes out
 * is the same bits, and is printed as a hash. With pools that are in use, the checks of tests/manners hold: of memory
 * (RUNS of a pool, which is opened again and again), of the stack, of contexts beside each other. With RACES, for
 * ThreadSanitizer, only what it can follow; with APART, each part has a thread of its own, so that no two parts of a
 * fork are ever ordered by who happened to do them. */
#ifdef APART
#define nf_parallel each_apart /* what the program is given in the pool's place */
#endif
#include "manners/harness.c"
#undef nf_parallel

#ifdef APART
typedef struct {
    void (*part)(void *job, int number);
    void *job;
    int number;
} own_part;

static void *do_own(void *env)
{
    const own_part *own = (const own_part *)env;
    own->part(own->job, own->number);
    return NULL;
}

/* A function like nf_parallel(). */
void each_apart(void *env, void (*part)(void *job, int number), void *job, int parts)
{
    pthread_t thread[64];
    own_part own[64];
    (void)env;
    for (int i = 0; i < parts; i++) {
        own[i] = (own_part){part, job, i};
        if (pthread_create(&thread[i], NULL, do_own, &own[i])) exit(1);
    }
    for (int i = 0; i < parts; i++) pthread_join(thread[i], NULL);
}
#endif

#if POOL
static nf_worker more[8];

static void open_pool(int workers)
{
    if (nf_pool_open(&pool, more, workers)) {
        puts("no threads");
        exit(1);
    }
}

static void close_pool(void) { nf_pool_close(&pool); }
#else
static void open_pool(int workers) { (void)workers; }
static void close_pool(void) {}
#endif

/* Three runs, one after the other: states go on. */
static uint64_t result_of(const nf_graph *graph)
{
    guest g;
    uint64_t sum = 0;
    make(&g, 0);
    for (unsigned trial = 0; trial < 3; trial++) {
        make_ports(&g, graph, 1000 * trial);
        int status = run(&g, graph);
        sum = sum * 31 + (status ? (uint64_t)status : hash(&g, graph));
        drop_ports(&g, graph);
    }
    free(g.memory);
    free(g.ctx);
    return sum;
}

static void check_bits(void)
{
    for (int k = 0; k < program.ngraph; k++) {
#ifdef APART
        const int workers[] = {0};
#else
        const int workers[] = {0, 1, 2, 3, 6};
#endif
        uint64_t first = 0;
        for (int i = 0; i < (int)(sizeof workers / sizeof *workers); i++) {
            open_pool(workers[i]);
            uint64_t sum = result_of(&program.graph[k]);
            close_pool();
            if (i == 0) first = sum;
            if (sum != first) {
                printf("graph %s: %d workers give something else\n", program.graph[k].name, workers[i]);
                wrong = 1;
            }
        }
        printf("%s %016llx\n", program.graph[k].name, (unsigned long long)first);
    }
}

/* Pools come and go between the runs of one context. */
static void check_comings(void)
{
    guest g;
    make(&g, 0);
    make_ports(&g, &program.graph[0], 0);
    clock_t begin = clock();
    run(&g, &program.graph[0]);
    int runs = clock() - begin > CLOCKS_PER_SEC / 10000 ? RUNS / 100 : RUNS / 10;
    size_t before = 0;
    for (int i = 0; i < runs + 20; i++) {
        if (i == 10) before = mallinfo2().uordblks; /* the first threads' own records stay */
        open_pool(1 + i % 3);
        run(&g, &program.graph[0]);
        close_pool();
    }
    if (mallinfo2().uordblks != before) {
        printf("%zu bytes before %d pools, %zu behind them\n", before, runs, mallinfo2().uordblks);
        wrong = 1;
    }
    drop_ports(&g, &program.graph[0]);
    free(g.memory);
    free(g.ctx);
}

/* What is found wrong is printed; numbers that are right differ from one build to the next. */
static void quietly(void (*check)(void))
{
    fflush(stdout);
    FILE *real = stdout, *text = tmpfile();
    int before = wrong;
    stdout = text;
    check();
    stdout = real;
    rewind(text);
    for (int c; wrong != before && (c = getc(text)) != EOF;) putchar(c);
    fclose(text);
}

int main(void)
{
    check_bits();
#ifdef APART
    return wrong;
#endif
    open_pool(3);
    quietly(check_threads);
#ifndef RACES
    quietly(check_arena);
    quietly(check_stack);
    quietly(check_runs);
#endif
    close_pool();
#ifndef RACES
    check_comings();
#endif
    return wrong;
}
