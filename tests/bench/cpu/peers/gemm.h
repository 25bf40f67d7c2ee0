/* What a library of matrix products is to the bench: one file of C each, which peers/gemm.py compiles and calls. */
#ifndef BENCH_GEMM_H
#define BENCH_GEMM_H

/* What is multiplied. a and b of GEMM_BF16 are given as f32, for the library to round before it begins. */
enum { GEMM_F32, GEMM_U8S8, GEMM_BF16 };

/* One product c = a b, row-major: a [m][k], b [k][n] constant, c [m][n]: f32, of GEMM_U8S8 i32. */
typedef struct gemm {
    int m, n, k, threads, words;
    const void *a, *b;
    void *c;
} gemm;

/* Prepares the product, which lives as long as the process: packs b where the library has a way to. NULL: *why says what is missing. */
void *gemm_open(const gemm *product, const char **why);
/* One product. 0, or an error. */
int gemm_step(void *opened);
/* The library's name for itself, with the kernels that it chose. */
const char *gemm_version(void);

#endif
