/* The tree that the grammar builds: what the author wrote, with places, and nothing decided. */
#ifndef NFC_AST_H
#define NFC_AST_H

#include "frontend/session.h"
#include "ir/dtype.h"

typedef struct ast_name {
    const char *text; /* interned; NULL: absent */
    nfc_span at;
} ast_name;

typedef enum {
    AST_INT,    /* 3 */
    AST_FLOAT,  /* 0.5, inf, nan */
    AST_STRING, /* "same" */
    AST_BOOL,   /* true */
    AST_NAME,   /* x; in attributes also a dtype */
    AST_WEIGHT, /* model["x"], model[fmt("x.{l}")] */
    AST_META,   /* meta("key") */
    AST_LIST,   /* [a, b] */
    AST_NEG,    /* -a */
    AST_ADD, AST_SUB, AST_MUL, AST_DIV, AST_MOD,
    AST_RANGE,  /* a:b in an index list */
    AST_ALL,    /* : in an index list */
    AST_ERROR,  /* stands where the text could not be read; reported already */
} ast_expr_kind;

typedef struct ast_expr {
    ast_expr_kind kind;
    nfc_span at;
    uint64_t integer;          /* INT: expressions hold up to 2^63 - 1, literals of u64 more */
    double number;             /* FLOAT, and INT rounded */
    bool truth;
    ast_name name;             /* NAME; WEIGHT and META: the package, or absent */
    const char *text;          /* STRING, WEIGHT, META */
    nfc_span text_at;          /* its place, with the quotes */
    bool fmt;                  /* WEIGHT: the text is a pattern */
    struct ast_expr *a, *b;    /* operators, RANGE */
    struct ast_expr *item, *next; /* LIST: the items, chained by next */
} ast_expr;

typedef struct ast_arg {
    ast_name name;
    ast_expr *value;
    struct ast_arg *next;
} ast_arg;

typedef struct ast_stmt ast_stmt;
typedef struct ast_block ast_block;

typedef enum {
    AST_OP,       /* names = op callee(args) */
    AST_READ,     /* name = effect read(state, args) */
    AST_WRITE,    /* effect write(state, args) */
    AST_RENAME,   /* name = expr */
    AST_REQUIRE,  /* name = require(expr, min=..., max=...) */
    AST_LOOP,
    AST_SCOPE,
    AST_BARRIER,
    AST_BRANCH,   /* branch target(args); branch cond ? a(args) : b(args) */
    AST_YIELD,    /* args: name, or name = expr */
    AST_BREAK,    /* likewise */
    AST_RETURN,
    AST_BROKEN,   /* a statement that could not be read; its results, where they could */
} ast_stmt_kind;

typedef struct ast_target {
    ast_name block;
    ast_expr *arg; /* chained */
} ast_target;

struct ast_stmt {
    ast_stmt_kind kind;
    nfc_span at;
    ast_name *maybe;   /* BROKEN: names in its text, some of which it may have made */
    int nmaybe;
    ast_name *result;  /* OP, READ, RENAME, REQUIRE, BROKEN; LOOP: those of carry(...) */
    int nresult;
    ast_name callee;   /* OP: its name; READ, WRITE: the state; LOOP: its name */
    ast_arg *arg;      /* OP, READ, WRITE, REQUIRE, YIELD, BREAK, RETURN */
    ast_arg *with;     /* hints */
    ast_expr *value;   /* RENAME, REQUIRE; BRANCH: the condition */
    ast_target target[2];
    int ntarget;
    ast_name index;    /* LOOP */
    ast_expr *lower, *upper;
    bool has_carry;
    nfc_span carry_at;
    ast_block *block;  /* LOOP: its blocks, chained */
    const char *scope; /* SCOPE: the text */
    ast_stmt *body;    /* SCOPE */
    ast_stmt *next;
};

typedef struct ast_type {
    ast_name dtype; /* without a text: could not be read, and was reported */
    ast_expr *dim;  /* chained */
    nfc_span at;
} ast_type;

typedef struct ast_decl { /* an input, output, state, block parameter */
    ast_name name;
    ast_type type;
    ast_arg *with;
    struct ast_decl *next;
} ast_decl;

struct ast_block {
    ast_name name;
    ast_decl *param;
    ast_stmt *stmt;
    ast_arg *with;
    nfc_span at;
    ast_block *next;
};

typedef struct ast_const { /* an entry of const { } or dims { } */
    ast_name name;
    ast_expr *value; /* dims: the default or the bound; NULL: to be given */
    bool bounded;    /* dims: name <= value */
    struct ast_const *next;
} ast_const;

typedef struct ast_model {
    ast_name name; /* absent: the default package, `model` */
    const char *path; /* NULL: could not be read, and was reported */
    nfc_span at, path_at;
    struct ast_model *next;
} ast_model;

typedef struct ast_graph {
    ast_name name; /* absent: the sections stand at the top level */
    ast_decl *input, *output, *state;
    ast_block *block;
    nfc_span at;
    struct ast_graph *next;
} ast_graph;

typedef struct ast_module {
    const char *path;
    uint32_t file;
    ast_model *model;
    ast_const *constant, *dim;
    ast_decl *state;  /* the module's, when the file has named graphs */
    ast_graph *graph; /* the one without a name first, if there is one */
    bool lost;        /* text was passed over that may have declared what the rest uses */
} ast_module;

/* Reads a text; reports what is wrong and returns what could be read. NULL only when there is none. */
ast_module *nfg_read(nfc_session *s, const char *path, uint32_t file);

#endif
