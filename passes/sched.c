/* Applying a schedule: the order of the loops, the segments of the axes, what is packed. */
#include "passes/sched.h"

#include "passes/k_bits.h"
#include "passes/k_dots.h"
#include "passes/k_even.h"
#include "passes/k_factor.h"
#include "passes/k_halves.h"
#include "passes/k_pack.h"
#include "passes/k_pairs.h"
#include "passes/k_reduce.h"
#include "passes/k_tiles.h"
#include "passes/sched_block.h"
#include "passes/sched_book.h"
#include "passes/k_sums.h"

bool sched_target_of(const device *d, sched_target *to)
{
    const device_unit *u = d->chosen;
    if (!u || !u->vector_bits) return false;
    double lanes = (double)u->vector_bits / 32, pipes = u->flops_per_cycle / (2 * lanes);
    *to = (sched_target){.device = d, .vector_bytes = u->vector_bits / 8, .registers = u->vector_registers, .pipes = pipes < 1 ? 1 : (int64_t)pipes, .latency = (int64_t)u->latency, .loads = u->loads_per_cycle, .line = u->line_bytes, .ahead = u->prefetch_bytes};
    const device_level *nearest = u->level.n > 1 ? &u->level.at[0] : NULL;
    if (nearest && nearest->ways) {
        to->ways = nearest->ways;
        to->way = nearest->bytes / nearest->ways;
    }
    to->cache = device_own_cache(d);
    return true;
}

/* ---- segments ------------------------------------------------------------------------------ */

typedef struct {
    k_nest *nest;
    k_axis *axis;
} cutter;

static void add_segment(cutter *c, const ir_sx *begin, const ir_sx *count, int64_t rows, int64_t lanes)
{
    if (sx_is(count, 0)) return;
    vec_push(c->nest->b->scratch, &c->axis->segment, ((k_segment){begin, count, rows, lanes, 0}));
}

static void add_known(cutter *c, int64_t begin, int64_t count, int64_t rows, int64_t lanes)
{
    sx_table *t = c->nest->b->sx;
    if (count > 0) add_segment(c, sx_int(t, begin), sx_int(t, count), rows, lanes);
}

/* Elements begin .. end in vectors, several a tile; what is left in a part of one, or in narrower ones, to the last element. */
static void cut_lanes(cutter *c, int64_t begin, int64_t end, int64_t vectors, int64_t lanes, bool parts)
{
    int64_t span = vectors * lanes, n = (end - begin) / span;
    add_known(c, begin, n, vectors, lanes);
    begin += n * span;
    n = (end - begin) / lanes;
    if (n) add_known(c, begin, 1, n, lanes);
    begin += n * lanes;
    if (parts && __builtin_popcountll((unsigned long long)(end - begin)) > 1) {
        add_known(c, begin, 1, 1, end - begin);
        return;
    }
    for (int64_t narrow = lanes / 2; narrow >= 1; narrow /= 2)
        if ((end - begin) & narrow) {
            add_known(c, begin, 1, 1, narrow);
            begin += narrow;
        }
}

/* Elements begin .. end in whole vectors: the last one ends there, wherever it begins. */
static void cut_overlapping(cutter *c, int64_t begin, int64_t end, int64_t lanes)
{
    add_known(c, begin, (end - begin + lanes - 1) / lanes, 1, lanes);
    c->axis->segment.at[c->axis->segment.n - 1].latest = end - lanes;
}

/* Is it to be done? Files say how many vectors there are to be. */
static bool overlaps(const sched *s, int64_t extent) { return s->overlaps && s->vectors == 1 && extent > s->lanes && extent % s->lanes; }

/* An extent that the run knows: tiles, then single vectors, then single elements. */
static void cut_lanes_of_run(cutter *c, const ir_sx *extent, int64_t vectors, int64_t lanes)
{
    sx_table *t = c->nest->b->sx;
    const ir_sx *n = sx_div(t, extent, lanes * vectors), *begin = sx_mul(t, n, sx_int(t, lanes * vectors));
    add_segment(c, sx_int(t, 0), n, vectors, lanes);
    if (vectors > 1) {
        const ir_sx *singles = sx_sub(t, sx_div(t, extent, lanes), sx_mul(t, n, sx_int(t, vectors)));
        add_segment(c, begin, singles, 1, lanes);
        begin = sx_mul(t, sx_div(t, extent, lanes), sx_int(t, lanes));
    }
    add_segment(c, begin, sx_sub(t, extent, begin), 1, 1);
}

