/* Attention as sdpa where only its result is asked for, and by its steps where more is; rotary embedding
 * as products with cosines and sines. */
#include <math.h>
#include "ir/attention.h"
#include "passes/expand.h"

typedef struct {
    mk *k;
    sx_table *sx;
    const ir_inst *inst;
    attention a;
    nfc_dtype t; /* what is reckoned in */
} builder;

/* ---- operands ------------------------------------------------------------------------------ */

/* [B, rows, heads * size] as [B, heads, rows, size]. */
static ir_value *apart(builder *b, ir_value *v, int64_t heads, int64_t size)
{
    if (!b->a.packed || ir_is_poison(v)) return v;
    const ir_sx *dim[4] = {v->type->dim[0], v->type->dim[1], sx_int(b->sx, heads), sx_int(b->sx, size)};
    return mk_transpose(b->k, mk_reshape(b->k, v, 4, dim), (int[]){0, 2, 1, 3});
}

/* Keys or values, behind those that were there. */
static ir_value *cache(builder *b, int fresh, int past, int64_t size, const char *name)
{
    ir_value *v = apart(b, b->inst->in[fresh], b->a.kv_heads, size), *before = ir_operand(b->inst, past);
    return ex_named(before ? mk_concat(b->k, 2, (ir_value *[]){before, v}, 2) : v, name);
}

/* ---- what is seen -------------------------------------------------------------------------- */

static ir_value *count(builder *b, const ir_sx *n, int axes_behind)
{
    ir_inst *range = mk_begin(b->k, IR_range, 0, NULL);
    mk_sxs(b->k, range, "limit", 1, &n);
    ir_value *v = mk_end(b->k, range, 1);
    for (int i = 0; i < axes_behind; i++) v = mk_unsqueeze(b->k, v, 1 + i);
    return v;
}

static ir_value *both(mk *k, ir_value *x, ir_value *y) { return !x ? y : !y ? x : mk_op2(k, IR_and, x, y); }

/* The lengths as [B, 1, 1, 1], or NULL. */
static ir_value *lengths(builder *b)
{
    ir_value *v = ir_operand(b->inst, ATTENTION_LENGTHS);
    if (!v) return NULL;
    v = mk_cast(b->k, v, DT_i64);
    for (int i = 0; i < 3; i++) v = mk_unsqueeze(b->k, v, 1 + i);
    return v;
}

/* The key that each query row calls its own: [T, 1], or [B, 1, T, 1]. */
static ir_value *own_keys(builder *b)
{
    ir_value *row = count(b, b->a.rows, 1), *length = lengths(b);
    ir_value *offset = length ? ex_sub(b->k, length, mk_index_tensor(b->k, b->a.rows, DT_i64)) : mk_index_tensor(b->k, b->a.past, DT_i64);
    return ex_add(b->k, row, offset);
}

/* Which keys each query may see by causality, windows and lengths: bool, or NULL: all. */
static ir_value *visible(builder *b)
{
    mk *k = b->k;
    int64_t left = ir_int(b->inst, ATTR_AT(attention, left_window_size)), right = ir_int(b->inst, ATTR_AT(attention, right_window_size));
    ir_value *seen = NULL, *length = lengths(b), *key = count(b, b->a.total, 0);
    if (ir_int(b->inst, ATTR_AT(attention, is_causal))) right = 0;
    if (left >= 0 || right >= 0) {
        ir_value *own = own_keys(b);
        if (right >= 0) seen = mk_op2(k, IR_less_or_equal, key, right ? ex_add(k, own, mk_integer(k, DT_i64, right)) : own);
        if (left >= 0) seen = both(k, seen, mk_op2(k, IR_greater_or_equal, key, left ? ex_sub(k, own, mk_integer(k, DT_i64, left)) : own));
    }
    if (length) seen = both(k, seen, mk_op2(k, IR_less, key, length));
    return seen;
}

/* The author's mask with all columns: what it lacks is hidden. */
static ir_value *whole_mask(builder *b)
{
    ir_value *mask = ir_operand(b->inst, ATTENTION_MASK);
    if (!mask) return NULL;
    if (mask->type->dtype != DT_bool) mask = mk_cast(b->k, mask, b->t);
    ir_type rest = *mask->type;
    int last = rest.rank - 1;
    if (rest.dim[last] == b->a.total) return mask;
    rest.dim[last] = sx_sub(b->sx, b->a.total, rest.dim[last]);
    ir_value *hidden = mk_filled(b->k, ir_tensor(b->k->m, rest.dtype, rest.rank, rest.dim), rest.dtype == DT_bool ? 0 : -INFINITY);
    return mk_concat(b->k, 2, (ir_value *[]){mask, hidden}, last);
}

