/* Sequences and optionals as tensors.
 *
 * A sequence is its elements side by side: data [count, extents...]. Where their extents differ (a ragged
 * axis) the elements lie in the largest, and shapes i64 [count, ragged axes] has each one's own. A
 * sequence that was made element by element is kept so as long as that will do. An optional is a
 * bool beside what it holds. */
#ifndef NFC_ONNX_CONTAINERS_H
#define NFC_ONNX_CONTAINERS_H

#include "frontend/onnx/import.h"

typedef struct im_list {
    bool typed;                  /* false: empty, and nothing says what elements would be */
    nfc_dtype dtype;             /* of the elements */
    bool text;
    int rank;
    bool ragged[IR_MAX_RANK];
    const ir_sx *dim[IR_MAX_RANK]; /* of an axis that is not ragged */
    int64_t most[IR_MAX_RANK];   /* of one that is */
    ir_value *data, *shapes;     /* shapes: NULL without a ragged axis */
    int nitem;
    im_value **item;             /* the elements, if they are known one by one; data is NULL then */
} im_list;

typedef struct im_maybe {
    ir_value *has;               /* bool [] */
    im_value *inner;             /* NULL: empty, and nothing says what it would hold */
} im_maybe;

im_value *im_list_value(importer *o, const char *name, im_list *list);
/* The list with its elements side by side; itself when it is untyped. */
im_list *im_stacked(importer *o, im_list *list);
/* The same elements in another form: more axes ragged, larger most[]. */
im_list *im_reformed(importer *o, im_list *list, const bool *ragged, const int64_t *most);
/* A form that both fit; false: they have nothing in common, which is not reported. */
bool im_common_form(im_list *a, im_list *b, bool *ragged, int64_t *most);
/* An empty list whose elements are as those of another one. */
im_list *im_empty_like(importer *o, const im_list *like, const bool *ragged, const int64_t *most);
const ir_sx *im_list_count(importer *o, im_list *list);
/* Element `at` of a list that is not empty: at lies from 0 to count - 1. */
ir_value *im_list_at(importer *o, im_list *list, const ir_sx *at);
im_value *im_maybe_value(importer *o, const char *name, ir_value *has, im_value *inner);
im_list *im_promoted(importer *o, im_list *list, int rank);
int im_ragged_axes(const im_list *list);

#endif
