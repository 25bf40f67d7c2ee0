/* ai.onnx.ml: decision trees, of the node lists that operator sets 1, 3 and 5 have, as the tables of
 * tree_ensemble. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "frontend/onnx/ml.h"
#include "ir/shape.h"

/* The tables on their way: what is negative in true_to, false_to and root is -1 - a leaf. */
typedef struct {
    im_node *n;
    nfc_arena *arena;
    VEC(int32_t) feature, true_to, false_to, root, target, first;
    VEC(uint8_t) mode;
    VEC(double) threshold, weight;
} forest;

static int32_t leaf(int64_t i) { return (int32_t)(-1 - i); }

static ir_value *int_table(const forest *f, int count, const int32_t *data)
{
    const ir_sx *dim = mk_sx(f->n->k, count);
    return mk_const(f->n->k, ir_tensor(f->n->o->m, DT_i32, 1, &dim), count ? data : (const int32_t[1]){0});
}

static ir_value *byte_table(const forest *f, int count, const uint8_t *data)
{
    const ir_sx *dim = mk_sx(f->n->k, count);
    return mk_const(f->n->k, ir_tensor(f->n->o->m, DT_u8, 1, &dim), data);
}

/* Every leaf has one vote: then its number is the vote's. */
static bool one_vote_each(const forest *f)
{
    for (int i = 0; i < f->first.n; i++)
        if (f->first.at[i] != i) return false;
    return true;
}

/* The scores [N, targets]; NULL after a report. */
static ir_value *run_forest(forest *f, ir_value *x, int64_t targets, const char *aggregate)
{
    im_node *n = f->n;
    nfc_dtype t = x->type->dtype;
    int nodes = f->feature.n;
    int32_t *next = ARENA_ARRAY(f->arena, int32_t, 2 * (int64_t)nodes + 1);
    for (int i = 0; i < nodes; i++) {
        next[2 * i] = f->true_to.at[i];
        next[2 * i + 1] = f->false_to.at[i];
    }
    int64_t depth = tree_depth(f->arena, nodes, next, f->root.n, f->root.at);
    if (depth < 0) {
        im_fail(n, E_ATTR_VALUE, -1, "the nodes of a tree lead round in a circle");
        return NULL;
    }
    bool simple = one_vote_each(f);
    ir_value *in[] = {x, int_table(f, nodes, f->feature.at), ml_vector(n, t, nodes, f->threshold.at), byte_table(f, nodes, f->mode.at), int_table(f, nodes, f->true_to.at), int_table(f, nodes, f->false_to.at),
                      int_table(f, f->root.n, f->root.at), int_table(f, f->target.n, f->target.at), ml_vector(n, t, f->weight.n, f->weight.at), simple ? NULL : int_table(f, f->first.n, f->first.at)};
    for (int i = 1; i < (simple ? 9 : 10); i++) in[i]->name = op_get(IR_tree_ensemble)->in[i].name;
    ir_inst *inst = mk_begin(n->k, IR_tree_ensemble, simple ? 9 : 10, in);
    mk_int(inst, "n_targets", targets);
    mk_int(inst, "depth", depth);
    mk_text(n->k, inst, "aggregate", aggregate);
    return mk_end(n->k, inst, 1);
}

/* ---- operator sets 1 and 3: nodes by the number of their tree and their own ------------------------- */

typedef struct {
    int64_t tree, node;
    int at; /* in the attributes' lists */
} node_key;

