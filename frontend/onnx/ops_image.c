/* Images: Resize and Upsample in the forms that the operator sets gave them, grids, regions. */
#include <string.h>
#include "frontend/onnx/import.h"

/* ---- Resize --------------------------------------------------------------------------------- */

/* What a Resize is told of its axes, in tensors. */
typedef struct resizing {
    im_node *n;
    ir_value *x;
    int count;             /* of the axes that are spoken of */
    int axis[IR_MAX_RANK];
    ir_value *scales;      /* f32 [count], or f64 of a policy; NULL: sizes alone */
    const ir_sx *size[IR_MAX_RANK];
} resizing;

static bool is_given(im_node *n, int i)
{
    const ir_value *v = im_has(n, i) ? im_in(n, i) : NULL;
    return v && (ir_is_poison(v) || ir_max_elements(v->type) > 0);
}

/* [extents] of the axes, in a float type. */
static ir_value *extents(resizing *r, nfc_dtype t)
{
    const ir_sx *dim[IR_MAX_RANK];
    for (int i = 0; i < r->count; i++) dim[i] = r->x->type->dim[r->axis[i]];
    return mk_cast(r->n->k, mk_index_vector(r->n->k, r->count, dim, DT_i64), t);
}

/* The sizes that a tensor of integers says. */
static void read_sizes(resizing *r, ir_value *sizes)
{
    for (int i = 0; i < r->count; i++) r->size[i] = im_result_size(r->n, 0, r->axis[i], sizes, i, -1);
}

/* sizes under a policy: one factor in f64, the extents rounded, halves up. */
static void apply_policy(resizing *r, ir_value *sizes, const char *policy)
{
    mk *k = r->n->k;
    ir_value *in = extents(r, DT_f64), *factors = mk_op2(k, IR_div, mk_cast(k, sizes, DT_f64), in);
    ir_op least = strcmp(policy, "not_larger") == 0 ? IR_reduce_min : IR_reduce_max;
    ir_value *factor = mk_reduce(k, least, factors, 1, true);
    const ir_sx *count = mk_sx(k, r->count);
    r->scales = mk_expand(k, factor, 1, &count);
    ir_value *out = mk_op2(k, IR_add, mk_op2(k, IR_mul, in, factor), mk_number(k, DT_f64, 0.5));
    read_sizes(r, mk_cast(k, mk_op1(k, IR_floor, out), DT_i64));
}

/* The numbers of a constant vector of floats; NULL: the run has them. */
static double *known_floats(im_node *n, ir_value *v, int count)
{
    const void *data = ir_is_poison(v) ? NULL : im_const_data(n->o, v);
    if (!data || ir_max_elements(v->type) != count) return NULL;
    double *f = ARENA_ARRAY(n->o->s->arena, double, count ? count : 1);
    for (int i = 0; i < count; i++) f[i] = dtype_get(v->type->dtype, data, (size_t)i);
    return f;
}

/* The instruction, when axes and scales, or sizes, are at hand. Factors that are known make the extents; with
 * others the extents are floor(extent * factor) in f32, as the standard's shape inference has them. */
static ir_inst *resize_of(resizing *r, ir_value *roi, const char *const *skip)
{
    im_node *n = r->n;
    ir_value *scale = r->scales;
    double *known = scale && !r->size[0] ? known_floats(n, scale, r->count) : NULL;
    if (scale && !known && !r->size[0]) {
        ir_value *out = mk_op1(n->k, IR_floor, mk_op2(n->k, IR_mul, extents(r, DT_f32), mk_cast(n->k, scale, DT_f32)));
        read_sizes(r, mk_cast(n->k, out, DT_i64));
    }
    ir_inst *inst = im_row_begin(n, IR_resize, 3, (ir_value *[]){r->x, roi, known ? NULL : scale}, skip);
    if (inst && known) mk_floats(n->k, inst, "scales", r->count, known);
    else if (inst) mk_sxs(n->k, inst, "sizes", r->count, r->size);
    return inst;
}

static void all_axes(resizing *r)
{
    r->count = r->x->type->rank;
    for (int i = 0; i < r->count; i++) r->axis[i] = i;
}

static bool find_axes(resizing *r)
{
    uint32_t mask;
    int count;
    if (!im_axes(r->n, r->n->nin, "axes", r->x->type->rank, &mask, r->axis, &count)) return false;
    r->count = count;
    if (count < 0) all_axes(r);
    return true;
}

