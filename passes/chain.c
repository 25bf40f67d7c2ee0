/* Chains: which instructions become one.
 *
 * A trial of the planner says how many bytes are live at each instruction. Where most are, all chains around it are
 * weighed by what would be live with them; the best is made, and the next trial shows where most are then, until
 * nothing helps. */
#include "passes/chain.h"

#include "devices/device.h"
#include "ir/sat.h"

typedef struct {
    pass_ctx *ctx;
    const pass_chains *options;
    ir_graph *g;
    plan_graph *plan;
    int64_t *live;   /* bytes in use at each position */
    nfc_map refused; /* the last instructions of chains that did not help */
} chooser;

typedef struct {
    chain *c;
    int64_t block;
    double cost;
    int64_t here, bytes; /* live at most: while its stages run, and at all */
} candidate;

typedef VEC(candidate) candidates;

static int position_of(const chooser *h, const ir_inst *i) { return (int)(intptr_t)map_getp(&h->plan->position, i) - 1; }

/* ---- what is live ---------------------------------------------------------------------------- */

static void try_plan(chooser *h)
{
    h->plan = plan_trial(h->ctx->m, h->g, h->options->layout);
    h->live = ARENA_ARRAY(h->ctx->scratch, int64_t, h->plan->positions + 2);
    for (int i = 0; i < h->plan->buffer.n; i++)
        for (int t = h->plan->buffer.at[i]->first; t <= h->plan->buffer.at[i]->last; t++) h->live[t] += h->plan->buffer.at[i]->bytes;
}

static int position_of_most(const chooser *h)
{
    int at = 0;
    for (int t = 0; t <= h->plan->positions; t++)
        if (h->live[t] > h->live[at]) at = t;
    return at;
}

static const plan_buffer *buffer_of(const chooser *h, const ir_value *v)
{
    const plan_view *view = v->type->kind == IR_TENSOR ? plan_view_of(h->plan, v) : NULL;
    return view ? view->buffer : NULL;
}

/* Is the buffer only there for what lies between the stages? */
static bool is_between(const chooser *h, const chain *c, const plan_buffer *b, int first, int last)
{
    if (b->place != PLAN_ARENA || b->first < first || b->last > last) return false;
    for (int s = 0; s + 1 < c->nstage; s++)
        if (buffer_of(h, c->stage[s]->out[0]) == b) return true;
    return false;
}

static bool is_input_of(const chooser *h, const chain *c, const plan_buffer *b)
{
    for (int k = 0; k < c->n; k++)
        for (int i = 0; i < c->node[k].inst->nin; i++)
            if (c->node[k].in[i].outside && buffer_of(h, c->node[k].in[i].outside) == b) return true;
    return false;
}

/* The most bytes that would be live with the chain, and while it runs: all of it would do so where its last stage does. */
static int64_t live_with(chooser *h, const chain *c, int64_t *here)
{
    int first = position_of(h, c->stage[0]), last = position_of(h, c->stage[c->nstage - 1]);
    int64_t most = 0, *live = ARENA_ARRAY(h->ctx->scratch, int64_t, last - first + 1);
    const plan_buffer *made = buffer_of(h, c->stage[c->nstage - 1]->out[0]);
    for (int t = first; t <= last; t++) live[t - first] = h->live[t];
    for (int i = 0; i < h->plan->buffer.n; i++) {
        const plan_buffer *b = h->plan->buffer.at[i];
        bool between = is_between(h, c, b, first, last), longer = b == made || is_input_of(h, c, b);
        for (int t = b->first > first ? b->first : first; between && t <= b->last; t++) live[t - first] -= b->bytes;
        for (int t = b->last + 1; longer && b->last >= first && t <= last; t++) live[t - first] += b->bytes;
        if (longer && b->first > last) live[last - first] += b->bytes;
    }
    live[last - first] += c->window_bytes;
    *here = live[last - first];
    for (int t = 0; t <= h->plan->positions; t++) {
        int64_t bytes = t < first || t > last ? h->live[t] : live[t - first];
        if (bytes > most) most = bytes;
    }
    return most;
}

/* ---- what it costs ---------------------------------------------------------------------------- */

static int64_t macs_of(const chain *c)
{
    int64_t macs = 0;
    for (int k = 0; k < c->n; k++) macs = sat_add(macs, sat_add(op_get(c->node[k].inst->op)->rule->macs(c->node[k].inst), ir_max_elements(c->node[k].inst->out[0]->type)));
    return macs;
}

