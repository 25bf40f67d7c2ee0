/* The operators of sequences and optionals. */
#include <stdarg.h>
#include <string.h>
#include "frontend/onnx/containers.h"

/* ---- operands ------------------------------------------------------------------------------- */

static im_list *list_in(im_node *n, int i)
{
    if (!im_has(n, i)) return im_fail(n, E_OPERAND_MISSING, -1, "operand %d is missing", i), NULL;
    im_value *v = n->in[i];
    if (v->kind == IM_OPTIONAL && v->maybe->inner) v = v->maybe->inner;
    if (v->kind == IM_SEQUENCE) return v->list->data && ir_is_poison(v->list->data) ? NULL : v->list;
    if (v->kind != IM_TENSOR || !ir_is_poison(v->tensor)) im_fail(n, E_ONNX_TYPE, i, "'%s' is no sequence", n->in[i]->name);
    return NULL;
}

static bool fits_list(im_node *n, const im_list *l, const im_value *v)
{
    const ir_type *t = v->tensor->type;
    if (ir_is_poison(v->tensor)) return false;
    if (!l->typed || (t->dtype == l->dtype && v->text == l->text)) return true;
    return im_fail(n, E_ONNX_TYPE, -1, "'%s' is %s; the sequence has elements of %s", v->name, ir_type_text(n->o->s->arena, t), dtype_name(l->dtype));
}

/* Elements of a lower rank than others get axes of extent 1 in front. */
static im_list *list_new(importer *o, int n, im_value **item)
{
    im_list *l = ARENA_NEW(o->s->arena, im_list);
    l->nitem = n;
    if (n == 0) return l;
    l->typed = true;
    l->item = ARENA_ARRAY(o->s->arena, im_value *, n);
    l->dtype = item[0]->tensor->type->dtype;
    l->text = item[0]->text;
    for (int i = 0; i < n; i++)
        if (item[i]->tensor->type->rank > l->rank) l->rank = item[i]->tensor->type->rank;
    for (int i = 0; i < n; i++) {
        ir_value *v = item[i]->tensor;
        while (v->type->rank < l->rank) v = mk_unsqueeze(&o->k, v, 0);
        l->item[i] = im_value_of(o, item[i]->name, v);
        l->item[i]->text = l->text;
    }
    return l;
}

static bool out_list(im_node *n, im_list *l) { return im_out_value(n, 0, im_list_value(n->o, n->proto->output[0], l)); }

/* Without elements, but of a type: side by side, with extents of 0. */
static im_list *typed_empty(importer *o, const im_list *like)
{
    im_list *l = ARENA_NEW(o->s->arena, im_list);
    *l = *like;
    l->item = NULL;
    l->nitem = 0;
    for (int a = 0; a < l->rank; a++) {
        l->ragged[a] = false;
        if (!l->dim[a]) l->dim[a] = mk_sx(&o->k, 0);
    }
    bool none[IR_MAX_RANK] = {false};
    int64_t most[IR_MAX_RANK] = {0};
    return im_empty_like(o, l, none, most);
}

/* ---- making --------------------------------------------------------------------------------- */

bool im_sequence_construct(im_node *n)
{
    if (n->nin == 0) return im_fail(n, E_OPERAND_MISSING, -1, "a sequence is made of one element at least");
    im_list *l = NULL;
    for (int i = 0; i < n->nin; i++) {
        ir_value *v = im_need(n, i);
        if (ir_is_poison(v)) return false;
        if (i == 0) {
            l = ARENA_NEW(n->o->s->arena, im_list);
            *l = (im_list){.typed = true, .dtype = v->type->dtype, .text = n->in[0]->text};
        }
        if (!fits_list(n, l, n->in[i])) return false;
        if (v->type->rank == IR_MAX_RANK) return im_fail(n, E_RANK, i, "elements of sequences have at most %d axes", IR_MAX_RANK - 1);
    }
    return out_list(n, list_new(n->o, n->nin, n->in));
}

