/* The sets of element types that ops.def's rows name. */
#ifndef NFC_OPS_SETS_H
#define NFC_OPS_SETS_H

#include "ir/dtype.h"

#define DT_BIT(t) (1u << DT_##t)
#define SET_F8 (DT_BIT(f8e4m3) | DT_BIT(f8e5m2))
#define SET_FLOATS (DT_BIT(f64) | DT_BIT(f32) | DT_BIT(f16) | DT_BIT(bf16) | SET_F8)
#define SET_SINTS (DT_BIT(i64) | DT_BIT(i32) | DT_BIT(i16) | DT_BIT(i8) | DT_BIT(i4))
#define SET_UINTS (DT_BIT(u64) | DT_BIT(u32) | DT_BIT(u16) | DT_BIT(u8) | DT_BIT(u4))
#define SET_INTS (SET_SINTS | SET_UINTS)
#define SET_BOOLS (1u << DT_bool)
#define SET_NUM (SET_FLOATS | SET_INTS)
#define SET_SNUM (SET_FLOATS | SET_SINTS)
#define SET_NUMB (SET_NUM | SET_BOOLS)
/* Formats that are stored, moved and converted, but not computed with. */
#define SET_STORED (DT_BIT(f8e4m3fnuz) | DT_BIT(f8e5m2fnuz) | DT_BIT(f8e8m0) | DT_BIT(f6e2m3) | DT_BIT(f6e3m2) | DT_BIT(f4e2m1) | DT_BIT(i2) | DT_BIT(u2))
#define SET_ANY (SET_NUMB | SET_STORED)
/* What a number can be quantised to. */
#define SET_QUANTISED (DT_BIT(i16) | DT_BIT(u16) | DT_BIT(i8) | DT_BIT(u8) | DT_BIT(i4) | DT_BIT(u4) | DT_BIT(i2) | DT_BIT(u2) | SET_F8 | (SET_STORED & ~DT_BIT(f8e8m0)))
#define SET_BYTES (DT_BIT(i8) | DT_BIT(u8))
#define SET_SCALES (DT_BIT(f32) | DT_BIT(f16) | DT_BIT(bf16))
/* What holds infinities or NaN. */
#define SET_SPECIAL (SET_FLOATS | DT_BIT(f8e4m3fnuz) | DT_BIT(f8e5m2fnuz))
#define SET_REALS (DT_BIT(f64) | DT_BIT(f32))
#define SET_INDICES (DT_BIT(i32) | DT_BIT(i64))
#define SET_U8 DT_BIT(u8)
#define SET_I16 DT_BIT(i16)
#define SET_I32 DT_BIT(i32)
#define SET_I64 DT_BIT(i64)
#define SET_F32 DT_BIT(f32)
#define SET_WORDS (SET_INDICES | DT_BIT(u8))
#define SET_NUM_NO_F8 (SET_NUM & ~SET_F8)

#endif