static int by_key(const void *a, const void *b)
{
    const node_key *x = a, *y = b;
    if (x->tree != y->tree) return x->tree < y->tree ? -1 : 1;
    if (x->node != y->node) return x->node < y->node ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* The lists of a node of the model. */
typedef struct {
    forest *f;
    int count;
    const int64_t *treeids, *nodeids, *featureids, *yes, *no, *missing; /* missing may be NULL */
    const double *values;
    uint8_t *mode;    /* LEAF: no comparison */
    node_key *key;    /* sorted */
    int32_t *number;  /* of each node: its place among the nodes or, as leaf(), among the leaves */
    int leaves;
} node_list;

enum { LEAF = 255 };

static bool read_ints(im_node *n, const char *name, int count, const int64_t **values)
{
    int have = im_ints(n, name, values);
    return have == count || im_fail(n, E_ATTR_VALUE, -1, "%s has %d elements; there are %d nodes", name, have < 0 ? 0 : have, count);
}

static bool read_modes(node_list *l)
{
    static const char *const names[] = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"};
    im_node *n = l->f->n;
    const onnx_attribute *a = im_attr(n, "nodes_modes");
    if (!a || a->n_strings != (size_t)l->count) return im_fail(n, E_ATTR_VALUE, -1, "nodes_modes has %zu elements; there are %d nodes", a ? a->n_strings : 0, l->count);
    l->mode = ARENA_ARRAY(l->f->arena, uint8_t, l->count + 1);
    for (int i = 0; i < l->count; i++) {
        const char *mode = onnx_text(n->o->file, &a->strings[i]);
        int m = 0;
        while (m < 6 && mode && strcmp(mode, names[m]) != 0) m++;
        l->mode[i] = m < 6 ? (uint8_t)m : LEAF;
        if (m == 6 && (!mode || strcmp(mode, "LEAF") != 0)) return im_fail(n, E_ATTR_VALUE, -1, "node %d has the mode '%s'", i, mode ? mode : "");
        if (l->missing && l->missing[i] && m < 6) l->mode[i] |= 8;
    }
    return true;
}

static bool read_nodes(node_list *l)
{
    im_node *n = l->f->n;
    l->count = im_ints(n, "nodes_treeids", &l->treeids);
    if (l->count <= 0) return im_fail(n, E_ATTR_MISSING, -1, "there are no nodes");
    if (!read_ints(n, "nodes_nodeids", l->count, &l->nodeids) || !read_ints(n, "nodes_featureids", l->count, &l->featureids)) return false;
    if (!read_ints(n, "nodes_truenodeids", l->count, &l->yes) || !read_ints(n, "nodes_falsenodeids", l->count, &l->no)) return false;
    l->missing = NULL;
    if (im_ints(n, "nodes_missing_value_tracks_true", &l->missing) > 0 && !read_ints(n, "nodes_missing_value_tracks_true", l->count, &l->missing)) return false;
    int64_t values = ml_floats(n, "nodes_values", &l->values);
    if (values != l->count) return im_fail(n, E_ATTR_VALUE, -1, "nodes_values has %lld elements; there are %d nodes", (long long)(values < 0 ? 0 : values), l->count);
    return read_modes(l);
}

/* The node of a tree, by bisection; -1: there is none. */
static int find_node(const node_list *l, int64_t tree, int64_t node)
{
    int lo = 0, hi = l->count;
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2;
        const node_key *k = &l->key[mid];
        if (k->tree < tree || (k->tree == tree && k->node < node)) lo = mid + 1;
        else hi = mid;
    }
    return lo < l->count && l->key[lo].tree == tree && l->key[lo].node == node ? l->key[lo].at : -1;
}

static bool number_nodes(node_list *l)
{
    im_node *n = l->f->n;
    l->key = ARENA_ARRAY(l->f->arena, node_key, l->count);
    l->number = ARENA_ARRAY(l->f->arena, int32_t, l->count);
    int nodes = 0;
    for (int i = 0; i < l->count; i++) {
        l->key[i] = (node_key){l->treeids[i], l->nodeids[i], i};
        l->number[i] = l->mode[i] == LEAF ? leaf(l->leaves++) : nodes++;
    }
    qsort(l->key, (size_t)l->count, sizeof *l->key, by_key);
    for (int i = 1; i < l->count; i++)
        if (l->key[i].tree == l->key[i - 1].tree && l->key[i].node == l->key[i - 1].node) return im_fail(n, E_ATTR_VALUE, -1, "tree %lld has two nodes %lld", (long long)l->key[i].tree, (long long)l->key[i].node);
    return true;
}

/* A tree's root is the first of its nodes in the lists. */
static void find_roots(node_list *l)
{
    for (int i = 0; i < l->count;) {
        int first = l->key[i].at;
        int64_t tree = l->key[i].tree;
        for (; i < l->count && l->key[i].tree == tree; i++)
            if (l->key[i].at < first) first = l->key[i].at;
        vec_push(l->f->arena, &l->f->root, l->number[first]);
    }
}

