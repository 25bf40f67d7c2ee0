/* Scaled dot-product attention, one query row after the other. */
#include "passes/lower_attention.h"

#include <math.h>

static const ir_sx *zero(lw *l) { return sx_int(l->sx, 0); }

int attention_heads(lw *l, const ir_inst *inst, attention *a)
{
    const ir_type *q = inst->in[0]->type, *k = inst->in[1]->type;
    *a = (attention){.inst = inst, .t = kir_compute(q->dtype), .batch = q->rank - 3};
    for (int i = 0; i < a->batch; i++) a->row[i] = lw_for_parallel(l, lw_axis_names(IR_MAX_RANK)[i], q->dim[i]);
    a->row[a->batch] = lw_for_parallel(l, "h", q->dim[a->batch]);
    a->kv_head = sx_div(l->sx, a->row[a->batch], sx_value(q->dim[a->batch]) / sx_value(k->dim[a->batch]));
    return a->batch + 1;
}

void attention_keys(lw *l, attention *a)
{
    const ir_type *k = a->inst->in[1]->type;
    a->keys = lw_clamped(l, "keys", a->inst->index[0], sx_add(l->sx, k->dim[k->rank - 2], sx_int(l->sx, 1)));
}

double attention_scale(const attention *a)
{
    const ir_type *q = a->inst->in[0]->type;
    return ir_given(a->inst, ATTR_AT(sdpa, scale)) ? ir_float(a->inst, ATTR_AT(sdpa, scale)) : 1 / sqrt((double)sx_value(q->dim[q->rank - 1]));
}

const kir_expr *attention_element(lw *l, const attention *a, int operand, const ir_sx *j, const ir_sx *e)
{
    const ir_sx *at[IR_MAX_RANK];
    for (int i = 0; i < a->batch; i++) at[i] = a->row[i];
    at[a->batch] = a->kv_head;
    at[a->batch + 1] = j;
    at[a->batch + 2] = e;
    return lw_load(l, a->inst->in[operand], at);
}

const kir_expr *attention_mask(lw *l, const attention *a, const ir_sx *j)
{
    const ir_value *mask = ir_operand(a->inst, 3);
    const ir_sx *at[IR_MAX_RANK];
    int rank = a->batch + 3;
    for (int i = 0; i < mask->type->rank; i++) {
        int n = i + rank - mask->type->rank;
        at[i] = sx_is(mask->type->dim[i], 1) ? zero(l) : n == rank - 1 ? j : a->row[n];
    }
    return lw_load(l, mask, at);
}

const kir_expr *attention_visible(lw *l, const attention *a, const ir_sx *j)
{
    const ir_inst *inst = a->inst;
    const ir_type *q = inst->in[0]->type;
    int64_t reach = ir_int(inst, ATTR_AT(sdpa, window));
    const ir_sx *own = sx_add(l->sx, a->row[a->batch + 1], sx_sub(l->sx, a->keys, q->dim[q->rank - 2]));
    const kir_expr *ok = kir_int(&l->b, DT_bool, 1);
    if (ir_int(inst, ATTR_AT(sdpa, causal))) ok = lw_bin(l, LE, kir_index(&l->b, j), kir_index(&l->b, own));
    if (reach) ok = lw_bin(l, AND, ok, lw_bin(l, LT, kir_index(&l->b, sx_sub(l->sx, own, sx_int(l->sx, reach))), kir_index(&l->b, j)));
    return ok;
}

const kir_expr *attention_of_nothing(lw *l, const attention *a)
{
    return lw_number(l, a->t, ir_int(a->inst, ATTR_AT(sdpa, nan_rows)) ? NAN : 0);
}

