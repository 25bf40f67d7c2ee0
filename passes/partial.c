/* Partial sums: a long sum (product, largest, ...) of few results is worked out as partial ones side by side, and these
 * together then:
 *
 *     matmul of [M, K] and [K, N]     matmul of [P, M, K / P] and [P, K / P, N], summed up over P
 *     reduce_max over D of [C, D]     reduce_max over D / P of [P, C, D / P], then over P
 *
 * Several cores have work to do then, and no addition waits for the one before it. What is cut goes by the device's numbers and
 * the shapes, not by the number of threads that a program is made for: results are the same bits for any. */
#include "ir/make.h"
#include "ir/shape.h"
#include "passes/pass.h"
#include "passes/sched.h"

enum {
    TILES = 8,      /* of registers: the results of a product with several rows that one core works on, at least */
    SHORTEST = 256, /* terms of a partial sum */
    WORTH = 4       /* times what it takes to have threads do a part each */
};

typedef struct {
    pass_ctx *ctx;
    sched_target target;
    bool changed;
} splitter;

/* Which partial results there are of an op, and what makes the result of them. */
static const struct {
    ir_op whole, part, together;
} reductions[] = {
    {IR_reduce_sum, IR_reduce_sum, IR_reduce_sum},
    {IR_reduce_mean, IR_reduce_mean, IR_reduce_mean}, /* parts are of equal lengths */
    {IR_reduce_max, IR_reduce_max, IR_reduce_max},
    {IR_reduce_min, IR_reduce_min, IR_reduce_min},
    {IR_reduce_prod, IR_reduce_prod, IR_reduce_prod},
    {IR_reduce_l1, IR_reduce_l1, IR_reduce_sum},
    {IR_reduce_l2, IR_reduce_l2, IR_reduce_l2},
    {IR_reduce_sum_square, IR_reduce_sum_square, IR_reduce_sum},
};

/* ---- how many ---------------------------------------------------------------------------------- */

/* A sum as the device sees it. */
typedef struct {
    int64_t vectors;      /* of results */
    int64_t length, each; /* of the axis that can be cut; terms of a result at one place of it */
    bool tiles;           /* the vectors share what is loaded: one core works on many of them */
    double steps;         /* instructions on vectors, at least */
} work;

/* How many parts of equal length: so many that each core has enough vectors to add to, or as many as there can be; 1: it is not
 * worth it. */
static int64_t parts_of(const splitter *s, const work *w)
{
    const device_unit *u = s->target.device->chosen;
    const int64_t wanted = u->cores * (w->tiles ? TILES * s->target.registers : sched_in_flight(&s->target)), most = w->tiles ? u->cores : wanted;
    int64_t best = 1;
    if (u->cores < 2 || w->steps / u->clock_mhz * (1 - 1.0 / (double)u->cores) < WORTH * u->fork_us) return 1;
    for (int64_t parts = 2; best < most && best * w->vectors < wanted && parts * SHORTEST <= w->length * w->each; parts++)
        if (w->length % parts == 0) best = parts;
    return best;
}

static int64_t vectors_of(const splitter *s, int64_t elements, nfc_dtype t)
{
    const int64_t lanes = s->target.vector_bytes / (int64_t)dtype_bytes(t);
    return (elements + lanes - 1) / lanes;
}

/* Narrow floats would be rounded once more; a mean of integers is truncated. */
static bool has_partial_sums(const ir_type *t)
{
    return t->kind == IR_TENSOR && (t->dtype == DT_f32 || t->dtype == DT_f64 || t->dtype == DT_i32 || t->dtype == DT_i64);
}

static bool is_known(const ir_type *t)
{
    for (int i = 0; i < t->rank; i++)
        if (!sx_is_const(t->dim[i])) return false;
    return ir_max_elements(t) > 0;
}

/* ---- operands in parts -------------------------------------------------------------------------- */

/* Is it worked out in the loads of what reads it, and not behind what makes its operands? */
static bool goes_along(const ir_inst *user, const ir_value *x)
{
    const ir_inst *p = x->def;
    if (!p || op_get(p->op)->family != FAM_EW || p->nout != 1 || p->block != user->block || x->uses->next || ir_can_fail(p) || p->hints != user->hints) return false;
    for (int i = 0; i < p->nin; i++)
        if (p->in[i] && p->in[i]->def && op_get(p->in[i]->def->op)->family == FAM_NEST && !p->in[i]->uses->next) return false;
    return true;
}

