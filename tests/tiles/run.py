"""Products of bytes and of bf16 in tiles, against NumPy.

usage: run.py NFC WORK
The graphs are made as tests/dots makes them, of shapes that leave rows, columns and chunks over, and are compiled for
x86-amx with each of its tile instructions replaced by emulated.h's: without optimisation and with sanitizers, with all
optimisation and, with less, of three threads and with --strict. Each case says whether its product is to be done in tiles; those of bf16
never are with --strict. They are of small whole numbers, whose sums are exact in any order. Then the same
for the device as it is: compilers must take the sources, and objects have the instructions."""
import concurrent.futures as futures
import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "tests", folder) for folder in ("dots", "emit", "ops")]
import cases  # noqa: E402
import compiled  # noqa: E402
import tensor_file  # noqa: E402
from compiled import call, graphs_of, kernels_of  # noqa: E402
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "devices"))
from shipped import shipped  # noqa: E402

LAST = "--layout=channels-last"  # channels of one place must lie side by side
WAYS = (("san", "san", [LAST]), ("fast", "fast", [LAST]), ("threads", "some", [LAST, "--threads=3"]), ("strict", "some", [LAST, "--strict"]))
REAL = (("gcc", ["-O3"]), ("clang-14", ["-O2"]), ("clang-14", ["-O0"]), ("clang-19", ["-O2"]))
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wstrict-prototypes", "-Wmissing-prototypes", "-Werror"]


def bits_of_bf16(x):
    """Of f32, to the nearest, halves to even."""
    bits = x.astype("f4").view("u4").astype("u8")
    return ((bits + 0x7fff + (bits >> 16 & 1)) >> 16).astype("u2")


def rounded(x):
    return (bits_of_bf16(x).astype("u4") << 16).view("f4")


def floats(k, x, w):
    """A product of bf16, or a convolution, of small whole numbers."""
    given, weights = (k.random.integers(-8, 9, shape).astype("f4") for shape in (x, w))
    if len(x) == 4:
        op, want = "conv(x=v, w=b)", np.zeros((x[0], w[0], x[2] - w[2] + 1, x[3] - w[3] + 1), "f4")
        for i in range(w[2]):
            for j in range(w[3]):
                want += np.einsum("nchw,oc->nohw", given[:, :, i:i + want.shape[2], j:j + want.shape[3]], weights[:, :, i, j])
    else:
        op, want = "matmul(a=v, b=b)", given @ weights
    text = "        v = op cast(input=x, to=bf16);\n        v = op %s;\n        y = op cast(input=v, to=f32);\n" % op
    k.cases.append(cases.Case("floats_%d" % len(k.cases), text, {"x": given}, {"b": bits_of_bf16(weights)}, rounded(want), set()))


