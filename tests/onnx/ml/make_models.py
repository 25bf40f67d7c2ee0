#!/usr/bin/env python3
"""Models of the operators of ai.onnx.ml and what ONNX Runtime makes of them, beyond the standard's own tests.

usage: make_models.py [NAME ...]        needs the packages onnx and onnxruntime, which no test does
Writes node/NAME/model.onnx and node/NAME/test_data_set_0/{input,output}_N.pb in the form of the standard's tests."""
import os
import sys
import warnings

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
ML = "ai.onnx.ml"
TYPES = {np.dtype(t): o for t, o in ((np.float32, TensorProto.FLOAT), (np.float64, TensorProto.DOUBLE), (np.int64, TensorProto.INT64), (np.int32, TensorProto.INT32),
                                     (np.int16, TensorProto.INT16), (np.float16, TensorProto.FLOAT16))}
POST = ("NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT")
REFERENCE = "the standard's own evaluator"
cases = {}


def onnx_type(array):
    return TensorProto.STRING if array.dtype.kind in "OUS" else TYPES[array.dtype]


def case(name, op, inputs, outputs=1, opset=3, want=None, asked=None, **attributes):
    """want: the outputs, where the runtime cannot be asked; asked: inputs of a type that it has the operator for, or
    REFERENCE where it does not do as the standard says."""
    assert name not in cases, name
    attributes = {k: v for k, v in attributes.items() if v is not None}
    cases[name] = (op, inputs, outputs, opset, want, asked, attributes)


def model_of(op, inputs, results, opset, attributes):
    names = ["x%d" % i for i in range(len(inputs))], ["y%d" % i for i in range(len(results))]
    node = helper.make_node(op, names[0], names[1], domain=ML, **attributes)
    ins = [helper.make_tensor_value_info(n, onnx_type(x), x.shape) for n, x in zip(names[0], inputs)]
    outs = [helper.make_tensor_value_info(n, t, None) for n, t in zip(names[1], results)]
    graph = helper.make_graph([node], op, ins, outs)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(ML, opset)], ir_version=8)


def ask(op, inputs, outputs, opset, attributes):
    """The runtime says itself which types its results have."""
    model = model_of(op, inputs, [TensorProto.UNDEFINED] * outputs, opset, attributes)
    for o in model.graph.output:
        o.ClearField("type")
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    feed = {"x%d" % i: x.astype(object) if x.dtype.kind in "OUS" else x for i, x in enumerate(inputs)}
    return session.run(None, feed)


def refer(op, inputs, outputs, opset, attributes):
    from onnx.reference import ReferenceEvaluator
    model = model_of(op, inputs, [TensorProto.FLOAT] * outputs, opset, attributes)
    return ReferenceEvaluator(model).run(None, {"x%d" % i: x for i, x in enumerate(inputs)})


def tensor(array):
    array = np.asarray(array)
    if array.dtype.kind in "OUS":
        flat = [str(s).encode() for s in array.reshape(-1)]
        return helper.make_tensor("", TensorProto.STRING, array.shape, flat)
    return numpy_helper.from_array(array)


def write(name):
    op, inputs, outputs, opset, want, asked, attributes = cases[name]
    if want is not None:
        results = want
    elif asked is REFERENCE:
        results = refer(op, inputs, outputs, opset, attributes)
    else:
        results = ask(op, asked or inputs, outputs, opset, attributes)
    results = [np.asarray(r) for r in results]
    folder = os.path.join(HERE, "node", name, "test_data_set_0")
    os.makedirs(folder, exist_ok=True)
    model = model_of(op, inputs, [onnx_type(r) for r in results], opset, attributes)
    for o, r in zip(model.graph.output, results):
        for d in r.shape:
            o.type.tensor_type.shape.dim.add().dim_value = d
    with open(os.path.join(HERE, "node", name, "model.onnx"), "wb") as f:
        f.write(model.SerializeToString())
    for kind, arrays in (("input", inputs), ("output", results)):
        for i, a in enumerate(arrays):
            with open(os.path.join(folder, "%s_%d.pb" % (kind, i)), "wb") as f:
                f.write(tensor(a).SerializeToString())


