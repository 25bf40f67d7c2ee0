/* ai.onnx.ml: linear models and support vector machines, as matrix products. */
#include <string.h>
#include "frontend/onnx/ml.h"

/* a . b' + c */
static ir_value *product(mk *k, ir_value *a, ir_value *b, ir_value *c, bool transposed)
{
    ir_inst *inst = mk_begin(k, IR_gemm, c ? 3 : 2, (ir_value *[]){a, b, c});
    mk_int(inst, "transb", transposed);
    return mk_end(k, inst, 1);
}

/* What a list of coefficients must be as a matrix of `columns`; -1 after a report. */
static int64_t rows_of(im_node *n, int64_t count, const ir_sx *columns)
{
    int64_t c = sx_is_const(columns) ? sx_value(columns) : 0;
    if (c > 0 && count > 0 && count % c == 0) return count / c;
    im_fail(n, E_ATTR_VALUE, -1, "there are %lld coefficients for %s features", (long long)(count < 0 ? 0 : count), sx_text(n->o->s->arena, columns));
    return -1;
}

/* x . coefficients' + intercepts: [N, rows]; NULL after a report. */
static ir_value *linear_scores(im_node *n, ir_value *x, int64_t *rows)
{
    const double *w, *b;
    nfc_dtype t = x->type->dtype;
    int64_t count = ml_floats(n, "coefficients", &w), intercepts = ml_floats(n, "intercepts", &b);
    *rows = rows_of(n, count, x->type->dim[1]);
    if (*rows < 0) return NULL;
    if (intercepts > 0 && intercepts != *rows && intercepts != 1) {
        im_fail(n, E_ATTR_VALUE, -1, "there are %lld intercepts for %lld rows of coefficients", (long long)intercepts, (long long)*rows);
        return NULL;
    }
    return product(n->k, x, ml_matrix(n, t, *rows, count / *rows, w), intercepts > 0 ? ml_vector(n, t, intercepts, b) : NULL, true);
}

bool im_ml_linear_regressor(im_node *n)
{
    ir_value *x = ml_features(n);
    ml_post post = ml_post_of(n);
    int64_t rows;
    if (!x || post == ML_POST_COUNT) return false;
    ir_value *y = linear_scores(n, x, &rows);
    if (!y) return false;
    if (rows != im_int(n, "targets", 1)) return im_fail(n, E_ATTR_VALUE, -1, "targets is %lld; the coefficients are for %lld", (long long)im_int(n, "targets", 1), (long long)rows);
    return im_out(n, 0, mk_cast(n->k, ml_transform_targets(n->k, post, y), DT_f32));
}

static bool check_labels(im_node *n, const ml_labels *l, int64_t classes)
{
    return l->n == 0 || l->n == classes || im_fail(n, E_ATTR_VALUE, -1, "there are %lld labels for %lld classes", (long long)l->n, (long long)classes);
}

bool im_ml_linear_classifier(im_node *n)
{
    mk *k = n->k;
    ir_value *x = ml_features(n), *scores;
    ml_post post = ml_post_of(n);
    ml_labels labels;
    int64_t rows;
    if (!x || post == ML_POST_COUNT || !ml_labels_of(n, &labels) || !(scores = linear_scores(n, x, &rows))) return false;
    bool pair = rows == 1 && labels.n == 2;
    if (!pair && !check_labels(n, &labels, rows)) return false;
    ir_value *z = pair ? ml_transform_pair(k, post, scores, false) : ml_transform_targets(k, post, scores);
    im_out(n, 1, mk_cast(k, z, DT_f32));
    if (rows > 1) return ml_out_labels(n, &labels, ml_largest(k, scores));
    return ml_with_negative(n, &labels) && ml_out_labels(n, &labels, ml_is_over(k, scores, 0));
}

/* ---- support vectors --------------------------------------------------------------------------- */

