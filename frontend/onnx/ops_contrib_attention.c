/* ONNX Runtime's own forms of attention (domain com.microsoft), as the standard's. */
#include <string.h>
#include "frontend/onnx/import.h"

/* What all of them come to: q, k, v as [B, heads, rows, size]. */
typedef struct {
    im_node *n;
    mk *k;
    sx_table *sx;
    ir_value *q, *key, *value;
    ir_value *past_key, *past_value;
    ir_value *mask;             /* what is added to the scores, or a bool; NULL: nothing */
    const ir_sx *batch, *rows, *past, *total; /* rows of q; keys that were there; all */
    int64_t heads, kv_heads;
    bool causal;
} attend;

static bool begin(im_node *n, attend *a)
{
    *a = (attend){.n = n, .k = n->k, .sx = &n->o->m->sx};
    for (int i = 0; i < n->nin; i++)
        if (im_has(n, i) && ir_is_poison(im_in(n, i))) return false;
    if (!im_has(n, 0)) return im_fail(n, E_OPERAND_MISSING, -1, "operand 0 is missing");
    a->heads = im_int(n, "num_heads", 0);
    if (a->heads < 1) return im_fail(n, E_ATTR_VALUE, -1, "num_heads must be 1 or more");
    a->kv_heads = a->heads;
    a->past = mk_sx(n->k, 0);
    return true;
}

/* A form that is not known; false. */
static bool refused(im_node *n, const char *what) { return im_fail(n, E_ONNX_OP, -1, "%s is not supported", what); }

/* ---- shapes ---------------------------------------------------------------------------------- */

/* [B, rows, heads * size] as [B, heads, rows, size]; poison after a report. */
static ir_value *apart(attend *a, ir_value *x, int64_t heads)
{
    if (!x || ir_is_poison(x)) return x;
    const ir_sx *last = x->type->rank == 3 ? x->type->dim[2] : NULL, *size = last ? sx_exact_div(a->sx, last, sx_int(a->sx, heads)) : NULL;
    if (!size) {
        im_fail(a->n, E_SHAPE, -1, "%s is not made of %lld heads", ir_type_text(a->n->o->s->arena, x->type), (long long)heads);
        return im_poison(a->n->o);
    }
    const ir_sx *dim[4] = {x->type->dim[0], x->type->dim[1], sx_int(a->sx, heads), size};
    return mk_transpose(a->k, mk_reshape(a->k, x, 4, dim), (int[]){0, 2, 1, 3});
}

/* And back. */
static ir_value *joined(attend *a, ir_value *x)
{
    if (ir_is_poison(x)) return x;
    const ir_sx *const *d = x->type->dim, *dim[3] = {d[0], d[2], sx_mul(a->sx, d[1], d[3])};
    return mk_reshape(a->k, mk_transpose(a->k, x, (int[]){0, 2, 1, 3}), 3, dim);
}

/* Elements begin .. begin + n of the last axis; *at moves behind them. */
static ir_value *next_part(attend *a, ir_value *x, const ir_sx **at, const ir_sx *n)
{
    const ir_sx *end = sx_add(a->sx, *at, n);
    ir_value *part = ir_is_poison(x) ? x : mk_slice(a->k, x, x->type->rank - 1, *at, end);
    *at = end;
    return part;
}

/* Takes the extents of q and the keys, old and new; the past in its place. */
static bool measure(attend *a, int past_key, int past_value)
{
    if (ir_is_poison(a->q) || ir_is_poison(a->key) || ir_is_poison(a->value)) return false;
    if (a->q->type->rank != 4 || a->key->type->rank != 4) return refused(a->n, "this form of its operands");
    a->past_key = past_key < 0 ? a->past_key : im_in(a->n, past_key);
    a->past_value = past_value < 0 ? a->past_value : im_in(a->n, past_value);
    a->batch = a->q->type->dim[0];
    a->rows = a->q->type->dim[2];
    ir_value *before[2] = {a->past_key, a->past_value};
    for (int i = 0; i < 2; i++) {
        if (before[i] && ir_is_poison(before[i])) return false;
        if (before[i] && before[i]->type->rank != 4) return im_fail(a->n, E_RANK, i ? past_value : past_key, "past keys and values must have rank 4");
    }
    if (a->past_key) a->past = a->past_key->type->dim[2];
    a->total = sx_add(a->sx, a->past, a->key->type->dim[2]);
    return true;
}