def strings(*texts):
    return np.array(texts, object)


def rng_of(name):
    return np.random.RandomState(sum(map(ord, name)))


def grid(name, rows, columns, dtype=np.float32, missing=False):
    x = rng_of(name).randint(-8, 9, (rows, columns)) / 4
    if missing:
        x[rng_of(name).randint(0, 6, x.shape) == 0] = np.nan
    return x.astype(dtype) if dtype not in (np.int64, np.int32) else (4 * x).astype(dtype)


# ---- elements -----------------------------------------------------------------------------------

for t in (np.float32, np.float64, np.int64, np.int32):
    s = np.dtype(t).name
    x = grid(s, 3, 4, t)
    case("scaler_" + s, "Scaler", [x], offset=[0.5, -1.0, 2.0, 0.0], scale=[2.0, 0.25, 1.0, -3.0])
    case("normalizer_max_" + s, "Normalizer", [x], norm="MAX")
    case("normalizer_l1_" + s, "Normalizer", [x], norm="L1")
    case("normalizer_l2_" + s, "Normalizer", [x], norm="L2")
    case("array_feature_extractor_" + s, "ArrayFeatureExtractor", [x, np.array([2, 0, 2])])
case("scaler_one_for_all", "Scaler", [grid("one", 2, 5)], offset=[1.0], scale=[0.5])
case("scaler_vector", "Scaler", [grid("vec", 1, 4)[0]], offset=[0.5, -1.0, 2.0, 0.0], scale=[2.0, 0.25, 1.0, -3.0])
zeros = grid("zeros", 4, 3)
zeros[1] = 0
case("normalizer_max_zeros", "Normalizer", [zeros], norm="MAX")
case("normalizer_l1_zeros", "Normalizer", [zeros], norm="L1")
case("normalizer_l2_zeros", "Normalizer", [zeros], norm="L2")
case("normalizer_vector", "Normalizer", [grid("nv", 1, 5)[0]], norm="L1")
case("binarizer_default", "Binarizer", [grid("bin", 3, 4)])
case("binarizer_threshold", "Binarizer", [grid("bin", 3, 4)], threshold=0.75)
case("imputer_nan", "Imputer", [grid("imp", 5, 4, missing=True)], imputed_value_floats=[1.0, 2.0, 3.0, 4.0], replaced_value_float=float("nan"))
case("imputer_number", "Imputer", [grid("imp", 5, 4)], imputed_value_floats=[9.0], replaced_value_float=0.25)
case("imputer_int64", "Imputer", [grid("imp", 5, 4, np.int64)], imputed_value_int64s=[7, 8, 9, 10], replaced_value_int64=1)
case("array_feature_extractor_vector", "ArrayFeatureExtractor", [grid("afe", 1, 6)[0], np.array([5, 1])])
case("array_feature_extractor_cube", "ArrayFeatureExtractor", [np.arange(24, dtype=np.float32).reshape(2, 3, 4), np.array([[3, 0]])])
case("array_feature_extractor_strings", "ArrayFeatureExtractor", [np.array([["a", "bc", "d"], ["x", "y", "zz"]], object), np.array([2, 1])])
case("feature_vectorizer", "FeatureVectorizer", [grid("a", 3, 2), grid("b", 3, 3)], inputdimensions=[2, 3])
case("feature_vectorizer_int64", "FeatureVectorizer", [grid("a", 2, 2, np.int64), grid("b", 2, 1, np.int64)], inputdimensions=[2, 1])

# ---- categories ---------------------------------------------------------------------------------

