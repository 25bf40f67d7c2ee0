/* What exporters and optimisers for ONNX Runtime write (domain com.microsoft): activations, products and
 * normalisations that are fused. Their attention is in ops_contrib_attention.c. */
#include <string.h>
#include "frontend/onnx/import.h"

/* The first `count` operands are there and no poison; what is missing is reported. */
bool im_needs(im_node *n, int count)
{
    for (int i = 0; i < n->nin; i++)
        if (im_has(n, i) && ir_is_poison(im_in(n, i))) return false;
    for (int i = 0; i < count; i++)
        if (!im_has(n, i)) return im_fail(n, E_OPERAND_MISSING, -1, "operand %d is missing", i);
    return true;
}

static ir_value *plus(mk *k, ir_value *x, ir_value *y) { return y ? mk_op2(k, IR_add, x, y) : x; }

/* ---- activations ---------------------------------------------------------------------------- */

static ir_value *gelu(mk *k, ir_value *x, bool by_tanh)
{
    ir_inst *inst = mk_begin(k, IR_gelu, 1, &x);
    if (by_tanh) mk_text(k, inst, "approximate", "tanh");
    return mk_end(k, inst, 1);
}

bool im_bias_gelu(im_node *n) { return im_needs(n, 1) && im_out(n, 0, gelu(n->k, plus(n->k, im_in(n, 0), im_in(n, 1)), false)); }

bool im_fast_gelu(im_node *n) { return im_needs(n, 1) && im_out(n, 0, gelu(n->k, plus(n->k, im_in(n, 0), im_in(n, 1)), true)); }

static ir_value *with_number(mk *k, ir_op op, ir_value *x, const char *attr, double value)
{
    ir_inst *inst = mk_begin(k, op, 1, &x);
    mk_float(inst, attr, value);
    return mk_end(k, inst, 1);
}

bool im_quick_gelu(im_node *n)
{
    return im_needs(n, 1) && im_out(n, 0, with_number(n->k, IR_silu, im_in(n, 0), "alpha", (double)(float)im_float(n, "alpha", (double)1.702f)));
}

/* X + bias as two halves: the first times the gelu of the second. */
bool im_bias_split_gelu(im_node *n)
{
    if (!im_needs(n, 2)) return false;
    ir_value *x = plus(n->k, im_in(n, 0), im_in(n, 1));
    if (ir_is_poison(x)) return false;
    if (x->type->rank < 1) return im_fail(n, E_RANK, 0, "the operand has no axis to split");
    int last = x->type->rank - 1;
    const ir_sx *all = x->type->dim[last], *half = sx_div(&n->o->m->sx, all, 2);
    ir_value *gate = gelu(n->k, mk_slice(n->k, x, last, half, all), false);
    return im_out(n, 0, mk_op2(n->k, IR_mul, mk_slice(n->k, x, last, mk_sx(n->k, 0), half), gate));
}

bool im_bias_add(im_node *n) { return im_needs(n, 3) && im_out(n, 0, plus(n->k, plus(n->k, im_in(n, 0), im_in(n, 1)), im_in(n, 2))); }

/* What a fused activation is: its parameters by position. */
typedef struct {
    const char *name;
    ir_op op;
    const char *parameter[2]; /* the op's attributes that they are */
} fused_activation;

static const fused_activation activations[] = {
    {"Relu", IR_relu, {NULL}},       {"Tanh", IR_tanh, {NULL}},          {"Sigmoid", IR_sigmoid, {NULL}},
    {"HardSwish", IR_hard_swish, {NULL}}, {"Softplus", IR_softplus, {NULL}}, {"Softsign", IR_softsign, {NULL}},
    {"LeakyRelu", IR_leaky_relu, {"alpha", NULL}}, {"Elu", IR_elu, {"alpha", NULL}}, {"ThresholdedRelu", IR_thresholded_relu, {"alpha", NULL}},
    {"HardSigmoid", IR_hard_sigmoid, {"alpha", "beta"}}, {"Selu", IR_selu, {"alpha", "gamma"}},
};

