/* The grammar of the .nfg language. Actions build the tree and decide nothing. */
%define api.pure full
%define api.push-pull push
%define api.prefix {nfg_}
%define parse.error custom
%define parse.lac full
%locations
%parse-param { nfg_scanner *sc }
%expect 0

%code requires {
#include "frontend/ast.h"
struct nfg_scanner;
typedef struct nfg_scanner nfg_scanner;
#ifndef NFG_LTYPE_IS_DECLARED
typedef nfc_span nfg_ltype;
#define NFG_LTYPE nfg_ltype
#define NFG_LTYPE_IS_DECLARED 1
#endif

/* A list under construction: the first and the last of a chain. */
#define AST_CHAIN(T) struct { T *first, *last; }
typedef struct { ast_name *at; int n, cap; } name_list;
}

%union {
    ast_name name;
    name_list names;
    uint64_t integer;
    double number;
    bool truth;
    const char *text;
    ast_expr *expr;
    AST_CHAIN(ast_expr) exprs;
    ast_arg *arg;
    AST_CHAIN(ast_arg) args;
    ast_stmt *stmt;
    AST_CHAIN(ast_stmt) stmts;
    ast_type type;
    ast_decl *decl;
    AST_CHAIN(ast_decl) decls;
    ast_block *block;
    AST_CHAIN(ast_block) blocks;
    ast_const *constant;
    AST_CHAIN(ast_const) constants;
    ast_target target;
    ast_graph *graph;
}

%code {
#include <stdlib.h>
#include <string.h>
#include "frontend/nfg_scan.h"

static void nfg_error(NFG_LTYPE *at, nfg_scanner *sc, const char *text);

#define YYLLOC_DEFAULT(Current, Rhs, N)                                                            \
    do {                                                                                           \
        if (N) (Current) = span_join(YYRHSLOC(Rhs, 1), YYRHSLOC(Rhs, N));                          \
        else (Current) = (nfc_span){YYRHSLOC(Rhs, 0).file, YYRHSLOC(Rhs, 0).line, YYRHSLOC(Rhs, 0).col, 0}; \
    } while (0)
#define YYINITDEPTH 4000 /* the stack never grows: deeper text is refused */
#define YYMAXDEPTH 4000
#define YYMALLOC nfg_malloc
#define YYFREE free

static void *nfg_malloc(size_t size)
{
    void *p = malloc(size);
    if (!p) arena_oom(NULL);
    return p;
}

/* Chains: the neutral element, and the one more. */
#define EMPTY(list) ((list).first = (list).last = NULL)
#define ADD(list, before, item)                                                                    \
    do {                                                                                           \
        (list) = (before);                                                                         \
        if (!(item)) break;                                                                        \
        if ((list).last) (list).last->next = (item);                                               \
        else (list).first = (item);                                                                \
        (list).last = (item);                                                                      \
    } while (0)
#define NEW(T) ARENA_NEW(sc->s->arena, T)
#define APPEND(head, item)                                                                         \
    do {                                                                                           \
        __typeof__(head) *end_ = &(head);                                                          \
        while (*end_) end_ = &(*end_)->next;                                                       \
        *end_ = (item);                                                                            \
    } while (0)

static void add_name(nfg_scanner *sc, name_list *list, ast_name name)
{
    vec_push(sc->s->arena, list, name);
}

static ast_arg *new_arg(nfg_scanner *sc, ast_name name, ast_expr *value)
{
    ast_arg *a = NEW(ast_arg);
    *a = (ast_arg){name, value, NULL};
    return a;
}

static ast_const *broken_const(nfg_scanner *sc, ast_name name)
{
    ast_const *c = NEW(ast_const);
    *c = (ast_const){name, ast_new_expr(sc, AST_ERROR, name.at), false, NULL};
    return c;
}

/* What holds a string that could not be read stays silent. */
static ast_expr *text_expr(nfg_scanner *sc, ast_expr_kind kind, const char *text, nfc_span at, nfc_span text_at)
{
    ast_expr *e = ast_new_expr(sc, text ? kind : AST_ERROR, at);
    e->text = text;
    e->text_at = text_at;
    return e;
}

/* An effect with a result is a read, one without is a write. */
static void check_effect(nfg_scanner *sc, ast_stmt *st, ast_name kind, const char *want)
{
    if (strcmp(kind.text, want) == 0) return;
    nfc_diags *diags = &sc->s->diags;
    st->kind = AST_BROKEN;
    if (strcmp(kind.text, "read") == 0) diag_help(diag_error(diags, E_EFFECT_KIND, kind.at, "the result of a read needs a name"), "write x = effect read(%s, ...)", st->callee.text);
    else if (strcmp(kind.text, "write") == 0) diag_help(diag_error(diags, E_EFFECT_KIND, kind.at, "a write has no result"), "write effect write(%s, ..., value=...) alone", st->callee.text);
    else diag_help(diag_error(diags, E_EFFECT_KIND, kind.at, "there is no effect '%s'", kind.text), "effects are read and write");
}

/* The graph whose sections stand at the top level; it comes into being with its first section. */
static ast_graph *top_graph(nfg_scanner *sc, nfc_span at)
{
    ast_module *m = sc->module;
    for (ast_graph *g = m->graph; g; g = g->next)
        if (!g->name.text) return g;
    ast_graph *g = NEW(ast_graph);
    g->at = at;
    g->next = m->graph;
    m->graph = g;
    return g;
}

/* There may be very many of these: the last one is kept at hand. */
static void add_graph(nfg_scanner *sc, ast_graph *g)
{
    if (sc->last_graph) sc->last_graph->next = g;
    else APPEND(sc->module->graph, g);
    sc->last_graph = g;
}

static void add_block(nfg_scanner *sc, ast_graph *g, ast_block *b)
{
    if (sc->blocks_of == g) sc->last_block->next = b;
    else APPEND(g->block, b);
    sc->blocks_of = g;
    sc->last_block = b;
}
}

