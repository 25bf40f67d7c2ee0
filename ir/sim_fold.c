/* One instruction on tensors at hand: for constant folding. */
#include "ir/sim_machine.h"

static bool all_const(const ir_sx *const *x, int n)
{
    bool is_const = true;
    for (int i = 0; i < n; i++) is_const &= sx_is_const(x[i]);
    return is_const;
}

/* Are all the integers that an evaluator of this instruction asks for known at compile time? */
static bool is_static(const ir_inst *inst)
{
    bool known = all_const(inst->index, inst->nindex);
    for (int i = 0; i < op_get(inst->op)->nattr; i++)
        if (inst->attr[i].kind == IR_ATTR_SXS) known &= all_const(inst->attr[i].sx, inst->attr[i].n);
    for (int i = 0; i < inst->nout; i++)
        known &= all_const(inst->out[i]->type->dim, inst->out[i]->type->rank);
    return known;
}

bool sim_fold(ir_module *m, const ir_inst *inst, sim_tensor *const *in, sim_tensor **out)
{
    if (!is_static(inst)) return false;
    sim s = {.m = m, .quiet = true};
    int64_t index[8];
    sim_call c = {&s, m, inst, inst->nin, inst->nout, (sim_tensor **)(uintptr_t)in, out, index};
    for (int i = 0; i < inst->nindex; i++) index[i] = sx_value(inst->index[i]);
    for (int i = 0; i < inst->nout; i++) {
        int64_t dim[IR_MAX_RANK];
        const ir_type *t = inst->out[i]->type;
        for (int k = 0; k < t->rank; k++) dim[k] = sx_value(t->dim[k]);
        out[i] = sim_tensor_make(m, t->dtype, t->rank, dim);
    }
    if (sim_evaluator_of(inst->op)(&c)) return true;
    for (int i = 0; i < inst->nout; i++) {
        sim_tensor_drop(out[i]);
        out[i] = NULL;
    }
    return false;
}
