#include "ir/shape.h"

#include <math.h>
#include <string.h>
#include "ir/ops_sets.h"

/* ---- reporting ----------------------------------------------------------------------------- */

static const char *operand_name(const infer *f, int i)
{
    const op_info *info = f->info;
    if (i < info->nin && info->in[i].presence != OPER_VARIADIC) return info->in[i].name;
    return arena_printf(f->m->arena, "%s[%d]", info->in[info->nin - 1].name, i - (info->nin - 1));
}

static nfc_span place_of(const infer *f, int operand)
{
    if (!f->written) return f->inst->at;
    if (operand >= 0 && operand < f->written->n && f->written->operand[operand].file) return f->written->operand[operand];
    return f->written->op;
}

const char *infer_name(const infer *f) { return f->written ? f->written->name : f->info->name; }

bool infer_fail(infer *f, diag_code code, int i, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(f->m->arena, format, args);
    va_end(args);
    nfc_diag *d = diag_error(&f->m->session->diags, code, place_of(f, i), "%s: %s", infer_name(f), text);
    for (int k = 0; k < f->inst->nin; k++) {
        const ir_value *v = f->inst->in[k];
        if (!v || (i >= 0 && k != i && (f->info->nin > 3 || code == E_DTYPE)) || k > 3) continue;
        diag_note(d, v->at, "%s is %s", operand_name(f, k), ir_type_text(f->m->arena, v->type));
    }
    return false;
}

bool infer_fail_attr(infer *f, diag_code code, int attr, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(f->m->arena, format, args);
    va_end(args);
    nfc_span at = f->inst->attr[attr].at;
    diag_error(&f->m->session->diags, code, at.file ? at : place_of(f, -1), "%s: %s", infer_name(f), text);
    return false;
}

bool infer_axis(infer *f, int attr, int64_t axis, int rank, int *out)
{
    *out = 0;
    if (axis < -rank || axis >= rank)
        return infer_fail_attr(f, E_AXIS, attr, "axis %lld is outside of rank %d", (long long)axis, rank);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return true;
}

bool infer_axis_once(infer *f, int attr, int64_t axis, int rank, uint32_t *seen, int *out)
{
    if (!infer_axis(f, attr, axis, rank, out)) return false;
    if (*seen >> *out & 1) return infer_fail_attr(f, E_AXIS, attr, "axis %d stands twice", *out);
    *seen |= 1u << *out;
    return true;
}

/* ---- element types ------------------------------------------------------------------------- */

static const op_operand *row_of(const op_info *info, int i)
{
    return &info->in[i < info->nin ? i : info->nin - 1];
}

/* Operand i has another element type than one before it that has the same variable. */
static bool other_dtype(infer *f, int i, int var, nfc_dtype dtype)
{
    int k = 0;
    while (k < i && (!f->inst->in[k] || row_of(f->info, k)->type_var != var)) k++;
    const ir_value *v = f->inst->in[i], *first = f->inst->in[k];
    const char *name = operand_name(f, i), *other = operand_name(f, k);
    nfc_diag *d = diag_error(&f->m->session->diags, E_DTYPE, place_of(f, i), "%s: operand '%s' is %s, but '%s' is %s", infer_name(f), name, dtype_name(v->type->dtype), other, dtype_name(dtype));
    diag_note(d, first->at, "%s is %s", other, ir_type_text(f->m->arena, first->type));
    diag_note(d, v->at, "%s is %s", name, ir_type_text(f->m->arena, v->type));
    diag_help(d, "op cast(input=..., to=%s) converts", dtype_name(dtype));
    return false;
}

static const char *types_text(const infer *f, uint32_t set)
{
    static const struct {
        uint32_t set;
        const char *name;
    } known[] = {{SET_FLOATS, "floating-point types"}, {SET_INTS, "integer types"}, {SET_UINTS, "unsigned integers"}, {SET_NUM, "numbers"}, {SET_SNUM, "signed numbers"}, {SET_NUMB, "numbers and bool"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].set == set) return known[i].name;
    return op_types_text(f->m->arena, set);
}

static bool wrong_dtype(infer *f, int i, uint32_t set)
{
    nfc_dtype dtype = f->inst->in[i]->type->dtype;
    return infer_fail(f, E_DTYPE, i, "operand '%s' is %s; it takes %s", operand_name(f, i), dtype_name(dtype), types_text(f, set));
}

