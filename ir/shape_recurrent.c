/* Recurrent layers: their attributes and shapes. */
#include <math.h>
#include <string.h>
#include <strings.h>
#include "ir/recurrent.h"
#include "ir/shape.h"

/* ---- attributes ---------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int takes;
    double alpha, beta;
} known[ACT_COUNT] = {
#define ACTIVATION(name, takes, alpha, beta, op, value) [ACT_##name] = {#name, takes, alpha, beta},
#include "ir/activations.def"
#undef ACTIVATION
};

static const struct {
    ir_op op;
    int gates, functions;
    activation_kind usual[RECURRENT_MAX_FUNCTIONS];
} kinds[] = {
    {IR_rnn, 1, 1, {ACT_Tanh}},
    {IR_gru, 3, 2, {ACT_Sigmoid, ACT_Tanh}},
    {IR_lstm, 4, 3, {ACT_Sigmoid, ACT_Tanh, ACT_Tanh}},
};

/* ONNX's own models write the names in any case. */
static activation_kind lookup(const char *name, size_t length)
{
    for (int i = 0; i < ACT_COUNT; i++)
        if (strlen(known[i].name) == length && strncasecmp(known[i].name, name, length) == 0) return (activation_kind)i;
    return ACT_COUNT;
}

/* Reads names apart by spaces or commas. */
static const char *read_names(nfc_arena *a, recurrent *r, const char *names)
{
    int n = 0, want = r->functions * r->directions;
    for (const char *p = names + strspn(names, " ,"); *p; n++) {
        size_t length = strcspn(p, " ,");
        activation_kind kind = lookup(p, length);
        if (kind == ACT_COUNT) return arena_printf(a, "there is no function '%.*s'", (int)length, p);
        if (n < want) r->function[n / r->functions][n % r->functions].kind = kind;
        p += length;
        p += strspn(p, " ,");
    }
    return n == want ? NULL : arena_printf(a, "there must be %d function%s, not %d", want, want == 1 ? "" : "s", n);
}

/* Parameters are dealt to the functions that take them, in turn; where there is one for every function,
 * each has its own. */
static bool deal(recurrent *r, const ir_attr *given, bool beta)
{
    int next = 0, all = r->directions * r->functions;
    for (int i = 0; i < all; i++) {
        activation *f = &r->function[i / r->functions][i % r->functions];
        double v = beta ? known[f->kind].beta : known[f->kind].alpha;
        bool takes = known[f->kind].takes > beta;
        if (given->n == all) next = i;
        if (takes && next < given->n) v = given->fs[next++];
        *(beta ? &f->beta : &f->alpha) = v;
    }
    return given->n == all || next == given->n;
}

const char *recurrent_of(nfc_arena *a, const ir_inst *inst, recurrent *r, int *attr)
{
    const op_info *info = op_get(inst->op);
    const char *direction = ir_attr_named(inst, "direction")->s;
    *r = (recurrent){.directions = strcmp(direction, "bidirectional") == 0 ? 2 : 1, .clip = INFINITY};
    r->backwards[0] = strcmp(direction, "reverse") == 0;
    r->backwards[1] = true;
    r->batch_first = ir_attr_named(inst, "layout")->i;
    int k = 0;
    while (kinds[k].op != inst->op) k++;
    r->gates = kinds[k].gates;
    r->functions = kinds[k].functions;
    for (int i = 0; i < r->directions * r->functions; i++) r->function[i / r->functions][i % r->functions].kind = kinds[k].usual[i % r->functions];
    const ir_attr *names = ir_attr_named(inst, "activations"), *clip = ir_attr_named(inst, "clip");
    *attr = op_attr_find(info, "activations");
    const char *wrong = names->kind == IR_ATTR_STR && *names->s ? read_names(a, r, names->s) : NULL;
    if (wrong) return wrong;
    *attr = op_attr_find(info, "activation_alpha");
    if (!deal(r, ir_attr_named(inst, "activation_alpha"), false)) return "there are more numbers than functions that take one";
    *attr = op_attr_find(info, "activation_beta");
    if (!deal(r, ir_attr_named(inst, "activation_beta"), true)) return "there are more numbers than functions that take one";
    *attr = op_attr_find(info, "clip");
    if (clip->kind == IR_ATTR_FLOAT && clip->f < 0) return "clip must not be negative";
    if (clip->kind == IR_ATTR_FLOAT && clip->f > 0) r->clip = clip->f;
    return NULL;
}

/* ---- shapes -------------------------------------------------------------------------------- */

/* Operand i, if it is there, must have these extents. */
static bool must_be(infer *f, int i, int rank, const ir_sx *const *dim)
{
    const ir_value *v = ir_operand(f->inst, i);
    if (!v) return true;
    const ir_type *want = ir_tensor(f->m, v->type->dtype, rank, dim);
    if (ir_same_shape(v->type, want)) return true;
    return infer_fail(f, E_SHAPE, i, "operand '%s' must be %s", f->info->in[i].name, ir_type_text(f->m->arena, want));
}

bool sh_recurrent(infer *f)
{
    recurrent r;
    int attr;
    const char *wrong = recurrent_of(f->m->arena, f->inst, &r, &attr);
    if (wrong) return infer_fail_attr(f, E_ATTR_VALUE, attr, "%s", wrong);
    const ir_type *x = f->inst->in[0]->type, *weights = f->inst->in[2]->type;
    if (x->rank != 3) return infer_fail(f, E_RANK, 0, "x must have rank 3: steps, batch and inputs");
    if (weights->rank != 3) return infer_fail(f, E_RANK, 2, "r must have rank 3");
    sx_table *t = &f->m->sx;
    const ir_sx *steps = x->dim[r.batch_first ? 1 : 0], *batch = x->dim[r.batch_first ? 0 : 1], *hidden = weights->dim[2];
    const ir_attr *given = ir_attr_named(f->inst, "hidden_size");
    if (given->kind == IR_ATTR_INT && !sx_is(hidden, given->i))
        return infer_fail_attr(f, E_ATTR_VALUE, op_attr_find(f->info, "hidden_size"), "hidden_size is %lld, but r has %s columns", (long long)given->i, sx_text(f->m->arena, hidden));
    const ir_sx *d = sx_int(t, r.directions), *rows = sx_mul(t, hidden, sx_int(t, r.gates));
    const ir_sx *state[3] = {d, batch, hidden}, *y[4] = {steps, d, batch, hidden};
    if (r.batch_first) {
        state[0] = batch, state[1] = d;
        y[0] = batch, y[1] = steps, y[2] = d;
    }
    const ir_sx *w[3] = {d, rows, x->dim[2]}, *again[3] = {d, rows, hidden}, *b[2] = {d, sx_mul(t, rows, sx_int(t, 2))};
    const ir_sx *p[2] = {d, sx_mul(t, hidden, sx_int(t, 3))};
    if (!must_be(f, 1, 3, w) || !must_be(f, 2, 3, again) || !must_be(f, 3, 2, b) || !must_be(f, 4, 1, &batch)) return false;
    if (!must_be(f, 5, 3, state) || !must_be(f, 6, 3, state) || !must_be(f, 7, 2, p)) return false;
    f->out[0] = ir_tensor(f->m, x->dtype, 4, y);
    f->out[1] = f->out[2] = ir_tensor(f->m, x->dtype, 3, state);
    return true;
}