static bool unguarded(cutter *c, int64_t begin, int64_t end) { return k_is_unguarded(c->nest, (int)(c->axis - c->nest->axis), begin, end); }

/* Elements begin .. end, more than a vector of them: the last vector does elements again. */
static void cut_lanes_again(cutter *c, int64_t begin, int64_t end, int64_t vectors, int64_t lanes)
{
    cut_lanes(c, begin, end - (end - begin) % lanes, vectors, lanes, false);
    add_known(c, end - lanes, 1, 1, lanes);
}

/* Is there a loop around the axis, whose trips threads share? What does elements again is not shared itself. */
static bool stands_inside(const cutter *c)
{
    for (const k_axis *x = c->nest->axis; x < c->axis; x++)
        if (!sx_is(x->extent, 1)) return true;
    return false;
}

/* Lanes must not differ in what a guard says: the ends of an axis with guards stay single elements. */
static bool cut_guarded_lanes(cutter *c, int64_t extent, const sched *s)
{
    int64_t first, end;
    if (!k_guarded_edges(c->nest, (int)(c->axis - c->nest->axis), &first, &end) || end - first < s->lanes) return false;
    add_known(c, 0, first, 1, 1);
    if (overlaps(s, end - first)) {
        cut_overlapping(c, first, end, s->lanes);
    } else if (s->repeats && stands_inside(c) && end - first > s->lanes && (end - first) % s->lanes) { /* files say how many */
        cut_lanes_again(c, first, end, s->vectors, s->lanes);
    } else {
        end -= end < extent && (end - first) % 2; /* a last single element goes with those at the end */
        cut_lanes(c, first, end, s->vectors, s->lanes, false);
    }
    add_known(c, end, extent - end, 1, 1);
    return true;
}

/* Tiles of rows; those in which a guard can differ stand by themselves, so that it is decided for each row. */
static void cut_rows(cutter *c, int64_t extent, int64_t rows)
{
    int64_t tiles = extent / rows, first = 0, last = tiles;
    while (first < tiles && !unguarded(c, first * rows, (first + 1) * rows)) first++;
    while (last > first && !unguarded(c, (last - 1) * rows, last * rows)) last--;
    for (int64_t i = 0; i < first; i++) add_known(c, i * rows, 1, rows, 1);
    add_known(c, first * rows, last - first, rows, 1);
    for (int64_t i = last; i < tiles; i++) add_known(c, i * rows, 1, rows, 1);
    if (extent % rows) add_known(c, tiles * rows, 1, extent % rows, 1);
}

/* What is left of tiles of an extent that the run knows goes in tiles of fewer rows, and then of half as many, so that single rows,
 * whose sums wait for each other, are few. Each number of rows is a part of the one before, which the verifier can follow. */
static void cut_rows_of_run(cutter *c, const ir_sx *extent, int64_t rows)
{
    sx_table *t = c->nest->b->sx;
    const ir_sx *begin = sx_int(t, 0), *done = begin;
    for (int64_t each = rows, next; each > 0; each = next) {
        const ir_sx *n = sx_div(t, extent, each);
        add_segment(c, begin, sx_sub(t, n, done), each, 1);
        next = each > SCHED_FEW_ROWS && each % SCHED_FEW_ROWS == 0 ? SCHED_FEW_ROWS : each % 2 == 0 ? each / 2 : each > 1;
        begin = sx_mul(t, n, sx_int(t, each));
        if (next) done = sx_mul(t, n, sx_int(t, each / next));
    }
}

static bool cut(k_nest *nest, const sched *s, int axis)
{
    cutter c = {nest, &nest->axis[axis]};
    const ir_sx *extent = c.axis->extent, *zero = sx_int(nest->b->sx, 0);
    bool known = sx_is_const(extent);
    if (axis == s->rows_axis) {
        if (known) cut_rows(&c, sx_value(extent), s->rows);
        else cut_rows_of_run(&c, extent, s->rows);
    } else if (axis != s->lanes_axis) {
        add_segment(&c, zero, extent, 1, 1);
    } else if (!known) {
        if (!unguarded(&c, 0, sx_max(extent))) return false;
        cut_lanes_of_run(&c, extent, s->vectors, s->lanes);
    } else if (unguarded(&c, 0, sx_value(extent)) && overlaps(s, sx_value(extent))) {
        cut_overlapping(&c, 0, sx_value(extent), s->lanes);
    } else if (unguarded(&c, 0, sx_value(extent))) {
        cut_lanes(&c, 0, sx_value(extent), s->vectors, s->lanes, s->parts);
    } else {
        return cut_guarded_lanes(&c, sx_value(extent), s);
    }
    return true;
}

