#!/usr/bin/env python3
"""Programs made with --strict for several devices, by several compilers, at several levels: the same bytes of all.

usage: run.py BUILD WORK [VARIANT...]

What is compared: every output and saved state of every run of corpus.py's modules, with NaNs as one NaN. What the first
variant gives is compared with the simulator, or with the goldens of tests/ops."""
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
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "tests", "emit"), os.path.join(ROOT, "tests", "devices")]
import corpus
from shipped import shipped

ALL = os.environ.get("NFC_STRICT") == "all"
WARN = "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -Wno-psabi".split()
# device -> target of the cross compilers ("": this machine's), what the processor must have, options of nfc build
DEVICES = {
    "scalar": ("", "", ["--layout=plain"]),
    "x86-sse2": ("", "sse2", []),
    "x86-avx2": ("", "avx2", ["--layout=channels-last", "--threads=3"]),
    "x86-avx512": ("", "avx512dq", []),
    "aarch64-neon": ("aarch64-linux-gnu", "", []),
    "riscv64": ("riscv64-linux-gnu", "", []),
    "s390x": ("s390x-linux-gnu", "", []),
}
GCC_ALONE = ["-fexcess-precision=fast"]
# Instructions that an emulator works out wrongly before a version: qemu's mdeb and mdebr took a factor of 64 bits.
EMULATED_WRONGLY = {"s390x": (r"\tmdebr?\t", (8, 1))}
# The first one is what the others are compared with. Every device, compiler and level is here, in pairs that differ.
FEW = """scalar/gcc/-O0 scalar/clang/-O3 x86-sse2/gcc/-O2 x86-sse2/clang/-O1 x86-avx2/gcc/-O3 x86-avx2/clang/-O0 x86-avx512/gcc/-O1
x86-avx512/clang/-O2 aarch64-neon/gcc/-O3 aarch64-neon/clang/-O1 riscv64/gcc/-O0 riscv64/clang/-O3 s390x/gcc/-O2 s390x/clang/-O1""".split()
EVERY = FEW[:1] + [v for v in ("%s/%s/-O%d" % (d, c, o) for d in DEVICES for c in ("gcc", "clang") for o in range(4)) if v != FEW[0]]


def run(command, **more):
    return subprocess.run(command, capture_output=True, text=True, errors="replace", **more)


def fail(text):
    sys.exit("%s\ntests/strict: 0 passed, 1 failed" % text)


class Device:
    """A device with the sources of every module for it."""

    def __init__(self, nfc, name, work):
        self.name, self.work = name, work
        self.target, self.needs, self.options = DEVICES[name]
        path = os.path.join(ROOT, "devices", name + ".json")
        described = shipped(nfc, "generic" if name == "scalar" else name)
        if name == "scalar":
            for key in ("vector_bits", "vector_registers"):
                del described["units"][0][key]
            path = os.path.join(work, "scalar.json")
            with open(path, "w") as f:
                json.dump(described, f)
        self.path, self.runner = path, described["compiler"].get("run", [])
        words = described["compiler"]["flags"] + described["units"][0].get("flags", [])
        self.flags = [w for w in words if not w.startswith("-O")]

    def compiler(self, which):
        if which == "gcc":
            return [(self.target + "-" if self.target else "") + "gcc"] + self.flags
        return ["clang-14"] + (["--target=" + self.target] if self.target else []) + [w for w in self.flags if w not in GCC_ALONE]

    def lacks(self):
        """What is not here, or None."""
        for tool in [self.compiler("gcc")[0], "clang-14"] + self.runner[:1]:
            if not shutil.which(tool):
                return "there is no " + tool
        with open("/proc/cpuinfo") as f:
            return "the processor has no " + self.needs if self.needs and self.needs not in f.read() else None

    def untrusted(self, objects):
        """Those objects with an instruction that the emulator at hand works out wrongly."""
        wrong, mended = EMULATED_WRONGLY.get(self.name, (None, None))
        version = re.search(r"version (\d+)\.(\d+)", run(self.runner[:1] + ["--version"]).stdout) if wrong else None
        if not version or tuple(map(int, version.groups())) >= mended:
            return []
        return [o for o in objects if re.search(wrong, run([self.target + "-objdump", "-d", o]).stdout)]

    def emit(self, nfc, modules):
        def one(m):
            out = os.path.join(self.work, self.name, m.name)
            p = run([nfc, "build", "-q", m.path, "--strict", "--device", self.path, "--emit=sources", "-o", out] + self.options + m.options)
            return "%s for %s: %s" % (m.name, self.name, p.stderr) if p.returncode else None
        os.makedirs(os.path.join(self.work, self.name))
        with futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            for wrong in pool.map(one, modules):
                if wrong:
                    fail(wrong)


