#include "passes/lower_kir.h"

#include <math.h>
#include <string.h>
#include "ir/names.h"
#include "ir/shape.h"
#include "passes/k_turn.h"
#include "passes/sched_book.h"

/* ---- parameters ---------------------------------------------------------------------------- */

static bool same_view(const plan_view *a, const plan_view *b, const ir_type *t)
{
    return a->buffer == b->buffer && a->offset == b->offset && plan_steps_alike(t, a, b);
}

static const char *param_name(lw *l, const ir_value *v)
{
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

static lw_param *param_of(lw *l, const ir_value *v, const plan_view *view)
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

static const ir_sx *flat_index(lw *l, const lw_param *p, int rank, const ir_sx *const *index)
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

/* A constant of one value needs no memory. */
static const kir_expr *literal(lw *l, const ir_value *v)
{
    if (!v->def || v->def->op != IR_const || ir_max_elements(v->type) != 1) return NULL;
    nfc_dtype t = v->type->dtype;
    kir_type compute = kir_compute(t);
    if (dtype_is_float(t)) return kir_float(&l->b, compute, dtype_get(t, v->def->constant->data, 0));
    return kir_int(&l->b, compute, dtype_get_int(t, v->def->constant->data, 0));
}

/* A block argument of the fused group is the operand outside. */
static const ir_value *outside(const lw *l, const ir_value *v)
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
    lw_param *p = param_of(l, v, plan_view_of(l->plan, v));
    const kir_expr *x = kir_load(&l->b, p->buffer, flat_index(l, p, v->type->rank, index));
    return kir_cast(&l->b, kir_compute(v->type->dtype), x);
}

