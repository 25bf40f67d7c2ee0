/* Weights that every step of a loop reads, from either end in turn.
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

/* The variable of the innermost loop around an instruction; NULL: there is none that takes several values. */
static const ir_sym *trip_of(const ir_inst *inst)
{
    const ir_inst *owner = inst->block->region->owner;
    while (owner && owner->op != IR_loop) owner = owner->block->region->owner;
    const ir_sym *sym = owner ? owner->region[0]->first->arg.at[0]->sym : NULL;
    return sym && !sym->is ? sym : NULL;
}

bool k_turn(const sched_target *t, kir_builder *b, const plan_call *call, const ir_inst *inst)
{
    const ir_sym *trip = trip_of(inst);
    bool any = false;
    if (!trip || t->cache == 0) return false;
    for (int i = 0; i < b->func->body->body.n; i++) {
        kir_stmt *s = b->func->body->body.at[i];
        if (s->kind != KIR_FOR || s->loop != KIR_PARALLEL || weight_bytes(b, call, s) <= t->cache / 2) continue;
        s->turn = sx_sym(b->sx, trip);
        any = true;
    }
    return any;
}
