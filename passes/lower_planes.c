/* Windows that slide over the plane of a channel. Where rows are short the ends of each, whose windows leave the input, take
 * longer than all between them, and rows fill no vectors. So the plane is put into a local array first, with its borders:
 * there every window is whole, and vectors go on from the end of a row to the next. What they make of the elements between
 * two rows is not used.
 *
 *     for n, c
 *       in[ih + 2, iw + 2] = X[n, c, ih, iw], and what is neutral around that
 *       for v in 0..16 vector
 *         for p_t  out[p] = sum over kh, kw of in[p + kh pitch + kw] W[c, kh, kw], for 4 vectors of places p = oh pitch + ow
 *       Y[n, c, oh, ow] = out[oh pitch + ow]
 *
 * Of a convolution whose windows have few rows a tile has one vector of each of several rows instead: what is loaded for a row of
 * results is what other rows of the window read for those beside it, so that it stays in registers.
 *
 * Of a stride s the local array has each s-th column, and each s-th row, side by side: its phases. Pools first take the
 * elements of a column of the window together, and then the columns. */
#include "passes/lower_planes.h"

#include "passes/lower_access.h"
#include "passes/sched.h"

typedef struct {
    lw *l;
    const sched_target *target;
    const ir_inst *inst;
    const window *w;
    bool conv;                    /* else a pool */
    kir_bin op;                   /* what takes elements together */
    kir_type t;                   /* what is computed in */
    const ir_sx *at[4], *channel; /* of the result; channel: of the input */
    int64_t in[2], out[2], lead[2];
    int64_t pitch;                /* from row to row of a phase */
    int64_t below[2];             /* rows and columns of a phase from the first element of a window to the last */
    bool by_rows;                 /* the vectors of a tile are below one another, else behind */
    int64_t vectors, tiles, lanes; /* of a tile; of the results, with by_rows of their rows; of a vector */
    int64_t columns, made_pitch;  /* vectors side by side, each with tiles of its own: 1 unless by_rows; from row to row of the results */
    int64_t phase, column_phase;  /* elements of one: of the input, of what columns were taken together to */
    int64_t planes, turns;        /* worked on at a time; how often before others fill the local arrays */
    const ir_sx *block, *g;       /* the first of those channels; which of the planes */
    kir_buffer *plane, *made;
} planes;

static const ir_sx *number(const planes *p, int64_t n) { return sx_int(p->l->sx, n); }
static const ir_sx *plus(const planes *p, const ir_sx *x, const ir_sx *y) { return sx_add(p->l->sx, x, y); }
static const ir_sx *times(const planes *p, const ir_sx *x, int64_t n) { return sx_mul(p->l->sx, x, number(p, n)); }
static int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }
static int64_t places(const planes *p) { return p->tiles * p->vectors * p->columns * p->lanes; } /* that are worked out */
static int64_t phases_of(const planes *p) { return p->w->stride[0] * p->w->stride[1]; }

static const kir_expr *neutral(const planes *p)
{
    return p->op == KB_MAX ? lw_lowest(p->l, (nfc_dtype)p->inst->in[0]->type->dtype) : lw_number(p->l, p->t, 0);
}

/* ---- the local array ------------------------------------------------------------------------- */

static void fill_plane(planes *p)
{
    kir_builder *k = &p->l->b;
    const int64_t size = round_up(p->phase * phases_of(p) * p->planes, p->lanes);
    p->plane = kir_alloc(k, "plane", (nfc_dtype)p->t, size);
    const ir_sx *v = kir_for(k, KIR_VECTOR, "v", number(p, 0), number(p, p->lanes));
    const ir_sx *i = lw_for(p->l, "i", number(p, size / p->lanes));
    kir_store(k, p->plane, plus(p, times(p, i, p->lanes), v), neutral(p));
    lw_close(p->l, 2);
}