int64_t sched_pieces(k_nest *nest, const sched *s)
{
    int64_t pieces = 1;
    for (int i = 0; i < nest->n; i++) {
        k_axis kept = nest->axis[i];
        nest->axis[i].segment.n = nest->axis[i].segment.cap = 0;
        nest->axis[i].segment.at = NULL;
        if (cut(nest, s, i)) pieces *= nest->axis[i].segment.n;
        nest->axis[i] = kept;
    }
    return pieces;
}

/* ---- the order of the loops ---------------------------------------------------------------- */

/* Moves an axis behind all others; the schedule's numbers follow. */
static void move_inside(k_nest *nest, sched *s, int axis)
{
    k_axis moved = nest->axis[axis];
    for (int i = axis; i + 1 < nest->n; i++) nest->axis[i] = nest->axis[i + 1];
    nest->axis[nest->n - 1] = moved;
    for (int **at = (int *[]){&s->lanes_axis, &s->rows_axis, NULL}; *at; at++) {
        if (**at == axis) **at = nest->n - 1;
        else if (**at > axis) --**at;
    }
}

static void order_loops(k_nest *nest, sched *s)
{
    if (s->rows_axis < 0) {
        move_inside(nest, s, s->lanes_axis);
    } else if (s->lanes_outside) {
        if (s->lanes_axis > s->rows_axis) move_inside(nest, s, s->rows_axis);
    } else if (s->lanes_axis < s->rows_axis) {
        move_inside(nest, s, s->lanes_axis);
    }
}

/* ---- all ----------------------------------------------------------------------------------- */

static bool has_fma(const void *env, kir_type type, int64_t lanes)
{
    const sched_target *t = env;
    return !t->strict && device_instruction(t->device, "fma", (nfc_dtype)type, (int)lanes) != NULL;
}

bool sched_has_fma(const sched_target *t, kir_type type) { return has_fma(t, type, 1); }

static const char *described(const k_nest *nest, const sched *s)
{
    nfc_arena *a = nest->b->arena;
    const char *lanes = nest->axis[s->lanes_axis].loop->var->name;
    const char *text = s->vectors > 1 ? arena_printf(a, "%lld vectors of %lld along %s", (long long)s->vectors, (long long)s->lanes, lanes) : arena_printf(a, "vectors of %lld along %s", (long long)s->lanes, lanes);
    if (s->rows_axis >= 0) text = arena_printf(a, "tiles of %lld rows along %s by %s", (long long)s->rows, nest->axis[s->rows_axis].loop->var->name, text);
    return text;
}

/* Lanes along the loops inside, where the axes outside have none. */
static const char *reduce_inside(const sched_target *t, k_nest *nest)
{
    enum { MOST_PARTS = 8, NARROWEST_BYTES = 16 };
    int64_t lanes = t->vector_bytes / sched_widest(nest), parts = 1; /* sums at once that hide what an addition takes */
    const char *pairs = lanes < 2 || t->strict ? NULL : k_pairs(t, nest->b, lanes);
    if (pairs) return pairs;
    while (parts < MOST_PARTS && parts < sched_in_flight(t)) parts *= 2;
    const int64_t least = lanes * NARROWEST_BYTES / t->vector_bytes;
    if (lanes < 2 || !k_reduce(nest->b, lanes, least, parts, t->strict, has_fma, t)) return NULL;
    return arena_printf(nest->b->arena, "vectors of %lld along the inner loops", (long long)lanes);
}

/* The same, with what is summed up in parts in a fixed order. */
static const char *fix_inside(const sched_target *t, k_nest *nest)
{
    int64_t lanes = t->vector_bytes / sched_widest(nest);
    k_fix_sums(nest->b, lanes);
    const char *text = reduce_inside(t, nest);
    return text ? text : arena_printf(nest->b->arena, lanes < 2 ? "single elements" : "vectors of %lld along the inner loops", (long long)lanes);
}

/* Of a kernel that only moves elements, or works them out one by one: loops over which its indices step evenly. What the text is,
 * where these are no nest any more, so that there is no other schedule; NULL: there may be one. */
