/* Columns: indentation, and what the author aligned. */
#include <stdio.h>
#include <string.h>
#include "frontend/fmt.h"
#include "frontend/memfile.h"

enum { STEP = 4 };

/* ---- what is aligned ------------------------------------------------------------------------- */

static bool can_align(const fmt_word *w) { return !w->breaks && w->space > 0 && w->gap > 0; }

/* Words in one column of neighbouring lines, where the author needed more than one blank for it. */
static bool are_aligned(const fmt_word *a, const fmt_word *b)
{
    if (a->col != b->col || fmt_is_comment(a) != fmt_is_comment(b)) return false;
    return fmt_is_comment(a) || a->gap > 1 || b->gap > 1;
}

static int end_of_line(const fmt_file *f, int i)
{
    for (i++; i < f->n && !f->word[i].breaks;) i++;
    return i;
}

/* Behind a comment over several lines, or where lines were joined, columns say nothing. */
static bool loses_column(const fmt_word *w) { return w->newlines || memchr(w[-1].text, '\n', w[-1].n); }

/* The list or call that a line begins in, by its bracket: its indentation follows from that. */
static int begins_in(const fmt_file *f, int i)
{
    const fmt_word *w = &f->word[i];
    int open = w->partner >= 0 && w->partner < i ? w->partner : w->around;
    return open < 0 || fmt_is_body(&f->word[open]) ? -1 : open;
}

/* The first words of the lines are a and b. Where a line begins may follow from columns of the call
 * around it; so lines of different calls are not joined. */
static void join_lines(fmt_file *f, int a, int b)
{
    if (begins_in(f, a) != begins_in(f, b)) return;
    int a_end = end_of_line(f, a), b_end = end_of_line(f, b);
    for (a++, b++; a < a_end && b < b_end;) {
        fmt_word *x = &f->word[a], *y = &f->word[b];
        if (loses_column(x) || loses_column(y)) return;
        if (can_align(x) && can_align(y) && are_aligned(x, y)) {
            if (x->class < 0) x->class = a; /* a class is known by its first word */
            y->class = x->class;
        }
        if (x->col <= y->col) a++;
        if (x->col >= y->col) b++;
    }
}

static void find_classes(fmt_file *f)
{
    int last = -1;
    for (int i = 0, end; i < f->n; i = end) {
        end = end_of_line(f, i);
        if (f->word[i].blank) last = -1;
        if (end == i + 1 && fmt_is_comment(&f->word[i])) continue; /* a remark between two lines does not part them */
        if (last >= 0) join_lines(f, last, i);
        last = i;
    }
}

/* ---- indentation ------------------------------------------------------------------------------ */

typedef struct {
    fmt_file *f;
    int *line_of;   /* the word that begins its line */
    int *least;     /* of a class, by its first word: the fewest blanks before a member, */
    int *column;    /* and its column */
    int *depth;     /* braces of bodies around a word */
} layout;

/* The word that the indentation of a comment goes by. */
static bool begins_statement(const fmt_file *f, int i)
{
    int b = f->word[i].before;
    return b < 0 || f->word[b].kind == ';' || fmt_is_body(&f->word[b]);
}

static int indent_of(const layout *l, int i)
{
    const fmt_file *f = l->f;
    const fmt_word *w = &f->word[i];
    if (w->kind == '}' && !w->hint) return STEP * l->depth[w->partner];
    bool closing = w->partner >= 0 && w->partner < i;
    int open = closing ? w->partner : w->around;
    if (open >= 0 && !fmt_is_body(&f->word[open])) { /* inside of a call, a list, hints */
        const fmt_word *first = &f->word[open + 1];
        int base = f->word[l->line_of[open]].at;
        if (first->breaks || first == w) return base + (closing ? 0 : STEP);
        return closing ? f->word[open].at : first->at;
    }
    return STEP * l->depth[i] + (begins_statement(f, i) ? 0 : STEP);
}

