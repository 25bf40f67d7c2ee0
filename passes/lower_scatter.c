/* Ops that put elements where indices say. What they leave alone is copied first. */
#include <string.h>
#include "ir/shape.h"
#include "passes/lower_kir.h"

static const ir_sx *zero(lw *l) { return sx_int(l->sx, 0); }

/* Axes first .. end - 1. */
static uint32_t axes_from(int first, int end) { return (1u << end) - (1u << first); }

/* The coordinates that stand along the last axis of indices, of which `which` has the others, as
 * places on the axes of data from `axis` on. */
static void chosen_all(lw *l, const ir_inst *inst, const ir_sx **which, int axis, const ir_sx **at)
{
    const ir_type *indices = inst->in[1]->type;
    int last = indices->rank - 1, n = (int)sx_value(indices->dim[last]);
    for (int i = 0; i < n; i++) {
        which[last] = sx_int(l->sx, i);
        at[axis + i] = lw_checked_index(l, lw_axis_names(inst->in[0]->type->rank)[axis + i],
                                        inst->in[1], which, inst->in[0]->type->dim[axis + i]);
    }
}

const kir_expr *lx_gather_nd(lw *l, const ir_inst *inst, int result, const ir_sx *const *index)
{
    (void)result;
    const ir_type *x = inst->in[0]->type, *indices = inst->in[1]->type;
    int batch = (int)ir_int(inst, ATTR_AT(gather_nd, batch_dims)), lead = indices->rank - 1,
        n = (int)sx_value(indices->dim[lead]);
    const ir_sx *which[IR_MAX_RANK], *at[IR_MAX_RANK];
    memcpy(which, index, sizeof which[0] * (size_t)lead);
    memcpy(at, index, sizeof at[0] * (size_t)batch);
    chosen_all(l, inst, which, batch, at);
    for (int i = batch + n; i < x->rank; i++) at[i] = index[lead + i - batch - n];
    return lw_load(l, inst->in[0], at);
}

/* Stores an update, or what it makes together with what is there. */
static void update(lw *l, const ir_inst *inst, const ir_sx *const *to, const ir_sx *const *from)
{
    static const struct {
        const char *name;
        kir_bin op;
    } reductions[] = {{"add", KB_ADD}, {"mul", KB_MUL}, {"max", KB_MAX}, {"min", KB_MIN}};
    const char *how = ir_attr_named(inst, "reduction")->s;
    const kir_expr *value = lw_load(l, inst->in[2], from);
    for (size_t i = 0; i < sizeof reductions / sizeof *reductions; i++)
        if (strcmp(how, reductions[i].name) == 0)
            value = kir_binary(&l->b, reductions[i].op, lw_stored(l, 0, to), value);
    lw_store(l, 0, to, value);
}

static void copy_data(lw *l, const ir_inst *inst, uint32_t axes, bool parallel, const ir_sx **at)
{
    int loops = lw_for_axes(l, inst->in[0]->type, axes, parallel, at);
    lw_store(l, 0, at, lw_load(l, inst->in[0], at));
    lw_close(l, loops);
}

/* Where indices are shorter than data, what lies behind them is left alone: guards on those axes of a
 * mask, and the coordinates that hold inside of them. Returns how many guards. */
static int inside_of(lw *l, const ir_type *x, const ir_type *indices, uint32_t axes,
                     const ir_sx *const *at, const ir_sx **from)
{
    int guards = 0;
    for (int i = 0; i < x->rank; i++) {
        if (!(axes >> i & 1)) continue;
        from[i] = at[i];
        if (x->dim[i] == indices->dim[i]) continue;
        lw_if(l, lw_inside(l, at[i], indices->dim[i]));
        from[i] =
            kir_let_index(&l->b, "at", kir_index(&l->b, at[i]), 0, sx_max(indices->dim[i]) - 1);
        guards++;
    }
    return guards;
}

/* The axis along which elements lie side by side, if it is behind the one that indices choose on: its
 * loop is innermost. -1: there is none. */
static int innermost_behind(const lw *l, const ir_type *x, int axis)
{
    if (l->outer == KIR_GRID) return -1;
    for (int i = x->rank - 1; i > axis; i--)
        if (!sx_is(x->dim[i], 1)) return i;
    return -1;
}

/* Rows along the axis are apart from each other. */
bool lo_scatter_elements(lw *l, const ir_inst *inst)
{
    const ir_type *x = inst->in[0]->type, *indices = inst->in[1]->type;
    int axis = (int)ir_int(inst, ATTR_AT(scatter_elements, axis));
    if (axis < 0) axis += x->rank;
    const int last = innermost_behind(l, x, axis);
    const uint32_t chosen = 1u << axis, inner = last < 0 ? 0 : 1u << last,
                   outer = axes_from(0, x->rank) & ~chosen & ~inner;
    const ir_sx *at[IR_MAX_RANK], *from[IR_MAX_RANK];
    int loops = lw_for_axes(l, x, outer, true, at);
    copy_data(l, inst, chosen | inner, false, at);
    if (ir_max_elements(indices) > 0) {
        int open = inside_of(l, x, indices, outer, at, from);
        from[axis] = lw_for(l, "u", indices->dim[axis]);
        open += lw_for_axes(l, x, inner, false, at);
        open += inside_of(l, x, indices, inner, at, from);
        at[axis] = lw_checked_index(l, "to", inst->in[1], from, x->dim[axis]);
        update(l, inst, at, from);
        lw_close(l, open + 1);
    }
    lw_close(l, loops);
    return true;
}

