/* Offsets in the arena.
 *
 * Placing intervals of given sizes so that those that overlap in time do not overlap in space is
 * NP-hard; several greedy orders are tried, the best one is changed step by step while that helps, and
 * the best result is kept. Buffers are looked up by time in a segment tree, so that long graphs cost
 * little more than their length. */
#include <stdlib.h>
#include <string.h>
#include "passes/plan.h"

typedef struct {
    int lo, hi; /* children in the pool of nodes; 0: none */
    VEC(plan_buffer *) here;  /* cover this whole span of time */
    int below;                /* buffers in this node and under it */
} node;

typedef struct {
    nfc_arena *a;
    VEC(node) tree;
    int span;
    VEC(plan_buffer *) hit;
    int *stamp, round; /* a buffer stands in several nodes: seen in this query already? */
} timeline;

static int new_node(timeline *t)
{
    vec_push(t->a, &t->tree, ((node){0}));
    return t->tree.n - 1;
}

static int child(timeline *t, int n, bool right)
{
    int c = right ? t->tree.at[n].hi : t->tree.at[n].lo;
    if (c) return c;
    c = new_node(t);
    if (right) t->tree.at[n].hi = c;
    else t->tree.at[n].lo = c;
    return c;
}

static void insert(timeline *t, int n, int from, int to, plan_buffer *b)
{
    t->tree.at[n].below++;
    if (b->first <= from && to <= b->last) {
        vec_push(t->a, &t->tree.at[n].here, b);
        return;
    }
    int mid = from + (to - from) / 2;
    if (b->first <= mid) insert(t, child(t, n, false), from, mid, b);
    if (b->last > mid) insert(t, child(t, n, true), mid + 1, to, b);
}

static void collect(timeline *t, int n, int from, int to, const plan_buffer *b)
{
    const node *at = &t->tree.at[n];
    if (!at->below || b->last < from || to < b->first) return;
    for (int i = 0; i < at->here.n; i++) {
        plan_buffer *hit = at->here.at[i];
        if (t->stamp[hit->id] == t->round) continue;
        t->stamp[hit->id] = t->round;
        vec_push(t->a, &t->hit, hit);
    }
    int mid = from + (to - from) / 2;
    if (at->lo) collect(t, at->lo, from, mid, b);
    if (at->hi) collect(t, at->hi, mid + 1, to, b);
}

static int by_offset(const void *a, const void *b)
{
    const plan_buffer *x = *(plan_buffer *const *)a, *y = *(plan_buffer *const *)b;
    return x->offset != y->offset ? (x->offset < y->offset ? -1 : 1) : x->id - y->id;
}

/* Small buffers need no more alignment than their size. */
static int64_t alignment_of(const plan_buffer *b, int64_t most)
{
    int64_t a = 1;
    while (a < b->bytes && a < most) a *= 2;
    return a;
}

