/* Recurrent layers: one matrix product for the inputs of all steps, then a loop over the steps. */
#include <math.h>
#include "ir/recurrent.h"
#include "passes/expand.h"

/* One direction. h (and c, of lstm) are [B, H]. */
typedef struct {
    mk *k;
    const ir_inst *inst;
    recurrent r;
    int d;
    const ir_sx *steps, *batch, *hidden;
    ir_value *inputs;       /* [T, B, gates * H]: w . x + b of all steps */
    ir_value *weights;      /* [H, gates * H] */
    ir_value *reset_bias;   /* gru, linear_before_reset: [H] */
    ir_value *peephole[3];  /* [H] each, or NULL */
    ir_value *lengths;      /* [B], or NULL */
} layer;

enum { MOST_STATES = 2 };

/* ---- parts --------------------------------------------------------------------------------- */

/* Block g of H elements along an axis. */
static ir_value *block(layer *l, ir_value *v, int axis, int g)
{
    sx_table *t = &l->k->m->sx;
    return mk_slice(l->k, v, axis, sx_mul(t, l->hidden, sx_int(t, g)), sx_mul(t, l->hidden, sx_int(t, g + 1)));
}

static ir_value *apply(mk *k, ir_op op, ir_value *x, int takes, double alpha, double beta)
{
    ir_inst *inst = mk_begin(k, op, 1, &x);
    if (takes > 0) mk_float(inst, "alpha", alpha);
    if (takes > 1) mk_float(inst, "beta", beta);
    return mk_end(k, inst, 1);
}

static ir_value *clipped(mk *k, ir_value *x, double limit)
{
    nfc_dtype t = x->type->dtype;
    return mk_op3(k, IR_clip, x, mk_number(k, t, -limit), mk_number(k, t, limit));
}

/* Function n of the direction: f, g, h. */
static ir_value *function(layer *l, int n, ir_value *x)
{
    static const struct {
        ir_op op;
        int takes;
    } table[ACT_COUNT] = {
#define ACTIVATION(name, takes, alpha, beta, op, value) [ACT_##name] = {IR_##op, takes},
#include "ir/activations.def"
#undef ACTIVATION
    };
    mk *k = l->k;
    const activation *f = &l->r.function[l->d][n];
    if (ir_is_poison(x)) return x;
    if (isfinite(l->r.clip) && n < 2) x = clipped(k, x, l->r.clip);
    if (f->kind == ACT_ThresholdedRelu) return mk_op3(k, IR_where, ex_by(k, IR_greater_or_equal, x, f->alpha), x, mk_number(k, x->type->dtype, 0));
    if (f->kind == ACT_Affine) return ex_by(k, IR_add, ex_by(k, IR_mul, x, f->alpha), f->beta);
    if (f->kind == ACT_ScaledTanh) return ex_by(k, IR_mul, mk_op1(k, IR_tanh, ex_by(k, IR_mul, x, f->beta)), f->alpha);
    return apply(k, table[f->kind].op, x, table[f->kind].takes, f->alpha, f->beta);
}

/* x - y * z and the like, where y may be absent. */
static ir_value *plus_product(mk *k, ir_value *x, ir_value *y, ir_value *z) { return y ? ex_add(k, x, ex_mul(k, y, z)) : x; }

/* ---- one step: from the state before to the state behind ------------------------------------- */

static void rnn_step(layer *l, ir_value *in, ir_value *const *state, ir_value **next)
{
    next[0] = function(l, 0, ex_add(l->k, in, mk_op2(l->k, IR_matmul, state[0], l->weights)));
}

/* (1 - z) * n + z * h */
static ir_value *mix(mk *k, ir_value *z, ir_value *n, ir_value *h)
{
    ir_value *rest = mk_op2(k, IR_sub, mk_number(k, z->type->dtype, 1), z);
    return ex_add(k, ex_mul(k, rest, n), ex_mul(k, z, h));
}

static void gru_step(layer *l, ir_value *in, ir_value *const *state, ir_value **next)
{
    mk *k = l->k;
    sx_table *t = &k->m->sx;
    ir_value *h = state[0], *fresh = block(l, in, 1, 2), *n;
    const ir_sx *two = sx_mul(t, l->hidden, sx_int(t, 2)), *zero = sx_int(t, 0);
    bool linear = ir_int(l->inst, ATTR_AT(gru, linear_before_reset));
    ir_value *product = mk_op2(k, IR_matmul, h, linear ? l->weights : mk_slice(k, l->weights, 1, zero, two));
    ir_value *gates = ex_add(k, mk_slice(k, in, 1, zero, two), linear ? mk_slice(k, product, 1, zero, two) : product);
    gates = function(l, 0, ex_named(gates, "gates"));
    if (ir_is_poison(gates)) {
        next[0] = gates;
        return;
    }
    ir_value *z = block(l, gates, 1, 0), *r = block(l, gates, 1, 1);
    if (linear) {
        ir_value *again = block(l, product, 1, 2);
        if (l->reset_bias) again = ex_add(k, again, l->reset_bias);
        n = ex_add(k, fresh, ex_mul(k, r, again));
    } else {
        n = ex_add(k, fresh, mk_op2(k, IR_matmul, ex_mul(k, r, h), block(l, l->weights, 1, 2)));
    }
    next[0] = mix(k, z, function(l, 1, n), h);
}

