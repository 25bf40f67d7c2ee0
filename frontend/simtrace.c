#include "frontend/simtrace.h"

#include "frontend/memfile.h"
#include "frontend/simshow.h"
#include "frontend/trace.h"

typedef enum { IN_RUN, IN_BLOCK, IN_SCOPE, IN_OWNER, IN_TRIP } place_kind;

/* What the run is inside of, outermost first. Scopes lie in blocks, blocks in a run or a trip; an
 * owner is an instruction with a region. */
typedef struct {
    place_kind kind;
    int64_t index; /* TRIP; RUN: its number from 1 */
    const ir_block *block;
    const ir_scope *scope;
    const ir_inst *inst; /* OWNER, TRIP */
} place;

struct simtrace {
    sim_observer observer;
    sim *s;
    const ir_graph *g;
    trace *out;
    VEC(place) in;
    int64_t runs;
    memfile *text;
};

/* ---- texts --------------------------------------------------------------------------------- */

static void add_place(simtrace *t, nfc_span at)
{
    const nfc_source *source = source_get(&sim_module(t->s)->session->sources, at.file);
    trace_integer(t->out, "line", at.line);
    trace_integer(t->out, "column", at.col);
    trace_text(t->out, "file", source ? source->path : "");
}

static void add_types(simtrace *t, const char *key, ir_value *const *value, int n)
{
    FILE *to = memfile_start(t->text);
    const char *sep = "";
    for (int i = 0; i < n; i++) {
        const sim_tensor *tensor = value[i] ? sim_value(t->s, value[i]) : NULL;
        if (!tensor) continue;
        fputs(sep, to);
        show_type(to, tensor);
        sep = ", ";
    }
    trace_text(t->out, key, memfile_end(t->text, NULL));
}

/* Ends the span of an instruction, with all that is known of it. */
static void end_inst(simtrace *t, const ir_inst *inst, double us)
{
    FILE *to = memfile_start(t->text);
    show_what(to, inst);
    putc(0, to);
    size_t scope = memfile_length(t->text);
    show_scope(to, inst->scope);
    const char *name = memfile_end(t->text, NULL);
    trace_end(t->out, us, name, inst->scope ? name + scope : inst->block->name);
    add_place(t, inst->at);
    trace_text(t->out, "block", inst->block->name);
    add_types(t, "in", inst->in, inst->nin);
    add_types(t, "out", inst->out, inst->nout);
}

/* ---- places -------------------------------------------------------------------------------- */

static place *innermost(simtrace *t) { return t->in.n ? &vec_last(&t->in) : NULL; }

static void enter(simtrace *t, place p)
{
    trace_begin(t->out, sim_clock(t->s));
    vec_push(sim_module(t->s)->arena, &t->in, p);
}

static void leave(simtrace *t)
{
    place p = t->in.at[--t->in.n];
    double us = sim_clock(t->s);
    FILE *to = memfile_start(t->text);
    switch (p.kind) {
    case IN_RUN:
        fprintf(to, "run %lld", (long long)p.index);
        trace_end(t->out, us, memfile_end(t->text, NULL), t->g->name);
        break;
    case IN_BLOCK:
        fprintf(to, "block %s", p.block->name);
        trace_end(t->out, us, memfile_end(t->text, NULL), "block");
        add_place(t, p.block->at);
        break;
    case IN_SCOPE:
        show_scope(to, p.scope);
        trace_end(t->out, us, memfile_end(t->text, NULL), "scope");
        add_place(t, p.scope->at);
        break;
    case IN_TRIP:
        fprintf(to, "%s = %lld", show_loop_variable(p.inst), (long long)p.index);
        trace_end(t->out, us, memfile_end(t->text, NULL), "trip");
        trace_integer(t->out, "trip", p.index);
        break;
    case IN_OWNER: end_inst(t, p.inst, us); break;
    }
}

static bool is_within(const ir_scope *scope, const ir_scope *outer)
{
    for (; scope; scope = scope->parent)
        if (scope == outer) return true;
    return false;
}

/* Scopes that are open around the region's owner are not opened again inside of it. */
static void enter_scopes(simtrace *t, const ir_scope *scope, const ir_scope *outside)
{
    const place *p = innermost(t);
    if (!scope || scope == outside || (p->kind == IN_SCOPE && p->scope == scope)) return;
    enter_scopes(t, scope->parent, outside);
    enter(t, (place){.kind = IN_SCOPE, .scope = scope});
}

/* ---- the observer -------------------------------------------------------------------------- */

static void trace_block(void *env, sim *s, const ir_block *b)
{
    simtrace *t = env;
    (void)s;
    if (!b->region->owner && b == b->region->first) { /* nothing jumps to an entry block */
        while (t->in.n) leave(t);
        enter(t, (place){.kind = IN_RUN, .index = ++t->runs});
    }
    while (innermost(t)->kind == IN_BLOCK || innermost(t)->kind == IN_SCOPE) leave(t);
    enter(t, (place){.kind = IN_BLOCK, .block = b});
}

static void trace_trip(void *env, sim *s, const ir_inst *loop, int64_t index)
{
    simtrace *t = env;
    (void)s;
    while (innermost(t)->kind != IN_OWNER) leave(t);
    enter(t, (place){.kind = IN_TRIP, .inst = loop, .index = index});
}

static bool trace_before(void *env, sim *s, const ir_inst *inst)
{
    simtrace *t = env;
    (void)s;
    if (!show_is_statement(inst)) return true;
    for (place *p; (p = innermost(t))->kind == IN_SCOPE && !is_within(inst->scope, p->scope);)
        leave(t);
    const ir_inst *owner = inst->block->region->owner;
    enter_scopes(t, inst->scope, owner ? owner->scope : NULL);
    if (inst->nregion) enter(t, (place){.kind = IN_OWNER, .inst = inst});
    return true;
}

static void trace_after(void *env, sim *s, const sim_event *event)
{
    simtrace *t = env;
    const ir_inst *inst = event->inst;
    (void)s;
    if (!show_is_statement(inst) || ir_is_terminator(inst)) return;
    if (inst->nregion) {
        while (innermost(t)->kind != IN_OWNER) leave(t);
        leave(t);
        return;
    }
    trace_begin(t->out, event->start_us);
    end_inst(t, inst, event->start_us + event->us);
}

simtrace *simtrace_attach(sim *s, const ir_graph *g, const char *path)
{
    nfc_session *session = sim_module(s)->session;
    simtrace *t = ARENA_NEW(session->arena, simtrace);
    t->s = s;
    t->g = g;
    t->out = trace_open(session, path, "nfc sim", g->name);
    if (!t->out) return NULL;
    t->text = memfile_new(session->arena);
    t->observer = (sim_observer){.before = trace_before,
                                 .after = trace_after,
                                 .block = trace_block,
                                 .trip = trace_trip,
                                 .env = t};
    sim_observe(s, &t->observer);
    return t;
}

bool simtrace_commit(simtrace *t)
{
    while (t->in.n) leave(t);
    return trace_commit(t->out);
}
