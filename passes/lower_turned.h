/* Products with a second operand whose columns lie side by side as they are summed over. */
#ifndef NFC_LOWER_TURNED_H
#define NFC_LOWER_TURNED_H

#include "passes/lower_kir.h"

/* The matmul's loops with blocks of columns turned in a local array, in vectors of the device; false: not for this one. Each
 * element is summed up in the order of k, as by the plain loops. */
bool product_of_turned(lw *l, const ir_inst *matmul, const struct sched_target *target);

#endif