bool im_sequence_empty(im_node *n) { return out_list(n, list_new(n->o, 0, NULL)); }

/* A position from 0 on; negative ones count from the end. most: what it may be at most. */
static const ir_sx *position(im_node *n, int i, const ir_sx *count, const ir_sx *most)
{
    importer *o = n->o;
    mk *k = n->k;
    ir_value *v = im_need(n, i);
    if (ir_is_poison(v)) return NULL;
    if (!dtype_is_int(v->type->dtype) || ir_max_elements(v->type) != 1) return im_fail(n, E_OPERAND_TYPE, i, "the position is no integer scalar"), NULL;
    v = mk_reshape(k, mk_cast(k, v, DT_i64), 0, NULL);
    ir_value *end = mk_index_tensor(k, count, DT_i64);
    v = mk_op3(k, IR_where, mk_op2(k, IR_less, v, mk_integer(k, DT_i64, 0)), mk_op2(k, IR_add, v, end), v);
    const ir_sx *const *known = im_known(o, v);
    if (known && known[0] && sx_is_const(known[0]) && sx_is_const(most) && (sx_value(known[0]) < 0 || sx_value(known[0]) > sx_value(most)))
        return im_fail(n, E_ATTR_VALUE, i, "the sequence has %lld elements", (long long)sx_value(count)), NULL;
    const ir_sx *at = im_element(o, v, 0, 0, sx_max(most));
    im_require(o, sx_sub(&o->m->sx, most, at), 0, sx_max(most), "the sequence has fewer elements");
    return at;
}

bool im_sequence_at(im_node *n)
{
    importer *o = n->o;
    im_list *l = list_in(n, 0);
    if (!l) return false;
    if (!l->typed) return im_fail(n, E_ATTR_VALUE, 0, "the sequence is empty");
    const ir_sx *count = im_list_count(o, l), *at = position(n, 1, count, sx_sub(&o->m->sx, count, mk_sx(n->k, 1)));
    if (!at) return false;
    ir_value *v = im_list_at(o, l, at);
    return l->text ? im_out_text(n, 0, v) : im_out(n, 0, v);
}

bool im_sequence_length(im_node *n)
{
    im_list *l = list_in(n, 0);
    return l && im_out(n, 0, mk_index_tensor(n->k, im_list_count(n->o, l), DT_i64));
}

/* The elements in front of a place, something there, and those behind it. */
static im_list *spliced(im_node *n, im_list *l, const ir_sx *at, im_list *there, const ir_sx *behind)
{
    importer *o = n->o;
    mk *k = n->k;
    im_list *made = ARENA_NEW(o->s->arena, im_list);
    ir_value *data[3], *shapes[3];
    const ir_sx *count = mk_extent(l->data, 0), *from[2][2] = {{mk_sx(k, 0), at}, {behind, count}};
    int m = 0;
    *made = *l;
    for (int i = 0; i < 3; i++) {
        if (i == 1 && !there) continue;
        const im_list *part = i == 1 ? there : l;
        data[m] = i == 1 ? part->data : mk_slice(k, l->data, 0, from[i / 2][0], from[i / 2][1]);
        if (l->shapes) shapes[m] = i == 1 ? part->shapes : mk_slice(k, l->shapes, 0, from[i / 2][0], from[i / 2][1]);
        m++;
    }
    made->data = mk_concat(k, m, data, 0);
    if (l->shapes) made->shapes = mk_concat(k, m, shapes, 0);
    return made;
}

