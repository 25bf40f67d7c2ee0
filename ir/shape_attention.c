/* Attention and rotary embeddings: their sizes and shapes. */
#include "ir/attention.h"
#include <math.h>
#include "ir/shape.h"

/* ---- attention ------------------------------------------------------------------------------- */

/* q, k or v: [B, heads, rows, size], or [B, rows, heads * size]. */
typedef struct {
    const ir_sx *batch, *rows;
    int64_t heads, size;
} projection;

static const char *projection_of(ir_module *m, const ir_inst *inst, int operand, const ir_attr *heads, projection *p)
{
    const ir_type *t = inst->in[operand]->type;
    if (t->rank != 3 && t->rank != 4) return "it must have rank 3 or 4";
    if (t->rank != inst->in[0]->type->rank) return "q, k and v must have the same rank";
    p->batch = t->dim[0];
    p->rows = t->dim[t->rank == 3 ? 1 : 2];
    const ir_sx *last = t->dim[t->rank - 1];
    if (t->rank == 4) {
        if (!sx_is_const(t->dim[1]) || !sx_is_const(last)) return "the number and the size of the heads must be known at compile time";
        p->heads = sx_value(t->dim[1]);
        p->size = sx_value(last);
        if (p->heads < 1) return "there must be a head";
        if (heads->kind == IR_ATTR_INT && heads->i != p->heads) return arena_printf(m->arena, "it has %lld heads, the attribute says %lld", (long long)p->heads, (long long)heads->i);
        return NULL;
    }
    if (heads->kind != IR_ATTR_INT || heads->i < 1) return "of rank 3 it needs q_num_heads and kv_num_heads, which say how many heads there are";
    if (!sx_is_const(last) || sx_value(last) % heads->i) return arena_printf(m->arena, "its rows of %s elements are not made of %lld heads", sx_text(m->arena, last), (long long)heads->i);
    p->heads = heads->i;
    p->size = sx_value(last) / heads->i;
    return NULL;
}

static const char *past_of(ir_module *m, const ir_inst *inst, attention *a, int *operand)
{
    const ir_value *key = ir_operand(inst, ATTENTION_PAST_KEY), *value = ir_operand(inst, ATTENTION_PAST_VALUE);
    a->past = sx_int(&m->sx, 0);
    *operand = key ? ATTENTION_PAST_KEY : ATTENTION_PAST_VALUE;
    if (!key != !value) return "past_key and past_value come together";
    if (!key) return NULL;
    if (ir_operand(inst, ATTENTION_LENGTHS)) return "nonpad_kv_seqlen speaks of a cache outside; there is none inside then";
    if (key->type->rank != 4) return "past_key must have rank 4";
    a->past = key->type->dim[2];
    const ir_sx *dim[4] = {a->batch, sx_int(&m->sx, a->kv_heads), a->past, sx_int(&m->sx, a->size)};
    const ir_type *want = ir_tensor(m, key->type->dtype, 4, dim);
    if (!ir_same_shape(key->type, want)) return arena_printf(m->arena, "past_key must be %s", ir_type_text(m->arena, want));
    dim[3] = sx_int(&m->sx, a->value_size);
    *operand = ATTENTION_PAST_VALUE;
    want = ir_tensor(m, value->type->dtype, 4, dim);
    return ir_same_shape(value->type, want) ? NULL : arena_printf(m->arena, "past_value must be %s", ir_type_text(m->arena, want));
}