/* `given`: as many parameters as there are. */
static ir_value *activated(im_node *n, ir_value *x, const char *name, int given, const double *parameter)
{
    if (!*name || ir_is_poison(x)) return x;
    if (strcmp(name, "Clip") == 0 && given == 2) {
        nfc_dtype t = x->type->dtype;
        return mk_op3(n->k, IR_clip, x, mk_number(n->k, t, parameter[0]), mk_number(n->k, t, parameter[1]));
    }
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++) {
        const fused_activation *a = &activations[i];
        if (strcmp(a->name, name) != 0) continue;
        ir_inst *inst = mk_begin(n->k, a->op, 1, &x);
        for (int p = 0; p < 2 && p < given && a->parameter[p]; p++) mk_float(inst, a->parameter[p], parameter[p]);
        return mk_end(n->k, inst, 1);
    }
    im_fail(n, E_ONNX_OP, -1, "the activation '%s' is not known", name);
    return im_poison(n->o);
}

/* ---- products -------------------------------------------------------------------------------- */

/* An operand of FusedMatMul: batch axes that stand behind the first one come before it; then the last two
 * may be exchanged. */
static ir_value *turned(im_node *n, int i, const char *batch_attr, const char *attr)
{
    ir_value *x = im_in(n, i);
    int rank = x->type->rank, perm[IR_MAX_RANK];
    bool batch_behind = im_int(n, batch_attr, 0), exchanged = im_int(n, attr, 0);
    for (int k = 0; k < rank; k++) perm[k] = k;
    if (rank > 2 && batch_behind) {
        for (int k = 0; k < rank - 2; k++) perm[k] = k + 1;
        perm[rank - 2] = 0;
    }
    if (rank > 1 && exchanged) {
        int last = perm[rank - 1];
        perm[rank - 1] = perm[rank - 2];
        perm[rank - 2] = last;
    }
    return mk_transpose(n->k, x, perm);
}

bool im_fused_matmul(im_node *n)
{
    if (!im_needs(n, 2)) return false;
    double alpha = im_float(n, "alpha", 1);
    ir_value *y = mk_op2(n->k, IR_matmul, turned(n, 0, "transBatchA", "transA"), turned(n, 1, "transBatchB", "transB"));
    if (alpha != 1 && !ir_is_poison(y)) y = mk_op2(n->k, IR_mul, y, mk_number(n->k, y->type->dtype, alpha));
    return im_out(n, 0, y);
}

bool im_fused_gemm(im_node *n)
{
    static const char *const seen_to[] = {"activation", "activation_alpha", "activation_beta", "activation_gamma", NULL};
    if (!im_needs(n, 2)) return false;
    const char *name = im_text(n, "activation", "");
    double parameter[2] = {im_float(n, "activation_alpha", 0), im_float(n, strcmp(name, "Selu") == 0 ? "activation_gamma" : "activation_beta", 0)};
    int given = !im_attr(n, "activation_alpha") ? 0 : im_attr(n, "activation_beta") || im_attr(n, "activation_gamma") ? 2 : 1;
    ir_inst *gemm = im_row_begin(n, IR_gemm, 3, (ir_value *[]){im_in(n, 0), im_in(n, 1), im_in(n, 2)}, seen_to);
    return gemm && im_out(n, 0, activated(n, mk_end(n->k, gemm, 1), name, given, parameter));
}

/* act(conv(x, w) + b + z) */
static ir_value *fused_conv(im_node *n, ir_value *x, ir_value *z)
{
    static const char *const seen_to[] = {"activation", "activation_params", NULL};
    const float *floats = NULL;
    int given = im_floats(n, "activation_params", &floats);
    double parameter[2] = {0, 0};
    for (int i = 0; i < 2 && i < given; i++) parameter[i] = (double)floats[i];
    ir_inst *conv = im_row_begin(n, IR_conv, 3, (ir_value *[]){x, im_in(n, 1), im_in(n, 2)}, seen_to);
    if (!conv) return im_poison(n->o);
    return activated(n, plus(n->k, mk_end(n->k, conv, 1), z), im_text(n, "activation", ""), given, parameter);
}

