/* Weights that are kept in a narrow type are turned before they are widened, so that what multiplies with them widens them as
 * it loads, and nothing of their size is ever made in the run. */
#include "passes/canon_widen.h"

bool canon_is_of_weight(const ir_value *v)
{
    const ir_inst *p = v->def;
    while (p && (p->op == IR_reshape || p->op == IR_unpack_bits || p->op == IR_transpose || p->op == IR_slice)) p = p->in[0]->def;
    return p && (p->op == IR_weight || p->op == IR_const);
}

bool canon_is_widened_weight(const ir_inst *p)
{
    return p && (p->op == IR_cast || p->op == IR_dequantize_linear) && canon_is_of_weight(p->in[0]);
}

/* x with its axes in the order that `like` gives its operand's. */
static ir_value *turned(ir_module *m, ir_inst *like, ir_value *x)
{
    const ir_attr *perm = &like->attr[ATTR_AT(transpose, perm)];
    const int rank = x->type->rank;
    const ir_sx *dim[IR_MAX_RANK];
    for (int i = 0; i < rank; i++) dim[i] = x->type->dim[perm->kind == IR_ATTR_NONE ? rank - 1 - i : sx_value(perm->sx[i])];
    ir_inst *t = ir_new(m, IR_transpose, like->at, 1, &x);
    t->scope = like->scope;
    t->hints = like->hints;
    t->attr[ATTR_AT(transpose, perm)] = *perm;
    ir_add_result(m, t, ir_tensor(m, x->type->dtype, rank, dim), x->name, like->at);
    ir_insert_before(like, t);
    return t->out[0];
}

ir_value *canon_widen_turned(ir_module *m, ir_inst *inst)
{
    ir_inst *inner = inst->in[0]->def;
    const int rank = inst->out[0]->type->rank;
    ir_value *in[3];
    if (!canon_is_widened_weight(inner) || inner->nin > 3 || rank < 2) return NULL;
    const bool scaled = inner->op == IR_dequantize_linear, blocks = scaled && ir_int(inner, ATTR_AT(dequantize_linear, block_size)) > 0;
    for (int i = 0; i < inner->nin; i++) {
        ir_value *v = inner->in[i];
        const bool one = v && sx_is(ir_elements(m, v->type), 1); /* for all of x, whatever its rank */
        in[i] = v && (i == 0 || (blocks && !one)) ? turned(m, inst, v) : v;
    }
    ir_inst *own = ir_new(m, inner->op, inner->at, inner->nin, in);
    own->scope = inner->scope;
    own->hints = inner->hints;
    own->from = inner->from;
    for (int i = 0; i < op_get(inner->op)->nattr; i++) own->attr[i] = inner->attr[i];
    if (scaled) {
        const ir_attr *perm = &inst->attr[ATTR_AT(transpose, perm)];
        int64_t axis = ir_int(inner, ATTR_AT(dequantize_linear, axis));
        if (axis < 0) axis += rank;
        for (int i = 0; i < rank; i++)
            if ((perm->kind == IR_ATTR_NONE ? rank - 1 - i : sx_value(perm->sx[i])) == axis) own->attr[ATTR_AT(dequantize_linear, axis)].i = i;
    }
    ir_add_result(m, own, inst->out[0]->type, inst->out[0]->name, inst->out[0]->at);
    ir_insert_before(inst, own);
    return own->out[0];
}
