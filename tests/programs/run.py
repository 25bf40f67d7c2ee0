#!/usr/bin/env python3
"""Programs that were, or could well be, compiled wrongly: the simulator against the emitted program, under sanitizers
and optimised.

usage: run.py BUILD WORK [PROGRAM.nfg...]

Every program runs three times with other inputs, and the state goes on. Lines of comment steer that:
  // run: n=2, S=3, graph=put, c=1   one run with these scalars, free dims and graph; instead of the three, each line one
  // run: pos=9 -> fails             both must refuse the run, with status 1 and without touching wrong memory
  // special                         floats are also infinities, NaNs, zeros of both signs
  // close                           floats may differ by 1e-6 of the largest magnitude; without it, by nothing
  // options: --fast-math            more options of nfc build
  // emits: TEXT                     this stands in the emitted NAME.c
  // lacks: TEXT                     this does not"""
import concurrent.futures as futures
import glob
import json
import os
import shutil
import subprocess
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "emit"))
import compiled

NUMPY = {"f64": np.float64, "f32": np.float32, "f16": np.float16, "i64": np.int64, "i32": np.int32, "i16": np.int16, "i8": np.int8,
         "u64": np.uint64, "u32": np.uint32, "u16": np.uint16, "u8": np.uint8, "bool": np.bool_}
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-42, 3e38, -1.5]


