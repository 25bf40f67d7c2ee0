/* What every instruction becomes: kernels, checks of the host, moves. */
#include <string.h>
#include "passes/lower_kir.h"

typedef struct {
    plan_view *to, *from;
    const ir_value *value; /* where it comes from; NULL: a temporary */
    const ir_type *type;
    const char *name;
} move;

typedef VEC(move) move_list;

plan_step *plan_step_of(const plan_graph *p, const ir_inst *inst) { return map_getp(&p->step, inst); }

static ir_module *module_of(const plan_graph *p) { return p->plan->m; }

static plan_step *step(plan_graph *p, const ir_inst *inst)
{
    plan_step *s = map_getp(&p->step, inst);
    if (s) return s;
    s = ARENA_NEW(module_of(p)->arena, plan_step);
    map_setp(&p->step, inst, s);
    return s;
}

static plan_call *registered(plan_graph *p, plan_call *call)
{
    call->id = p->call.n;
    vec_push(module_of(p)->arena, &p->call, call);
    return call;
}

static plan_call *copy(plan_graph *p, const ir_type *type, plan_view *to, plan_view *from, const ir_value *value, const char *name, nfc_span at)
{
    return registered(p, lower_copy(p, type, to, from, value, name ? name : "v", at));
}

/* A port of the graph is one place, whichever buffer stands for it. */
static bool same_storage(const plan_buffer *a, const plan_buffer *b)
{
    return a == b || (a->place == PLAN_OUTPUT && b->place == PLAN_OUTPUT && a->port == b->port);
}

static bool same_place(const plan_view *a, const plan_view *b, const ir_type *t)
{
    return same_storage(a->buffer, b->buffer) && a->offset == b->offset && plan_steps_alike(t, a, b);
}

static bool is_empty(const ir_type *t) { return ir_max_elements(t) == 0; }

/* ---- moves --------------------------------------------------------------------------------- */

static void add_move(plan_graph *p, move_list *list, const ir_value *to, const ir_value *from)
{
    if (to->type->kind != IR_TENSOR || is_empty(to->type)) return;
    plan_view *a = plan_view_of(p, to), *b = plan_view_of(p, from);
    if (same_place(a, b, to->type)) return;
    move m = {a, b, from, to->type, to->name};
    vec_push(module_of(p)->arena, list, m);
}

/* Does a move still read what move n will write? It may be n itself, where a value is replaced by a
 * view of it. */
static bool is_still_read(plan_graph *p, const move_list *list, int n)
{
    for (int i = 0; i < list->n; i++)
        if (same_storage(list->at[i].from->buffer, list->at[n].to->buffer) && !(i == n && plan_is_apart(module_of(p), list->at[n].type, list->at[n].from, list->at[n].to))) return true;
    return false;
}

/* A buffer of its own for a value that a circle of moves would overwrite. */
static plan_view *temporary(plan_graph *p, const ir_type *type, const ir_inst *at)
{
    plan_buffer *b = ARENA_NEW(module_of(p)->arena, plan_buffer);
    int here = (int)(intptr_t)map_getp(&p->position, at) - 1;
    int last = ir_ends_trip(at) ? (int)(intptr_t)map_getp(&p->loop_end, at->block->region->owner) - 1 : here;
    *b = (plan_buffer){.place = PLAN_ARENA, .dtype = type->dtype, .bytes = ir_max_bytes(type), .name = "moved", .at = at->at, .first = here, .last = last, .id = p->buffer.n};
    vec_push(module_of(p)->arena, &p->buffer, b);
    return plan_new_view(p, b, type);
}

/* All at once: a move whose target is still read waits; a circle goes through a temporary. Where all
 * wait, every target is read by exactly one move, so that the first is part of a circle. */
#define EMIT_MOVES(p, list, into, inst)                                                            \
    while ((list)->n) {                                                                            \
        int free_ = 0;                                                                             \
        while (free_ < (list)->n && is_still_read(p, list, free_)) free_++;                      \
        if (free_ == (list)->n) {                                                                  \
            move *first_ = &(list)->at[0];                                                         \
            plan_view *kept_ = temporary(p, first_->type, inst);                                   \
            vec_push(module_of(p)->arena, into, copy(p, first_->type, kept_, first_->from, first_->value, first_->name, (inst)->at)); \
            first_->from = kept_;                                                                  \
            first_->value = NULL;                                                                  \
            continue;                                                                              \
        }                                                                                          \
        move m_ = (list)->at[free_];                                                               \
        vec_push(module_of(p)->arena, into, copy(p, m_.type, m_.to, m_.from, m_.value, m_.name, (inst)->at)); \
        (list)->at[free_] = (list)->at[--(list)->n];                                               \
    }