%token KW_CONST "'const'" KW_DIMS "'dims'" KW_STATE "'state'" KW_INPUTS "'inputs'" KW_OUTPUTS "'outputs'"
%token KW_GRAPH "'graph'" KW_BLOCK "'block'" KW_LOOP "'loop'" KW_IN "'in'" KW_CARRY "'carry'"
%token KW_BRANCH "'branch'" KW_YIELD "'yield'" KW_BREAK "'break'" KW_RETURN "'return'" KW_OP "'op'" KW_EFFECT "'effect'"
%token KW_WITH "'with'" KW_SCOPE "'scope'" KW_BARRIER "'barrier'" KW_REQUIRE "'require'" KW_FMT "'fmt'" KW_META "'meta'"
%token DOTS "'..'" LEQ "'<='"
%token <name> IDENTIFIER "a name" KW_MODEL "'model'"
%token <integer> INTEGER "an integer"
%token <number> FLOATING "a number"
%token <truth> BOOLEAN "true or false"
%token <text> STRING "a string"
%token BAD_NUMBER "a malformed number" BAD_STRING "a malformed string" /* reported by the lexer */

%type <name> maybe_name argument
%type <text> string
%type <names> names carry
%type <expr> expr value weight index_item literal
%type <exprs> exprs exprs_some dims index_items values values_some
%type <arg> arg hint yield_item return_item
%type <args> args args_some hints with yield_items return_items
%type <stmt> stmt simple call effect_read branch
%type <stmts> stmts
%type <type> type
%type <decl> decl param state_decl broken_decl
%type <decls> decls params params_some state_decls
%type <block> block
%type <blocks> blocks
%type <constant> constant dim
%type <constants> constants dim_list
%type <target> target
%type <graph> graph_body

%left '+' '-'
%left '*' '/' '%'
%precedence NEGATIVE

%%
file: %empty
    | file item
    ;

item: KW_MODEL string ';' {
          ast_model *m = NEW(ast_model);
          *m = (ast_model){{NULL, @1}, $2, @$, @2, NULL};
          APPEND(sc->module->model, m);
      }
    | KW_MODEL IDENTIFIER string ';' {
          ast_model *m = NEW(ast_model);
          *m = (ast_model){$2, $3, @$, @3, NULL};
          APPEND(sc->module->model, m);
      }
    | KW_CONST '{' constants '}' { APPEND(sc->module->constant, $3.first); }
    | KW_DIMS '{' dim_list '}' { APPEND(sc->module->dim, $3.first); }
    | KW_INPUTS '{' decls '}' { ast_graph *g = top_graph(sc, @1); APPEND(g->input, $3.first); }
    | KW_OUTPUTS '{' decls '}' { ast_graph *g = top_graph(sc, @1); APPEND(g->output, $3.first); }
    | KW_STATE '{' state_decls '}' { APPEND(sc->module->state, $3.first); }
    | block { add_block(sc, top_graph(sc, @1), $1); }
    | KW_GRAPH IDENTIFIER '{' graph_body '}' {
          $4->name = $2;
          $4->at = @2;
          add_graph(sc, $4);
      }
    | error ';' { yyerrok; sc->module->lost = true; }
    ;

