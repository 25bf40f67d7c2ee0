/* An imported model as a .nfg file, with its constants, if any, in a .safetensors file beside it. */
#ifndef NFC_EXPORT_NFG_H
#define NFC_EXPORT_NFG_H

#include <stdio.h>
#include "ir/ir.h"

/* Makes parameters of what blocks take from each other. Reports and returns false where .nfg cannot say it. */
bool export_close_blocks(nfc_session *s, ir_module *m);
typedef struct export_tensor { /* of the package */
    const char *name;
    const ir_value *value;
} export_tensor;
/* Writes the package. Reports and returns false. */
bool export_package(nfc_session *s, const char *path, int n, const export_tensor *tensor);
/* Writes PATH, which ends in .nfg, and, if the model has constants, the package
 * of the same name. Reports and returns false. */
bool export_nfg(nfc_session *s, ir_module *m, const char *path);

#endif
