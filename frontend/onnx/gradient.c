/* ai.onnx.preview.training.Gradient: derivatives of a scalar or tensor y by tensors of the graph, worked out
 * backwards over the instructions between them (reverse-mode differentiation). */
#include <string.h>
#include "frontend/onnx/import.h"

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
    map_setp(&t->adjoint, x, before ? mk_op2(k, IR_add, before, d) : d);
}

/* NULL: a vector has no derivative here. */
static ir_value *swapped(mk *k, ir_value *x)
{
    if (x->type->rank < 2) return NULL;
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

static ir_value *transposed_back(mk *k, const ir_inst *inst, ir_value *d)
{
    const ir_attr *perm = ir_attr_named(inst, "perm");
    int back[IR_MAX_RANK], r = d->type->rank;
    for (int i = 0; i < r; i++) back[perm->n ? (int)sx_value(perm->sx[i]) : r - 1 - i] = i;
    return mk_transpose(k, d, back);
}

static ir_value *count(mk *k, const ir_value *x, nfc_dtype t)
{
    return mk_cast(k, mk_index_tensor(k, ir_elements(k->m, x->type), DT_i64), t);
}

/* ---- the rules ------------------------------------------------------------------------------ */

/* An operand's share of D, the derivative by the instruction's result R; NULL: not known. */
typedef ir_value *derivative(mk *k, const ir_inst *inst, ir_value *D);

#define X (inst->in[0])
#define Y (inst->in[1])
#define R (inst->out[0])
#define LIT(v) mk_number(k, R->type->dtype, v)
#define OP1(op, a) mk_op1(k, IR_##op, a)
#define OP2(op, a, b) with(k, IR_##op, a, b)
#define OP3(op, a, b, c) mk_op3(k, IR_##op, a, b, c)
#define AS_TYPE(a, v) mk_cast(k, a, (v)->type->dtype)
#define AS_SHAPE(a, v) mk_reshape(k, a, (v)->type->rank, (v)->type->dim)
#define TRANSPOSED_BACK(a) transposed_back(k, inst, a)
#define SPREAD(a) spread(k, inst, a)
#define SWAPPED(v) swapped(k, v)
#define COUNT(v) count(k, v, R->type->dtype)

static ir_value *with(mk *k, ir_op op, ir_value *a, ir_value *b) { return a && b ? mk_op2(k, op, a, b) : NULL; }

#define DERIVATIVE(op, operand, expression)                                                        \
    static ir_value *op##_##operand(mk *k, const ir_inst *inst, ir_value *D)                       \
    {                                                                                              \
        (void)k, (void)inst;                                                                       \
        return (expression);                                                                       \
    }
#include "frontend/onnx/derivatives.def"
#undef DERIVATIVE

enum { MOST_OPERANDS = 3 };

static derivative *const derivatives[IR_OP_COUNT][MOST_OPERANDS] = {
#define DERIVATIVE(op, operand, expression) [IR_##op][operand] = op##_##operand,
#include "frontend/onnx/derivatives.def"
#undef DERIVATIVE
};

/* What d, the derivative by the instruction's result, adds to those by its operands. */
static bool pass_on(tape *t, const ir_inst *inst, ir_value *d)
{
    bool known = false;
    for (int i = 0; i < MOST_OPERANDS; i++) {
        derivative *rule = derivatives[inst->op][i];
        if (!rule) continue;
        ir_value *share = rule(t->n->k, inst, d);
        if (!share) return false;
        add_to(t, inst->in[i], share);
        known = true;
    }
    return known;
}

static bool backwards(tape *t, ir_inst *last, const ir_inst *first)
{
    for (ir_inst *inst = last; inst; inst = inst->prev) {
        bool done = inst == first; /* the rules add instructions behind the last one, never among these */
        for (int i = 0; i < inst->nout && op_get(inst->op)->family != FAM_CORE; i++) {
            ir_value *d = map_getp(&t->adjoint, inst->out[i]);
            if (!d || map_getp(&t->stops, inst->out[i])) continue;
            if (i > 0 || !pass_on(t, inst, d)) return im_fail(t->n, E_ONNX_OP, -1, "the derivative of %s is not known", op_get(inst->op)->name);
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
