/* The tile of a schedule: an estimate of the cycles of the inner loops, for every shape of it that the registers hold. */
#include "passes/sched_pick.h"

#include "ir/sat.h"

/* ---- the axis with the rows ------------------------------------------------------------------ */

void pick_steps(picker *p, const sched *s)
{
    sx_table *t = p->nest->b->sx;
    for (int i = 0; i < p->access.n; i++) {
        pick_access *a = &p->access.at[i];
        sx_step(t, a->index, p->nest->axis[s->lanes_axis].loop->var->sym, &a->along);
        if (s->rows_axis >= 0) sx_step(t, a->index, p->nest->axis[s->rows_axis].loop->var->sym, &a->across);
    }
}

/* Sums that have to be on their way at a time for none to wait for the one before it. */

enum { LONG_SUM = 64 }; /* terms: of fewer, the next one does not wait for long */

int64_t pick_terms(const picker *p)
{
    int64_t terms = 1;
    for (int i = 0; i < p->access.n; i++)
        if (p->access.at[i].inside && p->access.at[i].times > terms) terms = p->access.at[i].times;
    return terms;
}

/* The longest axis along which everything steps evenly, of equal ones the innermost; must_share: whose rows share what differs
 * from lane to lane. */
static int longest_axis(picker *p, int lanes, bool must_share)
{
    int at = -1;
    int64_t longest = 2;
    for (int i = 0; i < p->nest->n; i++) {
        bool shares = false, linear = true;
        for (int k = 0; k < p->access.n; k++) {
            int64_t along, across;
            const pick_access *a = &p->access.at[k];
            if (!sx_step(p->nest->b->sx, a->index, p->nest->axis[i].loop->var->sym, &across)) linear = false;
            if (!sx_step(p->nest->b->sx, a->index, p->nest->axis[lanes].loop->var->sym, &along)) linear = false;
            if (a->inside && !a->store && along && !across) shares = true;
        }
        if (i == lanes || (must_share && !shares) || !linear || sx_max(p->nest->axis[i].extent) < longest) continue;
        longest = sx_max(p->nest->axis[i].extent);
        at = i;
    }
    return at;
}

void pick_rows(picker *p, sched *s)
{
    s->rows_axis = longest_axis(p, s->lanes_axis, true);
    pick_steps(p, s);
}

void pick_rows_apart(picker *p, sched *s)
{
    const int64_t extent = sx_max(p->nest->axis[s->lanes_axis].extent);
    if (s->rows_axis >= 0 || extent * 4 > sched_in_flight(p->t) * s->lanes || pick_terms(p) < LONG_SUM) return;
    s->rows_axis = longest_axis(p, s->lanes_axis, false);
    p->apart = true;
    pick_steps(p, s);
}

/* ---- the estimate ---------------------------------------------------------------------------- */

/* Cycles of one step of the reduction, for a tile of rows x vectors. */
static double cycles(picker *p, int64_t rows, int64_t vectors)
{
    double loads = 0;
    for (int i = 0; i < p->access.n; i++) {
        const pick_access *a = &p->access.at[i];
        if (!a->inside || a->store) continue;
        const int64_t each = (pick_is_near(a, a->along) && !a->constant ? a->along : 1) + pick_widening(a, a->along);
        loads += (double)(each * (a->along ? vectors : 1) * (a->across ? rows : 1));
    }
    double sums = (double)(rows * vectors) / (double)p->t->pipes;
    double worst = loads / p->t->loads > sums ? loads / p->t->loads : sums;
    if (worst < (double)p->t->latency) worst = (double)p->t->latency;
    return worst + 0.25; /* of the loop itself */
}

static double along_rows(picker *p, const sched *s, int64_t vectors)
{
    if (s->rows_axis < 0) return cycles(p, 1, vectors);
    int64_t n = sx_max(p->nest->axis[s->rows_axis].extent), rest = n % s->rows;
    double all = (double)(n / s->rows) * cycles(p, s->rows, vectors);
    return rest ? all + cycles(p, rest, vectors) : all;
}

