/* ir/sx.h */
#include <string.h>
#include "tests/unit/unit.h"

typedef struct {
    nfc_arena *a;
    sx_table t;
    ir_sym *sym[4];
    const ir_sx *x[4]; /* 0..9, -5..5, 0..1000, 3..3 */
    int64_t value[4];
    uint64_t random;
} algebra;

static void begin(algebra *g)
{
    static const int64_t lo[4] = {0, -5, 0, 3}, hi[4] = {9, 5, 1000, 3};
    static const char *const names[4] = {"a", "b", "c", "d"};
    *g = (algebra){.a = arena_new(), .random = 7};
    sx_init(&g->t, g->a);
    for (int i = 0; i < 4; i++) {
        g->sym[i] = sx_new_sym(&g->t, names[i], lo[i], hi[i], NO_SPAN);
        g->x[i] = sx_sym(&g->t, g->sym[i]);
    }
}

static int64_t value_of(void *env, const ir_sym *s) { return ((algebra *)env)->value[s->id]; }

static const ir_sx *num(algebra *g, int64_t n) { return sx_int(&g->t, n); }
static const ir_sx *add(algebra *g, const ir_sx *x, const ir_sx *y) { return sx_add(&g->t, x, y); }
static const ir_sx *sub(algebra *g, const ir_sx *x, const ir_sx *y) { return sx_sub(&g->t, x, y); }
static const ir_sx *mul(algebra *g, const ir_sx *x, const ir_sx *y) { return sx_mul(&g->t, x, y); }
static const ir_sx *times(algebra *g, int64_t n, const ir_sx *x) { return sx_mul(&g->t, num(g, n), x); }

static int64_t floored(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return q * b > a ? q - 1 : q;
}

Test(sx, equal_expressions_are_one_pointer)
{
    algebra g;
    begin(&g);
    const ir_sx *a = g.x[0], *b = g.x[1], *c = g.x[2];
    cr_assert(add(&g, a, b) == add(&g, b, a));
    cr_assert(mul(&g, a, b) == mul(&g, b, a));
    cr_assert(sub(&g, add(&g, a, b), b) == a);
    cr_assert(mul(&g, add(&g, a, b), sub(&g, a, b)) == sub(&g, mul(&g, a, a), mul(&g, b, b)));
    cr_assert(mul(&g, a, add(&g, b, c)) == add(&g, mul(&g, c, a), mul(&g, a, b)));
    cr_assert(mul(&g, mul(&g, a, b), c) == mul(&g, a, mul(&g, b, c)));
    cr_assert(sub(&g, a, a) == num(&g, 0) && sx_is(sub(&g, a, a), 0));
    cr_assert(times(&g, 0, a) == num(&g, 0));
    cr_assert(times(&g, 1, a) == a && add(&g, a, num(&g, 0)) == a);
    cr_assert(add(&g, times(&g, 2, a), times(&g, -1, a)) == a);
    cr_assert(sx_only_sym(a) == g.sym[0] && !sx_only_sym(times(&g, 2, a)) && !sx_only_sym(num(&g, 1)));
    cr_assert(!g.t.overflow);
}

/* ---- quotients and remainders -------------------------------------------------------------- */

Test(sx, division_rounds_down_and_the_remainder_is_never_negative)
{
    algebra g;
    begin(&g);
    for (int64_t n = -20; n <= 20; n++)
        for (int64_t by = 1; by <= 7; by++) {
            cr_assert(sx_is(sx_div(&g.t, num(&g, n), by), floored(n, by)));
            cr_assert(sx_is(sx_mod(&g.t, num(&g, n), by), n - floored(n, by) * by));
        }
    cr_assert(sx_is(sx_div(&g.t, num(&g, INT64_MIN), 1), INT64_MIN));
    cr_assert(sx_is(sx_div(&g.t, num(&g, INT64_MAX), INT64_MAX), 1));
    cr_assert(sx_is(sx_mod(&g.t, num(&g, INT64_MIN), INT64_MAX), INT64_MAX - 1));
}