/* The first place of a phase along axis i that an element of the input has, and the one behind the last. */
static void inside(const planes *p, int i, int64_t phase, int64_t *first, int64_t *end)
{
    const int64_t stride = p->w->stride[i], most = p->out[i] + p->below[i];
    *first = p->lead[i] > phase ? (p->lead[i] - phase + stride - 1) / stride : 0;
    *end = p->in[i] + p->lead[i] > phase ? (p->in[i] + p->lead[i] - phase + stride - 1) / stride : 0;
    if (*end > most) *end = most;
}

/* Every stride-th column of every stride-th row, from those of the phase on. */
static void load_phase(planes *p, int64_t row, int64_t column)
{
    kir_builder *k = &p->l->b;
    int64_t top, bottom, left, right;
    inside(p, 0, row, &top, &bottom);
    inside(p, 1, column, &left, &right);
    if (top >= bottom || left >= right) return;
    const ir_sx *r = lw_for(p->l, "r", number(p, bottom - top)), *q = lw_for(p->l, "q", number(p, right - left));
    const int64_t first = (row * p->w->stride[1] + column) * p->phase + top * p->pitch + left;
    const ir_sx *from[4] = {p->at[0], p->channel};
    from[2] = plus(p, times(p, r, p->w->stride[0]), number(p, top * p->w->stride[0] + row - p->lead[0]));
    from[3] = plus(p, times(p, q, p->w->stride[1]), number(p, left * p->w->stride[1] + column - p->lead[1]));
    const ir_sx *to = plus(p, times(p, p->g, p->phase * phases_of(p)), plus(p, times(p, r, p->pitch), q));
    kir_store(k, p->plane, plus(p, to, number(p, first)), lw_load(p->l, p->inst->in[0], from));
    lw_close(p->l, 2);
}

/* How far element `tap` of a window along axis i lies behind its first, in phases of `size` elements. */
static const ir_sx *offset_of(const planes *p, int i, const ir_sx *tap, int64_t size)
{
    const ir_sx *far = times(p, tap, p->w->dilation[i]);
    const ir_sx *phase = sx_mod(p->l->sx, far, p->w->stride[i]), *place = sx_div(p->l->sx, far, p->w->stride[i]);
    return plus(p, times(p, phase, i ? size : size * p->w->stride[1]), times(p, place, i ? 1 : p->pitch));
}

/* ---- what is made of it ---------------------------------------------------------------------- */

static void take(const planes *p, kir_buffer *acc, const ir_sx *at, const kir_expr *x, const kir_expr *weight)
{
    kir_builder *k = &p->l->b;
    const bool fused = weight && device_instruction(p->target->device, "fma", (nfc_dtype)p->t, (int)p->lanes) != NULL;
    if (fused) kir_store(k, acc, at, kir_fma(k, x, weight, kir_load(k, acc, at)));
    else kir_accum(k, p->op, acc, at, weight ? lw_bin(p->l, MUL, x, weight) : x);
}

static const ir_sx *unrolled(const planes *p, const char *name, int64_t n) { return kir_for(&p->l->b, KIR_UNROLL, name, number(p, 0), number(p, n)); }

/* An array, from element `begin` on: in phases of `size` elements, where it is read. */
typedef struct {
    kir_buffer *buffer;
    const ir_sx *begin;
    int64_t size;
} part;

/* The loops over a window's elements along axes first .. last; `offset` goes along. With by_rows those of a column are written out. */
static const ir_sx *for_taps(planes *p, const ir_sx *offset, int64_t size, int first, int last, const ir_sx **tap)
{
    for (int i = first; i <= last; i++) {
        const int axis = p->by_rows ? last - i : i;
        const int64_t n = p->w->kernel[axis];
        tap[axis] = p->by_rows && axis == 0 ? unrolled(p, lw_kernel_names[1][axis], n) : lw_for(p->l, lw_kernel_names[1][axis], number(p, n));
        offset = plus(p, offset, offset_of(p, axis, tap[axis], size));
    }
    return offset;
}

