/* Sequences, optionals, sparse tensors: values of a model that are more, or less, than one tensor. */
#include <string.h>
#include "frontend/onnx/containers.h"

/* ---- sequences ------------------------------------------------------------------------------ */

int im_ragged_axes(const im_list *list)
{
    int n = 0;
    for (int i = 0; i < list->rank; i++) n += list->ragged[i];
    return n;
}

im_value *im_list_value(importer *o, const char *name, im_list *list)
{
    im_value *v = ARENA_NEW(o->s->arena, im_value);
    *v = (im_value){.kind = IM_SEQUENCE, .name = name, .list = list};
    return v;
}

im_value *im_maybe_value(importer *o, const char *name, ir_value *has, im_value *inner)
{
    im_value *v = ARENA_NEW(o->s->arena, im_value);
    im_maybe *m = ARENA_NEW(o->s->arena, im_maybe);
    *m = (im_maybe){has, inner};
    *v = (im_value){.kind = IM_OPTIONAL, .name = name, .maybe = m};
    return v;
}

static const ir_sx *room_of(importer *o, const im_list *l, int axis)
{
    return l->ragged[axis] ? sx_int(&o->m->sx, l->most[axis]) : l->dim[axis];
}

/* [count, extents...] of a list */
static const ir_type *stack_type(importer *o, const im_list *l, const ir_sx *count)
{
    const ir_sx *dim[IR_MAX_RANK + 1] = {count};
    for (int i = 0; i < l->rank; i++) dim[i + 1] = room_of(o, l, i);
    return ir_tensor(o->m, l->dtype, l->rank + 1, dim);
}

static void no_starts(importer *o, const ir_sx **start)
{
    for (int i = 0; i < IR_MAX_RANK; i++) start[i] = sx_int(&o->m->sx, 0);
}

/* In the top corner of a tensor of zeros; itself when it has that shape. */
static ir_value *padded(importer *o, ir_value *v, const ir_type *to)
{
    const ir_sx *start[IR_MAX_RANK];
    no_starts(o, start);
    return ir_same_shape(v->type, to) ? v : mk_update(&o->k, mk_filled(&o->k, to, 0), v, start);
}

static ir_value *no_shapes(importer *o, int columns)
{
    const ir_sx *dim[2] = {sx_int(&o->m->sx, 0), sx_int(&o->m->sx, columns)};
    return mk_const(&o->k, ir_tensor(o->m, DT_i64, 2, dim), arena_alloc(o->s->arena, 8));
}

im_list *im_empty_like(importer *o, const im_list *like, const bool *ragged, const int64_t *most)
{
    im_list *l = ARENA_NEW(o->s->arena, im_list);
    *l = *like;
    l->nitem = 0;
    l->item = NULL;
    memcpy(l->ragged, ragged, sizeof l->ragged);
    memcpy(l->most, most, sizeof l->most);
    l->data = mk_filled(&o->k, stack_type(o, l, sx_int(&o->m->sx, 0)), 0);
    l->shapes = im_ragged_axes(l) ? no_shapes(o, im_ragged_axes(l)) : NULL;
    return l;
}

/* The shared extents of elements that are known one by one. */
static void find_form(im_list *l)
{
    for (int a = 0; a < l->rank; a++) {
        l->dim[a] = l->item[0]->tensor->type->dim[a];
        l->ragged[a] = false;
        l->most[a] = 0;
        for (int i = 0; i < l->nitem; i++) {
            const ir_sx *d = l->item[i]->tensor->type->dim[a];
            l->ragged[a] |= d != l->dim[a];
            if (sx_max(d) > l->most[a]) l->most[a] = sx_max(d);
        }
    }
}

static ir_value *extents_of(importer *o, const im_list *l, const ir_value *v)
{
    const ir_sx *own[IR_MAX_RANK];
    int n = 0;
    for (int a = 0; a < l->rank; a++)
        if (l->ragged[a]) own[n++] = v->type->dim[a];
    return mk_unsqueeze(&o->k, mk_index_vector(&o->k, n, own, DT_i64), 0);
}

