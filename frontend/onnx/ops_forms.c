/* Operators whose rows have as attributes what models give as operands, and whose old forms differ. */
#include <string.h>
#include "frontend/onnx/import.h"

/* ---- helpers -------------------------------------------------------------------------------- */

static ir_value *least(mk *k, ir_value *a, ir_value *b) { return mk_end(k, mk_begin(k, IR_min, 2, (ir_value *[]){a, b}), 1); }
static ir_value *most(mk *k, ir_value *a, ir_value *b) { return mk_end(k, mk_begin(k, IR_max, 2, (ir_value *[]){a, b}), 1); }

/* A tensor of one element as a scalar of type i64. */
static ir_value *scalar(im_node *n, int i)
{
    ir_value *v = im_need(n, i);
    if (ir_is_poison(v)) return v;
    if (ir_max_elements(v->type) == 1) return mk_cast(n->k, mk_reshape(n->k, v, 0, NULL), DT_i64);
    im_fail(n, E_SHAPE, i, "'%s' has %lld elements; one is wanted", n->in[i]->name, (long long)ir_max_elements(v->type));
    return im_poison(n->o);
}

/* The integer that operand i is at compile time. */
static bool known_integer(im_node *n, int i, int64_t *out)
{
    ir_value *v = scalar(n, i);
    if (ir_is_poison(v)) return false;
    const void *data = im_const_data(n->o, v);
    if (data) *out = dtype_get_int(DT_i64, data, 0);
    return data != NULL;
}

/* A tensor [n] along `axis` of a tensor of that rank: [n, 1, 1 ...]. */
static ir_value *along(mk *k, ir_value *v, int rank, int axis)
{
    const ir_sx *dim[IR_MAX_RANK];
    for (int i = axis; i < rank; i++) dim[i - axis] = i == axis ? v->type->dim[0] : mk_sx(k, 1);
    return mk_reshape(k, v, rank - axis, dim);
}

static bool no_strings(im_node *n) { return !n->in[0]->text || im_fail(n, E_OPERAND_TYPE, 0, "'%s' has strings", n->in[0]->name); }

static bool bad(im_node *n, const ir_value *v) { return ir_is_poison(v) || !no_strings(n); }

static bool axis_of(im_node *n, const char *name, int64_t otherwise, int rank, int *out)
{
    int64_t axis = im_int(n, name, otherwise), a = axis < 0 ? axis + rank : axis;
    *out = (int)a;
    return (a >= 0 && a < rank) || im_fail(n, E_AXIS, -1, "there is no axis %lld in rank %d", (long long)axis, rank);
}

/* ---- triangles, running sums ---------------------------------------------------------------- */

bool im_trilu(im_node *n)
{
    ir_value *x = im_need(n, 0);
    int64_t diagonal = 0;
    if (bad(n, x)) return false;
    if (!im_has(n, 1) || known_integer(n, 1, &diagonal)) {
        ir_inst *inst = im_row_begin(n, IR_trilu, 1, &x, NULL);
        if (inst) mk_int(inst, "k", diagonal);
        return im_row_end(n, inst);
    }
    mk *k = n->k;
    int rank = x->type->rank;
    ir_value *at = scalar(n, 1);
    if (ir_is_poison(at)) return false;
    if (rank < 2) return im_fail(n, E_RANK, 0, "a matrix is wanted, and '%s' has rank %d", n->in[0]->name, rank);
    ir_value *row = along(k, im_count(k, x->type->dim[rank - 2], DT_i64), rank, rank - 2), *column = im_count(k, x->type->dim[rank - 1], DT_i64);
    ir_value *right = mk_op2(k, IR_sub, column, row);
    ir_value *stays = mk_op2(k, im_int(n, "upper", 1) ? IR_greater_or_equal : IR_less_or_equal, right, at);
    return im_out(n, 0, mk_op3(k, IR_where, stays, x, mk_number(k, x->type->dtype, 0)));
}