bool im_sequence_insert(im_node *n)
{
    importer *o = n->o;
    im_list *l = list_in(n, 0);
    bool ragged[IR_MAX_RANK];
    int64_t most[IR_MAX_RANK];
    if (!l || ir_is_poison(im_need(n, 1)) || !fits_list(n, l, n->in[1])) return false;
    if (im_in(n, 1)->type->rank == IR_MAX_RANK) return im_fail(n, E_RANK, 1, "elements of sequences have at most %d axes", IR_MAX_RANK - 1);
    const ir_sx *count = im_list_count(o, l), *at = im_has(n, 2) ? position(n, 2, count, count) : count;
    if (!at) return false;
    if ((l->item || !l->typed) && sx_is_const(at)) {
        im_value **item = ARENA_ARRAY(o->s->arena, im_value *, l->nitem + 1);
        for (int i = 0, from = 0; i <= l->nitem; i++) item[i] = i == sx_value(at) ? n->in[1] : l->item[from++];
        return out_list(n, list_new(o, l->nitem + 1, item));
    }
    im_list *one = im_stacked(o, list_new(o, 1, &n->in[1]));
    l = im_promoted(o, im_stacked(o, l), one->rank);
    one = im_promoted(o, one, l->rank);
    im_common_form(l, one, ragged, most);
    return out_list(n, spliced(n, im_reformed(o, l, ragged, most), at, im_reformed(o, one, ragged, most), at));
}

bool im_sequence_erase(im_node *n)
{
    importer *o = n->o;
    im_list *l = list_in(n, 0);
    if (!l) return false;
    if (!l->typed) return im_fail(n, E_ATTR_VALUE, 0, "the sequence is empty");
    const ir_sx *one = mk_sx(n->k, 1), *count = im_list_count(o, l), *last = sx_sub(&o->m->sx, count, one);
    const ir_sx *at = im_has(n, 1) ? position(n, 1, count, last) : im_require(o, last, 0, sx_max(last), "the sequence is empty");
    if (!at) return false;
    if (l->item && sx_is_const(at)) {
        im_value **item = ARENA_ARRAY(o->s->arena, im_value *, l->nitem);
        for (int i = 0, to = 0; i < l->nitem; i++)
            if (i != sx_value(at)) item[to++] = l->item[i];
        if (l->nitem > 1) return out_list(n, list_new(o, l->nitem - 1, item));
        return out_list(n, typed_empty(o, im_stacked(o, l)));
    }
    l = im_stacked(o, l);
    return out_list(n, spliced(n, l, at, NULL, sx_add(&o->m->sx, at, one)));
}

/* ---- ConcatFromSequence --------------------------------------------------------------------- */

/* Elements side by side on an axis whose extents differ: each is written behind the one before it, whole,
 * and covers what the one before had room for but did not need. */
static ir_value *packed(im_node *n, const im_list *l, int axis)
{
    importer *o = n->o;
    mk *k = n->k;
    sx_table *t = &o->m->sx;
    const ir_sx *count = mk_extent(l->data, 0), *dim[IR_MAX_RANK], *start[IR_MAX_RANK], *room = mk_sx(k, l->most[axis]);
    for (int a = 0; a < l->rank; a++) {
        dim[a] = mk_extent(l->data, a + 1);
        start[a] = mk_sx(k, 0);
    }
    dim[axis] = sx_mul(t, room, sx_add(t, mk_sx(k, sx_max(count)), mk_sx(k, 1)));
    ir_value *init[2] = {mk_filled(k, ir_tensor(o->m, l->dtype, l->rank, dim), 0), mk_integer(k, DT_i64, 0)};
    mk_loop loop;
    mk_loop_begin(k, &loop, "element", mk_sx(k, 0), count, 2, init);
    ir_value *own = mk_reshape(k, mk_pick(k, l->shapes, 0, loop.index), 0, NULL);
    start[axis] = mk_index_read(k, loop.carried[1], 0, l->most[axis] * sx_max(count));
    ir_value *next[2] = {mk_update(k, loop.carried[0], mk_pick(k, l->data, 0, loop.index), start), mk_op2(k, IR_add, loop.carried[1], own)};
    mk_loop_end(k, &loop, next);
    return mk_slice(k, loop.carried[0], axis, mk_sx(k, 0), mk_index_read(k, loop.carried[1], 0, l->most[axis] * sx_max(count)));
}

