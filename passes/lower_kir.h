/* From graph ops to kernels: loops in the order of the axes, with what is fused worked out in the kernel's loads and
 * before its store. What the device's numbers make of the loops comes after that: passes/sched.h.
 *
 * A FAM_MAP op's lowering lx_ gives one element of a result as an expression; a FAM_NEST op's lo_ makes the loops. (A
 * FAM_EXPAND op is gone by then: passes/expand.h.) Both see operands only through lw_load(), which inlines what is
 * elementwise before them, and results only through lw_store(), which works out what is elementwise behind them. Values
 * are in the computing type of their element type, rounded to the element type where an op ends. */
#ifndef NFC_LOWER_KIR_H
#define NFC_LOWER_KIR_H

#include "ir/kir.h"
#include "passes/plan.h"

/* An operand or result as the kernel sees it. */
typedef struct lw_param {
    const ir_value *value;
    const ir_sx *at;       /* the view's own offset */
    const struct lw_param *before; /* another of the same buffer and offset */
    plan_view view;        /* the offset is the host's affair; shifted so that no index is negative */
    const ir_sx *shift;
    kir_buffer *buffer;
} lw_param;

typedef struct lw_override { /* a value that is known at one index: the root's, before its store */
    const ir_value *value;
    const ir_sx *index[IR_MAX_RANK];
    const kir_expr *expr;
} lw_override;

typedef struct lw {
    kir_builder b;
    ir_module *m;
    sx_table *sx;
    const plan_graph *plan;
    plan_call *call;
    const ir_inst *inst;     /* what the kernel computes: an op, or a fused group of them */
    const ir_inst *root;     /* its loop nest; NULL: pointwise */
    nfc_map param_of;        /* value -> lw_param */
    nfc_map param_at;        /* buffer and offset -> the last lw_param there */
    nfc_map param_names;
    lw_override override;
    nfc_map memo;            /* elements worked out already at this place */
    kir_for_kind outer;      /* what the independent loops become */
    const struct sched_target *target; /* of a lowering that has a schedule of its own; NULL: none is asked for */
    const char *schedule;    /* which it is then */
} lw;

/* Element `index` of a value, in its computing type. */
const kir_expr *lw_load(lw *l, const ir_value *v, const ir_sx *const *index);
/* Stores element `index` of the root's result n, after what is fused behind it. */
void lw_store(lw *l, int n, const ir_sx *const *index, const kir_expr *value);
/* Element `index` of the root's result n as it was stored, in its computing type: for ops that read what
 * they wrote, with which nothing is fused (OPF_ALONE, or several results). */
const kir_expr *lw_stored(lw *l, int n, const ir_sx *const *index);
/* The loops over a shape whose iterations are independent; fills index[]. Axes of extent 1 need none.
 * Returns how many were opened, for lw_close(). */
int lw_for_shape(lw *l, int rank, const ir_sx *const *extent, const char *const *names, const ir_sx **index);
/* Loops over those axes of a shape that are in a mask (bit i: axis i), filling their places of index[]. */
int lw_for_axes(lw *l, const ir_type *t, uint32_t mask, bool parallel, const ir_sx **index);
/* The same over result n of the root, in the order in which it is stored. */
int lw_for_result(lw *l, int n, const char *const *names, const ir_sx **index);
/* The axes of a shape from the one of the largest step to the one of the smallest. */
void lw_order(const ir_type *t, const ir_sx *const *stride, int *order);
/* The same loops in this order of the axes, runs of which are one loop where all n accesses (by their strides)
 * step evenly over them; n = 0: nowhere. */
int lw_for_steps(lw *l, const ir_type *t, const int *order, int n, const ir_sx *(*stride)[IR_MAX_RANK], const ir_sx **index);
/* One loop; serial. */
const ir_sx *lw_for(lw *l, const char *name, const ir_sx *extent);
const ir_sx *lw_for_parallel(lw *l, const char *name, const ir_sx *extent);
/* Of the innermost open loop, which sums up: with --strict it does so in parts where it may have so many trips that it
 * is worth while. The shapes alone decide that, so that every device sums alike. */
