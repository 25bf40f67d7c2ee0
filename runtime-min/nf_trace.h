/* SPDX-License-Identifier: 0BSD
 *
 * A run's kernels as Chrome trace events, which Perfetto and chrome://tracing open. */
#ifndef NF_TRACE_H
#define NF_TRACE_H

#include "nf_file.h"
#include "nf_main.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nf_trace {
    nf_file file;
    const nf_program *program;
    int64_t start, last; /* of the trace, of the last event; nanoseconds */
    int64_t run_at, call_at;
} nf_trace;

/* Nanoseconds of a clock that only goes forward. */
int64_t nf_clock(void);

/* Each of the two reports what fails and returns one of NF_EXIT_*. */
int nf_trace_begin(nf_trace *t, const nf_program *program, const char *path);
int nf_trace_commit(nf_trace *t);
/* Round a run of a graph, which is the `run`th from 1. */
void nf_trace_run_begin(nf_trace *t);
void nf_trace_run_end(nf_trace *t, const nf_graph *g, long long run);
/* What the program calls round each call of a kernel: an nf_tracer for an nf_trace. */
void nf_trace_call(void *trace, int call, int begin);

#ifdef __cplusplus
}
#endif

#endif
