"""check.py NFC SHIPPED: what holds for every key of the table, and for every shipped device.

Prints each failure, and last "PASSED FAILED".
"""
import copy
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from shipped import shipped

NFC, SHIPPED = sys.argv[1], pathlib.Path(sys.argv[2])
HERE = pathlib.Path(__file__).resolve().parent
FULL = json.loads((HERE / "full.json").read_text())
WORK = pathlib.Path(tempfile.mkdtemp())
passed = failed = 0


def check(ok, what):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print(f"FAILED {what}")


def devices(*arguments):
    r = subprocess.run([NFC, "devices", *arguments], capture_output=True, text=True)
    return r.returncode, r.stdout, r.stderr


def load(tree):
    path = WORK / "device.json"
    path.write_text(json.dumps(tree, indent=1))
    return devices(str(path))


def rows():
    """The table of --schema: pointer, kind, default."""
    for line in devices("--schema")[1].splitlines():
        cell = [c.strip() for c in line.strip("|").split("|")]
        if cell[0].startswith("`/"):
            yield cell[0].strip("`"), cell[1].split(" by ")[0], cell[3]


def places(tree, path):
    """(container, key, pointer) of each place in the tree that a path of the table means."""
    found = [(None, None, tree, "")]
    for part in path.strip("/").split("/"):
        step = []
        for _, _, node, pointer in found:
            if part == "*":
                step += [(node, i, node[i], f"{pointer}/{i}") for i in range(len(node))]
            elif part in node:
                step.append((node, part, node[part], f"{pointer}/{part}"))
        found = step
    return [(inside, key, pointer) for inside, key, _, pointer in found]


VALUES = {"object": {}, "list": [], "string": "x", "integer": 1, "float": 1.5, "boolean": True, "null": None}
TAKES = {"object": ["object"], "list of objects": ["list"], "list of words": ["list"], "list of element types": ["list"],
         "integer": ["integer"], "power of two": ["integer"], "number": ["integer", "float"], "boolean": ["boolean"],
         "name": ["string"], "text": ["string"], "word": ["string"], "choice": ["string"]}


def check_kinds(path, kind):
    for other, value in VALUES.items():
        if other in TAKES[kind]:
            continue
        tree = copy.deepcopy(FULL)
        inside, key, pointer = places(tree, path)[-1]
        inside[key] = value
        status, out, err = load(tree)
        told = re.search(r"device\.json:\d+:\d+: error\[NFC0604\]: " + re.escape(pointer) + ": ", err)
        check(status == 1 and not out and told, f"{path} as {other}: {status} {err}")


TILES = [f"/units/*/tiles/{key}" for key in ("registers", "rows", "bytes", "instructions")]  # go together


def check_absence(path, default):
    tree = copy.deepcopy(FULL)
    inside, key, pointer = places(tree, path)[-1]
    del inside[key]
    status, _, err = load(tree)
    if default == "required":
        told = re.search(r"error\[NFC0603\]: " + re.escape(pointer) + ": ", err)
        check(status == 1 and told and err.count("error[") == 1, f"{path} left out: {status} {err}")
    elif path == "/units/*/vector_bits" or path == "/units/*/vector_registers":
        check(status == 1 and "error[NFC0606]" in err, f"{path} left out: {status} {err}")
    elif path in TILES:
        check(status == 1 and "error[NFC0606]" in err, f"{path} left out: {status} {err}")
    elif path in ("/runs_on", "/units/*/levels/*/bytes"):
        check(status == 0, f"{path} left out: {status} {err}")
    else:
        check(status == 0 and not err, f"{path} left out: {status} {err}")


def check_defaults(table):
    """What the table calls the default does the same written as left out."""
    tree = copy.deepcopy(FULL)
    tree["target"]["types"] = ["f32", "i32"]
    tree["preferences"]["precision"] = "f32"
    for path, kind, default in table:
        if not default.startswith("`") or "*" in path or path == "/target/types":
            continue
        with_it, without = copy.deepcopy(tree), copy.deepcopy(tree)
        word = default.strip("`")
        inside, key, _ = places(with_it, path)[0]
        inside[key] = word if kind in ("word", "choice") else json.loads(word)
        inside, key, _ = places(without, path)[0]
        del inside[key]
        one, other = load(with_it), load(without)
        check(one[0] == 0 and one == other, f"default of {path}: {one} {other}")


def check_types():
    tree = copy.deepcopy(FULL)
    del tree["target"]["types"]
    absent = load(tree)
    every = re.search(r"^  types +(.*)$", absent[1], re.M).group(1).split()
    tree["target"]["types"] = every
    check(len(every) == 25 and load(tree) == absent, "default of /target/types")


