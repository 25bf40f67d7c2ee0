/* ai.onnx.preview.training.Gradient: derivatives of a scalar or tensor y by tensors of the graph, worked out
 * backwards over the instructions between them (reverse-mode differentiation). */
#include <string.h>
#include "frontend/onnx/import.h"

#define OP1(op, a) mk_op1(k, IR_##op, a)
#define OP2(op, a, b) mk_op2(k, IR_##op, a, b)

typedef struct tape {
    im_node *n;
    nfc_map adjoint; /* value -> the derivative of y by it */
    nfc_map stops;   /* values that count as given */
} tape;

/* Summed over the axes along which an operand was broadcast. */
static ir_value *as_operand(mk *k, ir_value *d, const ir_value *x)
{
    int more = d->type->rank - x->type->rank;
    uint32_t axes = 0;
    for (int i = 0; i < d->type->rank; i++)
        if (i < more || (sx_is(x->type->dim[i - more], 1) && !sx_is(d->type->dim[i], 1))) axes |= 1u << i;
    return mk_reshape(k, mk_reduce(k, IR_reduce_sum, d, axes, true), x->type->rank, x->type->dim);
}

static void add_to(tape *t, const ir_value *x, ir_value *d)
{
    mk *k = t->n->k;
    if (!dtype_is_float(x->type->dtype)) return;
    d = as_operand(k, d, x);
    ir_value *before = map_getp(&t->adjoint, x);
    map_setp(&t->adjoint, x, before ? OP2(add, before, d) : d);
}

static ir_value *swapped(mk *k, ir_value *x)
{
    int perm[IR_MAX_RANK], r = x->type->rank;
    for (int i = 0; i < r; i++) perm[i] = i < r - 2 ? i : 2 * r - 3 - i;
    return mk_transpose(k, x, perm);
}

/* A reduction's derivative has the operand's shape. */
static ir_value *spread(mk *k, const ir_inst *inst, ir_value *d)
{
    const ir_type *x = inst->in[0]->type;
    const ir_attr *axes = ir_attr_named(inst, "axes");
    const ir_sx *dim[IR_MAX_RANK];
    uint32_t gone = axes->n ? 0 : (1u << x->rank) - 1;
    for (int i = 0; i < axes->n; i++) gone |= 1u << (sx_value(axes->sx[i]) < 0 ? sx_value(axes->sx[i]) + x->rank : sx_value(axes->sx[i]));
    for (int i = 0; i < x->rank; i++) dim[i] = gone >> i & 1 ? mk_sx(k, 1) : x->dim[i];
    return mk_expand(k, mk_reshape(k, d, x->rank, dim), x->rank, x->dim);
}

static ir_value *number(mk *k, const ir_value *like, double x) { return mk_number(k, like->type->dtype, x); }

static ir_value *transposed_back(mk *k, const ir_inst *inst, ir_value *d)
{
    const ir_attr *perm = ir_attr_named(inst, "perm");
    int back[IR_MAX_RANK], r = d->type->rank;
    for (int i = 0; i < r; i++) back[perm->n ? (int)sx_value(perm->sx[i]) : r - 1 - i] = i;
    return mk_transpose(k, d, back);
}

