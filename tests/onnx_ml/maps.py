"""maps.py BUILD WORK: operators of ai.onnx.ml that take or give maps, which are tensors of their values here. What
comes out is what ONNX Runtime says of the map with these keys and values."""
import os
import subprocess
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "onnx"))
from pb import FLOAT, INT64, STRING, Message, graph, info, model, node, save, type_of  # noqa: E402

NFC, WORK, LENGTH = os.path.join(sys.argv[1], "nfc"), sys.argv[2], 64
failed = passed = 0


def map_of(key, value):
    return Message("Type", map_type=Message("MapType", key_type=key, value_type=type_of(value, [])))


def words(*texts):
    return np.frombuffer(b"".join(t.encode().ljust(LENGTH, b"\0") for t in texts), np.uint8).reshape(len(texts), LENGTH)


def check(name, op, given, result, x, want, options=(), **attributes):
    global failed, passed
    path, folder = os.path.join(WORK, name + ".onnx"), os.path.join(WORK, name)
    g = graph(name, [node(op, ["x"], ["y"], domain="ai.onnx.ml", **attributes)], [info("x", given)], [info("y", result)])
    save(path, model(g, domains=[("ai.onnx.ml", 1)]))
    np.save(folder + ".npy", x)
    p = subprocess.run([NFC, "sim", path, "--input", "x=%s.npy" % folder, "--output", folder] + list(options), capture_output=True, text=True)
    if isinstance(want, str):
        wrong = None if p.returncode == 1 and want in p.stderr else "is not refused with %s: %s" % (want, p.stderr)
    elif p.returncode:
        wrong = p.stderr
    else:
        got = np.load(os.path.join(folder, "y.npy"))
        wrong = None if got.dtype == want.dtype and np.array_equal(got, want) else "%s, not %s" % (got, want)
    passed, failed = passed + (wrong is None), failed + (wrong is not None)
    if wrong:
        print("FAILED onnx_ml/%s: %s" % (name, wrong))


F = np.float32
row = lambda *values: np.array([values], F)
# {"a": 4, "c": 8} and {1: 4, 2: 8}, as values of the vocabulary's keys
check("dict_strings", "DictVectorizer", map_of(STRING, FLOAT), FLOAT, np.array([4, 8, 0, 0], F), row(4, 8, 0, 0), string_vocabulary=["a", "c", "b", "z"])
check("dict_ints", "DictVectorizer", map_of(INT64, FLOAT), FLOAT, np.array([0, 4, 8], F), row(0, 4, 8), int64_vocabulary=[3, 1, 2])
check("dict_texts", "DictVectorizer", map_of(INT64, STRING), STRING, words("x", "yy"), words("x", "yy")[None], int64_vocabulary=[3, 1])
# {5: 4.5, 2: 8}
check("cast_dense", "CastMap", map_of(INT64, FLOAT), FLOAT, np.array([8, 4.5], F), row(8, 4.5), ["-D", "x.0=2"], cast_to="TO_FLOAT")
check("cast_sparse", "CastMap", map_of(INT64, FLOAT), INT64, np.array([0, 0, 8, 0, 0, 4.5, 0], F), np.array([[0, 0, 8, 0, 0, 4, 0]]), cast_to="TO_INT64", map_form="SPARSE", max_map=7)
check("cast_text", "CastMap", map_of(INT64, STRING), FLOAT, words("8", "4.5"), row(8, 4.5), ["-D", "x.0=2"], cast_to="TO_FLOAT")
check("cast_text_as_it_is", "CastMap", map_of(INT64, STRING), STRING, words("8", "b"), words("8", "b")[None], ["-D", "x.0=2"], cast_to="TO_STRING")
check("cast_no_bound", "CastMap", map_of(INT64, FLOAT), FLOAT, np.zeros(2, F), "x.0", cast_to="TO_FLOAT")
check("cast_no_type", "CastMap", map_of(INT64, FLOAT), FLOAT, np.zeros(1, F), "NFC0311", cast_to="TO_BOOL", map_form="SPARSE")
maps = Message("Type", sequence_type=Message("ElementType", elem_type=map_of(STRING, FLOAT)))
scores = np.arange(6, dtype=F).reshape(3, 2)
check("zip_map", "ZipMap", type_of(FLOAT, [3, 2]), maps, scores, scores, classlabels_strings=["no", "yes"])

print("tests/onnx_ml: %d passed, %d failed" % (passed, failed))
sys.exit(failed > 0)