words = np.array([["cat", "dog", ""], ["horse", "cat", "do"]], object)
case("category_mapper_to_int", "CategoryMapper", [words], opset=1, cats_strings=["dog", "cat", "horse"], cats_int64s=[5, 7, -2], default_int64=-9)
case("category_mapper_to_string", "CategoryMapper", [np.array([[5, 7], [0, -2]])], opset=1, cats_strings=["dog", "cat", "horse"], cats_int64s=[5, 7, -2], default_string="none")
floats = np.array([[1.5, np.nan, -2.0], [0.0, 7.0, 1.5]], np.float32)
integers = np.array([3, 1, 4, 1, 5])
case("label_encoder_strings_strings", "LabelEncoder", [words], opset=2, keys_strings=["cat", "dog"], values_strings=["miau", "wuff"], default_string="?")
case("label_encoder_strings_floats", "LabelEncoder", [words], opset=2, keys_strings=["cat", "dog"], values_floats=[0.5, 2.0], default_float=-1.0)
case("label_encoder_strings_ints", "LabelEncoder", [words], opset=2, keys_strings=["cat", "dog"], values_int64s=[4, 2])
case("label_encoder_ints_strings", "LabelEncoder", [integers], opset=2, keys_int64s=[1, 3], values_strings=["one", "three"])
case("label_encoder_ints_floats", "LabelEncoder", [integers], opset=2, keys_int64s=[1, 3], values_floats=[1.5, 3.5])
case("label_encoder_ints_ints", "LabelEncoder", [integers], opset=2, keys_int64s=[1, 3], values_int64s=[100, 300], default_int64=0)
case("label_encoder_floats_strings", "LabelEncoder", [floats], opset=4, keys_floats=[1.5, 0.0, float("nan")], values_strings=["a", "b", "c"], default_string="z")
case("label_encoder_floats_ints", "LabelEncoder", [floats], opset=4, keys_floats=[1.5, 0.0, float("nan")], values_int64s=[1, 2, 3])
case("label_encoder_floats_floats", "LabelEncoder", [floats], opset=4, keys_floats=[1.5, 0.0, float("nan")], values_floats=[1.0, 2.0, 3.0])
case("label_encoder_classes", "LabelEncoder", [words], opset=1, classes_strings=["dog", "cat", "horse"], default_int64=-5)
case("label_encoder_classes_back", "LabelEncoder", [np.array([0, 2, 5])], opset=1, classes_strings=["dog", "cat", "horse"], default_string="none")


def t(values, dtype):
    return helper.make_tensor("t", TensorProto.STRING, [len(values)], [v.encode() for v in values]) if dtype is str else numpy_helper.from_array(np.array(values, dtype), "t")


case("label_encoder_doubles", "LabelEncoder", [np.array([0.1, 0.2, np.nan])], opset=4, keys_tensor=t([0.1, np.nan], np.float64), values_tensor=t([1.25, 2.5], np.float64), default_tensor=t([-3.0], np.float64))
case("label_encoder_strings_int16", "LabelEncoder", [words], opset=4, keys_tensor=t(["cat", "dog"], str), values_tensor=t([3, 4], np.int16), default_tensor=t([42], np.int16))
case("label_encoder_int64_tensor", "LabelEncoder", [integers], opset=4, keys_tensor=t([4, 5], np.int64), values_tensor=t([40, 50], np.int64))
case("one_hot_encoder_ints", "OneHotEncoder", [np.array([[2, 5], [7, 1]])], opset=1, cats_int64s=[5, 2, 7], zeros=1)
case("one_hot_encoder_strings", "OneHotEncoder", [words], opset=1, cats_strings=["dog", "cat", "horse"], zeros=1)
case("one_hot_encoder_floats", "OneHotEncoder", [np.array([2.0, 5.5, 7.0], np.float32)], opset=1, cats_int64s=[5, 2, 7], zeros=1)
case("one_hot_encoder_all_known", "OneHotEncoder", [np.array([2, 5, 7])], opset=1, cats_int64s=[5, 2, 7], zeros=0)

