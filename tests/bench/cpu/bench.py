#!/usr/bin/env python3
"""nfc's emitted C against the runtimes of others on this processor, in one run: see README.md.

usage: bench.py --cache FOLDER --nfc FILE [--device D] [--models A,B] [--peers P,Q] [--threads 1,2] [--rounds 5] [--seconds 0.4] [--least]
                [--cores 0,1] [--out FILE.md]

Each model, with each number of threads: every peer loads it in a process of its own, pinned, and its results are checked against the
golden ones; then all take turns, round after round, everyone else stopped. Ends with 1 when nfc is wrong or cannot run a model."""
import argparse, datetime, json, os, platform, shlex, signal, statistics, subprocess, sys
import report
import work

# In the order of the table's columns: files of peers/.
PEERS = ["nfc", "nfc_clang", "nfc_strict", "nfc_bf16", "onnxruntime", "openvino", "litert", "ncnn", "pytorch", "pytorch_compile", "openblas", "onednn", "onednn_bf16", "libxsmm"]
ASKED_FOR = ["nfc_bf16", "onednn_bf16"]  # not by default: it is no f32
BOUND = 1e-4  # of the largest value of an output; f32 against f64


# What would tell a peer's libraries which kernels to use, or how many threads: the bench's own settings only.
TUNING = ("OPENBLAS_", "MKL_", "DNNL_", "ONEDNN_", "OMP_", "KMP_", "GOMP_", "ATEN_", "ORT_", "OV_", "LIBXSMM_", "TORCH")


def environment(threads):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(TUNING)}
    return {**kept, **{k: str(threads) for k in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}}


