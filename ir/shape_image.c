/* Shape rules of images: grids, regions, deformed windows, files. */
#include <math.h>
#include "ir/image.h"
#include "ir/shape.h"

static const char *text(const infer *f, const ir_sx *x) { return sx_text(f->m->arena, x); }

/* Spatial axes of operand 0 that something is read from must have elements. */
static bool has_elements(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    for (int i = 2; i < x->rank; i++)
        if (sx_min(x->dim[i]) < 1) return infer_fail(f, E_SIZE, 0, "axis %d can be empty: there is nothing to read", i);
    return true;
}

/* ---- grids --------------------------------------------------------------------------------- */

bool sh_grid_sample(infer *f)
{
    const ir_type *x = f->inst->in[0]->type, *grid = f->inst->in[1]->type;
    if (x->rank != 4 && x->rank != 5) return infer_fail(f, E_RANK, 0, "x must be [N, C, H, W] or [N, C, D, H, W]");
    if (grid->rank != x->rank) return infer_fail(f, E_RANK, 1, "x has rank %d and grid rank %d; they must agree", x->rank, grid->rank);
    if (grid->dim[0] != x->dim[0]) return infer_fail(f, E_SHAPE, 1, "%s images, but %s grids", text(f, x->dim[0]), text(f, grid->dim[0]));
    if (!sx_is(grid->dim[x->rank - 1], x->rank - 2)) return infer_fail(f, E_SHAPE, 1, "a place has %d coordinates, but grid's last axis has extent %s", x->rank - 2, text(f, grid->dim[x->rank - 1]));
    bool nearest = f->inst->attr[ATTR_AT(grid_sample, mode)].s[0] == 'n';
    if (!nearest && x->dtype == DT_bool) return infer_fail(f, E_DTYPE, 0, "bools can only be taken from the nearest place");
    if (!has_elements(f)) return false;
    const ir_sx *dim[5] = {x->dim[0], x->dim[1]};
    for (int i = 2; i < x->rank; i++) dim[i] = grid->dim[i - 1];
    f->out[0] = ir_tensor(f->m, x->dtype, x->rank, dim);
    return true;
}

bool sh_affine_grid(infer *f)
{
    const ir_type *theta = f->inst->in[0]->type;
    const ir_attr *size = &f->inst->attr[ATTR_AT(affine_grid, size)];
    int spatial = size->n - 2;
    if (spatial != 2 && spatial != 3) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(affine_grid, size), "size must be [N, C, H, W] or [N, C, D, H, W]");
    if (theta->rank != 3 || !sx_is(theta->dim[1], spatial) || !sx_is(theta->dim[2], spatial + 1)) return infer_fail(f, E_SHAPE, 0, "theta must be [N, %d, %d]", spatial, spatial + 1);
    if (theta->dim[0] != size->sx[0]) return infer_fail_attr(f, E_SHAPE, ATTR_AT(affine_grid, size), "size is for %s images, theta for %s", text(f, size->sx[0]), text(f, theta->dim[0]));
    const ir_sx *dim[5] = {size->sx[0]};
    for (int i = 0; i < spatial; i++) {
        dim[1 + i] = size->sx[2 + i];
        if (sx_min(dim[1 + i]) < 0) return infer_fail_attr(f, E_SIZE, ATTR_AT(affine_grid, size), "extent %s can be negative", text(f, dim[1 + i]));
    }
    dim[1 + spatial] = sx_int(&f->m->sx, spatial);
    f->out[0] = ir_tensor(f->m, theta->dtype, spatial + 2, dim);
    return true;
}

/* ---- regions ------------------------------------------------------------------------------- */

enum { MOST_BINS = 1 << 20 };

static bool regions_of(infer *f, int columns)
{
    const ir_type *x = f->inst->in[0]->type, *rois = f->inst->in[1]->type;
    if (x->rank != 4) return infer_fail(f, E_RANK, 0, "x must be [N, C, H, W]");
    if (rois->rank != 2 || !sx_is(rois->dim[1], columns)) return infer_fail(f, E_SHAPE, 1, "rois must be [regions, %d]", columns);
    if (sx_min(x->dim[0]) < 1) return infer_fail(f, E_SIZE, 0, "there can be no image to read");
    return has_elements(f);
}

static bool pooled_result(infer *f, int attr, int64_t rows, int64_t columns)
{
    const ir_type *x = f->inst->in[0]->type;
    if (rows < 1 || columns < 1 || rows > MOST_BINS || columns > MOST_BINS) return infer_fail_attr(f, E_ATTR_VALUE, attr, "%lld x %lld is no number of bins", (long long)rows, (long long)columns);
    const ir_sx *dim[4] = {f->inst->in[1]->type->dim[0], x->dim[1], sx_int(&f->m->sx, rows), sx_int(&f->m->sx, columns)};
    f->out[0] = ir_tensor(f->m, x->dtype, 4, dim);
    return true;
}

