/* What is read again and again, from either end in turn: weights at every step of a loop, a kernel's rows for each of its
 * columns.
 *
 * What does not fit into a cache and is read from the same end again and again is never there: each line has been driven
 * out by those behind it when it is needed again. Read from the other end, what came last, and is still there, comes
 * first. The iterations of these loops are independent, so that their order changes no result. */
#include "passes/k_turn.h"

#include "ir/sat.h"
#include "passes/k_replay.h"

typedef struct {
    const plan_call *call;
    const ir_sym *sym;
    nfc_map seen;  /* kir_buffer */
    int64_t bytes; /* of these */
} weight_search;

/* The same at every step? */
static bool is_weight(const plan_call *call, const kir_buffer *b)
{
    if (b->space != KIR_GLOBAL || b->id >= call->arg.n) return false;
    const plan_buffer *from = call->arg.at[b->id]->buffer;
    return from->place == PLAN_WEIGHT && from->weight && from->weight->nindex == 0;
}

static void find_weight(void *env, const kir_expr *e)
{
    weight_search *w = env;
    if (e->kind != KIR_LOAD || !is_weight(w->call, e->buffer) || !sx_mentions(e->index, w->sym) || map_setp(&w->seen, e->buffer, w)) return;
    w->bytes = sat_add(w->bytes, sat_mul(sx_max(e->buffer->size), (int64_t)dtype_bytes(e->buffer->dtype)));
}

/* Bytes of the constants that the loop goes through. */
static int64_t weight_bytes(kir_builder *b, const plan_call *call, const kir_stmt *loop)
{
    weight_search w = {call, loop->var->sym, {0}, 0};
    map_init(&w.seen, b->arena);
    k_visit_exprs(b->arena, loop, find_weight, &w);
    return w.bytes;
}

/* A loop of several iterations, in whatever order. */
static bool is_independent(const kir_stmt *s) { return s->kind == KIR_FOR && s->loop == KIR_PARALLEL && !(sx_is_const(s->end) && sx_value(s->end) < 2); }

/* The variable of the innermost loop around an instruction; NULL: there is none that takes several values. */
static const ir_sym *trip_of(const ir_inst *inst)
{
    const ir_inst *owner = inst->block->region->owner;
    while (owner && owner->op != IR_loop) owner = owner->block->region->owner;
    const ir_sym *sym = owner ? owner->region[0]->first->arg.at[0]->sym : NULL;
    return sym && !sym->is ? sym : NULL;
}

static bool turn_with_steps(const sched_target *t, kir_builder *b, const plan_call *call, const ir_inst *inst)
{
    const ir_sym *trip = trip_of(inst);
    bool any = false;
    if (!trip) return false;
    for (int i = 0; i < b->func->body->body.n; i++) {
        kir_stmt *s = b->func->body->body.at[i];
        if (!is_independent(s) || weight_bytes(b, call, s) <= t->cache / 2) continue;
        s->turn = sx_sym(b->sx, trip);
        any = true;
    }
    return any;
}

/* ---- inside a kernel --------------------------------------------------------------------------- */

/* What a loop reads that the one around it does not move. */
typedef struct {
    kir_builder *b;
    const ir_sym *around, *sym;
    VEC(const kir_stmt *) loop; /* from the one of sym on to the load at hand */
    nfc_map seen;               /* kir_buffer */
    int64_t bytes;
} repeat_search;

/* Elements that a load reaches while the loops run: of those that move it, the trips. */
static int64_t elements_read(const repeat_search *w, const kir_expr *load)
{
    int64_t n = 1;
    for (int i = 0; i < w->loop.n; i++)
        if (sx_mentions(load->index, w->loop.at[i]->var->sym)) n = sat_mul(n, sx_max(w->loop.at[i]->end));
    return n < sx_max(load->buffer->size) ? n : sx_max(load->buffer->size);
}

static void find_repeat(void *env, const kir_expr *e)
{
    repeat_search *w = env;
    if (e->kind != KIR_LOAD || e->buffer->space != KIR_GLOBAL || !sx_mentions(e->index, w->sym) || sx_mentions(e->index, w->around)) return;
    if (!map_setp(&w->seen, e->buffer, w)) w->bytes = sat_add(w->bytes, sat_mul(elements_read(w, e), (int64_t)dtype_bytes(e->buffer->dtype)));
}

static void find_repeats(repeat_search *w, const kir_stmt *s)
{
    kir_stmt own = {.kind = KIR_NOTE, .value = s->value};
    k_visit_exprs(w->b->scratch, &own, find_repeat, w);
    if (s->kind == KIR_FOR) vec_push(w->b->scratch, &w->loop, s);
    for (int i = 0; i < s->body.n; i++) find_repeats(w, s->body.at[i]);
    w->loop.n -= s->kind == KIR_FOR;
}

static int64_t repeated_bytes(kir_builder *b, const kir_stmt *around, const kir_stmt *loop)
{
    repeat_search w = {.b = b, .around = around->var->sym, .sym = loop->var->sym};
    map_init(&w.seen, b->scratch);
    find_repeats(&w, loop);
    return w.bytes;
}

/* The names of the loops that turn are added to `names`. */
static void turn_inside(const sched_target *t, kir_builder *b, kir_stmt *s, const char **names)
{
    for (int i = 0; i < s->body.n; i++) {
        kir_stmt *loop = s->body.at[i];
        if (is_independent(s) && is_independent(loop) && repeated_bytes(b, s, loop) > t->cache / 2) {
            loop->turn = sx_sym(b->sx, s->var->sym);
            *names = arena_printf(b->arena, *names ? "%s, %s" : "%s%s", *names ? *names : "", loop->var->name);
        }
        turn_inside(t, b, loop, names);
    }
}

const char *k_turn(const sched_target *t, kir_builder *b, const plan_call *call, const ir_inst *inst)
{
    const char *names = NULL;
    if (t->cache == 0) return "";
    const char *steps = turn_with_steps(t, b, call, inst) ? "; from the other end at every other step" : "";
    b->scratch = arena_child(b->arena);
    turn_inside(t, b, b->func->body, &names);
    arena_free(b->scratch);
    b->scratch = NULL;
    return names ? arena_printf(b->arena, "%s; %s from either end in turn", steps, names) : steps;
}
