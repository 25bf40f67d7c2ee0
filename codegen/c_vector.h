/* What the C dialect's vectors share. */
#ifndef NFC_C_VECTOR_H
#define NFC_C_VECTOR_H

#include "codegen/helpers.h"

/* "nf_f32x16", which is defined in the emitted file. */
const char *cg_vector_type(cg_module *c, nfc_dtype lane, int64_t width);
/* Is it wider than a register? Functions that take such vectors begin with NF_INLINE, which is then defined. */
bool cg_is_wide_vector(cg_module *c, nfc_dtype lane, int64_t width);
/* The helper "nf_max_f32x16" that does on all lanes what the scalar "nf_max_f32" does on one: with the
 * device's instruction, as c_vector.def has it, else lane by lane. It is put into the emitted file. */
/* Has the device an instruction of its own for a helper on so many lanes? */
bool cg_has_instruction(cg_module *c, const char *scalar, int64_t width);
const char *cg_lanes_helper(cg_module *c, const char *scalar, nfc_dtype result, nfc_dtype argument, int arguments, int64_t width);
/* The helper that loads elements `step` apart, one a lane: 1 < step <= KIR_MOST_STEP. */
const char *cg_strided_load(cg_module *c, nfc_dtype lane, int64_t step, int64_t width);
/* Prints the body of a vector loop that moves squares of elements, rows as columns; false: it is another one. */
bool cg_put_turned(cg_module *c, const kir_stmt *loop);
/* The device's headers, which its instructions need; once. */
void cg_put_headers(cg_module *c);
/* Which square root there is: "sqrt" or "soft_sqrt". */
const char *cg_square_root(cg_module *c, nfc_dtype type, int64_t width);

#endif