static bool has_count(resizing *r, int i, const ir_value *v)
{
    if (ir_is_poison(v)) return false;
    if (v->type->rank == 1 && sx_is(v->type->dim[0], r->count)) return true;
    return im_fail(r->n, E_SHAPE, i, "'%s' is %s; it must have %d elements", r->n->in[i]->name, ir_type_text(r->n->o->s->arena, v->type), r->count);
}

bool im_resize(im_node *n)
{
    static const char *const skip[] = {"keep_aspect_ratio_policy", NULL};
    resizing r = {.n = n, .x = im_need(n, 0)};
    if (ir_is_poison(r.x)) return false;
    if (n->in[0]->text) return im_fail(n, E_DTYPE, 0, "texts cannot be resized");
    if (n->version < 11) return im_upsample(n);
    if (!find_axes(&r)) return false;
    bool crops = strcmp(im_text(n, "coordinate_transformation_mode", "half_pixel"), "tf_crop_and_resize") == 0;
    const char *policy = im_text(n, "keep_aspect_ratio_policy", "stretch");
    if (is_given(n, 2)) r.scales = im_in(n, 2);
    if (is_given(n, 3)) {
        ir_value *sizes = im_in(n, 3);
        if (!has_count(&r, 3, sizes)) return false;
        if (r.scales) return im_fail(n, E_OPERAND_TYPE, 3, "scales and sizes exclude each other");
        if (strcmp(policy, "stretch") == 0) read_sizes(&r, sizes);
        else apply_policy(&r, sizes, policy);
    } else if (!r.scales) {
        return im_fail(n, E_OPERAND_MISSING, -1, "either scales or sizes must be given");
    } else if (!has_count(&r, 2, r.scales)) {
        return false;
    }
    return im_row_end(n, resize_of(&r, crops && is_given(n, 1) ? im_in(n, 1) : NULL, skip));
}

/* Upsample's factors: an operand, or attributes of operator sets 1 and 7; NULL after a report. */
static ir_value *upsample_scales(resizing *r)
{
    im_node *n = r->n;
    const float *given;
    int count = im_floats(n, "scales", &given);
    float sides[4] = {1, 1, (float)im_float(n, "height_scale", 1), (float)im_float(n, "width_scale", 1)};
    if (count < 0 && im_has(n, 1)) return has_count(r, 1, im_in(n, 1)) ? im_in(n, 1) : NULL;
    if (count < 0) count = 4, given = sides;
    float *copy = ARENA_ARRAY(n->o->s->arena, float, count ? count : 1);
    for (int i = 0; i < count; i++) copy[i] = given[i];
    const ir_sx *extent = mk_sx(n->k, count);
    if (count == r->count) return mk_const(n->k, ir_tensor(n->o->m, DT_f32, 1, &extent), copy);
    im_fail(n, E_ATTR_VALUE, -1, "%d scales for %d axes", count, r->count);
    return NULL;
}

/* Upsample, which was called Resize in operator set 10: factors only; place = index / factor, rounded down. */
bool im_upsample(im_node *n)
{
    static const char *const skip[] = {"scales", "height_scale", "width_scale", "mode", NULL};
    resizing r = {.n = n, .x = im_need(n, 0)};
    if (ir_is_poison(r.x)) return false;
    if (n->in[0]->text) return im_fail(n, E_DTYPE, 0, "texts cannot be resized");
    all_axes(&r);
    const char *mode = im_text(n, "mode", "nearest");
    r.scales = upsample_scales(&r);
    ir_inst *inst = r.scales ? resize_of(&r, NULL, skip) : NULL;
    if (!inst) return false;
    mk_text(n->k, inst, "mode", strcmp(mode, "bilinear") == 0 ? "linear" : mode);
    mk_text(n->k, inst, "coordinate_transformation_mode", "asymmetric");
    mk_text(n->k, inst, "nearest_mode", "floor");
    return im_row_end(n, inst);
}

/* ---- grids, regions -------------------------------------------------------------------------- */

