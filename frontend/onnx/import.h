/* From an ONNX model to the graph IR.
 *
 * Every node becomes instructions where it stands, written with ir/make.h: by the row of ir/ops.def that
 * has its name, or by a handler of frontend/onnx/ops.def. What a name of the model stands for is an
 * im_value. Beside the instructions the importer keeps facts: elements of integer tensors that are
 * known as symbolic integers, constants that follow from constants; from them come the extents of
 * Reshape, Slice, Expand and their like. What is not known so is read on the host when the graph runs. */
#ifndef NFC_ONNX_IMPORT_H
#define NFC_ONNX_IMPORT_H

#include "frontend/lower.h"
#include "frontend/onnx/onnx_file.h"
#include "ir/dom.h"
#include "ir/make.h"

typedef enum { IM_TENSOR, IM_SEQUENCE, IM_OPTIONAL } im_kind;

typedef struct im_value im_value;
struct im_value {
    im_kind kind;
    const char *name;  /* in the model */
    bool text;         /* TENSOR of strings: u8 with one more axis, padded with zeros */
    ir_value *tensor;  /* TENSOR; poison: its making was an error that was reported */
    struct im_list *list;      /* SEQUENCE: frontend/onnx/sequence.c */
    struct im_maybe *maybe;    /* OPTIONAL */
};

/* Names of one graph, subgraph or function body. */
typedef struct im_scope {
    const struct im_scope *parent; /* the graph around a subgraph; NULL: names end here */
    nfc_map names;                   /* -> im_value */
    nfc_map tensors;                 /* initializers that nothing used yet -> onnx_tensor */
    nfc_map declared;                /* -> onnx_type: what the model says of its values */
    const struct im_node *call;    /* of a function's body: the node that calls it */
    const onnx_function *function;
    const struct im_scope *caller;   /* of a function's body: where its call stands */
    int depth;
} im_scope;

/* What is known of a value at compile time. */
typedef struct im_fact {
    const void *data;    /* all elements, in the storage of its type; NULL: not constant */
    const ir_sx **elem;  /* integers: element by element, NULL where unknown; NULL: nothing is */
    int64_t n;
} im_fact;

typedef struct importer {
    nfc_session *s;
    ir_module *m;
    lower_options *options;
    onnx_file *file;
    const onnx_model *model;
    mk k;
    ir_graph *g;
    ir_block *entry;
    im_scope *scope;
    nfc_map facts;       /* ir_value -> im_fact */
    nfc_map lines;       /* node, value info, tensor -> im_line */
    nfc_map dims;        /* name -> const ir_sx */
    nfc_map port_names;  /* identifiers of inputs, outputs, dims: taken */
    nfc_map functions;   /* "domain\1name\1overload" -> onnx_function */
    nfc_map constants;   /* tensor -> ir_value in the entry block */
    nfc_map widened;     /* Loop node -> what its carried values had to become */
    nfc_map kept;        /* states by name */
    struct im_node *node; /* that is on its way; NULL: none */
    uint32_t listing;    /* the source that spans point into */
    int64_t listed, imported; /* nodes of the file; nodes that became instructions, once for each call of their function */
} importer;

/* One node on its way to instructions. */
typedef struct im_node {
    importer *o;
    mk *k;               /* &o->k: where instructions go */
    const onnx_node *proto;
    const char *op;      /* its type: "Conv" */
    const char *domain;  /* "" : ONNX's own */
    int version;         /* of the domain's operator set */
    nfc_span at;
    int errors;          /* that were reported before it */
    int nin, nout;
    im_value **in;     /* NULL: absent */
    bool *seen;        /* attributes that somebody read */
    im_value **out;    /* made by the handler through im_out() and its like */
} im_node;

typedef bool im_handler(im_node *n);

/* A model's operator: a row of frontend/onnx/ops.def, or the IR op that is called so. */
typedef struct im_op {
    const char *domain, *name;
    im_handler *handler; /* NULL: the row `row` as it is */
    ir_op row;
} im_op;
/* False when neither knows it. */
bool im_op_find(const char *domain, const char *name, im_op *out);
/* The rows of frontend/onnx/ops.def; NULL behind the last. */
const im_op *im_op_at(int i);