static double estimate(picker *p, const sched *s)
{
    int64_t n = sx_max(p->nest->axis[s->lanes_axis].extent), span = s->vectors * s->lanes, rest = n % span;
    double all = n / span ? (double)(n / span) * along_rows(p, s, s->vectors) : 0;
    if (rest / s->lanes) all += along_rows(p, s, rest / s->lanes);
    rest %= s->lanes;
    if (s->parts && rest) return all + along_rows(p, s, 1);
    for (; rest; rest &= rest - 1) all += along_rows(p, s, 1);
    return all;
}

static int64_t common_divisor(int64_t a, int64_t b) { return b ? common_divisor(b, a % b) : a; }

/* Rows that lie a multiple of what one way of the nearest cache holds apart drive each other out of it: is there a place
 * for all of them, and for the vectors that are loaded beside them? */
static bool fits_ways(picker *p, int64_t rows, int64_t vectors)
{
    for (int i = 0; i < p->access.n && p->t->ways; i++) {
        const pick_access *a = &p->access.at[i];
        int64_t apart = sat_mul(a->across < 0 ? -a->across : a->across, (int64_t)dtype_bytes(a->buffer->dtype));
        if (!a->inside || a->store || a->along || apart < p->t->line || apart == 0) continue;
        int64_t places = p->t->way / common_divisor(p->t->way, apart), shared = (rows + places - 1) / places;
        if (shared > 1 && shared + vectors > p->t->ways) return false;
    }
    return true;
}

static bool fits_registers(picker *p, int64_t rows, int64_t vectors) { return rows * vectors + vectors + 1 < p->t->registers; }

int64_t pick_touched(picker *p, const pick_access *a)
{
    int64_t elements = a->times, step, size = sx_max(a->buffer->size);
    for (int i = 0; i < p->nest->n; i++)
        if (!sx_step(p->nest->b->sx, a->index, p->nest->axis[i].loop->var->sym, &step) || step) elements = sat_mul(elements, sx_max(p->nest->axis[i].extent));
    return sat_mul(elements < size ? elements : size, (int64_t)dtype_bytes(a->buffer->dtype));
}

/* How many times as long it takes where there is no room for what a tile's lanes read of a constant, for as much that the
 * next ones will, and for the rows. Where the former alone leave less than a quarter of the cache, they come from far away
 * for every tile. */
static double beyond_cache(picker *p, const sched *s)
{
    const device_unit *u = p->t->device->chosen;
    int64_t lanes = sx_max(p->nest->axis[s->lanes_axis].extent), bytes = 0, again = 0;
    for (int i = 0; i < p->access.n; i++) {
        const pick_access *a = &p->access.at[i];
        if (!a->inside || a->store) continue;
        int64_t all = pick_touched(p, a);
        for (int x = 0; x < p->nest->n && a->along && a->constant; x++) { /* of a batch, one part is read at a time: there is room */
            int64_t step;
            bool moves = !sx_step(p->nest->b->sx, a->index, p->nest->axis[x].loop->var->sym, &step) || step != 0;
            if (x != s->lanes_axis && moves) return 1;
        }
        if (a->along && a->constant) {
            all = sat_mul(all / lanes, s->vectors * s->lanes);
            again = sat_add(again, all);
        }
        bytes = sat_add(bytes, a->along && a->constant ? sat_mul(2, all) : all);
    }
    return again > p->t->cache / 4 * 3 ? u->refetch_factor : bytes > p->t->cache ? u->overflow_factor : 1;
}

double pick_cycles(picker *p, const sched *s)
{
    double all = estimate(p, s) * beyond_cache(p, s) * (double)pick_terms(p);
    for (int i = 0; i < p->nest->n; i++)
        if (i != s->lanes_axis && i != s->rows_axis) all *= (double)sx_max(p->nest->axis[i].extent);
    return all;
}

/* Where the core would be written many times, fewer rows that leave none over, if they take hardly longer: a kernel is to
 * be read, too. */
