#!/usr/bin/env python3
"""Random graphs in the simulator, as naive loops and as scheduled kernels: what comes out must be the same.

usage: run.py BUILD WORK [--first N] [--count N] [--seed N] [--jobs N] [--resume FILE] [--keep DIR] [--no-shrink] [--sabotage "OLD=>NEW"]
  --first N    the seed of the first graph, the others follow; also NFC_SEED
  --seed N     one graph, however it is compiled
  --resume FILE  what is done is written down there, and not done again; also NFC_RESUME
  --keep DIR   where failing graphs are left
  --no-shrink  failing graphs are shown as they are
  --sabotage   what stands in the scheduled C as OLD becomes NEW: to see that it is found

How close floats must be follows from the graph itself: it is run again with every result whose last places are open, and
everything that goes into such an op, multiplied by random factors near 1. Where that moves nothing, nothing may differ."""
import argparse
import collections
import concurrent.futures as futures
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path[1:1] = [os.path.join(os.path.dirname(HERE), folder) for folder in ("emit", "ops")]
sys.dont_write_bytecode = True
import numpy as np

import compiled
import elements
import generate
import shrink
import tensor_file
import ways
from graph import Dim, Op, Printer, walk

PER_MODULE = 16
# How often noise is drawn before a difference is one: of floats, and of what steps from one number to the next: a bf16 beside a
# boundary of its rounding, compared for equality, takes one draw in some thirty to cross it.
FEW_DRAWS, MANY_DRAWS = 18, 120

class Failure(Exception):
    def __init__(self, seed, way, what, graph=None):
        super().__init__(what)
        self.seed, self.way, self.what, self.graph = seed, way, what, graph


def run(command, **more):
    return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=300, **more)


def refused(p):
    """A proper diagnostic: a code and a place, and nothing else went wrong."""
    return p.returncode in (1, 3) and re.search(r"NFC\d{4}", p.stderr) and "NFC99" not in p.stderr


class Case:
    """One graph with its files."""

    def __init__(self, graph, folder, fast):
        self.g, self.folder = graph, folder
        self.any_infinity = fast
        os.makedirs(folder, exist_ok=True)
        self.name = graph.name
        head, body = Printer(graph).text()
        noisy = Printer(graph, noise=True, fast=fast)
        noisy_text = "".join(noisy.text())
        self.head, self.body, self.noises = head, body, noisy.noises
        self.path = self.at(self.name + ".nfg")
        for path, words in ((self.path, head + body), (self.at("noise.nfg"), noisy_text)):
            with open(path, "w") as f:
                f.write(words)
        rng = np.random.RandomState(graph.seed)
        if graph.weights:
            tensor_file.save(self.at(self.name + ".safetensors"), {v.plain: elements.draw(rng, v, v.shape) for v in graph.weights}, types={v.plain: v.dtype for v in graph.weights})
        self.binds = ["-D%s=%d" % (k, now) for k, (_, now) in graph.dims.items()] if graph.bind else []
        self.runs = 2 if graph.states else 1
        self.given = [self.inputs(rng, r) for r in range(self.runs)]

    def at(self, name):
        return os.path.join(self.folder, name)

    def ops(self):
        return {s.op for s in walk(self.g.body) if isinstance(s, Op)}

    def extent(self, v):
        return [self.g.dims[d][1] if isinstance(d, Dim) else d for d in v.shape]

    def inputs(self, rng, r):
        args = []
        for v in self.g.inputs:
            path = self.at("in%d_%s.npy" % (r, v.name))
            elements.save(path, elements.draw(rng, v, self.extent(v)))
            args += ["--input", "%s=%s" % (v.name, path)]
        return args

    def noise(self, draw):
        rng, args = np.random.RandomState(self.g.seed * 100 + draw), []
        for v in self.noises:
            path = self.at("%s.npy" % v.name)
            elements.save(path, elements.noise(rng, v.dtype, self.extent(v), v.data[0] if v.data else "one", v.terms))
            args += ["--input", "%s=%s" % (v.name, path)]
        return args

    def simulate(self, nfc, to, path, more=()):
        """The status of the last run; the outputs of run r are in TO.r, the state in TO.state."""
        for r in range(self.runs):
            state = ["--state-out", self.at(to + ".state")] if self.g.states else []
            if r:
                state += ["--state-in", self.at(to + ".state")]
            p = run([nfc, "sim", "-q", path, "--output", self.at("%s.%d" % (to, r))] + state + self.binds + self.given[r] + list(more))
            if p.returncode:
                return p
        return p

    def execute(self, program, to):
        state = self.at(to + ".state")
        if os.path.exists(state):
            os.remove(state)
        for r in range(self.runs):
            p = run([program, "--graph", self.name, "--output", self.at("%s.%d" % (to, r))] + (["--state", state] if self.g.states else []) + self.given[r])
            if p.returncode:
                return p
        return p

    def result(self, to, r, name):
        return np.load(self.at("%s.%d/%s.npy" % (to, r, name)))

    def compare(self, to, noisy):
        """None, or what is wrong with what a program made."""
        for r in range(self.runs):
            for name, v in self.g.outputs:
                drawn = noisy[:FEW_DRAWS] if elements.is_float(v.dtype) else noisy
                wrong = elements.differ(v.dtype, self.result(to, r, name), self.result("sim", r, name), [self.result(n, r, name) for n in drawn], self.any_infinity)
                if wrong:
                    return "run %d: %s %s" % (r, name, wrong)
        return None


