/* What every pass must keep. A breach is an error of the compiler, never of its user. */
#include "ir/dom.h"
#include "ir/ir.h"

typedef struct {
    ir_module *m;
    nfc_arena *scratch;
    nfc_map doms; /* region -> ir_dom */
    const char *broken;
} verifier;

static bool breach(verifier *v, const ir_inst *inst, const char *format, ...)
{
    if (v->broken) return false;
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(v->m->arena, format, args);
    va_end(args);
    const nfc_source *src = inst ? source_get(&v->m->session->sources, inst->at.file) : NULL;
    v->broken = inst ? arena_printf(v->m->arena, "%s at %s:%u: %s", op_get(inst->op)->name, src ? src->path : "?", inst->at.line, text) : text;
    return false;
}

#define NEED(condition, ...)                                                                       \
    do {                                                                                           \
        if (!(condition)) return breach(v, inst, __VA_ARGS__);                                     \
    } while (0)

static const ir_dom *dom_of(verifier *v, const ir_region *r)
{
    ir_dom *d = map_getp(&v->doms, r);
    if (d) return d;
    d = ARENA_NEW(v->scratch, ir_dom);
    ir_dominators(v->scratch, r, d);
    map_setp(&v->doms, r, d);
    return d;
}

/* Is the value made before `user` on every path to it? */
static bool available(verifier *v, const ir_value *value, const ir_inst *user)
{
    const ir_block *made = value->block ? value->block : value->def->block;
    if (!made) return false;
    while (user->block->region != made->region) { /* climb to the region of the definition */
        user = user->block->region->owner;
        if (!user || (value->def && user == value->def)) return false;
    }
    if (user->block != made) return !made->region->first->next ? false : ir_block_dominates(dom_of(v, made->region), made, user->block);
    return value->block || value->def->id < user->id;
}

typedef struct {
    verifier *v;
    const ir_inst *inst;
} sym_env;

static void check_sym(void *env, const ir_sym *sym)
{
    sym_env *e = env;
    if (sym->is_result) breach(e->v, e->inst, "the dim '%s' is used, which only the end of the run knows", sym->name);
    if (sym->is_dim) return;
    if (!sym->value || !available(e->v, sym->value, e->inst)) breach(e->v, e->inst, "the index '%s' is used before it is made", sym->name);
}

static void find_result(void *found, const ir_sym *sym) { *(bool *)found |= sym->is_result; }

static bool of_result(const ir_sx *x)
{
    bool found = false;
    sx_visit(x, find_result, &found);
    return found;
}

static bool check_type(verifier *v, const ir_inst *inst, const ir_type *t)
{
    NEED(t->kind != IR_POISON, "a poisoned type");
    if (t->kind != IR_TENSOR) return true;
    NEED(t->rank >= 0 && t->rank <= IR_MAX_RANK, "rank %d", t->rank);
    for (int i = 0; i < t->rank; i++) {
        NEED(sx_min(t->dim[i]) >= 0, "extent %s can be negative", sx_text(v->m->arena, t->dim[i]));
        NEED(sx_max(t->dim[i]) <= (int64_t)1 << 40, "extent %s has no bound", sx_text(v->m->arena, t->dim[i]));
        NEED(!of_result(t->dim[i]), "extent %s is made of what only the end of the run knows", sx_text(v->m->arena, t->dim[i]));
    }
    return true;
}

static bool check_operands(verifier *v, const ir_inst *inst)
{
    const op_info *info = op_get(inst->op);
    for (int i = 0; i < inst->nin; i++) {
        const ir_value *x = inst->in[i];
        if (!x) {
            NEED(i < info->nin && info->in[i].presence == OPER_OPTIONAL, "operand %d is missing", i);
            continue;
        }
        NEED(inst->use[i].value == x && inst->use[i].inst == inst && *inst->use[i].link == &inst->use[i], "the use of operand %d is not linked", i);
        NEED(available(v, x, inst), "operand %d is used before it is made", i);
    }
    sym_env env = {v, inst};
    for (int i = 0; i < inst->nindex; i++) {
        sx_visit(inst->index[i], check_sym, &env);
        NEED(inst->op == IR_require || sx_fits(inst->index[i]), "the index %s can leave 64 bits", sx_text(v->m->arena, inst->index[i]));
    }
    for (int i = 0; i < inst->nsel; i++) {
        sx_visit(inst->sel[i].start, check_sym, &env);
        if (!inst->sel[i].one) sx_visit(inst->sel[i].extent, check_sym, &env);
    }
    return !v->broken;
}

