/* nfc inspect: what a program takes and costs, before it is built. */
#include <stdlib.h>
#include <string.h>
#include "frontend/build.h"
#include "frontend/inspect.h"
#include "frontend/json.h"

typedef struct {
    cli *c;
    nfc_arena *a;
    const cg_program *p;
    inspect_params params;
    VEC(inspect_graph *) graph;
} inspection;

/* ---- text ------------------------------------------------------------------------------------ */

/* 1234567 as "1,234,567". */
static const char *grouped(nfc_arena *a, int64_t n)
{
    const char *digits = arena_printf(a, "%lld", (long long)(n % 1000));
    for (n /= 1000; n; n /= 1000) {
        int first = (int)strcspn(digits, ",");
        digits = arena_printf(a, "%lld,%s%s", (long long)(n % 1000), &"000"[first], digits);
    }
    return digits;
}

static const char *time_text(nfc_arena *a, double us)
{
    if (us >= 1e6) return arena_printf(a, "%.3g s", us / 1e6);
    if (us >= 1e3) return arena_printf(a, "%.3g ms", us / 1e3);
    if (us >= 1 || us == 0) return arena_printf(a, "%.3g us", us);
    return arena_printf(a, "%.3g ns", us * 1e3);
}

static void print_size(const inspection *x, const char *what, int64_t bytes, int64_t limit)
{
    printf("%-12s %14s bytes", what, grouped(x->a, bytes));
    if (limit) printf(" of %s%s", grouped(x->a, limit), bytes > limit ? ": too much" : "");
    putchar('\n');
}

static void print_device(const inspection *x)
{
    const device *d = x->p->device;
    const device_unit *u = d->chosen;
    inspect_peak peak = inspect_peak_of(x->p);
    printf("%s for %s: one core of %s, %g MHz, %g flops a cycle", x->p->m->name, d->name, u->name, u->clock_mhz, u->flops_per_cycle);
    if (peak.level) printf(", %g GB/s from %s", peak.level->gb_per_s, peak.level->name);
    puts("\n");
}

static void print_sizes(const inspection *x)
{
    const cg_program *p = x->p;
    int64_t count = 0;
    const char *types = "";
    for (int t = 0; t < DT_COUNT; t++) {
        if (!x->params.count[t]) continue;
        count += x->params.count[t];
        types = arena_printf(x->a, "%s%s%s: %s in %s bytes", types, *types ? ", " : "", dtype_name((nfc_dtype)t), grouped(x->a, x->params.count[t]), grouped(x->a, x->params.bytes[t]));
    }
    printf("%-12s %14s%s%s\n", "parameters", grouped(x->a, count), count ? " " : "", types);
    print_size(x, "weights", p->weight_bytes, p->device->weights_limit);
    print_size(x, "arena", p->plan->arena, p->device->arena_limit);
    print_size(x, "state", p->state_bytes, 0);
    print_size(x, "stack", p->stack_bytes, p->device->stack_limit);
}

static void print_kernels(const inspection *x, const inspect_graph *g)
{
    printf("\n  %-32s %9s %13s %13s %13s %9s\n", "kernel", "calls", "MACs", "operations", "bytes", "time");
    for (int i = 0; i < g->kernel.n; i++) {
        const inspect_kernel *k = g->kernel.at[i];
        const inspect_cost *c = &k->cost;
        printf("  %-32s %9s %13s %13s %13s", k->kernel ? k->kernel->name : "(moves)", grouped(x->a, c->calls), grouped(x->a, c->macs), grouped(x->a, c->flops), grouped(x->a, c->read > INT64_MAX - c->written ? INT64_MAX : c->read + c->written));
        printf(" %9s  %s  %s", time_text(x->a, c->us), k->by_memory ? "memory " : "compute", k->place.at[0]);
        if (k->place.n > 1) printf(" and %d more", k->place.n - 1);
        putchar('\n');
    }
}

static int by_bytes(const void *a, const void *b)
{
    const plan_buffer *x = *(plan_buffer *const *)a, *y = *(plan_buffer *const *)b;
    return x->bytes != y->bytes ? (x->bytes > y->bytes ? -1 : 1) : x->id - y->id;
}

static void print_buffers(const inspection *x, const inspect_graph *g)
{
    enum { SHOWN = 12 };
    int n = g->plan->buffer.n;
    plan_buffer **order = ARENA_ARRAY(x->a, plan_buffer *, n + 1);
    for (int i = 0; i < n; i++) order[i] = g->plan->buffer.at[i];
    qsort(order, (size_t)n, sizeof *order, by_bytes);
    if (n) printf("\n  %-32s %9s %13s %13s\n", "buffer", "type", "bytes", "offset");
    for (int i = 0; i < n && i < SHOWN; i++)
        printf("  %-32s %9s %13s %13s  live %d to %d%s  %s\n", order[i]->name ? order[i]->name : "", dtype_name(order[i]->dtype), grouped(x->a, order[i]->bytes), grouped(x->a, order[i]->offset), order[i]->first, order[i]->last, order[i]->channels_last ? ", channels last" : "", cg_place(x->p, order[i]->at));
    if (n > SHOWN) printf("  and %d smaller ones; --json lists all\n", n - SHOWN);
}