/* The modes of two and three axes have had names of their own. */
bool im_grid_sample(im_node *n)
{
    static const char *const skip[] = {"mode", NULL};
    static const char *const renamed[][2] = {{"bilinear", "linear"}, {"bicubic", "cubic"}, {"linear", "linear"}, {"cubic", "cubic"}, {"nearest", "nearest"}};
    const char *mode = im_text(n, "mode", "linear");
    ir_value *in[2] = {im_need(n, 0), im_need(n, 1)};
    if (ir_is_poison(in[0]) || ir_is_poison(in[1])) return false;
    ir_inst *inst = im_row_begin(n, IR_grid_sample, 2, in, skip);
    size_t i = 0, all = sizeof renamed / sizeof *renamed;
    while (i < all && strcmp(renamed[i][0], mode) != 0) i++;
    if (i == all) return im_fail(n, E_ATTR_VALUE, -1, "attribute 'mode' is '%s', but it is one of linear, nearest and cubic", mode);
    if (inst) mk_text(n->k, inst, "mode", renamed[i][1]);
    return im_row_end(n, inst);
}

bool im_affine_grid(im_node *n)
{
    ir_value *theta = im_need(n, 0), *size = im_need(n, 1);
    int count = im_length(n, 1);
    const ir_sx *dim[5];
    if (count < 0 || ir_is_poison(theta)) return false;
    if (count != 4 && count != 5) return im_fail(n, E_SHAPE, 1, "size has %d elements; 4 or 5 are wanted", count);
    if (theta->type->rank != 3) return im_fail(n, E_RANK, 0, "theta must be [N, 2, 3] or [N, 3, 4]");
    const ir_sx *images = theta->type->dim[0];
    dim[0] = sx_is_const(images) ? im_element(n->o, size, 0, sx_value(images), sx_value(images)) : images;
    dim[1] = mk_sx(n->k, 1); /* channels: a grid serves any number of them */
    for (int i = 2; i < count; i++) dim[i] = im_result_size(n, 0, i - 1, size, i, -1);
    ir_inst *inst = im_row_begin(n, IR_affine_grid, 1, &theta, NULL);
    if (inst) mk_sxs(n->k, inst, "size", count, dim);
    return im_row_end(n, inst);
}

/* Before operator set 16 there was no shift by half an element. */
bool im_roi_align(im_node *n)
{
    ir_value *in[3] = {im_need(n, 0), im_need(n, 1), im_need(n, 2)};
    for (int i = 0; i < 3; i++)
        if (ir_is_poison(in[i])) return false;
    ir_inst *inst = im_row_begin(n, IR_roi_align, 3, in, NULL);
    if (inst && n->version < 16) mk_text(n->k, inst, "coordinate_transformation_mode", "output_half_pixel");
    return im_row_end(n, inst);
}

/* ---- files ---------------------------------------------------------------------------------- */

/* How large axis `axis` of the picture can be: as the model declares, or as -D says. */
static bool largest_side(im_node *n, int axis, int64_t *most)
{
    const ir_sx *dim[IR_MAX_RANK];
    bool declared = im_declared(n, 0, dim) == 3 && dim[axis];
    const char *name = im_wants(n, 0) ? n->proto->output[0] : n->op;
    const lower_binding *b = im_binding(n->o, session_printf(n->o->s, "%s.%d", name, axis));
    *most = b ? b->value : declared ? sx_max(dim[axis]) : -1;
    if (*most >= 0) return true;
    return im_fail(n, E_ONNX_BOUND, -1, "axis %d of '%s' has an extent that only the run knows, and no bound: -D '%s.%d<=64' gives it one", axis, name, name, axis);
}

bool im_image_decoder(im_node *n)
{
    ir_value *x = im_need(n, 0);
    int64_t most[2];
    if (ir_is_poison(x) || !largest_side(n, 0, &most[0]) || !largest_side(n, 1, &most[1])) return false;
    ir_inst *inst = im_row_begin(n, IR_image_decoder, 1, &x, NULL);
    if (!inst) return false;
    mk_int(inst, "height", most[0]);
    mk_int(inst, "width", most[1]);
    ir_value *y = mk_end(n->k, inst, 2);
    if (ir_is_poison(y)) return false;
    for (int i = 0; i < 2; i++) y = mk_slice(n->k, y, i, mk_sx(n->k, 0), im_result_size(n, 0, i, inst->out[1], i, most[i]));
    return im_out(n, 0, y);
}
