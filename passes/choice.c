#include "passes/choice.h"

#include <string.h>

int choice_new(choices *c)
{
    vec_push(c->a, &c->one, ((choice){.same_as = -1}));
    return c->one.n - 1;
}

int choice_of(const choices *c, int i)
{
    while (c->one.at[i].same_as >= 0) i = c->one.at[i].same_as;
    return i;
}

void choice_cost(choices *c, int i, int64_t if_0, int64_t if_1)
{
    i = choice_of(c, i);
    c->one.at[i].cost[0] += if_0;
    c->one.at[i].cost[1] += if_1;
}

void choice_unite(choices *c, int a, int b)
{
    a = choice_of(c, a);
    b = choice_of(c, b);
    if (a == b) return;
    c->one.at[b].same_as = a;
    choice_cost(c, a, c->one.at[b].cost[0], c->one.at[b].cost[1]);
}

void choice_beside(choices *c, int a, int b, int64_t cost[2][2])
{
    choice_pair p = {.a = a, .b = b};
    memcpy(p.cost, cost, sizeof p.cost);
    vec_push(c->a, &c->pair, p);
}

/* ---- choosing ------------------------------------------------------------------------------ */

static void link_pairs(choices *c)
{
    for (int i = 0; i < c->pair.n; i++) {
        choice_pair *p = &c->pair.at[i];
        p->a = choice_of(c, p->a);
        p->b = choice_of(c, p->b);
        if (p->a == p->b) {
            choice_cost(c, p->a, p->cost[0][0], p->cost[1][1]);
            continue;
        }
        vec_push(c->a, &c->one.at[p->a].beside, i);
        vec_push(c->a, &c->one.at[p->b].beside, i);
    }
}

static int64_t total(const choices *c)
{
    int64_t sum = 0;
    for (int i = 0; i < c->one.n; i++)
        if (c->one.at[i].same_as < 0) sum += c->one.at[i].cost[c->one.at[i].label];
    for (int i = 0; i < c->pair.n; i++) {
        const choice_pair *p = &c->pair.at[i];
        if (p->a != p->b) sum += p->cost[c->one.at[p->a].label][c->one.at[p->b].label];
    }
    return sum;
}

/* What the sum grows by where a set of choices changes: `in_set` says which. */
static int64_t growth(const choices *c, const int *set, int n, const bool *in_set)
{
    int64_t sum = 0;
    for (int k = 0; k < n; k++) {
        const choice *x = &c->one.at[set[k]];
        sum += x->cost[!x->label] - x->cost[x->label];
        for (int e = 0; e < x->beside.n; e++) {
            const choice_pair *p = &c->pair.at[x->beside.at[e]];
            int other = p->a == set[k] ? p->b : p->a;
            if (in_set[other] && other < set[k]) continue; /* counted there */
            int la = c->one.at[p->a].label, lb = c->one.at[p->b].label;
            sum += p->cost[la ^ in_set[p->a]][lb ^ in_set[p->b]] - p->cost[la][lb];
        }
    }
    return sum;
}

/* Changes the set where that makes the sum smaller. */
static bool change(choices *c, const int *set, int n, bool *in_set)
{
    for (int k = 0; k < n; k++) in_set[set[k]] = true;
    bool better = growth(c, set, n, in_set) < 0;
    for (int k = 0; k < n; k++) {
        in_set[set[k]] = false;
        c->one.at[set[k]].label ^= better;
    }
    return better;
}

/* The choices with the label of the first that are connected to it by pairs; marks them as seen. */
static int equal_ones(const choices *c, int first, int *set, bool *seen)
{
    int n = 0;
    set[n++] = first;
    seen[first] = true;
    for (int k = 0; k < n; k++) {
        const choice *x = &c->one.at[set[k]];
        for (int e = 0; e < x->beside.n; e++) {
            const choice_pair *p = &c->pair.at[x->beside.at[e]];
            int other = p->a == set[k] ? p->b : p->a;
            if (seen[other] || c->one.at[other].label != x->label) continue;
            seen[other] = true;
            set[n++] = other;
        }
    }
    return n;
}

static void improve(choices *c, nfc_arena *a)
{
    int n = c->one.n, *set = ARENA_ARRAY(a, int, n);
    bool *in_set = ARENA_ARRAY(a, bool, n), *seen = ARENA_ARRAY(a, bool, n);
    for (bool changed = true; changed;) {
        changed = false;
        for (int i = 0; i < n; i++)
            if (c->one.at[i].same_as < 0 && change(c, &i, 1, in_set)) changed = true;
        for (int i = 0; i < n; i++) seen[i] = false;
        for (int i = 0; i < n; i++) {
            if (c->one.at[i].same_as >= 0 || seen[i]) continue;
            int size = equal_ones(c, i, set, seen);
            if (change(c, set, size, in_set)) changed = true;
        }
    }
}

void choices_make(choices *c)
{
    int n = c->one.n;
    if (!n) return;
    nfc_arena *scratch = arena_child(c->a);
    int *kept = ARENA_ARRAY(scratch, int, n);
    link_pairs(c);
    improve(c, scratch); /* from all 0 */
    int64_t sum = total(c);
    for (int i = 0; i < n; i++) {
        kept[i] = c->one.at[i].label;
        c->one.at[i].label = 1;
    }
    improve(c, scratch);
    if (total(c) >= sum)
        for (int i = 0; i < n; i++) c->one.at[i].label = kept[i];
    arena_free(scratch);
}
