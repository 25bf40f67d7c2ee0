#!/usr/bin/python3
"""The golden tests of every op: OP.nfg and golden/OP/GRAPH/{inputs, outputs}.npy, made by NumPy alone.
A graph whose folder has error.txt must stop with the run error of that code.

usage: make_goldens.py [--check] [--nfc NFC] [OP ...]      all ops, and build/nfc, where none is named
Writes what is new or different, and removes what belongs to no op. --check only says what it would do,
and fails if there is anything.

What to make follows from the op table as `nfc ops --json` prints it. Elementwise goldens need nothing
else: an op's doc is its formula. Every other op has its reference in the modules beside this script;
it fails when one is missing."""
import argparse
import importlib
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True  # a test folder is no place for caches

import elementwise
from cases import files, same

HERE = os.path.dirname(os.path.abspath(__file__))
# A module's CASES have the references of the ops that are no elementwise ones.
BY_HAND = {}
for module in sorted(f[:-3] for f in os.listdir(HERE) if f.endswith(".py")):
    if module not in ("make_goldens", "compare", "cases", "elementwise"):
        BY_HAND.update(getattr(importlib.import_module(module), "CASES", {}))


def read_table(nfc):
    """The rows by name; an operand of a type variable gets its types as the others have them, an
    attribute its default as a value."""
    out = subprocess.run([nfc, "ops", "--json"], check=True, stdout=subprocess.PIPE).stdout
    table = json.loads(out)
    for name, row in table.items():
        row["name"] = name
        for operand in row["operands"]:
            if "type" in operand:
                operand["types"] = row["types"][operand["type"]]
        for attribute in row["attributes"]:
            if attribute["kind"] != "type" and "default" in attribute:
                attribute["default"] = json.loads(attribute["default"])
    return table


def cases_of(row):
    if row["family"] == "elementwise":
        return elementwise.cases_of(row)
    if row["name"] in BY_HAND:
        return BY_HAND[row["name"]](row)
    sys.exit("%s: there is no reference for this op" % row["name"])


def present(ops):
    """The paths of all generated files; of these ops, if any are named."""
    found = [f for f in os.listdir(HERE) if f.endswith(".nfg") and (not ops or f[:-4] in ops)]
    for folder, _, names in os.walk(os.path.join(HERE, "golden")):
        place = os.path.relpath(folder, HERE)
        if not ops or place.split(os.sep)[1:2] and place.split(os.sep)[1] in ops:
            found += [os.path.join(place, f) for f in names]
    return found


def read(path):
    try:
        with open(os.path.join(HERE, path), "rb") as f:
            return f.read()
    except FileNotFoundError:
        return None


def write(path, contents):
    os.makedirs(os.path.dirname(os.path.join(HERE, path)), exist_ok=True)
    with open(os.path.join(HERE, path), "wb") as f:
        f.write(contents)


def remove(path):
    os.remove(os.path.join(HERE, path))
    folder = os.path.dirname(path)
    while folder and not os.listdir(os.path.join(HERE, folder)):
        os.rmdir(os.path.join(HERE, folder))
        folder = os.path.dirname(folder)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--nfc", default=os.path.join(HERE, "..", "..", "build", "nfc"))
    parser.add_argument("op", nargs="*")
    args = parser.parse_args()
    table = read_table(args.nfc)
    for op in args.op:
        if op not in table:
            sys.exit("%s: there is no such op" % op)
    wanted, graphs = {}, 0
    for op in args.op or table:
        cases = cases_of(table[op])
        graphs += len(cases)
        wanted.update(files(op, cases))
    stale = sorted(set(present(args.op)) - set(wanted))
    changed = sorted(p for p, contents in wanted.items() if not same(read(p), contents))
    if args.check:
        for path in changed:
            print("%s: %s" % (path, "is missing" if read(path) is None else "is not what would be written"))
        for path in stale:
            print("%s: belongs to no case" % path)
    else:
        for path in changed:
            write(path, wanted[path])
        for path in stale:
            remove(path)
    print("%d graphs of %d ops: %d files, %d differ, %d left over" % (
        graphs, len(args.op or table), len(wanted), len(changed), len(stale)))
    sys.exit(args.check and bool(changed or stale))


if __name__ == "__main__":
    main()