Test(sx, what_the_divisor_divides_comes_out_of_a_quotient)
{
    algebra g;
    begin(&g);
    const ir_sx *a = g.x[0], *b = g.x[1], *c = g.x[2];
    cr_assert(sx_div(&g.t, times(&g, 6, b), 3) == times(&g, 2, b));
    cr_assert(sx_mod(&g.t, times(&g, 6, b), 3) == num(&g, 0));
    cr_assert(sx_div(&g.t, add(&g, times(&g, 10, c), a), 10) == c); /* a is below 10 */
    cr_assert(sx_mod(&g.t, add(&g, times(&g, 10, c), a), 10) == a);
    cr_assert(sx_div(&g.t, add(&g, times(&g, 9, c), a), 9) != c);
    cr_assert(sx_div(&g.t, add(&g, times(&g, 10, c), b), 10) != c); /* b may be negative */
    cr_assert(sx_div(&g.t, c, 1) == c && sx_mod(&g.t, c, 1) == num(&g, 0));
    cr_assert(sx_div(&g.t, c, 1001) == num(&g, 0) && sx_mod(&g.t, c, 1001) == c);
    cr_assert(sx_div(&g.t, add(&g, c, num(&g, 7)), 7) == add(&g, sx_div(&g.t, c, 7), num(&g, 1)));
}

Test(sx, quotient_and_remainder_join_again)
{
    algebra g;
    begin(&g);
    const ir_sx *a = g.x[0], *b = g.x[1], *c = g.x[2];
    const ir_sx *q = sx_div(&g.t, c, 7), *r = sx_mod(&g.t, c, 7);
    cr_assert(add(&g, times(&g, 7, q), r) == c);
    cr_assert(add(&g, r, times(&g, 7, q)) == c);
    cr_assert(add(&g, times(&g, -7, q), times(&g, -1, r)) == times(&g, -1, c));
    cr_assert(add(&g, mul(&g, times(&g, 14, q), b), mul(&g, times(&g, 2, r), b)) == mul(&g, times(&g, 2, c), b));
    cr_assert(add(&g, add(&g, times(&g, 7, q), a), r) == add(&g, c, a));
    cr_assert(add(&g, times(&g, 6, q), r) != c);
    cr_assert(add(&g, times(&g, 7, q), sx_mod(&g.t, a, 7)) != c);
    cr_assert(mul(&g, add(&g, times(&g, 7, q), num(&g, 0)), r) != c);
    /* two levels: the index of an element of a [x, 7, 5] tensor, taken apart and put together */
    const ir_sx *w = sx_mod(&g.t, c, 5), *h = sx_mod(&g.t, sx_div(&g.t, c, 5), 7), *n = sx_div(&g.t, sx_div(&g.t, c, 5), 7);
    cr_assert(add(&g, add(&g, times(&g, 35, n), times(&g, 5, h)), w) == c);
    cr_assert(!g.t.overflow);
}

Test(sx, exact_division)
{
    algebra g;
    begin(&g);
    const ir_sx *a = g.x[0], *b = g.x[1], *c = g.x[2], *ab = mul(&g, a, b);
    cr_assert(sx_exact_div(&g.t, times(&g, 6, mul(&g, ab, c)), times(&g, 2, mul(&g, c, a))) == times(&g, 3, b));
    cr_assert_null(sx_exact_div(&g.t, times(&g, 7, a), num(&g, 2)));
    cr_assert_null(sx_exact_div(&g.t, a, b));
    cr_assert_null(sx_exact_div(&g.t, a, num(&g, 0)));
    cr_assert_null(sx_exact_div(&g.t, ab, mul(&g, a, a)));
    cr_assert(sx_exact_div(&g.t, num(&g, 0), a) == num(&g, 0));
    cr_assert(sx_exact_div(&g.t, num(&g, 12), num(&g, -4)) == num(&g, -3));
    cr_assert_null(sx_exact_div(&g.t, num(&g, INT64_MIN), num(&g, -1)));
    cr_assert_null(sx_exact_div(&g.t, times(&g, INT64_MIN, a), num(&g, -1)));
    const ir_sx *sum = add(&g, times(&g, 4, ab), times(&g, 2, a));
    cr_assert(sx_exact_div(&g.t, sum, times(&g, 2, a)) == add(&g, times(&g, 2, b), num(&g, 1)));
    cr_assert(sx_exact_div(&g.t, sum, sum) == num(&g, 1));
    cr_assert_null(sx_exact_div(&g.t, add(&g, sum, num(&g, 2)), a));
    cr_assert(sx_exact_div(&g.t, add(&g, sum, num(&g, 2)), num(&g, 2)) == add(&g, add(&g, times(&g, 2, ab), a), num(&g, 1)));
}

