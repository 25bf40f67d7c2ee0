/* From the tree to the IR: names, constants, shapes, SSA. */
#ifndef NFC_LOWER_H
#define NFC_LOWER_H

#include "frontend/ast.h"
#include "frontend/safetensors.h"
#include "ir/ir.h"

typedef struct lower_binding { /* -D N=4, or -D 'N<=64' */
    const char *name;
    int64_t value;
    bool bounded;
    bool used;
} lower_binding;

struct lower_options {
    VEC(lower_binding) dim;
    VEC(const char *) model; /* --model FILE or NAME=FILE */
    VEC(const char *) keep;  /* --keep IN=OUT: an ONNX model's output that is its next run's input */
    int64_t text_length;     /* --text: bytes that each string of an ONNX model takes; 0: 64 */
};
typedef struct lower_options lower_options;

/* The file that --model gives for a package, or NULL. */
const char *options_model(const lower_options *options, const char *package);
/* What -D says of a dim, or NULL; it then counts as used. */
lower_binding *options_dim(lower_options *options, const char *dim);
/* Reports options that name no dim and no package of the module. constants: NULL, or a map that has
 * the names of its constants. */
void options_check(nfc_session *s, lower_options *options, const ir_module *m, const nfc_map *constants);
/* Lowers a module. Reports everything that is wrong; NULL if anything was an error. */
ir_module *lower_module(nfc_session *s, const ast_module *ast, lower_options *options);

/* ---- shared by the files of the lowering --------------------------------------------------- */

typedef enum { BIND_NONE, BIND_VALUE, BIND_LITERAL, BIND_HIDDEN, BIND_UNKNOWN } bind_kind;

/* What a name stands for. LITERAL: a number without a type, or an integer expression. HIDDEN: a
 * carried value in a later block of the loop, where it must be a parameter. UNKNOWN: it was reported
 * already. */
typedef struct binding {
    bind_kind kind;
    ir_value *value;
    const ast_expr *literal;
    const ir_sx *sx;
    nfc_span at;
} binding;

typedef struct lower_env {
    nfc_map names; /* -> binding */
    struct lower_env *parent;
    bool loop; /* the names of a loop's body: assigning to one of the parent's carries it */
} lower_env;

typedef struct lower_constant {
    const ast_const *ast;
    const ir_sx *value; /* NULL: cannot be worked out, which was reported */
    int state; /* 0: not yet, 1: being worked out, 2: known */
} lower_constant;

/* The loop around the current statement. */
typedef struct lower_loop {
    struct lower_loop *parent;
    const ast_stmt *ast;
    VEC(const char *) carried;     /* names; states as "%name" */
    VEC(ir_value *) init, arg;     /* before the loop, and in its body */
    ir_sym *index;
    const char *index_name;
    lower_env *outer;
    nfc_map blocks;
} lower_loop;

typedef struct lower {
    nfc_session *s;
    ir_module *m;
    const ast_module *ast;
    lower_options *options;
    nfc_map constants; /* -> lower_constant */
    nfc_map dims;      /* -> ir_dim; without a symbol: has no value, which was reported */
    nfc_map packages;  /* -> package */
    nfc_map states;    /* -> ir_state: the module's, and the current graph's */
    nfc_map used;      /* the names of constants and dims that something used */
    nfc_map syms;      /* tensor value -> ir_sym of its index_read */
    ir_graph *g;
    const ast_graph *ag;
    ir_block *block;
    nfc_map blocks;    /* of the current region: name -> ir_block */
    lower_env *env;
    lower_loop *loop;
    const ir_scope *scope;
    const ir_hints *hints;
    bool blamed;       /* the graph's outputs were reported: what returns give them stays silent */
    const ast_stmt *ended; /* the current block's terminator; NULL: not yet */
} lower;

#define lower_error(l, ...) diag_error(&(l)->s->diags, __VA_ARGS__)
#define lower_warning(l, ...) diag_warning(&(l)->s->diags, __VA_ARGS__)

/* Expressions. Each reports and returns NULL (or poison) for what does not fit. allowed: these, or-ed;
 * UNBOUNDED: it may leave 64 bits at run time. */
enum { SX_STATIC = 1, SX_DIMS = 2, SX_SCALARS = 4, SX_UNBOUNDED = 8 };
const ir_sx *lower_sx(lower *l, const ast_expr *e, int allowed);
const ir_sx *lower_constant_value(lower *l, lower_constant *c, nfc_span at);
/* A value of this type, or of whatever type it has when dtype is DT_COUNT. A literal without a
 * type to take gives NULL without a report when `literal` is set to true. */
ir_value *lower_value(lower *l, const ast_expr *e, nfc_dtype dtype, bool *literal);
bool lower_type(lower *l, const ast_type *t, const ir_type **type);
nfc_dtype lower_dtype(lower *l, ast_name name);
const ir_hints *lower_hints(lower *l, const ast_arg *with, const ir_hints *outer);
ir_value *poison_value(lower *l, nfc_span at);
/* The tensor, or table of tensors, that model[...] names. */
ir_value *lower_weight(lower *l, const ast_expr *e);
void lower_unknown_package(lower *l, const ast_expr *e, const char *name);

/* Names. */
binding *lower_find(lower *l, const char *name);
/* The binding of a name in an environment, made when there is none. */
binding *lower_bind_in(lower *l, lower_env *env, const char *name);
/* Whatever the name may stand for was reported: its uses stay silent. */
void lower_forget(lower *l, ast_name name);
/* Is it a constant or a dim? Reports that it cannot be assigned (what == NULL), or that the `what`
 * cannot have it. */
bool lower_name_clashes(lower *l, ast_name name, const char *what);
/* Binds; where the name cannot have this value it reports, and uses of it stay silent. */
void lower_bind(lower *l, ast_name name, ir_value *value);
ir_inst *lower_emit(lower *l, ir_inst *inst);
const char *state_key(lower *l, const ir_state *state);
ir_state *lower_state(lower *l, ast_name name);
/* Reports it, once in a block. */
void lower_unknown_name(lower *l, ast_name name);

/* Statements. */
void lower_graph(lower *l, const ast_graph *g);
void lower_op(lower *l, const ast_stmt *st);
void lower_read(lower *l, const ast_stmt *st);
void lower_write(lower *l, const ast_stmt *st);
void lower_require(lower *l, const ast_stmt *st);
void lower_loop_stmt(lower *l, const ast_stmt *st);
void lower_stmts(lower *l, const ast_stmt *st);
void lower_ports(lower *l);
/* lower_result.c: finds the dims that only outputs have; then, for a graph, that its outputs say what they
 * are; and for a return, whose operands are all there, that they are what the outputs declare. */
void lower_result_dims(lower *l);
void lower_result_check(lower *l);
void lower_outputs_check(lower *l, const ir_inst *leave, const nfc_span *at);
void lower_block_body(lower *l, const ast_block *b);
void lower_branch(lower *l, const ast_stmt *st);
void lower_return(lower *l, const ast_stmt *st);
void lower_yield(lower *l, const ast_stmt *st); /* and break */
/* What a careful reader would ask about in a module without errors: unused things, empty loops. */
void lower_warnings(lower *l);
/* Checks a jump-free end of block: reports a missing terminator. */
void lower_block_end(lower *l, const ast_block *b);

#endif