/* Integers that attributes and extents of results are made of. */
static bool check_integers(verifier *v, const ir_inst *inst)
{
    sym_env env = {v, inst};
    for (int i = 0; i < op_get(inst->op)->nattr; i++)
        for (int k = 0; inst->attr[i].kind == IR_ATTR_SXS && k < inst->attr[i].n; k++) {
            sx_visit(inst->attr[i].sx[k], check_sym, &env);
            NEED(sx_fits(inst->attr[i].sx[k]), "the integer %s can leave 64 bits", sx_text(v->m->arena, inst->attr[i].sx[k]));
        }
    return !v->broken;
}

static bool check_edges(verifier *v, const ir_inst *inst)
{
    for (int k = 0; k < inst->nedge; k++) {
        const ir_edge *e = &inst->edge[k];
        NEED(e->to && e->to->region == inst->block->region, "a jump out of its region");
        NEED(e->n == e->to->arg.n, "%d arguments for %d of block %s", e->n, e->to->arg.n, e->to->name);
        for (int i = 0; i < e->n; i++)
            NEED(ir_same_type(inst->in[e->first + i]->type, e->to->arg.at[i]->type), "argument %d of block %s has another type", i, e->to->name);
    }
    return true;
}

/* What can be shown never to fit was not known before a pass: then every run says so. */
static bool output_fits(verifier *v, const ir_inst *leave, int i)
{
    const ir_type *t = leave->in[i]->type, *declared = ir_graph_of(leave)->output.at[i].type;
    if (t->kind != IR_TENSOR || t->dtype != declared->dtype || t->rank != declared->rank) return false;
    for (int k = 0; k < t->rank; k++) {
        ir_output_axis a;
        bool told = sx_is_const(t->dim[k]) && sx_is_const(declared->dim[k]);
        if (ir_output_fits(v->m, leave, i, k, &a) == IR_NEVER_FITS && !a.sets && !told) return false;
    }
    return true;
}

/* The values that leave a region against what its owner makes of them. */
static bool check_region_end(verifier *v, const ir_inst *inst)
{
    const ir_inst *owner = inst->block->region->owner;
    if (inst->op == IR_yield || inst->op == IR_break) {
        NEED(owner, "a %s outside of a region", op_get(inst->op)->name);
        NEED(inst->op == IR_yield || owner->op == IR_loop, "a break outside of a loop");
        NEED(inst->nin == owner->nout, "%d values for %d results", inst->nin, owner->nout);
        for (int i = 0; i < inst->nin; i++) NEED(ir_same_type(inst->in[i]->type, owner->out[i]->type), "value %d has another type than its result", i);
    }
    if (inst->op == IR_return) {
        const ir_graph *g = ir_graph_of(inst);
        NEED(inst->nin == g->output.n + g->state.n, "%d values for %d outputs and %d states", inst->nin, g->output.n, g->state.n);
        for (int i = 0; i < g->output.n; i++) NEED(output_fits(v, inst, i), "output %s has another type", g->output.at[i].name);
        for (int i = 0; i < g->state.n; i++) {
            const ir_type *t = inst->in[g->output.n + i]->type;
            NEED(t->kind == IR_TOKEN && t->state == g->state.at[i], "the token of state %s is missing", g->state.at[i]->name);
        }
    }
    return true;
}

static bool is_scalar(const ir_value *x) { return x->type->kind == IR_TENSOR && x->type->rank == 0; }

