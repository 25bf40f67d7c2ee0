/* The debugger's `print`: a tensor, statistics of it, or part of it. */
#ifndef NFC_SIMPRINT_H
#define NFC_SIMPRINT_H

#include <stdio.h>
#include "ir/sim.h"

#define SIMPRINT_ARGS "[stats | all | [i,j,..] | [a:b,..]]"

/* Prints the tensor as `how` says: "" type, statistics, first elements; "stats"; "all"; or a part
 * such as "[0, 2:4, -1]", where axes that are not given count whole and an index below 0 counts
 * from the end. What does not fit is said instead. */
void simprint(FILE *to, const char *name, const sim_tensor *t, const char *how);

#endif
