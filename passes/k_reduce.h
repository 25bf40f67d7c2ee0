/* Lanes along the inner loops of a nest: sums in several parts, and what stores element by element. */
#ifndef NFC_K_REDUCE_H
#define NFC_K_REDUCE_H

#include "passes/k_replay.h"

/* Replaces the kernel's body by one in which each serial loop that accumulates into local scalars, or
 * that only stores side by side, runs in vectors: each lane accumulates its own part, a sum of `parts` vectors at once,
 * which are then put together by halves. Loops that are shorter than a vector, and what is left behind the last one, have
 * narrower ones, down to `least` lanes; what fills none of these, or of an extent that the run knows no whole one, is left to a
 * loop of single elements. Sums change their order; with keep_order those of floats, which would round otherwise then, stay as they
 * are. Returns how many loops there were. */
int k_reduce(kir_builder *b, int64_t lanes, int64_t least, int64_t parts, bool keep_order, bool (*has_fma)(const void *env, kir_type type, int64_t lanes), const void *env);
/* What changes nothing under min, max, + or *. */
const kir_expr *k_neutral(kir_builder *b, kir_bin op, nfc_dtype t);

#endif