def all_cases():
    """Cases, with .tiled: are the products to be done in tiles? .bf16: are they of floats?"""
    k = cases.Maker(20261123)

    def add(tiled, how, *arguments, **more):
        made = len(k.cases)
        floats(k, *arguments) if how == "floats" else getattr(k, how)(*arguments, **more)
        k.cases[made].tiled, k.cases[made].bf16 = tiled, how == "floats"

    for tx in ("u1", "i1"):
        for tw in ("u1", "i1"):
            add(True, "matmul", tx, tw, 50, 130, 70)
            add(True, "matmul", tx, tw, 17, 33, 19, zx="known", zw="narrow")
            add(True, "matmul", tx, tw, 9, 64, 32, zx="run", zw="one")
            add(True, "matmul", tx, tw, 37, 21, 40, zx="rows", zw="columns")
            add(True, "conv", tx, tw, (1, 16, 9, 11), (24, 16, 3, 3), pads=(1, 1, 1, 1))
            add(True, "conv", tx, tw, (2, 20, 17, 8), (19, 20, 3, 2), pads=(1, 0, 2, 1), strides=(2, 1), zx="known", zw="narrow")
            add(True, "conv", tx, tw, (1, 37, 6, 6), (33, 37, 1, 1), zx="run")
    for m, kk, n in ((16, 64, 16), (32, 64, 32), (33, 65, 33), (31, 63, 31), (48, 128, 48), (100, 20, 100), (257, 67, 17), (5, 1000, 80), (16, 9, 16), (64, 4, 64), (129, 300, 49)):
        add(kk > 8, "matmul", "u1", "i1", m, kk, n, zx="known")
    for m, kk, n in ((1, 257, 50), (40, 2, 16), (17, 3, 31), (2, 100, 64)):
        add(False, "matmul", "u1", "i1", m, kk, n, zx="known")
    add(True, "matmul", "u1", "i1", 26, 30, 20, zx="known", batch=(3,))
    add(True, "matmul", "i1", "i1", 26, 30, 20, zx="run", batch=(2, 2), zw="narrow")
    add(True, "matmul", "u1", "i1", 41, 50, 37, zx="run", after="scale")
    add(True, "matmul", "i1", "u1", 34, 600, 18, zx="rows", zw="columns")
    add(True, "conv", "u1", "i1", (1, 96, 10, 19), (40, 48, 3, 3), group=2, pads=(1, 1, 1, 1), zx="known")
    add(False, "conv", "i1", "i1", (1, 8, 9, 9), (8, 1, 3, 3), group=8, pads=(1, 1, 1, 1), zx="run")
    add(True, "conv", "i1", "u1", (1, 50, 11, 27), (36, 50, 3, 3), dilations=(2, 1), zx="known", zw="narrow")
    add(True, "conv", "u1", "i1", (1, 69, 18, 18), (42, 69, 5, 5), pads=(2, 2, 2, 2), zx="run", zw="narrow")
    add(True, "conv", "u1", "i1", (1, 64, 7, 7), (128, 64, 1, 1), zx="known")
    add(True, "conv", "u1", "i1", (2, 64, 7, 7), (70, 64, 3, 3), pads=(1, 1, 1, 1), zx="known")
    add(True, "conv", "u1", "i1", (1, 32, 14, 14), (48, 32, 3, 3), pads=(1, 1, 1, 1))
    add(True, "conv", "u1", "i1", (3, 32, 33, 35), (64, 32, 3, 3), pads=(1, 1, 1, 1), strides=(2, 2), zx="known")
    add(True, "qlinear_matmul", 34, 48, 59)
    add(True, "qlinear_matmul", 65, 131, 48)
    for x, w in (((50, 128), (128, 70)), ((33, 64), (64, 33)), ((16, 32), (32, 16)), ((31, 96), (96, 17)), ((100, 72), (72, 48)), ((129, 768), (768, 40)), ((1, 32, 9, 20), (40, 32, 3, 3)), ((2, 64, 7, 7), (48, 64, 1, 1))):
        add(True, "floats", x, w)
    for depth in (50, 67):  # no chunks of whole words come out even
        add(False, "floats", (100, depth), (depth, 70))
    add(False, "floats", (2, 64), (64, 64))
    return k.cases


def emulated(nfc, permission=0):
    """x86-amx with functions for its instructions; they need no permission."""
    d = shipped(nfc, "x86-amx")
    d["name"] = "asking-amx" if permission else "emulated-amx"
    unit = d["units"][0]
    unit["tiles"]["permission"] = permission
    unit["needs"] = [n for n in unit["needs"] if not n.startswith("amx_")]
    for i in unit["tiles"]["instructions"]:
        operands = {"configure": 1, "release": 0, "zero": 1}.get(i["op"], 3)
        i["text"] = "emu_%s(%s)" % (i["op"], ", ".join("$%d" % n for n in range(operands)))
    unit["headers"] = unit["headers"] + ["emulated.h"]
    d["compiler"]["flags"] = [f for f in d["compiler"]["flags"] if not f.startswith("-mamx")] + ["-I" + HERE]
    return d