/* What d, the derivative by the instruction's result y, adds to those by its operands. */
static bool rule(tape *t, const ir_inst *inst, ir_value *d)
{
    mk *k = t->n->k;
    ir_value *a = inst->in[0], *b = inst->nin > 1 ? inst->in[1] : NULL, *y = inst->out[0];
    switch (inst->op) {
    case IR_identity:
    case IR_reshape:
    case IR_flatten:
    case IR_squeeze:
    case IR_unsqueeze: add_to(t, a, mk_reshape(k, d, a->type->rank, a->type->dim)); return true;
    case IR_expand: add_to(t, a, d); return true;
    case IR_cast: add_to(t, a, mk_cast(k, d, a->type->dtype)); return true;
    case IR_transpose: add_to(t, a, transposed_back(k, inst, d)); return true;
    case IR_neg: add_to(t, a, OP1(neg, d)); return true;
    case IR_exp: add_to(t, a, OP2(mul, d, y)); return true;
    case IR_log: add_to(t, a, OP2(div, d, a)); return true;
    case IR_sqrt: add_to(t, a, OP2(div, d, OP2(mul, number(k, y, 2), y))); return true;
    case IR_sin: add_to(t, a, OP2(mul, d, OP1(cos, a))); return true;
    case IR_cos: add_to(t, a, OP1(neg, OP2(mul, d, OP1(sin, a)))); return true;
    case IR_tanh: add_to(t, a, OP2(mul, d, OP2(sub, number(k, y, 1), OP2(mul, y, y)))); return true;
    case IR_sigmoid: add_to(t, a, OP2(mul, d, OP2(mul, y, OP2(sub, number(k, y, 1), y)))); return true;
    case IR_relu: add_to(t, a, mk_op3(k, IR_where, OP2(greater, a, number(k, a, 0)), d, number(k, a, 0))); return true;
    case IR_abs: add_to(t, a, OP2(mul, d, OP1(sign, a))); return true;
    case IR_add:
        add_to(t, a, d);
        add_to(t, b, d);
        return true;
    case IR_sub:
        add_to(t, a, d);
        add_to(t, b, OP1(neg, d));
        return true;
    case IR_mul:
        add_to(t, a, OP2(mul, d, b));
        add_to(t, b, OP2(mul, d, a));
        return true;
    case IR_div:
        add_to(t, a, OP2(div, d, b));
        add_to(t, b, OP1(neg, OP2(div, OP2(mul, d, y), b)));
        return true;
    case IR_where:
        add_to(t, b, mk_op3(k, IR_where, a, d, number(k, y, 0)));
        add_to(t, inst->in[2], mk_op3(k, IR_where, a, number(k, y, 0), d));
        return true;
    case IR_reduce_sum: add_to(t, a, spread(k, inst, d)); return true;
    case IR_reduce_mean: {
        ir_value *count = mk_index_tensor(k, ir_elements(k->m, a->type), DT_i64), *kept = mk_index_tensor(k, ir_elements(k->m, y->type), DT_i64);
        add_to(t, a, spread(k, inst, OP2(div, OP2(mul, d, mk_cast(k, kept, d->type->dtype)), mk_cast(k, count, d->type->dtype))));
        return true;
    }
    case IR_matmul:
        if (a->type->rank < 2 || b->type->rank < 2) return false;
        add_to(t, a, OP2(matmul, d, swapped(k, b)));
        add_to(t, b, OP2(matmul, swapped(k, a), d));
        return true;
    default: return false;
    }
}

static bool backwards(tape *t, ir_inst *last, const ir_inst *first)
{
    for (ir_inst *inst = last; inst; inst = inst->prev) {
        bool done = inst == first; /* the rules add instructions behind the last one, never among these */
        for (int i = 0; i < inst->nout && op_get(inst->op)->family != FAM_CORE; i++) {
            ir_value *d = map_getp(&t->adjoint, inst->out[i]);
            if (!d || map_getp(&t->stops, inst->out[i])) continue;
            if (i > 0 || !rule(t, inst, d)) return im_fail(t->n, E_ONNX_OP, -1, "the derivative of %s is not known", op_get(inst->op)->name);
        }
        if (done) break;
    }
    return true;
}

/* A tensor that the attribute names, which must be the operand that stands for it. */
static bool stop_at(tape *t, const onnx_attribute *a, int from)
{
    for (size_t i = 0; a && i < a->n_strings; i++) {
        const char *name = onnx_text(t->n->o->file, &a->strings[i]);
        const im_value *v = name ? im_lookup(t->n->o, name) : NULL;
        if (!v || v->kind != IM_TENSOR) return im_fail(t->n, E_ONNX_NAME, -1, "there is no tensor '%s'", name ? name : "?");
        if (im_in(t->n, from + (int)i) != v->tensor) return im_fail(t->n, E_ONNX_OP, from + (int)i, "the derivative is taken where the graph computes '%s', not at another tensor", name);
        map_setp(&t->stops, v->tensor, t);
    }
    return true;
}

bool im_gradient(im_node *n)
{
    importer *o = n->o;
    const onnx_attribute *xs = im_attr(n, "xs");
    const char *name = im_text(n, "y", "");
    const im_value *y = im_lookup(o, name);
    tape t = {.n = n};
    map_init(&t.adjoint, o->s->arena);
    map_init(&t.stops, o->s->arena);
    if (!xs || !y || y->kind != IM_TENSOR) return im_fail(n, E_ATTR_MISSING, -1, "xs and y name tensors of the graph");
    if (ir_is_poison(y->tensor)) return false;
    if (!stop_at(&t, xs, 0) || !stop_at(&t, im_attr(n, "zs"), (int)xs->n_strings)) return false;
    map_setp(&t.adjoint, y->tensor, mk_filled(n->k, y->tensor->type, 1));
    if (y->tensor->def && y->tensor->def->block != n->k->block) return im_fail(n, E_ONNX_OP, -1, "derivatives of what branches make are not supported");
    if (y->tensor->def && !backwards(&t, y->tensor->def, n->k->block->first)) return false;
    for (size_t i = 0; i < xs->n_strings; i++) {
        ir_value *x = im_in(n, (int)i), *d = map_getp(&t.adjoint, x);
        im_out(n, (int)i, d ? d : mk_filled(n->k, x->type, 0));
    }
    return true;
}