static bool check_operand(infer *f, int i)
{
    const ir_value *v = f->inst->in[i];
    const op_operand *row = row_of(f->info, i);
    if (!v) {
        if (row->presence == OPER_OPTIONAL) return true;
        return infer_fail(f, E_OPERAND_MISSING, -1, "operand '%s' is missing", row->name);
    }
    if (v->type->kind != IR_TENSOR) return infer_fail(f, E_OPERAND_TYPE, i, "operand '%s' must be a tensor", operand_name(f, i));
    uint32_t set = row->type_var >= 0 ? f->info->types[row->type_var] : row->types;
    if (!(set >> v->type->dtype & 1))
        return wrong_dtype(f, i, set);
    if (row->type_var < 0) return true;
    nfc_dtype *var = &f->t[row->type_var];
    if (*var != DT_COUNT && *var != v->type->dtype)
        return other_dtype(f, i, row->type_var, *var);
    *var = v->type->dtype;
    return true;
}

static bool check_attrs(infer *f)
{
    for (int i = 0; i < f->info->nattr; i++) {
        const op_attr *row = &f->info->attr[i];
        if (row->required && f->inst->attr[i].kind == IR_ATTR_NONE) {
            diag_error(&f->m->session->diags, E_ATTR_MISSING, place_of(f, -1), "%s: attribute '%s' is missing: %s", infer_name(f), row->name, row->doc);
            return false;
        }
    }
    return true;
}

static bool check_size(infer *f, const ir_type *type)
{
    enum { MAX_ELEMENTS_LOG2 = 40 };
    for (int i = 0; i < type->rank; i++)
        if (sx_max(type->dim[i]) < 0)
            return infer_fail(f, E_SIZE, -1, "the result's axis %d would have extent %s, which is negative", i, sx_text(f->m->arena, type->dim[i]));
    if (ir_max_elements(type) > (int64_t)1 << MAX_ELEMENTS_LOG2 || f->m->sx.overflow)
        return infer_fail(f, E_SIZE, -1, "the result %s is larger than 2^%d elements", ir_type_text(f->m->arena, type), MAX_ELEMENTS_LOG2);
    return true;
}

static int result_count(const infer *f)
{
    if (f->inst->op == IR_split) return f->nresult;
    int least = 0;
    for (int i = 0; i < f->info->nout; i++) least += !f->info->out[i].optional;
    return f->nresult > least && f->nresult <= f->info->nout ? f->nresult : least;
}

bool ir_infer(ir_module *m, ir_inst *inst, int nresult, const ir_places *written)
{
    infer f = {.m = m, .inst = inst, .info = op_get(inst->op), .nresult = nresult, .written = written};
    f.t[0] = f.t[1] = f.t[2] = DT_COUNT;
    bool ok = true, silent = false;
    for (int i = 0; i < inst->nin; i++) silent |= inst->in[i] && ir_is_poison(inst->in[i]);
    if (!silent) {
        if (inst->nin == 0 && f.info->nin && f.info->in[0].presence != OPER_OPTIONAL)
            ok = infer_fail(&f, E_OPERAND_MISSING, -1, "operand '%s' is missing", f.info->in[0].name);
        for (int i = 0; ok && i < inst->nin; i++) ok = check_operand(&f, i);
        for (int i = inst->nin; ok && i < f.info->nin; i++)
            if (f.info->in[i].presence == OPER_REQUIRED) ok = infer_fail(&f, E_OPERAND_MISSING, -1, "operand '%s' is missing", f.info->in[i].name);
        ok = ok && check_attrs(&f);
        if (ok && inst->op != IR_split && nresult > f.info->nout) {
            ok = false;
            diag_error(&m->session->diags, E_RESULTS, written ? written->results : inst->at, "%s has %d result%s, but there are %d names", infer_name(&f), f.info->nout, f.info->nout == 1 ? "" : "s", nresult);
        }
        m->sx.overflow = false;
        ok = ok && f.info->rule->shape(&f);
        for (int i = 0; ok && i < result_count(&f); i++) ok = check_size(&f, f.out[i]);
    }
    int n = result_count(&f);
    if (nresult > n) n = nresult;
    for (int i = 0; i < n; i++) ir_add_result(m, inst, ok && !silent ? f.out[i] : ir_poison(m), NULL, inst->at);
    return ok && !silent;
}

/* ---- elementwise --------------------------------------------------------------------------- */

