/* THE graph IR: block-structured SSA.
 *
 * A module owns symbols (dims), packages, states and graphs. A graph owns one region of blocks; a
 * block has arguments instead of phis, a list of instructions, and a terminator as its last.
 * `loop` owns a region too, and so does `fused`, which holds the instructions that become one kernel.
 * A trip of a loop ends in a `yield` of the values of the next one, or in a `break`, which leaves the loop
 * with its results; a condition that a loop runs under is a jump to a block with a `break`.
 *
 * A value is a tensor, an index (an integer known on the host: a loop variable, a scalar read for an
 * index position, what a `require` checked) or a token. Every state object has a chain of tokens: an effect takes the token
 * before it, a write makes the next one, and so the order of effects on one object is data flow.
 *
 * Shapes, indices and bounds are symbolic integers (ir/sx.h). What they are made of must not leave 64
 * bits: an integer of the run that is too wide for that goes through a `require`, which ends the run
 * where the integer is not between two numbers, and gives an index that is. Every instruction is made with the
 * place in the source that it came from: ir_new() will not do without. */
#ifndef NFC_IR_H
#define NFC_IR_H

#include "frontend/session.h"
#include "ir/dtype.h"
#include "ir/ops.h"
#include "ir/sx.h"
#include "ir/vec.h"

/* The bounds of loops lie between -IR_MAX_BOUND and IR_MAX_BOUND. Loops nest so deep that JSON, whose
 * depth is limited to 64, can still hold them. */
enum { IR_MAX_RANK = 8, IR_MAX_BOUND = 1 << 30, IR_MAX_LOOPS = 12 };

typedef struct ir_value ir_value;
typedef struct ir_inst ir_inst;
typedef struct ir_block ir_block;
typedef struct ir_region ir_region;
typedef struct ir_graph ir_graph;
typedef struct ir_module ir_module;
struct package;

/* ---- types ------------------------------------------------------------------------------- */

typedef enum {
    IR_TENSOR,
    IR_INDEX,
    IR_TOKEN,
    IR_POISON, /* stands for a value whose making was an error; whatever takes it stays silent */
} ir_type_kind;

typedef struct ir_state {
    const char *name;
    const struct ir_type *type; /* extents of free dims count at their bound: the capacity */
    ir_graph *graph;            /* NULL: the module's, shared by its graphs */
    nfc_span at;
    int id;
} ir_state;

typedef struct ir_type {
    ir_type_kind kind;
    nfc_dtype dtype; /* TENSOR */
    int rank;
    const ir_sx *dim[IR_MAX_RANK];
    ir_state *state; /* TOKEN */
} ir_type;

/* ---- values ------------------------------------------------------------------------------ */

typedef struct ir_use {
    ir_inst *inst;
    ir_value *value;
    struct ir_use *next, **link;
} ir_use;

struct ir_value {
    const ir_type *type;
    const char *name; /* the author's; NULL where there is none */
    nfc_span at;      /* where that name stands */
    ir_inst *def;     /* the instruction, or */
    ir_block *block;  /* the block whose argument it is */
    int slot;         /* result or argument number */
    ir_use *uses;
    ir_sym *sym;      /* INDEX: the symbol that stands for it in expressions */
    int id;           /* unique in the module; ir_number() makes it dense and ordered */
};

/* ---- attributes -------------------------------------------------------------------------- */

typedef enum { IR_ATTR_NONE, IR_ATTR_INT, IR_ATTR_FLOAT, IR_ATTR_STR, IR_ATTR_DTYPE, IR_ATTR_SXS, IR_ATTR_FLOATS } ir_attr_kind;

typedef struct ir_attr {
    ir_attr_kind kind; /* NONE: not given, and without a default */
    nfc_span at;
    int64_t i;
    double f;
    const char *s;
    nfc_dtype t;
    int n;
    const ir_sx **sx; /* SXS */
    const double *fs; /* FLOATS */
} ir_attr;

/* ---- instructions ------------------------------------------------------------------------ */

/* A named region of the source, for reports, traces and comments. */
typedef struct ir_scope {
    const char *name;
    struct ir_scope *parent;
    nfc_span at;
} ir_scope;

/* The author's constraints: `with { ... }`. Inherited by everything inside a block, loop or scope. */
typedef struct ir_hints {
    int8_t fuse; /* -1: false, 0: not said, 1: true */
    bool no_reorder;
    const char *placement, *group;
} ir_hints;