/* The kernel of rows of x with each support vector: [N, V]. NULL after a report. */
static ir_value *kernel(im_node *n, ir_value *x, ir_value *vectors)
{
    mk *k = n->k;
    const char *type = im_text(n, "kernel_type", "LINEAR");
    const double *given = NULL;
    double gamma = 0, coef0 = 0, degree = 0;
    if (ml_floats(n, "kernel_params", &given) >= 3) gamma = given[0], coef0 = given[1], degree = given[2];
    if (strcmp(type, "RBF") == 0) {
        ir_value *apart = mk_op2(k, IR_sub, mk_unsqueeze(k, x, 1), mk_unsqueeze(k, vectors, 0));
        return mk_op1(k, IR_exp, ml_by(k, IR_mul, mk_reduce(k, IR_reduce_sum_square, apart, 4, false), -gamma));
    }
    ir_value *dot = product(k, x, vectors, NULL, true);
    if (strcmp(type, "LINEAR") == 0) return dot;
    dot = ml_by(k, IR_add, ml_by(k, IR_mul, dot, gamma), coef0);
    if (strcmp(type, "POLY") == 0) return ml_by(k, IR_pow, dot, degree);
    if (strcmp(type, "SIGMOID") == 0) return mk_op1(k, IR_tanh, dot);
    im_fail(n, E_ATTR_VALUE, -1, "kernel_type is '%s', but it is one of LINEAR, POLY, RBF, SIGMOID", type);
    return NULL;
}

/* The support vectors [V, C]; NULL after a report. */
static ir_value *support_vectors(im_node *n, const ir_value *x, int64_t count)
{
    const double *v;
    int64_t have = ml_floats(n, "support_vectors", &v);
    if (have > 0 && sx_is(x->type->dim[1], have / count) && have % count == 0) return ml_matrix(n, x->type->dtype, count, have / count, v);
    im_fail(n, E_ATTR_VALUE, -1, "support_vectors has %lld elements; %lld vectors of %s features are wanted", (long long)(have < 0 ? 0 : have), (long long)count, sx_text(n->o->s->arena, x->type->dim[1]));
    return NULL;
}

bool im_ml_svm_regressor(im_node *n)
{
    mk *k = n->k;
    ir_value *x = ml_features(n), *vectors = NULL;
    ml_post post = ml_post_of(n);
    const double *w, *rho;
    int64_t supports = im_int(n, "n_supports", 0), count = ml_floats(n, "coefficients", &w);
    if (!x || post == ML_POST_COUNT) return false;
    if (ml_floats(n, "rho", &rho) < 1) return im_fail(n, E_ATTR_MISSING, -1, "attribute 'rho' is missing");
    if (supports > 0) {
        if (count != supports) return im_fail(n, E_ATTR_VALUE, -1, "there are %lld coefficients for %lld support vectors", (long long)(count < 0 ? 0 : count), (long long)supports);
        vectors = support_vectors(n, x, supports);
        if (!vectors || !(x = kernel(n, x, vectors))) return false;
    } else if (rows_of(n, count, x->type->dim[1]) != 1) {
        return n->o->s->diags.errors ? false : im_fail(n, E_ATTR_VALUE, -1, "there are too many coefficients");
    }
    if (ir_is_poison(x)) return false;
    ir_value *y = product(k, x, ml_matrix(n, x->type->dtype, 1, count, w), ml_vector(n, x->type->dtype, 1, rho), true);
    if (im_int(n, "one_class", 0)) y = mk_op3(k, IR_where, ml_by(k, IR_greater, y, 0), mk_number(k, y->type->dtype, 1), mk_number(k, y->type->dtype, -1));
    return im_out(n, 0, mk_cast(k, ml_transform_targets(k, post, y), DT_f32));
}

/* The machines of a classifier: one for each pair (i, j) of classes, in the order (0, 1), (0, 2), ... */
typedef struct {
    im_node *n;
    nfc_dtype dtype;
    int64_t classes, vectors, pairs;
    int64_t *first; /* of each class its first vector; one more at the end */
    const double *coefficients, *rho;
} machines;

