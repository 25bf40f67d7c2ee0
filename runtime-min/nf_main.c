/* SPDX-License-Identifier: 0BSD */
#ifndef _XOPEN_SOURCE
#define _XOPEN_SOURCE 700 /* posix_memalign, mmap */
#endif
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE 1 /* madvise */
#endif
#include "nf_main.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "nf_file.h"
#include "nf_ports.h"
#include "nf_trace.h"

/* Everything that one run of the program owns. Functions report what is wrong and return NF_EXIT_*.
 */
typedef struct session {
    const nf_program *p;
    const nf_graph *g;
    /* the command line */
    const char *program; /* argv[0] */
    const char *output, *check, *trace_path, *state, *weights_path, *graph;
    const char **path; /* of each input */
    int64_t runs, bench;
    nf_tolerance tolerance;
    int64_t *dim; /* values of the free dims; -1: not given */
    /* what runs */
    void *ctx, *arena, *weights;
    size_t weights_size;
    nf_tensor *in, *out;
    const void **in_data;
    void **out_data;
    nf_file state_file;
    nf_trace trace;
} session;

/* ---- help ---------------------------------------------------------------------------------- */

static void print_port(const nf_port *p)
{
    printf("    %s : %s %s%s%s\n", p->name, p->type->name, p->shape, *p->limits ? "   " : "",
           p->limits);
}

static void print_graph(const nf_graph *g, int several)
{
    if (several)
        printf("\ngraph %s:\n", g->name);
    else
        putchar('\n');
    printf("  inputs%s\n", g->ninput ? "" : ": none");
    for (int i = 0; i < g->ninput; i++) print_port(&g->input[i]);
    printf("  outputs%s\n", g->noutput ? "" : ": none");
    for (int i = 0; i < g->noutput; i++) print_port(&g->output[i]);
    for (int i = 0; i < g->ndim; i++)
        printf("  %s is from %lld to %lld\n", g->dim[i].name, (long long)g->dim[i].min,
               (long long)g->dim[i].max);
    for (int i = g->ndim; i < g->ndim + g->nresult; i++)
        printf("  %s is what the run makes, from %lld to %lld\n", g->dim[i].name,
               (long long)g->dim[i].min, (long long)g->dim[i].max);
}

static void print_help(const nf_program *p)
{
    static const char *const rows[][2] = {
        {"--input NAME=FILE.npy", "an input; each must be given"},
        {"--output DIR", "writes every output to DIR/NAME.npy; without it they are shown"},
        {"--graph NAME", "the graph to run, where there are several"},
        {"--dim NAME=N", "a free dim; else the inputs tell it, or it is at its bound"},
        {"--runs N", "runs N times, keeping the state; the outputs are the last run's"},
        {"--state FILE", "starts from a saved state if FILE exists, and saves it after the runs"},
        {"--check DIR", "compares the outputs with DIR/NAME.npy"},
        {"--tolerance T",
         "lets a part T of the output's largest magnitude through, or '4ulp'; 1e-5"},
        {"--trace FILE", "writes the kernels' times as Chrome trace events"},
        {"--bench N", "measures N more runs at the end"},
        {"--weights FILE", "where the weights are, if not beside the program"},
    };
    printf(
        "%s, made by nfc from %s\n\nusage: %s --input NAME=FILE.npy ... [--output DIR] [options]\n",
        p->name, p->source, p->name);
    for (int i = 0; i < p->ngraph; i++) print_graph(&p->graph[i], p->ngraph > 1);
    printf("\nmemory, in bytes: arena %llu, weights %llu, state %llu, stack at most %llu\n\n",
           (unsigned long long)p->arena_bytes, (unsigned long long)p->weight_bytes,
           (unsigned long long)p->state_bytes, (unsigned long long)p->stack_bytes);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (p->weights || strncmp(rows[i][0], "--weights", 9) != 0)
            printf("  %-22s %s\n", rows[i][0], rows[i][1]);
}

/* ---- the command line ---------------------------------------------------------------------- */

static int usage(const session *s, const char *where, const char *what)
{
    nf_error(NF_EXIT_USAGE, where, "%s", what);
    fprintf(stderr, "  '%s --help' tells how to call it\n", s->program);
    return NF_EXIT_USAGE;
}