im_list *im_stacked(importer *o, im_list *list)
{
    if (!list->item) return list;
    im_list *l = ARENA_NEW(o->s->arena, im_list);
    *l = *list;
    l->item = NULL;
    find_form(list);
    memcpy(l->ragged, list->ragged, sizeof l->ragged);
    memcpy(l->most, list->most, sizeof l->most);
    memcpy(l->dim, list->dim, sizeof l->dim);
    ir_value **data = ARENA_ARRAY(o->s->arena, ir_value *, list->nitem), **shapes = ARENA_ARRAY(o->s->arena, ir_value *, list->nitem);
    const ir_sx *one[IR_MAX_RANK];
    for (int a = 0; a < l->rank; a++) one[a] = room_of(o, l, a);
    for (int i = 0; i < list->nitem; i++) {
        ir_value *v = list->item[i]->tensor;
        if (im_ragged_axes(l)) shapes[i] = extents_of(o, l, v);
        data[i] = mk_unsqueeze(&o->k, padded(o, v, ir_tensor(o->m, l->dtype, l->rank, one)), 0);
    }
    l->data = mk_concat(&o->k, list->nitem, data, 0);
    l->shapes = im_ragged_axes(l) ? mk_concat(&o->k, list->nitem, shapes, 0) : NULL;
    return l;
}

const ir_sx *im_list_count(importer *o, im_list *list)
{
    return list->item || !list->typed ? sx_int(&o->m->sx, list->nitem) : mk_extent(list->data, 0);
}

ir_value *im_list_at(importer *o, im_list *list, const ir_sx *at)
{
    mk *k = &o->k;
    if (list->item && sx_is_const(at)) return list->item[sx_value(at)]->tensor;
    im_list *l = im_stacked(o, list);
    ir_value *v = mk_pick(k, l->data, 0, at);
    int column = 0;
    for (int a = 0; a < l->rank; a++)
        if (l->ragged[a]) {
            ir_value *extent = mk_pick(k, mk_pick(k, l->shapes, 0, at), 0, mk_sx(k, column++));
            v = mk_slice(k, v, a, mk_sx(k, 0), mk_index_read(k, extent, 0, l->most[a]));
        }
    return v;
}

bool im_common_form(im_list *a, im_list *b, bool *ragged, int64_t *most)
{
    if (a->dtype != b->dtype || a->rank != b->rank || a->text != b->text) return false;
    if (a->item) find_form(a);
    if (b->item) find_form(b);
    for (int i = 0; i < IR_MAX_RANK; i++) {
        ragged[i] = false;
        most[i] = 0;
        if (i >= a->rank) continue;
        int64_t x = a->ragged[i] ? a->most[i] : sx_max(a->dim[i]), y = b->ragged[i] ? b->most[i] : sx_max(b->dim[i]);
        ragged[i] = a->ragged[i] || b->ragged[i] || a->dim[i] != b->dim[i];
        most[i] = x > y ? x : y;
    }
    return true;
}

/* Elements of a higher rank: those of a lower one get axes of extent 1 in front. */
im_list *im_promoted(importer *o, im_list *list, int rank)
{
    if (!list->typed || list->rank >= rank) return list;
    im_list *l = ARENA_NEW(o->s->arena, im_list);
    int more = rank - list->rank;
    *l = *list;
    l->rank = rank;
    for (int i = 0; list->item && i < list->nitem; i++) {
        if (i == 0) l->item = ARENA_ARRAY(o->s->arena, im_value *, list->nitem);
        ir_value *v = list->item[i]->tensor;
        for (int k = 0; k < more; k++) v = mk_unsqueeze(&o->k, v, 0);
        l->item[i] = im_value_of(o, list->item[i]->name, v);
        l->item[i]->text = list->text;
    }
    for (int a = 0; a < rank; a++) {
        l->dim[a] = a < more ? mk_sx(&o->k, 1) : list->dim[a - more];
        l->ragged[a] = a >= more && list->ragged[a - more];
        l->most[a] = a < more ? 1 : list->most[a - more];
    }
    for (int k = 0; l->data && k < more; k++) l->data = mk_unsqueeze(&o->k, l->data, 1);
    return l;
}