/* ---- masks ----------------------------------------------------------------------------------- */

static ir_value *places(attend *a, const ir_sx *n)
{
    ir_inst *range = mk_begin(a->k, IR_range, 0, NULL);
    mk_sxs(a->k, range, "limit", 1, &n);
    return mk_end(a->k, range, 1);
}

static ir_value *with_axes(mk *k, ir_value *x, int n, const int *axis)
{
    for (int i = 0; i < n; i++) x = mk_unsqueeze(k, x, axis[i]);
    return x;
}

/* Part i, of B elements, of a vector as [B, 1, 1, 1] of i64. */
static ir_value *vector_part(attend *a, ir_value *x, int i)
{
    const ir_sx *from = sx_mul(a->sx, a->batch, sx_int(a->sx, i));
    x = mk_slice(a->k, mk_cast(a->k, x, DT_i64), 0, from, sx_add(a->sx, from, a->batch));
    return with_axes(a->k, x, 3, (int[]){1, 2, 3});
}

/* Where padding's mask lets keys be seen, as a bool that broadcasts to the scores; NULL after a report. Of
 * rank 1: where the keys end, and perhaps where they begin; of 2 to 4: what is not 0. */
static ir_value *seen_by_padding(attend *a, ir_value *m)
{
    mk *k = a->k;
    const ir_type *t = m->type;
    if (t->rank == 1) {
        bool both = t->dim[0] == sx_mul(a->sx, a->batch, sx_int(a->sx, 2));
        if (!both && t->dim[0] != a->batch) return refused(a->n, "this form of its mask"), NULL;
        ir_value *key = places(a, a->total), *seen = mk_op2(k, IR_less, key, vector_part(a, m, 0));
        return both ? mk_op2(k, IR_and, seen, mk_op2(k, IR_greater_or_equal, key, vector_part(a, m, 1))) : seen;
    }
    if (t->rank > 4 || t->rank < 1) return refused(a->n, "this form of its mask"), NULL;
    m = mk_cast(k, m, DT_bool);
    if (t->rank == 2) return with_axes(k, m, 2, (int[]){1, 1});
    if (t->rank == 3) return mk_unsqueeze(k, m, 1);
    m = mk_slice(k, m, 2, a->past, sx_add(a->sx, a->past, a->rows)); /* of all places: those of these rows */
    return mk_slice(k, m, 3, sx_int(a->sx, 0), a->total);
}

/* Padding adds mask_filter_value to the scores, a bias itself. */
static bool add_masks(attend *a, int padding, int bias)
{
    mk *k = a->k;
    nfc_dtype t = a->q->type->dtype;
    ir_value *seen = im_has(a->n, padding) ? seen_by_padding(a, im_in(a->n, padding)) : NULL;
    if (im_has(a->n, padding) && !seen) return false;
    a->mask = im_in(a->n, bias);
    if (!seen) return true;
    double hidden = im_float(a->n, "mask_filter_value", -10000);
    if (t == DT_f16 && hidden < -65504) hidden = -65504;
    ir_value *added = mk_op3(k, IR_where, seen, mk_number(k, t, 0), mk_number(k, t, hidden));
    a->mask = a->mask ? mk_op2(k, IR_add, added, a->mask) : added;
    return true;
}

/* ---- the op ---------------------------------------------------------------------------------- */

/* Gives the instruction of `attention`; results as many as asked for. */
static ir_inst *run(attend *a, int results)
{
    ir_value *in[6] = {a->q, a->key, a->value, a->mask, a->past_key, a->past_value};
    ir_inst *inst = mk_begin(a->k, IR_attention, 6, in);
    double scale = im_float(a->n, "scale", 0);
    if (scale != 0) mk_float(inst, "scale", scale);
    mk_int(inst, "is_causal", a->causal);
    mk_float(inst, "softcap", im_float(a->n, "softcap", 0));
    mk_end(a->k, inst, results);
    return inst;
}

