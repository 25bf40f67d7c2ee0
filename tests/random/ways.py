"""How a module of random graphs is compiled: for which devices, by which compilers, with which options."""
import json
import os
import random
import re
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "devices"))
from shipped import shipped  # noqa: E402

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
SAFE = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-sanitize=float-divide-by-zero"]
# compiler, flags; one of them. Naive loops show nothing more where they are made faster.
COMPILERS = [("gcc", ["-O1"] + WARNINGS), ("clang-14", ["-O1"]), ("gcc", ["-O2"]), ("clang-14", ["-O0", "-g1"] + SAFE)]
NAIVE = [("gcc", ["-O0"] + WARNINGS), ("clang-14", ["-O0"]), ("clang-14", ["-O1"]), ("clang-14", ["-O0", "-g1"] + SAFE)]
TUNED = ["x86-avx512", "x86-avx512", "small", "x86-avx2", "generic", "x86-sse2"]
# Options, and in how many of 100 modules.
OPTIONS = [("--layout=channels-last", 15), ("--layout=plain", 10), ("--threads=2", 15), ("--threads=3", 10), ("--winograd=f4", 10), ("--winograd=f2", 10),
           ("--chains=on", 10), ("--chains=all", 10), ("--chains=2", 5), ("--chains=off", 5), ("--strict", 12), ("--fast-math", 10)]
ROUNDING = {"--winograd", "--fast-math"}  # what --strict does not go with


def goes_with(option, others):
    kinds = {w.split("=")[0] for w in others}
    kind = option.split("=")[0]
    return kind not in kinds and not (kind == "--strict" and kinds & ROUNDING) and not (kind in ROUNDING and "--strict" in kinds)


def ways(number, work):
    """name -> (device, compiler, flags, options of the build): one naive, one scheduled."""
    r = random.Random("ways %d" % number)
    (compiler, flags), (other, others) = r.choice(COMPILERS), r.choice(NAIVE)
    device, options = r.choice(TUNED), []
    for option, share in OPTIONS:
        if r.randrange(100) < share and goes_with(option, options):
            options.append(option)
    path = lambda name: os.path.join(work, name + ".json")
    return {"naive": (path("naive"), other, others, []), "tuned": (path(device), compiler, flags, options)}


def write_devices(nfc, work):
    for name in ["naive"] + sorted(set(TUNED)):
        with open(os.path.join(work, name + ".json"), "w") as f:
            json.dump(device(nfc, name), f)


def device(nfc, name):
    """A description for here. naive: without vectors; small: with caches so small that small tensors do not fit in, for the
    blocks and orders of loops that large ones have elsewhere. Arrays of weights take the compilers longer than files."""
    d = shipped(nfc, {"naive": "c99-scalar", "small": "x86-avx512"}.get(name, name))
    d["name"] = name
    d.setdefault("preferences", {})["array_bytes"] = 8192
    if name == "naive":
        d["target"].update(libc=True, pointer_bits=64)
        d["compiler"]["flags"] = [f for f in d["compiler"]["flags"] if f != "-ffreestanding"]
    for level, kib in zip(d["units"][0].get("levels", []), (2, 16, 64)) if name == "small" else []:
        level["bytes"] = kib * 1024
        if "ways" in level:
            level["ways"] = 4
    return d


def schedules(path, device, keys, number):
    """Any schedule for each kernel: those that it cannot have are left out by the compiler."""
    with open(path, "w") as f:
        f.write("nfc-schedules 1\ndevice %s\n" % os.path.basename(device)[:-len(".json")])
        for key in keys:
            r = random.Random("%s %d" % (key, number))
            rows = r.choice([1, 1, 2, 3, 4, 5, 8])
            down = r.randrange(-1, 4) if rows == 1 else r.randrange(0, 4)
            numbers = (r.choice([2, 4, 8, 16]), r.randrange(0, 4), r.choice([1, 1, 2, 3]), rows, down, r.randrange(0, 2) if down >= 0 else 0, r.choice([0, 0, 1, 2, 3]))
            f.write("kernel %s lanes %d along %d vectors %d rows %d down %d outside %d unroll %d\n" % ((key,) + numbers))


# ---- what was reached --------------------------------------------------------------------------------

def made_ops(report):
    return {op for k in report["kernels"] for op in re.findall(r"\w+", k["ops"])}


def schedules_of(report):
    return [k.get("schedule") or "" for k in report["kernels"]]


# What of the compiler graphs of many seeds must reach, as the report of a build shows it: has(a graph's report, its own ops).
REACHED = {
    "Winograd": lambda r, own: "winograd_input" in made_ops(r) - own,
    "attention of steps": lambda r, own: "sdpa" in made_ops(r) - own,
    "blocks of keys": lambda r, own: any(re.search(r"; blocks of \d+ keys", s) for s in schedules_of(r)),
    "chains": lambda r, own: bool(r["chains"]),
    "tiles": lambda r, own: any(s.startswith("tiles") for s in schedules_of(r)),
}


def reached(out, own):
    """[what] of the graphs of a build; own: the ops of each graph by its name."""
    with open(os.path.join(out, "report.json")) as f:
        graphs = json.load(f)["graphs"]
    return [what for g in graphs for what, has in REACHED.items() if has(g, own[g["name"]])]
