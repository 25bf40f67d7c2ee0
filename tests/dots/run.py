"""Products of bytes (cases.py) and of bf16 (floats.py) as C, against NumPy.

usage: run.py NFC WORK
Each device makes one program of all graphs: without optimisation, with sanitizers, with all optimisation and, with less,
of three threads and with --strict. All must give the numbers themselves, of floats within the bound that floats.py states. Graphs of
f32 make another one, with --precision=bf16. Where the device has dot products, kernels must use them, and no others may;
those of floats are not strict."""
import functools
import json
import os
import re
import sys

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path += [os.path.join(ROOT, "tests", folder) for folder in ("emit", "ops")]
import cases  # noqa: E402
import compiled  # noqa: E402
import floats  # noqa: E402
import tensor_file  # noqa: E402
from compiled import call, graphs_of, kernels_of  # noqa: E402
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "devices"))
from shipped import shipped  # noqa: E402


class Model:
    """Graphs that make one program, in so many ways: (name, how it is compiled, options)."""

    def __init__(self, name, all_cases, ways):
        self.name, self.cases, self.ways = name, all_cases, ways

    def write(self, folder):
        """NAME.nfg, NAME.safetensors with the constants, and the inputs."""
        tensor_file.save(os.path.join(folder, self.name + ".safetensors"), {"%s.%s" % (c.name, n): a for c in self.cases for n, a in c.constants.items()})
        for c in self.cases:
            for n, a in c.inputs.items():
                np.save(os.path.join(folder, "%s.%s.npy" % (c.name, n)), a)
        with open(os.path.join(folder, self.name + ".nfg"), "w") as f:
            f.write('model "%s.safetensors";\n\n' % self.name + "".join(c.text() for c in self.cases))


def element(operand, number, signed):
    """Byte `number` of the words of an operand, in operators of GCC's vectors."""
    if signed:
        return "(%s << %d >> 24)" % (operand, 24 - 8 * number) if number < 3 else "(%s >> 24)" % operand
    return "(%s >> %d & 255)" % (operand, 8 * number) if number else "(%s & 255)" % operand


