/* nfc test: runs the emitted program on kept inputs, and compares with kept outputs. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "frontend/cache.h"
#include "frontend/golden.h"
#include "frontend/junit.h"
#include "frontend/simio.h"

typedef struct {
    cli *c;
    const ir_graph *g;
    golden_cases cases;
    golden_tolerance tolerance;
    cached_program program;
    const char *scratch; /* a folder for what the program writes */
    junit results;
    int outputs, failed;
} tester;

/* ---- the scratch folder ------------------------------------------------------------------------ */

/* In it: the outputs of the case at hand, in a folder, and what the program said. */
static const char out_folder[] = "out", said_file[] = "said";

/* Removes a folder of plain files. It runs at the arena's end, too, and so allocates nothing there. */
static void remove_folder(int parent, const char *name)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d) return;
    for (struct dirent *e; (e = readdir(d));)
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) unlinkat(fd, e->d_name, 0);
    closedir(d);
    unlinkat(parent, name, AT_REMOVEDIR);
}

static void remove_scratch(void *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    remove_folder(fd, out_folder);
    close(fd);
    remove_folder(AT_FDCWD, path);
}

static bool make_scratch(tester *t)
{
    const char *base = getenv("TMPDIR");
    char *path = session_printf(t->c->s, "%s/nfc-test-XXXXXX", base && *base == '/' ? base : "/tmp");
    void **owner = arena_defer(t->c->s->arena, remove_scratch, NULL);
    if (!mkdtemp(path)) {
        diag_error_in(&t->c->s->diags, E_IO_WRITE, path, "a folder for the outputs cannot be made: %s", strerror(errno));
        return false;
    }
    t->scratch = path;
    *owner = path;
    return true;
}

/* ---- running ----------------------------------------------------------------------------------- */

/* Starts a command with its output in a file; what it ended with, as a shell says it. */
static int run_command(const char *const *words, const char *output)
{
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) return -1;
    if (child == 0) {
        int fd = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0) _exit(126);
        cache_exec(words);
        dprintf(STDERR_FILENO, "%s cannot be started on this machine: %s\n", words[0], strerror(errno));
        _exit(127);
    }
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* What the program said, without the end of its last line. */
static const char *said(tester *t, const char *path)
{
    enum { MOST = 1 << 20 };
    char *text;
    size_t n;
    if (read_file(t->c->s->arena, path, MOST, &text, &n) != READ_OK) return "";
    while (n && text[n - 1] == '\n') text[--n] = 0;
    return text;
}

/* Runs a case; the outputs lie in the scratch folder then. NULL, or why there are none. */
static const char *run_case(tester *t, const golden_case *k)
{
    nfc_session *s = t->c->s;
    const char *output = session_printf(s, "%s/%s", t->scratch, out_folder), *log = session_printf(s, "%s/%s", t->scratch, said_file);
    VEC(const char *) words = {0};
    for (int i = 0; i < t->g->input.n; i++) {
        vec_push(s->arena, &words, "--input");
        vec_push(s->arena, &words, session_printf(s, "%s=%s", t->g->input.at[i].name, k->input[i]));
    }
    const char *rest[] = {"--output", output, "--graph", t->g->name};
    for (int i = 0; i < (t->g->module->graph.n > 1 ? 4 : 2); i++) vec_push(s->arena, &words, rest[i]);
    remove_folder(AT_FDCWD, output);
    int status = run_command(cache_command(t->c, &t->program, words.at, words.n), log);
    if (status == 0) return NULL;
    const char *text = said(t, log);
    return *text ? session_printf(s, "the program ended with status %d: %s", status, text) : session_printf(s, "the program ended with status %d", status);
}

/* ---- results ----------------------------------------------------------------------------------- */

static void add_result(tester *t, const golden_case *k, const char *output, const char *failure, bool error)
{
    junit_case r = {session_printf(t->c->s, "%s.%s", t->g->name, k->name), output, failure, error};
    vec_push(t->c->s->arena, &t->results.test, r);
    t->failed += failure != NULL;
}

static const char *distance_text(const tester *t, const golden_result *r, const ir_port *p)
{
    nfc_session *s = t->c->s;
    if (!dtype_is_float(p->type->dtype) || r->worst > 1e300) return session_printf(s, "%s where %s is expected, at %s", r->got, r->expected, r->at);
    return session_printf(s, "%.3g%s: %s where %s is expected, at %s", r->worst, t->tolerance.ulp ? " ulp" : " of the scale", r->got, r->expected, r->at);
}

