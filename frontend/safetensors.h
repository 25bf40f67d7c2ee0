/* A weights package: a .safetensors file, mapped and checked strictly before anything is used.
 *
 * Refused: a header over 16 MiB or larger than the file, unknown dtypes, sizes that are not extents
 * times element size, offsets with holes or overlaps or past the end, duplicate names, ranks over 8,
 * metadata that is not text. */
#ifndef NFC_SAFETENSORS_H
#define NFC_SAFETENSORS_H

#include "frontend/json.h"
#include "ir/dtype.h"

enum { PACKAGE_MAX_RANK = 8, PACKAGE_MAX_HEADER = 16 << 20 };

typedef struct package_tensor {
    const char *name;
    nfc_dtype dtype;
    int rank;
    int64_t dim[PACKAGE_MAX_RANK];
    uint64_t begin, end; /* bytes, counted from the end of the header */
    nfc_span at;         /* its entry in the header */
} package_tensor;

typedef struct package {
    const char *name; /* in the module; "model" for the unnamed one */
    const char *path; /* as it was opened */
    const char *written; /* as the author wrote it */
    const char *shown;   /* as messages call it: that, or what --model says */
    nfc_span at;      /* the author's declaration */
    bool used;        /* by a weight or meta() */
    const unsigned char *map, *data;
    size_t size, data_size;
    VEC(package_tensor) tensor; /* in order of their offsets */
    nfc_map index;              /* name -> package_tensor */
    json_node *metadata;        /* NULL: none */
    const char **names;         /* all names, NULL-terminated, for suggestions */
} package;

/* Opens and checks a package. Reports and returns NULL on any fault. */
package *package_open(nfc_session *s, const char *name, const char *path, nfc_span at);
const package_tensor *package_find(const package *p, const char *tensor);
const void *package_data(const package *p, const package_tensor *t);
/* The metadata text under the key, or NULL. */
const char *package_meta(const package *p, const char *key, nfc_span *at);

#endif
