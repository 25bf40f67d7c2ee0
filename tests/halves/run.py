"""Ops on f16 for devices that have instructions for them, to the bit (of a NaN: that it is one).

usage: run.py NFC WORK
Graphs of one op on all numbers of f16 must give what f64 gives, rounded once; chains and ragged shapes what `nfc sim` gives. Each
device makes one program of all graphs, by gcc and clang, also of three threads and with --strict. Where the device works in f16 the
kernels must, and without conversions; kernels with sums, and those of aarch64-neon, must not."""
import functools
import glob
import os
import re
import subprocess
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path += [os.path.join(os.path.dirname(HERE), folder) for folder in ("emit", "devices")]
import compiled  # noqa: E402
from compiled import call, graphs_of, kernels_of  # noqa: E402
from shipped import shipped  # noqa: E402

HALVES, MIXED, WIDE = "halves", "mixed", "wide"  # in f16 alone, in f16 and f32, in f32 alone
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]


class Case:
    """A graph of inputs a, b and c (shapes; None: there is none) whose steps give y, and what NumPy makes of them in f64."""

    def __init__(self, name, shapes, steps, how=HALVES, exactly=None, result=None):
        self.name, self.steps, self.how, self.exactly = name, steps, how, exactly
        self.shapes = dict(zip("abc", shapes))
        self.result = result or np.broadcast_shapes(*shapes)
        rng = np.random.default_rng(len(name) + sum(map(ord, name)))
        self.given = {n: self.numbers(rng, s, i) for i, (n, s) in enumerate(self.shapes.items())}

    @staticmethod
    def numbers(rng, shape, i):
        """All of them, the second time in another order; of few some that are near each other, and some of any kind."""
        n = int(np.prod(shape))
        if n == 65536:
            bits = np.arange(n, dtype=np.uint16)
            return (bits if i == 0 else rng.permutation(bits)).view(np.float16).reshape(shape)
        plain = rng.standard_normal(n).astype(np.float16)
        odd = rng.integers(0, 65536, n, dtype=np.uint16).view(np.float16)
        return np.where(rng.random(n) < 0.8, plain, odd).reshape(shape)

    def text(self):
        port = lambda n, s: "    %s : f16 [%s];\n" % (n, ", ".join(map(str, s)))
        inputs = "".join(port(n, s) for n, s in self.shapes.items())
        body = "".join("    %s;\n" % s for s in self.steps)
        return "graph %s {\n  inputs {\n%s  }\n  outputs {\n%s  }\n  block entry {\n%s    return y;\n  }\n}\n\n" % (self.name, inputs, port("y", self.result), body)

    def wrong(self, got, want):
        if got.dtype != np.float16 or got.shape != want.shape:
            return "%s %s, not %s %s" % (got.dtype, got.shape, want.dtype, want.shape)
        same = (got.view(np.uint16) == want.view(np.uint16)) | (np.isnan(got) & np.isnan(want))
        at = tuple(np.argwhere(~same)[0]) if not same.all() else None
        return at and "%d of %d elements, at %s %r, not %r, of %s" % ((~same).sum(), same.size, at, got[at], want[at], [g[at] for g in self.given.values() if g.shape == want.shape])


