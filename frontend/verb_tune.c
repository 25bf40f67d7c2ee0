/* nfc tune: schedules beside the picked ones, measured in the whole program on this machine. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "frontend/outdir.h"
#include "frontend/tune.h"

/* A kernel, and how far its search is. */
typedef struct {
    const sched_seen *seen;
    const char *name;   /* in the source */
    sched best, trial;
    double best_us;     /* as the picked one would take 1; 0: the picked one is the best */
    double ratio;       /* of the best schedule's time to the picked one's, in one round */
    double picked_us;
    int64_t tried;
    VEC(sched) known;   /* measured, or to be measured */
    bool over, has_trial;
} search;

typedef struct {
    cli *c;
    const device *device;
    const sched_target *target;
    const char *path;
    schedule_lines lines; /* of the file as it was */
    VEC(search) kernel;
    tune_place place;
    int to;               /* the file's end */
} tuner;

enum { REPEATS = 3, MIN_RUNS = 3, MAX_RUNS = 100 };
static const double BETTER = 0.97; /* what is less than that much faster is no find */

/* ---- the file ------------------------------------------------------------------------------ */

/* GRAPH.schedules beside the graph. */
static const char *default_path(cli *c)
{
    const char *graph = c->operand.at[0], *slash = strrchr(graph, '/'), *dot = strrchr(graph, '.');
    size_t n = dot && dot > (slash ? slash : graph) ? (size_t)(dot - graph) : strlen(graph);
    return session_printf(c->s, "%.*s.schedules", (int)n, graph);
}

static bool append(tuner *t, const char *text)
{
    text = session_printf(t->c->s, "%s\n", text);
    size_t n = strlen(text);
    if (write(t->to, text, n) == (ssize_t)n) return true;
    diag_error_in(&t->c->s->diags, E_IO_WRITE, t->path, "cannot be written");
    return false;
}

/* What a killed run began to write and did not end goes. */
static bool cut_last_line(tuner *t)
{
    char c = '\n';
    off_t end = lseek(t->to, 0, SEEK_END), at = end;
    while (at > 0 && pread(t->to, &c, 1, at - 1) == 1 && c != '\n') at--;
    return at == end || ftruncate(t->to, at) == 0;
}

static bool open_file(tuner *t)
{
    t->to = open(t->path, O_RDWR | O_CREAT | O_APPEND, 0666);
    if (t->to < 0 || !cut_last_line(t)) {
        diag_error_in(&t->c->s->diags, E_IO_WRITE, t->path, "cannot be written");
        return false;
    }
    const char *section = session_printf(t->c->s, "device %s", t->device->name);
    if (lseek(t->to, 0, SEEK_END) == 0) return append(t, "nfc-schedules 1") && append(t, section);
    return schedules_read(t->c->s, t->path, &t->lines) && (t->lines.n && strcmp(vec_last(&t->lines).device, t->device->name) == 0 ? true : append(t, section));
}

static schedule_line line_of(tuner *t, const search *k, schedule_word word, const sched *s, double us)
{
    return (schedule_line){.word = word, .key = k->seen->key, .s = *s, .us = us, .comment = session_printf(t->c->s, "# %s", k->name)};
}

/* ---- what is known --------------------------------------------------------------------------- */

static bool knows(const search *k, const sched *s)
{
    for (int i = 0; i < k->known.n; i++)
        if (sched_alike(&k->known.at[i], s)) return true;
    return false;
}

static void learn(tuner *t, search *k, const schedule_line *line)
{
    if (line->tried >= t->c->tries) k->over = true;
    if (line->tried) k->tried = line->tried;
    else if (line->word != SCHEDULE_PICKED) k->tried++;
    if (line->word != SCHEDULE_PICKED) vec_push(t->c->s->arena, &k->known, line->s);
    if (line->word == SCHEDULE_PICKED) {
        k->best = k->seen->s;
        k->best_us = 0;
    } else if (line->word == SCHEDULE_KERNEL) {
        k->best = line->s;
        k->best_us = line->us;
    }
}

/* The planner lowers kernels, too, that it then has no use for. */
static bool is_planned(const plan *p, uint64_t key)
{
    for (int g = 0; g < p->graph.n; g++)
        for (int i = 0; i < p->graph.at[g]->call.n; i++)
            if (p->graph.at[g]->call.at[i]->kernel->key == key) return true;
    return false;
}

static void begin_searches(tuner *t, const plan *p, const sched_book *book)
{
    for (int i = 0; i < book->seen.n; i++) {
        if (!is_planned(p, book->seen.at[i].key)) continue;
        search k = {.seen = &book->seen.at[i], .name = "", .best = book->seen.at[i].s, .ratio = 1};
        vec_push(t->c->s->arena, &k.known, k.best);
        for (int n = 0; n < t->lines.n; n++)
            if (t->lines.at[n].key == k.seen->key && strcmp(t->lines.at[n].device, t->device->name) == 0) learn(t, &k, &t->lines.at[n]);
        vec_push(t->c->s->arena, &t->kernel, k);
    }
}

