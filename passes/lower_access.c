/* What a kernel reads and writes: its parameters, and the elements of values that pass through it. */
#include "passes/lower_access.h"

#include <string.h>
#include "ir/names.h"
#include "ir/shape.h"

/* ---- parameters ---------------------------------------------------------------------------- */

static bool same_view(const plan_view *a, const plan_view *b, const ir_type *t)
{
    return a->buffer == b->buffer && a->offset == b->offset && plan_steps_alike(t, a, b);
}

static const char *param_name(lw *l, const ir_value *v)
{
    while (!v->name && v->def && op_get(v->def->op)->family == FAM_VIEW && v->def->nin) v = v->def->in[0]; /* the same elements by another name */
    const char *name = v->name;
    if (v->def && v->def->op == IR_weight) { /* layers.3.wq: the last part says what it is */
        name = v->def->constant->pattern ? v->def->constant->pattern : v->def->constant->tensor[0];
        const char *dot = strrchr(name, '.');
        if (dot && dot[1] && dot[1] != '{') name = dot + 1;
    }
    return name_unique(l->m->arena, &l->param_names, name && *name ? name : "x");
}

/* How far a view reaches from its first to its last element, plus one; backwards strides are turned
 * by shifting the base to the lowest element. */
static void make_param(lw *l, lw_param *p, const ir_type *t)
{
    sx_table *s = l->sx;
    const ir_sx *reach = sx_int(s, 1);
    p->shift = sx_int(s, 0);
    for (int i = 0; i < t->rank; i++) {
        const ir_sx *span = sx_mul(s, sx_sub(s, t->dim[i], sx_int(s, 1)), p->view.stride[i]);
        if (sx_max(p->view.stride[i]) < 0) {
            p->shift = sx_sub(s, p->shift, span);
            span = sx_sub(s, sx_int(s, 0), span);
        }
        reach = sx_add(s, reach, span);
    }
    p->view.offset = sx_sub(s, p->view.offset, p->shift);
    p->buffer = kir_param(&l->b, param_name(l, p->value), t->dtype, reach);
    p->buffer->value = p->value;
    plan_view *arg = ARENA_NEW(l->m->arena, plan_view);
    *arg = p->view;
    vec_push(l->m->arena, &l->call->arg, arg);
}

/* In place: one pointer for what is read and what is written. */
static const lw_param *param_of_view(const lw_param *list, const ir_type *t, const plan_view *view)
{
    for (; list; list = list->before) {
        const ir_type *o = list->value->type;
        plan_view as_given = list->view;
        as_given.offset = list->at;
        if (ir_same_shape(o, t) && o->dtype == t->dtype && same_view(&as_given, view, t)) return list;
    }
    return NULL;
}

lw_param *lw_param_of(lw *l, const ir_value *v, const plan_view *view)
{
    lw_param *p = map_getp(&l->param_of, v);
    if (p) return p;
    const void *key[2] = {view->buffer, view->offset};
    const lw_param *list = map_getn(&l->param_at, (const char *)key, sizeof key);
    const lw_param *same = param_of_view(list, v->type, view);
    p = ARENA_NEW(l->m->arena, lw_param);
    if (same) *p = *same;
    else p->view = *view;
    p->value = v;
    p->at = view->offset;
    p->before = list;
    if (!same) make_param(l, p, v->type);
    map_setp(&l->param_of, v, p);
    map_setn(&l->param_at, (const char *)key, sizeof key, p);
    return p;
}

const ir_sx *lw_flat_index(lw *l, const lw_param *p, int rank, const ir_sx *const *index)
{
    const ir_sx *flat = p->shift;
    for (int i = 0; i < rank; i++) flat = sx_add(l->sx, flat, sx_mul(l->sx, index[i], p->view.stride[i]));
    return flat;
}

/* ---- loading ------------------------------------------------------------------------------- */

const kir_expr *lw_round(lw *l, nfc_dtype t, const kir_expr *value)
{
    kir_type compute = kir_compute(t);
    if (compute == t) return kir_cast(&l->b, compute, value);
    if (l->m->fast_math && dtype_is_float(t)) return kir_cast(&l->b, compute, value);
    return kir_cast(&l->b, compute, kir_cast(&l->b, (kir_type)t, value));
}

