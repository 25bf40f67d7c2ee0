/* The plan: where every value lives, to the byte, and what runs in which order.
 *
 * Values that share storage form one buffer: views (reshape, transpose, slice, expand, split), parts
 * of a concat, what is computed in place, what a loop or a jump carries. A buffer lies in the arena,
 * is a port of the graph, a state, or a weight; a view is a buffer with an offset and strides.
 *
 * Every instruction of the graph becomes nothing, a kernel, or control flow of the host; jumps and
 * loops become moves where the values do not lie in place already. */
#ifndef NFC_PLAN_H
#define NFC_PLAN_H

#include "ir/ir.h"
#include "ir/kir.h"

typedef enum { PLAN_ARENA, PLAN_INPUT, PLAN_OUTPUT, PLAN_STATE, PLAN_WEIGHT } plan_place;

typedef struct plan_buffer {
    plan_place place;
    int id;                 /* in program order; ARENA buffers that a report shows */
    nfc_dtype dtype;
    bool channels_last;     /* the value that it was made for is stored so */
    int64_t bytes;          /* with free dims at their bounds */
    const ir_sx *size;      /* bytes, with the dims of a run; NULL: of a move, or of an output */
    int first, last;        /* the positions between which it is live */
    int64_t offset;         /* ARENA */
    int port;               /* INPUT, OUTPUT: which */
    ir_state *state;        /* STATE */
    const ir_inst *weight;  /* WEIGHT: the const or weight instruction */
    bool kept;              /* WEIGHT: a kernel before the one at hand reads it as it is */
    const char *name;       /* of the value that it was made for */
    nfc_span at;
} plan_buffer;

typedef struct plan_view {
    plan_buffer *buffer;
    const ir_sx *offset;    /* in elements */
    const ir_sx *stride[IR_MAX_RANK];
} plan_view;

/* A kernel with what it is given: a view a parameter, whose offset is added on the host. */
typedef struct plan_call {
    kir_func *kernel;
    VEC(plan_view *) arg;
    VEC(struct plan_call *) before; /* what packs operands for it; what they write are buffers of the arena of its own */
    const ir_inst *inst;    /* what it computes; NULL: a move */
    nfc_span at;
    int id;                 /* in program order */
} plan_call;

/* What the host checks before an instruction: that an index lies in 0 <= x <= limit, or that two sizes
 * that only the run knows are equal. */
typedef struct plan_check {
    bool equal; /* x == limit */
    bool size;  /* it is a size that is wrong, not an index */
    const ir_sx *x, *limit;
    const ir_sx *when; /* only where this is not 0; NULL: always */
    nfc_span at;
} plan_check;

typedef VEC(plan_check) plan_checks;

/* What an instruction becomes. */
typedef struct plan_step {
    plan_checks check;
    VEC(plan_call *) call;
    VEC(plan_call *) enter; /* loop: moves of the initial values */
    VEC(plan_call *) edge[2]; /* jumps, ends of trips: moves of the arguments */
} plan_step;

typedef struct plan_graph {
    struct plan *plan;
    ir_graph *g;
    VEC(plan_buffer *) buffer; /* those of the arena */
    VEC(plan_call *) call;     /* all, in program order */
    nfc_map view;              /* value -> plan_view */
    nfc_map step;              /* instruction -> plan_step */
    nfc_map position;          /* instruction -> position + 1; of a loop: where it begins */
    nfc_map loop_end;          /* loop -> position + 1 */
    int64_t arena, lower_bound, naive; /* bytes */
    const char *heuristic;     /* the one that placed the buffers best */
    int positions;
    nfc_arena *scratch; /* of plan_place_all(), which is called thousands of times */
} plan_graph;

/* How values of rank 3 to 5 are stored: in the order of their axes, with axis 1 (the channels) last, or
 * each as its graph's ops are served best. What the caller sees keeps its order: inputs, outputs, states,
 * weights. */
typedef enum { LAYOUT_PLAIN, LAYOUT_CHANNELS_LAST, LAYOUT_CHOSEN } plan_layout;

typedef struct plan {
    ir_module *m;
    VEC(plan_graph *) graph;
    VEC(const ir_inst *) weight; /* constants that the program keeps, each once, in order of use */
    int64_t arena;               /* the largest of the graphs' */
    int64_t state_bytes, weight_bytes;
    bool gpu;                    /* as the options say */
    plan_layout layout;
    bool strict;                 /* as the options say */
    const struct sched_target *target; /* NULL: loops stay in the order of the axes */
} plan;

