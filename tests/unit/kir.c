/* kir_verify(): small kernels that must be refused, each with one beside it that is right. */
#include "ir/kir.h"
#include "tests/unit/unit.h"

typedef struct {
    ir_module *m;
    sx_table *sx;
    kir_builder b;
    const ir_sx *S, *T;            /* dims: 1..16 and 0..8 */
    kir_buffer *x, *y, *n, *h, *p; /* f32 [S], f32 [S * T], i32 [S], f16 [S], f32 [64] */
} kernel;

static const ir_sx *num(kernel *k, int64_t v) { return sx_int(k->sx, v); }
static const ir_sx *add(kernel *k, const ir_sx *a, const ir_sx *b) { return sx_add(k->sx, a, b); }
static const ir_sx *sub(kernel *k, const ir_sx *a, const ir_sx *b) { return sx_sub(k->sx, a, b); }
static const ir_sx *mul(kernel *k, const ir_sx *a, const ir_sx *b) { return sx_mul(k->sx, a, b); }
static const ir_sx *plus(kernel *k, const ir_sx *a, int64_t v) { return sx_add(k->sx, a, num(k, v)); }
static const ir_sx *times(kernel *k, int64_t v, const ir_sx *a) { return sx_mul(k->sx, num(k, v), a); }

static kernel begin(void)
{
    kernel k = {.m = unit_empty(unit_session())};
    k.sx = &k.m->sx;
    ir_sym *s = sx_new_sym(k.sx, "S", 1, 16, NO_SPAN), *t = sx_new_sym(k.sx, "T", 0, 8, NO_SPAN);
    s->is_dim = t->is_dim = true;
    k.S = sx_sym(k.sx, s);
    k.T = sx_sym(k.sx, t);
    return k;
}

static void open(kernel *k)
{
    kir_begin(&k->b, k->m, "made");
    k->x = kir_param(&k->b, "x", DT_f32, k->S);
    k->y = kir_param(&k->b, "y", DT_f32, mul(k, k->S, k->T));
    k->n = kir_param(&k->b, "n", DT_i32, k->S);
    k->h = kir_param(&k->b, "h", DT_f16, k->S);
    k->p = kir_param(&k->b, "p", DT_f32, num(k, 64));
}

static const ir_sx *serial(kernel *k, const ir_sx *extent) { return kir_for(&k->b, KIR_SERIAL, "i", num(k, 0), extent); }
static const ir_sx *parallel(kernel *k, const ir_sx *extent) { return kir_for(&k->b, KIR_PARALLEL, "j", num(k, 0), extent); }
static const ir_sx *grid(kernel *k, const ir_sx *extent) { return kir_for(&k->b, KIR_GRID, "g", num(k, 0), extent); }
static const kir_expr *load(kernel *k, kir_buffer *b, const ir_sx *at) { return kir_load(&k->b, b, at); }
static const kir_expr *f32(kernel *k, double v) { return kir_float(&k->b, DT_f32, v); }
static const kir_expr *i32(kernel *k, int64_t v) { return kir_int(&k->b, DT_i32, v); }
static const kir_expr *bin(kernel *k, kir_bin op, const kir_expr *a, const kir_expr *b) { return kir_binary(&k->b, op, a, b); }
static const kir_expr *un(kernel *k, kir_un op, const kir_expr *a) { return kir_unary(&k->b, op, a); }
static const kir_expr *at(kernel *k, const ir_sx *x) { return kir_index(&k->b, x); }
static void put(kernel *k, kir_buffer *b, const ir_sx *index) { kir_store(&k->b, b, index, f32(k, 1)); }
static void close(kernel *k) { kir_close(&k->b); }
/* An index that is below n, behind a guard, with a name. */
static const ir_sx *below(kernel *k, const ir_sx *x, int64_t n)
{
    kir_if(&k->b, kir_binary(&k->b, KB_LT, kir_index(&k->b, x), kir_int(&k->b, KIR_INDEX_TYPE, n)));
    return kir_let_index(&k->b, "w", kir_index(&k->b, x), 0, n - 1);
}
/* The last statement that was added. */
static kir_stmt *last(kernel *k)
{
    kir_stmt *into = vec_last(&k->b.open);
    return vec_last(&into->body);
}
/* Uses a value: stores it in y's stead, in a local of its own. */
static void use(kernel *k, const kir_expr *e)
{
    kir_buffer *local = kir_alloc(&k->b, "use", (nfc_dtype)e->type, 1);
    kir_store(&k->b, local, num(k, 0), e);
}

/* The statements make a kernel which the verifier refuses with this message; NULL: it must pass. */
#define KERNEL(name, part, ...)                                                                    \
    Test(kir, name)                                                                                \
    {                                                                                              \
        kernel kernel_ = begin(), *k = &kernel_;                                                   \
        open(k);                                                                                   \
        __VA_ARGS__;                                                                               \
        const kir_func *f = kir_end(&k->b);                                                        \
        check(k, f, part);                                                                         \
    }

static void check(kernel *k, const kir_func *f, const char *part)
{
    const char *broken = kir_verify(k->m, f);
    if (broken && part && unit_has(broken, part)) return;
    if (!broken && !part) return;
    kir_print(stderr, k->m->arena, f);
    cr_assert_fail("%s, not: %s", broken ? broken : "it passes", part ? part : "it passes");
}

