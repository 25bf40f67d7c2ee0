"""Products of bytes (cases.py) as C, against NumPy.

usage: run.py NFC WORK
Each device makes one program of all graphs: without optimisation, with sanitizers, and with all optimisation, of three
threads, and with --strict. All must give the numbers themselves. Where the device has dot products, kernels must use them,
and no others may."""
import functools
import os
import sys

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path += [os.path.join(ROOT, "tests", folder) for folder in ("emit", "ops")]
import cases  # noqa: E402
import compiled  # noqa: E402
import tensor_file  # noqa: E402
from compiled import call, graphs_of, kernels_of, shipped  # noqa: E402


def write_model(folder, all_cases):
    """dots.nfg, and dots.safetensors with the constants."""
    tensor_file.save(os.path.join(folder, "dots.safetensors"), {"%s.%s" % (c.name, n): a for c in all_cases for n, a in c.constants.items()})
    for c in all_cases:
        for n, a in c.inputs.items():
            np.save(os.path.join(folder, "%s.%s.npy" % (c.name, n)), a)
    with open(os.path.join(folder, "dots.nfg"), "w") as f:
        f.write('model "dots.safetensors";\n\n' + "".join(c.text() for c in all_cases))


def element(operand, number, signed):
    """Byte `number` of the words of an operand, in operators of GCC's vectors."""
    if signed:
        return "(%s << %d >> 24)" % (operand, 24 - 8 * number) if number < 3 else "(%s >> 24)" % operand
    return "(%s >> %d & 255)" % (operand, 8 * number) if number else "(%s & 255)" % operand


def made(types, bits):
    """A device like generic with a dot product of these types, which C says: any machine runs it."""
    d = shipped("generic")
    a, b = types.split("_")
    d["name"] = "words-%s-%d" % (types.replace("_", "-"), bits)
    products = ["%s * %s" % (element("$0", i, a == "i8"), element("$1", i, b == "i8")) for i in range(4)]
    row = {"op": "dot_" + types, "type": "i32", "lanes": bits // 32, "text": " + ".join(["$2"] + products)}
    d["units"][0].update(vector_bits=bits, vector_registers=16, instructions=[row], cores=4)
    return d


def devices():
    """As compiled.by_device() takes them."""
    for types, bits in (("u8_i8", 128), ("i8_i8", 256), ("u8_u8", 64)):
        yield made(types, bits), None, []
    yield shipped("x86-avx512-vnni"), "avx512_vnni", []
    yield shipped("generic"), None, []
    for name in ("aarch64-dotprod", "aarch64-sve256"):
        d = shipped(name)
        yield d, None, d["compiler"]["run"]


def looks_wrong(device, folder, all_cases, layout):
    """Graphs whose products are dot products though the device has none, or are not though it has them."""
    graphs, kernels, wrong = graphs_of(folder), kernels_of(os.path.join(folder, "dots.c")), []
    has = {t for i in device["units"][0].get("instructions", []) if i["op"].startswith("dot_") for t in i["op"].split("_")[1:]}
    for c in all_cases:
        dots = any("nf_dot_" in kernels[k] for k in graphs[c.name])
        if dots and not has or has & c.fast and not dots and (layout or not c.name.startswith("conv")):
            wrong.append("%s: %s" % (c.name, "a dot product" if dots else "no dot product"))
    return wrong


def run_case(program, c, folder, out, start):
    given = [a for n in c.inputs for a in ("--input", "%s=%s" % (n, os.path.join(folder, "%s.%s.npy" % (c.name, n))))]
    to = os.path.join(out, c.name)
    call(start + [program, "--graph", c.name, "--output", to] + given)
    return np.load(os.path.join(to, "y.npy"))


def run_way(program, folder, out, all_cases, start):
    """{case: what is wrong with its result, or None}"""
    os.makedirs(out)
    wrong = {}
    for c in all_cases:
        try:
            wrong[c.name] = c.wrong(run_case(program, c, folder, out, start))
        except RuntimeError as e:
            wrong[c.name] = str(e)
    return wrong


LAST = "--layout=channels-last" # channels of one place must lie side by side for dot products
WAYS = (("san", "san", [LAST]), ("fast", "fast", []), ("threads", "fast", [LAST, "--threads=3"]), ("strict", "fast", [LAST, "--strict"]))


def check_device(nfc, folder, all_cases, runtime, device, start, work, path):
    """What is wrong with the cases, whose model and inputs are in `folder`, on a device; see compiled.by_device()."""
    wrong = []
    for way, how, options in WAYS:
        if start and how == "san":
            continue
        sources = os.path.join(work, way)
        call([nfc, "build", os.path.join(folder, "dots.nfg"), "--device", path, "--emit=sources", "-o", sources] + options)
        wrong += ["%s: %s" % (way, w) for w in looks_wrong(device, sources, all_cases, LAST in options)]
        program = emulated(sources) if start else compiled.program(sources, how, runtime)
        results = run_way(program, folder, os.path.join(work, "results-" + way), all_cases, start)
        wrong += ["%s: %s: %s" % (way, name, w) for name, w in results.items() if w]
    return wrong


def emulated(sources):
    """By the emitted Makefile: with the device's own compiler."""
    call(["make", "-C", sources])
    return os.path.join(sources, "dots")


def main():
    nfc, work = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    all_cases = cases.all_cases()
    write_model(work, all_cases)
    check = functools.partial(check_device, nfc, work, all_cases, compiled.Runtime(work))
    return compiled.by_device("dots", devices(), work, len(all_cases), check)


sys.exit(main())
