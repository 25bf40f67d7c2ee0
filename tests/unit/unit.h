/* What the unit tests share: a session, modules from text, chance that is the same on every machine.
 *
 * A file per part of the compiler; Criterion runs every Test in a process of its own. */
#ifndef UNIT_H
#define UNIT_H

#include <criterion/criterion.h>
#include "ir/ir.h"

/* A new session; the op table is ready. */
nfc_session *unit_session(void);
/* The module of a .nfg text, which must be right. */
ir_module *unit_module(nfc_session *s, const char *nfg);
/* An empty module, and the place 1:1 in its source. */
ir_module *unit_empty(nfc_session *s);
nfc_span unit_place(void);
/* The instruction with this op, counted from 0 in the order of the text; it must be there. */
ir_inst *unit_inst(ir_module *m, ir_op op, int n);

/* The text of the last error that was reported; "" when there was none. */
const char *unit_error(const nfc_session *s);
/* Does the text contain the part? NULL contains nothing. */
bool unit_has(const char *text, const char *part);

/* A number from 0 to n - 1, or from lo to hi. The state must not be 0. */
uint64_t unit_below(uint64_t *state, uint64_t n);
int64_t unit_between(uint64_t *state, int64_t lo, int64_t hi);

/* A new file in the temporary folder with these bytes; it goes at the end of the test. */
const char *unit_file(nfc_session *s, const void *bytes, size_t n);
/* A name for one, where nothing is yet. */
const char *unit_path(nfc_session *s);

#endif
