/* Dead code: what no output, state, jump or barrier depends on. */
#include "passes/pass.h"

typedef struct {
    pass_ctx *ctx;
    VEC(ir_inst *) work;
    bool changed;
} marker;

static void mark(marker *k, ir_inst *inst)
{
    if (!inst || inst->mark) return;
    inst->mark = true;
    vec_push(k->ctx->scratch, &k->work, inst);
}

static void mark_block_owner(marker *k, const ir_block *b)
{
    if (b->region->owner) mark(k, b->region->owner);
}

static void mark_symbol(void *env, const ir_sym *sym)
{
    marker *k = env;
    if (sym->is_dim || !sym->value) return;
    if (sym->value->def) mark(k, sym->value->def);
    else mark_block_owner(k, sym->value->block);
}

static void mark_type(marker *k, const ir_type *t)
{
    for (int i = 0; t->kind == IR_TENSOR && i < t->rank; i++) sx_visit(t->dim[i], mark_symbol, k);
}

static void mark_value(marker *k, const ir_value *v)
{
    if (!v) return;
    if (v->def) mark(k, v->def);
    else mark_block_owner(k, v->block);
}

static void mark_inputs(marker *k, ir_inst *inst)
{
    for (int i = 0; i < inst->nin; i++) mark_value(k, inst->in[i]);
    for (int i = 0; i < inst->nindex; i++) sx_visit(inst->index[i], mark_symbol, k);
    for (int i = 0; i < inst->nsel; i++) {
        sx_visit(inst->sel[i].start, mark_symbol, k);
        if (!inst->sel[i].one) sx_visit(inst->sel[i].extent, mark_symbol, k);
    }
    const op_info *info = op_get(inst->op);
    for (int i = 0; i < info->nattr; i++)
        for (int j = 0; inst->attr[i].kind == IR_ATTR_SXS && j < inst->attr[i].n; j++) sx_visit(inst->attr[i].sx[j], mark_symbol, k);
    for (int i = 0; i < inst->nout; i++) mark_type(k, inst->out[i]->type);
    mark_block_owner(k, inst->block);
    for (int r = 0; r < inst->nregion; r++) /* what ends a live region is live */
        for (ir_block *b = inst->region[r]->first; b; b = b->next) mark(k, b->last);
}

/* Does it count whether its results are used or not? */
static bool counts_alone(const ir_inst *inst) { return inst->op == IR_barrier || inst->op == IR_require; }

/* A region from which the graph can be left, or that holds such an instruction, is live of its own. */
static bool has_own_effect(const ir_inst *inst)
{
    for (int r = 0; r < inst->nregion; r++)
        for (const ir_block *b = inst->region[r]->first; b; b = b->next)
            for (const ir_inst *i = b->first; i; i = i->next)
                if (i->op == IR_return || counts_alone(i) || has_own_effect(i)) return true;
    return false;
}

static void mark_roots(void *env, ir_inst *inst)
{
    marker *k = env;
    inst->mark = false;
    bool body = !inst->block->region->owner;
    if (counts_alone(inst) || (body && ir_is_terminator(inst)) || has_own_effect(inst)) mark(k, inst);
}

static void sweep(marker *k, ir_region *r)
{
    for (ir_block *b = r->first; b; b = b->next)
        for (ir_inst *i = b->last, *prev; i; i = prev) { /* backwards: uses go before definitions */
            prev = i->prev;
            if (i->mark) {
                for (int n = 0; n < i->nregion; n++) sweep(k, i->region[n]);
                continue;
            }
            ir_erase(i);
            k->changed = true;
        }
}

bool pass_dce(pass_ctx *ctx)
{
    marker k = {.ctx = ctx};
    for (int g = 0; g < ctx->m->graph.n; g++) ir_walk(ctx->m->graph.at[g]->body, mark_roots, &k);
    while (k.work.n) mark_inputs(&k, k.work.at[--k.work.n]);
    for (int g = 0; g < ctx->m->graph.n; g++) sweep(&k, ctx->m->graph.at[g]->body);
    return k.changed;
}