static void print_graph(const inspection *x, const inspect_graph *g)
{
    const plan_graph *pg = g->plan;
    const inspect_cost *c = &g->cost;
    printf("\ngraph %s: %s MACs, %s operations\n", pg->g->name, grouped(x->a, c->macs), grouped(x->a, c->flops));
    printf("  reads %s bytes, writes %s; at least %s\n", grouped(x->a, c->read), grouped(x->a, c->written), time_text(x->a, c->us));
    printf("  arena %s bytes; lower bound %s, without sharing %s", grouped(x->a, pg->arena), grouped(x->a, pg->lower_bound), grouped(x->a, pg->naive));
    printf("%s%s\n", *pg->heuristic ? "; placed " : "", pg->heuristic);
    for (int i = 0; i < x->p->m->chain.n; i++)
        if (x->p->m->chain.at[i]->graph == pg->g) printf("  rows: %s; %s\n", cg_chain_text(x->p, x->p->m->chain.at[i]), cg_place(x->p, x->p->m->chain.at[i]->at));
    if (g->branches) puts("  of two ways the one counts that has more of it; a kernel's line has both");
    if (g->jumps_back) puts("  a block that is jumped back to counts once");
    if (g->kernel.n) print_kernels(x, g);
    print_buffers(x, g);
}

