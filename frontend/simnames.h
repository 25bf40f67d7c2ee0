/* The author's names at a point of the run: what the language would let a statement there say. */
#ifndef NFC_SIMNAMES_H
#define NFC_SIMNAMES_H

#include "ir/ir.h"

/* Calls visit for every name in sight before `at`, the latest first, so that of one name the first
 * call counts. It stops when visit returns true, and returns that. */
typedef bool sim_name_visit(void *env, const char *name, const ir_value *value);
bool sim_each_name(const ir_inst *at, sim_name_visit *visit, void *env);
/* The value of that name, or NULL. */
const ir_value *sim_find_name(const ir_inst *at, const char *name);

#endif