/* ---- Attention ------------------------------------------------------------------------------- */

/* The sizes of q, k and v side by side in `all` columns. */
static bool part_sizes(attend *a, const ir_sx *all, const ir_sx *size[3])
{
    const int64_t *given;
    int count = im_ints(a->n, "qkv_hidden_sizes", &given);
    const ir_sx *third = sx_exact_div(a->sx, all, sx_int(a->sx, 3));
    if (count > 0 && count != 3) return im_fail(a->n, E_ATTR_VALUE, -1, "qkv_hidden_sizes must be three numbers");
    if (count <= 0 && !third) return im_fail(a->n, E_SHAPE, 1, "%s columns are not q, k and v of one size", sx_text(a->n->o->s->arena, all));
    for (int i = 0; i < 3; i++) size[i] = count > 0 ? sx_int(a->sx, given[i]) : third;
    return true;
}

/* input, weights, bias, mask_index, past, attention_bias, past_sequence_length. */
bool im_contrib_attention(im_node *n)
{
    attend a;
    const ir_sx *size[3], *at;
    if (!begin(n, &a)) return false;
    if (!im_has(n, 1)) return im_fail(n, E_OPERAND_MISSING, -1, "operand 1 is missing");
    if (im_int(n, "do_rotary", 0)) return refused(n, "do_rotary");
    if (im_int(n, "past_present_share_buffer", 0)) return refused(n, "past_present_share_buffer");
    ir_value *all = mk_op2(n->k, IR_matmul, im_in(n, 0), im_in(n, 1)), *past = im_in(n, 4);
    if (im_has(n, 2)) all = mk_op2(n->k, IR_add, all, im_in(n, 2));
    if (ir_is_poison(all)) return false;
    if (all->type->rank != 3) return im_fail(n, E_RANK, 0, "the input must have rank 3");
    if (!part_sizes(&a, all->type->dim[2], size)) return false;
    at = sx_int(a.sx, 0);
    a.q = apart(&a, next_part(&a, all, &at, size[0]), a.heads);
    a.key = apart(&a, next_part(&a, all, &at, size[1]), a.heads);
    a.value = apart(&a, next_part(&a, all, &at, size[2]), a.heads);
    if (past) { /* [2, B, H, P, D] */
        if (past->type->rank != 5) return im_fail(n, E_RANK, 4, "past must have rank 5");
        a.past_key = mk_pick(n->k, past, 0, sx_int(a.sx, 0));
        a.past_value = mk_pick(n->k, past, 0, sx_int(a.sx, 1));
    }
    a.causal = im_int(n, "unidirectional", 0);
    if (!measure(&a, -1, -1) || !add_masks(&a, 3, 5)) return false;
    ir_inst *inst = run(&a, im_wants(n, 1) ? 3 : 1);
    im_out(n, 0, joined(&a, inst->out[0]));
    if (!im_wants(n, 1)) return true;
    ir_value *both[2] = {mk_unsqueeze(n->k, inst->out[1], 0), mk_unsqueeze(n->k, inst->out[2], 0)};
    return im_out(n, 1, mk_concat(n->k, 2, both, 0));
}

/* ---- MultiHeadAttention ------------------------------------------------------------------------ */

/* q, k and v in one of rank 5, [B, T, H, 3, D], or k and v in one, [B, S, H, 2, D]: part i. */
static ir_value *of_five(attend *a, ir_value *x, int i)
{
    return mk_transpose(a->k, mk_pick(a->k, x, 3, sx_int(a->sx, i)), (int[]){0, 2, 1, 3});
}