/* A column of `shapes` for an axis: its own, or the extent that all elements share. */
static ir_value *column_of(importer *o, const im_list *l, int axis, int own)
{
    mk *k = &o->k;
    const ir_sx *dim[2] = {mk_extent(l->data, 0), mk_sx(k, 1)};
    if (l->ragged[axis]) return mk_slice(k, l->shapes, 1, mk_sx(k, own), mk_sx(k, own + 1));
    return mk_expand(k, mk_index_tensor(k, l->dim[axis], DT_i64), 2, dim);
}

im_list *im_reformed(importer *o, im_list *list, const bool *ragged, const int64_t *most)
{
    im_list *l = im_stacked(o, list), *new = ARENA_NEW(o->s->arena, im_list);
    ir_value *column[IR_MAX_RANK];
    int own = 0, n = 0;
    *new = *l;
    for (int a = 0; a < l->rank; a++) {
        if (ragged[a]) column[n++] = column_of(o, l, a, own);
        own += l->ragged[a];
        new->ragged[a] = ragged[a];
        if (ragged[a]) new->most[a] = most[a];
    }
    new->data = padded(o, l->data, stack_type(o, new, mk_extent(l->data, 0)));
    new->shapes = n ? mk_concat(&o->k, n, column, 1) : NULL;
    return new;
}

/* ---- values as tensors ---------------------------------------------------------------------- */

int im_part_count(const im_value *v)
{
    if (v->kind == IM_SEQUENCE) return v->list->typed ? 1 + (im_ragged_axes(v->list) > 0) : 0;
    if (v->kind == IM_OPTIONAL) return 1 + (v->maybe->inner ? im_part_count(v->maybe->inner) : 0);
    return 1;
}

static void add_parts(importer *o, im_parts *p, const im_value *v)
{
    if (v->kind == IM_TENSOR) vec_push(o->s->arena, p, v->tensor);
    if (v->kind == IM_SEQUENCE && v->list->typed) {
        const im_list *l = im_stacked(o, v->list);
        vec_push(o->s->arena, p, l->data);
        if (l->shapes) vec_push(o->s->arena, p, l->shapes);
    }
    if (v->kind == IM_OPTIONAL) {
        vec_push(o->s->arena, p, v->maybe->has);
        if (v->maybe->inner) add_parts(o, p, v->maybe->inner);
    }
}

im_parts im_parts_of(importer *o, const im_value *v)
{
    im_parts p = {0};
    add_parts(o, &p, v);
    return p;
}

im_value *im_rebuild(importer *o, const im_value *like, ir_value *const *part)
{
    im_value *v = ARENA_NEW(o->s->arena, im_value);
    *v = *like;
    if (like->kind == IM_TENSOR) v->tensor = part[0];
    if (like->kind == IM_SEQUENCE) {
        im_list *l = v->list = ARENA_NEW(o->s->arena, im_list);
        *l = *like->list;
        l->item = NULL;
        l->data = l->typed ? part[0] : NULL;
        l->shapes = l->typed && im_ragged_axes(l) ? part[1] : NULL;
        for (int a = 0; l->typed && a < l->rank; a++) l->dim[a] = mk_extent(l->data, a + 1);
    }
    if (like->kind == IM_OPTIONAL) return im_maybe_value(o, like->name, part[0], like->maybe->inner ? im_rebuild(o, like->maybe->inner, part + 1) : NULL);
    return v;
}

/* What a list's elements are like, at this rank at least, without their values: those may be of another
 * block than the one that is being written. */
