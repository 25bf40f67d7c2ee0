/* A file in ONNX's format, mapped and checked before anything of it is used: what stands in it, not what
 * it means.
 *
 * The file is scanned (onnx_scan.h), then protobuf-c unpacks a copy without the tensors' data into the
 * session's arena. Data stay where they are, in the mapped file or in a mapped file of external data, at
 * any address: whoever reads elements goes through dtype_get() or memcpy(). Text never is NULL, is UTF-8
 * and has no NUL inside; `bytes` (attributes' strings) are checked by onnx_text(). */
#ifndef NFC_ONNX_FILE_H
#define NFC_ONNX_FILE_H

#include "frontend/session.h"
#include "ir/dtype.h"
#include "onnx.pb-c.h"

/* The messages of onnx.proto by shorter names. */
typedef NfcOnnx__ModelProto onnx_model;
typedef NfcOnnx__GraphProto onnx_graph;
typedef NfcOnnx__NodeProto onnx_node;
typedef NfcOnnx__FunctionProto onnx_function;
typedef NfcOnnx__AttributeProto onnx_attribute;
typedef NfcOnnx__TensorProto onnx_tensor;
typedef NfcOnnx__SparseTensorProto onnx_sparse;
typedef NfcOnnx__ValueInfoProto onnx_value_info;
typedef NfcOnnx__TypeProto onnx_type;
typedef NfcOnnx__TensorShapeProto onnx_shape;
typedef NfcOnnx__TensorShapeProto__Dimension onnx_dim;
typedef NfcOnnx__SequenceProto onnx_sequence;
typedef NfcOnnx__OptionalProto onnx_optional;
typedef ProtobufCBinaryData onnx_bytes;

enum { ONNX_MAX_RANK = 8 };

/* What a file holds: a .onnx model, or a value of a test's .pb. */
typedef enum { ONNX_MODEL, ONNX_TENSOR, ONNX_SEQUENCE, ONNX_OPTIONAL } onnx_kind;

typedef struct onnx_file {
    nfc_session *s;
    const char *path;   /* as the user wrote it */
    const char *folder; /* of the path: external data lie below it */
    uint32_t source;    /* its number among the session's sources; it has no lines */
    const unsigned char *map;
    size_t size;
    onnx_kind kind; /* says which of these is there; the others are NULL */
    const onnx_model *model;
    const onnx_tensor *tensor;
    const onnx_sequence *sequence;
    const onnx_optional *optional;
    nfc_map external;          /* location -> the mapped file of external data */
    size_t mapped, converted; /* bytes of all mapped files; of the data that were converted */
} onnx_file;

/* The elements of a tensor in row-major order, each in nfc's own storage of its type (ir/dtype.h): sub-byte
 * types take a byte each. */
typedef struct onnx_array {
    nfc_dtype dtype; /* DT_string: the elements are t->string_data[0..elements), as onnx_text() takes them */
    int rank;
    int64_t dim[ONNX_MAX_RANK]; /* none is negative; the product is at most 2^40 */
    int64_t elements;
    size_t bytes;     /* elements * dtype_bytes(dtype) */
    const void *data; /* at any address; never NULL but for strings */
    bool mapped;      /* data are the file's own bytes; else a converted copy in the session's arena */
} onnx_array;

/* Opens a model; reports and returns NULL on any fault. Lives as long as the session's arena. */
onnx_file *onnx_open(nfc_session *s, const char *path);
/* Opens a file that holds one value: ONNX_TENSOR, ONNX_SEQUENCE or ONNX_OPTIONAL. */
onnx_file *onnx_value_open(nfc_session *s, const char *path, onnx_kind kind);

/* The tensor's elements. Reports, with the tensor's name, and returns false on any fault: an element type
 * or a rank that nfc does not have, dims and data that contradict each other, data that are not there. */
bool onnx_tensor_data(onnx_file *f, const onnx_tensor *t, onnx_array *out);
/* Its type and dims alone, without looking at the data. */
bool onnx_tensor_type(onnx_file *f, const onnx_tensor *t, onnx_array *out);
/* nfc's type for a number of TensorProto.DataType, or DT_COUNT; onnx_type_name() is the standard's name. */
nfc_dtype onnx_dtype(int32_t data_type);
const char *onnx_type_name(int32_t data_type);
/* Are the bytes UTF-8 without a NUL inside? */
bool onnx_is_text(const onnx_bytes *b);
/* They as text in the session's arena, or NULL if they are not. */
const char *onnx_text(const onnx_file *f, const onnx_bytes *b);
/* "model.onnx: tensor 'w'", for diag_error_in(); without a name "model.onnx". */
const char *onnx_place(const onnx_file *f, const char *kind, const char *name);

#endif
