/* SHA-256, as FIPS 180-4 defines it: what manifests name files by. */
#ifndef NFC_SHA256_H
#define NFC_SHA256_H

#include "ir/arena.h"

/* The digest of n bytes as 64 hexadecimal digits. */
const char *sha256_hex(nfc_arena *a, const void *data, size_t n);

#endif
