/* Batch norms of known statistics: a factor and a shift for each channel, worked out here. Behind a convolution that nothing
 * else reads they go into its weights and bias; elsewhere they are a product and a sum, which fuse with what is around them.
 *
 * (x - mean) / sqrt(variance + epsilon) scale + b = x f + s with f = scale / sqrt(variance + epsilon), s = b - mean f. The
 * roundings are others than the operator's. */
#include <math.h>
#include "ir/make.h"
#include "passes/pass.h"

typedef struct {
    pass_ctx *ctx;
    bool changed;
} folder;

/* By channel. */
typedef struct {
    int64_t n;
    double *factor, *shift;
} affine;

static bool find_affine(folder *f, const ir_inst *norm, affine *a)
{
    const void *operand[4]; /* as they lie in the model's file, aligned or not */
    for (int i = 0; i < 4; i++) {
        operand[i] = ir_const_bytes(norm->in[1 + i]);
        if (!operand[i] || norm->in[1 + i]->type->dtype != DT_f32) return false;
    }
    if (norm->in[0]->type->dtype != DT_f32 || norm->in[0]->type->rank < 2) return false;
    a->n = ir_max_elements(norm->in[1]->type);
    a->factor = arena_array(f->ctx->scratch, (size_t)a->n, sizeof(double));
    a->shift = arena_array(f->ctx->scratch, (size_t)a->n, sizeof(double));
    const double epsilon = ir_float(norm, ATTR_AT(batch_normalization, epsilon));
    for (int64_t i = 0; i < a->n; i++) {
        a->factor[i] = dtype_get(DT_f32, operand[0], (size_t)i) / sqrt(dtype_get(DT_f32, operand[3], (size_t)i) + epsilon);
        a->shift[i] = dtype_get(DT_f32, operand[1], (size_t)i) - dtype_get(DT_f32, operand[2], (size_t)i) * a->factor[i];
        if (!isfinite(a->factor[i]) || !isfinite(a->shift[i])) return false;
    }
    return a->n > 0;
}

/* The channels' numbers as a constant; axes behind the channels have extent 1. */
static ir_value *by_channel(folder *f, mk *k, const double *number, int64_t n, int behind)
{
    float *data = arena_array(f->ctx->m->arena, (size_t)n, sizeof(float));
    const ir_sx *dim[IR_MAX_RANK] = {sx_int(&f->ctx->m->sx, n)};
    for (int64_t i = 0; i < n; i++) data[i] = (float)number[i];
    for (int i = 0; i < behind; i++) dim[1 + i] = sx_int(&f->ctx->m->sx, 1);
    return mk_const(k, ir_tensor(f->ctx->m, DT_f32, 1 + behind, dim), data);
}

/* ---- behind a convolution -------------------------------------------------------------------- */

static bool only_use_is(const ir_value *v, const ir_inst *user)
{
    for (const ir_use *u = v->uses; u; u = u->next)
        if (u->inst != user) return false;
    return true;
}

static bool takes_affine(const ir_inst *conv, const ir_inst *norm)
{
    if (!conv || conv->op != IR_conv || conv->block != norm->block || conv->hints != norm->hints || !only_use_is(conv->out[0], norm)) return false;
    const ir_value *bias = ir_operand(conv, 2);
    return ir_const_bytes(conv->in[1]) && conv->in[1]->type->dtype == DT_f32 && (!bias || ir_const_bytes(bias));
}

/* The same weights, each channel's times its factor. */
static ir_value *scaled_weights(folder *f, const ir_inst *conv, const affine *a)
{
    ir_module *m = f->ctx->m;
    const ir_value *from = conv->in[1];
    const void *old = ir_const_bytes(from);
    const int64_t all = ir_max_elements(from->type), each = all / a->n;
    float *data = arena_array(m->arena, (size_t)all, sizeof(float));
    for (int64_t i = 0; i < all; i++) data[i] = (float)(dtype_get(DT_f32, old, (size_t)i) * a->factor[i / each]);
    ir_inst *c = ir_clone(m, from->def, NULL);
    ir_const *own = ARENA_NEW(m->arena, ir_const);
    *own = *from->def->constant;
    if (c->op == IR_const) {
        own->data = data;
    } else {
        own->converted = ARENA_ARRAY(m->arena, const void *, 1);
        own->converted[0] = data;
    }
    c->constant = own;
    ir_insert_before((ir_inst *)(uintptr_t)conv, c);
    return c->out[0];
}

static void fold_into(folder *f, ir_inst *conv, ir_inst *norm, affine *a)
{
    const ir_value *bias = ir_operand(conv, 2);
    const void *b = bias ? ir_const_bytes(bias) : NULL;
    for (int64_t i = 0; b && i < a->n; i++) a->shift[i] += dtype_get(DT_f32, b, (size_t)i) * a->factor[i];
    mk k = {.m = f->ctx->m, .before = norm, .at = conv->at, .scope = conv->scope, .hints = conv->hints};
    ir_value *in[3] = {conv->in[0], scaled_weights(f, conv, a), by_channel(f, &k, a->shift, a->n, 0)};
    ir_inst *own = ir_new(f->ctx->m, IR_conv, conv->at, 3, in);
    for (int i = 0; i < op_get(IR_conv)->nattr; i++) own->attr[i] = conv->attr[i];
    own->scope = conv->scope;
    own->hints = conv->hints;
    ir_add_origin(f->ctx->m, own, conv);
    ir_add_origin(f->ctx->m, own, norm);
    ir_add_result(f->ctx->m, own, norm->out[0]->type, norm->out[0]->name, norm->out[0]->at);
    ir_insert_before(norm, own);
    ir_replace_uses(norm->out[0], own->out[0]);
    ir_erase(norm);
    ir_erase(conv);
}

/* ---- elsewhere --------------------------------------------------------------------------------- */

static void write_out(folder *f, ir_inst *norm, const affine *a)
{
    const int behind = norm->in[0]->type->rank - 2;
    mk k = {.m = f->ctx->m, .before = norm, .at = norm->at, .scope = norm->scope, .hints = norm->hints};
    ir_value *y = mk_op2(&k, IR_mul, norm->in[0], by_channel(f, &k, a->factor, a->n, behind));
    y = mk_op2(&k, IR_add, y, by_channel(f, &k, a->shift, a->n, behind));
    y->name = norm->out[0]->name;
    ir_replace_uses(norm->out[0], y);
    ir_erase(norm);
}

static void visit(void *env, ir_inst *inst)
{
    folder *f = env;
    affine a;
    if (inst->op != IR_batch_normalization || !find_affine(f, inst, &a)) return;
    ir_inst *conv = inst->in[0]->def;
    if (takes_affine(conv, inst)) fold_into(f, conv, inst, &a);
    else write_out(f, inst, &a);
    f->changed = true;
}

bool pass_norms(pass_ctx *ctx)
{
    folder f = {.ctx = ctx};
    if (!ctx->options->vector_bytes) return false; /* roundings are those of the operators */
    for (int g = 0; g < ctx->m->graph.n; g++) ir_walk(ctx->m->graph.at[g]->body, visit, &f);
    return f.changed;
}