/* So many tiles of places of to, each of which takes the elements of a window along axes first .. last together. */
static void slide(planes *p, part to, int64_t tiles, part from, int first, int last)
{
    kir_builder *k = &p->l->b;
    const ir_sx *v = kir_for(k, KIR_VECTOR, "v", number(p, 0), number(p, p->lanes)), *tap[2];
    const ir_sx *column = p->columns > 1 ? lw_for(p->l, "q_t", number(p, p->columns)) : number(p, 0), *tile = lw_for(p->l, "p_t", number(p, tiles));
    const int64_t step = p->by_rows ? p->pitch : p->lanes, made_step = p->by_rows ? p->made_pitch : p->lanes;
    const ir_sx *lane = plus(p, times(p, column, p->lanes), v), *place = plus(p, times(p, tile, p->vectors * step), lane);
    kir_buffer *acc = kir_alloc(k, p->op == KB_MAX ? "best" : "acc", (nfc_dtype)p->t, p->vectors);
    const ir_sx *j = unrolled(p, "j", p->vectors);
    kir_store(k, acc, j, neutral(p));
    lw_close(p->l, 1);
    const ir_sx *offset = for_taps(p, plus(p, from.begin, place), from.size, first, last, tap);
    const ir_sx *weight_at[4] = {p->at[1], number(p, 0), tap[0], tap[1]};
    const kir_expr *weight = p->conv ? lw_named(p->l, "w", lw_load(p->l, p->inst->in[1], weight_at)) : NULL;
    j = unrolled(p, "j", p->vectors);
    take(p, acc, j, kir_load(k, from.buffer, plus(p, offset, times(p, j, step))), weight);
    lw_close(p->l, 2 + last - first);
    j = unrolled(p, "j", p->vectors);
    const ir_sx *made = plus(p, times(p, tile, p->vectors * made_step), plus(p, lane, times(p, j, made_step)));
    kir_store(k, to.buffer, plus(p, to.begin, made), kir_load(k, acc, j));
    lw_close(p->l, 3 + (p->columns > 1));
}

static void slide_pool(planes *p, part to, const ir_sx *plane)
{
    const int64_t tiles = p->column_phase / (p->vectors * p->lanes);
    kir_buffer *columns = kir_alloc(&p->l->b, "columns", (nfc_dtype)p->t, p->column_phase * p->w->stride[1]);
    for (int64_t i = 0; i < p->w->stride[1]; i++)
        slide(p, (part){columns, number(p, i * p->column_phase), 0}, tiles, (part){p->plane, plus(p, plane, number(p, i * p->phase)), p->phase}, 0, 0);
    slide(p, to, p->tiles, (part){columns, number(p, 0), p->column_phase}, 1, 1);
}

static void slide_all(planes *p)
{
    const part to = {p->made, times(p, p->g, places(p)), 0};
    const ir_sx *plane = times(p, p->g, p->phase * phases_of(p));
    if (p->conv) slide(p, to, p->tiles, (part){p->plane, plane, p->phase}, 0, 1);
    else slide_pool(p, to, plane);
}

/* ---- results --------------------------------------------------------------------------------- */

/* How many elements a window has along axis i: those inside of the input or, on request, of its padding. */
static const kir_expr *elements_of(planes *p, int i, const ir_sx *out)
{
    const window *w = p->w;
    const bool include_pad = ir_int(p->inst, ATTR_AT(average_pool, count_include_pad));
    const int64_t low = include_pad ? -p->lead[i] : 0, high = p->in[i] + (include_pad ? sx_value(w->trail[i]) : 0);
    double *count = ARENA_ARRAY(p->l->m->arena, double, p->out[i]);
    void *table = arena_alloc(p->l->m->arena, (size_t)p->out[i] * 8);
    bool same = true;
    for (int64_t o = 0; o < p->out[i]; o++) {
        count[o] = 0;
        for (int64_t k = 0; k < w->kernel[i]; k++) {
            const int64_t at = o * w->stride[i] - p->lead[i] + k * w->dilation[i];
            count[o] += at >= low && at < high;
        }
        same &= count[o] == count[0];
        dtype_set((nfc_dtype)p->t, table, (size_t)o, count[o]);
    }
    if (same) return lw_number(p->l, p->t, count[0]);
    return kir_load(&p->l->b, lw_table(p->l, i ? "columns_inside" : "rows_inside", (nfc_dtype)p->t, p->out[i], table), out);
}

