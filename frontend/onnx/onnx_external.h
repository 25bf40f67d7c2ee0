/* Data of tensors in files beside the model. */
#ifndef NFC_ONNX_EXTERNAL_H
#define NFC_ONNX_EXTERNAL_H

#include "frontend/onnx/onnx_file.h"

/* The tensor's external data, of which its type and dims ask for `need` bytes. Reports and returns NULL on any
 * fault: a location outside of the model's folder or by way of a link, a file that is too short, another length. */
const uint8_t *onnx_external(onnx_file *f, const onnx_tensor *t, size_t need);

#endif
