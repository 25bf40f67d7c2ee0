"""check.py BUILD WORK SEED: random graphs, a few rows at a time, against the simulator."""
import json
import os
import random
import subprocess
import sys

import numpy as np

import graphs
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "devices"))
from shipped import shipped  # noqa: E402

GRAPHS = 12
TOLERANCE = 2e-5  # of the largest magnitude of the output
CHECKS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


def call(*command):
    p = subprocess.run(command, capture_output=True, text=True)
    if p.returncode != 0:
        raise SystemExit("FAILED %s\n%s" % (" ".join(command), (p.stdout + p.stderr)[-3000:]))
    return p.stdout


def device(nfc, work, base, compiler, flags):
    """A shipped device with another compiler; where flags watch what the program does, nothing is optimised away before they see it."""
    d = shipped(nfc, base)
    d["name"] = base + "-" + compiler
    kept = [f for f in d["compiler"]["flags"] if not f.startswith("-O")]
    d["compiler"].update(command=compiler, flags=kept + ["-O0" if flags else "-O1"] + flags, link=d["compiler"].get("link", []) + flags)
    path = os.path.join(work, d["name"] + ".json")
    with open(path, "w") as f:
        json.dump(d, f)
    return path


def build(nfc, module, device, to, *options):
    """The program's path, and its report."""
    call(nfc, "build", module, "--device", device, "-o", to, "-q", *options)
    with open(os.path.join(to, "report.json")) as f:
        return os.path.join(to, "random"), json.load(f)["graphs"]


def run(program, graph, given, to):
    call(program, "--graph", graph, "--output", to, *given)
    return np.load(os.path.join(to, "y.npy"))


def main():
    nfc, work, seed = os.path.join(sys.argv[1], "nfc"), sys.argv[2], int(sys.argv[3])
    source, values = random.Random(seed), np.random.default_rng(seed)
    module = os.path.join(work, "random.nfg")
    made = [graphs.Graph(source, "g%d" % i) for i in range(GRAPHS)]
    with open(module, "w") as f:
        f.write("\n".join(g.text() for g in made))
    given, want = {}, {}
    for g in made:
        given[g.name] = []
        for name, shape in g.inputs:
            file = os.path.join(work, "%s.%s.npy" % (g.name, name))
            scale = 1 if name == "x" or len(shape) < 4 else np.sqrt(1 / np.prod(shape[1:]))
            np.save(file, (values.standard_normal(shape) * scale).astype(np.float32))
            given[g.name] += ["--input", "%s=%s" % (name, file)]
        call(nfc, "sim", module, "--graph", g.name, "--output", os.path.join(work, "sim." + g.name), *given[g.name])
        want[g.name] = np.load(os.path.join(work, "sim." + g.name, "y.npy"))
    checked = {d: device(nfc, work, d, "clang-14", CHECKS) for d in ("generic", "x86-avx2", "x86-avx512")}
    ways = [("generic gcc, 1 row", device(nfc, work, "generic", "gcc", []), ["--chains=1"]), ("generic clang, 3 rows", checked["generic"], ["--chains=3"]),
            ("generic clang, on", checked["generic"], ["--chains=on"]), ("avx2, 2 rows", checked["x86-avx2"], ["--chains=2"]), ("avx2, plain, 5 rows", checked["x86-avx2"], ["--chains=5", "--layout=plain"]),
            ("avx512, all", checked["x86-avx512"], ["--chains=all"])]
    with open("/proc/cpuinfo") as f:
        if "avx512bw" not in f.read():
            print("avx512: NOT TESTED: this processor has none")
            ways.pop()
    _, without = build(nfc, module, checked["generic"], os.path.join(work, "off"), "--chains=off", "--emit=sources")
    failed = chained = 0
    for n, (name, path, options) in enumerate(ways):
        program, report = build(nfc, module, path, os.path.join(work, "way%d" % n), *options)
        many = build(nfc, module, path, os.path.join(work, "many%d" % n), "--threads=3", *options)[0] if "avx2, 2" in name else None
        for g, r, plain in zip(made, report, without):
            chained += len(r["chains"]) > 0
            to = os.path.join(work, "%d.%s" % (n, g.name))
            got = run(program, g.name, given[g.name], to)
            wrong = got.shape != want[g.name].shape or not np.abs(got - want[g.name]).max() <= TOLERANCE * np.abs(want[g.name]).max()
            wrong |= r["arena"]["bytes"] > 1.02 * r["arena"]["lower_bound"] + 64 * len(r["arena"]["buffers"])
            if "on" in options[0] and r["arena"]["bytes"] > plain["arena"]["bytes"]:
                wrong = True
            if many and run(many, g.name, given[g.name], to + ".many").tobytes() != got.tobytes():
                wrong = True
            if wrong:
                failed += 1
                print("FAILED %s: %s, seed %d: arena %d, without chains %d" % (name, g.name, seed, r["arena"]["bytes"], plain["arena"]["bytes"]))
    if chained < GRAPHS * len(ways) / 2:
        failed += 1
        print("FAILED: only %d of %d programs have chains" % (chained, GRAPHS * len(ways)))
    print("tests/chains: %d graphs in %d ways, %d with chains, %d failed" % (GRAPHS, len(ways), chained, failed))
    return failed > 0


sys.exit(main())