static im_list *form_of(importer *o, im_list *list, int rank)
{
    im_list *l = ARENA_NEW(o->s->arena, im_list);
    if (list->item) find_form(list);
    *l = *list;
    l->item = NULL;
    l->data = l->shapes = NULL;
    int more = rank > list->rank ? rank - list->rank : 0;
    l->rank += more;
    for (int a = 0; a < l->rank; a++) {
        l->dim[a] = a < more ? sx_int(&o->m->sx, 1) : list->dim[a - more];
        l->ragged[a] = a >= more && list->ragged[a - more];
        l->most[a] = a < more ? 1 : list->most[a - more];
    }
    return l;
}

/* `a`, or the same value in a form that has room for what `b` is; NULL after a report. */
static im_value *with_room(im_node *n, im_value *a, im_value *b, int before)
{
    importer *o = n->o;
    bool ragged[IR_MAX_RANK];
    int64_t most[IR_MAX_RANK];
    if (a->kind == IM_OPTIONAL && b->kind != IM_OPTIONAL) b = im_maybe_value(o, b->name, mk_integer(&o->k, DT_bool, 1), b);
    if (a->kind != b->kind || (a->kind == IM_TENSOR && a->text != b->text)) return im_fail(n, E_ONNX_TYPE, -1, "'%s' and '%s' are of different kinds", a->name, b->name), NULL;
    if (a->kind == IM_OPTIONAL) {
        if (!b->maybe->inner) return a;
        if (a->maybe->inner) {
            im_value *inner = with_room(n, a->maybe->inner, b->maybe->inner, before);
            return !inner || inner == a->maybe->inner ? inner ? a : NULL : im_maybe_value(o, a->name, a->maybe->has, inner);
        }
        return im_maybe_value(o, a->name, a->maybe->has, im_blank(o, b->maybe->inner));
    }
    if (a->kind == IM_TENSOR || !b->list->typed) return a;
    im_list *l = form_of(o, b->list, 0);
    if (!a->list->typed) {
        im_common_form(l, l, ragged, most);
        for (int i = 0; i < l->rank; i++) ragged[i] |= !im_is_outer(l->dim[i], before);
        return im_list_value(o, a->name, im_empty_like(o, l, ragged, most));
    }
    im_list *own = im_stacked(o, im_promoted(o, a->list, l->rank));
    l = form_of(o, b->list, own->rank);
    if (!im_common_form(own, l, ragged, most)) return im_fail(n, E_ONNX_TYPE, -1, "elements of '%s' and '%s' differ in type", a->name, b->name), NULL;
    bool fits = true;
    for (int i = 0; i < own->rank; i++) fits &= ragged[i] == own->ragged[i] && (!ragged[i] || most[i] <= own->most[i]);
    if (fits) return a->list == own ? a : im_list_value(o, a->name, own);
    return im_list_value(o, a->name, im_reformed(o, own, ragged, most));
}

/* Something of the kind of a value, for an optional that is empty. */
im_value *im_blank(importer *o, const im_value *like)
{
    im_parts p = im_parts_of(o, like);
    for (int i = 0; i < p.n; i++) {
        const ir_sx *dim[IR_MAX_RANK];
        const ir_type *t = p.at[i]->type;
        for (int a = 0; a < t->rank; a++) dim[a] = sx_is_const(t->dim[a]) ? t->dim[a] : mk_sx(&o->k, 0);
        p.at[i] = mk_filled(&o->k, ir_tensor(o->m, t->dtype, t->rank, dim), 0);
    }
    im_value *v = ARENA_NEW(o->s->arena, im_value);
    *v = *like;
    if (v->kind == IM_SEQUENCE) v->list = im_stacked(o, v->list);
    return im_rebuild(o, v, p.at);
}

im_value *im_wider(im_node *n, im_value *init, im_value *v, int before) { return with_room(n, init, v, before); }

