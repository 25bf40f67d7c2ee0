/* The device's default precision: f32 weights of contractions are kept narrower, and widened where
 * they are loaded; sums stay in f32. Where the device has dot products of the narrow type, what the weights are
 * multiplied with is rounded to it, too:
 *
 *     y = matmul(x, w)       y = matmul(cast(cast(x, bf16), f32), cast(w_bf16, f32))
 *
 * The inner cast goes with what makes x, which then stores half the bytes; the outer ones are where y's kernel loads. */
#include <math.h>
#include "frontend/safetensors.h"
#include "ir/make.h"
#include "passes/k_dots.h"
#include "passes/pass.h"

typedef struct {
    pass_ctx *ctx;
    nfc_dtype to;
    bool dots;      /* the device has dot products of the type */
    nfc_map narrow; /* value -> the same one rounded, by the last cast that was made for it */
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

static ir_value *narrow_constant(narrower *k, ir_inst *from)
{
    ir_module *m = k->ctx->m;
    const ir_type *t = from->out[0]->type;
    ir_inst *c = ir_clone(m, from, NULL);
    ir_const *own = ARENA_NEW(m->arena, ir_const);
    *own = *from->constant;
    if (from->op == IR_const) {
        own->data = narrowed(k, from, 0, k->to);
    } else {
        own->converted = ARENA_ARRAY(m->arena, const void *, own->ntensor);
        for (int i = 0; i < own->ntensor; i++) own->converted[i] = narrowed(k, from, i, k->to);
    }
    c->constant = own;
    c->out[0]->type = ir_tensor(m, k->to, t->rank, t->dim);
    ir_insert_before(from, c);
    return c->out[0];
}

/* Operand i of a contraction becomes the widened narrow value. */
static void widen(narrower *k, ir_inst *inst, int i, ir_value *narrow, nfc_span at)
{
    mk make = {.m = k->ctx->m, .block = inst->block, .before = inst, .at = at, .scope = inst->scope};
    ir_set_operand(inst, i, mk_cast(&make, narrow, DT_f32));
    k->changed = true;
}

static bool is_f32(const ir_value *v) { return v->type->dtype == DT_f32 && v->type->rank > 0; }
static bool is_weight(const ir_value *v) { return v->def && (v->def->op == IR_weight || v->def->op == IR_const); }

/* Do the elements that are multiplied with those of operand 1, and summed up, lie side by side in operand 0? Those of a
 * convolution do where it is stored channels last. */
static bool lies_along_sums(const ir_inst *inst)
{
    const ir_type *x = inst->in[0]->type, *w = inst->in[1]->type;
    switch (inst->op) {
    case IR_matmul: return w->rank > 1 && !sx_is(x->dim[x->rank - 1], 1);
    case IR_gemm: return inst->attr[ATTR_AT(gemm, transa)].i == 0 && !sx_is(x->dim[1], 1);
    case IR_conv: return sx_min(w->dim[1]) > 3;
    default: return false;
    }
}

/* Once for all contractions of a block. */
static ir_value *rounded(narrower *k, ir_inst *inst)
{
    ir_value *x = inst->in[0], *known = map_getp(&k->narrow, x);
    if (known && known->def->block == inst->block) return known;
    mk make = {.m = k->ctx->m, .block = inst->block, .before = inst, .at = inst->at, .scope = inst->scope};
    ir_value *y = mk_cast(&make, x, k->to);
    if (x->name) y->name = arena_printf(k->ctx->m->arena, "%s_%s", x->name, dtype_name(k->to));
    map_setp(&k->narrow, x, y);
    return y;
}

static void visit(void *env, ir_inst *inst)
{
    narrower *k = env;
    bool contraction = inst->op == IR_matmul || inst->op == IR_gemm || inst->op == IR_conv || inst->op == IR_conv_transpose;
    if (!contraction) return;
    bool dots = k->dots && is_f32(inst->in[0]) && !is_weight(inst->in[0]) && is_f32(inst->in[1]) && is_weight(inst->in[1]) && lies_along_sums(inst);
    for (int i = 0; i < 2; i++)
        if (is_f32(inst->in[i]) && is_weight(inst->in[i])) widen(k, inst, i, narrow_constant(k, inst->in[i]->def), inst->in[i]->def->at);
    if (dots) widen(k, inst, 0, rounded(k, inst), inst->at);
}

bool pass_precision(pass_ctx *ctx)
{
    narrower k = {.ctx = ctx, .to = ctx->options->precision};
    if (k.to != DT_f16 && k.to != DT_bf16) return false;
    map_init(&k.narrow, ctx->scratch);
    k.dots = ctx->options->vector_bytes && k_has_float_dots(ctx->options->device, k.to);
    for (int g = 0; g < ctx->m->graph.n; g++) ir_walk(ctx->m->graph.at[g]->body, visit, &k);
    return k.changed;
}
