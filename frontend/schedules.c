#include "frontend/schedules.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE = 64 << 20 };

static const char *const words_of_lines[] = {"kernel", "picked", "tried", NULL};

/* ---- reading ------------------------------------------------------------------------------- */

typedef struct {
    nfc_session *s;
    uint32_t file;
    const char *text;
    size_t at, end;      /* of what is left of the line */
    size_t word;         /* where the last word began */
    const char *device;
} reader;

static nfc_span here(const reader *r) { return source_span(&r->s->sources, r->file, r->word, r->at > r->word ? r->at - r->word : 1); }

static bool wrong(reader *r, const char *what, const char *word)
{
    diag_error(&r->s->diags, E_SCHEDULES, here(r), *word ? "%s, not '%s'" : "%s is missing", what, word);
    return false;
}

/* The next word of the line, "" at its end or where a comment begins. */
static const char *next_word(reader *r)
{
    while (r->at < r->end && (r->text[r->at] == ' ' || r->text[r->at] == '\t')) r->at++;
    r->word = r->at;
    if (r->at < r->end && r->text[r->at] == '#') return "";
    while (r->at < r->end && r->text[r->at] != ' ' && r->text[r->at] != '\t' && r->text[r->at] != '#') r->at++;
    return session_printf(r->s, "%.*s", (int)(r->at - r->word), r->text + r->word);
}

static bool read_integer(reader *r, const char *name, int64_t least, int64_t most, int64_t *value)
{
    const char *word = next_word(r);
    char *end;
    long long n = strtoll(word, &end, 10);
    const char *what = session_printf(r->s, "behind '%s' a number from %lld to %lld", name, (long long)least, (long long)most);
    bool digits = *word == '-' || (*word >= '0' && *word <= '9');
    if (!digits || *end || strlen(word) > 18 || n < least || n > most) return wrong(r, what, word);
    *value = n;
    return true;
}

static bool read_us(reader *r, double *us)
{
    const char *word = next_word(r);
    char *end;
    *us = strtod(word, &end);
    bool plain = *word >= '0' && *word <= '9' && strspn(word, "0123456789.e+-") == strlen(word);
    return (plain && !*end && isfinite(*us)) || wrong(r, "behind 'us' a number of microseconds", word);
}

static bool read_key(reader *r, uint64_t *key)
{
    const char *word = next_word(r);
    if (strlen(word) != 16 || strspn(word, "0123456789abcdef") != 16) return wrong(r, "the 16 hexadecimal digits of a kernel", word);
    *key = strtoull(word, NULL, 16);
    return true;
}

static int field_named(const char *word)
{
    for (int i = 0; i < SCHED_FIELDS; i++)
        if (strcmp(sched_fields[i].word, word) == 0) return i;
    return -1;
}

static bool unknown_field(reader *r, const char *word)
{
    const char *names[SCHED_FIELDS + 3] = {NULL};
    for (int i = 0; i < SCHED_FIELDS; i++) names[i] = sched_fields[i].word;
    names[SCHED_FIELDS] = "us";
    names[SCHED_FIELDS + 1] = "tried";
    nfc_diag *d = diag_error(&r->s->diags, E_SCHEDULES, here(r), "a schedule has no '%s'", word);
    diag_choices(d, word, names, "there are");
    return false;
}

/* Words and numbers, each once, in any order. */
static bool read_fields(reader *r, schedule_line *line)
{
    bool given[SCHED_FIELDS] = {false};
    for (const char *word; *(word = next_word(r));) {
        int64_t value;
        int f = line->word == SCHEDULE_PICKED ? -1 : field_named(word);
        if (f >= 0 && given[f]) {
            diag_error(&r->s->diags, E_SCHEDULES, here(r), "'%s' stands here again", word);
            return false;
        }
        if (f >= 0) {
            if (!read_integer(r, word, sched_fields[f].least, sched_fields[f].most, &value)) return false;
            sched_set(&line->s, f, value);
            given[f] = true;
        } else if (strcmp(word, "us") == 0) {
            if (!read_us(r, &line->us)) return false;
        } else if (strcmp(word, "tried") == 0) {
            if (!read_integer(r, word, 1, 1000000, &line->tried)) return false;
        } else {
            return unknown_field(r, word);
        }
    }
    for (int i = 0; i < SCHED_FIELDS && line->word != SCHEDULE_PICKED; i++)
        if (!given[i] && sched_fields[i].needed) return wrong(r, session_printf(r->s, "'%s' and a number", sched_fields[i].word), "");
    return true;
}

