/* The small functions that emitted C calls where C has no operator with the meaning that the kernel
 * IR gives one: conversions, wrapping division, minima that keep NaNs. Each stands in the emitted file
 * only when it is used. */
#ifndef NFC_C_HELPERS_H
#define NFC_C_HELPERS_H

#include "codegen/dialect.h"

/* Puts a helper, and what it calls, into the module's text once. */
void c_use_helper(cg_module *c, const char *name);

#endif