bool sh_roi_align(infer *f)
{
    enum { MOST_POINTS = 32768 };
    if (!regions_of(f, 4)) return false;
    const ir_type *which = f->inst->in[2]->type, *rois = f->inst->in[1]->type;
    int64_t points = ir_int(f->inst, ATTR_AT(roi_align, sampling_ratio));
    if (which->rank != 1 || which->dim[0] != rois->dim[0]) return infer_fail(f, E_SHAPE, 2, "batch_indices must be [%s], one image a region", text(f, rois->dim[0]));
    if (points < 0 || points > MOST_POINTS) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(roi_align, sampling_ratio), "sampling_ratio must be from 0 to %d", MOST_POINTS);
    return pooled_result(f, ATTR_AT(roi_align, output_height), ir_int(f->inst, ATTR_AT(roi_align, output_height)), ir_int(f->inst, ATTR_AT(roi_align, output_width)));
}

bool sh_max_roi_pool(infer *f)
{
    const ir_attr *bins = &f->inst->attr[ATTR_AT(max_roi_pool, pooled_shape)];
    if (!regions_of(f, 5)) return false;
    if (bins->n != 2) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(max_roi_pool, pooled_shape), "pooled_shape must have two numbers");
    return pooled_result(f, ATTR_AT(max_roi_pool, pooled_shape), sx_value(bins->sx[0]), sx_value(bins->sx[1]));
}

/* ---- deformed windows ---------------------------------------------------------------------- */

void deform_window_of(ir_module *m, const ir_inst *inst, window *w)
{
    const ir_type *x = inst->in[0]->type, *kernel = inst->in[1]->type;
    const ir_attr *strides = &inst->attr[ATTR_AT(deform_conv, strides)], *dilations = &inst->attr[ATTR_AT(deform_conv, dilations)];
    const ir_attr *pads = &inst->attr[ATTR_AT(deform_conv, pads)];
    sx_table *t = &m->sx;
    *w = (window){.n = 2};
    for (int i = 0; i < 2; i++) {
        w->in[i] = x->dim[2 + i];
        w->kernel[i] = sx_value(kernel->dim[2 + i]);
        w->stride[i] = strides->n ? sx_value(strides->sx[i]) : 1;
        w->dilation[i] = dilations->n ? sx_value(dilations->sx[i]) : 1;
        w->before[i] = pads->n ? sx_value(pads->sx[i]) : 0;
        w->after[i] = pads->n ? sx_value(pads->sx[2 + i]) : 0;
        int64_t reach = (w->kernel[i] - 1) * w->dilation[i] + 1;
        w->out[i] = sx_add(t, sx_div(t, sx_add(t, w->in[i], sx_int(t, w->before[i] + w->after[i] - reach)), w->stride[i]), sx_int(t, 1));
    }
}

static bool check_list(infer *f, int attr, int want, int64_t least)
{
    const ir_attr *a = &f->inst->attr[attr];
    const char *name = f->info->attr[attr].name;
    if (a->kind == IR_ATTR_NONE) return true;
    if (a->n != want) return infer_fail_attr(f, E_ATTR_VALUE, attr, "%s has %d numbers where %d are needed", name, a->n, want);
    for (int i = 0; i < a->n; i++)
        if (sx_value(a->sx[i]) < least || sx_value(a->sx[i]) > INT32_MAX) return infer_fail_attr(f, E_ATTR_VALUE, attr, "%s has %lld, which is not from %lld to 2147483647", name, (long long)sx_value(a->sx[i]), (long long)least);
    return true;
}

static bool check_deform_attrs(infer *f)
{
    const ir_type *w = f->inst->in[1]->type;
    const ir_attr *shape = &f->inst->attr[ATTR_AT(deform_conv, kernel_shape)];
    if (!check_list(f, ATTR_AT(deform_conv, strides), 2, 1) || !check_list(f, ATTR_AT(deform_conv, dilations), 2, 1) ||
        !check_list(f, ATTR_AT(deform_conv, pads), 4, 0) || !check_list(f, ATTR_AT(deform_conv, kernel_shape), 2, 1)) return false;
    for (int i = 0; i < shape->n; i++)
        if (shape->sx[i] != w->dim[2 + i]) return infer_fail_attr(f, E_SHAPE, ATTR_AT(deform_conv, kernel_shape), "kernel_shape has %s where w has %s", text(f, shape->sx[i]), text(f, w->dim[2 + i]));
    return true;
}