/* scale * q . k for one key, plus the mask; what the mask forbids is minus infinity. */
static const kir_expr *score(lw *l, attention *a, const ir_sx *j)
{
    const ir_type *q = a->inst->in[0]->type;
    kir_buffer *dot = lw_accumulator(l, "dot", a->t, lw_number(l, a->t, 0));
    const ir_sx *d = a->row[a->batch + 2] = lw_for(l, "d", q->dim[q->rank - 1]);
    kir_accum(&l->b, KB_ADD, dot, zero(l), lw_bin(l, MUL, lw_load(l, a->inst->in[0], a->row), attention_element(l, a, 1, j, d)));
    lw_close(l, 1);
    const kir_expr *s = lw_bin(l, MUL, lw_read(l, dot), lw_number(l, a->t, attention_scale(a)));
    if (!ir_operand(a->inst, 3)) return s;
    const kir_expr *m = attention_mask(l, a, j);
    if (m->type == DT_bool) return lw_sel(l, m, s, lw_lowest(l, (nfc_dtype)a->t));
    return lw_bin(l, ADD, s, m);
}

/* One pass over the keys with a running maximum (Milakov and Gimelshein, "Online normalizer calculation
 * for softmax"): the scores are never held. */
static void attend_row(lw *l, const ir_inst *inst)
{
    attention a;
    const ir_type *q = inst->in[0]->type, *v = inst->in[2]->type;
    int loops = attention_heads(l, inst, &a);
    int64_t size = sx_value(v->dim[v->rank - 1]);
    a.row[a.batch + 1] = lw_for_parallel(l, "t", q->dim[a.batch + 1]);
    attention_keys(l, &a);
    kir_buffer *top = lw_accumulator(l, "top", a.t, lw_lowest(l, (nfc_dtype)a.t)), *sum = lw_accumulator(l, "sum", a.t, lw_number(l, a.t, 0));
    kir_buffer *acc = kir_alloc(&l->b, "acc", (nfc_dtype)a.t, size);
    const ir_sx *e = lw_for(l, "e", sx_int(l->sx, size));
    kir_store(&l->b, acc, e, lw_number(l, a.t, 0));
    lw_close(l, 1);
    const ir_sx *j = lw_for(l, "j", a.keys);
    lw_if(l, attention_visible(l, &a, j));
    const kir_expr *s = lw_named(l, "score", score(l, &a, j));
    lw_if(l, lw_bin(l, NE, s, lw_lowest(l, (nfc_dtype)a.t)));
    const kir_expr *peak = lw_named(l, "peak", lw_bin(l, MAX, lw_read(l, top), s));
    const kir_expr *fade = lw_named(l, "fade", lw_un(l, EXP, lw_bin(l, SUB, lw_read(l, top), peak)));
    const kir_expr *weight = lw_named(l, "weight", lw_un(l, EXP, lw_bin(l, SUB, s, peak)));
    kir_store(&l->b, sum, zero(l), lw_bin(l, ADD, lw_bin(l, MUL, lw_read(l, sum), fade), weight));
    kir_store(&l->b, top, zero(l), peak);
    e = lw_for(l, "e", sx_int(l->sx, size));
    const kir_expr *part = lw_bin(l, MUL, weight, attention_element(l, &a, 2, j, e));
    kir_store(&l->b, acc, e, lw_bin(l, ADD, lw_bin(l, MUL, kir_load(&l->b, acc, e), fade), part));
    lw_close(l, 4);
    const kir_expr *total = lw_named(l, "total", lw_read(l, sum)), *nothing = lw_bin(l, EQ, total, lw_number(l, a.t, 0));
    e = lw_for(l, "e", sx_int(l->sx, size));
    a.row[a.batch + 2] = e;
    lw_store(l, 0, a.row, lw_sel(l, nothing, attention_of_nothing(l, &a), lw_bin(l, DIV, kir_load(&l->b, acc, e), total)));
    lw_close(l, 2 + loops);
}

bool lo_sdpa(lw *l, const ir_inst *inst)
{
    if (!l->target || !attend_in_blocks(l, inst, l->target)) attend_row(l, inst);
    return true;
}