static const char *even_loops(const sched_target *t, k_nest *nest)
{
    for (int i = 0; i < nest->core->body.n; i++)
        if (nest->core->body.at[i]->kind != KIR_STORE && nest->core->body.at[i]->kind != KIR_LET) return NULL;
    bool written_out = false;
    const int periods = k_even_periods(nest->b, &written_out), cut = k_even_segments(nest->b);
    if (!cut && !written_out) return NULL;
    const char *text = cut ? reduce_inside(t, nest) : NULL;
    return arena_printf(nest->b->arena, "%s%s%s%s%s", periods ? "whole periods" : "", periods && cut ? ", " : "", cut ? "rows in segments" : "", text ? ", " : "", text ? text : "");
}

/* Would it pack a weight that it reads once, and that stands in the program as it is for another kernel? Of what no cache holds,
 * reading is all that takes time, in whichever order, and a second one would take as much memory again. */
static bool packs_twice(const sched_target *t, const k_nest *nest, const plan_call *call, const sched *s)
{
    if (t->strict || !t->cache || (s->rows_axis >= 0 && sx_max(nest->axis[s->rows_axis].extent) > 1)) return false;
    for (int i = 0; i < call->arg.n; i++)
        if (call->arg.at[i]->buffer->kept && call->arg.at[i]->buffer->bytes > t->cache) return true;
    return false;
}

static const char *apply(const sched_target *t, ir_module *m, kir_builder *b, plan_call *call, sched_less *less)
{
    k_nest nest;
    sched s;
    if (t->book) b->func->key = sched_key(t, b, call);
    k_halves(t, b);
    less->direct = !less->by_sums;
    const char *tiled = less->no_tiles ? NULL : k_tiles(t, m, call, b, &less->direct);
    less->tiled = tiled != NULL;
    if (tiled) return tiled;
    const bool dots = !less->no_dots && k_dots(t, m, call, b);
    if (!t->strict) { /* which sums loops that are known as they were made */
        k_factor(b);
        k_bits(b);
    }
    const char *even = k_find_nest(b, &nest) ? even_loops(t, &nest) : NULL;
    if (even) return even;
    bool nested = k_find_nest(b, &nest), fixed = t->strict && k_has_fixed_sums(b), picked = nested && sched_pick(t, &nest, call, !fixed && !less->unpacked, &s);
    if (dots && !(picked && k_dots_fit(&nest, s.lanes_axis))) {
        less->no_dots = true;
        return NULL;
    }
    if (!picked) return fixed ? fix_inside(t, &nest) : reduce_inside(t, &nest);
    const char *inside = packs_twice(t, &nest, call, &s) ? reduce_inside(t, &nest) : NULL;
    if (inside) return inside;
    if (fixed) { /* the sums of a lane are arrays, too many for registers */
        k_fix_sums(b, 1);
        if (!k_find_nest(b, &nest) || !sched_pick(t, &nest, call, false, &s)) return NULL;
    }
    if (fixed || less->single) {
        s.rows_axis = -1;
        s.vectors = s.rows = 1;
        s.depth = 0;
    } else if (t->book) {
        sched_from_book(t, &nest, b->func->key, &s);
    }
    if (less->whole) s.depth = 0;
    less->packs = s.packs &= !less->unpacked;
    sched_cut_reduction(&nest, call, &s);
    if (!s.depth) order_loops(&nest, &s);
    for (int i = 0; i < nest.n; i++)
        if (!cut(&nest, &s, i)) return NULL;
    const char *text = described(&nest, &s);
    if (dots) text = arena_printf(b->arena, "%s, dot products of words", text);
    text = arena_printf(b->arena, "%s%s", text, sched_group_tiles(&nest, &s));
    k_pack(t, m, call, &nest, s.lanes_axis, s.packs);
    if (s.packs && !call->before.n) return NULL;
    if (s.packs) text = arena_printf(b->arena, "%s; the operand along them is packed before", text);
    nest.unrolled = s.unrolled;
    nest.has_fma = has_fma;
    nest.fma_env = t;
    const char *broken = k_apply_tiles(&nest);
    less->single = broken && s.vectors * s.rows > 1; /* what is named between two reductions is not worked out for each row again */
    return broken ? NULL : text;
}

void sched_fix_sums(kir_builder *b)
{
    b->scratch = arena_child(b->arena);
    if (k_has_fixed_sums(b)) k_fix_sums(b, 1);
    arena_free(b->scratch);
    b->scratch = NULL;
}

const char *sched_apply(const sched_target *t, ir_module *m, kir_builder *b, plan_call *call, sched_less *less)
{
    b->scratch = arena_child(b->arena);
    const char *text = apply(t, m, b, call, less);
    arena_free(b->scratch);
    b->scratch = NULL;
    return text;
}