/* One selector of an effect's index: one element (the axis goes), or a range of them. */
typedef struct ir_sel {
    bool one;
    const ir_sx *start, *extent; /* one: extent is NULL */
    nfc_span at;
} ir_sel;

/* A source instruction that went into this one. */
typedef struct ir_origin {
    nfc_span at;
    ir_op op;
    const char *name; /* of its first result */
    const ir_scope *scope;
    struct ir_origin *next;
} ir_origin;

/* A jump: the operands in[first .. first + n) are the target's arguments. */
typedef struct ir_edge {
    ir_block *to;
    int first, n;
} ir_edge;

/* What a constant holds: bytes at compile time, or tensors of a package. */
typedef struct ir_const {
    const void *data;          /* CONST: row-major elements */
    struct package *package;   /* WEIGHT */
    const char **tensor;       /* WEIGHT: names; several: a table, chosen by index[0] */
    int ntensor;
    const char *pattern;       /* the fmt() text of a table */
    const void **converted;    /* WEIGHT: the tensors in another element type, made at compile time */
} ir_const;

struct ir_inst {
    ir_op op;
    nfc_span at;
    const ir_scope *scope;
    const ir_hints *hints; /* NULL: none */
    int nin, nout, nindex, nsel, nregion, nedge;
    int room;              /* operands that in[] and use[] have space for */
    ir_value **in;         /* an optional operand that is absent is NULL */
    ir_use *use;           /* one per operand */
    ir_value **out;
    ir_attr *attr;         /* op_info(op)->nattr of them */
    const ir_sx **index;   /* INDEX operands of the op; loop: lower and upper bound; table: the entry */
    ir_sel *sel;           /* effects */
    ir_state *state;       /* effects */
    ir_const *constant;
    ir_region *region[2];
    ir_edge edge[2];
    ir_origin *from;
    ir_block *block;
    ir_inst *prev, *next;
    const char *label;     /* loop: its name */
    int id;                /* position in the order of ir_number() */
    bool mark;             /* scratch of the pass that runs */
};

struct ir_block {
    const char *name;
    nfc_span at;
    VEC(ir_value *) arg;
    ir_inst *first, *last;
    ir_region *region;
    ir_block *next;
    const ir_hints *hints;
    int id;
};

struct ir_region {
    ir_block *first, *last;
    ir_inst *owner; /* NULL: the graph's body */
    ir_graph *graph;
};

/* ---- graphs and modules ------------------------------------------------------------------ */

/* What the author promised of an input, checked on every run. */
typedef struct ir_bound {
    bool has_min, has_max;
    double min, max;
    nfc_span at;
} ir_bound;

typedef struct ir_port {
    const char *name;
    const ir_type *type;
    nfc_span at;
    ir_bound bound; /* inputs */
} ir_port;

struct ir_graph {
    ir_module *module;
    const char *name;
    nfc_span at;
    VEC(ir_port) input, output;
    VEC(ir_state *) state; /* those that the graph may touch: its own and the module's */
    ir_region *body;       /* the entry block's arguments are the inputs, then one token a state */
};

/* A result dim (ir_sym.is_result) is an extent of outputs that a run sets: from 0 up to its bound, which
 * the caller has room for. Nothing inside of a graph is made of it; each return says what it is. */
typedef struct ir_dim {
    ir_sym *sym;
    bool bounded; /* stays free up to sym->hi; else it is bound and sym->is is its value */
    nfc_span at;
} ir_dim;

/* `h = x;`: another name for a value from here on. For the debugger, which runs what was lowered;
 * passes do not keep it. */
typedef struct ir_alias {
    const char *name;
    ir_value *value;
    ir_block *block;
    ir_inst *after; /* the last instruction before it; NULL: it begins the block */
} ir_alias;

/* A file that is no text, as it was read. */
typedef struct ir_read {
    const char *path;
    const void *data;
    size_t size;
} ir_read;

/* Instructions that run a few rows at a time (passes/chain.h), for reports. */
typedef struct ir_chain {
    const ir_graph *graph;
    const ir_inst *loop;
    const char *name;       /* of the last one's result */
    nfc_span at;
    int stages;
    int64_t rows, blocks;   /* of the result in a trip of the loop; trips */
    int64_t bytes;          /* of what lies between the instructions */
} ir_chain;

