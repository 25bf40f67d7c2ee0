/* passes/k_parts.h: a kernel in parts does what the kernel does, whatever the parts are; what is not independent is
 * not cut. */
#include "ir/kir.h"
#include "passes/k_parts.h"
#include "passes/k_reach.h"
#include "tests/unit/unit.h"

#include <string.h>

enum { ROOM = 1 << 12 };

typedef struct {
    ir_module *m;
    sx_table *sx;
    kir_builder b;
    kir_buffer *x, *y;
    const ir_sx *S; /* a dim: 0..9 */
    bool inside;    /* S is an extent of what is not shared out: parts need it */
} made;

static const ir_sx *num(made *k, int64_t v) { return sx_int(k->sx, v); }
static const ir_sx *plus(made *k, const ir_sx *a, const ir_sx *b) { return sx_add(k->sx, a, b); }
static const ir_sx *times(made *k, const ir_sx *a, int64_t v) { return sx_mul(k->sx, a, num(k, v)); }
static const ir_sx *loop(made *k, kir_for_kind kind, const char *name, int64_t begin, int64_t end) { return kir_for(&k->b, kind, name, num(k, begin), num(k, end)); }
static void close(made *k, int n)
{
    while (n--) kir_close(&k->b);
}

static made begin(int64_t size)
{
    made k = {.m = unit_empty(unit_session())};
    k.sx = &k.m->sx;
    ir_sym *s = sx_new_sym(k.sx, "S", 0, 9, NO_SPAN);
    s->is_dim = true;
    k.S = sx_sym(k.sx, s);
    kir_begin(&k.b, k.m, "made");
    k.x = kir_param(&k.b, "x", DT_f32, num(&k, size));
    k.y = kir_param(&k.b, "y", DT_f32, num(&k, size));
    return k;
}

/* y[at] = 2 x[at] + y[at]: what is done twice, or not at all, is seen. */
static void add_to(made *k, const ir_sx *at)
{
    kir_builder *b = &k->b;
    const kir_expr *twice = kir_binary(b, KB_MUL, kir_load(b, k->x, at), kir_float(b, DT_f32, 2));
    kir_store(b, k->y, at, kir_binary(b, KB_ADD, twice, kir_load(b, k->y, at)));
}

static const kir_func *done(made *k)
{
    const kir_func *f = kir_end(&k->b);
    const char *broken = kir_verify(k->m, f);
    cr_expect(!broken, "%s", broken ? broken : "");
    return f;
}

static void run(made *k, const kir_func *f, float *y, int64_t dim, int64_t from, int64_t to)
{
    static float x[ROOM];
    for (int i = 0; i < ROOM; i++) x[i] = (float)(i % 97);
    int64_t scalar[3];
    int n = 0;
    for (int i = 0; i < f->scalar.n; i++) scalar[n++] = strcmp(f->scalar.at[i]->name, "S") == 0 ? dim : i + 1 == f->scalar.n ? to : from;
    cr_expect_eq(kir_run(k->m->arena, k->m, f, (void *const[]){x, y}, scalar), 0);
}

/* Has the loops at this depth shared out, and where there is something inside of the outermost, that as often; a bit of
 * `across` for each time. */
static void choose(k_units *list, int depth, int within, unsigned across)
{
    for (int i = 0; i < list->n; i++) {
        k_unit *u = &list->unit[i];
        u->depth = depth < u->nloop ? depth : u->nloop;
        u->within = within > 0 && u->inner;
        u->across = within == 1 && u->within && (across & 1); /* the innermost */
        if (u->within) choose(u->inner, depth, within - 1, across >> 1);
    }
}

/* ---- what ranges touch ---------------------------------------------------------------------- */

/* Is the element of x (0) or y (1) among what is touched, or written? */
static bool is_among(made *k, const k_touches *list, const int *space, int64_t element, bool written)
{
    k_touches probe = {0}, writes = {0};
    k_touch one = {.space = space, .base = 4 * element, .bytes = 4, .first = 4 * element, .last = 4 * element + 3, .writes = true};
    nfc_arena *a = arena_child(k->m->arena);
    vec_push(a, &probe, one);
    for (int i = 0; i < list->n; i++)
        if (!written || list->at[i].writes) vec_push(a, &writes, list->at[i]);
    bool is = k_reaches_meet(&writes, &probe);
    arena_free(a);
    return is;
}