typedef struct plan_options {
    int64_t alignment;  /* of buffers in the arena, bytes */
    bool gpu;           /* kernels are spread over a grid */
    plan_layout layout;
    bool strict;        /* results are the same to the bit for every device, compiler, layout and schedule */
    struct sched_book *book;     /* schedules that were found before; NULL: none */
    const struct device *device; /* whose numbers kernels are scheduled by; NULL: not at all */
} plan_options;

/* Plans a module and lowers it to kernels. Reports and returns NULL when something cannot be done. */
plan *plan_module(ir_module *m, const plan_options *options);
/* Where the values of a graph would lie in the arena: buffers with their lives, views, positions; no kernels, no
 * offsets. */
plan_graph *plan_trial(ir_module *m, ir_graph *g, plan_layout layout);
plan_view *plan_view_of(const plan_graph *p, const ir_value *v);
plan_step *plan_step_of(const plan_graph *p, const ir_inst *inst);
/* Does the view run through its elements in order, without gaps? */
bool plan_is_contiguous(ir_module *m, const ir_type *type, const plan_view *v);
/* Does it do so in any order of its axes? */
bool plan_is_dense(ir_module *m, const ir_type *type, const plan_view *v);
/* Do two views step alike from element to element? */
bool plan_steps_alike(const ir_type *type, const plan_view *a, const plan_view *b);
/* Have two views that step alike no element in common? False where that does not show. */
bool plan_is_apart(ir_module *m, const ir_type *type, const plan_view *a, const plan_view *b);
/* Do the channels (axis 1) of one place lie side by side, and not the places of one channel? */
bool plan_is_channels_last(const ir_type *type, const plan_view *v);
void plan_print(FILE *to, const plan *p);

/* ---- shared by the planner's files ----------------------------------------------------------- */

/* plan_view.c: all of a buffer, in the order of the axes; the same with axis 1 of 3 or more last. */
plan_view *plan_new_view(plan_graph *p, plan_buffer *b, const ir_type *type);
plan_view *plan_channels_last_view(plan_graph *p, plan_buffer *b, const ir_type *type);
/* All of it in the order of the axes, of which the first ones count planes that are written side by side: where the device's
 * nearest cache could not hold a line of each, the planes are a line further apart, and the buffer is larger. */
plan_view *plan_planes_view(plan_graph *p, plan_buffer *b, const ir_type *type, int axes);
/* New extents over the same elements: possible where runs of axes that a reshape mixes lie in one stride;
 * NULL: they do not. */
plan_view *plan_regrouped(ir_module *m, const ir_type *from, const plan_view *x, const ir_type *to);
/* plan_place.c: storage for every value. */
void plan_storage(plan_graph *p);
/* The part of a state that an effect selects; what a write replaces, with the axes of its value. */
plan_view *plan_selected(const plan_graph *p, const ir_inst *inst);
plan_view *plan_written(const plan_graph *p, const ir_inst *inst);
/* plan_ahead.c: the value whose elements an operand of an instruction has in every trip of the loops that it is not made in, under
 * other indices perhaps; the outermost of the loops around the instruction in which these stay the same, or NULL, and how often
 * these run what they hold (1: there is none). */
const ir_value *plan_origin(const ir_inst *user, const ir_value *v);
const ir_inst *plan_ahead_of(ir_module *m, const ir_inst *user, const ir_value *v, int64_t *trips);
/* plan_check.c: what the bounds do not show, and a run must. */
void plan_checks_of(ir_module *m, const ir_inst *inst, plan_checks *checks);
/* May it end the run on the host, before its kernel? */
bool plan_may_refuse(ir_module *m, const ir_inst *inst);
/* plan_memory.c: the most bytes of the arena that are in use at a time. */
int64_t plan_lower_bound(plan_graph *p);
/* Offsets in the arena. */
void plan_offsets(plan_graph *p, int64_t alignment);
/* Places buffers one after the other, each in the lowest gap, or with `best` in that which it fills most. The bytes that this takes. */
int64_t plan_place_all(plan_graph *p, plan_buffer *const *order, int n, int64_t alignment, bool best);
/* plan_spread.c: other offsets in an arena of the same size, at which storage is used again later. */
void plan_spread(plan_graph *p, int64_t alignment, const struct device *d);
/* plan_lower.c: kernels and moves. */
void plan_kernels(plan_graph *p);

#endif
