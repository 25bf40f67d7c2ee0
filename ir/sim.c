/* The simulator: a machine that runs graphs, instruction by instruction. */
#include <string.h>
#include <time.h>
#include "ir/sim_machine.h"

static sim_evaluator *const evaluators[IR_OP_COUNT] = {
#define OP(id, family, rule, ...) [IR_##id] = ev_##rule,
#define EW1(id, ...) [IR_##id] = ev_elementwise,
#define EW2(id, ...) [IR_##id] = ev_elementwise,
#define EW(id, ...) [IR_##id] = ev_elementwise,
#define EWN(id, ...) [IR_##id] = ev_elementwise,
#include "ir/ops_empty.h"
#include "ir/ops.def"
#include "ir/ops_undef.h"
};

sim_evaluator *sim_evaluator_of(ir_op op) { return evaluators[op]; }

/* ---- machine ------------------------------------------------------------------------------- */

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

sim *sim_new(ir_module *m)
{
    sim *s = ARENA_NEW(m->arena, sim);
    s->m = m;
    s->arena = arena_child(m->arena);
    map_init(&s->room, s->arena);
    ir_number(m);
    s->nvalue = m->next_value;
    s->value = ARENA_ARRAY(s->arena, sim_tensor *, s->nvalue + 1);
    s->sym = ARENA_ARRAY(s->arena, int64_t, m->sx.nsym + 1);
    s->sym_known = ARENA_ARRAY(s->arena, bool, m->sx.nsym + 1);
    s->state = ARENA_ARRAY(s->arena, sim_tensor *, m->next_state + 1);
    for (int i = 0; i < m->state.n; i++) {
        const ir_type *t = m->state.at[i]->type;
        int64_t dim[IR_MAX_RANK];
        for (int k = 0; k < t->rank; k++) dim[k] = sx_max(t->dim[k]); /* the capacity */
        s->state[m->state.at[i]->id] = sim_tensor_new(s, t->dtype, t->rank, dim);
    }
    s->epoch = now_us();
    return s;
}

static void clear_values(sim *s)
{
    for (int i = 0; i < s->nvalue; i++) {
        sim_tensor_drop(s->value[i]);
        s->value[i] = NULL;
    }
}

void sim_free(sim *s)
{
    clear_values(s);
    for (int i = 0; i < s->m->next_state; i++) sim_tensor_drop(s->state[i]);
    arena_free(s->arena);
}

void sim_observe(sim *s, sim_observer *observer)
{
    sim_observer **end = &s->observer;
    while (*end) end = &(*end)->next;
    observer->next = NULL;
    *end = observer;
}

void sim_keep_values(sim *s) { s->keep = true; }
double sim_clock(const sim *s) { return now_us() - s->epoch; }
sim_tensor *sim_state(sim *s, const ir_state *state) { return s->state[state->id]; }
sim_tensor *sim_value(sim *s, const ir_value *v) { return v->id < s->nvalue ? s->value[v->id] : NULL; }
ir_module *sim_module(sim *s) { return s->m; }

bool sim_index_value(sim *s, const ir_value *v, int64_t *out)
{
    if (!v->sym || !s->sym_known[v->sym->id]) return false;
    *out = s->sym[v->sym->id];
    return true;
}

bool sim_dim_value(sim *s, const ir_dim *dim, int64_t *out)
{
    const ir_sx *is = dim->sym->is;
    if (is && !sx_is_const(is)) return false;
    if (!is && !s->sym_known[dim->sym->id]) return false;
    *out = is ? sx_value(is) : s->sym[dim->sym->id];
    return true;
}

void sim_reset(sim *s)
{
    for (int i = 0; i < s->m->next_state; i++)
        if (s->state[i]) memset(s->state[i]->data, 0, (size_t)s->state[i]->n * dtype_bytes(s->state[i]->dtype));
}

bool sim_fail_at(sim *s, nfc_span at, diag_code code, const char *text)
{
    if (!s->failed && !s->quiet) diag_error(&s->m->session->diags, code, at, "%s", text);
    s->failed = true;
    return false;
}

