/* What a program is made of and costs, worked out from its plan and kernels. */
#ifndef NFC_INSPECT_H
#define NFC_INSPECT_H

#include "codegen/program.h"

/* Of one run, with free dims at their bounds and loops with all their trips. */
typedef struct inspect_cost {
    int64_t calls, macs, flops, read, written;
    double us; /* what the device needs at least: see inspect_peak */
} inspect_cost;

/* A kernel in one graph; or the moves that the run function does itself. */
typedef struct inspect_kernel {
    const cg_kernel *kernel;  /* NULL: the moves */
    inspect_cost cost;
    bool by_memory;           /* what bounds the time: reading and writing, or arithmetic */
    VEC(const char *) place;  /* "mlp.nfg:10, 12", of each call */
} inspect_kernel;

typedef struct inspect_graph {
    const plan_graph *plan;
    VEC(inspect_kernel *) kernel; /* in the order of their first call */
    inspect_cost cost; /* where the graph branches, each number counts the side that has more of it */
    bool branches, jumps_back; /* a block that is jumped back to counts once */
} inspect_graph;

/* Parameters: tensors of packages, each once, in the element type that the program keeps them in. */
typedef struct inspect_params {
    int64_t count[DT_COUNT], bytes[DT_COUNT];
} inspect_params;

/* What one core of the unit that runs the program can do at most. Run after run, it reads what the
 * program keeps from the nearest level that holds all of it; where that one's rate is not known, the
 * next one's counts. Rates: 0: unknown. */
typedef struct inspect_peak {
    double flops_per_us, bytes_per_us;
    int64_t data_bytes;        /* weights, states, arena, inputs and outputs */
    const device_level *level; /* whose rate counts; NULL: unknown */
} inspect_peak;

inspect_peak inspect_peak_of(const cg_program *p);
inspect_params inspect_parameters(const cg_program *p);
inspect_graph *inspect_graph_costs(const cg_program *p, const plan_graph *g);

#endif
