/* Products of narrow floats, worked out in f32, where the device has vectors but no products of the type: what is multiplied is
 * widened once, where it is made, and not for each product, if there are several; so is the bias. Weights stay narrow, and are widened as they are
 * loaded. The sums are in f32 either way, and are rounded once.
 *
 *     y = matmul(x, w)       y = cast(matmul(cast(x, f32), cast(w, f32)), f16)
 *
 * The cast of x goes with what makes x, that of the product with what follows it. */
#include "ir/make.h"
#include "passes/canon_widen.h"
#include "passes/k_dots.h"
#include "passes/pass.h"

enum { LEAST_USES = 6 }; /* of an element, from which on it takes less time to widen it once than for each product: as measured */

typedef struct {
    pass_ctx *ctx;
    nfc_map wide; /* value -> the same one widened, by the last cast that was made for it */
    bool changed;
} widener;

static bool is_product(const ir_inst *inst) { return inst->op == IR_matmul || inst->op == IR_gemm || inst->op == IR_conv || inst->op == IR_conv_transpose; }

static bool is_narrow(const widener *k, nfc_dtype t) { return dtype_is_float(t) && !kir_computes((kir_type)t) && !k_has_float_dots(k->ctx->options->device, t); }

/* Is each of the factors multiplied often enough, unless it is a weight? */
static bool is_worth_it(const ir_inst *inst)
{
    const int64_t products = op_get(inst->op)->rule->macs(inst);
    for (int i = 0; i < 2; i++)
        if (!canon_is_of_weight(inst->in[i]) && products / LEAST_USES < ir_max_elements(inst->in[i]->type)) return false;
    return true;
}

/* What is no weight once for all products of a block. */
static ir_value *widened(widener *k, ir_inst *inst, ir_value *x)
{
    ir_value *known = map_getp(&k->wide, x);
    if (known && known->def->block == inst->block) return known;
    mk make = {.m = k->ctx->m, .block = inst->block, .before = inst, .at = inst->at, .scope = inst->scope};
    ir_value *y = mk_cast(&make, x, DT_f32);
    if (canon_is_of_weight(x)) return y;
    if (x->name) y->name = arena_printf(k->ctx->m->arena, "%s_f32", x->name);
    map_setp(&k->wide, x, y);
    return y;
}

/* The product's own result becomes an f32, of which a cast makes what it was. */
static void round_result(widener *k, ir_inst *inst, nfc_dtype type)
{
    ir_module *m = k->ctx->m;
    ir_value *sum = inst->out[0];
    const ir_type *narrow = sum->type;
    mk make = {.m = m, .block = inst->block, .before = inst->next, .at = inst->at, .scope = inst->scope};
    sum->type = ir_tensor(m, DT_f32, narrow->rank, narrow->dim);
    ir_value *y = mk_cast(&make, sum, type);
    ir_replace_uses(sum, y);
    ir_set_operand(y->def, 0, sum);
    y->name = sum->name;
    if (sum->name) sum->name = arena_printf(m->arena, "%s_f32", sum->name);
}

static void visit(void *env, ir_inst *inst)
{
    widener *k = env;
    if (!is_product(inst) || !is_narrow(k, inst->in[0]->type->dtype) || !is_worth_it(inst)) return;
    const nfc_dtype type = inst->in[0]->type->dtype;
    for (int i = 0; i < inst->nin; i++)
        if (inst->in[i]) ir_set_operand(inst, i, widened(k, inst, inst->in[i]));
    round_result(k, inst, type);
    k->changed = true;
}

bool pass_widen(pass_ctx *ctx)
{
    widener k = {.ctx = ctx};
    if (!ctx->options->vector_bytes || (ctx->options->device && ctx->options->device->arena_limit)) return false; /* it takes room */
    map_init(&k.wide, ctx->scratch);
    for (int g = 0; g < ctx->m->graph.n; g++) ir_walk(ctx->m->graph.at[g]->body, visit, &k);
    return k.changed;
}
