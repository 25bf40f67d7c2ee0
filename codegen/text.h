/* Text under construction: appended piece by piece, with indentation. */
#ifndef NFC_TEXT_H
#define NFC_TEXT_H

#include <stdio.h>
#include <stdbool.h>
#include "ir/arena.h"

typedef struct text {
    nfc_arena *arena;
    char *at;
    size_t n, cap;
    int indent; /* levels of four blanks, put before the next line */
    bool mid_line;
} text;

text *text_new(nfc_arena *arena);
/* Appends; a line that begins gets the indentation. */
void put(text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* put() and the end of the line. */
void line(text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void end_line(text *t); /* or an empty line */
void open_brace(text *t, const char *format, ...) __attribute__((format(printf, 2, 3))); /* "... {" */
void close_brace(text *t);
/* Appends a text as it is, without indentation. */
void put_raw(text *t, const char *s);
/* A C string literal of any text, with what C could misread escaped. */
void put_string(text *t, const char *s);
/* Text for a comment: nothing in it can end the comment. */
const char *comment_safe(nfc_arena *a, const char *s);
/* The same for the inside of a string literal. */
const char *string_safe(nfc_arena *a, const char *s);

#endif
