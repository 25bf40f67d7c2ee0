/* The debugger of `nfc sim --step`: stops before statements, reads commands, shows values. Nothing
 * but its text goes to its output. */
#ifndef NFC_SIMSTEP_H
#define NFC_SIMSTEP_H

#include <stdio.h>
#include "ir/sim.h"

typedef struct simstep simstep;

/* Stops before the first statement that runs from now on. runs: how many there will be. */
simstep *simstep_attach(sim *s, ir_graph *g, int64_t runs, FILE *in, FILE *out);
/* Did the user leave, or the commands end? The run was stopped then. */
bool simstep_has_quit(const simstep *t);

#endif