void lw_in_parts(lw *l);
void lw_if(lw *l, const kir_expr *cond);
void lw_close(lw *l, int loops);
const kir_expr *lw_number(lw *l, kir_type type, double value);
#define lw_un(l, op, x) kir_unary(&(l)->b, KU_##op, x)
#define lw_bin(l, op, x, y) kir_binary(&(l)->b, KB_##op, x, y)
#define lw_sel(l, c, x, y) kir_select(&(l)->b, c, x, y)
/* The usual names of axes: n c h w for rank 4, and so on. */
const char *const *lw_axis_names(int rank);

/* A local scalar, with its first value. */
kir_buffer *lw_accumulator(lw *l, const char *name, kir_type type, const kir_expr *init);
const kir_expr *lw_read(lw *l, kir_buffer *local);
const kir_expr *lw_named(lw *l, const char *name, const kir_expr *value);
/* Numbers worked out at compile time that the kernel reads: a constant of its own. */
kir_buffer *lw_table(lw *l, const char *name, nfc_dtype dtype, int64_t n, const void *data);
/* Element `index` of an integer tensor as an index from 0 to extent - 1; negative ones count from the end.
 * Out of range: a run error, and the index is clamped; what the bound of an input excludes is not checked. */
const ir_sx *lw_checked_index(lw *l, const char *name, const ir_value *v, const ir_sx *const *index, const ir_sx *extent);
/* 0 <= x < extent, as a condition. */
const kir_expr *lw_inside(lw *l, const ir_sx *x, const ir_sx *extent);
/* x clamped to 0 .. extent - 1, as a named index; extent must not be 0. */
const ir_sx *lw_clamped(lw *l, const char *name, const ir_sx *x, const ir_sx *extent);
/* Flat position of a multi-dimensional index in a shape, and back. */
const ir_sx *lw_flatten(lw *l, const ir_type *type, const ir_sx *const *index);
void lw_unflatten(lw *l, const ir_type *type, const ir_sx *flat, const ir_sx **index);
/* The same back from a flat position that is a run-time value, over extents that may be so too. */
void lw_coordinates(lw *l, const ir_type *t, const ir_sx *flat, const ir_sx **at);
/* What the first element of an element type is compared with, in its computing type. */
const kir_expr *lw_lowest(lw *l, nfc_dtype type);
const kir_expr *lw_highest(lw *l, nfc_dtype type);
/* A value rounded to an element type, back in its computing type. */
const kir_expr *lw_round(lw *l, nfc_dtype t, const kir_expr *value);

/* A value of a computing type in an element type, as cast has it; float8 saturates on request. */
const kir_expr *lw_convert(lw *l, nfc_dtype to, bool saturate, const kir_expr *x);

typedef const kir_expr *lower_element(lw *l, const ir_inst *inst, int result, const ir_sx *const *index);
typedef bool lower_nest(lw *l, const ir_inst *inst);

/* Elementwise ops, from ops.def's expressions. */
lower_element lx_elementwise;
/* The lowering of an op's row: NULL where it has the other kind. */
lower_element *lower_element_of(ir_op op);
lower_nest *lower_nest_of(ir_op op);

#define OP(id, family, rule, ...) LOWER_##family(rule)
#define LOWER_FAM_MAP(rule) lower_element lx_##rule;
#define LOWER_FAM_NEST(rule) lower_nest lo_##rule;
#define LOWER_FAM_CORE(rule)
#define LOWER_FAM_VIEW(rule)
#define LOWER_FAM_EXPAND(rule)
#include "ir/ops_empty.h"
#include "ir/ops.def"
#include "ir/ops_undef.h"

/* The kernel of an instruction; NULL when there is nothing to compute. */
plan_call *lower_instruction(const plan_graph *p, const ir_inst *inst);
/* A kernel that copies the elements of a value, or of a view of this type, into another view. */
plan_call *lower_copy(const plan_graph *p, const ir_type *type, plan_view *to, plan_view *from, const ir_value *value, const char *name, nfc_span at);

#endif