static int read_number(const session *s, const char *option, const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    if (errno == 0 && end != text && *end == 0 && *out > 0 && *out <= 1000000000) return NF_EXIT_OK;
    return usage(s, option, "a number from 1 to 1000000000 is needed");
}

static int read_tolerance(session *s, const char *text)
{
    char *end;
    double v = strtod(text, &end);
    int is_number = end != text && v >= 0 && v < 1e300;
    s->tolerance.value = v;
    s->tolerance.ulp = is_number && strcmp(end, "ulp") == 0;
    if (is_number && (*end == 0 || s->tolerance.ulp)) return NF_EXIT_OK;
    return usage(s, "--tolerance",
                 "a number, such as 1e-5, or units in the last place, such as 4ulp, is needed");
}

/* Does "NAME=..." begin with this name? Gives what stands behind the '='. */
static const char *value_of(const char *pair, const char *name)
{
    size_t n = strlen(name);
    return strncmp(pair, name, n) == 0 && pair[n] == '=' ? pair + n + 1 : NULL;
}

static int read_input_pair(session *s, const char *pair)
{
    for (int i = 0; i < s->g->ninput; i++) {
        const char *path = value_of(pair, s->g->input[i].name);
        if (!path) continue;
        if (s->path[i]) return usage(s, pair, "the input is given twice");
        s->path[i] = path;
        return NF_EXIT_OK;
    }
    if (!strchr(pair, '=')) return usage(s, pair, "--input wants NAME=FILE.npy");
    nf_error(NF_EXIT_USAGE, pair, "there is no such input; the graph's inputs are");
    for (int i = 0; i < s->g->ninput; i++)
        fprintf(stderr, "    %s : %s %s\n", s->g->input[i].name, s->g->input[i].type->name,
                s->g->input[i].shape);
    return NF_EXIT_USAGE;
}

static int read_dim(session *s, const char *pair)
{
    for (int i = 0; i < s->g->ndim; i++) {
        const nf_dim *d = &s->g->dim[i];
        const char *text = value_of(pair, d->name);
        if (!text) continue;
        char *end;
        long long v = strtoll(text, &end, 10);
        if (end == text || *end || v < d->min || v > d->max) {
            nf_error(NF_EXIT_USAGE, pair, "%s is from %lld to %lld", d->name, (long long)d->min,
                     (long long)d->max);
            return NF_EXIT_USAGE;
        }
        s->dim[i] = v;
        return NF_EXIT_OK;
    }
    return usage(s, pair, "--dim wants NAME=N for a free dim of the graph");
}

/* The text of the option at argv[*i], which is "--name" and the next word or "--name=text"; moves
 * *i to its last word. NULL: it is another option. */
static const char *option_text(int argc, char **argv, int *i, const char *name)
{
    size_t n = strlen(name);
    if (strncmp(argv[*i], name, n) != 0) return NULL;
    if (argv[*i][n] == '=') return argv[*i] + n + 1;
    if (argv[*i][n] != 0) return NULL;
    return *i + 1 < argc ? argv[++*i] : "";
}

/* Options whose meaning depends on the graph are read when the graph is known. */
typedef enum stage { BEFORE_GRAPH, BEHIND_GRAPH } stage;

static int read_option(session *s, stage now, int argc, char **argv, int *i)
{
    const char *const word = argv[*i];
    const struct {
        const char *name;
        const char **to;
    } texts[] = {
        {"--graph", &s->graph},      {"--output", &s->output}, {"--check", &s->check},
        {"--trace", &s->trace_path}, {"--state", &s->state},   {"--weights", &s->weights_path},
    };
    const char *text = option_text(argc, argv, i, "--input");
    if (text) return now == BEFORE_GRAPH ? NF_EXIT_OK : read_input_pair(s, text);
    text = option_text(argc, argv, i, "--dim");
    if (text) return now == BEFORE_GRAPH ? NF_EXIT_OK : read_dim(s, text);
    text = option_text(argc, argv, i, "--runs");
    if (text) return read_number(s, "--runs", text, &s->runs);
    text = option_text(argc, argv, i, "--bench");
    if (text) return read_number(s, "--bench", text, &s->bench);
    text = option_text(argc, argv, i, "--tolerance");
    if (text) return read_tolerance(s, text);
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
        text = option_text(argc, argv, i, texts[k].name);
        if (!text) continue;
        *texts[k].to = text;
        return *text ? NF_EXIT_OK : usage(s, word, "the option wants a value");
    }
    return usage(s, word, *word == '-' ? "there is no such option" : "an option is expected here");
}

