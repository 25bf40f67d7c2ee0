#include "frontend/diag.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *code, *title, *text;
} catalogue[] = {
#define DIAG(code, name, title, text) {#code, title, text},
#include "frontend/diag.def"
#undef DIAG
};

const char *diag_code_text(diag_code code) { return catalogue[code].code; }
const char *diag_title(diag_code code) { return catalogue[code].title; }
const char *diag_explanation(diag_code code) { return catalogue[code].text; }

diag_code diag_lookup(const char *text)
{
    if (strncmp(text, "NFC", 3) == 0 || strncmp(text, "nfc", 3) == 0) text += 3;
    char *end;
    long n = strtol(text, &end, 10);
    if (end == text || *end) return DIAG_COUNT;
    for (int i = 0; i < DIAG_COUNT; i++)
        if (strtol(catalogue[i].code + 3, NULL, 10) == n) return (diag_code)i;
    return DIAG_COUNT;
}

int diag_exit_code(diag_code code)
{
    switch (atoi(catalogue[code].code + 3) / 100) {
    case 7: return 3; /* does not fit, or cannot be built for the device */
    case 8: return 5; /* input and output */
    case 9: return 2; /* usage */
    default: return 1;
    }
}

static nfc_diag *report(nfc_diags *diags, diag_severity severity, diag_code code, nfc_span at,
                        const char *where, const char *format, va_list args)
{
    nfc_diag *d = ARENA_NEW(diags->arena, nfc_diag);
    *d = (nfc_diag){.owner = diags, .code = code, .severity = severity, .at = at, .where = where};
    d->text = arena_vprintf(diags->arena, format, args);
    if (severity == DIAG_ERROR) {
        if (diags->errors++ == 0) diags->exit_code = diag_exit_code(code);
        if (diags->errors > DIAG_LIMIT) return d; /* counted, not kept */
    } else {
        diags->warnings++;
    }
    vec_push(diags->arena, &diags->row, d);
    return d;
}

nfc_diag *diag_error(nfc_diags *diags, diag_code code, nfc_span at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    nfc_diag *d = report(diags, DIAG_ERROR, code, at, NULL, format, args);
    va_end(args);
    return d;
}

nfc_diag *diag_warning(nfc_diags *diags, diag_code code, nfc_span at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    nfc_diag *d = report(diags, DIAG_WARNING, code, at, NULL, format, args);
    va_end(args);
    return d;
}

nfc_diag *diag_error_in(nfc_diags *diags, diag_code code, const char *where, const char *format,
                        ...)
{
    va_list args;
    va_start(args, format);
    nfc_diag *d = report(diags, DIAG_ERROR, code, NO_SPAN, arena_strdup(diags->arena, where),
                         format, args);
    va_end(args);
    return d;
}

void diag_note(nfc_diag *diag, nfc_span at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    diag_note_row row = {at, arena_vprintf(diag->owner->arena, format, args), false};
    va_end(args);
    vec_push(diag->owner->arena, &diag->note, row);
}

void diag_help(nfc_diag *diag, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    diag_note_row row = {NO_SPAN, arena_vprintf(diag->owner->arena, format, args), true};
    va_end(args);
    vec_push(diag->owner->arena, &diag->note, row);
}

/* Optimal string alignment distance, which counts a swap of neighbours as one edit; more than
 * `limit` is as good as infinite. */
static int distance(const char *a, const char *b, int limit)
{
    enum { MAX = 64 };
    int n = (int)strlen(a), m = (int)strlen(b);
    if (n > MAX || m > MAX || abs(n - m) > limit) return limit + 1;
    int row[3][MAX + 1];
    for (int j = 0; j <= m; j++) row[0][j] = j;
    for (int i = 1; i <= n; i++) {
        int *now = row[i % 3], *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];
        now[0] = i;
        for (int j = 1; j <= m; j++) {
            int best = up[j - 1] + (a[i - 1] != b[j - 1]);
            if (up[j] + 1 < best) best = up[j] + 1;
            if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                up2[j - 2] + 1 < best)
                best = up2[j - 2] + 1;
            now[j] = best;
        }
    }
    return row[n % 3][m];
}

const char *nearest_word(const char *word, const char *const *candidates)
{
    int limit = (int)strlen(word) / 3;
    if (limit < 1) limit = 1;
    if (limit > 3) limit = 3;
    const char *best = NULL;
    int best_distance = limit + 1;
    for (; *candidates; candidates++) {
        /* Between words of one letter every other would be near. */
        bool same = strcasecmp(word, *candidates) == 0;
        bool tiny = strlen(word) < 2 || (strlen(*candidates) < 2 && !strstr(word, *candidates));
        int d = same ? strcmp(word, *candidates) != 0 : tiny ? limit + 1 : distance(word, *candidates, limit);
        if (d > 0 && d < best_distance) {
            best = *candidates;
            best_distance = d;
        }
    }
    return best;
}