/* Where the axis is an input: along each of them, of which the run takes one. */
static bool cumulate_at_run_time(im_node *n, ir_value *x, ir_value *axis)
{
    mk *k = n->k;
    int rank = x->type->rank;
    ir_value *y = NULL;
    if (rank == 0) return im_fail(n, E_RANK, 0, "a scalar has no axis");
    ir_value *which = mk_index_tensor(k, im_element(n->o, axis, 0, -rank, rank - 1), DT_i64);
    for (int i = 0; i < rank; i++) {
        ir_inst *inst = im_row_begin(n, im_row_of(n), 1, &x, NULL);
        if (!inst) return false;
        mk_int(inst, "axis", i);
        ir_value *sums = mk_end(k, inst, 1);
        ir_value *this = mk_op2(k, IR_or, mk_op2(k, IR_equal, which, mk_integer(k, DT_i64, i)), mk_op2(k, IR_equal, which, mk_integer(k, DT_i64, i - rank)));
        y = y ? mk_op3(k, IR_where, this, sums, y) : sums;
    }
    return im_out(n, 0, y);
}

/* CumSum, CumProd. */
bool im_cumulate(im_node *n)
{
    ir_value *x = im_need(n, 0);
    int64_t axis;
    if (bad(n, x)) return false;
    ir_value *at = scalar(n, 1);
    if (ir_is_poison(at)) return false;
    if (!known_integer(n, 1, &axis)) return cumulate_at_run_time(n, x, at);
    ir_inst *inst = im_row_begin(n, im_row_of(n), 1, &x, NULL);
    if (inst) mk_int(inst, "axis", axis);
    return im_row_end(n, inst);
}

/* ---- Tile, Split ---------------------------------------------------------------------------- */

static bool tile_by(im_node *n, ir_value *x, int count, const ir_sx *const *times)
{
    const ir_sx *all[IR_MAX_RANK];
    for (int i = 0; i < x->type->rank; i++) all[i] = i < count ? times[i] : mk_sx(n->k, 1);
    ir_inst *inst = mk_begin(n->k, IR_tile, 1, &x);
    mk_sxs(n->k, inst, "repeats", x->type->rank, all);
    ir_value *y = mk_end(n->k, inst, 1);
    return n->in[0]->text ? im_out_text(n, 0, y) : im_out(n, 0, y);
}

bool im_tile(im_node *n)
{
    ir_value *x = im_need(n, 0);
    const ir_sx *times[2 * IR_MAX_RANK];
    if (ir_is_poison(x)) return false;
    int rank = x->type->rank - n->in[0]->text;
    if (n->version < 6) { /* how often, and along which axis */
        int64_t tiles, axis;
        if (n->nin != 3 || !known_integer(n, 1, &tiles) || !known_integer(n, 2, &axis)) return im_fail(n, E_NOT_STATIC, -1, "tiles and axis must be known at compile time");
        if (axis < 0 || axis >= rank || tiles < 0) return im_fail(n, E_AXIS, 2, "there is no axis %lld in rank %d", (long long)axis, rank);
        for (int i = 0; i < rank; i++) times[i] = mk_sx(n->k, i == axis ? tiles : 1);
        return tile_by(n, x, rank, times);
    }
    if (!im_has(n, 1)) return im_fail(n, E_OPERAND_MISSING, -1, "the operand 'repeats' is missing");
    int count = im_length(n, 1);
    if (count < 0) return false;
    if (count != rank) return im_fail(n, E_SHAPE, 1, "'%s' has %d numbers where %d are needed", n->in[1]->name, count, rank);
    const ir_sx *declared[IR_MAX_RANK];
    int known = im_declared(n, 0, declared);
    for (int i = 0; i < rank; i++) {
        const ir_sx *d = x->type->dim[i];
        int64_t room = sx_max(d) > 0 ? IR_MAX_BOUND / sx_max(d) : IR_MAX_BOUND;
        if (i < known && declared[i] && sx_is_const(declared[i]) && sx_is_const(d) && sx_value(d) > 0) room = sx_value(declared[i]) / sx_value(d);
        else if (!im_known(n->o, im_in(n, 1)) || !im_known(n->o, im_in(n, 1))[i]) return im_fail(n, E_NOT_STATIC, 1, "'%s' must be known at compile time, or the model must declare the result's shape", n->in[1]->name);
        times[i] = im_element(n->o, im_in(n, 1), i, 0, room);
    }
    return tile_by(n, x, rank, times);
}