static int read_options(session *s, stage now, int argc, char **argv)
{
    int status = NF_EXIT_OK;
    for (int i = 1; !status && i < argc; i++) status = read_option(s, now, argc, argv, &i);
    return status;
}

static int choose_graph(session *s)
{
    const nf_program *p = s->p;
    if (!s->graph && p->ngraph == 1) s->g = &p->graph[0];
    for (int i = 0; s->graph && i < p->ngraph; i++)
        if (strcmp(s->graph, p->graph[i].name) == 0) s->g = &p->graph[i];
    if (s->g) return NF_EXIT_OK;
    nf_error(NF_EXIT_USAGE, "--graph",
             s->graph ? "there is no graph '%s'; there are"
                      : "the program has several graphs; name one of",
             s->graph ? s->graph : "");
    for (int i = 0; i < p->ngraph; i++) fprintf(stderr, "    %s\n", p->graph[i].name);
    return NF_EXIT_USAGE;
}

static int check_inputs(const session *s)
{
    int missing = 0;
    for (int i = 0; i < s->g->ninput; i++) {
        const nf_port *p = &s->g->input[i];
        if (!s->path[i])
            nf_error(NF_EXIT_USAGE, p->name, "the input %s %s is not given: --input %s=FILE.npy",
                     p->type->name, p->shape, p->name);
        missing += !s->path[i];
    }
    return missing ? NF_EXIT_USAGE : NF_EXIT_OK;
}

static int check_options(const session *s)
{
    const nf_program *p = s->p;
    if (s->state && !p->save) return usage(s, "--state", "the program has no state");
    if (s->weights_path && !p->weights)
        return usage(s, "--weights", "the program holds its weights itself");
    if (s->trace_path && !p->traced)
        return usage(s, "--trace",
                     "the program is built without NF_TRACE, so it cannot tell when kernels run");
    return check_inputs(s);
}

/* ---- memory -------------------------------------------------------------------------------- */

static void *new_array(int n, size_t size) { return calloc((size_t)n + 1, size); }

/* Tables that are as long as the graph has ports and dims. */
static int make_tables(session *s)
{
    const nf_graph *g = s->g;
    s->path = (const char **)new_array(g->ninput, sizeof *s->path);
    s->dim = (int64_t *)new_array(g->ndim + g->nresult, sizeof *s->dim);
    s->in = (nf_tensor *)new_array(g->ninput, sizeof *s->in);
    s->out = (nf_tensor *)new_array(g->noutput, sizeof *s->out);
    s->in_data = (const void **)new_array(g->ninput, sizeof *s->in_data);
    s->out_data = (void **)new_array(g->noutput, sizeof *s->out_data);
    if (!s->path || !s->dim || !s->in || !s->out || !s->in_data || !s->out_data)
        return nf_no_memory(sizeof *s);
    for (int i = 0; i < g->ndim + g->nresult; i++) s->dim[i] = -1;
    return NF_EXIT_OK;
}

static void close_session(session *s)
{
    if (s->g) {
        nf_free_tensors(s->in, s->g->ninput);
        nf_free_tensors(s->out, s->g->noutput);
    }
    nf_file_abandon(&s->state_file);
    nf_file_abandon(&s->trace.file);
    if (s->weights) munmap(s->weights, s->weights_size);
    free(s->ctx);
    free(s->arena);
    free((void *)s->path);
    free(s->dim);
    free(s->in);
    free(s->out);
    free((void *)s->in_data);
    free(s->out_data);
}

/* ---- the context --------------------------------------------------------------------------- */

static int failed(const session *s, const char *where, int status)
{
    return nf_error(NF_EXIT_BAD, where, "%s", s->p->status_text(status));
}

/* The path of the weights file: as given, or beside the program. malloc'd. */
static char *weights_file(const session *s)
{
    const char *file = s->weights_path ? s->weights_path : s->p->weights;
    const char *slash = s->weights_path ? NULL : strrchr(s->program, '/');
    size_t folder = slash ? (size_t)(slash - s->program) + 1 : 0, n = strlen(file) + 1;
    char *path = (char *)malloc(folder + n);
    if (!path) return NULL;
    memcpy(path, s->program, folder);
    memcpy(path + folder, file, n);
    return path;
}

