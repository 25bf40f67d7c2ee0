/* Kernels as Vulkan compute shaders, one to a file.
 *
 * Parameter i is the storage buffer at binding i of set 0; a kernel that can fail has a status word
 * in one more behind them, where an error's code is left (the largest, when there are several). The
 * scalars are push constants in order, int32 or, where glsl_is_wide(), int64.
 *
 * One thread runs one iteration of the kernel's grid (kir_grid), of a kernel without grid loops
 * everything; there may be more threads than iterations. The work group is one-dimensional;
 * specialisation constant 0 gives its size. What one dimension of work groups has no room for goes
 * into y. */
#ifndef NFC_GLSL_H
#define NFC_GLSL_H

#include "codegen/dialect.h"

/* The whole source of a kernel's shader. */
const char *glsl_shader(ir_module *m, nfc_arena *arena, const kir_func *f);
static inline bool glsl_is_wide(const kir_func *f) { return cg_needs_wide_index(f); }

#endif
