/* Losses as gathers and reductions. */
#include <string.h>
#include "passes/expand.h"

/* What is to be ignored, as a bool of the target's shape; NULL: nothing is. */
static ir_value *ignored(mk *k, const ir_inst *inst, ir_value *target)
{
    const ir_attr *index = ir_attr_named(inst, "ignore_index");
    if (index->kind != IR_ATTR_INT) return NULL;
    nfc_dtype t = target->type->dtype;
    if (t == DT_i32 && index->i != (int32_t)index->i) return NULL;
    return mk_op2(k, IR_equal, target, mk_integer(k, t, index->i));
}

static ir_value *zero_where(mk *k, ir_value *condition, ir_value *x)
{
    nfc_dtype t = x->type->dtype;
    return mk_op3(k, IR_where, condition, dtype_is_float(t) ? mk_number(k, t, 0) : mk_integer(k, t, 0), x);
}

static ir_value *sum_of(mk *k, ir_value *x) { return mk_reduce(k, IR_reduce_sum, x, (1u << x->type->rank) - 1, false); }

/* The mean of n elements, n being known on the host. */
static ir_value *mean_of(mk *k, ir_value *x)
{
    return ex_div(k, sum_of(k, x), mk_index_tensor(k, ir_elements(k->m, x->type), x->type->dtype));
}

void ex_nll_loss(mk *k, const ir_inst *inst, ir_value **out)
{
    const char *reduction = ir_attr_named(inst, "reduction")->s;
    ir_value *x = ex_operand(k, inst, 0), *target = inst->in[1], *weight = ex_operand(k, inst, 2);
    ir_value *skip = ignored(k, inst, target);
    if (skip) target = zero_where(k, skip, target);
    ir_inst *pick = mk_begin(k, IR_gather_elements, 2, (ir_value *[]){x, mk_unsqueeze(k, target, 1)});
    mk_int(pick, "axis", 1);
    ir_value *loss = mk_op1(k, IR_neg, mk_squeeze(k, mk_end(k, pick, 1), 1));
    ir_value *weights = weight ? mk_gather(k, weight, target, 0) : NULL;
    if (skip && !weights && strcmp(reduction, "mean") == 0) weights = mk_filled(k, loss->type, 1);
    if (weight) loss = ex_mul(k, loss, weights);
    if (skip) loss = zero_where(k, skip, loss);
    if (skip && weights) weights = zero_where(k, skip, weights);
    if (strcmp(reduction, "sum") == 0) loss = sum_of(k, loss);
    else if (strcmp(reduction, "mean") == 0) loss = weights ? ex_div(k, sum_of(k, loss), sum_of(k, weights)) : mean_of(k, loss);
    out[0] = ex_result(k, inst, 0, loss);
}

void ex_cross_entropy(mk *k, const ir_inst *inst, ir_value **out)
{
    ir_value *scores = ex_operand(k, inst, 0);
    ir_inst *softmax = mk_begin(k, IR_log_softmax, 1, &scores);
    mk_int(softmax, "axis", 1);
    ir_value *log_prob = mk_end(k, softmax, 1);
    ir_inst *loss = mk_begin(k, IR_negative_log_likelihood_loss, 3, (ir_value *[]){log_prob, inst->in[1], ex_operand(k, inst, 2)});
    loss->attr[ATTR_AT(negative_log_likelihood_loss, ignore_index)] = *ir_attr_named(inst, "ignore_index");
    loss->attr[ATTR_AT(negative_log_likelihood_loss, reduction)] = *ir_attr_named(inst, "reduction");
    out[0] = ex_result(k, inst, 0, mk_end(k, loss, 1));
    if (inst->nout > 1) out[1] = ex_result(k, inst, 1, log_prob);
}
