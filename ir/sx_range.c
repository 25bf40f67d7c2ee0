/* Symbolic integers: their bounds, and their values when the symbols have theirs. */
#include "ir/sx.h"

static int64_t sat_add(int64_t a, int64_t b)
{
    int64_t r;
    if (__builtin_add_overflow(a, b, &r)) return a < 0 ? INT64_MIN : INT64_MAX;
    return r;
}

static int64_t sat_mul(int64_t a, int64_t b)
{
    int64_t r;
    if (__builtin_mul_overflow(a, b, &r)) return (a < 0) != (b < 0) ? INT64_MIN : INT64_MAX;
    return r;
}

static void mul_range(int64_t *lo, int64_t *hi, int64_t blo, int64_t bhi)
{
    int64_t c[4] = {sat_mul(*lo, blo), sat_mul(*lo, bhi), sat_mul(*hi, blo), sat_mul(*hi, bhi)};
    *lo = *hi = c[0];
    for (int i = 1; i < 4; i++) {
        if (c[i] < *lo) *lo = c[i];
        if (c[i] > *hi) *hi = c[i];
    }
}

/* A sum of products in which no factor is squared is least, and largest, where each of its factors is at an
 * end: (a - 2) * (b - 2), whose terms alone could be anything. False: it is no such sum, or of too many. */
static bool range_at_corners(const ir_sx *a, int64_t *lo, int64_t *hi)
{
    enum { MOST = 8, ROOM = 512 }; /* there are fewer than ROOM terms, whose sum must not saturate */
    const ir_sx *factor[MOST];
    int64_t end[MOST][2];
    int n = 0;
    for (int i = 0; i < a->nterm; i++)
        for (int k = 0; k < a->term[i].n; k++) {
            int at = 0;
            if (k && a->term[i].factor[k] == a->term[i].factor[k - 1]) return false;
            while (at < n && factor[at] != a->term[i].factor[k]) at++;
            if (at == MOST) return false;
            if (at == n) sx_range(factor[n++] = a->term[i].factor[k], &end[at][0], &end[at][1]);
        }
    *lo = INT64_MAX;
    *hi = INT64_MIN;
    for (unsigned corner = 0; corner < 1u << n; corner++) {
        int64_t sum = a->constant;
        if (sum < INT64_MIN / ROOM || sum > INT64_MAX / ROOM) return false;
        for (int i = 0; i < a->nterm; i++) {
            int64_t product = a->term[i].coef;
            for (int k = 0, at = 0; k < a->term[i].n; k++, at = 0) {
                while (factor[at] != a->term[i].factor[k]) at++;
                product = sat_mul(product, end[at][corner >> at & 1]);
            }
            if (product < INT64_MIN / ROOM || product > INT64_MAX / ROOM) return false;
            sum += product;
        }
        if (sum < *lo) *lo = sum;
        if (sum > *hi) *hi = sum;
    }
    return true;
}

void sx_range(const ir_sx *a, int64_t *lo, int64_t *hi)
{
    switch (a->kind) {
    case SX_SYM:
        if (a->sym->is) {
            sx_range(a->sym->is, lo, hi);
            return;
        }
        *lo = a->sym->lo;
        *hi = a->sym->hi;
        return;
    case SX_DIV:
        sx_range(a->a, lo, hi);
        *lo = sx_floor_div(*lo, a->constant);
        *hi = sx_floor_div(*hi, a->constant);
        return;
    case SX_MOD:
        *lo = 0;
        *hi = a->constant - 1;
        return;
    case SX_SUM: break;
    }
    *lo = *hi = a->constant;
    bool products = false;
    for (int i = 0; i < a->nterm; i++) {
        int64_t tlo = a->term[i].coef, thi = tlo;
        for (int k = 0; k < a->term[i].n; k++) {
            int64_t flo, fhi;
            sx_range(a->term[i].factor[k], &flo, &fhi);
            mul_range(&tlo, &thi, flo, fhi);
        }
        *lo = sat_add(*lo, tlo);
        *hi = sat_add(*hi, thi);
        products |= a->term[i].n > 1;
    }
    int64_t least, most;
    if (!products || *lo >= 0 || *hi <= 0 || !range_at_corners(a, &least, &most)) return;
    if (least > *lo) *lo = least;
    if (most < *hi) *hi = most;
}