/* An operand [B, rows, hidden] plus its part of the bias; of rank 4 it has heads already, and no bias. */
static ir_value *projected(attend *a, int operand, ir_value *bias, const ir_sx **at)
{
    ir_value *x = im_in(a->n, operand);
    if (x->type->rank == 4) return x;
    if (bias && x->type->rank == 3) x = mk_op2(a->k, IR_add, x, next_part(a, bias, at, x->type->dim[2]));
    return apart(a, x, a->heads);
}

static bool take_projections(attend *a)
{
    im_node *n = a->n;
    ir_value *q = im_in(n, 0), *k = im_in(n, 1), *bias = im_in(n, 3);
    const ir_sx *at = sx_int(a->sx, 0);
    if (bias && bias->type->rank != 1) return im_fail(n, E_RANK, 3, "the bias must have rank 1");
    if (q->type->rank == 5 || (k && k->type->rank == 5)) {
        bool all = q->type->rank == 5;
        if (bias) return refused(n, "a bias of packed operands");
        a->q = all ? of_five(a, q, 0) : projected(a, 0, NULL, &at);
        a->key = of_five(a, all ? q : k, all ? 1 : 0);
        a->value = of_five(a, all ? q : k, all ? 2 : 1);
        return true;
    }
    if (!im_has(n, 1) || !im_has(n, 2)) return im_fail(n, E_OPERAND_MISSING, -1, "key and value are missing");
    a->q = projected(a, 0, bias, &at);
    a->key = projected(a, 1, bias, &at);
    a->value = projected(a, 2, bias, &at);
    return true;
}

/* query, key, value, bias, key_padding_mask, attention_bias, past_key, past_value, past_sequence_length,
 * cache_indirection. */
bool im_multi_head_attention(im_node *n)
{
    attend a;
    if (!begin(n, &a)) return false;
    if (im_has(n, 8) || im_has(n, 9)) return refused(n, "a cache that past and present share");
    a.causal = im_int(n, "unidirectional", 0);
    if (!take_projections(&a) || !measure(&a, 6, 7) || !add_masks(&a, 4, 5)) return false;
    ir_inst *inst = run(&a, im_wants(n, 3) ? 4 : im_wants(n, 1) || im_wants(n, 2) ? 3 : 1);
    im_out(n, 0, joined(&a, inst->out[0]));
    for (int i = 1; i < inst->nout; i++) im_out(n, i, inst->out[i]);
    return true;
}

/* ---- GroupQueryAttention ----------------------------------------------------------------------- */

/* query, key, value, past_key, past_value, seqlens_k, total_sequence_length, cos_cache, sin_cache,
 * position_ids, attention_bias, head_sink. */
enum { GQA_KEY = 1, GQA_VALUE, GQA_PAST_KEY, GQA_PAST_VALUE, GQA_LAST, GQA_TOTAL, GQA_COS, GQA_SIN, GQA_IDS, GQA_BIAS, GQA_SINK };

static bool gqa_projections(attend *a)
{
    im_node *n = a->n;
    ir_value *q = im_in(n, 0), *k = im_in(n, GQA_KEY), *v = im_in(n, GQA_VALUE);
    a->kv_heads = im_int(n, "kv_num_heads", 0);
    if (a->kv_heads < 1 || a->heads % a->kv_heads) return im_fail(n, E_ATTR_VALUE, -1, "num_heads must be a multiple of kv_num_heads");
    if (!im_has(n, GQA_PAST_KEY) != !im_has(n, GQA_PAST_VALUE)) return im_fail(n, E_OPERAND_MISSING, -1, "past_key and past_value come together");
    if (q->type->rank != 3) return im_fail(n, E_RANK, 0, "the query must have rank 3");
    if (!k) { /* side by side in the query */
        const ir_sx *all = q->type->dim[2], *size = sx_exact_div(a->sx, all, sx_int(a->sx, a->heads + 2 * a->kv_heads)), *at = sx_int(a->sx, 0);
        if (!size) return im_fail(n, E_SHAPE, 0, "%s columns are not %lld heads", sx_text(n->o->s->arena, all), (long long)(a->heads + 2 * a->kv_heads));
        const ir_sx *kv = sx_mul(a->sx, size, sx_int(a->sx, a->kv_heads));
        ir_value *packed = q;
        q = next_part(a, packed, &at, sx_mul(a->sx, size, sx_int(a->sx, a->heads)));
        k = next_part(a, packed, &at, kv);
        v = next_part(a, packed, &at, kv);
    }
    if (!v) return im_fail(n, E_OPERAND_MISSING, -1, "key and value come together");
    a->q = apart(a, q, a->heads);
    a->key = apart(a, k, a->kv_heads);
    a->value = apart(a, v, a->kv_heads);
    return measure(a, GQA_PAST_KEY, GQA_PAST_VALUE);
}