/* Parts of v in the form that `like` has; there is room for it. */
bool im_like_parts(im_node *n, const im_value *like, im_value *v, im_parts *out)
{
    importer *o = n->o;
    if (like->kind == IM_OPTIONAL && v->kind != IM_OPTIONAL) v = im_maybe_value(o, v->name, mk_integer(&o->k, DT_bool, 1), v);
    if (like->kind != v->kind) return im_fail(n, E_ONNX_TYPE, -1, "'%s' is of another kind than '%s'", v->name, like->name);
    *out = (im_parts){0};
    if (v->kind == IM_OPTIONAL && like->maybe->inner) {
        im_parts inner;
        im_value *held = v->maybe->inner ? v->maybe->inner : im_blank(o, like->maybe->inner);
        vec_push(o->s->arena, out, v->maybe->has);
        if (!im_like_parts(n, like->maybe->inner, held, &inner)) return false;
        for (int i = 0; i < inner.n; i++) vec_push(o->s->arena, out, inner.at[i]);
        return true;
    }
    if (v->kind == IM_SEQUENCE && like->list->typed) {
        im_list *l = v->list->typed ? im_reformed(o, im_promoted(o, v->list, like->list->rank), like->list->ragged, like->list->most) : im_empty_like(o, like->list, like->list->ragged, like->list->most);
        vec_push(o->s->arena, out, l->data);
        if (l->shapes) vec_push(o->s->arena, out, l->shapes);
        return true;
    }
    *out = im_parts_of(o, v);
    return true;
}

/* A tensor whose rank differs from branch to branch has the larger one: axes of extent 1 stand in front. */
static im_value *ranked(im_node *n, im_value *v, const im_value *like)
{
    if (v->kind != IM_TENSOR || like->kind != IM_TENSOR || v->text || ir_is_poison(v->tensor) || ir_is_poison(like->tensor) || v->tensor->type->rank >= like->tensor->type->rank) return v;
    ir_value *t = v->tensor;
    while (t->type->rank < like->tensor->type->rank) t = mk_unsqueeze(n->k, t, 0);
    return im_value_of(n->o, v->name, t);
}

bool im_same_parts(im_node *n, im_value **a, im_value **b, ir_block *end_a, ir_block *end_b, int before, im_parts *out_a, im_parts *out_b)
{
    mk *k = n->k;
    k->block = end_a;
    *a = ranked(n, *a, *b);
    *a = with_room(n, *a, *b, before);
    k->block = end_b;
    if (*a) *b = ranked(n, *b, *a);
    *b = *a ? with_room(n, *b, *a, before) : NULL;
    if (!*a || !*b) return false;
    k->block = end_a;
    if (!im_like_parts(n, *b, *a, out_a)) return false;
    k->block = end_b;
    return im_like_parts(n, *b, *b, out_b);
}

/* ---- sparse tensors ------------------------------------------------------------------------- */

/* As the dense tensor that it stands for; indices are flat, or one row a value. */
ir_value *im_sparse(importer *o, const onnx_sparse *t, nfc_span at)
{
    onnx_array values, indices;
    const ir_sx *dim[IR_MAX_RANK];
    int64_t total = 1;
    mk k = o->k;
    k.at = at;
    if (!t->values || !t->indices) {
        diag_error(&o->s->diags, E_ONNX_TYPE, at, "a sparse tensor has no %s", t->values ? "indices" : "values");
        return im_poison(o);
    }
    if (!onnx_tensor_data(o->file, t->values, &values) || !onnx_tensor_data(o->file, t->indices, &indices)) return im_poison(o);
    bool good = t->n_dims <= IR_MAX_RANK && indices.dtype == DT_i64 && values.dtype != DT_string && (indices.rank == 1 || indices.rank == 2);
    for (size_t i = 0; good && i < t->n_dims; i++) {
        good = t->dims[i] >= 0 && t->dims[i] <= IR_MAX_BOUND && (t->dims[i] == 0 || total <= (INT64_C(1) << 40) / t->dims[i]);
        dim[i] = sx_int(&o->m->sx, t->dims[i]);
        total *= good ? t->dims[i] : 1;
    }
    int64_t each = indices.rank == 2 ? (int64_t)t->n_dims : 1;
    good = good && indices.elements == values.elements * each && total <= INT64_C(1) << 31;
    size_t size = dtype_bytes(values.dtype);
    char *data = good ? arena_array(o->s->arena, (size_t)(total ? total : 1), size) : NULL;
    for (int64_t i = 0; good && i < values.elements; i++) {
        int64_t flat = each == 1 && indices.rank == 1 ? dtype_get_int(DT_i64, indices.data, (size_t)i) : 0;
        for (int64_t a = 0; indices.rank == 2 && a < each; a++) {
            int64_t x = dtype_get_int(DT_i64, indices.data, (size_t)(i * each + a));
            good = good && x >= 0 && x < t->dims[a];
            flat = flat * t->dims[a] + x;
        }
        good = good && flat >= 0 && flat < total;
        if (good) memcpy(data + (size_t)flat * size, (const char *)values.data + (size_t)i * size, size);
    }
    if (good) return mk_const(&k, ir_tensor(o->m, values.dtype, (int)t->n_dims, dim), data);
    diag_error(&o->s->diags, E_ONNX_TYPE, at, "the sparse tensor '%s' is malformed", t->values->name);
    return im_poison(o);
}

