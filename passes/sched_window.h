/* Tiles of windows that slide: see sched_window.c. */
#ifndef NFC_SCHED_WINDOW_H
#define NFC_SCHED_WINDOW_H

#include "passes/sched.h"

/* Sets rows, vectors and the unrolled loop of a schedule whose lanes are chosen, where what the core loads differs from lane
 * to lane and its windows overlap along an axis; false: there are no such windows. */
bool sched_window(const sched_target *t, k_nest *nest, sched *s);

#endif
