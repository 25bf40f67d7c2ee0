/* nfc sim: runs a graph in the simulator, and shows what it does. */
#include <string.h>
#include "frontend/cli.h"
#include "frontend/simio.h"
#include "frontend/simlog.h"
#include "frontend/simstep.h"
#include "frontend/simtrace.h"
#include "frontend/statefile.h"

typedef struct {
    cli *c;
    ir_graph *g;
    sim *s;
    sim_tensor **in, **out;
    simprofile *profile;
    simtrace *trace;
    simstep *step;
    outdir *outputs;
    outfile *state_out;
} simulation;

/* ---- before, during and after -------------------------------------------------------------- */

static bool check_options(cli *c)
{
    if (c->trace && c->state_out && strcmp(c->trace, c->state_out) == 0)
        diag_error_in(&c->s->diags, E_USAGE, "--trace", "'%s' is what --state-out names too",
                      c->trace);
    return c->s->diags.errors == 0;
}

/* Everything that can be wrong with the command is said before the first run. */
static bool prepare(simulation *x)
{
    cli *c = x->c;
    x->in = ARENA_ARRAY(c->s->arena, sim_tensor *, x->g->input.n);
    x->out = ARENA_ARRAY(c->s->arena, sim_tensor *, x->g->output.n);
    bool ok = simio_read_inputs(x->s, x->g, c->input.at, c->input.n, x->in);
    if (c->state_in) ok = statefile_load(x->s, c->state_in) && ok;
    if (c->output) ok = (x->outputs = simio_begin_outputs(x->g, c->output)) && ok;
    if (c->state_out) ok = (x->state_out = outfile_begin(c->s, c->state_out)) && ok;
    if (!ok) return false;
    if (c->verbose) simlog_attach(x->s, stderr);
    if (c->time) x->profile = simprofile_attach(x->s);
    if (c->trace && !(x->trace = simtrace_attach(x->s, x->g, c->trace))) return false;
    if (c->step) x->step = simstep_attach(x->s, x->g, c->runs, stdin, stdout);
    return true;
}

static bool run_all(simulation *x)
{
    for (int64_t i = 0; i < x->c->runs; i++) {
        simio_drop(x->out, x->g->output.n);
        if (sim_run(x->s, x->g, x->in, x->out)) continue;
        if (!x->c->s->diags.errors && !(x->step && simstep_has_quit(x->step)))
            diag_error(&x->c->s->diags, E_INTERNAL, x->g->at, "the run ended without a result");
        return false;
    }
    return true;
}

/* What is written takes its place only now that all of it is complete. */
static bool finish(simulation *x)
{
    if (x->step) printf("the graph returned\n");
    if (!x->outputs) simio_print_outputs(stdout, x->g, x->out);
    if (x->outputs && !simio_write_outputs(x->outputs, x->g, x->out)) return false;
    if (x->state_out) statefile_write(x->s, x->state_out);
    if (x->outputs && !outdir_commit(x->outputs)) return false;
    if (x->state_out && !outfile_commit(x->state_out)) return false;
    return !x->trace || simtrace_commit(x->trace);
}

int verb_sim(cli *c)
{
    ir_module *m = check_options(c) ? cli_load(c) : NULL;
    ir_graph *g = m ? cli_graph(c, m) : NULL;
    if (!g) return cli_finish(c);
    const char *broken = ir_verify(m);
    if (broken) {
        diag_error_in(&c->s->diags, E_INTERNAL, c->operand.at[0], "%s", broken);
        return cli_finish(c);
    }
    simulation x = {.c = c, .g = g, .s = sim_new(m)};
    if (prepare(&x) && run_all(&x)) finish(&x);
    if (x.profile) simprofile_print(stderr, x.profile);
    if (x.in) simio_drop(x.in, g->input.n);
    if (x.out) simio_drop(x.out, g->output.n);
    sim_free(x.s);
    return cli_finish(c);
}
