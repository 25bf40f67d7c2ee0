/* What lexer, grammar and their driver share. */
#ifndef NFC_NFG_SCAN_H
#define NFC_NFG_SCAN_H

#include "frontend/ast.h"

typedef nfc_span nfg_ltype;
#define NFG_LTYPE nfg_ltype
#define NFG_LTYPE_IS_DECLARED 1

#include "nfg.tab.h"
#define YYSTYPE NFG_STYPE
#define YYLTYPE NFG_LTYPE

/* A word as the grammar gets it: of the text, or put in where a mistake is mended. */
typedef struct nfg_token {
    int kind; /* as the grammar numbers them; 0: the end */
    NFG_STYPE value;
    nfc_span at;
    size_t offset; /* of its first byte; of a word that was put in, where it should stand */
    bool begins_line, put_in;
} nfg_token;

/* A bracket that is still open. */
typedef struct nfg_open {
    int kind; /* '{' '(' '[' */
    bool hints;      /* a '{' behind `with` */
    int section;     /* the first word of what it belongs to: KW_BLOCK, KW_CONST, ... */
    nfc_span at;
    uint32_t indent; /* the column where its line begins */
} nfg_open;

/* STATEMENT: to its ';', or behind its braces. GROUP: behind its braces. BODY: to the end of the block. */
typedef enum { NFG_READ, NFG_SKIP_STATEMENT, NFG_SKIP_GROUP, NFG_SKIP_BODY } nfg_skip;

struct nfg_scanner {
    nfc_session *s;
    uint32_t file;
    const char *text;
    size_t at;          /* offset behind the last word that was read */
    uint32_t line, col; /* of `at` */
    size_t comment_at;
    ast_module *module;
    ast_graph *last_graph, *blocks_of; /* the ends of the lists that grow: the module's, and that of blocks_of */
    ast_block *last_block;
    void *lexer, *parser;
    /* What stands between the two: see nfg_repair.c. */
    VEC(nfg_token) ahead;     /* read or put in, and not yet handed on; a stack */
    VEC(nfg_open) open;      /* of the words that were handed on */
    nfg_token last, before, first; /* handed on: the last, the one before, the statement's first */
    nfg_open closed;         /* what the last word closed, if it is a '}' */
    size_t stuck;            /* 1 + the offset of a '}' that was handed on for the second time */
    nfg_open suspect;        /* was closed by a '}' that stands further left than its line */
    uint32_t indent;         /* the column where the current line begins */
    uint32_t line_read;      /* of the last word that was read */
    ast_name callee;         /* of the current op */
    nfg_skip skip;           /* a syntax error was reported: what is passed over */
    bool silent;             /* something in this statement was reported already */
    bool cut;                /* the text ends too early, which was reported */
    bool loose;              /* statements outside of blocks were reported */
    struct {
        ast_name *at;
        int n, cap;
    } passed;                /* names in the last statement that was passed over */
    nfc_map reported;        /* words that can be no names, which were taken for names */
};

void nfg_advance(nfg_scanner *sc, nfc_span *at, size_t n);
nfc_diag *nfg_error_at(nfg_scanner *sc, diag_code code, size_t at, size_t n, const char *format, ...) __attribute__((format(printf, 5, 6)));
ast_name nfg_name(nfg_scanner *sc, const char *text, size_t n, nfc_span at);
/* Each gives the word's kind: what it looks like, or BAD_... after a report. */
int nfg_integer(nfg_scanner *sc, NFG_STYPE *value, const char *text, size_t n);
int nfg_float(nfg_scanner *sc, NFG_STYPE *value, const char *text, size_t n);
int nfg_string(nfg_scanner *sc, NFG_STYPE *value, const char *text, size_t n);
int nfg_single_quotes(nfg_scanner *sc, NFG_STYPE *value, const char *text, size_t n);
/* Reports bytes that are not ASCII; true when they look like a name, which they then are. */
bool nfg_foreign(nfg_scanner *sc, NFG_STYPE *value, nfc_span at, const char *text);
void nfg_unclosed_comment(nfg_scanner *sc);
const char *nfg_printable(nfg_scanner *sc, const char *text);

/* Report what has no meaning, with what may have been meant. text: of n bytes, which were read last. */
void nfg_unknown_characters(nfg_scanner *sc, const char *text, size_t n);
void nfg_bad_number(nfg_scanner *sc, const char *text, size_t n);
/* What helps someone who is used to another language, where the last word cannot stand; or NULL. */
const char *nfg_habit_advice(nfg_scanner *sc, const bool *accepts);

/* Reads the whole text into sc->module. */
void nfg_parse(nfg_scanner *sc);
/* The next word for the grammar, with what can be repaired repaired. */
nfg_token nfg_next(nfg_scanner *sc);
/* Reports that the grammar has no use for the last word; accepts[kind] says what it would take. */
void nfg_misplaced(nfg_scanner *sc, const bool *accepts);
/* What the grammar would take now: accepts has room for NFG_KINDS. */
enum { NFG_KINDS = 320 };
void nfg_expected(nfg_scanner *sc, bool *accepts);
/* "';'", "a name", "'block'". */
const char *nfg_kind_name(int kind);

/* The text of a word. */
const char *nfg_word_text(nfg_scanner *sc, const nfg_token *w);
bool nfg_is_keyword(int kind);
/* The bracket that was opened last and is still open; kind 0: none. */
nfg_open nfg_innermost(const nfg_scanner *sc);
/* Among the statements of a block? */
bool nfg_in_code(const nfg_scanner *sc);
/* The names in the statement that is passed over up to this offset: it may have made them. */
void nfg_note_passed(nfg_scanner *sc, size_t end);
/* Inside of the braces of `with`? */
bool nfg_in_hints(const nfg_scanner *sc);
/* Forgets the brackets up to the braces of the block or section; gives the number of braces of hints. */
int nfg_close_round(nfg_scanner *sc);

/* A word of the text: its kind as nfg.tab.h has it, and its bytes. */
typedef struct nfg_word {
    int kind;
    size_t at, n;
} nfg_word;
typedef VEC(nfg_word) nfg_words;
/* All words of a text (NUL behind it), without comments; what is malformed is reported. */
nfg_words nfg_read_words(nfc_session *s, uint32_t file, const char *text, size_t size);

/* Making nodes. */
ast_expr *ast_new_expr(nfg_scanner *sc, ast_expr_kind kind, nfc_span at);
ast_expr *ast_binary(nfg_scanner *sc, ast_expr_kind kind, ast_expr *a, ast_expr *b);
ast_stmt *ast_new_stmt(nfg_scanner *sc, ast_stmt_kind kind, nfc_span at);

#endif