static void even_rows(picker *p, double least, sched *s)
{
    enum { MANY = 6 };
    const double hardly = 1.1;
    const ir_sx *extent = s->rows_axis < 0 ? NULL : p->nest->axis[s->rows_axis].extent;
    if (!extent || !sx_is_const(extent) || sx_value(extent) % s->rows == 0 || sched_pieces(p->nest, s) <= MANY) return;
    sched even = *s;
    while (--even.rows > s->rows / 2)
        if (sx_value(extent) % even.rows == 0 && estimate(p, &even) * beyond_cache(p, &even) <= least * hardly) {
            *s = even;
            return;
        }
}

/* Rows that the run counts are cut into tiles that go into each other. */
static bool is_cut_well(const ir_sx *extent, int64_t rows) { return sx_is_const(extent) || rows % SCHED_FEW_ROWS == 0 || rows <= 2; }

void pick_tile(picker *p, sched *s)
{
    enum { MOST_ROWS = 16, MOST_VECTORS = 8 };
    double best = -1;
    sched all = *s;
    int64_t rows = s->rows_axis < 0 ? 1 : sx_max(p->nest->axis[s->rows_axis].extent), vectors = (sx_max(p->nest->axis[s->lanes_axis].extent) + s->lanes - 1) / s->lanes;
    for (all.vectors = 1; all.vectors <= MOST_VECTORS && all.vectors <= vectors; all.vectors++)
        for (all.rows = 1; all.rows <= MOST_ROWS && all.rows <= rows && fits_registers(p, all.rows, all.vectors); all.rows++) {
            if (!fits_ways(p, all.rows, all.vectors)) break;
            if (s->rows_axis >= 0 && !is_cut_well(p->nest->axis[s->rows_axis].extent, all.rows)) continue;
            if (p->apart && (rows % all.rows || all.rows * all.vectors > sched_in_flight(p->t))) continue;
            double cost = estimate(p, &all) * beyond_cache(p, &all);
            if (best >= 0 && (cost > best || (cost == best && !p->apart))) continue; /* what lies side by side is read at a time */
            best = cost;
            *s = all;
        }
    even_rows(p, best, s);
}

/* How many parts a nest works on one after the other, each with elements of its own of whatever it loads in its loops: the
 * matrices of a batch. */
static int64_t parts_of(picker *p, const sched *s)
{
    int64_t parts = 1;
    for (int x = 0; x < p->nest->n; x++) {
        bool apart = x != s->lanes_axis && x != s->rows_axis;
        for (int i = 0; i < p->access.n && apart; i++) {
            const pick_access *a = &p->access.at[i];
            int64_t step;
            if (a->inside && !a->store) apart = sx_step(p->nest->b->sx, a->index, p->nest->axis[x].loop->var->sym, &step) && step != 0;
        }
        if (apart) parts = sat_mul(parts, sx_max(p->nest->axis[x].extent));
    }
    return parts < 1 ? 1 : parts;
}

/* Bytes that the loads in the loops touch, of one part, which move with one of the two axes and not with the other. */
static int64_t footprint(picker *p, const sched *s, bool lanes)
{
    int64_t bytes = 0;
    for (int i = 0; i < p->access.n; i++) {
        const pick_access *a = &p->access.at[i];
        bool moves = lanes ? a->along != 0 : a->across != 0, stays = lanes ? a->across == 0 : a->along == 0;
        if (a->inside && !a->store && moves && stays) bytes = sat_add(bytes, sat_mul(sx_max(a->buffer->size), (int64_t)dtype_bytes(a->buffer->dtype)));
    }
    return bytes / parts_of(p, s);
}

/* Which loop stands outside: what the inner one reads again and again should stay in the cache. */
bool pick_lanes_outside(picker *p, const sched *s)
{
    int64_t along = footprint(p, s, true), across = footprint(p, s, false);
    int64_t row_tiles = sx_max(p->nest->axis[s->rows_axis].extent) / s->rows + 1, lane_tiles = sx_max(p->nest->axis[s->lanes_axis].extent) / (s->vectors * s->lanes) + 1;
    int64_t again_along = along > p->t->cache / 2 ? sat_mul(along, row_tiles) : along, again_across = across > p->t->cache / 2 ? sat_mul(across, lane_tiles) : across;
    return sat_add(again_across, along) <= sat_add(again_along, across);
}
