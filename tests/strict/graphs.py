"""Random graphs of tests/random as modules with their inputs: graphs.py NFC WORK FIRST COUNT prints them as JSON.

[{"path", "binds", "graphs": [{"name", "arguments", "dtypes", "state"}]}]. A program of its own, for the modules of
tests/random and of tests/fuzz are called alike. Graphs that nfc refuses, or whose run ends with an error, are left out."""
import importlib.util
import json
import os
import shutil
import sys

RANDOM = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "random")
PER_MODULE = 12


def main():
    nfc, work, first, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    sys.path.insert(0, RANDOM)
    spec = importlib.util.spec_from_file_location("random_run", os.path.join(RANDOM, "run.py"))
    run = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(run)
    rows, cases = run.generate.table(nfc), []
    for seed in range(first, first + count):
        c = run.Case(run.generate.generate(rows, seed), os.path.join(work, "graph%d" % seed), fast=False)
        if run.run([nfc, "check", "-q", "--strict", c.path] + c.binds).returncode == 0 and c.simulate(nfc, "sim", c.path).returncode == 0:
            cases.append(c)
    modules = []
    for k in range(0, len(cases), PER_MODULE):
        part = cases[k:k + PER_MODULE]
        folder = os.path.join(work, "graphs%d" % len(modules))
        os.makedirs(folder)
        path = os.path.join(folder, "graphs%d.nfg" % len(modules))
        with open(path, "w") as f:
            f.write("".join(c.head for c in part) + "".join(c.body for c in part))
        for c in part:
            if c.g.weights:
                shutil.copy(c.at(c.name + ".safetensors"), folder)
        graphs = [{"name": c.name, "arguments": ["--graph", c.name] + c.given[0], "dtypes": {n: v.dtype for n, v in c.g.outputs}, "state": bool(c.g.states)} for c in part]
        modules.append({"path": path, "binds": [b for c in part for b in c.binds], "graphs": graphs})
    json.dump(modules, sys.stdout)


main()
