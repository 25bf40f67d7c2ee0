/* The small functions that emitted code calls where its language has no operator with the meaning
 * that the kernel IR gives one: conversions, wrapping division, minima that keep NaNs. Each stands in
 * the emitted file only when it is used. A dialect keeps a table of them (*_helpers.def). */
#ifndef NFC_HELPERS_H
#define NFC_HELPERS_H

#include "codegen/dialect.h"

/* What KU_SIXTEENTH gives, as C. */
enum { SIXTEENTHS = 16 };
#define SIXTEENTHS_TEXT "1.81309485f, 1.89336741f, 1.97719395f, 2.06473184f, 2.15614533f, 2.25160599f, 2.35129309f, 2.45539379f, 2.56410336f, 2.67762589f, 2.79617453f, 2.9199717f, 3.04924989f, 3.18425179f, 3.3252306f, 3.47245121f"

typedef struct cg_helper {
    const char *name, *needs, *text; /* needs: other helpers, separated by blanks */
} cg_helper;

typedef struct cg_helpers {
    const cg_helper *at;
    size_t n;
    void (*put)(cg_module *c, const char *body); /* NULL: as it stands */
} cg_helpers;

/* Puts a helper, and before it what it calls, into the module's text once. */
void cg_use_helper(cg_module *c, const cg_helpers *table, const char *name);
/* The call of a helper, which is put there: "name(a, b)"; b may be NULL. */
const char *cg_call_helper(cg_module *c, const cg_helpers *table, const char *name, const char *a, const char *b);

extern const cg_helpers c_helpers, glsl_helpers;

/* checked.c: a symbolic integer of the host as C that sets the int named `overflow` when a part of it
 * leaves 64 bits. */
const char *cg_checked_index(cg_module *c, const ir_sx *x, const char *overflow);

#endif
