/* The formatter of .nfg texts.
 *
 * It works on words, comments among them, and never on the tree: what the author wrote comes out,
 * with the author's lines and blank lines. Its own are the indentation, the blanks between words and
 * the lines of braces: a group over several lines has its braces at the ends. Columns that the
 * author aligned over neighbouring lines stay aligned, whatever happens to the words before them. */
#ifndef NFC_FMT_H
#define NFC_FMT_H

#include "frontend/nfg_scan.h"

/* The text in canonical form, in the session's arena; *n is its length. The text must be one that
 * nfg_read() takes without an error. Formatting the result again gives the result. NULL after a
 * report of E_INTERNAL when the result would say something else than the text. */
const char *fmt_text(nfc_session *s, uint32_t file, const char *text, size_t size, size_t *n);

/* ---- shared by the formatter's files --------------------------------------------------------- */

/* Comments count as words, behind the kinds of nfg.tab.h. */
enum { FMT_LINE_COMMENT = 100000, FMT_BLOCK_COMMENT };

typedef struct fmt_word {
    int kind;
    const char *text;
    size_t n;
    int newlines;    /* of the source, before it */
    int gap, col;    /* of the source: blanks before it on its line, and its column from 0 */
    int partner;     /* of a bracket: the other one; else -1 */
    int around;      /* the innermost bracket that is open here; -1: none */
    int before;      /* the word before it that is no comment; -1: none */
    bool hint;       /* of a brace: it belongs to a `with` */
    bool tight;      /* of an operator: no blanks around it, since it stands in a range */
    bool breaks;     /* it begins a line, */
    bool blank;      /* after an empty one */
    int space;       /* canonical blanks before it otherwise */
    int class;       /* the words aligned with it; -1: none */
    int at;          /* its column in the result */
} fmt_word;

typedef struct fmt_file {
    nfc_session *s;
    nfc_arena *arena;
    uint32_t file;
    fmt_word *word;
    int n;
    bool plain;      /* aligns nothing */
} fmt_file;

static inline bool fmt_is_comment(const fmt_word *w) { return w->kind >= FMT_LINE_COMMENT; }
/* A brace that holds statements or declarations, by its word. */
static inline bool fmt_is_body(const fmt_word *w) { return (w->kind == '{' || w->kind == '}') && !w->hint; }
/* Columns that a text takes: bytes but the continuations of UTF-8. */
int fmt_width(const char *text, size_t n);

/* fmt_words.c: reads the words, and decides where lines begin. */
void fmt_read(fmt_file *f, const char *text, size_t size);
void fmt_break_lines(fmt_file *f);
/* fmt_space.c: blanks between the words of a line. */
void fmt_set_spaces(fmt_file *f);
/* fmt_lines.c: columns; the text. */
void fmt_align(fmt_file *f);
const char *fmt_print(fmt_file *f, size_t *n);

#endif