bool im_concat_from_sequence(im_node *n)
{
    importer *o = n->o;
    mk *k = n->k;
    im_list *l = list_in(n, 0);
    bool new_axis = im_int(n, "new_axis", 0);
    if (!l) return false;
    if (!l->typed) return im_fail(n, E_ATTR_VALUE, 0, "the sequence is empty");
    int rank = l->rank - l->text + new_axis;
    int64_t axis = im_int(n, "axis", 0);
    axis = axis < 0 ? axis + rank : axis;
    if (axis < 0 || axis >= rank) return im_fail(n, E_AXIS, -1, "there is no axis %lld in rank %d", (long long)im_int(n, "axis", 0), rank);
    if (l->item) {
        ir_value **part = ARENA_ARRAY(o->s->arena, ir_value *, l->nitem);
        for (int i = 0; i < l->nitem; i++) part[i] = new_axis ? mk_unsqueeze(k, l->item[i]->tensor, (int)axis) : l->item[i]->tensor;
        ir_value *all = mk_concat(k, l->nitem, part, (int)axis);
        return l->text ? im_out_text(n, 0, all) : im_out(n, 0, all);
    }
    for (int a = 0; a < l->rank; a++)
        if (l->ragged[a] && (new_axis || a != axis)) return im_fail(n, E_SHAPE, 0, "the elements may differ in axis %d", a);
    if (!new_axis && l->ragged[axis]) return im_out(n, 0, packed(n, l, (int)axis));
    int perm[IR_MAX_RANK], m = 0;
    for (int a = 1; a <= l->rank; a++) {
        if (a == axis + 1) perm[m++] = 0;
        perm[m++] = a;
    }
    if (m == l->rank) perm[m++] = 0;
    ir_value *v = mk_transpose(k, l->data, perm);
    if (!new_axis) {
        const ir_sx *dim[IR_MAX_RANK];
        for (int a = 0; a < l->rank; a++) dim[a] = a == axis ? sx_mul(&o->m->sx, mk_extent(l->data, 0), mk_extent(l->data, a + 1)) : mk_extent(l->data, a + 1);
        v = mk_reshape(k, v, l->rank, dim);
    }
    return l->text ? im_out_text(n, 0, v) : im_out(n, 0, v);
}

/* ---- SplitToSequence ------------------------------------------------------------------------ */

/* As many parts as the vector of their extents has elements. */
static bool split_by_list(im_node *n, ir_value *x, int axis)
{
    importer *o = n->o;
    mk *k = n->k;
    const ir_type *t = im_in(n, 1)->type;
    if (!sx_is_const(t->dim[0])) return im_fail(n, E_NOT_STATIC, 1, "how many parts there are must be known at compile time");
    int64_t count = sx_value(t->dim[0]), most = sx_max(x->type->dim[axis]);
    im_value **item = ARENA_ARRAY(o->s->arena, im_value *, count);
    const ir_sx *at = mk_sx(k, 0);
    for (int64_t i = 0; i < count; i++) {
        const ir_sx *extent = im_element(o, im_in(n, 1), i, 0, most), *end = sx_add(&o->m->sx, at, extent);
        const ir_sx *rest = sx_sub(&o->m->sx, x->type->dim[axis], end);
        if (im_failed(n)) return false;
        if (sx_is_const(rest) && (sx_value(rest) < 0 || (i == count - 1 && sx_value(rest)))) return im_fail(n, E_SHAPE, 1, "the parts have %s elements than axis %d", sx_value(rest) < 0 ? "more" : "fewer", axis);
        if (i == count - 1) im_require(o, rest, 0, 0, "the parts have more or fewer elements than the axis");
        if (sx_max(end) > most) end = im_require(o, end, 0, most, "the parts have more elements than the axis");
        item[i] = im_value_of(o, n->in[0]->name, mk_slice(k, x, axis, at, end));
        item[i]->text = n->in[0]->text;
        at = end;
    }
    return out_list(n, list_new(o, (int)count, item));
}

