/* Kernels by hand: every operator on every computing type, every conversion, and what op tests have few of. */
#include "tests/vectors/vectors.h"

typedef struct {
    ir_module *m;
    sx_table *sx;
    kir_builder b;
    int64_t width;
    const ir_sx *v; /* the lane */
    kir_buffer *x, *z, *y, *q;
    int64_t at;     /* where the next results go in y, and in q */
    take_kernel *take;
    void *env;
} maker;

static const ir_sx *num(maker *k, int64_t v) { return sx_int(k->sx, v); }
static const ir_sx *times(maker *k, int64_t n, const ir_sx *x) { return sx_mul(k->sx, num(k, n), x); }
static const ir_sx *plus(maker *k, const ir_sx *a, const ir_sx *b) { return sx_add(k->sx, a, b); }
static const ir_sx *lane_plus(maker *k, int64_t n) { return plus(k, k->v, num(k, n)); }
static const kir_expr *load(maker *k, kir_buffer *b, const ir_sx *at) { return kir_load(&k->b, b, at); }
static const kir_expr *bin(maker *k, kir_bin op, const kir_expr *a, const kir_expr *b) { return kir_binary(&k->b, op, a, b); }

static void begin(maker *k, const char *what, nfc_dtype t)
{
    kir_begin(&k->b, k->m, arena_printf(k->m->arena, "%s_%s_x%d", what, dtype_name(t), (int)k->width));
    k->at = 0;
}

static void lanes(maker *k) { k->v = kir_for(&k->b, KIR_VECTOR, "v", num(k, 0), num(k, k->width)); }
static void close(maker *k) { kir_close(&k->b); }
static void end(maker *k) { k->take(k->env, kir_end(&k->b)); }

/* The next results: bools to q, others to y. */
static void give(maker *k, const kir_expr *e)
{
    kir_store(&k->b, e->type == DT_bool ? k->q : k->y, lane_plus(k, k->at), e);
    k->at += k->width;
}

/* ---- operators ----------------------------------------------------------------------------- */

static bool is_float(nfc_dtype t) { return dtype_is_float(t); }

static bool takes_un(kir_un op, nfc_dtype t)
{
    if (op == KU_BITS || op == KU_SIXTEENTH) return false; /* the latter only where there is an instruction: tests/math, tests/ragged */
    if (op == KU_NOT) return t == DT_bool;
    if (op == KU_BNOT) return t != DT_bool && !is_float(t);
    if (t == DT_bool) return false;
    return is_float(t) || op == KU_NEG || (op == KU_ABS && dtype_is_signed(t));
}

static bool takes_bin(kir_bin op, nfc_dtype t)
{
    if (op == KB_SCALE) return false; /* only where there is an instruction: tests/math, tests/ragged */
    bool boolean = op == KB_AND || op == KB_OR, bits = op == KB_BAND || op == KB_BOR || op == KB_BXOR, shift = op == KB_SHL || op == KB_SHR;
    if (t == DT_bool) return boolean || bits || op == KB_EQ || op == KB_NE || op == KB_LT || op == KB_LE;
    if (is_float(t)) return !boolean && !bits && !shift && op != KB_REM;
    return !boolean && op != KB_FMOD && op != KB_POW;
}

/* A second operand that the operator takes: no divisor is 0, no shift too far. */
static const kir_expr *second(maker *k, kir_bin op, const kir_expr *e)
{
    nfc_dtype t = (nfc_dtype)e->type;
    if (is_float(t)) return e;
    if (op == KB_DIV || op == KB_REM) return bin(k, KB_BOR, e, kir_int(&k->b, t, 1));
    return op == KB_SHL || op == KB_SHR ? bin(k, KB_BAND, e, kir_int(&k->b, t, dtype_table[t].bits - 1)) : e;
}

static void give_bin(maker *k, kir_bin op, const kir_expr *x, const kir_expr *z) { give(k, bin(k, op, x, second(k, op, z))); }

