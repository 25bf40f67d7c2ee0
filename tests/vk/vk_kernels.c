/* vk_kernels device
 * vk_kernels emit|kernels|graphs DIR SAMPLE GRAPH...: the GLSL dialect, printed and run.
 *
 * device: says which device there is to run shaders on; exit status 77: none.
 * emit: writes the shader of every kernel as DIR/HASH.comp, and the names DIR/HASH of those that are
 *     not compiled yet to stdout.
 * kernels: runs every kernel, from DIR/HASH.spv, on random data and compares with its interpreter.
 * graphs: runs the whole graphs, too, and compares with the simulator.
 *
 * SAMPLE: 1 for all kernels of a graph's file; 10 for the first three and every tenth. GRAPH is a file,
 * or "made" for the kernels of made.c. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "codegen/glsl.h"
#include "passes/pass.h"
#include "tests/vk/check.h"

const cli_verb cli_verbs[] = {{NULL, NULL, NULL, NULL}}; /* cli.c lists them for help */

void check_failed(checker *k, const char *where, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("FAILED %s: %s: ", k->path, where);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
    k->failed++;
}

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
    const char *comp = arena_printf(k->m->arena, "%s.comp", path), *compiled = arena_printf(k->m->arena, "%s.spv", path);
    if (access(compiled, R_OK) == 0) return;
    FILE *to = fopen(comp, "w");
    if (!to || fputs(source, to) < 0 || fclose(to) != 0) check_failed(k, f->name, "%s cannot be written", comp);
    puts(path);
}

/* ---- all ----------------------------------------------------------------------------------- */

static void work(checker *k, const char *mode, int sample, const char *path)
{
    bool by_hand = strcmp(path, "made") == 0;
    k->c = (cli){.s = session_new(), .verb = "build"};
    if (!k->c.s) exit(4);
    k->path = path;
    k->loaded = NULL;
    k->plan = NULL;
    k->kernel.at = NULL;
    k->kernel.n = k->kernel.cap = 0;
    k->random = map_hash(path, strlen(path), 0);
    if (by_hand) {
        k->m = ir_module_new(k->c.s, path);
        check_make(k);
    } else if (load_graph(k, path)) {
        choose_kernels(k, sample);
    }
    if (strcmp(mode, "emit") != 0) check_kernels(k);
    else for (int i = 0; i < k->kernel.n; i++) emit_kernel(k, k->kernel.at[i]);
    if (strcmp(mode, "graphs") == 0 && k->plan) check_graphs(k);
    session_free(k->c.s);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "", *why;
    bool emits = strcmp(mode, "emit") == 0, runs = strcmp(mode, "kernels") == 0 || strcmp(mode, "graphs") == 0;
    int sample = argc > 3 ? atoi(argv[3]) : 0;
    checker k = {.dir = argc > 2 ? argv[2] : "."};
    if ((emits || runs) ? sample < 1 : strcmp(mode, "device") != 0) return 2;
    ops_init();
    if (!emits) {
        k.host = vk_open(&why);
        puts(k.host ? vk_device_name(k.host) : why);
        if (!k.host) return 77;
    }
    for (int i = 4; i < argc; i++) work(&k, mode, sample, argv[i]);
    if (runs) printf("checks %d failed %d\n", k.checks, k.failed);
    if (k.host) vk_close(k.host);
    return k.failed > 0;
}
