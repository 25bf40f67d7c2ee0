/* Operands whose extents only the run shows to be equal: they are taken to be, and the run checks it. */
#include "frontend/onnx/import.h"

static bool may_be_equal(importer *o, const ir_sx *a, const ir_sx *b)
{
    const ir_sx *d = sx_sub(&o->m->sx, a, b);
    return a != b && sx_min(d) <= 0 && sx_max(d) >= 0;
}

/* v with extent `d` on an axis, if it may have that. */
static ir_value *with_extent(im_node *n, ir_value *v, int axis, const ir_sx *d)
{
    const ir_sx *dim[IR_MAX_RANK];
    if (!may_be_equal(n->o, v->type->dim[axis], d)) return v;
    for (int i = 0; i < v->type->rank; i++) dim[i] = i == axis ? d : v->type->dim[i];
    return mk_reshape(n->k, v, v->type->rank, dim);
}

static bool operands(im_node *n, ir_value **in)
{
    for (int i = 0; i < n->nin; i++) {
        in[i] = im_need(n, i);
        if (ir_is_poison(in[i])) return false;
    }
    return true;
}

bool im_concat(im_node *n)
{
    ir_value **in = ARENA_ARRAY(n->o->s->arena, ir_value *, n->nin);
    if (!operands(n, in)) return false;
    bool text = false;
    for (int i = 0; i < n->nin; i++) text |= n->in[i]->text;
    if (n->nin == 0 || text) return im_row(n, IR_concat, NULL);
    int rank = in[0]->type->rank;
    int64_t axis = im_int(n, "axis", n->version < 4 ? 1 : 0);
    axis = axis < 0 ? axis + rank : axis;
    for (int a = 0; a < rank; a++) {
        const ir_sx *want = in[0]->type->dim[a];
        if (a == axis) continue;
        for (int i = 1; i < n->nin; i++) /* a constant says more than a symbol */
            if (in[i]->type->rank == rank && sx_is_const(in[i]->type->dim[a]) && may_be_equal(n->o, want, in[i]->type->dim[a])) want = in[i]->type->dim[a];
        for (int i = 0; i < n->nin; i++)
            if (in[i]->type->rank == rank) in[i] = with_extent(n, in[i], a, want);
    }
    ir_inst *inst = im_row_begin(n, IR_concat, n->nin, in, NULL);
    if (inst) mk_int(inst, "axis", im_int(n, "axis", n->version < 4 ? 1 : 0));
    return im_row_end(n, inst);
}

bool im_matmul(im_node *n)
{
    ir_value *in[2];
    if (n->nin != 2) return im_fail(n, E_OPERAND_MISSING, -1, "two operands are wanted");
    if (!operands(n, in)) return false;
    int ra = in[0]->type->rank, rb = in[1]->type->rank;
    if (ra && rb) in[1] = with_extent(n, in[1], rb > 1 ? rb - 2 : 0, in[0]->type->dim[ra - 1]);
    for (int a = 3; a <= ra && a <= rb; a++) {
        const ir_sx *x = in[0]->type->dim[ra - a], *y = in[1]->type->dim[rb - a];
        if (sx_is(x, 1) || sx_is(y, 1)) continue;
        if (sx_is_const(x)) in[1] = with_extent(n, in[1], rb - a, x);
        else in[0] = with_extent(n, in[0], ra - a, y);
    }
    return im_row_end(n, im_row_begin(n, IR_matmul, 2, in, NULL));
}

bool im_gather_elements(im_node *n)
{
    ir_value *in[2];
    if (n->nin != 2) return im_fail(n, E_OPERAND_MISSING, -1, "two operands are wanted");
    if (!operands(n, in)) return false;
    if (n->in[0]->text) return im_text_row(n, IR_gather_elements);
    int rank = in[0]->type->rank;
    int64_t axis = im_int(n, "axis", 0);
    axis = axis < 0 ? axis + rank : axis;
    for (int a = 0; a < rank && in[1]->type->rank == rank; a++)
        if (a != axis && sx_max(sx_sub(&n->o->m->sx, in[1]->type->dim[a], in[0]->type->dim[a])) > 0) in[1] = with_extent(n, in[1], a, in[0]->type->dim[a]);
    return im_row_end(n, im_row_begin(n, IR_gather_elements, 2, in, NULL));
}
