/* Ahead of loops: what a loop does again in every trip with a value that stays the same is done once, in front of it. */
#include "ir/sat.h"
#include "passes/plan.h"

/* Does an op give its operand's elements under indices that are the same in every trip? */
static bool renames_alike(const ir_inst *i)
{
    if (op_get(i->op)->family != FAM_VIEW || i->op == IR_concat || i->op == IR_update) return false;
    for (int a = 0; a < op_get(i->op)->nattr; a++)
        for (int n = 0; i->attr[a].kind == IR_ATTR_SXS && n < i->attr[a].n; n++)
            if (!sx_is_const(i->attr[a].sx[n])) return false;
    return true;
}

const ir_value *plan_origin(const ir_inst *user, const ir_value *v)
{
    if (v->block && user->nregion && v->block->region == user->region[0]) v = user->in[v->slot];
    while (v->def && renames_alike(v->def)) v = v->def->in[0];
    return v;
}

static bool is_within(const ir_region *r, const ir_value *v) { return ir_region_contains(r, v->def ? v->def->block : v->block); }

/* A loop whose trips only the run knows is taken to have a few. */
static int64_t likely_trips(ir_module *m, const ir_inst *loop)
{
    const int64_t few = 2;
    const ir_sx *trips = sx_sub(&m->sx, loop->index[1], loop->index[0]);
    const int64_t most = sx_max(trips);
    if (most < 1) return 1;
    return sx_is_const(trips) || most < few ? most : few;
}

const ir_inst *plan_ahead_of(ir_module *m, const ir_inst *user, const ir_value *v, int64_t *trips)
{
    const ir_inst *outermost = NULL;
    *trips = 1;
    if (!user || !v) return NULL;
    v = plan_origin(user, v);
    if (!v->def && !v->block) return NULL; /* a place of the planner's own */
    for (const ir_inst *i = user->block->region->owner; i && i->op == IR_loop && !is_within(i->region[0], v); i = i->block->region->owner) {
        outermost = i;
        *trips = sat_mul(*trips, likely_trips(m, i));
    }
    return outermost;
}
