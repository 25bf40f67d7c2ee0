#include "frontend/tune.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "frontend/json.h"
#include "frontend/npy.h"

enum { MAX_REPORT = 256 << 20, MAX_TRACE = 1 << 30 };

/* ---- the folder ------------------------------------------------------------------------------ */

/* Ordinary numbers, so that nothing is denormal, and the least that a port takes for integers: an index is inside. */
static void fill(const ir_port *port, int64_t n, void *data)
{
    nfc_dtype t = port->type->dtype;
    for (int64_t i = 0; i < n; i++) {
        if (port->bound.has_min) dtype_set(t, data, (size_t)i, port->bound.min);
        else if (dtype_is_float(t)) dtype_set(t, data, (size_t)i, 0.5 + (double)(i * 7 % 16) / 16);
    }
}

static bool write_input(tune_place *t, const ir_port *port)
{
    nfc_session *s = t->c->s;
    int64_t dim[IR_MAX_RANK], n = 1;
    for (int i = 0; i < port->type->rank; i++) n *= dim[i] = sx_max(port->type->dim[i]);
    void *data = arena_alloc(s->arena, (size_t)n * dtype_bytes(port->type->dtype) + 1);
    memset(data, 0, (size_t)n * dtype_bytes(port->type->dtype));
    fill(port, n, data);
    const char *path = session_printf(s, "%s/in%d.npy", t->folder, t->inputs.n);
    vec_push(s->arena, &t->inputs, "--input");
    vec_push(s->arena, &t->inputs, session_printf(s, "%s=%s", port->name, path));
    return npy_write(s, path, port->type->dtype, port->type->rank, dim, data);
}

bool tune_begin(cli *c, const device *d, const ir_graph *g, tune_place *to)
{
    const char *tmp = getenv("TMPDIR");
    char *folder = (char *)(uintptr_t)session_printf(c->s, "%s/nfc-tune-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    *to = (tune_place){.c = c, .device = d, .folder = folder};
    if (!mkdtemp(folder)) {
        diag_error_in(&c->s->diags, E_IO_WRITE, folder, "cannot be made: %s", strerror(errno));
        return false;
    }
    vec_push(c->s->arena, &to->inputs, "--graph");
    vec_push(c->s->arena, &to->inputs, g->name);
    for (int i = 0; i < g->input.n; i++)
        if (!write_input(to, &g->input.at[i])) return false;
    return true;
}

/* ---- processes ------------------------------------------------------------------------------- */

static int wait_for(pid_t child)
{
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* On the last core that this process may use: the first ones have the most to do. */
static void pin(void)
{
    cpu_set_t may, one;
    if (sched_getaffinity(0, sizeof may, &may) != 0) return;
    CPU_ZERO(&one);
    for (size_t i = CPU_SETSIZE; i > 0 && CPU_COUNT(&one) == 0; i--)
        if (CPU_ISSET(i - 1, &may)) CPU_SET(i - 1, &one);
    sched_setaffinity(0, sizeof one, &one);
}

static int run(const char *const *words, bool pinned)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (pinned) pin();
        dup2(STDERR_FILENO, STDOUT_FILENO);
        execvp(words[0], (char *const *)(uintptr_t)words);
        _exit(127);
    }
    return child < 0 ? -1 : wait_for(child);
}

void tune_end(tune_place *t)
{
    const char *words[] = {"rm", "-rf", t->folder, NULL};
    run(words, false);
}

bool tune_build(tune_place *t, const char *schedules, const char *name)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        cli c = *t->c;
        build_result r;
        c.schedules = schedules;
        c.book = NULL;
        c.loaded = NULL;
        c.s->diags.quiet = true;
        build_program(&c, session_printf(c.s, "%s/%s", t->folder, name), BUILD_EXE, &r);
        int status = cli_finish(&c);
        fflush(NULL);
        _exit(status);
    }
    if (child >= 0 && wait_for(child) == 0) return true;
    diag_error_in(&t->c->s->diags, E_COMPILER, schedules, "the program with these schedules cannot be built");
    return false;
}

/* ---- what a run took --------------------------------------------------------------------------- */


static tune_time *time_of(nfc_session *s, tune_times *times, uint64_t key, const char *name)
{
    for (int i = 0; i < times->n; i++)
        if (times->at[i].key == key) return &times->at[i];
    vec_push(s->arena, times, ((tune_time){key, name, 0}));
    return &vec_last(times);
}

/* Every kernel's least time, by its name. */
static void read_trace(const json_node *trace, nfc_map *least, nfc_arena *a)
{
    const json_node *events = json_get(trace, "traceEvents");
    for (const json_node *e = events ? events->child : NULL; e; e = e->next) {
        const json_node *what = json_get(e, "cat"), *name = json_get(e, "name"), *us = json_get(e, "dur");
        if (!what || !name || !us || strcmp(what->text, "kernel") != 0) continue;
        double *least_us = map_get(least, name->text);
        if (!least_us) {
            least_us = ARENA_NEW(a, double);
            *least_us = us->number;
            map_set(least, name->text, least_us);
        }
        if (us->number < *least_us) *least_us = us->number;
    }
}

/* Kernels of one key are one kernel under several names, as parts of it differ: their times add up. */
static void add_times(tune_place *t, const json_node *report, nfc_map *least, tune_times *times)
{
    tune_times now = {0};
    const json_node *graphs = json_get(report, "graphs");
    for (const json_node *g = graphs ? graphs->child : NULL; g; g = g->next)
        for (const json_node *k = json_get(g, "kernels")->child; k; k = k->next) {
            const json_node *key = json_get(k, "key"), *name = json_get(k, "name");
            double *us = map_get(least, name->text);
            if (key && us) time_of(t->c->s, &now, strtoull(key->text, NULL, 16), name->text)->us += *us;
        }
    for (int i = 0; i < now.n; i++) {
        tune_time *all = time_of(t->c->s, times, now.at[i].key, now.at[i].name);
        if (all->us == 0 || now.at[i].us < all->us) all->us = now.at[i].us;
    }
}

bool tune_measure(tune_place *t, const char *name, int64_t runs, tune_times *times)
{
    nfc_session *s = t->c->s;
    const char *trace = session_printf(s, "%s/trace.json", t->folder);
    const json_node *report = json_load(s, session_printf(s, "%s/%s/report.json", t->folder, name), MAX_REPORT);
    if (!report) return false;
    device_words words = {0};
    for (int i = 0; i < t->device->compiler.run.n; i++) vec_push(s->arena, &words, t->device->compiler.run.at[i]);
    vec_push(s->arena, &words, session_printf(s, "%s/%s/%s", t->folder, name, json_get(report, "name")->text));
    for (int i = 0; i < t->inputs.n; i++) vec_push(s->arena, &words, t->inputs.at[i]);
    const char *const more[] = {"--output", session_printf(s, "%s/results", t->folder), "--trace", trace, "--runs", session_printf(s, "%lld", (long long)runs), NULL};
    for (int i = 0; i < 7; i++) vec_push(s->arena, &words, more[i]);
    int status = run(words.at, t->device->threads == 1);
    if (status != 0) {
        diag_error_in(&s->diags, E_UNSUPPORTED, words.at[0], "the program does not run on this machine (status %d)", status);
        return false;
    }
    const json_node *events = json_load(s, trace, MAX_TRACE);
    nfc_map least;
    map_init(&least, s->arena);
    if (!events) return false;
    read_trace(events, &least, s->arena);
    add_times(t, report, &least, times);
    return true;
}