static bool read_machines(machines *m, const int64_t *per_class)
{
    im_node *n = m->n;
    enum { MOST = 1 << 26 };
    m->first = ARENA_ARRAY(n->o->s->arena, int64_t, m->classes + 1);
    for (int64_t i = 0; i < m->classes; i++) {
        if (per_class[i] < 0 || per_class[i] > IR_MAX_BOUND) return im_fail(n, E_ATTR_VALUE, -1, "vectors_per_class has %lld", (long long)per_class[i]);
        m->first[i + 1] = m->first[i] + per_class[i];
    }
    m->vectors = m->first[m->classes];
    m->pairs = m->classes * (m->classes - 1) / 2;
    int64_t count = ml_floats(n, "coefficients", &m->coefficients), rhos = ml_floats(n, "rho", &m->rho);
    if (m->classes < 2 || m->vectors < 1 || m->pairs * m->vectors > MOST) return im_fail(n, E_SIZE, -1, "%lld classes with %lld vectors", (long long)m->classes, (long long)m->vectors);
    if (count != (m->classes - 1) * m->vectors) return im_fail(n, E_ATTR_VALUE, -1, "there are %lld coefficients; (classes - 1) * vectors is %lld", (long long)(count < 0 ? 0 : count), (long long)((m->classes - 1) * m->vectors));
    return rhos >= m->pairs || im_fail(n, E_ATTR_VALUE, -1, "rho has %lld elements for %lld pairs of classes", (long long)(rhos < 0 ? 0 : rhos), (long long)m->pairs);
}

/* One column a pair: of the vectors of class i row j - 1 of the coefficients, of those of class j row i. */
static ir_value *pair_weights(const machines *m)
{
    double *w = ARENA_ARRAY(m->n->o->s->arena, double, m->vectors * m->pairs);
    int64_t pair = 0;
    for (int64_t i = 0; i < m->classes; i++)
        for (int64_t j = i + 1; j < m->classes; j++, pair++) {
            for (int64_t v = m->first[i]; v < m->first[i + 1]; v++) w[v * m->pairs + pair] = m->coefficients[(j - 1) * m->vectors + v];
            for (int64_t v = m->first[j]; v < m->first[j + 1]; v++) w[v * m->pairs + pair] = m->coefficients[i * m->vectors + v];
        }
    return ml_matrix(m->n, m->dtype, m->vectors, m->pairs, w);
}

/* The votes for each class: a pair's positive score is one for i, any other one for j. */
static ir_value *votes_of(const machines *m, ir_value *scores)
{
    mk *k = m->n->k;
    double *turn = ARENA_ARRAY(m->n->o->s->arena, double, m->pairs * m->classes), *base = ARENA_ARRAY(m->n->o->s->arena, double, m->classes);
    int64_t pair = 0;
    for (int64_t i = 0; i < m->classes; i++)
        for (int64_t j = i + 1; j < m->classes; j++, pair++) {
            turn[pair * m->classes + i] = 1;
            turn[pair * m->classes + j] = -1;
            base[j] += 1;
        }
    ir_value *positive = mk_cast(k, ml_by(k, IR_greater, scores, 0), m->dtype);
    return product(k, positive, ml_matrix(m->n, m->dtype, m->pairs, m->classes, turn), ml_vector(m->n, m->dtype, m->classes, base), false);
}