/* k_reach() lists all that the ranged kernel touches there: what it writes is among it, and nothing else counts. */
static void expect_reach(made *k, const kir_func *f, const k_units *u, const kir_func *ranged, const int64_t *scalar, int64_t size)
{
    static float x[2][ROOM], y[2][ROOM];
    static const int space[2];
    const ir_sx *zero = num(k, 0);
    const k_place place[] = {{.space = &space[0], .offset = zero}, {.space = &space[1], .offset = zero}};
    const k_called called = {.func = f, .place = place, .scalar = f->scalar.at};
    int64_t first[K_MAX_UNITS], end[K_MAX_UNITS];
    k_touches list = {0};
    for (int i = 0; i < (u->each ? u->n : 1); i++) {
        first[i] = scalar[2 * i];
        end[i] = scalar[2 * i + 1];
    }
    k_reach(k->m, k->m->arena, &called, u, first, end, &list);
    for (int i = 0; i < ROOM; i++) {
        bool reads_x = i < size && is_among(k, &list, &space[0], i, false), reads_y = i < size && is_among(k, &list, &space[1], i, false);
        x[0][i] = (float)(1 + i % 97);
        y[0][i] = 1;
        x[1][i] = reads_x ? x[0][i] : -1000;
        y[1][i] = reads_y ? y[0][i] : -1000;
    }
    for (int way = 0; way < 2; way++) cr_expect_eq(kir_run(k->m->arena, k->m, ranged, (void *const[]){x[way], y[way]}, scalar), 0);
    for (int i = 0; i < size; i++) {
        bool touched = is_among(k, &list, &space[1], i, false), written = is_among(k, &list, &space[1], i, true);
        cr_expect(written || y[0][i] == 1, "y[%d] is written", i);
        cr_expect(touched ? y[0][i] == y[1][i] : y[1][i] == -1000, "y[%d] comes of what is not listed", i);
    }
}

/* No two of some parts touch what the other writes: they do not, and that must show. */
static void expect_parts_apart(made *k, const kir_func *f, const k_units *u, int64_t n, int64_t threads)
{
    static const int space[2];
    const ir_sx *zero = num(k, 0);
    const k_place place[] = {{.space = &space[0], .offset = zero}, {.space = &space[1], .offset = zero}};
    const k_called called = {.func = f, .place = place, .scalar = f->scalar.at};
    k_touches list[8] = {{0}};
    for (int64_t t = 0; t < threads; t++) {
        const int64_t first = n * t / threads, end = n * (t + 1) / threads;
        k_reach(k->m, k->m->arena, &called, u, &first, &end, &list[t]);
    }
    for (int t = 0; t < threads; t++)
        for (int i = 0; i < t; i++) cr_expect(!k_reaches_meet(&list[t], &list[i]), "parts %d and %d of %d", i, t, (int)threads);
}

static void expect_same(made *k, const kir_func *f, k_units *u, int64_t dim, const float *whole)
{
    static float parts[ROOM];
    int64_t n = 0;
    for (int i = 0; i < u->n; i++) {
        const ir_sx *trips = k_unit_trips(k->m, &u->unit[i]);
        n += sx_is_const(trips) ? sx_value(trips) : dim * (sx_max(trips) / 9);
    }
    kir_func *ranged = k_parts(k->m, f, u);
    cr_expect_eq(ranged->scalar.n, 2 + (k->inside || (dim && u->unit[0].within && !u->unit[0].across)));
    const char *broken = dim ? NULL : kir_verify(k->m, ranged);
    cr_expect(!broken, "%s", broken ? broken : "");
    for (int64_t threads = 1; threads <= n + 1; threads++) {
        memset(parts, 0, sizeof parts);
        for (int64_t t = threads - 1; t >= 0; t--) run(k, ranged, parts, dim, n * t / threads, n * (t + 1) / threads);
        cr_expect(memcmp(whole, parts, sizeof parts) == 0, "%lld parts", (long long)threads);
        for (int64_t t = 0; t < threads && threads < 4 && !dim; t++) expect_reach(k, f, u, ranged, (const int64_t[]){n * t / threads, n * (t + 1) / threads}, sx_value(k->y->size));
    }
}