def check_shown():
    """Each value of full.json is seen in what is printed of it, so that none is lost on the way."""
    status, out, err = load(FULL)
    check(status == 0 and not err, f"full.json: {err}")
    for word in """full every key that there is|backend c|cc -std=c11 -O2 -ffp-contract=off|archiver ar|linked with -lm|
            run by env A=b|64-bit pointers, little-endian, arena aligned to 64 B|C library: programs|the machine's|
            types f32 f16 bf16 i64 i32 bool|unit little, 4 cores of 1000 MHz|unit big, 2 cores of 2000.5 MHz; runs|
            2 f32 operations a cycle: 2 GFLOP/s a core, 8 together|16 f32 operations a cycle: 32.008 GFLOP/s|
            32 registers of 128 bits|L1 32 KiB, of one core, 50 GB/s|L2 1 MiB, shared by 2 cores, 25 GB/s|
            memory 1 GiB, shared by 6 cores, 3.5 GB/s|flags -funroll-loops|arena 1 MiB, weights 16 MiB, stack 64 KiB|
            auto, arrays up to 1 KiB, f32 ones of contractions in f16|roundings exact|
            threads 2, which take 2.5 us to begin and end together""".split("|"):
        plain = " ".join(out.replace("full: ", "full ").split())
        check(" ".join(word.split()) in plain, f"'{word.strip()}' in what is shown of full.json")
    other = {"/target/byte_order": ("big", "big-endian"), "/target/libm": (False, "in software"),
             "/preferences/fast_math": (True, "may change"), "/preferences/weights": ("incbin", "incbin, f32"),
             "/preferences/threads": (1, "roundings"), "/target/pointer_bits": (32, "32-bit pointers"), "/runs_on": ("little", "1000 MHz; runs")}
    for path, (value, seen) in other.items():
        tree = copy.deepcopy(FULL)
        inside, key, _ = places(tree, path)[0]
        inside[key] = value
        status, out, err = load(tree)
        check(status == 0 and seen in out, f"{path} = {value}: {err or out}")


def check_shipped():
    files = sorted(p.stem for p in SHIPPED.glob("*.json"))
    status, out, err = devices()
    listed = [line.split()[0] for line in out.splitlines()[1:]]
    check(status == 0 and not err and sorted(listed) == sorted([*files, "host"]), f"nfc devices lists {listed}, there are {files}")
    for name in files:
        status, carried, err = devices(name)
        check(status == 0 and not err and carried.startswith(name + ": "), f"{name}: {err}")
        status, read, err = devices(str(SHIPPED / f"{name}.json"))
        check(status == 0 and read == carried, f"{name}: the file and what nfc carries differ")
        flags = shipped(NFC, name)["compiler"]["flags"]
        check("-ffp-contract=off" in flags, f"{name}: results would depend on the machine")


def check_compilers():
    """Where its compiler is at hand, each unit's command line is one that it takes."""
    source = WORK / "try.c"
    source.write_text("int main(void) { volatile float x = 2; return __builtin_sqrtf(x) > 1 ? 0 : 1; }\n")
    for path in sorted(SHIPPED.glob("*.json")):
        d = shipped(NFC, path.stem)
        c, hosted = d["compiler"], d["target"]["libc"]
        native = not path.stem.startswith("x86-") or os.uname().machine == "x86_64"
        if not native or subprocess.run(["sh", "-c", f"command -v {c['command']}"], capture_output=True).returncode:
            print(f"left out: no compiler for {path.stem} here")
            continue
        for u in d["units"]:
            command = [c["command"], "-std=" + c["standard"], *c["flags"], *u.get("flags", []), str(source)]
            end = ["-o", str(WORK / "try"), *c.get("link", [])] if hosted else ["-c", "-o", str(WORK / "try.o")]
            r = subprocess.run(command + end, capture_output=True, text=True)
            check(r.returncode == 0 and not r.stderr, f"{path.stem} {u['name']}: {r.stderr}")


C_TYPES = {"f64": "double", "f32": "float", "f16": "uint16_t", **{f"{u}i{b}".replace("ui", "u"): f"{u}int{b}_t" for u in ("", "u") for b in (8, 16, 32, 64)}}


def vector(t, lanes):
    return C_TYPES[t] if lanes == 1 else f"vector_{t}_{lanes}"


