/* Observers of a run: a line for each statement, and where the time went. */
#ifndef NFC_SIMLOG_H
#define NFC_SIMLOG_H

#include <stdio.h>
#include "ir/sim.h"

/* Writes a line to the stream for each statement that ran. */
void simlog_attach(sim *s, FILE *to);

typedef struct simprofile simprofile;

/* Counts and times each op from now on. */
simprofile *simprofile_attach(sim *s);
/* A table by op, and the ten instructions that took longest in all. */
void simprofile_print(FILE *to, const simprofile *p);

#endif