/* A range of each unit; it is of the run only where there is one. */
static void expect_each(made *k, const kir_func *f, k_units *u, const float *whole)
{
    static float parts[ROOM], x[ROOM];
    int64_t scalar[2 * K_MAX_UNITS];
    u->each = true;
    kir_func *ranged = k_parts(k->m, f, u);
    u->each = false;
    cr_assert_eq(ranged->scalar.n, 2 * u->n);
    const char *broken = kir_verify(k->m, ranged);
    cr_expect(!broken, "%s", broken ? broken : "");
    for (int i = 0; i < ROOM; i++) x[i] = (float)(i % 97);
    for (int64_t threads = 1; threads <= 9; threads++) {
        memset(parts, 0, sizeof parts);
        for (int64_t t = 0; t < threads; t++) {
            k_units each = *u;
            each.each = true;
            for (int i = 0; i < 2 * u->n; i++) scalar[i] = sx_value(k_unit_trips(k->m, &u->unit[i / 2])) * (t + i % 2) / threads;
            cr_expect_eq(kir_run(k->m->arena, k->m, ranged, (void *const[]){x, parts}, scalar), 0);
            if (threads < 4) expect_reach(k, f, &each, ranged, scalar, sx_value(k->y->size));
        }
        cr_expect(memcmp(whole, parts, sizeof parts) == 0, "%lld parts of each unit", (long long)threads);
    }
}

/* With so many units, at any depth, in any number of parts. n: iterations of the outermost loops. */
static k_units expect_parts(made *k, int units, int64_t dim)
{
    static float whole[ROOM];
    const kir_func *f = done(k);
    k_units u = k_units_of(k->m, f);
    cr_assert_eq(u.n, units, "%d units", u.n);
    memset(whole, 0, sizeof whole);
    run(k, f, whole, dim, 0, 0);
    for (int way = 1; way < 1 << K_MAX_OUTER; way++) /* across: the bits below the highest */
        for (int depth = 1; depth <= K_MAX_OUTER; depth++) {
            int within = 0;
            while (way >> (within + 1)) within++;
            choose(&u, depth, within, (unsigned)way);
            expect_same(k, f, &u, dim, whole);
            if (!dim) expect_each(k, f, &u, whole);
        }
    return u;
}

Test(parts, one_loop)
{
    made k = begin(13);
    add_to(&k, loop(&k, KIR_PARALLEL, "i", 0, 13));
    close(&k, 1);
    expect_parts(&k, 1, 0);
}

Test(parts, begins_elsewhere)
{
    made k = begin(13);
    const ir_sx *i = loop(&k, KIR_PARALLEL, "begin", 3, 7); /* a name that a scalar would have */
    const ir_sx *j = loop(&k, KIR_PARALLEL, "end", 1, 3);
    add_to(&k, plus(&k, times(&k, plus(&k, i, num(&k, -3)), 3), j));
    close(&k, 2);
    expect_parts(&k, 1, 0);
}

Test(parts, nest)
{
    made k = begin(3 * 5 * 7 * 4);
    const ir_sx *at = loop(&k, KIR_PARALLEL, "n", 0, 3);
    at = plus(&k, times(&k, at, 5), loop(&k, KIR_PARALLEL, "h", 0, 5));
    at = plus(&k, times(&k, at, 7), loop(&k, KIR_PARALLEL, "w", 0, 7));
    at = plus(&k, times(&k, at, 4), loop(&k, KIR_SERIAL, "c", 0, 4));
    add_to(&k, at);
    close(&k, 4);
    k_units u = expect_parts(&k, 1, 0);
    const kir_func *f = k.b.func;
    for (int depth = 1; depth <= 3; depth++) {
        choose(&u, depth, 0, 0);
        for (int64_t threads = 2; threads <= 8; threads++) expect_parts_apart(&k, f, &u, sx_value(k_unit_trips(k.m, &u.unit[0])), threads);
    }
}

