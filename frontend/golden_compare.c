/* Comparing outputs: as the emitted program's --check does, but with code of its own. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "frontend/golden.h"
#include "frontend/json.h"

bool golden_read_tolerance(const char *text, golden_tolerance *out)
{
    char *end;
    out->value = strtod(text, &end);
    out->ulp = strcmp(end, "ulp") == 0;
    return end != text && (out->ulp || !*end) && out->value >= 0 && isfinite(out->value);
}

/* ---- one element ------------------------------------------------------------------------------ */

typedef struct {
    nfc_session *s;
    nfc_dtype t;
    const void *got, *expected;
    golden_tolerance tolerance;
    double scale;
} comparison;

static uint64_t bits_of(nfc_dtype t, const void *data, int64_t i)
{
    uint64_t bits = 0;
    size_t n = dtype_bytes(t);
    for (size_t k = 0; k < n; k++) bits |= (uint64_t)((const unsigned char *)data)[(size_t)i * n + k] << 8 * k;
    return bits;
}

/* Steps from one float to the next between two of them; both zeros are one. */
static double steps(nfc_dtype t, uint64_t a, uint64_t b)
{
    uint64_t sign = dtype_formats[t].exponent ? dtype_sign_bit(t) : UINT64_C(1) << (dtype_table[t].bits - 1), x = a & (sign - 1), y = b & (sign - 1);
    if ((a & sign) != (b & sign)) return (double)x + (double)y;
    return x > y ? (double)(x - y) : (double)(y - x);
}

static double distance(const comparison *c, int64_t i)
{
    if (!dtype_is_float(c->t)) {
        if (dtype_get_int(c->t, c->got, (size_t)i) == dtype_get_int(c->t, c->expected, (size_t)i)) return 0;
        return INFINITY;
    }
    double x = dtype_get(c->t, c->got, (size_t)i), y = dtype_get(c->t, c->expected, (size_t)i);
    if (x == y || (isnan(x) && isnan(y))) return 0;
    if (!isfinite(x) || !isfinite(y)) return INFINITY;
    if (c->tolerance.ulp) return steps(c->t, bits_of(c->t, c->got, i), bits_of(c->t, c->expected, i));
    return fabs(x - y) / c->scale;
}

/* The largest finite magnitude; 1 where there is none, so that a difference is then absolute. */
static double scale_of(nfc_dtype t, const void *data, int64_t n)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++) {
        double v = fabs(dtype_get(t, data, (size_t)i));
        if (isfinite(v) && v > most) most = v;
    }
    return most > 0 ? most : 1;
}

/* ---- texts ------------------------------------------------------------------------------------ */

static const char *element_text(const comparison *c, const void *data, int64_t i)
{
    nfc_arena *a = c->s->arena;
    if (c->t == DT_bool) return dtype_get_int(c->t, data, (size_t)i) ? "true" : "false";
    if (c->t == DT_u64) return arena_printf(a, "%llu", (unsigned long long)dtype_get_int(c->t, data, (size_t)i));
    if (!dtype_is_float(c->t)) return arena_printf(a, "%lld", (long long)dtype_get_int(c->t, data, (size_t)i));
    double v = dtype_get(c->t, data, (size_t)i);
    return c->t == DT_f64 ? shortest_double(a, v) : shortest_float(a, (float)v);
}

static const char *shape_text(nfc_session *s, int rank, const int64_t *dim)
{
    const char *text = "";
    for (int i = 0; i < rank; i++) text = session_printf(s, "%s%s%lld", text, i ? ", " : "", (long long)dim[i]);
    return session_printf(s, "[%s]", text);
}

static const char *index_text(nfc_session *s, const npy_array *a, int64_t i)
{
    int64_t at[32];
    for (int k = a->rank - 1; k >= 0; i /= a->dim[k--]) at[k] = i % a->dim[k];
    return shape_text(s, a->rank, at);
}

/* ---- one output ------------------------------------------------------------------------------- */

static const char *mismatch(nfc_session *s, const ir_port *port, const npy_array *got, const npy_array *expected)
{
    const char *want = dtype_table[port->type->dtype].npy;
    if (strcmp(expected->descr, want) != 0) return session_printf(s, "the expected elements are %s, the output's are %s", expected->descr, want);
    bool same = got->rank == expected->rank && strcmp(got->descr, want) == 0;
    for (int i = 0; same && i < got->rank; i++) same = got->dim[i] == expected->dim[i];
    if (same) return NULL;
    return session_printf(s, "the expected shape is %s, the output's is %s", shape_text(s, expected->rank, expected->dim), shape_text(s, got->rank, got->dim));
}

golden_result golden_compare(nfc_session *s, const ir_port *port, const npy_array *got, const npy_array *expected, golden_tolerance t)
{
    golden_result r = {.problem = mismatch(s, port, got, expected)};
    if (r.problem) return r;
    comparison c = {s, port->type->dtype, got->data, expected->data, t, 1};
    r.count = (int64_t)(got->bytes / dtype_bytes(c.t));
    if (dtype_is_float(c.t) && !t.ulp) c.scale = scale_of(c.t, expected->data, r.count);
    int64_t worst = -1;
    for (int64_t i = 0; i < r.count; i++) {
        double d = distance(&c, i);
        r.off += d > t.value;
        if (d <= r.worst) continue;
        r.worst = d;
        worst = i;
    }
    r.ok = r.off == 0;
    if (worst < 0) return r;
    r.at = index_text(s, got, worst);
    r.got = element_text(&c, c.got, worst);
    r.expected = element_text(&c, c.expected, worst);
    return r;
}
