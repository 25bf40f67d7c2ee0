#include "devices/device.h"
#include "passes/plan.h"

#include <string.h>
#include "ir/names.h"
#include "passes/sched.h"

/* Dims, and the indices of a graph, are called alike in kernels and in the functions that call them:
 * each gets an identifier of its own. */
static void name_indices(ir_module *m, const ir_region *r, nfc_map *taken)
{
    for (const ir_block *b = r->first; b; b = b->next) {
        for (int i = 0; i < b->arg.n; i++)
            if (b->arg.at[i]->sym) b->arg.at[i]->sym->name = name_unique(m->arena, taken, name_in_kernel(m->arena, b->arg.at[i]->sym->name));
        for (const ir_inst *i = b->first; i; i = i->next) {
            for (int n = 0; n < i->nout; n++)
                if (i->out[n]->sym) i->out[n]->sym->name = name_unique(m->arena, taken, name_in_kernel(m->arena, i->out[n]->sym->name));
            for (int n = 0; n < i->nregion; n++) name_indices(m, i->region[n], taken);
        }
    }
}

static void name_symbols(ir_module *m)
{
    nfc_map dims;
    map_init(&dims, m->arena);
    for (int i = 0; i < m->dim.n; i++) m->dim.at[i].sym->name = name_unique(m->arena, &dims, name_in_kernel(m->arena, m->dim.at[i].sym->name));
    for (int g = 0; g < m->graph.n; g++) {
        nfc_map taken;
        map_init(&taken, m->arena);
        for (int i = 0; i < m->dim.n; i++) map_set(&taken, m->dim.at[i].sym->name, m);
        name_indices(m, m->graph.at[g]->body, &taken);
    }
}

static plan_graph *new_graph(plan *all, ir_graph *g)
{
    plan_graph *p = ARENA_NEW(all->m->arena, plan_graph);
    p->plan = all;
    p->g = g;
    map_init(&p->view, all->m->arena);
    map_init(&p->step, all->m->arena);
    map_init(&p->position, all->m->arena);
    map_init(&p->loop_end, all->m->arena);
    plan_storage(p);
    return p;
}

plan_graph *plan_trial(ir_module *m, ir_graph *g, plan_layout layout)
{
    plan *all = ARENA_NEW(m->arena, plan);
    all->m = m;
    all->layout = layout;
    return new_graph(all, g);
}

static void plan_one(plan *all, ir_graph *g, const plan_options *options)
{
    plan_graph *p = new_graph(all, g);
    plan_kernels(p);
    plan_offsets(p, options->alignment);
    if (options->device && options->device->threads > 1) plan_spread(p, options->alignment, options->device);
    if (p->arena > all->arena) all->arena = p->arena;
    vec_push(all->m->arena, &all->graph, p);
}

static bool verify_kernels(plan *all)
{
    for (int g = 0; g < all->graph.n; g++)
        for (int i = 0; i < all->graph.at[g]->call.n; i++) {
            const plan_call *c = all->graph.at[g]->call.at[i];
            const char *broken = c->kernel->verified ? NULL : kir_verify(all->m, c->kernel);
            if (!broken) continue;
            diag_error(&all->m->session->diags, E_INTERNAL, c->at, "%s", broken);
            return false;
        }
    return true;
}

plan *plan_module(ir_module *m, const plan_options *options)
{
    plan *p = ARENA_NEW(m->arena, plan);
    p->m = m;
    p->gpu = options->gpu;
    p->layout = options->layout;
    p->strict = options->strict;
    sched_target *target = ARENA_NEW(m->arena, sched_target);
    if (options->device && sched_target_of(options->device, target)) p->target = target;
    target->strict = options->strict;
    target->book = options->book;
    ir_number(m);
    name_symbols(m);
    for (int g = 0; g < m->graph.n; g++) plan_one(p, m->graph.at[g], options);
    for (int i = 0; i < m->state.n; i++) p->state_bytes += ir_max_bytes(m->state.at[i]->type);
    return verify_kernels(p) ? p : NULL;
}

/* ---- dumps --------------------------------------------------------------------------------- */

static void print_view(FILE *to, nfc_arena *a, const ir_value *of, const plan_view *v)
{
    static const char *const places[] = {"arena", "input", "output", "state", "weight"};
    const plan_buffer *b = v->buffer;
    fprintf(to, "%s", places[b->place]);
    if (b->place == PLAN_ARENA) fprintf(to, "+%lld", (long long)b->offset);
    if (b->place == PLAN_INPUT || b->place == PLAN_OUTPUT) fprintf(to, " %d", b->port);
    if (b->name) fprintf(to, " '%s'", b->name);
    if (!sx_is(v->offset, 0)) fprintf(to, "[%s]", sx_text(a, v->offset));
    if (of && plan_is_channels_last(of->type, v)) fprintf(to, " channels last");
}

void plan_print(FILE *to, const plan *p)
{
    for (int g = 0; g < p->graph.n; g++) {
        const plan_graph *pg = p->graph.at[g];
        fprintf(to, "graph %s: arena %lld bytes, lower bound %lld, without sharing %lld (%s)\n", pg->g->name, (long long)pg->arena, (long long)pg->lower_bound, (long long)pg->naive, pg->heuristic);
        for (int i = 0; i < pg->buffer.n; i++) {
            const plan_buffer *b = pg->buffer.at[i];
            fprintf(to, "  buffer %d %s: %lld bytes at %lld, live %d..%d\n", b->id, b->name ? b->name : "", (long long)b->bytes, (long long)b->offset, b->first, b->last);
        }
        for (int i = 0; i < pg->call.n; i++) {
            const plan_call *c = pg->call.at[i];
            fprintf(to, "  call %d %s(", c->id, c->kernel->name);
            for (int k = 0; k < c->arg.n; k++) {
                fputs(k ? ", " : "", to);
                print_view(to, p->m->arena, c->kernel->param.at[k]->value, c->arg.at[k]);
            }
            fputs(")\n", to);
        }
    }
}
