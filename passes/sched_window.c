/* Windows that slide along the rows of a tile: depthwise convolutions.
 *
 * Each lane has an input of its own there, so that a sum takes a load of an input for every product, unless rows side by
 * side share them: where the windows of T rows are K wide and s apart, the T sums together need (T - 1) s + K inputs of a
 * row of the input. With the loop along the window written out, compilers keep those in registers, and so a tile is as
 * many rows as registers hold beside their inputs, and one vector. */
#include "passes/sched_window.h"

typedef struct {
    const sched_target *t;
    k_nest *nest;
    const kir_stmt *inner; /* the innermost loop of the core that makes trips */
    int depth;             /* loops of the core around the statement at hand */
    const ir_sym *lanes, *rows;
    int64_t stride;        /* of windows along the rows, in steps of the innermost loop; 0: none slides */
    int64_t shared;        /* vectors that all rows load, in a step */
    bool apart;            /* a load neither slides nor is the same for all rows */
} slider;

static int64_t trips_of(const slider *w, const kir_stmt *loop)
{
    const ir_sx *trips = sx_sub(w->nest->b->sx, loop->end, loop->begin);
    return sx_is_const(trips) ? sx_value(trips) : 0;
}

static void find_inner(slider *w, const kir_stmt *s)
{
    if (s->kind == KIR_FOR && trips_of(w, s) != 1) w->inner = s;
    for (int i = 0; i < s->body.n; i++) find_inner(w, s->body.at[i]);
}

static void note_load(void *env, const kir_expr *e)
{
    slider *w = env;
    if (e->kind != KIR_LOAD || e->buffer->space != KIR_GLOBAL) return;
    sx_table *t = w->nest->b->sx;
    const ir_sx *index = k_plain_index(w->nest, e->index);
    int64_t along, across, slid;
    bool steps = sx_step(t, index, w->lanes, &along) && sx_step(t, index, w->rows, &across) && sx_step(t, index, w->inner->var->sym, &slid);
    if (!steps) {
        w->apart = true;
    } else if (across == 0) {
        w->shared += along != 0;
    } else if (along != 1 || slid <= 0 || across % slid != 0 || across < 0) {
        w->apart = true;
    } else {
        w->stride = across / slid;
    }
}

static void note_stmt(slider *w, const kir_stmt *s)
{
    kir_stmt own = {.kind = KIR_NOTE, .value = s->value};
    if (w->depth) k_visit_exprs(w->nest->b->scratch, &own, note_load, w);
    w->depth += s->kind == KIR_FOR;
    for (int i = 0; i < s->body.n; i++) note_stmt(w, s->body.at[i]);
    w->depth -= s->kind == KIR_FOR;
}

/* Do windows overlap along an axis? */
static bool slides(slider *w, int axis)
{
    w->rows = w->nest->axis[axis].loop->var->sym;
    w->stride = w->shared = 0;
    w->apart = false;
    for (int i = 0; i < w->nest->core->body.n; i++) note_stmt(w, w->nest->core->body.at[i]);
    return !w->apart && w->shared && w->stride && w->stride < trips_of(w, w->inner);
}

static int64_t inputs(const slider *w, int64_t rows) { return (rows - 1) * w->stride + trips_of(w, w->inner); }

/* Cycles that a tile of so many rows takes for the windows' extent along the rows. */
static double cycles(const slider *w, int64_t rows)
{
    enum { AROUND = 2 }; /* cycles to begin a tile and to go on to the next, whatever its size */
    int64_t width = trips_of(w, w->inner);
    double products = (double)(rows * width) / (double)w->t->pipes, loads = (double)(inputs(w, rows) + w->shared * width) / w->t->loads;
    return (products > loads ? products : loads) + AROUND;
}

static void pick_rows(slider *w, int64_t extent, sched *s)
{
    double best = 0;
    int64_t registers = w->t->registers - w->t->registers / 8; /* compilers need some to themselves */
    for (int64_t rows = 1; rows <= extent && (rows == 1 || rows + inputs(w, rows) + w->shared <= registers); rows++) {
        double each = (double)(extent / rows) * cycles(w, rows) + (extent % rows ? cycles(w, extent % rows) : 0);
        if (rows > 1 && each >= best) continue;
        best = each;
        s->rows = rows;
    }
}

bool sched_window(const sched_target *t, k_nest *nest, sched *s)
{
    enum { FEWEST = 4, WIDEST = 16 }; /* rows along an axis; trips that are written out */
    slider w = {.t = t, .nest = nest, .lanes = nest->axis[s->lanes_axis].loop->var->sym};
    find_inner(&w, nest->core);
    if (!w.inner || w.inner == nest->core || trips_of(&w, w.inner) < 2 || trips_of(&w, w.inner) > WIDEST) return false;
    for (int i = nest->n - 1; i >= 0; i--) {
        const ir_sx *extent = nest->axis[i].extent;
        if (i == s->lanes_axis || !sx_is_const(extent) || sx_value(extent) < FEWEST || !slides(&w, i)) continue;
        s->rows_axis = i;
        s->vectors = 1;
        s->unrolled = w.inner;
        pick_rows(&w, sx_value(extent), s);
        return true;
    }
    return false;
}
