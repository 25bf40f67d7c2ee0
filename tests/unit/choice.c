/* passes/choice.h */
#include "passes/choice.h"
#include "tests/unit/unit.h"

enum { MOST = 10 };

typedef struct {
    int n, npair, same[2]; /* same: two that must be equal; same[0] < 0: none */
    int64_t one[MOST][2];
    choice_pair pair[3 * MOST];
} problem;

static problem random_problem(uint64_t *r)
{
    problem p = {.n = 1 + (int)unit_below(r, MOST), .same = {-1, -1}};
    for (int i = 0; i < p.n; i++)
        for (int k = 0; k < 2; k++) p.one[i][k] = (int64_t)unit_below(r, 100);
    p.npair = p.n < 2 ? 0 : (int)unit_below(r, (uint32_t)(2 * p.n));
    for (int i = 0; i < p.npair; i++) {
        choice_pair *e = &p.pair[i];
        e->a = (int)unit_below(r, (uint32_t)p.n);
        e->b = (e->a + 1 + (int)unit_below(r, (uint32_t)(p.n - 1))) % p.n;
        e->cost[0][1] = (int64_t)unit_below(r, 100); /* only where they differ: such costs can be solved exactly */
        e->cost[1][0] = (int64_t)unit_below(r, 100);
    }
    if (p.n > 2 && unit_below(r, 2)) p.same[0] = 0, p.same[1] = p.n - 1;
    return p;
}

static int64_t sum_of(const problem *p, unsigned labels)
{
    int64_t sum = 0;
    for (int i = 0; i < p->n; i++) sum += p->one[i][labels >> i & 1];
    for (int i = 0; i < p->npair; i++) sum += p->pair[i].cost[labels >> p->pair[i].a & 1][labels >> p->pair[i].b & 1];
    return sum;
}

static bool keeps(const problem *p, unsigned labels) { return p->same[0] < 0 || (labels >> p->same[0] & 1) == (labels >> p->same[1] & 1); }

static unsigned chosen(problem *p)
{
    unsigned labels = 0;
    choices c = {.a = arena_new()};
    for (int i = 0; i < p->n; i++) {
        choice_new(&c);
        choice_cost(&c, i, p->one[i][0], p->one[i][1]);
    }
    for (int i = 0; i < p->npair; i++) choice_beside(&c, p->pair[i].a, p->pair[i].b, p->pair[i].cost);
    if (p->same[0] >= 0) choice_unite(&c, p->same[0], p->same[1]);
    choices_make(&c);
    for (int i = 0; i < p->n; i++) labels |= (unsigned)c.one.at[choice_of(&c, i)].label << i;
    arena_free(c.a);
    return labels;
}

/* No single change makes the sum smaller, nor do all equal labels; mostly it is the smallest there is. */
Test(choice, finds_small_sums)
{
    uint64_t r = 5;
    int smallest = 0, all = 500;
    for (int t = 0; t < all; t++) {
        problem p = random_problem(&r);
        unsigned got = chosen(&p), every = (1u << p.n) - 1;
        int64_t sum = sum_of(&p, got), least = INT64_MAX;
        cr_assert(keeps(&p, got), "problem %d: two that must be equal are not", t);
        cr_assert(sum <= sum_of(&p, 0) && sum <= sum_of(&p, every), "problem %d: all equal would be less", t);
        for (int i = 0; i < p.n; i++) cr_assert(!keeps(&p, got ^ 1u << i) || sum <= sum_of(&p, got ^ 1u << i), "problem %d: changing %d would be less", t, i);
        for (unsigned labels = 0; labels <= every; labels++)
            if (keeps(&p, labels) && sum_of(&p, labels) < least) least = sum_of(&p, labels);
        smallest += sum == least;
    }
    cr_assert(smallest > all * 9 / 10, "only %d of %d sums are the smallest", smallest, all);
}

Test(choice, prefers_0_where_nothing_speaks_for_1)
{
    problem p = {.n = 2, .npair = 1, .same = {-1, -1}, .pair = {{.a = 0, .b = 1, .cost = {{0, 7}, {7, 0}}}}};
    cr_assert(chosen(&p) == 0);
    p.one[0][0] = 8; /* stronger than the pair, and then the other follows */
    cr_assert(chosen(&p) == 3);
}
