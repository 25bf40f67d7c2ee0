#include "ir/make.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ir/dom.h"

/* ---- instructions ------------------------------------------------------------------------- */

ir_inst *mk_begin(mk *k, ir_op op, int nin, ir_value *const *in)
{
    ir_inst *inst = ir_new(k->m, op, k->at, nin, in);
    inst->scope = k->scope;
    inst->hints = k->hints;
    return inst;
}

static ir_attr *attribute(ir_inst *inst, const char *name)
{
    const op_info *info = op_get(inst->op);
    int i = op_attr_find(info, name);
    if (i < 0) {
        fprintf(stderr, "nfc: %s has no attribute '%s'\n", info->name, name);
        abort();
    }
    inst->attr[i] = (ir_attr){.at = inst->at};
    return &inst->attr[i];
}

void mk_int(ir_inst *inst, const char *attr, int64_t value)
{
    ir_attr *a = attribute(inst, attr);
    a->kind = IR_ATTR_INT;
    a->i = value;
}

void mk_float(ir_inst *inst, const char *attr, double value)
{
    ir_attr *a = attribute(inst, attr);
    a->kind = IR_ATTR_FLOAT;
    a->f = value;
}

void mk_text(mk *k, ir_inst *inst, const char *attr, const char *value)
{
    ir_attr *a = attribute(inst, attr);
    a->kind = IR_ATTR_STR;
    a->s = intern(&k->m->session->names, value);
}

void mk_dtype(ir_inst *inst, const char *attr, nfc_dtype value)
{
    ir_attr *a = attribute(inst, attr);
    a->kind = IR_ATTR_DTYPE;
    a->t = value;
}

void mk_sxs(mk *k, ir_inst *inst, const char *attr, int n, const ir_sx *const *value)
{
    ir_attr *a = attribute(inst, attr);
    a->kind = IR_ATTR_SXS;
    a->n = n;
    a->sx = ARENA_ARRAY(k->m->arena, const ir_sx *, n);
    for (int i = 0; i < n; i++) a->sx[i] = value[i];
}

void mk_ints(mk *k, ir_inst *inst, const char *attr, int n, const int64_t *value)
{
    const ir_sx **sx = ARENA_ARRAY(k->m->arena, const ir_sx *, n);
    for (int i = 0; i < n; i++) sx[i] = mk_sx(k, value[i]);
    mk_sxs(k, inst, attr, n, sx);
}

void mk_floats(mk *k, ir_inst *inst, const char *attr, int n, const double *value)
{
    ir_attr *a = attribute(inst, attr);
    double *copy = ARENA_ARRAY(k->m->arena, double, n);
    for (int i = 0; i < n; i++) copy[i] = value[i];
    a->kind = IR_ATTR_FLOATS;
    a->n = n;
    a->fs = copy;
}

void mk_index(ir_inst *inst, int i, const ir_sx *value) { inst->index[i] = value; }

void mk_put(mk *k, ir_inst *inst)
{
    if (k->before) ir_insert_before(k->before, inst);
    else ir_append(k->block, inst);
    if (k->made) k->made(k->env, inst);
}

/* Index operands that were not set have their defaults. */
static void default_indices(mk *k, ir_inst *inst)
{
    const op_info *info = op_get(inst->op);
    for (int i = 0; i < info->nindex; i++)
        if (!inst->index[i] && !info->index[i].required) inst->index[i] = mk_sx(k, info->index[i].fallback);
}

ir_value *mk_end(mk *k, ir_inst *inst, int nresult)
{
    default_indices(k, inst);
    if (!ir_infer(k->m, inst, nresult, k->written)) k->failed = true;
    mk_put(k, inst);
    return inst->out[0];
}

ir_value *mk_op1(mk *k, ir_op op, ir_value *x) { return mk_end(k, mk_begin(k, op, 1, &x), 1); }

ir_value *mk_op2(mk *k, ir_op op, ir_value *x, ir_value *y)
{
    return mk_end(k, mk_begin(k, op, 2, (ir_value *[]){x, y}), 1);
}

ir_value *mk_op3(mk *k, ir_op op, ir_value *x, ir_value *y, ir_value *z)
{
    return mk_end(k, mk_begin(k, op, 3, (ir_value *[]){x, y, z}), 1);
}

/* ---- constants ---------------------------------------------------------------------------- */