Test(parts, of_the_run)
{
    made k = begin(9 * 6);
    const ir_sx *i = kir_for(&k.b, KIR_PARALLEL, "i", num(&k, 0), k.S), *j = loop(&k, KIR_PARALLEL, "j", 0, 6);
    add_to(&k, plus(&k, times(&k, i, 6), j));
    close(&k, 2);
    expect_parts(&k, 1, 7);
}

/* A dim that every part needs, as it does not say how many iterations are shared out. */
Test(parts, of_the_run_inside)
{
    made k = begin(6 * 9);
    k.inside = true;
    const ir_sx *i = loop(&k, KIR_PARALLEL, "i", 0, 6), *j = kir_for(&k.b, KIR_SERIAL, "j", num(&k, 0), k.S);
    add_to(&k, plus(&k, times(&k, i, 9), j));
    close(&k, 2);
    expect_parts(&k, 1, 7);
}

/* A loop that begins at either end, as a dim says, needs that in every part. */
Test(parts, of_a_turning_loop)
{
    made k = begin(6 * 9);
    k.inside = true;
    const ir_sx *i = loop(&k, KIR_PARALLEL, "i", 0, 6);
    vec_last(&k.b.open)->turn = k.S;
    add_to(&k, i);
    close(&k, 1);
    expect_parts(&k, 1, 7);
}

/* Segments of one axis, with edges and tails that are done as one; the axis in the middle of a tensor. */
Test(parts, segments)
{
    made k = begin(4 * 53 * 3);
    const int64_t edge = 1, lanes = 16;
    for (int segment = 0; segment < 4; segment++) {
        int64_t from = (const int64_t[]){0, edge, edge + 3 * lanes, 52}[segment], n = (const int64_t[]){1, 3, 3, 1}[segment], wide = segment == 1 ? lanes : 1;
        const ir_sx *o = loop(&k, KIR_PARALLEL, "o", 0, n);
        const ir_sx *r = loop(&k, KIR_PARALLEL, "r", 0, 4), *c = loop(&k, KIR_SERIAL, "c", 0, 3), *v = loop(&k, KIR_SERIAL, "v", 0, wide);
        const ir_sx *at = plus(&k, plus(&k, times(&k, o, wide), v), num(&k, from));
        add_to(&k, plus(&k, times(&k, plus(&k, times(&k, r, 53), at), 3), c));
        close(&k, 4);
    }
    expect_parts(&k, 4, 0);
}

/* Rows that are left over in each of the outer iterations, a named index, and what is done as one there. */
Test(parts, inside_of_a_loop)
{
    made k = begin(6 * 40);
    const ir_sx *n = loop(&k, KIR_PARALLEL, "n", 0, 6), *base = kir_let_index(&k.b, "base", kir_index(&k.b, times(&k, n, 40)), 0, 200);
    const ir_sx *t = loop(&k, KIR_PARALLEL, "t", 0, 9), *r = loop(&k, KIR_SERIAL, "r", 0, 4);
    add_to(&k, plus(&k, base, plus(&k, times(&k, t, 4), r)));
    close(&k, 2);
    const ir_sx *rest = loop(&k, KIR_PARALLEL, "rest", 36, 39);
    add_to(&k, plus(&k, base, rest));
    close(&k, 1);
    add_to(&k, plus(&k, base, num(&k, 39)));
    close(&k, 1);
    k_units u = expect_parts(&k, 1, 0);
    cr_assert(u.unit[0].inner && u.unit[0].inner->n == 3, "the units inside");
    choose(&u, 1, 1, 0);
    cr_expect_eq(sx_value(k_unit_trips(k.m, &u.unit[0])), 9 + 3 + 1);
}

/* What is done inside goes by the outer loop: it is not the same range in each iteration. */
Test(parts, triangle_inside)
{
    made k = begin(64);
    const ir_sx *i = loop(&k, KIR_PARALLEL, "i", 0, 8), *j = kir_for(&k.b, KIR_PARALLEL, "j", num(&k, 0), plus(&k, i, num(&k, 1)));
    add_to(&k, plus(&k, times(&k, i, 8), j));
    close(&k, 2);
    cr_expect(!expect_parts(&k, 1, 0).unit[0].inner);
}