/* ---- values and bounds --------------------------------------------------------------------- */

/* A random expression, and its value by C's arithmetic. */
static const ir_sx *grow(algebra *g, int depth, int64_t *value)
{
    int kind = depth == 0 ? 0 : (int)unit_below(&g->random, 7);
    int64_t x, y, by = unit_between(&g->random, 1, 12);
    if (kind == 0) {
        int i = (int)unit_below(&g->random, 5);
        *value = i == 4 ? unit_between(&g->random, -6, 6) : g->value[i];
        return i == 4 ? num(g, *value) : g->x[i];
    }
    const ir_sx *a = grow(g, depth - 1, &x);
    if (kind >= 5) {
        *value = kind == 5 ? floored(x, by) : x - floored(x, by) * by;
        return kind == 5 ? sx_div(&g->t, a, by) : sx_mod(&g->t, a, by);
    }
    const ir_sx *b = grow(g, depth - 1, &y);
    *value = kind <= 2 ? x + y : kind == 3 ? x - y : x * y;
    return kind <= 2 ? add(g, a, b) : kind == 3 ? sub(g, a, b) : mul(g, a, b);
}

Test(sx, random_expressions_keep_their_value_and_stay_within_their_range)
{
    algebra g;
    begin(&g);
    for (int round = 0; round < 4000; round++) {
        int64_t value, lo, hi;
        for (int i = 0; i < 4; i++) g.value[i] = unit_between(&g.random, g.sym[i]->lo, g.sym[i]->hi);
        const ir_sx *x = grow(&g, 4, &value);
        sx_range(x, &lo, &hi);
        cr_assert(sx_eval(x, value_of, &g) == value, "%s is %lld, not %lld", sx_text(g.a, x), (long long)sx_eval(x, value_of, &g), (long long)value);
        cr_assert(lo <= value && value <= hi, "%s from %lld to %lld is %lld", sx_text(g.a, x), (long long)lo, (long long)hi, (long long)value);
        cr_assert(sub(&g, add(&g, x, g.x[2]), g.x[2]) == x, "%s + c - c", sx_text(g.a, x));
        cr_assert(sub(&g, x, x) == num(&g, 0));
        if (round % 200 == 199) begin(&g); /* the tables of the others are small */
    }
}

Test(sx, ranges_are_as_narrow_as_intervals_are)
{
    algebra g;
    int64_t lo, hi;
    begin(&g);
    sx_range(add(&g, times(&g, 3, g.x[0]), times(&g, -2, g.x[1])), &lo, &hi);
    cr_assert(lo == -10 && hi == 37);
    sx_range(mul(&g, g.x[0], g.x[1]), &lo, &hi);
    cr_assert(lo == -45 && hi == 45);
    sx_range(sx_mod(&g.t, g.x[2], 8), &lo, &hi);
    cr_assert(lo == 0 && hi == 7);
    sx_range(sx_div(&g.t, g.x[1], 2), &lo, &hi);
    cr_assert(lo == -3 && hi == 2);
    cr_assert(sx_min(g.x[3]) == 3 && sx_max(g.x[3]) == 3);
    const ir_sx *vast = sx_sym(&g.t, sx_new_sym(&g.t, "v", INT64_MIN, INT64_MAX, NO_SPAN));
    sx_range(add(&g, times(&g, 3, vast), num(&g, 5)), &lo, &hi);
    cr_assert(lo <= INT64_MIN + 5 && hi == INT64_MAX);
}