bool broadcast_shapes(ir_module *m, const ir_type *a, const ir_type *b, int *rank, const ir_sx **dim)
{
    int n = a->rank > b->rank ? a->rank : b->rank;
    *rank = n;
    for (int i = 1; i <= n; i++) {
        const ir_sx *x = i <= a->rank ? a->dim[a->rank - i] : sx_int(&m->sx, 1);
        const ir_sx *y = i <= b->rank ? b->dim[b->rank - i] : sx_int(&m->sx, 1);
        if (x != y && !sx_is(x, 1) && !sx_is(y, 1)) return false;
        dim[n - i] = sx_is(x, 1) ? y : x;
    }
    return true;
}

/* `shape` is what the operands before i make together. */
static bool no_broadcast(infer *f, int i, const ir_type *shape)
{
    const ir_type *v = f->inst->in[i]->type;
    int k = 1; /* the first axis, from the end, where they differ */
    for (;; k++) {
        const ir_sx *x = shape->dim[shape->rank - k], *y = v->dim[v->rank - k];
        if (x == y || sx_is(x, 1) || sx_is(y, 1)) continue;
        return infer_fail(f, E_SHAPE, i, "the shapes do not broadcast: %s against %s on axis -%d", sx_text(f->m->arena, x), sx_text(f->m->arena, y), k);
    }
}

bool sh_elementwise(infer *f)
{
    ir_type shape = {.kind = IR_TENSOR};
    for (int i = 0; i < f->inst->nin; i++) {
        const ir_value *v = f->inst->in[i];
        if (!v) continue;
        const ir_sx *dim[IR_MAX_RANK];
        int rank;
        if (!broadcast_shapes(f->m, &shape, v->type, &rank, dim))
            return no_broadcast(f, i, &shape);
        shape.rank = rank;
        memcpy(shape.dim, dim, sizeof dim[0] * (size_t)rank);
    }
    nfc_dtype dtype = f->info->flags & OPF_BOOL ? DT_bool : f->t[0] != DT_COUNT ? f->t[0] : DT_bool;
    f->out[0] = ir_tensor(f->m, dtype, shape.rank, shape.dim);
    return true;
}

/* ---- types and constants ------------------------------------------------------------------- */

int64_t mc_none(const ir_inst *inst)
{
    (void)inst;
    return 0;
}

bool sh_core(infer *f)
{
    (void)f; /* the IR's own instructions are typed by who makes them */
    return true;
}

bool sh_cast(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    nfc_dtype to = f->inst->attr[ATTR_AT(cast, to)].t;
    if (to == DT_string) return infer_fail_attr(f, E_DTYPE, ATTR_AT(cast, to), "there is no conversion to string");
    f->out[0] = ir_tensor(f->m, to, x->rank, x->dim);
    return true;
}

bool sh_bitcast(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    nfc_dtype to = f->inst->attr[ATTR_AT(bitcast, to)].t;
    if (dtype_table[to].bits != dtype_table[x->dtype].bits)
        return infer_fail_attr(f, E_DTYPE, ATTR_AT(bitcast, to), "%s has %d bits, and %s has %d", dtype_name(to), dtype_table[to].bits, dtype_name(x->dtype), dtype_table[x->dtype].bits);
    f->out[0] = ir_tensor(f->m, to, x->rank, x->dim);
    return true;
}

static bool extents_ok(infer *f, int attr, const ir_attr *a)
{
    if (a->n > IR_MAX_RANK) return infer_fail_attr(f, E_RANK, attr, "rank %d is over the highest, %d", a->n, IR_MAX_RANK);
    for (int i = 0; i < a->n; i++)
        if (sx_min(a->sx[i]) < 0) return infer_fail_attr(f, E_SIZE, attr, "extent %s can be negative", sx_text(f->m->arena, a->sx[i]));
    return true;
}

bool sh_constant_of_shape(infer *f)
{
    const ir_attr *shape = &f->inst->attr[ATTR_AT(constant_of_shape, shape)];
    nfc_dtype dtype = f->inst->attr[ATTR_AT(constant_of_shape, dtype)].t;
    if (dtype == DT_string) return infer_fail_attr(f, E_DTYPE, ATTR_AT(constant_of_shape, dtype), "there are no tensors of strings yet");
    if (!extents_ok(f, ATTR_AT(constant_of_shape, shape), shape)) return false;
    int value_attr = ATTR_AT(constant_of_shape, value);
    double value = ir_float(f->inst, value_attr), top = (double)dtype_max(dtype);
    if (!dtype_is_float(dtype) && !(value == floor(value) && value >= (double)dtype_min(dtype) && (value < top || (value == top && top < 0x1p53))))
        return infer_fail_attr(f, E_ATTR_VALUE, value_attr, "%g is no value of %s", value, dtype_name(dtype));
    f->out[0] = ir_tensor(f->m, dtype, shape->n, shape->sx);
    return true;
}

