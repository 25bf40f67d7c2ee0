/* Storage for threads: in an arena that is no larger, what was given up a moment ago is left alone for a while where there
 * is room, so that a part of a kernel can write while another part still reads what came before. Lives are taken to be
 * longer than they are, as far as what is live at a time then still fits, and buffers placed again. */
#include <stdlib.h>
#include "devices/device.h"
#include "passes/plan.h"

enum { FARTHEST = 16 }; /* instructions by which a life is made longer */

static int longer_first(const void *a, const void *b)
{
    const plan_buffer *x = *(plan_buffer *const *)a, *y = *(plan_buffer *const *)b;
    const double ax = (double)x->bytes * (x->last - x->first + 1), ay = (double)y->bytes * (y->last - y->first + 1);
    return ax != ay ? (ax > ay ? -1 : 1) : x->id - y->id;
}

static int larger_first(const void *a, const void *b)
{
    const plan_buffer *x = *(plan_buffer *const *)a, *y = *(plan_buffer *const *)b;
    return x->bytes != y->bytes ? (x->bytes > y->bytes ? -1 : 1) : longer_first(a, b);
}

static int earlier_first(const void *a, const void *b)
{
    const plan_buffer *x = *(plan_buffer *const *)a, *y = *(plan_buffer *const *)b;
    return x->first != y->first ? x->first - y->first : larger_first(a, b);
}

/* Bytes of what the threads' own caches hold together; what lies in more would come from farther away. */
static int64_t own_caches(const device *d)
{
    int64_t bytes = 0;
    for (int i = 0; i < d->chosen->level.n; i++) {
        const device_level *l = &d->chosen->level.at[i];
        if (l->cores == 1 && l->bytes > bytes) bytes = l->bytes;
    }
    return bytes ? bytes * d->threads : INT64_MAX;
}

/* Makes lives longer while no more than this is live at any time, or what is anyway: each by one instruction, then each by
 * another. Only what follows in the order of instructions. */
static void lengthen(plan_graph *p, int64_t most)
{
    nfc_arena *a = arena_child(p->plan->m->arena);
    int64_t *live = ARENA_ARRAY(a, int64_t, p->positions + 3);
    int *end = ARENA_ARRAY(a, int, p->buffer.n + 1);
    for (int i = 0; i < p->buffer.n; i++) {
        const plan_buffer *b = p->buffer.at[i];
        end[i] = b->last;
        for (int t = b->first; t <= b->last; t++) live[t] += b->bytes;
    }
    for (int far = 1; far <= FARTHEST; far++)
        for (int i = 0; i < p->buffer.n; i++) {
            plan_buffer *b = p->buffer.at[i];
            const int at = end[i] + far;
            if (b->last != at - 1 || at > p->positions || live[at] + b->bytes > most) continue;
            b->last = at;
            live[at] += b->bytes;
        }
    arena_free(a);
}

/* Places buffers with longer lives; false: no order that is tried fits. */
static bool place_within(plan_graph *p, int64_t alignment, plan_buffer **order)
{
    int (*const compare[])(const void *, const void *) = {larger_first, longer_first, earlier_first};
    for (int i = 0; i < 3; i++) {
        qsort(order, (size_t)p->buffer.n, sizeof *order, compare[i]);
        if (plan_place_all(p, order, p->buffer.n, alignment, false) <= p->arena) return true;
    }
    return false;
}

void plan_spread(plan_graph *p, int64_t alignment, const device *d)
{
    const int n = p->buffer.n;
    const int64_t caches = own_caches(d), room = p->arena < caches ? p->arena : caches;
    const double part[] = {1, 0.9, 0.8, 0.65, 0.5};
    nfc_arena *a = arena_child(p->plan->m->arena);
    plan_buffer **order = ARENA_ARRAY(a, plan_buffer *, n + 1);
    int *last = ARENA_ARRAY(a, int, n + 1);
    int64_t *offset = ARENA_ARRAY(a, int64_t, n + 1);
    bool placed = false;
    for (int i = 0; i < n; i++) {
        last[i] = p->buffer.at[i]->last;
        offset[i] = p->buffer.at[i]->offset;
        order[i] = p->buffer.at[i];
    }
    for (int k = 0; k < 5 && n > 1 && !placed; k++) {
        lengthen(p, (int64_t)(part[k] * (double)room));
        placed = place_within(p, alignment, order);
        for (int i = 0; i < n; i++) p->buffer.at[i]->last = last[i];
    }
    for (int i = 0; i < n && !placed; i++) p->buffer.at[i]->offset = offset[i];
    if (placed) p->heuristic = arena_printf(p->plan->m->arena, "%s, then apart for threads", p->heuristic);
    arena_free(a);
}