/* ---- indices ------------------------------------------------------------------------------- */

KERNEL(index_in_range, NULL, const ir_sx *i = serial(k, k->S); put(k, k->x, i); use(k, load(k, k->x, i)))
KERNEL(index_one_too_far, "can reach its size S", const ir_sx *i = serial(k, k->S); put(k, k->x, plus(k, i, 1)))
KERNEL(index_one_too_low, "can be negative", const ir_sx *i = serial(k, k->S); put(k, k->x, plus(k, i, -1)))
KERNEL(index_from_behind, NULL, const ir_sx *i = serial(k, k->S); put(k, k->x, sub(k, plus(k, k->S, -1), i)))
KERNEL(index_from_too_far_behind, "can be negative", const ir_sx *i = serial(k, k->S); put(k, k->x, sub(k, plus(k, k->S, -2), i)))
KERNEL(loop_to_the_bound_of_a_dim, "can reach its size S", const ir_sx *i = serial(k, num(k, 16)); put(k, k->x, i))
KERNEL(loop_to_a_dim_below_the_size, NULL, const ir_sx *i = serial(k, k->S); put(k, k->p, i))
KERNEL(load_too_far, "can reach its size S", const ir_sx *i = serial(k, k->S); use(k, load(k, k->x, plus(k, i, 1))))
KERNEL(load_in_a_guard_too_far, "can reach its size S", const ir_sx *i = serial(k, plus(k, k->S, 1)); kir_if(&k->b, bin(k, KB_LT, load(k, k->x, i), f32(k, 0))); put(k, k->p, i))
KERNEL(first_element_of_what_may_be_empty, "can reach its size", put(k, k->y, num(k, 0)))
KERNEL(first_element_of_what_is_not_empty, NULL, put(k, k->x, num(k, 0)))
KERNEL(matrix, NULL, const ir_sx *i = serial(k, k->S), *j = serial(k, k->T); put(k, k->y, add(k, mul(k, i, k->T), j)))
KERNEL(transposed_matrix, NULL, const ir_sx *i = serial(k, k->T), *j = serial(k, k->S); put(k, k->y, add(k, mul(k, i, k->S), j)))
KERNEL(matrix_with_the_other_stride, "can reach its size", const ir_sx *i = serial(k, k->S), *j = serial(k, k->T); put(k, k->y, add(k, mul(k, i, k->S), j)))
KERNEL(triangle, NULL, const ir_sx *i = serial(k, k->S), *j = serial(k, plus(k, i, 1)); put(k, k->x, j))
KERNEL(triangle_too_far, "can reach its size", const ir_sx *i = serial(k, k->S), *j = serial(k, plus(k, i, 2)); put(k, k->x, j))
KERNEL(loop_from_a_negative_number, "can be negative", const ir_sx *i = kir_for(&k->b, KIR_SERIAL, "i", num(k, -1), k->S); put(k, k->x, i))
KERNEL(quotient, NULL, const ir_sx *i = serial(k, times(k, 4, k->S)); put(k, k->x, sx_div(k->sx, i, 4)))
KERNEL(quotient_too_far, "can reach its size", const ir_sx *i = serial(k, plus(k, times(k, 4, k->S), 1)); put(k, k->x, sx_div(k->sx, i, 4)))
KERNEL(remainder_in_range, NULL, const ir_sx *i = serial(k, times(k, 64, k->S)); put(k, k->p, sx_mod(k->sx, i, 64)))
KERNEL(remainder_too_far, "can reach its size", const ir_sx *i = serial(k, times(k, 65, k->S)); put(k, k->p, sx_mod(k->sx, i, 65)))
KERNEL(negative_dividend, "the dividend i - i_2 can be negative", const ir_sx *i = serial(k, k->S), *j = serial(k, k->S); put(k, k->p, sx_mod(k->sx, sub(k, i, j), 7)))
KERNEL(negative_dividend_of_a_quotient, "can be negative", const ir_sx *i = serial(k, k->S), *j = serial(k, k->S); put(k, k->p, plus(k, sx_div(k->sx, sub(k, i, j), 7), 4)))
KERNEL(dividend_above_the_diagonal, NULL, const ir_sx *i = serial(k, k->S), *j = serial(k, plus(k, i, 1)); put(k, k->p, sx_mod(k->sx, sub(k, i, j), 7)))
KERNEL(remainder_by_a_dim, NULL, const ir_sx *i = serial(k, times(k, 3, k->S)); put(k, k->x, kir_let_index(&k->b, "r", bin(k, KB_REM, at(k, i), at(k, k->S)), 0, 15)))
KERNEL(remainder_by_another_dim, "can reach its size", const ir_sx *i = serial(k, times(k, 3, k->S));
       put(k, k->x, kir_let_index(&k->b, "r", bin(k, KB_REM, at(k, i), at(k, plus(k, k->S, 1))), 0, 16)))
