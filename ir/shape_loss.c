/* Shape rules of losses. */
#include <string.h>
#include "ir/shape.h"

/* Operand 1 must have the shape of operand 0 without its classes, operand 2 one weight a class. */
static bool loss_shapes(infer *f)
{
    const ir_type *x = f->inst->in[0]->type, *target = f->inst->in[1]->type;
    const ir_value *weight = ir_operand(f->inst, 2);
    if (x->rank < 2) return infer_fail(f, E_RANK, 0, "there is no axis 1 for the classes");
    const ir_sx *dim[IR_MAX_RANK] = {x->dim[0]};
    for (int i = 2; i < x->rank; i++) dim[i - 1] = x->dim[i];
    const ir_type *want = ir_tensor(f->m, target->dtype, x->rank - 1, dim);
    if (!ir_same_shape(target, want))
        return infer_fail(f, E_SHAPE, 1, "there must be one class for each element: %s", ir_type_text(f->m->arena, want));
    if (sx_min(x->dim[1]) < 1) return infer_fail(f, E_SIZE, 0, "axis 1 can be empty: there is no class then");
    if (weight && (weight->type->rank != 1 || weight->type->dim[0] != x->dim[1]))
        return infer_fail(f, E_SHAPE, 2, "there must be one weight for each of the %s classes", sx_text(f->m->arena, x->dim[1]));
    bool each = strcmp(ir_attr_named(f->inst, "reduction")->s, "none") == 0;
    f->out[0] = ir_tensor(f->m, x->dtype, each ? want->rank : 0, dim);
    return true;
}

bool sh_nll_loss(infer *f) { return loss_shapes(f); }

bool sh_cross_entropy(infer *f)
{
    f->out[1] = f->inst->in[0]->type;
    return loss_shapes(f);
}