bool sim_fail(sim_call *c, diag_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(c->m->arena, format, args);
    va_end(args);
    return sim_fail_at(c->s, c->inst->at, code, text);
}

static int64_t symbol_value(void *env, const ir_sym *sym) { return ((sim *)env)->sym[sym->id]; }
static int64_t value_of(sim *s, const ir_sx *x) { return sx_is_const(x) ? sx_value(x) : sx_eval(x, symbol_value, s); }
int64_t sim_sx_value(sim *s, const ir_sx *x) { return value_of(s, x); }
int64_t sim_eval_sx(sim_call *c, const ir_sx *x) { return value_of(c->s, x); }

bool sim_extents(sim *s, const ir_type *type, int64_t *dim)
{
    for (int i = 0; i < type->rank; i++) {
        dim[i] = value_of(s, type->dim[i]);
        if (dim[i] < 0) return false;
    }
    return true;
}

static void set_value(sim *s, const ir_value *v, sim_tensor *t)
{
    sim_tensor_drop(s->value[v->id]);
    s->value[v->id] = t;
}

static void set_index(sim *s, const ir_value *v, int64_t x)
{
    s->sym[v->sym->id] = x;
    s->sym_known[v->sym->id] = true;
}

/* A value that only its own block uses can go with its last use there. */
static void release_operands(sim *s, const ir_inst *inst)
{
    if (s->keep) return;
    for (int i = 0; i < inst->nin; i++) {
        const ir_value *v = inst->in[i];
        if (!v || !s->value[v->id] || !v->def) continue;
        bool last = true;
        for (const ir_use *u = v->uses; u && last; u = u->next) last = u->inst->block == v->def->block && u->inst->id <= inst->id;
        if (last && inst->block == v->def->block) set_value(s, v, NULL);
    }
}

/* ---- effects ------------------------------------------------------------------------------- */

typedef struct {
    int64_t start[IR_MAX_RANK], extent[IR_MAX_RANK];
    int rank;
} part;

static bool part_of(sim *s, const ir_inst *inst, part *p)
{
    const sim_tensor *t = s->state[inst->state->id];
    p->rank = inst->nsel;
    for (int i = 0; i < inst->nsel; i++) {
        const ir_sel *sel = &inst->sel[i];
        p->start[i] = value_of(s, sel->start);
        p->extent[i] = sel->one ? 1 : value_of(s, sel->extent);
        if (p->start[i] < 0 || p->extent[i] < 0 || p->start[i] + p->extent[i] > t->dim[i])
            return sim_fail_at(s, sel->at.file ? sel->at : inst->at, E_RUN_INDEX,
                               arena_printf(s->m->arena, "index %lld%s is outside of axis %d of state '%s', whose extent is %lld", (long long)p->start[i],
                                            sel->one ? "" : arena_printf(s->m->arena, ":%lld", (long long)(p->start[i] + p->extent[i])), i, inst->state->name, (long long)t->dim[i]));
    }
    return true;
}

static void move_part(sim_tensor *state, const part *p, sim_tensor *t, bool write)
{
    sim_coords c = {.rank = p->rank, .dim = p->extent};
    for (int64_t i = 0; i < t->n; i++, sim_coords_next(&c)) {
        int64_t at[IR_MAX_RANK];
        for (int k = 0; k < p->rank; k++) at[k] = p->start[k] + c.at[k];
        if (write) sim_copy(t, i, state, sim_flat(state, at));
        else sim_copy(state, sim_flat(state, at), t, i);
    }
}

static bool run_effect(sim *s, const ir_inst *inst)
{
    part p;
    if (!part_of(s, inst, &p)) return false;
    sim_tensor *state = s->state[inst->state->id];
    if (inst->op == IR_write) {
        move_part(state, &p, s->value[inst->in[1]->id], true);
        return true;
    }
    int64_t dim[IR_MAX_RANK];
    sim_extents(s, inst->out[0]->type, dim);
    sim_tensor *t = sim_tensor_new(s, state->dtype, inst->out[0]->type->rank, dim);
    set_value(s, inst->out[0], t);
    move_part(state, &p, t, false);
    return true;
}

