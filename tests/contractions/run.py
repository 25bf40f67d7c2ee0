"""Products and convolutions of ragged shapes (cases.py) as C, against NumPy in f64.

usage: run.py NFC WORK
Each device makes one program of all graphs: without optimisation, with sanitizers, and with all optimisation; both must give
the same bits, and so must one of three threads, with some optimisation. Where caches are small, reductions run in blocks, and rows are read from
either end in turn. Kernels must read a constant as it was packed, never element by element from its old place, and ask for
it ahead where the device's description says how; however many tiles and edges they have, they are not longer than
MOST_LINES, and the verifier follows all of them."""
import functools
import os
import re
import sys

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path += [os.path.join(ROOT, "tests", folder) for folder in ("emit", "ops")]
import cases  # noqa: E402
import compiled  # noqa: E402
import tensor_file  # noqa: E402
from compiled import call, graphs_of, kernels_of  # noqa: E402
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "devices"))
from shipped import shipped  # noqa: E402

MOST_LINES = 280
LAST = (("last", "fast", 1),)  # channels lie side by side, which changes roundings


def write_model(folder, all_cases):
    """products.nfg, and products.safetensors with the constants."""
    arrays = {"%s.%s" % (c.name, n): (c.operands[n], c.types[n]) for c in all_cases for n in c.constants}
    tensor_file.save(os.path.join(folder, "products.safetensors"), {n: a for n, (a, _) in arrays.items()}, types={n: t for n, (_, t) in arrays.items()})
    with open(os.path.join(folder, "products.nfg"), "w") as f:
        f.write('model "products.safetensors";\n\n' + "".join(c.text() for c in all_cases))
    for c in all_cases:
        for n, a in c.operands.items():
            if n not in c.constants:
                np.save(os.path.join(folder, "%s.%s.npy" % (c.name, n)), a)


def small(nfc, name, vector_bits, registers, levels, **unit):
    """A device like generic whose caches hold next to nothing, so that all that works in blocks does."""
    d = shipped(nfc, "generic")
    d["name"] = name
    level = lambda i, size: {"name": "L%d" % (i + 1), "bytes": size, "ways": 4, "cores": 1}
    d["units"][0].update(vector_bits=vector_bits, vector_registers=registers, levels=[level(i, size) for i, size in enumerate(levels)] + [{"name": "memory", "cores": 1, "gb_per_s": 10}], **unit)
    return d


def devices(nfc):
    """As compiled.by_device() takes them."""
    yield small(nfc, "small", 128, 16, [2048, 16384], line_bytes=32, prefetch_bytes=160, cores=4), None, []
    yield small(nfc, "tiny", 64, 8, [512, 4096], loads_per_cycle=1, flops_per_cycle=2, cores=4, fork_us=0), None, []
    yield shipped(nfc, "x86-avx2"), "avx2", []
    yield shipped(nfc, "x86-avx512"), "avx512dq", []


def own_cache(device):
    """Bytes of the last cache that a core has for itself."""
    return max(level["bytes"] for level in device["units"][0]["levels"] if level.get("bytes") and level["cores"] == 1)


def schedules_of(folder):
    """name of a graph -> what the heads of its kernels say of their schedules"""
    with open(os.path.join(folder, "products.c")) as f:
        heads = dict(re.findall(r"^/\* (\w+): kernel \d+ of .*?schedule: (.*?) \*/", f.read(), flags=re.M | re.S))
    return {g: " ".join(heads[k] for k in names) for g, names in graphs_of(folder).items()}


# How many kernels must run in blocks of which kind, at least, on the devices whose caches hold next to nothing.
LEAST_BLOCKS = {"small": {"along k": 12, "tiles? along m": 5, "tiles? along n": 5, "along ci": 1}, "tiny": {"along k": 14, "tiles? along m": 9, "tiles? along n": 3, "along ci": 3}}
LEAST_OVERLAPS = {"small": 5, "tiny": 3, "x86-avx2": 5, "x86-avx512": 3}  # whose last vector does channels again that the one before it did
LEAST_PLANES = {"small": 6, "x86-avx2": 10, "x86-avx512": 11}  # that put planes with their borders into local arrays
LEAST_TURNS = {"small": 8, "tiny": 16}  # that read from either end in turn what these caches do not hold