void im_sparse_initializer(importer *o, const onnx_sparse *t)
{
    if (!t->values || !*t->values->name) return;
    mk outer = o->k;
    o->k.block = o->entry; /* every block sees the entry's first instructions */
    o->k.before = o->entry->first;
    ir_value *v = im_sparse(o, t, o->k.at);
    o->k = outer;
    im_bind(o, t->values->name, im_value_of(o, t->values->name, v));
}

/* ---- ports ---------------------------------------------------------------------------------- */

/* An extent of a sequence's elements in a port: what the type says, or a free dim NAME.AXIS. */
static const ir_sx *element_extent(importer *o, const onnx_value_info *v, const onnx_dim *d, size_t axis)
{
    if (d && d->has_dim_value && d->dim_value >= 0) return sx_int(&o->m->sx, d->dim_value);
    const char *name = d && *d->dim_param ? d->dim_param : session_printf(o->s, "%s.%zu", v->name, axis);
    return im_dim(o, name, 0, im_span(o, v), session_printf(o->s, "the elements of '%s'", v->name));
}

/* Their rank: of the type, or of -D 'NAME.rank=2'; -1 after a report. */
static int element_rank(importer *o, const onnx_value_info *v, const onnx_shape *shape)
{
    const lower_binding *b = im_binding(o, session_printf(o->s, "%s.rank", v->name));
    if (b) return (int)b->value;
    if (shape) return (int)shape->n_dim;
    diag_help(diag_error(&o->s->diags, E_RANK, im_span(o, v), "the rank of the elements of '%s' is not known", v->name), "-D '%s.rank=1' gives it", v->name);
    return -1;
}

/* The largest, or least, of the numbers and 0: of no numbers it is 0. */
static ir_value *bounded(importer *o, ir_op op, ir_value *v)
{
    return mk_end(&o->k, mk_begin(&o->k, op, 2, (ir_value *[]){v, mk_integer(&o->k, DT_i64, 0)}), 1);
}

