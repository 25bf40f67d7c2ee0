/* ir/dtype.h: the small formats against what their definitions say, number by number. */
#include <math.h>
#include <string.h>
#include "tests/unit/unit.h"

/* A binary format by its fields. `top`: the bits of its largest finite number; what rounds beyond it
 * becomes `over`, and infinity `infinite`, when it is told to treat them so. */
typedef struct {
    const char *name;
    nfc_dtype type;
    dtype_overflow overflow;
    int exponent, mantissa, bias;
    unsigned top, over, infinite;
    enum { IEEE, NO_INFINITY, NAN_FOR_MINUS_ZERO, ALL_NUMBERS } special;
} format;

static const format formats[] = {
    {"f16", DT_f16, DTYPE_STORE, 5, 10, 15, 0x7bff, 0x7c00, 0x7c00, IEEE},
    {"f16 saturated", DT_f16, DTYPE_SATURATE, 5, 10, 15, 0x7bff, 0x7c00, 0x7c00, IEEE},
    {"bf16", DT_bf16, DTYPE_STORE, 8, 7, 127, 0x7f7f, 0x7f80, 0x7f80, IEEE},
    {"f8e4m3", DT_f8e4m3, DTYPE_OVERFLOW, 4, 3, 7, 0x7e, 0x7f, 0x7f, NO_INFINITY},
    {"f8e4m3 saturated", DT_f8e4m3, DTYPE_SATURATE, 4, 3, 7, 0x7e, 0x7e, 0x7e, NO_INFINITY},
    {"f8e4m3 stored", DT_f8e4m3, DTYPE_STORE, 4, 3, 7, 0x7e, 0x7e, 0x7e, NO_INFINITY},
    {"f8e5m2", DT_f8e5m2, DTYPE_OVERFLOW, 5, 2, 15, 0x7b, 0x7c, 0x7c, IEEE},
    {"f8e5m2 saturated", DT_f8e5m2, DTYPE_SATURATE, 5, 2, 15, 0x7b, 0x7b, 0x7b, IEEE},
    {"f8e5m2 stored", DT_f8e5m2, DTYPE_STORE, 5, 2, 15, 0x7b, 0x7b, 0x7c, IEEE},
    {"f8e4m3fnuz", DT_f8e4m3fnuz, DTYPE_OVERFLOW, 4, 3, 8, 0x7f, 0x80, 0x80, NAN_FOR_MINUS_ZERO},
    {"f8e4m3fnuz saturated", DT_f8e4m3fnuz, DTYPE_SATURATE, 4, 3, 8, 0x7f, 0x7f, 0x7f, NAN_FOR_MINUS_ZERO},
    {"f8e5m2fnuz", DT_f8e5m2fnuz, DTYPE_OVERFLOW, 5, 2, 16, 0x7f, 0x80, 0x80, NAN_FOR_MINUS_ZERO},
    {"f8e5m2fnuz saturated", DT_f8e5m2fnuz, DTYPE_STORE, 5, 2, 16, 0x7f, 0x7f, 0x7f, NAN_FOR_MINUS_ZERO},
    {"f6e2m3", DT_f6e2m3, DTYPE_SATURATE, 2, 3, 1, 0x1f, 0x1f, 0x1f, ALL_NUMBERS},
    {"f6e3m2", DT_f6e3m2, DTYPE_OVERFLOW, 3, 2, 3, 0x1f, 0x1f, 0x1f, ALL_NUMBERS},
    {"f4e2m1", DT_f4e2m1, DTYPE_STORE, 2, 1, 1, 7, 7, 7, ALL_NUMBERS},
};
enum { NFORMAT = sizeof formats / sizeof *formats };

/* (-1)^sign m 2^e: the weight of the last place is that of the exponent field, 0 counting as 1. */
static double defined(const format *f, unsigned bits)
{
    unsigned field = bits >> f->mantissa & ((1u << f->exponent) - 1), m = bits & ((1u << f->mantissa) - 1);
    int e = (field ? (int)field : 1) - f->bias - f->mantissa;
    double a = (double)(field ? m | 1u << f->mantissa : m);
    for (; e > 0; e--) a *= 2;
    for (; e < 0; e++) a /= 2;
    return bits >> (f->exponent + f->mantissa) & 1 ? -a : a;
}

static unsigned sign_bit(const format *f) { return 1u << (f->exponent + f->mantissa); }