static void lstm_step(layer *l, ir_value *in, ir_value *const *state, ir_value **next)
{
    mk *k = l->k;
    ir_value *c = state[1], *gates = ex_named(ex_add(k, in, mk_op2(k, IR_matmul, state[0], l->weights)), "gates");
    if (ir_is_poison(gates)) {
        next[0] = next[1] = gates;
        return;
    }
    ir_value *i = function(l, 0, plus_product(k, block(l, gates, 1, 0), l->peephole[0], c)), *f;
    if (ir_int(l->inst, ATTR_AT(lstm, input_forget))) f = mk_op2(k, IR_sub, mk_number(k, i->type->dtype, 1), i);
    else f = function(l, 0, plus_product(k, block(l, gates, 1, 2), l->peephole[2], c));
    ir_value *fresh = function(l, 1, block(l, gates, 1, 3));
    next[1] = ex_add(k, ex_mul(k, f, c), ex_mul(k, i, fresh));
    ir_value *o = function(l, 0, plus_product(k, block(l, gates, 1, 1), l->peephole[1], next[1]));
    next[0] = ex_mul(k, o, function(l, 2, next[1]));
}

/* Step t; gives the row of y. Behind the end of a sequence the state stays and the row is zero. */
static ir_value *step(layer *l, const ir_sx *t, int n, ir_value *const *state, ir_value **next)
{
    mk *k = l->k;
    ir_value *in = ex_named(mk_pick(k, l->inputs, 0, t), "inputs");
    if (l->inst->op == IR_rnn) rnn_step(l, in, state, next);
    else if (l->inst->op == IR_gru) gru_step(l, in, state, next);
    else lstm_step(l, in, state, next);
    for (int i = 0; i < n; i++) ex_named(next[i], i ? "c" : "h");
    if (!l->lengths) return next[0];
    ir_value *inside = mk_op2(k, IR_less, mk_index_tensor(k, t, l->lengths->type->dtype), l->lengths);
    inside = ex_named(mk_unsqueeze(k, inside, 1), "inside");
    ir_value *row = mk_op3(k, IR_where, inside, next[0], mk_number(k, state[0]->type->dtype, 0));
    for (int i = 0; i < n; i++) next[i] = mk_op3(k, IR_where, inside, next[i], state[i]);
    return row;
}

/* ---- a direction ----------------------------------------------------------------------------- */

/* Direction d of an operand in its working type, or NULL. */
static ir_value *part(layer *l, int operand, int axis)
{
    ir_value *v = ex_operand(l->k, l->inst, operand);
    return v ? ex_named(mk_pick(l->k, v, axis, mk_sx(l->k, l->d)), op_get(l->inst->op)->in[operand].name) : NULL;
}

static ir_value *transposed(mk *k, ir_value *v) { return ex_named(mk_transpose(k, v, (int[]){1, 0}), v->name); }

/* Lengths that are known to be those of all steps say nothing. */
static ir_value *lengths(const layer *l)
{
    ir_value *v = ir_operand(l->inst, 4);
    const void *data = v ? ir_const_bytes(v) : NULL;
    if (!data || !sx_is_const(l->steps)) return v;
    for (int64_t i = 0; i < ir_max_elements(v->type); i++)
        if (dtype_get_int(v->type->dtype, data, (size_t)i) < sx_value(l->steps)) return v;
    return NULL;
}