struct ir_module {
    nfc_session *session;
    nfc_arena *arena;
    const char *name; /* of the file, without folder and ending */
    sx_table sx;
    VEC(uint32_t) file; /* the sources that its places are in */
    uint32_t read_from; /* the source that it was read from: one of those, or their JSON or text form */
    VEC(ir_read) read;  /* files that it was made of beside sources and packages: a model and its external data */
    VEC(ir_dim) dim;
    VEC(struct package *) package;
    VEC(ir_state *) state;
    VEC(ir_graph *) graph;
    nfc_map graph_named;
    VEC(ir_chain *) chain;
    VEC(ir_alias) alias; /* in the order of the source */
    int next_value, next_state;
    bool fast_math;
    struct sim_tensor **tensors; /* those of the simulator that are alive; NULL: there was none yet */
    nfc_map math; /* the kernel IR's scalar functions, made on demand */
};

/* ---- making ------------------------------------------------------------------------------ */

ir_module *ir_module_new(nfc_session *s, const char *name);
ir_graph *ir_graph_new(ir_module *m, const char *name, nfc_span at);
ir_state *ir_state_new(ir_module *m, ir_graph *owner, const char *name, const ir_type *type, nfc_span at);
ir_block *ir_block_new(ir_region *region, const char *name, nfc_span at);
ir_region *ir_region_new(ir_graph *g, ir_inst *owner);
ir_value *ir_block_arg(ir_block *block, const ir_type *type, const char *name, nfc_span at);

/* An instruction without a place in a block. Attributes have their defaults; results none yet. */
ir_inst *ir_new(ir_module *m, ir_op op, nfc_span at, int nin, ir_value *const *in);
ir_value *ir_add_result(ir_module *m, ir_inst *inst, const ir_type *type, const char *name, nfc_span at);
void ir_append(ir_block *block, ir_inst *inst);
void ir_insert_before(ir_inst *where, ir_inst *inst);
/* Takes the instruction out of its block and drops its uses. Its results must be unused. */
void ir_erase(ir_inst *inst);
/* Takes it out of its block, to be put elsewhere. */
void ir_unlink(ir_inst *inst);
void ir_set_operand(ir_inst *inst, int i, ir_value *value);
void ir_push_operand(ir_module *m, ir_inst *inst, ir_value *value);
/* Removes operand i; the ones behind it move down (edges are mended). */
void ir_drop_operand(ir_inst *inst, int i);
void ir_set_edge(ir_module *m, ir_inst *inst, int k, ir_block *to, int n, ir_value *const *args);
void ir_replace_uses(ir_value *old, ir_value *by);
void ir_drop_arg(ir_block *block, int i);
/* A copy of an instruction with other operands; regions are not copied. */
ir_inst *ir_clone(ir_module *m, const ir_inst *inst, ir_value *const *in);
void ir_add_origin(ir_module *m, ir_inst *inst, const ir_inst *source);

const ir_type *ir_tensor(ir_module *m, nfc_dtype dtype, int rank, const ir_sx *const *dim);
const ir_type *ir_scalar(ir_module *m, nfc_dtype dtype);
const ir_type *ir_index_type(ir_module *m);
const ir_type *ir_token_type(ir_module *m, ir_state *state);
const ir_type *ir_poison(ir_module *m);
/* A constant of this type over the bytes (kept, not copied). */
ir_inst *ir_constant(ir_module *m, nfc_span at, const ir_type *type, const void *data);
/* A rank-0 constant; integers of 64 bits exactly. */
ir_inst *ir_constant_scalar(ir_module *m, nfc_span at, nfc_dtype dtype, double value, int64_t exact);
/* Gives an index value its symbol. */
ir_sym *ir_index_sym(ir_module *m, ir_value *value, int64_t lo, int64_t hi);

/* ---- asking ------------------------------------------------------------------------------ */

