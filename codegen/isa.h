/* A program in several versions, one for each of several devices of a kind: which one runs is found out by init. */
#ifndef NFC_ISA_H
#define NFC_ISA_H

#include "codegen/program.h"

/* Orders devices from the one that needs most to the one that runs wherever the others do. Reports what cannot go together, or
 * cannot be asked for at run time, and returns false. */
bool cg_order_isas(nfc_session *s, const device **d, int n);
/* One program of several, each of the same module for a device; in the order of cg_order_isas(). NULL: reported. */
cg_program *cg_join_isas(nfc_session *s, const plan *const *planned, const device *const *d, int n, bool with_main);

/* NAME_isas.h and the source of each version. */
void cg_emit_isas(cg_program *p);
/* Of NAME.h: numbers and functions of the versions. Of NAME.c: the choice, and run functions that follow it. */
void cg_put_isa_header(cg_program *p, text *t);
void cg_put_isa_includes(cg_program *p, text *t);
void cg_put_isa_choice(cg_program *p, text *t);
void cg_put_isa_runs(cg_program *p, text *t);
/* The version that a file is the source of, or NULL. */
const cg_program *cg_version_of_file(const cg_program *p, const char *name);

#endif