/* Parts of one extent, the last one perhaps smaller; how many only the run may know. */
static bool split_evenly(im_node *n, ir_value *x, int axis, const ir_sx *extent)
{
    importer *o = n->o;
    mk *k = n->k;
    sx_table *t = &o->m->sx;
    const ir_sx *total = x->type->dim[axis], *zero = mk_sx(k, 0);
    if (sx_is_const(extent) && sx_is_const(total)) {
        int64_t each = sx_value(extent), all = sx_value(total), count = (all + each - 1) / each;
        im_value **item = ARENA_ARRAY(o->s->arena, im_value *, count ? count : 1);
        for (int64_t i = 0; i < count; i++) {
            item[i] = im_value_of(o, n->in[0]->name, mk_slice(k, x, axis, mk_sx(k, i * each), mk_sx(k, (i + 1) * each < all ? (i + 1) * each : all)));
            item[i]->text = n->in[0]->text;
        }
        return out_list(n, list_new(o, (int)count, item));
    }
    int64_t most = sx_max(total), each = sx_max(extent) < most ? sx_max(extent) : most;
    ir_value *length = mk_index_tensor(k, total, DT_i64), *step = mk_index_tensor(k, extent, DT_i64), *one = mk_integer(k, DT_i64, 1);
    const ir_sx *count = mk_index_read(k, mk_op2(k, IR_div, mk_op2(k, IR_add, length, mk_op2(k, IR_sub, step, one)), step), 0, most);
    im_list *l = ARENA_NEW(o->s->arena, im_list);
    *l = (im_list){.typed = true, .dtype = x->type->dtype, .text = n->in[0]->text, .rank = x->type->rank};
    for (int a = 0; a < l->rank; a++) l->dim[a] = x->type->dim[a];
    l->ragged[axis] = true;
    l->most[axis] = each;
    const ir_sx *dim[IR_MAX_RANK + 1] = {mk_sx(k, most)}, *start[IR_MAX_RANK + 1], *where[2];
    for (int a = 0; a < l->rank; a++) dim[a + 1] = a == axis ? mk_sx(k, each) : l->dim[a];
    for (int a = 0; a <= l->rank; a++) start[a] = zero;
    const ir_sx *column[2] = {mk_sx(k, most), mk_sx(k, 1)};
    ir_value *init[2] = {mk_filled(k, ir_tensor(o->m, l->dtype, l->rank + 1, dim), 0), mk_filled(k, ir_tensor(o->m, DT_i64, 2, column), 0)};
    mk_loop loop;
    mk_loop_begin(k, &loop, "part", zero, count, 2, init);
    ir_value *begin = mk_index_tensor(k, sx_mul(t, loop.index, extent), DT_i64);
    ir_value *own = mk_end(k, mk_begin(k, IR_min, 2, (ir_value *[]){step, mk_op2(k, IR_sub, length, begin)}), 1);
    const ir_sx *from = mk_index_read(k, begin, 0, most), *size = mk_index_read(k, own, 0, each);
    ir_value *part = mk_slice(k, x, axis, from, mk_require(k, sx_add(t, from, size), 0, most));
    const ir_sx *own_dim[IR_MAX_RANK];
    for (int a = 0; a < l->rank; a++) own_dim[a] = part->type->dim[a];
    if (sx_max(own_dim[axis]) > each) own_dim[axis] = mk_require(k, own_dim[axis], 0, each);
    part = mk_reshape(k, part, l->rank, own_dim);
    start[0] = where[0] = loop.index;
    where[1] = zero;
    const ir_sx *cell[2] = {mk_sx(k, 1), mk_sx(k, 1)};
    ir_value *next[2] = {mk_update(k, loop.carried[0], mk_unsqueeze(k, part, 0), start), mk_update(k, loop.carried[1], mk_reshape(k, own, 2, cell), where)};
    mk_loop_end(k, &loop, next);
    l->data = mk_slice(k, loop.carried[0], 0, zero, count);
    l->shapes = mk_slice(k, loop.carried[1], 0, zero, count);
    return out_list(n, l);
}