static int map_file(session *s, const char *path)
{
    struct stat info;
    int file = open(path, O_RDONLY);
    if (file < 0)
        return nf_error(NF_EXIT_IO, path,
                        "the weights cannot be opened: %s; --weights FILE tells where they are",
                        strerror(errno));
    int status = NF_EXIT_OK;
    if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode))
        status = nf_error(NF_EXIT_IO, path, "not a regular file");
    else if (info.st_size == 0)
        status = failed(s, path, s->p->set_weights(s->ctx, "", 0));
    s->weights_size = status ? 0 : (size_t)info.st_size;
    void *at = status ? MAP_FAILED : mmap(NULL, s->weights_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (at != MAP_FAILED)
        s->weights = at;
    else if (!status)
        status = nf_error(NF_EXIT_IO, path, "cannot be mapped: %s", strerror(errno));
    close(file);
    return status;
}

static int load_weights(session *s)
{
    if (!s->p->weights) return NF_EXIT_OK;
    char *path = weights_file(s);
    int status = path ? map_file(s, path) : nf_no_memory(strlen(s->p->weights));
    if (!status) {
        int wrong = s->p->set_weights(s->ctx, s->weights, s->weights_size);
        if (wrong) status = failed(s, path, wrong);
    }
    free(path);
    return status;
}

/* The first run touches all of the arena. In large pages, which are asked for where it fills one at
 * least, that takes one fault for hundreds. */
static int make_arena(session *s)
{
    const nf_program *p = s->p;
    size_t align = p->arena_align < sizeof(void *) ? sizeof(void *) : p->arena_align;
    size_t bytes = p->arena_bytes, huge = p->huge_page && bytes >= p->huge_page ? p->huge_page : 0;
    if (huge) {
        align = huge;
        bytes = (bytes + huge - 1) / huge * huge;
    }
    if (bytes && posix_memalign(&s->arena, align, bytes) != 0) {
        s->arena = NULL;
        return nf_no_memory(bytes);
    }
#if defined(MADV_HUGEPAGE) && !defined(__wasi__)
    if (huge) (void)madvise(s->arena, bytes, MADV_HUGEPAGE); /* small pages do as well */
#endif
    return NF_EXIT_OK;
}

static int make_context(session *s)
{
    const nf_program *p = s->p;
    s->ctx = calloc(1, p->ctx_bytes);
    if (!s->ctx) return nf_no_memory(p->ctx_bytes);
    int status = make_arena(s);
    if (status) return status;
    int wrong = p->init(s->ctx, s->arena, p->arena_bytes);
    return wrong ? failed(s, p->name, wrong) : load_weights(s);
}

/* ---- the state ----------------------------------------------------------------------------- */

static int load_state(session *s)
{
    void *data;
    size_t bytes;
    int status = nf_file_read(s->state, &data, &bytes);
    if (status || !data) return status; /* the first run has none yet */
    int wrong = s->p->load(s->ctx, data, bytes);
    free(data);
    return wrong ? failed(s, s->state, wrong) : NF_EXIT_OK;
}

/* Writes the state to the file that was begun before the runs. */
static int save_state(session *s)
{
    size_t bytes = s->p->save(s->ctx, NULL, 0);
    void *data = malloc(bytes);
    if (!data) return nf_no_memory(bytes);
    s->p->save(s->ctx, data, bytes);
    fwrite(data, 1, bytes, s->state_file.to);
    free(data);
    int status = nf_file_end(&s->state_file, 1);
    return status ? status : nf_file_commit(&s->state_file);
}

/* ---- runs ---------------------------------------------------------------------------------- */

static int run_once(session *s)
{
    int wrong = s->g->run(s->ctx, s->in_data, s->out_data, s->dim);
    if (!wrong) return nf_size_outputs(s->g, s->dim, s->out);
    const char *place = s->p->error_place(s->ctx);
    return failed(s, *place ? place : s->p->source, wrong);
}

