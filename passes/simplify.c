/* Algebra on elementwise ops.
 *
 * Exact rules keep every bit, signed zeros, infinities and NaNs included. The others change
 * roundings or special cases and wait for --fast-math. */
#include <math.h>
#include <string.h>
#include "passes/pass.h"

typedef struct {
    pass_ctx *ctx;
    bool changed;
} rewriter;

/* The value that all elements of a constant have. */
static bool splat_value(const ir_value *v, double *out)
{
    const void *data = ir_const_bytes(v);
    int64_t n = data ? ir_max_elements(v->type) : 0;
    if (n < 1 || n > 4096) return false;
    *out = dtype_get(v->type->dtype, data, 0);
    for (int64_t i = 1; i < n; i++) {
        double other = dtype_get(v->type->dtype, data, (size_t)i);
        if (other != *out || signbit(other) != signbit(*out)) return false;
    }
    return true;
}

static bool is_splat(const ir_value *v, double want)
{
    double got;
    return splat_value(v, &got) && got == want && signbit(got) == signbit(want);
}

/* x stands for the result only where it has its type: not when the other operand broadcasts it. */
static bool give(rewriter *r, ir_inst *inst, ir_value *x)
{
    if (!ir_same_type(x->type, inst->out[0]->type)) return false;
    ir_replace_uses(inst->out[0], x);
    ir_erase(inst);
    return r->changed = true;
}

/* Turns the instruction into another elementwise op over these operands. */
static bool become(rewriter *r, ir_inst *inst, ir_op op, int n, ir_value *const *in)
{
    ir_inst *other = ir_new(r->ctx->m, op, inst->at, n, in);
    other->scope = inst->scope;
    other->hints = inst->hints;
    ir_add_origin(r->ctx->m, other, inst);
    ir_add_result(r->ctx->m, other, inst->out[0]->type, inst->out[0]->name, inst->out[0]->at);
    ir_insert_before(inst, other);
    ir_replace_uses(inst->out[0], other->out[0]);
    ir_erase(inst);
    return r->changed = true;
}

static ir_value *scalar_before(rewriter *r, ir_inst *inst, nfc_dtype t, double value)
{
    ir_inst *c = ir_constant_scalar(r->ctx->m, inst->at, t, value, (int64_t)value);
    c->scope = inst->scope;
    ir_insert_before(inst, c);
    return c->out[0];
}

/* Is 1/c exact, so that dividing by c and multiplying by 1/c round alike? */
static bool has_exact_reciprocal(nfc_dtype t, double c)
{
    int e;
    if (t != DT_f32 && t != DT_f64) return false;
    if (!(fabs(frexp(c, &e)) == 0.5) || c == 0) return false;
    int limit = t == DT_f64 ? 1000 : 120;
    return e > -limit && e < limit;
}

static bool simplify_add(rewriter *r, ir_inst *inst, bool exact_zero)
{
    ir_value *a = inst->in[0], *b = inst->in[1];
    bool whole = !dtype_is_float(a->type->dtype);
    bool sub = inst->op == IR_sub;
    /* x + -0 and x - +0 are x; x + +0 turns -0 into +0. */
    if (is_splat(b, sub ? 0.0 : -0.0) && give(r, inst, a)) return true;
    if (!sub && is_splat(a, -0.0) && give(r, inst, b)) return true;
    if (!whole && !exact_zero) return false;
    if (is_splat(b, 0.0) && give(r, inst, a)) return true;
    if (!sub && is_splat(a, 0.0) && give(r, inst, b)) return true;
    if (sub && whole && a == b) {
        ir_value *zero = scalar_before(r, inst, a->type->dtype, 0);
        return ir_same_type(zero->type, inst->out[0]->type) && give(r, inst, zero);
    }
    return false;
}

static bool simplify_mul(rewriter *r, ir_inst *inst)
{
    ir_value *a = inst->in[0], *b = inst->in[1];
    if (is_splat(b, 1.0) && give(r, inst, a)) return true;
    return is_splat(a, 1.0) && give(r, inst, b);
}

