/* Element types and the conversions between their bit patterns and C's numbers. */
#ifndef NFC_DTYPE_H
#define NFC_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum nfc_dtype {
#define DTYPE(name, ...) DT_##name,
#include "ir/dtypes.def"
    DT_COUNT
} nfc_dtype;

typedef enum { DTC_FLOAT, DTC_SIGNED, DTC_UNSIGNED, DTC_BOOL, DTC_STRING } dtype_class;

typedef struct dtype_info {
    const char *name;
    dtype_class kind;
    int bits, bytes;
    const char *c_type;
    nfc_dtype compute;
    const char *npy, *safetensors, *doc;
} dtype_info;

extern const dtype_info dtype_table[DT_COUNT];

/* The type of this name, or DT_COUNT. */
nfc_dtype dtype_lookup(const char *name);
nfc_dtype dtype_of_safetensors(const char *name);
static inline const char *dtype_name(nfc_dtype t) { return dtype_table[t].name; }
static inline size_t dtype_bytes(nfc_dtype t) { return (size_t)dtype_table[t].bytes; }
static inline bool dtype_is_float(nfc_dtype t) { return dtype_table[t].kind == DTC_FLOAT; }
static inline bool dtype_is_int(nfc_dtype t)
{
    return dtype_table[t].kind == DTC_SIGNED || dtype_table[t].kind == DTC_UNSIGNED;
}
static inline bool dtype_is_signed(nfc_dtype t) { return dtype_table[t].kind == DTC_SIGNED; }

/* What the bits of a float type of 16 bits or less mean: the FORMAT rows of ir/dtypes.def. */
typedef struct dtype_format {
    int exponent, mantissa, bias; /* exponent 0: not such a type */
    unsigned top, over, nan;
} dtype_format;

extern const dtype_format dtype_formats[DT_COUNT];

/* The smallest code with the sign bit set; of f8e8m0 there is none, and it lies above all codes. */
static inline unsigned dtype_sign_bit(nfc_dtype t)
{
    return 1u << (dtype_formats[t].exponent + dtype_formats[t].mantissa);
}
/* Is there an infinity? Of the types with a FORMAT row. */
static inline bool dtype_has_infinity(nfc_dtype t)
{
    return dtype_formats[t].over > dtype_formats[t].top && dtype_formats[t].over != dtype_formats[t].nan;
}

/* What becomes of a number too large for a type of 8 bits or less; one of 16 overflows to infinity. */
typedef enum {
    DTYPE_STORE,    /* the largest number; infinity stays what it is where there is one */
    DTYPE_SATURATE, /* infinity counts as too large, too */
    DTYPE_OVERFLOW, /* infinity, or NaN where there is none */
} dtype_overflow;

/* A number as the bits of a type that has a FORMAT row, rounded to nearest even (f8e8m0: away from
 * zero), and back. */
unsigned dtype_encode(nfc_dtype t, double value, dtype_overflow overflow);
double dtype_decode(nfc_dtype t, unsigned bits);

/* Which power of two f8e8m0 takes for a number between two: ONNX's words; nearest takes the upper one
 * of the middle. A negative number counts by its magnitude, which ONNX leaves open. Not saturated, 0
 * and what is too small or too large becomes NaN. */
typedef enum { E8M0_UP, E8M0_DOWN, E8M0_NEAREST } e8m0_rounding;
unsigned e8m0_encode(double value, bool saturate, e8m0_rounding rounding);

/* Element i of an array of type t. Integers come exact as int64 (u64 by its bits); loading an
 * integer type as double rounds, storing a double rounds to the type or, for an integer type,
 * truncates and saturates, NaN to 0. Storing an int64 wraps to the type, or rounds to it once. */
double dtype_get(nfc_dtype t, const void *data, size_t i);
int64_t dtype_get_int(nfc_dtype t, const void *data, size_t i);
void dtype_set(nfc_dtype t, void *data, size_t i, double value);
void dtype_set_int(nfc_dtype t, void *data, size_t i, int64_t value);
/* An integer (u64 by its bits) as a double that becomes the float type `to` as the integer itself would,
 * with one rounding: what a double cannot hold leaves its mark in a bit below all of the type's. */
double dtype_from_int(nfc_dtype to, int64_t value, bool is_unsigned);
/* The value of the compute type's precision: f32 for everything but f64. */
double dtype_round(nfc_dtype t, double value);
/* The bounds of an integer type. */
int64_t dtype_min(nfc_dtype t);
uint64_t dtype_max(nfc_dtype t);

#endif