/* The module of a model, or NULL after reports. */
ir_module *onnx_import(nfc_session *s, const char *path, lower_options *options);
/* Is the file one, by its ending? */
bool onnx_is_model(const char *path);

/* What `nfc ops --onnx` prints. */
void im_print_ops(nfc_arena *a, bool json);

/* ---- for handlers: operands ---------------------------------------------------------------- */

/* Operand i as a tensor; NULL: absent. What is no tensor is reported, once, and is poison. */
ir_value *im_in(im_node *n, int i);
/* The same of an operand that must be there: without it, that is reported and it is poison. */
ir_value *im_need(im_node *n, int i);
static inline bool im_has(const im_node *n, int i) { return i < n->nin && n->in[i]; }
/* The elements of a constant operand in its storage; reports (unless quiet) and gives NULL if it is not
 * known at compile time. */
const void *im_const_in(im_node *n, int i, bool quiet);
/* A constant integer operand (any rank, flat): its count, or -1 after a report. */
int im_const_ints(im_node *n, int i, const int64_t **values);
/* One element of an integer tensor as an index from lo to hi, checked in the run if need be. */
const ir_sx *im_element(importer *o, ir_value *tensor, int64_t at, int64_t lo, int64_t hi);

/* What no run can have (certain.c). Reports that x, which is element `at` of v, lies outside of [lo, hi] in
 * every run; false: it may lie inside. */
bool im_never_in(importer *o, const ir_value *v, int64_t at, const ir_sx *x, int64_t lo, int64_t hi);
/* As mk_require(); where no run could pass it `what` is reported: a statement. */
const ir_sx *im_require(importer *o, const ir_sx *x, int64_t lo, int64_t hi, const char *what);
/* Are the indices and divisors of an instruction made of the node's operands such as a run may have? */
bool im_values_fit(im_node *n, const ir_inst *inst);

/* Facts. */
const im_fact *im_fact_of(importer *o, const ir_value *v);
/* Elements of a small integer tensor that are known, NULL entries for those that are not; NULL: none is. */
const ir_sx *const *im_known(importer *o, const ir_value *v);
const void *im_const_data(importer *o, const ir_value *v);
void im_made(void *o, ir_inst *inst);

/* ---- for handlers: attributes -------------------------------------------------------------- */

const onnx_attribute *im_attr(const im_node *n, const char *name);
int64_t im_int(const im_node *n, const char *name, int64_t otherwise);
double im_float(const im_node *n, const char *name, double otherwise);
const char *im_text(const im_node *n, const char *name, const char *otherwise);
/* -1 when it is absent. */
int im_ints(const im_node *n, const char *name, const int64_t **values);
int im_floats(const im_node *n, const char *name, const float **values);
/* A tensor attribute as a constant; NULL when it is absent or after a report. */
ir_value *im_tensor_attr(im_node *n, const char *name);
/* The text, or texts, of an attribute as a constant: u8 with one more axis. */
ir_value *im_strings(im_node *n, const onnx_attribute *a, bool scalar);
/* The element type of ONNX's number for it; DT_COUNT after a report. Strings are u8. */
nfc_dtype im_dtype(im_node *n, int64_t number);

/* ---- for handlers: results ----------------------------------------------------------------- */

/* Result i of the node is this tensor; gives true. Results that the model does not name are dropped. */
bool im_out(im_node *n, int i, ir_value *tensor);
bool im_out_text(im_node *n, int i, ir_value *tensor); /* strings */
bool im_out_value(im_node *n, int i, im_value *v);     /* a sequence, an optional */
bool im_wants(const im_node *n, int i);
ir_value *im_poison(importer *o);
/* The row that is called like the node's operator. */
ir_op im_row_of(const im_node *n);
/* As the op's row says: operands by position, attributes by name. `skip`: names of attributes that the
 * row does not have and that were seen to, NULL-terminated; NULL: none. */