class Worker:
    """One program of one peer: a process that is stopped when it is not its turn."""

    def __init__(self, peer, model, threads, cores, options):
        request = {"peer": peer, "model": model, "folder": options.cache, "threads": threads, "cores": cores,
                   "options": {"nfc": os.path.abspath(options.nfc), "device": options.device}}
        self.peer, self.rounds, self.summary = peer, [], min if options.least else statistics.median
        self.process = subprocess.Popen([sys.executable, "-B", os.path.join(work.HERE, "worker.py"), json.dumps(request)], env=environment(threads),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.said = self.hear()
        if self.said.get("ready") and self.said["error"] > (self.said["bound"] or BOUND):
            self.said = {"wrong": "off by %.2g of the largest value" % self.said["error"], **self.said, "ready": False}
        if self.ready:
            self.process.send_signal(signal.SIGSTOP)
        else:
            self.end()

    @property
    def ready(self):
        return bool(self.said.get("ready"))

    def hear(self):
        for line in self.process.stdout:
            if line.startswith("@ "):
                return json.loads(line[2:])
        return {"failed": "ended with status %s" % self.process.wait()}

    def turn(self, seconds):
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.write(json.dumps({"measure": seconds}) + "\n")
        self.process.stdin.flush()
        said = self.hear()
        if "samples" not in said:
            self.said = {**said, "ready": False}
            return
        self.process.send_signal(signal.SIGSTOP)
        self.rounds.append(self.summary(said["samples"]))

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def result(self):
        """What the table needs: times in ms."""
        what = {k: self.said[k] for k in ("version", "load", "error", "absent", "unsupported", "failed", "wrong") if k in self.said}
        if self.rounds:
            middle = statistics.median(self.rounds)
            what.update(ms=middle * 1e-6, least=min(self.rounds) * 1e-6, most=max(self.rounds) * 1e-6, rounds=len(self.rounds))
        return what


def ceilings(program, threads, cores, footprint):
    """GFLOP/s of multiply-adds, GB/s of reading: at this moment."""
    out = subprocess.run(["taskset", "-c", ",".join(map(str, cores)), program, str(threads), str(footprint)], check=True, stdout=subprocess.PIPE, text=True).stdout
    return [float(x) for x in out.split()]


def compile_ceilings(cache):
    target = os.path.join(cache, "lib", "ceilings")
    os.makedirs(os.path.dirname(target), exist_ok=True)
    subprocess.run([os.environ.get("CC", "gcc"), "-std=c11", "-D_GNU_SOURCE", "-O3", "-march=native", "-ffp-contract=fast", "-pthread",
                    os.path.join(work.HERE, "ceilings.c"), "-o", target], check=True)
    return target


def progress(text):
    if sys.stderr.isatty():
        print("\r\033[K" + text, end="", file=sys.stderr, flush=True)


def measure(model, threads, options, ceiling_program):
    """One row: what each peer said and took, and the machine's ceilings beside it."""
    with open(work.path(options.cache, model, "json")) as f:
        about = json.load(f)
    cores = options.cores[:threads]
    footprint = about["weight_bytes"] + about["port_bytes"]
    workers, limits = [], []
    try:
        for peer in options.peers:
            progress("%s, %d threads: %s loads" % (model, threads, peer))
            workers.append(Worker(peer, model, threads, cores, options))
        for turn in range(options.rounds):
            limits.append(ceilings(ceiling_program, threads, cores, footprint))
            for w in workers:
                if w.ready:
                    progress("%s, %d threads: round %d of %d, %s" % (model, threads, turn + 1, options.rounds, w.peer))
                    w.turn(options.seconds)
    finally:
        for w in workers:
            w.end()
        progress("")
    return {"model": model, "threads": threads, "flop": about["flop"], "bytes": footprint, "peers": {w.peer: w.result() for w in workers},
            "peak": max(p for p, _ in limits) * 1e9, "read": max(r for _, r in limits) * 1e9}


def split(text):
    return [t for t in text.split(",") if t]


def numbers(text):
    return [int(n) for n in split(text)]


def parser(about, models, rounds):
    """The options that every measurement has. about: its docstring; models, rounds: where none are given."""
    p = argparse.ArgumentParser(description=about.split("\n\n")[0])
    p.add_argument("--cache", required=True)
    p.add_argument("--nfc", required=True)
    p.add_argument("--device", default="host", help="nfc's device, or a file")
    p.add_argument("--models", type=split, default=models, help="parts of names" + ("" if models else "; all by default"))
    p.add_argument("--threads", type=numbers, default=[1, 2])
    p.add_argument("--rounds", type=int, default=rounds)
    p.add_argument("--cores", type=numbers, default=sorted(os.sched_getaffinity(0)))
    p.add_argument("--out", help="the table goes to this file also; its numbers to FILE.json")
    return p


def parsed(p, arguments):
    options = p.parse_args(arguments)
    if max(options.threads) > len(options.cores):
        p.error("%d threads, and only %d cores" % (max(options.threads), len(options.cores)))
    return options


def parse(arguments):
    p = parser(__doc__, [], 5)
    p.add_argument("--peers", type=split, default=[p for p in PEERS if p not in ASKED_FOR], help="of " + ",".join(PEERS))
    p.add_argument("--seconds", type=float, default=0.4, help="of each turn")
    p.add_argument("--least", action="store_true", help="a turn's shortest sample, not its median: where the machine is not idle")
    options = parsed(p, arguments)
    unknown = [x for x in options.peers if x not in PEERS]
    if unknown:
        p.error("no peer '%s'; there are %s" % (unknown[0], ", ".join(PEERS)))
    return options


def chosen(options):
    """The models that are there, in the order of models.py, which wrote it down."""
    there = {f[:-5] for f in os.listdir(options.cache) if f.endswith(".json") and os.path.exists(work.path(options.cache, f[:-5], "onnx"))}
    with open(os.path.join(options.cache, "order")) as f:
        order = [line.strip() for line in f]
    return [m for m in order if m in there and (not options.models or any(part in m for part in options.models))]


def main():
    options = parse(sys.argv[1:])
    models = chosen(options)
    if not models:
        sys.exit("bench.py: no such model in %s: models.py makes them" % options.cache)
    machine = {"date": datetime.date.today().isoformat(), "cpu": report.cpu_name(), "system": platform.release(),
               "command": os.environ.get("NFC_BENCH_COMMAND") or shlex.join([os.path.basename(sys.argv[0]), *sys.argv[1:]]),
               "rounds": options.rounds, "seconds": options.seconds, "of": "shortest samples" if options.least else "medians", "device": options.device}
    program = compile_ceilings(options.cache)
    rows = []
    for threads in options.threads:
        for model in models:
            rows.append(measure(model, threads, options, program))
            machine["load"] = os.getloadavg()[0]
            print(report.line(rows[-1], options.peers), flush=True)
    text = report.markdown(machine, rows, options.peers)
    print("\n" + text)
    if options.out:
        with open(options.out, "w") as f:
            f.write(text)
        with open(options.out + ".json", "w") as f:
            json.dump({"machine": machine, "rows": rows}, f, indent=1)
    return 1 if "nfc" in options.peers and not all("ms" in r["peers"]["nfc"] for r in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