const char *attention_of(ir_module *m, const ir_inst *inst, attention *a, int *operand)
{
    projection p[3];
    const ir_attr *q_heads = &inst->attr[ATTR_AT(attention, q_num_heads)], *kv_heads = &inst->attr[ATTR_AT(attention, kv_num_heads)];
    for (*operand = ATTENTION_Q; *operand <= ATTENTION_V; ++*operand) {
        const char *wrong = projection_of(m, inst, *operand, *operand ? kv_heads : q_heads, &p[*operand]);
        if (wrong) return wrong;
        if (p[*operand].batch != p[0].batch) return "q, k and v must have the same batch";
    }
    *a = (attention){.packed = inst->in[0]->type->rank == 3, .batch = p[0].batch, .rows = p[0].rows, .fresh = p[1].rows, .heads = p[0].heads, .kv_heads = p[1].heads, .size = p[0].size, .value_size = p[2].size};
    *operand = ATTENTION_V;
    if (p[2].heads != p[1].heads || p[2].rows != p[1].rows) return "k and v must have the same rows and heads";
    *operand = ATTENTION_K;
    if (p[1].size != p[0].size) return arena_printf(m->arena, "q's heads have %lld elements, k's %lld", (long long)p[0].size, (long long)p[1].size);
    *operand = -1;
    if (a->heads % a->kv_heads) return arena_printf(m->arena, "%lld heads of q are no multiple of %lld of k", (long long)a->heads, (long long)a->kv_heads);
    const ir_attr *scale = &inst->attr[ATTR_AT(attention, scale)];
    a->scale = scale->kind == IR_ATTR_FLOAT ? scale->f : 1 / sqrt((double)a->size);
    const char *wrong = past_of(m, inst, a, operand);
    if (wrong) return wrong;
    a->total = sx_add(&m->sx, a->past, a->fresh);
    return NULL;
}

/* The mask broadcasts to [B, H, T, P + S]; its last axis may end before. */
static bool mask_fits(infer *f, const attention *a)
{
    const ir_value *mask = ir_operand(f->inst, ATTENTION_MASK);
    if (!mask) return true;
    const ir_sx *want[4] = {a->batch, sx_int(&f->m->sx, a->heads), a->rows, a->total};
    const ir_type *t = mask->type;
    if (t->rank > 4 || t->rank < 1) return infer_fail(f, E_RANK, ATTENTION_MASK, "the mask must have rank 1 to 4");
    bool fits = sx_min(sx_sub(&f->m->sx, a->total, t->dim[t->rank - 1])) >= 0;
    for (int i = 0; i + 1 < t->rank; i++) fits &= t->dim[i] == want[4 - t->rank + i] || sx_is(t->dim[i], 1);
    const ir_type *scores = ir_tensor(f->m, t->dtype, 4, want);
    return fits || infer_fail(f, E_SHAPE, ATTENTION_MASK, "the mask does not broadcast to the scores %s", ir_type_text(f->m->arena, scores));
}

static bool attributes_fit(infer *f)
{
    int64_t mode = ir_int(f->inst, ATTR_AT(attention, qk_matmul_output_mode));
    if (mode < 0 || mode > 3) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(attention, qk_matmul_output_mode), "qk_matmul_output_mode must be 0, 1, 2 or 3");
    int windows[2] = {ATTR_AT(attention, left_window_size), ATTR_AT(attention, right_window_size)};
    for (int i = 0; i < 2; i++)
        if (ir_int(f->inst, windows[i]) < -1) return infer_fail_attr(f, E_ATTR_VALUE, windows[i], "a window must be -1 or more");
    const ir_attr *precision = &f->inst->attr[ATTR_AT(attention, softmax_precision)];
    if (precision->kind == IR_ATTR_DTYPE && !dtype_is_float(precision->t))
        return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(attention, softmax_precision), "there is no softmax in %s", dtype_name(precision->t));
    return true;
}

