#!/usr/bin/env python3
"""The graphs of chains.nfg: which become one op, and what they compute with schedules, under sanitizers and with --strict,
against the simulator, which has the steps.

usage: check.py NFC WORK DEVICE"""
import os
import re
import subprocess
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "layout"))
from results import call, graphs_of, sanitizing_device  # noqa: E402

CHAINS = os.path.join(HERE, "chains.nfg")
TOLERANCE = 1e-5  # of the largest magnitude of an output


def ops_of(nfc, device, graph, *flags):
    """The text of a graph's kernels, before they are fused."""
    p = subprocess.run([nfc, "check", CHAINS, "--device", device, "--dump=attend"] + list(flags), capture_output=True, text=True)
    found = re.search(r'graph "?%s"?\b.*?(?=\n *graph |\Z)' % graph, p.stdout, flags=re.S)
    return found.group(0) if found else ""


def differs(got, want):
    if got.shape != want.shape or not np.array_equal(np.isnan(got), np.isnan(want)):
        return True
    return not np.nanmax(np.abs(got - want), initial=0) <= TOLERANCE * np.nanmax(np.abs(want), initial=0)


def written_inputs(inputs, folder):
    """Random inputs as arguments of the programs."""
    os.makedirs(folder)
    random, given = np.random.default_rng(1), []
    for name, shape in inputs:
        file, x = os.path.join(folder, name + ".npy"), random.standard_normal(shape).astype(np.float32)
        if name == "mask":
            x[..., ::5] = -np.inf
        if name == "seen":
            x[:, 3] = -1
        np.save(file, x)
        given += ["--input", "%s=%s" % (name, file)]
    return given


def wrong_with(nfc, programs, graph, inputs, outputs, folder):
    """What is wrong with the results of a graph, or None."""
    given, want = written_inputs(inputs, folder), os.path.join(folder, "sim")
    said = call([nfc, "sim", CHAINS, "--graph", graph, "--output", want] + given)
    for program in programs:
        got = program + "-" + graph
        said = said or call([os.path.join(program, "chains"), "--graph", graph, "--output", got] + given)
        for name in outputs if not said else ():
            if differs(*(np.load(os.path.join(d, name + ".npy")) for d in (got, want))):
                said = "%s differs, of %s" % (name, os.path.basename(program))
    return said


def wrongly_made(nfc, device, graph):
    """Is it one op where it should not, or in steps?"""
    one = [len(re.findall(r"= sdpa\(", ops_of(nfc, device, graph, *how))) for how in ([], ["--strict"])]
    if one[1]:
        return "sums are in another order with --strict"
    return None if one[0] == graph.startswith("one_") else "is %d ops of attention" % one[0]


def main():
    nfc, work, name = sys.argv[1:]
    device, failed, graphs = sanitizing_device(nfc, work, name, "gcc"), 0, list(graphs_of(CHAINS))
    kernels = subprocess.run([nfc, "check", CHAINS, "--device", device, "--dump=kernels"], capture_output=True, text=True).stdout
    attending = [k for k in re.split(r"^(?=kernel )", kernels, flags=re.M) if re.match(r"kernel \w*sdpa", k)]
    if not attending or any("local total" not in k for k in attending):
        failed += 1
        print("FAILED: a kernel is not in blocks of queries")
    programs = [os.path.join(work, "scheduled"), os.path.join(work, "strict")]
    said = [call([nfc, "build", CHAINS, "--device", device, "-o", p] + how) for p, how in zip(programs, ([], ["--strict"]))]
    for graph, inputs, outputs in graphs:
        wrong = said[0] or said[1] or wrongly_made(nfc, device, graph) or wrong_with(nfc, programs, graph, inputs, outputs, os.path.join(work, graph))
        if wrong:
            failed += 1
            print("FAILED %s: %s" % (graph, wrong))
    print("attention: %s: %d graphs, %d wrong" % (name, len(graphs), failed))
    return failed > 0 or not graphs


sys.exit(main())