KERNEL(remainder_by_what_may_be_0, "an index is divided by what can be 0", const ir_sx *i = serial(k, k->S); put(k, k->p, kir_let_index(&k->b, "r", bin(k, KB_REM, at(k, i), at(k, k->T)), 0, 7)))
KERNEL(remainder_by_what_a_loop_runs_over, NULL, const ir_sx *i = serial(k, times(k, 2, k->T)); put(k, k->p, kir_let_index(&k->b, "r", bin(k, KB_REM, at(k, i), at(k, k->T)), 0, 7)))
KERNEL(steps_over_a_dim, NULL, const ir_sx *i = serial(k, sx_div(k->sx, plus(k, k->S, 2), 3)); put(k, k->x, times(k, 3, i)))
KERNEL(steps_over_a_dim_too_far, "can reach its size", const ir_sx *i = serial(k, sx_div(k->sx, plus(k, k->S, 3), 3)); put(k, k->x, times(k, 3, i)))
KERNEL(last_row_of_a_square, NULL, kir_buffer *q = kir_param(&k->b, "q", DT_f32, mul(k, k->S, k->S)); const ir_sx *i = serial(k, k->S); put(k, q, add(k, i, sub(k, mul(k, k->S, k->S), k->S))))
KERNEL(before_the_last_row_of_a_square, "can be negative", kir_buffer *q = kir_param(&k->b, "q", DT_f32, mul(k, k->S, k->S)); const ir_sx *i = serial(k, k->S);
       put(k, q, add(k, i, sub(k, mul(k, k->S, k->S), times(k, 2, k->S)))))
KERNEL(in_a_loop_its_extent_is_1_at_least, NULL, (void)serial(k, k->T); put(k, k->p, plus(k, k->T, -1)))
KERNEL(without_the_loop_it_may_be_0, "can be negative", put(k, k->p, plus(k, k->T, -1)))
KERNEL(behind_the_loop_it_may_be_0, "can be negative", (void)serial(k, k->T); put(k, k->p, plus(k, k->T, -1)); close(k); put(k, k->p, plus(k, k->T, -1)))
KERNEL(product_of_two_variables, NULL, const ir_sx *i = serial(k, num(k, 8)), *j = serial(k, num(k, 8)); put(k, k->p, mul(k, i, j)))
KERNEL(product_too_far, "can reach its size", const ir_sx *i = serial(k, num(k, 9)), *j = serial(k, num(k, 9)); put(k, k->p, mul(k, i, j)))
KERNEL(asking_out_of_range, NULL, const ir_sx *i = parallel(k, num(k, 64)); kir_prefetch(&k->b, k->x, sub(k, times(k, 100, i), num(k, 7))); put(k, k->p, i))
KERNEL(asking_by_a_loop_that_is_closed, "the index 'i' is used outside of its loop", const ir_sx *i = serial(k, num(k, 64)); close(k); kir_prefetch(&k->b, k->p, i))
KERNEL(copy_in_range, NULL, const ir_sx *i = serial(k, num(k, 16)); kir_copy(&k->b, k->p, times(k, 4, i), k->p, num(k, 60), num(k, 4)))
KERNEL(copy_of_a_dim, NULL, kir_copy(&k->b, k->p, num(k, 48), k->x, num(k, 0), k->S))
KERNEL(copy_too_far, "can reach its size 64", kir_copy(&k->b, k->p, num(k, 49), k->x, num(k, 0), k->S))
KERNEL(copy_from_too_far, "can reach its size S", kir_copy(&k->b, k->p, num(k, 0), k->x, num(k, 1), k->S))
KERNEL(accumulating_too_far, "can reach its size 64", kir_accum(&k->b, KB_ADD, k->p, num(k, 64), f32(k, 1)))
KERNEL(local_too_far, "can reach its size 3", kir_buffer *l = kir_alloc(&k->b, "l", DT_f32, 3); const ir_sx *i = serial(k, num(k, 4)); put(k, l, i))

/* ---- guards -------------------------------------------------------------------------------- */

KERNEL(bare_index_in_its_guard, NULL, const ir_sx *i = serial(k, plus(k, k->S, 1)); kir_if(&k->b, bin(k, KB_LT, at(k, i), at(k, k->S))); put(k, k->x, i))
KERNEL(guarded_from_below, NULL, const ir_sx *i = serial(k, k->S); kir_if(&k->b, bin(k, KB_LE, at(k, num(k, 1)), at(k, i))); put(k, k->x, plus(k, i, -1)))
KERNEL(guarded_step, NULL, const ir_sx *i = serial(k, num(k, 100)); kir_if(&k->b, bin(k, KB_LT, at(k, i), at(k, num(k, 32)))); put(k, k->p, times(k, 2, i)))
KERNEL(guard_that_says_too_little, "can reach its size", const ir_sx *i = serial(k, plus(k, k->S, 1)); kir_if(&k->b, bin(k, KB_LE, at(k, i), at(k, k->S))); put(k, k->x, i))
KERNEL(behind_the_guard, "can reach its size", const ir_sx *i = serial(k, plus(k, k->S, 1)); kir_if(&k->b, bin(k, KB_LT, at(k, i), at(k, k->S))); put(k, k->x, i); close(k); put(k, k->x, i))

static const ir_sx *guarded(kernel *k, const ir_sx *x, kir_bin below, const ir_sx *limit)
{
    kir_if(&k->b, bin(k, KB_AND, bin(k, KB_LE, at(k, num(k, 0)), at(k, x)), bin(k, below, at(k, x), at(k, limit))));
    return kir_let_index(&k->b, "in", at(k, x), 0, 15);
}

