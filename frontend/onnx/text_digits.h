/* Digits of numbers, in tensors; casts to text (text_cast.c) make strings of them. */
#ifndef NFC_ONNX_TEXT_DIGITS_H
#define NFC_ONNX_TEXT_DIGITS_H

#include "ir/make.h"

/* For each element of x, an f64 above 0 and finite: the decimal digits * 10^exponent (u64, i64) with the fewest digits
 * of those that read back as it, and of these the nearest. The digits do not end in 0. */
void im_shortest_f64(mk *k, ir_value *x, ir_value **digits, ir_value **exponent);

#endif