static bool is_token(const ir_value *x, const ir_state *state) { return x->type->kind == IR_TOKEN && x->type->state == state; }

/* The part of the state that the selectors choose: with exact extents, or but for axes of extent 1. */
static bool is_selected(const ir_inst *inst, const ir_type *t, bool exact)
{
    int axis = 0;
    if (t->kind != IR_TENSOR || t->dtype != inst->state->type->dtype) return false;
    for (int i = 0; i < inst->nsel; i++) {
        const ir_sx *extent = inst->sel[i].extent;
        if (inst->sel[i].one || (!exact && sx_is(extent, 1))) continue;
        while (!exact && axis < t->rank && sx_is(t->dim[axis], 1)) axis++;
        if (axis == t->rank || t->dim[axis++] != extent) return false;
    }
    while (!exact && axis < t->rank && sx_is(t->dim[axis], 1)) axis++;
    return axis == t->rank;
}

static bool check_effect(verifier *v, const ir_inst *inst)
{
    bool writes = inst->op == IR_write;
    NEED(inst->state && inst->nsel == inst->state->type->rank && inst->nin == 1 + writes && inst->nout == 1, "a malformed effect");
    NEED(inst->in[0] && is_token(inst->in[0], inst->state), "an effect without the token of its state");
    if (!writes) NEED(is_selected(inst, inst->out[0]->type, true), "the result is not the part of the state that is read");
    else NEED(is_selected(inst, inst->in[1]->type, false) && is_token(inst->out[0], inst->state), "the value does not fit the part of the state that is written");
    return true;
}

static bool check_require(verifier *v, const ir_inst *inst)
{
    const ir_sym *sym = inst->nout == 1 ? inst->out[0]->sym : NULL;
    NEED(inst->nin == 0 && inst->nindex == 1 && sym && inst->out[0]->type->kind == IR_INDEX, "a malformed requirement");
    int64_t min = ir_int(inst, ATTR_AT(require, min)), max = ir_int(inst, ATTR_AT(require, max));
    NEED(ir_given(inst, ATTR_AT(require, min)) && ir_given(inst, ATTR_AT(require, max)) && min <= max, "a requirement without bounds");
    NEED(sym->lo == min && sym->hi == max, "the index '%s' has other bounds than what is required of it", sym->name);
    return true;
}

/* Types and numbers of operands and results of the IR's own instructions. */
static bool check_core(verifier *v, const ir_inst *inst)
{
    switch (inst->op) {
    case IR_const:
    case IR_weight: NEED(inst->constant && inst->nin == 0 && inst->nout == 1 && ir_is_tensor(inst->out[0]), "a malformed constant"); break;
    case IR_index_read: NEED(inst->nin == 1 && is_scalar(inst->in[0]) && dtype_is_int(inst->in[0]->type->dtype) && inst->nout == 1 && inst->out[0]->type->kind == IR_INDEX, "a malformed index"); break;
    case IR_index_tensor: NEED(inst->nin == 0 && inst->nindex == 1 && inst->nout == 1 && is_scalar(inst->out[0]), "a malformed index"); break;
    case IR_room: NEED(inst->nin == 0 && inst->nout == 1 && ir_is_tensor(inst->out[0]), "a malformed room"); break;
    case IR_require: return check_require(v, inst);
    case IR_token: NEED(inst->nin == 0 && inst->state && inst->nout == 1 && is_token(inst->out[0], inst->state), "a malformed token"); break;
    case IR_read:
    case IR_write: return check_effect(v, inst);
    case IR_cond_br: NEED(inst->nin >= 1 && is_scalar(inst->in[0]) && inst->in[0]->type->dtype == DT_bool && inst->nedge == 2, "the condition is no scalar bool"); break;
    case IR_br: NEED(inst->nedge == 1, "a jump without a target"); break;
    default: break;
    }
    NEED(!ir_is_terminator(inst) || inst->nout == 0, "a terminator with a result");
    return true;
}