graph_body: %empty { $$ = NEW(ast_graph); }
    | graph_body KW_INPUTS '{' decls '}' { $$ = $1; APPEND($$->input, $4.first); }
    | graph_body KW_OUTPUTS '{' decls '}' { $$ = $1; APPEND($$->output, $4.first); }
    | graph_body KW_STATE '{' state_decls '}' { $$ = $1; APPEND($$->state, $4.first); }
    | graph_body block { $$ = $1; add_block(sc, $$, $2); }
    | graph_body error ';' { yyerrok; sc->module->lost = true; }
    ;

string: STRING
    | BAD_STRING { $$ = NULL; }
    ;

constants: %empty { EMPTY($$); }
    | constants constant { ADD($$, $1, $2); }
    ;
constant: IDENTIFIER '=' expr ';' { $$ = NEW(ast_const); *$$ = (ast_const){$1, $3, false, NULL}; }
    | IDENTIFIER error ';' { yyerrok; $$ = broken_const(sc, $1); }
    | error ';' { yyerrok; $$ = NULL; }
    ;

dim_list: %empty { EMPTY($$); }
    | dim_list dim { ADD($$, $1, $2); }
    ;
dim: IDENTIFIER ';' { $$ = NEW(ast_const); *$$ = (ast_const){$1, NULL, false, NULL}; }
    | IDENTIFIER '=' expr ';' { $$ = NEW(ast_const); *$$ = (ast_const){$1, $3, false, NULL}; }
    | IDENTIFIER LEQ expr ';' { $$ = NEW(ast_const); *$$ = (ast_const){$1, $3, true, NULL}; }
    | IDENTIFIER error ';' { yyerrok; $$ = broken_const(sc, $1); }
    | error ';' { yyerrok; $$ = NULL; }
    ;

decls: %empty { EMPTY($$); }
    | decls decl { ADD($$, $1, $2); }
    ;
decl: IDENTIFIER ':' type with ';' { $$ = NEW(ast_decl); *$$ = (ast_decl){$1, $3, $4.first, NULL}; }
    | broken_decl
    ;
broken_decl: IDENTIFIER error ';' { yyerrok; $$ = NEW(ast_decl); *$$ = (ast_decl){$1, {{NULL, @1}, NULL, @1}, NULL, NULL}; }
    | error ';' { yyerrok; $$ = NULL; }
    ;
type: IDENTIFIER '[' dims ']' { $$ = (ast_type){$1, $3.first, @$}; }
    | IDENTIFIER { $$ = (ast_type){$1, NULL, @$}; }
    ;
dims: exprs { $$ = $1; }
    ;

state_decls: %empty { EMPTY($$); }
    | state_decls state_decl { ADD($$, $1, $2); }
    ;
state_decl: IDENTIFIER ':' IDENTIFIER '(' IDENTIFIER ',' '[' dims ']' ')' ';' {
          $$ = NEW(ast_decl);
          *$$ = (ast_decl){$1, {$5, $8.first, span_join(@5, @9)}, NULL, NULL};
          if (strcmp($3.text, "buffer") != 0)
              diag_help(diag_error(&sc->s->diags, E_SYNTAX, @3, "a state is a buffer"), "write %s : buffer(%s, [...])", $1.text, $5.text);
      }
    | broken_decl
    ;

blocks: %empty { EMPTY($$); }
    | blocks block { ADD($$, $1, $2); }
    | blocks error ';' { yyerrok; $$ = $1; sc->module->lost = true; }
    ;
block: KW_BLOCK IDENTIFIER params with '{' stmts '}' {
          $$ = NEW(ast_block);
          *$$ = (ast_block){$2, $3.first, $6.first, $4.first, @2, NULL};
      }
    ;
