#include "frontend/simlog.h"

#include <stdlib.h>
#include <string.h>
#include "frontend/memfile.h"
#include "frontend/simshow.h"

/* ---- log ----------------------------------------------------------------------------------- */

typedef struct {
    sim_observer observer;
    FILE *to;
    const ir_module *m;
    memfile *line; /* goes out at once: stderr has no buffer */
} simlog;

static FILE *start_line(simlog *l, const ir_inst *inst)
{
    FILE *to = memfile_start(l->line);
    show_place(to, l->m, inst->at);
    fputs(": ", to);
    show_what(to, inst);
    return to;
}

static void end_line(simlog *l)
{
    size_t n;
    const char *line = memfile_end(l->line, &n);
    fprintf(l->to, "%.*s\n", (int)n, line);
}

/* A loop is told when it begins: its body's lines come before it ends. */
static bool log_before(void *env, sim *s, const ir_inst *inst)
{
    if (inst->op != IR_loop) return true;
    FILE *to = start_line(env, inst);
    fprintf(to, ": %s in %lld..%lld", show_loop_variable(inst),
            (long long)sim_sx_value(s, inst->index[0]), (long long)sim_sx_value(s, inst->index[1]));
    end_line(env);
    return true;
}

static void log_trip(void *env, sim *s, const ir_inst *loop, int64_t index)
{
    (void)s;
    FILE *to = start_line(env, loop);
    fprintf(to, ": %s = %lld", show_loop_variable(loop), (long long)index);
    end_line(env);
}

static void log_results(FILE *to, sim *s, const ir_inst *inst)
{
    const char *sep = " -> ";
    for (int i = 0; i < inst->nout; i++) {
        const sim_tensor *t = sim_value(s, inst->out[i]);
        int64_t index;
        bool is_index = !t && sim_index_value(s, inst->out[i], &index);
        if (!t && !is_index) continue;
        fputs(sep, to);
        if (is_index) fprintf(to, "%lld", (long long)index);
        else show_type(to, t);
        sep = ", ";
    }
}

static void log_after(void *env, sim *s, const sim_event *event)
{
    const ir_inst *inst = event->inst;
    if (!show_is_statement(inst) || inst->op == IR_loop) return;
    FILE *to = start_line(env, inst);
    if (inst->op != IR_barrier && inst->op != IR_br) fputs(": ", to);
    show_operands(to, s, inst);
    log_results(to, s, inst);
    show_attributes(to, s, inst);
    if (event->to) fprintf(to, " -> block %s", event->to->name);
    end_line(env);
}

void simlog_attach(sim *s, FILE *to)
{
    simlog *l = ARENA_NEW(sim_module(s)->arena, simlog);
    l->to = to;
    l->m = sim_module(s);
    l->line = memfile_new(l->m->arena);
    l->observer =
        (sim_observer){.before = log_before, .after = log_after, .trip = log_trip, .env = l};
    sim_observe(s, &l->observer);
}

/* ---- profile ------------------------------------------------------------------------------- */

typedef struct {
    const ir_inst *inst;
    ir_op op;
    int64_t count;
    double us;
} spent;

struct simprofile {
    sim_observer observer;
    const ir_module *m;
    nfc_map inst; /* instruction -> spent */
};

static void profile_after(void *env, sim *s, const sim_event *event)
{
    simprofile *p = env;
    (void)s;
    if (!show_is_statement(event->inst) || event->inst->nregion || ir_is_terminator(event->inst))
        return; /* what a region takes is its instructions' */
    spent *row = map_getp(&p->inst, event->inst);
    if (!row) {
        row = ARENA_NEW(p->m->arena, spent);
        row->inst = event->inst;
        row->op = event->inst->op;
        map_setp(&p->inst, event->inst, row);
    }
    row->count++;
    row->us += event->us;
}

simprofile *simprofile_attach(sim *s)
{
    simprofile *p = ARENA_NEW(sim_module(s)->arena, simprofile);
    p->m = sim_module(s);
    map_init(&p->inst, p->m->arena);
    p->observer = (sim_observer){.after = profile_after, .env = p};
    sim_observe(s, &p->observer);
    return p;
}

/* The longest first; of equals the one that stands first in the source. */
static int by_time(const void *a, const void *b)
{
    const spent *x = a, *y = b;
    if (x->us != y->us) return x->us < y->us ? 1 : -1;
    if (x->op != y->op) return x->op < y->op ? -1 : 1;
    return x->inst->id - y->inst->id;
}

static int sum_by_op(const simprofile *p, spent *op)
{
    int n = 0;
    for (int i = 0; i < p->inst.n; i++) {
        const spent *row = p->inst.entry[i].value;
        int k = 0;
        while (k < n && op[k].op != row->op) k++;
        if (k == n) op[n++] = (spent){.inst = row->inst, .op = row->op};
        op[k].count += row->count;
        op[k].us += row->us;
    }
    return n;
}

static void print_ops(FILE *to, const simprofile *p, spent *op)
{
    int n = sum_by_op(p, op);
    double total = 0;
    qsort(op, (size_t)n, sizeof *op, by_time);
    for (int i = 0; i < n; i++) total += op[i].us;
    fprintf(to, "%-24s %10s %14s %7s\n", "op", "count", "us", "share");
    for (int i = 0; i < n; i++)
        fprintf(to, "%-24s %10lld %14.1f %6.1f%%\n", op_get(op[i].op)->name, (long long)op[i].count,
                op[i].us, total > 0 ? 100 * op[i].us / total : 0);
    fprintf(to, "%-24s %10s %14.1f\n", "all", "", total);
}

static void print_source(FILE *to, const ir_module *m, nfc_span at)
{
    size_t n;
    const char *line = source_line(&m->session->sources, at.file, at.line, &n);
    if (!line) return;
    while (n && (*line == ' ' || *line == '\t')) line++, n--;
    fputs(": ", to);
    print_safe(to, line, n);
}

void simprofile_print(FILE *to, const simprofile *p)
{
    enum { SLOWEST = 10 };
    spent *row = ARENA_ARRAY(p->m->arena, spent, p->inst.n);
    print_ops(to, p, row);
    for (int i = 0; i < p->inst.n; i++) row[i] = *(const spent *)p->inst.entry[i].value;
    qsort(row, (size_t)p->inst.n, sizeof *row, by_time);
    fprintf(to, "%10s %14s  slowest\n", "count", "us");
    for (int i = 0; i < p->inst.n && i < SLOWEST; i++) {
        fprintf(to, "%10lld %14.1f  ", (long long)row[i].count, row[i].us);
        show_place(to, p->m, row[i].inst->at);
        fputs(": ", to);
        show_what(to, row[i].inst);
        print_source(to, p->m, row[i].inst->at);
        putc('\n', to);
    }
}