static bool add_branches(node_list *l, const ir_value *x)
{
    forest *f = l->f;
    for (int i = 0; i < l->count; i++) {
        if (l->mode[i] == LEAF) continue;
        int yes = find_node(l, l->treeids[i], l->yes[i]), no = find_node(l, l->treeids[i], l->no[i]);
        if (yes < 0 || no < 0) return im_fail(f->n, E_ATTR_VALUE, -1, "node %lld of tree %lld leads to %lld, which the tree does not have", (long long)l->nodeids[i], (long long)l->treeids[i], (long long)(yes < 0 ? l->yes[i] : l->no[i]));
        if (l->featureids[i] < 0 || l->featureids[i] >= sx_min(x->type->dim[1])) return im_fail(f->n, E_ATTR_VALUE, -1, "node %lld of tree %lld looks at feature %lld of %s", (long long)l->nodeids[i], (long long)l->treeids[i], (long long)l->featureids[i], sx_text(f->arena, x->type->dim[1]));
        vec_push(f->arena, &f->feature, (int32_t)l->featureids[i]);
        vec_push(f->arena, &f->threshold, l->values[i]);
        vec_push(f->arena, &f->mode, l->mode[i]);
        vec_push(f->arena, &f->true_to, l->number[yes]);
        vec_push(f->arena, &f->false_to, l->number[no]);
    }
    return true;
}

/* The votes PREFIX_treeids, _nodeids, _ids, _weights, sorted by leaves; each leaf's keep their order. */
static bool add_votes(node_list *l, const char *prefix, int64_t targets)
{
    forest *f = l->f;
    im_node *n = f->n;
    const int64_t *tree, *node, *id;
    const double *weight;
    int count = im_ints(n, session_printf(n->o->s, "%s_ids", prefix), &id);
    int64_t weights = ml_floats(n, session_printf(n->o->s, "%s_weights", prefix), &weight);
    if (count <= 0 || im_ints(n, session_printf(n->o->s, "%s_treeids", prefix), &tree) != count || im_ints(n, session_printf(n->o->s, "%s_nodeids", prefix), &node) != count || weights != count)
        return im_fail(n, E_ATTR_VALUE, -1, "the lists %s_treeids, %s_nodeids, %s_ids and %s_weights must be of one length, which is not 0", prefix, prefix, prefix, prefix);
    int32_t *of = ARENA_ARRAY(f->arena, int32_t, count), *begin = ARENA_ARRAY(f->arena, int32_t, l->leaves + 1);
    for (int i = 0; i < count; i++) {
        int at = find_node(l, tree[i], node[i]);
        if (at < 0 || l->number[at] >= 0) return im_fail(n, E_ATTR_VALUE, -1, "node %lld of tree %lld has a weight, but is no leaf", (long long)node[i], (long long)tree[i]);
        if (id[i] < 0 || id[i] >= targets) return im_fail(n, E_ATTR_VALUE, -1, "%s_ids has %lld; there are %lld", prefix, (long long)id[i], (long long)targets);
        of[i] = -1 - l->number[at];
        begin[of[i] + 1]++;
    }
    for (int i = 0; i < l->leaves; i++) begin[i + 1] += begin[i];
    for (int i = 0; i <= l->leaves; i++) vec_push(f->arena, &f->first, begin[i]);
    for (int i = 0; i < count; i++) {
        vec_push(f->arena, &f->target, 0);
        vec_push(f->arena, &f->weight, 0.0);
    }
    for (int i = 0; i < count; i++) {
        int32_t at = begin[of[i]]++;
        f->target.at[at] = (int32_t)id[i];
        f->weight.at[at] = weight[i];
    }
    return true;
}

static bool read_forest(forest *f, const ir_value *x, const char *prefix, int64_t targets)
{
    node_list l = {.f = f};
    if (targets < 1 || targets > TREE_MAX_TARGETS) return im_fail(f->n, E_ATTR_VALUE, -1, "there are %lld targets; nfc has room for 1 to %d", (long long)targets, TREE_MAX_TARGETS);
    if (!read_nodes(&l) || !number_nodes(&l) || !add_branches(&l, x) || !add_votes(&l, prefix, targets)) return false;
    find_roots(&l);
    return true;
}

