/* The IR as data: one tree that JSON and the text form write and read.
 *
 * Values are numbers, made dense by ir_number(); places are [file, line, column, length]; indices of
 * expressions are written %7 like the value that they stand for. Reading checks everything again:
 * types by the ops' own rules, structure by the verifier. */
#ifndef NFC_TREE_H
#define NFC_TREE_H

#include "frontend/json.h"
#include "ir/ir.h"

#define IR_SCHEMA "nfc.ir/1"

json_node *ir_to_tree(ir_module *m);
/* Builds a module; packages are looked for beside `path`, or where `models` say. Reports with
 * E_IR_FILE and returns NULL for anything that does not fit. */
typedef struct lower_options lower_options;
ir_module *ir_from_tree(nfc_session *s, const json_node *tree, const char *path, lower_options *options);

#endif