class Batch:
    """Some graphs as one module."""

    def __init__(self, nfc, work, rows, runtime, number):
        self.nfc, self.work, self.rows, self.runtime, self.number = nfc, work, rows, runtime, number
        self.ways = ways.ways(number, work)
        self.count = collections.Counter()
        self.ops = collections.Counter()

    # ---- steps -------------------------------------------------------------------------------------

    def prepare(self, graph):
        """A case that the front end takes and the simulator has run, or None."""
        c = Case(graph, os.path.join(self.work, graph.name), "--fast-math" in self.ways["tuned"][3])
        c.sim = c.simulate(self.nfc, "sim", c.path)
        if c.sim.returncode and not re.search(r"NFC1\d{3}", c.sim.stderr):
            p = run([self.nfc, "check", "-q", c.path] + c.binds)
            if not refused(p) or not refused(c.sim):
                raise Failure(graph.seed, "sim", "nfc sim ends with %d, nfc check with %d: %s" % (c.sim.returncode, p.returncode, (c.sim.stderr + p.stderr)[:800]), graph)
            self.count["refused"] += 1
            self.count["refused: " + re.search(r"NFC\d{4}", p.stderr).group()] += 1
            if os.environ.get("NFC_REFUSALS"):
                print("refused: %s: %s" % (graph.name, p.stderr[:700]), flush=True)
            return None
        if c.sim.returncode:
            if c.sim.returncode != 1:
                raise Failure(graph.seed, "sim", "nfc sim ends with %d: %s" % (c.sim.returncode, c.sim.stderr[:800]), graph)
            self.count["run errors"] += 1
        # With --fast-math what would be cut off to the largest float need not be, nor what would be infinite, of which integers are made.
        c.noisy, c.unsteady = [], c.any_infinity and graph.saturates
        return c

    def add_noise(self, c, draws):
        """What noise makes of the results; only when it is asked for, as most of the time goes into the simulator."""
        for _ in range(draws if c.noises and not c.unsteady else 0):
            to = "noisy%d" % len(c.noisy)
            p = c.simulate(self.nfc, to, c.at("noise.nfg"), c.noise(len(c.noisy)))
            if p.returncode == 0:
                c.noisy.append(to)
            elif not re.search(r"NFC1\d{3}", p.stderr):
                raise Failure(c.g.seed, "noise", "with noise: %s" % p.stderr[:800], c.g)
            else:
                c.unsteady = True  # an index that follows from a float: nothing can be said of the run

    def module(self, cases, folder):
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, "m.nfg")
        with open(path, "w") as f:
            f.write("".join(c.head for c in cases) + "".join(c.body for c in cases))
        for c in cases:
            if c.g.weights:
                shutil.copy(c.at(c.name + ".safetensors"), folder)
        return path

    def build(self, cases, way, folder):
        device, _, _, options = self.ways[way]
        binds = [b for c in cases for b in c.binds]
        out = os.path.join(folder, way)
        command = [self.nfc, "build", "-q", self.module(cases, folder), "--device", device, "--emit=sources", "-o", out] + binds + options
        if way != "tuned" or self.number % 3:
            return run(command)
        path = os.path.join(folder, "random.schedules")
        ways.schedules(path, device, [], self.number)
        p = run(command + ["--schedules", path])
        if p.returncode:
            return p
        ways.schedules(path, device, self.keys(out), self.number)
        return run(command + ["--schedules", path])

    def keys(self, out):
        with open(os.path.join(out, "report.json")) as f:
            return sorted({k["key"] for g in json.load(f)["graphs"] for k in g["kernels"] if "key" in k})

    def compile(self, folder, way):
        device, compiler, flags, _ = self.ways[way]
        if STATE["sabotage"] and way == "tuned":
            source = os.path.join(folder, way, "m.c")
            with open(source) as f:
                text = f.read()
            with open(source, "w") as f:
                f.write(text.replace(*STATE["sabotage"]))
        name = "random-" + way + "-" + compiler + "-" + flags[0].strip("-") + str(len(flags))
        compiled.WAYS[name] = (compiler, ["-Wno-psabi"] + flags if compiler == "gcc" else flags, [f for f in flags if f.startswith("-fsanitize")])
        return compiled.program(os.path.join(folder, way), name, self.runtime)

    def builds(self, cases, way, folder):
        """The program, and the cases that the device takes. A module that is refused is taken apart."""
        p = self.build(cases, way, folder)
        if p.returncode == 0:
            try:
                if way == "tuned":
                    self.count.update("reached " + what for what in ways.reached(os.path.join(folder, way), {c.name: c.ops() for c in cases}))
                return [(self.compile(folder, way), cases)]
            except RuntimeError as e:
                if len(cases) == 1:
                    raise Failure(cases[0].g.seed, way, "compiler: %s" % str(e)[:1500], cases[0].g)
        elif len(cases) == 1:
            if refused(p):
                self.count["refused by " + way] += 1
                if os.environ.get("NFC_REFUSALS"):
                    print("refused: %s: %s" % (cases[0].name, p.stderr[:700]), flush=True)
                return []
            raise Failure(cases[0].g.seed, way, "nfc build ends with %d: %s" % (p.returncode, p.stderr[:1500]), cases[0].g)
        half = len(cases) // 2
        return self.both(lambda part, name: self.builds(part, way, os.path.join(folder, name)), cases[:half], cases[half:])

    def both(self, do, a, b):
        found = []
        for part, name in ((a, "a"), (b, "b")):
            try:
                found += do(part, name)
            except Failure as f:
                self.failures.append(f)
        return found

    def judge(self, c, way, program):
        p = c.execute(program, way)
        if c.sim.returncode or p.returncode:
            if c.sim.returncode and p.returncode == 1:
                return  # both say that the run is wrong
            if c.sim.returncode:
                raise Failure(c.g.seed, way, "the simulator says '%s', the program ends with %d: %s" % (c.sim.stderr.strip()[:300], p.returncode, p.stderr[:800]), c.g)
            self.add_noise(c, 2 - len(c.noisy))
            if c.unsteady and p.returncode == 1:
                return
            raise Failure(c.g.seed, way, "the program ends with %d: %s" % (p.returncode, p.stderr[:2000]), c.g)
        wrong = c.compare(way, c.noisy)
        for draws in (2, FEW_DRAWS, MANY_DRAWS):  # some more find a step that two draws did not find, perhaps
            if wrong and len(c.noisy) < draws:
                self.add_noise(c, draws - len(c.noisy))
                wrong = c.compare(way, c.noisy)
        if wrong and not c.unsteady:
            raise Failure(c.g.seed, way, wrong, c.g)

    def test(self, graphs):
        """Failures of these graphs."""
        self.failures, cases = [], []
        for g in graphs:
            try:
                c = self.prepare(g)
                if c:
                    cases.append(c)
            except Failure as f:
                self.failures.append(f)
            except subprocess.TimeoutExpired as e:
                self.failures.append(Failure(g.seed, "time", "takes longer than %d s: %s" % (e.timeout, " ".join(e.cmd[:3])), g))
        folder = os.path.join(self.work, "m%d" % self.number)
        for way in self.ways if cases else []:
            try:
                for program, part in self.builds(cases, way, folder):
                    for c in part:
                        try:
                            self.judge(c, way, program)
                        except Failure as f:
                            self.failures.append(f)
                        except subprocess.TimeoutExpired as e:
                            self.failures.append(Failure(c.g.seed, way, "takes longer than %d s" % e.timeout, c.g))
            except Failure as f:
                self.failures.append(f)
        self.count["graphs"] += len(cases)
        for c in cases:
            self.ops.update(c.ops())
            shutil.rmtree(c.folder)
        shutil.rmtree(folder, ignore_errors=True)
        return self.failures


