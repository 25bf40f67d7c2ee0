#include "ir/dtype.h"

#include <math.h>
#include <string.h>

const dtype_info dtype_table[DT_COUNT] = {
#define DTYPE(name, kind, bits, bytes, c, compute, npy, st, doc)                                   \
    {#name, DTC_##kind, bits, bytes, c, DT_##compute, npy, st, doc},
#include "ir/dtypes.def"
#undef DTYPE
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

/* A small binary format: 1 sign bit, `exp` exponent bits, `man` mantissa bits. Encodes |value|
 * rounded to nearest even; what rounds beyond the largest finite number gives `over`. */
static unsigned encode_small(double value, int exp, int man, double largest, unsigned over)
{
    int bias = (1 << (exp - 1)) - 1;
    double a = fabs(value);
    if (a == 0) return 0;
    int e;
    frexp(a, &e); /* a = m * 2^e, m in [0.5, 1) */
    int lowest = 1 - bias;
    int scale = (e - 1 < lowest ? lowest : e - 1) - man; /* weight of the last place */
    double steps = nearbyint(ldexp(a, -scale)); /* the default rounding is to nearest even */
    double rounded = ldexp(steps, scale);
    if (rounded > largest) return over;
    frexp(rounded, &e);
    if (rounded < ldexp(1, lowest)) return (unsigned)steps; /* subnormal, or zero */
    unsigned field = (unsigned)(e - 1 + bias);
    unsigned mantissa = (unsigned)(ldexp(rounded, man - (e - 1)) - ldexp(1, man));
    return field << man | mantissa;
}

static double decode_small(unsigned bits, int exp, int man)
{
    int bias = (1 << (exp - 1)) - 1;
    unsigned field = bits >> man & ((1u << exp) - 1), mantissa = bits & ((1u << man) - 1);
    double a = field ? ldexp(1.0 + ldexp((double)mantissa, -man), (int)field - bias)
                     : ldexp((double)mantissa, 1 - bias - man);
    return bits >> (exp + man) & 1 ? -a : a;
}

uint16_t f16_from_double(double v)
{
    unsigned sign = signbit(v) ? 0x8000u : 0;
    if (isnan(v)) return (uint16_t)(sign | 0x7e00);
    return (uint16_t)(sign | (isinf(v) ? 0x7c00u : encode_small(v, 5, 10, 65504, 0x7c00)));
}

uint16_t bf16_from_double(double v)
{
    unsigned sign = signbit(v) ? 0x8000u : 0;
    if (isnan(v)) return (uint16_t)(sign | 0x7fc0);
    double largest = ldexp(1.9921875, 127);
    return (uint16_t)(sign | (isinf(v) ? 0x7f80u : encode_small(v, 8, 7, largest, 0x7f80)));
}

uint8_t f8e4m3_from_double(double v, bool saturate)
{
    unsigned sign = signbit(v) ? 0x80u : 0, over = saturate ? 0x7e : 0x7f;
    if (isnan(v)) return (uint8_t)(sign | 0x7f);
    return (uint8_t)(sign | (isinf(v) ? over : encode_small(v, 4, 3, 448, over)));
}

uint8_t f8e5m2_from_double(double v, bool saturate)
{
    unsigned sign = signbit(v) ? 0x80u : 0, over = saturate ? 0x7b : 0x7c;
    if (isnan(v)) return (uint8_t)(sign | 0x7f);
    return (uint8_t)(sign | (isinf(v) ? 0x7cu : encode_small(v, 5, 2, 57344, over)));
}

double f16_to_double(uint16_t b)
{
    if ((b & 0x7c00) == 0x7c00) return b & 0x3ff ? NAN : b & 0x8000 ? -INFINITY : INFINITY;
    return decode_small(b, 5, 10);
}

double bf16_to_double(uint16_t b)
{
    uint32_t wide = (uint32_t)b << 16;
    float f;
    memcpy(&f, &wide, sizeof f);
    return (double)f;
}

double f8e4m3_to_double(uint8_t b) { return (b & 0x7f) == 0x7f ? NAN : decode_small(b, 4, 3); }

double f8e5m2_to_double(uint8_t b)
{
    if ((b & 0x7c) == 0x7c) return b & 3 ? NAN : b & 0x80 ? -INFINITY : INFINITY;
    return decode_small(b, 5, 2);
}

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
    switch (t) {
    case DT_f64: return AT(double);
    case DT_f32: return (double)AT(float);
    case DT_f16: return f16_to_double(AT(uint16_t));
    case DT_bf16: return bf16_to_double(AT(uint16_t));
    case DT_f8e4m3: return f8e4m3_to_double(AT(uint8_t));
    case DT_f8e5m2: return f8e5m2_to_double(AT(uint8_t));
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
    case DT_i4: return AT(int8_t);
    case DT_u64: return (int64_t)AT(uint64_t);
    case DT_u32: return AT(uint32_t);
    case DT_u16: return AT(uint16_t);
    case DT_u8:
    case DT_u4:
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
    switch (t) {
    case DT_f64: PUT(double, v); break;
    case DT_f32: PUT(float, v); break;
    case DT_f16: PUT(uint16_t, f16_from_double(v)); break;
    case DT_bf16: PUT(uint16_t, bf16_from_double(v)); break;
    case DT_f8e4m3: PUT(uint8_t, f8e4m3_from_double(v, true)); break;
    case DT_f8e5m2: PUT(uint8_t, f8e5m2_from_double(v, true)); break;
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
    case DT_u64: PUT(uint64_t, v); break;
    case DT_u32: PUT(uint32_t, v); break;
    case DT_u16: PUT(uint16_t, v); break;
    case DT_u8: PUT(uint8_t, v); break;
    case DT_u4: PUT(uint8_t, v & 15); break;
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
