/* libxsmm: code made at run time for this very product; it makes none for large ones. Its matrices are column-major, so that
 * c = a b is computed as the transposed product b' a', which is the same memory. */
#include "gemm.h"
#include <libxsmm.h>
#include <stdio.h>

/* The library is meant for products up to about this (m n k)^(1/3); what is larger is for its caller to block. */
enum { LARGEST = 256 };

static gemm product;
static libxsmm_smmfunction kernel;

void *gemm_open(const gemm *p, const char **why)
{
    const float one = 1.0f, zero = 0.0f;
    *why = p->threads > 1 ? "one thread only" : "larger than it is made for";
    if (p->threads > 1 || (double)p->m * p->n * p->k > (double)LARGEST * LARGEST * LARGEST)
        return NULL;
    libxsmm_init();
    kernel = libxsmm_smmdispatch(p->n, p->m, p->k, &p->n, &p->k, &p->n, &one, &zero, NULL, NULL);
    *why = "it makes no code for this product";
    product = *p;
    return kernel ? &product : NULL;
}

int gemm_step(void *opened)
{
    const gemm *p = opened;
    kernel(p->b, p->a, p->c);
    return 0;
}

const char *gemm_version(void)
{
    static char text[128];
    snprintf(text, sizeof text, "%s, target %s", LIBXSMM_VERSION, libxsmm_get_target_arch());
    return text;
}