def all_cases():
    every, cases = (256, 256), []
    for op, f in (("add", np.add), ("sub", np.subtract), ("mul", np.multiply), ("div", np.divide)):
        for again in ("", "_again"):
            cases.append(Case("all_%s%s" % (op, again), [every, every], ["y = op %s(a=a, b=b)" % op], exactly=f))
    cases.append(Case("all_sqrt", [every], ["y = op sqrt(x=a)"], exactly=np.sqrt))
    cases.append(Case("all_neg", [every, every], ["n = op neg(x=a)", "y = op sub(a=n, b=b)"], exactly=lambda a, b: -a - b))
    cases.append(Case("all_abs", [every, every], ["n = op abs(x=a)", "y = op add(a=n, b=b)"], exactly=lambda a, b: abs(a) + b))
    cases.append(Case("all_min", [every, every], ["y = op min(data_0=[a, b])"]))
    cases.append(Case("all_max", [every, every], ["y = op max(data_0=[a, b])"]))
    cases.append(Case("all_relu", [every], ["y = op relu(x=a)"]))
    chain = ["p = op mul(a=a, b=b)", "q = op add(a=p, b=c)", "r = op relu(x=q)", "s = op sqrt(x=r)", "t = op div(a=s, b=a)", "u = op sub(a=t, b=s)", "y = op min(data_0=[u, b])"]
    for shapes in ([(1,), (1,), (1,)], [(3,), (3,), (3,)], [(5, 37), (5, 37), (37,)], [(7, 31), (7, 1), (31,)], [(2, 3, 65), (3, 1), (1, 1, 65)], [(130,), (1,), (130,)], [(4, 9, 2), (9, 2), (2,)]):
        cases.append(Case("chain_%s" % "_".join(map(str, shapes[0])) + ("b" if shapes[1] != shapes[0] else ""), shapes, chain))
    cases.append(Case("math", [(3, 41), (41,)], ["s = op sigmoid(x=a)", "m = op mul(a=s, b=b)", "y = op add(a=m, b=a)"], how=MIXED))
    cases.append(Case("slope", [(3, 41)], ["s = op leaky_relu(x=a, alpha=0.1)", "y = op add(a=s, b=a)"], how=MIXED))
    cases.append(Case("rows", [(5, 43), (43,)], ["m = op mul(a=a, b=b)", "y = op softmax(input=m, axis=-1)"], how=MIXED))
    return cases


def made(nfc, base, name, compiler, more=(), drop=(), **unit):
    """A shipped description for another compiler."""
    d = shipped(nfc, base)
    d["name"] = name
    d["compiler"].update(command=compiler[0], flags=compiler[1:] + [f for f in d["compiler"]["flags"] if f not in drop] + WARNINGS + list(more))
    d["units"][0].update(fork_us=0, **unit)
    return d


def devices(nfc):
    """As compiled.by_device() takes them: x86 without the processor's f16, and Arm by qemu."""
    f16, arm = ["-mavx512fp16"], ["clang-14", "--target=aarch64-linux-gnu"]
    safe = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-O1"]
    headers = shipped(nfc, "x86-avx512-fp16")["units"][0]["headers"] + ["emulated.h"]
    for compiler, more in (("gcc", []), ("clang-14", []), ("gcc", safe)):
        d = made(nfc, "x86-avx512-fp16", "emulated-%s%s" % (compiler, "-checked" if more else ""), [compiler], ["-I" + HERE] + more, f16, headers=headers)
        d["compiler"]["link"] = d["compiler"]["link"] + more
        yield d, "avx512_bf16", []
    start = shipped(nfc, "aarch64-fp16")["compiler"]["run"]
    for base in ("aarch64-fp16", "aarch64-neon", "aarch64-sve256"):
        yield made(nfc, base, base + "-gcc", ["aarch64-linux-gnu-gcc"]), None, shipped(nfc, base)["compiler"]["run"]
    yield made(nfc, "aarch64-fp16", "aarch64-fp16-clang", arm), None, start


def looks_wrong(device, folder, case):
    """Where f16 is worked in, and where it is not."""
    lanes = max([i["lanes"] for i in device["units"][0]["instructions"] if i["type"] == "f16"], default=0)
    kernels, source = graphs_of(folder)[case.name], kernels_of(os.path.join(folder, "halves.c"))
    text = "".join(source[k] for k in kernels)
    whole = re.findall(r"nf_(?:add|sub|mul|div|sqrt|min|max|atmost|atleast)_f16x(\d+)", text)
    if case.how == WIDE or not lanes:
        return "it works in f16" if whole else None
    if case.how == HALVES and int(np.prod(case.result)) >= 65536:
        return None if str(lanes) in whole and not re.search(r"nf_f16_to_f32|nf_f32_to_f16", text) else "all of it is not in vectors of %d f16" % lanes
    return None


