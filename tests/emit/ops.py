#!/usr/bin/env python3
"""Every graph of tests/ops in the simulator and as emitted C, against goldens that NumPy made.

usage: ops.py BUILD WORK ENGINE...       engines: sim, or names of COMPILERS
For an engine that compiles, each module of tests/ops becomes C by `nfc build`, all of them are linked into one
program with a driver that calls each module's own main, and that runs every graph from .npy to .npy. With OPS="add mul" in the environment
it is about these ops alone. NFC_MODULES names another folder of modules, whose graphs have the same names, results and goldens (an input x may
be called given_x), and NFC_FLAGS what they are built with: so other suites test the same ops otherwise. NFC_ALIKE="FILE..." names what alike.py
says of builds that the same compiler has been tested on: graphs that are the same C here are left out, but for those of the ops NFC_WHOLE; what it
says of this build goes to WORK/codes.json."""
import concurrent.futures as futures
import json
import os
import re
import shlex
import shutil
import subprocess
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(HERE)
import alike  # noqa: E402

OPS = os.path.join(os.path.dirname(HERE), "ops")
MODULES = os.environ.get("NFC_MODULES", OPS)
FLAGS = shlex.split(os.environ.get("NFC_FLAGS", ""))
ALIKE, WHOLE = os.environ.get("NFC_ALIKE", "").split(), os.environ.get("NFC_WHOLE", "").split()
STRICT = "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"
SAFE = "-fsanitize=address,undefined -fno-sanitize-recover=all -fno-sanitize=float-divide-by-zero"
# name -> compiler, flags, what runs the program
COMPILERS = {
    "gcc": ("gcc", "-std=c99 -O2 -ffp-contract=off " + STRICT, ""),
    "gcc-O0": ("gcc", "-std=c11 -O0 -ffp-contract=off " + STRICT, ""),
    "gcc-O3": ("gcc", "-std=c11 -O3 -march=native -ffp-contract=off " + STRICT, ""),
    "clang": ("clang-14", "-std=c99 -O2 -ffp-contract=off " + STRICT, ""),
    "san": ("clang-14", "-std=c11 -O0 -ffp-contract=off " + SAFE, ""),
    "c++": ("g++", "-x c++ -std=c++17 -O0 -ffp-contract=off " + STRICT, ""),
    "clang++": ("clang++-14", "-x c++ -std=c++17 -O0 -ffp-contract=off -Wno-deprecated " + STRICT, ""),
    "avx2": ("gcc", "-std=c99 -O2 -march=x86-64-v3 -Wno-psabi -ffp-contract=off " + STRICT, ""),
    "avx512": ("clang-14", "-std=c11 -O0 -march=x86-64-v4 -Wno-psabi -ffp-contract=off " + SAFE, ""),
    "sse2": ("gcc", "-std=c99 -O1 -march=x86-64 -Wno-psabi -ffp-contract=off " + STRICT, ""),
    "dotprod": ("aarch64-linux-gnu-gcc", "-std=c99 -O1 -march=armv8.2-a+dotprod+fp16 -ffp-contract=off -static " + STRICT, "qemu-aarch64 -cpu max"),
    "i8mm": ("aarch64-linux-gnu-gcc", "-std=c99 -O1 -march=armv8.2-a+dotprod+fp16+i8mm -ffp-contract=off -static " + STRICT, "qemu-aarch64 -cpu max"),
    "sve256": ("aarch64-linux-gnu-gcc", "-std=c99 -O1 -march=armv8.2-a+sve+dotprod+fp16 -msve-vector-bits=256 -ffp-contract=off -static " + STRICT, "qemu-aarch64 -cpu max,sve256=on,sve-default-vector-length=32"),
    "rpi4": ("aarch64-linux-gnu-gcc", "-std=c99 -O1 -mcpu=cortex-a72 -ffp-contract=off -static " + STRICT, "qemu-aarch64 -cpu cortex-a72"),
    "rvv256": (os.path.join(HERE, "riscv-clang"), "--target=riscv64-linux-gnu -std=c99 -O1 -march=rv64gcv_zvl256b -mrvv-vector-bits=zvl -ffp-contract=off -static " + STRICT, "qemu-riscv64 -cpu rv64,v=true,vlen=256,vext_spec=v1.0"),
    "wasm32": ("clang-19", "--target=wasm32-wasi -std=c99 -O1 -msimd128 -D_WASI_EMULATED_MMAN -ffp-contract=off " + STRICT, "node --no-warnings --experimental-wasi-unstable-preview1 " + os.path.join(HERE, "../../runtime-min/nf_wasi.mjs")),
    "aarch64": ("aarch64-linux-gnu-gcc", "-std=c99 -O1 -ffp-contract=off -static " + STRICT, "qemu-aarch64"),
}
EPS = {"f64": 2.0 ** -52, "f32": 2.0 ** -23, "f16": 2.0 ** -10, "bf16": 2.0 ** -7, "f8e4m3": 2.0 ** -3, "f8e5m2": 2.0 ** -2}
TINY = {"f64": 2.0 ** -1074, "f32": 2.0 ** -149, "f16": 2.0 ** -24, "bf16": 2.0 ** -133, "f8e4m3": 2.0 ** -9, "f8e5m2": 2.0 ** -16}
NORMAL = {"f64": 2.0 ** -1022, "f32": 2.0 ** -126, "f16": 2.0 ** -14, "bf16": 2.0 ** -126, "f8e4m3": 2.0 ** -6, "f8e5m2": 2.0 ** -14}


