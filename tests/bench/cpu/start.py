#!/usr/bin/env python3
"""How long from the start of a process to its first result: the emitted program against ONNX Runtime, in one run. See README.md.

usage: start.py --cache FOLDER --nfc FILE [--device D] [--models A,B] [--threads 1,2] [--rounds 15] [--cores 0,1] [--out FILE.md]

Three programs load the model, run it once and write what came out: the emitted one; a C program over ONNX Runtime's library; and
Python with the same library. Each has run before, so that all files are in memory, and its results have been checked. Ends with 1 when ours are wrong."""
import datetime, json, os, shlex, statistics, subprocess, sys, tempfile, time
import numpy as np
import bench, peer, report, work, worker
from peers import nfc, onnxruntime


class Start:
    """One program: how to call it, and what it writes into `folder`."""

    def __init__(self, title, command, results):
        self.title, self.command, self.results, self.ms, self.imports = title, command, results, [], []

    def run(self, environment):
        start = time.monotonic()
        done = subprocess.run(self.command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        elapsed = time.monotonic() - start
        if done.returncode:
            sys.exit("start.py: %s: %s" % (self.title, (done.stderr.strip().splitlines() or ["status %d" % done.returncode])[-1]))
        return elapsed * 1e3, done.stdout

    def turn(self, environment):
        ms, said = self.run(environment)
        self.ms.append(ms)
        if self.title.endswith("Python"):
            self.imports.append(float(said) * 1e3)


def header_bytes(path):
    """Of a .npy file: where its elements begin."""
    with open(path, "rb") as f:
        version = np.lib.format.read_magic(f)
        (np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0)(f)
        return f.tell()


def emitted(model, threads, folder):
    """The program as `nfc build` leaves it; outputs go by the names of its ports."""
    device, target = model.options["device"], os.path.join(model.folder, "nfc", "start-%s-%d" % (model.name, threads))
    nfc.run([model.options["nfc"], "build", model.path, "--device", device, "-q", "-o", target, *(["--threads", str(threads)] if threads > 1 else [])])
    with open(os.path.join(target, "manifest.json")) as f:
        graph, prefix = (lambda api: (api["graphs"][0], api["prefix"]))(json.load(f)["api"])
    program = os.path.join(target, prefix)
    inputs = ["--input=%s=%s" % (p["name"], work.path(model.folder, model.name, "in%d.npy" % i)) for i, p in enumerate(graph["inputs"])]
    results = lambda: [np.load(os.path.join(folder, p["name"] + ".npy")) for p in graph["outputs"]]
    return Start("nfc", [program, *inputs, "--output", folder], results), [program, *inputs, "--bench=20"]


def by_library(model, threads, folder):
    library = onnxruntime.library_path()
    program = os.path.join(model.folder, "lib", "start_onnxruntime")
    os.makedirs(os.path.dirname(program), exist_ok=True)
    places = ["-DPLACE_%s=%d" % p for p in onnxruntime.PLACES.items()] + ["-DAPI_VERSION=%d" % onnxruntime.API_VERSION]
    subprocess.run([os.environ.get("CC", "gcc"), "-std=c11", "-D_GNU_SOURCE", "-O2", *places, os.path.join(work.HERE, "start_onnxruntime.c"), "-o", program, "-ldl"],
                   check=True)

    def words(ports, place):
        for i, p in enumerate(ports):
            dtype = np.dtype(p["dtype"])
            path, skip = place(i)
            yield from (p["name"], onnxruntime.ELEMENTS[dtype], int(np.prod(p["shape"])) * dtype.itemsize, len(p["shape"]), *p["shape"], path, skip)

    def input_place(i):
        path = work.path(model.folder, model.name, "in%d.npy" % i)
        return path, header_bytes(path)

    outputs = model.about["outputs"]
    output_path = lambda i: os.path.join(folder, "%d.raw" % i)
    command = [program, library, model.path, threads, len(model.about["inputs"]), *words(model.about["inputs"], input_place),
               len(outputs), *words(outputs, lambda i: (output_path(i), 0))]
    results = lambda: [np.fromfile(output_path(i), p["dtype"]).reshape(p["shape"]) for i, p in enumerate(outputs)]
    return Start("ONNX Runtime, C", [str(w) for w in command], results)


def by_python(model, threads, folder):
    inputs = ["%s=%s" % (p["name"], work.path(model.folder, model.name, "in%d.npy" % i)) for i, p in enumerate(model.about["inputs"])]
    results = lambda: [np.load(os.path.join(folder, "%d.npy" % i)) for i in range(len(model.about["outputs"]))]
    return Start("ONNX Runtime, Python", [sys.executable, os.path.join(work.HERE, "start_onnxruntime.py"), model.path, str(threads), folder, *inputs], results)


def one_run(command, environment):
    """The shortest of 20 runs of the emitted program when it is warm, ms: what no start can be below."""
    said = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    return float(said.split("min ")[1].split(" us")[0]) * 1e-3


def check(start, model, environment):
    start.run(environment)
    error = worker.error_of(start.results(), model.golden())
    if error > bench.BOUND:
        sys.exit("start.py: %s gives wrong results for %s: off by %.2g of the largest value" % (start.title, model.name, error))


def measure(name, threads, options):
    os.sched_setaffinity(0, options.cores[:threads])
    environment = bench.environment(threads)
    model = peer.Model(options.cache, name, {"nfc": os.path.abspath(options.nfc), "device": options.device})
    with tempfile.TemporaryDirectory() as folder:
        ours, warm = emitted(model, threads, folder)
        starts, least = [ours, by_library(model, threads, folder), by_python(model, threads, folder)], []
        for s in starts:
            check(s, model, environment)
        for turn in range(options.rounds):
            bench.progress("%s, %d threads: round %d of %d" % (name, threads, turn + 1, options.rounds))
            for s in starts:
                s.turn(environment)
            least.append(one_run(warm, environment))
    bench.progress("")
    return {"model": name, "threads": threads, "run": min(least), "starts": {s.title: {"ms": s.ms, "imports": s.imports} for s in starts}}


def cell(samples):
    middle = statistics.median(samples)
    return "%s (%s to %s)" % tuple(report.number(x) for x in (middle, min(samples), max(samples)))


def markdown(machine, rows):
    text = ["%(date)s, %(cpu)s, Linux %(system)s, load %(load).1f at the end; nfc for device %(device)s; `%(command)s`" % machine, "",
            "From the start of a process to its first result, ms: the median of %(rounds)d, and the least to the most; what is read lies in memory." % machine, "",
            "| model | threads | nfc | of it one warm run | ONNX Runtime, C | ONNX Runtime, Python | of it imports | nfc / C | nfc / Python |", "|---" + "|--:" * 8 + "|"]
    for r in rows:
        ours, library, python = (r["starts"][k]["ms"] for k in ("nfc", "ONNX Runtime, C", "ONNX Runtime, Python"))
        middle = statistics.median
        text.append("| %s | %d | %s | %s | %s | %s | %s | %.3f | %.3f |" % (
            r["model"], r["threads"], cell(ours), report.number(r["run"]), cell(library), cell(python),
            report.number(middle(r["starts"]["ONNX Runtime, Python"]["imports"])), middle(ours) / middle(library), middle(ours) / middle(python)))
    return "\n".join([*text, ""])


def main():
    options = bench.parsed(bench.parser(__doc__, ["resnet50"], 15), sys.argv[1:])
    models = bench.chosen(options)
    if not models:
        sys.exit("start.py: no such model in %s: models.py makes them" % options.cache)
    rows = [measure(m, t, options) for m in models for t in options.threads]
    machine = {"date": datetime.date.today().isoformat(), "cpu": report.cpu_name(), "system": os.uname().release, "load": os.getloadavg()[0],
               "command": os.environ.get("NFC_BENCH_COMMAND") or shlex.join([os.path.basename(sys.argv[0]), *sys.argv[1:]]),
               "rounds": options.rounds, "device": options.device}
    text = markdown(machine, rows)
    print(text)
    if options.out:
        with open(options.out, "w") as f:
            f.write(text)
        with open(options.out + ".json", "w") as f:
            json.dump({"machine": machine, "rows": rows}, f, indent=1)


if __name__ == "__main__":
    main()