/* Which key is the last of each sequence: [B] of i64. */
static ir_value *last_keys(attend *a)
{
    ir_value *last = mk_cast(a->k, im_in(a->n, GQA_LAST), DT_i64);
    return ir_is_poison(last) ? last : mk_reshape(a->k, last, 1, &a->batch);
}

/* How many keys stand before those of this call. */
static ir_value *keys_before(attend *a, ir_value *last)
{
    mk *k = a->k;
    ir_value *one = mk_integer(k, DT_i64, 1), *rows = mk_index_tensor(k, a->rows, DT_i64);
    return mk_op2(k, IR_max, mk_op2(k, IR_sub, mk_op2(k, IR_add, last, one), rows), mk_integer(k, DT_i64, 0));
}

/* The rows' places in their sequences: [B, T]. */
static ir_value *own_places(attend *a, ir_value *before) { return mk_op2(a->k, IR_add, mk_unsqueeze(a->k, before, 1), places(a, a->rows)); }

static ir_value *rotated(attend *a, ir_value *x, ir_value *ids)
{
    if (!im_has(a->n, GQA_COS) || !im_has(a->n, GQA_SIN)) {
        im_fail(a->n, E_OPERAND_MISSING, -1, "do_rotary needs cos_cache and sin_cache");
        return im_poison(a->n->o);
    }
    ir_value *cosine = im_in(a->n, GQA_COS);
    ir_inst *inst = mk_begin(a->k, IR_rotary_embedding, 4, (ir_value *[]){x, cosine, im_in(a->n, GQA_SIN), ids});
    const ir_sx *half = cosine->type->rank == 2 ? cosine->type->dim[1] : NULL;
    mk_int(inst, "interleaved", im_int(a->n, "rotary_interleaved", 0));
    if (half && sx_is_const(half)) mk_int(inst, "rotary_embedding_dim", 2 * sx_value(half));
    return mk_end(a->k, inst, 1);
}

/* How many rows the present cache has: as many as the past one has, or all keys if that is more. */
static const ir_sx *present_rows(attend *a)
{
    importer *o = a->n->o;
    const ir_sx *declared[IR_MAX_RANK], *const *known = im_has(a->n, GQA_TOTAL) && ir_max_elements(im_in(a->n, GQA_TOTAL)->type) == 1 ? im_known(o, im_in(a->n, GQA_TOTAL)) : NULL;
    const ir_sx *total = known && known[0] ? known[0] : NULL, *extent = im_declared(a->n, 1, declared) == 4 ? declared[2] : NULL;
    if (total && sx_min(sx_sub(a->sx, a->past, total)) >= 0) return a->past;
    if (total && sx_min(sx_sub(a->sx, total, a->past)) >= 0) return total;
    if (extent && sx_min(sx_sub(a->sx, extent, a->past)) >= 0) return extent;
    return sx_add(a->sx, a->past, a->rows); /* every row finds its place there */
}