static void store_results(planes *p)
{
    lw *l = p->l;
    const ir_value *bias = p->conv ? ir_operand(p->inst, 2) : NULL;
    p->at[2] = lw_for(l, "oh", number(p, p->out[0]));
    p->at[3] = lw_for(l, "ow", number(p, p->out[1]));
    const kir_expr *y = kir_load(&l->b, p->made, plus(p, times(p, p->g, places(p)), plus(p, times(p, p->at[2], p->made_pitch), p->at[3])));
    if (bias) y = lw_bin(l, ADD, y, lw_load(l, bias, &p->at[1]));
    if (p->inst->op == IR_average_pool) y = lw_bin(l, DIV, y, lw_bin(l, MUL, elements_of(p, 0, p->at[2]), elements_of(p, 1, p->at[3])));
    lw_store(l, 0, p->at, y);
    lw_close(l, 2);
}

/* ---- which ------------------------------------------------------------------------------------ */

/* Do the elements of a row of the last axis lie side by side, or are they worked out on the way? */
static bool rows_lie_beside(const lw *l, const ir_value *v)
{
    const bool argument = l->inst->op == IR_fused && v->block && v->block->region == l->inst->region[0];
    if (l->inst->op == IR_fused && !argument && v->def && v->def->block->region == l->inst->region[0]) return true;
    const plan_view *view = plan_view_of(l->plan, argument ? l->inst->in[v->slot] : v);
    return view && sx_is(view->stride[v->type->rank - 1], 1);
}

static bool is_known(planes *p)
{
    const window *w = p->w;
    for (int i = 0; i < 2; i++) {
        if (!sx_is_const(w->in[i]) || !sx_is_const(w->out[i]) || !sx_is_const(w->lead[i]) || !sx_is_const(w->trail[i])) return false;
        p->in[i] = sx_value(w->in[i]);
        p->out[i] = sx_value(w->out[i]);
        p->lead[i] = sx_value(w->lead[i]);
        p->below[i] = (w->kernel[i] - 1) * w->dilation[i] / w->stride[i];
        if (p->out[i] < 1 || p->lead[i] < 0) return false;
    }
    return true;
}

/* Cycles, roughly, of a vector of places and one element of the window: vectors that lie behind one another are loaded for each
 * element; where they lie below one another, once for all that the elements of a column have in common. */
static double cycles_of_tap(const planes *p)
{
    const double rows = (double)p->w->kernel[0], all = (double)p->vectors;
    return p->by_rows ? 0.5 + 0.5 * (all + rows - 1) / (all * rows) : 1;
}

static double cycles_of_taps(const planes *p) { return (double)(p->tiles * p->vectors * p->columns) * (cycles_of_tap(p) * (double)(p->w->kernel[0] * p->w->kernel[1]) + 1); }

/* Tiles of as many vectors as go on at once, and hardly more places than there are. */
static void pick_tiles(planes *p)
{
    enum { MOST_VECTORS = 8 };
    int64_t most = p->target->registers / 4, all;
    if (most > MOST_VECTORS) most = MOST_VECTORS;
    p->made_pitch = p->pitch = p->out[1] + p->below[1];
    p->columns = 1;
    all = ((p->out[0] - 1) * p->pitch + p->out[1] + p->lanes - 1) / p->lanes;
    p->tiles = (all + most - 1) / most;
    p->vectors = (all + p->tiles - 1) / p->tiles;
    p->column_phase = round_up(places(p) + p->below[1], p->vectors * p->lanes);
    p->phase = (p->conv ? places(p) + p->below[1] : p->column_phase) + p->below[0] * p->pitch;
}

