#!/usr/bin/env python3
"""The graphs of plans/ in every layout, with sanitizers, against the simulator.

usage: results.py NFC PLANS WORK"""
import concurrent.futures as futures
import json
import os
import re
import subprocess
import sys

import numpy as np

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "devices"))
from shipped import shipped  # noqa: E402

LAYOUTS = ("plain", "auto", "channels-last")
TOLERANCE = 1e-5  # of the largest magnitude of an output


def sanitizing_device(nfc, work, name="generic", compiler="clang-14"):
    """The description of a device with the compiler's checks."""
    device = shipped(nfc, name)
    checks = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    target = [f for f in device["compiler"]["flags"] if f.startswith("-m")]
    device["name"] = name + "-checked"
    device["compiler"].update(command=compiler, flags=["-O0", "-g1", "-ffp-contract=off"] + target + checks, link=checks + ["-lm"])
    path = os.path.join(work, "device.json")
    with open(path, "w") as f:
        json.dump(device, f)
    return path


def graphs_of(path):
    """(name, inputs with their shapes, names of outputs) of every graph."""
    with open(path) as f:
        text = f.read()
    ports = lambda t: [(n, [int(e) for e in s.split(",") if e]) for n, s in re.findall(r"^ +(\w+) : f32 \[([\d, ]*)\];", t, flags=re.M)]
    for part in re.split(r"^graph ", text, flags=re.M)[1:]:
        inputs, outputs = part.split("block entry", 1)[0].split("outputs {")
        yield part.split()[0], ports(inputs), [n for n, _ in ports(outputs)]


def call(command):
    p = subprocess.run(command, capture_output=True)
    return None if p.returncode == 0 else "%s\n%s" % (" ".join(command), p.stderr.decode(errors="replace")[-2000:])


def wrong_with(nfc, device, path, graph, inputs, outputs, folder):
    """What is wrong with a graph in some layout, or None."""
    os.makedirs(folder)
    random, given = np.random.default_rng(1), []
    for name, shape in inputs:
        file = os.path.join(folder, name + ".npy")
        np.save(file, random.standard_normal(shape).astype(np.float32))
        given += ["--input", "%s=%s" % (name, file)]
    results = lambda how: os.path.join(folder, how)
    said = call([nfc, "sim", path, "--graph", graph, "--output", results("sim")] + given)
    for layout in LAYOUTS:
        said = said or call([nfc, "run", path, "--graph", graph, "--device", device, "--layout=" + layout, "--output", results(layout)] + given)
        for name in outputs if not said else ():
            got, want = (np.load(os.path.join(results(how), name + ".npy")) for how in (layout, "sim"))
            if got.shape != want.shape or not np.abs(got - want).max() <= TOLERANCE * np.abs(want).max():
                said = "%s: differs in layout %s" % (name, layout)
    return said


def main():
    nfc, plans, work = sys.argv[1:]
    device, jobs, failed = sanitizing_device(nfc, work), [], 0
    with futures.ThreadPoolExecutor(3) as pool:
        for file in sorted(f for f in os.listdir(plans) if f.endswith(".nfg")):
            for graph, inputs, outputs in graphs_of(os.path.join(plans, file)):
                at = os.path.join(work, file[:-4], graph)
                jobs.append((file + " " + graph, pool.submit(wrong_with, nfc, device, os.path.join(plans, file), graph, inputs, outputs, at)))
        for name, job in jobs:
            said = job.result()
            failed += said is not None
            if said:
                print("FAILED %s: %s" % (name, said))
    print("layout: %d graphs in %d layouts, %d wrong" % (len(jobs), len(LAYOUTS), failed))
    return failed > 0 or not jobs


if __name__ == "__main__":
    sys.exit(main())