/* ---- instructions -------------------------------------------------------------------------- */

typedef enum { GO_ON, LEFT_REGION, LEFT_LOOP, LEFT_GRAPH, STOPPED } outcome;

static outcome run_region(sim *s, const ir_region *r, sim_tensor **left);

static bool read_index(sim *s, const ir_inst *inst)
{
    sim_call c = {.s = s, .m = s->m, .inst = inst};
    const ir_sym *sym = inst->out[0]->sym;
    int64_t x = sim_get_int(s->value[inst->in[0]->id], 0);
    if (x < sym->lo || x > sym->hi) return sim_fail(&c, E_RUN_INDEX, "the index '%s' is %lld, which does not fit", sym->name, (long long)x);
    set_index(s, inst->out[0], x);
    return true;
}

static bool require(sim *s, const ir_inst *inst)
{
    sim_call c = {.s = s, .m = s->m, .inst = inst};
    int64_t min = ir_int(inst, ATTR_AT(require, min)), max = ir_int(inst, ATTR_AT(require, max)), x;
    if (!sx_eval_checked(inst->index[0], symbol_value, s, &x)) return sim_fail(&c, E_RUN_SIZE, "'%s' does not fit in 64 bits", inst->out[0]->sym->name);
    if (x < min || x > max) return sim_fail(&c, E_RUN_SIZE, "'%s' is %lld, which is not from %lld to %lld", inst->out[0]->sym->name, (long long)x, (long long)min, (long long)max);
    set_index(s, inst->out[0], x);
    return true;
}

static bool load_constant(sim *s, const ir_inst *inst)
{
    sim_call c = {.s = s, .m = s->m, .inst = inst};
    const ir_const *k = inst->constant;
    if (inst->op == IR_const) {
        set_value(s, inst->out[0], sim_tensor_borrow(s->m, inst->out[0]->type, k->data));
        return true;
    }
    int64_t i = k->ntensor > 1 ? value_of(s, inst->index[0]) : 0;
    if (i < 0 || i >= k->ntensor) return sim_fail(&c, E_RUN_INDEX, "entry %lld of a table of %d tensors", (long long)i, k->ntensor);
    set_value(s, inst->out[0], sim_tensor_borrow(s->m, inst->out[0]->type, ir_weight_bytes(k, (int)i)));
    return true;
}

static bool index_tensor(sim *s, const ir_inst *inst)
{
    sim_tensor *t = sim_tensor_new(s, inst->out[0]->type->dtype, 0, NULL);
    int64_t x = value_of(s, inst->index[0]);
    if (dtype_is_float(t->dtype)) sim_set(t, 0, (double)x);
    else sim_set_int(t, 0, x);
    set_value(s, inst->out[0], t);
    return true;
}

static bool run_pure(sim *s, const ir_inst *inst)
{
    sim_tensor *in[256], *out[64];
    int64_t index[8];
    sim_call c = {s, s->m, inst, inst->nin, inst->nout, inst->nin <= 256 ? in : ARENA_ARRAY(s->arena, sim_tensor *, inst->nin), out, index};
    for (int i = 0; i < inst->nin; i++) c.in[i] = inst->in[i] ? s->value[inst->in[i]->id] : NULL;
    for (int i = 0; i < inst->nindex; i++) index[i] = value_of(s, inst->index[i]);
    for (int i = 0; i < inst->nout; i++) {
        int64_t dim[IR_MAX_RANK];
        if (!sim_extents(s, inst->out[i]->type, dim)) return sim_fail(&c, E_RUN_INDEX, "a result would have a negative extent");
        c.out[i] = sim_tensor_new(s, inst->out[i]->type->dtype, inst->out[i]->type->rank, dim);
        set_value(s, inst->out[i], c.out[i]);
    }
    return evaluators[inst->op](&c);
}