# ---- linear models ------------------------------------------------------------------------------

weights3 = [0.25, -0.5, 1.0, 0.75, -1.0, 0.5, 0.5, 0.125, -0.25, 1.5, 0.0, -0.75]
for post in POST:
    x = grid("lin" + post, 5, 4)
    p = post.lower()
    case("linear_regressor_" + p, "LinearRegressor", [x], opset=1, coefficients=weights3[:8], intercepts=[0.5, -0.25], targets=2, post_transform=post)
    for labels in ("ints", "strings"):
        three = {"classlabels_ints": [4, 2, 9]} if labels == "ints" else {"classlabels_strings": ["u", "vv", "www"]}
        two = {"classlabels_ints": [3, 8]} if labels == "ints" else {"classlabels_strings": ["no", "yes"]}
        case("linear_classifier_%s_%s" % (p, labels), "LinearClassifier", [x], 2, 1, coefficients=weights3, intercepts=[0.5, -0.25, 0.0], post_transform=post, **three)
        if post != "PROBIT":  # as of trees
            case("linear_classifier_binary_%s_%s" % (p, labels), "LinearClassifier", [x], 2, 1, coefficients=weights3[:4], intercepts=[0.5], post_transform=post, **two)
    case("linear_classifier_two_" + p, "LinearClassifier", [x], 2, 1, coefficients=weights3[:8], intercepts=[0.5, -0.25], post_transform=post, classlabels_ints=[3, 8])
case("linear_regressor_no_intercepts", "LinearRegressor", [grid("r", 3, 4)], opset=1, coefficients=weights3[:4])
case("linear_classifier_int64", "LinearClassifier", [grid("ci", 5, 4, np.int64)], 2, 1, coefficients=weights3, intercepts=[0.5, -0.25, 0.0], classlabels_ints=[4, 2, 9])
case("linear_classifier_double", "LinearClassifier", [grid("cd", 5, 4, np.float64)], 2, 1, coefficients=weights3, intercepts=[0.5, -0.25, 0.0], classlabels_ints=[4, 2, 9])
case("linear_classifier_multi", "LinearClassifier", [grid("cm", 5, 4)], 2, 1, coefficients=weights3, intercepts=[0.5, -0.25, 0.0], classlabels_ints=[4, 2, 9], multi_class=1, post_transform="SOFTMAX")

# ---- support vectors ----------------------------------------------------------------------------

KERNELS = ("LINEAR", "POLY", "RBF", "SIGMOID")
params = [0.25, 0.5, 3.0]
r = rng_of("svm")
vectors = (r.randint(-6, 7, (7, 4)) / 4).astype(np.float32)
for kernel in KERNELS:
    k = kernel.lower()
    x = grid("svm" + k, 6, 4)
    case("svm_regressor_" + k, "SVMRegressor", [x], opset=1, kernel_type=kernel, kernel_params=params, support_vectors=vectors[:3].ravel().tolist(), coefficients=[0.5, -1.0, 0.75], n_supports=3, rho=[0.25])
    case("svm_classifier_" + k, "SVMClassifier", [x], 2, 1, kernel_type=kernel, kernel_params=params, support_vectors=vectors.ravel().tolist(), coefficients=(r.randint(-6, 7, 14) / 4).tolist(), vectors_per_class=[3, 2, 2],
         rho=[0.25, -0.125, 0.5], classlabels_ints=[4, 2, 9])
    case("svm_classifier_prob_" + k, "SVMClassifier", [x], 2, 1, kernel_type=kernel, kernel_params=params, support_vectors=vectors.ravel().tolist(), coefficients=(r.randint(-6, 7, 14) / 4).tolist(), vectors_per_class=[3, 2, 2],
         rho=[0.25, -0.125, 0.5], prob_a=[-1.5, -0.75, -1.0], prob_b=[0.125, 0.0, -0.25], classlabels_strings=["u", "vv", "www"])
