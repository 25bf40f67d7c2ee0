/* einsum as diagonals, sums, products and matrix products: the operands are joined from the left. */
#include "ir/einsum.h"
#include "passes/expand.h"

/* A value whose axes have labels, each once. */
typedef struct {
    ir_value *v;
    einsum_term t;
} labelled;

typedef struct {
    mk *k;
    sx_table *sx;
    const einsum *e;
} joiner;

#define HAS(set, label) ((set) >> (label) & 1)

static int axis_of(const einsum_term *t, int label)
{
    for (int i = 0; i < t->rank; i++)
        if (t->label[i] == label) return i;
    return -1;
}

/* Labels in this order, as a term. */
static einsum_term term(int n, const int *label)
{
    einsum_term t = {.rank = n};
    for (int i = 0; i < n; i++) {
        t.label[i] = label[i];
        t.labels |= (uint64_t)1 << label[i];
    }
    return t;
}

/* ---- one operand --------------------------------------------------------------------------- */

/* The last two axes, both of extent n, as one: by every (n + 1)-th element, or, where n is known at run
 * time only, by what stands on the diagonal of a mask. */
static ir_value *last_diagonal(mk *k, ir_value *v)
{
    const ir_type *t = v->type;
    const ir_sx *n = t->dim[t->rank - 1], *dim[IR_MAX_RANK];
    if (sx_is_const(n)) {
        for (int i = 0; i < t->rank - 1; i++) dim[i] = t->dim[i];
        dim[t->rank - 2] = sx_mul(&k->m->sx, n, n);
        v = mk_reshape(k, v, t->rank - 1, dim);
        ir_inst *slice = mk_begin(k, IR_slice, 1, &v);
        mk_ints(k, slice, "starts", 1, (int64_t[]){0});
        mk_sxs(k, slice, "ends", 1, &dim[t->rank - 2]);
        mk_ints(k, slice, "axes", 1, (int64_t[]){t->rank - 2});
        mk_ints(k, slice, "steps", 1, (int64_t[]){sx_value(n) + 1});
        return mk_end(k, slice, 1);
    }
    ir_inst *range = mk_begin(k, IR_range, 0, NULL);
    mk_sxs(k, range, "limit", 1, &n);
    ir_value *at = mk_end(k, range, 1), *same = mk_op2(k, IR_equal, at, mk_unsqueeze(k, at, 1));
    ir_value *zero = dtype_is_float(t->dtype) ? mk_number(k, t->dtype, 0) : mk_integer(k, t->dtype, 0);
    return mk_reduce(k, IR_reduce_sum, mk_op3(k, IR_where, same, v, zero), 1u << (t->rank - 1), false);
}

/* Axes i and j, which have the same label, become one, the last. */
static void merge(joiner *j, labelled *x, int first, int second)
{
    int perm[IR_MAX_RANK], label[IR_MAX_RANK], n = 0;
    for (int i = 0; i < x->t.rank; i++)
        if (i != first && i != second) label[n] = x->t.label[i], perm[n++] = i;
    label[n] = x->t.label[first];
    perm[n] = first;
    perm[n + 1] = second;
    x->v = last_diagonal(j->k, mk_transpose(j->k, x->v, perm));
    x->t = term(n + 1, label);
}

static void diagonals(joiner *j, labelled *x)
{
    for (int b = 1; b < x->t.rank; b++)
        for (int a = 0; a < b; a++)
            if (x->t.label[a] == x->t.label[b]) {
                merge(j, x, a, b);
                b = 0;
                break;
            }
}

/* Sums over the labels that are not to be kept. */
static void sum_away(joiner *j, labelled *x, uint64_t keep)
{
    uint32_t axes = 0;
    int label[IR_MAX_RANK], n = 0;
    for (int i = 0; i < x->t.rank; i++) {
        if (HAS(keep, x->t.label[i])) label[n++] = x->t.label[i];
        else axes |= 1u << i;
    }
    x->v = mk_reduce(j->k, IR_reduce_sum, x->v, axes, false);
    x->t = term(n, label);
}

/* ---- two operands -------------------------------------------------------------------------- */

/* Axes in this order; a label that the value lacks is an axis of extent 1. `full`: what broadcasts gets
 * its extent. */