ir_value *mk_const(mk *k, const ir_type *type, const void *data)
{
    ir_inst *inst = ir_constant(k->m, k->at, type, data);
    inst->scope = k->scope;
    mk_put(k, inst);
    return inst->out[0];
}

static ir_value *scalar(mk *k, nfc_dtype dtype, double value, int64_t exact)
{
    ir_inst *inst = ir_constant_scalar(k->m, k->at, dtype, value, exact);
    inst->scope = k->scope;
    mk_put(k, inst);
    return inst->out[0];
}

ir_value *mk_number(mk *k, nfc_dtype dtype, double value)
{
    bool fits = value >= -0x1p63 && value < 0x1p63;
    return scalar(k, dtype, value, fits ? (int64_t)value : 0);
}

ir_value *mk_integer(mk *k, nfc_dtype dtype, int64_t value) { return scalar(k, dtype, (double)value, value); }

ir_value *mk_int_vector(mk *k, nfc_dtype dtype, int n, const int64_t *value)
{
    void *data = arena_alloc(k->m->arena, (size_t)(n ? n : 1) * 8);
    for (int i = 0; i < n; i++) dtype_set_int(dtype, data, (size_t)i, value[i]);
    return mk_const(k, ir_tensor(k->m, dtype, 1, (const ir_sx *[]){mk_sx(k, n)}), data);
}

ir_value *mk_filled(mk *k, const ir_type *type, double value)
{
    ir_value *one = mk_number(k, type->dtype, value);
    return type->rank ? mk_expand(k, one, type->rank, type->dim) : one;
}

/* ---- moves -------------------------------------------------------------------------------- */

static bool has_shape(const ir_value *x, int rank, const ir_sx *const *dim)
{
    if (x->type->rank != rank) return false;
    for (int i = 0; i < rank; i++)
        if (x->type->dim[i] != dim[i]) return false;
    return true;
}

ir_value *mk_cast(mk *k, ir_value *x, nfc_dtype to)
{
    if (ir_is_poison(x) || x->type->dtype == to) return x;
    ir_inst *inst = mk_begin(k, IR_cast, 1, &x);
    mk_dtype(inst, "to", to);
    return mk_end(k, inst, 1);
}

ir_value *mk_reshape(mk *k, ir_value *x, int rank, const ir_sx *const *dim)
{
    if (ir_is_poison(x) || has_shape(x, rank, dim)) return x;
    ir_inst *inst = mk_begin(k, IR_reshape, 1, &x);
    mk_sxs(k, inst, "shape", rank, dim);
    mk_int(inst, "allowzero", 1);
    return mk_end(k, inst, 1);
}

ir_value *mk_expand(mk *k, ir_value *x, int rank, const ir_sx *const *dim)
{
    if (ir_is_poison(x) || has_shape(x, rank, dim)) return x;
    ir_inst *inst = mk_begin(k, IR_expand, 1, &x);
    mk_sxs(k, inst, "shape", rank, dim);
    return mk_end(k, inst, 1);
}

ir_value *mk_transpose(mk *k, ir_value *x, const int *perm)
{
    if (ir_is_poison(x)) return x;
    int64_t axes[IR_MAX_RANK];
    bool same = true;
    for (int i = 0; i < x->type->rank; i++) {
        axes[i] = perm[i];
        same &= perm[i] == i;
    }
    if (same) return x;
    ir_inst *inst = mk_begin(k, IR_transpose, 1, &x);
    mk_ints(k, inst, "perm", x->type->rank, axes);
    return mk_end(k, inst, 1);
}

ir_value *mk_slice(mk *k, ir_value *x, int axis, const ir_sx *begin, const ir_sx *end)
{
    if (ir_is_poison(x) || (sx_is(begin, 0) && end == x->type->dim[axis])) return x;
    const ir_sx *size = sx_sub(&k->m->sx, end, begin);
    if (sx_min(size) < 0 && !sx_is_const(size)) end = sx_add(&k->m->sx, begin, mk_require(k, size, 0, sx_max(x->type->dim[axis])));
    ir_inst *inst = mk_begin(k, IR_slice, 1, &x);
    mk_sxs(k, inst, "starts", 1, &begin);
    mk_sxs(k, inst, "ends", 1, &end);
    mk_ints(k, inst, "axes", 1, (int64_t[]){axis});
    mk_int(inst, "exact", 1);
    return mk_end(k, inst, 1);
}