def objects(device, command, to, modules):
    """[(command, object, its module)] of all that a program of these modules is made from."""
    jobs, runtime = [], set()
    for m in modules:
        folder = os.path.join(device.work, device.name, m.name)
        for f in sorted(os.listdir(folder)):
            shared = f.startswith("nf_")
            if not f.endswith((".c", ".S")) or (shared and f in runtime):
                continue
            if shared:
                runtime.add(f)
            own = WARN if f.endswith(".c") else ["-I" + folder]
            entry = ["-Dmain=entry_" + m.name] if f.endswith("_main.c") and not shared else []
            o = os.path.join(to, f + ".o")
            jobs.append((command + own + entry + ["-c", os.path.join(folder, f), "-o", o], o, None if shared else m))
    driver = os.path.join(to, "driver.c")
    with open(driver, "w") as out:
        out.write("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n")
        out.write("".join("int entry_%s(int, char **);\n" % m.name for m in modules))
        out.write("static const struct { const char *name; int (*entry)(int, char **); } table[] = {\n")
        out.write("".join('    {"%s", entry_%s},\n' % (m.name, m.name) for m in modules) + "};\n")
        with open(os.path.join(ROOT, "tests", "emit", "driver.inc")) as f:
            out.write(f.read())
    return jobs + [(command + ["-c", driver, "-o", driver + ".o"], driver + ".o", None)]


def compile_all(device, which, level, modules):
    """One program of all modules, and those of them that it must not be run for."""
    to = os.path.join(device.work, device.name + "-" + which + level)
    os.makedirs(to)
    command = device.compiler(which) + ["-std=c11", level]
    jobs = objects(device, command, to, modules)
    with futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for (words, _, _), p in zip(jobs, pool.map(lambda job: run(job[0]), jobs)):
            if p.returncode or p.stderr:
                fail("%s\n%s" % (" ".join(words), p.stderr[:3000]))
    program = os.path.join(to, "all")
    link = run(command + ["-static"] + [o for _, o, _ in jobs] + ["-o", program, "-lm"])
    if link.returncode:
        fail(link.stderr[:3000])
    wrong = device.untrusted([o for _, o, _ in jobs])
    untrusted = {m for _, o, m in jobs if o in wrong}
    for _, o, _ in jobs:
        os.remove(o)
    return program, untrusted


def execute(device, program, to, cases):
    """{case: status}; what the cases write is in folders of TO."""
    lines = []
    for c in cases:
        out = os.path.join(to, c.name)
        os.makedirs(out)
        lines.append("\t".join([c.module.name] + c.arguments + ["--output", out] + (["--state", os.path.join(out, "state")] if c.state else [])))
    p = run(device.runner + [program], input="".join(line + "\n" for line in lines))
    done = re.findall(r"^-- (-?\d+)$", p.stderr, flags=re.M)
    if p.returncode or len(done) != len(cases):
        fail("%s: ended with %d at case %d of %d, %s\n%s" % (program, p.returncode, len(done), len(cases), cases[min(len(done), len(cases) - 1)].name, p.stderr[-3000:]))
    return [int(s) for s in done]


# What is a NaN, of types that NumPy does not know: by the bits.
NANS = {"bf16": lambda x: (x & 0x7FFF) > 0x7F80, "f8e4m3": lambda x: (x & 0x7F) == 0x7F, "f8e5m2": lambda x: (x & 0x7F) > 0x7C}


def bits(path, dtype):
    """What a file says, with one NaN for all."""
    if not path.endswith(".npy"):
        with open(path, "rb") as f:
            return f.read()
    x = np.load(path)
    nan = NANS[dtype](x) if dtype in NANS else np.isnan(x) if x.dtype.kind == "f" else None
    if nan is not None:
        x = np.where(nan, np.asarray(np.nan if x.dtype.kind == "f" else 0x7F, x.dtype), x)
    return repr((x.dtype.str, x.shape)).encode() + x.tobytes()


