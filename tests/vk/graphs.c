/* Whole graphs on the device, kernel after kernel as the plan says, against the simulator. */
#include <math.h>
#include <string.h>
#include "ir/sim.h"
#include "tests/vk/check.h"

/* A run of a plan: the host's part is done here as the emitted program would do it. */
typedef struct {
    checker *k;
    const plan_graph *p;
    int64_t *symbol; /* the value of every one, by id */
    unsigned char *arena;
    void **in, **out, **state;
    bool stopped;    /* after a report */
} machine;

static int64_t symbol_of(void *env, const ir_sym *s) { return ((const machine *)env)->symbol[s->id]; }
static int64_t value_of(machine *x, const ir_sx *e) { return sx_eval(e, symbol_of, x); }

static const void *weight_of(machine *x, const ir_inst *inst)
{
    if (inst->op == IR_const) return inst->constant->data;
    return ir_weight_bytes(inst->constant, inst->nindex ? (int)value_of(x, inst->index[0]) : 0);
}

/* The place of a view's first element. */
static unsigned char *place_of(machine *x, const plan_view *v)
{
    const plan_buffer *b = v->buffer;
    unsigned char *base = NULL;
    switch (b->place) {
    case PLAN_ARENA: base = x->arena + b->offset; break;
    case PLAN_INPUT: base = x->in[b->port]; break;
    case PLAN_OUTPUT: base = x->out[b->port]; break;
    case PLAN_STATE: base = x->state[b->state->id]; break;
    case PLAN_WEIGHT: base = (unsigned char *)(uintptr_t)weight_of(x, b->weight); break;
    }
    return base + (size_t)value_of(x, v->offset) * dtype_bytes(b->dtype);
}

/* ---- kernels ------------------------------------------------------------------------------- */

/* Parameters may lie among one another: each is run on a copy, of which only what changed goes back. */
static void run_call(machine *x, const plan_call *call)
{
    const kir_func *f = call->kernel;
    nfc_arena *a = x->k->m->arena;
    vk_buffer *param = ARENA_ARRAY(a, vk_buffer, f->param.n + 1);
    unsigned char **place = ARENA_ARRAY(a, unsigned char *, f->param.n + 1), **before = ARENA_ARRAY(a, unsigned char *, f->param.n + 1);
    int64_t *scalar = ARENA_ARRAY(a, int64_t, f->scalar.n + 1);
    int status = 0;
    for (int i = 0; i < f->scalar.n; i++) scalar[i] = x->symbol[f->scalar.at[i]->id];
    for (int i = 0; i < f->param.n; i++) {
        int64_t n = value_of(x, f->param.at[i]->size);
        size_t bytes = n > 0 ? (size_t)n * dtype_bytes(f->param.at[i]->dtype) : 0;
        place[i] = place_of(x, call->arg.at[i]);
        before[i] = memcpy(arena_alloc(a, bytes), place[i], bytes);
        param[i] = (vk_buffer){memcpy(arena_alloc(a, bytes), place[i], bytes), bytes};
    }
    if (!check_dispatch(x->k, f, param, scalar, &status)) x->stopped = true;
    if (status) check_failed(x->k, f->name, "its status is %d", status);
    x->stopped |= status != 0;
    for (int i = 0; i < f->param.n; i++)
        for (size_t n = 0; n < param[i].bytes; n++) {
            unsigned char now = ((const unsigned char *)param[i].data)[n];
            if (now != before[i][n]) place[i][n] = now;
        }
}

#define RUN_CALLS(x, list)                                                                         \
    for (int i_ = 0; i_ < (list).n && !(x)->stopped; i_++) run_call(x, (list).at[i_])

/* ---- instructions -------------------------------------------------------------------------- */

static bool run_region(machine *x, const ir_region *r);

static void run_loop(machine *x, const ir_inst *inst)
{
    const plan_step *s = plan_step_of(x->p, inst);
    const ir_sym *index = inst->region[0]->first->arg.at[0]->sym;
    int64_t end = value_of(x, inst->index[1]);
    if (s) RUN_CALLS(x, s->enter);
    for (int64_t i = value_of(x, inst->index[0]); i < end && !x->stopped; i++) {
        x->symbol[index->id] = i;
        if (run_region(x, inst->region[0])) break;
    }
}

static void run_inst(machine *x, const ir_inst *inst)
{
    const plan_step *s = plan_step_of(x->p, inst);
    for (int i = 0; s && i < s->check.n; i++) {
        int64_t v = value_of(x, s->check.at[i].x), limit = value_of(x, s->check.at[i].limit);
        if (s->check.at[i].when && !value_of(x, s->check.at[i].when)) continue;
        if (s->check.at[i].equal ? v == limit : v >= 0 && v <= limit) continue;
        check_failed(x->k, x->p->g->name, "an index of %s is out of range", op_get(inst->op)->name);
        x->stopped = true;
    }
    if (x->stopped) return;
    if (inst->op == IR_index_read) x->symbol[inst->out[0]->sym->id] = dtype_get_int(inst->in[0]->type->dtype, place_of(x, plan_view_of(x->p, inst->in[0])), 0);
    else if (inst->op == IR_require) x->symbol[inst->out[0]->sym->id] = value_of(x, inst->index[0]);
    else if (inst->op == IR_loop) run_loop(x, inst);
    else if (s) RUN_CALLS(x, s->call);
}