/* Probabilities of classes from those of pairs, sigmoids of their scores (J. Platt). NULL: none are asked for. */
static ir_value *probabilities(const machines *m, ir_value *scores, bool *failed)
{
    im_node *n = m->n;
    mk *k = n->k;
    const double *a, *b;
    int64_t na = ml_floats(n, "prob_a", &a), nb = ml_floats(n, "prob_b", &b), c = m->classes, pair = 0;
    *failed = false;
    if (na <= 0) return NULL;
    if (na != m->pairs || nb != m->pairs || c > 1024) {
        *failed = true;
        im_fail(n, E_ATTR_VALUE, -1, "prob_a and prob_b have %lld and %lld elements for %lld pairs of classes", (long long)na, (long long)(nb < 0 ? 0 : nb), (long long)m->pairs);
        return NULL;
    }
    ir_value *x = mk_op2(k, IR_add, mk_op2(k, IR_mul, scores, ml_vector(n, m->dtype, na, a)), ml_vector(n, m->dtype, nb, b));
    x = ml_sigmoid(k, mk_op1(k, IR_neg, x));
    x = mk_end(k, mk_begin(k, IR_clip, 3, (ir_value *[]){x, mk_number(k, m->dtype, 1e-7), mk_number(k, m->dtype, 1 - 1e-7)}), 1);
    int64_t *from = ARENA_ARRAY(n->o->s->arena, int64_t, c * c);
    double *sign = ARENA_ARRAY(n->o->s->arena, double, c * c), *base = ARENA_ARRAY(n->o->s->arena, double, c * c);
    for (int64_t i = 0; i < c; i++) {
        sign[i * c + i] = 1;
        for (int64_t j = i + 1; j < c; j++, pair++) {
            from[i * c + j] = from[j * c + i] = pair;
            sign[i * c + j] = 1;
            sign[j * c + i] = -1;
            base[j * c + i] = 1;
        }
    }
    x = mk_gather(k, x, mk_int_vector(k, DT_i64, (int)(c * c), from), 1);
    x = mk_op2(k, IR_add, mk_op2(k, IR_mul, x, ml_vector(n, m->dtype, c * c, sign)), ml_vector(n, m->dtype, c * c, base));
    if (ir_is_poison(x)) return x;
    return mk_op1(k, IR_pairwise_coupling, mk_reshape(k, x, 3, (const ir_sx *[]){mk_extent(x, 0), mk_sx(k, c), mk_sx(k, c)}));
}

static bool classify_by_vectors(im_node *n, ir_value *x, const int64_t *per_class, int count, const ml_labels *labels, ml_post post)
{
    mk *k = n->k;
    machines m = {.n = n, .dtype = x->type->dtype, .classes = count};
    bool failed;
    if (!read_machines(&m, per_class) || !check_labels(n, labels, m.classes)) return false;
    ir_value *vectors = support_vectors(n, x, m.vectors), *similar = vectors ? kernel(n, x, vectors) : NULL;
    if (!similar || ir_is_poison(similar)) return false;
    ir_value *scores = product(k, similar, pair_weights(&m), ml_vector(n, m.dtype, m.pairs, m.rho), false);
    ir_value *chances = probabilities(&m, scores, &failed), *z;
    if (failed) return false;
    if (chances) z = ml_transform(k, post, chances);
    else z = m.pairs == 1 ? ml_transform_pair(k, post, scores, post == ML_NONE) : ml_transform(k, post, scores);
    im_out(n, 1, mk_cast(k, z, DT_f32));
    return ml_out_labels(n, labels, ml_largest(k, votes_of(&m, scores)));
}

/* Without support vectors: a row of coefficients a class. */
static bool classify_linearly(im_node *n, ir_value *x, ml_labels *labels, ml_post post)
{
    mk *k = n->k;
    const double *w, *rho;
    int64_t classes = labels->n > 0 ? labels->n : 1, count = ml_floats(n, "coefficients", &w);
    if (ml_floats(n, "rho", &rho) < 1) return im_fail(n, E_ATTR_MISSING, -1, "attribute 'rho' is missing");
    int64_t rows = rows_of(n, count, x->type->dim[1]);
    if (rows < 0) return false;
    if (rows != classes) return im_fail(n, E_ATTR_VALUE, -1, "there are %lld rows of coefficients for %lld classes", (long long)rows, (long long)classes);
    ir_value *scores = product(k, x, ml_matrix(n, x->type->dtype, rows, count / rows, w), ml_vector(n, x->type->dtype, 1, rho), true);
    im_out(n, 1, mk_cast(k, ml_transform_targets(k, post, scores), DT_f32));
    if (classes > 1) return ml_out_labels(n, labels, ml_largest(k, scores));
    return ml_with_negative(n, labels) && ml_out_labels(n, labels, ml_is_over(k, scores, 0));
}

bool im_ml_svm_classifier(im_node *n)
{
    const int64_t *per_class;
    ir_value *x = ml_features(n);
    ml_post post = ml_post_of(n);
    ml_labels labels;
    int count = im_ints(n, "vectors_per_class", &per_class);
    if (!x || post == ML_POST_COUNT || !ml_labels_of(n, &labels)) return false;
    return count > 0 ? classify_by_vectors(n, x, per_class, count, &labels, post) : classify_linearly(n, x, &labels, post);
}