Test(dtype, every_number_of_a_small_format_has_its_value)
{
    for (int k = 0; k < NFORMAT; k++) {
        const format *f = &formats[k];
        for (unsigned b = 0; b < 2 * sign_bit(f); b++) {
            unsigned a = b & (sign_bit(f) - 1);
            double got = dtype_decode(f->type, b), sign = b & sign_bit(f) ? -1 : 1;
            bool infinite = f->special == IEEE && a == f->top + 1;
            if (f->special == NAN_FOR_MINUS_ZERO && b == sign_bit(f)) cr_assert(isnan(got), "%s %x", f->name, b);
            else if (infinite) cr_assert(isinf(got) && got * sign > 0, "%s %x", f->name, b);
            else if (a > f->top) cr_assert(isnan(got), "%s %x", f->name, b);
            else cr_assert(got == defined(f, b) && !signbit(got) == (sign > 0), "%s %x is %g", f->name, b, got);
        }
    }
}

static void check_encode(const format *f, double v, unsigned want)
{
    unsigned got = dtype_encode(f->type, v, f->overflow);
    cr_assert(got == want, "%s of %a is %x, not %x", f->name, v, got, want);
    if (want != 0 || f->special != NAN_FOR_MINUS_ZERO) want |= sign_bit(f);
    got = dtype_encode(f->type, -v, f->overflow);
    cr_assert(got == want, "%s of %a is %x, not %x", f->name, -v, got, want);
}

Test(dtype, rounding_goes_to_the_nearest_number_and_to_the_even_one_between_two)
{
    for (int k = 0; k < NFORMAT; k++) {
        const format *f = &formats[k];
        for (unsigned b = 0; b <= f->top; b++) {
            double v = defined(f, b), up = b < f->top ? defined(f, b + 1) : 2 * v - defined(f, b - 1), middle = (v + up) / 2;
            unsigned above = b < f->top ? b + 1 : f->over;
            check_encode(f, v, b);
            check_encode(f, nextafter(v, INFINITY), b);
            check_encode(f, nextafter(middle, 0), b);
            check_encode(f, middle, b % 2 ? above : b);
            check_encode(f, nextafter(middle, INFINITY), above);
        }
        check_encode(f, 4 * defined(f, f->top), f->over);
        check_encode(f, 1e300, f->over);
        check_encode(f, INFINITY, f->infinite);
        check_encode(f, 4.9406564584124654e-324, 0);
        double plus = dtype_decode(f->type, dtype_encode(f->type, NAN, f->overflow)), minus = dtype_decode(f->type, dtype_encode(f->type, -NAN, f->overflow));
        if (f->special == ALL_NUMBERS) cr_assert(plus == 0 && signbit(plus) && minus == 0 && signbit(minus), "%s of NaN", f->name);
        else cr_assert(isnan(plus) && isnan(minus), "%s of NaN", f->name);
    }
}

Test(dtype, f8e8m0_holds_powers_of_two)
{
    for (int e = -127; e <= 127; e++) {
        double v = ldexp(1, e);
        unsigned code = (unsigned)(e + 127), above = e < 127 ? code + 1 : 254, over = e < 127 ? code + 1 : 255;
        cr_assert(dtype_decode(DT_f8e8m0, code) == v);
        for (int mode = 0; mode < 3; mode++)
            cr_assert(e8m0_encode(v, mode & 1, (e8m0_rounding)mode) == code && e8m0_encode(-v, true, (e8m0_rounding)mode) == code, "2^%d", e);
        cr_assert(e8m0_encode(nextafter(v, INFINITY), true, E8M0_UP) == above && e8m0_encode(nextafter(v, INFINITY), false, E8M0_UP) == over, "2^%d", e);
        cr_assert(e8m0_encode(nextafter(2 * v, 0), false, E8M0_DOWN) == code, "2^%d", e);
        cr_assert(e8m0_encode(nextafter(1.5 * v, 0), false, E8M0_NEAREST) == code && e8m0_encode(1.5 * v, true, E8M0_NEAREST) == above, "2^%d", e);
        cr_assert(e8m0_encode(1.5 * v, false, E8M0_NEAREST) == over, "2^%d", e);
    }
    cr_assert(isnan(dtype_decode(DT_f8e8m0, 255)) && e8m0_encode(NAN, true, E8M0_UP) == 255);
    cr_assert(e8m0_encode(0, true, E8M0_UP) == 0 && e8m0_encode(0, false, E8M0_NEAREST) == 255);
    cr_assert(e8m0_encode(ldexp(0.9, -127), true, E8M0_DOWN) == 0 && e8m0_encode(ldexp(0.9, -127), false, E8M0_UP) == 255);
    cr_assert(e8m0_encode(INFINITY, true, E8M0_DOWN) == 254 && e8m0_encode(INFINITY, false, E8M0_UP) == 255);
}

