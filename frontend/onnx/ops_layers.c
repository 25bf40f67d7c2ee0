/* Recurrent layers and attention. */
#include <string.h>
#include "frontend/onnx/import.h"

/* ---- recurrent layers ------------------------------------------------------------------------ */

/* The list of names becomes one text; output_sequence said before operator set 7 whether y is wanted. */
static bool recurrent(im_node *n, ir_op op)
{
    static const char *const seen_to[] = {"activations", "output_sequence", NULL};
    const onnx_attribute *names = im_attr(n, "activations");
    ir_value *in[8] = {NULL};
    const char *all = "";
    if (n->nin > op_get(op)->nin) return im_fail(n, E_OPERAND_TYPE, op_get(op)->nin, "has %d operands; at most %d are known", n->nin, op_get(op)->nin);
    for (int i = 0; i < n->nin; i++) in[i] = im_in(n, i);
    for (size_t i = 0; names && i < names->n_strings; i++) {
        const char *one = onnx_text(n->o->file, &names->strings[i]);
        if (!one || !*one || strpbrk(one, " ,")) return im_fail(n, E_ATTR_VALUE, -1, "attribute 'activations' has an element that is no name");
        all = session_printf(n->o->s, "%s%s%s", all, *all ? " " : "", one);
    }
    ir_inst *inst = im_row_begin(n, op, n->nin, in, seen_to);
    if (inst && *all) mk_text(n->k, inst, "activations", all);
    return im_row_end(n, inst);
}

bool im_rnn(im_node *n) { return recurrent(n, IR_rnn); }
bool im_gru(im_node *n) { return recurrent(n, IR_gru); }
bool im_lstm(im_node *n) { return recurrent(n, IR_lstm); }

/* ---- attention with subgraphs ---------------------------------------------------------------- */

/* What a subgraph of one operand and one result makes of a value; the value itself where there is none. */
static ir_value *modified(im_node *n, const char *name, ir_value *v)
{
    importer *o = n->o;
    const onnx_attribute *a = im_attr(n, name);
    if (!a || !a->g || ir_is_poison(v)) return v;
    if (a->g->n_input != 1 || a->g->n_output != 1) {
        im_fail(n, E_ONNX_FUNCTION, -1, "the subgraph '%s' must have one operand and one result", name);
        return im_poison(o);
    }
    if (im_too_deep(o, n->at)) return im_poison(o);
    im_scope_push(o, true);
    im_bind(o, a->g->input[0]->name, im_value_of(o, a->g->input[0]->name, v));
    im_graph_body(o, a->g);
    const im_value *made = im_lookup(o, a->g->output[0]->name);
    im_scope_pop(o);
    if (made && made->kind == IM_TENSOR && (ir_is_poison(made->tensor) || ir_same_type(made->tensor->type, v->type))) return made->tensor;
    im_fail(n, E_SHAPE, -1, "the subgraph '%s' must give what it takes: %s", name, ir_type_text(o->s->arena, v->type));
    return im_poison(o);
}

/* Heads of k or v, each for as many heads of q as share it. */
static ir_value *shared_heads(mk *k, ir_value *v, int64_t times)
{
    if (times == 1) return v;
    const ir_sx *const *d = v->type->dim, *wide[5] = {d[0], d[1], mk_sx(k, times), d[2], d[3]};
    const ir_sx *joined[4] = {d[0], sx_mul(&k->m->sx, d[1], wide[2]), d[2], d[3]};
    return mk_reshape(k, mk_expand(k, mk_unsqueeze(k, v, 2), 5, wide), 4, joined);
}

/* softmax(score_mod(scale * q . k')), prob_mod of that, times v. */
bool im_flex_attention(im_node *n)
{
    mk *k = n->k;
    ir_value *q = im_in(n, 0), *keys = im_in(n, 1), *values = im_in(n, 2);
    if (!q || !keys || !values) return im_fail(n, E_OPERAND_MISSING, -1, "q, k and v are needed");
    if (ir_is_poison(q) || ir_is_poison(keys) || ir_is_poison(values)) return false;
    const ir_type *qt = q->type, *kt = keys->type, *vt = values->type;
    if (qt->rank != 4 || kt->rank != 4 || vt->rank != 4) return im_fail(n, E_RANK, -1, "q, k and v must have rank 4");
    if (!sx_is_const(qt->dim[1]) || !sx_is_const(kt->dim[1]) || !sx_is_const(qt->dim[3])) return im_fail(n, E_NOT_STATIC, -1, "the number and the size of the heads must be known at compile time");
    int64_t heads = sx_value(qt->dim[1]), kv_heads = sx_value(kt->dim[1]);
    if (kv_heads < 1 || heads % kv_heads || kt->dim[1] != vt->dim[1]) return im_fail(n, E_SHAPE, -1, "%lld heads of q are no multiple of those of k and v", (long long)heads);
    nfc_dtype t = im_attr(n, "softmax_precision") ? im_dtype(n, im_int(n, "softmax_precision", 1)) : qt->dtype == DT_f64 ? DT_f64 : DT_f32;
    if (t == DT_COUNT) return false;
    nfc_dtype wide = t == DT_f64 || qt->dtype == DT_f64 ? DT_f64 : DT_f32; /* products are summed in */
    double scale = im_attr(n, "scale") ? im_float(n, "scale", 1) : 0;
    ir_value *factor = scale != 0 || im_attr(n, "scale") ? mk_number(k, wide, scale) : mk_op1(k, IR_reciprocal, mk_op1(k, IR_sqrt, mk_index_tensor(k, qt->dim[3], wide)));
    ir_value *turned = mk_transpose(k, shared_heads(k, mk_cast(k, keys, wide), heads / kv_heads), (int[]){0, 1, 3, 2});
    ir_value *scores = mk_op2(k, IR_mul, mk_op2(k, IR_matmul, mk_cast(k, q, wide), turned), factor);
    scores = modified(n, "score_mod", mk_cast(k, scores, t));
    ir_value *weights = modified(n, "prob_mod", mk_op1(k, IR_softmax, scores));
    ir_value *y = mk_op2(k, IR_matmul, mk_cast(k, weights, wide), shared_heads(k, mk_cast(k, values, wide), heads / kv_heads));
    return im_out(n, 0, mk_cast(k, y, qt->dtype));
}