case("svm_regressor_one_class", "SVMRegressor", [grid("oc", 6, 4)], opset=1, kernel_type="RBF", kernel_params=params, support_vectors=vectors[:3].ravel().tolist(), coefficients=[0.5, -1.0, 0.75], n_supports=3, rho=[-0.1], one_class=1)
case("svm_regressor_liblinear", "SVMRegressor", [grid("ll", 6, 4)], opset=1, kernel_type="LINEAR", coefficients=[0.5, -1.0, 0.75, 0.25], rho=[0.25], kernel_params=params)
case("svm_regressor_vector", "SVMRegressor", [grid("rv", 1, 4)], opset=1, kernel_type="LINEAR", coefficients=[0.5, -1.0, 0.75, 0.25], rho=[0.25], kernel_params=params, post_transform="LOGISTIC")
case("svm_classifier_liblinear", "SVMClassifier", [grid("sl", 6, 4)], 2, 1, kernel_type="LINEAR", coefficients=weights3, rho=[0.25, 0.5, -0.5], kernel_params=params, classlabels_ints=[4, 2, 9])
for post in POST:
    x = grid("sb" + post, 6, 4)
    for sign, coefficients in () if post == "PROBIT" else (("mixed", [0.5, -1.0, 0.75, 0.25, -0.5]), ("positive", [0.5, 1.0, 0.75, 0.25, 0.5])):
        for labels, given in (("ints", {"classlabels_ints": [3, 8]}), ("strings", {"classlabels_strings": ["no", "yes"]})):
            case("svm_classifier_binary_%s_%s_%s" % (post.lower(), sign, labels), "SVMClassifier", [x], 2, 1, kernel_type="RBF", kernel_params=params, support_vectors=vectors[:5].ravel().tolist(), coefficients=coefficients,
                 vectors_per_class=[2, 3], rho=[0.25], post_transform=post, **given)
    case("svm_classifier_binary_%s_prob" % post.lower(), "SVMClassifier", [x], 2, 1, kernel_type="RBF", kernel_params=params, support_vectors=vectors[:5].ravel().tolist(), coefficients=[0.5, -1.0, 0.75, 0.25, -0.5],
         vectors_per_class=[2, 3], rho=[0.25], prob_a=[-1.5], prob_b=[0.25], post_transform=post, classlabels_ints=[3, 8])
    case("svm_classifier_%s" % post.lower(), "SVMClassifier", [x], 2, 1, kernel_type="LINEAR", support_vectors=vectors.ravel().tolist(), coefficients=(rng_of(post).randint(-6, 7, 14) / 4).tolist(), vectors_per_class=[3, 2, 2],
         rho=[0.25, -0.125, 0.5], kernel_params=params, post_transform=post, classlabels_ints=[4, 2, 9])
    case("svm_classifier_liblinear_%s" % post.lower(), "SVMClassifier", [x], 2, 1, kernel_type="LINEAR", coefficients=weights3, rho=[0.25, 0.5, -0.5], kernel_params=params, classlabels_strings=["u", "vv", "www"], post_transform=post)
case("svm_classifier_int64", "SVMClassifier", [grid("si", 6, 4, np.int64)], 2, 1, kernel_type="LINEAR", coefficients=weights3, rho=[0.25, 0.5, -0.5], kernel_params=params, classlabels_ints=[4, 2, 9])
case("svm_classifier_double", "SVMClassifier", [grid("sd", 6, 4, np.float64)], 2, 1, kernel_type="LINEAR", coefficients=weights3, rho=[0.25, 0.5, -0.5], kernel_params=params, classlabels_ints=[4, 2, 9])

# ---- trees --------------------------------------------------------------------------------------

MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")