params: %empty { EMPTY($$); }
    | '(' ')' { EMPTY($$); }
    | '(' params_some ')' { $$ = $2; }
    ;
params_some: param { EMPTY($$); ADD($$, $$, $1); }
    | params_some ',' param { ADD($$, $1, $3); }
    ;
param: IDENTIFIER ':' type { $$ = NEW(ast_decl); *$$ = (ast_decl){$1, $3, NULL, NULL}; }
    ;

stmts: %empty { EMPTY($$); }
    | stmts stmt { ADD($$, $1, $2); }
    ;
stmt: simple ';'
    | KW_LOOP maybe_name '(' IDENTIFIER KW_IN expr DOTS expr ')' carry with '{' blocks '}' {
          $$ = ast_new_stmt(sc, AST_LOOP, span_join(@1, @9));
          $$->callee = $2;
          $$->index = $4;
          $$->lower = $6;
          $$->upper = $8;
          $$->result = $10.at;
          $$->nresult = $10.n;
          $$->has_carry = $10.cap > 0;
          $$->carry_at = @10;
          $$->with = $11.first;
          $$->block = $13.first;
      }
    | KW_SCOPE string with '{' stmts '}' {
          $$ = ast_new_stmt(sc, AST_SCOPE, span_join(@1, @2));
          $$->scope = $2 ? $2 : "";
          $$->with = $3.first;
          $$->body = $5.first;
      }
    | names '=' error ';' { /* its results stay silent */
          yyerrok;
          $$ = ast_new_stmt(sc, AST_BROKEN, @1);
          $$->result = $1.at;
          $$->nresult = $1.n;
      }
    | error ';' {
          yyerrok;
          $$ = ast_new_stmt(sc, AST_BROKEN, @1);
          $$->maybe = sc->passed.at;
          $$->nmaybe = sc->passed.n;
      }
    ;
maybe_name: %empty { $$ = (ast_name){NULL, NO_SPAN}; }
    | IDENTIFIER
    ;
carry: %empty { $$ = (name_list){0}; }
    | KW_CARRY '(' ')' { $$ = (name_list){NULL, 0, 1}; }
    | KW_CARRY '(' names ')' { $$ = $3; }
    ;
names: IDENTIFIER { $$ = (name_list){0}; add_name(sc, &$$, $1); }
    | names ',' IDENTIFIER { $$ = $1; add_name(sc, &$$, $3); }
    ;

simple: names '=' call with {
          $$ = $3;
          $$->result = $1.at;
          $$->nresult = $1.n;
          $$->with = $4.first;
          $$->at = span_join(@1, @3);
      }
    | names '=' effect_read with {
          $$ = $3;
          $$->result = $1.at;
          $$->nresult = $1.n;
          $$->with = $4.first;
          $$->at = span_join(@1, @3);
      }
    | names '=' KW_REQUIRE '(' expr ',' args_some ')' {
          $$ = ast_new_stmt(sc, AST_REQUIRE, @$);
          $$->result = $1.at;
          $$->nresult = $1.n;
          $$->value = $5;
          $$->arg = $7.first;
      }
    | names '=' value {
          $$ = ast_new_stmt(sc, AST_RENAME, @$);
          $$->result = $1.at;
          $$->nresult = $1.n;
          $$->value = $3;
      }
    | KW_EFFECT IDENTIFIER '(' IDENTIFIER ',' args_some ')' with {
          $$ = ast_new_stmt(sc, AST_WRITE, span_join(@1, @7));
          $$->callee = $4;
          $$->arg = $6.first;
          $$->with = $8.first;
          check_effect(sc, $$, $2, "write");
      }
    | KW_BARRIER { $$ = ast_new_stmt(sc, AST_BARRIER, @$); }
    | branch
    | KW_YIELD yield_items { $$ = ast_new_stmt(sc, AST_YIELD, @$); $$->arg = $2.first; }
    | KW_BREAK yield_items { $$ = ast_new_stmt(sc, AST_BREAK, @$); $$->arg = $2.first; }
    | KW_RETURN return_items { $$ = ast_new_stmt(sc, AST_RETURN, @$); $$->arg = $2.first; }
    ;

call: KW_OP IDENTIFIER '(' args ')' {
          $$ = ast_new_stmt(sc, AST_OP, @$);
          $$->callee = $2;
          $$->arg = $4.first;
      }
    ;