/* Runs from the first block to the return, or to the end of a trip: true where it leaves the loop. */
static bool run_region(machine *x, const ir_region *r)
{
    bool leaves = false;
    for (const ir_block *b = r->first; b && !x->stopped;) {
        for (const ir_inst *i = b->first; i != b->last; i = i->next)
            if (!x->stopped) run_inst(x, i);
        const ir_inst *end = b->last;
        const plan_step *s = plan_step_of(x->p, end);
        int edge = end->op == IR_cond_br && !*place_of(x, plan_view_of(x->p, end->in[0]));
        if (s && end->op == IR_return) RUN_CALLS(x, s->call);
        else if (s) RUN_CALLS(x, s->edge[edge]);
        leaves = end->op == IR_break;
        b = end->nedge ? end->edge[edge].to : NULL;
    }
    return leaves;
}

/* ---- inputs and outputs --------------------------------------------------------------------- */

static sim_tensor *input_of(machine *x, sim *s, const ir_port *port)
{
    int64_t dim[IR_MAX_RANK];
    for (int i = 0; i < port->type->rank; i++) dim[i] = value_of(x, port->type->dim[i]);
    sim_tensor *t = sim_tensor_new(s, port->type->dtype, port->type->rank, dim);
    check_fill(x->k, t->dtype, t->data, t->n, CHECK_SMALL);
    for (int64_t i = 0; i < t->n; i++) { /* what the author promised of it */
        double v = dtype_get(t->dtype, t->data, (size_t)i);
        if (port->bound.has_min && v < port->bound.min) v = port->bound.min;
        if (port->bound.has_max && v > port->bound.max) v = port->bound.max;
        dtype_set(t->dtype, t->data, (size_t)i, v);
    }
    return t;
}

/* The largest difference relative to the scale of the whole: the kernels add up in f32, the simulator in
 * f64. Integers must be equal. */
static void compare(checker *k, const char *name, const void *data, const sim_tensor *want)
{
    double scale = 0, worst = 0;
    if (!dtype_is_float(want->dtype)) {
        int64_t at = check_compare(want->dtype, data, want->data, want->n, false);
        if (at >= 0) check_failed(k, name, "element %lld is %s, not %s", (long long)at, check_element(k, want->dtype, data, at), check_element(k, want->dtype, want->data, at));
        return;
    }
    for (int64_t i = 0; i < want->n; i++) {
        double a = dtype_get(want->dtype, data, (size_t)i), b = sim_get(want, i), d = fabs(a - b);
        if (fabs(b) > scale) scale = fabs(b);
        if (!(d <= worst)) worst = d; /* NaN too */
    }
    if (!(worst <= 1e-5 * scale)) check_failed(k, name, "the largest difference is %g of %g", worst, scale);
}

/* Runs a graph of the plan, and the same graph as it was read, before any pass. */
static void check_graph(machine *x, sim *s, ir_graph *original)
{
    const ir_graph *g = x->p->g;
    nfc_arena *a = x->k->m->arena;
    sim_tensor **in = ARENA_ARRAY(a, sim_tensor *, g->input.n + 1), **want = ARENA_ARRAY(a, sim_tensor *, g->output.n + 1);
    x->in = ARENA_ARRAY(a, void *, g->input.n + 1);
    x->out = ARENA_ARRAY(a, void *, g->output.n + 1);
    x->arena = arena_alloc(a, (size_t)x->p->arena);
    x->stopped = false;
    for (int i = 0; i < g->input.n; i++) {
        in[i] = input_of(x, s, &g->input.at[i]);
        x->in[i] = in[i]->data;
    }
    for (int i = 0; i < g->output.n; i++) x->out[i] = arena_alloc(a, (size_t)ir_max_bytes(g->output.at[i].type));
    x->k->checks++;
    bool ran = sim_run(s, original, in, want);
    if (!ran) check_failed(x->k, g->name, "the simulator did not run it");
    else run_region(x, g->body);
    for (int i = 0; i < g->output.n && ran && !x->stopped; i++) compare(x->k, arena_printf(a, "%s.%s", g->name, g->output.at[i].name), x->out[i], want[i]);
    for (int i = 0; i < g->input.n; i++) sim_tensor_drop(in[i]);
    for (int i = 0; ran && i < g->output.n; i++) sim_tensor_drop(want[i]);
}

void check_graphs(checker *k)
{
    enum { RUNS = 3 }; /* states go from one to the next */
    ir_module *original = cli_load(&k->c);
    sim *s = sim_new(original);
    nfc_arena *a = k->m->arena;
    machine x = {.k = k, .symbol = ARENA_ARRAY(a, int64_t, k->m->sx.nsym + 1), .state = ARENA_ARRAY(a, void *, k->m->state.n + 1)};
    for (int i = 0; i < k->m->state.n; i++) x.state[k->m->state.at[i]->id] = arena_alloc(a, (size_t)ir_max_bytes(k->m->state.at[i]->type));
    for (int run = 0; run < RUNS; run++)
        for (int g = 0; g < k->plan->graph.n; g++) {
            for (int i = 0; i < k->m->dim.n; i++) {
                const ir_sym *d = k->m->dim.at[i].sym;
                x.symbol[d->id] = d->lo + (int64_t)(check_random(k) % (uint64_t)(d->hi - d->lo + 1));
            }
            x.p = k->plan->graph.at[g];
            check_graph(&x, s, original->graph.at[g]);
        }
    sim_free(s);
}