/* The parts' extents: given, or as equal as can be, the last one smaller. */
static int split_parts(im_node *n, int axis, const ir_sx *whole, const ir_sx **part)
{
    int wanted = (int)n->proto->n_output, count = im_has(n, 1) ? im_length(n, 1) : -1;
    const int64_t *size;
    if (im_has(n, 1)) {
        for (int i = 0; i < count && i < wanted; i++) part[i] = im_result_size(n, i, axis, im_in(n, 1), i, sx_max(whole));
        return count;
    }
    count = im_ints(n, "split", &size);
    if (count >= 0) {
        for (int i = 0; i < count && i < wanted; i++) part[i] = mk_sx(n->k, size[i]);
        return count;
    }
    int64_t parts = im_int(n, "num_outputs", wanted);
    if (parts != wanted) return im_fail(n, E_ATTR_VALUE, -1, "num_outputs is %lld, and there are %d results", (long long)parts, wanted) - 1;
    sx_table *t = &n->o->m->sx;
    const ir_sx *each = sx_div(t, sx_add(t, whole, mk_sx(n->k, parts - 1)), parts), *before = sx_mul(t, each, mk_sx(n->k, parts - 1)), *last = sx_sub(t, whole, before);
    for (int i = 0; i < wanted; i++) part[i] = each;
    if (wanted && sx_min(last) < 0) last = im_require(n->o, last, 0, sx_max(each), "there are more parts than can be made so that only the last one is smaller");
    if (wanted) part[wanted - 1] = last;
    return wanted;
}

bool im_split(im_node *n)
{
    ir_value *x = im_need(n, 0);
    int axis, wanted = (int)n->proto->n_output;
    if (ir_is_poison(x) || !axis_of(n, "axis", 0, x->type->rank - n->in[0]->text, &axis)) return false;
    const ir_sx **part = ARENA_ARRAY(n->o->s->arena, const ir_sx *, wanted + 1), *at = mk_sx(n->k, 0), *whole = x->type->dim[axis];
    int count = split_parts(n, axis, whole, part);
    if (count < 0 || im_failed(n)) return false;
    if (count != wanted) return im_fail(n, E_SHAPE, -1, "there are %d parts and %d results", count, wanted);
    for (int i = 0; i < count; i++) {
        if (sx_min(part[i]) < 0) return im_fail(n, E_SIZE, -1, "part %d may have the extent %lld", i, (long long)sx_min(part[i]));
        const ir_sx *end = sx_add(&n->o->m->sx, at, part[i]);
        ir_value *y = mk_slice(n->k, x, axis, at, end);
        if (n->in[0]->text) im_out_text(n, i, y);
        else im_out(n, i, y);
        at = end;
    }
    if (sx_is_const(at) && sx_is_const(whole) && at != whole) return im_fail(n, E_SHAPE, -1, "the parts are %lld together, and axis %d has the extent %lld", (long long)sx_value(at), axis, (long long)sx_value(whole));
    return true;
}

/* ---- TopK, OneHot --------------------------------------------------------------------------- */

/* x, whose axis has k elements at least: where that is not certain the run checks it. */
static ir_value *with_room(im_node *n, ir_value *x, int axis, const ir_sx *k)
{
    sx_table *t = &n->o->m->sx;
    const ir_sx *dim[IR_MAX_RANK], *left = sx_sub(t, x->type->dim[axis], k);
    if (sx_min(left) >= 0 || sx_max(left) < 0 || sx_min(k) < 0) return x;
    memcpy(dim, x->type->dim, (size_t)x->type->rank * sizeof *dim);
    int64_t most = sx_max(dim[axis]);
    dim[axis] = sx_is_const(k) ? mk_require(n->k, dim[axis], sx_value(k), most) : sx_add(t, k, mk_require(n->k, left, 0, most));
    return mk_reshape(n->k, x, x->type->rank, dim);
}