ir_value *mk_pick(mk *k, ir_value *x, int axis, const ir_sx *at)
{
    return mk_squeeze(k, mk_slice(k, x, axis, at, sx_add(&k->m->sx, at, mk_sx(k, 1))), axis);
}

ir_value *mk_update(mk *k, ir_value *data, ir_value *value, const ir_sx *const *starts)
{
    if (ir_is_poison(data) || ir_is_poison(value)) return data;
    ir_inst *inst = mk_begin(k, IR_update, 2, (ir_value *[]){data, value});
    mk_sxs(k, inst, "starts", data->type->rank, starts);
    return mk_end(k, inst, 1);
}

ir_value *mk_concat(mk *k, int n, ir_value *const *x, int axis)
{
    if (n == 1) return x[0];
    ir_inst *inst = mk_begin(k, IR_concat, n, x);
    mk_int(inst, "axis", axis);
    return mk_end(k, inst, 1);
}

static ir_value *with_axis(mk *k, ir_op op, ir_value *x, int axis)
{
    if (ir_is_poison(x)) return x;
    ir_inst *inst = mk_begin(k, op, 1, &x);
    mk_ints(k, inst, "axes", 1, (int64_t[]){axis});
    return mk_end(k, inst, 1);
}

ir_value *mk_unsqueeze(mk *k, ir_value *x, int axis) { return with_axis(k, IR_unsqueeze, x, axis); }

ir_value *mk_squeeze(mk *k, ir_value *x, int axis) { return with_axis(k, IR_squeeze, x, axis); }

ir_value *mk_gather(mk *k, ir_value *data, ir_value *indices, int axis)
{
    ir_inst *inst = mk_begin(k, IR_gather, 2, (ir_value *[]){data, indices});
    mk_int(inst, "axis", axis);
    return mk_end(k, inst, 1);
}

ir_value *mk_reduce(mk *k, ir_op op, ir_value *x, uint32_t axes, bool keepdims)
{
    int64_t axis[IR_MAX_RANK];
    int n = 0;
    for (int i = 0; i < IR_MAX_RANK; i++)
        if (axes >> i & 1) axis[n++] = i;
    if (n == 0) return x;
    ir_inst *inst = mk_begin(k, op, 1, &x);
    mk_ints(k, inst, "axes", n, axis);
    mk_int(inst, "keepdims", keepdims);
    return mk_end(k, inst, 1);
}

/* ---- indices ------------------------------------------------------------------------------ */

ir_value *mk_index_tensor(mk *k, const ir_sx *x, nfc_dtype dtype)
{
    if (sx_is_const(x)) return mk_integer(k, dtype, sx_value(x));
    ir_inst *inst = mk_begin(k, IR_index_tensor, 0, NULL);
    inst->nindex = 1;
    inst->index = ARENA_ARRAY(k->m->arena, const ir_sx *, 1);
    inst->index[0] = x;
    ir_value *v = ir_add_result(k->m, inst, ir_scalar(k->m, dtype), NULL, k->at);
    mk_put(k, inst);
    return v;
}

const ir_sx *mk_index_read(mk *k, ir_value *value, int64_t lo, int64_t hi)
{
    if (ir_is_poison(value)) return mk_sx(k, lo);
    ir_inst *inst = mk_begin(k, IR_index_read, 1, &value);
    ir_value *v = ir_add_result(k->m, inst, ir_index_type(k->m), value->name, k->at);
    const ir_sym *sym = ir_index_sym(k->m, v, lo, hi);
    mk_put(k, inst);
    return sx_sym(&k->m->sx, sym);
}

const ir_sx *mk_require(mk *k, const ir_sx *x, int64_t min, int64_t max)
{
    int64_t lo, hi;
    sx_range(x, &lo, &hi);
    if (lo >= min && hi <= max && sx_fits(x)) return x;
    bool may_hold = hi >= min && lo <= max;
    if (may_hold && lo > min) min = lo;
    if (may_hold && hi < max) max = hi;
    ir_inst *inst = mk_begin(k, IR_require, 0, NULL);
    inst->index[0] = x;
    mk_int(inst, "min", min);
    mk_int(inst, "max", max);
    ir_value *v = ir_add_result(k->m, inst, ir_index_type(k->m), NULL, k->at);
    const ir_sym *sym = ir_index_sym(k->m, v, min, max);
    mk_put(k, inst);
    return min == max ? mk_sx(k, min) : sx_sym(&k->m->sx, sym);
}

