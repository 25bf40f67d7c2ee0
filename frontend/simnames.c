#include "frontend/simnames.h"

#include <string.h>

typedef struct {
    sim_name_visit *visit;
    void *env;
    const ir_module *m;
    nfc_map hidden; /* carried by a loop around; in its later blocks only parameters have a value */
} walk;

static bool tell(walk *w, const char *name, const ir_value *v)
{
    return name && !map_get(&w->hidden, name) && w->visit(w->env, name, v);
}

/* The renames that stand right behind an instruction, or at the start of the block. */
static bool visit_aliases(walk *w, const ir_block *b, const ir_inst *after)
{
    for (int i = w->m->alias.n; i-- > 0;) {
        const ir_alias *a = &w->m->alias.at[i];
        if (a->block == b && a->after == after && tell(w, a->name, a->value)) return true;
    }
    return false;
}

/* Tensors have the author's names. An index that was read from one has the same, and a weight that
 * of the package. */
static bool visit_results(walk *w, const ir_inst *inst)
{
    if (inst->op == IR_index_read || inst->op == IR_weight) return false;
    for (int i = 0; i < inst->nout; i++)
        if ((inst->out[i]->type->kind == IR_TENSOR || inst->op == IR_require) && tell(w, inst->out[i]->name, inst->out[i]))
            return true;
    return false;
}

static bool visit_arguments(walk *w, const ir_block *b)
{
    for (int i = b->arg.n; i-- > 0;)
        if (b->arg.at[i]->type->kind != IR_TOKEN && tell(w, b->arg.at[i]->name, b->arg.at[i]))
            return true;
    return false;
}

/* What a later block sees of its region: a graph's inputs; a loop's variable. */
static bool visit_region(walk *w, const ir_region *r)
{
    if (!r->owner) return visit_arguments(w, r->first);
    const ir_value *variable = r->first->arg.at[0];
    if (tell(w, variable->name, variable)) return true;
    for (int i = 1; i < r->first->arg.n; i++)
        if (r->first->arg.at[i]->name) map_set(&w->hidden, r->first->arg.at[i]->name, w);
    return false;
}

bool sim_each_name(const ir_inst *at, sim_name_visit *visit, void *env)
{
    const ir_module *m = ir_graph_of(at)->module;
    nfc_arena *scratch = arena_child(m->arena);
    walk w = {visit, env, m, {0}};
    map_init(&w.hidden, scratch);
    bool found = false;
    for (const ir_inst *inst = at; inst && !found; inst = inst->block->region->owner) {
        const ir_block *b = inst->block;
        for (const ir_inst *p = inst->prev; p && !found; p = p->prev)
            found = visit_aliases(&w, b, p) || visit_results(&w, p);
        found = found || visit_aliases(&w, b, NULL) || visit_arguments(&w, b);
        if (!found && b != b->region->first) found = visit_region(&w, b->region);
    }
    arena_free(scratch);
    return found;
}

typedef struct {
    const char *name;
    const ir_value *found;
} search;

static bool is_it(void *env, const char *name, const ir_value *v)
{
    search *s = env;
    if (strcmp(s->name, name) != 0) return false;
    s->found = v;
    return true;
}

const ir_value *sim_find_name(const ir_inst *at, const char *name)
{
    search s = {name, NULL};
    sim_each_name(at, is_it, &s);
    return s.found;
}
