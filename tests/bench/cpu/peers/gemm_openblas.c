/* OpenBLAS: packs both matrices in each call, as it must. A product with one row is a matrix-vector product. */
#include "gemm.h"
#include <cblas-openblas.h>
#include <stdio.h>

static gemm product;

void *gemm_open(const gemm *p, const char **why)
{
    *why = "";
    product = *p;
    openblas_set_num_threads(p->threads);
    return &product;
}

int gemm_step(void *opened)
{
    const gemm *p = opened;
    if (p->m == 1)
        cblas_sgemv(CblasRowMajor, CblasTrans, p->k, p->n, 1.0f, p->b, p->n, p->a, 1, 0.0f, p->c, 1);
    else
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, p->m, p->n, p->k, 1.0f, p->a, p->k, p->b, p->n, 0.0f, p->c, p->n);
    return 0;
}

const char *gemm_version(void)
{
    static char text[128];
    snprintf(text, sizeof text, "%s, kernels for %s", openblas_get_config(), openblas_get_corename());
    return text;
}
