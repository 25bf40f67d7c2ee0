#!/usr/bin/python3
"""Writes the golden tests of every op: OP.nfg and golden/OP/GRAPH/{inputs, outputs}.npy, made by
NumPy alone. Run: make_goldens.py [--ops OPS.json] [OP ...]; without --ops it asks build/nfc.

A graph whose folder has error.txt must stop with the run error of that code.

What it reads of the op table, `nfc ops --json`: a list of
    {"name": "gelu", "family": "elementwise" | "map" | "nest", "onnx": "Gelu", "doc": "...",
     "flags": ["pure", "commutes", "idempotent", "view", "bool", "can_fail", "heavy"],
     "operands": [{"name": "x", "type": "T" | "U" | "V" | null, "types": ["f32", ...],
                   "presence": "required" | "optional" | "variadic"}],
     "index": [{"name": "length", "required": false, "default": -1}],
     "results": [{"name": "y", "optional": false}],
     "attributes": [{"name": "approximate", "required": false, "default": "none", "doc": "...",
                     "kind": "int" | "bool" | "float" | "enum" | "string" | "dtype" | "ints" |
                             "extents" | "floats",
                     "choices": ["none", "tanh"]}],
     "domain": "all" | "positive" | "nonzero" | "unit" | "ge1" | "small" | "shift",
     "ulp": 64, "formula": "..."}
Operands of one `type` share their element type; null: each has one of its own `types`. A default is
a JSON number or string, null where there is none. choices: of an enum. domain, ulp and formula: of
an elementwise op. Elementwise goldens follow from this alone; every other op has its reference in
rows.py, contractions.py, conversions.py or moves.py, and the script fails when one is missing."""
import argparse
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True  # a test folder is no place for caches

import contractions
import conversions
import elementwise
import moves
import rows
from cases import write

HERE = os.path.dirname(os.path.abspath(__file__))


def read_table(path):
    if path:
        with open(path) as f:
            return json.load(f)
    nfc = os.path.join(HERE, "..", "..", "build", "nfc")
    return json.loads(
        subprocess.run([nfc, "ops", "--json"], check=True, stdout=subprocess.PIPE).stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ops")
    parser.add_argument("op", nargs="*")
    args = parser.parse_args()
    by_hand = {**rows.CASES, **contractions.CASES, **conversions.CASES, **moves.CASES}
    graphs = 0
    for row in read_table(args.ops):
        if args.op and row["name"] not in args.op:
            continue
        if row["family"] == "elementwise":
            cases = elementwise.cases_of(row)
        elif row["name"] in by_hand:
            cases = by_hand[row["name"]](row)
        else:
            sys.exit("%s: there is no reference for this op" % row["name"])
        write(HERE, row["name"], cases)
        graphs += len(cases)
    print("%d graphs" % graphs)


if __name__ == "__main__":
    main()