def looks_wrong(device, folder, all_cases):
    """What must not stand in the emitted kernels."""
    graphs = graphs_of(folder)
    with open(os.path.join(folder, "products.c")) as f:
        sources = f.read()
    kernels, wrong, asked = kernels_of(os.path.join(folder, "products.c")), [], 0
    unit = device["units"][0]
    for name, said in re.findall(r"^/\* (\w+): kernel (?:(?!\*/).)*?not shown to be safe: ([^*]*)", sources, flags=re.M | re.S):
        wrong.append("%s is not followed: %s" % (name, said.strip()))
    longest = max(kernels, key=lambda k: kernels[k].count("\n"))
    if kernels[longest].count("\n") > MOST_LINES:
        wrong.append("%s has %d lines" % (longest, kernels[longest].count("\n")))
    heads = schedules_of(folder)
    blocks = [h for h in heads.values() if "in blocks of" in h]
    if device["name"] in LEAST_BLOCKS:
        for what, least in LEAST_BLOCKS[device["name"]].items():
            n = sum(bool(re.search(what, h)) for h in blocks)
            if n < least:
                wrong.append("only %d kernels are %s" % (n, what))
    for c in all_cases:
        if c.name.startswith("long") and device["name"] == "tiny" and (len(graphs[c.name]) > 1) != bool(c.cut):
            wrong.append("%s: has %d kernels" % (c.name, len(graphs[c.name])))
    turning = sum("from either end in turn" in h for h in heads.values())
    if turning < LEAST_TURNS.get(device["name"], 0):
        wrong.append("only %d kernels read from either end in turn" % turning)
    overlapping = 0
    for c in all_cases:
        text = "".join(kernels[k] for k in graphs[c.name])
        asked += "NF_PREFETCH" in text
        overlaps = bool(re.search(r"const \w+ \w+_0 = nf_min_\w+\(", text))
        overlapping += overlaps
        if overlaps and "r" in c.operands:
            wrong.append("%s: works out again what it may have replaced" % c.name)
        if {"b", "w"} & set(c.constants) and re.search(r"(nf_fma_|\+= ).*gather", text):
            wrong.append("%s: a constant is gathered" % c.name)
        if c.name.startswith(("quantised", "packed")) and "block_size=4," not in c.statement and not re.search(r" part(_\d+)?(\[\d+\])?( = |;)", text):
            wrong.append("%s: multiplies with the scale in each term" % c.name)
        if c.name.startswith(("quantised", "packed")) and len(graphs[c.name]) > 1:
            wrong.append("%s: makes all of its weights as f32" % c.name)
        turns = c.name.startswith("repeated") and c.operands["b"].nbytes > own_cache(device) / 2
        if turns != bool(re.search(r"for \(\w+ (\w+) = step\w* % 2 \? \d+ : 0; step\w* % 2 \? \1 >= 0 : \1 < \d+; \1 \+= step\w* % 2 \? -1 : 1\)", text)):
            wrong.append("%s: %s" % (c.name, "its weights are always read from the same end" if turns else "turns around"))
        if "NF_PREFETCH" in text and "line_bytes" not in unit:
            wrong.append("%s: asks ahead, by lines of unknown size" % c.name)
    if overlapping < LEAST_OVERLAPS[device["name"]]:
        wrong.append("only %d kernels have vectors that overlap" % overlapping)
    if "line_bytes" in unit and asked < 10:
        wrong.append("only %d kernels ask for what comes next" % asked)
    return wrong


def run_case(program, c, folder, out):
    given = [a for n in c.operands if n not in c.constants for a in ("--input", "%s=%s" % (n, os.path.join(folder, "%s.%s.npy" % (c.name, n))))]
    to = os.path.join(out, c.name)
    call([program, "--graph", c.name, "--output", to] + given)
    return np.load(os.path.join(to, "y.npy"))


def run_way(program, folder, out, all_cases):
    """{case: its result, or why there is none}"""
    os.makedirs(out)
    results = {}
    for c in all_cases:
        try:
            results[c.name] = run_case(program, c, folder, out)
        except RuntimeError as e:
            results[c.name] = str(e)
    return results


def check_device(nfc, folder, all_cases, runtime, device, _, work, path):
    """What is wrong with the cases, whose model and inputs are in `folder`, on a device; see compiled.by_device()."""
    wrong, results = [], {}
    for way, how, threads in (("san", "san", 1), ("fast", "fast", 1), ("threads", "some", 3)) + (LAST if device["name"] == "x86-avx2" else ()):
        sources = os.path.join(work, way)
        layout = ["--layout=channels-last"] if way == "last" else []
        call([nfc, "build", os.path.join(folder, "products.nfg"), "--device", path, "--threads", threads, "--emit=sources", "-o", sources] + layout)
        if way in ("san", "last"):
            wrong += looks_wrong(device, sources, all_cases)
        if way == "san":
            planes = sum("with their borders" in h for h in schedules_of(sources).values())
            if planes < LEAST_PLANES.get(device["name"], 0):
                wrong.append("only %d kernels put planes into local arrays" % planes)
            call([nfc, "build", os.path.join(folder, "products.nfg"), "--device", path, "--strict", "--emit=sources", "-o", os.path.join(work, "strict")])
            wrong += ["%s: --strict, %s" % (n, h) for n, h in schedules_of(os.path.join(work, "strict")).items() if "in blocks of" in h]
        results[way] = run_way(compiled.program(sources, how, runtime), folder, os.path.join(work, "results-" + way), all_cases)
    for c in all_cases:
        got = results["san"][c.name]
        said = got if isinstance(got, str) else c.wrong(got)
        if not said and "last" in results:
            other = results["last"][c.name]
            said = other if isinstance(other, str) else c.wrong(other)
        for way in ("fast", "threads"):
            other = results[way][c.name]
            if not said and (isinstance(other, str) or got.tobytes() != other.tobytes()):
                said = other if isinstance(other, str) else "other bits from %s" % way
        if said:
            wrong.append("%s: %s" % (c.name, said))
    return wrong


def main():
    nfc, work = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    all_cases = cases.all_cases()
    write_model(work, all_cases)
    check = functools.partial(check_device, nfc, work, all_cases, compiled.Runtime(work))
    return compiled.by_device("contractions", devices(nfc), work, lambda _: len(all_cases), check)


sys.exit(main())
