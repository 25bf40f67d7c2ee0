/* Attention as exporters write it, with all of its steps, as one op:
 *
 *     softmax(scale * (q . k') + mask) . v
 *
 * The scores need no memory then (passes/lower_attend.c). The sums are the same but for their order; a row whose keys are all
 * hidden is NaN, as it was. */
#include <math.h>
#include <string.h>
#include "ir/make.h"
#include "passes/pass.h"

typedef struct {
    ir_value *q, *keys, *values; /* keys: [.., D, S], as the product has them */
    ir_value *mask;              /* a number that is added, or a bool; or NULL */
    double scale;
    const ir_inst *step[5];      /* what it is made of, last first */
    int n;
} chain;

/* The op that makes v, for one use alone. */
static ir_inst *made_by(const ir_value *v, ir_op op)
{
    ir_inst *i = v && v->uses && !v->uses->next ? v->def : NULL;
    return i && i->op == op && !(i->hints && (i->hints->no_reorder || i->hints->fuse < 0)) ? i : NULL;
}

static bool is_constant(const ir_value *v, double *x)
{
    const void *data = ir_const_bytes(v);
    if (!data || ir_max_elements(v->type) != 1) return false;
    *x = dtype_get(v->type->dtype, data, 0);
    return isfinite(*x);
}

/* The operand that the step is taken from. */
static ir_value *behind(chain *c, const ir_inst *step, ir_value *operand)
{
    c->step[c->n++] = step;
    return operand;
}

/* A number that a value is multiplied with or divided by; gives the value. */
static ir_value *without_scale(chain *c, ir_value *v)
{
    ir_inst *mul = made_by(v, IR_mul), *div = made_by(v, IR_div);
    double x;
    c->scale = 1;
    for (int i = 0; mul && i < 2; i++)
        if (is_constant(mul->in[i], &x) && ir_same_type(mul->in[1 - i]->type, v->type)) {
            c->scale = x;
            return behind(c, mul, mul->in[1 - i]);
        }
    if (div && is_constant(div->in[1], &x) && x != 0 && ir_same_type(div->in[0]->type, v->type)) {
        c->scale = 1 / x;
        return behind(c, div, div->in[0]);
    }
    return v;
}

/* Of the operands of a sum the one that is made of products, scaled or not; -1: none. */
static int scores_of(const ir_inst *add)
{
    for (int i = 0; i < 2; i++) {
        chain own = {.n = 0};
        if (ir_same_type(add->in[i]->type, add->out[0]->type) && made_by(without_scale(&own, add->in[i]), IR_matmul)) return i;
    }
    return -1;
}

/* What is masked: scores + mask, or where(mask, scores, -inf). */
static ir_value *without_mask(chain *c, ir_value *v)
{
    ir_inst *add = made_by(v, IR_add), *where = made_by(v, IR_where);
    int at = add ? scores_of(add) : -1;
    c->mask = NULL;
    if (at >= 0) {
        c->mask = add->in[1 - at];
        return behind(c, add, add->in[at]);
    }
    const void *low = where ? ir_const_bytes(where->in[2]) : NULL;
    bool hides = low && ir_max_elements(where->in[2]->type) == 1 && dtype_get(v->type->dtype, low, 0) == -INFINITY;
    if (!hides || !ir_same_type(where->in[1]->type, v->type)) return v;
    c->mask = where->in[0];
    return behind(c, where, where->in[1]);
}

/* Are the axes before the matrices the same, so that no head is another's? */
static bool heads_match(const ir_type *a, const ir_type *b)
{
    if (a->rank != b->rank || a->rank < 3 || !sx_is_const(a->dim[a->rank - 3])) return false;
    for (int i = 0; i < a->rank - 2; i++)
        if (a->dim[i] != b->dim[i]) return false;
    return true;
}

static bool in_this_block(const ir_inst *i, const ir_block *b) { return i && i->block == b; }

/* The chain that ends in this product. */
static bool find_chain(const ir_inst *product, chain *c)
{
    ir_inst *softmax = made_by(product->in[0], IR_softmax);
    *c = (chain){.step = {product, softmax}, .n = 2};
    if (!in_this_block(softmax, product->block)) return false;
    int rank = softmax->out[0]->type->rank;
    int64_t axis = ir_int(softmax, ATTR_AT(softmax, axis));
    ir_value *scores = without_scale(c, without_mask(c, softmax->in[0]));
    ir_inst *matmul = made_by(scores, IR_matmul);
    if ((axis != -1 && axis != rank - 1) || !in_this_block(matmul, product->block)) return false;
    c->q = matmul->in[0];
    c->keys = behind(c, matmul, matmul->in[1]);
    c->values = product->in[1];
    nfc_dtype t = scores->type->dtype;
    if ((t != DT_f32 && t != DT_f64) || !heads_match(c->q->type, c->keys->type) || !heads_match(c->q->type, c->values->type)) return false;
    if (c->mask && (c->mask->type->rank > rank || (c->mask->type->dtype != t && c->mask->type->dtype != DT_bool))) return false;
    return sx_is_const(c->q->type->dim[rank - 1]) && sx_is_const(c->values->type->dim[rank - 1]);
}

/* Enough rows that they fill the lanes. */
static bool fills_vectors(const pass_ctx *ctx, const chain *c)
{
    const ir_type *q = c->q->type;
    return sx_max(q->dim[q->rank - 2]) * (int64_t)dtype_bytes(q->dtype) >= ctx->options->vector_bytes;
}

static void replace(pass_ctx *ctx, ir_inst *product, const chain *c)
{
    ir_inst *softmax = product->in[0]->def;
    mk k = {.m = ctx->m, .block = product->block, .before = product, .at = softmax->at, .scope = softmax->scope, .hints = softmax->hints};
    int perm[IR_MAX_RANK], rank = c->q->type->rank;
    for (int i = 0; i < rank; i++) perm[i] = i;
    perm[rank - 2] = rank - 1;
    perm[rank - 1] = rank - 2;
    ir_value *keys = mk_transpose(&k, c->keys, perm);
    if (!keys->name) keys->name = c->keys->name;
    ir_inst *sdpa = mk_begin(&k, IR_sdpa, c->mask ? 4 : 3, (ir_value *[]){c->q, keys, c->values, c->mask});
    mk_float(sdpa, "scale", c->scale);
    mk_int(sdpa, "nan_rows", 1);
    mk_index(sdpa, 0, keys->type->dim[rank - 2]);
    ir_value *y = mk_end(&k, sdpa, 1);
    for (int i = 0; i < c->n; i++) ir_add_origin(ctx->m, y->def, c->step[i]);
    y->name = product->out[0]->name;
    y->at = product->out[0]->at;
    ir_replace_uses(product->out[0], y);
}

static bool attend_region(pass_ctx *ctx, ir_region *r)
{
    bool changed = false;
    for (ir_block *b = r->first; b; b = b->next)
        for (ir_inst *i = b->first; i; i = i->next) {
            chain c;
            for (int k = 0; k < i->nregion; k++) changed |= attend_region(ctx, i->region[k]);
            if (i->op != IR_matmul || !find_chain(i, &c) || !fills_vectors(ctx, &c)) continue;
            replace(ctx, i, &c);
            changed = true;
        }
    return changed;
}

/* What the chains were made of has no use any more: dce drops it. */
bool pass_attend(pass_ctx *ctx)
{
    bool changed = false;
    for (int g = 0; ctx->options->vector_bytes && g < ctx->m->graph.n; g++) changed |= attend_region(ctx, ctx->m->graph.at[g]->body);
    return changed;
}
