#!/usr/bin/env python3
"""Random modules in the simulator, as emitted C under sanitizers, and as their own JSON: all must give the same bytes.

usage: run.py BUILD WORK FIRST COUNT       modules of the seeds FIRST .. FIRST + COUNT - 1
A module that differs is left in WORK as SEED.nfg."""
import concurrent.futures as futures
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import numpy as np

import generate

NUMPY = {"f32": np.float32, "i32": np.int32, "i64": np.int64, "i8": np.int8, "bool": np.bool_}
RUNS = 3


def inputs_of(module, folder, seed):
    """Writes the inputs; returns the arguments that name them."""
    rng, args = np.random.default_rng(seed), []
    free = int(rng.integers(1, 8))
    for v in module.inputs:
        shape = [free if d == "S" else d for d in v.shape]
        np.save(os.path.join(folder, v.name + ".npy"), np.asarray(rng.integers(-9, 10, shape), dtype=NUMPY[v.dtype]))
        args += ["--input", "%s=%s.npy" % (v.name, os.path.join(folder, v.name))]
    np.save(os.path.join(folder, "n.npy"), np.int32(rng.integers(0, 5)))
    return args + ["--input", "n=" + os.path.join(folder, "n.npy"), "--runs", str(RUNS)]


def run(command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


def results(folder):
    return {f: open(os.path.join(folder, f), "rb").read() for f in sorted(os.listdir(folder))}


def one(nfc, work, seed):
    """None, or what went wrong."""
    folder = os.path.join(work, str(seed))
    os.makedirs(folder)
    module = generate.Module(seed)
    path = os.path.join(folder, "m.nfg")
    with open(path, "w") as f:
        f.write(module.text())
    args = inputs_of(module, folder, seed)
    sim = run([nfc, "sim", path, "--output", os.path.join(folder, "sim"), "--state-out", os.path.join(folder, "sim.state")] + args)
    if sim.returncode:
        return "sim: " + sim.stderr
    device = os.path.join(work, "device.json")
    build = run([nfc, "build", path, "--device", device, "-o", os.path.join(folder, "out")])
    if build.returncode:
        return "build: " + build.stderr
    exe = run([os.path.join(folder, "out", "m"), "--output", os.path.join(folder, "exe"), "--state", os.path.join(folder, "exe.state")] + args)
    if exe.returncode:
        return "run: %d %s" % (exe.returncode, exe.stderr)
    if results(os.path.join(folder, "sim")) != results(os.path.join(folder, "exe")):
        return "outputs differ"
    if open(os.path.join(folder, "sim.state"), "rb").read() != open(os.path.join(folder, "exe.state"), "rb").read():
        return "states differ"
    exported = run([nfc, "export", path, "--format=json", "-o", os.path.join(folder, "m.json")])
    if exported.returncode:
        return "export: " + exported.stderr
    again = run([nfc, "sim", os.path.join(folder, "m.json"), "--output", os.path.join(folder, "again")] + args)
    if again.returncode or results(os.path.join(folder, "sim")) != results(os.path.join(folder, "again")):
        return "the JSON form gives something else: " + again.stderr
    shutil.rmtree(folder)
    return None


def main():
    nfc, work = os.path.join(os.path.abspath(sys.argv[1]), "nfc"), sys.argv[2]
    first, count = int(sys.argv[3]), int(sys.argv[4])
    text = open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "devices", "host.json")).read()
    text = text.replace('"cc"', '"clang-14"').replace('"-O3"', '"-O1", "-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"').replace('"link": [', '"link": ["-fsanitize=address,undefined", ')
    with open(os.path.join(work, "device.json"), "w") as f:
        f.write(text)
    failed = 0
    with futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for seed, wrong in zip(range(first, first + count), pool.map(lambda s: one(nfc, work, s), range(first, first + count))):
            if wrong:
                failed += 1
                print("fuzz: seed %d: %s" % (seed, wrong[:1500]), flush=True)
    print("fuzz: %d random modules, the simulator and emitted C under sanitizers: %d passed, %d failed" % (count, count - failed, failed))
    sys.exit(failed > 0)


main()