def made(nfc, types, bits):
    """A device like generic with a dot product of these types, which C says: any machine runs it."""
    d = shipped(nfc, "generic")
    a, b = types.split("_")
    d["name"] = "words-%s-%d" % (types.replace("_", "-"), bits)
    products = ["%s * %s" % (element("$0", i, a == "i8"), element("$1", i, b == "i8")) for i in range(4)]
    row = {"op": "dot_" + types, "type": "i32", "lanes": bits // 32, "text": " + ".join(["$2"] + products)}
    d["units"][0].update(vector_bits=bits, vector_registers=16, instructions=[row], cores=4)
    return d


def made_of_floats(nfc):
    """The same with one of bf16."""
    d = shipped(nfc, "generic")
    d["name"] = "words-bf16"
    high, low = "(nf_f32x4)($%d & -65536)", "(nf_f32x4)($%d << 16)"
    row = {"op": "dot_bf16_bf16", "type": "f32", "lanes": 4, "text": "$2 + (%s * %s + %s * %s)" % (low % 0, low % 1, high % 0, high % 1)}
    d["units"][0].update(vector_bits=128, vector_registers=16, instructions=[row], cores=4)
    return d


def devices(nfc):
    """As compiled.by_device() takes them."""
    for types, bits in (("u8_i8", 128), ("i8_i8", 256), ("u8_u8", 64)):
        yield made(nfc, types, bits), None, []
    yield made_of_floats(nfc), None, []
    yield shipped(nfc, "x86-avx512-vnni"), "avx512_vnni", []
    yield shipped(nfc, "x86-avx512-bf16"), "avx512_bf16", []
    yield shipped(nfc, "generic"), None, []
    for name, needs in (("x86-sse2", None), ("x86-avx2", "avx2"), ("x86-avx512", "avx512dq")):
        yield shipped(nfc, name), needs, []
    for name in ("aarch64-neon", "aarch64-dotprod", "aarch64-sve256", "aarch64-bf16", "aarch64-i8mm"):
        d = shipped(nfc, name)
        yield d, None, d["compiler"]["run"]


def types_of_dots(device):
    return {t for i in device["units"][0].get("instructions", []) if i["op"].startswith("dot_") for t in i["op"].split("_")[1:]}


def models_for(device, models):
    """Those of bytes where bytes are all that it multiplies, those of floats where it multiplies these, too; without
    instructions all."""
    has = types_of_dots(device)
    return [m for m in models if not has or (m.name == "dots") == ("bf16" not in has)]


def looks_wrong(device, folder, model, options):
    """Graphs whose products are dot products though the device has none, or are not though it has them."""
    graphs, kernels, wrong = graphs_of(folder), kernels_of(os.path.join(folder, model.name + ".c")), []
    has = types_of_dots(device) - ({"bf16"} if "--strict" in options else set())
    for c in model.cases:
        used = {t for k in graphs[c.name] for dot in re.findall(r"nf_dot_(\w+?_\w+?)_", kernels[k]) for t in dot.split("_")}
        side_by_side = {"conv": LAST in options, "transformer": LAST not in options}.get(c.name.split("_")[0], True)
        if used - has or has & c.fast and not used and side_by_side:
            wrong.append("%s: %s" % (c.name, "a dot product" if used else "no dot product"))
    return wrong + ([] if options else ["%s: %s" % w for w in apart_otherwise(folder)])


def apart_otherwise(folder):
    """Graphs of which each place has one product, of an input, whose vectors are not along the channels."""
    with open(os.path.join(folder, "report.json")) as f:
        kernels = [(g["name"], k) for g in json.load(f)["graphs"] if g["name"].startswith("apart") for k in g["kernels"] if k["ops"].startswith("conv_integer")]
    for name, kernel in kernels:
        if not re.search(r"vectors of \d+ along (g|co)\b", kernel["schedule"]):
            yield name, kernel["schedule"]


def run_case(program, c, folder, out, start):
    given = [a for n in c.inputs for a in ("--input", "%s=%s" % (n, os.path.join(folder, "%s.%s.npy" % (c.name, n))))]
    to = os.path.join(out, c.name)
    call(start + [program, "--graph", c.name, "--output", to] + given)
    return np.load(os.path.join(to, "y.npy"))


def run_way(program, folder, out, model, start, narrow):
    """{case: what is wrong with its result, or None}"""
    os.makedirs(out)
    wrong = {}
    for c in model.cases:
        try:
            wrong[c.name] = c.wrong(run_case(program, c, folder, out, start), narrow)
        except RuntimeError as e:
            wrong[c.name] = str(e)
    return wrong


LAST = "--layout=channels-last" # channels of one place must lie side by side for dot products
WAYS = (("san", "san", [LAST]), ("fast", "fast", []), ("threads", "most", [LAST, "--threads=3"]), ("strict", "some", [LAST, "--strict"]))


NARROW = tuple((way, how, options + ["--precision=bf16"]) for way, how, options in WAYS if way != "strict")


def check_model(nfc, folder, model, runtime, device, start, work, path):
    wrong, narrow = [], "bf16" in types_of_dots(device)
    for way, how, options in model.ways:
        if start and how == "san":
            continue
        sources = os.path.join(work, model.name, way)
        call([nfc, "build", os.path.join(folder, model.name + ".nfg"), "--device", path, "--emit=sources", "-o", sources] + options)
        wrong += ["%s: %s" % (way, w) for w in looks_wrong(device, sources, model, options)]
        program = made_by_itself(sources, model) if start and how == "fast" else compiled.program(sources, how, runtime, cross=bool(start))
        results = run_way(program, folder, os.path.join(work, model.name, "results-" + way), model, start, narrow)
        wrong += ["%s: %s: %s" % (way, name, w) for name, w in results.items() if w]
    return wrong


def check_device(nfc, folder, models, runtime, device, start, work, path):
    """What is wrong with the cases, whose models and inputs are in `folder`, on a device; see compiled.by_device()."""
    wrong = []
    for model in models_for(device, models):
        os.makedirs(os.path.join(work, model.name))
        wrong += check_model(nfc, folder, model, runtime, device, start, work, path)
    return wrong


def made_by_itself(sources, model):
    """By the emitted Makefile: with the device's own compiler and flags."""
    call(["make", "-C", sources])
    return os.path.join(sources, model.name)


def main():
    nfc, work = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    models = [Model("dots", cases.all_cases(), WAYS), Model("halves", floats.of_bf16(), WAYS), Model("narrow", floats.of_f32(), NARROW)]
    for model in models:
        model.write(work)
    check = functools.partial(check_device, nfc, work, models, compiled.Runtime(work))
    return compiled.by_device("dots", devices(nfc), work, lambda device: sum(len(m.cases) for m in models_for(device, models)), check)


sys.exit(main())