static void operators(maker *k, nfc_dtype t)
{
    begin(k, "operators", t);
    const ir_sx *room = num(k, 256 * k->width);
    k->x = kir_param(&k->b, "x", t, num(k, 2 * k->width));
    k->z = kir_param(&k->b, "z", t, num(k, 2 * k->width));
    k->q = kir_param(&k->b, "q", DT_bool, room);
    k->y = t == DT_bool ? k->q : kir_param(&k->b, "y", t, room);
    lanes(k);
    const kir_expr *x = load(k, k->x, k->v), *z = load(k, k->z, lane_plus(k, 1)), *one = load(k, k->x, num(k, k->width)), *other = load(k, k->z, num(k, 0));
    for (int op = 0; op < KU_COUNT; op++)
        if (takes_un((kir_un)op, t)) give(k, kir_unary(&k->b, (kir_un)op, x));
    for (int op = 0; op < KB_COUNT; op++) {
        if (!takes_bin((kir_bin)op, t)) continue;
        give_bin(k, (kir_bin)op, x, z);
        give_bin(k, (kir_bin)op, x, one);
        give_bin(k, (kir_bin)op, one, z);
        give_bin(k, (kir_bin)op, x, kir_number(&k->b, t, op == KB_MIN || op == KB_MAX ? 0 : 1));
    }
    const kir_expr *differs = bin(k, KB_LT, x, z), *alike = bin(k, KB_LT, one, other), *masks = bin(k, KB_AND, differs, bin(k, KB_OR, alike, kir_unary(&k->b, KU_NOT, bin(k, KB_EQ, z, one))));
    const kir_expr *const conditions[] = {differs, alike, masks};
    for (int i = 0; i < 3; i++) {
        give(k, kir_select(&k->b, conditions[i], x, z));
        give(k, kir_select(&k->b, conditions[i], x, one));
        give(k, kir_select(&k->b, conditions[i], one, other));
        give(k, kir_select(&k->b, conditions[i], alike, differs));
        give(k, kir_let(&k->b, "kept", conditions[i]));
    }
    if (is_float(t)) {
        give(k, kir_fma(&k->b, x, z, one));
        give(k, kir_fma(&k->b, one, other, x));
        nfc_dtype word = t == DT_f32 ? DT_u32 : DT_u64, whole = t == DT_f32 ? DT_i32 : DT_i64;
        const kir_expr *raised = bin(k, KB_ADD, bin(k, KB_SHR, kir_bits(&k->b, whole, x), kir_int(&k->b, whole, 1)), kir_bits(&k->b, whole, z));
        give(k, kir_bits(&k->b, t, raised));
        give(k, kir_bits(&k->b, t, bin(k, KB_BXOR, kir_bits(&k->b, word, x), kir_bits(&k->b, word, one))));
    }
    close(k);
    end(k);
}

/* ---- conversions --------------------------------------------------------------------------- */

/* From one element type, by way of what it is computed in, to every computing type and what is stored of it. */
static void conversions(maker *k, nfc_dtype from, bool apart)
{
    begin(k, apart ? "conversions_apart" : "conversions", from);
    k->x = kir_param(&k->b, "x", from, num(k, 3 * k->width));
    kir_buffer *to[DT_COUNT] = {NULL};
    for (int t = 0; t < DT_COUNT; t++)
        if (t != DT_string) to[t] = kir_param(&k->b, arena_printf(k->m->arena, "to_%s", dtype_name((nfc_dtype)t)), (nfc_dtype)t, num(k, 3 * k->width));
    lanes(k);
    const kir_expr *x = load(k, k->x, times(k, apart ? 3 : 1, k->v));
    const ir_sx *at = apart ? plus(k, times(k, 2, k->v), num(k, k->width)) : k->v;
    for (int t = 0; t < DT_COUNT; t++) {
        if (!to[t]) continue;
        kir_store(&k->b, to[t], at, kir_cast(&k->b, kir_compute((nfc_dtype)t), kir_cast(&k->b, kir_compute(from), x)));
    }
    close(k);
    end(k);
}

/* ---- places -------------------------------------------------------------------------------- */

