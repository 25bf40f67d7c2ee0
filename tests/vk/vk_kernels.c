/* vk_kernels emit|kernels|graphs DIR GRAPH...: the GLSL dialect, printed and run.
 *
 * emit: writes the shader of every kernel as DIR/HASH.comp, and the names DIR/HASH of those that are
 *     not compiled yet to stdout.
 * kernels: runs every kernel, from DIR/HASH.spv, on random data and compares with its interpreter.
 * graphs: runs the whole graphs, too, and compares with the simulator.
 * device: says whether there is a device to run them on. */
#include <stdarg.h>
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

bool check_load(checker *k, nfc_session *s, const char *path)
{
    static const pass_options passes = {.stop_at = -1, .verify = true, .precision = DT_f32};
    static const plan_options planning = {.alignment = 64, .gpu = true};
    k->c = (cli){.s = s, .verb = "build"};
    k->path = path;
    k->loaded = NULL;
    vec_push(s->arena, &k->c.operand, path);
    k->m = cli_load(&k->c);
    k->plan = k->m && passes_run(k->m, &passes) ? plan_module(k->m, &planning) : NULL;
    if (!k->plan) {
        diag_flush(&s->diags, stderr);
        check_failed(k, "graph", "it cannot be planned");
    }
    return k->plan != NULL;
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
    if (access(compiled, R_OK) == 0 || access(comp, R_OK) == 0) return;
    FILE *to = fopen(comp, "w");
    if (!to || fputs(source, to) < 0 || fclose(to) != 0) check_failed(k, f->name, "%s cannot be written", comp);
    puts(path);
}

static void emit(checker *k)
{
    for (int g = 0; g < k->plan->graph.n; g++)
        for (int i = 0; i < k->plan->graph.at[g]->call.n; i++) emit_kernel(k, k->plan->graph.at[g]->call.at[i]->kernel);
}

/* ---- all ----------------------------------------------------------------------------------- */

static void work(checker *k, const char *mode)
{
    if (strcmp(mode, "emit") == 0) {
        emit(k);
        return;
    }
    check_kernels(k);
    if (strcmp(mode, "graphs") == 0) check_graphs(k);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "", *why;
    bool runs = strcmp(mode, "kernels") == 0 || strcmp(mode, "graphs") == 0;
    checker k = {.dir = argc > 2 ? argv[2] : "."};
    ops_init();
    if (strcmp(mode, "emit") != 0) {
        k.host = vk_open(&why);
        if (!k.host) {
            printf("%s\n", why);
            return 77;
        }
        if (!runs) printf("%s\n", vk_device_name(k.host));
    }
    for (int i = 3; i < argc; i++) {
        nfc_session *s = session_new();
        if (!s) return 4;
        k.random = map_hash(argv[i], strlen(argv[i]), 0);
        if (check_load(&k, s, argv[i])) work(&k, mode);
        session_free(s);
    }
    if (runs) printf("checks %d failed %d\n", k.checks, k.failed);
    if (k.host) vk_close(k.host);
    return k.failed > 0;
}