KERNEL(guarded_index, NULL, const ir_sx *i = serial(k, num(k, 40)); put(k, k->x, guarded(k, plus(k, i, -3), KB_LT, k->S)))
KERNEL(guard_one_too_wide, "can leave its bounds", const ir_sx *i = serial(k, num(k, 40)); put(k, k->x, guarded(k, plus(k, i, -3), KB_LE, k->S)))
KERNEL(guard_of_another_dim, "can reach its size", const ir_sx *i = serial(k, num(k, 40)); put(k, k->x, guarded(k, plus(k, i, -3), KB_LE, k->T)))
KERNEL(guard_of_another_index, "can leave its bounds", const ir_sx *i = serial(k, num(k, 40)); guarded(k, plus(k, i, -3), KB_LT, k->S);
       put(k, k->x, kir_let_index(&k->b, "in", at(k, plus(k, i, -2)), 0, 15)))
KERNEL(bounds_without_a_guard, "can leave its bounds", const ir_sx *i = serial(k, num(k, 40)); put(k, k->x, kir_let_index(&k->b, "in", at(k, i), 0, 15)))
KERNEL(guard_that_was_left, "can leave its bounds", const ir_sx *i = serial(k, num(k, 40)); guarded(k, i, KB_LT, k->S); close(k);
       put(k, k->p, kir_let_index(&k->b, "in", at(k, i), 0, 15)))
KERNEL(guarded_index_outside_of_its_guard, "is used outside of its loop", const ir_sx *i = serial(k, num(k, 40)), *in = guarded(k, plus(k, i, -3), KB_LT, k->S); close(k); put(k, k->x, in))
KERNEL(clamped_index, NULL, const ir_sx *i = serial(k, k->S);
       const kir_expr *e = kir_cast(&k->b, KIR_INDEX_TYPE, load(k, k->n, i));
       e = bin(k, KB_MIN, bin(k, KB_MAX, e, at(k, num(k, 0))), at(k, num(k, 63)));
       put(k, k->p, kir_let_index(&k->b, "c", e, 0, 63)))
KERNEL(index_clamped_on_one_side, "can leave its bounds", const ir_sx *i = serial(k, k->S);
       const kir_expr *e = kir_cast(&k->b, KIR_INDEX_TYPE, load(k, k->n, i));
       put(k, k->p, kir_let_index(&k->b, "c", bin(k, KB_MIN, e, at(k, num(k, 63))), 0, 63)))
KERNEL(index_clamped_too_far, "can leave its bounds", const ir_sx *i = serial(k, k->S);
       const kir_expr *e = kir_cast(&k->b, KIR_INDEX_TYPE, load(k, k->n, i));
       e = bin(k, KB_MIN, bin(k, KB_MAX, e, at(k, num(k, 0))), at(k, num(k, 64)));
       put(k, k->p, kir_let_index(&k->b, "c", e, 0, 63)))
KERNEL(index_of_a_byte, NULL, kir_buffer *l = kir_alloc(&k->b, "l", DT_f32, 256), *u = kir_param(&k->b, "u", DT_u8, num(k, 1));
       put(k, l, kir_let_index(&k->b, "c", kir_cast(&k->b, KIR_INDEX_TYPE, load(k, u, num(k, 0))), 0, 255)))
KERNEL(index_of_a_word_that_wraps, "can leave its bounds", kir_buffer *u = kir_param(&k->b, "u", DT_u32, num(k, 1));
       const kir_expr *e = kir_cast(&k->b, KIR_INDEX_TYPE, kir_cast(&k->b, DT_i32, load(k, u, num(k, 0))));
       put(k, k->p, kir_let_index(&k->b, "c", bin(k, KB_MIN, e, at(k, num(k, 63))), 0, 63)))
KERNEL(guard_that_is_no_bool, "a guard that is no bool", kir_if(&k->b, i32(k, 1)))

/* ---- places -------------------------------------------------------------------------------- */

KERNEL(variable_outside_of_its_loop, "the index 'i' is used outside of its loop", const ir_sx *i = serial(k, k->S); close(k); put(k, k->p, i))
KERNEL(variable_in_the_bound_of_its_loop, "is used outside of its loop", const ir_sx *i = serial(k, k->S); put(k, k->p, i); close(k); serial(k, i); put(k, k->p, num(k, 0)))
KERNEL(value_outside_of_its_place, "is used outside of its place", kir_if(&k->b, bin(k, KB_LT, load(k, k->x, num(k, 0)), f32(k, 0)));
       const kir_expr *v = kir_let(&k->b, "v", un(k, KU_NEG, load(k, k->x, num(k, 0)))); use(k, v); close(k); kir_store(&k->b, k->x, num(k, 0), v))
KERNEL(value_in_its_place, NULL, const kir_expr *v = kir_let(&k->b, "v", un(k, KU_NEG, load(k, k->x, num(k, 0))));
       kir_if(&k->b, bin(k, KB_LT, v, f32(k, 0))); kir_store(&k->b, k->x, num(k, 0), v))