def spelled(i):
    """A function that has nothing but the instruction, as the emitted source has it, and the types that it needs."""
    of, mask, lanes, (way, _, narrow) = i["type"], "i" + i["type"][1:], i["lanes"], i["op"].partition("_")
    narrow = narrow if narrow in C_TYPES and narrow[0] in "iu" else "u16"
    count = 3 if i["op"] in ("fma", "select") or i["op"].startswith("dot_") else 2 if i["op"] in ("add", "sub", "mul", "div", "min", "max", "atmost", "atleast", "scale", "lookup") else 1
    types = [mask if i["op"] == "select" and k == 0 else narrow if way == "from" else of for k in range(count)]
    gives = narrow if way == "to" else of
    lines = [f"typedef {C_TYPES[t]} {vector(t, lanes)} __attribute__((vector_size({lanes} * sizeof({C_TYPES[t]}))));" for t in {of, mask, narrow} if lanes > 1]
    text = re.sub(r"\$(\d)", lambda m: "abc"[int(m[1])], i["text"])
    name = f"try_{i['op']}_{of}_{lanes}"
    function = f"{vector(gives, lanes)} {name}({', '.join(f'{vector(t, lanes)} {p}' for t, p in zip(types, 'abc'))})"
    cast = f"({vector(gives, lanes)})" if lanes > 1 else ""
    return lines, [function + ";", function + f" {{ return {cast}{text}; }}"]


def check_instructions():
    """Where its compiler is at hand, it takes what each instruction is spelled as."""
    for path in sorted(SHIPPED.glob("*.json")):
        d = shipped(NFC, path.stem)
        c = d["compiler"]
        native = not path.stem.startswith("x86-") or os.uname().machine == "x86_64"
        if not native or subprocess.run(["sh", "-c", f"command -v {c['command']}"], capture_output=True).returncode:
            continue
        for u in (u for u in d["units"] if u.get("instructions")):
            both = [spelled(i) for i in u["instructions"]]
            includes = [f"#include <{h}>" for h in ["stdint.h", *u.get("headers", [])]]
            lines = includes + sorted({line for types, _ in both for line in types}) + [line for _, body in both for line in body]
            source = WORK / "instructions.c"
            source.write_text("\n".join(lines) + "\n")
            command = [c["command"], "-std=" + c["standard"], *c["flags"], *u.get("flags", []), "-Wall", "-Wextra", "-Wpedantic", "-c", "-o", str(WORK / "try.o"), str(source)]
            r = subprocess.run(command, capture_output=True, text=True)
            check(r.returncode == 0 and not r.stderr, f"{path.stem} {u['name']}: {r.stderr}")


def check_probe():
    status, out, err = devices("--probe")
    check(status == 0 and not err, f"--probe: {err}")
    tree = json.loads(out)
    status, shown, err = load(tree)
    check(status == 0 and not err and "runs the program" in shown, f"what --probe prints: {err}")
    cores = sum(u["cores"] for u in tree["units"])
    check(1 <= cores <= os.cpu_count(), f"--probe finds {cores} cores of {os.cpu_count()} processors")
    for u in tree["units"]:
        check(100 <= u["clock_mhz"] <= 10000, f"a clock of {u['clock_mhz']} MHz")
        check(u["levels"][-1]["name"] == "memory" and 0.05 < u["levels"][-1]["gb_per_s"] < 5000, f"memory: {u['levels']}")
        if os.uname().machine in ("x86_64", "aarch64"):
            check(u.get("vector_bits", 0) >= 128, "vectors of this machine")
    name = tree["description"].split(":")[0]
    of = shipped(NFC, name)
    check(tree["compiler"]["flags"] == of["compiler"]["flags"] and tree["compiler"]["command"] == "cc", f"--probe keeps the flags of {name}")
    for key in ("instructions", "vector_bits", "vector_registers", "flops_per_cycle"):
        check(tree["units"][0].get(key) == of["units"][0].get(key), f"--probe keeps the {key} of {name}")
    said = devices("host")[1]
    check(said == devices("host")[1] and said.startswith(f"host: {name}"), f"host is the same each time: {said}")


def check_document():
    shown = (SHIPPED / "SCHEMA.md").read_text()
    table = shown.split("<!-- keys -->\n")[1].split("<!-- end -->")[0]
    check(table == devices("--schema")[1], "SCHEMA.md: 'NFC_BLESS=1 tests/devices/run.sh' brings the table up to date")


def bless_document():
    path = SHIPPED / "SCHEMA.md"
    before, rest = path.read_text().split("<!-- keys -->\n")
    after = rest.split("<!-- end -->")[1]
    path.write_text(before + "<!-- keys -->\n" + devices("--schema")[1] + "<!-- end -->" + after)


if os.environ.get("NFC_BLESS"):
    bless_document()
table = list(rows())
check(len(table) > 40, "the table of keys is not empty")
table = [row for row in table if row[0] != "/base"]  # base.py
for path, kind, default in table:
    here = places(copy.deepcopy(FULL), path)
    check(here, f"{path} stands in full.json")
    if here:
        check_kinds(path, kind)
        check_absence(path, default)
check_defaults(table)
check_types()
check_shown()
check_shipped()
check_compilers()
check_instructions()
check_probe()
check_document()
print(passed, failed)
