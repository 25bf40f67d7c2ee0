/* The simulator's tensors and instructions as text: for its log, traces and debugger. All of it
 * goes straight to a stream, so that a run of a million instructions needs no memory for it. */
#ifndef NFC_SIMSHOW_H
#define NFC_SIMSHOW_H

#include <stdio.h>
#include "ir/sim.h"

enum { SHOW_ELEMENT = 40 }; /* bytes that the text of one element fits in */

/* An element's value, in as few digits as tell it from others: "0.1", "-3", "true", "nan". */
void show_element(char text[SHOW_ELEMENT], const sim_tensor *t, int64_t i);
/* "f32[1,64]" */
void show_type(FILE *to, const sim_tensor *t);
/* Part of a tensor, nested by axis: of axis k the elements from start[k] on, extent[k] of them; an
 * axis with extent SHOW_ONE is one index, and goes. */
enum { SHOW_ONE = -1 };
void show_part(FILE *to, const sim_tensor *t, const int64_t *start, const int64_t *extent);
/* The first few elements in row-major order, on one line. */
void show_preview(FILE *to, const sim_tensor *t);

typedef struct show_stats {
    int64_t least, most; /* where the extremes are; -1: there is nothing but NaN */
    double mean, std;    /* of the finite elements; std is the population's */
    int64_t nan, infinite;
} show_stats;

show_stats show_count(const sim_tensor *t);
/* "min -1 max 3 mean 0.5 std 1.2 nan 0"; std and nan only when `full`. */
void show_summary(FILE *to, const sim_tensor *t, bool full);

/* Did the author write it as a statement? Constants, weights and reads of index scalars are parts
 * of one. */
bool show_is_statement(const ir_inst *inst);
/* The name of a loop's variable. */
const char *show_loop_variable(const ir_inst *loop);
/* "mlp.nfg:12" */
void show_place(FILE *to, const ir_module *m, nfc_span at);
/* "matmul h": what an instruction does and the names that it makes. */
void show_what(FILE *to, const ir_inst *inst);
/* The operands as the author wrote them, with types: `a=h f32[1,64], b=model["w"] f32[64,10]`. */
void show_operands(FILE *to, sim *s, const ir_inst *inst);
/* ` axis=-1`: a blank before each that the author gave. */
void show_attributes(FILE *to, sim *s, const ir_inst *inst);
/* "attention/head"; nothing outside of scopes. */
void show_scope(FILE *to, const ir_scope *scope);

#endif