KERNEL(local_outside_of_its_place, "the local 'l' is used outside of its place", serial(k, k->S); kir_buffer *l = kir_alloc(&k->b, "l", DT_f32, 3); put(k, l, num(k, 0)); close(k); put(k, l, num(k, 0)))
KERNEL(local_read_outside_of_its_place, "is used outside of its place", serial(k, k->S); kir_buffer *l = kir_alloc(&k->b, "l", DT_f32, 3); put(k, l, num(k, 0)); close(k); use(k, load(k, l, num(k, 0))))
KERNEL(local_copied_outside_of_its_place, "is used outside of its place", serial(k, k->S); kir_buffer *l = kir_alloc(&k->b, "l", DT_f32, 3); put(k, l, num(k, 0)); close(k);
       kir_copy(&k->b, k->p, num(k, 0), l, num(k, 0), num(k, 3)))
KERNEL(local_of_unknown_size, "a local of unknown size", kir_alloc(&k->b, "l", DT_f32, 3)->size = k->S)

Test(kir, a_value_before_it_is_made)
{
    kernel kernel_ = begin(), *k = &kernel_;
    open(k);
    const kir_expr *v = kir_let(&k->b, "v", un(k, KU_NEG, load(k, k->x, num(k, 0))));
    kir_store(&k->b, k->x, num(k, 0), v);
    kir_func *f = kir_end(&k->b);
    check(k, f, NULL);
    kir_stmt *swap = f->body->body.at[0];
    f->body->body.at[0] = f->body->body.at[1];
    f->body->body.at[1] = swap;
    check(k, f, "the value 'v' is used outside of its place");
}

/* ---- types --------------------------------------------------------------------------------- */

#define X load(k, k->x, num(k, 0))
#define N load(k, k->n, num(k, 0))
#define H load(k, k->h, num(k, 0))
#define G load(k, kir_param(&k->b, "g", DT_bf16, k->S), num(k, 0))

KERNEL(sum_of_two_types, "+ of two types", use(k, bin(k, KB_ADD, X, N)))
KERNEL(comparison_of_two_types, "< of two types", use(k, bin(k, KB_LT, X, N)))
KERNEL(sum_of_brain_floats, "+ of a storage type", use(k, bin(k, KB_ADD, G, G)))
KERNEL(minus_of_a_brain_float, "neg of a storage type", use(k, un(k, KU_NEG, G)))
KERNEL(sum_of_half_floats, NULL, use(k, bin(k, KB_ADD, H, H)))
KERNEL(sum_of_a_half_and_a_whole, "+ of two types", use(k, bin(k, KB_ADD, H, X)))
KERNEL(root_of_minus_a_half_float, NULL, use(k, un(k, KU_SQRT, un(k, KU_NEG, bin(k, KB_MIN, H, kir_float(&k->b, DT_f16, 1))))))
KERNEL(floor_of_a_half_float, "floor of a storage type", use(k, un(k, KU_FLOOR, H)))
KERNEL(exponential_of_a_half_float, "exp of a storage type", use(k, un(k, KU_EXP, H)))
KERNEL(comparison_of_half_floats, "< of a storage type", use(k, bin(k, KB_LT, H, H)))
KERNEL(fma_of_half_floats, "fma of other types", use(k, kir_fma(&k->b, H, H, H)))
KERNEL(sum_of_widened_half_floats, NULL, const kir_expr *h = kir_cast(&k->b, DT_f32, H); kir_store(&k->b, k->h, num(k, 0), bin(k, KB_ADD, h, h)))
KERNEL(and_of_integers, "&& of what is not bool", use(k, bin(k, KB_AND, N, N)))
KERNEL(bits_of_floats, "& of floats", use(k, bin(k, KB_BAND, X, X)))
KERNEL(shift_of_floats, "<< of floats", use(k, bin(k, KB_SHL, X, X)))
KERNEL(remainder_of_floats, "% of floats", use(k, bin(k, KB_REM, X, X)))
KERNEL(fmod_of_integers, "fmod of integers", use(k, bin(k, KB_FMOD, N, N)))
KERNEL(power_of_integers, "pow of integers", use(k, bin(k, KB_POW, N, N)))
KERNEL(not_of_an_integer, "not of a", use(k, un(k, KU_NOT, N)))
KERNEL(complement_of_a_float, "bnot of a", use(k, un(k, KU_BNOT, X)))
KERNEL(root_of_an_integer, "sqrt of an integer", use(k, un(k, KU_SQRT, N)))
KERNEL(sixteenth_of_an_integer, "sixteenth of a", use(k, un(k, KU_SIXTEENTH, N)))
KERNEL(exponential_of_an_integer, "exp of an integer", use(k, un(k, KU_EXP, N)))
KERNEL(minus_of_an_integer, NULL, use(k, un(k, KU_NEG, N)))
KERNEL(bits_of_another_width, "bits between types of different width", use(k, kir_bits(&k->b, DT_i64, X)))
KERNEL(bits_of_the_same_width, NULL, use(k, kir_bits(&k->b, DT_i32, X)))
KERNEL(fma_of_two_types, "fma of other types", use(k, kir_fma(&k->b, X, X, N)))
KERNEL(fma_of_integers, "fma of other types", use(k, kir_fma(&k->b, N, N, N)))
KERNEL(select_of_two_types, "select of other types", use(k, kir_select(&k->b, bin(k, KB_LT, X, f32(k, 0)), X, N)))
KERNEL(select_by_an_integer, "select of other types", use(k, kir_select(&k->b, N, X, f32(k, 0))))
KERNEL(select_of_half_floats, NULL, use(k, kir_select(&k->b, bin(k, KB_LT, X, f32(k, 0)), H, load(k, k->h, plus(k, k->S, -1)))))
KERNEL(cast_between_storage_types, "a cast between storage types", use(k, kir_cast(&k->b, DT_bf16, H)))
KERNEL(constant_of_a_storage_type, "a constant of a storage type", use(k, kir_float(&k->b, DT_bf16, 1)))
KERNEL(constant_half_float, NULL, use(k, kir_float(&k->b, DT_f16, 1)))
KERNEL(result_of_another_type, "changes its type", const kir_expr *e = un(k, KU_NEG, X); ((kir_expr *)(uintptr_t)e)->type = DT_f64; use(k, e))
KERNEL(store_of_another_type, "'x' is stored another type", put(k, k->x, num(k, 0)); last(k)->value = N)
KERNEL(accumulating_another_type, "'x' accumulates another type", kir_accum(&k->b, KB_ADD, k->x, num(k, 0), N))
KERNEL(accumulating_half_floats, "'h' accumulates another type", kir_accum(&k->b, KB_ADD, k->h, num(k, 0), H))
KERNEL(copy_between_types, "a copy between two types", kir_copy(&k->b, k->x, num(k, 0), k->n, num(k, 0), num(k, 1)))