/* k is an attribute before version 10. */
bool im_topk(im_node *n)
{
    ir_value *x = im_need(n, 0);
    static const char *const seen_to[] = {"k", NULL};
    int axis;
    if (bad(n, x) || !axis_of(n, "axis", -1, x->type->rank, &axis)) return false;
    ir_value *count = n->version < 10 ? mk_integer(n->k, DT_i64, im_int(n, "k", -1)) : scalar(n, 1);
    if (ir_is_poison(count)) return false;
    const ir_sx *k = im_result_size(n, 0, axis, count, 0, sx_max(x->type->dim[axis]));
    x = with_room(n, x, axis, k);
    ir_inst *inst = im_row_begin(n, IR_topk, 1, &x, seen_to);
    if (inst) mk_sxs(n->k, inst, "k", 1, &k);
    return im_row_end(n, inst);
}

/* On where the new axis' coordinate is the index. The indices may be of any type, and are cut to integers; off and
 * on may be strings. */
bool im_one_hot(im_node *n)
{
    mk *k = n->k;
    ir_value *x = im_need(n, 0), *pair = im_need(n, 2);
    int axis;
    if (bad(n, x) || ir_is_poison(pair) || !axis_of(n, "axis", -1, x->type->rank + 1, &axis)) return false;
    int rank = x->type->rank + 1;
    const bool text = n->in[2]->text;
    if (rank + text > IR_MAX_RANK) return im_fail(n, E_RANK, 0, "the result would have %d axes", rank);
    if (pair->type->rank != 1 + text || !sx_is(pair->type->dim[0], 2)) return im_fail(n, E_SHAPE, 2, "'%s' is %s; two elements are wanted", n->in[2]->name, ir_type_text(n->o->s->arena, pair->type));
    ir_value *length = scalar(n, 1);
    if (ir_is_poison(length)) return false;
    const ir_sx *depth = im_result_size(n, 0, axis, length, 0, -1);
    ir_value *at = mk_cast(k, x, DT_i64), *zero = mk_integer(k, DT_i64, 0);
    at = mk_op3(k, IR_where, mk_op2(k, IR_less, at, zero), mk_op2(k, IR_add, at, mk_index_tensor(k, depth, DT_i64)), at);
    ir_value *same = mk_op2(k, IR_equal, mk_unsqueeze(k, at, axis), along(k, im_count(k, depth, DT_i64), rank, axis));
    ir_value *off = mk_pick(k, pair, 0, mk_sx(k, 0)), *on = mk_pick(k, pair, 0, mk_sx(k, 1));
    if (text) return im_out_text(n, 0, mk_op3(k, IR_where, mk_unsqueeze(k, same, rank), on, off));
    return im_out(n, 0, mk_op3(k, IR_where, same, on, off));
}

/* ---- Pad ------------------------------------------------------------------------------------ */

/* Along one axis, as far as only the run knows: each element of the result is fetched from where it comes. */
static ir_value *pad_axis(im_node *n, ir_value *x, ir_value *fill, const char *mode, int axis, ir_value *before, const ir_sx *extent)
{
    mk *k = n->k;
    ir_value *zero = mk_integer(k, DT_i64, 0), *one = mk_integer(k, DT_i64, 1), *length = mk_index_tensor(k, x->type->dim[axis], DT_i64);
    ir_value *at = mk_op2(k, IR_sub, im_count(k, extent, DT_i64), before), *last = mk_op2(k, IR_sub, length, one), *from;
    if (strcmp(mode, "wrap") == 0) from = mk_op2(k, IR_mod, at, length);
    else if (strcmp(mode, "reflect") == 0) {
        ir_value *period = most(k, mk_op2(k, IR_add, last, last), one);
        from = mk_op2(k, IR_mod, at, period);
        from = least(k, from, mk_op2(k, IR_sub, period, from));
        from = least(k, from, last);
    } else from = least(k, most(k, at, zero), last);
    ir_value *y = mk_gather(k, x, from, axis);
    if (strcmp(mode, "constant") != 0 || ir_is_poison(y)) return y;
    ir_value *inside = mk_op2(k, IR_and, mk_op2(k, IR_greater_or_equal, at, zero), mk_op2(k, IR_less, at, length));
    return mk_op3(k, IR_where, along(k, inside, x->type->rank, axis), y, fill);
}

