/* The first reading of a protobuf file: its wire format against the schema, before protobuf-c sees any of it.
 *
 * protobuf-c recurses as deep as a file says, allocates what a file says and copies every tensor. So the
 * file is walked once without recursion or allocation, every tag, varint, length and text checked, and then
 * copied without what is not in the schema and without the tensors' data, which the copy (the skeleton)
 * names by their place in the file: TensorProto.mapped_field, mapped_offset and mapped_length. */
#ifndef NFC_ONNX_SCAN_H
#define NFC_ONNX_SCAN_H

#include <protobuf-c/protobuf-c.h>
#include "frontend/diag.h"

enum {
    ONNX_MAX_DEPTH = 64,           /* messages inside of messages; a graph inside of a graph takes 3 */
    ONNX_MAX_SKELETON = 40 << 20,  /* bytes of all that is not data of tensors */
    ONNX_MAX_UNPACKED = 160 << 20, /* bytes that a skeleton is unpacked to */
};

typedef struct onnx_skeleton {
    uint8_t *bytes;
    size_t size;
    /* When it could not be made: */
    diag_code code;
    size_t at; /* the byte of the file */
    const char *fault;
} onnx_skeleton;

/* Scans a file that holds one message of this kind. The skeleton and the text of a fault are in the arena. */
bool onnx_scan(nfc_arena *arena, const ProtobufCMessageDescriptor *root, const uint8_t *data, size_t size, onnx_skeleton *out);

/* The varint at *at, of at most 10 bytes and 64 bits; moves *at behind it. NULL, or what is wrong with it. */
const char *onnx_varint(const uint8_t **at, const uint8_t *end, uint64_t *value);

#endif