bool sh_attention(infer *f)
{
    attention a;
    int operand;
    const char *wrong = attention_of(f->m, f->inst, &a, &operand);
    if (wrong) return infer_fail(f, E_SHAPE, operand, "%s", wrong);
    if (!mask_fits(f, &a) || !attributes_fit(f)) return false;
    const ir_value *lengths = ir_operand(f->inst, ATTENTION_LENGTHS);
    if (lengths && (lengths->type->rank != 1 || lengths->type->dim[0] != a.batch))
        return infer_fail(f, E_SHAPE, ATTENTION_LENGTHS, "nonpad_kv_seqlen must have one length for each of the %s sequences", sx_text(f->m->arena, a.batch));
    sx_table *t = &f->m->sx;
    nfc_dtype q = f->inst->in[0]->type->dtype, v = f->inst->in[2]->type->dtype;
    const ir_sx *heads = sx_int(t, a.heads), *kv = sx_int(t, a.kv_heads), *e = sx_int(t, a.value_size);
    const ir_sx *y[4] = {a.batch, heads, a.rows, e}, *packed[3] = {a.batch, a.rows, sx_int(t, a.heads * a.value_size)};
    const ir_sx *key[4] = {a.batch, kv, a.total, sx_int(t, a.size)}, *value[4] = {a.batch, kv, a.total, e}, *scores[4] = {a.batch, heads, a.rows, a.total};
    f->out[0] = a.packed ? ir_tensor(f->m, q, 3, packed) : ir_tensor(f->m, q, 4, y);
    f->out[1] = ir_tensor(f->m, q, 4, key);
    f->out[2] = ir_tensor(f->m, v, 4, value);
    f->out[3] = ir_tensor(f->m, q, 4, scores);
    return true;
}

/* ---- rotary embedding ------------------------------------------------------------------------ */

const char *rotation_of(ir_module *m, const ir_inst *inst, rotation *r, int *operand)
{
    const ir_type *x = inst->in[0]->type;
    int64_t heads = ir_int(inst, ATTR_AT(rotary_embedding, num_heads)), turning = ir_int(inst, ATTR_AT(rotary_embedding, rotary_embedding_dim));
    *operand = 0;
    if (x->rank != 3 && x->rank != 4) return "it must have rank 3 or 4";
    const ir_sx *last = x->dim[x->rank - 1];
    if (!sx_is_const(last)) return "the size of a head must be known at compile time";
    *r = (rotation){.packed = x->rank == 3, .batch = x->dim[0], .rows = x->dim[x->rank - 2], .size = sx_value(last)};
    if (r->packed) {
        r->rows = x->dim[1];
        if (heads < 1 || r->size % heads) return arena_printf(m->arena, "its rows of %lld elements are not made of %lld heads", (long long)r->size, (long long)heads);
        r->heads = sx_int(&m->sx, heads);
        r->size /= heads;
    } else {
        r->heads = x->dim[1];
        if (heads && !sx_is(r->heads, heads)) return arena_printf(m->arena, "it has %s heads, the attribute says %lld", sx_text(m->arena, r->heads), (long long)heads);
    }
    r->turning = turning ? turning : r->size;
    *operand = -1;
    if (r->turning < 0 || r->turning > r->size || r->turning % 2) return arena_printf(m->arena, "of heads of %lld elements %lld cannot turn in pairs", (long long)r->size, (long long)r->turning);
    return NULL;
}

bool sh_rotary_embedding(infer *f)
{
    rotation r;
    int operand;
    const char *wrong = rotation_of(f->m, f->inst, &r, &operand);
    if (wrong) return infer_fail(f, E_SHAPE, operand, "%s", wrong);
    const ir_value *ids = ir_operand(f->inst, 3);
    const ir_sx *dim[3] = {r.batch, r.rows, sx_int(&f->m->sx, r.turning / 2)};
    if (ids && (ids->type->rank != 2 || ids->type->dim[0] != r.batch || ids->type->dim[1] != r.rows))
        return infer_fail(f, E_SHAPE, 3, "position_ids must be %s", ir_type_text(f->m->arena, ir_tensor(f->m, ids->type->dtype, 2, dim)));
    for (int i = 1; i < 3; i++) {
        const ir_type *t = f->inst->in[i]->type;
        bool fits = ids ? t->rank == 2 && t->dim[1] == dim[2] : t->rank == 3 && t->dim[0] == dim[0] && t->dim[1] == dim[1] && t->dim[2] == dim[2];
        if (fits) continue;
        const char *want = ids ? arena_printf(f->m->arena, "[N, %lld]", (long long)(r.turning / 2)) : ir_type_text(f->m->arena, ir_tensor(f->m, t->dtype, 3, dim));
        return infer_fail(f, E_SHAPE, i, "operand '%s' must be %s", f->info->in[i].name, want);
    }
    f->out[0] = f->inst->in[0]->type;
    return true;
}