bool sh_range(infer *f)
{
    int64_t start = ir_int(f->inst, ATTR_AT(range, start)), delta = ir_int(f->inst, ATTR_AT(range, delta));
    const ir_attr *limit = &f->inst->attr[ATTR_AT(range, limit)];
    nfc_dtype dtype = f->inst->attr[ATTR_AT(range, dtype)].t;
    if (delta == 0) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(range, delta), "delta must not be 0");
    if (limit->n != 1) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(range, limit), "limit must be one integer");
    if (!(f->info->types[0] >> dtype & 1)) return infer_fail_attr(f, E_DTYPE, ATTR_AT(range, dtype), "a range of %s is not supported", dtype_name(dtype));
    sx_table *t = &f->m->sx;
    const ir_sx *span = sx_sub(t, limit->sx[0], sx_int(t, start));
    if (delta < 0) span = sx_sub(t, sx_int(t, 0), span);
    int64_t step = delta < 0 ? -delta : delta;
    if (sx_min(span) < 0) {
        if (!sx_is_const(span)) return infer_fail_attr(f, E_SIZE, ATTR_AT(range, limit), "the range can have a negative length");
        span = sx_int(t, 0);
    }
    const ir_sx *n = sx_div(t, sx_add(t, span, sx_int(t, step - 1)), step);
    f->out[0] = ir_tensor(f->m, dtype, 1, &n);
    return true;
}

/* ---- reductions and rows ------------------------------------------------------------------- */

uint32_t axes_mask(const ir_inst *inst, int attr, int rank)
{
    const ir_attr *a = &inst->attr[attr];
    if (a->kind == IR_ATTR_NONE || a->n == 0) {
        const ir_attr *noop = ir_attr_named(inst, "noop_with_empty_axes");
        return noop && noop->i ? 0 : (1u << rank) - 1;
    }
    uint32_t mask = 0;
    for (int i = 0; i < a->n; i++) {
        int64_t axis = sx_value(a->sx[i]);
        mask |= 1u << (axis < 0 ? axis + rank : axis);
    }
    return mask;
}

/* Checks a list of axes: in range, each once. */
static bool check_axes(infer *f, int attr, int rank)
{
    const ir_attr *a = &f->inst->attr[attr];
    uint32_t seen = 0;
    for (int i = 0; i < a->n; i++) {
        int axis;
        if (!infer_axis_once(f, attr, sx_value(a->sx[i]), rank, &seen, &axis)) return false;
    }
    return true;
}

static const ir_type *reduced_type(infer *f, nfc_dtype dtype, const ir_type *x, uint32_t mask, bool keep)
{
    const ir_sx *dim[IR_MAX_RANK];
    int rank = 0;
    for (int i = 0; i < x->rank; i++) {
        if (!(mask >> i & 1)) dim[rank++] = x->dim[i];
        else if (keep) dim[rank++] = sx_int(&f->m->sx, 1);
    }
    return ir_tensor(f->m, dtype, rank, dim);
}

bool sh_reduce(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    int axes = op_attr_find(f->info, "axes");
    if (!check_axes(f, axes, x->rank)) return false;
    uint32_t mask = axes_mask(f->inst, axes, x->rank);
    f->out[0] = reduced_type(f, x->dtype, x, mask, ir_attr_named(f->inst, "keepdims")->i);
    return true;
}

bool sh_arg_reduce(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    int attr = op_attr_find(f->info, "axis"), axis;
    if (x->rank == 0) return infer_fail(f, E_RANK, 0, "the operand has no axis to search");
    if (!infer_axis(f, attr, ir_int(f->inst, attr), x->rank, &axis)) return false;
    if (sx_min(x->dim[axis]) < 1) return infer_fail(f, E_SIZE, 0, "axis %d can be empty: there is no largest element then", axis);
    f->out[0] = reduced_type(f, DT_i64, x, 1u << axis, ir_attr_named(f->inst, "keepdims")->i);
    return true;
}

/* The shape stays; the axis must exist. */
static bool same_with_axis(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    int attr = op_attr_find(f->info, "axis"), axis;
    if (x->rank > 0 && !infer_axis(f, attr, ir_int(f->inst, attr), x->rank, &axis)) return false;
    f->out[0] = x;
    return true;
}

