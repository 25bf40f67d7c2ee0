/* Convolutions and pools in the forms that models give them. */
#include <string.h>
#include "frontend/onnx/import.h"

static int64_t item(const im_node *n, const char *name, int i, int64_t otherwise)
{
    const int64_t *values;
    int count = im_ints(n, name, &values);
    return i < count ? values[i] : otherwise;
}

/* The least extent of spatial axis i into which the window fits; 0: its pads follow from the extent. */
static int64_t least_extent(const im_node *n, const ir_value *w, int i, int spatial)
{
    enum { MOST = 1 << 30 };
    const char *mode = im_text(n, "auto_pad", "NOTSET");
    bool explicit_pads = strcmp(mode, "NOTSET") == 0;
    if (!explicit_pads && strcmp(mode, "VALID") != 0) return 0;
    int64_t kernel = item(n, "kernel_shape", i, w && w->type->rank > 2 + i && sx_is_const(w->type->dim[2 + i]) ? sx_value(w->type->dim[2 + i]) : 1);
    int64_t dilation = item(n, "dilations", i, 1), pads = 0;
    if (explicit_pads && __builtin_add_overflow(item(n, "pads", i, 0), item(n, "pads", i + spatial, 0), &pads)) return 0;
    if (kernel < 1 || kernel > MOST || dilation < 1 || dilation > MOST || pads < 0 || pads > MOST) return 0; /* the row says so */
    return (kernel - 1) * dilation + 1 - pads;
}

/* x with extents that the window fits into: where that is not certain the run checks it. */
static ir_value *with_room(im_node *n, ir_value *x, const ir_value *w)
{
    const ir_sx *dim[IR_MAX_RANK];
    bool same = true;
    for (int i = 0; i < x->type->rank; i++) {
        dim[i] = x->type->dim[i];
        int64_t least = i < 2 ? 0 : least_extent(n, w, i - 2, x->type->rank - 2);
        if (sx_is_const(dim[i]) || sx_min(dim[i]) >= least || sx_max(dim[i]) < least) continue;
        dim[i] = mk_require(n->k, dim[i], least, sx_max(dim[i]));
        same = false;
    }
    return same ? x : mk_reshape(n->k, x, x->type->rank, dim);
}

/* Are pads given beside auto_pad that say nothing against it? */
static bool idle_pads(const im_node *n)
{
    const int64_t *pads;
    int count = im_ints(n, "pads", &pads);
    bool idle = strcmp(im_text(n, "auto_pad", "NOTSET"), "NOTSET") != 0;
    for (int i = 0; i < count; i++) idle &= pads[i] == 0;
    return idle;
}

/* Conv, ConvTranspose, MaxPool, AveragePool, LpPool, GlobalLpPool. The norm of the first operator set was a
 * float. */
bool im_sliding(im_node *n)
{
    static const char *const with_pads[] = {"p", NULL}, *const without[] = {"p", "pads", NULL};
    ir_value **in = ARENA_ARRAY(n->o->s->arena, ir_value *, n->nin + 1);
    for (int i = 0; i < n->nin; i++) in[i] = im_in(n, i);
    if (n->nin == 0 || !in[0]) return im_fail(n, E_OPERAND_MISSING, -1, "the operand 'x' is missing");
    for (int i = 0; i < n->nin; i++)
        if (in[i] && ir_is_poison(in[i])) return false;
    ir_op op = im_row_of(n);
    if (op != IR_conv_transpose) in[0] = with_room(n, in[0], op == IR_conv && n->nin > 1 ? in[1] : NULL);
    const bool has_norm = op_attr_find(op_get(op), "p") >= 0;
    const onnx_attribute *p = has_norm ? im_attr(n, "p") : NULL;
    if (p && !p->has_i && !(p->f >= 1 && p->f <= 1e9f)) return im_fail(n, E_ATTR_VALUE, -1, "p is %g", (double)p->f);
    ir_inst *inst = im_row_begin(n, op, n->nin, in, (idle_pads(n) ? without : with_pads) + !has_norm);
    if (inst && p) mk_int(inst, "p", p->has_i ? p->i : (int64_t)p->f);
    return im_row_end(n, inst);
}
