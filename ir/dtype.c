#include "ir/dtype.h"

#include <math.h>
#include <string.h>

const dtype_info dtype_table[DT_COUNT] = {
#define DTYPE(name, kind, bits, bytes, c, compute, npy, st, doc)                                   \
    {#name, DTC_##kind, bits, bytes, c, DT_##compute, npy, st, doc},
#include "ir/dtypes.def"
};

const dtype_format dtype_formats[DT_COUNT] = {
#define FORMAT(name, exponent, mantissa, bias, top, over, nan) [DT_##name] = {exponent, mantissa, bias, top, over, nan},
#include "ir/dtypes.def"
};

nfc_dtype dtype_lookup(const char *name)
{
    for (int t = 0; t < DT_COUNT; t++)
        if (strcmp(dtype_table[t].name, name) == 0) return (nfc_dtype)t;
    return DT_COUNT;
}

nfc_dtype dtype_of_safetensors(const char *name)
{
    for (int t = 0; t < DT_COUNT; t++)
        if (*dtype_table[t].safetensors && strcmp(dtype_table[t].safetensors, name) == 0)
            return (nfc_dtype)t;
    return DT_COUNT;
}

/* ---- narrow floats ------------------------------------------------------------------------- */

/* |value| rounded to nearest even, as if there were exponents without end. */
static unsigned encode_magnitude(const dtype_format *f, double value)
{
    double a = fabs(value);
    if (a == 0) return 0;
    int e, lowest = 1 - f->bias;
    frexp(a, &e); /* a = m * 2^e, m in [0.5, 1) */
    int exponent = e - 1 < lowest ? lowest : e - 1;
    double steps = nearbyint(ldexp(a, f->mantissa - exponent)); /* the default rounding is to nearest even */
    return ((unsigned)(exponent - lowest) << f->mantissa) + (unsigned)steps;
}

unsigned dtype_encode(nfc_dtype t, double v, dtype_overflow overflow)
{
    if (t == DT_f8e8m0) return e8m0_encode(v, overflow != DTYPE_OVERFLOW, E8M0_UP);
    const dtype_format *f = &dtype_formats[t];
    unsigned top_bit = dtype_sign_bit(t), sign = signbit(v) ? top_bit : 0;
    if (isnan(v)) return f->nan & top_bit ? f->nan : sign | f->nan;
    bool saturates = dtype_table[t].bits <= 8 && overflow != DTYPE_OVERFLOW;
    if (isinf(v) && overflow == DTYPE_STORE && dtype_has_infinity(t)) saturates = false;
    unsigned a = isinf(v) ? f->top + 1 : encode_magnitude(f, v);
    if (a > f->top) a = saturates ? f->top : f->over;
    return a == 0 && f->nan == top_bit && f->over == f->nan ? 0 : a & top_bit ? a : sign | a;
}

double dtype_decode(nfc_dtype t, unsigned bits)
{
    const dtype_format *f = &dtype_formats[t];
    unsigned top_bit = dtype_sign_bit(t), a = bits & (top_bit - 1), field = a >> f->mantissa, one = 1u << f->mantissa;
    double sign = bits & top_bit ? -1 : 1;
    if (bits == f->over && f->over == f->nan) return NAN;
    if (a > f->top) return a == f->over && dtype_has_infinity(t) ? sign * INFINITY : NAN;
    if (field == 0 && t != DT_f8e8m0) return sign * ldexp((double)a, 1 - f->bias - f->mantissa);
    return sign * ldexp((double)(a & (one - 1)) + one, (int)field - f->bias - f->mantissa);
}

unsigned e8m0_encode(double v, bool saturate, e8m0_rounding rounding)
{
    const dtype_format *f = &dtype_formats[DT_f8e8m0];
    double a = fabs(v);
    if (isnan(v) || (isinf(v) && !saturate)) return f->nan;
    if (a < ldexp(1, -f->bias)) return saturate ? 0 : f->nan;
    if (isinf(v)) return f->top;
    int e;
    double m = frexp(a, &e); /* in [0.5, 1): the power of two below is 2^(e - 1) */
    bool up = rounding == E8M0_UP ? m > 0.5 : rounding == E8M0_NEAREST ? m >= 0.75 : false;
    int code = e - 1 + f->bias + up;
    return code <= (int)f->top ? (unsigned)code : saturate ? f->top : f->nan;
}

/* ---- elements ------------------------------------------------------------------------------ */

int64_t dtype_min(nfc_dtype t)
{
    return dtype_is_signed(t) ? -(int64_t)(dtype_max(t)) - 1 : 0;
}

uint64_t dtype_max(nfc_dtype t)
{
    if (t == DT_bool) return 1;
    int bits = dtype_table[t].bits - (dtype_is_signed(t) ? 1 : 0);
    return bits >= 64 ? UINT64_MAX : (1ull << bits) - 1;
}

/* Tensors of a package stand at any address. */
#define AT(T) (*(T *)memcpy(&(T){0}, (const char *)data + i * sizeof(T), sizeof(T)))

double dtype_get(nfc_dtype t, const void *data, size_t i)
{
    if (dtype_formats[t].exponent) return dtype_decode(t, dtype_table[t].bytes == 2 ? AT(uint16_t) : AT(uint8_t));
    switch (t) {
    case DT_f64: return AT(double);
    case DT_f32: return (double)AT(float);
    case DT_u64: return (double)AT(uint64_t);
    default: return (double)dtype_get_int(t, data, i);
    }
}

int64_t dtype_get_int(nfc_dtype t, const void *data, size_t i)
{
    switch (t) {
    case DT_i64: return AT(int64_t);
    case DT_i32: return AT(int32_t);
    case DT_i16: return AT(int16_t);
    case DT_i8:
    case DT_i4:
    case DT_i2: return AT(int8_t);
    case DT_u64: return (int64_t)AT(uint64_t);
    case DT_u32: return AT(uint32_t);
    case DT_u16: return AT(uint16_t);
    case DT_u8:
    case DT_u4:
    case DT_u2:
    case DT_bool: return AT(uint8_t);
    default: return (int64_t)dtype_get(t, data, i);
    }
}
#undef AT

/* Truncated towards zero and saturated to the type; NaN gives 0. */
static int64_t saturate(nfc_dtype t, double v)
{
    if (isnan(v)) return 0;
    if (v <= (double)dtype_min(t)) return dtype_min(t);
    if (v >= (double)dtype_max(t)) return (int64_t)dtype_max(t);
    return t == DT_u64 ? (int64_t)(uint64_t)v : (int64_t)v;
}

double dtype_from_int(nfc_dtype to, int64_t v, bool is_unsigned)
{
    bool negative = !is_unsigned && v < 0;
    uint64_t a = negative ? 0 - (uint64_t)v : (uint64_t)v;
    if (to != DT_f64 && a >> 53 && a & 2047) a = (a & ~(uint64_t)2047) | 2048; /* rounded to odd */
    return negative ? -(double)a : (double)a;
}

#define PUT(T, v) (((T *)data)[i] = (T)(v))

void dtype_set(nfc_dtype t, void *data, size_t i, double v)
{
    if (dtype_formats[t].exponent) {
        unsigned bits = dtype_encode(t, v, DTYPE_STORE);
        if (dtype_table[t].bytes == 2) PUT(uint16_t, bits);
        else PUT(uint8_t, bits);
        return;
    }
    switch (t) {
    case DT_f64: PUT(double, v); break;
    case DT_f32: PUT(float, v); break;
    case DT_bool: PUT(uint8_t, v != 0); break;
    default: dtype_set_int(t, data, i, saturate(t, v));
    }
}

void dtype_set_int(nfc_dtype t, void *data, size_t i, int64_t v)
{
    switch (t) {
    case DT_i64: PUT(int64_t, v); break;
    case DT_i32: PUT(int32_t, v); break;
    case DT_i16: PUT(int16_t, v); break;
    case DT_i8: PUT(int8_t, v); break;
    case DT_i4: PUT(int8_t, ((v & 15) ^ 8) - 8); break;
    case DT_i2: PUT(int8_t, ((v & 3) ^ 2) - 2); break;
    case DT_u64: PUT(uint64_t, v); break;
    case DT_u32: PUT(uint32_t, v); break;
    case DT_u16: PUT(uint16_t, v); break;
    case DT_u8: PUT(uint8_t, v); break;
    case DT_u4: PUT(uint8_t, v & 15); break;
    case DT_u2: PUT(uint8_t, v & 3); break;
    case DT_bool: PUT(uint8_t, v != 0); break;
    default: dtype_set(t, data, i, dtype_from_int(t, v, false));
    }
}
#undef PUT

double dtype_round(nfc_dtype t, double v)
{
    uint64_t cell[1];
    if (!dtype_is_float(t)) return v;
    dtype_set(t, cell, 0, v);
    return dtype_get(t, cell, 0);
}
