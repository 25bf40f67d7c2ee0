#!/usr/bin/env python3
"""Random modules in the simulator, as emitted C, under sanitizers and optimised, and as their own JSON: all must give the same bytes.

usage: run.py BUILD WORK FIRST COUNT       modules of the seeds FIRST .. FIRST + COUNT - 1
A module that differs is left in WORK as SEED.nfg."""
import concurrent.futures as futures
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(1, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "emit"))
import numpy as np

import compiled
import generate

NUMPY = {"f32": np.float32, "i32": np.int32, "i64": np.int64, "i8": np.int8, "bool": np.bool_}
RUNS = 3


def inputs_of(module, folder, seed):
    """Writes the inputs of one run; returns the arguments that name them."""
    rng, args = np.random.default_rng(seed), []
    free = int(rng.integers(1, 8))
    os.makedirs(folder)
    for v in module.inputs:
        shape = [free if d == "S" else d for d in v.shape]
        np.save(os.path.join(folder, v.name + ".npy"), np.asarray(rng.integers(-9, 10, shape), dtype=NUMPY[v.dtype]))
        args += ["--input", "%s=%s.npy" % (v.name, os.path.join(folder, v.name))]
    for name, top in (("n", 5), ("m", 2)):
        np.save(os.path.join(folder, name + ".npy"), np.int32(rng.integers(0, top)))
        args += ["--input", "%s=%s.npy" % (name, os.path.join(folder, name))]
    return args


def run(command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def results(folder):
    return {f: open(os.path.join(folder, f), "rb").read() for f in sorted(os.listdir(folder))}


def one(nfc, work, seed, runtime):
    """None, or what went wrong."""
    folder = os.path.join(work, str(seed))
    os.makedirs(folder)
    module = generate.Module(seed)
    path = os.path.join(folder, "m.nfg")
    with open(path, "w") as f:
        f.write(module.text())
    build = run([nfc, "build", path, "--emit=sources", "-o", os.path.join(folder, "out")])
    if build.returncode:
        return "build: " + build.stderr
    try:
        programs = {way: compiled.program(os.path.join(folder, "out"), way, runtime) for way in compiled.WAYS}
    except RuntimeError as e:
        return "compile: %s" % e
    exported = run([nfc, "export", path, "--format=json", "-o", os.path.join(folder, "m.json")])
    if exported.returncode:
        return "export: " + exported.stderr
    for r in range(RUNS):  # other inputs each time, and the state goes on
        at = lambda name: os.path.join(folder, name + str(r))
        args = inputs_of(module, at("in"), seed * RUNS + r)
        before = ["--state-in", os.path.join(folder, "sim.state")] if r else []
        sim = run([nfc, "sim", path, "--output", at("sim"), "--state-out", os.path.join(folder, "sim.state")] + before + args)
        if sim.returncode:
            return "sim: " + sim.stderr
        for way, program in programs.items():
            exe = run([program, "--output", at(way), "--state", os.path.join(folder, way + ".state")] + args)
            if exe.returncode:
                return "%s: run %d: %d %s" % (way, r, exe.returncode, exe.stderr)
            if results(at("sim")) != results(at(way)):
                return "%s: outputs of run %d differ" % (way, r)
            if open(os.path.join(folder, "sim.state"), "rb").read() != open(os.path.join(folder, way + ".state"), "rb").read():
                return "%s: states behind run %d differ" % (way, r)
        again = run([nfc, "sim", os.path.join(folder, "m.json"), "--output", at("again"), "--state-out", os.path.join(folder, "json.state")] + [a.replace("sim.state", "json.state") for a in before] + args)
        if again.returncode or results(at("sim")) != results(at("again")):
            return "the JSON form gives something else: " + again.stderr
    shutil.rmtree(folder)
    return None


def main():
    nfc, work = os.path.join(os.path.abspath(sys.argv[1]), "nfc"), sys.argv[2]
    first, count = int(sys.argv[3]), int(sys.argv[4])
    runtime = compiled.Runtime(work)
    failed = 0
    with futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for seed, wrong in zip(range(first, first + count), pool.map(lambda s: one(nfc, work, s, runtime), range(first, first + count))):
            if wrong:
                failed += 1
                print("fuzz: seed %d: %s" % (seed, wrong[:1500]), flush=True)
    print("fuzz: %d random modules, the simulator and emitted C, under sanitizers and optimised: %d passed, %d failed" % (count, count - failed, failed))
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