/* ---- rounds ---------------------------------------------------------------------------------- */

/* The next schedule of a kernel that was not measured yet; those beside the best one come first. */
static void choose(tuner *t, search *k)
{
    const sched *near;
    k->has_trial = false;
    if (k->over || k->tried >= t->c->tries) return;
    for (int from = 0; from < 2 && !k->has_trial; from++) {
        int n = sched_near(t->c->s->arena, k->seen, from ? &k->seen->s : &k->best, t->target, &near);
        for (int i = 0; i < n && !k->has_trial; i++) {
            if (knows(k, &near[i])) continue;
            k->trial = near[i];
            k->has_trial = true;
        }
    }
}

static int choose_all(tuner *t)
{
    int n = 0;
    for (int i = 0; i < t->kernel.n; i++) {
        choose(t, &t->kernel.at[i]);
        n += t->kernel.at[i].has_trial;
    }
    return n;
}

/* The schedules of a round as a file; without trials, those that are picked, so that the kernels have keys. */
static const char *write_trials(tuner *t, bool trials)
{
    const char *path = session_printf(t->c->s, "%s/%s.schedules", t->place.folder, trials ? "trial" : "picked");
    FILE *to = fopen(path, "w");
    if (!to) return path;
    fprintf(to, "nfc-schedules 1\ndevice %s\n", t->device->name);
    for (int i = 0; trials && i < t->kernel.n; i++) {
        const search *k = &t->kernel.at[i];
        schedule_line line = line_of(t, k, SCHEDULE_KERNEL, k->has_trial ? &k->trial : &k->best, 0);
        fprintf(to, "%s\n", schedules_line(t->c->s->arena, &line));
    }
    fclose(to);
    return path;
}

static double us_of(const tune_times *times, const search *k, const char **name)
{
    for (int i = 0; i < times->n; i++)
        if (times->at[i].key == k->seen->key) {
            if (name) *name = times->at[i].name;
            return times->at[i].us;
        }
    return 0;
}

/* Between the runs of one program those of the other, so that what else the machine does counts for both. */
static bool measure_both(tuner *t, int64_t runs, tune_times *picked, tune_times *trial)
{
    for (int i = 0; i < REPEATS; i++)
        if (!tune_measure(&t->place, "picked", runs, picked) || !tune_measure(&t->place, "trial", runs, trial)) return false;
    return true;
}

static bool judge(tuner *t, search *k, const tune_times *picked, const tune_times *trial)
{
    double was = us_of(picked, k, &k->name), now = us_of(trial, k, NULL);
    if (k->picked_us == 0 || was < k->picked_us) k->picked_us = was;
    if (k->best_us > 0 && k->ratio == 1 && was > 0) k->ratio = k->best_us / was; /* of a run before this one */
    if (!k->has_trial) return true;
    bool better = was > 0 && now > 0 && now / was < k->ratio * BETTER;
    vec_push(t->c->s->arena, &k->known, k->trial);
    k->tried++;
    if (better) {
        k->best = k->trial;
        k->ratio = now / was;
        k->best_us = now;
    }
    schedule_line line = line_of(t, k, better ? SCHEDULE_KERNEL : SCHEDULE_TRIED, &k->trial, now);
    return append(t, schedules_line(t->c->s->arena, &line));
}

static void show(const tuner *t, int64_t round, int trials)
{
    enum { WIDTH = 30 };
    int better = 0;
    int64_t done = 0, all = (int64_t)t->kernel.n * t->c->tries;
    if (!isatty(STDERR_FILENO)) return;
    for (int i = 0; i < t->kernel.n; i++) {
        better += t->kernel.at[i].best_us > 0;
        done += trials && !t->kernel.at[i].over ? t->kernel.at[i].tried : t->c->tries;
    }
    int full = all ? (int)(done * WIDTH / all) : WIDTH;
    fprintf(stderr, "\r[%.*s%.*s] round %lld: %d of %d kernels, %d better ", full > WIDTH ? WIDTH : full, "##############################", full > WIDTH ? 0 : WIDTH - full, "..............................", (long long)round, trials, t->kernel.n, better);
    if (!trials) fputc('\n', stderr);
}

/* How many runs take some tenths of a second. */
static int64_t enough_runs(const tune_times *times)
{
    double us = 1;
    for (int i = 0; i < times->n; i++) us += times->at[i].us;
    double runs = 300000 / us;
    return runs < MIN_RUNS ? MIN_RUNS : runs > MAX_RUNS ? MAX_RUNS : (int64_t)runs;
}

