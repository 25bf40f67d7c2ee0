/* What the files that read a tree share. Every function reports what does not fit, once; r->failed
 * then says that nothing else counts. */
#ifndef NFC_TREE_READER_H
#define NFC_TREE_READER_H

#include "frontend/lower.h"
#include "ir/tree.h"

typedef struct tree_reader {
    nfc_session *s;
    ir_module *m;
    const char *path;
    lower_options *options;
    nfc_map dims;    /* name -> ir_sym */
    nfc_map scopes;  /* one object a path: scopes are compared by it */
    VEC(ir_value *) value; /* by id of the file */
    VEC(ir_block *) block;
    ir_graph *g;
    bool failed;
} tree_reader;

bool tree_bad(tree_reader *r, const json_node *n, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* The node must be an object with no other members than these ("at id name"). */
bool tree_members(tree_reader *r, const json_node *n, const char *known);
/* The member of this kind; NULL after a report. */
const json_node *tree_member(tree_reader *r, const json_node *n, const char *key, json_kind kind);
/* A member's text, interned; "" after a report. */
const char *tree_text(tree_reader *r, const json_node *n, const char *key);
/* A member's text that is a name as the language has them: it becomes part of code and paths. */
const char *tree_name(tree_reader *r, const json_node *n, const char *key);
/* A member's integer from lo to hi; lo after a report. */
int64_t tree_number(tree_reader *r, const json_node *n, const char *key, int64_t lo, int64_t hi);
nfc_span tree_place(tree_reader *r, const json_node *n);
ir_value *tree_value(tree_reader *r, const json_node *n, int64_t id);
const ir_sx *tree_expression(tree_reader *r, const json_node *n);
ir_state *tree_state(tree_reader *r, const json_node *n, int64_t id);
const ir_type *tree_type(tree_reader *r, const json_node *n);
/* Gives a value that was just made its id, place, name and bounds. */
bool tree_register(tree_reader *r, const json_node *n, ir_value *v);
bool tree_blocks(tree_reader *r, const json_node *list, ir_region *region);

#endif