/* The same with a vector of each of several rows: beside their sums a column of the window stays in registers, and what it reads. */
static void pick_rows(planes *p)
{
    enum { MOST_ROWS = 16, MOST_KERNEL = 8, OTHERS = 2 };
    const planes behind = *p;
    int64_t most = p->target->registers - p->w->kernel[0] - OTHERS;
    if (most > MOST_ROWS) most = MOST_ROWS;
    if (!p->conv || p->w->kernel[0] < 2 || p->w->kernel[0] > MOST_KERNEL || most < 2) return;
    p->by_rows = true;
    p->columns = (p->out[1] + p->lanes - 1) / p->lanes;
    p->made_pitch = p->columns * p->lanes;
    p->tiles = (p->out[0] + most - 1) / most;
    p->vectors = (p->out[0] + p->tiles - 1) / p->tiles;
    p->phase = (p->tiles * p->vectors - 1 + p->below[0]) * p->pitch + p->below[1] + p->made_pitch;
    if (cycles_of_taps(&behind) <= cycles_of_taps(p)) *p = behind;
}

/* The largest divisor of n that is not above `most`. */
static int64_t divisor(int64_t n, int64_t most)
{
    if (most > n) most = n;
    while (most > 1 && n % most) most--;
    return most < 1 ? 1 : most;
}

/* As many planes at a time as stay near, beside the input and the results, up to some: what is stored is then not loaded at once.
 * Enough of such blocks are left for threads to share. False: not one stays. */
static bool pick_planes(planes *p, int64_t channels)
{
    enum { MOST_PLANES = 8, MOST_TURNS = 4, BLOCKS = 16 };
    const sched_target *t = p->target;
    const int64_t near = (t->ways ? t->ways * t->way : t->cache) / (int64_t)dtype_bytes((nfc_dtype)p->t);
    const int64_t columns = p->conv ? 0 : p->column_phase * p->w->stride[1], plane = p->phase * phases_of(p) + places(p);
    if (plane + columns > near) return false;
    int64_t most = channels / BLOCKS, stay = near / 2 > columns ? (near / 2 - columns) / plane : 1;
    if (most > MOST_PLANES) most = MOST_PLANES;
    p->planes = divisor(channels, stay < most ? stay : most);
    const int64_t blocks = channels / p->planes;
    p->turns = divisor(blocks, blocks / BLOCKS < MOST_TURNS ? blocks / BLOCKS : MOST_TURNS);
    return true;
}

/* ---- is it worth it? --------------------------------------------------------------------------- */

/* Vectors, and what is left in parts of them, that so many elements side by side are. */
static double pieces(const planes *p, int64_t n) { return (double)(n / p->lanes) + __builtin_popcountll((unsigned long long)(n % p->lanes)); }

/* Cycles, roughly, of a plane: to fill the local array and to empty the other, and of the vectors between. */
static double cycles_here(const planes *p)
{
    const int64_t *kernel = p->w->kernel, *stride = p->w->stride;
    double copies = (double)p->in[0] * (double)stride[1] * pieces(p, p->in[1] / stride[1]) * (stride[1] > 1 ? 4 : 2) + (double)p->out[0] * pieces(p, p->out[1]) * 2;
    double all = (double)(p->tiles * p->vectors), columns = (double)(p->column_phase * stride[1] / p->lanes), each = p->op == KB_MAX ? 1.5 : 1;
    if (p->conv) return copies + cycles_of_taps(p);
    return copies + all * ((double)kernel[1] * each + 1) + columns * ((double)kernel[0] * each + 1);
}

/* Results along axis i whose windows leave the input. */
static int64_t edges(const planes *p, int i)
{
    int64_t n = 0;
    for (int64_t o = 0; o < p->out[i]; o++) {
        const int64_t at = o * p->w->stride[i] - p->lead[i];
        n += at < 0 || at + (p->w->kernel[i] - 1) * p->w->dilation[i] >= p->in[i];
    }
    return n;
}