static int64_t aligned(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

/* The lowest gap that holds it; with `best`, the gap that it fills most. */
static int64_t find_gap(timeline *t, const plan_buffer *b, int64_t alignment, bool best)
{
    int64_t end = 0, found = -1, slack = INT64_MAX;
    alignment = alignment_of(b, alignment);
    if (t->hit.n) qsort(t->hit.at, (size_t)t->hit.n, sizeof *t->hit.at, by_offset);
    for (int i = 0; i < t->hit.n; i++) {
        int64_t gap = t->hit.at[i]->offset - end;
        if (gap >= b->bytes && gap - b->bytes < slack) {
            if (!best) return end;
            found = end;
            slack = gap - b->bytes;
        }
        int64_t behind = aligned(t->hit.at[i]->offset + t->hit.at[i]->bytes, alignment);
        if (behind > end) end = behind;
    }
    return found >= 0 ? found : end;
}

int64_t plan_place_all(plan_graph *p, plan_buffer *const *order, int n, int64_t alignment, bool best)
{
    if (!p->scratch) p->scratch = arena_child(p->plan->m->arena);
    timeline t = {.a = p->scratch, .span = p->positions};
    int64_t size = 0;
    t.stamp = ARENA_ARRAY(t.a, int, n + 1);
    int root = new_node(&t); /* 0, which as a child means none */
    for (int i = 0; i < n; i++) {
        t.round++;
        t.hit.n = 0;
        collect(&t, root, 0, t.span, order[i]);
        order[i]->offset = find_gap(&t, order[i], alignment, best);
        insert(&t, root, 0, t.span, order[i]);
        if (order[i]->offset + order[i]->bytes > size) size = order[i]->offset + order[i]->bytes;
    }
    arena_clear(t.a);
    return size;
}

/* ---- one sweep through time ----------------------------------------------------------------- */

/* For graphs with so many lives that cross each other that looking at the pairs would take long:
 * buffers in the order of their begin take the lowest gap of those that are free at that time. */
typedef struct {
    int64_t from, to;
} gap;

typedef struct {
    nfc_arena *a;
    VEC(gap) free;          /* by address; the last has no end */
    VEC(plan_buffer *) end; /* a heap: the buffer that ends first is on top */
} sweep;

static void heap_push(sweep *w, plan_buffer *b)
{
    vec_push(w->a, &w->end, b);
    for (int i = w->end.n - 1; i && w->end.at[(i - 1) / 2]->last > w->end.at[i]->last; i = (i - 1) / 2) {
        plan_buffer *up = w->end.at[(i - 1) / 2];
        w->end.at[(i - 1) / 2] = w->end.at[i];
        w->end.at[i] = up;
    }
}

static plan_buffer *heap_pop(sweep *w)
{
    plan_buffer *top = w->end.at[0];
    w->end.at[0] = w->end.at[--w->end.n];
    for (int i = 0, least;; i = least) {
        least = i;
        for (int k = 2 * i + 1; k <= 2 * i + 2 && k < w->end.n; k++)
            if (w->end.at[k]->last < w->end.at[least]->last) least = k;
        if (least == i) return top;
        plan_buffer *down = w->end.at[i];
        w->end.at[i] = w->end.at[least];
        w->end.at[least] = down;
    }
}

static void remove_gap(sweep *w, int i)
{
    memmove(&w->free.at[i], &w->free.at[i + 1], (size_t)(--w->free.n - i) * sizeof(gap));
}

static void insert_gap(sweep *w, int i, gap g)
{
    vec_push(w->a, &w->free, g);
    memmove(&w->free.at[i + 1], &w->free.at[i], (size_t)(w->free.n - 1 - i) * sizeof(gap));
    w->free.at[i] = g;
}

static void give_back(sweep *w, gap g)
{
    int lo = 0, hi = w->free.n;
    while (lo < hi) {
        int mid = (lo + hi) / 2;
        if (w->free.at[mid].from < g.from) lo = mid + 1;
        else hi = mid;
    }
    insert_gap(w, lo, g);
    if (lo + 1 < w->free.n && w->free.at[lo].to == w->free.at[lo + 1].from) {
        w->free.at[lo].to = w->free.at[lo + 1].to;
        remove_gap(w, lo + 1);
    }
    if (lo && w->free.at[lo - 1].to == w->free.at[lo].from) {
        w->free.at[lo - 1].to = w->free.at[lo].to;
        remove_gap(w, lo);
    }
}

static void take_gap(sweep *w, plan_buffer *b, int64_t alignment)
{
    int i = 0;
    int64_t at = aligned(w->free.at[0].from, alignment);
    while (at + b->bytes > w->free.at[i].to) at = aligned(w->free.at[++i].from, alignment);
    gap g = w->free.at[i];
    b->offset = at;
    w->free.at[i].from = at + b->bytes;
    if (w->free.at[i].from == g.to) remove_gap(w, i);
    if (at > g.from) insert_gap(w, i, (gap){g.from, at});
}

static int64_t place_sweep(plan_graph *p, plan_buffer *const *by_begin, int n, int64_t alignment)
{
    sweep w = {.a = arena_child(p->plan->m->arena)};
    int64_t size = 0;
    vec_push(w.a, &w.free, ((gap){0, INT64_MAX}));
    for (int i = 0; i < n; i++) {
        plan_buffer *b = by_begin[i];
        while (w.end.n && w.end.at[0]->last < b->first) {
            const plan_buffer *over = heap_pop(&w);
            if (over->bytes) give_back(&w, (gap){over->offset, over->offset + over->bytes});
        }
        take_gap(&w, b, alignment_of(b, alignment));
        if (b->offset + b->bytes > size) size = b->offset + b->bytes;
        heap_push(&w, b);
    }
    arena_free(w.a);
    return size;
}

/* ---- orders -------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
    const plan_buffer *x = *(plan_buffer *const *)a, *y = *(plan_buffer *const *)b;
    if (x->bytes != y->bytes) return x->bytes > y->bytes ? -1 : 1;
    return x->first != y->first ? x->first - y->first : x->id - y->id;
}

static int by_start(const void *a, const void *b)
{
    const plan_buffer *x = *(plan_buffer *const *)a, *y = *(plan_buffer *const *)b;
    if (x->first != y->first) return x->first - y->first;
    return by_size(a, b);
}

static int by_life(const void *a, const void *b)
{
    const plan_buffer *x = *(plan_buffer *const *)a, *y = *(plan_buffer *const *)b;
    int lx = x->last - x->first, ly = y->last - y->first;
    return lx != ly ? ly - lx : by_size(a, b);
}

static int by_area(const void *a, const void *b)
{
    const plan_buffer *x = *(plan_buffer *const *)a, *y = *(plan_buffer *const *)b;
    double ax = (double)x->bytes * (x->last - x->first + 1), ay = (double)y->bytes * (y->last - y->first + 1);
    return ax != ay ? (ax > ay ? -1 : 1) : by_size(a, b);
}

static const struct {
    const char *name;
    int (*compare)(const void *, const void *);
    bool best;
} heuristics[] = {
    {"by size, lowest gap", by_size, false}, {"by size, best gap", by_size, true},
    {"by start, lowest gap", by_start, false}, {"by start, best gap", by_start, true},
    {"by life, lowest gap", by_life, false}, {"by area, lowest gap", by_area, false},
};

/* At no time can less be live than this: the sum of what overlaps. Counts the pairs that do. */
static int64_t lower_bound(plan_graph *p, plan_buffer *const *list, int n, int64_t *pairs)
{
    nfc_arena *a = arena_child(p->plan->m->arena);
    int64_t *change = ARENA_ARRAY(a, int64_t, p->positions + 3), live = 0, most = 0, count = 0;
    int64_t *begin = ARENA_ARRAY(a, int64_t, p->positions + 3), *end = ARENA_ARRAY(a, int64_t, p->positions + 3);
    for (int i = 0; i < n; i++) {
        change[list[i]->first] += list[i]->bytes;
        change[list[i]->last + 1] -= list[i]->bytes;
        begin[list[i]->first]++;
        end[list[i]->last + 1]++;
    }
    *pairs = 0;
    for (int t = 0; t <= p->positions + 1; t++) {
        live += change[t];
        if (live > most) most = live;
        count -= end[t];
        *pairs += begin[t] * count;
        count += begin[t];
    }
    arena_free(a);
    return most;
}

int64_t plan_lower_bound(plan_graph *p)
{
    int64_t pairs;
    return lower_bound(p, p->buffer.at, p->buffer.n, &pairs);
}

static void keep_if_better(plan_graph *p, int64_t size, const char *heuristic, int64_t *best)
{
    if (p->arena >= 0 && size >= p->arena) return;
    p->arena = size;
    p->heuristic = heuristic;
    for (int i = 0; i < p->buffer.n; i++) best[i] = p->buffer.at[i]->offset;
}

/* ---- a better order ------------------------------------------------------------------------ */

/* Numbers without a pattern, the same in every build: xorshift, G. Marsaglia, Journal of Statistical
 * Software 8(14), 2003. */
static int any_below(uint32_t *state, int n)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return (int)(*state % (uint32_t)n);
}