static int run_all(session *s)
{
    int status = NF_EXIT_OK;
    for (int64_t i = 0; !status && i < s->runs; i++) {
        if (s->trace_path) nf_trace_run_begin(&s->trace);
        status = run_once(s);
        if (s->trace_path) nf_trace_run_end(&s->trace, s->g, (long long)i + 1);
    }
    return status;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void print_times(int64_t *ns, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)ns[i];
    qsort(ns, (size_t)n, sizeof *ns, by_value);
    double median = ((double)ns[(n - 1) / 2] + (double)ns[n / 2]) / 2;
    int64_t p90 = ns[(9 * n + 9) / 10 - 1]; /* nine in ten runs took no longer */
    printf("bench: %lld runs: min %.3f us, median %.3f us, p90 %.3f us, max %.3f us, %.1f runs/s\n",
           (long long)n, (double)ns[0] / 1e3, median / 1e3, (double)p90 / 1e3,
           (double)ns[n - 1] / 1e3, (double)n * 1e9 / (sum > 0 ? sum : 1));
}

/* The runs before have filled the caches; a few more let the clock of the processor rise. */
static int bench(session *s)
{
    int64_t warm = s->bench < 10 ? s->bench : 10;
    int64_t *ns = (int64_t *)malloc((size_t)s->bench * sizeof *ns);
    int status = ns ? NF_EXIT_OK : nf_no_memory((size_t)s->bench * sizeof *ns);
    for (int64_t i = 0; !status && i < warm; i++) status = run_once(s);
    for (int64_t i = 0; !status && i < s->bench; i++) {
        int64_t start = nf_clock();
        status = run_once(s);
        ns[i] = nf_clock() - start;
    }
    if (!status) print_times(ns, s->bench);
    free(ns);
    return status;
}

/* ---- all ----------------------------------------------------------------------------------- */

static int prepare(session *s)
{
    int status = nf_read_inputs(s->g, s->path, s->dim, s->in);
    if (!status) status = nf_make_outputs(s->g, s->dim, s->out);
    for (int i = 0; i < s->g->ninput; i++) s->in_data[i] = s->in[i].data;
    for (int i = 0; i < s->g->noutput; i++) s->out_data[i] = s->out[i].data;
    if (!status) status = make_context(s);
    if (!status && s->state) status = load_state(s);
    if (!status && s->state) status = nf_file_begin(&s->state_file, s->state);
    if (!status && s->trace_path) {
        status = nf_trace_begin(&s->trace, s->p, s->trace_path);
        s->p->set_trace(s->ctx, nf_trace_call, &s->trace);
    }
    return status;
}

/* What the runs gave. Nothing is written unless all of them went well. */
static int finish(session *s)
{
    int n = s->g->noutput, status = NF_EXIT_OK;
    if (s->output) status = nf_write_outputs(s->output, s->out, n);
    if (!status && s->state) status = save_state(s);
    if (!status && s->trace_path) {
        s->p->set_trace(s->ctx, NULL, NULL);
        status = nf_trace_commit(&s->trace);
    }
    if (!status && !s->output && !s->check && !s->bench) nf_print_outputs(s->out, n);
    if (!status && s->check) status = nf_check_outputs(s->check, s->tolerance, s->out, n);
    return status;
}

static int run_program(session *s, int argc, char **argv)
{
    int status = read_options(s, BEFORE_GRAPH, argc, argv);
    if (!status) status = choose_graph(s);
    if (!status) status = make_tables(s);
    if (!status) status = read_options(s, BEHIND_GRAPH, argc, argv);
    if (!status) status = check_options(s);
    if (!status) status = prepare(s);
    if (!status) status = run_all(s);
    if (!status) status = finish(s);
    if (!status && s->bench) status = bench(s);
    return status;
}

/* A program under WASI begins in the root folder; nf_wasi.mjs tells it where its caller is. */
static int go_to_folder(void)
{
#ifdef __wasi__
    const char *folder = getenv("PWD");
    if (folder && chdir(folder) != 0) return nf_error(NF_EXIT_IO, folder, "cannot be entered: %s", strerror(errno));
#endif
    return NF_EXIT_OK;
}

int nf_main(const nf_program *program, int argc, char **argv)
{
    session s;
    memset(&s, 0, sizeof s);
    s.p = program;
    s.program = argc > 0 ? argv[0] : program->name;
    s.runs = 1;
    s.tolerance.value = 1e-5;
    int status = go_to_folder(), help = 0;
    for (int i = 1; i < argc; i++)
        help |= strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0;
    if (help)
        print_help(program);
    else if (!status)
        status = run_program(&s, argc, argv);
    close_session(&s);
    if (fflush(stdout) != 0 || ferror(stdout))
        return nf_error(NF_EXIT_IO, "stdout", "cannot be written");
    return status;
}