/* Can the operand be had in parts, and what makes it still be worked out in the loads, if it was? A view stands in the way of that,
 * but where it lies behind all that does. */
static bool can_cut(const ir_inst *user, const ir_value *x, bool in_view)
{
    const ir_inst *p = x->uses && x->uses->next ? NULL : x->def;
    const op_family family = p ? op_get(p->op)->family : FAM_CORE;
    const bool along = family == FAM_EW && goes_along(user, x);
    if (family == FAM_MAP || (along && in_view)) return false;
    if (!along && family != FAM_VIEW) return true;
    for (int i = 0; i < p->nin; i++)
        if (p->in[i] && !can_cut(p, p->in[i], !along)) return false;
    return true;
}

/* The operand, which has so many axes once what is left out before them counts as 1, with axis `at` in parts: [P, .., n / P, ..].
 * What is worked out element by element is so of the parts, so that it stays in the loads. */
static ir_value *in_parts(mk *k, const ir_inst *user, ir_value *x, int rank, int at, int64_t parts)
{
    const int missing = rank - x->type->rank;
    if (at < missing || sx_is(x->type->dim[at - missing], 1)) return x; /* the same one for all parts */
    if (goes_along(user, x)) {
        const ir_inst *p = x->def;
        ir_value **in = ARENA_ARRAY(k->m->arena, ir_value *, p->nin);
        for (int i = 0; i < p->nin; i++) in[i] = p->in[i] ? in_parts(k, p, p->in[i], rank, at, parts) : NULL;
        ir_inst *own = mk_begin(k, p->op, p->nin, in);
        for (int i = 0; i < op_get(p->op)->nattr; i++) own->attr[i] = p->attr[i];
        ir_value *y = mk_end(k, own, 1);
        y->name = x->name;
        ir_add_origin(k->m, own, p);
        return y;
    }
    const ir_sx *dim[IR_MAX_RANK];
    int turn[IR_MAX_RANK] = {at};
    for (int i = 0; i < rank; i++) {
        const int to = i < at ? i : i + 1;
        dim[to] = i < missing ? mk_sx(k, 1) : x->type->dim[i - missing];
        turn[i + 1] = to;
    }
    dim[at + 1] = mk_sx(k, sx_value(dim[at + 1]) / parts);
    dim[at] = mk_sx(k, parts);
    return mk_transpose(k, mk_reshape(k, x, rank + 1, dim), turn);
}

static mk builder(splitter *s, ir_inst *inst)
{
    return (mk){.m = s->ctx->m, .before = inst, .at = inst->at, .scope = inst->scope, .hints = inst->hints};
}

static void replace(splitter *s, ir_inst *inst, const ir_inst *before, ir_value *by)
{
    ir_module *m = s->ctx->m;
    for (ir_inst *i = before ? before->next : inst->block->first; i != inst; i = i->next) ir_add_origin(m, i, inst);
    by->name = inst->out[0]->name;
    ir_replace_uses(inst->out[0], by);
    ir_erase(inst);
    s->changed = true;
}

/* ---- reductions --------------------------------------------------------------------------------- */

static bool find_reduction(const ir_inst *inst, ir_op *part, ir_op *together)
{
    for (size_t i = 0; i < sizeof reductions / sizeof *reductions; i++)
        if (inst->op == reductions[i].whole) {
            *part = reductions[i].part;
            *together = reductions[i].together;
            return inst->op != IR_reduce_mean || dtype_is_float(inst->in[0]->type->dtype);
        }
    return false;
}

/* Kernels are named after what they make. */
static ir_value *partial(ir_value *v)
{
    v->name = "parts";
    return v;
}