STATE = {}


def setup(nfc, work, sabotage):
    mine = os.path.join(work, "p%d" % os.getpid())
    os.makedirs(mine)
    rows = generate.table(nfc)
    ways.write_devices(nfc, mine)
    STATE.update(nfc=nfc, work=mine, rows=rows, runtime=compiled.Runtime(mine), sabotage=sabotage)


def batch(number):
    return Batch(STATE["nfc"], STATE["work"], STATE["rows"], STATE["runtime"], number)


def work_on(number, seeds, keep, small):
    """What became of one module's graphs: counts, ops, and reports of the failures."""
    try:
        b = batch(number)
        failures = b.test([generate.generate(b.rows, s) for s in seeds])
        reports, told = [], set()
        for f in failures:
            if f.seed not in told:
                told.add(f.seed)
                reports.append(report(number, f, keep, small))
        return b.count, b.ops, reports
    except Exception:
        return collections.Counter(), collections.Counter(), ["module %d, seeds %s: %s" % (number, seeds, traceback.format_exc())]


def report(number, f, keep, small):
    graph = f.graph
    if small:
        def fails(g):
            b = batch(number)
            return any(x.way == f.way and shrink.kind(x.what) == shrink.kind(f.what) for x in b.test([g]))
        graph = shrink.shrink(generate.generate(STATE["rows"], f.seed), fails)
    words = "".join(Printer(graph).text())
    if keep:
        os.makedirs(keep, exist_ok=True)
        c = Case(graph, os.path.join(keep, "%d" % f.seed), "--fast-math" in batch(number).ways["tuned"][3])
        words += "(left in %s)\n" % c.folder
    device, compiler, flags, options = batch(number).ways.get(f.way, ("", "", [], []))
    how = "%s %s %s %s" % (os.path.basename(device), " ".join(options), compiler, " ".join(flags)) if compiler else f.way
    return "seed %d, %s (%s): %s\n%s  again: sh tests/random/run.sh build --seed %d" % (f.seed, f.way, how, f.what.strip(), words, f.seed)