def write_model(folder, all_of_them):
    """tiles.nfg, one.nfg of the first graph alone, and tiles.safetensors with the constants."""
    tensor_file.save(os.path.join(folder, "tiles.safetensors"), {"%s.%s" % (c.name, n): a for c in all_of_them for n, a in c.constants.items()},
                     types={"%s.b" % c.name: "bf16" for c in all_of_them if c.bf16})
    for c in all_of_them:
        for n, a in c.inputs.items():
            np.save(os.path.join(folder, "%s.%s.npy" % (c.name, n)), a)
    for name, some in (("tiles", all_of_them), ("one", all_of_them[:1])):
        with open(os.path.join(folder, name + ".nfg"), "w") as f:
            f.write('model "tiles.safetensors";\n\n' + "".join(c.text() for c in some))


def looks_wrong(folder, all_of_them, dot, strict=False):
    """Graphs whose products are in tiles, or are not, other than they say."""
    graphs, kernels = graphs_of(folder), kernels_of(os.path.join(folder, "tiles.c"))
    tiled = {c.name: any(dot in kernels[k] for k in graphs[c.name]) for c in all_of_them}
    return ["%s: %s" % (c.name, "tiles" if tiled[c.name] else "no tiles") for c in all_of_them if tiled[c.name] != (c.tiled and not (c.bf16 and strict))]


def build(nfc, device, sources, work, options, model="tiles"):
    call([nfc, "build", os.path.join(work, model + ".nfg"), "--device", device, "--emit=sources", "-o", sources] + options)


def run_way(nfc, device, work, way, how, options, all_of_them, runtime):
    sources = os.path.join(work, way)
    build(nfc, device, sources, work, options)
    wrong = ["%s: %s" % (way, w) for w in looks_wrong(sources, all_of_them, "emu_dot_", "--strict" in options)]
    program = compiled.program(sources, how, runtime)
    for c in all_of_them:
        given = [a for n in c.inputs for a in ("--input", "%s=%s" % (n, os.path.join(work, "%s.%s.npy" % (c.name, n))))]
        to = os.path.join(work, "results-" + way, c.name)
        os.makedirs(os.path.dirname(to), exist_ok=True)
        try:
            call([program, "--graph", c.name, "--output", to] + given)
            what = c.wrong(np.load(os.path.join(to, "y.npy")))
        except RuntimeError as e:
            what = str(e)
        if what:
            wrong.append("%s: %s: %s" % (way, c.name, what))
    return wrong


def check_real(nfc, work, all_of_them):
    """The device as it is: sources without a warning, and objects with its instructions. (wrong, checks, what there is not)"""
    device, sources = os.path.join(ROOT, "devices", "x86-amx.json"), os.path.join(work, "real")
    build(nfc, device, sources, work, [LAST])
    wrong, checks, unable = looks_wrong(sources, all_of_them, "_tile_dpb"), 1, []
    with open(os.path.join(sources, "manifest.json")) as f:
        flags = [f for f in json.load(f)["compiler"]["flags"] if not f.startswith("-O")]
    for compiler, how in REAL:
        if not shutil.which(compiler):
            unable.append(compiler)
            continue
        checks += 1
        to = os.path.join(sources, "tiles.%s%s.o" % (compiler, how[0]))
        try:
            call([compiler, "-std=c11"] + flags + how + WARNINGS + ["-c", os.path.join(sources, "tiles.c"), "-o", to])
            code = call(["objdump", "-d", "--no-show-raw-insn", to])
            for name in ("ldtilecfg", "tilerelease", "tilezero", "tileloadd", "tilestored", "tdpbusd", "tdpbssd", "tdpbsud", "tdpbuud", "tdpbf16ps", "syscall"):
                if not re.search(r"\b%s\b" % name, code):
                    wrong.append("real: %s %s: no %s" % (compiler, how[0], name))
        except RuntimeError as e:
            wrong.append("real: %s %s: %s" % (compiler, how[0], e))
    return wrong, checks, unable