const kir_expr *lw_literal(lw *l, const ir_value *v)
{
    if (!v->def || v->def->op != IR_const || ir_max_elements(v->type) != 1) return NULL;
    nfc_dtype t = v->type->dtype;
    kir_type compute = kir_compute(t);
    if (dtype_is_float(t)) return kir_float(&l->b, compute, dtype_get(t, v->def->constant->data, 0));
    return kir_int(&l->b, compute, dtype_get_int(t, v->def->constant->data, 0));
}

const ir_value *lw_outside(const lw *l, const ir_value *v)
{
    if (l->inst->op == IR_fused && v->block && v->block->region == l->inst->region[0]) return l->inst->in[v->slot];
    return v;
}

static bool is_inside(const lw *l, const ir_value *v)
{
    if (l->inst->op == IR_fused) return v->def && v->def->block && v->def->block->region == l->inst->region[0];
    return v->def == l->inst;
}

static bool is_overridden(const lw *l, const ir_value *v, const ir_sx *const *index)
{
    if (l->override.value != v) return false;
    for (int i = 0; i < v->type->rank; i++)
        if (l->override.index[i] != index[i]) return false;
    return true;
}

static const kir_expr *load_param(lw *l, const ir_value *v, const ir_sx *const *index)
{
    lw_param *p = lw_param_of(l, v, plan_view_of(l->plan, v));
    const kir_expr *x = kir_load(&l->b, p->buffer, lw_flat_index(l, p, v->type->rank, index));
    return kir_cast(&l->b, kir_compute(v->type->dtype), x);
}

const kir_expr *lw_load(lw *l, const ir_value *v, const ir_sx *const *index)
{
    v = lw_outside(l, v);
    if (is_overridden(l, v, index)) return l->override.expr;
    if (ir_max_elements(v->type) == 0) return kir_number(&l->b, kir_compute(v->type->dtype), 0); /* no loop comes by */
    if (!is_inside(l, v)) {
        const kir_expr *x = lw_literal(l, v);
        return x ? x : load_param(l, v, index);
    }
    const void *key[IR_MAX_RANK + 1] = {v};
    for (int i = 0; i < v->type->rank; i++) key[i + 1] = index[i];
    const kir_expr *known = map_getn(&l->memo, (const char *)key, sizeof key);
    if (known) return known;
    const kir_expr *x = lower_element_of(v->def->op)(l, v->def, v->slot, index);
    x = lw_round(l, v->type->dtype, x);
    map_setn(&l->memo, (const char *)key, sizeof key, (void *)(uintptr_t)x);
    return x;
}

/* ---- storing ------------------------------------------------------------------------------- */

const ir_value *lw_leaves_as(const lw *l, int n)
{
    return l->inst->op == IR_fused ? l->inst->out[0] : l->inst->out[n];
}

const ir_value *lw_last_inside(const lw *l)
{
    return l->inst->region[0]->first->last->in[0];
}

void lw_store(lw *l, int n, const ir_sx *const *index, const kir_expr *value)
{
    const ir_value *out = lw_leaves_as(l, n);
    if (l->inst->op == IR_fused) {
        const ir_value *made = l->root->out[n], *last = lw_last_inside(l);
        l->override.value = made;
        for (int i = 0; i < made->type->rank; i++) l->override.index[i] = index[i];
        l->override.expr = made == last ? value : lw_named(l, "v", lw_round(l, made->type->dtype, value));
        map_init(&l->memo, l->m->arena);
        value = lw_load(l, last, index);
    }
    const plan_view *view = plan_view_of(l->plan, out);
    if (!out->uses && !view) return;
    lw_param *p = lw_param_of(l, out, view);
    kir_store(&l->b, p->buffer, lw_flat_index(l, p, out->type->rank, index), value);
    l->override.value = NULL;
}

const kir_expr *lw_stored(lw *l, int n, const ir_sx *const *index)
{
    return load_param(l, lw_leaves_as(l, n), index);
}