bool im_fused_conv(im_node *n) { return im_needs(n, 2) && im_out(n, 0, fused_conv(n, im_in(n, 0), im_in(n, 3))); }

/* [N, spatial..., C] as [N, C, spatial...], or back. */
static ir_value *channels_moved(mk *k, ir_value *x, bool first)
{
    if (!x || ir_is_poison(x)) return x;
    int rank = x->type->rank, perm[IR_MAX_RANK] = {0};
    for (int i = 1; i < rank; i++) perm[i] = first ? (i == 1 ? rank - 1 : i - 1) : (i == rank - 1 ? 1 : i + 1);
    return mk_transpose(k, x, perm);
}

bool im_nhwc_conv(im_node *n)
{
    if (!im_needs(n, 2)) return false;
    ir_value *y = fused_conv(n, channels_moved(n->k, im_in(n, 0), true), channels_moved(n->k, im_in(n, 3), true));
    return im_out(n, 0, channels_moved(n->k, y, false));
}

/* ---- normalisation --------------------------------------------------------------------------- */

/* The statistics of rows, as they are saved: mean (or NULL) and 1 / sqrt(variance + epsilon), over the axes
 * from `axis` on. */
static void statistics(im_node *n, ir_value *x, int axis, double epsilon, bool centred, ir_value **mean, ir_value **inverse)
{
    mk *k = n->k;
    uint32_t axes = ((1u << x->type->rank) - 1) & ~((1u << axis) - 1);
    ir_value *wide = mk_cast(k, x, x->type->dtype == DT_f64 ? DT_f64 : DT_f32);
    *mean = mk_reduce(k, IR_reduce_mean, wide, axes, true);
    ir_value *centre = centred ? mk_op2(k, IR_sub, wide, *mean) : wide;
    ir_value *variance = mk_reduce(k, IR_reduce_mean, mk_op2(k, IR_mul, centre, centre), axes, true);
    variance = mk_op2(k, IR_add, variance, mk_number(k, wide->type->dtype, epsilon));
    *inverse = mk_op1(k, IR_reciprocal, mk_op1(k, IR_sqrt, variance));
}

static ir_value *normalised(im_node *n, ir_op op, ir_value *x, ir_value *scale, ir_value *b, int64_t axis, double epsilon)
{
    ir_inst *inst = mk_begin(n->k, op, op == IR_rms_norm ? 2 : 3, (ir_value *[]){x, scale, b});
    mk_int(inst, "axis", axis);
    mk_float(inst, "epsilon", epsilon);
    return mk_end(n->k, inst, 1);
}

/* (input + skip + bias), normalised: the mean, the inverse deviation and the sum are results, too. */
static bool skip_norm(im_node *n, ir_op op, int bias)
{
    if (!im_needs(n, 3)) return false;
    double epsilon = im_float(n, "epsilon", (double)1e-5f);
    ir_value *x = plus(n->k, plus(n->k, im_in(n, 0), im_in(n, 1)), im_in(n, bias)), *mean, *inverse;
    if (ir_is_poison(x)) return false;
    if (x->type->rank < 1) return im_fail(n, E_RANK, 0, "the operand has no axis to normalise over");
    im_out(n, 0, normalised(n, op, x, im_in(n, 2), op == IR_rms_norm ? NULL : im_in(n, 3), -1, epsilon));
    if (im_wants(n, 1) || im_wants(n, 2)) {
        statistics(n, x, x->type->rank - 1, epsilon, op != IR_rms_norm, &mean, &inverse);
        im_out(n, 1, mean);
        im_out(n, 2, inverse);
    }
    return im_out(n, 3, x);
}

bool im_skip_layer_norm(im_node *n) { return skip_norm(n, IR_layer_normalization, 4); }
bool im_skip_rms_norm(im_node *n) { return skip_norm(n, IR_rms_norm, 3); }