/* The first axis that is summed up over: what follows it lies side by side. */
static void split_reduction(splitter *s, ir_inst *inst)
{
    ir_op part, together;
    if (!find_reduction(inst, &part, &together)) return;
    const ir_type *x = inst->in[0]->type, *y = inst->out[0]->type;
    if (!has_partial_sums(x) || x->rank == IR_MAX_RANK || !is_known(x)) return;
    const uint32_t axes = axes_mask(inst, ATTR_AT(reduce_sum, axes), x->rank);
    int64_t summed = 1;
    int axis = -1;
    for (int i = x->rank - 1; i >= 0; i--) {
        if (!(axes >> i & 1) || sx_is(x->dim[i], 1)) continue;
        summed *= sx_value(x->dim[i]);
        axis = i;
    }
    const int64_t results = ir_max_elements(y), all = ir_max_elements(x);
    if (axis < 0 || summed * results != all || !can_cut(inst, inst->in[0], false)) return;
    const int64_t length = sx_value(x->dim[axis]);
    const work w = {.vectors = vectors_of(s, results, x->dtype), .length = length, .each = summed / length, .steps = (double)vectors_of(s, all, x->dtype)};
    const int64_t parts = parts_of(s, &w);
    if (parts < 2) return;
    const ir_inst *before = inst->prev;
    mk k = builder(s, inst);
    ir_value *v = partial(mk_reduce(&k, part, in_parts(&k, inst, inst->in[0], x->rank, axis, parts), axes << 1, y->rank == x->rank));
    replace(s, inst, before, mk_reduce(&k, together, v, 1, false));
}

/* ---- products ----------------------------------------------------------------------------------- */

/* [K] and [1, .., 1, M, K] are [M, K], if there is but one matrix. */
static bool is_matrix(const ir_type *t)
{
    for (int i = 0; i < t->rank - 2; i++)
        if (!sx_is(t->dim[i], 1)) return false;
    return t->rank > 0 && t->rank < IR_MAX_RANK && is_known(t) && has_partial_sums(t);
}

/* An operand in parts: as many matrices. */
static ir_value *matrices(mk *k, const ir_inst *inst, int n, int at, int64_t rows, int64_t columns, int64_t parts)
{
    const ir_type *t = inst->in[n]->type;
    const ir_sx *dim[3] = {mk_sx(k, parts), mk_sx(k, rows), mk_sx(k, columns)};
    return mk_reshape(k, in_parts(k, inst, inst->in[n], t->rank, t->rank - at, parts), 3, dim);
}

static void split_product(splitter *s, ir_inst *inst)
{
    const ir_type *a = inst->in[0]->type, *b = inst->in[1]->type, *y = inst->out[0]->type;
    if (!is_matrix(a) || !is_matrix(b) || !can_cut(inst, inst->in[0], false) || !can_cut(inst, inst->in[1], false)) return;
    const int64_t length = sx_value(a->dim[a->rank - 1]), rows = ir_max_elements(a) / length, columns = ir_max_elements(b) / length;
    const int64_t loads = vectors_of(s, ir_max_elements(a) + ir_max_elements(b), a->dtype), products = rows * vectors_of(s, columns, a->dtype) * length;
    const work w = {.vectors = rows * vectors_of(s, columns, a->dtype), .length = length, .each = 1, .tiles = rows > 1, .steps = (double)(2 * loads > products ? loads : products / 2)};
    const int64_t parts = parts_of(s, &w);
    if (parts < 2) return;
    const ir_inst *before = inst->prev;
    mk k = builder(s, inst);
    ir_value *left = matrices(&k, inst, 0, 1, rows, length / parts, parts), *right = matrices(&k, inst, 1, b->rank == 1 ? 1 : 2, length / parts, columns, parts);
    ir_value *v = mk_reduce(&k, IR_reduce_sum, partial(mk_op2(&k, IR_matmul, left, right)), 1, false);
    replace(s, inst, before, mk_reshape(&k, v, y->rank, y->dim));
}

/* ---- the pass ----------------------------------------------------------------------------------- */

static void visit(void *env, ir_inst *inst)
{
    if (inst->hints && inst->hints->no_reorder) return;
    if (inst->op == IR_matmul) split_product(env, inst);
    else split_reduction(env, inst);
}

bool pass_partial(pass_ctx *ctx)
{
    splitter s = {.ctx = ctx};
    if (!ctx->options->vector_bytes || !ctx->options->device || !sched_target_of(ctx->options->device, &s.target)) return false;
    for (int g = 0; g < ctx->m->graph.n; g++) ir_walk(ctx->m->graph.at[g]->body, visit, &s);
    return s.changed;
}