bool im_split_to_sequence(im_node *n)
{
    importer *o = n->o;
    ir_value *x = im_need(n, 0);
    if (ir_is_poison(x)) return false;
    int rank = x->type->rank - n->in[0]->text;
    int64_t axis = im_int(n, "axis", 0);
    axis = axis < 0 ? axis + rank : axis;
    if (axis < 0 || axis >= rank) return im_fail(n, E_AXIS, -1, "there is no axis %lld in rank %d", (long long)im_int(n, "axis", 0), rank);
    if (x->type->rank == IR_MAX_RANK) return im_fail(n, E_RANK, 0, "elements of sequences have at most %d axes", IR_MAX_RANK - 1);
    if (im_has(n, 1) && !ir_is_poison(im_in(n, 1)) && im_in(n, 1)->type->rank) return split_by_list(n, x, (int)axis);
    if (im_has(n, 1)) {
        const ir_sx *extent = im_element(o, im_in(n, 1), 0, 1, IR_MAX_BOUND);
        return split_evenly(n, x, (int)axis, extent);
    }
    bool keep = im_int(n, "keepdims", 1);
    int perm[IR_MAX_RANK], m = 1;
    perm[0] = (int)axis;
    for (int a = 0; a < x->type->rank; a++)
        if (a != axis) perm[m++] = a;
    im_list *l = ARENA_NEW(o->s->arena, im_list);
    *l = (im_list){.typed = true, .dtype = x->type->dtype, .text = n->in[0]->text, .rank = x->type->rank - !keep, .data = mk_transpose(n->k, x, perm)};
    if (keep) l->data = mk_unsqueeze(n->k, l->data, (int)axis + 1);
    for (int a = 0; a < l->rank; a++) l->dim[a] = mk_extent(l->data, a + 1);
    return out_list(n, l);
}

/* ---- optionals ------------------------------------------------------------------------------ */

bool im_optional(im_node *n)
{
    bool has = im_has(n, 0);
    return im_out_value(n, 0, im_maybe_value(n->o, n->proto->output[0], mk_integer(n->k, DT_bool, has), has ? n->in[0] : NULL));
}

bool im_optional_has(im_node *n)
{
    if (!im_has(n, 0)) return im_out(n, 0, mk_integer(n->k, DT_bool, 0));
    return im_out(n, 0, n->in[0]->kind == IM_OPTIONAL ? n->in[0]->maybe->has : mk_integer(n->k, DT_bool, 1));
}

bool im_optional_get(im_node *n)
{
    if (!im_has(n, 0)) return im_fail(n, E_OPERAND_MISSING, -1, "its operand is missing");
    if (n->in[0]->kind != IM_OPTIONAL) return im_like_operand(n);
    const im_maybe *m = n->in[0]->maybe;
    if (!m->inner) return im_fail(n, E_ATTR_VALUE, 0, "the optional is empty");
    im_element(n->o, m->has, 0, 1, 1);
    im_value *copy = ARENA_NEW(n->o->s->arena, im_value);
    *copy = *m->inner;
    return im_out_value(n, 0, copy);
}

/* ---- SequenceMap ---------------------------------------------------------------------------- */

typedef struct mapping {
    im_node *n;
    const onnx_graph *g;
    int m;                /* operands of the body */
    im_value ***results;  /* [element][result] */
} mapping;

