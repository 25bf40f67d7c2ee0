/* What goes into a run and comes out of it: inputs from .npy files, outputs to a folder of them or
 * to the terminal. bf16 and narrower floats travel as unsigned bits, i4 and i2 as int8, u4 and u2
 * as uint8. */
#ifndef NFC_SIMIO_H
#define NFC_SIMIO_H

#include "frontend/cli.h"
#include "frontend/outdir.h"
#include "ir/sim.h"

/* The graph's inputs in order, one new reference each, from NAME=FILE pairs. Every input must be
 * given once, with its dtype and rank and the extents that are fixed. Reports all that is wrong and
 * returns false; `in` then holds nothing. */
bool simio_read_inputs(sim *s, const ir_graph *g, const cli_pair *pair, int npair, sim_tensor **in);

/* Begins the folder of the outputs; it may replace one that holds outputs of graphs of the module
 * and nothing else. NULL after a report. */
outdir *simio_begin_outputs(const ir_graph *g, const char *path);
/* Writes NAME.npy for each output; outdir_commit() is the caller's. */
bool simio_write_outputs(outdir *o, const ir_graph *g, sim_tensor *const *out);
/* One line for each output: type, statistics, first elements. */
void simio_print_outputs(FILE *to, const ir_graph *g, sim_tensor *const *out);

void simio_drop(sim_tensor **t, int n);

#endif
