/* Golden tests of a graph: folders of inputs and of the outputs that are expected for them. */
#ifndef NFC_GOLDEN_H
#define NFC_GOLDEN_H

#include <stdio.h>
#include "frontend/npy.h"
#include "ir/ir.h"

/* One run. A case is a folder with NAME.npy for each input and output, or with those of inputs in its
 * folder in/ and those of outputs in its folder out/. */
typedef struct golden_case {
    const char *name;           /* the folder's */
    const char **input, **output; /* paths, in the graph's order */
    const char *out_dir;        /* where the outputs lie */
} golden_case;

typedef VEC(golden_case) golden_cases;

/* The cases of a folder, by name: the folder itself, when .npy files or in/ or out/ stand in it, or
 * else each of its folders. With `bless` outputs need not be there yet. Reports what is missing and
 * what is there for no port, and returns false. */
bool golden_find(nfc_session *s, const ir_graph *g, const char *folder, bool bless, golden_cases *out);

typedef struct golden_tolerance {
    double value; /* a part of the largest finite magnitude that is expected; */
    bool ulp;     /* or units of the last place. Of floats: integers must be equal */
} golden_tolerance;

/* Reads "1e-5" or "4ulp"; false when it is neither. */
bool golden_read_tolerance(const char *text, golden_tolerance *out);

/* One output against what is expected of it. NaN equals NaN. */
typedef struct golden_result {
    bool ok;
    const char *problem;   /* types or shapes that differ, said in words; else NULL, and: */
    int64_t count, off;    /* elements; those beyond the tolerance */
    double worst;          /* in the tolerance's unit; infinite where there is no distance */
    const char *at, *got, *expected; /* the element that is farthest off; NULL: all are equal */
} golden_result;

golden_result golden_compare(nfc_session *s, const ir_port *port, const npy_array *got, const npy_array *expected, golden_tolerance t);

#endif
