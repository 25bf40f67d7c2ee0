/* What lexer, grammar and their driver share. */
#ifndef NFC_NFG_SCAN_H
#define NFC_NFG_SCAN_H

#include "frontend/ast.h"

typedef struct nfg_scanner {
    nfc_session *s;
    uint32_t file;
    const char *text;
    size_t at;           /* offset behind the current word */
    uint32_t line, col;  /* of `at` */
    size_t comment_at;
    ast_module *module;
    nfc_span recovered;  /* where the last syntax error stood */
    int depth;           /* of blocks around the current word */
} nfg_scanner;

typedef nfc_span nfg_ltype;
#define NFG_LTYPE nfg_ltype
#define NFG_LTYPE_IS_DECLARED 1

#include "nfg.tab.h"
#define YYSTYPE NFG_STYPE
#define YYLTYPE NFG_LTYPE

void nfg_advance(nfg_scanner *sc, nfc_span *at, size_t n);
nfc_diag *nfg_error_at(nfg_scanner *sc, diag_code code, size_t at, size_t n, const char *format, ...) __attribute__((format(printf, 5, 6)));
ast_name nfg_name(nfg_scanner *sc, const char *text, size_t n, nfc_span at);
uint64_t nfg_integer(nfg_scanner *sc, const char *text, size_t n);
double nfg_float(nfg_scanner *sc, const char *text, size_t n);
const char *nfg_string(nfg_scanner *sc, const char *text, size_t n);
const char *nfg_printable(nfg_scanner *sc, const char *text);

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