static void lower_jump(plan_graph *p, const ir_inst *inst)
{
    for (int e = 0; e < inst->nedge; e++) {
        move_list list = {0};
        for (int i = 0; i < inst->edge[e].n; i++) add_move(p, &list, inst->edge[e].to->arg.at[i], inst->in[inst->edge[e].first + i]);
        EMIT_MOVES(p, &list, &step(p, inst)->edge[e], inst)
    }
}

static void lower_yield(plan_graph *p, const ir_inst *inst)
{
    const ir_block *body = inst->block->region->first;
    move_list list = {0};
    for (int i = 0; i < inst->nin; i++) add_move(p, &list, body->arg.at[i + 1], inst->in[i]);
    EMIT_MOVES(p, &list, &step(p, inst)->edge[0], inst)
}

static void lower_loop(plan_graph *p, const ir_inst *inst)
{
    const ir_block *body = inst->region[0]->first;
    move_list list = {0};
    for (int i = 0; i < inst->nin; i++) add_move(p, &list, body->arg.at[i + 1], inst->in[i]);
    EMIT_MOVES(p, &list, &step(p, inst)->enter, inst)
}

/* Ways to return may give a value different ports, so one may lie where another belongs. */
static void lower_return(plan_graph *p, const ir_inst *inst)
{
    const ir_graph *g = p->g;
    move_list list = {0};
    for (int o = 0; o < g->output.n; o++) {
        const ir_port *port = &g->output.at[o];
        const ir_type *type = inst->in[o]->type; /* with this run's extents */
        if (is_empty(type)) continue;
        plan_buffer *b = ARENA_NEW(module_of(p)->arena, plan_buffer);
        *b = (plan_buffer){.place = PLAN_OUTPUT, .port = o, .dtype = port->type->dtype, .bytes = ir_max_bytes(port->type), .name = port->name, .at = port->at};
        move m = {plan_new_view(p, b, type), plan_view_of(p, inst->in[o]), inst->in[o], type, port->name};
        if (!same_place(m.to, m.from, type)) vec_push(module_of(p)->arena, &list, m);
    }
    EMIT_MOVES(p, &list, &step(p, inst)->call, inst)
}

/* ---- views and effects --------------------------------------------------------------------- */

static void add_call(plan_graph *p, const ir_inst *inst, plan_call *call)
{
    vec_push(module_of(p)->arena, &step(p, inst)->call, call);
}

/* The outermost loop that changes nothing of what a kernel packs, where that lies outside of the loop; NULL: there is none. */
static const ir_inst *packed_ahead_of(const plan_graph *p, const ir_inst *inst, const plan_call *pack)
{
    int64_t trips;
    const ir_value *v = pack->kernel->param.at[1]->value;
    const ir_inst *loop = plan_ahead_of(module_of(p), inst, v, &trips);
    return loop && plan_view_of(p, plan_origin(inst, v))->buffer == pack->arg.at[1]->buffer ? loop : NULL;
}

/* Where an operand is packed is live from when that is done: in front of the loop, up to its end, or for the instruction alone. */
static void add_packed(plan_graph *p, const ir_inst *inst, const ir_inst *loop, plan_buffer *b)
{
    b->first = b->last = (int)(intptr_t)map_getp(&p->position, loop ? loop : inst) - 1;
    if (loop) b->last = (int)(intptr_t)map_getp(&p->loop_end, loop) - 1;
    b->id = p->buffer.n;
    vec_push(module_of(p)->arena, &p->buffer, b);
}

/* What packs operands runs first, in front of the loops that change nothing of them. */
static void add_kernel(plan_graph *p, const ir_inst *inst)
{
    plan_call *call = lower_instruction(p, inst);
    const plan_buffer *last = NULL;
    const ir_inst *loop = NULL;
    for (int i = 0; i < call->before.n; i++) {
        plan_call *pack = registered(p, call->before.at[i]);
        plan_buffer *b = pack->arg.at[0]->buffer;
        if (b != last) {
            loop = packed_ahead_of(p, inst, pack);
            add_packed(p, inst, loop, b);
        }
        last = b;
        if (loop) vec_push(module_of(p)->arena, &step(p, loop)->enter, pack);
        else add_call(p, inst, pack);
    }
    add_call(p, inst, registered(p, call));
}

static void lower_concat(plan_graph *p, const ir_inst *inst)
{
    sx_table *t = &module_of(p)->sx;
    int axis = (int)ir_int(inst, ATTR_AT(concat, axis));
    if (axis < 0) axis += inst->out[0]->type->rank;
    const plan_view *whole = plan_view_of(p, inst->out[0]);
    const ir_sx *at = sx_int(t, 0);
    for (int i = 0; i < inst->nin; i++) {
        const ir_value *x = inst->in[i];
        plan_view *to = ARENA_NEW(module_of(p)->arena, plan_view);
        *to = *whole;
        to->offset = sx_add(t, whole->offset, sx_mul(t, at, whole->stride[axis]));
        at = sx_add(t, at, x->type->dim[axis]);
        if (is_empty(x->type) || same_place(to, plan_view_of(p, x), x->type)) continue;
        add_call(p, inst, copy(p, x->type, to, plan_view_of(p, x), x, x->name, inst->at));
    }
}