WAYS = (("plain", []), ("threads", ["--threads=3"]), ("strict", ["--strict"]))


def check_device(nfc, folder, cases, wants, device, start, work, path):
    wrong = []
    for way, options in WAYS:
        out = os.path.join(work, way)
        call([nfc, "build", os.path.join(folder, "halves.nfg"), "--device", path, "--emit=sources", "-o", out] + options)
        call(["make", "-C", out])
        for c in cases:
            given = [a for n in c.given for a in ("--input", "%s=%s" % (n, os.path.join(folder, "%s.%s.npy" % (c.name, n))))]
            call(start + [os.path.join(out, "halves"), "--graph", c.name, "--output", os.path.join(out, "y")] + given)
            said = c.wrong(np.load(os.path.join(out, "y", "y.npy")), wants[c.name]) or looks_wrong(device, out, c)
            wrong += ["%s: %s: %s" % (way, c.name, said)] if said else []
    return wrong


def wanted(nfc, work, c):
    """By the simulator, and where NumPy knows it in f64 as that has it."""
    given = []
    for n, a in c.given.items():
        path = os.path.join(work, "%s.%s.npy" % (c.name, n))
        np.save(path, a)
        given += ["--input", "%s=%s" % (n, path)]
    to = os.path.join(work, "sim-" + c.name)
    call([nfc, "sim", os.path.join(work, "halves.nfg"), "--graph", c.name, "--output", to] + given)
    want = np.load(os.path.join(to, "y.npy"))
    if c.exactly:
        with np.errstate(all="ignore"):
            once = c.exactly(*[a.astype(np.float64) for a in c.given.values()]).astype(np.float16)
        said = c.wrong(want, once)
        if said:
            sys.exit("FAILED halves: the simulator: %s: %s" % (c.name, said))
    return want


def compiles(nfc, work):
    """What the emitted code says of x86-avx512-fp16 is what gcc and clang take, in C and in C++, where the compiler itself has the
    instructions: of the graphs here, and of every tenth op or of all of them."""
    d, wrong = shipped(nfc, "x86-avx512-fp16"), []
    ops = sorted(glob.glob(os.path.join(HERE, "..", "ops", "*.nfg")))
    share = 1 if os.environ.get("NFC_TEST_EVERY_OP") == "1" else 10
    for path in [os.path.join(work, "halves.nfg")] + ops[::share]:
        name = os.path.basename(path)[:-4]
        out = os.path.join(work, "compiled-" + name)
        call([nfc, "build", path, "--device", "x86-avx512-fp16", "--emit=sources", "-o", out])
        for way in (["gcc", "-std=c11", "-O1"], ["clang-14", "-std=c99", "-O0"], ["g++", "-x", "c++", "-std=c++17", "-O0"], ["clang++-14", "-x", "c++", "-std=c++17", "-O0", "-Wno-deprecated"]):
            flags = [f for f in d["compiler"]["flags"] if f != "-O3"] + WARNINGS
            p = subprocess.run(way + flags + ["-c", "-o", os.path.join(out, "try.o"), os.path.join(out, name + ".c")], capture_output=True, text=True)
            wrong += ["%s: %s: %s" % (way[0], name, p.stderr[:500])] if p.returncode or p.stderr else []
    for w in wrong:
        print("FAILED halves: " + w)
    return wrong


def main():
    nfc, work = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    cases = all_cases()
    with open(os.path.join(work, "halves.nfg"), "w") as f:
        f.write("".join(c.text() for c in cases))
    wants = {c.name: wanted(nfc, work, c) for c in cases}
    check = functools.partial(check_device, nfc, work, cases, wants)
    if compiles(nfc, work):
        return 1
    return compiled.by_device("halves", devices(nfc), work, lambda _: len(WAYS) * len(cases), check)


sys.exit(main())
