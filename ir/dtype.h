/* Element types and the conversions between their bit patterns and C's numbers. */
#ifndef NFC_DTYPE_H
#define NFC_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum nfc_dtype {
#define DTYPE(name, ...) DT_##name,
#include "ir/dtypes.def"
#undef DTYPE
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

/* Round to nearest even. f16 and bf16 overflow to infinity. f8 saturates to its largest value, or on
 * request overflows: e4m3 to NaN, e5m2 to infinity. Infinity itself stays infinity in e5m2. */
uint16_t f16_from_double(double value);
uint16_t bf16_from_double(double value);
uint8_t f8e4m3_from_double(double value, bool saturate);
uint8_t f8e5m2_from_double(double value, bool saturate);
double f16_to_double(uint16_t bits);
double bf16_to_double(uint16_t bits);
double f8e4m3_to_double(uint8_t bits);
double f8e5m2_to_double(uint8_t bits);

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