effect_read: KW_EFFECT IDENTIFIER '(' IDENTIFIER ')' {
          $$ = ast_new_stmt(sc, AST_READ, @$);
          $$->callee = $4;
          check_effect(sc, $$, $2, "read");
      }
    | KW_EFFECT IDENTIFIER '(' IDENTIFIER ',' args_some ')' {
          $$ = ast_new_stmt(sc, AST_READ, @$);
          $$->callee = $4;
          $$->arg = $6.first;
          check_effect(sc, $$, $2, "read");
      }
    ;

branch: KW_BRANCH target {
          $$ = ast_new_stmt(sc, AST_BRANCH, @$);
          $$->target[0] = $2;
          $$->ntarget = 1;
      }
    | KW_BRANCH IDENTIFIER '?' target ':' target {
          $$ = ast_new_stmt(sc, AST_BRANCH, @$);
          $$->value = ast_new_expr(sc, AST_NAME, @2);
          $$->value->name = $2;
          $$->target[0] = $4;
          $$->target[1] = $6;
          $$->ntarget = 2;
      }
    ;
target: IDENTIFIER '(' values ')' { $$ = (ast_target){$1, $3.first}; }
    ;

yield_items: %empty { EMPTY($$); }
    | yield_item { EMPTY($$); ADD($$, $$, $1); }
    | yield_items ',' yield_item { ADD($$, $1, $3); }
    ;
yield_item: IDENTIFIER { $$ = new_arg(sc, $1, NULL); }
    | IDENTIFIER '=' value { $$ = new_arg(sc, $1, $3); }
    ;
return_items: %empty { EMPTY($$); }
    | return_item { EMPTY($$); ADD($$, $$, $1); }
    | return_items ',' return_item { ADD($$, $1, $3); }
    ;
return_item: IDENTIFIER { $$ = new_arg(sc, $1, NULL); }
    | IDENTIFIER '=' value { $$ = new_arg(sc, $1, $3); }
    ;

args: %empty { EMPTY($$); }
    | args_some
    | args_some ',' { $$ = $1; }
    ;
args_some: arg { EMPTY($$); ADD($$, $$, $1); }
    | args_some ',' arg { ADD($$, $1, $3); }
    ;
arg: argument '=' value { $$ = new_arg(sc, $1, $3); }
    | argument '=' '[' index_items ']' {
          ast_expr *list = ast_new_expr(sc, AST_LIST, span_join(@3, @5));
          list->item = $4.first;
          $$ = new_arg(sc, $1, list);
      }
    | argument '=' '[' ']' { $$ = new_arg(sc, $1, ast_new_expr(sc, AST_LIST, span_join(@3, @4))); }
    ;

argument: IDENTIFIER
    | KW_MODEL
    | KW_INPUTS { $$ = nfg_name(sc, "inputs", 6, @1); }
    | KW_OUTPUTS { $$ = nfg_name(sc, "outputs", 7, @1); }
    ;

with: %empty { EMPTY($$); }
    | KW_WITH '{' '}' { EMPTY($$); }
    | KW_WITH '{' hints '}' { $$ = $3; }
    | KW_WITH '{' hints ',' '}' { $$ = $3; }
    ;
hints: hint { EMPTY($$); ADD($$, $$, $1); }
    | hints ',' hint { ADD($$, $1, $3); }
    ;
hint: IDENTIFIER '=' value { $$ = new_arg(sc, $1, $3); }
    ;

values: %empty { EMPTY($$); }
    | values_some
    ;
values_some: value { EMPTY($$); ADD($$, $$, $1); }
    | values_some ',' value { ADD($$, $1, $3); }
    ;
value: expr
    | literal
    | weight
    ;
literal: FLOATING { $$ = ast_new_expr(sc, AST_FLOAT, @$); $$->number = $1; }
    | '-' FLOATING %prec NEGATIVE { $$ = ast_new_expr(sc, AST_FLOAT, @$); $$->number = -$2; }
    | string { $$ = text_expr(sc, AST_STRING, $1, @$, @1); }
    | BOOLEAN { $$ = ast_new_expr(sc, AST_BOOL, @$); $$->truth = $1; }
    ;