/* ---- columns ---------------------------------------------------------------------------------- */

static int end_column(const fmt_word *w)
{
    const char *line = w->text;
    for (const char *p; (p = memchr(line, '\n', w->n - (size_t)(line - w->text)));) line = p + 1;
    int width = fmt_width(line, w->n - (size_t)(line - w->text));
    return line == w->text ? w->at + width : width + w->at - w->col;
}

/* Blanks before a word that is aligned with nothing. The author's stay before a comment, and up to
 * three of them between two statements of a line. */
static int loose_gap(const fmt_word *w)
{
    enum { BETWEEN_STATEMENTS = 3 };
    if (fmt_is_comment(w) && w->gap > w->space) return w->space ? w->gap : 0;
    if (w[-1].kind == ';' && w->gap > 1) return w->gap < BETWEEN_STATEMENTS ? w->gap : BETWEEN_STATEMENTS;
    return w->space;
}

static int column_of(layout *l, int i)
{
    fmt_word *w = &l->f->word[i];
    if (w->breaks) return indent_of(l, i);
    int end = end_column(&w[-1]);
    if (w->class < 0) return end + loose_gap(w);
    int *column = &l->column[w->class];
    if (*column < end + l->least[w->class]) *column = end + l->least[w->class];
    return *column;
}

/* The columns of classes only grow, each after those before it: that ends. */
static void settle(layout *l)
{
    for (bool moved = true; moved;) {
        moved = false;
        for (int i = 0; i < l->f->n; i++) {
            int at = column_of(l, i);
            moved |= at != l->f->word[i].at;
            l->f->word[i].at = at;
        }
    }
}

void fmt_align(fmt_file *f)
{
    layout l = {f, ARENA_ARRAY(f->arena, int, f->n), ARENA_ARRAY(f->arena, int, f->n), ARENA_ARRAY(f->arena, int, f->n), ARENA_ARRAY(f->arena, int, f->n)};
    if (!f->plain) find_classes(f);
    for (int i = 0, depth = 0; i < f->n; i++) {
        fmt_word *w = &f->word[i];
        l.line_of[i] = w->breaks ? i : l.line_of[i - 1];
        if (fmt_is_body(w) && w->kind == '}') depth--;
        l.depth[i] = depth;
        if (fmt_is_body(w) && w->kind == '{') depth++;
        if (w->class < 0) continue;
        int *least = &l.least[w->class];
        if (!*least || w->gap < *least) *least = w->gap;
    }
    settle(&l);
}

/* ---- text -------------------------------------------------------------------------------------- */

/* A comment over several lines moves as a whole. */
static void print_word(FILE *to, const fmt_word *w)
{
    const char *line = w->text, *end = w->text + w->n;
    for (const char *stop; (stop = memchr(line, '\n', (size_t)(end - line))); ) {
        const char *last = stop;
        while (last > line && strchr(" \t\r\f", last[-1])) last--;
        fwrite(line, 1, (size_t)(last - line), to);
        putc('\n', to);
        int lead = w->at - w->col;
        for (line = stop + 1; line < end && (*line == ' ' || *line == '\t'); line++) lead += *line == ' ' ? 1 : 8 - (lead - w->at + w->col) % 8;
        if (line < end && *line != '\n' && *line != '\r') fprintf(to, "%*s", lead > 0 ? lead : 0, "");
    }
    fwrite(line, 1, (size_t)(end - line), to);
}

const char *fmt_print(fmt_file *f, size_t *n)
{
    memfile *m = memfile_new(f->arena);
    FILE *to = memfile_start(m);
    for (int i = 0; i < f->n; i++) {
        const fmt_word *w = &f->word[i];
        if (w->breaks && i) fputs(w->blank ? "\n\n" : "\n", to);
        fprintf(to, "%*s", w->breaks ? w->at : w->at - end_column(&w[-1]), "");
        print_word(to, w);
    }
    if (f->n) putc('\n', to);
    return memfile_end(m, n);
}
