/* The device's default precision: f32 weights of contractions are kept narrower, and widened where
 * they are loaded; sums stay in f32. */
#include <math.h>
#include "frontend/safetensors.h"
#include "passes/pass.h"

typedef struct {
    pass_ctx *ctx;
    bool changed;
} narrower;

/* Infinities and NaNs stay what they are; a number must not become one. */
static void report_overflow(narrower *k, const ir_inst *w, const char *name, double v, nfc_dtype to)
{
    nfc_diag *d = diag_error(&k->ctx->m->session->diags, E_UNSUPPORTED, w->at,
                             "the weights '%s' hold %g, which %s cannot", name, v, dtype_name(to));
    diag_help(d, "the device's description asks for it: \"precision\": \"%s\"", dtype_name(to));
}

/* Tensor `entry` of a weight, or a constant, in the other type. */
static const void *narrowed(narrower *k, const ir_inst *w, int entry, nfc_dtype to)
{
    const ir_const *c = w->constant;
    const void *data = w->op == IR_const ? c->data : ir_weight_bytes(c, entry);
    const char *name = w->op == IR_weight ? c->tensor[entry]
                       : w->out[0]->name  ? w->out[0]->name
                                          : "constant";
    int64_t n = ir_max_elements(w->out[0]->type);
    void *out = arena_array(k->ctx->m->arena, (size_t)n, dtype_bytes(to));
    bool told = false;
    for (int64_t i = 0; i < n; i++) {
        double v = dtype_get(DT_f32, data, (size_t)i);
        dtype_set(to, out, (size_t)i, v);
        if (told || !isfinite(v) || isfinite(dtype_get(to, out, (size_t)i))) continue;
        report_overflow(k, w, name, v, to);
        told = true;
    }
    return out;
}

static ir_inst *narrow_constant(narrower *k, const ir_inst *from, nfc_dtype to)
{
    ir_module *m = k->ctx->m;
    const ir_type *t = from->out[0]->type;
    ir_inst *c = ir_clone(m, from, NULL);
    ir_const *own = ARENA_NEW(m->arena, ir_const);
    *own = *from->constant;
    if (from->op == IR_const) {
        own->data = narrowed(k, from, 0, to);
    } else {
        own->converted = ARENA_ARRAY(m->arena, const void *, own->ntensor);
        for (int i = 0; i < own->ntensor; i++) own->converted[i] = narrowed(k, from, i, to);
    }
    c->constant = own;
    c->out[0]->type = ir_tensor(m, to, t->rank, t->dim);
    return c;
}

static void visit(void *env, ir_inst *inst)
{
    narrower *k = env;
    nfc_dtype to = k->ctx->options->precision;
    bool contraction = inst->op == IR_matmul || inst->op == IR_gemm || inst->op == IR_conv || inst->op == IR_conv_transpose;
    for (int i = 0; contraction && i < 2; i++) {
        ir_inst *w = inst->in[i]->def;
        if (!w || (w->op != IR_weight && w->op != IR_const) || w->out[0]->type->dtype != DT_f32 || w->out[0]->type->rank == 0) continue;
        ir_inst *narrow = narrow_constant(k, w, to);
        ir_insert_before(w, narrow);
        ir_inst *wide = ir_new(k->ctx->m, IR_cast, w->at, 1, &narrow->out[0]);
        wide->attr[ATTR_AT(cast, to)] = (ir_attr){.kind = IR_ATTR_DTYPE, .t = DT_f32, .at = w->at};
        wide->scope = inst->scope;
        ir_add_result(k->ctx->m, wide, w->out[0]->type, NULL, w->at);
        ir_insert_before(inst, wide);
        ir_set_operand(inst, i, wide->out[0]);
        k->changed = true;
    }
}

bool pass_precision(pass_ctx *ctx)
{
    narrower k = {.ctx = ctx};
    nfc_dtype t = ctx->options->precision;
    if (t != DT_f16 && t != DT_bf16) return false;
    for (int g = 0; g < ctx->m->graph.n; g++) ir_walk(ctx->m->graph.at[g]->body, visit, &k);
    return k.changed;
}
