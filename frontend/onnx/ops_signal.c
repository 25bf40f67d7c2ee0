/* Signals: windows, filter banks. */
#include <stdint.h>
#include "frontend/onnx/import.h"

bool im_window(im_node *n)
{
    ir_value *size = im_need(n, 0);
    if (im_length(n, 0) < 0) return false;
    const ir_sx *extent = im_result_size(n, 0, 0, size, 0, -1);
    ir_inst *inst = im_row_begin(n, im_row_of(n), 0, NULL, NULL);
    if (inst) mk_sxs(n->k, inst, "size", 1, &extent);
    return im_row_end(n, inst);
}

/* The length of a transform, of which the result has length / 2 + 1 bins on axis 0. */
static const ir_sx *transform_length(im_node *n, ir_value *length)
{
    const ir_sx *dim[IR_MAX_RANK], *const *known = im_known(n->o, length);
    if (known && known[0]) return im_element(n->o, length, 0, 0, IR_MAX_BOUND);
    int rank = im_declared(n, 0, dim);
    if (rank < 1 || !dim[0] || !sx_is_const(dim[0]) || sx_value(dim[0]) < 1) return im_result_size(n, 0, 0, length, 0, -1);
    int64_t bins = sx_value(dim[0]);
    return im_element(n->o, length, 0, 2 * bins - 2, 2 * bins - 1);
}

bool im_mel_weight_matrix(im_node *n)
{
    ir_value *in[2] = {im_need(n, 3), im_need(n, 4)};
    if (im_length(n, 0) < 0 || im_length(n, 1) < 0 || im_length(n, 2) < 0 || ir_is_poison(in[0]) || ir_is_poison(in[1])) return false;
    const ir_sx *bands = im_result_size(n, 0, 1, im_in(n, 0), 0, -1), *length = transform_length(n, im_in(n, 1));
    ir_inst *inst = im_row_begin(n, IR_mel_weight_matrix, 2, in, NULL);
    if (!inst) return false;
    mk_sxs(n->k, inst, "num_mel_bins", 1, &bands);
    mk_sxs(n->k, inst, "dft_length", 1, &length);
    mk_index(inst, 0, im_element(n->o, im_in(n, 2), 0, 1, INT32_MAX));
    return im_row_end(n, inst);
}