/* Locals of each lane, of all lanes and outside; sums into what is shared; bounds and guards that are the same for all. */
static void places(maker *k, nfc_dtype t)
{
    begin(k, "places", t);
    bool boolean = t == DT_bool;
    k->x = kir_param(&k->b, "x", t, num(k, 8 * k->width));
    k->y = kir_param(&k->b, "y", t, num(k, 4 * k->width));
    k->z = kir_param(&k->b, "z", t, num(k, 4 * k->width));
    kir_buffer *outside = kir_alloc(&k->b, "outside", t, 2 * k->width);
    lanes(k);
    kir_buffer *own = kir_alloc(&k->b, "own", t, 4), *one = kir_alloc(&k->b, "one", t, 1), *alike = kir_alloc(&k->b, "alike", t, 2);
    kir_store(&k->b, one, num(k, 0), load(k, k->x, num(k, 3)));
    kir_store(&k->b, alike, num(k, 1), load(k, k->x, num(k, 1)));
    const ir_sx *i = kir_for(&k->b, KIR_UNROLL, "i", num(k, 0), num(k, 4));
    kir_store(&k->b, own, i, load(k, alike, num(k, 1)));
    close(k);
    const ir_sx *n = kir_for(&k->b, KIR_SERIAL, "n", num(k, 0), num(k, 3));
    i = kir_for(&k->b, KIR_UNROLL, "i", num(k, 0), num(k, 4));
    kir_bin sum = boolean ? KB_OR : is_float(t) || dtype_bytes(t) > 2 ? KB_ADD : KB_MAX;
    bool computes = kir_computes((kir_type)t);
    const kir_expr *next = load(k, k->x, plus(k, plus(k, n, i), times(k, 3, k->v)));
    if (computes) kir_accum(&k->b, sum, own, i, next);
    else kir_store(&k->b, own, i, next);
    close(k);
    close(k);
    const kir_expr *x = load(k, k->x, num(k, 0)), *guard = boolean ? x : bin(k, KB_LT, kir_cast(&k->b, kir_compute(t), x), kir_number(&k->b, kir_compute(t), 1));
    kir_if(&k->b, guard);
    kir_store(&k->b, one, num(k, 0), load(k, own, num(k, 2)));
    close(k);
    kir_store(&k->b, outside, times(k, 2, k->v), load(k, one, num(k, 0)));
    kir_store(&k->b, outside, plus(k, times(k, 2, k->v), num(k, 1)), load(k, own, num(k, 3)));
    i = kir_for(&k->b, KIR_SERIAL, "i", num(k, 0), num(k, 4));
    const ir_sx *to = plus(k, times(k, k->width, i), k->v), *apart = plus(k, times(k, 4, k->v), i);
    kir_store(&k->b, k->y, to, load(k, own, i));
    if (computes) {
        kir_accum(&k->b, sum, k->y, to, load(k, outside, times(k, 2, k->v)));
        kir_accum(&k->b, boolean ? KB_AND : is_float(t) ? KB_MUL : KB_MIN, k->z, apart, load(k, outside, plus(k, times(k, 2, k->v), num(k, 1))));
    } else {
        kir_store(&k->b, k->z, apart, load(k, outside, times(k, 2, k->v)));
    }
    close(k);
    close(k);
    end(k);
}

/* Numbers of lanes; with an extent beyond 32 bits, if it is large, they are wide. */
static void numbers(maker *k, bool large)
{
    begin(k, large ? "numbers_wide" : "numbers", DT_f32);
    ir_sym *n = sx_new_sym(k->sx, "N", 1, large ? INT64_C(1) << 33 : 64, NO_SPAN);
    n->is_dim = true;
    const ir_sx *extent = sx_sym(k->sx, n);
    k->x = kir_param(&k->b, "x", DT_f32, times(k, k->width, extent));
    k->y = kir_param(&k->b, "y", DT_f32, times(k, 5 * k->width, extent));
    kir_buffer *i = kir_param(&k->b, "whole", DT_i32, times(k, k->width, extent)), *w = kir_param(&k->b, "wide", DT_i64, times(k, k->width, extent));
    const ir_sx *row = kir_for(&k->b, KIR_SERIAL, "row", num(k, 0), extent);
    lanes(k);
    const ir_sx *at = plus(k, times(k, k->width, row), k->v), *back = plus(k, plus(k, times(k, k->width, extent), num(k, -1)), times(k, -1, at));
    const kir_expr *here = kir_index(&k->b, at), *there = kir_index(&k->b, times(k, 7, k->v));
    kir_store(&k->b, i, at, kir_cast(&k->b, DT_i32, here));
    kir_store(&k->b, w, back, kir_cast(&k->b, DT_i64, bin(k, KB_MAX, there, kir_index(&k->b, row))));
    const kir_expr *x = load(k, k->x, back), *inside = bin(k, KB_LT, there, kir_index(&k->b, extent));
    kir_store(&k->b, k->y, times(k, 5, at), kir_select(&k->b, inside, x, kir_cast(&k->b, DT_f32, bin(k, KB_MIN, here, there))));
    close(k);
    close(k);
    end(k);
}

