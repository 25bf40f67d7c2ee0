#include "frontend/build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "codegen/isa.h"
#include "frontend/made.h"
#include "frontend/outdir.h"
#include "frontend/schedules.h"
#include "passes/pass.h"

/* The number of threads is of the option, where it is given. */
static bool choose_threads(cli *c, device *d)
{
    enum { MOST = 64 };
    if (c->threads < 0) return true;
    if (c->threads >= 1 && c->threads <= MOST) {
        d->threads = c->threads;
        return true;
    }
    diag_error_in(&c->s->diags, E_USAGE, "--threads", "%lld is not from 1 to %d", (long long)c->threads, MOST);
    return false;
}

/* So is the precision. */
static bool choose_precision(cli *c, device *d)
{
    static const nfc_dtype known[] = {DT_f32, DT_f16, DT_bf16};
    static const char *const names[] = {"f32", "f16", "bf16", NULL};
    if (!c->precision) return true;
    for (int i = 0; names[i]; i++) {
        if (strcmp(c->precision, names[i]) != 0) continue;
        d->precision = known[i];
        if (!d->types || d->types >> d->precision & 1) return true;
        diag_error_in(&c->s->diags, E_USAGE, "--precision", "device '%s' cannot compute with %s", d->name, names[i]);
        return false;
    }
    diag_suggest(diag_error_in(&c->s->diags, E_USAGE, "--precision", "f32, f16 or bf16, not '%s'", c->precision), c->precision, names);
    return false;
}

/* What --strict promises, no option and no device may take back; its compiler is told. */
static bool make_strict(cli *c, device *d)
{
    static const char uncontracted[] = "-ffp-contract=off";
    const char *against = c->fast_math                ? "--fast-math changes roundings"
                          : d->fast_math              ? "the device's /preferences/fast_math changes roundings"
                          : d->precision != DT_f32 && c->precision ? "--precision changes weights"
                          : d->precision != DT_f32    ? "the device's /preferences/precision changes weights"
                                                      : NULL;
    if (!c->strict) return true;
    if (against) {
        diag_error_in(&c->s->diags, E_USAGE, "--strict", "%s", against);
        return false;
    }
    bool told = false;
    for (int i = 0; i < d->compiler.flags.n; i++) told |= strcmp(d->compiler.flags.at[i], uncontracted) == 0;
    if (!told) vec_push(c->s->arena, &d->compiler.flags, uncontracted);
    return true;
}

static const device *load_device(cli *c, const char *name)
{
    device *d = device_load(c->s, name);
    return d && choose_threads(c, d) && choose_precision(c, d) && make_strict(c, d) ? d : NULL;
}

const device *cli_device(cli *c) { return load_device(c, c->device ? c->device : DEVICE_DEFAULT); }

static bool is_dump(const cli *c, const char *what) { return c->dump && strcmp(c->dump, what) == 0; }

/* A pass that runs several times has several rows. */
static bool stands_before(const char *const *names, int i)
{
    for (int k = 0; k < i; k++)
        if (strcmp(names[k], names[i]) == 0) return true;
    return false;
}

static bool known_dump(cli *c)
{
    const char *const *names = pass_names();
    for (int i = 0; c->dump && names[i]; i++)
        if (strcmp(names[i], c->dump) == 0) return true;
    if (!c->dump) return true;
    nfc_diag *d = diag_error_in(&c->s->diags, E_USAGE, "--dump", "there is no pass '%s'", c->dump);
    if (diag_suggest(d, c->dump, names)) return false;
    const char *list = "";
    for (int i = 0; names[i]; i++)
        if (!stands_before(names, i)) list = session_printf(c->s, "%s%s%s", list, i ? ", " : "", names[i]);
    diag_help(d, "it takes %s", list);
    return false;
}

/* Without vectors one order is as good as another. */
static bool read_layout(cli *c, const device *d, plan_layout *layout)
{
    static const char *const names[] = {"plain", "channels-last", "auto", NULL};
    *layout = d->chosen && d->chosen->vector_bits > 0 ? LAYOUT_CHOSEN : LAYOUT_PLAIN;
    if (!c->layout || strcmp(c->layout, "auto") == 0) return true;
    for (int i = 0; names[i]; i++)
        if (strcmp(c->layout, names[i]) == 0) {
            *layout = (plan_layout)i;
            return true;
        }
    nfc_diag *diag = diag_error_in(&c->s->diags, E_USAGE, "--layout", "plain, channels-last or auto, not '%s'", c->layout);
    diag_suggest(diag, c->layout, names);
    return false;
}

/* Weights become 16/9 or 4 times as large, and the squares need room: by itself it is not done where the device limits
 * either, nor where values shall lie in an order that is none of its own. */
