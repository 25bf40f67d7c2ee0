/* The driver of lexer and grammar, and what their actions call. */
#include "frontend/nfg_scan.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int nfg_lex_init_extra(nfg_scanner *extra, void **lexer);
nfg_scanner *nfg_get_extra(void *lexer);
void *nfg_alloc(size_t size, void *lexer);
void *nfg_realloc(void *old, size_t size, void *lexer);
void nfg_free(void *p, void *lexer);
int nfg_lex(NFG_STYPE *value, NFG_LTYPE *at, nfg_scanner *sc, void *lexer);
struct yy_buffer_state *nfg__scan_bytes(const char *bytes, int len, void *lexer);

void nfg_advance(nfg_scanner *sc, nfc_span *at, size_t n)
{
    *at = (nfc_span){sc->file, sc->line, sc->col, (uint32_t)n};
    for (size_t i = 0; i < n; i++) {
        if (sc->text[sc->at++] == '\n') {
            sc->line++;
            sc->col = 1;
        } else {
            sc->col++;
        }
    }
}

nfc_diag *nfg_error_at(nfg_scanner *sc, diag_code code, size_t at, size_t n, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const char *text = arena_vprintf(sc->s->arena, format, args);
    va_end(args);
    sc->silent = true;
    return diag_error(&sc->s->diags, code, source_span(&sc->s->sources, sc->file, at, n), "%s", text);
}

ast_name nfg_name(nfg_scanner *sc, const char *text, size_t n, nfc_span at)
{
    enum { MAX_NAME = 255 };
    if (n > MAX_NAME) {
        diag_error(&sc->s->diags, E_NAME, at, "a name of %zu characters; the longest is %d", n, MAX_NAME);
        n = MAX_NAME;
    }
    return (ast_name){intern_n(&sc->s->names, text, n), at};
}

int nfg_integer(nfg_scanner *sc, NFG_STYPE *value, const char *text, size_t n)
{
    errno = 0;
    value->integer = strtoull(text, NULL, 10);
    if (errno == 0) return INTEGER;
    nfg_error_at(sc, E_NUMBER, sc->at - n, n, "the integer does not fit in 64 bits");
    return BAD_NUMBER;
}

int nfg_float(nfg_scanner *sc, NFG_STYPE *value, const char *text, size_t n)
{
    value->number = strtod(text, NULL);
    if (!isinf(value->number)) return FLOATING;
    diag_help(nfg_error_at(sc, E_NUMBER, sc->at - n, n, "the number is out of the range of f64"), "write inf for infinity");
    return BAD_NUMBER;
}

static int bad_string(nfg_scanner *sc, size_t at, size_t n, const char *text)
{
    nfg_error_at(sc, E_STRING, at, n, "%s", text);
    return BAD_STRING;
}

int nfg_string(nfg_scanner *sc, NFG_STYPE *value, const char *text, size_t n)
{
    char *out = arena_alloc(sc->s->arena, n), *p = out;
    for (size_t i = 1; i + 1 < n;) {
        size_t at = sc->at - n + i, len = (size_t)utf8_length(text + i, text + n);
        if (len == 0) return bad_string(sc, at, 1, "the string is not valid UTF-8");
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f) return bad_string(sc, at, 1, "a control character in a string");
        if (text[i] == '\\') {
            i++;
            if (text[i] != '"' && text[i] != '\\') return bad_string(sc, at, 2, "a string has the escapes \\\" and \\\\ only");
        }
        memcpy(p, text + i, len);
        p += len;
        i += len;
    }
    value->text = intern_n(&sc->s->names, out, (size_t)(p - out));
    return STRING;
}

int nfg_single_quotes(nfg_scanner *sc, NFG_STYPE *value, const char *text, size_t n)
{
    bool silent = sc->silent;
    diag_help(nfg_error_at(sc, E_STRING, sc->at - n, n, "a string stands in double quotes"), "write \"%.*s\"", (int)n - 2, text + 1);
    sc->silent = silent; /* it is clear what is meant */
    return nfg_string(sc, value, text, n);
}

/* Roughly: the scripts of the world, without punctuation, arrows and symbols. */
static bool looks_like_letters(const char *text)
{
    for (const unsigned char *u = (const unsigned char *)text; *u; u++) {
        if (*u >= 0xc3 && *u <= 0xe1) return true;
        if (*u > 0xe3 && *u < 0xee) return true;
    }
    return false;
}

bool nfg_foreign(nfg_scanner *sc, NFG_STYPE *value, nfc_span at, const char *text)
{
    size_t n = strlen(text), from = sc->at - n;
    if (looks_like_letters(text)) {
        value->name = (ast_name){intern(&sc->s->names, text), at};
        if (!map_set(&sc->reported, value->name.text, sc))
            diag_help(nfg_error_at(sc, E_CHARACTER, from, n, "'%s' is no name", text), "names are made of the ASCII letters, digits and '_'");
        return true;
    }
    if (sc->silent) return false;
    nfc_diag *d = nfg_error_at(sc, E_CHARACTER, from, n, "'%s' has no meaning: only ASCII may stand here", text);
    bool quote = strstr(text, "\xe2\x80\x9c") || strstr(text, "\xe2\x80\x9d") || strstr(text, "\xe2\x80\x9e");
    if (quote) diag_help(d, "a string stands in straight quotes: \"...\"");
    return false;
}

