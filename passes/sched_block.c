/* Which blocks: the part of the packed constant that one block of the reduction reads for a tile's lanes should stay in
 * the last private cache while all rows go by, and the rows' part in the next one while all lanes do. */
#include "passes/sched_block.h"

#include "ir/sat.h"

bool sched_blockable(k_nest *nest, const plan_call *call, k_blockable *p)
{
    if (!k_find_blockable(nest, p)) return false;
    const plan_buffer *to = call->arg.at[p->store->buffer->id]->buffer;
    for (int i = 0; i < nest->b->func->param.n; i++)
        if (i != p->store->buffer->id && call->arg.at[i]->buffer == to) return false;
    return true;
}

/* ---- what the reduction reads -------------------------------------------------------------- */

typedef struct {
    const kir_buffer *buffer;
    const ir_sx *index;
    int64_t trips; /* of the loops around that move it, but for the one that is cut */
    bool cut;      /* does that one move it? */
} operand;

typedef struct {
    k_nest *nest;
    const k_blockable *p;
    VEC(operand) operand;
    VEC(const kir_stmt *) around;
} reader;

static bool moves(const k_nest *nest, const ir_sx *index, const ir_sym *sym)
{
    int64_t step;
    return !sx_step(nest->b->sx, index, sym, &step) || step != 0;
}

static void note_load(void *env, const kir_expr *e)
{
    reader *r = env;
    if (e->kind != KIR_LOAD || e->buffer->space != KIR_GLOBAL) return;
    operand o = {.buffer = e->buffer, .index = k_plain_index(r->nest, e->index), .trips = 1};
    for (int i = 0; i < r->around.n; i++) {
        const kir_stmt *loop = r->around.at[i];
        if (!moves(r->nest, o.index, loop->var->sym)) continue;
        if (loop == r->p->loop) o.cut = true;
        else o.trips = sat_mul(o.trips, sx_max(loop->end));
    }
    vec_push(r->nest->b->scratch, &r->operand, o);
}

static void note_stmt(reader *r, const kir_stmt *s)
{
    kir_stmt own = {.kind = KIR_NOTE, .value = s->value};
    k_visit_exprs(r->nest->b->scratch, &own, note_load, r);
    if (s->kind == KIR_FOR) vec_push(r->nest->b->scratch, &r->around, s);
    for (int i = 0; i < s->body.n; i++) note_stmt(r, s->body.at[i]);
    r->around.n -= s->kind == KIR_FOR;
}

static reader read_operands(k_nest *nest, const k_blockable *p)
{
    reader r = {.nest = nest, .p = p};
    note_stmt(&r, p->reduction);
    return r;
}

static const ir_sym *axis_sym(const k_nest *nest, int axis) { return nest->axis[axis].loop->var->sym; }

/* An axis along which nothing is read twice: one matrix of a batch after the other. */
static bool is_apart(const reader *r, const sched *s, int axis)
{
    bool apart = axis != s->lanes_axis && axis != s->rows_axis;
    for (int i = 0; i < r->operand.n; i++) apart &= moves(r->nest, r->operand.at[i].index, axis_sym(r->nest, axis));
    return apart;
}

/* Bytes of the operands that move with the lanes and not with the rows, for one tile's lanes over `depth` trips. */
static int64_t panel_bytes(const reader *r, const sched *s, int64_t depth)
{
    int64_t bytes = 0;
    for (int i = 0; i < r->operand.n; i++) {
        const operand *o = &r->operand.at[i];
        if (!moves(r->nest, o->index, axis_sym(r->nest, s->lanes_axis)) || moves(r->nest, o->index, axis_sym(r->nest, s->rows_axis))) continue;
        bytes = sat_add(bytes, sat_mul(sat_mul(o->trips, o->cut ? depth : 1), s->vectors * s->lanes * (int64_t)dtype_bytes(o->buffer->dtype)));
    }
    return bytes;
}

/* Bytes of those that move with the rows and not with the lanes, for all rows of one matrix. */
static int64_t rows_bytes(const reader *r, const sched *s, int64_t depth)
{
    int64_t bytes = 0, parts = 1;
    for (int x = 0; x < r->nest->n; x++)
        if (is_apart(r, s, x)) parts = sat_mul(parts, sx_max(r->nest->axis[x].extent));
    for (int i = 0; i < r->operand.n; i++) {
        const operand *o = &r->operand.at[i];
        if (moves(r->nest, o->index, axis_sym(r->nest, s->lanes_axis)) || !moves(r->nest, o->index, axis_sym(r->nest, s->rows_axis))) continue;
        int64_t all = sat_mul(sx_max(o->buffer->size), (int64_t)dtype_bytes(o->buffer->dtype)) / parts;
        bytes = sat_add(bytes, o->cut ? all / r->p->trips * depth : all);
    }
    return bytes;
}

/* Are the operands of the lanes packed? */
static bool lanes_are_packed(const reader *r, const plan_call *call, const sched *s)
{
    bool any = false;
    for (int i = 0; i < r->operand.n; i++) {
        const operand *o = &r->operand.at[i];
        if (!moves(r->nest, o->index, axis_sym(r->nest, s->lanes_axis))) continue;
        const plan_view *v = call->arg.at[o->buffer->id];
        if (v->buffer->place != PLAN_WEIGHT && s->packs) {
            any = true;
            continue;
        }
        if (v->buffer->place != PLAN_WEIGHT || !v->buffer->weight || !sx_is_const(v->offset)) return false;
        any = true;
    }
    return any;
}

/* ---- the sizes ------------------------------------------------------------------------------- */