Test(dtype, two_bits_wrap_and_saturate)
{
    int8_t s;
    uint8_t u;
    for (int v = -9; v <= 9; v++) {
        int wrapped = ((v % 4) + 4) % 4;
        dtype_set_int(DT_i2, &s, 0, v);
        dtype_set_int(DT_u2, &u, 0, v);
        cr_assert(s == (wrapped < 2 ? wrapped : wrapped - 4) && u == wrapped, "%d is %d and %d", v, s, u);
        dtype_set(DT_i2, &s, 0, v + 0.5);
        dtype_set(DT_u2, &u, 0, v + 0.5);
        double whole = trunc(v + 0.5);
        cr_assert(s == (whole < -2 ? -2 : whole > 1 ? 1 : whole) && u == (whole < 0 ? 0 : whole > 3 ? 3 : whole), "%g is %d and %d", v + 0.5, s, u);
    }
}

Test(dtype, four_bits_wrap_and_saturate)
{
    for (int64_t v = -300; v <= 300; v++) {
        int8_t s = 99;
        uint8_t u = 99;
        int64_t wrapped = ((v % 16) + 16) % 16;
        dtype_set_int(DT_i4, &s, 0, v);
        dtype_set_int(DT_u4, &u, 0, v);
        cr_assert(s == (wrapped < 8 ? wrapped : wrapped - 16), "i4 of %d is %d", (int)v, s);
        cr_assert(u == wrapped, "u4 of %d is %d", (int)v, u);
        for (int quarter = -3; quarter <= 3; quarter++) {
            double x = (double)v + quarter * 0.25, whole = trunc(x);
            dtype_set(DT_i4, &s, 0, x);
            dtype_set(DT_u4, &u, 0, x);
            cr_assert(s == (whole < -8 ? -8 : whole > 7 ? 7 : whole), "i4 of %g is %d", x, s);
            cr_assert(u == (whole < 0 ? 0 : whole > 15 ? 15 : whole), "u4 of %g is %d", x, u);
        }
    }
}

/* ---- integers ------------------------------------------------------------------------------ */

static double limit(int bits, bool top) { return top ? ldexp(1, bits) : -ldexp(1, bits); }

Test(dtype, integer_types_have_their_bounds)
{
    for (int t = 0; t < DT_COUNT; t++) {
        if (!dtype_is_int((nfc_dtype)t)) continue;
        int bits = dtype_table[t].bits;
        bool is_signed = dtype_is_signed((nfc_dtype)t);
        cr_assert((double)dtype_min((nfc_dtype)t) == (is_signed ? limit(bits - 1, false) : 0), "%s", dtype_name((nfc_dtype)t));
        uint64_t most = is_signed ? (UINT64_C(1) << (bits - 1)) - 1 : bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
        cr_assert(dtype_max((nfc_dtype)t) == most, "%s", dtype_name((nfc_dtype)t));
    }
    cr_assert(dtype_min(DT_bool) == 0 && dtype_max(DT_bool) == 1);
}

Test(dtype, floats_truncate_and_saturate_and_nan_gives_0)
{
    for (int i = 0; i < DT_COUNT; i++) {
        nfc_dtype t = (nfc_dtype)i;
        uint64_t cell;
        if (!dtype_is_int(t)) continue;
        int64_t lo = dtype_min(t), hi = (int64_t)dtype_max(t);
        struct {
            double v;
            int64_t want;
        } rows[] = {{NAN, 0}, {INFINITY, hi}, {-INFINITY, lo}, {1e300, hi}, {-1e300, lo}, {3.99, hi >= 0 && hi < 3 ? hi : 3}, {-0.99, 0}, {-3.99, lo < -3 ? -3 : lo},
                    {limit(dtype_table[t].bits - (dtype_is_signed(t) ? 1 : 0), true), hi}, {(double)lo, lo}, {(double)lo - 0.5, lo}};
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            dtype_set(t, &cell, 0, rows[k].v);
            cr_assert(dtype_get_int(t, &cell, 0) == rows[k].want, "%s of %g is %lld", dtype_name(t), rows[k].v, (long long)dtype_get_int(t, &cell, 0));
        }
    }
    uint64_t u;
    dtype_set(DT_u64, &u, 0, ldexp(1, 63));
    cr_assert(u == UINT64_C(1) << 63);
    cr_assert(dtype_get(DT_u64, &u, 0) == ldexp(1, 63));
}