static void print_text(const inspection *x)
{
    print_device(x);
    print_sizes(x);
    for (int i = 0; i < x->graph.n; i++) print_graph(x, x->graph.at[i]);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void set_int(const inspection *x, json_node *o, const char *key, int64_t n) { json_set(o, key, json_int(x->a, n)); }
static void set_text(const inspection *x, json_node *o, const char *key, const char *value) { json_set(o, key, json_string(x->a, value)); }

static void set_cost(const inspection *x, json_node *o, const inspect_cost *c)
{
    set_int(x, o, "calls", c->calls);
    set_int(x, o, "macs", c->macs);
    set_int(x, o, "operations", c->flops);
    set_int(x, o, "bytes_read", c->read);
    set_int(x, o, "bytes_written", c->written);
    json_set(o, "time_us", json_float(x->a, c->us));
}

static json_node *kernel_json(const inspection *x, const inspect_kernel *k)
{
    json_node *o = json_object(x->a), *places = json_array(x->a);
    for (int i = 0; i < k->place.n; i++) json_push(places, json_string(x->a, k->place.at[i]));
    set_text(x, o, "name", k->kernel ? k->kernel->name : "");
    set_text(x, o, "ops", k->kernel && k->kernel->call->inst ? cg_ops_text(x->p, k->kernel->call->inst) : "move");
    set_text(x, o, "bound_by", k->by_memory ? "memory" : "compute");
    json_set(o, "places", places);
    set_cost(x, o, &k->cost);
    return o;
}

static json_node *buffer_json(const inspection *x, const plan_buffer *b)
{
    json_node *o = json_object(x->a);
    set_text(x, o, "name", b->name ? b->name : "");
    set_text(x, o, "dtype", dtype_name(b->dtype));
    set_text(x, o, "place", cg_place(x->p, b->at));
    set_int(x, o, "bytes", b->bytes);
    set_int(x, o, "offset", b->offset);
    set_int(x, o, "first", b->first);
    set_int(x, o, "last", b->last);
    set_text(x, o, "layout", b->channels_last ? "channels last" : "plain");
    return o;
}

static json_node *graph_json(const inspection *x, const inspect_graph *g)
{
    json_node *o = json_object(x->a), *arena = json_object(x->a), *kernels = json_array(x->a), *buffers = json_array(x->a);
    for (int i = 0; i < g->kernel.n; i++) json_push(kernels, kernel_json(x, g->kernel.at[i]));
    for (int i = 0; i < g->plan->buffer.n; i++) json_push(buffers, buffer_json(x, g->plan->buffer.at[i]));
    set_int(x, arena, "bytes", g->plan->arena);
    set_int(x, arena, "lower_bound", g->plan->lower_bound);
    set_int(x, arena, "naive", g->plan->naive);
    set_text(x, arena, "heuristic", g->plan->heuristic);
    json_node *chains = json_array(x->a);
    for (int i = 0; i < x->p->m->chain.n; i++)
        if (x->p->m->chain.at[i]->graph == g->plan->g) json_push(chains, json_string(x->a, cg_chain_text(x->p, x->p->m->chain.at[i])));
    json_set(o, "chains", chains);
    json_set(arena, "buffers", buffers);
    set_text(x, o, "name", g->plan->g->name);
    json_set(o, "arena", arena);
    json_set(o, "branches", json_bool(x->a, g->branches));
    json_set(o, "jumps_back", json_bool(x->a, g->jumps_back));
    json_set(o, "kernels", kernels);
    set_cost(x, o, &g->cost);
    return o;
}

static json_node *parameters_json(const inspection *x)
{
    json_node *o = json_object(x->a), *types = json_object(x->a);
    int64_t count = 0, bytes = 0;
    for (int t = 0; t < DT_COUNT; t++) {
        if (!x->params.count[t]) continue;
        json_node *of = json_object(x->a);
        set_int(x, of, "count", x->params.count[t]);
        set_int(x, of, "bytes", x->params.bytes[t]);
        json_set(types, dtype_name((nfc_dtype)t), of);
        count += x->params.count[t];
        bytes += x->params.bytes[t];
    }
    set_int(x, o, "count", count);
    set_int(x, o, "bytes", bytes);
    json_set(o, "by_type", types);
    return o;
}

static json_node *level_json(const inspection *x, const device_level *l)
{
    json_node *o = json_object(x->a);
    set_text(x, o, "name", l->name);
    if (l->bytes) set_int(x, o, "bytes", l->bytes);
    set_int(x, o, "cores", l->cores);
    if (l->gb_per_s > 0) json_set(o, "gb_per_s", json_float(x->a, l->gb_per_s));
    return o;
}

/* The unit as the description has it: what the numbers are for. */
static json_node *unit_json(const inspection *x, const device_unit *u)
{
    json_node *o = json_object(x->a), *levels = json_array(x->a);
    for (int i = 0; i < u->level.n; i++) json_push(levels, level_json(x, &u->level.at[i]));
    set_text(x, o, "name", u->name);
    set_text(x, o, "kind", u->kind);
    set_int(x, o, "cores", u->cores);
    json_set(o, "clock_mhz", json_float(x->a, u->clock_mhz));
    json_set(o, "flops_per_cycle", json_float(x->a, u->flops_per_cycle));
    if (u->vector_bits) set_int(x, o, "vector_bits", u->vector_bits);
    if (u->vector_registers) set_int(x, o, "vector_registers", u->vector_registers);
    json_set(o, "levels", levels);
    return o;
}

static json_node *device_json(const inspection *x)
{
    json_node *o = json_object(x->a);
    inspect_peak peak = inspect_peak_of(x->p);
    set_text(x, o, "name", x->p->device->name);
    json_set(o, "unit", unit_json(x, x->p->device->chosen));
    json_set(o, "flops_per_us", json_float(x->a, peak.flops_per_us));
    json_set(o, "bytes_per_us", json_float(x->a, peak.bytes_per_us));
    set_int(x, o, "data_bytes", peak.data_bytes);
    set_text(x, o, "data_in", peak.level ? peak.level->name : "");
    return o;
}

static void print_json(const inspection *x)
{
    json_node *o = json_object(x->a), *graphs = json_array(x->a);
    for (int i = 0; i < x->graph.n; i++) json_push(graphs, graph_json(x, x->graph.at[i]));
    set_text(x, o, "name", x->p->m->name);
    json_set(o, "device", device_json(x));
    json_set(o, "parameters", parameters_json(x));
    set_int(x, o, "weight_bytes", x->p->weight_bytes);
    set_int(x, o, "arena_bytes", x->p->plan->arena);
    set_int(x, o, "state_bytes", x->p->state_bytes);
    set_int(x, o, "stack_bytes", x->p->stack_bytes);
    json_set(o, "graphs", graphs);
    json_write(stdout, o, 0);
    putchar('\n');
}

/* ---- the verb -------------------------------------------------------------------------------- */

int verb_inspect(cli *c)
{
    const device *d = cli_device(c);
    const plan *planned = d ? cli_plan(c, d) : NULL;
    const ir_graph *only = planned && c->graph ? cli_graph(c, planned->m) : NULL;
    if (!planned || (c->graph && !only)) return cli_finish(c);
    cg_program *p = program_new(c->s, planned, d, d->libc);
    if (!p) return cli_finish(c);
    inspection x = {.c = c, .a = c->s->arena, .p = p, .params = inspect_parameters(p)};
    for (int i = 0; i < planned->graph.n; i++)
        if (!only || planned->graph.at[i]->g == only) vec_push(x.a, &x.graph, inspect_graph_costs(p, planned->graph.at[i]));
    if (c->json) print_json(&x);
    else print_text(&x);
    program_fits(p); /* what does not fit is shown, and then said */
    return cli_finish(c);
}
