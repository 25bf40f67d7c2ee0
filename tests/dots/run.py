"""Products of bytes (cases.py) as C, against NumPy.

usage: run.py NFC WORK
Each device makes one program of all graphs: without optimisation, with sanitizers, and with all optimisation, of three
threads, and with --strict. All must give the numbers themselves. Where the device has dot products, kernels must use them,
and no others may."""
import concurrent.futures as futures
import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path += [os.path.join(ROOT, "tests", folder) for folder in ("emit", "ops")]
import cases  # noqa: E402
import compiled  # noqa: E402
import tensor_file  # noqa: E402


def write_model(folder, all_cases):
    """dots.nfg, and dots.safetensors with the constants."""
    tensor_file.save(os.path.join(folder, "dots.safetensors"), {"%s.%s" % (c.name, n): a for c in all_cases for n, a in c.constants.items()})
    for c in all_cases:
        for n, a in c.inputs.items():
            np.save(os.path.join(folder, "%s.%s.npy" % (c.name, n)), a)
    with open(os.path.join(folder, "dots.nfg"), "w") as f:
        f.write('model "dots.safetensors";\n\n' + "".join(c.text() for c in all_cases))


def shipped(name):
    with open(os.path.join(ROOT, "devices", name + ".json")) as f:
        return json.load(f)


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
    """(description, what the processor must have, what the programs are started by)"""
    for types, bits in (("u8_i8", 128), ("i8_i8", 256), ("u8_u8", 64)):
        yield made(types, bits), None, []
    yield shipped("x86-avx512-vnni"), "avx512_vnni", []
    yield shipped("generic"), None, []
    for name in ("aarch64-dotprod", "aarch64-sve256"):
        d = shipped(name)
        yield d, None, d["compiler"]["run"]


def call(command, **more):
    p = subprocess.run([str(c) for c in command], capture_output=True, text=True, **more)
    if p.returncode:
        raise RuntimeError("%s\n%s" % (" ".join(map(str, command)), p.stderr[-3000:]))
    return p.stdout


def kernels_of(source):
    """name of a kernel -> its text"""
    with open(source) as f:
        text = f.read()
    return dict(re.findall(r"^(?:static )?void (\w+)\([^)]*\)\n(\{\n.*?^\})", text, flags=re.M | re.S))


def looks_wrong(device, folder, all_cases, layout):
    """Graphs whose products are dot products though the device has none, or are not though it has them."""
    with open(os.path.join(folder, "report.json")) as f:
        graphs = {g["name"]: [k["name"] for k in g["kernels"]] for g in json.load(f)["graphs"]}
    kernels, wrong = kernels_of(os.path.join(folder, "dots.c")), []
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


def check_device(nfc, device, folder, all_cases, runtime, start):
    work = os.path.join(folder, device["name"])
    os.makedirs(work)
    path = os.path.join(work, "device.json")
    with open(path, "w") as f:
        json.dump(device, f)
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
    runtime = compiled.Runtime(work)
    with open("/proc/cpuinfo") as f:
        features = set(f.read().split())
    passed = failed = 0
    unable, jobs = [], []
    with futures.ThreadPoolExecutor(2) as pool:
        for device, needs, start in devices():
            tool = next((t for t in [device["compiler"]["command"]] + start[:1] if not shutil.which(t)), None)
            if needs and needs not in features:
                unable.append("%s: the processor has no %s" % (device["name"], needs))
            elif tool:
                unable.append("%s: there is no %s" % (device["name"], tool))
            else:
                jobs.append((device["name"], pool.submit(check_device, nfc, device, work, all_cases, runtime, start)))
        for name, job in jobs:
            wrong = job.result()
            for w in wrong:
                print("FAILED dots: %s: %s" % (name, w))
            failed += len(wrong)
            passed += max(0, len(all_cases) - len(wrong))
    if failed == 0 and unable:
        print("tests/dots: NOT TESTED: " + "; ".join(unable))
        return 77
    print("tests/dots: %d passed, %d failed" % (passed, failed))
    return failed > 0


sys.exit(main())
