#!/bin/sh
# run.sh BUILD: models of ai.onnx.ml against what ONNX Runtime makes of them (tests/onnx/ml/make_models.py): all of
# them in the simulator, one of each kind as C of both compilers; maps; and what is wrong in them.
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?the build folder}" && pwd) || exit 2
python=${PYTHON:-/usr/bin/python3}
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
some='scaler_float64|normalizer_l2_float32|imputer_nan|binarizer_default|array_feature_extractor_strings|feature_vectorizer|label_encoder_(strings_strings|doubles|strings_int16)|category_mapper_to_int|one_hot_encoder_.*|linear_classifier_(probit_ints|binary_logistic_strings)|linear_regressor_softmax_zero|svm_classifier_prob_.*|svm_classifier_binary_softmax_mixed_ints|svm_regressor_.*|tree_regressor_(missing|base_min|doubles)|tree_classifier_(several|binary_logistic_mixed_only0|one_class)|tree_ensemble_(members|leaf|max)|zip_map_strings'
all() { "$python" "$here/../onnx/run.py" --nfc "$build/nfc" --suite "$here/../onnx/ml" "$@"; }
"$python" "$here/maps.py" "$build" "$work" && "$python" "$here/refused.py" "$build" "$work" && all --ways sim && all --only "$some" --ways gcc,clang