static bool pad_at_run_time(im_node *n, ir_value *x, ir_value *fill, const char *mode, ir_value *pads, int count, const int *axis)
{
    mk *k = n->k;
    for (int i = 0; i < count && !ir_is_poison(x); i++) {
        ir_value *before = mk_reshape(k, mk_slice(k, pads, 0, mk_sx(k, i), mk_sx(k, i + 1)), 0, NULL);
        ir_value *after = mk_reshape(k, mk_slice(k, pads, 0, mk_sx(k, i + count), mk_sx(k, i + count + 1)), 0, NULL);
        ir_value *size = mk_op2(k, IR_add, mk_index_tensor(k, x->type->dim[axis[i]], DT_i64), mk_op2(k, IR_add, before, after));
        const ir_sx *extent = im_result_size(n, 0, axis[i], size, 0, -1);
        x = pad_axis(n, x, fill, mode, axis[i], before, extent);
    }
    return im_out(n, 0, x);
}

/* What is added: an operand, an attribute before operator set 11, or zero. NULL after a report. */
static ir_value *pad_value(im_node *n, ir_value *x)
{
    if (n->version < 11) return mk_number(n->k, x->type->dtype, im_float(n, "value", 0));
    if (!im_has(n, 2)) return mk_number(n->k, x->type->dtype, 0);
    ir_value *v = im_in(n, 2);
    if (ir_is_poison(v)) return NULL;
    if (ir_max_elements(v->type) == 1) return mk_reshape(n->k, v, 0, NULL);
    im_fail(n, E_SHAPE, 2, "'%s' is no scalar", n->in[2]->name);
    return NULL;
}

static bool known_numbers(im_node *n, ir_value *v, int count, int64_t *out)
{
    const ir_sx *const *known = im_known(n->o, v);
    for (int i = 0; i < count; i++) {
        if (!known || !known[i] || !sx_is_const(known[i])) return false;
        out[i] = sx_value(known[i]);
    }
    return true;
}

/* Where the axes are an input: for each axis the sum of the pads that name it. NULL after a report. */
static ir_value *pads_of_all(im_node *n, ir_value *pads, int rank)
{
    mk *k = n->k;
    int count = im_length(n, 3);
    if (count < 0) return NULL;
    const ir_sx *two[2] = {mk_sx(k, 2), mk_sx(k, count)}, *column[2] = {mk_sx(k, rank), mk_sx(k, 1)}, *row[3] = {mk_sx(k, 2), mk_sx(k, 1), mk_sx(k, count)}, *flat = mk_sx(k, 2 * rank);
    if (!sx_is(pads->type->dim[0], 2 * count)) {
        im_fail(n, E_SHAPE, 1, "there are %s pads where %d are needed", sx_text(n->o->s->arena, pads->type->dim[0]), 2 * count);
        return NULL;
    }
    ir_value *axes = mk_cast(k, im_in(n, 3), DT_i64), *all = mk_reshape(k, im_count(k, mk_sx(k, rank), DT_i64), 2, column);
    ir_value *names = mk_op2(k, IR_or, mk_op2(k, IR_equal, axes, all), mk_op2(k, IR_equal, axes, mk_op2(k, IR_sub, all, mk_integer(k, DT_i64, rank))));
    ir_value *sides = mk_reshape(k, mk_reshape(k, pads, 2, two), 3, row);
    ir_value *named = mk_op3(k, IR_where, names, sides, mk_integer(k, DT_i64, 0));
    return mk_reshape(k, mk_reduce(k, IR_reduce_sum, named, 1u << 2, false), 1, &flat);
}

