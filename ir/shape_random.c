/* Random numbers. */
#include "ir/shape.h"

bool sh_random_bits(infer *f)
{
    const ir_value *run = ir_operand(f->inst, 0);
    const ir_attr *blocks = &f->inst->attr[ATTR_AT(random_bits, blocks)];
    if (run && run->type->rank) return infer_fail(f, E_RANK, 0, "run must be a scalar");
    if (blocks->n != 1) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(random_bits, blocks), "blocks must be one integer");
    if (sx_min(blocks->sx[0]) < 0) return infer_fail_attr(f, E_SIZE, ATTR_AT(random_bits, blocks), "blocks = %s can be negative", sx_text(f->m->arena, blocks->sx[0]));
    const ir_sx *dim[2] = {blocks->sx[0], sx_int(&f->m->sx, 4)};
    f->out[0] = ir_tensor(f->m, DT_u32, 2, dim);
    return true;
}
