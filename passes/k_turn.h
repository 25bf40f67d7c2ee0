/* What is read again and again, from either end in turn. */
#ifndef NFC_K_TURN_H
#define NFC_K_TURN_H

#include "passes/sched.h"

/* Makes loops of a scheduled kernel turn around where a core's own cache holds only a part of what they go through: the
 * outermost ones at every other trip of the loop that the instruction is in, for constants; those inside at every other
 * iteration of the loop around them. Returns what the schedule says of it, "" where there are none. */
const char *k_turn(const sched_target *t, kir_builder *b, const plan_call *call, const ir_inst *inst);

#endif