/* All that hides keys: a bool, a number to be added, or NULL. */
static ir_value *all_masks(builder *b)
{
    ir_value *seen = visible(b), *mask = whole_mask(b);
    if (!mask || mask->type->dtype == DT_bool) return both(b->k, seen, mask);
    return seen ? mk_op3(b->k, IR_where, seen, mask, mk_number(b->k, b->t, -INFINITY)) : mask;
}

/* ---- by one op ----------------------------------------------------------------------------- */

/* sdpa's own rule of causality: the last query's own key is the last of all. */
static bool causal_from_the_end(const builder *b)
{
    return ir_int(b->inst, ATTR_AT(attention, is_causal)) && b->a.fresh == b->a.rows && !ir_operand(b->inst, ATTENTION_LENGTHS) &&
           ir_int(b->inst, ATTR_AT(attention, left_window_size)) < 0 && ir_int(b->inst, ATTR_AT(attention, right_window_size)) < 0;
}

static ir_value *by_sdpa(builder *b, ir_value *q, ir_value *keys, ir_value *values)
{
    bool causal = causal_from_the_end(b);
    ir_value *mask = causal ? whole_mask(b) : all_masks(b);
    ir_inst *sdpa = mk_begin(b->k, IR_sdpa, 4, (ir_value *[]){q, keys, values, mask});
    mk_float(sdpa, "scale", b->a.scale);
    mk_int(sdpa, "causal", causal);
    mk_index(sdpa, 0, b->a.total);
    return mk_end(b->k, sdpa, 1);
}

/* ---- by steps ------------------------------------------------------------------------------ */

/* q . k' or weights . v, where heads of q share heads of k: [B, H, T, N]. */
static ir_value *head_product(builder *b, ir_value *x, ir_value *y)
{
    mk *k = b->k;
    if (b->a.heads == b->a.kv_heads || ir_is_poison(x) || ir_is_poison(y)) return mk_op2(k, IR_matmul, x, y);
    const ir_sx *const *d = x->type->dim, *n = y->type->dim[3];
    const ir_sx *split[5] = {b->a.batch, sx_int(b->sx, b->a.kv_heads), sx_int(b->sx, b->a.heads / b->a.kv_heads), d[2], d[3]};
    const ir_sx *joined[4] = {b->a.batch, d[1], d[2], n};
    return mk_reshape(k, mk_op2(k, IR_matmul, mk_reshape(k, x, 5, split), mk_unsqueeze(k, y, 2)), 4, joined);
}

static ir_value *softcapped(builder *b, ir_value *x)
{
    double cap = ir_float(b->inst, ATTR_AT(attention, softcap));
    if (cap <= 0) return x;
    return ex_by(b->k, IR_mul, mk_op1(b->k, IR_tanh, ex_by(b->k, IR_div, x, cap)), cap);
}

/* softmax, where a row that sees nothing is zero. */
static ir_value *weights_of(builder *b, ir_value *scores, ir_value *mask)
{
    mk *k = b->k;
    const ir_attr *precision = &b->inst->attr[ATTR_AT(attention, softmax_precision)];
    bool wide = precision->kind == IR_ATTR_DTYPE && precision->t == DT_f64;
    if (wide) scores = mk_cast(k, scores, DT_f64);
    ir_value *p = mk_cast(k, mk_op1(k, IR_softmax, scores), b->t);
    if (!mask || ir_is_poison(mask)) return p;
    ir_value *blind = mk_reduce(k, IR_reduce_max, mask, 1u << (mask->type->rank - 1), true);
    if (mask->type->dtype == DT_bool) return mk_op3(k, IR_where, blind, p, mk_number(k, b->t, 0));
    blind = mk_op2(k, IR_equal, blind, mk_number(k, b->t, -INFINITY));
    return mk_op3(k, IR_where, blind, mk_number(k, b->t, 0), p);
}

/* Gives the result, and the scores as the attribute asks for them. */
static ir_value *by_steps(builder *b, ir_value *q, ir_value *keys, ir_value *values, ir_value **shown)
{
    mk *k = b->k;
    int64_t mode = ir_int(b->inst, ATTR_AT(attention, qk_matmul_output_mode));
    ir_value *mask = all_masks(b);
    ir_value *steps[4];
    steps[0] = ex_named(ex_by(k, IR_mul, head_product(b, q, mk_transpose(k, keys, (int[]){0, 1, 3, 2})), b->a.scale), "scores");
    steps[1] = steps[2] = softcapped(b, steps[0]);
    if (mask && mask->type->dtype == DT_bool) steps[2] = mk_op3(k, IR_where, mask, steps[1], mk_number(k, b->t, -INFINITY));
    else if (mask) steps[2] = mk_op3(k, IR_where, mk_op2(k, IR_equal, mask, mk_number(k, b->t, -INFINITY)), mask, ex_add(k, steps[1], mask));
    steps[3] = ex_named(weights_of(b, steps[2], mask), "weights");
    *shown = steps[mode];
    return head_product(b, steps[3], values);
}

