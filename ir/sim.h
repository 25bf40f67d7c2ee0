/* The simulator: evaluates graph ops naively and directly, as their definition says. It is the oracle
 * of everything the compiler emits, so it shares no code with the lowering: no layout, no fusion, no
 * planned memory. Floats are worked out in double and rounded once to the result's type; sums of a
 * contraction or reduction are kept in double. */
#ifndef NFC_SIM_H
#define NFC_SIM_H

#include "ir/ir.h"

typedef struct sim_tensor sim_tensor;
struct sim_tensor {
    nfc_dtype dtype;
    int rank;
    int64_t dim[IR_MAX_RANK];
    int64_t n;    /* elements */
    void *data;
    int refs;
    bool borrowed; /* the data is a package's or a constant's */
    sim_tensor *next, **link; /* among all that are alive in the module */
};

typedef struct sim sim;

/* What an observer is told of an instruction that ran. Its operands and results are at hand through
 * sim_value() until the observer returns. */
typedef struct sim_event {
    const ir_inst *inst;
    const ir_block *to;  /* a jump: where it goes */
    double start_us, us; /* by sim_clock(): when it began, how long it took */
} sim_event;

/* Watches the run. Every member may be NULL. */
typedef struct sim_observer {
    bool (*before)(void *env, sim *s, const ir_inst *inst); /* false: stop the run */
    void (*after)(void *env, sim *s, const sim_event *event);
    void (*failed)(void *env, sim *s, const ir_inst *inst); /* instead of after: it is reported */
    void (*block)(void *env, sim *s, const ir_block *block); /* entered; its arguments are set */
    void (*trip)(void *env, sim *s, const ir_inst *loop, int64_t index); /* a loop's next one begins */
    void *env;
    struct sim_observer *next; /* the simulator's own */
} sim_observer;

/* A machine for the module, with states at zero. It allocates outside of the module's arena and
 * must be freed. */
sim *sim_new(ir_module *m);
void sim_free(sim *s);
/* Adds an observer; those added before are told before. It must live as long as the runs. */
void sim_observe(sim *s, sim_observer *observer);
/* Keeps values until the end of the run, not only to their last use: for the debugger. */
void sim_keep_values(sim *s);
/* Microseconds since the machine was made. */
double sim_clock(const sim *s);
/* Runs one graph. in: one tensor an input, owned by the caller. out: gets one new reference an output.
 * Reports a run error (index out of range, division by zero, a broken bound, inputs that disagree
 * about a free dim) at the author's line and returns false. */
bool sim_run(sim *s, ir_graph *g, sim_tensor *const *in, sim_tensor **out);
/* A state's elements, at its capacity; NULL if the state is unknown. */
sim_tensor *sim_state(sim *s, const ir_state *state);
void sim_reset(sim *s);
/* The value at this point of the run, for the debugger; NULL when there is none. */
sim_tensor *sim_value(sim *s, const ir_value *v);
bool sim_index_value(sim *s, const ir_value *v, int64_t *out);
/* The run's value of a symbolic integer. */
int64_t sim_sx_value(sim *s, const ir_sx *x);
/* The value of a dim of the module, as sim_index_value(). */
bool sim_dim_value(sim *s, const ir_dim *dim, int64_t *out);
ir_module *sim_module(sim *s);

sim_tensor *sim_tensor_new(sim *s, nfc_dtype dtype, int rank, const int64_t *dim);
void sim_tensor_drop(sim_tensor *t);
/* The extents of a type, with free dims at the values of this run. */
bool sim_extents(sim *s, const ir_type *type, int64_t *dim);

/* Runs one pure instruction on tensors at hand: for constant folding. NULL result on a run error,
 * which is not reported. */
bool sim_fold(ir_module *m, const ir_inst *inst, sim_tensor *const *in, sim_tensor **out);

/* ---- evaluators ---------------------------------------------------------------------------- */

/* One call of an op. out[] is allocated, with its extents, and zeroed; an evaluator fills it. */
typedef struct sim_call {
    sim *s;
    ir_module *m;
    const ir_inst *inst;
    int nin, nout;
    sim_tensor **in; /* absent optional operands are NULL */
    sim_tensor **out;
    const int64_t *index; /* the values of the op's index operands */
} sim_call;

typedef bool sim_evaluator(sim_call *c); /* false after sim_fail */

/* Reports a run error at the instruction and returns false. */
bool sim_fail(sim_call *c, diag_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The run's value of a symbolic integer. */
int64_t sim_eval_sx(sim_call *c, const ir_sx *x);
/* A float attribute, with the precision that code for the first operand's type can have it in. */
static inline double sim_float(const sim_call *c, int attr)
{
    double v = ir_float(c->inst, attr);
    return c->in[0]->dtype == DT_f64 ? v : (double)(float)v;
}

struct window;
/* window_of() with the pads that this run has. */
void sim_window(sim_call *c, struct window *w);

#define OP(id, family, rule, ...) sim_evaluator ev_##rule;
#include "ir/ops_empty.h"
#include "ir/ops.def"
#include "ir/ops_undef.h"
sim_evaluator ev_elementwise;
/* How the simulator works out an op. */
sim_evaluator *sim_evaluator_of(ir_op op);

/* Walking the elements of a shape: coordinates, the last axis fastest. */
typedef struct sim_coords {
    int rank;
    const int64_t *dim;
    int64_t at[IR_MAX_RANK];
} sim_coords;
static inline void sim_coords_next(sim_coords *c)
{
    for (int i = c->rank - 1; i >= 0; i--) {
        if (++c->at[i] < c->dim[i]) return;
        c->at[i] = 0;
    }
}
/* The flat position of coordinates in a tensor. */
static inline int64_t sim_flat(const sim_tensor *t, const int64_t *at)
{
    int64_t flat = 0;
    for (int i = 0; i < t->rank; i++) flat = flat * t->dim[i] + at[i];
    return flat;
}
/* The same for an operand that broadcasts to a shape of rank `rank`. */
static inline int64_t sim_flat_broadcast(const sim_tensor *t, int rank, const int64_t *at)
{
    int64_t flat = 0;
    for (int i = 0; i < t->rank; i++) flat = flat * t->dim[i] + (t->dim[i] == 1 ? 0 : at[rank - t->rank + i]);
    return flat;
}
static inline double sim_get(const sim_tensor *t, int64_t i) { return dtype_get(t->dtype, t->data, (size_t)i); }
static inline int64_t sim_get_int(const sim_tensor *t, int64_t i) { return dtype_get_int(t->dtype, t->data, (size_t)i); }
static inline void sim_set(sim_tensor *t, int64_t i, double v) { dtype_set(t->dtype, t->data, (size_t)i, v); }
static inline void sim_set_int(sim_tensor *t, int64_t i, int64_t v) { dtype_set_int(t->dtype, t->data, (size_t)i, v); }
/* Copies one element between tensors of one type, bit for bit. */
void sim_copy(const sim_tensor *from, int64_t i, sim_tensor *to, int64_t k);

#endif