static void judge(tester *t, const golden_case *k, int i)
{
    nfc_session *s = t->c->s;
    const ir_port *p = &t->g->output.at[i];
    const char *path = session_printf(s, "%s/%s/%s.npy", t->scratch, out_folder, p->name), *failure = NULL;
    npy_array got, expected;
    if (!npy_read(s, path, &got) || !npy_read(s, k->output[i], &expected)) {
        add_result(t, k, p->name, "the file cannot be read", true); /* and that is reported */
        return;
    }
    golden_result r = golden_compare(s, p, &got, &expected, t->tolerance);
    if (r.problem) failure = r.problem;
    else if (!r.ok) failure = session_printf(s, "%lld of %lld elements differ; worst %s", (long long)r.off, (long long)r.count, distance_text(t, &r, p));
    if (failure) printf("FAIL  %s: %s: %s\n", k->name, p->name, failure);
    else printf("ok    %s: %s: %s\n", k->name, p->name, r.at ? session_printf(s, "worst %s", distance_text(t, &r, p)) : "equal");
    add_result(t, k, p->name, failure, false);
}

static void test_case(tester *t, const golden_case *k)
{
    const char *why = run_case(t, k);
    for (int i = 0; i < t->g->output.n; i++, t->outputs++) {
        if (!why) judge(t, k, i);
        else add_result(t, k, t->g->output.at[i].name, why, true);
    }
    if (why) printf("FAIL  %s: %s\n", k->name, why);
}

static void test_all(tester *t)
{
    t->results.suite = t->g->module->name;
    for (int i = 0; i < t->cases.n; i++) test_case(t, &t->cases.at[i]);
    printf("%d case%s, %d output%s: %d ok, %d failed\n", t->cases.n, t->cases.n == 1 ? "" : "s", t->outputs, t->outputs == 1 ? "" : "s", t->outputs - t->failed, t->failed);
    if (t->c->junit) junit_write(t->c->s, t->c->junit, &t->results);
}

/* ---- --bless: by the simulator, which shares no code with what is tested --------------------------- */

static bool bless_output(tester *t, const golden_case *k, int i, const sim_tensor *x)
{
    nfc_session *s = t->c->s;
    const char *aside = session_printf(s, "%s.tmp.%ld", k->output[i], (long)getpid());
    if (mkdir(k->out_dir, 0777) != 0 && errno != EEXIST) {
        diag_error_in(&s->diags, E_IO_WRITE, k->out_dir, "the folder cannot be made: %s", strerror(errno));
        return false;
    }
    if (!npy_write(s, aside, x->dtype, x->rank, x->dim, x->data)) return false;
    if (rename(aside, k->output[i]) != 0) {
        diag_error_in(&s->diags, E_IO_WRITE, k->output[i], "cannot be written: %s", strerror(errno));
        unlink(aside);
        return false;
    }
    printf("wrote %s\n", k->output[i]);
    return true;
}

static bool bless_case(tester *t, sim *machine, ir_graph *g, const golden_case *k)
{
    nfc_session *s = t->c->s;
    sim_tensor **in = ARENA_ARRAY(s->arena, sim_tensor *, g->input.n + 1), **out = ARENA_ARRAY(s->arena, sim_tensor *, g->output.n + 1);
    cli_pair *pair = ARENA_ARRAY(s->arena, cli_pair, g->input.n + 1);
    for (int i = 0; i < g->input.n; i++) pair[i] = (cli_pair){g->input.at[i].name, k->input[i]};
    sim_reset(machine);
    bool ok = simio_read_inputs(machine, g, pair, g->input.n, in) && sim_run(machine, g, in, out);
    for (int i = 0; ok && i < g->output.n; i++) ok = bless_output(t, k, i, out[i]);
    simio_drop(in, g->input.n);
    simio_drop(out, g->output.n);
    return ok;
}

static void bless_all(tester *t, ir_graph *g)
{
    sim *machine = sim_new(g->module);
    for (int i = 0; i < t->cases.n; i++) bless_case(t, machine, g, &t->cases.at[i]);
    sim_free(machine);
    if (t->c->s->diags.errors == 0) puts("these are the simulator's results; look at them before you keep them");
}

/* ---- the verb ---------------------------------------------------------------------------------- */

static bool check_options(tester *t)
{
    cli *c = t->c;
    nfc_diags *diags = &c->s->diags;
    if (!c->golden) diag_help(diag_error_in(diags, E_USAGE, "--golden", "the folder of the cases is not named"), "--golden DIR");
    if (!golden_read_tolerance(c->tolerance ? c->tolerance : "1e-5", &t->tolerance)) diag_error_in(diags, E_USAGE, "--tolerance", "'%s' is neither a part of the scale, such as 1e-5, nor a number of ulp, such as 4ulp", c->tolerance);
    if (c->bless && c->junit) diag_error_in(diags, E_USAGE, "--junit", "nothing is tested with --bless");
    return diags->errors == 0;
}

int verb_test(cli *c)
{
    tester t = {.c = c};
    ir_module *m = check_options(&t) ? cli_load(c) : NULL;
    ir_graph *g = m ? cli_graph(c, m) : NULL;
    if (!g || !golden_find(c->s, g, c->golden, c->bless, &t.cases)) return cli_finish(c);
    t.g = g;
    if (c->bless) bless_all(&t, g);
    else if (cache_program(c, &t.program) && make_scratch(&t)) test_all(&t);
    int status = cli_finish(c);
    return status || !t.failed ? status : 1;
}