const kir_expr *lw_load(lw *l, const ir_value *v, const ir_sx *const *index)
{
    v = outside(l, v);
    if (is_overridden(l, v, index)) return l->override.expr;
    if (ir_max_elements(v->type) == 0) return kir_number(&l->b, kir_compute(v->type->dtype), 0); /* no loop comes by */
    if (!is_inside(l, v)) {
        const kir_expr *x = literal(l, v);
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

/* The value that leaves the kernel through the root's result n. */
static const ir_value *leaves_as(const lw *l, int n)
{
    return l->inst->op == IR_fused ? l->inst->out[0] : l->inst->out[n];
}

static const ir_value *last_inside(const lw *l)
{
    return l->inst->region[0]->first->last->in[0];
}

void lw_store(lw *l, int n, const ir_sx *const *index, const kir_expr *value)
{
    const ir_value *out = leaves_as(l, n);
    if (l->inst->op == IR_fused) {
        const ir_value *made = l->root->out[n], *last = last_inside(l);
        l->override.value = made;
        for (int i = 0; i < made->type->rank; i++) l->override.index[i] = index[i];
        l->override.expr = made == last ? value : lw_named(l, "v", lw_round(l, made->type->dtype, value));
        map_init(&l->memo, l->m->arena);
        value = lw_load(l, last, index);
    }
    const plan_view *view = plan_view_of(l->plan, out);
    if (!out->uses && !view) return;
    lw_param *p = param_of(l, out, view);
    kir_store(&l->b, p->buffer, flat_index(l, p, out->type->rank, index), value);
    l->override.value = NULL;
}

const kir_expr *lw_stored(lw *l, int n, const ir_sx *const *index)
{
    return load_param(l, leaves_as(l, n), index);
}

/* ---- loops and helpers --------------------------------------------------------------------- */

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
    const ir_value *out = leaves_as(l, n);
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
    v = outside(l, v);
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
    return param_of(l, c->out[0], &view)->buffer;
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

/* ---- pointwise kernels --------------------------------------------------------------------- */

/* What is loaded of an operand at every index, as strides over the result's axes; false where the
 * access is no plain broadcast. */
static bool plain_strides(lw *l, const ir_value *v, const ir_type *out, const ir_sx **stride)
{
    const plan_view *view = plan_view_of(l->plan, v);
    int lead = out->rank - v->type->rank;
    for (int i = 0; i < out->rank; i++) {
        stride[i] = sx_int(l->sx, 0);
        if (i < lead || sx_is(v->type->dim[i - lead], 1)) continue;
        if (v->type->dim[i - lead] != out->dim[i]) return false;
        stride[i] = view->stride[i - lead];
    }
    return true;
}

static bool only_elementwise(const ir_inst *inst)
{
    if (inst->op != IR_fused) return op_get(inst->op)->family == FAM_EW || inst->op == IR_cast;
    for (const ir_inst *i = inst->region[0]->first->first; i; i = i->next)
        if (i->op != IR_yield && op_get(i->op)->family != FAM_EW && i->op != IR_cast) return false;
    return true;
}

static void pointwise(lw *l)
{
    enum { MOST = 32 };
    const ir_value *out = l->inst->out[0];
    const ir_type *t = out->type;
    const ir_sx *stride[MOST + 1][IR_MAX_RANK], *index[IR_MAX_RANK];
    int order[IR_MAX_RANK], n = 1;
    bool plain = plain_strides(l, out, t, stride[0]) && only_elementwise(l->inst) && l->inst->nin <= MOST;
    lw_order(t, plan_view_of(l->plan, out)->stride, order);
    for (int i = 0; plain && i < l->inst->nin; i++) {
        const ir_value *v = l->inst->in[i];
        if (v && !literal(l, v)) plain = plain_strides(l, v, t, stride[n++]);
    }
    int loops = lw_for_steps(l, t, order, plain ? n : 0, stride, index);
    const ir_value *made = l->inst->op == IR_fused ? last_inside(l) : out;
    const kir_expr *x = lw_load(l, made, index);
    lw_param *p = param_of(l, out, plan_view_of(l->plan, out));
    kir_store(&l->b, p->buffer, flat_index(l, p, t->rank, index), x);
    lw_close(l, loops);
}

/* ---- kernels ------------------------------------------------------------------------------- */

static lower_element *const elements[IR_OP_COUNT] = {
#undef LOWER_FAM_MAP
#undef LOWER_FAM_NEST
#undef LOWER_FAM_CORE
#undef LOWER_FAM_VIEW
#undef LOWER_FAM_EXPAND
#define OP(id, family, rule, ...) ELEMENT_##family(id, rule)
#define ELEMENT_FAM_MAP(id, rule) [IR_##id] = lx_##rule,
#define ELEMENT_FAM_NEST(id, rule)
#define ELEMENT_FAM_CORE(id, rule)
#define ELEMENT_FAM_VIEW(id, rule)
#define ELEMENT_FAM_EXPAND(id, rule)
#define EW1(id, ...) [IR_##id] = lx_elementwise,
#define EW2(id, ...) [IR_##id] = lx_elementwise,
#define EW(id, ...) [IR_##id] = lx_elementwise,
#define EWN(id, ...) [IR_##id] = lx_elementwise,
#include "ir/ops_empty.h"
#include "ir/ops.def"
#include "ir/ops_undef.h"
};

static lower_nest *const nests[IR_OP_COUNT] = {
#define OP(id, family, rule, ...) NEST_##family(id, rule)
#define NEST_FAM_MAP(id, rule)
#define NEST_FAM_NEST(id, rule) [IR_##id] = lo_##rule,
#define NEST_FAM_CORE(id, rule)
#define NEST_FAM_VIEW(id, rule)
#define NEST_FAM_EXPAND(id, rule)
#include "ir/ops_empty.h"
#include "ir/ops.def"
#include "ir/ops_undef.h"
};

lower_element *lower_element_of(ir_op op) { return elements[op]; }
lower_nest *lower_nest_of(ir_op op) { return nests[op]; }

static const ir_inst *root_of(const ir_inst *inst)
{
    if (inst->op != IR_fused) return lower_nest_of(inst->op) ? inst : NULL;
    for (const ir_inst *i = inst->region[0]->first->first; i; i = i->next)
        if (lower_nest_of(i->op)) return i;
    return NULL;
}

static const char *kernel_name(lw *l)
{
    const ir_inst *i = l->inst;
    const char *base = i->out[0]->name ? i->out[0]->name : "v";
    if (i->op != IR_fused) return arena_printf(l->m->arena, "%s_%s", base, op_get(i->op)->name);
    const char *ops = "";
    int n = 0;
    for (const ir_inst *k = i->region[0]->first->first; k->op != IR_yield && n < 4; k = k->next, n++)
        ops = arena_printf(l->m->arena, "%s_%s", ops, op_get(k->op)->name);
    return arena_printf(l->m->arena, "%s%s", base, ops);
}

static void begin(lw *l, const plan_graph *p, const ir_inst *inst, nfc_span at)
{
    *l = (lw){.m = p->plan->m, .sx = &p->plan->m->sx, .plan = p, .inst = inst};
    l->outer = p->plan->gpu ? KIR_GRID : KIR_PARALLEL;
    l->call = ARENA_NEW(l->m->arena, plan_call);
    l->call->inst = inst;
    l->call->at = at;
    kir_begin(&l->b, l->m, "");
    for (nfc_map **m = (nfc_map *[]){&l->memo, &l->param_of, &l->param_at, &l->param_names, NULL}; *m; m++) map_init(*m, l->m->arena);
}

/* What turned out to be neither read nor written is not asked for. */
static void drop_unused_params(lw *l)
{
    kir_func *f = l->b.func;
    int kept = 0;
    for (int i = 0; i < f->param.n; i++) {
        if (!f->param.at[i]->read && !f->param.at[i]->written) continue;
        l->call->arg.at[kept] = l->call->arg.at[i];
        f->param.at[kept] = f->param.at[i];
        f->param.at[kept]->id = kept;
        kept++;
    }
    f->param.n = l->call->arg.n = kept;
}

static plan_call *end(lw *l, const char *name)
{
    l->b.func->name = name;
    l->b.func->inst = l->inst;
    kir_sweep(&l->b);
    l->call->kernel = kir_end(&l->b);
    drop_unused_params(l);
    return l->call;
}

/* An index that the host knows, as a tensor of rank 0. */
static void store_index(lw *l)
{
    const ir_value *out = l->inst->out[0];
    lw_param *p = param_of(l, out, plan_view_of(l->plan, out));
    kir_type compute = kir_compute(out->type->dtype);
    kir_store(&l->b, p->buffer, p->shift, kir_cast(&l->b, compute, kir_index(&l->b, l->inst->index[0])));
}

/* Where a run error of the kernel is: at the one of what was fused that can fail. */
static nfc_span error_place(const ir_inst *inst)
{
    const ir_inst *i = inst->op == IR_fused ? inst->region[0]->first->first : NULL;
    while (i && !ir_can_fail(i)) i = i->next;
    return i ? i->at : inst->at;
}

static void lower_body(lw *l)
{
    l->root = root_of(l->inst);
    const ir_sx *chosen = chosen_may_be_empty(l->inst); /* the host sees to it that then nothing is chosen */
    if (chosen) lw_if(l, kir_binary(&l->b, KB_LT, kir_int(&l->b, KIR_INDEX_TYPE, 0), kir_index(&l->b, chosen)));
    if (l->inst->op == IR_index_tensor) store_index(l);
    else if (l->root) lower_nest_of(l->root->op)(l, l->root);
    else pointwise(l);
    if (chosen) lw_close(l, 1);
}

/* The kernel by a schedule; NULL: there is none that the verifier can follow. */
static plan_call *lower_by_schedule(const plan_graph *p, const ir_inst *inst, sched_less *less, const char **unused, uint64_t *key)
{
    const bool tried_without_dots = less->no_dots;
    lw l;
    begin(&l, p, inst, error_place(inst));
    l.target = p->plan->target;
    lower_body(&l);
    const char *schedule = l.schedule ? l.schedule : sched_apply(p->plan->target, l.m, &l.b, l.call, less);
    *key = l.b.func->key;
    if (!schedule && less->no_dots && !tried_without_dots) return lower_by_schedule(p, inst, less, unused, key);
    if (!schedule) return NULL;
    if (k_turn(l.target, &l.b, l.call, inst)) schedule = arena_printf(l.m->arena, "%s; from the other end at every other step", schedule);
    plan_call *call = end(&l, kernel_name(&l));
    call->kernel->schedule = schedule;
    call->kernel->verified = !kir_verify(l.m, call->kernel);
    if (call->kernel->verified) return call;
    *unused = arena_printf(l.m->arena, "loops in the order of the axes; not shown to be safe: %s", schedule);
    return NULL;
}

/* By what the book has, if that comes out right; else by what is picked from the device's numbers, then by that without
 * blocks, and then with single vectors. */
static plan_call *lower_scheduled(const plan_graph *p, const ir_inst *inst, const char **unused)
{
    sched_book *book = p->plan->target->book;
    uint64_t key;
    sched_less less = {0};
    plan_call *call = lower_by_schedule(p, inst, &less, unused, &key);
    if (!call && book && sched_strike(book, key)) {
        less.single = false;
        call = lower_by_schedule(p, inst, &less, unused, &key);
    }
    if (!call && !less.single) {
        less.whole = true;
        call = lower_by_schedule(p, inst, &less, unused, &key);
    }
    return call || !less.single ? call : lower_by_schedule(p, inst, &less, unused, &key);
}

plan_call *lower_instruction(const plan_graph *p, const ir_inst *inst)
{
    const char *unused = NULL;
    plan_call *call = p->plan->target ? lower_scheduled(p, inst, &unused) : NULL;
    if (call) return call;
    lw l;
    begin(&l, p, inst, error_place(inst));
    lower_body(&l);
    if (p->plan->strict) sched_fix_sums(&l.b);
    call = end(&l, kernel_name(&l));
    call->kernel->schedule = unused;
    return call;
}

/* An element after the other, in the order in which they are stored. number: what they all are, or NULL. */
static void copy_elements(lw *l, const ir_type *type, const kir_expr *number, lw_param *y, const plan_view *to, lw_param *x, const plan_view *from)
{
    const ir_sx *index[IR_MAX_RANK], *stride[2][IR_MAX_RANK];
    int order[IR_MAX_RANK];
    memcpy(stride[0], to->stride, sizeof stride[0]);
    memcpy(stride[1], from->stride, sizeof stride[1]);
    lw_order(type, to->stride, order);
    int loops = lw_for_steps(l, type, order, number ? 1 : 2, stride, index);
    if (!number) number = kir_load(&l->b, x->buffer, flat_index(l, x, type->rank, index));
    kir_store(&l->b, y->buffer, flat_index(l, y, type->rank, index), number);
    lw_close(l, loops);
}

/* scheduled: by the device's schedule; NULL then where there is none. */
static plan_call *copy_kernel(const plan_graph *p, const ir_type *type, plan_view *to, plan_view *from, const ir_value *value, const char *name, nfc_span at, bool scheduled)
{
    lw l;
    begin(&l, p, NULL, at);
    ir_module *m = l.m;
    ir_value *source = ARENA_NEW(m->arena, ir_value), *target = ARENA_NEW(m->arena, ir_value);
    *source = (ir_value){.type = type, .name = from->buffer->name, .at = at};
    *target = (ir_value){.type = type, .name = to->buffer->name, .at = at};
    const kir_expr *number = value ? literal(&l, value) : NULL;
    lw_param *y = param_of(&l, target, to), *x = number ? NULL : param_of(&l, source, from);
    bool block = x && plan_is_dense(m, type, from) && plan_steps_alike(type, from, to);
    sched_less less = {0};
    if (scheduled && block) return NULL;
    if (block && l.outer == KIR_GRID) { /* COPY would be the work of one thread */
        const ir_sx *i = lw_for_parallel(&l, "i", ir_elements(m, type));
        kir_store(&l.b, y->buffer, i, kir_load(&l.b, x->buffer, i));
        lw_close(&l, 1);
    } else if (block) {
        kir_copy(&l.b, y->buffer, sx_int(l.sx, 0), x->buffer, sx_int(l.sx, 0), ir_elements(m, type));
    } else {
        copy_elements(&l, type, number, y, to, x, from);
    }
    const char *schedule = scheduled ? sched_apply(p->plan->target, m, &l.b, l.call, &less) : NULL;
    if (scheduled && !schedule) return NULL;
    plan_call *call = end(&l, arena_printf(m->arena, "copy_%s", name));
    call->kernel->schedule = schedule;
    call->kernel->verified = scheduled && !kir_verify(m, call->kernel);
    return scheduled && !call->kernel->verified ? NULL : call;
}

plan_call *lower_copy(const plan_graph *p, const ir_type *type, plan_view *to, plan_view *from, const ir_value *value, const char *name, nfc_span at)
{
    plan_call *call = p->plan->target ? copy_kernel(p, type, to, from, value, name, at, true) : NULL;
    return call ? call : copy_kernel(p, type, to, from, value, name, at, false);
}