static bool read_winograd(cli *c, const device *d, plan_layout layout, winograd_choice *choice)
{
    static const char *const names[] = {"off", "auto", "f2", "f4", NULL};
    const char *kind = c->winograd ? c->winograd : "auto";
    for (int i = 0; names[i]; i++) {
        if (strcmp(kind, names[i]) != 0) continue;
        *choice = (winograd_choice)i;
        if (i == WINOGRAD_AUTO && (c->strict || d->arena_limit || d->weights_limit || layout == LAYOUT_PLAIN)) *choice = WINOGRAD_OFF;
        if (!c->strict || *choice == WINOGRAD_OFF) return true;
        diag_error_in(&c->s->diags, E_USAGE, "--strict", "--winograd=%s changes roundings", kind);
        return false;
    }
    nfc_diag *diag = diag_error_in(&c->s->diags, E_USAGE, "--winograd", "auto, off, f2 or f4, not '%s'", kind);
    diag_suggest(diag, kind, names);
    return false;
}

static bool read_schedules(cli *c, const device *d, plan_options *options)
{
    schedule_lines lines = {0};
    options->book = c->book;
    if (!c->schedules) return true;
    if (!schedules_read(c->s, c->schedules, &lines)) return false;
    options->book = schedules_book(c->s->arena, &lines, d->name);
    return true;
}

/* Chains are for processors, on which kernels may be small. */
static bool read_chains(cli *c, const device *d, plan_layout layout, pass_chains *chains)
{
    static const char *const names[] = {"off", "auto", "on", "all", NULL};
    const char *said = c->chains ? c->chains : "auto";
    char *end;
    *chains = (pass_chains){.mode = CHAINS_ALL, .layout = layout, .cache = device_own_cache(d)};
    if (strcmp(d->backend, "c") != 0) return chains->mode = CHAINS_OFF, true;
    for (int i = 0; names[i]; i++)
        if (strcmp(said, names[i]) == 0) return chains->mode = (pass_chains_mode)i, true;
    chains->rows = strtol(said, &end, 10);
    if (*said && !*end && chains->rows > 0 && chains->rows <= INT32_MAX) return true;
    nfc_diag *diag = diag_error_in(&c->s->diags, E_USAGE, "--chains", "off, auto, on, all or a number of rows, not '%s'", said);
    diag_suggest(diag, said, names);
    return false;
}

static void print_kernels(FILE *to, const plan *p)
{
    for (int g = 0; g < p->graph.n; g++)
        for (int i = 0; i < p->graph.at[g]->call.n; i++) kir_print(to, p->m->arena, p->graph.at[g]->call.at[i]->kernel);
}

/* Of the vectors that schedules may use. */
static int64_t vector_bytes(const cli *c, const device *d) { return c->strict || !d->chosen ? 0 : d->chosen->vector_bits / 8; }

plan *cli_plan(cli *c, const device *d)
{
    plan_options options = {.alignment = d->alignment, .device = d, .strict = c->strict};
    winograd_choice winograd;
    if (!known_dump(c) || !read_layout(c, d, &options.layout) || !read_winograd(c, d, options.layout, &winograd)) return NULL;
    if (!read_schedules(c, d, &options)) return NULL;
    ir_module *m = cli_load(c);
    if (!m) return NULL;
    m->fast_math |= d->fast_math;
    pass_options o = {.dump = c->dump, .dump_to = stdout, .stop_at = c->stop_at, .verify = !c->no_verify, .time = c->time, .fast_math = m->fast_math, .vector_bytes = vector_bytes(c, d), .precision = d->precision, .winograd = winograd, .device = d};
    if (!read_chains(c, d, options.layout, &o.chains) || !passes_run(m, &o)) return NULL;
    plan *p = plan_module(m, &options);
    if (p && options.book && c->schedules) schedules_warn(c->s, options.book);
    if (p && is_dump(c, "plan")) plan_print(stdout, p);
    if (p && is_dump(c, "kernels")) print_kernels(stdout, p);
    return p;
}

/* ---- files --------------------------------------------------------------------------------- */

static bool write_file(cli *c, const char *path, const cg_file *f)
{
    FILE *to = fopen(path, "wb");
    const void *data = f->text ? f->text : f->data;
    bool ok = to && fwrite(data, 1, f->n, to) == f->n;
    if (to && fclose(to) != 0) ok = false;
    if (!ok && errno == ENOMEM) arena_oom(c->s->arena);
    if (!ok) diag_error_in(&c->s->diags, E_IO_WRITE, path, "cannot be written: %s", strerror(errno));
    return ok;
}

typedef struct {
    nfc_session *s;
    const char *program;
    made before;
    nfc_map asked; /* files that were found to be ours while they were in their place */
} replacement;

/* What this program's make left behind may go when the folder is written anew, and what another
 * program's build did. */
static bool is_ours(void *env, const char *file)
{
    replacement *r = env;
    if (map_get(&r->asked, file)) return true;
    bool ours = made_product(r->s, r->program, file) || made_has(r->s, &r->before, file);
    if (ours) map_set(&r->asked, file, r);
    return ours;
}

static bool write_program(cli *c, const char *dir, cg_program *p)
{
    outdir *o = outdir_begin(c->s, dir);
    if (!o) return false;
    for (int i = 0; i < p->file.n; i++)
        if (!write_file(c, outdir_path(o, p->file.at[i].name), &p->file.at[i])) {
            outdir_abandon(o);
            return false;
        }
    replacement r = {.s = c->s, .program = p->name, .before = made_before(c->s, dir)};
    map_init(&r.asked, c->s->arena);
    if (outdir_may_replace(o, is_ours, &r) && outdir_commit(o)) return true;
    outdir_abandon(o);
    return false;
}