/* Bytes that stand for no number, so that one which is read shows. */
static bool make_room(sim *s, const ir_inst *inst)
{
    const ir_type *t = inst->out[0]->type;
    int64_t dim[IR_MAX_RANK];
    if (!sim_extents(s, t, dim)) return false;
    sim_tensor *x = sim_tensor_new(s, t->dtype, t->rank, dim);
    memset(x->data, 0xff, (size_t)x->n * dtype_bytes(t->dtype));
    set_value(s, inst->out[0], x);
    return true;
}

static sim_tensor *shared(sim *s, const ir_value *v)
{
    sim_tensor *t = s->value[v->id];
    if (t) t->refs++;
    return t;
}

/* Gives the arguments of a block their values, all at once. */
static void pass_arguments(sim *s, const ir_block *to, int first_arg, sim_tensor *const *value, int n)
{
    for (int i = 0; i < n; i++) set_value(s, to->arg.at[first_arg + i], value[i]);
}

/* Room for the operands or the results of an instruction with a region, the same each time that it runs. */
static sim_tensor **room_of(sim *s, const ir_inst *inst)
{
    sim_tensor **room = map_getp(&s->room, inst);
    if (room) return room;
    room = ARENA_ARRAY(s->arena, sim_tensor *, (inst->nin > inst->nout ? inst->nin : inst->nout) + 1);
    map_setp(&s->room, inst, room);
    return room;
}

static outcome run_loop(sim *s, const ir_inst *inst)
{
    int64_t from = value_of(s, inst->index[0]), to = value_of(s, inst->index[1]);
    const ir_block *body = inst->region[0]->first;
    sim_tensor **carried = room_of(s, inst);
    for (int i = 0; i < inst->nin; i++) carried[i] = shared(s, inst->in[i]);
    for (int64_t i = from; i < to; i++) {
        set_index(s, body->arg.at[0], i);
        pass_arguments(s, body, 1, carried, inst->nin);
        for (sim_observer *o = s->observer; o; o = o->next)
            if (o->trip) o->trip(o->env, s, inst, i);
        outcome end = run_region(s, inst->region[0], carried);
        if (end == LEFT_GRAPH || end == STOPPED) return end;
        if (end == LEFT_LOOP) break;
    }
    for (int i = 0; i < inst->nout; i++) set_value(s, inst->out[i], carried[i]);
    return GO_ON;
}

static outcome run_fused(sim *s, const ir_inst *inst)
{
    sim_tensor **value = room_of(s, inst);
    for (int i = 0; i < inst->nin; i++) value[i] = shared(s, inst->in[i]);
    pass_arguments(s, inst->region[0]->first, 0, value, inst->nin);
    outcome end = run_region(s, inst->region[0], value);
    if (end == STOPPED) return end;
    for (int i = 0; i < inst->nout; i++) set_value(s, inst->out[i], value[i]);
    return GO_ON;
}

static outcome run_inst(sim *s, const ir_inst *inst)
{
    switch (inst->op) {
    case IR_const:
    case IR_weight: return load_constant(s, inst) ? GO_ON : STOPPED;
    case IR_index_read: return read_index(s, inst) ? GO_ON : STOPPED;
    case IR_index_tensor: return index_tensor(s, inst) ? GO_ON : STOPPED;
    case IR_require: return require(s, inst) ? GO_ON : STOPPED;
    case IR_read:
    case IR_write: return run_effect(s, inst) ? GO_ON : STOPPED;
    case IR_room: return make_room(s, inst) ? GO_ON : STOPPED;
    case IR_token:
    case IR_barrier: return GO_ON;
    case IR_loop: return run_loop(s, inst);
    case IR_fused: return run_fused(s, inst);
    default: return run_pure(s, inst) ? GO_ON : STOPPED;
    }
}

static bool tell_before(sim *s, const ir_inst *inst)
{
    for (sim_observer *o = s->observer; o; o = o->next)
        if (o->before && !o->before(o->env, s, inst)) {
            s->stopped = true;
            return false;
        }
    return true;
}

static void tell_after(sim *s, const sim_event *event)
{
    for (sim_observer *o = s->observer; o; o = o->next)
        if (o->after) o->after(o->env, s, event);
}

