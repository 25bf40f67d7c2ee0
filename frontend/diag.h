/* Diagnostics: collected with their places, printed together, never more than twenty errors.
 *
 * A message says what is wrong in the author's terms; notes point at the other place; help says what
 * to write instead. Codes, titles and explanations are the rows of diag.def. */
#ifndef NFC_DIAG_H
#define NFC_DIAG_H

#include <stdbool.h>
#include <stdio.h>
#include "frontend/source.h"

typedef enum diag_code {
#define DIAG(code, name, title, text) name,
#include "frontend/diag.def"
#undef DIAG
    DIAG_COUNT
} diag_code;

typedef enum { DIAG_ERROR, DIAG_WARNING } diag_severity;

typedef struct diag_note_row {
    nfc_span at;
    const char *text;
    bool help;
} diag_note_row;

typedef struct nfc_diag {
    struct nfc_diags *owner;
    diag_code code;
    diag_severity severity;
    nfc_span at;
    const char *where; /* stands for the place when there is no span: a file name, --option */
    const char *text;
    VEC(diag_note_row) note;
} nfc_diag;

typedef struct nfc_diags {
    nfc_arena *arena;
    nfc_sources *sources;
    VEC(nfc_diag *) row;
    int errors, warnings; /* all that were reported, also beyond the limit */
    int exit_code;        /* the verb's exit status: the first error's class decides */
    bool json, colour, quiet;
} nfc_diags;

enum { DIAG_LIMIT = 20 };

/* Each returns the row, so that notes and help can be added; never NULL. */
nfc_diag *diag_error(nfc_diags *diags, diag_code code, nfc_span at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
nfc_diag *diag_warning(nfc_diags *diags, diag_code code, nfc_span at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* As diag_error, for things without a line: `where` is a file, a tensor of a package, an option. */
nfc_diag *diag_error_in(nfc_diags *diags, diag_code code, const char *where, const char *format,
                        ...) __attribute__((format(printf, 4, 5)));
void diag_note(nfc_diag *diag, nfc_span at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void diag_help(nfc_diag *diag, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds "did you mean 'x'?" when one of the candidates (NULL-terminated) is near the word. */
bool diag_suggest(nfc_diag *diag, const char *word, const char *const *candidates);
/* The same, or else a list of all that there are, if they are few: "%s a, b and c". */
void diag_choices(nfc_diag *diag, const char *word, const char *const *candidates, const char *these_are);
/* The candidate within a third of the word's length in edits, or NULL. */
const char *nearest_word(const char *word, const char *const *candidates);

/* Prints and forgets what was collected; returns the number of errors so far. */
int diag_flush(nfc_diags *diags, FILE *to);

const char *diag_code_text(diag_code code);  /* "NFC0101" */
const char *diag_title(diag_code code);
const char *diag_explanation(diag_code code);
/* The code with this text ("NFC0101" or "101"), or DIAG_COUNT. */
diag_code diag_lookup(const char *text);
/* What the process should exit with when an error of this code decides: see diag.def's bands. */
int diag_exit_code(diag_code code);
/* Writes text with control characters escaped, so that a file cannot drive the terminal. */
void print_safe(FILE *to, const char *text, size_t n);
void print_json_string(FILE *to, const char *text);

#endif
