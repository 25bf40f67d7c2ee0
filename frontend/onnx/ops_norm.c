/* Normalisation in the forms that the operator sets gave it over time. */
#include <string.h>
#include "frontend/onnx/import.h"

/* A vector over the channels, or what has their shape and more, as it broadcasts with x. */
static ir_value *by_channel(im_node *n, ir_value *v, const ir_type *x)
{
    const ir_sx *dim[IR_MAX_RANK];
    if (v->type->rank != 1) return v;
    for (int i = 1; i < x->rank; i++) dim[i - 1] = i == 1 ? v->type->dim[0] : mk_sx(n->k, 1);
    return mk_reshape(n->k, v, x->rank - 1, dim);
}

typedef struct batch_norm {
    im_node *n;
    ir_value *in[5];      /* x, scale, b, mean, variance, in one type */
    nfc_dtype dtype[5];   /* what their types were */
} batch_norm;

/* The mean and the variance of this batch, over all axes but the channels'. */
static void batch_moments(const batch_norm *b, ir_value **mean, ir_value **variance)
{
    mk *k = b->n->k;
    ir_value *x = b->in[0];
    uint32_t others = ((1u << x->type->rank) - 1) & ~2u;
    *mean = mk_reduce(k, IR_reduce_mean, x, others, false);
    ir_value *d = mk_op2(k, IR_sub, x, by_channel(b->n, *mean, x->type));
    *variance = mk_reduce(k, IR_reduce_mean, mk_op2(k, IR_mul, d, d), others, false);
}

/* old * momentum + now * (1 - momentum) */
static ir_value *running(const batch_norm *b, int i, ir_value *now)
{
    mk *k = b->n->k;
    double momentum = im_float(b->n, "momentum", 0.9);
    nfc_dtype t = now->type->dtype;
    ir_value *kept = mk_op2(k, IR_mul, b->in[i], mk_number(k, t, momentum)), *added = mk_op2(k, IR_mul, now, mk_number(k, t, 1 - momentum));
    return mk_cast(k, mk_op2(k, IR_add, kept, added), b->dtype[i]);
}

/* Before operator set 9 mean and variance could be of each place: spatial = 0. */
static ir_value *by_place(const batch_norm *b)
{
    mk *k = b->n->k;
    ir_value *epsilon = mk_number(k, b->in[0]->type->dtype, im_float(b->n, "epsilon", 1e-5));
    ir_value *deviation = mk_op1(k, IR_sqrt, mk_op2(k, IR_add, b->in[4], epsilon));
    ir_value *x = mk_op2(k, IR_div, mk_op2(k, IR_sub, b->in[0], b->in[3]), deviation);
    return mk_op2(k, IR_add, mk_op2(k, IR_mul, x, b->in[1]), b->in[2]);
}

static ir_value *normalised(const batch_norm *b, ir_value *mean, ir_value *variance)
{
    im_node *n = b->n;
    if (b->in[3]->type->rank != 1) return by_place(b);
    ir_value *in[5] = {b->in[0], b->in[1], b->in[2], mean, variance};
    ir_inst *inst = mk_begin(n->k, IR_batch_normalization, 5, in);
    mk_float(inst, "epsilon", im_float(n, "epsilon", 1e-5));
    return mk_end(n->k, inst, 1);
}

/* Does it work with the mean and variance of its batch? Before operator set 14 that was so with more results
 * than one. */
static bool is_training(const im_node *n)
{
    if (n->version >= 14) return im_int(n, "training_mode", 0);
    return (n->version >= 7 || !im_int(n, "is_test", 0)) && (im_wants(n, 1) || im_wants(n, 2) || im_wants(n, 3));
}

bool im_batch_normalization(im_node *n)
{
    batch_norm b = {.n = n};
    nfc_dtype wide = DT_COUNT;
    if (n->nin != 5) return im_fail(n, E_OPERAND_MISSING, -1, "x, scale, b, mean and variance are wanted");
    for (int i = 0; i < 5; i++) {
        b.in[i] = im_in(n, i);
        if (!b.in[i] || ir_is_poison(b.in[i])) return b.in[i] ? false : im_fail(n, E_OPERAND_MISSING, -1, "x, scale, b, mean and variance are wanted");
        b.dtype[i] = b.in[i]->type->dtype;
        if (wide == DT_COUNT || dtype_table[b.dtype[i]].bits > dtype_table[wide].bits) wide = b.dtype[i];
    }
    if (b.in[0]->type->rank < 2) return im_fail(n, E_RANK, 0, "x must have a channel axis: rank 2 or more");
    for (int i = 0; i < 5; i++) b.in[i] = mk_cast(n->k, b.in[i], wide);
    ir_value *mean = b.in[3], *variance = b.in[4];
    if (is_training(n)) {
        batch_moments(&b, &mean, &variance);
        im_out(n, 1, running(&b, 3, mean));
        im_out(n, 2, running(&b, 4, variance));
        im_out(n, 3, mk_cast(n->k, mean, b.dtype[3]));
        im_out(n, 4, mk_cast(n->k, variance, b.dtype[4]));
    }
    return im_out(n, 0, mk_cast(n->k, normalised(&b, mean, variance), b.dtype[0]));
}

/* Before operator set 21 scale and bias were by group. */
bool im_group_normalization(im_node *n)
{
    static const char *const skip[] = {"stash_type", NULL};
    if (n->nin != 3) return im_fail(n, E_OPERAND_MISSING, -1, "x, scale and bias are wanted");
    ir_value *in[3];
    for (int i = 0; i < 3; i++) {
        in[i] = im_in(n, i);
        if (!in[i] || ir_is_poison(in[i])) return in[i] ? false : im_fail(n, E_OPERAND_MISSING, -1, "x, scale and bias are wanted");
    }
    int64_t groups = im_int(n, "num_groups", 0);
    if (n->version < 21 && in[0]->type->rank >= 2 && groups > 0) {
        const ir_sx *channels = in[0]->type->dim[1], *each = sx_exact_div(&n->o->m->sx, channels, mk_sx(n->k, groups));
        if (!each) return im_fail(n, E_ATTR_VALUE, -1, "num_groups = %lld does not divide the channels", (long long)groups);
        const ir_sx *one[2] = {mk_sx(n->k, groups), mk_sx(n->k, 1)}, *all[2] = {one[0], each};
        for (int i = 1; i < 3; i++) {
            if (in[i]->type->rank != 1 || in[i]->type->dim[0] != one[0]) return im_fail(n, E_SHAPE, i, "it must be [%lld], one element a group", (long long)groups);
            in[i] = mk_reshape(n->k, mk_expand(n->k, mk_reshape(n->k, in[i], 2, one), 2, all), 1, &channels);
        }
    }
    return im_row_end(n, im_row_begin(n, IR_group_normalization, 3, in, skip));
}