static bool simplify_div(rewriter *r, ir_inst *inst, bool fast)
{
    ir_value *a = inst->in[0], *b = inst->in[1];
    nfc_dtype t = a->type->dtype;
    double c;
    if (is_splat(b, 1.0) && give(r, inst, a)) return true;
    if (!dtype_is_float(t) || b->type->rank != 0 || !splat_value(b, &c)) return false;
    if (!has_exact_reciprocal(t, c) && !(fast && c != 0 && isfinite(c))) return false;
    ir_value *in[2] = {a, scalar_before(r, inst, t, 1.0 / c)};
    return become(r, inst, IR_mul, 2, in);
}

static bool simplify_pow(rewriter *r, ir_inst *inst, bool fast)
{
    ir_value *x = inst->in[0];
    if (!dtype_is_float(x->type->dtype)) return false;
    if (is_splat(inst->in[1], 1.0) && give(r, inst, x)) return true;
    if (!ir_same_type(x->type, inst->out[0]->type)) return false;
    ir_value *twice[2] = {x, x};
    /* x * x is the correctly rounded square, which pow approximates. */
    if (is_splat(inst->in[1], 2.0)) return become(r, inst, IR_mul, 2, twice);
    if (fast && is_splat(inst->in[1], 0.5)) return become(r, inst, IR_sqrt, 1, &x);
    return false;
}

static bool simplify_unary(rewriter *r, ir_inst *inst)
{
    ir_inst *inner = inst->in[0]->def;
    if (!inner || inner->op != inst->op) return false;
    if (op_get(inst->op)->flags & OPF_IDEMPOTENT) return give(r, inst, inst->in[0]);
    bool involution = inst->op == IR_neg || inst->op == IR_not || inst->op == IR_bitwise_not;
    return involution && give(r, inst, inner->in[0]);
}

static bool simplify_where(rewriter *r, ir_inst *inst)
{
    double c;
    if (inst->in[1] == inst->in[2] && give(r, inst, inst->in[1])) return true;
    return splat_value(inst->in[0], &c) && give(r, inst, inst->in[c != 0 ? 1 : 2]);
}

/* A widening conversion and back gives the value again; but an infinity of f8e5m2 would saturate. */
static bool simplify_cast(rewriter *r, ir_inst *inst)
{
    ir_inst *inner = inst->in[0]->def;
    if (!inner || inner->op != IR_cast || !ir_same_type(inner->in[0]->type, inst->out[0]->type)) return false;
    const dtype_info *narrow = &dtype_table[inner->in[0]->type->dtype], *wide = &dtype_table[inst->in[0]->type->dtype];
    if (inst->out[0]->type->dtype == DT_f8e5m2 && ir_int(inst, ATTR_AT(cast, saturate))) return false;
    bool floats = narrow->kind == DTC_FLOAT && wide->kind == DTC_FLOAT && (wide->bits >= 32 && narrow->bits < wide->bits);
    bool ints = narrow->kind == wide->kind && narrow->kind != DTC_FLOAT && narrow->bits <= wide->bits;
    return (floats || ints) && give(r, inst, inner->in[0]);
}

static void visit(void *env, ir_inst *inst)
{
    rewriter *r = env;
    bool fast = r->ctx->options->fast_math;
    switch (inst->op) {
    case IR_add:
    case IR_sub: simplify_add(r, inst, fast); break;
    case IR_mul: simplify_mul(r, inst); break;
    case IR_div: simplify_div(r, inst, fast); break;
    case IR_pow: simplify_pow(r, inst, fast); break;
    case IR_where: simplify_where(r, inst); break;
    case IR_cast: simplify_cast(r, inst); break;
    case IR_max:
    case IR_min:
        if (inst->nin == 2 && inst->in[0] == inst->in[1]) give(r, inst, inst->in[0]);
        break;
    default:
        if (inst->nin == 1 && inst->in[0] && op_get(inst->op)->family == FAM_EW) simplify_unary(r, inst);
    }
}

bool pass_simplify(pass_ctx *ctx)
{
    rewriter r = {.ctx = ctx};
    for (int g = 0; g < ctx->m->graph.n; g++) ir_walk(ctx->m->graph.at[g]->body, visit, &r);
    return r.changed;
}