def trees(name, modes, count=4, depth=3, features=4, targets=3, positive=False, several=False, every=False, prefix="target", only=None, missing=False):
    """Node lists of operator sets 1 and 3."""
    r = rng_of(name)
    n = {k: [] for k in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids", "missing_value_tracks_true")}
    v = {k: [] for k in ("treeids", "nodeids", "ids", "weights")}
    for tree in range(count):
        rows = []

        def grow(left):
            i = len(rows)
            rows.append(None)
            if left == 0 or (i and r.randint(0, 5) == 0):
                rows[i] = (0, 0.0, "LEAF", 0, 0, 0)
                for vote in range(targets if every else r.randint(1, 4) if several else 1):
                    w = r.randint(1, 9) / 16 * (1 if positive else r.choice([-1, 1]))
                    for key, value in zip(v, (tree, i, vote if every else r.randint(0, targets) if only is None else only, w)):
                        v[key].append(value)
            else:
                f, value, mode, m = int(r.randint(0, features)), r.randint(-4, 5) / 4, modes[r.randint(0, len(modes))], int(r.randint(0, 2)) if missing else 0
                rows[i] = (f, value, mode, grow(left - 1), grow(left - 1), m)
            return i

        grow(depth)
        for i, (f, value, mode, yes, no, m) in enumerate(rows):
            for key, x in zip(n, (tree, i, f, value, mode, yes, no, m)):
                n[key].append(x)
    given = {"nodes_" + k: x for k, x in n.items()}
    if not missing:
        del given["nodes_missing_value_tracks_true"]
    given.update({"%s_%s" % (prefix, k): x for k, x in v.items()})
    return given


for mode in MODES:
    name = mode[7:].lower()
    case("tree_regressor_" + name, "TreeEnsembleRegressor", [grid(name, 8, 4)], opset=1, n_targets=3, **trees(name, [mode]))
for aggregate in ("SUM", "AVERAGE", "MIN", "MAX"):
    a = aggregate.lower()
    case("tree_regressor_" + a, "TreeEnsembleRegressor", [grid(a, 8, 4)], opset=1, n_targets=3, aggregate_function=aggregate, **trees(a, MODES, several=True))
    case("tree_regressor_base_" + a, "TreeEnsembleRegressor", [grid(a, 8, 4)], opset=1, n_targets=3, aggregate_function=aggregate, base_values=[0.5, -1.0, 2.0], **trees(a, MODES, every=True))
    case("tree_regressor_one_" + a, "TreeEnsembleRegressor", [grid(a, 8, 4)], opset=1, n_targets=1, aggregate_function=aggregate, base_values=[0.5], **trees(a, MODES, targets=1))
for post in POST:
    p = post.lower()
    case("tree_regressor_" + p, "TreeEnsembleRegressor", [grid(p, 8, 4)], opset=1, n_targets=3, post_transform=post, **trees(p, MODES[:1]))
    case("tree_regressor_one_" + p, "TreeEnsembleRegressor", [grid(p, 8, 4)], opset=1, n_targets=1, post_transform=post, **trees(p, MODES[:1], targets=1, positive=True))
case("tree_regressor_missing", "TreeEnsembleRegressor", [grid("miss", 9, 4, missing=True)], opset=1, n_targets=3, **trees("miss", MODES, missing=True))
case("tree_regressor_int64", "TreeEnsembleRegressor", [grid("ti", 8, 4, np.int64)], opset=1, asked=[grid("ti", 8, 4, np.int64).astype(np.float32)], n_targets=3, **trees("ti", MODES))
case("tree_regressor_double", "TreeEnsembleRegressor", [grid("td", 8, 4, np.float64)], opset=1, n_targets=3, **trees("td", MODES))
doubles = trees("tdd", MODES, every=True)
for key in ("nodes_values", "target_weights"):
    doubles[key + "_as_tensor"] = t(doubles.pop(key), np.float64)
case("tree_regressor_doubles", "TreeEnsembleRegressor", [grid("tdd", 8, 4, np.float64)], opset=3, n_targets=3, base_values_as_tensor=t([0.5, -1.0, 2.0], np.float64), **doubles)

for post in POST:
    p = post.lower()
    for labels in ("ints", "strings"):
        three = {"classlabels_int64s": [4, 2, 9]} if labels == "ints" else {"classlabels_strings": ["u", "vv", "www"]}
        case("tree_classifier_%s_%s" % (p, labels), "TreeEnsembleClassifier", [grid(p + labels, 8, 4)], 2, 1, post_transform=post, **three, **trees(p + labels, MODES, prefix="class", every=True))
    for sign in ("mixed", "positive"):
        for only in (0, 1):
            name = "tree_classifier_binary_%s_%s_only%d" % (p, sign, only)
            two = {"classlabels_int64s": [3, 8]} if only != 1 else {"classlabels_strings": ["no", "yes"]}
            if post != "PROBIT" or only == 1:  # of one score the runtime writes one PROBIT, and leaves the other as it was
                case(name, "TreeEnsembleClassifier", [grid(name, 8, 4)], 2, 1, post_transform=post, **two, **trees(name, MODES[:2], prefix="class", targets=2, positive=sign == "positive", only=only))
    # Of two classes with votes for both the runtime gives 0 or 1 as the label; the standard wants the top class.
    name = "tree_classifier_two_" + p
    if post != "PROBIT":
        case(name, "TreeEnsembleClassifier", [grid(name, 8, 4)], 2, 1, asked=REFERENCE, post_transform=post, classlabels_int64s=[3, 8], **trees(name, MODES[:2], prefix="class", targets=2, several=True, count=8, positive=True))
for sign in ("mixed", "positive"):
    name = "tree_classifier_binary_base_" + sign
    case(name, "TreeEnsembleClassifier", [grid(name, 8, 4)], 2, 1, classlabels_int64s=[3, 8], base_values=[0.25], **trees(name, MODES[:2], prefix="class", targets=2, positive=sign == "positive", only=0))
name = "tree_classifier_two_base"
case(name, "TreeEnsembleClassifier", [grid(name, 8, 4)], 2, 1, asked=REFERENCE, classlabels_int64s=[3, 8], base_values=[0.25, -0.5], **trees(name, MODES[:2], prefix="class", targets=2, several=True, count=8))
case("tree_classifier_base", "TreeEnsembleClassifier", [grid("tb", 8, 4)], 2, 1, classlabels_int64s=[4, 2, 9], base_values=[0.5, -0.25, 1.0], **trees("tb", MODES, prefix="class", every=True))
case("tree_classifier_several", "TreeEnsembleClassifier", [grid("ts", 8, 4)], 2, 1, classlabels_int64s=[4, 2, 9], **trees("ts", MODES, prefix="class", several=True, count=12, positive=True))
case("tree_classifier_int64", "TreeEnsembleClassifier", [grid("tci", 8, 4, np.int64)], 2, 1, classlabels_int64s=[4, 2, 9], **trees("tci", MODES, prefix="class", every=True))
doubles = trees("tcd", MODES, prefix="class", every=True)
for key in ("nodes_values", "class_weights"):
    doubles[key + "_as_tensor"] = t(doubles.pop(key), np.float64)
case("tree_classifier_doubles", "TreeEnsembleClassifier", [grid("tcd", 8, 4, np.float64)], 2, 3, classlabels_int64s=[4, 2, 9], **doubles)
case("tree_classifier_one_class", "TreeEnsembleClassifier", [grid("tco", 8, 4)], 2, 1, classlabels_int64s=[1], **trees("tco", MODES[:1], prefix="class", targets=1))


def new_trees(name, dtype, modes, count=3, depth=3, features=4, targets=3):
    """Node lists of operator set 5; mode 6 is membership."""
    r = rng_of(name)
    nodes, leaves, roots, members = [], [], [], []

    def grow(left, root=False):
        if not root and (left == 0 or r.randint(0, 5) == 0):
            leaves.append((int(r.randint(0, targets)), r.randint(1, 9) / 16 * r.choice([-1, 1])))
            return len(leaves) - 1, 1
        i = len(nodes)
        nodes.append(None)
        mode = modes[r.randint(0, len(modes))]
        if mode == 6:
            members.extend([float(v) for v in r.randint(1, 9, r.randint(1, 5))] + [np.nan])
        f, value, m = int(r.randint(0, features)), r.randint(-4, 5) / 4, int(r.randint(0, 2))
        yes, no = grow(left - 1), grow(left - 1)
        nodes[i] = (f, value, mode, yes[0], no[0], yes[1], no[1], m)
        return i, 0

    for _ in range(count):
        roots.append(grow(depth, True)[0])
    f, value, mode, yes, no, yes_leaf, no_leaf, m = map(list, zip(*nodes))
    target, weight = map(list, zip(*leaves))
    given = dict(nodes_featureids=f, nodes_splits=t(value, dtype), nodes_modes=t(mode, np.uint8), nodes_truenodeids=yes, nodes_falsenodeids=no, nodes_trueleafs=yes_leaf, nodes_falseleafs=no_leaf,
                 nodes_missing_value_tracks_true=m, tree_roots=roots, leaf_targetids=target, leaf_weights=t(weight, dtype), n_targets=targets)
    if members:
        given["membership_values"] = t(members, dtype)
    return given


for aggregate, a in (("average", 0), ("sum", 1), ("min", 2), ("max", 3)):
    case("tree_ensemble_" + aggregate, "TreeEnsemble", [grid(aggregate, 8, 4, missing=True)], opset=5, aggregate_function=a, **new_trees(aggregate, np.float32, list(range(6))))
for i, post in enumerate(POST):
    x, given = grid(post, 8, 4), new_trees(post, np.float32, [0])
    # The runtime takes 1 for LOGISTIC and 2 for SOFTMAX; the standard says that it is the other way round.
    case("tree_ensemble_" + post.lower(), "TreeEnsemble", [x], opset=5, want=ask("TreeEnsemble", [x], 1, 5, dict(given, post_transform=(0, 2, 1, 3, 4)[i])), post_transform=i, **given)
case("tree_ensemble_members", "TreeEnsemble", [np.where(grid("mem", 12, 4, missing=True) == 0, np.nan, 4 * abs(grid("mem", 12, 4))).astype(np.float32)], opset=5, **new_trees("mem", np.float32, [6, 6, 0]))
case("tree_ensemble_members_double", "TreeEnsemble", [4 * abs(grid("memd", 12, 4, np.float64))], opset=5, **new_trees("memd", np.float64, [6, 3, 4]))
case("tree_ensemble_leaf", "TreeEnsemble", [grid("leaf", 3, 2)], opset=5, nodes_featureids=[0], nodes_splits=t([0], np.float32), nodes_modes=t([0], np.uint8), nodes_truenodeids=[0], nodes_falsenodeids=[0],
     nodes_trueleafs=[1], nodes_falseleafs=[1], tree_roots=[0], leaf_targetids=[0], leaf_weights=t([2.5], np.float32), n_targets=1)

# ---- maps: what goes in or out of them is a tensor of their values --------------------------------

scores = grid("zip", 3, 2)
case("zip_map_ints", "ZipMap", [scores], opset=1, want=[scores], classlabels_int64s=[5, 7])
case("zip_map_strings", "ZipMap", [scores], opset=1, want=[scores], classlabels_strings=["a", "b"])


def main():
    names = sys.argv[1:] or list(cases)
    refused = []
    for name in names:
        try:
            write(name)
        except Exception as e:
            refused.append("%s: %s" % (name, str(e).splitlines()[0][:150]))
    print("%d written, %d refused" % (len(names) - len(refused), len(refused)))
    print("\n".join(refused))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
