/* Linear attention as a loop over the steps; a causal convolution as one over its state and input. */
#include <math.h>
#include <string.h>
#include "passes/expand.h"

/* ---- linear attention -------------------------------------------------------------------------- */

typedef struct {
    mk *k;
    const ir_inst *inst;
    const ir_sx *batch, *steps;
    int64_t heads, kv, size, value_size;
    double scale;
} memory;

/* Row t of operand i [B, T, ...] under other extents behind B. */
static ir_value *row(memory *m, int i, const ir_sx *t, int64_t a, int64_t b, int64_t c)
{
    ir_value *v = ex_operand(m->k, m->inst, i);
    if (!v) return NULL;
    const ir_sx *dim[4] = {m->batch, mk_sx(m->k, a), mk_sx(m->k, b), mk_sx(m->k, c)};
    return ex_named(mk_reshape(m->k, mk_pick(m->k, v, 1, t), 4, dim), op_get(m->inst->op)->in[i].name);
}

/* Step t: the state [B, KH, D, E] becomes *next; gives the row of the result, [1, B, H * E]. */
static ir_value *step(memory *m, const ir_sx *t, ir_value *state, ir_value **next)
{
    mk *k = m->k;
    const ir_value *fade_by = ir_operand(m->inst, 4), *rates = ir_operand(m->inst, 5);
    int64_t fades = fade_by ? sx_value(fade_by->type->dim[2]) / m->kv : 0;
    ir_value *decay = row(m, 4, t, m->kv, fades, 1), *beta = rates ? row(m, 5, t, sx_value(rates->type->dim[2]), 1, 1) : NULL;
    ir_value *key = row(m, 1, t, m->kv, 1, m->size), *value = row(m, 2, t, m->kv, 1, m->value_size);
    ir_value *query = row(m, 0, t, m->kv, m->heads / m->kv, m->size);
    if (decay) state = ex_mul(k, state, mk_op1(k, IR_exp, decay));
    if (beta) value = ex_mul(k, beta, ex_sub(k, value, mk_op2(k, IR_matmul, key, state)));
    *next = ex_named(ex_add(k, state, ex_mul(k, mk_transpose(k, key, (int[]){0, 1, 3, 2}), value)), "state");
    const ir_sx *dim[3] = {mk_sx(k, 1), m->batch, mk_sx(k, m->heads * m->value_size)};
    ir_value *y = ex_by(k, IR_mul, mk_op2(k, IR_matmul, query, *next), m->scale);
    return mk_reshape(k, y, 3, dim);
}

void ex_linear_attention(mk *k, const ir_inst *inst, ir_value **out)
{
    const ir_type *q = inst->in[0]->type;
    memory m = {.k = k, .inst = inst, .batch = q->dim[0], .steps = q->dim[1]};
    m.heads = ir_int(inst, ATTR_AT(linear_attention, q_num_heads));
    m.kv = ir_int(inst, ATTR_AT(linear_attention, kv_num_heads));
    m.size = sx_value(q->dim[2]) / m.heads;
    m.value_size = sx_value(inst->in[2]->type->dim[2]) / m.kv;
    m.scale = ir_float(inst, ATTR_AT(linear_attention, scale));
    if (m.scale == 0) m.scale = 1 / sqrt((double)m.size);
    nfc_dtype t = ex_working(q->dtype);
    const ir_sx *state[4] = {m.batch, mk_sx(k, m.kv), mk_sx(k, m.size), mk_sx(k, m.value_size)};
    const ir_sx *rows[3] = {m.steps, m.batch, mk_sx(k, m.heads * m.value_size)};
    ir_value *past = ir_operand(inst, 3), *first = past ? mk_cast(k, past, t) : mk_filled(k, ir_tensor(k->m, t, 4, state), 0), *y, *last;
    if (sx_is(m.steps, 1)) {
        y = step(&m, mk_sx(k, 0), first, &last);
    } else {
        ir_value *init[2] = {first, mk_filled(k, ir_tensor(k->m, t, 3, rows), 0)}, *next[2];
        mk_loop loop;
        mk_loop_begin(k, &loop, "step", mk_sx(k, 0), m.steps, 2, init);
        next[1] = ex_put(k, loop.carried[1], step(&m, loop.index, loop.carried[0], &next[0]), loop.index);
        mk_loop_end(k, &loop, next);
        last = loop.carried[0];
        y = loop.carried[1];
    }
    out[0] = ex_result(k, inst, 0, mk_transpose(k, y, (int[]){1, 0, 2}));
    if (inst->nout > 1) out[1] = ex_result(k, inst, 1, last);
}

/* ---- causal convolution -------------------------------------------------------------------------- */

void ex_causal_conv(mk *k, const ir_inst *inst, ir_value **out)
{
    const ir_type *x = inst->in[0]->type, *w = inst->in[1]->type;
    const ir_sx *before = sx_sub(&k->m->sx, w->dim[2], mk_sx(k, 1)), *dim[3] = {x->dim[0], x->dim[1], before};
    ir_value *past = ir_operand(inst, 3), *all = inst->in[0];
    if (!past) past = mk_filled(k, ir_tensor(k->m, x->dtype, 3, dim), 0);
    if (!sx_is(before, 0)) all = ex_named(mk_concat(k, 2, (ir_value *[]){past, all}, 2), "extended");
    ir_value *wide = mk_cast(k, all, ex_working(x->dtype));
    ir_inst *conv = mk_begin(k, IR_conv, 3, (ir_value *[]){wide, ex_operand(k, inst, 1), ex_operand(k, inst, 2)});
    mk_int(conv, "group", sx_value(x->dim[1]));
    ir_value *y = mk_end(k, conv, 1);
    if (strcmp(inst->attr[ATTR_AT(causal_conv_with_state, activation)].s, "none") != 0) y = mk_op1(k, IR_silu, y);
    out[0] = ex_result(k, inst, 0, y);
    if (inst->nout > 1) out[1] = mk_slice(k, all, 2, x->dim[2], sx_add(&k->m->sx, x->dim[2], before));
}
