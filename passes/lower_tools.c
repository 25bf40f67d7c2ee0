/* What lowerings are written with: loops, guards, indices. */
#include "passes/lower_access.h"

#include <math.h>
#include "ir/names.h"
#include "ir/shape.h"

const char *const *lw_axis_names(int rank)
{
    static const char *const names[IR_MAX_RANK + 1][IR_MAX_RANK] = {
        {NULL}, {"i"}, {"i", "j"}, {"i", "j", "k"}, {"n", "c", "h", "w"}, {"n", "c", "d", "h", "w"},
        {"a", "b", "c", "d", "h", "w"}, {"a", "b", "c", "d", "e", "h", "w"}, {"a", "b", "c", "d", "e", "f", "h", "w"}};
    return names[rank];
}

const ir_sx *lw_for_parallel(lw *l, const char *name, const ir_sx *extent)
{
    map_init(&l->memo, l->m->arena); /* what was worked out outside may not be known inside, and back */
    return kir_for(&l->b, l->outer, name, sx_int(l->sx, 0), extent);
}

const ir_sx *lw_for(lw *l, const char *name, const ir_sx *extent)
{
    map_init(&l->memo, l->m->arena);
    return kir_for(&l->b, KIR_SERIAL, name, sx_int(l->sx, 0), extent);
}

void lw_in_parts(lw *l)
{
    enum { LEAST = 32 };
    kir_stmt *s = vec_last(&l->b.open);
    bool loop = s->kind == KIR_FOR && s->loop == KIR_SERIAL;
    if (loop && sx_is(s->begin, 0) && sx_max(s->end) >= LEAST) s->in_parts = true;
}

void lw_if(lw *l, const kir_expr *cond)
{
    map_init(&l->memo, l->m->arena);
    kir_if(&l->b, cond);
}

int lw_for_shape(lw *l, int rank, const ir_sx *const *extent, const char *const *names, const ir_sx **index)
{
    int loops = 0;
    for (int i = 0; i < rank; i++) {
        bool one = sx_is(extent[i], 1);
        index[i] = one ? sx_int(l->sx, 0) : lw_for_parallel(l, names[i], extent[i]);
        loops += !one;
    }
    return loops;
}

int lw_for_axes(lw *l, const ir_type *t, uint32_t mask, bool parallel, const ir_sx **index)
{
    int n = 0;
    for (int i = 0; i < t->rank; i++) {
        if (!(mask >> i & 1)) continue;
        index[i] = (parallel ? lw_for_parallel : lw_for)(l, lw_axis_names(t->rank)[i], t->dim[i]);
        n++;
    }
    return n;
}

int lw_for_result(lw *l, int n, const char *const *names, const ir_sx **index)
{
    const ir_value *out = lw_leaves_as(l, n);
    const ir_type *t = out->type;
    int order[IR_MAX_RANK], loops = 0;
    lw_order(t, plan_view_of(l->plan, out)->stride, order);
    for (int i = 0; i < t->rank; i++) {
        bool one = sx_is(t->dim[order[i]], 1);
        index[order[i]] = one ? sx_int(l->sx, 0) : lw_for_parallel(l, names[order[i]], t->dim[order[i]]);
        loops += !one;
    }
    return loops;
}

void lw_close(lw *l, int loops)
{
    for (int i = 0; i < loops; i++) kir_close(&l->b);
    map_init(&l->memo, l->m->arena);
}

kir_buffer *lw_accumulator(lw *l, const char *name, kir_type type, const kir_expr *init)
{
    kir_buffer *b = kir_alloc(&l->b, name, (nfc_dtype)type, 1);
    kir_store(&l->b, b, sx_int(l->sx, 0), init);
    return b;
}

const kir_expr *lw_read(lw *l, kir_buffer *local) { return kir_load(&l->b, local, sx_int(l->sx, 0)); }
const kir_expr *lw_named(lw *l, const char *name, const kir_expr *value) { return kir_let(&l->b, name, value); }

const kir_expr *lw_inside(lw *l, const ir_sx *x, const ir_sx *extent)
{
    kir_builder *b = &l->b;
    return kir_binary(b, KB_AND, kir_binary(b, KB_LE, kir_int(b, KIR_INDEX_TYPE, 0), kir_index(b, x)), kir_binary(b, KB_LT, kir_index(b, x), kir_index(b, extent)));
}

const ir_sx *lw_clamped(lw *l, const char *name, const ir_sx *x, const ir_sx *extent)
{
    kir_builder *b = &l->b;
    const ir_sx *last = sx_sub(l->sx, extent, sx_int(l->sx, 1));
    const kir_expr *v = kir_binary(b, KB_MAX, kir_index(b, x), kir_int(b, KIR_INDEX_TYPE, 0));
    v = kir_binary(b, KB_MIN, v, kir_index(b, last));
    if (v->kind == KIR_INDEX) return v->index;
    return kir_let_index(b, name, v, 0, sx_max(last));
}