/* Channels and their two kinds of groups. */
static bool check_groups(infer *f)
{
    const ir_type *x = f->inst->in[0]->type, *w = f->inst->in[1]->type;
    int64_t channels = sx_value(x->dim[1]), made = sx_value(w->dim[0]), each = sx_value(w->dim[1]);
    int64_t group = ir_int(f->inst, ATTR_AT(deform_conv, group)), offsets = ir_int(f->inst, ATTR_AT(deform_conv, offset_group));
    if (group < 1 || channels % group || made % group) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(deform_conv, group), "group = %lld does not divide the channels, %lld and %lld", (long long)group, (long long)channels, (long long)made);
    if (offsets < 1 || channels % offsets) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(deform_conv, offset_group), "offset_group = %lld does not divide the %lld channels", (long long)offsets, (long long)channels);
    if (channels / group != each) return infer_fail(f, E_SHAPE, 1, "a group has %lld channels, but w is made for %lld", (long long)(channels / group), (long long)each);
    return true;
}

/* Operand i must be [N, planes, out...]. */
static bool is_map(infer *f, int i, int64_t planes, const window *w)
{
    const ir_value *v = ir_operand(f->inst, i);
    if (!v) return true;
    const ir_type *t = v->type, *x = f->inst->in[0]->type;
    if (t->rank == 4 && t->dim[0] == x->dim[0] && sx_is(t->dim[1], planes) && t->dim[2] == w->out[0] && t->dim[3] == w->out[1]) return true;
    return infer_fail(f, E_SHAPE, i, "%s must be [%s, %lld, %s, %s]", f->info->in[i].name, text(f, x->dim[0]), (long long)planes, text(f, w->out[0]), text(f, w->out[1]));
}

bool sh_deform_conv(infer *f)
{
    const ir_type *x = f->inst->in[0]->type, *w = f->inst->in[1]->type;
    const ir_value *b = ir_operand(f->inst, 3);
    if (x->rank != 4 || w->rank != 4) return infer_fail(f, E_RANK, x->rank != 4 ? 0 : 1, "x and w must have rank 4: two spatial axes");
    if (!ir_is_static(w) || ir_max_elements(w) == 0) return infer_fail(f, E_SHAPE, 1, "the extents of w must be known at compile time, and not 0");
    if (!sx_is_const(x->dim[1])) return infer_fail(f, E_SHAPE, 0, "the number of channels must be known at compile time");
    if (!has_elements(f) || !check_deform_attrs(f) || !check_groups(f)) return false;
    window win;
    deform_window_of(f->m, f->inst, &win);
    for (int i = 0; i < 2; i++) {
        int64_t reach = (win.kernel[i] - 1) * win.dilation[i] + 1;
        if (sx_min(win.in[i]) + win.before[i] + win.after[i] < reach) return infer_fail(f, E_SHAPE, 0, "the window of %lld does not fit into spatial axis %d of extent %s with its pads", (long long)reach, i, text(f, win.in[i]));
    }
    int64_t moved = ir_int(f->inst, ATTR_AT(deform_conv, offset_group)) * win.kernel[0] * win.kernel[1];
    if (!is_map(f, 2, 2 * moved, &win) || !is_map(f, 4, moved, &win)) return false;
    if (b && (b->type->rank != 1 || b->type->dim[0] != w->dim[0])) return infer_fail(f, E_SHAPE, 3, "b must be [%s], one element an output channel", text(f, w->dim[0]));
    const ir_sx *dim[4] = {x->dim[0], w->dim[0], win.out[0], win.out[1]};
    f->out[0] = ir_tensor(f->m, x->dtype, 4, dim);
    return true;
}

/* ---- files --------------------------------------------------------------------------------- */

/* The sides of the largest picture, which are attributes first and first + 1. */
static bool largest_sides(infer *f, int first, int64_t side[2])
{
    enum { MOST_SIDE = 65535 };
    for (int i = 0; i < 2; i++) {
        side[i] = ir_int(f->inst, first + i);
        if (side[i] < 1 || side[i] > MOST_SIDE) return infer_fail_attr(f, E_ATTR_VALUE, first + i, "%s must be from 1 to %d", f->info->attr[first + i].name, MOST_SIDE);
    }
    return true;
}

static const ir_type *constant_shape(infer *f, nfc_dtype t, int rank, const int64_t *extent)
{
    const ir_sx *dim[IR_MAX_RANK];
    for (int i = 0; i < rank; i++) dim[i] = sx_int(&f->m->sx, extent[i]);
    return ir_tensor(f->m, t, rank, dim);
}

static bool has_bytes(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    if (x->rank != 1) return infer_fail(f, E_RANK, 0, "the bytes must be a vector");
    if (sx_min(x->dim[0]) < 1) return infer_fail(f, E_SIZE, 0, "there can be no bytes");
    return true;
}

static int64_t parts_of(const infer *f, int attr) { return f->inst->attr[attr].s[0] == 'G' ? 1 : 3; }