void ex_attention(mk *k, const ir_inst *inst, ir_value **out)
{
    builder b = {.k = k, .sx = &k->m->sx, .inst = inst};
    int operand;
    attention_of(k->m, inst, &b.a, &operand); /* the shape rule let it through */
    nfc_dtype q_type = ex_working(inst->in[0]->type->dtype), v_type = ex_working(inst->in[2]->type->dtype);
    const ir_attr *precision = &inst->attr[ATTR_AT(attention, softmax_precision)];
    b.t = q_type == DT_f64 || v_type == DT_f64 ? DT_f64 : DT_f32;
    ir_value *keys = cache(&b, ATTENTION_K, ATTENTION_PAST_KEY, b.a.size, "keys");
    ir_value *values = cache(&b, ATTENTION_V, ATTENTION_PAST_VALUE, b.a.value_size, "values");
    ir_value *q = mk_cast(k, apart(&b, inst->in[0], b.a.heads, b.a.size), b.t), *shown = NULL, *y;
    ir_value *wide_keys = mk_cast(k, keys, b.t), *wide_values = mk_cast(k, values, b.t);
    bool capped = ir_float(inst, ATTR_AT(attention, softcap)) > 0;
    bool wider = precision->kind == IR_ATTR_DTYPE && precision->t == DT_f64 && b.t != DT_f64;
    if (inst->nout > 3 || capped || wider) y = by_steps(&b, q, wide_keys, wide_values, &shown);
    else y = by_sdpa(&b, q, wide_keys, wide_values);
    if (b.a.packed) y = mk_reshape(k, mk_transpose(k, y, (int[]){0, 2, 1, 3}), 3, inst->out[0]->type->dim);
    out[0] = ex_result(k, inst, 0, y);
    if (inst->nout > 1) out[1] = keys;
    if (inst->nout > 2) out[2] = values;
    if (inst->nout > 3) out[3] = ex_result(k, inst, 3, shown);
}

/* ---- rotary embedding ------------------------------------------------------------------------ */

/* Cosines or sines as [B, 1, T, R / 2], or [B, T, 1, R / 2]. */
static ir_value *turns(mk *k, const ir_inst *inst, const rotation *r, int operand)
{
    ir_value *cache = ex_operand(k, inst, operand), *ids = ir_operand(inst, 3);
    return mk_unsqueeze(k, ids ? mk_gather(k, cache, ids, 0) : cache, r->packed ? 2 : 1);
}

void ex_rotary_embedding(mk *k, const ir_inst *inst, ir_value **out)
{
    rotation r;
    int operand;
    rotation_of(k->m, inst, &r, &operand); /* the shape rule let it through */
    sx_table *t = &k->m->sx;
    const ir_sx *half = sx_int(t, r.turning / 2), *turning = sx_int(t, r.turning), *size = sx_int(t, r.size), *zero = sx_int(t, 0), *two = sx_int(t, 2);
    const ir_sx *dim[5] = {r.batch, r.packed ? r.rows : r.heads, r.packed ? r.heads : r.rows, size, two};
    bool neighbours = ir_int(inst, ATTR_AT(rotary_embedding, interleaved));
    ir_value *x = mk_reshape(k, ex_operand(k, inst, 0), 4, dim), *u, *v;
    ir_value *turned = mk_slice(k, x, 3, zero, turning), *rest = r.turning < r.size ? mk_slice(k, x, 3, turning, size) : NULL;
    dim[3] = half;
    if (neighbours) {
        ir_value *pairs = mk_reshape(k, turned, 5, dim);
        u = mk_pick(k, pairs, 4, zero);
        v = mk_pick(k, pairs, 4, sx_int(t, 1));
    } else {
        u = mk_slice(k, turned, 3, zero, half);
        v = mk_slice(k, turned, 3, half, turning);
    }
    ir_value *cosine = ex_named(turns(k, inst, &r, 1), "cosine"), *sine = ex_named(turns(k, inst, &r, 2), "sine");
    ir_value *first = ex_sub(k, ex_mul(k, cosine, u), ex_mul(k, sine, v)), *second = ex_add(k, ex_mul(k, sine, u), ex_mul(k, cosine, v));
    if (neighbours) {
        turned = mk_concat(k, 2, (ir_value *[]){mk_unsqueeze(k, first, 4), mk_unsqueeze(k, second, 4)}, 4);
        dim[3] = turning;
        turned = mk_reshape(k, turned, 4, dim);
    } else {
        turned = mk_concat(k, 2, (ir_value *[]){first, second}, 3);
    }
    if (rest) turned = mk_concat(k, 2, (ir_value *[]){turned, rest}, 3);
    out[0] = mk_reshape(k, ex_result(k, inst, 0, turned), inst->out[0]->type->rank, inst->out[0]->type->dim);
}