def refused(nfc, work, runtime):
    """Where the processor has no tiles, or the system keeps them, init says so."""
    if may_use_tiles():
        return []
    sources = os.path.join(work, "refused")
    build(nfc, "x86-amx", sources, work, [LAST], "one")
    program = compiled.program(sources, "fast", runtime)
    p = subprocess.run([program, "--graph", "matmul_0", "--input", "a=" + os.path.join(work, "matmul_0.a.npy"), "--output", os.path.join(work, "none")], capture_output=True, text=True)
    said = "does not let the program use" in p.stderr
    return [] if p.returncode > 0 and said else ["refused: status %d, %r" % (p.returncode, p.stderr[-300:])]


def check_versions(nfc, work, c):
    """A program of several versions takes that with tiles where it may; one case does."""
    wrong = []
    for permission in (0, 18):
        d, to = emulated(nfc, permission), os.path.join(work, "versions-%d" % permission)
        os.makedirs(to)
        with open(os.path.join(to, "device.json"), "w") as f:
            json.dump(d, f)
        call([nfc, "build", os.path.join(work, "one.nfg"), "--isa", "%s/device.json,x86-avx2,x86-sse2" % to, "-o", os.path.join(to, "out")])
        given = ["--input", "a=" + os.path.join(work, c.name + ".a.npy"), "--output", os.path.join(to, "result")]
        for version in (None, "x86-sse2", d["name"]):
            p = subprocess.run([os.path.join(to, "out", "one")] + given, capture_output=True, text=True, env={**os.environ, **({"NF_ISA": version} if version else {})})
            may = version != d["name"] or not permission or may_use_tiles()
            what = c.wrong(np.load(os.path.join(to, "result", "y.npy"))) if p.returncode == 0 else "status %d: %s" % (p.returncode, p.stderr[-300:])
            if may != (p.returncode == 0) or (may and what):
                wrong.append("versions: permission %d, %s: %s" % (permission, version, what))
    to = os.path.join(work, "versions")
    call([nfc, "build", os.path.join(work, "one.nfg"), "--isa", "x86-amx,x86-avx512,x86-sse2", "--emit=sources", "-o", to])
    with open(os.path.join(to, "one.c")) as f:
        asked = re.search(r"case ONE_ISA_X86_AMX: return (.*?);", f.read(), flags=re.S).group(1)
    for part in ("nf_cpu_has(0x7u, 0, 3, 24 /* amx_tile */)", "25 /* amx_int8 */", "22 /* amx_bf16 */", "nf_cpu_saves(0x600e6u)", "nf_may_use_tiles()"):
        if part not in asked:
            wrong.append("versions: %s is not in %s" % (part, asked))
    return wrong


def may_use_tiles():
    with open("/proc/cpuinfo") as f:
        return "amx_tile" in f.read().split()


def main():
    nfc, work = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    all_of_them = all_cases()
    write_model(work, all_of_them)
    runtime = compiled.Runtime(work)
    with open("/proc/cpuinfo") as f:
        missing = {"avx512_vnni", "avx512vl"} - set(f.read().split())
    device = os.path.join(work, "device.json")
    with open(device, "w") as f:
        json.dump(emulated(nfc), f)
    wrong, checks, unable = check_real(nfc, work, all_of_them)
    if missing:
        unable.append("a processor with " + ", ".join(sorted(missing)))
    else:
        checks += 2
        wrong += refused(nfc, work, runtime) + check_versions(nfc, work, all_of_them[0])
        with futures.ThreadPoolExecutor(2) as pool:
            jobs = [pool.submit(run_way, nfc, device, work, way, how, options, all_of_them, runtime) for way, how, options in WAYS]
            for job in jobs:
                wrong += job.result()
        checks += len(WAYS) * len(all_of_them)
    for w in wrong:
        print("FAILED tiles: %s" % w)
    if not wrong and unable:
        print("tests/tiles: NOT TESTED: there is no " + ", no ".join(unable))
        return 77
    print("tests/tiles: %d passed, %d failed" % (max(0, checks - len(wrong)), len(wrong)))
    return len(wrong) > 0


if __name__ == "__main__":
    sys.exit(main())