static ir_value *arranged(joiner *j, const labelled *x, const einsum_term *order, bool full)
{
    int perm[IR_MAX_RANK], n = 0;
    const ir_sx *dim[IR_MAX_RANK], *whole[IR_MAX_RANK];
    for (int i = 0; i < order->rank; i++) {
        int axis = axis_of(&x->t, order->label[i]);
        dim[i] = axis < 0 ? sx_int(j->sx, 1) : x->v->type->dim[axis];
        whole[i] = axis < 0 ? dim[i] : j->e->extent[order->label[i]];
        if (axis >= 0) perm[n++] = axis;
    }
    ir_value *v = mk_reshape(j->k, mk_transpose(j->k, x->v, perm), order->rank, dim);
    return full ? mk_expand(j->k, v, order->rank, whole) : v;
}

static const ir_sx *product(joiner *j, int n, const int *label)
{
    const ir_sx *p = sx_int(j->sx, 1);
    for (int i = 0; i < n; i++) p = sx_mul(j->sx, p, j->e->extent[label[i]]);
    return p;
}

/* The labels of a set, in the order that a term has them. */
static int choose(const einsum_term *t, uint64_t set, int *label)
{
    int n = 0;
    for (int i = 0; i < t->rank; i++)
        if (HAS(set, t->label[i])) label[n++] = t->label[i];
    return n;
}

/* [batch, rows, sum] . [batch, sum, columns] */
static labelled contract(joiner *j, const labelled *x, const labelled *y, uint64_t summed)
{
    int batch[IR_MAX_RANK], rows[IR_MAX_RANK], columns[IR_MAX_RANK], sum[IR_MAX_RANK], all[4 * IR_MAX_RANK];
    uint64_t both = x->t.labels & y->t.labels;
    int nb = choose(&x->t, both & ~summed, batch), ns = choose(&x->t, summed, sum);
    int nr = choose(&x->t, ~both, rows), nc = choose(&y->t, ~both, columns);
    const ir_sx *b = product(j, nb, batch), *s = product(j, ns, sum);
    const ir_sx *left[3] = {b, product(j, nr, rows), s}, *right[3] = {b, s, product(j, nc, columns)}, *dim[IR_MAX_RANK];
    int n = 0;
    for (int i = 0; i < nb; i++) all[n++] = batch[i];
    for (int i = 0; i < nr; i++) all[n++] = rows[i];
    for (int i = 0; i < ns; i++) all[n++] = sum[i];
    einsum_term first = term(n, all);
    n = nb;
    for (int i = 0; i < ns; i++) all[n++] = sum[i];
    for (int i = 0; i < nc; i++) all[n++] = columns[i];
    einsum_term second = term(n, all);
    n = nb;
    for (int i = 0; i < nr; i++) all[n++] = rows[i];
    for (int i = 0; i < nc; i++) all[n++] = columns[i];
    labelled z = {.t = term(n, all)};
    ir_value *l = mk_reshape(j->k, arranged(j, x, &first, true), 3, left);
    ir_value *r = mk_reshape(j->k, arranged(j, y, &second, true), 3, right);
    for (int i = 0; i < n; i++) dim[i] = j->e->extent[all[i]];
    z.v = mk_reshape(j->k, mk_op2(j->k, IR_matmul, l, r), n, dim);
    return z;
}

/* Nothing is summed: the product, which broadcasts. */
static labelled multiply(joiner *j, const labelled *x, const labelled *y)
{
    int all[2 * IR_MAX_RANK], n = choose(&x->t, ~(uint64_t)0, all);
    n += choose(&y->t, ~x->t.labels, all + n);
    labelled z = {.t = term(n, all)};
    z.v = ex_mul(j->k, arranged(j, x, &z.t, false), arranged(j, y, &z.t, false));
    return z;
}

void ex_einsum(mk *k, const ir_inst *inst, ir_value **out)
{
    einsum e;
    int operand;
    einsum_of(k->m, inst, &e, &operand); /* the shape rule let it through */
    joiner j = {.k = k, .sx = &k->m->sx, .e = &e};
    labelled all = {NULL, {0}};
    for (int i = 0; i < e.n; i++) {
        labelled x = {ex_operand(k, inst, i), e.in[i]};
        uint64_t later = e.out.labels;
        for (int n = i + 1; n < e.n; n++) later |= e.in[n].labels;
        diagonals(&j, &x);
        sum_away(&j, &x, later | all.t.labels);
        uint64_t summed = all.t.labels & x.t.labels & ~later;
        if (i) sum_away(&j, &all, later | x.t.labels);
        all = i == 0 ? x : summed ? contract(&j, &all, &x, summed) : multiply(&j, &all, &x);
    }
    out[0] = ex_result(k, inst, 0, arranged(&j, &all, &e.out, true));
}