/* Base values for all targets, or one for all of them. NULL: none, or after a report. */
static ir_value *base_values(im_node *n, nfc_dtype t, int64_t targets)
{
    const double *v;
    int64_t count = ml_floats(n, "base_values", &v);
    if (count <= 0) return NULL;
    if (count == targets || count == 1) return ml_vector(n, t, count, v);
    im_fail(n, E_ATTR_VALUE, -1, "base_values has %lld elements for %lld targets", (long long)count, (long long)targets);
    return NULL;
}

bool im_ml_tree_regressor(im_node *n)
{
    mk *k = n->k;
    ir_value *x = ml_features(n), *y;
    ml_post post = ml_post_of(n);
    int64_t targets = im_int(n, "n_targets", 1);
    forest f = {.n = n, .arena = n->o->s->arena};
    int errors = n->o->s->diags.errors;
    if (!x || post == ML_POST_COUNT || !read_forest(&f, x, "target", targets)) return false;
    const char *aggregate = im_text(n, "aggregate_function", "SUM");
    bool known = strcmp(aggregate, "SUM") == 0 || strcmp(aggregate, "AVERAGE") == 0 || strcmp(aggregate, "MIN") == 0 || strcmp(aggregate, "MAX") == 0;
    if (!known) return im_fail(n, E_ATTR_VALUE, -1, "aggregate_function is '%s', but it is one of SUM, AVERAGE, MIN, MAX", aggregate);
    if (!(y = run_forest(&f, x, targets, aggregate))) return false;
    ir_value *base = base_values(n, x->type->dtype, targets);
    if (n->o->s->diags.errors > errors) return false;
    if (base) y = mk_op2(k, IR_add, y, base);
    return im_out(n, 0, mk_cast(k, ml_transform_targets(k, post, y), DT_f32));
}

/* ---- classes --------------------------------------------------------------------------------- */

static bool all_positive(const forest *f)
{
    for (int i = 0; i < f->weight.n; i++)
        if (f->weight.at[i] < 0) return false;
    return true;
}

/* The one target that all votes are for, or -1. */
static int only_target(const forest *f)
{
    for (int i = 1; i < f->target.n; i++)
        if (f->target.at[i] != f->target.at[0]) return -1;
    return f->target.n ? f->target.at[0] : -1;
}

/* Two classes whose votes are all for one: a score over 0.5, or over 0 where weights may be negative, is
 * for the second class. Votes for the first class count for the second one too. */
static bool classify_pair(im_node *n, const forest *f, ir_value *scores, int only, const ml_labels *labels, ml_post post)
{
    mk *k = n->k;
    ir_value *score = mk_slice(k, scores, 1, mk_sx(k, only), mk_sx(k, only + 1));
    ir_value *z = only == 0 ? ml_transform_pair(k, post, score, !all_positive(f)) : ml_transform(k, post, scores);
    im_out(n, 1, mk_cast(k, z, DT_f32));
    return ml_out_labels(n, labels, ml_is_over(k, score, all_positive(f) ? 0.5 : 0));
}

bool im_ml_tree_classifier(im_node *n)
{
    mk *k = n->k;
    ir_value *x = ml_features(n), *scores;
    ml_post post = ml_post_of(n);
    ml_labels labels;
    forest f = {.n = n, .arena = n->o->s->arena};
    int errors = n->o->s->diags.errors;
    if (!x || post == ML_POST_COUNT || !ml_labels_of(n, &labels)) return false;
    if (labels.n == 0) return im_fail(n, E_ATTR_MISSING, -1, "there are no labels of classes");
    if (!read_forest(&f, x, "class", labels.n) || !(scores = run_forest(&f, x, labels.n, "SUM"))) return false;
    ir_value *base = base_values(n, x->type->dtype, labels.n);
    if (n->o->s->diags.errors > errors) return false;
    if (base) scores = mk_op2(k, IR_add, scores, base);
    int only = labels.n == 2 ? only_target(&f) : -1;
    if (only >= 0) return classify_pair(n, &f, scores, only, &labels, post);
    im_out(n, 1, mk_cast(k, ml_transform_targets(k, post, scores), DT_f32));
    if (labels.n == 1) return ml_with_negative(n, &labels) && ml_out_labels(n, &labels, ml_is_over(k, scores, 0));
    return ml_out_labels(n, &labels, ml_largest(k, scores));
}

/* ---- operator set 5: nodes and leaves by their places -------------------------------------------- */