bool im_pad(im_node *n)
{
    static const char *const seen_to[] = {"pads", NULL};
    ir_value *x = im_need(n, 0), *pads;
    const int64_t *attr;
    if (bad(n, x)) return false;
    int rank = x->type->rank, count = im_ints(n, n->version < 2 ? "paddings" : "pads", &attr), axis[IR_MAX_RANK];
    if (count >= 0) pads = mk_int_vector(n->k, DT_i64, count, attr);
    else {
        if (!im_has(n, 1)) return im_fail(n, E_OPERAND_MISSING, -1, "the pads are missing");
        if ((count = im_length(n, 1)) < 0) return false;
        pads = mk_cast(n->k, im_in(n, 1), DT_i64);
    }
    uint32_t mask;
    int given = rank;
    for (int i = 0; i < rank; i++) axis[i] = i;
    if (im_has(n, 3) && !im_const_in(n, 3, true)) {
        if (!(pads = pads_of_all(n, pads, rank))) return false;
        count = 2 * rank;
    } else if (im_has(n, 3) && !im_axes(n, 3, "axes", rank, &mask, axis, &given)) return false;
    if (count != 2 * given) return im_fail(n, E_SHAPE, 1, "there are %d pads where %d are needed", count, 2 * given);
    ir_value *fill = pad_value(n, x);
    const char *mode = im_text(n, "mode", "constant");
    int64_t by[2 * IR_MAX_RANK], along_axis[IR_MAX_RANK];
    if (!fill) return false;
    if (!known_numbers(n, pads, count, by)) return pad_at_run_time(n, x, fill, mode, pads, given, axis);
    for (int i = 0; i < given; i++) along_axis[i] = axis[i];
    bool constant = strcmp(mode, "constant") == 0;
    ir_inst *inst = im_row_begin(n, IR_pad, constant ? 2 : 1, (ir_value *[]){x, fill}, seen_to);
    if (inst) mk_ints(n->k, inst, "pads", count, by);
    if (inst) mk_ints(n->k, inst, "axes", given, along_axis);
    return im_row_end(n, inst);
}

/* ---- arithmetic ----------------------------------------------------------------------------- */

/* The result has the base's type; integers raised to a float are doubles on the way. */
bool im_pow(im_node *n)
{
    ir_value *x = im_need(n, 0), *y = im_need(n, 1);
    if (bad(n, x) || ir_is_poison(y)) return false;
    if (n->version < 7 || x->type->dtype == y->type->dtype) return im_elementwise(n);
    nfc_dtype to = x->type->dtype, on = dtype_is_float(y->type->dtype) && !dtype_is_float(to) ? DT_f64 : to;
    return im_out(n, 0, mk_cast(n->k, mk_op2(n->k, IR_pow, mk_cast(n->k, x, on), mk_cast(n->k, y, on)), to));
}

/* Before operator set 7 the slopes were those of the channels. */
bool im_prelu(im_node *n)
{
    ir_value *in[2] = {im_need(n, 0), im_need(n, 1)};
    if (bad(n, in[0]) || ir_is_poison(in[1])) return false;
    if (n->version < 7 && in[1]->type->rank == 1 && in[0]->type->rank > 1 && !sx_is(in[1]->type->dim[0], 1)) in[1] = along(n->k, in[1], in[0]->type->rank, 1);
    return im_row_end(n, im_row_begin(n, IR_prelu, 2, in, NULL));
}

/* ---- blocks --------------------------------------------------------------------------------- */

/* By default a block's pixels come before the channels; in the mode CRD each channel before its pixels. */
bool im_space_to_depth(im_node *n)
{
    static const char *const seen_to[] = {"mode", NULL};
    ir_value *x = im_need(n, 0);
    const char *mode = im_text(n, "mode", "DCR");
    int64_t side = im_int(n, "blocksize", 0);
    if (bad(n, x)) return false;
    bool pixels_first = strcmp(mode, "DCR") == 0;
    if (!pixels_first && strcmp(mode, "CRD") != 0) return im_fail(n, E_ATTR_VALUE, -1, "attribute 'mode' is '%s', but it is one of DCR|CRD", mode);
    if (pixels_first) return im_row_end(n, im_row_begin(n, IR_space_to_depth, 1, &x, seen_to));
    ir_inst *inst = im_row_begin(n, IR_space_to_depth, 1, &x, seen_to);
    if (!inst) return false;
    ir_value *y = mk_end(n->k, inst, 1);
    if (ir_is_poison(y)) return false;
    const ir_sx *const *d = y->type->dim, *apart[5] = {d[0], mk_sx(n->k, side * side), x->type->dim[1], d[2], d[3]};
    y = mk_transpose(n->k, mk_reshape(n->k, y, 5, apart), (int[]){0, 2, 1, 3, 4});
    return im_out(n, 0, mk_reshape(n->k, y, 4, d));
}
