#include "passes/lower_access.h"

#include <string.h>
#include "ir/shape.h"
#include "passes/k_turn.h"
#include "passes/sched_book.h"

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
        if (v && !lw_literal(l, v)) plain = plain_strides(l, v, t, stride[n++]);
    }
    int loops = lw_for_steps(l, t, order, plain ? n : 0, stride, index);
    const ir_value *made = l->inst->op == IR_fused ? lw_last_inside(l) : out;
    const kir_expr *x = lw_load(l, made, index);
    lw_param *p = lw_param_of(l, out, plan_view_of(l->plan, out));
    kir_store(&l->b, p->buffer, lw_flat_index(l, p, t->rank, index), x);
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
    lw_param *p = lw_param_of(l, out, plan_view_of(l->plan, out));
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

static plan_call *lower_by_schedule(const plan_graph *p, const ir_inst *inst, sched_less *less, const char **unused, uint64_t *key);

static plan_call *lower_unpacked(const plan_graph *p, const ir_inst *inst, sched_less *less, const char **unused, uint64_t *key)
{
    less->unpacked = true;
    less->packs = false;
    return lower_by_schedule(p, inst, less, unused, key);
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
    if (!schedule && less->packs) return lower_unpacked(p, inst, less, unused, key);
    if (!schedule) return NULL;
    schedule = arena_printf(l.m->arena, "%s%s", schedule, k_turn(l.target, &l.b, l.call, inst));
    plan_call *call = end(&l, kernel_name(&l));
    call->kernel->schedule = schedule;
    call->kernel->verified = !kir_verify(l.m, call->kernel);
    if (call->kernel->verified) return call;
    if (less->tiled) {
        less->no_tiles = !less->direct;
        less->by_sums = true;
        return lower_by_schedule(p, inst, less, unused, key);
    }
    if (less->packs) return lower_unpacked(p, inst, less, unused, key);
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

/* What it reads of weights as they are is in the program. */
static plan_call *keeping(plan_call *call)
{
    for (int i = 0; i < call->arg.n; i++) call->arg.at[i]->buffer->kept |= call->arg.at[i]->buffer->place == PLAN_WEIGHT;
    return call;
}

plan_call *lower_instruction(const plan_graph *p, const ir_inst *inst)
{
    const char *unused = NULL;
    plan_call *call = p->plan->target ? lower_scheduled(p, inst, &unused) : NULL;
    if (call) return keeping(call);
    lw l;
    begin(&l, p, inst, error_place(inst));
    lower_body(&l);
    if (p->plan->strict) sched_fix_sums(&l.b);
    call = keeping(end(&l, kernel_name(&l)));
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
    if (!number) number = kir_load(&l->b, x->buffer, lw_flat_index(l, x, type->rank, index));
    kir_store(&l->b, y->buffer, lw_flat_index(l, y, type->rank, index), number);
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
    const kir_expr *number = value ? lw_literal(&l, value) : NULL;
    lw_param *y = lw_param_of(&l, target, to), *x = number ? NULL : lw_param_of(&l, source, from);
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