/* A tensor attribute of `count` elements (-1: any number); NULL after a report, or when it is absent and may be. */
static const void *tensor_list(im_node *n, const char *name, bool needed, int64_t *count, nfc_dtype *dtype)
{
    ir_value *v = im_tensor_attr(n, name);
    if (v && ir_is_poison(v)) return NULL;
    if (!v || v->type->rank != 1) {
        if (needed || v) im_fail(n, E_ATTR_MISSING, -1, "there is no list %s", name);
        return NULL;
    }
    *count = ir_max_elements(v->type);
    *dtype = v->type->dtype;
    return ir_const_bytes(v);
}

typedef struct {
    forest *f;
    int count;
    const int64_t *featureids, *yes, *no, *yes_leaf, *no_leaf, *missing, *targetids;
    int leaves;
    const void *members; /* of all sets in the order of the nodes, each ended by a NaN */
    int64_t member, nmember;
    nfc_dtype member_type;
    int32_t *number; /* of each node: the first of those that it became */
} place_list;

static int32_t goes_to(const place_list *l, int64_t to, bool is_leaf) { return is_leaf ? leaf(to) : l->number[to]; }

static bool check_places(const place_list *l, const ir_value *x)
{
    im_node *n = l->f->n;
    for (int i = 0; i < l->count; i++) {
        for (int way = 0; way < 2; way++) {
            int64_t to = way ? l->no[i] : l->yes[i], most = (way ? l->no_leaf[i] : l->yes_leaf[i]) ? l->leaves : l->count;
            if (to < 0 || to >= most) return im_fail(n, E_ATTR_VALUE, -1, "node %d leads to %lld of %lld", i, (long long)to, (long long)most);
        }
        if (l->featureids[i] < 0 || l->featureids[i] >= sx_min(x->type->dim[1])) return im_fail(n, E_ATTR_VALUE, -1, "node %d looks at feature %lld of %s", i, (long long)l->featureids[i], sx_text(n->o->s->arena, x->type->dim[1]));
    }
    return true;
}

static void add_node(const place_list *l, int i, double threshold, uint8_t mode)
{
    forest *f = l->f;
    vec_push(f->arena, &f->feature, (int32_t)l->featureids[i]);
    vec_push(f->arena, &f->threshold, threshold);
    vec_push(f->arena, &f->mode, (uint8_t)(mode | (l->missing && l->missing[i] ? 8 : 0)));
    vec_push(f->arena, &f->true_to, 0);
    vec_push(f->arena, &f->false_to, 0);
}

/* A node that asks whether x is in a set becomes one for each member, which lead on to each other. */
static bool add_members(place_list *l, int i)
{
    int before = l->f->feature.n;
    for (;; l->member++) {
        if (!l->members || l->member >= l->nmember) return im_fail(l->f->n, E_ATTR_VALUE, -1, "membership_values has no set for node %d", i);
        double v = dtype_get(l->member_type, l->members, (size_t)l->member);
        if (isnan(v)) break;
        add_node(l, i, v, 4);
    }
    l->member++;
    if (l->f->feature.n == before) add_node(l, i, (double)NAN, 4); /* nothing is in the empty set */
    return true;
}

static bool add_nodes(place_list *l, const void *splits, nfc_dtype split_type, const uint8_t *modes)
{
    forest *f = l->f;
    l->number = ARENA_ARRAY(f->arena, int32_t, l->count + 1);
    for (int i = 0; i < l->count; i++) {
        l->number[i] = f->feature.n;
        if (modes[i] > 6) return im_fail(f->n, E_ATTR_VALUE, -1, "node %d has the mode %d", i, modes[i]);
        if (modes[i] < 6) add_node(l, i, dtype_get(split_type, splits, (size_t)i), modes[i]);
        else if (!add_members(l, i)) return false;
    }
    l->number[l->count] = f->feature.n;
    for (int i = 0; i < l->count; i++)
        for (int32_t k = l->number[i]; k < l->number[i + 1]; k++) {
            f->true_to.at[k] = goes_to(l, l->yes[i], l->yes_leaf[i] != 0);
            f->false_to.at[k] = k + 1 < l->number[i + 1] ? k + 1 : goes_to(l, l->no[i], l->no_leaf[i] != 0);
        }
    return true;
}

