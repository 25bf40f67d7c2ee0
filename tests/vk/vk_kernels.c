/* vk_kernels device
 * vk_kernels emit DIR SAMPLE GRAPH... -- OP...
 * vk_kernels run DIR SAMPLE JOBS GRAPH... -- OP...: the GLSL dialect, printed and run.
 *
 * device: says which device there is to run shaders on; exit status 77: none.
 * emit: writes the shader of every kernel as DIR/HASH.comp, and the names HASH.comp of those that are
 *     not compiled yet to stdout.
 * run: runs every kernel, from DIR/HASH.comp.spv, on random data and compares with its interpreter, and
 *     every GRAPH as a whole, and compares with the simulator. JOBS processes share the work.
 *
 * GRAPH, OP: the file of a graph, or "made" for the kernels of made.c. SAMPLE: 1 for all kernels of an OP;
 * 10 for the first three and every tenth. */
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "codegen/glsl.h"
#include "passes/pass.h"
#include "tests/vk/check.h"

const cli_verb cli_verbs[] = {{NULL, NULL, NULL, NULL}}; /* cli.c lists them for help */

/* Loads a graph, runs the passes and plans it for a GPU. */
static bool load_graph(checker *k, const char *path)
{
    static const pass_options passes = {.stop_at = -1, .verify = true, .precision = DT_f32};
    static const plan_options planning = {.alignment = 64, .gpu = true};
    vec_push(k->c.s->arena, &k->c.operand, path);
    k->m = cli_load(&k->c);
    k->plan = k->m && passes_run(k->m, &passes) ? plan_module(k->m, &planning) : NULL;
    if (!k->plan) {
        diag_flush(&k->c.s->diags, stderr);
        check_failed(k, "graph", "it cannot be planned");
    }
    return k->plan != NULL;
}

static void choose_kernels(checker *k, int sample)
{
    enum { FIRST = 3 };
    int n = 0;
    for (int g = 0; g < k->plan->graph.n; g++)
        for (int i = 0; i < k->plan->graph.at[g]->call.n; i++, n++)
            if (n < FIRST || n % sample == 0) vec_push(k->m->arena, &k->kernel, k->plan->graph.at[g]->call.at[i]->kernel);
}

const char *shader_path(checker *k, const char *source)
{
    size_t n = strlen(source);
    return arena_printf(k->m->arena, "%s/%016llx%016llx", k->dir, (unsigned long long)map_hash(source, n, 1), (unsigned long long)map_hash(source, n, 2));
}

/* ---- emitting ------------------------------------------------------------------------------ */

static void emit_kernel(checker *k, const kir_func *f)
{
    const char *source = glsl_shader(k->m, k->m->arena, f), *path = shader_path(k, source);
    const char *comp = arena_printf(k->m->arena, "%s.comp", path), *compiled = arena_printf(k->m->arena, "%s.spv", comp);
    if (access(compiled, R_OK) == 0) return;
    FILE *to = fopen(comp, "w");
    if (!to || fputs(source, to) < 0 || fclose(to) != 0) check_failed(k, f->name, "%s cannot be written", comp);
    puts(comp + strlen(k->dir) + 1);
}

/* ---- running ------------------------------------------------------------------------------- */

struct check_shared {
    atomic_int next; /* that nobody has claimed */
    atomic_int checks, failed;
};

bool check_claim(checker *k)
{
    int mine = k->seen++;
    if (k->claimed < mine) k->claimed = atomic_fetch_add(&k->shared->next, 1);
    return k->claimed == mine;
}

/* Runs a file's kernels and, where it is asked for, its graphs. */
static void run_file(checker *k, bool whole)
{
    check_kernels(k);
    if (!whole || !k->plan || !check_claim(k)) return;
    k->random = map_hash(k->path, strlen(k->path), 0);
    check_graphs(k);
}

/* ---- all ----------------------------------------------------------------------------------- */

static void load_file(checker *k, const char *path, int sample)
{
    k->c = (cli){.s = session_new(), .verb = "build"};
    if (!k->c.s) exit(4);
    k->path = path;
    k->loaded = NULL;
    k->plan = NULL;
    k->kernel.at = NULL;
    k->kernel.n = k->kernel.cap = 0;
    if (strcmp(path, "made") == 0) {
        k->m = ir_module_new(k->c.s, path);
        check_make(k);
    } else if (load_graph(k, path)) {
        choose_kernels(k, sample);
    }
}

static void work(checker *k, int sample, char **path)
{
    bool whole = true;
    for (; *path; path++) {
        if (strcmp(*path, "--") == 0) {
            whole = false;
            continue;
        }
        load_file(k, *path, whole ? 1 : sample);
        if (k->host) run_file(k, whole);
        else for (int i = 0; i < k->kernel.n; i++) emit_kernel(k, k->kernel.at[i]);
        session_free(k->c.s);
    }
}

static int open_device(checker *k, bool says)
{
    const char *why;
    k->host = vk_open(&why);
    if (says || !k->host) puts(k->host ? vk_device_name(k->host) : why);
    return k->host ? 0 : 77;
}

/* One of the processes that share the work. */
static int run_part(checker *k, int sample, char **path)
{
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ); /* lines of several processes stay whole */
    if (open_device(k, false)) return 77;
    k->claimed = -1;
    work(k, sample, path);
    atomic_fetch_add(&k->shared->checks, k->checks);
    atomic_fetch_add(&k->shared->failed, k->failed);
    vk_close(k->host);
    fflush(stdout);
    return 0;
}

static int run_all(checker *k, int sample, int jobs, char **path)
{
    k->shared = mmap(NULL, sizeof *k->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (k->shared == MAP_FAILED) return 4;
    int lost = 0, status;
    for (int i = 0; i < jobs; i++) {
        pid_t child = fork();
        if (child == 0) _exit(run_part(k, sample, path));
        lost += child < 0;
    }
    while (wait(&status) > 0) {
        if (status == 0) continue;
        printf("FAILED a process: it ended with %s %d\n", WIFSIGNALED(status) ? "signal" : "status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        lost++;
    }
    printf("checks %d failed %d\n", k->shared->checks, k->shared->failed + lost);
    return k->shared->failed + lost > 0;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    checker k = {.dir = argc > 2 ? argv[2] : "."};
    int sample = argc > 3 ? atoi(argv[3]) : 0, jobs = argc > 4 ? atoi(argv[4]) : 0;
    ops_init();
    if (strcmp(mode, "device") == 0) return open_device(&k, true);
    if (strcmp(mode, "run") == 0 && sample > 0 && jobs > 0) return run_all(&k, sample, jobs, argv + 5);
    if (strcmp(mode, "emit") != 0 || sample < 1) return 2;
    work(&k, sample, argv + 4);
    return k.failed > 0;
}