/* Bytes of constants that every block reads again. */
static int64_t constant_bytes(const chain *c)
{
    int64_t bytes = 0;
    for (int k = 0; k < c->n; k++)
        for (int i = 0; i < c->node[k].inst->nin; i++) {
            const chain_operand *o = &c->node[k].in[i];
            if (o->outside && !o->rowed) bytes = sat_add(bytes, ir_max_bytes(o->outside->type));
        }
    return bytes;
}

/* Bytes that are moved because they are needed again: those that each block keeps of the one before it. */
static int64_t moved_bytes(const chain *c)
{
    int64_t bytes = 0;
    for (int k = 0; k + 1 < c->n; k++)
        if (c->node[k].rowed) bytes += (c->node[k].made - c->node[k].kept) * c->node[k].row_bytes;
    return bytes * (c->blocks + 1);
}

/* What one core does, as far as chains are concerned. */
typedef struct {
    double moved, macs; /* in a cycle: bytes that are copied, a vector of them, and multiply-adds */
    double call;        /* cycles until a kernel is under way: some results, one after the other */
    int64_t places;     /* so many that tiles of rows fill the registers, half of them each, a few times over */
} core;

static core core_of(const chooser *h)
{
    enum { RESULTS = 16, TILES = 3, REGISTERS = 32 }; /* the last: where they are not known */
    const device *d = h->ctx->options->device;
    const device_unit *u = d ? d->chosen : NULL;
    core k = {.moved = sizeof(float), .macs = 1, .call = RESULTS, .places = REGISTERS / 2 * TILES};
    if (!u) return k;
    if (u->vector_bits) {
        k.moved = (double)u->vector_bits / 8;
        k.places = u->vector_registers / 2 * TILES;
    }
    k.macs = u->flops_per_cycle / 2;
    k.call = u->latency * RESULTS;
    return k;
}

/* Is hardly any time lost: neither by what is moved, nor by constants that every block would fetch from afar? */
static bool is_quick(const chooser *h, const chain *c)
{
    enum { SHARE = 16 }; /* of the time: what is "hardly any", for a smaller arena; the times are the device's */
    const core k = core_of(h);
    const ir_type *t = c->node[c->n - 1].inst->out[0]->type;
    int64_t places = c->block;
    for (int i = CHAIN_AXIS + 1; i < t->rank; i++) places = sat_mul(places, sx_max(t->dim[i]));
    if (places < k.places || (h->options->cache && constant_bytes(c) > h->options->cache / 2)) return false;
    return (double)moved_bytes(c) / k.moved <= (double)macs_of(c) / k.macs / SHARE;
}

/* Cycles that a chain costs beside the work of its stages: for what is moved, and a call for each stage of each block. */
static double cost_of(const chooser *h, const chain *c)
{
    const core k = core_of(h);
    return (double)moved_bytes(c) / k.moved + k.call * (double)((c->blocks + 2) * c->nstage);
}

/* ---- candidates ------------------------------------------------------------------------------- */

static bool is_fence(const ir_inst *i)
{
    return i->op == IR_barrier || i->op == IR_write || i->op == IR_loop || i->op == IR_require || ir_is_terminator(i);
}

/* Do all uses of its result belong to the stages? */
static bool is_used_inside(const ir_inst *i, ir_inst *const *stage, int n)
{
    for (const ir_use *u = i->out[0]->uses; u; u = u->next) {
        bool inside = false;
        for (int s = 0; s < n; s++) inside |= stage[s] == u->inst;
        if (!inside) return false;
    }
    return i->out[0]->uses != NULL;
}

/* The last instruction before the first stage that only stages need; NULL: none is, up to a fence. */
static ir_inst *stage_before(ir_inst *const *stage, int n)
{
    for (ir_inst *i = stage[0]->prev; i && !is_fence(i); i = i->prev)
        if (chain_is_stage(i) && is_used_inside(i, stage, n)) return i;
    return NULL;
}

/* The chain with any number of rows in a block. */
static void weigh(chooser *h, chain *c, candidates *list)
{
    for (int64_t rows = c->rows / 2; rows >= 1; rows = rows > 8 ? rows / 2 : rows - 1) {
        if (h->options->rows && rows != h->options->rows) continue;
        if (!chain_cut(c, rows) || (h->options->mode == CHAINS_AUTO && !is_quick(h, c))) continue;
        candidate it = {.c = c, .block = rows, .cost = cost_of(h, c)};
        it.bytes = live_with(h, c, &it.here);
        vec_push(h->ctx->scratch, list, it);
    }
}

