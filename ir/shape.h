/* Shape rules: from operands and attributes to the types of results, with errors at the author's
 * operand. One function per `rule` column of ops.def. Beside them, what a contraction costs. */
#ifndef NFC_SHAPE_H
#define NFC_SHAPE_H

#include "ir/ir.h"

typedef struct infer {
    ir_module *m;
    ir_inst *inst;
    const op_info *info;
    nfc_dtype t[3];     /* what the type variables T, U, V stand for */
    int nresult;        /* how many results the author names */
    const ir_places *written;
    const ir_type *out[64];
} infer;

#define RULE(rule, macs, shape)                                                                    \
    op_shape_rule sh_##rule;                                                                       \
    op_mac_rule mc_##macs;
#include "ir/ops_empty.h"
#include "ir/ops.def"
#include "ir/ops_undef.h"

/* The op as the author calls it. */
const char *infer_name(const infer *f);
/* Reports an error of this op at operand `i` (i < 0: at the op) and returns false. */
bool infer_fail(infer *f, diag_code code, int i, const char *format, ...) __attribute__((format(printf, 4, 5)));
/* At an attribute. */
bool infer_fail_attr(infer *f, diag_code code, int attr, const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Normalises an axis that may count from the end; false after a report. */
bool infer_axis(infer *f, int attr, int64_t axis, int rank, int *out);
/* The same of one of several, which must differ: *seen has those before it, bit i: axis i. */
bool infer_axis_once(infer *f, int attr, int64_t axis, int rank, uint32_t *seen, int *out);
/* An optional list of `want` numbers, each from `least` up to what 32 bits hold. */
bool infer_list(infer *f, const char *name, int want, int64_t least);
/* The broadcast of two shapes; false when they do not fit. */
bool broadcast_shapes(ir_module *m, const ir_type *a, const ir_type *b, int *rank, const ir_sx **dim);

/* The windows of conv, conv_transpose and the pools, with defaults and auto_pad worked out. Numbers are at
 * hand at compile time, but for extents that are free dims and the pads that follow from them. */
typedef struct window {
    int n;                   /* spatial axes */
    int64_t kernel[3], stride[3], dilation[3], before[3], after[3], extra[3];
    const ir_sx *in[3], *out[3];
    const ir_sx *lead[3], *trail[3]; /* before and after, which are what is known of them when only the run does */
} window;
/* As sh_conv(), with the bias in operand `bias`; -1: there is none. */
bool infer_conv(infer *f, int bias);
/* The type in which quantize_linear divides. */
nfc_dtype quantize_precision(const ir_inst *inst);
/* Works out the window of an instruction whose types are known (lowering, simulator). */
void window_of(ir_module *m, const ir_inst *inst, window *w);
/* The same for max_unpool, where `out` is what the window makes of x, and for col2im, where `in` counts the
 * windows. */
void unpool_window(ir_module *m, const ir_inst *inst, window *w);
void col2im_window(ir_module *m, const ir_inst *inst, window *w);

/* The axes attribute `attr` of an instruction over `rank`, normalised, as a mask; all without it. */
uint32_t axes_mask(const ir_inst *inst, int attr, int rank);
/* The axes of mean_variance_normalization, as a mask. */
uint32_t mean_variance_axes(const ir_inst *inst);
/* The n-grams of tfidf_vectorizer's pool of so many items, in order: how long each is and where it begins
 * (both may be NULL). Gives their number, or -1 where ngram_counts does not fit. */
int ngrams_of(const ir_inst *inst, int64_t items, int *length, int64_t *first);
/* The extent of the axis of data that gather's indices choose from, if a run may find it empty; NULL: it
 * has an element. */
const ir_sx *chosen_may_be_empty(const ir_inst *inst);
/* Slice's numbers along each axis of the operand: first element, step, extent of the result. */
typedef struct slice_axis {
    const ir_sx *start, *extent;
    int64_t step;
} slice_axis;
void slice_axes(ir_module *m, const ir_inst *inst, slice_axis axis[IR_MAX_RANK]);

/* Scores are kept on the stack while the votes are counted. */
enum { TREE_MAX_TARGETS = 4096, PAIRWISE_MAX_CLASSES = 1024 };
/* The most nodes that a walk from a root passes; -1 where one can go round in a circle. Node i leads to
 * next[2 i] and next[2 i + 1]; what is negative is a leaf, what is not lies below n. */
int64_t tree_depth(nfc_arena *scratch, int64_t n, const int32_t *next, int64_t nroot, const int32_t *root);
/* What is wrong with the tables of a tree_ensemble, as far as they are constants: NULL is nothing. known:
 * they all are, so that no run can fail. */
const char *tree_fault(ir_module *m, const ir_inst *inst, bool *known);
/* What resize is told about each axis of the operand. */
typedef struct resize_axis {
    int entry;     /* its place in scales, sizes and roi; -1: the axis stays as it is */
    double factor; /* known at compile time; 0: extent / extent, or element `entry` of the operand scale */
    bool exact;    /* the factor is extent / extent: the result's width is a whole number */
} resize_axis;
void resize_axes(const ir_inst *inst, resize_axis axis[IR_MAX_RANK]);

/* What a winograd_input reads and what its tiles cover, along height and width. */
typedef struct winograd_area {
    int64_t in[2], before[2], out[2], tiles[2];
} winograd_area;
void winograd_input_of(const ir_inst *inst, winograd_area *a);

/* The window of a deform_conv: two spatial axes. */
void deform_window_of(ir_module *m, const ir_inst *inst, window *w);

/* Lengths of a dft: of the transform, and of its axis before and behind it. */
typedef struct dft_lengths {
    int axis;
    const ir_sx *length, *in, *out;
    bool inverse, onesided;
    int parts_in, parts_out; /* 1: real, 2: complex */
} dft_lengths;
dft_lengths dft_lengths_of(ir_module *m, const ir_inst *inst);
/* Lengths of an stft: elements that a part reads, the transform's, how many parts. */
typedef struct stft_lengths {
    const ir_sx *part, *length, *frames;
} stft_lengths;
stft_lengths stft_lengths_of(ir_module *m, const ir_inst *inst);

#endif