/* ---- races --------------------------------------------------------------------------------- */

KERNEL(tiles_side_by_side, NULL, const ir_sx *c = parallel(k, num(k, 2)), *i = serial(k, num(k, 2)), *v = serial(k, num(k, 8)), *at = add(k, times(k, 8, c), add(k, times(k, 16, i), v));
       put(k, k->p, at);
       put(k, k->p, plus(k, at, 32)))
KERNEL(groups_at_other_places, NULL, const ir_sx *g = parallel(k, num(k, 4)), *r = serial(k, num(k, 2)), *i = serial(k, num(k, 2)), *at = add(k, times(k, 2, g), add(k, times(k, 16, r), i));
       put(k, k->p, at);
       put(k, k->p, plus(k, at, 8)))
KERNEL(groups_at_other_places_a_row_on, NULL, const ir_sx *g = parallel(k, num(k, 4)), *r = serial(k, num(k, 2)), *i = serial(k, num(k, 2)), *at = add(k, times(k, 2, g), add(k, times(k, 16, r), i));
       put(k, k->p, at);
       put(k, k->p, plus(k, at, 40)))
KERNEL(groups_one_too_far, "where another one touches it", const ir_sx *g = parallel(k, num(k, 4)), *r = serial(k, num(k, 2)), *i = serial(k, num(k, 2)), *at = add(k, times(k, 2, g), add(k, times(k, 16, r), i));
       put(k, k->p, at);
       put(k, k->p, plus(k, at, 9)))
KERNEL(groups_one_too_near, "where another one touches it", const ir_sx *g = parallel(k, num(k, 4)), *r = serial(k, num(k, 2)), *i = serial(k, num(k, 2)), *at = add(k, times(k, 2, g), add(k, times(k, 16, r), i));
       put(k, k->p, at);
       put(k, k->p, plus(k, at, 7)))
KERNEL(tiles_that_overlap, "may write 'p'", const ir_sx *c = parallel(k, num(k, 2)), *i = serial(k, num(k, 2)), *v = serial(k, num(k, 8)), *at = add(k, times(k, 8, c), add(k, times(k, 16, i), v));
       put(k, k->p, at);
       put(k, k->p, plus(k, at, 24)))
KERNEL(an_element_each, NULL, const ir_sx *j = parallel(k, k->S); put(k, k->x, j))
KERNEL(planes_of_squares, NULL, kir_buffer *q = kir_param(&k->b, "q", DT_f32, times(k, 3, mul(k, k->T, k->T))); const ir_sx *h = parallel(k, k->T), *w = parallel(k, k->T), *c = serial(k, num(k, 3));
       put(k, q, add(k, add(k, mul(k, c, mul(k, k->T, k->T)), mul(k, h, k->T)), w)))
KERNEL(planes_of_squares_too_near, "may write the same element", kir_buffer *q = kir_param(&k->b, "q", DT_f32, times(k, 4, mul(k, k->T, k->T))); const ir_sx *h = parallel(k, k->T), *w = parallel(k, k->T), *c = serial(k, num(k, 3));
       put(k, q, add(k, add(k, mul(k, c, k->T), mul(k, h, k->T)), w)))
KERNEL(one_element_for_all, "iterations of the parallel loop 'j' may write the same element of 'x'", parallel(k, k->S); put(k, k->x, num(k, 0)))
KERNEL(one_iteration_only, NULL, const ir_sx *j = parallel(k, num(k, 1)); put(k, k->x, j))
KERNEL(an_element_for_two, "may write the same element", const ir_sx *j = parallel(k, k->S); put(k, k->p, sx_div(k->sx, j, 2)))
KERNEL(an_element_again_and_again, "may write the same element", const ir_sx *j = parallel(k, k->S); put(k, k->p, sx_mod(k->sx, j, 4)))
KERNEL(from_behind_each, NULL, const ir_sx *j = parallel(k, k->S); put(k, k->x, sub(k, plus(k, k->S, -1), j)))
KERNEL(pairs, NULL, const ir_sx *j = parallel(k, k->S), *i = serial(k, num(k, 2)); put(k, k->p, add(k, times(k, 2, j), i)))
KERNEL(overlapping_pairs, "may write the same element", const ir_sx *j = parallel(k, k->S), *i = serial(k, num(k, 3)); put(k, k->p, add(k, times(k, 2, j), i)))
KERNEL(ragged_pairs, NULL, const ir_sx *j = parallel(k, num(k, 3)), *r = serial(k, num(k, 5)), *w = below(k, add(k, times(k, 2, j), serial(k, num(k, 2))), 5); put(k, k->p, add(k, times(k, 5, r), w)))
KERNEL(ragged_pairs_that_overlap, "may write the same element", const ir_sx *j = parallel(k, num(k, 3)), *r = serial(k, num(k, 5)), *w = below(k, add(k, times(k, 2, j), serial(k, num(k, 3))), 5);
       put(k, k->p, add(k, times(k, 5, r), w)))
