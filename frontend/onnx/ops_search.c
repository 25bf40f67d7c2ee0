/* What searches, selects and scatters. Results whose size depends on the elements come from the rows in the
 * largest possible size with a count, which the run reads to cut them. */
#include <string.h>
#include "frontend/onnx/import.h"

/* An instruction of a row that gives all of its results; NULL after a report. */
static ir_inst *whole_row(im_node *n, ir_op op, int nin, ir_value *const *in, const char *const *skip)
{
    ir_inst *inst = im_row_begin(n, op, nin, in, skip);
    if (!inst) return NULL;
    mk_end(n->k, inst, op_get(op)->nout);
    return inst->nout && !ir_is_poison(inst->out[0]) ? inst : NULL;
}

/* How much of result 0 counts, along an axis of it. */
static const ir_sx *counted(im_node *n, const ir_inst *inst, int axis)
{
    return im_result_size(n, 0, axis, inst->out[inst->nout - 1], 0, sx_max(inst->out[0]->type->dim[axis]));
}

static ir_value *first_of(im_node *n, ir_value *x, int axis, const ir_sx *count)
{
    return mk_slice(n->k, x, axis, mk_sx(n->k, 0), count);
}

static bool has_operands(im_node *n, int least)
{
    for (int i = 0; i < least; i++)
        if (!im_has(n, i)) return im_fail(n, E_OPERAND_MISSING, -1, "operand %d is missing", i);
    for (int i = 0; i < n->nin; i++)
        if (n->in[i] && ir_is_poison(im_in(n, i))) return false;
    return true;
}

/* ---- results of a size of their own --------------------------------------------------------- */

bool im_compress(im_node *n)
{
    if (!has_operands(n, 2)) return false;
    ir_value *in[2] = {im_in(n, 0), im_in(n, 1)};
    int rank = in[0]->type->rank - n->in[0]->text;
    int64_t axis = im_int(n, "axis", 0);
    if (n->in[0]->text && !im_attr(n, "axis")) { /* strings count as flattened, but keep their own axis */
        const ir_sx *dim[2] = {mk_sx(n->k, 1), in[0]->type->dim[rank]};
        for (int i = 0; i < rank; i++) dim[0] = sx_mul(&n->o->m->sx, dim[0], in[0]->type->dim[i]);
        in[0] = mk_reshape(n->k, in[0], 2, dim);
        rank = 1;
    }
    if (axis < 0) axis += rank;
    static const char *const skip[] = {"axis", NULL};
    ir_inst *inst = im_row_begin(n, IR_compress, 2, in, skip);
    if (!inst) return false;
    if (im_attr(n, "axis") || n->in[0]->text) mk_int(inst, "axis", axis);
    mk_end(n->k, inst, 2);
    if (ir_is_poison(inst->out[0])) return false;
    int at = im_attr(n, "axis") || n->in[0]->text ? (int)axis : 0;
    ir_value *y = first_of(n, inst->out[0], at, counted(n, inst, at));
    return n->in[0]->text ? im_out_text(n, 0, y) : im_out(n, 0, y);
}

bool im_nonzero(im_node *n)
{
    if (!has_operands(n, 1)) return false;
    ir_value *x = im_in(n, 0);
    ir_inst *inst = whole_row(n, IR_nonzero, 1, &x, NULL);
    return inst && im_out(n, 0, first_of(n, inst->out[0], 1, counted(n, inst, 1)));
}

/* Strings are slices of bytes, which sort as their characters do. */
bool im_unique(im_node *n)
{
    static const char *const skip[] = {"axis", NULL};
    if (!has_operands(n, 1)) return false;
    ir_value *x = im_in(n, 0);
    bool text = n->in[0]->text, has_axis = im_attr(n, "axis");
    int rank = x->type->rank - text, axis = 0;
    int64_t given = im_int(n, "axis", 0);
    if (has_axis) axis = (int)(given < 0 ? given + rank : given);
    if (has_axis && (axis < 0 || axis >= rank)) return im_fail(n, E_AXIS, -1, "there is no axis %lld in rank %d", (long long)given, rank);
    if (text && !has_axis) {
        const ir_sx *dim[2] = {mk_sx(n->k, 1), x->type->dim[rank]};
        for (int i = 0; i < rank; i++) dim[0] = sx_mul(&n->o->m->sx, dim[0], x->type->dim[i]);
        x = mk_reshape(n->k, x, 2, dim);
        has_axis = true;
    }
    ir_inst *inst = im_row_begin(n, IR_unique, 1, &x, skip);
    if (!inst) return false;
    if (has_axis) mk_int(inst, "axis", axis);
    mk_end(n->k, inst, 5);
    if (ir_is_poison(inst->out[0])) return false;
    const ir_sx *count = im_wants(n, 0) ? counted(n, inst, axis) : im_result_size(n, im_wants(n, 1) ? 1 : 3, 0, inst->out[4], 0, sx_max(inst->out[1]->type->dim[0]));
    ir_value *y = first_of(n, inst->out[0], axis, count);
    text ? im_out_text(n, 0, y) : im_out(n, 0, y);
    im_out(n, 1, first_of(n, inst->out[1], 0, im_same_size(n, 1, 0, count)));
    im_out(n, 2, first_of(n, inst->out[2], 0, im_same_size(n, 2, 0, inst->out[2]->type->dim[0])));
    return im_out(n, 3, first_of(n, inst->out[3], 0, im_same_size(n, 3, 0, count)));
}

bool im_non_max_suppression(im_node *n)
{
    if (!has_operands(n, 2)) return false;
    ir_value *in[5] = {NULL};
    for (int i = 0; i < n->nin && i < 5; i++) in[i] = im_in(n, i);
    ir_inst *inst = whole_row(n, IR_non_max_suppression, 5, in, NULL);
    return inst && im_out(n, 0, first_of(n, inst->out[0], 0, counted(n, inst, 0)));
}

/* ---- others ---------------------------------------------------------------------------------- */

/* Another name of ScatterElements. */
bool im_scatter(im_node *n) { return im_row(n, IR_scatter_elements, NULL); }

/* The pool is an attribute there, of integers or of strings. */
bool im_tfidf(im_node *n)
{
    static const char *const skip[] = {"pool_int64s", "pool_strings", NULL};
    if (!has_operands(n, 1)) return false;
    const int64_t *items;
    const onnx_attribute *strings = im_attr(n, "pool_strings");
    bool text = n->in[0]->text;
    int count = im_ints(n, "pool_int64s", &items);
    if (text ? !strings || !strings->n_strings : count < 1) return im_fail(n, E_ATTR_MISSING, -1, "there is no pool of %s", text ? "strings" : "integers");
    ir_value *in[2] = {text ? im_in(n, 0) : mk_cast(n->k, im_in(n, 0), DT_i64), text ? im_strings(n, strings, false) : mk_int_vector(n->k, DT_i64, count, items)};
    if (ir_is_poison(in[1])) return false;
    return im_row_end(n, im_row_begin(n, IR_tfidf_vectorizer, 2, in, skip));
}