/* The axes that no index chooses from are apart from each other: where one loop runs over the whole
 * kernel it is over them, else they are innermost. */
bool lo_scatter_nd(lw *l, const ir_inst *inst)
{
    const ir_type *x = inst->in[0]->type, *indices = inst->in[1]->type;
    int lead = indices->rank - 1, n = (int)sx_value(indices->dim[lead]), loops = 0;
    bool grid = l->outer == KIR_GRID;
    uint32_t chosen = axes_from(0, n), free_axes = axes_from(n, x->rank);
    const ir_sx *at[IR_MAX_RANK], *from[IR_MAX_RANK];
    if (grid) loops = lw_for_axes(l, x, free_axes, true, at);
    copy_data(l, inst, grid ? chosen : chosen | free_axes, !grid, at);
    if (ir_max_elements(indices) > 0) {
        int updates = 0;
        for (int i = 0; i < lead; i++, updates++)
            from[i] =
                lw_for(l, lead == 1 ? "u" : arena_printf(l->m->arena, "u%d", i), indices->dim[i]);
        chosen_all(l, inst, from, 0, at);
        if (!grid) updates += lw_for_axes(l, x, free_axes, false, at);
        for (int i = n; i < x->rank; i++) from[lead + i - n] = at[i];
        update(l, inst, at, from);
        lw_close(l, updates);
    }
    lw_close(l, loops);
    return true;
}

/* The first place that a batch writes to: in range or, when circular, brought there. */
static const ir_sx *write_index(lw *l, const ir_inst *inst, const ir_sx *batch, const ir_sx *room,
                                const ir_sx *n)
{
    kir_builder *b = &l->b;
    const kir_expr *none = kir_index(b, zero(l)),
                   *value = kir_cast(b, KIR_INDEX_TYPE, lw_load(l, inst->in[2], &batch));
    const ir_sx *raw = kir_let_index(b, "first", value, INT64_MIN, INT64_MAX),
                *last = sx_sub(l->sx, room, n);
    const kir_expr *x = kir_index(b, raw);
    if (*inst->attr[ATTR_AT(tensor_scatter, mode)].s == 'c') {
        last = sx_sub(l->sx, room, sx_int(l->sx, 1));
        x = lw_named(l, "rest", kir_binary(b, KB_REM, x, kir_index(b, room)));
        x = kir_select(b, kir_binary(b, KB_LT, x, none),
                       kir_binary(b, KB_ADD, x, kir_index(b, room)), x);
    } else {
        kir_if(b, lw_bin(l, OR, kir_binary(b, KB_LT, x, none),
                         kir_binary(b, KB_LT, kir_index(b, last), x)));
        kir_fail(b, KIR_FAIL_INDEX);
        kir_close(b);
    }
    return kir_let_index(b, "start",
                         kir_binary(b, KB_MIN, kir_binary(b, KB_MAX, x, none), kir_index(b, last)),
                         0, sx_max(last));
}

/* Rows along the axis are apart from each other. */
bool lo_tensor_scatter(lw *l, const ir_inst *inst)
{
    kir_builder *b = &l->b;
    const ir_type *x = inst->in[0]->type, *update = inst->in[1]->type;
    int axis = (int)ir_int(inst, ATTR_AT(tensor_scatter, axis));
    if (axis < 0) axis += x->rank;
    const ir_sx *at[IR_MAX_RANK], *from[IR_MAX_RANK], *room = x->dim[axis], *start = zero(l);
    int loops = lw_for_axes(l, x, axes_from(0, x->rank) & ~(1u << axis), true, at);
    copy_data(l, inst, 1u << axis, false, at);
    memcpy(from, at, sizeof from);
    if (ir_operand(inst, 2) && ir_max_elements(update) > 0)
        start = write_index(l, inst, at[0], room, update->dim[axis]);
    from[axis] = lw_for(l, "u", update->dim[axis]);
    at[axis] = sx_add(l->sx, start, from[axis]);
    if (sx_max(at[axis]) >= sx_min(room) && *inst->attr[ATTR_AT(tensor_scatter, mode)].s == 'c') {
        const kir_expr *to = kir_index(b, at[axis]),
                       *beyond = kir_index(b, sx_sub(l->sx, at[axis], room));
        to = kir_select(b, kir_binary(b, KB_LT, to, kir_index(b, room)), to,
                        kir_binary(b, KB_MAX, beyond, kir_index(b, zero(l))));
        at[axis] = kir_let_index(
            b, "to", kir_binary(b, KB_MIN, to, kir_index(b, sx_sub(l->sx, room, sx_int(l->sx, 1)))),
            0, sx_max(room) - 1);
    }
    lw_store(l, 0, at, lw_load(l, inst->in[1], from));
    lw_close(l, loops + 1);
    return true;
}