/* Chains that end with this stage, by one stage more at a time, and go over a position. */
static void weigh_ending(chooser *h, ir_inst *last, int at, candidates *list)
{
    ir_inst *stage[CHAIN_STAGES] = {last}, *before;
    for (int n = 1; n < CHAIN_STAGES && (before = stage_before(stage, n));) {
        for (int i = n++; i > 0; i--) stage[i] = stage[i - 1];
        stage[0] = before;
        chain *c = ARENA_NEW(h->ctx->scratch, chain);
        if (!chain_analyse(c, h->ctx->m, h->ctx->scratch, stage, n)) return;
        if (position_of(h, before) <= at) weigh(h, c, list);
    }
}

/* Of those that need hardly more while they run than the best needs at all, the one that costs least: what is left to be
 * done elsewhere is for the next chain. */
static const candidate *cheapest(const candidates *list, int64_t live, bool worth_it)
{
    enum { LEAST_SHARE = 16 }; /* of what is live, wherever it lies: less is not worth the trouble, and the next chain may not be found */
    const candidate *found = NULL;
    int64_t least = INT64_MAX;
    for (int i = 0; i < list->n; i++)
        if (list->at[i].bytes < least) least = list->at[i].bytes;
    for (int i = 0; i < list->n; i++) {
        const candidate *k = &list->at[i];
        if (k->here > least + least / 16 || k->here > live - live / 32) continue;
        if (worth_it && k->bytes > live - live / LEAST_SHARE) continue;
        if (!found || k->cost < found->cost) found = k;
    }
    return found;
}

/* ---- all --------------------------------------------------------------------------------------- */

static void note(chooser *h, const chain *c, const ir_inst *loop)
{
    ir_module *m = h->ctx->m;
    ir_chain *n = ARENA_NEW(m->arena, ir_chain);
    *n = (ir_chain){.graph = h->g, .loop = loop, .at = c->stage[0]->at, .stages = c->nstage, .rows = c->block, .blocks = c->blocks, .bytes = c->window_bytes};
    n->name = c->stage[c->nstage - 1]->out[0]->name;
    vec_push(m->arena, &m->chain, n);
}

static void use(chooser *h, const candidate *k)
{
    chain_cut(k->c, k->block);
    note(h, k->c, chain_make(k->c));
    ir_number(h->ctx->m); /* the next plan goes by the order */
}

/* Makes a chain that lowers what is live where most is; false: there is none. */
static bool lower_the_most(chooser *h)
{
    candidates list = {0};
    try_plan(h);
    int at = position_of_most(h);
    for (ir_block *b = h->g->body->first; b; b = b->next)
        for (ir_inst *i = b->first; i; i = i->next)
            if (chain_is_stage(i) && position_of(h, i) >= at) weigh_ending(h, i, at, &list);
    const candidate *found = cheapest(&list, h->live[at], h->options->mode == CHAINS_AUTO);
    if (found) use(h, found);
    return found != NULL;
}

/* Makes the longest chain that ends last, with the most rows that there can be; false: there is none. */
static bool make_last(chooser *h)
{
    try_plan(h);
    for (ir_block *b = h->g->body->first; b; b = b->next)
        for (ir_inst *i = b->last; i; i = i->prev) {
            candidates list = {0};
            if (!chain_is_stage(i) || map_getp(&h->refused, i)) continue;
            map_setp(&h->refused, i, h);
            weigh_ending(h, i, h->plan->positions, &list);
            const candidate *found = list.n ? &list.at[0] : NULL;
            for (int k = 1; k < list.n; k++)
                if (list.at[k].c->nstage > found->c->nstage) found = &list.at[k];
            if (!found) continue;
            use(h, found);
            return true;
        }
    return false;
}

bool pass_chain(pass_ctx *ctx)
{
    enum { MOST = 64 };
    const pass_chains *o = &ctx->options->chains;
    bool changed = false;
    for (int g = 0; o->mode != CHAINS_OFF && g < ctx->m->graph.n; g++) {
        chooser h = {.ctx = ctx, .options = o, .g = ctx->m->graph.at[g]};
        map_init(&h.refused, ctx->scratch);
        for (int n = 0; n < MOST; n++) {
            if (!(o->mode == CHAINS_ALL ? make_last(&h) : lower_the_most(&h))) break;
            changed = true;
        }
    }
    return changed;
}