bool sh_softmax(infer *f) { return same_with_axis(f); }
bool sh_cum_sum(infer *f) { return same_with_axis(f); }

bool sh_topk(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    const ir_attr *k = &f->inst->attr[ATTR_AT(topk, k)];
    int axis;
    if (x->rank == 0) return infer_fail(f, E_RANK, 0, "the operand has no axis to search");
    if (!infer_axis(f, ATTR_AT(topk, axis), ir_int(f->inst, ATTR_AT(topk, axis)), x->rank, &axis)) return false;
    if (k->n != 1) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(topk, k), "k must be one integer");
    const ir_sx *left = sx_sub(&f->m->sx, x->dim[axis], k->sx[0]);
    if (sx_min(k->sx[0]) < 0 || sx_min(left) < 0)
        return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(topk, k), "k = %s is not between 0 and the axis' extent %s", sx_text(f->m->arena, k->sx[0]), sx_text(f->m->arena, x->dim[axis]));
    ir_type t = *x;
    t.dim[axis] = k->sx[0];
    f->out[0] = ir_tensor(f->m, x->dtype, t.rank, t.dim);
    f->out[1] = ir_tensor(f->m, DT_i64, t.rank, t.dim);
    return true;
}

/* An optional operand that must broadcast to a shape (of the same or smaller rank). */
static bool broadcasts_to(infer *f, int i, const ir_type *shape)
{
    const ir_value *v = ir_operand(f->inst, i);
    if (!v) return true;
    const ir_sx *dim[IR_MAX_RANK];
    int rank;
    if (broadcast_shapes(f->m, v->type, shape, &rank, dim) && rank == shape->rank) {
        bool same = true;
        for (int k = 0; k < rank; k++) same &= dim[k] == shape->dim[k];
        if (same) return true;
    }
    return infer_fail(f, E_SHAPE, i, "operand '%s' %s does not broadcast to %s", f->info->in[i].name, ir_type_text(f->m->arena, v->type), ir_type_text(f->m->arena, shape));
}

bool sh_layer_norm(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    int attr = op_attr_find(f->info, "axis"), axis;
    if (x->rank == 0) return infer_fail(f, E_RANK, 0, "the operand has no axis to normalise over");
    if (!infer_axis(f, attr, ir_int(f->inst, attr), x->rank, &axis)) return false;
    f->out[0] = x;
    int stash_attr = op_attr_find(f->info, "stash_type");
    nfc_dtype stash = f->inst->attr[stash_attr].t;
    if (!dtype_is_float(stash)) return infer_fail_attr(f, E_DTYPE, stash_attr, "%s is no floating-point type", dtype_name(stash));
    f->out[1] = f->out[2] = reduced_type(f, stash, x, ((1u << x->rank) - 1) & ~((1u << axis) - 1), true);
    ir_type row = *ir_tensor(f->m, x->dtype, x->rank - axis, x->dim + axis);
    return broadcasts_to(f, 1, &row) && broadcasts_to(f, 2, &row);
}

/* Operand i must be a vector over the channels, axis 1. */
static bool is_channel_vector(infer *f, int i)
{
    const ir_type *x = f->inst->in[0]->type, *v = f->inst->in[i]->type;
    if (v->rank == 1 && v->dim[0] == x->dim[1]) return true;
    return infer_fail(f, E_SHAPE, i, "operand '%s' must be [%s], one element a channel", f->info->in[i].name, sx_text(f->m->arena, x->dim[1]));
}

bool sh_batch_norm(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    if (x->rank < 2) return infer_fail(f, E_RANK, 0, "x must have a channel axis: rank 2 or more");
    for (int i = 1; i < f->inst->nin; i++)
        if (!is_channel_vector(f, i)) return false;
    f->out[0] = x;
    return true;
}

bool sh_group_norm(infer *f)
{
    if (!sh_batch_norm(f)) return false;
    int attr = op_attr_find(f->info, "num_groups");
    if (attr < 0) return true;
    int64_t groups = ir_int(f->inst, attr);
    const ir_sx *channels = f->inst->in[0]->type->dim[1];
    if (groups < 1 || !sx_is_const(channels) || sx_value(channels) % groups)
        return infer_fail_attr(f, E_ATTR_VALUE, attr, "num_groups = %lld does not divide the %s channels", (long long)groups, sx_text(f->m->arena, channels));
    return true;
}