void nfg_unclosed_comment(nfg_scanner *sc)
{
    nfg_error_at(sc, E_COMMENT, sc->comment_at, 2, "this comment does not end");
    sc->cut = true;
}

const char *nfg_printable(nfg_scanner *sc, const char *text)
{
    unsigned char c = (unsigned char)text[0];
    if (c >= ' ' && c < 0x7f) return text;
    return arena_printf(sc->s->arena, "\\x%02x", c);
}

ast_expr *ast_new_expr(nfg_scanner *sc, ast_expr_kind kind, nfc_span at)
{
    ast_expr *e = ARENA_NEW(sc->s->arena, ast_expr);
    e->kind = kind;
    e->at = at;
    return e;
}

ast_expr *ast_binary(nfg_scanner *sc, ast_expr_kind kind, ast_expr *a, ast_expr *b)
{
    ast_expr *e = ast_new_expr(sc, kind, span_join(a->at, b->at));
    e->a = a;
    e->b = b;
    return e;
}

ast_stmt *ast_new_stmt(nfg_scanner *sc, ast_stmt_kind kind, nfc_span at)
{
    ast_stmt *st = ARENA_NEW(sc->s->arena, ast_stmt);
    st->kind = kind;
    st->at = at;
    return st;
}

/* ---- the lexer's memory: the arena's ---------------------------------------------------------- */

enum { LEXER_HEADER = 16 }; /* keeps the size, for realloc */

void *nfg_alloc(size_t size, void *lexer)
{
    if (size > SIZE_MAX - LEXER_HEADER) arena_oom(nfg_get_extra(lexer)->s->arena);
    unsigned char *p = arena_alloc(nfg_get_extra(lexer)->s->arena, size + LEXER_HEADER);
    memcpy(p, &size, sizeof size);
    return p + LEXER_HEADER;
}

void *nfg_realloc(void *old, size_t size, void *lexer)
{
    void *p = nfg_alloc(size, lexer);
    size_t had = 0;
    if (old) memcpy(&had, (unsigned char *)old - LEXER_HEADER, sizeof had);
    if (had) memcpy(p, old, had < size ? had : size);
    return p;
}

void nfg_free(void *p, void *lexer)
{
    (void)p;
    (void)lexer;
}

/* ---- reading ------------------------------------------------------------------------------- */

static void begin_scan(nfg_scanner *sc, size_t size)
{
    static const char mark[] = "\xef\xbb\xbf";
    if (size >= 3 && memcmp(sc->text, mark, 3) == 0) {
        diag_help(nfg_error_at(sc, E_CHARACTER, 0, 3, "the file begins with a byte order mark"), "save it as plain UTF-8, without one");
        sc->silent = false; /* it spoils nothing behind it */
        sc->at = 3;
        sc->col = 4;
    }
    if (nfg_lex_init_extra(sc, &sc->lexer) != 0) arena_oom(sc->s->arena);
    if (!nfg__scan_bytes(sc->text + sc->at, (int)(size - sc->at), sc->lexer)) arena_oom(sc->s->arena);
    map_init(&sc->reported, sc->s->arena);
}

nfg_words nfg_read_words(nfc_session *s, uint32_t file, const char *text, size_t size)
{
    nfg_scanner sc = {.s = s, .file = file, .text = text, .line = 1, .col = 1};
    nfg_words words = {0};
    begin_scan(&sc, size);
    NFG_STYPE value;
    nfc_span at;
    for (int kind; (kind = nfg_lex(&value, &at, &sc, sc.lexer)) > 0;) {
        nfg_word w = {kind, sc.at - at.len, at.len};
        vec_push(s->arena, &words, w);
    }
    return words;
}

ast_module *nfg_read(nfc_session *s, const char *path, uint32_t file)
{
    const nfc_source *source = source_get(&s->sources, file);
    nfg_scanner sc = {.s = s, .file = file, .text = source->text, .line = 1, .col = 1};
    sc.module = ARENA_NEW(s->arena, ast_module);
    sc.module->path = path;
    sc.module->file = file;
    const char *nul = memchr(source->text, 0, source->size);
    if (nul) {
        bool wide = memcmp(source->text, "\xff\xfe", 2) == 0 || memcmp(source->text, "\xfe\xff", 2) == 0;
        nfc_diag *d = nfg_error_at(&sc, E_CHARACTER, (size_t)(nul - source->text), 1, "a NUL byte: this is not a text");
        if (wide) diag_help(d, "the file is UTF-16; save it as UTF-8");
        return sc.module;
    }
    begin_scan(&sc, source->size);
    nfg_parse(&sc);
    return sc.module;
}