static void prepare(layer *l)
{
    mk *k = l->k;
    sx_table *t = &k->m->sx;
    ir_value *x = ex_operand(k, l->inst, 0), *b = part(l, 3, 0), *p = part(l, 7, 0);
    const ir_sx *rows = sx_mul(t, l->hidden, sx_int(t, l->r.gates)), *zero = sx_int(t, 0);
    if (l->r.batch_first) x = mk_transpose(k, x, (int[]){1, 0, 2});
    l->inputs = mk_op2(k, IR_matmul, x, transposed(k, part(l, 1, 0)));
    l->weights = transposed(k, part(l, 2, 0));
    bool linear = l->inst->op == IR_gru && ir_int(l->inst, ATTR_AT(gru, linear_before_reset));
    if (b) {
        ir_value *of_input = mk_slice(k, b, 0, zero, rows), *of_state = mk_slice(k, b, 0, rows, sx_mul(t, rows, sx_int(t, 2)));
        if (linear) {
            const ir_sx *two = sx_mul(t, l->hidden, sx_int(t, 2));
            l->reset_bias = block(l, of_state, 0, 2);
            ir_value *gates = ex_add(k, mk_slice(k, of_input, 0, zero, two), mk_slice(k, of_state, 0, zero, two));
            of_input = mk_concat(k, 2, (ir_value *[]){gates, block(l, of_input, 0, 2)}, 0);
        } else {
            of_input = ex_add(k, of_input, of_state);
        }
        l->inputs = ex_add(k, l->inputs, of_input);
    }
    ex_named(l->inputs, "inputs");
    for (int i = 0; p && i < 3; i++) l->peephole[i] = block(l, p, 0, i);
    l->lengths = lengths(l);
}

static ir_value *first_state(layer *l, int operand)
{
    ir_value *given = part(l, operand, l->r.batch_first ? 1 : 0);
    const ir_sx *dim[2] = {l->batch, l->hidden};
    return given ? given : mk_filled(l->k, ir_tensor(l->k->m, ex_working(l->inst->in[0]->type->dtype), 2, dim), 0);
}

/* Leaves the last state in state[]; gives y [T, B, H], zeros where nobody asks for it. */
static ir_value *run(layer *l, int n, ir_value **state)
{
    mk *k = l->k;
    sx_table *t = &k->m->sx;
    prepare(l);
    for (int i = 0; i < n; i++) state[i] = first_state(l, 5 + i);
    ir_value *next[MOST_STATES + 1];
    if (sx_is(l->steps, 1)) {
        ir_value *row = step(l, sx_int(t, 0), n, state, next);
        for (int i = 0; i < n; i++) state[i] = next[i];
        return mk_unsqueeze(k, row, 0);
    }
    ir_value *init[MOST_STATES + 1] = {state[0], n > 1 ? state[1] : NULL};
    const ir_sx *dim[3] = {l->steps, l->batch, l->hidden};
    init[n] = mk_filled(k, ir_tensor(k->m, state[0]->type->dtype, 3, dim), 0);
    mk_loop loop;
    bool asked = ir_has_uses(l->inst->out[0]);
    mk_loop_begin(k, &loop, "step", sx_int(t, 0), l->steps, n + asked, init);
    const ir_sx *at = l->r.backwards[l->d] ? sx_sub(t, sx_sub(t, l->steps, sx_int(t, 1)), loop.index) : loop.index;
    ir_value *row = step(l, at, n, loop.carried, next);
    if (asked) next[n] = ex_put(k, loop.carried[n], mk_unsqueeze(k, row, 0), at);
    mk_loop_end(k, &loop, next);
    for (int i = 0; i < n; i++) state[i] = loop.carried[i];
    return asked ? loop.carried[n] : init[n];
}

/* The directions' parts side by side on axis d, in the order of the results. */
static ir_value *together(mk *k, const recurrent *r, ir_value **each, int axis)
{
    for (int d = 0; d < r->directions; d++) each[d] = mk_unsqueeze(k, each[d], axis);
    ir_value *v = mk_concat(k, r->directions, each, axis);
    if (!r->batch_first) return v;
    return mk_transpose(k, v, axis ? (int[]){2, 0, 1, 3} : (int[]){1, 0, 2});
}

void ex_recurrent(mk *k, const ir_inst *inst, ir_value **out)
{
    layer l = {.k = k, .inst = inst};
    int attr, n = inst->op == IR_lstm ? 2 : 1;
    recurrent_of(k->m->arena, inst, &l.r, &attr); /* the shape rule let them through */
    const ir_type *x = inst->in[0]->type;
    l.steps = x->dim[l.r.batch_first ? 1 : 0];
    l.batch = x->dim[l.r.batch_first ? 0 : 1];
    l.hidden = inst->in[2]->type->dim[2];
    ir_value *y[2], *last[MOST_STATES][2];
    for (l.d = 0; l.d < l.r.directions; l.d++) {
        ir_value *state[MOST_STATES];
        y[l.d] = run(&l, n, state);
        for (int i = 0; i < n; i++) last[i][l.d] = state[i];
    }
    out[0] = ex_result(k, inst, 0, together(k, &l.r, y, 1));
    for (int i = 0; i < n && i + 1 < inst->nout; i++) out[i + 1] = ex_result(k, inst, i + 1, together(k, &l.r, last[i], 0));
}
