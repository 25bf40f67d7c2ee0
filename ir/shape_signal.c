/* Shape rules of signal processing: windows, filter banks. */
#include <math.h>
#include "ir/shape.h"

static const char *text(const infer *f, const ir_sx *x) { return sx_text(f->m->arena, x); }

/* An attribute that is one extent, 0 or more; NULL after a report. */
static const ir_sx *one_extent(infer *f, int attr)
{
    const ir_attr *a = &f->inst->attr[attr];
    const char *name = f->info->attr[attr].name;
    if (a->n != 1) {
        infer_fail_attr(f, E_ATTR_VALUE, attr, "%s must be one integer", name);
        return NULL;
    }
    if (sx_min(a->sx[0]) >= 0) return a->sx[0];
    infer_fail_attr(f, E_SIZE, attr, "%s = %s can be negative", name, text(f, a->sx[0]));
    return NULL;
}

static bool output_type(infer *f, int attr, nfc_dtype *dtype)
{
    *dtype = f->inst->attr[attr].t;
    if (f->info->types[0] >> *dtype & 1) return true;
    return infer_fail_attr(f, E_DTYPE, attr, "a result of %s is not supported", dtype_name(*dtype));
}

bool sh_window(infer *f)
{
    int size = op_attr_find(f->info, "size");
    nfc_dtype dtype;
    const ir_sx *n = one_extent(f, size);
    if (!n || !output_type(f, op_attr_find(f->info, "output_datatype"), &dtype)) return false;
    f->out[0] = ir_tensor(f->m, dtype, 1, &n);
    return true;
}

bool sh_mel_weight_matrix(infer *f)
{
    const ir_sx *bins = one_extent(f, ATTR_AT(mel_weight_matrix, num_mel_bins));
    const ir_sx *length = bins ? one_extent(f, ATTR_AT(mel_weight_matrix, dft_length)) : NULL;
    nfc_dtype dtype;
    if (!length || !output_type(f, ATTR_AT(mel_weight_matrix, output_datatype), &dtype)) return false;
    for (int i = 0; i < 2; i++)
        if (ir_max_elements(f->inst->in[i]->type) != 1) return infer_fail(f, E_SHAPE, i, "%s must be a scalar", f->info->in[i].name);
    const ir_sx *dim[2] = {sx_add(&f->m->sx, sx_div(&f->m->sx, length, 2), sx_int(&f->m->sx, 1)), bins};
    f->out[0] = ir_tensor(f->m, dtype, 2, dim);
    return true;
}