KERNEL(ragged_pairs_in_rows_too_near, "may write the same element", const ir_sx *j = parallel(k, num(k, 3)), *r = serial(k, num(k, 5)), *w = below(k, add(k, times(k, 2, j), serial(k, num(k, 2))), 5);
       put(k, k->p, add(k, times(k, 4, r), w)))
KERNEL(ragged_pairs_of_two, NULL, const ir_sx *j = parallel(k, num(k, 3)), *r = serial(k, num(k, 5)), *w = below(k, add(k, times(k, 2, j), serial(k, num(k, 2))), 5), *x = add(k, times(k, 10, r), times(k, 2, w));
       put(k, k->p, x); put(k, k->p, plus(k, x, 1)))
KERNEL(ragged_pairs_of_two_apart, NULL, const ir_sx *j = parallel(k, num(k, 3)); const ir_sx *r = serial(k, num(k, 5)), *w = below(k, add(k, times(k, 2, j), serial(k, num(k, 2))), 5);
       put(k, k->p, add(k, times(k, 10, r), times(k, 2, w))); close(k); close(k); close(k);
       r = serial(k, num(k, 5)); w = below(k, add(k, times(k, 2, j), serial(k, num(k, 2))), 5); put(k, k->p, plus(k, add(k, times(k, 10, r), times(k, 2, w)), 1)))
KERNEL(ragged_pairs_of_two_too_near, "where another one touches it", const ir_sx *j = parallel(k, num(k, 3)); const ir_sx *r = serial(k, num(k, 5)), *w = below(k, add(k, times(k, 2, j), serial(k, num(k, 2))), 5);
       put(k, k->p, add(k, times(k, 10, r), times(k, 2, w))); close(k); close(k); close(k);
       r = serial(k, num(k, 5)); w = below(k, add(k, times(k, 2, j), serial(k, num(k, 2))), 5); put(k, k->p, plus(k, add(k, times(k, 10, r), times(k, 2, w)), 2)))
KERNEL(ragged_pairs_of_blocks_too_near, "where another one touches it", const ir_sx *j = parallel(k, num(k, 3)); const ir_sx *r = serial(k, num(k, 5)), *w = below(k, add(k, times(k, 2, j), serial(k, num(k, 2))), 5);
       put(k, k->p, add(k, times(k, 9, r), times(k, 2, w))); close(k); close(k); close(k);
       r = serial(k, num(k, 5)); w = below(k, add(k, times(k, 2, j), serial(k, num(k, 2))), 5); put(k, k->p, plus(k, add(k, times(k, 9, r), times(k, 2, w)), 1)))
KERNEL(rows, NULL, const ir_sx *j = parallel(k, k->S), *i = serial(k, k->T); put(k, k->y, add(k, mul(k, j, k->T), i)))
KERNEL(columns, NULL, const ir_sx *j = parallel(k, k->T), *i = serial(k, k->S); put(k, k->y, add(k, mul(k, i, k->T), j)))
KERNEL(columns_that_overlap, "may write the same element", const ir_sx *j = parallel(k, num(k, 5)), *i = serial(k, num(k, 4)); put(k, k->p, add(k, times(k, 4, i), j)))
KERNEL(antidiagonals, "may write the same element", const ir_sx *j = parallel(k, num(k, 8)), *i = serial(k, num(k, 8)); put(k, k->p, add(k, i, j)))
KERNEL(variable_without_a_part_in_the_index, "may write the same element", const ir_sx *i = serial(k, k->S); parallel(k, num(k, 2)); put(k, k->x, i))
KERNEL(parallel_inside_of_serial, NULL, const ir_sx *i = serial(k, k->S), *j = parallel(k, k->T); put(k, k->y, add(k, mul(k, i, k->T), j)))
KERNEL(two_parallel_loops, NULL, const ir_sx *i = parallel(k, k->S), *j = parallel(k, k->T); put(k, k->y, add(k, mul(k, i, k->T), j)))
KERNEL(two_parallel_loops_that_overlap, "may write the same element", const ir_sx *i = parallel(k, num(k, 5)), *j = parallel(k, num(k, 5)); put(k, k->p, add(k, times(k, 4, i), j)))
KERNEL(blocks, NULL, const ir_sx *j = parallel(k, num(k, 16)); kir_copy(&k->b, k->p, times(k, 4, j), k->x, num(k, 0), num(k, 1));
       last(k)->count = num(k, 4); last(k)->from = kir_param(&k->b, "z", DT_f32, num(k, 4)))