/* Blocks of at most `most`, as alike as can be: of a number that leaves nothing over, if one is near. */
static int64_t even_part(int64_t all, int64_t most)
{
    if (most < 1) most = 1;
    const int64_t count = (all + most - 1) / most;
    for (int64_t n = count; n < 2 * count && n <= all; n++)
        if (all % n == 0) return all / n;
    return (all + count - 1) / count;
}

/* Of a cache that several streams go through, this part is for what must stay: as in BLIS, what is read again has a
 * quarter of the ways, so that neither the other operand, which passes, nor the results drive it out. No number of a
 * device: of a cache of any size, four such parts are what is live at once. */
enum { STAYS = 4 };

/* Of the cache beyond the last private one, one core's share; 0: there is none. */
static int64_t next_cache(const device *d)
{
    const device_unit *u = d->chosen;
    for (int i = 0; i + 1 < u->level.n; i++)
        if (u->level.at[i].cores > 1) return u->level.at[i].bytes / u->level.at[i].cores;
    return 0;
}

static int64_t tiles_along(const k_nest *nest, int axis, int64_t each) { return sx_max(nest->axis[axis].extent) / each; }

/* Tiles along rows or lanes that the blocks have: the rows of one stay in the next cache; else there are blocks of lanes,
 * for each core some. */
static void pick_groups(const sched_target *t, k_nest *nest, const reader *r, sched *s)
{
    int64_t room = next_cache(t->device) / STAYS, rows = rows_bytes(r, s, s->depth), cores = t->device->chosen->cores;
    int64_t row_tiles = tiles_along(nest, s->rows_axis, s->rows), lane_tiles = tiles_along(nest, s->lanes_axis, s->vectors * s->lanes);
    bool only_rows = true; /* of what moves the rows' operands */
    for (int x = 0; x < nest->n; x++) only_rows &= x == s->lanes_axis || x == s->rows_axis || is_apart(r, s, x) || sx_is(nest->axis[x].extent, 1);
    if (room < t->cache / 2) room = t->cache / 2;
    s->row_block = s->lane_block = 0;
    if (only_rows && rows > room && row_tiles > 1) {
        int64_t count = (rows + room - 1) / room;
        count = (count + cores - 1) / cores * cores;
        s->row_block = even_part(row_tiles, (row_tiles + count - 1) / count);
    } else if (cores > 1 && lane_tiles > 1) {
        s->lane_block = even_part(lane_tiles, lane_tiles / (2 * cores));
    }
}

void sched_pick_blocks(const sched_target *t, k_nest *nest, const plan_call *call, sched *s)
{
    k_blockable p;
    s->depth = s->row_block = s->lane_block = 0;
    if (t->strict || !t->cache || s->rows_axis < 0 || s->unrolled || !sched_blockable(nest, call, &p)) return;
    reader r = read_operands(nest, &p);
    const int64_t room = t->cache / STAYS, all = panel_bytes(&r, s, p.trips);
    if (!lanes_are_packed(&r, call, s) || all <= room || sat_add(all, rows_bytes(&r, s, p.trips)) <= t->cache) return;
    int64_t rows = 1;
    for (int x = 0; x < nest->n; x++)
        if (x != s->lanes_axis && !is_apart(&r, s, x)) rows = sat_mul(rows, sx_max(nest->axis[x].extent));
    if (rows <= s->rows) return; /* each is read once */
    const int64_t each = panel_bytes(&r, s, 1), depth = even_part(p.trips, room / each);
    if (depth >= p.trips) return;
    s->depth = depth;
    s->lanes_outside = true;
    pick_groups(t, nest, &r, s);
}

/* ---- making them ----------------------------------------------------------------------------- */

void sched_cut_reduction(k_nest *nest, const plan_call *call, sched *s)
{
    k_blockable p;
    if (!s->depth || s->rows_axis < 0 || !sched_blockable(nest, call, &p) || s->depth >= p.trips) {
        s->depth = s->row_block = s->lane_block = 0;
        return;
    }
    reader r = read_operands(nest, &p);
    k_axis moved[K_MAX_AXES];
    int n = 0, outside = 0, lanes = 0;
    for (int turn = 0; turn < 4; turn++)
        for (int x = 0; x < nest->n; x++) {
            int own = x == s->rows_axis ? 3 : x == s->lanes_axis ? 1 : is_apart(&r, s, x) ? 0 : 2;
            if (own != turn) continue;
            if (turn == 1) lanes = n;
            outside += turn == 0;
            moved[n++] = nest->axis[x];
        }
    for (int x = 0; x < n; x++) nest->axis[x] = moved[x];
    s->lanes_axis = lanes;
    s->rows_axis = n - 1;
    k_block(nest, &p, s->depth, outside);
}

/* Blocks of tiles are of the first segment, where its tiles are the axis' own and their number is known. */
static const char *group(k_nest *nest, int axis, int64_t width, int64_t block)
{
    k_axis *x = &nest->axis[axis];
    if (!block || !x->segment.n || !sx_is_const(x->segment.at[0].count)) return "";
    const k_segment *g = &x->segment.at[0];
    if (g->rows * g->lanes != width || sx_value(g->count) <= block) return "";
    x->block = block;
    return arena_printf(nest->b->arena, ", of %lld tile%s along %s", (long long)block, block > 1 ? "s" : "", x->loop->var->name);
}

const char *sched_group_tiles(k_nest *nest, const sched *s)
{
    if (!s->depth) return "";
    const char *text = arena_printf(nest->b->arena, "; in blocks of %lld along %s", (long long)s->depth, nest->blocks.loop->var->name);
    text = arena_printf(nest->b->arena, "%s%s", text, group(nest, s->rows_axis, s->rows, s->row_block));
    return arena_printf(nest->b->arena, "%s%s", text, group(nest, s->lanes_axis, s->vectors * s->lanes, s->lane_block));
}