/* The same for lanes along rows of results, whose ends are single elements. */
static double cycles_of_rows(const planes *p)
{
    const int64_t ends = edges(p, 1), stride = p->w->stride[1];
    const double taps = (double)(p->w->kernel[0] * p->w->kernel[1]), single = p->op == KB_MAX ? 2.5 : p->conv ? 2 : 0.7, each = (stride > 1 ? 2 : 1) * (p->op == KB_MAX ? 1.5 : 1);
    return (double)p->out[0] * taps * ((double)ends * single + pieces(p, p->out[1] - ends) * each);
}

static bool fits(planes *p)
{
    enum { MOST_PHASES = 9 };
    const double hardly = 1.25; /* what the estimates miss */
    const window *w = p->w;
    const ir_sx *channels = p->inst->in[0]->type->dim[1];
    if (p->target->strict || w->n != 2 || w->kernel[0] * w->kernel[1] < 4 || phases_of(p) > MOST_PHASES || p->inst->nout > 1 || !sx_is_const(channels)) return false;
    if (!is_known(p) || !rows_lie_beside(p->l, p->inst->in[0]) || !sx_is(plan_view_of(p->l->plan, lw_leaves_as(p->l, 0))->stride[3], 1)) return false;
    p->lanes = p->target->vector_bytes / (int64_t)dtype_bytes((nfc_dtype)p->t);
    if (p->lanes < 4 || (!p->conv && p->inst->op != IR_max_pool && p->inst->op != IR_average_pool)) return false;
    pick_tiles(p);
    pick_rows(p);
    return cycles_here(p) * hardly <= cycles_of_rows(p) && pick_planes(p, sx_value(channels));
}

/* ---- all --------------------------------------------------------------------------------------- */

/* Opens the loop over the planes that are worked on at a time. Returns how much is to be closed. */
static int for_planes(planes *p, const ir_sx *co, int64_t each)
{
    p->g = p->planes > 1 ? lw_for(p->l, "g", number(p, p->planes)) : number(p, 0);
    p->channel = plus(p, p->block, p->g);
    p->at[1] = plus(p, times(p, p->channel, each), co);
    return p->planes > 1;
}

bool windows_of_planes(lw *l, const ir_inst *inst, const window *w, const sched_target *target)
{
    planes p = {.l = l, .target = target, .inst = inst, .w = w, .conv = inst->op == IR_conv, .t = kir_compute(inst->in[0]->type->dtype)};
    const ir_type *x = inst->in[0]->type, *y = inst->out[0]->type;
    p.op = inst->op == IR_max_pool ? KB_MAX : KB_ADD;
    if (!fits(&p)) return false;
    const int64_t channels = sx_value(x->dim[1]), block = p.planes * p.turns, each = sx_value(y->dim[1]) / channels;
    p.at[0] = lw_for_parallel(l, "n", y->dim[0]);
    p.block = times(&p, lw_for_parallel(l, "c_t", number(&p, channels / block)), block);
    fill_plane(&p);
    p.made = kir_alloc(&l->b, "made", (nfc_dtype)p.t, places(&p) * p.planes);
    if (p.turns > 1) p.block = plus(&p, p.block, times(&p, lw_for(l, "c_i", number(&p, p.turns)), p.planes));
    int opened = for_planes(&p, number(&p, 0), each);
    for (int64_t row = 0; row < w->stride[0]; row++)
        for (int64_t column = 0; column < w->stride[1]; column++) load_phase(&p, row, column);
    lw_close(l, opened);
    const ir_sx *co = each > 1 ? lw_for(l, "co", number(&p, each)) : number(&p, 0);
    opened = for_planes(&p, co, each);
    slide_all(&p);
    lw_close(l, opened);
    opened = for_planes(&p, co, each);
    store_results(&p);
    lw_close(l, opened + (each > 1) + (p.turns > 1) + 2);
    l->schedule = arena_printf(l->m->arena, "%lld planes at a time with their borders in local arrays, tiles of %lld %s of %lld places", (long long)p.planes, (long long)p.vectors, p.by_rows ? "rows by a vector" : "vectors", (long long)p.lanes);
    return true;
}