KERNEL(blocks_that_overlap, "may write the same element", kir_buffer *z = kir_param(&k->b, "z", DT_f32, num(k, 5)); const ir_sx *j = parallel(k, num(k, 14));
       kir_copy(&k->b, k->p, times(k, 4, j), z, num(k, 0), num(k, 5)))
KERNEL(local_inside_of_the_loop, NULL, parallel(k, k->S); kir_buffer *l = kir_alloc(&k->b, "l", DT_f32, 1); kir_accum(&k->b, KB_ADD, l, num(k, 0), f32(k, 1)))
KERNEL(local_outside_of_the_loop, "may write the same element of 'l'", kir_buffer *l = kir_alloc(&k->b, "l", DT_f32, 1); put(k, l, num(k, 0)); parallel(k, k->S); kir_accum(&k->b, KB_ADD, l, num(k, 0), f32(k, 1)))
KERNEL(local_between_two_loops, "parallel loop 'j_2' may write the same element of 'l'", parallel(k, k->S); kir_buffer *l = kir_alloc(&k->b, "l", DT_f32, 1); put(k, l, num(k, 0)); parallel(k, k->S);
       kir_accum(&k->b, KB_ADD, l, num(k, 0), f32(k, 1)))
KERNEL(two_stores_of_an_iteration, NULL, const ir_sx *j = parallel(k, num(k, 32)); put(k, k->p, times(k, 2, j)); put(k, k->p, plus(k, times(k, 2, j), 1)))
KERNEL(a_store_over_the_next_iteration, "where another one touches it", const ir_sx *j = parallel(k, num(k, 32)); put(k, k->p, j); put(k, k->p, plus(k, j, 1)))
KERNEL(two_halves, NULL, const ir_sx *j = parallel(k, num(k, 32)); put(k, k->p, j); put(k, k->p, plus(k, j, 32)))
KERNEL(two_halves_that_overlap, "where another one touches it", const ir_sx *j = parallel(k, num(k, 33)); put(k, k->p, j); put(k, k->p, plus(k, j, 31)))
KERNEL(reading_what_the_iteration_wrote, NULL, const ir_sx *j = parallel(k, k->S); put(k, k->x, j); kir_store(&k->b, k->x, j, un(k, KU_NEG, load(k, k->x, j))))
KERNEL(reading_what_another_iteration_writes, "where another one touches it", const ir_sx *j = parallel(k, num(k, 32)); kir_store(&k->b, k->p, j, load(k, k->p, plus(k, j, 1))))
KERNEL(reading_before_another_iteration_writes, "where another one touches it", const ir_sx *j = parallel(k, num(k, 32));
       kir_store(&k->b, kir_alloc(&k->b, "l", DT_f32, 1), num(k, 0), load(k, k->p, num(k, 0))); put(k, k->p, j))
KERNEL(reading_a_row_that_was_written, NULL, const ir_sx *j = parallel(k, k->S), *i = serial(k, k->T); put(k, k->y, add(k, mul(k, j, k->T), i)); close(k);
       const ir_sx *r = serial(k, k->T); use(k, load(k, k->y, add(k, mul(k, j, k->T), r))))
KERNEL(reading_all_rows, "where another one touches it", const ir_sx *j = parallel(k, k->S), *i = serial(k, k->T); put(k, k->y, add(k, mul(k, j, k->T), i)); close(k);
       const ir_sx *r = serial(k, mul(k, k->S, k->T)); use(k, load(k, k->y, r)))
KERNEL(copying_from_another_iteration, "where another one touches it", const ir_sx *j = parallel(k, num(k, 15)); kir_copy(&k->b, k->p, times(k, 4, j), k->p, times(k, 4, plus(k, j, 1)), num(k, 4)))
KERNEL(copying_inside_of_an_iteration, NULL, const ir_sx *j = parallel(k, num(k, 16)); kir_copy(&k->b, k->p, times(k, 4, j), k->p, plus(k, times(k, 4, j), 2), num(k, 2)))

/* ---- the grid ------------------------------------------------------------------------------ */

KERNEL(grid_around_everything, NULL, const ir_sx *i = grid(k, k->S), *j = grid(k, k->T); put(k, k->y, add(k, mul(k, i, k->T), j)))
KERNEL(grid_inside_of_a_loop, "is not around all of the kernel", const ir_sx *i = serial(k, k->S), *j = grid(k, k->T); put(k, k->y, add(k, mul(k, i, k->T), j)))
KERNEL(grid_beside_a_statement, "is not around all of the kernel", put(k, k->p, num(k, 0)); const ir_sx *j = grid(k, k->S); put(k, k->x, j))
KERNEL(grid_behind_a_statement, "is not around all of the kernel", const ir_sx *i = grid(k, k->S); put(k, k->x, i); const ir_sx *j = grid(k, k->T); put(k, k->y, add(k, mul(k, i, k->T), j)))
KERNEL(grid_that_is_a_triangle, "is no part of a box", const ir_sx *i = grid(k, num(k, 8)), *j = grid(k, plus(k, i, 1)); put(k, k->p, add(k, times(k, 8, i), j)))
KERNEL(grid_that_begins_elsewhere, "is no part of a box", const ir_sx *i = kir_for(&k->b, KIR_GRID, "g", num(k, 1), k->S); put(k, k->x, i))