/* The cache with the new rows behind those that count. */
static ir_value *present(attend *a, ir_value *past, ir_value *fresh, const ir_sx *rows, ir_value *before)
{
    mk *k = a->k;
    ir_type rest = *fresh->type;
    rest.dim[2] = past ? sx_sub(a->sx, rows, past->type->dim[2]) : rows;
    ir_value *room = sx_is(rest.dim[2], 0) ? NULL : mk_filled(k, ir_tensor(k->m, rest.dtype, 4, rest.dim), 0);
    ir_value *all = past && room ? mk_concat(k, 2, (ir_value *[]){past, room}, 2) : past ? past : room;
    if (!past && rows == fresh->type->dim[2]) return fresh;
    ir_inst *inst = mk_begin(k, IR_tensor_scatter, 3, (ir_value *[]){all, fresh, before});
    mk_int(inst, "axis", 2);
    return mk_end(k, inst, 1);
}

/* Which keys each row sees: those up to its own and the last, within the window. [B, 1, T, keys] */
static ir_value *seen_up_to(attend *a, ir_value *own, ir_value *last, const ir_sx *keys)
{
    mk *k = a->k;
    int64_t window = im_int(a->n, "local_window_size", -1);
    ir_value *key = places(a, keys), *seen;
    own = with_axes(k, own, 2, (int[]){1, 3});
    seen = mk_op2(k, IR_less_or_equal, key, mk_op2(k, IR_min, own, with_axes(k, last, 3, (int[]){1, 2, 3})));
    if (window < 1) return seen;
    return mk_op2(k, IR_and, seen, mk_op2(k, IR_greater, key, mk_op2(k, IR_sub, own, mk_integer(k, DT_i64, window))));
}

/* The author's bias where keys are seen; a bias may be wider than the keys are. */
static ir_value *masked_bias(attend *a, ir_value *seen, const ir_sx *keys)
{
    ir_value *bias = im_in(a->n, GQA_BIAS);
    if (!bias) return seen;
    if (bias->type->rank == 4 && sx_min(sx_sub(a->sx, bias->type->dim[3], keys)) > 0) bias = mk_slice(a->k, bias, 3, sx_int(a->sx, 0), keys);
    return mk_op3(a->k, IR_where, seen, bias, mk_number(a->k, bias->type->dtype, -__builtin_inf()));
}

/* A key and a value of zeros that every row sees, with a score of 0, or as `sink` [H] has it for its head:
 * what smooth_softmax and head_sink add below. */
static void add_nothing(attend *a, ir_value *sink)
{
    mk *k = a->k;
    ir_type one = *a->key->type, two = *a->value->type;
    const ir_sx *column[4] = {a->batch, sx_int(a->sx, a->heads), a->rows, sx_int(a->sx, 1)}, *whole[4] = {a->batch, column[1], a->rows, one.dim[2]};
    const ir_sx *heads[4] = {column[3], column[1], column[3], column[3]};
    one.dim[2] = two.dim[2] = column[3];
    a->key = mk_concat(k, 2, (ir_value *[]){a->key, mk_filled(k, ir_tensor(k->m, one.dtype, 4, one.dim), 0)}, 2);
    a->value = mk_concat(k, 2, (ir_value *[]){a->value, mk_filled(k, ir_tensor(k->m, two.dtype, 4, two.dim), 0)}, 2);
    nfc_dtype t = one.dtype;
    if (a->mask->type->dtype == DT_bool) a->mask = mk_op3(k, IR_where, a->mask, mk_number(k, t, 0), mk_number(k, t, -__builtin_inf()));
    ir_value *score = sink ? mk_reshape(k, mk_cast(k, sink, a->mask->type->dtype), 4, heads) : mk_number(k, a->mask->type->dtype, 0);
    a->mask = mk_concat(k, 2, (ir_value *[]){mk_expand(k, a->mask, 4, whole), mk_expand(k, score, 4, column)}, 3);
}