ir_value *mk_index_vector(mk *k, int n, const ir_sx *const *x, nfc_dtype dtype)
{
    bool known = true;
    for (int i = 0; i < n; i++) known &= sx_is_const(x[i]);
    if (known) {
        int64_t *value = ARENA_ARRAY(k->m->arena, int64_t, n ? n : 1);
        for (int i = 0; i < n; i++) value[i] = sx_value(x[i]);
        return mk_int_vector(k, dtype, n, value);
    }
    ir_value **part = ARENA_ARRAY(k->m->arena, ir_value *, n);
    for (int i = 0; i < n; i++) part[i] = mk_unsqueeze(k, mk_index_tensor(k, x[i], dtype), 0);
    return mk_concat(k, n, part, 0);
}

/* ---- blocks ------------------------------------------------------------------------------- */

ir_block *mk_block(mk *k, const char *name, int n, const ir_type *const *types)
{
    ir_block *b = ir_block_new(k->block->region, name, k->at);
    for (int i = 0; i < n; i++) ir_block_arg(b, types[i], NULL, k->at);
    return b;
}

void mk_stand(mk *k, ir_block *block)
{
    k->block = block;
    k->before = NULL;
}

static void end_block(mk *k, ir_inst *end) { ir_append(k->block, end); }

void mk_branch(mk *k, ir_block *to, int n, ir_value *const *args)
{
    ir_inst *end = mk_begin(k, IR_br, 0, NULL);
    ir_set_edge(k->m, end, 0, to, n, args);
    end_block(k, end);
}

void mk_cond_branch(mk *k, ir_value *cond, ir_block *then, int nthen, ir_value *const *then_args, ir_block *otherwise, int nother, ir_value *const *other_args)
{
    ir_inst *end = mk_begin(k, IR_cond_br, 1, &cond);
    ir_set_edge(k->m, end, 0, then, nthen, then_args);
    ir_set_edge(k->m, end, 1, otherwise, nother, other_args);
    end_block(k, end);
}

void mk_break(mk *k, int n, ir_value *const *values) { end_block(k, mk_begin(k, IR_break, n, values)); }

static void order(mk *k, ir_region *region)
{
    nfc_arena *scratch = arena_child(k->m->arena);
    ir_order_blocks(scratch, region);
    arena_free(scratch);
}

/* ---- loops -------------------------------------------------------------------------------- */

void mk_loop_begin(mk *k, mk_loop *loop, const char *name, const ir_sx *begin, const ir_sx *end, int n, ir_value *const *init)
{
    ir_inst *inst = mk_begin(k, IR_loop, n, init);
    inst->label = name;
    inst->nindex = 2;
    inst->index = ARENA_ARRAY(k->m->arena, const ir_sx *, 2);
    inst->index[0] = begin;
    inst->index[1] = end;
    mk_put(k, inst);
    inst->nregion = 1;
    inst->region[0] = ir_region_new(inst->block->region->graph, inst);
    ir_block *body = ir_block_new(inst->region[0], "body", k->at);
    ir_value *trip = ir_block_arg(body, ir_index_type(k->m), name, k->at);
    int64_t lo = sx_min(begin), hi = sx_max(end) - 1;
    const ir_sym *sym = ir_index_sym(k->m, trip, lo, hi < lo ? lo : hi);
    *loop = (mk_loop){.inst = inst, .index = sx_sym(&k->m->sx, sym), .n = n, .outside = *k};
    loop->carried = ARENA_ARRAY(k->m->arena, ir_value *, n);
    for (int i = 0; i < n; i++) loop->carried[i] = ir_block_arg(body, init[i]->type, init[i]->name, k->at);
    k->block = body;
    k->before = NULL;
}

void mk_loop_end(mk *k, mk_loop *loop, ir_value *const *next)
{
    end_block(k, mk_begin(k, IR_yield, loop->n, next));
    order(k, loop->inst->region[0]);
    k->block = loop->outside.block;
    k->before = loop->outside.before;
    for (int i = 0; i < loop->n; i++) loop->carried[i] = ir_add_result(k->m, loop->inst, loop->inst->in[i]->type, NULL, k->at);
}