int64_t sx_max(const ir_sx *a)
{
    int64_t lo, hi;
    sx_range(a, &lo, &hi);
    return hi;
}

int64_t sx_min(const ir_sx *a)
{
    int64_t lo, hi;
    sx_range(a, &lo, &hi);
    return lo;
}

/* The largest magnitude of any part of it; false when one can leave 64 bits. */
static bool reach(const ir_sx *a, uint64_t *most)
{
    int64_t lo, hi;
    if (a->kind == SX_SYM && a->sym->is) return reach(a->sym->is, most);
    if (a->kind != SX_SUM) {
        if (a->a && !reach(a->a, most)) return false;
        sx_range(a->a ? a->a : a, &lo, &hi);
        uint64_t below = lo < 0 ? 0 - (uint64_t)lo : 0, above = hi > 0 ? (uint64_t)hi : 0;
        *most = below > above ? below : above;
        if (!a->a || !below) return true;
        /* What is divided is moved up by a multiple of the divisor, so that it is not negative. */
        *most = below + above + (uint64_t)a->constant;
        return below + above <= INT64_MAX && *most <= INT64_MAX;
    }
    *most = a->constant < 0 ? 0 - (uint64_t)a->constant : (uint64_t)a->constant;
    for (int i = 0; i < a->nterm; i++) {
        int64_t coef = a->term[i].coef;
        uint64_t product = coef < 0 ? 0 - (uint64_t)coef : (uint64_t)coef, factor;
        for (int k = 0; k < a->term[i].n; k++)
            if (!reach(a->term[i].factor[k], &factor) || __builtin_mul_overflow(product, factor ? factor : 1, &product)) return false;
        if (__builtin_add_overflow(*most, product, most)) return false;
    }
    return *most <= INT64_MAX || !a->nterm;
}

bool sx_fits(const ir_sx *a)
{
    uint64_t most;
    return reach(a, &most);
}

bool sx_eval_checked(const ir_sx *a, int64_t (*value_of)(void *, const ir_sym *), void *env, int64_t *out)
{
    bool fits = true;
    int64_t inner;
    if (a->kind == SX_SYM) {
        if (a->sym->is) return sx_eval_checked(a->sym->is, value_of, env, out);
        *out = value_of(env, a->sym);
        return true;
    }
    if (a->a) {
        fits = sx_eval_checked(a->a, value_of, env, &inner);
        *out = a->kind == SX_DIV ? sx_floor_div(inner, a->constant) : inner - sx_floor_div(inner, a->constant) * a->constant;
        return fits;
    }
    *out = a->constant;
    for (int i = 0; i < a->nterm; i++) {
        int64_t product = a->term[i].coef;
        for (int k = 0; k < a->term[i].n; k++) {
            int64_t before = product;
            fits &= sx_eval_checked(a->term[i].factor[k], value_of, env, &inner);
            fits &= !__builtin_mul_overflow(before, inner, &product);
            product = sat_mul(before, inner);
        }
        int64_t before = *out;
        fits &= !__builtin_add_overflow(before, product, out);
        *out = sat_add(before, product);
    }
    return fits;
}

int64_t sx_eval(const ir_sx *a, int64_t (*value_of)(void *, const ir_sym *), void *env)
{
    int64_t value;
    sx_eval_checked(a, value_of, env, &value);
    return value;
}

void sx_visit(const ir_sx *a, void (*visit)(void *, const ir_sym *), void *env)
{
    if (a->kind == SX_SYM) {
        if (a->sym->is) sx_visit(a->sym->is, visit, env);
        else visit(env, a->sym);
    }
    if (a->a) sx_visit(a->a, visit, env);
    for (int i = 0; i < a->nterm; i++)
        for (int k = 0; k < a->term[i].n; k++) sx_visit(a->term[i].factor[k], visit, env);
}
