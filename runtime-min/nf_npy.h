/* SPDX-License-Identifier: 0BSD
 *
 * NumPy's .npy files: versions 1 to 3, little-endian, in C order. The host's byte order does not
 * matter. */
#ifndef NF_NPY_H
#define NF_NPY_H

#include <stdint.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { NF_NPY_RANK = 32, NF_NPY_NAME = 24 };

typedef struct nf_npy {
    FILE *from;
    const char *path;
    char type[3]; /* NumPy's type code without the byte order: "f4" */
    int bytes;    /* of an element */
    int rank;
    int64_t dim[NF_NPY_RANK];
} nf_npy;

/* Opens a file and reads its header; what follows is still unread. Reports what is wrong and
 * returns the status, after which nothing is open. */
int nf_npy_open(nf_npy *n, const char *path);
/* Reads all elements, whose number the header tells, to `data`, and closes the file. */
int nf_npy_read(nf_npy *n, void *data);
void nf_npy_close(nf_npy *n);
/* The number of elements; -1 when it is over the range of int64_t. */
int64_t nf_npy_count(const nf_npy *n);
/* "float32" for "f4"; name has room for NF_NPY_NAME. */
void nf_npy_type_name(const char *type, char *name);

/* Writes a whole file. Whether it went well, the stream tells. */
void nf_npy_write(FILE *to, const char *type, int rank, const int64_t *dim, const void *data);

#ifdef __cplusplus
}
#endif

#endif