bool im_simplified_layer_norm(im_node *n)
{
    if (!im_needs(n, 2)) return false;
    ir_value *x = im_in(n, 0), *mean, *inverse;
    double epsilon = im_float(n, "epsilon", (double)1e-5f);
    int64_t axis = im_int(n, "axis", -1), rank = x->type->rank;
    if (axis < -rank || axis >= rank) return im_fail(n, E_AXIS, -1, "there is no axis %lld in rank %lld", (long long)axis, (long long)rank);
    im_out(n, 0, normalised(n, IR_rms_norm, x, im_in(n, 1), NULL, axis, epsilon));
    if (!im_wants(n, 1)) return true;
    statistics(n, x, (int)(axis < 0 ? axis + rank : axis), epsilon, false, &mean, &inverse);
    return im_out(n, 1, inverse);
}

/* input_ids, segment_ids, the tables of words, positions and segments, gamma, beta, mask, position_ids. */
bool im_embed_layer_norm(im_node *n)
{
    mk *k = n->k;
    if (!im_has(n, 0) || !im_has(n, 2) || !im_has(n, 3) || !im_has(n, 5) || !im_has(n, 6)) return im_fail(n, E_OPERAND_MISSING, -1, "an operand is missing");
    if (!im_needs(n, 1)) return false;
    ir_value *ids = im_in(n, 0), *places = im_in(n, 3), *mask = im_in(n, 7);
    if (ids->type->rank != 2) return im_fail(n, E_RANK, 0, "input_ids must have rank 2");
    ir_value *sum = mk_gather(k, im_in(n, 2), ids, 0);
    places = im_has(n, 8) ? mk_gather(k, places, im_in(n, 8), 0) : mk_slice(k, places, 0, mk_sx(k, 0), ids->type->dim[1]);
    sum = plus(k, sum, places);
    if (im_has(n, 1) && im_has(n, 4)) sum = plus(k, sum, mk_gather(k, im_in(n, 4), im_in(n, 1), 0));
    if (ir_is_poison(sum)) return false;
    im_out(n, 0, normalised(n, IR_layer_normalization, sum, im_in(n, 5), im_in(n, 6), -1, im_float(n, "epsilon", (double)1e-12f)));
    const ir_sx *batch = ids->type->dim[0];
    ir_value *count = mask ? mk_reduce(k, IR_reduce_sum, mk_cast(k, mask, DT_i32), 2, false) : mk_filled(k, ir_tensor(n->o->m, DT_i32, 1, &batch), 0);
    im_out(n, 1, count);
    return im_out(n, 2, sum);
}

/* Groups of channels, which stand last unless channels_last is 0, and through silu if activation is 1. */
static bool group_norm(im_node *n, ir_value *x)
{
    if (ir_is_poison(x)) return false;
    bool last = im_int(n, "channels_last", 1), silu = im_int(n, "activation", 0);
    nfc_dtype t = x->type->dtype;
    if (last) x = channels_moved(n->k, x, true);
    ir_inst *inst = mk_begin(n->k, IR_group_normalization, 3, (ir_value *[]){x, mk_cast(n->k, im_in(n, 1), t), mk_cast(n->k, im_in(n, 2), t)});
    mk_int(inst, "num_groups", im_int(n, "groups", 1));
    mk_float(inst, "epsilon", im_float(n, "epsilon", (double)1e-5f));
    ir_value *y = mk_end(n->k, inst, 1);
    if (silu) y = mk_op1(n->k, IR_silu, y);
    return im_out(n, 0, last ? channels_moved(n->k, y, false) : y);
}

bool im_contrib_group_norm(im_node *n) { return im_needs(n, 3) && group_norm(n, im_in(n, 0)); }

/* x + skip + bias first, which is a result, too. A skip of rank 2 is [N, C]. */
bool im_skip_group_norm(im_node *n)
{
    if (!im_needs(n, 4)) return false;
    ir_value *x = im_in(n, 0), *skip = im_in(n, 3);
    if (x->type->rank == 4 && skip->type->rank == 2) skip = mk_unsqueeze(n->k, mk_unsqueeze(n->k, skip, 1), 1);
    ir_value *sum = plus(n->k, plus(n->k, x, skip), im_in(n, 4));
    im_out(n, 1, sum);
    return group_norm(n, sum);
}