def run(command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def directives(path):
    d = {"runs": [], "special": False, "close": False, "options": [], "emits": [], "lacks": []}
    for line in open(path):
        if not line.startswith("// "):
            continue
        word = line[3:].strip()
        if word in ("special", "close"):
            d[word] = True
        elif word.startswith("options:"):
            d["options"] = word[8:].split()
        elif word.startswith(("emits:", "lacks:")):
            d[word[:5]].append(word[6:].strip())
        elif word.startswith("run:"):
            said, _, end = word[4:].partition("->")
            d["runs"].append((dict(p.strip().split("=") for p in said.split(",") if p.strip()), end.strip() == "fails"))
    d["runs"] = d["runs"] or [({}, False)] * 3
    return d


def array(rng, port, given, special):
    """The elements of an input, small numbers that any order of sums gives exactly."""
    shape = [int(given.get(n, 3)) if isinstance(n, str) else n for n in port["shape"]]
    dtype = NUMPY[port["dtype"]]
    if port["name"] in given:
        return np.full(shape, int(given[port["name"]]), dtype=dtype)
    low = 0 if port["dtype"][0] in "ub" else -9
    a = np.asarray(rng.integers(low, 2 if port["dtype"] == "bool" else 10, shape)).astype(dtype)
    if special and port["dtype"][0] == "f":
        pick = rng.integers(0, 2 * len(SPECIAL), shape)
        for i, s in enumerate(SPECIAL):
            a = np.where(pick == i, dtype(s), a).astype(dtype)
    return a


def same(a, b, close):
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype.kind != "f":
        return np.array_equal(a, b)
    number = ~(np.isnan(a) | np.isnan(b))
    if not np.array_equal(np.isnan(a), np.isnan(b)):
        return False
    if close:
        x, y = a[number].astype(float), b[number].astype(float)
        finite = np.isfinite(x)
        return np.array_equal(x[~finite], y[~finite]) and np.all(np.abs(x - y)[finite] <= 1e-6 * max(np.abs(x[finite]).max(initial=0), 1e-30))
    return np.array_equal(a[number], b[number]) and np.array_equal(np.signbit(a[number]), np.signbit(b[number]))


def compare(sim, exe, close):
    names = sorted(os.listdir(sim))
    if names != sorted(os.listdir(exe)):
        return "other outputs: %s, %s" % (names, os.listdir(exe))
    for n in names:
        a, b = np.load(os.path.join(sim, n)), np.load(os.path.join(exe, n))
        if not same(a, b, close):
            return "%s is\n%s, and should be\n%s" % (n, b, a)
    return None


def one_run(nfc, path, folder, manifest, programs, number, given, fails, d):
    at = lambda name: os.path.join(folder, name)
    rng = np.random.default_rng(number)
    graphs = manifest["api"]["graphs"]
    graph = next(g for g in graphs if g["name"] == given.get("graph", graphs[0]["name"]))
    args = ["--graph", graph["name"]] if len(graphs) > 1 else []
    os.makedirs(at("in%d" % number))
    for port in graph["inputs"]:
        file = at("in%d/%s.npy" % (number, port["name"]))
        np.save(file, array(rng, port, given, d["special"]))
        args += ["--input", "%s=%s" % (port["name"], file)]
    for s in ["sim"] + list(programs):
        if os.path.exists(at(s + ".state")):
            shutil.copy(at(s + ".state"), at(s + ".next"))
    before = ["--state-in", at("sim.state")] if os.path.exists(at("sim.state")) else []
    sim = run([nfc, "sim", "--quiet", path, "--output", at("sim%d" % number), "--state-out", at("sim.next")] + before + args)
    for way, program in programs.items():
        exe = run([program, "--output", at("%s%d" % (way, number))] + (["--state", at(way + ".next")] if manifest["api"]["state_bytes"] else []) + args)
        if "anitizer" in exe.stderr or "runtime error" in exe.stderr:
            return exe.stderr
        if (sim.returncode, exe.returncode) != ((1, 1) if fails else (0, 0)):
            return "%s: %sthe simulator says %d, the program %d: %s%s" % (way, "should be refused: " if fails else "", sim.returncode, exe.returncode, sim.stderr, exe.stderr)
        wrong = None if fails else compare(at("sim%d" % number), at("%s%d" % (way, number)), d["close"])
        if wrong:
            return "%s: %s" % (way, wrong)
    return None if fails or not manifest["api"]["state_bytes"] else keep_states(at, list(programs), d["close"])


def keep_states(at, ways, close):
    """The states go on; None, or which differ from the simulator's."""
    for s in ["sim"] + ways:
        os.replace(at(s + ".next"), at(s + ".state"))
    read = lambda s: open(at(s + ".state"), "rb").read()
    return next(("%s: the states differ" % w for w in ways if not close and read(w) != read("sim")), None)


def one(nfc, work, path, runtime):
    """None, or what went wrong."""
    folder = os.path.join(work, os.path.basename(path)[:-4])
    os.makedirs(folder)
    d = directives(path)
    build = run([nfc, "build", "--quiet", path, "--emit=sources", "-o", os.path.join(folder, "out")] + d["options"])
    if build.returncode:
        return "build: " + build.stderr
    manifest = json.load(open(os.path.join(folder, "out", "manifest.json")))
    emitted = open(os.path.join(folder, "out", manifest["api"]["prefix"] + ".c")).read()
    for said, wanted in (("emits", True), ("lacks", False)):
        for text in d[said]:
            if (text in emitted) != wanted:
                return "the emitted C %s '%s'" % ("lacks" if wanted else "has", text)
    try:
        programs = {way: compiled.program(os.path.join(folder, "out"), way, runtime) for way in compiled.WAYS}
    except RuntimeError as e:
        return "compile: %s" % e
    for number, (given, fails) in enumerate(d["runs"]):
        wrong = one_run(nfc, path, folder, manifest, programs, number, given, fails, d)
        if wrong:
            return "run %d %s: %s" % (number, given or "", wrong)
    return None


def main():
    nfc, work = os.path.join(os.path.abspath(sys.argv[1]), "nfc"), sys.argv[2]
    paths = sys.argv[3:] or sorted(glob.glob(os.path.join(HERE, "*.nfg")))
    runtime = compiled.Runtime(work)
    failed = 0
    with futures.ThreadPoolExecutor(2) as pool:
        for path, wrong in zip(paths, pool.map(lambda p: one(nfc, work, p, runtime), paths)):
            if wrong:
                failed += 1
                print("FAILED programs/%s: %s" % (os.path.basename(path), wrong[:1500]), flush=True)
    print("tests/programs: %d passed, %d failed" % (len(paths) - failed, failed))
    sys.exit(failed > 0)


main()