static bool go_rounds(tuner *t)
{
    int64_t round = 1, runs = 0;
    for (int n; (n = choose_all(t)) > 0; round++) {
        tune_times picked = {0}, trial = {0};
        show(t, round, n);
        if (round == 1 && !tune_build(&t->place, write_trials(t, false), "picked")) return false;
        if (!tune_build(&t->place, write_trials(t, true), "trial")) return false;
        if (!runs) {
            tune_times first = {0};
            if (!tune_measure(&t->place, "picked", MIN_RUNS, &first)) return false;
            runs = enough_runs(&first);
        }
        if (!measure_both(t, runs, &picked, &trial)) return false;
        for (int i = 0; i < t->kernel.n; i++)
            if (!judge(t, &t->kernel.at[i], &picked, &trial)) return false;
    }
    show(t, round, 0);
    return true;
}

/* ---- the end --------------------------------------------------------------------------------- */

static const search *searched(const tuner *t, const schedule_line *line)
{
    for (int i = 0; i < t->kernel.n; i++)
        if (t->kernel.at[i].seen->key == line->key && strcmp(line->device, t->device->name) == 0) return &t->kernel.at[i];
    return NULL;
}

static void write_result(tuner *t, FILE *to, const search *k)
{
    schedule_line line = line_of(t, k, k->best_us > 0 ? SCHEDULE_KERNEL : SCHEDULE_PICKED, &k->best, k->best_us > 0 ? k->best_us : k->picked_us);
    line.tried = t->c->tries;
    if (k->best_us > 0 && k->ratio < 1) line.comment = session_printf(t->c->s, "%s: %.2f times as fast as picked", line.comment, 1 / k->ratio);
    fprintf(to, "%s\n", schedules_line(t->c->s->arena, &line));
}

/* One line a kernel; what the file has of other graphs and devices stays. */
static bool write_results(tuner *t)
{
    const char *section = "";
    outfile *o = outfile_begin(t->c->s, t->path);
    if (!o) return false;
    FILE *to = outfile_stream(o);
    fputs("nfc-schedules 1\n", to);
    for (int i = 0; i < t->lines.n; i++) {
        const schedule_line *line = &t->lines.at[i];
        const search *k = searched(t, line);
        if (k && !k->over) continue;
        if (strcmp(section, line->device) != 0) fprintf(to, "device %s\n", line->device);
        section = line->device;
        fprintf(to, "%s\n", schedules_line(t->c->s->arena, line));
    }
    if (strcmp(section, t->device->name) != 0) fprintf(to, "device %s\n", t->device->name);
    for (int i = 0; i < t->kernel.n; i++)
        if (!t->kernel.at[i].over) write_result(t, to, &t->kernel.at[i]);
    if (outfile_commit(o)) return true;
    outfile_abandon(o);
    return false;
}

static void print_summary(const tuner *t)
{
    int better = 0, known = 0;
    double was = 0, now = 0;
    for (int i = 0; i < t->kernel.n; i++) {
        const search *k = &t->kernel.at[i];
        better += k->best_us > 0;
        known += k->over;
        was += k->picked_us;
        now += k->picked_us * k->ratio;
    }
    printf("%s\n  %d kernels with schedules, %d better than picked", t->path, t->kernel.n, better);
    if (known) printf(", %d known before", known);
    if (was > 0) printf("; their sum %.4g us, where %.4g us was picked", now, was);
    putchar('\n');
}

static bool tune(tuner *t)
{
    sched_book *book = ARENA_NEW(t->c->s->arena, sched_book);
    book->arena = t->c->s->arena;
    t->c->book = book;
    t->device = cli_device(t->c);
    plan *p = t->device ? cli_plan(t->c, t->device) : NULL;
    ir_graph *g = p ? cli_graph(t->c, t->c->loaded) : NULL;
    if (!g) return false;
    if (!p->target) {
        diag_error_in(&t->c->s->diags, E_UNSUPPORTED, t->device->name, "the device has no vectors, so its kernels have no schedules");
        return false;
    }
    t->target = p->target;
    if (!open_file(t)) return false;
    begin_searches(t, p, book);
    bool ok = tune_begin(t->c, t->device, g, &t->place) && go_rounds(t) && write_results(t);
    tune_end(&t->place);
    return ok;
}

int verb_tune(cli *c)
{
    tuner t = {.c = c, .to = -1};
    if (c->tries < 1) diag_error_in(&c->s->diags, E_USAGE, "--tries", "at least one schedule is to be tried");
    else if (!c->operand.n) diag_error_in(&c->s->diags, E_USAGE, "nfc tune", "a graph is needed");
    else {
        t.path = c->out_dir ? c->out_dir : default_path(c);
        if (tune(&t)) print_summary(&t);
        if (t.to >= 0) close(t.to);
    }
    return cli_finish(c);
}