def results(to, cases):
    """[{file: bytes}] in the order of the cases."""
    return [{f: bits(os.path.join(to, c.name, f), c.dtypes.get(f[:-4])) for f in sorted(os.listdir(os.path.join(to, c.name)))} for c in cases]


def refusals(nfc, work):
    """What would take the promise back is refused: [(what, was it?)]."""
    def builds(what, *more, **preferences):
        with open(os.path.join(ROOT, "devices", "generic.json")) as f:
            described = json.load(f)
        described["preferences"] = preferences
        path = os.path.join(work, what + ".json")
        with open(path, "w") as f:
            json.dump(described, f)
        return run([nfc, "build", "-q", os.path.join(HERE, "functions.nfg"), "--strict", "--device", path, "--emit=sources", "-o", os.path.join(work, "refused"), *more])

    def compiles(*command):
        return run([*command, "-w", "-c", os.path.join(work, "refused", "functions.c"), "-o", os.path.join(work, "refused.o")])

    builds("plain")
    found = [("a build for host", compiles("gcc", "-std=c11").returncode == 0)]
    found += [("-ffast-math of " + cc, "no -ffast-math" in compiles(cc, "-ffast-math").stderr) for cc in ("gcc", "clang-14")]
    if shutil.which("s390x-linux-gnu-gcc"):
        found.append(("excess precision", "their own precision" in compiles("s390x-linux-gnu-gcc", "-std=c11").stderr))
    found.append(("--fast-math", builds("plain", "--fast-math").returncode == 2))
    found += [("a device with " + key, key in p.stderr and p.returncode == 2) for key, value in (("fast_math", True), ("precision", "bf16")) for p in [builds(key, **{key: value})]]
    return found


def differing(want, got, first):
    if want[0] != got[0]:
        return "status %d, not %d as of %s" % (got[0], want[0], first)
    return "not the bits of %s: %s" % (first, ", ".join(f for f in want[1] if want[1][f] != got[1].get(f)))


def main():
    build, work = os.path.abspath(sys.argv[1]), sys.argv[2]
    nfc = os.path.join(build, "nfc")
    cases = corpus.cases(nfc, os.path.join(work, "corpus"), ALL)
    modules = list(dict.fromkeys(c.module for c in cases))
    refused = refusals(nfc, work)
    for what, was in refused:
        if not was:
            print("FAILED strict: %s is not refused" % what if what[0] != "a" else "FAILED strict: %s" % what)
    passed, failed = sum(was for _, was in refused), sum(not was for _, was in refused)
    want, devices, unable = None, {}, {}
    variants = sys.argv[3:] or (EVERY if ALL else FEW)
    for variant in variants:
        name, which, level = variant.split("/")
        if name in unable:
            continue
        if name not in devices:
            devices[name] = Device(nfc, name, work)
            if devices[name].lacks():
                unable[name] = devices[name].lacks()
                continue
            devices[name].emit(nfc, modules)
        to = os.path.join(work, "run")
        program, untrusted = compile_all(devices[name], which, level, modules)
        ran = [c for c in cases if c.module not in untrusted]
        if untrusted:
            print("strict: %s: left out, as %s is wrong about an instruction: %s" % (variant, devices[name].runner[0], ", ".join(sorted(m.name for m in untrusted))))
        status = execute(devices[name], program, to, ran)
        got = dict(zip(ran, zip(status, results(to, ran))))
        if want is None:
            want, wrong = got, [(c, w) for c in ran for w in [c.check(got[c][0], os.path.join(to, c.name))] if w]
        else:
            wrong = [(c, differing(want[c], got[c], variants[0])) for c in ran if want[c] != got[c]]
        for c, what in wrong:
            print("FAILED %s: %s: %s" % (variant, c.name, what))
        print("strict: %s: %d runs, %d wrong" % (variant, len(ran), len(wrong)), flush=True)
        passed, failed = passed + len(ran) - len(wrong), failed + len(wrong)
        shutil.rmtree(to)
        shutil.rmtree(os.path.join(work, "%s-%s%s" % (name, which, level)))
    print("tests/strict: %d passed, %d failed%s" % (passed, failed, "".join("; NOT TESTED: %s: %s" % u for u in unable.items())))
    sys.exit(1 if failed else 77 if unable else 0)


if __name__ == "__main__":
    main()