static void tell_failed(sim *s, const ir_inst *inst)
{
    for (sim_observer *o = s->observer; o; o = o->next)
        if (o->failed) o->failed(o->env, s, inst);
}

static outcome observed(sim *s, const ir_inst *inst)
{
    if (!s->observer) return run_inst(s, inst);
    if (!tell_before(s, inst)) return STOPPED;
    double start = sim_clock(s);
    outcome end = run_inst(s, inst);
    sim_event event = {.inst = inst, .start_us = start, .us = sim_clock(s) - start};
    if (end == GO_ON) tell_after(s, &event);
    if (end == STOPPED && s->failed && !inst->nregion) tell_failed(s, inst);
    return end;
}

/* Room for the arguments of a jump; they are passed on at once. */
static sim_tensor **scratch(sim *s, int n)
{
    if (n > s->nscratch) {
        s->nscratch = 2 * n;
        s->scratch = ARENA_ARRAY(s->arena, sim_tensor *, s->nscratch);
    }
    return s->scratch;
}

static const ir_block *jump(sim *s, const ir_inst *end, const ir_edge *e)
{
    sim_event event = {.inst = end, .to = e->to, .start_us = s->observer ? sim_clock(s) : 0};
    tell_after(s, &event);
    sim_tensor **value = scratch(s, e->n);
    for (int i = 0; i < e->n; i++) value[i] = shared(s, end->in[e->first + i]);
    pass_arguments(s, e->to, 0, value, e->n);
    return e->to;
}

/* Which block a terminator goes to; NULL when it leaves the region, with its values in `left`. */
static const ir_block *follow(sim *s, const ir_inst *end, sim_tensor **left, outcome *how)
{
    *how = STOPPED;
    if (!tell_before(s, end)) return NULL;
    if (end->op == IR_br) return jump(s, end, &end->edge[0]);
    if (end->op == IR_cond_br) return jump(s, end, &end->edge[sim_get_int(s->value[end->in[0]->id], 0) == 0]);
    bool leaves_graph = end->op == IR_return;
    if (leaves_graph && !sim_check_outputs(s, end)) {
        tell_failed(s, end);
        return NULL;
    }
    int n = leaves_graph ? s->graph->output.n : end->nin;
    *how = leaves_graph ? LEFT_GRAPH : end->op == IR_break ? LEFT_LOOP : LEFT_REGION;
    for (int i = 0; i < n; i++) (leaves_graph ? s->result : left)[i] = shared(s, end->in[i]);
    sim_event event = {.inst = end, .start_us = s->observer ? sim_clock(s) : 0};
    tell_after(s, &event);
    return NULL;
}

static outcome run_region(sim *s, const ir_region *r, sim_tensor **left)
{
    outcome how = GO_ON;
    for (const ir_block *b = r->first; b;) {
        for (sim_observer *o = s->observer; o; o = o->next)
            if (o->block) o->block(o->env, s, b);
        for (const ir_inst *i = b->first; i != b->last; i = i->next) {
            outcome end = observed(s, i);
            if (end != GO_ON) return end;
            release_operands(s, i);
        }
        b = follow(s, b->last, left, &how);
    }
    return how;
}

/* ---- graphs -------------------------------------------------------------------------------- */

bool sim_run(sim *s, ir_graph *g, sim_tensor *const *in, sim_tensor **out)
{
    s->graph = g;
    s->failed = s->stopped = false;
    memset(s->sym_known, 0, sizeof(bool) * (size_t)s->m->sx.nsym);
    if (!sim_bind_dims(s, in)) return false;
    for (int i = 0; i < g->input.n; i++)
        if (!sim_check_input(s, &g->input.at[i], in[i])) return false;
    for (int i = 0; i < g->input.n; i++) {
        in[i]->refs++;
        set_value(s, g->body->first->arg.at[i], in[i]);
    }
    s->result = out;
    outcome end = run_region(s, g->body, NULL);
    clear_values(s);
    return end == LEFT_GRAPH;
}

bool ev_core(sim_call *c)
{
    return sim_fail(c, E_INTERNAL, "%s has no evaluator of its own", op_get(c->inst->op)->name);
}
