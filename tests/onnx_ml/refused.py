"""refused.py BUILD WORK: models of ai.onnx.ml, and of the optimisers, with one thing wrong: each is refused for that."""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "onnx"))
from pb import FLOAT, INT64, graph, info, load, model, node, save  # noqa: E402

NFC, WORK = os.path.join(sys.argv[1], "nfc"), sys.argv[2]
failed = passed = 0


def attribute(m, name):
    return next(a for a in m.graph.node[0].attribute if a.name == name)


def without(name):
    return lambda m: m.graph.node[0].attribute.remove(attribute(m, name))


def put(name, at, value, field="ints"):
    def change(m):
        getattr(attribute(m, name), field)[at] = value
    return change


def cut(name, field="ints"):
    return lambda m: getattr(attribute(m, name), field).pop()


def whole(name, value, field="i"):
    return lambda m: setattr(attribute(m, name), field, value)


def judge(name, m, said):
    global failed, passed
    path = os.path.join(WORK, name + ".onnx")
    save(path, m)
    p = subprocess.run([NFC, "check", path], capture_output=True, text=True, env=dict(os.environ, NO_COLOR="1"))
    good = p.returncode == 1 and said in p.stderr and p.stderr.count("error[") == 1
    passed, failed = passed + good, failed + (not good)
    if not good:
        print("FAILED onnx_ml/refused %s: '%s' is not what is said: status %d, %s" % (name, said, p.returncode, p.stderr))


def case(name, of, change, said):
    m = load(os.path.join(HERE, "..", "onnx", "ml", "node", of, "model.onnx"))
    change(m)
    judge(name, m, said)


def circle(m):
    ids, yes = attribute(m, "nodes_nodeids").ints, attribute(m, "nodes_truenodeids").ints
    modes = attribute(m, "nodes_modes").strings
    yes[:] = [0 if mode != b"LEAF" else y for y, mode in zip(yes, modes)]
    assert ids[0] == 0


def first_branch(m, name, value):
    at = next(i for i, mode in enumerate(attribute(m, "nodes_modes").strings) if mode != b"LEAF")
    getattr(attribute(m, name), "ints")[at] = value