static void move_up(plan_buffer **order, int from, int to)
{
    plan_buffer *b = order[from];
    memmove(&order[to + 1], &order[to], (size_t)(from - to) * sizeof *order);
    order[to] = b;
}

static void move_back(plan_buffer **order, int from, int to)
{
    plan_buffer *b = order[to];
    memmove(&order[to], &order[to + 1], (size_t)(from - to) * sizeof *order);
    order[from] = b;
}

/* One of those that reach to the end of the arena, but the first in the order, where it may lie as it likes; 0: there
 * is no other. */
static int one_at_the_end(plan_buffer *const *order, int n, int64_t size, uint32_t *state)
{
    int found = 0;
    for (int i = 1, met = 0; i < n; i++)
        if (order[i]->offset + order[i]->bytes == size && any_below(state, ++met) == 0) found = i;
    return found;
}

/* What reaches to the end of the arena, or anything, gets its place earlier than something else: kept where the arena is
 * not larger for it. How many steps are tried depends on the number of buffers and of pairs alone, so that a build can be
 * repeated. */
static void improve_order(plan_graph *p, plan_buffer **order, int n, int64_t alignment, int64_t pairs, int64_t *best)
{
    const int64_t work = 8000000, most = 4000;
    int64_t steps = work / (pairs + 16 * (int64_t)n + 1);
    int64_t size = p->arena, *place = ARENA_ARRAY(p->plan->m->arena, int64_t, n + 1); /* of the order, once it is known */
    bool known = false;
    uint32_t state = 2463534242u;
    if (steps > most) steps = most;
    for (int64_t s = 0; s < steps && p->arena > p->lower_bound; s++) {
        int from = any_below(&state, 2) ? one_at_the_end(order, n, size, &state) : any_below(&state, n);
        int to = from ? any_below(&state, from) : 0;
        move_up(order, from, to);
        int64_t now = plan_place_all(p, order, n, alignment, false);
        keep_if_better(p, now, "in an order that was searched, lowest gap", best);
        if (now <= size) {
            size = now;
        } else { /* one_at_the_end() reads the places */
            move_back(order, from, to);
            if (!known) plan_place_all(p, order, n, alignment, false);
            for (int i = 0; known && i < n; i++) order[i]->offset = place[i];
        }
        known = true;
        for (int i = 0; i < n; i++) place[i] = order[i]->offset;
    }
}