/* Elements a few apart, up to the last one of a buffer. */
static void strides(maker *k, nfc_dtype t)
{
    enum { MOST = 6 };
    begin(k, "strides", t);
    kir_buffer *x[MOST + 1] = {NULL};
    for (int step = 2; step <= MOST; step++) x[step] = kir_param(&k->b, arena_printf(k->m->arena, "x%d", step), t, num(k, step * (k->width - 1) + 1));
    k->y = kir_param(&k->b, "y", t, num(k, MOST * k->width));
    lanes(k);
    for (int step = 2; step <= MOST; step++) kir_store(&k->b, k->y, lane_plus(k, (step - 2) * k->width), load(k, x[step], times(k, step, k->v)));
    close(k);
    end(k);
}

/* A tile of products as schedules make them: sums in registers. */
static void tile(maker *k, nfc_dtype t, int64_t rows)
{
    enum { DEPTH = 7, VECTORS = 2 };
    begin(k, "tile", t);
    int64_t columns = VECTORS * k->width;
    kir_buffer *a = kir_param(&k->b, "a", t, num(k, rows * DEPTH)), *b = kir_param(&k->b, "b", t, num(k, DEPTH * columns)), *y = kir_param(&k->b, "y", t, num(k, rows * columns));
    lanes(k);
    kir_buffer *sum = kir_alloc(&k->b, "sum", t, rows * VECTORS);
    for (int part = 0; part < 3; part++) {
        const ir_sx *d = part == 1 ? kir_for(&k->b, KIR_SERIAL, "d", num(k, 0), num(k, DEPTH)) : NULL;
        const ir_sx *i = kir_for(&k->b, KIR_UNROLL, "i", num(k, 0), num(k, rows)), *j = kir_for(&k->b, KIR_UNROLL, "j", num(k, 0), num(k, VECTORS));
        const ir_sx *at = plus(k, times(k, VECTORS, i), j), *column = plus(k, times(k, k->width, j), k->v);
        const kir_expr *zero = kir_float(&k->b, t, 0);
        if (part == 0) kir_store(&k->b, sum, at, zero);
        if (d) kir_store(&k->b, sum, at, kir_fma(&k->b, load(k, a, plus(k, times(k, DEPTH, i), d)), load(k, b, plus(k, times(k, columns, d), column)), load(k, sum, at)));
        if (part == 2) kir_store(&k->b, y, plus(k, times(k, columns, i), column), bin(k, KB_MAX, load(k, sum, at), zero));
        close(k);
        close(k);
        if (d) close(k);
    }
    close(k);
    end(k);
}

void make_kernels(ir_module *m, int64_t most, take_kernel *take, void *env)
{
    maker maker_ = {.m = m, .sx = &m->sx, .take = take, .env = env}, *k = &maker_;
    for (k->width = most; k->width >= 2; k->width /= 4) {
        for (int t = 0; t < DT_COUNT; t++) {
            if (t == DT_string) continue;
            if (kir_computes((kir_type)t)) operators(k, (nfc_dtype)t);
            conversions(k, (nfc_dtype)t, false);
            conversions(k, (nfc_dtype)t, true);
            places(k, (nfc_dtype)t);
            strides(k, (nfc_dtype)t);
        }
        numbers(k, false);
        numbers(k, true);
        tile(k, DT_f32, 4);
        tile(k, DT_f64, 3);
    }
}