weight: KW_MODEL '[' string ']' { $$ = text_expr(sc, AST_WEIGHT, $3, @$, @3); }
    | KW_MODEL '[' KW_FMT '(' string ')' ']' { $$ = text_expr(sc, AST_WEIGHT, $5, @$, @5); $$->fmt = true; }
    | IDENTIFIER '[' string ']' { $$ = text_expr(sc, AST_WEIGHT, $3, @$, @3); $$->name = $1; }
    | IDENTIFIER '[' KW_FMT '(' string ')' ']' { $$ = text_expr(sc, AST_WEIGHT, $5, @$, @5); $$->name = $1; $$->fmt = true; }
    ;

index_items: index_item { EMPTY($$); ADD($$, $$, $1); }
    | index_items ',' index_item { ADD($$, $1, $3); }
    ;
index_item: value
    | ':' { $$ = ast_new_expr(sc, AST_ALL, @$); }
    | expr ':' expr { $$ = ast_binary(sc, AST_RANGE, $1, $3); }
    ;

exprs: %empty { EMPTY($$); }
    | exprs_some
    ;
exprs_some: expr { EMPTY($$); ADD($$, $$, $1); }
    | exprs_some ',' expr { ADD($$, $1, $3); }
    ;
expr: INTEGER { $$ = ast_new_expr(sc, AST_INT, @$); $$->integer = $1; $$->number = (double)$1; }
    | IDENTIFIER { $$ = ast_new_expr(sc, AST_NAME, @$); $$->name = $1; }
    | BAD_NUMBER { $$ = ast_new_expr(sc, AST_ERROR, @$); }
    | KW_META '(' string ')' { $$ = text_expr(sc, AST_META, $3, @$, @3); }
    | KW_META '(' IDENTIFIER ',' string ')' { $$ = text_expr(sc, AST_META, $5, @$, @5); $$->name = $3; }
    | '(' expr ')' { $$ = $2; }
    | expr '+' expr { $$ = ast_binary(sc, AST_ADD, $1, $3); }
    | expr '-' expr { $$ = ast_binary(sc, AST_SUB, $1, $3); }
    | expr '*' expr { $$ = ast_binary(sc, AST_MUL, $1, $3); }
    | expr '/' expr { $$ = ast_binary(sc, AST_DIV, $1, $3); }
    | expr '%' expr { $$ = ast_binary(sc, AST_MOD, $1, $3); }
    | '-' expr %prec NEGATIVE { $$ = ast_new_expr(sc, AST_NEG, @$); $$->a = $2; }
    ;
%%

const char *nfg_kind_name(int kind) { return yysymbol_name(YYTRANSLATE(kind)); }

static void mark_expected(bool *accepts, const yysymbol_kind_t *symbol, int n)
{
    for (int kind = 0; kind < NFG_KINDS; kind++) {
        accepts[kind] = false;
        for (int i = 0; i < n; i++) accepts[kind] |= YYTRANSLATE(kind) == symbol[i];
    }
}

void nfg_expected(nfg_scanner *sc, bool *accepts)
{
    yysymbol_kind_t symbol[YYNTOKENS];
    mark_expected(accepts, symbol, yypstate_expected_tokens(sc->parser, symbol, YYNTOKENS));
}

static int yyreport_syntax_error(const yypcontext_t *context, nfg_scanner *sc)
{
    yysymbol_kind_t symbol[YYNTOKENS];
    bool accepts[NFG_KINDS];
    mark_expected(accepts, symbol, yypcontext_expected_tokens(context, symbol, YYNTOKENS));
    nfg_misplaced(sc, accepts);
    return 0;
}

/* Bison calls this for memory exhaustion only: the text is nested too deeply. */
static void nfg_error(NFG_LTYPE *at, nfg_scanner *sc, const char *text)
{
    (void)text;
    diag_error(&sc->s->diags, E_NESTING, *at, "the text is nested too deeply");
    sc->module->lost = true;
}

static void drop_parser(void *parser) { yypstate_delete(parser); }

void nfg_parse(nfg_scanner *sc)
{
    int status;
    void **owner = arena_defer(sc->s->arena, drop_parser, NULL);
    yypstate *parser = *owner = sc->parser = yypstate_new();
    if (!parser) arena_oom(sc->s->arena);
    do {
        nfg_token w = nfg_next(sc);
        status = yypush_parse(parser, w.kind, &w.value, &w.at, sc);
    } while (status == YYPUSH_MORE);
}