/* Two of the iterations inside write what another one does. */
Test(parts, overlap_inside)
{
    made k = begin(60);
    const ir_sx *i = loop(&k, KIR_PARALLEL, "i", 0, 6);
    add_to(&k, plus(&k, times(&k, i, 10), loop(&k, KIR_PARALLEL, "j", 0, 6)));
    close(&k, 1);
    add_to(&k, plus(&k, times(&k, i, 10), loop(&k, KIR_PARALLEL, "k", 5, 10)));
    close(&k, 2);
    cr_expect(!expect_parts(&k, 1, 0).unit[0].inner);
}

Test(parts, statements_as_one)
{
    made k = begin(40);
    kir_buffer *acc = kir_alloc(&k.b, "acc", DT_f32, 1);
    kir_store(&k.b, acc, num(&k, 0), kir_float(&k.b, DT_f32, 1));
    const ir_sx *i = loop(&k, KIR_SERIAL, "i", 0, 40);
    kir_accum(&k.b, KB_ADD, acc, num(&k, 0), kir_load(&k.b, k.x, i));
    close(&k, 1);
    kir_store(&k.b, k.y, num(&k, 39), kir_load(&k.b, acc, num(&k, 0)));
    add_to(&k, loop(&k, KIR_PARALLEL, "j", 0, 39));
    close(&k, 1);
    expect_parts(&k, 2, 0);
}

/* ---- what is refused ------------------------------------------------------------------------ */

static void expect_refused(made *k)
{
    const kir_func *f = done(k);
    cr_expect_eq(k_units_of(k->m, f).n, 0);
}

Test(parts, overlap)
{
    made k = begin(13);
    add_to(&k, loop(&k, KIR_PARALLEL, "i", 0, 8));
    close(&k, 1);
    add_to(&k, loop(&k, KIR_PARALLEL, "j", 7, 13)); /* 7 is in both */
    close(&k, 1);
    expect_refused(&k);
}

Test(parts, reads_what_was_written)
{
    made k = begin(13);
    add_to(&k, loop(&k, KIR_PARALLEL, "i", 0, 6));
    close(&k, 1);
    const ir_sx *j = loop(&k, KIR_PARALLEL, "j", 6, 12);
    kir_store(&k.b, k.y, j, kir_load(&k.b, k.y, plus(&k, j, num(&k, -6)))); /* y[0] to y[5] */
    close(&k, 1);
    expect_refused(&k);
}

Test(parts, meets_between_steps)
{
    made k = begin(60);
    const ir_sx *i = loop(&k, KIR_PARALLEL, "i", 0, 5), *c = loop(&k, KIR_SERIAL, "c", 0, 3);
    add_to(&k, plus(&k, times(&k, i, 12), c)); /* 0..2 of each dozen */
    close(&k, 2);
    const ir_sx *j = loop(&k, KIR_PARALLEL, "j", 0, 5), *d = loop(&k, KIR_SERIAL, "d", 2, 5);
    add_to(&k, plus(&k, times(&k, j, 12), d)); /* 2..4 */
    close(&k, 2);
    expect_refused(&k);
}

Test(parts, apart_between_steps)
{
    made k = begin(60);
    const ir_sx *i = loop(&k, KIR_PARALLEL, "i", 0, 5), *c = loop(&k, KIR_SERIAL, "c", 0, 3);
    add_to(&k, plus(&k, times(&k, i, 12), c));
    close(&k, 2);
    const ir_sx *j = loop(&k, KIR_PARALLEL, "j", 0, 5), *d = loop(&k, KIR_SERIAL, "d", 3, 5);
    add_to(&k, plus(&k, times(&k, j, 12), d));
    close(&k, 2);
    expect_parts(&k, 2, 0);
}