def modules():
    only = os.environ.get("OPS", "").split()
    return sorted(f[:-4] for f in os.listdir(MODULES) if f.endswith(".nfg") and (not only or f[:-4] in only))


def graphs_of(op):
    """name -> {input or output: element type} of every graph of a module."""
    with open(os.path.join(MODULES, op + ".nfg")) as f:
        text = f.read()
    found = {}
    for part in re.split(r"^graph ", text, flags=re.M)[1:]:
        name, rest = part.split(" ", 1)
        ins, outs = rest.split("outputs {", 1)
        outs = outs.split("block entry", 1)[0]
        ports = lambda t: dict(re.findall(r"^\s+(\w+) : (\w+) \[", t, flags=re.M))
        found[name] = (ports(ins), ports(outs))
    return found


# ---- comparing ------------------------------------------------------------------------------------


def small_float(bits, exponent, mantissa, bias, finite):
    """float8 from its bits; `finite`: no infinities (e4m3fn)."""
    bits = bits.astype(np.int64)
    sign = np.where(bits >> 7, -1.0, 1.0)
    e, m = (bits & 0x7F) >> mantissa, bits & ((1 << mantissa) - 1)
    value = np.where(e == 0, m * 2.0 ** (1 - bias - mantissa), (1 + m / 2.0 ** mantissa) * 2.0 ** (e - float(bias)))
    top = (1 << exponent) - 1
    if finite:
        value = np.where((bits & 0x7F) == 0x7F, np.nan, value)
    else:
        value = np.where(e == top, np.where(m == 0, np.inf, np.nan), value)
    return sign * value


def as_double(array, dtype):
    if dtype == "bf16":
        return (array.astype(np.uint32) << np.uint32(16)).view(np.float32).astype(np.float64)
    if dtype == "f8e4m3":
        return small_float(array, 4, 3, 7, True)
    if dtype == "f8e5m2":
        return small_float(array, 5, 2, 15, False)
    with np.errstate(invalid="ignore"):
        return array.astype(np.float64)


def magnitude(array, dtype):
    """The largest finite magnitude of a float tensor."""
    values = as_double(array, dtype) if dtype in EPS else np.zeros(1)
    return np.max(np.abs(values[np.isfinite(values)]), initial=0)


def ulps(got, want, dtype):
    """The largest difference in units of the last place of `want`; infinite where one is NaN or infinite alone."""
    same = (got == want) | (np.isnan(got) & np.isnan(want))
    if same.all():
        return 0.0, None
    bad = ~np.isfinite(got) | ~np.isfinite(want)
    with np.errstate(all="ignore"):
        unit = np.maximum(2.0 ** np.floor(np.log2(np.maximum(np.abs(want), NORMAL[dtype]))) * EPS[dtype], TINY[dtype])
        error = np.where(same, 0, np.where(bad, np.inf, np.abs(got - want) / unit))
    at = np.unravel_index(np.argmax(error), error.shape)
    return float(error[at]), at


class Bounds:
    """What each op promises: `nfc ops --json` has it."""

    def __init__(self, nfc):
        rows = json.loads(subprocess.run([nfc, "ops", "--json"], check=True, capture_output=True).stdout)
        self.row = rows

    def compare(self, op, dtype, got, want, exact, largest):
        """None, or what is wrong. exact: computed in double and rounded once. largest: magnitude of what is summed."""
        if got.dtype != want.dtype or got.shape != want.shape:
            return "is %s %s, not %s %s" % (got.dtype, got.shape, want.dtype, want.shape)
        if dtype not in EPS:
            bad = np.argwhere(np.atleast_1d(got != want))
            return None if not len(bad) else "at %s: %s, not %s" % (bad[0], np.atleast_1d(got)[tuple(bad[0])], np.atleast_1d(want)[tuple(bad[0])])
        g, w = np.atleast_1d(as_double(got, dtype)), np.atleast_1d(as_double(want, dtype))
        error, at = ulps(g, w, dtype)
        row = self.row[op]
        exact = exact and dtype != "f64"
        promised = 1 if exact else max(1, row["ulp"]) if row["family"] == "elementwise" else 4
        if dtype == "f64" and promised < 64:
            promised = 64  # NumPy's own functions in double are not better than that
        if error <= promised:
            return None
        # Sums: rounding errors are relative to the terms, which may cancel.
        wide = EPS["f64" if dtype == "f64" else "f32"]
        scale = max(np.max(np.abs(w[np.isfinite(w)]), initial=0), largest)
        if row["family"] != "elementwise" and not exact and np.isfinite(error) and abs(g[at] - w[at]) <= 16 * wide * scale + EPS[dtype] * abs(w[at]):
            return None
        return "at %s: %r, not %r (%.3g ulp, %g promised)" % (list(map(int, at)), g[at], w[at], error, promised)