static bool check_owner(verifier *v, const ir_inst *inst)
{
    const ir_block *body = inst->nregion ? inst->region[0]->first : NULL;
    if (inst->op == IR_loop) {
        NEED(inst->nindex == 2 && body && inst->nout == inst->nin, "a malformed loop");
        NEED(sx_max(inst->index[1]) <= IR_MAX_BOUND && sx_min(inst->index[0]) >= -IR_MAX_BOUND, "a loop without a bound");
        NEED(body->arg.n == inst->nin + 1 && body->arg.at[0]->type->kind == IR_INDEX, "the loop's first block has other arguments");
        for (int i = 0; i < inst->nin; i++)
            NEED(ir_same_type(inst->in[i]->type, body->arg.at[i + 1]->type) && ir_same_type(inst->in[i]->type, inst->out[i]->type), "carried value %d changes its type", i);
    }
    if (inst->op == IR_fused) {
        NEED(body && !body->next && body->arg.n == inst->nin, "a malformed fused instruction");
        for (int i = 0; i < inst->nin; i++) NEED(ir_same_type(inst->in[i]->type, body->arg.at[i]->type), "operand %d has another type than its argument", i);
        for (const ir_inst *i = body->first; i; i = i->next) NEED(i->op == IR_yield || (ir_is_pure(i) && i->nregion == 0), "an effect inside of a fused instruction");
    }
    return true;
}

static bool check_region(verifier *v, const ir_region *r);

static bool check_inst(verifier *v, const ir_inst *inst)
{
    NEED(inst->at.file != 0, "an instruction without a place in the source");
    NEED(!inst->block->region->owner || inst->block->region->owner->op != IR_fused || inst->op != IR_fused, "a fused instruction inside of another");
    if (!check_operands(v, inst) || !check_integers(v, inst) || !check_edges(v, inst) || !check_region_end(v, inst) || !check_core(v, inst) || !check_owner(v, inst)) return false;
    for (int i = 0; i < inst->nout; i++) {
        NEED(inst->out[i]->def == inst && inst->out[i]->slot == i, "result %d is not linked", i);
        if (!check_type(v, inst, inst->out[i]->type)) return false;
    }
    for (int k = 0; k < inst->nregion; k++)
        if (inst->region[k]->owner != inst || !check_region(v, inst->region[k])) return breach(v, inst, "a malformed region");
    return true;
}

static bool check_region(verifier *v, const ir_region *r)
{
    const ir_inst *inst = r->owner;
    NEED(r->first, "a region without a block");
    for (const ir_block *b = r->first; b; b = b->next) {
        NEED(b->region == r && (b->next || r->last == b), "block %s is not linked", b->name);
        NEED(b->last && ir_is_terminator(b->last), "block %s does not end in a terminator", b->name);
        for (int i = 0; i < b->arg.n; i++) NEED(b->arg.at[i]->block == b && b->arg.at[i]->slot == i, "argument %d of block %s is not linked", i, b->name);
        const ir_inst *before = NULL;
        for (const ir_inst *i = b->first; i; before = i, i = i->next) {
            NEED(i->block == b && i->prev == before, "the list of block %s is damaged", b->name);
            NEED(!ir_is_terminator(i) || i == b->last, "a terminator inside of block %s", b->name);
            if (!check_inst(v, i)) return false;
        }
    }
    return true;
}

static bool check_inputs(verifier *v, const ir_graph *g)
{
    const ir_inst *inst = NULL;
    for (int i = 0; i < g->input.n; i++)
        for (int k = 0; k < g->input.at[i].type->rank; k++) NEED(!of_result(g->input.at[i].type->dim[k]), "input %s has an extent that only the end of the run knows", g->input.at[i].name);
    return true;
}

const char *ir_verify(ir_module *m)
{
    verifier v = {.m = m, .scratch = arena_child(m->arena)};
    map_init(&v.doms, v.scratch);
    ir_number(m);
    for (int i = 0; i < m->graph.n && !v.broken; i++)
        if (check_inputs(&v, m->graph.at[i])) check_region(&v, m->graph.at[i]->body);
    arena_free(v.scratch);
    return v.broken;
}