Test(dtype, integers_wrap)
{
    uint64_t r = 3;
    for (int round = 0; round < 2000; round++) {
        int64_t v = (int64_t)unit_below(&r, UINT64_MAX) >> unit_below(&r, 64), got;
        for (int i = 0; i < DT_COUNT; i++) {
            nfc_dtype t = (nfc_dtype)i;
            uint64_t cell[2];
            if (!dtype_is_int(t)) continue;
            dtype_set_int(t, cell, 1, v);
            got = dtype_get_int(t, cell, 1);
            cr_assert(dtype_table[t].bits == 64 || (got >= dtype_min(t) && got <= (int64_t)dtype_max(t)));
            uint64_t difference = (uint64_t)got - (uint64_t)v;
            cr_assert(dtype_table[t].bits == 64 ? difference == 0 : difference % (UINT64_C(1) << dtype_table[t].bits) == 0, "%s of %lld", dtype_name(t), (long long)v);
        }
    }
}

Test(dtype, integers_become_floats_with_one_rounding)
{
    /* Just above the middle between two floats, and so near it that a double is the middle itself. */
    int64_t v = (INT64_C(1) << 54) + (INT64_C(1) << 30) + 1;
    float f;
    uint16_t h;
    dtype_set_int(DT_f32, &f, 0, v);
    cr_assert(f == (float)v, "f32 of %lld is %a", (long long)v, (double)f);
    dtype_set_int(DT_bf16, &h, 0, (INT64_C(1) << 62) + (INT64_C(1) << 54) + 1);
    cr_assert(dtype_decode(DT_bf16, h) == ldexp(1, 62) + ldexp(1, 55), "bf16 is %a", dtype_decode(DT_bf16, h));
    uint64_t u = UINT64_MAX;
    dtype_set_int(DT_f32, &f, 0, -1);
    cr_assert(f == -1);
    cr_assert(dtype_get(DT_u64, &u, 0) == ldexp(1, 64));
}

/* ---- the table ----------------------------------------------------------------------------- */

Test(dtype, names_are_found)
{
    for (int t = 0; t < DT_COUNT; t++) {
        cr_assert(dtype_lookup(dtype_table[t].name) == (nfc_dtype)t);
        if (*dtype_table[t].safetensors) cr_assert(dtype_of_safetensors(dtype_table[t].safetensors) == (nfc_dtype)t);
    }
    cr_assert(dtype_lookup("F32") == DT_COUNT && dtype_lookup("") == DT_COUNT);
    cr_assert(dtype_of_safetensors("f32") == DT_COUNT && dtype_of_safetensors("") == DT_COUNT);
}

Test(dtype, the_computing_type_is_one_and_holds_the_type)
{
    for (int t = 0; t < DT_string; t++) {
        nfc_dtype c = dtype_table[t].compute;
        cr_assert(dtype_table[c].compute == c, "%s", dtype_table[t].name);
        cr_assert(dtype_table[c].kind == dtype_table[t].kind && dtype_table[c].bits >= dtype_table[t].bits, "%s", dtype_table[t].name);
    }
}

Test(dtype, rounding_to_a_type_is_storing_it)
{
    cr_assert(dtype_round(DT_f64, 0.1) == 0.1);
    cr_assert(dtype_round(DT_f32, 0.1) == (double)0.1f);
    cr_assert(dtype_round(DT_f16, 65519.99) == 65504 && isinf(dtype_round(DT_f16, 65520)));
    cr_assert(dtype_round(DT_f8e4m3, 1e9) == 448 && dtype_round(DT_f8e5m2, -1e9) == -57344);
    cr_assert(dtype_round(DT_i8, 1000.5) == 1000.5);
    cr_assert(signbit(dtype_round(DT_f16, -1e-30)));
}

Test(dtype, elements_need_no_alignment_to_be_read)
{
    unsigned char bytes[24] = {0};
    double d = -2.5;
    uint16_t half = (uint16_t)dtype_encode(DT_f16, 0.375, DTYPE_STORE);
    memcpy(bytes + 1 + 8, &d, 8);
    memcpy(bytes + 3 + 4, &half, 2);
    cr_assert(dtype_get(DT_f64, bytes + 1, 1) == -2.5);
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes + 3 + 4, &half, 2);
    cr_assert(dtype_get(DT_f16, bytes + 3, 2) == 0.375);
}