/* ---- make ---------------------------------------------------------------------------------- */

/* Runs a command with its output in our stderr. Returns its exit status, or -1. */
static int run_command(const char *const *words)
{
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) return -1;
    if (child == 0) {
        dup2(STDERR_FILENO, STDOUT_FILENO);
        unsetenv("MAKEFLAGS"); /* nfc may be called by make itself */
        unsetenv("MAKELEVEL");
        execvp(words[0], (char *const *)(uintptr_t)words);
        _exit(127);
    }
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool make_program(cli *c, const char *dir, const cg_program *p, build_kind kind)
{
    const char *target = kind == BUILD_LIB ? arena_printf(p->arena, "lib%s.a", p->name) : "all";
    const char *words[] = {"make", c->verbose ? "--no-print-directory" : "-s", "-C", dir, target, NULL};
    int status = run_command(words);
    if (status == 0) return true;
    nfc_diag *d = diag_error_in(&c->s->diags, E_COMPILER, dir, status == 127 ? "there is no make on this machine" : "make failed; what it said stands above");
    diag_help(d, "device '%s' compiles with '%s'; --emit=sources only writes the sources", p->device->name, p->device->compiler.command);
    return false;
}

/* ---- one device, or several of a kind --------------------------------------------------------- */

static bool wants_main(build_kind kind, const device *d) { return kind == BUILD_EXE || (kind == BUILD_SOURCES && d->libc); }

static cg_program *one_program(cli *c, build_kind kind)
{
    const device *d = cli_device(c);
    plan *planned = d ? cli_plan(c, d) : NULL;
    return planned ? program_emit(c->s, planned, d, wants_main(kind, d)) : NULL;
}

enum { MOST_ISAS = 16 };

/* The devices of "a,b,c", in the order in which init tries them; 0 after a report. */
static int read_isas(cli *c, const device **d)
{
    int n = 0;
    if (c->device) {
        diag_error_in(&c->s->diags, E_USAGE, "--isa", "it names the devices; --device has another");
        return 0;
    }
    for (const char *at = c->isa;; at += *at == ',') {
        size_t length = strcspn(at, ",");
        if (n == MOST_ISAS) {
            diag_error_in(&c->s->diags, E_USAGE, "--isa", "more than %d devices", MOST_ISAS);
            return 0;
        }
        d[n] = load_device(c, arena_strndup(c->s->arena, at, length));
        if (!d[n++]) return 0;
        at += length;
        if (!*at) break;
    }
    return cg_order_isas(c->s, d, n) ? n : 0;
}

static bool says_the_same(const nfc_diag *a, const nfc_diag *b)
{
    return a->code == b->code && a->severity == b->severity && a->at.line == b->at.line && a->at.col == b->at.col && strcmp(a->text, b->text) == 0;
}

/* What was said of the graph before is not said again: rows from `from` on. */
static void drop_repeated(nfc_diags *d, int from)
{
    int kept = from;
    for (int i = from; i < d->row.n; i++) {
        bool repeats = false;
        for (int k = 0; k < from; k++) repeats |= says_the_same(d->row.at[k], d->row.at[i]);
        if (repeats && d->row.at[i]->severity == DIAG_WARNING) d->warnings--;
        else d->row.at[kept++] = d->row.at[i];
    }
    d->row.n = kept;
}

/* The graph goes through the passes for each of them, for what they make of it differs. */
static cg_program *joined_program(cli *c, build_kind kind)
{
    const device *d[MOST_ISAS];
    const plan *planned[MOST_ISAS];
    int n = read_isas(c, d);
    for (int i = 0; i < n; i++) {
        const int said = c->s->diags.row.n;
        c->loaded = NULL;
        planned[i] = cli_plan(c, d[i]);
        if (!planned[i]) return NULL;
        drop_repeated(&c->s->diags, said);
    }
    return n ? cg_join_isas(c->s, planned, d, n, wants_main(kind, d[n - 1])) : NULL;
}

bool build_program(cli *c, const char *dir, build_kind kind, build_result *out)
{
    cg_program *p = c->isa ? joined_program(c, kind) : one_program(c, kind);
    if (!p || !write_program(c, dir, p)) return false;
    if (c->verbose) fprintf(stderr, "nfc: wrote %d files to %s\n", p->file.n, dir);
    *out = (build_result){.name = p->name, .device = p->device, .plan = p->plan, .kernels = p->kernel.n, .arena_bytes = p->arena_bytes, .weight_bytes = p->weight_bytes, .stack_bytes = p->stack_bytes};
    if (kind == BUILD_SOURCES) return true;
    if (!make_program(c, dir, p, kind)) return false;
    if (kind == BUILD_EXE) out->program = session_printf(c->s, "%s/%s", dir, p->name);
    return true;
}
