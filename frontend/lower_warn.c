/* Warnings: what is legal, and yet hardly meant. Asked only of a module without errors. */
#include "frontend/lower.h"

static bool used_results(const ir_inst *inst)
{
    for (int i = 0; i < inst->nout; i++)
        if (ir_has_uses(inst->out[i])) return true;
    return false;
}

/* A result that the author named, and that nothing takes. */
static void check_inst(lower *l, const ir_inst *inst)
{
    if (inst->op == IR_loop && sx_max(inst->index[1]) <= sx_min(inst->index[0])) lower_warning(l, W_NO_TRIPS, inst->at, "the loop never runs");
    if (inst->nout == 0 || used_results(inst)) return;
    if (inst->op == IR_loop) {
        lower_warning(l, W_UNUSED, inst->at, "nothing uses what the loop makes");
    } else if (inst->op == IR_read || op_get(inst->op)->family != FAM_CORE) {
        const ir_value *v = inst->out[0];
        if (v->name) lower_warning(l, W_UNUSED, v->at, "the value '%s' is never used", v->name);
    }
}

/* The first block of a loop has what is carried, which need not be read in it. */
static void check_parameters(lower *l, const ir_block *b)
{
    for (int i = 0; i < b->arg.n; i++) {
        const ir_value *v = b->arg.at[i];
        if (ir_is_tensor(v) && !ir_has_uses(v)) lower_warning(l, W_UNUSED, v->at, "the parameter '%s' is never used", v->name);
    }
}

static bool check_region(lower *l, const ir_region *r)
{
    bool writes = false;
    for (const ir_block *b = r->first; b; b = b->next) {
        if (b != r->first) check_parameters(l, b);
        for (const ir_inst *i = b->first; i; i = i->next) {
            check_inst(l, i);
            writes |= i->op == IR_write;
            for (int k = 0; k < i->nregion; k++) writes |= check_region(l, i->region[k]);
        }
    }
    return writes;
}

static void check_graph(lower *l, const ir_graph *g)
{
    bool writes = check_region(l, g->body);
    if (g->output.n == 0 && !writes) lower_warning(l, W_NO_RESULT, g->at, "the graph returns nothing and writes no state");
    for (int i = 0; i < g->input.n; i++) {
        const ir_value *v = g->body->first->arg.at[i];
        if (!ir_has_uses(v)) lower_warning(l, W_UNUSED, v->at, "the input '%s' is never used", v->name);
    }
}

static void mark_state(void *env, ir_inst *inst)
{
    if (inst->state && inst->op != IR_token) map_setp(env, inst->state, inst);
}

static void check_states(lower *l)
{
    nfc_map used;
    map_init(&used, l->m->arena);
    for (int g = 0; g < l->m->graph.n; g++) ir_walk(l->m->graph.at[g]->body, mark_state, &used);
    for (int i = 0; i < l->m->state.n; i++) {
        const ir_state *s = l->m->state.at[i];
        if (!map_getp(&used, s)) lower_warning(l, W_UNUSED, s->at, "the state '%s' is never read or written", s->name);
    }
}

void lower_warnings(lower *l)
{
    for (const ast_const *a = l->ast->constant; a; a = a->next)
        if (!map_getp(&l->used, a->name.text)) lower_warning(l, W_UNUSED, a->name.at, "the constant '%s' is never used", a->name.text);
    for (const ast_const *a = l->ast->dim; a; a = a->next)
        if (!map_getp(&l->used, a->name.text)) lower_warning(l, W_UNUSED, a->name.at, "the dim '%s' is never used", a->name.text);
    for (int i = 0; i < l->m->package.n; i++)
        if (!l->m->package.at[i]->used) lower_warning(l, W_UNUSED, l->m->package.at[i]->at, "the package '%s' is never used", l->m->package.at[i]->name);
    check_states(l);
    for (int i = 0; i < l->m->graph.n; i++) check_graph(l, l->m->graph.at[i]);
}
