/* Random data of every element type, and its comparison; and what is said of it. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "tests/vk/check.h"

void check_failed(checker *k, const char *where, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("FAILED %s: %s: ", k->path, where);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
    k->failed++;
}

uint64_t check_random(checker *k)
{
    /* Steele, Lea and Flood's splitmix64 */
    uint64_t z = k->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static double any_float(checker *k, nfc_dtype t, check_range range)
{
    static const double ends[] = {INFINITY, -INFINITY, NAN, 0, -0.0, 1, -1, 0.5, 2.5, -3.5, 65504, -448, 1e30, -1e30, 3e38, 1e-30, 1e-37, 1e-40, -1e-45, 4e-308, 1e-310, 4294967296.0, -2147483649.0, 1e19};
    uint64_t r = check_random(k);
    double uniform = (double)(int64_t)(r >> 11) / 9007199254740992.0 * 8 - 4;
    if (range == CHECK_SMALL) return uniform;
    size_t first = range == CHECK_WILD ? 0 : 3;
    if (r % 8 == 0) return ends[first + r / 8 % (sizeof ends / sizeof *ends - first)];
    if (r % 8 == 1) return ldexp(uniform, (int)(r / 8 % 41) - 20);
    if (r % 8 == 2 && t == DT_f64) return ldexp(uniform, (int)(r / 8 % 1801) - 900);
    return uniform;
}

static void fill_one(checker *k, nfc_dtype t, void *data, int64_t i, check_range range)
{
    bool wild = range != CHECK_SMALL;
    uint64_t r = check_random(k);
    int64_t small = (int64_t)(r >> 8) % 10;
    if (dtype_is_float(t)) dtype_set(t, data, (size_t)i, any_float(k, t, range));
    else if (t == DT_bool) dtype_set_int(t, data, (size_t)i, (int64_t)(r & 1));
    else if (wild && r % 4 == 0) dtype_set_int(t, data, (size_t)i, (int64_t)(check_random(k) >> (check_random(k) & 63)));
    else if (wild && r % 4 == 1) dtype_set_int(t, data, (size_t)i, r & 8 ? dtype_min(t) : (int64_t)dtype_max(t));
    else dtype_set_int(t, data, (size_t)i, dtype_is_signed(t) && r & 4 ? -small : small);
}

void check_fill(checker *k, nfc_dtype t, void *data, int64_t n, check_range range)
{
    for (int64_t i = 0; i < n; i++) fill_one(k, t, data, i, range);
}

/* Floats that are not the same bits, and yet the same. */
static bool is_alike(nfc_dtype t, double a, double b, bool zeros_equal)
{
    return dtype_is_float(t) && ((isnan(a) && isnan(b)) || (zeros_equal && a == 0 && b == 0));
}

int64_t check_compare(nfc_dtype t, const void *a, const void *b, int64_t n, bool zeros_equal)
{
    size_t bytes = dtype_bytes(t);
    const char *x = a, *y = b;
    if (memcmp(x, y, (size_t)n * bytes) == 0) return -1;
    for (int64_t i = 0; i < n; i++) {
        if (memcmp(x + (size_t)i * bytes, y + (size_t)i * bytes, bytes) == 0) continue;
        if (is_alike(t, dtype_get(t, a, (size_t)i), dtype_get(t, b, (size_t)i), zeros_equal)) continue;
        return i;
    }
    return -1;
}

const char *check_element(checker *k, nfc_dtype t, const void *data, int64_t i)
{
    if (dtype_is_float(t)) return arena_printf(k->m->arena, "%.17g", dtype_get(t, data, (size_t)i));
    return arena_printf(k->m->arena, "%" PRId64, dtype_get_int(t, data, (size_t)i));
}

typedef struct {
    const kir_func *f;
    const int64_t *scalar;
} scalars;

static int64_t scalar_of(void *env, const ir_sym *sym)
{
    const scalars *x = env;
    for (int i = 0; i < x->f->scalar.n; i++)
        if (x->f->scalar.at[i] == sym) return x->scalar[i];
    return 0;
}

int64_t check_value(const kir_func *f, const int64_t *scalar, const ir_sx *x)
{
    scalars env = {f, scalar};
    return sx_eval(x, scalar_of, &env);
}