bool diag_suggest(nfc_diag *diag, const char *word, const char *const *candidates)
{
    const char *best = nearest_word(word, candidates);
    if (best) diag_help(diag, "did you mean '%s'?", best);
    return best != NULL;
}

void diag_choices(nfc_diag *diag, const char *word, const char *const *candidates, const char *these_are)
{
    enum { MOST = 12 };
    int n = 0;
    const char *text = "";
    if (diag_suggest(diag, word, candidates)) return;
    while (candidates[n]) n++;
    if (n == 0 || n > MOST) return;
    for (int i = 0; i < n; i++)
        text = arena_printf(diag->owner->arena, "%s%s%s", text, i == 0 ? "" : i + 1 < n ? ", " : " and ", candidates[i]);
    diag_help(diag, "%s %s", these_are, text);
}

/* Characters that drive a terminal or reorder what it shows, and bytes that are no text. */
static bool is_unsafe(const unsigned char *u, int len)
{
    if (len == 0) return true;
    if (len == 1) return (u[0] < ' ' && u[0] != '\t') || u[0] == 0x7f;
    if (len == 2) return u[0] == 0xc2 && u[1] < 0xa0;
    bool marks = len == 3 && u[0] == 0xe2 && u[1] == 0x80 && u[2] >= 0xaa && u[2] <= 0xae;
    return marks || (len == 3 && u[0] == 0xe2 && u[1] == 0x81 && u[2] >= 0xa6 && u[2] <= 0xa9);
}

/* Writes (to == NULL: only measures) the character at p, escaped where it must be; tabs are drawn as
 * one blank. Gives its columns on the screen; *n is its length in bytes. */
static int put_safe(FILE *to, const char *p, const char *end, size_t *n)
{
    int len = utf8_length(p, end);
    bool escape = is_unsafe((const unsigned char *)p, len);
    *n = len ? (size_t)len : 1;
    for (size_t i = 0; to && i < *n; i++) {
        if (escape) fprintf(to, "\\x%02x", (unsigned char)p[i]);
        else putc(p[i] == '\t' ? ' ' : p[i], to);
    }
    return escape ? 4 * (int)*n : 1;
}

void print_safe(FILE *to, const char *text, size_t n)
{
    size_t step;
    for (const char *p = text, *end = text + n; p < end; p += step) put_safe(to, p, end, &step);
}

void print_json_string(FILE *to, const char *text)
{
    putc('"', to);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\') fprintf(to, "\\%c", *p);
        else if (*p == '\n') fputs("\\n", to);
        else if (*p == '\t') fputs("\\t", to);
        else if (*p < ' ' || *p == 0x7f) fprintf(to, "\\u%04x", *p);
        else putc(*p, to);
    }
    putc('"', to);
}

typedef struct {
    const char *bold, *error, *warning, *note, *off;
} palette;

static const palette colours = {"\033[1m", "\033[1;31m", "\033[1;35m", "\033[1;36m", "\033[0m"};
static const palette plain = {"", "", "", "", ""};

/* Columns that bytes of a line take on the screen. A place may lie inside of a character. */
static uint32_t screen_width(const char *text, size_t n, const char *end)
{
    uint32_t width = 0;
    size_t step;
    for (const char *p = text, *stop = text + n; p < stop; p += step) width += (uint32_t)put_safe(NULL, p, end, &step);
    return width;
}

static void print_excerpt(const nfc_diags *diags, FILE *to, nfc_span at, const palette *p)
{
    size_t n;
    const char *line = source_line(diags->sources, at.file, at.line, &n);
    if (!line) return;
    enum { SHOWN = 200 };
    size_t from = at.col > 0 ? at.col - 1 : 0;
    if (from > n) from = n;
    size_t skip = from > SHOWN / 2 ? from - SHOWN / 4 : 0; /* very long lines: a window */
    size_t shown = n - skip > SHOWN ? SHOWN : n - skip;
    fprintf(to, "%6u | ", at.line);
    while (skip > 0 && skip < n && ((unsigned char)line[skip] & 0xc0) == 0x80) skip--; /* whole characters */
    print_safe(to, line + skip, shown);
    size_t len = at.len;
    if (len > skip + shown - from) len = skip + shown - from;
    uint32_t lead = screen_width(line + skip, from - skip, line + n);
    uint32_t width = screen_width(line + from, len, line + n);
    fprintf(to, "\n       | %*s%s^", (int)lead, "", p->note);
    for (uint32_t i = 1; i < width; i++) putc('~', to);
    fprintf(to, "%s\n", p->off);
}