static inline bool ir_is_tensor(const ir_value *v) { return v->type->kind == IR_TENSOR; }
static inline bool ir_is_poison(const ir_value *v) { return v->type->kind == IR_POISON; }
bool ir_same_type(const ir_type *a, const ir_type *b);
bool ir_same_shape(const ir_type *a, const ir_type *b);
/* The number of elements, symbolic. */
const ir_sx *ir_elements(ir_module *m, const ir_type *type);
/* The number of elements and bytes at the upper bound of every free symbol. */
int64_t ir_max_elements(const ir_type *type);
int64_t ir_max_bytes(const ir_type *type);
bool ir_is_static(const ir_type *type);
bool ir_has_uses(const ir_value *v);
bool ir_is_terminator(const ir_inst *inst);
/* Does it end a trip of a loop, with a value for each that is carried? */
bool ir_ends_trip(const ir_inst *inst);
/* May it be dropped when its results are unused? */
bool ir_is_pure(const ir_inst *inst);
/* May it end the run with an error: on integers by a divisor that can be 0, on indices by their range? */
bool ir_can_fail(const ir_inst *inst);
/* The constant's elements: CONST, or a WEIGHT with one tensor; else NULL. */
const void *ir_const_bytes(const ir_value *v);
/* The elements of entry i of a weight table. */
const void *ir_weight_bytes(const ir_const *c, int i);
const ir_attr *ir_attr_named(const ir_inst *inst, const char *name);
static inline int64_t ir_int(const ir_inst *inst, int index) { return inst->attr[index].i; }
static inline double ir_float(const ir_inst *inst, int index) { return inst->attr[index].f; }
static inline bool ir_given(const ir_inst *inst, int index) { return inst->attr[index].kind != IR_ATTR_NONE; }
/* The value of operand `index`, or NULL when it is absent. */
static inline ir_value *ir_operand(const ir_inst *inst, int index) { return index < inst->nin ? inst->in[index] : NULL; }
ir_graph *ir_graph_of(const ir_inst *inst);
ir_graph *ir_graph_named(const ir_module *m, const char *name);
/* Is b the block of an instruction inside region r, however deep? */
bool ir_region_contains(const ir_region *r, const ir_block *b);
const char *ir_type_text(nfc_arena *a, const ir_type *type);

/* A new result dim, from 0 to `most`, for types of outputs. */
const ir_sx *ir_result_dim(ir_module *m, const char *name, int64_t most, nfc_span at);
/* Has some output of the graph an axis that is this result dim alone? Only such a graph sets it. */
bool ir_has_result(const ir_graph *g, const ir_sym *sym);
/* What a return makes of a result dim: the extent of the value behind the first such axis. */
const ir_sx *ir_result_value(const ir_inst *leave, const ir_sym *sym);

/* Whether an extent of a returned value is what its output declares. */
typedef enum { IR_NEVER_FITS, IR_MAY_FIT, IR_FITS } ir_fit;
typedef struct ir_output_axis {
    const ir_sx *x, *least, *most; /* least <= x <= most must hold; a run checks what MAY_FIT */
    const ir_sym *sets;            /* the result dim that it says; NULL: none, and least is most */
} ir_output_axis;
/* The types have the same element type and rank. */
ir_fit ir_output_fits(ir_module *m, const ir_inst *leave, int output, int axis, ir_output_axis *a);

/* Puts the replacements of symbols (ir_sym.is) into every type, index and attribute. */
void ir_resolve_symbols(ir_module *m);

/* Numbers values and instructions in reading order; after it ids are dense and stable. */
void ir_number(ir_module *m);
/* Calls visit for every instruction of a region in order, into nested regions too (the owner comes
 * before what it owns). The visitor may erase or replace the instruction that it is given. */
void ir_walk(ir_region *region, void (*visit)(void *env, ir_inst *inst), void *env);

/* ---- types of results -------------------------------------------------------------------- */

/* Where the parts of a call are written. */
typedef struct ir_places {
    const char *name; /* of the op: an alias, perhaps */
    nfc_span op, results;
    const nfc_span *operand; /* n of them; absent operands have no place */
    int n;
} ir_places;

/* Derives the result types of an instruction from operands and attributes by its row's shape rule
 * and makes the results. Reports what does not fit, at its place (NULL: at the instruction's), and
 * makes poisoned results; false then. */
bool ir_infer(ir_module *m, ir_inst *inst, int nresult, const ir_places *written);

/* ---- verifier ---------------------------------------------------------------------------- */

/* Checks what every pass must keep. Returns NULL, or what is broken, in the module's arena. */
const char *ir_verify(ir_module *m);

#endif