R, C, T = "tree_regressor_leq", "tree_classifier_none_ints", "tree_ensemble_sum"
case("tree_circle", R, circle, "round in a circle")
case("tree_no_node", R, lambda m: first_branch(m, "nodes_falsenodeids", 99), "leads to 99, which the tree does not have")
case("tree_feature", R, lambda m: first_branch(m, "nodes_featureids", 4), "looks at feature 4 of 4")
case("tree_negative_feature", R, lambda m: first_branch(m, "nodes_featureids", -1), "looks at feature -1 of 4")
case("tree_twice", R, put("nodes_nodeids", 1, 0), "has two nodes 0")
case("tree_mode", R, put("nodes_modes", 0, b"BRANCH_LE", "strings"), "has the mode 'BRANCH_LE'")
case("tree_lists", R, cut("nodes_values", "floats"), "nodes_values has")
case("tree_no_modes", R, without("nodes_modes"), "nodes_modes has 0 elements")
case("tree_no_nodes", R, without("nodes_treeids"), "there are no nodes")
case("tree_target", R, put("target_ids", 0, 3), "target_ids has 3; there are 3")
case("tree_vote", R, put("target_nodeids", 0, 0), "has a weight, but is no leaf")
case("tree_votes", R, cut("target_weights", "floats"), "must be of one length")
case("tree_targets", R, whole("n_targets", 1 << 40), "there are 1099511627776 targets")
case("tree_aggregate", "tree_regressor_min", whole("aggregate_function", b"MEDIAN", "s"), "aggregate_function is 'MEDIAN'")
case("tree_post", "tree_regressor_softmax", whole("post_transform", b"TANH", "s"), "post_transform is 'TANH'")
case("tree_base", "tree_regressor_base_sum", cut("base_values", "floats"), "base_values has 2 elements for 3 targets")
case("tree_no_labels", C, without("classlabels_int64s"), "there are no labels of classes")
case("tree_fewer_labels", C, cut("classlabels_int64s"), "class_ids has 2; there are 2")
case("places_circle", T, lambda m: (whole("nodes_truenodeids", [0] * len(attribute(m, "nodes_truenodeids").ints), "ints")(m), whole("nodes_trueleafs", [0] * len(attribute(m, "nodes_trueleafs").ints), "ints")(m)), "round in a circle")
case("places_leaf", T, lambda m: (put("nodes_truenodeids", 0, 999)(m), put("nodes_trueleafs", 0, 1)(m)), "node 0 leads to 999 of")
case("places_root", T, put("tree_roots", 0, -1), "tree_roots has -1")
case("places_target", T, put("leaf_targetids", 0, 3), "leaf_targetids has 3; there are 3 targets")
case("places_aggregate", T, whole("aggregate_function", 4), "aggregate_function is 4, but it is from 0 to 3")
case("places_no_members", "tree_ensemble_members", without("membership_values"), "membership_values has no set for node")
case("linear_coefficients", "linear_regressor_none", cut("coefficients", "floats"), "there are 7 coefficients for 4 features")
case("linear_targets", "linear_regressor_none", whole("targets", 3), "targets is 3; the coefficients are for 2")
case("linear_intercepts", "linear_classifier_none_ints", cut("intercepts", "floats"), "there are 2 intercepts for 3 rows")
case("linear_labels", "linear_classifier_none_ints", cut("classlabels_ints"), "there are 2 labels for 3 classes")
case("svm_vectors", "svm_classifier_rbf", cut("support_vectors", "floats"), "support_vectors has 27 elements; 7 vectors of 4 features are wanted")
case("svm_coefficients", "svm_classifier_rbf", cut("coefficients", "floats"), "there are 13 coefficients; (classes - 1) * vectors is 14")
case("svm_rho", "svm_classifier_rbf", cut("rho", "floats"), "rho has 2 elements for 3 pairs")
case("svm_no_rho", "svm_regressor_rbf", without("rho"), "attribute 'rho' is missing")
case("svm_prob", "svm_classifier_prob_rbf", cut("prob_b", "floats"), "prob_a and prob_b have 3 and 2 elements for 3 pairs")
case("svm_kernel", "svm_classifier_rbf", whole("kernel_type", b"CUBIC", "s"), "kernel_type is 'CUBIC'")
case("svm_classes", "svm_classifier_rbf", put("vectors_per_class", 0, 1 << 40), "vectors_per_class has 1099511627776")
case("svm_negative", "svm_classifier_rbf", put("vectors_per_class", 0, -3), "vectors_per_class has -3")
case("encoder_values", "label_encoder_ints_ints", cut("values_int64s"), "there are 2 keys and 1 values")
case("encoder_no_keys", "label_encoder_ints_ints", without("keys_int64s"), "there are no keys, or no values")
case("encoder_type", "label_encoder_ints_ints", lambda m: setattr(m.graph.input[0].type.tensor_type, "elem_type", FLOAT), "the operand is f32, but the keys are i64")
case("mapper_no_strings", "category_mapper_to_int", without("cats_strings"), "there are no cats_strings")
case("one_hot_nothing", "one_hot_encoder_ints", without("cats_int64s"), "there are no categories")
case("scaler_offset", "scaler_float32", cut("offset", "floats"), "attribute 'offset' has 3 elements; there are 4 features")
case("normalizer_norm", "normalizer_l1_float32", whole("norm", b"L3", "s"), "norm is 'L3'")
case("imputer_nothing", "imputer_nan", without("imputed_value_floats"), "no imputed value")
case("vectorizer_dims", "feature_vectorizer", cut("inputdimensions"), "inputdimensions has 1 elements; there are 2 operands")


def optimiser(name, op, inputs, said, domain="ai.onnx.preview.training", **attributes):
    names = ["x%d" % i for i in range(len(inputs))]
    ins = [info(n, INT64 if i == 1 else FLOAT, s) for i, (n, s) in enumerate(zip(names, inputs))]
    g = graph(name, [node(op, names, ["a", "b"], domain=domain, **attributes)], ins, [info("a", FLOAT, [3]), info("b", FLOAT, [3])])
    judge(name, model(g, domains=[(domain, 1)]), said)


optimiser("adam_operands", "Adam", [[], [], [3], [3], [3]], "R and T and 4 for each tensor are wanted")
optimiser("adagrad_rate", "Adagrad", [[2], [], [3], [3], [3]], "R and T must be scalars")
optimiser("momentum_mode", "Momentum", [[], [], [3], [3], [3]], "mode is 'heavy'", mode="heavy", alpha=0.5, beta=0.5)
optimiser("momentum_alpha", "Momentum", [[], [], [3], [3], [3]], "'alpha' and 'beta' are needed", mode="standard")
optimiser("gradient", "Gradient", [[3]], "xs and y name tensors of the graph", xs=["x0"], y="a")

print("tests/onnx_ml: %d refused, %d not" % (passed, failed))
sys.exit(failed > 0)