static void print_place(const nfc_diags *diags, FILE *to, nfc_span at, const char *where)
{
    const nfc_source *s = source_get(diags->sources, at.file);
    const char *label = source_label_at(diags->sources, at);
    if (s && at.line) {
        print_safe(to, s->path, strlen(s->path));
        if (label) {
            fputs(": ", to);
            print_safe(to, label, strlen(label));
            fputs(": ", to);
        } else fprintf(to, ":%u:%u: ", at.line, at.col);
    } else if (s) {
        print_safe(to, s->path, strlen(s->path));
        fputs(": ", to);
    } else if (where) {
        print_safe(to, where, strlen(where));
        fputs(": ", to);
    } else {
        fputs("nfc: ", to);
    }
}

static void print_text(const nfc_diags *diags, FILE *to, const nfc_diag *d)
{
    const palette *p = diags->colour ? &colours : &plain;
    fputs(p->bold, to);
    print_place(diags, to, d->at, d->where);
    fprintf(to, "%s%s[%s]%s: %s", d->severity == DIAG_ERROR ? p->error : p->warning,
            d->severity == DIAG_ERROR ? "error" : "warning", diag_code_text(d->code), p->off,
            p->bold);
    print_safe(to, d->text, strlen(d->text));
    fprintf(to, "%s\n", p->off);
    print_excerpt(diags, to, d->at, p);
    for (int i = 0; i < d->note.n; i++) {
        const diag_note_row *row = &d->note.at[i];
        if (row->help) {
            fprintf(to, "       = %shelp%s: ", p->note, p->off);
        } else if (row->at.file) {
            print_place(diags, to, row->at, NULL);
            fprintf(to, "%snote%s: ", p->note, p->off);
        } else {
            fprintf(to, "       = %snote%s: ", p->note, p->off);
        }
        print_safe(to, row->text, strlen(row->text));
        putc('\n', to);
        if (!row->help) print_excerpt(diags, to, row->at, p);
    }
}

static void print_json_place(const nfc_diags *diags, FILE *to, nfc_span at, const char *where)
{
    const nfc_source *s = source_get(diags->sources, at.file);
    fputs("\"file\":", to);
    if (s) print_json_string(to, s->path);
    else if (where) print_json_string(to, where);
    else fputs("null", to);
    const char *label = source_label_at(diags->sources, at);
    if (label) {
        fputs(",\"what\":", to);
        print_json_string(to, label);
    }
    if (s && at.line) {
        size_t n = 0;
        uint32_t len = at.len;
        if (source_line(diags->sources, at.file, at.line, &n) && at.col + len - 1 > n)
            len = n >= at.col ? (uint32_t)n - at.col + 1 : 1;
        fprintf(to, ",\"line\":%u,\"column\":%u,\"length\":%u", at.line, at.col, len);
    }
}

static void print_json(const nfc_diags *diags, FILE *to, const nfc_diag *d)
{
    fprintf(to, "{\"severity\":\"%s\",\"code\":\"%s\",",
            d->severity == DIAG_ERROR ? "error" : "warning", diag_code_text(d->code));
    print_json_place(diags, to, d->at, d->where);
    fputs(",\"message\":", to);
    print_json_string(to, d->text);
    fputs(",\"notes\":[", to);
    for (int i = 0; i < d->note.n; i++) {
        const diag_note_row *row = &d->note.at[i];
        fprintf(to, "%s{\"kind\":\"%s\",", i ? "," : "", row->help ? "help" : "note");
        print_json_place(diags, to, row->at, NULL);
        fputs(",\"message\":", to);
        print_json_string(to, row->text);
        putc('}', to);
    }
    fputs("]}\n", to);
}

/* By place; what has none comes last, in the order of its report. */
static bool goes_before(const nfc_diag *a, const nfc_diag *b)
{
    if (!a->at.file || !b->at.file) return a->at.file != 0 && b->at.file == 0;
    if (a->at.file != b->at.file) return a->at.file < b->at.file;
    if (a->at.line != b->at.line) return a->at.line < b->at.line;
    return a->at.col < b->at.col;
}

int diag_flush(nfc_diags *diags, FILE *to)
{
    for (int i = 1; i < diags->row.n; i++) { /* stable insertion: there are few rows */
        nfc_diag *d = diags->row.at[i];
        int j = i;
        for (; j > 0 && goes_before(d, diags->row.at[j - 1]); j--)
            diags->row.at[j] = diags->row.at[j - 1];
        diags->row.at[j] = d;
    }
    for (int i = 0; i < diags->row.n; i++) {
        const nfc_diag *d = diags->row.at[i];
        if (diags->quiet && d->severity != DIAG_ERROR) continue;
        if (diags->json) print_json(diags, to, d);
        else print_text(diags, to, d);
    }
    if (diags->errors > DIAG_LIMIT && diags->row.n && !diags->json)
        fprintf(to, "nfc: %d more errors were not shown\n", diags->errors - DIAG_LIMIT);
    diags->row.n = 0;
    return diags->errors;
}
