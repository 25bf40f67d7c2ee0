#include "frontend/inspect.h"

#include <string.h>
#include "ir/sat.h"

/* ---- one call ------------------------------------------------------------------------------- */

static int64_t port_bytes(const ir_graph *g)
{
    int64_t bytes = 0;
    for (int i = 0; i < g->input.n; i++) bytes = sat_add(bytes, ir_max_bytes(g->input.at[i].type));
    for (int i = 0; i < g->output.n; i++) bytes = sat_add(bytes, ir_max_bytes(g->output.at[i].type));
    return bytes;
}

inspect_peak inspect_peak_of(const cg_program *p)
{
    const device_unit *u = p->device->chosen;
    inspect_peak peak = {.flops_per_us = u->clock_mhz * u->flops_per_cycle};
    for (int i = 0; i < p->m->graph.n; i++) {
        int64_t bytes = port_bytes(p->m->graph.at[i]);
        if (bytes > peak.data_bytes) peak.data_bytes = bytes;
    }
    peak.data_bytes = sat_add(peak.data_bytes, sat_add(p->weight_bytes, sat_add(p->state_bytes, p->plan->arena)));
    peak.level = device_level_holding(u, peak.data_bytes);
    if (peak.level) peak.bytes_per_us = peak.level->gb_per_s * 1e3;
    return peak;
}

static int64_t macs_of(const ir_inst *inst)
{
    if (!inst) return 0;
    if (inst->op != IR_fused) return op_get(inst->op)->rule->macs(inst);
    int64_t macs = 0;
    for (const ir_inst *i = inst->region[0]->first->first; i; i = i->next) macs = sat_add(macs, op_get(i->op)->rule->macs(i));
    return macs;
}

static double compute_us(const inspect_peak *peak, const inspect_cost *c) { return peak->flops_per_us > 0 ? (double)c->flops / peak->flops_per_us : 0; }
static double memory_us(const inspect_peak *peak, const inspect_cost *c) { return peak->bytes_per_us > 0 ? ((double)c->read + (double)c->written) / peak->bytes_per_us : 0; }

static inspect_cost cost_of_call(ir_module *m, const inspect_peak *peak, const plan_call *call)
{
    kir_cost k = kir_cost_of(m, call->kernel);
    inspect_cost c = {1, macs_of(call->inst), k.flops, k.read, k.written, 0};
    double compute = compute_us(peak, &c), memory = memory_us(peak, &c);
    c.us = compute > memory ? compute : memory;
    return c;
}

static void add_cost(inspect_cost *to, const inspect_cost *c, int64_t times)
{
    to->calls = sat_add(to->calls, sat_mul(c->calls, times));
    to->macs = sat_add(to->macs, sat_mul(c->macs, times));
    to->flops = sat_add(to->flops, sat_mul(c->flops, times));
    to->read = sat_add(to->read, sat_mul(c->read, times));
    to->written = sat_add(to->written, sat_mul(c->written, times));
    to->us += c->us * (double)times;
}

#define RAISE(to, c, member) if ((to)->member < (c)->member) (to)->member = (c)->member

static void raise_cost(inspect_cost *to, const inspect_cost *c)
{
    RAISE(to, c, calls);
    RAISE(to, c, macs);
    RAISE(to, c, flops);
    RAISE(to, c, read);
    RAISE(to, c, written);
    RAISE(to, c, us);
}

/* ---- a graph -------------------------------------------------------------------------------- */

/* What a block and everything behind it costs; on the way to it: while it is worked out. */
typedef struct {
    inspect_cost cost;
    bool known;
} block_state;

typedef struct {
    const cg_program *p;
    inspect_graph *g;
    inspect_peak peak;
    nfc_map row;   /* cg_kernel, or the graph for its moves -> inspect_kernel */
    nfc_map block; /* block -> block_state */
} inspector;

static inspect_cost region_cost(inspector *x, const ir_region *r, int64_t times);

static inspect_kernel *row_of(inspector *x, const plan_call *call)
{
    const cg_kernel *k = map_getp(&x->p->kernel_of, call);
    const void *key = k ? (const void *)k : (const void *)x->g;
    inspect_kernel *row = map_getp(&x->row, key);
    if (row) return row;
    row = ARENA_NEW(x->p->arena, inspect_kernel);
    row->kernel = k;
    vec_push(x->p->arena, &x->g->kernel, row);
    map_setp(&x->row, key, row);
    return row;
}