/* Every op that is declared by DECODER. */
bool sh_image_decoder(infer *f)
{
    int64_t side[2], two = 2;
    if (!has_bytes(f) || !largest_sides(f, ATTR_AT(image_decoder, height), side)) return false;
    f->out[0] = constant_shape(f, DT_u8, 3, (const int64_t[]){side[0], side[1], parts_of(f, ATTR_AT(image_decoder, pixel_format))});
    f->out[1] = constant_shape(f, DT_i64, 1, &two);
    return true;
}

bool sh_decode_bmp(infer *f) { return sh_image_decoder(f); }
bool sh_decode_pnm(infer *f) { return sh_image_decoder(f); }
bool sh_decode_tiff(infer *f) { return sh_image_decoder(f); }
bool sh_decode_png(infer *f) { return sh_image_decoder(f); }

bool sh_image_format(infer *f)
{
    int64_t formats = IMAGE_FORMATS;
    if (!has_bytes(f)) return false;
    f->out[0] = constant_shape(f, DT_i64, 1, &formats);
    return true;
}

bool sh_png_bytes(infer *f)
{
    int64_t side[2], head = PNG_HEAD;
    if (!has_bytes(f) || !largest_sides(f, ATTR_AT(png_bytes, height), side)) return false;
    f->out[0] = constant_shape(f, DT_u8, 1, (const int64_t[]){png_room(side[0], side[1])});
    f->out[1] = constant_shape(f, DT_u8, 2, (const int64_t[]){PNG_COLOURS, 3});
    f->out[2] = constant_shape(f, DT_i64, 1, &head);
    return true;
}

bool sh_jpeg_coefficients(infer *f)
{
    int64_t side[2], frame = JPEG_FRAME;
    if (!has_bytes(f) || !largest_sides(f, ATTR_AT(jpeg_coefficients, height), side)) return false;
    f->out[0] = constant_shape(f, DT_i16, 4, (const int64_t[]){JPEG_PARTS, jpeg_blocks(side[0]), jpeg_blocks(side[1]), JPEG_ELEMENTS});
    f->out[1] = constant_shape(f, DT_i32, 2, (const int64_t[]){JPEG_PARTS, JPEG_ELEMENTS});
    f->out[2] = constant_shape(f, DT_i64, 1, &frame);
    return true;
}

/* Operand i must have this shape. */
static bool has_shape(infer *f, int i, int rank, const int64_t *extent)
{
    const ir_type *t = f->inst->in[i]->type, *want = constant_shape(f, t->dtype, rank, extent);
    return ir_same_type(t, want) || infer_fail(f, E_SHAPE, i, "%s must be %s", f->info->in[i].name, ir_type_text(f->m->arena, want));
}

bool sh_png_image(infer *f)
{
    int64_t side[2], head = PNG_HEAD;
    if (!largest_sides(f, ATTR_AT(png_image, height), side)) return false;
    if (!has_shape(f, 0, 1, (const int64_t[]){png_room(side[0], side[1])}) || !has_shape(f, 1, 2, (const int64_t[]){PNG_COLOURS, 3}) || !has_shape(f, 2, 1, &head)) return false;
    f->out[0] = constant_shape(f, DT_u8, 3, (const int64_t[]){side[0], side[1], parts_of(f, ATTR_AT(png_image, pixel_format))});
    return true;
}

bool sh_jpeg_samples(infer *f)
{
    const ir_type *t = f->inst->in[0]->type;
    if (t->rank != 4 || !ir_is_static(t) || !sx_is(t->dim[0], JPEG_PARTS) || !sx_is(t->dim[3], JPEG_ELEMENTS)) return infer_fail(f, E_SHAPE, 0, "coefficients must be [%d, rows, columns, %d], known at compile time", JPEG_PARTS, JPEG_ELEMENTS);
    if (!has_shape(f, 1, 2, (const int64_t[]){JPEG_PARTS, JPEG_ELEMENTS})) return false;
    f->out[0] = constant_shape(f, DT_u8, 3, (const int64_t[]){JPEG_PARTS, JPEG_BLOCK * sx_value(t->dim[1]), JPEG_BLOCK * sx_value(t->dim[2])});
    return true;
}

bool sh_jpeg_image(infer *f)
{
    int64_t side[2], frame = JPEG_FRAME;
    if (!largest_sides(f, ATTR_AT(jpeg_image, height), side)) return false;
    if (!has_shape(f, 0, 3, (const int64_t[]){JPEG_PARTS, JPEG_BLOCK * jpeg_blocks(side[0]), JPEG_BLOCK * jpeg_blocks(side[1])}) || !has_shape(f, 1, 1, &frame)) return false;
    f->out[0] = constant_shape(f, DT_u8, 3, (const int64_t[]){side[0], side[1], parts_of(f, ATTR_AT(jpeg_image, pixel_format))});
    return true;
}
