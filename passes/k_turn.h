/* Weights that every step of a loop reads, from either end in turn. */
#ifndef NFC_K_TURN_H
#define NFC_K_TURN_H

#include "passes/sched.h"

/* Makes the outermost loops of a scheduled kernel turn around at every other trip of the loop that the instruction is in,
 * where they go through constants of which a core's own cache holds a part only. Returns whether there are any. */
bool k_turn(const sched_target *t, kir_builder *b, const plan_call *call, const ir_inst *inst);

#endif