void plan_offsets(plan_graph *p, int64_t alignment)
{
    const int64_t many = 2000000;
    int n = p->buffer.n, nheuristic = (int)(sizeof heuristics / sizeof *heuristics);
    plan_buffer **order = ARENA_ARRAY(p->plan->m->arena, plan_buffer *, n + 1);
    int64_t *best = ARENA_ARRAY(p->plan->m->arena, int64_t, n + 1), pairs;
    if (n) memcpy(order, p->buffer.at, (size_t)n * sizeof *order);
    /* What is empty has a byte of its own: two arguments at one place would alias, which kernels may not. */
    for (int i = 0; i < n; i++)
        if (order[i]->bytes == 0) order[i]->bytes = 1;
    for (int i = 0; i < n; i++) p->naive += order[i]->bytes;
    p->lower_bound = lower_bound(p, order, n, &pairs);
    p->arena = -1;
    p->heuristic = "";
    qsort(order, (size_t)n, sizeof *order, by_start);
    keep_if_better(p, place_sweep(p, order, n, alignment), "one sweep, lowest gap", best);
    if (pairs > many) nheuristic = 0; /* the others would take long for a few bytes at most */
    for (int h = 0; h < nheuristic && p->arena != p->lower_bound; h++) {
        qsort(order, (size_t)n, sizeof *order, heuristics[h].compare);
        keep_if_better(p, plan_place_all(p, order, n, alignment, heuristics[h].best), heuristics[h].name, best);
    }
    if (nheuristic && p->arena > p->lower_bound) {
        for (int i = 0; i < n; i++) order[i]->offset = best[i];
        qsort(order, (size_t)n, sizeof *order, by_offset); /* lowest gaps in this order are as good as the best so far */
        improve_order(p, order, n, alignment, pairs, best);
    }
    for (int i = 0; i < n; i++) p->buffer.at[i]->offset = best[i];
    if (p->arena < 0) p->arena = 0;
}
