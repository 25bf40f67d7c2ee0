#include "frontend/fmt.h"

#include <string.h>

int fmt_width(const char *text, size_t n)
{
    int width = 0;
    for (size_t i = 0; i < n; i++) width += ((unsigned char)text[i] & 0xc0) != 0x80;
    return width;
}

/* ---- reading ------------------------------------------------------------------------------- */

typedef struct {
    fmt_file *f;
    const char *text;
    size_t at;
    int col, newlines, gap;
    VEC(fmt_word) word;
} reader;

enum { TAB = 8 };

static void advance(reader *r)
{
    char c = r->text[r->at++];
    if (c == '\n') r->col = 0;
    else if (c == '\t') r->col += TAB - r->col % TAB;
    else if (((unsigned char)c & 0xc0) != 0x80) r->col++;
}

static void take(reader *r, int kind, size_t n)
{
    fmt_word w = {.kind = kind, .text = r->text + r->at, .n = n, .newlines = r->newlines, .gap = r->gap, .col = r->col, .partner = -1, .class = -1};
    for (size_t i = 0; i < n; i++) advance(r);
    if (kind >= FMT_LINE_COMMENT) /* blanks at its end say nothing */
        while (w.n && strchr(" \t\r\f", w.text[w.n - 1])) w.n--;
    r->newlines = r->gap = 0;
    vec_push(r->f->arena, &r->word, w);
}

/* Blanks and comments up to offset `end`. */
static void read_gap(reader *r, size_t end)
{
    while (r->at < end) {
        const char *p = r->text + r->at;
        if (p[0] == '/' && p[1] == '/') {
            take(r, FMT_LINE_COMMENT, strcspn(p, "\n"));
        } else if (p[0] == '/' && p[1] == '*') {
            take(r, FMT_BLOCK_COMMENT, (size_t)(strstr(p + 2, "*/") - p) + 2);
        } else {
            int before = r->col;
            advance(r);
            r->newlines += *p == '\n';
            r->gap = *p == '\n' ? 0 : r->gap + r->col - before;
        }
    }
}

void fmt_read(fmt_file *f, const char *text, size_t size)
{
    nfg_words words = nfg_read_words(f->s, f->file, text, size);
    reader r = {.f = f, .text = text};
    for (int i = 0; i < words.n; i++) {
        read_gap(&r, words.at[i].at);
        take(&r, words.at[i].kind, words.at[i].n);
    }
    read_gap(&r, size);
    f->word = r.word.at;
    f->n = r.word.n;
}

/* ---- structure ------------------------------------------------------------------------------- */

static bool opens(const fmt_word *w) { return w->kind == '{' || w->kind == '(' || w->kind == '['; }
static bool closes(const fmt_word *w) { return w->kind == '}' || w->kind == ')' || w->kind == ']'; }

static void match_brackets(fmt_file *f)
{
    int open = -1, before = -1;
    for (int i = 0; i < f->n; i++) {
        fmt_word *w = &f->word[i];
        w->before = before;
        if (closes(w)) {
            w->partner = open;
            f->word[open].partner = i;
            w->hint = f->word[open].hint;
            open = f->word[open].around;
        }
        w->around = open;
        if (opens(w)) {
            w->hint = w->kind == '{' && before >= 0 && f->word[before].kind == KW_WITH;
            open = i;
        }
        if (!fmt_is_comment(w)) before = i;
    }
}

/* The author's lines, but for words that belong to the end of the line before. */
static bool may_break(const fmt_file *f, int i)
{
    const fmt_word *w = &f->word[i], *last = &w[-1];
    if (last->kind == FMT_LINE_COMMENT) return true;
    if (!w->newlines) return false;
    if (w->kind == ';' || w->kind == ',' || w->kind == '{') return false;
    if (w->kind == ')' || w->kind == ']' || (w->kind == '}' && w->hint)) return f->word[w->partner + 1].newlines > 0;
    return true;
}

static bool is_over_lines(const fmt_file *f, int open)
{
    for (int i = open + 1; i <= f->word[open].partner; i++)
        if (f->word[i].breaks || memchr(f->word[i].text, '\n', f->word[i].n)) return true;
    return false;
}

/* A comment behind a brace, on its line, stays there. */
static void break_after(fmt_file *f, int i)
{
    if (i + 1 < f->n && fmt_is_comment(&f->word[i + 1]) && !f->word[i + 1].newlines) i++;
    if (i + 1 < f->n) f->word[i + 1].breaks = true;
}

static void break_groups(fmt_file *f)
{
    for (int i = 0; i < f->n; i++) {
        if (f->word[i].kind != '{' || f->word[i].hint) continue;
        int end = f->word[i].partner;
        if (end == i + 1) f->word[end].breaks = false; /* nothing in it */
        else if (is_over_lines(f, i)) f->word[end].breaks = true;
        if (!f->word[end].breaks) continue;
        break_after(f, i);
        break_after(f, end);
    }
}

void fmt_break_lines(fmt_file *f)
{
    match_brackets(f);
    for (int i = 1; i < f->n; i++) f->word[i].breaks = may_break(f, i);
    break_groups(f);
    for (int i = 1; i < f->n; i++) {
        fmt_word *w = &f->word[i];
        bool between_statements = w->around < 0 || fmt_is_body(&f->word[w->around]);
        bool opened = w[-1].kind == '{', closed = w->kind == '}';
        w->blank = w->breaks && w->newlines > 1 && between_statements && !opened && !closed;
    }
    if (f->n) f->word[0].breaks = true;
}