# ---- engines --------------------------------------------------------------------------------------


def golden_file(op, graph, port):
    return os.path.join(OPS, "golden", op, graph, re.sub("^given_", "", port) + ".npy")


def run_all(nfc, work, cases, command_of):
    """Runs a command a case, a few at a time; gives {case: (status, stderr)}."""
    def one(case):
        p = subprocess.run(command_of(case), capture_output=True)
        return case, (p.returncode, p.stderr.decode(errors="replace"))
    with futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return dict(pool.map(one, cases))


def arguments(op, graph, ins, out):
    given = [a for i in ins for a in ("--input", "%s=%s" % (i, golden_file(op, graph, i)))]
    return ["--graph", graph] + given + ["--output", out]


def simulate(nfc, work, cases):
    return run_all(nfc, work, cases, lambda c: [nfc, "sim", os.path.join(MODULES, c[0] + ".nfg")] + arguments(c[0], c[1], cases[c][0], os.path.join(work, c[0], c[1])))


def emit(nfc, work, op, options=(), source=MODULES):
    out = os.path.join(work, "src", op)
    p = subprocess.run([nfc, "build", os.path.join(source, op + ".nfg"), "--emit=sources", "-o", out] + FLAGS + list(options), capture_output=True)
    if p.returncode:
        sys.exit("%s: nfc build failed\n%s" % (op, p.stderr.decode()))
    return out


def emit_all(nfc, work, options=(), names=None):
    """{op: folder of its sources}"""
    os.makedirs(os.path.join(work, "src"), exist_ok=True)
    names = names or modules()
    with futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return dict(zip(names, pool.map(lambda op: emit(nfc, work, op, options), names)))


def cut(op, graphs, folder):
    """Writes a module with some of its graphs, which stand in the same lines: run-time errors name them."""
    with open(os.path.join(MODULES, op + ".nfg")) as f:
        head, *parts = re.split(r"^(?=graph )", f.read(), flags=re.M)
    with open(os.path.join(folder, op + ".nfg"), "w") as f:
        f.write(head + "".join(p if p.split(" ", 2)[1] in graphs else "\n" * p.count("\n") for p in parts))


def leave_out(nfc, work, dirs, tested, whole, options=()):
    """Emits the modules again without the graphs that are the C of any of `tested`, dicts that alike.py makes; the ops `whole` stay as
    they are. Gives what is left, {op: folder of its sources}, and what alike.py says of `dirs`."""
    folder = os.path.join(work, "cut")
    os.makedirs(folder, exist_ok=True)

    def one(op):
        codes = alike.codes(dirs[op])
        graphs = [g for g, code in codes.items() if not any(t.get(op, {}).get(g) == code for t in tested)]
        if op not in whole and len(graphs) < len(codes):
            shutil.rmtree(dirs[op])
            if graphs:
                cut(op, graphs, folder)
                emit(nfc, work, op, options, folder)
        return codes
    with futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        said = dict(zip(dirs, pool.map(one, dirs)))
    return {op: d for op, d in dirs.items() if os.path.isdir(d)}, said


def cases_of(dirs):
    """{(op, graph): its ports} of emitted modules"""
    return {(op, g): ports for op, d in dirs.items() for g, ports in graphs_of(op).items() if g in alike.graphs(d)}