static bool read_line(reader *r, schedule_lines *lines)
{
    schedule_line line = {.comment = ""};
    const char *word = next_word(r);
    line.at = here(r);
    if (!*word) return true;
    if (strcmp(word, "device") == 0) {
        r->device = next_word(r);
        return *r->device ? !*next_word(r) || wrong(r, "nothing", "more") : wrong(r, "the name of a device", "");
    }
    int k = 0;
    while (words_of_lines[k] && strcmp(words_of_lines[k], word) != 0) k++;
    if (!words_of_lines[k]) return wrong(r, "device, kernel, picked or tried", word);
    if (!r->device) {
        diag_error(&r->s->diags, E_SCHEDULES, line.at, "there is no line 'device NAME' before");
        return false;
    }
    line.word = (schedule_word)k;
    line.device = r->device;
    if (!read_key(r, &line.key) || !read_fields(r, &line)) return false;
    if (r->at < r->end) line.comment = session_printf(r->s, "%.*s", (int)(r->end - r->at), r->text + r->at);
    vec_push(r->s->arena, lines, line);
    return true;
}

static bool read_head(reader *r)
{
    int64_t version;
    const char *word = next_word(r);
    if (strcmp(word, "nfc-schedules") != 0) return wrong(r, "'nfc-schedules 1' in the first line", word);
    return read_integer(r, word, 1, 1, &version);
}

bool schedules_read(nfc_session *s, const char *path, schedule_lines *lines)
{
    char *text;
    size_t size;
    read_status status = read_file(s->arena, path, MAX_FILE, &text, &size);
    if (status != READ_OK) {
        diag_error_in(&s->diags, E_IO_READ, path, status == READ_MISSING ? "there is no such file" : status == READ_TOO_LARGE ? "is too large" : "cannot be read");
        return false;
    }
    reader r = {.s = s, .file = source_add(&s->sources, path, text, size), .text = text};
    bool ok = true;
    for (size_t begin = 0, line = 0; begin < size || line == 0; begin = r.end + 1, line++) {
        const char *newline = memchr(text + begin, '\n', size - begin);
        r.at = r.word = begin;
        r.end = newline ? (size_t)(newline - text) : size;
        if (memchr(text + begin, '\0', r.end - begin)) {
            diag_error(&s->diags, E_SCHEDULES, here(&r), "a NUL in the line");
            ok = false;
        } else if (line == 0 ? !read_head(&r) : !read_line(&r, lines)) {
            ok = false;
            if (line == 0) break;
        }
    }
    return ok;
}

/* ---- writing, books -------------------------------------------------------------------------- */

const char *schedules_line(nfc_arena *a, const schedule_line *line)
{
    const char *text = arena_printf(a, "%s %016llx", words_of_lines[line->word], (unsigned long long)line->key);
    if (line->word != SCHEDULE_PICKED) text = arena_printf(a, "%s %s", text, sched_words(a, &line->s));
    if (line->us > 0) text = arena_printf(a, "%s us %.4g", text, line->us);
    if (line->tried) text = arena_printf(a, "%s tried %lld", text, (long long)line->tried);
    return *line->comment ? arena_printf(a, "%s   %s", text, line->comment) : text;
}

sched_book *schedules_book(nfc_arena *a, const schedule_lines *lines, const char *name)
{
    sched_book *book = ARENA_NEW(a, sched_book);
    nfc_map last; /* key -> line + 1 */
    map_init(&last, a);
    book->arena = a;
    for (int i = 0; i < lines->n; i++) {
        const schedule_line *line = &lines->at[i];
        if (line->word == SCHEDULE_TRIED || strcmp(line->device, name) != 0) continue;
        const char *key = arena_printf(a, "%llx", (unsigned long long)line->key);
        int at = (int)(intptr_t)map_get(&last, key) - 1;
        sched_entry e = {.key = line->key, .s = line->s, .at = line->at};
        if (line->word == SCHEDULE_PICKED) e.met = e.unfit = true; /* nothing to look for */
        if (at >= 0) book->entry.at[at] = e;
        else vec_push(a, &book->entry, e);
        map_set(&last, key, (void *)(intptr_t)(at >= 0 ? at + 1 : book->entry.n));
    }
    return book;
}

void schedules_warn(nfc_session *s, const sched_book *book)
{
    int strangers = 0;
    nfc_span first = NO_SPAN;
    for (int i = 0; i < book->entry.n; i++) {
        const sched_entry *e = &book->entry.at[i];
        if (!e->met && !strangers++) first = e->at;
        bool picked = e->unfit && e->s.lanes == 0;
        if (e->met && e->unfit && !picked) diag_warning(&s->diags, W_SCHEDULE, e->at, "the kernel cannot have this schedule any more");
    }
    if (strangers) diag_warning(&s->diags, W_SCHEDULE, first, strangers == 1 ? "the graph has no such kernel" : "the graph has no such kernel, as of %d lines in all", strangers);
}
