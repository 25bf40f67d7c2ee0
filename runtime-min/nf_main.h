/* SPDX-License-Identifier: 0BSD
 *
 * The command line of an emitted program. NAME_main.c holds the tables below, which tell what the
 * program has; nf_main() does the rest. */
#ifndef NF_MAIN_H
#define NF_MAIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { NF_RANK = 8 };

typedef enum nf_kind { NF_FLOAT, NF_INTEGER } nf_kind;

/* An element type, and how its elements travel in .npy files. */
typedef struct nf_type {
    const char *name; /* "bf16" */
    const char *npy;  /* NumPy's type code: "u2" */
    int bytes;        /* of an element, in memory and in the file */
    nf_kind kind;
    int64_t min;      /* INTEGER: the values that there are; FLOAT: the codes */
    uint64_t max;
    /* FLOAT of 2 bytes or less: its bits, and its codes without the sign. What lies above the largest
     * number is NaN, but for an infinity right above it. */
    int exponent, fraction, bias;
    uint32_t top;
    int has_infinity;
    int nan_for_minus_zero;
} nf_type;

/* An extent: fixed (>= 0), or the value of a free dim (>= 0), or worked out from the dims. */
typedef struct nf_axis {
    int64_t fixed;
    int dim;
    int64_t (*of)(const int64_t *dim);
} nf_axis;

typedef struct nf_port {
    const char *name;
    const nf_type *type;
    int rank;
    const nf_axis *axis; /* NULL: a scalar */
    const char *shape;   /* as the author wrote it: "[S, 64]" */
    const char *limits;  /* "min 0, max 511"; "": none */
    int64_t room;        /* elements that there must be room for, where a run sets extents; else 0 */
} nf_port;

/* A free dim: an extent that every run may choose anew, or that a run's outputs have. */
typedef struct nf_dim {
    const char *name;
    int64_t min, max;
} nf_dim;

typedef struct nf_graph {
    const char *name;
    int ninput, noutput, ndim, nresult;
    const nf_port *input, *output;
    const nf_dim *dim; /* ndim that the caller chooses, nresult that a run sets */
    /* One run. A pointer to the elements of each input and output, the values of the dims in order;
     * those behind the first ndim are written. */
    int (*run)(void *ctx, const void *const *in, void *const *out, int64_t *dim);
} nf_graph;

/* A call of a kernel, as a trace shows it. */
typedef struct nf_call {
    const char *kernel, *ops, *places;
} nf_call;

typedef void nf_tracer(void *user, int call, int begin);

typedef struct nf_program {
    const char *name, *source;
    size_t ctx_bytes, arena_bytes, arena_align, weight_bytes, state_bytes, stack_bytes;
    size_t huge_page; /* bytes of the large pages that memory can be made of; 0: there are none */
    const char *weights; /* the file that holds them, beside the program; NULL: they are inside */
    int ngraph;
    const nf_graph *graph;
    int traced; /* built with NF_TRACE? Else set_trace is NULL. */
    const nf_call *call;
    void (*set_trace)(void *ctx, nf_tracer *trace, void *user);
    int (*init)(void *ctx, void *arena, size_t bytes);
    int (*set_weights)(void *ctx, const void *blob, size_t bytes); /* NULL: they are inside */
    size_t (*save)(const void *ctx, void *to, size_t room);        /* NULL: there is no state */
    int (*load)(void *ctx, const void *from, size_t bytes);
    const char *(*status_text)(int status);
    const char *(*error_place)(const void *ctx);
} nf_program;

/* The whole program; returns its exit status. */
int nf_main(const nf_program *program, int argc, char **argv);

#ifdef __cplusplus
}
#endif

#endif
