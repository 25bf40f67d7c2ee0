/* Shape rules of the two transforms around the products of Winograd's convolution. */
#include "ir/shape.h"
#include "ir/winograd.h"

static const char *text(const infer *f, const ir_sx *x) { return sx_text(f->m->arena, x); }

static int64_t tiles_over(int64_t results, int64_t tile) { return (results + tile - 1) / tile; }

void winograd_input_of(const ir_inst *inst, winograd_area *a)
{
    const ir_type *x = inst->in[0]->type;
    const ir_attr *pads = &inst->attr[ATTR_AT(winograd_input, pads)];
    int64_t tile = ir_int(inst, ATTR_AT(winograd_input, tile)), rows = ir_int(inst, ATTR_AT(winograd_input, rows));
    for (int i = 0; i < 2; i++) {
        a->in[i] = sx_value(x->dim[2 + i]);
        a->before[i] = pads->n ? sx_value(pads->sx[i]) : 0;
        int64_t room = a->in[i] + a->before[i] + (pads->n ? sx_value(pads->sx[2 + i]) : 0) - WINOGRAD_WINDOW;
        a->out[i] = room < 0 ? 0 : room / winograd_stride(tile) + 1;
        a->tiles[i] = tiles_over(a->out[i], tile);
    }
    if (rows) a->tiles[0] = rows;
}

bool sh_winograd_input(infer *f)
{
    const ir_type *x = f->inst->in[0]->type;
    int64_t tile = ir_int(f->inst, ATTR_AT(winograd_input, tile)), rows = ir_int(f->inst, ATTR_AT(winograd_input, rows));
    if (x->rank != 4) return infer_fail(f, E_RANK, 0, "x must be [N, C, H, W]");
    for (int i = 1; i < 4; i++)
        if (!sx_is_const(x->dim[i]) || sx_is(x->dim[i], 0)) return infer_fail(f, E_SHAPE, 0, "channels, height and width of x must be known at compile time, and not 0");
    if (!winograd_has(tile)) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(winograd_input, tile), "tile must be 2, 3 or 4");
    if (rows < 0 || rows > INT32_MAX) return infer_fail_attr(f, E_ATTR_VALUE, ATTR_AT(winograd_input, rows), "rows must be from 0 to 2147483647");
    if (!infer_list(f, "pads", 4, 0)) return false;
    const ir_sx *row = f->inst->index[0];
    winograd_area a;
    winograd_input_of(f->inst, &a);
    for (int i = 0; i < 2; i++)
        if (a.out[i] < 1) return infer_fail(f, E_SHAPE, 0, "the window of 3 does not fit into spatial axis %d of extent %s with its pads", i, text(f, x->dim[2 + i]));
    if (sx_min(row) < 0 || sx_max(row) >= a.out[0]) return infer_fail(f, E_SIZE, 0, "row is %s, but there are %lld rows of results", text(f, row), (long long)a.out[0]);
    const ir_sx *size = sx_int(&f->m->sx, winograd_size_of(tile));
    const ir_sx *dim[6] = {size, size, x->dim[0], sx_int(&f->m->sx, a.tiles[0]), sx_int(&f->m->sx, a.tiles[1]), x->dim[1]};
    f->out[0] = ir_tensor(f->m, x->dtype, 6, dim);
    return true;
}

bool sh_winograd_output(infer *f)
{
    enum { HEIGHT = ATTR_AT(winograd_output, height) };
    const ir_type *x = f->inst->in[0]->type;
    const ir_value *b = ir_operand(f->inst, 1);
    const ir_sx *dim[4] = {NULL};
    if (x->rank != 6) return infer_fail(f, E_RANK, 0, "x must be [A, A, N, rows of tiles, tiles of a row, M]");
    for (int i = 0; i < 6; i++)
        if (i != 2 && !sx_is_const(x->dim[i])) return infer_fail(f, E_SHAPE, 0, "of x only N may be unknown at compile time");
    int64_t tile = winograd_tile_of(sx_value(x->dim[0]));
    if (x->dim[0] != x->dim[1] || !tile) return infer_fail(f, E_SHAPE, 0, "axes 0 and 1 of x must both be 4, 6 or 7, not %s and %s", text(f, x->dim[0]), text(f, x->dim[1]));
    for (int i = 0; i < 2; i++) {
        int64_t extent = ir_int(f->inst, HEIGHT + i);
        if (extent < 1 || tiles_over(extent, tile) != sx_value(x->dim[3 + i]))
            return infer_fail_attr(f, E_ATTR_VALUE, HEIGHT + i, "%lld results are not what %s tiles of %lld make", (long long)extent, text(f, x->dim[3 + i]), (long long)tile);
        dim[2 + i] = sx_int(&f->m->sx, extent);
    }
    dim[0] = x->dim[2];
    dim[1] = x->dim[5];
    if (b && (b->type->rank != 1 || b->type->dim[0] != dim[1])) return infer_fail(f, E_SHAPE, 1, "b must be [%s], one element a channel", text(f, dim[1]));
    f->out[0] = ir_tensor(f->m, x->dtype, 4, dim);
    return true;
}
