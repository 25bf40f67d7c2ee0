/* driver DATA: runs the kernels that it is linked with on the data that vectors.c has written, and compares bit
 * for bit; all NaNs are alike. Each buffer is a block of its own, so that a sanitizer sees what is read or
 * written beside it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/vectors/driver.h"

enum { MOST = 64 };

static FILE *data;

static int64_t word(void)
{
    int64_t v;
    if (fread(&v, sizeof v, 1, data) != 1) {
        puts("FAILED the data end early");
        exit(2);
    }
    return v;
}

static void *block(int64_t bytes)
{
    void *at = malloc(bytes > 0 ? (size_t)bytes : 1);
    if (!at || (bytes > 0 && fread(at, (size_t)bytes, 1, data) != 1)) exit(2);
    return at;
}

/* An element of at most 8 bytes, on a little-endian machine. */
static uint64_t element(const void *at, int64_t i, int64_t bytes)
{
    uint64_t v = 0;
    memcpy(&v, (const char *)at + i * bytes, (size_t)bytes);
    return v;
}

typedef struct {
    int64_t element;
    uint64_t mask, above;
} parameter;

static int is_nan(const parameter *p, uint64_t bits) { return p->mask != 0 && (bits & p->mask) > p->above; }

static int compare(const parameter *p, const char *name, int at, const void *got, const void *expected, int64_t bytes)
{
    if (memcmp(got, expected, (size_t)bytes) == 0) return 0;
    for (int64_t i = 0; i < bytes / p->element; i++) {
        uint64_t x = element(got, i, p->element), y = element(expected, i, p->element);
        if (x == y || (is_nan(p, x) && is_nan(p, y))) continue;
        printf("FAILED %s: parameter %d [%lld] is %llx, not %llx\n", name, at, (long long)i, (unsigned long long)x, (unsigned long long)y);
        return 1;
    }
    return 0;
}

static int run(const test_kernel *k, const parameter *p, int nparam, int nscalar)
{
    int64_t scalar[MOST], bytes[MOST], expected = word();
    void *buffer[MOST], *after[MOST];
    int status = 0, bad = 0;
    for (int i = 0; i < nscalar; i++) scalar[i] = word();
    for (int i = 0; i < nparam; i++) {
        bytes[i] = word();
        buffer[i] = block(bytes[i]);
        after[i] = block(bytes[i]);
    }
    k->call(buffer, scalar, &status);
    if (status != expected) {
        printf("FAILED %s: the status is %d, not %d\n", k->name, status, (int)expected);
        bad = 1;
    }
    for (int i = 0; i < nparam; i++) {
        bad += compare(&p[i], k->name, i, buffer[i], after[i], bytes[i]);
        free(buffer[i]);
        free(after[i]);
    }
    return bad > 0;
}

int main(int argc, char **argv)
{
    int runs = 0, failed = 0;
    data = argc > 1 ? fopen(argv[1], "rb") : NULL;
    if (!data) return 2;
    for (const test_kernel *k = test_kernels; k->name; k++) {
        parameter p[MOST];
        int nparam = (int)word(), nscalar = (int)word(), n = (int)word();
        if (nparam > MOST || nscalar > MOST) return 2;
        for (int i = 0; i < nparam; i++) {
            p[i].element = word();
            p[i].mask = (uint64_t)word();
            p[i].above = (uint64_t)word();
        }
        for (int i = 0; i < n; i++, runs++) failed += run(k, p, nparam, nscalar);
    }
    fclose(data);
    printf("runs %d failed %d\n", runs, failed);
    return failed > 0;
}