Test(sx, what_leaves_64_bits_sets_the_flag)
{
    algebra g;
    begin(&g);
    const ir_sx *big = num(&g, INT64_MAX), *least = num(&g, INT64_MIN), *one = num(&g, 1);
    struct {
        const ir_sx *x, *y;
        const ir_sx *(*op)(algebra *, const ir_sx *, const ir_sx *);
    } bad[] = {{big, one, add}, {least, one, sub}, {big, num(&g, 2), mul}, {least, num(&g, -1), mul},
               {times(&g, INT64_MAX, g.x[0]), g.x[0], add}, {times(&g, INT64_MAX, g.x[0]), times(&g, 2, g.x[1]), mul}, {add(&g, g.x[0], big), one, add}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        g.t.overflow = false;
        bad[i].op(&g, bad[i].x, bad[i].y);
        cr_assert(g.t.overflow, "case %zu", i);
    }
    g.t.overflow = false;
    cr_assert(sx_is(add(&g, num(&g, INT64_MAX - 1), one), INT64_MAX));
    cr_assert(sx_is(sub(&g, num(&g, -1), big), INT64_MIN));
    cr_assert(sx_is(mul(&g, num(&g, INT64_MIN / 2), num(&g, 2)), INT64_MIN));
    cr_assert(!g.t.overflow);
    /* the remainder's factor times the divisor leaves 64 bits: no join, and no overflow */
    const ir_sx *r = times(&g, INT64_MAX / 2, sx_mod(&g.t, g.x[2], 7)), *q = times(&g, 3, sx_div(&g.t, g.x[2], 7));
    g.value[2] = 1;
    cr_assert(sx_eval(add(&g, r, q), value_of, &g) == INT64_MAX / 2);
    cr_assert(!g.t.overflow);
}

Test(sx, products_that_grow_without_an_end_set_the_flag)
{
    nfc_session *s = unit_session();
    sx_table t;
    sx_init(&t, s->arena);
    const ir_sx *x = sx_sym(&t, sx_new_sym(&t, "x", 1, 2, NO_SPAN)), *power = x, *sum = x;
    int doublings = 0;
    for (; !t.overflow; doublings++) power = sx_mul(&t, power, power);
    cr_assert(doublings == 7 && sx_is(power, 0), "%d", doublings); /* x^64 is the last */
    t.overflow = false;
    for (int i = 0; i < 20; i++) sum = sx_add(&t, sum, sx_sym(&t, sx_new_sym(&t, "y", 1, 2, NO_SPAN)));
    sx_mul(&t, sum, x);
    cr_assert_not(t.overflow);
    sx_mul(&t, sum, sum); /* 21 terms by 21 terms */
    cr_assert(t.overflow);
    session_free(s);
}

Test(sx, a_replaced_symbol_is_put_in_everywhere)
{
    algebra g;
    begin(&g);
    const ir_sx *c = g.x[2], *x = add(&g, mul(&g, c, c), add(&g, times(&g, 4, sx_div(&g.t, c, 4)), times(&g, 2, sx_mod(&g.t, c, 4))));
    cr_assert(sx_resolve(&g.t, x) == x);
    g.sym[2]->is = add(&g, times(&g, 4, g.x[0]), num(&g, 3));
    const ir_sx *y = sx_resolve(&g.t, x), *four = times(&g, 4, g.x[0]);
    const ir_sx *square = mul(&g, add(&g, four, num(&g, 3)), add(&g, four, num(&g, 3)));
    cr_assert(y == add(&g, square, add(&g, four, num(&g, 6))));
    cr_assert(sx_sym(&g.t, g.sym[2]) == g.sym[2]->is);
    g.value[0] = 2;
    cr_assert(sx_eval(x, value_of, &g) == 121 + 8 + 6);
    g.sym[0]->is = num(&g, 5);
    cr_assert(sx_is(sx_resolve(&g.t, y), 23 * 23 + 20 + 6));
    cr_assert(sx_is(sx_resolve(&g.t, c), 23));
    cr_assert(sx_min(c) == 23 && sx_max(c) == 23);
}

