/* The kernels of one emitted file. */
#ifndef TEST_DRIVER_H
#define TEST_DRIVER_H

#include <stdint.h>

typedef struct test_kernel {
    const char *name;
    void (*call)(void *const *buffer, const int64_t *scalar, int *status);
} test_kernel;

extern const test_kernel test_kernels[]; /* ends in one without a name */

#endif
