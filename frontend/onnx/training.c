/* ai.onnx.preview.training: one step of an optimiser, as arithmetic. Operands are R, T, and then, for some
 * number of tensors, all of them, all their gradients, and what the optimiser keeps of each; results are the
 * tensors and what is kept. */
#include <string.h>
#include "frontend/onnx/import.h"

typedef struct {
    im_node *n;
    mk *k;
    ir_value *rate, *count; /* R and T */
    int tensors, kept;
} step;

static ir_value *by(mk *k, ir_op op, ir_value *x, double number) { return mk_op2(k, op, x, mk_number(k, x->type->dtype, number)); }

/* kept: how many tensors are kept of each optimised one. */
static bool begin(step *s, im_node *n, int kept)
{
    *s = (step){.n = n, .k = n->k, .kept = kept};
    if (n->nin < 4 + kept || (n->nin - 2) % (2 + kept)) return im_fail(n, E_OPERAND_MISSING, -1, "there are %d operands; R and T and %d for each tensor are wanted", n->nin, 2 + kept);
    for (int i = 0; i < n->nin; i++) {
        ir_value *x = im_need(n, i);
        if (ir_is_poison(x)) return false;
        if (i < 2 && ir_max_elements(x->type) != 1) return im_fail(n, E_SHAPE, i, "R and T must be scalars");
    }
    s->tensors = (n->nin - 2) / (2 + kept);
    s->rate = mk_reshape(s->k, im_in(n, 0), 0, NULL);
    s->count = mk_reshape(s->k, im_in(n, 1), 0, NULL);
    return true;
}

/* Operand `which` of tensor i: 0 the tensor, 1 its gradient, then what is kept. */
static ir_value *part(const step *s, int which, int i) { return im_in(s->n, 2 + which * s->tensors + i); }

/* The learning rate, and the count of updates, in the type of a tensor. */
static ir_value *in_type_of(const step *s, ir_value *scalar, const ir_value *x) { return mk_cast(s->k, scalar, x->type->dtype); }

/* The gradient with that of the regularisation, norm_coefficient / 2 * |x|^2. */
static ir_value *regularised(const step *s, int i)
{
    return mk_op2(s->k, IR_add, by(s->k, IR_mul, part(s, 0, i), im_float(s->n, "norm_coefficient", 0)), part(s, 1, i));
}

static bool put(const step *s, int which, int i, ir_value *v) { return im_out(s->n, which * s->tensors + i, v); }

bool im_adagrad(im_node *n)
{
    step s;
    if (!begin(&s, n, 1)) return false;
    mk *k = s.k;
    for (int i = 0; i < s.tensors; i++) {
        ir_value *x = part(&s, 0, i), *g = regularised(&s, i);
        ir_value *slower = by(k, IR_add, by(k, IR_mul, in_type_of(&s, s.count, x), im_float(n, "decay_factor", 0)), 1);
        ir_value *rate = mk_op2(k, IR_div, in_type_of(&s, s.rate, x), slower);
        ir_value *sum = mk_op2(k, IR_add, part(&s, 2, i), mk_op2(k, IR_mul, g, g));
        ir_value *size = by(k, IR_add, mk_op1(k, IR_sqrt, sum), im_float(n, "epsilon", 1e-6));
        put(&s, 0, i, mk_op2(k, IR_sub, x, mk_op2(k, IR_div, mk_op2(k, IR_mul, rate, g), size)));
        put(&s, 1, i, sum);
    }
    return true;
}

/* factor * old + (1 - factor) * now */
static ir_value *mixed(mk *k, double factor, ir_value *old, ir_value *now)
{
    return mk_op2(k, IR_add, by(k, IR_mul, old, factor), by(k, IR_mul, now, 1 - factor));
}

/* 1 - factor^T */
static ir_value *bias(mk *k, double factor, ir_value *count)
{
    nfc_dtype t = count->type->dtype;
    return mk_op2(k, IR_sub, mk_number(k, t, 1), mk_op2(k, IR_pow, mk_number(k, t, factor), count));
}

bool im_adam(im_node *n)
{
    step s;
    double alpha = im_float(n, "alpha", 0.9f), beta = im_float(n, "beta", 0.999f);
    if (!begin(&s, n, 2)) return false;
    mk *k = s.k;
    for (int i = 0; i < s.tensors; i++) {
        ir_value *x = part(&s, 0, i), *g = regularised(&s, i);
        ir_value *v = mixed(k, alpha, part(&s, 2, i), g), *h = mixed(k, beta, part(&s, 3, i), mk_op2(k, IR_mul, g, g));
        ir_value *count = in_type_of(&s, s.count, x), *rate = in_type_of(&s, s.rate, x), *started = by(k, IR_greater, count, 0);
        ir_value *adjusted = mk_op2(k, IR_div, mk_op2(k, IR_mul, rate, mk_op1(k, IR_sqrt, bias(k, beta, count))), bias(k, alpha, count));
        ir_value *way = mk_op2(k, IR_div, v, by(k, IR_add, mk_op1(k, IR_sqrt, h), im_float(n, "epsilon", 1e-6)));
        ir_value *moved = mk_op2(k, IR_sub, x, mk_op2(k, IR_mul, mk_op3(k, IR_where, started, adjusted, rate), way));
        put(&s, 0, i, by(k, IR_mul, moved, 1 - im_float(n, "norm_coefficient_post", 0)));
        put(&s, 1, i, v);
        put(&s, 2, i, h);
    }
    return true;
}

bool im_momentum(im_node *n)
{
    step s;
    const char *mode = im_text(n, "mode", "standard");
    double alpha = im_float(n, "alpha", 0), beta = im_float(n, "beta", 0);
    bool nesterov = strcmp(mode, "nesterov") == 0;
    if (!nesterov && strcmp(mode, "standard") != 0) return im_fail(n, E_ATTR_VALUE, -1, "mode is '%s', but it is standard or nesterov", mode);
    if (!im_attr(n, "alpha") || !im_attr(n, "beta")) return im_fail(n, E_ATTR_MISSING, -1, "attributes 'alpha' and 'beta' are needed");
    if (!begin(&s, n, 1)) return false;
    mk *k = s.k;
    for (int i = 0; i < s.tensors; i++) {
        ir_value *x = part(&s, 0, i), *g = regularised(&s, i);
        nfc_dtype t = x->type->dtype;
        ir_value *started = by(k, IR_greater, in_type_of(&s, s.count, x), 0);
        ir_value *factor = mk_op3(k, IR_where, started, mk_number(k, t, beta), mk_number(k, t, 1)); /* 1 at first */
        ir_value *v = mk_op2(k, IR_add, by(k, IR_mul, part(&s, 2, i), alpha), mk_op2(k, IR_mul, factor, g));
        ir_value *way = nesterov ? mk_op2(k, IR_add, g, by(k, IR_mul, v, alpha)) : v;
        put(&s, 0, i, mk_op2(k, IR_sub, x, mk_op2(k, IR_mul, in_type_of(&s, s.rate, x), way)));
        put(&s, 1, i, v);
    }
    return true;
}
