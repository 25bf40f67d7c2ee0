/* What is certain to fail: sizes, positions, indices and divisors that are known at compile time, with which
 * every run would end in an error. They are errors of the import, at the operand that has them. */
#include "frontend/onnx/import.h"

/* ---- sizes and positions ---------------------------------------------------------------------- */

/* Which of the node's operands has the elements of v, in their order; -1: none. */
static int operand_with(const im_node *n, const ir_value *v)
{
    for (; v; v = v->def && (v->def->op == IR_cast || v->def->op == IR_reshape) ? v->def->in[0] : NULL)
        for (int i = 0; i < n->nin; i++)
            if (n->in[i] && n->in[i]->kind == IM_TENSOR && n->in[i]->tensor == v) return i;
    return -1;
}

static bool may_lie_in(const ir_sx *x, int64_t lo, int64_t hi)
{
    int64_t least, most;
    sx_range(x, &least, &most);
    return lo <= hi && least <= hi && most >= lo;
}

/* "-1", or "N - 100, at most -36" of what only the run knows. */
static const char *how_much(importer *o, const ir_sx *x, int64_t lo)
{
    const char *text = sx_text(o->s->arena, x);
    if (sx_is_const(x)) return text;
    if (sx_max(x) < lo) return session_printf(o->s, "%s, at most %lld", text, (long long)sx_max(x));
    return session_printf(o->s, "%s, at least %lld", text, (long long)sx_min(x));
}

bool im_never_in(importer *o, const ir_value *v, int64_t at, const ir_sx *x, int64_t lo, int64_t hi)
{
    im_node *n = o->node;
    if (!n || may_lie_in(x, lo, hi)) return false;
    int i = operand_with(n, v);
    const char *which = v->type->rank ? session_printf(o->s, "[%lld]", (long long)at) : "";
    const char *what = i < 0 ? "a size or position that follows from its operands" : session_printf(o->s, "'%s'%s", n->in[i]->name, which);
    nfc_diag *d = diag_error(&o->s->diags, E_ONNX_VALUE, im_operand_span(n, i), "%s: %s is %s, which does not fit", n->op, what, how_much(o, x, lo));
    if (lo == hi) diag_help(d, "only %lld fits here", (long long)lo);
    else if (lo < hi) diag_help(d, "what fits here is from %lld to %lld", (long long)lo, (long long)hi);
    else diag_help(d, "nothing fits here");
    return true;
}

const ir_sx *im_require(importer *o, const ir_sx *x, int64_t lo, int64_t hi, const char *what)
{
    if (!o->node || may_lie_in(x, lo, hi)) return mk_require(&o->k, x, lo, hi);
    diag_error(&o->s->diags, E_ONNX_VALUE, o->node->at, "%s: %s", o->node->op, what);
    return mk_sx(&o->k, lo > 0 ? lo : hi < 0 ? hi : 0);
}

/* ---- indices ---------------------------------------------------------------------------------- */

/* The axis of the data that index `at` of the indices' elements chooses from. */
static int chosen_axis(const ir_inst *inst, int64_t at)
{
    const ir_type *t = inst->in[1]->type;
    const ir_attr *axis = ir_attr_named(inst, "axis"), *batch = ir_attr_named(inst, "batch_dims");
    if (axis) return (int)(axis->i < 0 ? axis->i + inst->in[0]->type->rank : axis->i);
    return (int)((batch ? batch->i : 0) + at % sx_value(t->dim[t->rank - 1]));
}

static bool indices_fit(im_node *n, const ir_inst *inst)
{
    const void *data = im_const_data(n->o, inst->in[1]);
    const ir_type *t = inst->in[1]->type;
    for (int64_t k = 0, count = data ? ir_max_elements(t) : 0; k < count; k++) {
        int axis = chosen_axis(inst, k);
        const ir_sx *extent = inst->in[0]->type->dim[axis];
        int64_t index = dtype_get_int(t->dtype, data, (size_t)k), most = sx_max(extent);
        if (index >= -most && index < most) continue;
        return im_fail(n, E_ONNX_VALUE, 1, "element %lld of '%s' is %lld, and axis %d of '%s' has %s%lld elements", (long long)k, n->in[1]->name, (long long)index, axis, n->in[0]->name, sx_is_const(extent) ? "" : "at most ", (long long)most);
    }
    return true;
}

/* ---- division --------------------------------------------------------------------------------- */

static bool divisors_fit(im_node *n, const ir_inst *inst)
{
    const ir_value *by = inst->in[1];
    if (!dtype_is_int(by->type->dtype) || !ir_is_static(by->type) || !ir_is_static(inst->out[0]->type) || ir_max_elements(inst->out[0]->type) == 0) return true;
    const void *data = im_const_data(n->o, by);
    const ir_sx *const *known = data ? NULL : im_known(n->o, by);
    for (int64_t k = 0, count = data || known ? ir_max_elements(by->type) : 0; k < count; k++)
        if (data ? dtype_get_int(by->type->dtype, data, (size_t)k) == 0 : known[k] && sx_is(known[k], 0))
            return im_fail(n, E_DIVISION, 1, "element %lld of the divisor '%s' is 0", (long long)k, n->in[1]->name);
    return true;
}

bool im_values_fit(im_node *n, const ir_inst *inst)
{
    if (inst->nout == 0 || ir_is_poison(inst->out[0])) return true;
    switch (inst->op) {
    case IR_gather:
    case IR_gather_elements:
    case IR_gather_nd:
    case IR_scatter_elements:
    case IR_scatter_nd: return indices_fit(n, inst);
    case IR_div:
    case IR_mod: return divisors_fit(n, inst);
    default: return true;
    }
}
