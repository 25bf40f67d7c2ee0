/* NumPy's .npy files: little-endian, C order, versions 1 to 3. bf16 and narrower floats travel
 * as unsigned bits, i4 and i2 as int8, u4 and u2 as uint8. */
#ifndef NFC_NPY_H
#define NFC_NPY_H

#include "frontend/session.h"
#include "ir/dtype.h"

enum { NPY_MAX_RANK = 32 };

typedef struct npy_array {
    const char *descr; /* "f4" */
    int rank;
    int64_t dim[NPY_MAX_RANK];
    size_t bytes;      /* of all elements */
    void *data;
} npy_array;

/* Reads a file into the session's arena; reports and returns false on any fault. */
bool npy_read(nfc_session *s, const char *path, npy_array *out);
/* Writes a new file; reports and returns false on any fault. */
bool npy_write(nfc_session *s, const char *path, nfc_dtype dtype, int rank, const int64_t *dim, const void *data);

#endif