static bool map_element(mapping *p, int64_t at)
{
    importer *o = p->n->o;
    im_scope_push(o, true);
    for (int i = 0; i < p->m; i++) {
        const im_value *v = p->n->in[i];
        im_value *e = im_value_of(o, p->g->input[i]->name, v->kind == IM_SEQUENCE ? im_list_at(o, v->list, mk_sx(&o->k, at)) : v->tensor);
        e->text = v->kind == IM_SEQUENCE ? v->list->text : v->text;
        im_bind(o, p->g->input[i]->name, e);
    }
    im_graph_body(o, p->g);
    o->k.at = p->n->at;
    for (size_t r = 0; r < p->g->n_output; r++) {
        p->results[at][r] = im_lookup(o, p->g->output[r]->name);
        if (!p->results[at][r] || p->results[at][r]->kind != IM_TENSOR) return im_fail(p->n, E_ONNX_NAME, -1, "the body does not make '%s' as a tensor", p->g->output[r]->name);
    }
    im_scope_pop(o);
    return true;
}

/* ---- as a loop, where only the run knows how many there are --------------------------------- */

static char *synthetic(importer *o, const char *what, int i) { return session_printf(o->s, "\1%s.%d", what, i); }

static char **texts(importer *o, int n, ...)
{
    char **list = ARENA_ARRAY(o->s->arena, char *, n);
    va_list args;
    va_start(args, n);
    for (int i = 0; i < n; i++) list[i] = va_arg(args, char *);
    va_end(args);
    return list;
}

static onnx_node *node_new(importer *o, const onnx_node *at, const char *op, size_t nin, char **in, size_t nout, char **out)
{
    onnx_node *x = ARENA_NEW(o->s->arena, onnx_node);
    nfc_onnx__node_proto__init(x);
    x->op_type = (char *)(uintptr_t)op;
    x->name = at->name;
    x->n_input = nin;
    x->input = in;
    x->n_output = nout;
    x->output = out;
    map_setp(&o->lines, x, map_getp(&o->lines, at));
    return x;
}

static onnx_value_info *info_new(importer *o, char *name)
{
    onnx_value_info *v = ARENA_NEW(o->s->arena, onnx_value_info);
    nfc_onnx__value_info_proto__init(v);
    v->name = name;
    return v;
}

/* SequenceMap as the standard defines it: a Loop that takes element by element and appends the results. */
static const onnx_graph *map_body(im_node *n, const onnx_graph *g)
{
    importer *o = n->o;
    int results = (int)g->n_output, m = 0;
    onnx_graph *b = ARENA_NEW(o->s->arena, onnx_graph);
    *b = *g;
    b->node = ARENA_ARRAY(o->s->arena, onnx_node *, g->n_node + (size_t)(n->nin + results));
    b->n_input = b->n_output = 0;
    b->input = ARENA_ARRAY(o->s->arena, onnx_value_info *, results + 2);
    b->output = ARENA_ARRAY(o->s->arena, onnx_value_info *, results + 1);
    char *trip = synthetic(o, "trip", 0), *cond = synthetic(o, "cond", 0);
    b->input[b->n_input++] = info_new(o, trip);
    b->input[b->n_input++] = info_new(o, cond);
    b->output[b->n_output++] = info_new(o, cond);
    for (int i = 0; i < n->nin; i++) {
        bool list = n->in[i]->kind == IM_SEQUENCE;
        b->node[m++] = node_new(o, n->proto, list ? "SequenceAt" : "Identity", list ? 2 : 1, texts(o, 2, synthetic(o, "in", i), trip), 1, texts(o, 1, g->input[i]->name));
    }
    for (size_t i = 0; i < g->n_node; i++) b->node[m++] = g->node[i];
    for (int i = 0; i < results; i++) {
        char *before = synthetic(o, "list", i), *after = synthetic(o, "next", i);
        b->input[b->n_input++] = info_new(o, before);
        b->output[b->n_output++] = info_new(o, after);
        b->node[m++] = node_new(o, n->proto, "SequenceInsert", 2, texts(o, 2, before, g->output[i]->name), 1, texts(o, 1, after));
    }
    b->n_node = (size_t)m;
    return b;
}

