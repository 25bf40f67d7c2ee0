#include "frontend/fmt.h"

#include <string.h>

static const char *format_once(nfc_session *s, uint32_t file, const char *text, size_t size, bool plain, size_t *n)
{
    nfc_arena *scratch = arena_child(s->arena);
    fmt_file f = {.s = s, .arena = scratch, .file = file, .plain = plain};
    fmt_read(&f, text, size);
    fmt_break_lines(&f);
    fmt_set_spaces(&f);
    fmt_align(&f);
    const char *out = fmt_print(&f, n);
    out = arena_strndup(s->arena, out, *n);
    arena_free(scratch);
    return out;
}

/* ---- the same words? --------------------------------------------------------------------------- */

/* Comments may move, and so the blanks in them. */
static bool same_comment(const fmt_word *a, const fmt_word *b)
{
    static const char blanks[] = " \t\r\n\f";
    size_t i = 0, k = 0;
    while (i < a->n && k < b->n) {
        if (strchr(blanks, a->text[i]) && strchr(blanks, b->text[k])) {
            while (i < a->n && strchr(blanks, a->text[i])) i++;
            while (k < b->n && strchr(blanks, b->text[k])) k++;
        } else if (a->text[i++] != b->text[k++]) {
            return false;
        }
    }
    return i == a->n && k == b->n;
}

static bool same_words(nfc_session *s, uint32_t file, const char *a, size_t a_size, const char *b, size_t b_size)
{
    nfc_arena *scratch = arena_child(s->arena);
    fmt_file x = {.s = s, .arena = scratch, .file = file}, y = x;
    fmt_read(&x, a, a_size);
    fmt_read(&y, b, b_size);
    bool same = x.n == y.n;
    for (int i = 0; same && i < x.n; i++) {
        const fmt_word *v = &x.word[i], *w = &y.word[i];
        same = v->kind == w->kind;
        if (same) same = fmt_is_comment(v) ? same_comment(v, w) : v->n == w->n && memcmp(v->text, w->text, v->n) == 0;
    }
    arena_free(scratch);
    return same;
}

/* ---- all ---------------------------------------------------------------------------------------- */

/* Words that come to stand in one column by chance are aligned the next time, so once may not be
 * enough. What does not settle is not aligned: that is stable, for nothing in it can be. */
static const char *format(nfc_session *s, uint32_t file, const char *text, size_t size, size_t *n)
{
    enum { ROUNDS = 8 };
    for (int i = 0; i < ROUNDS; i++) {
        const char *next = format_once(s, file, text, size, false, n);
        if (*n == size && memcmp(next, text, size) == 0) return next;
        text = next;
        size = *n;
    }
    return format_once(s, file, text, size, true, n);
}

const char *fmt_text(nfc_session *s, uint32_t file, const char *text, size_t size, size_t *n)
{
    const char *out = format(s, file, text, size, n);
    if (same_words(s, file, text, size, out, *n)) return out;
    const nfc_source *source = source_get(&s->sources, file);
    diag_error_in(&s->diags, E_INTERNAL, source->path, "the formatted text would say something else; nothing is written");
    return NULL;
}
