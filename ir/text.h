/* The IR as text: `nfc export --format=ir`, dumps, and what parses back to the same IR. */
#ifndef NFC_IR_TEXT_H
#define NFC_IR_TEXT_H

#include "frontend/json.h"
#include "ir/ir.h"

void ir_print_text(FILE *to, ir_module *m);
/* The tree of a text; reports and returns NULL when it is malformed. */
json_node *ir_text_tree(nfc_session *s, uint32_t file, const char *text, size_t size);

#endif