/* NAME [count, extents...], and where elements may differ in their extents, NAME_shapes i64 [count, rank]. */
static im_value *sequence_input(importer *o, const onnx_value_info *v, const onnx_type *type)
{
    nfc_span at = im_span(o, v);
    const onnx_type *element = type->sequence_type->elem_type;
    const NfcOnnx__TypeProto__Tensor *t = element ? element->tensor_type : NULL;
    nfc_dtype dtype = t ? onnx_dtype(t->elem_type) : DT_COUNT;
    if (dtype == DT_COUNT) {
        diag_error(&o->s->diags, E_ONNX_TYPE, at, "'%s' is no sequence of tensors of a known type", v->name);
        return NULL;
    }
    int rank = element_rank(o, v, t->shape);
    if (rank < 0 || rank + 2 > IR_MAX_RANK) return rank < 0 ? NULL : (diag_error(&o->s->diags, E_RANK, at, "elements of '%s' have more than %d axes", v->name, IR_MAX_RANK - 2), NULL);
    im_list *l = ARENA_NEW(o->s->arena, im_list);
    *l = (im_list){.typed = true, .text = dtype == DT_string, .dtype = dtype == DT_string ? DT_u8 : dtype, .rank = rank};
    const ir_sx *count = im_dim(o, session_printf(o->s, "%s.count", v->name), 0, at, session_printf(o->s, "'%s', the number of its elements,", v->name)), *dim[IR_MAX_RANK] = {count};
    for (int a = 0; a < rank; a++) {
        dim[a + 1] = l->dim[a] = element_extent(o, v, t->shape && (size_t)a < t->shape->n_dim ? t->shape->dim[a] : NULL, (size_t)a);
        l->ragged[a] = !sx_is_const(l->dim[a]);
        l->most[a] = sx_max(l->dim[a]);
    }
    if (l->text) dim[++l->rank] = l->dim[rank] = sx_int(&o->m->sx, o->options->text_length);
    ir_value *data = im_add_input(o, v->name, ir_tensor(o->m, l->dtype, l->rank + 1, dim), at);
    const ir_sx *room[IR_MAX_RANK] = {count}, *wide[2] = {count, sx_int(&o->m->sx, rank)};
    for (int a = 0; a < l->rank; a++) room[a + 1] = l->ragged[a] ? sx_int(&o->m->sx, l->most[a]) : l->dim[a];
    l->data = padded(o, data, ir_tensor(o->m, l->dtype, l->rank + 1, room));
    if (!im_ragged_axes(l)) return im_list_value(o, v->name, l);
    ir_value *shapes = im_add_input(o, session_printf(o->s, "%s_shapes", v->name), ir_tensor(o->m, DT_i64, 2, wide), at), *column[IR_MAX_RANK];
    int n = 0;
    for (int a = 0; a < rank; a++)
        if (l->ragged[a]) column[n++] = mk_slice(&o->k, shapes, 1, mk_sx(&o->k, a), mk_sx(&o->k, a + 1));
    ir_value *own = mk_concat(&o->k, n, column, 1);
    ir_value *largest = mk_reduce(&o->k, IR_reduce_max, own, 1, false), *least = mk_reduce(&o->k, IR_reduce_min, own, 1, false);
    for (int a = 0, c = 0; a < rank; a++) /* what a caller says of them is checked */
        if (l->ragged[a]) {
            im_element(o, bounded(o, IR_max, largest), c, 0, l->most[a]);
            im_element(o, bounded(o, IR_min, least), c++, 0, 0);
        }
    l->shapes = own;
    return im_list_value(o, v->name, l);
}

static im_value *port_value(importer *o, const onnx_value_info *v, const onnx_type *type)
{
    if (!type) return NULL;
    if (type->sequence_type) return sequence_input(o, v, type);
    if (type->optional_type) {
        im_value *inner = port_value(o, v, type->optional_type->elem_type);
        if (!inner || inner->kind == IM_OPTIONAL) return NULL;
        ir_value *has = im_add_input(o, session_printf(o->s, "%s_has", v->name), ir_scalar(o->m, DT_bool), im_span(o, v));
        return im_maybe_value(o, v->name, has, inner);
    }
    bool text = false;
    const ir_type *t = im_input_type(o, v, type, &text);
    if (!t) return NULL;
    im_value *value = im_value_of(o, v->name, im_add_input(o, v->name, t, im_span(o, v)));
    value->text = text;
    return value;
}

void im_container_input(importer *o, const onnx_value_info *v, im_value *value)
{
    im_value *made = port_value(o, v, v->type);
    if (made) *value = *made;
    else if (!o->s->diags.errors) diag_error(&o->s->diags, E_ONNX_TYPE, im_span(o, v), "input '%s' is of a kind that is not supported", v->name);
}