def results(args, nfc, modules):
    """(counts, ops, reports) of each module; with --resume, those of a run before that was cut short stand in the file."""
    log, given = None, dict(modules)
    if args.resume:
        with open(nfc, "rb") as f:
            head = {"nfc": hashlib.sha256(f.read()).hexdigest(), "shrunk": not args.no_shrink, "sabotage": args.sabotage}
        lines = open(args.resume).read().splitlines() if os.path.exists(args.resume) else []
        if lines and json.loads(lines[0]) != head:
            sys.exit("tests/random: %s is of another nfc, or of other options" % args.resume)
        log = open(args.resume, "a")
        if not lines:
            log.write(json.dumps(head) + "\n")
        for line in filter(lambda l: l.endswith("}"), lines[1:]):  # the last one may be a part
            d = json.loads(line)
            if given.get(d["module"]) == d["seeds"]:
                del given[d["module"]]
                yield collections.Counter(d["count"]), collections.Counter(d["ops"]), d["reports"]
    with futures.ProcessPoolExecutor(args.jobs, initializer=setup, initargs=(nfc, args.work, args.sabotage and tuple(args.sabotage.split("=>")))) as pool:
        for number, (c, o, reports) in zip(given, pool.map(work_on, given, given.values(), [args.keep] * len(given), [not args.no_shrink] * len(given))):
            if log:
                log.write(json.dumps({"module": number, "seeds": given[number], "count": c, "ops": o, "reports": reports}) + "\n")
                log.flush()
            yield c, o, reports


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build"), parser.add_argument("work")
    parser.add_argument("--first", type=int, default=int(os.environ.get("NFC_SEED", 0)))
    parser.add_argument("--count", type=int, default=int(os.environ.get("NFC_GRAPHS", 400)))
    parser.add_argument("--jobs", type=int, default=int(os.environ.get("NFC_JOBS", len(os.sched_getaffinity(0)))))
    parser.add_argument("--seed", type=int), parser.add_argument("--keep"), parser.add_argument("--resume", default=os.environ.get("NFC_RESUME")), parser.add_argument("--no-shrink", action="store_true"), parser.add_argument("--sabotage")
    args = parser.parse_args()
    nfc = os.path.join(os.path.abspath(args.build), "nfc")
    seeds = [args.seed] if args.seed is not None else list(range(args.first, args.first + args.count))
    modules = collections.defaultdict(list)
    for s in seeds:
        modules[s // PER_MODULE].append(s)
    print("tests/random: seeds %d to %d, again: NFC_SEED=%d NFC_GRAPHS=%d sh tests/random/run.sh build" % (seeds[0], seeds[-1], seeds[0], len(seeds)), flush=True)
    count, ops, failed = collections.Counter(), collections.Counter(), 0
    for c, o, reports in results(args, nfc, modules):
        count, ops = count + c, ops + o
        for words in reports:
            failed += 1
            print("FAILED random/" + words, flush=True)
        if sys.stdout.isatty():
            print("\r%d of %d" % (count["graphs"], len(seeds)), end="", flush=True)
    rows = generate.table(nfc)
    missing = sorted(set(rows) - set(ops)) if len(seeds) >= 2 * len(rows) else []
    if missing:
        print("FAILED random/ops: no graph has %s" % ", ".join(missing))
    reached = {what: count["reached " + what] for what in ways.REACHED}
    lacking = [what for what, n in reached.items() if n == 0] if len(seeds) >= 2 * len(rows) else []
    if lacking:
        failed += 1
        print("FAILED random/reached: no graph has %s" % ", ".join(lacking))
    if count["refused"] > len(seeds) // 10:
        failed += 1
        print("FAILED random/refused: the front end refuses %d of %d graphs: %s" % (count["refused"], len(seeds), {k: n for k, n in count.items() if ": " in k}))
    print("tests/random: %d graphs with %d of %d ops in the simulator, as naive loops and scheduled (%d refused, %d by a device, %d end in a run error; %s): %d failed" % (
        count["graphs"], len(ops), len(rows), count["refused"], count["refused by naive"] + count["refused by tuned"], count["run errors"],
        ", ".join("%d with %s" % (n, what) for what, n in reached.items()), failed + bool(missing)))
    sys.exit(failed + bool(missing) > 0)


if __name__ == "__main__":
    main()
