"""Every op with every attribute set to what it cannot be, or should be careful with: files made from the good calls of
tests/ops, so that nothing but the attribute is odd."""
import glob
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "onnx_file"))
from good import NFC
from wire import *

NUMBER = {name: number for number, name in NFC.items()}
ODD = (0, -1, 1 << 31, (1 << 63) - 1, -1 << 63)
# Attributes that something is divided by: 0 is an error.
DIVISORS = {"strides", "group", "groups", "blocksize", "num_groups"}


def calls(nfc, op):
    """The graphs of tests/ops/OP.nfg that are one call: (inputs, attributes)."""
    text = subprocess.run([nfc, "export", "--format=json", os.path.join(HERE, "..", "ops", op + ".nfg")], capture_output=True, text=True)
    if text.returncode: return
    for graph_ in json.loads(text.stdout)["graphs"]:
        block = graph_["blocks"][0]
        insts = [i for i in block["insts"] if i["op"] != "return"]
        names = {a["id"]: a for a in block["args"]}
        static = all(isinstance(d, int) for a in block["args"] for d in a["type"].get("shape", ["no tensor"]))
        if len(graph_["blocks"]) != 1 or len(insts) != 1 or insts[0]["op"] != op or not static: continue
        yield [names.get(i) for i in insts[0].get("in", [])], insts[0].get("attrs", {}), len(insts[0]["out"])


def as_attribute(name, x):
    """An attribute as the importer wants it; None: it is an operand there, or no constant."""
    if isinstance(x, str) and x in NUMBER: return attribute(name, NUMBER[x])
    if isinstance(x, bool): return attribute(name, int(x))
    if isinstance(x, (int, float, str)): return attribute(name, x)
    if isinstance(x, list) and all(isinstance(e, int) for e in x): return attribute(name, x)
    if isinstance(x, list) and all(isinstance(e, (int, float)) for e in x): return attribute(name, [float(e) for e in x])
    return None


def odd_values(x):
    if isinstance(x, bool) or isinstance(x, int): return ODD
    if isinstance(x, float): return (0.0, -1.0, float("inf"), float("nan"), 1e38)
    if isinstance(x, str): return ("", "x" * 100000)
    return [[v] * len(x) for v in ODD] + [x[:-1] + [v] for v in ODD if x] + [[], x + x, [1] * 10000]


def call(row, inputs, attributes, results):
    onnx = row["onnx"]
    domain, _, name = onnx.rpartition(".")
    ports = [value(i["name"], NUMBER[i["type"]["dtype"]], i["type"]["shape"]) for i in inputs if i]
    outs = ["result%d" % k for k in range(results)]
    n = node(name, [i["name"] if i else "" for i in inputs], outs, [a for a in (as_attribute(k, v) for k, v in attributes.items()) if a], domain=domain)
    return model(graph([n], ports, [value(o, FLOAT, None) for o in outs]), ir=10, opsets=((22, ""), (5, "ai.onnx.ml"), (1, "com.microsoft"), (1, "ai.onnx.preview.training")))


def files(nfc):
    """(name, model, whether it must be an error); the first of each op is the good call."""
    table = json.loads(subprocess.run([nfc, "ops", "--json"], check=True, capture_output=True, text=True).stdout)
    for op, row in table.items():
        if not row["onnx"]: continue
        good = [c for c in calls(nfc, op) if all(i is None or i["type"]["dtype"] in NUMBER for i in c[0])]
        if not good: continue
        # The call that says most of its attributes.
        inputs, given, results = max(good, key=lambda c: len(c[1]))
        yield "op_%s" % op, call(row, inputs, given, results), False
        yield "op_%s_unknown_0" % op, call(row, inputs, {**given, "nonsense": 1}, results), True
        for name, old in given.items():
            if as_attribute(name, old) is None: continue
            for k, v in enumerate(odd_values(old)):
                zero = v == 0 or (isinstance(v, list) and v and all(e == 0 for e in v))
                yield "op_%s_%s_%d" % (op, name, k), call(row, inputs, {**given, name: v}, results), bool(zero and name in DIVISORS)
