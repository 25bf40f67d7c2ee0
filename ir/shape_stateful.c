/* Shape rules of ops that hand a state from call to call. */
#include <string.h>
#include "ir/shape.h"

/* Operand i, if it is there, must have these extents. */
static bool must_be(infer *f, int i, int rank, const ir_sx *const *dim)
{
    const ir_value *v = ir_operand(f->inst, i);
    const ir_type *want = v ? ir_tensor(f->m, v->type->dtype, rank, dim) : NULL;
    if (!v || ir_same_shape(v->type, want)) return true;
    return infer_fail(f, E_SHAPE, i, "operand '%s' must be %s", f->info->in[i].name, ir_type_text(f->m->arena, want));
}

/* Operand 4 is there just when the rule gates, operand 5 when it corrects. */
static bool operands_of_rule(infer *f)
{
    const char *rule = f->inst->attr[ATTR_AT(linear_attention, update_rule)].s;
    bool wants[2] = {strncmp(rule, "gated", 5) == 0, strstr(rule, "delta") != NULL};
    for (int i = 0; i < 2; i++)
        if (wants[i] != (ir_operand(f->inst, 4 + i) != NULL))
            return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(linear_attention, update_rule), "the rule '%s' takes %s %s", rule, wants[i] ? "the operand" : "no operand", f->info->in[4 + i].name);
    return true;
}

/* [B, T, n] for one of two n. */
static bool one_of_two(infer *f, int i, const ir_sx *a, const ir_sx *b)
{
    const ir_value *v = ir_operand(f->inst, i);
    const ir_type *q = f->inst->in[0]->type;
    if (!v) return true;
    bool last = v->type->rank == 3 && (v->type->dim[2] == a || v->type->dim[2] == b);
    return must_be(f, i, 3, (const ir_sx *[]){q->dim[0], q->dim[1], last ? v->type->dim[2] : a});
}

bool sh_linear_attention(infer *f)
{
    sx_table *t = &f->m->sx;
    const ir_type *q = f->inst->in[0]->type, *v = f->inst->in[2]->type;
    int64_t heads = ir_int(f->inst, ATTR_AT(linear_attention, q_num_heads)), kv = ir_int(f->inst, ATTR_AT(linear_attention, kv_num_heads));
    if (q->rank != 3 || v->rank != 3) return infer_fail(f, E_RANK, q->rank == 3 ? 2 : 0, "query, key and value must have rank 3");
    if (kv < 1 || heads < 1 || heads % kv) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(linear_attention, q_num_heads), "%lld heads of query are no multiple of %lld", (long long)heads, (long long)kv);
    if (!sx_is_const(q->dim[2]) || sx_value(q->dim[2]) % heads) return infer_fail(f, E_SHAPE, 0, "rows of %s elements are not made of %lld heads", sx_text(f->m->arena, q->dim[2]), (long long)heads);
    if (!sx_is_const(v->dim[2]) || sx_value(v->dim[2]) % kv) return infer_fail(f, E_SHAPE, 2, "rows of %s elements are not made of %lld heads", sx_text(f->m->arena, v->dim[2]), (long long)kv);
    int64_t size = sx_value(q->dim[2]) / heads, value_size = sx_value(v->dim[2]) / kv;
    const ir_sx *keys[3] = {q->dim[0], q->dim[1], sx_int(t, kv * size)}, *values[3] = {q->dim[0], q->dim[1], v->dim[2]};
    const ir_sx *state[4] = {q->dim[0], sx_int(t, kv), sx_int(t, size), sx_int(t, value_size)};
    if (!operands_of_rule(f) || !must_be(f, 1, 3, keys) || !must_be(f, 2, 3, values) || !must_be(f, 3, 4, state)) return false;
    if (!one_of_two(f, 4, state[1], keys[2]) || !one_of_two(f, 5, state[1], sx_int(t, 1))) return false;
    const ir_value *past = ir_operand(f->inst, 3);
    values[2] = sx_int(t, heads * value_size);
    f->out[0] = ir_tensor(f->m, q->dtype, 3, values);
    f->out[1] = ir_tensor(f->m, past ? past->type->dtype : q->dtype, 4, state);
    return true;
}

bool sh_causal_conv(infer *f)
{
    const ir_type *x = f->inst->in[0]->type, *w = f->inst->in[1]->type;
    sx_table *t = &f->m->sx;
    if (x->rank != 3 || w->rank != 3) return infer_fail(f, E_RANK, x->rank == 3 ? 1 : 0, "input and weight must have rank 3");
    const ir_sx *one = sx_int(t, 1), *c = x->dim[1], *kernel[3] = {c, one, w->dim[2]}, *state[3] = {x->dim[0], c, sx_sub(t, w->dim[2], one)};
    if (!sx_is_const(c) || !sx_is_const(w->dim[2]) || sx_value(w->dim[2]) < 1) return infer_fail(f, E_SHAPE, 1, "the number of channels and the extent of the kernel, 1 or more, must be known at compile time");
    if (!must_be(f, 1, 3, kernel) || !must_be(f, 2, 1, &c) || !must_be(f, 3, 3, state)) return false;
    f->out[0] = x;
    f->out[1] = ir_tensor(f->m, x->dtype, 3, state);
    return true;
}