/* What the model says that an empty value would hold: of extent 0 where it does not say how large. */
static im_value *declared_blank(importer *o, const onnx_type *type)
{
    bool sequence = type && type->sequence_type;
    const onnx_type *element = sequence ? type->sequence_type->elem_type : type;
    const NfcOnnx__TypeProto__Tensor *t = element ? element->tensor_type : NULL;
    nfc_dtype dtype = t ? onnx_dtype(t->elem_type) : DT_COUNT;
    const ir_sx *dim[IR_MAX_RANK];
    int rank = t && t->shape && t->shape->n_dim < IR_MAX_RANK - 1 ? (int)t->shape->n_dim : 0;
    if (dtype == DT_COUNT) return NULL;
    for (int a = 0; a < rank; a++) dim[a] = sx_int(&o->m->sx, t->shape->dim[a]->has_dim_value && t->shape->dim[a]->dim_value >= 0 ? t->shape->dim[a]->dim_value : 0);
    bool text = dtype == DT_string;
    if (text) dim[rank++] = sx_int(&o->m->sx, o->options->text_length);
    if (!sequence) {
        im_value *v = im_value_of(o, "", mk_filled(&o->k, ir_tensor(o->m, text ? DT_u8 : dtype, rank, dim), 0));
        v->text = text;
        return v;
    }
    im_list *l = ARENA_NEW(o->s->arena, im_list);
    *l = (im_list){.typed = true, .dtype = text ? DT_u8 : dtype, .text = text, .rank = rank};
    for (int a = 0; a < rank; a++) l->dim[a] = dim[a];
    return im_list_value(o, "", im_empty_like(o, l, l->ragged, l->most));
}

static void sequence_output(importer *o, const onnx_value_info *v, im_list *list, im_outputs *out)
{
    mk *k = &o->k;
    im_list *l = im_stacked(o, list);
    int rank = l->rank - l->text;
    im_add_output(o, out, v->name, l->data, k->at);
    if (!im_ragged_axes(l)) return;
    ir_value *column[IR_MAX_RANK];
    for (int a = 0, own = 0; a < rank; own += l->ragged[a++]) column[a] = column_of(o, l, a, own);
    im_add_output(o, out, session_printf(o->s, "%s_shapes", v->name), mk_concat(k, rank, column, 1), k->at);
}

void im_container_output(importer *o, const onnx_value_info *v, const im_value *value, im_outputs *out)
{
    const im_maybe *maybe = value->kind == IM_OPTIONAL ? value->maybe : NULL;
    const onnx_type *type = v->type && v->type->optional_type ? v->type->optional_type->elem_type : v->type;
    if (maybe) value = maybe->inner;
    if (maybe && v->type && !v->type->optional_type) maybe = NULL; /* the model says that it is there */
    if (!value || (value->kind == IM_SEQUENCE && !value->list->typed)) value = declared_blank(o, type);
    if (!value || value->kind == IM_OPTIONAL) {
        diag_error(&o->s->diags, E_ONNX_TYPE, im_span(o, v), "the type of output '%s' is not known", v->name);
        return;
    }
    if (value->kind == IM_SEQUENCE) sequence_output(o, v, value->list, out);
    else im_add_output(o, out, v->name, value->tensor, o->k.at);
    if (maybe) im_add_output(o, out, session_printf(o->s, "%s_has", v->name), maybe->has, o->k.at);
}

typedef struct seen {
    bool run; /* a symbol that only the run knows */
} seen;

static void look(void *env, const ir_sym *sym)
{
    if (!sym->is_dim) ((seen *)env)->run = true;
}

const ir_sx *im_result_extent(importer *o, const char *port, int axis, const ir_sx *x, nfc_span at)
{
    seen s = {false};
    sx_visit(x, look, &s);
    if (!s.run) return x;
    const char *name = im_port_name(o, session_printf(o->s, "%s_%d", port, axis), "n");
    return ir_result_dim(o->m, name, sx_max(x), at);
}
