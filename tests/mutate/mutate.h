/* What the kinds of changes share: bytes, and chance that is the same on every machine. */
#ifndef MUTATE_H
#define MUTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    char *at;
    size_t n, cap;
} bytes;

/* xorshift64*; the state is not 0. below(): a number under n, 0 when n is 0. */
uint64_t chance(uint64_t *state);
size_t below(uint64_t *state, size_t n);

/* Puts n bytes in place of `drop` bytes at `at`. */
void replace(bytes *b, size_t at, size_t drop, const char *by, size_t n);

/* Changes one field of an ONNX model, with the lengths around it right again; `other` is a model that pieces may come
 * from. False: it is no protobuf any more. */
bool change_model(bytes *b, uint64_t *r, const bytes *other);

#endif
