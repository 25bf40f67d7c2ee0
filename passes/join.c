/* Joins: a concat whose operands begin with those of an earlier one begins with that one's result.
 *
 * So exporters write a dense block: each concat with all features from the start. Nested, each feature is
 * made where the last concat has it, and none is copied (passes/plan_parts.c). */
#include <string.h>
#include "passes/pass.h"

/* A concat as it was found. */
typedef struct {
    ir_inst *inst;
    int n;
    ir_value **in;
} joined;

typedef VEC(joined) joined_list;

static int64_t axis_of(const ir_inst *concat)
{
    int64_t axis = ir_int(concat, ATTR_AT(concat, axis));
    return axis < 0 ? axis + concat->out[0]->type->rank : axis;
}

static bool begins_with(const ir_inst *concat, const joined *x)
{
    return x->n < concat->nin && axis_of(x->inst) == axis_of(concat) && memcmp(concat->in, x->in, (size_t)x->n * sizeof *x->in) == 0;
}

static joined as_found(pass_ctx *ctx, ir_inst *concat)
{
    joined x = {concat, concat->nin, ARENA_ARRAY(ctx->scratch, ir_value *, concat->nin)};
    memcpy(x.in, concat->in, (size_t)concat->nin * sizeof *x.in);
    return x;
}

static bool join_concat(pass_ctx *ctx, nfc_map *known, ir_inst *concat)
{
    joined_list *alike = map_getp(known, concat->in[0]);
    const joined *longest = NULL;
    if (concat->hints && concat->hints->no_reorder) return false;
    if (!alike) {
        alike = ARENA_NEW(ctx->scratch, joined_list);
        map_setp(known, concat->in[0], alike);
    }
    for (int i = 0; i < alike->n; i++)
        if (begins_with(concat, &alike->at[i]) && (!longest || alike->at[i].n > longest->n)) longest = &alike->at[i];
    joined found = as_found(ctx, concat);
    if (longest) {
        ir_set_operand(concat, 0, longest->inst->out[0]);
        for (int i = longest->n - 1; i > 0; i--) ir_drop_operand(concat, i);
    }
    bool changed = longest != NULL;
    vec_push(ctx->scratch, alike, found);
    return changed;
}

static bool join_region(pass_ctx *ctx, ir_region *r)
{
    bool changed = false;
    for (ir_block *b = r->first; b; b = b->next) {
        nfc_map known; /* first operand -> joined_list, since the last barrier */
        map_init(&known, ctx->scratch);
        for (ir_inst *i = b->first; i; i = i->next) {
            if (i->op == IR_barrier) map_init(&known, ctx->scratch);
            if (i->op == IR_concat && i->nin > 1) changed |= join_concat(ctx, &known, i);
            if (i->op == IR_loop) changed |= join_region(ctx, i->region[0]);
        }
    }
    return changed;
}

bool pass_join(pass_ctx *ctx)
{
    bool changed = false;
    for (int g = 0; g < ctx->m->graph.n; g++) changed |= join_region(ctx, ctx->m->graph.at[g]->body);
    return changed;
}