def compile_all(work, name, dirs):
    """Every module's C, and the driver, to one program."""
    compiler, flags, _ = COMPILERS[name]
    base, objects, jobs = [compiler] + shlex.split(flags), [], []
    obj = os.path.join(work, "obj-" + name)
    os.makedirs(obj, exist_ok=True)
    runtime = None
    for op, folder in dirs.items():
        for f in sorted(os.listdir(folder)):
            if not f.endswith(".c"):
                continue
            if f.startswith("nf_"):
                if runtime not in (None, folder):
                    continue
                runtime = folder
            o = os.path.join(obj, f[:-2] + ".o")
            entry = []
            if f.endswith("_main.c") and not f.startswith("nf_"):
                entry = ["-Dmain=entry_" + op] + ["-O0"] * (name != "gcc")  # as long as the kernels, and the same for every device
            jobs.append(base + entry + ["-c", os.path.join(folder, f), "-o", o])
            objects.append(o)
    driver = os.path.join(obj, "driver.c")
    with open(driver, "w") as out:
        out.write("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n")
        for op in dirs:
            out.write("int entry_%s(int, char **);\n" % op)
        out.write("static const struct { const char *name; int (*entry)(int, char **); } table[] = {\n")
        out.write("".join('    {"%s", entry_%s},\n' % (op, op) for op in dirs) + "};\n")
        out.write(open(os.path.join(HERE, "driver.inc")).read())
    jobs.append(base + ["-c", driver, "-o", driver[:-2] + ".o"])
    objects.append(driver[:-2] + ".o")

    def build(job):
        return job, subprocess.run(job, capture_output=True)
    with futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for job, p in pool.map(build, jobs):
            if p.returncode or p.stderr:
                sys.exit("%s\n%s" % (" ".join(job), p.stderr.decode()[:3000]))
    program = os.path.join(obj, "all")
    link = [f for f in shlex.split(flags) if f.startswith(("-fsanitize", "--target")) or f == "-static"]
    subprocess.run([compiler] + link + objects + ["-o", program, "-lm"] + (["-lwasi-emulated-mman"] if name == "wasm32" else []), check=True)
    return program


def run_compiled(nfc, work, cases, name, dirs):
    program = compile_all(work, name, dirs)
    runner = shlex.split(COMPILERS[name][2])
    order = list(cases)
    script = "".join("\t".join([op] + arguments(op, g, cases[(op, g)][0], os.path.join(work, op, g))) + "\n" for op, g in order)
    for op, g in order:
        os.makedirs(os.path.join(work, op), exist_ok=True)
    p = subprocess.run(runner + [program], input=script.encode(), capture_output=True)
    done = re.findall(r"^== \w+\n(.*?)^-- (-?\d+)\n", p.stderr.decode(errors="replace"), flags=re.M | re.S)
    if p.returncode or len(done) != len(order):
        sys.exit("%s: the program ended with %d after %d of %d graphs (%s)\n%s" % (name, p.returncode, len(done), len(order), order[min(len(done), len(order) - 1)], p.stderr.decode(errors="replace")[-3000:]))
    return {c: (int(s), t) for c, (t, s) in zip(order, done)}


# ---- all ------------------------------------------------------------------------------------------

RUN_ERRORS = {"NFC1002": "index out of range", "NFC1003": "integer division by zero"}


def check(bounds, case, ports, result, engine, out):
    """None, or what is wrong with one graph's run."""
    op, graph = case
    status, said = result
    golden = os.path.join(OPS, "golden", op, graph)
    wants_error = os.path.join(golden, "error.txt")
    if os.path.exists(wants_error):
        code = open(wants_error).read().strip()
        word = code if engine == "sim" else RUN_ERRORS[code]
        return None if status == 1 and word in said else "should fail with '%s', but: status %d, %s" % (word, status, said.strip())
    if status:
        return "status %d: %s" % (status, said.strip())
    for name, dtype in ports[1].items():
        got = np.load(os.path.join(out, name + ".npy"))
        largest = max([magnitude(np.load(golden_file(op, graph, i)), t) for i, t in ports[0].items()], default=0) if op.startswith("reduce_") else 0
        wrong = bounds.compare(op, dtype, got, np.load(golden_file(op, graph, name)), engine == "sim", largest)
        if wrong:
            return "%s %s" % (name, wrong)
    return None


def main():
    build, work, engines = os.path.abspath(sys.argv[1]), sys.argv[2], sys.argv[3:]
    nfc = os.path.join(build, "nfc")
    bounds = Bounds(nfc)
    cases = {(op, g): ports for op in modules() for g, ports in graphs_of(op).items()}
    failed = total = 0
    dirs = {}
    if ALIKE:
        dirs, said = leave_out(nfc, work, emit_all(nfc, work), [alike.load(f) for f in ALIKE], WHOLE)
        alike.save(os.path.join(work, "codes.json"), said)
        cases = cases_of(dirs)
    for engine in engines:
        out = os.path.join(work, engine)
        os.makedirs(out, exist_ok=True)
        if engine == "sim":
            results = simulate(nfc, out, cases)
        else:
            dirs = dirs or emit_all(nfc, work)
            results = run_compiled(nfc, out, cases, engine, dirs)
        wrong = 0
        for case, ports in cases.items():
            problem = check(bounds, case, ports, results[case], engine, os.path.join(out, *case))
            if problem:
                wrong += 1
                print("emit: %s %s %s: %s" % (engine, case[0], case[1], problem))
        print("emit: %s: %d graphs, %d wrong" % (engine, len(cases), wrong), flush=True)
        total += len(cases)
        failed += wrong
    print("%d passed, %d failed" % (total - failed, failed))
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