Test(parts, local_of_both)
{
    made k = begin(13);
    kir_buffer *acc = kir_alloc(&k.b, "acc", DT_f32, 1);
    kir_store(&k.b, acc, num(&k, 0), kir_load(&k.b, k.x, num(&k, 3)));
    const ir_sx *i = loop(&k, KIR_PARALLEL, "i", 0, 13);
    kir_store(&k.b, k.y, i, kir_load(&k.b, acc, num(&k, 0))); /* another part may not have set it */
    close(&k, 1);
    expect_refused(&k);
}

Test(parts, named_result)
{
    made k = begin(13);
    const kir_expr *first = kir_let(&k.b, "first", kir_load(&k.b, k.y, num(&k, 0)));
    const ir_sx *i = loop(&k, KIR_PARALLEL, "i", 0, 13);
    kir_store(&k.b, k.y, i, kir_binary(&k.b, KB_ADD, first, kir_load(&k.b, k.x, i)));
    close(&k, 1);
    expect_refused(&k);
}

Test(parts, blocks)
{
    made k = begin(60);
    kir_copy(&k.b, k.y, num(&k, 0), k.x, num(&k, 0), num(&k, 20));
    add_to(&k, loop(&k, KIR_PARALLEL, "i", 20, 60));
    close(&k, 1);
    expect_parts(&k, 2, 0);
    made l = begin(60);
    kir_copy(&l.b, l.y, num(&l, 0), l.x, num(&l, 0), num(&l, 21));
    add_to(&l, loop(&l, KIR_PARALLEL, "i", 20, 60));
    close(&l, 1);
    expect_refused(&l);
}

Test(parts, no_loop)
{
    made k = begin(4);
    add_to(&k, num(&k, 0));
    add_to(&k, loop(&k, KIR_SERIAL, "i", 1, 4));
    close(&k, 1);
    expect_parts(&k, 1, 0); /* done as one */
}

/* ---- what all parts read ---------------------------------------------------------------------- */

static int64_t whole(made *k, const kir_func *f, int depth, int parts)
{
    k_units u = k_units_of(k->m, f);
    cr_assert_eq(u.n, 1);
    u.unit[0].depth = depth;
    int64_t bytes[2] = {-1, -1};
    k_whole_bytes(k->m, f, &u.unit[0], parts, 1, bytes);
    cr_expect_eq(bytes[1], 0, "y is not read");
    return bytes[0];
}

/* y[m][n] += x[16 k + n]: each part of the rows reads all of x, a part of the columns its own. */
Test(parts, rows_read_all_columns)
{
    made k = begin(10 * 16);
    const ir_sx *m = loop(&k, KIR_PARALLEL, "m", 0, 10), *n = loop(&k, KIR_PARALLEL, "n", 0, 16), *s = loop(&k, KIR_SERIAL, "s", 0, 5);
    const ir_sx *at = plus(&k, times(&k, m, 16), n);
    kir_store(&k.b, k.y, at, kir_load(&k.b, k.x, plus(&k, times(&k, s, 16), n)));
    close(&k, 3);
    const kir_func *f = done(&k);
    cr_expect_eq(whole(&k, f, 1, 2), 4 * 160); /* what it may touch at most */
    cr_expect_eq(whole(&k, f, 2, 10), 4 * 160);
    cr_expect_eq(whole(&k, f, 2, 11), 0); /* a range is shorter than a row */
}

/* The index is named on the way; fewer elements than the buffer has. */
Test(parts, columns_read_their_own)
{
    made k = begin(100);
    const ir_sx *n = loop(&k, KIR_PARALLEL, "n", 0, 10), *named = kir_let_index(&k.b, "named", kir_index(&k.b, times(&k, n, 10)), 0, 90);
    const ir_sx *s = loop(&k, KIR_SERIAL, "s", 0, 10);
    const kir_expr *own = kir_load(&k.b, k.x, plus(&k, named, s)), *all = kir_load(&k.b, k.x, num(&k, 99));
    kir_store(&k.b, k.y, plus(&k, named, s), kir_binary(&k.b, KB_ADD, own, all));
    close(&k, 2);
    cr_expect_eq(whole(&k, done(&k), 1, 2), 4 * 100); /* as often as it is read, but no more than there is */
}
