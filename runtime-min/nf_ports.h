/* SPDX-License-Identifier: 0BSD
 *
 * What goes into a run and comes out of it: tensors, from .npy files and to them. bf16 and
 * narrower floats travel as unsigned bits, i4 and i2 as int8, u4 and u2 as uint8.
 *
 * Functions report what is wrong and return one of NF_EXIT_*. */
#ifndef NF_PORTS_H
#define NF_PORTS_H

#include "nf_main.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nf_tensor {
    const nf_port *port;
    int64_t dim[NF_RANK];
    int64_t count;
    void *data; /* malloc'd; NULL: not yet */
} nf_tensor;

/* The difference that is let through, when outputs are compared. */
typedef struct nf_tolerance {
    double value;
    int ulp; /* value counts units in the last place; else parts of the output's scale */
} nf_tolerance;

/* Reads every input of the graph from path[i]. dim: values of the free dims, or -1 where the
 * extents of the inputs are to tell; a dim that no input speaks of gets its bound. */
int nf_read_inputs(const nf_graph *g, const char *const *path, int64_t *dim, nf_tensor *in);
/* Makes room for every output, with the extents that a run sets at their bounds. */
int nf_make_outputs(const nf_graph *g, const int64_t *dim, nf_tensor *out);
/* Gives the outputs the extents that they have for these values of the dims. */
int nf_size_outputs(const nf_graph *g, const int64_t *dim, nf_tensor *out);
/* Writes FOLDER/NAME.npy for every output; the folder is made if it is not there. */
int nf_write_outputs(const char *folder, const nf_tensor *out, int n);
/* Prints types and first elements. */
void nf_print_outputs(const nf_tensor *out, int n);
/* Compares with FOLDER/NAME.npy and prints the worst difference of each. Integers must be equal. */
int nf_check_outputs(const char *folder, nf_tolerance tolerance, const nf_tensor *out, int n);
void nf_free_tensors(nf_tensor *t, int n);

#ifdef __cplusplus
}
#endif

#endif