bool im_group_query_attention(im_node *n)
{
    attend a;
    if (!begin(n, &a)) return false;
    if (!im_has(n, GQA_LAST)) return im_fail(n, E_OPERAND_MISSING, -1, "seqlens_k is missing");
    if (im_wants(n, 3) || im_int(n, "qk_output", 0)) return refused(n, "output_qk");
    if (strcmp(im_text(n, "k_quant_type", "NONE"), "NONE") != 0 || strcmp(im_text(n, "v_quant_type", "NONE"), "NONE") != 0 || im_int(n, "kv_cache_bit_width", 0)) return refused(n, "a quantised cache");
    if (!im_int(n, "causal", 1)) return refused(n, "causal = 0");
    if (im_int(n, "sliding_window_cache", 0)) return refused(n, "a cache of the window only");
    if (!gqa_projections(&a)) return false;
    ir_value *last = last_keys(&a), *before = keys_before(&a, last), *own = own_places(&a, before);
    if (im_int(n, "do_rotary", 0)) {
        ir_value *ids = im_has(n, GQA_IDS) ? im_in(n, GQA_IDS) : own;
        a.q = rotated(&a, a.q, ids);
        a.key = rotated(&a, a.key, ids);
    }
    if (ir_is_poison(a.q) || ir_is_poison(a.key) || ir_is_poison(own)) return false;
    const ir_sx *keys = present_rows(&a);
    a.key = present(&a, a.past_key, a.key, keys, before);
    a.value = present(&a, a.past_value, a.value, keys, before);
    a.past_key = a.past_value = NULL;
    im_out(n, 1, a.key);
    im_out(n, 2, a.value);
    a.mask = masked_bias(&a, seen_up_to(&a, own, last, keys), keys);
    if (ir_is_poison(a.mask) || ir_is_poison(a.key) || ir_is_poison(a.value)) return false;
    if (im_int(n, "smooth_softmax", 0) || im_has(n, GQA_SINK)) add_nothing(&a, im_in(n, GQA_SINK));
    return im_out(n, 0, joined(&a, run(&a, 1)->out[0]));
}

/* ---- RotaryEmbedding --------------------------------------------------------------------------- */

/* input, position_ids ([B, T], or where the first row stands), cos_cache, sin_cache. */
bool im_contrib_rotary(im_node *n)
{
    mk *k = n->k;
    if (!im_needs(n, 4)) return false;
    if (im_int(n, "is_packed_batching", 0)) return refused(n, "is_packed_batching");
    ir_value *x = im_in(n, 0), *ids = im_in(n, 1), *cosine = im_in(n, 2);
    attend a = {.n = n, .k = k, .sx = &n->o->m->sx};
    if (x->type->rank != 3 && x->type->rank != 4) return im_fail(n, E_RANK, 0, "the input must have rank 3 or 4");
    if (cosine->type->rank != 2 || !sx_is_const(cosine->type->dim[1])) return im_fail(n, E_SHAPE, 2, "cos_cache must be [N, R / 2], R being known");
    const ir_sx *shape[2] = {x->type->dim[0], x->type->dim[x->type->rank - 2]};
    int64_t turning = 2 * sx_value(cosine->type->dim[1]), heads = im_int(n, "num_heads", 0), given = im_int(n, "rotary_embedding_dim", 0);
    if (given && given != turning) return im_fail(n, E_ATTR_VALUE, -1, "rotary_embedding_dim is %lld, and cos_cache has %lld columns", (long long)given, (long long)turning / 2);
    if (im_float(n, "scale", 1) != 1) return refused(n, "a scale");
    if (x->type->rank == 3) {
        shape[1] = x->type->dim[1];
        if (!heads && sx_is_const(x->type->dim[2])) heads = sx_value(x->type->dim[2]) / (turning ? turning : 1);
    }
    if (ids->type->rank < 2) {
        ids = mk_op2(k, IR_add, mk_reshape(k, mk_cast(k, ids, DT_i64), 0, NULL), places(&a, shape[1]));
        ids = mk_expand(k, ids, 2, shape);
    }
    ir_inst *inst = mk_begin(k, IR_rotary_embedding, 4, (ir_value *[]){x, cosine, im_in(n, 3), ids});
    mk_int(inst, "interleaved", im_int(n, "interleaved", 0));
    mk_int(inst, "num_heads", x->type->rank == 3 ? heads : 0);
    mk_int(inst, "rotary_embedding_dim", turning);
    return im_out(n, 0, mk_end(k, inst, 1));
}