/* What the elements of a value can be: the bound of an input, which every run checks, or its type. */
static void range_of(lw *l, const ir_value *v, int64_t *lo, int64_t *hi)
{
    v = lw_outside(l, v);
    *lo = dtype_min(v->type->dtype);
    *hi = dtype_max(v->type->dtype) > INT64_MAX ? INT64_MAX : (int64_t)dtype_max(v->type->dtype);
    const ir_graph *g = l->plan->g;
    if (!v->block || v->block != g->body->first || v->slot >= g->input.n) return;
    const ir_bound *b = &g->input.at[v->slot].bound;
    if (b->has_min && b->min > (double)*lo && b->min < 0x1p62) *lo = (int64_t)ceil(b->min);
    if (b->has_max && b->max < (double)*hi && b->max > -0x1p62) *hi = (int64_t)floor(b->max);
}

const ir_sx *lw_checked_index(lw *l, const char *name, const ir_value *v, const ir_sx *const *index, const ir_sx *extent)
{
    kir_builder *b = &l->b;
    const kir_expr *zero = kir_int(b, KIR_INDEX_TYPE, 0), *n = kir_index(b, extent), *value = lw_load(l, v, index);
    const ir_sx *last = sx_sub(l->sx, extent, sx_int(l->sx, 1));
    int64_t lo, hi, least = sx_min(extent);
    range_of(l, v, &lo, &hi);
    if (value->kind == KIR_CONST) lo = hi = value->integer;
    if (lo == hi && lo >= 0 && hi < least) return sx_int(l->sx, lo);
    const ir_sx *raw = kir_let_index(b, name, kir_cast(b, KIR_INDEX_TYPE, value), dtype_min(DT_i64), INT64_MAX);
    const kir_expr *x = kir_index(b, raw);
    if (lo < 0) x = kir_select(b, kir_binary(b, KB_LT, x, zero), kir_index(b, sx_add(l->sx, raw, extent)), x);
    if (lo < -least || hi >= least) {
        kir_if(b, kir_binary(b, KB_OR, kir_binary(b, KB_LT, x, zero), kir_binary(b, KB_LE, n, x)));
        kir_fail(b, KIR_FAIL_INDEX);
        kir_close(b);
    }
    x = kir_binary(b, KB_MIN, kir_binary(b, KB_MAX, x, zero), kir_index(b, last));
    return kir_let_index(b, arena_printf(l->m->arena, "%s_at", name), x, 0, sx_max(last) < 0 ? 0 : sx_max(last));
}

const ir_sx *lw_flatten(lw *l, const ir_type *type, const ir_sx *const *index)
{
    const ir_sx *flat = sx_int(l->sx, 0);
    for (int i = 0; i < type->rank; i++) flat = sx_add(l->sx, sx_mul(l->sx, flat, type->dim[i]), index[i]);
    return flat;
}

void lw_unflatten(lw *l, const ir_type *type, const ir_sx *flat, const ir_sx **index)
{
    for (int i = type->rank - 1; i >= 0; i--) {
        bool known = sx_is_const(type->dim[i]) && sx_value(type->dim[i]) > 0;
        if (i == 0 || !known) {
            index[i] = flat; /* the outermost axis takes what is left */
            for (int k = 0; k < i; k++) index[k] = sx_int(l->sx, 0);
            return;
        }
        index[i] = sx_mod(l->sx, flat, sx_value(type->dim[i]));
        flat = sx_div(l->sx, flat, sx_value(type->dim[i]));
    }
}

const kir_expr *lw_number(lw *l, kir_type type, double value) { return kir_number(&l->b, type, value); }

kir_buffer *lw_table(lw *l, const char *name, nfc_dtype dtype, int64_t n, const void *data)
{
    const ir_sx *extent = sx_int(l->sx, n);
    ir_inst *c = ir_constant(l->m, l->inst->at, ir_tensor(l->m, dtype, 1, &extent), data);
    plan_buffer *b = ARENA_NEW(l->m->arena, plan_buffer);
    c->out[0]->name = name;
    *b = (plan_buffer){.place = PLAN_WEIGHT, .dtype = dtype, .bytes = ir_max_bytes(c->out[0]->type), .weight = c, .name = name, .at = c->at};
    plan_view view = {b, sx_int(l->sx, 0), {sx_int(l->sx, 1)}};
    return lw_param_of(l, c->out[0], &view)->buffer;
}

const kir_expr *lw_lowest(lw *l, nfc_dtype t)
{
    if (dtype_is_float(t)) return kir_float(&l->b, kir_compute(t), -INFINITY);
    return kir_int(&l->b, kir_compute(t), dtype_min(t));
}

const kir_expr *lw_highest(lw *l, nfc_dtype t)
{
    if (dtype_is_float(t)) return kir_float(&l->b, kir_compute(t), INFINITY);
    return kir_int(&l->b, kir_compute(t), (int64_t)dtype_max(t));
}