static bool map_as_loop(im_node *n, const onnx_graph *g, const ir_sx *count)
{
    importer *o = n->o;
    int results = (int)g->n_output;
    char **in = ARENA_ARRAY(o->s->arena, char *, results + 2);
    im_scope_push(o, true);
    in[0] = synthetic(o, "count", 0);
    in[1] = (char *)(uintptr_t)"";
    im_bind(o, in[0], im_value_of(o, in[0], mk_index_tensor(n->k, count, DT_i64)));
    for (int i = 0; i < n->nin; i++) im_bind(o, synthetic(o, "in", i), n->in[i]);
    im_node loop = *n;
    loop.in = ARENA_ARRAY(o->s->arena, im_value *, results + 2);
    loop.in[0] = im_lookup(o, in[0]);
    for (int i = 0; i < results; i++) {
        in[i + 2] = synthetic(o, "empty", i);
        loop.in[i + 2] = im_list_value(o, in[i + 2], list_new(o, 0, NULL));
    }
    onnx_node *proto = node_new(o, n->proto, "Loop", (size_t)results + 2, in, n->proto->n_output, n->proto->output);
    onnx_attribute *body = ARENA_NEW(o->s->arena, onnx_attribute);
    nfc_onnx__attribute_proto__init(body);
    body->name = (char *)(uintptr_t)"body";
    body->g = (onnx_graph *)(uintptr_t)map_body(n, g);
    proto->n_attribute = 1;
    proto->attribute = ARENA_ARRAY(o->s->arena, onnx_attribute *, 1);
    proto->attribute[0] = body;
    loop.proto = proto;
    loop.seen = ARENA_ARRAY(o->s->arena, bool, 1);
    loop.nin = results + 2;
    bool done = im_loop(&loop);
    im_scope_pop(o);
    return done;
}

bool im_sequence_map(im_node *n)
{
    const onnx_attribute *a = im_attr(n, "body");
    if (!a || !a->g) return im_fail(n, E_ATTR_MISSING, -1, "the body is missing");
    im_list *first = list_in(n, 0);
    mapping p = {.n = n, .g = a->g, .m = n->nin};
    if (!first || im_too_deep(n->o, n->at)) return false;
    if ((int)a->g->n_input != n->nin || n->nout > (int)a->g->n_output) return im_fail(n, E_YIELD, -1, "the body has %zu inputs and %zu outputs; the node has %d and %d", a->g->n_input, a->g->n_output, n->nin, n->nout);
    const ir_sx *count = im_list_count(n->o, first);
    if (!sx_is_const(count) || sx_value(count) == 0 || sx_value(count) > 16) return map_as_loop(n, a->g, count);
    for (int i = 1; i < n->nin; i++)
        if (n->in[i]->kind == IM_SEQUENCE && im_list_count(n->o, n->in[i]->list) != count) return im_fail(n, E_SHAPE, i, "the sequences differ in length");
    p.results = ARENA_ARRAY(n->o->s->arena, im_value **, sx_value(count));
    for (int64_t i = 0; i < sx_value(count); i++) {
        p.results[i] = ARENA_ARRAY(n->o->s->arena, im_value *, a->g->n_output);
        if (!map_element(&p, i)) return false;
    }
    for (int r = 0; r < n->nout; r++) {
        im_value **item = ARENA_ARRAY(n->o->s->arena, im_value *, sx_value(count));
        for (int64_t i = 0; i < sx_value(count); i++) item[i] = p.results[i][r];
        im_out_value(n, r, im_list_value(n->o, n->proto->output[r], list_new(n->o, (int)sx_value(count), item)));
    }
    return true;
}