bool im_row(im_node *n, ir_op op, const char *const *skip);
void im_unify(im_node *n, int count, ir_value **in);
/* The instruction of a row with the node's attributes, but these operands; for im_row_end(). */
ir_inst *im_row_begin(im_node *n, ir_op op, int nin, ir_value *const *in, const char *const *skip);
bool im_row_end(im_node *n, ir_inst *inst);
/* The extents that the model declares for result i: the rank, or -1. Those not declared are NULL. */
int im_declared(im_node *n, int i, const ir_sx *dim[IR_MAX_RANK]);
/* Was something wrong with the node reported? */
bool im_failed(const im_node *n);
/* Where operand i stands; the node, when it has none such. */
nfc_span im_operand_span(const im_node *n, int i);
/* Reports and gives false: at operand `in`, or, when that is -1, at the node. */
bool im_fail(im_node *n, diag_code code, int in, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* ---- shared by the importer's files -------------------------------------------------------- */

typedef struct im_line { /* where something of the model stands in the listing */
    nfc_span at;
    VEC(nfc_span) in, out;
} im_line;
/* Writes the listing of the model: a line a node, which diagnostics show. */
void im_write_listing(importer *o, const char *path);
nfc_span im_span(const importer *o, const void *of);
const im_line *im_line_of(const importer *o, const void *of);

im_value *im_lookup(importer *o, const char *name);
void im_bind(importer *o, const char *name, im_value *v);
im_value *im_value_of(importer *o, const char *name, ir_value *tensor);
im_scope *im_scope_push(importer *o, bool sees_outer);
void im_scope_pop(importer *o);
/* The nodes of a graph in the current scope, with its initializers. */
void im_graph_body(importer *o, const onnx_graph *g);
void im_nodes(importer *o, size_t n, onnx_node **node);
void im_node_import(importer *o, const onnx_node *proto);
/* Did the model stand for more nodes than there is time for? That was reported; what follows has no results. */
bool im_stopped(const importer *o);
bool im_call_function(im_node *n, const onnx_function *f);
const onnx_function *im_function_find(importer *o, const onnx_node *proto);
int im_opset(const importer *o, const char *domain);
/* An initializer or attribute as a constant of the entry block. */
ir_value *im_constant(importer *o, const onnx_tensor *t, nfc_span at);
/* A name of the model as an identifier of ours. */
const char *im_identifier(importer *o, const char *name);
const char *im_port_name(importer *o, const char *name, const char *otherwise);
/* A dim of the model by name: what -D says of it. NULL after a report. */
const ir_sx *im_dim(importer *o, const char *name, int64_t least, nfc_span at, const char *of);
/* What -D says of a size: "NAME" or "NAME.AXIS", by the model's name or as identifier. */
lower_binding *im_binding(importer *o, const char *name);

/* One node's own business, shared. */
ir_value *im_count(mk *k, const ir_sx *count, nfc_dtype dtype);
int im_length(im_node *n, int i);
bool im_axes(im_node *n, int in, const char *attr, int rank, uint32_t *mask, int *order, int *count);
/* Extent `axis` of result i, which element `at` of `sizes` says: known, or read in the run within what the
 * model declares, -D says, or `most` (-1: then it is an error). */
const ir_sx *im_result_size(im_node *n, int i, int axis, ir_value *sizes, int64_t at, int64_t most);
bool im_needs(im_node *n, int count);
/* The node is a Cast or CastLike of x to this type. */
bool im_cast_as(im_node *n, ir_value *x, nfc_dtype to);
/* Extent `axis` of result i, which is `size` as that of another result: what the model declares or -D says
 * of it must hold in the run. */
const ir_sx *im_same_size(im_node *n, int i, int axis, const ir_sx *size);
bool im_too_deep(importer *o, nfc_span at);
bool im_reduce_nothing(im_node *n, ir_op op);
bool im_reduce_at_run_time(im_node *n, ir_op op);
bool im_cast_text(im_node *n, bool to_text, nfc_dtype to);
bool im_dropout_training(im_node *n);
im_value *im_initializer(importer *o, im_scope *scope, const onnx_tensor *t);
void im_sparse_initializer(importer *o, const onnx_sparse *t);
ir_value *im_sparse(importer *o, const onnx_sparse *t, nfc_span at);

/* Ports. */
typedef VEC(ir_value *) im_outputs;
const ir_type *im_input_type(importer *o, const onnx_value_info *v, const onnx_type *type, bool *text);
ir_value *im_add_input(importer *o, const char *name, const ir_type *type, nfc_span at);
void im_add_output(importer *o, im_outputs *out, const char *name, ir_value *v, nfc_span at);
void im_container_input(importer *o, const onnx_value_info *v, im_value *value);
void im_map_input(importer *o, const onnx_value_info *v, im_value *value);
void im_container_output(importer *o, const onnx_value_info *v, const im_value *value, im_outputs *out);
const ir_sx *im_result_extent(importer *o, const char *port, int axis, const ir_sx *x, nfc_span at);

/* Rows that move elements, on strings (strings.c). */
bool im_text_row(im_node *n, ir_op op);
ir_value *im_text_lower(mk *k, ir_value *text);
/* A regular expression as a table over bytes: next[256 * state + byte]; byte 0 leaves a state as it is. NULL
 * and what is wrong with it. */
typedef struct im_automaton {
    int states, start;
    int32_t *next;
    uint8_t *accepts;
} im_automaton;
const im_automaton *im_regex(nfc_arena *arena, const char *pattern, const char **fault);

/* What the graph keeps from run to run (states.c). A tensor of this name and type, zero at first, as the run
 * finds it; the same at each call. What the last im_state_set() says it is in the next run. */
ir_value *im_state(importer *o, const char *name, const ir_type *type);
void im_state_set(importer *o, const char *name, ir_value *next);
/* --keep IN=OUT: is this input kept, is this output what one becomes? Then it is no port. */
bool im_keep_input(importer *o, const onnx_value_info *v, im_value *value);
bool im_keep_output(importer *o, const onnx_value_info *v, ir_value *value);
/* Writes the states before the graph is left, and adds their tokens to what it returns. */
void im_finish_states(importer *o, ir_inst *leave);

/* Values as tensors (containers.c): what a branch or a loop hands on. A tensor has one part. */
typedef VEC(ir_value *) im_parts;
im_parts im_parts_of(importer *o, const im_value *v);
int im_part_count(const im_value *v);
im_value *im_rebuild(importer *o, const im_value *like, ir_value *const *part);
/* `init`, or the same in a form that has room for v, which a loop gives back; NULL after a report. Symbols
 * from number `before` on are not known where init is. */
im_value *im_wider(im_node *n, im_value *init, im_value *v, int before);
/* Parts of v in the form that `like` has, which has room for it; false after a report. */
bool im_like_parts(im_node *n, const im_value *like, im_value *v, im_parts *out);
/* Parts of the values of two branches in one form; code for it goes to the ends of the branches. */
bool im_same_parts(im_node *n, im_value **a, im_value **b, ir_block *end_a, ir_block *end_b, int before, im_parts *out_a, im_parts *out_b);
/* Something of the kind of a value, where there is none. */
im_value *im_blank(importer *o, const im_value *like);

/* Extents that differ from path to path (box.c). */
typedef struct im_box {
    nfc_dtype dtype;
    int rank, before;            /* before: symbols from this number on are the path's own */
    bool boxed[IR_MAX_RANK];     /* the extent travels as a scalar */
    bool capped[IR_MAX_RANK];    /* the run checks that it stays within most[] */
    const ir_sx *dim[IR_MAX_RANK];
    int64_t most[IR_MAX_RANK], first[IR_MAX_RANK];
} im_box;
bool im_is_outer(const ir_sx *x, int before);
im_box im_box_of(const ir_type *type, int before);
bool im_box_fits(const im_box *b, const ir_type *type);
void im_box_widen(im_box *b, const ir_type *type);
bool im_box_grow(im_node *n, im_box *b, const ir_type *type, int i, const ir_sx *trips);
/* How many tensors it is: the value's and a scalar for each boxed extent. */
int im_box_parts(const im_box *b);
const ir_type *im_box_type(importer *o, const im_box *b);
int im_box_put(importer *o, const im_box *b, ir_value *v, ir_value **part);
ir_value *im_box_get(importer *o, const im_box *b, ir_value *const *part);

/* The handlers. */
#define ONNX_OP(domain, name, handler) im_handler handler;
#include "frontend/onnx/ops.def"

#endif