/* A call adds to its block, and, with the trips of all loops around it, to its kernel's row. */
static void count_call(inspector *x, const plan_call *call, inspect_cost *block, int64_t times)
{
    inspect_cost c = cost_of_call(x->p->m, &x->peak, call);
    inspect_kernel *row = row_of(x, call);
    add_cost(block, &c, 1);
    add_cost(&row->cost, &c, times);
    row->by_memory = memory_us(&x->peak, &row->cost) >= compute_us(&x->peak, &row->cost);
    vec_push(x->p->arena, &row->place, cg_places(x->p, call));
}

#define COUNT_CALLS(x, list, block, times)                                                         \
    for (int i_ = 0; i_ < (list).n; i_++) count_call(x, (list).at[i_], block, times)

static int64_t trips(const inspector *x, const ir_inst *loop)
{
    int64_t n = sx_max(sx_sub(&x->p->m->sx, loop->index[1], loop->index[0]));
    return n > 0 ? n : 0;
}

static inspect_cost block_cost(inspector *x, const ir_block *b, int64_t times);

/* The dearer of two ways; one that leads back to where it came from is not gone again. */
static void count_jumps(inspector *x, const ir_inst *jump, const plan_step *step, inspect_cost *block, int64_t times)
{
    inspect_cost most = {0};
    for (int k = 0; k < jump->nedge; k++) {
        inspect_cost way = {0};
        if (step) COUNT_CALLS(x, step->edge[k], &way, times);
        inspect_cost behind = block_cost(x, jump->edge[k].to, times);
        add_cost(&way, &behind, 1);
        raise_cost(&most, &way);
    }
    x->g->branches |= jump->nedge > 1;
    add_cost(block, &most, 1);
}

static void count_inst(inspector *x, const ir_inst *i, inspect_cost *block, int64_t times)
{
    const plan_step *step = plan_step_of(x->g->plan, i);
    if (step) COUNT_CALLS(x, step->call, block, times);
    if (step) COUNT_CALLS(x, step->enter, block, times);
    if (i->nedge) count_jumps(x, i, step, block, times);
    else if (step) COUNT_CALLS(x, step->edge[0], block, times);
    if (i->op != IR_loop) return;
    inspect_cost body = region_cost(x, i->region[0], sat_mul(times, trips(x, i)));
    add_cost(block, &body, trips(x, i));
}

static inspect_cost block_cost(inspector *x, const ir_block *b, int64_t times)
{
    block_state *s = map_getp(&x->block, b);
    if (s) {
        x->g->jumps_back |= !s->known;
        return s->cost;
    }
    s = ARENA_NEW(x->p->arena, block_state);
    map_setp(&x->block, b, s);
    inspect_cost cost = {0};
    for (const ir_inst *i = b->first; i; i = i->next) count_inst(x, i, &cost, times);
    s->cost = cost;
    s->known = true;
    return cost;
}

static inspect_cost region_cost(inspector *x, const ir_region *r, int64_t times) { return block_cost(x, r->first, times); }

inspect_graph *inspect_graph_costs(const cg_program *p, const plan_graph *g)
{
    inspect_graph *out = ARENA_NEW(p->arena, inspect_graph);
    out->plan = g;
    inspector x = {.p = p, .g = out, .peak = inspect_peak_of(p)};
    map_init(&x.row, p->arena);
    map_init(&x.block, p->arena);
    out->cost = region_cost(&x, g->g->body, 1);
    return out;
}

/* ---- parameters ------------------------------------------------------------------------------ */

inspect_params inspect_parameters(const cg_program *p)
{
    inspect_params sum = {{0}, {0}};
    nfc_map seen;
    map_init(&seen, p->arena);
    for (int i = 0; i < p->weight.n; i++) {
        const ir_inst *w = p->weight.at[i].inst;
        const ir_type *t = w->out[0]->type;
        for (int k = 0; w->op == IR_weight && k < w->constant->ntensor; k++) {
            const char *key = arena_printf(p->arena, "%p %s", (void *)w->constant->package, w->constant->tensor[k]);
            if (map_set(&seen, key, &seen)) continue;
            sum.count[t->dtype] = sat_add(sum.count[t->dtype], ir_max_elements(t));
            sum.bytes[t->dtype] = sat_add(sum.bytes[t->dtype], ir_max_bytes(t));
        }
    }
    return sum;
}
