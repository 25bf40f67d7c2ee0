/* Layouts: which values are stored channels last. */
#include "ir/shape.h"
#include "passes/plan_place.h"

/* Are there two orders to choose from? */
static bool has_choice(const ir_type *t)
{
    if (t->kind != IR_TENSOR || t->rank < 3 || t->rank > 5 || ir_max_elements(t) == 0) return false;
    bool spatial = false;
    for (int i = 2; i < t->rank; i++) spatial |= !sx_is(t->dim[i], 1);
    return spatial && sx_is_const(t->dim[1]) && sx_value(t->dim[1]) > 1;
}

/* A copy with new extents is written as if it had the operand's. */
static bool can_be_written(placer *k, const ir_value *v)
{
    if (!v->def || !renames(v->def)) return true;
    const plan_view *view = plan_channels_last_view(k->p, NULL, v->type);
    return plan_regrouped(k->m, v->type, view, v->def->in[0]->type) != NULL;
}

static void store_channels_last(placer *k, const ir_value *v)
{
    if (has_choice(v->type) && can_be_written(k, v)) map_setp(&k->channels_last, v, k);
}

static void store_all_so(placer *k)
{
    for (int n = 0; n < k->inst.n; n++) {
        const ir_inst *i = k->inst.at[n];
        for (int o = 0; o < i->nout; o++) store_channels_last(k, i->out[o]);
        if (i == i->block->first)
            for (int a = 0; a < i->block->arg.n; a++) store_channels_last(k, i->block->arg.at[a]);
    }
}

void plan_layouts(placer *k)
{
    if (k->p->plan->layout == LAYOUT_CHANNELS_LAST) store_all_so(k);
}