static void count(void *env, const ir_sym *s) { ((int *)env)[s->id]++; }

Test(sx, visits_every_symbol)
{
    algebra g;
    int seen[4] = {0};
    begin(&g);
    sx_visit(add(&g, mul(&g, g.x[0], g.x[0]), sx_div(&g.t, add(&g, g.x[1], sx_mod(&g.t, g.x[2], 3)), 5)), count, seen);
    cr_assert(seen[0] == 2 && seen[1] == 1 && seen[2] == 1 && seen[3] == 0);
}

Test(sx, text_is_as_the_author_would_write_it)
{
    algebra g;
    begin(&g);
    const ir_sx *a = g.x[0], *b = g.x[1], *c = g.x[2];
    struct {
        const ir_sx *x;
        const char *text;
    } rows[] = {
        {num(&g, -7), "-7"},
        {num(&g, INT64_MIN), "-9223372036854775808"},
        {a, "a"},
        {times(&g, -1, a), "-a"},
        {add(&g, num(&g, 1), times(&g, 2, c)), "2*c + 1"},
        {sub(&g, c, num(&g, 1)), "c - 1"},
        {sub(&g, b, a), "b - a"},
        {add(&g, a, num(&g, INT64_MIN)), "a - 9223372036854775808"},
        {times(&g, INT64_MIN, a), "-9223372036854775808*a"},
        {mul(&g, c, add(&g, a, b)), "a*c + b*c"},
        {sx_div(&g.t, c, 4), "c / 4"},
        {sx_mod(&g.t, add(&g, c, num(&g, 1)), 4), "(c + 1) % 4"},
        {times(&g, 3, sx_div(&g.t, c, 4)), "3*(c / 4)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) cr_assert_str_eq(sx_text(g.a, rows[i].x), rows[i].text);
}

/* ---- 64 bits ------------------------------------------------------------------------------- */

static int64_t first_or_second(void *env, const ir_sym *sym) { return ((const int64_t *)env)[sym->name[0] == 'b']; }

Test(sx, what_may_leave_64_bits_is_known)
{
    ir_module *m = unit_empty(unit_session());
    sx_table *t = &m->sx;
    const ir_sx *a = sx_sym(t, sx_new_sym(t, "a", INT64_MIN, INT64_MAX, unit_place())), *b = sx_sym(t, sx_new_sym(t, "b", -(INT64_C(1) << 31), INT64_C(1) << 31, unit_place()));
    cr_assert(sx_fits(a) && sx_fits(sx_mul(t, b, b)) && sx_fits(sx_int(t, INT64_MIN)));
    cr_assert_not(sx_fits(sx_add(t, a, sx_int(t, 1))));
    cr_assert_not(sx_fits(sx_sub(t, sx_int(t, 0), a)));
    cr_assert_not(sx_fits(sx_mul(t, sx_mul(t, b, b), b)));
    cr_assert_not(sx_fits(sx_div(t, sx_mul(t, a, b), 3)));
}

Test(sx, an_overflow_on_the_way_is_told)
{
    ir_module *m = unit_empty(unit_session());
    sx_table *t = &m->sx;
    const ir_sx *a = sx_sym(t, sx_new_sym(t, "a", INT64_MIN, INT64_MAX, unit_place())), *b = sx_sym(t, sx_new_sym(t, "b", INT64_MIN, INT64_MAX, unit_place()));
    const ir_sx *difference = sx_sub(t, a, b), *product = sx_mul(t, a, b);
    int64_t x, far[2] = {INT64_MAX, -1}, near[2] = {INT64_MIN, -1}, least[2] = {INT64_MIN, 1};
    cr_assert_not(sx_eval_checked(difference, first_or_second, far, &x));
    cr_assert(sx_eval_checked(difference, first_or_second, near, &x) && x == INT64_MIN + 1);
    cr_assert_not(sx_eval_checked(product, first_or_second, near, &x));
    cr_assert(sx_eval_checked(product, first_or_second, least, &x) && x == INT64_MIN);
}
