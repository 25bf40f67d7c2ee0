/* Whole graphs on the device, kernel after kernel as the plan says, against the simulator. */
#include <math.h>
#include <string.h>
#include "ir/sim.h"
#include "tests/vk/check.h"

typedef struct {
    checker *k;
    const plan_graph *p;
    int64_t *dim;           /* the value of every symbol, by id */
    unsigned char *arena;
    void **in, **out;
} machine;

static int64_t symbol(void *env, const ir_sym *s) { return ((const machine *)env)->dim[s->id]; }
static int64_t value_of(machine *x, const ir_sx *e) { return sx_eval(e, symbol, x); }

static unsigned char *base_of(machine *x, const plan_buffer *b)
{
    switch (b->place) {
    case PLAN_ARENA: return x->arena + b->offset;
    case PLAN_INPUT: return x->in[b->port];
    case PLAN_OUTPUT: return x->out[b->port];
    case PLAN_WEIGHT: return (unsigned char *)(uintptr_t)ir_const_bytes(b->weight->out[0]);
    case PLAN_STATE: break;
    }
    return NULL;
}

static bool run_call(machine *x, const plan_call *call)
{
    const kir_func *f = call->kernel;
    nfc_arena *a = x->k->m->arena;
    vk_buffer *param = ARENA_ARRAY(a, vk_buffer, f->param.n + 1);
    int64_t *scalar = ARENA_ARRAY(a, int64_t, f->scalar.n + 1);
    int status;
    for (int i = 0; i < f->scalar.n; i++) scalar[i] = x->dim[f->scalar.at[i]->id];
    for (int i = 0; i < f->param.n; i++) {
        const plan_view *v = call->arg.at[i];
        size_t bytes = dtype_bytes(f->param.at[i]->dtype);
        unsigned char *base = base_of(x, v->buffer);
        if (!base) {
            check_failed(x->k, f->name, "it takes a state");
            return false;
        }
        param[i] = (vk_buffer){base + (size_t)value_of(x, v->offset) * bytes, (size_t)value_of(x, f->param.at[i]->size) * bytes};
    }
    if (!check_dispatch(x->k, f, param, scalar, &status)) return false;
    if (status) check_failed(x->k, f->name, "its status is %d", status);
    return status == 0;
}

static bool run_graph(machine *x)
{
    const ir_block *b = x->p->g->body->first;
    for (const ir_inst *i = b->first; i; i = i->next) {
        const plan_step *s = plan_step_of(x->p, i);
        if (i->op == IR_loop || i->nedge) {
            check_failed(x->k, x->p->g->name, "it has control flow");
            return false;
        }
        for (int c = 0; s && c < s->call.n; c++)
            if (!run_call(x, s->call.at[c])) return false;
    }
    return true;
}

/* ---- inputs and outputs --------------------------------------------------------------------- */

static sim_tensor *tensor(machine *x, sim *s, const ir_type *t)
{
    int64_t dim[IR_MAX_RANK];
    for (int i = 0; i < t->rank; i++) dim[i] = value_of(x, t->dim[i]);
    return sim_tensor_new(s, t->dtype, t->rank, dim);
}

/* Largest difference relative to the scale of the whole: the kernels add up in f32, the simulator in
 * f64. Integers must be equal. */
static void compare(machine *x, const char *name, const void *data, const sim_tensor *want)
{
    double scale = 0, worst = 0;
    if (!dtype_is_float(want->dtype)) {
        int64_t at = check_compare(want->dtype, data, want->data, want->n);
        if (at >= 0) check_failed(x->k, name, "element %lld is %s, not %s", (long long)at, check_element(x->k, want->dtype, data, at), check_element(x->k, want->dtype, want->data, at));
        return;
    }
    for (int64_t i = 0; i < want->n; i++) {
        double a = dtype_get(want->dtype, data, (size_t)i), b = sim_get(want, i), d = fabs(a - b);
        if (fabs(b) > scale) scale = fabs(b);
        if (!(d <= worst)) worst = d; /* NaN too */
    }
    if (!(worst <= 1e-5 * scale)) check_failed(x->k, name, "the largest difference is %g of %g", worst, scale);
}

static void check_graph(checker *k, sim *s, const plan_graph *p)
{
    const ir_graph *g = p->g;
    nfc_arena *a = k->m->arena;
    machine x = {.k = k, .p = p, .arena = arena_alloc(a, (size_t)p->arena)};
    x.dim = ARENA_ARRAY(a, int64_t, k->m->sx.nsym + 1);
    x.in = ARENA_ARRAY(a, void *, g->input.n + 1);
    x.out = ARENA_ARRAY(a, void *, g->output.n + 1);
    sim_tensor **in = ARENA_ARRAY(a, sim_tensor *, g->input.n + 1), **want = ARENA_ARRAY(a, sim_tensor *, g->output.n + 1);
    for (int i = 0; i < k->m->dim.n; i++) {
        const ir_sym *d = k->m->dim.at[i].sym;
        x.dim[d->id] = d->lo + (int64_t)(check_random(k) % (uint64_t)(d->hi - d->lo + 1));
    }
    for (int i = 0; i < g->input.n; i++) {
        in[i] = tensor(&x, s, g->input.at[i].type);
        check_fill(k, in[i]->dtype, in[i]->data, in[i]->n, false);
        x.in[i] = in[i]->data;
    }
    for (int i = 0; i < g->output.n; i++) x.out[i] = arena_alloc(a, (size_t)ir_max_bytes(g->output.at[i].type));
    k->checks++;
    bool ran = sim_run(s, (ir_graph *)(uintptr_t)g, in, want);
    if (!ran) check_failed(k, g->name, "the simulator did not run it");
    if (ran && run_graph(&x))
        for (int i = 0; i < g->output.n; i++) compare(&x, arena_printf(a, "%s.%s", g->name, g->output.at[i].name), x.out[i], want[i]);
    for (int i = 0; i < g->input.n; i++) sim_tensor_drop(in[i]);
    for (int i = 0; ran && i < g->output.n; i++) sim_tensor_drop(want[i]);
}

void check_graphs(checker *k)
{
    sim *s = sim_new(k->m);
    for (int g = 0; g < k->plan->graph.n; g++) check_graph(k, s, k->plan->graph.at[g]);
    sim_free(s);
}