static bool read_places(forest *f, const ir_value *x, int64_t targets)
{
    im_node *n = f->n;
    place_list l = {.f = f};
    int64_t splits, modes, weights;
    nfc_dtype split_type, mode_type, weight_type;
    const void *split = tensor_list(n, "nodes_splits", true, &splits, &split_type), *mode = split ? tensor_list(n, "nodes_modes", true, &modes, &mode_type) : NULL;
    const void *weight = mode ? tensor_list(n, "leaf_weights", true, &weights, &weight_type) : NULL;
    if (!weight) return false;
    l.count = im_ints(n, "nodes_featureids", &l.featureids);
    if (l.count < 1 || splits != l.count || modes != l.count || mode_type != DT_u8) return im_fail(n, E_ATTR_VALUE, -1, "the lists nodes_featureids, nodes_splits and nodes_modes must be of one length, which is not 0");
    if (!read_ints(n, "nodes_truenodeids", l.count, &l.yes) || !read_ints(n, "nodes_falsenodeids", l.count, &l.no) || !read_ints(n, "nodes_trueleafs", l.count, &l.yes_leaf) || !read_ints(n, "nodes_falseleafs", l.count, &l.no_leaf)) return false;
    if (im_ints(n, "nodes_missing_value_tracks_true", &l.missing) > 0 && !read_ints(n, "nodes_missing_value_tracks_true", l.count, &l.missing)) return false;
    l.leaves = im_ints(n, "leaf_targetids", &l.targetids);
    if (l.leaves < 1 || weights != l.leaves) return im_fail(n, E_ATTR_VALUE, -1, "the lists leaf_targetids and leaf_weights must be of one length, which is not 0");
    l.members = tensor_list(n, "membership_values", false, &l.nmember, &l.member_type);
    if (!check_places(&l, x) || !add_nodes(&l, split, split_type, mode)) return false;
    const int64_t *roots;
    int nroot = im_ints(n, "tree_roots", &roots);
    for (int i = 0; i < nroot; i++) {
        if (roots[i] < 0 || roots[i] >= l.count) return im_fail(n, E_ATTR_VALUE, -1, "tree_roots has %lld; there are %d nodes", (long long)roots[i], l.count);
        vec_push(f->arena, &f->root, l.number[roots[i]]);
    }
    for (int i = 0; i < l.leaves; i++) {
        if (l.targetids[i] < 0 || l.targetids[i] >= targets) return im_fail(n, E_ATTR_VALUE, -1, "leaf_targetids has %lld; there are %lld targets", (long long)l.targetids[i], (long long)targets);
        vec_push(f->arena, &f->target, (int32_t)l.targetids[i]);
        vec_push(f->arena, &f->weight, dtype_get(weight_type, weight, (size_t)i));
    }
    return nroot > 0 || im_fail(n, E_ATTR_MISSING, -1, "there are no tree_roots");
}

bool im_ml_tree_ensemble(im_node *n)
{
    static const char *const aggregates[] = {"AVERAGE", "SUM", "MIN", "MAX"};
    mk *k = n->k;
    ir_value *x = ml_features(n), *y;
    int64_t targets = im_int(n, "n_targets", 1), aggregate = im_int(n, "aggregate_function", 1), post = im_int(n, "post_transform", 0);
    forest f = {.n = n, .arena = n->o->s->arena};
    if (!x) return false;
    if (aggregate < 0 || aggregate > 3) return im_fail(n, E_ATTR_VALUE, -1, "aggregate_function is %lld, but it is from 0 to 3", (long long)aggregate);
    if (post < 0 || post >= ML_POST_COUNT) return im_fail(n, E_ATTR_VALUE, -1, "post_transform is %lld, but it is from 0 to %d", (long long)post, ML_POST_COUNT - 1);
    if (targets < 1 || targets > TREE_MAX_TARGETS) return im_fail(n, E_ATTR_VALUE, -1, "there are %lld targets; nfc has room for 1 to %d", (long long)targets, TREE_MAX_TARGETS);
    if (!read_places(&f, x, targets) || !(y = run_forest(&f, x, targets, aggregates[aggregate]))) return false;
    return im_out(n, 0, mk_cast(k, ml_transform_targets(k, (ml_post)post, y), im_in(n, 0)->type->dtype));
}