/* Where the data lies in place already, only the box is written. */
static void lower_update(plan_graph *p, const ir_inst *inst)
{
    sx_table *t = &module_of(p)->sx;
    const ir_attr *starts = &inst->attr[ATTR_AT(update, starts)];
    const ir_value *data = inst->in[0], *value = inst->in[1];
    plan_view *whole = plan_view_of(p, inst->out[0]), *box = ARENA_NEW(module_of(p)->arena, plan_view);
    *box = *whole;
    for (int i = 0; i < starts->n; i++) box->offset = sx_add(t, box->offset, sx_mul(t, starts->sx[i], whole->stride[i]));
    if (!is_empty(data->type) && !same_place(whole, plan_view_of(p, data), data->type))
        add_call(p, inst, copy(p, data->type, whole, plan_view_of(p, data), data, inst->out[0]->name, inst->at));
    if (!is_empty(value->type) && !same_place(box, plan_view_of(p, value), value->type))
        add_call(p, inst, copy(p, value->type, box, plan_view_of(p, value), value, inst->out[0]->name, inst->at));
}

/* A view op that could not be one: its elements in the operand's order are the result's. */
static void lower_renaming(plan_graph *p, const ir_inst *inst)
{
    const ir_value *x = inst->in[0];
    for (int i = 0; i < inst->nout; i++) {
        plan_view *to = plan_view_of(p, inst->out[i]), *from = plan_view_of(p, x);
        if (to->buffer == from->buffer || is_empty(x->type)) continue;
        plan_view *as_operand = plan_regrouped(module_of(p), inst->out[i]->type, to, x->type);
        if (!as_operand) as_operand = plan_new_view(p, to->buffer, x->type); /* extents that the run compares */
        add_call(p, inst, copy(p, x->type, as_operand, from, x, inst->out[i]->name, inst->at));
    }
}

static void lower_effect(plan_graph *p, const ir_inst *inst)
{
    if (inst->op == IR_read) {
        const ir_type *t = inst->out[0]->type;
        plan_view *v = plan_view_of(p, inst->out[0]);
        if (v->buffer->place != PLAN_STATE && !is_empty(t)) add_call(p, inst, copy(p, t, v, plan_selected(p, inst), NULL, inst->out[0]->name, inst->at));
        return;
    }
    const ir_type *t = inst->in[1]->type;
    plan_view *to = plan_written(p, inst), *from = plan_view_of(p, inst->in[1]);
    if (!is_empty(t) && !same_place(to, from, t)) add_call(p, inst, copy(p, t, to, from, inst->in[1], inst->state->name, inst->at));
}

/* ---- all ----------------------------------------------------------------------------------- */

static bool all_empty(const ir_inst *inst)
{
    for (int i = 0; i < inst->nout; i++)
        if (!is_empty(inst->out[i]->type)) return false;
    return true;
}

static void lower_inst(plan_graph *p, const ir_inst *inst)
{
    plan_checks checks = {0};
    plan_checks_of(module_of(p), inst, &checks);
    if (checks.n) step(p, inst)->check = checks;
    switch (inst->op) {
    case IR_const:
    case IR_weight:
    case IR_token:
    case IR_room:
    case IR_index_read:
    case IR_require:
    case IR_barrier: return;
    case IR_read:
    case IR_write: lower_effect(p, inst); return;
    case IR_loop: lower_loop(p, inst); return;
    case IR_yield:
    case IR_break: lower_yield(p, inst); return;
    case IR_br:
    case IR_cond_br: lower_jump(p, inst); return;
    case IR_return: lower_return(p, inst); return;
    case IR_concat: lower_concat(p, inst); return;
    case IR_update: lower_update(p, inst); return;
    default: break;
    }
    if (op_get(inst->op)->family == FAM_VIEW) {
        lower_renaming(p, inst);
        return;
    }
    if (!all_empty(inst)) add_kernel(p, inst);
}

static void lower_region(plan_graph *p, const ir_region *r)
{
    for (const ir_block *b = r->first; b; b = b->next)
        for (const ir_inst *i = b->first; i; i = i->next) {
            lower_inst(p, i);
            if (i->op == IR_loop) lower_region(p, i->region[0]);
        }
}

void plan_kernels(plan_graph *p) { lower_region(p, p->g->body); }
