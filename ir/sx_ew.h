/* Elementwise ops over symbolic integers: what is known of an element at compile time. */
#ifndef NFC_SX_EW_H
#define NFC_SX_EW_H

#include "ir/ir.h"

/* An element of an elementwise op's result from those of the operands that meet it, one entry an operand
 * (any number for a variadic op): the row's expression, with every element a whole number, whatever the
 * type. NULL stands for an element that is not known, among the operands too. Wrapping is not followed;
 * where a number leaves 64 bits the table's `overflow` is set. */
const ir_sx *sx_elementwise(sx_table *t, const ir_inst *inst, const ir_sx *const *in);

#endif
