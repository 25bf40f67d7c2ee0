#include "codegen/text.h"

#include <stdarg.h>
#include <string.h>

text *text_new(nfc_arena *arena)
{
    text *t = ARENA_NEW(arena, text);
    t->arena = arena;
    return t;
}

static void append(text *t, const char *s, size_t n)
{
    if (t->n + n + 1 > t->cap) {
        size_t cap = t->cap ? 2 * t->cap : 4096;
        while (cap < t->n + n + 1) cap *= 2;
        t->at = arena_grow(t->arena, t->at, t->n, cap);
        t->cap = cap;
    }
    memcpy(t->at + t->n, s, n);
    t->n += n;
    t->at[t->n] = 0;
}

/* Copies piece by piece, so that every line inside gets its indentation. */
static void append_lines(text *t, const char *s)
{
    while (*s) {
        size_t n = strcspn(s, "\n");
        if (!t->mid_line && n)
            for (int i = 0; i < t->indent; i++) append(t, "    ", 4);
        append(t, s, n);
        t->mid_line = s[n] != '\n' && (t->mid_line || n);
        if (s[n] == '\n') append(t, s + n++, 1);
        s += n;
    }
}

static void vput(text *t, const char *format, va_list args)
{
    char small[256];
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(small, sizeof small, format, args);
    if (n >= 0 && (size_t)n < sizeof small) append_lines(t, small);
    else append_lines(t, arena_vprintf(t->arena, format, again));
    va_end(again);
}

void put(text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vput(t, format, args);
    va_end(args);
}

void line(text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vput(t, format, args);
    va_end(args);
    end_line(t);
}

void end_line(text *t)
{
    append(t, "\n", 1);
    t->mid_line = false;
}

void open_brace(text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vput(t, format, args);
    va_end(args);
    append(t, " {\n", 3);
    t->mid_line = false;
    t->indent++;
}

void close_brace(text *t)
{
    t->indent--;
    line(t, "}");
}

void put_raw(text *t, const char *s)
{
    append(t, s, strlen(s));
    t->mid_line = false;
}

void put_string(text *t, const char *s)
{
    put(t, "\"");
    for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
        if (*p == '"' || *p == '\\') put(t, "\\%c", *p);
        else if (*p < ' ' || *p >= 0x7f || *p == '?') put(t, "\\%03o", *p); /* '?': trigraphs */
        else put(t, "%c", *p);
    }
    put(t, "\"");
}

const char *comment_safe(nfc_arena *a, const char *s)
{
    char *out = arena_strdup(a, s);
    for (char *p = out; *p; p++) {
        bool ends = (*p == '*' && p[1] == '/') || (*p == '/' && p[1] == '*');
        if ((unsigned char)*p < ' ' || (unsigned char)*p >= 0x7f || *p == '\\' || ends || (*p == '?' && p[1] == '?')) *p = '.';
    }
    return out;
}

const char *string_safe(nfc_arena *a, const char *s)
{
    s = comment_safe(a, s);
    char *out = arena_alloc(a, 2 * strlen(s) + 1), *to = out;
    for (; *s; s++) {
        if (*s == '"') *to++ = '\\';
        *to++ = *s;
    }
    return out;
}
