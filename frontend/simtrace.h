/* A run of the simulator as a trace: a span for each run, block, loop, trip, scope and statement.
 */
#ifndef NFC_SIMTRACE_H
#define NFC_SIMTRACE_H

#include "ir/sim.h"

typedef struct simtrace simtrace;

/* Traces every run from now on. Reports and returns NULL when the file cannot be made. */
simtrace *simtrace_attach(sim *s, const ir_graph *g, const char *path);
/* Puts the file in its place. */
bool simtrace_commit(simtrace *t);

#endif
