/* What the operators of ai.onnx.ml share: tables of attributes, labels of classes, what becomes of scores.
 *
 * Scores are worked out in f64 for operands of f64, else in f32, and leave as f32 where the standard says so.
 * Where the standard is vague, results are ONNX Runtime's: tests/onnx/ml holds what that makes of such models. */
#ifndef NFC_ONNX_ML_H
#define NFC_ONNX_ML_H

#include "frontend/onnx/import.h"

/* Operand 0 as [N, C] of f64 or f32; a vector is one row. NULL after a report. */
ir_value *ml_features(im_node *n);
/* The floats of an attribute, or of the tensor NAME_as_tensor: their count, -1 where there are none. */
int64_t ml_floats(im_node *n, const char *name, const double **values);
/* Vectors of numbers known at compile time; v[i] are rounded to the type. */
ir_value *ml_vector(im_node *n, nfc_dtype dtype, int64_t count, const double *v);
ir_value *ml_matrix(im_node *n, nfc_dtype dtype, int64_t rows, int64_t columns, const double *v);
/* The strings of an attribute as words [K, L]; NULL when it is absent, poison after a report. */
ir_value *ml_words(im_node *n, const char *name);
/* One word [1, L]. */
ir_value *ml_word(im_node *n, const char *text);
bool ml_is_text(const im_node *n, int i);

/* x and y, with a number in the type of the other one. */
ir_value *ml_by(mk *k, ir_op op, ir_value *x, double number);
ir_value *ml_from(mk *k, ir_op op, double number, ir_value *y);
ir_value *ml_sigmoid(mk *k, ir_value *x);
ir_value *ml_columns(mk *k, ir_value *a, ir_value *b);

/* What `post_transform` makes of scores [N, E]. */
typedef enum { ML_NONE, ML_SOFTMAX, ML_LOGISTIC, ML_SOFTMAX_ZERO, ML_PROBIT, ML_POST_COUNT } ml_post;
ml_post ml_post_of(im_node *n); /* ML_POST_COUNT after a report */
ir_value *ml_transform(mk *k, ml_post post, ir_value *scores);
/* Of a regression: a single score stays what it is, except for PROBIT. */
ir_value *ml_transform_targets(mk *k, ml_post post, ir_value *scores);
/* Of two classes with one score s for the second: [1 - s, s], or [-s, s]. */
ir_value *ml_transform_pair(mk *k, ml_post post, ir_value *score, bool mirrored);

/* The labels of a classifier: ints, strings, or none. */
typedef struct ml_labels {
    int64_t n;
    ir_value *values; /* [n] of i64, or words; NULL: there are none */
    bool text;
} ml_labels;
bool ml_labels_of(im_node *n, ml_labels *l);
/* Result 0 of the node: the labels of classes [N], each from 0 to l->n - 1. */
bool ml_out_labels(im_node *n, const ml_labels *l, ir_value *classes);
/* Which score of each row is the largest: i64 [N]. */
ir_value *ml_largest(mk *k, ir_value *scores);
/* Of scores [N, 1]: 1 where one is over the bound, else 0; i64 [N]. */
ir_value *ml_is_over(mk *k, ir_value *score, double bound);
/* One label alone stands for a score over the bound; the other one is 0, or no text. */
bool ml_with_negative(im_node *n, ml_labels *l);

#endif
